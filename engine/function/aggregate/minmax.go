package aggregate

import (
	"bytes"
	"cmp"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

func inferMinMax(name string) func([]types.Type, bool) (types.Type, []types.Type, error) {
	return func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
		if len(args) != 1 {
			return types.Type{}, nil, wrong(name, args)
		}
		t := args[0]
		if t.IsNested() || t.Kind == types.Raw || t.Kind == types.Variant || t.Kind == types.Bitmap || t.Phys() == types.PhysNone {
			return types.Type{}, nil, wrong(name, args)
		}
		return t.Plain(), args, nil
	}
}

var minimum = Func{
	Name:       "MIN",
	Summary:    "Least value that is not NULL.",
	Signatures: []string{"MIN(value)"},
	Examples:   []function.Example{{SQL: "SELECT MIN(x) FROM (VALUES (2), (1)) AS t(x)", Want: "1"}},
	Infer:      inferMinMax("MIN"),
	New:        func(s Spec) Acc { return newExtreme(s, -1) },
}

var maximum = Func{
	Name:       "MAX",
	Summary:    "Greatest value that is not NULL.",
	Signatures: []string{"MAX(value)"},
	Examples:   []function.Example{{SQL: "SELECT MAX(x) FROM (VALUES ('a'), ('b')) AS t(x)", Want: "b"}},
	Infer:      inferMinMax("MAX"),
	New:        func(s Spec) Acc { return newExtreme(s, 1) },
}

func newExtreme(s Spec, side int) Acc {
	if s.Retract {
		return &multiset{cell: newCell(s.Args[0]), side: side}
	}
	e := extreme{cell: newCell(s.Args[0]), side: side}
	if p := e.cell.phys; p != types.PhysBytes && p != types.PhysDec {
		return &wordExtreme{extreme: e}
	}
	return &e
}

// extreme is the running MIN (side -1) or MAX (side 1) of rows that are not taken
// back. Lane 0 says whether there is a value, the value follows.
type extreme struct {
	cell cell
	side int
}

func (a *extreme) Lanes() int       { return 1 + a.cell.lanes() }
func (a *extreme) WantsNulls() bool { return false }
func (a *extreme) Blobs() []int {
	if a.cell.blob() {
		return []int{1}
	}
	return nil
}

func (a *extreme) Fold(f *Fold) {
	c := f.Args[0]
	w := a.Lanes()
	for i, l := range f.Lanes[:len(f.G)] {
		r := f.row(i, w)
		if r[0] != 0 && a.compareCol(c, int(l), r[1:], f.Heap)*a.side <= 0 {
			continue
		}
		r[0] = 1
		a.cell.take(r[1:], c, int(l), f.Heap)
	}
}

func (a *extreme) compareCol(c *batch.Col, lane int, r []uint64, h Blobs) int {
	if a.cell.phys == types.PhysDec {
		return c.Dec[lane].Cmp(batch.Dec{Hi: int64(r[0]), Lo: r[1]})
	}
	var t [12]byte
	return bytes.Compare(c.Bytes(lane, &t), h.Blob(r[0]))
}

func (a *extreme) compare(x, y []uint64, h Blobs) int {
	if a.cell.phys == types.PhysDec {
		return batch.Dec{Hi: int64(x[0]), Lo: x[1]}.Cmp(batch.Dec{Hi: int64(y[0]), Lo: y[1]})
	}
	return bytes.Compare(h.Blob(x[0]), h.Blob(y[0]))
}

func (a *extreme) Merge(dst, base, src [][]uint64, off int, h *Heap) error {
	w := a.Lanes()
	for i, d := range dst {
		b, s := base[i][off:off+w], src[i][off:off+w]
		if s[0] != 0 && (b[0] == 0 || a.compare(s[1:], b[1:], h)*a.side > 0) {
			b = s
		}
		copy(d[off:off+w], b)
	}
	return nil
}

func (a *extreme) Final(out *batch.Col, rows [][]uint64, off int, h Blobs) error {
	a.cell.final(out, rows, off+1, func(r []uint64) bool { return r[off] != 0 }, h)
	return nil
}

// wordExtreme is extreme for values of up to 64 bits.
type wordExtreme struct{ extreme }

func (a *wordExtreme) Fold(f *Fold) {
	c := f.Args[0]
	switch a.cell.phys {
	case types.PhysI8:
		foldExtreme(f, c.I8, a.side)
	case types.PhysI16:
		foldExtreme(f, c.I16, a.side)
	case types.PhysI32:
		foldExtreme(f, c.I32, a.side)
	case types.PhysI64:
		foldExtreme(f, c.I64, a.side)
	default:
		for i, l := range f.Lanes[:len(f.G)] {
			r, v := f.row(i, 2), word(c, a.cell.phys, int(l))
			if r[0] == 0 || cmp.Compare(v, int64(r[1])) == a.side {
				r[0], r[1] = 1, uint64(v)
			}
		}
	}
}

func foldExtreme[T int8 | int16 | int32 | int64](f *Fold, v []T, side int) {
	lanes := f.Lanes[:len(f.G)]
	l, s := f.L[f.Off:], f.Stride
	if side > 0 {
		for i, g := range f.G {
			k, x := int(g)*s, int64(v[lanes[i]])
			if l[k] == 0 || x > int64(l[k+1]) {
				l[k], l[k+1] = 1, uint64(x)
			}
		}
		return
	}
	for i, g := range f.G {
		k, x := int(g)*s, int64(v[lanes[i]])
		if l[k] == 0 || x < int64(l[k+1]) {
			l[k], l[k+1] = 1, uint64(x)
		}
	}
}

func (a *wordExtreme) Merge(dst, base, src [][]uint64, off int, _ *Heap) error {
	for i, d := range dst {
		b, s := base[i][off:off+2], src[i][off:off+2]
		if s[0] != 0 && (b[0] == 0 || cmp.Compare(int64(s[1]), int64(b[1])) == a.side) {
			b = s
		}
		d[off], d[off+1] = b[0], b[1]
	}
	return nil
}
