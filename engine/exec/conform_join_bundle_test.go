package exec

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// keyedRow is join key, unique key, value.
var keyedRow = []types.Type{types.IntT, types.IntT, types.IntT}

// joinBundleCases are the joins that bundle, with what may be known of their inputs: no
// key, one that the join key contains, one that it does not, and replacing by key.
func joinBundleCases() []*conformCase {
	var out []*conformCase
	add := func(c *conformCase) {
		b := *c
		op, i := c.op, len(out)
		b.name += ", bundled"
		b.msgs, b.cuts = nil, "the snapshot after a step ends a bundle"
		b.part, b.single = nil, "each subtask counts rows of its own"
		cfg := BundleConfig{Rows: 2 + i, Latency: 1000, Rowtime: i%2 == 1}
		b.op = func() Operator { return NewBundle(op(), cfg) }
		out = append(out, &b)
	}
	for i, c := range joinCases() {
		if !joinTypes[i*len(joinTypes)/len(joinCases())].t.leftOnly() {
			add(c)
		}
	}
	for _, t := range joinTypes[:4] {
		add(keyedJoinCase(t.name+" join, a unique key", t.t, []int{1}, false))
		add(keyedJoinCase(t.name+" join, a unique key in the join key", t.t, []int{0}, true))
	}
	return out
}

// keyedJoinCase has inputs whose rows have a unique key, and are taken back whole.
func keyedJoinCase(name string, t JoinType, unique []int, inKey bool) *conformCase {
	side := JoinSide{Unique: unique, UniqueInKey: inKey}
	cfg := JoinConfig{
		Type: t, Left: keyedRow, Right: keyedRow, Out: slices.Concat(keyedRow, keyedRow), EmitUpdateBefore: true,
		JoinKeys: JoinKeys{Left: []int{0}, Right: []int{0}}, Sides: [2]JoinSide{side, side},
	}
	return &conformCase{
		name: name, in: [][]types.Type{keyedRow, keyedRow}, part: [][]int{{0}, {0}},
		op: func() Operator { return NewJoin(cfg) },
		gen: func(r *rand.Rand, n int) []event {
			var ev []event
			var have [2]map[int]([]string)
			have[0], have[1] = map[int][]string{}, map[int][]string{}
			for len(ev) < n {
				in, id := r.IntN(2), r.IntN(5)
				row := []string{str(int64(r.IntN(3))), str(int64(id)), str(int64(r.IntN(9)))}
				if inKey {
					row[0] = str(int64(id))
				}
				old := have[in][id]
				switch {
				case old == nil:
					ev = append(ev, event{in: in, kind: batch.Insert, cells: row})
				case r.IntN(3) == 0:
					ev = append(ev, event{in: in, kind: batch.Delete, cells: old})
					row = nil
				default:
					ev = append(ev, event{in: in, kind: batch.UpdateBefore, cells: old}, event{in: in, kind: batch.UpdateAfter, cells: row})
				}
				have[in][id] = row
			}
			return ev
		},
		want: func(ev []event) []string { return naiveJoin(t, 3, table(ev, 0), table(ev, 1), false, always) },
	}
}

