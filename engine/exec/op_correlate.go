package exec

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// CorrelateConfig describes a join of each row with the rows of a table function.
//
// Output: the columns Keep of the input, then the columns Read of the function.
type CorrelateConfig struct {
	Input []types.Type
	// Args are over the input; Make gives the function, whose columns are Rows.
	Args []expr.Node
	Make func() function.TableKernel
	// Begin is set instead of Make for a function that must be ended.
	Begin func() (k function.TableKernel, end func() error)
	Rows  []types.Type
	// Cond, unless nil, says which rows of the function count; it reads the columns of
	// the input, then those of the function.
	Cond expr.Node
	// Left keeps rows for which the function gives none, padded with NULL.
	Left       bool
	Keep, Read []int
}

// NewCorrelate makes a correlation. The rows of an input row come out together, in
// the order the function gives them, with the kind of the input row. Large outputs
// come in pieces.
func NewCorrelate(cfg CorrelateConfig) Operator { return &correlate{cfg: cfg} }

type correlate struct {
	Stateless
	cfg   CorrelateConfig
	prog  *expr.Program
	fn    function.TableKernel
	end   func() error
	frame *function.Frame
	args  []*batch.Col
	live  []uint64
	rows  function.TableRows

	// b is the batch at hand while its output is interrupted; at and done are the row
	// and how many of its function's rows are out, marks what is still to come.
	b     *batch.Batch
	at    int
	done  uint32
	marks []batch.Mark

	lanes []uint16 // lane of each output row
	index []uint32 // function's row of each output row
	pads  []uint32 // output rows without one, ascending
	moved []uint32
	out   batch.Batch

	cond  *expr.Program
	both  batch.Batch // input rows beside the function's rows
	uses  []int       // its columns that cond reads
	pass  []uint16
	spare []uint32
	hit   bool // the row at hand has had a row of the function that counts
}

// Draw names the operator.
func (o *correlate) Draw() Drawing { return Drawing{Name: "Correlate"} }

// Open compiles the arguments.
func (o *correlate) Open(c *Ctx) error {
	o.frame = function.NewFrame(c, c.Zone)
	if o.cfg.Begin != nil {
		o.fn, o.end = o.cfg.Begin()
	} else {
		o.fn = o.cfg.Make()
	}
	o.args = make([]*batch.Col, len(o.cfg.Args))
	var err error
	if o.cfg.Cond != nil {
		o.uses = expr.Refs(o.cfg.Cond)
		if o.cond, err = expr.Compile([]expr.Node{o.cfg.Cond}, append(slices.Clip(o.cfg.Input), o.cfg.Rows...)); err != nil {
			return err
		}
	}
	o.prog, err = expr.Compile(o.cfg.Args, o.cfg.Input)
	return err
}

// Close ends the function.
func (o *correlate) Close() error {
	if o.end == nil {
		return nil
	}
	end := o.end
	o.end = nil
	return end()
}

// Process calls the function for the rows of a batch.
func (o *correlate) Process(c *Ctx, _ int, b *batch.Batch) error {
	o.frame.SetEnv(c)
	o.b, o.at, o.done, o.marks, o.hit = b, 0, 0, b.Marks, false
	o.begin()
	if b.Rows() > 0 {
		if err := o.prog.Run(o.frame, b, o.args); err != nil {
			return err
		}
		var live []uint64
		if b.Sel != nil {
			live = grow(o.live, batch.Words(b.N))
			kernel.MaskOf(live, b.Sel)
			o.live = live
		}
		if err := o.fn(o.frame, &o.rows, o.args, b.N, live); err != nil {
			if le, ok := err.(*batch.LaneError); ok {
				return le.Err
			}
			return err
		}
	}
	return o.join(c)
}

// Resume goes on with an interrupted batch.
func (o *correlate) Resume(c *Ctx) (bool, error) {
	if o.b == nil {
		return false, nil
	}
	err := o.join(c)
	return o.b != nil, err
}

// begin starts an output batch.
func (o *correlate) begin() {
	o.out.Reset()
	o.lanes, o.index, o.pads = o.lanes[:0], o.index[:0], o.pads[:0]
}

