package exec

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

var (
	aggInput = []types.Type{types.IntT, types.BigIntT, types.StringT, types.BooleanT}
	aggList4 = []AggSpec{
		{Func: "COUNT", Filter: -1, Result: types.BigIntT},
		{Func: "COUNT", Args: []int{1}, Filter: -1, Result: types.BigIntT},
		{Func: "SUM", Args: []int{1}, Filter: 3, Result: types.BigIntT},
		{Func: "AVG", Args: []int{1}, Filter: -1, Result: types.BigIntT},
		{Func: "MIN", Args: []int{1}, Filter: -1, Result: types.BigIntT},
		{Func: "MAX", Args: []int{2}, Filter: -1, Result: types.StringT},
	}
	aggDistinct = []AggSpec{
		{Func: "COUNT", Args: []int{1}, Distinct: true, Filter: -1, Result: types.BigIntT},
		{Func: "SUM", Args: []int{1}, Distinct: true, Filter: 3, Result: types.BigIntT},
		{Func: "COUNT", Args: []int{2}, Distinct: true, Filter: -1, Result: types.BigIntT},
		{Func: "MAX", Args: []int{1}, Filter: -1, Result: types.BigIntT},
	}
	aggOrdered = []AggSpec{
		{Func: "FIRST_VALUE", Args: []int{1}, Filter: -1, Result: types.BigIntT},
		{Func: "LAST_VALUE", Args: []int{2}, Filter: -1, Result: types.StringT},
		{Func: "LISTAGG", Args: []int{2}, Filter: -1, Result: types.StringT},
	}
)

func aggFresh(r *rand.Rand) []string {
	return []string{
		orNull(r, str(int64(r.IntN(5)))), orNull(r, str(int64(r.IntN(11)-5))), orNull(r, string("abcd"[r.IntN(4)])),
		strconv.FormatBool(r.IntN(2) == 0),
	}
}

// values are the values of a column that an aggregate sees: not NULL, and passing its
// filter.
func values(rows [][]string, s AggSpec) []string {
	var out []string
	for _, row := range rows {
		if s.Filter >= 0 && row[s.Filter] != "true" {
			continue
		}
		v := "*"
		if len(s.Args) > 0 {
			v = row[s.Args[0]]
		}
		if v != "NULL" && !(s.Distinct && slices.Contains(out, v)) {
			out = append(out, v)
		}
	}
	return out
}

// naiveAgg computes an aggregate over rows in order of arrival.
func naiveAgg(rows [][]string, s AggSpec) string {
	v := values(rows, s)
	if s.Func == "COUNT" {
		return str(int64(len(v)))
	}
	if len(v) == 0 {
		return "NULL"
	}
	number := len(s.Args) > 0 && s.Result.IsInteger()
	less := func(a, b string) bool {
		if number {
			return num(a) < num(b)
		}
		return a < b
	}
	best, sum, list := v[0], int64(0), ""
	for i, x := range v {
		if s.Func == "MIN" && less(x, best) || s.Func == "MAX" && less(best, x) || s.Func == "LAST_VALUE" {
			best = x
		}
		if number {
			sum += num(x)
		}
		if i > 0 {
			list += ","
		}
		list += x
	}
	switch s.Func {
	case "SUM":
		return str(sum)
	case "AVG":
		return str(sum / int64(len(v)))
	case "LISTAGG":
		return list
	}
	return best
}

func naiveAggs(rows [][]string, specs []AggSpec) []string {
	var out []string
	for _, s := range specs {
		out = append(out, naiveAgg(rows, s))
	}
	return out
}

// groupTable is the result of a grouping by the first column.
func groupTable(specs []AggSpec) func([]event) []string {
	return func(ev []event) []string {
		groups := map[string][][]string{}
		for _, row := range table(ev, 0) {
			groups[row[0]] = append(groups[row[0]], row)
		}
		var out []string
		for k, rows := range groups {
			out = append(out, rowText(append([]string{k}, naiveAggs(rows, specs)...)...))
		}
		return out
	}
}

