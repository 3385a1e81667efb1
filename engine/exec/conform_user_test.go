package exec

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/function/aggregate"
	"github.com/minkstream/mink/engine/types"
)

// Functions of users that do what built-in ones do, so that the plain computations of
// those say what comes out.
var (
	// userSum has accumulators of two words: the number of values, and their sum.
	userSum = &aggregate.User{ID: "sum", AggregateResolved: function.AggregateResolved{
		Params: []types.Type{types.BigIntT}, Result: types.BigIntT, Words: 2, Retracts: true, Merges: true,
		Make: func() function.AggregateKernel {
			return &function.AggregateLoops{Accumulate: sumRows(1), Retract: sumRows(-1), Merge: sumBoth, Value: sumValue}
		},
	}}
	// userMax has accumulators of bytes: all values in order, a line each.
	userMax = &aggregate.User{ID: "max", AggregateResolved: function.AggregateResolved{
		Params: []types.Type{types.StringT}, Result: types.StringT, Retracts: true, Merges: true,
		Make: func() function.AggregateKernel {
			return &function.AggregateLoops{Accumulate: lines(true, true), Retract: lines(false, true), Merge: linesBoth, Value: linesValue(true)}
		},
	}}
	// userAnswers is userMax whose values come with the accumulators.
	userAnswers = &aggregate.User{ID: "answers", AggregateResolved: function.AggregateResolved{
		Params: []types.Type{types.StringT}, Result: types.StringT, Retracts: true, Merges: true,
		Make: func() function.AggregateKernel { return &answering{AggregateKernel: userMax.Make()} },
	}}
	// userList joins values as they come, and can do nothing else.
	userList = &aggregate.User{ID: "list", AggregateResolved: function.AggregateResolved{
		Params: []types.Type{types.StringT}, Result: types.StringT,
		Make: func() function.AggregateKernel {
			return &function.AggregateLoops{Accumulate: lines(true, false), Value: linesValue(false)}
		},
	}}

	userSpecs = []AggSpec{
		{Func: "SUM", User: userSum, Args: []int{1}, Filter: -1, Result: types.BigIntT},
		{Func: "SUM", User: userSum, Args: []int{1}, Filter: 3, Distinct: true, Result: types.BigIntT},
		{Func: "MAX", User: userMax, Args: []int{2}, Filter: -1, Result: types.StringT},
		{Func: "COUNT", Args: []int{1}, Filter: -1, Result: types.BigIntT},
		{Func: "MAX", User: userMax, Args: []int{2}, Filter: 3, Distinct: true, Result: types.StringT},
	}
	userOrdered = append(slices.Clone(userSpecs), AggSpec{Func: "LISTAGG", User: userList, Args: []int{2}, Filter: -1, Result: types.StringT})
)

func userCases() []*conformCase {
	tumble := WindowSpec{Kind: TumbleWindow, Size: 10, TimeCol: 4}
	hop := WindowSpec{Kind: HopWindow, Size: 12, Slide: 5, TimeCol: 4}
	long := WindowSpec{Kind: HopWindow, Size: 60, Slide: 5, TimeCol: 4}
	cumulate := WindowSpec{Kind: CumulateWindow, Size: 12, Slide: 4, TimeCol: 4}
	answers := []AggSpec{userSpecs[0], {Func: "MAX", User: userAnswers, Args: []int{2}, Filter: 3, Result: types.StringT}}
	plain := []AggSpec{userSpecs[0], userSpecs[2]}
	cases := []*conformCase{
		groupCase("values with accumulators", answers, false), groupCase("values with accumulators, retracting", answers, true),
		groupCase("group aggregate", userOrdered, false), groupCase("group aggregate, retracting", userSpecs, true),
		windowCase("tumble", tumble, userOrdered, false, false), windowCase("tumble, retracting", tumble, userSpecs, true, false),
		windowCase("attached, retracting", tumble, userSpecs, true, true),
		windowCase("hop, retracting", hop, userSpecs, true, false), windowCase("hop of many panes", long, plain, false, false),
		windowCase("cumulate", cumulate, userSpecs, false, false),
		sessionCase("session", plain, false), sessionCase("session, distinct", userSpecs, false), sessionCase("session, retracting", plain, true),
	}
	for _, c := range cases {
		c.name = "user: " + c.name
	}
	return cases
}

