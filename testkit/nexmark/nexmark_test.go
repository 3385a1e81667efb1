package nexmark

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/connectors/nexmark"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// full checks sets of a million events too.
var full = os.Getenv("MINK_ALL") != ""

// The naive evaluator and the known results, which were computed elsewhere, agree.
func TestNaiveGivesKnownResults(t *testing.T) {
	checkKnown(t, 100_000)
	if full {
		checkKnown(t, 1_000_000)
	}
}

func checkKnown(t *testing.T, n int) {
	events, err := Events(nexmark.Defaults(), n)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range Queries() {
		rows, ok := Naive(q.Name, events)
		wantRows, wantSum, known := Expected(q.Name, int64(n))
		if ok != known || known != (q.Check == Exact || q.Check == Arrival) {
			t.Errorf("%s: computed %v, known %v, check %v", q.Name, ok, known, q.Check)
			continue
		}
		if !ok {
			continue
		}
		if got, want := Checksum(rows), (Result{wantRows, wantSum}); got != want {
			t.Errorf("%s: %v, want %v", q.Name, got, want)
		}
		if (q.Name == "q15" || q.Name == "q4") && n == 100_000 {
			checkSpot(t, rows)
		}
		if q.Name == "q19" {
			for i, r := range rows {
				f := strings.Split(r, "|")
				rows[i] = f[0] + "|" + f[2] + "|" + f[len(f)-1]
			}
			wantRows, wantSum, _ = ExpectedTieFree(int64(n))
			if got, want := Checksum(rows), (Result{wantRows, wantSum}); got != want {
				t.Errorf("q19 without ties: %v, want %v", got, want)
			}
		}
	}
}

// checkSpot compares readable values.
func checkSpot(t *testing.T, rows []string) {
	if len(rows) == 1 {
		if want := "2015-07-15|92000|30601|30524|30875|1916|1747|1753|1746|5994|5521|5528|5475"; rows[0] != want {
			t.Errorf("q15 = %s, want %s", rows[0], want)
		}
		return
	}
	for _, want := range []string{"10|29693967", "11|28085540"} {
		if !slices.Contains(rows, want) {
			t.Errorf("q4 lacks %s: %v", want, rows)
		}
	}
}

