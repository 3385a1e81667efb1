package exec

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// processOut collects the rows that a process table function gives. Rows of Eval
// refer to lanes of the batch at hand, rows of OnTimer to keys.
type processOut struct {
	o     *process
	own   []*batch.Builder
	kinds []batch.Kind
	rows  []uint16 // of each row: its lane, or the number of its key
	b     *batch.Batch
	lanes []uint16 // of the call at hand

	timers bool // rows of timers
	keys   []state.Key
	ats    []int64
	keyMem []byte
	keyed  []batch.Col // columns of keys

	out batch.Batch
	err error
}

func (p *processOut) open(o *process) {
	p.o = o
	for _, t := range o.cfg.Own {
		p.own = append(p.own, batch.NewBuilder(t))
	}
	p.keyed = make([]batch.Col, len(o.cfg.Keys))
}

// rowsOf says of which batch the rows are that follow.
func (p *processOut) rowsOf(b *batch.Batch) { p.b, p.timers = b, false }

// timer says of which key and time the rows are that follow.
func (p *processOut) timer(k state.Key, at int64) {
	if !p.timers {
		p.timers, p.keys, p.ats, p.keyMem = true, p.keys[:0], p.ats[:0], p.keyMem[:0]
	}
	n := len(p.keyMem)
	p.keyMem = append(p.keyMem, k.Bytes...)
	k.Bytes = p.keyMem[n:len(p.keyMem):len(p.keyMem)]
	p.keys, p.ats = append(p.keys, k), append(p.ats, at)
}

// row adds a row; see function.ProcessContext.
func (p *processOut) row(row int, kind batch.Kind, values []any) {
	switch {
	case p.err != nil:
		return
	case (row == function.NoRow) != p.timers:
		p.err = errNoRow()
		return
	case len(values) != len(p.own):
		p.err = diag.New(diag.InvalidArgument, "a process table function gave %d values for %d columns", len(values), len(p.own))
		return
	}
	for i, v := range values {
		if err := appendGo(p.own[i], v); err != nil {
			p.err = err
			return
		}
	}
	if p.timers {
		row = len(p.keys) - 1
	}
	p.rows, p.kinds = append(p.rows, uint16(row)), append(p.kinds, kind)
	if len(p.rows) >= batch.CapRows-1 {
		p.err = p.flush(p.o.ctx.c)
	}
}

// appendGo appends a Go value that a function gave. One that the column cannot hold is
// an error of the function.
func appendGo(b *batch.Builder, v any) (err error) {
	defer func() {
		if recover() != nil {
			err = diag.New(diag.TypeMismatch, "a process table function gave a Go value of type %T for a column of type %s", v, b.Type())
		}
	}()
	b.AppendAny(v)
	return nil
}

// flush emits the rows so far.
func (p *processOut) flush(c *Ctx) error {
	if p.err != nil {
		return p.err
	}
	n := len(p.rows)
	if n > 0 {
		cols := make([]batch.Col, len(p.own))
		ptrs := make([]*batch.Col, len(p.own))
		for i, b := range p.own {
			cols[i] = b.Finish()
			ptrs[i] = &cols[i]
		}
		rows, kinds := p.rows, p.kinds
		p.rows, p.kinds = p.rows[:0], p.kinds[:0]
		if err := p.emit(c, ptrs, rows, kinds, n); err != nil {
			return err
		}
	}
	if p.timers {
		// The key at hand goes on.
		if k := len(p.keys); k > 0 {
			p.keys[0], p.ats[0] = p.keys[k-1], p.ats[k-1]
			p.keys, p.ats = p.keys[:1], p.ats[:1]
		}
	}
	return nil
}

// columns emits rows given as columns.
func (p *processOut) columns(c *Ctx, cols []*batch.Col, rows []uint16, kinds []batch.Kind) error {
	if p.timers {
		return errNoRow()
	}
	if len(cols) != len(p.own) {
		return diag.New(diag.InvalidArgument, "a process table function gave %d columns, and has %d", len(cols), len(p.own))
	}
	if err := p.flush(c); err != nil {
		return err
	}
	if rows == nil {
		rows = p.lanes
	}
	return p.emit(c, cols, rows, kinds, len(rows))
}

// emit puts what comes in front and the time beside columns of n rows.
func (p *processOut) emit(c *Ctx, own []*batch.Col, rows []uint16, kinds []batch.Kind, n int) error {
	if n == 0 {
		return nil
	}
	cfg := &p.o.cfg
	front := len(cfg.Front)
	width := front + len(own)
	if cfg.Time >= 0 {
		width++
	}
	p.out.SetColumns(width)
	src := p.b
	if p.timers {
		ts := colTypes(cfg.Input, cfg.Keys)
		for i, t := range ts {
			p.keyed[i].Alloc(t, len(p.keys))
		}
		state.KeysInto(p.keyed, 0, ts, p.keys)
	}
	for i, col := range cfg.Front {
		dst := &p.out.Cols[i]
		if p.timers {
			dst.Gather(&p.keyed[indexOf(cfg.Keys, col)], rows, n)
		} else {
			dst.Gather(&src.Cols[col], rows, n)
		}
		dst.Type.Attr = types.NotTime
	}
	for i, col := range own {
		p.out.Cols[front+i] = *col
		p.out.Cols[front+i].Type = cfg.Own[i]
	}
	if cfg.Time >= 0 {
		dst := &p.out.Cols[width-1]
		if p.timers {
			t := cfg.Input[cfg.Time]
			dst.Alloc(t.Nullable(false), n)
			for i, r := range rows {
				dst.I64[i] = TicksOf(t, p.ats[r])
			}
		} else {
			dst.Gather(&src.Cols[cfg.Time], rows, n)
		}
	}
	p.out.N, p.out.Kinds = n, kindsOf(kinds)
	return c.Emit(&p.out)
}

// mark emits a watermark.
func (p *processOut) mark(c *Ctx, wm int64) error {
	p.out.SetColumns(0)
	p.out.Alloc(p.o.types(), 0)
	p.out.Kinds = nil
	p.out.AddMark(0, wm)
	return c.Emit(&p.out)
}

// types are those of the output.
func (o *process) types() []types.Type {
	out := append(colTypes(o.cfg.Input, o.cfg.Front), o.cfg.Own...)
	for i := range o.cfg.Front {
		out[i].Attr = types.NotTime
	}
	if o.cfg.Time >= 0 {
		out = append(out, o.cfg.Input[o.cfg.Time])
	}
	return out
}

func indexOf(list []int, x int) int {
	for i, v := range list {
		if v == x {
			return i
		}
	}
	return -1
}
