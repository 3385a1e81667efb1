package exec

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
)

// joinFold folds the changes of a join's inputs within a bundle, before they meet the
// other side, as Flink's mini-batch join does.
//
// Of an input without a unique key, a row that comes and goes, or goes and comes, is not
// told at all. Of one with a unique key, changes of a key are told together: what came
// and went is left out, and what went and came again is a pair that a join with an outer
// other side turns into one change (join.swap).
type joinFold struct {
	sides [2]foldSide
	// first is the side whose changes are told first: those of the other one then meet
	// them, and fewer padded rows come and go.
	first int
	out   batch.Batch
	index []uint32
}

// foldSide is what is known of an input, and memory for a bundle of it.
type foldSide struct {
	// cols tell groups apart: the join key and the unique key, or all columns.
	cols []int
	// keyed: there is a unique key. upsert: +U comes without -U. inKey: the join key
	// contains the unique key.
	keyed, upsert, inKey bool

	list   []*batch.Col
	hashes []uint64
	at     map[uint64]int32 // the newest group with a hash
	groups []foldGroup
	prev   []int32 // of a lane that is told: the one of its group before it, or -1
	order  []uint16
	swap   []swapLane
}

// foldGroup are the rows of a key.
type foldGroup struct {
	lane int32 // a row of it
	next int32 // another group with this hash, or -1
	tail int32 // the last lane that is told, or -1
	// fresh: a row came as +I and went, so that nothing was there before the bundle.
	fresh bool
}

// swapLane says that a lane takes back what the next one replaces.
type swapLane uint8

const (
	swapNone swapLane = iota
	swapOut           // goes
	swapIn            // comes in its place
)

func newJoinFold(cfg *JoinConfig) *joinFold {
	f := &joinFold{first: 1}
	if cfg.Type == RightJoin {
		f.first = 0
	}
	for i := range f.sides {
		s, side := &f.sides[i], &cfg.Sides[i]
		width := len(cfg.Left)
		if i == 1 {
			width = len(cfg.Right)
		}
		s.at = map[uint64]int32{}
		s.keyed, s.upsert, s.inKey = side.Unique != nil, side.Upsert != nil, side.UniqueInKey
		if !s.keyed {
			s.cols = allCols(width)
			continue
		}
		s.cols = slices.Clone(cfg.of(i))
		for _, c := range side.Unique {
			if !slices.Contains(s.cols, c) {
				s.cols = append(s.cols, c)
			}
		}
	}
	return f
}

// fold gives what is left of a bundle of one side, and which of its lanes are swaps: nil
// for none. The batch is that of b with fewer lanes, or the fold's own until the next call.
func (f *joinFold) fold(side int, b *batch.Batch) (*batch.Batch, []swapLane) {
	s := &f.sides[side]
	if b.Kinds == nil && !s.upsert {
		return b, nil // nothing goes
	}
	s.link(b)
	s.order, s.swap = s.order[:0], s.swap[:0]
	if !s.keyed {
		for i := range s.groups {
			for l := s.groups[i].tail; l >= 0; l = s.prev[l] {
				s.order = append(s.order, uint16(l))
			}
		}
		slices.Sort(s.order)
		b.Sel = s.order
		if len(s.order) == 0 {
			b.Sel = batch.Span(0, 0) // nil would be all
		}
		return b, nil
	}
	pairs := false
	for i := range s.groups {
		from := len(s.order)
		for l := s.groups[i].tail; l >= 0; l = s.prev[l] {
			s.order = append(s.order, uint16(l))
		}
		slices.Reverse(s.order[from:])
		for k := from; k < len(s.order); k++ {
			s.swap = append(s.swap, swapNone)
			if k > from && b.Kind(int(s.order[k])).Adds() && !b.Kind(int(s.order[k-1])).Adds() {
				s.swap[k-1], s.swap[k], pairs = swapOut, swapIn, true
			}
		}
	}
	f.gather(b, s.order)
	if !pairs {
		return &f.out, nil
	}
	return &f.out, s.swap
}

// gather makes f.out of lanes of b, which need not ascend.
func (f *joinFold) gather(b *batch.Batch, lanes []uint16) {
	f.index = f.index[:0]
	for _, l := range lanes {
		f.index = append(f.index, uint32(l))
	}
	f.out.SetColumns(len(b.Cols))
	for i := range b.Cols {
		f.out.Cols[i].Alloc(b.Cols[i].Type, 0)
		f.out.Cols[i].AppendIndex(0, &b.Cols[i], f.index, len(lanes))
	}
	f.out.N, f.out.Kinds = len(lanes), nil
	if b.Kinds != nil {
		kinds := f.out.AllocKinds()
		for i, l := range lanes {
			kinds[i] = b.Kinds[l]
		}
	}
}

