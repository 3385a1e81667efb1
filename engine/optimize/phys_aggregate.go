package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

func (o *optimizer) convAggregate(n *logical.Aggregate) (plan.Node, error) {
	in, err := o.conv(n.In)
	if err != nil {
		return nil, err
	}
	if n.Window != nil {
		return o.groupWindow(n, in)
	}
	if w := o.windowOf(n, in); w != nil {
		return o.windowAggregate(n, in, w)
	}
	return o.groupAggregate(n, in)
}

// retracts reports that rows of n may be taken back.
func retracts(n plan.Node) bool { return !n.Info().AppendOnly() }

// calls are the aggregates as an operator over in needs them.
func (o *optimizer) calls(list []plan.AggCall, in plan.Node) []plan.AggCall {
	out := slices.Clone(list)
	for i := range out {
		out[i].Retract = retracts(in)
	}
	return out
}

func (o *optimizer) stateTTL(hint int64) int64 {
	if o.batch {
		return 0
	}
	if hint >= 0 {
		return hint
	}
	return o.ttl
}

func (o *optimizer) groupAggregate(n *logical.Aggregate, in plan.Node) (plan.Node, error) {
	if err := userCalls(n.Aggs, retracts(in), ""); err != nil {
		return nil, err
	}
	g := &plan.GroupAggregate{Keys: n.Keys, Aggs: o.calls(n.Aggs, in), InputRetracts: retracts(in), TTL: o.stateTTL(n.TTL)}
	g.EmitEmpty = o.batch && len(n.Keys) == 0
	g.Schema, g.Span = plain(n.Schema()), n.At
	retypeKeys(g.Schema, n.Keys, in)
	g.Emits = kI | kU
	if retracts(in) {
		g.Emits |= kD
	}
	if len(n.Aggs) == 0 && !retracts(in) {
		g.Emits = kI // DISTINCT of inserts
	}
	key := make([]int, len(n.Keys))
	for i := range key {
		key[i] = i
	}
	g.UpsertKeys = [][]int{key}
	local := o.localAggregate(g, in)
	if local != nil {
		return local, nil
	}
	g.In = o.exchange(in, n.Keys)
	g.Dist = mapDist(g.In.Info().Dist, groupPos(n.Keys))
	return o.intern(g), nil
}

// groupPos maps input columns to the group keys of the output.
func groupPos(keys []int) func(int) []int {
	return func(c int) []int {
		var out []int
		for i, k := range keys {
			if k == c {
				out = append(out, i)
			}
		}
		return out
	}
}

// retypeKeys takes the types of group keys from the operator's input, which may
// know better than the tree whether they can be NULL.
func retypeKeys(s types.Schema, keys []int, in plan.Node) {
	is := in.Info().Schema
	for i, k := range keys {
		s[i].Type.NotNull = is[k].Type.NotNull
	}
}

// windowOf finds the windows by whose bounds n groups: both start and end must be
// keys. It returns nil for an ordinary aggregation.
func (o *optimizer) windowOf(n *logical.Aggregate, in plan.Node) *plan.WindowProps {
	w := in.Info().Windows
	if w == nil || w.Start < 0 || w.End < 0 || !slices.Contains(n.Keys, w.Start) || !slices.Contains(n.Keys, w.End) {
		return nil
	}
	return w
}

