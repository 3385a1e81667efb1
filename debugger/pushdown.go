package debugger

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// What is asked of an operator's output becomes what its inputs must be like, conjunct by
// conjunct: a column that is passed on is asked for below, one that is computed is written
// out, a bound of a window becomes bounds of time, and the key of a join holds on both
// sides. A conjunct that says nothing about an input is left out there, so more rows are
// candidates than made the output, never fewer.

// asked is a condition as its conjuncts.
type asked []expr.Node

// below is what an input of an operator must be like for the output to be as asked.
func below(o *Operator, in int, want asked) asked {
	var out asked
	for _, c := range want {
		out = append(out, conjunctBelow(o, in, c)...)
	}
	return out
}

// keysOf are the conjuncts that say something of an input: what is left of them is about results.
func keysOf(o *Operator, want asked) asked {
	var out asked
	for _, c := range want {
		for in := range o.InSchemas {
			if conjunctBelow(o, in, c) != nil {
				out = append(out, c)
				break
			}
		}
	}
	return out
}

// conjunctBelow is one conjunct over an input; nil says that it tells nothing of it.
func conjunctBelow(o *Operator, in int, c expr.Node) asked {
	switch n := o.Node.(type) {
	case *plan.Calc:
		return asked{expr.Substitute(c, n.Exprs)}
	case *plan.Sink, *plan.Collect:
		return asked{c}
	case *plan.GroupAggregate:
		return remapped(c, n.Keys)
	case *plan.LocalGroupAggregate:
		return remapped(c, n.Keys)
	case *plan.WindowAggregate:
		return windowed(c, n.Keys, len(n.Aggs), n.Props, &n.Window, n.Attached, n.StartCol, n.EndCol)
	case *plan.GroupWindowAggregate:
		return windowed(c, n.Keys, len(n.Aggs), n.Props, &n.Window, false, -1, -1)
	case *plan.WindowTVF:
		k := len(o.InSchemas[0])
		if refsBelow(c, k) {
			return asked{c}
		}
		return boundOf(c, k, k+1, &n.Window)
	case *plan.Join:
		return joined(c, in, o, n.LeftKeys, n.RightKeys)
	case *plan.IntervalJoin:
		return joined(c, in, o, n.LeftKeys, n.RightKeys)
	case *plan.WindowJoin:
		return joined(c, in, o, append(slices.Clone(n.LeftKeys), n.LeftEnd), append(slices.Clone(n.RightKeys), n.RightEnd))
	case *plan.TemporalJoin:
		return joined(c, in, o, n.LeftKeys, n.RightKeys)
	case *plan.SnapshotJoin:
		return joined(c, in, o, n.LeftKeys, n.RightKeys)
	case *plan.MultiJoin:
		return multiJoined(c, in, o, n.Keys)
	case *plan.Match:
		return nil
	}
	// What is left passes its input's columns on, in front of its own.
	if len(o.InSchemas) == 1 && passes(o) {
		if k := len(o.InSchemas[0]); refsBelow(c, k) {
			return asked{c}
		}
	}
	return nil
}

// passes reports an operator whose output begins with the columns of its input.
func passes(o *Operator) bool {
	in, out := o.InSchemas[0], o.Schema()
	if len(in) > len(out) {
		return false
	}
	for i, f := range in {
		if out[i].Type.Kind != f.Type.Kind {
			return false
		}
	}
	return true
}

func refsBelow(c expr.Node, k int) bool {
	for _, r := range expr.Refs(c) {
		if r >= k {
			return false
		}
	}
	return true
}

// remapped is a conjunct over columns of which the first are others of the input.
func remapped(c expr.Node, cols []int) asked {
	if !refsBelow(c, len(cols)) {
		return nil
	}
	return asked{expr.Remap(c, func(i int) int { return cols[i] })}
}

// windowed is a conjunct over keys, results and bounds of windows.
func windowed(c expr.Node, keys []int, aggs int, props []plan.WindowProp, w *plan.WindowSpec, attached bool, startCol, endCol int) asked {
	if x := remapped(c, keys); x != nil {
		return x
	}
	start, end := -1, -1
	for i, p := range props {
		switch p {
		case plan.WindowStart:
			start = len(keys) + aggs + i
		case plan.WindowEnd:
			end = len(keys) + aggs + i
		}
	}
	if !attached {
		return boundOf(c, start, end, w)
	}
	known := map[int]int{}
	for i, k := range keys {
		known[i] = k
	}
	if startCol >= 0 && start >= 0 {
		known[start] = startCol
	}
	if end >= 0 {
		known[end] = endCol
	}
	for _, r := range expr.Refs(c) {
		if _, ok := known[r]; !ok {
			return nil
		}
	}
	return asked{expr.Remap(c, func(i int) int { return known[i] })}
}

