package debugger

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// condition is an expression that rows are tested by.
type condition struct {
	calc  *expr.Calc
	frame *function.Frame
	types []types.Type
	out   batch.Batch
}

// condition compiles SQL over the columns of a schema.
func (j *Job) condition(text string, schema types.Schema) (*condition, error) {
	n, err := j.d.session.Condition(text, schema)
	if err != nil {
		return nil, err
	}
	return j.compile(n, schema)
}

func (j *Job) compile(n expr.Node, schema types.Schema) (*condition, error) {
	calc, err := expr.NewCalc(n, nil, schema.Types())
	if err != nil {
		return nil, err
	}
	return &condition{calc: calc, types: schema.Types(), frame: function.NewFrame(function.FixedEnv{WatermarkTime: batch.NoWatermark}, j.Zone)}, nil
}

// lanes are the lanes of a batch that the condition is true of; they are the caller's.
func (c *condition) lanes(b *batch.Batch, watermark int64) ([]uint16, error) {
	view := *b.Filled(c.types)
	view.Marks, view.Keys = nil, nil
	c.frame.SetEnv(function.FixedEnv{WatermarkTime: watermark})
	if err := c.calc.Run(c.frame, &view, &c.out); err != nil || c.out.Rows() == 0 {
		return nil, err
	}
	lanes := make([]uint16, 0, c.out.Rows())
	for i := range c.out.Rows() {
		lanes = append(lanes, uint16(c.out.Lane(i)))
	}
	return lanes, nil
}

// rowText is the text of the first n columns of a row.
func rowText(r Row, n int) string {
	var b []byte
	for i := range n {
		c := &r.Batch.Cols[i]
		if i > 0 {
			b = append(b, 0)
		}
		if c.IsNull(r.Lane) {
			b = append(b, 1)
			continue
		}
		b = kernel.AppendShown(b, c, r.Lane, nil)
	}
	return string(b)
}
