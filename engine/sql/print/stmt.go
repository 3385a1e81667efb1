package print

import (
	"github.com/minkstream/mink/engine/sql/ast"
)

func (p *printer) statement(s ast.Statement) {
	switch s := s.(type) {
	case *ast.QueryStatement:
		p.query(s.Query)
	case *ast.Insert:
		p.insert(s)
	case *ast.CreateTable:
		p.createTable(s)
	case *ast.AlterTable:
		p.word("ALTER TABLE " + flag(s.IfExists, "IF EXISTS "))
		p.name(s.Name)
		p.word(" ")
		p.action(s.Action)
	case *ast.CreateMaterializedTable:
		p.createMaterialized(s)
	case *ast.AlterMaterializedTable:
		p.word("ALTER MATERIALIZED TABLE ")
		p.name(s.Name)
		p.word(" ")
		p.action(s.Action)
	case *ast.AnalyzeTable:
		p.analyze(s)
	case *ast.TruncateTable:
		p.word("TRUNCATE TABLE ")
		p.name(s.Name)
	case *ast.StatementSet:
		p.word("STATEMENT SET BEGIN")
		p.indent++
		for _, i := range s.Inserts {
			p.line()
			p.insert(i)
			p.word(";")
		}
		p.indent--
		p.line()
		p.word("END")
	case *ast.BeginStatementSet:
		p.word("BEGIN STATEMENT SET")
	case *ast.EndStatementSet:
		p.word("END")
	case *ast.Execute:
		p.word("EXECUTE ")
		p.statement(s.Statement)
	case *ast.Update:
		p.update(s)
	case *ast.Delete:
		p.word("DELETE FROM ")
		p.name(s.Table)
		p.hints(s.Hints)
		p.alias(s.Alias)
		p.where(s.Where)
	case *ast.Merge:
		p.merge(s)
	case *ast.Explain:
		p.word("EXPLAIN " + flag(s.PlanFor, "PLAN FOR "))
		p.commas(len(s.Details), func(i int) { p.word(s.Details[i]) })
		p.word(flag(len(s.Details) > 0, " "))
		p.statement(s.Statement)
	case *ast.CompilePlan:
		p.word("COMPILE " + flag(s.Execute, "AND EXECUTE ") + "PLAN " + Text(s.File.Value) + flag(s.IfNotExists, " IF NOT EXISTS") + " FOR ")
		p.statement(s.Statement)
	case *ast.ExecutePlan:
		p.word("EXECUTE PLAN " + Text(s.File.Value))
	default:
		p.object(s)
	}
}

// object writes the statements about catalogs, views, functions, models and the
// session.
func (p *printer) object(s ast.Statement) {
	switch s := s.(type) {
	case *ast.CreateCatalog:
		p.create("CATALOG", s.IfNotExists, ast.Name{s.Name})
		p.after("COMMENT", s.Comment)
		p.withOptions(s.Options)
	case *ast.AlterCatalog:
		p.word("ALTER CATALOG ")
		p.id(s.Name)
		p.alter(s.Kind, s.Options, s.Keys, nil)
		p.after("COMMENT", s.Comment)
	case *ast.DropCatalog:
		p.drop("CATALOG", s.IfExists, s.Name)
	case *ast.CreateDatabase:
		p.create("DATABASE", s.IfNotExists, s.Name)
		p.after("COMMENT", s.Comment)
		p.withOptions(s.Options)
	case *ast.AlterDatabase:
		p.word("ALTER DATABASE ")
		p.name(s.Name)
		p.alter(ast.AlterSet, s.Options, nil, nil)
	case *ast.DropDatabase:
		p.drop("DATABASE", s.IfExists, s.Name)
		p.words(flag(s.Cascade, "CASCADE"))
	case *ast.DropTable:
		p.drop(flag(s.Temporary, "TEMPORARY ")+"TABLE", s.IfExists, s.Name)
	case *ast.DropMaterializedTable:
		p.drop("MATERIALIZED TABLE", s.IfExists, s.Name)
	case *ast.CreateView:
		p.create(flag(s.OrReplace, "OR REPLACE ")+flag(s.Temporary, "TEMPORARY ")+"VIEW", s.IfNotExists, s.Name)
		if len(s.Columns) > 0 {
			p.word(" ")
			p.idList(s.Columns)
		}
		p.after("COMMENT", s.Comment)
		p.as(s.Query)
	case *ast.AlterView:
		p.word("ALTER VIEW ")
		p.name(s.Name)
		if s.Kind == ast.AlterAsQuery {
			p.as(s.Query)
		} else {
			p.alter(s.Kind, nil, nil, s.To)
		}
	case *ast.DropView:
		p.drop(flag(s.Temporary, "TEMPORARY ")+"VIEW", s.IfExists, s.Name)
	case *ast.CreateFunction:
		p.createFunction(s)
	case *ast.AlterFunction:
		p.word("ALTER " + scope(s.Temporary, s.System) + "FUNCTION " + flag(s.IfExists, "IF EXISTS "))
		p.name(s.Name)
		p.word(" AS " + Text(s.Identifier.Value))
		p.language(s.Language)
	case *ast.DropFunction:
		p.drop(scope(s.Temporary, s.System)+"FUNCTION", s.IfExists, s.Name)
	case *ast.CreateModel:
		p.createModel(s)
	case *ast.AlterModel:
		p.word("ALTER MODEL " + flag(s.IfExists, "IF EXISTS "))
		p.name(s.Name)
		p.alter(s.Kind, s.Options, s.Keys, s.To)
	case *ast.DropModel:
		p.drop(flag(s.Temporary, "TEMPORARY ")+"MODEL", s.IfExists, s.Name)
	case *ast.CreateConnection:
		p.create(scope(s.Temporary, s.System)+"CONNECTION", s.IfNotExists, s.Name)
		p.after("COMMENT", s.Comment)
		p.word(" WITH ")
		p.options(s.Options)
	case *ast.AlterConnection:
		p.word("ALTER CONNECTION " + flag(s.IfExists, "IF EXISTS "))
		p.name(s.Name)
		p.alter(s.Kind, s.Options, s.Keys, s.To)
	case *ast.DropConnection:
		p.drop(scope(s.Temporary, s.System)+"CONNECTION", s.IfExists, s.Name)
	default:
		p.session(s)
	}
}

