package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan"
)

// Updates that are not deterministic: a row that is taken back is made again from the
// row that came, by the same expressions and lookups, and has to be the one that was
// given out. Who finds rows by some columns needs those to come out the same.
//
// The analysis goes from the sinks down. A node is asked for a set of its output
// columns; it checks those that it makes itself, and asks its inputs for the columns
// they come from, and for those that it needs for its own state. Columns of an upsert
// key are the same in every change of a row, so they are never asked for. Inputs that
// only append are asked for nothing.
//
// With 'table.optimizer.non-deterministic-update.strategy' = 'TRY_RESOLVE' a lookup
// keeps what it found, unless it waits outside of steps, and what else is found is an
// error; with IGNORE it is a warning.
// The rules are those of Flink's documentation, "Determinism in Continuous Queries".

// ndu is one run of the analysis.
type ndu struct {
	o     *optimizer
	found []*diag.Error
	// done are nodes with what they were asked for, so that shared parts are walked
	// once for each.
	done map[plan.Node][]columnSet
}

// columnSet tells which columns of a node are asked for.
type columnSet []bool

func noColumns(n plan.Node) columnSet { return make(columnSet, len(n.Info().Schema)) }

func allColumns(n plan.Node) columnSet {
	s := noColumns(n)
	for i := range s {
		s[i] = true
	}
	return s
}

func (s columnSet) add(cols ...int) columnSet {
	for _, c := range cols {
		s[c] = true
	}
	return s
}

func (s columnSet) empty() bool { return !slices.Contains(s, true) }

func (s columnSet) count() (n int) {
	for _, x := range s {
		if x {
			n++
		}
	}
	return n
}

// without is s but for some columns.
func (s columnSet) without(cols []int) columnSet {
	out := slices.Clone(s)
	for _, c := range cols {
		out[c] = false
	}
	return out
}

// checkUpdates runs the analysis over a finished plan.
func (o *optimizer) checkUpdates(p *plan.Physical) error {
	if o.batch {
		return nil
	}
	resolve := o.resolves()
	v := &ndu{o: o, done: map[plan.Node][]columnSet{}}
	for _, r := range p.Roots {
		v.visit(r, noColumns(r), r)
	}
	if (resolve || o.opts.Strict) && len(v.found) > 0 {
		return v.found[0]
	}
	o.warnings = append(o.warnings, v.found...)
	return nil
}

// ask visits an input of which some columns must be the same in every change of a
// row; by is who needs them.
func (v *ndu) ask(in plan.Node, need columnSet, by plan.Node) {
	if in.Info().AppendOnly() {
		need = noColumns(in)
	}
	least := need
	for _, k := range in.Info().UpsertKeys {
		if left := need.without(k); left.count() < least.count() {
			least = left
		}
	}
	v.visit(in, least, by)
}

// askAll asks every input of a node for the same columns of its own.
func (v *ndu) askAll(n plan.Node, need columnSet, by plan.Node) {
	for _, in := range n.Inputs() {
		v.ask(in, need, by)
	}
}

// askNothing walks on below a node that needs nothing.
func (v *ndu) askNothing(n plan.Node) {
	for _, in := range n.Inputs() {
		v.ask(in, noColumns(in), n)
	}
}

// visit checks a node that is asked for columns. Long because every kind of node is
// listed once.
func (v *ndu) visit(n plan.Node, need columnSet, by plan.Node) {
	for _, d := range v.done[n] {
		if slices.Equal(d, need) {
			return
		}
	}
	v.done[n] = append(v.done[n], need)
	in := n.Inputs()
	switch n := n.(type) {
	case *plan.Sink:
		switch _, merges := n.In.(*plan.SinkMaterializer); {
		case len(n.PrimaryKey) == 0 || merges:
			v.ask(n.In, allColumns(n.In), n)
		default:
			v.ask(n.In, noColumns(n.In).add(n.PrimaryKey...), n)
		}
	case *plan.Collect:
		v.ask(n.In, allColumns(n.In), n)
	case *plan.SinkMaterializer:
		v.ask(n.In, allColumns(n.In), n)
	case *plan.Calc:
		v.calc(n, need, by)
	case *plan.LookupJoin:
		v.lookup(n, need, by)
	case *plan.Scan:
		v.scan(n, need, by)
	case *plan.ChangelogNormalize:
		// It keeps the row of each key, and takes that one back.
		v.askNothing(n)
	case *plan.GroupAggregate:
		if n.Merge {
			v.askNothing(n)
		} else {
			v.ask(n.In, allColumns(n.In), n)
		}
	case *plan.Join:
		v.join(n, need)
	case *plan.MultiJoin:
		v.multiJoin(n)
	case *plan.TemporalJoin:
		v.temporal(n, need, by)
	case *plan.Correlate:
		v.correlate(n, need, by)
	case *plan.OverAggregate:
		v.over(n, need)
	case *plan.Rank:
		v.rank(n, n.Strategy, append(slices.Clone(n.PartitionBy), sortCols(n.OrderBy)...), need)
	case *plan.SortLimit:
		v.rank(n, n.Strategy, sortCols(n.OrderBy), need)
	case *plan.WindowTVF:
		v.ask(n.In, need[:len(n.In.Info().Schema)], by)
	case *plan.Union, *plan.Exchange, *plan.Limit, *plan.DropUpdateBefore, *plan.TemporalSort, *plan.Sort:
		v.askAll(n, need, by)
	default:
		// What keeps rows finds them again by all their columns.
		for _, i := range in {
			v.ask(i, allColumns(i), n)
		}
	}
}

