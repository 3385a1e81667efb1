package pgwire

import (
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/sql/token"
	"github.com/minkstream/mink/engine/types"
)

// own is a statement that the server answers itself: what clients of Postgres say of
// transactions, settings and pg_catalog.
type own struct {
	// schema of its rows; nil for none.
	schema types.Schema
	// ends: it is understood in a transaction that failed.
	ends  bool
	start func() (*running, error)
}

// done is a statement without rows.
func done(tag string, f func() error) *own {
	return &own{start: func() (*running, error) {
		if f != nil {
			if err := f(); err != nil {
				return nil, err
			}
		}
		return &running{tag: tag, end: true}, nil
	}}
}

// table is a statement with rows that are there at once.
func table(tag string, schema types.Schema, data [][]any) *own {
	return &own{schema: schema, start: func() (*running, error) {
		r := &running{fields: fieldsOf(schema, false), tag: tag, w: newWriter(nil), cur: rowsOf(schema, data)}
		r.counts = tag == "SELECT"
		return r, nil
	}}
}

// own finds what the server answers itself; nil is for mink.
func (c *conn) own(sql string) (*own, error) {
	toks := lexemes(sql)
	for len(toks) > 0 && toks[len(toks)-1].Kind == token.Semicolon {
		toks = toks[:len(toks)-1]
	}
	if len(toks) == 0 {
		return nil, nil
	}
	at := func(i int) string {
		if i < len(toks) {
			return strings.ToUpper(toks[i].Text)
		}
		return ""
	}
	switch first := at(0); first {
	case "BEGIN", "START":
		if first == "BEGIN" && at(1) == "STATEMENT" || first == "START" && at(1) != "TRANSACTION" {
			return nil, nil
		}
		return done("BEGIN", func() error {
			if c.tx == 'I' {
				c.tx = 'T'
			}
			return nil
		}), nil
	case "COMMIT", "END", "ROLLBACK", "ABORT":
		if first == "END" && c.tx == 'I' {
			return nil, nil // of a statement set
		}
		return c.endTransaction(first, at(1) == "TO" || at(2) == "TO"), nil
	case "SAVEPOINT", "RELEASE", "DISCARD", "UNLISTEN", "CLOSE":
		return done(first, nil), nil
	case "DEALLOCATE":
		name := strings.ToLower(toks[len(toks)-1].Text)
		return done("DEALLOCATE", func() error {
			if name == "all" {
				clear(c.named)
			}
			delete(c.named, name)
			return nil
		}), nil
	case "COPY":
		return nil, stateError{"0A000", "COPY is not understood: INSERT INTO a table, or SELECT from one over files (connector 'filesystem')"}
	case "SET":
		return c.ownSet(toks)
	case "RESET":
		if len(toks) < 2 || toks[1].IsString() {
			return nil, nil
		}
		return done("RESET", func() error {
			if at(1) != "ALL" {
				return c.reset(toks[1].Name())
			}
			for name := range c.set {
				if err := c.reset(name); err != nil {
					return err
				}
			}
			return nil
		}), nil
	case "SHOW":
		return c.ownShow(toks), nil
	case "SELECT":
		if o := c.ownSelect(sql, toks); o != nil {
			return o, nil
		}
		return c.ownCatalog(sql, toks)
	}
	return nil, nil
}

func (c *conn) endTransaction(word string, savepoint bool) *own {
	tag := "ROLLBACK"
	if (word == "COMMIT" || word == "END") && c.tx != 'E' {
		tag = "COMMIT"
	}
	o := done(tag, func() error {
		if savepoint && c.tx == 'E' {
			c.tx = 'T'
		}
		if !savepoint {
			c.tx = 'I'
		}
		return nil
	})
	o.ends = true
	return o
}

// ownSet reads SET as Postgres has it; a key in quotes is mink's.
func (c *conn) ownSet(toks []token.Token) (*own, error) {
	rest := toks[1:]
	if len(rest) == 0 || rest[0].IsString() {
		return nil, nil
	}
	if w := strings.ToUpper(rest[0].Text); (w == "SESSION" || w == "LOCAL") && len(rest) > 1 {
		rest = rest[1:]
	}
	switch strings.ToUpper(rest[0].Text) {
	case "TRANSACTION", "CHARACTERISTICS", "ROLE", "AUTHORIZATION", "CONSTRAINTS":
		return done("SET", nil), nil
	case "NAMES":
		return done("SET", func() error { return c.assign("client_encoding", valueOf(rest[1:])) }), nil
	case "TIME":
		if len(rest) > 2 && strings.EqualFold(rest[1].Text, "zone") {
			return done("SET", func() error { return c.assign("TimeZone", valueOf(rest[2:])) }), nil
		}
	}
	// name, or name.name, then = or TO, then the value.
	var name strings.Builder
	i := 0
	for ; i < len(rest); i++ {
		if t := rest[i]; t.Kind == token.Eq || strings.EqualFold(t.Text, "to") && i > 0 {
			break
		}
		name.WriteString(rest[i].Name())
	}
	if i == 0 || i >= len(rest)-1 {
		return nil, nil
	}
	return done("SET", func() error { return c.assign(name.String(), valueOf(rest[i+1:])) }), nil
}

