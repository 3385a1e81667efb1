package aggregate

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// multiset is MIN (side -1) or MAX (side 1) over rows that may be taken back: it
// keeps all values with how often they are there, in order, behind one reference.
// An entry is the length of the value's normalised key, the key, and the count as
// a signed number; a count below zero was taken back before it came.
//
// It serves small groups and partial results; group aggregates keep large groups
// in an ordered structure of the state instead.
type multiset struct {
	cell cell
	side int
	ops  []op
	buf  []byte
}

type op struct {
	g    uint32
	seq  uint32
	from int
	to   int
	n    int64
}

func (a *multiset) Lanes() int       { return 1 }
func (a *multiset) Blobs() []int     { return []int{0} }
func (a *multiset) WantsNulls() bool { return false }

func (a *multiset) Fold(f *Fold) {
	a.ops, a.buf = a.ops[:0], a.buf[:0]
	for i, l := range f.Lanes[:len(f.G)] {
		at := len(a.buf)
		a.buf = batch.AppendKey(a.buf, f.Args[0], int(l))
		a.ops = append(a.ops, op{uint32(f.G[i]), uint32(i), at, len(a.buf), f.sign(i)})
	}
	slices.SortFunc(a.ops, func(x, y op) int {
		if x.g != y.g {
			return int(x.g) - int(y.g)
		}
		if c := bytes.Compare(a.buf[x.from:x.to], a.buf[y.from:y.to]); c != 0 {
			return c
		}
		return int(x.seq) - int(y.seq)
	})
	for i := 0; i < len(a.ops); {
		g := a.ops[i].g
		var out []byte
		for i < len(a.ops) && a.ops[i].g == g {
			o, n := a.ops[i], int64(0)
			key := a.buf[o.from:o.to]
			for i < len(a.ops) && a.ops[i].g == g && bytes.Equal(a.buf[a.ops[i].from:a.ops[i].to], key) {
				n += a.ops[i].n
				i++
			}
			out = appendCount(out, key, n)
		}
		r := f.L[int(g)*f.Stride+f.Off:]
		r[0] = f.Heap.keep(0, mergeCounts(f.Heap.Blob(r[0]), out))
	}
}

func appendCount(dst, key []byte, n int64) []byte {
	if n == 0 {
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(len(key)))
	dst = append(dst, key...)
	return binary.AppendVarint(dst, n)
}

func nextCount(b []byte) (key []byte, n int64, rest []byte) {
	l, k := binary.Uvarint(b)
	key = b[k : k+int(l)]
	n, m := binary.Varint(b[k+int(l):])
	return key, n, b[k+int(l)+m:]
}

// mergeCounts adds two ordered lists of counted values.
func mergeCounts(x, y []byte) []byte {
	if len(x) == 0 {
		return y
	}
	out := make([]byte, 0, len(x)+len(y))
	for len(x) > 0 && len(y) > 0 {
		kx, nx, rx := nextCount(x)
		ky, ny, ry := nextCount(y)
		switch c := bytes.Compare(kx, ky); {
		case c < 0:
			out, x = append(out, x[:len(x)-len(rx)]...), rx
		case c > 0:
			out, y = append(out, y[:len(y)-len(ry)]...), ry
		default:
			out, x, y = appendCount(out, kx, nx+ny), rx, ry
		}
	}
	out = append(out, x...)
	return append(out, y...)
}

func (a *multiset) Merge(dst, base, src [][]uint64, off int, h *Heap) error {
	for i, d := range dst {
		b, s := base[i][off], src[i][off]
		switch {
		case s == 0:
			d[off] = b
		case b == 0:
			d[off] = h.View(h.Blob(s))
		default:
			d[off] = h.keep(0, mergeCounts(h.Blob(b), h.Blob(s)))
		}
	}
	return nil
}

func (a *multiset) Final(out *batch.Col, rows [][]uint64, off int, h Blobs) error {
	res := batch.NewBuilder(out.Type)
	for _, r := range rows {
		var best []byte
		for b := h.Blob(r[off]); len(b) > 0; {
			key, n, rest := nextCount(b)
			if b = rest; n > 0 {
				if best = key; a.side < 0 {
					break
				}
			}
		}
		if best == nil {
			res.AppendNull()
		} else {
			batch.DecodeKey(res, best)
		}
	}
	*out = res.Finish()
	return nil
}

// Latest is a MIN or MAX whose value somebody else works out: an operator with an
// ordered structure of its own. Lane 0 is 0 where nothing was said, 1 for no value
// and 2 for the value that follows.
type Latest struct{ cell cell }

// NewLatest makes one for values of type t.
func NewLatest(t types.Type) *Latest { return &Latest{newCell(t)} }

// Set says what the value is from now on: the normalised key bytes of it, or nil
// for none.
func (a *Latest) Set(r []uint64, key []byte, h *Heap) {
	if key == nil {
		r[0] = 1
		return
	}
	r[0] = 2
	a.cell.takeKey(r[1:], key, h)
}

// Lanes and the rest make it an Acc.
func (a *Latest) Lanes() int       { return 1 + a.cell.lanes() }
func (a *Latest) WantsNulls() bool { return false }
func (a *Latest) Fold(*Fold)       {}
func (a *Latest) Blobs() []int {
	if a.cell.blob() {
		return []int{1}
	}
	return nil
}

// Merge lets the later word stand.
func (a *Latest) Merge(dst, base, src [][]uint64, off int, _ *Heap) error {
	w := a.Lanes()
	for i, d := range dst {
		from := base[i]
		if src[i][off] != 0 {
			from = src[i]
		}
		copy(d[off:off+w], from[off:off+w])
	}
	return nil
}

// Final writes values.
func (a *Latest) Final(out *batch.Col, rows [][]uint64, off int, h Blobs) error {
	a.cell.final(out, rows, off+1, func(r []uint64) bool { return r[off] == 2 }, h)
	return nil
}
