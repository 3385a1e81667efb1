package exec

import (
	"math/rand/v2"

	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/types"
)

type namedMatch struct {
	name string
	*matchModel
}

// matchShapes are patterns with what the operator keeps in different ways: loops of both
// kinds, optional variables, aggregates, matches that wait for others, limits of time.
func matchShapes() []namedMatch {
	prev := valueRef(1, false, 1)
	rises := orNone(prev, compareTerms(expr.Ge, thisValue(), prev))
	plain := func(conds ...modelCond) modelVar {
		return modelVar{MatchVar: MatchVar{Min: 1, Max: 1}, conds: conds}
	}
	loop := func(min, max int, greedy bool, conds ...modelCond) modelVar {
		return modelVar{MatchVar: MatchVar{Min: min, Max: max, Greedy: greedy}, conds: conds}
	}
	low := compareTerms(expr.Lt, thisValue(), constant(2))
	measures := []matchTerm{valueRef(0, true, 0), valueRef(1, false, 0), valueRef(-1, false, 1), aggRef(1, "SUM"), aggRef(-1, "COUNT")}
	return []namedMatch{
		{"rise", &matchModel{vars: []modelVar{plain(low), loop(1, -1, true, rises), plain(compareTerms(expr.Lt, thisValue(), valueRef(1, false, 0)))}, measures: measures}},
		{"rise, past the last row, in 30 ms", &matchModel{
			cfg:  MatchConfig{Skip: SkipPastLastRow, Within: 30},
			vars: []modelVar{plain(), loop(0, -1, true, rises), plain(compareTerms(expr.Lt, thisValue(), valueRef(0, false, 0)))}, measures: measures,
		}},
		{"sum, to the last, in 20 ms", &matchModel{
			cfg: MatchConfig{Skip: SkipToLast, SkipVar: 1, Within: 20},
			vars: []modelVar{loop(1, 3, false, compareTerms(expr.Lt, aggRef(0, "SUM"), constant(7))), loop(1, -1, false),
				plain(compareTerms(expr.Ge, thisValue(), valueRef(0, true, 0)))},
			measures: measures,
		}},
	}
}

func matchCases() []*conformCase {
	var out []*conformCase
	gen := matchRows(4)
	for _, shape := range matchShapes() {
		name, p := shape.name, shape.build()
		byOther := *p
		byOther.build()
		byOther.cfg.OrderBy = []OrderKey{{Col: 1}, {Col: 3, Desc: true}}
		now := *p
		now.build()
		now.cfg.Proctime = true
		bounded := byOther
		bounded.cfg.Bounded = true
		in := [][]types.Type{matchInput}
		long := *p
		long.build()
		long.cfg.Input = append([]types.Type{types.StringT}, matchInput[1:]...)
		long.cfg.Out = append([]types.Type{types.StringT}, long.cfg.Out[1:]...)
		out = append(out,
			&conformCase{name: "match keys of text " + name, in: [][]types.Type{long.cfg.Input}, part: [][]int{{0}}, want: long.run,
				gen: func(r *rand.Rand, n int) []event {
					ev := gen(r, n)
					for i := range ev {
						if ev[i].cells != nil {
							ev[i].cells[0] = "the key with the number " + ev[i].cells[0]
						}
					}
					return ev
				},
				op: func() Operator { return NewMatch(long.cfg) }},
			&conformCase{name: "match " + name, in: in, part: [][]int{{0}}, gen: gen, want: p.run,
				op: func() Operator { return NewMatch(p.cfg) }},
			&conformCase{name: "match by time and value " + name, in: in, part: [][]int{{0}}, gen: gen, want: byOther.run,
				op: func() Operator { return NewMatch(byOther.cfg) }},
			&conformCase{name: "match bounded " + name, in: in, part: [][]int{{0}}, want: byOther.run,
				gen: func(r *rand.Rand, n int) []event {
					var ev []event
					for _, e := range gen(r, n) {
						if e.cells != nil {
							ev = append(ev, e)
						}
					}
					return ev
				},
				op: func() Operator { return NewMatch(bounded.cfg) }},
			&conformCase{name: "match by processing time " + name, in: in, part: [][]int{{0}}, want: now.runNow,
				gen: withClock(inserts(func(r *rand.Rand) []string {
					return []string{str(int64(r.IntN(4))), "0", orNull(r, str(int64(r.IntN(9)-3))), str(int64(r.IntN(5)))}
				}), 9),
				op: func() Operator { return NewMatch(now.cfg) }},
		)
	}
	return out
}
