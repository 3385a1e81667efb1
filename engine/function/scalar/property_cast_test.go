package scalar_test

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/types"
)

// javaFloat writes a float as Java's toString does, by the rules of its
// documentation: digits that are the fewest to read back, plain from 10^-3 to 10^7.
func javaFloat(v float64, size int) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	}
	sign := ""
	if math.Signbit(v) {
		sign, v = "-", -v
	}
	if v == 0 {
		return sign + "0.0"
	}
	mantissa, exp, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, size), "e")
	e, _ := strconv.Atoi(exp)
	digits := strings.Replace(mantissa, ".", "", 1)
	switch {
	case e >= 7 || e < -3:
		if len(digits) == 1 { // of two digits then, the nearest: 5.6E-45, where 6E-45 would read back too
			mantissa, exp, _ = strings.Cut(strconv.FormatFloat(v, 'e', 1, size), "e")
			e, _ = strconv.Atoi(exp)
			digits = strings.Replace(mantissa, ".", "", 1)
		}
		return sign + digits[:1] + "." + digits[1:] + "E" + strconv.Itoa(e)
	case e < 0:
		return sign + "0." + strings.Repeat("0", -e-1) + digits
	}
	for len(digits) < e+2 {
		digits += "0"
	}
	return sign + digits[:e+1] + "." + digits[e+1:]
}

// toInt is a float as an integer: cut, at the bounds of INT or BIGINT at most, and
// then wrapped to narrower types.
func toInt(v float64, t types.Type) int64 {
	if math.IsNaN(v) {
		return 0
	}
	low, high := int64(math.MinInt32), int64(math.MaxInt32)
	if t.Kind == types.BigInt {
		low, high = math.MinInt64, math.MaxInt64
	}
	var n int64
	switch x, _ := new(big.Float).SetFloat64(v).Int(nil); {
	case x == nil && v > 0:
		n = high
	case x == nil:
		n = low
	case x.Cmp(big.NewInt(high)) > 0:
		n = high
	case x.Cmp(big.NewInt(low)) < 0:
		n = low
	default:
		n = x.Int64()
	}
	return wrapInt(n, t)
}

// castNumber is CAST between numbers, as a text.
func castNumber(v any, from, to types.Type) string {
	f, isFloat := v.(float64)
	switch {
	case to.IsString() && isFloat:
		return javaFloat(f, floatSize(from))
	case to.IsString() && from.Kind == types.Decimal:
		return decimalText(rat(v, from), types.DecimalT(99, from.Scale))
	case to.IsString():
		return fmt.Sprint(v)
	case to.Kind == types.Boolean && isFloat:
		return boolText(f != 0)
	case to.Kind == types.Boolean:
		return boolText(rat(v, from).Sign() != 0)
	case to.IsApprox():
		size := floatSize(to)
		if !isFloat {
			f, _ = rat(v, from).Float64()
			if size == 32 && from.Kind != types.Decimal {
				n, _ := rat(v, from).Float32()
				f = float64(n)
			}
		}
		if size == 32 {
			f = float64(float32(f))
		}
		return javaFloat(f, size)
	case to.Kind == types.Decimal && isFloat:
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return "NULL"
		}
		x, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'e', -1, 64))
		return decimalText(x, to)
	case to.Kind == types.Decimal:
		return decimalText(rat(v, from), to)
	case isFloat:
		return fmt.Sprint(toInt(f, to))
	}
	x := rat(v, from)
	n := new(big.Int).Quo(x.Num(), x.Denom())
	return fmt.Sprint(wrapInt(int64(new(big.Int).And(n, new(big.Int).SetUint64(math.MaxUint64)).Uint64()), to))
}

func floatSize(t types.Type) int {
	if t.Kind == types.Float {
		return 32
	}
	return 64
}

// TestCastNumbers holds casts between all numbers, and from them to BOOLEAN and
// text.
func TestCastNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, gen := numericType(t)
		to, _ := numericType(t)
		switch rapid.IntRange(0, 5).Draw(t, "other") {
		case 0:
			to = types.BooleanT
		case 1:
			to = types.StringT
		}
		c := draw(t, []types.Type{from}, []*rapid.Generator[any]{gen})
		try := rapid.Bool().Draw(t, "try")
		n, err := expr.NewCast(c.ref(0), to, try, diag.Span{})
		if err != nil {
			t.Fatal(err)
		}
		c.hold(t, n, func(row []any) string {
			if row[0] == nil {
				return "NULL"
			}
			return castNumber(row[0], from, to)
		})
	})
}

var (
	intText     = regexp.MustCompile(`^[+-]?(\d+(\.\d*)?|\.\d*)$`)
	decimalForm = regexp.MustCompile(`^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$`)
)

