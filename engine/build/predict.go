package build

import (
	"time"

	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
)

func (b *builder) predict(n *plan.Predict) (func() exec.Operator, int64, error) {
	cfg := exec.PredictConfig{
		Model: n.Model.Name, Prediction: n.Prediction, Input: inputTypes(n.In), Args: n.Args, Keep: n.Keep, Output: n.Model.Output.Types(),
		Async: n.Async, Unordered: n.Unordered, Max: n.Max, Timeout: time.Duration(n.TimeoutMS) * time.Millisecond,
	}
	// Compile once to report mistakes now; each operator compiles its own.
	if _, err := expr.Compile(n.Args, cfg.Input); err != nil {
		return nil, 0, err
	}
	return func() exec.Operator { return exec.NewPredict(cfg) }, 0, nil
}
