package flow

import "github.com/minkstream/mink/engine/diag"

// A peek is a checkpoint for people and tapes: the barrier goes through, and with it
// channels are empty and state is frozen, but sinks hear nothing and no attempt goes on
// from it. Behind one the job can be held, so that it stands still to be looked at.

// peekedAt is the answer to keeping what a peek has.
type peekedAt struct {
	p   *pending
	err error
}

// peek takes one for the tape of a job that takes no checkpoints.
func (c *coordinator) peek() {
	if c.cur != nil || c.reserving || c.isFinal || c.wantStop != 0 || c.held != nil || len(c.asks)+len(c.holds) > 0 || !c.bare() {
		return
	}
	c.trigger(ckptPeek)
}

// bare reports that the attempt neither takes checkpoints nor has taken one: only then
// what follows a peek does not build on something else.
func (c *coordinator) bare() bool { return c.job.cfg.CheckpointInterval <= 0 && c.took == 0 }

// peeked goes on when all tasks have acknowledged.
func (c *coordinator) peeked(p *pending) {
	store, tape, bare := c.job.store, c.job.tape, c.bare()
	if p.flags&ckptStop != 0 {
		c.hold()
	}
	c.onDisk("peek", func() any {
		d := &peekedAt{p: p}
		if bare && tape != nil && tape.wantsBase(p.meta.bytes()) {
			d.err = tape.based(store, p.meta)
		}
		var files []string
		for _, a := range p.acks {
			if a.file.path != "" {
				files = append(files, a.file.path)
			}
		}
		store.remove(nil, files)
		return d
	})
}

func (c *coordinator) onPeeked(d *peekedAt) {
	if c.cur != d.p {
		return
	}
	c.cur = nil
	for _, t := range c.att.tasks {
		c.send(t, mail{kind: mailAbort, n: d.p.n})
	}
	c.next()
}

// unpeeked hears that there will be none.
func (c *coordinator) unpeeked(p *pending, err error) {
	if p.flags&ckptStop == 0 {
		return
	}
	for _, k := range c.holds {
		k.answer("", err)
	}
	c.holds = nil
	c.letGo()
}

// hold keeps the tasks from taking steps. Rows behind the barrier there are none: the
// sources have stopped.
func (c *coordinator) hold() {
	c.held = c.att
	c.holding++
	if c.host.hold(c.att, true, c.holding) {
		c.isHeld(c.holding)
	}
}

// settle returns when the steps that were under way have ended.
func settle(tasks []*task) {
	for _, t := range tasks {
		t.stepMu.Lock()
		//lint:ignore SA2001 the step has ended when the lock is granted
		t.stepMu.Unlock()
	}
}

// isHeld hears that no task takes a step any more, for hold n.
func (c *coordinator) isHeld(n int64) {
	if c.held == nil || n != c.holding {
		return
	}
	c.setHeld(true)
	for _, k := range c.holds {
		k.answer("", nil)
	}
	c.holds = nil
}

// resume goes on behind a hold. One that has not come about yet does not any more: whoever
// wanted it may be gone, and nobody would let the job go.
func (c *coordinator) resume(k *command) {
	waiting := c.holds
	c.holds = nil
	gone := diag.New(diag.Cancelled, "the job was let go before it stood still")
	for _, k := range waiting {
		k.answer("", gone)
	}
	switch {
	case c.held != nil:
		c.letGo()
	case c.cur != nil && c.cur.flags == ckptPeek|ckptStop && !c.cur.writing:
		c.abort(gone)
	case len(waiting) == 0:
		k.answer("", diag.New(diag.Config, "the job is not held"))
		return
	}
	k.answer("", nil)
	c.next()
}

// letGo lets tasks take steps and sources read again.
func (c *coordinator) letGo() {
	if c.held != nil {
		c.host.hold(c.held, false, c.holding)
		c.held = nil
		c.setHeld(false)
	}
	for _, t := range c.att.tasks {
		c.send(t, mail{kind: mailGo})
	}
}

func (c *coordinator) setHeld(on bool) {
	c.mu.Lock()
	c.status.Held = on
	c.mu.Unlock()
}

// baseTape makes a base of a complete checkpoint where the tape wants one. It comes
// before the removal of older files, which is done in the same order.
func (c *coordinator) baseTape(m *meta) {
	tape, store := c.job.tape, c.job.store
	if tape == nil || m.final || !tape.wantsBase(m.bytes()) {
		return
	}
	c.onDisk("tape", func() any {
		if err := tape.based(store, m); err != nil {
			tape.mu.Lock()
			tape.failed(err)
			tape.mu.Unlock()
		}
		return nil
	})
}
