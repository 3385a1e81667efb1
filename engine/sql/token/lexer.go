package token

import (
	"strings"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/diag"
)

// Lexer cuts one text into tokens, from front to back.
type Lexer struct {
	text string
	pos  int
}

// NewLexer returns a Lexer over text.
func NewLexer(text string) *Lexer { return &Lexer{text: text} }

// Pos is the byte behind the last token.
func (l *Lexer) Pos() int { return l.pos }

// Seek makes Next go on at a byte.
func (l *Lexer) Seek(pos int) { l.pos = pos }

// Next returns the next token; at the end of the text, and ever after, an EOF. Each
// call but the last ones moves forward by at least one byte.
func (l *Lexer) Next() Token {
	if err := l.skipSpace(); err != nil {
		return Token{Kind: Illegal, Text: l.text[err.Span.Start:err.Span.End], Span: err.Span, Err: err}
	}
	start := l.pos
	if start >= len(l.text) {
		return Token{Kind: EOF, Span: diag.Span{Start: len(l.text), End: len(l.text)}}
	}
	c := l.text[start]
	switch {
	case c == '\'':
		return l.quoted(String, start, start)
	case c == '`':
		return l.backtick(start)
	case c == '"':
		return l.doubleQuote(start)
	case isDigit(c) || c == '.' && start+1 < len(l.text) && isDigit(l.text[start+1]):
		return l.number(start)
	case isWordStart(c):
		return l.word(start)
	}
	return l.sign(start)
}

// make cuts the token from start to the current place.
func (l *Lexer) make(k Kind, start int) Token {
	return Token{Kind: k, Text: l.text[start:l.pos], Span: diag.Span{Start: start, End: l.pos}}
}

func (l *Lexer) illegal(start int, code diag.Code, hint, format string, args ...any) Token {
	t := l.make(Illegal, start)
	t.Err = diag.At(t.Span, code, format, args...)
	t.Err.Hint = hint
	return t
}

// skipSpace passes over white space and comments. A comment that does not end is an
// error, and the rest of the text with it.
func (l *Lexer) skipSpace() *diag.Error {
	for l.pos < len(l.text) {
		c := l.text[l.pos]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
			l.pos++
		case c == '-' && l.at(l.pos+1) == '-', c == '/' && l.at(l.pos+1) == '/':
			for l.pos < len(l.text) && l.text[l.pos] != '\n' && l.text[l.pos] != '\r' {
				l.pos++
			}
		case c == '/' && l.at(l.pos+1) == '*' && l.at(l.pos+2) != '+':
			start := l.pos
			l.pos += 2
			for {
				if l.pos >= len(l.text) {
					err := diag.At(diag.Span{Start: start, End: start + 2}, diag.InvalidLiteral, "comment is not closed")
					return err.WithHint("end it with */")
				}
				if l.text[l.pos] == '*' && l.at(l.pos+1) == '/' {
					l.pos += 2
					break
				}
				l.pos++
			}
		case c == 0xEF && l.pos == 0 && l.at(1) == 0xBB && l.at(2) == 0xBF:
			l.pos += 3 // a byte order mark at the start of a file
		default:
			return nil
		}
	}
	return nil
}

// at is the byte at i, or 0 behind the end.
func (l *Lexer) at(i int) byte {
	if i < len(l.text) {
		return l.text[i]
	}
	return 0
}

// quoted reads a literal whose quote is at open; start is where its prefix began.
func (l *Lexer) quoted(kind Kind, start, open int) Token {
	l.pos = open + 1
	for l.pos < len(l.text) {
		switch c := l.text[l.pos]; {
		case c == '\\' && kind == EscapeString:
			l.pos += 2
		case c != '\'':
			l.pos++
		case l.at(l.pos+1) == '\'':
			l.pos += 2
		default:
			l.pos++
			return l.make(kind, start)
		}
	}
	l.pos = len(l.text)
	t := l.illegal(start, diag.InvalidLiteral, "end it with ', and write a quote inside it as ''", "string literal is not closed")
	t.Err.Span.End = open + 1
	return t
}

