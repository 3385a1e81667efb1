package build

import (
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/plan"
)

func (b *builder) temporalJoin(n *plan.TemporalJoin) (func() exec.Operator, int64, error) {
	cfg := exec.TemporalJoinConfig{
		Type: joinType(n.Type), Left: inputTypes(n.Left), Right: inputTypes(n.Right), JoinKeys: joinKeys(n.Cond),
		LeftTime: n.LeftTime, RightTime: n.RightTime, Ordered: !n.Left.Info().AppendOnly(), Out: n.Schema.Types(), TTL: n.TTL,
	}
	return func() exec.Operator { return exec.NewTemporalJoin(cfg) }, n.TTL, nil
}

func (b *builder) snapshotJoin(n *plan.SnapshotJoin) (func() exec.Operator, int64, error) {
	cfg := exec.SnapshotJoinConfig{
		Type: joinType(n.Type), Left: inputTypes(n.Left), Right: inputTypes(n.Right), JoinKeys: joinKeys(n.Cond),
		RightTime: n.RightTime, LoadTime: n.LoadTime, Idle: n.Idle, TTL: n.TTL, Out: n.Schema.Types(),
	}
	return func() exec.Operator { return exec.NewSnapshotJoin(cfg) }, n.TTL, nil
}
