package bind

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// matchVarsMax is the most variables of a pattern.
const matchVarsMax = 64

// matchBlock is what names and calls in MEASURES and DEFINE mean.
type matchBlock struct {
	spec *plan.MatchSpec
	// vars are the variables by name; those that are defined but not in the pattern
	// have the number noVar: they are never mapped.
	vars map[string]int
	// current is the variable that is being defined, or noVar in MEASURES.
	current int
	// first and offset are the row that FIRST or LAST around an expression asks for.
	navigated, first bool
	offset           int
	// inAgg, and the variable that its columns have so far (noVar: none yet).
	inAgg  bool
	aggVar int
	aggOf  string
	// exprs are the columns of the input and, behind them, arguments of aggregates.
	exprs []expr.Node
	names []string
	time  types.Type
}

const noVar = -2

// matchRecognize binds t MATCH_RECOGNIZE (...).
func (b *Binder) matchRecognize(t *ast.MatchRecognize, outer *scope, h hints) (logical.Node, *scope, error) {
	in, sc, err := b.tableRef(t.Input, outer, h)
	if err != nil {
		return nil, nil, err
	}
	n := &logical.Match{Place: logical.Place{At: t.Span()}}
	m := &matchBlock{spec: &n.MatchSpec, vars: map[string]int{}, current: noVar, exprs: logical.Refs(in.Schema()), names: in.Schema().Names()}
	x := &block{b: b, sc: sc, noQuery: true}
	if err := matchRefusals(t); err != nil {
		return nil, nil, err
	}
	if err := x.matchOrder(t, m, in.Schema()); err != nil {
		return nil, nil, err
	}
	if err := m.pattern(t); err != nil {
		return nil, nil, err
	}
	x.match = m
	if err := x.matchDefines(t, m); err != nil {
		return nil, nil, err
	}
	if err := x.matchMeasures(t, m, n); err != nil {
		return nil, nil, err
	}
	if err := m.skip(t); err != nil {
		return nil, nil, err
	}
	if err := m.within(t); err != nil {
		return nil, nil, err
	}
	// References to matched rows stand behind the columns that are there now.
	width := len(m.exprs)
	shift := func(e expr.Node) (expr.Node, error) {
		return expr.Remap(e, func(i int) int {
			if i >= aggBase {
				return width + i - aggBase
			}
			return i
		}), nil
	}
	if n.MatchSpec, err = n.Rewrite(shift); err != nil {
		return nil, nil, err
	}
	n.In = in
	if width > len(in.Schema()) {
		n.In = logical.NewProject(in, m.exprs, m.names, t.Span())
	}
	return n, newScope("", nil, n.Schema()), nil
}

// matchRefusals are the clauses that Flink takes and does not run.
func matchRefusals(t *ast.MatchRecognize) error {
	switch {
	case t.Rows == ast.AllRows:
		return diag.At(t.Span(), diag.UnsupportedByFlink, "MATCH_RECOGNIZE gives one row for each match: ALL ROWS PER MATCH cannot be planned").
			WithHint("write ONE ROW PER MATCH, or leave the clause out")
	case t.StartAnchor || t.EndAnchor:
		return diag.At(t.Pattern.Span(), diag.UnsupportedByFlink, "a pattern cannot be tied to the start or end of a partition by ^ or $")
	case len(t.Subsets) > 0:
		return diag.At(t.Subsets[0].Name.Span, diag.UnsupportedByFlink, "SUBSET in MATCH_RECOGNIZE cannot be planned").
			WithHint("name the variables one by one")
	}
	return nil
}

// matchOrder binds PARTITION BY and ORDER BY.
func (x *block) matchOrder(t *ast.MatchRecognize, m *matchBlock, in types.Schema) error {
	for _, p := range t.PartitionBy {
		e, err := x.expr(p)
		if err != nil {
			return err
		}
		r, ok := e.(*expr.InputRef)
		if !ok || len(r.Path) > 0 || r.Index >= len(in) {
			return diag.At(p.Span(), diag.InvalidArgument, "PARTITION BY of MATCH_RECOGNIZE takes columns").
				WithHint("compute the value in a query below: FROM (SELECT ..., expression AS k FROM t) MATCH_RECOGNIZE (PARTITION BY k ...)")
		}
		m.spec.PartitionBy = append(m.spec.PartitionBy, r.Index)
	}
	if len(t.OrderBy) == 0 {
		return diag.At(t.Span(), diag.InvalidQuery, "MATCH_RECOGNIZE needs an ORDER BY that begins with a time attribute")
	}
	for i, o := range t.OrderBy {
		e, err := x.expr(o.Expr)
		if err != nil {
			return err
		}
		s := newSortItem(o)
		if i == 0 {
			if err := x.matchTime(e, s, o, in); err != nil {
				return err
			}
			m.time = in[e.(*expr.InputRef).Index].Type
		}
		if err := sortable(e.Type(), o.Expr.Span()); err != nil {
			return err
		}
		m.spec.OrderBy = append(m.spec.OrderBy, plan.SortKey{Col: m.column(e), Desc: s.desc, NullsFirst: s.nullsFirst})
	}
	return nil
}

