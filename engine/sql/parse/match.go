package parse

import (
	"strconv"

	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/token"
)

// overHundred reports whether the digits of a number mean more than 100.
func overHundred(digits string) bool {
	f, err := strconv.ParseFloat(digits, 64)
	return err != nil || f > 100
}

// matchRecognize parses MATCH_RECOGNIZE (...) behind a table.
func (p *parser) matchRecognize(t ast.TableRef, start int) ast.TableRef {
	p.expect("MATCH_RECOGNIZE")
	p.expectKind(token.LParen)
	n := &ast.MatchRecognize{Input: t}
	if p.accept("PARTITION") {
		p.expect("BY")
		n.PartitionBy = p.exprs()
	}
	n.OrderBy = p.orderBy()
	if p.accept("MEASURES") {
		n.Measures = list(p, func() ast.SelectItem {
			it := ast.SelectItem{Expr: p.expr()}
			p.expect("AS")
			id := p.name("a column name")
			it.Alias = &id
			return it
		})
	}
	switch p.oneOf("ONE", "ALL") {
	case "ONE":
		p.expect("ROW", "PER", "MATCH")
		n.Rows = ast.OneRow
	case "ALL":
		p.expect("ROWS", "PER", "MATCH")
		n.Rows = ast.AllRows
	}
	if p.accept("AFTER") {
		p.expect("MATCH", "SKIP")
		n.Skip = p.skip()
	}
	p.expect("PATTERN")
	p.expectKind(token.LParen)
	n.StartAnchor = p.acceptKind(token.Caret)
	n.Pattern = p.pattern()
	n.EndAnchor = p.acceptKind(token.Dollar)
	p.expectKind(token.RParen)
	if p.accept("WITHIN") {
		n.Within = p.intervalLiteral()
	}
	if p.accept("SUBSET") {
		n.Subsets = list(p, func() ast.Subset {
			s := ast.Subset{Name: p.name("a name")}
			p.expectKind(token.Eq)
			s.Vars = p.names("a pattern variable")
			return s
		})
	}
	p.expect("DEFINE")
	n.Defines = list(p, func() ast.Define {
		d := ast.Define{Var: p.name("a pattern variable")}
		p.expect("AS")
		d.Cond = p.expr()
		return d
	})
	p.expectKind(token.RParen)
	n.Pos = p.at(start)
	return n
}

// skip parses what follows AFTER MATCH SKIP.
func (p *parser) skip() ast.AfterMatch {
	if p.accept("PAST") {
		p.expect("LAST", "ROW")
		return ast.AfterMatch{Kind: ast.SkipPastLastRow}
	}
	if !p.accept("TO") {
		p.fail("")
		return ast.AfterMatch{}
	}
	switch {
	case p.acceptSeq("NEXT", "ROW"):
		return ast.AfterMatch{Kind: ast.SkipToNextRow}
	case p.is("FIRST") && p.ahead(1).IsName():
		p.advance()
		return ast.AfterMatch{Kind: ast.SkipToFirst, Var: p.name("a pattern variable")}
	case p.is("LAST") && p.ahead(1).IsName():
		p.advance()
	}
	return ast.AfterMatch{Kind: ast.SkipToLast, Var: p.name("a pattern variable")}
}

// pattern parses alternatives.
func (p *parser) pattern() ast.Pattern {
	p.enter()
	defer p.leave()
	start := p.start()
	x := p.patternTerm()
	if !p.isKind(token.Bar) {
		return x
	}
	n := &ast.PatternAlt{Items: []ast.Pattern{x}}
	for p.acceptKind(token.Bar) {
		n.Items = append(n.Items, p.patternTerm())
	}
	n.Pos = p.at(start)
	return n
}

// patternTerm parses a sequence.
func (p *parser) patternTerm() ast.Pattern {
	start := p.start()
	var items []ast.Pattern
	for {
		items = append(items, p.patternFactor())
		t := p.cur()
		excludes := t.Kind == token.LBrace && p.ahead(1).Kind == token.Minus
		if !t.IsName() && t.Kind != token.LParen && !excludes && t.Word != "PERMUTE" {
			break
		}
	}
	if len(items) == 1 {
		return items[0]
	}
	return &ast.PatternConcat{Pos: p.at(start), Items: items}
}

// patternFactor parses a variable or group with its quantifier.
func (p *parser) patternFactor() ast.Pattern {
	start := p.start()
	x := p.patternPrimary()
	n := &ast.PatternQuant{X: x, Max: ast.Unspecified}
	switch t := p.cur(); {
	case t.Kind == token.Star:
		p.advance()
	case t.Kind == token.Plus:
		p.advance()
		n.Min = 1
	case t.Kind == token.Question:
		p.advance()
		n.Max = 1
	case t.Kind == token.LBrace && p.ahead(1).Kind != token.Minus:
		p.advance()
		if p.acceptKind(token.Comma) {
			n.Min = ast.Unspecified
			n.Max = p.small()
		} else {
			n.Min = p.small()
			n.Max = n.Min
			if p.acceptKind(token.Comma) {
				n.Max = ast.Unspecified
				if p.isKind(token.Integer) {
					n.Max = p.small()
				}
			}
		}
		p.expectKind(token.RBrace)
	default:
		return x
	}
	if p.acceptKind(token.Question) {
		n.Reluctant = n.Min != n.Max
	}
	n.Pos = p.at(start)
	return n
}

func (p *parser) patternPrimary() ast.Pattern {
	start := p.start()
	switch t := p.cur(); {
	case t.Kind == token.LParen:
		p.advance()
		x := p.pattern()
		p.expectKind(token.RParen)
		return x
	case t.Kind == token.LBrace:
		p.advance()
		p.expectKind(token.Minus)
		n := &ast.PatternExclude{X: p.pattern()}
		p.expectKind(token.Minus)
		p.expectKind(token.RBrace)
		n.Pos = p.at(start)
		return n
	case t.Word == "PERMUTE":
		p.advance()
		p.expectKind(token.LParen)
		n := &ast.PatternPermute{Items: list(p, p.pattern)}
		p.expectKind(token.RParen)
		n.Pos = p.at(start)
		return n
	}
	return &ast.PatternVar{Name: p.name("a pattern variable"), Pos: p.at(start)}
}
