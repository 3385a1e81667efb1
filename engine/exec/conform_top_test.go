package exec

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

var topInput = []types.Type{types.IntT, types.IntT, types.StringT}

func topFresh(r *rand.Rand) []string {
	return []string{orNull(r, str(int64(r.IntN(4)))), orNull(r, str(int64(r.IntN(20)))), string("abc"[r.IntN(3)])}
}

// compareCells orders numbers, NULL first.
func compareCells(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == "NULL":
		return -1
	case b == "NULL":
		return 1
	}
	return cmp.Compare(num(a), num(b))
}

// ranked sorts rows by column 1, keeping the order of arrival of equals.
func ranked(rows [][]string, desc bool) [][]string {
	out := slices.Clone(rows)
	slices.SortStableFunc(out, func(a, b []string) int {
		d := compareCells(a[1], b[1])
		if desc {
			return -d
		}
		return d
	})
	return out
}

// byKey groups rows by column 0.
func byKey(rows [][]string) map[string][][]string {
	out := map[string][][]string{}
	for _, row := range rows {
		out[row[0]] = append(out[row[0]], row)
	}
	return out
}

// topRows are the ranks from to to of each key.
func topRows(rows [][]string, desc bool, from, to int, rank bool) []string {
	var out []string
	for _, list := range byKey(rows) {
		for i, row := range ranked(list, desc) {
			if i+1 < from || i+1 > to {
				continue
			}
			if rank {
				row = append(slices.Clone(row), str(int64(i+1)))
			}
			out = append(out, rowText(row...))
		}
	}
	return out
}

func topCase(name string, s TopStrategy, from, to int, rank bool) *conformCase {
	return topWith(name, TopNConfig{Strategy: s, OutputRank: rank}, from, to)
}

// agedTop has a TTL within which everything happens.
func agedTop(name string, s TopStrategy, from, to int, rank bool) *conformCase {
	c := topWith(name, TopNConfig{Strategy: s, OutputRank: rank, TTL: 3_600_000}, from, to)
	c.ttl = 3_600_000
	return c
}

func topWith(name string, given TopNConfig, from, to int) *conformCase {
	s, rank := given.Strategy, given.OutputRank
	cfg := TopNConfig{
		Input: topInput, PartitionBy: []int{0}, OrderBy: []OrderKey{{Col: 1, NullsFirst: true}}, TTL: given.TTL,
		From: int64(from), To: int64(to), ToCol: -1, OutputRank: rank, Strategy: s, EmitUpdateBefore: true,
	}
	c := &conformCase{
		name: name, in: [][]types.Type{topInput}, part: [][]int{{0}}, gen: inserts(topFresh),
		want: func(ev []event) []string { return topRows(table(ev, 0), false, from, to, rank) },
	}
	switch s {
	case TopRetract:
		c.gen = changes(topFresh)
	case TopUpdate:
		cfg.UniqueKey = []int{0, 2}
		c.gen = falling
		c.want = func(ev []event) []string {
			return topRows(replaced(ev), false, from, to, rank)
		}
	}
	c.op = func() Operator { return NewTopN(cfg) }
	return c
}

// falling generates rows that are replaced by columns 0 and 2 and only go down in
// column 1. Values differ, so that ranks do not depend on when a row was replaced.
func falling(r *rand.Rand, n int) []event {
	var ev []event
	level := map[string]bool{}
	for i := range n {
		row := []string{str(int64(r.IntN(3))), str(int64(1000 - i)), string("abcdefgh"[r.IntN(8)])}
		kind := batch.Insert
		if level[row[0]+row[2]] {
			kind = batch.UpdateAfter
		}
		level[row[0]+row[2]] = true
		if r.IntN(4) == 0 {
			row[1] = str(int64(2000 - i))
			if kind == batch.UpdateAfter {
				continue // it would go up
			}
		}
		ev = append(ev, event{kind: kind, cells: row})
	}
	return ev
}

// replaced is the last row for each value of columns 0 and 2.
func replaced(ev []event) [][]string {
	var rows [][]string
	for _, e := range ev {
		i := slices.IndexFunc(rows, func(x []string) bool { return x[0] == e.cells[0] && x[2] == e.cells[2] })
		if i >= 0 {
			rows[i] = e.cells
		} else {
			rows = append(rows, e.cells)
		}
	}
	return rows
}

// memberMessages are those of a Top-N without ranks over rows that only come: the row
// pushed out goes and the new one comes, for one row as an update.
func memberMessages(n int) func([]event) []string {
	return func(ev []event) []string {
		var out []string
		for i, e := range ev {
			top := func(ev []event) []string {
				rows := slices.DeleteFunc(table(ev, 0), func(x []string) bool { return x[0] != e.cells[0] })
				return topRows(rows, false, 1, n, false)
			}
			was, is := top(ev[:i]), top(ev[:i+1])
			gone, come := without(was, is), without(is, was)
			switch {
			case len(come) == 0:
			case len(gone) == 0:
				out = append(out, "+I"+come[0])
			case n == 1:
				out = append(out, "-U"+gone[0], "+U"+come[0])
			default:
				out = append(out, "-D"+gone[0], "+I"+come[0])
			}
		}
		return out
	}
}

