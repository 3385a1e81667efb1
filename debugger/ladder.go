package debugger

import (
	"maps"
	"slices"
	"time"

	"github.com/minkstream/mink/engine/flow"
)

// ladder is the moments of a tape that were kept while it was executed, so that one may
// go back to them: dense near where the cursor was led last, sparse far away, and all
// together no more than a budget.
//
// Distances are times of execution. What lies between a moment and the place one wants
// to be at has to be executed again, so the distance is the wait.
type ladder struct {
	rungs []rung // in the order of the tape
	bytes int64
	// gap is the distance on a first pass: it grows where keeping takes too much of it.
	gap time.Duration
	// back is how long it took to begin from a rung, the longest of late.
	back time.Duration
	// off: nothing is kept, for what one comes to from a moment was something else.
	off bool
}

// rung is a moment that was kept.
type rung struct {
	at   int64 // steps before it
	kept *flow.Kept
	eyes *eyes
	// copied is the bytes of state that were made since the rung before, or the one that
	// the replay had begun from: it has them alone, or with later ones.
	copied int64
	run    int64 // of which replay
}

const (
	// gapNear is the distance of moments from each other on a first pass: with the time
	// that it takes to begin from one it makes a step back.
	gapNear = 80 * time.Millisecond
	// gapLeast is the distance right before the cursor.
	gapLeast = 5 * time.Millisecond
	// keepShare is the part of the time of a first pass that keeping may take.
	keepShare = 0.12
	// copyRate is how many bytes of pages are copied in a nanosecond, about.
	copyRate = 2
)

// MemoryDefault is what the moments to go back to may take of memory, in bytes.
const MemoryDefault = 1 << 30

// rungBefore is the newest rung at or before step n, or nil.
func (l *ladder) rungBefore(n int64) *rung {
	i, found := slices.BinarySearchFunc(l.rungs, n, func(r rung, n int64) int { return int(min(1, max(-1, r.at-n))) })
	if !found {
		i--
	}
	if i < 0 {
		return nil
	}
	return &l.rungs[i]
}

// sofar is the time that the execution of the first n steps takes.
func (j *Job) sofar(n int64) time.Duration {
	if n <= 0 {
		return 0
	}
	return j.line[min(n, int64(len(j.line)))-1].sofar
}

// keep makes a rung at the cursor of a replay that has taken at steps, if one is wanted
// there. to is where the replay is led to, -1 if nobody knows.
func (j *Job) keep(s *flow.Stepper, e *eyes, at, to int64) {
	l := &j.ladder
	if l.off {
		return
	}
	now := j.sofar(at)
	gap := max(l.gap, gapNear)
	if to >= at {
		gap = min(gap, max(gapLeast, (j.sofar(to)-now)/2))
	}
	before := l.rungBefore(at)
	i := 0
	if before != nil {
		if now-j.sofar(before.at) < gap {
			return
		}
		i = slices.IndexFunc(l.rungs, func(r rung) bool { return r.at == before.at }) + 1
	} else if now < gap {
		return
	}
	if i < len(l.rungs) && j.sofar(l.rungs[i].at)-now < gap {
		return
	}
	began := j.d.clock.Mono()
	k := s.Keep()
	if k == nil {
		return
	}
	took := time.Duration(j.d.clock.Mono() - began)
	copied := max(0, s.Copied()-j.copied)
	grown := max(0, k.StateBytes()-j.wide)
	j.copied, j.wide = s.Copied(), k.StateBytes()
	l.rungs = slices.Insert(l.rungs, i, rung{at: at, kept: k, eyes: e.keep(), copied: copied + grown, run: j.run})
	if to < 0 {
		// On a first pass keeping must not take too much of the time.
		cost := took + time.Duration(copied/copyRate)
		l.gap = max(gapNear, min(time.Second, time.Duration(float64(cost)/keepShare)))
	}
	j.thin(at)
}

// thin drops rungs until the others fit the budget: first those that shorten the way to
// places near them the least, far from the cursor.
func (j *Job) thin(near int64) {
	l := &j.ladder
	budget := j.d.Memory
	if budget <= 0 {
		budget = MemoryDefault
	}
	for {
		l.bytes = 0
		for i := range l.rungs {
			l.bytes += l.rungs[i].kept.Bytes(l.rungs[i].copied)
		}
		if l.bytes <= budget || len(l.rungs) < 2 {
			return
		}
		here := j.sofar(near)
		worst, least := -1, 0.0
		for i := range l.rungs {
			from, to := time.Duration(0), j.sofar(int64(len(j.line)))
			if i > 0 {
				from = j.sofar(l.rungs[i-1].at)
			}
			if i+1 < len(l.rungs) {
				to = j.sofar(l.rungs[i+1].at)
			}
			at := j.sofar(l.rungs[i].at)
			value := float64(to-from) / float64(gapNear+(here-at).Abs())
			if l.rungs[i].at != near && (worst < 0 || value < least) {
				worst, least = i, value
			}
		}
		if worst < 0 {
			return
		}
		for i := worst + 1; i < len(l.rungs); i++ {
			if l.rungs[i].run == l.rungs[worst].run { // it has what is no longer between them
				l.rungs[i].copied += l.rungs[worst].copied
				break
			}
		}
		l.rungs = slices.Delete(l.rungs, worst, worst+1)
	}
}

// Kept says how many moments to go back to are kept, and how many bytes they take at
// most.
func (j *Job) Kept() (moments int, bytes int64) { return len(j.ladder.rungs), j.ladder.bytes }

// begin makes a replay that stands at most n steps from the start, as near as can be,
// with eyes that have seen what was before. It says where.
func (j *Job) begin(n int64) (*flow.Stepper, *eyes, int64, error) {
	began := j.d.clock.Mono()
	for r := j.ladder.rungBefore(n); r != nil; r = j.ladder.rungBefore(n) {
		e := r.eyes.keep()
		s, err := j.Tape.From(r.kept, e)
		if err == nil {
			e.restored = s.Restored
			j.ladder.back = max(j.ladder.back*7/8, time.Duration(j.d.clock.Mono()-began))
			return s, e, r.at, nil
		}
		// What cannot be gone on from, as when a file is not there any more, is of no use.
		at := r.at
		j.ladder.rungs = slices.DeleteFunc(j.ladder.rungs, func(r rung) bool { return r.at == at })
		if len(j.ladder.rungs) == 0 {
			break
		}
	}
	e := newEyes(j)
	s := j.Tape.Stepper(e)
	e.restored = s.Restored
	return s, e, 0, nil
}

// nearer reports that beginning at a rung leads to step n sooner than going on does.
func (j *Job) nearer(n int64) bool {
	if j.stepper == nil || j.at > n {
		return true
	}
	r := j.ladder.rungBefore(n)
	return r != nil && r.at > j.at && j.sofar(r.at)-j.sofar(j.at) > max(j.ladder.back, 10*time.Millisecond)
}

// keep copies what eyes have seen so far.
func (e *eyes) keep() *eyes {
	return &eyes{
		j: e.j, checkpoint: e.checkpoint, watermarks: maps.Clone(e.watermarks), read: maps.Clone(e.read), kept: maps.Clone(e.kept), wrote: maps.Clone(e.wrote),
	}
}
