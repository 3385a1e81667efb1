// Package parse turns SQL text into trees.
//
// It takes the whole grammar of Flink SQL, what can be planned and what cannot, and
// refuses what Flink's parser refuses. The parser is a hand-written recursive
// descent with precedence climbing for operators; it looks ahead in its tokens as
// far as it needs and never goes back.
//
// A mistake is a positioned error that says what was found and what may stand
// there; Script goes on behind the next semicolon. No text makes it panic or loop,
// and nesting and size are bounded (see the limits below).
//
// Begin with Script below, then statement in stmt.go, query in query.go and expr in
// expr.go.
package parse

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/token"
)

// Limits of a statement. Beyond them the error is limit-exceeded.
const (
	// TextBytesMax is the longest statement, in bytes.
	TextBytesMax = 1 << 20
	// DepthMax is the deepest nesting of queries, expressions, types and patterns.
	DepthMax = 500
	// ChainMax is the longest chain of operators, joins or set operations, which nest to
	// the left: a + b + c.
	ChainMax = 10_000
	// NameMax is the longest part of a name, in characters.
	NameMax = 256
)

// Item is one statement of a script, or the error that stands in its place.
type Item struct {
	Stmt ast.Statement // nil when Err is set
	Err  *diag.Error   // its places count from the start of the script
	// Span is the statement's text in the script, without the semicolon; for an error
	// it reaches to where parsing goes on.
	Span diag.Span
}

// Script parses statements separated by semicolons, in order, each on its own. After
// an error it goes on behind the next semicolon. Empty statements are left out.
func Script(text string) []Item {
	p := newParser(text)
	var items []Item
	for {
		for p.cur().Kind == token.Semicolon {
			p.advance()
		}
		if p.cur().Kind == token.EOF {
			return items
		}
		items = append(items, p.item())
	}
}

// Statement parses exactly one statement; a semicolon may follow.
func Statement(text string) (ast.Statement, error) {
	return one(text, (*parser).statement)
}

// Query parses exactly one query.
func Query(text string) (ast.Query, error) {
	return one(text, (*parser).query)
}

// Expr parses exactly one expression.
func Expr(text string) (ast.Expr, error) {
	return one(text, (*parser).expr)
}

// Type parses exactly one data type, with NULL or NOT NULL behind it if written.
func Type(text string) (ast.TypeSpec, error) {
	return one(text, (*parser).typeSpec)
}

func one[T any](text string, f func(*parser) T) (T, error) {
	p := newParser(text)
	v := f(p)
	p.ended()
	if p.cur().Kind == token.Semicolon {
		p.advance()
		if p.err == nil && p.cur().Kind != token.EOF {
			p.fail("nothing after the statement")
		}
	}
	if p.err != nil {
		var none T
		return none, p.err
	}
	return v, nil
}
