package pgwire

import (
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/token"
)

// text is SQL made from what a client wrote, and where its parts come from.
type text struct {
	sql string
	// at are pairs of positions in sql and in what the client wrote, ascending.
	at [][2]int
}

// origin is the place in the client's text of a byte of the SQL.
func (t *text) origin(pos int) int {
	from := [2]int{}
	for _, p := range t.at {
		if p[0] > pos {
			break
		}
		from = p
	}
	return from[1] + pos - from[0]
}

// lexemes are the tokens of SQL as a Postgres client writes it: a name in double quotes
// is a quoted name, $n is a Dollar, and :: is one token.
func lexemes(sql string) []token.Token {
	var out []token.Token
	lex := token.NewLexer(sql)
	for {
		t := lex.Next()
		switch {
		case t.Kind == token.EOF:
			return out
		case t.Kind == token.Illegal && sql[t.Span.Start] == '"':
			end := quotedEnd(sql, t.Span.Start)
			t = token.Token{Kind: token.Quoted, Span: diag.Span{Start: t.Span.Start, End: end}, Text: sql[t.Span.Start:end]}
			lex.Seek(end)
		case t.Kind == token.Word && isParameter(t.Text):
			t.Kind = token.Dollar
		case len(out) > 0 && t.Kind == token.Colon && out[len(out)-1].Text == ":" && out[len(out)-1].Span.End == t.Span.Start:
			out[len(out)-1].Span.End, out[len(out)-1].Text = t.Span.End, "::"
			continue
		}
		out = append(out, t)
	}
}

// isParameter reports $1, $2 and so on, which are names in mink's SQL.
func isParameter(word string) bool {
	return len(word) > 1 && word[0] == '$' && strings.Trim(word[1:], "0123456789") == ""
}

// quotedEnd is the end of the name in double quotes at start: "" within it is one quote.
func quotedEnd(sql string, start int) int {
	for i := start + 1; i < len(sql); i++ {
		if sql[i] != '"' {
			continue
		}
		if i+1 < len(sql) && sql[i+1] == '"' {
			i++
			continue
		}
		return i + 1
	}
	return len(sql)
}

// castTypes are the names of types in Postgres that have another here.
var castTypes = map[string]string{
	"TEXT": "STRING", "BPCHAR": "STRING", "NAME": "STRING", "INT2": "SMALLINT", "INT4": "INT", "INT8": "BIGINT", "FLOAT4": "FLOAT", "FLOAT8": "DOUBLE",
	"REAL": "FLOAT", "BOOL": "BOOLEAN", "TIMESTAMPTZ": "TIMESTAMP_LTZ(6)", "BYTEA": "BYTES", "JSON": "VARIANT", "JSONB": "VARIANT",
	"NUMERIC": "DECIMAL(38, 18)", "VARCHAR": "STRING", "TIMESTAMP": "TIMESTAMP(6)",
}

// translate writes what a Postgres client says as mink's SQL: names in double quotes get
// backticks, a::type becomes CAST(a AS type), and $n what param gives for it.
func translate(sql string, param func(n int, at use) (string, error)) (text, error) {
	toks := lexemes(sql)
	var out strings.Builder
	var t text
	places := make([]int, len(toks)+1) // of tokens in the output
	begins := map[int]int{}            // of casts, by the token behind them: the token they begin with
	end := 0
	copyTo := func(pos int) {
		if pos > end {
			out.WriteString(sql[end:pos])
			end = pos
		}
	}
	for i := 0; i < len(toks); i++ {
		tok := toks[i]
		copyTo(tok.Span.Start)
		places[i] = out.Len()
		t.at = append(t.at, [2]int{out.Len(), tok.Span.Start})
		switch {
		case tok.Kind == token.Quoted && tok.Text[0] == '"':
			name := strings.ReplaceAll(strings.TrimSuffix(tok.Text[1:], `"`), `""`, `"`)
			out.WriteString("`" + strings.ReplaceAll(name, "`", "``") + "`")
			end = tok.Span.End
		case tok.Kind == token.Dollar && isParameter(tok.Text):
			n := 0
			for _, d := range tok.Text[1:] {
				if n = n*10 + int(d-'0'); n > 65535 {
					return t, diag.At(tok.Span, diag.Syntax, "there can be no parameter %s", tok.Text)
				}
			}
			v, err := param(n, useOf(sql, toks, i))
			if err != nil {
				return t, err
			}
			out.WriteString(v)
			end = tok.Span.End
		case tok.Kind == token.Colon && tok.Text == "::" && i > 0:
			name, next := castType(sql, toks, i+1)
			if next == i+1 {
				break // what follows is no type: left for the parser to refuse
			}
			from, ok := begins[i]
			if !ok {
				from = primary(toks, i-1)
			}
			at := places[from]
			rest := strings.TrimRight(out.String()[at:], " \t\n")
			head := out.String()[:at]
			out.Reset()
			out.WriteString(head + "CAST(" + rest + " AS " + name + ")")
			for k := range t.at {
				if t.at[k][0] > at || t.at[k][1] == toks[from].Span.Start {
					t.at[k][0] += len("CAST(")
				}
			}
			begins[next] = from
			end = toks[next-1].Span.End
			for k := i; k < next; k++ {
				places[k] = out.Len()
			}
			i = next - 1
		}
	}
	copyTo(len(sql))
	t.sql = out.String()
	return t, nil
}

