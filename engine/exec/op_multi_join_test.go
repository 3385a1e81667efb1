package exec

import (
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/types"
)

// ttlMultiJoinCases: a row of an input with a TTL is gone when nothing touched it for so
// long; the others stay.
func ttlMultiJoinCases() []*ttlCase {
	in := []types.Type{types.IntT, types.IntT}
	cfg := MultiJoinConfig{EmitUpdateBefore: true, Inputs: []MultiJoinInput{
		{Types: in, Keys: []int{0}}, {Types: in, Keys: []int{0}, TTL: ttlOf}, {Types: in, Keys: []int{0}},
	}}
	for range cfg.Inputs {
		cfg.Out = append(cfg.Out, in...)
	}
	return []*ttlCase{{"multi-join with a TTL of one input", [][]types.Type{in, in, in}, func() Operator { return NewMultiJoin(cfg) }, []ttlStep{
		{"+I[1, 10]", ""},
		{"right +I[1, 20]", ""},
		{"wait 99", ""},
		{"third +I[1, 30]", "+I[1, 10, 1, 20, 1, 30]"},
		{"wait 1", ""},
		{"third +I[1, 31]", ""},
		{"right +I[1, 21]", "+I[1, 10, 1, 21, 1, 30]; +I[1, 10, 1, 21, 1, 31]"},
	}}}
}

// TestMultiJoinPieces: more matches than a batch holds come out in batches, all of them.
func TestMultiJoinPieces(t *testing.T) {
	in := []types.Type{types.IntT, types.IntT}
	cfg := MultiJoinConfig{EmitUpdateBefore: true, Inputs: []MultiJoinInput{
		{Types: in, Keys: []int{0}}, {Types: in, Keys: []int{0}, Left: true, Residual: lessThan(1, 3)}, {Types: in, Keys: []int{0}, Left: true},
	}}
	for range cfg.Inputs {
		cfg.Out = append(cfg.Out, in...)
	}
	h := NewBench(NewMultiJoin(cfg))
	h.Inputs = 3
	h.Open()
	many := func(n, v int) []string {
		rows := make([]string, n)
		for i := range rows {
			rows[i] = "+I[1, " + str(int64(v)) + "]"
		}
		return rows
	}
	h.Push(0, ParseRows(in, many(70, 1)...))
	h.Push(2, ParseRows(in, many(80, 9)...))
	// Nothing of input 1 matches by the condition: 70 rows are padded, for each of 80.
	h.Push(1, ParseRows(in, many(3, 0)...))
	if got := len(foldLines(t, "padded", h.Take(), nil)); got != 70*80 {
		t.Errorf("%d rows before a match, want %d", got, 70*80)
	}
	h.Push(1, ParseRows(in, "+I[1, 5]", "+I[1, 6]", "-D[1, 5]", "-D[1, 6]", "+I[1, 7]", "+I[1, 8]"))
	plus, minus := 0, 0
	for _, l := range h.Take() {
		if strings.HasPrefix(l, "+I") {
			plus++
		} else {
			minus++
		}
	}
	// 5: a padded row goes and a match comes; 6: one comes; two go; the padded one comes
	// again; 7 as 5, 8 as 6. All of it 70 * 80 times.
	if plus != 5*70*80 || minus != 4*70*80 {
		t.Errorf("%d rows came and %d went, want %d and %d", plus, minus, 5*70*80, 4*70*80)
	}
}
