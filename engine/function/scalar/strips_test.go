package scalar_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// TestStrips computes random arithmetic for a large batch, in which chains of cheap
// instructions run strip by strip, and for pieces of it that are smaller than a strip.
func TestStrips(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	ts := []types.Type{types.BigIntT, types.BigIntT, types.BigIntT, types.IntT, types.DoubleT, types.DecimalT(10, 2)}
	at := 0 // of the operator in the statement: which one fails must be the same, too
	place := func(err error) string {
		e, ok := err.(*diag.Error)
		if !ok {
			return fmt.Sprint(err)
		}
		return fmt.Sprint(e, e.Span)
	}
	var grow func(depth int) expr.Node
	grow = func(depth int) expr.Node {
		if depth == 0 || r.IntN(5) == 0 {
			if r.IntN(4) == 0 {
				return literalOf(types.IntT, int64(r.IntN(5)))
			}
			i := r.IntN(len(ts))
			return expr.NewRef(i, ts[i], diag.Span{})
		}
		at++
		op := []string{"+", "-", "*", "+", "*", "/", "%"}[r.IntN(7)]
		n, err := expr.NewCall(functions.Lookup(op), []expr.Node{grow(depth - 1), grow(depth - 1)}, diag.Span{Start: at, End: at + 1})
		if err != nil {
			return grow(depth - 1) // a product with too many digits
		}
		return n
	}
	f := function.NewFrame(function.FixedEnv{WatermarkTime: batch.NoWatermark}, time.UTC)
	failed := 0
	for range 400 {
		nodes := []expr.Node{grow(3), grow(4)}
		const n = 3000
		zeros, nulls := []int{0, 2, 5}[r.IntN(3)], []int{0, 3}[r.IntN(2)]
		column := func(t types.Type) batch.Col {
			b := batch.NewBuilder(t)
			for range n {
				switch {
				case nulls > 0 && r.IntN(2000) < nulls:
					b.AppendNull()
				case r.IntN(4000) < zeros:
					b.AppendAny(map[bool]any{true: 0.0, false: int64(0)}[t.IsApprox()])
				case t.IsApprox():
					b.AppendFloat(r.Float64()*10 + 1)
				default:
					b.AppendInt(int64(1 + r.IntN(100)))
				}
			}
			return b.Finish()
		}
		in := &batch.Batch{N: n}
		for _, ty := range ts {
			in.Cols = append(in.Cols, column(ty))
		}
		if r.IntN(3) == 0 {
			for i := range n {
				if r.IntN(3) > 0 {
					in.Sel = append(in.Sel, uint16(i))
				}
			}
		}
		calc := must2(expr.NewCalc(nil, nodes, ts))
		var out, part batch.Batch
		err := calc.Run(f, in, &out)
		small := must2(expr.NewCalc(nil, nodes, ts))
		for from := 0; from < n; from += 500 {
			piece := &batch.Batch{N: 500}
			for i := range in.Cols {
				sel := make([]uint16, 500)
				for k := range sel {
					sel[k] = uint16(from + k)
				}
				var c batch.Col
				c.Gather(&in.Cols[i], sel, len(sel))
				piece.Cols = append(piece.Cols, c)
			}
			live := map[int]bool{}
			for _, l := range in.Sel {
				if int(l) >= from && int(l) < from+500 {
					piece.Sel = append(piece.Sel, l-uint16(from))
				}
				live[int(l)] = true
			}
			if in.Sel != nil && piece.Sel == nil {
				continue
			}
			if e := small.Run(f, piece, &part); e != nil {
				failed++
				if place(e) != place(err) {
					t.Fatalf("%s: whole %s, in pieces %s", expr.String(nodes[0], nil), place(err), place(e))
				}
				break
			}
			if err != nil {
				continue
			}
			for k := range nodes {
				for i := range 500 {
					if in.Sel != nil && !live[from+i] {
						continue
					}
					if a, b := out.Cols[k].Any(from+i), part.Cols[k].Any(i); fmt.Sprint(a) != fmt.Sprint(b) {
						t.Fatalf("%s, row %d: whole %v, in pieces %v", expr.String(nodes[k], nil), from+i, a, b)
					}
				}
			}
		}
	}
	if failed == 0 {
		t.Error("no division failed: errors are not compared")
	}
}

func must2[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
