package exec

import (
	"bytes"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// NormalizeConfig describes a changelog normalization.
type NormalizeConfig struct {
	Input            []types.Type
	Keys             []int
	EmitUpdateBefore bool
	TTL              int64
}

// NewChangelogNormalize makes the operator that turns an upsert stream, or one with
// duplicates, into a full changelog: the last row of each key is kept, a -D is
// completed from it, and a row equal to the one kept gives nothing while TTL is 0.
func NewChangelogNormalize(cfg NormalizeConfig) Operator { return &normalize{cfg: cfg} }

type normalize struct {
	cfg   NormalizeConfig
	table *state.Table
	codec *state.Codec
	all   []int
	keys  batch.KeyVec
	group state.Grouper
	row   []byte
	list  rowList
}

// Draw names the operator and its state.
func (o *normalize) Draw() Drawing {
	return Drawing{Name: "ChangelogNormalize", State: []string{"rows"}}
}

// Open makes the table of rows.
func (o *normalize) Open(c *Ctx) error {
	o.codec, o.all = state.NewCodec(o.cfg.Input), allCols(len(o.cfg.Input))
	o.list = newRowList(o.cfg.Input, o.codec, false)
	o.table = c.Store.Table(c.Name+".rows", state.TableSpec{
		Key: colTypes(o.cfg.Input, o.cfg.Keys), Lanes: 1, Blobs: []int{0}, TTL: o.cfg.TTL,
	})
	return nil
}

// Process takes the rows of one batch, one by one: each may replace the last.
func (o *normalize) Process(c *Ctx, _ int, b *batch.Batch) error {
	n := b.Rows()
	if n == 0 {
		return nil
	}
	keys := keyVec(c, 0, b, o.cfg.Keys, &o.keys)
	g := &o.group
	o.table.Group(g, b, keys, b.Sel, state.UpsertOr(o.cfg.TTL))
	for i := range n {
		l := b.Lane(i)
		row := o.table.Row(g.Refs[g.G[i]])
		had := row[0] != 0
		if !b.Kind(l).Adds() {
			if had && b.Kind(l) == batch.Delete {
				o.list.add(batch.Delete, o.table.Blob(row[0]), 0)
				row = o.table.Touch(g.Refs[g.G[i]])
				o.table.SetBlob(&row[0], nil)
			}
			continue
		}
		o.row = o.codec.Append(o.row[:0], b, o.all, l)
		switch {
		case !had:
			o.list.add(batch.Insert, o.row, 0)
		case o.cfg.TTL == 0 && bytes.Equal(o.row, o.table.Blob(row[0])):
			continue
		default:
			if o.cfg.EmitUpdateBefore {
				o.list.add(batch.UpdateBefore, o.table.Blob(row[0]), 0)
			}
			o.list.add(batch.UpdateAfter, o.row, 0)
		}
		if o.cfg.TTL > 0 {
			row = o.table.Touch(g.Refs[g.G[i]])
		}
		o.table.SetBlob(&row[0], o.row)
	}
	for _, ref := range g.Refs {
		if o.table.Row(ref)[0] == 0 {
			o.table.Delete(ref)
		}
	}
	return o.list.emit(c)
}

// Watermark changes nothing.
func (o *normalize) Watermark(*Ctx, int64) error { return nil }

// Timer is not used.
func (o *normalize) Timer(*Ctx, int64) error { return nil }

// Snapshot has nothing outside of the store.
func (o *normalize) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (o *normalize) Close() error { return nil }