// TestJoinBundle: what a bundle leaves of each input's changes, as the tables beside Flink's
// bundles say, and that the right input's come first, or the left one's of a right join.
func TestJoinBundle(t *testing.T) {
	two := []types.Type{types.IntT, types.IntT}
	run := func(t JoinType, side [2]JoinSide, rows [2][]string) []string {
		h := NewBench(NewBundle(NewJoin(JoinConfig{
			Type: t, Left: two, Right: two, Out: slices.Concat(two, two), EmitUpdateBefore: true,
			JoinKeys: JoinKeys{Left: []int{0}, Right: []int{0}}, Sides: side,
		}), BundleConfig{Rows: 100, Latency: 1000})).Open()
		h.Rows(0, two, "+I[1, 10]", "+I[2, 20]")
		h.Rows(1, two, "+I[1, 5]")
		h.Snapshot()
		h.Take()
		for in, r := range rows {
			if r != nil {
				h.Rows(in, two, r...)
			}
		}
		if early := h.Take(); len(early) > 0 {
			return early
		}
		h.Snapshot()
		return h.Take()
	}
	none, inKey := JoinSide{}, JoinSide{Unique: []int{0}, UniqueInKey: true}
	upsert := JoinSide{Unique: []int{0}, UniqueInKey: true, Upsert: []int{0}}
	for _, c := range []struct {
		name string
		t    JoinType
		side JoinSide
		rows [2][]string
		want []string
	}{
		{"came and went", InnerJoin, none, [2][]string{{"+I[1, 11]", "-D[1, 11]"}}, nil},
		{"went and came", InnerJoin, none, [2][]string{{"-U[1, 10]", "+U[1, 11]", "-U[1, 11]", "+U[1, 10]"}}, nil},
		{"no key", InnerJoin, none, [2][]string{{"-U[1, 10]", "+U[1, 11]", "-U[1, 11]", "+U[1, 12]"}},
			[]string{"-U[1, 10, 1, 5]", "+U[1, 12, 1, 5]"}},
		{"right first", InnerJoin, none, [2][]string{{"+I[2, 21]"}, {"+I[2, 6]"}}, []string{"+I[2, 20, 2, 6]", "+I[2, 21, 2, 6]"}},
		{"no padded row in between", LeftJoin, none, [2][]string{{"+I[3, 30]"}, {"+I[3, 7]"}}, []string{"+I[3, 30, 3, 7]"}},
		{"left first", RightJoin, none, [2][]string{{"+I[3, 30]"}, {"+I[3, 7]"}}, []string{"+I[3, 30, 3, 7]"}},
		{"no pair without a key", LeftJoin, none, [2][]string{nil, {"-U[1, 5]", "+U[1, 6]"}},
			[]string{"-D[1, 10, 1, 5]", "+I[1, 10, NULL, NULL]", "-D[1, 10, NULL, NULL]", "+I[1, 10, 1, 6]"}},
		{"a pair", LeftJoin, inKey, [2][]string{nil, {"-U[1, 5]", "+U[1, 6]"}}, []string{"-D[1, 10, 1, 5]", "+I[1, 10, 1, 6]"}},
		{"a pair of several", LeftJoin, inKey, [2][]string{nil, {"-U[1, 5]", "+U[1, 6]", "-U[1, 6]", "+U[1, 7]"}},
			[]string{"-D[1, 10, 1, 5]", "+I[1, 10, 1, 7]"}},
		{"half a pair", LeftJoin, inKey, [2][]string{nil, {"-U[1, 5]", "+U[1, 6]", "-D[1, 6]"}},
			[]string{"-D[1, 10, 1, 5]", "+I[1, 10, NULL, NULL]"}},
		{"new again", InnerJoin, inKey, [2][]string{nil, {"+I[2, 6]", "-U[2, 6]", "+U[2, 7]"}}, []string{"+I[2, 20, 2, 7]"}},
		{"replaced", InnerJoin, upsert, [2][]string{nil, {"+U[1, 6]", "+U[1, 7]"}}, []string{"-U[1, 10, 1, 5]", "+U[1, 10, 1, 7]"}},
		{"replaced, beside an outer row", LeftJoin, upsert, [2][]string{nil, {"+U[1, 6]", "+U[1, 7]"}},
			[]string{"-D[1, 10, 1, 5]", "+I[1, 10, 1, 7]"}},
		{"replaced and gone", LeftJoin, upsert, [2][]string{nil, {"+U[1, 6]", "-D[1, 6]"}},
			[]string{"-D[1, 10, 1, 5]", "+I[1, 10, NULL, NULL]"}},
	} {
		if got := run(c.t, [2]JoinSide{none, c.side}, c.rows); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
