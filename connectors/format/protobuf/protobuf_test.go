package protobuf_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"pgregory.net/rapid"

	"context"

	"github.com/bufbuild/protocompile"

	"github.com/minkstream/mink/connectors/format/protobuf"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/types"
)

// body is the same in both syntaxes, but for the labels that proto2 wants.
const body = `
message All {
  OPT bool b = 1; OPT int32 i32 = 2; OPT int64 i64 = 3; OPT uint32 u32 = 4; OPT uint64 u64 = 5;
  OPT sint32 s32 = 6; OPT sint64 s64 = 7; OPT fixed32 f32 = 8; OPT fixed64 f64 = 9; OPT sfixed32 sf32 = 10; OPT sfixed64 sf64 = 11;
  OPT float f = 12; OPT double d = 13; OPT string s = 14; OPT bytes y = 15; OPT Kind kind = 16; OPT Kind kind_no = 300;
  OPT Inner inner = 17;
  repeated int32 list = 18; repeated sint64 loose = 19 [packed = false]; repeated string texts = 20; repeated Inner inners = 21; repeated Kind kinds = 22;
  repeated double doubles = 23 [packed = true];
  map<string, int32> by_name = 24; map<int64, Inner> by_number = 25; map<fixed32, string> by_fixed = 26; map<bool, Kind> by_bool = 27;
  oneof choice { string c_s = 28; int32 c_i = 29; Inner c_m = 30; string c_unread = 31; }
  OPT google.protobuf.Timestamp at = 32;
  EXTRA
  message Inner { OPT int64 x = 1; OPT string name = 2; repeated int32 deep = 3; OPT Leaf leaf = 4; }
  message Leaf { OPT string t = 1; map<int32, string> m = 2; }
  enum Kind { ZERO = 0; ONE = 1; A_NAME_THAT_IS_LONG = 7; MINUS = -1; }
}
`

const head = "package shop;\noption java_package = \"com.example\";\nimport \"google/protobuf/timestamp.proto\";\n"

var (
	text2 = "syntax = \"proto2\";\n" + head + strings.NewReplacer("OPT", "optional", "EXTRA", `optional int32 def = 40 [default = 42]; optional string def_s = 41 [default = "dflt"]; optional Kind def_k = 42 [default = ONE]; optional group Grp = 43 { optional int32 g = 1; }`).Replace(body)
	text3 = "syntax = \"proto3\";\n" + head + strings.NewReplacer("OPT ", "", "EXTRA", "optional int32 present = 40;").Replace(body)
)

func nn(t types.Type) types.Type { return t.Nullable(false) }

var leaf = types.RowT(types.Field{Name: "t", Type: types.StringT}, types.Field{Name: "m", Type: types.MapT(nn(types.IntT), nn(types.StringT))})

var inner = types.RowT(types.Field{Name: "x", Type: types.BigIntT}, types.Field{Name: "name", Type: types.StringT},
	types.Field{Name: "deep", Type: types.ArrayT(nn(types.IntT))}, types.Field{Name: "leaf", Type: leaf})

