package exec

import (
	"math"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// SnapshotJoinConfig describes a join of inserted rows with what a table holds when
// they pass.
type SnapshotJoinConfig struct {
	Type        JoinType // InnerJoin or LeftJoin
	Left, Right []types.Type
	JoinKeys
	// RightTime is the event-time column of the right input.
	RightTime int
	// LoadTime is the watermark of the right input, in milliseconds, at which the
	// table is loaded.
	LoadTime int64
	// Idle in milliseconds: the table is loaded, too, when the watermark of the right
	// input has not risen for so long. 0 waits for LoadTime.
	Idle int64
	// TTL in milliseconds: once the table is loaded, the rows of a key go that no
	// row of either input has had for so long. 0 keeps them.
	TTL int64
	Out []types.Type
}

// NewSnapshotJoin makes a LATERAL SNAPSHOT join.
//
// Changes of the right input (the build side) wait until its own watermark reaches
// their time, so that the two halves of an update are seen together. Rows of the left
// input (the probe side) wait while the table is loading. When the watermark of the
// right input reaches LoadTime, or has stood still for Idle, they meet the table, key by
// key; every later one meets it when it comes. The output only inserts. Its watermark is
// that of the left input, held back while rows wait.
func NewSnapshotJoin(cfg SnapshotJoinConfig) Operator { return &snapshotJoin{cfg: cfg} }

type snapshotJoin struct {
	cfg     SnapshotJoinConfig
	table   *state.MultiMap // rows of the right input
	waiting *state.Queue    // left rows while loading
	changes *state.Queue    // of the table, by time: a byte for the kind, then the columns
	loaded  *state.Counters // 1 + the processing time at which the table was loaded; 0 before
	marks   *state.Counters // the watermark of the right input as an unsigned number
	idle    keyClock        // keys of the table by last use, with a TTL

	since int64 // processing time at which the table was loaded; -1 before
	mark  int64 // watermark of the right input
	alarm int64 // processing time at which the right input counts as idle; 0 before its first sign

	codecs [2]*state.Codec
	cols   [2][]int
	res    *residual
	keys   batch.KeyVec // of the batch at hand
	taken  batch.KeyVec // of rows taken from a queue, maybe in the middle of that batch
	times  []int64
	kept   []uint16
	nulls  []uint16
	kbuf   []byte
	row    []byte
	due    state.Due
	list   [][]byte
	probe  state.Probe
	rows   joinRows
	left   batch.Batch
	right  batch.Batch
}

// Draw names the operator and its state.
func (j *snapshotJoin) Draw() Drawing {
	return Drawing{Name: "LateralSnapshotJoin", State: []string{"table", "waiting", "changes"}}
}

// Open makes the table and what waits. A task whose key groups come from tasks of which
// one was still loading is loading.
func (j *snapshotJoin) Open(c *Ctx) error {
	key := colTypes(j.cfg.Right, j.cfg.JoinKeys.Right)
	j.table = c.Store.MultiMap(c.Name+".table", state.MultiSpec{Key: key, Row: j.cfg.Right})
	j.waiting = c.Store.Queue(c.Name+".waiting", state.QueueSpec{})
	j.changes = c.Store.Queue(c.Name+".changes", state.QueueSpec{})
	j.loaded = c.Store.Counters(c.Name + ".loaded")
	j.marks = c.Store.Counters(c.Name + ".mark")
	if j.cfg.TTL > 0 {
		j.idle.open(c, key, j.cfg.TTL)
	}
	j.since, j.mark = math.MaxInt64, math.MaxInt64
	for g := c.KeyFrom; g < c.KeyTo; g++ {
		j.since = min(j.since, int64(*j.loaded.At(uint16(g)))-1)
		j.mark = min(j.mark, int64(*j.marks.At(uint16(g))^1<<63))
	}
	for s, ts := range [2][]types.Type{j.cfg.Left, j.cfg.Right} {
		j.codecs[s], j.cols[s] = state.NewCodec(ts), allCols(len(ts))
	}
	var err error
	j.res, err = newResidual(j.cfg.Residual, j.cfg.Left, j.cfg.Right, c)
	return err
}

func (j *snapshotJoin) loading() bool { return j.since < 0 }

// Process joins left rows, or lets them wait, and takes changes of the table.
func (j *snapshotJoin) Process(c *Ctx, in int, b *batch.Batch) error {
	if in == 1 {
		return j.change(c, b)
	}
	if b.Rows() == 0 {
		return nil
	}
	keys := keyVec(c, 0, b, j.cfg.JoinKeys.Left, &j.keys)
	if j.loading() {
		sel := b.Sel
		if j.cfg.Type == InnerJoin { // a NULL in the key meets nothing
			sel = j.matchable(0, b)
		}
		j.times = zeros(j.times, b.N)
		j.enqueue(j.waiting, 0, b, keys, sel)
		return nil
	}
	return j.join(c, b, keys)
}

// matchable is the selected lanes of b without a NULL that keeps them from a match.
func (j *snapshotJoin) matchable(in int, b *batch.Batch) []uint16 {
	sel, null := withoutNulls(b, j.cfg.of(in), j.cfg.NullSafe, j.kept[:0], j.nulls[:0])
	if len(null) > 0 {
		j.kept, j.nulls = sel, null
	}
	return sel
}

func zeros(s []int64, n int) []int64 {
	if cap(s) < n {
		return make([]int64, max(n, batch.MaxRows))[:n]
	}
	s = s[:n]
	clear(s)
	return s
}

// enqueue adds lanes of b to a queue, at j.times.
func (j *snapshotJoin) enqueue(q *state.Queue, in int, b *batch.Batch, keys *batch.KeyVec, sel []uint16) {
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	for i := range n {
		l := i
		if sel != nil {
			l = int(sel[i])
		}
		j.kbuf = j.kbuf[:0]
		for _, col := range j.cfg.of(in) {
			j.kbuf = batch.AppendKey(j.kbuf, &b.Cols[col], l)
		}
		j.row = append(j.row[:0], byte(b.Kind(l)))
		j.row = j.codecs[in].Append(j.row, b, j.cols[in], l)
		q.Add(j.times[l], state.Key{Group: keys.KG[l], Hash: keys.H[l], Bytes: j.kbuf}, j.row)
	}
}

// change queues changes of the table, and applies those whose time has come at each
// mark that matters: the one that loads the table, and the last.
func (j *snapshotJoin) change(c *Ctx, b *batch.Batch) error {
	j.sign(c)
	if b.Rows() == 0 {
		return nil
	}
	keys := keyVec(c, 1, b, j.cfg.JoinKeys.Right, &j.keys)
	j.times = append(j.times[:0], Millis(&b.Cols[j.cfg.RightTime], b.N, &j.times)...)
	last := b.LastMark()
	crosses := func(_, to int64) bool { return to == last || j.loading() && to >= j.cfg.LoadTime }
	seg := *b
	seg.Marks = nil
	for s := NewSegments(j.mark, b, crosses); s.Next(); {
		if s.Hi > s.Lo {
			seg.Sel = Lanes(b, s.Lo, s.Hi)
			j.enqueue(j.changes, 1, &seg, keys, j.matchable(1, &seg))
		}
		if s.Moved() {
			if err := j.SideWatermark(c, s.After); err != nil {
				return err
			}
		}
	}
	return nil
}

// SideWatermark applies the changes whose time has come. It ends loading when it reaches
// the time for that.
func (j *snapshotJoin) SideWatermark(c *Ctx, ts int64) error {
	if ts > j.mark {
		j.mark, j.alarm = ts, 0
		j.apply(c)
		if j.loading() && ts >= j.cfg.LoadTime {
			return j.load(c)
		}
	}
	j.sign(c)
	return nil
}

// sign notes that the right input has shown itself: from the first sign, and from each
// rise of its watermark, it is waited for.
func (j *snapshotJoin) sign(c *Ctx) {
	if j.loading() && j.cfg.Idle > 0 && j.alarm == 0 {
		j.alarm = c.Now() + j.cfg.Idle
		c.SetTimer(j.alarm)
	}
}

// apply puts changes up to the right input's watermark into the table.
func (j *snapshotJoin) apply(c *Ctx) {
	if m, ok := j.changes.Min(); !ok || m > j.mark {
		return
	}
	for more := true; more; {
		more = j.changes.Due(j.mark, batch.MaxRows, &j.due)
		b := j.decode(1, &j.right)
		keys := keyVec(c, 1, b, j.cfg.JoinKeys.Right, &j.taken)
		if j.cfg.TTL > 0 {
			j.idle.use(c, b, keys, nil, state.Upsert)
		}
		// Runs of additions go in together; a row is taken out by itself, in its place.
		for i := 0; i < b.N; {
			if !b.Kinds[i].Adds() {
				if j.table.Retract(b, keys, i, j.cols[1]) == 0 {
					c.Count("unmatchedBuildRetractions", 1)
				}
				i++
				continue
			}
			k := i + 1
			for k < b.N && b.Kinds[k].Adds() {
				k++
			}
			j.table.Insert(b, keys, batch.Span(i, k), j.cols[1], nil)
			i = k
		}
	}
}

// decode makes a batch of the rows that are due.
func (j *snapshotJoin) decode(in int, b *batch.Batch) *batch.Batch {
	ts := j.cfg.Left
	if in == 1 {
		ts = j.cfg.Right
	}
	n := len(j.due.Payload)
	j.list = j.list[:0]
	for _, p := range j.due.Payload {
		j.list = append(j.list, p[1:])
	}
	b.Alloc(ts, n)
	j.codecs[in].Decode(b.Cols, 0, nil, j.list)
	b.N = n
	kinds := b.AllocKinds()
	for i, p := range j.due.Payload {
		kinds[i] = batch.Kind(p[0])
	}
	return b
}

// load ends loading: the rows that wait meet the table.
func (j *snapshotJoin) load(c *Ctx) error {
	j.since = c.Now()
	for j.waiting.Len() > 0 {
		j.waiting.Due(0, batch.MaxRows, &j.due)
		b := j.decode(0, &j.left)
		b.Kinds = nil
		if err := j.join(c, b, keyVec(c, 0, b, j.cfg.JoinKeys.Left, &j.taken)); err != nil {
			return err
		}
	}
	return nil
}

// join emits left rows beside the rows of the table, in their order; with a left join
// those that meet none are padded.
func (j *snapshotJoin) join(c *Ctx, b *batch.Batch, keys *batch.KeyVec) error {
	sel := j.matchable(0, b)
	if j.cfg.TTL > 0 {
		j.idle.use(c, b, keys, sel, state.Write)
	}
	j.table.Probe(&j.probe, b, keys, sel)
	j.rows.reset()
	settled := 0 // rows of b that need no padding any more
	for more := true; more; {
		more = j.probe.Next(pairRows)
		if err := j.pairs(b, &settled); err != nil {
			return err
		}
		if len(j.rows.lanes) >= pairRows {
			if err := j.flush(c, b); err != nil {
				return err
			}
		}
	}
	j.pad(b, &settled, math.MaxUint16+1)
	return j.flush(c, b)
}

// pairs collects the pairs of the probe that meet the rest of the condition.
func (j *snapshotJoin) pairs(b *batch.Batch, settled *int) error {
	lanes, refs := j.probe.Lanes, j.probe.Refs
	if j.res == nil || len(lanes) == 0 {
		for i, l := range lanes {
			j.pad(b, settled, int(l))
			j.rows.add(batch.Insert, int(l), refs[i])
		}
		return nil
	}
	nl := len(j.cfg.Left)
	pass, err := j.res.test(len(lanes), func(dst []batch.Col, i int) {
		if i < nl {
			dst[0].Gather(&b.Cols[i], lanes, len(lanes))
			return
		}
		dst[0].Alloc(j.cfg.Right[i-nl], len(lanes))
		j.table.Decode(dst, 0, []int{i - nl}, refs)
	})
	for _, p := range pass {
		j.pad(b, settled, int(lanes[p]))
		j.rows.add(batch.Insert, int(lanes[p]), refs[p])
	}
	return err
}

// pad adds the rows before lane that have met nothing; lane itself meets something.
func (j *snapshotJoin) pad(b *batch.Batch, settled *int, lane int) {
	if j.cfg.Type != LeftJoin {
		return
	}
	n := b.Rows()
	for ; *settled < n && b.Lane(*settled) < lane; *settled++ {
		j.rows.add(batch.Insert, b.Lane(*settled), 0)
	}
	if *settled < n && b.Lane(*settled) == lane {
		*settled++
	}
}

// flush emits the rows collected.
func (j *snapshotJoin) flush(c *Ctx, b *batch.Batch) error {
	r, nl := &j.rows, len(j.cfg.Left)
	for from := 0; from < len(r.lanes); from += pairRows {
		to := min(len(r.lanes), from+pairRows)
		r.out.SetColumns(len(j.cfg.Out))
		r.out.N, r.out.Kinds = to-from, nil
		r.own(r.out.Cols[:nl], b, from, to, false)
		r.other(r.out.Cols[nl:], j.table, j.cfg.Right, j.cols[1], from, to, anyTrue(r.noRef[from:to]))
		for i := range r.out.Cols {
			r.out.Cols[i].Type = j.cfg.Out[i]
		}
		if err := c.Emit(&r.out); err != nil {
			return err
		}
	}
	r.reset()
	return nil
}

// Watermark is the left input's: nothing waits for it.
func (j *snapshotJoin) Watermark(*Ctx, int64) error { return nil }

// OutWatermark holds the left input's watermark back while its rows wait.
func (j *snapshotJoin) OutWatermark(ts int64) int64 {
	if j.loading() {
		return batch.NoWatermark
	}
	return ts
}

// Timer ends loading when the right input has been idle, and drops keys out of use.
func (j *snapshotJoin) Timer(c *Ctx, at int64) error {
	if j.loading() && j.alarm > 0 {
		if at < j.alarm {
			c.SetTimer(j.alarm)
		} else if err := j.load(c); err != nil {
			return err
		}
	}
	if j.cfg.TTL > 0 {
		for j.idle.expire(c, j.since) {
			j.drop(c)
		}
	}
	return nil
}

// drop takes the keys out of the table that j.idle has found out of use.
func (j *snapshotJoin) drop(c *Ctx) {
	n := len(j.idle.gone)
	if n == 0 {
		return
	}
	b, cols := &j.right, make([]batch.Col, len(j.cfg.JoinKeys.Right))
	b.Alloc(j.cfg.Right, n)
	state.KeysInto(cols, 0, j.idle.key, j.idle.gone)
	for i, k := range j.cfg.JoinKeys.Right {
		b.Cols[k] = cols[i]
	}
	j.table.Probe(&j.probe, b, keyVec(c, 1, b, j.cfg.JoinKeys.Right, &j.taken), nil)
	for more := true; more; {
		more = j.probe.Next(pairRows)
		j.rows.refs = append(j.rows.refs, j.probe.Refs...)
	}
	for _, ref := range j.rows.refs {
		j.table.Remove(ref)
	}
	j.rows.reset()
	c.Count("stateTTLEvictions", int64(n))
}

// Snapshot writes the phase and the right input's watermark for each key group.
func (j *snapshotJoin) Snapshot(c *Ctx) error {
	for g := c.KeyFrom; g < c.KeyTo; g++ {
		*j.loaded.At(uint16(g)), *j.marks.At(uint16(g)) = uint64(j.since+1), uint64(j.mark)^1<<63
	}
	return nil
}

// Close has nothing to release.
func (j *snapshotJoin) Close() error { return nil }
