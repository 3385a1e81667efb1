package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

func testCtx(t *testing.T) context.Context {
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(stop)
	return ctx
}

func TestThreadedCount(t *testing.T) {
	for _, p := range []int{1, 2, 3} {
		for _, rows := range []int{1, 7, 4096} {
			t.Run(fmt.Sprintf("p%d/batch%d", p, rows), func(t *testing.T) {
				sink := &collector{twoPhase: p == 2}
				g := countGraph(&numbers{total: 20_001, keys: 100}, sink, p, p+1)
				err := Run(testCtx(t), env.OS(t.TempDir()), g, Config{Seed: 1, BatchRows: rows})
				if err != nil {
					t.Fatal(err)
				}
				if got, want := sink.sorted(), wantCounts(20_001, 100); !slices.Equal(got, want) {
					t.Fatalf("%d rows instead of %d", len(got), len(want))
				}
			})
		}
	}
}

// A job that has ended leaves no timer behind, though its next checkpoint is an hour away.
func TestEndedJobHasNoTimers(t *testing.T) {
	cl := NewCluster(env.OS(t.TempDir()), ClusterOptions{})
	defer cl.Close()
	j, err := cl.Submit(countGraph(&numbers{total: 1000, keys: 10}, &collector{}, 1, 1), Config{Seed: 1, CheckpointInterval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Wait(testCtx(t)); err != nil {
		t.Fatal(err)
	}
	x := &cl.hosts[0].clocks
	x.mu.Lock()
	n, started := len(x.stop), x.n
	x.mu.Unlock()
	if n != 0 || started == 0 {
		t.Errorf("%d of %d timers are still to come", n, started)
	}
}

func TestErrorNamesOperator(t *testing.T) {
	src := &numbers{total: 1000, keys: 10, fail: func(n int64) error {
		if n > 500 {
			return errors.New("the tap is dry")
		}
		return nil
	}}
	g := countGraph(src, &collector{}, 1, 1)
	g.Vertices[0].Source.Span = diag.Span{Start: 3, End: 9}
	err := Run(testCtx(t), env.OS(t.TempDir()), g, Config{Seed: 1, BatchRows: 100})
	e := diag.As(err)
	if e == nil || e.Span != g.Vertices[0].Source.Span || !strings.Contains(e.Msg, "numbers") || !strings.Contains(e.Msg, "the tap is dry") {
		t.Fatalf("got %v", err)
	}
}

func TestCancel(t *testing.T) {
	e := env.OS(t.TempDir())
	cl := NewCluster(e, ClusterOptions{})
	defer cl.Close()
	sink := &collector{}
	j, err := cl.Submit(countGraph(&numbers{total: 100, keys: 10, unbounded: true}, sink, 2, 2), Config{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for sink.len() < 50 {
		select {
		case <-j.Done():
			t.Fatal(j.Err())
		case <-time.After(time.Millisecond):
		}
	}
	s := j.Status()
	if s.State != Running || len(s.Tasks) != 5 || s.Tasks[0].RowsIn != 50 {
		t.Errorf("status: %+v", s)
	}
	j.Cancel()
	if err := j.Wait(testCtx(t)); diag.CodeOf(err) != diag.Cancelled {
		t.Fatalf("got %v", err)
	}
}
