package exec

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
)

// NewNotNull makes the operator before a sink that lets no NULL through in the
// columns given: a row that has one fails the job, or with drop is left out and
// counted. Deletes pass, since they may carry the key alone.
func NewNotNull(columns []int, names []string, table string, drop bool) Operator {
	return &notNull{columns: columns, names: names, table: table, drop: drop}
}

type notNull struct {
	Stateless
	columns []int
	names   []string
	table   string
	drop    bool
}

// Draw names the operator.
func (o *notNull) Draw() Drawing { return Drawing{Name: "ConstraintEnforcer"} }

// Process looks at the columns that have a NULL at all.
func (o *notNull) Process(c *Ctx, _ int, b *batch.Batch) error {
	out := *b
	for i, col := range o.columns {
		v := &b.Cols[col]
		if v.Enc == batch.Flat && v.Nulls == nil {
			continue
		}
		bad := 0
		for r := range out.Rows() {
			if l := out.Lane(r); v.IsNull(l) && out.Kind(l) != batch.Delete {
				bad++
			}
		}
		if bad == 0 {
			continue
		}
		if !o.drop {
			return diag.New(diag.NotNullViolation, "column %q of %s is NOT NULL, and a row has NULL there", o.names[i], o.table).
				WithHint("filter such rows, give them a value with COALESCE, or SET 'table.exec.sink.not-null-enforcer' = 'DROP'")
		}
		c.Count("not-null-dropped", int64(bad))
		keep := make([]uint16, 0, max(1, out.Rows()-bad))
		for r := range out.Rows() {
			if l := out.Lane(r); !v.IsNull(l) || out.Kind(l) == batch.Delete {
				keep = append(keep, uint16(l))
			}
		}
		out.Sel = keep
	}
	if out.Rows() == 0 && len(out.Marks) == 0 {
		return nil
	}
	return c.Emit(&out)
}
