package optimize

import (
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan/logical"
)

// mergeLimit is the most nodes a merged projection may have: expressions that are
// used twice are written out twice, and are found again only when compiled.
const mergeLimit = 20_000

// mergeProjects makes one projection of two, and drops those that pass all columns
// on unchanged.
func (o *optimizer) mergeProjects(n logical.Node) (logical.Node, error) {
	root := n
	return bottomUp(n, func(n logical.Node) (logical.Node, error) {
		p, ok := n.(*logical.Project)
		if !ok {
			return n, nil
		}
		if n != root && trivial(p) {
			return p.In, nil
		}
		q, ok := p.In.(*logical.Project)
		if !ok || !mergeable(p, q) {
			return n, nil
		}
		exprs := make([]expr.Node, len(p.Exprs))
		for i, e := range p.Exprs {
			exprs[i] = expr.Substitute(e, q.Exprs)
		}
		return logical.NewProject(q.In, exprs, p.Schema().Names(), p.At), nil
	})
}

// trivial reports a projection that gives its input under the same names.
func trivial(p *logical.Project) bool {
	in := p.In.Schema()
	if len(p.Exprs) != len(in) {
		return false
	}
	if _, scan := p.In.(*logical.Scan); scan {
		return false // a scan is always read through a projection
	}
	out := p.Schema()
	for i, e := range p.Exprs {
		r, ok := e.(*expr.InputRef)
		if !ok || r.Index != i || len(r.Path) > 0 || out[i].Name != in[i].Name {
			return false
		}
	}
	return true
}

// mergeable reports that the lower projection may be written out in the upper one:
// what changes from call to call must stay one call a row.
func mergeable(p, q *logical.Project) bool {
	uses := make([]int, len(q.Exprs))
	size := 0
	for _, e := range p.Exprs {
		expr.Walk(e, func(n expr.Node) bool {
			if r, ok := n.(*expr.InputRef); ok {
				uses[r.Index]++
			}
			return true
		})
	}
	for i, e := range q.Exprs {
		if uses[i] > 1 && expr.Determinism(e) == function.PerCall {
			return false
		}
		if uses[i] > 0 {
			k := 0
			expr.Walk(e, func(expr.Node) bool { k++; return true })
			size += k * uses[i]
		}
	}
	return size <= mergeLimit
}
