package flightsql

import (
	"context"
	"encoding/binary"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/flight"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	flatbuffers "github.com/google/flatbuffers/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	pb "github.com/apache/arrow/go/v17/arrow/flight/gen/flight"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/types"
)

// silent runs every statement and gives nothing.
type silent struct{ gateway.Client }

func (silent) OpenSession(context.Context, map[string]string) (gateway.Session, error) {
	return silentSession{}, nil
}

type silentSession struct{ gateway.Session }

func (silentSession) Execute(context.Context, string) (gateway.Operation, error) {
	return silentOperation{}, nil
}
func (silentSession) Describe(context.Context, string) (types.Schema, bool, error) {
	return nil, false, nil
}
func (silentSession) Close() error { return nil }

type silentOperation struct{ gateway.Operation }

func (silentOperation) Result() gateway.Result                     { return gateway.Info }
func (silentOperation) Schema() types.Schema                       { return nil }
func (silentOperation) Streaming() bool                            { return false }
func (silentOperation) Zone() *time.Location                       { return time.UTC }
func (silentOperation) Warnings() []*diag.Error                    { return nil }
func (silentOperation) Next(context.Context) (*batch.Batch, error) { return nil, io.EOF }
func (silentOperation) Close() error                               { return nil }

// script is the stream of a call in which the client says what it has to say and goes.
type script struct {
	grpc.ServerStream
	ctx  context.Context
	said []*flight.FlightData
}

func (s *script) Context() context.Context     { return s.ctx }
func (s *script) Send(*flight.PutResult) error { return nil }
func (s *script) SendMsg(any) error            { return nil }
func (s *script) Recv() (*flight.FlightData, error) {
	if len(s.said) == 0 {
		return nil, io.EOF
	}
	d := s.said[0]
	s.said = s.said[1:]
	return d, nil
}

// recorder notes the messages that the library's writer makes of columns.
type recorder struct{ out []*flight.FlightData }

func (r *recorder) Send(d *flight.FlightData) error {
	r.out = append(r.out, proto.Clone(d).(*flight.FlightData))
	return nil
}

// params are columns of every kind, as a client would send them.
func params(t testing.TB, compress ipc.Option) []*flight.FlightData {
	mem := memory.NewGoAllocator()
	s := arrow.NewSchema([]arrow.Field{
		{Name: "i", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "s", Type: arrow.BinaryTypes.String, Nullable: true}, {Name: "b", Type: arrow.FixedWidthTypes.Boolean},
		{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Int32)}, {Name: "v", Type: arrow.BinaryTypes.StringView}, {Name: "n", Type: arrow.Null},
		{Name: "d", Type: &arrow.Decimal128Type{Precision: 10, Scale: 2}}, {Name: "t", Type: arrow.FixedWidthTypes.Timestamp_us},
		{Name: "y", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}},
	}, nil)
	b := array.NewRecordBuilder(mem, s)
	for i := range 3 {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.StringBuilder).Append(strings.Repeat("text", i))
		b.Field(2).(*array.BooleanBuilder).Append(i == 1)
		l := b.Field(3).(*array.ListBuilder)
		l.Append(true)
		l.ValueBuilder().(*array.Int32Builder).Append(int32(i))
		b.Field(4).(*array.StringViewBuilder).Append(strings.Repeat("view", 2+i))
		b.Field(5).(*array.NullBuilder).AppendNull()
		b.Field(6).(*array.Decimal128Builder).AppendValueFromString("1.25")
		b.Field(7).(*array.TimestampBuilder).Append(arrow.Timestamp(i))
		if err := b.Field(8).(*array.BinaryDictionaryBuilder).AppendString("k"); err != nil {
			t.Fatal(err)
		}
	}
	b.Field(0).(*array.Int64Builder).AppendNull()
	for i := 1; i < 9; i++ {
		b.Field(i).AppendNull()
	}
	var r recorder
	w := flight.NewRecordWriter(&r, ipc.WithSchema(s), ipc.WithAllocator(mem), compress)
	if err := w.Write(b.NewRecord()); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return r.out
}

