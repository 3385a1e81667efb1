package exec

import (
	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
)

// intervalRows is the rows of a batch on their way through an interval join. Those of one input match nothing of their own, so that the pairs of many
// are made and tested at once.
type intervalRows struct {
	in   int
	b    *batch.Batch
	sel  []uint16 // rows whose key can match; nil: all
	null []uint16 // the others
	n    int
	wm   int64 // at the row whose turn it is
	next int   // that row
	// marks are those to come.
	marks []batch.Mark
}

// at is the watermark at lane l; lanes are asked for in order.
func (r *intervalRows) at(l int) int64 {
	for len(r.marks) > 0 && int(r.marks[0].Pos) <= l {
		r.wm = max(r.wm, r.marks[0].WM)
		r.marks = r.marks[1:]
	}
	return r.wm
}

func (r *intervalRows) lane(i int) int {
	if r.sel == nil {
		return i
	}
	return int(r.sel[i])
}

// chunk joins the next rows: as many as have a batch of pairs, or one that has more.
func (j *intervalJoin) chunk(c *Ctx, r *intervalRows) error {
	own, other := &j.group[r.in], &j.group[1-r.in]
	j.found, j.rows, j.lanes, j.ends, j.wms = j.found[:0], j.rows[:0], j.lanes[:0], j.ends[:0], j.wms[:0]
	first := r.next
	for ; r.next < r.n; r.next++ {
		had, l := len(j.found), r.lane(r.next)
		j.find(r.in, l, other.Refs[other.G[r.next]], r.at(l))
		if len(j.found) > batch.MaxRows && r.next > first {
			j.found, j.rows, j.lanes = j.found[:had], j.rows[:had], j.lanes[:had]
			break
		}
		j.ends, j.wms = append(j.ends, len(j.found)), append(j.wms, r.wm)
	}
	if len(j.found) > batch.MaxRows {
		return j.wide(c, r, own.Refs[own.G[first]])
	}
	pass, err := j.match(r, 0, len(j.found))
	if err != nil {
		return err
	}
	s := j.sides[1-r.in]
	from, to := 0, 0 // of pass: pairs that have not been given out
	for k, end := range j.ends {
		l := r.lane(first + k)
		if len(r.null) > 0 && int(r.null[0]) < l {
			if err := j.joined(c, r.in, pass[from:to]); err != nil {
				return err
			}
			from = to
			if err := j.unmatchable(c, r, l); err != nil {
				return err
			}
		}
		had := to
		for ; to < len(pass) && int(pass[to]) < end; to++ {
			s.Lanes(j.found[pass[to]])[0] = 1
		}
		if !j.keep(c, r, l, own.Refs[own.G[first+k]], j.wms[k], to > had) {
			continue
		}
		// It comes out alone, behind the pairs of those before.
		if err := j.joined(c, r.in, pass[from:to]); err != nil {
			return err
		}
		from = to
		if err := j.pad(c, r.in, j.row); err != nil {
			return err
		}
	}
	return j.joined(c, r.in, pass[from:to])
}

// wide joins one row that has more than a batch of pairs, already found.
func (j *intervalJoin) wide(c *Ctx, r *intervalRows, own state.Ref) error {
	l := r.lane(r.next - 1)
	if err := j.unmatchable(c, r, l); err != nil {
		return err
	}
	s, matched := j.sides[1-r.in], false
	for from := 0; from < len(j.found); from += batch.MaxRows {
		pass, err := j.match(r, from, min(from+batch.MaxRows, len(j.found)))
		if err != nil {
			return err
		}
		for _, i := range pass {
			s.Lanes(j.found[from+int(i)])[0] = 1
		}
		matched = matched || len(pass) > 0
		if err := j.joined(c, r.in, pass); err != nil {
			return err
		}
	}
	if j.keep(c, r, l, own, j.wms[0], matched) {
		return j.pad(c, r.in, j.row)
	}
	return nil
}

// find adds the cached rows of the other side that lie near lane l and had not to leave
// at watermark wm.
func (j *intervalJoin) find(in, l int, other state.Ref, wm int64) {
	if other == state.None {
		return
	}
	lo, hi := j.bounds(in, j.times[l])
	if wm != batch.NoWatermark && !j.eager() {
		lo = max(lo, wm-j.last(1-in, 0)+1)
	}
	s := j.sides[1-in]
	for p := s.Seek(other, timeWord(lo), nil); p.OK() && wordTime(s.Word(p)) <= hi; p = s.Next(p) {
		j.found = append(j.found, p)
		j.rows = append(j.rows, s.Payload(p))
		j.lanes = append(j.lanes, uint16(l))
	}
}

// keep caches the row of lane l, under watermark wm, while it can still match. It reports a row that cannot,
// found no match and comes out padded: j.row.
func (j *intervalJoin) keep(c *Ctx, r *intervalRows, l int, own state.Ref, wm int64, matched bool) bool {
	j.row = j.codecs[r.in].Append(j.row[:0], r.b, j.cols[r.in], l)
	until := j.last(r.in, j.times[l])
	if until <= wm {
		return !matched && j.cfg.Type.keeps(r.in)
	}
	s := j.sides[r.in]
	p := s.Insert(own, timeWord(j.times[l]), nil, j.row)
	if matched {
		s.Lanes(p)[0] = 1
	}
	if !j.eager() && s.Len(own) > 1 {
		return false // expire sees to it after the key's first
	}
	until += j.cfg.Cleanup
	j.expiry[r.in].Add(until, s.Keys().KeyOf(own, nil), nil)
	if !j.cfg.Rowtime {
		c.SetTimer(until + 1)
	}
	return false
}

// match makes the pairs [from, to) of those found and returns which pass, from 0 on.
func (j *intervalJoin) match(r *intervalRows, from, to int) ([]uint16, error) {
	n, nl := to-from, len(j.types[0])
	if n == 0 {
		return nil, nil
	}
	j.pairs.SetColumns(nl + len(j.types[1]))
	own, other := j.pairs.Cols[:nl], j.pairs.Cols[nl:]
	if r.in == 1 {
		own, other = other, own
	}
	for i := range own {
		own[i].Gather(&r.b.Cols[i], j.lanes[from:to], n)
		own[i].Type = j.types[r.in][i]
	}
	for i := range other {
		other[i].Alloc(j.types[1-r.in][i], n)
	}
	j.codecs[1-r.in].Decode(other, 0, nil, j.rows[from:to])
	j.pairs.N, j.pairs.Sel = n, nil
	if j.res == nil {
		return batch.Span(0, n), nil
	}
	return j.res.prog.Filter(j.res.frame, &j.pairs, nil)
}

// unmatchable pads the rows whose key cannot match before a lane.
func (j *intervalJoin) unmatchable(c *Ctx, r *intervalRows, before int) error {
	for len(r.null) > 0 && int(r.null[0]) < before {
		if j.cfg.Type.keeps(r.in) {
			j.row = j.codecs[r.in].Append(j.row[:0], r.b, j.cols[r.in], int(r.null[0]))
			if err := j.pad(c, r.in, j.row); err != nil {
				return err
			}
		}
		r.null = r.null[1:]
	}
	return nil
}
