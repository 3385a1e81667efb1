package debugger

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// Evaluate works out an expression over the columns of a row, with the watermark that
// was there. It gives the value as text, and its type.
func (j *Job) Evaluate(r Row, text string, watermark int64) (string, types.Type, error) {
	n, err := j.d.session.Expression(text, r.Schema)
	if err != nil {
		return "", types.Type{}, err
	}
	calc, err := expr.NewCalc(nil, []expr.Node{n}, r.Schema.Types())
	if err != nil {
		return "", types.Type{}, err
	}
	var in, out batch.Batch
	in.Gather(&batch.Batch{N: r.Batch.N, Cols: r.Batch.Cols, Kinds: r.Batch.Kinds, Sel: []uint16{uint16(r.Lane)}}, nil)
	view := *in.Filled(r.Schema.Types())
	frame := function.NewFrame(function.FixedEnv{WatermarkTime: watermark}, j.Zone)
	if err := calc.Run(frame, &view, &out); err != nil {
		return "", types.Type{}, err
	}
	return shown(&out.Cols[0], out.Lane(0), j), n.Type(), nil
}

// shown is a value as text.
func shown(c *batch.Col, lane int, j *Job) string {
	if c.IsNull(lane) {
		return "NULL"
	}
	return string(kernel.AppendShown(nil, c, lane, j.Zone))
}

// Text is the value of a column of a row.
func (j *Job) Text(r Row, column int) string { return shown(&r.Batch.Cols[column], r.Lane, j) }

// Watermark is the least of the job's last operators at the cursor, in milliseconds.
func (j *Job) Watermark() int64 {
	if j.at == 0 {
		return batch.NoWatermark
	}
	return j.line[j.at-1].watermark
}
