package exec

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// The model of windows: rows one by one, every window by search, all rows kept.

// winRow is a row of the tests' table (k BIGINT, v INT, s STRING, f BOOLEAN, ts),
// with a watermark behind it if mark is set.
type winRow struct {
	kind    batch.Kind
	k, v    *int64
	s       *string
	f       *bool
	t       int64
	mark    int64
	hasMark bool
}

func winTypes(ts types.Type) []types.Type {
	return []types.Type{types.BigIntT, types.IntT, types.StringT, types.BooleanT, ts}
}

func shown[T any](p *T) string {
	if p == nil {
		return "NULL"
	}
	return fmt.Sprint(*p)
}

func (r winRow) line() string {
	return fmt.Sprintf("%v[%s, %s, %s, %s, %d]", r.kind, shown(r.k), shown(r.v), shown(r.s), shown(r.f), r.t)
}

func (r winRow) lines() []string {
	out := []string{r.line()}
	if r.hasMark {
		out = append(out, "wm "+strconv.FormatInt(r.mark, 10))
	}
	return out
}

// winAggs are the aggregates of the tests; the model computes them in results.
func winAggs(distinct bool) []AggSpec {
	b := types.BigIntT.Nullable(false)
	out := []AggSpec{
		{Func: "COUNT", Filter: -1, Result: b},
		{Func: "SUM", Args: []int{1}, Filter: -1, Result: types.IntT},
		{Func: "AVG", Args: []int{1}, Filter: 3, Result: types.IntT},
	}
	if distinct {
		out = append(out,
			AggSpec{Func: "MIN", Args: []int{1}, Filter: -1, Result: types.IntT},
			AggSpec{Func: "MAX", Args: []int{2}, Filter: -1, Result: types.StringT},
			AggSpec{Func: "COUNT", Args: []int{1}, Distinct: true, Filter: -1, Result: b},
			AggSpec{Func: "COUNT", Args: []int{1}, Distinct: true, Filter: 3, Result: b},
			AggSpec{Func: "COUNT", Args: []int{2}, Distinct: true, Filter: 3, Result: b})
	}
	return out
}

// results computes the aggregates over live rows.
func results(rows []winRow, distinct bool) string {
	sum, n, fsum, fn := int64(0), 0, int64(0), int64(0)
	lo, hi := "NULL", "NULL"
	least := int64(0)
	v1, v2, s2 := map[int64]bool{}, map[int64]bool{}, map[string]bool{}
	for _, r := range rows {
		pass := r.f != nil && *r.f
		if r.v != nil {
			sum += *r.v
			if n == 0 || *r.v < least {
				least, lo = *r.v, shown(r.v)
			}
			n++
			v1[*r.v] = true
			if pass {
				fsum += *r.v
				fn++
				v2[*r.v] = true
			}
		}
		if r.s != nil {
			if hi == "NULL" || *r.s > hi {
				hi = *r.s
			}
			if pass {
				s2[*r.s] = true
			}
		}
	}
	out := []string{strconv.Itoa(len(rows)), "NULL", "NULL"}
	if n > 0 {
		out[1] = strconv.FormatInt(sum, 10)
	}
	if fn > 0 {
		out[2] = strconv.FormatInt(fsum/fn, 10)
	}
	if distinct {
		out = append(out, lo, hi, strconv.Itoa(len(v1)), strconv.Itoa(len(v2)), strconv.Itoa(len(s2)))
	}
	return strings.Join(out, ", ")
}

// modelWindow is an open window of a key.
type modelWindow struct {
	key        string
	start, end int64
	rows       []winRow
}

// winModel is the naive operator.
type winModel struct {
	spec     WindowSpec
	unit     int64 // all lengths and times are multiples of it
	zone     *time.Location
	distinct bool
	keyed    bool
	asRows   bool // emit rows, not aggregates
	wm       int64
	open     []*modelWindow
	out      []string
	late     int64
	ends     map[int64]int64 // memory of fires
}

