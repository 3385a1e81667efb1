package exec

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/invariant"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// JoinConfig describes a regular join.
type JoinConfig struct {
	Type        JoinType
	Left, Right []types.Type
	JoinKeys
	// Out are the types of the output columns: left, then right (left only for
	// semi and anti joins).
	Out []types.Type
	// Sides say how each input's rows may change.
	Sides [2]JoinSide
	// EmitUpdateBefore: readers want -U rows.
	EmitUpdateBefore bool
}

// JoinSide is what is known of an input.
type JoinSide struct {
	// Upsert are the columns of the key by which a row is replaced: +U comes without
	// -U, and -D may hold the key alone. nil when changes take back whole rows.
	Upsert []int
	// Unique are the columns of a unique key, nil for none; UniqueInKey: the join key
	// contains it. Bundles are folded by it.
	Unique      []int
	UniqueInKey bool
	// TTL in milliseconds; 0 keeps rows.
	TTL int64
	// Prune: rows match nothing any more once the watermark is at or past the
	// TIMESTAMP column PruneCol plus PruneLag milliseconds. Not together with TTL.
	Prune    bool
	PruneCol int
	PruneLag int64
}

// NewJoin makes a regular join: both inputs are kept and either may change.
//
// Emission is Flink's: an inner join passes on the kind of the input row; outer
// joins emit +I and -D, and padded rows come and go with the first and the last
// match; a semi join gives the left row with its own kind, or with that of the
// right row that made the first or ended the last match.
func NewJoin(cfg JoinConfig) Operator { return &join{cfg: cfg} }

type join struct {
	cfg      JoinConfig
	sides    [2]*state.MultiMap
	cols     [2][]int // all columns of each side
	counted  [2]bool
	residual *residual
	outer    bool

	keys  batch.KeyVec
	kept  []uint16
	null  []uint16 // lanes whose rows match nothing
	nulls []uint16 // their memory
	refs  []state.RowRef
	probe state.Probe
	rows  joinRows
	pairs []pair

	// swaps: what a row with its successor takes back and gives is told as one change.
	// swap says which lanes of the batch at hand are such, nil for none; held are rows of
	// the other side that were without a match between the two.
	swaps  bool
	swap   []swapLane
	held   []state.RowRef
	heldAt int

	// An interrupted probe.
	paused bool
	in     int
	b      *batch.Batch
	ups    upserts
}

type pair struct {
	lane uint16
	ref  state.RowRef
}

// Draw names the operator and its state.
func (j *join) Draw() Drawing { return Drawing{Name: "Join", State: []string{"left", "right"}} }

// Open makes both sides.
func (j *join) Open(c *Ctx) error {
	t := j.cfg.Type
	j.outer = t == LeftJoin || t == RightJoin || t == FullJoin
	j.counted = [2]bool{t.keeps(0) || t.leftOnly(), t.keeps(1)}
	for s, ts := range [][]types.Type{j.cfg.Left, j.cfg.Right} {
		j.cols[s] = allCols(len(ts))
		j.sides[s] = c.Store.MultiMap(c.Name+[]string{".left", ".right"}[s], state.MultiSpec{
			Key:      colTypes(ts, j.cfg.of(s)),
			Row:      ts,
			Counters: j.counted[s],
			TTL:      j.cfg.Sides[s].TTL,
			Aged:     j.cfg.Sides[s].Prune,
			AgeCol:   j.cfg.Sides[s].PruneCol,
		})
	}
	var err error
	j.residual, err = newResidual(j.cfg.Residual, j.cfg.Left, j.cfg.Right, c)
	return err
}

// Process joins one batch with what is stored of the other side.
func (j *join) Process(c *Ctx, in int, b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	if j.cfg.Sides[in].Upsert != nil && (b.Kinds != nil || j.sides[in].Len() > 0) {
		return j.ups.each(j, c, in, b)
	}
	return j.change(c, in, b)
}

