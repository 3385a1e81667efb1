package flow

import (
	"math"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	state "github.com/minkstream/mink/engine/state"
)

// branchHost runs tasks that have left the tape: on one goroutine, in the order of their
// numbers, so that the same inputs make the same run. Its clock stands still while
// something can be done, and then goes to the next timer.
type branchHost struct {
	*player
	nowMS  int64
	timers []branchTimer
	acks   map[int]*ack
	err    error
}

type branchTimer struct {
	to *task
	at int64
	m  mail
}

func (h *branchHost) now() int64  { return h.nowMS }
func (h *branchHost) mono() int64 { return h.nowMS * 1e6 }

func (h *branchHost) timer(to actor, at int64, m mail) {
	if t, ok := to.(*task); ok {
		i, _ := slices.BinarySearchFunc(h.timers, at+1, func(x branchTimer, at int64) int { return int(min(1, max(-1, x.at-at))) })
		h.timers = slices.Insert(h.timers, i, branchTimer{t, at, m})
	}
}

func (h *branchHost) toTask(t *task, m mail) { t.mail.put(m) }

// async does work at once. What it asks outside it asks anew: the tape has answers to the
// questions of the recorded run alone.
func (h *branchHost) async(to actor, _ *task, _ bool, _ string, f func() mail) {
	if t, ok := to.(*task); ok {
		t.mail.put(f())
	}
}

func (h *branchHost) toCoord(t *task, m mail) {
	switch a, ok := m.payload.(*ack); {
	case m.kind == mailAck && ok:
		h.acks[t.id] = a
	case m.kind == mailDecline || m.kind == mailFailed:
		h.err = m.err
	}
}

// turn lets each task do what it can, a source one poll, and reports whether any did
// something.
func (h *branchHost) turn(a *attempt, polls bool) (ran bool, err error) {
	for _, t := range a.tasks {
		for h.err == nil {
			p := t.choose(math.MaxInt64, &t.sched.last)
			if p == pickNone || p == pickPoll && !polls {
				break
			}
			if err := t.run(p); err != nil {
				return true, err
			}
			ran = true
			if p == pickPoll {
				break
			}
		}
	}
	return ran, h.err
}

// Saved is what a job holds at a moment of its tape, with nothing under way: what had
// been read was passed through. A Branch goes on from it.
type Saved struct {
	// At is the moment, TimeMS when it was recorded.
	At     Position
	TimeMS int64
	// Structures are those of the operators, by UID, with what they hold in all subtasks.
	Structures map[string][]state.Description

	store    *ckptStore
	groups   int
	vertices []savedVertex
}

// savedVertex is one of the job's, with what each subtask had.
type savedVertex struct {
	v    *Vertex
	subs []savedSub
}

type savedSub struct {
	own  inlineState
	file *fileRef // of keyed state
}

// Save takes all that the job holds. What lies in channels is passed through first:
// no source is asked for more. Nothing but closing the Stepper is possible afterwards.
func (s *Stepper) Save() (*Saved, error) {
	a, p := s.att, s.r.host
	if a == nil {
		return nil, diag.New(diag.NotFound, "nothing has happened yet").WithHint("go a step further: a branch leaves a run that has begun")
	}
	out := &Saved{At: p.moment.Position, TimeMS: p.moment.TimeMS, Structures: map[string][]state.Description{}, store: &ckptStore{disk: env.NewMemDisk(), dir: "saved"}, groups: a.job.groups}
	if err := out.store.begin(); err != nil {
		return nil, err
	}
	h := &branchHost{player: p, nowMS: p.moment.TimeMS, acks: map[int]*ack{}}
	a.host = h
	a.job.host, a.job.whole, a.job.store = h, true, out.store
	id := int64(1)
	for _, t := range a.tasks {
		if !s.open[t.id] {
			s.open[t.id] = true
			if err := t.open(); err != nil {
				return nil, err
			}
			t.live.Store(true)
		}
		if err := h.leave(t); err != nil {
			return nil, err
		}
		id = max(id, t.done+1, t.align+1)
	}
	clear := func() error {
		for {
			if ran, err := h.turn(a, false); err != nil || !ran {
				return err
			}
		}
	}
	if err := clear(); err != nil {
		return nil, err
	}
	for _, t := range a.tasks {
		if len(t.ins) == 0 {
			t.mail.put(mail{kind: mailTrigger, attempt: a.n, n: id})
		}
	}
	h.acks = map[int]*ack{}
	if err := clear(); err != nil {
		return nil, err
	}
	return out, out.take(a, h, id)
}

// leave gives a task what the tape would have given it of work that is under way, and
// takes it off the tape.
func (h *branchHost) leave(t *task) error {
	p := h.player
	for _, m := range p.results {
		if m.task == t.id {
			m.attempt = t.att.n
			t.mail.put(m)
		}
	}
	if t.preparing > 0 && t.snap != nil {
		t.mail.put(mail{kind: mailAsync, attempt: t.att.n, n: t.snap.n, payload: &snapDone{
			n: t.snap.n, sinks: true, prepared: make([][]byte, len(t.sinks)), states: make([][]byte, len(t.sinks)),
		}})
	}
	for i, left := p.at[t.id], t.calls; left > 0 && i < len(p.steps[t.id]); i++ {
		b := p.steps[t.id][i].Mail
		if b == nil {
			continue
		}
		m, err := decodeMail(b, t.att.n)
		if err != nil {
			return err
		}
		if r, ok := m.payload.(*asyncResult); ok && r.id <= t.asyncs {
			t.mail.put(m)
			left--
		}
	}
	if !t.began {
		t.mail.put(mail{kind: mailStart, attempt: t.att.n})
	}
	t.rec = nil
	return nil
}

// take gathers what the tasks have saved.
func (out *Saved) take(a *attempt, h *branchHost, id int64) error {
	sums := map[string]*state.Description{}
	var names []string
	for _, v := range a.job.graph.Vertices {
		out.vertices = append(out.vertices, savedVertex{v: v, subs: make([]savedSub, v.Parallelism)})
	}
	for _, t := range a.tasks {
		k := h.acks[t.id]
		if k == nil || k.n != id {
			return diag.New(diag.Internal, "task %s waits for something and cannot be saved", t.name)
		}
		own, err := decodeInline(k.inline)
		if err != nil {
			return err
		}
		x := savedSub{own: own}
		if k.file.path != "" {
			x.file = &k.file
		}
		out.vertices[t.v.ID].subs[t.sub] = x
		for _, d := range t.store.Describe() {
			if sums[d.Name] == nil {
				sums[d.Name] = &state.Description{Name: d.Name, Kind: d.Kind, Shape: d.Shape}
				names = append(names, d.Name)
			}
			sums[d.Name].Entries += d.Entries
			sums[d.Name].MemBytes += d.MemBytes
		}
	}
	for _, name := range names {
		uid, _, _ := strings.Cut(name, ".")
		out.Structures[uid] = append(out.Structures[uid], *sums[name])
	}
	return nil
}

// Watermark is what a source had passed on, the least of its subtasks.
func (out *Saved) Watermark(uid string) int64 {
	least := batch.MaxWatermark
	for _, v := range out.vertices {
		if v.v.UID != uid {
			continue
		}
		for _, s := range v.subs {
			for _, sp := range s.own.splits {
				least = min(least, sp.floor)
			}
		}
	}
	if least == batch.MaxWatermark {
		return batch.NoWatermark
	}
	return least
}
