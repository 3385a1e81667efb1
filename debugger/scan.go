package debugger

import (
	"context"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/flow"
)

// scan is a pass over the tape that notes where breakpoints are hit, apart from the
// cursor: so they are known in the past too, also those that were set later. It goes on
// where more is asked for.
type scan struct {
	j     *Job
	armed []*armed
	s     *flow.Stepper
	eyes  *eyes
	now   int64 // steps looked at
	done  bool
	hits  []Hit
}

// rescan forgets what was found, since the breakpoints are others.
func (j *Job) rescan() {
	if j.scan != nil {
		j.scan.s.Close()
		j.scan = nil
	}
}

func (j *Job) scanning() (*scan, error) {
	if j.scan != nil {
		return j.scan, nil
	}
	x := &scan{j: j}
	for _, b := range j.breaks {
		a, err := j.armed(b)
		if err != nil {
			return nil, err
		}
		x.armed = append(x.armed, a)
	}
	x.eyes = newEyes(j)
	x.eyes.listener = x
	x.s = j.Tape.Stepper(x.eyes)
	x.eyes.restored = x.s.Restored
	j.scan = x
	return x, nil
}

// step looks at one step more; false at the end of the tape.
func (x *scan) step() (bool, error) {
	for _, a := range x.armed {
		a.text, a.rows, a.touched = "", nil, false
	}
	x.eyes.begin(false)
	kept := x.before()
	began := x.j.d.clock.Mono()
	e, more, err := x.s.Next()
	if err != nil {
		if _, differs := flow.IsDivergence(err); !differs {
			return false, err
		}
		more = false // the cursor stops there by itself
	}
	if !more {
		x.done = true
		return false, nil
	}
	m := x.eyes.end(e)
	x.now++
	x.j.mark(m, x.now, time.Duration(x.j.d.clock.Mono()-began))
	var before *mark
	if x.now > 1 {
		before = &x.j.line[x.now-2]
	}
	for _, a := range x.armed {
		if err := a.stepped(x.s, m, before); err != nil {
			return false, err
		}
		if kept != nil && a.Kind == BreakState && a.touched && a.text == "" {
			if err := a.within(kept, int(m.task)); err != nil {
				return false, err
			}
		}
		if a.text == "" {
			continue
		}
		a.hits++
		if a.hits <= a.After || a.Once && a.hits > a.After+1 {
			continue
		}
		x.hits = append(x.hits, Hit{Break: a.ID, Position: m.Position, Text: a.text, Rows: a.rows, step: x.now, stops: !a.Log})
	}
	return true, nil
}

// before keeps the moment before the next step if it takes rows of an operator whose state
// has a breakpoint; nil where there is none, or where it cannot be kept.
func (x *scan) before() *flow.Kept {
	for _, a := range x.armed {
		if a.Kind != BreakState || x.s.Coming(a.op.uid) < 0 {
			continue
		}
		return x.s.Keep()
	}
	return nil
}

// to looks at the first n steps.
func (x *scan) to(ctx context.Context, n int64) error {
	for x.now < n && !x.done {
		if x.now&63 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if _, err := x.step(); err != nil {
			return err
		}
	}
	return nil
}

// Continue goes to the next step at which a breakpoint is hit, or to the end of the
// tape; backwards with back, to the start.
func (j *Job) Continue(ctx context.Context, back bool) (Stop, []Hit, error) {
	if j.nearby() {
		return j.toNearby(ctx, back)
	}
	x, err := j.scanning()
	if err != nil {
		return Stop{}, nil, err
	}
	if err := x.to(ctx, j.at); err != nil {
		return Stop{}, nil, err
	}
	var found int64
	if back {
		for _, h := range x.hits {
			if h.stops && h.step < j.at {
				found = h.step
			}
		}
	} else {
		for i := 0; ; i++ {
			for i == len(x.hits) && !x.done {
				if err := x.to(ctx, x.now+1); err != nil {
					return Stop{}, nil, err
				}
			}
			if i == len(x.hits) {
				break
			}
			if h := x.hits[i]; h.stops && h.step > j.behind() {
				found = h.step
				break
			}
		}
	}
	return j.toHit(ctx, found, x.hits, back)
}

// behind is the step behind whose end the cursor stands: within a step that is the one before,
// so that what is hit by the rest of the step is not passed over.
func (j *Job) behind() int64 {
	if j.record > 0 {
		return j.at - 1
	}
	return j.at
}

// Hits are those of a breakpoint, or of all with 0, from the start of the tape up to the
// cursor; of the whole tape where the cursor stands at the start.
func (j *Job) Hits(ctx context.Context, id int) ([]Hit, error) {
	x, err := j.scanning()
	if err != nil {
		return nil, err
	}
	until := j.at
	if until == 0 {
		until = 1 << 62
	}
	if err := x.to(ctx, until); err != nil {
		return nil, err
	}
	var out []Hit
	for _, h := range x.hits {
		if h.step <= until && (id == 0 || h.Break == id) {
			out = append(out, h)
		}
	}
	return out, nil
}

// Read hears of rows that a reader gave, which Gave tells too.
func (x *scan) Read(flow.Place, string, *batch.Batch) {}

// Took passes on that an operator gets rows.
func (x *scan) Took(at flow.Place, input int, b *batch.Batch) {
	if o := x.j.uids[at.UID]; o != nil && b.Rows() > 0 && input < len(o.InSchemas) {
		for _, a := range x.armed {
			a.took(o, input, b, at.Watermark)
		}
	}
}

// Gave passes on that an operator gives rows.
func (x *scan) Gave(at flow.Place, b *batch.Batch) {
	if o := x.j.uids[at.UID]; o != nil && b.Rows() > 0 && o.source == (at.Node < 0) {
		for _, a := range x.armed {
			a.gave(o, b, at.Watermark)
		}
	}
}

// Late passes on that rows are left out.
func (x *scan) Late(at flow.Place, input int, b *batch.Batch, lanes []uint16, watermark int64) {
	for _, a := range x.armed {
		a.late(x.j.uids[at.UID], input, b, lanes, watermark)
	}
}

// Watermark passes on that a watermark rises.
func (x *scan) Watermark(at flow.Place, watermark int64) {
	for _, a := range x.armed {
		a.watermark(at, x.j.uids[at.UID], watermark)
	}
}

// Timer passes on that a timer is due.
func (x *scan) Timer(at flow.Place, due int64) {
	for _, a := range x.armed {
		a.timer(x.j.uids[at.UID], due)
	}
}
