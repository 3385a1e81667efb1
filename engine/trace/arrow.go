package trace

import (
	"bytes"
	"io"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
)

// Steps of a task as an Arrow IPC file, a row a step. A reading that a step did not
// make is NULL; so are the columns of polls and messages in steps without one.
var stepSchema = arrow.NewSchema(stepFields, nil)

// markedSchema is that of tasks whose readers gave watermarks of their own: for each poll
// that had any, where they stand among its rows, and what they are.
var markedSchema = arrow.NewSchema(append(stepFields[:len(stepFields):len(stepFields)],
	arrow.Field{Name: "marks_at", Type: arrow.ListOf(arrow.PrimitiveTypes.Uint16), Nullable: true},
	arrow.Field{Name: "marks", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64), Nullable: true},
), nil)

var stepFields = []arrow.Field{
	{Name: "step", Type: arrow.PrimitiveTypes.Int64},
	{Name: "stamp", Type: arrow.PrimitiveTypes.Int64},
	{Name: "pick", Type: arrow.PrimitiveTypes.Int32},
	{Name: "clock", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "error", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "message", Type: arrow.BinaryTypes.Binary, Nullable: true},
	{Name: "split", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	{Name: "rows", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	{Name: "status", Type: arrow.PrimitiveTypes.Uint8, Nullable: true},
	{Name: "digest", Type: arrow.PrimitiveTypes.Uint64, Nullable: true},
	{Name: "answers", Type: arrow.ListOf(arrow.BinaryTypes.Binary), Nullable: true},
	{Name: "refused", Type: arrow.ListOf(arrow.FixedWidthTypes.Boolean), Nullable: true},
	{Name: "hash", Type: arrow.PrimitiveTypes.Uint64, Nullable: true},
}

// appendOnly lets the library's writer, which asks where it stands, write to something
// that cannot seek.
type appendOnly struct {
	w io.Writer
	n int64
}

func (a *appendOnly) Write(p []byte) (int, error) {
	n, err := a.w.Write(p)
	a.n += int64(n)
	return n, err
}

func (a *appendOnly) Seek(int64, int) (int64, error) { return a.n, nil }

// stepsPerRecord is the number of steps in a record batch of a file.
const stepsPerRecord = 1 << 16

// EncodeArrow writes steps as an Arrow IPC file with zstd buffers.
func EncodeArrow(steps []Step) ([]byte, error) {
	var out bytes.Buffer
	schema := stepSchema
	if slices.ContainsFunc(steps, func(s Step) bool { return s.Poll != nil && len(s.Poll.Marks) > 0 }) {
		schema = markedSchema
	}
	w, err := ipc.NewFileWriter(&appendOnly{w: &out}, ipc.WithSchema(schema), ipc.WithZstd(), ipc.WithAllocator(memory.NewGoAllocator()))
	if err != nil {
		return nil, diag.Wrap(diag.Internal, err, "cannot write steps")
	}
	for from := 0; from < len(steps); from += stepsPerRecord {
		if err := w.Write(record(schema, steps[from:min(len(steps), from+stepsPerRecord)])); err != nil {
			return nil, diag.Wrap(diag.Internal, err, "cannot write steps")
		}
	}
	if err := w.Close(); err != nil {
		return nil, diag.Wrap(diag.Internal, err, "cannot write steps")
	}
	return out.Bytes(), nil
}

func record(schema *arrow.Schema, steps []Step) arrow.Record {
	b := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
	b.Reserve(len(steps))
	i64 := func(i int) *array.Int64Builder { return b.Field(i).(*array.Int64Builder) }
	i32 := func(i int) *array.Int32Builder { return b.Field(i).(*array.Int32Builder) }
	u64 := func(i int) *array.Uint64Builder { return b.Field(i).(*array.Uint64Builder) }
	answers, refused := b.Field(10).(*array.ListBuilder), b.Field(11).(*array.ListBuilder)
	for i := range steps {
		s := &steps[i]
		i64(0).Append(s.N)
		i64(1).Append(s.Stamp)
		i32(2).Append(s.Pick)
		if s.Clock {
			i64(3).Append(s.Now)
		} else {
			i64(3).AppendNull()
		}
		if s.Failed {
			b.Field(4).(*array.StringBuilder).Append(s.Error)
		} else {
			b.Field(4).AppendNull()
		}
		if s.Mail != nil {
			b.Field(5).(*array.BinaryBuilder).Append(s.Mail)
		} else {
			b.Field(5).AppendNull()
		}
		if p := s.Poll; p != nil {
			i32(6).Append(int32(p.Split))
			i32(7).Append(int32(p.Rows))
			b.Field(8).(*array.Uint8Builder).Append(p.Status)
			u64(9).Append(p.Digest)
		} else {
			for k := 6; k <= 9; k++ {
				b.Field(k).AppendNull()
			}
		}
		if len(s.Calls) > 0 {
			answers.Append(true)
			refused.Append(true)
			for _, c := range s.Calls {
				answers.ValueBuilder().(*array.BinaryBuilder).Append(c.Data)
				refused.ValueBuilder().(*array.BooleanBuilder).Append(c.Failed)
			}
		} else {
			answers.AppendNull()
			refused.AppendNull()
		}
		if s.Chained {
			u64(12).Append(s.Hash)
		} else {
			u64(12).AppendNull()
		}
		if schema == markedSchema {
			recordMarks(b, s)
		}
	}
	return b.NewRecord()
}

func recordMarks(b *array.RecordBuilder, s *Step) {
	at, marks := b.Field(13).(*array.ListBuilder), b.Field(14).(*array.ListBuilder)
	if s.Poll == nil || len(s.Poll.Marks) == 0 {
		at.AppendNull()
		marks.AppendNull()
		return
	}
	at.Append(true)
	marks.Append(true)
	for _, m := range s.Poll.Marks {
		at.ValueBuilder().(*array.Uint16Builder).Append(m.Pos)
		marks.ValueBuilder().(*array.Int64Builder).Append(m.WM)
	}
}

// DecodeArrow reads what EncodeArrow has written. It fails with invalid-tape where the
// bytes are something else.
func DecodeArrow(data []byte) (steps []Step, err error) {
	bad := func(why any) ([]Step, error) {
		return nil, diag.New(diag.InvalidTape, "the steps on the tape cannot be read: %v", why)
	}
	defer func() {
		if r := recover(); r != nil { // the library's reader breaks off on some damage
			steps, err = bad(r)
		}
	}()
	if err := batch.CheckArrowFile(bytes.NewReader(data), int64(len(data))); err != nil {
		return bad(err)
	}
	mem := batch.NewUnpacking(int64(len(data)))
	f, err := ipc.NewFileReader(bytes.NewReader(data), ipc.WithAllocator(mem))
	if err != nil {
		return bad(err)
	}
	defer f.Close() //nolint:errcheck // it reads memory
	if !f.Schema().Equal(stepSchema) && !f.Schema().Equal(markedSchema) {
		return bad("its columns are others")
	}
	for i := range f.NumRecords() {
		mem.Refill()
		rec, err := f.Record(i)
		if err != nil {
			return bad(err)
		}
		steps = appendRecord(steps, rec)
	}
	return steps, nil
}

func appendRecord(steps []Step, rec arrow.Record) []Step {
	i64 := func(i int) *array.Int64 { return rec.Column(i).(*array.Int64) }
	i32 := func(i int) *array.Int32 { return rec.Column(i).(*array.Int32) }
	u64 := func(i int) *array.Uint64 { return rec.Column(i).(*array.Uint64) }
	errs, mails := rec.Column(4).(*array.String), rec.Column(5).(*array.Binary)
	status := rec.Column(8).(*array.Uint8)
	answers, refused := rec.Column(10).(*array.List), rec.Column(11).(*array.List)
	data, failed := answers.ListValues().(*array.Binary), refused.ListValues().(*array.Boolean)
	for i := range int(rec.NumRows()) {
		s := Step{N: i64(0).Value(i), Stamp: i64(1).Value(i), Pick: i32(2).Value(i)}
		if i64(3).IsValid(i) {
			s.Clock, s.Now = true, i64(3).Value(i)
		}
		if errs.IsValid(i) {
			s.Failed, s.Error = true, errs.Value(i)
		}
		if mails.IsValid(i) {
			s.Mail = append([]byte{}, mails.Value(i)...)
		}
		if i32(6).IsValid(i) {
			s.Poll = &Poll{Split: int(i32(6).Value(i)), Rows: int(i32(7).Value(i)), Status: status.Value(i), Digest: u64(9).Value(i)}
		}
		if answers.IsValid(i) {
			from, to := answers.ValueOffsets(i)
			for k := int(from); k < int(to); k++ {
				s.Calls = append(s.Calls, Call{failed.Value(k), append([]byte{}, data.Value(k)...)})
			}
		}
		if u64(12).IsValid(i) {
			s.Chained, s.Hash = true, u64(12).Value(i)
		}
		if rec.NumCols() == int64(len(markedSchema.Fields())) {
			readMarks(&s, rec, i)
		}
		steps = append(steps, s)
	}
	return steps
}

func readMarks(s *Step, rec arrow.Record, i int) {
	at, marks := rec.Column(13).(*array.List), rec.Column(14).(*array.List)
	if s.Poll == nil || !marks.IsValid(i) {
		return
	}
	from, to := marks.ValueOffsets(i)
	for k := int(from); k < int(to); k++ {
		m := batch.Mark{Pos: at.ListValues().(*array.Uint16).Value(k), WM: marks.ListValues().(*array.Int64).Value(k)}
		s.Poll.Marks = append(s.Poll.Marks, m)
	}
}