func sortCols(keys []plan.SortKey) []int {
	out := make([]int, len(keys))
	for i, k := range keys {
		out[i] = k.Col
	}
	return out
}

func (v *ndu) calc(n *plan.Calc, need columnSet, by plan.Node) {
	if need.empty() {
		v.askNothing(n)
		return
	}
	v.condition(n, n.Filter)
	below := noColumns(n.In)
	for i, asked := range need {
		if !asked {
			continue
		}
		e := n.Exprs[i]
		if f := culprit(e); f != "" {
			v.add(n, place(e.Span(), n.Span), by, "column "+n.Schema[i].Name+" is computed anew by "+f+" when its row is taken back, so the retraction may not match")
		}
		below.add(expr.Refs(e)...)
	}
	v.ask(n.In, below, by)
}

// condition: rows that a condition let pass must pass again when they are taken back.
func (v *ndu) condition(n plan.Node, cond expr.Node) {
	if cond == nil {
		return
	}
	if f := culprit(cond); f != "" {
		v.add(n, place(cond.Span(), n.Info().Span), nil, "a condition with "+f+" may let a row pass and not its retraction")
	}
}

// lookup: the table may have other rows when a row is taken back.
func (v *ndu) lookup(n *plan.LookupJoin, need columnSet, by plan.Node) {
	if need.empty() {
		v.askNothing(n)
		return
	}
	v.condition(n, n.Filter)
	v.condition(n, n.Residual)
	left := len(n.In.Info().Schema)
	changes := false
	for i, asked := range need[left:] {
		if !asked {
			continue
		}
		e := n.Read[i]
		if f := culprit(e); f != "" {
			v.add(n, n.Span, by, "column "+n.Schema[left+i].Name+" is computed anew by "+f+" when its row is taken back, so the retraction may not match")
		}
		// The key of the looked-up row is the value it was looked up by.
		r, plain := e.(*expr.InputRef)
		changes = changes || !plain || !slices.Contains(n.TableKeys, r.Index) || !slices.Contains(n.Conn.PrimaryKey, r.Index)
	}
	if changes && n.KeepKey != nil {
		n.Keep = true
		v.ask(n.In, slices.Clone(need[:left]).add(n.KeepKey...), by)
		return
	}
	if changes {
		v.add(n, n.Span, by, "the lookup in "+n.Table+" may give another row when a row is taken back")
	}
	v.ask(n.In, need[:left], by)
}

// scan: metadata of a change, such as an offset, is that of the message and not of the
// row that the message is about.
func (v *ndu) scan(n *plan.Scan, need columnSet, by plan.Node) {
	if n.AppendOnly() {
		return
	}
	for i := n.Conn.Physical; i < len(need); i++ {
		if need[i] {
			v.add(n, n.Span, by, "the metadata column "+n.Schema[i].Name+" of "+n.Table.Path.Object+" may differ between a row and its retraction")
		}
	}
}