// pack writes messages as bytes that unpack reads: of each the length of its header in two
// bytes, the header, the same of the body.
func pack(msgs []*flight.FlightData) (out []byte) {
	for _, m := range msgs {
		out = append(binary.LittleEndian.AppendUint16(out, uint16(len(m.DataHeader))), m.DataHeader...)
		out = append(binary.LittleEndian.AppendUint16(out, uint16(len(m.DataBody))), m.DataBody...)
	}
	return out
}

func unpack(b []byte) (out []*flight.FlightData) {
	part := func() []byte {
		if len(b) < 2 {
			b = nil
			return nil
		}
		n := min(int(binary.LittleEndian.Uint16(b)), len(b)-2)
		p := b[2 : 2+n]
		b = b[2+n:]
		return p
	}
	for len(b) > 0 {
		out = append(out, &flight.FlightData{DataHeader: part(), DataBody: part()})
	}
	return out
}

// putParameters sends messages as the parameters of a prepared statement that has n.
func putParameters(t testing.TB, msgs []*flight.FlightData, n int, update bool) error {
	h := &handler{client: silent{}}
	x := &session{remote: "test", pending: map[uint64]*pending{}, named: map[uint64]*prepared{1: {sql: "SELECT ?" + strings.Repeat(", ?", n-1), params: n}}}
	var cmd proto.Message = &pb.CommandPreparedStatementQuery{PreparedStatementHandle: handleOf(1)}
	if update {
		cmd = &pb.CommandPreparedStatementUpdate{PreparedStatementHandle: handleOf(1)}
	}
	what, err := anypb.New(cmd)
	if err != nil {
		t.Fatal(err)
	}
	text, err := proto.Marshal(what)
	if err != nil {
		t.Fatal(err)
	}
	if len(msgs) > 0 {
		msgs[0].FlightDescriptor = &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: text}
	}
	return newService(h).DoPut(&script{ctx: context.WithValue(t.Context(), sessionKey{}, x), said: msgs})
}

// Whatever a client sends as the columns of parameters, the call ends with an answer or an
// error that says what is wrong, and takes no more memory than it may.
func FuzzParameters(f *testing.F) {
	for _, compress := range []ipc.Option{ipc.WithMinSpaceSavings(0), ipc.WithZstd(), ipc.WithLZ4()} {
		f.Add(pack(params(f, compress)), false)
		f.Add(pack(params(f, compress)), true)
	}
	f.Add([]byte{}, false)
	f.Add([]byte{4, 0, 1, 2, 3, 4, 0, 0}, false)
	f.Fuzz(func(t *testing.T, data []byte, update bool) {
		_ = putParameters(t, unpack(data), 9, update)
	})
}

