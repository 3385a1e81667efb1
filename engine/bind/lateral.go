package bind

import (
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
)

// isLateral reports LATERAL (query), which may read the tables before it.
func isLateral(t ast.TableRef) bool {
	if a, ok := t.(*ast.AliasedTable); ok {
		t = a.Input
	}
	d, ok := t.(*ast.DerivedTable)
	return ok && d.Lateral
}

// lateralJoin evaluates the right side of a join for each row of the left one.
func lateralJoin(j *logical.Join) logical.Node {
	a := &logical.Apply{Place: j.Place, Kind: logical.ApplyInner, Left: j.Left, Right: j.Right, Cond: j.Cond}
	if j.Type == plan.LeftOuter {
		a.Kind = logical.ApplyLeft
	}
	return a
}

// onQueries is an inner join whose condition has subqueries: above is the join with
// their columns, and the condition comes on top of it.
func onQueries(j *logical.Join, above logical.Node) logical.Node {
	cond := j.Cond
	j.Cond = nil
	s := j.Schema()
	f := logical.NewFilter(above, cond, j.At)
	exprs := make([]expr.Node, len(s))
	for i := range s {
		exprs[i] = expr.NewRef(i, s[i].Type, j.At)
	}
	return logical.NewProject(f, exprs, s.Names(), j.At)
}
