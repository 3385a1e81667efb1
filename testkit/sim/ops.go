package sim

import (
	"fmt"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/exec"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

var keyTypes = []types.Type{types.BigIntT}

func newOp(w *world) exec.Operator {
	switch w.kind {
	case Window:
		return &windowOp{keyed: keyed{w: w}}
	case Bundle:
		return &bundleOp{countOp: countOp{w: w}}
	case Timer:
		return &timerOp{keyed: keyed{w: w}}
	case Async:
		return &asyncOp{keyed: keyed{w: w}}
	case Expand:
		return &expandOp{w: w}
	default:
		return &countOp{w: w}
	}
}

// countOp emits (key, count so far) for each row.
type countOp struct {
	exec.Stateless
	w    *world
	t    *state.Table
	kv   batch.KeyVec
	refs []state.Ref
	out  batch.Batch
}

func (o *countOp) Open(c *exec.Ctx) error {
	o.t = c.Store.Table("count", state.TableSpec{Key: keyTypes, Lanes: 1})
	return nil
}

func (o *countOp) Process(c *exec.Ctx, _ int, b *batch.Batch) error {
	kv := ownKeys(c, o.w, &o.kv, b)
	if cap(o.refs) < b.N {
		o.refs = make([]state.Ref, b.N+8)
	}
	o.t.Lookup(b, kv, nil, state.Upsert, o.refs[:b.N], nil)
	o.out.Alloc(rowTypes, b.N)
	for i, ref := range o.refs[:b.N] {
		acc := o.t.Row(ref)
		acc[0]++
		o.out.Cols[0].I64[i], o.out.Cols[1].I64[i] = b.Cols[0].I64[i], int64(acc[0])
	}
	return c.Emit(&o.out)
}

// ownKeys hashes the key column, and checks that the rows belong to this task.
func ownKeys(c *exec.Ctx, w *world, kv *batch.KeyVec, b *batch.Batch) *batch.KeyVec {
	if b.Keys != nil {
		kv = b.Keys
	} else {
		batch.HashKeys(kv, b, []int{0}, c.MaxParallelism)
	}
	for _, g := range kv.KG[:b.N] {
		if int(g) < c.KeyFrom || int(g) >= c.KeyTo {
			w.err = fmt.Errorf("a row of key group %d came to subtask %d, which owns [%d,%d)", g, c.Subtask, c.KeyFrom, c.KeyTo)
		}
	}
	return kv
}

// expandOp emits each row several times, one row a batch, so that it is interrupted
// in the middle of a batch.
type expandOp struct {
	exec.Stateless
	w   *world
	in  *batch.Batch
	at  int // copies emitted of the batch
	out batch.Batch
	kv  batch.KeyVec
}

// copies is the number of rows that expandOp makes of one.
const copies = 3

func (o *expandOp) Process(c *exec.Ctx, _ int, b *batch.Batch) error {
	ownKeys(c, o.w, &o.kv, b)
	o.in, o.at = b, 0
	_, err := o.Resume(c)
	return err
}

func (o *expandOp) Resume(c *exec.Ctx) (bool, error) {
	for o.at < o.in.N*copies {
		i := o.at / copies
		o.at++
		o.out.Alloc(rowTypes, 1)
		o.out.Cols[0].I64[0], o.out.Cols[1].I64[0] = o.in.Cols[0].I64[i], o.in.Cols[1].I64[i]
		if err := c.Emit(&o.out); err != nil {
			return false, err
		}
		if o.at < o.in.N*copies && c.Yield() {
			return true, nil
		}
	}
	return false, nil
}
