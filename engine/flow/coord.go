package flow

import (
	"slices"
	"sync" //mink:det-ok others look at the status
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// phase is where a coordinator stands.
type phase uint8

const (
	booting    phase = iota // reading the checkpoint folder, reserving an attempt
	fencing                 // making sure that older attempts can write no more
	planning                // finding splits, waiting for slots
	opening                 // tasks restore and open
	runningNow              // rows flow
	ending                  // all is read, written and checkpointed; commits may be open
	failing                 // tasks are being closed, then a restart or the end
	backing                 // waiting before a restart
	cancelling              // tasks are being closed, then the end
	leaving                 // sinks commit what is durable and drop the rest, then the end
	over                    // nothing more happens
)

// coordinator runs one job: deployment, checkpoints, commits, restarts. It is a
// state machine like a task: mail comes in, one at a time; what takes time is done
// outside and comes back as mail.
//
//	booting → fencing → planning → opening → running → ending → over
//	              failure: → failing → backing → booting
type coordinator struct {
	job  *jobCore
	host host
	mail mailbox

	phase phase
	epoch int64 // counts boots, so that late answers to older questions are dropped
	line  lineage
	att   *attempt
	plan  plan
	wait  int // answers outstanding in this phase

	// Checkpoints; see coord_ckpt.go.
	nextID    int64
	reserving bool
	cur       *pending
	newest    *meta // completed last, or restored
	kept      []*meta
	took      int64 // newest completed by this attempt
	failures  int   // in a row
	drained   []bool
	isFinal   bool // a final checkpoint is wanted or taken
	wantStop  ckptFlags
	final     *meta // completed, with nothing to follow
	stoppedAt int64 // the checkpoint behind which the job was to stop, once it is complete
	asks      []*command
	drains    []*command // asks that only the final checkpoint is for
	exports   []*command // whose savepoint is being copied
	lastEnd   int64
	holds     []*command // that wait for the job to be held
	held      *attempt   // the one that is, nil otherwise
	holding   int64      // the number of the newest hold

	// Commits; see coord_commit.go.
	committers []*committer
	loops      []*commitLoop
	calls      int
	// recalled: loops has what the newest checkpoint named when the attempt began.
	recalled bool
	// unsure are committables of metadata whose writing did not end well, and which
	// may be there all the same. A newer complete checkpoint makes them sure.
	unsure []committable
	// claimed: the snapshot that the job began from is removed.
	scripted bool // the script was written down
	claimed  bool
	// unsaved: there is no savepoint of the job's end that was asked for; its last checkpoint
	// has what would be in it.
	unsaved bool
	last    State // what the job ends with, while leaving

	// Failures.
	cause    error
	causeIn  phase // where the job stood when cause came
	restarts int
	cleaning bool // the tasks of a finished job are closed, and what it left is removed
	fails    int  // of the clean-up
	disk     []diskCall
	diskBusy bool
	delay    time.Duration
	since    int64   // start of quiet running
	recent   []int64 // times of failures, for the failure-rate strategy

	groups     []alignGroup
	overlapped []*pending // planted

	// What others may look at.
	mu     sync.Mutex
	status Status
	done   chan struct{}
	over   chan struct{} // closed instead, unless it is nil: who writes the tape closes done
	stale  int64         // messages of other attempts, dropped
}

func newCoordinator(j *jobCore) *coordinator {
	c := &coordinator{job: j, host: j.host, done: make(chan struct{})} //mink:det-ok tells the owners of the job, no task
	c.delay = j.cfg.Restart.Delay
	c.status = Status{ID: j.cfg.JobID, Name: j.cfg.Name, State: Created, Started: j.host.now()}
	c.status.Since[Created] = c.status.Started
	return c
}

func (c *coordinator) box() *mailbox { return &c.mail }

// Timers of the coordinator, by the number in their mail.
const (
	tickCheckpoint = iota
	tickTimeout
	tickCommits
	tickBackoff
	tickSlots
	tickDiscover
	tickFence
	tickCleanup
)

func (c *coordinator) tick(what int64, after time.Duration, m mail) {
	m.kind, m.attempt, m.n = mailTick, c.epoch, what
	c.host.timer(c, c.host.now()+after.Milliseconds(), m)
}

// outside runs f outside and brings its answer back as a mailDone, unless the
// coordinator has started anew meanwhile.
func (c *coordinator) outside(local bool, name string, f func() any) {
	epoch := c.epoch
	c.host.async(c, nil, local, name, func() mail {
		return mail{kind: mailDone, attempt: epoch, payload: f()}
	})
}

// diskCall is work on the checkpoint folder.
type diskCall struct {
	name  string
	epoch int64
	f     func() any
}

// diskDone is its answer.
type diskDone struct {
	epoch int64
	d     any
}

// onDisk runs f outside, one such call at a time and in order: what an attempt has
// begun to write is there before the next one looks. Calls that have not begun when
// the attempt ends are dropped.
func (c *coordinator) onDisk(name string, f func() any) {
	c.disk = append(c.disk, diskCall{name, c.epoch, f})
	if !c.diskBusy {
		c.nextOnDisk()
	}
}

func (c *coordinator) nextOnDisk() {
	for len(c.disk) > 0 {
		k := c.disk[0]
		c.disk = c.disk[1:]
		if k.epoch != c.epoch {
			continue
		}
		c.diskBusy = true
		c.host.async(c, nil, true, k.name, func() mail {
			return mail{kind: mailDisk, payload: &diskDone{k.epoch, k.f()}}
		})
		return
	}
}

func (c *coordinator) onDiskDone(d *diskDone) {
	c.diskBusy = false
	if d.epoch == c.epoch && c.phase != over {
		c.onDone(d.d)
	}
	if !c.diskBusy {
		c.nextOnDisk()
	}
}

// bootDone is what was found in the checkpoint folder.
type bootDone struct {
	line lineage
	meta *meta
	from *ckptStore
	kept []*meta
	ids  int64
	err  error
}

// idBlock is the number of checkpoint numbers reserved at a time.
const idBlock = 64

// boot begins an attempt: its number and a block of checkpoint numbers are durable
// before anything else happens.
func (c *coordinator) boot() {
	c.epoch++
	c.phase = booting
	c.setState(Initializing)
	c.mu.Lock()
	c.att = nil
	c.mu.Unlock()
	c.cur, c.final, c.isFinal = nil, nil, false
	c.loops, c.calls, c.took, c.failures = nil, 0, 0, 0
	c.recalled = false
	c.reserving, c.groups = false, nil
	if c.held != nil {
		c.held = nil
		c.setHeld(false)
	}
	j := c.job
	if g := c.host.reshape(); g != nil {
		j.graph = g
	}
	completed := c.line.completed
	c.onDisk("boot", func() any { return j.boot(completed) })
}

// boot reads and reserves. It runs outside of steps. completed says that this
// coordinator has completed a checkpoint before.
func (j *jobCore) boot(completed bool) *bootDone {
	d := &bootDone{from: j.store}
	s := j.store
	if completed {
		if d.err = s.present(); d.err != nil {
			return d
		}
	}
	if d.err = s.begin(); d.err != nil {
		return d
	}
	if d.line, d.err = s.readLineage(); d.err != nil {
		return d
	}
	if d.line.finished {
		if d.line.job == j.cfg.JobID {
			return d
		}
		d.line = lineage{idsTo: d.line.idsTo, attempt: d.line.attempt} // another job of the same folder
	}
	if d.line.job == "" {
		d.line.job = j.cfg.JobID
		d.line.name = j.cfg.JobID
	}
	discard := j.cfg.DiscardState && d.line.attempt == 0
	if d.meta, d.err = s.newest(j.cfg.AllowDuplicatesFrom, &d.line); d.err != nil {
		return d
	}
	if discard {
		d.meta = nil
	}
	if d.meta == nil && j.cfg.Restore != "" {
		if d.meta, d.from, d.err = openSavepoint(j.disk, j.cfg.Restore); d.err != nil {
			return d
		}
		if j.cfg.Committed {
			d.meta.commits = nil
		}
		if j.cfg.SourcesOnly {
			if d.meta, d.err = positions(d.meta, j.graph, j.groups); d.err != nil {
				return d
			}
		}
	}
	if d.meta == nil && d.line.completed && !discard {
		d.err = diag.New(diag.Checkpoint, "the job has completed checkpoint %d, but %s holds no checkpoint any more", d.line.newest, s.dir).
			WithHint("starting empty would lose its state; to do so on purpose, choose another folder")
		return d
	}
	if d.meta != nil {
		if d.err = j.claims(d.meta); d.err == nil && d.from == s {
			d.err = s.settle(d.meta)
		}
		if d.err != nil {
			return d
		}
	}
	d.line.attempt++
	d.line.from = 0
	d.ids = max(d.line.idsTo, 1)
	if d.meta != nil {
		d.ids = max(d.ids, d.meta.id+1)
		d.line.completed, d.line.newest, d.line.from = true, d.meta.id, d.meta.id
		if j.plant == PlantCkReuse {
			d.ids = d.meta.id + 1
		}
	} else if j.plant == PlantCkReuse {
		d.ids = 1
	}
	d.line.idsTo, d.line.first = d.ids+idBlock, d.ids
	if d.err = s.writeLineage(d.line); d.err != nil {
		return d
	}
	if d.meta != nil && d.from == s {
		d.kept = s.retained(d.meta, j.cfg.Retained)
	}
	if d.meta != nil && j.tape != nil {
		if d.err = j.tape.keep(d.from, d.meta, d.line.attempt); d.err != nil {
			return d
		}
	}
	s.sweep(d.kept)
	return d
}

func (c *coordinator) booted(d *bootDone) {
	if d.err != nil {
		c.cause, c.causeIn = d.err, booting
		c.noteInitialized(&plan{attempt: d.line.attempt, meta: d.meta}, d.err)
		if diag.CodeOf(d.err) == diag.Checkpoint || diag.CodeOf(d.err) == diag.Config {
			c.mu.Lock()
			c.noteFailure(c.host.now())
			c.mu.Unlock()
			c.finish(Failed) // another try would find the same
			return
		}
		c.retry()
		return
	}
	if d.line.finished {
		c.mu.Lock()
		c.status.AlreadyFinished = true
		c.mu.Unlock()
		c.finish(Finished)
		return
	}
	c.line = d.line
	c.nextID = d.ids
	c.newest = d.meta
	c.kept = d.kept
	c.plan = plan{attempt: d.line.attempt, meta: d.meta, from: d.from}
	c.mu.Lock()
	c.status.Attempt = d.line.attempt
	if d.meta != nil {
		c.status.Checkpoints.Restored = d.meta.id
	}
	c.mu.Unlock()
	c.fence()
}

// splitsFound is the answer to a question for splits.
type splitsFound struct {
	vertex int
	list   []connect.Split
	found  bool // by discovery, while the job runs
	err    error
}

// findSplits asks the sources what there is to read. After a restore the splits
// are those of the checkpoint, and discovery adds what has appeared since.
func (c *coordinator) findSplits() {
	c.phase = planning
	g := c.job.graph
	c.plan.splits = make([][]splitState, len(g.Vertices))
	c.plan.done = make([]bool, len(g.Vertices))
	c.wait = 0
	for i, v := range g.Vertices {
		if v.Source == nil {
			continue
		}
		src := v.Source.Source
		c.plan.done[i] = src.Bounded() || src.DiscoverInterval() <= 0
		if c.plan.meta != nil {
			if old := c.plan.meta.vertex(v.UID); old != nil {
				_, list, err := old.source()
				if err != nil {
					c.fail(err)
					return
				}
				c.plan.splits[i] = list
				continue
			}
		}
		c.wait++
		n := v.Parallelism
		c.outside(true, "splits", func() any {
			list, err := src.Splits(n)
			return &splitsFound{vertex: i, list: list, err: err}
		})
	}
	if c.wait == 0 {
		c.deploy()
	}
}

func (c *coordinator) gotSplits(d *splitsFound) {
	if d.err != nil {
		v := c.job.graph.Vertices[d.vertex]
		if e := diag.As(d.err); e != nil {
			d.err = e.Or(v.Source.Span)
		} else {
			e := diag.Wrap(diag.IO, d.err, "finding what to read of %s", v.Source.Name)
			e.Span = v.Source.Span
			d.err = e
		}
		if !d.found {
			c.fail(d.err)
		}
		return
	}
	if d.found {
		c.newSplits(d)
		return
	}
	for _, s := range d.list {
		c.plan.splits[d.vertex] = append(c.plan.splits[d.vertex], splitState{at: s, wm: batch.NoWatermark, floor: batch.NoWatermark})
	}
	if c.wait--; c.wait == 0 && c.phase == planning {
		c.deploy()
	}
}

// deploy makes the tasks and has them opened, once there are slots for them.
func (c *coordinator) deploy() {
	c.plan.slots = c.host.place(c.job.graph.Slots())
	if c.plan.slots == nil {
		c.tick(tickSlots, 100*time.Millisecond, mail{})
		return
	}
	if log := c.job.cfg.Late; log != nil {
		from := int64(0)
		if c.plan.meta != nil {
			from = c.plan.meta.id
		}
		log.Restored(c.plan.attempt, from)
	}
	a, err := newAttempt(c.job, c.plan)
	if err != nil {
		c.fail(err)
		return
	}
	if c.job.tape != nil {
		c.job.tape.begin(a, c.plan)
	}
	c.phase = opening
	c.mu.Lock()
	c.att = a
	c.mu.Unlock()
	c.drained = make([]bool, len(a.tasks))
	c.wait = len(a.tasks)
	if c.host.adopt(a, c.plan) {
		return
	}
	for _, t := range a.tasks {
		c.host.async(c, t, true, "open "+t.name, func() mail {
			return mail{kind: mailOpened, attempt: a.n, task: t.id, err: t.labelled(t.open)}
		})
	}
}

func (c *coordinator) opened() {
	if c.wait--; c.wait > 0 || c.phase != opening {
		return
	}
	c.phase = runningNow
	c.setState(Running)
	c.noteInitialized(&c.plan, nil)
	c.since = c.host.now()
	c.host.start(c.att)
	c.scheduleCheckpoint(c.job.cfg.CheckpointInterval)
	for i, v := range c.job.graph.Vertices {
		if v.Source != nil && !c.plan.done[i] {
			c.discover(i, 0)
		}
	}
	c.checkDrained()
	c.next()
}

// discover asks a source for new splits after a while.
func (c *coordinator) discover(vertex int, after time.Duration) {
	c.tick(tickDiscover, after, mail{task: vertex})
}

func (c *coordinator) lookForSplits(vertex int) {
	if c.phase != runningNow {
		return
	}
	src := c.job.graph.Vertices[vertex].Source.Source
	var known []string
	for _, s := range c.plan.splits[vertex] {
		known = append(known, s.at.ID)
	}
	c.outside(true, "discover", func() any {
		list, err := src.Discover(known)
		return &splitsFound{vertex: vertex, list: list, found: true, err: err}
	})
	c.discover(vertex, src.DiscoverInterval())
}

// newSplits deals discovered splits to the running tasks, in turn.
func (c *coordinator) newSplits(d *splitsFound) {
	if c.phase != runningNow {
		return
	}
	v := c.job.graph.Vertices[d.vertex]
	for _, s := range d.list {
		list := &c.plan.splits[d.vertex]
		if slices.ContainsFunc(*list, func(x splitState) bool { return x.at.ID == s.ID }) {
			continue
		}
		sub := v.dealt(len(*list))
		*list = append(*list, splitState{at: s, wm: batch.NoWatermark, floor: batch.NoWatermark})
		for _, t := range c.att.tasks {
			if t.v == v && t.sub == sub {
				c.send(t, mail{kind: mailSplits, payload: &newSplits{list: []connect.Split{s}}})
			}
		}
	}
}

// send gives a task a message of the current attempt.
func (c *coordinator) send(t *task, m mail) {
	m.attempt = c.att.n
	c.host.toTask(t, m)
}

// handle takes one message.
func (c *coordinator) handle(m *mail) {
	switch m.kind {
	case mailDisk:
		c.onDiskDone(m.payload.(*diskDone))
		return
	case mailCommand:
		c.onCommand(m.payload.(*command))
		return
	case mailDone, mailTick:
		if m.attempt != c.epoch {
			c.unwanted(m)
			return
		}
		if m.kind == mailTick {
			c.onTick(m)
		} else {
			c.onDone(m.payload)
		}
		return
	}
	if c.att == nil || m.attempt != c.att.n {
		c.stale++
		if c.job.plant != PlantStaleAck || m.kind != mailAck || c.cur == nil || c.att == nil {
			return
		}
		a := *m.payload.(*ack)
		a.n = c.cur.n
		m.payload = &a
	}
	switch m.kind {
	case mailOpened:
		if m.err != nil {
			c.fail(m.err)
			return
		}
		c.opened()
	case mailAck:
		c.onAck(m.payload.(*ack))
	case mailDecline:
		if c.cur != nil && c.cur.n == m.n && !c.cur.writing {
			c.abort(m.err)
		}
	case mailFailed, mailLost:
		if c.phase == ending && c.att.stopping {
			return // of a task that is being closed: all is committed, and the others are closed as well
		}
		c.fail(m.err)
	case mailDrained:
		c.drained[m.task] = true
		c.checkDrained()
	case mailAlignAt:
		c.alignAt(m.task, m.ts)
	case mailStopped:
		c.stopped()
	case mailHeld:
		c.isHeld(m.n)
	}
}

// unwanted closes what an answer brings that nobody waits for any more.
func (c *coordinator) unwanted(m *mail) {
	if d, ok := m.payload.(*fenced); ok && d.c != nil && d.c != c.committers[d.sink].c {
		_ = d.c.Close()
	}
}

func (c *coordinator) onTick(m *mail) {
	switch m.n {
	case tickCheckpoint:
		c.dueCheckpoint()
	case tickTimeout:
		if c.cur != nil && c.cur.n == m.ts && !c.cur.writing {
			c.abort(diag.New(diag.Checkpoint, "checkpoint %d took longer than %s", m.ts, c.job.cfg.CheckpointTimeout))
		}
	case tickCommits:
		c.runCommits()
	case tickBackoff:
		if c.phase == backing {
			c.boot()
		}
	case tickSlots:
		if c.phase == planning {
			c.deploy()
		}
	case tickDiscover:
		c.lookForSplits(m.task)
	case tickCleanup:
		c.cleanup(State(m.task))
	case tickFence:
		if c.phase == fencing {
			c.fenceOne(m.task)
		}
	}
}

func (c *coordinator) onDone(d any) {
	switch d := d.(type) {
	case *bootDone:
		if c.phase == booting {
			c.booted(d)
		}
	case *fenced:
		c.onFenced(d)
	case *splitsFound:
		c.gotSplits(d)
	case *reserved:
		c.onReserved(d)
	case *metaWritten:
		c.onMeta(d)
	case *roomSeen:
		c.onRoom(d)
	case *peekedAt:
		c.onPeeked(d)
	case *claimed:
		c.claimed = true
	case *committed:
		c.onCommitted(d)
	case *departed:
		c.onDeparted()
	case *exported:
		c.unsaved = c.unsaved || d.err != nil && d.ask.kind == cmdDrain
		d.ask.answer(d.path, d.err)
		c.exports = slices.DeleteFunc(c.exports, func(k *command) bool { return k == d.ask })
		c.checkEnd()
	case *cleaned:
		c.cleanedUp(d)
	}
}

func (c *coordinator) setState(s State) {
	c.mu.Lock()
	c.status.State, c.status.Since[s] = s, c.host.now()
	c.mu.Unlock()
}
