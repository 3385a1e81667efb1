package expr

import "slices"

// Replace replaces nodes from the root down: where f returns true its node takes
// the place and what lay below is not looked at. The replacement must have the
// type but for nullability. Nodes under which nothing changed are shared.
func Replace(n Node, f func(Node) (Node, bool)) Node {
	if r, ok := f(n); ok {
		return r
	}
	kids := n.kids()
	var changed []Node
	for i, k := range kids {
		r := Replace(k, f)
		if r != k && changed == nil {
			changed = slices.Clone(kids)
		}
		if changed != nil {
			changed[i] = r
		}
	}
	if changed != nil {
		return n.with(changed)
	}
	return n
}
