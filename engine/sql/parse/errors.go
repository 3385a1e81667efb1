package parse

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/token"
)

// errorAt sets the error, unless there is one. It returns the error that stands, or
// a throw-away one, so that a hint can be added.
func (p *parser) errorAt(span diag.Span, code diag.Code, format string, args ...any) *diag.Error {
	e := diag.At(span, code, format, args...)
	if p.err == nil {
		p.err = e
	}
	return e
}

// wantMax is how many choices an error lists.
const wantMax = 6

// fail reports the next token as unexpected. The words in what come first, then the
// keywords that were tried here.
func (p *parser) fail(what string) *diag.Error {
	if p.err != nil {
		return diag.New(diag.Syntax, "")
	}
	t := p.peek(0)
	if t.Kind == token.Illegal {
		p.err = t.Err
		return t.Err
	}
	want := make([]string, 0, wantMax)
	if what != "" {
		want = append(want, what)
	}
	for _, w := range p.want {
		if !slices.Contains(want, w) {
			want = append(want, w)
		}
	}
	msg := "unexpected " + t.Describe()
	if len(want) > wantMax {
		want = want[:wantMax]
	}
	switch n := len(want); {
	case n == 1:
		msg += ", expected " + want[0]
	case n > 1:
		msg += ", expected " + strings.Join(want[:n-1], ", ") + " or " + want[n-1]
	}
	span := t.Span
	if t.Kind == token.EOF && p.pos > 0 {
		span = diag.Span{Start: p.end, End: p.end + 1}
	}
	e := p.errorAt(span, diag.Syntax, "%s", msg)
	e.Hint = p.hint(t)
	return e
}

// hint looks for what the reader most likely meant.
func (p *parser) hint(t token.Token) string {
	prev := token.Token{}
	if p.pos > 0 {
		prev = p.toks[p.pos-1]
	}
	switch t.Kind {
	case token.BangEq:
		return "write <> for \"not equal\""
	case token.FatArrow:
		return "named arguments stand in calls only: f(name => value)"
	case token.Eq:
		if prev.Kind == token.Eq {
			return "write a single = to compare"
		}
	case token.Semicolon:
		if prev.Kind == token.Comma {
			return "a comma is left over before the end"
		}
	}
	if t.Kind == token.Word && t.Reserved && !clauseWords[t.Word] && slices.Contains(p.want, "AS") {
		return "if it is a name, quote it with backticks: `" + t.Text + "`"
	}
	if prev.Kind == token.Comma && (t.Kind == token.RParen || t.Word == "FROM") {
		return "a comma is left over"
	}
	if h := p.shape(t, prev); h != "" {
		return h
	}
	if prev.Kind == token.Word && prev.Word == "" && p.pos > 1 {
		if s := diag.Suggest(strings.ToUpper(prev.Text), words(p.want)); s != "" && near(prev.Text, s) {
			return "did you mean " + s + " instead of " + prev.Text + "?"
		}
	}
	if t.Kind == token.Word && t.Word == "" {
		if s := diag.Suggest(strings.ToUpper(t.Text), words(p.want)); s != "" {
			return "did you mean " + s + "?"
		}
	}
	// The word before may be a misspelt keyword that passed for a name: a FORM t.
	if prev.Kind == token.Word && !prev.Reserved && p.pos > 1 {
		if s := diag.Suggest(strings.ToUpper(prev.Text), nearWords); s != "" && near(prev.Text, s) {
			return "did you mean " + s + "?"
		}
	}
	return p.missingComma(t, prev)
}

// near is stricter than Suggest: the same length or one letter apart.
func near(a, b string) bool {
	d := len(a) - len(b)
	return len(b) >= 4 && d >= -1 && d <= 1
}

// words keeps the keywords of a list of expectations.
func words(want []string) []string {
	var out []string
	for _, w := range want {
		if token.IsKeyword(w) {
			out = append(out, w)
		}
	}
	return out
}

