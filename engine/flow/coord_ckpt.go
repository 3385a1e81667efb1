package flow

import (
	"errors"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// pending is the checkpoint under way.
//
//	triggered → all acked → metadata written → complete
//	     decline, timeout, failure → aborted
type pending struct {
	n       int64
	flags   ckptFlags
	acks    []*ack
	have    int
	writing bool // the metadata is being written
	meta    *meta
	start   int64
	asks    []*command // savepoints that wait for it
}

// historyMax is the number of checkpoints that Status shows.
const historyMax = 20

// scheduleCheckpoint sets the timer of the next one.
func (c *coordinator) scheduleCheckpoint(after time.Duration) {
	if c.job.cfg.CheckpointInterval > 0 {
		c.tick(tickCheckpoint, after, mail{})
	}
}

// dueCheckpoint triggers one unless there is a reason not to: one is under way, its
// end included, or the last of the job was taken.
func (c *coordinator) dueCheckpoint() {
	cfg := &c.job.cfg
	if c.phase != runningNow || c.isFinal {
		return
	}
	c.scheduleCheckpoint(cfg.CheckpointInterval)
	if c.cur != nil || c.reserving || c.held != nil {
		return
	}
	if p := cfg.CheckpointMinPause; p > 0 && c.host.now()-c.lastEnd < p.Milliseconds() {
		return
	}
	if disk, ok := c.job.store.disk.(env.Roomy); ok && cfg.DiskReserve > 0 {
		c.lookForRoom(disk)
		return
	}
	c.trigger(0)
}

// roomSeen is the answer of lookForRoom; err says that there is too little.
type roomSeen struct{ err error }

// reserveShare bounds what is kept free of a small disk: a twentieth of it.
const reserveShare = 20

// lookForRoom triggers the checkpoint that is due where the disk has room beyond what is to
// stay free of it. Where it does not, the checkpoint fails before it has begun: what is
// left is for the ledger, the logs and the sinks, and checkpoints that are asked for.
func (c *coordinator) lookForRoom(disk env.Roomy) {
	reserve, dir := c.job.cfg.DiskReserve, c.job.store.dir
	c.onDisk("room", func() any {
		free, total, err := disk.Room(dir)
		if keep := min(reserve, total/reserveShare); err == nil && free < keep {
			return &roomSeen{diag.New(diag.Checkpoint, "the disk of %s has %d MB left, and %d MB are to stay free", dir, free>>20, keep>>20).
				WithHint("make room, or set 'mink.checkpointing.disk-reserve'; the job goes on without checkpoints until then")}
		}
		return &roomSeen{} // a folder that cannot be asked about says more when it is written to
	})
}

func (c *coordinator) onRoom(d *roomSeen) {
	if c.phase != runningNow || c.isFinal || c.cur != nil || c.reserving || c.held != nil {
		return
	}
	if d.err == nil {
		c.trigger(0)
		return
	}
	// It does not count among those after which a job is restarted: a restart makes no room.
	c.noteWithout(d.err)
}

// trigger starts a checkpoint. Its number comes from the durable block.
func (c *coordinator) trigger(flags ckptFlags) {
	if c.nextID >= c.line.idsTo {
		c.reserve()
		return
	}
	p := &pending{n: c.nextID, flags: flags, acks: make([]*ack, len(c.att.tasks)), start: c.host.now()}
	c.nextID++
	c.cur = p
	if flags&ckptPeek == 0 {
		p.asks, c.asks = c.asks, nil
		if flags&ckptFinal != 0 {
			p.asks, c.drains = append(p.asks, c.drains...), nil
		}
		c.noteCheckpoint(p)
	}
	if c.job.tape != nil {
		c.job.tape.begun(c.att.n, p.n)
	}
	for _, t := range c.att.tasks {
		if len(t.ins) == 0 {
			c.send(t, mail{kind: mailTrigger, n: p.n, base: c.took, flags: flags})
		}
	}
	c.tick(tickTimeout, c.job.cfg.CheckpointTimeout, mail{ts: p.n})
}

// reserved is the answer of reserve.
type reserved struct {
	line lineage
	err  error
}

// reserve makes the next block of numbers durable.
func (c *coordinator) reserve() {
	if c.reserving {
		return
	}
	c.reserving = true
	l, store := c.line, c.job.store
	l.idsTo += idBlock
	if c.newest != nil {
		l.completed, l.newest = true, c.newest.id
	}
	c.onDisk("reserve", func() any { return &reserved{l, store.renewLineage(l)} })
}

func (c *coordinator) onReserved(d *reserved) {
	c.reserving = false
	if d.err == nil {
		c.line = d.line
	}
	if c.phase != runningNow {
		return
	}
	if d.err != nil {
		c.countFailure(diag.Wrap(diag.Checkpoint, d.err, "reserving checkpoint numbers"))
		return
	}
	c.next()
}

// next triggers what is wanted beyond the periodic checkpoints.
func (c *coordinator) next() {
	if c.cur != nil || c.reserving || c.phase != runningNow || c.held != nil {
		return
	}
	switch {
	case len(c.holds) > 0:
		c.trigger(ckptPeek | ckptStop)
	case c.wantStop != 0:
		c.trigger(c.wantStop)
	case c.isFinal:
		c.trigger(ckptFinal)
	case len(c.asks) > 0:
		c.trigger(0)
	}
}

// onAck takes a task's part.
func (c *coordinator) onAck(a *ack) {
	p := c.cur
	if p == nil || p.n != a.n || p.writing || a.task >= len(p.acks) || p.acks[a.task] != nil {
		c.stale++
		return
	}
	p.acks[a.task] = a
	p.have++
	c.noteAck(p, a)
	if c.job.plant == PlantCommitEarly {
		c.addCommits(a.commits)
	}
	if p.have < len(p.acks) && !(c.job.plant == PlantRestoreIncomplete && p.have*2 >= len(p.acks)) {
		return
	}
	m, err := c.assemble(p)
	if err != nil {
		c.abort(err)
		return
	}
	p.writing, p.meta = true, m
	if p.flags&ckptPeek != 0 {
		c.peeked(p)
		return
	}
	if c.job.plant == PlantCommitBeforeDurable {
		c.addCommits(m.commits)
	}
	store := c.job.store
	c.onDisk("metadata", func() any { return &metaWritten{m, store.writeMeta(m)} })
	if c.job.plant == PlantOverlapFinalize {
		c.cur = nil
		c.overlapped = append(c.overlapped, p)
	}
}

// assemble makes the metadata of a checkpoint that all tasks have acked.
func (c *coordinator) assemble(p *pending) (*meta, error) {
	m := &meta{
		job: c.line.job, lineage: c.line.name, id: p.n, attempt: c.att.n, time: c.host.now(),
		groups: c.job.groups, final: p.flags&ckptFinal != 0,
	}
	if c.job.plant != PlantNoCarry {
		for _, l := range c.loops {
			m.commits = append(m.commits, l.c)
		}
	}
	if err := m.assemble(c.job.graph, p.acks, c.chainOf); err != nil {
		return nil, err
	}
	for _, a := range p.acks {
		if a == nil {
			continue // planted
		}
		for _, k := range a.commits {
			// What an earlier checkpoint of this attempt has is committed or carried.
			if k.n > c.took || c.job.plant == PlantStaleAck {
				m.commits = append(m.commits, k)
			}
		}
	}
	return m, nil
}

// chainOf is the files of a subtask in a kept checkpoint.
func (c *coordinator) chainOf(n int64, uid string, sub int) ([]fileRef, bool) {
	for _, m := range c.kept {
		if m.id == n && m.attempt == c.att.n {
			return m.chainOf(uid, sub)
		}
	}
	return nil, false
}

// metaWritten is the answer to writing the metadata.
type metaWritten struct {
	m   *meta
	err error
}

// onMeta: the checkpoint is complete, or it failed at last. Only now may anything
// of it be committed.
func (c *coordinator) onMeta(d *metaWritten) {
	p := c.cur
	if c.job.plant == PlantOverlapFinalize {
		p = c.takeOverlapped(d.m)
	}
	if p == nil || p.meta != d.m {
		return
	}
	if d.err != nil {
		if !errors.Is(d.err, errGone) {
			d.err = diag.Wrap(diag.Checkpoint, d.err, "writing the metadata of checkpoint %d", p.n)
		}
		c.abort(d.err)
		return
	}
	if c.cur == p {
		c.cur = nil
	}
	m := d.m
	c.newest, c.took, c.failures, c.unsure = m, m.id, 0, nil
	c.lastEnd = c.host.now()
	c.line.completed = true
	c.baseTape(m)
	c.retain(m)
	c.claim()
	c.noteComplete(p, m)
	c.keepScript()
	c.addCommits(m.commits)
	for _, t := range c.att.tasks {
		c.send(t, mail{kind: mailComplete, n: m.id})
	}
	for _, ask := range p.asks {
		c.export(m, ask)
	}
	if m.final || p.flags&ckptStop != 0 {
		if !m.final {
			c.stoppedAt = m.id
		}
		c.final = m
		c.phase = ending
	}
	c.runCommits()
	c.next()
}

// retain keeps the newest checkpoints and removes the others with the files that
// only they refer to.
func (c *coordinator) retain(m *meta) {
	c.kept = append(c.kept, m)
	k := len(c.kept) - c.job.cfg.Retained
	if k <= 0 {
		return
	}
	used := map[string]bool{}
	for _, m := range c.kept[k:] {
		m.files(func(f fileRef) { used[f.path] = true })
	}
	var ids []int64
	var files []string
	for _, old := range c.kept[:k] {
		ids = append(ids, old.id)
		old.files(func(f fileRef) {
			if !used[f.path] {
				used[f.path] = true
				files = append(files, f.path)
			}
		})
	}
	c.kept = append(c.kept[:0], c.kept[k:]...)
	store := c.job.store
	c.onDisk("remove", func() any { store.remove(ids, files); return nil })
}

// claim removes the snapshot that the job began from, if it is the job's and there are as
// many checkpoints as are kept. It is done once in a coordinator's life: one before may
// have died on the way. What an attempt that failed had not come to is for the next one.
func (c *coordinator) claim() {
	cfg := &c.job.cfg
	if !cfg.Claim || c.claimed || cfg.Restore == "" || len(c.kept) < cfg.Retained {
		return
	}
	disk := c.job.disk
	c.onDisk("remove the snapshot", func() any { removeSnapshot(disk, cfg.Restore); return &claimed{} })
}

// claimed is the answer of claim.
type claimed struct{}

// abort gives the checkpoint under way up. Rows behind it have been processed, so
// sinks keep what they prepared and put it into the next one.
func (c *coordinator) abort(err error) {
	p := c.cur
	if p == nil {
		return
	}
	peek := p.flags&ckptPeek != 0
	c.noteCheckpointFailure(err)
	c.cur = nil
	if p.flags&(ckptStop|ckptFinal) != 0 && !peek {
		c.asks = append(p.asks, c.asks...) // the job is to end all the same: it is tried again, or the attempt fails
	} else {
		for _, ask := range p.asks {
			ask.answer("", err)
		}
	}
	for _, t := range c.att.tasks {
		c.send(t, mail{kind: mailAbort, n: p.n})
	}
	if !p.writing {
		var files []string
		for _, a := range p.acks {
			if a != nil && a.file.path != "" {
				files = append(files, a.file.path)
			}
		}
		store := c.job.store
		c.onDisk("remove", func() any { store.remove(nil, files); return nil })
	}
	// Metadata whose writing failed may be there all the same. It stays until the
	// next start, which goes on from it or sweeps it.
	c.doubt(p)
	if peek {
		c.unpeeked(p, err)
		return
	}
	c.countFailure(err)
}

// countFailure restarts the job after too many failed checkpoints in a row; else a
// wanted one is tried again.
func (c *coordinator) countFailure(err error) {
	c.failures++
	if c.failures > c.job.cfg.TolerableFailures || errors.Is(err, errGone) {
		c.fail(err)
		return
	}
	if c.isFinal || c.wantStop != 0 || len(c.asks) > 0 {
		c.next()
	}
}

// checkDrained asks for the final checkpoint once all sources have passed on all
// they have. It covers everything: the end travels before its barrier.
func (c *coordinator) checkDrained() {
	if c.phase != runningNow || c.isFinal || c.wantStop != 0 {
		return
	}
	for _, t := range c.att.tasks {
		if t.src != nil && !c.drained[t.id] {
			return
		}
	}
	c.isFinal = true
	if c.job.plant == PlantEndDropsLastTxn {
		c.phase = ending
		c.runCommits()
		return
	}
	c.next()
}

func (c *coordinator) noteCheckpoint(p *pending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.status.Checkpoints
	s.Triggered++
	s.InProgress = 1
	if len(s.History) < historyMax {
		s.History = append(s.History, CheckpointStatus{})
	}
	copy(s.History[1:], s.History)
	s.History[0] = CheckpointStatus{
		ID: p.n, State: "IN_PROGRESS", Savepoint: len(p.asks) > 0, Final: p.flags != 0, Triggered: p.start, Tasks: len(p.acks),
		Parts: make([]CheckpointPart, len(p.acks)),
	}
	for i, t := range c.att.tasks {
		s.History[0].Parts[i] = CheckpointPart{Vertex: t.v.ID, Subtask: t.sub}
	}
}

// noted is the entry of a checkpoint in the history, or nil.
func (c *coordinator) noted(n int64) *CheckpointStatus {
	for i := range c.status.Checkpoints.History {
		if h := &c.status.Checkpoints.History[i]; h.ID == n {
			return h
		}
	}
	return nil
}

func (c *coordinator) noteAck(p *pending, a *ack) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.noted(p.n)
	if h == nil {
		return
	}
	h.Acked = p.have
	k := &h.Parts[a.task]
	k.Acked = c.host.now()
	k.Align, k.Sync, k.Async = time.Duration(a.align), time.Duration(a.sync), time.Duration(a.async)
	k.DeltaBytes = a.file.delta + int64(len(a.inline))
	k.FullBytes = int64(len(a.inline))
	if a.file.path != "" {
		k.FullBytes += a.file.size
		chain, _ := c.chainOf(a.base, c.att.tasks[a.task].v.UID, k.Subtask)
		for _, f := range chain[max(0, len(chain)-a.files):] {
			k.FullBytes += f.size
		}
	}
}