var common = types.Schema{
	{Name: "by_bool", Type: types.MapT(nn(types.BooleanT), nn(types.StringT))},
	{Name: "b", Type: types.BooleanT}, {Name: "i32", Type: types.IntT}, {Name: "i64", Type: types.BigIntT}, {Name: "u32", Type: types.IntT}, {Name: "u64", Type: types.BigIntT},
	{Name: "s32", Type: types.IntT}, {Name: "s64", Type: types.BigIntT}, {Name: "f32", Type: types.IntT}, {Name: "f64", Type: types.BigIntT}, {Name: "sf32", Type: types.IntT},
	{Name: "sf64", Type: types.BigIntT}, {Name: "f", Type: types.FloatT}, {Name: "d", Type: types.DoubleT}, {Name: "s", Type: types.StringT}, {Name: "y", Type: types.BytesT},
	{Name: "kind", Type: types.StringT}, {Name: "kind_no", Type: types.IntT}, {Name: "inner", Type: inner},
	{Name: "list", Type: types.ArrayT(nn(types.IntT))}, {Name: "loose", Type: types.ArrayT(nn(types.BigIntT))}, {Name: "texts", Type: types.ArrayT(nn(types.StringT))},
	{Name: "inners", Type: types.ArrayT(nn(inner))}, {Name: "kinds", Type: types.ArrayT(nn(types.StringT))}, {Name: "doubles", Type: types.ArrayT(nn(types.DoubleT))},
	{Name: "by_name", Type: types.MapT(nn(types.StringT), nn(types.IntT))}, {Name: "by_number", Type: types.MapT(nn(types.BigIntT), nn(inner))},
	{Name: "by_fixed", Type: types.MapT(nn(types.IntT), nn(types.StringT))},
	{Name: "c_s", Type: types.StringT}, {Name: "c_i", Type: types.IntT}, {Name: "c_m", Type: inner},
	{Name: "at", Type: types.RowT(types.Field{Name: "seconds", Type: types.BigIntT}, types.Field{Name: "nanos", Type: types.IntT})},
}

// syntax is a schema in one of the two syntaxes, with the columns that read it.
type syntax struct {
	name   string
	cols   types.Schema
	proto3 bool
	md     protoreflect.MessageDescriptor
	table  *connect.Table
	o      connect.Options
}

func (x *syntax) with(o connect.Options) connect.Options {
	out := connect.Options{}
	for k, v := range x.o {
		out[k] = v
	}
	for k, v := range o {
		out[k] = v
	}
	return out
}

func table(dir string) *connect.Table {
	return &connect.Table{Deps: connect.Deps{Env: env.OS(dir)}}
}

func syntaxes(t testing.TB) []*syntax {
	dir := t.TempDir()
	var out []*syntax
	for i, text := range []string{text2, text3} {
		name := fmt.Sprintf("all_types%d.proto", i+2)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		c := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(map[string]string{name: text})})}
		files, err := c.Compile(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		x := &syntax{name: name, proto3: i == 1, md: files[0].Messages().ByName("All"), table: table(dir)}
		x.o = connect.Options{"message-class-name": fmt.Sprintf("com.example.AllTypes%d$All", i+2), "schema-file": name}
		x.cols = slices.Clone(common)
		if x.proto3 {
			x.cols = append(x.cols, types.Field{Name: "present", Type: types.IntT})
		} else {
			x.cols = append(x.cols, types.Field{Name: "def", Type: types.IntT}, types.Field{Name: "def_s", Type: types.StringT}, types.Field{Name: "def_k", Type: types.SmallIntT},
				types.Field{Name: "grp", Type: types.RowT(types.Field{Name: "g", Type: types.IntT})})
		}
		out = append(out, x)
	}
	return out
}

func decode(t testing.TB, tab *connect.Table, s types.Schema, read connect.Projection, o connect.Options, list ...[]byte) ([]string, error) {
	t.Helper()
	d, err := protobuf.Format.Decoder(s, read, o, tab)
	if err != nil {
		t.Fatal(err)
	}
	return decodeWith(d, s, list...)
}

func decodeWith(d connect.Decoder, s types.Schema, list ...[]byte) ([]string, error) {
	var m connect.Messages
	for i, v := range list {
		m.Data = append(m.Data, v...)
		m.Add(len(m.Data), i)
	}
	var got batch.Batch
	err := connect.DecodeMessages(d, &got, &m, 1000)
	return rowsOf(s, &got), err
}

// rowsOf is a batch as text, entries of maps in the order of their text.
func rowsOf(s types.Schema, b *batch.Batch) []string {
	var out []string
	for i := range b.Rows() {
		var parts []string
		for k, f := range s {
			if b.Cols[k].Type.Kind == 0 {
				parts = append(parts, "-")
				continue
			}
			parts = append(parts, f.Name+"="+show(f.Type, b.Cols[k].Any(b.Lane(i))))
		}
		out = append(out, strings.Join(parts, " "))
	}
	return out
}

