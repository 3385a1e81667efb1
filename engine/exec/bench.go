package exec

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// Bench is a Host for tests: it drives one operator as a task would and records
// what it emits as text, one line a row, such as "+I[Bob, 5]".
//
//	h := NewBench(op)
//	h.Open()
//	h.Rows(0, types, "+I[Bob, 5]", "-D[Bob, 5]")
//	h.Watermark(0, 9_999)
//	got := h.Take()
//
// Its methods panic on an error unless they return one. OnEmit, when set, gets the
// batches instead of the recording.
type Bench struct {
	// C is what the operator sees; set its fields before Open.
	C  *Ctx
	Op Operator
	// Config is the store's, used by Open.
	Config state.Config
	// Inputs is the number of inputs whose least watermark counts (default 1).
	Inputs int
	// Clock is the processing time; Advance moves it.
	Clock int64
	// YieldAfter makes Yield true after so many calls in a row; 0: never.
	YieldAfter int
	// OnEmit gets emitted batches instead of the recording.
	OnEmit func(b *batch.Batch) error

	out      []string
	rows     int64
	timers   []int64
	lateRows int64
	counters map[string]int64
	wm       []int64
	yields   int
	rand     *rand.Rand
	calls    []benchCall
	started  int64
}

// benchCall is a call that has ended and is not yet told of.
type benchCall struct {
	id   int64
	data []byte
	err  error
}

// NewBench makes a host for op at parallelism 1 with 128 key groups, exact, with
// the clock at zero.
func NewBench(op Operator) *Bench {
	h := &Bench{Op: op, counters: map[string]int64{}, rand: rand.New(rand.NewPCG(1, 2)), Inputs: 1}
	h.C = &Ctx{Host: h, Name: "op", Parallelism: 1, KeyTo: 128, MaxParallelism: 128, Zone: time.UTC, Exact: true}
	h.C.SetWatermark(batch.NoWatermark)
	return h
}

// Open makes a fresh store unless the context has one, and opens the operator.
func (h *Bench) Open() *Bench {
	h.wm = make([]int64, h.Inputs)
	for i := range h.wm {
		h.wm[i] = h.C.Watermark()
	}
	if h.C.Store == nil {
		cfg := h.Config
		cfg.MaxGroups = h.C.MaxParallelism
		cfg.Groups = state.Range{From: h.C.KeyFrom, To: h.C.KeyTo}
		h.C.Store = state.New(cfg)
	}
	h.step(func() error { return h.Op.Open(h.C) })
	return h
}

// step runs f as one step of a task and panics on an error.
func (h *Bench) step(f func() error) {
	if err := h.try(f); err != nil {
		panic(err)
	}
}

func (h *Bench) try(f func() error) error {
	h.yields = 0
	h.C.Store.BeginStep(h.Clock)
	err := h.answer()
	if err == nil {
		err = f()
	}
	for err == nil {
		r, ok := h.Op.(Resumer)
		if !ok {
			break
		}
		h.yields = 0
		var more bool
		if more, err = r.Resume(h.C); !more {
			break
		}
	}
	if e := h.C.Store.EndStep(); err == nil {
		err = e
	}
	return err
}

// Rows pushes one batch made from lines, as ParseRows.
func (h *Bench) Rows(in int, ts []types.Type, lines ...string) {
	h.Push(in, ParseRows(ts, lines...))
}

// Push gives the operator a batch and then the watermark of its last mark.
func (h *Bench) Push(in int, b *batch.Batch) {
	if err := h.TryPush(in, b); err != nil {
		panic(err)
	}
}

// TryPush is Push that returns the operator's error. With several inputs the
// marks of b are those of its input; the operator sees the minimum over inputs unless
// it is Sided.
func (h *Bench) TryPush(in int, b *batch.Batch) error {
	if _, sided := h.Op.(Sided); h.Inputs > 1 && len(b.Marks) > 0 && !sided {
		view := *b
		view.Marks = nil
		for _, m := range b.Marks {
			before := slices.Min(h.wm)
			h.wm[in] = max(h.wm[in], m.WM)
			if wm := slices.Min(h.wm); wm > before {
				view.Marks = append(view.Marks, batch.Mark{Pos: m.Pos, WM: wm})
			}
		}
		b = &view
	}
	return h.try(func() error {
		if err := h.Op.Process(h.C, in, b); err != nil {
			return err
		}
		if err := h.drain(); err != nil {
			return err
		}
		if s, ok := h.Op.(Sided); ok && in == 1 {
			h.wm[1] = max(h.wm[1], b.LastMark())
			return s.SideWatermark(h.C, h.wm[1])
		}
		if wm := b.LastMark(); wm > h.C.Watermark() {
			h.wm[in] = max(h.wm[in], wm)
			h.C.SetWatermark(wm)
			return h.Op.Watermark(h.C, wm)
		}
		return nil
	})
}

