package scalar_test

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// The property tests build expressions over columns of random values, run them over
// batches (flat and constant columns, nulls, a selection) and hold every row to a
// computation written here, over Go values. A row's expectation is a text, as CAST
// to STRING writes it, "NULL", or "ERROR code".

var functions = function.NewRegistry(scalar.All())

// call makes a call by name.
func call(t *rapid.T, name string, args ...expr.Node) expr.Node {
	f := functions.Lookup(name)
	if f == nil {
		t.Fatalf("no function %s", name)
	}
	n, err := expr.NewCall(f, args, diag.Span{Start: 0, End: 1})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// drawn is a random batch: its columns as values too.
type drawn struct {
	types  []types.Type
	batch  *batch.Batch
	values [][]any // by column and lane
}

// draw makes a batch with columns of the types, of values of the generators.
func draw(t *rapid.T, ts []types.Type, gens []*rapid.Generator[any]) *drawn {
	c := &drawn{types: ts, batch: &batch.Batch{N: rapid.IntRange(1, 80).Draw(t, "lanes")}}
	for i, typ := range ts {
		n := c.batch.N
		nulls := rapid.IntRange(0, 2).Draw(t, "nulls")
		constant := rapid.IntRange(0, 4).Draw(t, "constant") == 0
		if constant {
			n = 1
		}
		b := batch.NewBuilder(typ)
		var list []any
		for range n {
			var v any
			if nulls == 0 || rapid.IntRange(0, 4).Draw(t, "null") > 0 {
				v = gens[i].Draw(t, "value")
			}
			b.AppendAny(v)
			list = append(list, v)
		}
		col := b.Finish()
		if constant {
			col.Enc = batch.Const
			for len(list) < c.batch.N {
				list = append(list, list[0])
			}
		}
		c.batch.Cols = append(c.batch.Cols, col)
		c.values = append(c.values, list)
	}
	if rapid.Bool().Draw(t, "selected") {
		c.batch.Sel = []uint16{}
		for l := range c.batch.N {
			if rapid.IntRange(0, 2).Draw(t, "sel") > 0 {
				c.batch.Sel = append(c.batch.Sel, uint16(l))
			}
		}
	}
	return c
}

// ref is column i.
func (c *drawn) ref(i int) expr.Node { return expr.NewRef(i, c.types[i], diag.Span{}) }

// hold compares the values of n with what want says of the values of a row.
func (c *drawn) hold(t *rapid.T, n expr.Node, want func(row []any) string) {
	c.compare(t, n, want, false)
}

// compare is hold. Folded expressions may have lost operands that fail: what follows
// from others alone, such as x AND FALSE, is not computed.
func (c *drawn) compare(t *rapid.T, n expr.Node, want func(row []any) string, folded bool) {
	p, err := expr.Compile([]expr.Node{n}, c.types)
	if err != nil {
		t.Fatal(err)
	}
	f := function.NewFrame(function.FixedEnv{WatermarkTime: batch.NoWatermark}, time.UTC)
	out := make([]*batch.Col, 1)
	runErr := p.Run(f, c.batch, out)
	row := make([]any, len(c.values))
	for r := range c.batch.Rows() {
		l := c.batch.Lane(r)
		for i := range row {
			row[i] = c.values[i][l]
		}
		w := want(row)
		if code, ok := strings.CutPrefix(w, "ERROR "); ok {
			if folded && runErr == nil {
				continue
			}
			if string(diag.CodeOf(runErr)) != code {
				t.Fatalf("%s of %v: error %v, want %s", expr.String(n, nil), row, runErr, code)
			}
			return
		}
		if runErr == nil {
			if got := string(kernel.AppendText(nil, out[0], l, time.UTC)); got != w {
				t.Fatalf("%s of %v (%v) is %s, want %s", expr.String(n, nil), row, c.types, got, w)
			}
			if w == "NULL" && n.Type().NotNull {
				t.Fatalf("%s of %v is NULL and its type %s", expr.String(n, nil), row, n.Type())
			}
		}
	}
	if runErr != nil {
		t.Fatalf("%s: error %v for no row of %v", expr.String(n, nil), runErr, c.values)
	}
}

var intTypes = []types.Type{types.TinyIntT, types.SmallIntT, types.IntT, types.BigIntT}

func intBits(t types.Type) int {
	return map[types.Kind]int{types.TinyInt: 8, types.SmallInt: 16, types.Int: 32, types.BigInt: 64}[t.Kind]
}

// wrapInt cuts a number to the width of an integer type, as Java does.
func wrapInt(v int64, t types.Type) int64 {
	k := 64 - intBits(t)
	return v << k >> k
}

func ints(t types.Type) *rapid.Generator[any] {
	return rapid.Custom(func(r *rapid.T) any {
		if rapid.Bool().Draw(r, "small") {
			return int64(rapid.IntRange(-3, 3).Draw(r, "v"))
		}
		return wrapInt(rapid.Int64().Draw(r, "v"), t)
	})
}

func decimals(p int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		n := rapid.IntRange(1, p).Draw(t, "digits")
		text := rapid.StringOfN(rapid.RuneFrom([]rune("0123456789")), n, n, -1).Draw(t, "text")
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			text = strings.Repeat("9", n)
		case 1:
			text = "5" + strings.Repeat("0", n-1)
		}
		v, _ := new(big.Int).SetString(text, 10)
		if rapid.Bool().Draw(t, "negative") {
			v.Neg(v)
		}
		lo := new(big.Int).And(v, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
		return batch.Dec{Hi: new(big.Int).Rsh(v, 64).Int64(), Lo: lo}
	})
}

