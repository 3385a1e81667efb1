package exec

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/function/aggregate"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// AggSpec is one aggregate of an aggregation.
type AggSpec struct {
	// Func is the name of the function; User is set if it is one of a user.
	Func string
	User *aggregate.User
	// Args are columns of the input; none for COUNT(*).
	Args []int
	// Distinct values of Args count once.
	Distinct bool
	// Filter is a BOOLEAN column of the input: rows where it is not TRUE are left
	// out. -1 for none.
	Filter int
	// IgnoreNulls is IGNORE NULLS or ABSENT ON NULL.
	IgnoreNulls bool
	// Result is the type of the result.
	Result types.Type
}

// builtin is the name of a built-in function, and empty for one of a user.
func (s *AggSpec) builtin() string {
	if s.User != nil {
		return ""
	}
	return s.Func
}

// aggCalls runs the aggregates of one operator. A group's accumulators lie in a row
// of lanes: the number of rows of the group, then those of each aggregate.
//
// A batch is folded into rows of its own first (fold), which are then merged into
// what is kept. Large tables are so touched once a group, and what is made of the
// three steps of an Acc serves every operator.
type aggCalls struct {
	specs   []AggSpec
	accs    []aggregate.Acc
	offs    []int
	width   int
	blobs   []int
	retract bool

	lists    []aggList
	listOf   []int
	distinct []*distinctArg
	ordered  []*orderedArg

	heap  aggregate.Heap
	local laneRows
	flat  map[int]*batch.Col // memory of constants written out, by column
	args  [][]*batch.Col
	// argTypes are the types of the only arguments.
	argTypes []types.Type
	tmp      []*batch.Col
}

// aggList is the rows that an aggregate is given: those that pass a filter and
// whose argument is not NULL.
type aggList struct {
	filter int
	arg    int // -1: NULLs do not matter
	g      []uint16
	lanes  []uint16
	signs  []int64
	memG   []uint16
	memL   []uint16
	memS   []int64
}

// laneRows is memory for rows of lanes.
type laneRows struct {
	mem   []uint64
	rows  [][]uint64
	views [][]uint64 // rows that lie elsewhere
}

// take gives n rows of width lanes, all zero.
func (r *laneRows) take(n, width int) [][]uint64 {
	if need := n * width; len(r.mem) < need {
		r.mem = make([]uint64, max(need, 2*len(r.mem)))
		r.rows = r.rows[:0]
	}
	clear(r.mem[:n*width])
	for k := len(r.rows); k < n; k++ {
		at := k * width
		if at+width > len(r.mem) {
			break
		}
		r.rows = append(r.rows, r.mem[at:at+width:at+width])
	}
	return r.rows[:n]
}

// aggOptions says where an operator keeps what does not fit in lanes.
type aggOptions struct {
	input   []types.Type
	retract bool
	// partial: accumulators travel, so nothing may be kept outside of their lanes.
	partial bool
	// inLanes keeps values of MIN and MAX over retracting input in lanes too.
	inLanes bool
	// c is where functions of users run; or a frame that is there.
	c     *Ctx
	frame *function.Frame
	// lazy: accumulators are merged one by one.
	lazy bool
	// emits: results follow each merge.
	emits bool
	// edges: the operator says what MIN, MAX, FIRST_VALUE and LAST_VALUE are.
	edges bool
}

// frameOf is where a function of a user runs.
func (o *aggOptions) frameOf(s *AggSpec) *function.Frame {
	if s.User == nil || o.frame != nil {
		return o.frame
	}
	return function.NewFrame(o.c, o.c.Zone)
}

func newAggCalls(specs []AggSpec, o aggOptions) (*aggCalls, error) {
	a := &aggCalls{specs: slices.Clone(specs), retract: o.retract, width: 1, flat: map[int]*batch.Col{}}
	for i := range a.specs {
		s := &a.specs[i]
		if f := aggregate.Lookup(s.Func); f != nil && s.User == nil {
			s.Func = f.Name
		}
		switch s.builtin() {
		case "APPROX_COUNT_DISTINCT":
			s.Func, s.Distinct = "COUNT", true
		case "MIN", "MAX":
			s.Distinct = false
		}
		acc, err := a.makeAcc(i, s, o)
		if err != nil {
			return nil, err
		}
		a.accs = append(a.accs, acc)
		a.offs = append(a.offs, a.width)
		for _, l := range acc.Blobs() {
			a.blobs = append(a.blobs, a.width+l)
		}
		a.width += acc.Lanes()
		a.listOf = append(a.listOf, a.list(s, acc, o.input))
		a.args = append(a.args, make([]*batch.Col, len(s.Args)))
		a.argTypes = append(a.argTypes, s.Result)
		if ts := colTypes(o.input, s.Args); len(ts) == 1 {
			a.argTypes[i] = ts[0]
		}
	}
	return a, nil
}

