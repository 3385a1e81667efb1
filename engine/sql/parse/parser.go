package parse

import (
	"unicode/utf8"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/token"
)

// parser holds the tokens of the statement at hand.
//
// The first error sticks: from then on cur gives EOF, every accept fails, and all
// loops run out. Methods therefore need not check for errors; what they return after
// one is thrown away.
type parser struct {
	text string
	lex  *token.Lexer
	toks []token.Token // from the start of the statement; grows as needed
	pos  int           // of the next token in toks
	end  int           // byte behind the last consumed token
	err  *diag.Error

	depth  int // of recursion
	height int // of the tree last built
	params int // question marks so far

	// want collects what would have been taken at the current token, for the error.
	want []string
}

func newParser(text string) *parser {
	return &parser{text: text, lex: token.NewLexer(text)}
}

// item parses the next statement of a script, up to and with its semicolon.
func (p *parser) item() Item {
	start := p.cur().Span.Start
	p.toks = append(p.toks[:0], p.toks[p.pos:]...)
	p.pos, p.params, p.want = 0, 0, p.want[:0]
	stmt := p.statement()
	p.ended()
	if p.err == nil {
		it := Item{Stmt: stmt, Span: diag.Span{Start: start, End: p.end}}
		if p.cur().Kind == token.Semicolon {
			p.advance()
		}
		return it
	}
	it := Item{Err: p.err}
	p.err, p.depth = nil, 0
	for {
		t := p.peek(0)
		p.advance()
		p.err = nil // what is skipped may be as long as it likes
		if t.Kind == token.Semicolon || t.Kind == token.EOF {
			break
		}
		if p.pos > 4096 { // what is skipped need not be kept
			p.toks = append(p.toks[:0], p.toks[p.pos:]...)
			p.pos = 0
		}
	}
	it.Span = diag.Span{Start: start, End: max(start, p.end)}
	return it
}

// ended demands that the statement is over.
func (p *parser) ended() {
	if p.err != nil {
		return
	}
	if k := p.cur().Kind; k != token.EOF && k != token.Semicolon {
		p.fail("end of statement")
	}
}

// peek is the n-th token ahead, 0 being the next. It does not mind errors.
func (p *parser) peek(n int) token.Token {
	for p.pos+n >= len(p.toks) {
		if len(p.toks) > 0 && p.toks[len(p.toks)-1].Kind == token.EOF {
			return p.toks[len(p.toks)-1]
		}
		p.toks = append(p.toks, p.lex.Next())
	}
	return p.toks[p.pos+n]
}

// cur is the next token, or EOF once there is an error.
func (p *parser) cur() token.Token {
	if p.err != nil {
		return token.Token{Kind: token.EOF}
	}
	return p.peek(0)
}

// ahead is the n-th token ahead, or EOF once there is an error.
func (p *parser) ahead(n int) token.Token {
	if p.err != nil {
		return token.Token{Kind: token.EOF}
	}
	return p.peek(n)
}

// advance consumes the next token.
func (p *parser) advance() token.Token {
	t := p.peek(0)
	if p.err != nil {
		return token.Token{Kind: token.EOF}
	}
	if t.Kind != token.EOF {
		p.pos++
		p.end = t.Span.End
		if len(p.toks) > 0 && t.Span.End-p.toks[0].Span.Start > TextBytesMax {
			p.errorAt(p.toks[0].Span, diag.LimitExceeded, "the statement is longer than %d bytes", TextBytesMax)
		}
	}
	p.want = p.want[:0]
	return t
}

// start is the byte where the next token begins.
func (p *parser) start() int { return p.cur().Span.Start }

// at makes the place of a node that began at start and ends with the last consumed
// token.
func (p *parser) at(start int) ast.Pos {
	return ast.Pos{At: p.span(start)}
}

func (p *parser) span(start int) diag.Span {
	return diag.Span{Start: start, End: max(start, p.end)}
}

