package parse

import (
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/token"
)

// How tightly operators bind; a higher one binds tighter. All but the prefix ones
// associate to the left.
const (
	precAny          = 0
	precMultisetOr   = 14 // MULTISET UNION, MULTISET EXCEPT
	precMultisetAnd  = 18 // MULTISET INTERSECT
	precOr           = 22
	precAnd          = 24
	precNot          = 26
	precPostfix      = 28 // IS NULL and its brothers
	precCompare      = 30
	precIn           = 32 // IN, BETWEEN, LIKE, quantified comparison
	precAdd          = 40
	precMul          = 60
	precUnary        = 80
	precAboveCompare = precCompare + 1
)

// expr parses an expression. It adds the expression's height to the tree at hand.
func (p *parser) expr() ast.Expr {
	outer := p.height
	x := p.binary(precAny)
	p.height = max(outer, p.height)
	return x
}

func (p *parser) exprs() []ast.Expr { return list(p, p.expr) }

// binary parses operands joined by operators that bind at least as tightly as min.
func (p *parser) binary(lowest int) ast.Expr {
	p.enter()
	defer p.leave()
	start := p.start()
	x := p.unary()
	for p.err == nil {
		next, ok := p.infix(x, start, lowest)
		if !ok {
			break
		}
		x = next
	}
	return x
}

// right parses the right operand of an operator and sets the height of the whole.
func (p *parser) right(lowest int) ast.Expr {
	left := p.height
	x := p.binary(lowest)
	p.grew(max(left, p.height))
	return x
}

// simpleOps are the operators of one token.
var simpleOps = map[token.Kind]struct {
	op   ast.BinaryOp
	prec int
}{
	token.Eq: {ast.OpEq, precCompare}, token.Ne: {ast.OpNe, precCompare},
	token.Lt: {ast.OpLt, precCompare}, token.Le: {ast.OpLe, precCompare},
	token.Gt: {ast.OpGt, precCompare}, token.Ge: {ast.OpGe, precCompare},
	token.Plus: {ast.OpAdd, precAdd}, token.Minus: {ast.OpSub, precAdd},
	token.Star: {ast.OpMul, precMul}, token.Slash: {ast.OpDiv, precMul},
	token.Percent: {ast.OpMod, precMul}, token.Concat: {ast.OpConcat, precMul},
}

// infix parses one operator and its right side, if one comes next that binds at
// least as tightly as lowest.
func (p *parser) infix(x ast.Expr, start, lowest int) (ast.Expr, bool) {
	t := p.cur()
	if t.Kind != token.Word {
		if t.Kind == token.BangEq && lowest <= precCompare {
			p.refuse(t.Span, "write <> instead", "!= is not an operator of this dialect")
			return nil, false
		}
		o, ok := simpleOps[t.Kind]
		if !ok || o.prec < lowest {
			return nil, false
		}
		if o.prec == precCompare && p.quantifierAhead() {
			return p.quantified(x, start, o.op), true
		}
		p.advance()
		r := p.right(o.prec + 1)
		return &ast.Binary{Pos: p.at(start), Op: o.op, L: x, R: r}, true
	}
	return p.infixWord(x, start, lowest, t.Word)
}

// periodOps are the comparisons of periods.
var periodOps = map[string]ast.BinaryOp{
	"OVERLAPS": ast.OpOverlaps, "CONTAINS": ast.OpContains, "EQUALS": ast.OpPeriodEquals,
	"PRECEDES": ast.OpPrecedes, "SUCCEEDS": ast.OpSucceeds,
}

