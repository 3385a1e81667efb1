package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
)

// expand plans the rows of grouping sets.
func (o *optimizer) expand(n *logical.Expand) (plan.Node, error) {
	in, err := o.conv(n.In)
	if err != nil {
		return nil, err
	}
	e := &plan.Expand{Pass: n.Pass, Keys: n.Keys, Sets: n.Sets, Numbers: n.Numbers}
	t := in.Info()
	e.In, e.Span, e.Emits = in, n.At, t.Emits
	e.Schema = n.Schema()
	number := len(n.Pass) + len(n.Keys)
	pos := func(i int) int { return slices.Index(n.Pass, i) }
	for _, k := range mapKeys(t.UpsertKeys, pos) {
		e.UpsertKeys = addKey(e.UpsertKeys, append(slices.Clone(k), number))
	}
	if w := t.Windows; w != nil {
		// Bounds that every set has still are bounds.
		key := func(col int) int {
			k := slices.Index(n.Keys, col)
			if k < 0 || slices.ContainsFunc(n.Sets, func(set []int) bool { return !slices.Contains(set, k) }) {
				return -1
			}
			return len(n.Pass) + k
		}
		m := *w
		if m.Start, m.End, m.Time = key(w.Start), key(w.End), key(w.Time); m.End >= 0 {
			e.Windows = &m
		}
	}
	e.Dist = mapDist(t.Dist, func(i int) []int {
		if p := pos(i); p >= 0 {
			return []int{p}
		}
		return nil
	})
	return o.intern(e), nil
}

// pruneExpand drops columns that nobody above reads; keys are all read.
func pruneExpand(n *logical.Expand, need []bool) (logical.Node, []int) {
	needIn := make([]bool, len(n.In.Schema()))
	for _, k := range n.Keys {
		needIn[k] = true
	}
	m := *n
	m.Pass = nil
	at := make([]int, len(need))
	for i, p := range n.Pass {
		at[i] = -1
		if need[i] {
			at[i] = len(m.Pass)
			m.Pass = append(m.Pass, p)
			needIn[p] = true
		}
	}
	for i := len(n.Pass); i < len(need); i++ {
		at[i] = i - len(n.Pass) + len(m.Pass)
	}
	in, to := narrow(n.In, needIn)
	m.In, m.Pass, m.Keys = in, remapInts(m.Pass, to), remapInts(n.Keys, to)
	return &m, at
}
