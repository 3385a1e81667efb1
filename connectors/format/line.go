package format

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
	"time"
)

// ChangeLines writes changes as the lines of `--output json` and of the format
// changelog-json: {"op":"+I","row":{"name":value,...}}.
type ChangeLines struct {
	names JSONNames
	w     JSONWriter
}

// NewChangeLines plans lines for rows of a schema.
func NewChangeLines(s types.Schema) *ChangeLines {
	return &ChangeLines{names: NewJSONNames(s), w: JSONWriter{Exact: true}}
}

// Append writes a line for one lane of b as a change of the given kind.
func (l *ChangeLines) Append(dst []byte, b *batch.Batch, lane int, kind batch.Kind) ([]byte, error) {
	dst = append(dst, `{"op":"`...)
	dst = append(dst, kind.String()...)
	dst = append(dst, `","row":`...)
	dst, err := l.w.Object(dst, l.names, b.Cols, lane)
	return append(dst, '}', '\n'), err
}

// CSVLines writes rows as the lines of `--output csv`: RFC 4180, a header, fields
// in quotes where needed, NULL as an empty field and the empty string as "".
type CSVLines struct {
	schema types.Schema
	zone   *time.Location
	value  []byte
}

// NewCSVLines plans lines for rows of a schema; instants are shown in zone.
func NewCSVLines(s types.Schema, zone *time.Location) *CSVLines {
	return &CSVLines{schema: s, zone: zone}
}

// Header writes the line of column names.
func (l *CSVLines) Header(dst []byte) []byte {
	for i, f := range l.schema {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCSV(dst, []byte(f.Name))
	}
	return append(dst, '\r', '\n')
}

// Append writes a line for one lane of b.
func (l *CSVLines) Append(dst []byte, b *batch.Batch, lane int) []byte {
	for i := range l.schema {
		if i > 0 {
			dst = append(dst, ',')
		}
		if c := &b.Cols[i]; !c.IsNull(lane) {
			l.value = kernel.AppendText(l.value[:0], c, lane, l.zone)
			dst = appendCSV(dst, l.value)
		}
	}
	return append(dst, '\r', '\n')
}

func appendCSV(dst, s []byte) []byte {
	plain := len(s) > 0
	for _, c := range s {
		if c == '"' || c == ',' || c == '\n' || c == '\r' {
			plain = false
			break
		}
	}
	if plain {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	for _, c := range s {
		if c == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}
