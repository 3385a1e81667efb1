package exec

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// TemporalJoinConfig describes a join of rows with the versions of a table that were
// valid at the rows' own times.
type TemporalJoinConfig struct {
	Type        JoinType // InnerJoin or LeftJoin
	Left, Right []types.Type
	// JoinKeys: the right keys are the key of the table. Equalities with other columns
	// are part of the residual, since a version ends the one before it whatever they
	// hold.
	JoinKeys
	// LeftTime and RightTime are the columns of event time.
	LeftTime, RightTime int
	// Ordered: rows of the left input may be taken back, so those of one key that leave
	// at one watermark leave in the order they came, not by time.
	Ordered bool
	Out     []types.Type
	// TTL of the versions of a key in milliseconds after the last row of the key on
	// either side; 0 keeps the last version for ever.
	TTL int64
}

// NewTemporalJoin makes an event-time temporal join.
//
// Rows of the left input (the probe side) wait until the watermark passes their time.
// Then each meets the newest version of its key that is not younger than the row: a
// row of the right input is a version from its own time on, a -D the end of the
// versions before it, and a -U says nothing, since its +U follows. Kinds of left rows
// pass through. A left row behind the watermark is late: it is dropped and counted. Of
// the versions behind the watermark the last one of a key is kept.
func NewTemporalJoin(cfg TemporalJoinConfig) Operator { return &temporalJoin{cfg: cfg} }

type temporalJoin struct {
	cfg      TemporalJoinConfig
	waiting  *state.Queue  // left rows by time: a byte for the kind, then the columns
	versions *state.Sorted // by key, at their times; lane 0: the table has no row from here on
	old      *state.Queue  // keys, at times when a version makes those before it needless
	codecs   [2]*state.Codec
	cols     [2][]int
	res      *residual

	keys  batch.KeyVec
	probe batch.KeyVec // of j.left
	group state.Grouper
	times []int64
	kept  []uint16
	late  []uint16
	row   []byte
	kbuf  []byte
	due   state.Due
	order []uint32
	list  [][]byte
	refs  []state.Ref
	fresh []uint64

	left  batch.Batch
	right batch.Batch
	rows  [][]byte
	lanes []uint16 // of left, that found a version
	index []uint32 // into right, by lane of left
	pick  []uint32 // into right, by lane of out
	pad   []bool
	out   batch.Batch
}

// Draw names the operator and its state.
func (j *temporalJoin) Draw() Drawing {
	return Drawing{Name: "TemporalJoin", State: []string{"left", "versions", "old"}}
}

// Open makes the queues and the versions.
func (j *temporalJoin) Open(c *Ctx) error {
	j.waiting = c.Store.Queue(c.Name+".left", state.QueueSpec{})
	j.old = c.Store.Queue(c.Name+".old", state.QueueSpec{Set: true})
	j.versions = c.Store.Sorted(c.Name+".versions", state.SortedSpec{
		Table: state.TableSpec{Key: colTypes(j.cfg.Right, j.cfg.JoinKeys.Right), TTL: j.cfg.TTL}, Entry: 1,
	})
	for s, ts := range [2][]types.Type{j.cfg.Left, j.cfg.Right} {
		j.codecs[s], j.cols[s] = state.NewCodec(ts), allCols(len(ts))
	}
	var err error
	j.res, err = newResidual(j.cfg.Residual, j.cfg.Left, j.cfg.Right, c)
	return err
}

// Process lets left rows wait and takes versions.
func (j *temporalJoin) Process(c *Ctx, in int, b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	col := j.cfg.LeftTime
	if in == 1 {
		col = j.cfg.RightTime
	}
	j.times = append(j.times[:0], Millis(&b.Cols[col], b.N, &j.times)...)
	keys := keyVec(c, in, b, j.cfg.of(in), &j.keys)
	// A mark matters when rows leave at it, those of this batch included.
	least := batch.MaxWatermark
	if in == 0 {
		least = MinTime(j.times, b.Sel, b.N)
	}
	crosses := func(_, to int64) bool {
		m, ok := j.waiting.Min()
		return ok && m <= to || least <= to
	}
	for s := NewSegments(c.Watermark(), b, crosses); s.Next(); {
		seg := *b
		seg.Sel, seg.Marks, seg.Keys = Lanes(b, s.Lo, s.Hi), nil, nil
		if s.Hi > s.Lo {
			if in == 0 {
				j.wait(c, &seg, keys, s.Before)
			} else {
				j.take(&seg, keys)
			}
		}
		if s.Moved() {
			if err := j.fire(c, s.After); err != nil {
				return err
			}
		}
	}
	return nil
}

