package exec

import (
	"math/rand/v2"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/types"
)

var joinTypes = []struct {
	name string
	t    JoinType
}{{"inner", InnerJoin}, {"left", LeftJoin}, {"right", RightJoin}, {"full", FullJoin}, {"semi", SemiJoin}, {"anti", AntiJoin}}

var (
	joinLeft  = []types.Type{types.IntT, types.IntT}
	joinRight = []types.Type{types.IntT, types.IntT}
	joinOut   = append(append([]types.Type(nil), joinLeft...), joinRight...)
)

func joinFresh(r *rand.Rand) []string {
	return []string{orNull(r, str(int64(r.IntN(4)))), str(int64(r.IntN(6)))}
}

// naiveJoin joins two tables of so many columns on column 0 and a condition.
func naiveJoin(t JoinType, width int, left, right [][]string, safe bool, cond func(l, r []string) bool) []string {
	var out []string
	hitR := make([]bool, len(right))
	pad := slices.Repeat([]string{"NULL"}, width)
	for _, l := range left {
		hit := false
		for k, r := range right {
			if l[0] != r[0] || l[0] == "NULL" && !safe || !cond(l, r) {
				continue
			}
			hit, hitR[k] = true, true
			if !t.leftOnly() {
				out = append(out, rowText(append(slices.Clone(l), r...)...))
			}
		}
		switch {
		case t == SemiJoin && hit || t == AntiJoin && !hit:
			out = append(out, rowText(l...))
		case !hit && t.keeps(0):
			out = append(out, rowText(append(slices.Clone(l), pad...)...))
		}
	}
	for k, r := range right {
		if !hitR[k] && t.keeps(1) {
			out = append(out, rowText(append(slices.Clone(pad), r...)...))
		}
	}
	return out
}

func always(_, _ []string) bool { return true }

// bothSides generates changes of two inputs.
func bothSides(append bool) func(*rand.Rand, int) []event {
	return func(r *rand.Rand, n int) []event {
		var ev []event
		sides := [2]live{{in: 0, ev: &ev}, {in: 1, ev: &ev}}
		in := 0
		for len(ev) < n {
			if r.IntN(3) == 0 {
				in = 1 - in
			}
			if append {
				sides[in].emit(batch.Insert, joinFresh(r))
			} else {
				sides[in].change(r, func() []string { return joinFresh(r) })
			}
		}
		return ev
	}
}

func joinCase(name string, cfg JoinConfig, appends bool, cond func(l, r []string) bool) *conformCase {
	cfg.Left, cfg.Right, cfg.Out, cfg.EmitUpdateBefore = joinLeft, joinRight, joinOut, true
	cfg.JoinKeys.Left, cfg.JoinKeys.Right = []int{0}, []int{0}
	if cfg.Type.leftOnly() {
		cfg.Out = joinLeft
	}
	safe := cfg.NullSafe != nil
	return &conformCase{
		name: name, in: [][]types.Type{joinLeft, joinRight}, part: [][]int{{0}, {0}}, gen: bothSides(appends),
		op:   func() Operator { return NewJoin(cfg) },
		want: func(ev []event) []string { return naiveJoin(cfg.Type, 2, table(ev, 0), table(ev, 1), safe, cond) },
	}
}

func joinCases() []*conformCase {
	var out []*conformCase
	l, r := expr.NewRef(1, types.IntT, diag.Span{}), expr.NewRef(3, types.IntT, diag.Span{})
	less, err := expr.NewCompare(expr.Lt, l, r, diag.Span{})
	if err != nil {
		panic(err)
	}
	lower := func(l, r []string) bool { return num(l[1]) < num(r[1]) }
	for _, t := range joinTypes {
		out = append(out,
			joinCase(t.name+" join, append", JoinConfig{Type: t.t}, true, always),
			joinCase(t.name+" join, retracting", JoinConfig{Type: t.t}, false, always),
			joinCase(t.name+" join, retracting, with a condition", JoinConfig{Type: t.t, JoinKeys: JoinKeys{Residual: less}}, false, lower),
			joinCase(t.name+" join, null-safe", JoinConfig{Type: t.t, JoinKeys: JoinKeys{NullSafe: []bool{true}}}, false, always),
			upsertJoinCase(t.name+" join, upsert", t.t),
		)
	}
	return out
}

