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

func (t *tapedAggregates) Aggregate(d *function.Definition, params []types.Type, result types.Type) (func() function.AggregateKernel, error) {
	return t.inner.Aggregate(d, params, result)
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
	var args types.Schema
	for i, p := range params {
		name := fmt.Sprintf("arg%d", i+1)
		if i < len(said.Names) {
			name = said.Names[i]
		}
		args = append(args, types.Field{Name: name, Type: p})
	}
	return func() function.Kernel {
		k := &tapedKernel{
			section: "function " + d.Name, w: t.w, make: inner, in: newRowCodec(args),
			out: newRowCodec(types.Schema{{Name: "value", Type: result.Nullable(true)}}),
		}
		return k.run
	}, nil
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
		at := make([]int, len(part))
		number := make([]uint16, len(part))
		for i, p := range part {
			at[i], number[i] = which[p], uint16(i)
		}
		asked := picked(all, at)
		cols := make([]*batch.Col, len(asked.Cols))
		for i := range cols {
			cols[i] = &asked.Cols[i]
		}
		value := &batch.Batch{N: len(part), Cols: make([]batch.Col, 1)}
		own := function.NewFrame(function.FixedEnv{NowMillis: f.Now(), WatermarkTime: f.Watermark(), Random: rand.New(rand.NewPCG(testSeed, 0))}, f.Zone())
		if err := k.inner(own, &value.Cols[0], cols, len(part), nil); err != nil {
			return nil, err
		}
		return k.out.texts(value, number, len(part))
	})
}
