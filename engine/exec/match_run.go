package exec

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	state "github.com/minkstream/mink/engine/state"
)

// matchRun matches the rows of one batch.
//
// Partial matches do not look at each other, so all of a batch, of all keys, move on
// together, a row each at a time (wave), and their conditions are computed in columns.
// Which matches count, and when each comes out, is worked out per key afterwards
// (settle): a first row has one outcome, and first rows are taken in order.
//
// Rows are numbered by x: those of a key lie side by side, kept ones before new ones.
type matchRun struct {
	o *match

	in     *batch.Batch
	times  []int64
	keys   *batch.KeyVec
	strict bool // conditions are computed for rows that a partial match came to alone

	// upTo is when partial matches end that have lasted too long.
	upTo   int64
	groups []matchGroup
	refs   []state.Ref // of the groups without rows of the batch
	rowOf  []uint32    // by x: the lane of eval.src
	laneOf []int32     // by x: the lane of the batch; -1 for kept rows
	xOf    []uint32    // by lane of the batch
	old    []batch.Col // kept columns of kept rows
	oldRow [][]byte
	// keyCols are the keys of the groups, when some have no rows of the batch.
	keyCols []batch.Col

	starts []matchStart
	bounds []uint32 // of complete matches: where each variable begins
	cur    matchPartials
	next   matchPartials
	saved  matchPartials
	holds  []uint64 // by partial: the variables whose conditions hold
	cand   []int32
	found  []matchFound
	index  []uint32
	blob   []byte
	key    []byte
}

// matchGroup is a key of the batch.
type matchGroup struct {
	ref   state.Ref
	key   state.Key // once it is asked for
	rep   uint16    // a lane of the key
	base  uint32    // x of its first row
	old   uint32    // kept rows
	end   uint32    // x behind its last row
	seq   uint64    // number of the row at base
	first int32     // its starts, in order, by matchStart.next; -1 for none
	last  int32
}

// What became of a first row.
const (
	matchAlive uint8 = iota
	matchDead
	matchDone
)

// matchStart is a row with which a match may begin.
type matchStart struct {
	x    uint32
	kind uint8
	time int64
	next int32
	g    uint32
	// at orders outcomes within the key: 2x+1 at row x, 2x before it. atTime is when.
	at     int64
	atTime int64
	// bounds is a place in matchRun.bounds, end the row behind the match; from and to
	// are the saved partial matches of a row that is alive.
	bounds   int
	end      uint32
	from, to int
}

// matchPartials are partial matches; those of one first row lie side by side. Bounds
// are where variables begin, up to the one that took the last row.
type matchPartials struct {
	list   []matchPartial
	bounds []uint32
}

type matchPartial struct {
	start int32 // -1: its first row is the one it comes to
	state int32
	row   uint32 // the row it comes to
	last  int32  // the variable that took the row before, or -1
}

func (p *matchPartials) reset() { p.list, p.bounds = p.list[:0], p.bounds[:0] }

// matchFound is a match to be put out.
type matchFound struct {
	start int32
	time  int64
	lane  int32 // of the row that brought it out, or -1
}

// never is before all times: no partial match has lasted too long then.
const never = math.MinInt64

// rows matches the rows of a dense batch, in order, and drops the partial matches that have
// lasted too long at upTo, among them those of the keys that are due. What either brings out
// comes by its time.
func (r *matchRun) rows(c *Ctx, in *batch.Batch, times []int64, due *state.Due, upTo int64) error {
	r.o.eval.frame.SetEnv(c)
	r.in, r.times, r.strict = in, times, false
	if err := r.collect(c, due, upTo); err == nil {
		return r.settleAll(c)
	} else if diag.As(err) == nil {
		return err
	}
	// A condition failed. It may have been computed for a row that no match gets to:
	// go on a row of each key at a time, and see.
	limit, ended := int64(never), (*state.Due)(nil)
	var ranks [][]uint16
	count := make([]int, len(r.groups))
	for l := range in.N {
		g := r.o.group.G[l]
		k := count[g]
		count[g]++
		if k == len(ranks) {
			ranks = append(ranks, nil)
		}
		ranks[k] = append(ranks[k], uint16(l))
	}
	var sub batch.Batch
	var at []int64
	for i, lanes := range ranks {
		if i == len(ranks)-1 {
			limit, ended = upTo, due
		}
		view := *in
		view.Sel, view.Keys = lanes, nil
		sub.Gather(&view, nil)
		at = at[:0]
		for _, l := range lanes {
			at = append(at, times[l])
		}
		r.in, r.times, r.strict = &sub, at, true
		if err := r.collect(c, ended, limit); err != nil {
			return err
		}
		if err := r.settleAll(c); err != nil {
			return err
		}
	}
	return nil
}

