package exec

import (
	"bytes"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// overBatch is OVER over bounded input: rows lie sorted by key until the input has
// ended, then each partition is walked with its frames.
type overBatch struct {
	cfg    OverConfig
	calls  *overCalls
	frames *overFrames
	rows   *state.Sorted
	order  *state.Ordering
	cols   []int
	all    []int
	codec  *state.Codec

	keys   batch.KeyVec
	group  state.Grouper
	place  []byte
	row    []byte
	cursor *state.Cursor

	// The partition at hand.
	part overPart
	out  batch.Batch
	// Rows that enter and leave, to be folded together, and what edges are told.
	pend  [][]byte
	adds  []overAdd
	marks []overMark
	// Scratch of emission.
	index, index2 []uint32
	picked        [][]byte
	one           batch.Batch
}

// overAdd is a row that enters: its lane among those folded together, and its place.
type overAdd struct {
	lane int
	word uint64
}

// overMark ends a run: its number, the rows that have entered, the first place that
// stays.
type overMark struct {
	run, adds int
	low       uint64
}

// overPart is a partition in order.
type overPart struct {
	rows [][]byte
	// peers[i] is the first row that sorts like row i, dense the number of different
	// places before it.
	peers, dense []int
	ends         []int    // behind the last peer
	keys         overKeys // of RANGE frames with a distance
}

// Draw names the operator and its state.
func (o *overBatch) Draw() Drawing {
	return Drawing{Name: "OverAggregate", State: []string{"rows"}}
}

// Open makes the sorted rows.
func (o *overBatch) Open(c *Ctx) error {
	cfg := &o.cfg
	var err error
	if o.calls, err = newOverCalls(cfg); err != nil {
		return err
	}
	if o.frames, err = newOverFrames(c, cfg.Input, o.calls.aggs, cfg.Lo.Kind != OverUnboundedPreceding); err != nil {
		return err
	}
	if o.measures() {
		if o.part.keys, err = newOverKeys(cfg.Input[cfg.OrderBy[0].Col], cfg.Scale); err != nil {
			return err
		}
	}
	o.order, o.cols = ordering(cfg.Input, cfg.OrderBy)
	o.codec, o.all = state.NewCodec(cfg.Input), allCols(len(cfg.Input))
	keyTypes := colTypes(cfg.Input, cfg.PartitionBy)
	o.rows = c.Store.Sorted(c.Name+".rows", state.SortedSpec{Table: state.TableSpec{
		Key: keyTypes, Lanes: o.frames.a.width, Blobs: o.frames.a.blobs,
	}})
	o.frames.open(c, o.rows.Keys(), keyTypes, 0)
	return nil
}

// measures reports whether a bound is a distance away.
func (o *overBatch) measures() bool {
	far := func(b OverBound) bool { return b.Kind == OverPreceding || b.Kind == OverFollowing }
	return !o.cfg.Rows && (far(o.cfg.Lo) || far(o.cfg.Hi))
}

// Process puts rows in their places, and takes back those that a join below gave too
// early.
func (o *overBatch) Process(c *Ctx, _ int, b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	var keys *batch.KeyVec
	if len(o.cfg.PartitionBy) > 0 {
		keys = keyVec(c, 0, b, o.cfg.PartitionBy, &o.keys)
	}
	g := &o.group
	o.rows.Keys().Group(g, b, keys, b.Sel, state.Upsert)
	for i := range b.Rows() {
		l := b.Lane(i)
		word, rest := o.order.Append(o.place[:0], b, o.cols, l)
		o.place = rest
		o.row = o.codec.Append(o.row[:0], b, o.all, l)
		ref := g.Refs[g.G[i]]
		if b.Kind(l).Adds() {
			o.rows.Insert(ref, word, rest, o.row)
			continue
		}
		removeEqual(o.rows, ref, word, rest, o.row)
	}
	return nil
}

// Finish gives out the partitions in order of their keys.
func (o *overBatch) Finish(c *Ctx) error {
	o.cursor = o.rows.Keys().Cursor()
	_, err := o.Resume(c)
	return err
}

// Resume gives out more partitions.
func (o *overBatch) Resume(c *Ctx) (bool, error) {
	var ref [1]state.Ref
	for o.cursor != nil {
		if o.cursor.Next(ref[:]) == 0 {
			o.cursor = nil
			break
		}
		if err := o.partition(c, ref[0]); err != nil {
			return false, err
		}
		if c.Yield() {
			return true, nil
		}
	}
	return false, nil
}

// partition gives out one partition and forgets it.
func (o *overBatch) partition(c *Ctx, ref state.Ref) error {
	t := o.rows.Keys()
	t.Touch(ref)
	if err := o.load(ref); err != nil {
		return err
	}
	key := t.KeyOf(ref, nil)
	o.group.Refs, o.group.Reps = append(o.group.Refs[:0], ref), append(o.group.Reps[:0], 0)
	o.frames.beginKey(key, &o.group)
	for _, s := range o.calls.shifts {
		s.listed = false
	}
	n := len(o.part.rows)
	lo, hi, from := 0, 0, 0
	for i := 0; i < n; {
		end := i + 1
		if !o.cfg.Rows {
			end = o.part.ends[i]
		}
		if err := o.frame(i, &lo, &hi); err != nil {
			return err
		}
		if i = end; i-from >= batch.MaxRows || i == n {
			if err := o.settle(true); err != nil {
				return err
			}
			if err := o.emit(c, from, i); err != nil {
				return err
			}
			o.frames.reset()
			from = i
		}
	}
	o.frames.drop(key, ref)
	t.Delete(ref)
	return nil
}

// load reads the rows of a partition.
func (o *overBatch) load(ref state.Ref) error {
	p := &o.part
	p.rows, p.peers, p.dense, p.ends = p.rows[:0], p.peers[:0], p.dense[:0], p.ends[:0]
	var word uint64
	var rest []byte
	first, dense := 0, -1
	for at := o.rows.First(ref); at.OK(); at = o.rows.Next(at) {
		if w, r := o.rows.Word(at), o.rows.Rest(at); dense < 0 || w != word || !bytes.Equal(r, rest) {
			word, rest = w, append(rest[:0], r...)
			first = len(p.rows)
			dense++
		}
		p.rows = append(p.rows, o.rows.Payload(at))
		p.peers, p.dense = append(p.peers, first), append(p.dense, dense)
	}
	n := len(p.rows)
	p.ends = grow(p.ends, n)
	for i := n - 1; i >= 0; i-- {
		if p.ends[i] = i + 1; i+1 < n && p.peers[i+1] == p.peers[i] {
			p.ends[i] = p.ends[i+1]
		}
	}
	if !o.measures() {
		return nil
	}
	col := o.cfg.OrderBy[0].Col
	return p.keys.load(p.rows, func(dst []batch.Col, rows [][]byte) { o.codec.Decode(dst, 0, []int{col}, rows) })
}

// frame moves the frame, rows [lo, hi) so far, to that of row i.
func (o *overBatch) frame(i int, lo, hi *int) error {
	n := len(o.part.rows)
	newLo, newHi := o.bound(o.cfg.Lo, i, *lo, false), o.bound(o.cfg.Hi, i, *hi, true)
	newLo, newHi = min(max(newLo, *lo), n), min(max(newHi, *hi), n)
	f := o.frames
	run := f.openRun(0)
	// Old rows go first, and rows that the frame jumps over are left out.
	for ; *lo < min(newLo, *hi); *lo++ {
		if f.needsRows() {
			if err := o.add(*lo, -1); err != nil {
				return err
			}
		}
	}
	*lo, *hi = newLo, max(*hi, newLo)
	for ; *hi < newHi; *hi++ {
		if len(f.edges) > 0 {
			o.adds = append(o.adds, overAdd{len(o.pend), uint64(*hi)})
		}
		if err := o.add(*hi, 1); err != nil {
			return err
		}
	}
	if f.moving {
		o.marks = append(o.marks, overMark{run, len(o.adds), uint64(newLo)})
	}
	return nil
}

// bound is where a frame begins, or with end the row behind its end. from is where
// it was for the row before: bounds never go back.
func (o *overBatch) bound(b OverBound, i, from int, end bool) int {
	p, n := &o.part, len(o.part.rows)
	one := 0
	if end {
		one = 1
	}
	switch b.Kind {
	case OverUnboundedPreceding:
		return 0
	case OverUnboundedFollowing:
		return n
	case OverCurrentRow:
		switch {
		case o.cfg.Rows:
			return i + one
		case end:
			return p.ends[i]
		}
		return p.peers[i]
	}
	off := b.Offset
	if b.Kind == OverPreceding {
		off = -off
	}
	if o.cfg.Rows {
		if off < -int64(n) {
			return 0
		}
		return int(min(int64(n), max(0, int64(i)+off+int64(one))))
	}
	if p.keys.null[i] {
		if end {
			return p.ends[i]
		}
		return p.peers[i]
	}
	// The first row that is not before the bound, or behind it.
	desc := o.cfg.OrderBy[0].Desc
	for from < n && (p.keys.null[from] && from < i || !p.keys.null[from] && p.keys.passed(from, i, off, desc, end)) {
		from++
	}
	return from
}

// add notes that a row of the partition enters or leaves.
func (o *overBatch) add(i int, sign int64) error {
	o.frames.row(len(o.pend), sign)
	if o.pend = append(o.pend, o.part.rows[i]); len(o.pend) < overLeave {
		return nil
	}
	return o.settle(false)
}

// settle folds what was noted.
func (o *overBatch) settle(done bool) error {
	f := o.frames
	x := f.decode(o.codec, o.pend)
	at := 0
	for _, m := range o.marks {
		for ; at < m.adds; at++ {
			f.push(o.adds[at].lane, o.adds[at].word)
		}
		f.expire(m.low)
		f.say(m.run)
	}
	for ; at < len(o.adds); at++ {
		f.push(o.adds[at].lane, o.adds[at].word)
	}
	o.pend, o.adds, o.marks = o.pend[:0], o.adds[:0], o.marks[:0]
	return f.flush(x, done)
}

// emit gives out rows [from, to) of the partition, whose runs are in the results.
func (o *overBatch) emit(c *Ctx, from, to int) error {
	base := from
	for ; from < to; from += batch.MaxRows {
		if err := o.emitPart(c, base, from, min(to, from+batch.MaxRows)); err != nil {
			return err
		}
	}
	return nil
}

func (o *overBatch) emitPart(c *Ctx, base, from, to int) error {
	n, k := to-from, len(o.cfg.Input)
	o.out.SetColumns(k + len(o.cfg.Calls))
	for i, t := range o.cfg.Input {
		o.out.Cols[i].Alloc(t, n)
	}
	in := o.out.Cols[:k]
	o.codec.Decode(in, 0, nil, o.part.rows[from:to])
	o.index = grow(o.index, n)
	for i := range n {
		if o.index[i] = uint32(from + i - base); !o.cfg.Rows {
			o.index[i] = uint32(o.part.dense[from+i] - o.part.dense[base])
		}
	}
	for i, p := range o.calls.places {
		dst := &o.out.Cols[k+i]
		dst.Alloc(o.cfg.Calls[i].Result, 0)
		var err error
		switch {
		case p.agg >= 0:
			dst.AppendIndex(0, &o.frames.res[p.agg], o.index, n)
		case p.shift >= 0:
			err = o.shift(dst, o.calls.shifts[p.shift], in, from, to)
		default:
			dst.Alloc(o.cfg.Calls[i].Result, n)
			err = o.part.rank(dst, &o.calls.ranks[p.rank], in, from, to)
		}
		if err != nil {
			return err
		}
	}
	o.out.N = n
	return c.Emit(&o.out)
}

// shift computes LAG or LEAD of rows [from, to), whose columns are in.
func (o *overBatch) shift(dst *batch.Col, s *overShift, in []batch.Col, from, to int) error {
	p, n := &o.part, to-from
	if s.skip && !s.listed {
		o.listValues(s)
	}
	o.picked, o.index2 = o.picked[:0], grow(o.index2, n)
	for i := range n {
		d, err := s.distance(in, i)
		if err != nil {
			return err
		}
		j, ok := s.target(from+i, d, len(p.rows))
		if !ok {
			o.index2[i] = missing
			continue
		}
		o.index2[i] = uint32(len(o.picked))
		o.picked = append(o.picked, p.rows[j])
	}
	m := len(o.picked)
	s.from.Alloc(s.in.Nullable(true), 0)
	if m > 0 {
		o.one.Alloc([]types.Type{s.in.Nullable(true)}, m)
		o.codec.Decode(o.one.Cols, 0, []int{s.value}, o.picked)
		s.from.Append(0, &o.one.Cols[0], nil, m)
	}
	if s.def >= 0 {
		s.from.Append(m, &in[s.def], nil, n)
	} else {
		s.from.AppendNulls(m, 1)
	}
	for i, x := range o.index2 {
		if x == missing {
			o.index2[i] = s.defaultAt(m, i)
		}
	}
	dst.AppendIndex(0, &s.from, o.index2, n)
	return nil
}

// missing marks a row whose result is the default.
const missing = ^uint32(0)

// listValues finds the rows of the partition whose value is not NULL.
func (o *overBatch) listValues(s *overShift) {
	s.listed = true
	s.values, s.before = s.values[:0], s.before[:0]
	n := len(o.part.rows)
	for from := 0; from < n; from += batch.MaxRows {
		part := o.part.rows[from:min(n, from+batch.MaxRows)]
		o.one.Alloc([]types.Type{s.in}, len(part))
		o.codec.Decode(o.one.Cols, 0, []int{s.value}, part)
		for i := range part {
			s.before = append(s.before, len(s.values))
			if !o.one.Cols[0].IsNull(i) {
				s.values = append(s.values, from+i)
			}
		}
	}
}

// rank computes a function of position for rows [from, to), whose columns are in.
func (p *overPart) rank(dst *batch.Col, r *overRank, in []batch.Col, from, to int) error {
	total := len(p.rows)
	for i := from; i < to; i++ {
		switch r.fn {
		case "ROW_NUMBER":
			dst.I64[i-from] = int64(i) + 1
		case "RANK":
			dst.I64[i-from] = int64(p.peers[i]) + 1
		case "DENSE_RANK":
			dst.I64[i-from] = int64(p.dense[i]) + 1
		case "PERCENT_RANK":
			if dst.F64[i-from] = 0; total > 1 {
				dst.F64[i-from] = float64(p.peers[i]) / float64(total-1)
			}
		case "CUME_DIST":
			dst.F64[i-from] = float64(p.ends[i]) / float64(total)
		default:
			b, err := ntile(&in[r.arg], i-from, int64(i), int64(total))
			if err != nil {
				return err
			}
			dst.I64[i-from] = b
		}
	}
	return nil
}

// ntile is the bucket of row i of n, when the first buckets take what is left over.
func ntile(arg *batch.Col, lane int, i, n int64) (int64, error) {
	if arg.IsNull(lane) || arg.Int(lane) < 1 {
		return 0, diag.New(diag.InvalidArgument, "NTILE takes a number of buckets that is at least 1")
	}
	k := arg.Int(lane)
	size, more := n/k, n%k
	if big := more * (size + 1); i >= big {
		return more + (i-big)/size + 1, nil
	}
	return i/(size+1) + 1, nil
}

// Watermark changes nothing.
func (o *overBatch) Watermark(*Ctx, int64) error { return nil }

// Timer is not used.
func (o *overBatch) Timer(*Ctx, int64) error { return nil }

// Snapshot has nothing outside of the store.
func (o *overBatch) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (o *overBatch) Close() error { return nil }

// removeEqual removes one entry at a place that has the payload.
func removeEqual(s *state.Sorted, ref state.Ref, word uint64, rest, payload []byte) {
	for p := s.Seek(ref, word, rest); p.OK() && s.Word(p) == word; p = s.Next(p) {
		if string(s.Payload(p)) == string(payload) {
			s.Remove(p)
			return
		}
	}
}
