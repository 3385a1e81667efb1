package trace

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

var fuzzRows = types.Schema{{Name: "id", Type: types.BigIntT}, {Name: "text", Type: types.StringT.Nullable(true)}, {Name: "list", Type: types.ArrayT(types.IntT)}}

// FuzzTape reads bytes as each kind of part that a tape has: all of it is read or refused
// as an invalid tape. With whole the bytes are a block of a log, and get its checksum: who
// wants to mislead can compute one too.
func FuzzTape(f *testing.F) {
	steps := []Step{
		{N: 1, Stamp: 5, Pick: 2, Clock: true, Now: 77, Mail: []byte("mail"), Calls: []Call{{Data: []byte("answer")}}},
		{N: 2, Stamp: 6, Poll: &Poll{Split: 1, Rows: 3, Digest: 9, Marks: []batch.Mark{{Pos: 1, WM: 8}}}, Failed: true, Error: "no", Chained: true, Hash: 4},
	}
	var log Log
	for i := range steps {
		log.Add(&steps[i])
	}
	whole := log.Encode()
	packed, err := EncodeArrow(steps)
	if err != nil {
		f.Fatal(err)
	}
	b := batch.NewBatchBuilder(fuzzRows.Types()...)
	b.Row(batch.Insert, 1, "a text of more than twelve bytes", []any{1, 2})
	b.Row(batch.Insert, 2, nil, []any{})
	rows := b.Finish()
	var file bytes.Buffer
	w := NewRowWriter(&file, fuzzRows)
	if err := w.Add(rows); err != nil {
		f.Fatal(err)
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	order, err := encodeOutput([]Piece{{By: "job", Bytes: 3}, {By: "other", Bytes: 4}})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{whole, packed, file.Bytes(), order, (&Framer{}).Append([]byte(framesMagic), rows)} {
		f.Add(seed, false)
	}
	f.Add(whole[8:], true)
	f.Fuzz(func(t *testing.T, data []byte, block bool) {
		if len(data) > 1<<16 {
			return
		}
		if block {
			head := binary.LittleEndian.AppendUint32(nil, uint32(len(data)))
			data = append(binary.LittleEndian.AppendUint32(head, crc32.Checksum(data, castagnoli)), data...)
		}
		check := func(what string, err error) {
			if err != nil && diag.CodeOf(err) != diag.InvalidTape {
				t.Fatalf("%s: %v", what, err)
			}
		}
		_, err := Decode(data)
		check("a log", err)
		_, err = DecodeArrow(data)
		check("steps", err)
		_, err = (&File{parts: map[string]func() (*io.SectionReader, error){outputName: func() (*io.SectionReader, error) {
			return io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data))), nil
		}}}).Output()
		check("output", err)
		r, err := NewRowReader(io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data))), fuzzRows)
		check("rows", err)
		for err == nil {
			var b batch.Batch
			if err = r.Next(&b); err == io.EOF {
				break
			}
			check("a row", err)
			if err == nil {
				for i := range b.Cols {
					if b.Cols[i].Type.Kind != types.Invalid {
						touch(&b.Cols[i], b.N)
					}
				}
			}
		}
	})
}

// touch reads every value of a column: what is let in must be there.
func touch(c *batch.Col, n int) {
	d := batch.Col{}
	d.Append(0, c, nil, n)
	d.Flatten(n)
}