// expire drops the partial matches of the keys that are due that have lasted too long at upTo.
func (r *matchRun) expire(c *Ctx, due *state.Due, upTo int64) error {
	if len(due.TS) == 0 {
		return nil
	}
	r.o.eval.frame.SetEnv(c)
	r.in, r.times, r.keys, r.groups = nil, nil, nil, r.groups[:0]
	if r.ended(due, upTo); len(r.groups) == 0 {
		return nil
	}
	r.lay()
	if err := r.waves(); err != nil {
		return err
	}
	return r.settleAll(c)
}

// collect finds the outcome of all first rows.
func (r *matchRun) collect(c *Ctx, due *state.Due, upTo int64) error {
	o := r.o
	r.keys = o.keyVec(c, r.in)
	g := &o.group
	o.rows.Keys().Group(g, r.in, r.keys, nil, state.Write)
	r.groups = grow(r.groups, g.Len())
	for i := range r.groups {
		r.groups[i] = matchGroup{ref: g.Refs[i], rep: g.Reps[i], first: -1, last: -1}
	}
	for _, k := range g.G[:r.in.N] {
		r.groups[k].end++ // the number of new rows, for lay
	}
	r.ended(due, upTo)
	r.lay()
	if !r.strict {
		if err := o.eval.begin(r.in); err != nil {
			return err
		}
	}
	for l := range r.in.N {
		r.cur.list = append(r.cur.list, matchPartial{start: -1, row: r.xOf[l], last: -1})
	}
	r.cur.bounds = slices.Grow(r.cur.bounds, r.in.N*len(o.cfg.Vars))[:len(r.cur.list)*len(o.cfg.Vars)]
	return r.waves()
}

// ended adds the keys that are due, and have no rows in the batch, to the groups.
func (r *matchRun) ended(due *state.Due, upTo int64) {
	o := r.o
	r.upTo, r.refs = upTo, r.refs[:0]
	if due == nil || len(due.TS) == 0 {
		return
	}
	here := len(r.groups)
	r.index = r.index[:0]
	for i := range r.groups {
		r.index = append(r.index, uint32(r.groups[i].ref))
	}
	slices.Sort(r.index)
	table := o.rows.Keys()
	for i, k := range due.Keys {
		ref := table.Get(k, state.Write)
		if ref == state.None || table.Row(ref)[matchTimer] != timeWord(due.TS[i]) {
			continue
		}
		if _, found := slices.BinarySearch(r.index, uint32(ref)); !found {
			r.refs = append(r.refs, ref)
			r.groups = append(r.groups, matchGroup{ref: ref, key: k, first: -1, last: -1})
		}
	}
	if len(r.refs) == 0 {
		return
	}
	r.keyCols = grow(r.keyCols, len(o.cfg.PartitionBy))
	r.index = r.index[:0]
	for i := range r.groups[:here] {
		r.index = append(r.index, uint32(r.groups[i].rep))
	}
	for i, col := range o.cfg.PartitionBy {
		r.keyCols[i].Alloc(o.cfg.Input[col], 0)
		if here > 0 {
			r.keyCols[i].AppendIndex(0, &r.in.Cols[col], r.index, here)
		}
	}
	table.KeysInto(r.keyCols, here, r.refs)
}

// waves moves partial matches on until none comes to a row any more, and drops those that
// have lasted too long.
func (r *matchRun) waves() error {
	for len(r.cur.list) > 0 {
		if err := r.wave(); err != nil {
			return err
		}
	}
	within := r.o.cfg.Within
	if within == 0 || r.upTo == never {
		return nil
	}
	for i := range r.starts {
		if s := &r.starts[i]; s.kind == matchAlive && s.time+within <= r.upTo {
			s.kind, s.at, s.atTime = matchDead, 2*int64(r.groups[s.g].end), s.time+within
		}
	}
	return nil
}