// wait queues left rows that are not late.
func (j *temporalJoin) wait(c *Ctx, b *batch.Batch, keys *batch.KeyVec, wm int64) {
	sel, late := SplitLate(b, j.times, wm, false, j.kept[:0], j.late[:0])
	if j.late = late; len(late) > 0 {
		j.kept = sel
		c.Late(b, late, wm)
	}
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	cols := j.cfg.JoinKeys.Left
	if j.cfg.TTL > 0 && n > 0 {
		// A row that waits needs the versions of its key.
		j.makeRefs(n)
		j.versions.Keys().Lookup(b, keys, sel, state.Write, j.refs[:n], j.fresh)
	}
	for i := range n {
		l := i
		if sel != nil {
			l = int(sel[i])
		}
		k := state.Key{Group: keys.KG[l], Hash: keys.H[l]}
		j.kbuf = j.kbuf[:0]
		for _, col := range cols {
			j.kbuf = batch.AppendKey(j.kbuf, &b.Cols[col], l)
		}
		k.Bytes = j.kbuf
		j.row = append(j.row[:0], byte(b.Kind(l)))
		j.row = j.codecs[0].Append(j.row, b, j.cols[0], l)
		j.waiting.Add(j.times[l], k, j.row)
	}
}

// take adds versions. One at the time of another takes its place.
func (j *temporalJoin) take(b *batch.Batch, keys *batch.KeyVec) {
	g := &j.group
	v := j.versions
	v.Keys().Group(g, b, keys, b.Sel, state.Upsert)
	for i := range b.Rows() {
		l := b.Lane(i)
		kind := b.Kind(l)
		if kind == batch.UpdateBefore {
			continue
		}
		ref, word := g.Refs[g.G[i]], timeWord(j.times[l])
		j.row = j.row[:0]
		if kind.Adds() {
			j.row = j.codecs[1].Append(j.row, b, j.cols[1], l)
		}
		if p := v.Seek(ref, word, nil); p.OK() && v.Word(p) == word {
			v.Remove(p)
		}
		p := v.Insert(ref, word, nil, j.row)
		if !kind.Adds() {
			v.Lanes(p)[0] = 1
		}
		if v.Len(ref) == 1 {
			continue
		}
		k := v.Keys().KeyOf(ref, nil)
		if v.Prev(p).OK() {
			j.old.Add(j.times[l], k, nil)
		}
		if next := v.Next(p); next.OK() {
			j.old.Add(wordTime(v.Word(next)), k, nil)
		}
	}
	for _, ref := range g.Refs {
		if v.Len(ref) == 0 {
			v.Keys().Delete(ref)
		}
	}
}

// fire joins the rows up to watermark wm and drops the versions that no row can meet
// any more.
func (j *temporalJoin) fire(c *Ctx, wm int64) error {
	limit := batch.MaxRows
	if j.cfg.Ordered {
		limit = 1 << 30
	}
	for more := true; more; {
		more = j.waiting.Due(wm, limit, &j.due)
		j.sortDue()
		for from := 0; from < len(j.order); from += batch.MaxRows {
			if err := j.join(c, j.order[from:min(len(j.order), from+batch.MaxRows)]); err != nil {
				return err
			}
		}
	}
	j.clean(wm)
	return nil
}

// sortDue puts the rows that are due in the order they leave in: by time and key as
// they come from the queue, or with retractions by key and arrival.
func (j *temporalJoin) sortDue() {
	n := len(j.due.TS)
	j.order = slices.Grow(j.order[:0], n)[:n]
	for i := range j.order {
		j.order[i] = uint32(i)
	}
	if !j.cfg.Ordered {
		return
	}
	d := &j.due
	slices.SortFunc(j.order, func(x, y uint32) int {
		a, b := d.Keys[x], d.Keys[y]
		if a.Group != b.Group {
			return cmp.Compare(a.Group, b.Group)
		}
		if c := bytes.Compare(a.Bytes, b.Bytes); c != 0 {
			return c
		}
		return cmp.Compare(d.Seq[x], d.Seq[y])
	})
}

// join emits due rows beside their versions.
func (j *temporalJoin) join(c *Ctx, order []uint32) error {
	n := len(order)
	j.list = j.list[:0]
	for _, i := range order {
		j.list = append(j.list, j.due.Payload[i][1:])
	}
	j.left.Alloc(j.cfg.Left, n)
	j.codecs[0].Decode(j.left.Cols, 0, nil, j.list)
	j.left.N = n
	j.find(c, n, order)
	if len(j.rows) > 0 {
		j.right.Alloc(j.cfg.Right, len(j.rows))
		j.codecs[1].Decode(j.right.Cols, 0, nil, j.rows)
		if err := j.test(n); err != nil {
			return err
		}
	}
	return j.emit(c, order)
}

// find looks up the version of each row of j.left: its bytes go to j.rows, their
// number to j.index; j.pad says that there is none.
func (j *temporalJoin) find(c *Ctx, n int, order []uint32) {
	keyCols := j.cfg.JoinKeys.Left
	keys := keyVec(c, 0, &j.left, keyCols, &j.probe)
	j.makeRefs(n)
	v := j.versions
	v.Keys().Lookup(&j.left, keys, nil, state.Read, j.refs[:n], j.fresh)
	j.rows = j.rows[:0]
	j.index = slices.Grow(j.index[:0], n)[:n]
	j.pad = slices.Grow(j.pad[:0], n)[:n]
	for i := range n {
		j.index[i], j.pad[i] = 0, true
		ref := j.refs[i]
		if ref == state.None {
			continue
		}
		p := j.at(ref, j.due.TS[order[i]])
		if !p.OK() || v.Lanes(p)[0] != 0 {
			continue
		}
		j.index[i], j.pad[i] = uint32(len(j.rows)), false
		j.rows = append(j.rows, v.Payload(p))
	}
	for k, col := range keyCols {
		if col := &j.left.Cols[col]; col.Nulls != nil && !(j.cfg.NullSafe != nil && j.cfg.NullSafe[k]) {
			for i := range n {
				j.pad[i] = j.pad[i] || col.IsNull(i)
			}
		}
	}
}

