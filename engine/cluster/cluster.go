// Package cluster is the processes that a cluster is made of: a coordinator, which
// has the jobs, and nodes, which run their tasks.
//
// A node attaches to the coordinator (one gRPC stream, over a Unix socket in the
// cluster's folder or over TCP), says how many slots it has, and sends a beat every
// fifth of its lease. Its death is noticed at once by the end of the stream; when it
// hangs, is stopped or is cut off, by the end of its lease. The lease of a node ends
// for itself before it ends for the coordinator, so a node that is given up on takes
// no step any more, also when it wakes much later. Either way the node's tasks are
// lost, and its jobs go on from their last checkpoint on the nodes that are left. A
// node whose stream ends drops its tasks and attaches again, to the same coordinator
// or to one that has taken its place.
//
// What is said about jobs is package flow's: this package carries it as bytes. Rows
// go from node to node without the coordinator, see exchange.go.
//
// Begin with Coordinator, which the process with the engine holds, and Serve, which
// is all that a node process does.
package cluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
)

// LeaseDefault is how long a node counts as alive without a beat.
const LeaseDefault = 1500 * time.Millisecond

// Options are those of a coordinator.
type Options struct {
	// Env is the outside; nil is the real one.
	Env *env.Env
	// Dir is the cluster's folder, where its sockets are. It must be the user's alone
	// (mode 0700): who may open a socket may run jobs.
	Dir string
	// Lease is how long a node counts as alive without a beat; 0 is LeaseDefault.
	Lease time.Duration
	// Doors have the connections of nodes of other machines, which have shown who they are
	// (Peered). Close closes them.
	Doors []net.Listener
	// Shared are folders that all nodes must see: with Doors, each node is asked to read
	// there and to write before it is taken. The first one has what ends with a job.
	Shared []string
	// Lost, if set, hears of each node that is given up on, before its jobs restart.
	// Whoever started the node's process kills it here (a stopped process would wake
	// some time). It may take as long as a kill takes.
	Lost func(n Node, why error)
	// Log takes notices; may be nil. It must not block.
	Log func(text string)
}

// Node is a picture of a node.
type Node struct {
	// Name is the node's own, such as node-1. A process that takes the place of a dead
	// one has its name and another Number.
	Name   string
	Number int64
	PID    int
	Slots  int
	// Address is where other nodes reach it for rows.
	Address string
	Alive   bool
	// Since is when it attached, in milliseconds since the epoch.
	Since int64
	// From is where a node of another machine attached from, as host:port; "" for one that
	// came by the socket.
	From string
}

// Peered is a connection whose other end has shown who it is.
type Peered interface {
	net.Conn
	// Peer is the node's name.
	Peer() string
}

// Coordinator knows the nodes of a cluster and carries messages to them. It may be
// used from several goroutines. Engine.Config.Cluster takes it: the engine's jobs then
// run on its nodes. It is a flow.Far.
type Coordinator struct {
	opt    Options
	server *grpc.Server

	mu     sync.Mutex
	nodes  []*peer // in order of names; the dead too, until another takes the name
	change chan struct{}
	next   int64
	asked  uint64      // questions so far
	jobs   flow.FarEnd // nil until an engine is there
	closed bool
}

// Listen starts a coordinator. Close ends it.
//
// It fails with the code config when another coordinator serves the folder.
func Listen(o Options) (*Coordinator, error) {
	if o.Env == nil {
		o.Env = env.OS("")
	}
	if o.Lease <= 0 {
		o.Lease = LeaseDefault
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot make the cluster's folder")
	}
	path := Socket(o.Dir)
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return nil, diag.New(diag.Config, "a coordinator serves %s already", o.Dir).WithHint("mink down --dir %s stops it", o.Dir)
	}
	l, err := listenUnix(path)
	if err != nil {
		return nil, err
	}
	c := &Coordinator{opt: o, change: make(chan struct{}), next: o.Env.Clock.Now()}
	// Of a coordinator before, whose jobs have gone with it.
	_ = o.Env.Disk.RemoveAll(c.Scratch())
	c.server = serveControl(c.attach, l, o.Doors)
	go c.watch()
	return c, nil
}

