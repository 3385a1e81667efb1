package wasm

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// A call lays its columns into one piece of the module's memory, got by mink_alloc:
//
//	columns  16 bytes for each argument and one for the result:
//	         values, bytes, nulls (addresses), type (see typeCode)
//	data     for each argument and the result, each part at a multiple of 8:
//	         nulls, a byte a row; values, or n+1 offsets; bytes of text
//
// The function is called with the address of the columns and the number of rows.
const columnBytes = 16

// call is one instance of a module and what a kernel keeps between batches.
type call struct {
	m            *module
	name, export string
	params       []types.Type
	result       types.Type
	timeout      time.Duration

	inst         api.Module
	fn           api.Function
	alloc, reset api.Function
	lanes        []uint32
	buf          []byte
	stack        [2]uint64
}

// typeCode is the number of a type in a column's description; width is that of a value
// in bytes, 4 for the offsets of text and bytes, 0 for types that have no form.
func typeCode(t types.Type) (code uint32, w int) {
	switch t.Kind {
	case types.Boolean:
		return 1, 1
	case types.TinyInt:
		return 2, 1
	case types.SmallInt:
		return 3, 2
	case types.Int:
		return 4, 4
	case types.BigInt:
		return 5, 8
	case types.Float:
		return 6, 4
	case types.Double:
		return 7, 8
	case types.Decimal:
		if t.Prec <= 18 {
			return 8, 8
		}
	case types.Date:
		return 9, 4
	case types.Time:
		return 10, 4
	case types.Timestamp:
		return 11, 8
	case types.TimestampLTZ:
		return 12, 8
	case types.Char, types.VarChar:
		return 13, 4
	case types.Binary, types.VarBinary:
		return 14, 4
	}
	return 0, 0
}

func width(t types.Type) int {
	_, w := typeCode(t)
	return w
}

// open makes the instance.
func (c *call) open(ctx context.Context) error {
	inst, err := c.m.rt.InstantiateModule(ctx, c.m.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return c.failed(ctx, err)
	}
	c.inst, c.fn, c.alloc, c.reset = inst, inst.ExportedFunction(c.export), inst.ExportedFunction(exportAlloc), inst.ExportedFunction(exportReset)
	return nil
}

// run is the kernel.
func (c *call) run(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	ctx := context.Background()
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	if c.inst == nil || c.inst.IsClosed() {
		if err := c.open(ctx); err != nil {
			return err
		}
	}
	c.lanes = c.lanes[:0]
	for l := range kernel.Lanes(n, live) {
		c.lanes = append(c.lanes, uint32(l))
	}
	if len(c.lanes) == 0 {
		if dst.Views != nil {
			clear(dst.Views)
		}
		return nil
	}
	at, cols, err := c.write(ctx, args)
	if err != nil {
		return err
	}
	c.stack[0], c.stack[1] = uint64(at), uint64(len(c.lanes))
	if err := c.fn.CallWithStack(ctx, c.stack[:]); err != nil {
		return c.failed(ctx, err)
	}
	if row := uint32(c.stack[0]); row != 0 {
		if int(row) > len(c.lanes) {
			return diag.New(diag.UserFunction, "%s gave %d, which is the number of no row", c.name, row)
		}
		return batch.FailLane(int(c.lanes[row-1]), diag.UserFunction, "%s failed", c.name)
	}
	return c.read(f, dst, n, at+uint32(cols*columnBytes))
}

