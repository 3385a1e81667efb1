package expr

import (
	"math"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/kernel"
)

// opCall computes a function, a cast or a comparison: nulls and constants are
// dealt with here, the kernel does the rest.
func opCall(p *Program, in *instr) error {
	args := in.cols
	constant := !in.perCall
	for i, s := range in.args {
		c := p.cols[s]
		args[i] = c
		constant = constant && c.Enc == batch.Const
	}
	if constant {
		return callConst(p, in, args)
	}
	dst := p.reg(in)
	live := p.masks[in.mask]
	if in.strict && kernel.UnionNulls(dst, args, p.n) {
		live = p.liveLanes(dst.Nulls, live)
	}
	return in.compute(p, dst, args, p.n, live)
}

// compute runs the kernel.
func (in *instr) compute(p *Program, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	switch {
	case in.cast != nil:
		return in.cast(in.env, dst, args[0], n, live)
	case in.kern != nil:
		return in.kern(p.f, dst, args, n, live)
	}
	kernel.Compare(dst.Bits, kernel.Op(in.opt), args[0], args[1], n, live)
	return nil
}

// liveLanes is the lanes of mask that are not null.
func (p *Program) liveLanes(nulls, mask []uint64) []uint64 {
	if cap(p.live) < p.words {
		p.live = make([]uint64, max(p.words, batch.Words(batch.MaxRows)))
	}
	l := p.live[:p.words]
	for i := range l {
		l[i] = ^nulls[i]
		if mask != nil {
			l[i] &= mask[i]
		}
	}
	if p.words > 0 {
		l[p.words-1] &= kernel.TailMask(p.n)
	}
	return l
}

// callConst computes a value of constants once.
func callConst(p *Program, in *instr, args []*batch.Col) error {
	dst := p.cols[in.dst]
	dst.Alloc(in.typ, 1)
	if p.empty(in.mask) {
		dst.SetNull(0, 1)
		dst.Enc = batch.Const
		return nil
	}
	if dst.Views != nil {
		clear(dst.Views)
	}
	if dst.Bits != nil {
		clear(dst.Bits)
	}
	null := false
	for i, a := range args {
		null = null || a.IsNull(0)
		in.flat[i] = *a
		in.flat[i].Enc = batch.Flat
		args[i] = &in.flat[i]
	}
	if in.strict && null {
		dst.SetNull(0, 1)
	} else if err := in.compute(p, dst, args, 1, nil); err != nil {
		if le, ok := err.(*batch.LaneError); ok {
			le.Lane = p.firstLane(in.mask)
		}
		return err
	}
	dst.Enc = batch.Const
	return nil
}

// scratch is a column for the instruction's own use.
func (in *instr) scratch() *batch.Col {
	if in.tmp == nil {
		in.tmp = &batch.Col{}
	}
	return in.tmp
}

// opAlias passes a column under another type of the same layout.
func opAlias(p *Program, in *instr) error {
	dst := p.cols[in.dst]
	*dst = *p.cols[in.args[0]]
	dst.Type = in.typ
	return nil
}

// opDistinct is IS [NOT] DISTINCT FROM.
func opDistinct(p *Program, in *instr) error {
	a, b := p.cols[in.args[0]], p.cols[in.args[1]]
	dst := p.reg(in)
	// Lanes with a null on one side only are distinct, with two are not.
	an, bn := p.words2(0), p.words2(1)
	nullsOf(an, a, p.n)
	nullsOf(bn, b, p.n)
	if a.Enc == batch.Const && b.Enc == batch.Const {
		for i := range p.n {
			if a.CompareLanes(0, b, 0, false) == 0 {
				batch.SetBit(dst.Bits, i)
			}
		}
	} else {
		live := p.live2(an, bn, p.masks[in.mask])
		kernel.Compare(dst.Bits, kernel.Eq, a, b, p.n, live)
		if a.Type.IsApprox() {
			// NaN is the same value as NaN here, which = does not say.
			in.bits = slices.Grow(in.bits[:0], 2*p.words)[:2*p.words]
			x, y := in.bits[:p.words], in.bits[p.words:]
			notANumber(x, a, p.n)
			notANumber(y, b, p.n)
			for i := range dst.Bits {
				dst.Bits[i] |= x[i] & y[i]
			}
		}
		for i := range dst.Bits {
			dst.Bits[i] = dst.Bits[i]&^(an[i]|bn[i]) | an[i]&bn[i]
		}
	}
	if CompareOp(in.opt) == Distinct {
		kernel.Invert(dst.Bits, dst.Bits)
	}
	return nil
}

// notANumber writes the lanes of a FLOAT or DOUBLE column that are NaN to dst.
func notANumber(dst []uint64, c *batch.Col, n int) {
	switch {
	case c.Enc != batch.Const:
		kernel.Compare(dst, kernel.Ne, c, c, n, nil)
	case math.IsNaN(c.Float(0)):
		kernel.FillOnes(dst, n)
	default:
		clear(dst)
	}
}

// live2 is the lanes of mask that are in neither a nor b.
func (p *Program) live2(a, b, mask []uint64) []uint64 {
	l := p.liveLanes(a, mask)
	for i := range l {
		l[i] &^= b[i]
	}
	return l
}

// nullsOf writes the null lanes of c to dst.
func nullsOf(dst []uint64, c *batch.Col, n int) {
	switch {
	case c.Enc == batch.Const && c.IsNull(0):
		kernel.FillOnes(dst, n)
	case c.Enc == batch.Const || c.Nulls == nil:
		clear(dst)
	default:
		copy(dst, c.Nulls)
		if len(dst) > 0 {
			dst[len(dst)-1] &= kernel.TailMask(n)
		}
	}
}
