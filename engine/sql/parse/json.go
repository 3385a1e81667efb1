package parse

import (
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/token"
)

// jsonCall begins a JSON function that takes an input and a path.
func (p *parser) jsonCall() (*ast.FuncCall, int) {
	n, start := p.callee()
	n.Syntax, n.JSON = ast.CallJSON, &ast.JSONClauses{}
	p.add(n, p.expr())
	p.expectKind(token.Comma)
	p.add(n, p.expr())
	if p.rare("PASSING") {
		p.advance() // taken and without effect, as in the grammar
		list(p, func() ast.Identifier {
			p.expr()
			p.expect("AS")
			return p.name("a name")
		})
	}
	return n, start
}

// jsonEncoding reads JSON [ENCODING name].
func (p *parser) jsonEncoding() {
	p.expect("JSON")
	if p.accept("ENCODING") {
		p.expectOneOf("UTF8", "UTF16", "UTF32")
	}
}

func (p *parser) jsonExists() ast.Expr {
	n, start := p.jsonCall()
	kinds := map[string]ast.JSONBehaviorKind{"TRUE": ast.JSONTrue, "FALSE": ast.JSONFalse, "UNKNOWN": ast.JSONUnknown, "ERROR": ast.JSONError}
	if w := p.oneOf("TRUE", "FALSE", "UNKNOWN", "ERROR"); w != "" {
		n.JSON.OnError.Kind = kinds[w]
		p.expect("ON", "ERROR")
	}
	return p.callEnd(n, start)
}

func (p *parser) jsonReturning(n *ast.FuncCall) {
	if p.accept("RETURNING") {
		n.JSON.Returning = p.dataType()
	}
}

func (p *parser) jsonValue() ast.Expr {
	n, start := p.jsonCall()
	p.jsonReturning(n)
	for p.err == nil && !p.isKind(token.RParen) {
		var b ast.JSONBehavior
		switch p.expectOneOf("NULL", "ERROR", "DEFAULT") {
		case "NULL":
			b.Kind = ast.JSONNull
		case "ERROR":
			b.Kind = ast.JSONError
		case "DEFAULT":
			b = ast.JSONBehavior{Kind: ast.JSONDefault, Default: p.expr()}
		}
		p.jsonOn(n, b)
	}
	return p.callEnd(n, start)
}

// jsonOn reads ON EMPTY or ON ERROR and sets the behaviour for it.
func (p *parser) jsonOn(n *ast.FuncCall, b ast.JSONBehavior) {
	p.expect("ON")
	if p.expectOneOf("EMPTY", "ERROR") == "EMPTY" {
		n.JSON.OnEmpty = b
	} else {
		n.JSON.OnError = b
	}
}

func (p *parser) jsonQuery() ast.Expr {
	n, start := p.jsonCall()
	p.jsonReturning(n)
	switch p.oneOf("WITHOUT", "WITH") {
	case "WITHOUT":
		n.JSON.Wrapper = ast.WrapperWithout
		p.accept("ARRAY")
		p.expect("WRAPPER")
	case "WITH":
		n.JSON.Wrapper = ast.WrapperUnconditional
		if p.oneOf("CONDITIONAL", "UNCONDITIONAL") == "CONDITIONAL" {
			n.JSON.Wrapper = ast.WrapperConditional
		}
		p.accept("ARRAY")
		p.expect("WRAPPER")
	}
	for p.err == nil && !p.isKind(token.RParen) {
		var b ast.JSONBehavior
		switch p.expectOneOf("NULL", "ERROR", "EMPTY") {
		case "NULL":
			b.Kind = ast.JSONNull
		case "ERROR":
			b.Kind = ast.JSONError
		case "EMPTY":
			b.Kind = ast.JSONEmptyArray
			if p.expectOneOf("ARRAY", "OBJECT") == "OBJECT" {
				b.Kind = ast.JSONEmptyObject
			}
		}
		p.jsonOn(n, b)
	}
	return p.callEnd(n, start)
}

