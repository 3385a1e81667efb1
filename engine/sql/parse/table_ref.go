package parse

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/token"
)

// from parses the items of FROM.
func (p *parser) from() ast.TableRef {
	start := p.start()
	outer := p.height
	p.height = 0
	t := p.joined()
	for p.acceptKind(token.Comma) {
		t = p.joinRight(&ast.Join{Kind: ast.JoinComma, L: t}, start, p.joined)
	}
	p.height = max(outer, p.height)
	return t
}

// joinRight parses the right side of a join and finishes the node.
func (p *parser) joinRight(n *ast.Join, start int, right func() ast.TableRef) ast.TableRef {
	height := p.height
	p.height = 0
	n.R = right()
	p.grew(max(height, p.height))
	n.Pos = p.at(start)
	return n
}

// joined parses a table with the joins behind it.
func (p *parser) joined() ast.TableRef {
	start := p.start()
	t := p.tableRef()
	for p.err == nil {
		n, ok := p.joinKind()
		if !ok {
			return t
		}
		n.L = t
		t = p.joinRight(n, start, p.tableRef)
		if n.Kind == ast.JoinAsof || n.Kind == ast.JoinLeftAsof {
			p.expect("MATCH_CONDITION")
			n.Match = p.expr()
		}
		switch {
		case p.is("ON") && !p.rare("ON", "CONFLICT", "DO"): // that one belongs to INSERT
			p.advance()
			n.On = p.expr()
		case p.accept("USING"):
			n.Using = p.names("a column")
		}
		n.Pos = p.at(start)
	}
	return t
}

// joinKind reads the words of a join, or nothing.
func (p *parser) joinKind() (*ast.Join, bool) {
	n := &ast.Join{}
	t := p.cur()
	if t.Word == "NATURAL" {
		n.Natural = true
		p.advance()
		t = p.cur()
	}
	switch t.Word {
	case "JOIN":
	case "INNER":
		p.advance()
	case "LEFT", "RIGHT", "FULL":
		p.advance()
		n.Kind = map[string]ast.JoinKind{"LEFT": ast.JoinLeft, "RIGHT": ast.JoinRight, "FULL": ast.JoinFull}[t.Word]
		if t.Word == "LEFT" && p.accept("ASOF") {
			n.Kind = ast.JoinLeftAsof
		} else {
			p.accept("OUTER")
		}
	case "CROSS":
		p.advance()
		n.Kind = ast.JoinCross
		if a := p.cur(); a.Word == "APPLY" {
			p.refuse(a.Span, "write CROSS JOIN LATERAL", "CROSS APPLY is not in this dialect")
		}
	case "ASOF":
		p.advance()
		n.Kind = ast.JoinAsof
	case "OUTER":
		if p.ahead(1).Word == "APPLY" {
			p.refuse(t.Span, "write LEFT JOIN LATERAL ... ON TRUE", "OUTER APPLY is not in this dialect")
		}
		return nil, false
	default:
		if n.Natural {
			p.fail("JOIN")
		}
		return nil, false
	}
	p.expect("JOIN")
	return n, true
}

// tableRef parses one item of FROM with what may follow it.
func (p *parser) tableRef() ast.TableRef {
	p.enter()
	defer p.leave()
	start := p.start()
	t := p.tablePrimary()
	if p.err != nil {
		return nil
	}
	if p.rare("PIVOT") {
		t = p.pivot(t, start)
	}
	if p.rare("UNPIVOT") {
		t = p.unpivot(t, start)
	}
	as := p.cur().Word == "AS"
	if at := p.cur().Span; as || p.cur().IsName() {
		if p.notJoin(t, at, "a name") {
			n := &ast.AliasedTable{Input: t, Alias: *orEmpty(p.alias("a table name"))}
			if p.isKind(token.LParen) {
				n.Columns = p.names("a column")
			}
			n.Pos = p.at(start)
			t = n
		}
	}
	if p.rare("TABLESAMPLE") {
		t = p.sample(t, start)
	}
	return t
}

func orEmpty(id *ast.Identifier) *ast.Identifier {
	if id == nil {
		return &ast.Identifier{}
	}
	return id
}

