package python

import (
	"encoding/binary"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/minkstream/mink/connectors/udf"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// Columns on the wire, as lib/columns.py describes them: a byte that says whether there
// are NULLs, a byte a value if there are, then the values by type. Integers and floats
// lie as in memory, little endian; timestamps are microseconds; text, bytes and
// decimals (as text) are offsets and bytes; lists are offsets and the columns of their
// elements; rows are the columns of their fields.

// Where a function was opened with Arrow the columns are one record batch instead:
// arrow.go.

// encoder writes columns.
type encoder struct {
	b     []byte
	arrow bool
	err   error // what cannot be written
	flat  []batch.Col
}

func (e *encoder) u32(v uint32) { e.b = binary.LittleEndian.AppendUint32(e.b, v) }

func (e *encoder) flag(v bool) {
	if v {
		e.b = append(e.b, 1)
		return
	}
	e.b = append(e.b, 0)
}

// columns writes the values of columns at lanes.
func (e *encoder) columns(cols []*batch.Col, lanes []uint32) {
	if len(cols) == 0 {
		return
	}
	if e.arrow {
		e.record(cols, lanes)
		return
	}
	for _, c := range cols {
		e.column(c, lanes)
	}
}

// bytes writes a column of bytes, after their number; nil is NULL.
func (e *encoder) bytes(list [][]byte) {
	e.u32(uint32(len(list)))
	e.b = append(e.b, 1)
	for _, b := range list {
		e.flag(b == nil)
	}
	end := uint32(0)
	e.u32(end)
	for _, b := range list {
		end += uint32(len(b))
		e.u32(end)
	}
	for _, b := range list {
		e.b = append(e.b, b...)
	}
}

// column writes the values of c at lanes.
func (e *encoder) column(c *batch.Col, lanes []uint32) {
	if c.Enc == batch.Const {
		zero := make([]uint32, len(lanes))
		flat := *c
		flat.Enc = batch.Flat
		e.column(&flat, zero)
		return
	}
	if c.Enc == batch.Sparse {
		n := 0
		for _, l := range lanes {
			n = max(n, int(l)+1)
		}
		var flat batch.Col
		flat.Dense(c, n)
		c = &flat
	}
	e.nulls(c, lanes)
	switch t := c.Type; t.Phys() {
	case types.PhysBool, types.PhysI8, types.PhysI16, types.PhysI32, types.PhysF32, types.PhysF64:
		e.b = udf.AppendFixed(e.b, c, lanes)
	case types.PhysI64:
		switch {
		case t.Kind == types.Decimal:
			e.decimals(c, lanes, func(l uint32) *big.Int { return big.NewInt(c.I64[l]) })
		case t.Kind == types.Timestamp || t.Kind == types.TimestampLTZ:
			e.b = slices.Grow(e.b, 8*len(lanes))
			for per, i := t.PerSecond(), 0; i < len(lanes); i++ {
				e.b = binary.LittleEndian.AppendUint64(e.b, uint64(micros(c.I64[lanes[i]], per)))
			}
		default:
			e.b = udf.AppendFixed(e.b, c, lanes)
		}
	case types.PhysDec:
		e.decimals(c, lanes, func(l uint32) *big.Int { return bigOf(c.Dec[l]) })
	case types.PhysBytes:
		s := kernel.StrsOf(c)
		e.texts(lanes, func(b []byte, l uint32) []byte {
			if c.IsNull(int(l)) {
				return b
			}
			return append(b, s.At(int(l))...)
		})
	case types.PhysList:
		kids := make([]uint32, 0, len(lanes))
		e.u32(0)
		for _, l := range lanes {
			if !c.IsNull(int(l)) {
				for k := c.Offs[l]; k < c.Offs[l+1]; k++ {
					kids = append(kids, k)
				}
			}
			e.u32(uint32(len(kids)))
		}
		for i := range c.Kids {
			e.column(&c.Kids[i], kids)
		}
	case types.PhysRow:
		for i := range c.Kids {
			e.column(&c.Kids[i], lanes)
		}
	}
}

func (e *encoder) nulls(c *batch.Col, lanes []uint32) {
	if c.Nulls == nil && c.Type.Kind != types.Null {
		e.b = append(e.b, 0)
		return
	}
	at := len(e.b)
	e.b = append(e.b, 1)
	some := byte(0)
	for _, l := range lanes {
		v := byte(0)
		if c.IsNull(int(l)) {
			v = 1
		}
		some |= v
		e.b = append(e.b, v)
	}
	if some == 0 {
		e.b = append(e.b[:at], 0)
	}
}

// texts writes offsets, then what add appends for each lane.
func (e *encoder) texts(lanes []uint32, add func(b []byte, l uint32) []byte) {
	e.b, _ = udf.AppendTexts(e.b, lanes, 1, add)
}

func (e *encoder) decimals(c *batch.Col, lanes []uint32, at func(l uint32) *big.Int) {
	e.texts(lanes, func(b []byte, l uint32) []byte {
		if c.IsNull(int(l)) {
			return b
		}
		return appendDecimal(b, at(l), c.Type.Scale)
	})
}

// appendDecimal writes an unscaled value with its point.
func appendDecimal(b []byte, v *big.Int, scale int) []byte {
	s := v.String()
	if s[0] == '-' {
		b, s = append(b, '-'), s[1:]
	}
	if scale == 0 {
		return append(b, s...)
	}
	if len(s) <= scale {
		s = strings.Repeat("0", scale+1-len(s)) + s
	}
	b = append(b, s[:len(s)-scale]...)
	return append(append(b, '.'), s[len(s)-scale:]...)
}

func bigOf(d batch.Dec) *big.Int {
	v := big.NewInt(d.Hi)
	return v.Lsh(v, 64).Add(v, new(big.Int).SetUint64(d.Lo))
}

// micros brings ticks to microseconds, rounding down; ticks is its reverse.
func micros(v, per int64) int64 {
	switch {
	case per < 1_000_000:
		return v * (1_000_000 / per)
	case per > 1_000_000:
		d := per / 1_000_000
		return (v - ((v%d)+d)%d) / d
	}
	return v
}

func ticks(us, per int64) int64 {
	switch {
	case per < 1_000_000:
		d := 1_000_000 / per
		return (us - ((us%d)+d)%d) / d
	case per > 1_000_000:
		return us * (per / 1_000_000)
	}
	return us
}

// decoder reads columns; bad is set when the bytes are not well formed.
type decoder struct {
	b     []byte
	arrow bool
	bad   bool
}

// columns reads columns of n values of the types.
func (d *decoder) columns(ts []types.Type, n int) ([]batch.Col, error) {
	if d.arrow {
		return d.record(ts, n)
	}
	cols := make([]batch.Col, len(ts))
	for i, t := range ts {
		b := batch.NewBuilder(t)
		if err := d.column(b, n); err != nil {
			return nil, err
		}
		cols[i] = b.Finish()
	}
	return cols, nil
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.bad, d.b = true, nil
		return nil
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) u32() uint32 {
	if v := d.take(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}

// column reads n values and appends them to out.
func (d *decoder) column(out *batch.Builder, n int) error {
	var nulls []byte
	if h := d.take(1); h != nil && h[0] != 0 {
		nulls = d.take(n)
	}
	t := out.Type()
	isNull := func(i int) bool { return nulls != nil && nulls[i] != 0 }
	each := func(width int, put func(v []byte) error) error {
		data := d.take(n * width)
		if d.bad {
			return errFrame
		}
		for i := range n {
			if isNull(i) {
				out.AppendNull()
			} else if err := put(data[i*width:]); err != nil {
				return laneError(err, i)
			}
		}
		return nil
	}
	le := binary.LittleEndian
	switch t.Phys() {
	case types.PhysBool:
		return each(1, func(v []byte) error { out.AppendBool(v[0] != 0); return nil })
	case types.PhysI8:
		return each(1, func(v []byte) error { out.AppendInt(int64(int8(v[0]))); return nil })
	case types.PhysI16:
		return each(2, func(v []byte) error { out.AppendInt(int64(int16(le.Uint16(v)))); return nil })
	case types.PhysI32:
		return each(4, func(v []byte) error { out.AppendInt(int64(int32(le.Uint32(v)))); return nil })
	case types.PhysF32:
		return each(4, func(v []byte) error { out.AppendFloat(float64(math.Float32frombits(le.Uint32(v)))); return nil })
	case types.PhysF64:
		return each(8, func(v []byte) error { out.AppendFloat(math.Float64frombits(le.Uint64(v))); return nil })
	case types.PhysI64, types.PhysDec:
		switch t.Kind {
		case types.Decimal:
			return d.texts(out, n, isNull, func(v []byte) error { return putDecimal(out, string(v)) })
		case types.Timestamp, types.TimestampLTZ:
			per := t.PerSecond()
			return each(8, func(v []byte) error { out.AppendInt(ticks(int64(le.Uint64(v)), per)); return nil })
		}
		return each(8, func(v []byte) error { out.AppendInt(int64(le.Uint64(v))); return nil })
	case types.PhysBytes:
		return d.texts(out, n, isNull, func(v []byte) error { out.AppendBytes(fit(v, t)); return nil })
	case types.PhysList:
		offs := d.offsets(n)
		if d.bad {
			return errFrame
		}
		kids := make([]batch.Col, 0, 2)
		for i := range kidCount(t) {
			k := batch.NewBuilder(batch.KidType(t, i))
			if err := d.column(k, int(offs[n])); err != nil {
				return owner(err, offs)
			}
			kids = append(kids, k.Finish())
		}
		for i := range n {
			if isNull(i) {
				out.AppendNull()
				continue
			}
			for k := range kids {
				for j := offs[i]; j < offs[i+1]; j++ {
					out.Kid(k).Append(&kids[k], int(j))
				}
			}
			out.EndList()
		}
		return nil
	case types.PhysRow:
		kids := make([]batch.Col, 0, len(t.Fields))
		for _, f := range t.Fields {
			k := batch.NewBuilder(f.Type)
			if err := d.column(k, n); err != nil {
				return err
			}
			kids = append(kids, k.Finish())
		}
		for i := range n {
			if isNull(i) {
				out.AppendNull()
				continue
			}
			for k := range kids {
				out.Kid(k).Append(&kids[k], i)
			}
			out.EndRow()
		}
		return nil
	}
	return errFrame
}

func kidCount(t types.Type) int {
	if t.Kind == types.Map || t.Kind == types.Multiset {
		return 2
	}
	return 1
}

// owner moves the error of an element to the value it is in.
func owner(err error, offs []uint32) error {
	if le, ok := err.(*batch.LaneError); ok {
		for i := range len(offs) - 1 {
			if le.Lane >= int(offs[i]) && le.Lane < int(offs[i+1]) {
				return &batch.LaneError{Lane: i, Err: le.Err}
			}
		}
	}
	return err
}

func (d *decoder) offsets(n int) []uint32 {
	raw := d.take(4 * (n + 1))
	if d.bad {
		return nil
	}
	offs := make([]uint32, n+1)
	for i := range offs {
		offs[i] = binary.LittleEndian.Uint32(raw[4*i:])
		if i > 0 && offs[i] < offs[i-1] {
			d.bad = true
			return nil
		}
	}
	return offs
}

func (d *decoder) texts(out *batch.Builder, n int, isNull func(int) bool, put func(v []byte) error) error {
	offs := d.offsets(n)
	if d.bad {
		return errFrame
	}
	data := d.take(int(offs[n]))
	if d.bad {
		return errFrame
	}
	for i := range n {
		if isNull(i) {
			out.AppendNull()
		} else if err := put(data[offs[i]:offs[i+1]]); err != nil {
			return laneError(err, i)
		}
	}
	return nil
}

func laneError(err error, lane int) error {
	if e := diag.As(err); e != nil {
		return &batch.LaneError{Lane: lane, Err: e}
	}
	return err
}

// putDecimal appends a decimal, rounded half up to its scale; one that does not fit is
// an error.
func putDecimal(out *batch.Builder, s string) error {
	t := out.Type()
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return diag.New(diag.UserFunction, "the result %s is no %s", s, t.Nullable(true))
	}
	num := new(big.Int).Mul(r.Num(), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Scale)), nil))
	twice := new(big.Int).Lsh(new(big.Int).Abs(num), 1)
	twice.Add(twice, r.Denom())
	v := twice.Quo(twice, new(big.Int).Lsh(r.Denom(), 1))
	if v.Cmp(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Prec)), nil)) >= 0 {
		return diag.New(diag.UserFunction, "the result %s does not fit %s", s, t.Nullable(true))
	}
	if num.Sign() < 0 {
		v.Neg(v)
	}
	hi := new(big.Int).Rsh(v, 64)
	lo := new(big.Int).And(v, new(big.Int).SetUint64(math.MaxUint64))
	out.AppendDec(batch.Dec{Hi: hi.Int64(), Lo: lo.Uint64()})
	return nil
}

