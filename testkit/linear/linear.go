// Package linear is a model provider for tests: it answers with a weighted sum of its
// inputs, the same for the same rows at any time, from no other place than the options.
//
//	CREATE MODEL m INPUT (x DOUBLE, y DOUBLE) OUTPUT (z DOUBLE)
//	WITH ('provider' = 'linear', 'weights' = '2;3', 'bias' = '1')
//
// A second output, a STRING, says the sign of the first. NULL in an input gives NULL.
// It is registered by tests alone.
package linear

import (
	"fmt"
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Provider is 'provider' = 'linear'.
var Provider = connect.ModelProvider{
	Name:    "linear",
	Summary: "A weighted sum of the inputs.",
	Options: []connect.Option{
		{Key: "weights", Type: connect.List, Required: true, Doc: "The weight of each input."},
		{Key: "bias", Type: connect.Float, Default: "0", Doc: "What is added."},
		{Key: "modes", Type: connect.Enum, Values: []string{"SYNC", "ASYNC", "BOTH"}, Default: "BOTH", Doc: "How it can be called."},
		{Key: "answers", Type: connect.Enum, Values: []string{"ONE", "POSITIVE", "TWO"}, Default: "ONE", Doc: "How many answers a row has: one; none if the sum is below 0; two."},
		{Key: "fails-at", Type: connect.Float, Doc: "The sum for which the call fails."},
	},
	Predict: newModel,
}

type model struct {
	m           *connect.Model
	weights     []float64
	bias        float64
	sync, async bool
	answers     string
	fails       bool
	failsAt     float64
}

func newModel(m *connect.Model) (connect.Prediction, error) {
	p := &model{m: m, fails: m.Options.Has("fails-at")}
	for _, w := range m.Options.List("weights") {
		v, err := strconv.ParseFloat(w, 64)
		if err != nil {
			return nil, connect.Invalid("weights", "has '%s', which is no number", w)
		}
		p.weights = append(p.weights, v)
	}
	if len(p.weights) != len(m.Input) {
		return nil, connect.Invalid("weights", "has %d numbers for %d inputs", len(p.weights), len(m.Input))
	}
	for _, f := range m.Input {
		if f.Type.Kind != types.Double {
			return nil, diag.New(diag.TypeMismatch, "input %s of a linear model is DOUBLE, not %s", f.Name, f.Type)
		}
	}
	if k := len(m.Output); k < 1 || k > 2 || m.Output[0].Type.Kind != types.Double || k == 2 && !m.Output[1].Type.IsString() {
		return nil, diag.New(diag.TypeMismatch, "a linear model gives a DOUBLE, and a STRING if wanted")
	}
	var err error
	if p.bias, err = m.Options.Float("bias", 0); err != nil {
		return nil, err
	}
	if p.failsAt, err = m.Options.Float("fails-at", 0); err != nil {
		return nil, err
	}
	modes, err := m.Options.Enum("modes", "BOTH", "SYNC", "ASYNC", "BOTH")
	if err != nil {
		return nil, err
	}
	p.sync, p.async = modes != "ASYNC", modes != "SYNC"
	p.answers, err = m.Options.Enum("answers", "ONE", "ONE", "POSITIVE", "TWO")
	return p, err
}

// Modes are those of the option 'modes'.
func (p *model) Modes() (sync, async bool) { return p.sync, p.async }

// Open has nothing to open.
func (p *model) Open(connect.PredictorCtx) (connect.Predictor, error) { return p, nil }

// Close has nothing to close.
func (p *model) Close() error { return nil }

// Predict computes the sums column by column.
func (p *model) Predict(in, out *batch.Batch) ([]uint16, error) {
	n := in.N
	sums := make([]float64, n)
	null := make([]bool, n)
	for i := range sums {
		sums[i] = p.bias
	}
	for c, w := range p.weights {
		col := &in.Cols[c]
		for i := range sums {
			if col.IsNull(i) {
				null[i] = true
				continue
			}
			sums[i] += w * col.F64[i]
		}
	}
	b := batch.NewBatchBuilder(p.m.Output.Types()...)
	var lanes []uint16
	for i, s := range sums {
		if p.fails && s == p.failsAt {
			return nil, fmt.Errorf("the sum is %v", s)
		}
		times := map[string]int{"TWO": 2}[p.answers]
		if p.answers == "ONE" || p.answers == "POSITIVE" && (null[i] || s >= 0) {
			times = 1
		}
		for range times {
			row := []any{s, "positive"}
			if s < 0 {
				row[1] = "negative"
			}
			if null[i] {
				row = []any{nil, nil}
			}
			b.Row(batch.Insert, row[:len(p.m.Output)]...)
			lanes = append(lanes, uint16(i))
		}
	}
	got := b.Finish()
	out.Append(got, nil)
	return lanes, nil
}
