package scalar_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// TestSplitTogether holds several pieces of one string, asked for in any order, in
// branches and outside, to the string cut up.
func TestSplitTogether(t *testing.T) {
	texts := rapid.Custom(func(t *rapid.T) any {
		return rapid.StringOfN(rapid.RuneFrom([]rune("/ab")), 0, 24, -1).Draw(t, "text")
	})
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t, []types.Type{types.StringT, types.IntT}, []*rapid.Generator[any]{texts, ints(types.IntT)})
		piece := func(row []any, k int64) string {
			s, ok := row[0].(string)
			parts := strings.Split(s, "/")
			if !ok || s == "" || k < 0 || k >= int64(len(parts)) {
				return "NULL"
			}
			return parts[k]
		}
		split := func(k int64) expr.Node {
			return call(t, "SPLIT_INDEX", c.ref(0), literalOf(types.CharT(1), "/"), literalOf(types.IntT, k))
		}
		var nodes []expr.Node
		var want []func(row []any) string
		for range rapid.IntRange(1, 5).Draw(t, "calls") {
			k := int64(rapid.IntRange(-1, 6).Draw(t, "k"))
			if rapid.IntRange(0, 2).Draw(t, "plain") > 0 {
				nodes = append(nodes, split(k))
				want = append(want, func(row []any) string { return piece(row, k) })
				continue
			}
			j := int64(rapid.IntRange(0, 6).Draw(t, "j"))
			nodes = append(nodes, call(t, "CASE", call(t, ">", c.ref(1), literalOf(types.IntT, int64(0))), split(k), split(j)))
			want = append(want, func(row []any) string {
				if v, ok := row[1].(int64); ok && v > 0 {
					return piece(row, k)
				}
				return piece(row, j)
			})
		}
		p, err := expr.Compile(nodes, c.types)
		if err != nil {
			t.Fatal(err)
		}
		f := function.NewFrame(function.FixedEnv{WatermarkTime: batch.NoWatermark}, time.UTC)
		out := make([]*batch.Col, len(nodes))
		for round := range 2 { // the second batch has the rows the other way round
			b := c.batch
			lane := func(l int) int { return l }
			if round == 1 {
				b = turned(c.batch)
				lane = func(l int) int { return b.N - 1 - l }
			}
			if err := p.Run(f, b, out); err != nil {
				t.Fatal(err)
			}
			for r := range b.Rows() {
				l := b.Lane(r)
				row := []any{c.values[0][lane(l)], c.values[1][lane(l)]}
				for i, n := range nodes {
					if got := string(kernel.AppendText(nil, out[i], l, time.UTC)); got != want[i](row) {
						t.Fatalf("%s of %q is %q, want %q (of %d)", expr.String(n, nil), fmt.Sprint(row), got, want[i](row), len(nodes))
					}
				}
			}
		}
	})
}

// turned is a batch with the lanes of b the other way round, all selected.
func turned(b *batch.Batch) *batch.Batch {
	sel := make([]uint16, b.N)
	for i := range sel {
		sel[i] = uint16(b.N - 1 - i)
	}
	out := &batch.Batch{N: b.N, Cols: make([]batch.Col, len(b.Cols))}
	for i := range b.Cols {
		src := b.Cols[i]
		if src.Enc == batch.Const {
			out.Cols[i] = src
			continue
		}
		out.Cols[i].Gather(&src, sel, b.N)
	}
	return out
}
