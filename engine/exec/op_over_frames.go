package exec

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function/aggregate"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// overFrames computes aggregates over frames. It is told which rows enter and leave
// the frame of a run, which is the rows that share a result: one of a ROWS frame, all
// of one time of a RANGE frame. Runs of one key come in order; their accumulators
// lie in the row of the key.
//
// Rows that leave are taken back from sums and counts. MIN, MAX, FIRST_VALUE and
// LAST_VALUE keep per key the rows that may still become the answer, in order.
type overFrames struct {
	a *aggCalls
	// args are the columns of the input that aggregates read, types theirs.
	args   []int
	types  []types.Type
	moving bool
	edges  []*overEdge
	table  *state.Table

	// The batch at hand.
	g    *state.Grouper
	cols []batch.Col
	x    batch.Batch
	back batch.Batch
	// The rows collected for a fold.
	lanes, runs, groups []uint16
	signs               []int64
	groupOf             []uint16 // by run
	says                []overSay
	bytes               []byte
	seeds               laneRows
	prev                []int
	base                [][]uint64
	part                []batch.Col
	// res are the results by run of the batch; n of them are there.
	res []batch.Col
	n   int
}

// overSay is a value of an edge from a run on.
type overSay struct {
	run, agg int
	from, to int // of bytes; to < from: no value
}

// overEdge is the first entry of a key's list: the answer of MIN, MAX, FIRST_VALUE or
// LAST_VALUE. A new value drops those before it that it beats.
type overEdge struct {
	agg    int
	arg    int // among the columns that aggregates read
	filter int // so too; -1 for none
	beats  func(old, new []byte) bool
	sorted *state.Sorted
	refs   []state.Ref
	last   []int // by group: the say before, or -1
	key    []byte
}

func edgeRule(name string) func(old, new []byte) bool {
	switch name {
	case "MIN":
		return func(old, new []byte) bool { return bytes.Compare(old, new) >= 0 }
	case "MAX":
		return func(old, new []byte) bool { return bytes.Compare(old, new) <= 0 }
	case "FIRST_VALUE":
		return func(_, _ []byte) bool { return false }
	case "LAST_VALUE":
		return func(_, _ []byte) bool { return true }
	}
	return nil
}

// newOverFrames makes the frames of aggregates over rows of an input. moving says
// that rows leave.
func newOverFrames(c *Ctx, input []types.Type, specs []AggSpec, moving bool) (*overFrames, error) {
	f := &overFrames{moving: moving}
	place := func(col int) int {
		i := slices.Index(f.args, col)
		if i < 0 {
			i = len(f.args)
			f.args, f.types = append(f.args, col), append(f.types, input[col])
		}
		return i
	}
	mapped := make([]AggSpec, len(specs))
	for i, s := range specs {
		s.Args = slices.Clone(s.Args)
		for k, col := range s.Args {
			s.Args[k] = place(col)
		}
		if s.Filter >= 0 {
			s.Filter = place(s.Filter)
		}
		mapped[i] = s
		if rule := edgeRule(s.builtin()); moving && rule != nil {
			f.edges = append(f.edges, &overEdge{agg: i, arg: s.Args[0], filter: s.Filter, beats: rule})
		}
	}
	var err error
	f.a, err = newAggCalls(mapped, aggOptions{c: c, input: f.types, retract: moving, edges: moving, emits: true})
	return f, err
}

// needsRows reports whether leaving rows are to be given.
func (f *overFrames) needsRows() bool { return f.moving && len(f.edges) < len(f.a.specs) }

// open makes the state beside the rows of keys.
func (f *overFrames) open(c *Ctx, table *state.Table, keys []types.Type, ttl int64) {
	f.table = table
	f.a.openDistinct(c, f.types, ttl, table)
	for i, e := range f.edges {
		e.sorted = c.Store.Sorted(c.Name+".edge."+strconv.Itoa(i), state.SortedSpec{Table: state.TableSpec{Key: keys, TTL: ttl}})
	}
}

func (f *overFrames) stateNames() []string {
	out := f.a.stateNames()
	for i := range f.edges {
		out = append(out, "edge."+strconv.Itoa(i))
	}
	return out
}