func (c *coordinator) noteComplete(p *pending, m *meta) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status.Checkpoints.Completed++
	c.status.Checkpoints.InProgress = 0
	h := c.noted(p.n)
	if h == nil {
		return
	}
	h.State = "COMPLETED"
	h.Duration = time.Duration(c.host.now()-p.start) * time.Millisecond
	h.FullBytes = m.bytes()
	h.Path = c.job.store.path(chkName(m.id))
	for _, a := range p.acks {
		if a != nil {
			h.DeltaBytes += a.file.delta + int64(len(a.inline))
		}
	}
	c.noteCheckpointed(h)
}

func (c *coordinator) noteCheckpointFailure(err error) {
	if c.cur == nil || c.cur.flags&ckptPeek != 0 { // a peek was never counted
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status.Checkpoints.Failed++
	c.status.Checkpoints.InProgress = 0
	if h := c.noted(c.cur.n); h != nil {
		h.State = "FAILED"
		h.Duration = time.Duration(c.host.now()-c.cur.start) * time.Millisecond
		if err != nil {
			h.Failure = err.Error()
		}
		c.noteCheckpointed(h)
	}
}

// noteWithout notes a checkpoint that was due and not begun.
func (c *coordinator) noteWithout(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.status.Checkpoints
	s.Failed++
	if len(s.History) > 0 && s.History[0].ID == 0 { // the same again
		s.History[0].Failure = err.Error()
		return
	}
	if len(s.History) < historyMax {
		s.History = append(s.History, CheckpointStatus{})
	}
	copy(s.History[1:], s.History)
	s.History[0] = CheckpointStatus{State: "FAILED", Triggered: c.host.now(), Failure: err.Error()}
	c.noteCheckpointed(&s.History[0])
}

func (c *coordinator) takeOverlapped(m *meta) *pending {
	for i, p := range c.overlapped {
		if p.meta == m {
			c.overlapped = append(c.overlapped[:i], c.overlapped[i+1:]...)
			return p
		}
	}
	return nil
}
