package parse

import (
	"regexp"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/token"
)

// startWords are the words a statement begins with.
var startWords = []string{
	"SELECT", "WITH", "VALUES", "INSERT", "CREATE", "ALTER", "DROP", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "USE", "SET",
	"RESET", "EXECUTE", "BEGIN", "END", "TABLE", "LOAD", "UNLOAD", "ADD", "REMOVE", "CALL", "COMPILE", "ANALYZE", "STOP",
	"TRUNCATE", "UPDATE", "DELETE", "REPLACE", "MERGE",
}

// statement parses one statement, up to but without its semicolon.
func (p *parser) statement() ast.Statement {
	start := p.start()
	t := p.cur()
	if t.Kind == token.LParen || p.queryAhead() {
		q := p.query()
		return &ast.QueryStatement{Pos: p.at(start), Query: q}
	}
	switch t.Word {
	case "TABLE":
		q := p.query()
		return &ast.QueryStatement{Pos: p.at(start), Query: q}
	case "INSERT", "UPSERT":
		return p.insert()
	case "CREATE":
		return p.create()
	case "REPLACE":
		p.advance()
		return p.createTable(start, created{replace: true})
	case "ALTER":
		return p.alter()
	case "DROP":
		return p.drop()
	case "SHOW":
		return p.show()
	case "DESCRIBE", "DESC":
		return p.describe()
	case "EXPLAIN":
		return p.explain()
	case "EXECUTE":
		return p.execute()
	case "USE":
		return p.use()
	case "SET":
		p.advance()
		n := &ast.Set{}
		if p.isBare(bareSetting) {
			n.Key = p.bare("=")
			p.expectKind(token.Eq)
			if n.Value = p.bareString(); !n.Value.Set {
				n.Value = p.bare("")
			}
		} else if p.isSetting() {
			n.Key = p.str("")
			p.expectKind(token.Eq)
			n.Value = p.str("the value as a string")
		}
		n.Pos = p.at(start)
		return n
	case "RESET":
		p.advance()
		n := &ast.Reset{}
		if p.isBare(bareKey) {
			n.Key = p.bare("")
		} else if p.isSetting() {
			n.Key = p.str("")
		}
		n.Pos = p.at(start)
		return n
	case "BEGIN":
		p.advance()
		p.expect("STATEMENT", "SET")
		return &ast.BeginStatementSet{Pos: p.at(start)}
	case "END":
		p.advance()
		return &ast.EndStatementSet{Pos: p.at(start)}
	case "UPDATE":
		return p.update()
	case "DELETE":
		return p.delete()
	case "MERGE":
		return p.merge()
	case "TRUNCATE":
		p.advance()
		p.expect("TABLE")
		return &ast.TruncateTable{Name: p.path("a table name"), Pos: p.at(start)}
	case "CALL":
		return p.callStatement()
	case "LOAD", "UNLOAD":
		return p.module()
	case "ADD", "REMOVE":
		return p.jar()
	case "COMPILE":
		return p.compile()
	case "ANALYZE":
		return p.analyze()
	case "STOP":
		return p.stop()
	}
	p.want = p.want[:0]
	if t.Kind == token.EOF || t.Kind == token.Semicolon {
		p.fail("a statement")
		return nil
	}
	e := p.fail("a statement")
	if e.Hint == "" && t.Kind == token.Word && t.Word == "" {
		if s := diag.Suggest(upper(t.Text), startWords); s != "" {
			e.Hint = "did you mean " + s + "?"
		}
	}
	return nil
}

// Keys may stand without quotes, and values behind such keys: text up to white space
// or a semicolon.
var (
	bareSetting = regexp.MustCompile(`^[^'"=;\s]+\s*=\s*[^;\s]`)
	bareKey     = regexp.MustCompile(`^[^'"=;\s]+`)
)

// isBare reports whether a word comes next, and text of a form with it.
func (p *parser) isBare(form *regexp.Regexp) bool {
	t := p.cur()
	return t.Kind == token.Word && form.MatchString(p.text[t.Span.Start:])
}

// bare takes the text up to white space, a semicolon or a byte of stop.
func (p *parser) bare(stop string) ast.String {
	start := p.start()
	if p.err != nil {
		return ast.String{}
	}
	end := start
	for end < len(p.text) && !strings.ContainsRune(stop+" \t\r\n\f\v;", rune(p.text[end])) {
		end++
	}
	p.toks = p.toks[:p.pos]
	p.lex.Seek(end)
	p.end = end
	return ast.String{Value: p.text[start:end], Set: true, Span: p.span(start)}
}

// bareString takes the string behind a key without quotes, in which no quote stands.
func (p *parser) bareString() ast.String {
	if t := p.cur(); t.Kind == token.String && !strings.Contains(p.text[t.Span.Start+1:t.Span.End-1], "'") {
		return p.str("")
	}
	return ast.String{}
}

