package bind

import (
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// groupWindow is the window of GROUP BY TUMBLE(...) and its brothers.
type groupWindow struct {
	name  string
	spec  plan.WindowSpec
	time  expr.Node
	key   string
	props []plan.WindowProp
}

var groupWindows = map[string]bool{"TUMBLE": true, "HOP": true, "SESSION": true}

var windowProps = map[string]bool{
	"TUMBLE_START": true, "TUMBLE_END": true, "TUMBLE_ROWTIME": true, "TUMBLE_PROCTIME": true,
	"HOP_START": true, "HOP_END": true, "HOP_ROWTIME": true, "HOP_PROCTIME": true,
	"SESSION_START": true, "SESSION_END": true, "SESSION_ROWTIME": true, "SESSION_PROCTIME": true,
}

// groupWindow binds a window of the older form.
func (x *block) groupWindow(e *ast.FuncCall) error {
	if x.window != nil {
		return diag.At(e.Span(), diag.InvalidQuery, "GROUP BY takes one window")
	}
	name := strings.ToUpper(e.Name[0].Name)
	w, err := x.oldWindow(e, name)
	if err != nil {
		return err
	}
	t := w.time.Type()
	if !t.IsTimestamp() || t.Attr == types.NotTime && !x.b.batch() {
		return diag.At(e.Args[0].Value.Span(), diag.InvalidWatermark, "%s needs a time attribute, not %s", name, t.Nullable(true)).
			WithHint("declare WATERMARK FOR the column, or use a PROCTIME() column")
	}
	x.window = w
	return nil
}

// oldWindow reads the arguments: time, then slide and size, then the offset.
func (x *block) oldWindow(e *ast.FuncCall, name string) (*groupWindow, error) {
	lo, hi := 2, 3
	if name == "HOP" {
		lo, hi = 3, 4
	}
	if name == "SESSION" {
		hi = 2
	}
	if len(e.Args) < lo || len(e.Args) > hi {
		return nil, diag.At(e.Span(), diag.InvalidArgument, "%s takes a time attribute and %s", name,
			map[string]string{"TUMBLE": "the size [and offset]", "HOP": "the slide and the size [and offset]", "SESSION": "the gap"}[name])
	}
	t, err := x.expr(e.Args[0].Value)
	if err != nil {
		return nil, err
	}
	w := &groupWindow{name: name, time: t}
	w.spec.TimeType = t.Type()
	var list []int64
	for i, a := range e.Args[1:] {
		ms, err := x.millis(a.Value, i < lo-1)
		if err != nil {
			return nil, err
		}
		list = append(list, ms)
	}
	switch name {
	case "TUMBLE":
		w.spec.Kind, w.spec.Size = plan.Tumble, list[0]
		list = list[1:]
	case "HOP":
		w.spec.Kind, w.spec.Slide, w.spec.Size = plan.Hop, list[0], list[1]
		list = list[2:]
	default:
		w.spec.Kind, w.spec.Size = plan.Session, list[0]
		list = nil
	}
	if len(list) > 0 {
		w.spec.Offset = list[0]
	}
	w.key = name + "|" + expr.Key(t)
	for _, v := range []int64{w.spec.Size, w.spec.Slide, w.spec.Offset} {
		w.key += "|" + text(qualifierMillis(v), diag.Span{}).Col.Type.String() + qualifierMillis(v)
	}
	return w, nil
}

func qualifierMillis(v int64) string {
	return strings.TrimSpace(formatInt(v))
}

// millis reads a constant day-time interval.
func (x *block) millis(e ast.Expr, positive bool) (int64, error) {
	n, err := x.expr(e)
	if err != nil {
		return 0, err
	}
	neg := false
	if c, ok := n.(*expr.Call); ok && c.Func.Name == "NEG" {
		n, neg = c.Args[0], true
	}
	l, ok := n.(*expr.Literal)
	if !ok || l.Type().Kind != types.IntervalDT || l.Col.IsNull(0) {
		if ok && l.Type().Kind == types.IntervalYM {
			return 0, diag.At(e.Span(), diag.UnsupportedByFlink, "a window of months has no fixed length").WithHint("use days")
		}
		return 0, diag.At(e.Span(), diag.InvalidArgument, "a constant interval such as INTERVAL '5' MINUTE is needed here")
	}
	v := l.Col.I64[0]
	if neg {
		v = -v
	}
	if positive && v <= 0 {
		return 0, diag.At(e.Span(), diag.InvalidArgument, "the length of a window must be above 0")
	}
	return v, nil
}

// windowProp binds TUMBLE_START(...) and its brothers.
func (x *block) windowProp(e *ast.FuncCall, name string) (expr.Node, error) {
	kind, what, _ := strings.Cut(name, "_")
	if !x.after || x.window == nil {
		return nil, diag.At(e.Span(), diag.InvalidQuery, "%s needs GROUP BY %s(...) in the same query", name, kind)
	}
	after, window := x.after, x.window
	x.after = false // arguments are over the rows of FROM
	w, err := x.oldWindow(e, kind)
	x.after = after
	if err != nil {
		return nil, err
	}
	if w.key != window.key {
		return nil, diag.At(e.Span(), diag.InvalidQuery, "%s must have the arguments of the %s in GROUP BY", name, window.name).
			WithHint("write both with the same column and interval, or use the table function: GROUP BY window_start, window_end")
	}
	p := map[string]plan.WindowProp{
		"START": plan.WindowStart, "END": plan.WindowEnd, "ROWTIME": plan.WindowRowtime, "PROCTIME": plan.WindowProctime,
	}[what]
	if p == plan.WindowRowtime && window.spec.Proctime() {
		return nil, diag.At(e.Span(), diag.InvalidWatermark, "%s needs a window on event time", name)
	}
	if p == plan.WindowProctime && !window.spec.Proctime() {
		return nil, diag.At(e.Span(), diag.InvalidWatermark, "%s needs a window on processing time", name)
	}
	f := logical.PropField(p, window.spec)
	for i, q := range window.props {
		if q == p {
			return expr.NewRef(propBase+i, f.Type, e.Span()), nil
		}
	}
	window.props = append(window.props, p)
	return expr.NewRef(propBase+len(window.props)-1, f.Type, e.Span()), nil
}

// windowTVF binds TUMBLE, HOP, CUMULATE and SESSION in FROM.
func (b *Binder) windowTVF(e *ast.FuncCall, name string, outer *scope) (logical.Node, *scope, error) {
	args, err := windowArgs(e, name)
	if err != nil {
		return nil, nil, err
	}
	n, sc, part, err := b.tableArg(args["DATA"], outer)
	if err != nil {
		return nil, nil, err
	}
	w := plan.WindowSpec{Kind: map[string]plan.WindowKind{"TUMBLE": plan.Tumble, "HOP": plan.Hop, "CUMULATE": plan.Cumulate, "SESSION": plan.Session}[name]}
	if w.Kind == plan.Session && b.batch() {
		return nil, nil, diag.At(e.Span(), diag.UnsupportedByFlink, "SESSION windows are for streaming mode")
	}
	if len(part) > 0 && w.Kind != plan.Session {
		return nil, nil, diag.At(args["DATA"].Span(), diag.InvalidArgument, "PARTITION BY is for SESSION windows; %s takes its keys from GROUP BY", name)
	}
	w.PartitionBy = part
	d, ok := args["TIMECOL"].(*ast.Descriptor)
	if !ok || len(d.Columns) != 1 {
		return nil, nil, diag.At(args["TIMECOL"].Span(), diag.InvalidArgument, "%s takes DESCRIPTOR(time column) as its second argument", name).
			WithHint("%s(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)", name)
	}
	ref, err := sc.column(d.Columns[0])
	if err != nil {
		return nil, nil, err
	}
	r, ok := ref.(*expr.InputRef)
	if !ok || len(r.Path) > 0 {
		return nil, nil, diag.At(d.Span(), diag.InvalidWatermark, "the time column of %s must be a column of the table", name)
	}
	w.TimeCol, w.TimeType = r.Index, r.T
	if !r.T.IsTimestamp() || r.T.Attr == types.NotTime && !b.batch() {
		return nil, nil, diag.At(d.Columns[0].Span(), diag.InvalidWatermark, "%s needs a time attribute, but %s is %s", name, d.Columns[0], r.T.Nullable(true)).
			WithHint("declare WATERMARK FOR %s AS ..., or use a PROCTIME() column", d.Columns[0])
	}
	if b.batch() && r.T.IsNullable() {
		// A row without a time is in no window. On a stream it is an error.
		n = withTime(n, ref)
	}
	x := &block{b: b, sc: &scope{}, noQuery: true, clause: name}
	for _, p := range []struct {
		arg  string
		to   *int64
		must bool
	}{{"SIZE", &w.Size, true}, {"GAP", &w.Size, true}, {"SLIDE", &w.Slide, true}, {"STEP", &w.Slide, true}, {"OFFSET", &w.Offset, false}} {
		if a := args[p.arg]; a != nil {
			if *p.to, err = x.millis(a, p.must); err != nil {
				return nil, nil, err
			}
		}
	}
	if w.Kind == plan.Cumulate && w.Size%w.Slide != 0 {
		return nil, nil, diag.At(args["SIZE"].Span(), diag.InvalidArgument, "the maximum size of CUMULATE windows must be a multiple of the step").
			WithHint("CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' MINUTE, INTERVAL '1' HOUR): the step, then the size")
	}
	win := &logical.Window{Place: logical.Place{At: d.Columns[0].Span()}, In: n, Spec: w}
	return win, newScope("", nil, win.Schema()), nil
}

// withTime keeps the rows whose time is there.
func withTime(n logical.Node, time expr.Node) logical.Node {
	return &logical.Filter{Place: logical.Place{At: time.Span()}, In: n, Cond: expr.NewIs(expr.IsNull, true, time, time.Span())}
}

// windowParams are the parameters of each window function in order; the last is
// optional for all but SESSION.
var windowParams = map[string][]string{
	"TUMBLE": {"DATA", "TIMECOL", "SIZE", "OFFSET"}, "HOP": {"DATA", "TIMECOL", "SLIDE", "SIZE", "OFFSET"},
	"CUMULATE": {"DATA", "TIMECOL", "STEP", "SIZE", "OFFSET"}, "SESSION": {"DATA", "TIMECOL", "GAP"},
}

// WindowSignatures are the forms of the windowing functions, for documentation.
func WindowSignatures() []string {
	forms := map[string]string{
		"DATA": "TABLE t", "TIMECOL": "DESCRIPTOR(time)", "SIZE": "size", "SLIDE": "slide", "STEP": "step", "GAP": "gap", "OFFSET": "offset",
	}
	var out []string
	for _, name := range []string{"TUMBLE", "HOP", "CUMULATE", "SESSION"} {
		var args []string
		for _, p := range windowParams[name] {
			a := forms[p]
			switch {
			case p == "DATA" && name == "SESSION":
				a += " [PARTITION BY keys]"
			case p == "OFFSET":
				a = "[" + a + "]"
			}
			args = append(args, a)
		}
		out = append(out, name+"("+strings.ReplaceAll(strings.Join(args, ", "), ", [", " [, ")+")")
	}
	return out
}

// windowArgs assigns arguments to parameters, by position or by name.
func windowArgs(e *ast.FuncCall, name string) (map[string]ast.Expr, error) {
	params := windowParams[name]
	out := map[string]ast.Expr{}
	named := 0
	for i, a := range e.Args {
		if a.Name != nil {
			if named++; named <= i {
				return nil, mixedArgs(a.Name.Span)
			}
			p := strings.ToUpper(a.Name.Name)
			ok := false
			for _, q := range params {
				ok = ok || p == q
			}
			if !ok {
				return nil, suggest(diag.At(a.Name.Span, diag.InvalidArgument, "%s has no parameter %s; parameters are: %s", name, a.Name.Name, strings.Join(params, ", ")), p, params)
			}
			if out[p] != nil {
				return nil, diag.At(a.Name.Span, diag.DuplicateName, "parameter %s is given twice", p)
			}
			if _, def := a.Value.(*ast.Default); !def {
				out[p] = a.Value
			}
			continue
		}
		if named > 0 {
			return nil, mixedArgs(a.Value.Span())
		}
		if i >= len(params) {
			return nil, diag.At(a.Value.Span(), diag.InvalidArgument, "%s takes at most %d arguments: %s", name, len(params), strings.Join(params, ", "))
		}
		out[params[i]] = a.Value
	}
	for _, p := range params {
		if out[p] == nil && p != "OFFSET" {
			return nil, diag.At(e.Span(), diag.InvalidArgument, "%s needs the argument %s; parameters are: %s", name, p, strings.Join(params, ", "))
		}
	}
	return out, nil
}

func mixedArgs(at diag.Span) error {
	return diag.At(at, diag.InvalidArgument, "arguments are given either all by name or all by position")
}

// tableArg binds a table given to a function, with its PARTITION BY columns.
func (b *Binder) tableArg(e ast.Expr, outer *scope) (logical.Node, *scope, []int, error) {
	t, ok := e.(*ast.TableArg)
	if q, query := e.(*ast.Subquery); query {
		t, ok = &ast.TableArg{Pos: q.Pos, Query: q.Query}, true
	}
	if !ok {
		return nil, nil, nil, diag.At(e.Span(), diag.InvalidArgument, "a table is needed here: TABLE t or (query)")
	}
	var n logical.Node
	var sc *scope
	var err error
	switch {
	case t.Query != nil:
		var r *rows
		if r, err = b.query(t.Query, outer); err == nil {
			n, sc = r.node, newScope("", nil, r.node.Schema())
			for i := range r.names {
				sc.visible[i].name, sc.rels[0].cols[i].name = r.names[i], r.names[i]
			}
		}
	case t.Call != nil:
		n, sc, err = b.tableFunc(t.Call, outer)
	default:
		if n, sc, err = b.tableRef(&ast.TableName{Pos: ast.Pos{At: t.Table.Span()}, Name: t.Table}, outer, hints{}); err == nil {
			b.noteColumns(t.Span(), sc)
		}
	}
	if err != nil {
		return nil, nil, nil, err
	}
	if len(t.OrderBy) > 0 {
		return nil, nil, nil, diag.At(t.OrderBy[0].Expr.Span(), diag.InvalidArgument, "ORDER BY has no meaning here")
	}
	var part []int
	for _, p := range t.PartitionBy {
		c, ok := p.(*ast.ColumnRef)
		if !ok {
			return nil, nil, nil, diag.At(p.Span(), diag.InvalidArgument, "PARTITION BY takes columns here")
		}
		ref, err := sc.column(c.Name)
		if err != nil {
			return nil, nil, nil, err
		}
		r, ok := ref.(*expr.InputRef)
		if !ok || len(r.Path) > 0 {
			return nil, nil, nil, diag.At(p.Span(), diag.InvalidArgument, "PARTITION BY takes columns here")
		}
		part = append(part, r.Index)
	}
	return n, sc, part, nil
}
