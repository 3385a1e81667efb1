package expr_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// probe is a function of one INT that says which lanes it was computed for and fails
// for some values.
type probe struct {
	runs  int
	lanes []int
	fails func(v int64) bool
	det   function.Det
	cost  int
}

// call makes name(arg), a strict function that returns its argument.
func (p *probe) call(t testing.TB, name string, arg expr.Node, at int) expr.Node {
	f := &function.Func{Name: name, Det: p.det, Infer: func(c *function.Call) (function.Resolved, error) {
		a := c.Args[0].Type
		return function.Resolved{Params: []types.Type{a}, Result: a, Strict: true, Fallible: p.fails != nil, Cost: p.cost, Eval: p.eval}, nil
	}}
	n, err := expr.NewCall(f, []expr.Node{arg}, diag.Span{Start: at, End: at + 1})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (p *probe) eval(_ *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	p.runs++
	for i := range kernel.Lanes(n, live) {
		p.lanes = append(p.lanes, i)
		v := args[0].Int(i)
		if p.fails != nil && p.fails(v) {
			return batch.FailLane(i, diag.InvalidArgument, "value %d", v)
		}
		dst.I32[i] = int32(v)
	}
	return nil
}

func newFrame() *function.Frame {
	return function.NewFrame(function.FixedEnv{Random: rand.New(rand.NewPCG(1, 1)), WatermarkTime: batch.NoWatermark}, nil)
}

func compare(t testing.TB, op expr.CompareOp, l, r expr.Node) expr.Node {
	n, err := expr.NewCompare(op, l, r, diag.Span{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func column(i int) expr.Node { return expr.NewRef(i, types.IntT, diag.Span{}) }

func number(v int64) expr.Node {
	c := batch.ConstInt(types.IntT, v)
	return expr.NewLiteral(&c, diag.Span{})
}

// rows makes a batch of one INT column.
func rows(values ...any) *batch.Batch {
	b := batch.NewBatchBuilder(types.IntT)
	for _, v := range values {
		b.Row(batch.Insert, v)
	}
	return b.Finish()
}

func run(t testing.TB, b *batch.Batch, nodes ...expr.Node) ([]*batch.Col, error) {
	ts := make([]types.Type, len(b.Cols))
	for i := range ts {
		ts[i] = b.Cols[i].Type
	}
	p, err := expr.Compile(nodes, ts)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]*batch.Col, len(nodes))
	return out, p.Run(newFrame(), b, out)
}

// TestComputedOnce: equal subexpressions are computed once, also across outputs and
// inside of branches, unless they differ from row to row.
func TestComputedOnce(t *testing.T) {
	p := &probe{}
	f := func() expr.Node { return p.call(t, "F", column(0), 0) }
	inCase, err := expr.NewCase([]expr.Node{compare(t, expr.Gt, f(), number(1)), f(), number(0)}, diag.Span{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, rows(1, 2, 3), f(), compare(t, expr.Lt, f(), f()), inCase); err != nil {
		t.Fatal(err)
	}
	if p.runs != 1 {
		t.Errorf("computed %d times", p.runs)
	}
	p = &probe{det: function.PerCall}
	if _, err := run(t, rows(1, 2, 3), f(), f()); err != nil {
		t.Fatal(err)
	}
	if p.runs != 2 {
		t.Errorf("a function of PerCall was computed %d times, want 2", p.runs)
	}
	// What only a branch has computed is not known outside of it.
	p = &probe{}
	only, err := expr.NewCase([]expr.Node{compare(t, expr.Gt, column(0), number(2)), f(), number(0)}, diag.Span{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := run(t, rows(1, 2, 3), only, f())
	if err != nil || out[1].I32[0] != 1 || out[1].I32[1] != 2 {
		t.Errorf("%v, %v", out[1].I32[:3], err)
	}
}

// TestLanesOfBranches: costly and fallible operands are computed for the rows that
// need them and no others.
func TestLanesOfBranches(t *testing.T) {
	never := func(int64) bool { return false }
	b := rows(1, 2, nil, 4, 5)
	over := compare(t, expr.Gt, column(0), number(2))
	for name, make := range map[string]func(x expr.Node) expr.Node{
		"AND": func(x expr.Node) expr.Node { return expr.NewAnd(over, compare(t, expr.Lt, x, number(5))) },
		"OR": func(x expr.Node) expr.Node {
			return expr.NewOr(expr.NewNot(over, diag.Span{}), compare(t, expr.Lt, x, number(5)))
		},
		"CASE": func(x expr.Node) expr.Node {
			n, _ := expr.NewCase([]expr.Node{over, x, number(0)}, diag.Span{})
			return n
		},
		"COALESCE": func(x expr.Node) expr.Node {
			n, _ := expr.NewCoalesce([]expr.Node{column(0), x}, diag.Span{})
			return n
		},
	} {
		p := &probe{fails: never}
		if _, err := run(t, b, make(p.call(t, "F", column(0), 0))); err != nil {
			t.Fatal(err)
		}
		want := []int{3, 4} // row 2 is NULL and so not live for a strict function
		if name == "COALESCE" {
			want = nil
		}
		if !slices.Equal(p.lanes, want) {
			t.Errorf("%s computed lanes %v, want %v", name, p.lanes, want)
		}
	}
	// A selection leaves lanes out too.
	p := &probe{fails: func(v int64) bool { return v == 1 || v == 4 }}
	b.Sel = []uint16{1, 4}
	if _, err := run(t, b, p.call(t, "F", column(0), 0)); err != nil || !slices.Equal(p.lanes, []int{1, 4}) {
		t.Errorf("computed lanes %v: %v", p.lanes, err)
	}
}

// TestLowestRow: the error is that of the lowest row, then of the leftmost
// expression, whatever the cut of the batches.
func TestLowestRow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(0, 30), 1, 100).Draw(rt, "values")
		var sets [3]map[int64]bool
		var nodes []expr.Node
		for k := range sets {
			sets[k] = map[int64]bool{rapid.Int64Range(0, 40).Draw(rt, "bad"): true, rapid.Int64Range(0, 40).Draw(rt, "bad"): true}
			p := &probe{fails: func(v int64) bool { return sets[k][v] }, cost: 1 + 10*rapid.IntRange(0, 1).Draw(rt, "cost")}
			nodes = append(nodes, p.call(t, fmt.Sprintf("F%d", k), column(0), 10*k))
		}
		sum := compare(t, expr.Lt, nodes[0], nodes[1])
		wantRow, wantAt := -1, 0
		for i, v := range values {
			for k := 2; k >= 0; k-- {
				if sets[k][v] {
					wantRow, wantAt = i, 10*k
				}
			}
			if wantRow >= 0 {
				break
			}
		}
		cut := rapid.IntRange(1, len(values)).Draw(rt, "cut")
		for from := 0; from < len(values); from += cut {
			var piece []any
			for _, v := range values[from:min(from+cut, len(values))] {
				piece = append(piece, v)
			}
			_, err := run(t, rows(piece...), sum, nodes[2])
			if wantRow < 0 || wantRow >= from+cut {
				if err != nil {
					rt.Fatalf("error %v in rows %d.. of %v", err, from, values)
				}
				continue
			}
			d := diag.As(err)
			if d == nil || d.Span.Start != wantAt || d.Msg != fmt.Sprintf("value %d", values[wantRow]) {
				rt.Fatalf("error %v, want value %d at %d", err, values[wantRow], wantAt)
			}
			return
		}
	})
}

// TestFold: what is constant is computed once, before; what fails is left.
func TestFold(t *testing.T) {
	p := &probe{}
	n := expr.Fold(compare(t, expr.Lt, p.call(t, "F", number(3), 0), column(0)), nil)
	if got := expr.String(n, []string{"a"}); got != "(3 < a)" || p.runs != 1 {
		t.Errorf("folded to %s in %d runs", got, p.runs)
	}
	p = &probe{fails: func(int64) bool { return true }}
	if got := expr.String(expr.Fold(p.call(t, "F", number(3), 0), nil), nil); got != "F(3)" {
		t.Errorf("what fails became %s", got)
	}
	p = &probe{det: function.PerStep}
	if got := expr.String(expr.Fold(p.call(t, "F", number(3), 0), nil), nil); got != "F(3)" {
		t.Errorf("a function of PerStep became %s", got)
	}
	for text, n := range map[string]expr.Node{
		"false":    expr.NewAnd(compare(t, expr.Lt, column(0), number(1)), compare(t, expr.Lt, number(2), number(1))),
		"(a < 1)":  expr.NewAnd(compare(t, expr.Lt, column(0), number(1)), compare(t, expr.Lt, number(1), number(2)), compare(t, expr.Lt, column(0), number(1))),
		"(a >= 1)": expr.NewNot(compare(t, expr.Lt, column(0), number(1)), diag.Span{}),
	} {
		if got := expr.String(expr.Fold(n, nil), []string{"a"}); got != text {
			t.Errorf("folded to %s, want %s", got, text)
		}
	}
}

// TestKeys: constants that only look alike stay apart.
func TestKeys(t *testing.T) {
	list := func(values ...any) expr.Node {
		b := batch.NewBuilder(types.ArrayT(types.StringT))
		b.AppendAny(values)
		c := b.Finish()
		return expr.NewLiteral(&c, diag.Span{})
	}
	apart := []expr.Node{list("a, b"), list("a", "b"), list("NULL"), list(nil), number(1), column(1), expr.NewNull(types.IntT, diag.Span{})}
	for i, a := range apart {
		for j, b := range apart {
			if expr.Equal(a, b) != (i == j) {
				t.Errorf("%s equals %s", expr.String(a, nil), expr.String(b, nil))
			}
		}
	}
	out, err := run(t, rows(1), apart[0], apart[1])
	if err != nil || out[0].Offs[1]-out[0].Offs[0] != 1 || out[1].Offs[1]-out[1].Offs[0] != 2 {
		t.Errorf("lists of %v and %v elements: %v", out[0].Offs, out[1].Offs, err)
	}
}

// TestLongChains: the time to compile grows with the length of an expression and not
// with its square.
func TestLongChains(t *testing.T) {
	sum := column(0)
	for range 20_000 {
		sum = expr.NewNot(expr.NewIs(expr.IsNull, false, sum, diag.Span{}), diag.Span{})
	}
	if _, err := expr.Compile([]expr.Node{sum}, []types.Type{types.IntT}); err != nil {
		t.Fatal(err)
	}
}

// TestCalc compares a filter with projections against the same rows one by one, over
// flat and sparse ROW columns.
func TestCalc(t *testing.T) {
	rowType := types.RowT(types.Field{Name: "x", Type: types.IntT}, types.Field{Name: "s", Type: types.StringT})
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 200).Draw(rt, "lanes")
		b := &batch.Batch{N: n, Cols: make([]batch.Col, 2)}
		keys := batch.NewBuilder(types.IntT)
		xs := batch.NewBuilder(types.IntT)
		texts := batch.NewBuilder(types.StringT)
		var at []uint16
		var want []string
		limit := rapid.Int64Range(0, 10).Draw(rt, "limit")
		sparse := rapid.Bool().Draw(rt, "sparse")
		follow := rapid.Bool().Draw(rt, "rows as the filter")
		selected := rapid.Bool().Draw(rt, "selected")
		if selected {
			b.Sel = []uint16{}
		}
		rows := batch.NewBuilder(rowType)
		for l := range n {
			k := rapid.Int64Range(0, 9).Draw(rt, "k")
			keys.AppendInt(k)
			in := !selected || rapid.Bool().Draw(rt, "in")
			if selected && in {
				b.Sel = append(b.Sel, uint16(l))
			}
			is := rapid.Bool().Draw(rt, "row")
			if follow {
				is = k < limit && in
			}
			x, s := k*10, strings.Repeat("v", int(k)*2)
			text := fmt.Sprintf("%d NULL NULL NULL", k)
			if is {
				at = append(at, uint16(l))
				xs.AppendInt(x)
				texts.AppendString(s)
				rows.AppendAny([]any{x, s})
				text = fmt.Sprintf("%d %d %s FALSE", k, x, s)
			} else {
				rows.AppendNull()
			}
			if in && k < limit {
				want = append(want, text)
			}
		}
		b.Cols[0] = keys.Finish()
		if sparse {
			b.Cols[1].AllocSparse(rowType, len(at))
			copy(b.Cols[1].At, at)
			b.Cols[1].Kids[0], b.Cols[1].Kids[1] = xs.Finish(), texts.Finish()
		} else {
			b.Cols[1] = rows.Finish()
		}
		ts := []types.Type{types.IntT, rowType}
		r := expr.NewRef(1, rowType, diag.Span{})
		x, err := expr.NewField(r, 0, diag.Span{})
		if err != nil {
			rt.Fatal(err)
		}
		s, err := expr.NewField(r, 1, diag.Span{})
		if err != nil {
			rt.Fatal(err)
		}
		outputs := []expr.Node{column(0), x, s, compare(t, expr.Lt, x, column(0))}
		if rapid.Bool().Draw(rt, "few") {
			outputs = outputs[:3]
		}
		calc, err := expr.NewCalc(compare(t, expr.Lt, column(0), number(limit)), outputs, ts)
		if err != nil {
			rt.Fatal(err)
		}
		var out batch.Batch
		for range 2 { // the second run uses memory again
			if err := calc.Run(newFrame(), b, &out); err != nil {
				rt.Fatal(err)
			}
			if out.Rows() != len(want) {
				rt.Fatalf("%d rows, want %d", out.Rows(), len(want))
			}
			for i, w := range want {
				l := out.Lane(i)
				for k := range outputs {
					got := string(kernel.AppendText(nil, &out.Cols[k], l, nil))
					if part := strings.Split(w, " ")[k]; got != part {
						rt.Fatalf("row %d, output %d is %q, want %q", i, k, got, part)
					}
				}
			}
		}
	})
}

