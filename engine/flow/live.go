package flow

import (
	"context"

	"github.com/minkstream/mink/engine/diag"
)

// Hold lets the job stand still behind a barrier: sources read no further, all they have
// read has gone through, and no task takes a step until Resume. Sinks and checkpoints
// hear nothing of it. It fails when the job is not running or ends meanwhile.
func (j *Job) Hold(ctx context.Context) error {
	_, err := j.await(ctx, &command{kind: cmdHold})
	return err
}

// Resume goes on behind Hold.
func (j *Job) Resume(ctx context.Context) error {
	_, err := j.await(ctx, &command{kind: cmdResume})
	return err
}

// FlushTape writes what the job has done by now to the tape of Config.Record. The steps of
// its tasks do not end at the same moment, unless the job is held.
func (j *Job) FlushTape() error {
	tp := j.c.job.tape
	if tp == nil {
		return diag.New(diag.Config, "the job keeps no tape")
	}
	tp.flush()
	tp.mu.Lock()
	defer tp.mu.Unlock()
	return tp.err
}