// Socket is the path of the socket on which the coordinator of a folder listens. It
// lies in the folder, or where the folder's name is too long for a socket, in one of
// the user's own below the temporary folder.
func Socket(dir string) string { return socketAt(dir, "control.sock") }

// socketMax is the longest path of a Unix socket, less its end, on all systems.
const socketMax = 103

func socketAt(dir, name string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	if p := filepath.Join(abs, name); len(p) <= socketMax {
		return p
	}
	return filepath.Join(besides(abs), name)
}

// besides is the folder of sockets whose paths would be too long.
func besides(abs string) string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("mink-%d-%016x", os.Getuid(), hashText(abs)))
}

// Sweep removes the sockets of processes that have ended, as of those that were killed, and
// their folder if it is not dir and nobody is there any more. What it cannot remove is of no
// harm.
func Sweep(dir string) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return
	}
	for _, at := range []string{abs, besides(abs)} {
		list, _ := os.ReadDir(at) // most have none besides
		for _, f := range list {
			path := filepath.Join(at, f.Name())
			if filepath.Ext(path) != ".sock" {
				continue
			}
			if conn, err := net.Dial("unix", path); err == nil {
				conn.Close() // somebody is there
				continue
			}
			_ = os.Remove(path)
		}
	}
	_ = os.Remove(besides(abs))
}

func listenUnix(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot make the folder of a socket")
	}
	if info, err := os.Stat(filepath.Dir(path)); err == nil && !ownFolder(info) {
		return nil, diag.New(diag.Permission, "the folder %s belongs to somebody else", filepath.Dir(path))
	}
	_ = os.Remove(path) // of a process that was killed
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot listen at %s", path)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, diag.Wrap(diag.IO, err, "cannot listen at %s", path)
	}
	return l, nil
}

// Join takes the cluster whose jobs run on the nodes. Those of another one before are
// unknown to the nodes from then on.
func (c *Coordinator) Join(end flow.FarEnd) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jobs = end
}

// Send gives a node a message; one for a node that is gone is dropped.
func (c *Coordinator) Send(to flow.NodeID, m []byte) {
	c.mu.Lock()
	p := c.find(to.Name)
	c.mu.Unlock()
	if p != nil && p.node.Number == to.Number {
		p.out.put(append([]byte{msgFlow}, m...))
	}
}

// Ready are the nodes that tasks can be given to.
func (c *Coordinator) Ready() []flow.FarNode {
	var out []flow.FarNode
	for _, n := range c.Nodes() {
		if n.Alive {
			out = append(out, flow.FarNode{NodeID: flow.NodeID{Name: n.Name, Number: n.Number}, Slots: n.Slots, Address: n.Address})
		}
	}
	return out
}

// Slots counts those of all nodes, also of dead ones that may come back.
func (c *Coordinator) Slots() int {
	n := 0
	for _, x := range c.Nodes() {
		n += x.Slots
	}
	return n
}

// Scratch is a folder for checkpoints that end with their job.
func (c *Coordinator) Scratch() string {
	if len(c.opt.Doors) > 0 && len(c.opt.Shared) > 0 {
		return filepath.ToSlash(filepath.Join(c.opt.Shared[0], ".scratch"))
	}
	return filepath.ToSlash(filepath.Join(c.opt.Dir, "scratch"))
}

// Nodes lists the nodes by name, those too that have died and have not come back.
func (c *Coordinator) Nodes() []Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Node, len(c.nodes))
	for i, p := range c.nodes {
		out[i] = p.node
	}
	return out
}

