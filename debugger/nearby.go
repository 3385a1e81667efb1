package debugger

import (
	"context"
)

// Breakpoints that look at a step alone need no pass over the whole tape: the next hit is
// looked for from the cursor on, the last one before it backwards, from one moment that is
// kept to the next.

// local reports a breakpoint of which each hit follows from its step and the one before.
func (b *Break) local() bool {
	return b.After == 0 && !b.Once && b.Kind != BreakChangelog && (b.Kind != BreakWatermark || b.By == 0)
}

// nearby reports that hits may be looked for near the cursor: all breakpoints are local,
// and no pass has come this far yet.
func (j *Job) nearby() bool {
	if j.ladder.off || j.scan != nil && (j.scan.done || j.scan.now >= j.at) {
		return false
	}
	for _, b := range j.breaks {
		if !b.local() {
			return false
		}
	}
	return true
}

// scanFrom is a scan that begins as near behind step n as can be.
func (j *Job) scanFrom(n int64) (*scan, error) {
	x := &scan{j: j}
	for _, b := range j.breaks {
		a, err := j.armed(b)
		if err != nil {
			return nil, err
		}
		x.armed = append(x.armed, a)
	}
	var err error
	if x.s, x.eyes, x.now, err = j.begin(n); err != nil {
		return nil, err
	}
	x.eyes.listener = x
	for _, a := range x.armed {
		if a.Kind == BreakState && x.now > 0 {
			if err := a.changed(x.s); err != nil {
				x.s.Close()
				return nil, err
			}
		}
	}
	return x, nil
}

// stopsBetween are the hits behind step from up to step to, until the first if first,
// and whether the tape ends before.
func (j *Job) stopsBetween(ctx context.Context, from, to int64, first bool) (hits []Hit, end bool, err error) {
	x, err := j.scanFrom(from)
	if err != nil {
		return nil, false, err
	}
	defer x.s.Close()
	for x.now < to {
		if x.now&63 == 0 && ctx.Err() != nil {
			return nil, false, ctx.Err()
		}
		had := len(x.hits)
		more, err := x.step()
		if err != nil || !more {
			return hits, !more, err
		}
		if x.now <= from {
			continue
		}
		stops := false
		for _, h := range x.hits[had:] {
			hits = append(hits, h)
			stops = stops || h.stops
		}
		if first && stops {
			break
		}
	}
	return hits, false, nil
}

// toNearby goes to the next step at which a breakpoint is hit, or the last one before.
func (j *Job) toNearby(ctx context.Context, back bool) (Stop, []Hit, error) {
	var hits []Hit
	var err error
	if back {
		for to := j.at - 1; to > 0 && !stopping(hits); {
			from := int64(0)
			if r := j.ladder.rungBefore(to - 1); r != nil {
				from = r.at
			}
			if hits, _, err = j.stopsBetween(ctx, from, to, false); err != nil {
				return Stop{}, nil, err
			}
			to = from
		}
	} else if hits, _, err = j.stopsBetween(ctx, j.behind(), 1<<62, true); err != nil {
		return Stop{}, nil, err
	}
	found := int64(0)
	for _, h := range hits {
		if h.stops {
			found = h.step
		}
	}
	return j.toHit(ctx, found, hits, back)
}

func stopping(hits []Hit) bool {
	for _, h := range hits {
		if h.stops {
			return true
		}
	}
	return false
}

// toHit goes to a step at which breakpoints are hit; 0 is none.
func (j *Job) toHit(ctx context.Context, found int64, all []Hit, back bool) (Stop, []Hit, error) {
	if found == 0 {
		to := AtEnd
		if back {
			to = AtStart
		}
		st, err := j.Seek(ctx, to)
		return st, nil, err
	}
	if err := j.into(ctx, found); err != nil {
		return Stop{}, nil, err
	}
	st := j.stop("break")
	var hits []Hit
	for _, h := range all {
		if h.step == found {
			hits = append(hits, h)
			if h.stops && st.Break == 0 {
				st.Break = h.Break
			}
		}
	}
	return st, hits, nil
}
