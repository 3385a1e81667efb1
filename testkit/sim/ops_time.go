package sim

import (
	"encoding/binary"
	"fmt"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/flow"
	state "github.com/minkstream/mink/engine/state"
)

// keyed is what the operators with one table share.
type keyed struct {
	exec.Stateless
	w    *world
	t    *state.Table
	kv   batch.KeyVec
	refs []state.Ref
	out  batch.Batch
}

func (o *keyed) open(c *exec.Ctx, lanes int) {
	o.t = c.Store.Table("rows", state.TableSpec{Key: keyTypes, Lanes: lanes})
	o.begin()
}

// lookup finds the rows of a batch's keys.
func (o *keyed) lookup(c *exec.Ctx, b *batch.Batch) []state.Ref {
	kv := ownKeys(c, o.w, &o.kv, b)
	if cap(o.refs) < b.N {
		o.refs = make([]state.Ref, b.N+8)
	}
	o.t.Lookup(b, kv, nil, state.Upsert, o.refs[:b.N], nil)
	return o.refs[:b.N]
}

// each visits all rows of the table with their keys.
func (o *keyed) each(visit func(key int64, row []uint64)) {
	var refs [8]state.Ref
	var b batch.Batch
	for cur := o.t.Cursor(); ; {
		n := cur.Next(refs[:])
		if n == 0 {
			return
		}
		b.Alloc(rowTypes[:1], n)
		o.t.KeysInto(b.Cols, 0, refs[:n])
		for i, ref := range refs[:n] {
			visit(b.Cols[0].I64[i], o.t.Touch(ref))
		}
	}
}

// begin and add fill the output batch.
func (o *keyed) begin() { o.out.Alloc(rowTypes, 0) }

func (o *keyed) add(key, n int64) {
	at := o.out.N
	for i := range o.out.Cols {
		o.out.Cols[i].Resize(at, at+1)
	}
	o.out.N = at + 1
	o.out.Cols[0].I64[at], o.out.Cols[1].I64[at] = key, n
}

func (o *keyed) emit(c *exec.Ctx) error {
	if o.out.N == 0 {
		return nil
	}
	err := c.Emit(&o.out)
	o.begin()
	return err
}

const (
	windowSize = 100
	windowsMax = 30
	lateRow    = -1
)

func windowOf(time int64) int64 { return max(time, 0) / windowSize }

// windowOp counts rows by key and window: lane w of a key's row is the count of
// window w. It emits (key and window, count) when the watermark passes the window's
// end, and (key and window, -1) for a late row.
type windowOp struct {
	keyed
	runs map[int64]int64 // watermark at the first row of a run of the source
}

func (o *windowOp) Open(c *exec.Ctx) error {
	o.open(c, windowsMax)
	o.runs = map[int64]int64{}
	return nil
}

func fired(window, wm int64) bool { return wm >= (window+1)*windowSize-1 }

func (o *windowOp) Process(c *exec.Ctx, _ int, b *batch.Batch) error {
	refs := o.lookup(c, b)
	o.begin()
	wm, marks := c.Watermark(), b.Marks
	for i, ref := range refs {
		for len(marks) > 0 && int(marks[0].Pos) <= i {
			wm = marks[0].WM
			marks = marks[1:]
			if err := o.fire(c, wm); err != nil {
				return err
			}
		}
		run, limit := b.Cols[2].I64[i], b.Cols[3].I64[i]
		if at, ok := o.runs[run]; !ok {
			o.runs[run] = wm
		} else if wm > max(limit, at) {
			o.w.err = fmt.Errorf("watermark %d is ahead of a split that is not idle, which has come to %d", wm, limit)
		}
		win := windowOf(b.Cols[1].I64[i])
		if !fired(win, wm) {
			o.t.Touch(ref)[win]++
			continue
		}
		if !o.w.sc.Gaps {
			o.w.err = fmt.Errorf("a row at %d came late against watermark %d, although none can be", b.Cols[1].I64[i], wm)
		}
		o.add(b.Cols[0].I64[i]*windowsMax+win, lateRow)
	}
	return o.emit(c)
}

