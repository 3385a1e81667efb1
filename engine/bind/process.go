package bind

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// processFunction finds a process table function by the name it was registered or
// created by; nil when there is none.
func (b *Binder) processFunction(name ast.Name) *function.ProcessFunc {
	if u := b.userFunction(name); u != nil {
		return u.Process
	}
	if len(name) != 1 || b.builtin(name[0].Name) {
		return nil
	}
	for id, f := range b.Session.Host.ProcessFunctions {
		if id == f.Name && strings.EqualFold(id, name[0].Name) {
			return f
		}
	}
	return nil
}

const tableTraits = function.RowSemanticTable | function.SetSemanticTable

// process binds the call of a process table function. A call with values alone is
// made once, over one row.
func (b *Binder) process(f *function.ProcessFunc, e *ast.FuncCall, outer *scope) (logical.Node, *scope, error) {
	p := &processCall{b: b, f: f, e: e, name: strings.ToUpper(e.Name.Last())}
	params := make([]string, len(f.Args))
	for i, a := range f.Args {
		params[i] = a.Name
	}
	var err error
	if p.args, err = b.ptfGiven(e, p.name, params...); err != nil {
		return nil, nil, err
	}
	p.call = function.ProcessCall{
		Name: p.name, Tables: make([]types.Schema, len(params)), PartitionBy: make([][]int, len(params)), Values: make([]*batch.Col, len(params)),
		OnTime: p.args["on_time"] != nil,
	}
	p.n = &logical.Process{Place: logical.Place{At: e.Span()}, Func: f}
	if p.n.UID, err = ptfUID(p.args, p.name); err != nil {
		return nil, nil, err
	}
	text := make([]string, 0, len(params))
	for i, a := range f.Args {
		var t string
		if a.Traits.Is(tableTraits) {
			t, err = p.table(i, a, outer)
		} else {
			t, err = p.value(i, a)
		}
		if err != nil {
			return nil, nil, err
		}
		text = append(text, t)
	}
	p.n.Call = p.name + "(" + strings.Join(text, ", ") + ")"
	for _, step := range []func() error{p.traits, p.copartition, p.onTime, p.infer} {
		if err := step(); err != nil {
			return nil, nil, err
		}
	}
	if len(p.n.Ins) == 0 {
		p.n.Ins = []logical.Node{oneRow(e.Span())}
		p.n.Tables = []logical.ProcessTable{{Arg: -1, Traits: function.RowSemanticTable, Time: -1}}
	}
	return p.n, newScope("", nil, p.n.Schema()), nil
}

// processCall is a call being bound.
type processCall struct {
	b    *Binder
	f    *function.ProcessFunc
	e    *ast.FuncCall
	name string
	args map[string]ast.Expr
	call function.ProcessCall
	n    *logical.Process
	// scopes are those of the tables of n, places where they stand.
	scopes []*scope
	places []diag.Span
}

func (p *processCall) fail(at diag.Span, format string, args ...any) *diag.Error {
	return diag.At(at, diag.InvalidArgument, format, args...)
}

func (p *processCall) missing(a function.ProcessArg, what string) error {
	return p.fail(p.e.Span(), "%s needs the argument %s, %s", p.name, a.Name, what)
}

// table binds a table and returns it as the plan writes it.
func (p *processCall) table(i int, a function.ProcessArg, outer *scope) (string, error) {
	given := p.args[a.Name]
	if given == nil {
		if a.Optional {
			return "DEFAULT()", nil
		}
		return "", p.missing(a, "a table")
	}
	n, sc, part, order, err := p.b.orderedTableArg(given, outer)
	if err != nil {
		return "", err
	}
	if a.Columns != nil {
		if n, err = p.typed(n, a, given.Span()); err != nil {
			return "", err
		}
		for k, c := range n.Schema() {
			sc.rels[0].cols[k].typ = c.Type
		}
	}
	if most := p.b.Session.Config.Int("table.optimizer.ptf.max-tables"); len(p.n.Ins) >= most {
		return "", p.fail(given.Span(), "%s takes more than %d tables", p.name, most).WithHint("'table.optimizer.ptf.max-tables' says how many may be")
	}
	p.n.Ins = append(p.n.Ins, n)
	p.n.Tables = append(p.n.Tables, logical.ProcessTable{Arg: i, Name: a.Name, Traits: a.Traits, PartitionBy: part, OrderBy: order, Time: -1})
	p.scopes, p.places = append(p.scopes, sc), append(p.places, given.Span())
	p.call.Tables[i], p.call.PartitionBy[i] = n.Schema(), part
	text := "TABLE"
	for k, c := range part {
		text += map[bool]string{true: " PARTITION BY(", false: ", "}[k == 0] + n.Schema()[c].Name
	}
	if len(part) > 0 {
		text += ")"
	}
	return text, nil
}

