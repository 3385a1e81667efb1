package build

import (
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

func (b *builder) match(n *plan.Match) (func() exec.Operator, int64, error) {
	cfg := exec.MatchConfig{
		Input: inputTypes(n.In), PartitionBy: n.PartitionBy, OrderBy: orderKeys(n.OrderBy), Proctime: n.Time == types.Proctime,
		Bounded: b.batch, Measures: n.Measures, SkipVar: n.SkipVar, Within: n.Within, Out: n.Schema.Types(),
		Skip: map[plan.MatchSkip]exec.MatchSkip{
			plan.SkipToNextRow: exec.SkipToNextRow, plan.SkipPastLastRow: exec.SkipPastLastRow,
			plan.SkipToFirst: exec.SkipToFirst, plan.SkipToLast: exec.SkipToLast,
		}[n.Skip],
	}
	for _, v := range n.Vars {
		cfg.Vars = append(cfg.Vars, exec.MatchVar{Min: v.Min, Max: v.Max, Greedy: v.Greedy, Cond: v.Cond})
	}
	for _, r := range n.Refs {
		ref := exec.MatchRef{Var: r.Var, First: r.First, Offset: r.Offset, Col: r.Col, Type: r.Type}
		switch r.Kind {
		case plan.MatchAggregate:
			ref.Kind, ref.Agg = exec.MatchAggregate, aggSpecs([]plan.AggCall{r.Agg})[0]
		case plan.MatchRowtime:
			ref.Kind = exec.MatchRowtime
		}
		cfg.Refs = append(cfg.Refs, ref)
	}
	return func() exec.Operator { return exec.NewMatch(cfg) }, 0, nil
}
