package exec

import "github.com/minkstream/mink/engine/batch"

// NewDropUpdateBefore makes the operator that drops -U rows, for readers that
// replace by key. With asDelete it turns them into -D instead: the +U that belongs
// to one may have been filtered out.
func NewDropUpdateBefore(asDelete bool) Operator { return &dropBefore{asDelete: asDelete} }

type dropBefore struct {
	Stateless
	asDelete bool
	sel      []uint16
	kinds    []batch.Kind
}

// Draw names the operator.
func (o *dropBefore) Draw() Drawing { return Drawing{Name: "DropUpdateBefore"} }

// Process selects the other rows.
func (o *dropBefore) Process(c *Ctx, _ int, b *batch.Batch) error {
	if b.Kinds == nil {
		return c.Emit(b)
	}
	out := *b
	if o.asDelete {
		o.kinds = append(o.kinds[:0], b.Kinds[:b.N]...)
		for i, k := range o.kinds {
			if k == batch.UpdateBefore {
				o.kinds[i] = batch.Delete
			}
		}
		out.Kinds = o.kinds
		return c.Emit(&out)
	}
	o.sel = o.sel[:0]
	if o.sel == nil {
		o.sel = make([]uint16, 0, batch.MaxRows)
	}
	for i := range b.Rows() {
		if l := b.Lane(i); b.Kinds[l] != batch.UpdateBefore {
			o.sel = append(o.sel, uint16(l))
		}
	}
	if len(o.sel) == 0 && len(b.Marks) == 0 {
		return nil
	}
	out.Sel = o.sel
	return c.Emit(&out)
}
