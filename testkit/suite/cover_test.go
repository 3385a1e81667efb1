package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/testkit/cover"
	"github.com/minkstream/mink/testkit/harness"
)

// reached runs tests row by row alone and gives how often each item of a line of the job
// was reached, as "LINE OPERATOR WHAT".
func reached(t *testing.T, job, tests string) map[string]int64 {
	t.Helper()
	p := cover.New()
	for name, r := range ran(t, job, tests, Options{Run: harness.Options{Cover: p}, Plan: harness.Plan{Schedules: -1}}) {
		if r.Failed() {
			t.Fatalf("%s: %s", name, Describe(r))
		}
	}
	out := map[string]int64{}
	for _, i := range p.Items() {
		if strings.HasSuffix(i.Place.Name, "job.sql") {
			out[fmt.Sprintf("%d %s %s", i.Line(), i.Operator, i.What)] += i.Count
		}
	}
	return out
}

// expectReached compares items by hand: those named must be there with their counts.
func expectReached(t *testing.T, have, want map[string]int64) {
	t.Helper()
	bad := false
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if n, ok := have[k]; !ok || n != want[k] {
			t.Errorf("%s: %d (there: %v), should be %d", k, n, ok, want[k])
			bad = true
		}
	}
	if bad {
		for _, k := range slices.Sorted(maps.Keys(have)) {
			t.Logf("%s: %d", k, have[k])
		}
	}
}

const coverTables = "CREATE TABLE a (k INT, x INT, s STRING NOT NULL, t TIMESTAMP(3), WATERMARK FOR t AS t) WITH ('connector' = 'kafka', 'format' = 'json');\n" +
	"CREATE TABLE b (k INT, y INT, t TIMESTAMP(3), WATERMARK FOR t AS t) WITH ('connector' = 'kafka', 'format' = 'json');\n" +
	"CREATE TABLE p (k INT, pt AS PROCTIME()) WITH ('connector' = 'kafka', 'format' = 'json');\n" +
	"CREATE VIEW big AS SELECT k,\n  x FROM a WHERE x > 10;\n"

// TestCoverPredicates: each condition is asked of the rows for which it matters, whatever
// it is made of: AND, OR, NOT, BETWEEN, CASE, FILTER, and those of a view stand in its text.
func TestCoverPredicates(t *testing.T) {
	given := "@test t\n@given a\n  k | x | s\n  1 | 5 | u\n  1 | 20 | u\n  NULL | 30 | v\n  2 | NULL | v\n  3 | 40 | w\n"
	// x > 10: 20, 30 and 40 yes, 5 no, one NULL. k = 1 is asked of what is not FALSE so far:
	// 20 (yes), 30 (NULL), NULL (2: no), 40 (3: no).
	have := reached(t, coverTables+"SELECT k FROM a WHERE x > 10\n  AND k = 1;\n", given)
	expectReached(t, have, map[string]int64{
		"6 x > 10 true": 3, "6 x > 10 false": 1, "6 x > 10 null": 1, "7 k = 1 true": 1, "7 k = 1 false": 2, "7 k = 1 null": 1,
		"6 Calc in": 5, "6 Calc out": 1, "6 TableSourceScan a out": 5, "6 Collect in": 1,
	})
	// OR: s = 'w' is asked of what is not TRUE: 5, NULL and 30; it never is NULL. x NOT
	// BETWEEN is one condition.
	have = reached(t, coverTables+"SELECT k FROM a\nWHERE (x BETWEEN 20 AND 25 OR x = 40\n  OR s = 'v')\n  AND NOT (k = 3);\n", given)
	expectReached(t, have, map[string]int64{
		"7 x BETWEEN 20 AND 25 true": 1, "7 x BETWEEN 20 AND 25 false": 3, "7 x BETWEEN 20 AND 25 null": 1,
		"7 x = 40 true": 1, "7 x = 40 false": 2, "7 x = 40 null": 1,
		"8 s = 'v' true": 2, "8 s = 'v' false": 1,
	})
	if _, ok := have["8 s = 'v' null"]; ok {
		t.Error("s = 'v' is asked to be NULL, and s never is")
	}
	// CASE: the second condition is asked where the first is not TRUE.
	have = reached(t, coverTables+"SELECT CASE WHEN k = 1 THEN 'one'\n  WHEN x > 35 THEN 'big' ELSE 'else' END FROM a;\n", given)
	expectReached(t, have, map[string]int64{
		"6 k = 1 true": 2, "6 k = 1 false": 2, "6 k = 1 null": 1, "7 x > 35 true": 1, "7 x > 35 false": 1, "7 x > 35 null": 1,
	})
	// FILTER, and a view, of which the lines are its own.
	have = reached(t, coverTables+"SELECT COUNT(*) FILTER (WHERE k\n > 1) FROM big;\n", given)
	expectReached(t, have, map[string]int64{
		"5 x > 10 true": 3, "5 x > 10 false": 1, "5 x > 10 null": 1, "6 k > 1 true": 1, "6 k > 1 false": 1, "6 k > 1 null": 1,
		// 0, still 0, then 1.
		"6 GroupAggregate +I": 1, "6 GroupAggregate -U": 1, "6 GroupAggregate +U": 1, "6 GroupAggregate in": 3, "6 GroupAggregate out": 3,
	})
}