// session writes the statements about the session, modules, jobs and listings.
func (p *printer) session(s ast.Statement) {
	switch s := s.(type) {
	case *ast.Call:
		p.word("CALL ")
		p.name(s.Call.Name)
		p.args(s.Call, 0)
	case *ast.LoadModule:
		p.word("LOAD MODULE ")
		p.id(s.Name)
		p.withOptions(s.Options)
	case *ast.UnloadModule:
		p.word("UNLOAD MODULE ")
		p.id(s.Name)
	case *ast.UseModules:
		p.word("USE MODULES ")
		p.ids(s.Names)
	case *ast.AddJar:
		p.word("ADD JAR " + Text(s.Path.Value))
	case *ast.RemoveJar:
		p.word("REMOVE JAR " + Text(s.Path.Value))
	case *ast.UseCatalog:
		p.word("USE CATALOG ")
		p.id(s.Name)
	case *ast.UseDatabase:
		p.word("USE ")
		p.name(s.Name)
	case *ast.Set:
		p.word("SET")
		if s.Key.Set {
			p.word(" " + Text(s.Key.Value) + " = " + Text(s.Value.Value))
		}
	case *ast.Reset:
		p.word("RESET")
		if s.Key.Set {
			p.word(" " + Text(s.Key.Value))
		}
	case *ast.SetOption:
		p.word("ALTER " + s.Scope)
		if s.Value == nil {
			p.word(" RESET ")
			p.optionName(s.Name)
			return
		}
		p.word(" SET ")
		p.name(s.Name)
		p.word(" = ")
		if c, ok := s.Value.(*ast.ColumnRef); ok {
			p.optionName(c.Name)
			return
		}
		p.expr(s.Value, precAny)
	case *ast.StopJob:
		p.word("STOP JOB " + Text(s.Job.Value) + flag(s.Savepoint, " WITH SAVEPOINT") + flag(s.Drain, " WITH DRAIN"))
	case *ast.Show:
		p.show(s)
	case *ast.ShowCurrent:
		p.word("SHOW CURRENT " + s.What)
	case *ast.ShowCreate:
		p.word("SHOW CREATE " + flag(s.OrAlter, "OR ALTER ") + s.What + " ")
		p.name(s.Name)
	case *ast.Describe:
		p.word("DESCRIBE ")
		if s.What != "TABLE" {
			p.word(s.What + " ")
		}
		p.word(flag(s.Extended, "EXTENDED "))
		p.name(s.Name)
		p.str(s.Job)
	}
}

// optionName writes a name in which the words ALL and ON stand bare.
func (p *printer) optionName(n ast.Name) {
	if len(n) == 1 && !n[0].Quoted {
		p.word(n[0].Name)
		return
	}
	p.name(n)
}

func scope(temporary, system bool) string {
	return flag(temporary, "TEMPORARY ") + flag(system, "SYSTEM ")
}

func (p *printer) create(kind string, ifNotExists bool, name ast.Name) {
	p.word("CREATE " + kind + " " + flag(ifNotExists, "IF NOT EXISTS "))
	p.name(name)
}

func (p *printer) drop(kind string, ifExists bool, name ast.Name) {
	p.word("DROP " + kind + " " + flag(ifExists, "IF EXISTS "))
	p.name(name)
}

// withOptions writes WITH and options, and nothing when there are none.
func (p *printer) withOptions(list []ast.Option) {
	if len(list) > 0 {
		p.word(" WITH ")
		p.options(list)
	}
}

// as writes AS and a query.
func (p *printer) as(q ast.Query) {
	p.word(" AS")
	p.line()
	p.query(q)
}

