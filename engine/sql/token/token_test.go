package token

import (
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/diag"
)

// kinds lexes a text and gives kind and text of each token.
func lex(text string) (kinds []Kind, texts []string) {
	l := NewLexer(text)
	for t := l.Next(); t.Kind != EOF; t = l.Next() {
		kinds = append(kinds, t.Kind)
		texts = append(texts, t.Text)
	}
	return kinds, texts
}

func TestLexer(t *testing.T) {
	cases := []struct {
		text  string
		kinds []Kind
		texts string // with | between
	}{
		{"select a1 FROM `b``c`", []Kind{Word, Word, Word, Quoted}, "select|a1|FROM|`b``c`"},
		{"1 1.5 .5 1. 1e3 1.5E-3 1e", []Kind{Integer, Decimal, Decimal, Decimal, Approx, Approx, Integer, Word}, "1|1.5|.5|1.|1e3|1.5E-3|1|e"},
		{"1..2 a.1", []Kind{Integer, Dot, Decimal, Word, Decimal}, "1|.|.2|a|.1"},
		{"'a''b' '' E'\\'' U&'x' x'0' N'n' _utf8'u' _a", []Kind{String, String, EscapeString, UnicodeString, Bytes, PrefixedString, PrefixedString, Word}, "'a''b'|''|E'\\''|U&'x'|x'0'|N'n'|_utf8'u'|_a"},
		{"a -- c\nb // d\n/* e */ c /**/ d /* ' */", []Kind{Word, Word, Word, Word}, "a|b|c|d"},
		{"/*+ h */ a*/b", []Kind{HintBegin, Word, HintEnd, Word, HintEnd, Word}, "/*+|h|*/|a|*/|b"},
		{"= <> != < <= > >= + - * / % || | ^ ? => -> : ; , . ( ) [ ] { }",
			[]Kind{Eq, Ne, BangEq, Lt, Le, Gt, Ge, Plus, Minus, Star, Slash, Percent, Concat, Bar, Caret, Question, FatArrow, Arrow, Colon, Semicolon, Comma, Dot, LParen, RParen, LBracket, RBracket, LBrace, RBrace},
			"=|<>|!=|<|<=|>|>=|+|-|*|/|%||||||^|?|=>|->|:|;|,|.|(|)|[|]|{|}"},
		{"EXPR$0 $ $a é 名前 ünï", []Kind{Word, Dollar, Word, Word, Word, Word}, "EXPR$0|$|$a|é|名前|ünï"},
		{"a<b a<-1 a--1", []Kind{Word, Lt, Word, Word, Lt, Minus, Integer, Word}, "a|<|b|a|<|-|1|a"},
		{"\ufeffa", []Kind{Word}, "a"},
	}
	for _, c := range cases {
		kinds, texts := lex(c.text)
		if !slices.Equal(kinds, c.kinds) || strings.Join(texts, "|") != c.texts {
			t.Errorf("%q\n got %v %q\nwant %v %q", c.text, kinds, strings.Join(texts, "|"), c.kinds, c.texts)
		}
	}
}

func TestIllegal(t *testing.T) {
	for text, code := range map[string]diag.Code{
		"'a": diag.InvalidLiteral, "`a": diag.InvalidLiteral, "`a\nb`": diag.InvalidLiteral, "/* a": diag.InvalidLiteral,
		"E'\\": diag.InvalidLiteral, "\"a\"": diag.Syntax, "``": diag.Syntax, "#": diag.Syntax, "!": diag.Syntax, "\x00": diag.Syntax,
		"\xff": diag.Syntax, "‘a’": diag.Syntax, "\u00a0": diag.Syntax, "\U0001F600": diag.Syntax, "&": diag.Syntax, "\\": diag.Syntax,
	} {
		l := NewLexer(text)
		tok := l.Next()
		if tok.Kind != Illegal || tok.Err == nil || tok.Err.Code != code || tok.Err.Span.End > len(text) || tok.Err.Span.Start != 0 {
			t.Errorf("%q: %+v", text, tok)
		}
	}
}

// TestKeywords checks words that the grammar's documentation lists as reserved or
// not.
func TestKeywords(t *testing.T) {
	for _, w := range strings.Fields("SELECT value Timestamp ORDER count user date year table bucketS bytes materialized string structured watermark use hash raw bitmap comment") {
		if !IsReserved(w) || !IsKeyword(w) {
			t.Errorf("%s is not reserved", w)
		}
	}
	for _, w := range strings.Fields("a key plan model type name first last metadata partitions json map quarter week tumble session if enforced jar start_mode conflict uuid overwrite statistics descriptor") {
		if IsReserved(w) || !IsKeyword(w) {
			t.Errorf("%s is not an unreserved keyword", w)
		}
	}
	if IsKeyword("foo") || IsKeyword("") {
		t.Error("foo is no keyword")
	}
	both := map[string]bool{}
	for _, w := range append(Reserved(), NonReserved()...) {
		if both[w] || w != strings.ToUpper(w) || len(w) > wordBytesMax {
			t.Errorf("%s stands twice, in small letters or is too long", w)
		}
		both[w] = true
	}
	tok := NewLexer("sElEcT").Next()
	if tok.Word != "SELECT" || !tok.Reserved || tok.IsName() {
		t.Errorf("%+v", tok)
	}
	if tok := NewLexer("`select`").Next(); tok.Word != "" || !tok.IsName() || tok.Name() != "select" {
		t.Errorf("%+v", tok)
	}
}

func FuzzLexer(f *testing.F) {
	for _, s := range []string{"SELECT 'a''b', `c` FROM t -- x\n", "/*+ H */ E'\\x' U&'\\' 1e+ .. \"q", "_a'b' x'", "\xff\u00a0‘"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l := NewLexer(text)
		last := 0
		for n := 0; ; n++ {
			tok := l.Next()
			if tok.Kind == EOF {
				break
			}
			if n > len(text) || tok.Span.Start < last || tok.Span.End <= tok.Span.Start || tok.Span.End > len(text) {
				t.Fatalf("%q: token %d %+v", text, n, tok)
			}
			if tok.Kind != Illegal && text[tok.Span.Start:tok.Span.End] != tok.Text {
				t.Fatalf("%q is not the text of %+v", text[tok.Span.Start:tok.Span.End], tok)
			}
			if (tok.Kind == Illegal) != (tok.Err != nil) {
				t.Fatalf("%+v", tok)
			}
			last = tok.Span.Start
			if tok.IsString() {
				if _, err := tok.Content(); err != nil && (err.Span.Start < tok.Span.Start || err.Span.End > tok.Span.End) {
					t.Fatalf("%q: the error is at %v", tok.Text, err.Span)
				}
				Unescape(tok.Text, '\\', tok.Span)
			}
			tok.Name()
			tok.Describe()
			tok.Charset()
		}
	})
}
