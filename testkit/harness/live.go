package harness

import (
	"errors"
	"slices"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// Live is a plain run of a case whose steps are not known beforehand: each is taken as it
// is said. One goroutine at a time.
type Live struct {
	Case    *Case
	options *Options
	world   *World
	run     *Run
	// ended: the job has failed; failure is why.
	failure *Error
}

// Open starts a case without steps, or takes those that it has. A mistake in its scripts
// is an *Error.
func Open(c *Case, o *Options) (*Live, error) {
	if o == nil {
		o = &Options{}
	}
	l := &Live{Case: c, options: o}
	return l, l.begin()
}

// begin plans the case and takes the steps it has so far.
func (l *Live) begin() error {
	l.Close()
	w, err := newWorld(l.Case, l.options, shape{parallelism: 1, exact: true})
	if err != nil {
		return err
	}
	l.world = w
	if w.failed != nil {
		return w.failed
	}
	if l.run, err = w.start(l.Case, plain); err != nil {
		return err
	}
	for _, s := range l.Case.Steps {
		if expectation(s) {
			_, err = l.run.check(s) // what was looked at stays so
		} else {
			err = l.run.Do(s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Close ends the run.
func (l *Live) Close() {
	if l.run != nil {
		l.run.Close()
		l.run = nil
	}
	if l.world != nil {
		l.world.close()
		l.world = nil
	}
}

// Do takes a step.
func (l *Live) Do(s Step) error {
	if l.failure != nil {
		return l.failure
	}
	l.Case.Steps = append(l.Case.Steps, s)
	var err error
	if l.anew(s) {
		err = l.begin()
	} else {
		err = l.run.Do(s)
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		if e.Ran {
			l.failure = e
		} else {
			l.Case.Steps = l.Case.Steps[:len(l.Case.Steps)-1]
		}
	}
	return err
}

// anew tells whether a step needs what is made when a run begins: another split, or a plan
// for another parallelism.
func (l *Live) anew(s Step) bool {
	switch s := s.(type) {
	case *Give:
		in, err := l.world.source(s.Place, s.Table)
		return err == nil && s.Split >= len(in.lanes)
	case *Restore:
		return s.Parallelism > 0 && !slices.Contains(l.world.restores, s.Parallelism)
	}
	return false
}

// Expect looks whether an expectation holds; nil is yes. It is part of the case from then
// on.
func (l *Live) Expect(s Step) (*Mismatch, error) {
	if x, ok := s.(*ExpectError); ok {
		l.Case.Steps = append(l.Case.Steps, s)
		if l.failure != nil && l.failure.Err.Code == x.Code && (x.Text == "" || contains(l.failure.Err, x.Text)) {
			return nil, nil
		}
		if l.failure != nil {
			return &Mismatch{Step: s, Message: "another error than " + string(x.Code), Want: []string{string(x.Code) + ": " + x.Text}, Have: []string{l.failure.Err.Error()}}, nil
		}
		return l.run.check(s)
	}
	if l.failure != nil {
		return nil, l.failure
	}
	l.Case.Steps = append(l.Case.Steps, s)
	return l.run.check(s)
}

// Again is the case with the steps taken so far, and the options that it was opened with.
func (l *Live) Again() (*Case, *Options) {
	own := *l.Case
	own.Steps = slices.Clone(own.Steps)
	return &own, l.options
}

// Check runs the steps taken so far under schedules.
func (l *Live) Check(p Plan) (*Verdict, error) { return Check(l.Case, l.options, p) }

// Change is a row that a sink was given, its cells as text.
type Change struct {
	Kind  batch.Kind
	Cells []string
}

// Sink is what a sink has been given: its columns, all changes in order, and the table
// that they add up to, sorted. The empty name is the query's result.
func (l *Live) Sink(name string) (types.Schema, []Change, []Change, error) {
	if l.failure != nil {
		return nil, nil, nil, l.failure
	}
	s, err := l.world.sink(Place{}, name)
	if err != nil {
		return nil, nil, nil, err
	}
	all := s.kept.changes()
	table, err := s.table(all)
	return s.schema, changesOut(all), changesOut(table), err
}

func changesOut(list []change) []Change {
	out := make([]Change, len(list))
	for i, c := range list {
		out[i] = Change{c.kind, c.cells}
	}
	return out
}

// Sources and Sinks are the tables that the case reads and writes, sorted.
func (l *Live) Sources() []string {
	var out []string
	for _, in := range l.world.inlets {
		out = append(out, in.short())
	}
	slices.Sort(out)
	return out
}

// Sinks are the tables that the case writes; "" stands for a query.
func (l *Live) Sinks() []string {
	var out []string
	for _, s := range l.world.sinks {
		if s.name == "" {
			out = append(out, "")
			continue
		}
		out = append(out, s.title())
	}
	slices.Sort(out)
	return out
}

// Now is the time of the clock.
func (l *Live) Now() time.Time { return time.UnixMilli(l.run.wall).UTC() }
