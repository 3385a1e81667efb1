package flow

import (
	"errors"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/trace"
)

// recorder keeps what a task's steps were given, and the chain of hashes of what
// they did. While a tape is replayed it gives the same again and works the chain
// out anew.
type recorder struct {
	log      trace.Log
	rows     rowLog // polls, if the tape keeps them
	out      rowsOut
	embed    bool
	cur      trace.Step
	poll     trace.Poll
	open     bool // within a step
	full     bool
	digester batch.RowDigester
	reads    *reads // of the source's rows; nil for all
	chain    uint64
	kinds    []batch.Kind
	// given is the record being repeated, when a tape is replayed; rows come from
	// inputs, if they are on the tape.
	given  *trace.Step
	replay bool
	player *player
	// part, unless it is 0, is how many rows of its batch a step takes that is not
	// executed whole.
	part   int
	inputs *trace.RowReader
	// rewrite is the other tape that a replay makes, if it does.
	rewrite *rewriting
	// cuts says that the log is cut at each checkpoint, so that a tape may begin there;
	// cutAt is the one that the step takes, done are the parts that are complete.
	cuts bool
	// resumed says that a replay began in the middle of an attempt: readers were opened
	// there, as they were not when it was recorded.
	resumed bool
	cutAt   int64
	done    []part
}

// part is the log of a task up to a checkpoint, and how the task stood there.
type part struct {
	n     int64
	log   []byte
	rows  [][]byte
	frame *frame
}

// cut ends the log at the checkpoint that the step has taken.
func (r *recorder) cut(t *task, err error) {
	if err == nil && r.writes() {
		r.done = append(r.done, part{r.cutAt, r.log.Take(), r.rows.cut(), t.frame()})
	}
	r.cutAt = 0
}

// writes reports that the steps go to a tape.
func (r *recorder) writes() bool { return !r.replay || r.rewrite != nil }

func (r *recorder) begin(t *task, p pick) {
	r.cur = trace.Step{N: t.step, Pick: int32(p), Calls: r.cur.Calls[:0]}
	r.cur.Stamp = t.att.host.mono()
	r.open = true
	r.fold(uint64(p) + 1)
}

// end closes the record, also of a step that failed.
func (r *recorder) end(err error) {
	r.open = false
	if r.cur.Failed = err != nil; r.cur.Failed {
		if r.cur.Error = err.Error(); r.rewrite != nil {
			r.cur.Error = r.rewrite.text(r.given.Error) // what was read again wraps it once more
		}
	}
	r.cur.Hash, r.cur.Chained = r.chain, r.full || r.cur.N%64 == 0
	if r.writes() {
		r.log.Add(&r.cur)
	}
}

func (r *recorder) fold(x uint64) { r.chain = batch.Mix(r.chain ^ x) }

// now takes a reading of the clock.
func (r *recorder) now(v int64) int64 {
	if r.replay {
		if r.given == nil {
			return v
		}
		v = r.given.Now
	}
	if r.open {
		r.cur.Clock, r.cur.Now = true, v
	}
	return v
}

// outside takes what a call to the outside gave, or gives what it gave then.
func (r *recorder) outside(f func() ([]byte, error)) ([]byte, error) {
	var c trace.Call
	var err error
	switch {
	case r.replay && r.given != nil && len(r.cur.Calls) < len(r.given.Calls):
		c = r.given.Calls[len(r.cur.Calls)]
		if r.rewrite != nil && r.rewrite.Answers != nil {
			c.Data = r.rewrite.Answers(c.Data)
		}
		if c.Failed {
			err = errors.New(string(c.Data))
		}
	case r.replay && r.given != nil:
		return nil, diag.New(diag.Internal, "the step asks the outside more than %d times, which it did not", len(r.given.Calls))
	default:
		if c.Data, err = f(); err != nil {
			c.Failed, c.Data = true, []byte(err.Error())
		}
	}
	if r.open {
		r.cur.Calls = append(r.cur.Calls, c)
		r.fold(batch.HashBytes(c.Data))
	}
	if err != nil {
		return nil, err
	}
	return c.Data, nil
}

// mail takes the message of the step.
func (r *recorder) mail(m *mail) {
	r.cur.Mail = encodeMail(m)
	r.fold(batch.HashBytes(r.cur.Mail))
}

// elem takes what came over a channel.
func (r *recorder) elem(e *elem) {
	r.fold(uint64(e.kind)<<32 + uint64(e.ts))
	if e.l != nil {
		r.batch(&e.l.b)
	}
}

