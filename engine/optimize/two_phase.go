package optimize

import "github.com/minkstream/mink/engine/plan"

// localAggregate puts a local phase before the exchange of g where it can pay, and
// returns the finished aggregation; nil where it stays in one phase.
func (o *optimizer) localAggregate(g *plan.GroupAggregate, in plan.Node) plan.Node {
	return nil
}
