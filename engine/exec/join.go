package exec

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// JoinType is the kind of a join. Semi and anti joins give rows of the left input.
type JoinType uint8

// The kinds.
const (
	InnerJoin JoinType = iota
	LeftJoin
	RightJoin
	FullJoin
	SemiJoin
	AntiJoin
)

// keeps reports whether rows of a side (0 left, 1 right) come out padded when
// nothing matches them.
func (t JoinType) keeps(side int) bool {
	return t == FullJoin || t == LeftJoin && side == 0 || t == RightJoin && side == 1
}

func (t JoinType) leftOnly() bool { return t == SemiJoin || t == AntiJoin }

// JoinKeys are the equalities and the rest of a join condition.
type JoinKeys struct {
	// Left[i] of the left input equals Right[i] of the right one.
	Left, Right []int
	// NullSafe[i]: NULL equals NULL in that pair. nil means never.
	NullSafe []bool
	// Residual must be TRUE too; it reads the left columns, then the right ones.
	Residual expr.Node
}

func (k *JoinKeys) of(side int) []int {
	if side == 0 {
		return k.Left
	}
	return k.Right
}

// colTypes picks the types of columns.
func colTypes(ts []types.Type, cols []int) []types.Type {
	out := make([]types.Type, len(cols))
	for i, c := range cols {
		out[i] = ts[c]
	}
	return out
}

