package sim

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/flow"
)

// external is the system the sink writes to. It survives everything. Calls arrive
// late, get lost, or their answers do; writers of older attempts are fenced off.
type external struct {
	w        *world
	fence    int64
	prepared map[string]*txn
	order    []string // of prepared, by arrival
	done     map[string]*txn
	rows     []out
}

// out is a committed row: key, and count or time.
type out struct{ key, n int64 }

type txn struct {
	attempt int64
	rows    []out
}

func newExternal(w *world) *external {
	return &external{w: w, prepared: map[string]*txn{}, done: map[string]*txn{}}
}

// fold adds what was committed, in its order, to a hash.
func (x *external) fold(h uint64) uint64 {
	for _, r := range x.rows {
		h = batch.Mix(h ^ uint64(r.key)<<32 ^ uint64(r.n))
	}
	return h
}

var errLost = errors.New("no answer from the external system")

// heal is the virtual time after which calls are no longer lost: from then on the
// job must come to its end.
const heal = 3 * time.Second

// lost draws whether the call, and whether the answer, gets lost.
func (x *external) lost(share int) (call, answer bool) {
	if x.w.sim.Now()-x.w.start > heal.Milliseconds() {
		return false, false
	}
	c := x.w.sim.Choose
	return c(1000, "lost call") < share, c(1000, "lost answer") < share
}

// tell adds what happens out there to the story.
func (x *external) tell(format string, args ...any) {
	if x.w.story != nil {
		x.w.story(fmt.Sprintf("       external: "+format, args...))
	}
}

func (x *external) prepare(id string, attempt int64, rows []out) error {
	call, answer := x.lost(x.w.sc.Lost / 20)
	if call {
		return errLost
	}
	if attempt < x.fence {
		return fmt.Errorf("attempt %d is fenced off by attempt %d", attempt, x.fence)
	}
	t := x.prepared[id]
	x.tell("prepare %s: %d rows", id, len(rows))
	if t == nil {
		t = &txn{attempt: attempt}
		x.prepared[id] = t
		x.order = append(x.order, id)
	}
	t.rows = append(t.rows, rows...)
	if answer {
		return errLost
	}
	return nil
}

func (x *external) commit(id string) error {
	call, answer := x.lost(x.w.sc.Lost)
	if call {
		return errLost
	}
	t, done := x.prepared[id], x.done[id]
	x.tell("commit %s: prepared %v, done %v", id, t != nil, done != nil)
	switch {
	case done != nil:
		// It keeps the names of what it has committed: a name means one transaction.
		if x.w.sc.Plant == flow.PlantCommitNotIdempotent {
			x.rows = append(x.rows, done.rows...)
		}
	case t != nil:
		x.rows = append(x.rows, t.rows...)
		x.drop(id)
		x.done[id] = t
	default:
		return fmt.Errorf("transaction %s is not known", id)
	}
	if answer {
		return errLost
	}
	return nil
}

func (x *external) drop(id string) {
	delete(x.prepared, id)
	for i, o := range x.order {
		if o == id {
			x.order = append(x.order[:i], x.order[i+1:]...)
			break
		}
	}
}

// close fences older attempts off and drops what they prepared and nobody keeps.
func (x *external) close(attempt int64, keep [][]byte) error {
	call, answer := x.lost(x.w.sc.Lost / 4)
	if call {
		return errLost
	}
	if attempt < x.fence {
		return fmt.Errorf("attempt %d is fenced off by attempt %d", attempt, x.fence)
	}
	x.tell("fence %d, keep %q", attempt, keep)
	x.fence = attempt
	for _, id := range append([]string(nil), x.order...) {
		kept := false
		for _, k := range keep {
			kept = kept || string(k) == id
		}
		if !kept && x.prepared[id].attempt < attempt {
			x.drop(id)
		}
	}
	if answer {
		return errLost
	}
	return nil
}

// sink writes to the external system in two phases.
type sink struct{ w *world }

func (s *sink) Changes(q connect.Changes) connect.Changes { return q }
func (s *sink) Grade() string                             { return "exactly-once" }
func (s *sink) Open(c connect.WriterCtx) (connect.Writer, error) {
	return &writer{x: s.w.ext, attempt: c.Attempt}, nil
}

func (s *sink) Committer(c connect.WriterCtx) (connect.Committer, error) {
	return &committer{x: s.w.ext}, nil
}

type writer struct {
	x       *external
	attempt int64
	rows    []out
	total   uint64
}

func (w *writer) Write(b *batch.Batch) error {
	for i := range b.N {
		w.rows = append(w.rows, out{b.Cols[0].I64[i], b.Cols[1].I64[i]})
	}
	w.total += uint64(b.N)
	return nil
}

func (w *writer) Watermark(int64) error { return nil }
func (w *writer) Timer(int64) error     { return nil }

func (w *writer) Prepare(id string) ([]byte, error) {
	if len(w.rows) == 0 {
		return nil, nil
	}
	if err := w.x.prepare(id, w.attempt, w.rows); err != nil {
		return nil, err
	}
	w.rows = nil
	return []byte(id), nil
}

func (w *writer) State() []byte          { return strconv.AppendUint(nil, w.total, 10) }
func (w *writer) Restore([][]byte) error { return nil }
func (w *writer) Close() error           { return nil }

type committer struct{ x *external }

func (c *committer) Commit(data []byte) error                 { return c.x.commit(string(data)) }
func (c *committer) Fence(attempt int64, keep [][]byte) error { return c.x.close(attempt, keep) }
func (c *committer) Close() error                             { return nil }
