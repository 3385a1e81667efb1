// Package testkit tests streaming jobs in Go: the job that production runs, with given
// rows, captured sinks and a clock that stands still, in milliseconds and without a
// cluster.
//
//	func TestRevenue(t *testing.T) {
//		job := testkit.Open(t, "jobs/revenue.sql")
//		job.Given("orders", testkit.Columns("event_time", "sku", "amt"),
//			testkit.Row{"11:54:01", "A-17", "10.00"})
//		job.Watermark("orders", "11:55:00")
//		job.ExpectTable("revenue", testkit.Row{"A-17", "11:54:00", "10.00"})
//		job.Check() // and again under ten schedules, with crashes
//	}
//
// It is the Go side of `mink test`, whose files say the same in SQL; both run on
// testkit/harness. Each call takes effect at once, when the job has worked off all before
// it, so a test never waits. Check runs all that was said again, under schedules drawn
// from seeds with other batches, other parallelism and crashes, and every run must give
// the same answer.
//
// A time of day stands for that time of the test's first day, 2020-01-01 unless Start says
// otherwise. Values are compared as values of the column's type: "10", 10 and "10.00" are
// the same DECIMAL.
//
// Begin with Open.
package testkit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/harness"
)

// T is what a test has of *testing.T. A Printer is one for programs that are no tests.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(f func())
}

// Job is a job under test. Methods fail the test when something is not as said; they
// return the job, so that calls can follow each other.
type Job struct {
	t    T
	live *harness.Live
}

// Option changes how a job is opened.
type Option func(*harness.Case, *harness.Options)

// Start sets the clock when the test begins.
func Start(at time.Time) Option {
	return func(c *harness.Case, _ *harness.Options) { c.Start = at }
}

// Set sets a key of the session's configuration, as SET does.
func Set(key, value string) Option {
	return func(c *harness.Case, _ *harness.Options) { c.Settings[key] = value }
}

// Register adds functions written in Go, which the job calls.
func Register(f func(e *engine.Engine) error) Option {
	return func(_ *harness.Case, o *harness.Options) { o.Register = f }
}

// SQL adds statements behind those of the job, such as a query over one of its views.
func SQL(text string) Option {
	return func(c *harness.Case, _ *harness.Options) {
		c.Scripts = append(c.Scripts, harness.Source{Name: "sql", Text: text})
	}
}

// Open opens the job of a script that production runs. The test ends at once when it
// cannot be read or planned.
func Open(t T, file string, options ...Option) *Job {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("cannot open the job: %v", err)
		return nil
	}
	return open(t, harness.Source{Name: file, Text: string(text)}, options)
}

// OpenSQL opens a job whose statements are given.
func OpenSQL(t T, sql string, options ...Option) *Job {
	t.Helper()
	return open(t, harness.Source{Name: "sql", Text: sql}, options)
}

func open(t T, script harness.Source, options []Option) *Job {
	t.Helper()
	o := &harness.Options{}
	c := &harness.Case{Scripts: []harness.Source{script}, Settings: map[string]string{}}
	for _, f := range options {
		f(c, o)
	}
	l, err := harness.Open(c, o)
	if err != nil {
		t.Fatalf("%v", err)
		return nil
	}
	t.Cleanup(l.Close)
	j := &Job{t: t, live: l}
	j.keepCassettes(o)
	return j
}

// Row is a row of values: numbers, strings, booleans, times and nil for NULL; slices and
// maps for nested types. It is an insert; Update and the like make other changes.
type Row []any

// Arg is a Row, another change, or Columns.
type Arg interface{ apply(*rows) }

type rows struct {
	header []harness.Cell
	list   []harness.Row
}

func (r Row) apply(to *rows) { change{batch.Insert, r}.apply(to) }

type change struct {
	kind   batch.Kind
	values []any
}

func (c change) apply(to *rows) {
	cells := make([]harness.Cell, len(c.values))
	for i, v := range c.values {
		cells[i] = harness.CellOf(v)
	}
	to.list = append(to.list, harness.Row{Kind: c.kind, Cells: cells})
}

// Insert is +I, the same as Row.
func Insert(values ...any) Arg { return change{batch.Insert, values} }

// UpdateBefore is -U.
func UpdateBefore(values ...any) Arg { return change{batch.UpdateBefore, values} }

// UpdateAfter is +U.
func UpdateAfter(values ...any) Arg { return change{batch.UpdateAfter, values} }

// Delete is -D.
func Delete(values ...any) Arg { return change{batch.Delete, values} }

type columns []string