func (p *parser) infixWord(x ast.Expr, start, lowest int, word string) (ast.Expr, bool) {
	binary := func(words, prec int, op ast.BinaryOp) (ast.Expr, bool) {
		if prec < lowest {
			return nil, false
		}
		for range words {
			p.advance()
		}
		r := p.right(prec + 1)
		return &ast.Binary{Pos: p.at(start), Op: op, L: x, R: r}, true
	}
	next := p.ahead(1).Word
	switch word {
	case "OR":
		return binary(1, precOr, ast.OpOr)
	case "AND":
		return binary(1, precAnd, ast.OpAnd)
	case "IS":
		return p.is_(x, start, lowest)
	case "IN", "BETWEEN", "LIKE", "ILIKE", "RLIKE", "SIMILAR":
		return p.predicate(x, start, lowest, false)
	case "NOT":
		switch next {
		case "IN", "BETWEEN", "LIKE", "ILIKE", "RLIKE", "SIMILAR":
			return p.predicate(x, start, lowest, true)
		case "SUBMULTISET":
			if precCompare < lowest {
				return nil, false
			}
			p.advance()
			y, ok := binary(2, precCompare, ast.OpSubmultisetOf)
			return &ast.Unary{Pos: p.at(start), Op: ast.OpNot, X: y}, ok
		}
	case "MEMBER":
		if next == "OF" {
			return binary(2, precCompare, ast.OpMemberOf)
		}
	case "SUBMULTISET":
		if next == "OF" {
			return binary(2, precCompare, ast.OpSubmultisetOf)
		}
	case "OVERLAPS", "CONTAINS", "EQUALS", "PRECEDES", "SUCCEEDS":
		return binary(1, precCompare, periodOps[word])
	case "IMMEDIATELY":
		switch next {
		case "PRECEDES":
			return binary(2, precCompare, ast.OpImmediatelyPrecedes)
		case "SUCCEEDS":
			return binary(2, precCompare, ast.OpImmediatelySucceeds)
		}
	case "MULTISET":
		return p.multisetOp(x, start, lowest, next)
	case "FORMAT":
		if next == "JSON" && precPostfix >= lowest {
			p.advance()
			p.jsonEncoding()
			p.grew(p.height)
			return &ast.FuncCall{Pos: p.at(start), Syntax: ast.CallFormatJSON, Args: []ast.Arg{{Value: x}}}, true
		}
	}
	return nil, false
}

// is_ parses IS [NOT] ...
func (p *parser) is_(x ast.Expr, start, lowest int) (ast.Expr, bool) {
	not := p.ahead(1).Word == "NOT"
	after := 1
	if not {
		after = 2
	}
	if p.ahead(after).Word == "DISTINCT" {
		if precCompare < lowest {
			return nil, false
		}
		p.advance()
		p.accept("NOT")
		p.advance()
		p.expect("FROM")
		r := p.right(precAboveCompare)
		return &ast.IsDistinct{Pos: p.at(start), L: x, R: r, Not: not}, true
	}
	if precPostfix < lowest {
		return nil, false
	}
	p.advance()
	p.accept("NOT")
	n := &ast.Is{X: x, Not: not}
	switch p.expectOneOf("NULL", "TRUE", "FALSE", "UNKNOWN", "DISTINCT", "JSON", "EMPTY", "A") {
	case "NULL":
		n.Kind = ast.IsNull
	case "TRUE":
		n.Kind = ast.IsTrue
	case "FALSE":
		n.Kind = ast.IsFalse
	case "UNKNOWN":
		n.Kind = ast.IsUnknown
	case "EMPTY":
		n.Kind = ast.IsEmpty
	case "A":
		p.expect("SET")
		n.Kind = ast.IsASet
	case "JSON":
		n.Kind = ast.IsJSON
		switch p.oneOf("VALUE", "SCALAR", "ARRAY", "OBJECT") {
		case "SCALAR":
			n.Kind = ast.IsJSONScalar
		case "ARRAY":
			n.Kind = ast.IsJSONArray
		case "OBJECT":
			n.Kind = ast.IsJSONObject
		}
	}
	p.grew(p.height)
	n.Pos = p.at(start)
	return n, true
}

