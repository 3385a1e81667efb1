package avro

import (
	"encoding/binary"
	"math"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// writer writes values of a column as a schema says.
type writer struct {
	n    *node
	typ  types.Type
	null int64     // branch of NULL, -1 if there is none
	some int64     // branch of other values, -1 if n is no union
	kids []*writer // fields, item
	at   []int     // of fields: the column, -1 for NULL
	// div and mul turn ticks of the column into those of the bytes.
	div, mul int64
	path     string
}

// compileWriter plans the writing of columns of type t as n.
func compileWriter(n *node, t types.Type, path string) (*writer, error) {
	w := &writer{n: n, typ: t, null: -1, some: -1, path: path}
	if n.kind == "union" {
		for i, b := range n.union {
			if b.kind == "null" {
				w.null = int64(i)
				continue
			}
			if x, err := compileWriter(b, t, path); err == nil && w.some < 0 {
				null := w.null
				*w = *x
				w.null, w.some = null, int64(i)
			}
		}
		// null may come behind.
		for i, b := range n.union {
			if b.kind == "null" {
				w.null = int64(i)
			}
		}
		if w.some < 0 {
			return nil, diag.New(diag.SchemaMismatch, "no branch of a union in the Avro schema takes column `%s` of type %s", path, t)
		}
		return w, nil
	}
	bad := diag.New(diag.SchemaMismatch, "the Avro schema has %s where column `%s` is %s", n.kind, path, t)
	switch n.kind {
	case "record":
		if t.Kind != types.Row {
			return nil, bad
		}
		return w, w.fields(t.Fields)
	case "array", "map":
		elem := t.Elem
		switch {
		case n.kind == "array" && t.Kind == types.Array, n.kind == "map" && t.Kind == types.Map && t.Key.IsString():
		case n.kind == "map" && t.Kind == types.Multiset && t.Elem.IsString():
			count := types.IntT.Nullable(false)
			elem = &count
		default:
			return nil, bad
		}
		k, err := compileWriter(n.of, *elem, path+"[]")
		w.kids = []*writer{k}
		return w, err
	}
	// What can be read back as it was can be written so.
	p := &plan{n: n, typ: t}
	if !p.fits() || n.kind == "enum" || n.kind == "fixed" || n.kind == "float" && t.Kind == types.Double || t.Kind == types.BigInt && n.kind == "int" {
		return nil, bad
	}
	w.div, w.mul = 1, 1
	if p.out > p.in {
		w.div = p.out / p.in
	} else if p.out > 0 {
		w.mul = p.in / p.out
	}
	return w, nil
}

func (w *writer) fields(cols []types.Field) error {
	for _, f := range w.n.fields {
		at := -1
		for i, c := range cols {
			if c.Name == f.name {
				at = i
			}
		}
		var k *writer
		var err error
		if at >= 0 {
			k, err = compileWriter(f.typ, cols[at].Type, f.name)
		} else if k = nullOnly(f.typ); k == nil {
			err = diag.New(diag.SchemaMismatch, "field '%s' of the Avro schema is no column of the table and cannot be null", f.name)
		}
		if err != nil {
			return err
		}
		w.kids, w.at = append(w.kids, k), append(w.at, at)
	}
	for _, c := range cols {
		found := false
		for _, f := range w.n.fields {
			found = found || f.name == c.Name
		}
		if !found {
			return diag.New(diag.SchemaMismatch, "the Avro schema has no field for column `%s`", c.Name)
		}
	}
	return nil
}

// nullOnly writes NULL for a field that no column has.
func nullOnly(n *node) *writer {
	for i, b := range n.union {
		if b.kind == "null" {
			return &writer{n: n, null: int64(i), some: -1}
		}
	}
	if n.kind == "null" {
		return &writer{n: n, null: -1, some: -1}
	}
	return nil
}

func appendLong(dst []byte, v int64) []byte {
	return binary.AppendUvarint(dst, uint64(v)<<1^uint64(v>>63))
}

// record appends the fields of a row, whose columns are cols.
func (w *writer) record(dst []byte, cols []batch.Col, lane int) ([]byte, error) {
	var err error
	for i, k := range w.kids {
		if w.at[i] < 0 {
			if k.null >= 0 {
				dst = appendLong(dst, k.null)
			}
			continue
		}
		if dst, err = k.value(dst, &cols[w.at[i]], lane); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (w *writer) value(dst []byte, c *batch.Col, lane int) ([]byte, error) {
	if c.IsNull(lane) {
		if w.null < 0 {
			return dst, diag.New(diag.NotNullViolation, "column `%s` is NULL, and its Avro schema has no null", w.path)
		}
		return appendLong(dst, w.null), nil
	}
	if w.some >= 0 {
		dst = appendLong(dst, w.some)
	}
	switch w.n.kind {
	case "record":
		return w.record(dst, c.Kids, c.ValueLane(lane))
	case "array", "map":
		return w.list(dst, c, c.ValueLane(lane))
	case "boolean":
		if c.Bool(c.ValueLane(lane)) {
			return append(dst, 1), nil
		}
		return append(dst, 0), nil
	case "int", "long":
		v := c.Int(lane)
		if w.div > 1 {
			rest := v % w.div
			if v /= w.div; rest < 0 {
				v--
			}
		} else if w.mul > 1 {
			v *= w.mul
		}
		return appendLong(dst, v), nil
	case "float":
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(w.float(c, lane)))), nil
	case "double":
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(w.float(c, lane))), nil
	}
	if w.typ.Kind == types.Decimal {
		return appendDecimal(dst, c, lane), nil
	}
	var scratch [12]byte
	v := c.Bytes(lane, &scratch)
	return append(appendLong(dst, int64(len(v))), v...), nil
}

func (w *writer) float(c *batch.Col, lane int) float64 {
	if w.typ.Kind == types.Float || w.typ.Kind == types.Double {
		return c.Float(lane)
	}
	return float64(c.Int(lane))
}

func (w *writer) list(dst []byte, c *batch.Col, lane int) ([]byte, error) {
	from, to := int(c.Offs[lane]), int(c.Offs[lane+1])
	if to == from {
		return append(dst, 0), nil
	}
	dst = appendLong(dst, int64(to-from))
	items := &c.Kids[len(c.Kids)-1]
	var scratch [12]byte
	var err error
	for i := from; i < to; i++ {
		if w.n.kind == "map" {
			if c.Kids[0].IsNull(i) {
				return dst, diag.New(diag.NotNullViolation, "a key of the MAP `%s` is NULL, which Avro cannot hold", w.path)
			}
			k := c.Kids[0].Bytes(i, &scratch)
			dst = append(appendLong(dst, int64(len(k))), k...)
		}
		if dst, err = w.kids[0].value(dst, items, i); err != nil {
			return dst, err
		}
	}
	return append(dst, 0), nil
}

// appendDecimal writes an unscaled number in as few bytes as hold it.
func appendDecimal(dst []byte, c *batch.Col, lane int) []byte {
	var d batch.Dec
	if c.Type.Phys() == types.PhysI64 {
		d = batch.DecOf(c.Int(lane))
	} else {
		d = c.Dec[c.ValueLane(lane)]
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(d.Hi))
	binary.BigEndian.PutUint64(b[8:], d.Lo)
	i := 0
	for i < 15 && (b[i] == 0 && b[i+1]&0x80 == 0 || b[i] == 0xFF && b[i+1]&0x80 != 0) {
		i++
	}
	return append(appendLong(dst, int64(16-i)), b[i:]...)
}
