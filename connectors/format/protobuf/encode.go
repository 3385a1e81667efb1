package protobuf

import (
	"encoding/binary"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// writer writes a value, or the fields of a message.
type writer struct {
	number protowire.Number
	kind   protoreflect.Kind
	typ    types.Type // of the column, or of the elements of a list
	path   string
	at     int // column in the message's row

	list, packed, isMap bool
	implicit            bool      // the default is as good as nothing
	after               []int     // columns whose value displaces this one: of its oneof, and behind it
	key                 *writer   // of a map
	kids                []*writer // fields by number; of a map the value
	required            []*writer
	first               int32 // number of an enum's first name
	numbers             map[string]int32
	known               map[int32]bool
	null                string // text of NULL in a list
}

// compileWriter plans the writing of rows of a schema as messages.
func compileWriter(m protoreflect.MessageDescriptor, fields []types.Field, null, path string) (*writer, error) {
	w := &writer{kind: protoreflect.MessageKind, path: path}
	for i, f := range fields {
		fd := m.Fields().ByName(protoreflect.Name(f.Name))
		if fd == nil {
			return nil, unknownField(m, path+f.Name)
		}
		k, err := fieldWriter(fd, f.Type, null, path+f.Name)
		if err != nil {
			return nil, err
		}
		k.at = i
		if o := fd.ContainingOneof(); o != nil && !o.IsSynthetic() {
			for j := i + 1; j < len(fields); j++ {
				if o.Fields().ByName(protoreflect.Name(fields[j].Name)) != nil {
					k.after = append(k.after, j)
				}
			}
		}
		w.kids = append(w.kids, k)
	}
	for i := range m.Fields().Len() {
		fd := m.Fields().Get(i)
		if fd.Cardinality() != protoreflect.Required {
			continue
		}
		at := slices.IndexFunc(w.kids, func(k *writer) bool { return k.number == fd.Number() })
		if at < 0 {
			return nil, diag.New(diag.SchemaMismatch, "field %s of the message is required, and no column has it", fd.FullName())
		}
		w.required = append(w.required, w.kids[at])
	}
	slices.SortFunc(w.kids, func(a, b *writer) int { return int(a.number) - int(b.number) })
	return w, nil
}

func fieldWriter(fd protoreflect.FieldDescriptor, t types.Type, null, path string) (*writer, error) {
	w := &writer{number: fd.Number(), kind: fd.Kind(), typ: t, path: path, list: fd.IsList(), isMap: fd.IsMap(), packed: fd.IsPacked(), null: null}
	w.implicit = !fd.HasPresence() && !w.list && !w.isMap
	bad := diag.New(diag.SchemaMismatch, "field %s of the message is %s, and column `%s` is %s", fd.FullName(), describe(fd), path, t)
	if w.isMap {
		if t.Kind != types.Map {
			return nil, bad
		}
		var err error
		if w.key, err = fieldWriter(fd.MapKey(), *t.Key, null, path+"<key>"); err != nil {
			return nil, err
		}
		v, err := fieldWriter(fd.MapValue(), *t.Elem, null, path+"<value>")
		w.key.implicit = false
		if v != nil {
			v.implicit = false
		}
		w.kids = []*writer{v}
		return w, err
	}
	if w.list {
		if t.Kind != types.Array {
			return nil, bad
		}
		w.typ = *t.Elem
	}
	if fd.Message() != nil {
		if w.typ.Kind != types.Row {
			return nil, bad
		}
		m, err := compileWriter(fd.Message(), w.typ.Fields, null, path+".")
		if err != nil {
			return nil, err
		}
		w.kids, w.required = m.kids, m.required
		return w, nil
	}
	if !fits(fd, w.typ) {
		return nil, bad
	}
	if e := fd.Enum(); e != nil {
		w.first, w.numbers, w.known = int32(e.Values().Get(0).Number()), map[string]int32{}, map[int32]bool{}
		for i := range e.Values().Len() {
			v := e.Values().Get(i)
			w.numbers[string(v.Name())], w.known[int32(v.Number())] = int32(v.Number()), true
		}
	}
	return w, nil
}

// record appends the fields of a row, whose columns are cols.
func (w *writer) record(dst []byte, cols []batch.Col, lane int) ([]byte, error) {
	for _, k := range w.required {
		if cols[k.at].IsNull(lane) {
			return dst, diag.New(diag.NotNullViolation, "column `%s` is NULL, and the message requires its field", k.path)
		}
	}
	var err error
fields:
	for _, k := range w.kids {
		c := &cols[k.at]
		if c.IsNull(lane) {
			continue
		}
		for _, later := range k.after {
			if !cols[later].IsNull(lane) {
				continue fields
			}
		}
		switch {
		case k.isMap:
			dst, err = k.entries(dst, c, c.ValueLane(lane))
		case k.list:
			dst, err = k.items(dst, c, c.ValueLane(lane))
		default:
			dst, err = k.field(dst, c, lane)
		}
		if err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// field appends a value with its number in front.
func (w *writer) field(dst []byte, c *batch.Col, lane int) ([]byte, error) {
	from := len(dst)
	switch w.kind {
	case protoreflect.GroupKind:
		dst = protowire.AppendTag(dst, w.number, protowire.StartGroupType)
		dst, err := w.body(dst, c, lane)
		return protowire.AppendTag(dst, w.number, protowire.EndGroupType), err
	case protoreflect.MessageKind:
		dst = protowire.AppendTag(dst, w.number, protowire.BytesType)
		at := len(dst)
		dst, err := w.body(dst, c, lane)
		return lengthBefore(dst, at), err
	}
	dst = protowire.AppendTag(dst, w.number, wireOf(w.kind))
	value := len(dst)
	dst = w.scalar(dst, c, lane)
	if w.implicit && isZero(dst[value:]) {
		return dst[:from], nil
	}
	return dst, nil
}

// isZero says that b are the bytes of a default: 0, or the length of an empty text.
func isZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// lengthBefore puts the length of dst[at:] in front of it.
func lengthBefore(dst []byte, at int) []byte {
	n := len(dst) - at
	size := protowire.SizeVarint(uint64(n))
	for range size {
		dst = append(dst, 0)
	}
	copy(dst[at+size:], dst[at:at+n])
	binary.PutUvarint(dst[at:at+size:at+size], uint64(n))
	return dst
}

func (w *writer) body(dst []byte, c *batch.Col, lane int) ([]byte, error) {
	if c.IsNull(lane) {
		return dst, nil // in a list: the default of a message is an empty one
	}
	return w.record(dst, c.Kids, c.ValueLane(lane))
}

func wireOf(k protoreflect.Kind) protowire.Type {
	switch k {
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return protowire.Fixed32Type
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return protowire.Fixed64Type
	case protoreflect.StringKind, protoreflect.BytesKind:
		return protowire.BytesType
	}
	return protowire.VarintType
}

// scalar appends a value that is no message; NULL as the default of its type.
func (w *writer) scalar(dst []byte, c *batch.Col, lane int) []byte {
	null := c.IsNull(lane)
	switch w.kind {
	case protoreflect.StringKind, protoreflect.BytesKind:
		var scratch [12]byte
		v := []byte(nil)
		if !null {
			v = c.Bytes(lane, &scratch)
		} else if w.kind == protoreflect.StringKind {
			v = []byte(w.null)
		}
		return append(protowire.AppendVarint(dst, uint64(len(v))), v...)
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		v := 0.0
		if !null {
			v = c.Float(lane)
		}
		if w.kind == protoreflect.FloatKind {
			return protowire.AppendFixed32(dst, math.Float32bits(float32(v)))
		}
		return protowire.AppendFixed64(dst, math.Float64bits(v))
	case protoreflect.BoolKind:
		if !null && c.Bool(c.ValueLane(lane)) {
			return append(dst, 1)
		}
		return append(dst, 0)
	case protoreflect.EnumKind:
		return protowire.AppendVarint(dst, uint64(int64(w.enum(c, lane, null))))
	}
	v := int64(0)
	if !null {
		v = c.Int(lane)
	}
	switch w.kind {
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return protowire.AppendVarint(dst, protowire.EncodeZigZag(v))
	case protoreflect.Uint32Kind:
		return protowire.AppendVarint(dst, uint64(uint32(v)))
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return protowire.AppendFixed32(dst, uint32(v))
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return protowire.AppendFixed64(dst, uint64(v))
	}
	return protowire.AppendVarint(dst, uint64(v))
}

// enum is the number of an enum's value. What it does not have is its first one, as in
// Flink.
func (w *writer) enum(c *batch.Col, lane int, null bool) int32 {
	if null {
		return w.first
	}
	if w.typ.IsString() {
		var scratch [12]byte
		if n, ok := w.numbers[string(c.Bytes(lane, &scratch))]; ok {
			return n
		}
		return w.first
	}
	if n := c.Int(lane); int64(int32(n)) == n && w.known[int32(n)] {
		return int32(n)
	}
	return w.first
}

// items appends the elements of a list.
func (w *writer) items(dst []byte, c *batch.Col, lane int) ([]byte, error) {
	from, to := int(c.Offs[lane]), int(c.Offs[lane+1])
	items := &c.Kids[0]
	if w.packed && to > from {
		dst = protowire.AppendTag(dst, w.number, protowire.BytesType)
		at := len(dst)
		for i := from; i < to; i++ {
			dst = w.scalar(dst, items, i)
		}
		return lengthBefore(dst, at), nil
	}
	var err error
	for i := from; i < to; i++ {
		if dst, err = w.field(dst, items, i); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// entries appends the entries of a map.
func (w *writer) entries(dst []byte, c *batch.Col, lane int) ([]byte, error) {
	var err error
	for i := int(c.Offs[lane]); i < int(c.Offs[lane+1]); i++ {
		dst = protowire.AppendTag(dst, w.number, protowire.BytesType)
		at := len(dst)
		if dst, err = w.key.field(dst, &c.Kids[0], i); err != nil {
			return dst, err
		}
		if dst, err = w.kids[0].field(dst, &c.Kids[1], i); err != nil {
			return dst, err
		}
		dst = lengthBefore(dst, at)
	}
	return dst, nil
}