// TestCoverJoins: rows with and without a partner, of each side.
func TestCoverJoins(t *testing.T) {
	given := "@test t\n@given a\n  k | x | s | t\n  1 | 1 | u | 10:00:00\n  2 | 2 | u | 10:00:01\n  2 | 3 | u | 10:00:02\n  NULL | 4 | u | 10:00:03\n" +
		"@given b\n  k | y | t\n  2 | 1 | 10:00:02\n  3 | 1 | 10:00:30\n@end\n"
	for sql, want := range map[string]map[string]int64{
		// Of a 2, 2 find one and 1, NULL none; of b 2 finds one and 3 none.
		"JOIN b ON a.k = b.k":       {"hit left": 2, "miss left": 2, "hit right": 1, "miss right": 1},
		"LEFT JOIN b ON a.k = b.k":  {"hit left": 2, "miss left": 2, "hit right": 1, "miss right": 1},
		"FULL JOIN b ON a.k = b.k":  {"hit left": 2, "miss left": 2, "hit right": 1, "miss right": 1},
		"RIGHT JOIN b ON a.k = b.k": {"hit left": 2, "miss left": 2, "hit right": 1, "miss right": 1},
		// What else is asked of a pair counts: x = 3 alone meets it.
		"JOIN b ON a.k = b.k AND a.x > b.y + 1": {"hit left": 1, "miss left": 3, "hit right": 1, "miss right": 1},
		// All find one; of b only y is read, so that its rows are equal and count as one.
		"JOIN b ON a.x > b.y - 1": {"hit left": 4, "miss left": 0, "hit right": 1, "miss right": 0},
	} {
		have := reached(t, coverTables+"SELECT x, y FROM a "+sql+";\n", given)
		for k, n := range want {
			expectReached(t, have, map[string]int64{"6 Join " + k: n})
		}
	}
	have := reached(t, coverTables+"SELECT x, y FROM a JOIN b ON a.k = b.k AND a.t BETWEEN b.t - INTERVAL '0' SECOND AND b.t + INTERVAL '5' SECOND;\n", given)
	expectReached(t, have, map[string]int64{"6 IntervalJoin hit left": 1, "6 IntervalJoin miss left": 3, "6 IntervalJoin hit right": 1, "6 IntervalJoin miss right": 1})
	have = reached(t, coverTables+"SELECT x FROM a WHERE k IN (SELECT k FROM b);\n", given)
	expectReached(t, have, map[string]int64{"6 Join hit left": 2, "6 Join miss left": 2})
	have = reached(t, coverTables+"SELECT x FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.k = a.k);\n", given)
	expectReached(t, have, map[string]int64{"6 Join hit left": 2, "6 Join miss left": 2})
	have = reached(t, coverTables+"SELECT x, v FROM a LEFT JOIN UNNEST(IF(k = 2, ARRAY[1, 2], CAST(NULL AS ARRAY<INT>))) AS q(v) ON TRUE;\n", given[:strings.Index(given, "@given b")]+"@end\n")
	expectReached(t, have, map[string]int64{"6 Correlate hit left": 2, "6 Correlate miss left": 2})
}