func (c columns) apply(to *rows) {
	for _, name := range c {
		to.header = append(to.header, harness.Cell{Text: name})
	}
}

// Columns names the columns of the rows that follow. Without it they are all columns of
// the table, in order; those of a given table that are not named are NULL.
func Columns(names ...string) Arg { return columns(names) }

func gather(args []Arg) rows {
	var out rows
	for _, a := range args {
		a.apply(&out)
	}
	return out
}

// do takes a step. A mistake of the test ends it; a failure of the job is kept for
// ExpectError, and otherwise ends the test at the next call.
func (j *Job) do(s harness.Step) *Job {
	j.t.Helper()
	if err := j.live.Do(s); err != nil {
		if e := (*harness.Error)(nil); !errors.As(err, &e) || !e.Ran {
			j.t.Fatalf("%v", err)
		}
	}
	return j
}

// Given gives rows to a source table, behind those given before.
func (j *Job) Given(table string, args ...Arg) *Job {
	j.t.Helper()
	return j.GivenSplit(table, 0, args...)
}

// GivenSplit is Given in a split of the table, numbered from 0: rows of one split stay in
// order, and each has a watermark of its own.
func (j *Job) GivenSplit(table string, split int, args ...Arg) *Job {
	j.t.Helper()
	r := gather(args)
	return j.do(&harness.Give{Table: table, Split: split, Header: r.header, Rows: r.list})
}

// Watermark says that no older row of a table comes.
func (j *Job) Watermark(table, at string) *Job {
	j.t.Helper()
	return j.do(&harness.Watermark{Table: table, Split: harness.AllSplits, Time: harness.Cell{Text: at}})
}

// Idle says that a table gives nothing for a while and holds no watermark back.
func (j *Job) Idle(table string) *Job {
	j.t.Helper()
	return j.do(&harness.Idle{Table: table, Split: harness.AllSplits})
}

// Advance moves the clock on; timers of processing time that become due fire.
func (j *Job) Advance(by time.Duration) *Job {
	j.t.Helper()
	return j.do(&harness.Clock{By: by})
}

// Now is the time of the clock.
func (j *Job) Now() time.Time { return j.live.Now() }

// Checkpoint takes a checkpoint.
func (j *Job) Checkpoint() *Job {
	j.t.Helper()
	return j.do(&harness.TakeCheckpoint{})
}

// Kill ends the process of the job, which goes on from its newest checkpoint, or from the
// beginning.
func (j *Job) Kill() *Job {
	j.t.Helper()
	return j.do(&harness.Kill{})
}

// Fault lets something go wrong: node, coordinator, power, reset, cut, pause, slow-disk.
func (j *Job) Fault(name string) *Job {
	j.t.Helper()
	return j.do(&harness.Disturb{Fault: name})
}

// Restore takes a checkpoint and goes on from it with another parallelism.
func (j *Job) Restore(parallelism int) *Job {
	j.t.Helper()
	return j.do(&harness.Restore{Parallelism: parallelism})
}

// End ends tables, all of them if none is named: windows fire.
func (j *Job) End(tables ...string) *Job {
	j.t.Helper()
	if len(tables) == 0 {
		tables = []string{""}
	}
	for _, name := range tables {
		j.do(&harness.End{Table: name})
	}
	return j
}

func (j *Job) expect(s harness.Step) *Job {
	j.t.Helper()
	m, err := j.live.Expect(s)
	switch {
	case err != nil:
		j.t.Fatalf("%v", err)
	case m != nil:
		j.t.Errorf("%s", mismatch(m))
	}
	return j
}

func mismatch(m *harness.Mismatch) string {
	text := m.Message
	if d := m.Diff(); d != "" {
		if len(m.Names) > 0 {
			text += "\n    " + strings.Join(m.Names, " | ")
		}
		text += "\n" + d
	}
	if m.Hint != "" {
		text += "\nhint: " + m.Hint
	}
	return text
}

// ExpectTable says what a sink holds now, in any order. The empty name is the result of
// the job's query.
func (j *Job) ExpectTable(sink string, args ...Arg) *Job {
	j.t.Helper()
	r := gather(args)
	return j.expect(&harness.ExpectTable{Sink: sink, Header: r.header, Rows: r.list})
}

// ExpectChanges says which changes a sink was given since the last such call, in order.
func (j *Job) ExpectChanges(sink string, args ...Arg) *Job {
	j.t.Helper()
	r := gather(args)
	return j.expect(&harness.ExpectChanges{Sink: sink, Header: r.header, Rows: r.list})
}

