package scalar

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// nowFunc makes a function of the processing time: value gives it from the
// instant and the local time of the step, in milliseconds.
func nowFunc(name, summary string, result types.Type, value func(instant, local int64) int64, aliases ...string) function.Func {
	return function.Func{
		Name: name, Aliases: aliases, Category: function.Temporal, Summary: summary, Signatures: []string{name + "()"}, Det: function.PerStep,
		Examples: []function.Example{{SQL: name + "() IS NOT NULL", Want: "TRUE"}},
		Infer: func(c *function.Call) (function.Resolved, error) {
			return function.Resolved{
				Result: result.Nullable(false), Strict: true,
				Make: zoned(func(z *kernel.Zone, f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
					now := f.Now()
					v := value(now, z.Local(now))
					for i := range n {
						setTicks(dst, i, v)
					}
					return nil
				}),
			}, count(c, 0, 0, false)
		},
	}
}

var (
	localTime = nowFunc("LOCALTIME", "Time of day in the session zone.", types.TimeT, func(_, local int64) int64 {
		return kernel.FloorMod(local, kernel.MsDay) / 1000 * 1000
	})
	currentTime = nowFunc("CURRENT_TIME", "Time of day in the session zone.", types.TimeT, func(_, local int64) int64 {
		return kernel.FloorMod(local, kernel.MsDay) / 1000 * 1000
	})
	localTimestamp      = nowFunc("LOCALTIMESTAMP", "Date and time in the session zone.", types.TimestampT(3), func(_, local int64) int64 { return local })
	currentDate         = nowFunc("CURRENT_DATE", "Date in the session zone.", types.DateT, func(_, local int64) int64 { return kernel.FloorDiv(local, kernel.MsDay) })
	currentTimestamp    = nowFunc("CURRENT_TIMESTAMP", "The instant at which the row is processed.", types.TimestampLTZT(3), func(now, _ int64) int64 { return now }, "NOW")
	currentRowTimestamp = nowFunc("CURRENT_ROW_TIMESTAMP", "The instant at which the row is processed, in batch mode too.", types.TimestampLTZT(3), func(now, _ int64) int64 { return now })
	proctime            = nowFunc("PROCTIME", "The instant at which the row is processed, as a time attribute.", types.Type{Kind: types.TimestampLTZ, Prec: 3, Attr: types.Proctime}, func(now, _ int64) int64 { return now })
	unixNow             = nowFunc("UNIX_TIMESTAMP", "Seconds since 1970 UTC now.", types.BigIntT, func(now, _ int64) int64 { return kernel.FloorDiv(now, 1000) })
)

var currentWatermark = function.Func{
	Name: "CURRENT_WATERMARK", Category: function.Temporal, Det: function.PerStep,
	Summary:    "The watermark before the row; NULL before the first.",
	Signatures: []string{"CURRENT_WATERMARK(rowtime)"},
	Examples:   []function.Example{{SQL: "CURRENT_WATERMARK(TIMESTAMP '2020-01-01 00:00:00.000')", Want: "NULL"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		p, err := match(c, 0, false, timestamp)
		if err != nil {
			return function.Resolved{}, err
		}
		if p[0].Prec > 3 {
			return function.Resolved{}, diag.New(diag.InvalidArgument, "CURRENT_WATERMARK takes a time attribute, not %s", p[0].Nullable(true))
		}
		result := types.Type{Kind: p[0].Kind, Prec: 3}
		return function.Resolved{Params: p, Result: result, Eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			w, at := f.Watermark(), 0
			fill := func(to int) {
				for i := at; i < to; i++ {
					dst.I64[i] = w
				}
				if w == batch.NoWatermark && to > at {
					for i := at; i < to; i++ {
						dst.SetNull(i, n)
					}
				}
				at = max(at, to)
			}
			for _, m := range f.Marks() {
				fill(min(int(m.Pos), n))
				w = max(w, m.WM)
			}
			fill(n)
			return nil
		}}, nil
	},
}