// valueOf is the value of a setting: words, numbers and strings, separated by commas.
func valueOf(toks []token.Token) string {
	var parts []string
	for _, t := range toks {
		switch {
		case t.Kind == token.Comma:
		case t.IsString():
			s, _ := t.Content()
			parts = append(parts, s)
		case t.Kind == token.Minus:
			parts = append(parts, "-")
			continue
		default:
			parts = append(parts, t.Name())
		}
	}
	return strings.ReplaceAll(strings.Join(parts, ", "), "-, ", "-")
}

// ownShow answers SHOW of a setting; nil for what mink shows.
func (c *conn) ownShow(toks []token.Token) *own {
	var words []string
	for _, t := range toks[1:] {
		words = append(words, strings.ToLower(t.Name()))
	}
	name := strings.Join(words, " ")
	switch name {
	case "time zone":
		name = "timezone"
	case "transaction isolation level":
		name = "transaction_isolation"
	case "all":
		var rows [][]any
		for _, p := range parameters {
			rows = append(rows, []any{p.name, c.setting(p.name), ""})
		}
		return table("SHOW", types.Schema{{Name: "name", Type: types.StringT}, {Name: "setting", Type: types.StringT}, {Name: "description", Type: types.StringT}}, rows)
	}
	p := known(name)
	if p == nil {
		return nil
	}
	return table("SHOW", types.Schema{{Name: p.name, Type: types.StringT}}, [][]any{{c.setting(p.name)}})
}

// ownSelect answers a SELECT without FROM whose columns are functions of Postgres that tell
// of the session; nil when any of them is something else.
func (c *conn) ownSelect(sql string, toks []token.Token) *own {
	var items []item
	for _, it := range selectItems(sql, toks) {
		if it.from {
			return nil
		}
		items = append(items, it)
	}
	var schema types.Schema
	var row []any
	var sets [][2]string
	special := false
	for _, it := range items {
		v, is := c.sessionValue(it.expr)
		if name, value, ok := setConfig(it.expr); ok {
			v, is, sets = value, true, append(sets, [2]string{name, value})
		}
		special = special || is
		if !is {
			lit, ok := literalValue(it.toks)
			if !ok {
				return nil
			}
			v = lit
		}
		row = append(row, v)
		schema = append(schema, types.Field{Name: it.name, Type: typeOfValue(v)})
	}
	if !special {
		return nil
	}
	o := table("SELECT", schema, [][]any{row})
	show := o.start
	o.start = func() (*running, error) {
		for _, p := range sets {
			if err := c.assign(p[0], p[1]); err != nil {
				return nil, err
			}
		}
		return show()
	}
	return o
}

// setConfig reads set_config('name','value',false).
func setConfig(expr string) (name, value string, ok bool) {
	arg, ok := strings.CutPrefix(expr, "set_config('")
	if !ok {
		return "", "", false
	}
	name, rest, ok := strings.Cut(arg, "','")
	value, _, _ = strings.Cut(rest, "'")
	return name, value, ok
}

// sessionValue is the value of a function of Postgres that tells of the session.
func (c *conn) sessionValue(expr string) (any, bool) {
	switch expr {
	case "version()":
		return "PostgreSQL " + serverVersion + " (mink)", true
	case "current_database()", "current_catalog", "current_schema()", "current_schema":
		return c.current(), true
	case "current_schemas(true)", "current_schemas(false)":
		return "{" + c.current() + "}", true
	case "current_user", "session_user", "user", "current_role":
		return c.user, true
	case "pg_backend_pid()":
		return int(c.id), true
	case "pg_is_in_recovery()":
		return false, true
	case "pg_postmaster_start_time()", "inet_server_addr()", "inet_client_addr()", "txid_current()":
		return nil, true
	}
	if arg, ok := strings.CutPrefix(expr, "current_setting('"); ok {
		name, _, _ := strings.Cut(arg, "'")
		return c.setting(name), true
	}
	return nil, false
}

// current is the name of the session's database.
func (c *conn) current() string {
	rows, err := c.ask("SHOW CURRENT DATABASE")
	if err != nil || len(rows) == 0 {
		return ""
	}
	return rows[0][0]
}

// literalValue is the value of a column that is one literal.
func literalValue(toks []token.Token) (any, bool) {
	if len(toks) != 1 {
		return nil, false
	}
	switch t := toks[0]; {
	case t.Kind == token.Integer:
		n, err := strconv.Atoi(t.Text)
		return n, err == nil
	case t.IsString():
		s, err := t.Content()
		return s, err == nil
	case t.Word == "TRUE" || t.Word == "FALSE":
		return t.Word == "TRUE", true
	case t.Word == "NULL":
		return nil, true
	}
	return nil, false
}

