// Package conform holds what every connector and format must do, as tests that a
// new one runs: a source goes on exactly where its position says, a sink delivers
// each row once whatever fails, a format gives back what it was given.
//
// The suites drive the interfaces of engine/connect as a task does and know nothing
// of the connector. Begin with Source in source.go, Sink in sink.go, Format in
// format.go; FaultDisk in disk.go is the disk that fails.
package conform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
)

// Rows are rows as text, one value list each, for comparing.
type Rows []string

// TextOf gives the rows of a batch as text, with their change kinds. Columns that
// were not read show as "-".
func TextOf(b *batch.Batch) Rows {
	var out Rows
	for i := range b.Rows() {
		lane := b.Lane(i)
		var s strings.Builder
		s.WriteString(b.Kind(lane).String())
		for k := range b.Cols {
			c := &b.Cols[k]
			if c.Type.Kind == 0 {
				s.WriteString(" -")
				continue
			}
			fmt.Fprintf(&s, " %s", show(c.Any(lane)))
		}
		out = append(out, s.String())
	}
	return out
}

func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return fmt.Sprintf("%q", v)
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = show(v[i])
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	return fmt.Sprint(v)
}

func sorted(r Rows) Rows {
	out := slices.Clone(r)
	slices.Sort(out)
	return out
}
