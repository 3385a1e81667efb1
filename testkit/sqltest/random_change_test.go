package sqltest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// stateful are queries over the views l and r of one feed, with every operator that
// keeps rows of an input with updates. Each has one answer whatever the order of rows.
var stateful = []struct{ name, sql string }{
	{"group", "SELECT k, COUNT(*), COUNT(v), SUM(v), MIN(v), MAX(v), AVG(v) FROM l GROUP BY k"},
	{"group texts", "SELECT v, MIN(s), MAX(s), COUNT(DISTINCT s) FROM l GROUP BY v"},
	{"distinct", "SELECT k, COUNT(DISTINCT v), SUM(DISTINCT v), COUNT(DISTINCT v) FILTER (WHERE s <> 'a') FROM l GROUP BY k"},
	{"no groups", "SELECT COUNT(v), SUM(v), MIN(s) FROM l HAVING COUNT(*) > 0"},
	{"grouping sets", "SELECT k, s, SUM(v), GROUPING_ID(k, s) FROM l GROUP BY GROUPING SETS ((k, s), (k), (s))"},
	{"cube", "SELECT k, s, COUNT(*) FROM l GROUP BY ROLLUP (k, s) HAVING GROUPING_ID(k, s) < 3"},
	{"having", "SELECT k, SUM(v) FROM l GROUP BY k HAVING SUM(v) > 2"},
	{"count of counts", "SELECT n, COUNT(*), SUM(x) FROM (SELECT k, COUNT(*) AS n, SUM(v) AS x FROM l GROUP BY k) GROUP BY n"},
	{"select distinct", "SELECT DISTINCT k, v > 1 FROM l"},
	{"inner join", "SELECT l.id, r.id, l.v, r.s FROM l JOIN r ON l.k = r.k"},
	{"join with a condition", "SELECT l.id, r.id FROM l JOIN r ON l.k = r.k AND l.v < r.v"},
	{"left join", "SELECT l.id, l.v, r.id FROM l LEFT JOIN r ON l.k = r.k AND r.v > 0"},
	{"right join", "SELECT l.id, r.id, r.s FROM l RIGHT JOIN r ON l.k = r.k"},
	{"full join", "SELECT l.id, l.s, r.id, r.s FROM l FULL JOIN r ON l.k = r.k AND l.s = r.s"},
	{"join of aggregates", "SELECT a.k, n, m FROM (SELECT k, COUNT(*) AS n FROM l GROUP BY k) AS a LEFT JOIN (SELECT k, SUM(v) AS m FROM r GROUP BY k) AS b ON a.k = b.k"},
	{"three tables", "SELECT a.id, b.id, c.id FROM l AS a JOIN r AS b ON a.k = b.k LEFT JOIN l AS c ON b.v = c.v"},
	{"multi-join", "SELECT /*+ MULTI_JOIN(a, b, c) */ a.id, b.id, c.id, c.s FROM l AS a JOIN r AS b ON a.k = b.k JOIN l AS c ON b.k = c.k"},
	{"left multi-join", "SELECT /*+ MULTI_JOIN(a, b, c) */ a.id, b.id, c.s FROM l AS a LEFT JOIN r AS b ON a.k = b.k AND a.v < b.v LEFT JOIN l AS c ON b.k = c.k AND c.v <> b.v"},
	{"mixed multi-join", "SELECT /*+ MULTI_JOIN(a, b, c, d) */ a.id, b.s, c.id, d.v FROM r AS a LEFT JOIN l AS b ON a.s = b.s JOIN r AS c ON a.s = c.s LEFT JOIN l AS d ON d.s = b.s AND d.v > c.v"},
	{"cross join", "SELECT l.id, m FROM l CROSS JOIN (SELECT MAX(v) AS m FROM r HAVING COUNT(*) > 0) AS x"},
	{"not distinct join", "SELECT l.id, r.id FROM l JOIN r ON l.v IS NOT DISTINCT FROM r.v"},
	{"exists", "SELECT id, v FROM l WHERE EXISTS (SELECT * FROM r WHERE r.k = l.k AND r.v > l.v)"},
	{"not exists", "SELECT id, v FROM l WHERE NOT EXISTS (SELECT * FROM r WHERE r.k = l.k)"},
	{"in", "SELECT id FROM l WHERE v IN (SELECT v FROM r WHERE r.s = l.s)"},
	{"row in or", "SELECT id FROM l WHERE (k, v) IN (SELECT k, v FROM r) OR s = 'a'"},
	{"row in as a value", "SELECT id, (k, v) IN (SELECT k, v FROM r WHERE r.s <> l.s) FROM l"},
	{"left join with a query", "SELECT l.id, r.id FROM l LEFT JOIN r ON l.k = r.k AND l.v IN (SELECT v FROM r)"},
	{"full join with queries", "SELECT l.id, r.id FROM l FULL JOIN r ON l.k = r.k AND l.v > (SELECT MIN(v) FROM r) AND NOT EXISTS (SELECT * FROM l AS x WHERE x.v = r.v)"},
	{"aggregate of in", "SELECT k, SUM(CASE WHEN v IN (SELECT v FROM r) THEN 1 ELSE 0 END), COUNT(*) FILTER (WHERE s IN (SELECT s FROM r)) FROM l GROUP BY k"},
	{"not in", "SELECT id FROM l WHERE v NOT IN (SELECT v FROM r)"},
	{"scalar subquery", "SELECT id, (SELECT MAX(v) FROM r WHERE r.k = l.k) FROM l"},
	{"union", "SELECT k, s FROM l UNION SELECT k, s FROM r"},
	{"union all", "SELECT k, COUNT(*) FROM (SELECT k FROM l UNION ALL SELECT k FROM r) GROUP BY k"},
	{"intersect", "SELECT k, s FROM l INTERSECT SELECT k, s FROM r"},
	{"intersect all", "SELECT k, s FROM l INTERSECT ALL SELECT k, s FROM r"},
	{"except", "SELECT k, s FROM l EXCEPT SELECT k, s FROM r"},
	{"except all", "SELECT k, s FROM l EXCEPT ALL SELECT k, s FROM r"},
	{"top n", "SELECT k, id, v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v, id, s) AS n FROM l) WHERE n <= 2"},
	{"top n with rank", "SELECT k, id, n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC, id, s) AS n FROM l) WHERE n BETWEEN 2 AND 3"},
	{"top 1", "SELECT id, v FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY v DESC, id, s) AS n FROM l) WHERE n = 1"},
	{"top n of counts", "SELECT k, c FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY c DESC, k) AS n FROM (SELECT k, COUNT(*) AS c FROM l GROUP BY k)) WHERE n <= 2"},
	{"order and limit", "SELECT id, v, s FROM l ORDER BY v, id, s LIMIT 3"},
	{"over", "SELECT id, s, SUM(v) OVER (PARTITION BY k ORDER BY id RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM l"},
	{"ranks", "SELECT id, s, RANK() OVER w, DENSE_RANK() OVER w, COUNT(v) OVER w FROM l WINDOW w AS (PARTITION BY k ORDER BY v)"},
	{"over columns", "SELECT id, RANK() OVER w, SUM(v) OVER w FROM l WINDOW w AS (ORDER BY v DESC, s)"},
	{"unnest", "SELECT k, x, COUNT(*) FROM l CROSS JOIN UNNEST(ARRAY[v, v + 1]) AS u (x) GROUP BY k, x"},
}

