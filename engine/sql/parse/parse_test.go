package parse_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/sql/print"
)

// corpus reads the statements every parser of the dialect accepts.
func corpus(t testing.TB) []string {
	files, err := filepath.Glob("testdata/accept/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal("no corpus", err)
	}
	var out []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		for _, it := range parse.Script(text) {
			if it.Err != nil {
				t.Errorf("%s", diag.Render(diag.Source{Name: f, Text: text}, it.Err))
				continue
			}
			out = append(out, text[it.Span.Start:it.Span.End])
		}
	}
	return out
}

func TestCorpus(t *testing.T) {
	all := corpus(t)
	if len(all) < 300 {
		t.Errorf("the corpus has only %d statements", len(all))
	}
	for _, sql := range all {
		roundTrip(t, sql)
	}
}

// roundTrip checks that what is printed parses to the same tree, on one line and on
// several.
func roundTrip(t testing.TB, sql string) {
	t.Helper()
	tree, err := parse.Statement(sql)
	if err != nil {
		t.Errorf("%s\n%v", sql, err)
		return
	}
	for _, text := range []string{print.SQL(tree), print.Pretty(tree)} {
		again, err := parse.Statement(text)
		if err != nil {
			t.Errorf("%s\nprinted as\n%s\n%s", sql, text, diag.Render(diag.Source{Text: text}, diag.As(err)))
			continue
		}
		if !equal(reflect.ValueOf(tree), reflect.ValueOf(again)) {
			t.Errorf("%s\nprinted as\n%s\nis another tree:\n%s\nand was\n%s", sql, text, print.Tree(again), print.Tree(tree))
		}
	}
	if text := print.SQL(tree); strings.Contains(text, "\n") && !strings.Contains(sql, "'") && !strings.Contains(sql, "`") {
		t.Errorf("%q has a line break", text)
	}
}

