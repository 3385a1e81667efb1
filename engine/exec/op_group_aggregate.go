package exec

import (
	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// GroupAggConfig describes an aggregation by keys.
//
// Output: the key columns, then the results of Aggs.
type GroupAggConfig struct {
	Input []types.Type
	// Keys are columns of the input; none makes one group of all rows.
	Keys []int
	Aggs []AggSpec
	// InputRetracts: rows may be -U or -D; groups count their rows and end.
	InputRetracts bool
	// EmitUpdateBefore: readers want -U rows.
	EmitUpdateBefore bool
	// Batch: nothing is emitted before the input ends, then each group once, in
	// order of keys; without Keys a row comes for empty input too.
	Batch bool
	// Merge: the input is a local aggregation's output, in which the keys come
	// first and Aggs' Args mean columns of LocalInput.
	Merge      bool
	LocalInput []types.Type
	// TTL is how long an untouched group is kept, in milliseconds; 0 is for ever.
	TTL int64
}

// NewGroupAggregate makes an aggregation by keys.
//
// A key's first row gives +I, a change of its results -U (if wanted) and +U, the
// end of its last row -D. A row taken back from an unknown key is ignored. Results
// that do not change are not emitted, unless state has a time to live: then each
// row is a sign of life to operators below. Exact, that holds row by row; otherwise
// changes of one batch are folded into one for each key.
func NewGroupAggregate(cfg GroupAggConfig) Operator { return &groupAgg{cfg: cfg} }

type groupAgg struct {
	cfg   GroupAggConfig
	a     *aggCalls
	table *state.Table

	// always: every row changes some result, so that nothing need be compared.
	always   bool
	keyTypes []types.Type
	count    int // column of the number of rows, of partial input

	keys   batch.KeyVec
	g      state.Grouper
	seeds  laneRows
	lanes  []uint16
	groups []uint16
	signs  []int64
	alive  []int64 // rows of each group, while rows are looked at
	reset  []bool  // group ended within the batch
	prev   []int   // by group: the row before, -1 for what was stored
	base   [][]uint64
	sums   [][]uint64
	rows   [][]uint64
	zero   []uint64
	refs   []state.Ref
	out    emitter

	cursor *state.Cursor
}

// Draw names the operator and its state.
func (o *groupAgg) Draw() Drawing {
	d := Drawing{Name: "GroupAggregate", State: []string{"groups"}}
	if o.cfg.Merge {
		d.Name = "GlobalGroupAggregate"
	}
	if o.a != nil {
		d.State = append(d.State, o.a.stateNames()...)
	}
	return d
}

// Open makes the table of groups.
func (o *groupAgg) Open(c *Ctx) error {
	cfg := &o.cfg
	input := cfg.Input
	if cfg.Merge {
		input = cfg.LocalInput
	}
	a, err := newAggCalls(cfg.Aggs, aggOptions{c: c, input: input, retract: cfg.InputRetracts, partial: cfg.Merge, emits: !cfg.Batch})
	if err != nil {
		return err
	}
	o.a = a
	o.keyTypes = colTypes(cfg.Input, cfg.Keys)
	o.table = c.Store.Table(c.Name+".groups", state.TableSpec{
		Key: o.keyTypes, Lanes: a.width, Blobs: a.blobs, TTL: cfg.TTL,
	})
	a.openDistinct(c, input, cfg.TTL, o.table)
	a.openOrdered(c, o.keyTypes, cfg.TTL)
	o.count = -1
	if cfg.Merge {
		o.count = len(cfg.Input) - 1
	}
	for _, s := range a.specs {
		if s.Func == "COUNT" && len(s.Args) == 0 && s.Filter < 0 && !cfg.InputRetracts {
			o.always = true
		}
	}
	o.zero = make([]uint64, a.width)
	o.out.types = append(colTypes(cfg.Input, cfg.Keys), a.resultTypes()...)
	return nil
}

// Process takes the rows of one batch.
func (o *groupAgg) Process(c *Ctx, _ int, b *batch.Batch) error {
	n := b.Rows()
	if n == 0 {
		return nil
	}
	o.a.heap.Reset()
	var keys *batch.KeyVec
	if len(o.cfg.Keys) > 0 {
		keys = keyVec(c, 0, b, o.cfg.Keys, &o.keys)
	}
	o.table.Group(&o.g, b, keys, b.Sel, state.Upsert)
	if len(o.a.ordered) > 0 {
		o.a.lookup(b, keys, o.g.Reps)
	}
	exact := c.Exact && !o.cfg.Batch
	o.choose(b, n)
	if len(o.lanes) > 0 {
		if err := o.change(c, b, exact); err != nil {
			return err
		}
	}
	o.drop()
	return nil
}

// choose lists the rows that count and their signs: a row taken back from a group
// that has none is ignored. When a group ends, what it held is forgotten, so rows
// that are followed by the end of their group do not matter to what comes after.
func (o *groupAgg) choose(b *batch.Batch, n int) {
	o.lanes, o.groups, o.signs = b.Sel, o.g.G, nil
	if o.lanes == nil {
		o.lanes = batch.Span(0, n)
	}
	o.reset = grow(o.reset, o.g.Len())
	clear(o.reset)
	if !o.cfg.InputRetracts || b.Kinds == nil && o.count < 0 {
		return
	}
	o.alive = grow(o.alive, o.g.Len())
	for k, ref := range o.g.Refs {
		o.alive[k] = int64(o.table.Row(ref)[0])
	}
	from := o.lanes
	o.lanes, o.groups = make([]uint16, 0, n), make([]uint16, 0, n)
	o.signs = make([]int64, 0, n)
	for i, l := range from {
		k := o.g.G[i]
		add := int64(1)
		if o.count >= 0 {
			add = o.a.col(b, o.count).I64[l]
		} else if b.Kinds != nil && !b.Kinds[l].Adds() {
			add = -1
		}
		if o.alive[k] <= 0 && add <= 0 {
			continue
		}
		o.alive[k] += add
		if o.alive[k] <= 0 {
			o.alive[k] = 0
			o.reset[k] = true
		}
		o.lanes, o.groups, o.signs = append(o.lanes, l), append(o.groups, k), append(o.signs, add)
	}
}

// change applies the chosen rows and emits what changes.
func (o *groupAgg) change(c *Ctx, b *batch.Batch, exact bool) error {
	seeds := o.a.load(&o.seeds, o.table, o.g.Refs)
	o.out.reset()
	var err error
	if exact {
		err = o.changeRows(b, seeds)
	} else {
		err = o.changeGroups(b, seeds)
	}
	if err != nil || o.cfg.Batch {
		return err
	}
	return o.out.emit(c)
}

// local makes rows of this batch: one for each chosen row with g counting up, or
// for each group.
func (o *groupAgg) local(b *batch.Batch, g []uint16, n int, exact bool) ([][]uint64, error) {
	a := o.a
	if o.cfg.Merge {
		rows := a.readPartial(b, len(o.cfg.Keys), o.count, o.lanes)
		if exact {
			return rows, nil
		}
		return o.sum(rows, g, n)
	}
	return a.fold(&aggRun{
		b: b, lanes: o.lanes, g: g, signs: o.signs, n: n, g2: o.groups, refs: o.g.Refs, exact: exact,
	}), nil
}

// sum merges partial results of the same key, which follow each other, into n rows. A
// local phase tells each key of its batch once, so most rows are the sum already.
func (o *groupAgg) sum(rows [][]uint64, g []uint16, n int) ([][]uint64, error) {
	sum := grow(o.sums, n)
	o.sums = sum
	clear(sum)
	for i, k := range g {
		if sum[k] == nil {
			sum[k] = rows[i]
			continue
		}
		one := sum[k : k+1]
		if err := o.a.merge(one, one, rows[i:i+1]); err != nil {
			return nil, err
		}
	}
	for k, row := range sum {
		if row == nil {
			sum[k] = make([]uint64, o.a.width) // none of its rows counts
		}
	}
	return sum, nil
}

// changeGroups folds the batch into one change for each group.
func (o *groupAgg) changeGroups(b *batch.Batch, seeds [][]uint64) error {
	a, n := o.a, o.g.Len()
	groups := o.groups
	if o.signs != nil {
		groups = o.afterEnds(n)
	}
	rows, err := o.local(b, groups, n+1, false)
	if err != nil {
		return err
	}
	rows = rows[:n]
	o.base = append(o.base[:0], seeds...)
	for k, ended := range o.reset[:n] {
		if ended {
			o.base[k] = o.zero
		}
	}
	if err := a.merge(rows, o.base, rows); err != nil {
		return err
	}
	if !o.cfg.Batch {
		for k, row := range rows {
			o.out.add(o.g.Reps[k], o.change1(seeds[k], row, int64(seeds[k][0]) > 0))
		}
		if err := o.results(b); err != nil {
			return err
		}
	}
	for k, ref := range o.g.Refs {
		a.save(o.table, ref, rows[k], seeds[k])
	}
	return nil
}

// afterEnds sends rows that are followed by the end of their group to a row that
// nobody reads, the last one.
func (o *groupAgg) afterEnds(n int) []uint16 {
	ended := false
	for _, r := range o.reset[:n] {
		ended = ended || r
	}
	if !ended {
		return o.groups
	}
	cut := make([]int, n) // by group: the number of rows up to its last end
	for k, ref := range o.g.Refs {
		o.alive[k] = int64(o.table.Row(ref)[0])
	}
	for i, k := range o.groups {
		if o.alive[k] += o.signs[i]; o.alive[k] <= 0 {
			o.alive[k] = 0
			cut[k] = i + 1
		}
	}
	out := make([]uint16, len(o.groups))
	for i, k := range o.groups {
		if out[i] = k; i < cut[k] {
			out[i] = uint16(n)
		}
	}
	return out
}

// change1 is the change from one row to the next of a group. With a TTL one without a
// difference is told too, so that those who read it renew theirs; but not by DISTINCT,
// whose rows are inserts alone.
func (o *groupAgg) change1(before, after []uint64, had bool) change {
	has := int64(after[0]) > 0
	ch := change{before: before, after: after}
	switch {
	case had && has:
		ch.what = updated
		if !o.always && (o.cfg.TTL == 0 || len(o.cfg.Aggs) == 0 && !o.cfg.InputRetracts) {
			ch.what = compared
		}
	case has:
		ch.what = inserted
	case had:
		ch.what = deleted
	}
	return ch
}

// changeRows takes the batch row by row: row i's accumulators are those of the row
// before of its group followed by its own.
func (o *groupAgg) changeRows(b *batch.Batch, seeds [][]uint64) error {
	a, n := o.a, len(o.lanes)
	rows, err := o.local(b, batch.Span(0, n), n, true)
	if err != nil {
		return err
	}
	o.prev = grow(o.prev, len(seeds))
	for k := range o.prev {
		o.prev[k] = -1
	}
	o.base = grow(o.base, n)
	had := make([]bool, n)
	alive := make([]int64, len(seeds))
	for k, s := range seeds {
		alive[k] = int64(s[0])
	}
	for i, k := range o.groups {
		before := seeds[k]
		if o.prev[k] >= 0 {
			before = rows[o.prev[k]]
		}
		if had[i] = alive[k] > 0; !had[i] {
			before = o.zero
		}
		if o.signs == nil {
			alive[k]++
		} else {
			alive[k] = max(0, alive[k]+o.signs[i])
		}
		o.base[i] = before
		o.prev[k] = i
	}
	if err := a.merge(rows, o.base, rows); err != nil {
		return err
	}
	for i, row := range rows {
		o.out.add(o.lanes[i], o.change1(o.base[i], row, had[i]))
	}
	if err := o.results(b); err != nil {
		return err
	}
	for k, ref := range o.g.Refs {
		if i := o.prev[k]; i >= 0 {
			a.save(o.table, ref, rows[i], seeds[k])
		}
	}
	return nil
}

// results computes the output columns of the collected changes.
func (o *groupAgg) results(b *batch.Batch) error {
	o.out.updateBefore = o.cfg.EmitUpdateBefore
	return o.out.make(o.a, b, o.cfg.Keys, &o.a.heap)
}

// drop deletes groups that have no rows left.
func (o *groupAgg) drop() {
	if !o.cfg.InputRetracts {
		return
	}
	for k, ref := range o.g.Refs {
		if int64(o.table.Row(ref)[0]) <= 0 {
			o.a.drop(o.table, ref, k)
			o.table.Delete(ref)
		}
	}
}

// Watermark changes nothing.
func (o *groupAgg) Watermark(*Ctx, int64) error { return nil }

// Timer is never set.
func (o *groupAgg) Timer(*Ctx, int64) error { return nil }

// Snapshot has nothing to add: all is in the table.
func (o *groupAgg) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (o *groupAgg) Close() error { return nil }

// Finish emits the groups of a batch job.
func (o *groupAgg) Finish(c *Ctx) error {
	if !o.cfg.Batch {
		return nil
	}
	if len(o.cfg.Keys) == 0 && o.table.Len() == 0 {
		return o.emitEmpty(c)
	}
	o.cursor = o.table.Cursor()
	_, err := o.Resume(c)
	return err
}

// Resume emits more groups.
func (o *groupAgg) Resume(c *Ctx) (bool, error) {
	if o.cursor == nil {
		return false, nil
	}
	o.refs = grow(o.refs, batch.MaxRows)
	for {
		n := o.cursor.Next(o.refs)
		if n == 0 {
			o.cursor = nil
			return false, nil
		}
		if err := o.emitRefs(c, o.refs[:n]); err != nil {
			return false, err
		}
		if c.Yield() {
			return true, nil
		}
	}
}

func (o *groupAgg) emitRefs(c *Ctx, refs []state.Ref) error {
	o.rows = grow(o.rows, len(refs))
	for i, ref := range refs {
		o.rows[i] = o.table.Row(ref)
	}
	return o.out.emitAll(c, o.a, o.table, refs, o.rows)
}

func (o *groupAgg) emitEmpty(c *Ctx) error {
	o.rows = append(o.rows[:0], o.zero)
	return o.out.emitAll(c, o.a, o.table, nil, o.rows)
}
