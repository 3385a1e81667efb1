package exec

import (
	"math/rand/v2"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/types"
)

// chainStep is one join of a chain as the naive evaluation sees it: the key of the new
// row is compared with column key of the rows so far.
type chainStep struct {
	left bool
	key  int
	cond func(l, r []string) bool
}

// naiveChain evaluates a chain of joins, one after the other.
func naiveChain(tables [][][]string, steps []chainStep) []string {
	rows := tables[0]
	for i, s := range steps {
		var out [][]string
		for _, l := range rows {
			hit := false
			for _, r := range tables[i+1] {
				if l[s.key] == r[0] && r[0] != "NULL" && (s.cond == nil || s.cond(l, r)) {
					hit = true
					out = append(out, append(slices.Clone(l), r...))
				}
			}
			if !hit && s.left {
				out = append(out, append(slices.Clone(l), "NULL", "NULL"))
			}
		}
		rows = out
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = rowText(r...)
	}
	return out
}

// manySides generates changes of n inputs.
func manySides(inputs int, appends bool) func(*rand.Rand, int) []event {
	return func(r *rand.Rand, n int) []event {
		var ev []event
		sides := make([]live, inputs)
		for i := range sides {
			sides[i] = live{in: i, ev: &ev}
		}
		in := 0
		for len(ev) < n {
			if r.IntN(3) == 0 {
				in = r.IntN(inputs)
			}
			fresh := func() []string { return []string{orNull(r, str(int64(r.IntN(2)))), str(int64(r.IntN(4)))} }
			if appends {
				sides[in].emit(batch.Insert, fresh())
			} else {
				sides[in].change(r, fresh)
			}
		}
		return ev
	}
}

// lessThan compares two columns of the rows so far and the new one.
func lessThan(l, r int) expr.Node {
	n, err := expr.NewCompare(expr.Lt, expr.NewRef(l, types.IntT, diag.Span{}), expr.NewRef(r, types.IntT, diag.Span{}), diag.Span{})
	if err != nil {
		panic(err)
	}
	return n
}

func multiJoinCases() []*conformCase {
	left := func(s chainStep) chainStep { s.left = true; return s }
	by := func(key int) chainStep { return chainStep{key: key} }
	// where adds: column l of the rows so far is less than the new row's second one.
	less := func(s chainStep, l int) chainStep {
		s.cond = func(a, b []string) bool { return a[l] != "NULL" && num(a[l]) < num(b[1]) }
		return s
	}
	list := []struct {
		name  string
		steps []chainStep
		less  []int // column compared in each step's condition, -1 for none
	}{
		{"inner inner", []chainStep{by(0), by(2)}, []int{-1, -1}},
		{"inner inner inner, with a condition", []chainStep{by(0), less(by(0), 1), by(2)}, []int{-1, 1, -1}},
		{"left left", []chainStep{left(by(0)), left(by(0))}, []int{-1, -1}},
		{"left left by the padded side", []chainStep{left(by(0)), left(by(2))}, []int{-1, -1}},
		{"left inner by the padded side", []chainStep{left(by(0)), by(2)}, []int{-1, -1}},
		{"inner left", []chainStep{by(0), left(by(0))}, []int{-1, -1}},
		{"left inner left", []chainStep{left(by(0)), by(0), left(by(2))}, []int{-1, -1, -1}},
		{"left left, with conditions", []chainStep{left(less(by(0), 1)), left(less(by(0), 3))}, []int{1, 3}},
		{"inner left left, with conditions", []chainStep{by(0), left(less(by(2), 3)), left(less(by(0), 1))}, []int{-1, 3, 1}},
	}
	var out []*conformCase
	for _, l := range list {
		n := len(l.steps) + 1
		in := []types.Type{types.IntT, types.IntT}
		cfg := MultiJoinConfig{EmitUpdateBefore: true, Inputs: []MultiJoinInput{{Types: in, Keys: []int{0}}}, Out: slices.Clone(in)}
		c := &conformCase{in: [][]types.Type{in}, part: [][]int{{0}}}
		for i, s := range l.steps {
			next := MultiJoinInput{Types: in, Keys: []int{0}, Left: s.left}
			if s.key > 0 {
				next.Needs = []int{s.key / 2}
			}
			if l.less[i] >= 0 {
				next.Residual = lessThan(l.less[i], 2*(i+1)+1)
			}
			cfg.Inputs, cfg.Out = append(cfg.Inputs, next), append(cfg.Out, in...)
			c.in, c.part = append(c.in, in), append(c.part, []int{0})
		}
		c.op = func() Operator { return NewMultiJoin(cfg) }
		c.want = func(ev []event) []string {
			tables := make([][][]string, n)
			for i := range tables {
				tables[i] = table(ev, i)
			}
			return naiveChain(tables, l.steps)
		}
		for _, appends := range []bool{true, false} {
			k := *c
			k.gen, k.name = manySides(n, appends), "multi-join, "+l.name
			if appends {
				k.name += ", append"
			}
			out = append(out, &k)
		}
	}
	return out
}
