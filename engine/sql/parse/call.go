package parse

import (
	"strings"

	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/token"
)

// call parses the call of a named function, from its parenthesis, with the clauses
// behind it.
func (p *parser) call(name ast.Name, start int) ast.Expr {
	if len(name) == 1 && !name[0].Quoted && strings.EqualFold(name[0].Name, "DESCRIPTOR") {
		if d := p.descriptor(start); d != nil {
			return d
		}
	}
	n := &ast.FuncCall{Name: name}
	p.height = 0
	p.callArgs(n)
	p.callClauses(n)
	p.grew(p.height)
	n.Pos = p.at(start)
	return n
}

// callArgs parses (*), () or ([ALL|DISTINCT] arg, ...), appending to the arguments
// already there.
func (p *parser) callArgs(n *ast.FuncCall) {
	p.expectKind(token.LParen)
	if p.acceptKind(token.RParen) {
		return
	}
	if t := p.cur(); t.Kind == token.Star && p.ahead(1).Kind == token.RParen {
		p.advance()
		p.advance()
		n.Args = append(n.Args, ast.Arg{Value: &ast.Star{Pos: ast.Pos{At: t.Span}}})
		return
	}
	n.Quantifier = p.quantifier()
	n.Args = append(n.Args, list(p, p.arg)...)
	if listAggregates[strings.ToUpper(n.Name.Last())] && len(n.Name) == 1 {
		n.Nulls = p.nullTreatment()
		n.NullsInside = n.Nulls != ast.NullsDefault
		n.OrderBy = p.orderBy()
		if p.accept("SEPARATOR") {
			n.Separator = p.str("the separator as a string")
		}
	} else if p.rare("ORDER") {
		p.refuse(p.cur().Span, "write WITHIN GROUP (ORDER BY ...) behind the call where the function takes it", "ORDER BY does not stand among the arguments of %s", n.Name.String())
	}
	p.expectKind(token.RParen)
}

// listAggregates are the aggregates that take NULL treatment and order inside their
// parentheses.
var listAggregates = map[string]bool{"ARRAY_AGG": true, "ARRAY_CONCAT_AGG": true, "GROUP_CONCAT": true, "STRING_AGG": true}

// quantifier reads ALL or DISTINCT.
func (p *parser) quantifier() ast.SetQuantifier {
	switch p.oneOf("ALL", "DISTINCT") {
	case "ALL":
		return ast.QuantifierAll
	case "DISTINCT":
		return ast.QuantifierDistinct
	}
	return ast.QuantNone
}

// arg parses one argument: [name =>] value, where the value may be a table, a model,
// DEFAULT, a lambda or a query.
func (p *parser) arg() ast.Arg {
	var a ast.Arg
	if p.cur().IsName() && p.ahead(1).Kind == token.FatArrow {
		id := p.name("")
		p.advance()
		a.Name = &id
	}
	outer := p.height
	p.height = 0
	a.Value = p.argValue()
	p.height = max(outer, p.height)
	return a
}

func (p *parser) argValue() ast.Expr {
	start := p.start()
	t, next := p.cur(), p.ahead(1)
	switch {
	case t.Word == "DEFAULT":
		p.advance()
		return &ast.Default{Pos: p.at(start)}
	case t.Word == "TABLE":
		return p.tableArg()
	case t.Word == "MODEL" && next.IsName():
		p.advance()
		return &ast.ModelArg{Name: p.path("a model name"), Pos: p.at(start)}
	case p.lambdaAhead():
		return p.lambda()
	case p.queryAhead():
		q := p.query()
		return p.partitioned(&ast.Subquery{Pos: p.at(start), Query: q}, start)
	}
	x := p.expr()
	if sub, ok := x.(*ast.Subquery); ok {
		return p.partitioned(sub, start)
	}
	return x
}

// tableArg parses TABLE t [PARTITION BY ...] [ORDER BY ...].
func (p *parser) tableArg() ast.Expr {
	start := p.start()
	p.expect("TABLE")
	n := &ast.TableArg{Table: p.path("a table name")}
	p.partitioning(n)
	n.Pos = p.at(start)
	return n
}

// partitioned makes a table argument of a query that has PARTITION BY or ORDER BY
// behind it.
func (p *parser) partitioned(sub *ast.Subquery, start int) ast.Expr {
	if !p.rare("PARTITION") && !p.rare("ORDER") {
		return sub
	}
	n := &ast.TableArg{Query: sub.Query}
	p.partitioning(n)
	n.Pos = p.at(start)
	return n
}

