package exec

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// SortConfig describes an ORDER BY of a whole input, or by time of a stream.
type SortConfig struct {
	Input   []types.Type
	OrderBy []OrderKey
	// Offset and Fetch cut the sorted rows of a bounded input; Fetch < 0 takes all.
	Offset, Fetch int64
	// TimeCol is the event-time column that comes first in a sort of a stream; -1
	// for processing time.
	TimeCol int
}

// NewSort makes the sort of a bounded input: rows come out when it has ended. The
// input may take rows back.
func NewSort(cfg SortConfig) Operator { return &sortAll{cfg: cfg, limit: sortRun} }

// sortRun is the number of rows that are put into one order as they come. What comes
// then begins another run: a place among few is found in the processor's cache. Runs are
// merged at the end.
const sortRun = 1 << 13

type sortAll struct {
	cfg   SortConfig
	limit int // sortRun, fewer in tests
	// runs are by number, from 0. An entry whose lane is set takes back a row of its place
	// and payload, of whatever run.
	runs    *state.Sorted
	removes bool // there may be such
	order   *state.Ordering
	cols    []int
	all     []int
	codec   *state.Codec
	list    rowList
	key     batch.Batch
	keys    batch.KeyVec
	place   []byte
	row     []byte
	left    int64 // rows to skip
}

// Draw names the operator and its state.
func (o *sortAll) Draw() Drawing { return Drawing{Name: "Sort", State: []string{"rows"}} }

// Open makes the lists of rows.
func (o *sortAll) Open(c *Ctx) error {
	o.order, o.cols = ordering(o.cfg.Input, o.cfg.OrderBy)
	o.codec, o.all = state.NewCodec(o.cfg.Input), allCols(len(o.cfg.Input))
	o.list = newRowList(o.cfg.Input, o.codec, false)
	run := []types.Type{types.BigIntT.Nullable(false)}
	o.runs = c.Store.Sorted(c.Name+".rows", state.SortedSpec{Table: state.TableSpec{Key: run}, Entry: 1})
	o.key.Alloc(run, 1)
	o.removes = o.runs.Keys().Len() > 0
	return nil
}

// ref is the row of a run.
func (o *sortAll) ref(c *Ctx, run int, mode state.Mode) state.Ref {
	o.key.Cols[0].I64[0] = int64(run)
	batch.HashKeys(&o.keys, &o.key, []int{0}, c.MaxParallelism)
	return o.runs.Keys().Get(state.MakeKey(&o.key, &o.keys, 0, nil), mode)
}

// Process puts rows in their places.
func (o *sortAll) Process(c *Ctx, _ int, b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	run := max(0, o.runs.Keys().Len()-1)
	ref := o.ref(c, run, state.Upsert)
	for i := range b.Rows() {
		if o.runs.Len(ref) >= o.limit {
			run++
			ref = o.ref(c, run, state.Upsert)
		}
		l := b.Lane(i)
		word, rest := o.order.Append(o.place[:0], b, o.cols, l)
		o.place = rest
		o.row = o.codec.Append(o.row[:0], b, o.all, l)
		p := o.runs.Insert(ref, word, rest, o.row)
		if !b.Kind(l).Adds() {
			o.runs.Lanes(p)[0] = 1
			o.removes = true
		}
	}
	return nil
}

// Finish gives out the rows in order.
func (o *sortAll) Finish(c *Ctx) error {
	m := runMerge{s: o.runs}
	for run := range o.runs.Keys().Len() {
		m.add(run, o.runs.First(o.ref(c, run, state.Read)))
	}
	o.left = o.cfg.Offset
	n := o.cfg.Fetch
	give := func(payload []byte) error {
		if o.left > 0 {
			o.left--
			return nil
		}
		o.list.add(batch.Insert, payload, 0)
		if n--; n != 0 && o.list.len() < batch.MaxRows {
			return nil
		}
		return o.list.emit(c)
	}
	var group mergeGroup
	for len(m.heads) > 0 && n != 0 {
		if !o.removes {
			if err := give(m.next()); err != nil {
				return err
			}
			continue
		}
		for _, payload := range group.take(&m) {
			if n == 0 {
				break
			}
			if err := give(payload); err != nil {
				return err
			}
		}
	}
	return o.list.emit(c)
}

// Watermark changes nothing.
func (o *sortAll) Watermark(*Ctx, int64) error { return nil }

// Timer is not used.
func (o *sortAll) Timer(*Ctx, int64) error { return nil }

// Snapshot has nothing outside of the store.
func (o *sortAll) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (o *sortAll) Close() error { return nil }

