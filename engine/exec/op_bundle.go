package exec

import (
	"github.com/minkstream/mink/engine/batch"
)

// BundleConfig says how the rows of an operator are bundled, as Flink's mini-batches.
type BundleConfig struct {
	// Rows is the most rows of a bundle. Latency is the interval, in milliseconds, at
	// whose multiples of processing time a bundle ends; with Rowtime of event time.
	Rows    int
	Latency int64
	Rowtime bool
}

// bundleMax is the most rows of a bundle: as many as of any batch.
const bundleMax = 1 << 15

// NewBundle makes an operator that hands its rows to op in bundles, each as one batch,
// so that a folding op tells one change of a key for all of a bundle. A bundle ends when
// it is full, at the next multiple of the interval, at a barrier and with the input.
//
// A regular join has a bundle of rows of both inputs together, and gets each input's
// folded.
//
// Rows of a bundle are in no snapshot: none is open at a barrier. Watermarks wait for
// the rows before them; by event time only those at the end of an interval are passed
// on.
func NewBundle(op Operator, cfg BundleConfig) Operator {
	cfg.Rows = min(cfg.Rows, bundleMax)
	o := &bundle{op: op, cfg: cfg}
	if j, ok := op.(*join); ok {
		o.join, o.fold = j, newJoinFold(&j.cfg)
		j.swaps = true
	}
	return o
}

type bundle struct {
	op  Operator
	cfg BundleConfig

	join *join     // op, where it is a join
	fold *joinFold // of a join

	rows   [2]batch.Batch // by input
	before int64          // the watermark when the first row of the bundle came
	due    int64          // processing time at which the bundle ends
	passed int64          // by event time: the watermark that was passed on, and the one that
	next   int64          // is passed on next
	part   batch.Batch
}

// Draw draws the operator that gets the bundles.
func (o *bundle) Draw() Drawing {
	if d, ok := o.op.(Drawer); ok {
		return d.Draw()
	}
	return Drawing{}
}

// Open opens the operator.
func (o *bundle) Open(c *Ctx) error {
	o.passed = c.Watermark()
	o.next = o.boundary(max(o.passed, 0))
	return o.op.Open(c)
}

// boundary is the end of the interval that a watermark lies in, or of the next one if it
// is that end.
func (o *bundle) boundary(wm int64) int64 {
	end := wm - wm%o.cfg.Latency + o.cfg.Latency - 1
	if end <= wm {
		end += o.cfg.Latency
	}
	return end
}

// Process adds rows to the bundle.
func (o *bundle) Process(c *Ctx, in int, b *batch.Batch) error {
	if o.size() > 0 && !o.cfg.Rowtime && c.Now() >= o.due {
		if err := o.flush(c); err != nil {
			return err
		}
	}
	if !o.cfg.Rowtime {
		return o.add(c, in, b, b.Sel)
	}
	for s := NewSegments(c.Watermark(), b, func(_, to int64) bool { return to >= o.next }); s.Next(); {
		if s.Hi > s.Lo {
			if err := o.add(c, in, b, Lanes(b, s.Lo, s.Hi)); err != nil {
				return err
			}
		}
		if s.Moved() {
			if err := o.pass(c, s.After); err != nil {
				return err
			}
		}
	}
	return nil
}

// size is how many rows the bundle has.
func (o *bundle) size() int { return o.rows[0].N + o.rows[1].N }

// add adds the lanes sel of b, nil for all, and hands on what is full.
func (o *bundle) add(c *Ctx, in int, b *batch.Batch, sel []uint16) error {
	if sel == nil {
		sel = batch.Span(0, b.N)
	}
	for len(sel) > 0 {
		n := min(len(sel), o.cfg.Rows-o.size())
		if n == o.cfg.Rows && o.fold == nil { // a whole bundle of its own
			o.part = *b
			o.part.Sel, o.part.Marks = sel[:n], nil
			if err := o.run(c, in, &o.part); err != nil {
				return err
			}
			sel = sel[n:]
			continue
		}
		if o.size() == 0 {
			o.before = c.Watermark()
			if !o.cfg.Rowtime {
				now := c.Now()
				o.due = now - now%o.cfg.Latency + o.cfg.Latency
				c.SetTimer(o.due)
			}
		}
		o.part = *b
		o.part.Marks = nil
		o.rows[in].Append(&o.part, sel[:n])
		sel = sel[n:]
		if o.size() == o.cfg.Rows {
			if err := o.flush(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush ends the bundle.
func (o *bundle) flush(c *Ctx) error {
	if o.size() == 0 {
		return nil
	}
	if o.fold != nil {
		return o.flushJoin(c)
	}
	err := o.run(c, 0, &o.rows[0])
	o.rows[0].Reset()
	return err
}

// flushJoin hands on what is left of both inputs.
func (o *bundle) flushJoin(c *Ctx) error {
	for _, in := range [2]int{o.fold.first, 1 - o.fold.first} {
		if o.rows[in].N == 0 {
			continue
		}
		b, swap := o.fold.fold(in, &o.rows[in])
		if b.Rows() > 0 {
			o.join.swap = swap
			if err := o.run(c, in, b); err != nil {
				return err
			}
			o.join.swap = nil
		}
		o.rows[in].Reset()
	}
	if wm := c.Watermark(); !o.cfg.Rowtime && wm != batch.NoWatermark {
		return o.op.Watermark(c, wm) // which waited for the bundle
	}
	return nil
}

func (o *bundle) run(c *Ctx, in int, b *batch.Batch) error {
	if err := o.op.Process(c, in, b); err != nil {
		return err
	}
	r, ok := o.op.(Resumer)
	for ok {
		var err error
		if ok, err = r.Resume(c); err != nil {
			return err
		}
	}
	return nil
}

// pass takes a watermark: by event time it may end the bundle.
func (o *bundle) pass(c *Ctx, wm int64) error {
	if wm < o.next {
		return nil
	}
	o.passed, o.next = wm, o.boundary(max(wm, 0))
	return o.flush(c)
}

// OutWatermark holds watermarks back behind the rows of the bundle.
func (o *bundle) OutWatermark(ts int64) int64 {
	switch {
	case ts == batch.MaxWatermark:
		return ts
	case o.cfg.Rowtime:
		return o.passed
	case o.size() > 0:
		return min(ts, o.before)
	}
	return ts
}

// Watermark ends the bundle with the input, and by event time with an interval.
func (o *bundle) Watermark(c *Ctx, ts int64) error {
	if ts == batch.MaxWatermark {
		if err := o.flush(c); err != nil {
			return err
		}
	} else if o.cfg.Rowtime {
		if err := o.pass(c, ts); err != nil {
			return err
		}
	}
	if o.fold != nil { // rows that wait may match what a later watermark lets go
		ts = o.OutWatermark(ts)
	}
	return o.op.Watermark(c, ts)
}

// Timer ends the bundle when its time has come.
func (o *bundle) Timer(c *Ctx, at int64) error {
	if o.size() > 0 && !o.cfg.Rowtime && c.Now() >= o.due {
		if err := o.flush(c); err != nil {
			return err
		}
	}
	return o.op.Timer(c, at)
}

// Snapshot ends the bundle: it is in no snapshot.
func (o *bundle) Snapshot(c *Ctx) error {
	if err := o.flush(c); err != nil {
		return err
	}
	return o.op.Snapshot(c)
}

// Finish finishes the operator.
func (o *bundle) Finish(c *Ctx) error {
	if f, ok := o.op.(Finisher); ok {
		return f.Finish(c)
	}
	return nil
}

// Close closes the operator.
func (o *bundle) Close() error { return o.op.Close() }