func (p *parser) partitioning(n *ast.TableArg) {
	if p.accept("PARTITION") {
		p.expect("BY")
		column := func() ast.Expr {
			start := p.start()
			return &ast.ColumnRef{Name: ast.Name{p.name("a column")}, Pos: p.at(start)}
		}
		if p.acceptKind(token.LParen) {
			n.PartitionBy = list(p, column)
			p.expectKind(token.RParen)
		} else {
			n.PartitionBy = []ast.Expr{column()}
		}
	}
	if p.accept("ORDER") {
		p.expect("BY")
		if p.acceptKind(token.LParen) {
			n.OrderBy = list(p, p.orderItem)
			p.expectKind(token.RParen)
		} else {
			n.OrderBy = []ast.OrderItem{p.orderItem()}
		}
	}
}

// lambdaAhead reports whether x -> or (x, y) -> follows.
func (p *parser) lambdaAhead() bool {
	if p.cur().IsName() {
		return p.ahead(1).Kind == token.Arrow
	}
	if !p.isKind(token.LParen) {
		return false
	}
	i := 1
	for p.ahead(i).IsName() {
		i++
		if p.ahead(i).Kind != token.Comma {
			break
		}
		i++
	}
	return p.ahead(i).Kind == token.RParen && p.ahead(i+1).Kind == token.Arrow
}

func (p *parser) lambda() ast.Expr {
	start := p.start()
	n := &ast.Lambda{}
	if p.acceptKind(token.LParen) {
		if !p.isKind(token.RParen) {
			n.Params = list(p, func() ast.Identifier { return p.name("a parameter") })
		}
		p.expectKind(token.RParen)
	} else {
		n.Params = []ast.Identifier{p.name("a parameter")}
	}
	p.expectKind(token.Arrow)
	n.Body = p.expr()
	n.Pos = p.at(start)
	return n
}

// descriptor parses DESCRIPTOR(c, ...) from its parenthesis, or nil when the
// arguments are not names.
func (p *parser) descriptor(start int) ast.Expr {
	for i := 1; ; i++ {
		k := p.ahead(i)
		if k.Kind == token.RParen {
			break
		}
		if !k.IsName() && k.Kind != token.Comma && k.Kind != token.Dot {
			return nil
		}
	}
	p.advance()
	d := &ast.Descriptor{}
	if !p.isKind(token.RParen) {
		d.Columns = list(p, func() ast.Name { return p.path("a column") })
	}
	p.expectKind(token.RParen)
	d.Pos = p.at(start)
	return d
}

// nullTreatment reads IGNORE NULLS or RESPECT NULLS.
func (p *parser) nullTreatment() ast.NullTreatment {
	nulls := ast.NullsDefault
	switch {
	case p.rare("IGNORE", "NULLS"):
		nulls = ast.NullsIgnore
	case p.rare("RESPECT", "NULLS"):
		nulls = ast.NullsRespect
	default:
		return nulls
	}
	p.advance()
	p.advance()
	return nulls
}

// callClauses parses what may follow a call, in its fixed order.
func (p *parser) callClauses(n *ast.FuncCall) {
	if nulls := p.nullTreatment(); nulls != ast.NullsDefault {
		if n.Nulls != ast.NullsDefault {
			p.refuse(p.span(p.end), "", "the treatment of NULL is given twice")
		}
		n.Nulls = nulls
	}
	if p.rare("WITHIN", "DISTINCT") {
		p.advance()
		p.advance()
		p.expectKind(token.LParen)
		n.WithinDistinct = p.exprs()
		p.expectKind(token.RParen)
	}
	if p.rare("WITHIN", "GROUP") {
		p.advance()
		p.advance()
		n.WithinGroup = p.withinGroup()
	}
	if p.rare("FILTER") {
		p.advance()
		p.expectKind(token.LParen)
		p.expect("WHERE")
		n.Filter = p.expr()
		p.expectKind(token.RParen)
	}
	p.over(n)
}

// withinGroup parses (ORDER BY ...).
func (p *parser) withinGroup() []ast.OrderItem {
	p.expectKind(token.LParen)
	if !p.is("ORDER") {
		p.fail("")
	}
	items := p.orderBy()
	p.expectKind(token.RParen)
	return items
}

