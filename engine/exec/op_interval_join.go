package exec

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// IntervalJoinConfig describes a join of rows whose times are near each other:
// left time - right time lies in [Lower, Upper] milliseconds. Both inputs append.
type IntervalJoinConfig struct {
	Type        JoinType
	Left, Right []types.Type
	JoinKeys
	LeftTime, RightTime int // columns; unused for processing time
	Rowtime             bool
	Lower, Upper        int64
	// Cleanup is how much longer rows stay that nothing can match, in milliseconds: then
	// they go together, and those of an outer side come out padded.
	Cleanup int64
	Out     []types.Type
}

// NewIntervalJoin makes an interval join. Rows are kept until the watermark says
// that nothing can match them any more; then those of an outer side that found no
// match come out padded.
func NewIntervalJoin(cfg IntervalJoinConfig) Operator { return &intervalJoin{cfg: cfg} }

type intervalJoin struct {
	cfg    IntervalJoinConfig
	sides  [2]*state.Sorted
	expiry [2]*state.Queue
	codecs [2]*state.Codec
	types  [2][]types.Type
	cols   [2][]int
	res    *residual
	// must are the columns of each side that a row needs to match: its key and time; safe
	// are the places there where NULL will do.
	must [2][]int
	safe []bool

	keys  batch.KeyVec
	group [2]state.Grouper
	kept  []uint16
	null  []uint16
	times []int64
	row   []byte
	due   state.Due
	found []state.Pos
	rows  [][]byte
	lanes []uint16
	ends  []int
	wms   []int64
	pairs batch.Batch
	out   batch.Batch
	lists [2]rowList
}

// Draw names the operator and its state.
func (j *intervalJoin) Draw() Drawing {
	return Drawing{Name: "IntervalJoin", State: []string{"left", "right", "leftExpiry", "rightExpiry"}}
}

// Open makes both sides. An entry's place is its time, its lane says whether it
// found a match.
func (j *intervalJoin) Open(c *Ctx) error {
	j.types = [2][]types.Type{j.cfg.Left, j.cfg.Right}
	for s, ts := range j.types {
		name := []string{".left", ".right"}[s]
		j.sides[s] = c.Store.Sorted(c.Name+name, state.SortedSpec{
			Table: state.TableSpec{Key: colTypes(ts, j.cfg.of(s))}, Entry: 1,
		})
		j.expiry[s] = c.Store.Queue(c.Name+name+"Expiry", state.QueueSpec{Set: true})
		j.codecs[s], j.cols[s] = state.NewCodec(ts), allCols(len(ts))
		j.lists[s] = newRowList(ts, j.codecs[s], false)
	}
	for s := range j.must {
		j.must[s] = slices.Clone(j.cfg.of(s))
	}
	if j.safe = make([]bool, len(j.must[0])); j.cfg.NullSafe != nil {
		copy(j.safe, j.cfg.NullSafe)
	}
	if j.cfg.Rowtime {
		j.must = [2][]int{append(j.must[0], j.cfg.LeftTime), append(j.must[1], j.cfg.RightTime)}
		j.safe = append(j.safe, false)
	}
	var err error
	j.res, err = newResidual(j.cfg.Residual, j.cfg.Left, j.cfg.Right, c)
	return err
}

// word turns a time into a place.
func timeWord(t int64) uint64 { return uint64(t) ^ 1<<63 }

func wordTime(w uint64) int64 { return int64(w ^ 1<<63) }

// bounds are the times of the other side that match time t of side in.
func (j *intervalJoin) bounds(in int, t int64) (lo, hi int64) {
	if in == 0 {
		return t - j.cfg.Upper, t - j.cfg.Lower
	}
	return t + j.cfg.Lower, t + j.cfg.Upper
}

// last is the watermark from which a row of side in with time t can match nothing:
// every row still to come is later than that.
func (j *intervalJoin) last(in int, t int64) int64 {
	_, hi := j.bounds(in, t)
	return max(hi, t)
}

// OutWatermark holds the watermark back by what a row may wait for its partner.
func (j *intervalJoin) OutWatermark(ts int64) int64 {
	if ts == batch.MaxWatermark || ts == batch.NoWatermark {
		return ts
	}
	return ts - max(0, j.cfg.Upper, -j.cfg.Lower) - 1
}

// Process joins the rows of a batch one after the other with what is cached.
func (j *intervalJoin) Process(c *Ctx, in int, b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	if j.cfg.Rowtime {
		col := j.cfg.LeftTime
		if in == 1 {
			col = j.cfg.RightTime
		}
		j.times = append(j.times[:0], Millis(&b.Cols[col], b.N, &j.times)...)
	} else {
		now := c.Now()
		if err := j.expire(c, now-1); err != nil {
			return err
		}
		j.times = j.times[:0]
		for range b.N {
			j.times = append(j.times, now)
		}
	}
	keyCols := j.cfg.of(in)
	var keys *batch.KeyVec
	if len(keyCols) > 0 {
		keys = keyVec(c, in, b, keyCols, &j.keys)
	}
	if !j.cfg.Rowtime {
		if err := j.rowsOf(c, in, b, keys, c.Now()-1); err != nil {
			return err
		}
		return j.flushPads(c, in)
	}
	if !j.eager() {
		if err := j.rowsOf(c, in, b, keys, c.Watermark()); err != nil {
			return err
		}
		return j.expire(c, max(c.Watermark(), b.LastMark()))
	}
	// A mark matters when rows leave at it, those of this batch included.
	least := MinTime(j.times, b.Sel, b.N)
	crosses := func(_, to int64) bool {
		for _, q := range j.expiry {
			if m, ok := q.Min(); ok && m <= to {
				return true
			}
		}
		return j.last(in, least) <= to
	}
	for s := NewSegments(c.Watermark(), b, crosses); s.Next(); {
		seg := *b
		seg.Sel, seg.Marks, seg.Keys = Lanes(b, s.Lo, s.Hi), nil, nil
		if s.Hi > s.Lo {
			if err := j.rowsOf(c, in, &seg, keys, s.Before); err != nil {
				return err
			}
			if err := j.flushPads(c, in); err != nil {
				return err
			}
		}
		if s.Moved() {
			if err := j.expire(c, s.After); err != nil {
				return err
			}
		}
	}
	return nil
}

