package sqltest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Random tables of many types and conditions over them, as text alone: partitioned
// queries are compared with each other, so nothing needs to know their values.

// pkind is a type of a column of a partitioned query, with values and expressions.
type pkind struct {
	sql  string
	cell func(g *pgen) string          // a value as a row has it
	lit  func(g *pgen) string          // a value as an expression
	expr []func(g *pgen, d int) string // expressions with parts of other kinds
	sum  bool                          // SUM is exact, and MIN, MAX and AVG are there
}

// pgen draws tables, sources and conditions.
type pgen struct {
	*gen
	cols []pcol
}

type pcol struct {
	name string
	kind int
}

const (
	pInt = iota
	pBig
	pDec
	pDouble
	pText
	pBool
	pDate
	pTime
)

func (g *pgen) whole() string { return fmt.Sprint(g.n(9) - 3) }
func (g *pgen) quarter() string {
	return fmt.Sprintf("%d.%s", g.n(7)-3, pick(g.gen, []string{"00", "25", "50"}))
}
func (g *pgen) word() string {
	return pick(g.gen, []string{"", "a", "b", "ab", "Ab", "a_b", "%", "zz "})
}
func (g *pgen) day() string {
	return pick(g.gen, []string{"1969-12-31", "2020-02-28", "2020-02-29", "2021-01-01"})
}
func (g *pgen) at() string {
	return g.day() + " " + pick(g.gen, []string{"00:00:00.000", "12:30:01.500", "23:59:59.999"})
}

var pkinds []pkind

// fill makes pkinds, whose expressions use them again.
func fill() []pkind {
	two := func(k int, forms ...string) func(*pgen, int) string {
		return func(g *pgen, d int) string {
			return fmt.Sprintf(pick(g.gen, forms), g.value(k, d), g.value(k, d))
		}
	}
	one := func(k int, forms ...string) func(*pgen, int) string {
		return func(g *pgen, d int) string { return fmt.Sprintf(pick(g.gen, forms), g.value(k, d)) }
	}
	number := func(k int) []func(*pgen, int) string {
		return []func(*pgen, int) string{
			two(k, "(%s + %s)", "(%s - %s)", "NULLIF(%s, %s)", "GREATEST(%s, %s)", "IFNULL(%s, %s)"), one(k, "ABS(%s)", "(- %s)", "SIGN(%s)"),
		}
	}
	return []pkind{
		pInt: {"INT", (*pgen).whole, (*pgen).whole,
			append(number(pInt), one(pText, "CHAR_LENGTH(%s)", "ASCII(%s)", "POSITION('b' IN %s)"), one(pDate, "CAST(DAYOFMONTH(%s) AS INT)")), true},
		pBig: {"BIGINT", (*pgen).whole, func(g *pgen) string { return "CAST(" + g.whole() + " AS BIGINT)" },
			append(number(pBig), one(pInt, "CAST(%s AS BIGINT)"), one(pTime, "EXTRACT(HOUR FROM %s)", "YEAR(%s)")), true},
		pDec: {"DECIMAL(10, 2)", (*pgen).quarter, func(g *pgen) string { return "CAST(" + g.quarter() + " AS DECIMAL(10, 2))" },
			append(number(pDec), one(pInt, "CAST(%s AS DECIMAL(10, 2))"), one(pDec, "ROUND(%s, 1)", "CEIL(%s)")), true},
		pDouble: {"DOUBLE", (*pgen).quarter, func(g *pgen) string { return "CAST(" + g.quarter() + " AS DOUBLE)" },
			append(number(pDouble), one(pInt, "CAST(%s AS DOUBLE)"), one(pDouble, "FLOOR(%s)")), true},
		pText: {"STRING", func(g *pgen) string { return quote(g.word()) }, func(g *pgen) string { return "'" + g.word() + "'" },
			[]func(*pgen, int) string{
				two(pText, "(%s || %s)", "NULLIF(%s, %s)", "REPLACE(%s, 'a', %s)", "IFNULL(%s, %s)"),
				one(pText, "UPPER(%s)", "TRIM(%s)", "SUBSTRING(%s, 2)", "REVERSE(%s)", "LPAD(%s, 3, 'x')"), one(pInt, "CAST(%s AS STRING)"), one(pDate, "CAST(%s AS STRING)"),
			}, false},
		pBool: {"BOOLEAN", func(g *pgen) string { return pick(g.gen, []string{"true", "false"}) }, func(g *pgen) string { return pick(g.gen, []string{"TRUE", "FALSE"}) },
			[]func(*pgen, int) string{func(g *pgen, d int) string { return g.cond(d) }}, false},
		pDate: {"DATE", (*pgen).day, func(g *pgen) string { return "DATE '" + g.day() + "'" },
			[]func(*pgen, int) string{one(pTime, "CAST(%s AS DATE)"), one(pDate, "FLOOR(%s TO MONTH)", "(%s + INTERVAL '1' DAY)")}, false},
		pTime: {"TIMESTAMP(3)", (*pgen).at, func(g *pgen) string { return "TIMESTAMP '" + g.at() + "'" },
			[]func(*pgen, int) string{one(pTime, "FLOOR(%s TO DAY)", "TIMESTAMPADD(HOUR, 5, %s)", "(%s - INTERVAL '1' MONTH)")}, false},
	}
}