func (v *ndu) join(n *plan.Join, need columnSet) {
	left := len(n.Left.Info().Schema)
	updates := !n.Left.Info().AppendOnly() || !n.Right.Info().AppendOnly()
	if updates || n.Type != plan.Inner && n.Type != plan.Semi {
		v.condition(n, n.Residual)
	}
	side := func(in plan.Node, s plan.JoinSide, part columnSet) {
		if s.UniqueKey == nil {
			part = allColumns(in)
		}
		v.ask(in, part, n)
	}
	side(n.Left, n.LeftSide, need[:left])
	right := noColumns(n.Right)
	if !n.Type.LeftOnly() {
		right = need[left:]
	}
	side(n.Right, n.RightSide, right)
}

// temporal: a retraction finds the version that its row found, by key and time.
func (v *ndu) temporal(n *plan.TemporalJoin, need columnSet, by plan.Node) {
	v.condition(n, n.Residual)
	left := len(n.Left.Info().Schema)
	v.ask(n.Left, slices.Clone(need[:left]).add(n.LeftKeys...).add(n.LeftTime), by)
	v.ask(n.Right, slices.Clone(need[left:]).add(n.RightKeys...).add(n.RightTime), n)
}

// correlate: the rows of a function are made again for a retraction.
func (v *ndu) correlate(n *plan.Correlate, need columnSet, by plan.Node) {
	below := noColumns(n.In)
	for i, c := range n.Keep {
		if need[i] {
			below.add(c)
		}
	}
	if made := need[len(n.Keep):]; !made.empty() {
		det, name := n.Det, n.Func.Name+"()"
		for _, a := range n.Exprs() {
			if d := expr.Determinism(a); d > det {
				det, name = d, culprit(a)
			}
		}
		if det != function.Deterministic && !n.In.Info().AppendOnly() {
			v.add(n, n.Span, by, "the rows of "+n.Call+" are made anew by "+name+" when their row is taken back, so the retraction may not match")
		}
		below.add(expr.Refs(n.Args...)...)
	}
	if n.Cond != nil {
		for _, c := range expr.Refs(n.Cond) {
			if c < len(below) {
				below.add(c)
			}
		}
	}
	v.ask(n.In, below, by)
}

func (v *ndu) over(n *plan.OverAggregate, need columnSet) {
	width := len(n.In.Info().Schema)
	below := slices.Clone(need[:width]).add(n.PartitionBy...).add(sortCols(n.OrderBy)...)
	for i, c := range n.Calls {
		if need[width+i] {
			below.add(c.Args...)
			if c.Filter >= 0 {
				below.add(c.Filter)
			}
		}
	}
	v.ask(n.In, below, n)
}

// rank: rows of a ranking that only move up are found by key; else whole rows are
// compared.
func (v *ndu) rank(n plan.Node, s plan.RankStrategy, keys []int, need columnSet) {
	in := n.Inputs()[0]
	if s == plan.Retract {
		v.ask(in, allColumns(in), n)
		return
	}
	v.ask(in, need[:len(in.Info().Schema)].without(keys), n)
}

// add notes a finding, once for each place and text, and labels its node.
func (v *ndu) add(n plan.Node, at diag.Span, by plan.Node, msg string) {
	if slices.ContainsFunc(v.found, func(e *diag.Error) bool { return e.Span == at && e.Msg == msg }) {
		return
	}
	t := n.Info()
	t.Labels = append(t.Labels, plan.Label{Kind: plan.Unsafe, Reason: msg})
	e := diag.At(at, diag.NonDeterministicUpdate, "%s", msg).
		WithHint("compute it before the updating part of the query, or give the stream an upsert key")
	if by != nil && by != n && !by.Info().Span.IsZero() {
		e.WithNote(by.Info().Span, "%s finds the rows that are taken back by their values", finder(by))
	}
	v.found = append(v.found, e)
}

// finder names who looks for rows that are taken back.
func finder(n plan.Node) string {
	switch n := n.(type) {
	case *plan.Collect:
		return "who reads the query"
	case *plan.Sink:
		return "table " + n.Table.Path.Object
	case *plan.SinkMaterializer:
		return "the table written to"
	}
	if s := describe(n); s != "its input" {
		return s
	}
	return n.Name()
}

// culprit is the first function of e that is not deterministic, "" for none.
func culprit(e expr.Node) string {
	name := ""
	expr.Walk(e, func(n expr.Node) bool {
		if c, ok := n.(*expr.Call); ok && name == "" && max(c.Func.Det, c.Res.Det) != function.Deterministic {
			name = c.Func.Name + "()"
		}
		return name == ""
	})
	return name
}

// place is the first of two spans that says something.
func place(a, b diag.Span) diag.Span {
	if a.IsZero() {
		return b
	}
	return a
}
