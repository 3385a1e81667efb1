package exec

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// Segments walks a batch in event-time order: as runs of lanes between the marks
// that matter to the operator.
//
//	for s := NewSegments(c.Watermark(), b, crosses); s.Next(); {
//		rows(Lanes(b, s.Lo, s.Hi))  // under watermark s.Before
//		if s.Moved() { fire(s.After) }
//	}
type Segments struct {
	// Lo and Hi bound the lanes of the segment, which may be none.
	Lo, Hi int
	// Before is the watermark under which the lanes are processed, After the one
	// that follows them. Marks that do not cross are passed over: the watermark
	// within a segment may rise from Before, but not across anything that matters.
	Before, After int64

	marks   []batch.Mark
	n       int
	crosses func(from, to int64) bool
	started bool
}

// NewSegments walks b, which is reached with watermark wm. A mark splits the batch
// if crosses reports that going from one watermark to the other matters to the
// operator (a window ends between them, say); with a nil crosses every mark does.
func NewSegments(wm int64, b *batch.Batch, crosses func(from, to int64) bool) Segments {
	return Segments{After: wm, marks: b.Marks, n: b.N, crosses: crosses}
}

// Next goes to the next segment. The last one ends at the batch's last lane and
// after all its marks.
func (s *Segments) Next() bool {
	if s.started && s.Hi == s.n && len(s.marks) == 0 {
		return false
	}
	s.Lo, s.Before = s.Hi, s.After
	s.started = true
	for i, m := range s.marks {
		if m.WM <= s.After {
			continue
		}
		if s.crosses == nil || s.crosses(s.Before, m.WM) {
			s.Hi, s.After, s.marks = int(m.Pos), m.WM, s.marks[i+1:]
			return true
		}
		s.After = m.WM
	}
	s.Hi, s.marks = s.n, nil
	return true
}

// Moved reports whether the watermark rose at or before the end of the segment.
func (s *Segments) Moved() bool { return s.After > s.Before }

// Lanes returns the selected lanes of b within [lo, hi) as a selection: nil when
// that is all of an unselected batch. It must not be written to.
func Lanes(b *batch.Batch, lo, hi int) []uint16 {
	if b.Sel == nil {
		if lo == 0 && hi == b.N {
			return nil
		}
		return batch.Span(lo, hi)
	}
	if lo == 0 && hi == b.N {
		return b.Sel
	}
	i, _ := slices.BinarySearch(b.Sel, uint16(lo))
	j := len(b.Sel)
	if hi < b.N {
		j, _ = slices.BinarySearch(b.Sel, uint16(hi))
	}
	return b.Sel[i:j:j]
}

// Millis returns the times of the first n lanes of a TIMESTAMP or TIMESTAMP_LTZ
// column in milliseconds: the column's own memory when that is its unit, else a
// copy in buf. Lanes that are NULL hold anything.
func Millis(c *batch.Col, n int, buf *[]int64) []int64 {
	per := c.Type.PerSecond() / 1000
	if c.Enc != batch.Const && per == 1 {
		return c.I64[:n]
	}
	if cap(*buf) < n {
		*buf = make([]int64, max(n, batch.MaxRows))
	}
	out := (*buf)[:n]
	if c.Enc == batch.Const {
		v := int64(0)
		if len(c.I64) > 0 {
			v = floorDiv(c.I64[0], per)
		}
		for i := range out {
			out[i] = v
		}
		return out
	}
	for i, v := range c.I64[:n] {
		out[i] = floorDiv(v, per)
	}
	return out
}

// TicksOf converts milliseconds to the unit of a timestamp type.
func TicksOf(t types.Type, ms int64) int64 { return ms * (t.PerSecond() / 1000) }

// MinTime is the least of the times at the selected lanes (nil: the first n), or
// batch.MaxWatermark when there are none.
func MinTime(times []int64, sel []uint16, n int) int64 {
	least := batch.MaxWatermark
	if sel == nil {
		for _, t := range times[:n] {
			least = min(least, t)
		}
		return least
	}
	for _, l := range sel {
		least = min(least, times[l])
	}
	return least
}

// SplitLate divides the selected lanes of b by lateness against the watermark that
// holds at each lane, starting with wm: a row is late when its time is at or below
// the watermark, or with strict when it is below. It appends to kept and late and
// returns them; an input without late rows gives b.Sel itself and no late lanes.
func SplitLate(b *batch.Batch, times []int64, wm int64, strict bool, kept, late []uint16) (_, _ []uint16) {
	top := max(wm, b.LastMark())
	if least := MinTime(times, b.Sel, b.N); least > top || strict && least == top {
		return b.Sel, late
	}
	marks := b.Marks
	test := func(l uint16) {
		for len(marks) > 0 && marks[0].Pos <= l {
			wm = max(wm, marks[0].WM)
			marks = marks[1:]
		}
		if t := times[l]; t < wm || !strict && t == wm {
			late = append(late, l)
		} else {
			kept = append(kept, l)
		}
	}
	if b.Sel == nil {
		for l := range b.N {
			test(uint16(l))
		}
	} else {
		for _, l := range b.Sel {
			test(l)
		}
	}
	if kept == nil {
		kept = []uint16{}
	}
	return kept, late
}

// floorDiv divides rounding towards minus infinity; b is positive.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// windowWalk is a batch on its way through an operator of windows: its segments are
// taken in turn, windows fire where the watermark moved between them, and while they
// do the operator may pause.
type windowWalk struct {
	in     *batch.Batch
	segs   Segments
	firing bool
}

// windowed is what a walk asks of its operator.
type windowed interface {
	// take adds the rows of a segment, at lanes sel, that are not late at wm.
	take(c *Ctx, b *batch.Batch, sel []uint16, wm int64) error
	// startFiring sets firing: windows up to a watermark are to fire.
	startFiring(upTo int64)
	// fireMore fires some of them; false after a pause.
	fireMore(c *Ctx) (done bool, err error)
}

// walk goes on with what is under way.
func (w *windowWalk) walk(c *Ctx, o windowed) error {
	for {
		if w.firing {
			if done, err := o.fireMore(c); err != nil || !done {
				return err
			}
			w.firing = false
		}
		if w.in == nil {
			return nil
		}
		if !w.segs.Next() {
			w.in = nil
			return nil
		}
		if err := o.take(c, w.in, Lanes(w.in, w.segs.Lo, w.segs.Hi), w.segs.Before); err != nil {
			return err
		}
		if w.segs.Moved() {
			o.startFiring(w.segs.After)
		}
	}
}
