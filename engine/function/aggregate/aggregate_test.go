package aggregate

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// change is a value that is added, or taken back.
type change struct {
	v    any
	sign int64
}

// changes draws a run in which only values that are there are taken back, and the
// values that are left.
func changes(t *rapid.T, value *rapid.Generator[any], retract bool) (run []change, left []any) {
	n := rapid.IntRange(0, 40).Draw(t, "n")
	for range n {
		if retract && len(left) > 0 && rapid.IntRange(0, 2).Draw(t, "op") == 0 {
			k := rapid.IntRange(0, len(left)-1).Draw(t, "which")
			run = append(run, change{left[k], -1})
			left = slices.Delete(left, k, k+1)
			continue
		}
		v := value.Draw(t, "v")
		run = append(run, change{v, 1})
		left = append(left, v)
	}
	return run, left
}

// runAcc folds a run in pieces, merges the pieces and gives the result: its text,
// and for floats the bits.
func runAcc(t *rapid.T, name string, arg types.Type, run []change, retract bool) string {
	f := Lookup(name)
	result, params, err := f.Infer([]types.Type{arg}, false)
	if err != nil {
		t.Fatal(err)
	}
	acc := f.New(Spec{Func: name, Args: params, Result: result, Retract: retract})
	h := &Heap{}
	w := acc.Lanes()
	total := make([]uint64, w+1)
	for first := true; first || len(run) > 0; first = false {
		k := min(len(run), rapid.IntRange(1, 12).Draw(t, "piece"))
		piece := run[:k]
		run = run[k:]
		b := batch.NewBuilder(arg)
		fold := &Fold{Stride: w + 1, Off: 1, Heap: h, L: make([]uint64, 2*(w+1))}
		signed := retract
		for i, c := range piece {
			b.AppendAny(c.v)
			fold.G = append(fold.G, 1)
			fold.Lanes = append(fold.Lanes, uint16(i))
			if signed {
				fold.Signs = append(fold.Signs, c.sign)
			}
		}
		col := b.Finish()
		fold.Args = []*batch.Col{&col}
		if len(piece) > 0 {
			acc.Fold(fold)
		}
		next := make([]uint64, w+1)
		if err := acc.Merge([][]uint64{next}, [][]uint64{total}, [][]uint64{fold.L[w+1:]}, 1, h); err != nil {
			t.Fatal(err)
		}
		total = next
	}
	var out batch.Col
	out.Alloc(result.Nullable(true), 1)
	if out.Views != nil {
		clear(out.Views)
	}
	if err := acc.Final(&out, [][]uint64{total}, 1, h); err != nil {
		t.Fatal(err)
	}
	text := string(kernel.AppendText(nil, &out, 0, nil))
	if result.IsApprox() && !out.IsNull(0) {
		text += fmt.Sprintf(" %x", math.Float64bits(out.Float(0)))
	}
	return text
}

func floatText(v float64, narrow bool) string {
	size := 64
	if narrow {
		size, v = 32, float64(float32(v))
	}
	return string(kernel.AppendFloat(nil, v, size)) + fmt.Sprintf(" %x", math.Float64bits(v))
}

// nastyFloats have all magnitudes, near ties, and now and then no number.
func nastyFloats(narrow bool) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		var v float64
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			v = rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, -1, 0.1, math.SmallestNonzeroFloat64, math.MaxFloat32, 1 << 53, 1<<53 + 2, 1e-30, 1e30}).Draw(t, "special")
		case 1, 2:
			v = math.Ldexp(float64(rapid.Int64Range(-1<<53, 1<<53).Draw(t, "m")), rapid.IntRange(-1074, 960).Draw(t, "e"))
		case 3:
			if rapid.IntRange(0, 15).Draw(t, "rare") == 0 {
				v = rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1)}).Draw(t, "no number")
			}
		default:
			v = float64(rapid.Int64Range(-1_000_000, 1_000_000).Draw(t, "c")) / 100
		}
		if narrow {
			v = float64(float32(v))
		}
		return v
	})
}