// NewTemporalSort makes the sort of a stream by event time: rows come out when the
// watermark passes them, those of equal time by the other keys, then by arrival.
// Rows at or below the last time given out are dropped.
func NewTemporalSort(cfg SortConfig) Operator { return &sortTime{cfg: cfg} }

type sortTime struct {
	cfg   SortConfig
	queue *state.Queue
	fired *state.Value
	order *state.Ordering
	cols  []int
	all   []int
	codec *state.Codec
	list  rowList
	times []int64
	due   state.Due
	row   []byte
	late  []uint16
	last  int64
	at    int64 // the watermark up to which rows have come out
}

// Draw names the operator and its state.
func (o *sortTime) Draw() Drawing {
	return Drawing{Name: "TemporalSort", State: []string{"rows", "last"}}
}

// Open makes the queue of waiting rows.
func (o *sortTime) Open(c *Ctx) error {
	o.order, o.cols = ordering(o.cfg.Input, o.cfg.OrderBy[1:])
	o.codec, o.all = state.NewCodec(o.cfg.Input), allCols(len(o.cfg.Input))
	o.list = newRowList(o.cfg.Input, o.codec, false)
	o.queue = c.Store.Queue(c.Name+".rows", state.QueueSpec{})
	o.fired = c.Store.Value(c.Name + ".last")
	o.last, o.at = batch.NoWatermark, c.Watermark()
	for _, v := range o.fired.Restored() {
		o.last = max(o.last, wordTime(bigEndian(v)))
	}
	return nil
}

func bigEndian(b []byte) uint64 {
	var w uint64
	for _, x := range b {
		w = w<<8 | uint64(x)
	}
	return w
}

// Process queues rows by time, then by the other keys: their order is the queue's
// key.
func (o *sortTime) Process(c *Ctx, _ int, b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	if o.cfg.TimeCol >= 0 {
		o.times = append(o.times[:0], Millis(&b.Cols[o.cfg.TimeCol], b.N, &o.times)...)
	} else {
		now := c.Now()
		o.times = o.times[:0]
		for range b.N {
			o.times = append(o.times, now)
		}
		c.SetTimer(now + 1)
	}
	for s := NewSegments(c.Watermark(), b, func(_, to int64) bool { return MinTime(o.times, b.Sel, b.N) <= to }); s.Next(); {
		o.late = o.late[:0]
		for _, l := range o.lanes(b, s.Lo, s.Hi) {
			if o.times[l] <= o.last {
				o.late = append(o.late, l)
				continue
			}
			k := state.Key{}
			if len(o.cols) > 0 {
				word, rest := o.order.Append(nil, b, o.cols, int(l))
				for i := 56; i >= 0; i -= 8 {
					k.Bytes = append(k.Bytes, byte(word>>i))
				}
				k.Bytes = append(k.Bytes, rest...)
			}
			o.row = o.codec.Append(o.row[:0], b, o.all, int(l))
			o.queue.Add(o.times[l], k, o.row)
		}
		if len(o.late) > 0 {
			c.Late(b, o.late, s.Before)
		}
		if s.Moved() {
			if err := o.fire(c, s.After); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *sortTime) lanes(b *batch.Batch, lo, hi int) []uint16 {
	if sel := Lanes(b, lo, hi); sel != nil {
		return sel
	}
	return slices.Clone(batch.Span(lo, hi))
}

func (o *sortTime) fire(c *Ctx, wm int64) error {
	if o.cfg.TimeCol < 0 && wm != batch.MaxWatermark || wm <= o.at {
		return nil // a row taken behind the watermark waits for the next one
	}
	o.at = wm
	return o.give(c, wm)
}

func (o *sortTime) give(c *Ctx, upTo int64) error {
	for more := true; more; {
		more = o.queue.Due(upTo, batch.MaxRows, &o.due)
		for i, row := range o.due.Payload {
			o.list.add(batch.Insert, row, 0)
			o.last = max(o.last, o.due.TS[i])
		}
		if err := o.list.emit(c); err != nil {
			return err
		}
	}
	return nil
}

// Watermark gives out rows.
func (o *sortTime) Watermark(c *Ctx, ts int64) error { return o.fire(c, ts) }

// Timer gives out the rows of a past tick of processing time.
func (o *sortTime) Timer(c *Ctx, at int64) error { return o.give(c, at-1) }

// Snapshot keeps the last time given out.
func (o *sortTime) Snapshot(*Ctx) error {
	w := timeWord(o.last)
	var b []byte
	for i := 56; i >= 0; i -= 8 {
		b = append(b, byte(w>>i))
	}
	o.fired.Set(b)
	return nil
}

// Close has nothing to release.
func (o *sortTime) Close() error { return nil }
