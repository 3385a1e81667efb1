package exec

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function/aggregate"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// change is what happens to one group: from the accumulators before to those after.
type change struct {
	what          changeKind
	before, after []uint64
}

type changeKind uint8

const (
	nothing changeKind = iota
	inserted
	updated
	compared // updated, if results differ
	deleted
)

// emitter turns changes of groups into an output batch: keys, then results.
//
// Where rows before a change are wanted, change i has its row before in lane 2i and
// its row after in lane 2i+1, and a selection says which are rows.
type emitter struct {
	types        []types.Type
	updateBefore bool

	changes []change
	reps    []uint16
	rows    [][]uint64
	lanes   []uint16
	parts   []batch.Batch
	n       int
}

// emitChanges is the most changes of a batch.
const emitChanges = batch.MaxRows / 2

func (e *emitter) reset() { e.changes, e.reps, e.n = e.changes[:0], e.reps[:0], 0 }

// add adds a change of the group whose key is in lane rep of the input.
func (e *emitter) add(rep uint16, ch change) {
	if ch.what != nothing {
		e.changes, e.reps = append(e.changes, ch), append(e.reps, rep)
	}
}

// make computes output batches of all changes.
func (e *emitter) make(a *aggCalls, b *batch.Batch, keys []int, h aggregate.Blobs) error {
	for from := 0; from < len(e.changes); from += emitChanges {
		to := min(len(e.changes), from+emitChanges)
		if e.n == len(e.parts) {
			e.parts = append(e.parts, batch.Batch{})
		}
		if err := e.part(&e.parts[e.n], a, b, keys, h, from, to); err != nil {
			return err
		}
		e.n++
	}
	return nil
}

func (e *emitter) part(out *batch.Batch, a *aggCalls, b *batch.Batch, keys []int, h aggregate.Blobs, from, to int) error {
	pairs := false
	for _, ch := range e.changes[from:to] {
		if ch.what == compared || ch.what == deleted || ch.what == updated && e.updateBefore {
			pairs = true
			break
		}
	}
	e.rows, e.lanes = e.rows[:0], e.lanes[:0]
	for i, ch := range e.changes[from:to] {
		rep := e.reps[from+i]
		if pairs {
			e.rows, e.lanes = append(e.rows, ch.before), append(e.lanes, rep)
		}
		e.rows, e.lanes = append(e.rows, ch.after), append(e.lanes, rep)
	}
	n := len(e.rows)
	out.Reset()
	if len(out.Cols) != len(e.types) {
		out.Cols = make([]batch.Col, len(e.types))
	}
	out.N = n
	for i, k := range keys {
		out.Cols[i].Gather(&b.Cols[k], e.lanes, n)
	}
	if err := a.final(out.Cols[len(keys):], e.rows, h); err != nil {
		return err
	}
	e.choose(out, pairs, len(keys), from, to)
	return nil
}

// choose sets which lanes are rows, and of what kind.
func (e *emitter) choose(out *batch.Batch, pairs bool, keys, from, to int) {
	if !pairs {
		out.AllocKinds()
		inserts := true
		for i, ch := range e.changes[from:to] {
			if ch.what == updated {
				out.Kinds[i] = batch.UpdateAfter
				inserts = false
			}
		}
		if inserts {
			out.Kinds = nil
		}
		return
	}
	kinds := out.AllocKinds()
	sel := make([]uint16, 0, out.N)
	for i, ch := range e.changes[from:to] {
		l := 2 * i
		what := ch.what
		if what == compared {
			what = updated
			if same(ch.before, ch.after) || sameLanes(out.Cols[keys:], l, l+1) {
				what = nothing
			}
		}
		switch what {
		case inserted:
			sel, kinds[l+1] = append(sel, uint16(l+1)), batch.Insert
		case deleted:
			sel, kinds[l] = append(sel, uint16(l)), batch.Delete
		case updated:
			if e.updateBefore {
				sel, kinds[l] = append(sel, uint16(l)), batch.UpdateBefore
			}
			sel, kinds[l+1] = append(sel, uint16(l+1)), batch.UpdateAfter
		}
	}
	out.Sel = sel
}

// same reports that two rows hold the same, the number of rows aside.
func same(a, b []uint64) bool { return slices.Equal(a[1:], b[1:]) }

func sameLanes(cols []batch.Col, i, j int) bool {
	for k := range cols {
		if !cols[k].EqualLanes(i, &cols[k], j) {
			return false
		}
	}
	return true
}

// emit gives out the batches that were made.
func (e *emitter) emit(c *Ctx) error {
	for i := range e.parts[:e.n] {
		if e.parts[i].Rows() == 0 {
			continue
		}
		if err := c.Emit(&e.parts[i]); err != nil {
			return err
		}
	}
	return nil
}

// emitAll emits the results of rows of a table as inserts.
func (e *emitter) emitAll(c *Ctx, a *aggCalls, t *state.Table, refs []state.Ref, rows [][]uint64) error {
	if len(e.parts) == 0 {
		e.parts = append(e.parts, batch.Batch{})
	}
	out := &e.parts[0]
	out.Reset()
	if len(out.Cols) != len(e.types) {
		out.Cols = make([]batch.Col, len(e.types))
	}
	out.N = len(rows)
	keys := len(e.types) - len(a.specs)
	for i := range keys {
		out.Cols[i].Alloc(e.types[i], out.N)
	}
	if keys > 0 {
		t.KeysInto(out.Cols[:keys], 0, refs)
	}
	if err := a.final(out.Cols[keys:], rows, t); err != nil {
		return err
	}
	return c.Emit(out)
}