func newWinModel(spec WindowSpec, unit int64, zone *time.Location) *winModel {
	return &winModel{spec: spec, unit: unit, zone: zone, keyed: true, wm: batch.NoWatermark, ends: map[int64]int64{}}
}

func (m *winModel) local() bool { return m.zone != nil && m.spec.Local }

func (m *winModel) wall(t int64) int64 {
	if !m.local() {
		return t
	}
	_, off := time.UnixMilli(t).In(m.zone).Zone()
	return t + int64(off)*1000
}

// fires finds by search the last moment that the clock shows end-1, or the moment
// at which that is skipped.
func (m *winModel) fires(end int64) int64 {
	if !m.local() {
		return end - 1
	}
	if f, ok := m.ends[end]; ok {
		return f
	}
	const step = 60_000 // transitions are at whole minutes
	last, found := int64(0), false
	for t := end - 16*3_600_000; t <= end+16*3_600_000; t += step {
		if m.wall(t) == end-step {
			last, found = t+step-1, true
		}
	}
	for t := end - 16*3_600_000; !found; t += step {
		if m.wall(t) >= end {
			last, found = t, true
		}
	}
	m.ends[end] = last
	return last
}

// bounds finds the windows of a wall-clock time by trying starts and ends.
func (m *winModel) bounds(t int64) [][2]int64 {
	var out [][2]int64
	mod := func(a, b int64) bool { return (a-m.spec.Offset)%b == 0 }
	for s := t - m.spec.Size; s <= t; s += m.unit {
		switch m.spec.Kind {
		case TumbleWindow:
			if mod(s, m.spec.Size) && t < s+m.spec.Size {
				out = append(out, [2]int64{s, s + m.spec.Size})
			}
		case HopWindow:
			if mod(s, m.spec.Slide) && t < s+m.spec.Size {
				out = append(out, [2]int64{s, s + m.spec.Size})
			}
		case CumulateWindow:
			for e := s + m.spec.Slide; mod(s, m.spec.Size) && e <= s+m.spec.Size; e += m.spec.Slide {
				if t < e {
					out = append(out, [2]int64{s, e})
				}
			}
		}
	}
	return out
}

// add takes a row and says whether it was counted anywhere.
func (m *winModel) add(r winRow) bool {
	key := ""
	if m.keyed {
		key = shown(r.k)
	}
	t := m.wall(r.t)
	var to []*modelWindow
	if m.spec.Kind == SessionWindow {
		to = m.session(key, t)
	} else {
		all := m.bounds(t)
		for _, b := range all {
			if m.fires(b[1]) > m.wm {
				to = append(to, m.window(key, b[0], b[1]))
			}
		}
		if len(all) == 0 {
			return true // in a gap between windows: dropped, and not late
		}
	}
	for _, w := range to {
		w.change(r, m.asRows)
	}
	if len(to) == 0 {
		m.late++
	}
	return len(to) > 0
}

func (w *modelWindow) change(r winRow, asRows bool) {
	if r.kind.Adds() || asRows {
		w.rows = append(w.rows, r)
		return
	}
	for i, x := range w.rows {
		x.kind = r.kind
		if x.line() == r.line() {
			w.rows = slices.Delete(w.rows, i, i+1)
			return
		}
	}
	panic("the model takes back a row that is not there: " + r.line())
}

func (m *winModel) window(key string, start, end int64) *modelWindow {
	for _, w := range m.open {
		if w.key == key && w.start == start && w.end == end {
			return w
		}
	}
	w := &modelWindow{key: key, start: start, end: end}
	m.open = append(m.open, w)
	return w
}

func (m *winModel) session(key string, t int64) []*modelWindow {
	n := &modelWindow{key: key, start: t, end: t + m.spec.Size}
	var rest []*modelWindow
	for _, w := range m.open {
		if w.key != key || w.start > n.end || w.end < t {
			rest = append(rest, w)
			continue
		}
		n.rows = append(n.rows, w.rows...)
	}
	for _, w := range m.open {
		if w.key == key && w.start <= t+m.spec.Size && w.end >= t {
			n.start, n.end = min(n.start, w.start), max(n.end, w.end)
		}
	}
	if m.fires(n.end) <= m.wm {
		return nil
	}
	m.open = append(rest, n)
	return []*modelWindow{n}
}