// boundOf turns a comparison of window_start or window_end with a constant into bounds of
// the time column.
func boundOf(c expr.Node, start, end int, w *plan.WindowSpec) asked {
	cmp, ok := c.(*expr.Compare)
	if !ok || w.TimeCol < 0 || w.Kind == plan.Session || w.TimeType.Kind != types.Timestamp {
		return nil // wall-clock time in a zone has no bounds that are so simple
	}
	ref, lit, op := cmp.L, cmp.R, cmp.Op
	if _, isRef := ref.(*expr.InputRef); !isRef {
		ref, lit, op = lit, ref, op.Swap()
	}
	r, isRef := ref.(*expr.InputRef)
	at, known := literalMillis(lit)
	if !isRef || !known || r.Index != start && r.Index != end {
		return nil
	}
	if r.Index == end {
		at -= w.Size
	}
	// at is compared with the start of the longest window now.
	from, to := at, at+w.Size
	if w.Kind == plan.Tumble {
		from = at - ((at-w.Offset)%w.Size+w.Size)%w.Size
		if from < at {
			from += w.Size // the first window that does not begin before at
		}
		to = from
		if from == at {
			to += w.Size // the end of the last that does not begin behind it
		}
	}
	col := expr.NewRef(w.TimeCol, w.TimeType, diag.Span{})
	bound := func(op expr.CompareOp, ms int64) expr.Node {
		return &expr.Compare{Op: op, L: col, R: millisLiteral(ms, w.TimeType)}
	}
	switch op {
	case expr.Eq, expr.NotDistinct:
		return asked{bound(expr.Ge, at), bound(expr.Lt, at+w.Size)}
	case expr.Gt:
		if w.Kind == plan.Tumble {
			from = to
		}
		return asked{bound(expr.Ge, from)}
	case expr.Ge:
		return asked{bound(expr.Ge, from)}
	case expr.Lt:
		if w.Kind == plan.Tumble {
			to = from
		}
		return asked{bound(expr.Lt, to)}
	case expr.Le:
		return asked{bound(expr.Lt, to)}
	}
	return nil
}

// literalMillis is a constant TIMESTAMP in milliseconds.
func literalMillis(n expr.Node) (int64, bool) {
	if !expr.IsConstant(n) || !n.Type().IsTimestamp() {
		return 0, false
	}
	l, err := expr.Eval(n, function.NewFrame(function.FixedEnv{WatermarkTime: batch.NoWatermark}, nil))
	if err != nil || l.Col.IsNull(0) || l.Col.Type.Prec > 3 {
		return 0, false
	}
	return l.Col.Int(0), true
}

func millisLiteral(ms int64, t types.Type) expr.Node {
	c := batch.ConstInt(types.Type{Kind: t.Kind, Prec: t.Prec}, ms)
	return expr.NewLiteral(&c, diag.Span{})
}

// joined is a conjunct over a join's output for one of its inputs. Columns of the other
// side count where they are keys of the join.
func joined(c expr.Node, in int, o *Operator, left, right []int) asked {
	nl := len(o.InSchemas[0])
	ok := true
	x := expr.Remap(c, func(i int) int {
		own, other := left, right
		side := 0
		if i >= nl {
			side, i = 1, i-nl
		}
		if side == in {
			return i
		}
		if in == 1 {
			own, other = right, left
		}
		k := slices.Index(other, i)
		if k < 0 {
			ok = false
			return 0
		}
		return own[k]
	})
	if !ok {
		return nil
	}
	return asked{typed(x, o.InSchemas[in])}
}

// multiJoined is joined for many inputs, whose columns lie side by side.
func multiJoined(c expr.Node, in int, o *Operator, keys [][]int) asked {
	ok := true
	x := expr.Remap(c, func(i int) int {
		side := 0
		for side < len(o.InSchemas)-1 && i >= len(o.InSchemas[side]) {
			i -= len(o.InSchemas[side])
			side++
		}
		if side == in {
			return i
		}
		k := slices.Index(keys[side], i)
		if k < 0 {
			ok = false
			return 0
		}
		return keys[in][k]
	})
	if !ok {
		return nil
	}
	return asked{typed(x, o.InSchemas[in])}
}

// typed gives references the types of the columns that they now mean.
func typed(n expr.Node, schema types.Schema) expr.Node {
	return expr.Rewrite(n, func(n expr.Node) expr.Node {
		if r, ok := n.(*expr.InputRef); ok && len(r.Path) == 0 && r.Index < len(schema) {
			return expr.NewRef(r.Index, schema[r.Index].Type, r.At)
		}
		return n
	})
}

// rowIs asks for the columns of a row.
func rowIs(r Row) asked {
	var out asked
	for i, f := range r.Schema {
		b := batch.NewBuilder(f.Type)
		b.Append(&r.Batch.Cols[i], r.Lane)
		c := b.Finish()
		c.Enc = batch.Const
		n, err := expr.NewCompare(expr.NotDistinct, expr.NewRef(i, f.Type, diag.Span{}), expr.NewLiteral(&c, diag.Span{}), diag.Span{})
		if err == nil {
			out = append(out, n)
		}
	}
	return out
}

// node is the conjuncts as one expression; nil for none.
func (a asked) node() expr.Node {
	switch len(a) {
	case 0:
		return nil
	case 1:
		return a[0]
	}
	return expr.NewAnd(a...)
}

// text is the conjuncts in words of a schema.
func (a asked) text(schema types.Schema) string {
	n := a.node()
	if n == nil {
		return "any row"
	}
	return expr.String(n, schema.Names())
}
