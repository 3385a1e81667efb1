package expr

import (
	"slices"

	"github.com/minkstream/mink/engine/function"
)

// Fallible reports whether computing n may be an error for some row.
func Fallible(n Node) bool {
	bad := false
	Walk(n, func(n Node) bool {
		switch n := n.(type) {
		case *Call:
			bad = bad || n.Res.Fallible
		case *Cast:
			bad = bad || !n.Try && function.MayFail(n.Arg.Type(), n.To)
		}
		return !bad
	})
	return bad
}

// Cost is the rough price of n in nanoseconds a row.
func Cost(n Node) int {
	sum := 0
	Walk(n, func(n Node) bool {
		switch n := n.(type) {
		case *InputRef, *Literal:
		case *Call:
			sum += max(n.Res.Cost, 1)
		case *Cast:
			sum += castCost(n)
		case *Compare:
			if n.L.Type().IsString() {
				sum++
			}
			sum++
		case *Make, *Item:
			sum += 20
		default:
			sum++
		}
		return true
	})
	return sum
}

func castCost(n *Cast) int {
	from, to := n.Arg.Type(), n.To
	switch {
	case sameValues(from, to):
		return 0
	case from.IsString() != to.IsString(), to.IsNested():
		return 20
	}
	return 1
}

// lazy reports whether n is to be computed only for the lanes that need it.
func lazy(n Node) bool { return Fallible(n) || Cost(n) >= function.CostLazy }

// OrderConjuncts puts conditions of a filter into the order in which they are
// computed: cheap ones first, and those that can fail last, each group as written.
func OrderConjuncts(nodes []Node) []Node {
	class := func(n Node) int {
		switch c := Cost(n); {
		case Fallible(n):
			return 3
		case c < function.CostLazy:
			return 0
		case c < 20:
			return 1
		default:
			return 2
		}
	}
	out := slices.Clone(nodes)
	slices.SortStableFunc(out, func(a, b Node) int { return class(a) - class(b) })
	return out
}
