package print

import (
	"github.com/minkstream/mink/engine/sql/ast"
)

func (p *printer) createTable(s *ast.CreateTable) {
	switch {
	case s.OrReplace:
		p.word("CREATE OR REPLACE ")
	case s.Replace:
		p.word("REPLACE ")
	default:
		p.word("CREATE ")
	}
	p.word(flag(s.Temporary, "TEMPORARY ") + "TABLE " + flag(s.IfNotExists, "IF NOT EXISTS "))
	p.name(s.Name)
	p.tableHead(&s.Schema, s.Comment, s.Distribution, s.PartitionedBy)
	if len(s.Connection) > 0 {
		p.word(" USING CONNECTION ")
		p.name(s.Connection)
	}
	p.withOptions(s.Options)
	if s.Like != nil {
		p.word(" ")
		p.like(s.Like)
	}
	if s.Query != nil {
		p.as(s.Query)
	}
}

// tableHead writes the schema and what follows it.
func (p *printer) tableHead(s *ast.Schema, comment ast.String, d *ast.Distribution, by []ast.Identifier) {
	if s.Parens || !empty(s) {
		p.word(" ")
		p.schema(s)
	}
	p.after("COMMENT", comment)
	if d != nil {
		p.word(" DISTRIBUTED ")
		p.distribution(d)
	}
	if len(by) > 0 {
		p.word(" PARTITIONED BY ")
		p.idList(by)
	}
}

func empty(s *ast.Schema) bool {
	return len(s.Columns)+len(s.Names)+len(s.Watermarks)+len(s.Constraints) == 0
}

// schema writes the elements in parentheses.
func (p *printer) schema(s *ast.Schema) {
	p.word("(")
	p.elements(s)
	p.word(")")
}

// elements writes names, columns, watermarks and constraints. Columns keep their
// order among themselves; the rest comes behind them.
func (p *printer) elements(s *ast.Schema) {
	nc, nn, nw := len(s.Columns), len(s.Names), len(s.Watermarks)
	p.block(nc+nn+nw+len(s.Constraints), func(i int) {
		switch {
		case i < nn:
			p.id(s.Names[i])
		case i < nn+nc:
			p.column(s.Columns[i-nn])
		case i < nn+nc+nw:
			p.watermark(s.Watermarks[i-nn-nc])
		default:
			p.constraint(s.Constraints[i-nn-nc-nw])
		}
	})
}

func (p *printer) column(c *ast.Column) {
	p.name(c.Name)
	if c.Kind == ast.ColumnComputed {
		p.word(" AS ")
		p.expr(c.Expr, precAny)
	} else {
		p.word(" ")
		p.typ(c.Type)
	}
	if c.Kind == ast.ColumnMetadata {
		p.word(" METADATA")
		p.after("FROM", c.Key)
		p.word(flag(c.Virtual, " VIRTUAL"))
	}
	if c.Constraint != nil {
		p.word(" ")
		p.constraint(c.Constraint)
	}
	p.after("COMMENT", c.Comment)
	switch {
	case c.Position.First:
		p.word(" FIRST")
	case len(c.Position.After) > 0:
		p.word(" AFTER ")
		p.name(c.Position.After)
	}
}

func (p *printer) watermark(w *ast.Watermark) {
	p.word("WATERMARK FOR ")
	p.name(w.Column)
	p.word(" AS ")
	p.expr(w.Expr, precAny)
}

func (p *printer) constraint(c *ast.Constraint) {
	if c.Name != nil {
		p.word("CONSTRAINT ")
		p.id(*c.Name)
		p.word(" ")
	}
	p.word(either(c.Unique, "UNIQUE", "PRIMARY KEY"))
	if len(c.Columns) > 0 {
		p.word(" ")
		p.idList(c.Columns)
	}
	p.words(c.Enforcement.String())
}

// distribution writes what follows DISTRIBUTED or DISTRIBUTION.
func (p *printer) distribution(d *ast.Distribution) {
	if len(d.Columns) > 0 {
		p.word("BY " + d.Kind)
		p.idList(d.Columns)
		p.word(flag(d.Buckets != "", " "))
	}
	if d.Buckets != "" {
		p.word("INTO " + d.Buckets + " BUCKETS")
	}
}

