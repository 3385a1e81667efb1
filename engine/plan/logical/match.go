package logical

import (
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// Match is MATCH_RECOGNIZE: the partition columns and the measures, named Names, one
// row a match.
type Match struct {
	Place
	In Node
	plan.MatchSpec
	Names []string
}

// Schema is the partition columns and the measures.
func (n *Match) Schema() types.Schema {
	in := n.In.Schema()
	out := make(types.Schema, 0, len(n.PartitionBy)+len(n.Measures))
	for _, c := range n.PartitionBy {
		f := in[c]
		f.Type = f.Type.Plain()
		out = append(out, f)
	}
	for i, e := range n.Measures {
		out = append(out, types.Field{Name: n.Names[i], Type: e.Type()})
	}
	return out
}

// Inputs is the one input.
func (n *Match) Inputs() []Node { return []Node{n.In} }

// With replaces the input.
func (n *Match) With(in []Node) Node { c := *n; c.In = in[0]; return &c }

func (n *Match) line() string {
	var parts []string
	for i, e := range n.Measures {
		parts = append(parts, n.Names[i]+"=["+text(e)+"]")
	}
	var vars []string
	for _, v := range n.Vars {
		q := ""
		if v.Quantified {
			q = "{" + strconv.Itoa(v.Min) + "," + strconv.Itoa(v.Max) + "}"
		}
		vars = append(vars, v.Name+q)
	}
	return "LogicalMatch(partition=[{" + ints(n.PartitionBy) + "}], order=[" + order(n.OrderBy) + "], measures=[" +
		strings.Join(parts, ", ") + "], pattern=[" + strings.Join(vars, " ") + "])"
}
