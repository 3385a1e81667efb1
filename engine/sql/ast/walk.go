package ast

// Walk calls f for a node and, while f says true, for what lies below it, in the
// order of the text. A nil node is passed over.
func Walk(n Node, f func(Node) bool) {
	if n == nil || !f(n) {
		return
	}
	w := walker{f}
	switch n := n.(type) {
	case Expr:
		w.inExpr(n)
	case Query:
		w.inQuery(n)
	case TableRef:
		w.inTable(n)
	case TypeSpec:
		w.inType(n)
	case Statement:
		w.inStatement(n)
	case AlterAction:
		w.inAction(n)
	case Pattern:
		w.inPattern(n)
	default:
		w.inPart(n)
	}
}

type walker struct{ f func(Node) bool }

func (w walker) expr(x Expr) {
	if x != nil {
		Walk(x, w.f)
	}
}

func (w walker) exprs(list []Expr) {
	for _, x := range list {
		w.expr(x)
	}
}

func (w walker) query(q Query) {
	if q != nil {
		Walk(q, w.f)
	}
}

func (w walker) table(t TableRef) {
	if t != nil {
		Walk(t, w.f)
	}
}

func (w walker) typ(t TypeSpec) {
	if t != nil {
		Walk(t, w.f)
	}
}

func (w walker) order(list []OrderItem) {
	for _, it := range list {
		w.expr(it.Expr)
	}
}

func (w walker) items(list []SelectItem) {
	for _, it := range list {
		w.expr(it.Expr)
	}
}

func (w walker) fields(list []Field) {
	for _, f := range list {
		w.typ(f.Type)
	}
}

func (w walker) hints(list []Hint) {
	for _, h := range list {
		for _, a := range h.Args {
			if a.Literal != nil {
				w.expr(a.Literal)
			}
		}
	}
}

func (w walker) partition(list []Partition) {
	for _, p := range list {
		w.expr(p.Value)
	}
}

func (w walker) assignments(list []Assignment) {
	for _, a := range list {
		w.expr(a.Value)
	}
}

func (w walker) inExpr(n Expr) {
	switch n := n.(type) {
	case *IntervalExpr:
		w.expr(n.X)
	case *Unary:
		w.expr(n.X)
	case *Binary:
		w.expr(n.L)
		w.expr(n.R)
	case *Is:
		w.expr(n.X)
	case *IsDistinct:
		w.expr(n.L)
		w.expr(n.R)
	case *Between:
		w.expr(n.X)
		w.expr(n.Lo)
		w.expr(n.Hi)
	case *In:
		w.expr(n.X)
		w.exprs(n.List)
		w.query(n.Query)
	case *Like:
		w.expr(n.X)
		w.expr(n.Pattern)
		w.expr(n.Escape)
	case *Exists:
		w.query(n.Query)
	case *Quantified:
		w.expr(n.X)
		w.exprs(n.List)
		w.query(n.Query)
	case *Case:
		w.expr(n.Operand)
		for _, b := range n.Whens {
			w.exprs(b.Conds)
			w.expr(b.Then)
		}
		w.expr(n.Else)
	case *Cast:
		w.expr(n.X)
		w.typ(n.Type)
	case *FuncCall:
		w.inCall(n)
	case *ArrayCtor:
		w.exprs(n.Elems)
		w.query(n.Query)
	case *MultisetCtor:
		w.exprs(n.Elems)
		w.query(n.Query)
	case *MapCtor:
		w.exprs(n.Elems)
		w.query(n.Query)
	case *RowCtor:
		w.exprs(n.Elems)
	case *Period:
		w.expr(n.Start)
		w.expr(n.End)
	case *Subquery:
		w.query(n.Query)
	case *Cursor:
		w.query(n.Query)
	case *IndexAccess:
		w.expr(n.X)
		w.expr(n.Index)
	case *FieldAccess:
		w.expr(n.X)
	case *FieldStar:
		w.expr(n.X)
	case *TableArg:
		if n.Call != nil {
			w.expr(n.Call)
		}
		w.query(n.Query)
		w.exprs(n.PartitionBy)
		w.order(n.OrderBy)
	case *Lambda:
		w.expr(n.Body)
	}
}

