// Package harness runs tests of streaming jobs: the job that production runs, its
// sources replaced by given rows, its sinks captured, on the simulated host.
//
// A Case is what a *_test.sql file (testkit/testfile) and the Go API (testkit) both make:
// SQL, then steps in order, which give rows, move event time and the clock, take
// checkpoints, kill the job, and say what must have come out. A step takes effect when
// the job has worked off the one before, so nothing waits and nothing is timed.
//
// Check runs a case many times: first row by row at parallelism 1, where changes are
// compared one by one, then under schedules drawn from seeds, with other cuts of batches,
// other parallelism and crashes, and every run must give one answer. What does not is
// made as small as it gets (shrink.go).
//
// Begin with Case, then World in world.go, Run in run.go and Check in check.go.
package harness

import (
	"fmt"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
)

// Source is a text with SQL, and where it stands.
type Source struct {
	Name string
	// Text is the whole file; the statements are those from From on, up to To. To 0 is
	// the end.
	Text     string
	From, To int
}

// script is the part with the statements.
func (s *Source) script() string {
	if s.To == 0 {
		return s.Text[s.From:]
	}
	return s.Text[s.From:s.To]
}

// Place is where a step stands: a span of a text. The zero Place is nowhere.
type Place struct {
	Name, Text string
	Span       diag.Span
}

// Line is the number of its line, from 1; 0 when there is none.
func (p Place) Line() int {
	if p.Text == "" {
		return 0
	}
	return 1 + strings.Count(p.Text[:min(p.Span.Start, len(p.Text))], "\n")
}

// Fail is an error at a place.
func (p Place) Fail(code diag.Code, format string, args ...any) *Error {
	return &Error{Source: diag.Source{Name: p.Name, Text: p.Text}, Err: diag.At(p.Span, code, format, args...)}
}

// Error is a mistake in a test or in the job under test, with the text that its place
// lies in.
type Error struct {
	Source diag.Source
	Err    *diag.Error
	// Ran tells that the job failed while it ran.
	Ran bool
	job int // its number, from 0
}

func (e *Error) Error() string { return diag.Render(e.Source, e.Err) }

// Unwrap returns the error without the text.
func (e *Error) Unwrap() error { return e.Err }

// Hint sets what the reader can do and returns e.
func (e *Error) Hint(format string, args ...any) *Error {
	e.Err.WithHint(format, args...)
	return e
}

// Case is a test.
type Case struct {
	Name string
	// Scripts are run in order: the job, then what the test adds.
	Scripts []Source
	// Settings of the session, set before the scripts run.
	Settings map[string]string
	Steps    []Step
	ForAll   ForAll
	// Cassette is the file with what the outside answers; "" for none.
	Cassette string
	// Oracle asks for the batch answer too: the final tables of the same SQL in batch
	// mode over the same rows.
	Oracle bool
	// Advice that must not come, or must: see ExpectAdvice.
	Start time.Time
}

// DefaultStart is the wall time at which a test begins that does not say.
var DefaultStart = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// start is the wall time at which the case begins.
func (c *Case) start() time.Time {
	if c.Start.IsZero() {
		return DefaultStart
	}
	return c.Start
}

// ForAll says under what a case must give one answer. Zero values leave it to the run.
type ForAll struct {
	Schedules   int
	Parallelism []int
	// Inputs is how many times rows are generated, each time others.
	Inputs int
	// Arrival says how rows of different tables meet.
	Arrival Arrival
	// Strict compares changes one by one, where the final table is compared otherwise.
	Strict bool
}

// Arrival is how rows of different tables meet.
type Arrival uint8

// Arrivals.
const (
	// ArrivalAuto: in any way where the plan is deterministic and no row is late, else
	// in the order of the file.
	ArrivalAuto Arrival = iota
	// ArrivalFile: as they stand in the file.
	ArrivalFile
	// ArrivalAny: in any way that keeps the order within a split.
	ArrivalAny
)

// Step is something that happens to the job, or that must hold. The types of this
// package whose names begin with a verb or with Expect are steps.
type Step interface {
	// Where is the step's place.
	Where() Place
}

// At is embedded in steps.
type At struct{ Place Place }

// Where returns the place.
func (a At) Where() Place { return a.Place }