// notJoin refuses what cannot follow a join in parentheses.
func (p *parser) notJoin(t ast.TableRef, at diag.Span, what string) bool {
	if _, ok := t.(*ast.Join); ok {
		p.refuse(at, "name the tables inside the parentheses", "%s cannot follow a join in parentheses", what)
		return false
	}
	return p.err == nil
}

// tablePrimary parses a table, query, function or UNNEST, with FOR SYSTEM_TIME and
// MATCH_RECOGNIZE.
func (p *parser) tablePrimary() ast.TableRef {
	start := p.start()
	lateral := p.cur().Word == "LATERAL"
	if lateral {
		p.advance()
	}
	var t ast.TableRef
	switch tok := p.cur(); {
	case tok.IsName() && !lateral:
		t = p.namedTable()
	case tok.Kind == token.LParen:
		t = p.parenthesisedTable(lateral, start)
		if p.rare("MATCH_RECOGNIZE") && p.notJoin(t, p.cur().Span, "MATCH_RECOGNIZE") {
			t = p.matchRecognize(t, start)
		}
	case tok.Word == "UNNEST":
		t = p.unnest(lateral, start)
	case tok.Word == "TABLE" && (p.ahead(1).Kind == token.LParen || !p.ahead(1).IsName() || lateral):
		t = p.tableFunction(lateral, start)
	case tok.Word == "TABLE": // FROM TABLE t
		p.advance()
		t = p.namedTable()
	default:
		p.want = p.want[:0]
		switch {
		case lateral:
			p.fail("'(' or TABLE")
		case tok.Kind == token.Word && tok.Reserved && !clauseWords[tok.Word]:
			p.badName(tok, "a table")
		default:
			p.fail("a table")
		}
	}
	return t
}

// namedTable parses a table by name, or a call of a table function without TABLE().
func (p *parser) namedTable() ast.TableRef {
	start := p.start()
	name := p.path("a table name")
	if p.isKind(token.LParen) {
		call := &ast.FuncCall{Name: name}
		p.height = 0
		p.callArgs(call)
		call.Pos = p.at(start)
		return &ast.TableFunc{Pos: p.at(start), Call: call}
	}
	n := &ast.TableName{Name: name, Hints: p.hints()}
	if p.rare("EXTEND") {
		p.advance()
		p.expectKind(token.LParen)
		n.Extend = list(p, p.field)
		p.expectKind(token.RParen)
	}
	n.Pos = p.at(start)
	var t ast.TableRef = n
	if p.rare("FOR") {
		p.advance()
		p.expect("SYSTEM_TIME")
		p.expect("AS", "OF")
		s := &ast.SnapshotTable{Input: t, AsOf: p.expr()}
		s.Pos = p.at(start)
		t = s
	}
	if p.rare("MATCH_RECOGNIZE") {
		t = p.matchRecognize(t, start)
	}
	return t
}

// parenthesisedTable parses (query) or (joined tables). What stands in the
// parentheses shows only behind the first part, so a query in its own parentheses is
// read as a table first and turned back when a set operation follows.
func (p *parser) parenthesisedTable(lateral bool, start int) ast.TableRef {
	p.expectKind(token.LParen)
	var t ast.TableRef
	if p.queryAhead() {
		q := p.query()
		p.expectKind(token.RParen)
		return &ast.DerivedTable{Pos: p.at(start), Query: q, Lateral: lateral}
	}
	inner := p.start()
	t = p.joined()
	d, query := t.(*ast.DerivedTable)
	query = query && !d.Lateral
	if query && p.queryContinues() {
		d.Query = p.queryFrom(d.Query, inner)
	}
	p.expectKind(token.RParen)
	switch {
	case query:
		d.Pos, d.Lateral = p.at(start), lateral
	case lateral:
		p.refuse(p.span(start), "write LATERAL (SELECT ...) or LATERAL TABLE(f(...))", "LATERAL stands before a query or TABLE(...)")
	}
	return t
}

func (p *parser) unnest(lateral bool, start int) ast.TableRef {
	p.expect("UNNEST")
	p.expectKind(token.LParen)
	n := &ast.Unnest{Lateral: lateral, Exprs: list(p, p.exprOrQuery)}
	p.expectKind(token.RParen)
	if p.accept("WITH") {
		p.expect("ORDINALITY")
		n.Ordinality = true
	}
	n.Pos = p.at(start)
	return n
}

