package build

import (
	"github.com/minkstream/mink/engine/exec"
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
	return func() exec.Operator { return exec.NewProcess(cfg) }, n.TTL, nil
}
