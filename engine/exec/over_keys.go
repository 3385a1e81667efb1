package exec

import (
	"cmp"
	"math"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// overKeys are the values of a partition's one order column, by which RANGE frames
// measure distances. One of the slices has them, by type.
type overKeys struct {
	t     types.Type
	scale int // of distances
	null  []bool
	// ints are milliseconds or whole numbers, decs decimals of the scale.
	ints   []int64
	floats []float64
	decs   []batch.Dec
}

func newOverKeys(t types.Type, scale int) (overKeys, error) {
	k := overKeys{t: t, scale: scale}
	if t.IsTimestamp() || t.Kind == types.Date || t.Kind == types.Time || t.IsNumeric() {
		return k, nil
	}
	return k, diag.New(diag.TypeMismatch, "a RANGE frame over %s has no distances", t)
}

// load reads the column of rows.
func (k *overKeys) load(rows [][]byte, decode func(dst []batch.Col, rows [][]byte)) error {
	k.null, k.ints, k.floats, k.decs = k.null[:0], k.ints[:0], k.floats[:0], k.decs[:0]
	var one batch.Batch
	for from := 0; from < len(rows); from += batch.MaxRows {
		part := rows[from:min(len(rows), from+batch.MaxRows)]
		one.Alloc([]types.Type{k.t}, len(part))
		decode(one.Cols, part)
		for i := range part {
			if err := k.add(&one.Cols[0], i); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *overKeys) add(c *batch.Col, lane int) error {
	null := c.IsNull(lane)
	k.null = append(k.null, null)
	switch {
	case k.t.Kind == types.Float || k.t.Kind == types.Double:
		v := 0.0
		if !null {
			v = c.Float(lane)
		}
		k.floats = append(k.floats, v)
	case k.t.Kind == types.Decimal || k.scale > 0:
		var v batch.Dec
		if !null {
			if v = batch.DecOf(c.Int(lane)); k.t.Phys() == types.PhysDec {
				v = c.Dec[lane]
			}
			scale := 0
			if k.t.Kind == types.Decimal {
				scale = k.t.Scale
			}
			var ok bool
			if v, ok = kernel.RescaleDec(v, scale, k.scale, 38); !ok {
				return diag.New(diag.NumericOverflow, "a RANGE frame over %s with %d digits behind the point has more than 38 digits", k.t, k.scale)
			}
		}
		k.decs = append(k.decs, v)
	default:
		v := int64(0)
		if !null {
			switch v = c.Int(lane); {
			case k.t.Kind == types.Date:
				v *= 86_400_000
			case k.t.IsTimestamp():
				v = floorDiv(v, k.t.PerSecond()/1000)
			}
		}
		k.ints = append(k.ints, v)
	}
	return nil
}

// passed reports whether row at comes before the place that is off away from row i; with
// end, at it too.
func (k *overKeys) passed(at, i int, off int64, desc, end bool) bool {
	if desc {
		off = -off
	}
	var d int
	switch {
	case len(k.floats) > 0:
		d = batch.CompareFloats(k.floats[at], k.floats[i]+float64(off)/math.Pow10(k.scale))
	case len(k.decs) > 0:
		d = k.decs[at].Cmp(kernel.AddDec(k.decs[i], batch.DecOf(off)))
	default:
		d = cmp.Compare(k.ints[at], addLimited(k.ints[i], off))
	}
	if d == 0 {
		return end
	}
	return (d < 0) != desc
}

// addLimited is a + b, or the least or greatest number beyond which it would lie.
func addLimited(a, b int64) int64 {
	if s := a + b; (s < a) == (b < 0) {
		return s
	}
	if b < 0 {
		return math.MinInt64
	}
	return math.MaxInt64
}