// typed casts the columns of a table to those that are declared.
func (p *processCall) typed(n logical.Node, a function.ProcessArg, at diag.Span) (logical.Node, error) {
	s := n.Schema()
	if len(s) != len(a.Columns) {
		return nil, p.fail(at, "%s takes a table of %d columns as %s, and this one has %d", p.name, len(a.Columns), a.Name, len(s))
	}
	exprs, changed := logical.Refs(s), false
	for i, t := range a.Columns {
		if s[i].Type.Plain().Nullable(true).String() == t.Plain().Nullable(true).String() {
			continue
		}
		c, err := expr.NewImplicitCast(exprs[i], t.Nullable(s[i].Type.IsNullable()), at)
		if err != nil {
			return nil, err
		}
		exprs[i], changed = c, true
	}
	if !changed {
		return n, nil
	}
	return logical.NewProject(n, exprs, s.Names(), at), nil
}

// value binds a value and returns it as the plan writes it. One that is no constant, such
// as RAND(), is worked out for each row; it sees no columns.
func (p *processCall) value(i int, a function.ProcessArg) (string, error) {
	given := p.args[a.Name]
	if given == nil {
		if !a.Optional {
			return "", p.missing(a, "a "+a.Type.Nullable(true).String())
		}
		null := batch.ConstNull(a.Type.Nullable(true))
		p.call.Values[i] = &null
		return "DEFAULT()", nil
	}
	if t, table := given.(*ast.TableArg); table {
		return "", p.fail(t.Span(), "argument %s of %s is a value, not a table", a.Name, p.name)
	}
	x := &block{b: p.b, sc: &scope{}, noQuery: true, clause: p.name}
	v, err := x.expr(given)
	if err != nil {
		return "", err
	}
	if v, err = expr.NewImplicitCast(v, a.Type, given.Span()); err != nil {
		return "", err
	}
	folded := expr.Fold(v, p.b.frame())
	if l, ok := folded.(*expr.Literal); ok {
		p.call.Values[i] = l.Col
		return expr.Key(l), nil
	}
	if a.Traits.Is(function.ConstantArg) {
		return "", p.fail(given.Span(), "argument %s of %s is a constant", a.Name, p.name).WithHint("write a literal, or what can be computed from literals")
	}
	p.n.Values = append(p.n.Values, plan.ProcessValue{Arg: i, Expr: folded})
	return expr.String(folded, nil), nil
}

// traits adds the traits that tables have in this call, and checks what they ask for.
func (p *processCall) traits() error {
	for i := range p.n.Tables {
		t := &p.n.Tables[i]
		if when := p.f.Args[t.Arg].When; when != nil {
			t.Traits |= when(&p.call)
		}
		set, at := t.Traits.Is(function.SetSemanticTable), p.places[i]
		switch {
		case !set && len(t.PartitionBy) > 0:
			return p.fail(at, "table %s of %s is taken row by row, so it has no PARTITION BY", t.Name, p.name)
		case set && len(t.PartitionBy) == 0 && !t.Traits.Is(function.OptionalPartitionBy):
			return p.fail(at, "table %s of %s needs PARTITION BY", t.Name, p.name).WithHint("write %s => TABLE t PARTITION BY k", t.Name)
		case t.Traits.Is(function.RequireOnTime) && !p.call.OnTime:
			return p.fail(p.e.Span(), "%s needs the argument on_time", p.name).WithHint("write on_time => DESCRIPTOR(ts), a column with a watermark")
		case !set && len(p.n.Tables) > 1:
			return p.fail(at, "%s takes several tables, and %s is taken row by row", p.name, t.Name)
		case t.Traits.Is(function.PassColumnsThrough) && len(p.n.Tables) > 1:
			return p.fail(at, "%s takes several tables, and %s passes its columns through", p.name, t.Name)
		}
	}
	return nil
}

