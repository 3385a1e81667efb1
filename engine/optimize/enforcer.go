package optimize

import (
	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

// enforcers reads what is to be enforced of a sink's types beside NOT NULL.
func (o *optimizer) enforcers(i *bind.Insert, n *plan.Sink) error {
	c := o.s.Config
	n.Lengths, n.Nested = c.Enum("table.exec.sink.type-length-enforcer"), c.Enum("table.exec.sink.nested-constraint-enforcer")
	if n.Lengths == "TRIM_PAD" && n.Nested == "ROWS_AND_COLLECTIONS" {
		return diag.At(i.At, diag.UnsupportedByFlink, "values inside of collections are not cut or filled up").
			WithHint("SET 'table.exec.sink.nested-constraint-enforcer' = 'ROWS', or 'table.exec.sink.type-length-enforcer' = 'ERROR'")
	}
	return nil
}
