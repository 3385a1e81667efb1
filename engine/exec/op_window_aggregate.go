package exec

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function/aggregate"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// WindowAggConfig describes an aggregation by windows and keys.
//
// Output: the key columns, the results of Aggs, then Props. Each window of each key
// comes once, as +I, when the watermark reaches its last millisecond.
type WindowAggConfig struct {
	Input  []types.Type
	Window WindowSpec
	// Attached: rows carry the bounds of their window in StartCol (-1: they do not)
	// and EndCol; Window.TimeCol is not read.
	Attached         bool
	StartCol, EndCol int
	Keys             []int
	Aggs             []AggSpec
	Props            []WindowProp
	PropTypes        []types.Type
	// InputRetracts: rows may be -U or -D and are taken out of open windows.
	InputRetracts bool
}

// NewWindowAggregate makes an aggregation by windows and keys.
//
// Rows of TUMBLE, HOP and CUMULATE are added up by pane: the time axis is cut into
// pieces of which every window is made, each row belongs to one, and the panes of a
// window are merged when it fires. A row is late when all its windows have fired.
func NewWindowAggregate(cfg WindowAggConfig) Operator {
	if cfg.Window.Kind == SessionWindow && !cfg.Attached {
		return newSessionAgg(cfg)
	}
	return &windowAgg{cfg: cfg}
}

type windowAgg struct {
	cfg    WindowAggConfig
	a      *aggCalls
	grid   windowGrid
	clock  wallClock
	groups groupClock
	panes  *state.Panes
	values []*paneValues
	total  windowTotal

	keyCols  []int // of the tables: the keys, and bounds where those deal the rows
	keyTypes []types.Type

	keys  batch.KeyVec
	kv    *batch.KeyVec
	g     state.Grouper
	seeds laneRows
	signs []int64
	// Of the batch at hand: the times of rows (of attached windows, when they fire),
	// in wall-clock time, the ends of attached windows, and memory for them.
	times, walls, ends  []int64
	millis, local, wake []int64

	kept  []uint16
	late  []uint16
	split paneSplit

	// What is under way: rows of a batch, and windows that fire.
	windowWalk
	upTo int64
	fire fireState
}

// Draw names the operator and its state.
func (o *windowAgg) Draw() Drawing {
	d := Drawing{Name: "WindowAggregate", State: []string{"panes", "fired"}}
	for _, v := range o.values {
		d.State = append(d.State, v.name)
	}
	return d
}

// Open makes the panes.
func (o *windowAgg) Open(c *Ctx) error {
	cfg := &o.cfg
	a, err := newAggCalls(cfg.Aggs, aggOptions{c: c, input: cfg.Input, retract: cfg.InputRetracts, inLanes: true})
	if err != nil {
		return err
	}
	o.a = a
	o.grid = newWindowGrid(cfg.Window)
	o.clock = newWallClock(c.Zone, cfg.Window.Local || cfg.Window.Proctime)
	o.groups = openGroupClock(c)
	o.keyCols = append([]int(nil), cfg.Keys...)
	if cfg.Attached && (len(cfg.Keys) == 0 || cfg.Window.Kind == SessionWindow) {
		// Sessions that end together may begin apart; and without keys the bounds
		// are what deals rows to subtasks.
		if cfg.StartCol >= 0 {
			o.keyCols = append(o.keyCols, cfg.StartCol)
		}
		o.keyCols = append(o.keyCols, cfg.EndCol)
	}
	o.keyTypes = colTypes(cfg.Input, o.keyCols)
	spec := state.TableSpec{Key: o.keyTypes, Lanes: a.width, Blobs: a.blobs}
	o.panes = c.Store.Panes(c.Name+".panes", spec)
	for i, d := range a.distinct {
		o.values = append(o.values, newPaneValues(c, o, i, d))
	}
	o.total.open(c, o, spec)
	return nil
}

// shared reports that windows are made of several panes.
func (o *windowAgg) shared() bool { return !o.cfg.Attached && o.grid.shared() }

