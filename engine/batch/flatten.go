package batch

import (
	"math"

	"github.com/minkstream/mink/engine/types"
)

// Flatten makes c a flat column of n lanes: a constant is written out, a sparse
// row gets NULL rows between the others, also inside of rows. Memory that c does
// not own is left alone.
func (c *Col) Flatten(n int) {
	switch {
	case c.Enc != Flat:
		old := *c
		if old.owned() {
			// The children's memory stays with old; c starts with its own.
			old.mem = nil
		}
		*c = Col{}
		c.claim(old.Type)
		if old.Enc == Const {
			fillCol(c, 0, &old, 0, n)
		} else {
			c.scatterKids(0, &old, sparseHoles[uint16](c.mem, &old, nil, n), n)
			c.dropNoNulls(n)
		}
		c.flattenKids(n)
	case c.Type.Kind == types.Row && c.nestedEnc():
		c.own(n)
		c.flattenKids(n)
	}
}

// Sparsify makes a flat ROW column of n lanes a sparse one, whose children hold only
// the rows that are not NULL; any other column is left alone.
func (c *Col) Sparsify(n int) {
	if c.Type.Kind != types.Row || c.Enc != Flat {
		return
	}
	at := make([]uint16, 0, n)
	for l := range n {
		if !c.IsNull(l) {
			at = append(at, uint16(l))
		}
	}
	kids := make([]Col, len(c.Kids))
	for i := range kids {
		kids[i].Gather(&c.Kids[i], at, len(at))
	}
	*c = Col{Type: c.Type, Enc: Sparse, At: at, Kids: kids}
}

func (c *Col) flattenKids(n int) {
	if c.Type.Kind != types.Row {
		return
	}
	for i := range c.Kids {
		c.Kids[i].Flatten(n)
	}
}

// nestedEnc reports whether a field at any depth is not flat.
func (c *Col) nestedEnc() bool {
	for i := range c.Kids {
		if c.Kids[i].Enc != Flat || c.Kids[i].nestedEnc() {
			return true
		}
	}
	return false
}

// dropNoNulls removes a bitmap in which no lane below n is set.
func (c *Col) dropNoNulls(n int) {
	for w := range Words(n) {
		if c.Nulls == nil || c.Nulls[w]&rangeMask(w, 0, n) != 0 {
			return
		}
	}
	c.Nulls = nil
}

// Dense makes c the first n lanes of src, flat, in c's own memory, which is used
// again: Flatten for hot paths.
func (c *Col) Dense(src *Col, n int) {
	c.claim(src.Type)
	if src.Enc == Sparse {
		c.scatterKids(0, src, sparseHoles[uint16](c.mem, src, nil, n), n)
		c.dropNoNulls(n)
	} else {
		appendCol[uint16](c, 0, src, nil, n)
	}
	c.flattenKids(n)
}

// Flatten flattens all columns.
func (b *Batch) Flatten() {
	for i := range b.Cols {
		b.Cols[i].Flatten(b.N)
	}
}

// ConstNull is a constant NULL of type t.
func ConstNull(t types.Type) Col {
	var c Col
	c.claim(t)
	nullCol(&c, 0, 1)
	c.Enc, c.mem = Const, nil
	return c
}

// ConstInt is a constant of any type laid out as an integer: TINYINT to BIGINT,
// dates, times, intervals, and DECIMAL(p <= 18) by its unscaled value.
func ConstInt(t types.Type, v int64) Col {
	c := Col{Type: t, Enc: Const}
	switch t.Phys() {
	case types.PhysI8:
		c.I8 = []int8{int8(v)}
	case types.PhysI16:
		c.I16 = []int16{int16(v)}
	case types.PhysI32:
		c.I32 = []int32{int32(v)}
	case types.PhysI64:
		c.I64 = []int64{v}
	case types.PhysDec:
		c.Dec = []Dec{DecOf(v)}
	default:
		panic("batch: ConstInt of a type that is no integer: " + t.String())
	}
	return c
}

// DecOf widens an integer.
func DecOf(v int64) Dec { return Dec{Hi: v >> 63, Lo: uint64(v)} }

// ConstFloat is a constant FLOAT or DOUBLE.
func ConstFloat(t types.Type, v float64) Col {
	if t.Phys() == types.PhysF32 {
		return Col{Type: t, Enc: Const, F32: []float32{float32(v)}}
	}
	return Col{Type: t, Enc: Const, F64: []float64{v}}
}

// ConstBool is a constant BOOLEAN.
func ConstBool(v bool) Col {
	c := Col{Type: types.BooleanT.Nullable(false), Enc: Const, Bits: []uint64{0}}
	if v {
		c.Bits[0] = math.MaxUint64
	}
	return c
}

// ConstBytes is a constant string or binary value. It keeps v.
func ConstBytes(t types.Type, v []byte) Col {
	c := Col{Type: t, Enc: Const, Views: []View{MakeRef(v, 0, 0)}}
	if len(v) > InlineMax {
		c.Bufs = [][]byte{v}
	}
	return c
}

// ConstDec is a constant DECIMAL by its unscaled value, of any precision.
func ConstDec(t types.Type, v Dec) Col {
	if t.Phys() == types.PhysI64 {
		return Col{Type: t, Enc: Const, I64: []int64{int64(v.Lo)}}
	}
	return Col{Type: t, Enc: Const, Dec: []Dec{v}}
}