func (a *aggCalls) makeAcc(i int, s *AggSpec, o aggOptions) (aggregate.Acc, error) {
	ts := colTypes(o.input, s.Args)
	if o.edges && edgeRule(s.builtin()) != nil {
		return aggregate.NewLatest(ts[0]), nil
	}
	if o.retract && !o.partial && !o.inLanes && (s.builtin() == "MIN" || s.builtin() == "MAX") {
		a.addOrdered(i, s)
		return aggregate.NewLatest(ts[0]), nil
	}
	acc, err := aggregate.New(aggregate.Spec{
		Func: s.Func, Args: ts, Result: s.Result, IgnoreNulls: s.IgnoreNulls, Retract: o.retract,
		User: s.User, Frame: o.frameOf(s), Lazy: o.lazy, Emits: o.emits,
	})
	if err == nil && s.Distinct && len(s.Args) > 0 {
		a.addDistinct(i, s)
	}
	return acc, err
}

// list finds or makes the list of rows for an aggregate.
func (a *aggCalls) list(s *AggSpec, acc aggregate.Acc, input []types.Type) int {
	arg := -1
	if len(s.Args) > 0 && !acc.WantsNulls() && input[s.Args[0]].IsNullable() {
		arg = s.Args[0]
	}
	for i, l := range a.lists {
		if l.filter == s.Filter && l.arg == arg {
			return i
		}
	}
	a.lists = append(a.lists, aggList{filter: s.Filter, arg: arg})
	return len(a.lists) - 1
}

// aggRun is a run of rows to fold.
type aggRun struct {
	b *batch.Batch
	// Row i has its values at lanes[i] and goes to local row g[i]; signs nil adds.
	lanes, g []uint16
	signs    []int64
	// n is the number of local rows.
	n int
	// For distinct values and ordered ones: the group of row i among refs, the rows
	// of the operator's table. Nil g2 means g.
	g2   []uint16
	refs []state.Ref
	// exact: distinct and ordered values are taken strictly in order of rows.
	exact bool
	// first: distinct values are forgotten before (where they are found in a map).
	first bool
}

// col is a column with one value a lane.
func (a *aggCalls) col(b *batch.Batch, i int) *batch.Col {
	c := &b.Cols[i]
	if c.Enc == batch.Flat {
		return c
	}
	m := a.flat[i]
	if m == nil {
		m = &batch.Col{}
		a.flat[i] = m
	}
	m.Dense(c, b.N)
	return m
}

// fold adds rows to fresh local rows and returns them.
func (a *aggCalls) fold(r *aggRun) [][]uint64 {
	rows := a.local.take(r.n, a.width)
	l := a.local.mem
	if r.signs == nil {
		for _, g := range r.g {
			l[int(g)*a.width]++
		}
	} else {
		for i, g := range r.g {
			l[int(g)*a.width] += uint64(r.signs[i])
		}
	}
	for i := range a.lists {
		a.fill(&a.lists[i], r)
	}
	f := aggregate.Fold{L: l, Stride: a.width, Heap: &a.heap}
	for i, acc := range a.accs {
		s := &a.specs[i]
		if s.Distinct && len(s.Args) > 0 {
			continue
		}
		list := &a.lists[a.listOf[i]]
		f.Off, f.G, f.Lanes, f.Signs = a.offs[i], list.g, list.lanes, list.signs
		f.Args = a.argCols(r.b, i)
		acc.Fold(&f)
	}
	for _, d := range a.distinct {
		d.fold(a, r, &f)
	}
	for _, o := range a.ordered {
		o.fold(a, r)
	}
	return rows
}

func (a *aggCalls) argCols(b *batch.Batch, i int) []*batch.Col {
	for k, c := range a.specs[i].Args {
		a.args[i][k] = a.col(b, c)
	}
	return a.args[i]
}

// fill makes a list of rows for this run.
func (a *aggCalls) fill(x *aggList, r *aggRun) {
	x.g, x.lanes, x.signs = r.g, r.lanes, r.signs
	var arg, cond *batch.Col
	if x.arg >= 0 {
		if arg = a.col(r.b, x.arg); arg.Nulls == nil && arg.Type.Phys() != types.PhysNone {
			arg = nil
		}
	}
	if x.filter >= 0 {
		cond = a.col(r.b, x.filter)
	}
	if arg == nil && cond == nil {
		return
	}
	n := len(r.lanes)
	if cap(x.memG) < n {
		x.memG, x.memL, x.memS = make([]uint16, n), make([]uint16, n), make([]int64, n)
	}
	g, lanes, k := x.memG[:n], x.memL[:n], 0
	for i, l := range r.lanes {
		if !passes(cond, arg, int(l)) {
			continue
		}
		g[k], lanes[k] = r.g[i], l
		if r.signs != nil {
			x.memS[k] = r.signs[i]
		}
		k++
	}
	x.g, x.lanes = g[:k], lanes[:k]
	if r.signs != nil {
		x.signs = x.memS[:k]
	}
}

