// Package exec holds the operators: step functions that turn batches into batches.
//
// An operator knows nothing of plans, channels, threads or other operators. Its
// task calls it from one goroutine at a time; it starts no goroutine, reads no
// clock and waits on nothing: time, randomness, timers and state come through Ctx.
//
// Event time arrives in two forms that mean the same. A batch may carry marks: a
// mark (pos, wm) says that the watermark is wm once the lanes below pos have been
// processed. Operators to which time does not matter ignore marks; the others walk
// the batch with Segments. After Process the driver calls Watermark with the last
// mark of the batch, so an operator that advanced by itself sees a value it knows.
//
// Order of emission is a function of inputs and contents: input order, then
// arrival order, then key order when a timer fires; never slot order.
//
// Begin with Operator, then Ctx in ctx.go, then a small operator such as op_filter.go.
package exec

import "github.com/minkstream/mink/engine/batch"

// Operator turns input batches into output batches.
//
// Its task calls it inside one step, from one goroutine at a time. A call does a
// bounded amount of work and never waits. A received batch is read-only and valid
// until the call returns: what is kept is copied. A batch given to Ctx.Emit is
// read-only for its receivers and valid during Emit only, so an operator reuses
// its output buffers freely afterwards.
type Operator interface {
	// Open is called once, before anything else. Structures obtained from
	// c.State hold restored content already.
	Open(c *Ctx) error
	// Process consumes one batch of input in (0 for the left side of a join, 1 for
	// the right one, and so on).
	Process(c *Ctx, in int, b *batch.Batch) error
	// Watermark says that no row with a time at or below ts comes any more on
	// any input. ts never goes back; batch.MaxWatermark ends the input.
	Watermark(c *Ctx, ts int64) error
	// Timer fires at a processing time set with c.SetTimer, at or after it.
	Timer(c *Ctx, at int64) error
	// Snapshot runs inside the step that takes the barrier, before the state is
	// frozen: bundles are flushed and emitted, and what lies outside c.State's
	// structures is written into them.
	Snapshot(c *Ctx) error
	// Close releases what Open took. It is safe after a failed Open.
	Close() error
}

// Resumer is an operator that may stop in the middle of a large output.
//
// When Ctx.Yield reports true during Process, Watermark or Timer, the operator may
// note where it stands and return; the task keeps the input batch valid, takes no
// other event for this operator, and calls Resume until it reports false.
type Resumer interface {
	// Resume continues the interrupted call.
	Resume(c *Ctx) (more bool, err error)
}

// Holder is an operator whose output may carry times below its input watermark,
// such as an interval join: the watermark it passes on is held back.
type Holder interface {
	// OutWatermark maps the operator's watermark to the one its output obeys.
	OutWatermark(ts int64) int64
}

// Sided is an operator of two inputs that hears of their watermarks one by one.
// Operator.Watermark and Ctx.Watermark are those of input 0, and the marks of a batch
// are those of the batch's own input. The driver asks OutWatermark again after each
// call, since what comes by input 1 or a timer may let go what it held back.
type Sided interface {
	Holder
	// SideWatermark is Watermark for input 1. After a batch of that input it is
	// called with the last mark. When the input becomes idle it is called with the
	// watermark that it has, or batch.NoWatermark.
	SideWatermark(c *Ctx, ts int64) error
}

// Finisher is an operator that emits when its bounded input ends, after the last
// watermark: batch aggregates and sorts.
type Finisher interface {
	// Finish is called once, after Watermark(batch.MaxWatermark).
	Finish(c *Ctx) error
}

// Stateless is embedded by operators that keep nothing and ignore time.
type Stateless struct{}

// The calls that a stateless operator has no use for.
func (Stateless) Open(*Ctx) error             { return nil }
func (Stateless) Watermark(*Ctx, int64) error { return nil }
func (Stateless) Timer(*Ctx, int64) error     { return nil }
func (Stateless) Snapshot(*Ctx) error         { return nil }
func (Stateless) Close() error                { return nil }

// Drawing describes an operator to EXPLAIN, the debugger and screens.
type Drawing struct {
	Name  string   // as in plans: "GroupAggregate"
	Props []string // "groupBy=[a]"
	State []string // names of the state structures it keeps
}

// Drawer is an operator that can draw itself.
type Drawer interface{ Draw() Drawing }
