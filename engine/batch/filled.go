package batch

import "github.com/minkstream/mink/engine/types"

// Filled is a batch whose columns may all be looked at: those that nobody in the job reads
// are never filled by a source, and are NULL here, of the types given (nil: text). A batch
// without such is given as it is.
func (b *Batch) Filled(ts []types.Type) *Batch {
	whole := true
	for i := range b.Cols {
		whole = whole && b.Cols[i].Complete(b.N)
	}
	if whole || b.N == 0 {
		return b
	}
	out := *b
	out.Cols = make([]Col, len(b.Cols))
	for i := range b.Cols {
		c := b.Cols[i]
		if c.Type.Kind == types.Invalid {
			if c.Type = types.StringT; i < len(ts) {
				c.Type = ts[i]
			}
		}
		out.Cols[i] = filled(&c, b.N)
	}
	return &out
}

// Complete reports that a column, and the fields in it, have values for n lanes.
func (c *Col) Complete(n int) bool {
	if c.Enc == Const {
		n = 1
	}
	if c.Enc == Sparse {
		n = len(c.At)
	}
	if n == 0 {
		return true
	}
	if c.Type.Kind == types.Invalid {
		return false
	}
	switch c.Type.Phys() {
	case types.PhysBool:
		return len(c.Bits) > 0
	case types.PhysI8:
		return len(c.I8) >= n
	case types.PhysI16:
		return len(c.I16) >= n
	case types.PhysI32:
		return len(c.I32) >= n
	case types.PhysI64:
		return len(c.I64) >= n
	case types.PhysF32:
		return len(c.F32) >= n
	case types.PhysF64:
		return len(c.F64) >= n
	case types.PhysDec:
		return len(c.Dec) >= n
	case types.PhysBytes:
		return len(c.Views) >= n
	case types.PhysList:
		return len(c.Offs) > n
	case types.PhysRow:
		for i := range c.Kids {
			if !c.Kids[i].Complete(n) {
				return false
			}
		}
		return len(c.Kids) > 0
	}
	return true
}

// filled is a column with NULL for what is not there.
func filled(c *Col, n int) Col {
	if c.Complete(n) {
		return *c
	}
	if c.Type.Phys() == types.PhysRow && len(c.Kids) > 0 {
		out := *c
		lanes := n
		if c.Enc == Const {
			lanes = 1
		}
		if c.Enc == Sparse {
			lanes = len(c.At)
		}
		out.Kids = make([]Col, len(c.Kids))
		for i := range c.Kids {
			kid := c.Kids[i]
			if kid.Type.Kind == types.Invalid {
				kid.Type = KidType(c.Type, i)
			}
			out.Kids[i] = filled(&kid, lanes)
		}
		return out
	}
	var out Col
	out.Alloc(c.Type.Nullable(true), 1)
	out.SetNull(0, 1)
	out.Enc = Const
	return out
}