// output takes what a node has emitted; -1 is the reader.
func (r *recorder) output(node int, b *batch.Batch) {
	r.fold(uint64(node) + 2)
	r.batch(b)
}

// batch folds rows in: all values, or their number and kinds.
func (r *recorder) batch(b *batch.Batch) {
	if r.full {
		r.chain = b.ChainDigest(r.chain)
		return
	}
	r.fold(uint64(b.Rows())<<1 + 1)
	switch {
	case b.Kinds == nil:
	case b.Sel == nil:
		r.fold(batch.HashKinds(b.Kinds[:b.N]))
	default:
		r.kinds = r.kinds[:0]
		for _, l := range b.Sel {
			r.kinds = append(r.kinds, b.Kinds[l])
		}
		r.fold(batch.HashKinds(r.kinds))
	}
}

// largePoll is the number of rows from which on not every poll is hashed as a whole.
const largePoll = 2048

// digest is that of the rows of a poll: of all values, but of large polls only for one in
// 32, drawn by what it has, and for the others of the first and the last row: to hash
// every row of a fast source would cost more than all the rest of a tape. Of rows that are
// on the tape themselves it is of the first and the last one, always.
func (r *recorder) digest(b *batch.Batch, onTape bool) uint64 {
	n := b.Rows()
	switch {
	case r.full:
		return b.ChainDigest(0)
	case n == 0:
		return 0
	}
	ends := batch.Mix(r.digester.Row(b, b.Lane(0)) ^ batch.Mix(r.digester.Row(b, b.Lane(n-1))+uint64(n)))
	if onTape || n > largePoll && ends&31 != 0 {
		return ends
	}
	return r.digester.Digest(b)
}

// polled takes the outcome of a poll.
func (r *recorder) polled(split int, b *batch.Batch, s connect.Status) {
	seen := r.seen(b)
	onTape := r.embed || r.inputs != nil && r.rewrite == nil
	// The marks are written before the source computes its own into the batch.
	r.poll = trace.Poll{Split: split, Rows: b.Rows(), Status: uint8(s), Digest: r.digest(seen, onTape), Marks: b.Marks}
	r.cur.Poll = &r.poll
	r.fold(r.poll.Digest + uint64(s))
	if r.embed && r.writes() && b.Rows() > 0 {
		r.rows.add(seen)
	}
}

// pollAgain gives the rows of a recorded poll once more, from the tape or read again.
// The reader may cut them otherwise than it did then.
func (r *recorder) pollAgain(s *source, sp *split) (connect.Status, error) {
	p := r.given.Poll
	switch {
	case p == nil && r.given.Failed:
		return 0, errors.New(r.given.Error)
	case p == nil || p.Split != sp.num:
		return 0, r.player.diverged(s.t, "the step asks split %d, which it did not", sp.num)
	}
	if r.inputs != nil && p.Rows > 0 {
		var part batch.Batch
		if err := r.inputs.Next(&part); err != nil {
			return 0, r.player.diverged(s.t, "the tape has no rows for split %s: %s", sp.at.ID, err)
		}
		s.b.Append(&part, nil)
	}
	if r.inputs == nil {
		if err := r.readAgain(s, sp, p.Rows); err != nil {
			return 0, err
		}
	}
	s.b.Marks = append(s.b.Marks[:0], p.Marks...)
	if got := r.digest(r.seen(&s.b), r.inputs != nil); s.b.Rows() != p.Rows || got != p.Digest {
		return 0, r.player.diverged(s.t, "split %s gives %d rows with digest %016x where it gave %d with %016x", sp.at.ID, s.b.Rows(), got, p.Rows, p.Digest)
	}
	if w := r.rewrite; w != nil && w.Rows != nil && s.b.Rows() > 0 {
		if err := w.Rows(s.spec.Table, s.spec.Schema, &s.b); err != nil {
			return 0, err
		}
	}
	r.polled(sp.num, &s.b, connect.Status(p.Status))
	return connect.Status(p.Status), nil
}

