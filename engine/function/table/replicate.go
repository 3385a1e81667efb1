package table

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// ReplicateRows gives as many rows without columns as its BIGINT argument says, so
// that a row joined with them comes out that often: INTERSECT ALL and EXCEPT ALL count
// equal rows and bring them back by it. It has no name in SQL.
var ReplicateRows = &function.TableFunc{
	Name:       "REPLICATE_ROWS",
	Summary:    "A row again and again.",
	Signatures: []string{"REPLICATE_ROWS(times)"},
	Infer:      inferReplicate,
}

func inferReplicate(c *function.Call) (function.TableResolved, error) {
	if len(c.Args) != 1 {
		return function.TableResolved{}, diag.New(diag.Internal, "REPLICATE_ROWS takes one number")
	}
	return function.TableResolved{
		Params: []types.Type{types.BigIntT},
		Make:   func() function.TableKernel { return (&replicator{}).rows },
	}, nil
}

type replicator struct{ from, to []uint32 }

// rows of all lanes are the same ones, the first n of them.
func (r *replicator) rows(_ *function.Frame, out *function.TableRows, args []*batch.Col, n int, live []uint64) error {
	r.from, r.to = grow(r.from, n), grow(r.to, n)
	times, mask := args[0], -1
	if times.Enc == batch.Const {
		mask = 0
	}
	for i := range n {
		v := int64(0)
		if (live == nil || batch.Bit(live, i)) && !times.IsNull(i) {
			v = times.I64[i&mask]
		}
		r.from[i], r.to[i] = 0, uint32(min(max(v, 0), 1<<32-1))
	}
	out.From, out.To, out.Cols = r.from, r.to, out.Cols[:0]
	return nil
}
