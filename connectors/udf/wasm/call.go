package wasm

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/minkstream/mink/connectors/udf"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// A call lays its columns into one piece of the module's memory, got by mink_alloc:
//
//	columns  16 bytes for each argument and each result:
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
	results      []types.Type
	timeout      time.Duration

	inst         api.Module
	fns          map[string]api.Function
	alloc, reset api.Function
	lanes        []uint32
	buf          []byte
	stack        [4]uint64
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

// within runs f with an instance and the limit of time.
func (c *call) within(f func(ctx context.Context) error) error {
	ctx := context.Background()
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	if c.inst == nil || c.inst.IsClosed() {
		inst, err := c.m.rt.InstantiateModule(ctx, c.m.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
		if err != nil {
			return c.failed(ctx, err)
		}
		c.inst, c.fns = inst, map[string]api.Function{}
		c.alloc, c.reset = inst.ExportedFunction(exportAlloc), inst.ExportedFunction(exportReset)
	}
	return f(ctx)
}

// invoke calls an export with i32 arguments and gives its result.
func (c *call) invoke(ctx context.Context, export string, args ...uint32) (uint32, error) {
	fn := c.fns[export]
	if fn == nil {
		fn = c.inst.ExportedFunction(export)
		c.fns[export] = fn
	}
	for i, a := range args {
		c.stack[i] = uint64(a)
	}
	if err := fn.CallWithStack(ctx, c.stack[:]); err != nil {
		return 0, c.failed(ctx, err)
	}
	return uint32(c.stack[0]), nil
}

// rows calls an export that gives 0 or the number of a row that failed, which is of
// lanes.
func (c *call) rows(ctx context.Context, lanes []uint32, export string, args ...uint32) error {
	row, err := c.invoke(ctx, export, args...)
	switch {
	case err != nil || row == 0:
		return err
	case int(row) > len(lanes):
		return diag.New(diag.UserFunction, "%s gave %d, which is the number of no row", c.name, row)
	}
	return batch.FailLane(int(lanes[row-1]), diag.UserFunction, "%s failed", c.name)
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

// run is the kernel of a scalar function.
func (c *call) run(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	if c.lanes = udf.Lanes(c.lanes, n, live); len(c.lanes) == 0 {
		if dst.Views != nil {
			clear(dst.Views)
		}
		return nil
	}
	return c.within(func(ctx context.Context) error {
		rows := len(c.lanes)
		c.begin(len(args) + 1)
		union := c.arguments(args)
		c.room(len(args), c.results[0], rows, union)
		at, err := c.send(ctx, len(args)+1)
		if err != nil {
			return err
		}
		if err := c.rows(ctx, c.lanes, c.export, at, uint32(rows)); err != nil {
			return err
		}
		return c.read(dst, c.results[0], c.lanes, n, at+uint32(len(args)*columnBytes))
	})
}

// table is the kernel of a table function. The first result is how many rows each row
// gives; the others are their columns, for which the function makes the room.
func (c *call) table(f *function.Frame, out *function.TableRows, args []*batch.Col, n int, live []uint64) error {
	out.From, out.To = append(out.From[:0], make([]uint32, n)...), append(out.To[:0], make([]uint32, n)...)
	out.Cols = out.Cols[:0]
	cols := make([]batch.Col, len(c.results))
	for i, t := range c.results {
		cols[i].Alloc(t, 0)
		out.Cols = append(out.Cols, function.TableCol{Col: &cols[i]})
	}
	if c.lanes = udf.Lanes(c.lanes, n, live); len(c.lanes) == 0 {
		return nil
	}
	return c.within(func(ctx context.Context) error {
		rows := len(c.lanes)
		c.begin(len(args) + 1 + len(cols))
		c.arguments(args)
		c.room(len(args), types.IntT, rows, make([]byte, rows))
		for i, t := range c.results {
			code, _ := typeCode(t)
			binary.LittleEndian.PutUint32(c.buf[(len(args)+1+i)*columnBytes+12:], code)
		}
		at, err := c.send(ctx, len(args)+1+len(cols))
		if err != nil {
			return err
		}
		if err := c.rows(ctx, c.lanes, c.export, at, uint32(rows)); err != nil {
			return err
		}
		at += uint32(len(args) * columnBytes)
		var counts batch.Col
		counts.Alloc(types.IntT, rows)
		all := make([]uint32, rows)
		for i := range all {
			all[i] = uint32(i)
		}
		if err := c.read(&counts, types.IntT, all, rows, at); err != nil {
			return err
		}
		total := 0
		for i, l := range c.lanes {
			if counts.I32[i] < 0 || total > tableRowsMax {
				return batch.FailLane(int(l), diag.UserFunction, "%s gave %d rows for one, and %d before it", c.name, counts.I32[i], total)
			}
			out.From[l] = uint32(total)
			total += int(counts.I32[i])
			out.To[l] = uint32(total)
		}
		for len(all) < total {
			all = append(all, uint32(len(all)))
		}
		for i, t := range c.results {
			cols[i].Alloc(t, total)
			if err := c.read(&cols[i], t, all[:total], total, at+uint32((i+1)*columnBytes)); err != nil {
				return err
			}
		}
		return nil
	})
}

// tableRowsMax bounds the rows that a batch gives.
const tableRowsMax = 1 << 26

// begin starts a piece of memory with so many descriptions of columns.
func (c *call) begin(cols int) { c.buf = append(c.buf[:0], make([]byte, columnBytes*cols)...) }

// pad brings the buffer to a multiple of 8.
func (c *call) pad() {
	for len(c.buf)%8 != 0 {
		c.buf = append(c.buf, 0)
	}
}

// describe writes the description of a column. Addresses are counted from the start of
// the piece, and moved once it is known.
func (c *call) describe(col, values, text, nulls int, t types.Type) {
	le, d := binary.LittleEndian, c.buf[col*columnBytes:]
	le.PutUint32(d, uint32(values))
	le.PutUint32(d[4:], uint32(text))
	le.PutUint32(d[8:], uint32(nulls))
	code, _ := typeCode(t)
	le.PutUint32(d[12:], code)
}

// arguments lays out the lanes of arguments, and tells the rows with a NULL.
func (c *call) arguments(args []*batch.Col) []byte {
	union := make([]byte, len(c.lanes))
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
		if a.Type.Phys() == types.PhysBytes {
			text = c.texts(a)
		} else {
			c.buf = udf.AppendFixed(c.buf, a, c.lanes)
		}
		c.pad()
		c.describe(i, values, text, nulls, c.params[i])
	}
	return union
}

// room makes room for a result.
func (c *call) room(col int, t types.Type, rows int, nulls []byte) {
	at := len(c.buf)
	c.buf = append(c.buf, nulls...)
	c.pad()
	values := len(c.buf)
	c.buf = append(c.buf, make([]byte, (rows+1)*width(t))...)
	c.pad()
	c.describe(col, values, 0, at, t)
}

// send puts the piece into the module's memory, and gives its address.
func (c *call) send(ctx context.Context, cols int) (uint32, error) {
	if err := c.reset.CallWithStack(ctx, c.stack[:]); err != nil {
		return 0, c.failed(ctx, err)
	}
	c.stack[0] = uint64(len(c.buf))
	if err := c.alloc.CallWithStack(ctx, c.stack[:]); err != nil {
		return 0, c.failed(ctx, err)
	}
	le, at := binary.LittleEndian, uint32(c.stack[0])
	for i := range cols {
		d := c.buf[i*columnBytes:]
		for _, k := range []int{0, 4, 8} {
			if v := le.Uint32(d[k:]); v != 0 {
				le.PutUint32(d[k:], v+at)
			}
		}
	}
	if at == 0 || at%8 != 0 || !c.inst.Memory().Write(at, c.buf) {
		return 0, diag.New(diag.UserFunction, "mink_alloc of %s has no room for %d bytes: it gave %d", c.name, len(c.buf), at).
			WithHint("it gives an address that is a multiple of 8, growing the memory when needed; 'memory-limit' bounds it")
	}
	return at, nil
}

// texts appends offsets and bytes and returns where the bytes begin.
func (c *call) texts(a *batch.Col) (from int) {
	s := kernel.StrsOf(a)
	c.buf, from = udf.AppendTexts(c.buf, c.lanes, 8, func(b []byte, l uint32) []byte {
		if a.IsNull(int(l)) {
			return b
		}
		return append(b, s.At(int(l))...)
	})
	return from
}

// read takes a result column, whose description lies at an address, to lanes of dst,
// which has n of them.
func (c *call) read(dst *batch.Col, t types.Type, lanes []uint32, n int, at uint32) error {
	mem, rows := c.inst.Memory(), uint32(len(lanes))
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
	w := uint32(width(t))
	count := uint64(rows)
	text := t.Phys() == types.PhysBytes
	if text {
		count++
	}
	if count*uint64(w) > math.MaxUint32 {
		return bad("values")
	}
	values, ok := mem.Read(valuesAt, uint32(count)*w)
	if !ok {
		return bad("values")
	}
	for i, l := range lanes {
		if nulls != nil && nulls[i] != 0 {
			dst.SetNull(int(l), n)
		}
	}
	if text {
		body, ok := mem.Read(textAt, le.Uint32(values[4*rows:]))
		if !ok {
			return bad("bytes")
		}
		return c.readTexts(dst, lanes, values, bytes.Clone(body), nulls)
	}
	switch t.Phys() {
	case types.PhysBool:
		for i, l := range lanes {
			if values[i] != 0 {
				batch.SetBit(dst.Bits, int(l))
			}
		}
	case types.PhysI8:
		for i, l := range lanes {
			dst.I8[l] = int8(values[i])
		}
	case types.PhysI16:
		for i, l := range lanes {
			dst.I16[l] = int16(le.Uint16(values[2*i:]))
		}
	case types.PhysI32:
		for i, l := range lanes {
			dst.I32[l] = int32(le.Uint32(values[4*i:]))
		}
	case types.PhysI64:
		for i, l := range lanes {
			dst.I64[l] = int64(le.Uint64(values[8*i:]))
		}
	case types.PhysF32:
		for i, l := range lanes {
			dst.F32[l] = math.Float32frombits(le.Uint32(values[4*i:]))
		}
	case types.PhysF64:
		for i, l := range lanes {
			dst.F64[l] = math.Float64frombits(le.Uint64(values[8*i:]))
		}
	}
	return nil
}

// readTexts makes views of offsets into bytes.
func (c *call) readTexts(dst *batch.Col, lanes []uint32, offs, body, nulls []byte) error {
	le, buf := binary.LittleEndian, uint32(0)
	if len(body) > 0 {
		buf = dst.AddBuf(body)
	}
	for i, l := range lanes {
		dst.Views[l] = batch.View{}
		if nulls != nil && nulls[i] != 0 {
			continue
		}
		from, to := le.Uint32(offs[4*i:]), le.Uint32(offs[4*i+4:])
		if from > to || int(to) > len(body) {
			return diag.New(diag.UserFunction, "the offsets that %s gave do not ascend", c.name)
		}
		dst.Views[l] = batch.MakeRef(body[from:to], buf, from)
	}
	return nil
}
