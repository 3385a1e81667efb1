package exec

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// processAll is a process table function that uses every form of state and timer: for
// each row it gives the number of rows so far, the sum of the values and the number of
// different ones. A timer counts the rows 5 ms after each row, another says when a key
// has had none for 9 ms and forgets it.
type processAll struct{ timers bool }

var (
	processInput  = []types.Type{types.IntT, types.TimestampT(3), types.BigIntT}
	processState3 = []function.ProcessState{
		{Name: "n", Type: types.BigIntT},
		{Name: "values", Kind: function.ListKind, Type: types.BigIntT},
		{Name: "seen", Kind: function.MapKind, Key: types.StringT, Type: types.BigIntT},
	}
)

func (p *processAll) Eval(c function.ProcessContext, in function.ProcessRows) error {
	for _, l := range in.Lanes {
		v := in.Cols[2].Int(int(l))
		n := c.Value(0)
		n.SetInt(n.Int() + 1)
		c.List(1).Add(v)
		m, key := c.Map(2), str(v)
		had, _ := m.Get(key)
		if old, _ := had.(int64); old == 1 {
			m.Remove(key)
			m.Put(key, int64(2))
		} else {
			m.Put(key, old+1)
		}
		sum := int64(0)
		c.List(1).Each(func(v any) bool { sum += v.(int64); return true })
		if p.timers {
			c.SetTimer(in.Times[l] + 5)
			c.SetTimer(in.Times[l] + 6)
			c.ClearTimer(in.Times[l] + 6)
			c.SetNamed("idle", in.Times[l]+9)
		}
		c.Row(int(l), batch.Insert, "row", n.Int(), sum, m.Len())
	}
	return nil
}

func (p *processAll) OnTimer(c function.ProcessContext, t function.ProcessTimer) error {
	c.Row(function.NoRow, batch.Insert, "timer "+t.Name, c.Value(0).Int(), t.At, c.Map(2).Len())
	if t.Name == "idle" {
		c.ClearTimers()
		c.ClearState()
	}
	return nil
}

// processModel is the same without columns and state structures. The watermark of row
// by row input; times of sorted rows, else arrival.
func processModel(sorts, timers, onTime bool) func(ev []event) []string {
	type key struct {
		n, sum int64
		seen   map[int64]bool
		set    map[int64]bool
		idle   int64
	}
	return func(ev []event) []string {
		var out []string
		keys, wm := map[string]*key{}, batch.NoWatermark
		var waiting [][]string
		row := func(cells []string) {
			k := keys[cells[0]]
			if k == nil {
				k = &key{seen: map[int64]bool{}, set: map[int64]bool{}, idle: -1}
				keys[cells[0]] = k
			}
			v := num(cells[2])
			k.n, k.sum = k.n+1, k.sum+v
			k.seen[v] = true
			line := []string{cells[0], "row", str(k.n), str(k.sum), str(int64(len(k.seen)))}
			if timers {
				at := num(cells[1])
				k.set[at+5], k.idle = true, at+9
				delete(k.set, at+6)
			}
			if onTime {
				line = append(line, ms(cells[1]))
			}
			out = append(out, rowText(line...))
		}
		fire := func(to int64) {
			wm = max(wm, to)
			for {
				least := batch.MaxWatermark
				for _, k := range keys {
					for at := range k.set {
						least = min(least, at)
					}
					if k.idle >= 0 {
						least = min(least, k.idle)
					}
				}
				if len(waiting) > 0 && num(waiting[0][1]) <= min(wm, least) {
					row(waiting[0])
					waiting = waiting[1:]
					continue
				}
				if least > wm || least == batch.MaxWatermark {
					return
				}
				for name, k := range keys {
					say := func(which string) {
						out = append(out, rowText(name, "timer "+which, str(k.n), str(least), str(int64(len(k.seen))), ms(str(least))))
					}
					if k.set[least] {
						delete(k.set, least)
						say("")
					}
					if k.idle == least {
						say("idle")
						delete(keys, name)
					}
				}
			}
		}
		for _, e := range ev {
			switch {
			case e.cells == nil:
				if e.wm > wm {
					fire(e.wm)
				}
			case !sorts:
				row(e.cells)
			case num(e.cells[1]) > wm:
				waiting = append(waiting, e.cells)
				slices.SortStableFunc(waiting, func(a, b []string) int {
					return cmp.Or(cmp.Compare(num(a[1]), num(b[1])), cmp.Compare(num(b[2]), num(a[2])))
				})
			}
		}
		fire(batch.MaxWatermark)
		return out
	}
}

// partitionSortModel are the rows above the watermark of their moment.
func partitionSortModel(ev []event) []string {
	var out []string
	wm := batch.NoWatermark
	for _, e := range ev {
		switch {
		case e.cells == nil:
			wm = max(wm, e.wm)
		case num(e.cells[1]) > wm:
			out = append(out, rowText(e.cells[0], ms(e.cells[1]), e.cells[2]))
		}
	}
	return out
}

// processPair joins two tables: of each value of one the values of the other so far.
type processPair struct{}

func (processPair) Eval(c function.ProcessContext, in function.ProcessRows) error {
	for _, l := range in.Lanes {
		v := in.Cols[0].Any(int(l))
		c.List(1 - in.Arg).Each(func(o any) bool {
			pair := []any{v, o}
			if in.Arg == 1 {
				pair = []any{o, v}
			}
			c.Row(int(l), in.Kind(l), pair...)
			return true
		})
		c.List(in.Arg).Add(v)
	}
	return nil
}