// readAgain reads rows of a recorded poll. What the reader gives beyond them waits for
// the next one: a file may have grown since.
func (r *recorder) readAgain(s *source, sp *split, rows int) error {
	if rows == 0 {
		if !r.given.Clock || r.resumed {
			return nil
		}
		// The poll had to wait for a time; to the reader it may be where time begins.
		_, err := sp.readAhead(s.rowsMax())
		return err
	}
	sp.give(&s.b, rows)
	for idle := 0; s.b.N < rows && idle < 1000; idle++ {
		status, err := sp.readAhead(rows - s.b.N)
		if err != nil {
			return err
		}
		if sp.ahead.N > 0 {
			idle = 0
			sp.give(&s.b, rows)
		} else if status == connect.End {
			break
		} else if a, ok := sp.r.(connect.Awaiter); ok {
			if !a.Await(awaitMost) {
				break
			}
			idle = 0
		}
	}
	return nil
}

// awaitMost is how long a replay waits for rows that are read again from outside.
const awaitMost = 30 * time.Second

// readAhead asks the reader of a replay.
func (sp *split) readAhead(most int) (connect.Status, error) {
	var part batch.Batch
	status, err := sp.r.Poll(&part, most)
	if err == nil && part.Rows() > 0 {
		sp.ahead.Append(&part, nil)
	}
	return status, err
}

// give moves what was read ahead to dst, until that has a number of rows.
func (sp *split) give(dst *batch.Batch, rows int) {
	n := min(sp.ahead.N, rows-dst.N)
	if n <= 0 {
		return
	}
	dst.Append(&sp.ahead, batch.Span(0, n))
	var rest batch.Batch
	if n < sp.ahead.N {
		rest.Append(&sp.ahead, batch.Span(n, sp.ahead.N))
	}
	sp.ahead = rest
}

// Payload tags in the encoded form of a message.
const (
	payNone = iota
	payAsync
	paySplitOpen
	paySnap
	paySplits
)

// encodeMail is a message as the tape keeps it: all that a task takes from it.
func encodeMail(m *mail) []byte {
	e := encoder{}
	e.u64(uint64(m.kind))
	e.i64(m.n)
	e.i64(m.ts)
	e.i64(m.base)
	e.u64(uint64(m.flags))
	fail := func(err error) {
		e.bool(err != nil)
		if err != nil {
			e.str(err.Error())
		}
	}
	switch p := m.payload.(type) {
	case nil:
		e.u64(payNone)
	case *asyncResult:
		e.u64(payAsync)
		e.u64(uint64(p.node))
		e.i64(p.id)
		e.bytes(p.data)
		fail(p.err)
	case *splitOpen:
		e.u64(paySplitOpen)
		e.u64(uint64(p.num))
		fail(p.err)
	case *snapDone:
		e.u64(paySnap)
		e.i64(p.n)
		e.bool(p.sinks)
		for _, list := range [2][][]byte{p.prepared, p.states} {
			e.u64(uint64(len(list)))
			for _, b := range list {
				e.bool(b != nil)
				e.bytes(b)
			}
		}
		e.u64(p.file.hash)
		fail(p.err)
	case *newSplits:
		e.u64(paySplits)
		e.bool(p.last)
		e.u64(uint64(len(p.list)))
		for _, s := range p.list {
			e.str(s.ID)
			e.bytes(s.Pos)
		}
	}
	return e.b
}

// decodeMail reads it back.
func decodeMail(b []byte, attempt int64) (mail, error) {
	d := decoder{b: b}
	m := mail{kind: mailKind(d.u64()), attempt: attempt, n: d.i64(), ts: d.i64(), base: d.i64(), flags: ckptFlags(d.u64())}
	fail := func() error {
		if d.bool() {
			return errors.New(d.str())
		}
		return nil
	}
	switch d.u64() {
	case payAsync:
		p := &asyncResult{node: int(d.u64()), id: d.i64(), data: d.bytes()}
		p.err = fail()
		m.payload = p
	case paySplitOpen:
		p := &splitOpen{num: int(d.u64())}
		p.err = fail()
		m.payload = p
	case paySnap:
		p := &snapDone{n: d.i64(), sinks: d.bool()}
		for _, list := range [2]*[][]byte{&p.prepared, &p.states} {
			for k := d.count(); k > 0; k-- {
				some, b := d.bool(), d.bytes()
				if !some {
					b = nil
				}
				*list = append(*list, b)
			}
		}
		p.file.hash = d.u64()
		p.err = fail()
		m.payload = p
	case paySplits:
		p := &newSplits{last: d.bool()}
		for k := d.count(); k > 0; k-- {
			p.list = append(p.list, connect.Split{ID: d.str(), Pos: d.bytes()})
		}
		m.payload = p
	}
	if d.bad || len(d.b) > 0 {
		return m, diag.New(diag.Internal, "a message on the tape is damaged")
	}
	return m, nil
}
