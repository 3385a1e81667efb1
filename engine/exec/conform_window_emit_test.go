package exec

import (
	"math/rand/v2"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// emitCases are windows that fire early and late. What they come to is what the rows
// that were taken add up to, whenever they fired.
func emitCases() []*conformCase {
	in := []types.Type{types.IntT, types.TimestampT(3), types.IntT}
	ts3 := types.TimestampT(3).Nullable(false)
	aggs := []AggSpec{
		{Func: "COUNT", Filter: -1, Result: types.BigIntT.Nullable(false)},
		{Func: "SUM", Args: []int{2}, Filter: -1, Result: types.IntT},
		{Func: "MAX", Args: []int{2}, Filter: -1, Result: types.IntT},
		{Func: "COUNT", Args: []int{2}, Distinct: true, Filter: -1, Result: types.BigIntT.Nullable(false)},
	}
	const size = 20
	one := func(name string, slide, early, late, lateness int64) *conformCase {
		cfg := WindowEmitConfig{WindowAggConfig: WindowAggConfig{
			Input: in, Window: WindowSpec{Kind: HopWindow, Size: size, Slide: slide, TimeCol: 1}, StartCol: -1, EndCol: -1, Keys: []int{0}, Aggs: aggs,
			Props: []WindowProp{PropStart, PropEnd}, PropTypes: []types.Type{ts3, ts3},
		}, Early: early, Late: late, Lateness: lateness, EmitUpdateBefore: true}
		return &conformCase{
			name: "window emit " + name, folds: "a mark parts a batch where a window of the task ends", in: [][]types.Type{in}, part: [][]int{{0}}, op: func() Operator { return NewWindowEmit(cfg) },
			gen: withMarks(func(r *rand.Rand, at int64) []string {
				return []string{orNull(r, str(int64(r.IntN(4)))), str(at), orNull(r, str(int64(r.IntN(9)-4)))}
			}),
			want: func(ev []event) []string {
				type window struct {
					key   string
					start int64
				}
				rows, wm := map[window][][]string{}, batch.NoWatermark
				for _, e := range ev {
					if e.cells == nil {
						wm = max(wm, e.wm)
						continue
					}
					t := num(e.cells[1])
					for start := floorDiv(t, slide) * slide; start > t-size; start -= slide {
						if start+size-1+lateness > wm {
							w := window{e.cells[0], start}
							rows[w] = append(rows[w], e.cells)
						}
					}
				}
				var out []string
				for w, list := range rows {
					sum, top, seen := int64(0), int64(0), map[string]bool{}
					for _, r := range list {
						if r[2] == "NULL" {
							continue
						}
						v := num(r[2])
						if len(seen) == 0 || v > top {
							top = v
						}
						sum += v
						seen[r[2]] = true
					}
					s, m := "NULL", "NULL"
					if len(seen) > 0 {
						s, m = str(sum), str(top)
					}
					out = append(out, rowText(w.key, str(int64(len(list))), s, m, str(int64(len(seen))), ms(str(w.start)), ms(str(w.start+size))))
				}
				return out
			},
		}
	}
	return []*conformCase{
		one("early", size, 0, -1, 0), one("early, in hops", 10, 0, -1, 0), one("late", size, -1, -1, 15), one("early and late", 10, 0, 0, 12),
	}
}