// eager reports that rows must leave at the very mark: they come out padded, or go at
// moments of their own. Else they may lie on for a while, unseen.
func (j *intervalJoin) eager() bool {
	return !j.cfg.Rowtime || j.cfg.Type.keeps(0) || j.cfg.Type.keeps(1) || j.cfg.Cleanup > 0
}

// rowsOf joins rows under watermark wm and the marks of b, in order. Rows with a NULL in their key or
// without a time match nothing.
func (j *intervalJoin) rowsOf(c *Ctx, in int, b *batch.Batch, keys *batch.KeyVec, wm int64) error {
	sel, null := withoutNulls(b, j.must[in], j.safe, j.kept[:0], j.null[:0])
	if j.null = null; len(null) > 0 {
		j.kept = sel
	}
	own := &j.group[in]
	j.sides[in].Keys().Group(own, b, keys, sel, state.Upsert)
	j.sides[1-in].Keys().Group(&j.group[1-in], b, keys, sel, state.Write)
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	r := intervalRows{in: in, b: b, sel: sel, null: null, n: n, wm: wm, marks: b.Marks}
	for r.next < n {
		if err := j.chunk(c, &r); err != nil {
			return err
		}
	}
	if err := j.unmatchable(c, &r, b.N); err != nil {
		return err
	}
	for _, ref := range own.Refs {
		if j.sides[in].Len(ref) == 0 {
			j.sides[in].Keys().Delete(ref)
		}
	}
	return nil
}

// joined emits pairs that passed, behind rows of input in that were padded before.
func (j *intervalJoin) joined(c *Ctx, in int, pass []uint16) error {
	if len(pass) == 0 {
		return nil
	}
	if err := j.flushPads(c, in); err != nil {
		return err
	}
	j.out.SetColumns(len(j.cfg.Out))
	for i := range j.out.Cols {
		j.out.Cols[i].Gather(&j.pairs.Cols[i], pass, len(pass))
		j.out.Cols[i].Type = j.cfg.Out[i]
	}
	j.out.N = len(pass)
	return c.Emit(&j.out)
}

// pad notes a row without a partner.
func (j *intervalJoin) pad(c *Ctx, in int, row []byte) error {
	j.lists[in].add(batch.Insert, row, 0)
	if j.lists[in].len() < batch.MaxRows {
		return nil
	}
	return j.flushPads(c, in)
}

// flushPads emits padded rows.
func (j *intervalJoin) flushPads(c *Ctx, in int) error {
	r := &j.lists[in]
	n := r.len()
	if n == 0 {
		return nil
	}
	at := 0
	j.rows = j.rows[:0]
	for _, e := range r.ends {
		j.rows = append(j.rows, r.bytes[at:e])
		at = e
	}
	nl := len(j.types[0])
	j.out.SetColumns(len(j.cfg.Out))
	own, other := j.out.Cols[:nl], j.out.Cols[nl:]
	if in == 1 {
		own, other = other, own
	}
	for i := range own {
		own[i].Alloc(j.types[in][i], n)
	}
	j.codecs[in].Decode(own, 0, nil, j.rows)
	for i := range other {
		other[i].Alloc(j.types[1-in][i], 0)
		other[i].AppendNulls(0, n)
	}
	for i := range j.out.Cols {
		j.out.Cols[i].Type = j.cfg.Out[i]
	}
	j.out.N = n
	r.kinds, r.ends, r.bytes = r.kinds[:0], r.ends[:0], r.bytes[:0]
	return c.Emit(&j.out)
}

// expire drops rows that nothing can match any more.
func (j *intervalJoin) expire(c *Ctx, now int64) error {
	for s := range j.sides {
		for more := true; more; {
			more = j.expiry[s].Due(now, batch.MaxRows, &j.due)
			for i, k := range j.due.Keys {
				ref := j.sides[s].Keys().Get(k, state.Write)
				if ref == state.None {
					continue
				}
				upTo := j.due.TS[i]
				if j.cfg.Cleanup > 0 || !j.eager() {
					upTo = now
				}
				p := j.sides[s].First(ref)
				for p.OK() && j.last(s, wordTime(j.sides[s].Word(p))) <= upTo {
					if j.sides[s].Lanes(p)[0] == 0 && j.cfg.Type.keeps(s) {
						if err := j.pad(c, s, j.sides[s].Payload(p)); err != nil {
							return err
						}
					}
					p = j.sides[s].Remove(p)
				}
				switch {
				case !p.OK():
					j.sides[s].Keys().Delete(ref)
				case !j.eager():
					j.expiry[s].Add(j.last(s, wordTime(j.sides[s].Word(p))), k, nil)
				}
			}
			if err := j.flushPads(c, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// Watermark drops what is past.
func (j *intervalJoin) Watermark(c *Ctx, ts int64) error {
	if !j.cfg.Rowtime && ts != batch.MaxWatermark {
		return nil
	}
	return j.expire(c, ts)
}

// Timer drops what is past in processing time.
func (j *intervalJoin) Timer(c *Ctx, at int64) error { return j.expire(c, at-1) }

// Snapshot has nothing outside of the store.
func (j *intervalJoin) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (j *intervalJoin) Close() error { return nil }
