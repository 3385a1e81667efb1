package exec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/batch"

	"github.com/minkstream/mink/engine/types"
)

// TestWindowTVFRows compares TUMBLE, HOP and CUMULATE on their own with the model:
// one row a window, by start, kinds kept, watermarks where they stood.
func TestWindowTVFRows(t *testing.T) {
	for i := range winCases {
		w := winCases[i]
		if w.spec.Kind == SessionWindow || w.global {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			zone := w.location(t)
			m := w.model(zone)
			base := max(w.base, 1000)
			rows := randomRows(rand.New(rand.NewPCG(5, uint64(i))), m, 400, base, w.retracts)
			var want []string
			for _, r := range rows {
				all := m.bounds(m.wall(r.t))
				slices.SortFunc(all, func(a, b [2]int64) int { return int(a[0] + a[1] - b[0] - b[1]) })
				for _, b := range all {
					want = append(want, fmt.Sprintf("%v[%s, %s, %s, %s, %d, %d, %d, %d]",
						r.kind, shown(r.k), shown(r.v), shown(r.s), shown(r.f), r.t, b[0], b[1], m.fires(b[1])*1000))
				}
				if r.hasMark {
					want = append(want, fmt.Sprint("wm ", r.mark))
				}
			}
			spec := w.spec
			spec.TimeCol = 4
			for _, cut := range []int{1, 7, len(rows)} {
				var got []string
				h := NewBench(NewWindowTVF(WindowTVFConfig{
					Input: w.types(), Window: spec, StartType: ts3, EndType: ts3, TimeType: types.TimestampT(6).Nullable(false),
				}))
				h.C.Zone = zone
				h.OnEmit = func(b *batch.Batch) error {
					lines, marks := winText(b), b.Marks
					for l := range b.N + 1 {
						for len(marks) > 0 && int(marks[0].Pos) <= l {
							got = append(got, fmt.Sprint("wm ", marks[0].WM))
							marks = marks[1:]
						}
						if l < b.N {
							got = append(got, lines[l])
						}
					}
					return nil
				}
				h.Open()
				for at := 0; at < len(rows); at += cut {
					var lines []string
					for _, r := range rows[at:min(len(rows), at+cut)] {
						lines = append(lines, r.lines()...)
					}
					h.Rows(0, w.types(), lines...)
				}
				if d := firstDiff(lastMarks(got), lastMarks(want)); d != "" {
					t.Fatalf("batches of %d: %s", cut, d)
				}
			}
		})
	}
}

// lastMarks keeps the last of watermarks without rows between.
func lastMarks(lines []string) []string {
	var out []string
	for _, l := range lines {
		if k := len(out); k > 0 && strings.HasPrefix(l, "wm") && strings.HasPrefix(out[k-1], "wm") {
			out = out[:k-1]
		}
		out = append(out, l)
	}
	return out
}

// TestWindowAttached gives the rows of a windowing function to an aggregation by
// their bounds: the result is that of the aggregation that makes the windows itself.
func TestWindowAttached(t *testing.T) {
	for _, name := range []string{"tumble retract", "hop distinct", "cumulate", "tumble global", "zone tumble", "session rows"} {
		i := slices.IndexFunc(winCases, func(w winCase) bool { return w.name == name })
		w := winCases[i]
		t.Run(name, func(t *testing.T) {
			zone := w.location(t)
			m := w.model(zone)
			m.asRows = false
			rows := randomRows(rand.New(rand.NewPCG(9, uint64(i))), m, 300, max(w.base, 1000), w.retracts)
			want := byEnd(m.out, false)
			spec := w.spec
			spec.TimeCol = 4
			in := append(w.types(), ts3, ts3, ts3)
			var keys, part []int
			if !w.global {
				keys, part = []int{0}, []int{0}
			}
			for _, cut := range []int{1, 7, len(rows)} {
				tvf := NewBench(NewWindowTVF(WindowTVFConfig{Input: w.types(), Window: spec, PartitionBy: part, StartType: ts3, EndType: ts3, TimeType: ts3}))
				agg := NewBench(NewWindowAggregate(WindowAggConfig{
					Input: in, Window: spec, Attached: true, StartCol: 5, EndCol: 6, Keys: keys, Aggs: winAggs(w.distinct),
					Props: []WindowProp{PropStart, PropEnd}, PropTypes: []types.Type{ts3, ts3}, InputRetracts: w.retracts,
				}))
				tvf.C.Zone, agg.C.Zone = zone, zone
				var got []string
				agg.OnEmit = func(b *batch.Batch) error { got = append(got, winText(b)...); return nil }
				tvf.OnEmit = func(b *batch.Batch) error { return agg.TryPush(0, b) }
				tvf.Open()
				agg.Open()
				for at := 0; at < len(rows); at += cut {
					var lines []string
					for _, r := range rows[at:min(len(rows), at+cut)] {
						lines = append(lines, r.lines()...)
					}
					b := ParseRows(w.types(), lines...)
					tvf.Push(0, b)
					agg.Watermark(0, b.LastMark())
				}
				tvf.End()
				agg.End()
				if d := firstDiff(byEnd(got, false), want); d != "" {
					t.Fatalf("batches of %d: %s", cut, d)
				}
			}
		})
	}
}

