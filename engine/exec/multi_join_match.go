package exec

import (
	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
)

// matchCounts tell, for the rows of a batch of a left-joined input, which are the
// first match of a tuple of the inputs before, and which were the last one.
//
// Without a residual all tuples of a key have the same matches, so a number for each
// key is enough. With one each tuple has its number. Lanes with equal keys see the
// same tuples in the same order; so a tuple is known by the list of its key and its
// place among the tuples of a lane.
type matchCounts struct {
	each  bool   // tuples are counted one by one
	edges []bool // by lane, without a residual
	gone  []bool // by lane: a retraction found nothing to retract

	lists  []listCounts
	counts []int32
	cells  []int32 // number in counts of each tuple at hand
	lane   int     // whose tuples are being numbered ...
	next   int32   // ... and the place of the next one
	fresh  []uint32
	src    []uint32
	ref    []state.RowRef
}

// listCounts are the counts of one key.
type listCounts struct {
	seen bool
	lane int   // the first lane of that key, which makes the counts
	from int32 // in counts
}

// begin takes up a batch, when its rows have been stored.
func (k *matchCounts) begin(m *multiJoin, sel []uint16) {
	b := m.b
	k.edges, k.gone = extendBools(k.edges, b.N), extendBools(k.gone, b.N)
	lists := m.found[0].Lists()
	if cap(k.lists) < lists {
		k.lists = make([]listCounts, lists)
	}
	k.lists = k.lists[:lists]
	clear(k.lists)
	k.counts, k.lane, k.next = k.counts[:0], -1, 0
	if b.Kinds != nil {
		for i, ref := range m.refs {
			l := i
			if sel != nil {
				l = int(sel[i])
			}
			k.gone[l] = ref == 0 && !b.Kinds[l].Adds()
		}
	}
	if k.each = m.tests[m.in] != nil; k.each {
		return
	}
	for i := range b.Rows() {
		l := b.Lane(i)
		list := m.found[0].Of[l]
		if list < 0 {
			continue // nothing to be matched
		}
		c := &k.lists[list]
		if !c.seen {
			*c = listCounts{seen: true, from: int32(len(m.found[m.in].Lane(l)))}
		}
		k.edges[l] = turn(&c.from, b.Kind(l), k.gone[l])
	}
}

func extendBools(s []bool, n int) []bool {
	if cap(s) < n {
		s = make([]bool, max(n, batch.MaxRows))
	}
	s = s[:n]
	clear(s)
	return s
}

// turn counts a match that comes or goes, and reports that it is the first or was the
// last one.
func turn(count *int32, kind batch.Kind, gone bool) bool {
	if kind.Adds() {
		*count++
		return *count == 1
	}
	if !gone && *count > 0 {
		*count--
	}
	return *count == 0
}

// number gives the candidates of input i, the batch's own, their counts. New ones are
// counted over the rows stored before the batch.
func (k *matchCounts) number(m *multiJoin, v *joinLevel, i int, t *tuples) error {
	if cap(k.cells) < len(t.lanes) {
		k.cells = make([]int32, len(t.lanes))
	}
	k.cells = k.cells[:len(t.lanes)]
	k.fresh = k.fresh[:0]
	for _, x := range v.src {
		l := int(t.lanes[x])
		if l != k.lane {
			k.lane, k.next = l, 0
		}
		c := &k.lists[m.found[0].Of[l]]
		if !c.seen {
			*c = listCounts{seen: true, lane: l, from: int32(len(k.counts))}
		}
		if c.lane == l {
			k.counts = append(k.counts, 0)
			k.fresh = append(k.fresh, x)
		}
		k.cells[x] = c.from + k.next
		k.next++
	}
	at := 0
	for f := 0; f < len(k.fresh); {
		k.src, k.ref = k.src[:0], k.ref[:0]
		for f < len(k.fresh) && len(k.src) < pairRows {
			x := k.fresh[f]
			rows := m.found[i].Lane(int(t.lanes[x]))
			n := min(len(rows)-at, pairRows-len(k.src))
			for _, ref := range rows[at : at+n] {
				k.src, k.ref = append(k.src, x), append(k.ref, ref)
			}
			if at += n; at < len(rows) {
				break
			}
			f, at = f+1, 0
		}
		if len(k.src) == 0 {
			continue
		}
		m.extend(&v.wide, t, i, k.src, k.ref)
		v.wide.stored = true
		pass, err := m.passing(i, &v.wide)
		v.wide.stored = false
		if err != nil {
			return err
		}
		for _, p := range pass {
			k.counts[k.cells[k.src[p]]]++
		}
	}
	return nil
}

// edge counts the match of tuple x with the row in a lane, and reports that it is the
// first one or was the last.
func (k *matchCounts) edge(x, lane int, kind batch.Kind) bool {
	if !k.each {
		return k.edges[lane]
	}
	return turn(&k.counts[k.cells[x]], kind, k.gone[lane])
}
