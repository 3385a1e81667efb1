package exec

import (
	"math/rand/v2"
	"time"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
)

// YieldRows is the number of rows a step may emit before Yield asks it to stop.
const YieldRows = 65_536

// Host is what the task behind a Ctx provides. engine/flow implements it; tests
// use Bench in bench.go.
type Host interface {
	// Emit hands b to the receivers of the operator's output.
	Emit(b *batch.Batch) error
	// Now is the processing time of the step in milliseconds: one value for the
	// whole step, recorded when read.
	Now() int64
	// Rand is seeded by (run seed, attempt, task, step).
	Rand() *rand.Rand
	// SetTimer asks for Operator.Timer at processing time at (milliseconds);
	// setting the same time twice is one timer. Timers are part of the snapshot.
	SetTimer(at int64)
	// Yield reports whether the operator should stop and be resumed; always
	// false where the operator cannot be.
	Yield() bool
	// Late counts n late rows of b at the lanes given and keeps some of them.
	Late(b *batch.Batch, lanes []uint16, watermark int64)
	// Count adds to a named counter of the operator.
	Count(name string, n int64)
}

// Ctx is an operator's view of its task. It is valid during calls only.
type Ctx struct {
	Host
	// Store is the task's keyed state; structures are created in Open.
	Store *state.Store
	// Name is the operator's unique id in the plan, stable over restarts.
	Name string
	// Subtask of Parallelism, and the key groups [KeyFrom, KeyTo) of MaxParallelism.
	Subtask, Parallelism           int
	KeyFrom, KeyTo, MaxParallelism int
	// Dealt says for each input by which columns its rows were dealt to subtasks:
	// sets of columns that hold equal values, in the order they were hashed. They
	// decide the key group of a row, also where the operator's keys are more. Nil, or
	// no entry: the keys themselves.
	Dealt [][][]int
	// Zone is the session time zone.
	Zone *time.Location
	// TTL of state in milliseconds; 0 keeps it.
	TTL int64
	// Exact asks for one message a change, in the order of input rows; otherwise
	// changes of one key within a step are folded into one.
	Exact bool

	watermark int64
}

// dealt is the entry of an input in Dealt.
func (c *Ctx) dealt(in int) [][]int {
	if in >= len(c.Dealt) {
		return nil
	}
	return c.Dealt[in]
}

// Watermark is the operator's watermark before the event at hand, or
// batch.NoWatermark.
func (c *Ctx) Watermark() int64 { return c.watermark }

// SetWatermark is called by the driver, before Operator.Watermark.
func (c *Ctx) SetWatermark(ts int64) { c.watermark = ts }

// Outside runs a call to the outside within the step and records what it gives, where
// the host records. See function.Outside.
func (c *Ctx) Outside(f func() ([]byte, error)) ([]byte, error) {
	if o, ok := c.Host.(interface {
		Outside(f func() ([]byte, error)) ([]byte, error)
	}); ok {
		return o.Outside(f)
	}
	return f()
}