// roundedSum is the sum of values, rounded once.
func roundedSum(left []any, narrow bool) float64 {
	sum := new(big.Float).SetPrec(4000).SetMode(big.ToNearestEven)
	nan, plus, minus := 0, 0, 0
	for _, v := range left {
		switch x := v.(float64); {
		case math.IsNaN(x):
			nan++
		case math.IsInf(x, 1):
			plus++
		case math.IsInf(x, -1):
			minus++
		default:
			sum.Add(sum, new(big.Float).SetFloat64(x))
		}
	}
	switch {
	case nan > 0 || plus > 0 && minus > 0:
		return math.NaN()
	case plus > 0:
		return math.Inf(1)
	case minus > 0:
		return math.Inf(-1)
	}
	if sum.Sign() == 0 {
		return 0
	}
	if narrow {
		v, _ := sum.Float32()
		return float64(v)
	}
	v, _ := sum.Float64()
	return v
}

// TestFloatSums compares sums of FLOAT and DOUBLE with big numbers: exact whatever
// the order, the pieces and what is taken back.
func TestFloatSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		narrow := rapid.Bool().Draw(t, "narrow")
		retract := rapid.Bool().Draw(t, "retract")
		typ := types.DoubleT
		if narrow {
			typ = types.FloatT
		}
		run, left := changes(t, nastyFloats(narrow), retract)
		want := "NULL"
		if len(left) > 0 {
			want = floatText(roundedSum(left, narrow), narrow)
		}
		if got := runAcc(t, "SUM", typ, run, retract); got != want {
			t.Fatalf("SUM of %v is %s, want %s", left, got, want)
		}
		if !retract {
			// Another order, by a seed of its own.
			r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
			r.Shuffle(len(run), func(i, j int) { run[i], run[j] = run[j], run[i] })
			if got := runAcc(t, "SUM", typ, run, false); got != want {
				t.Fatalf("in another order SUM of %v is %s, want %s", left, got, want)
			}
		}
		if len(left) > 0 {
			want = floatText(roundedSum(left, false)/float64(len(left)), narrow)
		}
		if got := runAcc(t, "AVG", typ, run, retract); got != want {
			t.Fatalf("AVG of %v is %s, want %s", left, got, want)
		}
	})
}

// TestSumsToNothing takes back all that was added, in another order.
func TestSumsToNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var run []change
		for range rapid.IntRange(1, 30).Draw(t, "n") {
			run = append(run, change{nastyFloats(false).Draw(t, "v"), 1})
		}
		kept := nastyFloats(false).Draw(t, "kept")
		back := slices.Clone(run)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		r.Shuffle(len(back), func(i, j int) { back[i], back[j] = back[j], back[i] })
		run = append(run, change{kept, 1})
		for _, c := range back {
			run = append(run, change{c.v, -1})
		}
		want := floatText(roundedSum([]any{kept}, false), false)
		if got := runAcc(t, "SUM", types.DoubleT, run, true); got != want {
			t.Fatalf("what is left is %s, want %s", got, want)
		}
		run = append(run, change{kept, -1})
		if got := runAcc(t, "SUM", types.DoubleT, run, true); got != "NULL" {
			t.Fatalf("of nothing is %s", got)
		}
	})
}