// isSetting reports whether a key follows SET or RESET, and says what is wrong with
// one that is no string.
func (p *parser) isSetting() bool {
	t := p.cur()
	if t.IsString() {
		return true
	}
	if t.Kind == token.Word || t.Kind == token.Quoted {
		p.fail("the key as a string").Hint = "keys and values are strings: SET 'key' = 'value'"
	}
	return false
}

func upper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

// created is what stood between CREATE and the kind of object.
type created struct {
	orReplace bool // OR REPLACE
	orAlter   bool // OR ALTER
	replace   bool // REPLACE instead of CREATE
	temporary bool
	system    bool
}

// create parses CREATE ...
func (p *parser) create() ast.Statement {
	start := p.start()
	p.expect("CREATE")
	var c created
	or := p.cur()
	if p.accept("OR") {
		switch p.expectOneOf("REPLACE", "ALTER") {
		case "REPLACE":
			c.orReplace = true
		case "ALTER":
			c.orAlter = true
		}
	}
	temp := p.cur()
	c.temporary = p.accept("TEMPORARY")
	system := p.cur()
	c.system = p.accept("SYSTEM")
	kind := p.cur()
	if c.orAlter && kind.Word != "MATERIALIZED" {
		p.want = p.want[:0]
		p.fail("MATERIALIZED TABLE")
		return nil
	}
	if c.system {
		switch {
		case kind.Word != "FUNCTION" && kind.Word != "CONNECTION":
			p.fail("FUNCTION")
			return nil
		case !c.temporary:
			p.refuse(system.Span, "write CREATE TEMPORARY SYSTEM "+kind.Word, "a system %s must be temporary", lower(kind.Word))
			return nil
		}
	}
	switch kind.Word {
	case "CATALOG":
		p.advance()
		n := &ast.CreateCatalog{IfNotExists: p.ifNotExists()}
		n.Name = p.name("a catalog name")
		n.Comment = p.comment()
		n.Options = p.with()
		n.Pos = p.at(start)
		return n
	case "DATABASE":
		p.advance()
		n := &ast.CreateDatabase{IfNotExists: p.ifNotExists()}
		n.Name = p.path("a database name")
		n.Comment = p.comment()
		n.Options = p.with()
		n.Pos = p.at(start)
		return n
	case "TABLE":
		return p.createTable(start, c)
	case "MATERIALIZED":
		if c.orReplace || c.temporary {
			bad := or
			if c.temporary {
				bad = temp
			}
			p.refuse(bad.Span, "", "a materialized table can be neither TEMPORARY nor REPLACEd")
			return nil
		}
		return p.createMaterialized(start, c)
	case "VIEW":
		return p.createView(start, c)
	case "FUNCTION":
		return p.createFunction(start, c)
	case "MODEL":
		return p.createModel(start, c)
	case "CONNECTION":
		p.advance()
		n := &ast.CreateConnection{Temporary: c.temporary, System: c.system, IfNotExists: p.ifNotExists()}
		n.Name = p.path("a connection name")
		n.Comment = p.comment()
		p.expect("WITH")
		n.Options = p.options()
		n.Pos = p.at(start)
		return n
	}
	p.want = append(p.want[:0], "TABLE", "VIEW", "DATABASE", "CATALOG", "FUNCTION", "MODEL")
	p.fail("")
	return nil
}

// drop parses DROP ...
func (p *parser) drop() ast.Statement {
	start := p.start()
	p.expect("DROP")
	temporary := p.accept("TEMPORARY")
	system := p.accept("SYSTEM")
	kind := p.cur()
	if system && kind.Word != "FUNCTION" && kind.Word != "CONNECTION" {
		p.fail("FUNCTION")
		return nil
	}
	switch kind.Word {
	case "CATALOG":
		p.advance()
		n := &ast.DropCatalog{IfExists: p.ifExists()}
		n.Name = p.path("a catalog name")
		n.Pos = p.at(start)
		return n
	case "DATABASE":
		p.advance()
		n := &ast.DropDatabase{IfExists: p.ifExists()}
		n.Name = p.path("a database name")
		n.Cascade = p.oneOf("RESTRICT", "CASCADE") == "CASCADE"
		n.Pos = p.at(start)
		return n
	case "TABLE":
		p.advance()
		n := &ast.DropTable{Temporary: temporary, IfExists: p.ifExists()}
		n.Name = p.path("a table name")
		n.Pos = p.at(start)
		return n
	case "MATERIALIZED":
		if temporary {
			p.refuse(kind.Span, "", "a materialized table cannot be TEMPORARY")
			return nil
		}
		p.advance()
		p.expect("TABLE")
		n := &ast.DropMaterializedTable{IfExists: p.ifExists()}
		n.Name = p.path("a table name")
		n.Pos = p.at(start)
		return n
	case "VIEW":
		p.advance()
		n := &ast.DropView{Temporary: temporary, IfExists: p.ifExists()}
		n.Name = p.path("a view name")
		n.Pos = p.at(start)
		return n
	case "FUNCTION":
		p.advance()
		n := &ast.DropFunction{Temporary: temporary, System: system, IfExists: p.ifExists()}
		n.Name = p.path("a function name")
		n.Pos = p.at(start)
		return n
	case "MODEL":
		p.advance()
		n := &ast.DropModel{Temporary: temporary, IfExists: p.ifExists()}
		n.Name = p.path("a model name")
		n.Pos = p.at(start)
		return n
	case "CONNECTION":
		p.advance()
		n := &ast.DropConnection{Temporary: temporary, System: system, IfExists: p.ifExists()}
		n.Name = p.path("a connection name")
		n.Pos = p.at(start)
		return n
	}
	p.want = append(p.want[:0], "TABLE", "VIEW", "DATABASE", "CATALOG", "FUNCTION", "MODEL")
	p.fail("")
	return nil
}

