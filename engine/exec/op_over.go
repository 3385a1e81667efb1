package exec

import (
	"bytes"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// OverOrder says what the rows of an OVER are ordered by.
type OverOrder uint8

// The orders.
const (
	// OverSorted: the input is bounded and sorted when it has ended.
	OverSorted OverOrder = iota
	// OverRowtime: by event time, which is the first column of OrderBy.
	OverRowtime
	// OverProctime: as rows come.
	OverProctime
	// OverValue: by value on a stream; results that were given out change.
	OverValue
)

// OverBoundKind is the kind of a bound of a frame.
type OverBoundKind uint8

// The bounds.
const (
	OverUnboundedPreceding OverBoundKind = iota
	OverPreceding
	OverCurrentRow
	OverFollowing
	OverUnboundedFollowing
)

// OverBound is where a frame begins or ends. Offset is a number of rows, or in a RANGE
// frame of milliseconds, or a distance between numbers of the scale of the config.
type OverBound struct {
	Kind   OverBoundKind
	Offset int64
}

// OverConfig describes an OVER aggregation.
//
// Output: the columns of the input, then one for each call.
type OverConfig struct {
	Input       []types.Type
	PartitionBy []int
	OrderBy     []OrderKey
	// Rows tells ROWS from RANGE. On a stream a frame ends at the current row.
	Rows   bool
	Lo, Hi OverBound
	// Scale is how many digits of Offset are behind the point.
	Scale int
	// Calls are aggregates, and functions of position such as ROW_NUMBER and LAG.
	Calls []AggSpec
	Order OverOrder
	// EmitUpdateBefore: readers want -U rows (OverValue alone gives updates).
	EmitUpdateBefore bool
	TTL              int64
}

// NewOver makes an OVER aggregation.
//
// By event time a row waits for the watermark and rows come out by time, then key,
// then arrival. A row is late when the watermark has passed it, or with a bounded
// frame when a row of its key at or after its time has come out; a key whose RANGE has
// long been empty is forgotten, and with it what came out of it. By processing time
// rows come out at once, but for those of a bounded RANGE, which wait for the end of
// their millisecond. Rows of one time see each other in RANGE frames, and the ones
// before them in ROWS frames.
func NewOver(cfg OverConfig) Operator {
	switch cfg.Order {
	case OverSorted:
		return &overBatch{cfg: cfg}
	case OverValue:
		return &overValue{cfg: cfg}
	}
	return &overTime{cfg: cfg}
}

// overTime is OVER by time on a stream.
type overTime struct {
	cfg    OverConfig
	calls  *overCalls
	frames *overFrames

	// A row of keys has the accumulators, then the lanes below, then what LAG keeps.
	// The list of a key is the rows of its frame, for those that leave again.
	rows *state.Sorted
	// wait holds rows until their time has come, ends the times at which the frame of
	// a key is empty and its row can go.
	wait *state.Queue
	ends *state.Queue
	// idle has the times at which keys go, see op_over_idle.go; nil without.
	idle *state.Queue

	timeCol int   // -1: processing time
	at      int64 // the watermark up to which rows have come out
	waits   bool  // rows wait in the queue
	moving  bool  // rows leave frames
	history bool  // rows that leave are needed
	rankAt  int   // the first of overRankLanes lanes of RANK and DENSE_RANK, if there are any
	lane0   int   // first lane behind the accumulators
	idleAt  int   // the first of idleLanes lanes
	codec   *state.Codec
	kept    *state.Codec // of the columns in frames.args

	keys  batch.KeyVec
	group state.Grouper
	in    batch.Batch
	out   batch.Batch
	times []int64
	sel   []uint16
	late  []uint16
	refs  []state.Ref
	buf   []byte
	offs  []uint32
	key   []byte
	due   state.Due
	gone  state.Due
	runOf []uint32
	minus [][]byte
	arena []byte
	held  heldRun
	// By row of the batch: its RANK and DENSE_RANK.
	rank, dense []int64
}

// Lanes behind the accumulators of a key.
const (
	overLast  = iota // the last time that came out, as timeWord
	overEnd          // when the key can go, as timeWord
	overSeq          // rows so far
	overLanes        // what follows belongs to calls
)

// Lanes of ranks: rows so far, the time of the last one as timeWord, its ranks.
const (
	overRows = iota
	overTimeOf
	overRankOf
	overDenseOf
	overRankLanes
)

// heldRun is rows of one key and time that are cut by the end of a batch: in a RANGE
// frame their result is known when the last of them is.
type heldRun struct {
	ts    int64
	key   []byte
	bytes []byte
	ends  []int
	res   []batch.Col
}

// Draw names the operator and its state.
func (o *overTime) Draw() Drawing {
	d := Drawing{Name: "OverAggregate", State: []string{"rows"}}
	if o.wait != nil {
		d.State = append(d.State, "waiting")
	}
	if o.idle != nil {
		d.State = append(d.State, "idle")
	}
	if o.frames != nil {
		d.State = append(d.State, o.frames.stateNames()...)
	}
	return d
}

// Open makes the rows of keys and the queue.
func (o *overTime) Open(c *Ctx) error {
	cfg := &o.cfg
	o.moving = cfg.Lo.Kind != OverUnboundedPreceding
	if o.timeCol = -1; cfg.Order == OverRowtime {
		o.timeCol = cfg.OrderBy[0].Col
	}
	o.at = c.Watermark()
	o.waits = o.timeCol >= 0 || o.moving && !cfg.Rows
	var err error
	if o.calls, err = newOverCalls(cfg); err != nil {
		return err
	}
	if o.frames, err = newOverFrames(c, cfg.Input, o.calls.aggs, o.moving); err != nil {
		return err
	}
	f := o.frames
	o.history = f.needsRows()
	o.codec = state.NewCodec(cfg.Input)
	o.kept = state.NewCodec(f.types)
	o.lane0 = f.a.width
	keyTypes := colTypes(cfg.Input, cfg.PartitionBy)
	blobs := append([]int(nil), f.a.blobs...)
	for i := range o.calls.shifts {
		o.calls.shifts[i].lane = o.lane0 + overLanes + i
		blobs = append(blobs, o.lane0+overLanes+i)
	}
	o.rankAt = overLanes + len(o.calls.shifts)
	width := o.lane0 + o.rankAt
	if len(o.calls.ranks) > 0 {
		width += overRankLanes
	}
	ttl := int64(0)
	if o.byTimers() {
		o.idle = c.Store.Queue(c.Name+".idle", state.QueueSpec{Set: true})
		o.idleAt = width
		width += idleLanes
	} else if !o.moving {
		ttl = cfg.TTL
	}
	o.rows = c.Store.Sorted(c.Name+".rows", state.SortedSpec{Table: state.TableSpec{
		Key: keyTypes, Lanes: width, Blobs: blobs, TTL: ttl,
	}})
	f.open(c, o.rows.Keys(), keyTypes, ttl)
	if o.waits {
		o.wait = c.Store.Queue(c.Name+".waiting", state.QueueSpec{})
	}
	if o.moving && !cfg.Rows {
		o.ends = c.Store.Queue(c.Name+".ends", state.QueueSpec{Set: true})
	}
	return nil
}

// Process takes rows in, or out at once where they do not wait.
func (o *overTime) Process(c *Ctx, _ int, b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	if o.idle != nil {
		o.expire(c)
	}
	if !o.waits {
		return o.pass(c, b)
	}
	if o.timeCol < 0 {
		now := c.Now()
		o.times = grow(o.times, b.N)
		for i := range o.times {
			o.times[i] = now
		}
		o.queue(c, b, b.Sel)
		c.SetTimer(now + 1)
		return nil
	}
	o.times = append(o.times[:0], Millis(&b.Cols[o.timeCol], b.N, &o.times)...)
	least := MinTime(o.times, b.Sel, b.N)
	crosses := func(_, to int64) bool {
		m, ok := o.wait.Min()
		return least <= to || ok && m <= to
	}
	for s := NewSegments(c.Watermark(), b, crosses); s.Next(); {
		seg := *b
		seg.Sel, seg.Marks, seg.Keys = Lanes(b, s.Lo, s.Hi), nil, b.Keys
		if s.Hi > s.Lo {
			o.take(c, &seg, s.Before)
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

// take queues the rows that are not late.
func (o *overTime) take(c *Ctx, b *batch.Batch, wm int64) {
	sel, late := SplitLate(b, o.times, wm, false, o.sel[:0], o.late[:0])
	if len(late) == 0 {
		o.queue(c, b, b.Sel)
		return
	}
	o.sel, o.late = sel, late
	if o.moving {
		// Behind the watermark a row still has its place while nothing at or after
		// its time has come out of its key.
		o.split(c, b, wm)
		if len(o.late) == 0 {
			o.queue(c, b, b.Sel)
			return
		}
	}
	c.Late(b, o.late, wm)
	if o.idle != nil {
		o.arrive(c, b, o.late, 0)
	}
	o.queue(c, b, o.sel)
}

func (o *overTime) split(c *Ctx, b *batch.Batch, wm int64) {
	keys := o.keyVec(c, b)
	o.sel, o.late = o.sel[:0], o.late[:0]
	var one [1]state.Ref
	var lane [1]uint16
	for i := range b.Rows() {
		l := uint16(b.Lane(i))
		if o.times[l] <= wm {
			lane[0] = l
			o.rows.Keys().Lookup(b, keys, lane[:], state.Read, one[:], nil)
			if one[0] != state.None && o.rows.Keys().Row(one[0])[o.lane0+overLast] >= timeWord(o.times[l]) {
				o.late = append(o.late, l)
				continue
			}
		}
		o.sel = append(o.sel, l)
	}
}

// keyVec is the hash of the partition of a batch; nil without one.
func (o *overTime) keyVec(c *Ctx, b *batch.Batch) *batch.KeyVec {
	if len(o.cfg.PartitionBy) == 0 {
		return nil
	}
	return keyVec(c, 0, b, o.cfg.PartitionBy, &o.keys)
}

// queue makes the rows in the lanes sel wait for their times.
func (o *overTime) queue(c *Ctx, b *batch.Batch, sel []uint16) {
	if o.idle != nil {
		o.arrive(c, b, sel, 1)
	}
	keys := o.keyVec(c, b)
	if sel == nil {
		sel = batch.Span(0, b.N)
	}
	if len(sel) == 0 {
		return
	}
	o.buf, o.offs = o.codec.AppendRows(o.buf[:0], o.offs[:0], b, sel)
	for i, lane := range sel {
		l := int(lane)
		k := state.Key{Group: uint16(c.Store.Groups().From)}
		if keys != nil {
			k.Group, k.Hash = keys.KG[l], keys.H[l]
			o.key = o.key[:0]
			for _, col := range o.cfg.PartitionBy {
				o.key = batch.AppendKey(o.key, &b.Cols[col], l)
			}
			k.Bytes = o.key
		}
		o.wait.Add(o.times[l], k, o.buf[o.offs[i]:o.offs[i+1]])
	}
}

// pass gives rows out as they come.
func (o *overTime) pass(c *Ctx, b *batch.Batch) error {
	in := b
	if b.Sel != nil {
		o.in.Gather(b, nil)
		in = &o.in
	}
	if err := o.fold(c, in, nil); err != nil {
		return err
	}
	return o.emit(c, in, 0, in.N)
}

// fire gives out the rows whose time has come, a batch at a time.
func (o *overTime) fire(c *Ctx, upTo int64) error {
	for more := true; more; {
		more = o.wait.Due(upTo, batch.MaxRows, &o.due)
		n := len(o.due.TS)
		if n == 0 {
			break
		}
		o.in.Alloc(o.cfg.Input, n)
		o.codec.Decode(o.in.Cols, 0, nil, o.due.Payload)
		if err := o.fold(c, &o.in, o.due.TS); err != nil {
			return err
		}
		cut := false
		if more && !o.cfg.Rows {
			next, _ := o.wait.Min()
			cut = next == o.due.TS[n-1]
		}
		if err := o.release(c, n, cut); err != nil {
			return err
		}
	}
	if o.ends != nil {
		o.forget(upTo)
	}
	return nil
}

// release emits the rows of the batch at hand whose results are known: all, unless
// the run of the last one may go on.
func (o *overTime) release(c *Ctx, n int, cut bool) error {
	h := &o.held
	from := 0
	if len(h.ends) > 0 {
		same := h.ts == o.due.TS[0] && bytes.Equal(h.key, o.due.Keys[0].Bytes)
		if !same {
			if err := o.emitHeld(c); err != nil {
				return err
			}
		} else {
			// The run went on: its result is the one after this batch's part.
			h.take(o.frames.res, 0)
			for from < n && o.runOf[from] == 0 {
				h.add(o.due.Payload[from])
				from++
			}
			if from < n || !cut {
				if err := o.emitHeld(c); err != nil {
					return err
				}
			}
		}
	}
	to := n
	if cut && from < n {
		for to > from && o.runOf[to-1] == o.runOf[n-1] {
			to--
		}
		h.ts, h.key = o.due.TS[n-1], append(h.key[:0], o.due.Keys[n-1].Bytes...)
		h.take(o.frames.res, int(o.runOf[n-1]))
		for _, row := range o.due.Payload[to:n] {
			h.add(row)
		}
	}
	return o.emit(c, &o.in, from, to)
}

func (h *heldRun) add(row []byte) {
	h.bytes = append(h.bytes, row...)
	h.ends = append(h.ends, len(h.bytes))
}

// take copies the results of a run.
func (h *heldRun) take(res []batch.Col, run int) {
	if len(h.res) != len(res) {
		h.res = make([]batch.Col, len(res))
	}
	at := []uint16{uint16(run)}
	for i := range res {
		h.res[i].Gather(&res[i], at, 1)
	}
}

// emitHeld gives out the rows of a run that was cut.
func (o *overTime) emitHeld(c *Ctx) error {
	h := &o.held
	at := 0
	for from := 0; from < len(h.ends); from += batch.MaxRows {
		to := min(len(h.ends), from+batch.MaxRows)
		n := to - from
		o.minus = o.minus[:0]
		for _, e := range h.ends[from:to] {
			o.minus = append(o.minus, h.bytes[at:e])
			at = e
		}
		k := len(o.cfg.Input)
		o.out.SetColumns(k + len(o.cfg.Calls))
		for i, t := range o.cfg.Input {
			o.out.Cols[i].Alloc(t, n)
		}
		o.codec.Decode(o.out.Cols[:k], 0, nil, o.minus)
		for i, p := range o.calls.places {
			o.out.Cols[k+i].Alloc(o.cfg.Calls[i].Result, 0)
			o.out.Cols[k+i].AppendRepeat(0, &h.res[p.agg], 0, n)
		}
		o.out.N = n
		if err := c.Emit(&o.out); err != nil {
			return err
		}
	}
	h.ends, h.bytes = h.ends[:0], h.bytes[:0]
	o.minus = o.minus[:0]
	return nil
}

// emit gives out rows [from, to) of a batch that was folded.
func (o *overTime) emit(c *Ctx, b *batch.Batch, from, to int) error {
	n, k := to-from, len(o.cfg.Input)
	if n == 0 {
		return nil
	}
	o.out.SetColumns(k + len(o.cfg.Calls))
	sel := batch.Span(from, to)
	for i := range k {
		o.out.Cols[i].Gather(&b.Cols[i], sel, n)
	}
	for i, p := range o.calls.places {
		dst := &o.out.Cols[k+i]
		if p.shift >= 0 {
			dst.Gather(&o.calls.shifts[p.shift].out, sel, n)
			continue
		}
		if p.rank >= 0 {
			dst.Alloc(o.cfg.Calls[i].Result, n)
			if o.calls.ranks[p.rank].fn == "RANK" {
				copy(dst.I64, o.rank[from:to])
			} else {
				copy(dst.I64, o.dense[from:to])
			}
			continue
		}
		dst.Alloc(o.cfg.Calls[i].Result, 0)
		dst.AppendIndex(0, &o.frames.res[p.agg], o.runOf[from:to], n)
	}
	o.out.N = n
	return c.Emit(&o.out)
}

// fold moves the frames over the rows of a dense batch, in order: o.runOf says which
// result of o.frames.res is that of each row. times are those of RANGE frames.
func (o *overTime) fold(c *Ctx, b *batch.Batch, times []int64) error {
	n := b.N
	keys := o.keyVec(c, b)
	g := &o.group
	o.rows.Keys().Group(g, b, keys, nil, state.Upsert)
	f := o.frames
	f.begin(b, keys, g)
	o.runOf = grow(o.runOf, n)
	o.minus, o.arena = o.minus[:0], o.arena[:0]
	run := uint32(0)
	for i := 0; i < n; run++ {
		group, end := g.G[i], i+1
		if !o.cfg.Rows && times != nil {
			for end < n && g.G[end] == group && times[end] == times[i] {
				end++
			}
		}
		number := f.openRun(group)
		lanes := o.rows.Keys().Row(g.Refs[group])[o.lane0:]
		if times != nil {
			lanes[overLast] = max(lanes[overLast], timeWord(times[i]))
		}
		if o.moving {
			t := int64(0)
			if times != nil {
				t = times[i]
			}
			if err := o.move(c, b, i, end, t, g.Refs[group], lanes); err != nil {
				return err
			}
			f.say(number)
		}
		if len(o.calls.ranks) > 0 {
			o.ranks(c, lanes[o.rankAt:], i, end, times, n)
		}
		if o.idle != nil {
			o.use(c, g.Refs[group])
			if o.waits {
				o.rows.Keys().Row(g.Refs[group])[o.idleAt+idleWaits] -= uint64(end - i)
			}
		}
		for ; i < end; i++ {
			f.row(i, 1)
			o.runOf[i] = run
		}
	}
	if err := f.flush(o.leaving(b), true); err != nil {
		return err
	}
	o.minus, o.arena = o.minus[:0], o.arena[:0]
	return o.calls.shift(b, g, o.rows.Keys())
}

// ranks numbers rows [from, to) of a key: rows of one time share a RANK and a DENSE_RANK.
func (o *overTime) ranks(c *Ctx, lanes []uint64, from, to int, times []int64, n int) {
	o.rank, o.dense = grow(o.rank, n), grow(o.dense, n)
	for i := from; i < to; i++ {
		word := uint64(0)
		if times != nil {
			word = timeWord(times[i])
		} else {
			word = timeWord(c.Now())
		}
		if lanes[overRows]++; lanes[overRows] == 1 || lanes[overTimeOf] != word {
			lanes[overTimeOf], lanes[overRankOf] = word, lanes[overRows]
			lanes[overDenseOf]++
		}
		o.rank[i], o.dense[i] = int64(lanes[overRankOf]), int64(lanes[overDenseOf])
	}
}

// leaving is what a fold reads: the rows of b, then those that leave.
func (o *overTime) leaving(b *batch.Batch) *batch.Batch {
	return o.frames.columns(b, o.kept, o.minus)
}

// overLeave is how many leaving rows are collected before they are folded.
const overLeave = 32_768

// move lets those rows out of the frame of a key that are too old for the rows [from,
// to), which are at time t, and takes these in. Old ones go first: lists that hold both
// must lose the old one of two equal rows.
func (o *overTime) move(c *Ctx, b *batch.Batch, from, to int, t int64, ref state.Ref, lanes []uint64) error {
	f := o.frames
	seq := lanes[overSeq]
	lanes[overSeq] += uint64(to - from)
	low := uint64(0)
	if o.cfg.Rows {
		if off := uint64(o.offset()); lanes[overSeq] > off {
			low = lanes[overSeq] - off
		}
	} else {
		low = timeWord(t - o.offset())
		o.setEnd(c, t, ref, lanes)
	}
	f.expire(low)
	if o.history {
		for p := o.rows.First(ref); p.OK() && o.rows.Word(p) < low; p = o.rows.Remove(p) {
			at := len(o.arena)
			o.arena = append(o.arena, o.rows.Payload(p)...)
			o.minus = append(o.minus, o.arena[at:len(o.arena):len(o.arena)])
			f.row(b.N+len(o.minus)-1, -1)
			if len(o.minus) == overLeave {
				if err := f.flush(o.leaving(b), false); err != nil {
					return err
				}
				o.minus, o.arena = o.minus[:0], o.arena[:0]
			}
		}
	}
	for k := from; k < to; k++ {
		seq++
		word := seq
		if !o.cfg.Rows {
			word = timeWord(t)
		}
		f.push(k, word)
		if o.history {
			o.buf = o.kept.Append(o.buf[:0], b, f.args, k)
			o.rows.Insert(ref, word, nil, o.buf)
		}
	}
	return nil
}

// offset is how far back the frame goes.
func (o *overTime) offset() int64 {
	if o.cfg.Lo.Kind == OverCurrentRow {
		return 0
	}
	return o.cfg.Lo.Offset
}

// setEnd notes when the frame of a key will be empty if nothing comes. Timers are
// set generously so that a busy key has few.
func (o *overTime) setEnd(c *Ctx, t int64, ref state.Ref, lanes []uint64) {
	off := o.offset()
	if lanes[overEnd] >= timeWord(t+off+1) {
		return
	}
	end := t + off + off/2 + 1
	lanes[overEnd] = timeWord(end)
	o.ends.Add(end, o.rows.Keys().KeyOf(ref, nil), nil)
	if o.timeCol < 0 {
		c.SetTimer(end + 1)
	}
}

// forget drops keys whose frames are empty.
func (o *overTime) forget(upTo int64) {
	for more := true; more; {
		more = o.ends.Due(upTo, batch.MaxRows, &o.gone)
		for i, k := range o.gone.Keys {
			ref := o.rows.Keys().Get(k, state.Write)
			if ref == state.None || o.rows.Keys().Row(ref)[o.lane0+overEnd] > timeWord(o.gone.TS[i]) {
				continue
			}
			o.frames.drop(k, ref)
			o.rows.Keys().Delete(ref)
		}
	}
}

// Watermark gives out rows by event time. At the end of the input those that wait
// for processing time go too.
func (o *overTime) Watermark(c *Ctx, ts int64) error {
	if !o.waits || o.timeCol < 0 && ts != batch.MaxWatermark || ts <= o.at {
		return nil // a row taken behind the watermark waits for the next one
	}
	o.at = ts
	return o.fire(c, ts)
}

// Timer gives out the rows of a past millisecond, and lets keys go.
func (o *overTime) Timer(c *Ctx, at int64) error {
	if o.idle != nil {
		o.expire(c)
	}
	if !o.waits || o.timeCol >= 0 {
		return nil
	}
	return o.fire(c, at-1)
}

// Snapshot has nothing outside of the store.
func (o *overTime) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (o *overTime) Close() error { return nil }
