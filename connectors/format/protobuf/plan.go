package protobuf

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// message reads a message into the columns of a row. One plan stands for one place of the
// table's type, so it keeps what belongs to the message being read.
type message struct {
	fields []*field         // with columns, in their order
	small  []*field         // by number, below smallMax
	large  map[int64]*field // by number
	reset  []*field         // those that keep more than a value in their column
}

const smallMax = 256

// form is how values of a field lie in the bytes.
type form uint8

const (
	formVarint form = iota
	formZigzag
	formFixed32
	formFixed64
	formBool
	formFloat
	formDouble
	formString
	formBytes
	formEnum
	formMessage
	formNone // not read: the field only takes others out of its oneof
)

// field reads one field.
type field struct {
	number int64
	form   form
	wire   protowire.Type
	group  bool // a message in proto2's older form
	name   string

	col   *format.Column // of the field
	item  *format.Column // of one value: col, or the elements of a list
	list  bool
	isMap bool
	small bool // a simple value of 32 bits or less: see put

	msg     *message // of a message, or of an entry of a map
	names   map[int32][]byte
	closed  bool // values that an enum does not have are not there
	others  []*field
	useful  bool // absent: put the default, not NULL
	notNull bool

	defInt   int64
	defFloat float64
	defBytes []byte

	// Of the message being read: how many elements the list had before; where the only piece
	// of a message lies, to < 0 if there is none; several pieces put together; and where the
	// entries of a map lie.
	start    int
	from, to int
	pieces   bool
	buf      []byte
	entries  []entry
	seen     map[mapKey]int
}

// entry is where an entry of a map lies.
type entry struct{ from, to int }

// mapKey is a key of a map: a number, or bytes, which are those of the message.
type mapKey struct {
	number uint64
	text   string
}

// compile plans the reading of messages into the columns of a schema.
func compile(m protoreflect.MessageDescriptor, s types.Schema, cols []*format.Column, defaults bool) (*message, error) {
	c := compiler{defaults: defaults, proto3: m.ParentFile().Syntax() == protoreflect.Proto3}
	return c.message(m, s, cols, "")
}

type compiler struct {
	defaults bool // as read-default-values
	proto3   bool // of the file of the outermost message: simple values have no absence
}

func (c *compiler) message(m protoreflect.MessageDescriptor, fields []types.Field, cols []*format.Column, path string) (*message, error) {
	p := &message{}
	byOneof := map[protoreflect.OneofDescriptor][]*field{}
	for i, f := range fields {
		fd := m.Fields().ByName(protoreflect.Name(f.Name))
		if fd == nil {
			return nil, unknownField(m, path+f.Name)
		}
		k, err := c.field(fd, f.Type, cols[i], path+f.Name)
		if err != nil {
			return nil, err
		}
		if cols[i] == nil {
			continue
		}
		p.fields = append(p.fields, k)
		p.add(k)
		if o := fd.ContainingOneof(); o != nil && !o.IsSynthetic() {
			byOneof[o] = append(byOneof[o], k)
		}
	}
	for o, members := range byOneof {
		for i := range o.Fields().Len() {
			n := int64(o.Fields().Get(i).Number())
			k := p.find(n)
			if k == nil {
				k = &field{number: n, form: formNone}
				p.add(k)
			}
			for _, other := range members {
				if other != k {
					k.others = append(k.others, other)
				}
			}
		}
	}
	return p, nil
}

func unknownField(m protoreflect.MessageDescriptor, path string) error {
	return diag.New(diag.SchemaMismatch, "message %s has no field for column `%s`", m.FullName(), path)
}

func (p *message) add(k *field) {
	if k.col != nil && (k.list || k.form == formMessage) {
		p.reset = append(p.reset, k)
	}
	if k.number < smallMax {
		for int64(len(p.small)) <= k.number {
			p.small = append(p.small, nil)
		}
		p.small[k.number] = k
		return
	}
	if p.large == nil {
		p.large = map[int64]*field{}
	}
	p.large[k.number] = k
}

func (p *message) find(n int64) *field {
	if n < int64(len(p.small)) {
		return p.small[n]
	}
	return p.large[n]
}

// field plans one field. Without a column it only checks the type.
func (c *compiler) field(fd protoreflect.FieldDescriptor, t types.Type, col *format.Column, path string) (*field, error) {
	k := &field{number: int64(fd.Number()), name: path, col: col, item: col, notNull: t.NotNull, list: fd.IsList(), isMap: fd.IsMap(), useful: c.defaults}
	bad := func() error {
		return diag.New(diag.SchemaMismatch, "field %s of the message is %s, and column `%s` is %s", fd.FullName(), describe(fd), path, t)
	}
	elem := t
	if k.list {
		if t.Kind != types.Array {
			return nil, bad()
		}
		elem = *t.Elem
		if col != nil {
			k.item = col.Kids[0]
		}
	}
	switch {
	case k.isMap:
		if t.Kind != types.Map {
			return nil, bad()
		}
		return k, c.entry(k, fd, t, path)
	case fd.Message() != nil:
		if elem.Kind != types.Row {
			return nil, bad()
		}
		kids := make([]*format.Column, len(elem.Fields))
		if k.item != nil {
			kids = k.item.Kids
		}
		k.form, k.wire, k.group = formMessage, protowire.BytesType, fd.Kind() == protoreflect.GroupKind
		if k.group {
			k.wire = protowire.StartGroupType
		}
		var err error
		k.msg, err = c.message(fd.Message(), elem.Fields, kids, path+".")
		return k, err
	}
	if !fits(fd, elem) {
		return nil, bad()
	}
	k.useful = c.defaults || c.proto3 && !k.list
	k.simple(fd)
	return k, nil
}

