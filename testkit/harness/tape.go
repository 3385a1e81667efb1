package harness

import (
	"errors"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/trace"
)

// Which says which run of a case is meant.
type Which struct {
	// Seed is that of the schedule; 0 is the run row by row.
	Seed uint64
	// Faults are those that schedules are drawn with; nil is DefaultFaults.
	Faults []string
	// Input is the number of the rows that are drawn (@gen), from 0.
	Input int
}

// Record runs a case once and keeps a tape of it, which it closes: row by row for seed 0,
// else under the schedule of that seed, as Check with Plan.Seed and one schedule does. It
// returns what is wrong with the run, as Check would. An error says why there is no tape:
// an *Error where the scripts are refused.
func Record(c *Case, o *Options, which Which, to *trace.Folder) ([]*Failure, error) {
	w, failures, err := record(c, o, which, to)
	if w != nil {
		w.close()
	}
	return failures, err
}

// record is Record that gives the world of the run, to be closed.
func record(c *Case, o *Options, which Which, to *trace.Folder) (*World, []*Failure, error) {
	own := Options{}
	if o != nil {
		own = *o
	}
	if which.Faults == nil {
		which.Faults = DefaultFaults
	}
	s, form := plain, shape{parallelism: 1, exact: true}
	if which.Seed != 0 {
		var err error
		if s, err = scheduleOf(c, &own, which); err != nil {
			return nil, nil, err
		}
		form = shape{parallelism: s.Parallelism}
	}
	own.record = &engine.Record{To: to, Embed: true, Full: true}
	w, err := newWorld(c, &own, form)
	if err != nil {
		return nil, nil, err
	}
	if w.failed != nil {
		return w, nil, w.failed
	}
	if c, err = w.drawn(c, which.Input); err != nil {
		return w, nil, err
	}
	k := &checker{c: c, o: &own, verdict: &Verdict{Case: c}}
	t, err := k.run(w, c, s)
	return w, t.failures, errors.Join(err, t.taped, w.engine.CloseTape())
}

// scheduleOf draws the schedule of a seed, which depends on what the plain run shows.
func scheduleOf(c *Case, o *Options, which Which) (Schedule, error) {
	k := &checker{c: c, o: o, worlds: map[shape]*World{}, verdict: &Verdict{Case: c}}
	w, err := k.world(shape{parallelism: 1, exact: true})
	if err != nil {
		return Schedule{}, err
	}
	defer w.close()
	if w.failed != nil {
		return Schedule{}, w.failed
	}
	if c, err = w.drawn(c, which.Input); err != nil {
		return Schedule{}, err
	}
	t, err := k.run(w, c, plain)
	if err != nil {
		return Schedule{}, err
	}
	if len(t.failures) > 0 {
		return Schedule{}, diag.New(diag.Config, "the test fails row by row, so that it has no schedules").WithHint("open it without --seed")
	}
	return draw(which.Seed, c, w.facts(t), which.Faults), nil
}

// drawn is a case with the rows that are drawn for it, of those of a number.
func (w *World) drawn(c *Case, input int) (*Case, error) {
	own := *c
	var err error
	own.Steps, err = w.generated(c.Steps, c.start(), uint64(input))
	return &own, err
}

// Position says how far to go on the tape of a run of a case (Record) to see a failure: a
// position of the debugger, and the job, from 1, in which it is. It is "" where there is
// no tape to look at; of rows that are drawn Record takes the first.
func (f *Failure) Position(c *Case) (at string, job int) {
	m := f.Mismatch
	if m == nil {
		if !f.Err.Ran {
			return "", 0
		}
		return "end", 1 + f.Err.job
	}
	switch m.Step.(type) {
	case *ExpectPlan, *ExpectAdvice, *ExpectError:
		return "", 0
	}
	if at := m.Position(); at != "" {
		return at, 1 + m.job
	}
	return "end", 1 + max(0, m.job)
}

// Replay is the configuration of an engine that plans a case as the one did that Record
// ran it in, and what must be registered there: debugger.Open takes both.
func Replay(c *Case, o *Options) (engine.Config, func(*engine.Engine) error) {
	if o == nil {
		o = &Options{}
	}
	w := &World{options: o, clock: &heldClock{now: c.start().UnixMilli()}, planning: &job{}}
	return w.config(), o.Register
}
