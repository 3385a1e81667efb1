package build

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/plan"
)

func soon(n plan.Node) (func() exec.Operator, int64, error) {
	return nil, 0, diag.At(n.Info().Span, diag.Unsupported, "%s is not supported yet", n.Name())
}

func (b *builder) groupAggregate(n *plan.GroupAggregate) (func() exec.Operator, int64, error) {
	return soon(n)
}
func (b *builder) localAggregate(n *plan.LocalGroupAggregate) (func() exec.Operator, int64, error) {
	return soon(n)
}
func (b *builder) windowTVF(n *plan.WindowTVF) (func() exec.Operator, int64, error) { return soon(n) }
func (b *builder) windowAggregate(n *plan.WindowAggregate) (func() exec.Operator, int64, error) {
	return soon(n)
}
func (b *builder) groupWindow(n *plan.GroupWindowAggregate) (func() exec.Operator, int64, error) {
	return soon(n)
}
func (b *builder) over(n *plan.OverAggregate) (func() exec.Operator, int64, error) { return soon(n) }