// matchTime checks the first column of ORDER BY.
func (x *block) matchTime(e expr.Node, s sortItem, o ast.OrderItem, in types.Schema) error {
	at := o.Expr.Span()
	r, ok := e.(*expr.InputRef)
	if !ok || len(r.Path) > 0 || r.Index >= len(in) {
		return diag.At(at, diag.UnsupportedByFlink, "ORDER BY of MATCH_RECOGNIZE begins with a time column, not with an expression")
	}
	typ := in[r.Index].Type
	switch {
	case !x.b.batch() && typ.Attr == types.NotTime:
		return diag.At(at, diag.UnsupportedByFlink, "ORDER BY of MATCH_RECOGNIZE begins with a time attribute, and %s is none", in[r.Index].Name).
			WithHint("declare WATERMARK FOR %s in the table, or order by a column AS PROCTIME()", in[r.Index].Name)
	case !typ.IsTimestamp():
		return diag.At(at, diag.UnsupportedByFlink, "ORDER BY of MATCH_RECOGNIZE begins with a point in time, and %s is %s", in[r.Index].Name, typ.Nullable(true))
	case s.desc:
		return diag.At(at, diag.UnsupportedByFlink, "the time of MATCH_RECOGNIZE is ordered ascending").WithHint("leave out DESC; later columns of ORDER BY may have it")
	}
	return nil
}

// column finds or adds an expression over the input.
func (m *matchBlock) column(e expr.Node) int {
	if r, ok := e.(*expr.InputRef); ok && len(r.Path) == 0 {
		return r.Index
	}
	for i, o := range m.exprs {
		if expr.Equal(o, e) {
			return i
		}
	}
	m.exprs, m.names = append(m.exprs, e), append(m.names, "$m"+itoa(len(m.exprs)))
	return len(m.exprs) - 1
}

// pattern takes the pattern apart.
func (m *matchBlock) pattern(t *ast.MatchRecognize) error {
	var flat func(p ast.Pattern) error
	flat = func(p ast.Pattern) error {
		switch p := p.(type) {
		case *ast.PatternConcat:
			for _, i := range p.Items {
				if err := flat(i); err != nil {
					return err
				}
			}
			return nil
		case *ast.PatternVar:
			return m.variable(p, plan.MatchVar{Name: p.Name.Name, Min: 1, Max: 1})
		case *ast.PatternQuant:
			v, ok := p.X.(*ast.PatternVar)
			if !ok {
				return diag.At(p.Span(), diag.UnsupportedByFlink, "a quantifier stands behind one variable, not behind a group").
					WithHint("write the group out, or match it once and count the matches above")
			}
			q, err := quantified(p)
			if err != nil {
				return err
			}
			q.Name = v.Name.Name
			return m.variable(v, q)
		case *ast.PatternAlt:
			return diag.At(p.Span(), diag.UnsupportedByFlink, "a pattern cannot choose by |").
				WithHint("define one variable by a condition with OR, or join two MATCH_RECOGNIZE by UNION ALL")
		case *ast.PatternPermute:
			return diag.At(p.Span(), diag.UnsupportedByFlink, "PERMUTE in a pattern cannot be planned").WithHint("join the orders you need by UNION ALL")
		case *ast.PatternExclude:
			return diag.At(p.Span(), diag.UnsupportedByFlink, "exclusion by {- -} in a pattern cannot be planned: it needs ALL ROWS PER MATCH")
		}
		return diag.At(p.Span(), diag.UnsupportedByFlink, "this form of pattern cannot be planned")
	}
	if err := flat(t.Pattern); err != nil {
		return err
	}
	empty := true
	for _, v := range m.spec.Vars {
		empty = empty && v.Min == 0
	}
	if empty {
		return diag.At(t.Pattern.Span(), diag.UnsupportedByFlink, "the pattern can match no row at all").
			WithHint("let one variable be there at least once: A+ instead of A*")
	}
	last := m.spec.Vars[len(m.spec.Vars)-1]
	if last.Greedy {
		return diag.At(t.Pattern.Span(), diag.UnsupportedByFlink, "the last variable of a pattern cannot have the greedy quantifier of %s: the match would never end", last.Name).
			WithHint("end with a plain variable, or with a reluctant quantifier such as %s+?", last.Name)
	}
	return nil
}