// tableFunction parses TABLE(f(...)).
func (p *parser) tableFunction(lateral bool, start int) ast.TableRef {
	p.expect("TABLE")
	p.expectKind(token.LParen)
	n := &ast.TableFunc{Lateral: lateral, Wrapped: true, Specific: p.accept("SPECIFIC")}
	at := p.start()
	call := &ast.FuncCall{Name: p.path("a table function")}
	p.height = 0
	p.callArgs(call)
	call.Pos = p.at(at)
	n.Call = call
	p.expectKind(token.RParen)
	n.Pos = p.at(start)
	return n
}

func (p *parser) sample(t ast.TableRef, start int) ast.TableRef {
	p.notJoin(t, p.cur().Span, "TABLESAMPLE")
	p.expect("TABLESAMPLE")
	n := &ast.TableSample{Input: t, Method: p.expectOneOf("BERNOULLI", "SYSTEM", "SUBSTITUTE")}
	p.expectKind(token.LParen)
	if n.Method == "SUBSTITUTE" {
		if !p.cur().IsString() {
			p.fail("a string")
		} else {
			n.Percent = p.stringLiteral()
		}
		p.expectKind(token.RParen)
	} else {
		at := p.cur()
		n.Percent = p.unsigned()
		if l, ok := n.Percent.(*ast.Literal); ok && p.err == nil && overHundred(l.Text) {
			p.refuse(at.Span, "", "a sample is between 0 and 100 percent")
		}
		p.expectKind(token.RParen)
		if p.accept("REPEATABLE") {
			p.expectKind(token.LParen)
			n.Repeatable = p.number()
			p.expectKind(token.RParen)
		}
	}
	n.Pos = p.at(start)
	return n
}

func (p *parser) pivot(t ast.TableRef, start int) ast.TableRef {
	p.notJoin(t, p.cur().Span, "PIVOT")
	p.expect("PIVOT")
	p.expectKind(token.LParen)
	n := &ast.Pivot{Input: t}
	n.Aggs = list(p, func() ast.SelectItem {
		at := p.cur()
		x := p.postfix()
		if _, ok := x.(*ast.FuncCall); !ok && p.err == nil {
			p.refuse(at.Span, "", "PIVOT takes aggregate calls")
		}
		return ast.SelectItem{Expr: x, Alias: p.alias("a column name")}
	})
	p.expect("FOR")
	n.Axes = p.nameOrNames("a column")
	p.expect("IN")
	p.expectKind(token.LParen)
	if !p.isKind(token.RParen) {
		n.In = list(p, func() ast.PivotValue {
			v := ast.PivotValue{Values: rowValues(p.valuesRow())}
			v.Alias = p.alias("a column name")
			return v
		})
	}
	p.expectKind(token.RParen)
	p.expectKind(token.RParen)
	n.Pos = p.at(start)
	return n
}

// rowValues are the values of a row, or the one value.
func rowValues(x ast.Expr) []ast.Expr {
	if r, ok := x.(*ast.RowCtor); ok {
		return r.Elems
	}
	return []ast.Expr{x}
}

func (p *parser) unpivot(t ast.TableRef, start int) ast.TableRef {
	p.notJoin(t, p.cur().Span, "UNPIVOT")
	p.expect("UNPIVOT")
	n := &ast.Unpivot{Input: t}
	switch {
	case p.acceptSeq("INCLUDE", "NULLS"):
		n.Nulls = ast.NullsRespect
	case p.acceptSeq("EXCLUDE", "NULLS"):
		n.Nulls = ast.NullsIgnore
	}
	p.expectKind(token.LParen)
	n.Measures = p.nameOrNames("a column")
	p.expect("FOR")
	n.Axes = p.nameOrNames("a column")
	p.expect("IN")
	p.expectKind(token.LParen)
	n.In = list(p, func() ast.UnpivotValue {
		v := ast.UnpivotValue{Columns: p.nameOrNames("a column")}
		if p.accept("AS") {
			v.Values = rowValues(p.valuesRow())
		}
		return v
	})
	p.expectKind(token.RParen)
	p.expectKind(token.RParen)
	n.Pos = p.at(start)
	return n
}