// upsertJoinCase has a left input that replaces by its join key, and deletes that
// hold the key alone.
func upsertJoinCase(name string, t JoinType) *conformCase {
	c := joinCase(name, JoinConfig{Type: t, Sides: [2]JoinSide{{Upsert: []int{0}}}}, false, always)
	c.gen = func(r *rand.Rand, n int) []event {
		var ev []event
		right := live{in: 1, ev: &ev}
		have := map[string]bool{}
		for len(ev) < n {
			if r.IntN(2) == 0 {
				right.change(r, func() []string { return joinFresh(r) })
				continue
			}
			row := []string{str(int64(r.IntN(4))), str(int64(r.IntN(6)))}
			kind := batch.Insert
			switch {
			case have[row[0]] && r.IntN(3) == 0:
				kind, row[1] = batch.Delete, "NULL"
			case have[row[0]]:
				kind = batch.UpdateAfter
			}
			have[row[0]] = kind != batch.Delete
			ev = append(ev, event{in: 0, kind: kind, cells: row})
		}
		return ev
	}
	c.want = func(ev []event) []string {
		var left [][]string
		for _, row := range upsertTable(ev, 0, 0) {
			left = append(left, row)
		}
		return naiveJoin(t, 2, left, table(ev, 1), false, always)
	}
	return c
}

var timedInput = []types.Type{types.IntT, types.TimestampT(3), types.IntT}

// timedSides generates rows of two inputs whose times go up in disorder, and
// watermarks of each.
func timedSides(fresh func(r *rand.Rand, at int64) []string) func(*rand.Rand, int) []event {
	return func(r *rand.Rand, n int) []event {
		var ev []event
		now, wm, in := int64(20), [2]int64{}, 0
		for range n {
			now += int64(r.IntN(3))
			if r.IntN(3) == 0 {
				in = 1 - in
			}
			ev = append(ev, event{in: in, cells: fresh(r, max(0, now-int64(r.IntN(14))))})
			if r.IntN(3) == 0 {
				wm[in] = max(wm[in], now-int64(r.IntN(10)))
				ev = append(ev, event{in: in, wm: wm[in]})
			}
		}
		return ev
	}
}

func shownCells(row []string) []string { return []string{row[0], ms(row[1]), row[2]} }

func timeJoinCases() []*conformCase {
	var out []*conformCase
	for _, t := range joinTypes {
		if !t.t.leftOnly() {
			out = append(out, intervalCase(t.name+" interval join", t.t, true), intervalCase(t.name+" interval join, processing time", t.t, false))
		}
		out = append(out, windowJoinCase(t.name+" window join", t.t))
	}
	return out
}

func intervalCase(name string, t JoinType, rowtime bool) *conformCase {
	const lower, upper = -4, 6
	cfg := IntervalJoinConfig{
		Type: t, Left: timedInput, Right: timedInput, JoinKeys: JoinKeys{Left: []int{0}, Right: []int{0}},
		LeftTime: 1, RightTime: 1, Rowtime: rowtime, Lower: lower, Upper: upper, Out: append(slices.Clone(timedInput), timedInput...),
	}
	fresh := func(r *rand.Rand, at int64) []string {
		return []string{orNull(r, str(int64(r.IntN(3)))), str(at), str(int64(r.IntN(9)))}
	}
	c := &conformCase{
		name: name, in: [][]types.Type{timedInput, timedInput}, part: [][]int{{0}, {0}},
		gen: timedSides(fresh), op: func() Operator { return NewIntervalJoin(cfg) },
	}
	if !rowtime {
		gen := func(r *rand.Rand, n int) []event {
			return slices.DeleteFunc(timedSides(fresh)(r, n), func(e event) bool { return e.cells == nil })
		}
		c.gen = withClock(gen, 4)
	}
	c.want = func(ev []event) []string { return naiveInterval(t, ev, rowtime, lower, upper) }
	return c
}

