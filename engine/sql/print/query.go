package print

import (
	"github.com/minkstream/mink/engine/sql/ast"
)

func (p *printer) query(q ast.Query) {
	switch q := q.(type) {
	case *ast.Select:
		p.selectQuery(q)
	case *ast.Values:
		p.word("VALUES ")
		if p.full != nil {
			p.fullRows(q.Rows)
			return
		}
		p.commas(len(q.Rows), func(i int) { p.expr(q.Rows[i], precAny) })
	case *ast.TableQuery:
		if p.full != nil {
			p.fullTable(q.Span(), q.Name)
			return
		}
		p.word("TABLE ")
		p.name(q.Name)
	case *ast.SetOp:
		n := setPrec(q)
		p.operand(q.L, n)
		p.clause()
		p.word(q.Op.String() + flag(q.All, " ALL"))
		p.clause()
		p.operand(q.R, n+1)
	case *ast.With:
		p.with(q)
	case *ast.Ordered:
		p.ordered(q)
	}
}

// setPrec tells how tightly a query binds: what is complete in itself binds most.
func setPrec(q ast.Query) int {
	switch q := q.(type) {
	case *ast.SetOp:
		if q.Op == ast.Intersect {
			return 3
		}
		return 2
	case *ast.With:
		return 1
	case *ast.Ordered:
		return 0
	}
	return 4
}

// operand writes a query, in parentheses when it binds less tightly than lowest.
func (p *printer) operand(q ast.Query, lowest int) {
	if setPrec(q) < lowest {
		p.subquery(q)
		return
	}
	p.query(q)
}

func (p *printer) with(q *ast.With) {
	p.word("WITH " + flag(q.Recursive, "RECURSIVE "))
	for i, it := range q.Items {
		if i > 0 {
			p.word(",")
			p.line()
		}
		p.id(it.Name)
		if len(it.Columns) > 0 {
			p.word(" ")
			p.idList(it.Columns)
		}
		p.word(" AS ")
		p.subquery(it.Query)
	}
	p.line()
	p.operand(q.Body, 2)
}

func (p *printer) ordered(q *ast.Ordered) {
	p.operand(q.Body, 1)
	if len(q.OrderBy) > 0 {
		p.clause()
		p.word("ORDER BY ")
		p.outputs = outputNames(q.Body)
		p.orderItems(q.OrderBy)
		p.outputs = nil
	}
	if p.full != nil {
		p.fullLimits(q)
		return
	}
	if q.Limit != nil {
		p.clause()
		p.word("LIMIT ")
		p.expr(q.Limit, precAny)
	}
	if q.Offset != nil {
		if q.Limit == nil {
			p.clause()
		} else {
			p.word(" ")
		}
		p.word("OFFSET ")
		p.expr(q.Offset, precAny)
	}
}

func (p *printer) selectQuery(q *ast.Select) {
	p.word("SELECT")
	p.hints(q.Hints)
	if p.full != nil && len(q.Hints) > 0 {
		p.word("\n")
	}
	p.words(flag(q.Stream, "STREAM"), q.Quantifier.String())
	if p.pretty && len(q.Items) > 1 {
		p.indent++
		for i, it := range q.Items {
			p.word(flag(i > 0, ","))
			p.newline()
			p.item(it)
		}
		p.indent--
	} else {
		p.word(flag(p.full == nil || len(q.Hints) == 0, " "))
		p.items(p.full.items(q.Items))
	}
	if q.From == nil {
		return
	}
	p.clause()
	p.word("FROM ")
	p.from(q.From)
	if q.Where != nil {
		p.clause()
		p.word("WHERE ")
		p.condition(q.Where)
	}
	if q.GroupBy != nil {
		p.clause()
		p.groupBy(q.GroupBy)
	}
	if q.Having != nil {
		p.clause()
		p.word("HAVING ")
		p.condition(q.Having)
	}
	if len(q.Windows) > 0 {
		p.clause()
		p.word("WINDOW ")
		p.commas(len(q.Windows), func(i int) {
			p.id(q.Windows[i].Name)
			p.word(" AS ")
			p.window(q.Windows[i].Spec)
		})
	}
	if q.Qualify != nil {
		p.clause()
		p.word("QUALIFY ")
		p.condition(q.Qualify)
	}
}

