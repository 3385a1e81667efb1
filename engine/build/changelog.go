package build

import (
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/plan"
)

func (b *builder) toChangelog(n *plan.ToChangelog) (func() exec.Operator, int64, error) {
	cfg := exec.ToChangelogConfig{
		Keys: n.Keys, Rest: n.Rest, Time: n.Time, Codes: n.Codes, Partial: n.Partial, Keep: n.Keep, Out: n.Schema.Types(),
	}
	return func() exec.Operator { return exec.NewToChangelog(cfg) }, 0, nil
}

func (b *builder) fromChangelog(n *plan.FromChangelog) (func() exec.Operator, int64, error) {
	cfg := exec.FromChangelogConfig{Cols: n.Cols, Op: n.Op, Skip: n.Skip, Out: n.Schema.Types()}
	for _, c := range n.Codes {
		cfg.Texts, cfg.Kinds = append(cfg.Texts, c.Text), append(cfg.Kinds, c.Kind)
	}
	return func() exec.Operator { return exec.NewFromChangelog(cfg) }, 0, nil
}
