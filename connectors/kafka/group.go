package kafka

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// groupTeller writes the offsets of completed checkpoints to the consumer group, one
// request at a time. Nothing depends on it: a job's positions are in its checkpoints. It
// is for those who watch the lag of a group, and for jobs that start at its offsets.
type groupTeller struct {
	mu      sync.Mutex
	next    map[partition]int64
	running bool
}

// tell notes an offset and sends what is noted, in a goroutine that run starts.
func (g *groupTeller) tell(cl *kgo.Client, group string, p partition, next int64, run func(string, func())) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next == nil {
		g.next = map[partition]int64{}
	}
	g.next[p] = next
	if g.running {
		return
	}
	g.running = true
	run("kafka group offsets", func() { g.send(cl, group) })
}

func (g *groupTeller) send(cl *kgo.Client, group string) {
	for {
		g.mu.Lock()
		list := g.next
		g.next = nil
		if len(list) == 0 {
			g.running = false
			g.mu.Unlock()
			return
		}
		g.mu.Unlock()
		var o kadm.Offsets
		for p, at := range list {
			o.AddOffset(p.topic, p.num, at, -1)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		_, _ = kadm.NewClient(cl).CommitOffsets(ctx, group, o)
		cancel()
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
