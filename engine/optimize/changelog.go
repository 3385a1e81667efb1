package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
)

// Changelog modes are worked out in three passes. The first, from the sources up,
// ran while operators were chosen: which of insert, update and delete each emits.
// The second, here, goes from the sinks down: who needs the row before an update.
// The third goes down too: who needs whole rows of deletes, and not their key alone.
// Where a source cannot give what is needed a ChangelogNormalize is put in, and
// where a reader must not see -U a DropUpdateBefore.

// changes is what is needed of a node by those who read it.
type changes struct {
	before map[plan.Node]bool // -U is needed
	full   map[plan.Node]bool // whole rows of -D are needed
}

// inferChanges runs the second and third pass over nodes, inputs before readers.
func (o *optimizer) inferChanges(p *plan.Physical) error {
	nodes := topo(p.Roots)
	// From here on inputs of nodes change. A node made now must not be one of those
	// from before: it could come to stand above itself.
	o.made = map[string]plan.Node{}
	c := &changes{map[plan.Node]bool{}, map[plan.Node]bool{}}
	for _, n := range slices.Backward(nodes) {
		for i, in := range n.Inputs() {
			if o.needsBefore(c, n, i) {
				c.before[in] = true
			}
			if o.needsFull(c, n, i) {
				c.full[in] = true
			}
		}
	}
	for _, n := range nodes {
		for i := range n.Inputs() {
			o.connectInput(c, n, i)
		}
		o.emits(c, n)
	}
	return nil
}

// updates reports that a node emits updates, in whatever form.
func updates(n plan.Node) bool { return n.Info().HasUpdates() }

// needsBefore reports that node n needs the -U of its input i.
func (o *optimizer) needsBefore(c *changes, n plan.Node, i int) bool {
	in := n.Inputs()[i]
	if !updates(in) {
		return false
	}
	switch n := n.(type) {
	case *plan.WindowTVF:
		// A new row need not lie in the session of the one that it replaces.
		return n.Window.Kind == plan.Session || c.before[n]
	case *plan.Calc, *plan.Union, *plan.Exchange, *plan.LookupJoin, *plan.Correlate:
		// Who cannot do without has been asked by those above; see canSkip.
		return c.before[n]
	case *plan.Join:
		return c.before[n] || !o.joinSkips(n, i)
	case *plan.TemporalJoin:
		return i == 0 // a version stands for the end of the one before
	case *plan.Rank:
		return n.Strategy == plan.Retract
	case *plan.SortLimit:
		return n.Strategy == plan.Retract
	case *plan.ChangelogNormalize:
		return false
	case *plan.ToChangelog:
		return o.toNeedsBefore(n)
	case *plan.Process:
		return n.Before
	case *plan.Sink:
		return o.sinkNeedsBefore(n)
	}
	return true
}

// sinkNeedsBefore: a sink without -U does without only if some upsert key of the
// query is exactly its primary key, and all below can do without.
func (o *optimizer) sinkNeedsBefore(n *plan.Sink) bool {
	if n.Target&connect.HasUpdateBefore != 0 || n.Target&connect.HasUpdateAfter == 0 {
		return n.Target&connect.HasUpdateBefore != 0
	}
	if _, ok := n.In.(*plan.SinkMaterializer); ok {
		return false
	}
	if discards(n.Table) {
		return !o.canSkip(n.In)
	}
	exact := slices.ContainsFunc(n.In.Info().UpsertKeys, func(k []int) bool { return sameSet(k, n.PrimaryKey) })
	return !exact || !o.canSkip(n.In)
}

// canSkip reports that n can emit its updates without -U.
func (o *optimizer) canSkip(n plan.Node) bool {
	if !updates(n) {
		return true
	}
	switch n := n.(type) {
	case *plan.Calc:
		// A condition on other columns than a key may let an old row pass and not the
		// new one: then only the -U takes the old one back.
		return keyCondition(n.Filter, n.In) && o.canSkip(n.In)
	case *plan.Union, *plan.Exchange:
		for _, in := range n.Inputs() {
			if !o.canSkip(in) {
				return false
			}
		}
		return true
	case *plan.Correlate:
		// The rows of a new array do not stand where those of the old one stood.
		return false
	case *plan.WindowTVF:
		return n.Window.Kind != plan.Session && inKey(n.In, []int{n.Window.TimeCol}) && o.canSkip(n.In)
	case *plan.LookupJoin:
		var keys []int
		for _, k := range n.Keys {
			if k >= 0 {
				keys = append(keys, k)
			}
		}
		return n.Residual == nil && inKey(n.In, keys) && o.canSkip(n.In)
	case *plan.TemporalJoin:
		return !updates(n.Left) // rows leave by their times, and may meet no version
	case *plan.MultiJoin:
		for i, in := range n.Ins {
			if updates(in) && (!multiJoinSkips(n, i) || !o.canSkip(in)) {
				return false
			}
		}
		return true
	case *plan.Join:
		for i, in := range n.Inputs() {
			if updates(in) && (!o.joinSkips(n, i) || !o.canSkip(in)) {
				return false
			}
		}
		return true
	}
	return true
}

// keyCondition reports that a condition reads only columns of one upsert key of in.
func keyCondition(cond expr.Node, in plan.Node) bool {
	return cond == nil || inKey(in, expr.Refs(cond))
}

// inKey reports that some upsert key of n has all of cols.
func inKey(n plan.Node, cols []int) bool {
	return slices.ContainsFunc(n.Info().UpsertKeys, func(k []int) bool { return subset(cols, k) })
}

