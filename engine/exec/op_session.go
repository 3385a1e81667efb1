package exec

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function/aggregate"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// newSessionAgg makes an aggregation by sessions: rows of a key belong together as
// long as none comes more than the gap after the one before. A row that lies
// between two sessions makes one of them.
//
// A row is late when its own session, joined with those it touches, would have
// fired.
func newSessionAgg(cfg WindowAggConfig) Operator {
	return &sessionOp{
		input: cfg.Input, window: cfg.Window, keyCols: cfg.Keys, aggs: cfg.Aggs, retracts: cfg.InputRetracts,
		props: cfg.Props, propTypes: cfg.PropTypes, name: "WindowAggregate",
	}
}

// newSessionRows makes the windowing function SESSION: rows wait until their session
// ends and come with its bounds.
func newSessionRows(cfg WindowTVFConfig) Operator {
	return &sessionOp{
		input: cfg.Input, window: cfg.Window, keyCols: cfg.PartitionBy, rows: true,
		props: []WindowProp{PropStart, PropEnd, cfg.timeProp()}, propTypes: cfg.outTypes(), name: "WindowTableFunction",
	}
}

type sessionOp struct {
	name      string
	input     []types.Type
	window    WindowSpec
	keyCols   []int
	aggs      []AggSpec
	retracts  bool
	rows      bool // emits rows, not aggregates
	props     []WindowProp
	propTypes []types.Type

	a        *aggCalls
	ordered  bool // results depend on the order of rows
	set      sessionSet
	held     *heldRows
	groups   groupClock
	keyTypes []types.Type

	keys  batch.KeyVec
	kv    *batch.KeyVec
	g     state.Grouper
	runs  sessionRuns
	signs []int64
	late  []uint16
	kept  []uint16

	times, walls  []int64
	millis, local []int64

	windowWalk
	upTo int64
	fire sessionFire
}

// Draw names the operator and its state.
func (o *sessionOp) Draw() Drawing {
	d := Drawing{Name: o.name, State: []string{"sessions", "timers", "fired"}}
	if o.held != nil {
		d.State = append(d.State, "rows", "seq")
	}
	return d
}

// Open makes the sessions.
func (o *sessionOp) Open(c *Ctx) error {
	a, err := newAggCalls(o.aggs, aggOptions{c: c, input: o.input, retract: o.retracts, inLanes: true, lazy: true})
	if err != nil {
		return err
	}
	o.a = a
	for _, s := range a.specs {
		if f := aggregate.Lookup(s.Func); f != nil && f.OrderDependent || s.User != nil {
			o.ordered = true
		}
	}
	o.keyTypes = colTypes(o.input, o.keyCols)
	o.groups = openGroupClock(c)
	o.set = newSessionSet(c, o, o.keyTypes)
	if o.rows || len(a.distinct) > 0 {
		o.held = newHeldRows(c, o)
	}
	for i, d := range a.distinct {
		o.fire.values = append(o.fire.values, newSessionValues(c, o, i, d))
	}
	return nil
}

// Process adds the rows of a batch to their sessions.
func (o *sessionOp) Process(c *Ctx, _ int, b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	o.a.heap.Reset()
	o.kv = nil
	if len(o.keyCols) > 0 {
		o.kv = keyVec(c, 0, b, o.keyCols, &o.keys)
	}
	if o.window.Proctime {
		o.walls = grow(o.local, b.N)
		o.local = o.walls
		now := o.set.clock.wall(c.Now())
		for i := range o.walls {
			o.walls[i] = now
		}
		if err := o.add(c, b, b.Sel); err != nil {
			return err
		}
		o.arm(c)
		return nil
	}
	times, err := eventTimes(b, o.window.TimeCol, &o.millis)
	if err != nil {
		return err
	}
	clock := &o.set.clock
	o.times = times
	o.walls = clock.walls(times, b.Sel, b.N, &o.local)
	least := MinTime(times, b.Sel, b.N)
	soon := clock.fires(MinTime(o.walls, b.Sel, b.N) + o.window.Size)
	o.in = b
	o.segs = NewSegments(c.Watermark(), b, func(from, to int64) bool {
		// Rows that come after a watermark can belong to a session that it fires
		// only if they are at most at the end of that.
		if least > to+1 {
			return false
		}
		due, any := o.set.timers.Min()
		return soon <= to || any && due <= to || !clock.steady(from, to)
	})
	return o.walk(c, o)
}