// equal compares trees without places.
func equal(a, b reflect.Value) bool {
	if a.Kind() != b.Kind() || a.IsValid() != b.IsValid() {
		return false
	}
	if !a.IsValid() {
		return true
	}
	if a.Type() != b.Type() {
		return false
	}
	switch a.Kind() {
	case reflect.Pointer, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return equal(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !equal(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Struct:
		if a.Type() == reflect.TypeOf(diag.Span{}) {
			return true
		}
		for i := range a.NumField() {
			if !equal(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return a.Interface() == b.Interface()
}

// TestSpans checks that every node lies within the statement and within the node
// above it.
func TestSpans(t *testing.T) {
	for _, sql := range corpus(t) {
		tree, err := parse.Statement(sql)
		if err != nil {
			t.Fatal(err)
		}
		if s := tree.Span(); s.Start != 0 || s.End != len(sql) {
			t.Errorf("%q has the span %v of %d bytes", sql, s, len(sql))
		}
		ast.Walk(tree, func(n ast.Node) bool {
			s := n.Span()
			if k, ok := n.(*ast.Keyword); ok && s.IsZero() && k.Word == "BOTH" {
				return true
			}
			if s.Start < 0 || s.End > len(sql) || s.Start >= s.End {
				t.Errorf("%q: %T has the span %v", sql, n, s)
			}
			return true
		})
	}
}

func TestScriptGoesOn(t *testing.T) {
	text := "SELECT 1; SELCT 2;\n; SELECT 'a;b' -- ;\n; CREATE TABLE (x; END; SELECT `a;b` /* ; */ FROM t"
	want := []string{"SELECT 1", "!2:SELCT", "SELECT 'a;b'", "!(", "END", "SELECT `a;b` /* ; */ FROM t"}
	items := parse.Script(text)
	if len(items) != len(want) {
		t.Fatalf("%d items, want %d", len(items), len(want))
	}
	for i, it := range items {
		got := text[it.Span.Start:it.Span.End]
		if strings.HasPrefix(want[i], "!") {
			if it.Err == nil || it.Stmt != nil {
				t.Errorf("item %d: no error in %q", i, got)
			}
			continue
		}
		if it.Err != nil || got != want[i] {
			t.Errorf("item %d: %q, %v, want %q", i, got, it.Err, want[i])
		}
	}
	if s := items[1].Err.Span; text[s.Start:s.End] != "SELCT" {
		t.Errorf("the error is at %q", text[s.Start:s.End])
	}
	if s := items[3].Err.Span; text[s.Start:s.End] != "(" {
		t.Errorf("the error is at %q", text[s.Start:s.End])
	}
}

func TestLimits(t *testing.T) {
	deep := func(open, inner, shut string, n int) string {
		return "SELECT " + strings.Repeat(open, n) + inner + strings.Repeat(shut, n)
	}
	cases := []struct {
		name, sql string
		code      diag.Code
	}{
		{"parentheses", deep("(", "1", ")", 100_000), diag.LimitExceeded},
		{"not", deep("NOT ", "a", "", 100_000), diag.LimitExceeded},
		{"minus", deep("- ", "a", "", 100_000), diag.LimitExceeded},
		{"arrays", deep("ARRAY[", "1", "]", 50_000), diag.LimitExceeded},
		{"calls", deep("f(", "1", ")", 100_000), diag.LimitExceeded},
		{"case", deep("CASE WHEN ", "a", " THEN 1 END", 20_000), diag.LimitExceeded},
		{"queries", deep("(SELECT ", "1", ")", 50_000), diag.LimitExceeded},
		{"tables", "SELECT * FROM " + strings.Repeat("(", 100_000) + "t", diag.LimitExceeded},
		{"types", "CREATE TABLE t (a " + strings.Repeat("ARRAY<", 100_000) + "INT", diag.LimitExceeded},
		{"patterns", "SELECT * FROM t MATCH_RECOGNIZE (PATTERN (" + strings.Repeat("(", 100_000), diag.LimitExceeded},
		{"sets", "SELECT a FROM t GROUP BY " + strings.Repeat("GROUPING SETS (", 20_000), diag.LimitExceeded},
		{"chain", "SELECT 1" + strings.Repeat("+1", 200_000), diag.LimitExceeded},
		{"unions", "SELECT 1" + strings.Repeat(" UNION SELECT 1", 20_000), diag.LimitExceeded},
		{"joins", "SELECT 1 FROM t" + strings.Repeat(",t", 200_000), diag.LimitExceeded},
		{"indexes", "SELECT a" + strings.Repeat("[1]", 200_000), diag.LimitExceeded},
		{"casts", deep("CAST(", "1", " AS INT)", 20_000), diag.LimitExceeded},
		{"size", "SELECT '" + strings.Repeat("x", parse.TextBytesMax) + "'", diag.LimitExceeded},
		{"levels", deep("(", "1", ")", 100), ""},
		{"list", "SELECT " + strings.Repeat("1,", 400_000) + "1", ""},
		{"and", "SELECT a" + strings.Repeat(" AND a", 5_000), ""},
		{"rows", "VALUES (1)" + strings.Repeat(",(1)", 200_000), ""},
		{"string", "SELECT '" + strings.Repeat("x", parse.TextBytesMax-100) + "'", ""},
	}
	for _, c := range cases {
		tree, err := parse.Statement(c.sql)
		if got := diag.CodeOf(err); got != c.code {
			t.Errorf("%s: %q, want %q (%v)", c.name, got, c.code, err)
		}
		if err == nil && len(c.sql) < 100_000 {
			roundTrip(t, c.sql)
		}
		_ = tree
	}
}

// TestTooLongIsSkipped: behind a statement that is too long, of many tokens, the next
// one is read.
func TestTooLongIsSkipped(t *testing.T) {
	long := "SELECT a IN (" + strings.Repeat("'key-1',", parse.TextBytesMax/8) + "'x');"
	items := parse.Script(long + " SELECT 1")
	if len(items) != 2 || diag.CodeOf(items[0].Err) != diag.LimitExceeded || items[1].Err != nil {
		t.Fatalf("%d statements: %v", len(items), items)
	}
	if got, want := items[0].Span, (diag.Span{Start: 0, End: len(long)}); got != want {
		t.Errorf("the first one is at %v, want %v", got, want)
	}
}
