package kafka

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// dataMax is how many bytes of values are decoded at once, if there is more than one.
const dataMax = 4 << 20

// reader reads a partition. A poll takes records of one fetch, puts their values behind
// one another into fresh memory, which strings of the rows point into, and has them
// decoded in one go; then come their keys, then metadata, a column at a time.
type reader struct {
	s       *source
	id      string
	p       partition
	subtask int
	ctx     connect.ReaderCtx
	pos     position
	q       *queue

	value, key connect.Decoder // key nil: not needed
	plan       rowPlan

	fetched []*kgo.Record // of the fetch at hand, from next on
	// over are rows of the record at pos that did not fit, from row pos.given - first on.
	over  batch.Batch
	first int
	err   error // behind rows that were given

	recs   []*kgo.Record // of this poll
	values connect.Messages
	keys   connect.Messages
	vbatch batch.Batch
	kbatch batch.Batch
}

func (s *source) newReader(id string, p partition, pos position, ctx connect.ReaderCtx) (*reader, error) {
	r := &reader{s: s, id: id, p: p, subtask: ctx.Subtask, ctx: ctx, pos: pos}
	r.plan = s.c.plan(s.read)
	var err error
	if r.value, err = s.c.valueDecoder(s.read); err != nil {
		return nil, err
	}
	r.lenient(r.value, &r.values, false)
	if r.plan.keys {
		if r.key, err = s.c.key.Decoder(s.c.keySchema, project(s.read, s.c.keyAt), s.c.keyOpts, s.c.t); err != nil {
			return nil, err
		}
		r.lenient(r.key, &r.keys, true)
	}
	if r.ended() {
		return r, nil
	}
	r.q, err = s.feedFor(r.subtask, p, pos.next, ctx.Wake)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// lenient has records that are skipped reported with their place.
func (r *reader) lenient(d connect.Decoder, m *connect.Messages, key bool) {
	if l, ok := d.(connect.Lenient); ok && r.ctx.BadRecord != nil {
		l.OnBadRecord(func(err error) { r.ctx.BadRecord(r.placed(err, m.Of(), key)) })
	}
}

// placed gives an error the place of a record of this poll.
func (r *reader) placed(err error, i int, key bool) error {
	e := diag.As(err)
	if e == nil {
		e = diag.Wrap(diag.MalformedRecord, err, "cannot read a record")
	}
	what := ""
	if key {
		what = ", its key"
	}
	at := r.pos.next
	if i < len(r.recs) {
		at = r.recs[i].Offset
	}
	e.Msg = r.p.place(at) + what + ": " + e.Msg
	return e
}

func (r *reader) ended() bool { return r.pos.end >= 0 && r.pos.next >= r.pos.end && r.over.N == 0 }

// Poll fills dst with rows of at most max records.
func (r *reader) Poll(dst *batch.Batch, max int) (connect.Status, error) {
	if r.over.N > 0 {
		r.giveOver(dst, max)
		return connect.More, nil
	}
	if r.err != nil {
		return connect.End, r.err
	}
	if r.ended() {
		return connect.End, nil
	}
	if len(r.fetched) == 0 {
		recs, err := r.q.take()
		if err != nil {
			return connect.End, r.s.fetchFailed(err, r.p, r.pos.next)
		}
		if recs == nil {
			return connect.Wait, nil
		}
		r.fetched = recs
	}
	r.decode(dst, max)
	switch {
	case dst.N > 0:
		return connect.More, nil
	case r.err != nil:
		return connect.End, r.err
	case r.ended():
		return connect.End, nil
	}
	return connect.More, nil
}

// collect takes the records of this poll from the fetch: at most max, and not of more than
// dataMax bytes. skipTo is where reading goes on if they give nothing more.
func (r *reader) collect(max int) (skipTo int64) {
	clear(r.recs)
	r.recs = r.recs[:0]
	skipTo = r.pos.next
	bytes, n := 0, 0
	for _, rec := range r.fetched {
		if r.pos.end >= 0 && rec.Offset >= r.pos.end {
			skipTo = r.pos.end
			break
		}
		if len(r.recs) == max || bytes+len(rec.Value) > dataMax && len(r.recs) > 0 {
			break
		}
		n++
		if rec.Offset < r.pos.next {
			continue
		}
		skipTo = rec.Offset + 1
		if rec.Attrs.IsControl() {
			continue
		}
		r.recs = append(r.recs, rec)
		bytes += len(rec.Value)
		if r.pos.given > 0 {
			break // the rest of a record, alone
		}
	}
	r.fetched = r.fetched[n:]
	return skipTo
}

// unread puts records of this poll from i on back.
func (r *reader) unread(i int, all []*kgo.Record) {
	for k, rec := range all {
		if rec == r.recs[i] {
			r.fetched = all[k:]
			return
		}
	}
}

// decode reads the next records into dst.
func (r *reader) decode(dst *batch.Batch, max int) {
	all := r.fetched
	skipTo := r.collect(max)
	if len(r.recs) == 0 {
		r.pos.next, r.pos.given = skipTo, 0
		return
	}
	in := &r.vbatch
	if r.plan.direct {
		in = dst
	}
	n := r.decodeValues(in, max)
	if n = r.decodeKeys(n); !r.plan.direct || in.N > max {
		n = r.trim(n, max)
	}
	rows := r.assemble(dst, n)
	if n < len(r.recs) {
		r.unread(n, all)
		skipTo = r.recs[n].Offset
	}
	given := r.pos.given
	r.pos.next, r.pos.given = skipTo, 0
	if given > 0 || rows > max {
		r.split(dst, n-1, given, max)
	}
}

// decodeValues decodes values until max rows are there, and says of how many records.
func (r *reader) decodeValues(in *batch.Batch, max int) int {
	m := &r.values
	m.Reset()
	size := 0
	for _, rec := range r.recs {
		size += len(rec.Value)
	}
	data := make([]byte, 0, size)
	for i, rec := range r.recs {
		if rec.Value == nil {
			continue
		}
		data = append(data, rec.Value...)
		m.Add(len(data), i)
	}
	m.Data = data
	in.Reset()
	if m.Len() == 0 {
		return len(r.recs)
	}
	err := connect.DecodeMessages(r.value, in, m, max)
	n := len(r.recs)
	if m.Done() < m.Len() {
		n = m.Of()
	}
	if err != nil {
		r.err = r.placed(err, n, false)
	}
	return n
}

// decodeKeys decodes the keys of the first n records, and says of how many the rows count.
func (r *reader) decodeKeys(n int) int {
	if r.key == nil {
		return n
	}
	m := &r.keys
	m.Reset()
	var data []byte
	for i, rec := range r.recs[:n] {
		if rec.Key == nil {
			if r.s.c.upsert {
				r.err = r.placed(diag.New(diag.MalformedRecord, "the record has no key, which connector 'upsert-kafka' needs"), i, false)
				n = i
				break
			}
			continue
		}
		data = append(data, rec.Key...)
		m.Add(len(data), i)
	}
	m.Data = data
	r.kbatch.Reset()
	if m.Len() == 0 {
		return n
	}
	err := connect.DecodeMessages(r.key, &r.kbatch, m, m.Len()+1)
	if err == nil && m.Done() < m.Len() {
		err = diag.New(diag.MalformedRecord, "keys give more rows than there are records")
	}
	if err != nil {
		n = m.Of()
		r.err = r.placed(err, n, true)
		return n
	}
	for k := range m.Done() {
		if from, to := m.RowsOf(k); to-from > 1 {
			n = m.Record(k)
			r.err = r.placed(diag.New(diag.MalformedRecord, "a key gives %d rows", to-from), n, true)
			return n
		}
	}
	return n
}

// trim makes of the first n records those of which only the last one may have rows behind
// max. A mistake behind them is met again.
func (r *reader) trim(n, max int) int {
	rows := 0
	for i := range n {
		if rows >= max {
			r.err = nil
			return i
		}
		rows += r.rowsOf(i)
	}
	return n
}

// split cuts dst where it is full: what is left of the last record waits in over. given
// rows of it were given before.
func (r *reader) split(dst *batch.Batch, last, given, max int) {
	start := r.plan.firstRow(r, last)
	from := min(start+given, dst.N)
	if given > 0 {
		// The record stands alone, and its first rows were given.
		var rest batch.Batch
		rest.Append(dst, batch.Span(from, dst.N))
		dst.Reset()
		if rest.N > 0 {
			dst.Gather(&rest, nil)
		}
		start = -given
	}
	if dst.N <= max {
		return
	}
	r.over.Reset()
	r.over.Append(dst, batch.Span(max, dst.N))
	dst.N = max
	if dst.Kinds != nil {
		dst.Kinds = dst.Kinds[:max]
	}
	r.first = max - start
	r.pos.next, r.pos.given = r.recs[last].Offset, r.first
}

// giveOver gives rows that did not fit before.
func (r *reader) giveOver(dst *batch.Batch, max int) {
	from := r.pos.given - r.first
	to := min(r.over.N, from+max)
	view := r.over
	view.Sel = batch.Span(from, to)
	dst.Gather(&view, nil)
	r.pos.given += to - from
	if to == r.over.N {
		r.over = batch.Batch{}
		r.pos.next, r.pos.given = r.pos.next+1, 0
	}
}

// NextAt is 0: only a fetch wakes the reader. One that came between the poll and this
// call does so now.
func (r *reader) NextAt() int64 {
	if r.q != nil && (r.q.ready() || len(r.fetched) > 0) {
		r.ctx.Wake()
	}
	return 0
}

// Await waits until Poll may give something.
func (r *reader) Await(most time.Duration) bool {
	return r.q == nil || len(r.fetched) > 0 || r.q.await(most)
}

func (r *reader) Position() connect.Split {
	return connect.Split{ID: r.id, Pos: r.pos.encode()}
}

// Confirm hears that a checkpoint with a position is complete.
func (r *reader) Confirm(at connect.Split) {
	pos, err := decodePosition(at.Pos)
	if err == nil && r.s.tellGroup && r.q != nil {
		r.s.teller.tell(r.q.f.cl, r.s.group, r.p, pos.next, r.s.c.t.Deps.Env.Go)
	}
}

func (r *reader) Close() error {
	if r.q != nil {
		r.s.closeQueue(r.subtask, r.q)
		r.q = nil
	}
	return nil
}
