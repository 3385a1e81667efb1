package exec

import (
	"cmp"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// processOut collects the rows that a process table function gives, and the marks
// between them, over several calls. Rows of Eval refer to lanes of the batch at hand,
// rows of OnTimer to keys; runs tell which.
type processOut struct {
	o     *process
	own   []*batch.Builder
	kinds []batch.Kind
	rows  []uint16 // of each row: its lane, or the number of its key
	runs  []processRun
	marks []batch.Mark
	b     *batch.Batch
	lanes []uint16 // of the call at hand

	timers bool // rows that come now are of timers
	keys   []state.Key
	ats    []int64
	keyMem []byte
	keyed  []batch.Col // columns of keys

	order []uint32
	out   batch.Batch
	err   error
}

// processRun is a run of rows of one kind, up to row end.
type processRun struct {
	timers bool
	end    int
}

func (p *processOut) open(o *process) {
	p.o = o
	for _, t := range o.cfg.Own {
		p.own = append(p.own, batch.NewBuilder(t))
	}
	p.keyed = make([]batch.Col, len(o.cfg.Keys))
}

// rowsOf says of which batch the rows are that follow.
func (p *processOut) rowsOf(c *Ctx, b *batch.Batch) error {
	if p.b != b {
		if err := p.flush(c); err != nil {
			return err
		}
	}
	p.b, p.timers = b, false
	return nil
}

// leave gives out rows of a batch that is filled anew.
func (p *processOut) leave(c *Ctx, b *batch.Batch) error {
	if p.b != b {
		return nil
	}
	return p.flush(c)
}

// timer says of which key and time the rows are that follow.
func (p *processOut) timer(c *Ctx, k state.Key, at int64) error {
	if len(p.keys) >= batch.MaxRows {
		if err := p.flush(c); err != nil {
			return err
		}
	}
	p.timers = true
	n := len(p.keyMem)
	p.keyMem = append(p.keyMem, k.Bytes...)
	k.Bytes = p.keyMem[n:len(p.keyMem):len(p.keyMem)]
	p.keys, p.ats = append(p.keys, k), append(p.ats, at)
	return nil
}

// mark adds a watermark behind the rows so far.
func (p *processOut) mark(wm int64) { p.markAt(len(p.rows), wm) }

func (p *processOut) markAt(row int, wm int64) {
	if k := len(p.marks); k > 0 && int(p.marks[k-1].Pos) == row {
		p.marks[k-1].WM = wm
		return
	}
	p.marks = append(p.marks, batch.Mark{Pos: uint16(row), WM: wm})
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
	p.kinds = append(p.kinds, kind)
	p.add(uint16(row))
}

// add notes of what the next row comes.
func (p *processOut) add(row uint16) {
	p.rows = append(p.rows, row)
	if k := len(p.runs); k > 0 && p.runs[k-1].timers == p.timers {
		p.runs[k-1].end++
	} else {
		p.runs = append(p.runs, processRun{p.timers, len(p.rows)})
	}
	if len(p.rows) >= batch.CapRows-1 && !p.byLane() {
		p.err = p.flush(p.o.ctx.c)
	}
}

// byLane reports that rows are given out together, in the order of the lanes they come of.
func (p *processOut) byLane() bool {
	cfg := &p.o.cfg
	return cfg.Time >= 0 && !cfg.Timers && !p.o.sorts
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

// flush emits the rows and marks so far.
func (p *processOut) flush(c *Ctx) error {
	if p.err != nil {
		return p.err
	}
	n := len(p.rows)
	if n == 0 && len(p.marks) == 0 {
		p.forget()
		return nil
	}
	cols := p.finish()
	rows, kinds, runs, marks := p.rows, p.kinds, p.runs, p.marks
	p.rows, p.kinds, p.runs, p.marks = p.rows[:0], p.kinds[:0], p.runs[:0], p.marks[:0]
	err := p.emit(c, cols, rows, kindsOf(kinds), runs, marks)
	p.forget()
	return err
}

// forget drops the keys of timers, but for the one at hand.
func (p *processOut) forget() {
	if k := len(p.keys); k > 0 && p.timers {
		last, at := p.keys[k-1], p.ats[k-1]
		p.keyMem = append(p.keyMem[:0], last.Bytes...)
		last.Bytes = p.keyMem
		p.keys, p.ats = append(p.keys[:0], last), append(p.ats[:0], at)
		return
	}
	p.keys, p.ats, p.keyMem = p.keys[:0], p.ats[:0], p.keyMem[:0]
}

// finish takes the function's own columns.
func (p *processOut) finish() []*batch.Col {
	cols, ptrs := make([]batch.Col, len(p.own)), make([]*batch.Col, len(p.own))
	for i, b := range p.own {
		cols[i] = b.Finish()
		ptrs[i] = &cols[i]
	}
	return ptrs
}

// flushByLane emits the rows that came of a batch in the order of its lanes, each mark of
// the batch in front of the rows behind it.
func (p *processOut) flushByLane(c *Ctx, b *batch.Batch) error {
	if p.err != nil {
		return p.err
	}
	p.order = p.order[:0]
	for i := range p.rows {
		p.order = append(p.order, uint32(i))
	}
	sorted := slices.IsSorted(p.rows)
	if !sorted {
		slices.SortStableFunc(p.order, func(x, y uint32) int { return cmp.Compare(p.rows[x], p.rows[y]) })
	}
	own := p.finish()
	wm, marks := c.Watermark(), b.Marks
	for left, first := p.order, true; first || len(left) > 0 || len(marks) > 0; first = false {
		part := left[:min(len(left), batch.CapRows-1)]
		left = left[len(part):]
		ptrs := own
		if !sorted || len(part) < len(p.order) {
			cols := make([]batch.Col, len(own))
			ptrs = make([]*batch.Col, len(own))
			for i, col := range own {
				cols[i].AppendIndex(0, col, part, len(part))
				ptrs[i] = &cols[i]
			}
		}
		rows, kinds := make([]uint16, len(part)), make([]batch.Kind, len(part))
		p.marks = p.marks[:0]
		for i, k := range part {
			rows[i], kinds[i] = p.rows[k], p.kinds[k]
			for len(marks) > 0 && marks[0].Pos <= rows[i] {
				if marks[0].WM > wm {
					wm = marks[0].WM
					p.markAt(i, wm)
				}
				marks = marks[1:]
			}
		}
		for ; len(left) == 0 && len(marks) > 0; marks = marks[1:] {
			if marks[0].WM > wm {
				wm = marks[0].WM
				p.markAt(len(part), wm)
			}
		}
		if err := p.emit(c, ptrs, rows, kindsOf(kinds), []processRun{{false, len(part)}}, p.marks); err != nil {
			return err
		}
	}
	p.rows, p.kinds, p.runs, p.marks = p.rows[:0], p.kinds[:0], p.runs[:0], p.marks[:0]
	return nil
}

// columns adds rows given as columns.
func (p *processOut) columns(c *Ctx, cols []*batch.Col, rows []uint16, kinds []batch.Kind) error {
	if p.timers {
		return errNoRow()
	}
	if len(cols) != len(p.own) {
		return diag.New(diag.InvalidArgument, "a process table function gave %d columns, and has %d", len(cols), len(p.own))
	}
	if rows == nil {
		rows = p.lanes
	}
	if p.byLane() {
		for i, r := range rows {
			for k, col := range cols {
				p.own[k].Append(col, i)
			}
			kind := batch.Insert
			if kinds != nil {
				kind = kinds[i]
			}
			p.kinds = append(p.kinds, kind)
			p.add(r)
		}
		return p.err
	}
	if err := p.flush(c); err != nil {
		return err
	}
	return p.emit(c, cols, rows, kinds, []processRun{{false, len(rows)}}, nil)
}

// emit puts what comes in front and the time beside columns of rows.
func (p *processOut) emit(c *Ctx, own []*batch.Col, rows []uint16, kinds []batch.Kind, runs []processRun, marks []batch.Mark) error {
	n := len(rows)
	if n == 0 && len(marks) == 0 {
		return nil
	}
	p.out.Kinds, p.out.Sel = nil, nil
	if n == 0 {
		p.out.SetColumns(0)
		p.out.Alloc(p.o.types(), 0)
		p.out.Marks = append(p.out.Marks[:0], marks...)
		return c.Emit(&p.out)
	}
	cfg := &p.o.cfg
	front := len(cfg.Front)
	width := front + len(own)
	if cfg.Time >= 0 {
		width++
	}
	p.out.SetColumns(width)
	if len(p.keys) > 0 {
		ts := colTypes(cfg.Input, cfg.Keys)
		for i, t := range ts {
			p.keyed[i].Alloc(t, len(p.keys))
		}
		state.KeysInto(p.keyed, 0, ts, p.keys)
	}
	at := 0
	for _, r := range runs {
		part := rows[at:r.end]
		for i, col := range cfg.Front {
			var src *batch.Col
			if r.timers {
				src = &p.keyed[indexOf(cfg.Keys, col)]
			} else {
				src = &p.b.Cols[col]
			}
			p.out.Cols[i].Append(at, src, part, len(part))
		}
		if cfg.Time >= 0 {
			dst := &p.out.Cols[width-1]
			if r.timers {
				if at == 0 {
					dst.Alloc(cfg.Input[cfg.Time].Nullable(false), 0)
				}
				dst.Resize(at, at+len(part))
				for i, k := range part {
					dst.I64[at+i] = TicksOf(cfg.Input[cfg.Time], p.ats[k])
				}
			} else {
				dst.Append(at, &p.b.Cols[cfg.Time], part, len(part))
			}
		}
		at = r.end
	}
	for i := range cfg.Front {
		p.out.Cols[i].Type.Attr = types.NotTime
	}
	for i, col := range own {
		p.out.Cols[front+i] = *col
		p.out.Cols[front+i].Type = cfg.Own[i]
	}
	p.out.N, p.out.Kinds = n, kinds
	p.out.Marks = append(p.out.Marks[:0], marks...)
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
