package avro

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// plan reads a value of one schema into a column, nil to pass over it. It is made once
// for a schema, so that values are only told apart by what their writer may choose.
type plan struct {
	n    *node
	col  *format.Column
	typ  types.Type
	kids []*plan // fields, branches, items
	// in is how many ticks a second has in the bytes, out in the column; 0: no time.
	in, out int64
}

// compile plans the reading of n into a column of type t. seen holds records that are
// being passed over, which may contain themselves.
func compile(n *node, c *format.Column, seen map[*node]*plan, path string) (*plan, error) {
	if c == nil {
		if p := seen[n]; p != nil {
			return p, nil
		}
	}
	p := &plan{n: n, col: c}
	if c != nil {
		p.typ = c.Type
	} else {
		seen[n] = p
	}
	add := func(n *node, c *format.Column, path string) error {
		k, err := compile(n, c, seen, path)
		p.kids = append(p.kids, k)
		return err
	}
	bad := func() error {
		what := n.kind
		if n.logical != "" {
			what += " (" + n.logical + ")"
		}
		return diag.New(diag.SchemaMismatch, "the Avro schema has %s where column `%s` is %s", what, path, c.Type)
	}
	switch n.kind {
	case "union":
		for _, b := range n.union {
			if b.kind == "null" {
				p.kids = append(p.kids, &plan{n: b, col: c})
				continue
			}
			if err := add(b, c, path); err != nil {
				return nil, err
			}
		}
		return p, nil
	case "record":
		if c != nil && c.Type.Kind != types.Row {
			return nil, bad()
		}
		if c != nil {
			if err := p.fields(c.Type.Fields, c.Kids, seen, path+"."); err != nil {
				return nil, err
			}
			return p, nil
		}
		for _, f := range n.fields {
			if err := add(f.typ, nil, ""); err != nil {
				return nil, err
			}
		}
		return p, nil
	case "array":
		if c != nil && c.Type.Kind != types.Array {
			return nil, bad()
		}
		return p, add(n.of, kid(c, 0), path+"[]")
	case "map":
		if c != nil && (c.Type.Kind != types.Map && c.Type.Kind != types.Multiset || !c.Kids[0].Type.IsString()) {
			return nil, bad()
		}
		return p, add(n.of, kid(c, 1), path+"{}")
	}
	if c != nil && !p.fits() {
		return nil, bad()
	}
	return p, nil
}

func kid(c *format.Column, i int) *format.Column {
	if c == nil {
		return nil
	}
	return c.Kids[i]
}

// fields plans the fields of a record in the order in which they are written.
func (p *plan) fields(fields []types.Field, cols []*format.Column, seen map[*node]*plan, path string) error {
	for i, f := range fields {
		found := false
		for _, w := range p.n.fields {
			found = found || w.name == f.Name
		}
		if !found && f.Type.NotNull && cols[i] != nil {
			return diag.New(diag.SchemaMismatch, "the Avro schema has no field for column `%s%s`, which is NOT NULL", path, f.Name)
		}
	}
	for _, w := range p.n.fields {
		var c *format.Column
		for i, f := range fields {
			if f.Name == w.name {
				c = cols[i]
			}
		}
		k, err := compile(w.typ, c, seen, path+w.name)
		if err != nil {
			return err
		}
		p.kids = append(p.kids, k)
	}
	return nil
}

// fits reports that a simple value may become one of the column's type, after Avro's rules
// of resolution.
func (p *plan) fits() bool {
	n, t := p.n, p.typ
	switch t.Kind {
	case types.Boolean:
		return n.kind == "boolean"
	case types.TinyInt, types.SmallInt, types.Int:
		return n.kind == "int"
	case types.BigInt:
		return n.kind == "int" || n.kind == "long"
	case types.Float:
		return n.kind == "int" || n.kind == "long" || n.kind == "float"
	case types.Double:
		return n.kind == "int" || n.kind == "long" || n.kind == "float" || n.kind == "double"
	case types.Date:
		return n.kind == "int"
	case types.Time:
		p.in, p.out = 1000, 1000
		if n.logical == "time-micros" {
			p.in = 1_000_000
		}
		return n.kind == "int" || n.kind == "long"
	case types.Timestamp, types.TimestampLTZ:
		p.out = t.PerSecond()
		switch n.logical {
		case "timestamp-millis", "local-timestamp-millis":
			p.in = 1000
		case "timestamp-micros", "local-timestamp-micros":
			p.in = 1_000_000
		case "timestamp-nanos", "local-timestamp-nanos":
			p.in = 1_000_000_000
		default:
			p.in = min(p.out, 1_000_000)
		}
		return n.kind == "long"
	case types.Decimal:
		return (n.kind == "bytes" || n.kind == "fixed") && n.logical == "decimal" && n.scale == t.Scale
	case types.Binary, types.VarBinary:
		return n.kind == "bytes" || n.kind == "fixed" || n.kind == "string"
	}
	return t.IsString() && (n.kind == "string" || n.kind == "enum" || n.kind == "bytes")
}

// input is a value being read.
type input struct {
	data []byte // of all messages: what views point into
	i    int
	end  int
	why  string // what is wrong
	deep int
}

func (r *input) fail(format string, args ...any) bool {
	if r.why == "" {
		r.why = fmt.Sprintf(format, args...)
	}
	return false
}

func (r *input) long() (int64, bool) {
	v, n := binary.Uvarint(r.data[r.i:r.end])
	if n <= 0 {
		return 0, r.fail("not Avro of its schema: a number is cut off at byte %d", r.i)
	}
	r.i += n
	return int64(v>>1) ^ -int64(v&1), true
}

