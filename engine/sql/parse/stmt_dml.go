package parse

import (
	"slices"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/token"
)

// insert parses INSERT and UPSERT.
func (p *parser) insert() *ast.Insert {
	start := p.start()
	n := &ast.Insert{Upsert: p.expectOneOf("INSERT", "UPSERT") == "UPSERT"}
	if over := p.cur(); p.expectOneOf("INTO", "OVERWRITE") == "OVERWRITE" {
		n.Overwrite = true
		if n.Upsert {
			p.refuse(over.Span, "", "OVERWRITE goes with INSERT only")
		}
	}
	n.Table = p.path("a table name")
	n.Hints = p.hints()
	if p.accept("PARTITION") {
		n.Partition = p.partition(false)
	}
	if p.isKind(token.LParen) && p.ahead(1).Kind != token.LParen && !p.queryInParens() {
		p.advance()
		n.Columns = list(p, func() ast.Name {
			c := p.path("a column")
			if t := p.cur(); t.Kind == token.Word && p.err == nil {
				p.refuse(t.Span, "", "a type does not stand in the column list of INSERT")
			}
			return c
		})
		p.expectKind(token.RParen)
	}
	n.Query = p.query()
	if p.accept("ON") {
		p.expect("CONFLICT", "DO")
		switch p.expectOneOf("ERROR", "NOTHING", "DEDUPLICATE") {
		case "ERROR":
			n.Conflict = ast.ConflictError
		case "NOTHING":
			n.Conflict = ast.ConflictNothing
		case "DEDUPLICATE":
			n.Conflict = ast.ConflictDeduplicate
		}
	}
	n.Pos = p.at(start)
	return n
}

// queryInParens reports whether a query stands behind the parenthesis that comes
// next.
func (p *parser) queryInParens() bool {
	switch p.ahead(1).Word {
	case "SELECT", "VALUES", "VALUE", "WITH", "TABLE":
		return true
	}
	return false
}

func (p *parser) update() ast.Statement {
	start := p.start()
	p.expect("UPDATE")
	n := &ast.Update{Table: p.path("a table name")}
	n.Hints = p.hints()
	n.Alias = p.alias("a name for the table")
	p.expect("SET")
	n.Set = list(p, func() ast.Assignment {
		a := ast.Assignment{Column: ast.Name{p.name("a column")}}
		p.expectKind(token.Eq)
		a.Value = p.expr()
		return a
	})
	if p.accept("WHERE") {
		n.Where = p.expr()
	}
	n.Pos = p.at(start)
	return n
}

func (p *parser) delete() ast.Statement {
	start := p.start()
	p.expect("DELETE", "FROM")
	n := &ast.Delete{Table: p.path("a table name")}
	n.Hints = p.hints()
	n.Alias = p.alias("a name for the table")
	if p.accept("WHERE") {
		n.Where = p.expr()
	}
	n.Pos = p.at(start)
	return n
}

func (p *parser) merge() ast.Statement {
	start := p.start()
	p.expect("MERGE", "INTO")
	n := &ast.Merge{Table: p.path("a table name")}
	n.Hints = p.hints()
	n.Alias = p.alias("a name for the table")
	p.expect("USING")
	n.Using = p.tableRef()
	p.expect("ON")
	n.On = p.expr()
	if p.acceptSeq("WHEN", "MATCHED") {
		p.expect("THEN", "UPDATE", "SET")
		n.Update = list(p, func() ast.Assignment {
			a := ast.Assignment{Column: p.path("a column")}
			p.expectKind(token.Eq)
			a.Value = p.expr()
			return a
		})
	}
	if n.Update == nil || p.is("WHEN") {
		p.expect("WHEN", "NOT", "MATCHED", "THEN", "INSERT")
		n.Insert = p.mergeInsert()
	}
	n.Pos = p.at(start)
	return n
}

func (p *parser) mergeInsert() *ast.MergeInsert {
	m := &ast.MergeInsert{}
	if p.isKind(token.LParen) && p.ahead(1).Word != "VALUES" {
		m.Columns = p.names("a column")
	}
	parens := p.acceptKind(token.LParen)
	p.expect("VALUES")
	m.Row = p.valuesRow()
	if parens {
		p.expectKind(token.RParen)
	}
	return m
}

