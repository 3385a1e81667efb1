package bind

import (
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
)

// mapStored turns an expression over the stored columns of one table into one over
// those of another that has columns of the same names.
func mapStored(from, to *catalog.Table, n expr.Node, at diag.Span) (expr.Node, error) {
	if n == nil {
		return nil, nil
	}
	old, now := from.Stored(), to.Stored()
	pos := map[string]int{}
	for i, ci := range now {
		pos[to.Columns[ci].Name] = i
	}
	for _, r := range expr.Refs(n) {
		if _, ok := pos[from.Columns[old[r]].Name]; !ok {
			return nil, diag.At(at, diag.UnknownColumn, "an expression uses column %q, which is left out", from.Columns[old[r]].Name)
		}
	}
	return expr.Remap(n, func(i int) int { return pos[from.Columns[old[i]].Name] }), nil
}
