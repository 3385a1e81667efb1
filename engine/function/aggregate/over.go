package aggregate

import (
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

func inferNumber(name string) func([]types.Type, bool) (types.Type, []types.Type, error) {
	return func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
		if len(args) != 0 {
			return types.Type{}, nil, wrong(name, args)
		}
		return types.BigIntT.Nullable(false), nil, nil
	}
}

func inferShare(name string) func([]types.Type, bool) (types.Type, []types.Type, error) {
	return func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
		if len(args) != 0 {
			return types.Type{}, nil, wrong(name, args)
		}
		return types.DoubleT.Nullable(false), nil, nil
	}
}

// inferShift is the rule of LAG and LEAD: value, distance, default. The type is that of the
// value, to which the default is cast.
func inferShift(name string) func([]types.Type, bool) (types.Type, []types.Type, error) {
	return func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
		if len(args) < 1 || len(args) > 3 || len(args) > 1 && !args[1].IsInteger() {
			return types.Type{}, nil, wrong(name, args)
		}
		t := args[0].Plain().Nullable(true)
		params := []types.Type{args[0]}
		if len(args) > 1 {
			params = append(params, types.IntT.Nullable(!args[1].NotNull))
		}
		if len(args) > 2 {
			if args[2].Kind == types.Null {
				params = append(params, t)
			} else if _, err := function.CommonType(t, args[2]); err == nil {
				t = t.Nullable(args[0].IsNullable() || args[2].IsNullable())
				params = append(params, t.Nullable(args[2].IsNullable()))
			} else {
				return types.Type{}, nil, wrong(name, args)
			}
		}
		return t, params, nil
	}
}

var rowNumber = Func{
	Name: "ROW_NUMBER", Summary: "Number of the row in its partition, from 1.", Signatures: []string{"ROW_NUMBER() OVER (...)"},
	OverOnly: true, NoDistinct: true, Infer: inferNumber("ROW_NUMBER"),
}

var rank = Func{
	Name: "RANK", Summary: "Number of rows before the row's peers, plus one.", Signatures: []string{"RANK() OVER (...)"},
	OverOnly: true, NoDistinct: true, Infer: inferNumber("RANK"),
}

var denseRank = Func{
	Name: "DENSE_RANK", Summary: "Number of different order values up to the row.", Signatures: []string{"DENSE_RANK() OVER (...)"},
	OverOnly: true, NoDistinct: true, Infer: inferNumber("DENSE_RANK"),
}

var lag = Func{
	Name: "LAG", Summary: "Value of the row that comes so many rows before, one unless given; else the default.",
	Signatures: []string{"LAG(value [, distance [, default]]) OVER (...)"},
	OverOnly:   true, NoDistinct: true, Infer: inferShift("LAG"),
}

var lead = Func{
	Name: "LEAD", Summary: "Value of the row that comes so many rows after, one unless given; else the default.",
	Signatures: []string{"LEAD(value [, distance [, default]]) OVER (...)"},
	OverOnly:   true, NoDistinct: true, Infer: inferShift("LEAD"),
}

var ntile = Func{
	Name: "NTILE", Summary: "Number of the row's bucket when the partition is dealt into n of them.",
	Signatures: []string{"NTILE(n) OVER (...)"},
	OverOnly:   true, NoDistinct: true,
	Infer: func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
		if len(args) != 1 || !args[0].IsInteger() {
			return types.Type{}, nil, wrong("NTILE", args)
		}
		return types.BigIntT.Nullable(false), []types.Type{types.BigIntT.Nullable(!args[0].NotNull)}, nil
	},
}

var cumeDist = Func{
	Name: "CUME_DIST", Summary: "Share of rows up to and with the row's peers.", Signatures: []string{"CUME_DIST() OVER (...)"},
	OverOnly: true, NoDistinct: true, Infer: inferShare("CUME_DIST"),
}

var percentRank = Func{
	Name: "PERCENT_RANK", Summary: "Share of the other rows that come before the row's peers.", Signatures: []string{"PERCENT_RANK() OVER (...)"},
	OverOnly: true, NoDistinct: true, Infer: inferShare("PERCENT_RANK"),
}
