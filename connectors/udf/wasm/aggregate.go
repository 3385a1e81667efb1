package wasm

import (
	"context"
	"encoding/binary"
	"math"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

var _ function.AggregateRuntime = (*Runtime)(nil)

// Exports of an aggregate, behind its name.
const (
	suffixState      = "_state"
	suffixAccumulate = "_accumulate"
	suffixRetract    = "_retract"
	suffixMerge      = "_merge"
	suffixValue      = "_value"

	stateBytesMax = 64 << 10
)

// state is the size of an accumulator in bytes, which the module says.
func (m *module) state(name, export string) (int, error) {
	c := &call{m: m, name: name, timeout: describeTimeout}
	var size uint32
	err := c.within(func(ctx context.Context) (err error) {
		defer func() {
			if c.inst != nil {
				_ = c.inst.Close(ctx)
			}
		}()
		size, err = c.invoke(ctx, export+suffixState)
		return err
	})
	if err == nil && (size == 0 || size%8 != 0 || size > stateBytesMax) {
		err = diag.New(diag.InvalidArgument, "%s gives %d, and an accumulator has a multiple of 8 bytes, at most %d", export+suffixState, size, stateBytesMax)
	}
	return int(size), err
}

// Aggregate makes the code of an aggregate. Accumulators are words that lie in the
// module's memory during a call.
func (r *Runtime) Aggregate(d *function.Definition, params []types.Type, result types.Type) (func() function.AggregateKernel, error) {
	c, err := r.call(d, params, []types.Type{result})
	if err != nil {
		return nil, err
	}
	return func() function.AggregateKernel {
		a := &aggregate{call: *c}
		return &function.AggregateLoops{Accumulate: a.add(suffixAccumulate), Retract: a.add(suffixRetract), Merge: a.merge, Value: a.value}
	}, nil
}

// aggregate has the loops of an aggregate.
type aggregate struct {
	call
	place   []uint32 // of an accumulator among those that are sent, and 1
	touched []uint32 // those that are sent
	to      []uint32
}

// touch numbers the accumulators that a loop goes to.
func (a *aggregate) touch(accs *function.Accumulators, to []uint32) {
	if n := len(accs.Words) / accs.Width; len(a.place) < n {
		a.place = append(a.place, make([]uint32, n-len(a.place))...)
	}
	a.to, a.touched = a.to[:0], a.touched[:0]
	for _, t := range to {
		if a.place[t] == 0 {
			a.touched = append(a.touched, t)
			a.place[t] = uint32(len(a.touched))
		}
		a.to = append(a.to, a.place[t]-1)
	}
	for _, t := range a.touched {
		a.place[t] = 0
	}
}

// numbers appends numbers and gives where they lie.
func (a *aggregate) numbers(list []uint32) int {
	at := len(a.buf)
	for _, v := range list {
		a.buf = binary.LittleEndian.AppendUint32(a.buf, v)
	}
	a.pad()
	return at
}

// words appends accumulators and gives where they lie.
func (a *aggregate) words(accs *function.Accumulators, which []uint32) int {
	at := len(a.buf)
	for _, i := range which {
		for _, w := range accs.Row(int(i)) {
			a.buf = binary.LittleEndian.AppendUint64(a.buf, w)
		}
	}
	return at
}

// back takes the accumulators that were touched from an address.
func (a *aggregate) back(accs *function.Accumulators, at uint32) error {
	b, ok := a.inst.Memory().Read(at, uint32(len(a.touched)*accs.Width*8))
	if !ok {
		return diag.New(diag.UserFunction, "the memory of %s is smaller than before", a.name)
	}
	for i, t := range a.touched {
		row := accs.Row(int(t))
		for w := range row {
			row[w] = binary.LittleEndian.Uint64(b[(i*accs.Width+w)*8:])
		}
	}
	return nil
}

// add is the loop over rows that are added or taken back.
func (a *aggregate) add(suffix string) func(*function.Frame, *function.Accumulators, *function.AggregateRows) error {
	return func(_ *function.Frame, accs *function.Accumulators, r *function.AggregateRows) error {
		return a.within(func(ctx context.Context) error {
			a.lanes = append(a.lanes[:0], r.Lanes...)
			a.touch(accs, r.To)
			a.begin(len(r.Args))
			a.arguments(r.Args)
			to, words := a.numbers(a.to), a.words(accs, a.touched)
			at, err := a.send(ctx, len(r.Args))
			if err != nil {
				return err
			}
			if err := a.rows(ctx, a.lanes, a.export+suffix, at, uint32(len(a.lanes)), at+uint32(to), at+uint32(words)); err != nil {
				return err
			}
			return a.back(accs, at+uint32(words))
		})
	}
}

// merge is the loop over accumulators that are added to others.
func (a *aggregate) merge(_ *function.Frame, accs *function.Accumulators, to []uint32, from *function.Accumulators, src []uint32) error {
	return a.within(func(ctx context.Context) error {
		a.touch(accs, to)
		a.begin(0)
		nums, others, words := a.numbers(a.to), a.words(from, src), a.words(accs, a.touched)
		at, err := a.send(ctx, 0)
		if err != nil {
			return err
		}
		failed, err := a.invoke(ctx, a.export+suffixMerge, at+uint32(others), uint32(len(to)), at+uint32(nums), at+uint32(words))
		if err == nil && failed != 0 {
			err = diag.New(diag.UserFunction, "%s failed", a.name)
		}
		if err != nil {
			return err
		}
		return a.back(accs, at+uint32(words))
	})
}

// value asks for the values of the first n accumulators.
func (a *aggregate) value(_ *function.Frame, dst *batch.Col, accs *function.Accumulators, n int) error {
	if n == 0 {
		return nil
	}
	return a.within(func(ctx context.Context) error {
		a.lanes = a.lanes[:0]
		for i := range n {
			a.lanes = append(a.lanes, uint32(i))
		}
		a.begin(1)
		a.room(0, a.results[0], n, make([]byte, n))
		words := a.words(accs, a.lanes)
		if len(a.buf) > math.MaxInt32 {
			return diag.New(diag.LimitExceeded, "%d accumulators of %s are too large for its memory", n, a.name)
		}
		at, err := a.send(ctx, 1)
		if err != nil {
			return err
		}
		if err := a.rows(ctx, a.lanes, a.export+suffixValue, at, uint32(n), at+uint32(words)); err != nil {
			if le, ok := err.(*batch.LaneError); ok {
				return le.Err
			}
			return err
		}
		return a.read(dst, a.results[0], a.lanes, n, at)
	})
}