// joinSkips reports that a join does without -U on input i: an upsert key of the
// input contains the join key, so the new row stands where the old one stood, and
// the rest of the condition reads only that key.
func (o *optimizer) joinSkips(n *plan.Join, i int) bool {
	keys, from, to := n.LeftKeys, 0, len(n.Left.Info().Schema)
	if i == 1 {
		keys, from, to = n.RightKeys, to, to+len(n.Right.Info().Schema)
	}
	in := n.Inputs()[i]
	if len(keys) == 0 {
		return false
	}
	var rest []int
	if n.Residual != nil {
		for _, r := range expr.Refs(n.Residual) {
			if r >= from && r < to {
				rest = append(rest, r-from)
			}
		}
	}
	return slices.ContainsFunc(in.Info().UpsertKeys, func(k []int) bool { return subset(keys, k) && subset(rest, k) })
}

// needsFull reports that node n needs whole rows in the -D of its input i.
func (o *optimizer) needsFull(c *changes, n plan.Node, i int) bool {
	in := n.Inputs()[i]
	if !in.Info().HasDeletes() {
		return false
	}
	switch n := n.(type) {
	case *plan.Calc:
		return c.full[n] || !keyCondition(n.Filter, n.In) || len(n.UpsertKeys) == 0
	case *plan.Exchange, *plan.DropUpdateBefore:
		return c.full[n]
	case *plan.Sink:
		upsert := n.Target&connect.HasUpdateAfter != 0 && n.Target&connect.HasUpdateBefore == 0
		if discards(n.Table) {
			return false
		}
		return !upsert || !slices.ContainsFunc(in.Info().UpsertKeys, func(k []int) bool { return sameSet(k, n.PrimaryKey) })
	case *plan.ChangelogNormalize:
		return false
	case *plan.ToChangelog:
		return !n.Partial
	case *plan.Process:
		return n.Full
	}
	return true
}

// connectInput puts between a node and its input what their changes need.
func (o *optimizer) connectInput(c *changes, n plan.Node, i int) {
	in := n.Inputs()[i]
	if pk, ok := o.upsertScan[in]; ok {
		n.SetInput(i, o.normalized(c, in, pk))
		in = n.Inputs()[i]
	}
	if in.Info().EmitUpdateBefore() && !o.needsBefore(c, n, i) {
		d := &plan.DropUpdateBefore{}
		t := in.Info()
		d.In, d.Span, d.Schema, d.UpsertKeys, d.Dist, d.Windows, d.KeyDeletes = in, t.Span, t.Schema, t.UpsertKeys, t.Dist, t.Windows, t.KeyDeletes
		d.Emits = t.Emits &^ connect.HasUpdateBefore
		n.SetInput(i, o.intern(d))
	}
}

// normalized is an upsert source as its readers need it.
func (o *optimizer) normalized(c *changes, in plan.Node, pk []int) plan.Node {
	scan := below(in)
	if !c.before[in] && !c.full[in] && (scan == nil || !o.duplicates(scan)) {
		return in
	}
	if n, ok := o.normalizedAs[in]; ok {
		return n
	}
	n := &plan.ChangelogNormalize{Keys: pk, TTL: o.stateTTL(-1)}
	// An exchange of its own: an equal one further up reads what comes out of here.
	n.In = o.dealBy(in, pk)
	t := n.In.Info()
	n.Span, n.Schema, n.Dist = t.Span, t.Schema, t.Dist
	n.UpsertKeys = [][]int{slices.Clone(pk)}
	n.Emits = kIUD
	if c.before[in] {
		n.Emits |= connect.HasUpdateBefore
	}
	o.ids[n] = len(o.ids)
	o.normalizedAs[in] = n
	return n
}

// below is the scan under a source's Calc; nil for changes that a process table
// function makes.
func below(n plan.Node) *plan.Scan {
	for {
		switch m := n.(type) {
		case *plan.FromChangelog, *plan.Process:
			return nil
		case *plan.Scan:
			return m
		}
		n = n.Inputs()[0]
	}
}

// emits fixes what a node emits, now that its inputs are known and what is needed
// of it.
func (o *optimizer) emits(c *changes, n plan.Node) {
	t := n.Info()
	const ub = connect.HasUpdateBefore
	switch n := n.(type) {
	case *plan.Scan:
		// As the source gives them.
		if !t.AppendOnly() && t.HasUpdates() && !t.EmitUpdateBefore() {
			t.KeyDeletes = t.HasDeletes()
		}
	case *plan.DropUpdateBefore, *plan.ChangelogNormalize, *plan.ToChangelog, *plan.FromChangelog, *plan.Process:
	case *plan.Sink:
		in := n.In.Info()
		t.Emits, t.KeyDeletes, t.UpsertKeys = in.Emits, in.KeyDeletes, in.UpsertKeys
		if n.Target&ub == 0 && in.EmitUpdateBefore() && !discards(n.Table) {
			n.DeleteUpdateBefore = true
		}
	case *plan.Collect:
		t.Emits, t.UpsertKeys = n.In.Info().Emits, n.In.Info().UpsertKeys
	case *plan.Calc, *plan.Union, *plan.Exchange, *plan.WindowTVF, *plan.LookupJoin, *plan.Correlate, *plan.Expand:
		t.Emits = 0
		for _, in := range n.Inputs() {
			t.Emits |= in.Info().Emits
			t.KeyDeletes = t.KeyDeletes || in.Info().KeyDeletes
		}
	default:
		if t.HasUpdates() && c.before[n] {
			t.Emits |= ub
		}
	}
}

// topo lists the nodes under roots, inputs before readers, in the order of a walk
// from the first root.
func topo(roots []plan.Node) []plan.Node {
	var out []plan.Node
	seen := map[plan.Node]bool{}
	var walk func(n plan.Node)
	walk = func(n plan.Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		for _, in := range n.Inputs() {
			walk(in)
		}
		out = append(out, n)
	}
	for _, r := range roots {
		walk(r)
	}
	return out
}
