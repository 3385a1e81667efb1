package parse

import (
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/token"
)

// queryAhead reports whether a query without parentheses comes next.
func (p *parser) queryAhead() bool {
	switch p.cur().Word {
	case "SELECT", "VALUES", "WITH":
		return true
	case "VALUE": // a synonym of VALUES, else a misused name
		switch n := p.ahead(1); {
		case n.Kind == token.LParen, n.Kind == token.Integer, n.Kind == token.Decimal, n.Kind == token.Approx, n.IsString(), n.Word == "ROW":
			return true
		}
	case "TABLE":
		return p.ahead(1).IsName()
	}
	return false
}

// queryContinues reports whether a set operation, ORDER BY or a limit follows.
func (p *parser) queryContinues() bool {
	switch p.cur().Word {
	case "UNION", "INTERSECT", "EXCEPT", "ORDER", "LIMIT", "OFFSET", "FETCH", "MINUS":
		return true
	}
	return false
}

// query parses a whole query: WITH, set operations, ORDER BY, LIMIT.
func (p *parser) query() ast.Query {
	p.enter()
	defer p.leave()
	outer := p.height
	p.height = 0
	q := p.queryBody()
	p.grew(p.height)
	p.height = max(outer, p.height)
	return q
}

func (p *parser) queryBody() ast.Query {
	start := p.start()
	with := p.withClause()
	q := p.setOps(p.queryLeaf(), start, precUnion)
	if with != nil {
		with.Body = q
		with.Pos = p.at(start)
		q = with
	}
	return p.ordered(q, start)
}

// queryFrom continues a query whose first operand has been read, in parentheses.
func (p *parser) queryFrom(first ast.Query, start int) ast.Query {
	return p.ordered(p.setOps(first, start, precUnion), start)
}

// withClause parses WITH, or gives nil.
func (p *parser) withClause() *ast.With {
	if !p.accept("WITH") {
		return nil
	}
	n := &ast.With{Recursive: p.accept("RECURSIVE")}
	n.Items = list(p, func() ast.WithItem {
		it := ast.WithItem{Name: p.name("a name for the query")}
		if p.isKind(token.LParen) {
			it.Columns = p.names("a column")
		}
		p.expect("AS")
		p.expectKind(token.LParen)
		it.Query = p.query()
		p.expectKind(token.RParen)
		return it
	})
	return n
}

// How tightly set operations bind.
const (
	precUnion     = 1
	precIntersect = 2
)

// setOps parses set operations behind a first operand.
func (p *parser) setOps(q ast.Query, start, lowest int) ast.Query {
	for p.err == nil {
		n := &ast.SetOp{L: q}
		prec := precUnion
		switch t := p.cur(); t.Word {
		case "UNION":
		case "INTERSECT":
			n.Op, prec = ast.Intersect, precIntersect
		case "EXCEPT":
			n.Op = ast.Except
		case "MINUS":
			p.refuse(t.Span, "write EXCEPT instead", "MINUS is not a set operation of this dialect")
			return q
		default:
			return q
		}
		if prec < lowest {
			return q
		}
		p.advance()
		n.All = p.oneOf("ALL", "DISTINCT") == "ALL"
		height := p.height
		p.height = 0
		right := p.start()
		n.R = p.setOps(p.queryLeaf(), right, prec+1)
		p.grew(max(height, p.height))
		n.Pos = p.at(start)
		q = n
	}
	return q
}

// queryLeaf parses SELECT, VALUES, TABLE or a query in parentheses.
func (p *parser) queryLeaf() ast.Query {
	start := p.start()
	switch {
	case p.is("SELECT"):
		return p.selectQuery()
	case p.is("VALUES") || p.cur().Word == "VALUE":
		p.advance()
		n := &ast.Values{Rows: list(p, p.valuesRow)}
		n.Pos = p.at(start)
		return n
	case p.accept("TABLE"):
		return &ast.TableQuery{Name: p.path("a table name"), Pos: p.at(start)}
	case p.isKind(token.LParen):
		p.advance()
		q := p.query()
		p.expectKind(token.RParen)
		return q
	}
	p.want = p.want[:0]
	p.fail("a query")
	return nil
}

