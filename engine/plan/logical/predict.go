package logical

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/types"
)

// Predict asks a model about each row: ML_PREDICT.
//
// Output: the columns Keep of the input, then those of the model.
type Predict struct {
	Place
	In Node
	PredictCall
	// Args are over the input and have the types of the model's input.
	Args []expr.Node
	Keep []int
	// Out are the columns of the model under the names they have here.
	Out types.Schema
}

// PredictCall says how a model is asked.
type PredictCall struct {
	Model      *connect.Model
	Prediction connect.Prediction
	// Async asks outside of steps, with at most Max calls under way, which may take
	// TimeoutMS; Unordered lets answers overtake each other between watermarks.
	Async, Unordered bool
	Max              int
	TimeoutMS        int64
}

// NewPredict passes all columns on.
func NewPredict(in Node, call PredictCall, args []expr.Node, out types.Schema, at Place) *Predict {
	return &Predict{at, in, call, args, count(len(in.Schema())), out}
}

// Schema is what is kept and what the model gives.
func (n *Predict) Schema() types.Schema {
	in := n.In.Schema()
	var out types.Schema
	for _, k := range n.Keep {
		out = append(out, in[k])
	}
	return slices.Concat(out, n.Out)
}

// Inputs is the one input.
func (n *Predict) Inputs() []Node { return []Node{n.In} }

// With replaces the input.
func (n *Predict) With(in []Node) Node { c := *n; c.In = in[0]; return &c }

// Call is the call as text; column names are those of the input.
func (n *Predict) Call(in []string) string {
	var args []string
	for _, a := range n.Args {
		args = append(args, expr.String(outerless(a), in))
	}
	return "ML_PREDICT(MODEL " + strings.ReplaceAll(n.Model.Name, "`", "") + ", DESCRIPTOR(" + strings.Join(args, ", ") + "))"
}