// change processes a batch whose retractions hold whole rows.
func (j *join) change(c *Ctx, in int, b *batch.Batch) error {
	keyCols := j.cfg.of(in)
	keys := keyVec(c, in, b, keyCols, &j.keys)
	sel, null := withoutNulls(b, keyCols, j.cfg.NullSafe, j.kept[:0], j.nulls[:0])
	if sel != nil && len(null) > 0 {
		j.kept = sel
	}
	j.null, j.nulls = null, null
	j.store(in, b, keys, sel)
	j.sides[1-in].Probe(&j.probe, b, keys, sel)
	if j.outer || j.cfg.Type.leftOnly() {
		return j.counts(c, in, b, keys, sel)
	}
	j.in, j.b = in, b
	return j.inner(c)
}

// unmatchable collects the rows before a lane that a NULL in their key keeps from any
// match, and takes them off j.null.
func (j *join) unmatchable(in int, b *batch.Batch, before int) {
	for len(j.null) > 0 && int(j.null[0]) < before {
		l := int(j.null[0])
		j.null = j.null[1:]
		kind := b.Kind(l)
		switch {
		case j.cfg.Type.keeps(in):
			j.rows.add(padKind(kind), l, 0)
		case j.cfg.Type == AntiJoin && in == 0:
			j.rows.add(kind, l, 0)
		}
	}
}

// padKind is the kind of an outer join's row: it comes or goes.
func padKind(k batch.Kind) batch.Kind {
	if k.Adds() {
		return batch.Insert
	}
	return batch.Delete
}

// store applies the batch to its own side. refs holds the rows of j.sides[in] that
// were inserted, by position in sel.
func (j *join) store(in int, b *batch.Batch, keys *batch.KeyVec, sel []uint16) {
	j.refs = storeSide(j.sides[in], b, keys, sel, j.cols[in], j.refs, j.counted[in])
}

// pairRows is how many pairs are collected before they are emitted.
const pairRows = batch.MaxRows

// inner emits the pairs of the probe, in pieces.
func (j *join) inner(c *Ctx) error {
	in, b, m := j.in, j.b, j.sides[1-j.in]
	for {
		more := j.probe.Next(pairRows)
		if err := j.innerPairs(c, in, b, m); err != nil {
			return err
		}
		if !more {
			j.paused, j.b = false, nil
			return nil
		}
		if c.Yield() {
			j.paused = true
			return nil
		}
	}
}

// Resume goes on with an interrupted probe.
func (j *join) Resume(c *Ctx) (bool, error) {
	if !j.paused {
		return false, nil
	}
	err := j.inner(c)
	return j.paused, err
}

func (j *join) innerPairs(c *Ctx, in int, b *batch.Batch, m *state.MultiMap) error {
	r := &j.rows
	r.lanes, r.refs = j.probe.Lanes, j.probe.Refs
	defer func() { r.lanes, r.refs = nil, nil }()
	if len(r.lanes) == 0 {
		return nil
	}
	if j.residual != nil {
		pass, err := j.test(in, b, m, r.lanes, r.refs)
		if err != nil || len(pass) == 0 {
			return err
		}
		if len(pass) < len(r.lanes) {
			for i, p := range pass {
				r.lanes[i], r.refs[i] = r.lanes[p], r.refs[p]
			}
			r.lanes, r.refs = r.lanes[:len(pass)], r.refs[:len(pass)]
		}
	}
	r.kinds = r.kinds[:0]
	if b.Kinds != nil {
		k := 0
		drop := !j.cfg.EmitUpdateBefore
		for i, l := range r.lanes {
			kind := b.Kinds[l]
			if drop && kind == batch.UpdateBefore {
				continue
			}
			r.lanes[k], r.refs[k] = l, r.refs[i]
			r.kinds = append(r.kinds, kind)
			k++
		}
		r.lanes, r.refs = r.lanes[:k], r.refs[:k]
	}
	return j.emitRows(c, in, b, false)
}