func TestUpstreamBidderOffset(t *testing.T) {
	if !full {
		t.Skip("a million events: it runs with MINK_ALL=1")
	}
	cfg := nexmark.Defaults()
	cfg.BidderOffset = 2000
	events, err := Events(cfg, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	rows, _ := Naive("q23", events)
	if got, want := Checksum(rows), (Result{1188851, 0x5422181e18d16bd0}); got != want {
		t.Errorf("q23 = %v, want %v", got, want)
	}
}

func TestStatements(t *testing.T) {
	seen := map[string]bool{}
	for _, q := range Queries() {
		s := q.Script(Options{Source: map[string]string{"events.num": "100", "seed": "it's"}, Side: SideTable("/x/side.csv"), Sink: FileSink("/x/out")})
		if strings.Contains(s, "${") {
			t.Errorf("%s: something is left open:\n%s", q.Name, s)
		}
		for _, want := range []string{"'events.num' = '100'", "'seed' = 'it''s'", "INSERT INTO " + q.Table() + "\n", "CREATE TABLE " + q.Table() + " ("} {
			if !strings.Contains(s, want) {
				t.Errorf("%s: lacks %s:\n%s", q.Name, want, s)
			}
		}
		if got := strings.Contains(s, "PARTITIONED BY"); got != (q.Name == "q10") {
			t.Errorf("%s: partitioned %v", q.Name, got)
		}
		if seen[q.Name] || q.Summary == "" {
			t.Errorf("%s: twice, or without summary", q.Name)
		}
		seen[q.Name] = true
		if got, ok := Find(q.Name); !ok || got.Name != q.Name {
			t.Errorf("%s is not found", q.Name)
		}
	}
	if len(seen) != 24 {
		t.Errorf("%d queries", len(seen))
	}
	if _, ok := Find("q24"); ok {
		t.Error("q24 is found")
	}
	if b := SideInput(); !strings.HasPrefix(string(b), "0,0\n1,1\n") || !strings.HasSuffix(string(b), "\n9999,9999\n") {
		t.Error("side input")
	}
}

// A change and its opposite leave nothing, whoever folds them.
func TestFold(t *testing.T) {
	b := batch.NewBatchBuilder(types.BigIntT, types.BigIntT, types.DecimalT(23, 3), types.TimestampT(3), types.StringT)
	b.Row(batch.Insert, 1, 5, batch.DecOf(908), 1436918400000, "a")
	b.Row(batch.UpdateBefore, 1, 5, batch.DecOf(908), 1436918400000, "a")
	b.Row(batch.UpdateAfter, 1, 6, batch.DecOf(-1), 1436918400000, "b")
	b.Row(batch.Insert, 2, 7, batch.DecOf(12345), 1, nil)
	b.Row(batch.Delete, 2, 7, batch.DecOf(12345), 1, nil)
	changes := b.Finish()
	want := Checksum([]string{"1|6|-0.001|1436918400000|b"})
	var f Fold
	f.Write(changes)
	if f.Result() != want || f.Total() != 6 {
		t.Errorf("%v, total %d, want %v", f.Result(), f.Total(), want)
	}
	// By key, without the old rows.
	k := Fold{Key: []int{0}}
	changes.Sel = []uint16{0, 2, 3, 4}
	k.Write(changes)
	if k.Result() != want {
		t.Errorf("by key: %v, want %v", k.Result(), want)
	}
	part := Fold{Cols: []int{0, 4}}
	changes.Sel = nil
	part.Write(changes)
	if want := Checksum([]string{"1|b"}); part.Result() != want {
		t.Errorf("two columns: %v, want %v", part.Result(), want)
	}
}

func TestVerifier(t *testing.T) {
	v := NewVerifier()
	c := v.Connector()
	table := &connect.Table{Name: "`default_catalog`.`default_database`.`out`", Physical: 2, Options: connect.Options{"connector": "verify"}}
	s, err := c.Sink(table)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Changes(connect.Upsert); got != connect.Retract {
		t.Errorf("without a key it asks for %b", got)
	}
	row := func(a, n int) *batch.Batch {
		b := batch.NewBatchBuilder(types.BigIntT, types.BigIntT)
		b.Row(batch.Insert, a, n)
		return b.Finish()
	}
	open := func(attempt int64) connect.Writer {
		w, err := s.Open(connect.WriterCtx{Attempt: attempt})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	w1, w2 := open(1), open(1)
	w1.Write(row(1, 10))
	w2.Write(row(2, 20))
	states := [][]byte{w1.State(), w2.State()}
	w1.Write(row(3, 30)) // lost with the attempt
	w3 := open(2)
	if err := w3.Restore(states); err != nil {
		t.Fatal(err)
	}
	w3.Write(row(4, 40))
	got, total, ok := v.Result("out")
	if want := Checksum([]string{"1|10", "2|20", "4|40"}); got != want || total != 70 || !ok {
		t.Errorf("%v, total %d, want %v", got, total, want)
	}
	if _, _, ok := v.Result("other"); ok {
		t.Error("a result of nothing")
	}
	if err := w3.Restore([][]byte{{1}}); err == nil {
		t.Error("a damaged state is taken")
	}

	table.PrimaryKey = []int{0}
	if s, err = c.Sink(table); err != nil {
		t.Fatal(err)
	}
	if got := s.Changes(connect.Upsert); got != connect.Upsert {
		t.Errorf("with a key it asks for %b", got)
	}
	w4 := open(3)
	w4.Write(row(1, 1))
	w4.Write(row(1, 2))
	st := w4.State()
	w5 := open(4)
	w5.Restore([][]byte{st})
	w5.Write(row(1, 3))
	if got, _, _ := v.Result("out"); got != Checksum([]string{"1|3"}) {
		t.Errorf("by key: %v", got)
	}
}

func TestCountChar(t *testing.T) {
	r, err := CountChar.Infer(&function.Call{Args: make([]function.Arg, 2)})
	if err != nil {
		t.Fatal(err)
	}
	b := batch.NewBuilder(types.StringT)
	for _, v := range []any{"abcabc", nil, "", "cccccccccccccccccccc"} {
		b.AppendAny(v)
	}
	s := b.Finish()
	c := batch.ConstBytes(types.StringT, []byte("cx"))
	var dst batch.Col
	dst.Alloc(r.Result, 4)
	if err := r.Eval(nil, &dst, []*batch.Col{&s, &c}, 4, nil); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(dst.I64); got != "[2 0 0 20]" {
		t.Error(got)
	}
}
