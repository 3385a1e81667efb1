package engine

import (
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// lateTable has the rows that operators of the session's jobs left out because they
// came late: the last 'mink.late.rows-max' of each job.
var lateTable = systemTable{
	name:    "late",
	comment: "Rows that came too late for an operator, the last of each job of the session.",
	columns: types.Schema{
		{Name: "job", Type: types.StringT},
		{Name: "operator", Type: types.StringT},
		{Name: "source", Type: types.StringT},
		{Name: "row_time", Type: types.TimestampLTZT(3)},
		{Name: "watermark", Type: types.TimestampLTZT(3)},
		{Name: "lateness", Type: types.Type{Kind: types.IntervalDT, Prec: 3, Units: types.IntervalUnits{From: types.Second, To: types.Second}}},
		{Name: "op", Type: types.StringT},
		{Name: "row", Type: types.Type{Kind: types.Variant}},
	},
	waits: true,
	fill:  fillLate,
}

func fillLate(v *systemView, cols []*batch.Builder) {
	var doc, value []byte
	var build kernel.VariantBuilder
	for _, j := range v.jobs {
		for _, r := range j.Late.Rows() {
			cols[0].AppendBytes([]byte(j.ID()))
			cols[1].AppendBytes([]byte(r.Op.Name))
			cols[2].AppendBytes([]byte(r.Input.SourceText()))
			// Times without a zone are those of the session's clock, as in CAST.
			local := !r.Timed || r.Input.Schema[r.Input.Time].Type.Kind == types.Timestamp
			if r.Timed {
				cols[3].AppendInt(instant(r.Time, local, v.zone))
				cols[5].AppendInt(r.Watermark - r.Time)
			} else {
				cols[3].AppendNull()
				cols[5].AppendNull()
			}
			cols[4].AppendInt(instant(r.Watermark, local, v.zone))
			cols[6].AppendBytes([]byte(r.Batch.Kind(r.Lane).String()))
			doc = appendRow(doc[:0], r.Input.Schema, r.Batch, r.Lane)
			if value, _ = build.Build(value[:0], doc, true); len(value) > 0 {
				cols[7].AppendBytes(value)
			} else {
				cols[7].AppendNull()
			}
		}
	}
}

// instant is the moment at which a clock in the zone shows a time.
func instant(ms int64, local bool, zone *time.Location) int64 {
	if !local || zone == nil || zone == time.UTC || ms == batch.MaxWatermark {
		return ms
	}
	t := time.UnixMilli(ms).UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone).UnixMilli()
}

// appendRow writes a row as a JSON object, which its VARIANT is made of.
func appendRow(dst []byte, s types.Schema, b *batch.Batch, lane int) []byte {
	dst = append(dst, '{')
	for i, f := range s {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = kernel.AppendQuoted(dst, []byte(f.Name))
		dst = append(dst, ':')
		dst = kernel.AppendJSON(dst, &b.Cols[i], lane)
	}
	return append(dst, '}')
}

// lateness sums what came late from a table in the session's jobs.
func (s *Session) lateness(table catalog.Path) (rows, mostMillis int64) {
	for _, j := range s.jobs {
		for _, r := range j.Late.Rows() {
			if len(r.Input.Sources) != 1 || r.Input.Sources[0] != table || !r.Timed {
				continue
			}
			rows++
			mostMillis = max(mostMillis, r.Watermark-r.Time)
		}
	}
	return rows, mostMillis
}
