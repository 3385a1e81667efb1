package engine

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/kernel"
)

// analyze runs the query of ANALYZE TABLE and keeps what it finds with the table.
func (s *Session) analyze(ctx context.Context, a *bind.Analyze) (*Result, error) {
	q, err := s.bind(a.Query)
	if err != nil {
		return nil, notOf(err, a.At)
	}
	r, err := s.submit(ctx, q, a.Query)
	if err != nil {
		return nil, notOf(err, a.At)
	}
	found, err := s.finalRows(ctx, r, a.Keys)
	if err != nil {
		return nil, notOf(err, a.At)
	}
	stats := catalog.TableStatistics{}
	for _, row := range found {
		var part []string
		for i, k := range a.Table.PartitionKeys {
			v := "__DEFAULT_PARTITION__"
			if row[i] != nil {
				v = *row[i]
			}
			part = append(part, k+"="+v)
		}
		stats[strings.Join(part, "/")] = statisticsOf(a, row[a.Keys:])
	}
	s.cat.Store.SetStatistics(a.Table, stats)
	return &Result{Zone: s.Zone()}, nil
}

// notOf gives an error about a statement that the user did not write the place at.
func notOf(err error, at diag.Span) error {
	e := diag.As(err)
	if e == nil {
		return err
	}
	out := *e
	out.Span, out.In = at, ""
	return &out
}

func statisticsOf(a *bind.Analyze, row []*string) catalog.Statistics {
	out := catalog.Statistics{Rows: number(row[0]), Columns: map[string]catalog.ColumnStatistics{}}
	i := 1
	for _, m := range a.Measures {
		c := catalog.NoColumnStatistics()
		for _, p := range m.Parts {
			v := row[i]
			i++
			if v == nil {
				continue // of no values
			}
			switch p {
			case "ndv":
				c.Distinct = number(v)
			case "nullCount":
				c.Nulls = number(v)
			case "avgLen":
				c.AvgLen = float(v)
			case "maxLen":
				c.MaxLen = number(v)
			case "min":
				c.Min = *v
			case "max":
				c.Max = *v
			case "trueCount":
				c.True = number(v)
			case "falseCount":
				c.False = number(v)
			}
		}
		out.Columns[m.Column] = c
	}
	return out
}

// finalRows waits for a query and gives the text of its final rows, which the first
// keys columns tell apart. nil is NULL.
func (s *Session) finalRows(ctx context.Context, r *Result, keys int) ([][]*string, error) {
	var out [][]*string
	at := map[string]int{}
	for {
		b, err := r.Job.Collector.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			_ = s.engine.Jobs.Cancel(context.WithoutCancel(ctx), r.Job.ID())
			return nil, err
		}
		for i := range b.Rows() {
			row, key := rowText(b, b.Lane(i), keys, r)
			old, ok := at[key]
			switch {
			case !b.Kind(b.Lane(i)).Adds():
				if ok {
					out[old] = nil
				}
			case ok:
				out[old] = row
			default:
				at[key] = len(out)
				out = append(out, row)
			}
		}
	}
	kept := out[:0]
	for _, row := range out {
		if row != nil {
			kept = append(kept, row)
		}
	}
	return kept, nil
}

func rowText(b *batch.Batch, lane, keys int, r *Result) (row []*string, key string) {
	for i := range b.Cols {
		c := &b.Cols[i]
		if c.IsNull(lane) {
			row = append(row, nil)
			if i < keys {
				key += "\x00N"
			}
			continue
		}
		v := string(kernel.AppendText(nil, c, lane, r.Zone))
		row = append(row, &v)
		if i < keys {
			key += "\x00V" + v
		}
	}
	return row, key
}

// number and float read what a query counted; the text is mink's own.
func number(v *string) int64 {
	n, _ := strconv.ParseInt(*v, 10, 64)
	return n
}

func float(v *string) float64 {
	f, _ := strconv.ParseFloat(*v, 64)
	return f
}
