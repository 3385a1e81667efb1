package build

import (
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
)

func (b *builder) correlate(n *plan.Correlate) (func() exec.Operator, int64, error) {
	cfg := exec.CorrelateConfig{
		Input: inputTypes(n.In), Args: n.Args, Cond: n.Cond, Make: n.Make, Begin: n.Begin, Rows: n.Rows.Types(), Left: n.Left, Keep: n.Keep, Read: n.Read,
	}
	// Compile once to report mistakes now; each operator compiles its own.
	if _, err := expr.Compile(n.Args, cfg.Input); err != nil {
		return nil, 0, err
	}
	if n.Cond != nil {
		if _, err := expr.Compile([]expr.Node{n.Cond}, append(inputTypes(n.In), cfg.Rows...)); err != nil {
			return nil, 0, err
		}
	}
	return func() exec.Operator { return exec.NewCorrelate(cfg) }, 0, nil
}