// statementSet parses STATEMENT SET BEGIN insert; ... END.
func (p *parser) statementSet() *ast.StatementSet {
	start := p.start()
	p.expect("STATEMENT", "SET", "BEGIN")
	n := &ast.StatementSet{}
	for ok := true; ok; ok = p.err == nil && p.cur().Word != "END" {
		if w := p.cur().Word; w != "INSERT" && w != "UPSERT" && p.err == nil {
			p.want = p.want[:0]
			p.fail("INSERT")
			break
		}
		n.Inserts = append(n.Inserts, p.insert())
		p.expectKind(token.Semicolon)
	}
	p.expect("END")
	n.Pos = p.at(start)
	return n
}

// execute parses EXECUTE of a plan, statement set, insert or query.
func (p *parser) execute() ast.Statement {
	start := p.start()
	p.expect("EXECUTE")
	if p.rare("PLAN") {
		p.advance()
		return &ast.ExecutePlan{File: p.str("the file as a string"), Pos: p.at(start)}
	}
	s := p.executable("STATEMENT SET, INSERT, PLAN or a query")
	return &ast.Execute{Pos: p.at(start), Statement: s}
}

// executable parses a statement set, an insert or a query.
func (p *parser) executable(what string) ast.Statement {
	start := p.start()
	switch t := p.cur(); {
	case t.Word == "STATEMENT":
		return p.statementSet()
	case t.Word == "INSERT" || t.Word == "UPSERT":
		return p.insert()
	case t.Kind == token.LParen || p.queryAhead() || t.Word == "TABLE":
		q := p.query()
		return &ast.QueryStatement{Pos: p.at(start), Query: q}
	}
	p.want = p.want[:0]
	p.fail(what)
	return nil
}

// explainDetails are the words that EXPLAIN takes.
var explainDetails = []string{"ESTIMATED_COST", "CHANGELOG_MODE", "PLAN_ADVICE", "JSON_EXECUTION_PLAN"}

func (p *parser) explain() ast.Statement {
	start := p.start()
	p.expect("EXPLAIN")
	n := &ast.Explain{}
	if p.rare("PLAN") {
		p.advance()
		p.expect("FOR")
		n.PlanFor = true
	} else if slices.Contains(explainDetails, p.cur().Word) {
		n.Details = list(p, func() string {
			at := p.cur()
			d := p.expectOneOf(explainDetails...)
			if slices.Contains(n.Details, d) {
				p.errorAt(at.Span, diag.DuplicateName, "%s is given twice", d)
			}
			n.Details = append(n.Details, d)
			return d
		})
	}
	n.Statement = p.explained()
	n.Pos = p.at(start)
	return n
}

// explained parses the statement that EXPLAIN explains.
func (p *parser) explained() ast.Statement {
	t := p.cur()
	switch t.Word {
	case "EXECUTE":
		return p.execute()
	case "CREATE":
		s := p.create()
		switch c := s.(type) {
		case *ast.CreateTable:
			if c.Query != nil {
				return s
			}
		case *ast.CreateMaterializedTable:
			return s
		}
		p.refuse(t.Span, "", "EXPLAIN takes CREATE TABLE with AS and a query only")
		return nil
	case "REPLACE":
		p.advance()
		return p.createTable(t.Span.Start, created{replace: true})
	case "ALTER":
		s := p.alter()
		if a, ok := s.(*ast.AlterMaterializedTable); ok {
			if _, ok := a.Action.(*ast.AsQuery); ok {
				return s
			}
		}
		p.refuse(t.Span, "", "EXPLAIN takes ALTER MATERIALIZED TABLE with AS and a query only")
		return nil
	}
	return p.executable("a query, INSERT or STATEMENT SET")
}

func (p *parser) compile() ast.Statement {
	start := p.start()
	p.expect("COMPILE")
	n := &ast.CompilePlan{}
	if p.accept("AND") {
		p.expect("EXECUTE")
		n.Execute = true
	}
	p.expect("PLAN")
	n.File = p.str("the file as a string")
	if !n.Execute {
		n.IfNotExists = p.ifNotExists()
	}
	p.expect("FOR")
	switch p.cur().Word {
	case "STATEMENT":
		n.Statement = p.statementSet()
	case "INSERT", "UPSERT":
		n.Statement = p.insert()
	default:
		p.want = p.want[:0]
		p.fail("STATEMENT SET or INSERT")
	}
	n.Pos = p.at(start)
	return n
}