// predicate parses [NOT] IN, BETWEEN, LIKE, SIMILAR TO.
func (p *parser) predicate(x ast.Expr, start, lowest int, not bool) (ast.Expr, bool) {
	if precIn < lowest {
		return nil, false
	}
	height := p.height
	if not {
		p.advance()
	}
	word := p.advance().Word
	switch word {
	case "IN":
		n := &ast.In{X: x, Not: not}
		n.Query, n.List = p.queryOrList("a list or a query in parentheses")
		p.grew(max(height, p.height))
		n.Pos = p.at(start)
		return n, true
	case "BETWEEN":
		n := &ast.Between{X: x, Not: not}
		switch p.oneOf("SYMMETRIC", "ASYMMETRIC") {
		case "SYMMETRIC":
			n.Symmetric = true
		}
		n.Lo = p.between()
		height = max(height, p.height)
		p.expect("AND")
		n.Hi = p.binary(precIn + 1)
		p.grew(max(height, p.height))
		n.Pos = p.at(start)
		return n, true
	}
	n := &ast.Like{X: x, Not: not}
	switch word {
	case "ILIKE":
		n.Kind = ast.ILike
	case "RLIKE":
		n.Kind = ast.RLike
	case "SIMILAR":
		p.expect("TO")
		n.Kind = ast.Similar
	}
	n.Pattern = p.binary(precIn + 1)
	height = max(height, p.height)
	if p.accept("ESCAPE") {
		p.height = 0
		n.Escape = p.postfix()
		height = max(height, p.height)
	}
	p.grew(height)
	n.Pos = p.at(start)
	return n, true
}

// between parses the lower bound of BETWEEN: anything up to the AND.
func (p *parser) between() ast.Expr {
	start := p.start()
	x := p.binary(precAnd + 1)
	for p.is("OR") {
		p.advance()
		r := p.right(precAnd + 1)
		x = &ast.Binary{Pos: p.at(start), Op: ast.OpOr, L: x, R: r}
	}
	return x
}

// quantifierAhead reports whether SOME, ANY or ALL and a parenthesis follow a
// comparison sign.
func (p *parser) quantifierAhead() bool {
	switch p.ahead(1).Word {
	case "SOME", "ANY", "ALL":
		return p.ahead(2).Kind == token.LParen
	}
	return false
}

func (p *parser) quantified(x ast.Expr, start int, op ast.BinaryOp) ast.Expr {
	p.advance()
	height := p.height
	n := &ast.Quantified{Op: op, X: x}
	if p.advance().Word == "ALL" {
		n.Quantifier = ast.QuantAll
	}
	n.Query, n.List = p.queryOrList("a list or a query in parentheses")
	p.grew(max(height, p.height))
	n.Pos = p.at(start)
	return n
}

func (p *parser) multisetOp(x ast.Expr, start, lowest int, next string) (ast.Expr, bool) {
	ops := map[string][2]ast.BinaryOp{
		"UNION":     {ast.OpMultisetUnion, ast.OpMultisetUnionDistinct},
		"INTERSECT": {ast.OpMultisetIntersect, ast.OpMultisetIntersectDistinct},
		"EXCEPT":    {ast.OpMultisetExcept, ast.OpMultisetExceptDistinct},
	}
	op, ok := ops[next]
	prec := precMultisetOr
	if next == "INTERSECT" {
		prec = precMultisetAnd
	}
	if !ok || prec < lowest {
		return nil, false
	}
	p.advance()
	p.advance()
	i := 0
	if p.oneOf("ALL", "DISTINCT") == "DISTINCT" {
		i = 1
	}
	r := p.right(prec + 1)
	return &ast.Binary{Pos: p.at(start), Op: op[i], L: x, R: r}, true
}

