package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// checkMiniBatch refuses mini-batches of which nobody said how large they are and how
// long they may wait, as Flink does: without a bound rows would never come out.
func checkMiniBatch(c *catalog.Config) error {
	if c.Batch() || !c.Bool("table.exec.mini-batch.enabled") {
		return nil
	}
	missing := func(key, example string) error {
		return diag.New(diag.MissingOption, "'table.exec.mini-batch.enabled' = 'true' needs '%s' above 0", key).WithHint("SET '%s' = '%s'", key, example)
	}
	if c.Duration("table.exec.mini-batch.allow-latency") <= 0 {
		return missing("table.exec.mini-batch.allow-latency", "1 s")
	}
	if c.Int("table.exec.mini-batch.size") <= 0 {
		return missing("table.exec.mini-batch.size", "5000")
	}
	return nil
}

// bundles reports whether operators bundle rows where their changes are shown. Where
// they are not, they fold as far as batches go.
func (o *optimizer) bundles() bool {
	c := o.s.Config
	return !o.batch && !o.fold && c.Bool("table.exec.mini-batch.enabled") && c.Enum("mink.exec.fold") == "AUTO"
}

// bundle makes the aggregations, deduplications and joins of a plan that shows changes
// tell those of a bundle of rows, as in Flink; the other operators tell all of theirs.
func (o *optimizer) bundle(p *plan.Physical) {
	c := o.s.Config
	if o.batch || !c.Bool("table.exec.mini-batch.enabled") || c.Enum("mink.exec.fold") != "AUTO" {
		return
	}
	b := plan.Bundle{
		Rows: c.Int("table.exec.mini-batch.size"), Latency: c.Duration("table.exec.mini-batch.allow-latency").Milliseconds(),
		Rowtime: slices.ContainsFunc(p.Nodes, waitsForTime),
	}
	for _, n := range p.Nodes {
		t := n.Info()
		if !t.Exact {
			continue
		}
		switch n := n.(type) {
		case *plan.GroupAggregate, *plan.LocalGroupAggregate:
		case *plan.Join:
			if n.Type.LeftOnly() { // Flink bundles the others
				continue
			}
		case *plan.Deduplicate:
			if n.Rowtime && !(n.KeepLast && c.Bool("table.exec.deduplicate.mini-batch.compact-changes-enabled")) {
				continue // each change of a version counts
			}
		default:
			continue
		}
		t.Exact, t.Bundle = false, b
	}
}

// waitsForTime reports that a node needs watermarks of event time.
func waitsForTime(n plan.Node) bool {
	switch n := n.(type) {
	case *plan.WindowAggregate:
		return !n.Window.Proctime()
	case *plan.GroupWindowAggregate:
		return !n.Window.Proctime()
	case *plan.WindowTopN:
		return !n.Window.Proctime()
	case *plan.WindowJoin, *plan.WindowDedup, *plan.TemporalJoin, *plan.SnapshotJoin:
		return true
	case *plan.Deduplicate:
		return n.Rowtime
	case *plan.OverAggregate:
		return n.Time == types.Rowtime
	case *plan.TemporalSort:
		return n.Rowtime
	case *plan.IntervalJoin:
		return n.Rowtime
	case *plan.Match:
		return n.Time == types.Rowtime
	}
	return false
}