// condition writes a predicate; the parts of a conjunction stand on lines of their
// own when printing pretty.
func (p *printer) condition(x ast.Expr) {
	b, ok := x.(*ast.Binary)
	if !p.pretty || !ok || b.Op != ast.OpAnd {
		p.expr(x, precAny)
		return
	}
	var parts []ast.Expr
	for ok && b.Op == ast.OpAnd {
		parts = append(parts, b.R)
		x = b.L
		b, ok = x.(*ast.Binary)
	}
	p.indent++
	p.expr(x, binaryPrec[ast.OpAnd])
	for i := len(parts) - 1; i >= 0; i-- {
		p.newline()
		p.word("AND ")
		p.expr(parts[i], binaryPrec[ast.OpAnd]+1)
	}
	p.indent--
}

func (p *printer) items(list []ast.SelectItem) {
	p.commas(len(list), func(i int) { p.item(list[i]) })
}

func (p *printer) item(it ast.SelectItem) {
	p.expr(it.Expr, precAny)
	if c, ok := it.Expr.(*ast.FuncCall); ok && p.full != nil && c.Syntax == ast.CallNiladic && it.Alias == nil {
		p.alias(&c.Name[0])
		return
	}
	if c, ok := it.Expr.(*ast.ColumnRef); ok && p.full != nil && p.full.Merged[c.Span()] != nil && it.Alias == nil {
		p.alias(&c.Name[len(c.Name)-1])
		return
	}
	p.alias(it.Alias)
}

func (p *printer) alias(id *ast.Identifier) {
	if id != nil {
		p.word(" AS ")
		p.id(*id)
	}
}

func (p *printer) groupBy(g *ast.GroupBy) {
	p.word("GROUP BY ")
	if q := g.Quantifier.String(); q != "" {
		p.word(q + " ")
	}
	p.groupItems(g.Items)
}

func (p *printer) groupItems(list []ast.GroupItem) {
	p.commas(len(list), func(i int) { p.groupItem(list[i]) })
}

func (p *printer) groupItem(g ast.GroupItem) {
	switch g.Kind {
	case ast.GroupExpr:
		p.exprs(g.Exprs)
	case ast.GroupSet:
		if p.full != nil && len(g.Exprs) == 1 {
			p.exprs(g.Exprs)
			return
		}
		p.parens(func() { p.exprs(g.Exprs) })
	default:
		p.word(g.Kind.String() + flag(p.full == nil, " "))
		p.parens(func() { p.groupItems(g.Items) })
	}
}

// from writes the items of FROM, joins on lines of their own when printing pretty.
func (p *printer) from(t ast.TableRef) {
	p.indent++
	p.table(t)
	p.indent--
}

// rank orders what may follow a table; what ranks lower stands nearer to it.
func rank(t ast.TableRef) int {
	switch t.(type) {
	case *ast.SnapshotTable:
		return 1
	case *ast.MatchRecognize:
		return 2
	case *ast.Pivot:
		return 3
	case *ast.Unpivot:
		return 4
	case *ast.AliasedTable:
		return 5
	case *ast.TableSample:
		return 6
	case *ast.Join:
		return 7
	}
	return 0
}

// input writes what a clause of the given rank applies to.
func (p *printer) input(t ast.TableRef, limit int) {
	if rank(t) >= limit {
		p.parens(func() { p.table(t) })
		return
	}
	p.table(t)
}

