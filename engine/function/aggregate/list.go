package aggregate

import (
	"bytes"
	"encoding/binary"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// listKind is what a list is made into.
type listKind uint8

const (
	listFirst listKind = iota
	listLast
	listSingle
	listArray
	listText
	listCollect
	listPercentile
	listJSONArray
	listJSONObject
)

// list keeps the rows' arguments in order of arrival. Lane 0 refers to the entries,
// lane 1 to an argument that is the same for all rows (the separator of LISTAGG,
// the fraction of PERCENTILE).
//
// An entry is a number, its length << 1, and the arguments in normalised key form.
// The lowest bit of the number marks an entry that was taken back before it came,
// which happens in an accumulator of a batch's own: merged into one that has the
// entry, both go.
type list struct {
	kind   listKind
	args   []types.Type
	params int // the constant argument, or -1
	nulls  bool
	absent bool // JSON_OBJECTAGG leaves NULL values out
	buf    []byte
	text   []byte
	vals   []*batch.Builder
	ends   []int     // of the lists in vals
	key    []byte    // of fixed
	fixed  batch.Col // the constant argument
}

func newList(s Spec, kind listKind) *list {
	a := &list{kind: kind, args: s.Args, params: -1}
	switch kind {
	case listArray, listJSONArray:
		a.nulls = !s.IgnoreNulls
	case listJSONObject, listSingle:
		a.nulls = true
	case listText, listPercentile:
		if len(s.Args) > 1 {
			a.params = 1
		}
	}
	a.vals = make([]*batch.Builder, len(a.args))
	for i, t := range a.args {
		a.vals[i] = batch.NewBuilder(t.Nullable(true))
	}
	return a
}

func (a *list) Lanes() int {
	if a.params >= 0 {
		return 2
	}
	return 1
}

func (a *list) Blobs() []int {
	if a.params >= 0 {
		return []int{0, 1}
	}
	return []int{0}
}

func (a *list) WantsNulls() bool { return a.nulls || a.kind == listPercentile }

func (a *list) Fold(f *Fold) {
	w := a.Lanes()
	for i, l := range f.Lanes[:len(f.G)] {
		lane := int(l)
		if a.kind == listPercentile && a.skips(f.Args, lane) {
			continue
		}
		a.buf = a.buf[:0]
		for k, c := range f.Args {
			if k != a.params {
				a.buf = batch.AppendKey(a.buf, c, lane)
			}
		}
		r := f.row(i, w)
		r[0] = f.Heap.keep(r[0], apply(f.Heap.edit(r[0]), a.buf, f.sign(i) < 0))
		if a.params >= 0 && r[1] == 0 {
			r[1] = f.Heap.Put(batch.AppendKey(nil, f.Args[a.params], lane))
		}
	}
}

// apply adds an entry to a list, or takes the first like it away.
func apply(b, key []byte, neg bool) []byte {
	tag := uint64(len(key)) << 1
	if neg {
		for at := 0; at < len(b); {
			t, n := binary.Uvarint(b[at:])
			end := at + n + int(t>>1)
			if t == tag && bytes.Equal(b[at+n:end], key) {
				return append(b[:at], b[end:]...)
			}
			at = end
		}
		tag |= 1
	}
	b = binary.AppendUvarint(b, tag)
	return append(b, key...)
}

// next splits the first entry off.
func next(b []byte) (key []byte, neg bool, rest []byte) {
	t, n := binary.Uvarint(b)
	end := n + int(t>>1)
	return b[n:end], t&1 != 0, b[end:]
}

func (a *list) Merge(dst, base, src [][]uint64, off int, h *Heap) error {
	for i, d := range dst {
		b, s := base[i][off:], src[i][off:]
		d = d[off:]
		if a.params >= 0 {
			p := b[1]
			if p == 0 {
				p = s[1]
			}
			d[1] = p
		}
		switch {
		case s[0] == 0:
			d[0] = b[0]
			continue
		case b[0] == 0:
			d[0] = h.View(h.Blob(s[0]))
			continue
		}
		old, more := h.Blob(b[0]), h.Blob(s[0])
		out := append(make([]byte, 0, len(old)+len(more)), old...)
		for len(more) > 0 {
			var key []byte
			var neg bool
			key, neg, more = next(more)
			out = apply(out, key, neg)
		}
		d[0] = h.keep(0, out)
	}
	return nil
}

// listChunk is about how many entries are decoded together.
const listChunk = 1 << 14

// decode appends the entries of a list to a.vals and tells how many they are.
func (a *list) decode(b []byte) int {
	n := 0
	for len(b) > 0 {
		var key []byte
		var neg bool
		if key, neg, b = next(b); neg {
			continue
		}
		for k, v := range a.vals {
			if k != a.params {
				key, _ = batch.DecodeKey(v, key)
			}
		}
		n++
	}
	return n
}

// Final decodes the lists of many rows into one set of columns, and makes each row's
// result of its part.
func (a *list) Final(out *batch.Col, rows [][]uint64, off int, h Blobs) error {
	res := batch.NewBuilder(out.Type)
	cols := make([]batch.Col, len(a.vals))
	for len(rows) > 0 {
		n := 0
		a.ends = a.ends[:0]
		for _, r := range rows {
			if n >= listChunk {
				break
			}
			n += a.decode(h.Blob(r[off]))
			a.ends = append(a.ends, n)
		}
		for k, v := range a.vals {
			cols[k] = v.Finish()
		}
		from := 0
		for i, to := range a.ends {
			if from == to && !a.neverNull() {
				res.AppendNull()
			} else if err := a.finish(res, cols, from, to, rows[i][off:], h); err != nil {
				return err
			}
			from = to
		}
		rows = rows[len(a.ends):]
	}
	*out = res.Finish()
	return nil
}

// neverNull reports that the list of no entries is a value.
func (a *list) neverNull() bool {
	return a.kind == listCollect || a.kind == listJSONArray || a.kind == listJSONObject
}

// finish makes the result of one list: entries from to to of cols.
func (a *list) finish(res *batch.Builder, cols []batch.Col, from, to int, r []uint64, h Blobs) error {
	switch a.kind {
	case listFirst:
		res.Append(&cols[0], from)
	case listLast:
		res.Append(&cols[0], to-1)
	case listSingle:
		if to-from > 1 {
			return errTooMany()
		}
		res.Append(&cols[0], from)
	case listArray:
		for i := from; i < to; i++ {
			res.Kid(0).Append(&cols[0], i)
		}
		res.EndList()
	case listText:
		a.finishText(res, &cols[0], from, to, r, h)
	case listCollect:
		finishCollect(res, &cols[0], from, to)
	case listPercentile:
		a.finishPercentile(res, cols, from, to, r, h)
	case listJSONArray:
		a.finishJSONArray(res, &cols[0], from, to)
	case listJSONObject:
		return a.finishJSONObject(res, cols, from, to)
	}
	return nil
}

// constant decodes the argument kept in lane 1, which is nearly always that of the
// row before.
func (a *list) constant(r []uint64, h Blobs) *batch.Col {
	if key := h.Blob(r[1]); a.fixed.Type.Kind == types.Invalid || !bytes.Equal(key, a.key) {
		b := batch.NewBuilder(a.args[a.params].Nullable(true))
		batch.DecodeKey(b, key)
		a.key, a.fixed = append(a.key[:0], key...), b.Finish()
	}
	return &a.fixed
}
