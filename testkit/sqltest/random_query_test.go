package sqltest

import (
	"fmt"
	"slices"
	"strings"
)

// rtable is a random table: what it holds in the end, and the changes that lead there.
type rtable struct {
	name    string
	cols    []column
	key     bool // column 0 is a PRIMARY KEY
	mode    string
	changes []row
	final   [][]any
	emptied bool // everything was taken back at the end
}

// table draws a table of columns c0 INT, c1 STRING, c2 INT, and with a key an id in
// front that no two rows have.
func (g *gen) table(name string, emptied bool) *rtable {
	t := &rtable{name: name, mode: "I", emptied: emptied}
	if t.key = g.one(2); t.key {
		t.cols = append(t.cols, column{kInt, true})
	}
	t.cols = append(t.cols, column{kind: kInt}, column{kind: kStr}, column{kind: kInt})
	if emptied || g.one(2) {
		t.mode = "I,UB,UA,D"
		if t.key && g.one(2) {
			t.mode = "I,UA,D"
		}
	}
	fresh := int64(0)
	draw := func(id any) []any {
		var out []any
		if t.key {
			out = append(out, id)
		}
		for _, c := range t.cols[len(out):] {
			out = append(out, g.literal(c.kind).val(nil))
		}
		return out
	}
	emit := func(op string, r []any) {
		for k, word := range ops {
			if word == op+"[" {
				t.changes = append(t.changes, row{kind: opKinds[k], cells: texts(r)})
			}
		}
	}
	for range g.n(14) {
		if t.mode == "I" || len(t.final) == 0 || !g.one(3) {
			fresh++
			r := draw(fresh)
			t.final = append(t.final, r)
			emit("+I", r)
			continue
		}
		i := g.n(len(t.final))
		old := t.final[i]
		upsert := t.mode == "I,UA,D"
		if g.one(2) {
			t.final = slices.Delete(t.final, i, i+1)
			emit("-D", old)
			continue
		}
		t.final[i] = draw(old[0])
		if !upsert {
			emit("-U", old)
		}
		emit("+U", t.final[i])
	}
	if emptied {
		for _, r := range t.final {
			emit("-D", r)
		}
		t.final = nil
	}
	return t
}

// texts writes a row as a section does.
func texts(r []any) []string {
	out := make([]string, len(r))
	for i, v := range r {
		switch v := v.(type) {
		case nil:
			out[i] = null
		case string:
			out[i] = quote(v)
		default:
			out[i] = fmt.Sprint(v)
		}
	}
	return out
}

// query is a random query: SQL that gives columns c0, c1, ..., and its rows. key are
// columns that no two rows share and that are never NULL, if any are known.
type query struct {
	cols []column
	key  []int
	sql  string
	rows func(batch bool) [][]any
}

func names(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%sc%d", prefix, i)
	}
	return out
}

// query draws a query of at most depth levels.
func (g *gen) query(depth int) *query {
	if depth == 0 {
		t := pick(g, g.tables)
		q := &query{cols: t.cols, sql: "SELECT * FROM " + t.name, rows: func(bool) [][]any { return t.final }}
		if t.key {
			q.key = []int{0}
		}
		return q
	}
	in := g.query(depth - 1)
	switch g.n(14) {
	case 0:
		return g.filter(in)
	case 1, 2:
		return g.project(in)
	case 3, 4, 5:
		return g.aggregate(in)
	case 6, 7, 8:
		return g.join(in, g.query(g.n(depth)))
	case 9:
		return g.top(in)
	case 10:
		return g.setOp(in, g.query(g.n(depth)))
	case 11:
		return g.distinct(in)
	case 12:
		return g.inQuery(in, g.query(g.n(depth)))
	}
	return g.partitioned(in)
}

func (g *gen) filter(in *query) *query {
	p := g.cond(in.cols, 2)
	return &query{in.cols, in.key, "SELECT * FROM (" + in.sql + ") WHERE " + p.sql(names("", len(in.cols))), func(b bool) [][]any {
		return where(in.rows(b), p)
	}}
}

func where(rows [][]any, p rexpr) [][]any {
	var out [][]any
	for _, r := range rows {
		if p.val(r) == true {
			out = append(out, r)
		}
	}
	return out
}

