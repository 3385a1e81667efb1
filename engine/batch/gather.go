package batch

import "github.com/minkstream/mink/engine/types"

// lane is what a selection counts with: lanes of a batch fit 16 bits, elements of
// list columns do not.
type lane interface{ uint16 | uint32 }

// Gather makes c the lanes sel of src, dense and in that order; sel nil takes the
// first n lanes, otherwise n is len(sel). Lanes may repeat and need not ascend.
// Memory of c is used again; string bytes are shared with src. A constant column
// stays one, and sparse rows stay sparse.
func (c *Col) Gather(src *Col, sel []uint16, n int) {
	if c == src {
		old := *src
		src = &old
		*c = Col{}
	}
	if src.Enc == Const {
		c.claim(src.Type)
		fillCol(c, 0, src, 0, 1)
		c.Enc = Const
		return
	}
	c.claim(src.Type)
	appendCol(c, 0, src, sel, n)
}

// Append writes the lanes sel of src (sel nil: the first n) to the lanes from at
// on of c, which holds at lanes already. With at = 0 column c takes the type of
// src. Columns grow within their capacity, so a buffer that has reached its size
// allocates no more. Constants are written out; a sparse row stays sparse while
// only sparse rows are appended.
func (c *Col) Append(at int, src *Col, sel []uint16, n int) {
	if at == 0 {
		c.claim(src.Type)
	} else {
		c.own(at)
	}
	appendCol(c, at, src, sel, n)
}

// AppendIndex is Append with lanes that may exceed 16 bits, for elements of lists
// and for long columns outside of batches.
func (c *Col) AppendIndex(at int, src *Col, sel []uint32, n int) {
	if at == 0 {
		c.claim(src.Type)
	} else {
		c.own(at)
	}
	appendCol(c, at, src, sel, n)
}

// AppendRepeat writes lane i of src n times from lane at on.
func (c *Col) AppendRepeat(at int, src *Col, i, n int) {
	if at == 0 {
		c.claim(src.Type)
	} else {
		c.own(at)
	}
	fillCol(c, at, src, i, n)
}

// AppendNulls writes n NULLs from lane at on. With at = 0 the column must have
// its type already.
func (c *Col) AppendNulls(at, n int) {
	if at == 0 {
		c.claim(c.Type)
	} else {
		c.own(at)
	}
	nullCol(c, at, n)
}

// appendCol is Append on a column that owns its memory.
func appendCol[I lane](c *Col, at int, src *Col, sel []I, n int) {
	switch {
	case src.Enc == Const:
		fillCol(c, at, src, 0, n)
		return
	case src.Enc == Sparse:
		appendSparse(c, at, src, sel, n)
		return
	case c.Enc == Sparse:
		c.Flatten(at)
	}
	c.grow(at + n)
	switch c.mem.phys {
	case types.PhysBool:
		gatherBits(c.Bits, at, src.Bits, sel, n)
	case types.PhysI8:
		gather(c.I8[at:], src.I8, sel, n)
	case types.PhysI16:
		gather(c.I16[at:], src.I16, sel, n)
	case types.PhysI32:
		gather(c.I32[at:], src.I32, sel, n)
	case types.PhysI64:
		gather(c.I64[at:], src.I64, sel, n)
	case types.PhysF32:
		gather(c.F32[at:], src.F32, sel, n)
	case types.PhysF64:
		gather(c.F64[at:], src.F64, sel, n)
	case types.PhysDec:
		gather(c.Dec[at:], src.Dec, sel, n)
	case types.PhysBytes:
		remap := c.mergeBufs(at, src)
		gather(c.Views[at:], src.Views, sel, n)
		rebase(c.Views[at:at+n], remap)
	case types.PhysList:
		appendList(c, at, src, sel, n)
	case types.PhysRow:
		c.setKids(len(src.Kids))
		for i := range src.Kids {
			kid := &c.Kids[i]
			if at == 0 {
				kid.claim(src.Kids[i].Type)
			} else {
				kid.own(at)
			}
			appendCol(kid, at, &src.Kids[i], sel, n)
		}
	}
	appendNullBits(c, at, src.Nulls, sel, n)
}

// appendNullBits adds the null bits of n appended lanes.
func appendNullBits[I lane](c *Col, at int, nulls []uint64, sel []I, n int) {
	switch {
	case n == 0:
	case nulls == nil && c.Nulls == nil:
	case nulls == nil:
		c.growNulls(at + n)
		setBits(c.Nulls, at, n, false)
	default:
		had := c.Nulls != nil
		c.growNulls(at + n)
		if !gatherBits(c.Nulls, at, nulls, sel, n) && !had {
			c.Nulls = nil
		}
	}
}

// gather writes src[sel[i]] to dst[i], or copies n values.
func gather[T any, I lane](dst, src []T, sel []I, n int) {
	if sel == nil {
		copy(dst[:n], src[:n])
		return
	}
	sel = sel[:n]
	dst = dst[:len(sel)]
	for i, l := range sel {
		dst[i] = src[l]
	}
}

// gatherBits is gather for bitmaps, writing from bit at on. It reports whether
// any bit written is set.
func gatherBits[I lane](dst []uint64, at int, src []uint64, sel []I, n int) bool {
	if n == 0 {
		return false
	}
	var any uint64
	if sel == nil {
		shift := uint(at & 63)
		for i := 0; i < n; i += 64 {
			w := src[i>>6]
			if left := n - i; left < 64 {
				w &= 1<<uint(left) - 1
			}
			any |= w
			k := (at + i) >> 6
			if shift == 0 {
				dst[k] = w
				continue
			}
			dst[k] = dst[k]&(1<<shift-1) | w<<shift
			if k+1 < len(dst) {
				dst[k+1] = w >> (64 - shift)
			}
		}
		return any != 0
	}
	k, b := at>>6, uint(at&63)
	cur := dst[k] & (1<<b - 1)
	for _, l := range sel[:n] {
		bit := src[l>>6] >> (l & 63) & 1
		any |= bit
		cur |= bit << b
		if b++; b == 64 {
			dst[k] = cur
			k, b, cur = k+1, 0, 0
		}
	}
	if b > 0 {
		dst[k] = cur
	}
	return any != 0
}

// setBits sets or clears n bits from bit at on.
func setBits(w []uint64, at, n int, on bool) {
	for n > 0 {
		k, b := at>>6, uint(at&63)
		m := min(n, 64-int(b))
		mask := ^uint64(0) >> (64 - uint(m)) << b
		if on {
			w[k] |= mask
		} else {
			w[k] &^= mask
		}
		at, n = at+m, n-m
	}
}