func decimalType(t *rapid.T) types.Type {
	p := rapid.SampledFrom([]int{1, 3, 9, 17, 18, 19, 20, 27, 37, 38}).Draw(t, "p")
	return types.DecimalT(p, rapid.IntRange(0, p).Draw(t, "s"))
}

// exactType draws an integer or DECIMAL type.
func exactType(t *rapid.T) types.Type {
	if rapid.IntRange(0, 2).Draw(t, "integer") == 0 {
		return rapid.SampledFrom(intTypes).Draw(t, "int")
	}
	return decimalType(t)
}

func exactValues(t types.Type) *rapid.Generator[any] {
	if t.Kind == types.Decimal {
		return decimals(t.Prec)
	}
	return ints(t)
}

// rat is the number a value stands for.
func rat(v any, t types.Type) *big.Rat {
	switch v := v.(type) {
	case int64:
		return new(big.Rat).SetInt64(v)
	case float64:
		return new(big.Rat).SetFloat64(v)
	case batch.Dec:
		n := new(big.Int).Lsh(big.NewInt(v.Hi), 64)
		n.Add(n, new(big.Int).SetUint64(v.Lo))
		return new(big.Rat).SetFrac(n, pow10(t.Scale))
	}
	return nil
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// decimalText writes a number as DECIMAL(p, s), halves away from zero; NULL if it
// has too many digits.
func decimalText(v *big.Rat, t types.Type) string {
	text := v.FloatString(t.Scale)
	digits := strings.TrimLeft(strings.NewReplacer("-", "", ".", "").Replace(text), "0")
	if len(digits) > t.Prec {
		return "NULL"
	}
	if digits == "" {
		text = strings.TrimPrefix(text, "-")
	}
	return text
}

// wantDecimal is the type of a decimal operation by the rules of the specification,
// written out once more.
func wantDecimal(op string, a, b types.Type) types.Type {
	p1, s1 := digits(a)
	p2, s2 := digits(b)
	var p, s int
	switch op {
	case "+", "-":
		s = max(s1, s2)
		p = max(p1-s1, p2-s2) + s + 1
	case "*":
		p, s = p1+p2+1, s1+s2
	case "/":
		s = max(6, s1+p2+1)
		p = p1 - s1 + s2 + s
	case "%":
		if s1 == 0 && s2 == 0 {
			return b
		}
		s = max(s1, s2)
		p = min(p1-s1, p2-s2) + s
	}
	if p > 38 {
		s = max(38-(p-s), min(s, 6))
		p = 38
	}
	return types.DecimalT(p, s)
}

// TestArithmetic holds + - * / % of exact numbers to big numbers: integers wrap
// around, decimals round halves away from zero and are NULL when they do not fit.
func TestArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := exactType(t), exactType(t)
		op := rapid.SampledFrom([]string{"+", "-", "*", "/", "%"}).Draw(t, "op")
		c := draw(t, []types.Type{a, b}, []*rapid.Generator[any]{exactValues(a), exactValues(b)})
		n := call(t, op, c.ref(0), c.ref(1))
		whole := a.IsInteger() && b.IsInteger()
		want := a
		switch {
		case !whole:
			want = wantDecimal(op, a, b)
		case op == "%" || intBits(b) > intBits(a):
			want = b
		}
		if !types.SameIgnoringNull(n.Type(), want) {
			t.Fatalf("%s %s %s is %s, want %s", a, op, b, n.Type(), want)
		}
		c.hold(t, n, func(row []any) string {
			if row[0] == nil || row[1] == nil {
				return "NULL"
			}
			x, y := rat(row[0], a), rat(row[1], b)
			if (op == "/" || op == "%") && y.Sign() == 0 {
				return "ERROR division-by-zero"
			}
			r := new(big.Rat)
			switch op {
			case "+":
				r.Add(x, y)
			case "-":
				r.Sub(x, y)
			case "*":
				r.Mul(x, y)
			case "/":
				r.Quo(x, y)
			case "%":
				q := new(big.Rat).Quo(x, y)
				cut := new(big.Int).Quo(q.Num(), q.Denom()) // toward zero
				r.Sub(x, new(big.Rat).Mul(new(big.Rat).SetInt(cut), y))
			}
			if want.IsInteger() {
				v := new(big.Int).Quo(r.Num(), r.Denom())
				low := new(big.Int).And(v, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
				return fmt.Sprint(wrapInt(int64(low), want))
			}
			return decimalText(r, want)
		})
	})
}