func show(t types.Type, v any) string {
	if v == nil {
		return "NULL"
	}
	switch t.Kind {
	case types.Row:
		var p []string
		for i, x := range v.([]any) {
			p = append(p, show(t.Fields[i].Type, x))
		}
		return "(" + strings.Join(p, " ") + ")"
	case types.Array:
		var p []string
		for _, x := range v.([]any) {
			p = append(p, show(*t.Elem, x))
		}
		return "[" + strings.Join(p, " ") + "]"
	case types.Map:
		var p []string
		l := v.([]any)
		for i := 0; i < len(l); i += 2 {
			p = append(p, show(*t.Key, l[i])+":"+show(*t.Elem, l[i+1]))
		}
		slices.Sort(p)
		return "{" + strings.Join(p, " ") + "}"
	}
	return fmt.Sprint(v)
}

// naive is what Flink makes of a message that protobuf's own Go library parsed, after the rules of
// its documentation: absent is NULL unless defaults are read, and simple fields of proto3
// have no absence.
func naive(m protoreflect.Message, s []types.Field, proto3, defaults bool) []any {
	var row []any
	for _, f := range s {
		fd := m.Descriptor().Fields().ByName(protoreflect.Name(f.Name))
		v := m.Get(fd)
		simple := fd.Message() == nil && !fd.IsList()
		switch {
		case fd.IsMap():
			if v.Map().Len() == 0 && !defaults {
				row = append(row, nil)
				continue
			}
			list := []any{}
			v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				list = append(list, naiveValue(k.Value(), fd.MapKey(), *f.Type.Key, proto3, defaults), naiveValue(v, fd.MapValue(), *f.Type.Elem, proto3, defaults))
				return true
			})
			row = append(row, list)
		case fd.IsList():
			if v.List().Len() == 0 && !defaults {
				row = append(row, nil)
				continue
			}
			list := []any{}
			for i := range v.List().Len() {
				list = append(list, naiveValue(v.List().Get(i), fd, *f.Type.Elem, proto3, defaults))
			}
			row = append(row, list)
		case m.Has(fd) || defaults || proto3 && simple:
			row = append(row, naiveValue(v, fd, f.Type, proto3, defaults))
		default:
			row = append(row, nil)
		}
	}
	return row
}

func naiveValue(v protoreflect.Value, fd protoreflect.FieldDescriptor, t types.Type, proto3, defaults bool) any {
	switch fd.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return naive(v.Message(), t.Fields, proto3, defaults)
	case protoreflect.EnumKind:
		if t.IsString() {
			if d := fd.Enum().Values().ByNumber(v.Enum()); d != nil {
				return string(d.Name())
			}
			return "UNRECOGNIZED"
		}
		return int64(v.Enum())
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return int64(int32(v.Uint()))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return int64(v.Uint())
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return v.Float()
	case protoreflect.BytesKind:
		return string(v.Bytes())
	}
	return v.Interface()
}

func naiveRow(x *syntax, m protoreflect.Message, defaults bool) string {
	row := naive(m, x.cols, x.proto3, defaults)
	var parts []string
	for i, f := range x.cols {
		parts = append(parts, f.Name+"="+show(f.Type, row[i]))
	}
	return strings.Join(parts, " ")
}

// random fills a message.
func random(t *rapid.T, md protoreflect.MessageDescriptor, depth int) *dynamicpb.Message {
	m := dynamicpb.NewMessage(md)
	some := func() bool { return rapid.IntRange(0, 2).Draw(t, "some") > 0 }
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		if !some() {
			continue
		}
		n := rapid.IntRange(0, 3).Draw(t, "n")
		switch {
		case fd.IsMap():
			mm := m.Mutable(fd).Map()
			for range n {
				mm.Set(value(t, fd.MapKey(), depth).MapKey(), value(t, fd.MapValue(), depth))
			}
		case fd.IsList():
			l := m.Mutable(fd).List()
			for range n {
				l.Append(value(t, fd, depth))
			}
		default:
			m.Set(fd, value(t, fd, depth))
		}
	}
	return m
}

