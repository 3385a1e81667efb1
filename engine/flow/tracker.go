package flow

import "github.com/minkstream/mink/engine/batch"

// tracker combines the watermarks of several inputs: the channels of a task, or
// the splits of a source. The combined watermark is the least over the live ones.
// Idle and ended inputs leave the minimum; one that returns counts again at once.
// When none is live and some may still return it is the greatest that any had, so
// that the order in which they became idle or ended does not matter. An input at
// batch.MaxWatermark counts as ended: it says nothing about the others. When all have
// ended it is the greatest that any had first, and the end then, unless more inputs may
// come. It never goes back.
type tracker struct {
	in   []input
	cur  int64
	open bool // more inputs may come
}

// input is one watermark of a tracker.
type input struct {
	wm          int64 // the last before batch.MaxWatermark
	top         bool  // it is at batch.MaxWatermark
	idle, ended bool
}

// raise takes a watermark of the input.
func (x *input) raise(wm int64) {
	if wm == batch.MaxWatermark {
		x.top = true
		return
	}
	x.wm = max(x.wm, wm)
}

func (x *input) over() bool { return x.ended || x.top }
func (x *input) live() bool { return !x.idle && !x.over() }

func newTracker(n int) tracker {
	w := tracker{in: make([]input, n), cur: batch.NoWatermark}
	for i := range w.in {
		w.in[i].wm = batch.NoWatermark
	}
	return w
}

// others is the least watermark of the live inputs but i, or batch.MaxWatermark.
func (w *tracker) others(i int) int64 {
	least := batch.MaxWatermark
	for j := range w.in {
		if x := &w.in[j]; j != i && x.live() {
			least = min(least, x.wm)
		}
	}
	return least
}

// update works out the combined watermark and reports whether it rose; then it may
// rise once more.
func (w *tracker) update() bool {
	least, most := batch.MaxWatermark, batch.NoWatermark
	live, idle := false, false
	for j := range w.in {
		x := &w.in[j]
		switch {
		case x.over():
			most = max(most, x.wm)
		case x.idle:
			idle = true
			most = max(most, x.wm)
		default:
			live = true
			least = min(least, x.wm)
		}
	}
	switch {
	case live:
	case idle, w.open, most > w.cur:
		least = most
	case len(w.in) == 0:
		return false
	}
	if least <= w.cur {
		return false
	}
	w.cur = least
	return true
}

// allIdle reports that no input is live and some may still return.
func (w *tracker) allIdle() bool {
	idle := false
	for j := range w.in {
		x := &w.in[j]
		if x.live() {
			return false
		}
		idle = idle || x.idle && !x.over()
	}
	return idle
}

// allEnded reports that no input has anything more to give.
func (w *tracker) allEnded() bool {
	for j := range w.in {
		if !w.in[j].ended {
			return false
		}
	}
	return true
}

// marks takes the marks of rows from input i and appends to dst the marks of the
// combined watermark that they cause, at the same places.
func (w *tracker) marks(i int, marks, dst []batch.Mark) []batch.Mark {
	x := &w.in[i]
	others := w.others(i)
	for _, m := range marks {
		if m.WM == batch.MaxWatermark {
			x.raise(m.WM) // the end follows, and update says what it means
			break
		}
		if m.WM <= x.wm {
			continue
		}
		x.wm = m.WM
		if wm := min(others, m.WM); wm > w.cur {
			w.cur = wm
			dst = append(dst, batch.Mark{Pos: m.Pos, WM: wm})
		}
	}
	return dst
}
