package exec

import (
	"bytes"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// OrderKey is a column of an ORDER BY.
type OrderKey struct {
	Col        int
	Desc       bool
	NullsFirst bool
}

// ordering compiles ORDER BY columns.
func ordering(ts []types.Type, keys []OrderKey) (*state.Ordering, []int) {
	by, cols := make([]state.OrderBy, len(keys)), make([]int, len(keys))
	for i, k := range keys {
		// In state "nulls last" means behind all values when sorted upwards, so
		// downwards NULL comes first then.
		by[i] = state.OrderBy{Type: ts[k.Col], Desc: k.Desc, NullsLast: k.NullsFirst == k.Desc}
		cols[i] = k.Col
	}
	return state.NewOrdering(by), cols
}

// TopStrategy says what a Top-N may assume of its input.
type TopStrategy uint8

// The strategies of Flink's rank operator.
const (
	// TopAppend: only inserts come, so the first To rows of a key are enough.
	TopAppend TopStrategy = iota
	// TopUpdate: rows are replaced by UniqueKey and only move towards the front.
	TopUpdate
	// TopRetract: rows are taken back, so all are kept.
	TopRetract
)

// TopNConfig describes ROW_NUMBER() ... <= N.
type TopNConfig struct {
	Input       []types.Type
	PartitionBy []int
	OrderBy     []OrderKey
	// Ranks From to To are given out, counted from 1. ToCol, unless negative, is the
	// BIGINT column that holds To: the first row of a key says it for as long as there
	// are rows of the key, as in Flink.
	From, To int64
	ToCol    int
	// OutputRank adds the rank as a BIGINT column.
	OutputRank       bool
	Strategy         TopStrategy
	UniqueKey        []int
	EmitUpdateBefore bool
	TTL              int64
}

// NewTopN makes a Top-N. Rows with equal sort keys rank by arrival.
//
// With the rank in the output every shifted row is an update and the row that newly
// fills the last rank an insert. Without it only membership changes: for N = 1 by
// update, otherwise the row pushed out is deleted and the new one inserted.
func NewTopN(cfg TopNConfig) Operator { return &topN{cfg: cfg} }

type topN struct {
	cfg    TopNConfig
	sorted *state.Sorted
	order  *state.Ordering
	cols   []int
	all    []int
	codec  *state.Codec
	list   rowList
	// shifts: ranks matter, because they are shown or because of an offset.
	shifts bool
	// endAt is the lane of a key that holds the last rank given out, plus 1.
	endAt int
	// ages: rows expire one by one, see op_topn_ttl.go; now is the time of the batch.
	ages bool
	now  int64

	keys  batch.KeyVec
	group state.Grouper
	place []byte
	row   []byte
	rest  []byte
	spare []byte
	uk    []byte
	ukc   *state.Codec
	// Folding: the rows of each touched group before the batch.
	before  [][]byte
	arena   []byte
	touched []touchedGroup
	mark    []int32 // by group number: 1 + index in touched
	rows    []int32 // by group number: its rows in the batch
	seen    []bool
}

type touchedGroup struct {
	ref      state.Ref
	from, to int // rows in before
	limit    int64
}

// Draw names the operator and its state.
func (t *topN) Draw() Drawing { return Drawing{Name: "Rank", State: []string{"rows"}} }

// Open makes the lists.
func (t *topN) Open(c *Ctx) error {
	t.order, t.cols = ordering(t.cfg.Input, t.cfg.OrderBy)
	t.codec, t.all = state.NewCodec(t.cfg.Input), allCols(len(t.cfg.Input))
	if t.cfg.Strategy == TopUpdate {
		t.ukc = state.NewCodec(colTypes(t.cfg.Input, t.cfg.UniqueKey))
	}
	t.list = newRowList(t.cfg.Input, t.codec, t.cfg.OutputRank)
	t.shifts = t.cfg.OutputRank || t.cfg.From > 1
	spec := state.SortedSpec{Table: state.TableSpec{Key: colTypes(t.cfg.Input, t.cfg.PartitionBy), TTL: t.cfg.TTL}}
	if t.ages = t.cfg.TTL > 0 && !t.single(); t.ages {
		spec.Table.Lanes, spec.Entry = 1, 1
	}
	if t.cfg.ToCol >= 0 {
		t.endAt = spec.Table.Lanes
		spec.Table.Lanes++
	}
	t.sorted = c.Store.Sorted(c.Name+".rows", spec)
	return nil
}

// Process takes the rows of one batch.
func (t *topN) Process(c *Ctx, _ int, b *batch.Batch) error {
	n := b.Rows()
	if n == 0 {
		return nil
	}
	var keys *batch.KeyVec
	if len(t.cfg.PartitionBy) > 0 {
		keys = keyVec(c, 0, b, t.cfg.PartitionBy, &t.keys)
	}
	g := &t.group
	t.sorted.Keys().Group(g, b, keys, b.Sel, state.UpsertOr(t.cfg.TTL))
	// What has gone and still takes its place is nothing to compare before and after with.
	exact := c.Exact || t.ages && t.cfg.Strategy == TopRetract
	if !exact {
		t.begin(g)
	}
	t.now = c.Now()
	for i := range n {
		// A key with one row in the batch has nothing to fold.
		emit := exact || t.rows[g.G[i]] == 1
		l := b.Lane(i)
		ref := g.Refs[g.G[i]]
		if t.ages {
			t.look(ref)
		}
		limit := t.limit(ref, b, l)
		word, rest := t.order.Append(t.place[:0], b, t.cols, l)
		t.place = rest
		if t.cfg.Strategy == TopAppend && !t.sorted.Admits(ref, word, rest, int(limit)) {
			continue
		}
		if t.cfg.TTL > 0 {
			t.sorted.Keys().Touch(ref)
		}
		if !emit {
			t.touch(int(g.G[i]), ref, limit)
		}
		t.row = t.codec.Append(t.row[:0], b, t.all, l)
		t.apply(emit, ref, b, l, b.Kind(l), word, rest, limit)
		if t.list.len() >= batch.MaxRows {
			if err := t.list.emit(c); err != nil {
				return err
			}
		}
	}
	if !exact {
		t.diff()
	}
	t.dropEmpty(g)
	return t.list.emit(c)
}

// dropEmpty removes keys whose list came to nothing.
func (t *topN) dropEmpty(g *state.Grouper) {
	for _, ref := range g.Refs {
		if t.sorted.Len(ref) == 0 {
			t.sorted.Keys().Delete(ref)
		}
	}
}

// limit is the last rank that is given out for the key of a row.
func (t *topN) limit(ref state.Ref, b *batch.Batch, l int) int64 {
	if t.cfg.ToCol < 0 {
		return t.cfg.To
	}
	if end := t.sorted.Keys().Row(ref)[t.endAt]; end != 0 {
		return int64(end - 1)
	}
	end := max(0, t.end(b, l))
	t.sorted.Keys().Touch(ref)[t.endAt] = uint64(end) + 1
	return end
}

// end is what a row says about it.
func (t *topN) end(b *batch.Batch, l int) int64 {
	c := &b.Cols[t.cfg.ToCol]
	if c.IsNull(l) {
		return 0
	}
	if c.Enc == batch.Const {
		l = 0
	}
	if c.Type.Phys() == types.PhysI32 {
		return int64(c.I32[l])
	}
	return c.I64[l]
}

// apply changes the list of one key by one row; with emit, it says so.
func (t *topN) apply(emit bool, ref state.Ref, b *batch.Batch, l int, kind batch.Kind, word uint64, rest []byte, limit int64) {
	switch t.cfg.Strategy {
	case TopAppend:
		t.insert(emit, ref, word, rest, limit, true)
	case TopUpdate:
		t.update(emit, ref, b, l, kind, word, rest, limit)
	default:
		switch {
		case t.ages && kind.Adds():
			t.agedInsert(ref, word, rest, limit)
		case t.ages:
			t.agedRetract(ref, word, rest, limit)
		case kind.Adds():
			t.insert(emit, ref, word, rest, limit, false)
		default:
			t.retract(emit, ref, word, rest, limit)
		}
	}
}

// insert adds t.row. evict drops what falls behind limit.
func (t *topN) insert(emit bool, ref state.Ref, word uint64, rest []byte, limit int64, evict bool) {
	had := t.sorted.Len(ref)
	p := t.sorted.Insert(ref, word, rest, t.row)
	if t.ages {
		t.young(ref, p, word, rest)
	}
	at := t.sorted.Index(p)
	if emit && int64(at) < limit {
		switch {
		case t.shifts:
			t.shiftDown(ref, at, had, limit)
		case int64(had) < limit:
			t.list.add(batch.Insert, t.row, 0)
		case limit == 1 && t.cfg.Strategy != TopRetract:
			t.updateBefore(t.sorted.Payload(t.sorted.Next(p)), 0)
			t.list.add(batch.UpdateAfter, t.row, 0)
		default:
			t.list.add(batch.Delete, t.sorted.Payload(t.sorted.At(ref, int(limit))), 0)
			t.list.add(batch.Insert, t.row, 0)
		}
	}
	if evict && int64(had) >= limit {
		t.evict(ref)
	}
}

// shiftDown tells the ranks from at on, each of which has now the row that was one
// rank before it.
func (t *topN) shiftDown(ref state.Ref, at, had int, limit int64) {
	first := max(at, int(t.cfg.From)-1)
	p := t.sorted.At(ref, first)
	for i := first; int64(i) < limit && i <= had; i++ {
		row := t.sorted.Payload(p)
		p = t.sorted.Next(p)
		if i < had {
			t.updateBefore(t.sorted.Payload(p), int64(i)+1)
			t.list.add(batch.UpdateAfter, row, int64(i)+1)
		} else {
			t.list.add(batch.Insert, row, int64(i)+1)
		}
	}
}

func (t *topN) updateBefore(row []byte, rank int64) {
	if t.cfg.EmitUpdateBefore {
		t.list.add(batch.UpdateBefore, row, rank)
	}
}

// retract takes t.row back.
func (t *topN) retract(emit bool, ref state.Ref, word uint64, rest []byte, limit int64) {
	p := t.sorted.Seek(ref, word, rest)
	for ; p.OK(); p = t.sorted.Next(p) {
		if t.sorted.Word(p) != word || !bytes.Equal(t.sorted.Rest(p), rest) {
			return // not there: nothing to take back
		}
		if bytes.Equal(t.sorted.Payload(p), t.row) {
			break
		}
	}
	if p.OK() {
		t.removeAt(emit, ref, p, limit)
	}
}

func (t *topN) removeAt(emit bool, ref state.Ref, p state.Pos, limit int64) {
	at, had := t.sorted.Index(p), t.sorted.Len(ref)
	if emit && int64(at) < limit {
		if t.shifts {
			t.shiftUp(ref, at, had, limit)
		} else {
			t.list.add(batch.Delete, t.sorted.Payload(p), 0)
			if int64(had) > limit {
				t.list.add(batch.Insert, t.sorted.Payload(t.sorted.At(ref, int(limit))), 0)
			}
		}
	}
	t.sorted.Remove(p)
}

// shiftUp tells the ranks from at on, each of which gets the row one rank behind.
func (t *topN) shiftUp(ref state.Ref, at, had int, limit int64) {
	first := max(at, int(t.cfg.From)-1)
	p := t.sorted.At(ref, first)
	for i := first; int64(i) < limit && i < had; i++ {
		row := t.sorted.Payload(p)
		p = t.sorted.Next(p)
		if i+1 < had {
			t.updateBefore(row, int64(i)+1)
			t.list.add(batch.UpdateAfter, t.sorted.Payload(p), int64(i)+1)
		} else {
			t.list.add(batch.Delete, row, int64(i)+1)
		}
	}
}

// update replaces the row with the unique key of lane l.
func (t *topN) update(emit bool, ref state.Ref, b *batch.Batch, l int, kind batch.Kind, word uint64, rest []byte, limit int64) {
	t.uk = t.ukc.Append(t.uk[:0], b, t.cfg.UniqueKey, l)
	p := t.findUnique(ref)
	if !kind.Adds() {
		if p.OK() && kind == batch.Delete {
			t.row = append(t.row[:0], t.sorted.Payload(p)...)
			t.removeAt(emit, ref, p, limit)
		}
		return
	}
	if !p.OK() {
		if !t.sorted.Admits(ref, word, rest, int(limit)) {
			return
		}
		t.insert(emit, ref, word, rest, limit, true)
		return
	}
	old := append([]byte(nil), t.sorted.Payload(p)...)
	was, had := t.sorted.Index(p), t.sorted.Len(ref)
	var rows [][]byte
	if emit && t.shifts {
		rows = t.payloads(ref, had)
	}
	t.sorted.Remove(p)
	p = t.sorted.Insert(ref, word, rest, t.row)
	if t.ages {
		t.sorted.Lanes(p)[0] = uint64(t.now) + 1
	}
	now := t.sorted.Index(p)
	if !emit || bytes.Equal(old, t.row) && was == now {
		return
	}
	if !t.shifts {
		t.updateBefore(old, 0)
		t.list.add(batch.UpdateAfter, t.row, 0)
		return
	}
	lo, hi := min(was, now), max(was, now)
	for i := max(lo, int(t.cfg.From)-1); i <= hi && int64(i) < limit; i++ {
		row := t.sorted.Payload(t.sorted.At(ref, i))
		if bytes.Equal(rows[i], row) {
			continue
		}
		t.updateBefore(rows[i], int64(i)+1)
		t.list.add(batch.UpdateAfter, row, int64(i)+1)
	}
}

func (t *topN) payloads(ref state.Ref, n int) [][]byte {
	rows := make([][]byte, 0, n)
	for p := t.sorted.First(ref); p.OK(); p = t.sorted.Next(p) {
		rows = append(rows, append([]byte(nil), t.sorted.Payload(p)...))
	}
	return rows
}

// findUnique finds the entry whose row has the unique key in t.uk.
func (t *topN) findUnique(ref state.Ref) state.Pos {
	ts := colTypes(t.cfg.Input, t.cfg.UniqueKey)
	var one batch.Batch
	for p := t.sorted.First(ref); p.OK(); p = t.sorted.Next(p) {
		one.Alloc(ts, 1)
		t.codec.Decode(one.Cols, 0, t.cfg.UniqueKey, [][]byte{t.sorted.Payload(p)})
		if bytes.Equal(t.ukc.Append(nil, &one, allCols(len(ts)), 0), t.uk) {
			return p
		}
	}
	return state.Pos{}
}

// begin forgets the groups of the last batch and counts the rows of those of this one.
func (t *topN) begin(g *state.Grouper) {
	groups := g.Len()
	t.before, t.arena, t.touched = t.before[:0], t.arena[:0], t.touched[:0]
	if cap(t.mark) < groups {
		t.mark = make([]int32, max(groups, batch.MaxRows))
		t.rows = make([]int32, max(groups, batch.MaxRows))
	}
	t.mark, t.rows = t.mark[:groups], t.rows[:groups]
	clear(t.mark)
	clear(t.rows)
	for _, k := range g.G {
		t.rows[k]++
	}
}

// touch notes the visible rows of a group before its first change in this batch.
func (t *topN) touch(g int, ref state.Ref, limit int64) {
	if t.mark[g] != 0 {
		t.touched[t.mark[g]-1].limit = limit
		return
	}
	tg := touchedGroup{ref: ref, from: len(t.before), limit: limit}
	n := int64(0)
	for p := t.sorted.First(ref); p.OK() && n < limit; p = t.sorted.Next(p) {
		at := len(t.arena)
		t.arena = append(t.arena, t.sorted.Payload(p)...)
		t.before = append(t.before, t.arena[at:len(t.arena):len(t.arena)])
		n++
	}
	tg.to = len(t.before)
	t.touched = append(t.touched, tg)
	t.mark[g] = int32(len(t.touched))
}

// diff emits for each touched group what changed between before and now.
func (t *topN) diff() {
	for _, g := range t.touched {
		old := t.before[g.from:g.to]
		if t.shifts {
			t.diffRanks(g, old)
		} else {
			t.diffMembers(g, old)
		}
	}
}

func (t *topN) diffRanks(g touchedGroup, old [][]byte) {
	p := t.sorted.First(g.ref)
	for i := 0; int64(i) < g.limit && (p.OK() || i < len(old)); i++ {
		rank := int64(i) + 1
		var row []byte
		has := p.OK()
		if has {
			row = t.sorted.Payload(p)
			p = t.sorted.Next(p)
		}
		if rank < t.cfg.From {
			continue
		}
		switch {
		case !has:
			t.list.add(batch.Delete, old[i], rank)
		case i >= len(old):
			t.list.add(batch.Insert, row, rank)
		case !bytes.Equal(old[i], row):
			t.updateBefore(old[i], rank)
			t.list.add(batch.UpdateAfter, row, rank)
		}
	}
}

// diffMembers compares two ordered lists as sets: rows common to both keep their
// relative order, unless a row with the same bytes moved.
func (t *topN) diffMembers(g touchedGroup, old [][]byte) {
	if cap(t.seen) < len(old) {
		t.seen = make([]bool, max(len(old), 64))
	}
	seen := t.seen[:len(old)]
	clear(seen)
	var fresh []state.Pos
	n := int64(0)
	for p := t.sorted.First(g.ref); p.OK() && n < g.limit; p = t.sorted.Next(p) {
		n++
		row, found := t.sorted.Payload(p), false
		for i, o := range old {
			if !seen[i] && bytes.Equal(o, row) {
				seen[i], found = true, true
				break
			}
		}
		if !found {
			fresh = append(fresh, p)
		}
	}
	if g.limit == 1 && len(old) == 1 && len(fresh) == 1 && t.cfg.Strategy != TopRetract {
		t.updateBefore(old[0], 0)
		t.list.add(batch.UpdateAfter, t.sorted.Payload(fresh[0]), 0)
		return
	}
	for i, o := range old {
		if !seen[i] {
			t.list.add(batch.Delete, o, 0)
		}
	}
	for _, p := range fresh {
		t.list.add(batch.Insert, t.sorted.Payload(p), 0)
	}
}

// Watermark changes nothing.
func (t *topN) Watermark(*Ctx, int64) error { return nil }

// Timer is not used.
func (t *topN) Timer(*Ctx, int64) error { return nil }

// Snapshot has nothing outside of the store.
func (t *topN) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (t *topN) Close() error { return nil }
