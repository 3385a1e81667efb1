package flow

import (
	"errors"
	"io/fs"
	"syscall"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// fail ends the attempt: its tasks are closed, then the restart strategy decides.
func (c *coordinator) fail(err error) {
	switch c.phase {
	case failing, backing, cancelling, leaving, over:
		return
	case ending:
		if c.cleaning {
			return // the tasks are closed: nothing is left that could fail
		}
		// Everything is checkpointed; only commits are open, and those go on after a
		// restart as well.
	}
	c.cause, c.causeIn = err, c.phase
	if c.phase < runningNow {
		c.noteInitialized(&c.plan, err)
	}
	if c.stoppedAt == 0 || len(c.exports) > 0 {
		c.wantStop, c.stoppedAt = 0, 0 // who asked for it hears that it failed, and the job goes on
	}
	c.dropAsks(err)
	c.setState(Failing)
	c.noteCheckpointFailure(err)
	c.doubt(c.cur)
	c.cur = nil
	att := c.att
	c.phase = failing
	if att == nil {
		c.stopped()
		return
	}
	c.host.stop(att, err)
}

// stopped: all tasks of the attempt are closed.
func (c *coordinator) stopped() {
	switch c.phase {
	case failing:
		c.retry()
	case cancelling:
		c.leave(Cancelled)
	case ending:
		c.cleanup(Finished)
	}
}

// retry waits for the time the restart strategy says, or ends the job.
func (c *coordinator) retry() {
	r := &c.job.cfg.Restart
	now := c.host.now()
	if c.since > 0 && now-c.since >= r.Reset.Milliseconds() {
		c.delay = r.Delay
		if r.Kind == RestartExponential {
			c.restarts = 0
		}
	}
	c.since = 0
	c.mu.Lock()
	c.att = nil
	c.noteFailure(now)
	c.mu.Unlock()
	wait, again := r.Delay, true
	if c.givesUp(c.cause, c.causeIn) {
		c.leave(Failed)
		return
	}
	switch r.Kind {
	case RestartNever:
		again = false
	case RestartFixed:
		again = c.restarts < max(r.Attempts, 1)
	case RestartRate:
		c.recent = append(c.recent, now)
		for len(c.recent) > 0 && c.recent[0] <= now-r.Interval.Milliseconds() {
			c.recent = c.recent[1:]
		}
		again = len(c.recent) <= max(r.Attempts, 1)
	default:
		again = r.Attempts <= 0 || c.restarts < r.Attempts
		wait = c.delay
		if j := int(r.Jitter * float64(wait.Milliseconds())); j > 0 {
			wait += time.Duration(c.host.chance(2*j+1, "restart jitter")-j) * time.Millisecond
		}
		c.delay = min(r.MaxDelay, time.Duration(float64(c.delay)*r.Factor))
	}
	if !again {
		c.leave(Failed)
		return
	}
	c.restarts++
	c.mu.Lock()
	c.status.Restarts++
	c.status.Err = c.jobError()
	c.mu.Unlock()
	c.epoch++
	c.phase = backing
	c.setState(Restarting)
	c.tick(tickBackoff, wait, mail{})
}

// failuresMax is how many failures of a job are remembered.
const failuresMax = 16

// noteFailure remembers the cause of a failure. Pictures share the list: it is made anew.
func (c *coordinator) noteFailure(now int64) {
	e := c.jobError()
	if e == nil {
		return
	}
	old := c.status.Failures
	c.status.Failures = append([]Failure{{At: now, Err: e}}, old[:min(len(old), failuresMax-1)]...)
}

// givesUp reports a failure after which the job is not restarted. The rule, for every phase
// and every strategy:
//
//   - What no attempt can mend (final) ends the job whatever strategy was chosen.
//   - What another attempt would meet again as things are (hopeless) ends it with the default
//     strategy; one that was chosen is followed, as Flink does.
//   - Everything else is tried again as the strategy says.
func (c *coordinator) givesUp(err error, in phase) bool {
	if final(err) {
		return true
	}
	if !hopeless(err, in) {
		return false
	}
	if c.job.cfg.Restart.byDefault {
		return !c.roomMayCome()
	}
	// Before a job has ever run, here or in a process before, there were no rows: what it meets is what its statement
	// names or asks for. Only room on a disk may still come.
	first := c.status.Since[Running] == 0 && c.line.attempt <= int64(c.status.Restarts)+1
	return first && in < runningNow && !errors.Is(err, syscall.ENOSPC)
}

// final reports a failure after which no attempt may follow: another job has the place, rows
// are gone for good, those of a tape that are read again are not there, or who failed says
// that it comes again (diag.Error.Final).
func final(err error) bool {
	e := diag.As(err)
	if e == nil {
		return false
	}
	switch e.Code {
	case diag.Conflict, diag.DataLoss, diag.Divergence, diag.InvalidTape:
		return true
	}
	return e.Final
}

// hopeless reports a failure that another attempt would meet again, since it comes
// from the rows or from the statement alone, or that only a person can mend: an
// input that is not there, a right that is missing, a disk that is full. A file that
// is gone while the job runs may come back: a volume that was away, say.
func hopeless(err error, in phase) bool {
	switch diag.CodeOf(err) {
	case diag.MalformedRecord, diag.DivisionByZero, diag.NumericOverflow, diag.InvalidCast, diag.InvalidArgument, diag.InvalidLiteral,
		diag.NotNullViolation, diag.LimitExceeded, diag.TypeMismatch, diag.InvalidOption, diag.Unsupported, diag.Permission, diag.Cassette:
		return true
	}
	if e := diag.As(err); in == opening && e != nil && e.Code == diag.Checkpoint && errors.Unwrap(e) == nil {
		return true // the checkpoint was read, and is not of this query
	}
	return errors.Is(err, errGone) || (in == planning || in == booting) && errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) ||
		errors.Is(err, syscall.ENOSPC) || noPlace(err)
}