func (w walker) inCall(n *FuncCall) {
	for _, a := range n.Args {
		w.expr(a.Value)
	}
	w.order(n.OrderBy)
	if n.JSON != nil {
		w.typ(n.JSON.Returning)
		w.expr(n.JSON.OnEmpty.Default)
		w.expr(n.JSON.OnError.Default)
	}
	w.exprs(n.WithinDistinct)
	w.order(n.WithinGroup)
	w.expr(n.Filter)
	if n.Over != nil {
		Walk(n.Over, w.f)
	}
}

func (w walker) inQuery(n Query) {
	switch n := n.(type) {
	case *Select:
		w.hints(n.Hints)
		w.items(n.Items)
		w.table(n.From)
		w.expr(n.Where)
		if n.GroupBy != nil {
			Walk(n.GroupBy, w.f)
		}
		w.expr(n.Having)
		for _, nw := range n.Windows {
			Walk(nw.Spec, w.f)
		}
		w.expr(n.Qualify)
	case *Values:
		w.exprs(n.Rows)
	case *SetOp:
		w.query(n.L)
		w.query(n.R)
	case *With:
		for _, it := range n.Items {
			w.query(it.Query)
		}
		w.query(n.Body)
	case *Ordered:
		w.query(n.Body)
		w.order(n.OrderBy)
		w.expr(n.Offset)
		w.expr(n.Limit)
	}
}

// inPart walks the parts that belong to no family.
func (w walker) inPart(n Node) {
	switch n := n.(type) {
	case *GroupBy:
		for i := range n.Items {
			Walk(&n.Items[i], w.f)
		}
	case *GroupItem:
		w.exprs(n.Exprs)
		for i := range n.Items {
			Walk(&n.Items[i], w.f)
		}
	case *WindowSpec:
		w.exprs(n.PartitionBy)
		w.order(n.OrderBy)
		if n.Frame != nil {
			Walk(n.Frame, w.f)
		}
	case *Frame:
		w.expr(n.Lo.Offset)
		w.expr(n.Hi.Offset)
	case *Column:
		w.typ(n.Type)
		w.expr(n.Expr)
		if n.Constraint != nil {
			Walk(n.Constraint, w.f)
		}
	case *Watermark:
		w.expr(n.Expr)
	case *StartMode:
		w.expr(n.Arg)
	}
}

func (w walker) inTable(n TableRef) {
	switch n := n.(type) {
	case *TableName:
		w.hints(n.Hints)
		w.fields(n.Extend)
	case *DerivedTable:
		w.query(n.Query)
	case *TableFunc:
		w.expr(n.Call)
	case *Unnest:
		w.exprs(n.Exprs)
	case *AliasedTable:
		w.table(n.Input)
	case *SnapshotTable:
		w.table(n.Input)
		w.expr(n.AsOf)
	case *TableSample:
		w.table(n.Input)
		w.expr(n.Percent)
		w.expr(n.Repeatable)
	case *Join:
		w.table(n.L)
		w.table(n.R)
		w.expr(n.Match)
		w.expr(n.On)
	case *Pivot:
		w.table(n.Input)
		w.items(n.Aggs)
		for _, v := range n.In {
			w.exprs(v.Values)
		}
	case *Unpivot:
		w.table(n.Input)
		for _, v := range n.In {
			w.exprs(v.Values)
		}
	case *MatchRecognize:
		w.table(n.Input)
		w.exprs(n.PartitionBy)
		w.order(n.OrderBy)
		w.items(n.Measures)
		if n.Pattern != nil {
			Walk(n.Pattern, w.f)
		}
		w.expr(n.Within)
		for _, d := range n.Defines {
			w.expr(d.Cond)
		}
	}
}

func (w walker) patterns(list []Pattern) {
	for _, p := range list {
		Walk(p, w.f)
	}
}