// lay numbers the rows and brings in what was kept.
func (r *matchRun) lay() {
	o := r.o
	r.starts, r.bounds, r.found, r.oldRow = r.starts[:0], r.bounds[:0], r.found[:0], r.oldRow[:0]
	r.cur.reset()
	r.saved.reset()
	x := uint32(0)
	table := o.rows.Keys()
	for i := range r.groups {
		g := &r.groups[i]
		fresh := g.end
		g.base = x
		if g.ref != state.None {
			row := table.Row(g.ref)
			g.seq = row[matchSeq]
			r.decode(uint32(i), g, table.Blob(row[matchStarts]))
			if len(o.eval.kept) > 0 {
				for p := o.rows.First(g.ref); p.OK(); p = o.rows.Next(p) {
					r.oldRow = append(r.oldRow, o.rows.Payload(p))
				}
			}
		}
		x = g.base + g.old + fresh
		g.end = x
	}
	r.rowOf, r.laneOf = grow(r.rowOf, int(x)), grow(r.laneOf, int(x))
	old := uint32(1)
	for i := range r.groups {
		g := &r.groups[i]
		for k := range g.old {
			r.rowOf[g.base+k], r.laneOf[g.base+k] = 0, -1
			if len(o.eval.kept) > 0 {
				r.rowOf[g.base+k] = old
				old++
			}
		}
	}
	n := len(r.oldRow)
	if n > 0 {
		r.old = grow(r.old, len(o.eval.kept))
		for k, col := range o.eval.kept {
			r.old[k].Alloc(o.cfg.Input[col], n)
		}
		o.kept.Decode(r.old, 0, nil, r.oldRow)
	}
	o.eval.load(r.in, r.old, n)
	if r.in == nil {
		return
	}
	r.xOf, r.index = grow(r.xOf, r.in.N), grow(r.index, len(r.groups))
	for i := range r.groups {
		r.index[i] = r.groups[i].base + r.groups[i].old
	}
	for l, g := range o.group.G[:r.in.N] {
		at := r.index[g]
		r.index[g]++
		r.xOf[l], r.laneOf[at], r.rowOf[at] = at, int32(l), uint32(1+n+l)
	}
}

// wave moves each partial match on by the row it comes to.
func (r *matchRun) wave() error {
	if err := r.test(); err != nil {
		return err
	}
	vars := len(r.o.cfg.Vars)
	r.next.reset()
	cur := r.cur.list
	for i := 0; i < len(cur); {
		j := i + 1
		for cur[i].start >= 0 && j < len(cur) && cur[j].start == cur[i].start {
			j++
		}
		if x := cur[i].row; cur[i].start >= 0 && x >= r.groups[r.starts[cur[i].start].g].end {
			r.save(i, j)
			i = j
			continue
		}
		r.move(i, j, vars)
		i = j
	}
	r.cur, r.next = r.next, r.cur
	return nil
}

// save puts the partial matches [i, j) of a first row away: they wait for more rows.
func (r *matchRun) save(i, j int) {
	s := &r.starts[r.cur.list[i].start]
	vars := len(r.o.cfg.Vars)
	s.from = len(r.saved.list)
	r.saved.list = append(r.saved.list, r.cur.list[i:j]...)
	r.saved.bounds = append(r.saved.bounds, r.cur.bounds[i*vars:j*vars]...)
	s.to = len(r.saved.list)
}

// move takes the edges that are open to the partial matches [i, j) of a first row.
func (r *matchRun) move(i, j, vars int) {
	x := r.cur.list[i].row
	start := r.cur.list[i].start
	if start >= 0 && r.o.cfg.Within > 0 {
		s := &r.starts[start]
		if r.times[r.laneOf[x]]-s.time >= r.o.cfg.Within {
			s.kind, s.at, s.atTime = matchDead, 2*int64(x), s.time+r.o.cfg.Within
			return
		}
	}
	mark := len(r.next.list)
	for k := i; k < j; k++ {
		p := &r.cur.list[k]
		holds := r.holds[k]
		for e := range r.o.states[p.state].edges {
			edge := &r.o.states[p.state].edges[e]
			if holds>>edge.v&1 == 0 || holds&edge.not != 0 {
				continue
			}
			if start < 0 {
				start = r.begin(x)
			}
			at := len(r.next.bounds)
			r.next.bounds = append(r.next.bounds, r.cur.bounds[k*vars:(k+1)*vars]...)
			b := r.next.bounds[at:]
			for u := int(p.last) + 1; u <= edge.v; u++ {
				b[u] = x
			}
			if edge.ends && holds&edge.endNot == 0 {
				r.done(start, b, edge.v, x)
				r.next.list, r.next.bounds = r.next.list[:mark], r.next.bounds[:mark*vars]
				return
			}
			r.next.list = append(r.next.list, matchPartial{start: start, state: int32(edge.to), row: x + 1, last: int32(edge.v)})
		}
	}
	if start >= 0 && len(r.next.list) == mark {
		s := &r.starts[start]
		s.kind, s.at, s.atTime = matchDead, 2*int64(x)+1, r.times[r.laneOf[x]]
	}
}

// begin notes that a match may begin with row x.
func (r *matchRun) begin(x uint32) int32 {
	lane := r.laneOf[x]
	return r.addStart(matchStart{x: x, time: r.times[lane], g: uint32(r.o.group.G[lane])})
}

func (r *matchRun) addStart(s matchStart) int32 {
	n := int32(len(r.starts))
	s.next = -1
	r.starts = append(r.starts, s)
	if g := &r.groups[s.g]; g.first < 0 {
		g.first, g.last = n, n
	} else {
		r.starts[g.last].next = n
		g.last = n
	}
	return n
}

