package exec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// winCase is a way to run a window operator.
type winCase struct {
	name     string
	spec     WindowSpec
	unit     int64
	base     int64
	zone     string
	retracts bool
	distinct bool
	global   bool
	rows     bool
}

var winCases = []winCase{
	{name: "tumble", spec: WindowSpec{Kind: TumbleWindow, Size: 10}},
	{name: "tumble offset", spec: WindowSpec{Kind: TumbleWindow, Size: 10, Offset: -3}, distinct: true},
	{name: "tumble retract", spec: WindowSpec{Kind: TumbleWindow, Size: 10}, retracts: true, distinct: true},
	{name: "tumble global", spec: WindowSpec{Kind: TumbleWindow, Size: 10}, global: true, distinct: true},
	{name: "hop", spec: WindowSpec{Kind: HopWindow, Size: 12, Slide: 4}},
	{name: "hop retract", spec: WindowSpec{Kind: HopWindow, Size: 12, Slide: 4, Offset: 1}, retracts: true},
	{name: "hop distinct", spec: WindowSpec{Kind: HopWindow, Size: 12, Slide: 4}, distinct: true},
	{name: "hop distinct retract", spec: WindowSpec{Kind: HopWindow, Size: 12, Slide: 4}, retracts: true, distinct: true},
	{name: "hop uneven", spec: WindowSpec{Kind: HopWindow, Size: 10, Slide: 4, Offset: 3}},
	{name: "hop gaps", spec: WindowSpec{Kind: HopWindow, Size: 4, Slide: 10}, distinct: true},
	{name: "hop global", spec: WindowSpec{Kind: HopWindow, Size: 12, Slide: 4}, global: true},
	{name: "cumulate", spec: WindowSpec{Kind: CumulateWindow, Size: 20, Slide: 4}},
	{name: "cumulate distinct", spec: WindowSpec{Kind: CumulateWindow, Size: 20, Slide: 5, Offset: 2}, distinct: true},
	{name: "cumulate retract", spec: WindowSpec{Kind: CumulateWindow, Size: 20, Slide: 5}, retracts: true, distinct: true},
	{name: "session", spec: WindowSpec{Kind: SessionWindow, Size: 5}},
	{name: "session retract", spec: WindowSpec{Kind: SessionWindow, Size: 5}, retracts: true},
	{name: "session distinct", spec: WindowSpec{Kind: SessionWindow, Size: 5}, distinct: true},
	{name: "session distinct retract", spec: WindowSpec{Kind: SessionWindow, Size: 5}, retracts: true, distinct: true},
	{name: "session global", spec: WindowSpec{Kind: SessionWindow, Size: 3}, global: true},
	{name: "session rows", spec: WindowSpec{Kind: SessionWindow, Size: 5}, rows: true},
	{
		name: "zone tumble", spec: WindowSpec{Kind: TumbleWindow, Size: 2 * hour, Local: true}, unit: hour / 4, zone: "Europe/Berlin",
		base: time.Date(2021, 3, 27, 18, 0, 0, 0, time.UTC).UnixMilli(),
	},
	{
		name: "zone hop", spec: WindowSpec{Kind: HopWindow, Size: 3 * hour, Slide: hour, Local: true}, unit: hour / 4, zone: "America/New_York",
		base: time.Date(2021, 11, 6, 20, 0, 0, 0, time.UTC).UnixMilli(), distinct: true,
	},
	{
		name: "zone cumulate", spec: WindowSpec{Kind: CumulateWindow, Size: 24 * hour, Slide: hour, Local: true}, unit: hour / 4, zone: "Asia/Kathmandu",
		base: time.Date(2021, 11, 6, 20, 0, 0, 0, time.UTC).UnixMilli(),
	},
}

const hour = int64(3_600_000)

func (w *winCase) types() []types.Type {
	ts := types.TimestampT(3)
	if w.spec.Local {
		ts = types.TimestampLTZT(3)
	}
	return winTypes(ts)
}

