package expr

import (
	"math/bits"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// opBegin makes an empty column that branches are written to.
func opBegin(p *Program, in *instr) error {
	dst := p.reg(in)
	if in.typ.IsNested() {
		dst.AppendNulls(0, p.n)
	}
	return nil
}

// opBlend writes the lanes of mask of a branch's value to the shared result.
func opBlend(p *Program, in *instr) error {
	dst, src := p.cols[in.dst], p.cols[in.args[0]]
	m := p.masks[in.mask]
	if in.typ.IsNested() {
		p.blendNested(in, dst, src, m)
		return nil
	}
	p.blendNulls(dst, src, m)
	if src.Enc == batch.Const && src.IsNull(0) {
		return nil
	}
	c := src.Enc == batch.Const
	switch dst.Type.Phys() {
	case types.PhysBool:
		p.blendBits(dst, src, m)
	case types.PhysI8:
		blend(dst.I8[:p.n], src.I8, c, m)
	case types.PhysI16:
		blend(dst.I16[:p.n], src.I16, c, m)
	case types.PhysI32:
		blend(dst.I32[:p.n], src.I32, c, m)
	case types.PhysI64:
		blend(dst.I64[:p.n], src.I64, c, m)
	case types.PhysF32:
		blend(dst.F32[:p.n], src.F32, c, m)
	case types.PhysF64:
		blend(dst.F64[:p.n], src.F64, c, m)
	case types.PhysDec:
		blend(dst.Dec[:p.n], src.Dec, c, m)
	case types.PhysBytes:
		p.blendViews(dst, src, c, m)
	}
	return nil
}

// blend writes the lanes of m of src to dst; c says that src is one value.
func blend[T any](dst, src []T, c bool, m []uint64) {
	if c {
		blendConst(dst, src[0], m)
		return
	}
	if m == nil {
		copy(dst, src)
		return
	}
	for w, x := range m {
		if x == ^uint64(0) {
			copy(dst[w<<6:w<<6+64], src[w<<6:])
			continue
		}
		for ; x != 0; x &= x - 1 {
			i := w<<6 + bits.TrailingZeros64(x)
			dst[i] = src[i]
		}
	}
}

func blendConst[T any](dst []T, v T, m []uint64) {
	if m == nil {
		for i := range dst {
			dst[i] = v
		}
		return
	}
	for w, x := range m {
		if x == ^uint64(0) {
			d := dst[w<<6 : w<<6+64]
			for i := range d {
				d[i] = v
			}
			continue
		}
		for ; x != 0; x &= x - 1 {
			dst[w<<6+bits.TrailingZeros64(x)] = v
		}
	}
}

// blendNulls brings the null bits of the lanes of m over.
func (p *Program) blendNulls(dst, src *batch.Col, m []uint64) {
	none := src.Nulls == nil && !(src.Enc == batch.Const && src.IsNull(0))
	if none && dst.Nulls == nil {
		return
	}
	nulls := p.words2(0)
	nullsOf(nulls, src, p.n)
	d := dst.NullBits(p.n)
	for i := range d {
		x := ^uint64(0)
		if m != nil {
			x = m[i]
		}
		d[i] = d[i]&^x | nulls[i]&x
	}
}

func (p *Program) blendBits(dst, src *batch.Col, m []uint64) {
	v, _ := spread(p, src, 1)
	for i := range p.words {
		x := ^uint64(0)
		if m != nil {
			x = m[i]
		}
		dst.Bits[i] = dst.Bits[i]&^x | v[i]&x
	}
}

// blendViews also makes the buffers of src buffers of dst.
func (p *Program) blendViews(dst, src *batch.Col, c bool, m []uint64) {
	if len(src.Bufs) == 0 {
		blend(dst.Views[:p.n], src.Views, c, m)
		return
	}
	p.remap = p.remap[:0]
	for _, b := range src.Bufs {
		p.remap = append(p.remap, dst.AddBuf(b))
	}
	step := -1
	if c {
		step = 0
	}
	for i := range kernel.Lanes(p.n, m) {
		v := src.Views[i&step]
		if v.Len() > batch.InlineMax {
			k := v.Buf()
			if int(k) >= len(p.remap) {
				continue // under a NULL
			}
			v.B = v.B&^0xFFFFFFFF | uint64(p.remap[k])
		}
		dst.Views[i] = v
	}
}

// blendNested takes each lane from src or from what dst has.
func (p *Program) blendNested(in *instr, dst, src *batch.Col, m []uint64) {
	tmp := in.scratch()
	tmp.Append(0, dst, nil, p.n)
	tmp.Append(p.n, src, nil, p.n)
	sel := p.index[:0]
	for i := range p.n {
		k := i
		if kernel.Live(m, i) {
			k += p.n
		}
		sel = append(sel, uint32(k))
	}
	p.index = sel
	t := dst.Type
	dst.AppendIndex(0, tmp, sel, p.n)
	dst.Type = t
}
