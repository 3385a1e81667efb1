package exec

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// Columns of the window cases: those of aggregates, and the time behind.
var windowInput = append(slices.Clone(aggInput), ts3)

func windowCases() []*conformCase {
	tumble := WindowSpec{Kind: TumbleWindow, Size: 10, TimeCol: 4}
	hop := WindowSpec{Kind: HopWindow, Size: 12, Slide: 5, TimeCol: 4}
	cumulate := WindowSpec{Kind: CumulateWindow, Size: 12, Slide: 4, TimeCol: 4}
	return []*conformCase{
		windowCase("tumble", tumble, aggList4, false, false),
		windowCase("tumble, distinct", tumble, aggDistinct, false, false),
		windowCase("tumble, retracting", tumble, aggList4, true, false),
		windowCase("tumble, in order", tumble, aggOrdered, false, false),
		windowCase("hop", hop, aggList4, false, false),
		windowCase("hop, distinct, retracting", hop, aggDistinct, true, false),
		windowCase("cumulate", cumulate, aggList4, false, false),
		windowCase("cumulate, distinct", cumulate, aggDistinct, false, false),
		windowCase("attached", tumble, aggList4, false, true),
		windowCase("attached, retracting", tumble, aggDistinct, true, true),
		proctimeWindowCase(), sessionCase("session", aggList4, false), sessionCase("session, distinct", aggDistinct, false),
		sessionCase("session, in order", aggOrdered, false), sessionCase("session, retracting", aggList4, true), sessionRowsCase(),
	}
}

const sessionGap = 6

// session is one that is open: the rows of a key that are near each other.
type session struct {
	key        string
	start, end int64
	rows       [][]string
}

// naiveSessions joins rows to the sessions they touch; closed ones are given to fire.
func naiveSessions(ev []event, at int, fire func(s *session)) {
	var open []*session
	wm := batch.NoWatermark
	for _, e := range append(slices.Clone(ev), event{wm: batch.MaxWatermark}) {
		if e.cells == nil {
			wm = max(wm, e.wm)
			open = slices.DeleteFunc(open, func(s *session) bool {
				if s.end-1 > wm {
					return false
				}
				fire(s)
				return true
			})
			continue
		}
		t := num(e.cells[at])
		mine := &session{key: e.cells[0], start: t, end: t + sessionGap}
		touches := func(s *session) bool { return s.key == mine.key && s.start <= t+sessionGap && s.end >= t }
		for _, s := range open {
			if touches(s) {
				mine.start, mine.end = min(mine.start, s.start), max(mine.end, s.end)
				mine.rows = append(mine.rows, s.rows...)
			}
		}
		if mine.end-1 <= wm {
			continue
		}
		open = append(slices.DeleteFunc(open, touches), mine)
		mine.rows = append(mine.rows, e.cells)
	}
}

// sparse leaves out rows now and then, so that sessions end.
func sparse(gen func(*rand.Rand, int) []event) func(*rand.Rand, int) []event {
	return func(r *rand.Rand, n int) []event {
		return slices.DeleteFunc(gen(r, 3*n), func(e event) bool { return e.cells != nil && num(e.cells[len(e.cells)-1])/20%2 == 0 })
	}
}

func sessionCase(name string, specs []AggSpec, retract bool) *conformCase {
	w := WindowSpec{Kind: SessionWindow, Size: sessionGap, TimeCol: 4}
	c := windowCase(name, w, specs, retract, false)
	c.gen, c.want = sparse(c.gen), nil
	if retract {
		return c
	}
	c.want = func(ev []event) []string {
		var out []string
		naiveSessions(ev, 4, func(s *session) {
			// Arrival is the order of rows, also of those of sessions that were joined.
			rows := slices.DeleteFunc(table(ev, 0), func(row []string) bool {
				return !slices.ContainsFunc(s.rows, func(x []string) bool { return &x[0] == &row[0] })
			})
			cells := append([]string{s.key}, naiveAggs(rows, specs)...)
			out = append(out, rowText(append(cells, ms(str(s.start)), ms(str(s.end)))...))
		})
		return out
	}
	return c
}

// sessionRowsCase is the windowing function: rows with the bounds of their session.
func sessionRowsCase() *conformCase {
	in := []types.Type{types.IntT, types.BigIntT, ts3}
	w := WindowSpec{Kind: SessionWindow, Size: sessionGap, TimeCol: 2}
	return &conformCase{
		name: "session rows", in: [][]types.Type{in}, part: [][]int{{0}},
		gen: sparse(withMarks(func(r *rand.Rand, at int64) []string {
			return []string{orNull(r, str(int64(r.IntN(3)))), str(int64(r.IntN(9))), str(at)}
		})),
		op: func() Operator {
			return NewWindowTVF(WindowTVFConfig{Input: in, Window: w, PartitionBy: []int{0}, StartType: ts3, EndType: ts3, TimeType: ts3})
		},
		want: func(ev []event) []string {
			var out []string
			naiveSessions(ev, 2, func(s *session) {
				for _, row := range s.rows {
					out = append(out, rowText(row[0], row[1], ms(row[2]), ms(str(s.start)), ms(str(s.end)), ms(str(s.end-1))))
				}
			})
			return out
		},
	}
}

