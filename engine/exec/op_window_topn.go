package exec

import (
	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// WindowTopNConfig describes the first rows of each window and partition. Input
// only appends; EndCol holds the end of the row's window.
type WindowTopNConfig struct {
	Input       []types.Type
	EndCol      int
	PartitionBy []int // without the window's columns
	OrderBy     []OrderKey
	From, To    int64
	OutputRank  bool
	// KeepLast: of rows with equal keys the later one ranks first (deduplication).
	KeepLast bool
	// Firing is as in WindowJoinConfig.
	Firing func(end int64) int64
}

// NewWindowTopN makes a window Top-N: rows are kept while they are among the first
// To of their window, and given out once, in rank order, when it ends.
func NewWindowTopN(cfg WindowTopNConfig) Operator { return &windowTopN{cfg: cfg} }

type windowTopN struct {
	cfg    WindowTopNConfig
	sorted *state.Sorted
	timers *state.Queue
	order  *state.Ordering
	cols   []int
	all    []int
	codec  *state.Codec
	list   rowList

	keyCols []int
	keys    batch.KeyVec // of the partition
	full    batch.KeyVec // of window and partition
	group   state.Grouper
	times   []int64
	due     state.Due
	place   []byte
	row     []byte
}

// Draw names the operator and its state.
func (o *windowTopN) Draw() Drawing {
	return Drawing{Name: "WindowRank", State: []string{"rows", "timers"}}
}

// Open makes the lists of each window and key.
func (o *windowTopN) Open(c *Ctx) error {
	o.order, o.cols = ordering(o.cfg.Input, o.cfg.OrderBy)
	o.codec, o.all = state.NewCodec(o.cfg.Input), allCols(len(o.cfg.Input))
	o.list = newRowList(o.cfg.Input, o.codec, o.cfg.OutputRank)
	o.keyCols = append([]int{o.cfg.EndCol}, o.cfg.PartitionBy...)
	o.sorted = c.Store.Sorted(c.Name+".rows", state.SortedSpec{
		Table: state.TableSpec{Key: colTypes(o.cfg.Input, o.keyCols)},
	})
	o.timers = c.Store.Queue(c.Name+".timers", state.QueueSpec{Set: true})
	return nil
}

// Process keeps rows of open windows.
func (o *windowTopN) Process(c *Ctx, _ int, b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	o.times = append(o.times[:0], Millis(&b.Cols[o.cfg.EndCol], b.N, &o.times)...)
	for i := range o.times {
		if o.cfg.Firing != nil {
			o.times[i] = o.cfg.Firing(o.times[i])
		}
		o.times[i]--
	}
	// State is dealt by the partition, as rows are; the window only divides it.
	part := keyVec(c, 0, b, o.cfg.PartitionBy, &o.keys)
	full := &o.full
	batch.HashKeys(full, b, o.keyCols, c.MaxParallelism)
	copy(full.KG, part.KG)
	crosses := func(from, to int64) bool {
		m, ok := o.timers.Min()
		return ok && m <= to || MinTime(o.times, b.Sel, b.N) <= to
	}
	for s := NewSegments(c.Watermark(), b, crosses); s.Next(); {
		seg := *b
		seg.Sel, seg.Marks = Lanes(b, s.Lo, s.Hi), nil
		if seg.Rows() > 0 {
			o.take(c, &seg, full, s.Before)
		}
		if s.Moved() {
			if err := o.fire(c, s.After); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *windowTopN) take(c *Ctx, b *batch.Batch, keys *batch.KeyVec, wm int64) {
	var kept, late []uint16
	for i := range b.Rows() {
		l := uint16(b.Lane(i))
		if o.times[l] <= wm {
			late = append(late, l)
		} else {
			kept = append(kept, l)
		}
	}
	if late != nil {
		c.Late(b, late, wm)
	}
	if len(kept) == 0 {
		return
	}
	g := &o.group
	o.sorted.Keys().Group(g, b, keys, kept, state.Upsert)
	for i, ref := range g.Refs {
		if batch.Bit(g.Fresh, i) {
			o.timers.Add(o.times[g.Reps[i]], o.sorted.Keys().KeyOf(ref, nil), nil)
		}
	}
	for i, l16 := range kept {
		l := int(l16)
		ref := g.Refs[g.G[i]]
		word, rest := o.order.Append(o.place[:0], b, o.cols, l)
		o.place = rest
		if !o.cfg.KeepLast && !o.sorted.Admits(ref, word, rest, int(o.cfg.To)) {
			continue
		}
		o.row = o.codec.Append(o.row[:0], b, o.all, l)
		if o.cfg.KeepLast {
			o.keepLast(ref, word, rest)
			continue
		}
		o.sorted.Insert(ref, word, rest, o.row)
		if int64(o.sorted.Len(ref)) > o.cfg.To {
			o.sorted.Remove(o.sorted.Last(ref))
		}
	}
}

// keepLast keeps the one row that ranks first, the later of equals.
func (o *windowTopN) keepLast(ref state.Ref, word uint64, rest []byte) {
	if p := o.sorted.First(ref); p.OK() {
		// A row that sorts strictly before all others of the key, or equal to the
		// first, takes its place.
		q := o.sorted.Seek(ref, word, rest)
		if q != p {
			return
		}
		o.sorted.Remove(p)
	}
	o.sorted.Insert(ref, word, rest, o.row)
}

// fire gives out the windows that end at or before the watermark.
func (o *windowTopN) fire(c *Ctx, wm int64) error {
	for more := true; more; {
		more = o.timers.Due(wm, batch.MaxRows, &o.due)
		for _, k := range o.due.Keys {
			ref := o.sorted.Keys().Get(k, state.Write)
			if ref == state.None {
				continue
			}
			rank := int64(0)
			for p := o.sorted.First(ref); p.OK(); p = o.sorted.Next(p) {
				if rank++; rank >= o.cfg.From {
					o.list.add(batch.Insert, o.sorted.Payload(p), rank)
				}
			}
			o.sorted.Keys().Delete(ref)
		}
		if err := o.list.emit(c); err != nil {
			return err
		}
	}
	return nil
}

// Watermark fires windows.
func (o *windowTopN) Watermark(c *Ctx, ts int64) error { return o.fire(c, ts) }

// Timer is not used.
func (o *windowTopN) Timer(*Ctx, int64) error { return nil }

// Snapshot has nothing outside of the store.
func (o *windowTopN) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (o *windowTopN) Close() error { return nil }