// answering gives values with accumulators where they are wanted, and counts its calls.
type answering struct {
	function.AggregateKernel
	applied, asked int
}

func (k *answering) Apply(f *function.Frame, s *function.AggregateSteps) error {
	k.applied++
	if err := k.AggregateKernel.Apply(f, s); err != nil || !s.Want {
		return err
	}
	all := function.Accumulators{Bytes: slices.Concat(s.Have.Bytes, s.Out.Bytes)}
	s.Values = new(batch.Col)
	return k.AggregateKernel.Values(f, s.Values, &all, len(all.Bytes))
}

func (k *answering) Values(f *function.Frame, dst *batch.Col, a *function.Accumulators, n int) error {
	k.asked++
	return k.AggregateKernel.Values(f, dst, a, n)
}

// A batch is one call for all its groups, message by message too, and the values that
// were before come with it.
func TestUserAggregateCalls(t *testing.T) {
	k := &answering{AggregateKernel: userMax.Make()}
	user := *userMax
	user.Make = func() function.AggregateKernel { return k }
	for _, exact := range []bool{true, false} {
		h := NewBench(NewGroupAggregate(GroupAggConfig{
			Input: aggInput, Keys: []int{0}, InputRetracts: true, EmitUpdateBefore: true,
			Aggs: []AggSpec{{Func: "TOP", User: &user, Args: []int{2}, Filter: 3, Result: types.StringT}},
		}))
		h.C.Exact = exact
		h.Open()
		h.Rows(0, aggInput, "+I[1, 1, a, true]", "+I[2, 1, b, true]", "+I[1, 1, c, true]", "+I[3, 1, x, false]")
		h.Take()
		k.applied, k.asked = 0, 0
		h.Rows(0, aggInput, "-D[1, 1, c, true]", "+I[2, 1, d, true]", "+I[3, 1, y, false]", "-D[2, 1, b, true]")
		want := []string{"-U[1, c]", "+U[1, a]", "-U[2, b]", "+U[2, d]"}
		if got := h.Take(); !slices.Equal(got, want) {
			t.Errorf("exact %v: got %v, want %v", exact, got, want)
		}
		if k.applied != 1 || k.asked != 0 {
			t.Errorf("exact %v: %d calls for the batch and %d for values", exact, k.applied, k.asked)
		}
	}
}

// outsider has accumulators that somebody else makes.
type outsider struct {
	function.AggregateKernel
	asked int
}

func (k *outsider) Apply(f *function.Frame, s *function.AggregateSteps) error {
	b, err := f.Outside(func() ([]byte, error) {
		k.asked++
		return []byte("answer" + str(int64(k.asked))), nil
	})
	s.Out.Reset(len(s.Base))
	for i := range s.Base {
		s.Out.Bytes[i] = b
	}
	return err
}

