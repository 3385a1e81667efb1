package exec

import (
	"encoding/binary"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// PredictConfig describes a model that is asked about each row of an input that only
// inserts.
//
// Output: the columns Keep of the input, then the columns Output of the model.
type PredictConfig struct {
	Model      string // for messages
	Prediction connect.Prediction
	Input      []types.Type
	// Args are over the input and have the types of the model's input.
	Args   []expr.Node
	Keep   []int
	Output []types.Type
	// Async asks outside of steps. Then at most Max calls are under way, each for at
	// most Timeout; 0 is no limit of time.
	Async   bool
	Max     int
	Timeout time.Duration
	// Unordered lets the answers for a batch go out before those for an earlier one,
	// but not past a watermark.
	Unordered bool
}

// NewPredict makes the operator. A call is about all rows of a batch. Rows whose calls
// are under way are part of a snapshot; their calls are made again after a restore.
func NewPredict(cfg PredictConfig) Operator {
	cfg.Keep = append([]int{}, cfg.Keep...) // never nil, which would be all columns
	if cfg.Async {
		return &predictAsync{predict: predict{cfg: cfg}}
	}
	return &predict{cfg: cfg}
}

// predict asks within the step. What the model answers is recorded.
type predict struct {
	Stateless
	cfg   PredictConfig
	prog  *expr.Program
	frame *function.Frame
	model connect.Predictor
	codec *batch.RowCodec // of answers
	keep  []types.Type

	vals []*batch.Col
	one  asked
	got  batch.Batch
	out  batch.Batch
	row  []uint16 // of each answer
}

// asked are the rows of a batch that the model is asked about: what is kept of them,
// with the marks between them, and the arguments, both dense.
type asked struct {
	rows, args batch.Batch
	call       int64 // 0 when it has not been made
	since      int64 // processing time of the call
	answer     []byte
	done       bool
}

// Draw names the operator.
func (o *predict) Draw() Drawing { return Drawing{Name: "MLPredict"} }

// Open compiles the arguments.
func (o *predict) Open(c *Ctx) error {
	o.frame = function.NewFrame(c, c.Zone)
	o.codec = batch.NewRowCodec(o.cfg.Output)
	o.keep = nil
	for _, k := range o.cfg.Keep {
		o.keep = append(o.keep, o.cfg.Input[k])
	}
	o.vals = make([]*batch.Col, len(o.cfg.Args))
	var err error
	o.prog, err = expr.Compile(o.cfg.Args, o.cfg.Input)
	return err
}

// Process asks about the rows of a batch and waits for the answer.
func (o *predict) Process(c *Ctx, _ int, b *batch.Batch) error {
	if err := o.take(c, &o.one, b); err != nil {
		return err
	}
	if o.one.rows.N == 0 {
		return o.emit(c, &o.one)
	}
	if err := o.open(c); err != nil {
		return err
	}
	answer, err := c.Outside(func() ([]byte, error) { return o.ask(o.model, &o.one.args) })
	if err != nil {
		return err
	}
	o.one.answer = answer
	return o.emit(c, &o.one)
}

// take copies what is needed of a batch.
func (o *predict) take(c *Ctx, a *asked, b *batch.Batch) error {
	o.frame.SetEnv(c)
	a.rows.Gather(b, o.cfg.Keep)
	a.answer, a.done = nil, false
	n := b.Rows()
	if n == 0 {
		return nil
	}
	if err := o.prog.Run(o.frame, b, o.vals); err != nil {
		return err
	}
	a.args.SetColumns(len(o.vals))
	for i, v := range o.vals {
		a.args.Cols[i].Append(0, v, b.Sel, n)
	}
	a.args.N = n
	return nil
}

// open makes the predictor, once.
func (o *predict) open(c *Ctx) (err error) {
	if o.model == nil {
		o.model, err = o.cfg.Prediction.Open(connect.PredictorCtx{Subtask: c.Subtask, Parallelism: c.Parallelism, Timeout: o.cfg.Timeout})
	}
	return o.named(err)
}

// named says whose error it is.
func (o *predict) named(err error) error {
	if err == nil || diag.As(err) != nil {
		return err
	}
	return diag.Wrap(diag.IO, err, "model %s", o.cfg.Model)
}

// ask makes a call and packs the answer: how many rows there are, the row that each
// belongs to, the rows. It touches nothing of the operator that changes.
func (o *predict) ask(model connect.Predictor, args *batch.Batch) ([]byte, error) {
	var got batch.Batch
	got.Alloc(o.cfg.Output, 0)
	lanes, err := model.Predict(args, &got)
	if err != nil {
		return nil, o.named(err)
	}
	if len(lanes) != got.N || len(got.Cols) != len(o.cfg.Output) {
		return nil, diag.New(diag.Internal, "model %s gave %d rows and says of %d what they belong to", o.cfg.Model, got.N, len(lanes))
	}
	out := binary.LittleEndian.AppendUint32(nil, uint32(len(lanes)))
	last := uint16(0)
	for _, l := range lanes {
		if l < last || int(l) >= args.N {
			return nil, diag.New(diag.Internal, "model %s answers for row %d of %d after row %d", o.cfg.Model, l, args.N, last)
		}
		out, last = binary.LittleEndian.AppendUint16(out, l), l
	}
	return o.codec.Pack(out, got.Cols, nil, got.N), nil
}

// emit gives out the answers beside the rows they belong to, in full batches at most,
// with the watermarks that were between the rows.
func (o *predict) emit(c *Ctx, a *asked) error {
	if err := o.unpack(a); err != nil {
		return err
	}
	marks := a.rows.Marks
	keep := len(o.keep)
	for from := 0; ; {
		to := min(len(o.row), from+batch.MaxRows)
		lanes := o.row[from:to]
		n := to - from
		o.out.Reset()
		o.out.SetColumns(keep + len(o.got.Cols))
		for i := range keep {
			o.out.Cols[i].Gather(&a.rows.Cols[i], lanes, n)
		}
		for i := range o.got.Cols {
			o.out.Cols[keep+i].Gather(&o.got.Cols[i], batch.Span(from, to), n)
		}
		o.out.N = n
		at := 0
		for len(marks) > 0 {
			for at < n && lanes[at] < marks[0].Pos {
				at++
			}
			if at == n && to < len(o.row) {
				break // rows before it are still to come
			}
			o.out.AddMark(at, marks[0].WM)
			marks = marks[1:]
		}
		if n > 0 || len(o.out.Marks) > 0 {
			if err := c.Emit(&o.out); err != nil {
				return err
			}
		}
		if from = to; from == len(o.row) {
			return nil
		}
	}
}

// unpack reads an answer into got and row.
func (o *predict) unpack(a *asked) error {
	o.got.Alloc(o.cfg.Output, 0)
	o.row = o.row[:0]
	if a.rows.N == 0 {
		return nil
	}
	bad := diag.New(diag.Internal, "a recorded answer of model %s is cut short", o.cfg.Model)
	b := a.answer
	if len(b) < 4 {
		return bad
	}
	n := int(binary.LittleEndian.Uint32(b))
	if b = b[4:]; len(b) < 2*n {
		return bad
	}
	for i := range n {
		o.row = append(o.row, binary.LittleEndian.Uint16(b[2*i:]))
	}
	got, _, err := o.codec.Unpack(o.got.Cols, b[2*n:])
	if err == nil && got != n {
		err = bad
	}
	o.got.N = n
	return err
}

// Close lets go of the model.
func (o *predict) Close() error {
	if o.model == nil {
		return nil
	}
	m := o.model
	o.model = nil
	return m.Close()
}

// predictAsync asks outside of steps.
type predictAsync struct {
	predict
	queue   []*asked // not yet given out, in their order
	free    []*asked
	running int
	passed  int64 // highest watermark given out before what is in the queue
	kept    *state.Value
	args    *batch.RowCodec
	rows    *batch.RowCodec
}

// Draw names the operator and its state.
func (o *predictAsync) Draw() Drawing { return Drawing{Name: "MLPredict", State: []string{"asked"}} }

// Open makes the calls again that were under way.
func (o *predictAsync) Open(c *Ctx) error {
	if err := o.predict.Open(c); err != nil {
		return err
	}
	var types []types.Type
	for _, a := range o.cfg.Args {
		types = append(types, a.Type())
	}
	o.args, o.rows = batch.NewRowCodec(types), batch.NewRowCodec(o.keep)
	o.passed = batch.NoWatermark
	o.kept = c.Store.Value(c.Name + ".asked")
	for _, v := range o.kept.Restored() {
		if err := o.restore(v); err != nil {
			return err
		}
	}
	return o.start(c)
}

// Process notes the rows of a batch and starts their call.
func (o *predictAsync) Process(c *Ctx, _ int, b *batch.Batch) error {
	a := &asked{}
	if k := len(o.free); k > 0 {
		a, o.free = o.free[k-1], o.free[:k-1]
	}
	if err := o.take(c, a, b); err != nil {
		return err
	}
	a.call = 0
	o.queue = append(o.queue, a)
	return o.start(c)
}

// start makes calls for what waits, as long as there is room.
func (o *predictAsync) start(c *Ctx) error {
	for _, a := range o.queue {
		if a.done || a.call != 0 {
			continue
		}
		if a.rows.N == 0 {
			a.done = true
			continue
		}
		if o.running >= o.cfg.Max {
			break
		}
		host, ok := c.Host.(Async)
		if !ok {
			return diag.New(diag.Internal, "a model cannot be called outside of steps here")
		}
		if err := o.open(c); err != nil {
			return err
		}
		model, args := o.model, &a.args
		o.running++
		if o.cfg.Timeout > 0 {
			a.since = c.Now()
			c.SetTimer(a.since + o.cfg.Timeout.Milliseconds())
		}
		a.call = host.Start("model", func() ([]byte, error) { return o.ask(model, args) })
	}
	return o.give(c)
}

// Full says that enough calls are under way.
func (o *predictAsync) Full() bool { return o.running >= o.cfg.Max }

// Completed takes an answer.
func (o *predictAsync) Completed(c *Ctx, id int64, result []byte, err error) error {
	if err != nil {
		return o.named(err)
	}
	for _, a := range o.queue {
		if a.call == id {
			a.answer, a.done = result, true
			o.running--
			return o.start(c)
		}
	}
	return diag.New(diag.Internal, "model %s answers a call that was not made", o.cfg.Model)
}

// give gives out what may go: from the front of the queue all that is answered, and
// unordered also what stands behind unanswered rows, up to the first watermark.
func (o *predictAsync) give(c *Ctx) error {
	left := o.queue[:0]
	blocked, marked := false, false
	for _, a := range o.queue {
		// A watermark does not pass rows that are under way, nor rows a watermark.
		if !a.done || blocked && (!o.cfg.Unordered || marked || len(a.rows.Marks) > 0) {
			blocked, marked = true, marked || len(a.rows.Marks) > 0
			left = append(left, a)
			continue
		}
		if err := o.emit(c, a); err != nil {
			return err
		}
		o.passed = max(o.passed, a.rows.LastMark())
		o.free = append(o.free, a)
	}
	clear(o.queue[len(left):])
	o.queue = left
	return nil
}

// Watermark keeps its place behind the rows that came before it.
func (o *predictAsync) Watermark(_ *Ctx, ts int64) error {
	if k := len(o.queue); k > 0 && ts > o.queue[k-1].rows.LastMark() {
		last := o.queue[k-1]
		last.rows.AddMark(last.rows.N, ts)
	}
	return nil
}

// OutWatermark holds the watermark back for the rows under way.
func (o *predictAsync) OutWatermark(ts int64) int64 {
	if len(o.queue) > 0 {
		return o.passed
	}
	return ts
}

// Timer gives up a call that takes too long.
func (o *predictAsync) Timer(c *Ctx, at int64) error {
	for _, a := range o.queue {
		if a.call != 0 && !a.done && a.since+o.cfg.Timeout.Milliseconds() <= at {
			return diag.New(diag.JobFailed, "model %s has not answered within %s", o.cfg.Model, o.cfg.Timeout).
				WithHint("'timeout' in CONFIG, or table.exec.async-ml-predict.timeout, gives it more time")
		}
	}
	return nil
}

// Snapshot keeps the rows that have not gone out. Watermarks between them are not kept:
// after a restore they go out behind all of the rows.
func (o *predictAsync) Snapshot(*Ctx) error {
	if len(o.queue) == 0 {
		o.kept.Set(nil)
		return nil
	}
	var out []byte
	for _, a := range o.queue {
		if a.rows.N > 0 {
			out = o.rows.Pack(out, a.rows.Cols, nil, a.rows.N)
			out = o.args.Pack(out, a.args.Cols, nil, a.args.N)
		}
	}
	o.kept.Set(out)
	return nil
}

// restore puts the rows of a snapshot back into the queue.
func (o *predictAsync) restore(b []byte) error {
	var err error
	for len(b) > 0 {
		a := &asked{}
		a.rows.SetColumns(len(o.keep))
		a.args.SetColumns(len(o.cfg.Args))
		if a.rows.N, b, err = o.rows.Unpack(a.rows.Cols, b); err != nil {
			return err
		}
		if a.args.N, b, err = o.args.Unpack(a.args.Cols, b); err != nil {
			return err
		}
		o.queue = append(o.queue, a)
	}
	return nil
}
