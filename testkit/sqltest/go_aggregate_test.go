package sqltest

import (
	"testing"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// weighted is an average by weights, as docs/functions-user.md shows it: accumulators of
// two words, which can give rows back and be joined.
var weighted = function.AggregateFunc{
	Name: "GO_WAVG", Summary: "Average of values by weight.", Signatures: []string{"GO_WAVG(value, weight)"},
	Infer: func(c *function.Call) (function.AggregateResolved, error) {
		if len(c.Args) != 2 {
			return function.AggregateResolved{}, diag.New(diag.InvalidArgument, "GO_WAVG takes a value and a weight")
		}
		return function.AggregateResolved{
			Params: []types.Type{types.BigIntT, types.BigIntT}, Result: types.BigIntT,
			Words: 2, Retracts: true, Merges: true,
			Make: func() function.AggregateKernel {
				return &function.AggregateLoops{Accumulate: weigh(1), Retract: weigh(-1), Merge: weighBoth, Value: weight}
			},
		}, nil
	},
}

// weigh adds rows, or takes them back.
func weigh(sign int64) func(*function.Frame, *function.Accumulators, *function.AggregateRows) error {
	return func(_ *function.Frame, a *function.Accumulators, r *function.AggregateRows) error {
		values, weights := r.Args[0], r.Args[1]
		for i, l := range r.Lanes {
			if values.IsNull(int(l)) || weights.IsNull(int(l)) {
				continue
			}
			w := a.Row(int(r.To[i]))
			w[0] += uint64(sign * values.I64[l] * weights.I64[l])
			w[1] += uint64(sign * weights.I64[l])
		}
		return nil
	}
}

func weighBoth(_ *function.Frame, a *function.Accumulators, to []uint32, from *function.Accumulators, src []uint32) error {
	for i, k := range to {
		w, v := a.Row(int(k)), from.Row(int(src[i]))
		w[0], w[1] = w[0]+v[0], w[1]+v[1]
	}
	return nil
}

func weight(_ *function.Frame, dst *batch.Col, a *function.Accumulators, n int) error {
	for i := range n {
		w := a.Row(i)
		if dst.I64[i] = 0; w[1] == 0 {
			dst.SetNull(i, n)
			continue
		}
		dst.I64[i] = int64(w[0]) / int64(w[1])
	}
	return nil
}

// trail joins texts in their order: accumulators of bytes, without retract and merge.
// NULL is a dash, and a text 'bad' fails.
var trail = function.AggregateFunc{
	Name: "GO_TRAIL", Summary: "Texts in their order.", Signatures: []string{"GO_TRAIL(text)"},
	Infer: func(c *function.Call) (function.AggregateResolved, error) {
		if len(c.Args) != 1 {
			return function.AggregateResolved{}, diag.New(diag.InvalidArgument, "GO_TRAIL takes one text")
		}
		return function.AggregateResolved{
			Params: []types.Type{types.StringT}, Result: types.StringT,
			Make: func() function.AggregateKernel {
				return &function.AggregateLoops{Accumulate: follow, Value: trailOf}
			},
		}, nil
	},
}

func follow(_ *function.Frame, a *function.Accumulators, r *function.AggregateRows) error {
	for i, l := range r.Lanes {
		text := []byte("-")
		if !r.Args[0].IsNull(int(l)) {
			var t [batch.InlineMax]byte
			text = r.Args[0].Bytes(int(l), &t)
		}
		if string(text) == "bad" {
			return batch.FailLane(int(l), diag.UserFunction, "a bad text")
		}
		a.Bytes[r.To[i]] = append(append(a.Bytes[r.To[i]], '>'), text...)
	}
	return nil
}

func trailOf(_ *function.Frame, dst *batch.Col, a *function.Accumulators, n int) error {
	b := batch.NewBuilder(types.StringT)
	for _, text := range a.Bytes[:n] {
		b.AppendBytes(text)
	}
	*dst = b.Finish()
	return nil
}

// register adds the aggregates to an engine.
func register(t *testing.T, e *engine.Engine) {
	t.Helper()
	registerProcessors(t, e)
	for _, err := range []error{e.RegisterAggregate(&weighted), e.RegisterAggregate(&trail), e.RegisterAggregateAs("com.example.Weighted", &weighted)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := e.RegisterAggregateAs("com.example.Weighted", &trail); diag.CodeOf(err) != diag.AlreadyExists {
		t.Errorf("registered twice: %v", err)
	}
}
