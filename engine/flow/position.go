package flow

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
)

// Position names a moment of a run: so many steps after a checkpoint began, counted
// in the order in which a replay takes them. A checkpoint begins with the first step
// that takes it, which is its step 0; checkpoint 0 is the beginning of an attempt that
// restored none. Step n is the moment after the n-th step.
//
// It is written 40:1284, and 2/40:1284 in the second attempt.
type Position struct {
	// Attempt counts from 1; 0 in a position that somebody asks for is any.
	Attempt    int64
	Checkpoint int64
	Step       int64
}

// String gives the written form.
func (p Position) String() string {
	text := fmt.Sprintf("%d:%d", p.Checkpoint, p.Step)
	if p.Attempt > 1 {
		text = fmt.Sprintf("%d/%s", p.Attempt, text)
	}
	return text
}

// ParsePosition reads the written form. It fails with config.
func ParsePosition(text string) (p Position, err error) {
	rest, bad := text, diag.New(diag.Config, "%q is no position", text).
		WithHint("a position is CHECKPOINT:STEP, such as 40:1284, or ATTEMPT/CHECKPOINT:STEP")
	if attempt, after, ok := strings.Cut(rest, "/"); ok {
		if p.Attempt, err = strconv.ParseInt(attempt, 10, 64); err != nil || p.Attempt < 1 {
			return p, bad
		}
		rest = after
	}
	checkpoint, step, ok := strings.Cut(rest, ":")
	if !ok {
		return p, bad
	}
	if p.Checkpoint, err = strconv.ParseInt(checkpoint, 10, 64); err != nil || p.Checkpoint < 0 {
		return p, bad
	}
	if p.Step, err = strconv.ParseInt(step, 10, 64); err != nil || p.Step < 0 {
		return p, bad
	}
	return p, nil
}

// Reached reports that a moment is at p or behind it.
func (p Position) Reached(m Position) bool {
	switch {
	case p.Attempt != 0 && m.Attempt != p.Attempt:
		return m.Attempt > p.Attempt
	case m.Checkpoint != p.Checkpoint:
		return m.Checkpoint > p.Checkpoint
	}
	return m.Step >= p.Step
}

// Moment is where a replay stands after a step. It is valid during the call that it is
// given to.
type Moment struct {
	Position
	// Job is its number on the tape, Task the task that took the step.
	Job  int
	Task string
	// TimeMS is when the step was taken, in milliseconds since the epoch.
	TimeMS int64

	at  *attempt
	had []int
}

// Watermark is the least watermark of the tasks that nothing follows, or
// batch.NoWatermark.
func (m *Moment) Watermark() int64 {
	least := batch.MaxWatermark
	for _, t := range m.at.tasks {
		if len(t.outs) > 0 || len(t.nodes) == 0 {
			continue
		}
		least = min(least, t.nodes[0].ctx.Watermark())
	}
	return least
}

// Steps is the number of steps that each task has taken in the attempt, by its number.
func (m *Moment) Steps() []int { return append([]int(nil), m.had...) }
