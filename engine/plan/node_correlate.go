package plan

import (
	"slices"

	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// Correlate joins each row with the rows of a table function called for it. All
// kinds of change pass through: what a row gave is taken back when the row is, so
// the function must be deterministic where the input updates.
//
// Output: the columns Keep of the input, then the columns Read of the function.
type Correlate struct {
	Traits
	in1
	Func *function.TableFunc
	// Args are over the input's columns and have the types that the call takes.
	Args []expr.Node
	// Cond, unless nil, says which rows of the function count; it reads the input's
	// columns, then Rows.
	Cond expr.Node
	// Make or Begin give the function for one operator; Rows are its columns.
	Make  func() function.TableKernel
	Begin func() (k function.TableKernel, end func() error)
	Rows  types.Schema
	Det   function.Det
	// Left keeps rows for which there is none, padded with NULL.
	Left       bool
	Keep, Read []int
	// Call is the call as text.
	Call string
}

// Name is the operator's name.
func (*Correlate) Name() string { return "Correlate" }

// Exprs are the arguments and the condition.
func (n *Correlate) Exprs() []expr.Node {
	if n.Cond == nil {
		return n.Args
	}
	return append(slices.Clone(n.Args), n.Cond)
}

// Attrs are the call, the output and the kind of join.
func (n *Correlate) Attrs() []Attr {
	kind := "INNER"
	if n.Left {
		kind = "LEFT"
	}
	out := []Attr{{"invocation", "[" + n.Call + "]"}, {"select", "[" + names(n.Schema) + "]"}, {"joinType", "[" + kind + "]"}}
	if n.Cond != nil {
		out = append(out, Attr{"condition", "[" + exprText(n.Cond, append(n.In.Info().Schema.Names(), n.Rows.Names()...)) + "]"})
	}
	return out
}
