package sqltest

import (
	"testing"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/flow"
)

// clockJob is a query over tables on the simulated host, whose clock passes as sources
// wait.
type clockJob struct {
	seed     uint64
	tables   []string
	columns  string // of the query, as in CREATE TABLE
	query    string
	settings [][2]string
	// faults are those of the host.
	faults []flow.SimFault
	// prepare, if set, sees host and engine before the job is built.
	prepare func(s *flow.Sim, e *engine.Engine)
	// check, if set, sees the job between its steps; an error ends the run.
	check func(s *flow.Sim, j *flow.Job) error
}

// clockEnd is what a clockJob came to.
type clockEnd struct {
	sim  *flow.Sim
	job  *flow.Job
	rows []string
	// passed is the time on the host's clock from submission to the end.
	passed time.Duration
	err    error
}

// run runs the job to its end; what keeps it from starting fails the test.
func (c clockJob) run(t *testing.T) clockEnd {
	t.Helper()
	s := flow.NewSim(flow.SimOptions{
		Seed: c.seed, Nodes: 1, Policy: flow.SimPolicy(c.seed % uint64(flow.PickPoliciesEnd)), Delay: time.Millisecond, Disk: time.Millisecond,
		MaxSteps: 1 << 20, Faults: c.faults,
	})
	kept := &keeper{}
	e := simulatedLocal(t, s.Env, kept.connector())
	defer e.Close()
	if c.prepare != nil {
		c.prepare(s, e)
	}
	session := e.NewSession()
	for _, kv := range c.settings {
		if err := session.Set(kv[0], kv[1]); err != nil {
			t.Fatal(err)
		}
	}
	for _, sql := range append(c.tables, "CREATE TABLE kept ("+c.columns+") WITH ('connector' = 'kept', 'sink.parallelism' = '1')") {
		if _, err := session.Execute(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	g, cfg, err := session.Build("INSERT INTO kept " + c.query)
	if err != nil {
		t.Fatal(err)
	}
	cfg.JobID = "j"
	start := s.Now()
	out := clockEnd{sim: s}
	if out.job, err = s.Submit(g, cfg); err != nil {
		t.Fatal(err)
	}
	check := func() error { return nil }
	if c.check != nil {
		check = func() error { return c.check(s, out.job) }
	}
	if out.err = s.Run(check); out.err == nil {
		out.err = out.job.Err()
	}
	out.passed = time.Duration(s.Now()-start) * time.Millisecond
	for _, r := range kept.outcome().rows {
		out.rows = append(out.rows, r.String())
	}
	return out
}

// clockRun runs a query over tables to its end and returns its changes.
func clockRun(t *testing.T, seed uint64, tables []string, columns, query string, settings ...[2]string) []string {
	t.Helper()
	end := clockJob{seed: seed, tables: tables, columns: columns, query: query, settings: settings}.run(t)
	if end.err != nil {
		t.Fatal(end.err)
	}
	return end.rows
}

// TestClockWatermark: a watermark on a column that is computed from the time of the step goes
// with that time, so windows close while the source still gives rows.
func TestClockWatermark(t *testing.T) {
	for seed := range uint64(4) {
		rows := clockRun(t, seed, []string{"CREATE TABLE g (v BIGINT, ts AS LOCALTIMESTAMP, WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen', 'rows-per-second' = '100', 'fields.v.kind' = 'sequence', 'fields.v.start' = '1', 'fields.v.end' = '1000')"},
			"behind BIGINT", "SELECT TIMESTAMPDIFF(SECOND, window_end, LOCALTIMESTAMP) FROM TABLE(TUMBLE(TABLE g, DESCRIPTOR(ts), INTERVAL '1' SECOND)) GROUP BY window_start, window_end")
		if len(rows) < 8 {
			t.Errorf("seed %d: windows %v", seed, rows)
		}
		for _, r := range rows {
			if r != "+I[0]" && r != "+I[1]" && r != "+I[-1]" {
				t.Errorf("seed %d: a window closes late: %s", seed, r)
			}
		}
	}
}
