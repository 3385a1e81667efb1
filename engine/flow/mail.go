package flow

// mailKind says what a message to a task or to the coordinator is. Rows never come
// this way.
type mailKind uint8

// Messages to tasks.
const (
	mailNone     mailKind = iota
	mailStart             // first step of an attempt
	mailTrigger           // take checkpoint n (tasks without inputs); base is the newest completed one
	mailComplete          // checkpoint n is durable
	mailAbort             // checkpoint n will never be
	mailTimer             // a processing-time timer is due
	mailFlush             // rows have waited long enough in open buffers
	mailWake              // a reader has something
	mailPeriodic          // emit the watermark (periodic strategy)
	mailIdle              // look for idle splits
	mailAsync             // what the task started outside has ended: n is its number
	mailSplits            // payload: new splits
	mailAlign             // splits above ts pause
	mailReport            // tell the coordinator the watermark (alignment)
	mailDrain             // sources end their input now

	// Messages to the coordinator.
	mailOpened  // a task is open, or failed to open (err)
	mailAck     // a task's part of checkpoint n; payload *ack
	mailDecline // a task cannot take checkpoint n
	mailFailed  // a task, or a connection between tasks, failed
	mailDrained // a source task has read all its input
	mailAlignAt // ts is a source task's watermark
	mailLost    // a node of the cluster is gone
	mailStopped // all tasks of an attempt are closed
	mailDone    // work that the coordinator started outside has ended
	mailDisk    // work on the checkpoint folder has ended
	mailTick    // a timer of the coordinator; n says which
	mailCommand // from the owner of the job; payload *command

	// To tasks again.
	mailAnswer   // what an operator started outside has ended, and may emit rows: n is its number
	mailGo       // take rows again, after a barrier at which the job was held
	mailHeld     // to the coordinator: no task takes a step any more
	mailKindsEnd // count
)

// emits reports messages whose handling may emit rows and so needs credits.
func (k mailKind) emits() bool {
	switch k {
	case mailComplete, mailAbort, mailSplits, mailAlign, mailReport, mailWake, mailFlush, mailIdle, mailGo:
		return false
	}
	return true
}

// mail is a message. Every one carries the attempt it belongs to: those of another
// attempt are dropped and counted.
type mail struct {
	kind    mailKind
	attempt int64
	task    int   // sender or subject
	n       int64 // checkpoint or call
	ts      int64
	base    int64
	flags   ckptFlags
	err     error
	payload any
}

// actor is who gets mail: a task or a coordinator.
type actor interface {
	box() *mailbox
}

// host is what tasks and coordinators ask of whatever runs them.
type host interface {
	// now is processing time in milliseconds, mono a reading in nanoseconds.
	now() int64
	mono() int64
	// timer delivers m to the actor at processing time at (milliseconds) or later.
	timer(to actor, at int64, m mail)
	// async runs f outside of steps and delivers what it returns. Local work dies
	// with the node it runs on; other work is a call to an external system. of is the
	// task that f works with, or nil: it is not closed before f returns.
	async(to actor, of *task, local bool, name string, f func() mail)
	// toCoord and toTask carry messages between a task and its coordinator.
	toCoord(from *task, m mail)
	toTask(to *task, m mail)
	// command gives a coordinator what its owner asks for.
	command(c *coordinator, k *command)
	// sent says that an element was pushed; freed that a reader is done with a
	// batch and its credit may go home.
	sent(p *pipe)
	freed(by *task, l *lease)
	// wake says that a task may have become runnable through its reader.
	wake(t *task)
	// chance is a random number below n, for jitter and the choices of the model.
	chance(n int, site string) int
	// reshape gives the graph of a new attempt if it changes, else nil.
	reshape() *Graph
	// adopt takes the tasks of a new attempt in; true says that it opens them itself, in
	// other processes, and mailOpened tells of each. start makes the tasks of an attempt runnable; stop closes them and sends
	// mailStopped to the coordinator.
	adopt(a *attempt, p plan) (opens bool)
	start(a *attempt)
	stop(a *attempt, why error)
	// hold keeps the tasks of an attempt from taking steps, or lets them again; n numbers
	// what it is for. It is done when it returns true; else mailHeld tells, with n.
	hold(a *attempt, on bool, n int64) bool
	// ended says that the job is over, and nothing will be asked for any more.
	ended()
	// place assigns nodes of the cluster to the subtasks' slots, or nil when there
	// are too few slots.
	place(slots int) []string
}
