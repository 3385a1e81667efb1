package bind

import (
	"strconv"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

func itoa(i int) string { return strconv.Itoa(i) }

// matchColumn binds a column in MEASURES or DEFINE: A.c, or c for all rows.
func (x *block) matchColumn(e *ast.ColumnRef) (expr.Node, error) {
	m := x.match
	v, name := plan.MatchAllRows, e.Name
	if len(name) > 1 {
		if k, ok := m.vars[name[0].Name]; ok {
			v, name = k, name[1:]
		}
	}
	n, err := x.sc.column(name)
	if err != nil {
		if d := diag.As(err); d != nil && len(e.Name) > 1 && len(name) == len(e.Name) {
			d.Hint = "in MATCH_RECOGNIZE a column is c or A.c, with A a variable of the pattern"
		}
		return nil, err
	}
	// A field of a ROW is taken from the column of the row that is found.
	r, ok := n.(*expr.InputRef)
	if !ok {
		return nil, unsupported(e.Span(), "this column in MATCH_RECOGNIZE is")
	}
	if m.inAgg {
		return n, m.aggColumn(v, e)
	}
	own := v == plan.MatchAllRows || v == m.current
	if m.current >= 0 && own && !m.first && m.offset == 0 {
		return at(n, e.Span()), nil // the row at hand
	}
	if v == noVar {
		return expr.NewNull(n.Type().Nullable(true).Plain(), e.Span()), nil
	}
	ref := plan.MatchRef{Kind: plan.MatchColumn, Var: v, First: m.first, Offset: m.offset, Col: r.Index}
	t := r.T
	if len(r.Path) > 0 {
		// The whole column comes out of the row, then its field.
		t = x.columnType(r.Index)
	}
	ref.Type = t.Nullable(true).Plain()
	base := m.ref(ref, e.Span())
	for _, f := range r.Path {
		next, err := expr.NewField(base, f, e.Span())
		if err != nil {
			return nil, err
		}
		base = next
	}
	return base, nil
}

// columnType is the type of a column of the rows of FROM.
func (x *block) columnType(i int) types.Type {
	for _, r := range x.sc.rels {
		for _, c := range r.cols {
			if c.index == i {
				return c.typ
			}
		}
	}
	return types.Type{}
}

// ref finds or adds a reference and gives its stand-in.
func (m *matchBlock) ref(r plan.MatchRef, at diag.Span) expr.Node {
	for i, o := range m.spec.Refs {
		if sameMatchRef(o, r) {
			return expr.NewRef(aggBase+i, r.Type, at)
		}
	}
	m.spec.Refs = append(m.spec.Refs, r)
	return expr.NewRef(aggBase+len(m.spec.Refs)-1, r.Type, at)
}

// userID tells functions of users apart; empty for built-in ones.
func userID(c plan.AggCall) string {
	if c.User == nil {
		return ""
	}
	return c.User.ID
}

func sameMatchRef(a, b plan.MatchRef) bool {
	if a.Kind != b.Kind || a.Var != b.Var || a.First != b.First || a.Offset != b.Offset || a.Col != b.Col || a.Type.Attr != b.Type.Attr ||
		!types.SameIgnoringNull(a.Type, b.Type) || a.Agg.Func != b.Agg.Func || userID(a.Agg) != userID(b.Agg) || len(a.Agg.Args) != len(b.Agg.Args) {
		return false
	}
	for i := range a.Agg.Args {
		if a.Agg.Args[i] != b.Agg.Args[i] {
			return false
		}
	}
	return true
}

// aggColumn checks that an aggregate reads one variable.
func (m *matchBlock) aggColumn(v int, e *ast.ColumnRef) error {
	word := "*"
	if v != plan.MatchAllRows {
		word = e.Name[0].Name
	}
	if m.aggVar != noVar-1 && m.aggOf != word {
		return diag.At(e.Span(), diag.UnsupportedByFlink, "an aggregate in MATCH_RECOGNIZE reads the rows of one variable, and this one reads two").
			WithHint("write it as two aggregates")
	}
	m.aggVar, m.aggOf = v, word
	return nil
}

// matchCall binds the calls that mean something else in MATCH_RECOGNIZE.
func (x *block) matchCall(e *ast.FuncCall, name string) (n expr.Node, done bool, err error) {
	at := e.Span()
	switch {
	case e.Syntax == ast.CallPrefix && name == "FINAL" && x.clause != "DEFINE" && len(e.Args) == 1:
		n, err = x.expr(e.Args[0].Value) // as MEASURES are anyway
		return n, true, err
	case e.Syntax == ast.CallPrefix:
		return nil, true, diag.At(at, diag.UnsupportedByFlink, "%s in MATCH_RECOGNIZE cannot be planned", name).
			WithHint("leave it out: DEFINE is RUNNING and MEASURES is FINAL")
	case name == "PREV" || name == "NEXT":
		return nil, true, diag.At(at, diag.UnsupportedByFlink, "%s in MATCH_RECOGNIZE cannot be planned", name).
			WithHint("LAST(A.c, 1) is the row of A before the last one")
	case name == "CLASSIFIER" || name == "MATCH_NUMBER":
		return nil, true, diag.At(at, diag.UnsupportedByFlink, "%s() in MATCH_RECOGNIZE cannot be planned", name)
	case name == "FIRST" || name == "LAST":
		n, err = x.navigate(e, name)
		return n, true, err
	case name == "MATCH_ROWTIME":
		n, err = x.matchRowtime(e)
		return n, true, err
	case name == "MATCH_PROCTIME":
		if len(e.Args) > 0 {
			return nil, true, diag.At(at, diag.InvalidArgument, "MATCH_PROCTIME takes no argument")
		}
		n, err = x.scalarCall(x.b.Session.Host.Functions.Lookup("PROCTIME"), nil, at)
		return n, true, err
	case e.Over != nil:
		return nil, true, diag.At(at, diag.InvalidQuery, "OVER has no place in MATCH_RECOGNIZE")
	case isAggregate(name):
		n, err = x.matchAggregate(e, name, nil)
		return n, true, err
	}
	return nil, false, nil
}

// navigate binds FIRST(x [, n]) and LAST(x [, n]).
func (x *block) navigate(e *ast.FuncCall, name string) (expr.Node, error) {
	m := x.match
	at := e.Span()
	switch {
	case m.navigated:
		return nil, diag.At(at, diag.UnsupportedByFlink, "FIRST and LAST cannot stand inside each other")
	case m.inAgg:
		return nil, diag.At(at, diag.UnsupportedByFlink, "%s has no place inside an aggregate", name)
	case len(e.Args) < 1 || len(e.Args) > 2:
		return nil, diag.At(at, diag.InvalidArgument, "%s takes a column and how many rows to go from there: %s(A.c, 1)", name, name)
	}
	m.navigated, m.first, m.offset = true, name == "FIRST", 0
	defer func() { m.navigated, m.first, m.offset = false, false, 0 }()
	if len(e.Args) == 2 {
		off, err := x.expr(e.Args[1].Value)
		if err != nil {
			return nil, err
		}
		l, ok := off.(*expr.Literal)
		if !ok || !l.Type().IsInteger() || l.Col.IsNull(0) || l.Col.Int(0) < 0 || l.Col.Int(0) > 1<<30 {
			return nil, diag.At(e.Args[1].Value.Span(), diag.InvalidArgument, "the second argument of %s is a number of rows that is not negative", name)
		}
		m.offset = int(l.Col.Int(0))
	}
	return x.expr(e.Args[0].Value)
}

// matchRowtime binds MATCH_ROWTIME([column]).
func (x *block) matchRowtime(e *ast.FuncCall) (expr.Node, error) {
	m := x.match
	at := e.Span()
	t := types.TimestampT(3)
	switch {
	case m.current != noVar || x.clause == "DEFINE":
		return nil, diag.At(at, diag.InvalidQuery, "MATCH_ROWTIME has no place in DEFINE: it is known when a match is")
	case m.time.Attr == types.Proctime:
		return nil, diag.At(at, diag.UnsupportedByFlink, "MATCH_ROWTIME needs event time, and this MATCH_RECOGNIZE is ordered by processing time").
			WithHint("use MATCH_PROCTIME()")
	case len(e.Args) > 1:
		return nil, diag.At(at, diag.InvalidArgument, "MATCH_ROWTIME takes nothing, or the time column that gives its type")
	case len(e.Args) == 1:
		c, ok := e.Args[0].Value.(*ast.ColumnRef)
		if !ok {
			return nil, diag.At(e.Args[0].Value.Span(), diag.InvalidArgument, "MATCH_ROWTIME takes a time column")
		}
		n, err := x.sc.column(c.Name)
		if err != nil {
			return nil, err
		}
		if t = n.Type(); !t.IsTimestamp() || t.Attr != types.Rowtime && !x.b.batch() {
			return nil, diag.At(c.Span(), diag.InvalidArgument, "MATCH_ROWTIME takes a column that is an event-time attribute")
		}
	}
	t = t.Nullable(false)
	if t.Attr = types.NotTime; !x.b.batch() {
		t.Attr = types.Rowtime
	}
	return m.ref(plan.MatchRef{Kind: plan.MatchRowtime, Type: t}, at), nil
}

// matchAggregate binds an aggregate, one of a user if that is not nil, over the rows of
// one variable.
func (x *block) matchAggregate(e *ast.FuncCall, name string, user *userAggregate) (expr.Node, error) {
	m := x.match
	at := e.Span()
	switch {
	case m.inAgg:
		return nil, diag.At(at, diag.InvalidQuery, "an aggregate cannot stand inside another one")
	case m.navigated:
		return nil, diag.At(at, diag.UnsupportedByFlink, "an aggregate cannot stand inside FIRST or LAST")
	case e.Quantifier == ast.QuantifierDistinct:
		return nil, diag.At(at, diag.UnsupportedByFlink, "DISTINCT in an aggregate of MATCH_RECOGNIZE cannot be planned")
	case e.Filter != nil || len(e.OrderBy) > 0 || len(e.WithinGroup) > 0 || len(e.WithinDistinct) > 0:
		return nil, diag.At(at, diag.UnsupportedByFlink, "FILTER, ORDER BY and WITHIN GROUP have no place in an aggregate of MATCH_RECOGNIZE")
	}
	m.inAgg, m.aggVar, m.aggOf = true, noVar-1, ""
	defer func() { m.inAgg = false }()
	var args []expr.Node
	for _, a := range e.Args {
		if isStar(a.Value) && name == "COUNT" && len(e.Args) == 1 {
			m.aggVar, m.aggOf = plan.MatchAllRows, "*"
			break
		}
		n, err := x.expr(a.Value)
		if err != nil {
			return nil, err
		}
		args = append(args, n)
	}
	if m.aggVar == noVar-1 {
		return nil, diag.At(at, diag.UnsupportedByFlink, "an aggregate in MATCH_RECOGNIZE reads a column, and with it a variable")
	}
	understood := func() (plan.AggCall, []expr.Node, error) { return aggregateCall(name, args, false, at) }
	if user != nil {
		understood = func() (plan.AggCall, []expr.Node, error) { return user.understood(args, false, at) }
	}
	call, cast, err := understood()
	if err != nil {
		return nil, err
	}
	call.IgnoreNulls = e.Nulls == ast.NullsIgnore
	if user == nil && !neverNull(call.Func) {
		call.Type.NotNull = false
	}
	if m.aggVar == noVar {
		return nil, diag.At(at, diag.InvalidQuery, "variable %s is not in the pattern", m.aggOf)
	}
	for _, a := range cast {
		call.Args = append(call.Args, m.column(a))
	}
	return m.ref(plan.MatchRef{Kind: plan.MatchAggregate, Var: m.aggVar, Agg: call, Type: call.Type}, at), nil
}