// join collects pairs of input rows and function's rows and emits them, in pieces of
// at most a full batch. Marks follow the rows that they follow in the input.
func (o *correlate) join(c *Ctx) error {
	b := o.b
	n := b.Rows()
	for ; o.at < n; o.at, o.done = o.at+1, 0 {
		l := b.Lane(o.at)
		if o.done == 0 {
			for len(o.marks) > 0 && int(o.marks[0].Pos) <= l {
				o.out.AddMark(len(o.lanes), o.marks[0].WM)
				o.marks = o.marks[1:]
			}
		}
		from, to := o.rows.From[l]+o.done, o.rows.To[l]
		if from >= to && o.done == 0 && o.cfg.Left {
			o.pads = append(o.pads, uint32(len(o.lanes)))
			o.lanes, o.index = append(o.lanes, uint16(l)), append(o.index, 0)
		}
		for from < to {
			room := uint32(batch.MaxRows - len(o.lanes))
			k := min(room, to-from)
			for i := range k {
				o.lanes, o.index = append(o.lanes, uint16(l)), append(o.index, from+i)
			}
			from += k
			o.done += k
			if len(o.lanes) < batch.MaxRows {
				break
			}
			if err := o.emit(c, from < to); err != nil {
				return err
			}
			if from < to && c.Yield() {
				return nil
			}
		}
		if len(o.lanes) == batch.MaxRows {
			if err := o.emit(c, false); err != nil {
				return err
			}
		}
	}
	for _, m := range o.marks {
		o.out.AddMark(len(o.lanes), m.WM)
	}
	o.marks = nil
	err := o.emit(c, false)
	o.b = nil
	return err
}

// emit gives out the rows so far; open says that the last row of the input goes on.
func (o *correlate) emit(c *Ctx, open bool) error {
	if o.cond != nil && len(o.lanes) > 0 {
		if err := o.filter(open); err != nil {
			return err
		}
	}
	n := len(o.lanes)
	if n == 0 && len(o.out.Marks) == 0 {
		return nil
	}
	b, keep := o.b, len(o.cfg.Keep)
	marks := o.out.Marks
	o.out.SetColumns(keep + len(o.cfg.Read))
	o.out.N, o.out.Marks = n, marks
	for i, k := range o.cfg.Keep {
		o.out.Cols[i].Gather(&b.Cols[k], o.lanes, n)
	}
	for i, k := range o.cfg.Read {
		o.read(&o.out.Cols[keep+i], k, n)
	}
	if b.Kinds != nil {
		kinds := o.out.AllocKinds()
		for i, l := range o.lanes {
			kinds[i] = b.Kinds[l]
		}
	}
	err := c.Emit(&o.out)
	o.begin()
	return err
}

// filter drops the pairs for which the condition is not true. A row that has none left
// is padded when its last pair has been seen.
func (o *correlate) filter(open bool) error {
	n, width := len(o.lanes), len(o.cfg.Input)
	o.both.SetColumns(width + len(o.cfg.Rows))
	o.both.N, o.both.Sel, o.both.Kinds, o.both.Marks = n, nil, nil, nil
	for _, k := range o.uses {
		if k < width {
			o.both.Cols[k].Gather(&o.b.Cols[k], o.lanes, n)
		} else {
			o.read(&o.both.Cols[k], k-width, n)
		}
	}
	var err error
	if o.pass, err = o.cond.Filter(o.frame, &o.both, o.pass[:0]); err != nil {
		return err
	}
	pass, pads, marks := o.pass, o.pads, o.out.Marks
	o.pads, o.spare = o.spare[:0], o.pads
	at, mark := 0, 0
	place := func(from int) { // of the marks before row from
		for ; mark < len(marks) && int(marks[mark].Pos) <= from; mark++ {
			marks[mark].Pos = uint16(at)
		}
	}
	for from := 0; from < n; {
		to := from + 1
		for to < n && o.lanes[to] == o.lanes[from] {
			to++
		}
		place(from)
		lane, none := o.lanes[from], len(pads) > 0 && int(pads[0]) == from
		if none {
			pads = pads[1:]
		}
		for len(pass) > 0 && int(pass[0]) < to {
			if !none {
				o.lanes[at], o.index[at], o.hit = lane, o.index[pass[0]], true
				at++
			}
			pass = pass[1:]
		}
		if to < n || !open {
			if !o.hit && o.cfg.Left {
				o.pads = append(o.pads, uint32(at))
				o.lanes[at], o.index[at] = lane, 0
				at++
			}
			o.hit = false
		}
		from = to
	}
	place(n)
	o.lanes, o.index = o.lanes[:at], o.index[:at]
	return nil
}

// read makes column k of the function's rows for n output rows.
func (o *correlate) read(dst *batch.Col, k, n int) {
	t := o.cfg.Rows[k]
	if o.cfg.Left {
		t.NotNull = false
	}
	if len(o.pads) == n {
		dst.Alloc(t, 0)
		dst.AppendNulls(0, n)
		return
	}
	src, index := &o.rows.Cols[k], o.index
	if src.At != nil {
		o.moved = grow(o.moved, n)
		for i, r := range index {
			o.moved[i] = src.At[r]
		}
		index = o.moved
	}
	dst.AppendIndex(0, src.Col, index, n)
	dst.Type = t
	for _, p := range o.pads {
		dst.SetNull(int(p), n)
	}
}
