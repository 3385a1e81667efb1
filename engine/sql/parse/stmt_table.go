package parse

import (
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/token"
)

// createTable parses from TABLE on.
func (p *parser) createTable(start int, c created) ast.Statement {
	p.expect("TABLE")
	n := &ast.CreateTable{Temporary: c.temporary, Replace: c.replace || c.orReplace, OrReplace: c.orReplace}
	n.IfNotExists = p.ifNotExists()
	n.Name = p.path("a table name")
	n.Schema = p.schema()
	n.Comment = p.comment()
	n.Distribution = p.distributed()
	n.PartitionedBy = p.partitionedBy()
	if p.rare("USING") {
		p.advance()
		p.expect("CONNECTION")
		n.Connection = p.path("a connection name")
	}
	n.Options = p.with()
	switch {
	case p.accept("LIKE"):
		if n.Replace {
			p.refuse(p.span(p.end), "", "REPLACE TABLE needs AS and a query")
		}
		n.Like = p.tableLike()
	case p.accept("AS"):
		n.Query = p.query()
	case n.Replace:
		p.want = p.want[:0]
		p.fail("AS")
	}
	if n.Query == nil && len(n.Schema.Names) > 0 {
		p.errorAt(n.Schema.Names[0].Span, diag.Syntax, "column %s has no type", n.Schema.Names[0].Name).
			WithHint("names without types stand in CREATE TABLE ... AS query only")
	}
	n.Pos = p.at(start)
	return n
}

// distributed parses DISTRIBUTED BY or INTO, or gives nil.
func (p *parser) distributed() *ast.Distribution {
	if !p.accept("DISTRIBUTED") {
		return nil
	}
	return p.distribution()
}

func (p *parser) distribution() *ast.Distribution {
	start := p.start()
	n := &ast.Distribution{}
	if p.accept("INTO") {
		n.Buckets = p.buckets()
		n.Pos = p.at(start)
		return n
	}
	if !p.accept("BY") {
		p.fail("")
		return n
	}
	n.Kind = p.oneOf("HASH", "RANGE")
	n.Columns = p.names("a column")
	if p.accept("INTO") {
		n.Buckets = p.buckets()
	}
	n.Pos = p.at(start)
	return n
}

// buckets parses n BUCKETS.
func (p *parser) buckets() string {
	t := p.cur()
	switch {
	case t.Kind == token.Integer && strings.Trim(t.Text, "0") != "":
		p.advance()
	case t.Kind == token.Integer || t.Kind == token.Decimal || t.Kind == token.Approx:
		p.refuse(t.Span, "", "the number of buckets must be a positive whole number")
	default:
		p.fail("the number of buckets")
	}
	p.expect("BUCKETS")
	return t.Text
}

func (p *parser) partitionedBy() []ast.Identifier {
	if !p.accept("PARTITIONED") {
		return nil
	}
	p.expect("BY")
	return p.names("a column")
}

func (p *parser) tableLike() *ast.TableLike {
	start := p.start()
	n := &ast.TableLike{Source: p.path("a table name")}
	if p.acceptKind(token.LParen) {
		for ok := true; ok; ok = p.err == nil && !p.isKind(token.RParen) {
			at := p.cur()
			o := ast.LikeOption{Strategy: p.expectOneOf("INCLUDING", "EXCLUDING", "OVERWRITING")}
			o.Feature = p.expectOneOf("ALL", "CONSTRAINTS", "DISTRIBUTION", "GENERATED", "METADATA", "OPTIONS", "PARTITIONS", "WATERMARKS")
			if o.Strategy == "OVERWRITING" {
				switch o.Feature {
				case "ALL", "CONSTRAINTS", "DISTRIBUTION", "PARTITIONS":
					p.refuse(p.span(at.Span.Start), "", "OVERWRITING does not go with %s", o.Feature)
				}
			}
			n.Options = append(n.Options, o)
		}
		p.expectKind(token.RParen)
	}
	n.Pos = p.at(start)
	return n
}