func floats(narrow bool) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		var v float64
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			v = rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, -1, 0.5, math.NaN(), math.Inf(1), math.Inf(-1), 9.2e18, -9.3e18, 3e9, 1e38}).Draw(t, "special")
		case 1:
			v = rapid.Float64().Draw(t, "any")
		default:
			v = float64(rapid.IntRange(-100000, 100000).Draw(t, "n")) / 8
		}
		if narrow {
			v = float64(float32(v))
		}
		return v
	})
}

func numericType(t *rapid.T) (types.Type, *rapid.Generator[any]) {
	switch rapid.IntRange(0, 3).Draw(t, "approx") {
	case 0:
		return types.DoubleT, floats(false)
	case 1:
		return types.FloatT, floats(true)
	}
	e := exactType(t)
	return e, exactValues(e)
}

// asFloat is a number as DOUBLE or FLOAT.
func asFloat(v any, t types.Type, narrow bool) float64 {
	if f, ok := v.(float64); ok {
		if narrow {
			return float64(float32(f))
		}
		return f
	}
	f, _ := rat(v, t).Float64()
	if narrow {
		n, _ := rat(v, t).Float32()
		return float64(n)
	}
	return f
}

func digits(t types.Type) (p, s int) {
	switch t.Kind {
	case types.TinyInt:
		return 3, 0
	case types.SmallInt:
		return 5, 0
	case types.Int:
		return 10, 0
	case types.BigInt:
		return 19, 0
	}
	return t.Prec, t.Scale
}

// TestCompareNumbers holds comparisons of any two numbers to big numbers and floats.
func TestCompareNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, ga := numericType(t)
		b, gb := numericType(t)
		op := rapid.SampledFrom([]string{"=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"}).Draw(t, "op")
		c := draw(t, []types.Type{a, b}, []*rapid.Generator[any]{ga, gb})
		exact := a.IsExact() && b.IsExact()
		c.hold(t, call(t, op, c.ref(0), c.ref(1)), func(row []any) string {
			if row[0] == nil || row[1] == nil {
				switch both := row[0] == nil && row[1] == nil; op {
				case "IS DISTINCT FROM":
					return boolText(!both)
				case "IS NOT DISTINCT FROM":
					return boolText(both)
				}
				return "NULL"
			}
			var less, same bool
			if exact {
				k := rat(row[0], a).Cmp(rat(row[1], b))
				less, same = k < 0, k == 0
			} else {
				narrow := a.Kind != types.Double && b.Kind != types.Double && a.Kind != types.Decimal && b.Kind != types.Decimal
				x, y := asFloat(row[0], a, narrow), asFloat(row[1], b, narrow)
				less, same = x < y, x == y
				if op == "IS DISTINCT FROM" || op == "IS NOT DISTINCT FROM" {
					same = same || x != x && y != y
				}
				if x != x || y != y {
					switch op {
					case "<", "<=", ">", ">=":
						return "FALSE"
					}
				}
			}
			return boolText(map[string]bool{
				"=": same, "<>": !same, "<": less, "<=": less || same, ">": !less && !same, ">=": !less,
				"IS DISTINCT FROM": !same, "IS NOT DISTINCT FROM": same,
			}[op])
		})
	})
}

func boolText(v bool) string {
	if v {
		return "TRUE"
	}
	return "FALSE"
}
