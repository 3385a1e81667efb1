package flow

import (
	"context"
	"runtime/pprof"
	"strconv"
)

// Labels of goroutines while they work for a task, by which a profile of the process is
// told apart: those that a reader or a call outside starts have them too.
const (
	LabelJob     = "job"
	LabelVertex  = "vertex" // its ID
	LabelSubtask = "subtask"
)

// StepsFunc is in the stack of a goroutine that steps a task.
const StepsFunc = "flow.(*worker).runSteps"

// unlabelled is of a goroutine that works for no task.
var unlabelled = context.Background()

// label is what a goroutine that works for the task has.
func (t *task) label() context.Context {
	return pprof.WithLabels(unlabelled, pprof.Labels(
		LabelJob, t.att.job.cfg.JobID, LabelVertex, strconv.Itoa(t.v.ID), LabelSubtask, strconv.Itoa(t.sub)))
}

// labelled runs f with the labels of the task, and goroutines that f starts have them.
func (t *task) labelled(f func() error) (err error) {
	pprof.Do(unlabelled, pprof.Labels(
		LabelJob, t.att.job.cfg.JobID, LabelVertex, strconv.Itoa(t.v.ID), LabelSubtask, strconv.Itoa(t.sub)),
		func(context.Context) { err = f() })
	return err
}

// wear gives the worker's goroutine the labels of the task that it is about to step; nil
// takes them off.
func (w *worker) wear(t *task) {
	if w.worn == t {
		return
	}
	w.worn = t
	if t == nil {
		pprof.SetGoroutineLabels(unlabelled)
		return
	}
	if t.sched.labels == nil {
		t.sched.labels = t.label()
	}
	pprof.SetGoroutineLabels(t.sched.labels)
}