// Resume goes on after a pause.
func (o *sessionOp) Resume(c *Ctx) (bool, error) {
	err := o.walk(c, o)
	return err == nil && o.firing, err
}

// take adds the rows of a segment that are not late.
func (o *sessionOp) take(c *Ctx, b *batch.Batch, sel []uint16, wm int64) error {
	if sel != nil && len(sel) == 0 {
		return nil
	}
	gap, passed := o.window.Size, max(wm, o.groups.high)
	if o.set.clock.fires(MinTime(o.walls, sel, b.N)+gap) > passed {
		return o.add(c, b, sel)
	}
	if sel == nil {
		sel = batch.Span(0, b.N)
	}
	// A row whose own session would have fired counts if it touches one that is
	// open, which the rows before it may have made.
	kept, late := grow(o.kept, len(sel)), o.late[:0]
	n := 0
	for _, l := range sel {
		group := uint16(c.Store.Groups().From)
		if o.kv != nil {
			group = o.kv.KG[l]
		}
		passed := max(wm, o.groups.of(group))
		if o.set.clock.fires(o.walls[l]+gap) <= passed {
			if err := o.add(c, b, kept[:n]); err != nil {
				return err
			}
			n = 0
			if !o.set.touches(b, o.kv, l, o.walls[l]) {
				late = append(late, l)
				continue
			}
			kept[0] = l
			if err := o.add(c, b, kept[:1]); err != nil {
				return err
			}
			continue
		}
		kept[n] = l
		n++
	}
	if err := o.add(c, b, kept[:n]); err != nil {
		return err
	}
	o.kept, o.late = kept, late
	if len(late) > 0 {
		c.Late(b, late, wm)
	}
	return nil
}

// add puts rows into sessions: runs of rows within the batch first, then one look
// at the sessions of its key for each run.
func (o *sessionOp) add(c *Ctx, b *batch.Batch, sel []uint16) error {
	lanes := sel
	if lanes == nil {
		lanes = batch.Span(0, b.N)
	}
	if len(lanes) == 0 {
		return nil
	}
	o.set.s.Keys().Group(&o.g, b, o.kv, sel, state.Upsert)
	wide := o.runs.byGroup(&o.g, lanes, o.walls, o.window.Size)
	if wide && o.ordered && len(lanes) > 1 {
		for i := range lanes {
			if err := o.add(c, b, lanes[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	if wide {
		o.runs.cut(&o.g, lanes, o.walls, o.window.Size)
	}
	r := &o.runs
	var rows [][]uint64
	if o.held != nil {
		o.held.add(b, o.kv, lanes, o.walls)
	} else {
		rows = o.a.fold(&aggRun{b: b, lanes: lanes, g: r.run, n: len(r.lo), signs: signsOf(b, lanes, o.retracts, &o.signs)})
	}
	for i, k := range r.key {
		var row []uint64
		if rows != nil {
			row = rows[i]
		}
		if err := o.set.merge(o.g.Refs[k], r.lo[i], r.hi[i]+o.window.Size, row); err != nil {
			return err
		}
	}
	return nil
}

// Watermark fires sessions.
func (o *sessionOp) Watermark(c *Ctx, ts int64) error {
	if o.window.Proctime {
		return nil
	}
	o.startFiring(ts)
	return o.walk(c, o)
}

// Timer fires sessions on processing time.
func (o *sessionOp) Timer(c *Ctx, at int64) error {
	o.startFiring(at - 1)
	return o.walk(c, o)
}

// arm sets the timer for the next session on processing time.
func (o *sessionOp) arm(c *Ctx) {
	if due, ok := o.set.timers.Min(); ok {
		c.SetTimer(due + 1)
	}
}

// Finish fires the sessions on processing time that are open when the input ends.
func (o *sessionOp) Finish(c *Ctx) error {
	if o.window.Proctime {
		o.startFiring(batch.MaxWatermark)
	}
	return o.walk(c, o)
}

func (o *sessionOp) startFiring(upTo int64) { o.firing, o.upTo = true, upTo }

// Snapshot notes how far sessions have fired.
func (o *sessionOp) Snapshot(*Ctx) error {
	o.groups.save()
	return nil
}

// Close has nothing to release.
func (o *sessionOp) Close() error { return nil }