// unary parses prefix operators and their operand.
func (p *parser) unary() ast.Expr {
	start := p.start()
	t := p.cur()
	op, prec := ast.OpNot, precNot
	switch {
	case t.Kind == token.Minus:
		op, prec = ast.OpNeg, precUnary
	case t.Kind == token.Plus:
		op, prec = ast.OpPlus, precUnary
	case t.Word == "NOT":
	case t.Word == "EXISTS" || t.Word == "UNIQUE":
		p.height = 0
		return p.exists()
	default:
		p.height = 0
		return p.postfix()
	}
	p.advance()
	p.height = 0
	x := p.binary(prec)
	p.grew(p.height)
	return &ast.Unary{Pos: p.at(start), Op: op, X: x}
}

func (p *parser) exists() ast.Expr {
	start := p.start()
	unique := p.advance().Word == "UNIQUE"
	p.expectKind(token.LParen)
	q := p.query()
	p.expectKind(token.RParen)
	p.grew(p.height)
	return &ast.Exists{Pos: p.at(start), Query: q, Unique: unique}
}

// postfix parses a primary with what follows it: [index], .field, .method(args).
func (p *parser) postfix() ast.Expr {
	start := p.start()
	x := p.primary()
	for p.err == nil {
		switch {
		case p.isKind(token.LBracket):
			p.advance()
			n := &ast.IndexAccess{X: x}
			height := p.height
			p.height = 0
			if w := p.cur().Word; (w == "OFFSET" || w == "ORDINAL" || w == "SAFE_OFFSET" || w == "SAFE_ORDINAL") && p.ahead(1).Kind == token.LParen {
				p.advance()
				p.advance()
				n.Mode, n.Index = w, p.expr()
				p.expectKind(token.RParen)
			} else {
				n.Index = p.expr()
			}
			p.expectKind(token.RBracket)
			p.grew(max(height, p.height))
			n.Pos = p.at(start)
			x = n
		case p.isKind(token.Dot):
			p.advance()
			height := p.height
			field := p.name("a field name")
			if p.isKind(token.LParen) {
				p.height = 0
				n := &ast.FuncCall{Name: ast.Name{field}, Syntax: ast.CallMethod, Args: []ast.Arg{{Value: x}}}
				p.callArgs(n)
				n.Pos = p.at(start)
				x = n
			} else {
				x = &ast.FieldAccess{Pos: p.at(start), X: x, Field: field}
			}
			p.grew(max(height, p.height))
		default:
			return x
		}
	}
	return x
}

// queryOrList parses (query) or (expr, ...), as the right side of IN.
func (p *parser) queryOrList(what string) (ast.Query, []ast.Expr) {
	if !p.isKind(token.LParen) {
		p.fail(what)
		return nil, nil
	}
	p.advance()
	p.height = 0
	if p.queryAhead() {
		q := p.query()
		p.expectKind(token.RParen)
		return q, nil
	}
	first := p.expr()
	if sub, ok := first.(*ast.Subquery); ok && p.queryContinues() {
		q := p.queryFrom(sub.Query, sub.At.Start)
		p.expectKind(token.RParen)
		return q, nil
	}
	exprs := []ast.Expr{first}
	for p.acceptKind(token.Comma) {
		exprs = append(exprs, p.expr())
	}
	p.expectKind(token.RParen)
	if sub, ok := first.(*ast.Subquery); ok && len(exprs) == 1 {
		return sub.Query, nil
	}
	return nil, exprs
}

// parenthesised parses (expr), (a, b) or (query), and (a - b) DAY.
func (p *parser) parenthesised() ast.Expr {
	start := p.start()
	q, exprs := p.queryOrList("'('")
	if p.err != nil {
		return nil
	}
	if q != nil {
		p.grew(p.height)
		return &ast.Subquery{Pos: p.at(start), Query: q}
	}
	if len(exprs) > 1 {
		p.grew(p.height)
		return &ast.RowCtor{Pos: p.at(start), Elems: exprs}
	}
	if t := p.cur(); intervalUnits[t.Word] != "" {
		minus, ok := exprs[0].(*ast.Binary)
		ok = ok && minus.Op == ast.OpSub
		if ok {
			iv := p.intervalQualifier(true)
			p.grew(p.height)
			return &ast.FuncCall{Pos: p.at(start), Syntax: ast.CallMinusInterval, Args: []ast.Arg{{Value: minus.L}, {Value: minus.R}}, Interval: iv}
		}
		if t.Reserved {
			p.refuse(t.Span, "write INTERVAL '1' "+t.Word+" for an interval", "a unit stands behind parentheses only for the difference of two times: (a - b) %s", t.Word)
		}
	}
	return exprs[0]
}

