package exec

import (
	"bytes"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
)

// Rows of a Top-N go one by one: each of its places in the order (rows that are equal
// in it together) lives for the TTL from when it was written. What was given out of
// them is not taken back.
//
// Over rows that only come, or only move forwards, Flink reads a key into memory and
// goes by what is there for one TTL: so a row goes when its key is next looked at after
// that. A Top-1 holds one row, which goes on its own.
//
// Over rows that are taken back, a row that went still takes its place, since it still
// stands in what was given out, until something is moved past it. Its bytes are dropped.
// The lane of an entry is when it was written, plus 1; 0 is a row that went.

// single reports that no more than one row of a key is kept, with the age of the key.
func (t *topN) single() bool {
	return t.cfg.Strategy != TopRetract && t.cfg.From == 1 && t.cfg.To == 1 && t.cfg.ToCol < 0
}

// alive reports whether the row of an entry is still there.
func (t *topN) alive(p state.Pos) bool {
	at := t.sorted.Lanes(p)[0]
	return at != 0 && t.now-int64(at-1) < t.cfg.TTL
}

// look begins to work with a key: when that is due, it lets rows go. The lane of a key
// is when it did so last, plus 1.
func (t *topN) look(ref state.Ref) {
	at := t.sorted.Keys().Row(ref)[0]
	if at != 0 && t.now-int64(at-1) < t.cfg.TTL {
		return
	}
	t.sorted.Keys().Touch(ref)[0] = uint64(t.now) + 1
	if at == 0 {
		return
	}
	t.sorted.Keys().Lapse(1)
	if t.cfg.Strategy == TopRetract {
		t.empty(ref)
		return
	}
	for p := t.sorted.First(ref); p.OK(); {
		if t.alive(p) {
			p = t.sorted.Next(p)
		} else {
			p = t.sorted.Remove(p)
		}
	}
}

// empty drops the bytes of the rows of a key that went, and keeps their places.
func (t *topN) empty(ref state.Ref) {
	for i := 0; i < t.sorted.Len(ref); {
		j := t.placeEnd(ref, i)
		for range j - i {
			// The entry moves behind those of its place, so the next one is here again.
			p := t.sorted.At(ref, i)
			word, at := t.sorted.Word(p), uint64(0)
			var row []byte
			if t.alive(p) {
				at, row = t.sorted.Lanes(p)[0], append(t.spare[:0], t.sorted.Payload(p)...)
				t.spare = row
			}
			t.rest = append(t.rest[:0], t.sorted.Rest(p)...)
			t.sorted.Remove(p)
			t.sorted.Lanes(t.sorted.Insert(ref, word, t.rest, row))[0] = at
		}
		i = j
	}
}

// placeEnd is the index behind the entries that share the place of entry i.
func (t *topN) placeEnd(ref state.Ref, i int) int {
	p := t.sorted.At(ref, i)
	word, rest := t.sorted.Word(p), t.sorted.Rest(p)
	for ; p.OK() && t.sorted.Word(p) == word && bytes.Equal(t.sorted.Rest(p), rest); p = t.sorted.Next(p) {
		i++
	}
	return i
}

// renew makes the rows in a place as young as a row just written.
func (t *topN) renew(ref state.Ref, word uint64, rest []byte) {
	for p := t.sorted.Seek(ref, word, rest); p.OK() && t.sorted.Word(p) == word && bytes.Equal(t.sorted.Rest(p), rest); p = t.sorted.Next(p) {
		if at := &t.sorted.Lanes(p)[0]; *at != 0 {
			*at = uint64(t.now) + 1
		}
	}
}

// young notes that the row at p is written. Over rows that only come it is written with
// the others in its place.
func (t *topN) young(ref state.Ref, p state.Pos, word uint64, rest []byte) {
	t.sorted.Lanes(p)[0] = uint64(t.now) + 1
	if t.cfg.Strategy == TopAppend {
		t.renew(ref, word, rest)
	}
}

// evict drops the last row of a key; what is left in its place is written anew.
func (t *topN) evict(ref state.Ref) {
	p := t.sorted.Last(ref)
	if t.ages && t.cfg.Strategy == TopAppend {
		t.rest = append(t.rest[:0], t.sorted.Rest(p)...)
		t.renew(ref, t.sorted.Word(p), t.rest)
	}
	t.sorted.Remove(p)
}

// went reports whether no row of entries [i, j), which share a place, is there.
func (t *topN) went(ref state.Ref, i, j int) bool {
	for p := t.sorted.At(ref, i); i < j; i++ {
		if t.alive(p) {
			return false
		}
		p = t.sorted.Next(p)
	}
	return true
}

// rowsOf are the rows of entries [i, j) that are there.
func (t *topN) rowsOf(ref state.Ref, i, j int) [][]byte {
	var rows [][]byte
	for p := t.sorted.At(ref, i); i < j; i++ {
		if t.alive(p) {
			rows = append(rows, t.sorted.Payload(p))
		}
		p = t.sorted.Next(p)
	}
	return rows
}

func (t *topN) cut(ref state.Ref, i, j int) {
	for range j - i {
		t.sorted.Remove(t.sorted.At(ref, i))
	}
}