// TestRandomChanges gives random changes to every operator that keeps state: after each
// of them, the changes that came out must add up to what a batch makes of the rows that
// the input then holds; and what came out once stays: the answer to some changes begins
// the answer to more of them. A failure prints its seed; MINK_SEED=n runs that one.
func TestRandomChanges(t *testing.T) {
	run := func(seed uint64) {
		if problem := changesSeed(t, seed); problem != "" {
			t.Fatalf("MINK_SEED=%d go test ./testkit/sqltest -run TestRandomChanges\n%s", seed, problem)
		}
	}
	first, one := firstSeed(t)
	if one {
		run(first)
		return
	}
	end := time.Now().Add(randomTime() / 2)
	n := uint64(0)
	for ; time.Now().Before(end) || n < uint64(len(stateful)); n++ {
		run(first + n)
	}
	t.Logf("%d queries", n)
}

// feed is a table whose rows are of the views l and r by its column side, with changes
// in order and what it holds after each.
type feed struct {
	mode    string
	changes []string
	holds   [][]string
}

func drawFeed(g *gen) *feed {
	f := &feed{mode: pick(g, []string{"I,UB,UA,D", "I,UB,UA,D", "I,UA,D"})}
	var rows []string
	next := 0
	draw := func(id int) string {
		v := fmt.Sprint(g.n(5) - 1)
		if g.one(6) {
			v = null
		}
		return fmt.Sprintf("[%s, %d, %d, %s, %s]", pick(g, []string{"l", "r"}), g.n(3), id, v, pick(g, []string{"a", "b", "c"}))
	}
	ids := []int{}
	emit := func(change string) {
		f.changes = append(f.changes, change)
		f.holds = append(f.holds, slices.Clone(rows))
	}
	for range 4 + g.n(9) {
		if len(rows) == 0 || !g.one(3) {
			id := next
			// Without a key, equal rows may come.
			if next++; f.mode != "I,UA,D" && g.one(4) {
				id = g.n(next)
			}
			rows, ids = append(rows, draw(id)), append(ids, id)
			emit("+I" + rows[len(rows)-1])
			continue
		}
		i := g.n(len(rows))
		old := rows[i]
		if g.one(2) {
			rows, ids = slices.Delete(rows, i, i+1), slices.Delete(ids, i, i+1)
			emit("-D" + old)
			continue
		}
		rows = slices.Delete(rows, i, i+1)
		if f.mode != "I,UA,D" {
			emit("-U" + old)
		}
		rows = slices.Insert(rows, i, draw(ids[i]))
		emit("+U" + rows[i])
	}
	return f
}

