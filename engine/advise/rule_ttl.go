package advise

import "github.com/minkstream/mink/engine/plan"

// ttlHint is the way out of state that is never dropped.
const ttlHint = "SET 'table.exec.state.ttl' = '1 d', if a key that was not touched for so long may start anew"

// bounded reports that a node's keys hold a bound of a window, of which old ones get
// no more rows.
func bounded(in plan.Node, keys []int) bool {
	w := plan.Below(in).Info().Windows
	return w != nil && (w.Start >= 0 && has(keys, w.Start) || w.End >= 0 && has(keys, w.End) || w.Time >= 0 && has(keys, w.Time))
}