// without is a less b, as multisets.
func without(a, b []string) []string {
	a = slices.Clone(a)
	for _, x := range b {
		if i := slices.Index(a, x); i >= 0 {
			a = slices.Delete(a, i, i+1)
		}
	}
	return a
}

func topCases() []*conformCase {
	top1 := topCase("top 1, append", TopAppend, 1, 1, false)
	top1.gen = inserts(numbered)
	top1.msgs = memberMessages(1)
	top3 := topCase("top 3, append", TopAppend, 1, 3, false)
	top3.gen = inserts(numbered)
	top3.msgs = memberMessages(3)
	return []*conformCase{
		top1, top3,
		topCase("top 3 with ranks, append", TopAppend, 1, 3, true),
		topCase("top 2 to 3, append", TopAppend, 2, 3, false),
		topCase("top 1, update", TopUpdate, 1, 1, false),
		topCase("top 3, update", TopUpdate, 1, 3, false),
		topCase("top 3 with ranks, update", TopUpdate, 1, 3, true),
		topCase("top 1, retracting", TopRetract, 1, 1, false),
		topCase("top 3, retracting", TopRetract, 1, 3, false),
		topCase("top 3 with ranks, retracting", TopRetract, 1, 3, true),
		topCase("top 2 to 3, retracting", TopRetract, 2, 3, false),
		agedTop("top 3 with a TTL, append", TopAppend, 1, 3, false),
		agedTop("top 3 with ranks and a TTL, update", TopUpdate, 1, 3, true),
		agedTop("top 1 with a TTL, retracting", TopRetract, 1, 1, false),
		agedTop("top 3 with a TTL, retracting", TopRetract, 1, 3, false),
		agedTop("top 3 with ranks and a TTL, retracting", TopRetract, 1, 3, true),
		agedTop("top 2 to 3 with a TTL, retracting", TopRetract, 2, 3, false),
		windowTopCase(false), windowTopCase(true),
	}
}

// numbered makes rows that differ, so that a message says which row it means.
func numbered(r *rand.Rand) []string {
	return []string{str(int64(r.IntN(4))), orNull(r, str(int64(r.IntN(20)))), str(r.Int64N(1 << 40))}
}

// windowEnd is the end of the 10 ms window of a time.
func windowEnd(at int64) int64 { return at - at%10 + 10 }

// windowTopCase has the key, the window's end, and a value.
func windowTopCase(last bool) *conformCase {
	in := []types.Type{types.IntT, types.TimestampT(3), types.IntT}
	cfg := WindowTopNConfig{
		Input: in, EndCol: 1, PartitionBy: []int{0}, OrderBy: []OrderKey{{Col: 2, NullsFirst: true}}, From: 1, To: 2, OutputRank: true,
	}
	c := &conformCase{
		name: "window top 2", in: [][]types.Type{in}, part: [][]int{{0}},
		gen: withMarks(func(r *rand.Rand, at int64) []string {
			return []string{orNull(r, str(int64(r.IntN(3)))), str(windowEnd(at)), orNull(r, str(int64(r.IntN(9))))}
		}),
	}
	if last {
		c.name = "window keep last"
		cfg.OrderBy, cfg.To, cfg.OutputRank, cfg.KeepLast = []OrderKey{{Col: 2, Desc: true}}, 1, false, true
	}
	c.op = func() Operator { return NewWindowTopN(cfg) }
	c.want = func(ev []event) []string {
		windows := map[string][][]string{}
		for _, row := range onTime(ev, 0, func(row []string) int64 { return num(row[1]) - 1 }) {
			k := row[0] + "/" + row[1]
			windows[k] = append(windows[k], []string{k, row[2], rowText(row[0], ms(row[1]), row[2])})
		}
		var out []string
		for _, rows := range windows {
			if last {
				slices.Reverse(rows)
				out = append(out, ranked(rows, true)[0][2])
				continue
			}
			for i, row := range ranked(rows, false) {
				if i < 2 {
					out = append(out, row[2][:len(row[2])-1]+", "+str(int64(i+1))+"]")
				}
			}
		}
		return out
	}
	return c
}

// onTime are the rows of an input whose time at is not passed by the watermark when
// they come; the watermark is the least of all inputs that have events.
func onTime(ev []event, in int, at func(row []string) int64) [][]string {
	wm := map[int]int64{}
	for _, e := range ev {
		wm[e.in] = batch.NoWatermark
	}
	var out [][]string
	for _, e := range ev {
		if e.cells == nil {
			wm[e.in] = max(wm[e.in], e.wm)
			continue
		}
		least := batch.MaxWatermark
		for _, w := range wm {
			least = min(least, w)
		}
		if e.in == in && at(e.cells) > least {
			out = append(out, e.cells)
		}
	}
	return out
}