func (w walker) inPattern(n Pattern) {
	switch n := n.(type) {
	case *PatternConcat:
		w.patterns(n.Items)
	case *PatternAlt:
		w.patterns(n.Items)
	case *PatternQuant:
		Walk(n.X, w.f)
	case *PatternPermute:
		w.patterns(n.Items)
	case *PatternExclude:
		Walk(n.X, w.f)
	}
}

func (w walker) inType(n TypeSpec) {
	switch n := n.(type) {
	case *ArrayType:
		w.typ(n.Elem)
	case *MultisetType:
		w.typ(n.Elem)
	case *MapType:
		w.typ(n.Key)
		w.typ(n.Value)
	case *RowType:
		w.fields(n.Fields)
	case *StructuredType:
		w.fields(n.Fields)
	}
}

func (w walker) schema(s *Schema) {
	for _, c := range s.Columns {
		Walk(c, w.f)
	}
	for _, m := range s.Watermarks {
		Walk(m, w.f)
	}
	for _, c := range s.Constraints {
		Walk(c, w.f)
	}
}

func (w walker) distribution(d *Distribution) {
	if d != nil {
		Walk(d, w.f)
	}
}

func (w walker) columns(list []*Column) {
	for _, c := range list {
		Walk(c, w.f)
	}
}

func (w walker) statement(s Statement) {
	if s != nil {
		Walk(s, w.f)
	}
}

func (w walker) inStatement(n Statement) {
	switch n := n.(type) {
	case *QueryStatement:
		w.query(n.Query)
	case *CreateTable:
		w.schema(&n.Schema)
		w.distribution(n.Distribution)
		if n.Like != nil {
			Walk(n.Like, w.f)
		}
		w.query(n.Query)
	case *AlterTable:
		if n.Action != nil {
			Walk(n.Action, w.f)
		}
	case *AnalyzeTable:
		w.partition(n.Partition)
	case *CreateMaterializedTable:
		w.schema(&n.Schema)
		w.distribution(n.Distribution)
		if n.Start != nil {
			Walk(n.Start, w.f)
		}
		if n.Freshness != nil {
			w.expr(n.Freshness)
		}
		w.query(n.Query)
	case *AlterMaterializedTable:
		if n.Action != nil {
			Walk(n.Action, w.f)
		}
	case *CreateView:
		w.query(n.Query)
	case *AlterView:
		w.query(n.Query)
	case *Call:
		w.expr(n.Call)
	case *CreateModel:
		w.columns(n.Input)
		w.columns(n.Output)
		w.query(n.Query)
	case *Insert:
		w.hints(n.Hints)
		w.partition(n.Partition)
		w.query(n.Query)
	case *StatementSet:
		for _, i := range n.Inserts {
			w.statement(i)
		}
	case *Execute:
		w.statement(n.Statement)
	case *Update:
		w.hints(n.Hints)
		w.assignments(n.Set)
		w.expr(n.Where)
	case *Delete:
		w.hints(n.Hints)
		w.expr(n.Where)
	case *Merge:
		w.hints(n.Hints)
		w.table(n.Using)
		w.expr(n.On)
		w.assignments(n.Update)
		if n.Insert != nil {
			w.expr(n.Insert.Row)
		}
	case *Explain:
		w.statement(n.Statement)
	case *CompilePlan:
		w.statement(n.Statement)
	case *Show:
		w.partition(n.Partition)
	case *SetOption:
		w.expr(n.Value)
	}
}

func (w walker) inAction(n AlterAction) {
	switch n := n.(type) {
	case *AddColumns:
		w.schema(&n.Schema)
	case *ModifyColumns:
		w.schema(&n.Schema)
	case *AddDistribution:
		w.distribution(n.Distribution)
	case *ModifyDistribution:
		w.distribution(n.Distribution)
	case *AddPartitions:
		for _, d := range n.Partitions {
			w.partition(d.Spec)
		}
	case *DropPartitions:
		for _, d := range n.Partitions {
			w.partition(d)
		}
	case *Refresh:
		w.partition(n.Partition)
	case *SetFreshness:
		w.expr(n.Freshness)
	case *AsQuery:
		w.query(n.Query)
	}
}
