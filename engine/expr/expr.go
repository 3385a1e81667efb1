// Package expr holds typed expressions: the tree that binder and optimizer work
// on, and the program it is compiled to.
//
// A Node is never changed after it was made. Nodes are made by the New functions,
// which work out types and put casts where arguments need them; Rewrite and Remap
// make changed copies. Fold computes what is constant and simplifies. Compile
// turns trees over the columns of a batch into straight-line loops over columns.
//
// What evaluation promises: branches of CASE, COALESCE and the right side of AND
// and OR are computed only for rows that need them and cannot fail for others; the
// error reported is that of the lowest row, then of the leftmost expression; all
// values are computed at the lanes of the input batch.
//
// Begin with Node, then call.go, then compile.go.
package expr

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// Node is a typed expression. The kinds are the pointer types of this package and
// no others.
type Node interface {
	// Type is the type of the value; its nullability is exact.
	Type() types.Type
	// Span is the place in the statement, or zero.
	Span() diag.Span
	// kids are the operands in order of evaluation.
	kids() []Node
	// with is the same node over other operands of the same types.
	with(kids []Node) Node
}

type (
	// InputRef is a column of the input, or with Path a field inside a ROW column.
	InputRef struct {
		Index int
		Path  []int
		T     types.Type
		At    diag.Span
		// Names are the names of the fields on the path, for printing.
		Names []string
	}

	// Literal is a constant: lane 0 of a const column.
	Literal struct {
		Col *batch.Col
		At  diag.Span
	}

	// Call is a function of its arguments, which have the types of Res.Params.
	Call struct {
		Func *function.Func
		Res  function.Resolved
		Args []Node
		At   diag.Span
	}

	// Cast is CAST, or TRY_CAST with Try. Implicit casts were put in by mink.
	Cast struct {
		Arg      Node
		To       types.Type
		Try      bool
		Implicit bool
		At       diag.Span
	}

	// Case is CASE WHEN; Else is never nil. All values have type T but for
	// nullability.
	Case struct {
		Whens []When
		Else  Node
		T     types.Type
		At    diag.Span
	}

	// When is a branch of Case.
	When struct{ Cond, Then Node }

	// Coalesce is the first argument that is not NULL.
	Coalesce struct {
		Args []Node
		T    types.Type
		At   diag.Span
	}

	// Logic is AND or OR of two or more operands.
	Logic struct {
		Or   bool
		Args []Node
		At   diag.Span
	}

	// Not is three-valued NOT.
	Not struct {
		Arg Node
		At  diag.Span
	}

	// Is tests for NULL, TRUE or FALSE; it never is NULL.
	Is struct {
		What    IsWhat
		Negated bool
		Arg     Node
		At      diag.Span
	}

	// Compare compares two values of the same type.
	Compare struct {
		Op   CompareOp
		L, R Node
		At   diag.Span
	}

	// In is x IN (a, b, ...), or NOT IN. All have the same type.
	In struct {
		Arg     Node
		List    []Node
		Negated bool
		At      diag.Span
	}

	// Field is field Index of a ROW value that is not an input column.
	Field struct {
		Arg   Node
		Index int
		At    diag.Span
	}

	// Item is an element of an ARRAY (1-based), the value of a MAP's key, or a part of
	// a VARIANT.
	Item struct {
		Arg, Key Node
		At       diag.Span
	}

	// Make is ARRAY[...], MAP[...] or ROW(...), by the kind of T.
	Make struct {
		Args []Node
		T    types.Type
		At   diag.Span
	}
)

// IsWhat is what Is tests for.
type IsWhat uint8

// Tests of Is.
const (
	IsNull IsWhat = iota
	IsTrue
	IsFalse
)

// CompareOp is a comparison.
type CompareOp uint8

// The comparisons. The last two take NULL as a value equal to itself.
const (
	Eq CompareOp = iota
	Ne
	Lt
	Le
	Gt
	Ge
	Distinct
	NotDistinct
)

// String is the operator as in SQL.
func (op CompareOp) String() string {
	return [...]string{"=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"}[op]
}

// Swap is the comparison with sides exchanged: a op b is b op.Swap() a.
func (op CompareOp) Swap() CompareOp {
	return [...]CompareOp{Eq, Ne, Gt, Ge, Lt, Le, Distinct, NotDistinct}[op]
}

// Negate is the comparison that is true where op is false (NULL stays NULL).
func (op CompareOp) Negate() CompareOp {
	return [...]CompareOp{Ne, Eq, Ge, Gt, Le, Lt, NotDistinct, Distinct}[op]
}