// nearWords are the keywords that begin a clause, tried against a name before the
// error.
var nearWords = []string{
	"FROM", "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "OFFSET", "JOIN", "INNER", "LEFT", "RIGHT", "CROSS",
	"UNION", "VALUES", "SELECT", "INTO", "WITH", "TABLE", "WINDOW", "QUALIFY", "USING", "LATERAL", "INTERSECT",
	"EXCEPT", "FETCH", "COMMENT", "PARTITIONED", "WATERMARK", "PRIMARY", "LIKE", "BETWEEN",
}

// clauseWords are reserved words nobody means as a name where they are unexpected.
var clauseWords = map[string]bool{
	"FROM": true, "WHERE": true, "GROUP": true, "HAVING": true, "ORDER": true, "LIMIT": true, "UNION": true,
	"INTERSECT": true, "EXCEPT": true, "ON": true, "AND": true, "OR": true, "AS": true, "SELECT": true,
	"JOIN": true, "SET": true, "VALUES": true, "INTO": true, "BY": true, "THEN": true, "WHEN": true, "ELSE": true,
	"END": true, "IN": true, "IS": true, "LIKE": true, "NOT": true, "BETWEEN": true, "WITH": true, "TABLE": true,
	"CREATE": true, "DROP": true, "ALTER": true, "INSERT": true, "USING": true, "CASE": true, "OVER": true,
	"PARTITION": true, "CROSS": true, "INNER": true, "NATURAL": true, "FOR": true, "TO": true, "NULL": true,
	"MINUS": true, "OUTER": true, "FETCH": true, "OFFSET": true, "QUALIFY": true, "WINDOW": true, "UPDATE": true,
	"DELETE": true, "MERGE": true, "EXPLAIN": true, "EXECUTE": true, "BEGIN": true, "LATERAL": true,
	"DISTINCT": true, "ALL": true, "UNNEST": true, "EXISTS": true,
}

// badName reports a token that stands where a name is wanted.
func (p *parser) badName(t token.Token, what string) {
	switch t.Word {
	case "YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND":
		if p.err == nil && p.peek(1).Kind == token.Comma {
			p.errorAt(t.Span, diag.ReservedWord, "%s is a reserved word, expected %s", t.Word, what).
				WithHint("units stand in TIMESTAMPADD(%s, n, ts) and TIMESTAMPDIFF(%s, from, to); a name is quoted: `%s`", t.Word, t.Word, t.Text)
			return
		}
	}
	if p.err == nil && t.Kind == token.Word && t.Reserved && p.meantAsName(t) {
		p.errorAt(t.Span, diag.ReservedWord, "%s is a reserved word, expected %s", t.Word, what).
			WithHint("if it is the name, quote it with backticks: `%s`", t.Text)
		return
	}
	p.fail(what)
}

// meantAsName reports whether a reserved word where a name is wanted was meant as one,
// and is not the next clause after a name that is missing.
func (p *parser) meantAsName(t token.Token) bool {
	next := p.peek(1)
	switch {
	case !clauseWords[t.Word]:
		return true
	case p.pos > 0 && p.toks[p.pos-1].Kind == token.Dot:
		return true
	case t.Word == "ORDER" || t.Word == "GROUP" || t.Word == "PARTITION":
		return next.Word != "BY"
	}
	return next.Kind == token.LParen && t.Word == "TABLE" || next.Kind == token.Dot
}

// refuse reports a form that the grammar knows and does not take.
func (p *parser) refuse(span diag.Span, hint, format string, args ...any) {
	p.errorAt(span, diag.Syntax, format, args...).Hint = hint
}

// didYouMeanType suggests a type for a misspelt one.
func didYouMeanType(name string) string {
	switch strings.ToUpper(name) {
	case "NUMBER":
		return "write DECIMAL(p, s)"
	case "VARCHAR2", "NVARCHAR":
		return "write VARCHAR(n)"
	case "DATETIME", "TIMESTAMPTZ":
		return "write TIMESTAMP(p), or TIMESTAMP_LTZ(p) for an instant"
	}
	names := make([]string, 0, len(plainTypes))
	for n := range plainTypes {
		names = append(names, n)
	}
	slices.Sort(names)
	if s := diag.Suggest(strings.ToUpper(name), names); s != "" {
		return "did you mean " + s + "?"
	}
	return ""
}
