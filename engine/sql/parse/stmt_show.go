package parse

import (
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/token"
)

// show parses SHOW ...
func (p *parser) show() ast.Statement {
	start := p.start()
	p.expect("SHOW")
	n := &ast.Show{}
	switch w := p.cur().Word; w {
	case "CREATE":
		return p.showCreate(start)
	case "CURRENT":
		p.advance()
		what := p.expectOneOf("CATALOG", "DATABASE")
		return &ast.ShowCurrent{Pos: p.at(start), What: what}
	case "USER":
		p.advance()
		n.User = true
		if !p.is("FUNCTIONS") {
			p.fail("")
		}
	case "FULL":
		p.advance()
		n.Full = true
		if !p.is("MODULES") {
			p.fail("")
		}
	}
	n.What = p.expectOneOf("TABLES", "DATABASES", "CATALOGS", "VIEWS", "FUNCTIONS", "COLUMNS", "CREATE", "CURRENT",
		"PROCEDURES", "MODELS", "CONNECTIONS", "MATERIALIZED", "PARTITIONS", "MODULES", "JARS", "JOBS")
	switch n.What {
	case "MATERIALIZED":
		p.expect("TABLES")
		n.What = "MATERIALIZED TABLES"
		p.showFrom(n)
		n.Filter = p.showFilter(false)
	case "CATALOGS":
		n.Filter = p.showFilter(true)
	case "DATABASES", "FUNCTIONS", "PROCEDURES":
		p.showFrom(n)
		n.Filter = p.showFilter(true)
	case "TABLES", "VIEWS", "MODELS", "CONNECTIONS":
		p.showFrom(n)
		n.Filter = p.showFilter(false)
	case "COLUMNS":
		p.showFrom(n)
		if n.Preposition == "" {
			p.fail("")
		}
		n.Filter = p.showFilter(false)
	case "PARTITIONS":
		n.From = p.path("a table name")
		if p.accept("PARTITION") {
			n.Partition = p.partition(false)
		}
	}
	n.Pos = p.at(start)
	return n
}

// showFrom reads FROM or IN and a name.
func (p *parser) showFrom(n *ast.Show) {
	if n.Preposition = p.oneOf("FROM", "IN"); n.Preposition != "" {
		n.From = p.path("a name")
	}
}

// showFilter reads [NOT] LIKE 'pattern', or ILIKE where it is taken.
func (p *parser) showFilter(ilike bool) ast.ShowFilter {
	var f ast.ShowFilter
	f.Not = p.accept("NOT")
	words := []string{"LIKE"}
	if ilike {
		words = append(words, "ILIKE")
	}
	if f.Not {
		f.Kind = p.expectOneOf(words...)
	} else {
		f.Kind = p.oneOf(words...)
	}
	if f.Kind != "" {
		f.Pattern = p.str("the pattern as a string")
	}
	return f
}

func (p *parser) showCreate(start int) ast.Statement {
	p.expect("CREATE")
	n := &ast.ShowCreate{}
	if p.accept("OR") {
		p.expect("ALTER")
		n.OrAlter = true
		if !p.is("MATERIALIZED") {
			p.fail("")
		}
	}
	n.What = p.expectOneOf("TABLE", "VIEW", "CATALOG", "MODEL", "CONNECTION", "MATERIALIZED")
	if n.What == "MATERIALIZED" {
		p.expect("TABLE")
		n.What = "MATERIALIZED TABLE"
	}
	n.Name = p.path("a name")
	n.Pos = p.at(start)
	return n
}

// describe parses DESCRIBE and DESC. A word such as CATALOG is a kind only when a
// name follows it.
func (p *parser) describe() ast.Statement {
	start := p.start()
	full := p.advance().Word == "DESCRIBE"
	n := &ast.Describe{What: "TABLE"}
	t, next := p.cur(), p.ahead(1)
	named := next.IsName() || next.Word == "EXTENDED"
	switch {
	case t.Word == "JOB" && next.IsString():
		p.advance()
		n.What, n.Job = "JOB", p.str("")
		n.Pos = p.at(start)
		return n
	case t.Word == "FUNCTION", named && (t.Word == "CATALOG" || t.Word == "DATABASE" || t.Word == "MODEL" || t.Word == "CONNECTION"):
		p.advance()
		n.What = t.Word
	case full && t.Word == "TABLE" && next.IsName():
		p.advance()
	case full && (p.queryAhead() || t.Kind == token.LParen || t.Word == "INSERT" || t.Word == "STATEMENT"):
		p.accept("STATEMENT")
		s := p.executable("a query or INSERT")
		return &ast.Explain{Pos: p.at(start), PlanFor: true, Statement: s}
	}
	n.Extended = p.accept("EXTENDED")
	n.Name = p.path("a name")
	n.Pos = p.at(start)
	return n
}
