package exec

import (
	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// fireState is the window that is being emitted.
type fireState struct {
	cursor *state.Cursor // nil: between windows
	table  *state.Table
	start  int64
	end    int64
	starts []int64
	refs   []state.Ref
	rows   [][]uint64
	keys   []batch.Col
	out    batch.Batch
}

// fireMore emits windows that end at or before o.upTo, in order of their ends, and
// reports whether it is through.
func (o *windowAgg) fireMore(c *Ctx) (bool, error) {
	f := &o.fire
	f.refs = grow(f.refs, batch.MaxRows)
	for {
		if f.cursor == nil {
			end, ok := o.nextEnd()
			if !ok || o.clock.fires(end) > o.upTo {
				o.groups.advance(o.upTo)
				if ok && o.cfg.Window.Proctime && !o.cfg.Attached {
					c.SetTimer(o.clock.fires(end) + 1)
				}
				return true, nil
			}
			f.end, f.start = end, o.grid.start(end)
			switch {
			case o.shared():
				if f.table = o.total.window(f.start, end); o.total.err != nil {
					return false, o.total.err
				}
			case o.cfg.Attached:
				f.table = o.panes.Get(end)
			default:
				f.table = o.panes.Get(f.start)
			}
			f.cursor = f.table.Cursor()
		}
		for {
			n := f.cursor.Next(f.refs)
			if n == 0 {
				break
			}
			if err := o.emitRows(c, f.refs[:n]); err != nil {
				return false, err
			}
			if c.Yield() {
				return false, nil
			}
		}
		f.cursor, f.table = nil, nil
		o.drop(f.end)
		o.groups.advance(o.clock.fires(f.end))
	}
}

// nextEnd is the end of the next window that has rows.
func (o *windowAgg) nextEnd() (int64, bool) {
	for {
		f := &o.fire
		f.starts = o.panes.Starts(f.starts[:0])
		if len(f.starts) == 0 {
			return 0, false
		}
		first := f.starts[0]
		if o.cfg.Attached {
			return first, true
		}
		end, last := o.grid.firstEnd(first), o.grid.lastEnd(first)
		for end <= last && o.groups.low != batch.NoWatermark && o.clock.fires(end) <= o.groups.low {
			end += o.grid.step
		}
		if end <= last {
			return end, true
		}
		o.drop(last) // all windows of the pane have fired
	}
}

// drop lets go of the panes that no window after the one that ends at end has.
func (o *windowAgg) drop(end int64) {
	if o.cfg.Attached {
		o.panes.Drop(end)
		for _, v := range o.values {
			v.panes.Drop(end)
		}
		return
	}
	from := o.grid.keepFrom(end)
	o.total.leave(from)
	o.panes.DropBelow(from)
	for _, v := range o.values {
		v.panes.DropBelow(from)
	}
}

// emitRows emits rows of the window that fires.
func (o *windowAgg) emitRows(c *Ctx, refs []state.Ref) error {
	f := &o.fire
	t := f.table
	fires := int64(0)
	uneven := o.groups.at != nil && o.shared()
	if uneven {
		fires = o.clock.fires(f.end)
	}
	n := 0
	f.rows = f.rows[:0]
	for _, ref := range refs {
		row := t.Row(ref)
		if o.cfg.InputRetracts && int64(row[0]) <= 0 {
			continue // all its rows were taken back
		}
		if uneven && o.groups.of(t.KeyGroup(ref)) >= fires {
			continue // fired before the restore
		}
		refs[n] = ref
		n++
		f.rows = append(f.rows, row)
	}
	if n == 0 {
		return nil
	}
	refs = refs[:n]
	out := &f.out
	out.Reset()
	k, a := len(o.cfg.Keys), len(o.a.specs)
	out.SetColumns(k + a + len(o.cfg.Props))
	out.N = n
	if len(o.keyCols) > 0 {
		if f.keys == nil {
			f.keys = make([]batch.Col, len(o.keyCols))
		}
		for i, kt := range o.keyTypes {
			f.keys[i].Alloc(kt, n)
		}
		t.KeysInto(f.keys, 0, refs)
		copy(out.Cols, f.keys[:k])
	}
	if err := o.a.final(out.Cols[k:k+a], f.rows, t); err != nil {
		return err
	}
	for i, p := range o.cfg.Props {
		out.Cols[k+a+i] = o.prop(c, p, o.cfg.PropTypes[i])
	}
	return c.Emit(out)
}

// prop is a property of the window that fires, as a column.
func (o *windowAgg) prop(c *Ctx, p WindowProp, t types.Type) batch.Col {
	f := &o.fire
	if p == PropStart && o.cfg.Attached && o.cfg.Window.Kind == SessionWindow && o.cfg.StartCol >= 0 {
		return f.keys[len(o.cfg.Keys)]
	}
	moment, now := int64(0), int64(0)
	switch p {
	case PropRowtime:
		moment = o.clock.fires(f.end)
	case PropProctime:
		now = c.Now()
	}
	return batch.ConstInt(t, p.ticks(t, f.start, f.end, moment, now))
}

// windowTotal is a window that is merged from panes. It lies outside of snapshots:
// it can be made again.
//
// Where lanes are sums, the total follows HOP windows by adding the panes that come
// and taking out those that go. Totals of CUMULATE windows only grow. Otherwise a
// window is merged anew from its panes, or where that pays, from two stacks of them.
type windowTotal struct {
	o        *windowAgg
	table    *state.Table
	additive bool
	valid    bool
	from, to int64 // the panes in the table

	// stacks serve windows of many panes where nothing can be taken out again.
	stacks  paneStacks
	stackup bool
	scratch func() *state.Table

	starts []int64
	refs   []state.Ref
	into   []state.Ref
	keys   batch.Batch
	kv     batch.KeyVec
	all    []int // the columns of keys
	src    laneRows
	seeds  laneRows
	err    error // of a merge; what is merged after it does not matter
}

func (w *windowTotal) open(c *Ctx, o *windowAgg, spec state.TableSpec) {
	w.o = o
	w.additive = o.a.additive()
	w.all = allCols(len(o.keyTypes))
	if o.shared() {
		w.scratch = func() *state.Table { return c.Store.Scratch(spec) }
		w.table = w.scratch()
	}
	panes := o.grid.size / max(1, o.grid.pane)
	w.stackup = o.grid.kind == HopWindow && !w.additive && panes > stacksGain && len(o.a.distinct) == 0 && len(o.a.ordered) == 0
}

// changed says that a pane gets rows: a total that has it is out of date.
func (w *windowTotal) changed(pane int64) {
	if pane >= w.from && pane < w.to {
		w.valid = false
	}
	if pane >= w.stacks.from && pane < w.stacks.to {
		w.stacks.valid = false
	}
}

// leave takes panes below from out of the total; they are about to be dropped.
func (w *windowTotal) leave(from int64) {
	if !w.valid || from <= w.from {
		return
	}
	if from >= w.to || !w.additive {
		w.valid = false
		return
	}
	w.each(w.from, from, w.subtract)
	w.from = from
}

// window makes the table that of the window [start, end).
func (w *windowTotal) window(start, end int64) *state.Table {
	if w.stacks.on {
		w.valid = false
		return w.stacked(start, end)
	}
	if w.valid && start > w.from {
		w.leave(start)
	}
	if !w.valid || start != w.from || end < w.to {
		w.clear()
		w.valid, w.from, w.to = true, start, start
	}
	w.each(w.to, end, w.add)
	w.to = end
	if w.stackup {
		n, rows := 0, 0
		w.each(start, end, func(pane int64) {
			n++
			rows += w.o.panes.Get(pane).Len()
		})
		w.stacks.judge(rows, w.table.Len(), n)
	}
	return w.table
}

func (w *windowTotal) clear() {
	w.table.Clear()
	for _, v := range w.o.values {
		v.total.Clear()
	}
}

// each visits the panes in [from, to).
func (w *windowTotal) each(from, to int64, visit func(pane int64)) {
	w.starts = w.o.panes.Starts(w.starts[:0])
	for _, p := range w.starts {
		if p >= from && p < to {
			visit(p)
		}
	}
}

// pairs visits the rows of a pane in pieces, with their rows in the total.
func (w *windowTotal) pairs(pane int64, visit func(t *state.Table, from, into []state.Ref)) {
	w.pairsOf(w.o.panes.Get(pane), w.table, visit)
}

// pairsOf visits the rows of a table in pieces, with their rows in dst.
func (w *windowTotal) pairsOf(t, dst *state.Table, visit func(t *state.Table, from, into []state.Ref)) {
	w.refs, w.into = grow(w.refs, batch.MaxRows), grow(w.into, batch.MaxRows)
	cur := t.Walk()
	for {
		n := cur.Next(w.refs)
		if n == 0 {
			return
		}
		w.find(t, dst, w.refs[:n])
		visit(t, w.refs[:n], w.into[:n])
	}
}

// find looks up the keys of rows of a table in dst, as a batch.
func (w *windowTotal) find(t, dst *state.Table, refs []state.Ref) {
	n := len(refs)
	var keys *batch.KeyVec
	w.keys.SetColumns(len(w.o.keyTypes))
	w.keys.N = n
	if len(w.o.keyTypes) > 0 {
		for i, kt := range w.o.keyTypes {
			w.keys.Cols[i].Alloc(kt, n)
		}
		t.KeysInto(w.keys.Cols, 0, refs)
		keys = &w.kv
		batch.HashKeys(keys, &w.keys, w.all, 1)
		for i, ref := range refs {
			keys.KG[i] = t.KeyGroup(ref)
		}
	}
	dst.Lookup(&w.keys, keys, nil, state.Upsert, w.into[:n], nil)
}

func (w *windowTotal) add(pane int64) {
	a := w.o.a
	w.pairs(pane, func(t *state.Table, from, into []state.Ref) {
		a.heap.Reset()
		rows := a.load(&w.src, t, from)
		if len(a.distinct) > 0 {
			rows = w.withoutDistinct(rows)
		}
		w.put(w.table, into, rows)
	})
	for _, v := range w.o.values {
		v.addPane(w, pane)
	}
}

// put adds rows to rows of a table.
func (w *windowTotal) put(t *state.Table, refs []state.Ref, rows [][]uint64) {
	if w.err == nil {
		w.err = w.o.a.addRows(&w.seeds, t, refs, rows)
	}
}

// withoutDistinct gives rows without what DISTINCT aggregates hold: a value may be
// in several panes.
func (w *windowTotal) withoutDistinct(rows [][]uint64) [][]uint64 {
	a := w.o.a
	own := rows
	if len(a.blobs) == 0 {
		own = w.src.take(len(rows), a.width)
		for i, r := range rows {
			copy(own[i], r)
		}
	}
	for _, d := range a.distinct {
		for _, i := range d.users {
			for _, r := range own {
				clear(r[a.offs[i] : a.offs[i]+a.accs[i].Lanes()])
			}
		}
	}
	return own
}

// subtract takes a pane out. A row may be missing from the total: it is dropped when
// its lanes come to zero, and panes may yet cancel each other out.
func (w *windowTotal) subtract(pane int64) {
	w.pairs(pane, func(t *state.Table, from, into []state.Ref) {
		for i, ref := range from {
			row, left := w.table.Row(into[i]), uint64(0)
			for l, v := range t.Row(ref) {
				row[l] -= v
				left |= row[l]
			}
			if left == 0 {
				w.table.Delete(into[i])
			}
		}
	})
}
