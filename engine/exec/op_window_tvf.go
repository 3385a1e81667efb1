package exec

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// WindowTVFConfig describes a windowing function on its own.
//
// Output: the input's columns, then the start and the end of the window, then its
// last millisecond as a time attribute. A row comes once for each of its windows,
// by start.
type WindowTVFConfig struct {
	Input  []types.Type
	Window WindowSpec
	// PartitionBy are the keys of SESSION windows.
	PartitionBy []int
	// StartType, EndType and TimeType are the types of the added columns.
	StartType, EndType, TimeType types.Type
}

func (w *WindowTVFConfig) timeProp() WindowProp {
	if w.Window.Proctime {
		return PropProctime
	}
	return PropRowtime
}

func (w *WindowTVFConfig) outTypes() []types.Type {
	return []types.Type{w.StartType, w.EndType, w.TimeType}
}

// NewWindowTVF makes a windowing function. TUMBLE, HOP and CUMULATE work row by row
// and drop nothing; SESSION holds rows until their window ends.
func NewWindowTVF(cfg WindowTVFConfig) Operator {
	if cfg.Window.Kind == SessionWindow {
		return newSessionRows(cfg)
	}
	return &windowTVF{cfg: cfg}
}

type windowTVF struct {
	Stateless
	cfg   WindowTVFConfig
	grid  windowGrid
	clock wallClock

	millis, local []int64
	rows          []uint16 // lane of each output row
	ends          []int64  // end of the window of each
	out           batch.Batch
}

// Draw names the operator.
func (o *windowTVF) Draw() Drawing { return Drawing{Name: "WindowTableFunction"} }

// Open works out the panes.
func (o *windowTVF) Open(c *Ctx) error {
	o.grid = newWindowGrid(o.cfg.Window)
	o.clock = newWallClock(c.Zone, o.cfg.Window.Local || o.cfg.Window.Proctime)
	return nil
}

// Process gives each row of a batch once for each of its windows.
func (o *windowTVF) Process(c *Ctx, _ int, b *batch.Batch) error {
	sel := b.Sel
	if sel == nil {
		sel = batch.Span(0, b.N)
	}
	walls := o.local
	if o.cfg.Window.Proctime {
		walls = grow(walls, b.N)
		now := o.clock.wall(c.Now())
		for i := range walls {
			walls[i] = now
		}
		o.local = walls
	} else if len(sel) > 0 {
		times, err := eventTimes(b, o.cfg.Window.TimeCol, &o.millis)
		if err != nil {
			return err
		}
		walls = o.clock.walls(times, b.Sel, b.N, &o.local)
	}
	// The output is made in pieces of at most a full batch; marks follow the rows
	// that they follow in the input.
	marks := b.Marks
	o.rows, o.ends = o.rows[:0], o.ends[:0]
	o.out.Reset()
	for _, l := range sel {
		for len(marks) > 0 && marks[0].Pos <= l {
			o.out.AddMark(len(o.rows), marks[0].WM)
			marks = marks[1:]
		}
		pane := o.grid.paneOf(walls[l])
		if !o.grid.inWindow(walls[l]) {
			continue
		}
		for end, last := o.grid.firstEnd(pane), o.grid.lastEnd(pane); end <= last; end += o.grid.step {
			if len(o.rows) == batch.MaxRows {
				if err := o.emit(c, b); err != nil {
					return err
				}
			}
			o.rows, o.ends = append(o.rows, l), append(o.ends, end)
		}
	}
	for _, m := range marks {
		o.out.AddMark(len(o.rows), m.WM)
	}
	return o.emit(c, b)
}

// emit gives out the rows so far.
func (o *windowTVF) emit(c *Ctx, b *batch.Batch) error {
	n := len(o.rows)
	if n == 0 && len(o.out.Marks) == 0 {
		return nil
	}
	marks := o.out.Marks
	k := len(b.Cols)
	o.out.SetColumns(k + 3)
	o.out.N, o.out.Marks = n, marks
	for i := range b.Cols {
		o.out.Cols[i].Gather(&b.Cols[i], o.rows, n)
	}
	for i, t := range o.cfg.outTypes() {
		o.out.Cols[k+i].Alloc(t, n)
	}
	start, end, at := o.out.Cols[k].I64, o.out.Cols[k+1].I64, o.out.Cols[k+2].I64
	last, fires := int64(0), int64(0)
	for i, e := range o.ends {
		if i == 0 || e != last {
			last = e
			if fires = c.Now(); !o.cfg.Window.Proctime {
				fires = o.clock.fires(e)
			}
		}
		start[i], end[i], at[i] = o.grid.start(e), e, fires
	}
	for i, t := range o.cfg.outTypes() {
		if per := TicksOf(t, 1); per != 1 {
			v := o.out.Cols[k+i].I64
			for j := range v {
				v[j] *= per
			}
		}
	}
	if b.Kinds != nil {
		kinds := o.out.AllocKinds()
		for i, l := range o.rows {
			kinds[i] = b.Kinds[l]
		}
	}
	err := c.Emit(&o.out)
	o.rows, o.ends = o.rows[:0], o.ends[:0]
	o.out.Reset()
	return err
}
