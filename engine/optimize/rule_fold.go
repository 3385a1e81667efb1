package optimize

import (
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan/logical"
)

// foldConstants computes what is constant and simplifies conditions. A filter that is
// always true goes away.
func (o *optimizer) foldConstants(n logical.Node) (logical.Node, error) {
	return bottomUp(n, func(n logical.Node) (logical.Node, error) {
		switch n := n.(type) {
		case *logical.Filter:
			c, err := o.foldExpr(n.Cond)
			if err != nil {
				return nil, err
			}
			if isTrue(c) {
				return n.In, nil
			}
			if c == n.Cond {
				return n, nil
			}
			m := *n
			m.Cond = c
			return &m, nil
		case *logical.Project:
			exprs := make([]expr.Node, len(n.Exprs))
			changed := false
			for i, e := range n.Exprs {
				f, err := o.foldExpr(e)
				if err != nil {
					return nil, err
				}
				exprs[i] = keepAttr(e, f)
				changed = changed || exprs[i] != e
			}
			if !changed {
				return n, nil
			}
			return logical.NewProject(n.In, exprs, n.Schema().Names(), n.At), nil
		case *logical.Correlate:
			return o.foldCorrelate(n)
		case *logical.Match:
			return o.foldMatch(n)
		case *logical.Values:
			return o.foldValues(n)
		case *logical.Join:
			if n.Cond == nil {
				return n, nil
			}
			c, err := o.foldExpr(n.Cond)
			if err != nil {
				return nil, err
			}
			if isTrue(c) {
				c = nil
			}
			m := *n
			m.Cond = c
			return &m, nil
		}
		return n, nil
	})
}

// foldValues computes rows here, where the clock is known.
func (o *optimizer) foldValues(n *logical.Values) (logical.Node, error) {
	m := *n
	m.Rows = make([][]expr.Node, len(n.Rows))
	changed := false
	for i, row := range n.Rows {
		m.Rows[i] = make([]expr.Node, len(row))
		for k, e := range row {
			f, err := o.foldExpr(e)
			if err != nil {
				return nil, err
			}
			m.Rows[i][k] = f
			changed = changed || f != e
		}
	}
	if !changed {
		return n, nil
	}
	return &m, nil
}

// keepAttr puts the time attribute of a column back on what it was folded to.
func keepAttr(old, now expr.Node) expr.Node {
	if now == old || old.Type().Attr == now.Type().Attr {
		return now
	}
	if _, ref := old.(*expr.InputRef); ref {
		return now
	}
	return logical.Tag(now, old.Type().Attr)
}

func isTrue(n expr.Node) bool {
	l, ok := n.(*expr.Literal)
	return ok && !l.Col.IsNull(0) && l.Col.Bits != nil && l.Col.Bits[0]&1 != 0
}

// isFalse reports a constant that is FALSE or NULL.
func isFalse(n expr.Node) bool {
	l, ok := n.(*expr.Literal)
	return ok && (l.Col.IsNull(0) || l.Col.Bits != nil && l.Col.Bits[0]&1 == 0)
}