// windowAggregate aggregates by window and other keys. Its own output is the other
// keys, the aggregates, start and end; a Calc puts the columns in the order of the
// tree.
func (o *optimizer) windowAggregate(n *logical.Aggregate, in plan.Node, w *plan.WindowProps) (plan.Node, error) {
	if s := w.Spec; s.Kind == plan.Hop && s.Size%s.Slide != 0 {
		return nil, diag.At(n.At, diag.InvalidArgument, "an aggregate over HOP windows needs a size that is a multiple of the slide").
			WithHint("GROUP BY HOP(...), the older form, takes any size")
	}
	if early, late := o.firing(); early || late {
		return nil, diag.At(n.At, diag.UnsupportedByFlink, "an aggregate over a window function cannot fire early or late").
			WithHint("GROUP BY %s(...), the older form, can; or %s", w.Spec.Kind, resetEmit)
	}
	a := &plan.WindowAggregate{Window: w.Spec, Attached: true, StartCol: w.Start, EndCol: w.End}
	var rest []int // keys that are not bounds
	for _, k := range n.Keys {
		if k != w.Start && k != w.End && (w.Time < 0 || k != w.Time) {
			rest = append(rest, k)
		}
	}
	aggs := n.Aggs
	time := w.Time >= 0 && slices.Contains(n.Keys, w.Time)
	if m, ok := o.mergeWindow(in, w, rest, aggs); ok {
		in, rest, aggs = m.in, m.keys, m.aggs
		a.Window, a.Attached, a.StartCol, a.EndCol = m.spec, false, -1, -1
	} else if w.Spec.Kind == plan.Session && !sessionKeys(in, rest) {
		return o.groupAggregate(n, in)
	} else {
		a.Window.TimeCol = -1
	}
	a.Keys, a.Aggs, a.InputRetracts = rest, o.calls(aggs, in), retracts(in)
	if err := userCalls(aggs, retracts(in), joins(a.Window, a.Attached)); err != nil {
		return nil, err
	}
	a.Props = []plan.WindowProp{plan.WindowStart, plan.WindowEnd}
	if time {
		p := plan.WindowRowtime
		if w.Spec.Proctime() {
			p = plan.WindowProctime
		}
		a.Props = append(a.Props, p)
	}
	dealBy := rest
	if a.Attached && len(rest) == 0 {
		// Without other keys the bounds themselves deal the rows.
		dealBy = []int{w.Start, w.End}
	}
	a.In = o.exchange(in, dealBy)
	is := a.In.Info().Schema
	for _, k := range rest {
		f := is[k]
		f.Type = f.Type.Plain()
		a.Schema = append(a.Schema, f)
	}
	for _, c := range a.Aggs {
		a.Schema = append(a.Schema, types.Field{Name: c.Name, Type: c.Type})
	}
	base := len(a.Schema)
	a.Schema = append(a.Schema, types.Field{Name: "window_start", Type: types.TimestampT(3).Nullable(false)},
		types.Field{Name: "window_end", Type: types.TimestampT(3).Nullable(false)})
	a.Windows = &plan.WindowProps{Spec: a.Window, Start: base, End: base + 1, Time: -1, Fired: true}
	if time {
		wt := logical.WindowSchema(types.Schema{{Type: w.Spec.TimeType}}, plan.WindowSpec{TimeType: w.Spec.TimeType})[3]
		a.Windows.Time = len(a.Schema)
		a.Schema = append(a.Schema, wt)
	}
	a.Span, a.Emits = n.At, kI
	for i := range len(a.Schema) - base {
		key := []int{base + i}
		for k := range rest {
			key = append(key, k)
		}
		a.UpsertKeys = addKey(a.UpsertKeys, key)
	}
	pos := groupPos(rest)
	a.Dist = mapDist(a.In.Info().Dist, func(c int) []int {
		out := pos(c)
		if a.Attached && c == w.Start {
			out = append(out, base)
		}
		if a.Attached && c == w.End {
			out = append(out, base+1)
		}
		return out
	})
	node := o.intern(a)
	// Back to the order of the tree: keys as written, then aggregates.
	out := n.Schema()
	exprs := make([]expr.Node, len(out))
	next := 0
	for i, k := range n.Keys {
		c := 0
		switch {
		case k == w.Start:
			c = base
		case k == w.End:
			c = base + 1
		case k == w.Time && w.Time >= 0:
			c = a.Windows.Time
		default:
			c = next
			next++
		}
		exprs[i] = expr.NewRef(c, a.Schema[c].Type, diag.Span{})
	}
	for i := range n.Aggs {
		exprs[len(n.Keys)+i] = expr.NewRef(len(rest)+i, a.Schema[len(rest)+i].Type, diag.Span{})
	}
	return o.calc(node, nil, exprs, out.Names(), n.At), nil
}

// merged is a windowing function taken into its aggregation.
type merged struct {
	in   plan.Node
	spec plan.WindowSpec
	keys []int
	aggs []plan.AggCall
}

