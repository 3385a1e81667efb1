package logical

import (
	"slices"
	"strconv"

	"github.com/minkstream/mink/engine/types"
)

// Expand gives each row once for each grouping set: the columns Pass, then Keys, NULL
// where a set lacks one, then the number of the set.
type Expand struct {
	Place
	In         Node
	Pass, Keys []int
	// Sets are places in Keys; Numbers are theirs.
	Sets    [][]int
	Numbers []int64
}

// Schema is the columns passed on, the keys, the number.
func (n *Expand) Schema() types.Schema {
	in := n.In.Schema()
	var out types.Schema
	for _, p := range n.Pass {
		out = append(out, in[p])
	}
	for k, key := range n.Keys {
		f := in[key]
		f.Type = f.Type.Plain()
		for _, set := range n.Sets {
			if !slices.Contains(set, k) {
				f.Type.NotNull = false
			}
		}
		out = append(out, f)
	}
	return append(out, types.Field{Name: "$e", Type: types.BigIntT.Nullable(false)})
}

// Inputs is the one input.
func (n *Expand) Inputs() []Node { return []Node{n.In} }

// With replaces the input.
func (n *Expand) With(in []Node) Node { c := *n; c.In = in[0]; return &c }

func (n *Expand) line() string {
	s := "LogicalExpand(keys=[{" + ints(n.Keys) + "}], sets=["
	for i, set := range n.Sets {
		if i > 0 {
			s += ", "
		}
		var cols []int
		for _, k := range set {
			cols = append(cols, n.Keys[k])
		}
		s += strconv.FormatInt(n.Numbers[i], 10) + ":{" + ints(cols) + "}"
	}
	return s + "])"
}
