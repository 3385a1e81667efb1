package flow

import (
	"sync" //mink:det-ok calls of committers run outside of steps
	"time"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// committer is the committing side of a sink. Calls run outside of steps and may be
// under way several at a time.
type committer struct {
	uid    string
	vertex int
	spec   connect.Sink
	c      connect.Committer
	tries  int
}

func (k *committer) close() {
	if k.c != nil {
		_ = k.c.Close()
	}
}

// openCommitter is closed when no call runs in it any more: a commit may take longer than the
// attempt that began it, and even than the job.
type openCommitter struct {
	connect.Committer
	mu     sync.Mutex
	calls  int
	closed bool
}

func (k *openCommitter) Commit(data []byte) error {
	return k.during(func() error { return k.Committer.Commit(data) })
}

func (k *openCommitter) Fence(attempt int64, keep [][]byte) error {
	return k.during(func() error { return k.Committer.Fence(attempt, keep) })
}

func (k *openCommitter) during(f func() error) error {
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return diag.New(diag.Cancelled, "the job has ended")
	}
	k.calls++
	k.mu.Unlock()
	err := f()
	k.mu.Lock()
	k.calls--
	last := k.closed && k.calls == 0
	k.mu.Unlock()
	if last {
		_ = k.Committer.Close()
	}
	return err
}

func (k *openCommitter) Close() error {
	k.mu.Lock()
	now := !k.closed && k.calls == 0
	k.closed = true
	k.mu.Unlock()
	if now {
		return k.Committer.Close()
	}
	return nil
}

// commitLoop tries one committable until its commit is confirmed. There is one loop
// per committable, whatever number of checkpoints carry it.
type commitLoop struct {
	c        committable
	inFlight bool
	tries    int
	due      int64 // not before this time
}

// Back-off of commits and fences.
const (
	commitDelay    = 50 * time.Millisecond
	commitDelayMax = 10 * time.Second
	// commitCalls is the most calls outstanding at a time.
	commitCalls = 8
)

func (c *coordinator) backoff(tries int) time.Duration {
	d := commitDelay << min(tries, 10)
	d = min(d, commitDelayMax)
	return d + time.Duration(c.host.chance(int(d.Milliseconds()/5)+1, "commit jitter"))*time.Millisecond
}

// fenced is the answer of a fence.
type fenced struct {
	sink int
	c    connect.Committer
	err  error
}

// fence makes sure, sink by sink, that no older attempt can write any more, and
// aborts what they prepared and the checkpoint does not name. What it names is
// committed.
func (c *coordinator) fence() {
	c.phase = fencing
	if c.committers == nil {
		for i, v := range c.job.graph.Vertices {
			for k := range v.Nodes {
				if n := &v.Nodes[k]; n.Sink != nil {
					c.committers = append(c.committers, &committer{uid: n.UID, vertex: i, spec: n.Sink})
				}
			}
		}
	}
	c.wait = len(c.committers)
	for i := range c.committers {
		c.committers[i].tries = 0
		c.fenceOne(i)
	}
	if c.wait == 0 {
		c.fencedAll()
	}
}

func (c *coordinator) fenceOne(i int) {
	k := c.committers[i]
	attempt := c.line.attempt
	v := c.job.graph.Vertices[k.vertex]
	h := c.host
	ctx := connect.WriterCtx{
		Job: c.line.job, Sink: k.uid, Parallelism: v.Parallelism, Attempt: attempt,
		Now: h.now, SetTimer: func(int64) {},
	}
	if ctx.Job == "" {
		ctx.Job = c.job.cfg.JobID
	}
	var keep [][]byte
	if m := c.newest; m != nil && c.job.plant != PlantAbortPrepared {
		for _, x := range m.commits {
			if x.uid == k.uid {
				keep = append(keep, x.data)
			}
		}
	}
	have, spec := k.c, k.spec
	c.outside(false, "fence", func() any {
		x := have
		if x == nil {
			var err error
			if x, err = spec.Committer(ctx); err != nil || x == nil {
				return &fenced{sink: i, err: err}
			}
			x = &openCommitter{Committer: x}
		}
		return &fenced{sink: i, c: x, err: x.Fence(attempt, keep)}
	})
}