// Wait returns when at least n nodes are alive, or with the error of ctx.
func (c *Coordinator) Wait(ctx context.Context, n int) error {
	for {
		c.mu.Lock()
		alive, change := 0, c.change
		for _, p := range c.nodes {
			if p.node.Alive {
				alive++
			}
		}
		c.mu.Unlock()
		if alive >= n {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Follow calls f with all nodes now and after each change until ctx ends.
func (c *Coordinator) Follow(ctx context.Context, f func(nodes []Node)) {
	for {
		c.mu.Lock()
		change := c.change
		c.mu.Unlock()
		f(c.Nodes())
		select {
		case <-change:
		case <-ctx.Done():
			return
		}
	}
}

// Dismiss tells the nodes of other machines that the cluster ends, and waits a moment for
// them to go.
func (c *Coordinator) Dismiss() {
	c.mu.Lock()
	var list []*peer
	for _, p := range c.nodes {
		if p.node.Alive && p.node.From != "" {
			list = append(list, p)
		}
	}
	c.mu.Unlock()
	for _, p := range list {
		p.out.put([]byte{msgBye})
	}
	end := time.After(dismissWithin)
	for _, p := range list {
		select {
		case <-p.done:
		case <-end:
			return
		}
	}
}

// dismissWithin is how long nodes may take to go when they are told to.
const dismissWithin = time.Second

// Close ends all streams: the nodes drop their tasks and look for another coordinator.
// The engine is closed before.
func (c *Coordinator) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.server.Stop()
}

// attach serves a node for as long as it is there.
func (c *Coordinator) attach(s stream) error {
	first, err := s.recv()
	if err != nil {
		return err
	}
	h, err := decodeHello(first)
	if err != nil {
		return err
	}
	if s.from != "" {
		if h.name != s.peer {
			return diag.New(diag.Permission, "the node is %s by its certificate, and says that it is %s", s.peer, h.name)
		}
		if err := c.sees(s, h.name); err != nil {
			c.log("node %s was not taken: %s", h.name, err)
			return err
		}
	}
	p := &peer{out: newQueue(), done: make(chan struct{}), asked: map[uint64]chan []byte{}}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return diag.New(diag.Cancelled, "the coordinator is stopping")
	}
	if old := c.find(h.name); old != nil && old.node.Alive {
		c.mu.Unlock()
		return diag.New(diag.AlreadyExists, "a node %s is there already", h.name)
	}
	c.next++
	p.node = Node{Name: h.name, Number: c.next, PID: h.pid, Slots: h.slots, Address: h.address, Alive: true, Since: c.opt.Env.Clock.Now(), From: s.from}
	p.beat = c.opt.Env.Clock.Mono()
	// The welcome is the first message: from here on others find the node and send it theirs.
	p.out.put(encodeWelcome(welcome{number: p.node.Number, lease: c.opt.Lease}))
	c.nodes = slices.DeleteFunc(c.nodes, func(x *peer) bool { return x.node.Name == h.name })
	c.nodes = append(c.nodes, p)
	slices.SortFunc(c.nodes, func(a, b *peer) int { return compareNames(a.node.Name, b.node.Name) })
	c.changed()
	c.mu.Unlock()
	if s.from != "" {
		c.log("node %s has joined from %s with %d slots", h.name, s.from, h.slots)
	} else {
		c.log("node %s (pid %d) is there with %d slots", h.name, h.pid, h.slots)
	}
	go func() {
		for {
			m, ok := p.out.take()
			if !ok || s.send(m) != nil {
				return
			}
		}
	}()
	// The stream's own reader ends only with the connection, so giving a node up must
	// not wait for it.
	gone := make(chan error, 1)
	go func() {
		for {
			m, err := s.recv()
			if err != nil {
				gone <- err
				return
			}
			c.got(p, m)
		}
	}()
	select {
	case err = <-gone:
		c.lose(p, diag.New(diag.JobFailed, "node %s was lost: its process has ended", h.name))
	case <-p.done:
		err = diag.New(diag.Cancelled, "the lease of node %s has ended", h.name)
	}
	p.out.close()
	return err
}

func (c *Coordinator) got(p *peer, m []byte) {
	if len(m) == 0 {
		return
	}
	switch m[0] {
	case msgBeat:
		c.mu.Lock()
		p.beat = c.opt.Env.Clock.Mono()
		alive := p.node.Alive
		c.mu.Unlock()
		if alive {
			p.out.put(append([]byte{msgBeatBack}, m[1:]...))
		}
	case msgAnswer:
		c.answered(p, m[1:])
	case msgFlow:
		c.mu.Lock()
		jobs, alive := c.jobs, p.node.Alive
		c.mu.Unlock()
		if jobs != nil && alive {
			jobs.Got(flow.NodeID{Name: p.node.Name, Number: p.node.Number}, m[1:])
		}
	}
}

// watch gives nodes up whose lease has ended.
func (c *Coordinator) watch() {
	for {
		c.opt.Env.Clock.Sleep(c.opt.Lease / 10)
		now := c.opt.Env.Clock.Mono()
		var late []*peer
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return
		}
		for _, p := range c.nodes {
			if p.node.Alive && c.late(p) {
				late = append(late, p)
			}
		}
		// Nobody brings a node of another machine back, so its slots are counted no more.
		was := len(c.nodes)
		c.nodes = slices.DeleteFunc(c.nodes, func(p *peer) bool {
			return !p.node.Alive && p.node.From != "" && now-p.beat > int64(forgotten)
		})
		if len(c.nodes) != was {
			c.changed()
		}
		c.mu.Unlock()
		for _, p := range late {
			c.loseIf(p, c.late, diag.New(diag.JobFailed, "node %s was lost: nothing was heard of it for %s", p.node.Name, c.opt.Lease))
		}
	}
}

