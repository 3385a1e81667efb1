package batch

import (
	"slices"

	"github.com/minkstream/mink/engine/types"
)

// appendSparse appends lanes of a sparse row. A dst that is empty or sparse stays
// sparse; a flat one gets the rows scattered, with nulls between.
func appendSparse[I lane](c *Col, at int, src *Col, sel []I, n int) {
	sparse := at == 0 || c.Enc == Sparse
	had := 0
	if sparse && at > 0 {
		had = len(c.At)
	}
	m := c.mem
	kidSel := m.sel16[:0]
	if !sparse {
		holes := sparseHoles(m, src, sel, n)
		c.scatterKids(at, src, holes, n)
		return
	}
	c.Enc = Sparse
	c.At = c.At[:had]
	if sel == nil {
		k := len(src.At)
		if k > 0 && int(src.At[k-1]) >= n {
			k, _ = slices.BinarySearch(src.At, uint16(n))
		}
		for _, l := range src.At[:k] {
			c.At = append(c.At, l+uint16(at))
		}
		appendKids[uint16](c, had, src, nil, k)
		return
	}
	w := walker{at: src.At}
	for i, l := range sel[:n] {
		if k, ok := w.find(uint16(l)); ok {
			kidSel = append(kidSel, uint16(k))
			c.At = append(c.At, uint16(at+i))
		}
	}
	m.sel16 = kidSel
	appendKids(c, had, src, kidSel, len(kidSel))
}

// appendKids appends rows of src's children to c's children, which hold had rows.
func appendKids[I lane](c *Col, had int, src *Col, sel []I, n int) {
	c.setKids(len(src.Kids))
	for i := range src.Kids {
		kid := &c.Kids[i]
		if had == 0 {
			kid.claim(src.Kids[i].Type)
		} else {
			kid.own(had)
		}
		appendCol(kid, had, &src.Kids[i], sel, n)
	}
}

// walker finds lanes in an ascending list; lookups that ascend are cheap.
type walker struct {
	at []uint16
	j  int
}

func (w *walker) find(l uint16) (int, bool) {
	if w.j > 0 && w.at[w.j-1] >= l {
		w.j, _ = slices.BinarySearch(w.at, l)
	}
	for w.j < len(w.at) && w.at[w.j] < l {
		w.j++
	}
	return w.j, w.j < len(w.at) && w.at[w.j] == l
}

// sparseHoles gives for each wanted lane the row of src's children plus one, or
// zero where the lane is NULL.
func sparseHoles[I lane](m *colMem, src *Col, sel []I, n int) []uint32 {
	out := extend(m.sel32[:0], n)
	m.sel32 = out
	clear(out)
	if sel == nil {
		for k, l := range src.At {
			if int(l) >= n {
				break
			}
			out[l] = uint32(k) + 1
		}
		return out
	}
	w := walker{at: src.At}
	for i := range out {
		if k, ok := w.find(uint16(sel[i])); ok {
			out[i] = uint32(k) + 1
		}
	}
	return out
}

// scatterKids appends to a flat row the children's rows at holes[i]-1, and NULL
// rows with NULL fields where holes[i] is zero.
func (c *Col) scatterKids(at int, src *Col, holes []uint32, n int) {
	c.Enc = Flat
	c.setKids(len(src.Kids))
	if at == 0 {
		for i := range src.Kids {
			c.Kids[i].claim(src.Kids[i].Type)
		}
	}
	if len(src.At) == 0 {
		nullCol(c, at, n)
		return
	}
	missing := false
	c.growNulls(at + n)
	setBits(c.Nulls, at, n, false)
	for i, h := range holes {
		if h == 0 {
			SetBit(c.Nulls, at+i)
			missing = true
		} else {
			holes[i] = h - 1
		}
	}
	for i := range src.Kids {
		kid := &c.Kids[i]
		kid.own(at)
		// A hole takes row 0 of the child, and is then made NULL.
		appendCol(kid, at, &src.Kids[i], holes, n)
		if !missing || kid.mem.phys == types.PhysNone {
			continue
		}
		kid.Flatten(at + n)
		kid.growNulls(at + n)
		for w := range Words(at + n) {
			kid.Nulls[w] |= c.Nulls[w] & rangeMask(w, at, n)
		}
	}
}

// rangeMask has the bits of word w that belong to [at, at+n).
func rangeMask(w, at, n int) uint64 {
	lo, hi := at-w*64, at+n-w*64
	if hi <= 0 || lo >= 64 {
		return 0
	}
	m := ^uint64(0)
	if lo > 0 {
		m = m << uint(lo)
	}
	if hi < 64 {
		m &= 1<<uint(hi) - 1
	}
	return m
}

