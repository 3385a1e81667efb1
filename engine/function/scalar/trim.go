package scalar

import (
	"bytes"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var trim = function.Func{
	Name: "TRIM", Category: function.Text,
	Summary:    "The string without characters of a set at its ends; blanks when no set is given.",
	Signatures: []string{"TRIM([BOTH|LEADING|TRAILING] [characters FROM] string)"},
	Examples: []function.Example{
		{SQL: "TRIM('  a b ')", Want: "a b"},
		{SQL: "TRIM(BOTH 'abc' FROM 'abcddcba')", Want: "dd"},
		{SQL: "TRIM(LEADING 'x' FROM 'xxaxx')", Want: "axx"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		// The first argument is the word for the ends, the second the set if there
		// is one.
		if err := count(c, 2, 3, false); err != nil {
			return function.Resolved{}, err
		}
		where, ok := literal(c, 0)
		if !ok {
			return function.Resolved{}, diag.New(diag.InvalidArgument, "TRIM needs BOTH, LEADING or TRAILING as a word")
		}
		inner := function.Call{Name: c.Name, Args: []function.Arg{c.Args[len(c.Args)-1]}}
		if len(c.Args) == 3 {
			inner.Args = append(inner.Args, c.Args[1])
		}
		r, err := inferTrim(where != "TRAILING", where != "LEADING")(&inner)
		if err != nil {
			return r, err
		}
		eval, last := r.Eval, len(c.Args)-1
		r.Params = append(r.Params[:1:1], r.Params...)
		r.Params[0] = c.Args[0].Type
		if last == 2 {
			r.Params[1], r.Params[2] = r.Params[2], r.Params[1]
		}
		r.Make = func() function.Kernel {
			inner := make([]*batch.Col, last)
			return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				for i := range inner {
					inner[i] = args[last-i]
				}
				return eval(f, dst, inner, n, live)
			}
		}
		return r, nil
	},
}

var btrim = function.Func{
	Name: "BTRIM", Category: function.Text,
	Summary:    "The string without characters of a set at both ends; blanks when no set is given.",
	Signatures: []string{"BTRIM(string [, characters])"},
	Examples:   []function.Example{{SQL: "BTRIM('  a ')", Want: "a"}, {SQL: "BTRIM('xyaxy', 'yx')", Want: "a"}},
	Infer:      inferTrim(true, true),
}

var ltrim = function.Func{
	Name: "LTRIM", Category: function.Text,
	Summary:    "The string without characters of a set at its start; blanks when no set is given.",
	Signatures: []string{"LTRIM(string [, characters])"},
	Examples:   []function.Example{{SQL: "LTRIM('  a ') || '.'", Want: "a ."}, {SQL: "LTRIM('xya', 'yx')", Want: "a"}},
	Infer:      inferTrim(true, false),
}

var rtrim = function.Func{
	Name: "RTRIM", Category: function.Text,
	Summary:    "The string without characters of a set at its end; blanks when no set is given.",
	Signatures: []string{"RTRIM(string [, characters])"},
	Examples:   []function.Example{{SQL: "RTRIM(' a  ')", Want: " a"}, {SQL: "RTRIM('axy', 'yx')", Want: "a"}},
	Infer:      inferTrim(false, true),
}

func inferTrim(start, end bool) func(*function.Call) (function.Resolved, error) {
	blank := batch.ConstBytes(types.StringT, []byte{' '})
	return spec{params: []class{text, text}, min: 1, derive: varyingText, cost: 6, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		kernel.ShareBufs(dst, args[0])
		s, set := kernel.StrsOf(args[0]), kernel.StrsOf(&blank)
		if len(args) > 1 {
			set = kernel.StrsOf(args[1])
		}
		for i := range kernel.Lanes(n, live) {
			t, c := s.At(i), set.At(i)
			a, b := 0, len(t)
			if start {
				a = trimStart(t, c)
			}
			if end {
				b = trimEnd(t, c, a)
			}
			dst.Views[i] = kernel.SubView(s.View(i), t, a, b)
		}
		return nil
	}}.infer
}

// trimStart is where t begins without characters of set.
func trimStart(t, set []byte) int {
	a := 0
	for a < len(t) {
		_, k := utf8.DecodeRune(t[a:])
		if !bytes.Contains(set, t[a:a+k]) {
			break
		}
		a += k
	}
	return a
}

// trimEnd is where t, which begins at a, ends without characters of set.
func trimEnd(t, set []byte, a int) int {
	b := len(t)
	for b > a {
		_, k := utf8.DecodeLastRune(t[a:b])
		if !bytes.Contains(set, t[b-k:b]) {
			break
		}
		b -= k
	}
	return b
}
