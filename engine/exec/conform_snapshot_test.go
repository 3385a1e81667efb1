package exec

import (
	"math/rand/v2"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/types"
)

const (
	snapshotLoaded = 45  // watermark of the right side at which the table is loaded
	snapshotTTL    = 200 // milliseconds
)

// snapshotCases join rows with a table that changes while they come: inserts, updates
// and deletes of it in disorder, in the middle of which it is loaded.
func snapshotCases() []*conformCase {
	l, r := expr.NewRef(2, types.IntT, diag.Span{}), expr.NewRef(5, types.IntT, diag.Span{})
	less, err := expr.NewCompare(expr.Lt, l, r, diag.Span{})
	if err != nil {
		panic(err)
	}
	lower := func(l, r []string) bool { return num(l[2]) < num(r[2]) }
	return []*conformCase{
		snapshotCase("inner snapshot join", SnapshotJoinConfig{Type: InnerJoin, LoadTime: snapshotLoaded}, always),
		snapshotCase("left snapshot join", SnapshotJoinConfig{Type: LeftJoin, LoadTime: snapshotLoaded}, always),
		snapshotCase("left snapshot join with a condition", SnapshotJoinConfig{Type: LeftJoin, LoadTime: snapshotLoaded, JoinKeys: JoinKeys{Residual: less}}, lower),
		snapshotCase("left snapshot join, loaded at the end", SnapshotJoinConfig{Type: LeftJoin, LoadTime: batch.MaxWatermark}, always),
		snapshotCase("inner snapshot join with a time to live", SnapshotJoinConfig{Type: InnerJoin, LoadTime: snapshotLoaded, TTL: snapshotTTL}, always),
	}
}

func snapshotCase(name string, cfg SnapshotJoinConfig, cond func(l, r []string) bool) *conformCase {
	cfg.Left, cfg.Right, cfg.Out = timedInput, timedInput, append(slices.Clone(timedInput), timedInput...)
	cfg.JoinKeys.Left, cfg.JoinKeys.Right = []int{0}, []int{0}
	cfg.RightTime = 1
	fresh := func(r *rand.Rand, at int64) []string {
		return []string{orNull(r, str(int64(r.IntN(3)))), str(at), str(int64(r.IntN(9)))}
	}
	return &conformCase{
		name: name, in: [][]types.Type{timedInput, timedInput}, part: [][]int{{0}, {0}},
		gen:  func(r *rand.Rand, n int) []event { return withTakenBack(r, timedSides(fresh)(r, n), cfg.TTL > 0) },
		op:   func() Operator { return NewSnapshotJoin(cfg) },
		want: func(ev []event) []string { return naiveSnapshot(cfg, ev, cond) },
	}
}

// withTakenBack takes back some rows of the right side, at once or later, and moves the
// clock if asked to.
func withTakenBack(r *rand.Rand, ev []event, clock bool) []event {
	var out []event
	var rows [][]string
	for _, e := range ev {
		out = append(out, e)
		if clock && r.IntN(6) == 0 {
			out = append(out, event{clock: int64(r.IntN(150)) + 1})
		}
		if e.cells == nil || e.in == 0 {
			continue
		}
		rows = append(rows, e.cells)
		if r.IntN(3) == 0 {
			i := r.IntN(len(rows))
			out = append(out, event{in: 1, kind: []batch.Kind{batch.Delete, batch.UpdateBefore}[r.IntN(2)], cells: rows[i]})
			rows = slices.Delete(rows, i, i+1)
		}
	}
	return out
}

// naiveSnapshot keeps the table as a list of rows.
func naiveSnapshot(cfg SnapshotJoinConfig, ev []event, cond func(l, r []string) bool) []string {
	var rows []string
	var table, waiting [][]string
	var pending []event
	wm, loaded, now, since := int64(batch.NoWatermark), false, int64(0), int64(0)
	used := map[string]int64{}
	join := func(l []string) {
		n := 0
		for _, r := range table {
			if l[0] != "NULL" && l[0] == r[0] && cond(l, r) {
				rows = append(rows, rowText(append(shownCells(l), shownCells(r)...)...))
				n++
			}
		}
		if n == 0 && cfg.Type == LeftJoin {
			rows = append(rows, rowText(append(shownCells(l), "NULL", "NULL", "NULL")...))
		}
		if _, ok := used[l[0]]; ok {
			used[l[0]] = now
		}
	}
	expire := func() {
		for k, at := range used {
			if cfg.TTL > 0 && loaded && max(at, since)+cfg.TTL <= now {
				delete(used, k)
				table = slices.DeleteFunc(table, func(r []string) bool { return r[0] == k })
			}
		}
	}
	pass := func(ts int64) {
		if ts <= wm {
			return
		}
		wm = ts
		due := slices.DeleteFunc(slices.Clone(pending), func(e event) bool { return num(e.cells[1]) > wm })
		pending = slices.DeleteFunc(pending, func(e event) bool { return num(e.cells[1]) <= wm })
		slices.SortStableFunc(due, func(a, b event) int { return int(num(a.cells[1]) - num(b.cells[1])) })
		for _, e := range due {
			used[e.cells[0]] = now
			if e.kind.Adds() {
				table = append(table, e.cells)
			} else if i := slices.IndexFunc(table, func(r []string) bool { return slices.Equal(r, e.cells) }); i >= 0 {
				table = slices.Delete(table, i, i+1)
			}
		}
		if !loaded && wm >= cfg.LoadTime {
			loaded, since = true, now
			for _, l := range waiting {
				join(l)
			}
		}
	}
	for _, e := range ev {
		switch {
		case e.clock > 0:
			now += e.clock
			expire()
		case e.cells == nil && e.in == 1:
			pass(e.wm)
		case e.cells == nil:
		case e.in == 1:
			pending = append(pending, e)
		case loaded:
			join(e.cells)
		default:
			waiting = append(waiting, e.cells)
		}
	}
	pass(batch.MaxWatermark)
	return rows
}
