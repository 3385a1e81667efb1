package exec

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/minkstream/mink/engine/batch"
)

// The loops here are what someone would write by hand in place of an operator, with Go
// maps, and with the operator's duties but for snapshots: rows wait for the watermark, a
// late row is noticed, state is per key, results are written to columns of their own.

// loopRow is a row of benchRows that a loop keeps.
type loopRow struct {
	k, v int64
	s    string
	k2   int32
}

// loopOut is a batch of changes as a loop writes it.
type loopOut struct {
	kind []batch.Kind
	rows []loopRow
	n    int
}

func (o *loopOut) add(k batch.Kind, r loopRow) {
	o.kind, o.rows = append(o.kind, k), append(o.rows, r)
	o.n++
}

// loopTopN keeps the top rows of each key by v and gives out, for each batch, which rows
// left and which came.
func loopTopN(list []*batch.Batch, keys, top int) int {
	type head struct {
		rows, was []loopRow
		touched   bool
	}
	heads := make(map[int64]*head, keys)
	var out loopOut
	var touched []*head
	var tmp [12]byte
	for _, x := range list {
		out.kind, out.rows, touched = out.kind[:0], out.rows[:0], touched[:0]
		for i, k := range x.Cols[0].I64[:x.N] {
			v, h := x.Cols[3].I64[i], heads[k]
			if h == nil {
				h = &head{}
				heads[k] = h
			}
			if len(h.rows) == top && v <= h.rows[top-1].v {
				continue
			}
			if !h.touched {
				h.touched, h.was = true, append(h.was[:0], h.rows...)
				touched = append(touched, h)
			}
			at, _ := slices.BinarySearchFunc(h.rows, v, func(e loopRow, v int64) int {
				if e.v >= v {
					return -1
				}
				return 1
			})
			row := loopRow{k, v, string(x.Cols[1].Bytes(i, &tmp)), x.Cols[2].I32[i]}
			if h.rows = slices.Insert(h.rows, at, row); len(h.rows) > top {
				h.rows = h.rows[:top]
			}
		}
		for _, h := range touched {
			h.touched = false
			// Both lists are sorted, and rows that stayed are in the same order.
			i, j := 0, 0
			for i < len(h.was) || j < len(h.rows) {
				switch {
				case i < len(h.was) && j < len(h.rows) && h.was[i] == h.rows[j]:
					i, j = i+1, j+1
				case j == len(h.rows) || i < len(h.was) && h.was[i].v > h.rows[j].v:
					out.add(batch.Delete, h.was[i])
					i++
				default:
					out.add(batch.Insert, h.rows[j])
					j++
				}
			}
		}
	}
	return out.n
}

// loopSession counts and adds by key in sessions: rows may come in any order, a session
// is given out when the watermark has passed its end.
func loopSession(list []*batch.Batch, keys int, gap int64) int {
	type session struct{ from, to, n, sum int64 }
	open := make(map[int32][]session, keys)
	var ends endHeap
	var out [5][]int64
	closed, late, wm := 0, 0, int64(-1<<63)
	fire := func(to int64) {
		wm = to
		for len(ends) > 0 && ends[0].at <= wm {
			e := heap.Pop(&ends).(keyEnd)
			s := open[e.key]
			k := slices.IndexFunc(s, func(x session) bool { return x.to == e.at })
			if k < 0 {
				continue // it was prolonged
			}
			for c, v := range []int64{int64(e.key), s[k].from, s[k].to, s[k].n, s[k].sum} {
				out[c] = append(out[c], v)
			}
			closed++
			if open[e.key] = slices.Delete(s, k, k+1); len(open[e.key]) == 0 {
				delete(open, e.key)
			}
		}
	}
	for _, x := range list {
		for c := range out {
			out[c] = out[c][:0]
		}
		for i, k := range x.Cols[0].I32[:x.N] {
			ts, v := x.Cols[1].I64[i], int64(x.Cols[2].I32[i])
			if ts+gap <= wm {
				late++
				continue
			}
			s := open[k]
			one := session{ts, ts + gap, 1, v}
			at := 0
			for at < len(s) && s[at].to < one.from {
				at++
			}
			end := at
			for end < len(s) && s[end].from <= one.to {
				o := s[end]
				one = session{min(one.from, o.from), max(one.to, o.to), one.n + o.n, one.sum + o.sum}
				end++
			}
			if end == at || one.to != s[end-1].to {
				heap.Push(&ends, keyEnd{one.to, k})
			}
			if end == at+1 {
				s[at] = one
				continue
			}
			open[k] = slices.Replace(s, at, end, one)
		}
		fire(x.LastMark())
	}
	fire(1<<63 - 1)
	return closed
}

// keyEnd is the end of a session.
type keyEnd struct {
	at  int64
	key int32
}

type endHeap []keyEnd

