package show

import (
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// Cells are the texts of a row's columns.
func Cells(b *batch.Batch, lane int, zone *time.Location) []string {
	if zone == nil {
		zone = time.UTC
	}
	return cells(nil, b, lane, zone)
}

// Grid is a boxed table of texts. Columns of a schema stand as in any other table;
// without one all stand at the left. No cell is wider than width.
func Grid(names []string, schema types.Schema, rows [][]string, width int) string {
	left := make([]bool, len(names))
	for i := range left {
		left[i] = true
	}
	if schema != nil {
		left = leftColumns(schema)
	}
	widths := make([]int, len(names))
	for i, n := range names {
		widths[i] = cellWidth(n)
		for _, r := range rows {
			widths[i] = max(widths[i], min(width, cellWidth(r[i])))
		}
	}
	return string(box(nil, widths, left, names, rows))
}
