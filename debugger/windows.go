package debugger

import (
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// Window is a window that is open at the cursor, with what it waits for.
type Window struct {
	Operator string `json:"operator"`
	Subtask  int    `json:"subtask"`
	// Start and End are wall-clock times in milliseconds; Start is nil where the operator
	// knows the end alone.
	Start *int64 `json:"start,omitempty"`
	End   int64  `json:"end"`
	// Keys is the number of keys that have rows in it, Rows that of the rows, where the
	// operator counts them.
	Keys int   `json:"keys"`
	Rows int64 `json:"rows,omitempty"`
	// Needs is the watermark at which it fires, Has the one that is there.
	Needs int64 `json:"needs"`
	Has   int64 `json:"has"`
	// Processing: both are readings of the clock.
	Processing bool `json:"processing_time,omitempty"`
}

// Windows lists the open windows of an operator, or of all with "", by their ends.
func (j *Job) Windows(name string) ([]Window, error) {
	var only *Operator
	if name != "" {
		o, err := j.Operator(name)
		if err != nil {
			return nil, err
		}
		only = o
	}
	s, err := j.look()
	if err != nil {
		return nil, err
	}
	var out []Window
	for _, o := range j.Operators {
		if only != nil && o != only {
			continue
		}
		out = append(out, j.windowsOf(s, o)...)
	}
	return out, nil
}

func (j *Job) windowsOf(s *flow.Stepper, o *Operator) []Window {
	w := plan.WindowOf(o.Node)
	if w == nil {
		return nil
	}
	tables, err := j.state(s, o, "", stateRowsMax)
	if err != nil {
		return nil
	}
	has := map[int]int64{}
	for _, t := range s.Tasks() {
		for _, op := range t.Ops {
			if op.UID == o.uid {
				has[t.Subtask] = op.Watermark
			}
		}
	}
	var out []Window
	for _, t := range tables {
		c := collecting{j: j, o: o, w: w, t: &t, has: has[t.Subtask]}
		c.collect()
		out = append(out, c.out...)
	}
	slices.SortStableFunc(out, func(a, b Window) int { return int(min(1, max(-1, a.End-b.End))) })
	return out
}

// collecting makes windows of the entries of a structure.
type collecting struct {
	j   *Job
	o   *Operator
	w   *plan.WindowSpec
	t   *StateTable
	has int64
	out []Window
	at  map[[2]int64]int
}

func (c *collecting) collect() {
	pane, end, start, rows := c.column("pane_start"), c.column("window_end"), c.column("window_start"), c.column("rows")
	if e := c.column("window_ends"); e >= 0 {
		end = e // of the rows of a join
	}
	switch {
	case c.t.Name == "sessions" && start >= 0 && end >= 0:
	case c.t.Name == "panes" && (pane >= 0 || end >= 0):
	case c.t.Name == "left" || c.t.Name == "right" || c.t.Name == "windows":
	case c.t.Name == "rows":
		if end < 0 {
			return
		}
	default:
		return
	}
	c.at = map[[2]int64]int{}
	for _, r := range c.t.Rows {
		n := int64(0)
		if rows >= 0 {
			n = r.Batch.Cols[rows].Int(r.Lane)
		}
		switch {
		case c.t.Name == "windows":
			from := r.Batch.Cols[c.t.Keys-1].Int(r.Lane)
			c.add(&from, from+c.w.Size, n)
		case pane >= 0:
			for _, e := range windowsOfPane(c.w, r.Batch.Cols[pane].Int(r.Lane)) {
				from := e[0]
				c.add(&from, e[1], n)
			}
		case start >= 0 && end >= 0:
			from := r.Batch.Cols[start].Int(r.Lane)
			c.add(&from, r.Batch.Cols[end].Int(r.Lane), n)
		case end >= 0:
			to := r.Batch.Cols[end].Int(r.Lane)
			if c.t.Kind == "queue" {
				to++ // a queue has the last moment of the window
				n = 1
			}
			if c.w.Kind == plan.Tumble || c.w.Kind == plan.Hop {
				from := to - c.w.Size
				c.add(&from, to, n)
				continue
			}
			c.add(nil, to, n)
		}
	}
}

func (c *collecting) column(name string) int {
	return slices.IndexFunc(c.t.Schema, func(f types.Field) bool { return strings.EqualFold(f.Name, name) })
}

func (c *collecting) add(start *int64, end, rows int64) {
	key := [2]int64{batch.NoWatermark, end}
	if start != nil {
		key[0] = *start
	}
	i, ok := c.at[key]
	if !ok {
		needs := c.fires(end)
		if !c.w.Proctime() && c.has != batch.NoWatermark && needs <= c.has {
			return // it has fired; its pane is needed by a later window
		}
		i = len(c.out)
		c.at[key] = i
		c.out = append(c.out, Window{
			Operator: c.o.Name, Subtask: c.t.Subtask, Start: start, End: end, Needs: needs, Has: c.has, Processing: c.w.Proctime(),
		})
		if c.w.Proctime() {
			c.out[i].Has = c.j.line[c.j.at-1].now
		}
	}
	c.out[i].Keys++
	c.out[i].Rows += rows
}

// fires is the watermark at which a window that ends at end fires.
func (c *collecting) fires(end int64) int64 { return firesAt(c.w, c.j.Zone, end) }

func firesAt(w *plan.WindowSpec, zone *time.Location, end int64) int64 {
	if w.TimeType.Kind == types.TimestampLTZ && zone != nil && zone != time.UTC {
		return exec.FiresAt(zone, end) - 1
	}
	return end - 1
}

// windowsOfPane lists the windows, start and end, that a pane is a part of.
func windowsOfPane(w *plan.WindowSpec, pane int64) [][2]int64 {
	floor := func(a, b int64) int64 {
		q := a / b
		if a%b < 0 {
			q--
		}
		return q
	}
	switch w.Kind {
	case plan.Hop:
		var out [][2]int64
		last := w.Offset + floor(pane-w.Offset, w.Slide)*w.Slide
		for start := last; start > pane-w.Size; start -= w.Slide {
			out = append(out, [2]int64{start, start + w.Size})
		}
		slices.Reverse(out)
		return out
	case plan.Cumulate:
		var out [][2]int64
		start := w.Offset + floor(pane-w.Offset, w.Size)*w.Size
		for end := start + w.Slide; end <= start+w.Size; end += w.Slide {
			if end > pane {
				out = append(out, [2]int64{start, end})
			}
		}
		return out
	}
	return [][2]int64{{pane, pane + w.Size}}
}
