package diag

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strings"
	"testing"
)

func TestRender(t *testing.T) {
	text := "SELECT a,\n\tnope, 日本 x\nFROM t"
	at := func(word string) Span {
		i := strings.Index(text, word)
		return Span{i, i + len(word)}
	}
	cases := []struct {
		src  Source
		err  *Error
		want string
	}{
		{Source{Name: "job.sql", Text: text}, At(at("nope"), UnknownColumn, "no column %q in t", "nope"),
			"job.sql:2:2: unknown-column: no column \"nope\" in t\n      nope, 日本 x\n      ^^^^"},
		{Source{Text: text}, At(at("x"), Syntax, "odd").WithHint("try y").WithNote(at("FROM"), "here"),
			"2:11: syntax: odd\n      nope, 日本 x\n                 ^\n  note: 3:1: here\n  hint: try y"},
		{Source{Text: text}, At(at("日本"), Syntax, "wide"),
			"2:8: syntax: wide\n      nope, 日本 x\n            ^^^^"},
		{Source{Text: text}, At(Span{len(text), len(text) + 1}, Syntax, "end"),
			"3:7: syntax: end\n  FROM t\n        ^"},
		{Source{Text: text}, At(Span{0, len(text)}, Syntax, "all"),
			"1:1: syntax: all\n  SELECT a,\n  ^^^^^^^^^"},
		{Source{Name: "f", Text: "SELECT 1;\nSELECT x", Offset: 10}, At(Span{7, 8}, UnknownColumn, "no"),
			"f:2:8: unknown-column: no\n  SELECT x\n         ^"},
		{Source{Name: "f", Text: text}, New(IO, "cannot read %s", "x"), "f: io: cannot read x"},
		{Source{}, New(IO, "cannot read"), "io: cannot read"},
		{Source{Text: "a\x1b[31mb\x07\u202e\xff c"}, At(Span{12, 13}, Syntax, "control\x1b"),
			"1:11: syntax: control\\x1b\n  a\\x1b[31mb\\x07\\u202e\\xff c\n                          ^"},
		{Source{Text: "a\r\nb"}, At(Span{0, 1}, Syntax, "cr"), "1:1: syntax: cr\n  a\n  ^"},
	}
	for _, c := range cases {
		if got := Render(c.src, c.err); got != c.want {
			t.Errorf("got\n%q\nwant\n%q", got, c.want)
		}
	}
}

// TestRenderLong checks that the place stays in sight on a long line.
func TestRenderLong(t *testing.T) {
	text := strings.Repeat("x", 10_000) + "HERE" + strings.Repeat("y", 10_000)
	got := Render(Source{Text: text}, At(Span{10_000, 10_004}, Syntax, "long"))
	lines := strings.Split(got, "\n")
	if len(lines) != 3 || len(lines[1]) > 200 {
		t.Fatal(got)
	}
	i := strings.Index(lines[2], "^^^^")
	if i < 0 || lines[1][i:i+4] != "HERE" {
		t.Error(got)
	}
}

func TestPosition(t *testing.T) {
	s := Source{Text: "aé\nb"}
	for offset, want := range map[int]Pos{-1: {1, 1}, 0: {1, 1}, 1: {1, 2}, 3: {1, 3}, 4: {2, 1}, 5: {2, 2}, 99: {2, 2}} {
		if got := s.Position(offset); got != want {
			t.Errorf("%d is at %v, want %v", offset, got, want)
		}
	}
}

