// Package token cuts SQL text into words, literals and signs.
//
// A Lexer walks over one text and gives a Token for each piece, with its place in
// bytes; spaces and comments fall between tokens, while hints (/*+ ... */) are
// tokens of their own. It never fails and never panics: text that is no token
// comes out as an Illegal token that carries a positioned error, and the Lexer
// goes on behind it.
//
// The words of the language are in keywords.go. Begin with Lexer.Next.
package token

import (
	"github.com/minkstream/mink/engine/diag"
)

// Kind says what a token is.
type Kind uint8

// The kinds of tokens.
const (
	EOF     Kind = iota
	Illegal      // not a token: see Err
	Word         // an unquoted name or keyword
	Quoted       // a name in backticks

	Integer // 12
	Decimal // 1.5, 1., .5
	Approx  // 1e3

	String         // 'text'
	UnicodeString  // U&'text'
	EscapeString   // E'text'
	PrefixedString // _charset'text' or N'text'
	Bytes          // x'45F0'

	HintBegin // /*+
	HintEnd   // */

	LParen
	RParen
	LBracket
	RBracket
	LBrace
	RBrace
	Semicolon
	Dot
	Comma
	Colon
	Eq
	Ne     // <>
	BangEq // !=: not in the dialect, kept for a good message
	Lt
	Le
	Gt
	Ge
	Plus
	Minus
	Star
	Slash
	Percent
	Concat   // ||
	Bar      // |
	Caret    // ^
	Dollar   // $
	Question // ?
	FatArrow // =>
	Arrow    // ->
)

// Token is one piece of SQL.
type Token struct {
	Kind Kind
	// Word is the keyword in capitals when the token is one, else "". Quoted names are
	// never keywords.
	Word string
	// Reserved tells that Word is a reserved one.
	Reserved bool
	// Text is the source as written, quotes and prefix included.
	Text string
	Span diag.Span
	// Err is set for Illegal.
	Err *diag.Error
}

// IsName reports whether the token can be a name where the grammar wants one.
func (t Token) IsName() bool {
	return t.Kind == Quoted || t.Kind == Word && !t.Reserved
}

// IsString reports whether the token is a character string literal of any form.
func (t Token) IsString() bool { return t.Kind >= String && t.Kind <= PrefixedString }

// Name is the name the token stands for: without backticks, doubled ones undone.
func (t Token) Name() string {
	if t.Kind == Quoted {
		return undouble(t.Text[1:len(t.Text)-1], '`')
	}
	return t.Text
}

// Describe names the token for an error message.
func (t Token) Describe() string {
	switch t.Kind {
	case EOF:
		return "end of statement"
	case Semicolon:
		return "';'"
	case Word:
		if t.Reserved {
			return t.Word
		}
		return quote(t.Text)
	case Quoted:
		return "name " + clip(t.Text)
	case Integer, Decimal, Approx:
		return "number " + clip(t.Text)
	case String, UnicodeString, EscapeString, PrefixedString:
		return "string " + clip(t.Text)
	case Bytes:
		return "binary literal " + clip(t.Text)
	}
	return "'" + clip(t.Text) + "'"
}

func quote(s string) string { return "\"" + clip(s) + "\"" }

// clip shortens what is quoted in a message.
func clip(s string) string {
	const runesMax = 40
	n := 0
	for i := range s {
		if n++; n > runesMax {
			return s[:i] + "..."
		}
	}
	return s
}