// allCols lists the first n columns.
func allCols(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// keyVec hashes the key columns cols of input in, unless b carries them. The key
// groups are those by which the rows were dealt, so that state lies where its rows
// go after a change of parallelism.
func keyVec(c *Ctx, in int, b *batch.Batch, cols []int, buf *batch.KeyVec) *batch.KeyVec {
	dealt := dealtBy(c.dealt(in), cols)
	if k := b.Keys; k != nil && dealt == nil && equalInts(k.Cols, cols) {
		return k
	}
	if dealt == nil {
		dealt = cols
	}
	batch.HashDealt(buf, b, cols, dealt, c.MaxParallelism)
	return buf
}

// dealtBy is a column of each set, nil when they are the keys in order.
func dealtBy(sets [][]int, keys []int) []int {
	if sets == nil {
		return nil
	}
	same := len(sets) == len(keys)
	for i := 0; same && i < len(sets); i++ {
		same = slices.Contains(sets[i], keys[i])
	}
	if same {
		return nil
	}
	out := make([]int, len(sets))
	for i, s := range sets {
		out[i] = s[0]
	}
	return out
}

func equalInts(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// withoutNulls appends to kept the selected lanes of b without a NULL in a key
// that is not null-safe, and to null the others. It returns b.Sel itself when
// there is no such NULL.
func withoutNulls(b *batch.Batch, cols []int, safe []bool, kept, null []uint16) (_, _ []uint16) {
	var test []*batch.Col
	for i, k := range cols {
		if c := &b.Cols[k]; c.Nulls != nil && !(safe != nil && safe[i]) {
			test = append(test, c)
		}
	}
	if test == nil {
		return b.Sel, null
	}
	for i := range b.Rows() {
		l := b.Lane(i)
		bad := false
		for _, c := range test {
			bad = bad || c.IsNull(l)
		}
		if bad {
			null = append(null, uint16(l))
		} else {
			kept = append(kept, uint16(l))
		}
	}
	if kept == nil {
		kept = []uint16{}
	}
	return kept, null
}

// storeSide applies the lanes sel of a batch of changes to what is stored of its input.
// It returns in refs' memory, by position in sel, the rows that were inserted and those
// that were retracted, 0 where there was none to retract. Those of a batch of inserts
// are there if want says so.
func storeSide(m *state.MultiMap, b *batch.Batch, keys *batch.KeyVec, sel []uint16, cols []int, refs []state.RowRef, want bool) []state.RowRef {
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	if cap(refs) < n {
		refs = make([]state.RowRef, max(n, batch.MaxRows))
	}
	refs = refs[:n]
	if b.Kinds == nil {
		if want {
			m.Insert(b, keys, sel, cols, refs)
		} else {
			m.Insert(b, keys, sel, cols, nil)
		}
		return refs
	}
	// Runs of additions go in together; a retraction goes by itself, in its place.
	lane := func(i int) int {
		if sel != nil {
			return int(sel[i])
		}
		return i
	}
	for i := 0; i < n; {
		if l := lane(i); !b.Kinds[l].Adds() {
			refs[i] = m.Retract(b, keys, l, cols)
			i++
			continue
		}
		k := i + 1
		for k < n && b.Kinds[lane(k)].Adds() {
			k++
		}
		run := batch.Span(i, k)
		if sel != nil {
			run = sel[i:k]
		}
		m.Insert(b, keys, run, cols, refs[i:k])
		i = k
	}
	return refs
}

// residual tests pairs of rows.
type residual struct {
	prog *expr.Program
	// fits says which columns are read; others stay empty.
	refs  []bool
	frame *function.Frame
	pairs batch.Batch
	sel   []uint16
}

func newResidual(n expr.Node, left, right []types.Type, c *Ctx) (*residual, error) {
	if n == nil {
		return nil, nil
	}
	all := append(append([]types.Type(nil), left...), right...)
	p, err := expr.Compile([]expr.Node{n}, all)
	if err != nil {
		return nil, err
	}
	r := &residual{prog: p, frame: function.NewFrame(c, c.Zone), refs: make([]bool, len(all))}
	for _, i := range expr.Refs(n) {
		r.refs[i] = true
	}
	return r, nil
}

// test returns which of n pairs pass, ascending. fill writes column i of the pairs
// to the one column of dst.
func (r *residual) test(n int, fill func(dst []batch.Col, i int)) ([]uint16, error) {
	r.pairs.SetColumns(len(r.refs))
	for i, used := range r.refs {
		if used {
			fill(r.pairs.Cols[i:i+1], i)
		}
	}
	r.pairs.N = n
	var err error
	r.sel, err = r.prog.Filter(r.frame, &r.pairs, r.sel[:0])
	return r.sel, err
}

// joinRows collects output rows of a join, as pairs of a lane of the batch at hand
// and a stored row of the other side, and makes columns of them.
type joinRows struct {
	kinds []batch.Kind
	lanes []uint16       // of the batch at hand
	refs  []state.RowRef // of the other side
	// noLane and noRef mark rows without one of the two; nil means none.
	noLane, noRef []bool

	out   batch.Batch
	tmp   batch.Batch
	have  []state.RowRef
	index []uint32
}

func (j *joinRows) reset() {
	j.kinds, j.lanes, j.refs = j.kinds[:0], j.lanes[:0], j.refs[:0]
	j.noLane, j.noRef = j.noLane[:0], j.noRef[:0]
}

func (j *joinRows) add(kind batch.Kind, lane int, ref state.RowRef) {
	j.kinds = append(j.kinds, kind)
	j.lanes = append(j.lanes, uint16(max(lane, 0)))
	j.refs = append(j.refs, ref)
	j.noLane = append(j.noLane, lane < 0)
	j.noRef = append(j.noRef, ref == 0)
}

// own makes columns [at, at+n) of out from the batch at hand; -1 lanes become NULL.
func (j *joinRows) own(dst []batch.Col, b *batch.Batch, from, to int, padded bool) {
	n := to - from
	for i := range dst {
		dst[i].Gather(&b.Cols[i], j.lanes[from:to], n)
		if padded {
			for k := range n {
				if j.noLane[from+k] {
					dst[i].SetNull(k, n)
				}
			}
		}
	}
}

// other makes columns from stored rows; rows without one become NULL.
func (j *joinRows) other(dst []batch.Col, m *state.MultiMap, ts []types.Type, cols []int, from, to int, padded bool) {
	n := to - from
	if !padded {
		for i := range dst {
			dst[i].Alloc(ts[i], n)
		}
		m.Decode(dst, 0, cols, j.refs[from:to])
		return
	}
	j.have, j.index = j.have[:0], j.index[:0]
	for k := from; k < to; k++ {
		if j.noRef[k] {
			j.index = append(j.index, 0)
			continue
		}
		j.index = append(j.index, uint32(len(j.have)))
		j.have = append(j.have, j.refs[k])
	}
	if len(j.have) == 0 {
		for i := range dst {
			dst[i].Alloc(ts[i].Nullable(true), 0)
			dst[i].AppendNulls(0, n)
		}
		return
	}
	j.tmp.Alloc(ts, len(j.have))
	m.Decode(j.tmp.Cols, 0, cols, j.have)
	for i := range dst {
		dst[i].Alloc(ts[i].Nullable(true), 0)
		dst[i].AppendIndex(0, &j.tmp.Cols[i], j.index, n)
		for k := range n {
			if j.noRef[from+k] {
				dst[i].SetNull(k, n)
			}
		}
	}
}

func anyTrue(b []bool) bool {
	for _, x := range b {
		if x {
			return true
		}
	}
	return false
}

// kindsOf gives out the kinds of a run of rows, or nil when all are inserts.
func kindsOf(k []batch.Kind) []batch.Kind {
	for _, x := range k {
		if x != batch.Insert {
			return k
		}
	}
	return nil
}
