package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

// Remove runs a statement that removes the rows of whole partitions.
func Remove(r *bind.Remove, s *catalog.Session) error {
	c, ct, err := bind.New(s, "").Connect(r.Table, r.At)
	if err != nil {
		return err
	}
	sink, err := c.Sink(ct)
	if err != nil {
		return r.Table.Misused(err, r.At)
	}
	return placed(sink.(connect.RowLevel).Remove(partitionTest(r.Partitions, ct, s.Now())), r.At) // the binder has looked
}

// rewriteRows tells a sink which rows the ones of its input replace.
func (o *optimizer) rewriteRows(i *bind.Insert, n *plan.Sink, c *connect.Connector, ct *connect.Table) error {
	rl, ok := n.Sink.(connect.RowLevel)
	if !ok {
		return diag.At(i.At, diag.Internal, "connector '%s' does not change rows", c.Name)
	}
	var scan connect.Source
	if o.target != nil {
		scan = o.target.Source
	} else {
		// The condition holds for every row or for none, so the rows are not read.
		var err error
		if scan, err = c.Source(ct); err != nil {
			return i.Table.Misused(err, i.At)
		}
	}
	// One writer prepares all rows, so that one commit shows them.
	n.Rewrite, n.Parallelism = true, 1
	return placed(rl.Rewrite(scan, partitionTest(i.RowLevel.Partitions, ct, o.s.Now())), i.At)
}

// partitionTest makes a test of partitions from a condition over partition columns.
func partitionTest(cond expr.Node, t *connect.Table, now int64) connect.PartitionTest {
	if cond == nil {
		return nil
	}
	return func(parts *batch.Batch) ([]bool, error) {
		var ts []types.Type
		for _, k := range t.PartitionKeys {
			ts = append(ts, t.Schema[k].Type)
		}
		prog, err := expr.Compile([]expr.Node{cond}, ts)
		if err != nil {
			return nil, err
		}
		frame := function.NewFrame(function.FixedEnv{NowMillis: now, WatermarkTime: batch.NoWatermark}, t.Zone)
		out := make([]*batch.Col, 1)
		if err := prog.Run(frame, parts, out); err != nil {
			return nil, err
		}
		holds := make([]bool, parts.N)
		for i := range holds {
			holds[i] = !out[0].IsNull(i) && out[0].Bool(out[0].ValueLane(i))
		}
		return holds, nil
	}
}

// overwrite tells a sink that INSERT OVERWRITE replaces what is there.
func (o *optimizer) overwrite(i *bind.Insert, connector string, sink connect.Sink) error {
	ow, ok := sink.(connect.Overwriter)
	if !ok {
		return diag.At(i.At, diag.UnsupportedByFlink, "INSERT OVERWRITE replaces what is there, and connector '%s' cannot", connector)
	}
	static, err := o.staticPartition(i)
	if err != nil {
		return err
	}
	return placed(ow.Overwrite(static), i.At)
}

// staticPartition is the partition that PARTITION names whole, as one row; nil when it
// leaves columns to the query.
func (o *optimizer) staticPartition(i *bind.Insert) (*batch.Batch, error) {
	keys := i.Table.PartitionKeys
	root, ok := i.Root.(*logical.Project)
	if !ok || len(keys) == 0 || len(i.Static) != len(keys) {
		return nil, nil
	}
	var vals []expr.Node
	for _, k := range keys {
		at := slices.Index(i.Columns, i.Table.Index(k))
		if at < 0 || !expr.IsConstant(root.Exprs[at]) {
			return nil, nil
		}
		vals = append(vals, root.Exprs[at])
	}
	prog, err := expr.Compile(vals, nil)
	if err != nil {
		return nil, err
	}
	frame := function.NewFrame(function.FixedEnv{NowMillis: o.s.Now(), WatermarkTime: batch.NoWatermark}, o.s.Config.Zone(o.s.Host.Zone))
	cols := make([]*batch.Col, len(vals))
	if err := prog.Run(frame, &batch.Batch{N: 1}, cols); err != nil {
		return nil, placed(err, i.At)
	}
	out := &batch.Batch{N: 1, Cols: make([]batch.Col, len(vals))}
	for k, c := range cols {
		out.Cols[k].Gather(c, nil, 1)
		out.Cols[k].Type = vals[k].Type()
	}
	return out, nil
}