// What an aggregate asks outside is part of the step: a run is repeated without asking.
func TestUserAggregateIsRepeated(t *testing.T) {
	k := &outsider{AggregateKernel: userMax.Make()}
	user := *userMax
	user.Make = func() function.AggregateKernel { return k }
	var tape [][]byte
	run := func(play bool) []string {
		h := NewBench(NewGroupAggregate(GroupAggConfig{
			Input: aggInput, Keys: []int{0}, Aggs: []AggSpec{{Func: "TOP", User: &user, Args: []int{2}, Filter: -1, Result: types.StringT}},
		}))
		h.C.Host = &taped{Host: h.C.Host, keep: &tape, play: play}
		h.Open()
		h.Rows(0, aggInput, "+I[1, 1, a, true]", "+I[2, 1, b, true]")
		h.Rows(0, aggInput, "+I[1, 1, c, true]")
		return h.Take()
	}
	first := run(false)
	if want := []string{"+I[1, answer1]", "+I[2, answer1]", "+U[1, answer2]"}; !slices.Equal(first, want) || k.asked != 2 {
		t.Fatalf("asked %d times, got %v, want %v", k.asked, first, want)
	}
	if again := run(true); !slices.Equal(again, first) || k.asked != 2 {
		t.Errorf("asked %d times, got %v, want %v", k.asked, again, first)
	}
}

func sumRows(sign int64) func(*function.Frame, *function.Accumulators, *function.AggregateRows) error {
	return func(_ *function.Frame, a *function.Accumulators, r *function.AggregateRows) error {
		c := r.Args[0]
		for i, l := range r.Lanes {
			if w := a.Row(int(r.To[i])); !c.IsNull(int(l)) {
				w[0], w[1] = w[0]+uint64(sign), w[1]+uint64(sign*c.I64[l])
			}
		}
		return nil
	}
}

func sumBoth(_ *function.Frame, a *function.Accumulators, to []uint32, from *function.Accumulators, src []uint32) error {
	for i, k := range to {
		w, v := a.Row(int(k)), from.Row(int(src[i]))
		w[0], w[1] = w[0]+v[0], w[1]+v[1]
	}
	return nil
}

func sumValue(_ *function.Frame, dst *batch.Col, a *function.Accumulators, n int) error {
	for i := range n {
		w := a.Row(i)
		if dst.I64[i] = int64(w[1]); w[0] == 0 {
			dst.SetNull(i, n)
		}
	}
	return nil
}

// lines adds values to lists of lines or takes them out; sorted lists stay so.
func lines(add, sorted bool) func(*function.Frame, *function.Accumulators, *function.AggregateRows) error {
	return func(_ *function.Frame, a *function.Accumulators, r *function.AggregateRows) error {
		for i, l := range r.Lanes {
			if r.Args[0].IsNull(int(l)) {
				continue
			}
			var t [batch.InlineMax]byte
			line := string(r.Args[0].Bytes(int(l), &t))
			list := linesOf(a.Bytes[r.To[i]])
			switch at := slices.Index(list, line); {
			case add:
				list = append(list, line)
			case at >= 0:
				list = slices.Delete(list, at, at+1)
			}
			if sorted {
				slices.Sort(list)
			}
			a.Bytes[r.To[i]] = []byte(strings.Join(list, "\n"))
		}
		return nil
	}
}

func linesOf(b []byte) []string {
	if len(b) == 0 {
		return nil
	}
	return strings.Split(string(b), "\n")
}

func linesBoth(_ *function.Frame, a *function.Accumulators, to []uint32, from *function.Accumulators, src []uint32) error {
	for i, k := range to {
		list := append(linesOf(a.Bytes[k]), linesOf(from.Bytes[src[i]])...)
		slices.Sort(list)
		a.Bytes[k] = []byte(strings.Join(list, "\n"))
	}
	return nil
}

// linesValue gives the last line, or all with commas.
func linesValue(last bool) func(*function.Frame, *batch.Col, *function.Accumulators, int) error {
	return func(_ *function.Frame, dst *batch.Col, a *function.Accumulators, n int) error {
		b := batch.NewBuilder(types.StringT)
		for _, list := range a.Bytes[:n] {
			switch {
			case len(list) == 0:
				b.AppendNull()
			case last:
				b.AppendBytes(list[bytes.LastIndexByte(list, '\n')+1:])
			default:
				b.AppendBytes(bytes.ReplaceAll(list, []byte("\n"), []byte(",")))
			}
		}
		*dst = b.Finish()
		return nil
	}
}