// groupMessages are the messages of a grouping: +I, then -U and +U where results
// change, -D when the last row goes.
func groupMessages(specs []AggSpec) func([]event) []string {
	return func(ev []event) []string {
		var out []string
		for i, e := range ev {
			k := e.cells[0]
			of := func(ev []event) [][]string {
				return slices.DeleteFunc(table(ev, 0), func(row []string) bool { return row[0] != k })
			}
			was, is := of(ev[:i]), of(ev[:i+1])
			before := rowText(append([]string{k}, naiveAggs(was, specs)...)...)
			after := rowText(append([]string{k}, naiveAggs(is, specs)...)...)
			switch {
			case len(was) == 0:
				out = append(out, "+I"+after)
			case len(is) == 0:
				out = append(out, "-D"+before)
			case before != after:
				out = append(out, "-U"+before, "+U"+after)
			}
		}
		return out
	}
}

func groupCase(name string, specs []AggSpec, retract bool) *conformCase {
	gen := inserts(aggFresh)
	if retract {
		gen = changes(aggFresh)
	}
	return &conformCase{
		name: name, in: [][]types.Type{aggInput}, part: [][]int{{0}}, gen: gen,
		op: func() Operator {
			return NewGroupAggregate(GroupAggConfig{Input: aggInput, Keys: []int{0}, Aggs: specs, InputRetracts: retract, EmitUpdateBefore: true})
		},
		want: groupTable(specs), msgs: groupMessages(specs),
	}
}

func aggregateCases() []*conformCase {
	upsert := groupCase("group aggregate, no -U", aggList4, true)
	upsert.op = func() Operator {
		return NewGroupAggregate(GroupAggConfig{Input: aggInput, Keys: []int{0}, Aggs: aggList4, InputRetracts: true})
	}
	upsert.key, upsert.msgs = []int{0}, nil

	global := groupCase("global aggregate, retracting", aggDistinct, true)
	global.part, global.single = nil, "no keys"
	global.op = func() Operator {
		return NewGroupAggregate(GroupAggConfig{Input: aggInput, Aggs: aggDistinct, InputRetracts: true, EmitUpdateBefore: true})
	}
	global.msgs = nil
	global.want = func(ev []event) []string {
		rows := table(ev, 0)
		if len(rows) == 0 {
			return nil
		}
		return []string{rowText(naiveAggs(rows, aggDistinct)...)}
	}

	ttl := groupCase("group aggregate, ttl", aggList4, false)
	ttl.want, ttl.msgs, ttl.ttl = nil, nil, 10
	ttl.op = func() Operator {
		return NewGroupAggregate(GroupAggConfig{Input: aggInput, Keys: []int{0}, Aggs: aggList4, EmitUpdateBefore: true, TTL: 10})
	}
	ttl.gen = withClock(ttl.gen, 4)

	sums := []AggSpec{aggList4[0], aggList4[1], aggList4[3], aggList4[4], aggList4[5]}
	merge := groupCase("group aggregate, merging", sums, false)
	merge.msgs, merge.cuts = nil, "one message a partial result"
	merge.pre = func() Operator { return NewLocalAggregate(aggInput, []int{0}, sums, false) }
	merge.preIn = aggInput
	local, err := LocalAggTypes(aggInput, []int{0}, sums, false)
	if err != nil {
		panic(err)
	}
	merge.in = [][]types.Type{local}
	merge.op = func() Operator {
		return NewGroupAggregate(GroupAggConfig{Input: local, Keys: []int{0}, Aggs: sums, EmitUpdateBefore: true, Merge: true, LocalInput: aggInput})
	}

	mergeBack := groupCase("group aggregate, merging and retracting", sums, true)
	mergeBack.msgs, mergeBack.cuts = nil, "one message a partial result"
	mergeBack.pre = func() Operator { return NewLocalAggregate(aggInput, []int{0}, sums, true) }
	mergeBack.preIn = aggInput
	localBack, err := LocalAggTypes(aggInput, []int{0}, sums, true)
	if err != nil {
		panic(err)
	}
	mergeBack.in = [][]types.Type{localBack}
	mergeBack.op = func() Operator {
		return NewGroupAggregate(GroupAggConfig{
			Input: localBack, Keys: []int{0}, Aggs: sums, InputRetracts: true, EmitUpdateBefore: true, Merge: true, LocalInput: aggInput,
		})
	}

	bounded := groupCase("group aggregate, batch", aggDistinct, false)
	bounded.msgs = nil
	bounded.op = func() Operator {
		return NewGroupAggregate(GroupAggConfig{Input: aggInput, Keys: []int{0}, Aggs: aggDistinct, Batch: true})
	}

	return []*conformCase{
		groupCase("group aggregate, append", aggList4, false),
		groupCase("group aggregate, retracting", aggList4, true),
		groupCase("group aggregate, distinct", aggDistinct, false),
		groupCase("group aggregate, distinct, retracting", aggDistinct, true),
		groupCase("group aggregate, in order", aggOrdered, false),
		upsert, global, ttl, merge, mergeBack, bounded,
	}
}

