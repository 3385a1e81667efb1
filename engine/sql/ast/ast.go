// Package ast is the tree of a SQL statement, with the place of every part.
//
// Nodes are plain structs with exported fields; they know nothing of catalogs,
// types of columns or running. The families are Statement (stmt_*.go), Query and
// TableRef (query.go, table_ref.go), Expr (expr.go, call.go) and TypeSpec
// (types.go). A node is built by engine/sql/parse, turned back into text by
// engine/sql/print, and never changed after parsing: whoever needs another tree
// builds one.
//
// The tree keeps what a statement means and drops how it was typed: parentheses,
// letter case of keywords and synonyms (INT and INTEGER, DESC and DESCRIBE) are
// gone, while the quoting of names and the text of numbers stay. Fields that hold
// an optional part are nil, empty or false when it is absent.
//
// Begin with Statement below, then Select in query.go.
package ast

import (
	"strings"

	"github.com/minkstream/mink/engine/diag"
)

// Node is any part of the tree.
type Node interface {
	// Span is the node's place in the statement text, in bytes.
	Span() diag.Span
	node()
}

// Statement is one statement of a script.
type Statement interface {
	Node
	statement()
}

// Query is a SELECT, VALUES or TABLE, a set operation over queries, or one of them
// under WITH or ORDER BY.
type Query interface {
	Node
	query()
}

// Expr is an expression that stands for a value (or, as a call argument, for a
// table, model, descriptor or keyword).
type Expr interface {
	Node
	expr()
}

// TableRef is an item of FROM.
type TableRef interface {
	Node
	tableRef()
}

// TypeSpec is a data type as written.
type TypeSpec interface {
	Node
	// Nullness is what follows the type: nothing, NULL or NOT NULL.
	Nullness() Nullness
	typeSpec()
}

// Pos carries a node's place; every node embeds it.
type Pos struct {
	At diag.Span
}

// Span is the node's place in the statement text.
func (p Pos) Span() diag.Span { return p.At }

func (Pos) node() {}

// Identifier is one part of a name. Names keep their letter case and are compared
// with it, quoted or not.
type Identifier struct {
	Name   string // without backticks, doubled backticks undone
	Quoted bool   // it stood in backticks
	Span   diag.Span
}

// Name is a dotted name: catalog, database and object, or a column path.
type Name []Identifier

// Span covers the whole name.
func (n Name) Span() diag.Span {
	if len(n) == 0 {
		return diag.Span{}
	}
	return n[0].Span.Join(n[len(n)-1].Span)
}

// String joins the parts with dots, without quotes: for messages, not for SQL.
func (n Name) String() string {
	parts := make([]string, len(n))
	for i, id := range n {
		parts[i] = id.Name
	}
	return strings.Join(parts, ".")
}

// Parts returns the parts without places.
func (n Name) Parts() []string {
	parts := make([]string, len(n))
	for i, id := range n {
		parts[i] = id.Name
	}
	return parts
}

// Last is the object's own name, or "" for an empty name.
func (n Name) Last() string {
	if len(n) == 0 {
		return ""
	}
	return n[len(n)-1].Name
}

// String is a string literal of a statement (a comment, path, key or pattern),
// already decoded. Set tells an empty literal from none.
type String struct {
	Value string
	Set   bool
	Span  diag.Span
}

// Option is one 'key' = 'value' of WITH or SET.
type Option struct {
	Key   String
	Value String
}

// Partition is one key = value of a PARTITION clause. Value is nil in forms that
// name the column only.
type Partition struct {
	Column Identifier
	Value  Expr
}
