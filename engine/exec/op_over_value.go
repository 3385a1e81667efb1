package exec

import (
	"bytes"
	"cmp"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// overValue is OVER by value on a stream: a row that comes or goes changes the
// results of those behind it. Frames begin with the first row.
//
// The list of a key is its rows in order. An entry has the number of its arrival in
// its key, and the accumulators of the rows up to it where those need no memory of
// their own: then only what lies behind a change is computed. Otherwise all rows of a
// touched key are.
type overValue struct {
	cfg     OverConfig
	calls   *overCalls
	frames  *overFrames
	rows    *state.Sorted
	order   *state.Ordering
	cols    []int
	all     []int
	codec   *state.Codec
	stored  bool         // entries have accumulators
	numLane int          // the first of overNumberLanes lanes of an entry, if there are ranks
	types   []types.Type // of results: those of aggregates, then of ranks
	gives   batch.Kind   // of a row that is new

	keys  batch.KeyVec
	group state.Grouper
	place []byte
	row   []byte
	by    [][]uint16 // by group: its lanes
	old   overList
	now   overList
	prior [][]uint64
	seed  []uint64
	index []uint32
	cat   batch.Col
	// Changes to be emitted: rows, and their results in columns.
	list rowList
	res  []batch.Col
	out  batch.Batch
	span []uint32
}

// place2 is the place of an entry.
type place2 struct {
	word uint64
	rest []byte
	set  bool
}

func (p *place2) lower(word uint64, rest []byte) bool {
	return !p.set || word < p.word || word == p.word && bytes.Compare(rest, p.rest) < 0
}

// Lanes of an entry; the accumulators follow.
const (
	valueID = iota
	valueAcc
)

// Lanes of an entry where there are ranks: how many rows and how many places there are
// up to it.
const (
	numberRows = iota
	numberPlaces
	overNumberLanes
)

// overList is the rows of a key from some place on, with their results.
type overList struct {
	ids   []uint64
	words []uint64
	rests [][]byte
	rows  [][]byte
	mem   []byte
	accs  [][]uint64
	res   []batch.Col
}

// Draw names the operator and its state.
func (o *overValue) Draw() Drawing {
	return Drawing{Name: "OverAggregate", State: []string{"rows"}}
}

// Open makes the lists.
func (o *overValue) Open(c *Ctx) error {
	cfg := &o.cfg
	var err error
	if o.calls, err = newOverCalls(cfg); err != nil {
		return err
	}
	if o.frames, err = newOverFrames(c, cfg.Input, o.calls.aggs, false); err != nil {
		return err
	}
	f := o.frames
	o.stored = len(f.a.blobs) == 0 && len(f.a.distinct) == 0
	o.order, o.cols = ordering(cfg.Input, cfg.OrderBy)
	o.codec, o.all = state.NewCodec(cfg.Input), allCols(len(cfg.Input))
	entry := valueAcc
	if o.stored {
		entry += f.a.width
	}
	if o.numLane = entry; len(o.calls.ranks) > 0 {
		entry += overNumberLanes
	}
	o.rows = c.Store.Sorted(c.Name+".rows", state.SortedSpec{
		Table: state.TableSpec{Key: colTypes(cfg.Input, cfg.PartitionBy), Lanes: 1, TTL: cfg.TTL}, Entry: entry,
	})
	o.seed = make([]uint64, f.a.width)
	o.list = newRowList(cfg.Input, o.codec, false)
	for _, s := range f.a.specs {
		o.types = append(o.types, s.Result)
	}
	for _, r := range o.calls.ranks {
		o.types = append(o.types, r.out)
	}
	o.res = make([]batch.Col, len(o.types))
	o.forget()
	for _, d := range f.a.distinct {
		d.find = distinctInOrder(f.a, d)
	}
	return nil
}

// distinctInOrder finds the words of values in a map of one pass over a list: what is
// distinct up to a row depends on the rows before it. A pass begins in lane 0.
func distinctInOrder(a *aggCalls, d *distinctArg) func(*aggRun, []uint16, []int) []uint64Row {
	seen := map[string]uint64Row{}
	var key []byte
	var out []uint64Row
	return func(r *aggRun, lanes []uint16, _ []int) []uint64Row {
		if r.first {
			clear(seen)
		}
		cols := make([]*batch.Col, len(d.args))
		for i, k := range d.args {
			cols[i] = a.col(r.b, k)
		}
		out = out[:0]
		for _, l := range lanes {
			key = batch.AppendKeys(key[:0], cols, int(l))
			row := seen[string(key)]
			if row == nil {
				row = make(uint64Row, 1)
				seen[string(key)] = row
			}
			out = append(out, row)
		}
		return out
	}
}

// Process applies the rows of a batch: one by one, or all of a key together.
func (o *overValue) Process(c *Ctx, _ int, b *batch.Batch) error {
	n := b.Rows()
	if n == 0 {
		return nil
	}
	var keys *batch.KeyVec
	if len(o.cfg.PartitionBy) > 0 {
		keys = keyVec(c, 0, b, o.cfg.PartitionBy, &o.keys)
	}
	g := &o.group
	o.rows.Keys().Group(g, b, keys, b.Sel, state.Upsert)
	if c.Exact {
		one := make([]uint16, 1)
		for i := range n {
			one[0] = uint16(b.Lane(i))
			o.gives = batch.Insert
			if o.cfg.EmitUpdateBefore && b.Kind(b.Lane(i)) == batch.UpdateAfter {
				o.gives = batch.UpdateAfter
			}
			if err := o.change(b, g.Refs[g.G[i]], one); err != nil {
				return err
			}
		}
	} else {
		o.gives = batch.Insert
		for len(o.by) < g.Len() {
			o.by = append(o.by, nil)
		}
		for k := range g.Len() {
			o.by[k] = o.by[k][:0]
		}
		for i, k := range g.G {
			o.by[k] = append(o.by[k], uint16(b.Lane(i)))
		}
		for k, ref := range g.Refs {
			if err := o.change(b, ref, o.by[k]); err != nil {
				return err
			}
		}
	}
	for _, ref := range g.Refs {
		if o.rows.Len(ref) == 0 {
			o.rows.Keys().Delete(ref)
		}
	}
	return o.emit(c)
}

// change applies rows to one key and tells what became of its results.
func (o *overValue) change(b *batch.Batch, ref state.Ref, lanes []uint16) error {
	var least place2
	for _, l := range lanes {
		word, rest := o.order.Append(o.place[:0], b, o.cols, int(l))
		if o.place = rest; least.lower(word, rest) {
			least = place2{word, append(least.rest[:0], rest...), true}
		}
	}
	if err := o.read(&o.old, ref, least, false); err != nil {
		return err
	}
	for _, l := range lanes {
		o.apply(b, ref, int(l))
	}
	if err := o.read(&o.now, ref, least, true); err != nil {
		return err
	}
	o.diff()
	return nil
}

// diff notes the changes from the old list to the new one, in order.
func (o *overValue) diff() {
	x, y := &o.old, &o.now
	o.index = o.index[:0]
	split := uint32(len(x.rows))
	add := func(kind batch.Kind, l *overList, i int) {
		o.list.add(kind, l.rows[i], 0)
		at := uint32(i)
		if l == y {
			at += split
		}
		o.index = append(o.index, at)
	}
	for i, j := 0, 0; i < len(x.rows) || j < len(y.rows); {
		switch d := compareEntries(x, i, y, j); {
		case d < 0:
			add(batch.Delete, x, i)
			i++
		case d > 0:
			add(o.gives, y, j)
			j++
		default:
			if !sameResults(x.res, i, y.res, j) {
				if o.cfg.EmitUpdateBefore {
					add(batch.UpdateBefore, x, i)
				}
				add(batch.UpdateAfter, y, j)
			}
			i, j = i+1, j+1
		}
	}
	if len(o.index) == 0 {
		return
	}
	at := o.list.len() - len(o.index)
	for k := range o.res {
		o.cat.Alloc(o.types[k], 0)
		o.cat.Append(0, &x.res[k], nil, len(x.rows))
		o.cat.Append(len(x.rows), &y.res[k], nil, len(y.rows))
		o.res[k].AppendIndex(at, &o.cat, o.index, len(o.index))
	}
}

// compareEntries orders entry i of x and entry j of y by place and arrival; a list's
// end comes behind all.
func compareEntries(x *overList, i int, y *overList, j int) int {
	switch {
	case i == len(x.rows):
		return 1
	case j == len(y.rows):
		return -1
	}
	if d := cmp.Compare(x.words[i], y.words[j]); d != 0 {
		return d
	}
	if d := bytes.Compare(x.rests[i], y.rests[j]); d != 0 {
		return d
	}
	return cmp.Compare(x.ids[i], y.ids[j])
}

func sameResults(a []batch.Col, i int, b []batch.Col, j int) bool {
	for k := range a {
		if !a[k].EqualLanes(i, &b[k], j) {
			return false
		}
	}
	return true
}

// forget empties what is to be emitted.
func (o *overValue) forget() {
	r := &o.list
	r.kinds, r.ends, r.bytes = r.kinds[:0], r.ends[:0], r.bytes[:0]
	for k, t := range o.types {
		o.res[k].Alloc(t, 0)
	}
}

// emit gives out the changes that were noted.
func (o *overValue) emit(c *Ctx) error {
	r, k := &o.list, len(o.cfg.Input)
	at := 0
	for from := 0; from < len(r.kinds); from += batch.MaxRows {
		to := min(len(r.kinds), from+batch.MaxRows)
		n := to - from
		r.rows, o.span = r.rows[:0], o.span[:0]
		for i, e := range r.ends[from:to] {
			r.rows, o.span = append(r.rows, r.bytes[at:e]), append(o.span, uint32(from+i))
			at = e
		}
		o.out.SetColumns(k + len(o.cfg.Calls))
		for i, t := range o.cfg.Input {
			o.out.Cols[i].Alloc(t, n)
		}
		o.codec.Decode(o.out.Cols[:k], 0, nil, r.rows)
		for i, p := range o.calls.places {
			at := p.agg
			if p.rank >= 0 {
				at = len(o.frames.a.specs) + p.rank
			}
			o.out.Cols[k+i].Alloc(o.cfg.Calls[i].Result, 0)
			o.out.Cols[k+i].AppendIndex(0, &o.res[at], o.span, n)
		}
		o.out.N, o.out.Kinds = n, kindsOf(r.kinds[from:to])
		if err := c.Emit(&o.out); err != nil {
			return err
		}
	}
	o.forget()
	return nil
}

// apply puts one row into its list or takes it out.
func (o *overValue) apply(b *batch.Batch, ref state.Ref, l int) {
	word, rest := o.order.Append(o.place[:0], b, o.cols, l)
	o.place = rest
	o.row = o.codec.Append(o.row[:0], b, o.all, l)
	if b.Kind(l).Adds() {
		key := o.rows.Keys().Row(ref)
		key[0]++
		p := o.rows.Insert(ref, word, rest, o.row)
		o.rows.Lanes(p)[valueID] = key[0]
		return
	}
	for p := o.rows.Seek(ref, word, rest); p.OK(); p = o.rows.Next(p) {
		if o.rows.Word(p) != word || !bytes.Equal(o.rows.Rest(p), rest) {
			return // not there: nothing to take back
		}
		if bytes.Equal(o.rows.Payload(p), o.row) {
			o.rows.Remove(p)
			return
		}
	}
}

// read reads the rows of a key from a place on and computes their results; with
// write it computes the accumulators anew and keeps them.
func (o *overValue) read(x *overList, ref state.Ref, least place2, write bool) error {
	x.ids, x.words, x.rests, x.rows, x.mem, x.accs = x.ids[:0], x.words[:0], x.rests[:0], x.rows[:0], x.mem[:0], x.accs[:0]
	from := o.rows.First(ref)
	clear(o.seed)
	var before state.Pos
	if o.stored {
		from = o.rows.Seek(ref, least.word, least.rest)
		before = o.rows.Last(ref)
		if from.OK() {
			before = o.rows.Prev(from)
		}
		if before.OK() {
			copy(o.seed, o.rows.Lanes(before)[valueAcc:])
		}
	}
	for p := from; p.OK(); p = o.rows.Next(p) {
		x.ids, x.words = append(x.ids, o.rows.Lanes(p)[valueID]), append(x.words, o.rows.Word(p))
		at := len(x.mem)
		x.mem = append(x.mem, o.rows.Rest(p)...)
		cut := len(x.mem)
		x.mem = append(x.mem, o.rows.Payload(p)...)
		x.rests = append(x.rests, x.mem[at:cut:cut])
		x.rows = append(x.rows, x.mem[cut:len(x.mem):len(x.mem)])
	}
	a := o.frames.a
	a.heap.Reset()
	if o.stored && !write {
		x.accs = o.load(x.accs, from, len(x.rows))
	} else if err := o.run(x); err != nil {
		return err
	}
	if write && o.stored {
		i := 0
		for p := from; p.OK(); p = o.rows.Next(p) {
			copy(o.rows.Lanes(p)[valueAcc:], x.accs[i])
			i++
		}
	}
	o.share(x)
	if len(x.res) != len(o.types) {
		x.res = make([]batch.Col, len(o.types))
	}
	if len(o.calls.ranks) > 0 {
		o.number(x, before, from)
	}
	return a.final(x.res[:len(a.specs)], x.accs, &a.heap)
}

// number numbers the rows of a list, the first of which is at from, behind the entry
// before; it keeps in entries how many there are.
func (o *overValue) number(x *overList, before, from state.Pos) {
	var rows, places uint64
	if before.OK() {
		l := o.rows.Lanes(before)[o.numLane:]
		rows, places = l[numberRows], l[numberPlaces]
	}
	res := x.res[len(o.frames.a.specs):]
	for i, r := range o.calls.ranks {
		res[i].Alloc(r.out, len(x.rows))
	}
	rank := rows
	for i, p := 0, from; p.OK(); i, p = i+1, o.rows.Next(p) {
		if i == 0 || x.words[i] != x.words[i-1] || !bytes.Equal(x.rests[i], x.rests[i-1]) {
			rank, places = rows+1, places+1
		}
		rows++
		l := o.rows.Lanes(p)[o.numLane:]
		l[numberRows], l[numberPlaces] = rows, places
		for k, r := range o.calls.ranks {
			if res[k].I64[i] = int64(rank); r.fn == "DENSE_RANK" {
				res[k].I64[i] = int64(places)
			}
		}
	}
}

// load copies the accumulators of entries.
func (o *overValue) load(dst [][]uint64, p state.Pos, n int) [][]uint64 {
	w := o.frames.a.width
	mem := make([]uint64, n*w)
	for i := range n {
		row := mem[i*w : (i+1)*w : (i+1)*w]
		copy(row, o.rows.Lanes(p)[valueAcc:])
		dst = append(dst, row)
		p = o.rows.Next(p)
	}
	return dst
}

// run computes the accumulators after each row of a list, beginning with o.seed.
func (o *overValue) run(x *overList) error {
	f, a := o.frames, o.frames.a
	prev := o.seed
	for from := 0; from < len(x.rows); from += batch.MaxRows {
		to := min(len(x.rows), from+batch.MaxRows)
		n := to - from
		b := f.decode(o.codec, x.rows[from:to])
		span := batch.Span(0, n)
		rows := a.fold(&aggRun{b: b, lanes: span, g: span, n: n, exact: true, first: from == 0})
		o.prior = grow(o.prior, n)
		mem := make([]uint64, n*a.width)
		for i, r := range rows {
			own := mem[i*a.width : (i+1)*a.width : (i+1)*a.width]
			copy(own, r)
			x.accs = append(x.accs, own)
			o.prior[i] = prev
			prev = own
		}
		if err := a.merge(x.accs[from:to], o.prior, x.accs[from:to]); err != nil {
			return err
		}
	}
	return nil
}

// share gives the rows of one place the accumulators of the last of them.
func (o *overValue) share(x *overList) {
	if o.cfg.Rows {
		return
	}
	for i := len(x.rows) - 2; i >= 0; i-- {
		if x.words[i] == x.words[i+1] && bytes.Equal(x.rests[i], x.rests[i+1]) {
			x.accs[i] = x.accs[i+1]
		}
	}
}

// Watermark changes nothing.
func (o *overValue) Watermark(*Ctx, int64) error { return nil }

// Timer is not used.
func (o *overValue) Timer(*Ctx, int64) error { return nil }

// Snapshot has nothing outside of the store.
func (o *overValue) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (o *overValue) Close() error { return nil }