// withClock lets some time pass between events.
func withClock(gen func(*rand.Rand, int) []event, most int) func(*rand.Rand, int) []event {
	return func(r *rand.Rand, n int) []event {
		var out []event
		for _, e := range gen(r, n) {
			if r.IntN(3) == 0 {
				out = append(out, event{clock: int64(1 + r.IntN(most))})
			}
			out = append(out, e)
		}
		return out
	}
}

func dedupCases() []*conformCase {
	in := []types.Type{types.IntT, types.TimestampT(3), types.StringT}
	fresh := func(r *rand.Rand) []string {
		return []string{orNull(r, str(int64(r.IntN(5)))), str(int64(r.IntN(40))), string("abcd"[r.IntN(4)])}
	}
	show := func(row []string) string { return rowText(row[0], ms(row[1]), row[2]) }
	// pick is the row of each key that stays, from the rows in order of arrival.
	pick := func(better func(old, new []string) bool) func([]event) []string {
		return func(ev []event) []string {
			best := map[string][]string{}
			for _, e := range ev {
				if e.cells == nil {
					continue
				}
				if old, ok := best[e.cells[0]]; !ok || better(old, e.cells) {
					best[e.cells[0]] = e.cells
				}
			}
			var out []string
			for _, row := range best {
				out = append(out, show(row))
			}
			return out
		}
	}
	make1 := func(name string, cfg DedupConfig) *conformCase {
		cfg.Input, cfg.Keys = in, []int{0}
		c := &conformCase{
			name: name, in: [][]types.Type{in}, part: [][]int{{0}}, gen: inserts(fresh),
			op: func() Operator { return NewDeduplicate(cfg) },
		}
		if cfg.KeepLast && !cfg.EmitUpdateBefore {
			c.key = []int{0}
		}
		return c
	}
	first := make1("keep first by arrival", DedupConfig{TimeCol: -1})
	first.want = pick(func(_, _ []string) bool { return false })
	last := make1("keep last by arrival", DedupConfig{TimeCol: -1, KeepLast: true, EmitUpdateBefore: true})
	last.want = pick(func(_, _ []string) bool { return true })
	last.msgs = func(ev []event) []string {
		var out []string
		kept := map[string][]string{}
		for _, e := range ev {
			if old := kept[e.cells[0]]; old != nil {
				out = append(out, "-U"+show(old), "+U"+show(e.cells))
			} else {
				out = append(out, "+I"+show(e.cells))
			}
			kept[e.cells[0]] = e.cells
		}
		return out
	}
	lastKey := make1("keep last by arrival, no -U", DedupConfig{TimeCol: -1, KeepLast: true})
	lastKey.want = last.want
	later := func(old, new []string) bool { return num(new[1]) >= num(old[1]) }
	lastTime := make1("keep last by time", DedupConfig{TimeCol: 1, KeepLast: true, EmitUpdateBefore: true})
	lastTime.want = pick(later)
	lastTimeKey := make1("keep last by time, no -U", DedupConfig{TimeCol: 1, KeepLast: true})
	lastTimeKey.want = pick(later)
	firstTime := make1("keep first by time", DedupConfig{TimeCol: 1})
	firstTime.gen = withMarks(func(r *rand.Rand, at int64) []string {
		return []string{orNull(r, str(int64(r.IntN(9)))), str(at), string("abcd"[r.IntN(4)])}
	})
	firstTime.want = func(ev []event) []string {
		wm, best, done := batch.NoWatermark, map[string][]string{}, map[string]bool{}
		for _, e := range ev {
			switch {
			case e.cells == nil:
				wm = max(wm, e.wm)
				for k, row := range best {
					done[k] = done[k] || num(row[1]) <= wm
				}
			case num(e.cells[1]) < wm || done[e.cells[0]]:
			default:
				if old := best[e.cells[0]]; old == nil || num(e.cells[1]) < num(old[1]) {
					best[e.cells[0]] = e.cells
				}
			}
		}
		var out []string
		for _, row := range best {
			out = append(out, show(row))
		}
		return out
	}
	return []*conformCase{first, last, lastKey, lastTime, lastTimeKey, firstTime, normalizeCase(true), normalizeCase(false), materializeCase(true), materializeCase(false)}
}

