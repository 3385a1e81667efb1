package flow

import (
	"github.com/minkstream/mink/engine/batch"
)

// outEdge is the sending end of an edge in one task: it deals rows to channels.
//
// Each channel has an open batch that survives steps, so that receivers get full
// batches and not one piece of every input batch. An open batch leaves when it is
// full, before a barrier or the end, when the task runs dry, after flushEvery more
// input batches, and when rows have waited for the buffer timeout. A watermark
// is a mark in the open batch, at its place between the rows; with no rows on
// their way it waits for the next flush too.
type outEdge struct {
	t     *task
	num   int // in the graph
	kind  EdgeKind
	keys  []int
	lanes []lane
	next  int // rebalance
	kv    batch.KeyVec
	sels  [][]uint16
	rows  int // capacity of a batch
	hdr   batch.Batch
}

// lane is the sending side of one channel (of all channels of a broadcast edge).
type lane struct {
	pipes  []*pipe
	pool   *pool
	open   *lease
	taken  int   // input batches since the open batch was begun
	wm     int64 // newest watermark given to it
	sentWM int64 // newest one in the open batch or sent
	rows   int64
	bytes  int64
	sent   int64
}

// flushEvery is the number of further input batches after which an open batch
// leaves although it is not full, so that a thin channel of a skewed edge cannot
// hold its receiver's watermark back.
const flushEvery = 8

func (o *outEdge) init() {
	for i := range o.lanes {
		o.lanes[i].wm, o.lanes[i].sentWM = batch.NoWatermark, batch.NoWatermark
	}
	if o.kind == Hash {
		o.sels = make([][]uint16, len(o.lanes))
	}
}

// credit reports whether every channel has a batch to fill.
func (o *outEdge) credit() bool {
	for i := range o.lanes {
		l := &o.lanes[i]
		if l.open == nil && l.pool.avail.Load() <= 0 {
			return false
		}
	}
	return true
}

// write deals the rows and marks of b.
func (o *outEdge) write(b *batch.Batch) {
	if len(o.lanes) == 1 {
		o.append(&o.lanes[0], b, nil)
		return
	}
	switch o.kind {
	case Hash:
		o.hash(b)
	case Rebalance:
		if b.Rows() > 0 {
			to := o.next
			o.next = (o.next + 1) % len(o.lanes)
			o.append(&o.lanes[to], b, nil)
		}
		o.watermark(b.LastMark())
	default:
		o.append(&o.lanes[0], b, nil)
	}
}

// hash deals lanes by key group: one pass writes a selection for each channel.
func (o *outEdge) hash(b *batch.Batch) {
	kv := b.Keys
	if kv == nil || !sameCols(kv.Cols, o.keys) {
		batch.HashKeys(&o.kv, b, o.keys, o.t.att.job.groups)
		kv = &o.kv
	}
	o.hdr = *b
	o.hdr.Keys = kv
	for i := range o.sels {
		if cap(o.sels[i]) <= b.N {
			o.sels[i] = make([]uint16, 0, max(b.N, min(o.rows, batch.MaxRows))+1)
		}
	}
	p, m := len(o.lanes), o.t.att.job.groups
	if p == 2 {
		o.split2(b, kv.KG, m)
	} else {
		o.split(b, kv.KG, p, m)
	}
	for i := range o.lanes {
		o.append(&o.lanes[i], &o.hdr, o.sels[i])
	}
	o.hdr.Keys = nil
}

// split2 writes both selections without branches.
func (o *outEdge) split2(b *batch.Batch, kg []uint16, m int) {
	s0, s1 := o.sels[0][:cap(o.sels[0])], o.sels[1][:cap(o.sels[1])]
	n0, n1 := 0, 0
	// Key groups below half belong to subtask 0: kg*2/m == 0.
	half := uint16((m + 1) / 2)
	put := func(l uint16) {
		up := 0
		if kg[l] >= half {
			up = 1
		}
		s0[n0], s1[n1] = l, l
		n1 += up
		n0 += 1 - up
	}
	// put writes one place past the last entry; hash made room for it.
	if b.Sel == nil {
		for l := range b.N {
			put(uint16(l))
		}
	} else {
		for _, l := range b.Sel {
			put(l)
		}
	}
	o.sels[0], o.sels[1] = s0[:n0], s1[:n1]
}

func (o *outEdge) split(b *batch.Batch, kg []uint16, p, m int) {
	for i := range o.sels {
		o.sels[i] = o.sels[i][:0]
	}
	if b.Sel == nil {
		for l, g := range kg[:b.N] {
			to := int(g) * p / m
			o.sels[to] = append(o.sels[to], uint16(l))
		}
		return
	}
	for _, l := range b.Sel {
		to := int(kg[l]) * p / m
		o.sels[to] = append(o.sels[to], l)
	}
}