// schema parses a list of columns, constraints and watermarks in parentheses, if one
// comes next.
func (p *parser) schema() ast.Schema {
	var s ast.Schema
	if !p.acceptKind(token.LParen) {
		return s
	}
	s.Parens = true
	for ok := true; ok; ok = p.acceptKind(token.Comma) {
		p.element(&s, false)
	}
	p.expectKind(token.RParen)
	if len(s.Names) > 0 && p.err == nil && len(s.Columns)+len(s.Watermarks)+len(s.Constraints) > 0 {
		p.errorAt(s.Names[0].Span, diag.Syntax, "column %s has no type", s.Names[0].Name)
	}
	return s
}

// element parses one element of a schema; alter says that it stands in ALTER TABLE,
// where columns have positions.
func (p *parser) element(s *ast.Schema, alter bool) {
	start := p.start()
	switch t := p.cur(); {
	case t.Word == "WATERMARK":
		p.advance()
		p.expect("FOR")
		n := &ast.Watermark{Column: p.path("a column")}
		p.expect("AS")
		n.Expr = p.expr()
		n.Pos = p.at(start)
		if len(s.Watermarks) > 0 {
			p.errorAt(n.At, diag.InvalidWatermark, "a table takes one WATERMARK").
				WithNote(s.Watermarks[0].At, "the first one is here")
		}
		s.Watermarks = append(s.Watermarks, n)
	case t.Word == "CONSTRAINT" || t.Word == "PRIMARY" || t.Word == "UNIQUE":
		s.Constraints = append(s.Constraints, p.constraint(true))
	default:
		var name ast.Name
		if alter {
			name = p.path("a column, WATERMARK or PRIMARY KEY")
		} else {
			name = ast.Name{p.name("a column name")}
		}
		if next := p.cur(); !alter && (next.Kind == token.Comma || next.Kind == token.RParen) {
			s.Names = append(s.Names, name[0])
			return
		}
		s.Columns = append(s.Columns, p.column(name, start, alter))
	}
}

// column parses a column behind its name.
func (p *parser) column(name ast.Name, start int, alter bool) *ast.Column {
	n := &ast.Column{Name: name}
	if p.accept("AS") {
		n.Kind = ast.ColumnComputed
		n.Expr = p.expr()
	} else {
		n.Type = p.typeSpec()
		if p.accept("METADATA") {
			n.Kind = ast.ColumnMetadata
			if p.accept("FROM") {
				n.Key = p.str("the key as a string")
			}
			n.Virtual = p.accept("VIRTUAL")
		} else if w := p.cur().Word; w == "CONSTRAINT" || w == "PRIMARY" || w == "UNIQUE" {
			n.Constraint = p.constraint(false)
		}
	}
	n.Comment = p.comment()
	if alter {
		switch p.oneOf("FIRST", "AFTER") {
		case "FIRST":
			n.Position.First = true
		case "AFTER":
			n.Position.After = p.path("a column")
		}
	}
	n.Pos = p.at(start)
	return n
}

// constraint parses PRIMARY KEY or UNIQUE, of a table or of a column.
func (p *parser) constraint(columns bool) *ast.Constraint {
	start := p.start()
	n := &ast.Constraint{}
	if p.accept("CONSTRAINT") {
		id := p.name("a constraint name")
		n.Name = &id
	}
	if p.expectOneOf("PRIMARY", "UNIQUE") == "UNIQUE" {
		n.Unique = true
	} else {
		p.expect("KEY")
	}
	if columns {
		n.Columns = p.names("a column")
	}
	switch {
	case p.accept("ENFORCED"):
		n.Enforcement = ast.Enforced
	case p.acceptSeq("NOT", "ENFORCED"):
		n.Enforcement = ast.NotEnforced
	}
	n.Pos = p.at(start)
	return n
}

// tableAction parses the action of ALTER TABLE.
func (p *parser) tableAction() ast.AlterAction {
	start := p.start()
	switch p.cur().Word {
	case "RENAME":
		p.advance()
		if p.accept("TO") {
			return &ast.RenameTable{To: p.path("the new name"), Pos: p.at(start)}
		}
		n := &ast.RenameColumn{From: p.path("TO or a column")}
		p.expect("TO")
		n.To = p.name("the new name")
		n.Pos = p.at(start)
		return n
	case "SET":
		p.advance()
		return &ast.SetOptions{Options: p.options(), Pos: p.at(start)}
	case "RESET":
		p.advance()
		return &ast.ResetOptions{Keys: p.keys(), Pos: p.at(start)}
	case "ADD":
		if next := p.ahead(1).Word; next == "PARTITION" || next == "IF" && p.ahead(2).Word == "NOT" && p.ahead(3).Word == "EXISTS" {
			return p.addPartitions()
		}
		return p.addOrModify()
	case "MODIFY":
		return p.addOrModify()
	case "DROP":
		if next := p.ahead(1).Word; next == "PARTITION" || next == "IF" && p.ahead(2).Word == "EXISTS" {
			return p.dropPartitions()
		}
		return p.dropPart()
	}
	p.want = append(p.want[:0], "ADD", "MODIFY", "DROP", "RENAME", "SET", "RESET")
	p.fail("")
	return nil
}

