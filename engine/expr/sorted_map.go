package expr

import (
	"bytes"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// Canonical gives a value by which equal values group together whatever their form: of
// a MAP or MULTISET the entries in order of their keys. Other values are as they are.
func Canonical(n Node) Node {
	t := n.Type()
	if t.Kind != types.Map && t.Kind != types.Multiset {
		return n
	}
	return &Call{
		Func: sortedMap, Args: []Node{n}, At: n.Span(),
		Res: function.Resolved{Params: []types.Type{t}, Result: t, Make: newSortedMap, Strict: true, Cost: 50},
	}
}

var sortedMap = &function.Func{
	Name: "$SORTED_MAP", Category: function.Collection, Summary: "The entries of a map in order of their keys.",
	Infer: func(*function.Call) (function.Resolved, error) {
		return function.Resolved{}, diag.New(diag.UnknownFunction, "no function $SORTED_MAP")
	},
}

func newSortedMap() function.Kernel {
	type entry struct {
		at       uint32
		from, to int
	}
	var entries []entry
	var keys []byte
	var sel []uint32
	return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		src := args[0]
		sel = sel[:0]
		next := 0
		for i := range kernel.Lanes(n, live) {
			for ; next < i; next++ {
				dst.Offs[next+1] = uint32(len(sel))
			}
			l := src.ValueLane(i)
			entries, keys = entries[:0], keys[:0]
			for k := src.Offs[l]; k < src.Offs[l+1]; k++ {
				from := len(keys)
				keys = batch.AppendKey(keys, &src.Kids[0], int(k))
				entries = append(entries, entry{k, from, len(keys)})
			}
			slices.SortStableFunc(entries, func(a, b entry) int { return bytes.Compare(keys[a.from:a.to], keys[b.from:b.to]) })
			for _, e := range entries {
				sel = append(sel, e.at)
			}
			dst.Offs[i+1] = uint32(len(sel))
			next = i + 1
		}
		for ; next < n; next++ {
			dst.Offs[next+1] = uint32(len(sel))
		}
		if len(sel) == 0 {
			return nil
		}
		for k := range dst.Kids {
			dst.Kids[k].AppendIndex(0, &src.Kids[k], sel, len(sel))
		}
		return nil
	}
}