// roomMayCome reports that the disk of checkpoints is full under a job that has run: the job
// tries again, as after any failed checkpoint, until somebody makes room. A sink without
// room, and a job that cannot even begin, say so at once.
func (c *coordinator) roomMayCome() bool {
	if !errors.Is(c.cause, syscall.ENOSPC) {
		return false
	}
	return c.causeIn == runningNow && diag.CodeOf(c.cause) == diag.Checkpoint || c.causeIn == booting && c.status.Restarts > 0
}

// noPlace reports that a path leads to where no folder or file can be made: through a
// file, to a file system that is only read, with a name that is too long.
func noPlace(err error) bool {
	for _, e := range [...]syscall.Errno{syscall.ENOTDIR, syscall.EISDIR, syscall.EROFS, syscall.ENAMETOOLONG, syscall.ELOOP} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// jobError is the cause of the failure as people see it.
func (c *coordinator) jobError() *diag.Error {
	if c.cause == nil {
		return nil
	}
	if e := diag.As(c.cause); e != nil {
		return e
	}
	return diag.Wrap(diag.JobFailed, c.cause, "job %s failed", c.job.cfg.Name)
}

// cleaned is the answer of cleanup.
type cleaned struct {
	state State
	err   error
}

// cleanup removes what a job that has ended no longer needs.
func (c *coordinator) cleanup(s State) {
	if s == Cancelled && !c.job.cfg.DeleteOnCancel || c.wantStop != 0 || c.unsaved {
		c.finish(s)
		return
	}
	c.cleaning = s == Finished
	store, l := c.job.store, c.line
	if l.finished = s == Finished; !l.finished {
		l.completed, l.newest, l.from = false, 0, 0 // who runs it again begins anew
	}
	c.onDisk("cleanup", func() any {
		// The mark comes first: a coordinator that starts again half way through must
		// not begin the job anew.
		if err := store.writeLineage(l); err != nil {
			return &cleaned{s, err}
		}
		store.sweep(nil)
		return &cleaned{s, nil}
	})
}

func (c *coordinator) cleanedUp(d *cleaned) {
	if d.err != nil && !errors.Is(d.err, fs.ErrNotExist) {
		c.fails++
		c.tick(tickCleanup, c.backoff(c.fails), mail{task: int(d.state)})
		return
	}
	c.finish(d.state)
}

// finish ends the job.
func (c *coordinator) finish(s State) {
	if c.phase == over {
		return
	}
	c.phase = over
	for _, k := range c.committers {
		k.close()
	}
	c.mu.Lock()
	c.status.Ended = c.host.now()
	c.status.State, c.status.Since[s] = s, c.status.Ended
	c.status.Err = nil
	if s == Failed {
		c.status.Err = c.jobError()
	}
	if c.job.cfg.Observe != nil {
		c.job.cfg.Observe.Ended(c.status)
	}
	c.mu.Unlock()
	c.dropAsks(diag.New(diag.Cancelled, "the job has ended"))
	c.host.ended()
	if c.over != nil {
		close(c.over) //mink:det-ok tells who writes the tape, no task
		return
	}
	close(c.done) //mink:det-ok tells the owners of the job, no task
}

// leave ends a job that was cancelled or failed for good, when its tasks are closed:
// what is durable is committed and what no checkpoint names is aborted, so that no
// transaction and no temporary file stays behind. What cannot be done, and what a
// checkpoint may name whose metadata was being written, stays for the next start.
func (c *coordinator) leave(s State) {
	c.phase, c.last = leaving, s
	if s == Cancelled {
		c.noteCheckpointFailure(diag.New(diag.Cancelled, "the job was cancelled"))
	}
	c.doubt(c.cur)
	c.cur = nil
	if c.job.cfg.Dir == "" {
		c.unsure = nil // checkpoints end with the job
	}
	if !c.recalled && c.newest != nil {
		c.addCommits(c.newest.commits) // the attempt had not come to them
	}
	c.depart()
}

// departed is the answer of a sink that was left.
type departed struct{}

func (c *coordinator) depart() {
	c.wait = 0
	for _, k := range c.committers {
		if k.c == nil {
			continue // never fenced: nothing was written
		}
		var due, keep [][]byte
		for _, l := range c.loops {
			if l.c.uid == k.uid {
				due = append(due, l.c.data)
			}
		}
		for _, x := range c.unsure {
			if x.uid == k.uid {
				keep = append(keep, x.data)
			}
		}
		c.wait++
		x, next := k.c, c.line.attempt+1
		c.outside(false, "leave", func() any {
			for _, data := range due {
				if x.Commit(data) != nil {
					keep = append(keep, data)
				}
			}
			_ = x.Fence(next, keep) // the next start fences again
			return &departed{}
		})
	}
	if c.wait == 0 {
		c.left()
	}
}

func (c *coordinator) onDeparted() {
	if c.phase != leaving {
		return
	}
	if c.wait--; c.wait == 0 {
		c.left()
	}
}

func (c *coordinator) left() {
	if c.last == Cancelled || c.job.cfg.DeleteOnFailure {
		c.cleanup(c.last)
		return
	}
	c.finish(c.last)
}
