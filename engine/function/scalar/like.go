package scalar

import (
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var like = function.Func{
	Name: "LIKE", Category: function.Comparison,
	Summary:    "TRUE if the string matches a pattern in which % is any text and _ one character.",
	Signatures: []string{"string LIKE pattern [ESCAPE character]"},
	Examples: []function.Example{
		{SQL: "'TEST' LIKE '%E_T'", Want: "TRUE"},
		{SQL: `'TE_ST' LIKE '%E\_S%'`, Want: "FALSE"},
		{SQL: "'TE-ST' LIKE '%E#_S%' ESCAPE '#'", Want: "FALSE"},
		{SQL: "'TE_ST' LIKE '%E#_S%' ESCAPE '#'", Want: "TRUE"},
	},
	Infer: inferLike(false),
}

var notLike = function.Func{
	Name: "NOT LIKE", Category: function.Comparison,
	Summary:    "TRUE if the string does not match the pattern.",
	Signatures: []string{"string NOT LIKE pattern [ESCAPE character]"},
	Examples:   []function.Example{{SQL: "'TEST' NOT LIKE '%X%'", Want: "TRUE"}},
	Infer:      inferLike(true),
}

var similar = function.Func{
	Name: "SIMILAR TO", Category: function.Comparison,
	Summary:    "TRUE if the whole string matches an SQL regular expression.",
	Signatures: []string{"string SIMILAR TO pattern [ESCAPE character]"},
	Examples: []function.Example{
		{SQL: "'abcd' SIMILAR TO 'a(b|c)%'", Want: "TRUE"},
		{SQL: "'abc' SIMILAR TO '[a-c]{2}'", Want: "FALSE"},
		{SQL: "'a_c' SIMILAR TO 'a#_c' ESCAPE '#'", Want: "TRUE"},
	},
	Infer: inferSimilar(false),
}

var notSimilar = function.Func{
	Name: "NOT SIMILAR TO", Category: function.Comparison,
	Summary:    "TRUE if the string does not match an SQL regular expression.",
	Signatures: []string{"string NOT SIMILAR TO pattern [ESCAPE character]"},
	Examples:   []function.Example{{SQL: "'abc' NOT SIMILAR TO 'a%'", Want: "FALSE"}},
	Infer:      inferSimilar(true),
}

// escapeOf is the escape character of argument 2, 0 when there is none.
func escapeOf(c *function.Call) (rune, error) {
	if len(c.Args) < 3 {
		return 0, nil
	}
	s, ok := literal(c, 2)
	r, k := utf8.DecodeRuneInString(s)
	if !ok || k == 0 || k != len(s) {
		return 0, diag.New(diag.InvalidArgument, "ESCAPE needs one character")
	}
	return r, nil
}

func inferLike(negated bool) func(c *function.Call) (function.Resolved, error) {
	return func(c *function.Call) (function.Resolved, error) {
		s := spec{params: []class{text, text, text}, min: 2, result: types.BooleanT, cost: 6}
		escape, err := escapeOf(c)
		if err != nil {
			return function.Resolved{}, err
		}
		if p, ok := literal(c, 1); ok {
			l, err := kernel.CompileLike([]byte(p), escape)
			if err != nil {
				return function.Resolved{}, diag.New(diag.InvalidArgument, "%s", err)
			}
			s.eval = func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				l.MatchCol(dst.Bits, args[0], n, live)
				if negated {
					kernel.Invert(dst.Bits, dst.Bits)
				}
				return nil
			}
			return s.infer(c)
		}
		s.cost, s.fallible = 40, true
		s.make = func() function.Kernel { return likeColumn(escape, negated) }
		return s.infer(c)
	}
}

// likeColumn matches against patterns from a column; the last one stays compiled.
func likeColumn(escape rune, negated bool) function.Kernel {
	var last string
	var compiled *kernel.Like
	return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		s, p := kernel.StrsOf(args[0]), kernel.StrsOf(args[1])
		for i := range kernel.Lanes(n, live) {
			if t := p.At(i); compiled == nil || string(t) != last {
				l, err := kernel.CompileLike(append([]byte(nil), t...), escape)
				if err != nil {
					return fail(i, "%s", err)
				}
				last, compiled = string(t), l
			}
			if compiled.Match(s.At(i)) != negated {
				batch.SetBit(dst.Bits, i)
			}
		}
		return nil
	}
}

func inferSimilar(negated bool) func(c *function.Call) (function.Resolved, error) {
	return func(c *function.Call) (function.Resolved, error) {
		escape, err := escapeOf(c)
		if err != nil {
			return function.Resolved{}, err
		}
		p, constant := literal(c, 1)
		var fixed *kernel.Regex
		if constant {
			if fixed, err = kernel.CompileSimilar(p, escape); err != nil {
				return function.Resolved{}, diag.New(diag.InvalidArgument, "%s", err)
			}
		}
		return spec{params: []class{text, text, text}, min: 2, result: types.BooleanT, cost: 100, fallible: !constant, make: func() function.Kernel {
			re, last := fixed, ""
			return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				s, p := kernel.StrsOf(args[0]), kernel.StrsOf(args[1])
				for i := range kernel.Lanes(n, live) {
					if t := p.At(i); !constant && (re == nil || string(t) != last) {
						last = string(t)
						if re, err = kernel.CompileSimilar(last, escape); err != nil {
							return fail(i, "%s", err)
						}
					}
					if re.Match(s.At(i)) != negated {
						batch.SetBit(dst.Bits, i)
					}
				}
				return nil
			}
		}}.infer(c)
	}
}
