package trace

import (
	"bytes"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
)

// Piece is a run of bytes that one writer gave to standard output. The pieces of a
// tape are the order in which results reached whoever ran it.
type Piece struct {
	// By names the writer: "" is the client that shows results, else a task that
	// prints.
	By    string
	Bytes int64
}

// outputName is the part of a tape that has the pieces.
const outputName = "output.arrow"

var outputSchema = arrow.NewSchema([]arrow.Field{
	{Name: "by", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}},
	{Name: "bytes", Type: arrow.PrimitiveTypes.Int64},
}, nil)

// Output notes that a writer has given n bytes to standard output.
func (f *Folder) Output(by string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if k := len(f.output); k > 0 && f.output[k-1].By == by && !f.split {
		f.output[k-1].Bytes += int64(n)
		return
	}
	f.split = false
	if f.ring != nil && !f.takes(part{job: -1}, pieceBytes) {
		return
	}
	f.output = append(f.output, Piece{by, int64(n)})
}

// pieceBytes is what a piece takes in memory.
const pieceBytes = 24

// Marked is the number of pieces ever; what follows does not go into the last one.
func (f *Folder) Marked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.split = true
	return f.gone + len(f.output)
}

// forgetOutput drops the pieces that came before all that the tape has.
func (f *Folder) forgetOutput() {
	least := f.gone + len(f.output)
	for i := range f.manifest.Jobs {
		if len(f.manifest.Jobs[i].Attempts) == 0 {
			continue
		}
		least = min(least, f.begins[i].outputs)
	}
	least -= f.gone
	if least <= 0 {
		return
	}
	f.output, f.gone = f.output[least:], f.gone+least
	if r := f.ring; r != nil {
		p := part{job: -1}
		n := min(r.parts[p], int64(least)*pieceBytes)
		r.bytes, r.parts[p] = r.bytes-n, r.parts[p]-n
	}
}

// Pieces takes the order of output of another tape over.
func (f *Folder) Pieces(list []Piece) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.output = append(f.output, list...)
}

func encodeOutput(list []Piece) ([]byte, error) {
	b := array.NewRecordBuilder(memory.NewGoAllocator(), outputSchema)
	by := b.Field(0).(*array.BinaryDictionaryBuilder)
	var out bytes.Buffer
	w, err := ipc.NewFileWriter(&appendOnly{w: &out}, ipc.WithSchema(outputSchema), ipc.WithZstd(), ipc.WithAllocator(memory.NewGoAllocator()))
	for _, p := range list {
		if err == nil {
			err = by.AppendString(p.By)
		}
		b.Field(1).(*array.Int64Builder).Append(p.Bytes)
	}
	if err == nil {
		err = w.Write(b.NewRecord())
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, diag.Wrap(diag.Internal, err, "cannot write the order of output")
	}
	return out.Bytes(), nil
}

// Output is the order in which results reached standard output.
func (f *File) Output() (list []Piece, err error) {
	if f.parts[outputName] == nil {
		return nil, nil
	}
	data, err := f.part(outputName)
	if err != nil {
		return nil, err
	}
	bad := func(why any) ([]Piece, error) {
		return nil, diag.New(diag.InvalidTape, "the order of output on the tape cannot be read: %v", why)
	}
	defer func() {
		if r := recover(); r != nil { // the library's reader breaks off on some damage
			list, err = bad(r)
		}
	}()
	if err := batch.CheckArrowFile(bytes.NewReader(data), int64(len(data))); err != nil {
		return bad(err)
	}
	mem := batch.NewUnpacking(int64(len(data)))
	r, err := ipc.NewFileReader(bytes.NewReader(data), ipc.WithAllocator(mem))
	if err != nil {
		return bad(err)
	}
	for i := range r.NumRecords() {
		mem.Refill()
		rec, err := r.Record(i)
		if err != nil {
			return bad(err)
		}
		by, n := rec.Column(0).(*array.Dictionary), rec.Column(1).(*array.Int64)
		names := by.Dictionary().(*array.String)
		for k := range int(rec.NumRows()) {
			list = append(list, Piece{names.Value(by.GetValueIndex(k)), n.Value(k)})
		}
	}
	return list, nil
}