func (l *Lexer) backtick(start int) Token {
	l.pos = start + 1
	for l.pos < len(l.text) {
		switch c := l.text[l.pos]; {
		case c == '\n' || c == '\r':
			return l.illegal(start, diag.InvalidLiteral, "end it with a backtick; a backtick inside it is written twice", "quoted name is not closed on its line")
		case c != '`':
			l.pos++
		case l.at(l.pos+1) == '`':
			l.pos += 2
		default:
			l.pos++
			if l.pos == start+2 {
				return l.illegal(start, diag.Syntax, "", "a quoted name cannot be empty")
			}
			return l.make(Quoted, start)
		}
	}
	l.pos = len(l.text)
	return l.illegal(start, diag.InvalidLiteral, "end it with a backtick; a backtick inside it is written twice", "quoted name is not closed")
}

// doubleQuote reads what other dialects take for a quoted name, to say so once.
func (l *Lexer) doubleQuote(start int) Token {
	l.pos = start + 1
	for l.pos < len(l.text) && l.text[l.pos] != '"' && l.text[l.pos] != '\n' {
		l.pos++
	}
	if l.at(l.pos) == '"' {
		l.pos++
	}
	name := clip(l.text[start:l.pos])
	inner := strings.Trim(name, "\"")
	return l.illegal(start, diag.Syntax, "names are quoted with backticks (`"+inner+"`), strings with single quotes ('"+inner+"')",
		"double quotes do not quote anything here: found %s", name)
}

func (l *Lexer) number(start int) Token {
	kind := Integer
	l.pos = start
	l.digits()
	if l.at(l.pos) == '.' && l.at(l.pos+1) != '.' {
		kind = Decimal
		l.pos++
		l.digits()
	}
	if c := l.at(l.pos); c == 'e' || c == 'E' {
		i := l.pos + 1
		if s := l.at(i); s == '+' || s == '-' {
			i++
		}
		if isDigit(l.at(i)) {
			kind = Approx
			l.pos = i
			l.digits()
		}
	}
	return l.make(kind, start)
}

func (l *Lexer) digits() {
	for l.pos < len(l.text) && isDigit(l.text[l.pos]) {
		l.pos++
	}
}

// word reads a name or keyword, or a literal that begins with letters.
func (l *Lexer) word(start int) Token {
	if t, ok := l.prefixed(start); ok {
		return t
	}
	for l.pos = start; l.pos < len(l.text); {
		c := l.text[l.pos]
		if c < utf8.RuneSelf {
			if !isWordByte(c) {
				break
			}
			l.pos++
			continue
		}
		r, n := utf8.DecodeRuneInString(l.text[l.pos:])
		if !isLetter(r) && !(l.pos > start && isOtherDigit(r)) {
			break
		}
		l.pos += n
	}
	if l.pos == start {
		return l.stray(start)
	}
	t := l.make(Word, start)
	if t.Text == "$" {
		t.Kind = Dollar
		return t
	}
	if k, ok := lookup(t.Text); ok {
		t.Word, t.Reserved = k.word, k.reserved
	}
	return t
}

// prefixed reads x'..', U&'..', E'..', N'..' and _charset'..'.
func (l *Lexer) prefixed(start int) (Token, bool) {
	switch l.text[start] {
	case 'x', 'X':
		if l.at(start+1) == '\'' {
			return l.quoted(Bytes, start, start+1), true
		}
	case 'e', 'E':
		if l.at(start+1) == '\'' {
			return l.quoted(EscapeString, start, start+1), true
		}
	case 'n', 'N':
		if l.at(start+1) == '\'' {
			return l.quoted(PrefixedString, start, start+1), true
		}
	case 'u', 'U':
		if l.at(start+1) == '&' && l.at(start+2) == '\'' {
			return l.quoted(UnicodeString, start, start+2), true
		}
	case '_':
		i := start + 1
		for i < len(l.text) && isCharsetByte(l.text[i]) {
			i++
		}
		if i > start+1 && l.at(i) == '\'' && l.text[start+1] != '_' {
			return l.quoted(PrefixedString, start, i), true
		}
	}
	return Token{}, false
}

