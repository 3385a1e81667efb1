package debugger

import (
	"context"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/diag"
)

// Unit is what a motion goes by.
type Unit string

// The units.
const (
	ByStep       Unit = "step"
	ByRecord     Unit = "record"
	ByBatch      Unit = "batch"      // the next step that takes rows
	ByWatermark  Unit = "watermark"  // the next in which an operator's watermark rises
	ByCheckpoint Unit = "checkpoint" // the next that begins a checkpoint
	ByOutput     Unit = "output"     // the next in which a sink gets rows
	ByLate       Unit = "late"       // the next in which rows are left out as late
)

// Units lists them, in the order of help.
var Units = []Unit{ByStep, ByRecord, ByBatch, ByWatermark, ByCheckpoint, ByOutput, ByLate}

// ParseUnit reads a unit by its name or the beginning of it. It fails with config.
func ParseUnit(text string) (Unit, error) {
	var names []string
	for _, u := range Units {
		if text != "" && strings.HasPrefix(string(u), text) {
			return u, nil
		}
		names = append(names, string(u))
	}
	return "", diag.New(diag.Config, "no unit %q to step by", text).WithHint("one of %s", strings.Join(names, ", "))
}

// stops reports that a motion by u ends with step i.
func (u Unit) stops(line []mark, i int) bool {
	m := &line[i]
	switch u {
	case ByBatch, ByRecord:
		return m.rows > 0
	case ByWatermark:
		return m.rose
	case ByCheckpoint:
		return m.Checkpoint > 0 && m.Step == 0 && (i == 0 || line[i-1].Position.Checkpoint != m.Checkpoint)
	case ByOutput:
		return len(m.outs) > 0
	case ByLate:
		return m.late > 0
	}
	return true
}

// Step moves by n units forwards, or backwards for a negative n. It stops at the ends
// of the tape, and says so.
func (j *Job) Step(ctx context.Context, u Unit, n int) (Stop, error) {
	if !slices.Contains(Units, u) {
		u = ByStep
	}
	back := n < 0
	if back {
		n = -n
	}
	var s Stop
	var err error
	for ; n > 0; n-- {
		switch {
		case u == ByRecord && back:
			s, err = j.recordBack(ctx)
		case u == ByRecord:
			s, err = j.recordOn(ctx)
		case back && u != ByStep && n > 1:
			// Only where the last of several is needs to be gone to.
			s, err = j.skipBack(u)
		case back:
			s, err = j.back(ctx, u)
		default:
			s, err = j.on(ctx, u)
		}
		if err != nil || s.Why != "moved" {
			return s, err
		}
	}
	return s, nil
}

// on goes to the next step where u stops.
func (j *Job) on(ctx context.Context, u Unit) (Stop, error) {
	if j.record > 0 && (u == ByStep || u == ByBatch) { // to the end of the step
		j.setRecord(int(j.line[j.at-1].rows))
		return j.stop("moved"), nil
	}
	for i := j.at; i < int64(len(j.line)); i++ {
		if u.stops(j.line, int(i)) {
			if err := j.into(ctx, i+1); err != nil {
				return Stop{}, err
			}
			return j.stop("moved"), nil
		}
	}
	if err := j.goTo(ctx, int64(len(j.line))); err != nil {
		return Stop{}, err
	}
	for !j.whole {
		if j.at&63 == 0 && ctx.Err() != nil {
			return Stop{}, ctx.Err()
		}
		more, err := j.forward(true, -1)
		if err != nil {
			return j.divergence(err)
		}
		if more && u.stops(j.line, int(j.at)-1) {
			return j.stop("moved"), nil
		}
	}
	if j.diverged != nil {
		return j.divergence(j.diverged)
	}
	return j.stop("end"), nil
}

// into is goTo with the step's happenings, whether or not the cursor is there.
func (j *Job) into(ctx context.Context, n int64) error {
	if j.at == n && n > 0 && (j.eyes == nil || !j.eyes.captured) {
		j.rewind()
	}
	return j.goTo(ctx, n)
}

// back goes to the newest step before the cursor where u stops, or to the start.
func (j *Job) back(ctx context.Context, u Unit) (Stop, error) {
	if j.record > 0 { // within a step: to the one before
		j.record = 0
	}
	for i := j.at - 1; i > 0; i-- {
		if u.stops(j.line, int(i)-1) {
			if err := j.into(ctx, i); err != nil {
				return Stop{}, err
			}
			return j.stop("moved"), nil
		}
	}
	if err := j.goTo(ctx, 0); err != nil {
		return Stop{}, err
	}
	return j.stop("start"), nil
}

// skipBack is back without going there: only the number of the step changes.
func (j *Job) skipBack(u Unit) (Stop, error) {
	for i := j.at - 1; i > 0; i-- {
		if u.stops(j.line, int(i)-1) {
			j.rewind()
			j.at = i
			return Stop{Why: "moved"}, nil
		}
	}
	j.rewind()
	j.at = 0
	return Stop{Position: j.Position(), Why: "start"}, nil
}

// recordOn goes behind the next record, which may lie in the same step.
func (j *Job) recordOn(ctx context.Context) (Stop, error) {
	if j.record > 0 {
		j.setRecord(j.record + 1)
		return j.stop("moved"), nil
	}
	s, err := j.on(ctx, ByBatch)
	if err != nil || s.Why == "end" {
		return s, err
	}
	j.setRecord(1)
	return j.stop(s.Why), nil
}

// recordBack goes behind the record before.
func (j *Job) recordBack(ctx context.Context) (Stop, error) {
	k := j.record
	if k == 0 && j.at > 0 {
		k = int(j.line[j.at-1].rows)
	}
	if k > 1 {
		if err := j.into(ctx, j.at); err != nil {
			return Stop{}, err
		}
		j.setRecord(k - 1)
		return j.stop("moved"), nil
	}
	return j.back(ctx, ByBatch)
}
