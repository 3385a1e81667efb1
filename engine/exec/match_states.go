package exec

import "github.com/minkstream/mink/engine/expr"

// MatchVar is a variable of a pattern: Min to Max rows in a row, Max -1 for any
// number.
type MatchVar struct {
	Min, Max int
	Greedy   bool
	// Cond is over the current row and then MatchConfig.Refs; nil is TRUE.
	Cond expr.Node
}

// matchState is what may come next in a partial match.
type matchState struct {
	tries uint64 // variables whose conditions decide
	edges []matchEdge
}

// matchEdge maps the row at hand to variable v. It is open when the condition of v
// holds and those of not do not.
type matchEdge struct {
	v   int
	not uint64
	// to is the next state, or -1 behind the last variable.
	to int
	// ends: the match may be complete with this row, unless a condition of endNot
	// holds.
	ends   bool
	endNot uint64
}

// matchNode is a state being built: it takes a row for v and goes to take, or goes
// to skip without one. A nil target is the end of the pattern.
type matchNode struct {
	v          int
	take, skip matchArc
	number     int
}

type matchArc struct {
	on  bool
	to  *matchNode
	not uint64
}

// matchStates compiles a pattern; state 0 is its start.
//
// A greedy variable does not go back: what follows it takes no row that the variable
// itself would take (Flink's NFACompiler puts the same condition on the first state
// behind it). Where several edges are open, all are followed, the variable at hand
// first.
func matchStates(vars []MatchVar) []matchState {
	var sink *matchNode
	for v := len(vars) - 1; v >= 0; v-- {
		sink = matchNodes(v, vars[v], sink)
	}
	var nodes []*matchNode
	var number func(n *matchNode)
	number = func(n *matchNode) {
		if n == nil || n.number > 0 {
			return
		}
		nodes = append(nodes, n)
		n.number = len(nodes)
		number(n.take.to)
		number(n.skip.to)
	}
	number(sink)
	states := make([]matchState, len(nodes))
	for i, n := range nodes {
		states[i] = n.state()
	}
	return states
}

// matchNodes makes the nodes of a variable in front of sink.
func matchNodes(v int, m MatchVar, sink *matchNode) *matchNode {
	from := max(m.Min, 1)
	if m.Greedy && sink != nil {
		sink.take.not |= 1 << v
		sink.skip.not |= 1 << v
	}
	next := sink
	if m.Max < 0 {
		next = &matchNode{v: v, skip: matchArc{on: true, to: sink}}
		next.take = matchArc{on: true, to: next}
	}
	for i := from; i < m.Max; i++ {
		next = &matchNode{v: v, take: matchArc{on: true, to: next}, skip: matchArc{on: true, to: sink}}
	}
	for i := 0; i < from-1; i++ {
		next = &matchNode{v: v, take: matchArc{on: true, to: next}}
	}
	return &matchNode{v: v, take: matchArc{on: true, to: next}, skip: matchArc{on: m.Min == 0, to: sink}}
}

// state lists the edges of a node: its own, then those it can go on to without a row.
func (n *matchNode) state() matchState {
	var s matchState
	not := uint64(0)
	for at := n; at != nil; at = at.skip.to {
		e := matchEdge{v: at.v, not: not | at.take.not, to: -1, ends: true}
		if t := at.take.to; t != nil {
			e.to = t.number - 1
			e.ends, e.endNot = t.toEnd()
		}
		s.edges = append(s.edges, e)
		s.tries |= 1<<at.v | e.not | e.endNot
		if !at.skip.on {
			break
		}
		not |= at.skip.not
	}
	return s
}

// toEnd reports whether the end can be reached without a row.
func (n *matchNode) toEnd() (ok bool, not uint64) {
	for ; n != nil; n = n.skip.to {
		if !n.skip.on {
			return false, 0
		}
		not |= n.skip.not
	}
	return true, not
}