// use is what a parameter is used for.
type use struct {
	rows bool   // a number of rows is wanted, as behind LIMIT
	cast string // the type that it is cast to, "" for none
}

func useOf(sql string, toks []token.Token, i int) use {
	u := use{rows: i > 0 && countsRows(toks[i-1].Word)}
	switch {
	case i+1 < len(toks) && toks[i+1].Text == "::":
		u.cast, _ = castType(sql, toks, i+2)
	case i > 1 && i+1 < len(toks) && toks[i-2].Word == "CAST" && toks[i+1].Word == "AS":
		u.cast, _ = castType(sql, toks, i+2)
	}
	return u
}

// countsRows reports words behind which a number of rows stands.
func countsRows(word string) bool {
	switch word {
	case "LIMIT", "OFFSET", "FIRST", "NEXT":
		return true
	}
	return false
}

// castType reads the type at token i: its name here, and the token behind it.
func castType(sql string, toks []token.Token, i int) (string, int) {
	if i >= len(toks) || toks[i].Kind != token.Word {
		return "", i
	}
	name := strings.ToUpper(toks[i].Text)
	next := i + 1
	if name == "DOUBLE" && next < len(toks) && strings.EqualFold(toks[next].Text, "precision") {
		return "DOUBLE", next + 1
	}
	if next < len(toks) && toks[next].Kind == token.LParen {
		for k := next; k < len(toks); k++ {
			if toks[k].Kind == token.RParen {
				if name == "NUMERIC" {
					name = "DECIMAL"
				}
				return name + sql[toks[next].Span.Start:toks[k].Span.End], k + 1
			}
		}
	}
	if as, ok := castTypes[name]; ok {
		name = as
	}
	for next+1 < len(toks) && toks[next].Kind == token.LBracket && toks[next+1].Kind == token.RBracket {
		name, next = "ARRAY<"+name+">", next+2
	}
	return name, next
}

// primary is the token that the operand of a cast begins with, which ends with token i: a
// literal, a name of parts, a call, or something in parentheses.
func primary(toks []token.Token, i int) int {
	if toks[i].Kind == token.RParen || toks[i].Kind == token.RBracket {
		depth := 0
		for ; i >= 0; i-- {
			switch toks[i].Kind {
			case token.RParen, token.RBracket:
				depth++
			case token.LParen, token.LBracket:
				depth--
			}
			if depth == 0 {
				break
			}
		}
		i = max(i, 0)
		if i == 0 || toks[i-1].Kind != token.Word && toks[i-1].Kind != token.Quoted || toks[i-1].Reserved && !callable(toks[i-1].Word) {
			return i
		}
		i--
	}
	for i >= 2 && toks[i-1].Kind == token.Dot {
		i -= 2
	}
	return i
}

// callable are reserved words that are functions.
func callable(word string) bool {
	switch word {
	case "CAST", "COALESCE", "COUNT", "SUM", "MIN", "MAX", "AVG", "ABS", "UPPER", "LOWER", "EXTRACT", "SUBSTRING", "TRIM", "POSITION", "FLOOR", "CEIL":
		return true
	}
	return false
}