// done notes that the match of a first row is complete with row x for variable v.
func (r *matchRun) done(start int32, b []uint32, v int, x uint32) {
	s := &r.starts[start]
	s.kind, s.at, s.atTime = matchDone, 2*int64(x)+1, r.times[r.laneOf[x]]
	s.bounds, s.end = len(r.bounds), x+1
	r.bounds = append(r.bounds, b...)
	for u := v + 1; u < len(b); u++ {
		r.bounds[s.bounds+u] = x + 1
	}
}

// settleAll puts out the matches of all keys and keeps what is left.
func (r *matchRun) settleAll(c *Ctx) error {
	for i := range r.groups {
		g := &r.groups[i]
		rest, err := r.settle(g)
		if err != nil {
			return err
		}
		r.keep(c, g, rest)
	}
	if len(r.found) == 0 {
		return nil
	}
	slices.SortStableFunc(r.found, func(a, b matchFound) int {
		if d := cmp.Compare(a.time, b.time); d != 0 {
			return d
		}
		if !r.o.waits() {
			return cmp.Compare(a.lane, b.lane) // as rows come
		}
		return r.compareKeys(r.starts[a.start].g, r.starts[b.start].g)
	})
	for from := 0; from < len(r.found); from += batch.MaxRows {
		if err := r.emit(c, r.found[from:min(len(r.found), from+batch.MaxRows)]); err != nil {
			return err
		}
	}
	return nil
}

// settle goes through the first rows of a key in order. One that may still be in a
// match holds up those behind it; a match drops those before the place it goes on at.
func (r *matchRun) settle(g *matchGroup) (rest int32, err error) {
	now, time := int64(math.MinInt64), int64(0)
	floor := uint32(0)
	s := g.first
	for ; s >= 0; s = r.starts[s].next {
		st := &r.starts[s]
		if st.x < floor {
			continue
		}
		if st.kind == matchAlive {
			break
		}
		// Rows whose time is over are told by one row, each with its own end.
		if st.at > now || st.at == now && st.atTime > time {
			now, time = st.at, st.atTime
		}
		if st.kind == matchDone {
			r.found = append(r.found, matchFound{start: s, time: time, lane: r.causeOf(now)})
			if floor, err = r.skip(st); err != nil {
				return -1, err
			}
		}
	}
	return s, nil
}

// causeOf is the lane of the row of an outcome, or -1 for the end of some time.
func (r *matchRun) causeOf(at int64) int32 {
	if r.in == nil || at < 0 || at&1 == 0 {
		return -1
	}
	return r.laneOf[at>>1]
}

// compareKeys orders keys as timers do, by key group and bytes.
func (r *matchRun) compareKeys(a, b uint32) int {
	if a == b {
		return 0
	}
	x, y := r.keyOf(a), r.keyOf(b)
	if d := cmp.Compare(x.Group, y.Group); d != 0 {
		return d
	}
	return bytes.Compare(x.Bytes, y.Bytes)
}

func (r *matchRun) keyOf(g uint32) state.Key {
	k := &r.groups[g].key
	if k.Bytes == nil && r.keys != nil {
		*k = state.MakeKey(r.in, r.keys, int(r.groups[g].rep), nil)
	}
	return *k
}

// skip is the row at which matching goes on after a match.
func (r *matchRun) skip(s *matchStart) (uint32, error) {
	cfg := &r.o.cfg
	switch cfg.Skip {
	case SkipToNextRow:
		return s.x + 1, nil
	case SkipPastLastRow:
		return s.end, nil
	}
	span := r.span(s, cfg.SkipVar)
	word, to := "FIRST", span.lo
	if cfg.Skip == SkipToLast {
		word, to = "LAST", span.hi-1
	}
	if span.lo == span.hi {
		return 0, diag.New(diag.InvalidArgument, "AFTER MATCH SKIP TO %s: the match has no row of that variable", word).
			WithHint("skip to a variable that is in every match, or use AFTER MATCH SKIP PAST LAST ROW")
	}
	if to == s.x {
		return 0, diag.New(diag.InvalidArgument, "AFTER MATCH SKIP TO %s goes back to the first row of the match, which would match again for ever", word).
			WithHint("skip to a later variable, or use AFTER MATCH SKIP TO NEXT ROW")
	}
	return to, nil
}

// span are the rows of variable u of a match; -1 is all.
func (r *matchRun) span(s *matchStart, u int) matchSpan {
	if u < 0 {
		return matchSpan{s.x, s.end}
	}
	vars := len(r.o.cfg.Vars)
	out := matchSpan{r.bounds[s.bounds+u], s.end}
	if u+1 < vars {
		out.hi = r.bounds[s.bounds+u+1]
	}
	return out
}