// forgotten is how long a node of another machine that is gone is remembered.
const forgotten = time.Minute

// late reports that the lease of a node has ended. The lock is held.
func (c *Coordinator) late(p *peer) bool { return c.opt.Env.Clock.Mono()-p.beat > int64(c.opt.Lease) }

// lose gives a node up, once.
func (c *Coordinator) lose(p *peer, why error) {
	c.loseIf(p, func(*peer) bool { return true }, why)
}

// loseIf is lose where something holds of the node. Of several that are late one may be heard
// of again while the others are given up on, and then it has another lease.
func (c *Coordinator) loseIf(p *peer, holds func(*peer) bool, why error) {
	c.mu.Lock()
	if !p.node.Alive || !holds(p) {
		c.mu.Unlock()
		return
	}
	p.node.Alive = false
	jobs, closed := c.jobs, c.closed
	c.changed()
	n := p.node
	c.mu.Unlock()
	close(p.done)
	if closed {
		return
	}
	c.log("%s", why.Error())
	if c.opt.Lost != nil {
		c.opt.Lost(n, why)
	}
	if jobs != nil {
		jobs.Lost(flow.NodeID{Name: n.Name, Number: n.Number}, why)
	}
}

// find is the node of a name, or nil. The lock is held.
func (c *Coordinator) find(name string) *peer {
	for _, p := range c.nodes {
		if p.node.Name == name {
			return p
		}
	}
	return nil
}

// changed wakes who waits for a change of nodes. The lock is held.
func (c *Coordinator) changed() {
	close(c.change)
	c.change = make(chan struct{})
}

func (c *Coordinator) log(format string, args ...any) {
	if c.opt.Log != nil {
		c.opt.Log(fmt.Sprintf(format, args...))
	}
}

// peer is a node as the coordinator sees it.
type peer struct {
	node Node
	beat int64 // Clock.Mono of the newest sign of life
	out  *queue
	done chan struct{} // closed when it is given up on
	// asked have who waits for an answer.
	asked map[uint64]chan []byte
}

// compareNames orders node-2 before node-10.
func compareNames(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// queue holds messages that go out one after the other. It has no bound: what goes
// this way is little, and whoever sends must not wait.
type queue struct {
	mu     sync.Mutex
	cond   sync.Cond
	list   [][]byte
	closed bool
}

func newQueue() *queue {
	q := &queue{}
	q.cond.L = &q.mu
	return q
}

func (q *queue) put(m []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.list = append(q.list, m)
		q.cond.Signal()
	}
}

func (q *queue) take() ([]byte, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.list) == 0 && !q.closed {
		q.cond.Wait()
	}
	if len(q.list) == 0 {
		return nil, false
	}
	m := q.list[0]
	q.list[0] = nil
	q.list = q.list[1:]
	return m, true
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.cond.Broadcast()
}
