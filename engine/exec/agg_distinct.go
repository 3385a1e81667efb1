package exec

import (
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function/aggregate"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// distinctArg is the set of values behind all DISTINCT aggregates over the same
// arguments: one entry a value, with a bit (or a counter) for each filter that has
// seen it. An aggregate is given only the rows in which its bit flips.
type distinctArg struct {
	args    []int
	nulls   bool  // NULL is a value
	filters []int // filter column of each bit, -1 for none
	users   []int // aggregates
	bits    []int // bit of each user

	// One of the two: a set by group, or for windows a table by group and value in
	// each pane.
	set   *state.Set
	owner *state.Table
	find  func(r *aggRun, lanes []uint16, rows []int) []uint64Row

	lanes, kgs []uint16
	rows       []int
	ids        []uint32
	masks      []uint32
	flips      []uint32
	g, ls      []uint16
	signs      []int64
}

// uint64Row is the lanes of a table row.
type uint64Row = []uint64

// addDistinct makes aggregate i use the set of its arguments.
func (a *aggCalls) addDistinct(i int, s *AggSpec) {
	args, nulls := s.Args, s.Func == "ARRAY_AGG" && !s.IgnoreNulls || s.User != nil
	if nulls {
		// Naming the column twice makes the set tell NULL from the other values.
		args = append(slices.Clone(args), args...)
	}
	var d *distinctArg
	for _, x := range a.distinct {
		if slices.Equal(x.args, args) && len(x.filters) < 31 {
			d = x
		}
	}
	if d == nil {
		d = &distinctArg{args: args, nulls: nulls}
		a.distinct = append(a.distinct, d)
	}
	bit := slices.Index(d.filters, s.Filter)
	if bit < 0 {
		bit = len(d.filters)
		d.filters = append(d.filters, s.Filter)
	}
	d.users, d.bits = append(d.users, i), append(d.bits, bit)
}

// openDistinct makes the sets in the state, by group.
func (a *aggCalls) openDistinct(c *Ctx, input []types.Type, ttl int64, owner *state.Table) {
	for i, d := range a.distinct {
		d.owner = owner
		d.set = c.Store.Set(c.Name+".distinct."+strconv.Itoa(i), state.SetSpec{
			Value: colTypes(input, d.args), Filters: len(d.filters), Retract: a.retract, TTL: ttl,
		})
	}
}

// fold works out which rows are new and gives them to the aggregates.
func (d *distinctArg) fold(a *aggCalls, r *aggRun, f *aggregate.Fold) {
	d.pick(a, r)
	n := len(d.lanes)
	d.flips = grow(d.flips, n)
	if d.find != nil {
		d.flipRows(a, r)
	} else {
		d.flipSet(a, r)
	}
	for k, i := range d.users {
		d.g, d.ls, d.signs = d.g[:0], d.ls[:0], d.signs[:0]
		bit := uint32(1) << d.bits[k]
		for j, fl := range d.flips {
			if fl&bit == 0 {
				continue
			}
			row := d.rows[j]
			d.g, d.ls = append(d.g, r.g[row]), append(d.ls, d.lanes[j])
			if r.signs != nil {
				d.signs = append(d.signs, r.signs[row])
			}
		}
		f.Off, f.G, f.Lanes, f.Signs = a.offs[i], d.g, d.ls, nil
		if r.signs != nil {
			f.Signs = d.signs
		}
		f.Args = a.argCols(r.b, i)
		a.accs[i].Fold(f)
	}
}

// pick lists the rows whose arguments are not NULL, with the filters they pass.
func (d *distinctArg) pick(a *aggCalls, r *aggRun) {
	d.lanes, d.rows, d.masks = d.lanes[:0], d.rows[:0], d.masks[:0]
	args := a.tmp[:0]
	for _, k := range d.args {
		if c := a.col(r.b, k); c.Nulls != nil {
			args = append(args, c)
		}
	}
	a.tmp = args
	conds := make([]*batch.Col, len(d.filters))
	for i, k := range d.filters {
		if k >= 0 {
			conds[i] = a.col(r.b, k)
		}
	}
rows:
	for i, l := range r.lanes {
		if !d.nulls {
			for _, c := range args {
				if c.IsNull(int(l)) {
					continue rows
				}
			}
		}
		mask := uint32(0)
		for k, c := range conds {
			if passes(c, nil, int(l)) {
				mask |= 1 << k
			}
		}
		if mask != 0 {
			d.lanes, d.rows, d.masks = append(d.lanes, l), append(d.rows, i), append(d.masks, mask)
		}
	}
}

// flipSet asks the set.
func (d *distinctArg) flipSet(a *aggCalls, r *aggRun) {
	groups := r.g2
	if groups == nil {
		groups = r.g
	}
	t := d.owner
	d.kgs, d.ids = d.kgs[:0], d.ids[:0]
	for _, row := range d.rows {
		ref := r.refs[groups[row]]
		d.kgs, d.ids = append(d.kgs, t.KeyGroup(ref)), append(d.ids, t.ID(ref))
	}
	b := r.b
	if !a.retract {
		d.set.Add(b, d.args, d.lanes, d.kgs, d.ids, d.masks, d.flips)
		return
	}
	d.inRuns(r, func(from, to int, add bool) {
		op := d.set.Sub
		if add {
			op = d.set.Add
		}
		op(b, d.args, d.lanes[from:to], d.kgs[from:to], d.ids[from:to], d.masks[from:to], d.flips[from:to])
	})
}

// inRuns visits runs of rows of one sign.
func (d *distinctArg) inRuns(r *aggRun, visit func(from, to int, add bool)) {
	for from := 0; from < len(d.rows); {
		add := r.signs == nil || r.signs[d.rows[from]] > 0
		to := from + 1
		for to < len(d.rows) && (r.signs == nil || r.signs[d.rows[to]] > 0) == add {
			to++
		}
		visit(from, to, add)
		from = to
	}
}

// flipRows works on table rows of a window's pane: a word of bits, or a counter for
// each filter.
func (d *distinctArg) flipRows(a *aggCalls, r *aggRun) {
	for j, row := range d.find(r, d.lanes, d.rows) {
		mask := d.masks[j]
		if !a.retract {
			d.flips[j] = mask &^ uint32(row[0])
			row[0] |= uint64(mask)
			continue
		}
		d.flips[j] = 0
		for f := range d.filters {
			if mask&(1<<f) == 0 {
				continue
			}
			switch n := &row[f]; {
			case r.signs == nil || r.signs[d.rows[j]] > 0:
				if *n == 0 {
					d.flips[j] |= 1 << f
				}
				*n++
			case *n > 0:
				if *n--; *n == 0 {
					d.flips[j] |= 1 << f
				}
			}
		}
	}
}

// grow gives s length n.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, max(n, batch.MaxRows))
	}
	return s[:n]
}