// windowsOf are the ends of the windows of a time.
func windowsOf(w WindowSpec, at int64) []int64 {
	var out []int64
	switch w.Kind {
	case TumbleWindow:
		out = append(out, at-at%w.Size+w.Size)
	case HopWindow:
		for start := at - at%w.Slide; start > at-w.Size; start -= w.Slide {
			out = append(out, start+w.Size)
		}
	case CumulateWindow:
		last := at - at%w.Size + w.Size
		for end := at - at%w.Slide + w.Slide; end <= last; end += w.Slide {
			out = append(out, end)
		}
	}
	return out
}

func windowStart(w WindowSpec, end int64) int64 {
	if w.Kind == CumulateWindow {
		return (end - 1) / w.Size * w.Size
	}
	return end - w.Size
}

func windowCase(name string, w WindowSpec, specs []AggSpec, retract, attached bool) *conformCase {
	cfg := WindowAggConfig{
		Input: windowInput, Window: w, StartCol: -1, EndCol: -1, Keys: []int{0}, Aggs: specs,
		Props: []WindowProp{PropStart, PropEnd}, PropTypes: []types.Type{ts3, ts3}, InputRetracts: retract,
	}
	if attached {
		cfg.Attached, cfg.EndCol = true, 4
	}
	row := func(r *rand.Rand, at int64) []string {
		if attached {
			at = windowsOf(w, at)[0]
		}
		return append(aggFresh(r), str(at))
	}
	c := &conformCase{
		name: "window " + name, in: [][]types.Type{windowInput}, part: [][]int{{0}}, gen: withMarks(row),
		op: func() Operator { return NewWindowAggregate(cfg) },
	}
	if retract {
		c.gen = marksAndChanges(row)
	}
	c.want = func(ev []event) []string {
		ends := func(cells []string) []int64 {
			if at := num(cells[4]); !attached {
				return windowsOf(w, at)
			} else {
				return []int64{at}
			}
		}
		return naiveWindows(ev, w, specs, ends)
	}
	return c
}

// marksAndChanges generates changes of rows with times, and watermarks.
func marksAndChanges(fresh func(r *rand.Rand, at int64) []string) func(*rand.Rand, int) []event {
	return func(r *rand.Rand, n int) []event {
		var ev []event
		l := live{ev: &ev}
		now, wm := int64(20), int64(0)
		for len(ev) < n {
			now += int64(r.IntN(4))
			l.change(r, func() []string { return fresh(r, max(0, now-int64(r.IntN(16)))) })
			if r.IntN(3) == 0 {
				wm = max(wm, now-int64(r.IntN(12)))
				ev = append(ev, event{wm: wm})
			}
		}
		return ev
	}
}

// naiveWindows adds each row to the windows of its time that have not fired.
func naiveWindows(ev []event, w WindowSpec, specs []AggSpec, ends func(cells []string) []int64) []string {
	type window struct {
		key string
		end int64
	}
	have := map[window][]event{}
	wm := batch.NoWatermark
	for _, e := range ev {
		if e.cells == nil {
			wm = max(wm, e.wm)
			continue
		}
		for _, end := range ends(e.cells) {
			if wm < end-1 {
				k := window{e.cells[0], end}
				have[k] = append(have[k], e)
			}
		}
	}
	var out []string
	for k, list := range have {
		rows := table(list, 0)
		if len(rows) == 0 {
			continue
		}
		cells := append([]string{k.key}, naiveAggs(rows, specs)...)
		out = append(out, rowText(append(cells, ms(str(windowStart(w, k.end))), ms(str(k.end)))...))
	}
	return out
}

func proctimeWindowCase() *conformCase {
	w := WindowSpec{Kind: TumbleWindow, Size: 10, Proctime: true}
	cfg := WindowAggConfig{
		Input: aggInput, Window: w, StartCol: -1, EndCol: -1, Keys: []int{0}, Aggs: aggList4,
		Props: []WindowProp{PropStart, PropEnd}, PropTypes: []types.Type{ts3, ts3},
	}
	return &conformCase{
		name: "window by processing time", in: [][]types.Type{aggInput}, part: [][]int{{0}}, gen: withClock(inserts(aggFresh), 5),
		op: func() Operator { return NewWindowAggregate(cfg) },
		want: func(ev []event) []string {
			clock := int64(0)
			var timed []event
			for _, e := range ev {
				if clock += e.clock; e.cells != nil {
					e.cells = append(slices.Clone(e.cells), strconv.FormatInt(clock, 10))
					timed = append(timed, e)
				}
			}
			return naiveWindows(timed, w, aggList4, func(cells []string) []int64 { return windowsOf(w, num(cells[4])) })
		},
	}
}
