package plan

import (
	"strconv"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/expr"
)

// Predict asks a model about each row of an input that only inserts.
//
// Output: the columns Keep of the input, then those of the model.
type Predict struct {
	Traits
	in1
	Model      *connect.Model
	Prediction connect.Prediction
	// Args are over the input's columns and have the types of the model's input.
	Args []expr.Node
	Keep []int
	// Async asks outside of steps, with at most Max calls under way, which may take
	// TimeoutMS; Unordered lets answers overtake each other between watermarks.
	Async, Unordered bool
	Max              int
	TimeoutMS        int64
	// Call is the call as text.
	Call string
}

// Name is the operator's name.
func (*Predict) Name() string { return "MLPredictTableFunction" }

// Attrs are the call, the output and how it is called.
func (n *Predict) Attrs() []Attr {
	out := []Attr{{"invocation", "[" + n.Call + "]"}, {"select", "[" + names(n.Schema) + "]"}}
	if n.Async {
		mode := "ORDERED"
		if n.Unordered {
			mode = "ALLOW_UNORDERED"
		}
		out = append(out, Attr{"async", "[" + mode + ", " + strconv.FormatInt(n.TimeoutMS, 10) + "ms, " + strconv.Itoa(n.Max) + "]"})
	}
	return out
}