// ExpectLate says how many rows of a table came too late so far.
func (j *Job) ExpectLate(table string, count int) *Job {
	j.t.Helper()
	return j.expect(&harness.ExpectLate{Table: table, Count: count})
}

// ExpectNoRows is a property: a query over sinks and sources that must return no row.
func (j *Job) ExpectNoRows(query string) *Job {
	j.t.Helper()
	return j.expect(&harness.ExpectNoRows{Query: harness.Source{Name: "property", Text: query}})
}

// ExpectKeys says how many keys an operator keeps at most. A part of its name is enough:
// window_agg is the window aggregate.
func (j *Job) ExpectKeys(operator string, most int64) *Job {
	j.t.Helper()
	return j.expect(&harness.ExpectState{Operator: operator, Measure: "keys", Op: "<=", Value: most})
}

// ExpectError says that the job has failed with a code.
func (j *Job) ExpectError(code string) *Job {
	j.t.Helper()
	return j.expect(&harness.ExpectError{Code: diag.Code(code)})
}

// ExpectNoAdvice says that there is nothing to say against the job.
func (j *Job) ExpectNoAdvice() *Job {
	j.t.Helper()
	return j.expect(&harness.ExpectAdvice{None: true})
}

// Change is a row that a sink was given. Cells are text as SQL prints it, "NULL" for NULL.
type Change struct {
	Op    string // +I, -U, +U, -D
	Cells []string
}

// String is the change as a *_test.sql file has it.
func (c Change) String() string { return c.Op + " | " + strings.Join(c.Cells, " | ") }

// Changes are all changes that a sink was given, in order.
func (j *Job) Changes(sink string) []Change {
	j.t.Helper()
	_, all, _, err := j.live.Sink(sink)
	return j.look(all, err)
}

// Table is what a sink holds, sorted.
func (j *Job) Table(sink string) []Change {
	j.t.Helper()
	_, _, table, err := j.live.Sink(sink)
	for i := range table {
		table[i].Kind = batch.Insert
	}
	return j.look(table, err)
}

func (j *Job) look(list []harness.Change, err error) []Change {
	j.t.Helper()
	if err != nil {
		j.t.Fatalf("%v", err)
	}
	out := make([]Change, len(list))
	for i, c := range list {
		out[i] = Change{c.Kind.String(), c.Cells}
	}
	return out
}

// CheckOption changes how thoroughly Check looks.
type CheckOption func(*harness.Plan)

// Schedules is how many there are; 10 by default.
func Schedules(n int) CheckOption { return func(p *harness.Plan) { p.Schedules = n } }

// Seed is that of the first schedule.
func Seed(seed uint64) CheckOption { return func(p *harness.Plan) { p.Seed = seed } }

// Faults are what may go wrong: kill, power, net, slow, dup; none if none is named.
func Faults(names ...string) CheckOption {
	return func(p *harness.Plan) { p.Faults = append([]string{}, names...) }
}

// Check runs all that was said so far again under schedules, and fails the test when one
// gives another answer, with the smallest case that does.
func (j *Job) Check(options ...CheckOption) *Job {
	j.t.Helper()
	p := harness.Plan{}
	for _, f := range options {
		f(&p)
	}
	v, err := j.live.Check(p)
	if err != nil {
		j.t.Fatalf("%v", err)
		return j
	}
	for _, f := range v.Failures {
		text := ""
		if f.Err != nil {
			text = f.Err.Error()
		} else {
			text = mismatch(f.Mismatch)
		}
		if f.Schedule.Seed != 0 {
			text += fmt.Sprintf("\nfound after %d runs with %s", v.Runs, f.Schedule.String())
		}
		if s := f.Small; s != nil {
			text += fmt.Sprintf("\nsmallest: %d of %d rows, %s\n%s", s.Rows, s.RowsBefore, s.Schedule.String(), mismatch(s.Mismatch))
		}
		j.t.Errorf("%s", text)
	}
	return j
}

// Printer is a T for programs that are no tests, such as examples: it prints what fails.
type Printer struct {
	w     io.Writer
	after []func()
}

// NewPrinter makes a T that prints to w. Fatalf panics, as there is no test to end.
func NewPrinter(w io.Writer) *Printer { return &Printer{w: w} }

// Helper does nothing.
func (p *Printer) Helper() {}

// Errorf prints.
func (p *Printer) Errorf(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

// Fatalf panics with the text.
func (p *Printer) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// Cleanup keeps f for Close.
func (p *Printer) Cleanup(f func()) { p.after = append(p.after, f) }

// Close ends what the jobs hold.
func (p *Printer) Close() {
	for _, f := range p.after {
		f()
	}
	p.after = nil
}
