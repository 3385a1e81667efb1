package optimize

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

// userCalls refuses aggregate functions of users that lack what an operator asks of
// them: to take rows back, and to join accumulators for a kind of window.
func userCalls(calls []plan.AggCall, retracts bool, window string) error {
	for _, c := range calls {
		switch {
		case c.User == nil:
		case retracts && !c.User.Retracts:
			return diag.At(c.User.At, diag.InvalidQuery, "%s has no retract, and rows are taken back from it here", c.Func).
				WithHint("give the function a retract: its input has updates or deletes, or rows leave a frame of OVER")
		case window != "" && !c.User.Merges:
			return diag.At(c.User.At, diag.InvalidQuery, "%s has no merge, and windows of %s join accumulators", c.Func, window).
				WithHint("give the function a merge, or use TUMBLE")
		}
	}
	return nil
}

// joins is the name of a kind of window that is made of parts, or empty.
func joins(w plan.WindowSpec, attached bool) string {
	if attached || w.Kind == plan.Tumble {
		return ""
	}
	return w.Kind.String()
}
