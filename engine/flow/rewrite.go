package flow

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/engine/types"
)

// Rewrite makes another tape of what a replay does: of the same steps, with hashes of
// what they do now. So a tape can be cut, or its rows be changed, and what comes out is
// one that was executed.
//
// Where changed rows lead to other steps, such as a filter that lets fewer of them
// through, the replay stops with a *Divergence and there is no such tape.
type Rewrite struct {
	// To is the new tape. Its manifest has the statements and the plans of the jobs.
	To *trace.Folder
	// Embed keeps the rows of all sources, and not of those alone that were on the tape.
	Embed bool
	// From, unless it is nil, says whether a moment is at or behind the one that the new tape
	// is to have: it begins at the newest checkpoint before that, where there is one.
	From func(m *Moment) bool
	// Rows changes what a reader of a table has given; nil leaves it.
	Rows func(table string, s types.Schema, b *batch.Batch) error
	// Answers is called with what the outside has answered, and gives what stands for it;
	// nil leaves it.
	Answers func(data []byte) []byte
	// Bare leaves out what sinks have prepared and kept, but for those that are shown.
	Bare bool
	// Text changes messages of errors; nil leaves them.
	Text func(text string) string
}

// rewriteEvery is the number of steps after which they are written.
const rewriteEvery = 4096

// rewriting is the new tape of a job while it is made.
type rewriting struct {
	*Rewrite
	tape  *taper
	steps int
	// made is a checkpoint that the step at hand has completed. limit is the newest at which
	// the tape may begin, once From has been reached.
	made    *meta
	reached bool
	limit   Position
}

func newRewriting(w *Rewrite, t *Tape) *rewriting {
	if w == nil {
		return nil
	}
	j := *t.job
	j.host = &player{}
	j.cfg.Record.To, j.cfg.Record.Number = w.To, t.num
	j.cfg.Record.Embed = j.cfg.Record.Embed || w.Embed
	tape := newTaper(&j)
	tape.cuts = w.From != nil
	return &rewriting{Rewrite: w, tape: tape}
}

// begin gives the tasks of an attempt recorders that repeat and record.
func (w *rewriting) begin(a *attempt, x *tapeAttempt, p plan) error {
	if x.frames != nil {
		return w.beginAt(a, x, p)
	}
	if p.meta != nil {
		if err := w.tape.keep(p.from, p.meta, a.n); err != nil {
			return err
		}
	}
	w.tape.begin(a, p)
	started := &w.tape.attempts[len(w.tape.attempts)-1].started
	started.Began, started.Stamp = x.timeMS, x.mono
	return nil
}

// beginAt is begin for the attempt in whose middle the tape begins.
func (w *rewriting) beginAt(a *attempt, x *tapeAttempt, p plan) error {
	if w.Rows != nil {
		return diag.New(diag.Config, "the tape begins at checkpoint %d, and what operators keep of rows before it cannot be changed", p.meta.id).
			WithHint("take a tape from the start of the job")
	}
	disk, dir := w.To.Base(w.tape.num, a.n, p.meta.id)
	if err := disk.MkdirAll(dir); err != nil {
		return err
	}
	if err := p.from.export(p.meta, disk, dir, nil, false); err != nil {
		return err
	}
	w.tape.begin(a, p)
	t := w.tape.attempts[len(w.tape.attempts)-1]
	t.started.Began, t.started.Stamp, t.started.Base, t.started.Splits = x.timeMS, x.mono, true, x.splits
	for i := range t.from {
		t.from[i] = p.meta.id
	}
	return w.To.Frames(w.tape.num, t.started, x.base)
}

// stepped writes now and then, and makes the tape begin at a checkpoint that is complete.
func (w *rewriting) stepped(p *player) error {
	if w == nil {
		return nil
	}
	if w.From != nil && !w.reached && w.From(&p.moment) {
		w.reached, w.limit = true, p.moment.Position
	}
	if m := w.made; m != nil {
		w.made = nil
		if !w.reached || m.attempt < w.limit.Attempt || m.attempt == w.limit.Attempt && m.id <= w.limit.Checkpoint {
			if err := w.tape.based(p.store, m); err != nil {
				return err
			}
		}
	}
	if w.steps++; w.steps%rewriteEvery == 0 {
		w.tape.flush()
	}
	return nil
}

// close writes the rest. The job ends as it did, unless its end was not reached.
func (w *rewriting) close(t *Tape, whole bool) error {
	if w == nil {
		return nil
	}
	state, cause := t.state, t.cause
	if !whole {
		state, cause = "CUT", ""
	}
	w.tape.flush()
	w.tape.note(func(m *trace.Manifest) {
		k := &m.Jobs[w.tape.num]
		k.State, k.Error = state, w.text(cause)
	})
	return w.tape.err
}

func (w *rewriting) text(s string) string {
	if w.Text == nil || s == "" {
		return s
	}
	return w.Text(s)
}

// mail changes a message before the task takes it.
func (w *rewriting) mail(t *task, m *mail) {
	if w == nil {
		return
	}
	switch p := m.payload.(type) {
	case *asyncResult:
		if w.Answers != nil {
			p.data = w.Answers(p.data)
		}
	case *snapDone:
		for i, k := range t.sinks {
			if shown, ok := k.spec.(connect.Shown); !w.Bare || ok && shown.Shown() {
				continue
			}
			if i < len(p.prepared) && p.prepared[i] != nil {
				p.prepared[i] = []byte{}
			}
			if i < len(p.states) && p.states[i] != nil {
				p.states[i] = []byte{}
			}
		}
	}
}