// TestParameterBombs: what is small on the wire and large in memory is refused with its
// reason, and takes little.
func TestParameterBombs(t *testing.T) {
	mem := memory.NewGoAllocator()
	column := func(typ arrow.DataType, fill func(array.Builder), o ...ipc.Option) []*flight.FlightData {
		s := arrow.NewSchema([]arrow.Field{{Name: "a", Type: typ, Nullable: true}}, nil)
		b := array.NewRecordBuilder(mem, s)
		fill(b.Field(0))
		var r recorder
		w := flight.NewRecordWriter(&r, append(o, ipc.WithSchema(s), ipc.WithAllocator(mem))...)
		if err := w.Write(b.NewRecord()); err != nil {
			t.Fatal(err)
		}
		return r.out
	}
	nulls := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.Null, Nullable: true}}, nil)
	var many recorder
	if err := flight.NewRecordWriter(&many, ipc.WithSchema(nulls)).Write(array.NewRecord(nulls, []arrow.Array{array.NewNull(math.MaxInt32)}, math.MaxInt32)); err != nil {
		t.Fatal(err)
	}
	// A schema whose fields have the same two children, level by level.
	fb := flatbuffers.NewBuilder(0)
	field := func(kids ...flatbuffers.UOffsetT) flatbuffers.UOffsetT {
		fb.StartVector(4, len(kids), 4)
		for _, k := range kids {
			fb.PrependUOffsetT(k)
		}
		v := fb.EndVector(len(kids))
		fb.StartObject(7)
		fb.PrependUOffsetTSlot(5, v, 0)
		return fb.EndObject()
	}
	f := field()
	for range 40 {
		f = field(f, f)
	}
	fb.StartVector(4, 1, 4)
	fb.PrependUOffsetT(f)
	v := fb.EndVector(1)
	fb.StartObject(4)
	fb.PrependUOffsetTSlot(1, v, 0)
	schema := fb.EndObject()
	fb.StartObject(5)
	fb.PrependByteSlot(1, 1, 0)
	fb.PrependUOffsetTSlot(2, schema, 0)
	fb.Finish(fb.EndObject())
	// Schemas that say they have a billion fields, or notes.
	liar := func(slot flatbuffers.VOffsetT) []*flight.FlightData {
		notes := arrow.NewMetadata([]string{"k"}, []string{"v"})
		var r recorder
		schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, &notes)
		b := array.NewRecordBuilder(mem, schema)
		if err := flight.NewRecordWriter(&r, ipc.WithSchema(schema)).Write(b.NewRecord()); err != nil {
			t.Fatal(err)
		}
		head := r.out[0].DataHeader
		msg := flatbuffers.Table{Bytes: head, Pos: flatbuffers.GetUOffsetT(head)}
		var told flatbuffers.Table
		msg.Union(&told, flatbuffers.UOffsetT(msg.Offset(8)))
		list := told.Vector(flatbuffers.UOffsetT(told.Offset(slot)))
		binary.LittleEndian.PutUint32(head[list-4:], 1<<30)
		return r.out[:1]
	}
	for name, c := range map[string]struct {
		said []*flight.FlightData
		want codes.Code
		why  string
	}{
		"100 MB of one letter in zstd": {column(arrow.BinaryTypes.String, func(b array.Builder) { b.(*array.StringBuilder).Append(strings.Repeat("a", 100<<20)) }, ipc.WithZstd()), codes.InvalidArgument, "more than 64 MB"},
		"2 billion NULLs":              {many.out, codes.ResourceExhausted, "1048576 values"},
		"2^40 fields":                  {[]*flight.FlightData{{DataHeader: fb.FinishedBytes()}}, codes.InvalidArgument, "more than 10000 fields"},
		"a billion fields":             {liar(6), codes.InvalidArgument, "more than 10000 fields"},
		"a billion notes":              {liar(8), codes.InvalidArgument, "malformed"},
		"values enough":                {column(arrow.PrimitiveTypes.Int64, func(b array.Builder) { b.(*array.Int64Builder).Append(7) }), codes.OK, ""},
	} {
		size := 0
		for _, d := range c.said {
			size += len(d.DataHeader) + len(d.DataBody)
		}
		if size > 1<<20 {
			t.Fatalf("%s: %d bytes are no bomb", name, size)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := putParameters(t, c.said, 1, false)
		runtime.ReadMemStats(&after)
		if status.Code(err) != c.want || err != nil && !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v", name, err)
		}
		if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 80 {
			t.Errorf("%s took %d MB", name, took)
		}
	}
	if err := newService(&handler{client: silent{}}).DoPut(&script{ctx: t.Context(), said: []*flight.FlightData{{}}}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("no word of what it is for: %v", err)
	}
}

// TestPanicIsAnswered: what breaks inside of a call ends that call.
func TestPanicIsAnswered(t *testing.T) {
	_, err := answerUnary(t.Context(), nil, nil, func(context.Context, any) (any, error) { panic("planted") })
	if status.Code(err) != codes.Internal || !strings.Contains(err.Error(), "planted") {
		t.Error(err)
	}
	err = answerStream(nil, nil, nil, func(any, grpc.ServerStream) error { panic("planted") })
	if status.Code(err) != codes.Internal {
		t.Error(err)
	}
}