// addOrModify parses ADD and MODIFY of columns, constraints, watermark and
// distribution.
func (p *parser) addOrModify() ast.AlterAction {
	start := p.start()
	add := p.advance().Word == "ADD"
	if p.accept("DISTRIBUTION") {
		d := p.distribution()
		if add {
			return &ast.AddDistribution{Pos: p.at(start), Distribution: d}
		}
		return &ast.ModifyDistribution{Pos: p.at(start), Distribution: d}
	}
	var s ast.Schema
	if p.acceptKind(token.LParen) {
		s.Parens = true
		for ok := true; ok; ok = p.acceptKind(token.Comma) {
			p.element(&s, true)
		}
		p.expectKind(token.RParen)
	} else {
		p.element(&s, true)
	}
	if add {
		return &ast.AddColumns{Pos: p.at(start), Schema: s}
	}
	return &ast.ModifyColumns{Pos: p.at(start), Schema: s}
}

func (p *parser) addPartitions() ast.AlterAction {
	start := p.start()
	p.expect("ADD")
	n := &ast.AddPartitions{IfNotExists: p.ifNotExists()}
	for ok := true; ok; ok = p.is("PARTITION") {
		p.expect("PARTITION")
		d := ast.PartitionDef{Spec: p.partition(false)}
		d.Options = p.with()
		n.Partitions = append(n.Partitions, d)
	}
	n.Pos = p.at(start)
	return n
}

func (p *parser) dropPartitions() ast.AlterAction {
	start := p.start()
	p.expect("DROP")
	n := &ast.DropPartitions{IfExists: p.ifExists()}
	n.Partitions = list(p, func() []ast.Partition {
		p.expect("PARTITION")
		return p.partition(false)
	})
	n.Pos = p.at(start)
	return n
}

// dropPart parses DROP of a column, key, constraint, watermark or distribution.
func (p *parser) dropPart() ast.AlterAction {
	start := p.start()
	p.expect("DROP")
	n := &ast.DropPart{}
	switch p.cur().Word {
	case "PRIMARY":
		p.advance()
		p.expect("KEY")
		n.Kind = ast.DropPrimaryKey
	case "CONSTRAINT":
		p.advance()
		n.Kind, n.Constraint = ast.DropConstraint, p.name("a constraint name")
	case "WATERMARK":
		p.advance()
		n.Kind = ast.DropWatermark
	case "DISTRIBUTION":
		p.advance()
		n.Kind = ast.DropDistribution
	default:
		if p.acceptKind(token.LParen) {
			n.Columns = list(p, func() ast.Name { return p.path("a column") })
			p.expectKind(token.RParen)
		} else {
			n.Columns = []ast.Name{p.path("a column, WATERMARK, PRIMARY KEY or CONSTRAINT")}
		}
	}
	n.Pos = p.at(start)
	return n
}

func (p *parser) analyze() ast.Statement {
	start := p.start()
	p.expect("ANALYZE", "TABLE")
	n := &ast.AnalyzeTable{Name: p.path("a table name")}
	if p.accept("PARTITION") {
		n.Partition = p.partition(true)
	}
	p.expect("COMPUTE", "STATISTICS")
	if p.accept("FOR") {
		if p.expectOneOf("COLUMNS", "ALL") == "ALL" {
			p.expect("COLUMNS")
			n.AllColumns = true
		} else {
			n.Columns = list(p, func() ast.Identifier { return p.name("a column") })
		}
	}
	n.Pos = p.at(start)
	return n
}

