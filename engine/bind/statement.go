package bind

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
)

// Statement binds a statement.
func (b *Binder) Statement(s ast.Statement) (Bound, error) {
	switch s := s.(type) {
	case *ast.QueryStatement:
		return b.bound(b.Query(s.Query))
	case *ast.Insert:
		i, err := b.Insert(s)
		if err != nil {
			return nil, err
		}
		return i, nil
	case *ast.StatementSet:
		return b.inserts(s)
	case *ast.Execute:
		return b.Statement(s.Statement)
	case *ast.BeginStatementSet:
		return &BeginSet{s.Span()}, nil
	case *ast.EndStatementSet:
		return &EndSet{s.Span()}, nil
	case *ast.Explain:
		return b.explain(s)
	case *ast.CreateTable:
		return b.createTable(s)
	case *ast.DropTable:
		return b.action(b.dropTable(s.Name, "table", s.Temporary, s.IfExists), nil)
	case *ast.AlterTable:
		return b.action(b.alterTable(s))
	case *ast.CreateView:
		return b.action(b.createView(s))
	case *ast.AlterView:
		return b.action(b.alterView(s))
	case *ast.DropView:
		return b.action(b.dropTable(s.Name, "view", s.Temporary, s.IfExists), nil)
	case *ast.CreateCatalog:
		return b.action(b.createCatalog(s))
	case *ast.AlterCatalog:
		return b.action(b.alterCatalog(s))
	case *ast.AlterDatabase:
		return b.action(b.alterDatabase(s))
	case *ast.Call:
		return b.action(b.call(s))
	case *ast.DropCatalog:
		return b.action(b.dropCatalog(s))
	case *ast.CreateDatabase:
		return b.action(b.createDatabase(s))
	case *ast.DropDatabase:
		return b.action(b.dropDatabase(s))
	case *ast.CreateFunction:
		return b.action(b.createFunction(s))
	case *ast.AlterFunction:
		return b.action(b.alterFunction(s))
	case *ast.DropFunction:
		return b.action(b.dropFunction(s))
	case *ast.CreateModel:
		return b.action(b.createModel(s))
	case *ast.AlterModel:
		return b.action(b.alterModel(s))
	case *ast.DropModel:
		return b.action(b.dropModel(s))
	case *ast.CreateConnection:
		return b.action(b.createConnection(s))
	case *ast.LoadModule:
		return b.action(b.loadModule(s))
	case *ast.UnloadModule:
		return b.action(b.unloadModule(s), nil)
	case *ast.UseModules:
		return b.action(b.useModules(s), nil)
	case *ast.UseCatalog:
		return b.action(b.useCatalog(s), nil)
	case *ast.UseDatabase:
		return b.action(b.useDatabase(s))
	case *ast.Set:
		return b.action(b.set(s))
	case *ast.Reset:
		return b.action(b.reset(s), nil)
	case *ast.Show:
		if s.What == "JOBS" {
			return showJobs(s), nil
		}
		return b.action(b.show(s))
	case *ast.ShowCurrent:
		return b.action(b.showCurrent(s))
	case *ast.ShowCreate:
		return b.action(b.showCreate(s))
	case *ast.Describe:
		if s.What == "JOB" {
			return describeJob(s), nil
		}
		return b.action(b.describe(s))
	case *ast.StopJob:
		return stopJob(s), nil
	case *ast.Update:
		return b.update(s)
	case *ast.Delete:
		return b.delete(s)
	case *ast.TruncateTable:
		return b.truncate(s)
	case *ast.AnalyzeTable:
		return b.analyze(s)
	case *ast.CompilePlan:
		return b.compile(s)
	case *ast.CreateMaterializedTable:
		return b.createMaterialized(s)
	case *ast.AlterMaterializedTable:
		return b.alterMaterialized(s)
	case *ast.DropMaterializedTable:
		return b.dropMaterialized(s)
	case *ast.ExecutePlan:
		return &RunPlan{File: s.File.Value, At: s.File.Span}, nil
	}
	return nil, refuse(s)
}

func (b *Binder) bound(q *Query, err error) (Bound, error) {
	if err != nil {
		return nil, err
	}
	return q, nil
}

func (b *Binder) action(a *Action, err error) (Bound, error) {
	if err != nil {
		return nil, err
	}
	return a, nil
}

// refuse says why a statement cannot be bound.
func refuse(s ast.Statement) error {
	at := s.Span()
	no := func(what string) error { return unsupported(at, "%s is", what) }
	switch s := s.(type) {
	case *ast.Merge:
		return diag.At(at, diag.UnsupportedByFlink, "MERGE INTO is parsed but cannot be planned").
			WithHint("INSERT INTO a table with a PRIMARY KEY replaces rows by key")
	case *ast.SetOption:
		return diag.At(at, diag.UnsupportedByFlink, "this form of SET is not one of Flink SQL").WithHint("write SET 'key' = 'value'")
	case *ast.AlterConnection:
		return diag.At(at, diag.UnsupportedByFlink, "ALTER CONNECTION is parsed but cannot be run")
	case *ast.DropConnection:
		return diag.At(at, diag.UnsupportedByFlink, "DROP CONNECTION is parsed but cannot be run")
	case *ast.AddJar:
		return noJars("ADD JAR", at)
	case *ast.RemoveJar:
		return noJars("REMOVE JAR", at)
	default:
		_ = s
	}
	return no("this statement")
}

func (b *Binder) inserts(s *ast.StatementSet) (Bound, error) {
	out := &Inserts{}
	for _, i := range s.Inserts {
		n, err := b.Insert(i)
		if err != nil {
			return nil, err
		}
		out.List = append(out.List, n)
	}
	return out, nil
}

func (b *Binder) explain(s *ast.Explain) (Bound, error) {
	inner := s.Statement
	if e, ok := inner.(*ast.Execute); ok {
		inner = e.Statement
	}
	switch inner := inner.(type) {
	case *ast.QueryStatement, *ast.Insert, *ast.StatementSet, *ast.Update, *ast.Delete:
	case *ast.CreateTable:
		if inner.Query == nil {
			return nil, diag.At(inner.Span(), diag.InvalidQuery, "EXPLAIN takes a statement that has a plan, and CREATE TABLE without AS has none")
		}
	case *ast.CreateMaterializedTable:
		return b.explainQuery(s, inner.Query)
	case *ast.AlterMaterializedTable:
		if as, ok := inner.Action.(*ast.AsQuery); ok {
			return b.explainQuery(s, as.Query)
		}
		return nil, diag.At(inner.Span(), diag.InvalidQuery, "EXPLAIN takes ALTER MATERIALIZED TABLE with AS and a query only")
	default:
		return nil, diag.At(inner.Span(), diag.InvalidQuery, "EXPLAIN takes a query, an INSERT or a STATEMENT SET")
	}
	of, err := b.Statement(inner)
	if err != nil {
		return nil, err
	}
	return &Explain{Of: of, Details: s.Details, At: s.Span()}, nil
}
