package harness

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

// Plan says how thoroughly a case is checked.
type Plan struct {
	// Schedules is the number of runs beside the plain one; negative for none, 0 for the
	// default of 10. A case may ask for another number.
	Schedules int
	// Seed is that of the first schedule; 0 is 1. The others follow.
	Seed uint64
	// Faults are names of FaultNames; nil is DefaultFaults, an empty list none.
	Faults []string
	// NoShrink reports a failure as it was found.
	NoShrink bool
	// Budget is how long a failure may be made smaller; 0 is ten seconds.
	Budget time.Duration
}

// DefaultSchedules is how many schedules a case runs under.
const DefaultSchedules = 10

// Verdict is what came of a case.
type Verdict struct {
	Case *Case
	// Runs is how many times it ran.
	Runs int
	// Failures are the expectations of the plain run that do not hold, or the one thing
	// that another schedule found. None is a pass.
	Failures []*Failure
	// Label is how far the plan's answer is the same in all runs; Note says so in words
	// when runs were left out because of it.
	Label plan.LabelKind
	Note  string
	// Steps are those of the simulations, Elapsed what all took.
	Steps   int
	Elapsed time.Duration
}

// Failure is what is wrong with a case.
type Failure struct {
	// Err is a mistake in the test or the job; Mismatch an expectation that does not hold.
	// One of them is set.
	Err      *Error
	Mismatch *Mismatch
	// Schedule is what found it.
	Schedule Schedule
	// Small is the smallest case that shows it, where one was looked for.
	Small *Small
	// Input is the number of the rows that were drawn (@gen), from 0.
	Input int
}

// Place is where the failure is reported.
func (f *Failure) Place() Place {
	switch {
	case f.Mismatch != nil:
		return f.Mismatch.Step.Where()
	case f.Err.Source.Name != "":
		return Place{f.Err.Source.Name, f.Err.Source.Text, f.Err.Err.Span.Shift(f.Err.Source.Offset)}
	}
	return Place{}
}

// checker checks one case.
type checker struct {
	c      *Case
	o      *Options
	plan   Plan
	worlds map[shape]*World
	facts  facts
	// base are the tables of sinks at each expectation of the plain run.
	base    [][]string
	verdict *Verdict
}

// Check runs a case and says whether every run gave what it should. An error is mink's
// own, or the host's.
func Check(c *Case, o *Options, p Plan) (*Verdict, error) {
	if o == nil {
		o = &Options{}
	}
	if p.Seed == 0 {
		p.Seed = 1
	}
	if p.Faults == nil {
		p.Faults = DefaultFaults
	}
	k := &checker{c: c, o: o, plan: p, worlds: map[shape]*World{}, verdict: &Verdict{Case: c}}
	begin := time.Now()
	err := k.check()
	for _, w := range k.worlds {
		w.close()
	}
	k.verdict.Elapsed = time.Since(begin)
	return k.verdict, err
}

func (k *checker) world(s shape) (*World, error) {
	if w := k.worlds[s]; w != nil {
		return w, nil
	}
	w, err := newWorld(k.c, k.o, s)
	if err == nil {
		k.worlds[s] = w
	}
	return w, err
}

func (k *checker) check() error {
	w, err := k.world(shape{parallelism: 1, exact: true})
	if err != nil {
		return err
	}
	given := k.c
	inputs := 1
	if generates(given.Steps) {
		inputs = max(1, given.ForAll.Inputs)
	}
	for i := range inputs {
		c := *given
		c.Steps, err = w.generated(given.Steps, given.start(), uint64(i))
		if e := (*Error)(nil); errors.As(err, &e) {
			k.verdict.Failures = []*Failure{{Err: e, Schedule: plain}}
			return nil
		} else if err != nil {
			return err
		}
		k.c = &c
		if err := k.input(w); err != nil || len(k.verdict.Failures) > 0 {
			for _, f := range k.verdict.Failures {
				f.Input = i
			}
			return err
		}
	}
	return nil
}

// input checks the case with the rows at hand.
func (k *checker) input(w *World) error {
	t, err := k.run(w, k.c, plain)
	if err != nil {
		return err
	}
	k.verdict.Failures = t.failures
	if len(t.failures) > 0 || w.failed != nil {
		if f := first(t); f != nil && !k.plan.NoShrink && refuted(f) {
			f.Small = k.shrink(f)
		}
		return nil
	}
	k.base = t.tables
	k.facts = w.facts(t)
	k.verdict.Label = k.facts.label
	if k.c.Oracle {
		if done, err := k.oracle(t); done || err != nil {
			return err
		}
	}
	n := k.schedules(w)
	for i := range n {
		s := draw(k.plan.Seed+uint64(i), k.c, k.facts, k.plan.Faults)
		f, err := k.under(s)
		if err != nil {
			return err
		}
		if f != nil {
			k.verdict.Failures = []*Failure{f}
			if !k.plan.NoShrink {
				f.Small = k.shrink(f)
			}
			return nil
		}
	}
	return nil
}

// refuted tells whether a property does not hold, which few rows may show better than all.
func refuted(f *Failure) bool {
	if f.Mismatch == nil {
		return false
	}
	_, ok := f.Mismatch.Step.(*ExpectNoRows)
	return ok
}

// facts are what a plain run has shown.
func (w *World) facts(t *taken) facts {
	return facts{label: w.label(), late: t.late > 0, tables: len(w.inlets), rows: t.rows}
}

// schedules is how many of them can be compared.
func (k *checker) schedules(w *World) int {
	n := k.plan.Schedules
	switch {
	case n < 0:
		return 0
	case n == 0:
		n = DefaultSchedules
		if k.c.ForAll.Schedules > 0 {
			n = k.c.ForAll.Schedules
		}
	}
	if reason := w.random(); reason != "" {
		k.verdict.Note = "one run: " + reason + " gives other values under another schedule"
		return 0
	}
	return n
}

