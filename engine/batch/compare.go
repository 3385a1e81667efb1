package batch

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/minkstream/mink/engine/types"
)

// CompareLanes compares lane i of c with lane j of o, of the same type, in SQL
// order: -1, 0 or 1. Two NULLs are equal; NULL is the lowest value, or the highest
// if nullsLast. NaN is above every number and equal to itself, strings go by
// bytes, which is the order of code points. Lists and rows go element by element.
func (c *Col) CompareLanes(i int, o *Col, j int, nullsLast bool) int {
	return c.compareLanes(i, o, j, nullsLast, CompareFloats)
}

// OrderLanes is CompareLanes with -0.0 below 0.0: 0 says that the lanes hold the same key.
func (c *Col) OrderLanes(i int, o *Col, j int, nullsLast bool) int {
	return c.compareLanes(i, o, j, nullsLast, OrderFloats)
}

func (c *Col) compareLanes(i int, o *Col, j int, nullsLast bool, floats func(a, b float64) int) int {
	a, b := c.IsNull(i), o.IsNull(j)
	if a || b {
		switch {
		case a && b:
			return 0
		case a != nullsLast:
			return -1
		}
		return 1
	}
	i, j = c.valueLane(i), o.valueLane(j)
	switch c.Type.Phys() {
	case types.PhysBool:
		return cmp.Compare(c.Bits[i>>6]>>(i&63)&1, o.Bits[j>>6]>>(j&63)&1)
	case types.PhysI8:
		return cmp.Compare(c.I8[i], o.I8[j])
	case types.PhysI16:
		return cmp.Compare(c.I16[i], o.I16[j])
	case types.PhysI32:
		return cmp.Compare(c.I32[i], o.I32[j])
	case types.PhysI64:
		return cmp.Compare(c.I64[i], o.I64[j])
	case types.PhysF32:
		return floats(float64(c.F32[i]), float64(o.F32[j]))
	case types.PhysF64:
		return floats(c.F64[i], o.F64[j])
	case types.PhysDec:
		return c.Dec[i].Cmp(o.Dec[j])
	case types.PhysBytes:
		var s, t [12]byte
		return bytes.Compare(c.Bytes(i, &s), o.Bytes(j, &t))
	case types.PhysRow:
		for k := range c.Kids {
			if r := c.Kids[k].compareLanes(i, &o.Kids[k], j, nullsLast, floats); r != 0 {
				return r
			}
		}
		return 0
	case types.PhysList:
		return compareLists(c, i, o, j, nullsLast, floats)
	}
	return 0
}

func compareLists(c *Col, i int, o *Col, j int, nullsLast bool, floats func(a, b float64) int) int {
	a, ae := int(c.Offs[i]), int(c.Offs[i+1])
	b, be := int(o.Offs[j]), int(o.Offs[j+1])
	for ; a < ae && b < be; a, b = a+1, b+1 {
		for k := range c.Kids {
			if r := c.Kids[k].compareLanes(a, &o.Kids[k], b, nullsLast, floats); r != 0 {
				return r
			}
		}
	}
	return cmp.Compare(ae-a, be-b)
}

// valueLane is where the value of a lane that is not NULL lies.
func (c *Col) valueLane(l int) int {
	switch c.Enc {
	case Const:
		return 0
	case Sparse:
		k, _ := slices.BinarySearch(c.At, uint16(l))
		return k
	}
	return l
}

// ValueLane is where the value of a lane that is not NULL lies in the slices or
// children of c: the lane itself, 0 of a constant, the child row of a sparse ROW.
func (c *Col) ValueLane(l int) int { return c.valueLane(l) }

// CompareFloats orders -0.0 with 0.0 and NaN above all.
func CompareFloats(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b:
		return 0
	case a == a:
		return -1
	case b == b:
		return 1
	}
	return 0
}

// OrderFloats orders -0.0 below 0.0, and NaN above all.
func OrderFloats(a, b float64) int {
	if a == 0 && b == 0 {
		return cmp.Compare(math.Float64bits(b)>>63, math.Float64bits(a)>>63)
	}
	return CompareFloats(a, b)
}

// Cmp compares two decimals of equal scale.
func (d Dec) Cmp(e Dec) int {
	if d.Hi != e.Hi {
		return cmp.Compare(d.Hi, e.Hi)
	}
	return cmp.Compare(d.Lo, e.Lo)
}

// EqualLanes reports whether two lanes hold the same key, as the bytes of AppendKey are: two
// NULLs do, 0.0 and -0.0 do not.
func (c *Col) EqualLanes(i int, o *Col, j int) bool {
	if c.Type.Phys() == types.PhysBytes && c.Nulls == nil && o.Nulls == nil {
		a, b := c.Views[c.valueLane(i)], o.Views[o.valueLane(j)]
		if a.A != b.A {
			return false
		}
		if a.Len() <= InlineMax {
			return a.B == b.B
		}
		n := uint32(a.Len())
		return bytes.Equal(c.Bufs[a.Buf()][a.Off():a.Off()+n], o.Bufs[b.Buf()][b.Off():b.Off()+n])
	}
	return c.OrderLanes(i, o, j, false) == 0
}

// EqualRows reports whether the given columns of two rows are equal.
func EqualRows(a []*Col, i int, b []*Col, j int) bool {
	for k := range a {
		if !a[k].EqualLanes(i, b[k], j) {
			return false
		}
	}
	return true
}
