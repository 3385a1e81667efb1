package advise

import (
	"strings"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// scans are the scans at or below n, each once.
func scans(n plan.Node) []*plan.Scan {
	var out []*plan.Scan
	below(n, func(k plan.Node) {
		if s, ok := k.(*plan.Scan); ok {
			out = append(out, s)
		}
	})
	return out
}

// below calls f for n and every node that it reads from, each once.
func below(n plan.Node, f func(plan.Node)) {
	seen := map[plan.Node]bool{}
	var walk func(plan.Node)
	walk = func(k plan.Node) {
		if seen[k] {
			return
		}
		seen[k] = true
		f(k)
		for _, in := range k.Inputs() {
			walk(in)
		}
	}
	walk(n)
}

// endless reports that a source below n never ends, so that what n keeps may grow
// for ever.
func (p *pass) endless(n plan.Node) bool {
	if p.Plan.Batch {
		return false
	}
	for _, s := range scans(n) {
		if !s.Source.Bounded() {
			return true
		}
	}
	return false
}

// eachNode calls f for the nodes of one type.
func eachNode[N plan.Node](p *pass, f func(N)) {
	for _, n := range p.Plan.Nodes {
		if k, ok := n.(N); ok {
			f(k)
		}
	}
}

// eachTree calls f for the nodes of one type in the statement's tree.
func eachTree[N ast.Node](p *pass, f func(N)) {
	if p.Tree == nil {
		return
	}
	ast.Walk(p.Tree, func(n ast.Node) bool {
		if k, ok := n.(N); ok {
			f(k)
		}
		return true
	})
}

// eachCall calls f for the function calls in the expressions of the plan's Calcs.
func eachCall(p *pass, f func(n *plan.Calc, c *expr.Call)) {
	eachNode(p, func(n *plan.Calc) {
		list := n.Exprs
		if n.Filter != nil {
			list = append(list[:len(list):len(list)], n.Filter)
		}
		for _, e := range list {
			expr.Walk(e, func(k expr.Node) bool {
				if c, ok := k.(*expr.Call); ok {
					f(n, c)
				}
				return true
			})
		}
	})
}

// waits reports that a node holds rows back or takes them as late by the watermark
// of its event time.
func waits(n plan.Node) bool {
	event := func(w plan.WindowSpec) bool { return w.TimeType.Attr == types.Rowtime }
	switch n := n.(type) {
	case *plan.WindowAggregate:
		return event(n.Window)
	case *plan.GroupWindowAggregate:
		return event(n.Window)
	case *plan.WindowTVF:
		return n.Window.Kind == plan.Session && event(n.Window)
	case *plan.WindowJoin:
		return event(n.Window)
	case *plan.WindowTopN:
		return event(n.Window)
	case *plan.WindowDedup:
		return event(n.Window)
	case *plan.OverAggregate:
		return n.Time == types.Rowtime
	case *plan.IntervalJoin:
		return n.Rowtime
	case *plan.Deduplicate:
		return n.Rowtime && !n.KeepLast
	case *plan.TemporalSort:
		return n.Rowtime
	case *plan.TemporalJoin:
		return true
	}
	return false
}

// columns names columns of a schema.
func columns(s types.Schema, cols []int) string {
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = s[c].Name
	}
	return strings.Join(names, ", ")
}

// shortestKey is the smallest of the upsert keys, nil for none.
func shortestKey(keys [][]int) []int {
	var best []int
	for _, k := range keys {
		if best == nil || len(k) < len(best) {
			best = k
		}
	}
	return best
}

// has reports that every element of cols is in set.
func has(set []int, cols ...int) bool {
	for _, c := range cols {
		found := false
		for _, s := range set {
			found = found || s == c
		}
		if !found {
			return false
		}
	}
	return true
}

// connector is the connector of a table, nil when it is not known.
func (p *pass) connector(t connect.Options) *connect.Connector {
	for _, c := range p.Session.Host.Connectors {
		if c.Name == t["connector"] {
			return c
		}
	}
	return nil
}

// sinks are the inserts of the plan.
func (p *pass) sinks() []*plan.Sink {
	var out []*plan.Sink
	for _, r := range p.Plan.Roots {
		if s, ok := r.(*plan.Sink); ok {
			out = append(out, s)
		}
	}
	return out
}

// place is the first of the spans that says something.
func place(spans ...diag.Span) diag.Span {
	for _, s := range spans {
		if !s.IsZero() {
			return s
		}
	}
	return diag.Span{}
}
