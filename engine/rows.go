package engine

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/invariant"
)

// rowsBatch puts the rows of SHOW and the like into columns.
func rowsBatch(r *bind.Rows) *batch.Batch {
	ts := r.Schema.Types()
	build := make([]*batch.Builder, len(ts))
	for i, t := range ts {
		build[i] = batch.NewBuilder(t)
	}
	for _, row := range r.Data {
		for i, v := range row {
			switch v := v.(type) {
			case nil:
				build[i].AppendNull()
			case string:
				build[i].AppendBytes([]byte(v))
			case bool:
				build[i].AppendBool(v)
			case int64:
				build[i].AppendInt(v)
			default:
				invariant.Fail("a row of %T", v)
			}
		}
	}
	b := &batch.Batch{N: len(r.Data), Cols: make([]batch.Col, len(ts))}
	for i := range build {
		b.Cols[i] = build[i].Finish()
	}
	return b
}
