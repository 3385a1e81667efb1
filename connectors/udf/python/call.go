package python

import (
	"encoding/json"

	"github.com/minkstream/mink/connectors/udf"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// caller is a function with the types of one call.
type caller struct {
	r       *Runtime
	s       *setup
	name    string
	rows    int // most a call
	params  []types.Type
	results []types.Type
	open    request
}

func (r *Runtime) caller(d *function.Definition, params, results []types.Type) (*caller, *described, error) {
	s, err := setupOf(d)
	if err != nil {
		return nil, nil, err
	}
	is, err := r.describe(s, d)
	if err != nil {
		return nil, nil, err
	}
	c := &caller{r: r, s: s, name: d.Name, rows: s.rows, params: params, results: results, open: s.request("open", d)}
	if is.pandas {
		c.rows = s.series
		for _, t := range append(append([]types.Type(nil), params...), results...) {
			if err := inSeries(t, d.Name); err != nil {
				return nil, nil, err
			}
		}
	}
	if c.open.Params, err = wires(params); err == nil {
		c.open.Results, err = wires(results)
	}
	return c, is, err
}

// instance is the caller's side of one function object in a worker. It belongs to one
// kernel.
type instance struct {
	*caller
	slot  int
	w     *worker
	id    uint32
	lanes []uint32
	enc   encoder
}

func (c *caller) instance() *instance {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.r.next++
	return &instance{caller: c, slot: c.r.next % slots}
}

// begin opens the function in a worker, unless it is open.
func (i *instance) begin() error {
	if i.w != nil && !i.w.ended() {
		return nil
	}
	w, err := i.r.worker(i.s, i.slot)
	if err != nil {
		return err
	}
	i.w, i.id = w, w.number()
	open := i.open
	open.ID = i.id
	body, err := w.json(i.s, &open)
	if err != nil {
		i.w = nil
		return err
	}
	var a struct {
		Arrow bool `json:"arrow"`
	}
	if json.Unmarshal(body, &a) != nil {
		return errFrame
	}
	i.enc.arrow = a.Arrow
	return nil
}

// ask sends a request, which fill writes after its head, and gives the answer's body.
// The error of a row is a *batch.LaneError with the row's number in the request.
func (i *instance) ask(f *function.Frame, op byte, fill func(e *encoder)) (*decoder, error) {
	b, err := f.Outside(func() ([]byte, error) {
		if err := i.begin(); err != nil {
			return nil, err
		}
		e := &i.enc
		e.b = append(e.b[:0], op)
		e.u32(i.id)
		fill(e)
		if e.err != nil {
			return nil, e.err
		}
		return i.w.call(i.s, e.b, i.name)
	})
	if err != nil {
		return nil, err
	}
	if len(b) == 0 {
		return nil, errFrame
	}
	switch b[0] {
	case 'E':
		row, err := failure(b, i.name)
		if row >= 0 {
			return nil, &batch.LaneError{Lane: row, Err: err}
		}
		return nil, err
	case 'O', 'R':
		return &decoder{b: b[1:], arrow: b[0] == 'R'}, nil
	}
	return nil, errFrame
}

// run calls the function for lanes of args and gives the answer's body.
func (i *instance) run(f *function.Frame, op byte, args []*batch.Col, lanes []uint32) (*decoder, error) {
	d, err := i.ask(f, op, func(e *encoder) {
		e.u32(uint32(len(lanes)))
		e.columns(args, lanes)
	})
	if le, ok := err.(*batch.LaneError); ok {
		if le.Lane >= len(lanes) {
			return nil, le.Err
		}
		le.Lane = int(lanes[le.Lane])
	}
	return d, err
}

// lanesOf lists the lanes that count.
func (i *instance) lanesOf(n int, live []uint64) []uint32 {
	i.lanes = udf.Lanes(i.lanes, n, live)
	return i.lanes
}

// scalar is the kernel of a scalar function.
func (i *instance) scalar(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	t := i.results[0]
	lanes := i.lanesOf(n, live)
	var got batch.Col
	at := 0
	for left := lanes; len(left) > 0; {
		part := left[:min(len(left), i.rows)]
		left = left[len(part):]
		d, err := i.run(f, 'C', args, part)
		if err != nil {
			return err
		}
		cols, err := d.columns(i.results, len(part))
		if err != nil {
			if le, ok := err.(*batch.LaneError); ok {
				le.Lane = int(part[le.Lane])
			}
			return err
		}
		if at == 0 && len(left) == 0 {
			got = cols[0]
		} else {
			got.Append(at, &cols[0], nil, len(part))
		}
		at += len(part)
	}
	dst.Alloc(t, 0)
	switch {
	case at == 0:
		dst.AppendNulls(0, n)
	case at == n:
		dst.Append(0, &got, nil, n)
	default:
		index := make([]uint32, n) // lanes that do not count get any value
		for k, l := range lanes {
			index[l] = uint32(k)
		}
		dst.AppendIndex(0, &got, index, n)
	}
	return nil
}

// table is the kernel of a table function.
func (i *instance) table(f *function.Frame, out *function.TableRows, args []*batch.Col, n int, live []uint64) error {
	all := i.lanesOf(n, live)
	out.From, out.To = append(out.From[:0], make([]uint32, n)...), append(out.To[:0], make([]uint32, n)...)
	cols := make([]batch.Col, len(i.results))
	for c, t := range i.results {
		cols[c].Alloc(t, 0)
	}
	at := uint32(0)
	for len(all) > 0 {
		part := all[:min(len(all), i.rows)]
		all = all[len(part):]
		d, err := i.run(f, 'T', args, part)
		if err != nil {
			return err
		}
		rows := d.u32()
		end := at + rows
		for _, l := range part {
			out.From[l] = at
			at += d.u32()
			out.To[l] = at
		}
		if at != end || d.bad {
			return errFrame
		}
		got, err := d.columns(i.results, int(rows))
		if err != nil {
			return rowError(err)
		}
		for c := range cols {
			cols[c].Append(int(end-rows), &got[c], nil, int(rows))
		}
	}
	out.Cols = out.Cols[:0]
	for c := range cols {
		out.Cols = append(out.Cols, function.TableCol{Col: &cols[c]})
	}
	return nil
}

// rowError is the error of a function's row, which is no lane of the input.
func rowError(err error) error {
	if le, ok := err.(*batch.LaneError); ok {
		return le.Err
	}
	return err
}
