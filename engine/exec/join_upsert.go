package exec

import (
	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// upserts turns the rows of an input that replaces by key into rows that take back
// what they replace: the old row comes from the join's own side.
//
// One input row is one small batch, so this is not a fast path; a planner that
// wants speed asks its source for -U rows.
type upserts struct {
	probe state.Probe
	keys  batch.KeyVec
	old   batch.Batch
	one   batch.Batch
	sel   [1]uint16
}

// swapsOut and swapsIn are the swaps of batches of one row.
var swapsOut, swapsIn = []swapLane{swapOut}, []swapLane{swapIn}

// each feeds the join the changes that b means, row by row.
func (u *upserts) each(j *join, c *Ctx, in int, b *batch.Batch) error {
	for i := range b.Rows() {
		l := b.Lane(i)
		kind := b.Kind(l)
		u.sel[0] = uint16(l)
		row := *b
		row.Sel, row.Marks = u.sel[:], nil
		had := u.find(j, c, in, &row, l)
		pair := j.swaps && had && kind.Adds()
		if pair {
			j.swap = swapsOut
		}
		if had {
			before := batch.UpdateBefore
			if j.residual != nil || kind == batch.Delete {
				before = batch.Delete
			}
			u.old.AllocKinds()[0] = before
			if err := j.change(c, in, &u.old); err != nil {
				return err
			}
		}
		if !kind.Adds() {
			continue
		}
		u.one.Gather(&row, nil)
		after := batch.Insert
		if had && j.residual == nil {
			after = batch.UpdateAfter
		}
		u.one.AllocKinds()[0] = after
		if pair {
			j.swap = swapsIn
		}
		if err := j.change(c, in, &u.one); err != nil {
			return err
		}
		j.swap = nil
	}
	return nil
}

// find puts the stored row with the upsert key of lane l into u.old.
func (u *upserts) find(j *join, c *Ctx, in int, row *batch.Batch, l int) bool {
	m, ts := j.sides[in], [][]types.Type{j.cfg.Left, j.cfg.Right}[in]
	m.Probe(&u.probe, row, keyVec(c, in, row, j.cfg.of(in), &u.keys), row.Sel)
	for more := true; more; {
		more = u.probe.Next(pairRows)
		n := len(u.probe.Refs)
		if n == 0 {
			continue
		}
		u.old.Alloc(ts, n)
		m.Decode(u.old.Cols, 0, j.cols[in], u.probe.Refs)
		for k := range n {
			same := true
			for _, key := range j.cfg.Sides[in].Upsert {
				same = same && u.old.Cols[key].EqualLanes(k, &row.Cols[key], l)
			}
			if !same {
				continue
			}
			if n > 1 {
				one := u.old
				one.Sel = []uint16{uint16(k)}
				var picked batch.Batch
				picked.Gather(&one, nil)
				u.old = picked
			}
			return true
		}
	}
	return false
}
