package exec

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// sessionSet is the open sessions of all keys: for each key a list by start. An
// entry has the end of the session, the time of its timer, and its accumulators,
// whose bytes are in the payload.
//
// A session has one timer. It is not moved when the session grows: when it comes up,
// a session that ends later sets a new one.
type sessionSet struct {
	a      *aggCalls // without aggregates if there are only bounds
	clock  wallClock
	gap    int64
	s      *state.Sorted
	timers *state.Queue

	acc  []uint64
	one  [1][]uint64
	two  [1][]uint64
	key  []byte
	blob []byte
	refs [1]state.Ref
	lane [1]uint16
}

const (
	sesEnd = iota
	sesTimer
	sesLanes
)

func newSessionSet(c *Ctx, o *sessionOp, keys []types.Type) sessionSet {
	return sessionSet{
		a: o.a, gap: o.window.Size, acc: make([]uint64, o.a.width),
		clock: newWallClock(c.Zone, o.window.Local || o.window.Proctime),
		s: c.Store.Sorted(c.Name+".sessions", state.SortedSpec{
			Table: state.TableSpec{Key: keys}, Entry: sesLanes + o.a.width,
		}),
		timers: c.Store.Queue(c.Name+".timers", state.QueueSpec{Set: true}),
	}
}

// place is the order of times in a Sorted, and timeAt its opposite.
func timePlace(t int64) uint64 { return uint64(t) ^ 1<<63 }
func placeTime(w uint64) int64 { return int64(w ^ 1<<63) }

// merge adds the run of rows from lo to end-gap, with accumulators row, to the
// sessions that it touches.
func (x *sessionSet) merge(key state.Ref, lo, end int64, row []uint64) error {
	s := x.s
	p := s.First(key)
	for p.OK() && int64(s.Lanes(p)[sesEnd]) < lo {
		p = s.Next(p)
	}
	if !p.OK() || placeTime(s.Word(p)) > end {
		x.insert(key, lo, end, x.timer(key, end), row)
		return nil
	}
	if next := s.Next(p); placeTime(s.Word(p)) <= lo && len(x.a.blobs) == 0 &&
		!(next.OK() && placeTime(s.Word(next)) <= end) {
		// The usual case: one session that may grow at its end.
		lanes := s.Lanes(p)
		lanes[sesEnd] = uint64(max(int64(lanes[sesEnd]), end))
		if row != nil {
			x.one[0], x.two[0] = lanes[sesLanes:], row
			return x.a.merge(x.one[:], x.one[:], x.two[:])
		}
		return nil
	}
	clear(x.acc)
	x.one[0] = x.acc
	timer := batch.MaxWatermark
	for p.OK() && placeTime(s.Word(p)) <= end {
		lanes := s.Lanes(p)
		lo, end = min(lo, placeTime(s.Word(p))), max(end, int64(lanes[sesEnd]))
		timer = min(timer, int64(lanes[sesTimer]))
		x.two[0] = x.load(p)
		if err := x.a.merge(x.one[:], x.one[:], x.two[:]); err != nil {
			return err
		}
		p = s.Remove(p)
	}
	if row != nil {
		x.two[0] = row
		if err := x.a.merge(x.one[:], x.one[:], x.two[:]); err != nil {
			return err
		}
	}
	x.insert(key, lo, end, timer, x.acc)
	return nil
}

// timer sets the timer of a new session.
func (x *sessionSet) timer(key state.Ref, end int64) int64 {
	at := x.clock.fires(end)
	k := x.s.Keys().KeyOf(key, x.key[:0])
	x.key = k.Bytes
	x.timers.Add(at, k, nil)
	return at
}

func (x *sessionSet) insert(key state.Ref, start, end, timer int64, row []uint64) {
	x.blob = x.blob[:0]
	if row != nil {
		for _, l := range x.a.blobs {
			b := x.a.heap.Blob(row[l])
			x.blob = binary.AppendUvarint(x.blob, uint64(len(b)))
			x.blob = append(x.blob, b...)
		}
	}
	lanes := x.s.Lanes(x.s.Insert(key, timePlace(start), nil, x.blob))
	lanes[sesEnd], lanes[sesTimer] = uint64(end), uint64(timer)
	copy(lanes[sesLanes:], row)
}

// load gives the accumulators of a session, with references to the local heap. They
// are good until the list is changed, and must not be written.
func (x *sessionSet) load(p state.Pos) []uint64 {
	lanes := x.s.Lanes(p)[sesLanes:]
	if len(x.a.blobs) == 0 {
		return lanes
	}
	row := slices.Clone(lanes)
	rest := x.s.Payload(p)
	for _, l := range x.a.blobs {
		n, k := binary.Uvarint(rest)
		if row[l] = 0; k > 0 {
			row[l] = x.a.heap.Put(rest[k : k+int(n)])
			rest = rest[k+int(n):]
		}
	}
	return row
}

// touches reports that a row at wall-clock time t touches an open session of its
// key.
func (x *sessionSet) touches(b *batch.Batch, kv *batch.KeyVec, lane uint16, t int64) bool {
	x.lane[0] = lane
	x.s.Keys().Lookup(b, kv, x.lane[:], state.Read, x.refs[:], nil)
	key := x.refs[0]
	if key == state.None {
		return false
	}
	for p := x.s.First(key); p.OK(); p = x.s.Next(p) {
		if placeTime(x.s.Word(p)) <= t+x.gap && int64(x.s.Lanes(p)[sesEnd]) >= t {
			return true
		}
	}
	return false
}

// sessionRuns cuts the rows of a batch into runs: rows of one key that are one
// session among themselves.
type sessionRuns struct {
	run    []uint16 // of each row
	key    []uint16 // group of each run
	lo, hi []int64  // first and last time of each run
	order  []uint32
}

// byGroup makes a run of each group and reports whether one of them must be cut.
func (r *sessionRuns) byGroup(g *state.Grouper, lanes []uint16, times []int64, gap int64) (wide bool) {
	n := g.Len()
	r.key, r.lo, r.hi = r.key[:0], grow(r.lo, n), grow(r.hi, n)
	for k, l := range g.Reps {
		r.key = append(r.key, uint16(k))
		r.lo[k], r.hi[k] = times[l], times[l]
	}
	r.run = g.G[:len(lanes)]
	for i, l := range lanes {
		k, t := r.run[i], times[l]
		r.lo[k], r.hi[k] = min(r.lo[k], t), max(r.hi[k], t)
	}
	for k := range n {
		wide = wide || r.hi[k]-r.lo[k] > gap
	}
	return wide
}

// cut gives new runs to rows that come more than the gap after the one before.
func (r *sessionRuns) cut(g *state.Grouper, lanes []uint16, times []int64, gap int64) {
	r.run = slices.Clone(r.run)
	r.order = r.order[:0]
	for i, k := range g.G[:len(lanes)] {
		if r.hi[k]-r.lo[k] > gap {
			r.order = append(r.order, uint32(i))
		}
	}
	slices.SortFunc(r.order, func(a, b uint32) int {
		if d := cmp.Compare(g.G[a], g.G[b]); d != 0 {
			return d
		}
		return cmp.Compare(times[lanes[a]], times[lanes[b]])
	})
	run, last := uint16(0), -1
	for _, i := range r.order {
		k, t := g.G[i], times[lanes[i]]
		switch {
		case int(k) != last:
			run, last = k, int(k)
		case t-r.hi[run] > gap:
			run = uint16(len(r.key))
			r.key = append(r.key, k)
			r.lo, r.hi = append(r.lo, t), append(r.hi, t)
		}
		r.hi[run] = t
		r.run[i] = run
	}
}
