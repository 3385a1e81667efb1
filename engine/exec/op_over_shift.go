package exec

import (
	"encoding/binary"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// overCalls sorts the calls of an OVER by how they are computed.
type overCalls struct {
	// aggs are those over frames, ROW_NUMBER among them: the count of a frame that
	// grows by a row at a time.
	aggs   []AggSpec
	shifts []*overShift
	ranks  []overRank
	places []overPlace
}

// overPlace is where the result of a call is: the number of an aggregate, of a shift
// or of a rank; the others are -1.
type overPlace struct{ agg, shift, rank int }

// overRank is a function of the row's position among the rows of its partition.
type overRank struct {
	fn  string
	arg int // NTILE's, or -1
	out types.Type
}

func newOverCalls(cfg *OverConfig) (*overCalls, error) {
	o := &overCalls{}
	for _, s := range cfg.Calls {
		p := overPlace{-1, -1, -1}
		switch s.Func {
		case "ROW_NUMBER":
			if cfg.Rows && cfg.Lo.Kind == OverUnboundedPreceding && cfg.Hi.Kind == OverCurrentRow {
				p.agg = len(o.aggs)
				o.aggs = append(o.aggs, AggSpec{Func: "COUNT", Filter: -1, Result: s.Result})
				break
			}
			fallthrough
		case "RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE":
			peers := (cfg.Order == OverValue || cfg.Rows) && (s.Func == "RANK" || s.Func == "DENSE_RANK")
			if cfg.Order != OverSorted && !peers {
				return nil, diag.New(diag.UnsupportedByFlink, "%s() on a stream is not possible", s.Func)
			}
			r := overRank{fn: s.Func, arg: -1, out: s.Result}
			if len(s.Args) > 0 {
				r.arg = s.Args[0]
			}
			p.rank = len(o.ranks)
			o.ranks = append(o.ranks, r)
		case "LAG", "LEAD":
			if cfg.Order == OverValue || s.Func == "LEAD" && cfg.Order != OverSorted {
				return nil, diag.New(diag.UnsupportedByFlink, "%s on a stream is not possible in this order", s.Func)
			}
			p.shift = len(o.shifts)
			o.shifts = append(o.shifts, newOverShift(s, cfg.Input))
		default:
			p.agg = len(o.aggs)
			o.aggs = append(o.aggs, s)
		}
		o.places = append(o.places, p)
	}
	return o, nil
}

// shift computes LAG for the rows of a dense batch, whose keys are in g.
func (o *overCalls) shift(b *batch.Batch, g *state.Grouper, t *state.Table) error {
	for _, s := range o.shifts {
		if err := s.run(b, g, t); err != nil {
			return err
		}
	}
	return nil
}

// overShift is LAG on a stream, and the arguments of LAG and LEAD.
//
// Of each key the last values are kept, as many as the greatest distance seen. A
// batch is looked at as one column: the kept values of its keys, its own values, the
// defaults. A result is then a lane of that column.
type overShift struct {
	value, dist, def int // columns; -1: none
	lead             bool
	skip             bool // rows whose value is NULL do not count
	in, result       types.Type
	lane             int // of the key's row

	out   batch.Col
	from  batch.Col
	old   *batch.Builder
	index []uint32
	order []uint16   // lanes by group
	kept  []keptRows // by group
	buf   []byte

	// In batch, of the partition at hand where NULLs are skipped: the rows with a
	// value, and how many of them come before each row.
	listed bool
	values []int
	before []int
}

// target is the row that row i of a partition of n rows looks at from a distance.
func (o *overShift) target(i int, d int64, n int) (int, bool) {
	if o.lead {
		d = -d
	}
	if !o.skip {
		j := int64(i) - d
		return int(j), j >= 0 && j < int64(n)
	}
	if d == 0 {
		return i, true
	}
	j := int64(o.before[i]) - d
	if d < 0 {
		// Forward: the row itself is not one of those that follow.
		if j--; j+1 >= 0 && o.before[i] < len(o.values) && o.values[o.before[i]] == i {
			j++
		}
	}
	if j < 0 || j >= int64(len(o.values)) {
		return 0, false
	}
	return o.values[j], true
}

// keptRows is what a batch knows of one key: the kept values are lanes [at, at+n) of
// the joined column, the values of the batch so far order[first:first+rows].
type keptRows struct {
	at, n       int
	first, rows int
	most        int // rows of the batch
	depth       int64
}

func newOverShift(s AggSpec, input []types.Type) *overShift {
	o := &overShift{value: s.Args[0], dist: -1, def: -1, lead: s.Func == "LEAD", skip: s.IgnoreNulls, in: input[s.Args[0]], result: s.Result}
	if len(s.Args) > 1 {
		o.dist = s.Args[1]
	}
	if len(s.Args) > 2 {
		o.def = s.Args[2]
	}
	o.old = batch.NewBuilder(o.in.Nullable(true))
	return o
}

// distance is how far row lane looks, 1 unless said. LEAD looks forward.
func (o *overShift) distance(cols []batch.Col, lane int) (int64, error) {
	d := int64(1)
	if o.dist >= 0 {
		c := &cols[o.dist]
		if c.IsNull(lane) {
			return 0, diag.New(diag.InvalidArgument, "the distance of LAG and LEAD must not be NULL")
		}
		d = c.Int(lane)
	}
	return d, nil
}

// run computes LAG for the rows of a batch on a stream.
func (o *overShift) run(b *batch.Batch, g *state.Grouper, t *state.Table) error {
	n := b.N
	old := o.load(g, t)
	o.join(b, old, n)
	o.index, o.order = grow(o.index, n), grow(o.order, n)
	for i, k := range g.G {
		d, err := o.distance(b.Cols, i)
		if err != nil {
			return err
		}
		if d < 0 {
			return diag.New(diag.InvalidArgument, "the distance of LAG on a stream must not be negative, and is %d", d)
		}
		r := &o.kept[k]
		r.depth = max(r.depth, d)
		switch at := int64(r.rows) - d; {
		case d == 0:
			o.index[i] = uint32(old + i)
		case at >= 0:
			o.index[i] = uint32(old) + uint32(o.order[r.first+int(at)])
		case at+int64(r.n) >= 0:
			o.index[i] = uint32(int64(r.at) + int64(r.n) + at)
		default:
			o.index[i] = o.defaultAt(old+n, i)
		}
		if !o.skip || !b.Cols[o.value].IsNull(i) {
			o.order[r.first+r.rows] = uint16(i)
			r.rows++
		}
	}
	o.out.Alloc(o.result, 0)
	o.out.AppendIndex(0, &o.from, o.index, n)
	for k, ref := range g.Refs {
		o.save(t, ref, &o.kept[k], old)
	}
	return nil
}

// load decodes the kept values of the keys of a batch into o.old, and says where the
// rows of each key go. It returns how many values there are.
func (o *overShift) load(g *state.Grouper, t *state.Table) int {
	o.kept = grow(o.kept, g.Len())
	clear(o.kept)
	for _, k := range g.G {
		o.kept[k].most++
	}
	at, first := 0, 0
	for k, ref := range g.Refs {
		r := &o.kept[k]
		r.at, r.first = at, first
		first += r.most
		blob := t.Blob(t.Row(ref)[o.lane])
		if len(blob) == 0 {
			continue
		}
		depth, used := binary.Uvarint(blob)
		r.depth = int64(depth)
		for blob = blob[used:]; len(blob) > 0; r.n++ {
			blob, _ = batch.DecodeKey(o.old, blob)
		}
		at += r.n
	}
	return at
}

// join makes the column that results are taken from: old kept values, the n values
// of the batch, the defaults.
func (o *overShift) join(b *batch.Batch, old, n int) {
	o.from.Alloc(o.in.Nullable(true), 0)
	if old > 0 {
		c := o.old.Finish()
		o.from.Append(0, &c, nil, old)
	}
	o.from.Append(old, &b.Cols[o.value], nil, n)
	if o.def >= 0 {
		o.from.Append(old+n, &b.Cols[o.def], nil, n)
	} else {
		o.from.AppendNulls(old+n, 1)
	}
}

// defaultAt is the lane of row i's default, of which the first is at lane at.
func (o *overShift) defaultAt(at, i int) uint32 {
	if o.def < 0 {
		i = 0
	}
	return uint32(at + i)
}

// save keeps the last values of a key: as many as the greatest distance.
func (o *overShift) save(t *state.Table, ref state.Ref, r *keptRows, old int) {
	o.buf = binary.AppendUvarint(o.buf[:0], uint64(r.depth))
	more := max(0, min(r.n, int(r.depth)-r.rows)) // old ones that stay
	for i := r.n - more; i < r.n; i++ {
		o.buf = batch.AppendKey(o.buf, &o.from, r.at+i)
	}
	for i := max(0, r.rows-int(r.depth)); i < r.rows; i++ {
		o.buf = batch.AppendKey(o.buf, &o.from, old+int(o.order[r.first+i]))
	}
	t.SetBlob(&t.Row(ref)[o.lane], o.buf)
}