// row parses the row behind ROW.
func (p *parser) row() ast.Expr {
	start := p.start()
	p.expect("ROW")
	p.expectKind(token.LParen)
	p.height = 0
	elems := list(p, p.exprOrQuery)
	p.expectKind(token.RParen)
	p.grew(p.height)
	return &ast.RowCtor{Pos: p.at(start), Elems: elems, Explicit: true}
}

// exprOrQuery parses an expression, or a query without parentheses around it.
func (p *parser) exprOrQuery() ast.Expr {
	if !p.queryAhead() {
		return p.expr()
	}
	start := p.start()
	q := p.query()
	return &ast.Subquery{Pos: p.at(start), Query: q}
}

// caseExpr parses CASE ... END.
func (p *parser) caseExpr() ast.Expr {
	start := p.start()
	p.expect("CASE")
	n := &ast.Case{}
	p.height = 0
	if !p.is("WHEN") {
		n.Operand = p.expr()
	}
	for ok := true; ok; ok = p.is("WHEN") {
		p.expect("WHEN")
		w := ast.When{Conds: p.exprs()}
		p.expect("THEN")
		w.Then = p.expr()
		n.Whens = append(n.Whens, w)
	}
	if p.accept("ELSE") {
		n.Else = p.expr()
	}
	p.expect("END")
	p.grew(p.height)
	n.Pos = p.at(start)
	return n
}

// collection parses what stands behind ARRAY, MULTISET and MAP: [a, b] or (query).
func (p *parser) collection(mayBeEmpty bool) (elems []ast.Expr, q ast.Query) {
	p.height = 0
	if p.acceptKind(token.LParen) {
		q = p.query()
		p.expectKind(token.RParen)
	} else {
		p.expectKind(token.LBracket)
		if !mayBeEmpty || !p.isKind(token.RBracket) {
			elems = p.exprs()
		}
		p.expectKind(token.RBracket)
	}
	p.grew(p.height)
	return elems, q
}

// primary parses an operand without operators.
func (p *parser) primary() ast.Expr {
	t := p.cur()
	switch t.Kind {
	case token.Integer, token.Decimal, token.Approx, token.String, token.UnicodeString, token.EscapeString,
		token.PrefixedString, token.Bytes:
		return p.constant()
	case token.Question:
		p.advance()
		p.params++
		return &ast.Param{Pos: ast.Pos{At: t.Span}, Index: p.params - 1}
	case token.LParen:
		return p.parenthesised()
	case token.LBrace:
		return p.escape()
	case token.Quoted:
		return p.nameOrCall()
	case token.Word:
		if x, ok := p.keywordPrimary(t); ok {
			return x
		}
		if !t.Reserved || reservedFunctions[t.Word] && p.ahead(1).Kind == token.LParen {
			return p.nameOrCall()
		}
		if niladic[t.Word] {
			p.advance()
			id := ast.Identifier{Name: t.Text, Span: t.Span}
			return &ast.FuncCall{Pos: ast.Pos{At: t.Span}, Name: ast.Name{id}, Syntax: ast.CallNiladic}
		}
		if !clauseWords[t.Word] && p.nameLike() {
			p.badName(t, "an expression")
			return nil
		}
	case token.Star:
		p.refuse(t.Span, "", "* stands alone in SELECT, or as COUNT(*)")
		return nil
	}
	p.want = p.want[:0]
	p.fail("an expression")
	return nil
}

