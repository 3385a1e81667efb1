package exec

import "github.com/minkstream/mink/engine/types"

// WindowKind is the shape of windows.
type WindowKind uint8

// The shapes.
const (
	TumbleWindow WindowKind = iota
	HopWindow
	CumulateWindow
	SessionWindow
)

// WindowSpec says how rows are put into windows. Lengths are in milliseconds of
// wall-clock time.
type WindowSpec struct {
	Kind WindowKind
	// Size is the length (the longest of CUMULATE, the gap of SESSION), Slide the
	// distance of HOP windows or the step of CUMULATE, Offset the shift against
	// 1970-01-01 00:00.
	Size, Slide, Offset int64
	// TimeCol is the column with the time of a row.
	TimeCol int
	// Local windows are aligned in the session zone: TIMESTAMP_LTZ.
	Local bool
	// Proctime windows take the time of the step and fire by the clock.
	Proctime bool
}

// WindowProp is a property of a window as an output column.
type WindowProp uint8

// The properties: start and end as wall-clock times, the last millisecond of the
// window as a time attribute, and the time of emission.
const (
	PropStart WindowProp = iota
	PropEnd
	PropRowtime
	PropProctime
)

// windowGrid says how windows lie on the time axis. Time is cut into panes of equal
// length; a window is a run of panes, and windows end step apart.
type windowGrid struct {
	kind                       WindowKind
	pane, step, size, off, gap int64
}

func newWindowGrid(w WindowSpec) windowGrid {
	g := windowGrid{kind: w.Kind, pane: w.Size, step: w.Size, size: w.Size, off: w.Offset}
	switch w.Kind {
	case HopWindow:
		g.step, g.pane = w.Slide, gcd(w.Size, w.Slide)
		g.gap = max(0, w.Slide-w.Size)
	case CumulateWindow:
		g.step, g.pane = w.Slide, w.Slide
	}
	return g
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// shared reports windows of several panes.
func (g *windowGrid) shared() bool { return g.pane != g.size }

// paneOf is the start of the pane of a time.
func (g *windowGrid) paneOf(t int64) int64 { return floorDiv(t-g.off, g.pane)*g.pane + g.off }

// inWindow reports that a time belongs to a window; HOP may leave gaps.
func (g *windowGrid) inWindow(t int64) bool {
	return g.gap == 0 || t-(floorDiv(t-g.off, g.step)*g.step+g.off) < g.size
}

// firstEnd is the end of the first window with a pane, lastEnd that of the last.
func (g *windowGrid) firstEnd(pane int64) int64 {
	if g.kind == HopWindow {
		return (floorDiv(pane-g.size-g.off, g.step)+1)*g.step + g.off + g.size
	}
	return pane + g.pane
}

func (g *windowGrid) lastEnd(pane int64) int64 {
	if g.kind == HopWindow {
		return floorDiv(pane-g.off, g.step)*g.step + g.off + g.size
	}
	return g.start(pane+g.pane) + g.size
}

// start is the start of the window that ends at end.
func (g *windowGrid) start(end int64) int64 {
	if g.kind == CumulateWindow {
		return floorDiv(end-1-g.off, g.size)*g.size + g.off
	}
	return end - g.size
}

// keepFrom is the first pane that is still needed once the window that ends at end
// has fired.
func (g *windowGrid) keepFrom(end int64) int64 {
	return g.start(end + g.step)
}

// endsUpTo counts the ends of windows up to a time, from some start: it differs for
// two times if a window ends between them.
func (g *windowGrid) endsUpTo(t int64) int64 { return floorDiv(t-g.off-g.size, g.step) }

// ticks converts milliseconds to a property's unit.
func (p WindowProp) ticks(t types.Type, start, end, moment, now int64) int64 {
	return TicksOf(t, [...]int64{start, end, moment, now}[p])
}
