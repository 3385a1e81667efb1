//mink:det-ok channels between tasks are the host's side: tasks see only their heads, and the host picks which

package flow

import (
	"sync"
	"sync/atomic"

	"github.com/minkstream/mink/engine/batch"
)

// elemKind says what an element of a channel is.
type elemKind uint8

const (
	elemBatch   elemKind = iota
	elemMark             // a watermark with no rows on their way
	elemIdle             // the channel no longer holds the watermark back
	elemActive           // it does again
	elemBarrier          // ts is the checkpoint's number
	elemEnd              // no more rows and watermarks; barriers may follow
)

// elem is one element of a channel.
type elem struct {
	kind  elemKind
	flags ckptFlags // of a barrier
	// ts is a watermark or a checkpoint's number; base, of a barrier, the newest
	// completed checkpoint.
	ts, base int64
	l        *lease
	seq      uint64 // counts the elements of the channel
	at       int64  // arrival by Clock.Mono, on hosts that model the network
}

// lease is a batch that travels: it goes back to its pool when its last reader
// has given it up. Fixed-width memory is used again by the sender.
type lease struct {
	b    batch.Batch
	refs atomic.Int32
	home *pool
	// bytes is the size of b, worked out when it is sent.
	bytes int64
	// kept: somebody else may read the batch later on, so its memory is not used again.
	kept bool
}

// pool is the batches, or credits, of one channel (of all channels of a broadcast
// edge). A task is stepped only when each of its pools has a batch to give; what a
// step needs beyond that comes from the job's shelf and goes back there.
type pool struct {
	mu    sync.Mutex
	free  []*lease
	avail atomic.Int32 // free ones and ones not made yet
	total int          // credits
	made  int
	owner *task
	shelf *shelf
	far   *pipe // whose sender is in another process: it gets the credits
}

func newPool(owner *task, credits int, s *shelf) *pool {
	p := &pool{total: credits, owner: owner, shelf: s}
	p.avail.Store(int32(credits))
	return p
}

// take gives an empty batch: a free one, a new one within the credits, or a spare.
func (p *pool) take() *lease {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k := len(p.free); k > 0 {
		l := p.free[k-1]
		p.free = p.free[:k-1]
		p.avail.Add(-1)
		return l
	}
	if p.made < p.total {
		p.made++
		p.avail.Add(-1)
		return &lease{home: p}
	}
	l := p.shelf.take()
	l.home = p
	p.made++
	return l
}

// put takes a batch back. Spares leave for the shelf.
func (p *pool) put(l *lease) {
	l.b.Reset()
	p.mu.Lock()
	if p.made > p.total {
		p.made--
		p.mu.Unlock()
		p.shelf.put(l)
		return
	}
	p.free = append(p.free, l)
	p.mu.Unlock()
	p.avail.Add(1)
}

// shelf holds spare batches of a job.
type shelf struct {
	mu   sync.Mutex
	free []*lease
}

// shelfMax bounds the memory that a burst leaves behind.
const shelfMax = 64

func (s *shelf) take() *lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := len(s.free); k > 0 {
		l := s.free[k-1]
		s.free = s.free[:k-1]
		return l
	}
	return &lease{}
}

func (s *shelf) put(l *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.free) < shelfMax {
		l.home = nil
		s.free = append(s.free, l)
	}
}

// pipe is a channel from one task to another: first in, first out. It has one
// sender and one receiver, each stepped by one goroutine at a time.
type pipe struct {
	from, to *task
	in       int  // number of the channel at the receiver
	num      int  // in the attempt
	remote   bool // between nodes of the cluster
	far      *farEnds
	mu       sync.Mutex
	ring     []elem // power of two
	head     int
	n        int
	count    atomic.Int32
	sent     uint64
	lastAt   int64 // arrival of the newest element, on hosts that model the network
	got      uint64
}

// push appends an element. The host is told by the caller.
func (p *pipe) push(e elem) {
	p.mu.Lock()
	e.seq = p.sent
	p.sent++
	if p.n == len(p.ring) {
		p.grow()
	}
	p.ring[(p.head+p.n)&(len(p.ring)-1)] = e
	p.n++
	p.count.Store(int32(p.n))
	p.mu.Unlock()
}

func (p *pipe) grow() {
	ring := make([]elem, max(8, 2*len(p.ring)))
	for i := range p.n {
		ring[i] = p.ring[(p.head+i)&(len(p.ring)-1)]
	}
	p.ring, p.head = ring, 0
}

// ready reports an element that has arrived by now.
func (p *pipe) ready(now int64) bool {
	if p.count.Load() == 0 {
		return false
	}
	p.mu.Lock()
	ok := p.ring[p.head].at <= now
	p.mu.Unlock()
	return ok
}

// pop takes the oldest element.
func (p *pipe) pop() elem {
	p.mu.Lock()
	e := p.ring[p.head]
	p.ring[p.head] = elem{}
	p.head = (p.head + 1) & (len(p.ring) - 1)
	p.n--
	p.count.Store(int32(p.n))
	p.mu.Unlock()
	return e
}

// mailbox is the control ring of a task or coordinator.
type mailbox struct {
	mu    sync.Mutex
	list  []mail
	head  int
	count atomic.Int32
}

func (m *mailbox) put(x mail) {
	m.mu.Lock()
	m.list = append(m.list, x)
	m.count.Store(int32(len(m.list) - m.head))
	m.mu.Unlock()
}

// find is the place of the oldest message that may be taken, or -1.
func (m *mailbox) find(may func(k mailKind) bool) int {
	if m.count.Load() == 0 {
		return -1
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := m.head; i < len(m.list); i++ {
		if may(m.list[i].kind) {
			return i - m.head
		}
	}
	return -1
}

// take removes the message at a place.
func (m *mailbox) take(i int) mail {
	m.mu.Lock()
	i += m.head
	x := m.list[i]
	copy(m.list[m.head+1:i+1], m.list[m.head:i])
	m.list[m.head] = mail{}
	m.head++
	if m.head == len(m.list) {
		m.list, m.head = m.list[:0], 0
	}
	m.count.Store(int32(len(m.list) - m.head))
	m.mu.Unlock()
	return x
}

// pop takes the oldest message.
func (m *mailbox) pop() mail { return m.take(0) }