// Process adds the rows of a batch to their panes.
func (o *windowAgg) Process(c *Ctx, _ int, b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	o.a.heap.Reset()
	o.kv = nil
	if len(o.keyCols) > 0 {
		o.kv = keyVec(c, 0, b, o.keyCols, &o.keys)
	}
	switch {
	case o.cfg.Attached:
		return o.processAttached(c, b)
	case o.cfg.Window.Proctime:
		return o.addNow(c, b)
	}
	times, err := eventTimes(b, o.cfg.Window.TimeCol, &o.millis)
	if err != nil {
		return err
	}
	o.times = times
	o.walls = o.clock.walls(times, b.Sel, b.N, &o.local)
	least := MinTime(times, b.Sel, b.N)
	o.in = b
	o.segs = NewSegments(c.Watermark(), b, func(from, to int64) bool {
		// Rows behind the watermark cannot be in a window that it fires: whether
		// they come before or after does not matter.
		return least <= to && (!o.clock.steady(from, to) ||
			o.grid.endsUpTo(o.clock.wall(from)+1) != o.grid.endsUpTo(o.clock.wall(to)+1))
	})
	return o.walk(c, o)
}

func (o *windowAgg) processAttached(c *Ctx, b *batch.Batch) error {
	ends, err := eventTimes(b, o.cfg.EndCol, &o.millis)
	if err != nil {
		return err
	}
	if o.cfg.Window.Proctime {
		o.split.byPane(b, b.Sel, ends, nil)
		for _, end := range o.split.starts {
			c.SetTimer(o.clock.fires(end) + 1)
		}
		return o.addSplit(c, b)
	}
	o.ends = ends
	o.wake = grow(o.wake, b.N)
	o.times = o.wake
	last, fires := batch.NoWatermark, batch.NoWatermark
	least := batch.MaxWatermark
	for i := range b.Rows() {
		l := b.Lane(i)
		if ends[l] != last {
			last = ends[l]
			fires = o.clock.fires(last)
		}
		o.times[l] = fires
		least = min(least, fires)
	}
	o.in = b
	o.segs = NewSegments(c.Watermark(), b, func(_, to int64) bool { return least <= to })
	return o.walk(c, o)
}

// addNow puts rows into the pane of the step's time.
func (o *windowAgg) addNow(c *Ctx, b *batch.Batch) error {
	now := o.clock.wall(c.Now())
	if !o.grid.inWindow(now) {
		return nil
	}
	pane := o.grid.paneOf(now)
	c.SetTimer(o.clock.fires(o.grid.firstEnd(pane)) + 1)
	return o.addTo(c, b, b.Sel, pane)
}

// Resume goes on after a pause.
func (o *windowAgg) Resume(c *Ctx) (bool, error) {
	err := o.walk(c, o)
	return err == nil && o.firing, err
}

// take adds the rows of a segment that are not late.
func (o *windowAgg) take(c *Ctx, b *batch.Batch, sel []uint16, wm int64) error {
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	if n == 0 {
		return nil
	}
	if least := MinTime(o.times, sel, b.N); least <= max(wm, o.groups.high) {
		if sel = o.dropLate(c, b, sel, wm); len(sel) == 0 {
			return nil
		}
	}
	if o.cfg.Attached {
		o.split.byPane(b, sel, o.ends, nil)
	} else {
		o.split.byPane(b, sel, o.walls, &o.grid)
	}
	return o.addSplit(c, b)
}