func (j *temporalJoin) makeRefs(n int) {
	if cap(j.refs) < n {
		j.refs = make([]state.Ref, max(n, batch.MaxRows))
		j.fresh = make([]uint64, batch.Words(max(n, batch.MaxRows)))
	}
}

// at is the last version of a key that is not younger than t.
func (j *temporalJoin) at(ref state.Ref, t int64) state.Pos {
	v := j.versions
	last := v.Last(ref)
	if !last.OK() || wordTime(v.Word(last)) <= t {
		return last
	}
	return v.Prev(v.Seek(ref, timeWord(t+1), nil))
}

// test pads the rows whose version does not meet the rest of the condition.
func (j *temporalJoin) test(n int) error {
	if j.res == nil {
		return nil
	}
	j.lanes = j.lanes[:0]
	for i := range n {
		if !j.pad[i] {
			j.lanes = append(j.lanes, uint16(i))
		}
	}
	if len(j.lanes) == 0 {
		return nil
	}
	nl := len(j.cfg.Left)
	pass, err := j.res.test(len(j.lanes), func(dst []batch.Col, i int) {
		if i < nl {
			dst[0].Gather(&j.left.Cols[i], j.lanes, len(j.lanes))
			return
		}
		dst[0].Alloc(j.cfg.Right[i-nl], 0)
		dst[0].AppendIndex(0, &j.right.Cols[i-nl], j.picked(), len(j.lanes))
	})
	if err != nil {
		return err
	}
	for _, l := range j.lanes {
		j.pad[l] = true
	}
	for _, p := range pass {
		j.pad[j.lanes[p]] = false
	}
	return nil
}

// picked are the versions of j.lanes.
func (j *temporalJoin) picked() []uint32 {
	j.pick = j.pick[:0]
	for _, l := range j.lanes {
		j.pick = append(j.pick, j.index[l])
	}
	return j.pick
}

// emit gives out the rows of j.left beside their versions.
func (j *temporalJoin) emit(c *Ctx, order []uint32) error {
	j.lanes = j.lanes[:0]
	for i := range order {
		if !j.pad[i] || j.cfg.Type == LeftJoin {
			j.lanes = append(j.lanes, uint16(i))
		}
	}
	m := len(j.lanes)
	if m == 0 {
		return nil
	}
	padded, changed := false, false
	for _, l := range j.lanes {
		padded = padded || j.pad[l]
		changed = changed || batch.Kind(j.due.Payload[order[l]][0]) != batch.Insert
	}
	nl, index := len(j.cfg.Left), j.picked()
	j.out.SetColumns(len(j.cfg.Out))
	j.out.N, j.out.Kinds = m, nil
	for i := range j.out.Cols {
		dst := &j.out.Cols[i]
		switch {
		case i < nl:
			dst.Gather(&j.left.Cols[i], j.lanes, m)
		case len(j.rows) == 0:
			dst.Alloc(j.cfg.Out[i], 0)
			dst.AppendNulls(0, m)
		default:
			dst.Alloc(j.cfg.Out[i], 0)
			dst.AppendIndex(0, &j.right.Cols[i-nl], index, m)
			for k, l := range j.lanes {
				if padded && j.pad[l] {
					dst.SetNull(k, m)
				}
			}
		}
		dst.Type = j.cfg.Out[i]
	}
	if changed {
		kinds := j.out.AllocKinds()
		for k, l := range j.lanes {
			kinds[k] = batch.Kind(j.due.Payload[order[l]][0])
		}
	}
	return c.Emit(&j.out)
}

// clean drops versions that are followed by one at or before the watermark.
func (j *temporalJoin) clean(wm int64) {
	v := j.versions
	for more := true; more; {
		more = j.old.Due(wm, batch.MaxRows, &j.due)
		for i, k := range j.due.Keys {
			ref := v.Keys().Get(k, state.Write)
			if ref == state.None {
				continue
			}
			for p := v.First(ref); p.OK(); {
				next := v.Next(p)
				if !next.OK() || wordTime(v.Word(next)) > j.due.TS[i] {
					break
				}
				p = v.Remove(p)
			}
		}
	}
}

// Watermark joins the rows whose time has come.
func (j *temporalJoin) Watermark(c *Ctx, ts int64) error { return j.fire(c, ts) }

// Timer is not used.
func (j *temporalJoin) Timer(*Ctx, int64) error { return nil }

// Snapshot has nothing outside of the store.
func (j *temporalJoin) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (j *temporalJoin) Close() error { return nil }
