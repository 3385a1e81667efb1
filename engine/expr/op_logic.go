package expr

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/kernel"
)

// opLogic is dst = a AND b or a OR b; dst may be a.
func opLogic(p *Program, in *instr) error {
	a, b := p.cols[in.args[0]], p.cols[in.args[1]]
	av, an := spread(p, a, 0)
	bv, bn := spread(p, b, 1)
	dst := p.cols[in.dst]
	if dst != a {
		dst.Alloc(in.typ, p.n)
	}
	if an != nil || bn != nil {
		dst.NullBits(p.n)
	}
	if in.opt != 0 {
		kernel.Or(dst.Bits, dst.Nulls, av, an, bv, bn)
	} else {
		kernel.And(dst.Bits, dst.Nulls, av, an, bv, bn)
	}
	return nil
}

// spread gives value and null bits of a BOOLEAN column; a constant is written out
// to scratch.
func spread(p *Program, c *batch.Col, i int) (bits, nulls []uint64) {
	if c.Enc != batch.Const {
		return c.Bits, c.Nulls
	}
	w := p.words2(i)
	clear(w)
	if c.IsNull(0) {
		kernel.FillOnes(w, p.n)
		return w, w
	}
	if c.Bits[0]&1 != 0 {
		kernel.FillOnes(w, p.n)
	}
	return w, nil
}

// opCopyBool makes dst a copy of a BOOLEAN, to be changed by later instructions.
func opCopyBool(p *Program, in *instr) error {
	c := p.cols[in.args[0]]
	bits, nulls := spread(p, c, 0)
	dst := p.cols[in.dst]
	dst.Alloc(in.typ, p.n)
	copy(dst.Bits, bits)
	if nulls != nil {
		copy(dst.NullBits(p.n), nulls)
	}
	return nil
}

// opNot is NOT.
func opNot(p *Program, in *instr) error {
	bits, nulls := spread(p, p.cols[in.args[0]], 0)
	dst := p.cols[in.dst]
	dst.Alloc(in.typ, p.n)
	kernel.Invert(dst.Bits, bits[:len(dst.Bits)])
	if nulls != nil {
		copy(dst.NullBits(p.n), nulls)
	}
	return nil
}

// opIs is IS [NOT] NULL, TRUE or FALSE; opt is what, plus 8 when negated.
func opIs(p *Program, in *instr) error {
	c := p.cols[in.args[0]]
	dst := p.cols[in.dst]
	dst.Alloc(in.typ, p.n)
	switch IsWhat(in.opt & 7) {
	case IsNull:
		nullsOf(dst.Bits, c, p.n)
	case IsTrue:
		kernel.True(dst.Bits, c, p.n)
	case IsFalse:
		kernel.False(dst.Bits, c, p.n)
	}
	if in.opt&8 != 0 {
		kernel.Invert(dst.Bits, dst.Bits)
	}
	return nil
}

// opSplit splits mask at a condition: t gets the lanes where it is TRUE, f the
// rest.
func opSplit(p *Program, in *instr) error {
	t := p.newMask(in.t)
	kernel.True(t, p.cols[in.args[0]], p.n)
	p.within(t, in.mask)
	p.rest(in, t)
	return nil
}

// rest writes the lanes of the instruction's mask that are not in t to mask f.
func (p *Program) rest(in *instr, t []uint64) {
	if in.f < 0 {
		return
	}
	f := p.newMask(in.f)
	if m := p.masks[in.mask]; m != nil {
		copy(f, m)
	} else {
		kernel.FillOnes(f, p.n)
	}
	for i := range f {
		f[i] &^= t[i]
	}
}

// opUndecided leaves in mask f the lanes where the left side of AND (opt 0) is not
// FALSE, of OR (opt 1) not TRUE.
func opUndecided(p *Program, in *instr) error {
	t := p.words2(0)
	if in.opt == 0 {
		kernel.False(t, p.cols[in.args[0]], p.n)
	} else {
		kernel.True(t, p.cols[in.args[0]], p.n)
	}
	p.rest(in, t)
	return nil
}

// opNullMask leaves in mask t the lanes where the argument is NULL.
func opNullMask(p *Program, in *instr) error {
	t := p.newMask(in.t)
	nullsOf(t, p.cols[in.args[0]], p.n)
	p.within(t, in.mask)
	return nil
}

// opJump stands before a branch; see Program.exec.
func opJump(*Program, *instr) error { return nil }

// inSet is a list of constants to look a value up in.
type inSet struct {
	ints    []int64
	table   map[int64]struct{}
	views   []batch.View
	strings map[string]struct{}
	hasNull bool
}

// opIn is x [NOT] IN (constants); opt is 1 when negated.
func opIn(p *Program, in *instr) error {
	args := in.cols[:1]
	c := p.cols[in.args[0]]
	if c.Enc == batch.Const {
		args[0] = c
		return callConst(p, in, args)
	}
	args[0] = c
	dst := p.reg(in)
	live := p.masks[in.mask]
	if kernel.UnionNulls(dst, args, p.n) {
		live = p.liveLanes(dst.Nulls, live)
	}
	return in.set.find(dst, c, p.n, live, in.opt != 0)
}

// find sets the bits of lanes whose value is in the set.
func (s *inSet) find(dst, c *batch.Col, n int, live []uint64, negated bool) error {
	switch {
	case s.views != nil:
		for i := range kernel.Lanes(n, live) {
			v := c.Views[i]
			for _, w := range s.views {
				if v == w {
					batch.SetBit(dst.Bits, i)
					break
				}
			}
		}
	case s.strings != nil:
		str := kernel.StrsOf(c)
		for i := range kernel.Lanes(n, live) {
			if _, ok := s.strings[string(str.At(i))]; ok {
				batch.SetBit(dst.Bits, i)
			}
		}
	case s.table != nil:
		for i := range kernel.Lanes(n, live) {
			if _, ok := s.table[c.Int(i)]; ok {
				batch.SetBit(dst.Bits, i)
			}
		}
	default:
		s.findInts(dst, c, n, live)
	}
	if s.hasNull {
		// Not found among values one of which is unknown.
		nulls := dst.NullBits(n)
		for i := range nulls {
			nulls[i] |= ^dst.Bits[i]
		}
	}
	if negated {
		kernel.Invert(dst.Bits, dst.Bits)
	}
	return nil
}

func (s *inSet) findInts(dst, c *batch.Col, n int, live []uint64) {
	if c.I64 != nil {
		for i, x := range c.I64[:n] {
			for _, y := range s.ints {
				if x == y {
					batch.SetBit(dst.Bits, i)
				}
			}
		}
		return
	}
	for i := range kernel.Lanes(n, live) {
		x := c.Int(i)
		for _, y := range s.ints {
			if x == y {
				batch.SetBit(dst.Bits, i)
			}
		}
	}
}
