package logical

import (
	"slices"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// Place is where a node came from; every node embeds it.
type Place struct{ At diag.Span }

// Span is the place in the statement.
func (a Place) Span() diag.Span { return a.At }

// Scan gives the columns a connector serves: physical, then metadata.
type Scan struct {
	Place
	Table     *catalog.Table
	Connector *connect.Connector
	Conn      *connect.Table
	// Out is Conn.Schema with the rowtime attribute where a stored column is one.
	Out types.Schema
	// Watermark is over the columns of the scan; nil when there is none.
	Watermark expr.Node
	// Column is the rowtime column's name, Text its watermark as written.
	Column, Text string
	// Target: these rows are the ones that an UPDATE or DELETE replaces.
	Target bool
}

// Values gives constant rows.
type Values struct {
	Place
	Rows [][]expr.Node
	Out  types.Schema
}

// Filter keeps rows for which Cond is TRUE.
type Filter struct {
	Place
	In   Node
	Cond expr.Node
}

// Project computes columns.
type Project struct {
	Place
	In    Node
	Exprs []expr.Node
	out   types.Schema
}

// Join joins two inputs.
type Join struct {
	Place
	Type  plan.JoinType
	Left  Node
	Right Node
	Cond  expr.Node // nil is TRUE
	// TTL of the left and right state in milliseconds, -1 for the session's.
	TTL [2]int64
	// Hint holds the options of a LOOKUP hint.
	Hint map[string]string
	// Multi: a MULTI_JOIN hint names all tables of both sides.
	Multi bool
	// Ways are hints for the way of the join, as EXPLAIN shows them. There is one way, which
	// they do not change.
	Ways []string
}

// Snapshot is a table as of the time of the row that is joined with it: the right
// input of a Join.
type Snapshot struct {
	Place
	In Node
	// Time is over the left input of the join.
	Time expr.Node
	// Name is the table, for messages.
	Name string
	// VersionTime is the event-time column of In by which versions of its rows are told
	// apart, where Time is event time; -1 reads the table at processing time.
	VersionTime int
}

// LateralSnapshot is SNAPSHOT(TABLE t) on the right of a join: each row of the left
// input meets the rows that the table has when it passes. Event time of the table
// becomes a plain timestamp.
type LateralSnapshot struct {
	Place
	In Node
	// Time is the event-time column of In; -1 in batch.
	Time int
	plan.SnapshotLoad
}

// ApplyKind is how a subquery's rows meet the row outside.
type ApplyKind uint8

// The kinds.
const (
	// ApplySemi and ApplyAnti keep rows for which the subquery has a row that meets
	// Cond, or has none (EXISTS, IN and their negations).
	ApplySemi ApplyKind = iota
	ApplyAnti
	// ApplyScalar adds the value of a subquery of one column: NULL for no row, an
	// error for more than one.
	ApplyScalar
	// ApplyMark adds BOOLEAN: whether the subquery has a row, or with Cond the
	// three-valued x IN (subquery).
	ApplyMark
	// ApplyInner and ApplyLeft join the subquery's rows to the row outside (LATERAL);
	// the second keeps rows for which there is none.
	ApplyInner
	ApplyLeft
)

// Apply evaluates a subquery for each row. Rules turn it into joins.
type Apply struct {
	Place
	Kind        ApplyKind
	Left, Right Node
	// Cond is over left columns, then right ones; nil is TRUE.
	Cond expr.Node
}

// Aggregate groups rows.
//
// Output: Keys, Aggs, then for a group window its Props.
type Aggregate struct {
	Place
	In   Node
	Keys []int
	Aggs []plan.AggCall
	// Window is a group window of the older form, or nil; Props its properties.
	Window *plan.WindowSpec
	Props  []plan.WindowProp
	// TTL in milliseconds, -1 for the session's.
	TTL int64
}

// Window is a windowing table function: input columns, window_start, window_end,
// window_time.
type Window struct {
	Place
	In   Node
	Spec plan.WindowSpec
}

// Over adds the results of calls over one window definition.
type Over struct {
	Place
	In          Node
	PartitionBy []int
	OrderBy     []plan.SortKey
	Rows        bool
	Lo, Hi      plan.FrameBound
	Calls       []plan.AggCall
}

// Union is UNION ALL of inputs with the same types.
type Union struct {
	Place
	Ins []Node
}

// Sort is ORDER BY, LIMIT and OFFSET. Without Keys it is a limit; Fetch is
// plan.NoLimit without one.
type Sort struct {
	Place
	In            Node
	Keys          []plan.SortKey
	Offset, Fetch int64
}

// NewProject makes a projection. Names that are missing are taken from columns
// passed on.
func NewProject(in Node, exprs []expr.Node, names []string, span diag.Span) *Project {
	out := make(types.Schema, len(exprs))
	is := in.Schema()
	for i, e := range exprs {
		t := e.Type()
		if r, ok := e.(*expr.InputRef); ok && len(r.Path) == 0 && r.Index < len(is) {
			t.Attr = is[r.Index].Type.Attr
			if i >= len(names) {
				out[i].Name = is[r.Index].Name
			}
		}
		if i < len(names) {
			out[i].Name = names[i]
		}
		out[i].Type = t
	}
	return &Project{Place{span}, in, exprs, out}
}

// NewValues makes constant rows.
func NewValues(rows [][]expr.Node, out types.Schema, span diag.Span) *Values {
	return &Values{Place{span}, rows, out}
}

// NewFilter makes a filter; a nil condition gives the input itself.
func NewFilter(in Node, cond expr.Node, span diag.Span) Node {
	if cond == nil {
		return in
	}
	return &Filter{Place{span}, in, cond}
}

// Schema of the scan is the connector's.
func (n *Scan) Schema() types.Schema { return n.Out }

// Schema of constant rows.
func (n *Values) Schema() types.Schema { return n.Out }

// Schema is the input's.
func (n *Filter) Schema() types.Schema { return n.In.Schema() }

// Schema of the expressions.
func (n *Project) Schema() types.Schema { return n.out }

// Schema is that of both sides.
func (n *Join) Schema() types.Schema { return JoinSchema(n.Type, n.Left.Schema(), n.Right.Schema()) }

// Schema is the input's.
func (n *Snapshot) Schema() types.Schema { return n.In.Schema() }

// Schema is the input's without event time.
func (n *LateralSnapshot) Schema() types.Schema {
	s := slices.Clone(n.In.Schema())
	for i := range s {
		s[i].Type = s[i].Type.Plain()
	}
	return s
}

// Schema is the left one, with a column for ApplyScalar and ApplyMark.
func (n *Apply) Schema() types.Schema {
	s := n.Left.Schema()
	switch n.Kind {
	case ApplyScalar:
		f := n.Right.Schema()[0]
		f.Type = f.Type.Nullable(true).Plain()
		return append(slices.Clip(s), f)
	case ApplyMark:
		return append(slices.Clip(s), types.Field{Name: "EXPR$0", Type: types.BooleanT})
	case ApplyInner:
		return JoinSchema(plan.Inner, s, n.Right.Schema())
	case ApplyLeft:
		return JoinSchema(plan.LeftOuter, s, n.Right.Schema())
	}
	return s
}

// Schema is keys, aggregates, properties.
func (n *Aggregate) Schema() types.Schema {
	in := n.In.Schema()
	var out types.Schema
	time := n.keepsTime()
	for _, k := range n.Keys {
		f := in[k]
		if k != time {
			f.Type = f.Type.Plain()
		}
		out = append(out, f)
	}
	for _, a := range n.Aggs {
		out = append(out, types.Field{Name: a.Name, Type: a.Type})
	}
	for _, p := range n.Props {
		out = append(out, PropField(p, *n.Window))
	}
	return out
}

// PropField is the column of a window's property.
func PropField(p plan.WindowProp, w plan.WindowSpec) types.Field {
	t := types.TimestampT(3).Nullable(false)
	switch p {
	case plan.WindowRowtime:
		t = w.TimeType.Nullable(false)
		t.Attr = types.Rowtime
	case plan.WindowProctime:
		t = types.TimestampLTZT(3).Nullable(false)
		t.Attr = types.Proctime
	}
	return types.Field{Name: "w$" + p.String(), Type: t}
}

// Schema is the input's with the original time column made ordinary, and the three
// window columns.
func (n *Window) Schema() types.Schema { return WindowSchema(n.In.Schema(), n.Spec) }

// WindowSchema is the output of a windowing function over in.
func WindowSchema(in types.Schema, w plan.WindowSpec) types.Schema {
	out := slices.Clone(in)
	out[w.TimeCol].Type.Attr = types.NotTime
	t := types.TimestampT(3).Nullable(false)
	wt := w.TimeType.Nullable(false)
	if wt.Attr == types.NotTime && wt.Prec > 3 {
		wt.Prec = 3
	}
	return append(out, types.Field{Name: "window_start", Type: t}, types.Field{Name: "window_end", Type: t},
		types.Field{Name: "window_time", Type: wt})
}

// Schema is the input's and the calls.
func (n *Over) Schema() types.Schema {
	out := slices.Clip(n.In.Schema())
	for _, c := range n.Calls {
		out = append(out, types.Field{Name: c.Name, Type: c.Type})
	}
	return out
}

// Schema is the first input's; columns are NOT NULL if they are everywhere.
func (n *Union) Schema() types.Schema {
	out := slices.Clone(n.Ins[0].Schema())
	for _, in := range n.Ins[1:] {
		for i, f := range in.Schema() {
			out[i].Type.NotNull = out[i].Type.NotNull && f.Type.NotNull
			if f.Type.Attr != out[i].Type.Attr {
				out[i].Type.Attr = types.NotTime
			}
		}
	}
	return out
}

// Schema is the input's.
func (n *Sort) Schema() types.Schema { return n.In.Schema() }

// JoinSchema is the output of a join of two schemas.
func JoinSchema(t plan.JoinType, left, right types.Schema) types.Schema {
	if t.LeftOnly() {
		return left
	}
	out := make(types.Schema, 0, len(left)+len(right))
	for _, f := range left {
		if t.KeepsRight() {
			f.Type.NotNull = false
		}
		out = append(out, f)
	}
	for _, f := range right {
		if t.KeepsLeft() {
			f.Type.NotNull = false
		}
		out = append(out, f)
	}
	return out
}

// Inputs: none.
func (n *Scan) Inputs() []Node { return nil }

// Inputs: none.
func (n *Values) Inputs() []Node { return nil }

// Inputs is the one input.
func (n *Filter) Inputs() []Node { return []Node{n.In} }

// Inputs is the one input.
func (n *Project) Inputs() []Node { return []Node{n.In} }

// Inputs are both sides.
func (n *Join) Inputs() []Node { return []Node{n.Left, n.Right} }

// Inputs is the one input.
func (n *Snapshot) Inputs() []Node { return []Node{n.In} }

// Inputs is the table.
func (n *LateralSnapshot) Inputs() []Node { return []Node{n.In} }

// Inputs are both sides.
func (n *Apply) Inputs() []Node { return []Node{n.Left, n.Right} }

// Inputs is the one input.
func (n *Aggregate) Inputs() []Node { return []Node{n.In} }

// Inputs is the one input.
func (n *Window) Inputs() []Node { return []Node{n.In} }

// Inputs is the one input.
func (n *Over) Inputs() []Node { return []Node{n.In} }

// Inputs are all inputs.
func (n *Union) Inputs() []Node { return n.Ins }

// Inputs is the one input.
func (n *Sort) Inputs() []Node { return []Node{n.In} }

// With returns n.
func (n *Scan) With([]Node) Node { return n }

// With returns n.
func (n *Values) With([]Node) Node { return n }

// With replaces the input.
func (n *Filter) With(in []Node) Node { c := *n; c.In = in[0]; return &c }

// With replaces the input.
func (n *Project) With(in []Node) Node {
	return NewProject(in[0], n.Exprs, n.out.Names(), n.At)
}

// With replaces the inputs.
func (n *Join) With(in []Node) Node { c := *n; c.Left, c.Right = in[0], in[1]; return &c }

// With replaces the input.
func (n *Snapshot) With(in []Node) Node { c := *n; c.In = in[0]; return &c }

// With replaces the table.
func (n *LateralSnapshot) With(in []Node) Node { c := *n; c.In = in[0]; return &c }

// With replaces the inputs.
func (n *Apply) With(in []Node) Node { c := *n; c.Left, c.Right = in[0], in[1]; return &c }

// With replaces the input.
func (n *Aggregate) With(in []Node) Node { c := *n; c.In = in[0]; return &c }

// With replaces the input.
func (n *Window) With(in []Node) Node { c := *n; c.In = in[0]; return &c }

// With replaces the input.
func (n *Over) With(in []Node) Node { c := *n; c.In = in[0]; return &c }

// With replaces the inputs.
func (n *Union) With(in []Node) Node { c := *n; c.Ins = in; return &c }

// With replaces the input.
func (n *Sort) With(in []Node) Node { c := *n; c.In = in[0]; return &c }

// Rank keeps the rows From to To of each partition in order; OutputRank adds their
// number. Rules make it of ROW_NUMBER and a condition.
type Rank struct {
	Place
	In          Node
	Kind        plan.RankKind
	PartitionBy []int
	OrderBy     []plan.SortKey
	From, To    int64
	// ToCol is the column that holds To, or -1.
	ToCol      int
	OutputRank bool
	// Name of the number's column.
	Name string
}

// Schema is the input's and the number.
func (n *Rank) Schema() types.Schema {
	s := n.In.Schema()
	if n.OutputRank {
		s = append(slices.Clip(s), types.Field{Name: n.Name, Type: types.BigIntT.Nullable(false)})
	}
	return s
}

// Inputs is the one input.
func (n *Rank) Inputs() []Node { return []Node{n.In} }

// With replaces the input.
func (n *Rank) With(in []Node) Node { c := *n; c.In = in[0]; return &c }
