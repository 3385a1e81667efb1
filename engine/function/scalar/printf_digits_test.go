package scalar

import (
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// TestPrintfDigits compares rounding by digits with exact fractions.
func TestPrintfDigits(t *testing.T) {
	r := mathrand.New(mathrand.NewPCG(1, 2))
	texts := []string{"0", "0.0", "0.00", "9.995", "99.5", "0.05", "0.5", "0.4999", "0.0095", "999999.5", "1.0E10", "9.5E-7", "1E300", "5E-320", "123456789012345678901234567890.5"}
	for range 20_000 {
		x := strconv.FormatInt(r.Int64N(1_000_000_000), 10)
		k := r.IntN(len(x) + 1)
		text := "0" + x[:k] + "." + x[k:] + "0"
		if r.IntN(3) == 0 {
			text += fmt.Sprintf("E%d", r.IntN(40)-20)
		}
		texts = append(texts, text)
	}
	for _, text := range texts {
		x, ok := digitsOf([]byte(text))
		exact, ok2 := new(big.Rat).SetString(text)
		if !ok || !ok2 {
			t.Fatalf("%q is no number", text)
		}
		prec := r.IntN(8)
		if got, want := string(x.plain(prec)), exact.FloatString(prec); got != want {
			t.Fatalf("%q with %d digits is %s, want %s", text, prec, got, want)
		}
		// Of the scientific form: the number of digits, and that it is the number
		// rounded to them.
		got := string(x.scientific(prec))
		mantissa, exp, _ := strings.Cut(got, "e")
		if len(strings.Replace(mantissa, ".", "", 1)) != prec+1 || len(exp) < 3 || mantissa[0] == '0' && exact.Sign() != 0 {
			t.Fatalf("%q with %d digits is %s", text, prec, got)
		}
		e, err := strconv.Atoi(exp)
		if err != nil {
			t.Fatal(err)
		}
		unit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(prec-e, e-prec))), nil))
		if e <= prec {
			unit.Inv(unit)
		}
		units := new(big.Rat).Quo(exact, unit).FloatString(0)
		back, _ := new(big.Rat).SetString(got)
		if back.Cmp(new(big.Rat).Mul(must(new(big.Rat).SetString(units)), unit)) != 0 {
			t.Fatalf("%q with %d digits is %s", text, prec, got)
		}
	}
}

func must(x *big.Rat, _ bool) *big.Rat { return x }
