package optimize

import (
	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

// settleConflicts puts ON CONFLICT DO ERROR or DO NOTHING before a sink. What collides
// is known when the watermark has passed, so every source needs one.
func (o *optimizer) settleConflicts(i *bind.Insert, n *plan.Sink, in plan.Node) (plan.Node, error) {
	if !o.batch {
		for _, x := range topo([]plan.Node{in}) {
			if s, ok := x.(*plan.Scan); ok && s.Watermark == nil {
				return nil, diag.At(i.At, diag.InvalidQuery, "ON CONFLICT DO %s waits for the watermark, and %s has none", i.Conflict, s.Table.Path.Object).
					WithHint("declare a WATERMARK on every source, or use ON CONFLICT DO DEDUPLICATE")
			}
		}
	}
	key := shortest(in.Info().UpsertKeys)
	m := &plan.SinkMaterializer{Keys: n.PrimaryKey, UpsertKey: key, Conflict: i.Conflict.String(), Table: i.Table.Path.Object}
	m.In = o.exchange(in, n.PrimaryKey)
	t := m.In.Info()
	m.Span, m.Schema, m.Dist, m.Emits = i.At, t.Schema, t.Dist, kIUD
	m.UpsertKeys = [][]int{n.PrimaryKey}
	return o.intern(m), nil
}
