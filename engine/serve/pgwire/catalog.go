package pgwire

import (
	"context"
	"hash/fnv"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/sql/token"
	"github.com/minkstream/mink/engine/types"
)

// What clients ask of pg_catalog is answered from mink's information_schema. Their queries
// are not run: the first table behind FROM says what the rows are, each column of the
// list is looked up by its expression among what is known of a row (NULL where it is not),
// and comparisons of a column with constants in WHERE choose rows. That covers what psql's
// commands and drivers ask, which are fixed texts.

// ownCatalog answers a query over tables of pg_catalog; nil for other queries.
func (c *conn) ownCatalog(sql string, toks []token.Token) (*own, error) {
	items := selectItems(sql, toks)
	if len(items) < 2 || !items[len(items)-1].from {
		return nil, nil
	}
	rest := items[len(items)-1].toks
	items = items[:len(items)-1]
	rel := relation(rest)
	if !strings.HasPrefix(rel, "pg_") {
		return nil, nil
	}
	rows, err := c.catalogRows(rel, rest)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(r facts) bool { return !passes(r, rest) })
	schema := make(types.Schema, len(items))
	data := make([][]any, len(rows))
	for i := range data {
		data[i] = make([]any, len(items))
	}
	for k, it := range items {
		schema[k] = types.Field{Name: it.name, Type: types.StringT}
		for i, r := range rows {
			v, ok := c.valueIn(r, it)
			if !ok {
				v = nil
			}
			data[i][k] = v
			if v != nil {
				schema[k].Type = typeOfValue(v)
			}
		}
		if len(rows) == 0 && strings.HasSuffix(it.expr, "oid") {
			schema[k].Type = types.IntT
		}
	}
	return table("SELECT", schema, data), nil
}

// facts are what is known of a row of pg_catalog, by column.
type facts map[string]any

// relation is the first table behind FROM.
func relation(toks []token.Token) string {
	for i := 1; i < len(toks); i++ {
		t := toks[i]
		if t.Kind != token.Word && t.Kind != token.Quoted {
			if t.Kind == token.LParen {
				continue
			}
			return ""
		}
		if i+1 < len(toks) && toks[i+1].Kind == token.Dot {
			i++
			continue
		}
		return plainName(t)
	}
	return ""
}

func (c *conn) catalogRows(rel string, rest []token.Token) ([]facts, error) {
	switch rel {
	case "pg_class", "pg_tables", "pg_views", "pg_matviews":
		return c.classes(rel, plainExpr(rest))
	case "pg_attribute":
		return c.attributes()
	case "pg_namespace":
		rows, err := c.ask("SELECT schema_name, remarks FROM information_schema.`schemata`")
		var out []facts
		for _, r := range rows {
			out = append(out, facts{"oid": oidOf(r[0]), "nspname": r[0], "nspowner": 10, "owner": c.user, "comment": text0(r[1])})
		}
		return out, err
	case "pg_database":
		rows, err := c.ask("SHOW DATABASES")
		var out []facts
		for _, r := range rows {
			out = append(out, facts{
				"oid": oidOf(r[0]), "datname": r[0], "datdba": 10, "owner": c.user, "encoding": 6, "pg_encoding_to_char(encoding)": "UTF8", "datcollate": "C.UTF-8",
				"datctype": "C.UTF-8", "datistemplate": false, "datallowconn": true,
			})
		}
		return out, err
	case "pg_type":
		return typeRows(), nil
	case "pg_roles", "pg_user":
		return []facts{{"oid": 10, "rolname": c.user, "usename": c.user, "rolsuper": true, "usesuper": true, "rolinherit": true, "rolcanlogin": true}}, nil
	case "pg_settings":
		var out []facts
		for _, p := range parameters {
			out = append(out, facts{"name": p.name, "setting": c.setting(p.name)})
		}
		return out, nil
	}
	return nil, nil // there are none of these here: indexes, triggers, policies, ...
}