// test applies the residual to pairs and returns those that pass.
func (j *join) test(in int, b *batch.Batch, m *state.MultiMap, lanes []uint16, refs []state.RowRef) ([]uint16, error) {
	nl := len(j.cfg.Left)
	return j.residual.test(len(lanes), func(dst []batch.Col, i int) {
		side, col := 0, i
		if i >= nl {
			side, col = 1, i-nl
		}
		if side == in {
			dst[0].Gather(&b.Cols[col], lanes, len(lanes))
			return
		}
		ts := j.cfg.Left
		if side == 1 {
			ts = j.cfg.Right
		}
		dst[0].Alloc(ts[col], len(lanes))
		m.Decode(dst, 0, []int{col}, refs)
	})
}

// counts joins where matches are counted: outer, semi and anti joins.
func (j *join) counts(c *Ctx, in int, b *batch.Batch, keys *batch.KeyVec, sel []uint16) error {
	if err := j.collect(in, b); err != nil {
		return err
	}
	own, other := j.sides[in], j.sides[1-in]
	t := j.cfg.Type
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	j.rows.reset()
	p := 0
	for i := range n {
		l := i
		if sel != nil {
			l = int(sel[i])
		}
		j.unmatchable(in, b, l)
		from := p
		for p < len(j.pairs) && int(j.pairs[p].lane) == l {
			p++
		}
		match := j.pairs[from:p]
		kind := b.Kind(l)
		if j.counted[in] && kind.Adds() {
			own.AddCount(j.refs[i], int32(len(match)))
		}
		switch {
		case t.leftOnly() && in == 0:
			if (len(match) > 0) == (t == SemiJoin) {
				j.rows.add(kind, l, 0)
			}
		case t.leftOnly():
			j.rightOfSemi(other, kind, match)
		default:
			j.outerRow(other, in, kind, l, match)
			if j.swapAt(l) == swapIn {
				j.release()
			}
		}
		if len(j.rows.kinds) >= pairRows {
			if err := j.flush(c, in, b); err != nil {
				return err
			}
		}
	}
	j.unmatchable(in, b, b.N)
	if err := j.flush(c, in, b); err != nil {
		return err
	}
	if j.counted[1-in] && j.cfg.Sides[1-in].TTL > 0 {
		for _, p := range j.pairs { // a count is written, as in Flink, and so the row
			other.Renew(p.ref)
		}
	}
	return nil
}

// collect gathers all pairs that pass the residual.
func (j *join) collect(in int, b *batch.Batch) error {
	j.pairs = j.pairs[:0]
	for more := true; more; {
		more = j.probe.Next(pairRows)
		lanes, refs := j.probe.Lanes, j.probe.Refs
		if j.residual == nil || len(lanes) == 0 {
			for i, l := range lanes {
				j.pairs = append(j.pairs, pair{l, refs[i]})
			}
			continue
		}
		pass, err := j.test(in, b, j.sides[1-in], lanes, refs)
		if err != nil {
			return err
		}
		for _, i := range pass {
			j.pairs = append(j.pairs, pair{lanes[i], refs[i]})
		}
	}
	return nil
}

// outerRow emits what one row does to an outer join.
func (j *join) outerRow(other *state.MultiMap, in int, kind batch.Kind, l int, match []pair) {
	if len(match) == 0 {
		if j.cfg.Type.keeps(in) {
			j.rows.add(padKind(kind), l, 0)
		}
		return
	}
	// Match by match, as Flink does.
	counted, swap := j.counted[1-in], j.swapAt(l)
	for _, m := range match {
		if kind.Adds() {
			if counted && other.AddCount(m.ref, 1) == 1 && !(swap == swapIn && j.unhold(m.ref)) {
				j.rows.add(batch.Delete, -1, m.ref)
			}
			j.rows.add(batch.Insert, l, m.ref)
			continue
		}
		j.rows.add(batch.Delete, l, m.ref)
		if counted && other.AddCount(m.ref, -1) == 0 {
			if swap == swapOut {
				j.held = append(j.held, m.ref)
				continue
			}
			j.rows.add(batch.Insert, -1, m.ref)
		}
	}
}

