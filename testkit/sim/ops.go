package sim

import (
	"fmt"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/flow"
	state "github.com/minkstream/mink/engine/store"
	"github.com/minkstream/mink/engine/types"
)

var keyTypes = []types.Type{types.BigIntT}

func newOp(w *world) exec.Operator {
	switch w.kind {
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

// final compares what was committed with what the input says.
func (w *world) final() error {
	if w.err != nil {
		return w.err
	}
	if n := len(w.ext.prepared); n > 0 && w.sc.Plant != flow.PlantCommitNotIdempotent {
		return fmt.Errorf("%d transactions are left open: %v", n, w.ext.order)
	}
	want := w.expected()
	got := slices.Clone(w.ext.rows)
	sortRows(want)
	sortRows(got)
	lost, extra := 0, 0
	i, j := 0, 0
	for i < len(want) || j < len(got) {
		switch {
		case j == len(got) || i < len(want) && less(want[i], got[j]):
			lost++
			i++
		case i == len(want) || less(got[j], want[i]):
			extra++
			j++
		default:
			i++
			j++
		}
	}
	if lost+extra > 0 {
		return fmt.Errorf("of %d rows %d are lost, and %d are there that should not be", len(want), lost, extra)
	}
	return nil
}

func (w *world) expected() (want []out) {
	n := map[int64]int64{}
	for _, rows := range w.input {
		for _, r := range rows {
			n[r.key]++
			want = append(want, out{r.key, n[r.key]})
		}
	}
	return want
}

func less(a, b out) bool { return a.key < b.key || a.key == b.key && a.n < b.n }

func sortRows(rows []out) {
	slices.SortFunc(rows, func(a, b out) int {
		if a.key != b.key {
			return int(a.key - b.key)
		}
		return int(a.n - b.n)
	})
}
