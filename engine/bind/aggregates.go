package bind

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

func appendInt(v int64) func(b *batch.Builder) { return func(b *batch.Builder) { b.AppendInt(v) } }

func joinWords(list []string) string {
	s := ""
	for i, w := range list {
		if i > 0 {
			s += ", "
		}
		s += w
	}
	return s
}

func keysOf(m map[string]bool) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// isAggregate reports whether name, in capitals, is an aggregate function.
func isAggregate(name string) bool { return aggRules[name] != nil && !overOnly[name] }

func aggregateNames() []string {
	var out []string
	for n := range aggRules {
		if n[0] != '$' {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// aggRule gives the result of an aggregate over arguments of types ts, and the
// types the arguments are brought to (nil keeps them).
type aggRule func(ts []types.Type) (types.Type, []types.Type, bool)

var aggRules = init0()

// AggregateCall makes a call of an aggregate over arguments, for rules that need
// one. Args of the result are to be filled in.
func AggregateCall(name string, args []expr.Node, at diag.Span) (plan.AggCall, []expr.Node, error) {
	return aggregateCall(name, args, at)
}
