package kernel

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Cast converts the values of src to the type of dst, n lanes, both flat. The null
// bitmap of dst has the nulls of src already, and live leaves them out; a cast
// adds nulls where a value has no counterpart and the rules say NULL.
type Cast func(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error

// CastEnv is what casts need beside the values.
type CastEnv struct {
	// Scratch has room for string bytes.
	Scratch *batch.Scratch
	// Zone is the session time zone.
	Zone Zone
	// Try makes a value that cannot be converted NULL instead of an error.
	Try bool
}

// fail handles a value that cannot be converted.
func (e *CastEnv) fail(dst *batch.Col, i, n int, code diag.Code, format string, args ...any) error {
	if e.Try {
		dst.SetNull(i, n)
		return nil
	}
	return batch.FailLane(i, code, format, args...)
}

// FindCast returns the loop that casts from one type to another, or nil when
// there is none. Which casts SQL allows is decided elsewhere; there are loops for
// all of those.
func FindCast(from, to types.Type) Cast {
	if types.SameIgnoringNull(from, to) {
		return castSame
	}
	switch {
	case from.Kind == types.Null:
		return castNull
	case from.Kind == types.Variant:
		return castFromVariant(to)
	case to.IsString():
		return castToString(from, to)
	case to.IsBinary():
		return castToBinary(from, to)
	case from.IsString():
		return castFromString(to)
	case from.IsNested() && from.Kind == to.Kind:
		return castNested(from, to)
	case from.IsTemporal() && to.IsTemporal():
		return castTemporal(from, to)
	}
	return castNumeric(from, to)
}

// castSame copies; string bytes are shared.
func castSame(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	nulls, t := dst.Nulls, dst.Type
	dst.Gather(src, nil, n)
	dst.Type = t
	if nulls != nil {
		dst.Nulls = nulls
	}
	return nil
}

// castNull makes every lane NULL.
func castNull(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	FillOnes(dst.NullBits(n), n)
	return nil
}

// castNested casts arrays, maps and multisets element by element, rows field by
// field.
func castNested(from, to types.Type) Cast {
	var kids []Cast
	for i := range nestedKids(from) {
		k := FindCast(batch.KidType(from, i), batch.KidType(to, i))
		if k == nil {
			return nil
		}
		kids = append(kids, k)
	}
	if from.Kind == types.Row {
		return func(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
			for i, k := range kids {
				if err := castKid(e, k, &dst.Kids[i], &src.Kids[i], n, live); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return func(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
		copy(dst.Offs[:n+1], src.Offs[:n+1])
		total := int(src.Offs[n])
		for i, k := range kids {
			if err := castKid(e, k, &dst.Kids[i], &src.Kids[i], total, nil); err != nil {
				return laneOfElement(err, src.Offs)
			}
		}
		return nil
	}
}

func nestedKids(t types.Type) int {
	switch t.Kind {
	case types.Row:
		return len(t.Fields)
	case types.Map, types.Multiset:
		return 2
	}
	return 1
}

// castKid casts a child column of n lanes, with its nulls.
func castKid(e *CastEnv, cast Cast, dst, src *batch.Col, n int, live []uint64) error {
	if src.Enc != batch.Flat {
		flat := *src
		flat.Flatten(n)
		src = &flat
	}
	dst.Alloc(dst.Type, n)
	if src.Nulls != nil {
		copy(dst.AllocNulls(n), src.Nulls)
		mask := make([]uint64, batch.Words(n))
		FillOnes(mask, n)
		for i := range mask {
			mask[i] &^= src.Nulls[i]
			if live != nil {
				mask[i] &= live[i]
			}
		}
		live = mask
	}
	if dst.Type.Phys() == types.PhysBytes {
		clear(dst.Views)
	}
	return cast(e, dst, src, n, live)
}

// laneOfElement turns the lane of an error among elements into that of the list.
func laneOfElement(err error, offs []uint32) error {
	le, ok := err.(*batch.LaneError)
	if !ok {
		return err
	}
	lane := 0
	for lane+1 < len(offs) && int(offs[lane+1]) <= le.Lane {
		lane++
	}
	return &batch.LaneError{Lane: lane, Err: le.Err}
}