func (h endHeap) Len() int           { return len(h) }
func (h endHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h endHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *endHeap) Push(x any)        { *h = append(*h, x.(keyEnd)) }
func (h *endHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// loopListAgg joins texts by key and gives out, for each batch, the text of each key as
// it was and as it is.
func loopListAgg(list []*batch.Batch, keys int) int {
	type acc struct {
		text    []byte
		was     string
		touched bool
	}
	accs := make(map[int64]*acc, keys)
	var touched []int64
	var out loopOut
	var tmp [12]byte
	for _, x := range list {
		out.kind, out.rows, touched = out.kind[:0], out.rows[:0], touched[:0]
		for i, k := range x.Cols[0].I64[:x.N] {
			a := accs[k]
			if a == nil {
				a = &acc{}
				accs[k] = a
			} else {
				a.text = append(a.text, ',')
			}
			a.text = append(a.text, x.Cols[1].Bytes(i, &tmp)...)
			if !a.touched {
				a.touched = true
				touched = append(touched, k)
			}
		}
		for _, k := range touched {
			a := accs[k]
			now, kind := string(a.text), batch.UpdateAfter
			if a.was == "" {
				kind = batch.Insert
			}
			out.add(kind, loopRow{k: k, s: now})
			a.was, a.touched = now, false
		}
	}
	return out.n
}

// loopOver adds by key up to each row, in the order of event time: rows wait for the
// watermark.
func loopOver(list []*batch.Batch, keys int) int {
	type row struct {
		ts, x int64
		v     int32
	}
	type state struct {
		sum     int64
		waiting []row
	}
	all := make(map[int32]*state, keys)
	var due []int32
	var keyCol, valCol []int32
	var timeCol, restCol, sumCol []int64
	rows, late, wm := 0, 0, int64(-1<<63)
	for _, x := range list {
		keyCol, valCol, timeCol, restCol, sumCol, due = keyCol[:0], valCol[:0], timeCol[:0], restCol[:0], sumCol[:0], due[:0]
		for i, k := range x.Cols[0].I32[:x.N] {
			ts := x.Cols[1].I64[i]
			if ts <= wm {
				late++
				continue
			}
			s := all[k]
			if s == nil {
				s = &state{}
				all[k] = s
			}
			if len(s.waiting) == 0 {
				due = append(due, k)
			}
			s.waiting = append(s.waiting, row{ts, x.Cols[3].I64[i], x.Cols[2].I32[i]})
		}
		// All rows of a batch are due with the mark at its end.
		wm = x.LastMark()
		for _, k := range due {
			s := all[k]
			slices.SortStableFunc(s.waiting, func(a, b row) int { return cmp.Compare(a.ts, b.ts) })
			for _, r := range s.waiting {
				s.sum += int64(r.v)
				keyCol, valCol = append(keyCol, k), append(valCol, r.v)
				timeCol, restCol, sumCol = append(timeCol, r.ts), append(restCol, r.x), append(sumCol, s.sum)
			}
			s.waiting = s.waiting[:0]
		}
		rows += len(sumCol)
	}
	return rows
}

// loopMatch is PATTERN (A B C) with A below 500, B above A, C below B, past the last
// row: rows wait for the watermark and are sorted by time within their key.
func loopMatch(list []*batch.Batch, keys int) int {
	type row struct {
		ts int64
		v  int32
	}
	type open struct {
		step int
		a, b int32
	}
	type state struct {
		waiting []row
		open    []open
	}
	all := make(map[int32]*state, keys)
	var due []int32
	var keyCol, valCol []int32
	found, late, wm := 0, 0, int64(-1<<63)
	for _, x := range list {
		keyCol, valCol, due = keyCol[:0], valCol[:0], due[:0]
		for i, k := range x.Cols[0].I32[:x.N] {
			ts := x.Cols[1].I64[i]
			if ts <= wm {
				late++
				continue
			}
			s := all[k]
			if s == nil {
				s = &state{}
				all[k] = s
			}
			if len(s.waiting) == 0 {
				due = append(due, k)
			}
			s.waiting = append(s.waiting, row{ts, x.Cols[2].I32[i]})
		}
		wm = x.LastMark()
		for _, k := range due {
			s := all[k]
			slices.SortStableFunc(s.waiting, func(a, b row) int { return cmp.Compare(a.ts, b.ts) })
			for _, r := range s.waiting {
				next, matched := s.open[:0], false
				for _, p := range s.open {
					switch {
					case p.step == 1 && r.v > p.a:
						next = append(next, open{2, p.a, r.v})
					case p.step == 2 && r.v < p.b:
						matched = true
					}
					if matched {
						break
					}
				}
				if matched {
					keyCol, valCol = append(keyCol, k), append(valCol, r.v)
					s.open = s.open[:0]
					continue
				}
				if r.v < 500 {
					next = append(next, open{1, r.v, 0})
				}
				s.open = next
			}
			s.waiting = s.waiting[:0]
		}
		found += len(valCol)
	}
	return found
}
