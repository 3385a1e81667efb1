package bind

import (
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function/aggregate"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// isAggregate reports whether name, in capitals, is an aggregate function that can
// stand without OVER.
func isAggregate(name string) bool {
	f := aggregate.Lookup(name)
	return f != nil && !f.OverOnly
}

// aggregateNames lists the names a statement can use.
func aggregateNames() []string {
	var out []string
	for _, f := range aggregate.All() {
		if !strings.HasPrefix(f.Name, "$") {
			out = append(append(out, f.Name), f.Aliases...)
		}
	}
	return out
}

// aggregateCall works out what an aggregate of arguments is. The arguments come
// back in the types the function takes; Args of the call are to be filled in.
func aggregateCall(name string, args []expr.Node, distinct bool, at diag.Span) (plan.AggCall, []expr.Node, error) {
	f := aggregate.Lookup(name)
	if f == nil {
		return plan.AggCall{}, nil, unsupported(at, "aggregate %s is", name)
	}
	if distinct && f.NoDistinct {
		return plan.AggCall{}, nil, diag.At(at, diag.InvalidArgument, "%s takes no DISTINCT", f.Name)
	}
	ts := make([]types.Type, len(args))
	for i, a := range args {
		ts[i] = a.Type().Plain()
	}
	t, params, err := f.Infer(ts, distinct)
	if err != nil {
		if e := diag.As(err); e != nil {
			for _, s := range f.Signatures {
				e.WithNote(diag.Span{}, "%s", s)
			}
		}
		return plan.AggCall{}, nil, placed(err, at)
	}
	cast := make([]expr.Node, len(args))
	for i, a := range args {
		n, err := expr.NewImplicitCast(a, params[i], a.Span())
		if err != nil {
			return plan.AggCall{}, nil, err
		}
		cast[i] = n
	}
	return plan.AggCall{Func: f.Name, Filter: -1, Type: t.Plain(), Distinct: distinct}, cast, nil
}

// AggregateCall makes a call of an aggregate over arguments, for rules that need
// one. Args of the result are to be filled in.
func AggregateCall(name string, args []expr.Node, at diag.Span) (plan.AggCall, []expr.Node, error) {
	return aggregateCall(name, args, false, at)
}

// neverNull reports that an aggregate over no rows is not NULL.
func neverNull(name string) bool {
	f := aggregate.Lookup(name)
	return f != nil && f.NeverNull
}
