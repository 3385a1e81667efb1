package sqltest

import (
	"fmt"
	"strings"
)

// duckGen draws queries that mean the same in Flink SQL and in DuckDB: no division, no
// overflow, sums of doubles that are exact, rows of windows in an order without ties.
type duckGen struct {
	gen
	tables []*relation
	shown  []string
	names  int
}

// duckKinds are the types of columns, by name in both.
var duckKinds = []string{"BIGINT", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP(3)", narrow, "BOOLEAN"}

// Decimals of columns, and those that come of sums.
const (
	narrow = "DECIMAL(9, 2)"
	wide   = "DECIMAL(38, 2)"
)

// skipNull stands where DuckDB has to be told what Flink does by itself.
const skipNull = "/* skips NULL */"

var ofDuckDB = strings.NewReplacer(skipNull, " IGNORE NULLS")

type duckColumn struct{ name, kind string }

// relation is a query in parentheses or a table.
type relation struct {
	sql    string
	cols   []duckColumn
	unique string // a column without equal values and NULL, or ""
}

func (g *duckGen) name(prefix string) string {
	g.names++
	return fmt.Sprintf("%s%d", prefix, g.names)
}

// value is a literal, or "" for NULL.
func (g *duckGen) value(kind string) string {
	if g.one(6) {
		return ""
	}
	return g.constant(kind)
}

func (g *duckGen) constant(kind string) string {
	switch kind {
	case "BIGINT":
		return fmt.Sprint(g.n(9) - 2)
	case "DOUBLE":
		return pick(&g.gen, []string{"0.5", "1.0", "-1.25", "3.0", "0.0", "2.75"})
	case "VARCHAR":
		return pick(&g.gen, []string{"a", "b", "ab", "B", "", "ba ", "abc"})
	case "DATE":
		return fmt.Sprintf("2024-0%d-0%d", 1+g.n(3), 1+g.n(4))
	case "TIMESTAMP(3)":
		return fmt.Sprintf("2024-01-0%d %02d:00:00.%03d", 1+g.n(3), g.n(24), 250*g.n(4))
	case narrow, wide:
		return pick(&g.gen, []string{"0.00", "1.50", "-2.25", "10.00", "7.05"})
	}
	return pick(&g.gen, []string{"TRUE", "FALSE"})
}

// table makes a table of up to 12 rows with a key "id".
func (g *duckGen) table(i int) *Given {
	x := &Given{Name: fmt.Sprintf("t%d", i), Mode: "I", fields: []field{newField("id", "BIGINT")}}
	r := &relation{sql: x.Name, cols: []duckColumn{{"id", "BIGINT"}}, unique: "id"}
	columns := []string{"id BIGINT NOT NULL"}
	for j := range 4 + g.n(4) {
		c := duckColumn{fmt.Sprintf("c%d", j), pick(&g.gen, duckKinds)}
		columns = append(columns, c.name+" "+c.kind)
		x.fields = append(x.fields, newField(c.name, c.kind))
		r.cols = append(r.cols, c)
	}
	x.Columns = strings.Join(columns, ", ")
	g.shown = append(g.shown, fmt.Sprintf("given %s (%s)", x.Name, x.Columns))
	for id := range g.n(13) {
		cells := []string{fmt.Sprint(id)}
		for _, c := range r.cols[1:] {
			v := g.value(c.kind)
			switch {
			case v == "":
				v = null
			case c.kind == "VARCHAR":
				v = "'" + v + "'"
			case c.kind == "BOOLEAN":
				v = strings.ToLower(v)
			}
			cells = append(cells, v)
		}
		line := "+I[" + strings.Join(cells, ", ") + "]"
		g.shown = append(g.shown, line)
		if err := x.add(line); err != nil {
			panic(err)
		}
	}
	g.tables = append(g.tables, r)
	return x
}

// there are the statements that make a table in DuckDB.
func (g *duckGen) there(x *Given) []string {
	out := []string{fmt.Sprintf("CREATE OR REPLACE TABLE %s (%s)", x.Name, x.Columns)}
	from := 0
	for i, l := range g.shown {
		if strings.HasPrefix(l, "given "+x.Name+" ") {
			from = i + 1
		}
	}
	for _, l := range g.shown[from:] {
		var cells []string
		for _, c := range strings.Split(strings.TrimSuffix(l[3:], "]"), ", ") {
			switch {
			case c == null:
				c = "NULL"
			case c[0] != '\'':
				c = "'" + c + "'"
			}
			cells = append(cells, c)
		}
		out = append(out, fmt.Sprintf("INSERT INTO %s VALUES (%s)", x.Name, strings.Join(cells, ", ")))
	}
	return out
}

// literal is a constant as an expression.
func (g *duckGen) literal(kind string) string {
	v := g.constant(kind)
	switch kind {
	case "DOUBLE":
		return v + "e0"
	case "VARCHAR":
		return "'" + v + "'"
	case "DATE":
		return "DATE '" + v + "'"
	case "TIMESTAMP(3)":
		return "TIMESTAMP '" + v + "'"
	}
	if v[0] == '-' {
		v = "(" + v + ")"
	}
	return v
}

// expr is an expression of a kind over columns, which have their qualifier.
func (g *duckGen) expr(cols []duckColumn, kind string, depth int) string {
	var fit []string
	for _, c := range cols {
		if c.kind == kind {
			fit = append(fit, c.name)
		}
	}
	if depth <= 0 || g.one(3) {
		if len(fit) > 0 && !g.one(5) {
			return pick(&g.gen, fit)
		}
		if g.one(8) {
			return "CAST(NULL AS " + kind + ")"
		}
		return g.literal(kind)
	}
	e := func(k string) string { return g.expr(cols, k, depth-1) }
	switch g.n(9) {
	case 0:
		return fmt.Sprintf("CASE WHEN %s THEN %s ELSE %s END", g.cond(cols, depth-1), e(kind), e(kind))
	case 1:
		return fmt.Sprintf("COALESCE(%s, %s)", e(kind), e(kind))
	case 2:
		return fmt.Sprintf("NULLIF(%s, %s)", e(kind), e(kind))
	}
	switch kind {
	case "BIGINT":
		return pick(&g.gen, []func() string{
			func() string { return fmt.Sprintf("(%s + %s)", e(kind), e(kind)) },
			func() string { return fmt.Sprintf("(%s - %s)", e(kind), e(kind)) },
			func() string { return fmt.Sprintf("(%s * %d)", e(kind), g.n(4)) },
			func() string { return fmt.Sprintf("MOD(%s, %d)", e(kind), 2+g.n(4)) },
			func() string { return fmt.Sprintf("ABS(%s)", e(kind)) },
			func() string { return fmt.Sprintf("CHAR_LENGTH(%s)", e("VARCHAR")) },
			func() string { return fmt.Sprintf("POSITION('a' IN %s)", e("VARCHAR")) },
			func() string {
				return fmt.Sprintf("EXTRACT(%s FROM %s)", pick(&g.gen, []string{"YEAR", "MONTH", "DAY", "QUARTER"}), e("DATE"))
			},
			func() string { return fmt.Sprintf("EXTRACT(HOUR FROM %s)", e("TIMESTAMP(3)")) },
		})()
	case "DOUBLE":
		return pick(&g.gen, []func() string{
			func() string { return fmt.Sprintf("(%s + %s)", e(kind), e(kind)) },
			func() string { return fmt.Sprintf("(%s - %s)", e(kind), e(kind)) },
			func() string { return fmt.Sprintf("(%s * 0.5e0)", e(kind)) },
			func() string { return fmt.Sprintf("CAST(%s AS DOUBLE)", e("BIGINT")) },
			func() string { return fmt.Sprintf("ABS(%s)", e(kind)) },
		})()
	case wide:
		return g.expr(cols, kind, 0)
	case narrow:
		if g.one(3) { // back to two digits: DuckDB rounds what it has no room for, Flink widens it
			return fmt.Sprintf("CAST(%s * %s AS %s)", g.expr(cols, kind, 0), g.expr(cols, kind, 0), narrow)
		}
		return fmt.Sprintf("(%s %s %s)", g.expr(cols, kind, 0), pick(&g.gen, []string{"+", "-"}), g.expr(cols, kind, 0))
	case "VARCHAR":
		return pick(&g.gen, []func() string{
			func() string { return fmt.Sprintf("(%s || %s)", e(kind), e(kind)) },
			func() string { return fmt.Sprintf("UPPER(%s)", e(kind)) },
			func() string { return fmt.Sprintf("LOWER(%s)", e(kind)) },
			func() string { return fmt.Sprintf("TRIM(%s)", e(kind)) },
			func() string { return fmt.Sprintf("SUBSTRING(%s, %d, %d)", e(kind), 1+g.n(3), g.n(3)) },
			func() string { return fmt.Sprintf("REPLACE(%s, 'a', 'xy')", e(kind)) },
			func() string { return fmt.Sprintf("REVERSE(%s)", e(kind)) },
			func() string { return fmt.Sprintf("LPAD(%s, %d, 'xy')", e(kind), g.n(5)) },
			func() string { return fmt.Sprintf("CAST(%s AS VARCHAR)", e("BIGINT")) },
		})()
	case "DATE":
		return fmt.Sprintf("CAST(%s AS DATE)", e("TIMESTAMP(3)"))
	case "TIMESTAMP(3)":
		return fmt.Sprintf("(%s %s INTERVAL '%d' %s)", e(kind), pick(&g.gen, []string{"+", "-"}), 1+g.n(3), pick(&g.gen, []string{"DAY", "HOUR", "MINUTE"}))
	}
	return g.cond(cols, depth-1)
}

// ordered are the kinds that are compared by size.
var ordered = []string{"BIGINT", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP(3)", narrow}

func (g *duckGen) cond(cols []duckColumn, depth int) string {
	k := pick(&g.gen, ordered)
	if len(cols) > 0 && !g.one(4) {
		if c := pick(&g.gen, cols); c.kind != "BOOLEAN" {
			k = c.kind
		}
	}
	e := func() string { return g.expr(cols, k, depth-1) }
	if depth > 0 && g.one(2) {
		switch g.n(4) {
		case 0:
			return "NOT (" + g.cond(cols, depth-1) + ")"
		case 1:
			return fmt.Sprintf("(%s) IS %s", g.cond(cols, depth-1), pick(&g.gen, []string{"TRUE", "NOT TRUE", "FALSE", "NOT FALSE", "NULL", "NOT NULL"}))
		}
		return fmt.Sprintf("(%s %s %s)", g.cond(cols, depth-1), pick(&g.gen, []string{"AND", "OR"}), g.cond(cols, depth-1))
	}
	switch g.n(10) {
	case 0:
		return fmt.Sprintf("%s IS %s", e(), pick(&g.gen, []string{"NULL", "NOT NULL"}))
	case 1:
		return fmt.Sprintf("%s IS %s %s", e(), pick(&g.gen, []string{"DISTINCT FROM", "NOT DISTINCT FROM"}), e())
	case 2:
		return fmt.Sprintf("%s %s %s AND %s", e(), pick(&g.gen, []string{"BETWEEN", "NOT BETWEEN"}), e(), e())
	case 3:
		return fmt.Sprintf("%s %s (%s, %s, %s)", e(), pick(&g.gen, []string{"IN", "NOT IN"}), g.literal(k), g.literal(k), g.literal(k))
	case 4:
		return fmt.Sprintf("%s %s '%s'", g.expr(cols, "VARCHAR", depth-1), pick(&g.gen, []string{"LIKE", "NOT LIKE"}), pick(&g.gen, []string{"a%", "%b", "_b%", "%", "ab"}))
	case 5:
		return g.expr(cols, "BOOLEAN", 0)
	}
	return fmt.Sprintf("%s %s %s", e(), pick(&g.gen, []string{"=", "<>", "<", "<=", ">", ">="}), e())
}

// as gives columns a qualifier.
func as(cols []duckColumn, alias string) []duckColumn {
	out := make([]duckColumn, len(cols))
	for i, c := range cols {
		out[i] = duckColumn{alias + "." + c.name, c.kind}
	}
	return out
}

// from writes a relation as an item of FROM.
func (r *relation) from(alias string) string {
	if !strings.Contains(r.sql, " ") {
		return r.sql + " AS " + alias
	}
	return "(" + r.sql + ") AS " + alias
}

// relation draws a query.
func (g *duckGen) relation(depth int) *relation {
	if depth <= 0 {
		return pick(&g.gen, g.tables)
	}
	in := g.relation(depth - 1)
	switch g.n(10) {
	case 0, 1:
		return g.join(in, g.relation(g.n(depth)))
	case 2, 3:
		return g.grouped(in)
	case 4:
		return g.combined(in, g.relation(g.n(depth)))
	case 5:
		return g.windowed(in)
	case 6:
		return g.semi(in, g.relation(g.n(depth)))
	case 7:
		return g.first(in)
	}
	return g.projected(in)
}

func (g *duckGen) where(cols []duckColumn) string {
	if g.one(2) {
		return ""
	}
	return " WHERE " + g.cond(cols, 2)
}

// out names the columns of a SELECT.
func (g *duckGen) out(exprs []string, kinds []string) (string, []duckColumn) {
	var items []string
	var cols []duckColumn
	for i, e := range exprs {
		c := duckColumn{g.name("x"), kinds[i]}
		cols = append(cols, c)
		items = append(items, e+" AS "+c.name)
	}
	return strings.Join(items, ", "), cols
}

// some are expressions over columns, mostly columns themselves.
func (g *duckGen) some(cols []duckColumn, n int) (exprs, kinds []string) {
	for range n {
		c := pick(&g.gen, cols)
		exprs, kinds = append(exprs, g.expr([]duckColumn{c}, c.kind, 0)), append(kinds, c.kind)
		if g.one(3) {
			exprs[len(exprs)-1] = g.expr(cols, c.kind, 2)
		}
	}
	return exprs, kinds
}

func (g *duckGen) projected(in *relation) *relation {
	a := g.name("a")
	cols := as(in.cols, a)
	exprs, kinds := g.some(cols, 1+g.n(4))
	unique := in.unique != "" && g.one(2)
	if unique {
		exprs, kinds = append(exprs, a+"."+in.unique), append(kinds, "BIGINT")
	}
	items, out := g.out(exprs, kinds)
	r := &relation{sql: "SELECT " + items + " FROM " + in.from(a) + g.where(cols), cols: out}
	if unique {
		r.unique = out[len(out)-1].name
	} else if g.one(5) {
		r.sql = strings.Replace(r.sql, "SELECT ", "SELECT DISTINCT ", 1)
	}
	return r
}

func (g *duckGen) join(l, r *relation) *relation {
	a, b := g.name("l"), g.name("r")
	lc, rc := as(l.cols, a), as(r.cols, b)
	all := append(append([]duckColumn(nil), lc...), rc...)
	on := ""
	if x := pick(&g.gen, lc); !g.one(5) {
		on = x.name + " = " + g.expr(rc, x.kind, 0)
	}
	if on == "" || g.one(3) {
		c := g.cond(all, 1)
		if on != "" {
			c = on + " AND " + c
		}
		on = c
	}
	exprs, kinds := g.some(all, 2+g.n(4))
	items, out := g.out(exprs, kinds)
	kind := pick(&g.gen, []string{"JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"})
	if kind == "CROSS JOIN" {
		on = ""
	} else {
		on = " ON " + on
	}
	return &relation{sql: "SELECT " + items + " FROM " + l.from(a) + " " + kind + " " + r.from(b) + on + g.where(all), cols: out}
}

func (g *duckGen) semi(l, r *relation) *relation {
	a, b := g.name("l"), g.name("s")
	lc, rc := as(l.cols, a), as(r.cols, b)
	x := pick(&g.gen, lc)
	not := pick(&g.gen, []string{"", "NOT "})
	var cond string
	switch y := g.expr(rc, x.kind, 0); g.n(3) {
	case 0:
		cond = fmt.Sprintf("%s %sIN (SELECT %s FROM %s%s)", x.name, not, y, r.from(b), g.where(rc))
	case 1:
		cond = fmt.Sprintf("%sEXISTS (SELECT 1 FROM %s WHERE %s = %s)", not, r.from(b), y, x.name)
	default:
		cond = fmt.Sprintf("%s %s (SELECT %s(%s) FROM %s WHERE %s = %s)", g.expr(lc, "BIGINT", 0), pick(&g.gen, []string{"<", ">=", "="}),
			pick(&g.gen, []string{"COUNT", "MAX", "MIN", "SUM"}), g.expr(rc, "BIGINT", 0), r.from(b), y, x.name)
	}
	var exprs, kinds []string
	for _, c := range lc {
		exprs, kinds = append(exprs, c.name), append(kinds, c.kind)
	}
	items, out := g.out(exprs, kinds)
	rel := &relation{sql: "SELECT " + items + " FROM " + l.from(a) + " WHERE " + cond, cols: out}
	for i, c := range l.cols {
		if c.name == l.unique {
			rel.unique = out[i].name
		}
	}
	return rel
}

// aggregate draws a call and its kind.
func (g *duckGen) aggregate(cols []duckColumn) (string, string) {
	distinct := ""
	if g.one(4) {
		distinct = "DISTINCT "
	}
	k := pick(&g.gen, ordered)
	text, kind := "COUNT(*)", "BIGINT"
	switch g.n(6) {
	case 0:
		text = fmt.Sprintf("COUNT(%s%s)", distinct, g.expr(cols, k, 1))
	case 1:
		text, kind = fmt.Sprintf("SUM(%s%s)", distinct, g.expr(cols, "BIGINT", 1)), "BIGINT"
	case 2:
		text, kind = fmt.Sprintf("SUM(%s%s)", distinct, g.expr(cols, "DOUBLE", 1)), "DOUBLE"
	case 3:
		text, kind = fmt.Sprintf("SUM(%s%s)", distinct, g.expr(cols, narrow, 0)), wide
	case 4:
		text, kind = fmt.Sprintf("%s(%s)", pick(&g.gen, []string{"MIN", "MAX"}), g.expr(cols, k, 1)), k
	}
	if g.one(5) {
		text += " FILTER (WHERE " + g.cond(cols, 1) + ")"
	}
	return text, kind
}

func (g *duckGen) grouped(in *relation) *relation {
	a := g.name("g")
	cols := as(in.cols, a)
	var keys, kinds []string
	for range g.n(4) {
		if c := pick(&g.gen, cols); !strings.Contains(strings.Join(keys, " ")+" ", c.name+" ") {
			keys, kinds = append(keys, c.name), append(kinds, c.kind)
		}
	}
	exprs := append([]string(nil), keys...)
	for range 1 + g.n(3) {
		e, k := g.aggregate(cols)
		exprs, kinds = append(exprs, e), append(kinds, k)
	}
	by := strings.Join(keys, ", ")
	if len(keys) > 1 {
		switch g.n(4) {
		case 0:
			by = "ROLLUP (" + by + ")"
		case 1:
			by = "CUBE (" + by + ")"
		case 2:
			by = fmt.Sprintf("GROUPING SETS ((%s), (%s))", keys[0], strings.Join(keys[1:], ", "))
		}
		if strings.Contains(by, "(") {
			exprs, kinds = append(exprs, "GROUPING("+keys[0]+")"), append(kinds, "BIGINT")
		}
	}
	items, out := g.out(exprs, kinds)
	sql := "SELECT " + items + " FROM " + in.from(a) + g.where(cols)
	if by != "" {
		sql += " GROUP BY " + by
	}
	if g.one(4) {
		sql += " HAVING COUNT(*) > " + fmt.Sprint(g.n(3))
	}
	return &relation{sql: sql, cols: out}
}

// combined makes UNION and the like of two queries with columns of the same kinds.
func (g *duckGen) combined(l, r *relation) *relation {
	n := 1 + g.n(3)
	var kinds []string
	for range n {
		kinds = append(kinds, pick(&g.gen, duckKinds))
	}
	side := func(x *relation) (string, []duckColumn) {
		a := g.name("u")
		cols := as(x.cols, a)
		var exprs []string
		for _, k := range kinds {
			exprs = append(exprs, g.expr(cols, k, 1))
		}
		items, out := g.out(exprs, kinds)
		return "SELECT " + items + " FROM " + x.from(a) + g.where(cols), out
	}
	ls, out := side(l)
	rs, _ := side(r)
	op := pick(&g.gen, []string{"UNION", "INTERSECT", "EXCEPT"}) + pick(&g.gen, []string{"", " ALL"})
	for i, c := range out { // decimals may have become wider
		if c.kind == narrow {
			out[i].kind = wide
		}
	}
	return &relation{sql: ls + " " + op + " " + rs, cols: out}
}

// windowed adds window functions, in an order that is unique.
func (g *duckGen) windowed(in *relation) *relation {
	if in.unique == "" {
		return g.projected(in)
	}
	a := g.name("w")
	cols := as(in.cols, a)
	order := pick(&g.gen, cols).name + pick(&g.gen, []string{" ASC NULLS FIRST", " DESC NULLS LAST"}) + ", " + a + "." + in.unique
	over := "ORDER BY " + order
	if g.one(2) {
		over = "PARTITION BY " + pick(&g.gen, cols).name + " " + over
	}
	exprs, kinds := []string{a + "." + in.unique}, []string{"BIGINT"}
	for range 1 + g.n(3) {
		k := pick(&g.gen, ordered)
		frame := pick(&g.gen, []string{"", " ROWS BETWEEN 2 PRECEDING AND CURRENT ROW", " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
			" ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", " ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING"})
		var call, kind string
		switch g.n(6) {
		case 0:
			call, kind, frame = pick(&g.gen, []string{"ROW_NUMBER()", "RANK()", "DENSE_RANK()", "NTILE(3)"}), "BIGINT", ""
		case 1:
			call, kind, frame = fmt.Sprintf("%s(%s, %d)", pick(&g.gen, []string{"LAG", "LEAD"}), g.expr(cols, k, 0), 1+g.n(2)), k, ""
		case 2:
			call, kind = fmt.Sprintf("%s(%s%s)", pick(&g.gen, []string{"FIRST_VALUE", "LAST_VALUE"}), g.expr(cols, k, 0), skipNull), k
		case 3:
			call, kind = fmt.Sprintf("SUM(%s)", g.expr(cols, "BIGINT", 1)), "BIGINT"
		case 4:
			call, kind = fmt.Sprintf("%s(%s)", pick(&g.gen, []string{"MIN", "MAX"}), g.expr(cols, k, 0)), k
		default:
			call, kind = fmt.Sprintf("COUNT(%s)", g.expr(cols, k, 0)), "BIGINT"
		}
		exprs, kinds = append(exprs, fmt.Sprintf("%s OVER (%s%s)", call, over, frame)), append(kinds, kind)
	}
	items, out := g.out(exprs, kinds)
	return &relation{sql: "SELECT " + items + " FROM " + in.from(a) + g.where(cols), cols: out, unique: out[0].name}
}

// first takes the first rows by all columns.
func (g *duckGen) first(in *relation) *relation {
	a := g.name("f")
	cols := as(in.cols, a)
	var exprs, kinds, order []string
	for _, c := range cols {
		exprs, kinds = append(exprs, c.name), append(kinds, c.kind)
	}
	items, out := g.out(exprs, kinds)
	for _, c := range out {
		order = append(order, c.name+pick(&g.gen, []string{" ASC NULLS FIRST", " DESC NULLS LAST", " ASC NULLS LAST"}))
	}
	sql := "SELECT " + items + " FROM " + in.from(a) + g.where(cols) + " ORDER BY " + strings.Join(order, ", ") + fmt.Sprintf(" LIMIT %d", g.n(8))
	if g.one(3) {
		sql += fmt.Sprintf(" OFFSET %d", g.n(3))
	}
	return &relation{sql: sql, cols: out}
}
