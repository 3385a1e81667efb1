package parse

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/sql/token"
)

// shape looks at the words around an unexpected one for mistakes of form: a bracket
// too many or too few, clauses in another order, a comma that is missing.
func (p *parser) shape(t, prev token.Token) string {
	switch {
	case t.Kind == token.RParen && p.open() < 0:
		return "there is no ( that it closes"
	case prev.Kind == token.LParen && t.Kind == token.RParen && p.pos > 1 && p.toks[p.pos-2].Word == "IN":
		return "a list of IN has at least one value; a condition that is never true is FALSE"
	case strings.EqualFold(prev.Text, "TOP") && t.Kind == token.Integer:
		return "write LIMIT " + t.Text + " at the end of the query"
	case t.Word == "THEN" && slices.Contains(p.want, "WHEN"):
		return "CASE WHEN condition THEN value ... END; or CASE value WHEN other THEN ..."
	case t.Word == "SELECT" && prev.Word == "FROM":
		return "a query in FROM stands in parentheses: FROM (SELECT ...) AS t"
	case t.Word == "SELECT" && prev.Kind == token.LParen && p.toks[0].Word == "WITH":
		return "write WITH name AS (SELECT ...)"
	case t.Word == "DISTINCT":
		return "DISTINCT stands right after SELECT, and inside an aggregate: COUNT(DISTINCT a)"
	case prev.Kind == token.Word && prev.Word == "INSERT":
		return "write INSERT INTO"
	case later[t.Word] && p.toks[0].Word == "SELECT" && !prev.Reserved && prev.Kind != token.Comma && p.open() < 0:
		return "the order of clauses is FROM, WHERE, GROUP BY, HAVING, WINDOW, QUALIFY, ORDER BY, LIMIT"
	case t.Kind == token.Minus && prev.Word == "LIMIT":
		return "a limit is a number from 0"
	}
	if i := p.open(); i >= 0 && later[t.Word] && p.toks[0].Word == "SELECT" {
		if i > 0 && p.toks[i-1].Kind == token.Word {
			return "the ( after " + p.toks[i-1].Text + " is not closed"
		}
		return "a ( before is not closed"
	}
	return ""
}

// missingComma is the hint for a third name in a row.
func (p *parser) missingComma(t, prev token.Token) string {
	if t.Kind != token.Word || t.Reserved || prev.Kind != token.Word || prev.Reserved || !slices.Contains(p.want, "','") || p.pos < 2 {
		return ""
	}
	if before := p.toks[p.pos-2]; before.Kind != token.Word || before.Reserved {
		return ""
	}
	return "a comma is missing, or a name of several words needs backticks"
}

// later are words that begin a clause.
var later = map[string]bool{"WHERE": true, "GROUP": true, "HAVING": true, "ORDER": true, "FROM": true, "QUALIFY": true, "WINDOW": true}

// open is the position of the last ( that is not closed, -1 if there is none.
func (p *parser) open() int {
	depth := 0
	for i := p.pos - 1; i >= 0; i-- {
		switch p.toks[i].Kind {
		case token.RParen:
			depth++
		case token.LParen:
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}
