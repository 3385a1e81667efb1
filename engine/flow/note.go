package flow

import "time"

// TaskNote is what a log is told of a task.
type TaskNote struct {
	// Job is its id, Name its name, Vertex that of the task's vertex.
	Job, Name, Vertex string
	Subtask           int
	Attempt           int64
	Node              string
	// Text says what has happened, such as "task runs".
	Text string
	// Err is why, of a task that has failed, or that broke off when it was closed.
	Err error
	// Took is how long a step took that is reported for that.
	Took time.Duration
	// Late and BadRecords are how many rows have been left out so far, where the note is of
	// that.
	Late, BadRecords int64
}

// note tells the log of a task; fill, unless nil, adds to it.
func (h *threaded) note(t *task, text string, fill func(*TaskNote)) {
	tell := h.cl.opt.Tasks
	if tell == nil {
		return
	}
	c := &t.att.job.cfg
	x := TaskNote{Job: c.JobID, Name: c.Name, Vertex: t.v.Name, Subtask: t.sub, Attempt: t.att.n, Node: t.slot, Text: text}
	if fill != nil {
		fill(&x)
	}
	tell(x)
}

// leftOut is how many rows of a task were left out when its log was told of it.
type leftOut struct {
	late, bad int64
	at        time.Duration // by the clock that only goes forward
}

// leftOutEvery is the least time between two notes of that.
const leftOutEvery = 10 * time.Second

// noteLeftOut tells the log of rows of a task that were left out since it was told last.
func (h *threaded) noteLeftOut(t *task, s *TaskStatus, last bool) {
	late, bad := int64(0), int64(0)
	for _, o := range s.Ops {
		late, bad = late+o.Late, bad+o.BadRecords
	}
	was := &t.sched.left
	now := time.Duration(h.mono())
	if late <= was.late && bad <= was.bad || !last && was.at > 0 && now-was.at < leftOutEvery {
		return
	}
	*was = leftOut{late, bad, now}
	h.note(t, "rows were left out", func(x *TaskNote) { x.Late, x.BadRecords = late, bad })
}