func (p *printer) alter(kind ast.AlterKind, options []ast.Option, keys []ast.String, to ast.Name) {
	switch kind {
	case ast.AlterSet:
		p.word(" SET ")
		p.options(options)
	case ast.AlterReset:
		p.word(" RESET ")
		p.keys(keys)
	case ast.AlterRename:
		p.word(" RENAME TO ")
		p.name(to)
	}
}

func (p *printer) language(l string) {
	if l != "" {
		p.word(" LANGUAGE " + l)
	}
}

func (p *printer) createFunction(s *ast.CreateFunction) {
	p.create(flag(s.OrReplace, "OR REPLACE ")+scope(s.Temporary, s.System)+"FUNCTION", s.IfNotExists, s.Name)
	p.word(" AS " + Text(s.Identifier.Value))
	p.language(s.Language)
	if len(s.Resources) > 0 {
		p.word(" USING ")
		p.commas(len(s.Resources), func(i int) {
			p.word(s.Resources[i].Kind + " " + Text(s.Resources[i].URI.Value))
		})
	}
	p.withOptions(s.Options)
}

func (p *printer) createModel(s *ast.CreateModel) {
	p.create(flag(s.Temporary, "TEMPORARY ")+"MODEL", s.IfNotExists, s.Name)
	for _, io := range []struct {
		word string
		list []*ast.Column
	}{{" INPUT (", s.Input}, {" OUTPUT (", s.Output}} {
		if len(io.list) > 0 {
			p.word(io.word)
			p.commas(len(io.list), func(i int) { p.column(io.list[i]) })
			p.word(")")
		}
	}
	p.after("COMMENT", s.Comment)
	p.withOptions(s.Options)
	if s.Query != nil {
		p.as(s.Query)
	}
}

func (p *printer) where(x ast.Expr) {
	if x != nil {
		p.line()
		p.word("WHERE ")
		p.condition(x)
	}
}

func (p *printer) insert(s *ast.Insert) {
	p.word(either(s.Upsert, "UPSERT", "INSERT"))
	p.word(either(s.Overwrite, " OVERWRITE ", " INTO "))
	p.name(s.Table)
	p.hints(s.Hints)
	if len(s.Partition) > 0 {
		p.word(" PARTITION ")
		p.partition(s.Partition)
	}
	if len(s.Columns) > 0 {
		p.word(" ")
		p.parens(func() {
			p.commas(len(s.Columns), func(i int) { p.name(s.Columns[i]) })
		})
	}
	p.line()
	p.query(s.Query)
	if c := s.Conflict.String(); c != "" {
		p.line()
		p.word("ON CONFLICT DO " + c)
	}
}

func (p *printer) assignments(list []ast.Assignment) {
	p.commas(len(list), func(i int) {
		p.name(list[i].Column)
		p.word(" = ")
		p.expr(list[i].Value, precAny)
	})
}

func (p *printer) update(s *ast.Update) {
	p.word("UPDATE ")
	p.name(s.Table)
	p.hints(s.Hints)
	p.alias(s.Alias)
	p.line()
	p.word("SET ")
	p.assignments(s.Set)
	p.where(s.Where)
}

func (p *printer) merge(s *ast.Merge) {
	p.word("MERGE INTO ")
	p.name(s.Table)
	p.hints(s.Hints)
	p.alias(s.Alias)
	p.line()
	p.word("USING ")
	p.input(s.Using, 7)
	p.word(" ON ")
	p.expr(s.On, precAny)
	if len(s.Update) > 0 {
		p.line()
		p.word("WHEN MATCHED THEN UPDATE SET ")
		p.assignments(s.Update)
	}
	if m := s.Insert; m != nil {
		p.line()
		p.word("WHEN NOT MATCHED THEN INSERT ")
		if len(m.Columns) > 0 {
			p.idList(m.Columns)
			p.word(" ")
		}
		p.word("VALUES ")
		p.expr(m.Row, precAny)
	}
}

func (p *printer) analyze(s *ast.AnalyzeTable) {
	p.word("ANALYZE TABLE ")
	p.name(s.Name)
	if len(s.Partition) > 0 {
		p.word(" PARTITION ")
		p.partition(s.Partition)
	}
	p.word(" COMPUTE STATISTICS")
	switch {
	case s.AllColumns:
		p.word(" FOR ALL COLUMNS")
	case len(s.Columns) > 0:
		p.word(" FOR COLUMNS ")
		p.ids(s.Columns)
	}
}

func (p *printer) show(s *ast.Show) {
	p.word("SHOW " + flag(s.User, "USER ") + flag(s.Full, "FULL ") + s.What)
	p.words(s.Preposition)
	if len(s.From) > 0 {
		p.word(" ")
		p.name(s.From)
	}
	if len(s.Partition) > 0 {
		p.word(" PARTITION ")
		p.partition(s.Partition)
	}
	if f := s.Filter; f.Kind != "" {
		p.word(flag(f.Not, " NOT") + " " + f.Kind + " " + Text(f.Pattern.Value))
	}
}
