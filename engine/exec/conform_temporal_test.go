package exec

import (
	"math/rand/v2"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/types"
)

// temporalCases join rows with versions; times of both sides go up in disorder, rows
// of the left side may be taken back, and versions end.
func temporalCases() []*conformCase {
	l, r := expr.NewRef(2, types.IntT, diag.Span{}), expr.NewRef(5, types.IntT, diag.Span{})
	less, err := expr.NewCompare(expr.Lt, l, r, diag.Span{})
	if err != nil {
		panic(err)
	}
	lower := func(l, r []string) bool { return num(l[2]) < num(r[2]) }
	return []*conformCase{
		temporalCase("inner temporal join", TemporalJoinConfig{Type: InnerJoin}, always),
		temporalCase("left temporal join", TemporalJoinConfig{Type: LeftJoin}, always),
		temporalCase("left temporal join with a condition", TemporalJoinConfig{Type: LeftJoin, JoinKeys: JoinKeys{Residual: less}}, lower),
		temporalCase("inner temporal join, retracting", TemporalJoinConfig{Type: InnerJoin, Ordered: true}, always),
		temporalCase("left temporal join, retracting", TemporalJoinConfig{Type: LeftJoin, Ordered: true, JoinKeys: JoinKeys{Residual: less}}, lower),
	}
}

func temporalCase(name string, cfg TemporalJoinConfig, cond func(l, r []string) bool) *conformCase {
	cfg.Left, cfg.Right, cfg.Out = timedInput, timedInput, append(slices.Clone(timedInput), timedInput...)
	cfg.JoinKeys.Left, cfg.JoinKeys.Right = []int{0}, []int{0}
	cfg.LeftTime, cfg.RightTime = 1, 1
	fresh := func(r *rand.Rand, at int64) []string {
		return []string{orNull(r, str(int64(r.IntN(3)))), str(at), str(int64(r.IntN(9)))}
	}
	return &conformCase{
		name: name, in: [][]types.Type{timedInput, timedInput}, part: [][]int{{0}, {0}},
		gen: func(r *rand.Rand, n int) []event {
			ev := timedSides(fresh)(r, n)
			return withVersions(r, ev, cfg.Ordered)
		},
		op:   func() Operator { return NewTemporalJoin(cfg) },
		want: func(ev []event) []string { return naiveTemporal(cfg.Type, ev, cond) },
	}
}

// withVersions makes updates and deletes of the right rows, and with taken takes back
// left rows that are not late.
func withVersions(r *rand.Rand, ev []event, taken bool) []event {
	var out []event
	wms := [2]int64{batch.NoWatermark, batch.NoWatermark}
	var back [][]string
	for _, e := range ev {
		if e.cells == nil {
			wms[e.in] = max(wms[e.in], e.wm)
			out = append(out, e)
			continue
		}
		if e.in == 1 {
			switch r.IntN(5) {
			case 0:
				e.kind = batch.Delete
			case 1, 2:
				e.kind = batch.UpdateAfter
			}
			out = append(out, e)
			continue
		}
		out = append(out, e)
		wm := min(wms[0], wms[1])
		back = slices.DeleteFunc(back, func(row []string) bool { return num(row[1]) <= wm })
		if num(e.cells[1]) > wm {
			back = append(back, e.cells)
		}
		if taken && len(back) > 0 && r.IntN(3) == 0 {
			i := r.IntN(len(back))
			out = append(out, event{kind: batch.Delete, cells: back[i]})
			back = slices.Delete(back, i, i+1)
		}
	}
	return out
}

// naiveTemporal keeps all versions and looks at them when the watermark passes a row.
func naiveTemporal(t JoinType, ev []event, cond func(l, r []string) bool) []string {
	var rows []string
	versions := map[string]map[int64][]string{} // nil: the table has no row
	var waiting []event
	wms, seen := [2]int64{batch.NoWatermark, batch.NoWatermark}, batch.NoWatermark
	pass := func(wm int64) {
		seen = max(seen, wm)
		waiting = slices.DeleteFunc(waiting, func(e event) bool {
			l := e.cells
			if num(l[1]) > seen {
				return false
			}
			var row []string
			best := int64(-1)
			for at, v := range versions[l[0]] {
				if at <= num(l[1]) && at > best {
					best, row = at, v
				}
			}
			line := ""
			switch {
			case row != nil && l[0] != "NULL" && cond(l, row):
				line = rowText(append(shownCells(l), shownCells(row)...)...)
			case t == LeftJoin:
				line = rowText(append(shownCells(l), "NULL", "NULL", "NULL")...)
			default:
				return true
			}
			if e.kind.Adds() {
				rows = append(rows, line)
			} else {
				i := slices.Index(rows, line)
				rows = slices.Delete(rows, i, i+1)
			}
			return true
		})
	}
	for _, e := range ev {
		switch {
		case e.cells == nil:
			wms[e.in] = max(wms[e.in], e.wm)
			pass(min(wms[0], wms[1]))
		case e.in == 0:
			if num(e.cells[1]) > seen {
				waiting = append(waiting, e)
			}
		default:
			v := versions[e.cells[0]]
			if v == nil {
				v = map[int64][]string{}
				versions[e.cells[0]] = v
			}
			v[num(e.cells[1])] = e.cells
			if !e.kind.Adds() {
				v[num(e.cells[1])] = nil
			}
		}
	}
	pass(batch.MaxWatermark)
	return rows
}