// TestIntegerSums wraps around at the width of the type, as Java does.
func TestIntegerSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom([]types.Type{types.TinyIntT, types.SmallIntT, types.IntT, types.BigIntT}).Draw(t, "type")
		bits := map[types.Kind]int{types.TinyInt: 8, types.SmallInt: 16, types.Int: 32, types.BigInt: 64}[typ.Kind]
		value := rapid.Custom(func(t *rapid.T) any {
			return rapid.Int64().Draw(t, "v") << (64 - bits) >> (64 - bits)
		})
		retract := rapid.Bool().Draw(t, "retract")
		run, left := changes(t, value, retract)
		sum, avg, count := "NULL", "NULL", len(left)
		if count > 0 {
			s := int64(0)
			for _, v := range left {
				s += v.(int64)
			}
			wrap := func(v int64) string { return fmt.Sprint(v << (64 - bits) >> (64 - bits)) }
			sum, avg = wrap(s), wrap(s/int64(count))
		}
		for name, want := range map[string]string{"SUM": sum, "AVG": avg, "COUNT": fmt.Sprint(count)} {
			if got := runAcc(t, name, typ, run, retract); got != want {
				t.Fatalf("%s(%s) of %v is %s, want %s", name, typ, left, got, want)
			}
		}
	})
}

// decimals draws unscaled values of DECIMAL(p, s).
func decimals(p int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		n := rapid.IntRange(1, p).Draw(t, "digits")
		digits := rapid.StringOfN(rapid.RuneFrom([]rune("0123456789")), n, n, -1).Draw(t, "digits")
		if rapid.IntRange(0, 3).Draw(t, "nines") == 0 {
			digits = strings.Repeat("9", n)
		}
		v, _ := new(big.Int).SetString(digits, 10)
		if rapid.Bool().Draw(t, "negative") {
			v.Neg(v)
		}
		return decOf(v)
	})
}

func decOf(v *big.Int) batch.Dec {
	lo := new(big.Int).And(v, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
	return batch.Dec{Hi: new(big.Int).Rsh(v, 64).Int64(), Lo: lo}
}

func bigDec(d batch.Dec) *big.Int {
	v := new(big.Int).Lsh(big.NewInt(d.Hi), 64)
	return v.Add(v, new(big.Int).SetUint64(d.Lo))
}

// decimalText writes num/den with s digits behind the point, halves away from zero,
// or NULL when it has more than 38 digits.
func decimalText(num *big.Rat, s int) string {
	text := num.FloatString(s) // rounds halves away from zero
	if len(strings.TrimLeft(strings.NewReplacer("-", "", ".", "").Replace(text), "0")) > 38 {
		return "NULL"
	}
	if strings.Trim(text, "-0.") == "" {
		text = strings.TrimPrefix(text, "-")
	}
	return text
}

// TestDecimalSums compares with big numbers; a sum may pass 38 digits on its way.
func TestDecimalSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom([]int{5, 18, 19, 38}).Draw(t, "p")
		s := rapid.IntRange(0, min(p, 10)).Draw(t, "s")
		typ := types.DecimalT(p, s)
		retract := rapid.Bool().Draw(t, "retract")
		run, left := changes(t, decimals(p), retract)
		sum, avg := "NULL", "NULL"
		if len(left) > 0 {
			v := new(big.Int)
			for _, x := range left {
				v.Add(v, bigDec(x.(batch.Dec)))
			}
			scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(s)), nil)
			sum = decimalText(new(big.Rat).SetFrac(v, scale), s)
			avg = decimalText(new(big.Rat).SetFrac(v, scale.Mul(scale, big.NewInt(int64(len(left))))), max(6, s))
			if sum == "NULL" {
				avg = sum // a mean is made of a sum
			}
		}
		if got := runAcc(t, "SUM", typ, run, retract); got != sum {
			t.Fatalf("SUM(%s) of %v is %s, want %s", typ, left, got, sum)
		}
		if got := runAcc(t, "AVG", typ, run, retract); got != avg {
			t.Fatalf("AVG(%s) of %v is %s, want %s", typ, left, got, avg)
		}
	})
}