func (n *InputRef) Type() types.Type { return n.T }
func (n *Literal) Type() types.Type  { return n.Col.Type }
func (n *Call) Type() types.Type     { return n.Res.Result }
func (n *Cast) Type() types.Type     { return n.To }
func (n *Case) Type() types.Type     { return n.T }
func (n *Coalesce) Type() types.Type { return n.T }
func (n *Logic) Type() types.Type    { return boolType(n.Args...) }
func (n *Not) Type() types.Type      { return boolType(n.Arg) }
func (n *Is) Type() types.Type       { return types.BooleanT.Nullable(false) }
func (n *Compare) Type() types.Type {
	if n.Op >= Distinct {
		return types.BooleanT.Nullable(false)
	}
	return boolType(n.L, n.R)
}
func (n *In) Type() types.Type {
	t := boolType(n.List...)
	t.NotNull = t.NotNull && n.Arg.Type().NotNull
	return t
}
func (n *Field) Type() types.Type { return fieldType(n.Arg.Type(), n.Index) }
func (n *Item) Type() types.Type {
	t := n.Arg.Type()
	if t.Kind == types.Variant {
		return t.Nullable(true)
	}
	return t.Elem.Nullable(true).Plain()
}
func (n *Make) Type() types.Type { return n.T }

func (n *InputRef) Span() diag.Span { return n.At }
func (n *Literal) Span() diag.Span  { return n.At }
func (n *Call) Span() diag.Span     { return n.At }
func (n *Cast) Span() diag.Span     { return n.At }
func (n *Case) Span() diag.Span     { return n.At }
func (n *Coalesce) Span() diag.Span { return n.At }
func (n *Logic) Span() diag.Span    { return n.At }
func (n *Not) Span() diag.Span      { return n.At }
func (n *Is) Span() diag.Span       { return n.At }
func (n *Compare) Span() diag.Span  { return n.At }
func (n *In) Span() diag.Span       { return n.At }
func (n *Field) Span() diag.Span    { return n.At }
func (n *Item) Span() diag.Span     { return n.At }
func (n *Make) Span() diag.Span     { return n.At }

func (n *InputRef) kids() []Node { return nil }
func (n *Literal) kids() []Node  { return nil }
func (n *Call) kids() []Node     { return n.Args }
func (n *Cast) kids() []Node     { return []Node{n.Arg} }
func (n *Case) kids() []Node {
	out := make([]Node, 0, 2*len(n.Whens)+1)
	for _, w := range n.Whens {
		out = append(out, w.Cond, w.Then)
	}
	return append(out, n.Else)
}
func (n *Coalesce) kids() []Node { return n.Args }
func (n *Logic) kids() []Node    { return n.Args }
func (n *Not) kids() []Node      { return []Node{n.Arg} }
func (n *Is) kids() []Node       { return []Node{n.Arg} }
func (n *Compare) kids() []Node  { return []Node{n.L, n.R} }
func (n *In) kids() []Node       { return append([]Node{n.Arg}, n.List...) }
func (n *Field) kids() []Node    { return []Node{n.Arg} }
func (n *Item) kids() []Node     { return []Node{n.Arg, n.Key} }
func (n *Make) kids() []Node     { return n.Args }

func (n *InputRef) with([]Node) Node { return n }
func (n *Literal) with([]Node) Node  { return n }
func (n *Call) with(k []Node) Node   { c := *n; c.Args = k; return &c }
func (n *Cast) with(k []Node) Node   { c := *n; c.Arg = k[0]; return &c }
func (n *Case) with(k []Node) Node {
	c := *n
	c.Whens = make([]When, len(n.Whens))
	for i := range c.Whens {
		c.Whens[i] = When{k[2*i], k[2*i+1]}
	}
	c.Else = k[len(k)-1]
	return &c
}
func (n *Coalesce) with(k []Node) Node { c := *n; c.Args = k; return &c }
func (n *Logic) with(k []Node) Node    { c := *n; c.Args = k; return &c }
func (n *Not) with(k []Node) Node      { c := *n; c.Arg = k[0]; return &c }
func (n *Is) with(k []Node) Node       { c := *n; c.Arg = k[0]; return &c }
func (n *Compare) with(k []Node) Node  { c := *n; c.L, c.R = k[0], k[1]; return &c }
func (n *In) with(k []Node) Node       { c := *n; c.Arg, c.List = k[0], k[1:]; return &c }
func (n *Field) with(k []Node) Node    { c := *n; c.Arg = k[0]; return &c }
func (n *Item) with(k []Node) Node     { c := *n; c.Arg, c.Key = k[0], k[1]; return &c }
func (n *Make) with(k []Node) Node     { c := *n; c.Args = k; return &c }

// boolType is BOOLEAN, NOT NULL if all operands are.
func boolType(args ...Node) types.Type {
	t := types.BooleanT.Nullable(false)
	for _, a := range args {
		if a.Type().IsNullable() {
			t.NotNull = false
		}
	}
	return t
}

// fieldType is the type of field i of a ROW of type t: nullable if the row is.
func fieldType(t types.Type, i int) types.Type {
	f := t.Fields[i].Type
	if t.IsNullable() {
		f.NotNull = false
	}
	return f
}
