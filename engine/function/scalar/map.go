package scalar

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

var mapKeys = function.Func{
	Name: "MAP_KEYS", Category: function.Collection,
	Summary:    "The keys of the map as an array, in no particular order.",
	Signatures: []string{"MAP_KEYS(map)"},
	Examples:   []function.Example{{SQL: "MAP_KEYS(MAP['a', 1])", Want: "[a]"}},
	Infer:      func(c *function.Call) (function.Resolved, error) { return inferMapSide(c, 0) },
}

var mapValues = function.Func{
	Name: "MAP_VALUES", Category: function.Collection,
	Summary:    "The values of the map as an array, in the order of MAP_KEYS.",
	Signatures: []string{"MAP_VALUES(map)"},
	Examples:   []function.Example{{SQL: "MAP_VALUES(MAP['a', 1])", Want: "[1]"}},
	Infer:      func(c *function.Call) (function.Resolved, error) { return inferMapSide(c, 1) },
}

func inferMapSide(c *function.Call, side int) (function.Resolved, error) {
	p, err := match(c, 0, false, mapping)
	if err != nil {
		return function.Resolved{}, err
	}
	return function.Resolved{
		Params: p, Result: types.ArrayT(batch.KidType(p[0], side)).Nullable(nullable(c)), Strict: true, Cost: 30,
		Make: listMaker(func(p *picker, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			l := listsOf(args[0])
			var kids []batch.Col
			if len(args[0].Kids) > 0 {
				kids = args[0].Kids[side : side+1]
			}
			return p.pick(dst, kids, n, live, func(i int) error {
				p.span(l.span(i))
				return nil
			})
		}),
	}, nil
}

var mapEntries = function.Func{
	Name: "MAP_ENTRIES", Category: function.Collection,
	Summary:    "The entries of the map as an array of rows of key and value, in no particular order.",
	Signatures: []string{"MAP_ENTRIES(map)"},
	Examples:   []function.Example{{SQL: "MAP_ENTRIES(MAP['a', 1])", Want: "[(a, 1)]"}, {SQL: "MAP_ENTRIES(MAP['a', 1])[1].`value`", Want: "1"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		p, err := match(c, 0, false, mapping)
		if err != nil {
			return function.Resolved{}, err
		}
		entry := types.RowT(types.Field{Name: "key", Type: *p[0].Key}, types.Field{Name: "value", Type: *p[0].Elem}).Nullable(false)
		return function.Resolved{
			Params: p, Result: types.ArrayT(entry).Nullable(nullable(c)), Strict: true, Cost: 40,
			Make: listMaker(func(p *picker, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				l := listsOf(args[0])
				rows := []batch.Col{{Type: entry, Kids: args[0].Kids}}
				return p.pick(dst, rows, n, live, func(i int) error {
					p.span(l.span(i))
					return nil
				})
			}),
		}, nil
	},
}

var mapUnion = function.Func{
	Name: "MAP_UNION", Category: function.Collection,
	Summary:    "The entries of all maps; the last map that has a key gives its value. NULL if one of the maps is.",
	Signatures: []string{"MAP_UNION(map, ...)"},
	Examples: []function.Example{
		{SQL: "MAP_UNION(MAP['a', 1], MAP['a', 2])", Want: "{a=2}"}, {SQL: "CARDINALITY(MAP_UNION(MAP['a', 1], MAP['b', 2]))", Want: "2"},
		{SQL: "MAP_UNION(MAP['a', 1], CAST(NULL AS MAP<STRING, INT>))", Want: "NULL"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		p, err := match(c, 1, true, mapping)
		if err != nil {
			return function.Resolved{}, err
		}
		t, err := function.CommonType(p...)
		if err != nil {
			return function.Resolved{}, err
		}
		for i := range p {
			p[i] = cast(p[i], t)
		}
		r := function.Resolved{Params: p, Result: t.Nullable(nullable(c)), Strict: true, Cost: 80}
		r.Make = func() function.Kernel {
			p, seen := &picker{}, &elemSet{}
			return func(_ *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				src := p.from(args, n)
				return p.pick(dst, src, n, live, func(i int) error {
					first := len(p.sel)
					seen.reset(&src[0])
					for k, a := range args {
						l := listsOf(a)
						from, to := l.span(i)
						p.put(seen, first, p.base[k]+from, p.base[k]+to)
					}
					return nil
				})
			}
		}
		return r, nil
	},
}

// put picks entries; one whose key is among those picked since first replaces it.
func (p *picker) put(seen *elemSet, first, from, to int) {
	for k := from; k < to; k++ {
		if seen.add(k) {
			p.sel = append(p.sel, uint32(k))
			continue
		}
		for j := first; j < len(p.sel); j++ {
			if seen.same(int(p.sel[j]), k) {
				p.sel[j] = uint32(k)
			}
		}
	}
}

var mapFromArrays = function.Func{
	Name: "MAP_FROM_ARRAYS", Category: function.Collection,
	Summary:    "A map of an array of keys and an array of as many values.",
	Signatures: []string{"MAP_FROM_ARRAYS(keys, values)"},
	Examples:   []function.Example{{SQL: "MAP_FROM_ARRAYS(ARRAY['a'], ARRAY[1])", Want: "{a=1}"}, {SQL: "MAP_FROM_ARRAYS(ARRAY['a', 'a'], ARRAY[1, 2])['a']", Want: "2"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		p, err := match(c, 0, false, array, array)
		if err != nil {
			return function.Resolved{}, err
		}
		r := function.Resolved{Params: p, Result: types.MapT(*p[0].Elem, *p[1].Elem).Nullable(nullable(c)), Strict: true, Fallible: true, Cost: 80}
		r.Make = func() function.Kernel {
			keys, values, seen := &picker{}, &picker{}, &elemSet{}
			return func(_ *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				kl, vl := listsOf(args[0]), listsOf(args[1])
				values.sel = values.sel[:0]
				kid := &args[0].Kids[0]
				err := keys.pick(&batch.Col{Offs: dst.Offs, Kids: dst.Kids[:1]}, args[0].Kids, n, live, func(i int) error {
					from, to := kl.span(i)
					vfrom, vto := vl.span(i)
					if to-from != vto-vfrom {
						return fail(i, "a map needs as many values as keys: %d keys, %d values", to-from, vto-vfrom)
					}
					seen.reset(kid)
					first := len(keys.sel)
					for k := range to - from {
						if seen.add(from + k) {
							keys.sel = append(keys.sel, uint32(from+k))
							values.sel = append(values.sel, uint32(vfrom+k))
							continue
						}
						for j := first; j < len(keys.sel); j++ {
							if seen.same(int(keys.sel[j]), from+k) {
								values.sel[j] = uint32(vfrom + k)
							}
						}
					}
					return nil
				})
				if err != nil || len(values.sel) == 0 {
					return err
				}
				t := dst.Kids[1].Type
				dst.Kids[1].AppendIndex(0, &args[1].Kids[0], values.sel, len(values.sel))
				dst.Kids[1].Type = t
				return nil
			}
		}
		return r, nil
	},
}
