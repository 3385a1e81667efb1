package exec

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// fired is a session that has ended and is to be emitted. Its key is bytes
// [keyAt, keyTo) of the list, its accumulators are row number row.
type fired struct {
	start, end   int64
	hash         uint64
	keyAt, keyTo int
	row          int
	group        uint16
}

// sessionFire is the sessions that are being emitted, in order.
type sessionFire struct {
	list   []fired
	at     int
	taken  bool // the list is complete
	bytes  []byte
	lanes  []uint64
	due    state.Due
	keys   []state.Key
	rows   [][]uint64
	out    batch.Batch
	values []*sessionValues

	// Of a session whose rows are being emitted.
	open bool
	next int
}

// fireMore emits the sessions that end at or before o.upTo, by end, key group and
// key, and reports whether it is through.
func (o *sessionOp) fireMore(c *Ctx) (bool, error) {
	f := &o.fire
	if !f.taken {
		o.collect()
		f.taken, f.at = true, 0
	}
	for f.at < len(f.list) {
		var err error
		if o.rows {
			err = o.emitHeld(c)
		} else {
			err = o.emitResults(c)
		}
		if err != nil {
			return false, err
		}
		if c.Yield() {
			return false, nil
		}
	}
	f.taken = false
	o.groups.advance(o.upTo)
	if o.window.Proctime {
		o.arm(c)
	}
	return true, nil
}

// collect takes the sessions that have ended out of the state.
func (o *sessionOp) collect() {
	f, s, x := &o.fire, o.set.s, &o.set
	f.list, f.bytes, f.lanes = f.list[:0], f.bytes[:0], f.lanes[:0]
	if due, ok := x.timers.Min(); !ok || due > o.upTo {
		return
	}
	o.a.heap.Reset()
	for more := true; more; {
		more = x.timers.Due(o.upTo, batch.MaxRows, &f.due)
		for i, k := range f.due.Keys {
			key := s.Keys().Get(k, state.Write)
			if key == state.None {
				continue
			}
			for p := s.First(key); p.OK(); {
				lanes := s.Lanes(p)
				end := int64(lanes[sesEnd])
				at := x.clock.fires(end)
				if at <= o.upTo {
					o.ended(k, placeTime(s.Word(p)), end, x.load(p))
					p = s.Remove(p)
					continue
				}
				if int64(lanes[sesTimer]) <= f.due.TS[i] {
					lanes[sesTimer] = uint64(at)
					x.timers.Add(at, k, nil)
				}
				p = s.Next(p)
			}
			if s.Len(key) == 0 {
				s.Keys().Delete(key)
			}
		}
	}
	slices.SortFunc(f.list, func(a, b fired) int {
		if d := cmp.Compare(a.end, b.end); d != 0 {
			return d
		}
		if d := cmp.Compare(a.group, b.group); d != 0 {
			return d
		}
		if d := bytes.Compare(f.bytes[a.keyAt:a.keyTo], f.bytes[b.keyAt:b.keyTo]); d != 0 {
			return d
		}
		return cmp.Compare(a.start, b.start)
	})
}

// ended notes a session that has ended.
func (o *sessionOp) ended(k state.Key, start, end int64, row []uint64) {
	f := &o.fire
	at := len(f.bytes)
	f.bytes = append(f.bytes, k.Bytes...)
	f.list = append(f.list, fired{
		start: start, end: end, group: k.Group, hash: k.Hash, keyAt: at, keyTo: len(f.bytes), row: len(f.lanes) / o.a.width,
	})
	f.lanes = append(f.lanes, row...)
}

func (f *sessionFire) key(x *fired) state.Key {
	return state.Key{Group: x.group, Hash: x.hash, Bytes: f.bytes[x.keyAt:x.keyTo:x.keyTo]}
}