// sign reads punctuation.
func (l *Lexer) sign(start int) Token {
	two := func(k Kind) Token {
		l.pos = start + 2
		return l.make(k, start)
	}
	next := l.at(start + 1)
	switch l.text[start] {
	case '/':
		if next == '*' { // only a hint is left here: comments were skipped
			l.pos = start + 3
			return l.make(HintBegin, start)
		}
		return l.one(Slash, start)
	case '*':
		if next == '/' {
			return two(HintEnd)
		}
		return l.one(Star, start)
	case '<':
		switch next {
		case '>':
			return two(Ne)
		case '=':
			return two(Le)
		}
		return l.one(Lt, start)
	case '>':
		if next == '=' {
			return two(Ge)
		}
		return l.one(Gt, start)
	case '=':
		if next == '>' {
			return two(FatArrow)
		}
		return l.one(Eq, start)
	case '!':
		if next == '=' {
			return two(BangEq)
		}
	case '|':
		if next == '|' {
			return two(Concat)
		}
		return l.one(Bar, start)
	case '-':
		if next == '>' {
			return two(Arrow)
		}
		return l.one(Minus, start)
	default:
		if k := single[l.text[start]]; k != EOF {
			return l.one(k, start)
		}
	}
	return l.stray(start)
}

func (l *Lexer) one(k Kind, start int) Token {
	l.pos = start + 1
	return l.make(k, start)
}

// strayHints are the signs of other languages.
var strayHints = map[rune]string{
	'&': "write AND", '#': "a comment begins with --, or stands in /* */", '|': "write OR; strings are joined with ||",
	'$': "names with signs stand in backticks: `$a`", '@': "names with signs stand in backticks: `@a`", '!': "write NOT, or <> for \"not equal\"",
	'~': "SIMILAR TO and REGEXP(text, pattern) match patterns", '\\': "a backslash stands in E'...' strings only",
}

// stray is a character that begins no token.
func (l *Lexer) stray(start int) Token {
	r, n := utf8.DecodeRuneInString(l.text[start:])
	l.pos = start + n
	switch {
	case r == utf8.RuneError && n == 1:
		return l.illegal(start, diag.Syntax, "SQL text is UTF-8", "byte 0x%02x is not UTF-8 text", l.text[start])
	case r == '‘' || r == '’':
		return l.illegal(start, diag.Syntax, "write a straight quote: '", "a curly quote is not a quote")
	case r == '“' || r == '”':
		return l.illegal(start, diag.Syntax, "strings stand in straight single quotes: '", "a curly quote is not a quote")
	case r == 0xA0 || r == 0x3000 || r == 0x200B || r == 0xFEFF:
		return l.illegal(start, diag.Syntax, "write a plain space", "unexpected space character U+%04X", r)
	}
	return l.illegal(start, diag.Syntax, strayHints[r], "unexpected character %q", r)
}

// single maps the signs of one byte.
var single = [256]Kind{
	'(': LParen, ')': RParen, '[': LBracket, ']': RBracket, '{': LBrace, '}': RBrace,
	';': Semicolon, '.': Dot, ',': Comma, ':': Colon, '+': Plus, '%': Percent, '^': Caret,
	'?': Question,
}

// lookup finds a keyword in any letter case, without allocating.
func lookup(text string) (keyword, bool) {
	if len(text) > wordBytesMax {
		return keyword{}, false
	}
	var buf [wordBytesMax]byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		buf[i] = c
	}
	k, ok := keywords[string(buf[:len(text)])]
	return k, ok
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWordStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || c >= utf8.RuneSelf
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || isDigit(c)
}

func isCharsetByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c) || c == ':' || c == '.' || c == '-' || c == '_'
}

// isLetter reports whether a rune beyond ASCII may stand in an unquoted name. The
// ranges are those of the grammar, not Unicode's idea of a letter.
func isLetter(r rune) bool {
	switch {
	case r < 0xC0:
		return false
	case r <= 0xFF:
		return r != 0xD7 && r != 0xF7
	case r <= 0x1FFF:
		return true
	}
	return r >= 0x3040 && r <= 0x318F || r >= 0x3300 && r <= 0x337F || r >= 0x3400 && r <= 0x3D2D ||
		r >= 0x4E00 && r <= 0x9FFF || r >= 0xF900 && r <= 0xFAFF
}

// isOtherDigit reports whether a rune is a digit of another script; all of those in
// the grammar lie in the ranges of isLetter already.
func isOtherDigit(r rune) bool { return r >= 0x660 && r <= 0x669 }
