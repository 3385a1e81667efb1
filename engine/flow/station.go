//mink:det-ok the host of a node process: workers, messages and leases

package flow

import (
	"sync"
	"sync/atomic"

	"github.com/minkstream/mink/engine/env"
)

// StationOptions are those of a node process.
type StationOptions struct {
	// Node is its name.
	Node string
	// Workers as in ClusterOptions.
	Workers int
	// Build makes graphs of what the coordinator sends.
	Build BuildFunc
	// Rows connects to other processes.
	Rows Rows
	// Log as in ClusterOptions.
	Log func(text string)
}

// Station runs the tasks that a coordinator gives to this process. It takes steps only
// while it has a lease.
type Station struct {
	env   *env.Env
	opt   StationOptions
	cl    *Cluster
	until atomic.Int64 // the lease's end by Clock.Mono

	mu   sync.Mutex
	id   NodeID
	send func(message []byte)
}

// NewStation starts the workers. Close stops them.
func NewStation(e *env.Env, o StationOptions) *Station {
	s := &Station{env: e, opt: o}
	s.cl = NewCluster(e, ClusterOptions{Workers: o.Workers, Log: o.Log})
	return s
}

// Attach begins a life with a coordinator, to which send gives messages, with a lease
// that ends when Clock.Mono reaches until.
func (s *Station) Attach(id NodeID, until int64, send func(message []byte)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id, s.send = id, send
	s.until.Store(until)
}

// Lease moves the end of the lease.
func (s *Station) Lease(until int64) { s.until.Store(max(until, s.until.Load())) }

// Until is the end of the lease.
func (s *Station) Until() int64 { return s.until.Load() }

// Drop ends the life with the coordinator: all tasks are given up and take no step any
// more.
func (s *Station) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until.Store(0)
	s.send = nil
}

// Close gives all tasks up, waits until they are closed and stops the workers.
func (s *Station) Close() {
	s.Drop()
	s.cl.Close()
}

// Accept takes a connection over which another process sends rows.
func (s *Station) Accept(c RowConn) {}

// Got takes a message of the coordinator.
func (s *Station) Got(message []byte) {}
