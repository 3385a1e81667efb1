package cover

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// op is an operator of a plan with its items; nil ones it does not have.
type op struct {
	node  plan.Node
	place Place
	in    []*Item
	out   *Item
	kinds [4]*Item
	late  *Item
	ttl   *Item
	// timer is one of processing time; event says that a watermark moved its time.
	timer, event, restore *Item
	// filter is asked first, preds of the rows that it lets pass.
	filter *predicate
	preds  []*predicate
	join   *join
}

// declare makes the items of a node.
func (w *Watch) declare(n plan.Node, filters map[plan.Node][]int) *op {
	o := &op{node: n, place: w.place(n.Info().Span)}
	name := n.Name()
	switch n := n.(type) {
	case *plan.Scan:
		name += " " + n.Table.Path.Object
	case *plan.Sink:
		name += " " + n.Table.Path.Object
	}
	item := func(k Kind, what, missing string) *Item {
		i := &Item{Place: o.place, Kind: k, Operator: name, What: what, Missing: missing}
		w.items = append(w.items, i)
		return i
	}
	for i := range n.Inputs() {
		what, missing := "in", "no row came"
		if len(n.Inputs()) > 1 {
			what, missing = "in "+side(n, i), "no row came by its "+side(n, i)+" input"
		}
		o.in = append(o.in, item(Rows, what, missing))
	}
	if !ends(n) {
		o.out = item(Rows, "out", "it gave no row")
		if emits := w.emits(n); emits&^connect.HasInsert != 0 {
			for k := batch.Insert; k <= batch.Delete; k++ {
				if emits&(1<<k) != 0 {
					o.kinds[k] = item(Changes, k.String(), "it gave no "+k.String())
				}
			}
		}
	}
	if dropsLate(n) {
		o.late = item(Late, "late", "no row was late")
	}
	if expires(n) {
		o.ttl = item(TTL, "expired", "nothing it keeps expired")
	}
	switch t := timeOf(n); t {
	case types.Rowtime:
		o.event = item(Timer, "watermark", "no watermark moved its time but that of the end")
	case types.Proctime:
		o.timer = item(Timer, "timer", "no timer of processing time fired")
	}
	w.predicates(o, filters[n])
	if j := newJoin(n); j != nil {
		o.join = j
		for i := range j.sides {
			s := &j.sides[i]
			row := "row"
			if len(j.sides) > 1 {
				row = side(n, i) + " row"
			}
			s.hit = item(Join, "hit "+side(n, i), "no "+row+" found a partner")
			s.miss = item(Join, "miss "+side(n, i), "every "+row+" found a partner")
		}
	}
	return o
}

// emits are the kinds of changes that a node can give. What passes changes on gives none that
// it does not get, and a join beside those of its inputs takes back what it gave for a row
// without a partner, whatever else its place in the plan would allow.
func (w *Watch) emits(n plan.Node) connect.Changes {
	if k, ok := w.kinds[n]; ok {
		return k
	}
	var k connect.Changes
	for _, in := range n.Inputs() {
		k |= w.emits(in)
	}
	switch n := n.(type) {
	case *plan.Calc, *plan.Correlate, *plan.LookupJoin, *plan.Exchange, *plan.Union, *plan.DropUpdateBefore:
	case *plan.Join:
		if n.Type != plan.Inner {
			k |= connect.HasInsert | connect.HasDelete
		}
	case *plan.MultiJoin:
		k |= connect.HasInsert | connect.HasDelete
	default:
		k = n.Info().Emits
	}
	k &= n.Info().Emits
	w.kinds[n] = k
	return k
}

// ends tells whether nothing comes behind a node.
func ends(n plan.Node) bool {
	switch n.(type) {
	case *plan.Sink, *plan.Collect:
		return true
	}
	return false
}

// side names an input.
func side(n plan.Node, i int) string {
	switch {
	case len(n.Inputs()) < 2:
		return "left"
	case len(n.Inputs()) > 2:
		return string(rune('1' + i))
	}
	return [...]string{"left", "right"}[i]
}

// windowOf is the window of a node that keeps rows for one, or counts by it: of the table
// functions that put rows into windows only sessions do.
func windowOf(n plan.Node) *plan.WindowSpec {
	w := plan.WindowOf(n)
	if _, tvf := n.(*plan.WindowTVF); tvf && w.Kind != plan.Session {
		return nil
	}
	return w
}

// timeOf is the time that a node waits for, if it does.
func timeOf(n plan.Node) types.TimeAttr {
	event := func(yes bool) types.TimeAttr {
		if yes {
			return types.Rowtime
		}
		return types.Proctime
	}
	if w := windowOf(n); w != nil {
		return event(!w.Proctime())
	}
	switch n := n.(type) {
	case *plan.IntervalJoin:
		return event(n.Rowtime)
	case *plan.TemporalJoin:
		return types.Rowtime
	case *plan.OverAggregate:
		if n.Time == types.Rowtime {
			return types.Rowtime
		}
	case *plan.TemporalSort:
		return event(n.Rowtime)
	case *plan.Deduplicate:
		if n.Rowtime && !n.KeepLast {
			return types.Rowtime
		}
	case *plan.Match:
		if n.In.Info().Schema[n.OrderBy[0].Col].Type.Attr == types.Rowtime {
			return types.Rowtime
		}
	}
	return types.NotTime
}

// dropsLate tells whether a node leaves out rows that come behind the watermark. Rows of
// windows that fired above are never behind it.
func dropsLate(n plan.Node) bool {
	if timeOf(n) != types.Rowtime {
		return false
	}
	if _, ok := n.(*plan.IntervalJoin); ok {
		return false // they look for partners all the same
	}
	fired := func(in plan.Node) bool { w := in.Info().Windows; return w != nil && w.Fired }
	return windowOf(n) == nil || slices.ContainsFunc(n.Inputs(), func(in plan.Node) bool { return !fired(in) })
}

// expires tells whether state of a node has a TTL that it goes by.
func expires(n plan.Node) bool {
	if o, ok := n.(*plan.OverAggregate); ok && !o.Rows && o.Lo.Kind == plan.Preceding {
		return false
	}
	return slices.ContainsFunc(plan.States(n), func(s plan.State) bool { return *s.TTL > 0 })
}
