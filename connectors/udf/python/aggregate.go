package python

import (
	"encoding/binary"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

var _ function.AggregateRuntime = (*Runtime)(nil)

// Aggregate makes the code of an aggregate function: accumulators are bytes, Python's
// own form of its objects, and go to the worker and back with each call.
func (r *Runtime) Aggregate(d *function.Definition, params []types.Type, result types.Type) (func() function.AggregateKernel, error) {
	c, err := r.caller(d, params, []types.Type{result})
	if err != nil {
		return nil, err
	}
	return func() function.AggregateKernel { return &aggregate{instance: c.instance()} }, nil
}

// aggregate is the kernel of an aggregate function.
type aggregate struct{ *instance }

// Apply sends all steps in one frame, and asks for values in the same one.
func (a *aggregate) Apply(f *function.Frame, s *function.AggregateSteps) error {
	e := &a.enc
	e.b = append(e.b[:0], 'A', 0, 0, 0, 0)
	a.accumulators(&s.Have)
	e.u32(uint32(len(s.Base)))
	for _, b := range s.Base {
		e.u32(b)
	}
	for _, x := range s.Src {
		e.u32(uint32(x))
	}
	for _, r := range s.Rows {
		e.u32(r)
	}
	e.u32(uint32(len(s.Back)))
	a.lanes = a.lanes[:0]
	for i, back := range s.Back {
		v := byte(0)
		if back {
			v = 1
		}
		e.b = append(e.b, v)
		a.lanes = append(a.lanes, uint32(i))
	}
	for _, c := range s.Args {
		e.column(c, a.lanes)
	}
	want := byte(0)
	if s.Want {
		want = 1
	}
	e.b = append(e.b, want)
	d, err := a.answer(f)
	if err != nil {
		return err
	}
	s.Out.Reset(len(s.Base))
	if h := d.take(1); h == nil || h[0] != 0 {
		return errFrame
	}
	offs := d.offsets(len(s.Base))
	if d.bad {
		return errFrame
	}
	data := d.take(int(offs[len(s.Base)]))
	if d.bad {
		return errFrame
	}
	for i := range s.Base {
		s.Out.Bytes[i] = data[offs[i]:offs[i+1]:offs[i+1]]
	}
	if !s.Want {
		return nil
	}
	got := batch.NewBuilder(a.results[0])
	if err := d.column(got, s.N+len(s.Base)); err != nil {
		return rowError(err)
	}
	col := got.Finish()
	s.Values = &col
	return nil
}

// Values asks for the values of accumulators.
func (a *aggregate) Values(f *function.Frame, dst *batch.Col, accs *function.Accumulators, n int) error {
	if n == 0 {
		return nil
	}
	a.enc.b = append(a.enc.b[:0], 'V', 0, 0, 0, 0)
	a.accumulators(accs)
	d, err := a.answer(f)
	if err != nil {
		return err
	}
	got := batch.NewBuilder(a.results[0])
	if err := d.column(got, n); err != nil {
		return rowError(err)
	}
	*dst = got.Finish()
	return nil
}

// accumulators writes a column of them, after their number.
func (a *aggregate) accumulators(accs *function.Accumulators) {
	e := &a.enc
	e.u32(uint32(len(accs.Bytes)))
	e.b = append(e.b, 1)
	for _, b := range accs.Bytes {
		v := byte(0)
		if b == nil {
			v = 1
		}
		e.b = append(e.b, v)
	}
	end := uint32(0)
	e.u32(end)
	for _, b := range accs.Bytes {
		end += uint32(len(b))
		e.b = binary.LittleEndian.AppendUint32(e.b, end)
	}
	for _, b := range accs.Bytes {
		e.b = append(e.b, b...)
	}
}