// waitingRow is a row of an interval join that can still match.
type waitingRow struct {
	row     []string
	at      int64
	matched bool
}

// naiveInterval keeps rows until nothing on time can match them.
func naiveInterval(t JoinType, ev []event, rowtime bool, lower, upper int64) []string {
	var out []string
	var kept [2][]*waitingRow
	wms, clock := [2]int64{batch.NoWatermark, batch.NoWatermark}, int64(0)
	until := func(in int, at int64) int64 {
		if in == 0 {
			return max(at, at-lower)
		}
		return max(at, at+upper)
	}
	padded := func(in int, w *waitingRow) {
		if w.matched || !t.keeps(in) {
			return
		}
		null := []string{"NULL", "NULL", "NULL"}
		if in == 0 {
			out = append(out, rowText(append(shownCells(w.row), null...)...))
		} else {
			out = append(out, rowText(append(null, shownCells(w.row)...)...))
		}
	}
	pass := func(now int64) {
		for in := range kept {
			kept[in] = slices.DeleteFunc(kept[in], func(w *waitingRow) bool {
				if until(in, w.at) > now {
					return false
				}
				padded(in, w)
				return true
			})
		}
	}
	for _, e := range ev {
		switch {
		case e.clock > 0:
			clock += e.clock
			pass(clock - 1)
			continue
		case e.cells == nil:
			wms[e.in] = max(wms[e.in], e.wm)
			pass(min(wms[0], wms[1]))
			continue
		}
		w := &waitingRow{row: e.cells, at: num(e.cells[1])}
		now := min(wms[0], wms[1])
		if !rowtime {
			w.at, now = clock, clock-1
		}
		for _, o := range kept[1-e.in] {
			l, r := w, o
			if e.in == 1 {
				l, r = o, w
			}
			if d := l.at - r.at; d < lower || d > upper || l.row[0] != r.row[0] || l.row[0] == "NULL" {
				continue
			}
			l.matched, r.matched = true, true
			out = append(out, rowText(append(shownCells(l.row), shownCells(r.row)...)...))
		}
		if until(e.in, w.at) > now && w.row[0] != "NULL" {
			kept[e.in] = append(kept[e.in], w)
		} else {
			padded(e.in, w)
		}
	}
	pass(batch.MaxWatermark)
	return out
}

func windowJoinCase(name string, t JoinType) *conformCase {
	cfg := WindowJoinConfig{
		Type: t, Left: timedInput, Right: timedInput, JoinKeys: JoinKeys{Left: []int{0}, Right: []int{0}},
		LeftEnd: 1, RightEnd: 1, Out: append(slices.Clone(timedInput), timedInput...),
	}
	if t.leftOnly() {
		cfg.Out = timedInput
	}
	return &conformCase{
		name: name, in: [][]types.Type{timedInput, timedInput}, part: [][]int{{0}, {0}},
		gen: timedSides(func(r *rand.Rand, at int64) []string {
			return []string{orNull(r, str(int64(r.IntN(3)))), str(windowEnd(at)), str(int64(r.IntN(9)))}
		}),
		op: func() Operator { return NewWindowJoin(cfg) },
		want: func(ev []event) []string {
			var sides [2][][]string
			for in := range sides {
				for _, row := range onTime(ev, in, func(row []string) int64 { return num(row[1]) - 1 }) {
					sides[in] = append(sides[in], shownCells(row))
				}
			}
			return naiveJoin(t, 3, sides[0], sides[1], false, func(l, r []string) bool { return l[1] == r[1] })
		},
	}
}
