package exec

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/types"
)

// squares is a table of (k, n): k has rows n = k*k and n = k*k+1 where k is even, and
// one where it is odd below 3.
type squares struct{ reads *atomic.Int64 }

func squareRows(k int64) []int64 {
	switch {
	case k%2 == 0:
		return []int64{k * k, k*k + 1}
	case k < 3:
		return []int64{k * k}
	}
	return nil
}

func (s squares) Open([]int, connect.ReaderCtx) (connect.LookupReader, error) { return s, nil }
func (s squares) Close() error                                                { return nil }

func (s squares) Lookup(keys []*batch.Col, n int, dst *batch.Batch, lanes []uint16) ([]uint16, error) {
	s.reads.Add(1)
	var rows [][2]int64
	for i := range n {
		if keys[0].IsNull(i) {
			continue
		}
		k := int64(keys[0].I32[i])
		for _, v := range squareRows(k) {
			rows, lanes = append(rows, [2]int64{k, v}), append(lanes, uint16(i))
		}
	}
	fillSquares(dst, rows)
	return lanes, nil
}

func fillSquares(dst *batch.Batch, rows [][2]int64) {
	dst.Alloc(joinRight, len(rows))
	for i, r := range rows {
		dst.Cols[0].I32[i], dst.Cols[1].I32[i] = int32(r[0]), int32(r[1])
	}
}

// Scan gives the rows of the keys that the tests ask for.
func (s squares) Scan(emit func(*batch.Batch) error) error {
	s.reads.Add(1)
	var rows [][2]int64
	for k := range int64(10) {
		for _, v := range squareRows(k) {
			rows = append(rows, [2]int64{k, v})
		}
	}
	var b batch.Batch
	fillSquares(&b, rows)
	return emit(&b)
}

func squaresConfig(left bool, reads *atomic.Int64) LookupJoinConfig {
	key := expr.NewRef(0, types.IntT, diag.Span{})
	return LookupJoinConfig{
		Left: left, Input: joinLeft, Table: joinRight, TableKeys: []int{0}, Keys: []expr.Node{key}, Lookup: squares{reads},
		Read: []expr.Node{key, expr.NewRef(1, types.IntT, diag.Span{})}, Out: joinOut,
	}
}

// lookupCases join with a table outside: rows wait over steps and are asked for again
// after a restore.
func lookupCases() []*conformCase {
	partial := connect.LookupCache{Kind: "PARTIAL", RowsMax: 2, Missing: true}
	return []*conformCase{
		lookupCase("lookup join outside of steps", false, AsyncLookup{}, connect.LookupCache{}),
		lookupCase("left lookup join outside of steps", true, AsyncLookup{Capacity: 2}, connect.LookupCache{}),
		lookupCase("left lookup join, unordered", true, AsyncLookup{Unordered: true, KeyOrder: []int{0, 1}}, connect.LookupCache{}),
		lookupCase("left lookup join with a cache", true, AsyncLookup{}, partial),
		keptCase("lookup join that keeps what it found", false, connect.LookupCache{}),
		keptCase("left lookup join that keeps what it found", true, partial),
		keptOutside("lookup join outside of steps that keeps what it found", false, AsyncLookup{}),
		keptOutside("left lookup join that keeps what it found, unordered", true, AsyncLookup{Unordered: true, KeyOrder: []int{0, 1}}),
	}
}

func lookupCase(name string, left bool, how AsyncLookup, cache connect.LookupCache) *conformCase {
	how.Outside, how.Timeout = true, 1000
	if how.Capacity == 0 {
		how.Capacity = 100
	}
	cfg := squaresConfig(left, &atomic.Int64{})
	cfg.Cache = cache
	c := &conformCase{
		name: name, in: [][]types.Type{joinLeft}, part: [][]int{{0}}, gen: changes(func(r *rand.Rand) []string { return joinFresh(r) }),
		op:    func() Operator { return NewAsyncLookupJoin(cfg, how) },
		stays: "rows that wait are in memory until a snapshot",
		want:  func(ev []event) []string { return naiveLookup(left, table(ev, 0)) },
	}
	if how.Capacity == 2 {
		c.part, c.single, c.stays = nil, "each subtask has room for two calls", ""
	}
	c.cuts = "the answers of a step are told in another order than they were asked for"
	return c
}

