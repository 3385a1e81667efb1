package state

// Panes is a row of keyed tables by time: one for each pane of a window, dropped
// as a whole.
type Panes struct{}

// Panes returns the panes of that name, filled if they were restored. All have
// the shape of spec.
func (s *Store) Panes(name string, spec TableSpec) *Panes { panic("unbuilt") }

// Get is the pane that starts at start, or nil.
func (p *Panes) Get(start int64) *Table { panic("unbuilt") }

// Make is the pane that starts at start, made if it is not there.
func (p *Panes) Make(start int64) *Table { panic("unbuilt") }

// Starts appends the starts of all panes, ascending.
func (p *Panes) Starts(dst []int64) []int64 { panic("unbuilt") }

// Drop drops a pane.
func (p *Panes) Drop(start int64) { panic("unbuilt") }

// DropBelow drops all panes that start below start.
func (p *Panes) DropBelow(start int64) { panic("unbuilt") }

// Scratch returns a table that is in no snapshot: for running window totals and
// merges, which can be made again from what is saved.
func (s *Store) Scratch(spec TableSpec) *Table { panic("unbuilt") }
