package build

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan"
)

// constRows computes the rows of VALUES. They read no input, so each is one lane.
func constRows(n *plan.Values, cfg Config) (*batch.Batch, error) {
	ts := n.Info().Schema.Types()
	out := &batch.Batch{}
	frame := function.NewFrame(function.FixedEnv{
		Random: rand.New(rand.NewPCG(1, 2)), WatermarkTime: batch.NoWatermark,
	}, cfg.Zone)
	one := batch.Batch{N: 1}
	for i, row := range n.Rows {
		prog, err := expr.Compile(row, nil)
		if err != nil {
			return nil, err
		}
		cols := make([]*batch.Col, len(row))
		if err := prog.Run(frame, &one, cols); err != nil {
			return nil, err
		}
		part := batch.Batch{N: 1, Cols: make([]batch.Col, len(row))}
		for k, c := range cols {
			part.Cols[k].Gather(c, nil, 1)
			part.Cols[k].Type = ts[k]
		}
		if i == batch.CapRows {
			return nil, diag.At(n.Info().Span, diag.LimitExceeded, "VALUES has more than %d rows", batch.CapRows)
		}
		out.Append(&part, nil)
	}
	return out, nil
}

// valuesSource gives the rows of VALUES as a bounded source of one split.
type valuesSource struct{ rows *batch.Batch }

func (s *valuesSource) Changes() connect.Changes        { return connect.AppendOnly }
func (s *valuesSource) Bounded() bool                   { return true }
func (s *valuesSource) Project(connect.Projection)      {}
func (s *valuesSource) DiscoverInterval() time.Duration { return 0 }
func (s *valuesSource) Splits(int) ([]connect.Split, error) {
	return []connect.Split{{ID: "values"}}, nil
}

func (s *valuesSource) Discover([]string) ([]connect.Split, error) { return nil, nil }

func (s *valuesSource) Open(sp connect.Split, _ connect.ReaderCtx) (connect.Reader, error) {
	at := 0
	if len(sp.Pos) == 4 {
		at = int(binary.LittleEndian.Uint32(sp.Pos))
	}
	return &valuesReader{rows: s.rows, at: at}, nil
}

type valuesReader struct {
	rows *batch.Batch
	at   int
}

func (r *valuesReader) Poll(dst *batch.Batch, max int) (connect.Status, error) {
	n := min(max, r.rows.N-r.at)
	if n > 0 {
		part := *r.rows
		part.Sel = batch.Span(r.at, r.at+n)
		dst.Gather(&part, nil)
		if len(r.rows.Cols) == 0 {
			dst.N = n
		}
		r.at += n
	}
	if r.at >= r.rows.N {
		return connect.End, nil
	}
	return connect.More, nil
}

func (r *valuesReader) NextAt() int64 { return 0 }
func (r *valuesReader) Close() error  { return nil }

func (r *valuesReader) Position() connect.Split {
	return connect.Split{ID: "values", Pos: binary.LittleEndian.AppendUint32(nil, uint32(r.at))}
}