// dropLate leaves out rows of which all windows have fired.
func (o *windowAgg) dropLate(c *Ctx, b *batch.Batch, sel []uint16, wm int64) []uint16 {
	if sel == nil {
		sel = batch.Span(0, b.N)
	}
	kept, late := grow(o.kept, len(sel))[:0], o.late[:0] // not nil: that is all lanes
	lastEnd, fires := batch.NoWatermark, batch.NoWatermark
	for _, l := range sel {
		f := o.times[l] // of an attached window, when it fires
		if !o.cfg.Attached {
			if !o.grid.inWindow(o.walls[l]) {
				continue // in no window, which is not to be late
			}
			if end := o.grid.lastEnd(o.grid.paneOf(o.walls[l])); end != lastEnd {
				lastEnd, fires = end, o.clock.fires(end)
			}
			f = fires
		}
		passed := wm
		if o.groups.high > wm {
			passed = max(wm, o.groups.of(o.groupOf(c, l)))
		}
		if f <= passed {
			late = append(late, l)
		} else {
			kept = append(kept, l)
		}
	}
	o.kept, o.late = kept, late
	if len(late) == 0 {
		return kept
	}
	c.Late(b, late, wm)
	return kept
}

// groupOf is the key group of a lane.
func (o *windowAgg) groupOf(c *Ctx, l uint16) uint16 {
	if o.kv == nil {
		return uint16(c.Store.Groups().From)
	}
	return o.kv.KG[l]
}

// addSplit adds the rows of each pane.
func (o *windowAgg) addSplit(c *Ctx, b *batch.Batch) error {
	for i, start := range o.split.starts {
		if err := o.addTo(c, b, o.split.lanes(i), start); err != nil {
			return err
		}
	}
	return nil
}

// addTo adds rows to a pane: grouped and folded first, then one probe a group.
func (o *windowAgg) addTo(c *Ctx, b *batch.Batch, sel []uint16, pane int64) error {
	t := o.panes.Make(pane)
	o.total.changed(pane)
	t.Group(&o.g, b, o.kv, sel, state.Upsert)
	lanes := sel
	if lanes == nil {
		lanes = batch.Span(0, b.N)
	}
	for _, v := range o.values {
		v.begin(c, b, pane, o.kv)
	}
	rows := o.a.fold(&aggRun{
		b: b, lanes: lanes, g: o.g.G, n: o.g.Len(), refs: o.g.Refs,
		signs: signsOf(b, lanes, o.cfg.InputRetracts, &o.signs),
	})
	return o.a.addRows(&o.seeds, t, o.g.Refs, rows)
}

// Watermark fires windows.
func (o *windowAgg) Watermark(c *Ctx, ts int64) error {
	if o.cfg.Window.Proctime {
		return nil
	}
	o.startFiring(ts)
	return o.walk(c, o)
}

// Timer fires windows on processing time.
func (o *windowAgg) Timer(c *Ctx, at int64) error {
	o.startFiring(at - 1)
	return o.walk(c, o)
}

// Finish fires the windows on processing time that are open when the input ends.
func (o *windowAgg) Finish(c *Ctx) error {
	if o.cfg.Window.Proctime {
		o.startFiring(batch.MaxWatermark)
	}
	return o.walk(c, o)
}

func (o *windowAgg) startFiring(upTo int64) {
	o.firing, o.upTo = true, upTo
}

// Snapshot notes how far windows have fired.
func (o *windowAgg) Snapshot(*Ctx) error {
	o.groups.save()
	return nil
}

// Close has nothing to release.
func (o *windowAgg) Close() error { return nil }

// addRows adds local rows to rows of a table.
func (a *aggCalls) addRows(mem *laneRows, t *state.Table, refs []state.Ref, rows [][]uint64) error {
	seeds := a.load(mem, t, refs)
	if len(a.blobs) == 0 {
		// The table's own memory: added in place.
		return a.merge(seeds, seeds, rows)
	}
	if err := a.merge(rows, seeds, rows); err != nil {
		return err
	}
	for k, ref := range refs {
		a.save(t, ref, rows[k], seeds[k])
	}
	return nil
}

// additive reports that rows can be taken out of other rows lane by lane.
func (a *aggCalls) additive() bool {
	for _, acc := range a.accs {
		if !aggregate.Additive(acc) {
			return false
		}
	}
	return len(a.distinct) == 0 && len(a.ordered) == 0
}
