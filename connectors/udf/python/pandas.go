package python

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// series is the kernel of an aggregate over Series: it wants all rows of a group at
// once, so an accumulator is its rows, in order of arrival, each
//
//	uvarint    length
//	the arguments in normalised key form
//
// and the worker is asked when values are.
type series struct {
	*instance
	row  []byte
	vals []*batch.Builder
}

// Apply puts rows behind each other. One that is taken back is the first that is equal.
func (a *series) Apply(_ *function.Frame, s *function.AggregateSteps) error {
	n := len(s.Base)
	s.Out.Reset(n)
	for i, b := range s.Base {
		have := s.Have.Bytes
		if int(b) >= s.N {
			have, b = s.Out.Bytes, b-uint32(s.N)
		}
		acc := slices.Clone(have[b])
		if s.Src[i] >= 0 {
			acc = append(acc, s.Have.Bytes[s.Src[i]]...)
		}
		for l := int(s.Rows[i]); l < int(s.Rows[i+1]); l++ {
			a.row = batch.AppendKeys(a.row[:0], s.Args, l)
			if s.Back[l] {
				acc = without(acc, a.row)
			} else {
				acc = append(binary.AppendUvarint(acc, uint64(len(a.row))), a.row...)
			}
		}
		s.Out.Bytes[i] = acc
	}
	return nil
}

// without removes the first row that is equal.
func without(acc, row []byte) []byte {
	for at := 0; at < len(acc); {
		n, k := binary.Uvarint(acc[at:])
		end := at + k + int(n)
		if bytes.Equal(acc[at+k:end], row) {
			return slices.Delete(acc, at, end)
		}
		at = end
	}
	return acc
}

// Values sends the rows of all groups as columns.
func (a *series) Values(f *function.Frame, dst *batch.Col, accs *function.Accumulators, n int) error {
	if n == 0 {
		return nil
	}
	if a.vals == nil {
		for _, t := range a.params {
			a.vals = append(a.vals, batch.NewBuilder(t.Nullable(true)))
		}
	}
	ends := make([]uint32, 1, n+1)
	for _, acc := range accs.Bytes[:n] {
		rows := ends[len(ends)-1]
		for len(acc) > 0 {
			size, k := binary.Uvarint(acc)
			key := acc[k : k+int(size)]
			for _, v := range a.vals {
				key, _ = batch.DecodeKey(v, key)
			}
			acc = acc[k+int(size):]
			rows++
		}
		ends = append(ends, rows)
	}
	args := make([]*batch.Col, len(a.vals))
	for i, v := range a.vals {
		c := v.Finish()
		args[i] = &c
	}
	d, err := a.ask(f, 'P', func(e *encoder) {
		e.u32(uint32(n))
		for _, end := range ends {
			e.u32(end)
		}
		e.columns(args, a.lanesOf(int(ends[n]), nil))
	})
	if err != nil {
		return rowError(err)
	}
	cols, err := d.columns(a.results, n)
	if err != nil {
		return rowError(err)
	}
	*dst = cols[0]
	return nil
}

// inSeries refuses types that Series have no form of.
func inSeries(t types.Type, name string) error {
	switch t.Kind {
	case types.Map, types.Multiset, types.IntervalYM, types.IntervalDT:
		return diag.New(diag.TypeMismatch, "a Series has no %s, and %s has func_type='pandas'", t.Nullable(true), name).
			WithHint("leave func_type out: the function then gets a row a call")
	case types.Array:
		return inSeries(*t.Elem, name)
	case types.Row:
		for _, f := range t.Fields {
			if err := inSeries(f.Type, name); err != nil {
				return err
			}
		}
	}
	return nil
}