// entry plans the entries of a map, which are messages with a key and a value.
func (c *compiler) entry(k *field, fd protoreflect.FieldDescriptor, t types.Type, path string) error {
	k.form, k.wire, k.msg = formMessage, protowire.BytesType, &message{}
	for i, part := range []protoreflect.FieldDescriptor{fd.MapKey(), fd.MapValue()} {
		var col *format.Column
		if k.col != nil {
			col = k.col.Kids[i]
			k.item = k.col.Kids[0]
		}
		p, err := c.field(part, []types.Type{*t.Key, *t.Elem}[i], col, path+[]string{"<key>", "<value>"}[i])
		if err != nil {
			return err
		}
		p.useful, p.notNull = true, false // neither can be absent
		k.msg.fields = append(k.msg.fields, p)
		k.msg.add(p)
	}
	return nil
}

// fits says whether Flink lets a simple value become one of type t.
func fits(fd protoreflect.FieldDescriptor, t types.Type) bool {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return t.Kind == types.Boolean
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Uint32Kind, protoreflect.Sfixed32Kind, protoreflect.Fixed32Kind:
		return t.Kind == types.Int
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Uint64Kind, protoreflect.Sfixed64Kind, protoreflect.Fixed64Kind:
		return t.Kind == types.BigInt
	case protoreflect.FloatKind:
		return t.Kind == types.Float
	case protoreflect.DoubleKind:
		return t.Kind == types.Double
	case protoreflect.StringKind:
		return t.IsString()
	case protoreflect.BytesKind:
		return t.Kind == types.Binary || t.Kind == types.VarBinary
	case protoreflect.EnumKind:
		return t.IsString() || t.Kind == types.TinyInt || t.Kind == types.SmallInt || t.Kind == types.Int || t.Kind == types.BigInt
	}
	return false
}

func describe(fd protoreflect.FieldDescriptor) string {
	what := fd.Kind().String()
	if fd.Message() != nil {
		what = "message " + string(fd.Message().FullName())
	}
	switch {
	case fd.IsMap():
		return "a map"
	case fd.IsList():
		return "repeated " + what
	}
	return what
}

// simple plans a value that is no message.
func (k *field) simple(fd protoreflect.FieldDescriptor) {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		k.form = formBool
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		k.form = formZigzag
	case protoreflect.Sfixed32Kind, protoreflect.Fixed32Kind:
		k.form = formFixed32
	case protoreflect.Sfixed64Kind, protoreflect.Fixed64Kind:
		k.form = formFixed64
	case protoreflect.FloatKind:
		k.form = formFloat
	case protoreflect.DoubleKind:
		k.form = formDouble
	case protoreflect.StringKind:
		k.form = formString
	case protoreflect.BytesKind:
		k.form = formBytes
	case protoreflect.EnumKind:
		k.form = formEnum
		values := fd.Enum().Values()
		k.names = map[int32][]byte{}
		for i := values.Len() - 1; i >= 0; i-- { // of several names the first one counts
			k.names[int32(values.Get(i).Number())] = []byte(values.Get(i).Name())
		}
		k.closed = fd.Enum().IsClosed()
	default:
		k.form = formVarint
	}
	k.wire = wireOf(fd.Kind())
	if k.item != nil {
		k.small = k.item.Type.Phys() == types.PhysI32
	}
	if fd.IsList() {
		return
	}
	switch v := fd.Default().Interface().(type) {
	case bool:
		if v {
			k.defInt = 1
		}
	case int32:
		k.defInt = int64(v)
	case int64:
		k.defInt = v
	case uint32:
		k.defInt = int64(v)
	case uint64:
		k.defInt = int64(v)
	case protoreflect.EnumNumber:
		k.defInt = int64(v)
	case float32:
		k.defFloat = float64(v)
	case float64:
		k.defFloat = v
	case string:
		k.defBytes = []byte(v)
	case []byte:
		k.defBytes = v
	}
}

// whole puts a whole number.
func (k *field) whole(r *input, v int64) bool {
	c := k.item
	if k.small {
		c.I32(int32(v))
		return true
	}
	switch {
	case k.form == formBool:
		c.Bool(v != 0)
	case k.form == formEnum && c.Type.IsString():
		name := k.names[int32(v)]
		if name == nil {
			name = unrecognized
		}
		c.Bytes(name)
	case c.Type.Kind == types.TinyInt:
		if v < math.MinInt8 || v > math.MaxInt8 {
			return r.fail("number %d of an enum is out of range of column `%s`, a TINYINT", v, k.name)
		}
		c.I8(int8(v))
	case c.Type.Kind == types.SmallInt:
		if v < math.MinInt16 || v > math.MaxInt16 {
			return r.fail("number %d of an enum is out of range of column `%s`, a SMALLINT", v, k.name)
		}
		c.I16(int16(v))
	default:
		c.I64(v)
	}
	return true
}

// unrecognized is what Java calls a number that an open enum has no name for.
var unrecognized = []byte("UNRECOGNIZED")

// missing puts the default of a simple value.
func (k *field) missing(r *input) bool {
	switch k.form {
	case formFloat:
		k.item.F32(float32(k.defFloat))
	case formDouble:
		k.item.F64(k.defFloat)
	case formString, formBytes:
		k.item.Bytes(k.defBytes)
	default:
		return k.whole(r, k.defInt)
	}
	return true
}
