package sqltest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
)

// viewsMin is how many queries of the suite can be views, at least.
const viewsMin = 2400

// said is what the text says and a query need not: the clauses of JSON functions and TRIM
// that hold by themselves. CURRENT_TIMESTAMP is another one.
var said = regexp.MustCompile(`, '(WITHOUT WRAPPER|(NULL|ABSENT) ON NULL|NULL ON (EMPTY|ERROR))'|, ' '|\d+-\d+-\d+ \d+:\d+:\d+\.\d+`)

// TestViewText makes a view of each query of the suite. The text that the catalog shows
// of it has one meaning with the query: both have the same plan, and a view of the text
// has the same text. A run takes a quarter of the queries, another one each time;
// MINK_SQL=1 takes all.
func TestViewText(t *testing.T) {
	names, err := filepath.Glob("testdata/*.test")
	if err != nil {
		t.Fatal(err)
	}
	all, seed := os.Getenv("MINK_SQL") != "", time.Now().Unix()
	views, n := 0, seed
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range f.Sections {
			if n++; !all && n%4 != 0 {
				continue
			}
			if s.Skip != "" || s.Form == Error || len(s.Needs) > 0 {
				continue
			}
			if viewOf(t, s, fmt.Sprintf("%s:%d", filepath.Base(name), s.Line)) {
				views++
			}
		}
	}
	t.Logf("%d views", views)
	if all && views < viewsMin {
		t.Errorf("%d queries are views, fewer than %d", views, viewsMin)
	}
}

// viewOf makes a view of the last statement of a section, if that is a query that can be
// one, and compares.
func viewOf(t *testing.T, s *Section, at string) bool {
	items := parse.Script(s.SQL)
	last := items[len(items)-1]
	if last.Err != nil {
		return false
	}
	if _, ok := last.Stmt.(*ast.QueryStatement); !ok {
		return false
	}
	query := strings.TrimSuffix(strings.TrimSpace(s.SQL[last.Span.Start:last.Span.End]), ";")
	ctx := context.Background()
	client := local(t, false)
	defer client.Close()
	session, err := client.OpenSession(ctx, variant{batch: batchOnly(s)}.settings())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	dir := t.TempDir()
	run := func(sql string) *outcome { return (&runner{ctx: ctx, session: session, dir: dir}).script(sql) }
	prepare := []string{"SET 'mink.advice' = 'off'"}
	for _, kv := range s.Settings {
		key, value, _ := strings.Cut(kv, "=")
		prepare = append(prepare, fmt.Sprintf("SET '%s' = '%s'", strings.TrimSpace(key), strings.TrimSpace(value)))
	}
	for _, g := range s.Given {
		sql, err := g.create(dir)
		if err != nil {
			t.Fatal(err)
		}
		prepare = append(prepare, sql)
	}
	for _, sql := range append(append(prepare, s.Setup...), s.SQL[:last.Span.Start]) {
		if got := run(sql); got.err != nil {
			return false // another way of running is needed
		}
	}
	if run("CREATE TEMPORARY VIEW mink_view AS "+query).err != nil {
		return false // two columns of one name
	}
	shown := func() string {
		op, err := session.Execute(ctx, "SHOW CREATE VIEW mink_view")
		if err != nil {
			t.Fatal(err)
		}
		defer op.Close()
		b, err := op.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(b.Cols[0].Any(b.Lane(0)).(string), "\n)\nAS ")
		return text
	}
	full := shown()
	plan := func(sql string) string {
		got := run("EXPLAIN " + sql)
		if got.err != nil {
			return got.err.Error()
		}
		_, optimized, _ := strings.Cut(strings.Join(got.lines(), "\n"), "== Optimized Physical Plan ==")
		return said.ReplaceAllString(optimized, "")
	}
	// The COALESCE of both sides for what USING merges is computed where the query need not.
	merges := strings.Contains(query, "USING (") || strings.Contains(query, "NATURAL")
	if a, b := plan(query), plan(full); a != b && !merges {
		t.Errorf("%s: %s\nis shown as\n%s\nwhose plan is another one: %s\nand not %s", at, query, full, b, a)
		return true
	}
	if got := run("DROP TEMPORARY VIEW mink_view; CREATE TEMPORARY VIEW mink_view AS " + full); got.err != nil {
		t.Errorf("%s: %s\nis no view: %v", at, full, got.err)
	} else if again := shown(); again != full {
		t.Errorf("%s: %s\nis shown as\n%s", at, full, again)
	}
	return true
}

func batchOnly(s *Section) bool {
	_, only := s.InBatch()
	return only
}
