package exec

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// matchEval computes conditions and measures of a MATCH_RECOGNIZE.
//
// What a condition asks of the row at hand alone is computed for a whole batch. The
// rest is computed for candidates: pairs of a partial match and a row, whose
// references are gathered into columns.
type matchEval struct {
	cfg   *MatchConfig
	frame *function.Frame
	types []types.Type // of the input and the references
	kept  []int        // columns of the input that references read
	place []int        // by column of the input: its place in kept, or -1
	conds []matchCond
	refs  []matchRefEval
	out   *expr.Program
	read  []bool // references that measures read
	outs  []*batch.Col

	src   []batch.Col // kept columns: lane 0 is NULL, then rows
	x     batch.Batch
	idx   []uint32
	sel   []uint16
	spans []matchSpan
}

// matchCond is the condition of a variable: near and far, or whole at once where near
// may not be computed ahead. Nil programs are TRUE.
type matchCond struct {
	near, far, whole *expr.Program
	farReads         []bool
	wholeReads       []bool
	ok               []uint64 // near, of the batch at hand; nil: all lanes
}

// matchRefEval computes a reference; agg is nil for columns.
type matchRefEval struct {
	agg   *aggCalls
	args  batch.Batch
	total laneRows
	g     []uint16
	pos   []uint32
}

func (v *matchEval) open(cfg *MatchConfig, frame *function.Frame) error {
	v.cfg, v.frame = cfg, frame
	v.types = slices.Clone(cfg.Input)
	v.place = make([]int, len(cfg.Input))
	for i := range v.place {
		v.place[i] = -1
	}
	keep := func(col int) int {
		if v.place[col] < 0 {
			v.place[col] = len(v.kept)
			v.kept = append(v.kept, col)
		}
		return v.place[col]
	}
	v.refs = make([]matchRefEval, len(cfg.Refs))
	for i, r := range cfg.Refs {
		v.types = append(v.types, r.Type)
		switch r.Kind {
		case MatchColumn:
			keep(r.Col)
		case MatchAggregate:
			spec := r.Agg
			spec.Args = slices.Clone(spec.Args)
			spec.Filter = -1
			var ts []types.Type
			for k, a := range spec.Args {
				keep(a)
				spec.Args[k] = k
				ts = append(ts, cfg.Input[a].Nullable(true))
			}
			a, err := newAggCalls([]AggSpec{spec}, aggOptions{frame: frame, input: ts, inLanes: true})
			if err != nil {
				return err
			}
			v.refs[i].agg = a
		}
	}
	v.conds = make([]matchCond, len(cfg.Vars))
	for i, m := range cfg.Vars {
		if m.Cond == nil {
			continue
		}
		if err := v.conds[i].compile(m.Cond, v.types, len(cfg.Input)); err != nil {
			return err
		}
	}
	v.read = readBy(len(v.types), cfg.Measures...)
	v.outs = make([]*batch.Col, len(cfg.Measures))
	var err error
	v.out, err = expr.Compile(cfg.Measures, v.types)
	return err
}

func readBy(n int, exprs ...expr.Node) []bool {
	out := make([]bool, n)
	for _, i := range expr.Refs(exprs...) {
		out[i] = true
	}
	return out
}

func (c *matchCond) compile(cond expr.Node, ts []types.Type, width int) error {
	var near, far []expr.Node
	for _, e := range expr.Conjuncts(cond) {
		local := expr.Determinism(e) != function.PerCall
		for _, i := range expr.Refs(e) {
			local = local && i < width
		}
		if local {
			near = append(near, e)
		} else {
			far = append(far, e)
		}
	}
	var err error
	if len(near) > 0 {
		if c.near, err = expr.Compile([]expr.Node{expr.NewAnd(near...)}, ts[:width]); err != nil {
			return err
		}
	}
	if len(far) > 0 {
		e := expr.NewAnd(far...)
		c.farReads = readBy(len(ts), e)
		if c.far, err = expr.Compile([]expr.Node{e}, ts); err != nil {
			return err
		}
	}
	c.wholeReads = readBy(len(ts), cond)
	c.whole, err = expr.Compile([]expr.Node{cond}, ts)
	return err
}