// jsonEntry parses [KEY] name VALUE value, or name : value.
func (p *parser) jsonEntry(n *ast.FuncCall) {
	key := false
	if p.rare("KEY") {
		switch next := p.ahead(1); {
		case next.Word == "VALUE", next.Kind == token.Colon, next.Kind == token.Dot, next.Kind == token.LBracket, next.Kind == token.LParen:
		default:
			p.advance()
			key = true
		}
	}
	p.add(n, p.expr())
	colon := p.cur()
	if p.acceptKind(token.Colon) {
		if key {
			p.refuse(colon.Span, "write VALUE instead of the colon", "a colon does not go with KEY")
		}
	} else {
		p.expect("VALUE")
	}
	p.jsonArg(n)
}

// jsonArg parses a value that may be followed by FORMAT JSON.
func (p *parser) jsonArg(n *ast.FuncCall) {
	x := p.expr()
	if f, ok := x.(*ast.FuncCall); ok && f.Syntax == ast.CallFormatJSON {
		x = f.Args[0].Value
		n.JSON.FormatJSON = append(n.JSON.FormatJSON, len(n.Args))
	}
	p.add(n, x)
}

// jsonNulls reads NULL ON NULL or ABSENT ON NULL.
func (p *parser) jsonNulls(n *ast.FuncCall) {
	switch {
	case p.acceptSeq("NULL", "ON", "NULL"):
		n.JSON.OnNull = ast.JSONNullOnNull
	case p.acceptSeq("ABSENT", "ON", "NULL"):
		n.JSON.OnNull = ast.JSONAbsentOnNull
	}
}

// jsonElements tells whether elements come before the closing parenthesis or NULL ON
// NULL.
func (p *parser) jsonElements() bool {
	return !p.isKind(token.RParen) && !p.rare("NULL", "ON") && !p.rare("ABSENT", "ON")
}

func (p *parser) jsonObject() ast.Expr {
	n, start := p.callee()
	n.Syntax, n.JSON = ast.CallJSON, &ast.JSONClauses{}
	if p.jsonElements() {
		for ok := true; ok; ok = p.acceptKind(token.Comma) {
			p.jsonEntry(n)
		}
	}
	p.jsonNulls(n)
	return p.callEnd(n, start)
}

func (p *parser) jsonObjectAgg() ast.Expr {
	n, start := p.callee()
	n.Syntax, n.JSON = ast.CallJSON, &ast.JSONClauses{}
	p.jsonEntry(n)
	p.jsonNulls(n)
	p.callEnd(n, start)
	p.jsonFilter(n)
	n.Pos = p.at(start)
	return n
}

func (p *parser) jsonArray() ast.Expr {
	n, start := p.callee()
	n.Syntax, n.JSON = ast.CallJSON, &ast.JSONClauses{}
	if p.jsonElements() {
		for ok := true; ok; ok = p.acceptKind(token.Comma) {
			p.jsonArg(n)
		}
	}
	p.jsonNulls(n)
	return p.callEnd(n, start)
}

func (p *parser) jsonArrayAgg() ast.Expr {
	n, start := p.callee()
	n.Syntax, n.JSON = ast.CallJSON, &ast.JSONClauses{}
	p.jsonArg(n)
	n.OrderBy = p.orderBy()
	p.jsonNulls(n)
	p.callEnd(n, start)
	if p.rare("WITHIN", "GROUP") {
		if n.OrderBy != nil {
			p.refuse(p.cur().Span, "keep one of them", "the order is given twice, in the call and by WITHIN GROUP")
		}
		p.advance()
		p.advance()
		n.WithinGroup = p.withinGroup()
	}
	p.jsonFilter(n)
	n.Pos = p.at(start)
	return n
}

// jsonFilter reads FILTER (WHERE ...) behind a JSON aggregate.
func (p *parser) jsonFilter(n *ast.FuncCall) {
	if p.rare("FILTER") {
		p.advance()
		p.expectKind(token.LParen)
		p.expect("WHERE")
		n.Filter = p.expr()
		p.expectKind(token.RParen)
	}
}