// nameLike reports whether a reserved word at the next token is used like a name.
func (p *parser) nameLike() bool {
	switch n := p.ahead(1); n.Kind {
	case token.EOF, token.Semicolon, token.Comma, token.RParen, token.Dot, token.Eq, token.Ne, token.Lt, token.Le,
		token.Gt, token.Ge, token.Plus, token.Minus, token.Star, token.Slash, token.Percent, token.Concat, token.RBracket:
		return true
	case token.Word:
		return n.Word == "AS" || clauseWords[n.Word]
	}
	return false
}

// keywordPrimary parses what a keyword begins; ok is false when the word is a name
// here.
func (p *parser) keywordPrimary(t token.Token) (x ast.Expr, ok bool) {
	start := t.Span.Start
	next := p.ahead(1)
	paren := next.Kind == token.LParen
	switch t.Word {
	case "":
		return nil, false
	case "NULL", "TRUE", "FALSE", "UNKNOWN":
		return p.constant(), true
	case "DATE", "TIME", "TIMESTAMP", "DECIMAL", "UUID":
		if next.IsString() || next.Word == "WITH" && t.Word != "DATE" && t.Word != "DECIMAL" && t.Word != "UUID" {
			return p.constant(), true
		}
	case "INTERVAL":
		return p.interval(), true
	case "CASE":
		return p.caseExpr(), true
	case "ROW":
		if paren {
			return p.row(), true
		}
	case "ARRAY":
		p.advance()
		elems, q := p.collection(true)
		return &ast.ArrayCtor{Pos: p.at(start), Elems: elems, Query: q}, true
	case "MULTISET":
		p.advance()
		elems, q := p.collection(false)
		return &ast.MultisetCtor{Pos: p.at(start), Elems: elems, Query: q}, true
	case "MAP":
		if paren || next.Kind == token.LBracket {
			p.advance()
			elems, q := p.collection(true)
			return &ast.MapCtor{Pos: p.at(start), Elems: elems, Query: q}, true
		}
	case "PERIOD":
		p.advance()
		p.height = 0
		p.expectKind(token.LParen)
		n := &ast.Period{Start: p.expr()}
		p.expectKind(token.Comma)
		n.End = p.expr()
		p.expectKind(token.RParen)
		p.grew(p.height)
		n.Pos = p.at(start)
		return n, true
	case "CURSOR":
		p.advance()
		p.height = 0
		p.expectKind(token.LParen)
		q := p.query()
		p.expectKind(token.RParen)
		p.grew(p.height)
		return &ast.Cursor{Pos: p.at(start), Query: q}, true
	case "NEXT", "CURRENT":
		if next.Word == "VALUE" {
			p.advance()
			p.advance()
			p.expect("FOR")
			return &ast.NextValue{Name: p.path("a sequence"), Current: t.Word == "CURRENT", Pos: p.at(start)}, true
		}
	case "NEW":
		p.advance()
		n := &ast.FuncCall{Name: p.path("a type name"), Syntax: ast.CallNew}
		p.callArgs(n)
		n.Pos = p.at(start)
		return n, true
	}
	if f := p.specialCall(t, next); f != nil {
		p.height = 0
		n := f(p)
		p.grew(p.height)
		return n, true
	}
	return nil, false
}

// nameOrCall parses a call, a column path or t.*.
func (p *parser) nameOrCall() ast.Expr {
	start := p.start()
	t := p.cur()
	n := ast.Name{{Name: t.Name(), Quoted: t.Kind == token.Quoted, Span: t.Span}}
	p.advance()
	for p.isKind(token.Dot) {
		if p.ahead(1).Kind == token.Star {
			p.advance()
			p.advance()
			return &ast.Star{Pos: p.at(start), Qualifier: n}
		}
		p.advance()
		n = append(n, p.name("a name after the dot"))
	}
	if p.isKind(token.LParen) {
		return p.call(n, start)
	}
	return &ast.ColumnRef{Pos: p.at(start), Name: n}
}
