package build

import (
	"math"

	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

func aggSpecs(calls []plan.AggCall) []exec.AggSpec {
	out := make([]exec.AggSpec, len(calls))
	for i, c := range calls {
		out[i] = exec.AggSpec{
			Func: c.Func, User: c.User, Args: c.Args, Distinct: c.Distinct, Filter: c.Filter, IgnoreNulls: c.IgnoreNulls, Result: c.Type,
		}
	}
	return out
}

func (b *builder) groupAggregate(n *plan.GroupAggregate) (func() exec.Operator, int64, error) {
	cfg := exec.GroupAggConfig{
		Input: inputTypes(n.In), Keys: n.Keys, Aggs: aggSpecs(n.Aggs), InputRetracts: n.InputRetracts,
		EmitUpdateBefore: n.EmitUpdateBefore(), Batch: b.batch, Merge: n.Merge, TTL: n.TTL,
	}
	if n.Merge {
		cfg.LocalInput = inputTypes(plan.Below(n.In).(*plan.LocalGroupAggregate).In)
	}
	return func() exec.Operator { return exec.NewGroupAggregate(cfg) }, n.TTL, nil
}

func (b *builder) localAggregate(n *plan.LocalGroupAggregate) (func() exec.Operator, int64, error) {
	in, keys, aggs := inputTypes(n.In), n.Keys, aggSpecs(n.Aggs)
	return func() exec.Operator { return exec.NewLocalAggregate(in, keys, aggs, n.InputRetracts) }, 0, nil
}

var overBounds = map[plan.BoundKind]exec.OverBoundKind{
	plan.UnboundedPreceding: exec.OverUnboundedPreceding, plan.Preceding: exec.OverPreceding, plan.CurrentRow: exec.OverCurrentRow,
	plan.Following: exec.OverFollowing, plan.UnboundedFollowing: exec.OverUnboundedFollowing,
}

// offset is the distance of a bound with so many digits behind the point, which is at
// most the greatest number there is.
func offset(b plan.FrameBound, scale int) int64 {
	v := b.Offset
	for range scale - b.Scale {
		if v > math.MaxInt64/10 {
			return math.MaxInt64
		}
		v *= 10
	}
	return v
}

func (b *builder) over(n *plan.OverAggregate) (func() exec.Operator, int64, error) {
	cfg := exec.OverConfig{
		Input: inputTypes(n.In), PartitionBy: n.PartitionBy, OrderBy: orderKeys(n.OrderBy), Rows: n.Rows,
		Lo:    exec.OverBound{Kind: overBounds[n.Lo.Kind]},
		Hi:    exec.OverBound{Kind: overBounds[n.Hi.Kind]},
		Calls: aggSpecs(n.Calls), EmitUpdateBefore: n.EmitUpdateBefore(), TTL: n.TTL,
	}
	if n.Lo.Number || n.Hi.Number {
		cfg.Scale = max(n.Lo.Scale, n.Hi.Scale)
		if t := cfg.Input[n.OrderBy[0].Col]; t.Kind == types.Decimal {
			cfg.Scale = max(cfg.Scale, t.Scale)
		}
	}
	cfg.Lo.Offset, cfg.Hi.Offset = offset(n.Lo, cfg.Scale), offset(n.Hi, cfg.Scale)
	switch {
	case b.batch:
		cfg.Order = exec.OverSorted
	case n.Time == types.Rowtime:
		cfg.Order = exec.OverRowtime
	case n.Time == types.Proctime:
		cfg.Order = exec.OverProctime
	default:
		cfg.Order = exec.OverValue
	}
	return func() exec.Operator { return exec.NewOver(cfg) }, n.TTL, nil
}