// partitioned is its input in three parts: rows for which a condition is true, false
// and neither.
func (g *gen) partitioned(in *query) *query {
	p := g.cond(in.cols, 1).sql(names("", len(in.cols)))
	part := func(c string) string { return "SELECT * FROM (" + in.sql + ") WHERE " + c }
	return &query{in.cols, nil, part(p) + " UNION ALL " + part("NOT ("+p+")") + " UNION ALL " + part("("+p+") IS UNKNOWN"), in.rows}
}

func (g *gen) project(in *query) *query {
	var exprs []rexpr
	var list []string
	out := &query{}
	kept := map[int]int{}
	for i := range 1 + g.n(4) {
		k := pick(g, []kind{kInt, kStr, kBig})
		var e rexpr
		if g.one(2) {
			c := g.n(len(in.cols))
			e = ref(in.cols[c], c)
			kept[c] = i
		} else {
			e = g.expr(in.cols, k, 2)
		}
		exprs, out.cols = append(exprs, e), append(out.cols, e.column)
		list = append(list, fmt.Sprintf("%s AS c%d", e.sql(names("", len(in.cols))), i))
	}
	if in.key != nil {
		for _, k := range in.key {
			if at, ok := kept[k]; ok {
				out.key = append(out.key, at)
			}
		}
		if len(out.key) < len(in.key) {
			out.key = nil
		}
	}
	out.sql = "SELECT " + strings.Join(list, ", ") + " FROM (" + in.sql + ")"
	out.rows = func(b bool) [][]any { return project(in.rows(b), exprs) }
	return out
}

func project(rows [][]any, exprs []rexpr) [][]any {
	var out [][]any
	for _, r := range rows {
		o := make([]any, len(exprs))
		for i, e := range exprs {
			o[i] = e.val(r)
		}
		out = append(out, o)
	}
	return out
}

func (g *gen) distinct(in *query) *query {
	var key []int
	for i, c := range in.cols {
		if !c.notNull {
			key = nil
			break
		}
		key = append(key, i)
	}
	if in.key != nil {
		key = in.key
	}
	return &query{in.cols, key, "SELECT DISTINCT * FROM (" + in.sql + ")", func(b bool) [][]any { return unique(in.rows(b)) }}
}

func unique(rows [][]any) [][]any {
	var out [][]any
	seen := map[string]bool{}
	for _, r := range rows {
		if t := strings.Join(texts(r), "|"); !seen[t] {
			seen[t] = true
			out = append(out, r)
		}
	}
	return out
}

// like makes q give the kinds of another query's columns.
func (g *gen) like(q *query, cols []column) *query {
	exprs := make([]rexpr, len(cols))
	list := make([]string, len(cols))
	for i, c := range cols {
		exprs[i] = g.expr(q.cols, c.kind, 0)
		list[i] = fmt.Sprintf("%s AS c%d", exprs[i].sql(names("", len(q.cols))), i)
	}
	return &query{cols, nil, "SELECT " + strings.Join(list, ", ") + " FROM (" + q.sql + ")", func(b bool) [][]any { return project(q.rows(b), exprs) }}
}

func (g *gen) setOp(l, r *query) *query {
	r = g.like(r, l.cols)
	op := pick(g, []string{"UNION ALL", "UNION ALL", "UNION", "INTERSECT", "EXCEPT"})
	cols := make([]column, len(l.cols))
	for i, c := range l.cols {
		cols[i] = column{kind: c.kind}
	}
	return &query{cols, nil, "(" + l.sql + ") " + op + " (" + r.sql + ")", func(b bool) [][]any {
		left, right := l.rows(b), r.rows(b)
		if op == "UNION ALL" {
			return append(slices.Clone(left), right...)
		}
		if op == "UNION" {
			return unique(append(slices.Clone(left), right...))
		}
		has := map[string]bool{}
		for _, x := range right {
			has[strings.Join(texts(x), "|")] = true
		}
		return slices.DeleteFunc(unique(left), func(x []any) bool {
			return has[strings.Join(texts(x), "|")] != (op == "INTERSECT")
		})
	}}
}

