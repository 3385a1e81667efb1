package bind

import (
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/types"
)

// Condition binds a condition on the rows of a schema, as WHERE would: what a
// debugger's breakpoint or a question about a row says. Mistakes have their places in
// text.
func Condition(s *catalog.Session, text string, schema types.Schema) (expr.Node, error) {
	n, err := rowExpression(s, text, schema, "a condition")
	if err != nil {
		return nil, err
	}
	if n.Type().Kind != types.Boolean {
		return nil, diag.At(n.Span(), diag.TypeMismatch, "a condition is BOOLEAN, not %s", n.Type())
	}
	return n, nil
}

// Expression binds an expression over the rows of a schema, of any type.
func Expression(s *catalog.Session, text string, schema types.Schema) (expr.Node, error) {
	return rowExpression(s, text, schema, "an expression over a row")
}

func rowExpression(s *catalog.Session, text string, schema types.Schema, clause string) (expr.Node, error) {
	tree, err := parse.Expr(text)
	if err != nil {
		return nil, err
	}
	x := &block{b: New(s, text), sc: newScope("", nil, schema), noQuery: true, clause: clause}
	return x.expr(tree)
}
