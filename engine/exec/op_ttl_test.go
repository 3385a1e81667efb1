package exec

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// State that expires: the time runs from the last write of a key, looking at it does
// not renew it, it is there at least for its TTL, and then the key begins anew. Every
// case goes once undisturbed and once restored from a snapshot after each step, which
// keeps the time that is left. Results are worked out by hand.

// ttlCase is a conversation with an operator whose state has a TTL of 100 ms. Steps
// are a row, with "right" before it for input 1 and "third" for input 2, "wait" with milliseconds, or "wm" with
// a watermark of all inputs.
type ttlCase struct {
	name  string
	in    [][]types.Type
	op    func() Operator
	steps []ttlStep
}

type ttlStep struct{ do, want string }

const ttlOf = 100

var (
	ttlKV   = []types.Type{types.IntT, types.IntT}
	ttlTime = []types.Type{types.IntT, types.TimestampT(3)}
	ttlSum  = []AggSpec{{Func: "SUM", Args: []int{1}, Filter: -1, Result: types.IntT}}
	ttlRows = []AggSpec{{Func: "COUNT", Filter: -1, Result: types.BigIntT}}
)

func (c *ttlCase) events(t *testing.T) (ev []event, want []string) {
	t.Helper()
	add := func(e event, w string) {
		ev = append(ev, e)
		if n := len(ev) - 2; e.wm != 0 && n >= 0 && ev[n].cells != nil && ev[n].in == e.in {
			want[len(want)-1] += w // a mark behind a row is part of its batch
			return
		}
		want = append(want, w)
	}
	for _, s := range c.steps {
		word, rest, _ := strings.Cut(s.do, " ")
		switch word {
		case "wait":
			add(event{clock: num(rest)}, s.want)
		case "wm":
			for i := range c.in {
				w := ""
				if i == len(c.in)-1 {
					w = s.want
				}
				add(event{in: i, wm: num(rest)}, w)
			}
		case "right":
			add(rowEvent(t, 1, rest), s.want)
		case "third":
			add(rowEvent(t, 2, rest), s.want)
		default:
			add(rowEvent(t, 0, s.do), s.want)
		}
	}
	return ev, want
}

func rowEvent(t *testing.T, in int, line string) event {
	t.Helper()
	for k := batch.Insert; k <= batch.Delete; k++ {
		if rest, ok := strings.CutPrefix(line, k.String()); ok {
			return event{in: in, kind: k, cells: strings.Split(strings.Trim(rest, "[]"), ", ")}
		}
	}
	t.Fatalf("no row: %s", line)
	return event{}
}

func TestStateTTL(t *testing.T) {
	for _, c := range ttlCases() {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			ev, want := c.events(t)
			run := &conformCase{name: c.name, in: c.in, op: c.op, ttl: ttlOf}
			for _, v := range []variant{{size: 1, exact: true}, {size: 1, exact: true, restore: 1}, {size: 1}} {
				got := run.run(t, ev, v).steps
				for i, w := range want {
					if g := strings.Join(got[i], "; "); g != w {
						t.Errorf("%v: step %d of %v: got %q, want %q", v, i+1, c.steps, g, w)
					}
				}
			}
		})
	}
}

// elsewhere are the operators whose TTL is tested in a place of their own.
var elsewhere = map[string]string{"process": "conform_process_test.go", "snapshotJoin": "TestSnapshotJoinTTL"}

// endless are the operators that keep state and have no TTL, as in Flink, with what
// ends their state.
var endless = map[string]string{
	"asyncLookup":  "rows leave when they are answered",
	"predictAsync": "rows leave when they are answered",
	"intervalJoin": "the interval",
	"match":        "WITHIN",
	"overBatch":    "the end of the input",
	"sortAll":      "the end of the input",
	"sortTime":     "the watermark",
	"windowAgg":    "the window", "windowEmit": "the window", "windowJoin": "the window", "windowTopN": "the window",
	"sessionOp": "the window",
}