// table gives rows to a table named feed.
func (f *feed) table(mode string, rows []string) *Given {
	key := ""
	if mode == "I,UA,D" {
		key = ", PRIMARY KEY (id) NOT ENFORCED"
	}
	g, err := parseGiven("feed (side STRING, k INT, id INT, v INT, s STRING" + key + ") mode " + mode)
	if err != nil {
		panic(err)
	}
	for _, r := range rows {
		if err := g.add(r); err != nil {
			panic(err)
		}
	}
	return g
}

func changesSeed(t *testing.T, seed uint64) string {
	g := &gen{r: rand.New(rand.NewPCG(seed, 3))}
	q := stateful[seed%uint64(len(stateful))]
	f := drawFeed(g)
	dir := t.TempDir()
	defer os.RemoveAll(dir)
	settings := map[string]string{
		"table.optimizer.agg-phase-strategy":         pick(g, []string{"AUTO", "ONE_PHASE"}),
		"table.optimizer.reuse-sub-plan-enabled":     pick(g, []string{"true", "false"}),
		"table.optimizer.distinct-agg.split.enabled": pick(g, []string{"true", "false"}),
	}
	answer := func(v variant, table *Given, k int) (*outcome, error) {
		client := local(t, true)
		defer client.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 3*timeLimit)
		defer cancel()
		config := v.settings()
		for key, value := range settings {
			config[key] = value
		}
		session, err := client.OpenSession(ctx, config)
		if err != nil {
			return nil, err
		}
		defer session.Close()
		at := filepath.Join(dir, fmt.Sprint(k, v.batch))
		if err := os.MkdirAll(at, 0o777); err != nil {
			return nil, err
		}
		create, err := table.create(at)
		if err != nil {
			return nil, err
		}
		got := (&runner{ctx: ctx, session: session}).script(create + `;
CREATE TEMPORARY VIEW l AS SELECT k, id, v, s FROM feed WHERE side = 'l';
CREATE TEMPORARY VIEW r AS SELECT k, id, v, s FROM feed WHERE side = 'r';
` + q.sql)
		return got, got.err
	}
	told := func(k int, problem string) string {
		return fmt.Sprintf("%s: %s\n%s\n%s\nafter %d of the changes\n%s", q.name, q.sql, f.mode, strings.Join(f.changes, "\n"), k, problem)
	}
	var before []string
	for k := 1; k <= len(f.changes); k++ {
		got, err := answer(variant{rows: 1, parallelism: 1}, f.table(f.mode, f.changes[:k]), k)
		if diag.CodeOf(err) == diag.Unsupported {
			return "" // refused with its place, as TestRefusals checks
		}
		if err != nil {
			return told(k, err.Error())
		}
		changes := got.changes()
		if len(changes) < len(before) || !slices.Equal(changes[:len(before)], before) {
			return told(k, "what came out before is no longer so:\n"+diff(changes, before))
		}
		before = changes
		have, err := got.final()
		if err != nil {
			return told(k, err.Error()+"; changes:\n"+indent(strings.Join(changes, "\n")))
		}
		var rows []string
		for _, r := range f.holds[k-1] {
			rows = append(rows, "+I"+r)
		}
		all, err := answer(variant{batch: true, parallelism: 1}, f.table("I", rows), k)
		if err != nil {
			return told(k, "in batch: "+err.Error())
		}
		want, err := all.final()
		if err != nil {
			return told(k, "in batch: "+err.Error())
		}
		slices.Sort(have)
		slices.Sort(want)
		if problem := diff(have, want); problem != "" {
			return told(k, problem+"\n  changes:\n"+indent(indent(strings.Join(changes, "\n"))))
		}
	}
	return ""
}