// failed is the error of a trap, a limit or a closed instance.
func (c *call) failed(ctx context.Context, err error) error {
	if c.inst != nil {
		_ = c.inst.Close(context.Background())
		c.inst = nil
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return diag.New(diag.UserFunction, "%s took longer than %s", c.name, c.timeout).WithHint("a longer limit is set by 'mink.udf.timeout'")
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	text = strings.TrimSuffix(strings.TrimPrefix(text, "wasm error: "), " (recovered by wazero)")
	return diag.New(diag.UserFunction, "%s: %s", c.name, text)
}

// pad brings the buffer to a multiple of 8.
func (c *call) pad() {
	for len(c.buf)%8 != 0 {
		c.buf = append(c.buf, 0)
	}
}

// write lays the arguments, and room for the result, into the module's memory. It gives
// the address and the number of argument columns.
func (c *call) write(ctx context.Context, args []*batch.Col) (uint32, int, error) {
	rows := len(c.lanes)
	le := binary.LittleEndian
	c.buf = append(c.buf[:0], make([]byte, columnBytes*(len(args)+1))...)
	// Addresses are counted from the start of the piece, and moved once it is known.
	set := func(col int, values, text, nulls int, t types.Type) {
		d := c.buf[col*columnBytes:]
		le.PutUint32(d, uint32(values))
		le.PutUint32(d[4:], uint32(text))
		le.PutUint32(d[8:], uint32(nulls))
		code, _ := typeCode(t)
		le.PutUint32(d[12:], code)
	}
	union := make([]byte, rows)
	for i, a := range args {
		nulls := len(c.buf)
		for k, l := range c.lanes {
			v := byte(0)
			if a.IsNull(int(l)) {
				v, union[k] = 1, 1
			}
			c.buf = append(c.buf, v)
		}
		c.pad()
		values, text := len(c.buf), 0
		if w := width(c.params[i]); a.Type.Phys() == types.PhysBytes {
			text = c.texts(a, values)
		} else {
			c.values(a, w)
		}
		c.pad()
		set(i, values, text, nulls, c.params[i])
	}
	nulls := len(c.buf)
	c.buf = append(c.buf, union...)
	c.pad()
	values := len(c.buf)
	c.buf = append(c.buf, make([]byte, (rows+1)*width(c.result))...)
	c.pad()
	set(len(args), values, 0, nulls, c.result)

	if err := c.reset.CallWithStack(ctx, c.stack[:]); err != nil {
		return 0, 0, c.failed(ctx, err)
	}
	c.stack[0] = uint64(len(c.buf))
	if err := c.alloc.CallWithStack(ctx, c.stack[:]); err != nil {
		return 0, 0, c.failed(ctx, err)
	}
	at := uint32(c.stack[0])
	for i := range len(args) + 1 {
		d := c.buf[i*columnBytes:]
		for _, k := range []int{0, 4, 8} {
			if v := le.Uint32(d[k:]); v != 0 {
				le.PutUint32(d[k:], v+at)
			}
		}
	}
	if at == 0 || at%8 != 0 || !c.inst.Memory().Write(at, c.buf) {
		return 0, 0, diag.New(diag.UserFunction, "mink_alloc of %s has no room for %d bytes: it gave %d", c.name, len(c.buf), at).
			WithHint("it gives an address that is a multiple of 8, growing the memory when needed; 'memory-limit' bounds it")
	}
	return at, len(args), nil
}

// values appends the values of a column of fixed width, 0 for NULL.
func (c *call) values(a *batch.Col, w int) {
	lane := func(l uint32) uint32 {
		if a.Enc == batch.Const {
			return 0
		}
		return l
	}
	le := binary.LittleEndian
	for _, l := range c.lanes {
		l = lane(l)
		switch a.Type.Phys() {
		case types.PhysBool:
			v := byte(0)
			if batch.Bit(a.Bits, int(l)) {
				v = 1
			}
			c.buf = append(c.buf, v)
		case types.PhysI8:
			c.buf = append(c.buf, byte(a.I8[l]))
		case types.PhysI16:
			c.buf = le.AppendUint16(c.buf, uint16(a.I16[l]))
		case types.PhysI32:
			c.buf = le.AppendUint32(c.buf, uint32(a.I32[l]))
		case types.PhysI64:
			c.buf = le.AppendUint64(c.buf, uint64(a.I64[l]))
		case types.PhysF32:
			c.buf = le.AppendUint32(c.buf, math.Float32bits(a.F32[l]))
		case types.PhysF64:
			c.buf = le.AppendUint64(c.buf, math.Float64bits(a.F64[l]))
		}
	}
}

// texts appends offsets and bytes and returns where the bytes begin.
func (c *call) texts(a *batch.Col, at int) int {
	s := kernel.StrsOf(a)
	c.buf = append(c.buf, make([]byte, 4*(len(c.lanes)+1))...)
	c.pad()
	from := len(c.buf)
	for i, l := range c.lanes {
		if !a.IsNull(int(l)) {
			c.buf = append(c.buf, s.At(int(l))...)
		}
		binary.LittleEndian.PutUint32(c.buf[at+4*(i+1):], uint32(len(c.buf)-from))
	}
	return from
}

// read takes the result column, whose description lies at an address, to dst.
func (c *call) read(f *function.Frame, dst *batch.Col, n int, at uint32) error {
	mem, rows := c.inst.Memory(), uint32(len(c.lanes))
	bad := func(what string) error {
		return diag.New(diag.UserFunction, "the %s that %s gave lie outside of its memory", what, c.name)
	}
	d, ok := mem.Read(at, columnBytes)
	if !ok {
		return bad("columns")
	}
	le := binary.LittleEndian
	valuesAt, textAt, nullsAt := le.Uint32(d), le.Uint32(d[4:]), le.Uint32(d[8:])
	var nulls []byte
	if nullsAt != 0 {
		if nulls, ok = mem.Read(nullsAt, rows); !ok {
			return bad("nulls")
		}
	}
	w := uint32(width(c.result))
	count := rows
	text := dst.Type.Phys() == types.PhysBytes
	if text {
		count++
	}
	values, ok := mem.Read(valuesAt, count*w)
	if !ok {
		return bad("values")
	}
	for i, l := range c.lanes {
		if nulls != nil && nulls[i] != 0 {
			dst.SetNull(int(l), n)
		}
	}
	if text {
		end := le.Uint32(values[4*rows:])
		body, ok := mem.Read(textAt, end)
		if !ok {
			return bad("bytes")
		}
		return c.readTexts(f, dst, values, body, nulls)
	}
	for i, l := range c.lanes {
		v := values[uint32(i)*w:]
		switch dst.Type.Phys() {
		case types.PhysBool:
			if v[0] != 0 {
				batch.SetBit(dst.Bits, int(l))
			}
		case types.PhysI8:
			dst.I8[l] = int8(v[0])
		case types.PhysI16:
			dst.I16[l] = int16(le.Uint16(v))
		case types.PhysI32:
			dst.I32[l] = int32(le.Uint32(v))
		case types.PhysI64:
			dst.I64[l] = int64(le.Uint64(v))
		case types.PhysF32:
			dst.F32[l] = math.Float32frombits(le.Uint32(v))
		case types.PhysF64:
			dst.F64[l] = math.Float64frombits(le.Uint64(v))
		}
	}
	return nil
}

func (c *call) readTexts(f *function.Frame, dst *batch.Col, offs, body, nulls []byte) error {
	le := binary.LittleEndian
	w := f.Strings(dst)
	defer w.Close()
	for i, l := range c.lanes {
		if nulls != nil && nulls[i] != 0 {
			continue
		}
		from, to := le.Uint32(offs[4*i:]), le.Uint32(offs[4*i+4:])
		if from > to || int(to) > len(body) {
			return diag.New(diag.UserFunction, "the offsets that %s gave do not ascend", c.name)
		}
		w.Buf = append(w.Buf, body[from:to]...)
		dst.Views[l] = w.End()
	}
	return nil
}
