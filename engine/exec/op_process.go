package exec

import (
	"encoding/binary"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// ProcessConfig describes a call of a process table function. Several tables come as
// one input: a column says which table a row is of, key columns are common, and each
// table has columns of its own behind them, NULL in rows of other tables.
//
// Output: the columns Front of the input, those of the function, and the time of the
// row unless Time is -1.
type ProcessConfig struct {
	Input []types.Type
	// Tag is the INT column that numbers the tables, -1 with one table.
	Tag int
	// Keys are the columns of PARTITION BY. Set tells a set semantic call, whose
	// rows are one set when there are no keys.
	Keys []int
	Set  bool
	// Tables are the tables in order of their tags.
	Tables []ProcessTable
	// Values are the arguments that are no tables.
	Values []ProcessValue
	// Time is the column of on_time, -1 without.
	Time int
	// Front are columns of the input; with timers all of them are keys.
	Front []int
	// Own are the function's columns.
	Own   []types.Type
	State []function.ProcessState
	// Timers says that the function sets timers or looks at the watermark.
	Timers bool
	Make   func() function.Processor
}

// ProcessTable is a table of a call.
type ProcessTable struct {
	// Arg is the number of the argument, Cols are its columns in the input.
	Arg  int
	Cols []int
	// OrderBy makes rows wait for the watermark; the first column is their time.
	OrderBy []OrderKey
}

// ProcessValue is argument Arg of a call, worked out for each row.
type ProcessValue struct {
	Arg  int
	Expr expr.Node
}

// NewProcess makes the operator of a process table function. Rows of a key that come
// in one batch are given to the function together, in order of first touch of the
// keys; where each change is to be told on its own, in the order of the input.
func NewProcess(cfg ProcessConfig) Operator {
	return &process{name: "ProcessTableFunction", cfg: cfg}
}

// NewPartitionSort makes the sort of an argument by event time: rows come out when the
// watermark passes them, those of a key by time and then by the other columns of the
// order. Rows at or below the watermark are late.
func NewPartitionSort(in []types.Type, keys []int, by []OrderKey) Operator {
	all := allCols(len(in))
	return &process{name: "TemporalSort", cfg: ProcessConfig{
		Input: in, Tag: -1, Keys: keys, Tables: []ProcessTable{{Cols: all, OrderBy: by}}, Time: -1, Front: all,
		Make: func() function.Processor { return passer{} },
	}}
}

// passer gives rows as they come.
type passer struct{}

func (passer) Eval(c function.ProcessContext, in function.ProcessRows) error {
	if in.Kinds == nil {
		return c.Columns(nil, nil, nil)
	}
	kinds := make([]batch.Kind, len(in.Lanes))
	for i, l := range in.Lanes {
		kinds[i] = in.Kinds[l]
	}
	return c.Columns(nil, nil, kinds)
}

func (passer) OnTimer(function.ProcessContext, function.ProcessTimer) error { return nil }

type process struct {
	name string
	cfg  ProcessConfig
	fn   function.Processor
	ctx  processCtx
	out  processOut
	keys batch.KeyVec
	g    state.Grouper
	rows function.ProcessRows

	values processValues

	viewed        *batch.Batch // what views are of
	dense         []batch.Col  // flat copies of columns that are not flat
	views         [][]*batch.Col
	times, millis []int64
	start         []int32
	lanes         []uint16

	// ORDER BY.
	sorts, sortsAll bool // a table waits, all do
	wait            *state.Queue
	orders          []*state.Ordering
	sortBy          [][]int
	due             state.Due
	codec           *state.Codec
	all             []int
	ready           batch.Batch
	row             []byte
	place           []byte
	rest            []byte
	kept            []uint16
	free            []uint16 // rows of a batch that do not wait
	ends            []int    // of them, by segment
	kinds           []batch.Kind
	late            []uint16
	groups          groupClock

	fired int64 // the watermark up to which timers fired and rows came out
	timer state.Due
}

// Draw names the operator and its state.
func (o *process) Draw() Drawing {
	d := Drawing{Name: o.name}
	for _, s := range o.cfg.State {
		d.State = append(d.State, s.Name)
	}
	if o.cfg.Timers {
		d.State = append(d.State, "timers", "due")
	}
	if o.sorts {
		d.State = append(d.State, "rows", "fired")
	}
	return d
}

// Open makes the function and finds its state.
func (o *process) Open(c *Ctx) error {
	o.fn = o.cfg.Make()
	o.fired = c.Watermark()
	o.ctx.open(c, o)
	o.out.open(o)
	if err := o.values.open(c, o.cfg.Values, o.cfg.Input); err != nil {
		return err
	}
	o.dense = make([]batch.Col, len(o.cfg.Input))
	o.views = make([][]*batch.Col, len(o.cfg.Tables))
	o.sortsAll = true
	for i, t := range o.cfg.Tables {
		o.views[i] = make([]*batch.Col, len(t.Cols))
		var order *state.Ordering
		var cols []int
		if len(t.OrderBy) > 0 {
			o.sorts = true
			order, cols = ordering(o.cfg.Input, t.OrderBy[1:])
		} else {
			o.sortsAll = false
		}
		o.orders, o.sortBy = append(o.orders, order), append(o.sortBy, cols)
	}
	if o.sorts {
		o.wait = c.Store.Queue(c.Name+".rows", state.QueueSpec{})
		o.codec, o.all = state.NewCodec(o.cfg.Input), allCols(len(o.cfg.Input))
		o.groups = openGroupClock(c)
	}
	return nil
}

// Process gives the rows of a batch to the function.
//
// A function with timers, or one that looks at the watermark, gets rows up to each
// mark, since what it does may depend on it. Without, what a mark does to rows can be
// worked out for all of the batch at once: rows that wait come in order of time, however
// many marks let them go, and a mark of the input stands in the output in front of what
// comes of the rows behind it.
func (o *process) Process(c *Ctx, _ int, b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	var kv *batch.KeyVec
	if len(o.cfg.Keys) > 0 {
		kv = keyVec(c, 0, b, o.cfg.Keys, &o.keys)
	}
	o.viewed = nil
	var err error
	switch {
	case o.cfg.Timers || o.sorts && !o.sortsAll:
		err = o.marked(c, b, kv)
	case o.sorts:
		for s := NewSegments(c.Watermark(), b, nil); s.Next(); {
			o.hold(c, b, kv, spanOf(b, s.Lo, s.Hi), s.Before)
		}
		if wm := b.LastMark(); wm > c.Watermark() {
			if err = o.fire(c, wm); err == nil && o.cfg.Time >= 0 {
				o.out.mark(wm)
			}
		}
	default:
		err = o.eval(c, b, kv, spanOf(b, 0, b.N))
		if err == nil && o.cfg.Time >= 0 {
			return o.out.flushByLane(c, b)
		}
	}
	if err != nil {
		return err
	}
	return o.out.flush(c)
}

// spanOf are the selected lanes from lo to hi.
func spanOf(b *batch.Batch, lo, hi int) []uint16 {
	if lanes := Lanes(b, lo, hi); lanes != nil {
		return lanes
	}
	return batch.Span(lo, hi)
}

// marked gives the rows up to each mark, and then what the mark lets go. Rows that wait
// are put in their queue before any comes out, which is cheaper: none of them is at or
// below a mark in front of it.
func (o *process) marked(c *Ctx, b *batch.Batch, kv *batch.KeyVec) error {
	o.free, o.ends = o.free[:0], o.ends[:0]
	if o.sorts {
		for s := NewSegments(c.Watermark(), b, nil); s.Next(); {
			o.free = append(o.free, o.hold(c, b, kv, spanOf(b, s.Lo, s.Hi), s.Before)...)
			o.ends = append(o.ends, len(o.free))
		}
	}
	lo, ends := 0, o.ends
	for s := NewSegments(c.Watermark(), b, nil); s.Next(); {
		lanes := spanOf(b, s.Lo, s.Hi)
		if o.sorts {
			lanes, lo, ends = o.free[lo:ends[0]], ends[0], ends[1:]
		}
		o.ctx.wm = s.Before
		if err := o.eval(c, b, kv, lanes); err != nil {
			return err
		}
		if !s.Moved() {
			continue
		}
		if err := o.fire(c, s.After); err != nil {
			return err
		}
		if o.cfg.Time >= 0 {
			o.out.mark(s.After)
		}
	}
	return nil
}

// look prepares the columns of a batch for the function.
func (o *process) look(c *Ctx, b *batch.Batch, kv *batch.KeyVec) error {
	if o.viewed == b {
		return nil
	}
	if err := o.out.rowsOf(c, b); err != nil {
		return err
	}
	var err error
	if o.rows.Values, err = o.values.of(c, b); err != nil {
		return err
	}
	o.viewed = b
	for i, t := range o.cfg.Tables {
		for k, col := range t.Cols {
			src := &b.Cols[col]
			if src.Enc != batch.Flat || src.Type.Kind == types.Row {
				o.dense[col].Dense(src, b.N)
				src = &o.dense[col]
			}
			o.views[i][k] = src
		}
	}
	if o.cfg.Time >= 0 {
		if o.times, err = eventTimes(b, o.cfg.Time, &o.millis); err != nil {
			return err
		}
	}
	o.rows.Kinds, o.rows.Times = b.Kinds, nil
	if o.cfg.Time >= 0 {
		o.rows.Times = o.times
	}
	o.ctx.rowsOf(b, kv)
	return nil
}

// eval gives rows to the function, key by key.
func (o *process) eval(c *Ctx, b *batch.Batch, kv *batch.KeyVec, lanes []uint16) error {
	if len(lanes) == 0 {
		return nil
	}
	if err := o.look(c, b, kv); err != nil {
		return err
	}
	switch {
	case !o.cfg.Set || kv == nil || len(lanes) == 1:
		return o.tables(c, b, lanes)
	case c.Exact:
		o.g.Group(b, kv, lanes)
		for lo, hi := 0, 0; lo < len(lanes); lo = hi {
			for hi = lo + 1; hi < len(lanes) && o.g.G[hi] == o.g.G[lo]; hi++ {
			}
			if err := o.tables(c, b, lanes[lo:hi]); err != nil {
				return err
			}
		}
	default:
		o.g.Group(b, kv, lanes)
		o.deal(lanes)
		for k := range o.g.Len() {
			if err := o.tables(c, b, o.lanes[o.start[k]:o.start[k+1]]); err != nil {
				return err
			}
		}
	}
	return nil
}

// deal puts the lanes of each group side by side.
func (o *process) deal(lanes []uint16) {
	n := o.g.Len()
	o.start = grow(o.start, n+2)
	clear(o.start)
	for _, g := range o.g.G[:len(lanes)] {
		o.start[g+2]++
	}
	for i := 2; i < len(o.start); i++ {
		o.start[i] += o.start[i-1]
	}
	o.lanes = grow(o.lanes, len(lanes))
	for i, g := range o.g.G[:len(lanes)] {
		o.lanes[o.start[g+1]] = lanes[i]
		o.start[g+1]++
	}
}

// tables gives rows of one key to the function, those of a table in one call.
func (o *process) tables(c *Ctx, b *batch.Batch, lanes []uint16) error {
	o.ctx.key(lanes[0])
	if o.cfg.Tag < 0 {
		return o.call(c, 0, lanes)
	}
	tags := &b.Cols[o.cfg.Tag]
	for lo, hi := 0, 0; lo < len(lanes); lo = hi {
		tag := tags.Int(int(lanes[lo]))
		for hi = lo + 1; hi < len(lanes) && tags.Int(int(lanes[hi])) == tag; hi++ {
		}
		if err := o.call(c, int(tag), lanes[lo:hi]); err != nil {
			return err
		}
	}
	return nil
}

func (o *process) call(c *Ctx, table int, lanes []uint16) error {
	o.rows.Arg, o.rows.Cols, o.rows.Lanes = o.cfg.Tables[table].Arg, o.views[table], lanes
	o.out.lanes, o.out.timers = lanes, false
	if err := o.fn.Eval(&o.ctx, o.rows); err != nil {
		return err
	}
	return o.out.err
}

// hold keeps back the rows of tables that are sorted and returns the others.
func (o *process) hold(c *Ctx, b *batch.Batch, kv *batch.KeyVec, lanes []uint16, wm int64) []uint16 {
	free := o.kept[:0]
	o.late = o.late[:0]
	for _, l := range lanes {
		table := 0
		if o.cfg.Tag >= 0 {
			table = int(b.Cols[o.cfg.Tag].Int(int(l)))
		}
		by := o.cfg.Tables[table].OrderBy
		if len(by) == 0 {
			free = append(free, l)
			continue
		}
		col := &b.Cols[by[0].Col]
		k := state.MakeKey(b, kv, int(l), o.place[:0])
		passed := max(wm, o.groups.of(k.Group))
		if col.IsNull(int(l)) {
			o.late = append(o.late, l) // no watermark ever passes it
			continue
		}
		ts := floorDiv(col.Int(int(l)), col.Type.PerSecond()/1000)
		if ts <= passed {
			o.late = append(o.late, l)
			continue
		}
		if len(o.sortBy[table]) > 0 {
			word, rest := o.orders[table].Append(o.rest[:0], b, o.sortBy[table], int(l))
			o.rest = rest
			k.Bytes = append(binary.BigEndian.AppendUint64(k.Bytes, word), rest...)
		}
		o.place = k.Bytes
		o.row = append(o.row[:0], byte(b.Kind(int(l))))
		o.row = o.codec.Append(o.row, b, o.all, int(l))
		o.wait.Add(ts, k, o.row)
	}
	if len(o.late) > 0 {
		c.Late(b, o.late, wm)
	}
	o.kept = free
	return free
}

// Watermark fires timers and gives out rows that waited.
func (o *process) Watermark(c *Ctx, ts int64) error {
	if err := o.fire(c, ts); err != nil {
		return err
	}
	return o.out.flush(c)
}

// fire goes to a watermark in order of time: rows that waited before the timers of the
// same moment.
func (o *process) fire(c *Ctx, wm int64) error {
	if wm <= o.fired {
		return nil
	}
	o.fired, o.ctx.wm = wm, wm
	for {
		row, timer := batch.MaxWatermark, batch.MaxWatermark
		any := false
		if o.sorts {
			if at, ok := o.wait.Min(); ok && at <= wm {
				row, any = at, true
			}
		}
		if o.cfg.Timers {
			if at, ok := o.ctx.due.Min(); ok && at <= wm && (at < row || !any) {
				timer, any = at, true
			}
		}
		var err error
		switch {
		case !any:
			if o.sorts {
				o.groups.advance(wm)
			}
			return nil
		case timer < row || row == batch.MaxWatermark:
			err = o.onTimer(c, timer)
		case o.cfg.Timers:
			err = o.give(c, row)
		default:
			err = o.give(c, wm)
		}
		if err != nil {
			return err
		}
	}
}

// give evaluates the waiting rows up to a time.
func (o *process) give(c *Ctx, upTo int64) error {
	for more := true; more; {
		more = o.wait.Due(upTo, batch.MaxRows, &o.due)
		n := len(o.due.TS)
		b := &o.ready
		if err := o.out.leave(c, b); err != nil {
			return err
		}
		b.SetColumns(len(o.cfg.Input))
		for i, t := range o.cfg.Input {
			b.Cols[i].Alloc(t, n)
		}
		kinds := grow(o.kinds, n)
		o.kinds = kinds
		for i, p := range o.due.Payload {
			kinds[i], o.due.Payload[i] = batch.Kind(p[0]), p[1:]
		}
		o.codec.Decode(b.Cols, 0, nil, o.due.Payload)
		b.N, b.Kinds, b.Sel, b.Marks, b.Keys = n, kindsOf(kinds), nil, nil, nil
		var kv *batch.KeyVec
		if len(o.cfg.Keys) > 0 {
			kv = keyVec(c, 0, b, o.cfg.Keys, &o.ctx.readyKeys)
		}
		o.viewed = nil
		if err := o.eval(c, b, kv, batch.Span(0, n)); err != nil {
			return err
		}
	}
	return nil
}

// onTimer fires all timers of one moment, by key and then by name.
func (o *process) onTimer(c *Ctx, at int64) error {
	for more := true; more; {
		more = o.ctx.due.Due(at, batch.MaxRows, &o.timer)
		for i, k := range o.timer.Keys {
			o.ctx.keyOf(k)
			if err := o.out.timer(c, k, o.timer.TS[i]); err != nil {
				return err
			}
			for {
				name, ok := o.ctx.takeTimer(o.timer.TS[i])
				if !ok {
					break
				}
				if err := o.fn.OnTimer(&o.ctx, function.ProcessTimer{Name: name, At: o.timer.TS[i]}); err != nil {
					return err
				}
				if o.out.err != nil {
					return o.out.err
				}
			}
		}
	}
	return nil
}

// Timer is not used: timers are of event time.
func (o *process) Timer(*Ctx, int64) error { return nil }

// Snapshot writes how far sorted rows have come out; all else is in the store.
func (o *process) Snapshot(*Ctx) error {
	if o.sorts {
		o.groups.save()
	}
	return nil
}

// Close has nothing to release.
func (o *process) Close() error { return nil }

// errNoRow is the error of a row that comes of something that is not there.
func errNoRow() error {
	return diag.New(diag.InvalidArgument, "a process table function gave a row of a timer in Eval, or one of a row in OnTimer")
}
