package batch

import (
	"encoding/binary"

	"github.com/minkstream/mink/engine/types"
)

// AppendTypes appends the types of columns, all there is to know of them. The zero Type
// stands for a column that nobody reads.
func AppendTypes(dst []byte, b *Batch) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b.Cols)))
	for i := range b.Cols {
		dst = appendType(dst, &b.Cols[i].Type)
	}
	return dst
}

func appendType(dst []byte, t *types.Type) []byte {
	dst = append(dst, byte(t.Kind))
	dst = appendFlag(dst, t.NotNull)
	dst = append(dst, byte(t.Attr), byte(t.Units.From), byte(t.Units.To))
	for _, n := range [...]int{t.Units.Lead, t.Prec, t.Scale} {
		dst = binary.AppendVarint(dst, int64(n))
	}
	dst = appendString(dst, t.Class)
	for _, x := range [...]*types.Type{t.Elem, t.Key} {
		if dst = appendFlag(dst, x != nil); x != nil {
			dst = appendType(dst, x)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(t.Fields)))
	for i := range t.Fields {
		f := &t.Fields[i]
		dst = appendString(appendString(dst, f.Name), f.Comment)
		dst = appendType(dst, &f.Type)
	}
	return dst
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// typeDepthMax bounds the nesting of a type that is read.
const typeDepthMax = 100

// ReadTypes reads what AppendTypes wrote and returns what follows.
func ReadTypes(data []byte) (ts []types.Type, rest []byte, err error) {
	r := rawReader{data: data}
	n := r.count(1 << 16)
	for range n {
		if r.bad {
			break
		}
		ts = append(ts, r.typ(0))
	}
	if r.bad {
		return nil, nil, errRaw
	}
	return ts, r.data, nil
}

func (r *rawReader) typ(depth int) types.Type {
	h := r.take(5)
	if h == nil || depth > typeDepthMax {
		r.bad, r.data = true, nil
		return types.Type{}
	}
	t := types.Type{Kind: types.Kind(h[0]), NotNull: h[1] != 0, Attr: types.TimeAttr(h[2])}
	t.Units.From, t.Units.To = types.Unit(h[3]), types.Unit(h[4])
	t.Units.Lead, t.Prec, t.Scale = int(r.signed()), int(r.signed()), int(r.signed())
	t.Class = r.text()
	if r.flag() {
		x := r.typ(depth + 1)
		t.Elem = &x
	}
	if r.flag() {
		x := r.typ(depth + 1)
		t.Key = &x
	}
	for k := r.count(len(r.data)); k > 0 && !r.bad; k-- {
		f := types.Field{Name: r.text(), Comment: r.text()}
		f.Type = r.typ(depth + 1)
		t.Fields = append(t.Fields, f)
	}
	return t
}

func (r *rawReader) text() string { return string(r.take(r.count(len(r.data)))) }

// SameTypes reports that the columns of b have exactly these types. It may say no where
// nested types are equal and lie in different memory.
func SameTypes(ts []types.Type, b *Batch) bool {
	if len(ts) != len(b.Cols) {
		return false
	}
	for i := range ts {
		if !sameType(&ts[i], &b.Cols[i].Type) {
			return false
		}
	}
	return true
}

func sameType(x, y *types.Type) bool {
	return x.Kind == y.Kind && x.NotNull == y.NotNull && x.Attr == y.Attr && x.Units == y.Units && x.Prec == y.Prec && x.Scale == y.Scale &&
		x.Class == y.Class && x.Elem == y.Elem && x.Key == y.Key &&
		len(x.Fields) == len(y.Fields) && (len(x.Fields) == 0 || &x.Fields[0] == &y.Fields[0])
}