func (c *coordinator) onFenced(d *fenced) {
	k := c.committers[d.sink]
	if k.c == nil {
		k.c = d.c
	}
	if c.phase != fencing {
		return
	}
	if d.err != nil {
		if c.givesUp(d.err, fencing) {
			c.fail(d.err)
			return
		}
		c.cause = d.err
		c.tick(tickFence, c.backoff(k.tries), mail{task: d.sink})
		k.tries++
		return
	}
	if c.wait--; c.wait == 0 {
		c.fencedAll()
	}
}

func (c *coordinator) fencedAll() {
	c.recalled = true
	if m := c.newest; m != nil {
		if c.job.plant != PlantNoRecommit {
			c.addCommits(m.commits)
		}
		if m.final || m.id == c.stoppedAt {
			// Nothing is left to read: only the commits are.
			c.final = m
			c.phase = ending
			c.runCommits()
			return
		}
	}
	c.runCommits()
	c.findSplits()
}

// addCommits starts a loop for each committable that has none yet.
func (c *coordinator) addCommits(list []committable) {
next:
	for _, x := range list {
		if c.job.plant != PlantRetryStorm {
			for _, l := range c.loops {
				if l.c.same(&x) {
					continue next
				}
			}
		}
		c.loops = append(c.loops, &commitLoop{c: x})
	}
	if c.job.plant == PlantCommitEarly || c.job.plant == PlantCommitBeforeDurable {
		c.runCommits()
	}
}

// committed is the answer of a commit.
type committed struct {
	l   *commitLoop
	err error
}

// runCommits starts the calls that are due, and ends the job once nothing is left.
func (c *coordinator) runCommits() {
	if c.phase == failing || c.phase == backing || c.phase == leaving || c.phase == over {
		return
	}
	now := c.host.now()
	for _, l := range c.loops {
		if l.inFlight || l.due > now || c.calls >= commitCalls && c.job.plant != PlantRetryStorm {
			continue
		}
		k := c.committerOf(l.c.uid)
		if k == nil {
			continue // the sink is gone from the plan: the committable stays
		}
		l.inFlight = true
		c.calls++
		data := l.c.data
		c.outside(false, "commit", func() any { return &committed{l, k.Commit(data)} })
	}
	c.checkEnd()
}

func (c *coordinator) committerOf(uid string) connect.Committer {
	for _, k := range c.committers {
		if k.uid == uid {
			return k.c
		}
	}
	return nil
}

func (c *coordinator) onCommitted(d *committed) {
	d.l.inFlight = false
	c.calls--
	code := diag.CodeOf(d.err)
	conflict := code == diag.Conflict || code == diag.DataLoss
	if d.err == nil || conflict || c.job.plant == PlantCommitNotRetried {
		for i, l := range c.loops {
			if l == d.l {
				c.loops = append(c.loops[:i], c.loops[i+1:]...)
				break
			}
		}
		if conflict {
			c.fail(d.err) // somebody else was first, or it is lost: no other try can help
			return
		}
		c.runCommits()
		return
	}
	// The outcome is not known: only another try can tell.
	wait := c.backoff(d.l.tries)
	d.l.tries++
	d.l.due = c.host.now() + wait.Milliseconds()
	if c.job.plant == PlantRetryStorm {
		c.loops = append(c.loops, &commitLoop{c: d.l.c, due: d.l.due})
	}
	c.tick(tickCommits, wait, mail{})
	c.runCommits()
}

// checkEnd closes the tasks once the last checkpoint's commits are confirmed and the
// savepoint that was asked for is there.
func (c *coordinator) checkEnd() {
	if c.phase != ending || len(c.loops) > 0 || len(c.exports) > 0 {
		return
	}
	if c.att == nil {
		c.cleanup(Finished)
		return
	}
	if !c.att.stopping {
		c.host.stop(c.att, nil)
	}
}

// doubt notes the committables of a checkpoint that is given up while its metadata
// is being written.
func (c *coordinator) doubt(p *pending) {
	if p != nil && p.writing {
		c.unsure = append(c.unsure, p.meta.commits...)
	}
}
