package harness

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// runtimes puts the cassette before functions in other languages that say that they are not
// deterministic; the others are part of the job under test and run as in production.
func (w *World) runtimes(list []func(*env.Env) function.Runtime) []func(*env.Env) function.Runtime {
	var out []func(*env.Env) function.Runtime
	for _, open := range list {
		out = append(out, func(e *env.Env) function.Runtime {
			r := open(e)
			own := &tapedRuntime{r, w}
			if a, ok := r.(function.AggregateRuntime); ok {
				return &tapedAggregates{own, a}
			}
			return own
		})
	}
	return out
}

type tapedRuntime struct {
	function.Runtime
	w *World
}

type tapedAggregates struct {
	*tapedRuntime
	inner function.AggregateRuntime
}

// Scalar makes kernels that ask through the cassette, row by row.
func (t *tapedRuntime) Scalar(d *function.Definition, params []types.Type, result types.Type) (func() function.Kernel, error) {
	inner, err := t.Runtime.Scalar(d, params, result)
	if err != nil {
		return nil, err
	}
	said, err := t.Describe(d)
	if err != nil || said.Det == function.Deterministic {
		return inner, err
	}
	args := argsOf(said, params)
	return func() function.Kernel {
		k := &tapedKernel{
			section: "function " + d.Name, w: t.w, make: inner, in: newRowCodec(args),
			out: newRowCodec(types.Schema{{Name: "value", Type: result.Nullable(true)}}),
		}
		return k.run
	}, nil
}

// Table makes kernels of table functions that ask through the cassette.
func (t *tapedRuntime) Table(d *function.Definition, params, results []types.Type) (func() function.TableKernel, error) {
	inner, err := t.Runtime.Table(d, params, results)
	if err != nil {
		return nil, err
	}
	said, err := t.Describe(d)
	if err != nil || said.Det == function.Deterministic {
		return inner, err
	}
	out := make(types.Schema, len(results))
	for i, r := range results {
		out[i] = types.Field{Name: fmt.Sprintf("f%d", i), Type: r}
		if i < len(said.Columns) {
			out[i].Name = said.Columns[i]
		}
	}
	args := argsOf(said, params)
	return func() function.TableKernel {
		k := &tapedTable{section: "function " + d.Name, w: t.w, make: inner, in: newRowCodec(args), out: newRowCodec(out)}
		return k.run
	}, nil
}

// argsOf are the arguments of a function as columns.
func argsOf(said *function.Declared, params []types.Type) types.Schema {
	var args types.Schema
	for i, p := range params {
		name := fmt.Sprintf("arg%d", i+1)
		if i < len(said.Names) {
			name = said.Names[i]
		}
		args = append(args, types.Field{Name: name, Type: p})
	}
	return args
}

// tapedTable is a table function behind the cassette.
type tapedTable struct {
	section string
	w       *World
	make    func() function.TableKernel
	inner   function.TableKernel
	in, out *rowCodec
	got     batch.Batch
}

func (k *tapedTable) run(f *function.Frame, out *function.TableRows, args []*batch.Col, n int, live []uint64) error {
	all := &batch.Batch{N: n}
	for _, a := range args {
		all.Cols = append(all.Cols, *a)
	}
	var which []int
	var number []uint16
	for lane := range kernel.Lanes(n, live) {
		which, number = append(which, lane), append(number, uint16(len(number)))
	}
	kept, err := f.Outside(func() ([]byte, error) {
		answers, err := k.ask(f, all, which)
		if err != nil {
			return nil, err
		}
		return json.Marshal(answers)
	})
	if err != nil {
		return err
	}
	var answers [][]string
	if err := json.Unmarshal(kept, &answers); err != nil {
		return err
	}
	k.got.Reset()
	if _, err := k.out.rows(&k.got, nil, answers, number); err != nil {
		return err
	}
	out.From, out.To = make([]uint32, n), make([]uint32, n)
	at := uint32(0)
	for i, lane := range which {
		out.From[lane] = at
		at += uint32(len(answers[i]))
		out.To[lane] = at
	}
	out.Cols = out.Cols[:0]
	for i := range k.got.Cols {
		out.Cols = append(out.Cols, function.TableCol{Col: &k.got.Cols[i]})
	}
	return nil
}