func (o *windowOp) Watermark(c *exec.Ctx, wm int64) error { return o.fire(c, wm) }

func (o *windowOp) fire(c *exec.Ctx, wm int64) error {
	if err := o.emit(c); err != nil { // late rows before it
		return err
	}
	o.each(func(key int64, row []uint64) {
		for win, n := range row {
			if n > 0 && fired(int64(win), wm) {
				o.add(key*windowsMax+int64(win), int64(n))
				row[win] = 0
			}
		}
	})
	return o.emit(c)
}

// bundleOp counts, but holds rows back in memory: until there are enough, a timer
// fires or a barrier comes.
type bundleOp struct {
	countOp
	held  batch.Batch
	timed bool
}

const bundleRows = 5

func (o *bundleOp) Process(c *exec.Ctx, _ int, b *batch.Batch) error {
	o.held.Append(b, nil)
	if o.held.N >= bundleRows {
		return o.flush(c)
	}
	if !o.timed {
		o.timed = true
		c.SetTimer(c.Now() + 20)
	}
	return nil
}

func (o *bundleOp) flush(c *exec.Ctx) error {
	if o.held.N == 0 {
		return nil
	}
	o.held.Keys = nil
	err := o.countOp.Process(c, 0, &o.held)
	o.held.Reset()
	return err
}

func (o *bundleOp) Timer(c *exec.Ctx, _ int64) error {
	o.timed = false
	return o.flush(c)
}

func (o *bundleOp) Snapshot(c *exec.Ctx) error { return o.flush(c) }

func (o *bundleOp) Watermark(c *exec.Ctx, ts int64) error {
	if ts == batch.MaxWatermark {
		return o.flush(c)
	}
	return nil
}

// timerOp keeps rows in state and counts and emits them when a timer fires. Lanes
// are the count and the rows that wait.
type timerOp struct {
	keyed
	next int64
}

func (o *timerOp) Open(c *exec.Ctx) error {
	o.open(c, 2)
	return nil
}

func (o *timerOp) Process(c *exec.Ctx, _ int, b *batch.Batch) error {
	for _, ref := range o.lookup(c, b) {
		o.t.Touch(ref)[1]++
	}
	if now := c.Now(); o.next <= now {
		o.next = now + 25
		c.SetTimer(o.next)
	}
	return nil
}

func (o *timerOp) Timer(c *exec.Ctx, _ int64) error {
	o.begin()
	o.each(func(key int64, row []uint64) {
		for ; row[1] > 0; row[1]-- {
			row[0]++
			o.add(key, int64(row[0]))
		}
	})
	return o.emit(c)
}

// asyncOp asks outside about each row and emits when the answer comes. Lanes are the
// count and the calls under way.
type asyncOp struct {
	keyed
}

func (o *asyncOp) Open(c *exec.Ctx) error {
	o.open(c, 2)
	if o.w.sc.Plant == flow.PlantAsyncLost {
		return nil
	}
	o.each(func(key int64, row []uint64) {
		for range row[1] {
			o.ask(c, key)
		}
	})
	return nil
}

func (o *asyncOp) ask(c *exec.Ctx, key int64) {
	c.Host.(exec.Async).Start("ask", func() ([]byte, error) {
		return binary.AppendVarint(nil, key), nil
	})
}

func (o *asyncOp) Process(c *exec.Ctx, _ int, b *batch.Batch) error {
	for i, ref := range o.lookup(c, b) {
		o.t.Touch(ref)[1]++
		o.ask(c, b.Cols[0].I64[i])
	}
	return nil
}

func (o *asyncOp) Completed(c *exec.Ctx, _ int64, result []byte, err error) error {
	if err != nil {
		return err
	}
	key, _ := binary.Varint(result)
	var one batch.Batch
	one.Alloc(rowTypes, 1)
	one.Cols[0].I64[0] = key
	row := o.t.Touch(o.lookup(c, &one)[0])
	row[1]--
	row[0]++
	o.begin()
	o.add(key, int64(row[0]))
	return o.emit(c)
}
