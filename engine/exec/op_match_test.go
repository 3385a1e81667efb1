package exec

import (
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/types"
)

var matchDraws = flag.Uint64("match.draws", 150, "random patterns of TestMatchRandom")

func matchRows(keys int) func(r *rand.Rand, n int) []event {
	return withMarks(func(r *rand.Rand, at int64) []string {
		return []string{str(int64(r.IntN(keys))), str(at), orNull(r, str(int64(r.IntN(9)-3))), str(int64(r.IntN(5)))}
	})
}

// TestMatchRandom compares random patterns over random rows with the plain model.
func TestMatchRandom(t *testing.T) {
	for seed := range *matchDraws {
		r := rand.New(rand.NewPCG(seed, 77))
		p := drawMatch(r)
		ev := matchRows(1+r.IntN(3))(r, 60)
		want := p.run(ev)
		slices.Sort(want)
		for _, size := range []int{1, 7, 100} {
			h := NewBench(NewMatch(p.cfg)).Open()
			for _, s := range steps(ev, size) {
				if s.lines == nil {
					h.Watermark(0, s.wm)
				} else {
					h.Rows(0, matchInput, s.lines...)
				}
			}
			h.End()
			var got []string
			for _, l := range h.Take() {
				got = append(got, strings.TrimPrefix(l, "+I"))
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d, batches of %d: %s\n got %q\nwant %q\nrows %v", seed, size, p, got, want, ev)
			}
		}
	}
}

// TestMatchByTime: matches that others held up come at the end of the last of these, and among
// the matches of all keys by time, whether a row or the limit of time brought them out.
func TestMatchByTime(t *testing.T) {
	for _, shape := range matchShapes() {
		if shape.cfg.Within == 0 {
			continue
		}
		p := shape.build()
		for seed := range uint64(20) {
			ev := matchRows(4)(rand.New(rand.NewPCG(seed, 7)), 60)
			var got []string
			last := ""
			h := NewBench(NewMatch(p.cfg)).Open()
			for _, e := range append(ev, event{wm: batch.MaxWatermark}) {
				if e.cells != nil {
					h.Rows(0, matchInput, e.line())
					continue
				}
				h.Watermark(0, e.wm)
				for _, l := range h.Take() {
					cells := strings.Split(strings.TrimSuffix(l, "]"), ", ")
					if at := cells[len(cells)-1]; at < last {
						t.Errorf("%s, seed %d: a match of %s comes behind one of %s", shape.name, seed, at, last)
					} else {
						last = at
					}
					got = append(got, strings.TrimPrefix(l, "+I"))
				}
			}
			want := p.run(ev)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s, seed %d:\n got %q\nwant %q", shape.name, seed, got, want)
			}
		}
	}
}

// matchOver10 is A B, where B fails for a value of 0.
func matchOver10() MatchConfig {
	v := expr.NewRef(2, types.IntT, diag.Span{})
	div := slices.IndexFunc(scalar.All(), func(f function.Func) bool { return f.Name == "/" })
	quotient := mustExpr(expr.NewCall(&scalar.All()[div], []expr.Node{bigint(10), v}, diag.Span{}))
	out := expr.NewRef(4, types.IntT, diag.Span{})
	return MatchConfig{
		Input: matchInput, PartitionBy: []int{0}, OrderBy: []OrderKey{{Col: 1}},
		Vars: []MatchVar{
			{Min: 1, Max: 1, Cond: mustExpr(expr.NewCompare(expr.Gt, v, bigint(4), diag.Span{}))},
			{Min: 1, Max: 1, Cond: mustExpr(expr.NewCompare(expr.Gt, quotient, bigint(0), diag.Span{}))},
		},
		Refs: []MatchRef{{Var: 1, Col: 2, Type: types.IntT}}, Measures: []expr.Node{out}, Out: []types.Type{types.IntT, types.IntT},
	}
}

// TestMatchErrorOfUnreachedRow: a condition that would fail for a row to which no
// match comes is not computed there; for one that is reached it fails.
func TestMatchErrorOfUnreachedRow(t *testing.T) {
	h := NewBench(NewMatch(matchOver10())).Open()
	h.Rows(0, matchInput, "+I[1, 1, 0, 0]", "+I[1, 2, 5, 0]", "+I[1, 3, 2, 0]", "+I[1, 4, 0, 0]")
	h.End()
	if got := h.Take(); !slices.Equal(got, []string{"+I[1, 2]"}) {
		t.Errorf("got %q", got)
	}
	h = NewBench(NewMatch(matchOver10())).Open()
	h.Rows(0, matchInput, "+I[1, 2, 5, 0]", "+I[1, 3, 0, 0]")
	if err := h.try(func() error { return h.Op.Watermark(h.C, 9) }); err == nil {
		t.Error("10 / 0 is no error")
	}
}

// benchTicks makes rows of keys with a time, a value, and marks.
func benchTicks(n, keys int) []*batch.Batch {
	r := rand.New(rand.NewPCG(uint64(n), uint64(keys)))
	var out []*batch.Batch
	for at := 0; at < n; at += batch.MaxRows {
		m := min(batch.MaxRows, n-at)
		b := &batch.Batch{N: m, Cols: make([]batch.Col, len(matchInput))}
		for i, t := range matchInput {
			b.Cols[i].Alloc(t.Nullable(false), m)
		}
		for i := range m {
			b.Cols[0].I32[i] = int32(r.IntN(keys))
			b.Cols[1].I64[i] = int64(at + i)
			b.Cols[2].I32[i] = int32(r.IntN(1000))
			b.Cols[3].I64[i] = int64(i)
		}
		b.Marks = []batch.Mark{{Pos: uint16(m), WM: int64(at + m - 1)}}
		out = append(out, b)
	}
	return out
}

// BenchmarkMatch is a pattern of three steps: rows/s is for one core.
func BenchmarkMatch(b *testing.B) {
	types4 := []types.Type{matchInput[0].Nullable(false), matchInput[1].Nullable(false), matchInput[2].Nullable(false), matchInput[3]}
	v := expr.NewRef(2, types4[2], diag.Span{})
	for _, keys := range []int{1, 1000, 100_000} {
		b.Run("keys="+str(int64(keys)), func(b *testing.B) {
			var refs []MatchRef
			a, bb := valueRef(0, false, 0), valueRef(1, false, 0)
			cfg := MatchConfig{
				Input: types4, PartitionBy: []int{0}, OrderBy: []OrderKey{{Col: 1}}, Skip: SkipPastLastRow,
				Vars: []MatchVar{
					{Min: 1, Max: 1, Cond: mustExpr(expr.NewCompare(expr.Lt, v, bigint(500), diag.Span{}))},
					{Min: 1, Max: 1, Cond: mustExpr(expr.NewCompare(expr.Gt, v, a.make(&refs), diag.Span{}))},
					{Min: 1, Max: 1, Cond: mustExpr(expr.NewCompare(expr.Lt, v, bb.make(&refs), diag.Span{}))},
				},
				Measures: []expr.Node{valueRef(2, false, 0).make(&refs)}, Out: []types.Type{types4[0], types.IntT},
			}
			cfg.Refs = refs
			const n = 1 << 18
			list := benchTicks(n, keys)
			race(b, n, func() int {
				h := NewBench(NewMatch(cfg)).Open()
				found := 0
				h.OnEmit = func(x *batch.Batch) error { found += x.Rows(); return nil }
				drive(h, 0, list)
				return found
			}, func() int { return loopMatch(list, keys) })
		})
	}
}