// under runs the case under a schedule and compares it with the plain run.
func (k *checker) under(s Schedule) (*Failure, error) {
	w, err := k.world(shape{parallelism: s.Parallelism})
	if err != nil {
		return nil, err
	}
	t, err := k.run(w, k.c, s)
	if err != nil || len(t.failures) > 0 {
		return first(t), err
	}
	return k.compare(t, k.base, s), nil
}

func first(t *taken) *Failure {
	if t == nil || len(t.failures) == 0 {
		return nil
	}
	return t.failures[0]
}

// compare finds a sink that holds something else than in the plain run.
func (k *checker) compare(t *taken, base [][]string, s Schedule) *Failure {
	for i := range base {
		if i < len(t.tables) && !slices.Equal(t.tables[i], base[i]) {
			m := &Mismatch{Step: t.at[i], Message: "another answer than row by row", Want: base[i], Have: t.tables[i]}
			return &Failure{Mismatch: m, Schedule: s}
		}
	}
	return nil
}

// taken is what a run of a case gave.
type taken struct {
	failures []*Failure
	// tables are what all sinks hold at each expectation and at the end, and at the steps.
	tables [][]string
	at     []Step
	late   int
	rows   int
	steps  int
	taped  error
}

// run runs a case once.
func (k *checker) run(w *World, c *Case, s Schedule) (*taken, error) {
	t := &taken{}
	if k.verdict != nil {
		k.verdict.Runs++
	}
	if w.failed != nil {
		return t, t.expected(c, 0, w.failed, s)
	}
	r, err := w.start(c, s)
	if err != nil {
		return t, t.expected(c, 0, err, s)
	}
	defer func() {
		r.Close()
		t.steps, t.taped = r.steps, r.taped
		k.verdict.Steps += r.steps
	}()
	i, err := k.steps(t, r, c)
	if err != nil {
		return t, t.expected(c, i, err, s)
	}
	t.late = r.lateRows()
	return t, nil
}

// steps takes the steps of a case; it returns the one that failed.
func (k *checker) steps(t *taken, r *Run, c *Case) (int, error) {
	last := 0
	for i, s := range c.Steps {
		if !expectation(s) {
			last = i + 1
		}
	}
	ended := false
	for i := 0; i <= len(c.Steps); i++ {
		if i >= last && !ended {
			ended = true
			if err := r.endBounded(); err != nil {
				return i, err
			}
		}
		if i == len(c.Steps) {
			break
		}
		if !expectation(c.Steps[i]) {
			n := i + 1
			for n < last && !expectation(c.Steps[n]) {
				n++
			}
			if err := r.Do(c.Steps[i:n]...); err != nil {
				return i, err
			}
			i = n - 1
			continue
		}
		if err := k.expect(t, r, c, i); err != nil {
			return i, err
		}
	}
	var at Step = &End{}
	if len(c.Steps) > 0 {
		at = c.Steps[len(c.Steps)-1]
	}
	for _, jr := range r.jobs {
		t.rows += jr.rows
	}
	t.note(r, at)
	return len(c.Steps), nil
}

// note keeps what the sinks hold.
func (t *taken) note(r *Run, at Step) {
	var all []string
	for _, s := range r.World.sinks {
		table, err := s.table(s.kept.changes())
		if err != nil { // changes that cannot follow each other are the job's fault
			m := &Mismatch{Step: at, Message: fmt.Sprintf("%s was given changes that do not fit: %s", s.title(), diag.As(err).Msg)}
			t.failures = append(t.failures, &Failure{Mismatch: m, Schedule: r.Schedule})
			continue
		}
		for _, c := range table {
			line := c.body()
			if len(r.World.sinks) > 1 {
				line = s.title() + ": " + line
			}
			all = append(all, line)
		}
	}
	t.tables, t.at = append(t.tables, some(all)), append(t.at, at)
}

// expect looks at one expectation. Changes are compared one by one in the plain run, and
// under schedules where the case says so.
func (k *checker) expect(t *taken, r *Run, c *Case, i int) error {
	t.note(r, c.Steps[i])
	switch s := c.Steps[i].(type) {
	case *ExpectChanges:
		if r.Schedule.Seed != 0 && !c.ForAll.Strict {
			return nil
		}
	case *ExpectLate:
		if r.Schedule.Free {
			return nil
		}
	case *ExpectState, *ExpectPlan, *ExpectAdvice:
		if r.Schedule.Seed != 0 {
			return nil
		}
	case *ExpectError:
		_ = s
	}
	m, err := r.check(c.Steps[i])
	if err != nil || m == nil {
		return err
	}
	t.failures = append(t.failures, &Failure{Mismatch: m, Schedule: r.Schedule})
	return nil
}

// expected takes an error at step i of a case: one that is expected is no failure.
func (t *taken) expected(c *Case, i int, err error, s Schedule) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	for _, step := range c.Steps {
		if x, ok := step.(*ExpectError); ok {
			if x.Code == e.Err.Code && (x.Text == "" || contains(e.Err, x.Text)) {
				t.failures = nil
				return nil
			}
			m := &Mismatch{Step: x, Message: fmt.Sprintf("another error than %s", x.Code), Want: []string{string(x.Code) + ": " + x.Text}, Have: []string{e.Err.Error()}}
			t.failures = append(t.failures, &Failure{Mismatch: m, Schedule: s})
			return nil
		}
	}
	t.failures = append(t.failures, &Failure{Err: e, Schedule: s})
	return nil
}
