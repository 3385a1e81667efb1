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
