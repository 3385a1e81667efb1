package aggregate

import (
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

func inferAvg(name string, nullable bool) func([]types.Type, bool) (types.Type, []types.Type, error) {
	return func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
		if len(args) != 1 || !args[0].IsNumeric() {
			return types.Type{}, nil, wrong(name, args)
		}
		t := args[0].Plain()
		if t.Kind == types.Decimal {
			t = types.DecimalT(function.MaxPrecision, max(6, t.Scale)).Nullable(!t.NotNull)
		}
		if nullable {
			t.NotNull = false
		}
		return t, args, nil
	}
}

var avg = Func{
	Name:       "AVG",
	Summary:    "Mean of the values that are not NULL; that of integers is cut towards zero.",
	Signatures: []string{"AVG([DISTINCT] number)"},
	Examples: []function.Example{
		{SQL: "SELECT AVG(x) FROM (VALUES (1), (2)) AS t(x)", Want: "1"},
		{SQL: "SELECT AVG(x) FROM (VALUES (1.5), (2.0)) AS t(x)", Want: "1.750000"},
	},
	Infer: inferAvg("AVG", false),
	New: func(s Spec) Acc {
		t := s.Args[0]
		switch {
		case t.IsApprox():
			return &floatSum{avg: true}
		case t.Kind == types.Decimal && t.Prec > 18:
			return &wideSum{avg: true, scale: t.Scale}
		case t.Kind == types.Decimal:
			return &decSum{avg: true, scale: t.Scale}
		}
		return &intSum{avg: true, phys: t.Phys()}
	},
}