func (w *winCase) location(t *testing.T) *time.Location {
	if w.zone == "" {
		return time.UTC
	}
	l, err := time.LoadLocation(w.zone)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (w *winCase) operator() Operator {
	spec := w.spec
	spec.TimeCol = 4
	ts := types.TimestampT(3).Nullable(false)
	if w.rows {
		return NewWindowTVF(WindowTVFConfig{Input: w.types(), Window: spec, PartitionBy: []int{0}, StartType: ts, EndType: ts, TimeType: ts})
	}
	cfg := WindowAggConfig{
		Input: w.types(), Window: spec, StartCol: -1, EndCol: -1, Keys: []int{0}, Aggs: winAggs(w.distinct),
		Props: []WindowProp{PropStart, PropEnd}, PropTypes: []types.Type{ts, ts}, InputRetracts: w.retracts,
	}
	if w.global {
		cfg.Keys = nil
	}
	return NewWindowAggregate(cfg)
}

func (w *winCase) model(zone *time.Location) *winModel {
	m := newWinModel(w.spec, max(1, w.unit), zone)
	m.distinct, m.keyed, m.asRows = w.distinct, !w.global, w.rows
	return m
}

// winRun is an operator in one or more subtasks under test.
type winRun struct {
	t     *testing.T
	w     *winCase
	zone  *time.Location
	exact bool
	subs  []*Bench
	wm    int64
	out   []string
	late  int64
}

func newWinRun(t *testing.T, w *winCase, zone *time.Location, exact bool) *winRun {
	r := &winRun{t: t, w: w, zone: zone, exact: exact, wm: batch.NoWatermark}
	r.start(1, nil, false)
	return r
}

// start opens n subtasks, on snapshots of old ones.
func (r *winRun) start(n int, files []state.Chain, forget bool) {
	var timers []int64
	for _, h := range r.subs {
		r.late += h.LateRows()
		timers = append(timers, h.Timers()...)
	}
	slices.Sort(timers)
	clock := int64(0)
	if len(r.subs) > 0 {
		clock = r.subs[0].Clock
	}
	r.subs = nil
	for i := range n {
		h := NewBench(r.w.operator())
		h.C.Zone, h.C.Exact, h.Clock = r.zone, r.exact, clock
		h.C.Subtask, h.C.Parallelism = i, n
		h.C.KeyFrom, h.C.KeyTo = batch.KeyGroupRange(i, n, h.C.MaxParallelism)
		h.C.Store = state.New(state.Config{MaxGroups: h.C.MaxParallelism, Groups: state.Range{From: h.C.KeyFrom, To: h.C.KeyTo}})
		if err := h.C.Store.Restore(files); err != nil {
			r.t.Fatal(err)
		}
		if !forget {
			h.C.SetWatermark(r.wm)
		}
		h.SetTimers(slices.Compact(slices.Clone(timers)))
		h.OnEmit = func(b *batch.Batch) error {
			r.out = append(r.out, winText(b)...)
			return nil
		}
		h.Open()
		if err := h.C.Store.Err(); err != nil {
			r.t.Fatal(err)
		}
		r.subs = append(r.subs, h)
	}
}

// restart stops all subtasks at a barrier and starts n others. With forget they do
// not know the watermark.
func (r *winRun) restart(n int, forget bool) {
	var files []state.Chain
	for _, h := range r.subs {
		h.Snapshot()
		var buf bytes.Buffer
		if _, err := h.C.Store.Snapshot(1, true).Write(&buf); err != nil {
			r.t.Fatal(err)
		}
		files = append(files, state.Chain{bytes.NewReader(buf.Bytes())})
	}
	r.start(n, files, forget)
}

// push gives rows to the subtasks that own their keys; all see the watermarks.
func (r *winRun) push(rows []winRow) {
	var lines []string
	for _, x := range rows {
		lines = append(lines, x.lines()...)
	}
	b := ParseRows(r.w.types(), lines...)
	r.wm = max(r.wm, b.LastMark())
	if len(r.subs) == 1 {
		r.subs[0].Push(0, b)
		return
	}
	var kv batch.KeyVec
	batch.HashKeys(&kv, b, []int{0}, 128)
	for _, h := range r.subs {
		part := *b
		part.Sel = []uint16{}
		for l := range b.N {
			if g := int(kv.KG[l]); g >= h.C.KeyFrom && g < h.C.KeyTo {
				part.Sel = append(part.Sel, uint16(l))
			}
		}
		h.Push(0, &part)
	}
}

func (r *winRun) end() []string {
	for _, h := range r.subs {
		h.End()
		r.late += h.LateRows()
	}
	return r.out
}

func firstDiff(got, want []string) string {
	for i := range max(len(got), len(want)) {
		g, w := "nothing", "nothing"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			return fmt.Sprintf("line %d: got %s, want %s", i, g, w)
		}
	}
	return ""
}

// TestWindowRandom compares the window operators with the model: in batches of 1, 7
// and all rows, exact and folded, stopped and restored at every batch with one and
// with two subtasks.
func TestWindowRandom(t *testing.T) {
	for i := range winCases {
		w := &winCases[i]
		t.Run(w.name, func(t *testing.T) {
			zone := w.location(t)
			for seed := range uint64(3) {
				m := w.model(zone)
				base := w.base
				if base == 0 {
					base = 1000
				}
				rows := randomRows(rand.New(rand.NewPCG(seed, uint64(i))), m, 130, base, w.retracts)
				want := byEnd(m.out, w.rows)
				checkRuns(t, w, zone, seed, rows, want, m.late)
				if t.Failed() {
					return
				}
			}
		})
	}
}

func checkRuns(t *testing.T, w *winCase, zone *time.Location, seed uint64, rows []winRow, want []string, late int64) {
	var whole []string
	for _, cut := range []int{len(rows), 7, 1} {
		for _, exact := range []bool{true, false} {
			for restart := range 4 {
				if w.global && restart == 2 || restart > 0 && (cut != 7 || exact) {
					continue
				}
				r := newWinRun(t, w, zone, exact)
				for at, n := 0, 0; at < len(rows); at, n = at+cut, n+1 {
					r.push(rows[at:min(len(rows), at+cut)])
					switch restart {
					case 1:
						r.restart(1, false)
					case 2:
						r.restart(1+n%2, false)
					case 3:
						r.restart(1, true)
					}
				}
				got := r.end()
				what := fmt.Sprintf("seed %d, batches of %d, exact %v, restart %d", seed, cut, exact, restart)
				if d := firstDiff(byEnd(got, w.rows), want); d != "" {
					t.Errorf("%s: %s", what, d)
					return
				}
				if r.late != late {
					t.Errorf("%s: %d late rows, want %d", what, r.late, late)
					return
				}
				for i := 1; i < len(got) && restart != 2; i++ {
					if endOf(got[i], w.rows) < endOf(got[i-1], w.rows) {
						t.Errorf("%s: %s comes behind %s", what, got[i], got[i-1])
						return
					}
				}
				if whole == nil {
					whole = got
				}
				if d := firstDiff(got, whole); d != "" && restart != 2 {
					t.Errorf("%s: not as in one batch: %s", what, d)
					return
				}
			}
		}
	}
}