// mergeWindow takes the windowing function below an aggregation into it, so that
// rows are never copied into their windows. That needs keys and arguments that do
// not read the bounds, and no condition in between.
func (o *optimizer) mergeWindow(in plan.Node, w *plan.WindowProps, keys []int, aggs []plan.AggCall) (merged, bool) {
	var no merged
	tvf, ok := in.(*plan.WindowTVF)
	var c *plan.Calc
	if !ok {
		if c, ok = in.(*plan.Calc); !ok || c.Filter != nil {
			return no, false
		}
		if tvf, ok = c.In.(*plan.WindowTVF); !ok {
			return no, false
		}
	}
	width := len(tvf.In.Info().Schema)
	used := slices.Clone(keys)
	for _, a := range aggs {
		used = append(used, a.Args...)
		if a.Filter >= 0 {
			used = append(used, a.Filter)
		}
	}
	if tvf.Window.Kind == plan.Session && !o.sessionMatches(tvf, c, keys) {
		return no, false
	}
	if c == nil {
		for _, u := range used {
			if u >= width {
				return no, false
			}
		}
		return merged{tvf.In, tvf.Window, keys, slices.Clone(aggs)}, true
	}
	// A Calc over the function's input computes what is used.
	is := tvf.In.Info().Schema
	var exprs []expr.Node
	var names []string
	at := map[int]int{}
	for _, u := range used {
		if _, ok := at[u]; ok {
			continue
		}
		for _, r := range expr.Refs(c.Exprs[u]) {
			if r >= width {
				return no, false
			}
		}
		at[u] = len(exprs)
		exprs, names = append(exprs, c.Exprs[u]), append(names, c.Schema[u].Name)
	}
	spec := tvf.Window
	col := func(i int) int {
		for j, e := range exprs {
			if r, ok := e.(*expr.InputRef); ok && r.Index == i && len(r.Path) == 0 {
				return j
			}
		}
		exprs, names = append(exprs, expr.NewRef(i, is[i].Type, diag.Span{})), append(names, is[i].Name)
		return len(exprs) - 1
	}
	spec.TimeCol = col(tvf.Window.TimeCol)
	spec.PartitionBy = nil
	for _, p := range tvf.Window.PartitionBy {
		spec.PartitionBy = append(spec.PartitionBy, col(p))
	}
	m := merged{spec: spec}
	for _, k := range keys {
		m.keys = append(m.keys, at[k])
	}
	m.aggs = slices.Clone(aggs)
	for i := range m.aggs {
		a := &m.aggs[i]
		a.Args = slices.Clone(a.Args)
		for j := range a.Args {
			a.Args[j] = at[a.Args[j]]
		}
		if a.Filter >= 0 {
			a.Filter = at[a.Filter]
		}
	}
	m.in = o.calc(tvf.In, nil, exprs, names, c.Span)
	return m, true
}

// sessionMatches reports that the keys of an aggregation are the PARTITION BY keys
// of the sessions.
func (o *optimizer) sessionMatches(tvf *plan.WindowTVF, c *plan.Calc, keys []int) bool {
	var cols []int
	for _, k := range keys {
		if c == nil {
			cols = append(cols, k)
			continue
		}
		r, ok := c.Exprs[k].(*expr.InputRef)
		if !ok || len(r.Path) > 0 {
			return false
		}
		cols = append(cols, r.Index)
	}
	return sameSet(cols, tvf.Window.PartitionBy)
}

// sessionKeys is sessionMatches where something stands between: sessions that are
// not merged into the aggregation but known by their bounds.
func sessionKeys(in plan.Node, keys []int) bool {
	switch in.(type) {
	case *plan.WindowTVF, *plan.Calc:
		n := in
		for {
			c, ok := n.(*plan.Calc)
			if !ok {
				break
			}
			var next []int
			for _, k := range keys {
				r, ok := c.Exprs[k].(*expr.InputRef)
				if !ok || len(r.Path) > 0 {
					return false
				}
				next = append(next, r.Index)
			}
			keys, n = next, c.In
		}
		if tvf, ok := n.(*plan.WindowTVF); ok {
			return sameSet(keys, tvf.Window.PartitionBy)
		}
	}
	return true
}