// TestExtremes compares MIN and MAX with a look at all values that are left.
func TestExtremes(t *testing.T) {
	gens := map[string]*rapid.Generator[any]{
		"INT": rapid.Custom(func(t *rapid.T) any { return int64(rapid.IntRange(-5, 5).Draw(t, "v")) }),
		"STRING": rapid.Custom(func(t *rapid.T) any {
			return rapid.StringOfN(rapid.RuneFrom([]rune("abä\x00")), 0, 20, -1).Draw(t, "v")
		}),
		"DECIMAL(38, 2)":  decimals(38),
		"DECIMAL(9, 2)":   decimals(9),
		"DOUBLE NO SPACE": rapid.Custom(func(t *rapid.T) any { return float64(rapid.IntRange(-5, 5).Draw(t, "v")) / 2 }),
	}
	kinds := map[string]types.Type{
		"INT": types.IntT, "STRING": types.StringT, "DECIMAL(38, 2)": types.DecimalT(38, 2), "DECIMAL(9, 2)": types.DecimalT(9, 2), "DOUBLE NO SPACE": types.DoubleT,
	}
	for name, typ := range kinds {
		t.Run(strings.Fields(name)[0], func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				retract := rapid.Bool().Draw(t, "retract")
				run, left := changes(t, gens[name], retract)
				low, high := "NULL", "NULL"
				if len(left) > 0 {
					low = valueText(typ, slices.MinFunc(left, compareAny))
					high = valueText(typ, slices.MaxFunc(left, compareAny))
				}
				if got, _, _ := strings.Cut(runAcc(t, "MIN", typ, run, retract), " "); got != low {
					t.Fatalf("MIN of %v is %q, want %q", left, got, low)
				}
				if got, _, _ := strings.Cut(runAcc(t, "MAX", typ, run, retract), " "); got != high {
					t.Fatalf("MAX of %v is %q, want %q", left, got, high)
				}
			})
		})
	}
}

func compareAny(a, b any) int {
	switch a := a.(type) {
	case int64:
		return int(a - b.(int64))
	case string:
		return strings.Compare(a, b.(string))
	case batch.Dec:
		return bigDec(a).Cmp(bigDec(b.(batch.Dec)))
	}
	return int(2 * (a.(float64) - b.(float64)))
}

func valueText(typ types.Type, v any) string {
	b := batch.NewBuilder(typ)
	b.AppendAny(v)
	c := b.Finish()
	return string(kernel.AppendText(nil, &c, 0, nil))
}

// TestSpread compares variances with big numbers.
func TestSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.Custom(func(t *rapid.T) any {
			return float64(rapid.Int64Range(-1_000_000, 1_000_000).Draw(t, "v"))/8 + float64(rapid.SampledFrom([]int64{0, 1 << 40}).Draw(t, "shift"))
		})
		retract := rapid.Bool().Draw(t, "retract")
		run, left := changes(t, value, retract)
		n := int64(len(left))
		sum, squares := new(big.Rat), new(big.Rat)
		for _, v := range left {
			x := new(big.Rat).SetFloat64(v.(float64))
			sum.Add(sum, x)
			squares.Add(squares, new(big.Rat).Mul(x, x))
		}
		for name, den := range map[string]int64{"VAR_POP": n, "VAR_SAMP": n - 1, "STDDEV_POP": n, "STDDEV_SAMP": n - 1} {
			got := runAcc(t, name, types.DoubleT, run, retract)
			if den <= 0 {
				if got != "NULL" {
					t.Fatalf("%s of %v is %s, want NULL", name, left, got)
				}
				continue
			}
			v := new(big.Rat).Mul(sum, sum)
			v.Quo(v, new(big.Rat).SetInt64(n))
			v.Sub(squares, v)
			v.Quo(v, new(big.Rat).SetInt64(den))
			want, _ := v.Float64()
			if strings.HasPrefix(name, "STDDEV") {
				want = math.Sqrt(want)
			}
			var f float64
			fmt.Sscan(strings.Fields(got)[0], &f)
			if math.Abs(f-want) > 1e-12*math.Abs(want) {
				t.Fatalf("%s of %v is %s, want %v", name, left, got, want)
			}
		}
	})
}
