package exec

import (
	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
)

// NewLimit makes the operator that passes on the fetch rows (negative: all) that
// come after offset rows of an append-only input. It runs in one subtask. With a ttl,
// in milliseconds, it begins anew when no row has counted for so long.
func NewLimit(offset, fetch, ttl int64) Operator {
	return &limit{offset: offset, fetch: fetch, ttl: ttl}
}

type limit struct {
	offset, fetch int64
	ttl           int64
	table         *state.Table
	sel           []uint16
	refs          [1]state.Ref
}

// Draw names the operator and its state.
func (o *limit) Draw() Drawing { return Drawing{Name: "Limit", State: []string{"seen"}} }

// Open makes the count of rows seen.
func (o *limit) Open(c *Ctx) error {
	o.table = c.Store.Table(c.Name+".seen", state.TableSpec{Lanes: 1, TTL: o.ttl})
	return nil
}

// Process passes on the rows within the limit.
func (o *limit) Process(c *Ctx, _ int, b *batch.Batch) error {
	n := int64(b.Rows())
	if n == 0 {
		return nil
	}
	one := *b
	one.Sel = []uint16{uint16(b.Lane(0))}
	o.table.Lookup(&one, nil, one.Sel, state.Insert, o.refs[:], nil)
	seen := int64(o.table.Row(o.refs[0])[0])
	from := min(n, max(0, o.offset-seen))
	to := n
	if o.fetch >= 0 {
		to = min(n, max(0, o.offset+o.fetch-seen))
	}
	if o.fetch < 0 || seen < o.offset+o.fetch {
		o.table.Touch(o.refs[0])[0] = uint64(seen + n)
	}
	if from >= to {
		return nil
	}
	out := *b
	if from > 0 || to < n {
		o.sel = o.sel[:0]
		for i := from; i < to; i++ {
			o.sel = append(o.sel, uint16(b.Lane(int(i))))
		}
		out.Sel = o.sel
	}
	return c.Emit(&out)
}

// Watermark changes nothing.
func (o *limit) Watermark(*Ctx, int64) error { return nil }

// Timer is not used.
func (o *limit) Timer(*Ctx, int64) error { return nil }

// Snapshot has nothing outside of the store.
func (o *limit) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (o *limit) Close() error { return nil }