// orderedArg is the values of an argument of MIN and MAX over input that takes rows
// back: for each group all values in order, with how often they are there.
type orderedArg struct {
	arg    int
	filter int
	mins   []int // aggregates
	maxs   []int
	sorted *state.Sorted
	refs   []state.Ref
	key    []byte
	last   []int // in a folded run: the last row of each group
}

func (a *aggCalls) addOrdered(i int, s *AggSpec) {
	var o *orderedArg
	for _, x := range a.ordered {
		if x.arg == s.Args[0] && x.filter == s.Filter {
			o = x
		}
	}
	if o == nil {
		o = &orderedArg{arg: s.Args[0], filter: s.Filter}
		a.ordered = append(a.ordered, o)
	}
	if s.Func == "MIN" {
		o.mins = append(o.mins, i)
	} else {
		o.maxs = append(o.maxs, i)
	}
}

func (a *aggCalls) openOrdered(c *Ctx, keys []types.Type, ttl int64) {
	for i, o := range a.ordered {
		o.sorted = c.Store.Sorted(c.Name+".values."+strconv.Itoa(i), state.SortedSpec{
			Table: state.TableSpec{Key: keys, TTL: ttl}, Entry: 1,
		})
	}
}

// lookup finds the lists of the groups of a batch, whose first rows are at lanes
// reps.
func (a *aggCalls) lookup(b *batch.Batch, keys *batch.KeyVec, reps []uint16) {
	for _, o := range a.ordered {
		o.refs = grow(o.refs, len(reps))
		o.sorted.Keys().Lookup(b, keys, reps, state.Upsert, o.refs, nil)
	}
}