// TestFoldCasts holds the short way of folding casts of literals to what a program
// computes for the same values in a column.
func TestFoldCasts(t *testing.T) {
	ints := []types.Type{types.TinyIntT, types.SmallIntT, types.IntT, types.BigIntT}
	texts := []types.Type{types.CharT(3), types.VarCharT(5), types.VarCharT(2), types.StringT, types.CharT(20)}
	check := func(from, to types.Type, v any) {
		b := batch.NewBuilder(from.Nullable(false))
		b.AppendAny(v)
		c := b.Finish()
		cast, err := expr.NewCast(expr.NewLiteral(&c, diag.Span{}), to, false, diag.Span{Start: 3, End: 4})
		if err != nil {
			t.Fatal(err)
		}
		got, ok := expr.Fold(cast, nil).(*expr.Literal)
		if !ok || got.At.Start != 3 || got.Col.Enc != batch.Const || !types.SameIgnoringNull(got.Type(), to) || !got.Type().NotNull {
			t.Fatalf("%v of %s as %s became %v", v, from, to, got)
		}
		col, err := expr.NewCast(expr.NewRef(0, from, diag.Span{}), to, false, diag.Span{})
		if err != nil {
			t.Fatal(err)
		}
		out, err := run(t, &batch.Batch{N: 1, Cols: []batch.Col{c}}, col)
		if err != nil {
			t.Fatal(err)
		}
		if g, w := kernel.AppendText(nil, got.Col, 0, nil), kernel.AppendText(nil, out[0], 0, nil); string(g) != string(w) {
			t.Errorf("%v of %s as %s is %q, want %q", v, from, to, g, w)
		}
	}
	for _, from := range ints {
		for _, to := range ints {
			for _, v := range []int64{0, 1, -1, 127, -128} {
				check(from, to, v)
			}
		}
	}
	for _, to := range texts {
		check(types.CharT(3), to, "abc")
		check(types.CharT(20), to, "twenty characters ..")
		check(types.VarCharT(5), to, "four")
	}
}