func sameCols(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// append adds the lanes sel of b (nil: its rows) and its marks to a channel.
func (o *outEdge) append(l *lane, b *batch.Batch, sel []uint16) {
	if sel == nil {
		sel = b.Sel
	}
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	if n == 0 {
		if wm := b.LastMark(); wm > l.wm {
			l.wm = wm
			o.t.unflushed()
		}
		return
	}
	marks := b.Marks
	view := *b
	view.Marks = nil
	for from := 0; from < n; {
		q := o.begin(l)
		take := min(n-from, o.rows-q.b.N)
		part := sel
		switch {
		case sel != nil:
			part = sel[from : from+take]
		case take < n:
			part = batch.Span(from, from+take)
		}
		at := q.b.N
		q.b.Append(&view, part)
		if l.wm > l.sentWM {
			q.b.AddMark(at, l.wm)
			l.sentWM = l.wm
		}
		if len(marks) > 0 {
			marks = o.marks(l, q, marks, part, at, from+take == n)
		}
		from += take
		if q.b.N >= o.rows {
			o.send(l)
		}
	}
	l.rows += int64(n)
	if l.open != nil {
		o.t.unflushed()
	}
}

// marks takes over marks to where they stand between the lanes part, which were
// appended at at; the rest is returned. The last part takes all.
func (o *outEdge) marks(l *lane, q *lease, marks []batch.Mark, part []uint16, at int, last bool) []batch.Mark {
	i := 0
	for k, m := range marks {
		pos := int(m.Pos)
		if part != nil {
			for i < len(part) && part[i] < m.Pos {
				i++
			}
			pos = i
			if pos == len(part) && !last && part[len(part)-1]+1 < m.Pos {
				return marks[k:]
			}
		}
		q.b.AddMark(at+pos, m.WM)
		l.wm = max(l.wm, m.WM)
	}
	l.sentWM = max(l.sentWM, l.wm)
	return nil
}

// begin gives the channel's open batch.
func (o *outEdge) begin(l *lane) *lease {
	if l.open == nil {
		l.open = l.pool.take()
		l.taken = 0
	}
	return l.open
}

// watermark raises the watermark of all channels.
func (o *outEdge) watermark(ts int64) {
	for i := range o.lanes {
		l := &o.lanes[i]
		if ts <= l.wm {
			continue
		}
		if ts == batch.MaxWatermark {
			o.flushLane(l) // the last watermark is told, too: it counts where others are idle
		}
		l.wm = ts
		if l.open != nil && l.open.b.N > 0 {
			l.open.b.AddMark(l.open.b.N, ts)
			l.sentWM = ts
		}
		o.t.unflushed()
	}
}

// send lets the open batch of a channel go.
func (o *outEdge) send(l *lane) {
	q := l.open
	l.open = nil
	q.refs.Store(int32(len(l.pipes)))
	q.bytes = q.b.Bytes()
	l.bytes += q.bytes * int64(len(l.pipes))
	l.sent++
	for _, p := range l.pipes {
		o.push(p, elem{kind: elemBatch, l: q})
	}
}

func (o *outEdge) push(p *pipe, e elem) {
	p.push(e)
	o.t.att.host.sent(p)
}

// flush lets all rows and watermarks go that wait.
func (o *outEdge) flush() {
	for i := range o.lanes {
		o.flushLane(&o.lanes[i])
	}
}

func (o *outEdge) flushLane(l *lane) {
	if l.open != nil && l.open.b.N > 0 {
		o.send(l)
	}
	if l.wm > l.sentWM {
		l.sentWM = l.wm
		for _, p := range l.pipes {
			o.push(p, elem{kind: elemMark, ts: l.wm})
		}
	}
	l.taken = 0
}

// tookInput counts an input batch of the task.
func (o *outEdge) tookInput() {
	for i := range o.lanes {
		l := &o.lanes[i]
		if l.open == nil && l.wm == l.sentWM {
			continue
		}
		if l.taken++; l.taken > flushEvery {
			o.flushLane(l)
		}
	}
}

// control sends a barrier, a change of idleness or the end behind all rows.
func (o *outEdge) control(e elem) {
	o.flush()
	for i := range o.lanes {
		for _, p := range o.lanes[i].pipes {
			o.push(p, e)
		}
	}
}

// overtake sends a barrier ahead of the rows in the open batches, as a test wants.
func (o *outEdge) overtake(e elem) {
	for i := range o.lanes {
		for _, p := range o.lanes[i].pipes {
			o.push(p, e)
		}
	}
}