// place is the first eight bytes of a normalised key, and the rest.
func place(key []byte) (uint64, []byte) {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key), key[8:]
	}
	var t [8]byte
	copy(t[:], key)
	return binary.BigEndian.Uint64(t[:]), nil
}

// fold changes the lists row by row and says what the extremes are: after each row
// in an exact run, otherwise once a group.
func (o *orderedArg) fold(a *aggCalls, r *aggRun) {
	c := a.col(r.b, o.arg)
	var cond *batch.Col
	if o.filter >= 0 {
		cond = a.col(r.b, o.filter)
	}
	groups := r.g2
	if groups == nil {
		groups = r.g
	}
	if !r.exact {
		o.last = grow(o.last, len(o.refs))
		for i := range o.last {
			o.last[i] = -1
		}
	}
	s := o.sorted
	for i, l := range r.lanes {
		if !passes(cond, c, int(l)) {
			continue
		}
		ref := o.refs[groups[i]]
		o.key = batch.AppendKey(o.key[:0], c, int(l))
		word, rest := place(o.key)
		p := s.Seek(ref, word, rest)
		same := p.OK() && s.Word(p) == word && string(s.Rest(p)) == string(rest)
		add := r.signs == nil || r.signs[i] > 0
		switch {
		case same && add:
			s.Lanes(p)[0]++
		case same:
			if s.Lanes(p)[0]--; s.Lanes(p)[0] == 0 {
				s.Remove(p)
			}
		case add:
			s.Lanes(s.Insert(ref, word, rest, o.key))[0] = 1
		}
		if r.exact {
			o.say(a, ref, a.local.rows[r.g[i]])
		} else {
			o.last[groups[i]] = i
		}
	}
	if r.exact {
		return
	}
	for k, i := range o.last {
		if i >= 0 {
			o.say(a, o.refs[k], a.local.rows[r.g[i]])
		}
	}
}

// say writes the extremes of a group to a row.
func (o *orderedArg) say(a *aggCalls, ref state.Ref, row []uint64) {
	for _, i := range o.mins {
		o.set(a, i, row, o.sorted.First(ref))
	}
	for _, i := range o.maxs {
		o.set(a, i, row, o.sorted.Last(ref))
	}
}

func (o *orderedArg) set(a *aggCalls, i int, row []uint64, p state.Pos) {
	var key []byte
	if p.OK() {
		key = o.sorted.Payload(p)
	}
	a.accs[i].(*aggregate.Latest).Set(row[a.offs[i]:], key, &a.heap)
}

// stateNames are the structures beside the table of groups.
func (a *aggCalls) stateNames() []string {
	var out []string
	for i := range a.distinct {
		out = append(out, "distinct."+strconv.Itoa(i))
	}
	for i := range a.ordered {
		out = append(out, "values."+strconv.Itoa(i))
	}
	return out
}

// drop forgets what is kept outside of lanes for group k, whose row in the table
// is deleted after.
func (a *aggCalls) drop(t *state.Table, ref state.Ref, k int) {
	for _, d := range a.distinct {
		if d.set != nil {
			d.set.DropGroup(t.KeyGroup(ref), t.ID(ref))
		}
	}
	for _, o := range a.ordered {
		o.sorted.Keys().Delete(o.refs[k])
	}
}
