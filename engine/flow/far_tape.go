//mink:det-ok the host's side of tapes: pieces go from node processes to the coordinator

package flow

import (
	"sync"
	"time"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/trace"
)

// siteTape sends what the steps of a node's tasks were given to the coordinator, which
// has the tape. An acknowledgement of a checkpoint goes behind what came before it, so
// that the coordinator has all of a checkpoint that is complete.
type siteTape struct {
	k    *site
	wake chan struct{} // something waits
	over chan struct{} // closed with the attempt

	mu     sync.Mutex // one sends at a time
	frames []map[int64]*frame

	acksMu sync.Mutex
	acks   []mail
}

func newSiteTape(k *site, tasks int) *siteTape {
	return &siteTape{k: k, wake: make(chan struct{}, 1), over: make(chan struct{}), frames: make([]map[int64]*frame, tasks)}
}

// run sends every tapeEvery, and when a checkpoint waits for it.
func (s *siteTape) run() {
	for {
		select {
		case <-s.wake:
		case <-time.After(tapeEvery):
		case <-s.over:
			return
		}
		s.send()
	}
}

// ack sends an acknowledgement once the step at hand has ended.
func (s *siteTape) ack(m *mail) {
	s.acksMu.Lock()
	s.acks = append(s.acks, *m)
	s.acksMu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *siteTape) send() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acksMu.Lock()
	acks := s.acks
	s.acks = nil
	s.acksMu.Unlock()
	for _, t := range s.k.local {
		s.task(t)
	}
	for i := range acks {
		s.frame(&acks[i])
		e := farMessage(farUp, s.k.x.num)
		e.farEncode(&acks[i])
		s.k.send(e.b)
	}
}

// task sends what a task has kept since the last time.
func (s *siteTape) task(t *task) {
	t.stepMu.Lock()
	done, blocks, rows := t.rec.done, t.rec.log.Take(), t.rec.rows.take()
	t.rec.done = nil
	t.stepMu.Unlock()
	if len(done) == 0 && len(blocks) == 0 && len(rows) == 0 {
		return
	}
	e := farMessage(farTape, s.k.x.num)
	e.u64(uint64(t.id))
	e.u64(uint64(len(done)))
	for _, p := range done {
		e.i64(p.n)
		e.piece(p.log, p.rows)
		list := s.frames[t.id]
		if list == nil {
			list = map[int64]*frame{}
			s.frames[t.id] = list
		}
		list[p.n] = p.frame
		for n := range list {
			if n < p.n-framesMax {
				delete(list, n)
			}
		}
	}
	e.piece(blocks, rows)
	s.k.send(e.b)
	t.stepMu.Lock()
	t.rec.rows.back(rows)
	t.stepMu.Unlock()
}

// frame sends how a task stood at a checkpoint that it acknowledges.
func (s *siteTape) frame(m *mail) {
	list := s.frames[m.task]
	f := list[m.n]
	if f == nil {
		return
	}
	delete(list, m.n)
	e := farMessage(farFrame, s.k.x.num)
	e.u64(uint64(m.task))
	e.i64(m.n)
	e.bool(f.clean)
	e.bool(f.complete)
	e.u64(uint64(len(f.splits)))
	for _, x := range f.splits {
		e.split(&x)
	}
	e.bytes(f.encode())
	s.k.send(e.b)
}

func (e *encoder) split(s *splitState) {
	e.str(s.at.ID)
	e.bytes(s.at.Pos)
	e.i64(s.wm)
	e.i64(s.floor)
	e.bool(s.ended)
}

func (d *decoder) split() splitState {
	return splitState{at: connect.Split{ID: d.str(), Pos: d.bytes()}, wm: d.i64(), floor: d.i64(), ended: d.bool()}
}

func (e *encoder) piece(log []byte, rows [][]byte) {
	e.bytes(log)
	e.u64(uint64(len(rows)))
	for _, r := range rows {
		e.bytes(r)
	}
}

func (d *decoder) piece() (log []byte, rows [][]byte) {
	log = d.bytes()
	for k := d.count(); k > 0; k-- {
		rows = append(rows, d.bytes())
	}
	return log, rows
}

var errTape = diag.New(diag.Internal, "a piece of the tape of another process is damaged")

// of finds the tasks of an attempt. The lock is held.
func (tp *taper) of(attempt int64, task uint64) (*tapedAttempt, *task) {
	for _, x := range tp.attempts {
		if x.n == attempt && task < uint64(len(x.tasks)) {
			return x, x.tasks[task]
		}
	}
	return nil, nil
}

// arrived takes a piece of the tape of another process.
func (tp *taper) arrived(attempt int64, d *decoder) error {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	tp.write() // the attempt is noted before its steps
	x, t := tp.of(attempt, d.u64())
	if x == nil {
		return errTape
	}
	for k := d.count(); k > 0; k-- {
		n := d.i64()
		log, rows := d.piece()
		if d.bad {
			return errTape
		}
		tp.put(x, t, log, rows)
		x.cut(t, part{n: n})
	}
	log, rows := d.piece()
	if d.bad || len(d.b) > 0 {
		return errTape
	}
	tp.put(x, t, log, rows)
	return nil
}

// framed takes how a task of another process stood.
func (tp *taper) framed(attempt int64, d *decoder) error {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	x, t := tp.of(attempt, d.u64())
	n := d.i64()
	f := &frame{clean: d.bool(), complete: d.bool()}
	for k := d.count(); k > 0; k-- {
		f.splits = append(f.splits, d.split())
	}
	f.far = d.bytes()
	if x == nil || d.bad || len(d.b) > 0 {
		return errTape
	}
	if list := x.frames[n]; list != nil {
		list[t.id] = f
	}
	return nil
}

// lost notes that a process has gone that may have had steps of an attempt: the others
// took what is not on the tape.
func (tp *taper) lost(attempt int64) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	tp.write()
	tp.note(func(m *trace.Manifest) {
		k := &m.Jobs[tp.num]
		for i := range k.Attempts {
			if k.Attempts[i].N == attempt {
				k.Attempts[i].Lost = true
			}
		}
	})
}