// fit cuts text and bytes to the length of their type, and pads those of fixed length.
func fit(v []byte, t types.Type) []byte {
	if t.Prec >= types.MaxLength {
		return v
	}
	switch t.Kind {
	case types.Char, types.VarChar:
		n := 0
		for i := range string(v) {
			if n == t.Prec {
				v = v[:i]
				break
			}
			n++
		}
		if t.Kind == types.Char && n < t.Prec {
			v = append(append([]byte(nil), v...), strings.Repeat(" ", t.Prec-n)...)
		}
	case types.Binary, types.VarBinary:
		if len(v) > t.Prec {
			v = v[:t.Prec]
		}
		if t.Kind == types.Binary && len(v) < t.Prec {
			v = append(append([]byte(nil), v...), make([]byte, t.Prec-len(v))...)
		}
	}
	return v
}

// wireType is a type as the worker knows it.
type wireType struct {
	Kind   string      `json:"k"`
	Text   string      `json:"s"`
	Elem   *wireType   `json:"e,omitempty"`
	Key    *wireType   `json:"key,omitempty"`
	Fields []*wireType `json:"f,omitempty"`
	Names  []string    `json:"n,omitempty"`
}

var wireNames = map[types.Kind]string{
	types.Boolean: "BOOLEAN", types.TinyInt: "TINYINT", types.SmallInt: "SMALLINT", types.Int: "INT", types.BigInt: "BIGINT",
	types.Float: "FLOAT", types.Double: "DOUBLE", types.Decimal: "DECIMAL", types.Char: "CHAR", types.VarChar: "VARCHAR",
	types.Binary: "BINARY", types.VarBinary: "VARBINARY", types.Date: "DATE", types.Time: "TIME", types.Timestamp: "TIMESTAMP",
	types.TimestampLTZ: "TIMESTAMP_LTZ", types.Array: "ARRAY", types.Map: "MAP", types.Row: "ROW", types.Multiset: "MULTISET",
	types.IntervalYM: "INTERVAL_YM", types.IntervalDT: "INTERVAL_DT",
}

