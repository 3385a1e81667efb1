package sqltest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/job"
	"github.com/minkstream/mink/engine/kernel"
)

// lateScript gives a row a second, of which every seventh is 30 seconds behind: late
// for windows of 5 seconds.
const lateScript = `CREATE TABLE t (id BIGINT, ts AS TO_TIMESTAMP_LTZ(id * 1000 - CASE WHEN MOD(id, 7) = 0 THEN 30000 ELSE 0 END, 3), WATERMARK FOR ts AS ts)
WITH ('connector' = 'datagen', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '3000', 'rows-per-second' = '100000')`

const lateInsert = `INSERT INTO sunk SELECT window_start, COUNT(id) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY window_start, window_end`

// lateRun runs the script on the simulated host, with a crash at a step unless that is
// 0, and returns the ids of the late rows, the steps, and the restarts.
func lateRun(t *testing.T, seed uint64, crash int) (ids []string, steps, restarts int) {
	t.Helper()
	o := flow.SimOptions{Seed: seed, Nodes: 1, Policy: flow.SimPolicy(seed % uint64(flow.PickPoliciesEnd)), Delay: time.Millisecond, Disk: time.Millisecond, MaxSteps: 1 << 22, Zombies: seed%2 == 0}
	if crash > 0 {
		o.Faults = []flow.SimFault{{Step: crash, Kind: flow.FaultNode, Until: 20 * time.Millisecond}}
	}
	s := flow.NewSim(o)
	e, err := engine.New(engine.Config{Env: s.Env, Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All(), SpillDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	session := e.NewSession()
	for k, v := range map[string]string{"mink.exec.batch-rows": "64", "execution.checkpointing.interval": "2 ms", "execution.checkpointing.dir": "/ckpt"} {
		if err := session.Set(k, v); err != nil {
			t.Fatal(err)
		}
	}
	for _, sql := range []string{lateScript, "CREATE TABLE sunk (a TIMESTAMP(3), n BIGINT) WITH ('connector' = 'blackhole')"} {
		if _, err := session.Execute(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	g, cfg, err := session.Build(lateInsert)
	if err != nil {
		t.Fatal(err)
	}
	cfg.JobID = "j"
	j, err := s.Submit(g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Reshape = func() *flow.Graph { return g }
	if err = s.Run(func() error { return nil }); err == nil {
		err = j.Err()
	}
	if err != nil {
		t.Fatalf("seed %d, crash at %d: %v", seed, crash, err)
	}
	for _, r := range cfg.Late.(*job.LateLog).Rows() {
		id := r.Input.Schema.Index("id")
		if id < 0 {
			t.Fatalf("the row has only %v", r.Input.Schema.Names())
		}
		ids = append(ids, string(kernel.AppendJSON(nil, &r.Batch.Cols[id], r.Lane)))
	}
	return ids, s.Steps(), j.Status().Restarts
}

// TestLateRowsOnce crashes a job at many steps: the log has each late row once, in
// order, as if nothing had happened.
func TestLateRowsOnce(t *testing.T) {
	var want []string
	for id := 35; id <= 3000; id += 7 { // 7 to 28 lie before the first second's window, see below
		want = append(want, fmt.Sprint(id))
	}
	ids, steps, _ := lateRun(t, 1, 0)
	// Row 7 lies at -23 s, in a window that fired with the first row at 1 s, and so do
	// 14, 21, 28: all of them are late too.
	want = append([]string{"7", "14", "21", "28"}, want...)
	if !slices.Equal(ids, want) {
		t.Fatalf("without a crash: %d rows, want %d: %v", len(ids), len(want), ids)
	}
	r := rand.New(rand.NewPCG(7, 7))
	restarts := 0
	for seed := range uint64(30) {
		ids, _, n := lateRun(t, seed+1, 1+r.IntN(steps))
		restarts += n
		if !slices.Equal(ids, want) {
			t.Errorf("seed %d, %d restarts: %d rows, want %d", seed+1, n, len(ids), len(want))
		}
	}
	if restarts < 10 {
		t.Errorf("only %d restarts in all: the test shows nothing", restarts)
	}
}
