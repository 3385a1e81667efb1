package optimize

import (
	"slices"
	"strconv"

	"github.com/minkstream/mink/engine/function/aggregate"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// localAggregate puts a local phase before the exchange of g where it can pay, and
// returns the finished aggregation; nil where it stays in one phase.
//
// The local phase folds each batch into one row a group, so few rows cross the
// exchange and one group's rows are shared out among all subtasks. It needs
// accumulators that travel whole: DISTINCT values do not, nor do MIN and MAX where
// rows are taken back. Functions that depend on the order of rows stay in one
// place too.
func (o *optimizer) localAggregate(g *plan.GroupAggregate, in plan.Node) plan.Node {
	if !o.twoPhase || dealt(in.Info().Dist, g.Keys) || len(g.Aggs) == 0 {
		return nil
	}
	is := in.Info().Schema
	l := &plan.LocalGroupAggregate{Keys: g.Keys, Aggs: g.Aggs, InputRetracts: g.InputRetracts}
	for _, k := range g.Keys {
		l.Schema = append(l.Schema, types.Field{Name: is[k].Name, Type: is[k].Type.Plain()})
	}
	for i, a := range g.Aggs {
		f := aggregate.Lookup(a.Func)
		if f == nil || f.OrderDependent || a.Distinct && len(a.Args) > 0 || f.Name == "APPROX_COUNT_DISTINCT" {
			return nil
		}
		if g.InputRetracts && (f.Name == "MIN" || f.Name == "MAX") {
			return nil
		}
		spec := aggregate.Spec{Func: a.Func, Result: a.Type, IgnoreNulls: a.IgnoreNulls, Retract: g.InputRetracts}
		for _, c := range a.Args {
			spec.Args = append(spec.Args, is[c].Type)
		}
		acc, err := aggregate.New(spec)
		if err != nil {
			return nil // the one phase reports it
		}
		for j, t := range aggregate.PartialTypes(acc) {
			l.Schema = append(l.Schema, types.Field{Name: "acc$" + strconv.Itoa(i) + "$" + strconv.Itoa(j), Type: t})
		}
	}
	l.Schema = append(l.Schema, types.Field{Name: "count$", Type: types.BigIntT.Nullable(false)})
	l.In, l.Span, l.Emits = in, g.Span, kI
	l.Dist = mapDist(in.Info().Dist, groupPos(g.Keys))

	merge := *g
	merge.Merge = true
	merge.Keys = make([]int, len(g.Keys))
	for i := range merge.Keys {
		merge.Keys[i] = i
	}
	merge.Aggs = slices.Clone(g.Aggs)
	merge.In = o.exchange(o.intern(l), merge.Keys)
	merge.Dist = mapDist(merge.In.Info().Dist, groupPos(merge.Keys))
	return o.intern(&merge)
}
