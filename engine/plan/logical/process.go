package logical

import (
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// Process is the call of a process table function written in Go.
//
// Output: of each table the columns PartitionBy, or all of them, then the function's
// own, and with on_time the column rowtime.
type Process struct {
	Place
	Ins    []Node
	Tables []ProcessTable
	Func   *function.ProcessFunc
	Res    function.ProcessResolved
	// Values are the arguments that are no tables.
	Values []plan.ProcessValue
	UID    string
	// Call is the call as text.
	Call string
}

// ProcessTable is a table of a call: input i of the node.
type ProcessTable struct {
	// Arg is the number of the argument, Name its name.
	Arg         int
	Name        string
	Traits      function.ProcessTrait
	PartitionBy []int
	OrderBy     []plan.SortKey
	// Time is the column of on_time, or -1.
	Time int
}

// Front are the columns that come first in the output.
func (t *ProcessTable) Front(width int) []int {
	if t.Traits.Is(function.PassColumnsThrough) {
		return count(width)
	}
	return t.PartitionBy
}

// Inputs are the tables.
func (n *Process) Inputs() []Node { return n.Ins }

// With replaces the tables.
func (n *Process) With(in []Node) Node { c := *n; c.Ins = in; return &c }

// Schema is the output.
func (n *Process) Schema() types.Schema {
	var out types.Schema
	for i := range n.Tables {
		in := n.Ins[i].Schema()
		for _, c := range n.Tables[i].Front(len(in)) {
			out = append(out, plainField(in[c]))
		}
	}
	out = append(out, n.Res.Out...)
	if len(n.Tables) > 0 && n.Tables[0].Time >= 0 {
		t := n.Ins[0].Schema()[n.Tables[0].Time].Type
		out = append(out, types.Field{Name: "rowtime", Type: t.Nullable(false)})
	}
	for i, name := range plan.Unique(out.Names()) {
		out[i].Name = name
	}
	return out
}
