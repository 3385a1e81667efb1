package kernel

import (
	"bytes"
	"cmp"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// Op is a comparison. The numbers are those of the comparisons of expressions.
type Op uint8

// The comparisons.
const (
	Eq Op = iota
	Ne
	Lt
	Le
	Gt
	Ge
)

// swap is the comparison with sides exchanged.
func (op Op) swap() Op { return [...]Op{Eq, Ne, Gt, Ge, Lt, Le}[op] }

// holds reports whether the comparison is true for the order c of its sides.
func (op Op) holds(c int) bool {
	switch op {
	case Eq:
		return c == 0
	case Ne:
		return c != 0
	case Lt:
		return c < 0
	case Le:
		return c <= 0
	case Gt:
		return c > 0
	default:
		return c >= 0
	}
}

// Compare writes a op b to dst for n lanes. Both sides have the same layout, at
// most one is constant. Lanes with a NULL get any value.
func Compare(dst []uint64, op Op, a, b *batch.Col, n int, live []uint64) {
	if a.Enc == batch.Const && b.Enc != batch.Const {
		a, b, op = b, a, op.swap()
	}
	bc := b.Enc == batch.Const
	switch a.Type.Phys() {
	case types.PhysBool:
		compareBools(dst, op, a.Bits, b.Bits, bc)
	case types.PhysI8:
		compareOrdered(dst, op, a.I8[:n], b.I8, bc)
	case types.PhysI16:
		compareOrdered(dst, op, a.I16[:n], b.I16, bc)
	case types.PhysI32:
		compareOrdered(dst, op, a.I32[:n], b.I32, bc)
	case types.PhysI64:
		compareOrdered(dst, op, a.I64[:n], b.I64, bc)
	case types.PhysF32:
		compareOrdered(dst, op, a.F32[:n], b.F32, bc)
	case types.PhysF64:
		compareOrdered(dst, op, a.F64[:n], b.F64, bc)
	case types.PhysDec:
		compareDecs(dst, op, a.Dec[:n], b.Dec, bc)
	case types.PhysBytes:
		if op == Eq || op == Ne {
			equalStrings(dst, a, b, n, live)
			if op == Ne {
				Invert(dst, dst)
			}
			return
		}
		compareStrings(dst, op, a, b, n, live)
	default:
		clear(dst[:batch.Words(n)])
		for i := range Lanes(n, live) {
			if op.holds(a.CompareLanes(i, b, i, false)) {
				batch.SetBit(dst, i)
			}
		}
	}
}

// Invert writes NOT a to dst.
func Invert(dst, a []uint64) {
	for i := range dst {
		dst[i] = ^a[i]
	}
}

func compareOrdered[T cmp.Ordered](dst []uint64, op Op, a, b []T, bc bool) {
	if bc {
		y := b[0]
		switch op {
		case Eq:
			Test1(dst, a, func(x T) bool { return x == y })
		case Ne:
			Test1(dst, a, func(x T) bool { return x != y })
		case Lt:
			Test1(dst, a, func(x T) bool { return x < y })
		case Le:
			Test1(dst, a, func(x T) bool { return x <= y })
		case Gt:
			Test1(dst, a, func(x T) bool { return x > y })
		case Ge:
			Test1(dst, a, func(x T) bool { return x >= y })
		}
		return
	}
	switch op {
	case Eq:
		Test2(dst, a, b, func(x, y T) bool { return x == y })
	case Ne:
		Test2(dst, a, b, func(x, y T) bool { return x != y })
	case Lt:
		Test2(dst, a, b, func(x, y T) bool { return x < y })
	case Le:
		Test2(dst, a, b, func(x, y T) bool { return x <= y })
	case Gt:
		Test2(dst, a, b, func(x, y T) bool { return x > y })
	case Ge:
		Test2(dst, a, b, func(x, y T) bool { return x >= y })
	}
}

func compareDecs(dst []uint64, op Op, a, b []batch.Dec, bc bool) {
	if bc {
		y := b[0]
		Test1(dst, a, func(x batch.Dec) bool { return op.holds(x.Cmp(y)) })
		return
	}
	Test2(dst, a, b, func(x, y batch.Dec) bool { return op.holds(x.Cmp(y)) })
}

func compareBools(dst []uint64, op Op, a, b []uint64, bc bool) {
	var spread uint64
	if bc && b[0]&1 != 0 {
		spread = ^uint64(0)
	}
	for i := range dst {
		x, y := a[i], spread
		if !bc {
			y = b[i]
		}
		switch op {
		case Eq:
			dst[i] = ^(x ^ y)
		case Ne:
			dst[i] = x ^ y
		case Lt:
			dst[i] = ^x & y
		case Le:
			dst[i] = ^x | y
		case Gt:
			dst[i] = x &^ y
		case Ge:
			dst[i] = x | ^y
		}
	}
}

func compareStrings(dst []uint64, op Op, a, b *batch.Col, n int, live []uint64) {
	clear(dst[:batch.Words(n)])
	x, y := StrsOf(a), StrsOf(b)
	for i := range Lanes(n, live) {
		if op.holds(bytes.Compare(x.At(i), y.At(i))) {
			batch.SetBit(dst, i)
		}
	}
}

// equalStrings compares lengths and first bytes in the views, and the rest of long
// values only where those agree.
func equalStrings(dst []uint64, a, b *batch.Col, n int, live []uint64) {
	if b.Enc == batch.Const && b.Views[0].Len() <= batch.InlineMax {
		y := b.Views[0]
		Test1(dst, a.Views[:n], func(x batch.View) bool { return x == y })
		return
	}
	clear(dst[:batch.Words(n)])
	x, y := StrsOf(a), StrsOf(b)
	for i := range Lanes(n, live) {
		v, w := x.View(i), y.View(i)
		if v.A != w.A {
			continue
		}
		if v.Len() <= batch.InlineMax && v.B == w.B || v.Len() > batch.InlineMax && bytes.Equal(x.At(i), y.At(i)) {
			batch.SetBit(dst, i)
		}
	}
}
