package load

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/testkit/measure"
)

var all = os.Getenv("MINK_ALL") != ""

// tally adds up what a table holds in the end: its rows, and each column of numbers.
type tally struct {
	mu   sync.Mutex
	rows int64
	sums []int64
	// seen, if set, is given each batch.
	seen func(b *batch.Batch)
}

func (y *tally) connector() *connect.Connector {
	return &connect.Connector{
		Name: "tally", Summary: "Adds up what comes and goes.",
		Sink: func(t *connect.Table) (connect.Sink, error) {
			if y.sums == nil { // a statement may be planned more than once
				y.sums = make([]int64, t.Physical)
			}
			return y, nil
		},
	}
}

func (y *tally) Changes(query connect.Changes) connect.Changes {
	if query&connect.HasUpdateAfter != 0 {
		query |= connect.HasUpdateBefore
	}
	return query
}
func (y *tally) Grade() string                                          { return "at-least-once" }
func (y *tally) Open(connect.WriterCtx) (connect.Writer, error)         { return y, nil }
func (y *tally) Committer(connect.WriterCtx) (connect.Committer, error) { return nil, nil }
func (y *tally) Watermark(int64) error                                  { return nil }
func (y *tally) Timer(int64) error                                      { return nil }
func (y *tally) Prepare(string) ([]byte, error)                         { return nil, nil }
func (y *tally) State() []byte                                          { return nil }
func (y *tally) Restore([][]byte) error                                 { return nil }
func (y *tally) Close() error                                           { return nil }

func (y *tally) Write(b *batch.Batch) error {
	y.mu.Lock()
	defer y.mu.Unlock()
	for i := range b.Rows() {
		l, sign := b.Lane(i), int64(1)
		if !b.Kind(l).Adds() {
			sign = -1
		}
		y.rows += sign
		for c := range b.Cols {
			if !b.Cols[c].IsNull(l) {
				y.sums[c] += sign * b.Cols[c].Int(l)
			}
		}
	}
	if y.seen != nil {
		y.seen(b)
	}
	return nil
}

// rig is an engine with a session.
type rig struct {
	t       *testing.T
	engine  *engine.Engine
	session *engine.Session
	out     *tally
}

func newRig(t *testing.T, settings map[string]string) *rig {
	t.Helper()
	r := &rig{t: t, out: &tally{}}
	var err error
	r.engine, err = engine.New(engine.Config{
		Connectors: append(connectors.All(), r.out.connector()), Formats: connectors.Formats(), Functions: scalar.All(),
		SpillDir: t.TempDir(), CheckpointDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.engine.Close() })
	r.session = r.engine.NewSession()
	for k, v := range settings {
		if err := r.session.Set(k, v); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// run executes statements; the job of the last one is returned.
func (r *rig) run(list ...string) *engine.Result {
	r.t.Helper()
	var res *engine.Result
	for _, s := range list {
		var err error
		if res, err = r.session.Execute(context.Background(), s); err != nil {
			r.t.Fatal(diag.Render(diag.Source{Text: s}, diag.As(err)))
		}
	}
	return res
}

// cost is what a run took.
type cost struct {
	elapsed, cpu time.Duration
	rss          int64 // the most bytes of the process
}

// measure runs statements of a job that ends.
func (r *rig) measure(list ...string) cost {
	r.t.Helper()
	runtime.GC()
	resetPeak()
	cpu, start := measure.CPU(), time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if err := r.run(list...).Job.Wait(ctx); err != nil {
		r.t.Fatal(err)
	}
	return cost{time.Since(start), measure.CPU() - cpu, peakBytes()}
}

// resetPeak lets the most memory of the process be counted anew, where the system can.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peakBytes is the most memory that the process had, 0 where the system does not tell.
func peakBytes() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, ok := bytes.Cut(status, []byte("VmHWM:"))
	if !ok {
		return 0
	}
	f := bytes.Fields(rest)
	n, _ := strconv.ParseInt(string(f[0]), 10, 64)
	return n << 10
}

// trim takes off what ends a statement in a script.
func trim(s string) string { return strings.TrimSuffix(strings.TrimSpace(s), ";") }
