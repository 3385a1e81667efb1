package flow

import (
	"maps"
	"slices"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/trace"
)

// A checkpoint at which all tasks have cut their logs becomes a base of the tape once it is
// complete.

// framesMax is how many checkpoints may be under way or given up before their frames
// are forgotten.
const framesMax = 4

// cut begins another part of a task's log.
func (x *tapedAttempt) cut(t *task, p part) {
	x.from[t.id] = p.n
	list := x.frames[p.n]
	if list == nil {
		list = make([]*frame, len(x.tasks))
		x.frames[p.n] = list
	}
	list[t.id] = p.frame
	for len(x.frames) > framesMax {
		oldest := slices.Sorted(maps.Keys(x.frames))[0]
		delete(x.frames, oldest)
		delete(x.outputs, oldest)
	}
}

// begun hears that checkpoint n begins.
func (tp *taper) begun(attempt, n int64) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	for _, x := range tp.attempts {
		if x.n == attempt && tp.cuts {
			x.outputs[n] = tp.to.Marked()
		}
	}
}

// wantsBase reports that the tape would begin at a checkpoint with so many bytes.
func (tp *taper) wantsBase(bytes int64) bool { return tp.cuts && tp.to.WantsBase(tp.num, bytes) }

// based makes a base of a complete checkpoint, whose files are still there. It runs
// outside of steps.
func (tp *taper) based(from *ckptStore, m *meta) error {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	tp.write()
	at := slices.IndexFunc(tp.attempts, func(x *tapedAttempt) bool { return x.n == m.attempt })
	if tp.err != nil || at < 0 {
		return tp.err
	}
	x := tp.attempts[at]
	frames := x.frames[m.id]
	outputs := x.outputs[m.id]
	for _, n := range slices.Sorted(maps.Keys(x.frames)) {
		if n <= m.id {
			delete(x.frames, n)
			delete(x.outputs, n)
		}
	}
	if frames == nil || slices.ContainsFunc(frames, func(f *frame) bool { return f == nil || !f.clean }) {
		tp.to.Later()
		return nil
	}
	disk, dir := tp.to.Base(tp.num, x.n, m.id)
	if err := disk.MkdirAll(dir); err != nil {
		return err
	}
	if err := from.export(m, disk, dir, nil, false); err != nil {
		return err
	}
	started := x.started
	started.Checkpoint, started.Base = m.id, true
	x.splitsAt(&started, frames)
	return tp.to.AddBase(tp.num, started, encodeFrames(frames), m.bytes(), outputs)
}

// splitsAt are what the sources read at a base: those of the tasks, in the order in which
// they were dealt.
func (x *tapedAttempt) splitsAt(a *trace.Attempt, frames []*frame) {
	a.Splits = make([][]trace.Split, len(x.started.Splits))
	a.Done = slices.Clone(a.Done)
	for _, t := range x.tasks {
		if t.src == nil {
			continue
		}
		list, complete := frames[t.id].splits, frames[t.id].complete
		a.Done[t.v.ID] = a.Done[t.v.ID] || complete
		of := &a.Splits[t.v.ID]
		for i, s := range list {
			n := i*t.v.Parallelism + t.sub
			if t.src.ordered {
				n = i
			}
			for len(*of) <= n {
				*of = append(*of, trace.Split{})
			}
			(*of)[n] = trace.Split{ID: s.at.ID, Pos: s.at.Pos, Watermark: s.wm, Floor: s.floor, Ended: s.ended}
		}
	}
}

// splitStates are the splits of a source as the step that takes a checkpoint leaves them.
func (s *source) splitStates() []splitState {
	var out []splitState
	for i, sp := range s.splits {
		out = append(out, splitState{at: connect.Split{ID: sp.frozen.ID, Pos: slices.Clone(sp.frozen.Pos)}, wm: s.wms.in[i].wm, floor: s.passed, ended: sp.ended})
	}
	return out
}