func (p *parser) over(n *ast.FuncCall) {
	if !p.rare("OVER") {
		return
	}
	p.advance()
	start := p.start()
	if p.isKind(token.LParen) {
		n.Over = p.windowSpec()
		return
	}
	id := p.name("a window")
	n.Over = &ast.WindowSpec{Pos: p.at(start), Ref: &id, Named: true}
}

// windowSpec parses ([base] [PARTITION BY] [ORDER BY] [frame]).
func (p *parser) windowSpec() *ast.WindowSpec {
	start := p.start()
	p.expectKind(token.LParen)
	n := &ast.WindowSpec{}
	if p.cur().IsName() {
		id := p.name("")
		n.Ref = &id
	}
	if p.accept("PARTITION") {
		p.expect("BY")
		n.PartitionBy = p.exprs()
	}
	n.OrderBy = p.orderBy()
	if p.rare("ROWS") || p.rare("RANGE") {
		n.Frame = p.frame()
	}
	if p.rare("ALLOW") || p.rare("DISALLOW") {
		n.AllowPartial = map[string]int{"ALLOW": 1, "DISALLOW": -1}[p.advance().Word]
		p.expect("PARTIAL")
	}
	p.expectKind(token.RParen)
	n.Pos = p.at(start)
	return n
}

func (p *parser) frame() *ast.Frame {
	start := p.start()
	n := &ast.Frame{}
	if p.expectOneOf("ROWS", "RANGE") == "RANGE" {
		n.Unit = ast.FrameRange
	}
	if p.accept("BETWEEN") {
		n.Lo = p.bound()
		p.expect("AND")
		n.Hi = p.bound()
	} else {
		n.Lo, n.Hi, n.Single = p.bound(), ast.Bound{Kind: ast.CurrentRow}, true
	}
	if p.accept("EXCLUDE") {
		switch p.expectOneOf("CURRENT", "GROUP", "TIES", "NO") {
		case "CURRENT":
			p.expect("ROW")
			n.Exclude = ast.ExcludeCurrentRow
		case "GROUP":
			n.Exclude = ast.ExcludeGroup
		case "TIES":
			n.Exclude = ast.ExcludeTies
		case "NO":
			p.expect("OTHERS")
			n.Exclude = ast.ExcludeNoOthers
		}
	}
	n.Pos = p.at(start)
	return n
}

func (p *parser) bound() ast.Bound {
	switch {
	case p.acceptSeq("CURRENT", "ROW"):
		return ast.Bound{Kind: ast.CurrentRow}
	case p.acceptSeq("UNBOUNDED", "PRECEDING"):
		return ast.Bound{Kind: ast.UnboundedPreceding}
	case p.acceptSeq("UNBOUNDED", "FOLLOWING"):
		return ast.Bound{Kind: ast.UnboundedFollowing}
	}
	x := p.expr()
	if p.expectOneOf("PRECEDING", "FOLLOWING") == "FOLLOWING" {
		return ast.Bound{Kind: ast.Following, Offset: x}
	}
	return ast.Bound{Kind: ast.Preceding, Offset: x}
}

// orderBy parses ORDER BY items, if it comes next.
func (p *parser) orderBy() []ast.OrderItem {
	if !p.accept("ORDER") {
		return nil
	}
	p.expect("BY")
	return list(p, p.orderItem)
}

func (p *parser) orderItem() ast.OrderItem {
	it := ast.OrderItem{Expr: p.expr()}
	it.Desc = p.oneOf("ASC", "DESC") == "DESC"
	switch {
	case p.acceptSeq("NULLS", "FIRST"):
		it.Nulls = ast.NullsFirst
	case p.acceptSeq("NULLS", "LAST"):
		it.Nulls = ast.NullsLast
	}
	return it
}

// specialCall returns the method that parses a call with syntax of its own, or nil.
func (p *parser) specialCall(t, next token.Token) func(*parser) ast.Expr {
	if next.Kind != token.LParen {
		if (t.Word == "RUNNING" || t.Word == "FINAL") && (next.IsName() || reservedFunctions[next.Word]) && p.ahead(2).Kind == token.LParen {
			return (*parser).runningCall
		}
		return nil
	}
	return specialCallOf(t.Word)
}