// passes reports whether a row passes a filter (nil: all do) and has an argument
// (nil: whatever it is).
func passes(cond, arg *batch.Col, l int) bool {
	return (cond == nil || cond.Bool(l) && !cond.IsNull(l)) && (arg == nil || !arg.IsNull(l))
}

// merge makes dst the rows of base followed by those of src, whose references must
// all be to the local heap.
func (a *aggCalls) merge(dst, base, src [][]uint64) error {
	for i, d := range dst {
		d[0] = base[i][0] + src[i][0]
	}
	for i, acc := range a.accs {
		if err := acc.Merge(dst, base, src, a.offs[i], &a.heap); err != nil {
			return err
		}
	}
	return nil
}

// load gives rows of a table with references to the local heap: the table's own
// memory where there are none, so they must not be written.
func (a *aggCalls) load(mem *laneRows, t *state.Table, refs []state.Ref) [][]uint64 {
	if len(a.blobs) == 0 {
		mem.views = grow(mem.views, len(refs))
		for k, ref := range refs {
			mem.views[k] = t.Row(ref)
		}
		return mem.views
	}
	rows := mem.take(len(refs), a.width)
	for k, ref := range refs {
		copy(rows[k], t.Row(ref))
		a.adopt(rows[k], t)
	}
	return rows
}

// adopt turns references to a table's blobs into references to the local heap.
func (a *aggCalls) adopt(row []uint64, t *state.Table) {
	for _, l := range a.blobs {
		if row[l] != 0 {
			row[l] = a.heap.View(t.Blob(row[l]))
		}
	}
}

// save writes a local row to a table. seed is what load gave before, if anything:
// a reference that is still the same is not written again.
func (a *aggCalls) save(t *state.Table, ref state.Ref, row, seed []uint64) {
	dst := t.Touch(ref)
	if len(a.blobs) == 0 {
		copy(dst, row)
		return
	}
	k := 0
	for l, v := range row {
		if k < len(a.blobs) && a.blobs[k] == l {
			k++
			if seed == nil || seed[l] != v {
				t.SetBlob(&dst[l], a.heap.Blob(v))
			}
			continue
		}
		dst[l] = v
	}
}

// final writes the results of rows to columns from at on.
func (a *aggCalls) final(cols []batch.Col, rows [][]uint64, h aggregate.Blobs) error {
	for i, acc := range a.accs {
		cols[i].Alloc(a.specs[i].Result, len(rows))
		if err := acc.Final(&cols[i], rows, a.offs[i], h); err != nil {
			return err
		}
	}
	return nil
}

// resultTypes are the types of the results.
func (a *aggCalls) resultTypes() []types.Type {
	out := make([]types.Type, len(a.specs))
	for i, s := range a.specs {
		out[i] = s.Result
	}
	return out
}

// partialTypes are the columns in which rows travel, without the number of rows.
func (a *aggCalls) partialTypes() []types.Type {
	var out []types.Type
	for _, acc := range a.accs {
		out = append(out, aggregate.PartialTypes(acc)...)
	}
	return out
}

// readPartial makes rows of the accumulator columns of b from column at on; the
// number of rows is in column count, or 1 if that is negative.
func (a *aggCalls) readPartial(b *batch.Batch, at, count int, lanes []uint16) [][]uint64 {
	rows := a.local.take(len(lanes), a.width)
	for i := range rows {
		rows[i][0] = 1
	}
	if count >= 0 {
		c := a.col(b, count)
		for i, l := range lanes {
			rows[i][0] = uint64(c.I64[l])
		}
	}
	k := 0
	for lane := 1; lane < a.width; lane++ {
		c := a.col(b, at+lane-1)
		if k < len(a.blobs) && a.blobs[k] == lane {
			k++
			for i, l := range lanes {
				if !c.IsNull(int(l)) {
					rows[i][lane] = a.blobRef(c, int(l))
				}
			}
			continue
		}
		for i, l := range lanes {
			rows[i][lane] = uint64(c.I64[l])
		}
	}
	return rows
}

func (a *aggCalls) blobRef(c *batch.Col, l int) uint64 {
	var t [12]byte
	s := c.Bytes(l, &t)
	if len(s) <= len(t) {
		return a.heap.Put(s)
	}
	return a.heap.View(s)
}

// writePartial is readPartial's opposite, without the number of rows.
func (a *aggCalls) writePartial(cols []batch.Col, rows [][]uint64, strs *batch.StringBuilder) {
	n, k := len(rows), 0
	for lane := 1; lane < a.width; lane++ {
		c := &cols[lane-1]
		if k < len(a.blobs) && a.blobs[k] == lane {
			k++
			c.Alloc(types.BytesT, n)
			for i, r := range rows {
				if r[lane] == 0 {
					c.SetNull(i, n)
				}
				c.Views[i] = strs.Add(c, a.heap.Blob(r[lane]))
			}
			continue
		}
		c.Alloc(types.BigIntT.Nullable(false), n)
		for i, r := range rows {
			c.I64[i] = int64(r[lane])
		}
	}
}
