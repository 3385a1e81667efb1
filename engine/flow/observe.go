package flow

// Observer hears what became of a job as a whole, for those who report it elsewhere.
// Calls come from within steps of the coordinator, so they must not wait, nor ask the
// job anything; id and name are those of the job.
type Observer interface {
	// Initialized hears that the tasks of an attempt run, or that they never will.
	Initialized(id, name string, i Initialization)
	// Checkpointed hears of a checkpoint that is COMPLETED or FAILED.
	Checkpointed(id, name string, c CheckpointStatus)
	// Ended hears how the job ended, before Job.Done is closed.
	Ended(s Status)
}

// Initialization is the way of an attempt from its first moment to running tasks.
type Initialization struct {
	Attempt int64
	// Started and Ended are milliseconds since the epoch.
	Started, Ended int64
	// Restored is the checkpoint that the attempt goes on from, 0 if none, and FullBytes
	// the state that it refers to.
	Restored, FullBytes int64
	// Err is why the tasks do not run; nil when they do.
	Err error
}

// noteInitialized tells how the attempt under way began.
func (c *coordinator) noteInitialized(p *plan, err error) {
	if c.job.cfg.Observe == nil {
		return
	}
	i := Initialization{Attempt: p.attempt, Started: c.status.Since[Initializing], Ended: c.host.now(), Err: err}
	if m := p.meta; m != nil {
		i.Restored, i.FullBytes = m.id, m.bytes()
	}
	c.job.cfg.Observe.Initialized(c.job.cfg.JobID, c.job.cfg.Name, i)
}

// noteCheckpointed tells of a checkpoint that has ended; mu is held.
func (c *coordinator) noteCheckpointed(h *CheckpointStatus) {
	if c.job.cfg.Observe != nil {
		c.job.cfg.Observe.Checkpointed(c.job.cfg.JobID, c.job.cfg.Name, *h)
	}
}