// copartition checks that rows of several tables are dealt in one way.
func (p *processCall) copartition() error {
	for i := range p.n.Tables {
		a, b := p.n.Tables[0].PartitionBy, p.n.Tables[i].PartitionBy
		if len(a) != len(b) {
			return p.fail(p.places[i], "%s has tables with %d and %d columns in PARTITION BY", p.name, len(a), len(b)).
				WithHint("all of them take the same number of columns, of the same types")
		}
		for k := range a {
			s, t := p.n.Ins[0].Schema()[a[k]].Type, p.n.Ins[i].Schema()[b[k]].Type
			if s.Plain().Nullable(true).String() != t.Plain().Nullable(true).String() {
				return p.fail(p.places[i], "%s has tables with %s and %s in PARTITION BY", p.name, s.Plain().Nullable(true), t.Plain().Nullable(true)).
					WithHint("cast one of them in a query: table => (SELECT CAST(...) ...)")
			}
		}
	}
	return nil
}

// onTime finds the time columns of on_time, one in each table.
func (p *processCall) onTime() error {
	given := p.args["on_time"]
	if given == nil {
		return nil
	}
	d, ok := given.(*ast.Descriptor)
	if !ok || len(d.Columns) == 0 {
		return p.fail(given.Span(), "on_time is a DESCRIPTOR of columns")
	}
	if len(p.n.Tables) == 0 {
		return p.fail(given.Span(), "%s takes no table, so it has no time", p.name)
	}
	used := make([]bool, len(d.Columns))
	for i := range p.n.Tables {
		t, s := &p.n.Tables[i], p.n.Ins[i].Schema()
		for k, c := range d.Columns {
			at := slices.IndexFunc(p.scopes[i].visible, func(v visible) bool { return len(c) == 1 && v.name == c[0].Name })
			if at < 0 {
				continue
			}
			if t.Time >= 0 {
				return p.fail(c.Span(), "on_time names two columns of table %s", t.Name)
			}
			used[k], t.Time = true, at
			if s[at].Type.Attr != types.Rowtime {
				return diag.At(c.Span(), diag.InvalidWatermark, "on_time needs a column with a watermark, and %s has none", c)
			}
		}
		if t.Time < 0 {
			return p.fail(given.Span(), "on_time names no column of table %s", t.Name)
		}
		if first := p.n.Ins[0].Schema()[p.n.Tables[0].Time].Type; first.Nullable(true).String() != s[t.Time].Type.Nullable(true).String() {
			return p.fail(given.Span(), "on_time names columns of type %s and %s", first.Plain().Nullable(true), s[t.Time].Type.Plain().Nullable(true))
		}
	}
	if k := slices.Index(used, false); k >= 0 {
		return diag.At(d.Columns[k].Span(), diag.UnknownColumn, "no table of %s has a column %s", p.name, d.Columns[k])
	}
	return nil
}

// infer asks the function what the call means.
func (p *processCall) infer() error {
	for i, c := range p.call.Values {
		if c != nil {
			p.n.Values = append(p.n.Values, plan.ProcessValue{Arg: i, Expr: expr.NewLiteral(c, p.e.Span())})
		}
	}
	res, err := p.f.Infer(&p.call)
	if err != nil {
		if d := diag.As(err); d != nil {
			return d.Or(p.e.Span())
		}
		return err
	}
	p.n.Res = res
	set := len(p.n.Tables) > 0 && p.n.Tables[0].Traits.Is(function.SetSemanticTable)
	pass := len(p.n.Tables) > 0 && p.n.Tables[0].Traits.Is(function.PassColumnsThrough)
	ch := res.Changes
	updates := ch.UpdateBefore || ch.UpdateAfter || ch.Delete
	switch {
	case len(res.State) > 0 && !set:
		return p.fail(p.e.Span(), "%s keeps state, and takes no table as sets", p.name)
	case res.Timers && !set:
		return p.fail(p.e.Span(), "%s sets timers, and takes no table as sets", p.name)
	case res.Timers && pass:
		return p.fail(p.e.Span(), "%s passes columns through, and rows of timers have none", p.name)
	case pass && updates:
		return p.fail(p.e.Span(), "%s passes columns through, and gives updates", p.name)
	case p.call.OnTime && updates:
		return diag.At(p.args["on_time"].Span(), diag.UnsupportedByFlink, "on_time is for functions whose rows are only inserted")
	case (ch.UpdateAfter && !ch.UpdateBefore || ch.KeyDeletes) && (!set || len(p.n.Tables[0].PartitionBy) == 0):
		return p.fail(p.e.Span(), "%s replaces rows by the columns of PARTITION BY, and there are none", p.name)
	}
	return nil
}
