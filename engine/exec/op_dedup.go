package exec

import (
	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// DedupConfig describes a deduplication: one row a key.
type DedupConfig struct {
	Input    []types.Type
	Keys     []int
	KeepLast bool
	// TimeCol orders rows by event time; -1 takes them as they come (processing
	// time).
	TimeCol int
	// EmitUpdateBefore: readers want -U rows. InputRetracts: rows may be taken back;
	// only keep-last by arrival allows it.
	EmitUpdateBefore bool
	// AnyKind lets keep-last emit the first row of a key as +U where -U is not emitted.
	AnyKind bool
	TTL     int64
}

// NewDeduplicate makes a deduplication of append-only input.
//
// By arrival, keep-first emits the first row of a key and keep-last each row as an
// update. By event time, keep-last replaces on a time that is not smaller, at once;
// keep-first waits for the watermark and emits the row with the least time, the
// first to come among equals.
func NewDeduplicate(cfg DedupConfig) Operator {
	if cfg.TimeCol >= 0 && !cfg.KeepLast {
		return &dedupFirst{cfg: cfg}
	}
	return &dedup{cfg: cfg}
}

// dedup is keep-last, and keep-first by arrival.
type dedup struct {
	cfg   DedupConfig
	table *state.Table
	codec *state.Codec
	all   []int
	// Lanes of a row: the time of the row kept, then its bytes where -U rows are
	// wanted. Without them the columns need not be stored.
	blob bool
	// mode: by event time a row that is too old is only looked up.
	mode state.Mode

	keys  batch.KeyVec
	refs  []state.Ref
	fresh []uint64
	group state.Grouper
	times []int64
	best  []uint16
	buf   []byte
	sel   []uint16
	kinds []batch.Kind
	rows  [][]byte
	out   batch.Batch
	old   batch.Batch
	from  []uint32 // rows of out: lane, or N + number of an old row
	bytes []byte
}

// Draw names the operator and its state.
func (d *dedup) Draw() Drawing { return Drawing{Name: "Deduplicate", State: []string{"rows"}} }

// Open makes the table.
func (d *dedup) Open(c *Ctx) error {
	d.blob = d.cfg.KeepLast && d.cfg.EmitUpdateBefore
	if d.mode = state.Upsert; d.cfg.TimeCol >= 0 {
		d.mode = state.UpsertOr(d.cfg.TTL)
	}
	spec := state.TableSpec{Key: colTypes(d.cfg.Input, d.cfg.Keys), Lanes: 1, TTL: d.cfg.TTL}
	if d.blob {
		spec.Lanes, spec.Blobs = 2, []int{1}
		d.codec = state.NewCodec(d.cfg.Input)
		d.all = allCols(len(d.cfg.Input))
	}
	d.table = c.Store.Table(c.Name+".rows", spec)
	return nil
}

// Process takes rows of one batch.
func (d *dedup) Process(c *Ctx, _ int, b *batch.Batch) error {
	n := b.Rows()
	if n == 0 {
		return nil
	}
	keys := keyVec(c, 0, b, d.cfg.Keys, &d.keys)
	if d.cfg.TimeCol >= 0 {
		d.times = append(d.times[:0], Millis(&b.Cols[d.cfg.TimeCol], b.N, &d.times)...)
	}
	switch {
	case !d.cfg.KeepLast:
		return d.first(c, b, keys, n)
	case c.Exact:
		return d.each(c, b, keys, n)
	}
	return d.folded(c, b, keys)
}

func (d *dedup) lookup(b *batch.Batch, keys *batch.KeyVec, n int, mode state.Mode) {
	if cap(d.refs) < n {
		d.refs = make([]state.Ref, max(n, batch.MaxRows))
		d.fresh = make([]uint64, batch.Words(max(n, batch.MaxRows)))
	}
	d.refs = d.refs[:n]
	d.table.Lookup(b, keys, b.Sel, mode, d.refs, d.fresh)
}

// first passes on the rows that open a key.
func (d *dedup) first(c *Ctx, b *batch.Batch, keys *batch.KeyVec, n int) error {
	d.lookup(b, keys, n, state.Insert)
	d.sel = d.sel[:0]
	for i := range n {
		if batch.Bit(d.fresh, i) {
			d.sel = append(d.sel, uint16(b.Lane(i)))
		}
	}
	if len(d.sel) == 0 {
		return nil
	}
	out := *b
	out.Sel, out.Kinds, out.Marks = d.sel, nil, nil
	return c.Emit(&out)
}

// folded keeps the last row of each key of the batch and emits it once. A row is stored
// where what it replaces is asked for.
func (d *dedup) folded(c *Ctx, b *batch.Batch, keys *batch.KeyVec) error {
	g := &d.group
	d.table.Group(g, b, keys, b.Sel, d.mode)
	n := g.Len()
	d.best = append(d.best[:0], g.Reps...)
	if d.cfg.TimeCol < 0 {
		for i, k := range g.G {
			d.best[k] = uint16(b.Lane(i))
		}
	} else {
		for i, k := range g.G {
			if l := b.Lane(i); d.times[l] >= d.times[d.best[k]] {
				d.best[k] = uint16(l)
			}
		}
	}
	d.sel, d.kinds = d.sel[:0], d.kinds[:0]
	d.from, d.rows, d.bytes = d.from[:0], d.rows[:0], d.bytes[:0]
	var ends []int
	for k := range n {
		row, l := d.table.Row(g.Refs[k]), d.best[k]
		fresh := batch.Bit(g.Fresh, k)
		if d.cfg.TimeCol >= 0 {
			t := d.times[l]
			if !fresh && t < int64(row[0]) {
				continue
			}
			if d.mode == state.Insert {
				row = d.table.Touch(g.Refs[k])
			}
			row[0] = uint64(t)
		}
		if d.blob {
			d.buf = d.codec.Append(d.buf[:0], b, d.all, int(l))
			if !fresh {
				ends = d.replaced(row[1], b.N+len(ends), ends)
			}
			d.table.SetBlob(&row[1], d.buf)
			d.from = append(d.from, uint32(l))
		}
		d.sel, d.kinds = append(d.sel, l), append(d.kinds, d.kind(fresh))
	}
	if len(d.sel) == 0 {
		return nil
	}
	if d.blob {
		d.cut(ends)
		return d.emitMixed(c, b)
	}
	d.out.SetColumns(len(b.Cols))
	for i := range b.Cols {
		d.out.Cols[i].Gather(&b.Cols[i], d.sel, len(d.sel))
	}
	d.out.N, d.out.Kinds = len(d.sel), kindsOf(d.kinds)
	return c.Emit(&d.out)
}

// kind is that of the new row of a key.
func (d *dedup) kind(fresh bool) batch.Kind {
	if fresh && (d.blob || !d.cfg.AnyKind) {
		return batch.Insert
	}
	return batch.UpdateAfter
}

// each emits one change a row.
func (d *dedup) each(c *Ctx, b *batch.Batch, keys *batch.KeyVec, n int) error {
	d.lookup(b, keys, n, d.mode)
	d.from, d.kinds, d.rows, d.bytes = d.from[:0], d.kinds[:0], d.rows[:0], d.bytes[:0]
	var ends []int
	for i := range n {
		l, row := b.Lane(i), d.table.Row(d.refs[i])
		fresh := batch.Bit(d.fresh, i)
		if d.cfg.TimeCol >= 0 {
			t := d.times[l]
			if !fresh && t < int64(row[0]) {
				continue
			}
			if d.mode == state.Insert {
				row = d.table.Touch(d.refs[i])
			}
			row[0] = uint64(t)
		}
		if d.blob {
			d.buf = d.codec.Append(d.buf[:0], b, d.all, l)
			if !fresh {
				ends = d.replaced(row[1], b.N+len(ends), ends)
			}
			d.table.SetBlob(&row[1], d.buf)
		}
		d.from, d.kinds = append(d.from, uint32(l)), append(d.kinds, d.kind(fresh))
	}
	if len(d.from) == 0 {
		return nil
	}
	d.cut(ends)
	return d.emitMixed(c, b)
}

// replaced notes the -U of a stored row, which is row from of what is emitted.
func (d *dedup) replaced(stored uint64, from int, ends []int) []int {
	d.bytes = append(d.bytes, d.table.Blob(stored)...)
	d.from = append(d.from, uint32(from))
	d.kinds = append(d.kinds, batch.UpdateBefore)
	return append(ends, len(d.bytes))
}

// cut makes rows of the bytes noted.
func (d *dedup) cut(ends []int) {
	at := 0
	for _, e := range ends {
		d.rows = append(d.rows, d.bytes[at:e])
		at = e
	}
}

// emitMixed emits rows of b and stored rows in the order of d.from.
func (d *dedup) emitMixed(c *Ctx, b *batch.Batch) error {
	if len(d.rows) > 0 {
		d.old.Alloc(d.cfg.Input, len(d.rows))
		d.codec.Decode(d.old.Cols, 0, nil, d.rows)
	}
	for from := 0; from < len(d.from); from += batch.MaxRows {
		to := min(len(d.from), from+batch.MaxRows)
		mixRows(&d.out, b, &d.old, d.from[from:to], b.N)
		d.out.Kinds = kindsOf(d.kinds[from:to])
		if err := c.Emit(&d.out); err != nil {
			return err
		}
	}
	return nil
}

// mixRows fills out with rows of b (index below split) and of old (index less
// split), in the order of from.
func mixRows(out, b, old *batch.Batch, from []uint32, split int) {
	out.SetColumns(len(b.Cols))
	out.N = len(from)
	var index []uint32
	for k := 0; k < len(from); {
		stored := int(from[k]) >= split
		e := k + 1
		for e < len(from) && (int(from[e]) >= split) == stored {
			e++
		}
		src, shift := b, uint32(0)
		if stored {
			src, shift = old, uint32(split)
		}
		index = index[:0]
		for _, x := range from[k:e] {
			index = append(index, x-shift)
		}
		for i := range out.Cols {
			if k == 0 {
				out.Cols[i].Alloc(src.Cols[i].Type, 0)
			}
			out.Cols[i].AppendIndex(k, &src.Cols[i], index, e-k)
		}
		k = e
	}
}

// Watermark changes nothing.
func (d *dedup) Watermark(*Ctx, int64) error { return nil }

// Timer is not used.
func (d *dedup) Timer(*Ctx, int64) error { return nil }

// Snapshot has nothing outside of the store.
func (d *dedup) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (d *dedup) Close() error { return nil }

// dedupFirst is keep-first by event time: the row with the least time of each key
// waits for the watermark; afterwards the key is closed.
type dedupFirst struct {
	cfg   DedupConfig
	table *state.Table
	queue *state.Queue
	codec *state.Codec
	all   []int

	keys  batch.KeyVec
	kept  []uint16
	late  []uint16
	refs  []state.Ref
	fresh []uint64
	times []int64
	buf   []byte
	due   state.Due
	rows  [][]byte
	at    int64 // the watermark up to which rows have come out
	out   batch.Batch
}

// Lanes of a key: its least time so far, its row, and whether it was emitted.
const (
	firstTime = iota
	firstRow
	firstDone
	firstLanes
)

// Draw names the operator and its state.
func (d *dedupFirst) Draw() Drawing {
	return Drawing{Name: "Deduplicate", State: []string{"rows", "timers"}}
}

// Open makes the table of keys and the timers.
func (d *dedupFirst) Open(c *Ctx) error {
	d.codec, d.all = state.NewCodec(d.cfg.Input), allCols(len(d.cfg.Input))
	d.table = c.Store.Table(c.Name+".rows", state.TableSpec{
		Key: colTypes(d.cfg.Input, d.cfg.Keys), Lanes: firstLanes, Blobs: []int{firstRow}, TTL: d.cfg.TTL,
	})
	d.queue = c.Store.Queue(c.Name+".timers", state.QueueSpec{Set: true})
	d.at = c.Watermark()
	return nil
}

// Process keeps the least row of each open key. A row is late when its time is
// below the watermark.
func (d *dedupFirst) Process(c *Ctx, _ int, b *batch.Batch) error {
	d.times = append(d.times[:0], Millis(&b.Cols[d.cfg.TimeCol], b.N, &d.times)...)
	keys := keyVec(c, 0, b, d.cfg.Keys, &d.keys)
	crosses := func(from, to int64) bool {
		m, ok := d.queue.Min()
		return ok && m <= to || MinTime(d.times, b.Sel, b.N) <= to
	}
	for s := NewSegments(c.Watermark(), b, crosses); s.Next(); {
		seg := *b
		seg.Sel, seg.Marks = Lanes(b, s.Lo, s.Hi), nil
		if seg.Rows() > 0 {
			d.take(c, &seg, keys, s.Before)
		}
		if s.Moved() {
			if err := d.fire(c, s.After); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *dedupFirst) take(c *Ctx, b *batch.Batch, keys *batch.KeyVec, wm int64) {
	sel, late := SplitLate(b, d.times, wm, true, d.kept[:0], d.late[:0])
	d.late = late
	if len(late) > 0 {
		d.kept = sel
		c.Late(b, late, wm)
	}
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	if cap(d.refs) < n {
		d.refs = make([]state.Ref, max(n, batch.MaxRows))
		d.fresh = make([]uint64, batch.Words(max(n, batch.MaxRows)))
	}
	d.table.Lookup(b, keys, sel, state.Insert, d.refs[:n], d.fresh)
	for i := range n {
		l := i
		if sel != nil {
			l = int(sel[i])
		}
		row, t := d.table.Row(d.refs[i]), d.times[l]
		if !batch.Bit(d.fresh, i) && (row[firstDone] != 0 || t >= int64(row[firstTime])) {
			continue
		}
		row = d.table.Touch(d.refs[i])
		row[firstTime] = uint64(t)
		d.buf = d.codec.Append(d.buf[:0], b, d.all, l)
		d.table.SetBlob(&row[firstRow], d.buf)
		d.queue.Add(t, d.table.KeyOf(d.refs[i], nil), nil)
	}
}

func (d *dedupFirst) fire(c *Ctx, wm int64) error {
	if wm <= d.at {
		return nil // a row at the watermark waits for the next one
	}
	d.at = wm
	for more := true; more; {
		more = d.queue.Due(wm, batch.MaxRows, &d.due)
		d.rows = d.rows[:0]
		for i, k := range d.due.Keys {
			ref := d.table.Get(k, state.Write)
			if ref == state.None {
				continue
			}
			row := d.table.Row(ref)
			if row[firstDone] != 0 || int64(row[firstTime]) != d.due.TS[i] {
				continue // an earlier row took the key over
			}
			row[firstDone] = 1
			d.rows = append(d.rows, append([]byte(nil), d.table.Blob(row[firstRow])...))
			d.table.SetBlob(&row[firstRow], nil)
		}
		if len(d.rows) == 0 {
			continue
		}
		d.out.Alloc(d.cfg.Input, len(d.rows))
		d.codec.Decode(d.out.Cols, 0, nil, d.rows)
		if err := c.Emit(&d.out); err != nil {
			return err
		}
	}
	return nil
}

// Watermark emits the keys whose first row is certain.
func (d *dedupFirst) Watermark(c *Ctx, ts int64) error { return d.fire(c, ts) }

// Timer is not used.
func (d *dedupFirst) Timer(*Ctx, int64) error { return nil }

// Snapshot has nothing outside of the store.
func (d *dedupFirst) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (d *dedupFirst) Close() error { return nil }