// quantified reads a quantifier.
func quantified(p *ast.PatternQuant) (plan.MatchVar, error) {
	v := plan.MatchVar{Min: p.Min, Max: p.Max, Quantified: true}
	if v.Min == ast.Unspecified {
		v.Min = 0
	}
	if v.Max == ast.Unspecified {
		v.Max = -1
	}
	optional := v.Min == 0 && v.Max == 1
	switch {
	case v.Max == 0 || v.Max > 0 && v.Max < v.Min:
		return v, diag.At(p.Span(), diag.InvalidArgument, "a quantifier {n,m} has n <= m and m > 0")
	case optional && p.Reluctant:
		return v, diag.At(p.Span(), diag.UnsupportedByFlink, "an optional variable cannot be reluctant").WithHint("write ? instead of ??")
	}
	v.Greedy = !p.Reluctant && !optional && v.Min != v.Max
	return v, nil
}

func (m *matchBlock) variable(p *ast.PatternVar, v plan.MatchVar) error {
	if _, ok := m.vars[v.Name]; ok {
		return diag.At(p.Span(), diag.UnsupportedByFlink, "variable %s is in the pattern twice", v.Name).
			WithHint("give the second place a variable of its own with the same condition")
	}
	if len(m.spec.Vars) == matchVarsMax {
		return diag.At(p.Span(), diag.LimitExceeded, "a pattern has at most %d variables", matchVarsMax)
	}
	m.vars[v.Name] = len(m.spec.Vars)
	m.spec.Vars = append(m.spec.Vars, v)
	return nil
}

func (m *matchBlock) varNames() []string {
	var out []string
	for _, v := range m.spec.Vars {
		out = append(out, v.Name)
	}
	return out
}

// matchDefines binds DEFINE.
func (x *block) matchDefines(t *ast.MatchRecognize, m *matchBlock) error {
	for i, d := range t.Defines {
		for _, o := range t.Defines[:i] {
			if o.Var.Name == d.Var.Name {
				return diag.At(d.Var.Span, diag.DuplicateName, "variable %s is defined twice", d.Var.Name)
			}
		}
		if _, ok := m.vars[d.Var.Name]; !ok {
			m.vars[d.Var.Name] = noVar
		}
	}
	for _, d := range t.Defines {
		m.current = m.vars[d.Var.Name]
		c, err := x.condition(d.Cond, "DEFINE")
		if err != nil {
			return err
		}
		if m.current >= 0 {
			m.spec.Vars[m.current].Cond = c
		}
	}
	m.current = noVar
	return nil
}

// matchMeasures binds MEASURES.
func (x *block) matchMeasures(t *ast.MatchRecognize, m *matchBlock, n *logical.Match) error {
	taken := map[string]bool{}
	for _, p := range m.spec.PartitionBy {
		taken[m.names[p]] = true
	}
	x.clause = "MEASURES"
	defer func() { x.clause = "" }()
	for _, it := range t.Measures {
		e, err := x.expr(it.Expr)
		if err != nil {
			return err
		}
		if taken[it.Alias.Name] {
			return diag.At(it.Alias.Span, diag.DuplicateName, "the result has column %s already", it.Alias.Name)
		}
		taken[it.Alias.Name] = true
		m.spec.Measures, n.Names = append(m.spec.Measures, e), append(n.Names, it.Alias.Name)
	}
	if len(m.spec.PartitionBy)+len(m.spec.Measures) == 0 {
		return diag.At(t.Span(), diag.InvalidQuery, "MATCH_RECOGNIZE gives no column: it has neither MEASURES nor PARTITION BY")
	}
	return nil
}

// skip reads AFTER MATCH SKIP.
func (m *matchBlock) skip(t *ast.MatchRecognize) error {
	switch t.Skip.Kind {
	case ast.SkipPastLastRow:
		m.spec.Skip = plan.SkipPastLastRow
	case ast.SkipToFirst, ast.SkipToLast:
		v, ok := m.vars[t.Skip.Var.Name]
		if !ok || v < 0 {
			return suggest(diag.At(t.Skip.Var.Span, diag.NotFound, "the pattern has no variable %s", t.Skip.Var.Name), t.Skip.Var.Name, m.varNames())
		}
		m.spec.Skip, m.spec.SkipVar = plan.SkipToFirst, v
		if t.Skip.Kind == ast.SkipToLast {
			m.spec.Skip = plan.SkipToLast
		}
	}
	return nil
}

// within reads WITHIN.
func (m *matchBlock) within(t *ast.MatchRecognize) error {
	if t.Within == nil {
		return nil
	}
	l, ok := t.Within.(*ast.IntervalLiteral)
	if !ok {
		return diag.At(t.Within.Span(), diag.UnsupportedByFlink, "WITHIN takes an interval literal")
	}
	c, err := interval(l)
	if err != nil {
		return err
	}
	if c.Type().Kind != types.IntervalDT {
		return diag.At(t.Within.Span(), diag.UnsupportedByFlink, "WITHIN takes an interval of days to seconds: months have no fixed length")
	}
	if m.spec.Within = c.Col.I64[0]; m.spec.Within <= 0 {
		return diag.At(t.Within.Span(), diag.InvalidArgument, "WITHIN takes a positive interval")
	}
	return nil
}