// TestCoverTime: late rows, watermarks, timers, state that expires, restores.
func TestCoverTime(t *testing.T) {
	job := coverTables + "SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE a, DESCRIPTOR(t), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;\n"
	have := reached(t, job, "@test t\n@given a\n  s | t\n  u | 10:00:00\n  u | 10:02:00\n  u | 10:00:30\n  u | 10:00:40\n")
	expectReached(t, have, map[string]int64{"6 WindowAggregate late": 2, "6 WindowAggregate in": 4, "6 WindowAggregate out": 1, "6 WindowAggregate watermark": 2, "6 WindowAggregate restored": 0})
	have = reached(t, job, "@test t\n@given a\n  s | t\n  u | 10:00:00\n@checkpoint\n@kill\n@end\n")
	expectReached(t, have, map[string]int64{"6 WindowAggregate late": 0, "6 WindowAggregate restored": 1, "6 WindowAggregate out": 1})

	job = coverTables + "SELECT k, COUNT(*) FROM TABLE(TUMBLE(TABLE p, DESCRIPTOR(pt), INTERVAL '10' SECOND)) GROUP BY k, window_start, window_end;\n"
	have = reached(t, job, "@test t\n@given p\n  1\n@clock +9s\n")
	expectReached(t, have, map[string]int64{"6 WindowAggregate timer": 0, "6 WindowAggregate out": 0})
	have = reached(t, job, "@test t\n@given p\n  1\n@clock +10s\n")
	expectReached(t, have, map[string]int64{"6 WindowAggregate timer": 1, "6 WindowAggregate out": 1})

	job = "SET 'table.exec.state.ttl' = '1 min';\n" + coverTables + "SELECT k, COUNT(*) FROM p GROUP BY k;\n"
	have = reached(t, job, "@test t\n@given p\n  1\n@clock +59s\n@given p\n  1\n@clock +59s\n@given p\n  1\n@expect table\n  1 | 3\n")
	expectReached(t, have, map[string]int64{"7 GroupAggregate expired": 0})
	have = reached(t, job, "@test t\n@given p\n  1\n@clock +60s\n@given p\n  1\n")
	expectReached(t, have, map[string]int64{"7 GroupAggregate expired": 1})
	for _, k := range []string{"SELECT COUNT(*) FROM a", "SELECT a.k FROM a JOIN b ON a.t BETWEEN b.t AND b.t AND a.k = b.k"} {
		for name := range reached(t, coverTables+k+";\n", "@test t\n") {
			if strings.HasSuffix(name, " expired") {
				t.Errorf("%s: %s without a TTL", k, name)
			}
		}
	}
	job = "SET 'table.exec.state.ttl' = '1 min';\n" + coverTables + "SELECT x, y FROM a JOIN b ON a.k = b.k;\n"
	have = reached(t, job, "@test t\n@given a\n  k | s\n  1 | u\n@clock +60s\n@given b\n  k\n  1\n")
	expectReached(t, have, map[string]int64{"7 Join expired": 1, "7 Join miss left": 1, "7 Join miss right": 1, "7 Join out": 0})
}

// TestCoverMerges: what several tests, files and schedules reach adds up, and the forms of
// the report say what is missing where.
func TestCoverMerges(t *testing.T) {
	p := cover.New()
	tests := "@test yes\n@given a\n  k | x | s\n  1 | 11 | u\n@test no\n@given a\n  k | x | s\n  1 | 9 | u\n"
	ran(t, coverTables+"SELECT x FROM a\nWHERE x > 10;\n", tests, Options{Run: harness.Options{Cover: p}})
	var text, listing, lines, info bytes.Buffer
	if err := p.Text(&text); err != nil {
		t.Fatal(err)
	}
	// Scan out, Calc in and out, three of x > 10, Collect in: all but NULL, of 7.
	covered, total := p.Total()
	if covered != 6 || total != 7 || !strings.Contains(text.String(), "job.sql   85.7 %  6 of 7\n    7:7  x > 10: never NULL\n") {
		t.Errorf("%d of %d\n%s", covered, total, &text)
	}
	if p.Below(85) != nil || p.Below(86) == nil {
		t.Error("85.7 is taken for less than 85 or for 86")
	}
	for name, w := range map[string]*bytes.Buffer{"x.sql": &listing, "x.json": &lines, "x.info": &info} {
		if err := p.Write(name, w); err != nil {
			t.Fatal(err)
		}
	}
	if want := "    ! 2/3 | WHERE x > 10;\n          | -- ^ x > 10: never NULL\n"; !strings.Contains(listing.String(), want) {
		t.Errorf("the listing has no %q:\n%s", want, &listing)
	}
	var doc struct {
		Percent float64
		Files   []struct {
			Items []struct {
				Line, Column int
				Predicate    string
				What         string
				Count        int64
			}
		}
	}
	if err := json.Unmarshal(lines.Bytes(), &doc); err != nil || doc.Percent != 85.7 || len(doc.Files) != 1 {
		t.Fatalf("%v\n%s", err, &lines)
	}
	n := 0
	for _, i := range doc.Files[0].Items {
		if i.Predicate == "x > 10" && i.Line == 7 && i.Column == 7 && (i.Count > 0) == (i.What != "null") {
			n++
		}
	}
	if n != 3 {
		t.Errorf("the predicate has %d items\n%s", n, &lines)
	}
	if !strings.Contains(info.String(), "BRF:7\nBRH:6\nLF:2\nLH:2\n") {
		t.Errorf("%s", &info)
	}
}
