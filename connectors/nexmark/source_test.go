package nexmark

import (
	"fmt"
	"os"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/conform"
)

// full asks for the sets of 10,000,000 events too.
var full = os.Getenv("MINK_ALL") != ""

func open(t testing.TB, o connect.Options) connect.Source {
	t.Helper()
	o["connector"] = "nexmark"
	if err := Connector.Check(o, nil); err != nil {
		t.Fatal(err)
	}
	s, err := Connector.Source(&connect.Table{Schema: Schema(), Physical: 4, Options: o})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The set of rows does not depend on how many splits share it, where readers are
// closed and opened again, or on batch sizes.
func TestSplitsAndPositions(t *testing.T) {
	want := set{[3]int{2_000, 6_000, 92_000}, 0x787488a0c895b714}
	for p := 1; p <= 4; p++ {
		s := open(t, connect.Options{"events.num": "100000"})
		splits, err := s.Splits(p)
		if err != nil || len(splits) != p {
			t.Fatal(splits, err)
		}
		var got set
		var b batch.Batch
		for i, sp := range splits {
			r, err := s.Open(sp, connect.ReaderCtx{})
			if err != nil {
				t.Fatal(err)
			}
			for poll := 0; ; poll++ {
				st, err := r.Poll(&b, []int{1, 4096, 77, 12_000}[poll%4])
				if err != nil {
					t.Fatal(err)
				}
				got.add(t, &b)
				if st == connect.End {
					break
				}
				if poll%5 == i {
					at := r.Position()
					if r, err = s.Open(at, connect.ReaderCtx{}); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if got != want {
			t.Errorf("parallelism %d: %v %016x", p, got.counts, got.sum)
		}
	}
}

func TestEndOfUnevenStreams(t *testing.T) {
	for _, c := range []struct {
		opts connect.Options
		want int
	}{
		{connect.Options{"events.num": "12345"}, 12345},
		{connect.Options{"events.num": "3"}, 3},
		{connect.Options{"events.num": "20000", "stop-at": "7001"}, 7001},
		{connect.Options{"events.num": "12345", "layout": "timelines"}, 12345},
	} {
		for p := 1; p <= 4; p++ {
			s := open(t, c.opts)
			if !s.Bounded() {
				t.Fatal("not bounded")
			}
			splits, _ := s.Splits(p)
			n := 0
			var b batch.Batch
			for _, sp := range splits {
				r, err := s.Open(sp, connect.ReaderCtx{})
				if err != nil {
					t.Fatal(err)
				}
				for st := connect.More; st == connect.More; {
					st, _ = r.Poll(&b, 1000)
					n += b.N
				}
			}
			if n != c.want {
				t.Errorf("%v at %d: %d events", c.opts, p, n)
			}
		}
	}
}

// Timelines begin at the base time each, with ids of their own.
func TestTimelines(t *testing.T) {
	s := open(t, connect.Options{"events.num": "10000", "layout": "timelines"})
	splits, _ := s.Splits(2)
	for p, sp := range splits {
		r, err := s.Open(sp, connect.ReaderCtx{})
		if err != nil {
			t.Fatal(err)
		}
		var b batch.Batch
		r.Poll(&b, 5000)
		// Split p begins with id 1 + p*5000 + 1, number 1 on a timeline of 5,000
		// events a second: 0.2 ms after the base. Both ids are 2 mod 50: auctions.
		if got := b.Cols[0].I32[0]; got != auction {
			t.Errorf("split %d begins with kind %d", p, got)
		}
		a := &b.Cols[2]
		id := int64(firstAuction + 5000/50*3*p + 1)
		if a.Kids[aID].I64[0] != id || a.Kids[aTime].I64[0] != 1436918400000 {
			t.Errorf("split %d: auction %d at %d", p, a.Kids[aID].I64[0], a.Kids[aTime].I64[0])
		}
		// The last one is number 5000: a whole second.
		bids := &b.Cols[3]
		last := len(bids.At) - 1
		if got := bids.Kids[bTime].I64[last]; p == 0 && got > 1436918401000 || got < 1436918400999 {
			t.Errorf("split %d ends at %d", p, got)
		}
	}
}

// A paced source gives each event when it is due, and never changes its time.
func TestPacing(t *testing.T) {
	now := int64(5_000_000)
	s := open(t, connect.Options{"max-emit-speed": "false", "first-event.rate": "1000", "next-event.rate": "1000", "events.num": "100", "keep-alive": "true"})
	if s.Bounded() {
		t.Error("kept alive, but bounded")
	}
	splits, _ := s.Splits(1)
	r, err := s.Open(splits[0], connect.ReaderCtx{Now: func() int64 { return now }})
	if err != nil {
		t.Fatal(err)
	}
	var b batch.Batch
	poll := func(wantRows int, wantStatus connect.Status, next int64) {
		t.Helper()
		st, err := r.Poll(&b, 4096)
		if err != nil || b.N != wantRows || st != wantStatus || r.NextAt() != next {
			t.Errorf("at %d: %d rows, status %d, next %d; want %d, %d, %d", now, b.N, st, r.NextAt(), wantRows, wantStatus, next)
		}
	}
	poll(1, connect.More, now+1) // event 0 is due at once
	poll(0, connect.Wait, now+1)
	now += 10
	poll(10, connect.More, now+1)
	at := r.Position()
	now += 3
	r, _ = s.Open(at, connect.ReaderCtx{Now: func() int64 { return now }})
	poll(1, connect.More, now+1) // after a restore the next event is due at once
	now += 500
	poll(88, connect.Wait, 0)
	poll(0, connect.Wait, 0)
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		opts connect.Options
		code diag.Code
	}{
		{connect.Options{"events.num": "-1"}, diag.InvalidOption},
		{connect.Options{"bid.proportion": "0"}, diag.InvalidOption},
		{connect.Options{"first-event.rate": "10", "next-event.rate": "20"}, diag.InvalidOption},
		{connect.Options{"base-time": "noon"}, diag.InvalidOption},
		{connect.Options{"out-of-order-group": "953"}, diag.InvalidOption},
		{connect.Options{"layout": "timelines"}, diag.InvalidOption},
	} {
		_, err := Connector.Source(&connect.Table{Schema: Schema(), Physical: 4, Options: c.opts})
		if diag.CodeOf(err) != c.code {
			t.Errorf("%v: %v", c.opts, err)
		}
	}
	for _, s := range []types.Schema{
		{field("nope", types.IntT)},
		{field("event_type", types.BigIntT)},
		{field("bid", types.RowT(field("auction", types.IntT)))},
		{field("bid", types.RowT(field("seller", types.BigIntT)))},
	} {
		if _, err := Connector.Source(&connect.Table{Schema: s, Physical: 1, Options: connect.Options{}}); diag.CodeOf(err) == "" {
			t.Errorf("%s: %v", s[0].Type, err)
		}
	}
	s := open(t, connect.Options{"events.num": "10"})
	for _, sp := range []connect.Split{{ID: "x"}, {ID: "timelines-00000-of-00001"}, {ID: splitID("striped", 2, 2)}, {ID: splitID("striped", 0, 1), Pos: []byte("?")}} {
		if _, err := s.Open(sp, connect.ReaderCtx{}); diag.CodeOf(err) != diag.Checkpoint {
			t.Errorf("%v: %v", sp, err)
		}
	}
}

// Declared columns may stand in any order, and some may be missing.
func TestSchemaByName(t *testing.T) {
	whole := Schema()
	s := types.Schema{field("bid", types.RowT(field("price", types.BigIntT), field("auction", types.BigIntT))), whole[0]}
	src, err := Connector.Source(&connect.Table{Schema: s, Physical: 2, Options: connect.Options{"events.num": "50"}})
	if err != nil {
		t.Fatal(err)
	}
	splits, _ := src.Splits(1)
	r, err := src.Open(splits[0], connect.ReaderCtx{})
	if err != nil {
		t.Fatal(err)
	}
	var b batch.Batch
	r.Poll(&b, 100)
	if got := fmt.Sprint(b.Cols[0].Any(4), b.Cols[0].Any(3), b.Cols[1].Any(4)); got != "[4005 1005] <nil> 2" {
		t.Error(got)
	}
}

func TestConforms(t *testing.T) {
	conform.Source(t, func() connect.Source { return open(t, connect.Options{"events.num": "130", "out-of-order-group": "7"}) })
	conform.Source(t, func() connect.Source {
		return open(t, connect.Options{"events.num": "120", "layout": "timelines", "max-emit-speed": "false", "materialize": "projected"})
	})
}
