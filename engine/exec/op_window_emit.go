package exec

import (
	"bytes"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// WindowEmitConfig describes an aggregation by windows of the older form that does not
// wait for their end, or takes rows behind it.
//
// Output: Keys, Aggs, Props; rows of a window are replaced.
type WindowEmitConfig struct {
	WindowAggConfig
	// Early and Late are the milliseconds of processing time from a row to the firing
	// it brings about, before and after the end of the window: 0 fires at once, a
	// negative number is off.
	Early, Late int64
	// Lateness is how far behind the end of a window its rows may be.
	Lateness         int64
	EmitUpdateBefore bool
}

// NewWindowEmit makes an aggregation by TUMBLE or HOP windows with early or late
// firings, as Flink's triggers have them: rows before the end of a window fire by Early;
// its end fires; rows behind it fire by Late, or at once without. A firing whose result
// is that of the one before says nothing.
func NewWindowEmit(cfg WindowEmitConfig) Operator { return &windowEmit{cfg: cfg} }

// windowEmit keeps a row for each window of each key: unlike windowAgg, which adds up
// panes, it must know what it said of each.
type windowEmit struct {
	cfg   WindowEmitConfig
	a     *aggCalls
	grid  windowGrid
	clock wallClock

	table *state.Table
	// ends and goes are the times at which windows fire and are dropped, delays those
	// of firings by the clock.
	ends, goes, delays *state.Queue

	keyCols  []int
	keyTypes []types.Type
	results  *state.Codec
	at       int64

	millis, local []int64
	lanes         []uint16
	starts        []int64
	late          []uint16
	ext           batch.Batch // rows, one for each window, with its start behind the columns
	start         batch.Col
	keys          batch.KeyVec
	g             state.Grouper
	seen          []uint32 // by group: the run it was in last
	run           uint32
	place         []int32 // by group: its local number
	local16       []uint16
	groups        []uint16
	rowLanes      []uint16
	signs         []int64
	alive         []int64
	refs          []state.Ref
	firing        []state.Ref
	seeds         laneRows
	due           state.Due
	out           windowSaid
}

// Lanes behind the accumulators of a window.
const (
	emitFlags = iota // emitKnown, emitFired
	emitNext         // when it fires by the clock, as timeWord; 0: not
	emitSaid         // blob: the result that was given out
	emitLanes
)

const (
	emitKnown = 1 << iota // the window has its timers
	emitFired             // its end has fired
)

// windowSaid makes changes of windows.
type windowSaid struct {
	res, old, keys []batch.Col
	view           batch.Batch
	said           [][]byte
	index, keyOf   []uint32
	kinds          []batch.Kind
	out            batch.Batch
	buf            []byte
}

// Draw names the operator and its state.
func (o *windowEmit) Draw() Drawing {
	return Drawing{Name: "GroupWindowAggregate", State: []string{"windows", "ends", "goes", "delays"}}
}

// Open makes the state.
func (o *windowEmit) Open(c *Ctx) error {
	cfg := &o.cfg
	o.grid = newWindowGrid(cfg.Window)
	o.clock = newWallClock(c.Zone, cfg.Window.Local || cfg.Window.Proctime)
	var err error
	if o.a, err = newAggCalls(cfg.Aggs, aggOptions{c: c, input: cfg.Input, retract: cfg.InputRetracts}); err != nil {
		return err
	}
	o.keyCols = append(append([]int(nil), cfg.Keys...), len(cfg.Input))
	o.keyTypes = append(colTypes(cfg.Input, cfg.Keys), types.BigIntT.Nullable(false))
	said := o.a.width + emitSaid
	o.table = c.Store.Table(c.Name+".windows", state.TableSpec{
		Key: o.keyTypes, Lanes: o.a.width + emitLanes, Blobs: append(append([]int(nil), o.a.blobs...), said),
	})
	o.a.openDistinct(c, cfg.Input, 0, o.table)
	o.a.openOrdered(c, o.keyTypes, 0)
	o.ends = c.Store.Queue(c.Name+".ends", state.QueueSpec{Set: true})
	o.goes = c.Store.Queue(c.Name+".goes", state.QueueSpec{Set: true})
	o.delays = c.Store.Queue(c.Name+".delays", state.QueueSpec{Set: true})
	o.results = state.NewCodec(o.a.resultTypes())
	o.at = c.Watermark()
	return nil
}

// Process adds rows to their windows.
func (o *windowEmit) Process(c *Ctx, _ int, b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	w := o.cfg.Window
	if w.Proctime {
		now := o.clock.wall(c.Now())
		o.local = grow(o.local, b.N)
		for i := range o.local {
			o.local[i] = now
		}
		return o.add(c, b, o.local, batch.NoWatermark)
	}
	times, err := eventTimes(b, w.TimeCol, &o.millis)
	if err != nil {
		return err
	}
	walls := o.clock.walls(times, b.Sel, b.N, &o.local)
	least := MinTime(times, b.Sel, b.N)
	crosses := func(_, to int64) bool {
		end, ok := o.ends.Min()
		gone, any := o.goes.Min()
		return least <= to || ok && end <= to || any && gone <= to
	}
	for s := NewSegments(c.Watermark(), b, crosses); s.Next(); {
		seg := *b
		seg.Sel, seg.Marks, seg.Keys = Lanes(b, s.Lo, s.Hi), nil, nil
		if s.Hi > s.Lo {
			if err := o.add(c, &seg, walls, s.Before); err != nil {
				return err
			}
		}
		if s.Moved() {
			o.at = s.After
			if err := o.fire(c, s.After); err != nil {
				return err
			}
		}
	}
	return nil
}

// add puts the rows into their windows, the latest first, and drops those that are late
// for all.
func (o *windowEmit) add(c *Ctx, b *batch.Batch, walls []int64, wm int64) error {
	o.lanes, o.starts, o.late = o.lanes[:0], o.starts[:0], o.late[:0]
	for i := range b.Rows() {
		l := uint16(b.Lane(i))
		t := walls[l]
		if !o.grid.inWindow(t) {
			continue
		}
		had := len(o.lanes)
		pane := o.grid.paneOf(t)
		for end, first := o.grid.lastEnd(pane), o.grid.firstEnd(pane); end >= first; end -= o.grid.step {
			if !o.cfg.Window.Proctime && o.clock.fires(end)+o.cfg.Lateness <= wm {
				continue
			}
			o.lanes, o.starts = append(o.lanes, l), append(o.starts, end-o.grid.size)
		}
		if len(o.lanes) == had {
			o.late = append(o.late, l)
		}
	}
	if len(o.late) > 0 {
		c.Late(b, o.late, wm)
	}
	for from := 0; from < len(o.lanes); from += batch.MaxRows {
		to := min(len(o.lanes), from+batch.MaxRows)
		if err := o.apply(c, b, o.lanes[from:to], o.starts[from:to], wm); err != nil {
			return err
		}
	}
	return nil
}

// apply adds rows to windows and fires those that fire now. Exact plans take rows up to
// the next one of a window that is there already, so that each firing is told.
func (o *windowEmit) apply(c *Ctx, b *batch.Batch, lanes []uint16, starts []int64, wm int64) error {
	o.a.heap.Reset()
	view := *b
	view.Sel = lanes
	o.ext.Gather(&view, nil)
	o.start.Alloc(o.keyTypes[len(o.keyTypes)-1], len(starts))
	copy(o.start.I64, starts)
	ext := o.ext
	ext.Keys, ext.Marks = nil, nil
	ext.Cols = append(ext.Cols[:len(o.cfg.Input):len(o.cfg.Input)], o.start)
	kv := o.keyVec(c, &ext)
	o.table.Group(&o.g, &ext, kv, nil, state.Upsert)
	if len(o.a.ordered) > 0 {
		o.a.lookup(&ext, kv, o.g.Reps)
	}
	o.seen = grow(o.seen, o.g.Len())
	clear(o.seen)
	o.run = 0
	for from := 0; from < ext.N; {
		to := ext.N
		if c.Exact {
			o.run++
			for to = from; to < ext.N && o.seen[o.g.G[to]] != o.run; to++ {
				o.seen[o.g.G[to]] = o.run
			}
		}
		if err := o.applyRun(c, &ext, from, to, wm); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// keyVec is the hash of keys and start; rows were dealt by the keys.
func (o *windowEmit) keyVec(c *Ctx, ext *batch.Batch) *batch.KeyVec {
	dealt := dealtBy(c.dealt(0), o.cfg.Keys)
	if dealt == nil {
		dealt = o.cfg.Keys
	}
	if len(dealt) == 0 {
		dealt = o.keyCols
	}
	batch.HashDealt(&o.keys, ext, o.keyCols, dealt, c.MaxParallelism)
	return &o.keys
}

// applyRun adds rows [from, to) and fires.
func (o *windowEmit) applyRun(c *Ctx, ext *batch.Batch, from, to int, wm int64) error {
	n := o.choose(ext, from, to)
	if len(o.rowLanes) > 0 {
		rows := o.a.fold(&aggRun{b: ext, lanes: o.rowLanes, g: o.local16, signs: o.signs, n: n, g2: o.groups, refs: o.g.Refs})
		seeds := o.a.load(&o.seeds, o.table, o.refs)
		if err := o.a.merge(rows, seeds, rows); err != nil {
			return err
		}
		for k, ref := range o.refs {
			o.a.save(o.table, ref, rows[k], seeds[k])
		}
	}
	o.firing = o.firing[:0]
	starts := o.startOf(o.refs)
	for k, ref := range o.refs {
		if o.trigger(c, ref, o.clock.fires(starts[k]+o.grid.size), wm) {
			o.firing = append(o.firing, ref)
		}
	}
	return o.emit(c, o.firing)
}

// choose lists the rows that count, with local numbers of their windows, and the windows
// touched: a row taken back from a window that has none is ignored.
func (o *windowEmit) choose(ext *batch.Batch, from, to int) int {
	o.rowLanes, o.local16, o.groups, o.signs, o.refs = o.rowLanes[:0], o.local16[:0], o.groups[:0], nil, o.refs[:0]
	o.alive = o.alive[:0]
	retracts := o.cfg.InputRetracts && ext.Kinds != nil
	o.place = grow(o.place, o.g.Len())
	for _, g := range o.g.G[from:to] {
		o.place[g] = -1
	}
	for l := from; l < to; l++ {
		g := o.g.G[l]
		k := int(o.place[g])
		if k < 0 {
			k = len(o.refs)
			o.place[g] = int32(k)
			o.refs = append(o.refs, o.g.Refs[g])
			o.alive = append(o.alive, int64(o.table.Row(o.g.Refs[g])[0]))
		}
		sign := int64(1)
		if retracts && !ext.Kinds[l].Adds() {
			sign = -1
		}
		if o.alive[k] <= 0 && sign < 0 {
			continue
		}
		o.alive[k] += sign
		o.rowLanes, o.local16, o.groups = append(o.rowLanes, uint16(l)), append(o.local16, uint16(k)), append(o.groups, g)
		if retracts {
			o.signs = append(o.signs, sign)
		}
	}
	return len(o.refs)
}

// startOf are the starts of windows, from their keys.
func (o *windowEmit) startOf(refs []state.Ref) []int64 {
	s := &o.out
	if len(s.keys) != len(o.keyTypes) {
		s.keys = make([]batch.Col, len(o.keyTypes))
	}
	for i, t := range o.keyTypes {
		s.keys[i].Alloc(t, len(refs))
	}
	o.table.KeysInto(s.keys, 0, refs)
	return s.keys[len(o.keyTypes)-1].I64[:len(refs)]
}

// trigger reports whether a window whose end is the moment fires fires at once for a
// row, and sets its timers.
func (o *windowEmit) trigger(c *Ctx, ref state.Ref, fires, wm int64) bool {
	lanes := o.table.Touch(ref)[o.a.width:]
	proctime := o.cfg.Window.Proctime
	past := !proctime && fires <= wm
	if lanes[emitFlags]&emitKnown == 0 {
		lanes[emitFlags] |= emitKnown
		key := o.table.KeyOf(ref, nil)
		if !past {
			o.ends.Add(fires, key, nil)
		}
		o.goes.Add(fires+o.cfg.Lateness, key, nil)
		if proctime {
			c.SetTimer(fires + 1)
		}
	}
	delay := o.cfg.Early
	if past {
		if o.cfg.Late < 0 || lanes[emitFlags]&emitFired == 0 {
			return true
		}
		delay = o.cfg.Late
	}
	if delay > 0 && lanes[emitNext] == 0 {
		at := c.Now() + delay
		lanes[emitNext] = timeWord(at)
		o.delays.Add(at, o.table.KeyOf(ref, nil), nil)
		c.SetTimer(at)
	}
	return delay == 0
}

// fire gives out the windows that end, and drops those whose lateness is over.
func (o *windowEmit) fire(c *Ctx, upTo int64) error {
	for more := true; more; {
		more = o.ends.Due(upTo, batch.MaxRows, &o.due)
		o.firing = o.firing[:0]
		for _, k := range o.due.Keys {
			ref := o.table.Get(k, state.Write)
			if ref == state.None {
				continue
			}
			lanes := o.table.Row(ref)[o.a.width:]
			lanes[emitFlags] |= emitFired
			lanes[emitNext] = 0
			o.firing = append(o.firing, ref)
		}
		if err := o.emit(c, o.firing); err != nil {
			return err
		}
	}
	for more := true; more; {
		more = o.goes.Due(upTo, batch.MaxRows, &o.due)
		for _, k := range o.due.Keys {
			o.drop(k)
		}
	}
	return nil
}

func (o *windowEmit) drop(k state.Key) {
	ref := o.table.Get(k, state.Write)
	if ref == state.None {
		return
	}
	for _, x := range o.a.ordered {
		x.refs = append(x.refs[:0], x.sorted.Keys().Get(k, state.Upsert))
	}
	o.a.drop(o.table, ref, 0)
	o.table.Delete(ref)
}

// Watermark fires windows by event time. At the end of the input those go that wait for
// the clock.
func (o *windowEmit) Watermark(c *Ctx, ts int64) error {
	if o.cfg.Window.Proctime && ts != batch.MaxWatermark || ts <= o.at {
		return nil
	}
	o.at = ts
	return o.fire(c, ts)
}

// Timer fires windows by the clock.
func (o *windowEmit) Timer(c *Ctx, at int64) error {
	for more := true; more; {
		more = o.delays.Due(at, batch.MaxRows, &o.due)
		o.firing = o.firing[:0]
		for i, k := range o.due.Keys {
			ref := o.table.Get(k, state.Write)
			if ref == state.None {
				continue
			}
			if lanes := o.table.Row(ref)[o.a.width:]; lanes[emitNext] == timeWord(o.due.TS[i]) {
				lanes[emitNext] = 0
				o.firing = append(o.firing, ref)
			}
		}
		if err := o.emit(c, o.firing); err != nil {
			return err
		}
	}
	if o.cfg.Window.Proctime {
		return o.fire(c, at-1)
	}
	return nil
}

// emit gives out what has changed in windows since they fired before.
func (o *windowEmit) emit(c *Ctx, refs []state.Ref) error {
	for from := 0; from < len(refs); from += emitChanges {
		if err := o.emitPart(c, refs[from:min(len(refs), from+emitChanges)]); err != nil {
			return err
		}
	}
	return nil
}

func (o *windowEmit) emitPart(c *Ctx, refs []state.Ref) error {
	s, aggs := &o.out, len(o.a.specs)
	n := len(refs)
	starts := o.startOf(refs)
	if len(s.res) != aggs {
		s.res, s.old = make([]batch.Col, aggs), make([]batch.Col, aggs)
	}
	rows := make([][]uint64, n)
	for k, ref := range refs {
		rows[k] = o.table.Row(ref)[:o.a.width]
	}
	if err := o.a.final(s.res, rows, o.table); err != nil {
		return err
	}
	s.view.Cols, s.view.N = s.res, n
	s.said, s.index, s.keyOf, s.kinds = s.said[:0], s.index[:0], s.keyOf[:0], s.kinds[:0]
	row := func(kind batch.Kind, k, at int) {
		s.kinds, s.keyOf, s.index = append(s.kinds, kind), append(s.keyOf, uint32(k)), append(s.index, uint32(at))
	}
	all := allCols(aggs)
	for k, ref := range refs {
		lane := &o.table.Touch(ref)[o.a.width+emitSaid]
		before := o.table.Blob(*lane)
		gone := o.cfg.InputRetracts && int64(rows[k][0]) <= 0
		s.buf = o.results.Append(append(s.buf[:0], 1), &s.view, all, k)
		switch {
		case gone && before == nil, !gone && bytes.Equal(before, s.buf):
			continue
		case before == nil:
			row(batch.Insert, k, k)
		default:
			if s.said = append(s.said, append([]byte(nil), before[1:]...)); gone {
				row(batch.Delete, k, n+len(s.said)-1)
			} else {
				if o.cfg.EmitUpdateBefore {
					row(batch.UpdateBefore, k, n+len(s.said)-1)
				}
				row(batch.UpdateAfter, k, k)
			}
		}
		if gone {
			s.buf = s.buf[:0]
		}
		o.table.SetBlob(lane, s.buf)
	}
	if len(s.kinds) == 0 {
		return nil
	}
	return o.send(c, starts, n)
}

// send emits the rows listed by emitPart.
func (o *windowEmit) send(c *Ctx, starts []int64, n int) error {
	s, aggs, keys := &o.out, len(o.a.specs), len(o.cfg.Keys)
	if len(s.said) > 0 {
		for i := range s.old {
			s.old[i].Alloc(o.a.specs[i].Result, len(s.said))
		}
		o.results.Decode(s.old, 0, nil, s.said)
		for i := range s.res {
			s.res[i].Append(n, &s.old[i], nil, len(s.said))
		}
	}
	out := &s.out
	out.Reset()
	m := len(s.kinds)
	if len(out.Cols) != keys+aggs+len(o.cfg.Props) {
		out.Cols = make([]batch.Col, keys+aggs+len(o.cfg.Props))
	}
	out.N = m
	for i := range keys {
		out.Cols[i].AppendIndex(0, &s.keys[i], s.keyOf, m)
	}
	for i := range aggs {
		out.Cols[keys+i].AppendIndex(0, &s.res[i], s.index, m)
	}
	for i, p := range o.cfg.Props {
		col, t := &out.Cols[keys+aggs+i], o.cfg.PropTypes[i]
		col.Alloc(t, m)
		for k, g := range s.keyOf {
			start := starts[g]
			col.I64[k] = p.ticks(t, start, start+o.grid.size, o.clock.fires(start+o.grid.size), 0)
			if p == PropProctime {
				col.I64[k] = TicksOf(t, c.Now())
			}
		}
	}
	copy(out.AllocKinds(), s.kinds)
	return c.Emit(out)
}

// Snapshot has nothing outside of the store.
func (o *windowEmit) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (o *windowEmit) Close() error { return nil }