func value(t *rapid.T, fd protoreflect.FieldDescriptor, depth int) protoreflect.Value {
	small := fd.ContainingMessage().IsMapEntry()
	whole := func(lo, hi int64) int64 {
		if small {
			return rapid.Int64Range(0, 3).Draw(t, "key")
		}
		return rapid.Int64Range(lo, hi).Draw(t, "int")
	}
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, "bool"))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(whole(math.MinInt32, math.MaxInt32)))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(whole(math.MinInt64, math.MaxInt64))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(whole(0, math.MaxUint32)))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(uint64(whole(math.MinInt64, math.MaxInt64)))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(rapid.Float32().Draw(t, "float"))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(rapid.Float64().Draw(t, "double"))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(rapid.SampledFrom([]string{"", "a", "é", "twelve bytes", "more than twelve bytes of text"}).Draw(t, "text"))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes"))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(rapid.SampledFrom([]int32{0, 1, 7, -1}).Draw(t, "enum")))
	}
	return protoreflect.ValueOfMessage(random(t, fd.Message(), depth+1))
}

// Messages that protobuf's own library wrote, several of them behind one another as one, which adds their
// pieces up: each column is what that library reads.
func TestDecodesWhatProtobufWrites(t *testing.T) {
	for _, x := range syntaxes(t) {
		t.Run(x.name, func(t *testing.T) {
			decoder := func(read connect.Projection, defaults string) connect.Decoder {
				d, err := protobuf.Format.Decoder(x.cols, read, x.with(connect.Options{"read-default-values": defaults}), x.table)
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			plain, filled, some := decoder(nil, "false"), decoder(nil, "true"), decoder(connect.Projection{{3}, {18, 3, 1}, {19}, {29}}, "false")
			rapid.Check(t, func(rt *rapid.T) {
				var data []byte
				for range rapid.IntRange(1, 3).Draw(rt, "pieces") {
					one, err := proto.Marshal(random(rt, x.md, 0))
					if err != nil {
						rt.Fatal(err)
					}
					data = append(data, one...)
					if rapid.Bool().Draw(rt, "unknown") {
						data = protowire.AppendTag(data, 5000, protowire.StartGroupType)
						data = append(protowire.AppendTag(data, 1, protowire.BytesType), 1, 'x')
						data = protowire.AppendTag(data, 5000, protowire.EndGroupType)
						data = append(protowire.AppendTag(data, 2, protowire.BytesType), 1, 'x') // another type than i32's
					}
				}
				m := dynamicpb.NewMessage(x.md)
				if err := proto.Unmarshal(data, m); err != nil {
					rt.Fatal(err)
				}
				for _, d := range []connect.Decoder{plain, filled} {
					got, err := decodeWith(d, x.cols, data, data)
					want := naiveRow(x, m, d == filled)
					if err != nil || !slices.Equal(got, []string{want, want}) {
						rt.Fatalf("read-default-values %v: %v, got\n%s\nwant\n%s", d == filled, err, strings.Join(got, "\n"), want)
					}
				}
				// Columns that are not read change nothing of the others.
				part, err := decodeWith(some, x.cols, data)
				if err != nil || len(part) != 1 || !strings.Contains(part[0], " - ") {
					rt.Fatalf("projected: %v, %v", part, err)
				}
				full := naiveRow(x, m, false)
				for _, name := range []string{"i64=", "list=", "c_i="} {
					if a, b := field(part[0], name), field(full, name); a != b {
						rt.Fatalf("projected: %s, want %s", a, b)
					}
				}
			})
		})
	}
}

// field is the text of a column in a row.
func field(row, name string) string {
	i := strings.Index(" "+row, " "+name)
	rest := row[i+len(name):]
	if strings.HasPrefix(rest, "[") {
		return rest[:strings.IndexByte(rest, ']')+1]
	}
	return strings.SplitN(rest, " ", 2)[0]
}

// Rows that are written are read by protobuf's own library as they were.
func TestProtobufReadsWhatIsWritten(t *testing.T) {
	for _, x := range syntaxes(t) {
		t.Run(x.name, func(t *testing.T) {
			d, err := protobuf.Format.Decoder(x.cols, nil, x.o, x.table)
			if err != nil {
				t.Fatal(err)
			}
			e, err := protobuf.Format.Encoder(x.cols, x.o, x.table)
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(rt *rapid.T) {
				m := random(rt, x.md, 0)
				data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
				if err != nil {
					rt.Fatal(err)
				}
				var b batch.Batch
				if err := d.Message(&b, data); err != nil {
					rt.Fatal(err)
				}
				out, err := e.Encode(nil, &b)
				if err != nil {
					rt.Fatal(err)
				}
				again := dynamicpb.NewMessage(x.md)
				if err := proto.Unmarshal(out, again); err != nil {
					rt.Fatal(err)
				}
				if got, want := naiveRow(x, again, false), naiveRow(x, m, false); oneofs(got) != oneofs(want) {
					rt.Fatalf("got\n%s\nwant\n%s", got, want)
				}
			})
		})
	}
}