// valuesRow parses a row of VALUES: (a, b), ROW(a, b) or a bare expression.
func (p *parser) valuesRow() ast.Expr {
	start := p.start()
	explicit := p.is("ROW") && p.ahead(1).Kind == token.LParen
	if !explicit && !p.isKind(token.LParen) {
		return p.expr()
	}
	if !explicit && p.ahead(1).Word == "ROW" && p.ahead(2).Kind == token.LParen {
		// (ROW(1, 2)) is the row itself, if nothing else is in the parentheses.
		if end := p.closing(2); p.ahead(end+1).Kind == token.RParen {
			p.advance()
			row := p.valuesRow()
			p.expectKind(token.RParen)
			return row
		}
	}
	if explicit {
		p.advance()
	}
	p.expectKind(token.LParen)
	n := &ast.RowCtor{Explicit: explicit}
	n.Elems = list(p, func() ast.Expr {
		if t := p.cur(); t.Word == "DEFAULT" {
			p.advance()
			return &ast.Default{Pos: ast.Pos{At: t.Span}}
		}
		return p.exprOrQuery()
	})
	p.expectKind(token.RParen)
	n.Pos = p.at(start)
	return n
}

// closing finds the parenthesis that closes the one i tokens ahead.
func (p *parser) closing(i int) int {
	for depth := 0; ; i++ {
		switch p.ahead(i).Kind {
		case token.LParen:
			depth++
		case token.RParen:
			if depth--; depth == 0 {
				return i
			}
		case token.EOF, token.Semicolon:
			return i
		}
	}
}

// ordered parses ORDER BY, LIMIT, OFFSET and FETCH behind a query.
func (p *parser) ordered(q ast.Query, start int) ast.Query {
	n := &ast.Ordered{Body: q, OrderBy: p.orderBy()}
	any := n.OrderBy != nil
	switch {
	case p.accept("LIMIT"):
		if p.accept("ALL") {
			if p.accept("OFFSET") {
				any = true
				n.Offset = p.rowCount(true)
			}
			break
		}
		any = true
		n.Limit = p.rowCount(false)
		if t := p.cur(); t.Kind == token.Comma && (p.ahead(1).Kind == token.Integer || p.ahead(1).Kind == token.Question) {
			p.refuse(t.Span, "write LIMIT count OFFSET start", "LIMIT start, count is not in this dialect")
		}
		if p.accept("OFFSET") {
			n.Offset = p.rowCount(true)
		}
	case p.accept("OFFSET"):
		any = true
		n.Offset = p.rowCount(true)
		if t := p.cur(); t.Word == "LIMIT" {
			p.refuse(t.Span, "write LIMIT count OFFSET start", "LIMIT stands before OFFSET")
		}
		if p.is("FETCH") {
			n.Limit = p.fetch()
		}
	case p.is("FETCH"):
		any = true
		n.Limit = p.fetch()
	}
	if !any {
		return q
	}
	n.Pos = p.at(start)
	return n
}

// rowCount parses the number of LIMIT, OFFSET or FETCH, with rows ROW or ROWS behind
// it.
func (p *parser) rowCount(rows bool) ast.Expr {
	var x ast.Expr
	if t := p.cur(); t.Kind == token.Question {
		p.advance()
		p.params++
		x = &ast.Param{Pos: ast.Pos{At: t.Span}, Index: p.params - 1}
	} else {
		x = p.unsigned()
	}
	if rows {
		p.oneOf("ROW", "ROWS")
	}
	return x
}

func (p *parser) fetch() ast.Expr {
	p.expect("FETCH")
	p.expectOneOf("FIRST", "NEXT")
	if t := p.cur(); t.Word == "ROW" || t.Word == "ROWS" {
		p.refuse(t.Span, "write FETCH FIRST 1 ROW ONLY", "FETCH needs a number of rows")
	}
	x := p.rowCount(false)
	p.expectOneOf("ROW", "ROWS")
	p.expect("ONLY")
	return x
}

// selectQuery parses one SELECT block.
func (p *parser) selectQuery() ast.Query {
	start := p.start()
	p.expect("SELECT")
	n := &ast.Select{Hints: p.hints()}
	n.Stream = p.accept("STREAM")
	n.Quantifier = p.quantifier()
	n.Items = list(p, p.selectItem)
	if p.accept("FROM") {
		n.From = p.from()
		if p.accept("WHERE") {
			n.Where = p.expr()
		}
		n.GroupBy = p.groupBy()
		if p.accept("HAVING") {
			n.Having = p.expr()
		}
		if p.accept("WINDOW") {
			n.Windows = list(p, func() ast.NamedWindow {
				w := ast.NamedWindow{Name: p.name("a window name")}
				p.expect("AS")
				w.Spec = p.windowSpec()
				return w
			})
		}
		if p.accept("QUALIFY") {
			n.Qualify = p.expr()
		}
	} else if t := p.cur(); t.Word == "WHERE" || t.Word == "GROUP" || t.Word == "HAVING" {
		p.refuse(t.Span, "", "%s needs a FROM before it", t.Word)
	}
	n.Pos = p.at(start)
	return n
}