// alter parses ALTER ...
func (p *parser) alter() ast.Statement {
	start := p.start()
	p.expect("ALTER")
	switch w := p.cur().Word; w {
	case "CATALOG":
		p.advance()
		n := &ast.AlterCatalog{Name: p.name("a catalog name")}
		switch p.expectOneOf("SET", "RESET", "COMMENT") {
		case "SET":
			n.Options = p.options()
		case "RESET":
			n.Kind, n.Keys = ast.AlterReset, p.keys()
		case "COMMENT":
			n.Kind, n.Comment = ast.AlterComment, p.str("the comment as a string")
		}
		n.Pos = p.at(start)
		return n
	case "DATABASE":
		p.advance()
		n := &ast.AlterDatabase{Name: p.path("a database name")}
		p.expect("SET")
		n.Options = p.options()
		n.Pos = p.at(start)
		return n
	case "TABLE":
		p.advance()
		n := &ast.AlterTable{IfExists: p.ifExists()}
		n.Name = p.path("a table name")
		n.Action = p.tableAction()
		n.Pos = p.at(start)
		return n
	case "MATERIALIZED":
		p.advance()
		p.expect("TABLE")
		n := &ast.AlterMaterializedTable{Name: p.path("a table name")}
		n.Action = p.materializedAction()
		n.Pos = p.at(start)
		return n
	case "VIEW":
		p.advance()
		n := &ast.AlterView{Name: p.path("a view name")}
		if p.expectOneOf("RENAME", "AS") == "RENAME" {
			p.expect("TO")
			n.Kind, n.To = ast.AlterRename, p.path("the new name")
		} else {
			n.Kind, n.Query = ast.AlterAsQuery, p.query()
		}
		n.Pos = p.at(start)
		return n
	case "TEMPORARY", "FUNCTION":
		return p.alterFunction(start)
	case "MODEL":
		p.advance()
		n := &ast.AlterModel{IfExists: p.ifExists()}
		n.Name = p.path("a model name")
		n.Kind, n.Options, n.Keys, n.To = p.alterOptions()
		n.Pos = p.at(start)
		return n
	case "CONNECTION":
		p.advance()
		n := &ast.AlterConnection{IfExists: p.ifExists()}
		n.Name = p.path("a connection name")
		n.Kind, n.Options, n.Keys, n.To = p.alterOptions()
		n.Pos = p.at(start)
		return n
	case "SYSTEM", "SESSION":
		return p.setOption(start)
	}
	p.want = append(p.want[:0], "TABLE", "VIEW", "DATABASE", "CATALOG", "FUNCTION", "MODEL")
	p.fail("")
	return nil
}

// alterOptions parses SET (...), RESET (...) or RENAME TO name.
func (p *parser) alterOptions() (kind ast.AlterKind, options []ast.Option, keys []ast.String, to ast.Name) {
	switch p.expectOneOf("SET", "RESET", "RENAME") {
	case "SET":
		return ast.AlterSet, p.options(), nil, nil
	case "RESET":
		return ast.AlterReset, nil, p.keys(), nil
	}
	p.expect("TO")
	return ast.AlterRename, nil, nil, p.path("the new name")
}

// setOption parses ALTER SYSTEM|SESSION SET name = value and RESET name.
func (p *parser) setOption(start int) ast.Statement {
	n := &ast.SetOption{Scope: p.advance().Word}
	if p.expectOneOf("SET", "RESET") == "RESET" {
		if t := p.cur(); t.Word == "ALL" {
			p.advance()
			n.Name = ast.Name{{Name: "ALL", Span: t.Span}}
		} else {
			n.Name = p.path("an option's name")
		}
		n.Pos = p.at(start)
		return n
	}
	n.Name = p.path("an option's name")
	p.expectKind(token.Eq)
	switch t := p.cur(); {
	case t.Word == "ON" || t.IsName():
		p.advance()
		n.Value = &ast.ColumnRef{Pos: ast.Pos{At: t.Span}, Name: ast.Name{{Name: t.Name(), Quoted: t.Kind == token.Quoted, Span: t.Span}}}
	default:
		n.Value = p.literal("a literal or a name")
	}
	n.Pos = p.at(start)
	return n
}
