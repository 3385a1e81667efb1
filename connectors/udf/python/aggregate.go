package python

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

var _ function.AggregateRuntime = (*Runtime)(nil)

// Aggregate makes the code of an aggregate function: accumulators are bytes, Python's
// own form of its objects, and go to the worker and back with each call. Those of a
// pandas function are rows, kept here.
func (r *Runtime) Aggregate(d *function.Definition, params []types.Type, result types.Type) (func() function.AggregateKernel, error) {
	c, is, err := r.caller(d, params, []types.Type{result})
	if err != nil {
		return nil, err
	}
	return func() function.AggregateKernel {
		if is.pandas {
			return &series{instance: c.instance()}
		}
		return &aggregate{c.instance()}
	}, nil
}

// aggregate is the kernel of an aggregate function.
type aggregate struct{ *instance }

// Apply sends all steps in one frame, and asks for values in the same one.
func (a *aggregate) Apply(f *function.Frame, s *function.AggregateSteps) error {
	d, err := a.ask(f, 'A', func(e *encoder) {
		e.bytes(s.Have.Bytes)
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
		for _, back := range s.Back {
			e.flag(back)
		}
		e.columns(s.Args, a.lanesOf(len(s.Back), nil))
		e.flag(s.Want)
	})
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
	cols, err := d.columns(a.results, s.N+len(s.Base))
	if err != nil {
		return rowError(err)
	}
	s.Values = &cols[0]
	return nil
}

// Values asks for the values of accumulators.
func (a *aggregate) Values(f *function.Frame, dst *batch.Col, accs *function.Accumulators, n int) error {
	if n == 0 {
		return nil
	}
	d, err := a.ask(f, 'V', func(e *encoder) { e.bytes(accs.Bytes) })
	if err != nil {
		return err
	}
	cols, err := d.columns(a.results, n)
	if err != nil {
		return rowError(err)
	}
	*dst = cols[0]
	return nil
}
