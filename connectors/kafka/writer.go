package kafka

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// writer writes the records of one subtask. Write hands them to the client, which sends
// them behind the scenes; Prepare waits until the broker has all of them.
type writer struct {
	s    *sink
	ctx  connect.WriterCtx
	enc  *encoder
	out  *producer
	txns *transactions            // of exactly-once
	pace atomic.Pointer[producer] // out, for Pace, which may be called at any time

	waiting *reduced // rows that may still be replaced; nil: none wait
	// mu keeps a timer away from a Prepare that is under way.
	mu        sync.Mutex
	preparing bool
	timer     int64 // for which a flush of them is set, 0 if it is not
}

// producer is a client and what it has to tell.
type producer struct {
	cl *kgo.Client
	s  *sink

	mu      sync.Mutex
	err     error // the first one
	bytes   int64 // of records that are not acknowledged
	room    chan struct{}
	rows    int64               // that were acknowledged
	highest map[partition]int64 // newest offset of each partition
	last    partition           // that of the record before
	lastAt  int64
}

func (s *sink) newProducer(more ...kgo.Opt) (*producer, error) {
	cl, err := s.c.client(append(append([]kgo.Opt{}, s.opts...), more...)...)
	if err != nil {
		return nil, err
	}
	return &producer{cl: cl, s: s, room: make(chan struct{}, 1), highest: map[partition]int64{}, lastAt: -1}, nil
}

// ping finds out that the brokers are there and let one in, which writing would try for
// ever.
func (p *producer) ping() error {
	ctx, cancel := p.s.c.within()
	defer cancel()
	if err := p.cl.Ping(ctx); err != nil {
		return p.s.c.failed(err, "write to")
	}
	return nil
}

// send hands a record to the client. Its bytes must not change any more.
func (p *producer) send(r *kgo.Record) {
	n := int64(len(r.Key) + len(r.Value) + 64)
	p.mu.Lock()
	p.bytes += n
	p.mu.Unlock()
	p.cl.Produce(context.Background(), r, func(r *kgo.Record, err error) { p.done(r, n, err) })
}

// done hears of a record that was acknowledged, or was not.
func (p *producer) done(r *kgo.Record, n int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	had := p.bytes
	p.bytes -= n
	if err != nil {
		if p.err == nil {
			p.err = p.s.writeFailed(err, r)
		}
	} else {
		p.rows++
		if r.Partition != p.last.num || r.Topic != p.last.topic {
			p.settle()
			p.last = partition{r.Topic, r.Partition}
		}
		p.lastAt = r.Offset
	}
	if half := p.s.memory / 2; had > half && p.bytes <= half || err != nil {
		select {
		case p.room <- struct{}{}:
		default:
		}
	}
}

// settle notes the newest offset of the partition at hand.
func (p *producer) settle() {
	if p.lastAt >= 0 {
		p.highest[p.last] = max(p.highest[p.last], p.lastAt)
	}
	p.lastAt = -1
}

// failed is why records were not written, nil if none is known.
func (p *producer) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *producer) full() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err == nil && p.bytes > p.s.memory
}

// flush waits until the broker has every record.
//
// The client's own limit is no use here: it counts from the timestamp of a record, which
// may be any.
func (p *producer) flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), p.s.delivery)
	defer cancel()
	if err := p.cl.Flush(ctx); err != nil {
		if e := p.failed(); e != nil {
			return e
		}
		return p.s.c.failed(err, "write the rows of")
	}
	return p.failed()
}

// stuck notes that the broker has taken nothing for too long.
func (p *producer) stuck() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = p.s.c.failed(context.DeadlineExceeded, "write the rows of")
	}
}

