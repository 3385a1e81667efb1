package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

// knownValues writes constants for columns that a filter has pinned: above
// "event_type = 2" column event_type is 2. The filter itself stays as it is.
func (o *optimizer) knownValues(n logical.Node) (logical.Node, error) {
	return bottomUp(n, func(n logical.Node) (logical.Node, error) {
		p, ok := n.(*logical.Project)
		if !ok {
			return n, nil
		}
		f, ok := p.In.(*logical.Filter)
		if !ok {
			return n, nil
		}
		known := pinned(f.Cond)
		if len(known) == 0 {
			return n, nil
		}
		exprs := make([]expr.Node, len(p.Exprs))
		for i, e := range p.Exprs {
			if r, ok := e.(*expr.InputRef); ok && len(r.Path) == 0 {
				exprs[i] = e // passing a column on is cheaper than a constant, and keeps keys
				continue
			}
			exprs[i] = keepAttr(e, expr.Replace(e, func(n expr.Node) (expr.Node, bool) {
				if r, ok := n.(*expr.InputRef); ok {
					for _, k := range known {
						if k.ref.Index == r.Index && slices.Equal(k.ref.Path, r.Path) {
							return k.value, true
						}
					}
				}
				return nil, false
			}))
		}
		return logical.NewProject(f, exprs, p.Schema().Names(), p.At), nil
	})
}

type pin struct {
	ref   *expr.InputRef
	value expr.Node
}

// pinned lists columns that equal a constant in every row that passes. Types whose
// equality is coarser than identity (numbers with a scale, text with padding,
// floating point) are left alone.
func pinned(cond expr.Node) []pin {
	var out []pin
	for _, c := range expr.Conjuncts(cond) {
		cmp, ok := c.(*expr.Compare)
		if !ok || cmp.Op != expr.Eq && cmp.Op != expr.NotDistinct {
			continue
		}
		ref, ok1 := cmp.L.(*expr.InputRef)
		lit, ok2 := cmp.R.(*expr.Literal)
		if !ok1 || !ok2 {
			ref, ok1 = cmp.R.(*expr.InputRef)
			lit, ok2 = cmp.L.(*expr.Literal)
		}
		if !ok1 || !ok2 || lit.Col.IsNull(0) || !types.SameIgnoringNull(ref.T, lit.Type()) {
			continue
		}
		if t := ref.T; t.IsInteger() || t.Kind == types.Boolean || t.Kind == types.Date {
			out = append(out, pin{ref, lit})
		}
	}
	return out
}
