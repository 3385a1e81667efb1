package bind

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

// hasEquality refuses values that cannot be told apart, where what asks for them.
func hasEquality(t types.Type, what string, at diag.Span) error {
	if function.HasEquality(t) {
		return nil
	}
	e := diag.At(at, diag.TypeMismatch, "%s %s", what, t.Nullable(true))
	if t.Kind == types.Variant {
		e.WithHint("take a value out of it with CAST(v['name'] AS ...), or its text with JSON_STRING")
	}
	return e
}

// distinctRows groups by all columns, which must have an equality.
func distinctRows(n logical.Node, what string, at diag.Span) (logical.Node, error) {
	for _, f := range n.Schema() {
		if err := hasEquality(f.Type, what+" cannot compare", at); err != nil {
			return nil, err
		}
	}
	s := n.Schema()
	exprs := logical.Refs(s)
	sorted := false
	for i, e := range exprs {
		exprs[i] = expr.Canonical(e)
		sorted = sorted || exprs[i] != e
	}
	if sorted {
		n = logical.NewProject(n, exprs, s.Names(), at)
	}
	return distinct(n, at), nil
}

// distinctArgs checks the arguments of an aggregate with DISTINCT.
func distinctArgs(args []expr.Node) error {
	for _, a := range args {
		if err := hasEquality(a.Type(), "DISTINCT cannot compare", a.Span()); err != nil {
			return err
		}
	}
	return nil
}

// together makes one value of several, NULL where one of them is.
func together(args []expr.Node, at diag.Span) ([]expr.Node, error) {
	row := expr.NewRow(args, nil, at)
	var known []expr.Node
	for _, a := range args {
		if a.Type().IsNullable() {
			known = append(known, expr.NewIs(expr.IsNull, true, a, at))
		}
	}
	if known == nil {
		return []expr.Node{row}, nil
	}
	n, err := expr.NewCase([]expr.Node{expr.NewAnd(known...), row, expr.NewNull(row.Type().Nullable(true), at)}, at)
	return []expr.Node{n}, err
}
