package conform

import (
	"math"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// RandomBatch draws n rows of a schema. Values that are NULL come where the type
// allows it.
func RandomBatch(t *rapid.T, s types.Schema, n int) *batch.Batch {
	b := batch.NewBatchBuilder(s.Types()...)
	for range n {
		for i, f := range s {
			b.Col(i).AppendAny(RandomValue(t, f.Type))
		}
		b.EndRow(batch.Insert)
	}
	return b.Finish()
}

// RandomValue draws a value of a type, as batch.Builder.AppendAny takes it.
func RandomValue(t *rapid.T, ty types.Type) any {
	if !ty.NotNull && rapid.IntRange(0, 7).Draw(t, "null") == 0 {
		return nil
	}
	between := func(lo, hi int64) int64 { return rapid.Int64Range(lo, hi).Draw(t, "int") }
	switch ty.Kind {
	case types.Boolean:
		return rapid.Bool().Draw(t, "bool")
	case types.TinyInt:
		return between(math.MinInt8, math.MaxInt8)
	case types.SmallInt:
		return between(math.MinInt16, math.MaxInt16)
	case types.Int:
		return between(math.MinInt32, math.MaxInt32)
	case types.BigInt:
		return between(math.MinInt64, math.MaxInt64)
	case types.IntervalYM:
		return between(-100_000, 100_000)
	case types.IntervalDT:
		return between(-1e12, 1e12)
	case types.Float:
		return float64(rapid.Float32().Draw(t, "float"))
	case types.Double:
		return rapid.Float64().Draw(t, "double")
	case types.Decimal:
		limit := int64(1)
		for range min(ty.Prec, 18) {
			limit *= 10
		}
		d := batch.DecOf(between(1-limit, limit-1))
		if ty.Prec > 18 && rapid.Bool().Draw(t, "wide") {
			// 10^36 has about 119.6 bits.
			d.Hi = between(-1<<50, 1<<50)
			d.Lo = rapid.Uint64().Draw(t, "low")
			if ty.Prec < 36 {
				d.Hi %= 2
			}
		}
		return d
	case types.Char, types.VarChar:
		return rapid.StringOfN(rapid.Rune(), 0, 40, -1).Draw(t, "text")
	case types.Binary, types.VarBinary, types.Raw:
		return string(rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes"))
	case types.Date:
		return between(-719_528, 2_932_896) // the years 0 to 9999
	case types.Time:
		ms := between(0, 86_399_999)
		return ms - ms%unit(3-min(ty.Prec, 3))
	case types.Timestamp, types.TimestampLTZ:
		// The years 1700 to 2200 fit every precision.
		per := ty.PerSecond()
		v := between(-8_520_000_000*per, 7_258_000_000*per)
		digits := map[int64]int{1000: 3, 1_000_000: 6, 1_000_000_000: 9}[per]
		u := unit(digits - ty.Prec)
		return v - ((v%u)+u)%u
	case types.Array:
		out := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "len") {
			out = append(out, RandomValue(t, *ty.Elem))
		}
		return out
	case types.Map, types.Multiset:
		out := []any{}
		seen := map[any]bool{}
		for range rapid.IntRange(0, 3).Draw(t, "len") {
			k := RandomValue(t, batch.KidType(ty, 0).Nullable(false))
			if _, list := k.([]any); list || seen[k] {
				continue
			}
			seen[k] = true
			v := RandomValue(t, batch.KidType(ty, 1))
			out = append(out, k, v)
		}
		return out
	case types.Row:
		var out []any
		for _, f := range ty.Fields {
			out = append(out, RandomValue(t, f.Type))
		}
		return out
	}
	return nil
}

func unit(digits int) int64 {
	u := int64(1)
	for range digits {
		u *= 10
	}
	return u
}
