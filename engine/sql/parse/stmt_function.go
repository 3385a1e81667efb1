package parse

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/token"
)

// createFunction parses from FUNCTION on.
func (p *parser) createFunction(start int, c created) ast.Statement {
	p.expect("FUNCTION")
	n := &ast.CreateFunction{Temporary: c.temporary, System: c.system, OrReplace: c.orReplace, IfNotExists: p.ifNotExists()}
	if c.system {
		n.Name = ast.Name{p.name("a function name")}
	} else {
		n.Name = p.path("a function name")
	}
	p.expect("AS")
	n.Identifier = p.str("the class or path as a string")
	n.Language = p.language()
	if using := p.cur(); p.accept("USING") {
		if n.Language == "SQL" || n.Language == "PYTHON" {
			p.refuse(using.Span, "", "USING does not go with LANGUAGE %s", n.Language)
		}
		n.Resources = list(p, func() ast.Resource {
			r := ast.Resource{Kind: p.expectOneOf("JAR", "ARTIFACT")}
			r.URI = p.str("the address as a string")
			return r
		})
	}
	n.Options = p.with()
	n.Pos = p.at(start)
	return n
}

// ownLanguages are those that mink adds. They are no words of the dialect.
var ownLanguages = []string{"WASM", "GO"}

func (p *parser) language() string {
	if !p.accept("LANGUAGE") {
		return ""
	}
	if t := p.cur(); t.Kind == token.Word && slices.Contains(ownLanguages, strings.ToUpper(t.Text)) {
		p.advance()
		return strings.ToUpper(t.Text)
	}
	return p.expectOneOf("JAVA", "SCALA", "PYTHON", "SQL")
}

func (p *parser) alterFunction(start int) ast.Statement {
	n := &ast.AlterFunction{Temporary: p.accept("TEMPORARY")}
	n.System = n.Temporary && p.accept("SYSTEM")
	p.expect("FUNCTION")
	n.IfExists = p.ifExists()
	n.Name = p.path("a function name")
	p.expect("AS")
	n.Identifier = p.str("the class or path as a string")
	n.Language = p.language()
	n.Pos = p.at(start)
	return n
}

// createModel parses from MODEL on.
func (p *parser) createModel(start int, c created) ast.Statement {
	p.expect("MODEL")
	n := &ast.CreateModel{Temporary: c.temporary, IfNotExists: p.ifNotExists()}
	n.Name = p.path("a model name")
	if p.accept("INPUT") {
		n.Input = p.modelColumns()
	}
	if p.accept("OUTPUT") {
		n.Output = p.modelColumns()
	}
	n.Comment = p.comment()
	n.Options = p.with()
	if p.accept("AS") {
		n.Query = p.query()
	}
	n.Pos = p.at(start)
	return n
}

// modelColumns parses the physical columns of a model.
func (p *parser) modelColumns() []*ast.Column {
	p.expectKind(token.LParen)
	out := list(p, func() *ast.Column {
		start := p.start()
		n := &ast.Column{Name: ast.Name{p.name("a column name")}}
		n.Type = p.typeSpec()
		n.Comment = p.comment()
		n.Pos = p.at(start)
		return n
	})
	p.expectKind(token.RParen)
	return out
}

func (p *parser) callStatement() ast.Statement {
	start := p.start()
	p.expect("CALL")
	at := p.start()
	call := &ast.FuncCall{Name: p.procedure()}
	p.callArgs(call)
	call.Pos = p.at(at)
	return &ast.Call{Pos: p.at(start), Call: call}
}

// procedure reads the name of a procedure. Those of mink are in the database system,
// a reserved word that Flink would want quoted.
func (p *parser) procedure() ast.Name {
	var n ast.Name
	for {
		if t := p.cur(); t.Word == "SYSTEM" && p.ahead(1).Kind == token.Dot {
			p.advance()
			n = append(n, ast.Identifier{Name: t.Text, Quoted: true, Span: t.Span})
		} else {
			n = append(n, p.name("a procedure"))
		}
		if !p.acceptKind(token.Dot) {
			return n
		}
	}
}

func (p *parser) module() ast.Statement {
	start := p.start()
	load := p.advance().Word == "LOAD"
	p.expect("MODULE")
	name := p.name("a module name")
	if !load {
		return &ast.UnloadModule{Pos: p.at(start), Name: name}
	}
	return &ast.LoadModule{Name: name, Options: p.with(), Pos: p.at(start)}
}

func (p *parser) jar() ast.Statement {
	start := p.start()
	add := p.advance().Word == "ADD"
	p.expect("JAR")
	path := p.str("the path as a string")
	if add {
		return &ast.AddJar{Pos: p.at(start), Path: path}
	}
	return &ast.RemoveJar{Pos: p.at(start), Path: path}
}

func (p *parser) use() ast.Statement {
	start := p.start()
	p.expect("USE")
	switch {
	case p.cur().Word == "CATALOG" && p.ahead(1).Kind != token.Dot && p.ahead(1).Kind != token.EOF && p.ahead(1).Kind != token.Semicolon:
		p.advance()
		return &ast.UseCatalog{Name: p.name("a catalog name"), Pos: p.at(start)}
	case p.accept("MODULES"):
		n := &ast.UseModules{Names: list(p, func() ast.Identifier { return p.name("a module name") })}
		n.Pos = p.at(start)
		return n
	}
	return &ast.UseDatabase{Name: p.path("CATALOG, MODULES or a database name"), Pos: p.at(start)}
}

func (p *parser) stop() ast.Statement {
	start := p.start()
	p.expect("STOP", "JOB")
	n := &ast.StopJob{Job: p.str("the job id as a string")}
	if p.acceptSeq("WITH", "SAVEPOINT") {
		n.Savepoint = true
	}
	if drain := p.cur(); p.acceptSeq("WITH", "DRAIN") {
		n.Drain = true
		if !n.Savepoint {
			p.refuse(drain.Span, "write WITH SAVEPOINT WITH DRAIN", "WITH DRAIN goes with WITH SAVEPOINT only")
		}
	}
	n.Pos = p.at(start)
	return n
}