func sortCases() []*conformCase {
	in := []types.Type{types.StringT, types.IntT}
	fresh := func(r *rand.Rand) []string {
		return []string{string("abc"[r.IntN(3)]), orNull(r, str(int64(r.IntN(12))))}
	}
	// Rows that differ: which of two equal ones goes is nobody's business.
	distinct := func(r *rand.Rand) []string { return []string{str(r.Int64N(1 << 40)), fresh(r)[1]} }
	sorted := func(desc bool, offset, fetch int) func([]event) []string {
		return func(ev []event) []string {
			rows := ranked(table(ev, 0), desc)
			rows = rows[min(offset, len(rows)):]
			if fetch >= 0 {
				rows = rows[:min(fetch, len(rows))]
			}
			var out []string
			for _, row := range rows {
				out = append(out, "+I"+rowText(row...))
			}
			return out
		}
	}
	const single = "an order of all rows"
	full := &conformCase{
		name: "sort", in: [][]types.Type{in}, single: single, gen: changes(distinct), msgs: sorted(true, 0, -1),
		op: func() Operator {
			return NewSort(SortConfig{Input: in, OrderBy: []OrderKey{{Col: 1, Desc: true}}, Fetch: -1})
		},
	}
	cut := &conformCase{
		name: "sort, offset and fetch", in: [][]types.Type{in}, single: single, gen: inserts(fresh), msgs: sorted(false, 3, 5),
		op: func() Operator {
			return NewSort(SortConfig{Input: in, OrderBy: []OrderKey{{Col: 1, NullsFirst: true}}, Offset: 3, Fetch: 5})
		},
	}
	// In runs of a few rows, which are merged at the end.
	runs := func(c *conformCase) *conformCase {
		d := *c
		d.name = c.name + ", in runs"
		d.op = func() Operator {
			o := c.op().(*sortAll)
			o.limit = 4
			return o
		}
		return &d
	}
	some := &conformCase{
		name: "limit", stays: "a counter", in: [][]types.Type{in}, single: single, gen: inserts(fresh),
		op: func() Operator { return NewLimit(5, 20, 0) },
		msgs: func(ev []event) []string {
			var out []string
			for _, e := range ev[5:25] {
				out = append(out, "+I"+rowText(e.cells...))
			}
			return out
		},
	}
	return []*conformCase{full, cut, runs(full), runs(cut), some, temporalSortCase(), proctimeSortCase()}
}

func temporalSortCase() *conformCase {
	in := []types.Type{types.TimestampT(3), types.IntT}
	return &conformCase{
		name: "temporal sort", in: [][]types.Type{in}, single: "an order of all rows",
		gen: withMarks(func(r *rand.Rand, at int64) []string {
			return []string{str(at), orNull(r, str(int64(r.IntN(5))))}
		}),
		op: func() Operator {
			return NewTemporalSort(SortConfig{Input: in, OrderBy: []OrderKey{{Col: 0}, {Col: 1, Desc: true}}, TimeCol: 0})
		},
		msgs: func(ev []event) []string {
			var wait [][]string
			var out []string
			last, wm := batch.NoWatermark, batch.NoWatermark
			for _, e := range append(slices.Clone(ev), event{wm: batch.MaxWatermark}) {
				if e.cells != nil {
					if num(e.cells[0]) > last {
						wait = append(wait, e.cells)
					}
					continue
				}
				if e.wm <= wm {
					continue
				}
				wm = e.wm
				slices.SortStableFunc(wait, func(a, b []string) int {
					return cmp.Or(compareCells(a[0], b[0]), -compareCells(a[1], b[1]))
				})
				for len(wait) > 0 && num(wait[0][0]) <= e.wm {
					last = num(wait[0][0])
					out = append(out, "+I"+rowText(ms(wait[0][0]), wait[0][1]))
					wait = wait[1:]
				}
			}
			return out
		},
	}
}

func proctimeSortCase() *conformCase {
	in := []types.Type{types.TimestampT(3), types.IntT}
	return &conformCase{
		name: "temporal sort, processing time", in: [][]types.Type{in}, single: "an order of all rows",
		gen: withClock(inserts(func(r *rand.Rand) []string { return []string{"0", str(int64(r.IntN(5)))} }), 3),
		op: func() Operator {
			return NewTemporalSort(SortConfig{Input: in, OrderBy: []OrderKey{{Col: 0}, {Col: 1}}, TimeCol: -1})
		},
		msgs: func(ev []event) []string {
			var wait [][]string
			var out []string
			for _, e := range append(slices.Clone(ev), event{clock: 1}) {
				if e.cells != nil {
					wait = append(wait, e.cells)
					continue
				}
				slices.SortStableFunc(wait, func(a, b []string) int { return compareCells(a[1], b[1]) })
				for _, row := range wait {
					out = append(out, "+I"+rowText(ms(row[0]), row[1]))
				}
				wait = nil
			}
			return out
		},
	}
}
