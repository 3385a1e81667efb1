package function

import (
	"math/rand/v2"
	"time"

	"github.com/minkstream/mink/engine/batch"
)

// Env is what an expression may know of the world: exec.Ctx in a task, FixedEnv
// while a statement is planned. All values are fixed for a step.
type Env interface {
	// Now is the processing time of the step in milliseconds since 1970 UTC.
	Now() int64
	// Rand is the step's random source.
	Rand() *rand.Rand
	// Watermark is the current watermark, or batch.NoWatermark.
	Watermark() int64
}

// Frame is what kernels run in: the world as the step sees it, the session zone
// and room for string bytes. One Frame serves one task or session; it is not
// for use by several goroutines.
type Frame struct {
	batch.Scratch
	env   Env
	zone  *time.Location
	marks []batch.Mark
}

// NewFrame makes a frame. A nil zone is UTC.
func NewFrame(env Env, zone *time.Location) *Frame {
	if zone == nil {
		zone = time.UTC
	}
	return &Frame{env: env, zone: zone}
}

// SetEnv changes the world, for operators that get it with each call.
func (f *Frame) SetEnv(env Env) { f.env = env }

// Now is the processing time of the step in milliseconds since 1970 UTC.
func (f *Frame) Now() int64 { return f.env.Now() }

// Rand is the step's random source.
func (f *Frame) Rand() *rand.Rand { return f.env.Rand() }

// SetMarks tells what watermarks stand between the lanes that are computed next.
func (f *Frame) SetMarks(marks []batch.Mark) { f.marks = marks }

// Marks are the watermarks between the lanes; before the first one Watermark holds.
func (f *Frame) Marks() []batch.Mark { return f.marks }

// Watermark is the watermark before the first lane, or batch.NoWatermark.
func (f *Frame) Watermark() int64 { return f.env.Watermark() }

// Zone is the session time zone.
func (f *Frame) Zone() *time.Location { return f.zone }

// Outside is an Env whose steps record what calls to the outside gave.
type Outside interface {
	// Outside runs f and keeps what it gives; where a run is repeated it gives what
	// was kept, and f does not run.
	Outside(f func() ([]byte, error)) ([]byte, error)
}

// Outside runs f, which asks something outside of the process, and returns what it
// gives. The step waits for it: f has a time limit of its own. The result is part of
// the record of the step. While a statement is planned nothing is recorded: the plan
// itself holds the value.
func (f *Frame) Outside(call func() ([]byte, error)) ([]byte, error) {
	if o, ok := f.env.(Outside); ok {
		return o.Outside(call)
	}
	return call()
}

// Count adds to a named counter of the operator; while a statement is planned there is
// none.
func (f *Frame) Count(name string, n int64) {
	if c, ok := f.env.(interface{ Count(name string, n int64) }); ok {
		c.Count(name, n)
	}
}

// FixedEnv is an Env of constants, for folding and tests.
type FixedEnv struct {
	NowMillis     int64
	Random        *rand.Rand
	WatermarkTime int64
}

// Now returns NowMillis.
func (e FixedEnv) Now() int64 { return e.NowMillis }

// Rand returns Random.
func (e FixedEnv) Rand() *rand.Rand { return e.Random }

// Watermark returns WatermarkTime.
func (e FixedEnv) Watermark() int64 { return e.WatermarkTime }
