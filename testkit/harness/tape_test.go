package harness

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/trace"
)

// taped records a run of a case and opens it in the debugger.
func taped(t *testing.T, c *Case, seed uint64) (*World, *debugger.Debugger) {
	t.Helper()
	disk := env.NewMemDisk()
	to, err := trace.Create(disk, "tape", trace.Manifest{})
	if err != nil {
		t.Fatal(err)
	}
	w, _, err := record(c, nil, Which{Seed: seed, Faults: FaultNames}, to)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	t.Cleanup(w.close)
	f, err := trace.Open(disk, "tape")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	cfg, setup := Replay(c, nil)
	d, err := debugger.Open(t.Context(), cfg, setup, f)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return w, d
}

// follows says how the tape of a run differs from the run: its replay must not diverge,
// and each row that a sink has must be written where its number says.
func follows(ctx context.Context, w *World, d *debugger.Debugger) error {
	for _, j := range d.Jobs {
		if st, err := j.Seek(ctx, debugger.Target{End: true}); err != nil || st.Why != "end" {
			return fmt.Errorf("job %d stops at %s with %s: %s (%v)", j.Number, st.Position, st.Why, st.Error, err)
		}
	}
	for _, s := range w.sinks {
		j := d.Jobs[max(0, s.job)]
		for _, c := range s.kept.changes() {
			target := debugger.Target{Output: s.id(), Nth: c.seq}
			st, err := j.Seek(ctx, target)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(st.Step.Events, func(h debugger.Happening) bool { return wrote(w, h, c) }) {
				return fmt.Errorf("%s is not written at out=%s#%d, %s", c, s.id(), c.seq, st.Position)
			}
		}
	}
	return nil
}

// wrote tells whether a sink was given a change.
func wrote(w *World, h debugger.Happening, c change) bool {
	return h.Kind == "in" && (strings.HasPrefix(h.Operator, "Sink") || strings.HasPrefix(h.Operator, "Collect")) && slices.ContainsFunc(h.Rows, func(r debugger.Row) bool {
		var cells []string
		for i := range r.Batch.Cols {
			cells = append(cells, w.values.text(&r.Batch.Cols[i], r.Lane))
		}
		return r.Kind() == c.kind && slices.Equal(cells, c.cells)
	})
}

// TestTape: what the debugger shows of a test is what the test saw, with watermarks,
// crashes, checkpoints, idle tables and clocks, row by row and under schedules.
func TestTape(t *testing.T) {
	crash := &Case{Scripts: []Source{{Text: joined}}, Steps: []Step{
		&Give{Table: "a", Rows: []Row{row("1", "10"), row("2", "20")}},
		&TakeCheckpoint{},
		&Give{Table: "b", Rows: []Row{row("1", "1"), row("3", "3"), row("2", "7")}},
		&Kill{},
		&Clock{By: 1e9},
		&Give{Table: "a", Rows: []Row{row("3", "30"), row("2", "21")}},
	}}
	clock := &Case{
		Settings: map[string]string{"table.local-time-zone": "Asia/Tokyo"},
		Scripts: []Source{{Text: `SET 'parallelism.default' = '7';
CREATE TABLE t (x INT, unread STRING, p AS PROCTIME()) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE TABLE a (x INT, at_ TIMESTAMP_LTZ(3), u STRING) WITH ('connector' = 'print');
CREATE TABLE b (w TIMESTAMP(3), n BIGINT, PRIMARY KEY (w) NOT ENFORCED) WITH ('connector' = 'upsert-kafka');
EXPLAIN SELECT * FROM t;
BEGIN STATEMENT SET;
INSERT INTO a SELECT x, CURRENT_TIMESTAMP, UUID() FROM t;
INSERT INTO b SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(p), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
END;
SELECT SUM(x) FROM t`}},
		Steps: []Step{
			&Give{Table: "t", Rows: []Row{row("1", "p"), row("2", "q")}},
			&Clock{By: 12e9},
			&Give{Table: "t", Rows: []Row{row("3", "r")}},
			&Clock{By: 12e9},
		},
	}
	late := lateCase()
	late.Steps = append(late.Steps[:3:3], &TakeCheckpoint{}, &Give{Table: "orders", Rows: []Row{row("11:55:10", "3", "B-02", "1")}}, &Watermark{Table: "orders", Split: AllSplits, Time: Cell{Text: "11:56:00"}}, &Kill{})
	// With other parallelism, down and up and as it was, and with a crash between.
	rescaled := &Case{Scripts: []Source{{Text: joined}}, Steps: []Step{
		&Give{Table: "a", Rows: []Row{row("1", "10"), row("2", "20")}},
		&Restore{Parallelism: 3},
		&Give{Table: "b", Rows: []Row{row("1", "1"), row("3", "3"), row("2", "7")}},
		&Kill{},
		&Give{Table: "a", Rows: []Row{row("3", "30"), row("2", "21")}},
		&Restore{Parallelism: 1},
		&Give{Table: "b", Rows: []Row{row("3", "4")}},
		&Restore{},
		&Give{Table: "a", Rows: []Row{row("1", "11")}},
	}}
	for name, c := range map[string]*Case{"crash": crash, "clock": clock, "late": late, "rescaled": rescaled} {
		n := 0
		for seed := range uint64(30) {
			w, d := taped(t, c, seed)
			if err := follows(t.Context(), w, d); err != nil {
				t.Errorf("%s, seed %d: %v", name, seed, err)
			}
			for _, s := range w.sinks {
				n += len(s.kept.changes())
			}
		}
		if n < 30 {
			t.Errorf("%s: only %d changes were looked at", name, n)
		}
	}
}

// TestTapeOfRestore: a failure behind a restore with another parallelism says where to look,
// too.
func TestTapeOfRestore(t *testing.T) {
	c := lateCase()
	c.Steps = append(c.Steps, &Restore{Parallelism: 2}, &ExpectTable{Sink: "revenue"})
	for range 2 {
		v, err := Check(c, nil, Plan{Schedules: -1})
		if err != nil || len(v.Failures) != 1 {
			t.Fatal(v, err)
		}
		if at, job := v.Failures[0].Position(c); at != "out=revenue#1" || job != 1 {
			t.Errorf("it is at %q of job %d", at, job)
		}
		c.Steps = slices.Delete(c.Steps, len(c.Steps)-2, len(c.Steps)-1) // and without
	}
}