func (p *printer) table(t ast.TableRef) {
	switch t := t.(type) {
	case *ast.TableName:
		p.tableName(t.Name)
		p.hints(t.Hints)
		if len(t.Extend) > 0 {
			p.word(" EXTEND (")
			p.fields(t.Extend)
			p.word(")")
		}
	case *ast.DerivedTable:
		p.word(flag(t.Lateral, "LATERAL "))
		p.subquery(t.Query)
	case *ast.TableFunc:
		p.word(flag(t.Lateral, "LATERAL ") + flag(t.Wrapped, "TABLE(") + flag(t.Specific, "SPECIFIC "))
		if c, ok := t.Call.(*ast.FuncCall); ok {
			if p.full != nil {
				p.funcName(c.Name)
				p.tables = true
			} else {
				p.name(c.Name)
			}
			p.args(c, 0)
		}
		p.word(flag(t.Wrapped, ")"))
	case *ast.Unnest:
		p.word(flag(t.Lateral, "LATERAL ") + "UNNEST(")
		p.exprs(t.Exprs)
		p.word(")" + flag(t.Ordinality, " WITH ORDINALITY"))
	case *ast.AliasedTable:
		if p.full != nil {
			p.full.named[t.Input] = true
		}
		p.input(t.Input, 5)
		p.word(" AS ")
		p.id(t.Alias)
		if len(t.Columns) > 0 {
			p.word(" ")
			p.idList(t.Columns)
		}
	case *ast.SnapshotTable:
		if p.full != nil {
			p.full.named[t.Input] = true
		}
		p.input(t.Input, 1)
		p.word(" FOR SYSTEM_TIME AS OF ")
		p.expr(t.AsOf, precAny)
	case *ast.TableSample:
		p.input(t.Input, 6)
		p.word(" TABLESAMPLE " + t.Method + "(")
		p.expr(t.Percent, precAny)
		p.word(")")
		if t.Repeatable != nil {
			p.word(" REPEATABLE(")
			p.expr(t.Repeatable, precAny)
			p.word(")")
		}
	case *ast.Join:
		p.join(t)
	case *ast.Pivot:
		p.pivot(t)
	case *ast.Unpivot:
		p.unpivot(t)
	case *ast.MatchRecognize:
		p.match(t)
	}
	p.fullAlias(t)
}

func (p *printer) join(t *ast.Join) {
	if t.Kind == ast.JoinComma {
		p.table(t.L)
		p.word(",")
		p.clause()
		if r, ok := t.R.(*ast.Join); ok && r.Kind == ast.JoinComma {
			p.parens(func() { p.table(r) })
			return
		}
		p.table(t.R)
		return
	}
	if l, ok := t.L.(*ast.Join); ok && l.Kind == ast.JoinComma {
		p.parens(func() { p.table(l) })
	} else {
		p.table(t.L)
	}
	p.clause()
	p.word(flag(t.Natural, "NATURAL ") + flag(p.full != nil && t.Kind == ast.JoinInner, "INNER ") + t.Kind.String() + " ")
	p.input(t.R, 7)
	if t.Match != nil {
		p.word(" MATCH_CONDITION ")
		p.expr(t.Match, precAny)
	}
	if t.On != nil {
		p.word(" ON ")
		p.condition(t.On)
	}
	if len(t.Using) > 0 {
		p.word(" USING ")
		p.idList(t.Using)
	}
}

func (p *printer) pivot(t *ast.Pivot) {
	p.input(t.Input, 3)
	p.word(" PIVOT (")
	p.items(t.Aggs)
	p.word(" FOR ")
	p.idOrList(t.Axes)
	p.word(" IN (")
	p.commas(len(t.In), func(i int) {
		p.parens(func() { p.exprs(t.In[i].Values) })
		p.alias(t.In[i].Alias)
	})
	p.word("))")
}

func (p *printer) unpivot(t *ast.Unpivot) {
	p.input(t.Input, 4)
	nulls := map[ast.NullTreatment]string{ast.NullsRespect: " INCLUDE NULLS", ast.NullsIgnore: " EXCLUDE NULLS"}
	p.word(" UNPIVOT" + nulls[t.Nulls] + " (")
	p.idOrList(t.Measures)
	p.word(" FOR ")
	p.idOrList(t.Axes)
	p.word(" IN (")
	p.commas(len(t.In), func(i int) {
		p.idOrList(t.In[i].Columns)
		if len(t.In[i].Values) > 0 {
			p.word(" AS (")
			p.exprs(t.In[i].Values)
			p.word(")")
		}
	})
	p.word("))")
}