// classes are the tables and views.
func (c *conn) classes(rel, rest string) ([]facts, error) {
	rows, err := c.ask("SELECT table_schema, table_name, table_type, remarks FROM information_schema.`tables`")
	if err != nil {
		return nil, err
	}
	here := ""
	if strings.Contains(rest, "pg_table_is_visible") && !strings.Contains(rest, "nspname='") && !strings.Contains(rest, "nspname operator(~)") {
		here = c.current()
	}
	var out []facts
	for _, r := range rows {
		if here != "" && r[0] != here {
			continue
		}
		kind, label := "r", "table"
		switch r[2] {
		case "VIEW":
			kind, label = "v", "view"
		case "MATERIALIZED TABLE":
			kind, label = "m", "materialized view"
		}
		if rel == "pg_tables" && kind != "r" || rel == "pg_views" && kind != "v" || rel == "pg_matviews" && kind != "m" {
			continue
		}
		persistence := "p"
		if r[2] == "LOCAL TEMPORARY" {
			persistence = "t"
		}
		out = append(out, facts{
			"oid": oidOf(r[0], r[1]), "relname": r[1], "tablename": r[1], "viewname": r[1], "matviewname": r[1], "nspname": r[0], "schemaname": r[0],
			"relnamespace": oidOf(r[0]), "relkind": kind, "kind": label, "owner": c.user, "relowner": 10, "relpersistence": persistence, "comment": text0(r[3]),
			"relchecks": 0, "relhasindex": false, "relhasrules": false, "relhastriggers": false, "relrowsecurity": false,
			"relforcerowsecurity": false, "relhasoids": false, "relispartition": false, "reltablespace": 0, "relreplident": "d", "reltuples": -1, "relpages": 0,
		})
	}
	slices.SortStableFunc(out, func(a, b facts) int {
		if d := strings.Compare(a["nspname"].(string), b["nspname"].(string)); d != 0 {
			return d
		}
		return strings.Compare(a["relname"].(string), b["relname"].(string))
	})
	return out, nil
}

// attributes are the columns of all tables.
func (c *conn) attributes() ([]facts, error) {
	rows, err := c.ask("SELECT table_schema, table_name, column_name, ordinal_position, is_nullable, data_type, generation_expression, remarks FROM information_schema.`columns`")
	var out []facts
	for _, r := range rows {
		n, _ := strconv.Atoi(r[3])
		f := facts{
			"attrelid": oidOf(r[0], r[1]), "relname": r[1], "nspname": r[0], "attname": r[2], "attnum": n, "attnotnull": r[4] == "NO", "format_type": strings.ToLower(r[5]),
			"typname": strings.ToLower(r[5]), "attisdropped": false, "attidentity": "", "attgenerated": "", "atthasdef": false, "comment": text0(r[7]),
		}
		if r[6] != "" {
			f["attgenerated"], f["atthasdef"], f["default"] = "s", true, r[6]
		}
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b facts) int { return a["attnum"].(int) - b["attnum"].(int) })
	return out, err
}

// typeRows are the types of Postgres that values here have.
func typeRows() []facts {
	names := map[string]uint32{
		"bool": 16, "bytea": 17, "int8": 20, "int2": 21, "int4": 23, "text": 25, "float4": 700, "float8": 701, "bpchar": 1042, "varchar": 1043, "date": 1082,
		"time": 1083, "timestamp": 1114, "timestamptz": 1184, "interval": 1186, "numeric": 1700, "jsonb": 3802,
	}
	var out []facts
	add := func(name string, oid, elem uint32, category string) {
		out = append(out, facts{
			"oid": int(oid), "typname": name, "nspname": "pg_catalog", "typtype": "b", "typcategory": category, "typelem": int(elem), "elemtypoid": int(elem),
			"typnotnull": false, "typrelid": 0, "typlen": -1, "typbasetype": 0, "typdelim": ",",
		})
	}
	for name, oid := range names {
		add(name, oid, 0, "U")
		add("_"+name, arrayOf[oid], oid, "A")
	}
	slices.SortFunc(out, func(a, b facts) int { return a["oid"].(int) - b["oid"].(int) })
	return out
}

// valueIn is the value of a column of the list in a row.
func (c *conn) valueIn(r facts, it item) (any, bool) {
	e := it.expr
	if v, ok := r[e]; ok {
		return v, true
	}
	if v, ok := literalValue(it.toks); ok {
		return v, true
	}
	if v, ok := c.sessionValue(e); ok {
		return v, true
	}
	has := func(s string) bool { return strings.Contains(e, s) }
	switch {
	case has("pg_get_userbyid("):
		return r["owner"], true
	case strings.HasPrefix(e, "case") && has("relkind"):
		label, _ := r["kind"].(string)
		if has("'TABLE'") {
			label = strings.ToUpper(label)
		}
		return label, true
	case has("obj_description(") || has("col_description(") || has("description"):
		return r["comment"], true
	case strings.HasPrefix(e, "format_type("):
		return r["format_type"], true
	case has("pg_get_expr("):
		return r["default"], true
	case strings.HasPrefix(e, "quote_ident("):
		return r[strings.TrimSuffix(strings.TrimPrefix(e, "quote_ident("), ")")], true
	case has("is_visible("):
		return true, true
	case strings.HasPrefix(e, "case") && has("reloftype"):
		return "", true
	case e == "count(*)":
		return nil, false
	}
	// oid::regclass and the like.
	if name, _, ok := strings.Cut(e, "::"); ok {
		v, ok := r[name]
		return v, ok
	}
	return nil, false
}

