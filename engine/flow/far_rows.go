//mink:det-ok the host's side of channels between processes

package flow

import (
	"bufio"
	"encoding/binary"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// A channel between two processes is two pipes. The sender's holds what is to go; who
// writes the connection takes it from there, and keeps a batch until the receiver gives
// its credit back. The receiver's is filled from the connection: each batch is read into
// a batch of the receiver's, and when its task is done with it, the credit goes home. As
// a sender has so many credits only, whatever comes has its place, and nobody who waits
// for one channel keeps the others of the connection from going on.
//
// A process has one connection to each other that it sends rows to; credits come back
// over it.
//
//	frame   length of all that follows in 4 bytes, length of the head in 4 bytes, head, pieces
//	head    kind, deployment, channel, number of the element, then by kind:
//	        watermark; or number, base and flags of a barrier; or of a batch types, if
//	        they differ from the last ones of the channel, and its wire form
//	credits length of all that follows in 4 bytes, then deployment, channel and count of each
//
// A connection to another machine may be dead and look whole. Over one that is watched
// (watchedConn) the sender asks for a sign of life every lifeEvery, a frame with an empty
// head, and the receiver answers with credits, be it none. Who hears nothing for
// silentMax gives the connection up.
const (
	frameHead = 8
	// frameTypes is added to the kind of a batch whose types follow.
	frameTypes = 0x80
	// writeBytes is how much is gathered for one write, and readBytes how much is read
	// at a time unless a piece is larger.
	writeBytes  = 256 << 10
	writePieces = 256
	readBytes   = 128 << 10
	// frameMax bounds a frame.
	frameMax = 1 << 30
)

const (
	lifeEvery = 500 * time.Millisecond
	silentMax = 3 * time.Second
)

// watchedConn is a RowConn that is to be watched.
type watchedConn interface {
	RowConn
	Watched()
}

var errSilent = diag.New(diag.IO, "nothing was heard for %s", silentMax)

// rowHub is a process's end of all connections for rows.
type rowHub struct {
	rows Rows
	// broke hears that rows to an address cannot go on.
	broke func(address string, why error)

	mu    sync.Mutex
	peers map[string]*rowPeer
	in    map[*rowIn]bool
	atts  map[int64]*attempt
	over  bool
	// watching is set once there is a connection to watch, done closed at the end.
	watching bool
	done     chan struct{}
	wait     sync.WaitGroup
}

func newRowHub(rows Rows, broke func(address string, why error)) *rowHub {
	return &rowHub{rows: rows, broke: broke, peers: map[string]*rowPeer{}, in: map[*rowIn]bool{}, atts: map[int64]*attempt{}, done: make(chan struct{})}
}

// watch begins to look after connections to other machines. The lock is held.
func (h *rowHub) watch() {
	if h.watching || h.over {
		return
	}
	h.watching = true
	h.wait.Go(func() {
		turn := time.NewTicker(lifeEvery)
		defer turn.Stop()
		for {
			select {
			case <-turn.C:
			case <-h.done:
				return
			}
			h.mu.Lock()
			var out []*rowPeer
			for _, x := range h.peers {
				out = append(out, x)
			}
			var in []*rowIn
			for x := range h.in {
				in = append(in, x)
			}
			h.mu.Unlock()
			now := time.Now()
			for _, x := range out {
				x.life(now)
			}
			for _, x := range in {
				if heard := x.heard.Load(); heard != nil && now.Sub(*heard) > silentMax {
					x.stop()
				}
			}
		}
	})
}

// peer is the connection to an address; it is opened when there is something to send.
func (h *rowHub) peer(address string) *rowPeer {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.peers[address]
	if p == nil && !h.over {
		p = &rowPeer{hub: h, address: address}
		p.cond.L = &p.mu
		h.peers[address] = p
		h.wait.Go(p.run)
	}
	return p
}

// join takes the channels of an attempt in whose ends lie in two processes: local says
// which tasks are here, address where the others are.
func (h *rowHub) join(a *attempt, local func(*task) bool, address func(*task) string) {
	for _, p := range a.pipes {
		from, to := local(p.from), local(p.to)
		switch {
		case from && !to:
			p.far = &farEnds{peer: h.peer(address(p.to))}
		case to && !from:
			p.far = &farEnds{pool: newPool(nil, a.job.cfg.Credits, &a.shelf)}
			p.far.pool.far = p
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.atts[a.deployed] = a
}

// leave lets an attempt go: what still comes for it is thrown away.
func (h *rowHub) leave(a *attempt) {
	h.mu.Lock()
	delete(h.atts, a.deployed)
	h.mu.Unlock()
}

func (h *rowHub) pipe(deployed int64, num uint64) *pipe {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.atts[deployed]
	if a == nil || num >= uint64(len(a.pipes)) {
		return nil
	}
	return a.pipes[num]
}

// close closes all connections.
func (h *rowHub) close() {
	h.mu.Lock()
	if !h.over {
		close(h.done)
	}
	h.over = true
	peers, in := h.peers, h.in
	h.peers, h.in = map[string]*rowPeer{}, map[*rowIn]bool{}
	h.mu.Unlock()
	for _, p := range peers {
		p.stop(nil)
	}
	for c := range in {
		c.stop()
	}
	h.wait.Wait()
}

// rowPeer is the sending end of a connection.
type rowPeer struct {
	hub     *rowHub
	address string

	mu    sync.Mutex
	cond  sync.Cond
	ready []*pipe // with something to send
	conn  RowConn
	over  bool
	// ask is set when a sign of life is to be asked for; heard is when the newest came, nil
	// on a connection that is not watched.
	ask   bool
	heard atomic.Pointer[time.Time]

	w      batch.WireWriter
	heads  []byte
	pieces [][]byte
}

// sent says that a pipe has an element.
func (x *rowPeer) sent(p *pipe) {
	if !p.far.queued.CompareAndSwap(false, true) {
		return
	}
	x.mu.Lock()
	x.ready = append(x.ready, p)
	x.mu.Unlock()
	x.cond.Signal()
}

// life asks for a sign of life, or gives the connection up when none has come.
func (x *rowPeer) life(now time.Time) {
	heard := x.heard.Load()
	if heard == nil {
		return
	}
	if now.Sub(*heard) > silentMax {
		x.stop(errSilent)
		return
	}
	x.mu.Lock()
	x.ask = true
	x.mu.Unlock()
	x.cond.Signal()
}

// stop ends the connection; why is nil when the process closes.
func (x *rowPeer) stop(why error) {
	x.mu.Lock()
	was := x.over
	x.over = true
	c := x.conn
	x.mu.Unlock()
	x.cond.Signal()
	if c != nil {
		c.Close()
	}
	if was {
		return
	}
	x.hub.mu.Lock()
	if x.hub.peers[x.address] == x {
		delete(x.hub.peers, x.address)
	}
	x.hub.mu.Unlock()
	if why != nil {
		x.hub.broke(x.address, why)
	}
}

// run writes what there is to send.
func (x *rowPeer) run() {
	var turn []*pipe
	for {
		x.mu.Lock()
		for len(x.ready) == 0 && !x.ask && !x.over {
			x.cond.Wait()
		}
		if x.over {
			x.mu.Unlock()
			return
		}
		turn, x.ready = x.ready, turn[:0]
		ask := x.ask
		x.ask = false
		x.mu.Unlock()
		if x.conn == nil && !x.dial() {
			return
		}
		if ask {
			if err := x.conn.WriteAll([][]byte{lifeFrame}); err != nil {
				x.stop(err)
				return
			}
		}
		// One element of each pipe in turn; who has more gets in line again.
		for len(turn) > 0 {
			x.heads, x.pieces = x.heads[:0], x.pieces[:0]
			bytes, k := 0, 0
			for k < len(turn) && bytes < writeBytes && len(x.pieces) < writePieces {
				p := turn[k]
				k++
				p.far.queued.Store(false)
				if p.count.Load() == 0 || p.from.dead.Load() {
					continue
				}
				bytes += x.frame(p, p.pop())
				if p.count.Load() > 0 {
					x.sent(p)
				}
			}
			turn = turn[:copy(turn, turn[k:])]
			if len(x.pieces) == 0 {
				continue
			}
			err := x.conn.WriteAll(x.pieces)
			x.w.Forget()
			if err != nil {
				x.stop(err)
				return
			}
		}
	}
}

func (x *rowPeer) dial() bool {
	c, err := x.hub.rows.Dial(x.address)
	if err != nil {
		x.stop(err)
		return false
	}
	x.mu.Lock()
	x.conn = c
	over := x.over
	x.mu.Unlock()
	if over {
		c.Close()
		return false
	}
	if _, ok := c.(watchedConn); ok {
		now := time.Now()
		x.heard.Store(&now)
		x.hub.mu.Lock()
		x.hub.watch()
		x.hub.mu.Unlock()
	}
	x.hub.wait.Go(func() { x.stop(x.credits(c)) })
	return true
}

// lifeFrame asks for a sign of life.
var lifeFrame = []byte{4, 0, 0, 0, 0, 0, 0, 0}

// frame adds an element to the pieces and tells its length.
func (x *rowPeer) frame(p *pipe, e elem) int {
	at := len(x.heads)
	if cap(x.heads)-at < 1<<12 {
		// Pieces point into the old memory.
		x.heads, at = make([]byte, 0, 1<<16), 0
	}
	h := append(x.heads, 0, 0, 0, 0, 0, 0, 0, 0)
	kind := at + frameHead
	h = append(h, byte(e.kind))
	h = binary.AppendVarint(h, p.to.att.deployed)
	h = binary.AppendUvarint(h, uint64(p.num))
	h = binary.AppendUvarint(h, e.seq)
	body := 0
	switch e.kind {
	case elemBatch:
		b := &e.l.b
		p.mu.Lock()
		p.far.flight = append(p.far.flight, e.l)
		p.mu.Unlock()
		if !batch.SameTypes(p.far.types, b) {
			h[kind] |= frameTypes
			p.far.types = p.far.types[:0]
			for i := range b.Cols {
				p.far.types = append(p.far.types, b.Cols[i].Type)
			}
			h = batch.AppendTypes(h, b)
		}
		x.w.Write(b)
		h = append(h, x.w.Head...)
		body = x.w.Bytes
	case elemMark:
		h = binary.AppendVarint(h, e.ts)
	case elemBarrier:
		h = binary.AppendVarint(h, e.ts)
		h = binary.AppendVarint(h, e.base)
		h = append(h, byte(e.flags))
	}
	x.heads = h
	h = h[at:]
	binary.LittleEndian.PutUint32(h, uint32(len(h)-4+body))
	binary.LittleEndian.PutUint32(h[4:], uint32(len(h)-frameHead))
	x.pieces = append(x.pieces, h)
	if body > 0 {
		x.pieces = append(x.pieces, x.w.Pieces...)
	}
	return len(h) + body
}

// credits takes credits home until the connection ends.
func (x *rowPeer) credits(c RowConn) error {
	in := bufio.NewReaderSize(c, 1<<14)
	var buf []byte
	for {
		var err error
		if buf, err = readCredits(in, buf); err != nil {
			return err
		}
		if x.heard.Load() != nil {
			now := time.Now()
			x.heard.Store(&now)
		}
		for rest := buf; len(rest) > 0; {
			d, a := binary.Varint(rest)
			num, b := binary.Uvarint(rest[max(a, 0):])
			if a <= 0 || b <= 0 {
				return errFrame
			}
			n, k := binary.Uvarint(rest[a+b:])
			if k <= 0 {
				return errFrame
			}
			rest = rest[a+b+k:]
			p := x.hub.pipe(d, num)
			if p == nil || p.far == nil || p.far.peer != x {
				continue
			}
			h := p.from.att.host.(*threaded)
			for range n {
				p.mu.Lock()
				if len(p.far.flight) == 0 {
					p.mu.Unlock()
					return errFrame
				}
				l := p.far.flight[0]
				p.far.flight[0] = nil
				p.far.flight = p.far.flight[1:]
				p.mu.Unlock()
				h.free(nil, l)
			}
		}
	}
}

var errFrame = diag.New(diag.Internal, "what another node sent is damaged")

func readCredits(in *bufio.Reader, buf []byte) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return buf, err
	}
	n := int(binary.LittleEndian.Uint32(head[:]))
	if n > frameMax {
		return buf, errFrame
	}
	buf = slices.Grow(buf[:0], n)[:n]
	_, err := io.ReadFull(in, buf)
	return buf, err
}

// rowIn is the receiving end of a connection.
type rowIn struct {
	hub  *rowHub
	conn RowConn

	mu   sync.Mutex
	cond sync.Cond
	// due are the credits that go back, one entry for each pipe; answer is set when who
	// sends waits for a sign of life.
	due    []*pipe
	answer bool
	over   bool
	// heard is when something came last, nil on a connection that is not watched.
	heard atomic.Pointer[time.Time]
}

// accept serves a connection that another process has opened.
func (h *rowHub) accept(c RowConn) {
	x := &rowIn{hub: h, conn: c}
	x.cond.L = &x.mu
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over {
		c.Close()
		return
	}
	h.in[x] = true
	if _, ok := c.(watchedConn); ok {
		now := time.Now()
		x.heard.Store(&now)
		h.watch()
	}
	h.wait.Go(func() {
		_ = x.receive() // who sends hears of it as well, and says so
		x.stop()
	})
	h.wait.Go(x.give)
}

func (x *rowIn) stop() {
	x.mu.Lock()
	x.over = true
	x.mu.Unlock()
	x.cond.Signal()
	x.conn.Close()
	x.hub.mu.Lock()
	delete(x.hub.in, x)
	x.hub.mu.Unlock()
}

// receive fills pipes until the connection ends.
func (x *rowIn) receive() error {
	in := bufio.NewReaderSize(x.conn, readBytes)
	var r batch.WireReader
	var head []byte
	for {
		var sizes [frameHead]byte
		if _, err := io.ReadFull(in, sizes[:]); err != nil {
			return err
		}
		all, n := int(binary.LittleEndian.Uint32(sizes[:])), int(binary.LittleEndian.Uint32(sizes[4:]))
		if x.heard.Load() != nil {
			now := time.Now()
			x.heard.Store(&now)
		}
		if all == 4 && n == 0 {
			x.mu.Lock()
			x.answer = true
			x.mu.Unlock()
			x.cond.Signal()
			continue
		}
		if all > frameMax || n > all-4 {
			return errFrame
		}
		head = slices.Grow(head[:0], n)[:n]
		if _, err := io.ReadFull(in, head); err != nil {
			return err
		}
		if err := x.frame(in, &r, head, all-4-n); err != nil {
			return err
		}
	}
}

func (x *rowIn) frame(in *bufio.Reader, r *batch.WireReader, head []byte, body int) error {
	d := decoder{b: head}
	kind := d.byte()
	deployed, num, seq := d.i64(), d.u64(), d.u64()
	if d.bad {
		return errFrame
	}
	p := x.hub.pipe(deployed, num)
	if p == nil || p.far == nil || p.far.pool == nil {
		_, err := io.CopyN(io.Discard, in, int64(body))
		return err
	}
	e := elem{kind: elemKind(kind &^ frameTypes)}
	switch e.kind {
	case elemBatch:
		if kind&frameTypes != 0 {
			var err error
			if p.far.types, d.b, err = batch.ReadTypes(d.b); err != nil {
				return err
			}
		}
		e.l = p.far.pool.take()
		if err := r.Read(&e.l.b, d.b, in, p.far.types); err != nil {
			return err
		}
		e.l.bytes = e.l.b.Bytes()
		e.l.refs.Store(1)
	case elemMark:
		e.ts = d.i64()
	case elemBarrier:
		e.ts, e.base, e.flags = d.i64(), d.i64(), ckptFlags(d.byte())
	case elemIdle, elemActive, elemEnd:
	default:
		return errFrame
	}
	if d.bad || seq != p.sent {
		return errFrame
	}
	p.far.back.Store(x)
	p.push(e)
	h := p.to.att.host.(*threaded)
	h.cl.ready(nil, runRef{h: h, t: p.to})
	return nil
}

// credit gives one home.
func (x *rowIn) credit(p *pipe) {
	x.mu.Lock()
	if p.far.owed == 0 {
		x.due = append(x.due, p)
	}
	p.far.owed++
	x.mu.Unlock()
	x.cond.Signal()
}

// give sends credits.
func (x *rowIn) give() {
	var due []*pipe
	var buf []byte
	for {
		x.mu.Lock()
		for len(x.due) == 0 && !x.answer && !x.over {
			x.cond.Wait()
		}
		x.answer = false
		if x.over {
			x.mu.Unlock()
			return
		}
		due, x.due = x.due, due[:0]
		buf = append(buf[:0], 0, 0, 0, 0)
		for _, p := range due {
			buf = binary.AppendVarint(buf, p.to.att.deployed)
			buf = binary.AppendUvarint(buf, uint64(p.num))
			buf = binary.AppendUvarint(buf, uint64(p.far.owed))
			p.far.owed = 0
		}
		x.mu.Unlock()
		binary.LittleEndian.PutUint32(buf, uint32(len(buf)-4))
		if x.conn.WriteAll([][]byte{buf}) != nil {
			x.stop()
			return
		}
	}
}

// farEnds are what a pipe has whose other end is in another process.
type farEnds struct {
	// Of a sender: where it sends to, whether it is in line there, and what was sent and
	// not given back.
	peer   *rowPeer
	queued atomic.Bool
	flight []*lease
	// types are those of the channel's last batch.
	types []types.Type
	// Of a receiver: its batches, the connection that credits go back over, and how many
	// are to go, under the lock of back.
	pool *pool
	back atomic.Pointer[rowIn]
	owed int
}