// TestCastTexts holds casts of text to exact numbers: blanks around are dropped,
// integers are cut at the point, what is no number or does not fit is an error, or
// NULL with TRY_CAST.
func TestCastTexts(t *testing.T) {
	text := rapid.Custom(func(t *rapid.T) any {
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			return rapid.StringOfN(rapid.RuneFrom([]rune("12.-+ e")), 0, 5, -1).Draw(t, "noise")
		case 1:
			return rapid.SampledFrom([]string{"127", "128", "-128", "-129", "2147483647", "2147483648", "-2147483649", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "99999999999999999999", "1e2", "1.5e1"}).Draw(t, "bound")
		}
		s := fmt.Sprint(rapid.IntRange(-200, 200).Draw(t, "n"))
		if rapid.Bool().Draw(t, "fraction") {
			s += "." + fmt.Sprint(rapid.IntRange(0, 9999).Draw(t, "f"))
		}
		return strings.Repeat(" ", rapid.IntRange(0, 1).Draw(t, "left")) + s + strings.Repeat(" ", rapid.IntRange(0, 1).Draw(t, "right"))
	})
	rapid.Check(t, func(t *rapid.T) {
		to := exactType(t)
		c := draw(t, []types.Type{types.StringT}, []*rapid.Generator[any]{text})
		try := rapid.Bool().Draw(t, "try")
		n, err := expr.NewCast(c.ref(0), to, try, diag.Span{Start: 0, End: 1})
		if err != nil {
			t.Fatal(err)
		}
		bad := "ERROR invalid-cast"
		if try {
			bad = "NULL"
		}
		c.hold(t, n, func(row []any) string {
			if row[0] == nil {
				return "NULL"
			}
			s := strings.TrimSpace(row[0].(string))
			if to.Kind == types.Decimal {
				if !decimalForm.MatchString(s) {
					return bad
				}
				v, _ := new(big.Rat).SetString(s)
				w := decimalText(v, to)
				if w == "NULL" {
					return bad
				}
				return w
			}
			if !intText.MatchString(s) {
				return bad
			}
			v, ok := new(big.Rat).SetString(s)
			if !ok { // a point alone
				v = new(big.Rat)
			}
			x := new(big.Int).Quo(v.Num(), v.Denom())
			if !x.IsInt64() || wrapInt(x.Int64(), to) != x.Int64() {
				return bad
			}
			return x.String()
		})
	})
}

// castMatrix is the table of explicit casts of the specification: a row a source, a
// column a target; Y there is one, - there is none.
const castMatrix = `
           string binary boolean decimal int bigint double date time timestamp ltz ym dt
string     Y      Y      Y       Y       Y   Y      Y      Y    Y    Y         Y   -  -
binary     Y      Y      -       -       -   -      -      -    -    -         -   -  -
boolean    Y      -      Y       Y       Y   Y      Y      -    -    -         -   -  -
decimal    Y      -      Y       Y       Y   Y      Y      -    -    -         -   -  -
int        Y      -      Y       Y       Y   Y      Y      -    -    -         -   Y  -
bigint     Y      -      Y       Y       Y   Y      Y      -    -    -         -   -  Y
double     Y      -      Y       Y       Y   Y      Y      -    -    -         -   -  -
date       Y      -      -       -       -   -      -      Y    -    Y         Y   -  -
time       Y      -      -       -       -   -      -      -    Y    Y         Y   -  -
timestamp  Y      -      -       -       -   -      -      Y    Y    Y         Y   -  -
ltz        Y      -      -       -       -   -      -      Y    Y    Y         Y   -  -
ym         Y      -      -       -       Y   Y      -      -    -    -         -   Y  -
dt         Y      -      -       -       Y   Y      -      -    -    -         -   -  Y
`

// TestCastMatrix holds which casts there are, and that each runs on a NULL.
func TestCastMatrix(t *testing.T) {
	kinds := map[string]types.Type{
		"string": types.StringT, "binary": types.BytesT, "boolean": types.BooleanT, "decimal": types.DecimalT(10, 2), "int": types.IntT, "bigint": types.BigIntT,
		"double": types.DoubleT, "date": types.DateT, "time": types.TimeT, "timestamp": types.TimestampT(3), "ltz": types.TimestampLTZT(3), "ym": types.YearMonthT(), "dt": types.DayTimeT(),
	}
	lines := strings.Split(strings.TrimSpace(castMatrix), "\n")
	head := strings.Fields(lines[0])
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		for i, cell := range cells[1:] {
			from, to := kinds[cells[0]], kinds[head[i]]
			for _, try := range []bool{false, true} {
				n, err := expr.NewCast(expr.NewRef(0, from, diag.Span{}), to, try, diag.Span{Start: 0, End: 1})
				if (err == nil) != (cell == "Y") {
					t.Errorf("%s to %s: error %v, want %s", cells[0], head[i], err, cell)
				}
				if err != nil {
					if diag.CodeOf(err) != diag.InvalidCast {
						t.Errorf("%s to %s: %v", cells[0], head[i], err)
					}
					continue
				}
				if _, err := expr.Eval(expr.Substitute(n, []expr.Node{expr.NewNull(from, diag.Span{})}), nil); err != nil {
					t.Errorf("%s to %s of NULL: %v", cells[0], head[i], err)
				}
			}
		}
	}
}
