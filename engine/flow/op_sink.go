package flow

import (
	"fmt"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/exec"
)

// committable is what a writer has prepared and its committer has to finish.
type committable struct {
	uid     string // of the sink
	sub     int
	attempt int64
	n       int64 // checkpoint it was prepared for
	data    []byte
}

// same reports whether two are one. A committable is named by where and when it
// was prepared, never by its content.
func (c *committable) same(o *committable) bool {
	return c.n == o.n && c.attempt == o.attempt && c.sub == o.sub && c.uid == o.uid
}

// sinkOp adapts a writer to an operator. Rows are made dense, barriers become
// prepared transactions, which the task carries until it knows of a completed
// checkpoint that has them.
type sinkOp struct {
	exec.Stateless
	node     *node
	uid      string
	spec     connect.Sink
	w        connect.Writer
	pacer    connect.Pacer // w, if rows are taken from it at leisure
	dense    batch.Batch
	prepared []committable
	restored [][]byte
	made     int // planted: transactions are counted by attempt
}

// txn names the transaction of a checkpoint; it is never used twice.
func (s *sinkOp) txn(n int64) string {
	t := s.node.t
	if t.att.job.plant == PlantTxnIDReuse {
		s.made++
		return fmt.Sprintf("%s/%s/%d/%d", t.att.job.cfg.JobID, s.uid, t.sub, s.made)
	}
	return fmt.Sprintf("%s/%s/%d/%d/%d", t.att.job.cfg.JobID, s.uid, t.sub, t.att.n, n)
}

// open makes the writer, with the states of the old subtasks dealt to this one.
func (s *sinkOp) open(states [][]byte) error {
	t := s.node.t
	if t.att.job.silent {
		s.w = replayWriter{}
		return nil
	}
	if shown, ok := s.spec.(connect.Shown); t.rec != nil && t.rec.replay && !(ok && shown.Shown() && !t.rec.player.silent) {
		s.w = replayWriter{}
		return nil
	}
	w, err := s.spec.Open(t.writerCtx(s))
	if err != nil {
		return s.node.opError(err)
	}
	s.w = w
	s.pacer, _ = w.(connect.Pacer)
	if len(states) > 0 {
		if err := w.Restore(states); err != nil {
			return s.node.opError(err)
		}
	}
	return nil
}

func (t *task) writerCtx(s *sinkOp) connect.WriterCtx {
	return connect.WriterCtx{
		Job: t.att.job.cfg.JobID, Sink: s.uid, Subtask: t.sub, Parallelism: t.v.Parallelism, Attempt: t.att.n,
		Now: s.node.Now, SetTimer: s.node.SetTimer,
	}
}

// Process writes the rows of one batch.
func (s *sinkOp) Process(_ *exec.Ctx, _ int, b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	s.node.rowsOut += int64(b.Rows())
	if b.Sel != nil {
		s.dense.Gather(b, nil)
		b = &s.dense
	}
	return s.w.Write(b)
}

// Watermark tells the writer event time.
func (s *sinkOp) Watermark(_ *exec.Ctx, ts int64) error { return s.w.Watermark(ts) }

// Timer fires a timer of the writer.
func (s *sinkOp) Timer(_ *exec.Ctx, at int64) error { return s.w.Timer(at) }

// Close abandons what was not prepared.
func (s *sinkOp) Close() error {
	if s.w == nil {
		return nil
	}
	if err := s.w.Close(); err != nil {
		return diag.Wrap(diag.IO, err, "closing sink %s", s.node.spec.Name)
	}
	return nil
}

// confirm hears that checkpoint n is durable: what was prepared up to it is the
// coordinator's.
func (s *sinkOp) confirm(n int64) {
	k := 0
	for _, c := range s.prepared {
		if c.n > n {
			s.prepared[k] = c
			k++
		}
	}
	clear(s.prepared[k:])
	s.prepared = s.prepared[:k]
}

// drop forgets what was prepared for n.
func (s *sinkOp) drop(n int64) {
	k := 0
	for _, c := range s.prepared {
		if c.n != n {
			s.prepared[k] = c
			k++
		}
	}
	s.prepared = s.prepared[:k]
}
