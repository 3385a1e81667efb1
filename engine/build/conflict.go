package build

import (
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/plan"
)

func (b *builder) conflict(n *plan.SinkMaterializer) (func() exec.Operator, int64, error) {
	cfg := exec.ConflictConfig{Input: inputTypes(n.In), Keys: n.Keys, UpsertKey: n.UpsertKey, Fail: n.Conflict == "ERROR", Table: n.Table, TTL: n.TTL}
	return func() exec.Operator { return exec.NewConflict(cfg) }, n.TTL, nil
}