// is reports whether the next token is the keyword.
func (p *parser) is(word string) bool {
	if p.cur().Word == word {
		return true
	}
	p.want = append(p.want, word)
	return false
}

// rare is is for words too rare to be listed in an error.
func (p *parser) rare(words ...string) bool {
	for i, w := range words {
		if p.ahead(i).Word != w {
			return false
		}
	}
	return true
}

// isSeq reports whether the next tokens are these keywords.
func (p *parser) isSeq(words ...string) bool {
	for i, w := range words {
		if p.ahead(i).Word != w {
			if i == 0 {
				p.want = append(p.want, w)
			}
			return false
		}
	}
	return true
}

// accept consumes the keyword if it comes next.
func (p *parser) accept(word string) bool {
	if !p.is(word) {
		return false
	}
	p.advance()
	return true
}

// acceptSeq consumes the keywords if they all come next.
func (p *parser) acceptSeq(words ...string) bool {
	if !p.isSeq(words...) {
		return false
	}
	for range words {
		p.advance()
	}
	return true
}

// expect consumes keywords that must come next.
func (p *parser) expect(words ...string) {
	for _, w := range words {
		if p.cur().Word != w {
			p.want = p.want[:0]
			p.fail(w)
			return
		}
		p.advance()
	}
}

// oneOf consumes one of the keywords and returns it, or "" without consuming.
func (p *parser) oneOf(words ...string) string {
	w := p.cur().Word
	for _, x := range words {
		if w == x {
			p.advance()
			return x
		}
	}
	p.want = append(p.want, words...)
	return ""
}

// expectOneOf consumes one of the keywords, which must come next.
func (p *parser) expectOneOf(words ...string) string {
	w := p.oneOf(words...)
	if w == "" {
		p.fail("")
	}
	return w
}

// isKind reports whether the next token is of the kind.
func (p *parser) isKind(k token.Kind) bool { return p.cur().Kind == k }

// acceptKind consumes a token of the kind if it comes next.
func (p *parser) acceptKind(k token.Kind) bool {
	if p.cur().Kind == k && k != token.EOF {
		p.advance()
		return true
	}
	if s := signs[k]; s != "" {
		p.want = append(p.want, s)
	}
	return false
}

// expectKind consumes a token of the kind, which must come next.
func (p *parser) expectKind(k token.Kind) token.Token {
	if p.cur().Kind != k {
		p.fail(signs[k])
		return token.Token{}
	}
	return p.advance()
}

// signs are the kinds an error names.
var signs = map[token.Kind]string{
	token.LParen: "'('", token.RParen: "')'", token.LBracket: "'['", token.RBracket: "']'",
	token.LBrace: "'{'", token.RBrace: "'}'", token.Comma: "','", token.Dot: "'.'", token.Eq: "'='",
	token.Gt: "'>'", token.Lt: "'<'", token.Minus: "'-'", token.HintEnd: "'*/'", token.Integer: "a whole number",
	token.Colon: "':'", token.Semicolon: "';'",
}

// enter counts a level of nesting; the caller defers leave.
func (p *parser) enter() {
	if p.depth++; p.depth > DepthMax {
		p.errorAt(p.cur().Span, diag.LimitExceeded, "nesting is deeper than %d levels", DepthMax)
	}
}

func (p *parser) leave() { p.depth-- }

// grew counts one more link of a chain over a tree of the given height.
func (p *parser) grew(height int) {
	p.height = height + 1
	if p.height > ChainMax {
		p.errorAt(p.cur().Span, diag.LimitExceeded, "more than %d operators in a row", ChainMax)
	}
}

