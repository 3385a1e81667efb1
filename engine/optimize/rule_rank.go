package optimize

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

var rankKinds = map[string]plan.RankKind{"ROW_NUMBER": plan.RowNumber, "RANK": plan.RankFunc, "DENSE_RANK": plan.DenseRank}

// ranks makes a Top-N of a row number and a condition that bounds it.
func (o *optimizer) ranks(n logical.Node) (logical.Node, error) {
	return bottomUp(n, func(n logical.Node) (logical.Node, error) {
		f, ok := n.(*logical.Filter)
		if !ok {
			return n, nil
		}
		over, ok := f.In.(*logical.Over)
		if !ok || len(over.Calls) != 1 {
			return n, nil
		}
		kind, ok := rankKinds[over.Calls[0].Func]
		if !ok {
			return n, nil
		}
		return o.rank(f, over, kind)
	})
}

func (o *optimizer) rank(f *logical.Filter, over *logical.Over, kind plan.RankKind) (logical.Node, error) {
	col := len(over.In.Schema())
	r := &logical.Rank{
		Place: f.Place, In: over.In, Kind: kind, PartitionBy: over.PartitionBy, OrderBy: over.OrderBy,
		From: 1, To: plan.NoLimit, ToCol: -1, OutputRank: true, Name: over.Calls[0].Name,
	}
	var rest []expr.Node
	for _, c := range expr.Conjuncts(f.Cond) {
		if !bounds(r, c, col) {
			rest = append(rest, c)
		}
	}
	if r.To == plan.NoLimit && r.ToCol < 0 {
		return f, nil
	}
	if kind != plan.RowNumber {
		if !o.batch {
			return nil, diag.At(over.At, diag.UnsupportedByFlink, "%s() on a stream is not possible, only ROW_NUMBER() is", over.Calls[0].Func).
				WithHint("ROW_NUMBER() keeps n rows of a partition; batch mode has all three")
		}
		return f, nil // a filter over the ranks
	}
	if r.ToCol < 0 && r.From > r.To {
		// Nothing can pass.
		return logical.NewValues(nil, f.Schema(), f.At), nil
	}
	return filter(rest, r), nil
}

// bounds takes a condition on the number into the range of the rank.
func bounds(r *logical.Rank, c expr.Node, col int) bool {
	cmp, ok := c.(*expr.Compare)
	if !ok {
		return false
	}
	l, rt, op := cmp.L, cmp.R, cmp.Op
	if !isColumn(l, col) {
		l, rt, op = rt, l, op.Swap()
	}
	if !isColumn(l, col) {
		return false
	}
	if v, ok := intValue(rt); ok {
		switch op {
		case expr.Lt:
			v--
			fallthrough
		case expr.Le:
			if r.To == plan.NoLimit || v < r.To {
				r.To = max(v, 0)
			}
		case expr.Gt:
			v++
			fallthrough
		case expr.Ge:
			r.From = max(r.From, v)
		case expr.Eq:
			if r.To == plan.NoLimit || v < r.To {
				r.To = max(v, 0)
			}
			r.From = max(r.From, v)
		default:
			return false
		}
		return true
	}
	// rn <= column: the column must be an INT or BIGINT of the input.
	cols := plainColumn(rt)
	if len(cols) == 1 && op == expr.Le && r.ToCol < 0 && cols[0] < col && r.In.Schema()[cols[0]].Type.IsInteger() {
		r.ToCol = cols[0]
		return true
	}
	return false
}

func isColumn(n expr.Node, col int) bool {
	c := plainColumn(n)
	return len(c) == 1 && c[0] == col
}

// intValue reads an integer constant, under casts that keep it.
func intValue(n expr.Node) (int64, bool) {
	for {
		c, ok := n.(*expr.Cast)
		if !ok {
			break
		}
		n = c.Arg
	}
	l, ok := n.(*expr.Literal)
	if !ok || l.Col.IsNull(0) {
		return 0, false
	}
	switch {
	case l.Type().IsInteger():
		return l.Col.Int(0), true
	case l.Type().Kind == types.Decimal && l.Type().Scale == 0 && l.Type().Prec <= 18:
		return l.Col.I64[0], true
	}
	return 0, false
}