// emitResults emits the results of some sessions.
func (o *sessionOp) emitResults(c *Ctx) error {
	f := &o.fire
	part := f.list[f.at:min(len(f.list), f.at+batch.MaxRows)]
	f.at += len(part)
	f.keys, f.rows = f.keys[:0], f.rows[:0]
	n := 0
	for _, x := range part {
		row := f.lanes[x.row*o.a.width : (x.row+1)*o.a.width]
		if o.held != nil {
			if err := o.foldHeld(&x, row); err != nil {
				return err
			}
		}
		if o.retracts && int64(row[0]) <= 0 {
			continue
		}
		part[n] = x
		n++
		f.keys, f.rows = append(f.keys, f.key(&x)), append(f.rows, row)
	}
	if n == 0 {
		return nil
	}
	part = part[:n]
	out := &f.out
	k, a := len(o.keyCols), len(o.a.specs)
	out.SetColumns(k + a + len(o.props))
	out.N = n
	for i, t := range o.keyTypes {
		out.Cols[i].Alloc(t, n)
	}
	if k > 0 {
		state.KeysInto(out.Cols[:k], 0, o.keyTypes, f.keys)
	}
	if err := o.a.final(out.Cols[k:k+a], f.rows, &o.a.heap); err != nil {
		return err
	}
	for i, p := range o.props {
		t := o.propTypes[i]
		col := &out.Cols[k+a+i]
		col.Alloc(t, n)
		for r := range part {
			col.I64[r] = o.propOf(c, p, t, &part[r])
		}
	}
	return c.Emit(out)
}

func (o *sessionOp) propOf(c *Ctx, p WindowProp, t types.Type, x *fired) int64 {
	moment, now := int64(0), int64(0)
	switch p {
	case PropRowtime:
		moment = o.set.clock.fires(x.end)
	case PropProctime:
		now = c.Now()
	}
	return p.ticks(t, x.start, x.end, moment, now)
}

// emitHeld emits rows of one session.
func (o *sessionOp) emitHeld(c *Ctx) error {
	f := &o.fire
	x := &f.list[f.at]
	if !f.open {
		o.held.take(f.key(x), x.start, x.end)
		f.open, f.next = true, 0
	}
	n := o.held.decode(&f.out, f.next, len(o.props))
	f.next += n
	if f.next >= len(o.held.taken) {
		f.open = false
		f.at++
	}
	if n == 0 {
		return nil
	}
	for i, p := range o.props {
		f.out.Cols[len(o.input)+i] = batch.ConstInt(o.propTypes[i], o.propOf(c, p, o.propTypes[i], x))
	}
	return c.Emit(&f.out)
}

// foldHeld folds the rows of a session, where values must be told apart.
func (o *sessionOp) foldHeld(x *fired, row []uint64) error {
	f := &o.fire
	o.held.take(f.key(x), x.start, x.end)
	for _, v := range f.values {
		v.table.Clear()
	}
	clear(row)
	acc := [][]uint64{row}
	for at := 0; at < len(o.held.taken); {
		n := o.held.decode(&f.out, at, 0)
		at += n
		lanes := batch.Span(0, n)
		o.signs = grow(o.signs, n)
		o.runs.run = grow(o.runs.run, n)
		clear(o.runs.run)
		run := aggRun{b: &f.out, lanes: lanes, g: o.runs.run, n: 1, signs: signsOf(&f.out, lanes, o.retracts, &o.signs)}
		if err := o.a.merge(acc, acc, o.a.fold(&run)); err != nil {
			return err
		}
	}
	return nil
}

// heldRows is rows that wait for the end of their session, by key and time.
type heldRows struct {
	s     *state.Sorted
	seq   *state.Counters
	cols  []int // columns that are kept
	width int   // of the input
	types []types.Type
	codec *state.Codec
	g     state.Grouper
	row   []byte
	from  uint16

	taken []heldRow
	bytes []byte
	batch [][]byte
	dec   batch.Batch
}

type heldRow struct {
	seq    uint64
	at, to int
	kind   batch.Kind
}

func newHeldRows(c *Ctx, o *sessionOp) *heldRows {
	h := &heldRows{width: len(o.input), from: uint16(c.Store.Groups().From)}
	if o.rows {
		h.cols = allCols(len(o.input))
	} else {
		for _, s := range o.a.specs {
			h.cols = append(h.cols, s.Args...)
			if s.Filter >= 0 {
				h.cols = append(h.cols, s.Filter)
			}
		}
		slices.Sort(h.cols)
		h.cols = slices.Compact(h.cols)
	}
	h.types = colTypes(o.input, h.cols)
	h.codec = state.NewCodec(h.types)
	h.s = c.Store.Sorted(c.Name+".rows", state.SortedSpec{Table: state.TableSpec{Key: o.keyTypes}, Entry: 2})
	h.seq = c.Store.Counters(c.Name + ".seq")
	return h
}

