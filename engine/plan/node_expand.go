package plan

import (
	"slices"
	"strconv"
	"strings"
)

// Expand gives each row once for each grouping set.
//
// Output: the columns Pass, then each of Keys, NULL where a set lacks it, then the
// number of the set.
type Expand struct {
	Traits
	in1
	Pass, Keys []int
	// Sets are places in Keys; Numbers are theirs.
	Sets    [][]int
	Numbers []int64
}

// Name is the operator's name.
func (*Expand) Name() string { return "Expand" }

// Attrs lists the columns of each set.
func (n *Expand) Attrs() []Attr {
	in := n.In.Info().Schema
	var sets []string
	for i, set := range n.Sets {
		var parts []string
		for _, p := range n.Pass {
			parts = append(parts, in[p].Name)
		}
		for k, key := range n.Keys {
			name := in[key].Name
			if !slices.Contains(set, k) {
				name = "null AS " + name
			}
			parts = append(parts, name)
		}
		sets = append(sets, "{"+strings.Join(append(parts, strconv.FormatInt(n.Numbers[i], 10)+" AS $e"), ", ")+"}")
	}
	return []Attr{{"projects", "[" + strings.Join(sets, ", ") + "]"}}
}