// appendList appends lists: their offsets, then their elements.
func appendList[I lane](c *Col, at int, src *Col, sel []I, n int) {
	if at == 0 {
		c.Offs[0] = 0
	}
	c.setKids(len(src.Kids))
	base := c.Offs[at]
	if sel == nil {
		lo := src.Offs[0]
		for i := range n {
			c.Offs[at+i+1] = base + src.Offs[i+1] - lo
		}
		if lo == 0 {
			appendElems[uint32](c, int(base), src, nil, int(src.Offs[n]))
			return
		}
	}
	idx := c.mem.sel32[:0]
	end := base
	for i := range n {
		l := i
		if sel != nil {
			l = int(sel[i])
		}
		if !nullLane(src, l) {
			for k := src.Offs[l]; k < src.Offs[l+1]; k++ {
				idx = append(idx, k)
			}
			end += src.Offs[l+1] - src.Offs[l]
		}
		c.Offs[at+i+1] = end
	}
	c.mem.sel32 = idx
	appendElems(c, int(base), src, idx, len(idx))
}

func nullLane(c *Col, l int) bool { return c.Nulls != nil && Bit(c.Nulls, l) }

func appendElems[I lane](c *Col, had int, src *Col, sel []I, n int) {
	for i := range src.Kids {
		kid := &c.Kids[i]
		if had == 0 {
			kid.claim(src.Kids[i].Type)
		} else {
			kid.own(had)
		}
		appendCol(kid, had, &src.Kids[i], sel, n)
	}
}

// fillCol writes lane l of src n times.
func fillCol(c *Col, at int, src *Col, l, n int) {
	if c.Enc == Sparse {
		c.Flatten(at)
	}
	if src.Enc == Const {
		l = 0
	}
	if src.IsNull(l) {
		nullCol(c, at, n)
		return
	}
	if src.Enc == Sparse {
		l, _ = slices.BinarySearch(src.At, uint16(l))
	}
	c.grow(at + n)
	switch c.mem.phys {
	case types.PhysBool:
		setBits(c.Bits, at, n, Bit(src.Bits, l))
	case types.PhysI8:
		fill(c.I8[at:at+n], src.I8[l])
	case types.PhysI16:
		fill(c.I16[at:at+n], src.I16[l])
	case types.PhysI32:
		fill(c.I32[at:at+n], src.I32[l])
	case types.PhysI64:
		fill(c.I64[at:at+n], src.I64[l])
	case types.PhysF32:
		fill(c.F32[at:at+n], src.F32[l])
	case types.PhysF64:
		fill(c.F64[at:at+n], src.F64[l])
	case types.PhysDec:
		fill(c.Dec[at:at+n], src.Dec[l])
	case types.PhysBytes:
		remap := c.mergeBufs(at, src)
		one := [1]View{src.Views[l]}
		rebase(one[:], remap)
		fill(c.Views[at:at+n], one[0])
	case types.PhysList:
		idx := c.mem.sel32[:0]
		for range n {
			for k := src.Offs[l]; k < src.Offs[l+1]; k++ {
				idx = append(idx, k)
			}
		}
		c.mem.sel32 = idx
		if at == 0 {
			c.Offs[0] = 0
		}
		base, size := c.Offs[at], src.Offs[l+1]-src.Offs[l]
		for i := range n {
			c.Offs[at+i+1] = base + size*uint32(i+1)
		}
		c.setKids(len(src.Kids))
		appendElems(c, int(base), src, idx, len(idx))
	case types.PhysRow:
		c.setKids(len(src.Kids))
		for i := range src.Kids {
			kid := &c.Kids[i]
			if at == 0 {
				kid.claim(src.Kids[i].Type)
			} else {
				kid.own(at)
			}
			fillCol(kid, at, &src.Kids[i], l, n)
		}
	}
	appendNullBits[uint16](c, at, nil, nil, n)
}

func fill[T any](s []T, v T) {
	for i := range s {
		s[i] = v
	}
}

// nullCol writes n NULLs, and harmless values under them.
func nullCol(c *Col, at, n int) {
	if c.Enc == Sparse {
		return
	}
	c.grow(at + n)
	switch c.mem.phys {
	case types.PhysNone:
		return
	case types.PhysBool:
		setBits(c.Bits, at, n, false)
	case types.PhysI8:
		clear(c.I8[at : at+n])
	case types.PhysI16:
		clear(c.I16[at : at+n])
	case types.PhysI32:
		clear(c.I32[at : at+n])
	case types.PhysI64:
		clear(c.I64[at : at+n])
	case types.PhysF32:
		clear(c.F32[at : at+n])
	case types.PhysF64:
		clear(c.F64[at : at+n])
	case types.PhysDec:
		clear(c.Dec[at : at+n])
	case types.PhysBytes:
		clear(c.Views[at : at+n])
	case types.PhysList:
		if at == 0 {
			c.Offs[0] = 0
			c.nullKids(0, 0)
		}
		fill(c.Offs[at+1:at+n+1], c.Offs[at])
	case types.PhysRow:
		c.nullKids(at, n)
	}
	if n > 0 {
		c.growNulls(at + n)
		setBits(c.Nulls, at, n, true)
	}
}

// nullKids appends NULLs to children, which are made of the type's fields if
// there are none yet.
func (c *Col) nullKids(at, n int) {
	if k := kidCount(c.Type); len(c.Kids) != k {
		c.setKids(k)
	}
	for i := range c.Kids {
		if at == 0 {
			c.Kids[i].claim(kidType(c.Type, i))
		} else {
			c.Kids[i].own(at)
		}
		nullCol(&c.Kids[i], at, n)
	}
}
