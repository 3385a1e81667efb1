package exec

import (
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/types"
)

// squareModel answers a number with its square and the number as text, and a multiple
// of 5 with nothing.
type squareModel struct{ async bool }

func (m squareModel) Modes() (sync, async bool)                            { return !m.async, m.async }
func (m squareModel) Open(connect.PredictorCtx) (connect.Predictor, error) { return m, nil }
func (m squareModel) Close() error                                         { return nil }

func (m squareModel) Predict(in, out *batch.Batch) ([]uint16, error) {
	b := batch.NewBatchBuilder(squareOut...)
	var lanes []uint16
	for i := range in.N {
		v := in.Cols[0].Int(i)
		if v%5 == 0 {
			continue
		}
		b.Row(batch.Insert, v*v, "number "+strconv.FormatInt(v, 10))
		lanes = append(lanes, uint16(i))
	}
	out.Append(b.Finish(), nil)
	return lanes, nil
}

var (
	squareIn  = []types.Type{types.BigIntT.Nullable(false), types.StringT}
	squareOut = []types.Type{types.BigIntT.Nullable(false), types.StringT}
)

func squareConfig(async, unordered bool) PredictConfig {
	return PredictConfig{
		Model: "m", Prediction: squareModel{async}, Input: squareIn, Output: squareOut, Keep: []int{1, 0},
		Args:  []expr.Node{expr.NewRef(0, squareIn[0], diag.Span{})},
		Async: async, Max: 2, Timeout: time.Minute, Unordered: unordered,
	}
}

// squareTable is what comes of rows of squareIn.
func squareTable(ev []event) []string {
	var out []string
	for _, e := range ev {
		if e.cells == nil {
			continue
		}
		v, _ := strconv.ParseInt(e.cells[0], 10, 64)
		if v%5 != 0 {
			out = append(out, "["+e.cells[1]+", "+e.cells[0]+", "+strconv.FormatInt(v*v, 10)+", number "+e.cells[0]+"]")
		}
	}
	return out
}

func predictCases() []*conformCase {
	gen := inserts(func(r *rand.Rand) []string {
		return []string{str(int64(r.IntN(40))), orNull(r, "row "+str(int64(r.IntN(1000))))}
	})
	var out []*conformCase
	for _, unordered := range []bool{false, true} {
		name := map[bool]string{false: "predict", true: "predict unordered"}[unordered]
		out = append(out, &conformCase{
			name: name, in: [][]types.Type{squareIn}, part: [][]int{{0}}, gen: gen, want: squareTable,
			op:    func() Operator { return NewPredict(squareConfig(true, unordered)) },
			stays: "rows whose calls are under way are in memory anyway",
		})
	}
	return out
}
