//mink:det-ok a replay runs on a goroutine of its own, which its owners wait for

package flow

import (
	"errors"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// StartReplay executes a tape again as a job that ends as the recorded one did: who
// has such a job looks at it as at any other. It fails with a divergence where the run
// is not the recorded one. Cancel stops it between two steps.
func StartReplay(e *env.Env, t *Tape, how Playback) *Job {
	h := &player{moment: Moment{Job: t.num}, pace: newPace(e, how.Speed)}
	core := *t.job
	core.host = h
	c := newCoordinator(&core)
	c.setState(Running)
	j := &Job{c: c, host: h}
	r := &replaying{tape: t, how: how, host: h, attempt: func(a *attempt) {
		c.mu.Lock()
		c.att, c.status.Attempt = a, a.n
		c.mu.Unlock()
	}}
	e.Go("replay", func() {
		err, state := r.run(), Finished
		switch d := (*Divergence)(nil); {
		case errors.As(err, &d):
			state = Failed
			err = diag.Wrap(diag.Divergence, d, "the run is not the recorded one")
		case errors.Is(err, errReached):
			err = nil
		case errors.Is(err, errStopped):
			state, err = Cancelled, nil
		case err != nil:
			state = Failed
		default:
			state, err = t.ended(r.failure)
		}
		c.mu.Lock()
		c.status.State, c.cause = state, err
		if err != nil {
			c.status.Err = c.jobError()
		}
		c.mu.Unlock()
		close(c.done)
	})
	return j
}

// HeldReplay is a job that has finished without doing anything: it stands for one whose
// tape somebody executes with a Stepper.
func HeldReplay(t *Tape) *Job {
	h := &player{}
	core := *t.job
	core.host = h
	c := newCoordinator(&core)
	c.setState(Finished)
	close(c.done)
	return &Job{c: c, host: h}
}

// ended is how the recorded job ended; failure is that of its last attempt's step.
func (t *Tape) ended(failure error) (State, error) {
	switch t.state {
	case Failed.String():
		if failure == nil {
			failure = diag.New(diag.JobFailed, "%s", t.cause)
		}
		return Failed, failure
	case Cancelled.String():
		return Cancelled, nil
	}
	return Finished, nil
}

// errStopped ends a replay that was cancelled, errReached one that has come as far as was
// asked for.
var errStopped, errReached = errors.New("the replay was stopped"), errors.New("the replay has come as far as was asked for")
