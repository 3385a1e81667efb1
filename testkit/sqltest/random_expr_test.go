package sqltest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Random queries are built together with a naive evaluation of them: each node has
// its SQL and a function from the tables' rows to its own. Nothing of the engine is
// used on the naive side.

// kind is the type of a column. Sums of small numbers stay far from the ends of INT.
type kind uint8

const (
	kInt kind = iota // INT
	kBig             // BIGINT
	kStr             // STRING
)

func (k kind) sql() string { return [...]string{"INT", "BIGINT", "STRING"}[k] }

// column of a node. Values are nil, int64 or string.
type column struct {
	kind    kind
	notNull bool
}

// rexpr is an expression over columns: its SQL, given what the columns are called,
// and its value. Conditions have values nil, true and false.
type rexpr struct {
	column
	sql func(names []string) string
	val func(row []any) any
}

// gen draws queries.
type gen struct {
	r      *rand.Rand
	tables []*rtable
}

func (g *gen) n(n int) int        { return g.r.IntN(n) }
func (g *gen) one(in int) bool    { return g.r.IntN(in) == 0 }
func pick[T any](g *gen, l []T) T { return l[g.n(len(l))] }

var letters = []string{"a", "b", "c", ""}

func literal(c column, v any) rexpr {
	text := fmt.Sprintf("CAST(NULL AS %s)", c.kind.sql())
	switch x := v.(type) {
	case int64:
		text = fmt.Sprint(x)
		if c.kind == kBig {
			text = fmt.Sprintf("CAST(%d AS BIGINT)", x)
		}
	case string:
		text = "CAST('" + x + "' AS STRING)"
	}
	return rexpr{column{c.kind, v != nil}, func([]string) string { return text }, func([]any) any { return v }}
}

func (g *gen) literal(k kind) rexpr {
	switch {
	case g.one(8):
		return literal(column{kind: k}, nil)
	case k == kStr:
		return literal(column{kind: k}, pick(g, letters))
	}
	return literal(column{kind: k}, int64(g.n(7)-2))
}

func ref(c column, i int) rexpr {
	return rexpr{c, func(names []string) string { return names[i] }, func(row []any) any { return row[i] }}
}

// expr draws an expression of a kind over cols.
func (g *gen) expr(cols []column, k kind, depth int) rexpr {
	var at []int
	for i, c := range cols {
		if c.kind == k {
			at = append(at, i)
		}
	}
	if len(at) > 0 && (depth == 0 || !g.one(3)) {
		i := pick(g, at)
		return ref(cols[i], i)
	}
	if depth == 0 || g.one(3) {
		return g.literal(k)
	}
	switch g.n(4) {
	case 0:
		p, x, y := g.cond(cols, depth-1), g.expr(cols, k, depth-1), g.expr(cols, k, depth-1)
		return rexpr{column{k, x.notNull && y.notNull},
			func(n []string) string {
				return "CASE WHEN " + p.sql(n) + " THEN " + x.sql(n) + " ELSE " + y.sql(n) + " END"
			},
			func(row []any) any {
				if p.val(row) == true {
					return x.val(row)
				}
				return y.val(row)
			}}
	case 1:
		x, y := g.expr(cols, k, depth-1), g.expr(cols, k, depth-1)
		return rexpr{column{k, x.notNull || y.notNull},
			func(n []string) string { return "COALESCE(" + x.sql(n) + ", " + y.sql(n) + ")" },
			func(row []any) any {
				if v := x.val(row); v != nil {
					return v
				}
				return y.val(row)
			}}
	}
	if k == kStr {
		x := g.expr(cols, kStr, 0)
		return rexpr{x.column,
			func(n []string) string { return "UPPER(" + x.sql(n) + ")" },
			func(row []any) any {
				if s, ok := x.val(row).(string); ok {
					return strings.ToUpper(s)
				}
				return nil
			}}
	}
	x, y := g.expr(cols, k, depth-1), g.literal(k)
	op, f := "+", func(a, b int64) int64 { return a + b }
	if g.one(2) {
		op, f = "-", func(a, b int64) int64 { return a - b }
	}
	return rexpr{column{k, x.notNull && y.notNull},
		func(n []string) string { return "(" + x.sql(n) + " " + op + " " + y.sql(n) + ")" },
		func(row []any) any {
			a, aok := x.val(row).(int64)
			b, bok := y.val(row).(int64)
			if !aok || !bok {
				return nil
			}
			return f(a, b)
		}}
}

// cond draws a condition.
func (g *gen) cond(cols []column, depth int) rexpr {
	if depth > 0 && g.one(3) {
		x := g.cond(cols, depth-1)
		if g.one(3) {
			return rexpr{sql: func(n []string) string { return "NOT (" + x.sql(n) + ")" },
				val: func(row []any) any { return not(x.val(row)) }}
		}
		y := g.cond(cols, depth-1)
		if g.one(2) {
			return rexpr{sql: func(n []string) string { return "(" + x.sql(n) + " AND " + y.sql(n) + ")" },
				val: func(row []any) any { return and(x.val(row), y.val(row)) }}
		}
		return rexpr{sql: func(n []string) string { return "(" + x.sql(n) + " OR " + y.sql(n) + ")" },
			val: func(row []any) any { return not(and(not(x.val(row)), not(y.val(row)))) }}
	}
	k := pick(g, []kind{kInt, kInt, kStr, kBig})
	x := g.expr(cols, k, max(0, depth-1))
	switch g.n(6) {
	case 0:
		return rexpr{sql: func(n []string) string { return x.sql(n) + " IS NULL" }, val: func(row []any) any { return x.val(row) == nil }}
	case 1:
		y := g.expr(cols, k, 0)
		return rexpr{sql: func(n []string) string { return x.sql(n) + " IS DISTINCT FROM " + y.sql(n) },
			val: func(row []any) any { return x.val(row) != y.val(row) }}
	case 2:
		y, z := g.literal(k), g.literal(k)
		return rexpr{sql: func(n []string) string { return x.sql(n) + " IN (" + y.sql(n) + ", " + z.sql(n) + ")" },
			val: func(row []any) any {
				v := x.val(row)
				return not(and(not(equal(v, y.val(row))), not(equal(v, z.val(row)))))
			}}
	}
	y := g.expr(cols, k, 0)
	op := pick(g, []string{"=", "<>", "<", "<=", ">", ">="})
	return rexpr{sql: func(n []string) string { return x.sql(n) + " " + op + " " + y.sql(n) },
		val: func(row []any) any { return compare(op, x.val(row), y.val(row)) }}
}

// Three-valued logic.

func not(v any) any {
	if b, ok := v.(bool); ok {
		return !b
	}
	return nil
}

func and(a, b any) any {
	switch {
	case a == false || b == false:
		return false
	case a == nil || b == nil:
		return nil
	}
	return true
}

func equal(a, b any) any { return compare("=", a, b) }

func compare(op string, a, b any) any {
	if a == nil || b == nil {
		return nil
	}
	c := order(a, b)
	switch op {
	case "=":
		return c == 0
	case "<>":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

// order compares two values of one kind that are not NULL.
func order(a, b any) int {
	if x, ok := a.(int64); ok {
		y := b.(int64)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	return strings.Compare(a.(string), b.(string))
}