// withMarks generates rows whose times go up in disorder, and watermarks behind them
// that make some of them late.
func withMarks(fresh func(r *rand.Rand, at int64) []string) func(*rand.Rand, int) []event {
	return func(r *rand.Rand, n int) []event {
		var ev []event
		now, wm := int64(20), int64(0)
		for range n {
			now += int64(r.IntN(4))
			ev = append(ev, event{cells: fresh(r, max(0, now-int64(r.IntN(16))))})
			if r.IntN(3) == 0 {
				wm = max(wm, now-int64(r.IntN(12)))
				ev = append(ev, event{wm: wm})
			}
		}
		return ev
	}
}

func normalizeCase(before bool) *conformCase {
	in := []types.Type{types.IntT, types.StringT}
	c := &conformCase{
		name: "changelog normalize", in: [][]types.Type{in}, part: [][]int{{0}},
		op: func() Operator {
			return NewChangelogNormalize(NormalizeConfig{Input: in, Keys: []int{0}, EmitUpdateBefore: before})
		},
		gen: upsertRows(0, func(r *rand.Rand) []string {
			return []string{str(int64(r.IntN(6))), orNull(r, string("ab"[r.IntN(2)]))}
		}),
		want: func(ev []event) []string {
			var out []string
			for k, v := range upsertTable(ev, 0, 0) {
				out = append(out, rowText(k, v[1]))
			}
			return out
		},
	}
	if !before {
		c.name += ", no -U"
		c.key = []int{0}
		return c
	}
	c.msgs = func(ev []event) []string {
		var out []string
		have := map[string][]string{}
		for _, e := range ev {
			k := e.cells[0]
			old := have[k]
			switch {
			case !e.kind.Adds() && old != nil:
				out = append(out, "-D"+rowText(old...))
				delete(have, k)
				continue
			case !e.kind.Adds():
				continue
			case old == nil:
				out = append(out, "+I"+rowText(e.cells...))
			case !slices.Equal(old, e.cells):
				out = append(out, "-U"+rowText(old...), "+U"+rowText(e.cells...))
			}
			have[k] = e.cells
		}
		return out
	}
	return c
}