// name reads one part of a name; what says what it names.
func (p *parser) name(what string) ast.Identifier {
	t := p.cur()
	if !t.IsName() {
		p.badName(t, what)
		return ast.Identifier{}
	}
	p.advance()
	if len(t.Text) > NameMax && utf8.RuneCountInString(t.Name()) > NameMax {
		p.errorAt(t.Span, diag.LimitExceeded, "a name is longer than %d characters", NameMax)
	}
	return ast.Identifier{Name: t.Name(), Quoted: t.Kind == token.Quoted, Span: t.Span}
}

// path reads a dotted name.
func (p *parser) path(what string) ast.Name {
	n := ast.Name{p.name(what)}
	for p.isKind(token.Dot) && p.ahead(1).Kind != token.Star {
		p.advance()
		n = append(n, p.name("a name after the dot"))
	}
	return n
}

// names reads a list of names in parentheses.
func (p *parser) names(what string) []ast.Identifier {
	p.expectKind(token.LParen)
	list := []ast.Identifier{p.name(what)}
	for p.acceptKind(token.Comma) {
		list = append(list, p.name(what))
	}
	p.expectKind(token.RParen)
	return list
}

// nameOrNames reads one name, or a list in parentheses.
func (p *parser) nameOrNames(what string) []ast.Identifier {
	if p.isKind(token.LParen) {
		return p.names(what)
	}
	return []ast.Identifier{p.name(what)}
}

// list reads comma-separated parts.
func list[T any](p *parser, f func() T) []T {
	out := []T{f()}
	for p.acceptKind(token.Comma) {
		out = append(out, f())
	}
	return out
}

// ifExists reads IF EXISTS.
func (p *parser) ifExists() bool { return p.acceptSeq("IF", "EXISTS") }

// ifNotExists reads IF NOT EXISTS.
func (p *parser) ifNotExists() bool { return p.acceptSeq("IF", "NOT", "EXISTS") }

// comment reads COMMENT 'text'.
func (p *parser) comment() ast.String {
	if !p.accept("COMMENT") {
		return ast.String{}
	}
	return p.str("the comment as a string")
}

// str reads a string literal that is part of a statement.
func (p *parser) str(what string) ast.String {
	t := p.cur()
	if !t.IsString() {
		p.fail(what)
		return ast.String{}
	}
	lit := p.stringLiteral()
	return ast.String{Value: lit.Text, Set: true, Span: lit.At}
}

// with reads WITH (...) if it comes next.
func (p *parser) with() []ast.Option {
	if !p.accept("WITH") {
		return nil
	}
	return p.options()
}

// options reads ('k' = 'v', ...), which may be empty.
func (p *parser) options() []ast.Option {
	p.expectKind(token.LParen)
	var out []ast.Option
	if !p.isKind(token.RParen) {
		out = list(p, func() ast.Option {
			if t := p.cur(); t.IsName() && p.ahead(1).Kind == token.Eq {
				p.errorAt(t.Span, diag.Syntax, "an option's key is a string: found %s", t.Describe()).
					WithHint("write '%s' = '...'", t.Name())
			}
			k := p.str("an option's key as a string")
			p.expectKind(token.Eq)
			return ast.Option{Key: k, Value: p.str("the option's value as a string")}
		})
	}
	p.expectKind(token.RParen)
	return out
}

// keys reads ('k', ...), which may be empty.
func (p *parser) keys() []ast.String {
	p.expectKind(token.LParen)
	var out []ast.String
	if !p.isKind(token.RParen) {
		out = list(p, func() ast.String { return p.str("an option's key as a string") })
	}
	p.expectKind(token.RParen)
	return out
}

// partition reads (k = literal, ...); with bare also (k, ...).
func (p *parser) partition(bare bool) []ast.Partition {
	p.expectKind(token.LParen)
	out := list(p, func() ast.Partition {
		part := ast.Partition{Column: p.name("a partition column")}
		if bare && !p.isKind(token.Eq) {
			return part
		}
		p.expectKind(token.Eq)
		part.Value = p.literal("a literal")
		return part
	})
	p.expectKind(token.RParen)
	return out
}
