package exec

import (
	"sort"

	state "github.com/minkstream/mink/engine/state"
)

// paneStacks merges the panes of HOP windows whose aggregates cannot be taken out
// again, such as MIN and MAX.
//
// The panes of a window are parted at mid. Of those before it, tables has the merge of
// each and all behind it up to mid; of the others, front has the merge. A window is
// then one table of each: what one pane adds is merged about three times, however many
// panes a window has. When the windows have left mid behind, mid moves to their end.
type paneStacks struct {
	on     bool // panes have so many keys in common that it pays
	valid  bool
	from   int64
	mid    int64
	to     int64
	starts []int64 // of tables, ascending
	tables []*state.Table
	front  *state.Table
}

// The stacks pay when panes together have more than stacksGain rows for one of their
// merge; they hold at most stacksRows rows.
const (
	stacksGain = 4
	stacksRows = 2_000_000
)

// judge decides from a window of rows in n panes, merged to merged rows.
func (s *paneStacks) judge(rows, merged, n int) {
	s.on = rows > stacksGain*merged && n*merged <= stacksRows
}

// stacked makes the table of the window [start, end).
func (w *windowTotal) stacked(start, end int64) *state.Table {
	s := &w.stacks
	switch {
	case !s.valid || start < s.from || end < s.to || start >= s.mid:
		w.restack(start, end)
	case end > s.to:
		w.each(s.to, end, func(pane int64) { w.merge(s.front, w.o.panes.Get(pane)) })
		s.to = end
	}
	i := sort.Search(len(s.starts), func(i int) bool { return s.starts[i] >= start })
	switch {
	case i == len(s.starts):
		return s.front
	case s.front.Len() == 0:
		return s.tables[i]
	}
	w.table.Clear()
	w.merge(w.table, s.tables[i])
	w.merge(w.table, s.front)
	return w.table
}

// restack puts all panes of the window [start, end) before mid.
func (w *windowTotal) restack(start, end int64) {
	s := &w.stacks
	if s.front == nil {
		s.front = w.scratch()
	}
	s.front.Clear()
	s.valid, s.from, s.mid, s.to = true, start, end, end
	s.starts = s.starts[:0]
	rows := 0
	w.each(start, end, func(pane int64) {
		s.starts = append(s.starts, pane)
		rows += w.o.panes.Get(pane).Len()
	})
	for len(s.tables) < len(s.starts) {
		s.tables = append(s.tables, w.scratch())
	}
	n := len(s.starts)
	for i := n - 1; i >= 0; i-- {
		s.tables[i].Clear()
		w.merge(s.tables[i], w.o.panes.Get(s.starts[i]))
		if i+1 < n {
			w.merge(s.tables[i], s.tables[i+1])
		}
	}
	for _, t := range s.tables[n:] {
		t.Clear()
	}
	if n > 0 {
		s.judge(rows, s.tables[0].Len(), n)
	}
}

// merge adds the rows of a table to those of another.
func (w *windowTotal) merge(dst, src *state.Table) {
	a := w.o.a
	w.pairsOf(src, dst, func(t *state.Table, from, into []state.Ref) {
		a.heap.Reset()
		w.put(dst, into, a.load(&w.src, t, from))
	})
}
