package exec

import (
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/expr"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// MultiJoinConfig describes a chain of inner and left joins by one key.
type MultiJoinConfig struct {
	// Inputs are joined in this order.
	Inputs []MultiJoinInput
	// Out are the types of the output columns: those of all inputs in turn.
	Out []types.Type
	// EmitUpdateBefore: readers want -U rows.
	EmitUpdateBefore bool
}

// MultiJoinInput is an input and how it is joined with those before it.
type MultiJoinInput struct {
	Types []types.Type
	// Keys are the columns of the common key; a row with a NULL in one matches nothing.
	Keys []int
	// Left keeps rows of the inputs before that match none of this one.
	Left bool
	// Needs are inputs before that must not be padded for a match: the key is
	// compared with theirs.
	Needs []int
	// Residual must be TRUE too. It reads the columns of all inputs up to this one.
	Residual expr.Node
	// TTL in milliseconds; 0 keeps rows.
	TTL int64
}

// NewMultiJoin makes a join of any number of inputs. Each is kept under the common
// key and any may change; nothing is kept of rows joined on the way.
//
// With inner joins alone a row that comes out has the kind of the row that came in.
// With a left join rows come out as +I and -D, as from the chain of joins.
//
// Whether rows of the inputs before match some row of a left-joined one is counted
// anew from what is stored. So where rows expire, a row that comes after the last match
// has expired takes back a padded row that was never given.
func NewMultiJoin(cfg MultiJoinConfig) Operator { return &multiJoin{cfg: cfg} }

type multiJoin struct {
	cfg     MultiJoinConfig
	sides   []*state.MultiMap
	cols    [][]int // all columns of each input
	first   []int   // output column of each input's first one
	inputOf []int   // input of each output column
	tests   []*residual
	outer   bool // some join is a left one

	keys  batch.KeyVec
	kept  []uint16
	nulls []uint16
	refs  []state.RowRef
	// found are the rows by the keys of the batch at hand: of the other inputs, and of
	// its own before the batch where matches are counted.
	found  []state.KeyRows
	levels []joinLevel
	match  matchCounts
	tested []joinRows // columns of each input for residuals ...
	shown  []joinRows // ... and for the output
	out    batch.Batch

	// The batch at hand.
	in int
	b  *batch.Batch
}

// tuples are joined rows: one of each input that has had its turn. The row of the
// batch's own input is a lane, those of the others are stored.
type tuples struct {
	kinds []batch.Kind
	lanes []uint16
	bare  []bool           // the batch's own input is padded
	refs  [][]state.RowRef // by input; 0 is padded
	// stored says that the batch's own input has a stored row too, in refs.
	stored bool
}

// joinLevel is the memory of one input's turn.
type joinLevel struct {
	wide, next tuples
	src        []uint32 // candidates: a tuple so far ...
	ref        []state.RowRef
	pick       []uint32 // ... and those that go on
	picked     []state.RowRef
	kinds      []batch.Kind
	bare       []bool
}

// Draw names the operator and its state.
func (m *multiJoin) Draw() Drawing {
	d := Drawing{Name: "MultiJoin"}
	for i := range m.cfg.Inputs {
		d.State = append(d.State, "in"+strconv.Itoa(i))
	}
	return d
}

// Open makes a multi-map for each input.
func (m *multiJoin) Open(c *Ctx) error {
	n := len(m.cfg.Inputs)
	m.tests, m.found, m.levels = make([]*residual, n), make([]state.KeyRows, n), make([]joinLevel, n+1)
	m.tested, m.shown = make([]joinRows, n), make([]joinRows, n)
	var before []types.Type
	for i := range m.cfg.Inputs {
		in := &m.cfg.Inputs[i]
		m.outer = m.outer || in.Left
		m.cols = append(m.cols, allCols(len(in.Types)))
		m.first = append(m.first, len(before))
		m.sides = append(m.sides, c.Store.MultiMap(c.Name+".in"+strconv.Itoa(i), state.MultiSpec{
			Key: colTypes(in.Types, in.Keys), Row: in.Types, TTL: in.TTL,
		}))
		var err error
		if m.tests[i], err = newResidual(in.Residual, before, in.Types, c); err != nil {
			return err
		}
		for _, t := range in.Types {
			m.inputOf = append(m.inputOf, i)
			if in.Left {
				t = t.Nullable(true)
			}
			before = append(before, t)
		}
		m.levels[i].wide.refs = make([][]state.RowRef, n)
		m.levels[i].next.refs = make([][]state.RowRef, n)
	}
	return nil
}

// Process joins one batch with what is stored of all other inputs.
func (m *multiJoin) Process(c *Ctx, in int, b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	own := &m.cfg.Inputs[in]
	m.in, m.b = in, b
	keys := keyVec(c, in, b, own.Keys, &m.keys)
	sel, null := withoutNulls(b, own.Keys, nil, m.kept[:0], m.nulls[:0])
	if sel != nil && len(null) > 0 {
		m.kept = sel
	}
	m.nulls = null
	for i, side := range m.sides {
		if i != in || own.Left {
			side.Rows(&m.found[i], b, keys, sel)
		}
	}
	m.refs = storeSide(m.sides[in], b, keys, sel, m.cols[in], m.refs, false)
	if own.Left {
		m.match.begin(m, sel)
	}
	return m.join(c, 0, m.start())
}

// start makes a tuple of each row of the batch, with the kind of what comes of it.
func (m *multiJoin) start() *tuples {
	t := &m.levels[len(m.levels)-1].next
	t.kinds, t.lanes, t.bare = t.kinds[:0], t.lanes[:0], t.bare[:0]
	b := m.b
	drop := !m.outer && !m.cfg.EmitUpdateBefore
	for i := range b.Rows() {
		l := b.Lane(i)
		kind := b.Kind(l)
		if drop && kind == batch.UpdateBefore {
			continue
		}
		if m.outer {
			kind = padKind(kind)
		}
		t.kinds, t.lanes, t.bare = append(t.kinds, kind), append(t.lanes, uint16(l)), append(t.bare, false)
	}
	return t
}

// join gives the inputs from i on their turn. It takes tuples in pieces and finishes
// each before the next, so that memory does not grow with the number of matches.
func (m *multiJoin) join(c *Ctx, i int, t *tuples) error {
	switch {
	case len(t.lanes) == 0:
		return nil
	case i == len(m.sides):
		return m.emit(c, t)
	case i != m.in:
		return m.stored(c, i, t)
	case m.cfg.Inputs[i].Left:
		return m.ownLeft(c, i, t)
	}
	return m.ownInner(c, i, t)
}

// stored joins the rows that are stored of input i.
func (m *multiJoin) stored(c *Ctx, i int, t *tuples) error {
	v, found, in := &m.levels[i], &m.found[i], &m.cfg.Inputs[i]
	n := len(t.lanes)
	hit := false // the tuple at hand has a match already
	for k, at := 0, 0; k < n; {
		from := k
		v.src, v.ref = v.src[:0], v.ref[:0]
		for size := 0; k < n && size < pairRows; {
			var rows []state.RowRef
			if m.present(t, k, in.Needs) {
				rows = found.Lane(int(t.lanes[k]))
			}
			some := min(len(rows)-at, pairRows-size)
			for _, ref := range rows[at : at+some] {
				v.src, v.ref = append(v.src, uint32(k)), append(v.ref, ref)
			}
			at, size = at+some, size+max(some, 1)
			if at < len(rows) {
				break
			}
			k, at = k+1, 0
		}
		if err := m.test(v, i, t); err != nil {
			return err
		}
		pick, picked := v.src, v.ref
		if in.Left {
			pick, picked = v.pick[:0], v.picked[:0]
			p := 0
			for x := from; x < k || x == k && at > 0; x++ {
				for ; p < len(v.src) && int(v.src[p]) == x; p++ {
					pick, picked = append(pick, uint32(x)), append(picked, v.ref[p])
					hit = true
				}
				if x == k {
					break
				}
				if !hit {
					pick, picked = append(pick, uint32(x)), append(picked, 0)
				}
				hit = false
			}
			v.pick, v.picked = pick, picked
		}
		m.extend(&v.next, t, i, pick, picked)
		if err := m.join(c, i+1, &v.next); err != nil {
			return err
		}
	}
	return nil
}

// test keeps the candidates of a level that pass the residual of input i.
func (m *multiJoin) test(v *joinLevel, i int, t *tuples) error {
	if m.tests[i] == nil || len(v.src) == 0 {
		return nil
	}
	m.extend(&v.wide, t, i, v.src, v.ref)
	pass, err := m.passing(i, &v.wide)
	if err != nil {
		return err
	}
	for k, p := range pass {
		v.src[k] = v.src[p]
		if len(v.ref) > 0 {
			v.ref[k] = v.ref[p]
		}
	}
	v.src, v.ref = v.src[:len(pass)], v.ref[:min(len(v.ref), len(pass))]
	return nil
}

// passing returns which tuples pass the residual of input i.
func (m *multiJoin) passing(i int, t *tuples) ([]uint16, error) {
	return m.tests[i].test(len(t.lanes), func(dst []batch.Col, col int) {
		in := m.inputOf[col]
		m.column(&m.tested[in], dst, in, col-m.first[in], t)
	})
}

// column writes one column of tuples.
func (m *multiJoin) column(r *joinRows, dst []batch.Col, in, col int, t *tuples) {
	n := len(t.lanes)
	if in != m.in || t.stored {
		padded := m.side(r, in, t)
		r.other(dst, m.sides[in], m.cfg.Inputs[in].Types[col:col+1], m.cols[in][col:col+1], 0, n, padded)
		return
	}
	dst[0].Gather(&m.b.Cols[col], t.lanes, n)
	if m.cfg.Inputs[in].Left {
		for k, bare := range t.bare {
			if bare {
				dst[0].SetNull(k, n)
			}
		}
	}
}

// side points r to the stored rows of an input and reports whether some are padded.
func (m *multiJoin) side(r *joinRows, in int, t *tuples) bool {
	r.refs = t.refs[in]
	if !m.cfg.Inputs[in].Left {
		return false
	}
	padded := false
	r.noRef = r.noRef[:0]
	for _, ref := range r.refs {
		r.noRef = append(r.noRef, ref == 0)
		padded = padded || ref == 0
	}
	return padded
}

// present reports that none of the inputs is padded in a tuple.
func (m *multiJoin) present(t *tuples, k int, inputs []int) bool {
	for _, i := range inputs {
		if i == m.in && t.bare[k] || i != m.in && t.refs[i][k] == 0 {
			return false
		}
	}
	return true
}

// extend makes dst the tuples of t at pick, with the rows refs of input i; no refs
// when i is the batch's own input, whose row is the lane.
func (m *multiJoin) extend(dst, t *tuples, i int, pick []uint32, refs []state.RowRef) {
	dst.kinds, dst.lanes = take(dst.kinds, t.kinds, pick), take(dst.lanes, t.lanes, pick)
	dst.bare = take(dst.bare, t.bare, pick)
	for k := range i {
		if k != m.in {
			dst.refs[k] = take(dst.refs[k], t.refs[k], pick)
		}
	}
	dst.refs[i] = append(dst.refs[i][:0], refs...)
}

// take gathers src at the places of pick into dst.
func take[T any](dst, src []T, pick []uint32) []T {
	if cap(dst) < len(pick) {
		dst = make([]T, len(pick), max(len(pick), pairRows))
	}
	dst = dst[:len(pick)]
	for i, p := range pick {
		dst[i] = src[p]
	}
	return dst
}

// candidates are the tuples that the batch's row, of input i, may join.
func (m *multiJoin) candidates(v *joinLevel, i int, t *tuples) {
	needs := m.cfg.Inputs[i].Needs
	v.src, v.ref = v.src[:0], v.ref[:0]
	for k := range t.lanes {
		if m.present(t, k, needs) {
			v.src = append(v.src, uint32(k))
		}
	}
}

// ownInner joins the batch's rows in the place of their input.
func (m *multiJoin) ownInner(c *Ctx, i int, t *tuples) error {
	if i == 0 {
		return m.join(c, 1, t)
	}
	v := &m.levels[i]
	m.candidates(v, i, t)
	if err := m.test(v, i, t); err != nil {
		return err
	}
	m.extend(&v.next, t, i, v.src, nil)
	return m.join(c, i+1, &v.next)
}

// ownLeft joins the batch's rows in the place of their input, which is left-joined:
// the first match takes back the padded row, and with the last one it comes again.
func (m *multiJoin) ownLeft(c *Ctx, i int, t *tuples) error {
	v := &m.levels[i]
	v.pick, v.kinds, v.bare = v.pick[:0], v.kinds[:0], v.bare[:0]
	m.candidates(v, i, t)
	if m.tests[i] != nil {
		if err := m.match.number(m, v, i, t); err != nil {
			return err
		}
		if err := m.test(v, i, t); err != nil {
			return err
		}
	}
	flush := func() error {
		m.extend(&v.next, t, i, v.pick, nil)
		copy(v.next.kinds, v.kinds)
		copy(v.next.bare, v.bare)
		v.pick, v.kinds, v.bare = v.pick[:0], v.kinds[:0], v.bare[:0]
		return m.join(c, i+1, &v.next)
	}
	add := func(x uint32, kind batch.Kind, bare bool) {
		v.pick, v.kinds, v.bare = append(v.pick, x), append(v.kinds, kind), append(v.bare, bare)
	}
	for _, x := range v.src {
		kind := t.kinds[x]
		edge := m.match.edge(int(x), int(t.lanes[x]), kind)
		if edge && kind.Adds() {
			add(x, batch.Delete, true)
		}
		add(x, kind, false)
		if edge && !kind.Adds() {
			add(x, batch.Insert, true)
		}
		if len(v.pick) > pairRows-2 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// emit makes a batch of tuples that have a row of every input.
func (m *multiJoin) emit(c *Ctx, t *tuples) error {
	n := len(t.lanes)
	m.out.SetColumns(len(m.cfg.Out))
	m.out.N = n
	for i := range m.cfg.Inputs {
		r, ts := &m.shown[i], m.cfg.Inputs[i].Types
		dst := m.out.Cols[m.first[i] : m.first[i]+len(ts)]
		if i != m.in {
			padded := m.side(r, i, t)
			r.other(dst, m.sides[i], ts, m.cols[i], 0, n, padded)
			continue
		}
		r.lanes, r.noLane = t.lanes, t.bare
		r.own(dst, m.b, 0, n, m.cfg.Inputs[i].Left && anyTrue(t.bare))
	}
	for i := range m.out.Cols {
		m.out.Cols[i].Type = m.cfg.Out[i]
	}
	m.out.Kinds = kindsOf(t.kinds)
	return c.Emit(&m.out)
}

// Watermark changes nothing.
func (m *multiJoin) Watermark(*Ctx, int64) error { return nil }

// Timer is not used.
func (m *multiJoin) Timer(*Ctx, int64) error { return nil }

// Snapshot has nothing outside of the store.
func (m *multiJoin) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (m *multiJoin) Close() error { return nil }
