package parquet

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// toArrow makes the array of the first n lanes of a flat column. Values of fixed
// width are shared with the column, so the array is good for one Write.
func (c *config) toArrow(col *batch.Col, t types.Type, n int) (arrow.ArrayData, error) {
	dt := c.arrowType(t)
	valid, nulls := validity(col, n)
	flat := func(b []byte) (arrow.ArrayData, error) {
		return array.NewData(dt, n, []*memory.Buffer{valid, memory.NewBufferBytes(b)}, nil, nulls, 0), nil
	}
	switch t.Phys() {
	case types.PhysBool:
		return flat(rawBytes(col.Bits, batch.Words(n)))
	case types.PhysI8:
		return flat(rawBytes(col.I8, n))
	case types.PhysI16:
		return flat(rawBytes(col.I16, n))
	case types.PhysI32:
		return flat(rawBytes(col.I32, n))
	case types.PhysF32:
		return flat(rawBytes(col.F32, n))
	case types.PhysF64:
		return flat(rawBytes(col.F64, n))
	case types.PhysDec:
		return flat(decBytes(n, func(i int) batch.Dec { return col.Dec[i] }))
	case types.PhysI64:
		switch {
		case t.Kind == types.Decimal:
			return flat(decBytes(n, func(i int) batch.Dec { return batch.DecOf(col.I64[i]) }))
		case t.IsTimestamp():
			v, err := c.ticksOf(col, n)
			if err != nil {
				return nil, err
			}
			return flat(rawBytes(v, n))
		}
		return flat(rawBytes(col.I64, n))
	case types.PhysBytes:
		offs, data, err := plainStrings(col, n)
		if err != nil {
			return nil, err
		}
		return array.NewData(dt, n, []*memory.Buffer{valid, memory.NewBufferBytes(rawBytes(offs, n+1)), memory.NewBufferBytes(data)}, nil, nulls, 0), nil
	case types.PhysList:
		return c.listToArrow(col, t, dt, n, valid, nulls)
	case types.PhysRow:
		kids := make([]arrow.ArrayData, len(t.Fields))
		for i := range kids {
			var err error
			if kids[i], err = c.toArrow(&col.Kids[i], t.Fields[i].Type, n); err != nil {
				return nil, err
			}
		}
		return array.NewData(dt, n, []*memory.Buffer{valid}, kids, nulls, 0), nil
	}
	return nil, diag.New(diag.Internal, "no Parquet type for %s", t)
}

func (c *config) listToArrow(col *batch.Col, t types.Type, dt arrow.DataType, n int, valid *memory.Buffer, nulls int) (arrow.ArrayData, error) {
	count := int(col.Offs[n])
	var kids []arrow.ArrayData
	for i := range col.Kids {
		k, err := c.toArrow(&col.Kids[i], batch.KidType(t, i), count)
		if err != nil {
			return nil, err
		}
		kids = append(kids, k)
	}
	if t.Kind != types.Array {
		if col.Kids[0].Nulls != nil && kids[0].NullN() > 0 {
			return nil, diag.New(diag.MalformedRecord, "a map has a NULL key, which Parquet cannot have")
		}
		entries := dt.(*arrow.MapType).Elem()
		kids = []arrow.ArrayData{array.NewData(entries, count, []*memory.Buffer{nil}, kids, 0, 0)}
	}
	return array.NewData(dt, n, []*memory.Buffer{valid, memory.NewBufferBytes(rawBytes(col.Offs, n+1))}, kids, nulls, 0), nil
}

// rawBytes is the memory of the first n values.
func rawBytes[T any](v []T, n int) []byte {
	if n == 0 {
		return nil
	}
	var x T
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), n*int(unsafe.Sizeof(x)))
}

func decBytes(n int, at func(i int) batch.Dec) []byte {
	out := make([]byte, 16*n)
	for i := range n {
		d := at(i)
		binary.LittleEndian.PutUint64(out[16*i:], d.Lo)
		binary.LittleEndian.PutUint64(out[16*i+8:], uint64(d.Hi))
	}
	return out
}

// validity is the bitmap of lanes that are not NULL; nil when none is.
func validity(col *batch.Col, n int) (*memory.Buffer, int) {
	if col.Nulls == nil {
		return nil, 0
	}
	out := make([]byte, batch.Words(n)*8)
	nulls := 0
	for i := range n {
		if batch.Bit(col.Nulls, i) {
			nulls++
		} else {
			out[i>>3] |= 1 << (i & 7)
		}
	}
	return memory.NewBufferBytes(out), nulls
}

// plainStrings copies strings behind each other.
func plainStrings(col *batch.Col, n int) ([]int32, []byte, error) {
	total := 0
	for i, v := range col.Views[:n] {
		if !col.IsNull(i) {
			total += v.Len()
		}
	}
	if total > math.MaxInt32 {
		return nil, nil, diag.New(diag.LimitExceeded, "more than 2 GB of strings in a batch")
	}
	offs, data := make([]int32, n+1), make([]byte, 0, total)
	var s [12]byte
	for i := range n {
		if !col.IsNull(i) {
			data = append(data, col.Bytes(i, &s)...)
		}
		offs[i+1] = int32(len(data))
	}
	return offs, data, nil
}
