package build

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// addScan makes a source vertex. Its reader fills the columns of the table; what
// reads them is chained behind.
func (b *builder) addScan(n *plan.Scan) error {
	p := b.cfg.Parallelism
	if n.Parallelism > 0 {
		p = n.Parallelism
	}
	n.Source.Project(n.Projection)
	v := b.vertex(n, p)
	v.Name = "Source: " + n.Table.Path.Object
	info := n.Info()
	v.Source = &flow.SourceSpec{
		Source: n.Source,
		Schema: info.Schema,
		Read:   n.Projection,
		Name:   n.Table.Path.Object,
		Table:  n.Table.Path.String(),
		Span:   info.Span,
		Outs:   []flow.Out{},
	}
	if w := n.Watermark; w != nil {
		s := v.Source
		s.Periodic, s.Idle = w.Periodic, w.Idle
		s.AlignGroup, s.AlignDrift, s.AlignInterval = w.AlignGroup, w.AlignDrift, w.AlignInterval
		make, err := b.watermark(w.Expr, info.Schema.Types())
		if err != nil {
			return err
		}
		s.Watermark = make
	}
	b.at[n] = place{v, -1}
	return nil
}

// sourceEnv is what the expression of a watermark may know of the world.
type sourceEnv struct {
	function.FixedEnv
	now func() int64
}

// Now is the time of the step.
func (e sourceEnv) Now() int64 { return e.now() }

// watermark compiles a watermark expression into an evaluator for each subtask.
func (b *builder) watermark(e expr.Node, ts []types.Type) (func(now func() int64) flow.WatermarkEval, error) {
	if _, err := expr.Compile([]expr.Node{e}, ts); err != nil {
		return nil, err
	}
	zone := b.cfg.Zone
	return func(now func() int64) flow.WatermarkEval {
		prog, err := expr.Compile([]expr.Node{e}, ts)
		frame := function.NewFrame(sourceEnv{function.FixedEnv{WatermarkTime: batch.NoWatermark}, now}, zone)
		out := make([]*batch.Col, 1)
		var buf []int64
		return func(in *batch.Batch, wm []int64) error {
			if err != nil {
				return err
			}
			if err := prog.Run(frame, in, out); err != nil {
				return err
			}
			c := out[0]
			times := exec.Millis(c, in.N, &buf)
			copy(wm, times)
			if c.Nulls != nil {
				for i := range wm[:in.N] {
					if c.IsNull(i) {
						wm[i] = batch.NoWatermark
					}
				}
			}
			return nil
		}
	}, nil
}

// addValues makes a source vertex of one subtask that gives rows once.
func (b *builder) addValues(n *plan.Values) error {
	rows, err := constRows(n, b.cfg)
	if err != nil {
		return err
	}
	v := b.vertex(n, 1)
	v.Source = &flow.SourceSpec{
		Source: &valuesSource{rows: rows},
		Schema: n.Info().Schema,
		Name:   "values",
		Span:   n.Info().Span,
		Outs:   []flow.Out{},
	}
	b.at[n] = place{v, -1}
	return nil
}

var _ connect.Source = (*valuesSource)(nil)