// bytes passes over n bytes.
func (r *input) bytes(n int64) (from int, ok bool) {
	if n < 0 || n > int64(r.end-r.i) {
		return 0, r.fail("not Avro of its schema: %d bytes are announced and %d are left", n, r.end-r.i)
	}
	from = r.i
	r.i += int(n)
	return from, true
}

// read reads the next value.
func (p *plan) read(r *input) bool {
	c := p.col
	switch p.n.kind {
	case "null":
		if c != nil {
			c.Null()
		}
		return true
	case "union":
		b, ok := r.long()
		if !ok {
			return false
		}
		if b < 0 || b >= int64(len(p.kids)) {
			return r.fail("not Avro of its schema: branch %d of a union of %d", b, len(p.kids))
		}
		return p.kids[b].read(r)
	case "record":
		if r.deep++; r.deep > format.MaxBinaryDepth {
			return r.fail("values nest more than %d deep", format.MaxBinaryDepth)
		}
		for _, k := range p.kids {
			if !k.read(r) {
				return false
			}
		}
		r.deep--
		if c != nil {
			c.EndStruct()
		}
		return true
	case "array", "map":
		return p.readList(r)
	case "boolean":
		from, ok := r.bytes(1)
		if ok && c != nil {
			c.Bool(r.data[from] != 0)
		}
		return ok
	case "int", "long", "enum":
		v, ok := r.long()
		if !ok || c == nil {
			return ok
		}
		return p.whole(r, v)
	case "float":
		from, ok := r.bytes(4)
		if ok && c != nil {
			p.float(float64(math.Float32frombits(binary.LittleEndian.Uint32(r.data[from:]))))
		}
		return ok
	case "double":
		from, ok := r.bytes(8)
		if ok && c != nil {
			p.float(math.Float64frombits(binary.LittleEndian.Uint64(r.data[from:])))
		}
		return ok
	}
	n := int64(p.n.size)
	if p.n.kind != "fixed" {
		var ok bool
		if n, ok = r.long(); !ok {
			return false
		}
	}
	from, ok := r.bytes(n)
	if !ok || c == nil {
		return ok
	}
	v := r.data[from:r.i]
	switch {
	case p.typ.Kind == types.Decimal:
		d, ok := decimal(v)
		if !ok {
			return r.fail("a decimal of %d bytes does not fit %s", len(v), p.typ)
		}
		c.Dec(d)
	case p.typ.IsString() && !utf8.Valid(v):
		return r.fail("text is not UTF-8")
	default:
		c.Ref(from, r.i)
	}
	return true
}

// whole puts a whole number, or a symbol.
func (p *plan) whole(r *input, v int64) bool {
	c := p.col
	if p.n.kind == "enum" {
		if v < 0 || v >= int64(len(p.n.symbols)) {
			return r.fail("not Avro of its schema: symbol %d of %d", v, len(p.n.symbols))
		}
		c.Bytes([]byte(p.n.symbols[v]))
		return true
	}
	if p.out != 0 && p.in != p.out {
		if p.in < p.out {
			f := p.out / p.in
			if v > math.MaxInt64/f || v < math.MinInt64/f {
				return r.fail("time %d is out of range of %s", v, p.typ)
			}
			v *= f
		} else {
			f := p.in / p.out
			rest := v % f
			v /= f
			if rest < 0 {
				v--
			}
		}
	}
	switch p.typ.Kind {
	case types.TinyInt:
		if int64(int8(v)) != v {
			return r.fail("%d is out of range of TINYINT", v)
		}
		c.I8(int8(v))
	case types.SmallInt:
		if int64(int16(v)) != v {
			return r.fail("%d is out of range of SMALLINT", v)
		}
		c.I16(int16(v))
	case types.Int, types.Date, types.Time:
		if int64(int32(v)) != v {
			return r.fail("%d is out of range of %s", v, p.typ)
		}
		c.I32(int32(v))
	case types.Float, types.Double:
		p.float(float64(v))
	default:
		c.I64(v)
	}
	return true
}

func (p *plan) float(v float64) {
	if p.typ.Kind == types.Float {
		p.col.F32(float32(v))
		return
	}
	p.col.F64(v)
}

// decimal reads an unscaled number, big endian in two's complement.
func decimal(v []byte) (batch.Dec, bool) {
	var d batch.Dec
	if len(v) > 0 && v[0]&0x80 != 0 {
		d = batch.Dec{Hi: -1, Lo: math.MaxUint64}
	}
	for len(v) > 16 {
		if v[0] != byte(d.Hi) {
			return d, false
		}
		v = v[1:]
	}
	for _, b := range v {
		d.Hi = d.Hi<<8 | int64(d.Lo>>56)
		d.Lo = d.Lo<<8 | uint64(b)
	}
	return d, true
}

// readList reads the blocks of an array or a map.
func (p *plan) readList(r *input) bool {
	c, total := p.col, int64(0)
	if r.deep++; r.deep > format.MaxBinaryDepth {
		return r.fail("values nest more than %d deep", format.MaxBinaryDepth)
	}
	for {
		n, ok := r.long()
		if !ok {
			return false
		}
		if n == 0 {
			break
		}
		if n < 0 {
			if _, ok := r.long(); !ok { // bytes of the block
				return false
			}
			n = -n
		}
		// Items of no bytes at all could be any number.
		if total += n; n < 0 || total > format.MaxRecord {
			return r.fail("a list of %d items", total)
		}
		for range n {
			if p.n.kind == "map" {
				size, ok := r.long()
				if !ok {
					return false
				}
				from, ok := r.bytes(size)
				if !ok {
					return false
				}
				if c != nil {
					c.Kids[0].Ref(from, r.i)
				}
			}
			if !p.kids[0].read(r) {
				return false
			}
		}
	}
	r.deep--
	if c != nil {
		c.EndList()
	}
	return true
}
