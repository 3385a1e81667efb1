package logical

import (
	"slices"

	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// Correlate joins each row with the rows that a table function gives for it: UNNEST
// and LATERAL TABLE(f(...)).
//
// Output: the columns Keep of the input, then the columns Read of the function.
type Correlate struct {
	Place
	In   Node
	Func *function.TableFunc
	Res  function.TableResolved
	// Args are over the input and have the types of Res.Params.
	Args []expr.Node
	// Cond says which of the function's rows count, or is nil. It is over the columns of
	// the input, then all those of the function.
	Cond expr.Node
	// Left keeps rows for which the function gives none, padded with NULL.
	Left       bool
	Keep, Read []int
}

// NewCorrelate passes all columns on.
func NewCorrelate(in Node, f *function.TableFunc, res function.TableResolved, args []expr.Node, left bool, at Place) *Correlate {
	return &Correlate{
		Place: at, In: in, Func: f, Res: res, Args: args, Left: left, Keep: count(len(in.Schema())), Read: count(len(res.Out)),
	}
}

func count(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// Schema is what is kept and what is read.
func (n *Correlate) Schema() types.Schema {
	return CorrelateSchema(n.In.Schema(), n.Res.Out, n.Keep, n.Read, n.Left)
}

// CorrelateSchema is the output of a Correlate over rows of schema in.
func CorrelateSchema(in, rows types.Schema, keep, read []int, left bool) types.Schema {
	out := make(types.Schema, 0, len(keep)+len(read))
	for _, c := range keep {
		out = append(out, in[c])
	}
	for _, c := range read {
		f := rows[c]
		if left {
			f.Type.NotNull = false
		}
		out = append(out, f)
	}
	return out
}

// Inputs is the one input.
func (n *Correlate) Inputs() []Node { return []Node{n.In} }

// With replaces the input.
func (n *Correlate) With(in []Node) Node { c := *n; c.In = in[0]; return &c }

// Call is the call as text; column names are those of the input.
func (n *Correlate) Call(in []string) string {
	if n.Func.Text != nil {
		var args []string
		for _, a := range n.Args {
			args = append(args, expr.String(outerless(a), in))
		}
		return n.Func.Text(args)
	}
	s := "UNNEST("
	if !slices.Contains([]string{"UNNEST", "UNNEST_WITH_ORDINALITY"}, n.Func.Name) {
		s = n.Func.Name + "("
	}
	for i, a := range n.Args {
		if i > 0 {
			s += ", "
		}
		s += expr.String(outerless(a), in)
	}
	return s + ")"
}
