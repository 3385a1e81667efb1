package optimize

import "github.com/minkstream/mink/engine/plan/logical"

// rule rewrites a tree. Rules keep the names and types of the root's columns.
type rule struct {
	name string
	run  func(o *optimizer, n logical.Node) (logical.Node, error)
}

// rules are the rewrites of the tree in the order they run, with the reason for
// the place each has.
func rules() []rule {
	return []rule{
		// Constants first: later rules look at literals (limits of ranks, TRUE conditions).
		{"fold", (*optimizer).foldConstants},
		// Conditions move down. This turns marks of IN and EXISTS in WHERE into semi and
		// anti applies, which need their condition directly above them.
		{"push_filter", (*optimizer).pushFilters},
		// Subqueries become joins; conditions on outer columns come up into them.
		{"decorrelate", (*optimizer).decorrelate},
		// The joins just made have conditions to push to their sides.
		{"push_filter", (*optimizer).pushFilters},
		// ROW_NUMBER under a condition on it. Conditions must stand directly above.
		{"rank", (*optimizer).ranks},
		// Chains of projections become one, so that patterns below see through them.
		{"merge_project", (*optimizer).mergeProjects},
		// Under event_type = 2 a CASE on event_type is one of its branches.
		{"known_values", (*optimizer).knownValues},
		// What was substituted and found out may fold again.
		{"fold", (*optimizer).foldConstants},
		// Conditions lie where they will stay, and columns still have their places.
		{"join_order", (*optimizer).orderJoins},
		// Columns nobody reads go last, when nothing adds readers any more.
		{"prune", (*optimizer).pruneColumns},
		// Pruning leaves projections on projections.
		{"merge_project", (*optimizer).mergeProjects},
	}
}

// rewrite applies the rules.
func (o *optimizer) rewrite(n logical.Node) (logical.Node, error) {
	for _, r := range rules() {
		m, err := r.run(o, n)
		if err != nil {
			return nil, err
		}
		n = m
	}
	return n, nil
}

// bottomUp rebuilds a tree from the leaves, replacing each node by f of it.
func bottomUp(n logical.Node, f func(logical.Node) (logical.Node, error)) (logical.Node, error) {
	in := n.Inputs()
	changed := false
	out := make([]logical.Node, len(in))
	for i, k := range in {
		m, err := bottomUp(k, f)
		if err != nil {
			return nil, err
		}
		out[i] = m
		changed = changed || m != k
	}
	if changed {
		n = n.With(out)
	}
	return f(n)
}