// specialCallOf maps the name of a call with syntax of its own to its method. It is a
// switch and not a table because the methods lead back here.
func specialCallOf(word string) func(*parser) ast.Expr {
	switch word {
	case "CAST", "TRY_CAST", "SAFE_CAST":
		return (*parser).cast
	case "EXTRACT":
		return (*parser).extract
	case "POSITION":
		return (*parser).position
	case "OVERLAY":
		return (*parser).overlay
	case "CONVERT", "TRANSLATE":
		return (*parser).convert
	case "FLOOR", "CEIL", "CEILING":
		return (*parser).round
	case "SUBSTRING":
		return (*parser).substring
	case "TRIM":
		return (*parser).trim
	case "TIMESTAMPADD", "TIMESTAMPDIFF":
		return (*parser).unitCall
	case "TUMBLE", "HOP", "SESSION":
		return (*parser).plainCall
	case "FIRST", "LAST", "PREV", "NEXT":
		return (*parser).navigation
	case "CLASSIFIER", "MATCH_NUMBER":
		return (*parser).emptyCall
	case "JSON_EXISTS":
		return (*parser).jsonExists
	case "JSON_VALUE":
		return (*parser).jsonValue
	case "JSON_QUERY":
		return (*parser).jsonQuery
	case "JSON_OBJECT":
		return (*parser).jsonObject
	case "JSON_OBJECTAGG":
		return (*parser).jsonObjectAgg
	case "JSON_ARRAY":
		return (*parser).jsonArray
	case "JSON_ARRAYAGG":
		return (*parser).jsonArrayAgg
	}
	return nil
}

// callee consumes the function's name and the parenthesis behind it.
func (p *parser) callee() (*ast.FuncCall, int) {
	t := p.advance()
	p.expectKind(token.LParen)
	return &ast.FuncCall{Name: ast.Name{{Name: t.Text, Span: t.Span}}}, t.Span.Start
}

// callEnd consumes the closing parenthesis and sets the place.
func (p *parser) callEnd(n *ast.FuncCall, start int) ast.Expr {
	p.expectKind(token.RParen)
	n.Pos = p.at(start)
	return n
}

func (p *parser) add(n *ast.FuncCall, x ast.Expr) { n.Args = append(n.Args, ast.Arg{Value: x}) }

func (p *parser) cast() ast.Expr {
	t := p.advance()
	p.expectKind(token.LParen)
	n := &ast.Cast{X: p.expr(), Try: t.Word != "CAST"}
	p.expect("AS")
	n.Type = p.dataType()
	if p.accept("FORMAT") {
		n.Format = p.str("the format as a string")
	}
	p.expectKind(token.RParen)
	n.Pos = p.at(t.Span.Start)
	return n
}

// unit reads a unit of time.
func (p *parser) unit() ast.Expr {
	t := p.cur()
	if t.Kind != token.Word || t.Reserved && intervalUnits[t.Word] == "" {
		p.fail("a unit of time such as DAY")
		return nil
	}
	p.advance()
	word := strings.ToUpper(t.Text)
	if w := unitSynonyms[word]; w != "" {
		word = w
	}
	return &ast.Keyword{Pos: ast.Pos{At: t.Span}, Word: word}
}

// unitSynonyms are other names of units.
var unitSynonyms = map[string]string{
	"FRAC_SECOND": "MICROSECOND", "SQL_TSI_FRAC_SECOND": "NANOSECOND", "SQL_TSI_MICROSECOND": "MICROSECOND",
	"SQL_TSI_SECOND": "SECOND", "SQL_TSI_MINUTE": "MINUTE", "SQL_TSI_HOUR": "HOUR", "SQL_TSI_DAY": "DAY",
	"SQL_TSI_WEEK": "WEEK", "SQL_TSI_MONTH": "MONTH", "SQL_TSI_QUARTER": "QUARTER", "SQL_TSI_YEAR": "YEAR",
}

func (p *parser) extract() ast.Expr {
	n, start := p.callee()
	n.Syntax = ast.CallExtract
	p.add(n, p.unit())
	p.expect("FROM")
	p.add(n, p.expr())
	return p.callEnd(n, start)
}

func (p *parser) position() ast.Expr {
	n, start := p.callee()
	n.Syntax = ast.CallPosition
	outer := p.height
	p.height = 0
	p.add(n, p.postfix())
	p.height = max(outer, p.height)
	p.expect("IN")
	p.add(n, p.expr())
	if p.accept("FROM") {
		p.add(n, p.expr())
	}
	return p.callEnd(n, start)
}

