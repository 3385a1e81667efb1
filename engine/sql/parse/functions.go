package parse

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/token"
)

// niladic are the functions called without parentheses.
var niladic = map[string]bool{
	"CURRENT_CATALOG": true, "CURRENT_DATE": true, "CURRENT_DEFAULT_TRANSFORM_GROUP": true, "CURRENT_PATH": true,
	"CURRENT_ROLE": true, "CURRENT_SCHEMA": true, "CURRENT_TIME": true, "CURRENT_TIMESTAMP": true,
	"CURRENT_USER": true, "LOCALTIME": true, "LOCALTIMESTAMP": true, "SESSION_USER": true, "SYSTEM_USER": true,
	"USER": true,
}

// reservedFunctions are the reserved words that name functions.
var reservedFunctions = map[string]bool{
	"ABS": true, "AVG": true, "CARDINALITY": true, "CEIL": true, "CEILING": true, "CHAR": true, "CHAR_LENGTH": true,
	"CHARACTER_LENGTH": true, "COALESCE": true, "COLLECT": true, "CONTAINS_SUBSTR": true, "CONVERT": true, "CORR": true,
	"COUNT": true, "COVAR_POP": true, "COVAR_SAMP": true, "CUME_DIST": true, "CURRENT_DATE": true, "CURRENT_TIME": true,
	"CURRENT_TIMESTAMP": true, "DATE_TRUNC": true, "DATETIME_TRUNC": true, "DENSE_RANK": true, "ELEMENT": true,
	"EVERY": true, "EXP": true, "FIRST_VALUE": true, "FLOOR": true, "FUSION": true, "GROUP_CONCAT": true,
	"ARRAY_CONCAT_AGG": true, "STRING_AGG": true, "INTERSECTION": true, "GROUPING": true, "HOUR": true, "LAG": true,
	"LEAD": true, "LEFT": true, "LAST_VALUE": true, "LN": true, "LOCALTIME": true, "LOCALTIMESTAMP": true, "LOWER": true,
	"MAX": true, "MIN": true, "MINUTE": true, "MOD": true, "MONTH": true, "NTH_VALUE": true, "NTILE": true,
	"NULLIF": true, "OCTET_LENGTH": true, "PERCENT_RANK": true, "PERCENTILE_CONT": true, "PERCENTILE_DISC": true,
	"POWER": true, "RANK": true, "REGR_AVGX": true, "REGR_AVGY": true, "REGR_COUNT": true, "REGR_INTERCEPT": true,
	"REGR_R2": true, "REGR_SLOPE": true, "REGR_SXX": true, "REGR_SXY": true, "REGR_SYY": true, "RIGHT": true,
	"RLIKE": true, "ROW_NUMBER": true, "SECOND": true, "SOME": true, "SQRT": true, "STDDEV_POP": true,
	"STDDEV_SAMP": true, "SUM": true, "TIMESTAMP_DIFF": true, "TIMESTAMP_TRUNC": true, "TIME_DIFF": true,
	"TIME_TRUNC": true, "TRANSLATE": true, "TRUNCATE": true, "UPPER": true, "USER": true, "VAR_POP": true,
	"VAR_SAMP": true, "YEAR": true, "ILIKE": true,
}

// escape parses the forms in braces: {d '..'}, {t '..'}, {ts '..'}, {fn f(..)}.
func (p *parser) escape() ast.Expr {
	start := p.start()
	p.advance()
	t := p.cur()
	kinds := map[string]ast.LiteralKind{"d": ast.LitDate, "t": ast.LitTime, "ts": ast.LitTimestamp}
	if kind, ok := kinds[lower(t.Text)]; ok && t.Kind == token.Word {
		p.advance()
		s := p.str("the value as a string")
		p.expectKind(token.RBrace)
		n := &ast.Literal{Pos: p.at(start), Kind: kind, Text: s.Value}
		if p.err == nil && !n.ValidTime() {
			p.errorAt(s.Span, diag.InvalidLiteral, "%q is no value of this kind", s.Value)
		}
		return n
	}
	if t.Kind != token.Word || lower(t.Text) != "fn" {
		p.want = p.want[:0]
		p.fail("d, t, ts or fn")
		return nil
	}
	p.advance()
	f := p.cur()
	if f.Kind != token.Word && f.Kind != token.Quoted || p.ahead(1).Kind != token.LParen {
		p.fail("a function call")
		return nil
	}
	n := &ast.FuncCall{Name: ast.Name{{Name: f.Name(), Quoted: f.Kind == token.Quoted, Span: f.Span}}, Syntax: ast.CallEscape}
	p.height = 0
	if f.Word == "TIMESTAMPADD" || f.Word == "TIMESTAMPDIFF" {
		n.Args = p.unitCall().(*ast.FuncCall).Args
	} else {
		p.advance()
		p.callArgs(n)
	}
	p.grew(p.height)
	p.expectKind(token.RBrace)
	n.Pos = p.at(start)
	return n
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