// beginKey starts a batch of one key.
func (f *overFrames) beginKey(k state.Key, g *state.Grouper) {
	f.g = g
	for _, e := range f.edges {
		e.refs = append(e.refs[:0], e.sorted.Keys().Get(k, state.Upsert))
	}
	f.reset()
}

// begin starts a dense batch whose keys are in g, with rows of the table.
func (f *overFrames) begin(b *batch.Batch, keys *batch.KeyVec, g *state.Grouper) {
	f.g = g
	f.columns(b, nil, nil)
	for _, e := range f.edges {
		e.refs = grow(e.refs, g.Len())
		e.sorted.Keys().Lookup(b, keys, g.Reps, state.Upsert, e.refs, nil)
	}
	f.reset()
}

// reset forgets results and what was collected.
func (f *overFrames) reset() {
	if len(f.res) != len(f.a.specs) {
		f.res, f.part = make([]batch.Col, len(f.a.specs)), make([]batch.Col, len(f.a.specs))
	}
	for i, s := range f.a.specs {
		f.res[i].Alloc(s.Result, 0)
	}
	f.n = 0
	f.groupOf = f.groupOf[:0]
	f.clear()
}

func (f *overFrames) clear() {
	f.lanes, f.runs, f.groups, f.signs = f.lanes[:0], f.runs[:0], f.groups[:0], f.signs[:0]
	f.says, f.bytes = f.says[:0], f.bytes[:0]
	for _, e := range f.edges {
		e.last = grow(e.last, f.g.Len())
		for i := range e.last {
			e.last[i] = -1
		}
	}
}

// openRun begins the next run, of a group, and returns its number.
func (f *overFrames) openRun(group uint16) int {
	f.groupOf = append(f.groupOf, group)
	return len(f.groupOf) - 1
}

func (f *overFrames) group() uint16 { return f.groupOf[len(f.groupOf)-1] }

// row adds (sign 1) or takes back (-1) the row in a lane.
func (f *overFrames) row(lane int, sign int64) {
	f.lanes, f.runs = append(f.lanes, uint16(lane)), append(f.runs, uint16(len(f.groupOf)-1))
	f.groups, f.signs = append(f.groups, f.group()), append(f.signs, sign)
}

// push enters the row in a lane of the columns at hand, which is at the place word,
// into the edges.
func (f *overFrames) push(lane int, word uint64) {
	for _, e := range f.edges {
		c := &f.x.Cols[e.arg]
		if c.IsNull(lane) {
			continue
		}
		if e.filter >= 0 {
			if c := &f.x.Cols[e.filter]; c.IsNull(lane) || !c.Bool(c.ValueLane(lane)) {
				continue
			}
		}
		ref := e.refs[f.group()]
		e.key = batch.AppendKey(e.key[:0], c, lane)
		for p := e.sorted.Last(ref); p.OK() && e.beats(e.sorted.Payload(p), e.key); p = e.sorted.Last(ref) {
			e.sorted.Remove(p)
		}
		e.sorted.Insert(ref, word, nil, e.key)
	}
}

// expire drops entries of the edges at places before low.
func (f *overFrames) expire(low uint64) {
	for _, e := range f.edges {
		ref := e.refs[f.group()]
		for p := e.sorted.First(ref); p.OK() && e.sorted.Word(p) < low; {
			p = e.sorted.Remove(p)
		}
	}
}

// say notes the values of the edges for a run, where they changed.
func (f *overFrames) say(run int) {
	for _, e := range f.edges {
		group := f.groupOf[run]
		s := overSay{run: run, agg: e.agg, from: len(f.bytes), to: -1}
		if p := e.sorted.First(e.refs[group]); p.OK() {
			f.bytes = append(f.bytes, e.sorted.Payload(p)...)
			s.to = len(f.bytes)
		}
		if k := e.last[group]; k >= 0 && f.sameSay(f.says[k], s) {
			f.bytes = f.bytes[:s.from]
			continue
		}
		e.last[group] = len(f.says)
		f.says = append(f.says, s)
	}
}

func (f *overFrames) sameSay(x, y overSay) bool {
	if x.to < x.from || y.to < y.from {
		return x.to < x.from && y.to < y.from
	}
	return bytes.Equal(f.bytes[x.from:x.to], f.bytes[y.from:y.to])
}