func (p *printer) match(t *ast.MatchRecognize) {
	if p.full != nil {
		p.full.named[t.Input] = true // an alias has no place there
	}
	p.input(t.Input, 2)
	p.word(" MATCH_RECOGNIZE" + flag(p.full == nil, " ") + "(" + flag(p.full != nil, "\n"))
	p.indent++
	p.fold()
	if len(t.PartitionBy) > 0 {
		p.word("PARTITION BY ")
		p.asWritten(func() { p.exprs(t.PartitionBy) })
		p.clause()
	}
	if len(t.OrderBy) > 0 {
		p.word("ORDER BY ")
		p.asWritten(func() { p.orderItems(t.OrderBy) })
		p.clause()
	}
	if len(t.Measures) > 0 {
		p.word("MEASURES ")
		p.items(t.Measures)
		p.clause()
	}
	if rows := t.Rows.String(); rows != "" {
		p.word(rows)
		p.clause()
	}
	if skip := t.Skip.Kind.String(); skip != "" {
		p.word("AFTER MATCH SKIP " + skip)
		if t.Skip.Kind >= ast.SkipToFirst {
			p.word(" ")
			p.id(t.Skip.Var)
		}
		p.clause()
	}
	p.word("PATTERN (" + flag(t.StartAnchor, "^ "))
	p.pattern(t.Pattern, false)
	p.word(flag(t.EndAnchor, " $") + ")")
	if t.Within != nil {
		p.word(" WITHIN ")
		p.expr(t.Within, precAny)
	}
	p.clause()
	if len(t.Subsets) > 0 {
		p.word("SUBSET ")
		p.commas(len(t.Subsets), func(i int) {
			p.id(t.Subsets[i].Name)
			p.word(" = ")
			p.idList(t.Subsets[i].Vars)
		})
		p.clause()
	}
	p.word("DEFINE ")
	p.commas(len(t.Defines), func(i int) {
		p.id(t.Defines[i].Var)
		p.word(" AS ")
		p.expr(t.Defines[i].Cond, precAny)
	})
	p.indent--
	p.fold()
	p.word(")")
}

// pattern writes a row pattern; tight asks for parentheses around what has several
// parts.
func (p *printer) pattern(x ast.Pattern, tight bool) {
	parts := func(list []ast.Pattern, sep string) {
		p.word(flag(tight, "("))
		for i, y := range list {
			p.word(flag(i > 0, sep))
			_, alt := y.(*ast.PatternAlt)
			_, concat := y.(*ast.PatternConcat)
			p.pattern(y, alt || concat && sep == " ")
		}
		p.word(flag(tight, ")"))
	}
	switch x := x.(type) {
	case *ast.PatternVar:
		p.id(x.Name)
	case *ast.PatternConcat:
		parts(x.Items, " ")
	case *ast.PatternAlt:
		parts(x.Items, " | ")
	case *ast.PatternQuant:
		_, again := x.X.(*ast.PatternQuant)
		if again {
			p.word("(")
		}
		p.pattern(x.X, true)
		p.word(flag(again, ")") + quantifier(x) + flag(x.Reluctant, "?"))
	case *ast.PatternPermute:
		p.word("PERMUTE(")
		p.commas(len(x.Items), func(i int) { p.pattern(x.Items[i], false) })
		p.word(")")
	case *ast.PatternExclude:
		p.word("{- ")
		p.pattern(x.X, false)
		p.word(" -}")
	}
}

func quantifier(x *ast.PatternQuant) string {
	switch {
	case x.Min == 0 && x.Max == ast.Unspecified:
		return "*"
	case x.Min == 1 && x.Max == ast.Unspecified:
		return "+"
	case x.Min == 0 && x.Max == 1:
		return "?"
	case x.Min == x.Max:
		return "{" + itoa(x.Min) + "}"
	case x.Max == ast.Unspecified:
		return "{" + itoa(x.Min) + ",}"
	case x.Min == ast.Unspecified:
		return "{," + itoa(x.Max) + "}"
	}
	return "{" + itoa(x.Min) + "," + itoa(x.Max) + "}"
}