// link puts the rows of a bundle into groups and takes out what needs not be told.
func (s *foldSide) link(b *batch.Batch) {
	s.list = s.list[:0]
	for _, c := range s.cols {
		s.list = append(s.list, &b.Cols[c])
	}
	s.hashes = slices.Grow(s.hashes[:0], b.N)[:b.N]
	if clear(s.hashes); len(s.list) > 0 {
		batch.HashCols(s.hashes, s.list, nil, b.N)
	}
	s.prev = slices.Grow(s.prev[:0], b.N)[:b.N]
	s.groups = s.groups[:0]
	clear(s.at)
	for l := range b.N {
		g := s.group(l)
		if s.keyed {
			s.addKeyed(g, b, l)
		} else {
			s.addRow(g, b, l)
		}
	}
}

// group finds or makes the group of a lane.
func (s *foldSide) group(l int) *foldGroup {
	first, ok := s.at[s.hashes[l]]
	if !ok {
		first = -1
	}
	for i := first; i >= 0; i = s.groups[i].next {
		g := &s.groups[i]
		if s.same(int(g.lane), l, s.list) {
			return g
		}
	}
	s.at[s.hashes[l]] = int32(len(s.groups))
	s.groups = append(s.groups, foldGroup{lane: int32(l), next: first, tail: -1})
	return &s.groups[len(s.groups)-1]
}

func (s *foldSide) same(i, j int, cols []*batch.Col) bool {
	for _, c := range cols {
		if !c.EqualLanes(i, c, j) {
			return false
		}
	}
	return true
}

func (s *foldSide) push(g *foldGroup, l int) { s.prev[l], g.tail = g.tail, int32(l) }

func (s *foldSide) pop(g *foldGroup) { g.tail = s.prev[g.tail] }

// addRow adds a change of a whole row: it ends an earlier one in the other direction.
func (s *foldSide) addRow(g *foldGroup, b *batch.Batch, l int) {
	if g.tail >= 0 && b.Kind(int(g.tail)).Adds() != b.Kind(l).Adds() {
		s.pop(g)
		return
	}
	s.push(g, l)
}

// addKeyed adds a change of a unique key.
func (s *foldSide) addKeyed(g *foldGroup, b *batch.Batch, l int) {
	if g.fresh && s.inKey && b.Kind(l) == batch.UpdateAfter {
		b.Kinds[l] = batch.Insert // nothing was there before the bundle
	}
	g.fresh = false
	if g.tail < 0 {
		s.push(g, l)
		return
	}
	last := int(g.tail)
	came, comes := b.Kind(last).Adds(), b.Kind(l).Adds()
	switch {
	case s.upsert && came && comes: // it is replaced
		if b.Kind(last) == batch.Insert && b.Kind(l) == batch.UpdateAfter {
			b.Kinds[l] = batch.Insert
		}
		s.pop(g)
	case s.upsert && !came && !comes:
		s.pop(g)
	case s.upsert && came && !comes:
		s.pop(g)
		if b.Kind(last) == batch.Insert && g.tail < 0 {
			g.fresh = true
			return
		}
		// What it replaced may be there from before the bundle.
		if g.tail >= 0 {
			return // and goes already
		}
	case came && !comes && s.sameRow(b, last, l):
		s.pop(g)
		g.fresh = b.Kind(last) == batch.Insert && g.tail < 0
		return
	}
	s.push(g, l)
}

func (s *foldSide) sameRow(b *batch.Batch, i, j int) bool {
	for k := range b.Cols {
		if c := &b.Cols[k]; !c.EqualLanes(i, c, j) {
			return false
		}
	}
	return true
}

func (j *join) swapAt(l int) swapLane {
	if j.swap == nil {
		return swapNone
	}
	return j.swap[l]
}

// unhold tells whether a row of the other side lost its last match to the row before.
func (j *join) unhold(ref state.RowRef) bool {
	i := j.heldAt // both rows find theirs in the same order
	if i == len(j.held) || j.held[i] != ref {
		if i = slices.Index(j.held, ref); i < 0 {
			return false
		}
	}
	j.held[i], j.heldAt = 0, i+1
	return true
}

// release gives the rows that lost their last match and found no other one.
func (j *join) release() {
	for _, ref := range j.held {
		if ref != 0 {
			j.rows.add(batch.Insert, -1, ref)
		}
	}
	j.held, j.heldAt = j.held[:0], 0
}
