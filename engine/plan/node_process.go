package plan

import (
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// Process is the call of a process table function written in Go. Several tables come
// as one input, with a column that numbers them.
type Process struct {
	Traits
	in1
	Func *function.ProcessFunc
	Res  function.ProcessResolved
	// Tag is the column that numbers the tables, -1 with one. Keys are the columns of
	// PARTITION BY, Set says that rows are sets.
	Tag  int
	Keys []int
	Set  bool
	// Values are the arguments that are no tables.
	Values []ProcessValue
	// Tables are the tables, Time the column of on_time or -1, Front the columns that
	// come first.
	Tables []ProcessTable
	Time   int
	Front  []int
	Own    []types.Type
	// Before and Full say that rows before updates and whole rows of deletes come in.
	Before, Full bool
	// TTL is that of state without one of its own.
	TTL        int64
	Invocation string
	FuncUID    string
}

// ProcessTable is a table of a Process: argument Arg, with the columns Cols of the
// input, in order of time if OrderBy is not empty.
type ProcessTable struct {
	Arg     int
	Cols    []int
	OrderBy []SortKey
}

// ProcessValue is argument Arg of a call, an expression that reads no columns.
type ProcessValue struct {
	Arg  int
	Expr expr.Node
}

// Det says how far the rows that come out follow from those that come in.
func (n *Process) Det() function.Det {
	det := n.Res.Det
	for _, v := range n.Values {
		det = max(det, expr.Determinism(v.Expr))
	}
	return det
}

// Name is the operator's name.
func (*Process) Name() string { return "ProcessTableFunction" }

// Attrs are the call, its uid and the output.
func (n *Process) Attrs() []Attr {
	return []Attr{{"invocation", "[" + n.Invocation + "]"}, {"uid", "[" + n.FuncUID + "]"}, {"select", "[" + names(n.Schema) + "]"}}
}
