package scalar_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// TestFilters holds a filter of numbers compared with constants, and of remainders,
// to the rows one by one. Behind it stand a quotient that fails for rows which the
// filter leaves out, and the conditions themselves.
func TestFilters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ts := []types.Type{rapid.SampledFrom(intTypes).Draw(t, "a"), rapid.SampledFrom(intTypes).Draw(t, "b")}
		c := draw(t, ts, []*rapid.Generator[any]{ints(ts[0]), ints(ts[1])})
		type test struct {
			node  expr.Node
			holds func(row []any) (value, known bool)
		}
		var tests []test
		var conds []expr.Node
		for range rapid.IntRange(1, 3).Draw(t, "conditions") {
			k := rapid.IntRange(0, 1).Draw(t, "column")
			op := rapid.SampledFrom([]string{"=", "<>", "<", "<=", ">", ">="}).Draw(t, "op")
			v := int64(rapid.IntRange(-3, 3).Draw(t, "constant"))
			lit, arg := literalOf(types.IntT, v), c.ref(k)
			var by int64
			if rapid.IntRange(0, 2).Draw(t, "remainder") == 0 {
				by = rapid.SampledFrom([]int64{-3, -2, 1, 2, 3, 4, 6, 17, 100}).Draw(t, "by")
				arg = call(t, "%", arg, literalOf(types.IntT, by))
				if rapid.Bool().Draw(t, "zero") {
					lit, v = literalOf(types.IntT, int64(0)), 0
				}
			}
			n := call(t, op, arg, lit)
			if rapid.IntRange(0, 3).Draw(t, "swap") == 0 {
				n = call(t, map[string]string{"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}[op], lit, arg)
			}
			tests = append(tests, test{n, func(row []any) (bool, bool) {
				if row[k] == nil {
					return false, false
				}
				x := row[k].(int64)
				if by != 0 {
					x %= by
				}
				return map[string]bool{"=": x == v, "<>": x != v, "<": x < v, "<=": x <= v, ">": x > v, ">=": x >= v}[op], true
			}})
			conds = append(conds, n)
		}
		if rapid.Bool().Draw(t, "no zero") {
			n := call(t, "<>", c.ref(0), literalOf(types.IntT, int64(0)))
			tests = append(tests, test{n, func(row []any) (bool, bool) { return row[0] != int64(0), row[0] != nil }})
			conds = append(conds, n)
		}
		outs := []expr.Node{c.ref(1)}
		divides := rapid.Bool().Draw(t, "quotient")
		if divides {
			outs = append(outs, call(t, "/", literalOf(types.BigIntT, int64(60)), c.ref(0)))
		}
		for _, n := range conds {
			outs = append(outs, expr.Fold(n, nil))
		}
		calc, err := expr.NewCalc(expr.Fold(expr.NewAnd(conds...), nil), outs, ts)
		if err != nil {
			t.Fatal(err)
		}
		var want [][]string
		wantErr := false
		row := make([]any, 2)
		for r := range c.batch.Rows() {
			l := c.batch.Lane(r)
			row[0], row[1] = c.values[0][l], c.values[1][l]
			all := true
			var line []string
			for _, x := range tests {
				v, known := x.holds(row)
				all = all && v && known
				line = append(line, map[bool]string{true: "TRUE", false: "FALSE"}[v])
			}
			if !all {
				continue
			}
			if divides {
				if row[0] == int64(0) {
					wantErr = true
					break
				}
				q := "NULL"
				if row[0] != nil {
					q = fmt.Sprint(60 / row[0].(int64))
				}
				line = append([]string{q}, line...)
			}
			if row[1] == nil {
				line = append([]string{"NULL"}, line...)
			} else {
				line = append([]string{fmt.Sprint(row[1])}, line...)
			}
			want = append(want, line)
		}
		f := function.NewFrame(function.FixedEnv{WatermarkTime: batch.NoWatermark}, time.UTC)
		var out batch.Batch
		for range 2 { // the second run uses memory again
			err := calc.Run(f, c.batch, &out)
			if wantErr {
				if diag.CodeOf(err) != diag.DivisionByZero {
					t.Fatalf("error %v, want a division by zero", err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if out.Rows() != len(want) {
				t.Fatalf("%s keeps %d rows of %v, want %d", expr.String(expr.NewAnd(conds...), nil), out.Rows(), c.values, len(want))
			}
			for r, line := range want {
				for k, w := range line {
					if got := string(kernel.AppendText(nil, &out.Cols[k], out.Lane(r), time.UTC)); got != w {
						t.Fatalf("row %d, output %s is %s, want %s", r, expr.String(outs[k], nil), got, w)
					}
				}
			}
		}
	})
}
