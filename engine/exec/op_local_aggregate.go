package exec

import (
	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// NewLocalAggregate makes the first of two phases of an aggregation: it folds each
// batch by key and emits one row a key, in first-touch order, all +I. Nothing is
// kept between batches. DISTINCT aggregates cannot be split and are an error.
//
// Output: the keys, the accumulator columns of each aggregate, and the number of rows
// of the group, additions less retractions. The second phase is NewGroupAggregate with
// Merge; LocalAggTypes gives the columns.
func NewLocalAggregate(input []types.Type, keys []int, aggs []AggSpec, inputRetracts bool) Operator {
	return &localAgg{input: input, keyCols: keys, specs: aggs, retracts: inputRetracts}
}

// LocalAggTypes are the output columns of a local aggregation.
func LocalAggTypes(input []types.Type, keys []int, aggs []AggSpec, inputRetracts bool) ([]types.Type, error) {
	a, err := newAggCalls(aggs, aggOptions{input: input, retract: inputRetracts, partial: true})
	if err != nil {
		return nil, err
	}
	return append(append(colTypes(input, keys), a.partialTypes()...), types.BigIntT.Nullable(false)), nil
}

type localAgg struct {
	Stateless
	input    []types.Type
	keyCols  []int
	specs    []AggSpec
	retracts bool

	a     *aggCalls
	keys  batch.KeyVec
	g     state.Grouper
	signs []int64
	strs  batch.StringBuilder
	out   batch.Batch
}

// Draw names the operator.
func (o *localAgg) Draw() Drawing { return Drawing{Name: "LocalGroupAggregate"} }

// Open makes the aggregates.
func (o *localAgg) Open(*Ctx) error {
	a, err := newAggCalls(o.specs, aggOptions{input: o.input, retract: o.retracts, partial: true})
	o.a = a
	return err
}

// Process folds one batch.
func (o *localAgg) Process(c *Ctx, _ int, b *batch.Batch) error {
	n := b.Rows()
	if n == 0 {
		if len(b.Marks) > 0 {
			o.out.Reset()
			return c.Emit(o.marked(b))
		}
		return nil
	}
	a := o.a
	a.heap.Reset()
	var keys *batch.KeyVec
	if len(o.keyCols) > 0 {
		keys = keyVec(c, 0, b, o.keyCols, &o.keys)
	}
	o.g.Group(b, keys, b.Sel)
	lanes := b.Sel
	if lanes == nil {
		lanes = batch.Span(0, n)
	}
	groups := o.g.Len()
	rows := a.fold(&aggRun{b: b, lanes: lanes, g: o.g.G, signs: signsOf(b, lanes, o.retracts, &o.signs), n: groups})
	out := &o.out
	out.Reset()
	k := len(o.keyCols)
	out.SetColumns(k + a.width)
	out.N = groups
	for i, col := range o.keyCols {
		out.Cols[i].Gather(&b.Cols[col], o.g.Reps, groups)
	}
	a.writePartial(out.Cols[k:], rows, &o.strs)
	count := &out.Cols[len(out.Cols)-1]
	count.Alloc(types.BigIntT.Nullable(false), groups)
	for i, r := range rows {
		count.I64[i] = int64(r[0])
	}
	return c.Emit(o.marked(b))
}

// marked puts the watermarks of b behind the output: what came before them is in it.
func (o *localAgg) marked(b *batch.Batch) *batch.Batch {
	if wm := b.LastMark(); wm != batch.NoWatermark {
		o.out.AddMark(o.out.N, wm)
	}
	return &o.out
}

// signsOf says for each row whether it is added or taken back; nil adds all.
func signsOf(b *batch.Batch, lanes []uint16, retracts bool, buf *[]int64) []int64 {
	if b.Kinds == nil || !retracts {
		return nil
	}
	s := grow(*buf, len(lanes))
	*buf = s
	for i, l := range lanes {
		s[i] = 1
		if !b.Kinds[l].Adds() {
			s[i] = -1
		}
	}
	return s
}