func (p *parser) overlay() ast.Expr {
	n, start := p.callee()
	n.Syntax = ast.CallOverlay
	p.add(n, p.expr())
	p.expect("PLACING")
	p.add(n, p.expr())
	p.expect("FROM")
	p.add(n, p.expr())
	if p.accept("FOR") {
		p.add(n, p.expr())
	}
	return p.callEnd(n, start)
}

// convert parses CONVERT and TRANSLATE, with USING or with plain arguments.
func (p *parser) convert() ast.Expr {
	n, start := p.callee()
	p.add(n, p.expr())
	if p.accept("USING") {
		n.Syntax = ast.CallConvertUsing
		id := p.name("a character set")
		p.add(n, &ast.Keyword{Pos: ast.Pos{At: id.Span}, Word: id.Name})
		return p.callEnd(n, start)
	}
	for p.acceptKind(token.Comma) {
		p.add(n, p.expr())
	}
	return p.callEnd(n, start)
}

func (p *parser) round() ast.Expr {
	n, start := p.callee()
	p.add(n, p.expr())
	if p.accept("TO") {
		n.Syntax = ast.CallRound
		p.add(n, p.unit())
	}
	p.callEnd(n, start)
	p.over(n)
	n.Pos = p.at(start)
	return n
}

func (p *parser) substring() ast.Expr {
	n, start := p.callee()
	p.add(n, p.expr())
	words := p.accept("FROM")
	if !words {
		p.expectKind(token.Comma)
	}
	p.add(n, p.expr())
	if p.accept("FOR") {
		words = true
		p.add(n, p.expr())
	} else if p.acceptKind(token.Comma) {
		p.add(n, p.expr())
	}
	if words {
		n.Syntax = ast.CallSubstringFrom
	}
	return p.callEnd(n, start)
}

func (p *parser) trim() ast.Expr {
	n, start := p.callee()
	n.Syntax = ast.CallTrim
	k := &ast.Keyword{Word: "BOTH"}
	if w := p.cur(); w.Word == "BOTH" || w.Word == "LEADING" || w.Word == "TRAILING" {
		p.advance()
		k = &ast.Keyword{Pos: ast.Pos{At: w.Span}, Word: w.Word}
		p.add(n, k)
		if p.accept("FROM") {
			p.add(n, p.expr())
			return p.callEnd(n, start)
		}
	} else {
		p.add(n, k)
	}
	p.add(n, p.expr())
	if p.accept("FROM") {
		p.add(n, p.expr())
	}
	return p.callEnd(n, start)
}

func (p *parser) unitCall() ast.Expr {
	n, start := p.callee()
	n.Syntax = ast.CallUnit
	p.add(n, p.unit())
	for range 2 {
		p.expectKind(token.Comma)
		p.add(n, p.expr())
	}
	return p.callEnd(n, start)
}

// plainCall parses a call without the clauses that may follow others.
func (p *parser) plainCall() ast.Expr {
	t := p.advance()
	n := &ast.FuncCall{Name: ast.Name{{Name: t.Text, Span: t.Span}}}
	p.callArgs(n)
	n.Pos = p.at(t.Span.Start)
	return n
}

func (p *parser) emptyCall() ast.Expr {
	n, start := p.callee()
	return p.callEnd(n, start)
}

// navigation parses FIRST, LAST, PREV and NEXT of a row pattern: (expr [, number]).
func (p *parser) navigation() ast.Expr {
	n, start := p.callee()
	p.add(n, p.expr())
	if p.acceptKind(token.Comma) {
		p.add(n, p.number())
	}
	return p.callEnd(n, start)
}

// runningCall parses RUNNING f(x) and FINAL f(x).
func (p *parser) runningCall() ast.Expr {
	t := p.advance()
	n := &ast.FuncCall{Name: ast.Name{{Name: t.Text, Span: t.Span}}, Syntax: ast.CallPrefix}
	switch p.cur().Word {
	case "FIRST", "LAST":
		p.add(n, p.navigation())
	default:
		if !p.cur().IsName() && !reservedFunctions[p.cur().Word] {
			p.fail("a function call")
			return nil
		}
		p.add(n, p.nameOrCall())
	}
	n.Pos = p.at(t.Span.Start)
	return n
}
