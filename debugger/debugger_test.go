package debugger_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/trace"
)

var ctx = context.Background()

// order is a row of the table orders of the tests.
type order struct {
	id  int
	sku string
	amt int // cents
	at  string
}

// orders has a row that is filtered out (4) and one that comes too late (7).
var orders = []order{
	{1, "A-17", 1000, "11:54:01"}, {2, "B-02", 800, "11:54:03"}, {3, "A-17", 2100, "11:54:30"}, {4, "C-09", 0, "11:54:31"},
	{5, "A-17", 1250, "11:54:52"}, {6, "B-02", 300, "11:55:10"}, {7, "A-17", 500, "11:54:10"}, {8, "B-02", 400, "11:56:30"},
}

func cents(c int) string { return fmt.Sprintf("%d.%02d", c/100, c%100) }

func ordersCSV(list []order) string {
	var b strings.Builder
	for _, o := range list {
		fmt.Fprintf(&b, "%d,%s,%s,2026-08-22 %s\n", o.id, o.sku, cents(o.amt), o.at)
	}
	return b.String()
}

const ordersDDL = `CREATE TABLE orders (id BIGINT, sku STRING, amt DECIMAL(9,2), ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
WITH ('connector'='filesystem','path'='/in/orders.csv','format'='csv')`

const revenueSQL = `INSERT INTO revenue SELECT sku, window_start, window_end, SUM(amt) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
WHERE amt > 0 GROUP BY sku, window_start, window_end`

const revenueDDL = `CREATE TABLE revenue (sku STRING, window_start TIMESTAMP(3), window_end TIMESTAMP(3), total DECIMAL(38,2)) WITH ('connector'='blackhole')`

func config(e *env.Env) engine.Config {
	return engine.Config{Env: e, Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All()}
}

// open records the statements over files and opens the tape.
func open(t *testing.T, files map[string]string, settings map[string]string, statements ...string) *debugger.Debugger {
	t.Helper()
	return openOver(t, files, nil, settings, statements...)
}

// openOver opens the tape over files that have changed since; nil keeps the rows on the
// tape.
func openOver(t *testing.T, files, changed map[string]string, settings map[string]string, statements ...string) *debugger.Debugger {
	t.Helper()
	return openAt(t, env.OS("").Clock, files, changed, settings, statements...)
}