// rightOfSemi emits the left rows whose first match came or whose last one went.
func (j *join) rightOfSemi(left *state.MultiMap, kind batch.Kind, match []pair) {
	anti := j.cfg.Type == AntiJoin
	for _, m := range match {
		if kind.Adds() {
			if left.AddCount(m.ref, 1) != 1 {
				continue
			}
			if anti {
				j.rows.add(batch.Delete, -1, m.ref)
			} else {
				j.rows.add(kind, -1, m.ref)
			}
			continue
		}
		if left.AddCount(m.ref, -1) != 0 {
			continue
		}
		if anti {
			j.rows.add(batch.Insert, -1, m.ref)
		} else {
			j.rows.add(kind, -1, m.ref)
		}
	}
}

// flush emits the rows collected in j.rows.
func (j *join) flush(c *Ctx, in int, b *batch.Batch) error {
	if len(j.rows.lanes) == 0 {
		return nil
	}
	if !j.cfg.EmitUpdateBefore {
		j.dropBefore()
	}
	err := j.emitRows(c, in, b, true)
	j.rows.reset()
	return err
}

// dropBefore removes -U rows nobody wants.
func (j *join) dropBefore() {
	r, k := &j.rows, 0
	for i, kind := range r.kinds {
		if kind == batch.UpdateBefore {
			continue
		}
		r.kinds[k], r.lanes[k], r.refs[k], r.noLane[k], r.noRef[k] = kind, r.lanes[i], r.refs[i], r.noLane[i], r.noRef[i]
		k++
	}
	r.kinds, r.lanes, r.refs, r.noLane, r.noRef = r.kinds[:k], r.lanes[:k], r.refs[:k], r.noLane[:k], r.noRef[:k]
}

// emitRows makes batches of the rows collected and emits them. padded says that
// rows may lack one half.
func (j *join) emitRows(c *Ctx, in int, b *batch.Batch, padded bool) error {
	r := &j.rows
	nl := len(j.cfg.Left)
	for from := 0; from < len(r.lanes); from += pairRows {
		to := min(len(r.lanes), from+pairRows)
		r.out.SetColumns(len(j.cfg.Out))
		r.out.N = to - from
		lanePad := padded && anyTrue(r.noLane[from:to])
		refPad := padded && anyTrue(r.noRef[from:to])
		if j.cfg.Type.leftOnly() {
			j.leftRows(in, b, from, to, lanePad)
		} else {
			own, other, ts := r.out.Cols[:nl], r.out.Cols[nl:], j.cfg.Right
			if in == 1 {
				own, other, ts = other, own, j.cfg.Left
			}
			r.own(own, b, from, to, lanePad)
			r.other(other, j.sides[1-in], ts, j.cols[1-in], from, to, refPad)
		}
		for i := range r.out.Cols {
			r.out.Cols[i].Type = j.cfg.Out[i]
		}
		r.out.Kinds = nil
		if len(r.kinds) > 0 {
			r.out.Kinds = kindsOf(r.kinds[from:to])
		}
		if err := c.Emit(&r.out); err != nil {
			return err
		}
	}
	return nil
}

// leftRows makes the rows of a semi or anti join: lanes of a left batch, or stored
// left rows when a right batch is at hand.
func (j *join) leftRows(in int, b *batch.Batch, from, to int, stored bool) {
	r := &j.rows
	if in == 0 {
		r.own(r.out.Cols, b, from, to, false)
		return
	}
	invariant.Check(stored, "a semi join emits the lanes of its right input")
	r.other(r.out.Cols, j.sides[0], j.cfg.Left, j.cols[0], from, to, false)
}

// Watermark lets go of rows that match nothing any more. It drops no late rows.
func (j *join) Watermark(_ *Ctx, ts int64) error {
	for s := range j.sides {
		if side := &j.cfg.Sides[s]; side.Prune && ts < batch.MaxWatermark {
			j.sides[s].Prune(ts - side.PruneLag)
		}
	}
	return nil
}

// Timer is not used.
func (j *join) Timer(*Ctx, int64) error { return nil }

// Snapshot has nothing outside of the store.
func (j *join) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (j *join) Close() error { return nil }
