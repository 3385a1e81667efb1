package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/plan"
)

// exchange deals the rows of in by keys, or to one subtask when there are none,
// unless they lie that way already: rows hashed by some of the keys have equal keys
// in one place too.
func (o *optimizer) exchange(in plan.Node, keys []int) plan.Node {
	if dealt(in.Info().Dist, keys) {
		return in
	}
	if len(keys) == 0 {
		return o.newExchange(in, plan.ExchangeSingle, nil)
	}
	return o.newExchange(in, plan.ExchangeHash, keys)
}

func dealt(d plan.Distribution, keys []int) bool {
	switch d.Kind {
	case plan.Single:
		return true
	case plan.Hash:
		if len(keys) == 0 {
			return false
		}
		for _, set := range d.Cols {
			if !slices.ContainsFunc(set, func(c int) bool { return slices.Contains(keys, c) }) {
				return false
			}
		}
		return true
	}
	return false
}

func (o *optimizer) newExchange(in plan.Node, kind plan.ExchangeKind, keys []int) plan.Node {
	return o.intern(makeExchange(in, kind, keys))
}

// dealBy is exchange with a node that nobody else reads.
func (o *optimizer) dealBy(in plan.Node, keys []int) plan.Node {
	if dealt(in.Info().Dist, keys) {
		return in
	}
	x := makeExchange(in, plan.ExchangeHash, keys)
	o.ids[x] = len(o.ids)
	return x
}

func makeExchange(in plan.Node, kind plan.ExchangeKind, keys []int) *plan.Exchange {
	x := &plan.Exchange{Kind: kind, Keys: keys}
	t := in.Info()
	x.In, x.Span, x.Schema, x.Emits, x.Windows = in, t.Span, t.Schema, t.Emits, t.Windows
	x.UpsertKeys, x.KeyDeletes = t.UpsertKeys, t.KeyDeletes
	if kind == plan.ExchangeHash {
		x.Dist.Kind = plan.Hash
		for _, k := range keys {
			x.Dist.Cols = append(x.Dist.Cols, []int{k})
		}
		if !t.AppendOnly() {
			// Changes of one row that differ in a hashed column go different ways and
			// lose their order: only keys that hold all hashed columns survive.
			x.UpsertKeys = nil
			for _, k := range t.UpsertKeys {
				if subset(keys, k) {
					x.UpsertKeys = append(x.UpsertKeys, k)
				}
			}
		}
	} else {
		x.Dist.Kind = plan.Single
	}
	return x
}

// exchangeBoth deals both inputs of a join so that rows with equal keys meet.
func (o *optimizer) exchangeBoth(left, right plan.Node, lk, rk []int) (plan.Node, plan.Node) {
	if len(lk) == 0 {
		return o.exchange(left, nil), o.exchange(right, nil)
	}
	ld, rd := left.Info().Dist, right.Info().Dist
	if ld.Kind == plan.Single && rd.Kind == plan.Single {
		return left, right
	}
	l, r := positions(ld, lk), positions(rd, rk)
	switch {
	case l != nil && slices.Equal(l, r):
	case l != nil:
		right = o.newExchange(right, plan.ExchangeHash, pick(rk, l))
	case r != nil:
		left = o.newExchange(left, plan.ExchangeHash, pick(lk, r))
	default:
		left, right = o.newExchange(left, plan.ExchangeHash, lk), o.newExchange(right, plan.ExchangeHash, rk)
	}
	return left, right
}

// positions says which keys rows are hashed by, in order; nil when they are hashed
// by something else.
func positions(d plan.Distribution, keys []int) []int {
	if d.Kind != plan.Hash {
		return nil
	}
	var out []int
	for _, set := range d.Cols {
		i := slices.IndexFunc(keys, func(k int) bool { return slices.Contains(set, k) })
		if i < 0 {
			return nil
		}
		out = append(out, i)
	}
	return out
}

func pick(list, at []int) []int {
	out := make([]int, len(at))
	for i, p := range at {
		out[i] = list[p]
	}
	return out
}