// Cell is a value as text.
type Cell struct {
	Text string
	Null bool
	// Quoted: the text stood in quotes, so it is no abbreviation of anything.
	Quoted bool
	Span   diag.Span
}

// Row is a row as text; Kind is +I where nothing is said.
type Row struct {
	Kind  batch.Kind
	Cells []Cell
	Span  diag.Span
}

// Give gives rows to a source table, in one split.
type Give struct {
	At
	Table string
	Split int
	// Header names the columns of the cells; nil is all physical columns in order. Columns
	// that are not named are NULL.
	Header []Cell
	Rows   []Row
	// Tape is the file of a tape that the rows are on, "" where they stand in the test.
	Tape string
}

// Watermark says that no row of a table comes that is older, whatever the table's own
// watermark says.
type Watermark struct {
	At
	Table string
	Split int // AllSplits for all
	Time  Cell
}

// AllSplits stands for every split of a table.
const AllSplits = -1

// Idle says that a split gives nothing for a while and holds no watermark back.
type Idle struct {
	At
	Table string
	Split int
}

// Clock moves wall time: on by By, or to a time To.
type Clock struct {
	At
	By time.Duration
	To Cell
}

// TakeCheckpoint takes a checkpoint.
type TakeCheckpoint struct{ At }

// Kill ends the process of the job, which goes on from its newest checkpoint.
type Kill struct{ At }

// Disturb lets a fault happen: node, coordinator, power, reset, cut, pause or slow-disk.
type Disturb struct {
	At
	Fault string
}

// Restore takes a checkpoint and goes on from it with another parallelism.
type Restore struct {
	At
	Parallelism int
}

// End ends tables: windows fire. An empty Table stands for all.
type End struct {
	At
	Table string
}

// ExpectTable says what a sink holds, in any order. An empty Sink is the query's result.
type ExpectTable struct {
	At
	Sink   string
	Header []Cell
	Rows   []Row
	// Block is where rows stand in the file, for an update of what is expected.
	Block diag.Span
}

// ExpectChanges says what a sink was given since the last such step, in order.
type ExpectChanges struct {
	At
	Sink   string
	Header []Cell
	Rows   []Row
	Block  diag.Span
}

// ExpectLate says how many rows of a table were dropped as late so far, and, if rows are
// there, which.
type ExpectLate struct {
	At
	Table  string
	Count  int // -1: not said
	Header []Cell
	Rows   []Row
	Block  diag.Span
}

// ExpectNoRows is a property: a query over sinks and inputs that must return no row.
type ExpectNoRows struct {
	At
	Query Source
}

// ExpectState bounds what an operator keeps.
type ExpectState struct {
	At
	Operator string
	Measure  string // keys, rows, bytes
	Op       string // <= = >= < >
	Value    int64
}

// ExpectPlan says that lines stand in the plan, in this order.
type ExpectPlan struct {
	At
	Lines []Cell
}

// ExpectError says that the job cannot be planned, or fails, with a code; Text must be in
// the message.
type ExpectError struct {
	At
	Code diag.Code
	Text string
}

// ExpectAdvice says that no advice comes for the job (None), or a certain one.
type ExpectAdvice struct {
	At
	None bool
	Code diag.Code
}

// expectation reports steps that only look.
func expectation(s Step) bool {
	switch s.(type) {
	case *ExpectTable, *ExpectChanges, *ExpectLate, *ExpectNoRows, *ExpectState, *ExpectPlan, *ExpectError, *ExpectAdvice:
		return true
	}
	return false
}

// describe names a step for people.
func describe(s Step) string {
	switch s := s.(type) {
	case *ExpectTable:
		return "expect table " + s.Sink
	case *ExpectChanges:
		return "expect changelog " + s.Sink
	case *ExpectLate:
		return "expect late " + s.Table
	case *ExpectNoRows:
		return "expect no rows"
	case *ExpectState:
		return "expect state " + s.Operator
	case *ExpectPlan:
		return "expect plan"
	case *ExpectError:
		return "expect error " + string(s.Code)
	case *ExpectAdvice:
		return "expect advice"
	case *Give:
		return "given " + s.Table
	case *Generate:
		return "gen " + s.Table
	}
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", s), "*harness."))
}