// begin computes what needs the rows of a batch alone.
func (v *matchEval) begin(in *batch.Batch) error {
	for i := range v.conds {
		c := &v.conds[i]
		if c.near == nil {
			continue
		}
		var err error
		if v.sel, err = c.near.Filter(v.frame, in, v.sel[:0]); err != nil {
			return err
		}
		c.ok = grow(c.ok, batch.Words(in.N))
		clear(c.ok)
		for _, l := range v.sel {
			c.ok[l>>6] |= 1 << (l & 63)
		}
	}
	return nil
}

// load makes the kept columns of NULL, rows that were kept, and the batch at hand.
func (v *matchEval) load(in *batch.Batch, old []batch.Col, n int) {
	if len(v.src) != len(v.kept) {
		v.src = make([]batch.Col, len(v.kept))
	}
	for k, c := range v.kept {
		s := &v.src[k]
		s.Alloc(v.cfg.Input[c].Nullable(true), 0)
		s.AppendNulls(0, 1)
		if n > 0 {
			s.Append(1, &old[k], nil, n)
		}
		if in != nil {
			s.Append(1+n, &in.Cols[c], nil, in.N)
		}
	}
}

// matchSpan says where a reference looks: rows [lo, hi) of x. rowOf gives the lane of v.src.
type matchSpan struct{ lo, hi uint32 }

// column gathers a reference to a column.
func (v *matchEval) column(dst *batch.Col, r *MatchRef, spans []matchSpan, rowOf []uint32) {
	n := len(spans)
	v.idx = grow(v.idx, n)
	off := uint32(r.Offset)
	for i, s := range spans {
		v.idx[i] = 0
		if s.hi-s.lo <= off || s.hi < s.lo {
			continue
		}
		if r.First {
			v.idx[i] = rowOf[s.lo+off]
		} else {
			v.idx[i] = rowOf[s.hi-1-off]
		}
	}
	dst.AppendIndex(0, &v.src[v.place[r.Col]], v.idx, n)
}

// aggregate computes an aggregate over the rows of each span; dst is one column.
func (v *matchEval) aggregate(dst []batch.Col, k int, spans []matchSpan, rowOf []uint32) error {
	r, e := &v.cfg.Refs[k], &v.refs[k]
	a := e.agg
	a.heap.Reset()
	total := e.total.take(len(spans), a.width)
	e.pos, e.g = e.pos[:0], e.g[:0]
	first := 0 // the span of local row 0
	flush := func(upTo int) error {
		if len(e.pos) == 0 {
			return nil
		}
		e.args.SetColumns(len(r.Agg.Args))
		for j, col := range r.Agg.Args {
			e.args.Cols[j].AppendIndex(0, &v.src[v.place[col]], e.pos, len(e.pos))
		}
		e.args.N = len(e.pos)
		rows := a.fold(&aggRun{b: &e.args, lanes: batch.Span(0, len(e.pos)), g: e.g, n: upTo - first})
		e.pos, e.g = e.pos[:0], e.g[:0]
		return a.merge(total[first:upTo], total[first:upTo], rows)
	}
	for i, s := range spans {
		if len(e.pos) == 0 {
			first = i
		}
		for x := s.lo; x < s.hi; x++ {
			if len(e.pos) == batch.MaxRows {
				if err := flush(i + 1); err != nil {
					return err
				}
				first = i
			}
			e.pos, e.g = append(e.pos, rowOf[x]), append(e.g, uint16(i-first))
		}
	}
	if err := flush(len(spans)); err != nil {
		return err
	}
	return a.final(dst, total, &a.heap)
}

// fill writes column i of v.x, a reference, for spans that spanOf gives.
func (v *matchEval) fill(i, n int, rowOf []uint32, spanOf func(u int, spans []matchSpan)) error {
	k := i - len(v.cfg.Input)
	r := &v.cfg.Refs[k]
	v.spans = grow(v.spans, n)
	spanOf(r.Var, v.spans)
	if r.Kind == MatchAggregate {
		return v.aggregate(v.x.Cols[i:i+1], k, v.spans, rowOf)
	}
	v.column(&v.x.Cols[i], r, v.spans, rowOf)
	return nil
}
