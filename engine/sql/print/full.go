package print

import (
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
)

// Names say what names of a query mean, by the places where they stand. What is not there
// is written as it stands.
type Names struct {
	// Columns are references to columns, each with the table that it is of.
	Columns map[diag.Span]ast.Name
	// Merged are references to a column that USING or NATURAL merges: both its sides.
	Merged map[diag.Span][]ast.Expr
	// Tables are the tables of catalogs, Functions those of users.
	Tables, Functions map[diag.Span]ast.Name
	// Stars are the columns of each *, and of tables that stand for all of theirs.
	Stars map[diag.Span][]ast.SelectItem
	// Aliases are the names of queries in FROM that have none.
	Aliases map[diag.Span]string

	named map[ast.TableRef]bool // an alias follows
}

// NewNames makes empty names for a query; the queries of FROM that have no name get one.
func NewNames(q ast.Query) *Names {
	n := &Names{
		Columns: map[diag.Span]ast.Name{}, Tables: map[diag.Span]ast.Name{}, Functions: map[diag.Span]ast.Name{}, Merged: map[diag.Span][]ast.Expr{},
		Stars: map[diag.Span][]ast.SelectItem{}, Aliases: map[diag.Span]string{}, named: map[ast.TableRef]bool{},
	}
	n.number(q)
	return n
}

// number names what has no name in the order of Flink, which looks at FROM first.
func (n *Names) number(x ast.Node) {
	named := map[ast.Node]bool{}
	ast.Walk(x, func(x ast.Node) bool {
		switch x := x.(type) {
		case *ast.Select:
			if x.From != nil {
				n.number(x.From)
			}
			parts := []ast.Expr{x.Where, x.Having}
			for _, it := range x.Items {
				parts = append(parts, it.Expr)
			}
			for _, e := range append(parts, x.Qualify) {
				if e != nil {
					n.number(e)
				}
			}
			return false
		case *ast.AliasedTable:
			named[x.Input] = true
		case *ast.SnapshotTable:
			named[x.Input] = true
		case *ast.DerivedTable, *ast.TableFunc, *ast.Unnest, *ast.MatchRecognize:
			if !named[x] {
				n.Aliases[x.Span()] = "EXPR$" + itoa(len(n.Aliases))
			}
		}
		return true
	})
}

// Full writes a query as Flink's catalogs keep it: all names in full and in backticks, *
// as its columns, a clause a line. It means the same wherever it is read.
func Full(q ast.Query, n *Names) string {
	p := &printer{quoted: true, full: n}
	p.query(q)
	return p.b.String()
}

func (n *Names) function(name ast.Name) ast.Name {
	if n == nil {
		return nil
	}
	return n.Functions[name.Span()]
}

// items are select items with columns for each *.
func (n *Names) items(list []ast.SelectItem) []ast.SelectItem {
	if n == nil {
		return list
	}
	var out []ast.SelectItem
	for _, it := range list {
		if cols := n.Stars[it.Expr.Span()]; cols != nil {
			out = append(out, cols...)
		} else {
			out = append(out, it)
		}
	}
	return out
}

// reference writes a reference to a column.
func (p *printer) reference(x *ast.ColumnRef) {
	name := x.Name
	if !(len(name) == 1 && p.outputs[name[0].Name]) && p.merged(x) {
		return
	}
	if p.full != nil && !(len(name) == 1 && p.outputs[name[0].Name]) {
		if full := p.full.Columns[x.Span()]; full != nil {
			name = full
		} else if len(name) == 1 && !name[0].Quoted && niladic[strings.ToUpper(name[0].Name)] {
			p.word(strings.ToUpper(name[0].Name))
			return
		}
	}
	p.name(name)
}

// merged writes a merged column, if it is one.
func (p *printer) merged(x ast.Expr) bool {
	if p.full == nil {
		return false
	}
	sides := p.full.Merged[x.Span()]
	if sides == nil {
		return false
	}
	p.word("COALESCE(")
	p.exprs(sides)
	p.word(")")
	return true
}

// niladic are functions that stand without parentheses where a column may stand.
var niladic = map[string]bool{
	"CURRENT_DATE": true, "CURRENT_TIME": true, "CURRENT_TIMESTAMP": true, "LOCALTIME": true, "LOCALTIMESTAMP": true,
	"CURRENT_ROW_TIMESTAMP": true, "CURRENT_DATABASE": true, "PI": true, "E": true,
}

// tableName writes the name of a table in FROM.
func (p *printer) tableName(name ast.Name) {
	if p.full != nil {
		if full := p.full.Tables[name.Span()]; full != nil {
			name = full
		}
	}
	p.name(name)
}

// fullAlias writes the name that a table of FROM has by itself.
func (p *printer) fullAlias(t ast.TableRef) {
	if p.full == nil || p.full.named[t] {
		return
	}
	name := p.full.Aliases[t.Span()]
	switch t := t.(type) {
	case *ast.TableName:
		if len(t.Hints) == 0 {
			name = t.Name.Last()
		}
	case *ast.SnapshotTable:
		if x, ok := t.Input.(*ast.TableName); ok {
			name = x.Name.Last()
		}
	}
	if name != "" {
		p.word(" AS " + backticks(name))
	}
}

