package sqltest

import (
	"testing"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// processors are the process table functions that testdata/process.test calls.
func processors() []*function.ProcessFunc {
	const set, row = function.SetSemanticTable, function.RowSemanticTable
	count := types.Schema{{Name: "n", Type: types.BigIntT}}
	text := func(name string) types.Schema { return types.Schema{{Name: name, Type: types.StringT}} }
	value := []function.ProcessState{{Name: "n", Type: types.BigIntT}}
	lists := []function.ProcessState{
		{Name: "a", Kind: function.ListKind, Type: types.StringT}, {Name: "b", Kind: function.ListKind, Type: types.StringT},
	}
	seen := []function.ProcessState{{Name: "seen", Kind: function.MapKind, Key: types.StringT, Type: types.BigIntT}}
	fixed := func(r function.ProcessResolved, eval evalFunc, timer timerFunc) func(*function.ProcessCall) (function.ProcessResolved, error) {
		r.Make = func() function.Processor { return &processor{eval, timer} }
		return func(*function.ProcessCall) (function.ProcessResolved, error) { return r, nil }
	}
	return []*function.ProcessFunc{
		{
			// A running number for each key, from base on.
			Name: "COUNTER",
			Args: []function.ProcessArg{
				{Name: "input", Traits: set | function.OptionalPartitionBy}, {Name: "base", Type: types.BigIntT, Optional: true},
			},
			Infer: fixed(function.ProcessResolved{Out: count, State: value}, func(c function.ProcessContext, in function.ProcessRows) error {
				for _, l := range in.Lanes {
					base, _ := in.Value(1, l).(int64) // 0 for NULL
					n := c.Value(0)
					n.SetInt(n.Int() + 1)
					c.Row(int(l), batch.Insert, base+n.Int())
				}
				return nil
			}, nil),
		},
		{
			// The rows of a key until none comes for some seconds.
			Name:  "VISITS",
			Args:  []function.ProcessArg{{Name: "input", Traits: set | function.RequireOnTime}, {Name: "gap", Type: types.BigIntT}},
			Infer: visits,
		},
		{
			// Every row of one table with every row of the other that has the key.
			Name: "PAIRS",
			Args: []function.ProcessArg{{Name: "a", Traits: set}, {Name: "b", Traits: set}},
			Infer: fixed(function.ProcessResolved{Out: append(text("x"), text("y")...), State: lists}, func(c function.ProcessContext, in function.ProcessRows) error {
				for _, l := range in.Lanes {
					v := in.Cols[1].Any(int(l))
					c.List(1 - in.Arg).Each(func(o any) bool {
						if in.Arg == 0 {
							c.Row(int(l), batch.Insert, v, o)
						} else {
							c.Row(int(l), batch.Insert, o, v)
						}
						return true
					})
					c.List(in.Arg).Add(v)
				}
				return nil
			}, nil),
		},
		{
			// Each row twice, as columns.
			Name: "TWICE",
			Args: []function.ProcessArg{{Name: "input", Traits: row | function.PassColumnsThrough}},
			Infer: fixed(function.ProcessResolved{Out: types.Schema{{Name: "copy", Type: types.IntT}}}, func(c function.ProcessContext, in function.ProcessRows) error {
				var copies batch.Col
				n := 2 * len(in.Lanes)
				rows := make([]uint16, n)
				copies.Alloc(types.IntT, n)
				for i, l := range in.Lanes {
					rows[2*i], rows[2*i+1] = l, l
					copies.I32[2*i], copies.I32[2*i+1] = 1, 2
				}
				return c.Columns([]*batch.Col{&copies}, rows, nil)
			}, nil),
		},
		{
			// What kind of change each row is, of any table.
			Name: "KINDS",
			Args: []function.ProcessArg{{Name: "input", Traits: row, When: func(*function.ProcessCall) function.ProcessTrait { return function.SupportUpdates }}},
			Infer: fixed(function.ProcessResolved{Out: append(text("kind"), types.Field{Name: "v", Type: types.BigIntT})}, func(c function.ProcessContext, in function.ProcessRows) error {
				for _, l := range in.Lanes {
					c.Row(int(l), batch.Insert, in.Kind(l).String(), in.Cols[1].Any(int(l)))
				}
				return nil
			}, nil),
		},
		{
			// What kind of change each row of a key is.
			Name: "KEY_KINDS",
			Args: []function.ProcessArg{{Name: "input", Traits: set | function.SupportUpdates}},
			Infer: fixed(function.ProcessResolved{Out: append(text("kind"), types.Field{Name: "v", Type: types.BigIntT})}, func(c function.ProcessContext, in function.ProcessRows) error {
				for _, l := range in.Lanes {
					c.Row(int(l), batch.Insert, in.Kind(l).String(), in.Cols[1].Any(int(l)))
				}
				return nil
			}, nil),
		},
		{
			// The same with full changes, whatever the key.
			Name: "FULL_KINDS",
			Args: []function.ProcessArg{{Name: "input", Traits: set | function.SupportUpdates | function.RequireUpdateBefore | function.RequireFullDelete}},
			Infer: fixed(function.ProcessResolved{Out: append(text("kind"), types.Field{Name: "v", Type: types.BigIntT})}, func(c function.ProcessContext, in function.ProcessRows) error {
				for _, l := range in.Lanes {
					c.Row(int(l), batch.Insert, in.Kind(l).String(), in.Cols[1].Any(int(l)))
				}
				return nil
			}, nil),
		},
		{
			// How many different texts a key has: a table that is updated by key.
			Name: "VARIETY",
			Args: []function.ProcessArg{{Name: "input", Traits: set}},
			Infer: fixed(function.ProcessResolved{Out: count, State: seen, Changes: function.ProcessChanges{UpdateAfter: true, Delete: true, KeyDeletes: true}},
				func(c function.ProcessContext, in function.ProcessRows) error {
					for _, l := range in.Lanes {
						m, v := c.Map(0), in.Cols[1].Any(int(l))
						switch {
						case v == nil && m.Len() > 0:
							m.Clear()
							c.Row(int(l), batch.Delete, nil)
						case v == nil:
						default:
							kind := batch.UpdateAfter
							if m.Len() == 0 {
								kind = batch.Insert
							}
							m.Put(v, int64(1))
							c.Row(int(l), kind, m.Len())
						}
					}
					return nil
				}, nil),
		},
		{
			// A row for no table.
			Name: "HELLO", Args: []function.ProcessArg{{Name: "name", Type: types.StringT}},
			Infer: fixed(function.ProcessResolved{Out: text("greeting")}, func(c function.ProcessContext, in function.ProcessRows) error {
				for _, l := range in.Lanes {
					c.Row(int(l), batch.Insert, "hello "+in.Value(0, l).(string))
				}
				return nil
			}, nil),
		},
		{
			// Each row some times, a number that must be known before.
			Name: "TIMES",
			Args: []function.ProcessArg{{Name: "input", Traits: row}, {Name: "n", Type: types.BigIntT, Traits: function.ConstantArg}},
			Infer: func(call *function.ProcessCall) (function.ProcessResolved, error) {
				n := call.Values[1].Int(0)
				return fixed(function.ProcessResolved{Out: count}, func(c function.ProcessContext, in function.ProcessRows) error {
					for _, l := range in.Lanes {
						for i := range n {
							c.Row(int(l), batch.Insert, i)
						}
					}
					return nil
				}, nil)(call)
			},
		},
		{
			// A text for a number.
			Name: "BROKEN", Args: []function.ProcessArg{{Name: "input", Traits: row}},
			Infer: fixed(function.ProcessResolved{Out: count}, func(c function.ProcessContext, in function.ProcessRows) error {
				c.Row(int(in.Lanes[0]), batch.Insert, "one")
				return nil
			}, nil),
		},
		{
			// A table of two columns, a number and a text.
			Name: "TYPED", Args: []function.ProcessArg{{Name: "input", Traits: row, Columns: []types.Type{types.BigIntT, types.StringT}}},
			Infer: fixed(function.ProcessResolved{Out: text("s")}, func(c function.ProcessContext, in function.ProcessRows) error {
				for _, l := range in.Lanes {
					c.Row(int(l), batch.Insert, in.Cols[1].Any(int(l)).(string)+"!")
				}
				return nil
			}, nil),
		},
	}
}

// visits counts rows, and gives the number when a timer says that no more come.
func visits(call *function.ProcessCall) (function.ProcessResolved, error) {
	wrong := diag.New(diag.InvalidArgument, "VISITS takes a gap of a second or more")
	if v := call.Values[1]; v != nil && (v.IsNull(0) || v.Int(0) <= 0) {
		return function.ProcessResolved{}, wrong
	}
	state := []function.ProcessState{{Name: "n", Type: types.BigIntT}}
	return function.ProcessResolved{Out: types.Schema{{Name: "n", Type: types.BigIntT}}, State: state, Timers: true, Make: func() function.Processor {
		return &processor{
			eval: func(c function.ProcessContext, in function.ProcessRows) error {
				for _, l := range in.Lanes {
					gap, _ := in.Value(1, l).(int64)
					if gap <= 0 {
						return wrong
					}
					n := c.Value(0)
					n.SetInt(n.Int() + 1)
					c.SetNamed("end", in.Times[l]+gap*1000)
				}
				return nil
			},
			timer: func(c function.ProcessContext, _ function.ProcessTimer) error {
				c.Row(function.NoRow, batch.Insert, c.Value(0).Int())
				c.ClearState()
				return nil
			},
		}
	}}, nil
}

type (
	evalFunc  = func(function.ProcessContext, function.ProcessRows) error
	timerFunc = func(function.ProcessContext, function.ProcessTimer) error
)

// processor is a Processor of two funcs.
type processor struct {
	eval  evalFunc
	timer timerFunc
}

func (p *processor) Eval(c function.ProcessContext, in function.ProcessRows) error {
	return p.eval(c, in)
}

func (p *processor) OnTimer(c function.ProcessContext, t function.ProcessTimer) error {
	return p.timer(c, t)
}

// registerProcessors adds the process table functions that sections call to an engine.
func registerProcessors(t *testing.T, e *engine.Engine) {
	t.Helper()
	for _, f := range processors() {
		if err := e.RegisterProcess(f); err != nil {
			t.Fatal(err)
		}
	}
}
