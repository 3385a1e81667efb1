package expr

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// stripLanes is how many lanes a chain of cheap instructions takes at once: 8 KiB a
// column, so that what one writes the next finds in the first cache.
const stripLanes = 1024

// strip marks what runs in strips: plain loops over columns of fixed width, which
// neither keep anything nor look at other lanes. in.strip is where a chain of them ends.
func (c *compiler) strip() {
	code := c.p.code
	for pc := len(code) - 1; pc >= 0; pc-- {
		in := &code[pc]
		if !in.plain {
			continue
		}
		in.strip = pc + 1
		if pc+1 < len(code) && code[pc+1].plain && code[pc+1].mask == in.mask {
			in.strip = code[pc+1].strip
		}
	}
}

// plainCall reports whether a call may run in strips.
func plainCall(n *Call) bool {
	switch n.Func.Category {
	case function.Operators, function.Arithmetic:
	default:
		return false
	}
	if n.Res.Eval == nil || n.Res.Cost > function.CostLazy || max(n.Func.Det, n.Res.Det) == function.PerCall || !inStrips(n.Type()) {
		return false
	}
	for _, a := range n.Args {
		if !inStrips(a.Type()) {
			return false
		}
	}
	return true
}

func inStrips(t types.Type) bool {
	switch t.Phys() {
	case types.PhysI32, types.PhysI64, types.PhysF64, types.PhysDec:
		return true
	}
	return false
}

// runStrips runs instructions from..to strip by strip. It reports false, and all is to be
// computed as a whole, when there are NULLs, only constants, or a column that the chain
// overwrites.
func (p *Program) runStrips(from, to int) (bool, error) {
	for pc := from; pc < to; pc++ {
		in := &p.code[pc]
		flat := false
		for _, s := range in.args {
			own, c := written(p.code[from:pc], s), p.cols[s]
			if !own && (c.Nulls != nil || c.Enc == batch.Sparse || written(p.code[pc:to], s)) {
				return false, nil
			}
			flat = flat || own || c.Enc == batch.Flat
		}
		if !flat {
			return false, nil
		}
	}
	for pc := from; pc < to; pc++ {
		in := &p.code[pc]
		in.part = *p.reg(in)
		for i, s := range in.args {
			in.flat[i] = *p.cols[s]
			in.cols[i] = &in.flat[i]
		}
	}
	live := p.masks[p.code[from].mask]
	for lo := 0; lo < p.n; lo += stripLanes {
		hi := min(lo+stripLanes, p.n)
		var mask []uint64
		if live != nil {
			mask = live[lo>>6 : batch.Words(hi)]
		}
		for pc := from; pc < to; pc++ {
			in := &p.code[pc]
			cut(&in.part, p.cols[in.dst], lo, hi)
			for i, s := range in.args {
				if in.flat[i].Enc == batch.Flat {
					cut(&in.flat[i], p.cols[s], lo, hi)
				}
			}
			if err := in.compute(p, &in.part, in.cols, hi-lo, mask); err != nil {
				if le, ok := err.(*batch.LaneError); ok {
					le.Lane += lo
				}
				return true, p.fail(in, err)
			}
			if in.part.Nulls != nil {
				return false, nil
			}
		}
	}
	return true, nil
}

func written(code []instr, slot int) bool {
	for i := range code {
		if code[i].dst == slot {
			return true
		}
	}
	return false
}

// cut makes part the lanes lo..hi of c.
func cut(part, c *batch.Col, lo, hi int) {
	switch {
	case c.I64 != nil:
		part.I64 = c.I64[lo:hi]
	case c.I32 != nil:
		part.I32 = c.I32[lo:hi]
	case c.F64 != nil:
		part.F64 = c.F64[lo:hi]
	default:
		part.Dec = c.Dec[lo:hi]
	}
}
