package exec

import (
	"encoding/binary"
	"math"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
)

// test computes for each partial match which conditions hold at the row it comes to.
func (r *matchRun) test() error {
	o := r.o
	list := r.cur.list
	r.holds = grow(r.holds, len(list))
	clear(r.holds)
	tries := uint64(0)
	for i := range list {
		tries |= o.states[list[i].state].tries
	}
	for v := range o.cfg.Vars {
		if tries>>v&1 == 0 {
			continue
		}
		if err := r.testVar(v); err != nil {
			return err
		}
	}
	return nil
}

// testVar computes the condition of variable v.
func (r *matchRun) testVar(v int) error {
	o := r.o
	c := &o.eval.conds[v]
	bit := uint64(1) << v
	r.cand = r.cand[:0]
	far := c.whole != nil && (r.strict || c.far != nil)
	for i := range r.cur.list {
		p := &r.cur.list[i]
		if o.states[p.state].tries&bit == 0 {
			continue
		}
		if p.start >= 0 && p.row >= r.groups[r.starts[p.start].g].end {
			continue
		}
		if l := r.laneOf[p.row]; !r.strict && c.near != nil && c.ok[l>>6]>>(l&63)&1 == 0 {
			continue
		}
		if !far {
			r.holds[i] |= bit
		} else {
			r.cand = append(r.cand, int32(i))
		}
	}
	prog, reads := c.far, c.farReads
	if r.strict {
		prog, reads = c.whole, c.wholeReads
	}
	for from := 0; from < len(r.cand); from += batch.MaxRows {
		part := r.cand[from:min(len(r.cand), from+batch.MaxRows)]
		if err := r.candidates(v, part, reads); err != nil {
			return err
		}
		var err error
		if o.eval.sel, err = prog.Filter(o.eval.frame, &o.eval.x, o.eval.sel[:0]); err != nil {
			return err
		}
		for _, l := range o.eval.sel {
			r.holds[part[l]] |= bit
		}
	}
	return nil
}

