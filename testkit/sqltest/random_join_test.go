package sqltest

import (
	"fmt"
	"slices"
	"strings"
)

// join draws a join of any kind: one equality where kinds allow, and sometimes another
// condition.
func (g *gen) join(l, r *query) *query {
	form := pick(g, []string{"JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "EXISTS", "NOT EXISTS"})
	on := g.joinCond(l.cols, r.cols)
	src := append(names("l.", len(l.cols)), names("r.", len(r.cols))...)
	if strings.HasSuffix(form, "EXISTS") {
		return &query{l.cols, l.key, "SELECT * FROM (" + l.sql + ") AS l WHERE " + form + " (SELECT 1 FROM (" + r.sql + ") AS r WHERE " + on.sql(src) + ")",
			func(b bool) [][]any {
				right := r.rows(b)
				return slices.DeleteFunc(slices.Clone(l.rows(b)), func(x []any) bool {
					return (len(matches(x, right, on)) > 0) != (form == "EXISTS")
				})
			}}
	}
	out := &query{}
	var list []string
	for i, c := range append(slices.Clone(l.cols), r.cols...) {
		if left := i < len(l.cols); form == "FULL JOIN" || left && form == "RIGHT JOIN" || !left && form == "LEFT JOIN" {
			c.notNull = false
		}
		out.cols = append(out.cols, c)
		list = append(list, fmt.Sprintf("%s AS c%d", src[i], i))
	}
	if form == "JOIN" && l.key != nil && r.key != nil {
		out.key = slices.Clone(l.key)
		for _, k := range r.key {
			out.key = append(out.key, len(l.cols)+k)
		}
	}
	out.sql = "SELECT " + strings.Join(list, ", ") + " FROM (" + l.sql + ") AS l " + form + " (" + r.sql + ") AS r ON " + on.sql(src)
	out.rows = func(b bool) [][]any { return joined(l.rows(b), r.rows(b), len(l.cols), len(r.cols), on, form) }
	return out
}

func (g *gen) joinCond(l, r []column) rexpr {
	for range 8 {
		i, j := g.n(len(l)), g.n(len(r))
		if l[i].kind == kStr != (r[j].kind == kStr) {
			continue
		}
		op := "="
		if g.one(6) {
			op = "IS NOT DISTINCT FROM"
		}
		eq := rexpr{sql: func(n []string) string { return n[i] + " " + op + " " + n[len(l)+j] },
			val: func(row []any) any {
				if op != "=" {
					return row[i] == row[len(l)+j]
				}
				return equal(row[i], row[len(l)+j])
			}}
		if !g.one(4) {
			return eq
		}
		more := g.cond(append(slices.Clone(l), r...), 1)
		return rexpr{sql: func(n []string) string { return eq.sql(n) + " AND " + more.sql(n) },
			val: func(row []any) any { return and(eq.val(row), more.val(row)) }}
	}
	return g.cond(append(slices.Clone(l), r...), 1)
}

// matches are the rows of right that meet the condition with row x.
func matches(x []any, right [][]any, on rexpr) [][]any {
	return slices.DeleteFunc(slices.Clone(right), func(y []any) bool {
		return on.val(append(slices.Clone(x), y...)) != true
	})
}

func joined(left, right [][]any, lw, rw int, on rexpr, form string) [][]any {
	var out [][]any
	matched := make([]bool, len(right))
	for _, x := range left {
		any1 := false
		for j, y := range right {
			if both := append(slices.Clone(x), y...); on.val(both) == true {
				any1, matched[j] = true, true
				out = append(out, both)
			}
		}
		if !any1 && (form == "LEFT JOIN" || form == "FULL JOIN") {
			out = append(out, append(slices.Clone(x), make([]any, rw)...))
		}
	}
	for j, y := range right {
		if !matched[j] && (form == "RIGHT JOIN" || form == "FULL JOIN") {
			out = append(out, append(make([]any, lw), y...))
		}
	}
	return out
}

// inQuery keeps rows by [NOT] IN, or tells of each whether it is in.
func (g *gen) inQuery(l, r *query) *query {
	k := l.cols[g.n(len(l.cols))].kind
	x, y := g.expr(l.cols, k, 0), g.expr(r.cols, k, 0)
	inner := "SELECT " + y.sql(names("", len(r.cols))) + " FROM (" + r.sql + ")"
	test := func(row []any, right [][]any) any {
		var found any = false
		for _, o := range right {
			found = not(and(not(found), not(equal(x.val(row), y.val(o)))))
		}
		return found
	}
	word, want := "IN", true
	if g.one(2) {
		word, want = "NOT IN", false
	}
	is := x.sql(names("", len(l.cols))) + " " + word + " (" + inner + ")"
	return &query{l.cols, l.key, "SELECT * FROM (" + l.sql + ") WHERE " + is, func(b bool) [][]any {
		right := r.rows(b)
		return slices.DeleteFunc(slices.Clone(l.rows(b)), func(row []any) bool { return test(row, right) != want })
	}}
}

// top keeps the first rows of each partition by an order of all columns, so that
// ties are equal rows.
func (g *gen) top(in *query) *query {
	n := 1 + g.n(3)
	var by []int
	if g.one(2) {
		by = []int{g.n(len(in.cols))}
	}
	src := names("", len(in.cols))
	down := make([]bool, len(in.cols))
	var order, part []string
	for i := range in.cols {
		down[i] = g.one(2)
		order = append(order, src[i]+map[bool]string{false: " ASC", true: " DESC"}[down[i]])
	}
	for _, c := range by {
		part = append(part, src[c])
	}
	over := "ORDER BY " + strings.Join(order, ", ")
	if len(part) > 0 {
		over = "PARTITION BY " + strings.Join(part, ", ") + " " + over
	}
	rank := g.one(2)
	list, cols := strings.Join(src, ", "), in.cols
	if rank {
		list += fmt.Sprintf(", rn AS c%d", len(src))
		cols = append(slices.Clone(cols), column{kBig, true})
	}
	return &query{cols, in.key, fmt.Sprintf("SELECT %s FROM (SELECT *, ROW_NUMBER() OVER (%s) AS rn FROM (%s)) WHERE rn <= %d", list, over, in.sql, n),
		func(b bool) [][]any { return first(in.rows(b), by, down, n, rank) }}
}

func first(rows [][]any, by []int, down []bool, n int, rank bool) [][]any {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(x, y []any) int {
		for i := range x {
			c := orderNulls(x[i], y[i])
			if down[i] {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	seen := map[string]int{}
	var out [][]any
	for _, r := range rows {
		var k []any
		for _, c := range by {
			k = append(k, r[c])
		}
		t := strings.Join(texts(k), "|")
		if seen[t]++; seen[t] > n {
			continue
		}
		if rank {
			r = append(slices.Clone(r), int64(seen[t]))
		}
		out = append(out, r)
	}
	return out
}

// orderNulls is order with NULL below everything.
func orderNulls(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return order(a, b)
}
