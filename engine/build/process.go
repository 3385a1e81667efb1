package build

import (
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
)

func (b *builder) process(n *plan.Process) (func() exec.Operator, int64, error) {
	cfg := exec.ProcessConfig{
		Input: inputTypes(n.In), Tag: n.Tag, Keys: n.Keys, Set: n.Set, Time: n.Time, Front: n.Front, Own: n.Own,
		State: n.Res.State, Timers: n.Res.Timers, Make: n.Res.Make,
	}
	for _, t := range n.Tables {
		cfg.Tables = append(cfg.Tables, exec.ProcessTable{Arg: t.Arg, Cols: t.Cols, OrderBy: orderKeys(t.OrderBy)})
	}
	var exprs []expr.Node
	for _, v := range n.Values {
		cfg.Values, exprs = append(cfg.Values, exec.ProcessValue{Arg: v.Arg, Expr: v.Expr}), append(exprs, v.Expr)
	}
	// Compile once to report mistakes now; each operator compiles its own.
	if _, err := expr.Compile(exprs, cfg.Input); err != nil {
		return nil, 0, err
	}
	return func() exec.Operator { return exec.NewProcess(cfg) }, n.TTL, nil
}
