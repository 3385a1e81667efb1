package kernel

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// castTemporal casts between dates, times and timestamps.
func castTemporal(from, to types.Type) Cast {
	switch {
	case from.Kind == types.Time && to.Kind == types.Time:
		return castTimeTime
	case from.Kind == types.Date && to.IsTimestamp():
		return castDateTimestamp
	case from.Kind == types.Time && to.IsTimestamp():
		return castTimeTimestamp
	case from.IsTimestamp() && to.Kind == types.Date:
		return castTimestampDate
	case from.IsTimestamp() && to.Kind == types.Time:
		return castTimestampTime
	case from.IsTimestamp() && to.IsTimestamp():
		return castTimestamp
	}
	return nil
}

func castTimeTime(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	p := dst.Type.Prec
	Map1(dst.I32, src.I32[:n], func(x int32) int32 { return int32(cutTime(int64(x), p)) })
	return nil
}

func castDateTimestamp(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	per := dst.Type.PerSecond()
	local := dst.Type.Kind == types.TimestampLTZ
	for i := range Lanes(n, live) {
		t, ok := RescaleTicks(int64(src.I32[i])*86400, 1, per)
		if !ok {
			if err := overflow(e, dst, i, n); err != nil {
				return err
			}
			continue
		}
		if local {
			t = e.Zone.InstantTicks(t, per)
		}
		dst.I64[i] = t
	}
	return nil
}

func castTimeTimestamp(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	per := dst.Type.PerSecond()
	local := dst.Type.Kind == types.TimestampLTZ
	for i := range n {
		t := int64(src.I32[i]) * (per / 1000)
		if local {
			t = e.Zone.InstantTicks(t, per)
		}
		dst.I64[i] = t
	}
	return nil
}

func castTimestampDate(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	day := 86400 * src.Type.PerSecond()
	if src.Type.Kind == types.TimestampLTZ {
		for i := range Lanes(n, live) {
			dst.I32[i] = int32(FloorDiv(e.Zone.LocalTicks(src.I64[i], day/86400), day))
		}
		return nil
	}
	Map1(dst.I32, src.I64[:n], func(x int64) int32 { return int32(FloorDiv(x, day)) })
	return nil
}

func castTimestampTime(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	per := src.Type.PerSecond()
	local := src.Type.Kind == types.TimestampLTZ
	for i := range Lanes(n, live) {
		t := src.I64[i]
		if local {
			t = e.Zone.LocalTicks(t, per)
		}
		dst.I32[i] = int32(cutTime(FloorMod(t, 86400*per)/(per/1000), dst.Type.Prec))
	}
	return nil
}

func castTimestamp(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	from, to := src.Type.PerSecond(), dst.Type.PerSecond()
	for i := range Lanes(n, live) {
		t := src.I64[i]
		switch {
		case src.Type.Kind == dst.Type.Kind:
		case dst.Type.Kind == types.TimestampLTZ:
			t = e.Zone.InstantTicks(t, from)
		default:
			t = e.Zone.LocalTicks(t, from)
		}
		t, ok := RescaleTicks(t, from, to)
		if !ok {
			if err := overflow(e, dst, i, n); err != nil {
				return err
			}
			continue
		}
		dst.I64[i] = CutPrecision(t, dst.Type)
	}
	return nil
}
