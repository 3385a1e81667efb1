package kernel

import "github.com/minkstream/mink/engine/batch"

// Three-valued logic over bitmaps. A lane is TRUE when its value bit is set and
// its null bit is not, FALSE when neither is, NULL when its null bit is set. A nil
// null bitmap has no bit set.

func word(m []uint64, i int) uint64 {
	if m == nil {
		return 0
	}
	return m[i]
}

// And writes a AND b to bits and, when nulls is not nil, to nulls.
func And(bits, nulls, a, an, b, bn []uint64) {
	if nulls == nil {
		for i := range bits {
			bits[i] = a[i] & b[i]
		}
		return
	}
	for i := range bits {
		av, bv, ax, bx := a[i], b[i], word(an, i), word(bn, i)
		t := av &^ ax & (bv &^ bx)
		f := ^av&^ax | ^bv&^bx
		bits[i], nulls[i] = t, ^(t | f)
	}
}

// Or writes a OR b to bits and, when nulls is not nil, to nulls.
func Or(bits, nulls, a, an, b, bn []uint64) {
	if nulls == nil {
		for i := range bits {
			bits[i] = a[i] | b[i]
		}
		return
	}
	for i := range bits {
		av, bv, ax, bx := a[i], b[i], word(an, i), word(bn, i)
		t := av&^ax | bv&^bx
		f := ^av &^ ax & (^bv &^ bx)
		bits[i], nulls[i] = t, ^(t | f)
	}
}

// True writes the lanes of c that are TRUE to dst, for n lanes; constants are
// spread.
func True(dst []uint64, c *batch.Col, n int) {
	if c.Enc == batch.Const {
		if c.IsNull(0) || c.Bits[0]&1 == 0 {
			clear(dst)
		} else {
			FillOnes(dst, n)
		}
		return
	}
	if c.Nulls == nil {
		copy(dst, c.Bits[:len(dst)])
	} else {
		for i := range dst {
			dst[i] = c.Bits[i] &^ c.Nulls[i]
		}
	}
	if len(dst) > 0 {
		dst[len(dst)-1] &= TailMask(n)
	}
}

// False writes the lanes of c that are FALSE to dst, for n lanes.
func False(dst []uint64, c *batch.Col, n int) {
	if c.Enc == batch.Const {
		if c.IsNull(0) || c.Bits[0]&1 != 0 {
			clear(dst)
		} else {
			FillOnes(dst, n)
		}
		return
	}
	for i := range dst {
		dst[i] = ^(c.Bits[i] | word(c.Nulls, i))
	}
	if len(dst) > 0 {
		dst[len(dst)-1] &= TailMask(n)
	}
}