// fullTable writes TABLE t as the query that it stands for.
func (p *printer) fullTable(at diag.Span, name ast.Name) {
	cols := p.full.Stars[at]
	if cols == nil {
		p.word("TABLE ")
		p.tableName(name)
		return
	}
	p.word("SELECT ")
	p.items(cols)
	p.word("\nFROM ")
	p.tableName(name)
	p.word(" AS " + backticks(name.Last()))
}

// fullRows writes the rows of VALUES.
func (p *printer) fullRows(rows []ast.Expr) {
	for i, r := range rows {
		p.word(flag(i > 0, ",\n"))
		if _, ok := r.(*ast.RowCtor); !ok {
			r = &ast.RowCtor{Elems: []ast.Expr{r}}
		}
		p.bare(r)
	}
}

func (p *printer) fullLimits(q *ast.Ordered) {
	if q.Offset != nil {
		p.word("\nOFFSET ")
		p.expr(q.Offset, precAny)
		p.word(" ROWS")
	}
	if q.Limit != nil {
		p.word("\nFETCH NEXT ")
		p.expr(q.Limit, precAny)
		p.word(" ROWS ONLY")
	}
}

// asWritten writes columns where they have no table in front.
func (p *printer) asWritten(part func()) {
	if names := p.full; names != nil {
		p.full = &Names{named: names.named}
		defer func() { p.full = names }()
	}
	part()
}

// fullOrders writes PARTITION BY and ORDER BY of a table argument.
func (p *printer) fullOrders(x *ast.TableArg) {
	list := func(word string, n int, part func()) {
		if n == 1 {
			p.word(word)
			p.asWritten(part)
		} else if n > 1 {
			p.word(word)
			p.parens(func() { p.asWritten(part) })
		}
	}
	list(" PARTITION BY ", len(x.PartitionBy), func() { p.exprs(x.PartitionBy) })
	list(" ORDER BY ", len(x.OrderBy), func() { p.orderItems(x.OrderBy) })
}

// outputNames are the names of the columns of a SELECT.
func outputNames(q ast.Query) map[string]bool {
	out := map[string]bool{}
	s, ok := q.(*ast.Select)
	if !ok {
		return out
	}
	for _, it := range s.Items {
		if it.Alias != nil {
			out[it.Alias.Name] = true
		} else if c, ok := it.Expr.(*ast.ColumnRef); ok {
			out[c.Name.Last()] = true
		}
	}
	return out
}

// searched is a CASE without an operand that has an ELSE.
func searched(x *ast.Case) *ast.Case {
	c := *x
	c.Operand, c.Whens = nil, nil
	for _, w := range x.Whens {
		if x.Operand != nil {
			if len(w.Conds) == 1 {
				w.Conds = []ast.Expr{&ast.Binary{Op: ast.OpEq, L: x.Operand, R: w.Conds[0]}}
			} else {
				w.Conds = []ast.Expr{&ast.In{X: x.Operand, List: w.Conds}}
			}
		}
		c.Whens = append(c.Whens, w)
	}
	if c.Else == nil {
		c.Else = &ast.Literal{Kind: ast.LitNull}
	}
	return &c
}

// fullJSON are the clauses of a JSON function with those that hold where none are.
func fullJSON(name string, given *ast.JSONClauses) *ast.JSONClauses {
	j := *given
	switch name {
	case "JSON_QUERY":
		null := ast.JSONBehavior{Kind: ast.JSONNull}
		if j.Wrapper == ast.WrapperDefault {
			j.Wrapper = ast.WrapperWithout
		}
		if j.OnEmpty.Kind == ast.JSONUnset {
			j.OnEmpty = null
		}
		if j.OnError.Kind == ast.JSONUnset {
			j.OnError = null
		}
	case "JSON_OBJECT", "JSON_OBJECTAGG":
		if j.OnNull == ast.JSONOnNullDefault {
			j.OnNull = ast.JSONNullOnNull
		}
	case "JSON_ARRAY", "JSON_ARRAYAGG":
		if j.OnNull == ast.JSONOnNullDefault {
			j.OnNull = ast.JSONAbsentOnNull
		}
	}
	return &j
}

// ascii writes a string as a literal, with escapes where it has other characters than
// those of ASCII.
func ascii(s string) string {
	plain := func(r rune) bool { return r >= ' ' && r < 0x80 }
	if !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) && r != '\n' && r != '\r' && r != '\t' }) {
		return Text(s)
	}
	var b strings.Builder
	b.WriteString("u&'")
	for _, r := range s {
		switch {
		case r == '\'' || r == '\\':
			b.WriteString(strings.Repeat(string(r), 2))
		case plain(r):
			b.WriteRune(r)
		default:
			for _, u := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\%04x`, u)
			}
		}
	}
	return b.String() + "'"
}

// isNullIf tells whether a call is NULLIF, which is a CASE in the text of a view.
func isNullIf(x *ast.FuncCall) bool {
	return len(x.Args) == 2 && len(x.Name) == 1 && strings.EqualFold(x.Name[0].Name, "NULLIF") && x.Syntax == ast.CallPlain
}