// drain resumes an interrupted call until it is done.
func (h *Bench) drain() error {
	r, ok := h.Op.(Resumer)
	for ok {
		h.yields = 0
		more, err := r.Resume(h.C)
		if err != nil {
			return err
		}
		ok = more
	}
	return nil
}

// Watermark moves the watermark of an input; the operator hears of it when the
// least over its inputs rises.
func (h *Bench) Watermark(in int, ts int64) {
	h.wm[in] = max(h.wm[in], ts)
	wm := slices.Min(h.wm)
	if s, ok := h.Op.(Sided); ok {
		if in == 1 {
			h.step(func() error { return s.SideWatermark(h.C, h.wm[1]) })
			return
		}
		wm = h.wm[0]
	}
	if wm > h.C.Watermark() {
		h.C.SetWatermark(wm)
		h.step(func() error { return h.Op.Watermark(h.C, wm) })
	}
}

// Advance moves the clock to now and fires the timers that are due, each in a step
// of its own, in order.
func (h *Bench) Advance(now int64) {
	h.Clock = max(h.Clock, now)
	for len(h.timers) > 0 && h.timers[0] <= now {
		at := h.timers[0]
		h.timers = h.timers[1:]
		h.step(func() error { return h.Op.Timer(h.C, at) })
	}
}

// End ends the input: the greatest watermark on all inputs, then Finish.
func (h *Bench) End() {
	for i := range h.wm {
		h.Watermark(i, batch.MaxWatermark)
	}
	for len(h.calls) > 0 {
		h.step(func() error { return nil })
	}
	if f, ok := h.Op.(Finisher); ok {
		h.step(func() error { return f.Finish(h.C) })
	}
}

// Start runs f at once; the operator hears of it in the next step.
func (h *Bench) Start(_ string, f func() ([]byte, error)) int64 {
	h.started++
	data, err := f()
	h.calls = append(h.calls, benchCall{h.started, data, err})
	return h.started
}

// answer tells the operator of the calls that ended, the last one first.
func (h *Bench) answer() error {
	calls := h.calls
	h.calls = nil
	for _, k := range slices.Backward(calls) {
		if err := h.Op.(Completer).Completed(h.C, k.id, k.data, k.err); err != nil {
			return err
		}
	}
	return nil
}

// Snapshot takes the operator's part of a checkpoint.
func (h *Bench) Snapshot() {
	h.step(func() error { return h.Op.Snapshot(h.C) })
}

// Take returns the lines recorded since the last call.
func (h *Bench) Take() []string {
	out := h.out
	h.out = nil
	return out
}

// LateRows is the number of rows counted as late so far, Counter a named count,
// RowsOut the number of emitted rows, Timers the pending processing-time timers.
func (h *Bench) LateRows() int64           { return h.lateRows }
func (h *Bench) Counter(name string) int64 { return h.counters[name] }
func (h *Bench) RowsOut() int64            { return h.rows }
func (h *Bench) Timers() []int64           { return slices.Clone(h.timers) }

// SetTimers puts timers in place, as a restore does.
func (h *Bench) SetTimers(at []int64) { h.timers = slices.Clone(at) }

// Emit records a batch.
func (h *Bench) Emit(b *batch.Batch) error {
	h.rows += int64(b.Rows())
	if h.OnEmit != nil {
		return h.OnEmit(b)
	}
	h.out = append(h.out, Lines(b)...)
	return nil
}

// Now is the clock.
func (h *Bench) Now() int64 { return h.Clock }

// Rand is a generator with a fixed seed.
func (h *Bench) Rand() *rand.Rand { return h.rand }

// SetTimer notes a timer.
func (h *Bench) SetTimer(at int64) {
	if i, found := slices.BinarySearch(h.timers, at); !found {
		h.timers = slices.Insert(h.timers, i, at)
	}
}

// Yield is true after YieldAfter calls.
func (h *Bench) Yield() bool {
	h.yields++
	return h.YieldAfter > 0 && h.yields >= h.YieldAfter
}

// Late counts late rows.
func (h *Bench) Late(_ *batch.Batch, lanes []uint16, _ int64) { h.lateRows += int64(len(lanes)) }

// Count adds to a counter.
func (h *Bench) Count(name string, n int64) { h.counters[name] += n }
