package exec

import (
	"math/rand/v2"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// conflictCases settle the rows of a sink key at each watermark: the sink's key is
// column 0, the query's column 1.
func conflictCases() []*conformCase {
	return []*conformCase{conflictCase("first of conflicting rows", []int{1}), conflictCase("first of conflicting rows, by whole rows", nil)}
}

func conflictCase(name string, upsert []int) *conformCase {
	cfg := ConflictConfig{Input: topInput, Keys: []int{0}, UpsertKey: upsert}
	return &conformCase{
		name: name, in: [][]types.Type{topInput}, part: [][]int{{0}}, key: []int{0},
		gen: func(r *rand.Rand, n int) []event {
			var out []event
			next := 0
			fresh := func(r *rand.Rand) []string {
				next++
				return []string{orNull(r, str(int64(r.IntN(4)))), str(int64(next)), string("abc"[r.IntN(3)])}
			}
			for i, e := range changes(fresh)(r, n) {
				out = append(out, e)
				if r.IntN(4) == 0 {
					out = append(out, event{wm: int64(10 + i)})
				}
			}
			return out
		},
		op: func() Operator { return NewConflict(cfg) },
		want: func(ev []event) []string {
			live := map[string][][]string{}
			settle := func() {
				for k, rows := range live {
					live[k] = rows[:min(len(rows), 1)]
				}
			}
			for _, e := range ev {
				switch {
				case e.cells == nil:
					settle()
				case e.kind == batch.Insert || e.kind == batch.UpdateAfter:
					live[e.cells[0]] = append(slices.Clip(live[e.cells[0]]), e.cells)
				default:
					rows := live[e.cells[0]]
					if i := slices.IndexFunc(rows, func(x []string) bool { return slices.Equal(x, e.cells) }); i >= 0 {
						live[e.cells[0]] = slices.Delete(slices.Clone(rows), i, i+1)
					}
				}
			}
			settle()
			var out []string
			for _, rows := range live {
				for _, row := range rows {
					out = append(out, rowText(row...))
				}
			}
			return out
		},
	}
}
