package batch

import (
	"encoding/binary"

	"github.com/minkstream/mink/engine/diag"
)

// Pack appends n rows of cols to dst so that Unpack finds them: row i is lane at[i],
// or lane i where at is nil. Columns may be longer than those of a batch.
//
//	n       4 bytes
//	pieces  of at most MaxRows rows: 4 bytes for the end of each row, then the rows
func (r *RowCodec) Pack(dst []byte, cols []Col, at []uint32, n int) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
	var piece Batch
	var rows []byte
	var ends, index []uint32
	for from := 0; from < n; from += MaxRows {
		k := min(MaxRows, n-from)
		index = index[:0]
		for i := from; i < from+k; i++ {
			if at != nil {
				index = append(index, at[i])
			} else {
				index = append(index, uint32(i))
			}
		}
		piece.SetColumns(len(cols))
		for c := range cols {
			piece.Cols[c].AppendIndex(0, &cols[c], index, k)
		}
		piece.N = k
		rows, ends = r.EncodeRows(rows[:0], ends[:0], &piece, nil, nil)
		for _, e := range ends[1:] {
			dst = binary.LittleEndian.AppendUint32(dst, e)
		}
		dst = append(dst, rows...)
	}
	return dst
}

// Unpack reads what Pack wrote into dst, one column a field, from lane 0 on, and
// returns the number of rows and what follows them. Long strings become views into
// data, which must not change any more.
func (r *RowCodec) Unpack(dst []Col, data []byte) (n int, rest []byte, err error) {
	bad := diag.New(diag.Internal, "packed rows are cut short")
	if len(data) < 4 {
		return 0, nil, bad
	}
	n, data = int(binary.LittleEndian.Uint32(data)), data[4:]
	for f, t := range r.ts {
		dst[f].Alloc(t, 0)
	}
	var sb StringBuilder
	var offs []uint32
	for from := 0; from < n; from += MaxRows {
		k := min(MaxRows, n-from)
		if len(data) < 4*k {
			return 0, nil, bad
		}
		offs = append(offs[:0], 0)
		for i := range k {
			e := binary.LittleEndian.Uint32(data[4*i:])
			if int(e)-int(offs[i]) < r.head {
				return 0, nil, bad
			}
			offs = append(offs, e)
		}
		data = data[4*k:]
		if len(data) < int(offs[k]) {
			return 0, nil, bad
		}
		for f := range r.ts {
			r.DecodeShared(&dst[f], from, f, data[:offs[k]:offs[k]], offs, &sb)
		}
		data = data[offs[k]:]
	}
	return n, data, nil
}