// columns are the columns that aggregates read: of the rows of b, then of the rows
// in back, in the form of codec.
func (f *overFrames) columns(b *batch.Batch, codec *state.Codec, back [][]byte) *batch.Batch {
	f.x.Sel, f.x.Kinds, f.x.Marks = nil, nil, nil
	if len(f.x.Cols) != len(f.args) {
		f.x.Cols = make([]batch.Col, len(f.args))
		f.cols = make([]batch.Col, len(f.args))
	}
	f.x.N = b.N + len(back)
	if len(back) == 0 {
		for i, k := range f.args {
			f.x.Cols[i] = b.Cols[k]
		}
		return &f.x
	}
	f.back.Alloc(f.types, len(back))
	codec.Decode(f.back.Cols, 0, nil, back)
	for i, k := range f.args {
		c := &f.cols[i]
		c.Alloc(f.types[i], 0)
		c.Append(0, &b.Cols[k], nil, b.N)
		c.Append(b.N, &f.back.Cols[i], nil, len(back))
		f.x.Cols[i] = *c
	}
	return &f.x
}

// decode makes the columns that aggregates read of whole rows in the form of codec.
func (f *overFrames) decode(codec *state.Codec, rows [][]byte) *batch.Batch {
	f.back.Alloc(f.types, len(rows))
	codec.Decode(f.back.Cols, 0, f.args, rows)
	f.x.Cols = append(f.x.Cols[:0], f.back.Cols...)
	f.x.N, f.x.Sel, f.x.Kinds, f.x.Marks = len(rows), nil, nil, nil
	return &f.x
}

// flush folds what was collected, whose lanes are those of x. The results of all
// runs are appended to res; unless done, the last run goes on and has none yet.
func (f *overFrames) flush(x *batch.Batch, done bool) error {
	a, first := f.a, f.n
	n := len(f.groupOf) - first
	if n == 0 || len(a.specs) == 0 {
		f.clear()
		return nil
	}
	a.heap.Reset()
	for i := range f.runs {
		f.runs[i] -= uint16(first)
	}
	signs := f.signs
	if !f.moving {
		signs = nil
	}
	rows := a.fold(&aggRun{
		b: x, lanes: f.lanes, g: f.runs, signs: signs, n: n, g2: f.groups, refs: f.g.Refs, exact: true,
	})
	for _, s := range f.says {
		var key []byte
		if s.to >= s.from {
			key = f.bytes[s.from:s.to]
		}
		a.accs[s.agg].(*aggregate.Latest).Set(rows[s.run-first][a.offs[s.agg]:], key, &a.heap)
	}
	seeds := a.load(&f.seeds, f.table, f.g.Refs)
	f.prev, f.base = grow(f.prev, f.g.Len()), grow(f.base, n)
	for k := range f.prev {
		f.prev[k] = -1
	}
	for i, k := range f.groupOf[first:] {
		if f.base[i] = seeds[k]; f.prev[k] >= 0 {
			f.base[i] = rows[f.prev[k]]
		}
		f.prev[k] = i
	}
	if err := a.merge(rows, f.base, rows); err != nil {
		return err
	}
	if !done {
		n--
	}
	if n > 0 {
		if err := a.final(f.part, rows[:n], &a.heap); err != nil {
			return err
		}
		for i := range f.part {
			f.res[i].Append(f.n, &f.part[i], nil, n)
		}
		f.n += n
	}
	for k, ref := range f.g.Refs {
		if i := f.prev[k]; i >= 0 {
			a.save(f.table, ref, rows[i], seeds[k])
		}
	}
	f.clear()
	return nil
}

// drop forgets what is kept of a key outside of its row.
func (f *overFrames) drop(k state.Key, ref state.Ref) {
	for _, d := range f.a.distinct {
		d.set.DropGroup(f.table.KeyGroup(ref), f.table.ID(ref))
	}
	for _, e := range f.edges {
		if r := e.sorted.Keys().Get(k, state.Write); r != state.None {
			e.sorted.Keys().Delete(r)
		}
	}
}
