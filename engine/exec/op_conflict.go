package exec

import (
	"bytes"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// ConflictConfig describes ON CONFLICT DO ERROR and DO NOTHING before a sink.
type ConflictConfig struct {
	Input []types.Type
	// Keys are the sink's primary key; UpsertKey finds a row again, nil compares whole
	// rows.
	Keys, UpsertKey []int
	// Fail makes two rows of one sink key an error; otherwise the first one stays.
	Fail bool
	// Table is the sink's name, for the error.
	Table string
	// TTL of the rows of a key in milliseconds; 0 keeps them.
	TTL int64
}

// NewConflict makes the operator that lets one row of each sink key pass. Changes are
// collected until the watermark moves; those that take each other back are gone by
// then. Of the rows that are left of a key the one that was given out stays, or else
// the first that came; DO ERROR fails when there is another. Rows that stood back
// under DO NOTHING do not come back later.
func NewConflict(cfg ConflictConfig) Operator {
	return &conflict{
		materializer: materializer{cfg: MaterializeConfig{Input: cfg.Input, Keys: cfg.Keys, UpsertKey: cfg.UpsertKey, TTL: cfg.TTL}},
		fail:         cfg.Fail, table: cfg.Table,
	}
}

type conflict struct {
	materializer // the live rows of each key in order of arrival
	fail         bool
	table        string
	touched      *state.Queue // keys that changed since the watermark moved
	due          state.Due
	at           int64 // the watermark at which keys were settled last
}

// Draw names the operator and its state.
func (o *conflict) Draw() Drawing {
	return Drawing{Name: "SinkConflict", State: []string{"rows", "touched"}}
}

// Open makes the lists. The lane of a key is the row that was given out.
func (o *conflict) Open(c *Ctx) error {
	o.prepare()
	o.sorted = c.Store.Sorted(c.Name+".rows", state.SortedSpec{
		Table: state.TableSpec{Key: colTypes(o.cfg.Input, o.cfg.Keys), Lanes: 1, Blobs: []int{0}, TTL: o.cfg.TTL},
	})
	o.at = batch.NoWatermark
	o.touched = c.Store.Queue(c.Name+".touched", state.QueueSpec{Set: true})
	return nil
}

// Process collects changes between the marks of a batch.
func (o *conflict) Process(c *Ctx, _ int, b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	keys := keyVec(c, 0, b, o.cfg.Keys, &o.keys)
	for s := NewSegments(c.Watermark(), b, nil); s.Next(); {
		if s.Hi > s.Lo {
			seg := *b
			seg.Sel, seg.Marks, seg.Keys = Lanes(b, s.Lo, s.Hi), nil, nil
			o.take(c, &seg, keys)
		}
		if s.Moved() {
			o.at = s.After
			if err := o.settle(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// take applies changes to the live rows of their keys.
func (o *conflict) take(c *Ctx, b *batch.Batch, keys *batch.KeyVec) {
	g, s := &o.group, o.sorted
	s.Keys().Group(g, b, keys, b.Sel, state.Upsert)
	for i := range b.Rows() {
		l := b.Lane(i)
		ref := g.Refs[g.G[i]]
		o.row = o.codec.Append(o.row[:0], b, o.all, l)
		if !b.Kind(l).Adds() {
			if p := o.find(ref, b, l); p.OK() {
				s.Remove(p)
			} else {
				c.Count("unknownRetractions", 1)
			}
			continue
		}
		word := uint64(1)
		if last := s.Last(ref); last.OK() {
			word = s.Word(last) + 1
		}
		s.Insert(ref, word, nil, o.row)
	}
	for _, ref := range g.Refs {
		o.touched.Add(0, s.Keys().KeyOf(ref, nil), nil)
	}
}

// settle gives out what the keys that changed come to.
func (o *conflict) settle(c *Ctx) error {
	for more := true; more; {
		more = o.touched.Due(0, batch.MaxRows, &o.due)
		for _, k := range o.due.Keys {
			if ref := o.sorted.Keys().Get(k, state.Write); ref != state.None {
				if err := o.choose(ref); err != nil {
					return err
				}
			}
		}
		if err := o.list.emit(c); err != nil {
			return err
		}
	}
	return nil
}

// choose is settle for one key.
func (o *conflict) choose(ref state.Ref) error {
	s, t := o.sorted, o.sorted.Keys()
	row := t.Row(ref)
	given := row[0] != 0
	n := s.Len(ref)
	if n > 1 && o.fail {
		return o.collision(ref)
	}
	if n == 0 {
		if given {
			o.list.add(batch.Delete, t.Blob(row[0]), 0)
		}
		t.Delete(ref)
		return nil
	}
	// The first is the one given out, if it is still there: rows behind it were let go.
	first := s.Payload(s.First(ref))
	kind := batch.Insert
	if given {
		kind = batch.UpdateAfter
	}
	if !given || !bytes.Equal(t.Blob(row[0]), first) {
		o.list.add(kind, first, 0)
		t.SetBlob(&row[0], first)
	}
	for p := s.Next(s.First(ref)); p.OK(); {
		p = s.Remove(p)
	}
	return nil
}

func (o *conflict) collision(ref state.Ref) error {
	s := o.sorted
	var two [2]batch.Batch
	p := s.First(ref)
	text := ""
	for i := range two {
		two[i].Alloc(o.cfg.Input, 1)
		o.codec.Decode(two[i].Cols, 0, nil, [][]byte{s.Payload(p)})
		if i > 0 {
			text += " and "
		}
		text += Lines(&two[i])[0][len("+I"):]
		p = s.Next(p)
	}
	return diag.New(diag.DuplicateKey, "two rows have one primary key of %s: %s", o.table, text).
		WithHint("ON CONFLICT DO NOTHING keeps the first, DO DEDUPLICATE the last of them")
}

// Watermark gives out what was collected, unless the watermark is that of a mark which
// Process has passed: rows behind it wait for the next one.
func (o *conflict) Watermark(c *Ctx, ts int64) error {
	if ts <= o.at {
		return nil
	}
	o.at = ts
	return o.settle(c)
}
