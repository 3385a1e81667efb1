package debugger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/debugger"
)

func set(t *testing.T, j *debugger.Job, text string) *debugger.Break {
	t.Helper()
	b, err := debugger.ParseBreak(text)
	if err != nil {
		t.Fatal(err)
	}
	x, err := j.Set(b)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// hit runs to the next breakpoint and gives the rows of the hits.
func hit(t *testing.T, j *debugger.Job, back bool) (debugger.Stop, []string) {
	t.Helper()
	st, hits, err := j.Continue(ctx, back)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, h := range hits {
		rows = append(rows, texts(h.Rows)...)
	}
	return st, rows
}

// Within a step a run stops at what its rest hits, near the cursor and with a pass over the
// tape; backwards it does not.
func TestContinueWithin(t *testing.T) {
	for _, text := range []string{"record revenue WHERE total > 40", "record revenue ONCE WHERE total > 40"} {
		j := revenue(t)
		set(t, j, text)
		st, rows := hit(t, j, false)
		if st.Why != "break" || len(rows) != 1 {
			t.Fatalf("%s: the stop is %+v with %q", text, st, rows)
		}
		if back, err := j.Step(ctx, debugger.ByRecord, -2); err != nil || back.Position.Record == 0 || back.Position.Step != st.Position.Step {
			t.Fatalf("two records back is %+v, %v", back, err)
		}
		if again, rows := hit(t, j, false); again.Position != st.Position || len(rows) != 1 {
			t.Errorf("%s: from within the step it stops at %+v with %q, not at %s", text, again, rows, st.Position)
		}
		if _, err := j.Step(ctx, debugger.ByRecord, -2); err != nil {
			t.Fatal(err)
		}
		if start, _ := hit(t, j, true); start.Why != "start" {
			t.Errorf("%s: backwards from within the step it stops at %+v", text, start)
		}
	}
}

// A run stops where a breakpoint is hit, in both directions.
func TestContinue(t *testing.T) {
	j := revenue(t)
	first := set(t, j, "record Calc[2] in WHERE amt < 4")
	second := set(t, j, "record revenue WHERE total = 4")
	st, rows := hit(t, j, false)
	if st.Why != "break" || st.Break != first.ID || len(rows) != 2 || !strings.Contains(rows[0], `"id":4,`) || !strings.Contains(rows[1], `"id":6,`) {
		t.Errorf("the first stop is %+v with %q", st, rows)
	}
	at := st.Position
	st, rows = hit(t, j, false)
	if st.Break != second.ID || len(rows) != 1 || !strings.Contains(rows[0], `"total":"4.00"`) {
		t.Errorf("the second stop is %+v with %q", st, rows)
	}
	if st, _ = hit(t, j, false); st.Why != "end" {
		t.Errorf("the third stop is %+v", st)
	}
	if st, _ = hit(t, j, true); st.Break != second.ID {
		t.Errorf("backwards the first stop is %+v", st)
	}
	if st, _ = hit(t, j, true); st.Break != first.ID || st.Position != at {
		t.Errorf("backwards the second stop is %+v", st)
	}
	if st, _ = hit(t, j, true); st.Why != "start" {
		t.Errorf("backwards the third stop is %+v", st)
	}
	if err := j.Unset(first.ID); err != nil {
		t.Fatal(err)
	}
	if st, _ = hit(t, j, false); st.Break != second.ID {
		t.Errorf("without the first breakpoint the stop is %+v", st)
	}
	if j.Unset(first.ID) == nil {
		t.Error("a breakpoint was removed twice")
	}
}

// An entry that comes and goes within a step stops the run there, forwards and backwards,
// as one that stays does. With a local phase it would not come to the one that keeps groups.
func TestBreakWithin(t *testing.T) {
	changes := ""
	for i := range 40 { // an article that is there for a moment, among others that stay
		changes += fmt.Sprintf(`{"op":"+I","row":{"id":%d,"sku":"S%d","amt":%d}}`+"\n", i, i, i)
		if i == 20 {
			changes += `{"op":"+I","row":{"id":100,"sku":"X","amt":7}}` + "\n" + `{"op":"-D","row":{"id":100,"sku":"X","amt":7}}` + "\n"
		}
	}
	files := map[string]string{"/in/orders.json": changes}
	for _, rows := range []string{"1", "3", "1000"} {
		j := open(t, files, map[string]string{"mink.exec.batch-rows": rows, "table.optimizer.agg-phase-strategy": "ONE_PHASE"}, ordersUpsert,
			"CREATE TABLE sink (sku STRING, n INT) WITH ('connector'='blackhole')", "INSERT INTO sink SELECT sku, SUM(amt) FROM orders GROUP BY sku").Jobs[0]
		b := set(t, j, "state GroupAggregate WHERE sku = 'X'")
		set(t, j, "state GroupAggregate WHERE sku = 'Y'")
		steps := 1
		if rows == "1" {
			steps = 2
		}
		var at []debugger.Position
		for range steps {
			st, got := hit(t, j, false)
			if len(at) == 0 && (st.Break != b.ID || len(got) != 1 || !strings.Contains(got[0], `"sku":"X"`)) {
				t.Fatalf("batches of %s: the stop is %+v with %q", rows, st, got)
			}
			at = append(at, st.Position)
		}
		if st, _ := hit(t, j, false); st.Why != "end" {
			t.Errorf("batches of %s: behind it the stop is %+v", rows, st)
		}
		for i := steps - 1; i >= 0; i-- {
			if st, _ := hit(t, j, true); st.Position != at[i] {
				t.Errorf("batches of %s: backwards the stop is %+v, wanted %s", rows, st, at[i])
			}
		}
		if hits, err := j.Hits(ctx, b.ID); err != nil || len(hits) != 0 { // the cursor stands at the first or only one
			if len(hits) != 1 || hits[0].Position != at[0] {
				t.Errorf("batches of %s: hits are %+v, %v", rows, hits, err)
			}
		}
	}
}

// Each kind is hit where it should be, and nowhere else.
func TestBreakKinds(t *testing.T) {
	late := open(t, map[string]string{"/in/orders.csv": ordersCSV(orders)}, nil, ordersDDL, revenueDDL, revenueSQL).Jobs[0]
	changes := `{"op":"+I","row":{"id":1,"sku":"A","amt":5}}
{"op":"-U","row":{"id":1,"sku":"A","amt":5}}
{"op":"+U","row":{"id":1,"sku":"A","amt":6}}
{"op":"-D","row":{"id":1,"sku":"A","amt":6}}
{"op":"-D","row":{"id":9,"sku":"Z","amt":9}}
`
	changed := open(t, map[string]string{"/in/orders.json": changes}, nil, ordersUpsert,
		"CREATE TABLE sink (sku STRING, n INT) WITH ('connector'='blackhole')", "INSERT INTO sink SELECT sku, SUM(amt) FROM orders GROUP BY sku").Jobs[0]
	failing := open(t, map[string]string{"/in/orders.csv": ordersCSV(orders)}, nil, ordersDDL,
		"CREATE TABLE sink (n INT) WITH ('connector'='blackhole')", "INSERT INTO sink SELECT CAST(sku AS INT) FROM orders").Jobs[0]
	for _, c := range []struct {
		job   *debugger.Job
		brk   string
		steps int    // that are hit
		rows  int    // in all of them
		has   string // what the first hit says or has
	}{
		{late, "late", 1, 1, `"5.00"`},
		{late, "late WindowAggregate BY 50s", 1, 1, `"5.00"`},
		{late, "late WindowAggregate BY 60s", 0, 0, ""},
		{late, "late WindowAggregate WHERE sku = 'B-02'", 0, 0, ""},
		{late, "watermark WindowAggregate 11:55", 1, 0, "from (none yet) to 2026-08-22 11:56:25.000"},
		{late, "watermark WindowAggregate 2026-08-22 12:00", 1, 0, "(end of the input)"},
		{late, "checkpoint", 1, 0, "checkpoint 1 begins"},
		{late, "checkpoint AFTER 1", 0, 0, ""},
		{late, "record revenue ONCE", 1, 3, "43.50"},
		{late, "record revenue AFTER 1", 1, 1, "4.00"},
		{late, "state WindowAggregate WHERE sku = 'B-02'", 2, 1, "changes"},
		// The pane of order 6 is opened by it and closed by order 8, in the same step.
		{late, "state WindowAggregate WHERE sku = 'B-02' AND pane_start = TIMESTAMP '2026-08-22 11:55:00'", 1, 1, `within the step`},
		{late, "state WindowAggregate WHERE sku = 'B-02' AND pane_start = TIMESTAMP '2026-08-22 11:57:00'", 0, 0, ""},
		{late, "changelog", 0, 0, ""},
		{late, "exception", 0, 0, ""},
		{late, "timer", 0, 0, ""},
		{changed, "kind orders -U", 1, 1, `"amt":5`},
		{changed, "kind orders -D", 1, 2, `"amt":6`},
		{changed, "record orders WHERE id = 1", 0, 0, ""}, // nobody reads that column, so it is not there
		{changed, "changelog orders", 1, 1, `-D of a row that is not there`},
		{failing, "exception", 1, 0, "the step fails"},
	} {
		b := set(t, c.job, c.brk)
		hits, err := c.job.Hits(ctx, b.ID)
		if err != nil {
			t.Fatal(err)
		}
		rows, said := 0, ""
		for i, h := range hits {
			rows += len(h.Rows)
			if i == 0 {
				said = h.Text + strings.Join(texts(h.Rows), "")
			}
		}
		if len(hits) != c.steps || rows != c.rows || !strings.Contains(said, c.has) {
			t.Errorf("%s is hit in %d steps with %d rows, the first %q; wanted %d, %d, %q", c.brk, len(hits), rows, said, c.steps, c.rows, c.has)
		}
		if err := c.job.Unset(b.ID); err != nil {
			t.Fatal(err)
		}
	}
	if st := seek(t, failing, "end"); !strings.Contains(st.Error, "A-17") {
		t.Errorf("the failed run ends with %+v", st)
	}
	for _, bad := range []string{"", "nope", "record", "kind WindowAggregate", "state", "watermark WindowAggregate", "record Nope", "record revenue WHERE nope = 1", "late WHERE a = 1", "watermark WindowAggregate STALL x", "checkpoint AFTER x", "timer a b"} {
		b, err := debugger.ParseBreak(bad)
		if err == nil {
			_, err = late.Set(b)
		}
		if err == nil {
			t.Errorf("%q is taken for a breakpoint", bad)
		}
	}
	if len(late.Breaks()) > 0 || slices.Contains(debugger.BreakKinds, "") {
		t.Error("a breakpoint that was refused is set")
	}
}