func (p *parser) selectItem() ast.SelectItem {
	if t := p.cur(); t.Kind == token.Star {
		p.advance()
		return ast.SelectItem{Expr: &ast.Star{Pos: ast.Pos{At: t.Span}}}
	}
	it := ast.SelectItem{Expr: p.expr()}
	it.Alias = p.alias("a column name")
	return it
}

// alias parses [AS] name.
func (p *parser) alias(what string) *ast.Identifier {
	as := p.accept("AS")
	t := p.cur()
	if t.IsString() {
		p.refuse(t.Span, "quote the name with backticks", "a string cannot be an alias: found %s", t.Describe())
		return nil
	}
	if !as && !t.IsName() {
		return nil
	}
	id := p.name(what)
	return &id
}

// hints parses /*+ name(args), ... */ if it comes next.
func (p *parser) hints() []ast.Hint {
	if p.cur().Kind != token.HintBegin {
		return nil
	}
	p.advance()
	out := list(p, p.hintItem)
	p.expectKind(token.HintEnd)
	return out
}

func (p *parser) hintItem() ast.Hint {
	h := ast.Hint{Name: p.name("a hint")}
	if !p.acceptKind(token.LParen) {
		return h
	}
	h.Parens = true
	if p.acceptKind(token.RParen) {
		return h
	}
	if p.ahead(1).Kind == token.Eq {
		h.Options = list(p, func() ast.Option {
			var o ast.Option
			if t := p.cur(); t.IsName() {
				p.advance()
				o.Key = ast.String{Value: t.Name(), Set: true, Span: t.Span}
			} else {
				o.Key = p.str("an option's key")
			}
			p.expectKind(token.Eq)
			o.Value = p.str("the option's value as a string")
			return o
		})
	} else {
		h.Args = list(p, func() ast.HintArg {
			switch t := p.cur(); {
			case t.IsName():
				return ast.HintArg{Name: p.path("a table")}
			case t.Kind == token.Minus || t.Kind == token.Plus || !t.IsString():
				p.want = p.want[:0]
				if k := t.Kind; k != token.Integer && k != token.Decimal && k != token.Approx {
					p.fail("a table, a number or a string")
					return ast.HintArg{}
				}
			}
			l, _ := p.constant().(*ast.Literal)
			return ast.HintArg{Literal: l}
		})
	}
	p.expectKind(token.RParen)
	return h
}

// groupBy parses GROUP BY if it comes next.
func (p *parser) groupBy() *ast.GroupBy {
	start := p.start()
	if !p.accept("GROUP") {
		return nil
	}
	p.expect("BY")
	n := &ast.GroupBy{Quantifier: p.quantifier()}
	n.Items = list(p, p.groupItem)
	n.Pos = p.at(start)
	return n
}

func (p *parser) groupItem() ast.GroupItem {
	p.enter()
	defer p.leave()
	start := p.start()
	var n ast.GroupItem
	items := func(kind ast.GroupKind, words int, item func() ast.GroupItem) {
		for range words {
			p.advance()
		}
		n.Kind = kind
		p.expectKind(token.LParen)
		n.Items = list(p, item)
		p.expectKind(token.RParen)
	}
	switch {
	case p.isSeq("GROUPING", "SETS"):
		items(ast.GroupingSets, 2, p.groupItem)
	case p.is("ROLLUP"):
		items(ast.GroupRollup, 1, p.groupExpr)
	case p.is("CUBE"):
		items(ast.GroupCube, 1, p.groupExpr)
	default:
		return p.groupExpr()
	}
	n.Pos = p.at(start)
	return n
}

// groupExpr parses an expression, (a, b) or () of GROUP BY.
func (p *parser) groupExpr() ast.GroupItem {
	start := p.start()
	if p.isKind(token.LParen) && p.ahead(1).Kind == token.RParen {
		p.advance()
		p.advance()
		return ast.GroupItem{Pos: p.at(start), Kind: ast.GroupSet}
	}
	x := p.expr()
	if row, ok := x.(*ast.RowCtor); ok && !row.Explicit {
		return ast.GroupItem{Pos: p.at(start), Kind: ast.GroupSet, Exprs: row.Elems}
	}
	return ast.GroupItem{Pos: p.at(start), Exprs: []ast.Expr{x}}
}