// agedInsert adds t.row to a key whose rows may have gone.
func (t *topN) agedInsert(ref state.Ref, word uint64, rest []byte, limit int64) {
	first := t.sorted.Seek(ref, word, rest)
	if first.OK() && t.sorted.Word(first) == word && bytes.Equal(t.sorted.Rest(first), rest) {
		if i := t.sorted.Index(first); t.went(ref, i, t.placeEnd(ref, i)) {
			for k := range t.placeEnd(ref, i) - i {
				t.sorted.Lanes(t.sorted.At(ref, i+k))[0] = 0
			}
		}
	}
	p := t.sorted.Insert(ref, word, rest, t.row)
	t.sorted.Lanes(p)[0] = uint64(t.now) + 1
	t.renew(ref, word, rest)
	i := t.sorted.Index(p)
	rank := int64(i) + 1
	if rank > limit {
		return
	}
	if t.shifts {
		t.agedShift(ref, i+1, rank, limit, t.row)
		return
	}
	for i++; rank <= limit && i < t.sorted.Len(ref); {
		j := t.placeEnd(ref, i)
		if t.went(ref, i, j) {
			t.cut(ref, i, j)
			continue
		}
		if last := rank + int64(j-i); last <= limit {
			rank, i = last, j
			continue
		}
		if rows := t.rowsOf(ref, i, j); int(limit-rank) < len(rows) {
			t.list.add(batch.Delete, rows[limit-rank], 0)
		}
		break
	}
	t.list.add(batch.Insert, t.row, 0)
}

// agedShift gives rank rank to row, the ranks behind it to the rows before them, from
// entry i on.
func (t *topN) agedShift(ref state.Ref, i int, rank, limit int64, row []byte) {
	for rank <= limit && i < t.sorted.Len(ref) {
		j := t.placeEnd(ref, i)
		if t.went(ref, i, j) {
			t.cut(ref, i, j)
			continue
		}
		for _, was := range t.rowsOf(ref, i, j) {
			if rank > limit {
				break
			}
			t.agedUpdate(was, row, rank)
			row = was
			rank++
		}
		i = j
	}
	if rank <= limit && rank >= t.cfg.From {
		t.list.add(batch.Insert, row, rank)
	}
}

func (t *topN) agedUpdate(was, is []byte, rank int64) {
	if rank >= t.cfg.From {
		t.updateBefore(was, rank)
		t.list.add(batch.UpdateAfter, is, rank)
	}
}

// agedRetract takes t.row back from a key whose rows may have gone. One that went is
// not told of.
func (t *topN) agedRetract(ref state.Ref, word uint64, rest []byte, limit int64) {
	p := t.sorted.Seek(ref, word, rest)
	if !p.OK() || t.sorted.Word(p) != word || !bytes.Equal(t.sorted.Rest(p), rest) {
		return
	}
	i := t.sorted.Index(p)
	j := t.placeEnd(ref, i)
	if t.went(ref, i, j) {
		if int64(i) > limit || int64(i) == limit && !t.shifts {
			j = i + 1 // nobody came by: it is one place less
		}
		t.cut(ref, i, j)
		return
	}
	at, rank := i, int64(i)+1
	for ; at < j; at++ {
		if p = t.sorted.At(ref, at); !t.alive(p) {
			continue
		}
		if bytes.Equal(t.sorted.Payload(p), t.row) {
			break
		}
		rank++
	}
	if at == j {
		return
	}
	behind := t.rowsOf(ref, at+1, j)
	for k := range behind {
		behind[k] = bytes.Clone(behind[k]) // the list changes below
	}
	t.sorted.Remove(t.sorted.At(ref, at))
	t.renew(ref, word, rest)
	if rank > limit {
		return
	}
	if t.shifts {
		t.agedRise(ref, j-1, rank, limit, behind)
		return
	}
	t.list.add(batch.Delete, t.row, 0)
	if n := limit - rank; n < int64(len(behind)) {
		t.list.add(batch.Insert, behind[n], 0)
		return
	}
	rank += int64(len(behind))
	for i = j - 1; rank <= limit && i < t.sorted.Len(ref); {
		j = t.placeEnd(ref, i)
		if last := rank + int64(j-i) - 1; last < limit {
			rank, i = last+1, j
			continue
		}
		if t.went(ref, i, j) {
			t.cut(ref, i, j)
			continue
		}
		if rows := t.rowsOf(ref, i, j); int(limit-rank) < len(rows) {
			t.list.add(batch.Insert, rows[limit-rank], 0)
		}
		break
	}
}

// agedRise gives rank rank, which t.row had, and those behind it to the rows behind
// them: first those of rows, then those from entry i on.
func (t *topN) agedRise(ref state.Ref, i int, rank, limit int64, rows [][]byte) {
	row := t.row
	for rank <= limit {
		for _, next := range rows {
			if rank > limit {
				return
			}
			t.agedUpdate(row, next, rank)
			row = next
			rank++
		}
		for rows = nil; len(rows) == 0; {
			if i >= t.sorted.Len(ref) {
				if rank <= limit && rank >= t.cfg.From {
					t.list.add(batch.Delete, row, rank)
				}
				return
			}
			j := t.placeEnd(ref, i)
			if t.went(ref, i, j) {
				t.cut(ref, i, j)
				continue
			}
			rows = t.rowsOf(ref, i, j)
			i = j
		}
	}
}