func typeOfValue(v any) types.Type {
	switch v.(type) {
	case int:
		return types.IntT
	case bool:
		return types.BooleanT
	}
	return types.StringT
}

// ask runs a statement of mink and returns its rows as text, NULL as "".
func (c *conn) ask(sql string) ([][]string, error) {
	op, err := c.session.Execute(c.ctx, sql)
	if err != nil {
		return nil, err
	}
	defer op.Close()
	return texts(c.ctx, op)
}

// item is a column of a select list.
type item struct {
	name string // what it is called
	// expr is the expression without spaces, names of tables and the schema pg_catalog, in small letters.
	expr string
	toks []token.Token
	from bool // not a column: FROM follows here
}

// selectItems cuts the list of a SELECT into its columns; the last item says where FROM is,
// if it is there.
func selectItems(sql string, toks []token.Token) []item {
	var out []item
	depth, begin, cases := 0, 1, 0
	if len(toks) > 1 && strings.EqualFold(toks[1].Text, "distinct") {
		begin = 2
	}
	end := func(i int) {
		if i > begin {
			out = append(out, itemOf(sql, toks[begin:i]))
		}
		begin = i + 1
	}
	for i := begin; i < len(toks); i++ {
		switch t := toks[i]; {
		case t.Kind == token.LParen || t.Kind == token.LBracket:
			depth++
		case t.Kind == token.RParen || t.Kind == token.RBracket:
			depth--
		case t.Word == "CASE":
			cases++
		case t.Word == "END":
			cases--
		case depth > 0 || cases > 0:
		case t.Kind == token.Comma:
			end(i)
		case t.Word == "FROM":
			end(i)
			return append(out, item{from: true, toks: toks[i:]})
		case t.Word == "WHERE" || t.Word == "LIMIT" || t.Word == "ORDER" || t.Word == "UNION":
			end(i)
			return append(out, item{from: true, toks: nil}) // not for the server
		}
	}
	end(len(toks))
	return out
}

// itemOf reads a column: an expression, and the name behind AS or behind it.
func itemOf(sql string, toks []token.Token) item {
	it := item{toks: toks}
	n := len(toks)
	switch last := toks[n-1]; {
	case n > 2 && toks[n-2].Word == "AS":
		it.name, it.toks = plainName(last), toks[:n-2]
	case n > 1 && (last.Kind == token.Quoted || last.Kind == token.Word && !last.Reserved) && endsOperand(toks[n-2]):
		it.name, it.toks = plainName(last), toks[:n-1]
	}
	it.expr = plainExpr(it.toks)
	if it.name == "" {
		it.name = defaultName(it.toks)
	}
	return it
}

// endsOperand reports tokens behind which a name can only be that of the column.
func endsOperand(t token.Token) bool {
	return t.Kind == token.RParen || t.Kind == token.RBracket || t.Word == "END" || t.IsString() || t.Kind == token.Quoted || t.Kind == token.Word && t.Word == "" || t.Kind == token.Integer
}

func plainName(t token.Token) string {
	if t.Kind == token.Quoted && t.Text[0] == '"' {
		return strings.ReplaceAll(strings.Trim(t.Text, `"`), `""`, `"`)
	}
	if t.Kind == token.Quoted {
		return t.Name()
	}
	return strings.ToLower(t.Text)
}

// defaultName is what Postgres calls a column without a name: the column or the function.
func defaultName(toks []token.Token) string {
	depth := 0
	for i := len(toks) - 1; i >= 0; i-- {
		switch t := toks[i]; {
		case t.Kind == token.RParen:
			depth++
		case t.Kind == token.LParen:
			depth--
		case depth == 0 && (t.Kind == token.Word || t.Kind == token.Quoted):
			if t.Word == "END" {
				return "case"
			}
			return plainName(t)
		}
	}
	return "?column?"
}

// plainExpr writes an expression so that it can be compared.
func plainExpr(toks []token.Token) string {
	var b strings.Builder
	for i := 0; i < len(toks); i++ {
		t := toks[i]
		// The name of a table, or pg_catalog, before a point says nothing here.
		if (t.Kind == token.Word || t.Kind == token.Quoted) && i+1 < len(toks) && toks[i+1].Kind == token.Dot {
			i++
			continue
		}
		switch {
		case t.IsString():
			b.WriteString(t.Text)
		case t.Kind == token.Quoted:
			b.WriteString(plainName(t))
		default:
			b.WriteString(strings.ToLower(t.Text))
		}
		if i+1 < len(toks) && t.Kind == token.Word && toks[i+1].Kind == token.Word {
			b.WriteByte(' ')
		}
	}
	return b.String()
}