// createMaterialized parses from MATERIALIZED on.
func (p *parser) createMaterialized(start int, c created) ast.Statement {
	p.expect("MATERIALIZED", "TABLE")
	if t := p.cur(); p.rare("IF", "NOT", "EXISTS") {
		p.refuse(t.Span, "write CREATE OR ALTER MATERIALIZED TABLE", "a materialized table does not take IF NOT EXISTS")
	}
	n := &ast.CreateMaterializedTable{OrAlter: c.orAlter, Name: p.path("a table name")}
	n.Schema = p.schema()
	n.Comment = p.comment()
	n.Distribution = p.distributed()
	n.PartitionedBy = p.partitionedBy()
	n.Options = p.with()
	if p.accept("START_MODE") {
		p.expectKind(token.Eq)
		n.Start = p.startMode()
	}
	if p.accept("FRESHNESS") {
		p.expectKind(token.Eq)
		n.Freshness = p.intervalLiteral()
	}
	if p.accept("REFRESH_MODE") {
		p.expectKind(token.Eq)
		n.RefreshMode = p.expectOneOf("CONTINUOUS", "FULL")
	}
	p.expect("AS")
	n.Query = p.query()
	n.Pos = p.at(start)
	return n
}

func (p *parser) startMode() *ast.StartMode {
	start := p.start()
	n := &ast.StartMode{Mode: p.expectOneOf("FROM_BEGINNING", "FROM_NOW", "FROM_TIMESTAMP",
		"RESUME_OR_FROM_BEGINNING", "RESUME_OR_FROM_NOW", "RESUME_OR_FROM_TIMESTAMP")}
	switch n.Mode {
	case "FROM_NOW", "RESUME_OR_FROM_NOW":
		if p.acceptKind(token.LParen) {
			n.Arg = p.intervalLiteral()
			p.expectKind(token.RParen)
		}
	case "FROM_TIMESTAMP", "RESUME_OR_FROM_TIMESTAMP":
		p.expectKind(token.LParen)
		if !p.is("TIMESTAMP") {
			p.fail("")
		} else {
			n.Arg = p.timeLiteral()
		}
		p.expectKind(token.RParen)
	}
	n.Pos = p.at(start)
	return n
}

// materializedAction parses the action of ALTER MATERIALIZED TABLE.
func (p *parser) materializedAction() ast.AlterAction {
	start := p.start()
	switch p.cur().Word {
	case "SUSPEND":
		p.advance()
		return &ast.Suspend{Pos: p.at(start)}
	case "RESUME":
		p.advance()
		return &ast.Resume{Options: p.with(), Pos: p.at(start)}
	case "REFRESH":
		p.advance()
		n := &ast.Refresh{}
		if p.accept("PARTITION") {
			n.Partition = p.partition(false)
		}
		n.Pos = p.at(start)
		return n
	case "SET":
		p.advance()
		switch p.cur().Word {
		case "FRESHNESS":
			p.advance()
			p.expectKind(token.Eq)
			return &ast.SetFreshness{Freshness: p.intervalLiteral(), Pos: p.at(start)}
		case "REFRESH_MODE":
			p.advance()
			p.expectKind(token.Eq)
			return &ast.SetRefreshMode{Mode: p.expectOneOf("CONTINUOUS", "FULL"), Pos: p.at(start)}
		}
		return &ast.SetOptions{Options: p.options(), Pos: p.at(start)}
	case "RESET":
		p.advance()
		return &ast.ResetOptions{Keys: p.keys(), Pos: p.at(start)}
	case "AS":
		p.advance()
		return &ast.AsQuery{Query: p.query(), Pos: p.at(start)}
	case "ADD", "MODIFY":
		return p.addOrModify()
	case "DROP":
		return p.dropPart()
	}
	p.want = append(p.want[:0], "SUSPEND", "RESUME", "REFRESH", "SET", "RESET", "AS")
	p.fail("")
	return nil
}

// createView parses from VIEW on.
func (p *parser) createView(start int, c created) ast.Statement {
	p.expect("VIEW")
	n := &ast.CreateView{Temporary: c.temporary, OrReplace: c.orReplace, IfNotExists: p.ifNotExists()}
	n.Name = p.path("a view name")
	if p.isKind(token.LParen) {
		n.Columns = p.names("a column")
	}
	n.Comment = p.comment()
	p.expect("AS")
	n.Query = p.query()
	n.Pos = p.at(start)
	return n
}
