package exec

import (
	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// rowList collects stored rows with kinds and emits them as batches. It copies
// their bytes, so that what they came from may change.
type rowList struct {
	types []types.Type
	codec *state.Codec
	// rank adds a BIGINT column behind the others.
	rank bool

	kinds []batch.Kind
	ranks []int64
	ends  []int
	bytes []byte
	rows  [][]byte
	out   batch.Batch
}

func newRowList(ts []types.Type, codec *state.Codec, rank bool) rowList {
	return rowList{types: ts, codec: codec, rank: rank}
}

func (r *rowList) add(kind batch.Kind, row []byte, rank int64) {
	r.kinds = append(r.kinds, kind)
	r.bytes = append(r.bytes, row...)
	r.ends = append(r.ends, len(r.bytes))
	if r.rank {
		r.ranks = append(r.ranks, rank)
	}
}

func (r *rowList) len() int { return len(r.kinds) }

// emit gives out what was collected and forgets it.
func (r *rowList) emit(c *Ctx) error {
	at := 0
	for from := 0; from < len(r.kinds); from += batch.MaxRows {
		to := min(len(r.kinds), from+batch.MaxRows)
		r.rows = r.rows[:0]
		for _, e := range r.ends[from:to] {
			r.rows = append(r.rows, r.bytes[at:e])
			at = e
		}
		n, k := to-from, len(r.types)
		cols := k
		if r.rank {
			cols++
		}
		r.out.SetColumns(cols)
		for i, t := range r.types {
			r.out.Cols[i].Alloc(t, n)
		}
		r.codec.Decode(r.out.Cols[:k], 0, nil, r.rows)
		if r.rank {
			r.out.Cols[k].Alloc(types.BigIntT.Nullable(false), n)
			copy(r.out.Cols[k].I64, r.ranks[from:to])
		}
		r.out.N, r.out.Kinds = n, kindsOf(r.kinds[from:to])
		if err := c.Emit(&r.out); err != nil {
			return err
		}
	}
	r.kinds, r.ranks, r.ends, r.bytes = r.kinds[:0], r.ranks[:0], r.ends[:0], r.bytes[:0]
	return nil
}