// add keeps rows with their time and their place in order of arrival.
func (h *heldRows) add(b *batch.Batch, kv *batch.KeyVec, lanes []uint16, times []int64) {
	h.s.Keys().Group(&h.g, b, kv, lanes, state.Upsert)
	for i, l := range lanes {
		group := h.from
		if kv != nil {
			group = kv.KG[l]
		}
		h.row = h.codec.Append(h.row[:0], b, h.cols, int(l))
		p := h.s.Insert(h.g.Refs[h.g.G[i]], timePlace(times[l]), nil, h.row)
		e := h.s.Lanes(p)
		e[0], e[1] = h.seq.Next(group), uint64(b.Kind(int(l)))
	}
}

// take moves the rows of a key in [start, end) to h.taken, in order of arrival.
func (h *heldRows) take(k state.Key, start, end int64) {
	h.taken, h.bytes = h.taken[:0], h.bytes[:0]
	key := h.s.Keys().Get(k, state.Write)
	if key == state.None {
		return
	}
	p := h.s.Seek(key, timePlace(start), nil)
	for p.OK() && placeTime(h.s.Word(p)) < end {
		at := len(h.bytes)
		h.bytes = append(h.bytes, h.s.Payload(p)...)
		e := h.s.Lanes(p)
		h.taken = append(h.taken, heldRow{seq: e[0], kind: batch.Kind(e[1]), at: at, to: len(h.bytes)})
		p = h.s.Remove(p)
	}
	if h.s.Len(key) == 0 {
		h.s.Keys().Delete(key)
	}
	slices.SortFunc(h.taken, func(a, b heldRow) int { return cmp.Compare(a.seq, b.seq) })
}

// decode makes a batch of taken rows from number at on, with room for more columns
// behind those of the input, and returns how many rows it has.
func (h *heldRows) decode(out *batch.Batch, at, more int) int {
	n := min(len(h.taken)-at, batch.MaxRows)
	h.batch = h.batch[:0]
	kinds := make([]batch.Kind, 0, n)
	for _, r := range h.taken[at : at+n] {
		h.batch = append(h.batch, h.bytes[r.at:r.to])
		kinds = append(kinds, r.kind)
	}
	h.dec.SetColumns(len(h.cols))
	for i, t := range h.types {
		h.dec.Cols[i].Alloc(t, n)
	}
	if n > 0 && len(h.cols) > 0 {
		h.codec.Decode(h.dec.Cols, 0, nil, h.batch)
	}
	out.SetColumns(h.width + more)
	for i, col := range h.cols {
		out.Cols[col] = h.dec.Cols[i]
	}
	out.N, out.Kinds = n, kindsOf(kinds)
	return n
}

// sessionValues is the distinct values of one argument within the session that is
// being folded.
type sessionValues struct {
	table *state.Table
	d     *distinctArg
	keys  batch.KeyVec
	refs  []state.Ref
	rows  []uint64Row
	from  uint16
}

func newSessionValues(c *Ctx, o *sessionOp, _ int, d *distinctArg) *sessionValues {
	v := &sessionValues{d: d, from: uint16(c.Store.Groups().From)}
	spec := state.TableSpec{Key: colTypes(o.input, d.args), Lanes: 1}
	if o.retracts {
		spec.Lanes = len(d.filters)
	}
	v.table = c.Store.Scratch(spec)
	d.find = v.find
	return v
}

// find is the rows of the values at lanes.
func (v *sessionValues) find(r *aggRun, lanes []uint16, _ []int) []uint64Row {
	if len(lanes) == 0 {
		return nil
	}
	v.keys.Cols = v.d.args
	v.keys.H, v.keys.KG = grow(v.keys.H, r.b.N), grow(v.keys.KG, r.b.N)
	cols := make([]*batch.Col, len(v.d.args))
	for i, k := range v.d.args {
		cols[i] = &r.b.Cols[k]
	}
	batch.HashCols(v.keys.H, cols, lanes, r.b.N)
	for _, l := range lanes {
		v.keys.KG[l] = v.from
	}
	v.refs = grow(v.refs, len(lanes))
	v.table.Lookup(r.b, &v.keys, lanes, state.Upsert, v.refs, nil)
	v.rows = v.rows[:0]
	for _, ref := range v.refs {
		v.rows = append(v.rows, v.table.Row(ref))
	}
	return v.rows
}
