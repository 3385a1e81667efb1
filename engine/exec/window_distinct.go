package exec

import (
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function/aggregate"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// paneValues is the distinct values of one argument, pane by pane: a row for each
// key and value, with a bit (or a counter) for each filter that has seen it.
type paneValues struct {
	name  string
	o     *windowAgg
	d     *distinctArg
	panes *state.Panes
	total *state.Table // of windows that are merged from panes
	cols  []int
	types []types.Type

	table *state.Table
	b     *batch.Batch
	keys  batch.KeyVec
	refs  []state.Ref
	rows  []uint64Row

	vals  batch.Batch
	kv    batch.KeyVec
	g     state.Grouper
	flips []uint32
	fg    []uint16
	fl    []uint16
	key   []byte
	from  []state.Ref
}

func newPaneValues(c *Ctx, o *windowAgg, i int, d *distinctArg) *paneValues {
	v := &paneValues{name: "distinct." + strconv.Itoa(i), o: o, d: d}
	v.cols = append(append(v.cols, o.keyCols...), d.args...)
	v.types = colTypes(o.cfg.Input, v.cols)
	spec := state.TableSpec{Key: v.types, Lanes: 1}
	if o.cfg.InputRetracts {
		spec.Lanes = len(d.filters)
	}
	v.panes = c.Store.Panes(c.Name+"."+v.name, spec)
	if o.shared() {
		v.total = c.Store.Scratch(spec)
	}
	d.find = v.find
	return v
}

// begin names the pane to which the rows of the next fold go.
func (v *paneValues) begin(c *Ctx, b *batch.Batch, pane int64, kv *batch.KeyVec) {
	v.table, v.b = v.panes.Make(pane), b
	v.keys.Cols = v.cols
	v.keys.H = grow(v.keys.H, b.N)
	if kv != nil {
		v.keys.KG = kv.KG
		return
	}
	v.keys.KG = grow(v.keys.KG, b.N)
	for i := range v.keys.KG {
		v.keys.KG[i] = uint16(c.Store.Groups().From)
	}
}

// find is the rows of the values at lanes.
func (v *paneValues) find(_ *aggRun, lanes []uint16, _ []int) []uint64Row {
	if len(lanes) == 0 {
		return nil
	}
	cols := make([]*batch.Col, len(v.cols))
	for i, k := range v.cols {
		cols[i] = &v.b.Cols[k]
	}
	batch.HashCols(v.keys.H, cols, lanes, v.b.N)
	v.refs = grow(v.refs, len(lanes))
	v.table.Lookup(v.b, &v.keys, lanes, state.Upsert, v.refs, nil)
	v.rows = v.rows[:0]
	for _, ref := range v.refs {
		v.rows = append(v.rows, v.table.Row(ref))
	}
	return v.rows
}

// addPane adds the values of a pane to the window's, and gives the aggregates those
// that are new to it.
func (v *paneValues) addPane(w *windowTotal, pane int64) {
	t := v.panes.Get(pane)
	if t == nil {
		return
	}
	v.from = grow(v.from, batch.MaxRows)
	cur := t.Cursor()
	for {
		n := cur.Next(v.from)
		if n == 0 {
			return
		}
		refs := v.from[:n]
		v.flips = grow(v.flips, n)
		for i, ref := range refs {
			k := t.KeyOf(ref, v.key[:0])
			v.key = k.Bytes
			v.flips[i] = v.unite(v.total.Row(v.total.Get(k, state.Upsert)), t.Row(ref))
		}
		v.foldNew(w, t, refs)
	}
}

// unite adds a pane's bits or counters and returns the filters to which the value
// is new.
func (v *paneValues) unite(to, from []uint64) uint32 {
	if !v.o.cfg.InputRetracts {
		flips := uint32(from[0]) &^ uint32(to[0])
		to[0] |= from[0]
		return flips
	}
	flips := uint32(0)
	for f, n := range from {
		if n > 0 && to[f] == 0 {
			flips |= 1 << f
		}
		to[f] += n
	}
	return flips
}

// foldNew folds values into the rows of their keys in the total.
func (v *paneValues) foldNew(w *windowTotal, t *state.Table, refs []state.Ref) {
	n, k, a := len(refs), len(v.o.keyCols), v.o.a
	v.vals.Reset()
	v.vals.SetColumns(len(v.types))
	v.vals.N = n
	for i, ty := range v.types {
		v.vals.Cols[i].Alloc(ty, n)
	}
	t.KeysInto(v.vals.Cols, 0, refs)
	var kv *batch.KeyVec
	if k > 0 {
		batch.HashKeys(&v.kv, &v.vals, allCols(k), 1)
		for i, ref := range refs {
			v.kv.KG[i] = t.KeyGroup(ref)
		}
		kv = &v.kv
	}
	w.table.Group(&v.g, &v.vals, kv, nil, state.Upsert)
	a.heap.Reset()
	rows := a.local.take(v.g.Len(), a.width)
	args := make([]*batch.Col, len(v.d.args))
	for i := range args {
		args[i] = &v.vals.Cols[k+i]
	}
	f := aggregate.Fold{L: a.local.mem, Stride: a.width, Heap: &a.heap}
	for u, i := range v.d.users {
		v.fg, v.fl = v.fg[:0], v.fl[:0]
		for j, flips := range v.flips {
			if flips&(1<<v.d.bits[u]) != 0 {
				v.fg, v.fl = append(v.fg, v.g.G[j]), append(v.fl, uint16(j))
			}
		}
		f.Off, f.G, f.Lanes, f.Args = a.offs[i], v.fg, v.fl, args[:len(a.specs[i].Args)]
		a.accs[i].Fold(&f)
	}
	w.put(w.table, v.g.Refs, rows)
}
