package python

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Columns as Arrow, for workers that have pyarrow: a length, then an IPC stream of one
// record batch. Its forms are those of batch.ArrowOptions, but for months, which are
// int32, and decimals in answers, which are text and rounded here.

// record writes columns at lanes as a record batch.
func (e *encoder) record(cols []*batch.Col, lanes []uint32) {
	e.flat = append(e.flat[:0], make([]batch.Col, len(cols))...)
	b := batch.Batch{Cols: e.flat, N: len(lanes)}
	schema := make(types.Schema, len(cols))
	whole := len(lanes) > 0 && int(lanes[len(lanes)-1]) == len(lanes)-1
	for i, c := range cols {
		schema[i] = types.Field{Name: "c" + strconv.Itoa(i), Type: wireForm(c.Type.Nullable(true))}
		switch {
		case whole:
			b.Cols[i] = *c
		case c.Enc == batch.Const:
			b.Cols[i].AppendRepeat(0, c, 0, len(lanes))
		default:
			b.Cols[i].AppendIndex(0, c, lanes, len(lanes))
		}
	}
	rec := b.ToArrow(schema, batch.ArrowOptions{})
	at := len(e.b)
	out := bytes.NewBuffer(append(e.b, 0, 0, 0, 0))
	w := ipc.NewWriter(out, ipc.WithSchema(rec.Schema()))
	err := w.Write(rec)
	if end := w.Close(); err == nil {
		err = end
	}
	if err != nil {
		e.err = diag.Wrap(diag.Internal, err, "the arguments of a function in Python cannot be written as Arrow")
		return
	}
	e.b = out.Bytes()
	binary.LittleEndian.PutUint32(e.b[at:], uint32(len(e.b)-at-4))
}

// record reads columns of n values from a record batch.
func (d *decoder) record(ts []types.Type, n int) ([]batch.Col, error) {
	body := d.take(int(d.u32()))
	if d.bad {
		return nil, errFrame
	}
	r, err := ipc.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, errFrame
	}
	rec, err := r.Read()
	if err != nil || int(rec.NumRows()) != n || int(rec.NumCols()) != len(ts) {
		return nil, errFrame
	}
	cols := make([]batch.Col, len(ts))
	for i, t := range ts {
		c, err := batch.ColFromArrow(answerForm(t), rec.Column(i))
		if err != nil {
			return nil, errFrame
		}
		c.Flatten(n)
		if cols[i], err = settle(&c, t, n); err != nil {
			return nil, err
		}
	}
	return cols, nil
}

// wireForm is the type in whose Arrow form values of t go out.
func wireForm(t types.Type) types.Type {
	return mapped(t, func(t types.Type) types.Type {
		if t.Kind == types.IntervalYM {
			return types.IntT.Nullable(true)
		}
		return t
	})
}

// answerForm is the type in whose Arrow form values of t come back.
func answerForm(t types.Type) types.Type {
	return mapped(t, func(t types.Type) types.Type {
		switch t.Kind {
		case types.IntervalYM:
			return types.IntT
		case types.Decimal, types.Char, types.VarChar:
			return types.StringT
		case types.Binary, types.VarBinary:
			return types.BytesT
		}
		return t
	})
}

// mapped is t with the types at its leaves changed.
func mapped(t types.Type, f func(types.Type) types.Type) types.Type {
	sub := func(t *types.Type) *types.Type {
		if t == nil {
			return nil
		}
		m := mapped(*t, f)
		return &m
	}
	t = f(t)
	t.Elem, t.Key = sub(t.Elem), sub(t.Key)
	if t.Fields != nil {
		fields := append([]types.Field(nil), t.Fields...)
		for i := range fields {
			fields[i].Type = mapped(fields[i].Type, f)
		}
		t.Fields = fields
	}
	return t
}

// settle makes a column of type t of one of its answer form.
func settle(c *batch.Col, t types.Type, n int) (batch.Col, error) {
	switch t.Kind {
	case types.Decimal:
		return remade(c, t, n, func(b *batch.Builder, v []byte) error { return putDecimal(b, string(v)) })
	case types.Char, types.VarChar, types.Binary, types.VarBinary:
		if t.Prec < types.MaxLength {
			return remade(c, t, n, func(b *batch.Builder, v []byte) error { b.AppendBytes(fit(v, t)); return nil })
		}
	case types.Array, types.Map, types.Multiset:
		for i := range c.Kids {
			kid, err := settle(&c.Kids[i], batch.KidType(t, i), int(c.Offs[n]))
			if err != nil {
				return batch.Col{}, owner(err, c.Offs)
			}
			c.Kids[i] = kid
		}
	case types.Row:
		for i, f := range t.Fields {
			kid, err := settle(&c.Kids[i], f.Type, n)
			if err != nil {
				return batch.Col{}, err
			}
			c.Kids[i] = kid
		}
	}
	c.Type = t
	return *c, nil
}

// remade builds a column of a column of text or bytes.
func remade(c *batch.Col, t types.Type, n int, put func(b *batch.Builder, v []byte) error) (batch.Col, error) {
	b := batch.NewBuilder(t)
	var room [12]byte
	for i := range n {
		if c.IsNull(i) {
			b.AppendNull()
		} else if err := put(b, c.Bytes(i, &room)); err != nil {
			return batch.Col{}, laneError(err, i)
		}
	}
	return b.Finish(), nil
}