// keptCase finds rows again by all their columns.
func keptCase(name string, left bool, cache connect.LookupCache) *conformCase {
	cfg := squaresConfig(left, &atomic.Int64{})
	cfg.Cache = cache
	return &conformCase{
		name: name, in: [][]types.Type{joinLeft}, part: [][]int{{0, 1}}, gen: changes(func(r *rand.Rand) []string { return joinFresh(r) }),
		op:   func() Operator { return NewKeptLookupJoin(cfg, LookupKeep{Key: []int{0, 1}}) },
		want: func(ev []event) []string { return naiveLookup(left, table(ev, 0)) },
	}
}

// keptOutside is keptCase with calls outside of steps.
func keptOutside(name string, left bool, how AsyncLookup) *conformCase {
	how.Keep = &LookupKeep{Key: []int{0, 1}}
	c := lookupCase(name, left, how, connect.LookupCache{})
	c.part, c.stays = [][]int{{0, 1}}, ""
	return c
}

// drifting is a table whose rows change with every call.
type drifting struct{ calls *int64 }

func (s drifting) Open([]int, connect.ReaderCtx) (connect.LookupReader, error) { return s, nil }
func (s drifting) Close() error                                                { return nil }

func (s drifting) Lookup(keys []*batch.Col, n int, dst *batch.Batch, lanes []uint16) ([]uint16, error) {
	*s.calls++
	var rows [][2]int64
	for i := range n {
		rows, lanes = append(rows, [2]int64{int64(keys[0].I32[i]), *s.calls}), append(lanes, uint16(i))
	}
	fillSquares(dst, rows)
	return lanes, nil
}

// TestKeptLookup takes back what was given out, though the table has another row by
// then: by the key of the input, by whole rows, equal ones included, and within a batch.
func TestKeptLookup(t *testing.T) {
	for _, c := range []struct {
		name  string
		keep  LookupKeep
		steps [][]string
		want  []string
	}{
		{"by key", LookupKeep{Key: []int{0}, Unique: true},
			[][]string{{"+I[1, 5]"}, {"-U[1, 5]", "+U[1, 6]"}, {"+U[1, 7]"}, {"-D[1, 7]"}, {"-D[1, 7]"}},
			[]string{"+I[1, 5, 1, 1]", "-U[1, 5, 1, 1]", "+U[1, 6, 1, 2]", "+U[1, 7, 1, 3]", "-D[1, 7, 1, 3]"}},
		{"by row", LookupKeep{Key: []int{0, 1}},
			[][]string{{"+I[1, 5]"}, {"+I[1, 5]"}, {"-D[1, 5]"}, {"-D[1, 5]"}, {"+I[2, 5]", "-D[2, 5]"}},
			[]string{"+I[1, 5, 1, 1]", "+I[1, 5, 1, 2]", "-D[1, 5, 1, 1]", "-D[1, 5, 1, 2]", "+I[2, 5, 2, 3]", "-D[2, 5, 2, 3]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := squaresConfig(true, nil)
			cfg.Lookup = drifting{new(int64)}
			h := NewBench(NewKeptLookupJoin(cfg, c.keep)).Open()
			for _, rows := range c.steps {
				h.Rows(0, joinLeft, rows...)
			}
			sameLinesIn(t, c.name, h.Take(), c.want)
		})
	}
}

func naiveLookup(left bool, rows [][]string) []string {
	var out []string
	for _, row := range rows {
		n := 0
		if row[0] != "NULL" {
			for _, v := range squareRows(num(row[0])) {
				out = append(out, rowText(append(slices.Clone(row), row[0], str(v))...))
				n++
			}
		}
		if n == 0 && left {
			out = append(out, rowText(append(slices.Clone(row), "NULL", "NULL")...))
		}
	}
	return out
}
