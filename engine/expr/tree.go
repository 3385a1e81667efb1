package expr

import (
	"slices"

	"github.com/minkstream/mink/engine/function"
)

// Walk calls f for n and then for its operands, left to right, as long as f
// returns true for the node above.
func Walk(n Node, f func(Node) bool) {
	if !f(n) {
		return
	}
	for _, k := range n.kids() {
		Walk(k, f)
	}
}

// Rewrite replaces nodes from the leaves up: f gets each node with operands
// already replaced and returns the node to use. f must keep the type but for
// nullability. Nodes under which nothing changed are shared.
func Rewrite(n Node, f func(Node) Node) Node {
	kids := n.kids()
	var changed []Node
	for i, k := range kids {
		r := Rewrite(k, f)
		if r != k && changed == nil {
			changed = slices.Clone(kids)
		}
		if changed != nil {
			changed[i] = r
		}
	}
	if changed != nil {
		n = n.with(changed)
	}
	return f(n)
}

// Kids returns the operands of n in order of evaluation. The result is read-only.
func Kids(n Node) []Node { return n.kids() }

// Refs returns the input columns that nodes read, ascending, each once.
func Refs(nodes ...Node) []int {
	var out []int
	for _, n := range nodes {
		Walk(n, func(n Node) bool {
			if r, ok := n.(*InputRef); ok {
				out = append(out, r.Index)
			}
			return true
		})
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// RefPaths returns each input column or field path that nodes read, in order of
// first use; Index and Path of the results are meant.
func RefPaths(nodes ...Node) []*InputRef {
	var out []*InputRef
	for _, n := range nodes {
		Walk(n, func(n Node) bool {
			r, ok := n.(*InputRef)
			if ok && !slices.ContainsFunc(out, func(o *InputRef) bool { return o.Index == r.Index && slices.Equal(o.Path, r.Path) }) {
				out = append(out, r)
			}
			return true
		})
	}
	return out
}

// Shift adds by to the index of every input column.
func Shift(n Node, by int) Node {
	if by == 0 {
		return n
	}
	return Remap(n, func(i int) int { return i + by })
}

// Remap replaces the index i of every input column by to(i).
func Remap(n Node, to func(i int) int) Node {
	return Rewrite(n, func(n Node) Node {
		if r, ok := n.(*InputRef); ok {
			if j := to(r.Index); j != r.Index {
				c := *r
				c.Index = j
				return &c
			}
		}
		return n
	})
}

// Substitute replaces every input column i by cols[i], and a field of it by the
// field of cols[i].
func Substitute(n Node, cols []Node) Node {
	return Rewrite(n, func(n Node) Node {
		r, ok := n.(*InputRef)
		if !ok {
			return n
		}
		out := cols[r.Index]
		for i, f := range r.Path {
			name := ""
			if i < len(r.Names) {
				name = r.Names[i]
			}
			out = newField(out, f, name, r.At)
		}
		return out
	})
}

// Determinism is the least of the determinism of the functions called in n.
func Determinism(n Node) function.Det {
	d := function.Deterministic
	Walk(n, func(n Node) bool {
		if c, ok := n.(*Call); ok {
			d = max(d, c.Func.Det, c.Res.Det)
		}
		return true
	})
	return d
}

// IsConstant reports whether n is deterministic and reads no input.
func IsConstant(n Node) bool {
	return len(Refs(n)) == 0 && Determinism(n) == function.Deterministic
}

// Conjuncts splits n at its ANDs.
func Conjuncts(n Node) []Node {
	if n == nil {
		return nil
	}
	if l, ok := n.(*Logic); ok && !l.Or {
		var out []Node
		for _, a := range l.Args {
			out = append(out, Conjuncts(a)...)
		}
		return out
	}
	return []Node{n}
}

// Equal reports whether a and b are the same expression, places aside, and give
// the same value for the same row. Calls that may differ from row to row equal
// nothing.
func Equal(a, b Node) bool {
	return Determinism(a) != function.PerCall && Key(a) == Key(b)
}