// upsertRows generates rows that replace by the column key: +I or +U, and -D which
// may name a key that is not there.
func upsertRows(in int, fresh func(r *rand.Rand) []string) func(*rand.Rand, int) []event {
	return func(r *rand.Rand, n int) []event {
		var ev []event
		for range n {
			kind := []batch.Kind{batch.Insert, batch.UpdateAfter, batch.UpdateAfter, batch.Delete}[r.IntN(4)]
			ev = append(ev, event{in: in, kind: kind, cells: fresh(r)})
		}
		return ev
	}
}

// upsertTable is what such rows come to.
func upsertTable(ev []event, in, key int) map[string][]string {
	have := map[string][]string{}
	for _, e := range ev {
		switch {
		case e.cells == nil || e.in != in:
		case e.kind.Adds():
			have[e.cells[key]] = e.cells
		default:
			delete(have, e.cells[key])
		}
	}
	return have
}

// materializeCase has a sink key in column 0 and an upsert key in column 1.
func materializeCase(keyed bool) *conformCase {
	in := []types.Type{types.IntT, types.IntT, types.StringT}
	cfg := MaterializeConfig{Input: in, Keys: []int{0}}
	c := &conformCase{name: "sink materializer, whole rows", in: [][]types.Type{in}, part: [][]int{{0}}, key: []int{0}}
	fresh := func(r *rand.Rand) []string {
		return []string{str(int64(r.IntN(3))), str(int64(r.IntN(4))), string("ab"[r.IntN(2)])}
	}
	c.gen = changes(fresh)
	if keyed {
		c.name, cfg.UpsertKey = "sink materializer, upsert key", []int{1}
		c.gen = func(r *rand.Rand, n int) []event {
			// A live upsert key belongs to one row.
			var ev []event
			have := map[string][]string{}
			for len(ev) < n {
				row := fresh(r)
				if old := have[row[1]]; old != nil && r.IntN(2) == 0 {
					// An update without -U: the row keeps its turn.
					row[0] = old[0]
					ev = append(ev, event{kind: batch.UpdateAfter, cells: row})
					have[row[1]] = row
				} else if old != nil {
					ev = append(ev, event{kind: batch.Delete, cells: old})
					delete(have, row[1])
				} else {
					ev = append(ev, event{cells: row})
					have[row[1]] = row
				}
			}
			return ev
		}
	}
	c.op = func() Operator { return NewSinkMaterializer(cfg) }
	// lists are the live rows of each sink key, the first of equals going first.
	run := func(ev []event, tell func(string)) map[string][][]string {
		lists := map[string][][]string{}
		for _, e := range ev {
			k := e.cells[0]
			rows := lists[k]
			same := slices.IndexFunc(rows, func(x []string) bool { return keyed && x[1] == e.cells[1] })
			if e.kind.Adds() && same >= 0 {
				rows[same] = e.cells
				tell("+U" + rowText(e.cells...))
				continue
			}
			if e.kind.Adds() {
				if lists[k] = append(rows, e.cells); len(rows) == 0 {
					tell("+I" + rowText(e.cells...))
				} else {
					tell("+U" + rowText(e.cells...))
				}
				continue
			}
			i := slices.IndexFunc(rows, func(x []string) bool { return slices.Equal(x, e.cells) })
			last := i == len(rows)-1
			rows = slices.Delete(slices.Clone(rows), i, i+1)
			switch {
			case len(rows) == 0:
				tell("-D" + rowText(e.cells...))
			case last:
				tell("+U" + rowText(rows[len(rows)-1]...))
			}
			lists[k] = rows
		}
		return lists
	}
	c.want = func(ev []event) []string {
		var out []string
		for _, rows := range run(ev, func(string) {}) {
			if len(rows) > 0 {
				out = append(out, rowText(rows[len(rows)-1]...))
			}
		}
		return out
	}
	c.msgs = func(ev []event) []string {
		var out []string
		run(ev, func(s string) { out = append(out, s) })
		return out
	}
	return c
}