// groupWindow is GROUP BY TUMBLE(...) and its brothers.
func (o *optimizer) groupWindow(n *logical.Aggregate, in plan.Node) (plan.Node, error) {
	if err := o.timeColumn(in, n.Window.TimeCol, n.Window.Kind.String(), n.At); err != nil {
		return nil, err
	}
	emit, err := o.windowEmit(n)
	if err != nil {
		return nil, err
	}
	if err := userCalls(n.Aggs, retracts(in), joins(*n.Window, false)); err != nil {
		return nil, err
	}
	g := &plan.GroupWindowAggregate{Window: *n.Window, Keys: n.Keys, Aggs: o.calls(n.Aggs, in), Props: n.Props, InputRetracts: retracts(in)}
	g.In = o.exchange(in, n.Keys)
	g.Schema, g.Span, g.Emits = n.Schema(), n.At, kI
	if g.Emit = emit; emit != nil {
		g.Emits |= kU
		if g.InputRetracts {
			g.Emits |= kD
		}
	}
	retypeKeys(g.Schema, n.Keys, in)
	base := len(n.Keys) + len(n.Aggs)
	for i, p := range n.Props {
		if o.batch {
			g.Schema[base+i].Type.Attr = types.NotTime
		}
		if p == plan.WindowProctime {
			continue
		}
		key := []int{base + i}
		for k := range n.Keys {
			key = append(key, k)
		}
		g.UpsertKeys = addKey(g.UpsertKeys, key)
	}
	g.Dist = mapDist(g.In.Info().Dist, groupPos(n.Keys))
	return o.intern(g), nil
}

// timeColumn checks that a column still is a time attribute: joins and other
// updating operators make ordinary timestamps of them.
func (o *optimizer) timeColumn(in plan.Node, col int, what string, at diag.Span) error {
	f := in.Info().Schema[col]
	if f.Type.Attr != types.NotTime || o.batch && f.Type.IsTimestamp() {
		return nil
	}
	return diag.At(at, diag.InvalidWatermark, "%s needs a time attribute, but %s is %s here", what, f.Name, f.Type.Nullable(true)).
		WithHint("a time attribute becomes an ordinary timestamp behind a regular join, a group aggregate or a computation")
}

// window is a windowing function on its own.
func (o *optimizer) window(n *logical.Window) (plan.Node, error) {
	in, err := o.conv(n.In)
	if err != nil {
		return nil, err
	}
	if err := o.timeColumn(in, n.Spec.TimeCol, n.Spec.Kind.String(), n.At); err != nil {
		return nil, err
	}
	if n.Spec.Kind == plan.Session {
		in = o.exchange(in, n.Spec.PartitionBy)
	}
	w := &plan.WindowTVF{Window: n.Spec}
	w.Window.TimeType = in.Info().Schema[n.Spec.TimeCol].Type
	w.In, w.Span = in, n.At
	t := in.Info()
	w.Schema = logical.WindowSchema(t.Schema, w.Window)
	if o.batch {
		w.Schema[len(w.Schema)-1].Type.Attr = types.NotTime
	}
	w.Emits, w.Dist = t.Emits, t.Dist
	base := len(t.Schema)
	w.Windows = &plan.WindowProps{Spec: w.Window, Start: base, End: base + 1, Time: base + 2}
	for _, k := range t.UpsertKeys {
		w.UpsertKeys = addKey(w.UpsertKeys, append(slices.Clone(k), base, base+1))
	}
	return o.intern(w), nil
}

// appendOnly refuses an input that takes rows back.
func (o *optimizer) appendOnly(in plan.Node, what string, at diag.Span) error {
	if in.Info().AppendOnly() {
		return nil
	}
	who := updater(in)
	e := diag.At(at, diag.ChangelogMismatch, "%s takes inserts only, and %s also updates or deletes", what, describe(who))
	if s := who.Info().Span; !s.IsZero() && s != at {
		e.WithNote(s, "the changes come from here")
	}
	return e.WithHint("put it before the part that updates, or make that part a window aggregate, which only appends")
}

// updater is the operator that made a stream an updating one.
func updater(n plan.Node) plan.Node {
	for {
		next := plan.Node(nil)
		for _, in := range n.Inputs() {
			if !in.Info().AppendOnly() {
				next = in
				break
			}
		}
		switch n.(type) {
		case *plan.Calc, *plan.Exchange, *plan.Union, *plan.WindowTVF, *plan.LookupJoin:
			if next != nil {
				n = next
				continue
			}
		}
		return n
	}
}

func describe(n plan.Node) string {
	switch n := n.(type) {
	case *plan.Scan:
		return "table " + n.Table.Path.Object
	case *plan.GroupAggregate:
		if len(n.Aggs) == 0 {
			return "a DISTINCT"
		}
		return "a group aggregate"
	case *plan.Join, *plan.MultiJoin:
		return "a join"
	case *plan.Rank, *plan.SortLimit:
		return "a Top-N"
	case *plan.Deduplicate:
		return "a deduplication"
	case *plan.OverAggregate:
		return "an OVER aggregate"
	case *plan.Limit:
		return "a LIMIT"
	}
	return "its input"
}