// Write sends rows, or lets them wait for newer ones of their key.
func (w *writer) Write(b *batch.Batch) error {
	if err := w.out.failed(); err != nil {
		return err
	}
	if b.Rows() == 0 {
		return nil
	}
	now := w.ctx.Now()
	recs, err := w.enc.records(b, now)
	if err != nil {
		return err
	}
	if w.waiting != nil {
		for i := range recs {
			w.waiting.put(&recs[i])
		}
		if w.waiting.len() >= w.s.flushRows {
			w.release()
		} else if w.timer == 0 && w.ctx.SetTimer != nil {
			w.timer = now + max(w.s.flushEvery.Milliseconds(), 1)
			w.ctx.SetTimer(w.timer)
		}
		return nil
	}
	for i := range recs {
		w.out.send(&recs[i])
	}
	return nil
}

// release sends what waits.
func (w *writer) release() {
	if w.waiting == nil {
		return
	}
	for _, r := range w.waiting.take() {
		w.out.send(r)
	}
}

func (w *writer) Watermark(int64) error { return nil }

// Timer sends rows that have waited long enough.
func (w *writer) Timer(at int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer == 0 || at < w.timer {
		return nil
	}
	w.timer = 0
	if w.preparing {
		return nil // which has sent all that waited
	}
	w.release()
	return w.out.failed()
}

// Pace waits while too much is not acknowledged.
func (w *writer) Pace() {
	for p := w.pace.Load(); p != nil && p.full(); {
		t := time.NewTimer(w.s.delivery)
		select {
		case <-p.room:
		case <-t.C:
			p.stuck()
		}
		t.Stop()
	}
}

// Prepare waits until all rows are with the broker, durable as its settings say. With
// transactions what was written stays invisible until it is committed.
func (w *writer) Prepare(string) ([]byte, error) {
	w.mu.Lock()
	w.preparing = true
	w.release()
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.preparing = false
		w.mu.Unlock()
	}()
	if w.s.guarantee == "none" {
		return nil, w.out.failed()
	}
	if err := w.out.flush(); err != nil {
		return nil, err
	}
	if w.txns == nil {
		return nil, nil
	}
	return w.prepareTxn()
}

func (w *writer) State() []byte          { return nil }
func (w *writer) Restore([][]byte) error { return nil }

// Close gives up what was not prepared. Rows without any guarantee get a last chance.
func (w *writer) Close() error {
	w.pace.Store(nil)
	if w.out != nil {
		if w.s.guarantee == "none" {
			_ = w.out.flush() // nothing is promised
		}
		if w.txns != nil {
			w.abort()
		}
		w.out.cl.Close()
		w.out = nil
	}
	if w.txns != nil {
		w.txns.cl.Close()
		w.txns = nil
	}
	return nil
}

// writeFailed gives an error of a record its code.
func (s *sink) writeFailed(err error, r *kgo.Record) error {
	switch {
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return diag.Wrap(diag.LimitExceeded, err, "a record of %d bytes is too large for topic '%s'", len(r.Key)+len(r.Value), r.Topic).
			WithHint("raise max.message.bytes of the topic and 'properties.max.request.size'")
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return s.c.topicFailed(err, r.Topic)
	case errors.Is(err, kerr.InvalidProducerEpoch), errors.Is(err, kerr.ProducerFenced), errors.Is(err, kerr.InvalidTxnState):
		return diag.Wrap(diag.IO, err, "the transaction of table %s was aborted while it was written to", s.c.t.Name).
			WithHint("either a newer attempt of the job has taken over, or a checkpoint took longer than '%s'", optTxnTimeout)
	}
	return s.c.failed(err, "write to topic '"+r.Topic+"' of")
}

// reduced are records that wait, the newest one of each key, in the order in which the
// keys came.
type reduced struct {
	recs []*kgo.Record
	at   map[string]int
}

func (d *reduced) len() int { return len(d.recs) }

func (d *reduced) put(r *kgo.Record) {
	if i, ok := d.at[string(r.Key)]; ok {
		d.recs[i] = r
		return
	}
	if d.at == nil {
		d.at = map[string]int{}
	}
	d.at[string(r.Key)] = len(d.recs)
	d.recs = append(d.recs, r)
}

func (d *reduced) take() []*kgo.Record {
	out := d.recs
	d.recs, d.at = nil, nil
	return out
}

func millisTime(ms int64) time.Time { return time.UnixMilli(ms) }
