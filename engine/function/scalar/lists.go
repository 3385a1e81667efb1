package scalar

import (
	"math/bits"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// lists reads where the elements of the lists of a column lie.
type lists struct {
	offs []uint32
	mask int
}

func listsOf(c *batch.Col) lists {
	l := lists{offs: c.Offs, mask: -1}
	if c.Enc == batch.Const {
		l.mask = 0
	}
	return l
}

// span is the elements of the list of a lane that is not NULL.
func (l *lists) span(i int) (from, to int) {
	i &= l.mask
	return int(l.offs[i]), int(l.offs[i+1])
}

// elements is how many elements the lists of c have together, n lanes.
func elements(c *batch.Col, n int) int {
	if c.Enc == batch.Const {
		n = 1
	}
	if len(c.Offs) <= n {
		return 0 // a constant NULL
	}
	return int(c.Offs[n])
}

// picker makes lists out of elements that lie in other columns. It keeps its memory
// between batches.
type picker struct {
	sel  []uint32
	pool []batch.Col // elements of several columns, one behind the other
	base []int       // where those of each column begin
}

// from puts the children of list columns behind each other, so that their elements
// have numbers: those of column k begin at base[k].
func (p *picker) from(cols []*batch.Col, n int) []batch.Col {
	kids := len(cols[0].Kids)
	if len(p.pool) != kids {
		p.pool = make([]batch.Col, kids)
	}
	p.base = p.base[:0]
	at := 0
	for _, c := range cols {
		m := elements(c, n)
		p.base = append(p.base, at)
		if m == 0 {
			continue
		}
		for k := range p.pool {
			p.pool[k].Append(at, &c.Kids[k], nil, m)
		}
		at += m
	}
	return p.pool
}

// pick calls f for each live lane to append the numbers of its elements to p.sel,
// and makes the lists of dst of them.
func (p *picker) pick(dst *batch.Col, src []batch.Col, n int, live []uint64, f func(i int) error) error {
	p.sel = p.sel[:0]
	for i := range n {
		if kernel.Live(live, i) {
			if err := f(i); err != nil {
				return err
			}
		}
		dst.Offs[i+1] = uint32(len(p.sel))
	}
	if len(p.sel) == 0 {
		return nil
	}
	for k := range dst.Kids {
		t := dst.Kids[k].Type
		dst.Kids[k].AppendIndex(0, &src[k], p.sel, len(p.sel))
		dst.Kids[k].Type = t
	}
	return nil
}

// span appends the numbers from..to.
func (p *picker) span(from, to int) {
	for k := from; k < to; k++ {
		p.sel = append(p.sel, uint32(k))
	}
}

// elemSet is a set of elements of a column, NULL among them. Small sets are looked
// through, larger ones hashed. With keys, 0.0 and -0.0 are two elements.
type elemSet struct {
	keys  bool
	col   *batch.Col
	list  []uint32
	slots []int32 // number in list + 1; empty while the set is small
	key   []byte
}

const smallSet = 12

func (s *elemSet) reset(col *batch.Col) {
	s.col, s.list, s.slots = col, s.list[:0], s.slots[:0]
}

func (s *elemSet) has(k int) bool {
	_, ok := s.find(k)
	return ok
}

// find is the slot of element k, or where it would be.
func (s *elemSet) find(k int) (slot int, ok bool) {
	if len(s.slots) == 0 {
		for _, e := range s.list {
			if s.same(int(e), k) {
				return 0, true
			}
		}
		return 0, false
	}
	s.key = batch.AppendOrder(s.key[:0], s.col, k)
	mask := len(s.slots) - 1
	for slot = int(batch.HashBytes(s.key)) & mask; s.slots[slot] != 0; slot = (slot + 1) & mask {
		if s.same(int(s.list[s.slots[slot]-1]), k) {
			return slot, true
		}
	}
	return slot, false
}

func (s *elemSet) same(i, j int) bool {
	if s.keys {
		return s.col.EqualLanes(i, s.col, j)
	}
	return s.col.CompareLanes(i, s.col, j, false) == 0
}

// add puts element k into the set and reports whether it is new.
func (s *elemSet) add(k int) bool {
	slot, ok := s.find(k)
	if ok {
		return false
	}
	s.list = append(s.list, uint32(k))
	if len(s.slots) > 0 {
		s.slots[slot] = int32(len(s.list))
	}
	if len(s.list) > max(smallSet, len(s.slots)/2) {
		s.grow()
	}
	return true
}

func (s *elemSet) grow() {
	size := 4 << bits.Len(uint(len(s.list)))
	if cap(s.slots) < size {
		s.slots = make([]int32, size)
	}
	s.slots = s.slots[:size]
	clear(s.slots)
	for n, e := range s.list {
		slot, _ := s.find(int(e))
		s.slots[slot] = int32(n + 1)
	}
}

// sameArrays makes all arguments arrays of one type.
func sameArrays(c *function.Call, least int, more bool) (function.Resolved, error) {
	p, err := match(c, least, more, array)
	if err != nil {
		return function.Resolved{}, err
	}
	t, err := function.CommonType(p...)
	if err != nil {
		return function.Resolved{}, err
	}
	for i := range p {
		p[i] = cast(p[i], t)
	}
	return function.Resolved{Params: p, Result: t.Nullable(nullable(c)), Strict: true, Cost: 60}, nil
}

// arrayAndElement makes the arguments an array and a value that its elements have a
// common type with.
func arrayAndElement(c *function.Call) (function.Resolved, error) {
	p, err := match(c, 2, false, array, anything)
	if err != nil {
		return function.Resolved{}, err
	}
	e, err := function.CommonType(*p[0].Elem, c.Args[1].Type)
	if err != nil {
		return function.Resolved{}, err
	}
	t := types.ArrayT(e)
	return function.Resolved{Params: []types.Type{cast(p[0], t), e.Nullable(c.Args[1].Type.IsNullable())}, Result: t.Nullable(p[0].IsNullable()), Cost: 40}, nil
}

// listMaker is a kernel that keeps a picker.
func listMaker(k func(p *picker, dst *batch.Col, args []*batch.Col, n int, live []uint64) error) func() function.Kernel {
	return func() function.Kernel {
		p := &picker{}
		return func(_ *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			return k(p, dst, args, n, live)
		}
	}
}