// passes reports whether a row meets the comparisons of its columns with constants in
// WHERE: column = 'x', <>, LIKE, ~ and IN. Others are taken to hold.
func passes(r facts, toks []token.Token) bool {
	where := slices.IndexFunc(toks, func(t token.Token) bool { return t.Word == "WHERE" })
	if where < 0 {
		return true
	}
	for i := where + 1; i < len(toks); i++ {
		t := toks[i]
		if t.Kind != token.Word && t.Kind != token.Quoted || i+2 >= len(toks) {
			continue
		}
		v, ok := r[plainName(t)]
		if !ok {
			continue
		}
		op, next := comparison(toks, i+1)
		if op == "" || next >= len(toks) {
			continue
		}
		if !compares(shownValue(v), op, toks[next:]) {
			return false
		}
	}
	return true
}

// comparison reads the operator at token i: "=", "<>", "~", "!~", "LIKE", "IN", "NOT IN" or
// "", and the token behind it.
func comparison(toks []token.Token, i int) (string, int) {
	word := func(k int) string {
		if k < len(toks) {
			return strings.ToUpper(toks[k].Text)
		}
		return ""
	}
	switch toks[i].Kind {
	case token.Eq:
		return "=", i + 1
	case token.Ne, token.BangEq:
		return "<>", i + 1
	}
	switch w := word(i); w {
	case "LIKE", "IN":
		return w, i + 1
	case "NOT":
		if word(i+1) == "IN" {
			return "NOT IN", i + 2
		}
	case "~":
		return "~", i + 1
	case "!":
		if word(i+1) == "~" {
			return "!~", i + 2
		}
	case "!~":
		return "!~", i + 1
	case "OPERATOR":
		// OPERATOR(pg_catalog.~)
		for k := i + 1; k < len(toks); k++ {
			if toks[k].Kind == token.RParen {
				return toks[k-1].Text, k + 1
			}
		}
	}
	return "", i
}

// compares reports whether a value meets an operator with the constants at toks.
func compares(v, op string, toks []token.Token) bool {
	constant := func(t token.Token) (string, bool) {
		c, ok := literalValue([]token.Token{t})
		return shownValue(c), ok && c != nil
	}
	if op == "IN" || op == "NOT IN" {
		if toks[0].Kind != token.LParen {
			return true
		}
		for _, t := range toks[1:] {
			if t.Kind == token.RParen {
				break
			}
			s, ok := constant(t)
			if !ok && t.Kind != token.Comma {
				return true // a query, or an expression
			}
			if ok && s == v {
				return op == "IN"
			}
		}
		return op == "NOT IN"
	}
	s, ok := constant(toks[0])
	if !ok {
		return true
	}
	switch op {
	case "=":
		return v == s
	case "<>":
		return v != s
	case "LIKE":
		return like(v, s)
	}
	re, err := regexp.Compile(s)
	return err != nil || re.MatchString(v) == (op == "~")
}

// like matches a pattern with %, _ and backslashes.
func like(v, pattern string) bool {
	var re strings.Builder
	re.WriteString("(?s)^")
	for i := 0; i < len(pattern); i++ {
		switch p := pattern[i]; {
		case p == '\\' && i+1 < len(pattern):
			i++
			re.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		case p == '%':
			re.WriteString(".*")
		case p == '_':
			re.WriteString(".")
		default:
			re.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		}
	}
	m, err := regexp.MatchString(re.String()+"$", v)
	return err == nil && m
}

func shownValue(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// oidOf is a number for a name, the same each time.
func oidOf(name ...string) int {
	h := fnv.New32a()
	for _, n := range name {
		_, _ = io.WriteString(h, n+"\x00")
	}
	return int(h.Sum32()&0x3fffffff) + 16384
}

// text0 is NULL for an empty text.
func text0(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// texts are all rows of an operation, NULL as "".
func texts(ctx context.Context, op gateway.Operation) ([][]string, error) {
	var out [][]string
	for {
		b, err := op.Next(ctx)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		for i := range b.Rows() {
			lane := b.Lane(i)
			row := make([]string, len(b.Cols))
			for k := range b.Cols {
				if !b.Cols[k].IsNull(lane) {
					row[k] = string(kernel.AppendText(nil, &b.Cols[k], lane, nil))
				}
			}
			out = append(out, row)
		}
	}
}
