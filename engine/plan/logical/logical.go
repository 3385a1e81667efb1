// Package logical holds the tree of a query between binding and planning: what is
// asked for, without a word on how it runs.
//
// Nodes are immutable: rules make changed copies. Columns are positions in the
// schema of the input; a join's condition reads the left columns, then the right
// ones. Time attributes are kept in the types wherever a column is passed on; the
// optimizer decides in the end where they are lost.
//
// In the right input of an Apply, references to the left row are input columns with
// an index of at least Outer. Nothing else leads out of a node.
//
// Begin with Node, then the nodes in nodes.go.
package logical

import (
	"slices"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/types"
)

// Node is an operation on rows.
type Node interface {
	// Schema is the output.
	Schema() types.Schema
	// Inputs are the nodes it reads.
	Inputs() []Node
	// With is the same operation on other inputs of the same schema.
	With(inputs []Node) Node
	// Span is the place in the statement.
	Span() diag.Span
}

// Outer is the first index of a reference to an enclosing query's row: column i of
// the query d levels out is Outer*d + i, with d from 1.
const Outer = 1 << 20

// OuterLevel splits the index of a reference: level 0 is the node's own input.
func OuterLevel(index int) (level, column int) { return index / Outer, index % Outer }

// HasOuter reports whether n reads a row of an enclosing query.
func HasOuter(n expr.Node) bool {
	found := false
	if n == nil {
		return false
	}
	expr.Walk(n, func(n expr.Node) bool {
		if r, ok := n.(*expr.InputRef); ok && r.Index >= Outer {
			found = true
		}
		return !found
	})
	return found
}

// Exprs are the expressions of a node.
func Exprs(n Node) []expr.Node {
	switch n := n.(type) {
	case *Values:
		var out []expr.Node
		for _, r := range n.Rows {
			out = append(out, r...)
		}
		return out
	case *Filter:
		return []expr.Node{n.Cond}
	case *Project:
		return n.Exprs
	case *Correlate:
		if n.Cond != nil {
			return append(slices.Clone(n.Args), n.Cond)
		}
		return n.Args
	case *Predict:
		return n.Args
	case *Match:
		return n.Exprs()
	case *Join:
		if n.Cond != nil {
			return []expr.Node{n.Cond}
		}
	case *Apply:
		if n.Cond != nil {
			return []expr.Node{n.Cond}
		}
	}
	return nil
}

// Correlated reports whether n or a node below reads a row of a query outside of n.
func Correlated(n Node) bool { return correlated(n, 1) }

func correlated(n Node, level int) bool {
	for _, e := range Exprs(n) {
		found := false
		expr.Walk(e, func(x expr.Node) bool {
			if r, ok := x.(*expr.InputRef); ok && r.Index >= level*Outer {
				found = true
			}
			return !found
		})
		if found {
			return true
		}
	}
	for i, in := range n.Inputs() {
		l := level
		if _, ok := n.(*Apply); ok && i == 1 {
			l++
		}
		if correlated(in, l) {
			return true
		}
	}
	return false
}

// OuterRefs visits the references of n and the nodes below to the query one level out
// of n, with their columns there.
func OuterRefs(n Node, visit func(r *expr.InputRef, column int)) { outerRefs(n, 1, visit) }

func outerRefs(n Node, level int, visit func(*expr.InputRef, int)) {
	for _, e := range Exprs(n) {
		expr.Walk(e, func(x expr.Node) bool {
			if r, ok := x.(*expr.InputRef); ok {
				if l, c := OuterLevel(r.Index); l == level {
					visit(r, c)
				}
			}
			return true
		})
	}
	for i, in := range n.Inputs() {
		l := level
		if _, ok := n.(*Apply); ok && i == 1 {
			l++
		}
		outerRefs(in, l, visit)
	}
}

// Tag returns n with a time attribute: what passes it on is a time attribute too.
// A whole input column gets a cast to its own type around it, since a plain
// reference has the attribute of the column it reads.
func Tag(n expr.Node, attr types.TimeAttr) expr.Node {
	if n.Type().Attr == attr {
		return n
	}
	switch x := n.(type) {
	case *expr.InputRef:
		if len(x.Path) > 0 {
			c := *x
			c.T.Attr = attr
			return &c
		}
	case *expr.Call:
		c := *x
		c.Res.Result.Attr = attr
		return &c
	case *expr.Case:
		c := *x
		c.T.Attr = attr
		return &c
	case *expr.Coalesce:
		c := *x
		c.T.Attr = attr
		return &c
	case *expr.Cast:
		c := *x
		c.To.Attr = attr
		return &c
	}
	if attr == types.NotTime {
		return n
	}
	t := n.Type()
	t.Attr = attr
	return &expr.Cast{Arg: n, To: t, Implicit: true, At: n.Span()}
}

// Refs makes references to all columns of a schema.
func Refs(s types.Schema) []expr.Node {
	out := make([]expr.Node, len(s))
	for i := range s {
		out[i] = expr.NewRef(i, s[i].Type, diag.Span{})
	}
	return out
}

// Ref makes a reference to column i of n.
func Ref(n Node, i int) *expr.InputRef { return expr.NewRef(i, n.Schema()[i].Type, diag.Span{}) }
