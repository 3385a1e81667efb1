package sqltest

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// TestPartitions compares queries with what they must be the sum of. A condition parts
// the rows of a query into those for which it is true, false and unknown (ternary logic
// partitioning: WHERE, HAVING, DISTINCT, GROUP BY, aggregates); and it holds for as many
// rows as it is true of in the SELECT list, where nothing is pushed down or folded away
// (NoREC). Tables are random, as are their types, and in streams they have updates and
// deletes. A failure prints its seed; MINK_SEED=n runs that one.
func TestPartitions(t *testing.T) {
	first, one := firstSeed(t)
	if one {
		if problem := partitionSeed(t, first, map[string]int{}); problem != "" {
			t.Fatal(problem)
		}
		return
	}
	end := time.Now().Add(randomTime())
	count := map[string]int{}
	for seed := first; time.Now().Before(end); seed++ {
		if problem := partitionSeed(t, seed, count); problem != "" {
			t.Fatalf("MINK_SEED=%d go test ./testkit/sqltest -run TestPartitions\n%s", seed, problem)
		}
	}
	t.Logf("pairs of queries: %v", count)
}

// pair are two queries with the same rows.
type pair struct{ name, whole, parts string }

// pairs draws one of each kind over a source.
func (g *pgen) pairs(from string) []pair {
	p := g.cond(2)
	parts := []string{p, "NOT (" + p + ")", "(" + p + ") IS NULL"}
	three := func(form string) string {
		var out []string
		for _, x := range parts {
			out = append(out, strings.ReplaceAll(form, "${p}", x))
		}
		return strings.Join(out, " UNION ALL ")
	}
	var list []string
	for i, c := range g.cols {
		list = append(list, fmt.Sprintf("%s AS o%d", c.name, i))
	}
	cols, one := strings.Join(list, ", "), pick(g.gen, g.cols)
	e := g.value(one.kind, 2)
	out := []pair{
		{"WHERE", "SELECT " + cols + " FROM " + from, three("SELECT " + cols + " FROM " + from + " WHERE ${p}")},
		{"DISTINCT", "SELECT DISTINCT " + e + " AS o FROM " + from,
			"SELECT DISTINCT o FROM (" + three("SELECT "+e+" AS o FROM "+from+" WHERE ${p}") + ")"},
		{"UNION", "SELECT DISTINCT " + e + " AS o FROM " + from,
			strings.ReplaceAll(three("SELECT "+e+" AS o FROM "+from+" WHERE ${p}"), "UNION ALL", "UNION")},
		{"GROUP BY", "SELECT k, COUNT(*) AS n FROM (SELECT " + e + " AS k FROM " + from + ") GROUP BY k",
			"SELECT k, SUM(n) AS n FROM (" + three("SELECT k, COUNT(*) AS n FROM (SELECT "+e+" AS k FROM "+from+" WHERE ${p}) GROUP BY k") + ") GROUP BY k"},
		{"NoREC", "SELECT COUNT(*) AS n FROM " + from + " WHERE " + p + " HAVING COUNT(*) > 0",
			"SELECT n FROM (SELECT SUM(CASE WHEN c THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) AS n FROM (SELECT " + p + " AS c FROM " + from + ")) WHERE n > 0"},
	}
	// HAVING sees the group's columns alone: a key and a count, as columns of a view.
	h := &pgen{gen: g.gen, cols: []pcol{{one.name, one.kind}, {"COUNT(*)", pBig}}}
	hp := h.cond(1)
	group := "SELECT " + one.name + " AS k, COUNT(*) AS n FROM " + from + " GROUP BY " + one.name
	out = append(out, pair{"HAVING", group, group + " HAVING " + hp + " UNION ALL " + group + " HAVING NOT (" + hp + ") UNION ALL " + group + " HAVING (" + hp + ") IS NULL"})
	if k := pkinds[one.kind]; k.sum {
		x := one.name
		out = append(out, pair{"aggregates",
			fmt.Sprintf("SELECT SUM(%s) AS s, MIN(%s) AS lo, MAX(%s) AS hi, COUNT(%s) AS n FROM %s", x, x, x, x, from),
			"SELECT SUM(s), MIN(lo), MAX(hi), SUM(n) FROM (" + three(fmt.Sprintf("SELECT SUM(%s) AS s, MIN(%s) AS lo, MAX(%s) AS hi, COUNT(%s) AS n FROM %s WHERE ${p}", x, x, x, x, from)) + ")",
		})
	}
	return out
}

func partitionSeed(t *testing.T, seed uint64, count map[string]int) string {
	g := newPgen(seed)
	aStream, aBatch, a := g.ptable("a")
	bStream, bBatch, b := g.ptable("b")
	client := local(t, g.one(2))
	defer client.Close()
	dir := t.TempDir()
	defer os.RemoveAll(dir)
	v := variant{batch: g.one(3), rows: pick(g.gen, []int{1, 3, 4096}), parallelism: 1 + g.n(3)}
	ctx, cancel := context.WithTimeout(context.Background(), 5*timeLimit)
	defer cancel()
	session, err := client.OpenSession(ctx, v.settings())
	if err != nil {
		return err.Error()
	}
	defer session.Close()
	tables := []*Given{aStream, bStream}
	if v.batch {
		tables = []*Given{aBatch, bBatch}
	}
	for _, x := range tables {
		sql, err := x.create(dir)
		if err != nil {
			return err.Error()
		}
		if got := (&runner{ctx: ctx, session: session}).script(sql); got.err != nil {
			return got.err.Error()
		}
	}
	show := func() string {
		var out []string
		for _, x := range tables {
			out = append(out, fmt.Sprintf("given %s (%s) mode %s", x.Name, x.Columns, x.Mode), strings.TrimSuffix(x.text(), "\n"))
		}
		return strings.Join(append(out, v.String()), "\n")
	}
	rows := func(sql string) ([]string, error) {
		got := (&runner{ctx: ctx, session: session}).script(sql)
		if got.err != nil {
			return nil, got.err
		}
		final, err := got.final()
		slices.Sort(final)
		return final, err
	}
	for range 3 {
		for _, p := range g.pairs(g.source(a, b)) {
			whole, err := rows(p.whole)
			var parts []string
			if err == nil {
				parts, err = rows(p.parts)
			}
			switch {
			case diag.CodeOf(err) == diag.Unsupported:
				count["not run"]++
				continue
			case err != nil:
				return fmt.Sprintf("%s\n%s\n%s\n%s\n%v", show(), p.name, p.whole, p.parts, err)
			}
			if p.name == "aggregates" && v.streamEmpty(whole, parts) {
				continue
			}
			count[p.name]++
			if problem := diff(parts, whole); problem != "" {
				return fmt.Sprintf("%s\n%s\n%s\n%s\n%s", show(), p.name, p.whole, p.parts, problem)
			}
		}
	}
	return ""
}

// streamEmpty tells whether one side is an aggregate of nothing at all, which in a
// stream gives no row, and the other one of parts that came and went.
func (v variant) streamEmpty(whole, parts []string) bool {
	empty := func(rows []string) bool {
		return len(rows) == 0 || len(rows) == 1 && (rows[0] == "[<NULL>, <NULL>, <NULL>, 0]" || rows[0] == "[<NULL>, <NULL>, <NULL>, <NULL>]")
	}
	return !v.batch && empty(whole) && empty(parts)
}
