package scalar

import (
	"bytes"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var greatest = function.Func{
	Name: "GREATEST", Category: function.Conditional,
	Summary:    "The largest of the values; NULL if one is NULL.",
	Signatures: []string{"GREATEST(a, ...)"},
	Examples:   []function.Example{{SQL: "GREATEST(1, 3, 2)", Want: "3"}, {SQL: "GREATEST('a', 'c', 'b')", Want: "c"}, {SQL: "GREATEST(1, CAST(NULL AS INT))", Want: "NULL"}},
	Infer:      func(c *function.Call) (function.Resolved, error) { return inferExtreme(c, 1) },
}

var least = function.Func{
	Name: "LEAST", Category: function.Conditional,
	Summary:    "The smallest of the values; NULL if one is NULL.",
	Signatures: []string{"LEAST(a, ...)"},
	Examples:   []function.Example{{SQL: "LEAST(1.5, 3, 2)", Want: "1.5"}, {SQL: "LEAST('b', 'a')", Want: "a"}},
	Infer:      func(c *function.Call) (function.Resolved, error) { return inferExtreme(c, -1) },
}

func inferExtreme(c *function.Call, side int) (function.Resolved, error) {
	if err := count(c, 1, 1, true); err != nil {
		return function.Resolved{}, err
	}
	var ts []types.Type
	for _, a := range c.Args {
		ts = append(ts, a.Type)
	}
	t, err := function.CommonType(ts...)
	if err != nil {
		return function.Resolved{}, err
	}
	if t.IsNested() {
		return function.Resolved{}, diag.New(diag.InvalidArgument, "%s does not take %s", c.Name, t.Nullable(true))
	}
	r := function.Resolved{Result: t, Strict: true, Cost: 2 * len(ts)}
	for _, u := range ts {
		r.Params = append(r.Params, cast(u, t))
	}
	r.Eval = func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		extreme(f, dst, args, side, n, live)
		return nil
	}
	return r, nil
}

func extreme(f *function.Frame, dst *batch.Col, args []*batch.Col, side, n int, live []uint64) {
	switch dst.Type.Phys() {
	case types.PhysI8:
		extremeInts(dst.I8[:n], args, side, func(c *batch.Col) []int8 { return c.I8 })
	case types.PhysI16:
		extremeInts(dst.I16[:n], args, side, func(c *batch.Col) []int16 { return c.I16 })
	case types.PhysI32:
		extremeInts(dst.I32[:n], args, side, func(c *batch.Col) []int32 { return c.I32 })
	case types.PhysI64:
		extremeInts(dst.I64[:n], args, side, func(c *batch.Col) []int64 { return c.I64 })
	case types.PhysF32:
		extremeOf(dst.F32[:n], args, side, func(c *batch.Col) []float32 { return c.F32 })
	case types.PhysF64:
		extremeOf(dst.F64[:n], args, side, func(c *batch.Col) []float64 { return c.F64 })
	case types.PhysBytes:
		extremeText(f, dst, args, side, n, live)
	default:
		for i := range kernel.Lanes(n, live) {
			best := args[0]
			for _, a := range args[1:] {
				if a.CompareLanes(i, best, i, false) == side {
					best = a
				}
			}
			if dst.Dec != nil {
				dst.Dec[i] = best.Dec[lane(best, i)]
			} else if dst.Bits != nil && batch.Bit(best.Bits, lane(best, i)) {
				batch.SetBit(dst.Bits, i)
			}
		}
	}
}

func extremeInts[T kernel.Integer](dst []T, args []*batch.Col, side int, values func(*batch.Col) []T) {
	first := slices.IndexFunc(args, func(a *batch.Col) bool { return a.Enc != batch.Const })
	acc := values(args[first])[:len(dst)]
	if len(args) == 1 {
		copy(dst, acc)
	}
	for k, a := range args {
		v := values(a)
		switch {
		case k == first:
			continue
		case a.Enc == batch.Const && side > 0:
			y := v[0]
			kernel.Map1(dst, acc, func(x T) T { return max(x, y) })
		case a.Enc == batch.Const:
			y := v[0]
			kernel.Map1(dst, acc, func(x T) T { return min(x, y) })
		case side > 0:
			kernel.Map2(dst, acc, v, func(x, y T) T { return max(x, y) })
		default:
			kernel.Map2(dst, acc, v, func(x, y T) T { return min(x, y) })
		}
		acc = dst
	}
}

// extremeOf is of floating-point numbers: -0.0 is below 0.0, and NaN above all.
func extremeOf[T ~float32 | ~float64](dst []T, args []*batch.Col, side int, values func(*batch.Col) []T) {
	for k, a := range args {
		v := values(a)
		step := -1
		if a.Enc == batch.Const {
			step = 0
		}
		for i := range dst {
			x := v[i&step]
			if k == 0 || batch.OrderFloats(float64(x), float64(dst[i])) == side {
				dst[i] = x
			}
		}
	}
}

func extremeText(f *function.Frame, dst *batch.Col, args []*batch.Col, side, n int, live []uint64) {
	w := f.Strings(dst)
	x, y := kernel.StrsOf(args[0]), kernel.StrsOf(args[0])
	for i := range kernel.Lanes(n, live) {
		best := 0
		x = kernel.StrsOf(args[0])
		for k := 1; k < len(args); k++ {
			y = kernel.StrsOf(args[k])
			if bytes.Compare(y.At(i), x.At(i)) == side {
				x, best = y, k
			}
		}
		x = kernel.StrsOf(args[best])
		w.Buf = append(w.Buf, x.At(i)...)
		dst.Views[i] = w.End()
	}
	w.Close()
}