func (processPair) OnTimer(function.ProcessContext, function.ProcessTimer) error { return nil }

func processCases() []*conformCase {
	gen := withMarks(func(r *rand.Rand, at int64) []string {
		return []string{str(int64(r.IntN(5))), str(at), str(int64(r.IntN(7)))}
	})
	base := ProcessConfig{
		Input: processInput, Tag: -1, Keys: []int{0}, Set: true, Tables: []ProcessTable{{Cols: []int{0, 1, 2}}}, Time: -1, Front: []int{0},
		Own: []types.Type{types.StringT, types.BigIntT, types.BigIntT, types.BigIntT}, State: processState3,
	}
	one := func(name string, sorts, timers, onTime bool) *conformCase {
		cfg := base
		cfg.Make = func() function.Processor { return &processAll{timers} }
		cfg.Timers = timers
		if onTime {
			cfg.Time = 1
		}
		if sorts {
			cfg.Tables = []ProcessTable{{Cols: []int{0, 1, 2}, OrderBy: []OrderKey{{Col: 1}, {Col: 2, Desc: true}}}}
		}
		return &conformCase{
			name: name, in: [][]types.Type{processInput}, part: [][]int{{0}}, gen: gen, want: processModel(sorts, timers, onTime),
			op: func() Operator { return NewProcess(cfg) },
		}
	}
	pair := base
	pair.Input = []types.Type{types.IntT.Nullable(false), types.IntT, types.StringT, types.BigIntT}
	pair.Tag, pair.Keys, pair.Front = 0, []int{1}, []int{1, 1}
	pair.Tables = []ProcessTable{{Arg: 0, Cols: []int{2}}, {Arg: 1, Cols: []int{3}}}
	pair.Own = []types.Type{types.StringT, types.BigIntT}
	pair.State = []function.ProcessState{
		{Name: "left", Kind: function.ListKind, Type: types.StringT}, {Name: "right", Kind: function.ListKind, Type: types.BigIntT},
	}
	pair.Make = func() function.Processor { return processPair{} }
	two := &conformCase{
		name: "process two tables", in: [][]types.Type{pair.Input}, part: [][]int{{1}},
		gen: inserts(func(r *rand.Rand) []string {
			if r.IntN(2) == 0 {
				return []string{"0", orNull(r, str(int64(r.IntN(4)))), string("abc"[r.IntN(3)]), "NULL"}
			}
			return []string{"1", orNull(r, str(int64(r.IntN(4)))), "NULL", str(int64(r.IntN(5)))}
		}),
		want: func(ev []event) []string {
			var out []string
			for i, a := range ev {
				for _, b := range ev[i+1:] {
					l, r := a, b
					if b.cells[0] == "0" {
						l, r = b, a
					}
					if a.cells[0] != b.cells[0] && a.cells[1] == b.cells[1] {
						out = append(out, rowText(l.cells[1], l.cells[1], l.cells[2], r.cells[3]))
					}
				}
			}
			return out
		},
		op: func() Operator { return NewProcess(pair) },
	}
	aged := base
	aged.Make = func() function.Processor { return &processAll{} }
	aged.State = slices.Clone(processState3)
	for i := range aged.State {
		aged.State[i].TTL = 30 * 1e6
	}
	ttl := &conformCase{
		name: "process with TTL", in: [][]types.Type{processInput}, part: [][]int{{0}}, gen: withClock(gen, 20), want: processAged(30),
		op: func() Operator { return NewProcess(aged) },
	}
	sort := &conformCase{
		name: "partition sort", in: [][]types.Type{processInput}, part: [][]int{{0}}, gen: gen, want: partitionSortModel,
		op: func() Operator {
			return NewPartitionSort(processInput, []int{0}, []OrderKey{{Col: 1}, {Col: 2, Desc: true}})
		},
	}
	return []*conformCase{
		sort,
		one("process", false, false, false), one("process on time", false, false, true), one("process timers", false, true, true),
		one("process ORDER BY", true, false, false), one("process ORDER BY on time", true, false, true),
		one("process ORDER BY and timers", true, true, true), two, ttl,
	}
}

// processAged is the model of state whose entries live for some time after they were
// written.
func processAged(ttl int64) func(ev []event) []string {
	return func(ev []event) []string {
		type entry struct{ v, at int64 }
		type key struct {
			n, last int64
			list    []entry
			seen    map[int64]int64
		}
		var out []string
		keys, now := map[string]*key{}, int64(0)
		for _, e := range ev {
			now += e.clock
			if e.cells == nil {
				continue
			}
			name := strings.Clone(e.cells[0])
			k := keys[name]
			if k == nil {
				k = &key{seen: map[int64]int64{}}
				keys[name] = k
			}
			if k.last+ttl <= now {
				k.n = 0
			}
			v := num(e.cells[2])
			k.n, k.last = k.n+1, now
			k.list = append(k.list, entry{v, now})
			k.seen[v] = now
			sum, seen := int64(0), int64(0)
			for _, x := range k.list {
				if x.at+ttl > now {
					sum += x.v
				}
			}
			for _, at := range k.seen {
				if at+ttl > now {
					seen++
				}
			}
			out = append(out, rowText(e.cells[0], "row", str(k.n), str(sum), str(seen)))
		}
		return out
	}
}