func (k *tapedTable) ask(f *function.Frame, all *batch.Batch, which []int) ([][]string, error) {
	calls := make([]string, len(which))
	for i, lane := range which {
		var err error
		if calls[i], err = k.in.text(all, lane); err != nil {
			return nil, err
		}
	}
	return k.w.book().Ask(k.section, calls, func(part []int) ([][]string, error) {
		if k.inner == nil {
			k.inner = k.make()
		}
		asked, at := picked(all, lanesOf(which, part)), &function.TableRows{}
		cols := make([]*batch.Col, len(asked.Cols))
		for i := range cols {
			cols[i] = &asked.Cols[i]
		}
		if err := k.inner(frameOf(f), at, cols, len(part), nil); err != nil {
			return nil, err
		}
		own := &batch.Batch{Cols: make([]batch.Col, len(at.Cols))}
		var rows [][]string
		for i := range part {
			var list []string
			for r := at.From[i]; r < at.To[i]; r++ {
				for c, col := range at.Cols {
					lane := uint16(r)
					if col.At != nil {
						lane = uint16(col.At[r])
					}
					own.Cols[c].Gather(col.Col, []uint16{lane}, 1)
				}
				own.N = 1
				text, err := k.out.text(own, 0)
				if err != nil {
					return nil, err
				}
				list = append(list, text)
			}
			rows = append(rows, list)
		}
		return rows, nil
	})
}

// lanesOf are the lanes of a part of calls.
func lanesOf(which, part []int) []int {
	at := make([]int, len(part))
	for i, p := range part {
		at[i] = which[p]
	}
	return at
}

// frameOf is a frame for calls that are made once, whatever run makes them.
func frameOf(f *function.Frame) *function.Frame {
	return function.NewFrame(function.FixedEnv{NowMillis: f.Now(), WatermarkTime: f.Watermark(), Random: rand.New(rand.NewPCG(testSeed, 0))}, f.Zone())
}

type tapedKernel struct {
	section string
	w       *World
	make    func() function.Kernel
	inner   function.Kernel
	in, out *rowCodec
}

func (k *tapedKernel) run(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	all := &batch.Batch{N: n}
	for _, a := range args {
		all.Cols = append(all.Cols, *a)
	}
	var which []int
	for lane := range kernel.Lanes(n, live) {
		which = append(which, lane)
	}
	if len(which) == 0 {
		dst.Alloc(k.out.schema[0].Type, 0)
		dst.AppendNulls(0, n)
		return nil
	}
	// What was answered is part of the step, as what the function itself is asked would be.
	kept, err := f.Outside(func() ([]byte, error) {
		answers, err := k.ask(f, all, which)
		if err != nil {
			return nil, err
		}
		return json.Marshal(answers)
	})
	if err != nil {
		return err
	}
	var answers [][]string
	if err := json.Unmarshal(kept, &answers); err != nil {
		return err
	}
	got := &batch.Batch{}
	if _, err := k.out.rows(got, nil, answers, make([]uint16, len(answers))); err != nil {
		return err
	}
	sel := make([]uint16, n) // other lanes are not looked at
	for i, lane := range which {
		sel[lane] = uint16(i)
	}
	dst.Gather(&got.Cols[0], sel, n)
	return nil
}

func (k *tapedKernel) ask(f *function.Frame, all *batch.Batch, which []int) ([][]string, error) {
	calls := make([]string, len(which))
	for i, lane := range which {
		var err error
		if calls[i], err = k.in.text(all, lane); err != nil {
			return nil, err
		}
	}
	return k.w.book().Ask(k.section, calls, func(part []int) ([][]string, error) {
		if k.inner == nil {
			k.inner = k.make()
		}
		number := make([]uint16, len(part))
		for i := range part {
			number[i] = uint16(i)
		}
		asked := picked(all, lanesOf(which, part))
		cols := make([]*batch.Col, len(asked.Cols))
		for i := range cols {
			cols[i] = &asked.Cols[i]
		}
		value := &batch.Batch{N: len(part), Cols: make([]batch.Col, 1)}
		if err := k.inner(frameOf(f), &value.Cols[0], cols, len(part), nil); err != nil {
			return nil, err
		}
		return k.out.texts(value, number, len(part))
	})
}