// TestWindowProctime runs windows by the clock: rows have the time of their step,
// windows fire by timers, and those that are open at the end fire then.
func TestWindowProctime(t *testing.T) {
	for _, spec := range []WindowSpec{
		{Kind: TumbleWindow, Size: 10}, {Kind: HopWindow, Size: 12, Slide: 4}, {Kind: HopWindow, Size: 4, Slide: 10},
		{Kind: CumulateWindow, Size: 20, Slide: 5}, {Kind: SessionWindow, Size: 6},
	} {
		for _, restore := range []bool{false, true} {
			w := winCase{spec: spec, distinct: true}
			w.spec.Proctime = true
			m := w.model(nil)
			r := newWinRun(t, &w, nil, false)
			rnd := rand.New(rand.NewPCG(3, uint64(spec.Kind)))
			now := int64(1000)
			for range 150 {
				now += int64(rnd.IntN(5))
				if rnd.IntN(20) == 0 {
					now += 40
				}
				m.watermark(now - 1)
				r.subs[0].Advance(now)
				var rows []winRow
				for range rnd.IntN(5) {
					k, v := int64(rnd.IntN(3)), int64(rnd.IntN(5))
					row := winRow{k: &k, v: &v, t: now}
					m.add(row)
					rows = append(rows, row)
				}
				r.push(rows)
				if restore {
					r.restart(1, false)
				}
			}
			m.watermark(batch.MaxWatermark)
			got := r.end()
			if d := firstDiff(byEnd(got, false), byEnd(m.out, false)); d != "" {
				t.Errorf("%+v, restore %v: %s", spec, restore, d)
			}
			if r.late != 0 {
				t.Errorf("%+v: %d late rows on processing time", spec, r.late)
			}
		}
	}
}

// TestWindowUnevenRestore joins two tasks that had come to different watermarks:
// each window of each key still fires once.
func TestWindowUnevenRestore(t *testing.T) {
	for _, name := range []string{"tumble", "hop", "hop distinct", "cumulate", "session"} {
		i := slices.IndexFunc(winCases, func(w winCase) bool { return w.name == name })
		w := winCases[i]
		m := w.model(nil)
		r := newWinRun(t, &w, nil, false)
		r.restart(2, false)
		var rows []winRow
		for t := int64(1000); t < 1060; t++ {
			k, v := t%5, t
			row := winRow{k: &k, v: &v, t: t}
			m.add(row)
			rows = append(rows, row)
		}
		r.push(rows)
		r.subs[0].Watermark(0, 1025)
		r.subs[1].Watermark(0, 1012)
		r.wm = 1025
		r.restart(1, false)
		r.subs[0].Watermark(0, 1030)
		got := r.end()
		m.watermark(batch.MaxWatermark)
		if d := firstDiff(byEnd(got, false), byEnd(m.out, false)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestWindowPauses emits a large window in several calls.
func TestWindowPauses(t *testing.T) {
	for _, spec := range []WindowSpec{{Kind: TumbleWindow, Size: 100_000}, {Kind: HopWindow, Size: 100_000, Slide: 50_000}, {Kind: SessionWindow, Size: 100_000}} {
		cfg := sumByWindow(spec)
		cfg.Keys, cfg.Aggs = []int{1}, []AggSpec{{Func: "COUNT", Filter: -1, Result: types.BigIntT.Nullable(false)}}
		h := NewBench(NewWindowAggregate(cfg))
		seen := map[int32]int{}
		h.YieldAfter = 1
		h.OnEmit = func(b *batch.Batch) error {
			for _, k := range b.Cols[0].I32[:b.N] {
				seen[k]++
			}
			return nil
		}
		h.Open()
		for from := int64(0); from < 20_000; from += 4000 {
			bb := batch.NewBatchBuilder(cfg.Input...)
			for k := from; k < from+4000; k++ {
				bb.Col(0).AppendInt(1000)
				bb.Col(1).AppendInt(k)
				bb.EndRow(batch.Insert)
			}
			h.Push(0, bb.Finish())
		}
		h.End()
		times := 1
		if spec.Kind == HopWindow {
			times = 2
		}
		for k := range int32(20_000) {
			if seen[k] != times {
				t.Fatalf("%v: key %d came %d times, want %d", spec.Kind, k, seen[k], times)
			}
		}
	}
}

// TestWindowNullTime: a row without a time is an error, not a row less.
func TestWindowNullTime(t *testing.T) {
	cfg := sumByWindow(WindowSpec{Kind: TumbleWindow, Size: 1000})
	cfg.Input[0] = types.TimestampT(3)
	session := cfg
	session.Window.Kind = SessionWindow
	ops := []Operator{
		NewWindowAggregate(cfg), NewWindowAggregate(session),
		NewWindowTVF(WindowTVFConfig{Input: cfg.Input, Window: cfg.Window, StartType: ts3, EndType: ts3, TimeType: ts3}),
	}
	for _, op := range ops {
		h := NewBench(op)
		h.Open()
		if err := h.TryPush(0, ParseRows(cfg.Input, "[1000, 1]", "[NULL, 2]")); err == nil {
			t.Errorf("%T takes a row without a time", op)
		}
	}
}