// aggregate groups by up to two columns, or by none.
func (g *gen) aggregate(in *query) *query {
	var keys []int
	for range g.n(3) {
		if c := g.n(len(in.cols)); !slices.Contains(keys, c) {
			keys = append(keys, c)
		}
	}
	out := &query{}
	src := names("", len(in.cols))
	var list, by []string
	for i, k := range keys {
		out.cols = append(out.cols, in.cols[k])
		list = append(list, fmt.Sprintf("%s AS c%d", src[k], i))
		by = append(by, src[k])
		if in.cols[k].notNull {
			out.key = append(out.key, i)
		}
	}
	if len(out.key) < len(keys) || len(keys) == 0 {
		out.key = nil
	}
	var aggs []agg
	for range 1 + g.n(3) {
		a := g.agg(in.cols)
		list = append(list, fmt.Sprintf("%s AS c%d", a.sql, len(out.cols)))
		out.cols = append(out.cols, a.column)
		aggs = append(aggs, a)
	}
	out.sql = "SELECT " + strings.Join(list, ", ") + " FROM (" + in.sql + ")"
	rollup := len(keys) > 0 && g.one(6)
	switch {
	case rollup:
		out.sql += " GROUP BY ROLLUP (" + strings.Join(by, ", ") + ")"
		out.key = nil
		for i := range keys {
			out.cols[i].notNull = false
		}
	case len(keys) > 0:
		out.sql += " GROUP BY " + strings.Join(by, ", ")
	}
	out.rows = func(b bool) [][]any {
		rows := group(in.rows(b), keys, aggs, b)
		for n := len(keys) - 1; n >= 0 && rollup; n-- {
			for _, r := range group(in.rows(b), keys[:n], aggs, b) {
				r = slices.Insert(r, n, make([]any, len(keys)-n)...)
				rows = append(rows, r)
			}
		}
		return rows
	}
	return out
}

func group(rows [][]any, keys []int, aggs []agg, batch bool) [][]any {
	var order []string
	groups := map[string][][]any{}
	if len(keys) == 0 && batch {
		order, groups[""] = []string{""}, nil
	}
	for _, r := range rows {
		var k []any
		for _, c := range keys {
			k = append(k, r[c])
		}
		t := strings.Join(texts(k), "|")
		if _, ok := groups[t]; !ok {
			order = append(order, t)
		}
		groups[t] = append(groups[t], r)
	}
	var out [][]any
	for _, t := range order {
		rows := groups[t]
		var o []any
		for _, c := range keys {
			o = append(o, rows[0][c])
		}
		for _, a := range aggs {
			o = append(o, a.of(rows))
		}
		out = append(out, o)
	}
	return out
}

// agg is an aggregate: its SQL and its value over the rows of a group.
type agg struct {
	column
	sql string
	of  func(rows [][]any) any
}

func (g *gen) agg(cols []column) agg {
	src := names("", len(cols))
	filter, keep := "", rexpr{val: func([]any) any { return true }}
	if g.one(4) {
		keep = g.cond(cols, 1)
		filter = " FILTER (WHERE " + keep.sql(src) + ")"
	}
	if g.one(4) {
		return agg{column{kBig, true}, "COUNT(*)" + filter, func(rows [][]any) any { return int64(len(where(rows, keep))) }}
	}
	f := pick(g, []string{"COUNT", "SUM", "MIN", "MAX", "AVG"})
	x := g.expr(cols, kInt, 1)
	if f != "SUM" && f != "AVG" && g.one(2) {
		x = g.expr(cols, kStr, 1)
	}
	distinct := ""
	if g.one(3) {
		distinct = "DISTINCT "
	}
	c := column{kind: x.kind}
	if f == "COUNT" {
		c = column{kBig, true}
	}
	return agg{c, f + "(" + distinct + x.sql(src) + ")" + filter, func(rows [][]any) any {
		var vals []any
		for _, r := range where(rows, keep) {
			if v := x.val(r); v != nil && !(distinct != "" && slices.Contains(vals, v)) {
				vals = append(vals, v)
			}
		}
		return fold(f, vals)
	}}
}

func fold(f string, vals []any) any {
	switch {
	case f == "COUNT":
		return int64(len(vals))
	case len(vals) == 0:
		return nil
	case f == "MIN":
		return slices.MinFunc(vals, order)
	case f == "MAX":
		return slices.MaxFunc(vals, order)
	}
	sum := int64(0)
	for _, v := range vals {
		sum += v.(int64)
	}
	if f == "AVG" {
		return sum / int64(len(vals))
	}
	return sum
}