// TestStateTTLCoversOperators fails for an operator that keeps state and neither has a
// case here nor is known to need none.
func TestStateTTLCoversOperators(t *testing.T) {
	stateful, err := statefulTypes(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, c := range ttlCases() {
		have[strings.TrimPrefix(fmt.Sprintf("%T", c.op()), "*exec.")] = true
	}
	for _, name := range stateful {
		if (have[name] || elsewhere[name] != "") == (endless[name] != "") {
			t.Errorf("operator %s: either a case of its TTL or a reason why it has none", name)
		}
	}
	for name := range endless {
		if !slices.Contains(stateful, name) {
			t.Errorf("no operator %s keeps state", name)
		}
	}
}

func ttlCases() []*ttlCase {
	return slices.Concat(ttlKeyedCases(), ttlJoinCases(), ttlMultiJoinCases(), ttlOverCases())
}

func ttlKeyedCases() []*ttlCase {
	kv, key := [][]types.Type{ttlKV}, []int{0}
	agg := func(spec []AggSpec) func() Operator {
		cfg := GroupAggConfig{Input: ttlKV, Keys: key, Aggs: spec, InputRetracts: true, EmitUpdateBefore: true, TTL: ttlOf}
		return func() Operator { return NewGroupAggregate(cfg) }
	}
	dedup := func(last bool, time int) func() Operator {
		cfg := DedupConfig{Input: ttlKV, Keys: key, KeepLast: last, TimeCol: time, EmitUpdateBefore: true, TTL: ttlOf}
		if time >= 0 {
			cfg.Input = ttlTime
		}
		return func() Operator { return NewDeduplicate(cfg) }
	}
	kv2 := [][]types.Type{{types.IntT, types.IntT, types.IntT}}
	topOf := func(s TopStrategy, n int64, rank bool) func() Operator {
		cfg := TopNConfig{
			Input: ttlKV, PartitionBy: key, OrderBy: []OrderKey{{Col: 1}}, From: 1, To: n, ToCol: -1, Strategy: s,
			OutputRank: rank, EmitUpdateBefore: true, TTL: ttlOf,
		}
		return func() Operator { return NewTopN(cfg) }
	}
	topOf2 := func(s TopStrategy) func() Operator {
		cfg := TopNConfig{
			Input: kv2[0], PartitionBy: key, OrderBy: []OrderKey{{Col: 1}}, From: 1, To: 2, ToCol: -1, Strategy: s,
			OutputRank: true, UniqueKey: []int{0, 2}, EmitUpdateBefore: true, TTL: ttlOf,
		}
		return func() Operator { return NewTopN(cfg) }
	}
	top := func(s TopStrategy) func() Operator {
		cfg := TopNConfig{
			Input: ttlKV, PartitionBy: key, OrderBy: []OrderKey{{Col: 1}}, From: 1, To: 1, ToCol: -1, Strategy: s,
			UniqueKey: key, EmitUpdateBefore: true, TTL: ttlOf,
		}
		return func() Operator { return NewTopN(cfg) }
	}
	return []*ttlCase{
		{"group aggregate", kv, agg(ttlSum), []ttlStep{
			{"+I[1, 5]", "+I[1, 5]"},
			{"wait 60", ""},
			{"+I[1, 5]", "-U[1, 5]; +U[1, 10]"},
			{"wait 60", ""},
			{"+I[1, 1]", "-U[1, 10]; +U[1, 11]"},
			{"wait 99", ""},
			{"+I[1, 0]", "-U[1, 11]; +U[1, 11]"}, // unchanged, and told so that it lives on
			{"wait 100", ""},
			{"-D[1, 5]", ""},
			{"+I[1, 7]", "+I[1, 7]"},
		}},
		{"distinct aggregate", kv, agg([]AggSpec{{Func: "COUNT", Args: []int{1}, Distinct: true, Filter: -1, Result: types.BigIntT}}), []ttlStep{
			{"+I[1, 5]", "+I[1, 1]"},
			{"wait 60", ""},
			{"+I[1, 6]", "-U[1, 1]; +U[1, 2]"},
			{"wait 100", ""},
			{"+I[1, 6]", "+I[1, 1]"},
		}},
		// A value that is seen again is not written again where rows only come.
		{"distinct aggregate of inserts", kv, func() Operator {
			return NewGroupAggregate(GroupAggConfig{
				Input: ttlKV, Keys: key, EmitUpdateBefore: true, TTL: ttlOf,
				Aggs: []AggSpec{{Func: "COUNT", Args: []int{1}, Distinct: true, Filter: -1, Result: types.BigIntT}},
			})
		}, []ttlStep{
			{"+I[1, 5]", "+I[1, 1]"},
			{"wait 60", ""},
			{"+I[1, 5]", "-U[1, 1]; +U[1, 1]"},
			{"wait 60", ""},
			{"+I[1, 5]", "-U[1, 1]; +U[1, 2]"},
		}},
		{"distinct aggregate of changes", kv, agg([]AggSpec{{Func: "COUNT", Args: []int{1}, Distinct: true, Filter: -1, Result: types.BigIntT}}), []ttlStep{
			{"+I[1, 5]", "+I[1, 1]"},
			{"wait 60", ""},
			{"+I[1, 5]", "-U[1, 1]; +U[1, 1]"},
			{"wait 60", ""},
			{"+I[1, 5]", "-U[1, 1]; +U[1, 1]"},
		}},
		{"distinct", [][]types.Type{{types.IntT}}, func() Operator {
			return NewGroupAggregate(GroupAggConfig{Input: []types.Type{types.IntT}, Keys: key, TTL: ttlOf})
		}, []ttlStep{
			{"+I[1]", "+I[1]"},
			{"wait 60", ""},
			{"+I[1]", ""},
			{"wait 60", ""},
			{"+I[1]", ""}, // the one before was written down
			{"wait 100", ""},
			{"+I[1]", "+I[1]"},
		}},
		{"first by arrival", kv, dedup(false, -1), []ttlStep{
			{"+I[1, 1]", "+I[1, 1]"},
			{"wait 60", ""},
			{"+I[1, 2]", ""}, // looked at, not written
			{"wait 39", ""},
			{"+I[1, 3]", ""},
			{"wait 1", ""},
			{"+I[1, 4]", "+I[1, 4]"},
		}},
		{"last by arrival", kv, dedup(true, -1), []ttlStep{
			{"+I[1, 1]", "+I[1, 1]"},
			{"wait 60", ""},
			{"+I[1, 2]", "-U[1, 1]; +U[1, 2]"},
			{"wait 60", ""},
			{"+I[1, 3]", "-U[1, 2]; +U[1, 3]"},
			{"wait 100", ""},
			{"+I[1, 4]", "+I[1, 4]"},
		}},
		{"last by event time", [][]types.Type{ttlTime}, dedup(true, 1), []ttlStep{
			{"+I[1, 1000]", "+I[1, " + ms("1000") + "]"},
			{"wait 60", ""},
			{"+I[1, 500]", ""}, // older than what is kept
			{"wait 40", ""},
			{"+I[1, 400]", "+I[1, " + ms("400") + "]"},
		}},
		{"first by event time", [][]types.Type{ttlTime}, dedup(false, 1), []ttlStep{
			{"+I[1, 2000]", ""},
			{"wait 60", ""},
			{"+I[1, 1000]", ""}, // takes its place
			{"wait 60", ""},
			{"+I[1, 3000]", ""},
			{"wm 1500", "+I[1, " + ms("1000") + "]"},
			{"+I[1, 3000]", ""},
			{"wait 100", ""},
			{"+I[1, 4000]", ""},
			{"wm 5000", "+I[1, " + ms("4000") + "]"},
		}},
		{"top 1 of inserts", kv, top(TopAppend), []ttlStep{
			{"+I[1, 5]", "+I[1, 5]"},
			{"wait 60", ""},
			{"+I[1, 9]", ""}, // does not get in
			{"wait 40", ""},
			{"+I[1, 9]", "+I[1, 9]"},
			{"wait 60", ""},
			{"+I[1, 8]", "-U[1, 9]; +U[1, 8]"},
			{"wait 60", ""},
			{"+I[1, 7]", "-U[1, 8]; +U[1, 7]"},
		}},
		{"top 1 of updates", kv, top(TopUpdate), []ttlStep{
			{"+I[1, 5]", "+I[1, 5]"},
			{"wait 60", ""},
			{"+U[1, 4]", "-U[1, 5]; +U[1, 4]"},
			{"wait 100", ""},
			{"+U[1, 3]", "+I[1, 3]"},
		}},
		{"top 1 of changes", kv, top(TopRetract), []ttlStep{
			{"+I[1, 5]", "+I[1, 5]"},
			{"wait 60", ""},
			{"+I[1, 6]", ""},
			{"wait 30", ""},
			{"-D[1, 5]", "-D[1, 5]; +I[1, 6]"},
			{"wait 70", ""},
			{"-D[1, 6]", ""}, // it went, though the key was written
			{"+I[1, 7]", "+I[1, 7]"},
			{"wait 100", ""},
			{"-D[1, 7]", ""},
			{"+I[1, 8]", "+I[1, 8]"},
		}},
		{"top 2 of inserts with ranks", kv, topOf(TopAppend, 2, true), []ttlStep{
			{"+I[1, 5]", "+I[1, 5, 1]"},
			{"wait 60", ""},
			{"+I[1, 6]", "+I[1, 6, 2]"},
			{"wait 30", ""},
			{"+I[1, 9]", ""},
			{"wait 20", ""},
			{"+I[1, 9]", "+I[1, 9, 2]"}, // 5 went
			{"wait 60", ""},
			{"+I[1, 8]", "-U[1, 9, 2]; +U[1, 8, 2]"}, // 6 should have gone, and is looked at again in 40
			{"wait 40", ""},
			{"+I[1, 9]", "+I[1, 9, 2]"},
			{"+I[1, 9]", ""},
			{"wait 100", ""},
			{"+I[1, 9]", "+I[1, 9, 1]"},
		}},
		{"top 2 of inserts that are equal", kv, topOf(TopAppend, 2, false), []ttlStep{
			{"+I[1, 5]", "+I[1, 5]"},
			{"wait 60", ""},
			{"+I[1, 5]", "+I[1, 5]"}, // both are written
			{"wait 60", ""},
			{"+I[1, 5]", ""},
			{"wait 60", ""},
			{"+I[1, 4]", "-D[1, 5]; +I[1, 4]"}, // which writes the 5 that stays
			{"wait 90", ""},
			{"+I[1, 9]", ""},
			{"wait 90", ""},
			{"+I[1, 9]", ""},
			{"wait 10", ""},
			{"+I[1, 9]", "+I[1, 9]"},
		}},
		{"top 2 of updates with ranks", kv2, topOf2(TopUpdate), []ttlStep{
			{"+I[1, 50, 1]", "+I[1, 50, 1, 1]"},
			{"wait 60", ""},
			{"+I[1, 60, 2]", "+I[1, 60, 2, 2]"},
			{"wait 50", ""},
			{"+U[1, 55, 2]", "-U[1, 60, 2, 1]; +U[1, 55, 2, 1]"}, // 50 went
			{"wait 99", ""},
			{"+I[1, 70, 3]", "+I[1, 70, 3, 2]"},
			{"wait 1", ""},
			{"+I[1, 40, 4]", "-U[1, 70, 3, 1]; +U[1, 40, 4, 1]; +I[1, 70, 3, 2]"},
		}},
		// Places of rows that went: before the new row they count, behind it they are
		// dropped.
		{"top 3 of changes with ranks", kv, topOf(TopRetract, 3, true), []ttlStep{
			{"+I[1, 5]", "+I[1, 5, 1]"},
			{"wait 60", ""},
			{"+I[1, 7]", "+I[1, 7, 2]"},
			{"wait 60", ""},
			{"+I[1, 6]", "-U[1, 7, 2]; +U[1, 6, 2]; +I[1, 7, 3]"},
			{"wait 50", ""},
			{"+I[1, 4]", "-U[1, 6, 1]; +U[1, 4, 1]; +I[1, 6, 2]"},
		}},
		{"top 2 of changes", kv, topOf(TopRetract, 2, false), []ttlStep{
			{"+I[1, 5]", "+I[1, 5]"},
			{"wait 60", ""},
			{"+I[1, 6]", "+I[1, 6]"},
			{"+I[1, 7]", ""},
			{"+I[1, 8]", ""},
			{"wait 60", ""},
			{"-D[1, 6]", "-D[1, 6]; +I[1, 7]"}, // behind the place of 5
			{"wait 39", ""},
			{"-D[1, 5]", ""}, // its place goes
			{"wait 1", ""},
			{"-D[1, 7]", ""},
			{"+I[1, 9]", "+I[1, 9]"}, // behind the place of 8
			{"+I[1, 10]", ""},
		}},
		{"limit", kv, func() Operator { return NewLimit(0, 2, ttlOf) }, []ttlStep{
			{"+I[1, 1]", "+I[1, 1]"},
			{"wait 60", ""},
			{"+I[1, 2]", "+I[1, 2]"},
			{"wait 60", ""},
			{"+I[1, 3]", ""},
			{"wait 40", ""},
			{"+I[1, 4]", "+I[1, 4]"},
		}},
		{"changelog normalize", kv, func() Operator {
			return NewChangelogNormalize(NormalizeConfig{Input: ttlKV, Keys: key, EmitUpdateBefore: true, TTL: ttlOf})
		}, []ttlStep{
			{"+I[1, 5]", "+I[1, 5]"},
			{"wait 60", ""},
			{"+U[1, 5]", "-U[1, 5]; +U[1, 5]"}, // V22: nothing without a TTL
			{"wait 60", ""},
			{"-U[1, 5]", ""},
			{"wait 39", ""},
			{"-D[1, NULL]", "-D[1, 5]"},
			{"+U[1, 6]", "+I[1, 6]"},
			{"wait 100", ""},
			{"-D[1, NULL]", ""},
			{"+U[1, 7]", "+I[1, 7]"},
		}},
		{"sink materializer", kv, func() Operator {
			return NewSinkMaterializer(MaterializeConfig{Input: ttlKV, Keys: key, TTL: ttlOf})
		}, []ttlStep{
			{"+I[1, 5]", "+I[1, 5]"},
			{"wait 60", ""},
			{"-D[1, 9]", ""}, // is not there
			{"wait 40", ""},
			{"+I[1, 6]", "+I[1, 6]"},
			{"wait 60", ""},
			{"+I[1, 7]", "+U[1, 7]"},
			{"wait 60", ""},
			{"-D[1, 7]", "+U[1, 6]"},
		}},
		{"sink materializer by key", kv, func() Operator {
			return NewSinkMaterializer(MaterializeConfig{Input: ttlKV, Keys: key, UpsertKey: []int{1}, TTL: ttlOf})
		}, []ttlStep{
			{"+I[1, 5]", "+I[1, 5]"},
			{"wait 100", ""},
			{"-D[1, 5]", ""},
			{"+I[1, 6]", "+I[1, 6]"},
		}},
		{"first of conflicting rows", kv, func() Operator {
			return NewConflict(ConflictConfig{Input: ttlKV, Keys: key, TTL: ttlOf})
		}, []ttlStep{
			{"+I[1, 5]", ""},
			{"wm 10", "+I[1, 5]"},
			{"wait 60", ""},
			{"+I[1, 6]", ""},
			{"wm 20", ""}, // the first stays
			{"wait 100", ""},
			{"+I[1, 7]", ""},
			{"wm 30", "+I[1, 7]"},
		}},
	}
}

func ttlJoinCases() []*ttlCase {
	in := [][]types.Type{ttlKV, ttlKV}
	join := func(t JoinType, left, right int64) func() Operator {
		cfg := JoinConfig{
			Type: t, Left: ttlKV, Right: ttlKV, Out: append(slices.Clone(ttlKV), ttlKV...), EmitUpdateBefore: true,
			JoinKeys: JoinKeys{Left: []int{0}, Right: []int{0}}, Sides: [2]JoinSide{{TTL: left}, {TTL: right}},
		}
		if t.leftOnly() {
			cfg.Out = ttlKV
		}
		return func() Operator { return NewJoin(cfg) }
	}
	temporal := func() Operator {
		return NewTemporalJoin(TemporalJoinConfig{
			Type: LeftJoin, Left: ttlTime, Right: ttlTime, Out: append(slices.Clone(ttlTime), ttlTime...),
			JoinKeys: JoinKeys{Left: []int{0}, Right: []int{0}}, LeftTime: 1, RightTime: 1, TTL: ttlOf,
		})
	}
	lookup := func() Operator {
		return NewKeptLookupJoin(squaresConfig(false, &atomic.Int64{}), LookupKeep{Key: []int{0}, Unique: true, TTL: ttlOf})
	}
	return []*ttlCase{
		{"lookup join that keeps what it found", [][]types.Type{ttlKV}, lookup, []ttlStep{
			{"+I[1, 5]", "+I[1, 5, 1, 1]"},
			{"wait 60", ""},
			{"+U[1, 6]", "+U[1, 6, 1, 1]"},
			{"wait 60", ""},
			{"-D[1, 6]", "-D[1, 6, 1, 1]"},
			{"+I[1, 7]", "+I[1, 7, 1, 1]"},
			{"wait 100", ""},
			{"-D[1, 7]", ""},
		}},
		{"inner join", in, join(InnerJoin, ttlOf, ttlOf), []ttlStep{
			{"+I[1, 10]", ""},
			{"wait 60", ""},
			{"right +I[1, 20]", "+I[1, 10, 1, 20]"}, // which looks at the left row
			{"wait 39", ""},
			{"right +I[1, 21]", "+I[1, 10, 1, 21]"},
			{"wait 1", ""},
			{"right +I[1, 22]", ""},
			{"wait 99", ""},
			{"+I[1, 11]", "+I[1, 11, 1, 22]"},
			{"wait 1", ""},
			{"right -D[1, 22]", "-D[1, 11, 1, 22]"}, // a retraction meets the left rows, whether its row is kept or not
			{"+I[1, 12]", ""},
		}},
		{"inner join with a TTL of the left alone", in, join(InnerJoin, ttlOf, 0), []ttlStep{
			{"+I[1, 10]", ""},
			{"right +I[1, 20]", "+I[1, 10, 1, 20]"},
			{"wait 1000", ""},
			{"right +I[1, 21]", ""},
			{"right -D[1, 21]", ""},
			{"+I[1, 11]", "+I[1, 11, 1, 20]"},
		}},
		{"left join", in, join(LeftJoin, ttlOf, ttlOf), []ttlStep{
			{"+I[1, 10]", "+I[1, 10, NULL, NULL]"},
			{"wait 60", ""},
			{"right +I[1, 20]", "-D[1, 10, NULL, NULL]; +I[1, 10, 1, 20]"},
			{"wait 60", ""},
			// The match has renewed the left row.
			{"right -D[1, 20]", "-D[1, 10, 1, 20]; +I[1, 10, NULL, NULL]"},
			{"wait 100", ""}, // it is gone
			{"+I[1, 11]", "+I[1, 11, NULL, NULL]"},
		}},
		{"semi join", in, join(SemiJoin, ttlOf, ttlOf), []ttlStep{
			{"right +I[1, 20]", ""},
			{"wait 60", ""},
			{"+I[1, 10]", "+I[1, 10]"},
			{"wait 40", ""},
			{"+I[1, 11]", ""},
			{"right +I[1, 21]", "+I[1, 11]"},
		}},
		{"temporal join", [][]types.Type{ttlTime, ttlTime}, temporal, []ttlStep{
			{"right +I[1, 1000]", ""},
			{"wait 60", ""},
			{"+I[1, 2000]", ""}, // it waits, and so do its versions
			{"wait 60", ""},
			{"wm 3000", "+I[1, " + ms("2000") + ", 1, " + ms("1000") + "]"},
			{"wait 100", ""},
			{"+I[1, 4000]", ""},
			{"wm 5000", "+I[1, " + ms("4000") + ", NULL, NULL]"},
		}},
	}
}

func ttlOverCases() []*ttlCase {
	over := func(in []types.Type, o OverOrder, aggs []AggSpec) func() Operator {
		cfg := OverConfig{
			Input: in, PartitionBy: []int{0}, OrderBy: []OrderKey{{Col: 1}}, Lo: OverBound{Kind: OverUnboundedPreceding},
			Hi: OverBound{Kind: OverCurrentRow}, Rows: true, Calls: aggs, Order: o, EmitUpdateBefore: true, TTL: ttlOf,
		}
		return func() Operator { return NewOver(cfg) }
	}
	bounded := func(in []types.Type, o OverOrder, rows bool, lo int64) func() Operator {
		cfg := OverConfig{
			Input: in, PartitionBy: []int{0}, OrderBy: []OrderKey{{Col: 1}}, Lo: OverBound{Kind: OverPreceding, Offset: lo},
			Hi: OverBound{Kind: OverCurrentRow}, Rows: rows, Calls: ttlSum, Order: o, EmitUpdateBefore: true, TTL: ttlOf,
		}
		if o == OverRowtime {
			cfg.Calls = ttlRows
		}
		return func() Operator { return NewOver(cfg) }
	}
	return []*ttlCase{
		{"over by value", [][]types.Type{ttlKV}, over(ttlKV, OverValue, ttlSum), []ttlStep{
			{"+I[1, 5]", "+I[1, 5, 5]"},
			{"wait 60", ""},
			{"+I[1, 6]", "+I[1, 6, 11]"},
			{"wait 60", ""},
			{"+I[1, 7]", "+I[1, 7, 18]"},
			{"wait 100", ""},
			{"-D[1, 5]", ""},
			{"+I[1, 8]", "+I[1, 8, 8]"},
		}},
		{"over by processing time", [][]types.Type{ttlKV}, over(ttlKV, OverProctime, ttlRows), []ttlStep{
			{"+I[1, 5]", "+I[1, 5, 1]"},
			{"wait 60", ""},
			{"+I[1, 5]", "+I[1, 5, 2]"},
			{"wait 60", ""},
			{"+I[1, 5]", "+I[1, 5, 3]"},
			{"wait 100", ""},
			{"+I[1, 5]", "+I[1, 5, 1]"},
		}},
		// By event time a key goes by timers: at 150, or later when a row at 60 moves it to
		// 210 and one at 160 to 310.
		{"over by event time", [][]types.Type{ttlTime}, over(ttlTime, OverRowtime, ttlRows), []ttlStep{
			{"+I[1, 1000]", ""},
			{"wm 1000", "+I[1, " + ms("1000") + ", 1]"},
			{"wait 60", ""},
			{"+I[1, 2000]", ""},
			{"wm 2000", "+I[1, " + ms("2000") + ", 2]"},
			{"wait 100", ""},
			{"+I[1, 3000]", ""},
			{"wm 3000", "+I[1, " + ms("3000") + ", 3]"},
			{"wait 149", ""},
			{"+I[2, 3500]", ""},
			{"wait 1", ""},
			{"+I[1, 4000]", ""},
			{"wm 4000", "+I[2, " + ms("3500") + ", 1]; +I[1, " + ms("4000") + ", 1]"},
		}},
		{"over by event time, rows that wait", [][]types.Type{ttlTime}, over(ttlTime, OverRowtime, ttlRows), []ttlStep{
			{"+I[1, 1000]", ""},
			{"wm 1000", "+I[1, " + ms("1000") + ", 1]"},
			{"+I[1, 2000]", ""},
			{"wait 1000", ""},
			{"wm 2000", "+I[1, " + ms("2000") + ", 2]"},
			{"wait 150", ""},
			{"+I[1, 3000]", ""},
			{"wm 3000", "+I[1, " + ms("3000") + ", 1]"},
		}},
		{"over rows by processing time", [][]types.Type{ttlKV}, bounded(ttlKV, OverProctime, true, 2), []ttlStep{
			{"+I[1, 5]", "+I[1, 5, 5]"},
			{"wait 50", ""},
			{"+I[1, 6]", "+I[1, 6, 11]"}, // goes at 150 all the same
			{"wait 99", ""},
			{"+I[1, 7]", "+I[1, 7, 18]"}, // at 299
			{"wait 149", ""},
			{"+I[2, 1]", "+I[2, 1, 1]"},
			{"wait 1", ""},
			{"+I[1, 8]", "+I[1, 8, 8]"},
		}},
		{"over rows by event time", [][]types.Type{ttlTime}, bounded(ttlTime, OverRowtime, true, 1), []ttlStep{
			{"+I[1, 1000]", ""},
			{"wm 1000", "+I[1, " + ms("1000") + ", 1]"},
			{"wait 150", ""},
			{"+I[1, 900]", ""}, // its place is free again
			{"+I[1, 2000]", ""},
			{"wm 2000", "+I[1, " + ms("900") + ", 1]; +I[1, " + ms("2000") + ", 2]"},
		}},
		{"over an interval by event time", [][]types.Type{ttlTime}, bounded(ttlTime, OverRowtime, false, 5000), []ttlStep{
			{"+I[1, 1000]", ""},
			{"wm 1000", "+I[1, " + ms("1000") + ", 1]"},
			{"wait 1000", ""},
			{"+I[1, 2000]", ""},
			{"wm 2000", "+I[1, " + ms("2000") + ", 2]"},
		}},
	}
}