// candidates makes the columns that the condition of v reads.
func (r *matchRun) candidates(v int, part []int32, reads []bool) error {
	e := &r.o.eval
	e.x.SetColumns(len(reads))
	e.x.N, e.x.Sel = len(part), nil
	width := len(e.cfg.Input)
	for i, y := range reads {
		switch {
		case !y:
		case i < width:
			e.idx = grow(e.idx, len(part))
			for k, p := range part {
				e.idx[k] = uint32(r.laneOf[r.cur.list[p].row])
			}
			e.x.Cols[i].AppendIndex(0, &r.in.Cols[i], e.idx, len(part))
		default:
			if err := e.fill(i, len(part), r.rowOf, func(u int, spans []matchSpan) { r.partSpans(v, u, part, spans) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// partSpans says which rows variable u has for candidates of v, the row at hand taken
// for v.
func (r *matchRun) partSpans(v, u int, part []int32, spans []matchSpan) {
	vars := len(r.o.cfg.Vars)
	for k, i := range part {
		p := &r.cur.list[i]
		b := r.cur.bounds[int(i)*vars:]
		s := matchSpan{p.row, p.row}
		switch {
		case u < 0:
			if p.start >= 0 {
				s.lo = r.starts[p.start].x
			}
			s.hi++
		case u == v:
			if int(p.last) == v {
				s.lo = b[v]
			}
			s.hi++
		case u <= int(p.last):
			if s.lo = b[u]; u < int(p.last) {
				s.hi = b[u+1]
			}
		}
		spans[k] = s
	}
}

// emit puts out matches.
func (r *matchRun) emit(c *Ctx, found []matchFound) error {
	o := r.o
	e := &o.eval
	n, width, keys := len(found), len(o.cfg.Input), len(o.cfg.PartitionBy)
	e.x.SetColumns(len(e.read))
	e.x.N, e.x.Sel = n, nil
	spans := func(u int, spans []matchSpan) {
		for k, f := range found {
			spans[k] = r.span(&r.starts[f.start], u)
		}
	}
	for i, y := range e.read {
		switch {
		case !y:
		case o.cfg.Refs[i-width].Kind == MatchRowtime:
			t := o.cfg.Refs[i-width].Type
			e.x.Cols[i].Alloc(t, n)
			for k, f := range found {
				e.x.Cols[i].I64[k] = TicksOf(t, f.time)
			}
		default:
			if err := e.fill(i, n, r.rowOf, spans); err != nil {
				return err
			}
		}
	}
	if err := e.out.Run(e.frame, &e.x, e.outs); err != nil {
		return err
	}
	o.out.SetColumns(keys + len(e.outs))
	r.emitKeys(found)
	for i, col := range e.outs {
		o.out.Cols[keys+i].Alloc(o.cfg.Out[keys+i], 0)
		o.out.Cols[keys+i].Append(0, col, nil, n)
	}
	o.out.N = n
	return c.Emit(&o.out)
}

// emitKeys writes the partition columns.
func (r *matchRun) emitKeys(found []matchFound) {
	o := r.o
	if len(o.cfg.PartitionBy) == 0 {
		return
	}
	r.index = grow(r.index, len(found))
	for k, f := range found {
		r.index[k] = r.starts[f.start].g
		if len(r.refs) == 0 {
			r.index[k] = uint32(r.groups[r.index[k]].rep)
		}
	}
	for i, col := range o.cfg.PartitionBy {
		var from *batch.Col
		if len(r.refs) == 0 {
			from = &r.in.Cols[col]
		} else {
			from = &r.keyCols[i]
		}
		o.out.Cols[i].Alloc(o.cfg.Out[i], 0)
		o.out.Cols[i].AppendIndex(0, from, r.index, len(found))
	}
}

// keep writes what is left of a key: its first rows from rest on, and the rows they
// need.
func (r *matchRun) keep(c *Ctx, g *matchGroup, rest int32) {
	o := r.o
	table := o.rows.Keys()
	if rest < 0 {
		if g.ref != state.None {
			table.Delete(g.ref)
		}
		return
	}
	if g.ref == state.None {
		k := state.Key{Group: uint16(c.Store.Groups().From)}
		if r.keys != nil {
			k = state.MakeKey(r.in, r.keys, int(g.rep), r.key[:0])
			r.key = k.Bytes
		}
		g.ref = table.Get(k, state.Upsert)
	}
	row := table.Touch(g.ref)
	from := r.starts[rest].x
	row[matchSeq] = g.seq + uint64(g.end-g.base)
	if len(o.eval.kept) > 0 {
		if drop := min(from-g.base, g.old); drop > 0 {
			o.rows.RemoveFirst(g.ref, int(drop))
		}
		for x := max(from, g.base+g.old); x < g.end; x++ {
			o.buf = o.kept.Append(o.buf[:0], r.in, o.eval.kept, int(r.laneOf[x]))
			o.rows.Insert(g.ref, g.seq+uint64(x-g.base), nil, o.buf)
		}
	}
	r.blob = r.encode(r.blob[:0], g, rest)
	table.SetBlob(&row[matchStarts], r.blob)
	if o.cfg.Within > 0 {
		if row[matchTimer] != 0 && r.upTo != never && row[matchTimer] <= timeWord(r.upTo) {
			row[matchTimer] = 0 // it has gone off
		}
		end := r.starts[rest].time + o.cfg.Within
		if row[matchTimer] == 0 || timeWord(end) < row[matchTimer] {
			row[matchTimer] = timeWord(end)
			o.ends.Add(end, table.KeyOf(g.ref, r.key[:0]), nil)
			if o.cfg.Proctime {
				c.SetTimer(end)
			}
		}
	}
}

// encode writes the first rows of a key from rest on:
//
//	rows that are kept | first rows | per one: rows since the one before, time since it, partial matches
//	             0: it is complete: its rows, where each variable begins
//	             else each: state, last variable + 1, where variables up to it begin
//
// as varints; places count from the first row.
func (r *matchRun) encode(b []byte, g *matchGroup, rest int32) []byte {
	vars := len(r.o.cfg.Vars)
	n := 0
	for s := rest; s >= 0; s = r.starts[s].next {
		if r.starts[s].kind != matchDead {
			n++
		}
	}
	b = binary.AppendUvarint(b, uint64(g.end-r.starts[rest].x))
	b = binary.AppendUvarint(b, uint64(n))
	x, time := r.starts[rest].x, int64(0)
	for s := rest; s >= 0; s = r.starts[s].next {
		st := &r.starts[s]
		if st.kind == matchDead {
			continue // it does not hold up anything
		}
		b = binary.AppendUvarint(b, uint64(st.x-x))
		b = binary.AppendVarint(b, st.time-time)
		x, time = st.x, st.time
		if st.kind == matchDone {
			b = binary.AppendUvarint(b, 0)
			b = binary.AppendUvarint(b, uint64(st.end-st.x))
			for _, at := range r.bounds[st.bounds : st.bounds+vars] {
				b = binary.AppendUvarint(b, uint64(at-st.x))
			}
			continue
		}
		b = binary.AppendUvarint(b, uint64(st.to-st.from))
		for k := st.from; k < st.to; k++ {
			p := &r.saved.list[k]
			b = binary.AppendUvarint(b, uint64(p.state))
			b = binary.AppendUvarint(b, uint64(p.last+1))
			for _, at := range r.saved.bounds[k*vars : k*vars+int(p.last)+1] {
				b = binary.AppendUvarint(b, uint64(at-st.x))
			}
		}
	}
	return b
}

// decode reads what encode wrote for key g, whose rows begin at x = base: the next row
// has number g.seq before, the first one after.
func (r *matchRun) decode(number uint32, g *matchGroup, b []byte) {
	vars := len(r.o.cfg.Vars)
	u := func() uint64 {
		v, k := binary.Uvarint(b)
		b = b[max(k, 0):]
		return v
	}
	g.old = uint32(u())
	n := u()
	g.seq -= uint64(g.old)
	x, time := g.base, int64(0)
	for range n {
		x += uint32(u())
		d, k := binary.Varint(b)
		b = b[max(k, 0):]
		time += d
		st := matchStart{x: x, time: time, g: number, at: math.MinInt64}
		parts := u()
		if parts == 0 {
			st.kind, st.bounds = matchDone, len(r.bounds)
			st.end = x + uint32(u())
			for range vars {
				r.bounds = append(r.bounds, x+uint32(u()))
			}
			r.addStart(st)
			continue
		}
		s := r.addStart(st)
		for range parts {
			p := matchPartial{start: s, state: int32(u()), row: g.base + g.old, last: int32(u()) - 1}
			from := len(r.cur.bounds)
			for range p.last + 1 {
				r.cur.bounds = append(r.cur.bounds, x+uint32(u()))
			}
			r.cur.bounds = append(r.cur.bounds, make([]uint32, from+vars-len(r.cur.bounds))...)
			r.cur.list = append(r.cur.list, p)
		}
	}
}
