package exec

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// NewCalc makes the operator that filters and projects: one row of exprs for each
// row for which filter (nil: all) is TRUE, with the row's kind. Marks stay between
// the rows they stood between.
func NewCalc(filter expr.Node, exprs []expr.Node, in []types.Type) Operator {
	return &calc{filter: filter, exprs: exprs, in: in}
}

type calc struct {
	Stateless
	filter expr.Node
	exprs  []expr.Node
	in     []types.Type
	prog   *expr.Calc
	frame  *function.Frame
	out    batch.Batch
}

// Draw names the operator.
func (o *calc) Draw() Drawing { return Drawing{Name: "Calc"} }

// Open compiles the program.
func (o *calc) Open(c *Ctx) error {
	o.frame = function.NewFrame(c, c.Zone)
	var err error
	o.prog, err = expr.NewCalc(o.filter, o.exprs, o.in)
	return err
}

// Process runs the program over a batch.
func (o *calc) Process(c *Ctx, _ int, b *batch.Batch) error {
	o.frame.SetEnv(c)
	if err := o.prog.Run(o.frame, b, &o.out); err != nil {
		return err
	}
	if o.out.Rows() == 0 && len(o.out.Marks) == 0 {
		return nil
	}
	return c.Emit(&o.out)
}
