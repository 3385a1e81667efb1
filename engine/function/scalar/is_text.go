package scalar

import (
	"unicode"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// isFunc makes a test of strings that is FALSE for NULL.
func isFunc(name, summary string, f func(s []byte) bool, examples ...function.Example) function.Func {
	test := testText(f)
	return function.Func{
		Name: name, Category: function.Conditional, Summary: summary, Signatures: []string{name + "(string)"}, Examples: examples,
		Infer: spec{params: []class{anything}, result: types.BooleanT.Nullable(false), loose: true, cost: 10, eval: func(fr *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			c := args[0]
			if c.Type.IsNumeric() || c.Type.Kind == types.Boolean {
				return isValue(dst, c, n, name != "IS_ALPHA")
			}
			if !c.Type.IsString() {
				return nil
			}
			if c.Nulls == nil {
				return test(fr, dst, args, n, live)
			}
			s := kernel.StrsOf(c)
			for i := range kernel.Lanes(n, live) {
				if !c.IsNull(i) && f(s.At(i)) {
					batch.SetBit(dst.Bits, i)
				}
			}
			return nil
		}}.infer,
	}
}

// isValue answers for values that are no text.
func isValue(dst, c *batch.Col, n int, number bool) error {
	if !number || !c.Type.IsNumeric() {
		return nil
	}
	for i := range n {
		if !c.IsNull(i) {
			batch.SetBit(dst.Bits, i)
		}
	}
	return nil
}

// allRunes reports whether s is not empty and f holds for each character.
func allRunes(s []byte, f func(rune) bool) bool {
	if len(s) == 0 {
		return false
	}
	for len(s) > 0 {
		r, k := utf8.DecodeRune(s)
		if !f(r) {
			return false
		}
		s = s[k:]
	}
	return true
}

var (
	isAlpha = isFunc("IS_ALPHA", "TRUE if all characters are letters.", func(s []byte) bool { return allRunes(s, unicode.IsLetter) },
		function.Example{SQL: "IS_ALPHA('abc')", Want: "TRUE"}, function.Example{SQL: "IS_ALPHA('ab1')", Want: "FALSE"}, function.Example{SQL: "IS_ALPHA(CAST(NULL AS STRING))", Want: "FALSE"})
	isDecimal = isFunc("IS_DECIMAL", "TRUE if the string is a number.", func(s []byte) bool {
		_, ok := kernel.ParseFloat(s, 64)
		return ok
	}, function.Example{SQL: "IS_DECIMAL('1.5')", Want: "TRUE"}, function.Example{SQL: "IS_DECIMAL('x')", Want: "FALSE"})
	isDigit = isFunc("IS_DIGIT", "TRUE if all characters are digits.", func(s []byte) bool { return allRunes(s, unicode.IsDigit) },
		function.Example{SQL: "IS_DIGIT('123')", Want: "TRUE"}, function.Example{SQL: "IS_DIGIT('1.5')", Want: "FALSE"})
)

var typeOf = function.Func{
	Name: "TYPEOF", Category: function.Conversion,
	Summary:    "The type of the expression.",
	Signatures: []string{"TYPEOF(x)", "TYPEOF(x, force_serializable)"},
	Examples:   []function.Example{{SQL: "TYPEOF(1)", Want: "INT NOT NULL"}, {SQL: "TYPEOF(NULL)", Want: "NULL"}, {SQL: "TYPEOF(CAST(NULL AS STRING))", Want: "STRING"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		if err := count(c, 1, 2, false); err != nil {
			return function.Resolved{}, err
		}
		s := []byte(c.Args[0].Type.Plain().String())
		r := function.Resolved{Result: types.StringT.Nullable(false), Eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			w := f.Strings(dst)
			w.Buf = append(w.Buf, s...)
			v := w.End()
			w.Close()
			for i := range n {
				dst.Views[i] = v
			}
			return nil
		}}
		for _, a := range c.Args {
			r.Params = append(r.Params, a.Type)
		}
		return r, nil
	},
}