func TestSuggest(t *testing.T) {
	words := []string{"SELECT", "INSERT", "UPDATE", "DELETE", "id", "ie", "user_name"}
	for name, want := range map[string]string{
		"SELCT": "SELECT", "selectt": "SELECT", "INSRET": "INSERT", "usrname": "user_name", "xyz": "", "": "", "ix": "id", "UPDAET": "UPDATE",
		"SELECT": "", strings.Repeat("a", 1000): "",
	} {
		if got := Suggest(name, words); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	if Suggest("ix", []string{"ie", "id"}) != Suggest("ix", []string{"id", "ie"}) {
		t.Error("the answer depends on the order")
	}
}

func TestErrors(t *testing.T) {
	e := Wrap(IO, fs.ErrNotExist, "cannot open %s", "x")
	if e.Error() != "io: cannot open x: file does not exist" || !errors.Is(e, fs.ErrNotExist) || CodeOf(fmt.Errorf("y: %w", e)) != IO {
		t.Error(e)
	}
	if !errors.Is(e, &Error{Code: IO}) || errors.Is(e, &Error{Code: Config}) {
		t.Error("codes do not match")
	}
	if CodeOf(nil) != "" || CodeOf(errors.New("x")) != Internal || As(errors.New("x")) != nil {
		t.Error("CodeOf")
	}
	if New(Config, "100% wrong").Msg != "100% wrong" {
		t.Error("a message without arguments is a format")
	}
	if (Span{}).Join(Span{1, 2}) != (Span{1, 2}) || (Span{5, 6}).Join(Span{1, 2}) != (Span{1, 6}) || (Span{1, 2}).Shift(3) != (Span{4, 5}) || !(Span{}).Shift(3).IsZero() {
		t.Error("spans")
	}
	at := At(Span{1, 2}, Syntax, "x").Or(Span{3, 4})
	if at.Span != (Span{1, 2}) || New(Syntax, "x").Or(Span{3, 4}).Span != (Span{3, 4}) {
		t.Error("Or")
	}
}

// TestCodes checks that every constant has its entry in All, in the same order, and
// that the comment of the constant says what the entry says.
func TestCodes(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	all := All()
	seen := map[Code]bool{}
	i := 0
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 {
			return true
		}
		lit, ok := v.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		code := Code(strings.Trim(lit.Value, `"`))
		if i >= len(all) || all[i].Code != code {
			t.Errorf("%s is not entry %d of All", code, i)
			return true
		}
		info := all[i]
		i++
		if seen[code] {
			t.Errorf("%s stands twice", code)
		}
		seen[code] = true
		doc := v.Doc.Text()
		for _, part := range []string{info.Cause, info.Example, info.Fix} {
			if part != "" && !strings.Contains(doc, part) {
				t.Errorf("the comment of %s lacks %q", code, part)
			}
		}
		if (info.Example != "") != strings.Contains(doc, "Example: ") {
			t.Errorf("only one of the comment and the entry of %s has an example", code)
		}
		if info.Summary == "" || info.Cause == "" || info.Fix == "" {
			t.Errorf("%s lacks a part", code)
		}
		return true
	})
	if i != len(all) {
		t.Errorf("All has %d entries, codes.go %d constants", len(all), i)
	}
	if _, ok := Explain("nope"); ok {
		t.Error("nope is explained")
	}
}

func FuzzRender(f *testing.F) {
	f.Add("SELECT\t日本\nx", 3, 9, "m\x1b", 0)
	f.Fuzz(func(t *testing.T, text string, start, end int, msg string, offset int) {
		const far = 1 << 40
		if start < -far || start > far || end < -far || end > far || offset < -far || offset > far {
			t.Skip()
		}
		out := Render(Source{Name: "f", Text: text, Offset: offset}, At(Span{start, end}, Syntax, "%s", msg).WithNote(Span{end, start}, "n"))
		for _, r := range out {
			if r != '\n' && (r < 0x20 || r == 0x7f) {
				t.Fatalf("%q has a control character", out)
			}
		}
	})
}

// The line that is shown has stars for the values of secret options.
func TestExcerptHidesSecrets(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"WITH ('password' = 'hunter2', 'x'='y')", "WITH ('password' = '*******', 'x'='y')"},
		{"WITH (-- it's\n'a.Token'\t=\n 'it''s', 'b'='secret')", "WITH (-- it's\n'a.Token'\t=\n '*****', 'b'='secret')"},
		{"/* don't */ SET 'api-key' = 'two\nlines';", "/* don't */ SET 'api-key' = '***\n*****';"},
		{"t /*+ OPTIONS('secret'='s') */", "t /*+ OPTIONS('secret'='*') */"},
		{"SET 'password' = 'not closed", "SET 'password' = '**********"},
		{"'password' = '${env:P}'", "'password' = '${env:P}'"},
		{"`it's` = 'x', 'password' AND 'x' = 'y'", "`it's` = 'x', 'password' AND 'x' = 'y'"},
		{"'password'", "'password'"},
		{"SET 'parameters' = 'user:ada,password:hunter2,x:y'", "SET 'parameters' = 'user:ada,password:*******,x:y'"},
		{"'url' = 'http://host/token', 'p' = 'token:'", "'url' = 'http://host/token', 'p' = 'token:'"},
	} {
		if got := MaskSecrets(c.in); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.in, got, c.want)
		}
	}
	text := "SELECT 1;\nCREATE TABLE t WITH ('token'='abc', 'x'='y')"
	if got := Render(Source{Text: text, Offset: 10}, At(Span{34, 37}, UnknownOption, "no")); !strings.Contains(got, "('token'='***', 'x'='y')") {
		t.Error(got)
	}
}

// An error about an earlier statement is shown where that one stands in the file.
func TestErrorInAnEarlierStatement(t *testing.T) {
	first, second := "CREATE TABLE t\n WITH (a)", "SELECT * FROM t"
	e := At(Span{22, 23}, UnknownOption, "no a").WithNote(Span{14, 15}, "used here")
	e.In = first
	got := Render(Source{Name: "f.sql", Text: "-- x\n" + first + ";\n" + second, Offset: 5 + len(first) + 2}, e)
	want := "f.sql:3:8: unknown-option: no a\n   WITH (a);\n         ^\n  note: f.sql:4:15: used here"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// A statement of another script stands for itself.
	got = Render(Source{Name: "f.sql", Text: second}, e)
	if !strings.HasPrefix(got, "2:8: unknown-option: no a\n   WITH (a)\n") {
		t.Error(got)
	}
}
