package support

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

func coverage(t *testing.T) *Coverage {
	t.Helper()
	rows, err := Rows()
	if err != nil {
		t.Fatal(err)
	}
	tests, err := Collect(root)
	if err != nil {
		t.Fatal(err)
	}
	return Cover(rows, tests)
}

// TestPage holds docs/sql-support.md to the tests: each that it names exists and has
// the row's syntax, and its statuses are what the tests say.
func TestPage(t *testing.T) {
	c := coverage(t)
	for _, b := range c.Bad {
		t.Error(b)
	}
	page, err := os.ReadFile(filepath.Join(root, PagePath))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Stale(string(page)) {
		t.Errorf("%s: %s; run make gen", PagePath, s)
	}
	count := map[Status]int{}
	for _, r := range c.Rows {
		count[c.Status(r)]++
	}
	if count[Exception] > ExceptionsMax {
		t.Errorf("%d exceptions, at most %d", count[Exception], ExceptionsMax)
	}
	t.Logf("%d rows: %d work, %d exceptions, %d open", len(c.Rows), count[Works], count[Exception], count[Open])
}

// TestEnough holds statements, query forms and functions to three sections each, two of
// them over updating input, or one that refuses it where rows.txt or functions.txt says
// that the row takes inserts alone.
func TestEnough(t *testing.T) {
	for _, s := range coverage(t).Short(3) {
		t.Error(s)
	}
}

func TestUses(t *testing.T) {
	for _, c := range []struct {
		sql  string
		want []string
	}{
		{"SELECT a || b, NOT EXISTS (SELECT 1), x NOT IN (1), COUNT(*), COUNT(DISTINCT a) FROM t",
			[]string{"COUNT", "COUNT(*)", "COUNT(DISTINCT)", "EXISTS", "NOT EXISTS", "NOT IN", "||"}},
		{"SELECT TRIM(LEADING 'x' FROM s), FLOOR(t TO DAY), FLOOR(1.5), CASE a WHEN 1 THEN 2 END, a IS NOT JSON OBJECT",
			[]string{"CASE x", "FLOOR", "FLOOR TO", "IS NOT JSON", "TRIM LEADING"}},
		{"SELECT * FROM t, UNNEST(t.a) AS u (e); SELECT lpad(x, 1, 'y') FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' DAY))",
			[]string{"DESCRIPTOR", "INTERVAL literal", "LPAD", "TUMBLE", "UNNEST"}},
		{"SELECT CURRENT_DATE, t.r.f, a[1], a IS NOT DISTINCT FROM b, -a, CAST(a AS INT), DATE '2020-01-01'",
			[]string{"- x", "CAST", "CURRENT_DATE", "DATE literal", "IS NOT DISTINCT FROM", "a[i]", "x.f"}},
		{"SELECT FROM WHERE", nil},
	} {
		var got []string
		for u := range Uses(c.sql) {
			got = append(got, u)
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: uses %q, want %q", c.sql, got, c.want)
		}
	}
}

// A mark counts only where the row's pattern is found.
func TestCover(t *testing.T) {
	rows, err := readRows("## 1 Things\nS01 one /CREATE CATALOG/\nT3.2.1 two /\\+/\nT3.2.2 three /%/\n", marked)
	if err != nil {
		t.Fatal(err)
	}
	c := Cover(rows, []*Test{
		{Name: "a.test", At: "a.test:1", Marks: []string{"S01", "T3.2"}, Text: "create\ncatalog c; SELECT 1 + 1"},
		{Name: "b.test", At: "b.test:1", Marks: []string{"S01", "S99"}, Text: "DROP CATALOG c"},
	})
	want := []string{
		"b.test:1: covers S01, but nothing in it has the row's syntax (its pattern in rows.txt)",
		"b.test:1: covers S99, which is no row of rows.txt",
	}
	if !slices.Equal(c.Bad, want) {
		t.Errorf("bad: %q", c.Bad)
	}
	page := c.Page("")
	for _, line := range []string{"| `S01` | one | works | a.test |", "| `T3.2.1` | two | works | a.test |", "| `T3.2.2` | three | open |  |"} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("no line %q in\n%s", line, page)
		}
	}
	if bad := c.Stale(page); len(bad) > 0 {
		t.Errorf("a new page is stale: %q", bad)
	}
	for old, want := range map[string]string{
		strings.Replace(page, "a.test", "gone.test", 1):           "S01: gone.test does not exist or does not show the row",
		strings.Replace(page, "three | open", "three | works", 1): "T3.2.2 is open, the page says works",
		strings.Replace(page, "| `S01`", "| `S02`", 1):            "S01 is not on the page",
	} {
		if bad := c.Stale(old); !slices.Contains(bad, want) {
			t.Errorf("stale: %q, want %q", bad, want)
		}
	}
}
