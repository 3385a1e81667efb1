package parse_test

import (
	"reflect"
	"testing"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/sql/print"
)

// FuzzScript checks that any text is parsed without a panic, that errors and
// statements have places in order, and that what is accepted prints and parses to the
// same tree.
func FuzzScript(f *testing.F) {
	for _, sql := range corpus(f) {
		f.Add(sql)
	}
	f.Add("SELECT a FORM t; SELECT 'x; SELECT `")
	f.Add("EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT CASE WHEN b THEN 1 END; END; END;")
	f.Fuzz(func(t *testing.T, text string) {
		last := 0
		for _, it := range parse.Script(text) {
			if it.Span.Start < last || it.Span.End < it.Span.Start || it.Span.End > len(text) {
				t.Fatalf("the span %v comes after %d of %d", it.Span, last, len(text))
			}
			last = it.Span.End
			if (it.Err == nil) == (it.Stmt == nil) {
				t.Fatal("an item is a statement or an error")
			}
			if it.Err != nil {
				if it.Err.Msg == "" || it.Err.Code == "" {
					t.Fatalf("empty error %v", it.Err)
				}
				diag.Render(diag.Source{Text: text}, it.Err)
				continue
			}
			for _, out := range []string{print.SQL(it.Stmt), print.Pretty(it.Stmt)} {
				again, err := parse.Statement(out)
				if d := diag.As(err); d != nil && d.Code == diag.LimitExceeded {
					continue // printed forms can be longer
				}
				if err != nil {
					t.Fatalf("%q\nprinted as %q\n%v", text[it.Span.Start:it.Span.End], out, err)
				}
				if !equal(reflect.ValueOf(it.Stmt), reflect.ValueOf(again)) {
					t.Fatalf("%q\nprinted as %q is another tree\n%s\nwas\n%s", text[it.Span.Start:it.Span.End], out, print.Tree(again), print.Tree(it.Stmt))
				}
			}
			ast.Walk(it.Stmt, func(n ast.Node) bool { return n.Span().End <= len(text) })
		}
	})
}

// FuzzExpr checks expressions and types alone.
func FuzzExpr(f *testing.F) {
	for _, s := range []string{"a + b * -c", "CASE WHEN a THEN 1 END", "a IN (1, 2)", "ROW<a INT>", "f(x)[1].y", "a BETWEEN b AND c", "MAP<INT, STRING NOT NULL> ARRAY"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if x, err := parse.Expr(text); err == nil {
			if y, err := parse.Expr(print.SQL(x)); diag.CodeOf(err) != diag.LimitExceeded && (err != nil || !equal(reflect.ValueOf(x), reflect.ValueOf(y))) {
				t.Fatalf("%q printed as %q: %v", text, print.SQL(x), err)
			}
		}
		if x, err := parse.Type(text); err == nil {
			if y, err := parse.Type(print.SQL(x)); diag.CodeOf(err) != diag.LimitExceeded && (err != nil || !equal(reflect.ValueOf(x), reflect.ValueOf(y))) {
				t.Fatalf("%q printed as %q: %v", text, print.SQL(x), err)
			}
		}
		parse.Query(text)
	})
}

func BenchmarkScript(b *testing.B) {
	text := ""
	for _, sql := range corpus(b) {
		text += sql + ";\n"
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if len(parse.Script(text)) < 300 {
			b.Fatal("too few")
		}
	}
}