// watermark fires windows.
func (m *winModel) watermark(wm int64) {
	m.wm = max(m.wm, wm)
	var rest []*modelWindow
	for _, w := range m.open {
		if m.fires(w.end) > m.wm {
			rest = append(rest, w)
			continue
		}
		if m.asRows {
			for _, r := range w.rows {
				m.out = append(m.out, fmt.Sprintf("%v[%s, %s, %s, %s, %d, %d, %d, %d]", r.kind, shown(r.k), shown(r.v), shown(r.s), shown(r.f), r.t, w.start, w.end, m.fires(w.end)))
			}
			continue
		}
		if len(w.rows) == 0 {
			continue
		}
		head := ""
		if m.keyed {
			head = w.key + ", "
		}
		m.out = append(m.out, fmt.Sprintf("+I[%s%s, %d, %d]", head, results(w.rows, m.distinct), w.start, w.end))
	}
	m.open = rest
}

// winText writes an emitted batch with times as numbers.
func winText(b *batch.Batch) []string {
	var out []string
	for i := range b.Rows() {
		l := b.Lane(i)
		var cells []string
		for j := range b.Cols {
			v := b.Cols[j].Any(l)
			if v == nil {
				v = "NULL"
			}
			cells = append(cells, fmt.Sprint(v))
		}
		out = append(out, b.Kind(l).String()+"["+strings.Join(cells, ", ")+"]")
	}
	return out
}

// endOf is the end of the window in a line: the last number, or in rows the last
// but one.
func endOf(line string, asRows bool) int64 {
	cells := strings.Split(strings.TrimSuffix(line, "]"), ", ")
	k := len(cells) - 1
	if asRows {
		k--
	}
	end, err := strconv.ParseInt(cells[k], 10, 64)
	must(err)
	return end
}

// byEnd sorts lines by the end of their window, then by text.
func byEnd(lines []string, asRows bool) []string {
	out := slices.Clone(lines)
	slices.SortFunc(out, func(a, b string) int {
		if d := cmp.Compare(endOf(a, asRows), endOf(b, asRows)); d != 0 {
			return d
		}
		return cmp.Compare(a, b)
	})
	return out
}

// randomRows makes n rows around a rising time, out of order, some late, with
// watermarks behind some of them. With retracts some rows are taken back: rows that
// the model still has.
func randomRows(r *rand.Rand, m *winModel, n int, base int64, retracts bool) []winRow {
	maybe := func(v int64) *int64 {
		if r.IntN(8) == 0 {
			return nil
		}
		return &v
	}
	words := []string{"", "a", "bb", "a longer word of text", "zebra"}
	var out []winRow
	now, wm := base, batch.NoWatermark
	for range n {
		now += m.unit * int64(r.IntN(4))
		if r.IntN(40) == 0 {
			now += m.spec.Size * int64(r.IntN(4))
		}
		x := winRow{k: maybe(int64(r.IntN(4))), v: maybe(int64(r.IntN(9)) - 3), t: now - m.unit*int64(r.IntN(16))}
		if r.IntN(5) > 0 {
			x.s = &words[r.IntN(len(words))]
		}
		if f := r.IntN(3); f > 0 {
			yes := f == 1
			x.f = &yes
		}
		if retracts && r.IntN(4) == 0 && len(m.open) > 0 {
			if w := m.open[r.IntN(len(m.open))]; len(w.rows) > 0 {
				x = w.rows[r.IntN(len(w.rows))]
				x.kind, x.hasMark = batch.Delete, false
			}
		}
		if r.IntN(6) == 0 {
			if next := now - m.unit*int64(5+r.IntN(6)); next > wm {
				wm = next
				x.hasMark, x.mark = true, wm
			}
		}
		m.add(x)
		if x.hasMark {
			m.watermark(x.mark)
		}
		out = append(out, x)
	}
	m.watermark(batch.MaxWatermark)
	return out
}
