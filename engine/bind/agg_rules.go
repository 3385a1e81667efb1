package bind

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

func aggregateCall(name string, args []expr.Node, at diag.Span) (plan.AggCall, []expr.Node, error) {
	rule := aggRules[name]
	if rule == nil {
		return plan.AggCall{}, nil, unsupported(at, "aggregate %s is", name)
	}
	ts := make([]types.Type, len(args))
	for i, a := range args {
		ts[i] = a.Type().Plain()
	}
	t, params, ok := rule(ts)
	if !ok {
		s := ""
		for i, x := range ts {
			if i > 0 {
				s += ", "
			}
			s += x.Nullable(true).String()
		}
		return plan.AggCall{}, nil, diag.At(at, diag.InvalidArgument, "%s does not take (%s)", name, s)
	}
	cast := args
	if params != nil {
		cast = make([]expr.Node, len(args))
		for i, a := range args {
			n, err := expr.NewImplicitCast(a, params[i], a.Span())
			if err != nil {
				return plan.AggCall{}, nil, err
			}
			cast[i] = n
		}
	}
	return plan.AggCall{Func: name, Filter: -1, Type: t}, cast, nil
}

func init0() map[string]aggRule {
	same := func(ts []types.Type) (types.Type, []types.Type, bool) {
		if len(ts) != 1 {
			return types.Type{}, nil, false
		}
		return ts[0].Nullable(true), nil, true
	}
	ordered := func(ts []types.Type) (types.Type, []types.Type, bool) {
		if len(ts) != 1 || ts[0].IsNested() || ts[0].Kind == types.Variant || ts[0].Kind == types.Bitmap || ts[0].Kind == types.Raw {
			return types.Type{}, nil, false
		}
		return ts[0], nil, true
	}
	sum := func(ts []types.Type) (types.Type, []types.Type, bool) {
		if len(ts) != 1 || !ts[0].IsNumeric() {
			return types.Type{}, nil, false
		}
		t := ts[0]
		if t.Kind == types.Decimal {
			return types.DecimalT(38, t.Scale), nil, true
		}
		return t, nil, true
	}
	avg := func(ts []types.Type) (types.Type, []types.Type, bool) {
		if len(ts) != 1 || !ts[0].IsNumeric() {
			return types.Type{}, nil, false
		}
		t := ts[0]
		if t.Kind == types.Decimal {
			return types.DecimalT(38, max(6, t.Scale)).Nullable(!t.NotNull), nil, true
		}
		return t, nil, true
	}
	spread := func(ts []types.Type) (types.Type, []types.Type, bool) {
		t, p, ok := avg(ts)
		return t.Nullable(true), p, ok
	}
	count := func(ts []types.Type) (types.Type, []types.Type, bool) {
		return types.BigIntT.Nullable(false), nil, len(ts) <= 1
	}
	number := func(ts []types.Type) (types.Type, []types.Type, bool) {
		return types.BigIntT.Nullable(false), nil, len(ts) == 0
	}
	lag := func(ts []types.Type) (types.Type, []types.Type, bool) {
		if len(ts) < 1 || len(ts) > 3 || len(ts) > 1 && !ts[1].IsInteger() {
			return types.Type{}, nil, false
		}
		p := []types.Type{ts[0]}
		if len(ts) > 1 {
			p = append(p, types.IntT)
		}
		if len(ts) > 2 {
			p = append(p, ts[0])
		}
		return ts[0].Nullable(true), p, true
	}
	return map[string]aggRule{
		"COUNT": count, "SUM": sum, "$SUM0": sum, "AVG": avg, "MIN": ordered, "MAX": ordered,
		"STDDEV_POP": spread, "STDDEV_SAMP": spread, "STDDEV": spread, "VAR_POP": spread, "VAR_SAMP": spread, "VARIANCE": spread,
		"FIRST_VALUE": same, "LAST_VALUE": same, "SINGLE_VALUE": same,
		"LISTAGG": func(ts []types.Type) (types.Type, []types.Type, bool) {
			ok := len(ts) >= 1 && len(ts) <= 2
			for _, t := range ts {
				ok = ok && t.IsString()
			}
			return types.StringT, nil, ok
		},
		"COLLECT": func(ts []types.Type) (types.Type, []types.Type, bool) {
			if len(ts) != 1 {
				return types.Type{}, nil, false
			}
			return types.MultisetT(ts[0]).Nullable(false), nil, true
		},
		"ARRAY_AGG": func(ts []types.Type) (types.Type, []types.Type, bool) {
			if len(ts) != 1 {
				return types.Type{}, nil, false
			}
			return types.ArrayT(ts[0].Nullable(true)), nil, true
		},
		"ROW_NUMBER": number, "RANK": number, "DENSE_RANK": number, "LAG": lag, "LEAD": lag,
	}
}