func (p *printer) like(l *ast.TableLike) {
	p.word("LIKE ")
	p.name(l.Source)
	if len(l.Options) > 0 {
		p.word(" (")
		for i, o := range l.Options {
			p.word(flag(i > 0, " ") + o.Strategy + " " + o.Feature)
		}
		p.word(")")
	}
}

func (p *printer) createMaterialized(s *ast.CreateMaterializedTable) {
	p.word("CREATE " + flag(s.OrAlter, "OR ALTER ") + "MATERIALIZED TABLE ")
	p.name(s.Name)
	p.tableHead(&s.Schema, s.Comment, s.Distribution, s.PartitionedBy)
	p.withOptions(s.Options)
	if s.Start != nil {
		p.word(" START_MODE = ")
		p.startMode(s.Start)
	}
	if s.Freshness != nil {
		p.word(" FRESHNESS = ")
		p.expr(s.Freshness, precAny)
	}
	if s.RefreshMode != "" {
		p.word(" REFRESH_MODE = " + s.RefreshMode)
	}
	p.as(s.Query)
}

func (p *printer) startMode(m *ast.StartMode) {
	p.word(m.Mode)
	if m.Arg != nil {
		p.parens(func() { p.expr(m.Arg, precAny) })
	}
}

// action writes the action of ALTER TABLE or ALTER MATERIALIZED TABLE.
func (p *printer) action(a ast.AlterAction) {
	switch a := a.(type) {
	case *ast.AddColumns:
		p.word("ADD ")
		p.components(&a.Schema)
	case *ast.ModifyColumns:
		p.word("MODIFY ")
		p.components(&a.Schema)
	case *ast.AddDistribution:
		p.word("ADD DISTRIBUTION ")
		p.distribution(a.Distribution)
	case *ast.ModifyDistribution:
		p.word("MODIFY DISTRIBUTION ")
		p.distribution(a.Distribution)
	case *ast.DropPart:
		p.dropPart(a)
	case *ast.AddPartitions:
		p.word("ADD" + flag(a.IfNotExists, " IF NOT EXISTS"))
		for _, d := range a.Partitions {
			p.word(" PARTITION ")
			p.partition(d.Spec)
			p.withOptions(d.Options)
		}
	case *ast.DropPartitions:
		p.word("DROP " + flag(a.IfExists, "IF EXISTS "))
		p.commas(len(a.Partitions), func(i int) {
			p.word("PARTITION ")
			p.partition(a.Partitions[i])
		})
	case *ast.RenameTable:
		p.word("RENAME TO ")
		p.name(a.To)
	case *ast.RenameColumn:
		p.word("RENAME ")
		p.name(a.From)
		p.word(" TO ")
		p.id(a.To)
	case *ast.SetOptions:
		p.word("SET ")
		p.options(a.Options)
	case *ast.ResetOptions:
		p.word("RESET ")
		p.keys(a.Keys)
	case *ast.Suspend:
		p.word("SUSPEND")
	case *ast.Resume:
		p.word("RESUME")
		p.withOptions(a.Options)
	case *ast.Refresh:
		p.word("REFRESH")
		if len(a.Partition) > 0 {
			p.word(" PARTITION ")
			p.partition(a.Partition)
		}
	case *ast.SetFreshness:
		p.word("SET FRESHNESS = ")
		p.expr(a.Freshness, precAny)
	case *ast.SetRefreshMode:
		p.word("SET REFRESH_MODE = " + a.Mode)
	case *ast.AsQuery:
		p.word("AS")
		p.line()
		p.query(a.Query)
	}
}

// components writes a schema, in parentheses if it stood in them.
func (p *printer) components(s *ast.Schema) {
	if s.Parens {
		p.schema(s)
		return
	}
	for _, c := range s.Columns {
		p.column(c)
	}
	for _, w := range s.Watermarks {
		p.watermark(w)
	}
	for _, c := range s.Constraints {
		p.constraint(c)
	}
}

func (p *printer) dropPart(a *ast.DropPart) {
	p.word("DROP ")
	switch a.Kind {
	case ast.DropColumns:
		if len(a.Columns) == 1 {
			p.name(a.Columns[0])
			return
		}
		p.parens(func() {
			p.commas(len(a.Columns), func(i int) { p.name(a.Columns[i]) })
		})
	case ast.DropConstraint:
		p.word("CONSTRAINT ")
		p.id(a.Constraint)
	default:
		p.word(a.Kind.String())
	}
}
