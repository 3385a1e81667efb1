package cover

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/plan"
)

// join tells which rows of its inputs found a partner: a row of an input has found one if
// it stands in an output row in which no other side is padded. Equal rows count as one, and
// what happened to a row is looked at when the run is over, so that one which waited for its
// partner has found it.
type join struct {
	sides []joinSide
	// semi and anti joins give rows of the left input alone: there such a row has found a
	// partner, or has not.
	semi, anti bool
	outs       []*copied
}

// joinSide is an input of a join, or with quiet the table that a lookup reads.
type joinSide struct {
	// cols are the columns of the input that come out, and at their places in the output.
	cols, at []int
	// keys are places in the output that are NULL only where this side is padded, where
	// there are such; else all of at are NULL there.
	keys   []int
	padded bool // the output may have it so
	quiet  bool

	rows, drop []*copied
	hit, miss  *Item
}

// newJoin is what a node joins, nil for one that joins nothing.
func newJoin(n plan.Node) *join {
	two := func(t plan.JoinType, c plan.Cond) *join {
		left, right := n.Inputs()[0].Info().Schema, n.Inputs()[1].Info().Schema
		j := &join{semi: t == plan.Semi, anti: t == plan.Anti}
		j.sides = []joinSide{{cols: upTo(len(left)), at: upTo(len(left)), padded: t.KeepsRight()}}
		if t.LeftOnly() {
			return j
		}
		r := joinSide{cols: upTo(len(right)), padded: t.KeepsLeft()}
		for i := range right {
			r.at = append(r.at, len(left)+i)
		}
		for i, k := range c.LeftKeys {
			if !c.NullSafe[i] {
				j.sides[0].keys = append(j.sides[0].keys, k)
				r.keys = append(r.keys, len(left)+c.RightKeys[i])
			}
		}
		j.sides = append(j.sides, r)
		return j
	}
	switch n := n.(type) {
	case *plan.Join:
		return two(n.Type, n.Cond)
	case *plan.IntervalJoin:
		return two(n.Type, n.Cond)
	case *plan.WindowJoin:
		return two(n.Type, n.Cond)
	case *plan.TemporalJoin:
		return two(n.Type, n.Cond)
	case *plan.SnapshotJoin:
		return two(n.Type, n.Cond)
	case *plan.MultiJoin:
		j := &join{}
		for i, in := range n.Ins {
			s := joinSide{cols: upTo(len(in.Info().Schema)), padded: i > 0 && n.Joins[i-1].Type == plan.LeftOuter}
			for k := range s.cols {
				s.at = append(s.at, n.First(i)+k)
			}
			for _, k := range n.Keys[i] {
				s.keys = append(s.keys, n.First(i)+k)
			}
			j.sides = append(j.sides, s)
		}
		return j
	case *plan.LookupJoin:
		return lookup(upTo(len(n.In.Info().Schema)), len(n.Schema), n.Type == plan.LeftOuter)
	case *plan.Correlate:
		return lookup(n.Keep, len(n.Schema), n.Left)
	}
	return nil
}

// lookup is a join with something that is no input.
func lookup(keep []int, width int, left bool) *join {
	r := joinSide{quiet: true, padded: left}
	for i := len(keep); i < width; i++ {
		r.at = append(r.at, i)
	}
	if left && len(r.at) == 0 {
		return nil // nothing tells a padded row
	}
	return &join{sides: []joinSide{{cols: keep, at: upTo(len(keep))}, r}}
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// copied are rows of a batch; blank are the columns that nobody reads, so that they were
// never filled.
type copied struct {
	*batch.Batch
	blank []bool
}

// kept copies rows of a batch that is valid during a call only.
func kept(b *batch.Batch, lanes []uint16) *copied {
	out := &copied{&batch.Batch{}, make([]bool, len(b.Cols))}
	for i := range b.Cols {
		out.blank[i] = !b.Cols[i].Complete(b.N)
	}
	view := *b.Filled(nil)
	view.Marks, view.Keys = nil, nil
	if lanes != nil {
		view.Sel = lanes
	}
	out.Gather(&view, nil)
	return out
}

func (j *join) took(input int, b *batch.Batch) {
	if input < len(j.sides) {
		s := &j.sides[input]
		s.rows = append(s.rows, kept(b, nil))
	}
}

func (j *join) late(input int, b *batch.Batch, lanes []uint16) {
	if input < len(j.sides) {
		s := &j.sides[input]
		s.drop = append(s.drop, kept(b, lanes))
	}
}

func (j *join) gave(b *batch.Batch) { j.outs = append(j.outs, kept(b, nil)) }

// end finds out which rows found a partner.
func (j *join) end() {
	for i := range j.sides {
		s := &j.sides[i]
		if s.hit == nil {
			continue
		}
		cols, at := s.common(j.outs)
		found := map[string]bool{}
		alone := map[string]int{} // of an anti join: rows given, less those taken back
		for _, b := range j.outs {
			for lane := range b.N {
				if j.anti && b.Kind(lane).Adds() {
					alone[rowKey(b, at, lane)]++
				} else if j.anti {
					alone[rowKey(b, at, lane)]--
				} else if j.partner(i, b, lane) {
					found[rowKey(b, at, lane)] = true
				}
			}
		}
		seen := map[string]bool{}
		for _, b := range s.drop {
			for lane := range b.N {
				seen[rowKey(b, cols, lane)] = true
			}
		}
		for _, b := range s.rows {
			for lane := range b.N {
				k := rowKey(b, cols, lane)
				if seen[k] {
					continue
				}
				seen[k] = true
				if found[k] || j.anti && alone[k] <= 0 {
					s.hit.Count++
				} else {
					s.miss.Count++
				}
			}
		}
	}
	for i := range j.sides {
		j.sides[i].rows, j.sides[i].drop = nil, nil
	}
	j.outs = nil
}

// partner tells whether an output row has side i and a partner of it.
func (j *join) partner(i int, b *copied, lane int) bool {
	if j.semi {
		return true
	}
	if s := &j.sides[i]; s.padded && s.isPadded(b, lane) {
		return false
	}
	for k := range j.sides {
		if s := &j.sides[k]; k != i && (!s.padded || !s.isPadded(b, lane)) {
			return true
		}
	}
	return false
}

func (s *joinSide) isPadded(b *copied, lane int) bool {
	if len(s.keys) > 0 {
		return b.Cols[s.keys[0]].IsNull(lane)
	}
	return !slices.ContainsFunc(s.at, func(c int) bool { return !b.Cols[c].IsNull(lane) })
}

// common are the columns by which rows are told apart: those that are filled everywhere,
// in the input and in the output.
func (s *joinSide) common(outs []*copied) (cols, at []int) {
	for i, c := range s.cols {
		if slices.ContainsFunc(s.rows, func(b *copied) bool { return b.blank[c] }) || slices.ContainsFunc(outs, func(b *copied) bool { return b.blank[s.at[i]] }) {
			continue
		}
		cols, at = append(cols, c), append(at, s.at[i])
	}
	return cols, at
}

func rowKey(b *copied, cols []int, lane int) string {
	var key []byte
	for _, c := range cols {
		key = batch.AppendKey(key, &b.Cols[c], lane)
	}
	return string(key)
}