// oneofs takes columns of the oneof away: proto3's are all set when they are read, and the
// last one that is written counts.
func oneofs(row string) string {
	i, j := strings.Index(row, " c_s="), strings.Index(row, " at=")
	if strings.Contains(row, "present=") {
		k := strings.Index(row, " present=")
		return row[:i] + row[j:k]
	}
	return row[:i] + row[j:]
}

// Bytes worked out by hand from protobuf's description of its encoding.
func TestBytes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("a.proto", `syntax = "proto3"; package p; enum E { Z = 0; ONE = 1; } message M { int32 a = 1; string b = 2; repeated int32 d = 4; optional int32 o = 5; E e = 6; repeated string s = 7; map<string, E> m = 8; oneof u { int32 x = 9; string y = 10; } repeated M r = 11; }`)
	tab := table(dir)
	o := connect.Options{"message-class-name": "p.A$M", "schema-file": "a.proto", "write-null-string-literal": "nil"}
	s := types.Schema{{Name: "a", Type: types.IntT}, {Name: "b", Type: types.StringT}, {Name: "d", Type: types.ArrayT(types.IntT)}, {Name: "o", Type: types.IntT}, {Name: "e", Type: types.StringT},
		{Name: "s", Type: types.ArrayT(types.StringT)}, {Name: "m", Type: types.MapT(types.StringT, types.StringT)}, {Name: "x", Type: types.IntT}, {Name: "y", Type: types.StringT},
		{Name: "r", Type: types.ArrayT(types.RowT(types.Field{Name: "a", Type: types.IntT}))}}
	for _, c := range []struct {
		name string
		row  []any
		want string
	}{
		{"150, as in protobuf's description", []any{150, nil, nil, nil, nil, nil, nil, nil, nil, nil}, "08 96 01"},
		{"testing, likewise", []any{nil, "testing", nil, nil, nil, nil, nil, nil, nil, nil}, "12 07 74 65 73 74 69 6e 67"},
		{"packed, likewise", []any{nil, nil, []any{3, 270, 86942}, nil, nil, nil, nil, nil, nil, nil}, "22 06 03 8e 02 9e a7 05"},
		{"defaults are not written where absence is the default", []any{0, "", []any{}, 0, "Z", nil, nil, nil, nil, nil}, "28 00"},
		{"a negative number has ten bytes", []any{-1, nil, nil, nil, nil, nil, nil, nil, nil, nil}, "08 ff ff ff ff ff ff ff ff ff 01"},
		{"NULL in lists and maps", []any{nil, nil, []any{nil}, nil, nil, []any{nil, "a"}, []any{nil, nil}, nil, nil, []any{nil, []any{1}}}, "22 01 00 3a 03 6e 69 6c 3a 01 61 42 07 0a 03 6e 69 6c 10 00 5a 00 5a 02 08 01"},
		{"an enum's name that is not there is its first", []any{nil, nil, nil, nil, "NO", nil, []any{"k", "ONE"}, nil, nil, nil}, "42 05 0a 01 6b 10 01"},
		{"of a oneof the later column counts", []any{nil, nil, nil, nil, nil, nil, nil, 0, "y", nil}, "52 01 79"},
		{"a oneof has its default written", []any{nil, nil, nil, nil, nil, nil, nil, 0, nil, nil}, "48 00"},
	} {
		b := batch.NewBatchBuilder(s.Types()...)
		b.Row(batch.Insert, c.row...)
		e, err := protobuf.Format.Encoder(s, o, tab)
		if err != nil {
			t.Fatal(err)
		}
		var out connect.Encoded
		if err := connect.EncodeMessages(e, &out, b.Finish()); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("% x", out.Message(0)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	// Required fields of proto2.
	write("r.proto", `syntax = "proto2"; message R { required int32 a = 1; optional int32 b = 2; }`)
	o = connect.Options{"message-class-name": "R", "schema-file": "r.proto"}
	two := types.Schema{{Name: "a", Type: types.IntT}, {Name: "b", Type: types.IntT}}
	e, err := protobuf.Format.Encoder(two, o, tab)
	if err != nil {
		t.Fatal(err)
	}
	b := batch.NewBatchBuilder(two.Types()...)
	b.Row(batch.Insert, nil, 1)
	if _, err := e.Encode(nil, b.Finish()); diag.CodeOf(err) != diag.NotNullViolation {
		t.Errorf("a required field that is NULL: %v", err)
	}
	if _, err := protobuf.Format.Encoder(two[1:], o, tab); diag.CodeOf(err) != diag.SchemaMismatch {
		t.Errorf("a required field without a column: %v", err)
	}
}

func TestMalformed(t *testing.T) {
	x := syntaxes(t)[1]
	good := []byte{0x10, 5}
	// The last two begin a list, and a list in a row, before they go wrong.
	bads := [][]byte{{0x10}, {0x10, 0x80}, {0x72, 5, 'x'}, {0x72, 1, 0xFF}, {0x07}, {0x02, 1}, {0xFF}, {0x0B}, {0x0C}, {0x60, 1, 0x65},
		{0x90, 1, 9, 0x92, 1, 2, 7, 8, 0x10}, {0x8A, 1, 6, 0x18, 1, 0x18, 2, 0x10, 0x80, 0x10}}
	// Groups of nobody's, 64 deep and deeper.
	for _, deep := range []int{64, 65, 1000} {
		groups := append(bytes.Repeat([]byte{0xF3, 0x3F}, deep), bytes.Repeat([]byte{0xF4, 0x3F}, deep)...)
		if _, err := decode(t, x.table, x.cols, nil, x.o, groups); (err == nil) != (deep == 64) || err != nil && diag.CodeOf(err) != diag.MalformedRecord {
			t.Errorf("%d groups: %v", deep, err)
		}
	}
	lenient := x.with(connect.Options{"ignore-parse-errors": "true"})
	for _, bad := range bads {
		rows, err := decode(t, x.table, x.cols, nil, x.o, good, bad, good)
		if diag.CodeOf(err) != diag.MalformedRecord || len(rows) != 1 {
			t.Errorf("% x: %v, %v", bad, rows, err)
		}
		after := []byte{0x92, 1, 1, 3, 0x8A, 1, 2, 0x18, 4}
		rows, err = decode(t, x.table, x.cols, nil, lenient, good, bad, after, bad)
		want, _ := decode(t, x.table, x.cols, nil, x.o, good, after)
		if err != nil || !slices.Equal(rows, want) {
			t.Errorf("% x skipped: %v\n%s\nwant\n%s", bad, err, strings.Join(rows, "\n"), strings.Join(want, "\n"))
		}
	}
	d, err := protobuf.Format.Decoder(x.cols, nil, lenient, x.table)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	d.(connect.Lenient).OnBadRecord(func(error) { told++ })
	var b batch.Batch
	if err := d.Message(&b, bads[0]); err != nil || told != 1 || b.N != 0 {
		t.Errorf("%d told, %d rows, %v", told, b.N, err)
	}
	strict := slices.Clone(x.cols)
	at := slices.IndexFunc(strict, func(f types.Field) bool { return f.Name == "inner" })
	strict[at].Type = nn(inner)
	if _, err := decode(t, x.table, strict, nil, x.o, good); diag.CodeOf(err) != diag.MalformedRecord {
		t.Errorf("no message where the column is NOT NULL: %v", err)
	}
}

// Tables and messages that do not fit, and options that name nothing.
func TestRefuses(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "sub")
	os.Mkdir(sub, 0o777)
	for name, text := range map[string]string{
		"order.proto":     `syntax = "proto3"; package shop.v1; option java_multiple_files = true; import "sub/item.proto"; message Order { int64 id = 1; shop.v1.Item item = 2; message Line { int32 n = 1; } }`,
		"sub/item.proto":  `syntax = "proto3"; package shop.v1; message Item { string name = 1; }`,
		"my_orders.proto": `syntax = "proto2"; message MyOrders { optional int32 n = 1; }`,
		"bad.proto":       `syntax = "proto3"; message M { int32 a = 0; }`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	c := protocompile.Compiler{Resolver: &protocompile.SourceResolver{ImportPaths: []string{dir}}}
	files, err := c.Compile(context.Background(), "order.proto", "sub/item.proto")
	if err != nil {
		t.Fatal(err)
	}
	var set descriptorpb.FileDescriptorSet
	for _, f := range files {
		set.File = append(set.File, protodesc.ToFileDescriptorProto(f))
	}
	data, _ := proto.Marshal(&set)
	os.WriteFile(filepath.Join(dir, "set.pb"), data, 0o666)
	set.File = set.File[:1]
	data, _ = proto.Marshal(&set)
	os.WriteFile(filepath.Join(dir, "half.pb"), data, 0o666)
	tab := table(dir)
	id := types.Schema{{Name: "id", Type: types.BigIntT}}
	n := types.Schema{{Name: "n", Type: types.IntT}}
	name := types.Schema{{Name: "name", Type: types.StringT}}
	for _, c := range []struct {
		class, file, set string
		s                types.Schema
		code             diag.Code
	}{
		{"shop.v1.Order", "order.proto", "", id, ""},
		{"shop.v1.Order$Line", "order.proto", "", n, ""},
		{"shop.v1.Order.Line", "", "set.pb", n, ""},
		{"shop.v1.ItemOuterClass$Item", "", "set.pb", name, ""},
		{"shop.v1.Item$Item", "", "set.pb", name, diag.InvalidOption},
		{"MyOrdersOuterClass$MyOrders", "my_orders.proto", "", n, ""},
		{"shop.v1.Nothing", "order.proto", "", id, diag.InvalidOption},
		{"shop.v1.Order", "", "", id, diag.MissingOption},
		{"", "order.proto", "", id, diag.MissingOption},
		{"shop.v1.Order", "order.proto", "set.pb", id, diag.InvalidOption},
		{"shop.v1.Order", "nothing.proto", "", id, diag.InvalidOption},
		{"shop.v1.Order", "", "half.pb", id, diag.InvalidOption},
		{"shop.v1.Order", "", "order.proto", id, diag.InvalidOption},
		{"M", "bad.proto", "", id, diag.InvalidOption},
		{"shop.v1.Order", "order.proto", "", n, diag.SchemaMismatch},
		{"shop.v1.Order", "order.proto", "", types.Schema{{Name: "id", Type: types.IntT}}, diag.SchemaMismatch},
		{"shop.v1.Order", "order.proto", "", types.Schema{{Name: "item", Type: types.StringT}}, diag.SchemaMismatch},
		{"shop.v1.Order", "order.proto", "", types.Schema{{Name: "item", Type: types.RowT(types.Field{Name: "gone", Type: types.IntT})}}, diag.SchemaMismatch},
	} {
		o := connect.Options{}
		for k, v := range map[string]string{"message-class-name": c.class, "schema-file": c.file, "descriptor-file": c.set} {
			if v != "" {
				o[k] = v
			}
		}
		_, err := protobuf.Format.Decoder(c.s, nil, o, tab)
		_, err2 := protobuf.Format.Encoder(c.s, o, tab)
		if diag.CodeOf(err) != c.code || diag.CodeOf(err2) != c.code || (err == nil) != (c.code == "") {
			t.Errorf("%v of %v: %v, %v, want %s", o, c.s, err, err2, cmp.Or(string(c.code), "none"))
		}
	}
}

// Whatever the bytes: protobuf's own library and the plan take and refuse the same, and read
// the same.
func FuzzDecode(f *testing.F) {
	x := syntaxes(f)[1]
	rapid.Check(f, func(rt *rapid.T) {
		if data, err := proto.Marshal(random(rt, x.md, 0)); err == nil && len(data) < 300 {
			f.Add(data)
		}
	})
	f.Add([]byte{0xB8, 0x02, 0x80, 0x10})
	f.Add([]byte{0x30, 0xA7, 0xF4, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}) // a sint32 of more than 32 bits
	f.Fuzz(func(t *testing.T, data []byte) {
		m := dynamicpb.NewMessage(x.md)
		want := proto.Unmarshal(data, m)
		rows, err := decode(t, x.table, x.cols, nil, x.o, data)
		if err != nil && diag.CodeOf(err) != diag.MalformedRecord {
			t.Fatal(err)
		}
		if (err == nil) != (want == nil) && !(err != nil && strings.Contains(err.Error(), "nest more than")) {
			t.Fatalf("% x: %v, and protobuf's library says %v", data, err, want)
		}
		if err == nil {
			if want := naiveRow(x, m, false); rows[0] != want {
				t.Fatalf("% x: got\n%s\nwant\n%s", data, rows[0], want)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bid.proto"), []byte(`syntax = "proto3"; message Bid { int64 auction = 1; int64 bidder = 2; int64 price = 3; string channel = 4; string url = 5; int64 at = 6; string extra = 7; }`), 0o666); err != nil {
		b.Fatal(err)
	}
	s := types.Schema{{Name: "auction", Type: types.BigIntT}, {Name: "bidder", Type: types.BigIntT}, {Name: "price", Type: types.BigIntT}, {Name: "channel", Type: types.StringT},
		{Name: "url", Type: types.StringT}, {Name: "at", Type: types.BigIntT}, {Name: "extra", Type: types.StringT}}
	o := connect.Options{"message-class-name": "Bid", "schema-file": "bid.proto"}
	rows := batch.NewBatchBuilder(s.Types()...)
	for i := range 1000 {
		rows.Row(batch.Insert, 1000+i, 2000+i*7, i*100, "channel-1", "https://www.nexmark.com/item.htm?query=1&channel_id=1", 1_600_000_000_123+i, strings.Repeat("x", 40))
	}
	e, err := protobuf.Format.Encoder(s, o, table(dir))
	if err != nil {
		b.Fatal(err)
	}
	var out connect.Encoded
	if err := connect.EncodeMessages(e, &out, rows.Finish()); err != nil {
		b.Fatal(err)
	}
	var ends []int
	data := bytes.Clone(out.Data)
	at := 0
	for i := range out.Len() {
		at += len(out.Message(i))
		ends = append(ends, at)
	}
	d, err := protobuf.Format.Decoder(s, nil, o, table(dir))
	if err != nil {
		b.Fatal(err)
	}
	var dst batch.Batch
	var m connect.Messages
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		m.Reset()
		for i, end := range ends {
			m.Add(end, i)
		}
		m.Data = data
		dst.Reset()
		if err := connect.DecodeMessages(d, &dst, &m, 1000); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "rows/s")
}