// value draws an expression of a kind.
func (g *pgen) value(k, depth int) string {
	var at []string
	for _, c := range g.cols {
		if c.kind == k {
			at = append(at, c.name)
		}
	}
	switch {
	case len(at) > 0 && (depth <= 0 || !g.one(3)):
		return pick(g.gen, at)
	case depth <= 0 || g.one(3):
		if g.one(6) {
			return "CAST(NULL AS " + pkinds[k].sql + ")"
		}
		return pkinds[k].lit(g)
	case g.one(4):
		return fmt.Sprintf("CASE WHEN %s THEN %s ELSE %s END", g.cond(depth-1), g.value(k, depth-1), g.value(k, depth-1))
	}
	return pick(g.gen, pkinds[k].expr)(g, depth-1)
}

// cond draws a condition.
func (g *pgen) cond(depth int) string {
	if depth > 0 && g.one(2) {
		form := pick(g.gen, []string{"(%s AND %s)", "(%s OR %s)", "(NOT (%s) OR %s)", "((%s) IS TRUE AND %s)", "((%s) IS NOT FALSE OR %s)"})
		return fmt.Sprintf(form, g.cond(depth-1), g.cond(depth-1))
	}
	k := g.n(len(pkinds))
	if k == pBool {
		return g.value(pBool, depth-1)
	}
	v := func() string { return g.value(k, depth-1) }
	switch g.n(8) {
	case 0:
		return v() + pick(g.gen, []string{" IS NULL", " IS NOT NULL"})
	case 1:
		return v() + pick(g.gen, []string{" IN (", " NOT IN ("}) + v() + ", " + v() + ")"
	case 2:
		return v() + pick(g.gen, []string{" BETWEEN ", " NOT BETWEEN ", " BETWEEN SYMMETRIC "}) + v() + " AND " + v()
	case 3:
		return v() + pick(g.gen, []string{" IS DISTINCT FROM ", " IS NOT DISTINCT FROM "}) + v()
	case 4:
		if k == pText {
			return v() + pick(g.gen, []string{" LIKE ", " NOT LIKE "}) + pick(g.gen, []string{"'a%'", "'%b'", "'_'", "'%a%b%'", "''"})
		}
	}
	return v() + " " + pick(g.gen, []string{"=", "<>", "<", "<=", ">", ">="}) + " " + v()
}

// ptable draws a table with its rows; in a stream some have updates and deletes.
func (g *pgen) ptable(name string) (stream, inBatch *Given, cols []pcol) {
	mode := "I"
	if g.one(2) {
		mode = "I,UB,UA,D"
	}
	var decl []string
	for i := range 2 + g.n(4) {
		k := g.n(len(pkinds))
		cols = append(cols, pcol{fmt.Sprintf("%s.c%d", name, i), k})
		decl = append(decl, fmt.Sprintf("c%d %s", i, pkinds[k].sql))
	}
	draw := func() string {
		var cells []string
		for _, c := range cols {
			if g.one(5) {
				cells = append(cells, null)
				continue
			}
			cells = append(cells, pkinds[c.kind].cell(g))
		}
		return "[" + strings.Join(cells, ", ") + "]"
	}
	var changes, final []string
	for range g.n(12) {
		if mode == "I" || len(final) == 0 || !g.one(3) {
			final = append(final, draw())
			changes = append(changes, "+I"+final[len(final)-1])
			continue
		}
		i := g.n(len(final))
		if g.one(2) {
			changes = append(changes, "-D"+final[i])
			final = slices.Delete(final, i, i+1)
			continue
		}
		changes = append(changes, "-U"+final[i])
		final[i] = draw()
		changes = append(changes, "+U"+final[i])
	}
	given := func(mode string, rows []string) *Given {
		t, err := parseGiven(name + " (" + strings.Join(decl, ", ") + ") mode " + mode)
		if err != nil {
			panic(err)
		}
		for _, r := range rows {
			if err := t.add(r); err != nil {
				panic(err)
			}
		}
		return t
	}
	for i, r := range final {
		final[i] = "+I" + r
	}
	return given(mode, changes), given("I", final), cols
}

// source draws what the queries read: a table, or a join of two.
func (g *pgen) source(a, b []pcol) string {
	g.cols = a
	if g.one(2) {
		return "a"
	}
	g.cols = append(slices.Clone(a), b...)
	for _, x := range a {
		for _, y := range b {
			if x.kind == y.kind {
				on := x.name + " = " + y.name
				if g.one(3) {
					on += " AND " + g.cond(1)
				}
				return "a " + pick(g.gen, []string{"JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"}) + " b ON " + on
			}
		}
	}
	g.cols = a
	return "a"
}

func newPgen(seed uint64) *pgen {
	if pkinds == nil {
		pkinds = fill()
	}
	return &pgen{gen: &gen{r: rand.New(rand.NewPCG(seed, 2))}}
}
