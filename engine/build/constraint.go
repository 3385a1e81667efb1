package build

import (
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/plan"
)

// constraints makes what enforces lengths, and constraints inside of nested values,
// before a sink; it makes nil where nothing is to be enforced.
func constraints(s *plan.Sink) func() exec.Operator {
	c := exec.Constraints{
		Lengths: map[string]exec.Lengths{"TRIM_PAD": exec.TrimPad, "ERROR": exec.FailLength}[s.Lengths],
		Rows:    s.Nested == "ROWS" || s.Nested == "ROWS_AND_COLLECTIONS", Collections: s.Nested == "ROWS_AND_COLLECTIONS",
		DropNulls: s.DropNulls,
	}
	return func() exec.Operator { return exec.NewConstraints(s.Conn.Schema, s.Table.Path.Object, c) }
}
