package expr

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// opFlatten makes a row that loops can read lane by lane.
func opFlatten(p *Program, in *instr) error {
	dst, src := p.cols[in.dst], p.cols[in.args[0]]
	if src.Enc == batch.Sparse {
		dst.Dense(src, p.n)
		return nil
	}
	*dst = *src
	return nil
}

// opField is a field of a ROW. The field of a flat or constant row is passed by
// reference, with the row's nulls; that of a sparse row is spread over the lanes.
func opField(p *Program, in *instr) error {
	dst, src := p.cols[in.dst], p.cols[in.args[0]]
	if src.Enc == batch.Sparse {
		spreadField(in, src, p.n)
		src = in.tmp
		*dst = src.Kids[0]
	} else {
		*dst = src.Kids[in.index]
	}
	dst.Type = in.typ
	switch {
	case src.Enc == batch.Const:
		dst.Enc = batch.Const
		if src.IsNull(0) {
			dst.Nulls = []uint64{1}
		}
	case src.Nulls != nil:
		p.fieldNulls(in, dst, src)
	}
	return nil
}

// spreadField makes the field of a sparse row a child of the scratch column.
func spreadField(in *instr, src *batch.Col, n int) {
	kid := &src.Kids[in.index]
	one := batch.Col{
		Type:  types.RowT(types.Field{Type: kid.Type}),
		Enc:   batch.Sparse,
		Nulls: src.Nulls, At: src.At, Kids: in.flat[:1],
	}
	one.Kids[0] = *kid
	in.scratch().Dense(&one, n)
}

// fieldNulls gives a field the nulls of its row too.
func (p *Program) fieldNulls(in *instr, dst, src *batch.Col) {
	if cap(in.bits) < p.words {
		in.bits = make([]uint64, max(p.words, batch.Words(batch.MaxRows)))
	}
	w := in.bits[:p.words]
	if dst.Enc == batch.Const {
		flat := *dst
		flat.Flatten(p.n)
		*dst = flat
	}
	copy(w, src.Nulls)
	if dst.Nulls != nil {
		for i := range w {
			w[i] |= dst.Nulls[i]
		}
	}
	dst.Nulls = w
}

// opItem is an element of an array or the value of a map's key; NULL when there is
// none.
func opItem(p *Program, in *instr) error {
	c, key := p.cols[in.args[0]], p.cols[in.args[1]]
	dst := p.cols[in.dst]
	live := p.masks[in.mask]
	elems := &c.Kids[len(c.Kids)-1]
	sel := p.index[:0]
	nulls := p.words2(0)
	clear(nulls)
	next := 0
	for i := range kernel.Lanes(p.n, live) {
		for ; next < i; next++ {
			sel = append(sel, 0)
		}
		k := -1
		if !c.IsNull(i) && !key.IsNull(i) {
			k = findItem(c, c.ValueLane(i), key, i)
		}
		if k < 0 {
			batch.SetBit(nulls, i)
			k = 0
		}
		sel = append(sel, uint32(k))
		next = i + 1
	}
	for ; next < p.n; next++ {
		sel = append(sel, 0)
	}
	p.index = sel
	if list := c.ValueLane(0); c.Enc == batch.Const && c.Offs[list+1] == c.Offs[list] || c.Enc != batch.Const && c.Offs[p.n] == 0 {
		dst.Alloc(in.typ, 0)
		dst.AppendNulls(0, p.n)
		return nil
	}
	dst.AppendIndex(0, elems, sel, p.n)
	dst.Type = in.typ
	if kernel.Any(nulls, p.n) {
		d := dst.NullBits(p.n)
		for i := range d {
			d[i] |= nulls[i]
		}
	}
	return nil
}

// findItem is the index of an element among the children of c, or -1.
func findItem(c *batch.Col, list int, key *batch.Col, i int) int {
	from, to := int(c.Offs[list]), int(c.Offs[list+1])
	if c.Type.Kind == types.Array {
		k := key.Int(i)
		if k < 1 || k > int64(to-from) {
			return -1
		}
		return from + int(k) - 1
	}
	for k := to - 1; k >= from; k-- {
		if c.Kids[0].CompareLanes(k, key, i, false) == 0 {
			return k
		}
	}
	return -1
}

// opMakeRow is ROW(...): its fields are the arguments by reference.
func opMakeRow(p *Program, in *instr) error {
	dst := p.cols[in.dst]
	for i, s := range in.args {
		in.flat[i] = *p.cols[s]
	}
	*dst = batch.Col{Type: in.typ, Kids: in.flat[:len(in.args)]}
	return nil
}

// opMakeList is ARRAY[...] and MAP[...].
func opMakeList(p *Program, in *instr) error {
	dst := p.cols[in.dst]
	dst.Alloc(in.typ, p.n)
	kids := len(dst.Kids)
	per := len(in.args) / kids
	live := p.masks[in.mask]
	for k := range kids {
		tmp := in.scratch()
		for j := range per {
			tmp.Append(j*p.n, p.cols[in.args[j*kids+k]], nil, p.n)
		}
		sel := p.index[:0]
		total := uint32(0)
		for i := range p.n {
			dst.Offs[i] = total
			if !kernel.Live(live, i) {
				continue
			}
			for j := range per {
				if kids == 2 && p.repeated(in, i, j, per) {
					continue
				}
				sel = append(sel, uint32(j*p.n+i))
				total++
			}
		}
		dst.Offs[p.n] = total
		p.index = sel
		t := dst.Kids[k].Type
		if per > 0 {
			dst.Kids[k].AppendIndex(0, tmp, sel, len(sel))
		}
		dst.Kids[k].Type = t
	}
	return nil
}

// repeated reports whether key j of a map occurs again behind it.
func (p *Program) repeated(in *instr, lane, j, per int) bool {
	a := p.cols[in.args[2*j]]
	for k := j + 1; k < per; k++ {
		if a.CompareLanes(lane, p.cols[in.args[2*k]], lane, false) == 0 {
			return true
		}
	}
	return false
}