// openAt is openOver with a clock for the run that is recorded.
func openAt(t *testing.T, clock env.Clock, files, changed map[string]string, settings map[string]string, statements ...string) *debugger.Debugger {
	t.Helper()
	disk := env.NewMemDisk()
	for name, text := range files {
		put(t, disk, name, text)
	}
	e := env.OS("")
	e.Disk, e.Clock = disk, clock
	to, err := trace.Create(disk, "tape", trace.Manifest{Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	c := config(e)
	c.Record = &engine.Record{To: to, Embed: changed == nil, Full: true}
	eng, err := engine.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s := eng.NewSession()
	for k, v := range settings {
		if err := s.Set(k, v); err != nil {
			t.Fatal(err)
		}
	}
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, text := range statements {
		r, err := s.Execute(limit, text)
		if err != nil {
			t.Fatal(err)
		}
		if r.Job != nil {
			if r.Job.Collector != nil {
				r.Job.Collector.Close()
			}
			_ = r.Job.Wait(limit) // some are made to fail
		}
	}
	eng.Close()
	if err := eng.CloseTape(); err != nil {
		t.Fatal(err)
	}
	f, err := trace.Open(disk, "tape")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range changed {
		put(t, disk, name, text)
	}
	again := env.OS("")
	again.Disk = env.NewOverlay(disk)
	d, err := debugger.Open(ctx, config(again), nil, f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func put(t *testing.T, disk env.Disk, name, text string) {
	t.Helper()
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		if err := disk.MkdirAll(name[:i]); err != nil {
			t.Fatal(err)
		}
	}
	w, err := disk.Create(name)
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func revenue(t *testing.T) *debugger.Job {
	t.Helper()
	d := open(t, map[string]string{"/in/orders.csv": ordersCSV(orders)}, nil, ordersDDL, revenueDDL, revenueSQL)
	return d.Jobs[0]
}

func seek(t *testing.T, j *debugger.Job, to string) debugger.Stop {
	t.Helper()
	target, err := debugger.ParseTarget(to)
	if err != nil {
		t.Fatal(err)
	}
	st, err := j.Seek(ctx, target)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// texts are rows in text, kind and columns.
func texts(rows []debugger.Row) []string {
	var out []string
	for _, r := range rows {
		b, err := r.MarshalJSON()
		if err != nil {
			panic(err)
		}
		out = append(out, string(b))
	}
	return out
}

// entries are the entries of one structure of an operator, over all subtasks.
func entries(t *testing.T, j *debugger.Job, operator, name, where string) []string {
	t.Helper()
	tables, err := j.State(operator, where, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, x := range tables {
		if x.Name == name {
			out = append(out, texts(x.Rows)...)
		}
	}
	slices.Sort(out)
	return out
}

// sums are the panes that the first n orders that pass the filter leave open, worked out
// row by row.
func sums(n int) []string {
	type key struct{ sku, minute string }
	total, rows := map[key]int{}, map[key]int{}
	watermark := ""
	for _, o := range orders {
		if o.amt == 0 {
			continue
		}
		if n--; n < 0 {
			break
		}
		k := key{o.sku, o.at[:5]}
		if end := after(k.minute); watermark == "" || end > watermark {
			total[k] += o.amt
			rows[k]++
		}
		if wm := minus5(o.at); wm > watermark {
			watermark = wm
		}
	}
	var out []string
	for k, sum := range total {
		if after(k.minute) > watermark {
			out = append(out, fmt.Sprintf(`{"op":"+I","row":{"sku":%q,"pane_start":"2026-08-22 %s:00.000","rows":%d,"EXPR$3":"%s"}}`, k.sku, k.minute, rows[k], cents(sum)))
		}
	}
	slices.Sort(out)
	return out
}

func clock(text string) time.Time {
	v, err := time.Parse("15:04:05", text)
	if err != nil {
		panic(err)
	}
	return v
}

func after(minute string) string  { return clock(minute + ":00").Add(time.Minute).Format("15:04:05") }
func minus5(second string) string { return clock(second).Add(-5 * time.Second).Format("15:04:05") }

// Behind each record of a batch the state is that of the rows so far, forwards and
// backwards.
func TestStateByRecord(t *testing.T) {
	j := revenue(t)
	st := seek(t, j, "out=revenue#1") // the step that takes all rows
	if r := st.Step.Record; r == nil || r.Of != 7 {
		t.Fatalf("the step has %+v, wanted 7 records", r)
	}
	check := func(n int) {
		t.Helper()
		if got, want := entries(t, j, "WindowAggregate", "panes", ""), sums(n); !slices.Equal(got, want) {
			t.Errorf("at %s, behind %d records: %q, wanted %q", j.Position(), n, got, want)
		}
	}
	check(7)
	for n := 6; n > 0; n-- {
		if _, err := j.Step(ctx, debugger.ByRecord, -1); err != nil {
			t.Fatal(err)
		}
		check(n)
	}
	for n := 2; n <= 7; n++ {
		if _, err := j.Step(ctx, debugger.ByRecord, 1); err != nil {
			t.Fatal(err)
		}
		check(n)
	}
	if got := entries(t, j, "WindowAggregate", "panes", "sku = 'B-02' AND pane_start > TIMESTAMP '2026-08-22 11:55:30'"); len(got) != 1 || !strings.Contains(got[0], `"4.00"`) {
		t.Errorf("the condition leaves %q", got)
	}
}

// Each write of an entry is told with the row that made it.
func TestHistory(t *testing.T) {
	j := revenue(t)
	seek(t, j, "end")
	writes, err := j.History(ctx, "WindowAggregate", "sku = 'A-17'", 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range writes {
		line := ""
		if w.Cause != nil {
			line = texts([]debugger.Row{*w.Cause})[0]
		}
		if w.After != nil {
			line += " -> " + texts([]debugger.Row{*w.After})[0]
		} else {
			line += " -> gone"
		}
		got = append(got, line)
	}
	row := func(sku, amt, at string) string {
		return fmt.Sprintf(`{"op":"+I","row":{"sku":%q,"amt":%q,"ts":"2026-08-22 %s.000"}}`, sku, amt, at)
	}
	entry := func(rows int, sum string) string {
		return fmt.Sprintf(` -> {"op":"+I","row":{"sku":"A-17","pane_start":"2026-08-22 11:54:00.000","rows":%d,"EXPR$3":%q}}`, rows, sum)
	}
	want := []string{
		row("A-17", "10.00", "11:54:01") + entry(1, "10.00"),
		row("A-17", "21.00", "11:54:30") + entry(2, "31.00"),
		row("A-17", "12.50", "11:54:52") + entry(3, "43.50"),
		row("B-02", "3.00", "11:55:10") + " -> gone", // its time moved the watermark
	}
	if !slices.Equal(got, want) {
		t.Errorf("the history is\n%s\nwanted\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The forms of a position lead to where they say.
func TestSeek(t *testing.T) {
	j := revenue(t)
	if st := seek(t, j, "orders/0@3"); st.Step.Record == nil || st.Step.Record.Origin != "orders/0@3" || !strings.Contains(texts([]debugger.Row{st.Step.Record.Row})[0], `"id":3,`) {
		t.Errorf("orders/0@3 leads to %+v", st.Step.Record)
	}
	if st := seek(t, j, "wm=11:55:05"); st.Step.Record == nil || st.Step.Record.Of != 7 {
		t.Errorf("the watermark passes 11:55:05 at %+v", st)
	}
	first := j.Position()
	if st := seek(t, j, "wm=2026-08-22 11:57"); st.Position == first {
		t.Errorf("the watermark passes 11:57 at %s, as it passes 11:55:05", st.Position)
	}
	if st := seek(t, j, "out=revenue#3"); st.Position != first {
		t.Errorf("row 3 came out at %s, wanted %s", st.Position, first)
	}
	if st := seek(t, j, "out=revenue#4"); st.Position == first {
		t.Errorf("row 4 came out at %s too", first)
	}
	at := j.Position()
	for _, bad := range []string{"out=revenue#5", "orders/0@9", "orders/1@1", "9:0"} {
		target, err := debugger.ParseTarget(bad)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.Seek(ctx, target); err == nil || !strings.Contains(err.Error(), "the tape has no "+bad) {
			t.Errorf("%s: %v", bad, err)
		}
		if j.Position() != at {
			t.Errorf("after a vain search for %s the cursor stands at %s, not at %s", bad, j.Position(), at)
		}
	}
	for _, bad := range []string{"", "x", "1:x", "wm=", "out=#1", "orders/@", "a/b@1", "-1:2"} {
		if _, err := debugger.ParseTarget(bad); err == nil {
			t.Errorf("%q is taken for a position", bad)
		}
	}
}

// Late rows and open windows are told.
func TestLateAndWindows(t *testing.T) {
	j := revenue(t)
	st, err := j.Step(ctx, debugger.ByLate, 1)
	if err != nil {
		t.Fatal(err)
	}
	var late []string
	for _, h := range st.Step.Events {
		if h.Kind == "late" {
			late = append(late, texts(h.Rows)...)
		}
	}
	if len(late) != 1 || !strings.Contains(late[0], `"amt":"5.00"`) {
		t.Errorf("late are %q", late)
	}
	windows, err := j.Windows("")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range windows {
		got = append(got, fmt.Sprintf("%s %s-%s %d rows, needs %s, has %s", w.Operator, hm(*w.Start), hm(w.End), w.Rows, hm(w.Needs), hm(w.Has)))
	}
	want := []string{
		"WindowAggregate[4] 11:56:00.000-11:57:00.000 1 rows, needs 11:56:59.999, has 11:56:25.000",
	}
	if !slices.Equal(got, want) {
		t.Errorf("open are %q, wanted %q", got, want)
	}
}

func hm(ms int64) string { return time.UnixMilli(ms).UTC().Format("15:04:05.000") }

// picture is all that is to be seen at the cursor.
func picture(t *testing.T, j *debugger.Job) string {
	t.Helper()
	if j.Ordinal() == 0 {
		return "start"
	}
	tasks, err := j.Tasks()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, x := range tasks {
		fmt.Fprintf(&b, "%+v\n", x)
	}
	for _, o := range j.Operators {
		tables, err := j.State(o.Name, "", 1000)
		if err != nil && !strings.Contains(err.Error(), "keeps no state") {
			t.Fatal(err)
		}
		for _, x := range tables {
			fmt.Fprintf(&b, "%s.%s/%d %d %q\n", o.Name, x.Name, x.Subtask, x.Entries, texts(x.Rows))
		}
	}
	windows, err := j.Windows("")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(windows)
	if err != nil {
		t.Fatal(err)
	}
	b.Write(text)
	return b.String()
}

// Whatever way one comes to a step, it looks the same; and a motion backwards stops where
// one forwards did.
func TestBackIsForward(t *testing.T) {
	j := open(t, map[string]string{"/in/orders.csv": ordersCSV(orders)}, map[string]string{"parallelism.default": "2", "mink.exec.batch-rows": "2"},
		ordersDDL, revenueDDL, revenueSQL).Jobs[0]
	for _, u := range debugger.Units {
		seek(t, j, "start")
		var stops, seen []string
		for {
			st, err := j.Step(ctx, u, 1)
			if err != nil {
				t.Fatal(err)
			}
			if st.Why == "end" {
				break
			}
			stops, seen = append(stops, st.Position.String()), append(seen, picture(t, j))
		}
		if len(stops) < 1 && u != debugger.ByLate { // that depends on the order in which tasks ran
			t.Errorf("by %s there is no stop", u)
		}
		last := j.Position().String()
		for i := len(stops) - 1; i >= 0; i-- {
			if stops[i] == last {
				continue // the end of the tape is the last stop
			}
			st, err := j.Step(ctx, u, -1)
			if err != nil {
				t.Fatal(err)
			}
			if st.Position.String() != stops[i] {
				t.Fatalf("back by %s leads to %s, wanted %s of %q", u, st.Position, stops[i], stops)
			}
			if now := picture(t, j); now != seen[i] {
				t.Fatalf("at %s by %s there is\n%s\nand on the way back\n%s", st.Position, u, seen[i], now)
			}
		}
	}
}

// Over an input that has changed the run is the recorded one up to where it is read.
func TestDivergence(t *testing.T) {
	other := slices.Clone(orders)
	other[7].amt = 401
	j := openOver(t, map[string]string{"/in/orders.csv": ordersCSV(orders)}, map[string]string{"/in/orders.csv": ordersCSV(other)},
		map[string]string{"mink.exec.batch-rows": "2"}, ordersDDL, revenueDDL, revenueSQL).Jobs[0]
	st := seek(t, j, "end")
	if st.Why != "divergence" || !strings.Contains(st.Error, "Source: orders") {
		t.Errorf("the end is %+v", st)
	}
	at := j.Ordinal()
	if st, err := j.Step(ctx, debugger.ByStep, -1); err != nil || st.Why != "moved" || j.Ordinal() != at-1 {
		t.Errorf("from there one step back is %+v, %v", st, err)
	}
	if st, err := j.Step(ctx, debugger.ByStep, 2); err != nil || st.Why != "divergence" || j.Ordinal() != at {
		t.Errorf("and forwards again %+v, %v", st, err)
	}
}