// wire is the form of a type on the wire, or an error for one that Python has no values
// of.
func wire(t types.Type) (*wireType, error) {
	w := &wireType{Kind: wireNames[t.Kind], Text: t.Nullable(true).String()}
	if w.Kind == "" {
		return nil, diag.New(diag.TypeMismatch, "a Python function takes and gives no %s", w.Text).WithHint("CAST it to a type such as STRING")
	}
	var err error
	switch t.Kind {
	case types.Array:
		w.Elem, err = wire(*t.Elem)
	case types.Map:
		if w.Key, err = wire(*t.Key); err == nil {
			w.Elem, err = wire(*t.Elem)
		}
	case types.Multiset:
		if w.Key, err = wire(*t.Elem); err == nil {
			w.Elem, err = wire(types.IntT)
		}
	case types.Row:
		w.Fields, w.Names = []*wireType{}, []string{}
		for _, f := range t.Fields {
			k, err := wire(f.Type)
			if err != nil {
				return nil, err
			}
			w.Fields, w.Names = append(w.Fields, k), append(w.Names, f.Name)
		}
	}
	return w, err
}

func wires(ts []types.Type) ([]*wireType, error) {
	out := make([]*wireType, len(ts))
	for i, t := range ts {
		w, err := wire(t)
		if err != nil {
			return nil, err
		}
		out[i] = w
	}
	return out, nil
}

var errFrame = diag.New(diag.Internal, "the Python worker sent what cannot be read")

var _ function.Runtime = (*Runtime)(nil)
