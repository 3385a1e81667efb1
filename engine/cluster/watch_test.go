package cluster

import (
	"testing"
	"time"

	"github.com/minkstream/mink/engine/env"
)

// still is a clock that does not go on.
type still struct {
	env.Clock
	slept func()
}

func (still) Mono() int64           { return int64(time.Hour) }
func (c still) Sleep(time.Duration) { c.slept() }

// TestHeardAgain: of several nodes that are late one that is heard of while the others are given
// up on has another lease, and keeps it.
func TestHeardAgain(t *testing.T) {
	e := *env.OS("")
	peers := []*peer{{out: newQueue(), done: make(chan struct{})}, {out: newQueue(), done: make(chan struct{})}}
	c := &Coordinator{nodes: peers, change: make(chan struct{})}
	for i, p := range peers {
		p.node = Node{Name: []string{"node-1", "node-2"}[i], Number: int64(i), Alive: true}
	}
	turn := 0
	e.Clock = still{e.Clock, func() {
		if turn++; turn > 1 {
			c.mu.Lock()
			c.closed = true
			c.mu.Unlock()
		}
	}}
	c.opt = Options{Env: &e, Lease: time.Second, Lost: func(n Node, _ error) {
		if n.Name == "node-1" {
			c.got(peers[1], []byte{msgBeat, 0, 0, 0, 0, 0, 0, 0, 0})
		}
	}}
	c.watch()
	if m, ok := peers[1].out.take(); !ok || m[0] != msgBeatBack {
		t.Fatalf("%v", m)
	}
	if peers[0].node.Alive || !peers[1].node.Alive {
		t.Errorf("alive: %v, %v", peers[0].node.Alive, peers[1].node.Alive)
	}
}
