package exec

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
)

// paneSplit deals the rows of a batch to panes. Times are nearly sorted, so most
// rows belong to the pane of the row before.
type paneSplit struct {
	starts []int64 // of the panes, in first-touch order

	order  []int // indexes of starts, by start
	pane   []uint16
	rows   []uint16
	counts []int
	ends   []int
	whole  bool
	sel    []uint16
}

// byPane deals the selected lanes (nil: all) by the pane of their times; with a nil
// grid each time is a pane of its own. Times in gaps between windows are left out.
func (s *paneSplit) byPane(b *batch.Batch, sel []uint16, times []int64, grid *windowGrid) {
	s.starts, s.order, s.counts = s.starts[:0], s.order[:0], s.counts[:0]
	s.sel = sel
	lanes := sel
	if lanes == nil {
		lanes = batch.Span(0, b.N)
	}
	s.pane = grow(s.pane, len(lanes))
	width := int64(1)
	if grid != nil {
		width = grid.pane
		if grid.gap > 0 {
			lanes = s.withoutGaps(lanes, times, grid)
			s.sel = lanes
		}
	}
	lo, at, n := int64(0), -1, 0
	for i, l := range lanes {
		if t := times[l]; at < 0 || uint64(t-lo) >= uint64(width) {
			if at >= 0 {
				s.counts[at] += n
				n = 0
			}
			if lo = t; grid != nil {
				lo = grid.paneOf(t)
			}
			at = s.index(lo)
		}
		n++
		s.pane[i] = uint16(at)
	}
	if at >= 0 {
		s.counts[at] += n
	}
	if s.whole = len(s.starts) <= 1; s.whole {
		return
	}
	s.ends = append(s.ends[:0], s.counts...)
	sum := 0
	for i, n := range s.counts {
		s.ends[i] = sum
		sum += n
	}
	s.rows = grow(s.rows, len(lanes))
	for i, l := range lanes {
		k := s.pane[i]
		s.rows[s.ends[k]] = l
		s.ends[k]++
	}
}

func (s *paneSplit) withoutGaps(lanes []uint16, times []int64, grid *windowGrid) []uint16 {
	out := make([]uint16, 0, len(lanes))
	for _, l := range lanes {
		if grid.inWindow(times[l]) {
			out = append(out, l)
		}
	}
	return out
}

// index is the number of a pane, which may be new.
func (s *paneSplit) index(start int64) int {
	i, found := slices.BinarySearchFunc(s.order, start, func(k int, t int64) int {
		switch {
		case s.starts[k] < t:
			return -1
		case s.starts[k] > t:
			return 1
		}
		return 0
	})
	if found {
		return s.order[i]
	}
	s.order = slices.Insert(s.order, i, len(s.starts))
	s.starts, s.counts = append(s.starts, start), append(s.counts, 0)
	return len(s.starts) - 1
}

// lanes are those of a pane, as a selection.
func (s *paneSplit) lanes(i int) []uint16 {
	if s.whole {
		return s.sel
	}
	return s.rows[s.ends[i]-s.counts[i] : s.ends[i]]
}
