package exec

import (
	"bytes"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// MaterializeConfig describes a sink materializer.
type MaterializeConfig struct {
	Input []types.Type
	// Keys are the sink's primary key; UpsertKey finds a row again, nil compares
	// whole rows.
	Keys, UpsertKey []int
	TTL             int64
}

// NewSinkMaterializer makes the operator that puts changes of rows sharing a sink
// key into order: it keeps the live rows of each key in the order they came, and
// what goes out is the last of them.
func NewSinkMaterializer(cfg MaterializeConfig) Operator { return &materializer{cfg: cfg} }

type materializer struct {
	cfg    MaterializeConfig
	sorted *state.Sorted
	codec  *state.Codec
	ukc    *state.Codec
	all    []int
	keys   batch.KeyVec
	group  state.Grouper
	row    []byte
	list   rowList
	// whole: the upsert key is of columns of the primary key, so that a key has one row.
	whole   bool
	uk      []byte // of a row that is looked for
	have    []byte // of one that is there
	ukTypes []types.Type
	ukCols  []int
	one     batch.Batch
	payload [1][]byte
}

// Draw names the operator and its state.
func (o *materializer) Draw() Drawing {
	return Drawing{Name: "SinkMaterializer", State: []string{"rows"}}
}

func (o *materializer) prepare() {
	o.codec, o.all = state.NewCodec(o.cfg.Input), allCols(len(o.cfg.Input))
	if o.cfg.UpsertKey != nil {
		o.ukTypes, o.ukCols = colTypes(o.cfg.Input, o.cfg.UpsertKey), allCols(len(o.cfg.UpsertKey))
		o.ukc = state.NewCodec(o.ukTypes)
		o.whole = !slices.ContainsFunc(o.cfg.UpsertKey, func(k int) bool { return !slices.Contains(o.cfg.Keys, k) })
	}
	o.list = newRowList(o.cfg.Input, o.codec, false)
}

// Open makes the lists.
func (o *materializer) Open(c *Ctx) error {
	o.prepare()
	o.sorted = c.Store.Sorted(c.Name+".rows", state.SortedSpec{
		Table: state.TableSpec{Key: colTypes(o.cfg.Input, o.cfg.Keys), TTL: o.cfg.TTL},
	})
	return nil
}

// Process takes the rows of one batch in order.
func (o *materializer) Process(c *Ctx, _ int, b *batch.Batch) error {
	n := b.Rows()
	if n == 0 {
		return nil
	}
	g := &o.group
	o.sorted.Keys().Group(g, b, keyVec(c, 0, b, o.cfg.Keys, &o.keys), b.Sel, state.UpsertOr(o.cfg.TTL))
	for i := range n {
		l := b.Lane(i)
		ref := g.Refs[g.G[i]]
		o.row = o.codec.Append(o.row[:0], b, o.all, l)
		if b.Kind(l).Adds() {
			o.add(ref, b, l)
		} else if !o.retract(ref, b, l) {
			c.Count("unknownRetractions", 1)
		}
	}
	for _, ref := range g.Refs {
		if o.sorted.Len(ref) == 0 {
			o.sorted.Keys().Delete(ref)
		}
	}
	return o.list.emit(c)
}

func (o *materializer) add(ref state.Ref, b *batch.Batch, l int) {
	kind := batch.UpdateAfter
	if o.sorted.Len(ref) == 0 {
		kind = batch.Insert
	}
	o.sorted.Keys().Touch(ref)
	o.list.add(kind, o.row, 0)
	if o.ukc != nil {
		if p := o.find(ref, b, l); p.OK() {
			// Replace in place: the entry keeps its turn, which is its word.
			word := o.sorted.Word(p)
			o.sorted.Remove(p)
			o.sorted.Insert(ref, word, nil, o.row)
			return
		}
	}
	word := uint64(1)
	if last := o.sorted.Last(ref); last.OK() {
		word = o.sorted.Word(last) + 1
	}
	o.sorted.Insert(ref, word, nil, o.row)
}

func (o *materializer) retract(ref state.Ref, b *batch.Batch, l int) bool {
	p := o.find(ref, b, l)
	if !p.OK() {
		return false
	}
	o.sorted.Keys().Touch(ref)
	last := !o.sorted.Next(p).OK()
	old := append([]byte(nil), o.sorted.Payload(p)...)
	o.sorted.Remove(p)
	switch {
	case o.sorted.Len(ref) == 0:
		o.list.add(batch.Delete, old, 0)
	case last:
		o.list.add(batch.UpdateAfter, o.sorted.Payload(o.sorted.Last(ref)), 0)
	}
	return true
}

// find is the first live row with the upsert key of lane l, or equal to o.row.
func (o *materializer) find(ref state.Ref, b *batch.Batch, l int) state.Pos {
	if o.ukc == nil {
		for p := o.sorted.First(ref); p.OK(); p = o.sorted.Next(p) {
			if bytes.Equal(o.sorted.Payload(p), o.row) {
				return p
			}
		}
		return state.Pos{}
	}
	if o.whole {
		return o.sorted.First(ref)
	}
	o.uk = o.ukc.Append(o.uk[:0], b, o.cfg.UpsertKey, l)
	for p := o.sorted.First(ref); p.OK(); p = o.sorted.Next(p) {
		o.one.Alloc(o.ukTypes, 1)
		o.codec.Decode(o.one.Cols, 0, o.cfg.UpsertKey, append(o.payload[:0], o.sorted.Payload(p)))
		if o.have = o.ukc.Append(o.have[:0], &o.one, o.ukCols, 0); bytes.Equal(o.have, o.uk) {
			return p
		}
	}
	return state.Pos{}
}

// Watermark changes nothing.
func (o *materializer) Watermark(*Ctx, int64) error { return nil }

// Timer is not used.
func (o *materializer) Timer(*Ctx, int64) error { return nil }

// Snapshot has nothing outside of the store.
func (o *materializer) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (o *materializer) Close() error { return nil }
