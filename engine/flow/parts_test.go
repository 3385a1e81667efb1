package flow

import (
	"testing"
	"time"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/env"
)

// lingering is a sink whose writers take their time to prepare.
type lingering struct {
	*collector
	by time.Duration
}

type lingeringWriter struct {
	connect.Writer
	by time.Duration
}

func (s lingering) Open(c connect.WriterCtx) (connect.Writer, error) {
	w, err := s.collector.Open(c)
	return lingeringWriter{w, s.by}, err
}

func (w lingeringWriter) Prepare(txn string) ([]byte, error) {
	time.Sleep(w.by)
	return w.Writer.Prepare(txn)
}

// TestCheckpointParts: what is told of each subtask's part adds up to the whole, and its
// times are those that were spent: one of two sources takes 30 ms for a step, so barriers
// wait for it, and the sink 20 ms to prepare.
func TestCheckpointParts(t *testing.T) {
	const step, prepare = 30 * time.Millisecond, 20 * time.Millisecond
	cl := NewCluster(env.OS(""), ClusterOptions{Workers: 4})
	defer cl.Close()
	src := &numbers{total: 1 << 20, keys: 13, splits: 2, fail: func(n int64) error {
		if n%2 == 1 {
			time.Sleep(step)
		}
		return nil
	}}
	g := countGraph(src, lingering{&collector{twoPhase: true}, prepare}, 2, 2)
	j, err := cl.Submit(g, Config{BatchRows: 16, CheckpointInterval: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	checkpoints(t, j, 4)
	j.Cancel()
	<-j.Done()
	var waited time.Duration
	done := 0
	for _, h := range j.Status().Checkpoints.History {
		if len(h.Parts) != h.Tasks {
			t.Fatalf("%d parts of %d tasks", len(h.Parts), h.Tasks)
		}
		var full, delta int64
		acked, i := 0, 0
		for _, v := range g.Vertices {
			for sub := range v.Parallelism {
				p := h.Parts[i]
				i++
				if p.Vertex != v.ID || p.Subtask != sub {
					t.Fatalf("part %d is of %d/%d", i-1, p.Vertex, p.Subtask)
				}
				if p.Acked == 0 {
					if p != (CheckpointPart{Vertex: v.ID, Subtask: sub}) {
						t.Errorf("a part that is not there: %+v", p)
					}
					continue
				}
				acked++
				full, delta = full+p.FullBytes, delta+p.DeltaBytes
				if all := time.Duration(p.Acked-h.Triggered) * time.Millisecond; p.Align+p.Sync+p.Async > all+2*time.Millisecond || p.Sync <= 0 {
					t.Errorf("%s after %s: %+v", v.Name, all, p)
				}
				if v.Source != nil && p.Align != 0 {
					t.Errorf("a source aligned: %+v", p)
				}
				switch v.Name {
				case "Count":
					waited = max(waited, p.Align)
				case "Sink":
					if p.Async < prepare {
						t.Errorf("the sink prepared: %+v", p)
					}
				}
			}
		}
		if acked != h.Acked || acked > 0 && delta <= 0 {
			t.Errorf("%d parts, %d bytes: %+v", acked, delta, h)
		}
		if h.State == "COMPLETED" {
			done++
			if acked != h.Tasks || full != h.FullBytes || delta != h.DeltaBytes {
				t.Errorf("parts: %d, %d bytes, %d of them new; all: %+v", acked, full, delta, h)
			}
		}
	}
	if done < 4 || waited < step/6 {
		t.Errorf("%d checkpoints, the longest alignment took %s", done, waited)
	}
}
