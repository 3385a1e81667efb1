package scalar

import (
	"errors"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// pattern is the regular expression of a call: compiled when the statement is
// planned if it is a literal, else as it comes, the last one kept.
type pattern struct {
	fixed bool
	last  string
	known bool          // last was compiled
	re    *kernel.Regex // nil for a text that is no regular expression
}

// at is the regular expression of a lane, nil when the text is none. What Java
// takes and mink does not is an error.
func (p *pattern) at(s *kernel.Strs, i int) (*kernel.Regex, error) {
	if p.fixed {
		return p.re, nil
	}
	t := s.At(i)
	if p.known && string(t) == p.last {
		return p.re, nil
	}
	re, err := kernel.CompileRegex(string(t))
	if errors.Is(err, kernel.ErrRegexUnsupported) {
		return nil, batch.FailLane(i, diag.Unsupported, "%s", err)
	}
	p.last, p.re, p.known = string(t), re, true
	return re, nil
}

// inferRegex resolves a call whose argument 1 is a regular expression. strict
// refuses a literal that is none; otherwise it counts as one that is not constant.
func inferRegex(c *function.Call, s spec, strict bool, k func(p *pattern) function.Kernel) (function.Resolved, error) {
	var first pattern
	if t, ok := literal(c, 1); ok {
		re, err := kernel.CompileRegex(t)
		switch {
		case errors.Is(err, kernel.ErrRegexUnsupported):
			return function.Resolved{}, diag.New(diag.Unsupported, "%s yet", err)
		case err != nil && strict:
			return function.Resolved{}, diag.New(diag.InvalidArgument, "invalid regular expression for %s: %s", c.Name, err).
				WithHint("a sign that stands for itself has a backslash before it: '\\(a'")
		}
		first = pattern{fixed: true, re: re}
	}
	s.fallible = s.fallible || !first.fixed
	s.cost = 60
	s.make = func() function.Kernel {
		p := first
		return k(&p)
	}
	r, err := s.infer(c)
	return r, err
}

var regexp = function.Func{
	Name: "REGEXP", Aliases: []string{"REGEXP_LIKE"}, Category: function.Text,
	Summary:    "TRUE if a regular expression matches somewhere in the string.",
	Signatures: []string{"REGEXP(string, regex)"},
	Examples:   []function.Example{{SQL: "REGEXP('foobar', 'o+b')", Want: "TRUE"}, {SQL: "REGEXP('x', '(' || '')", Want: "FALSE"}, {SQL: "REGEXP('x', '' || '')", Want: "FALSE"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		return inferRegex(c, spec{params: []class{text, text}, result: types.BooleanT}, true, func(p *pattern) function.Kernel {
			return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				s, re := kernel.StrsOf(args[0]), kernel.StrsOf(args[1])
				for i := range kernel.Lanes(n, live) {
					r, err := p.at(&re, i)
					if err != nil {
						return err
					}
					if r != nil && re.View(i).Len() > 0 && r.Match(s.At(i)) {
						batch.SetBit(dst.Bits, i)
					}
				}
				return nil
			}
		})
	},
}

var regexpExtract = function.Func{
	Name: "REGEXP_EXTRACT", Category: function.Text,
	Summary:    "The part of the string that a group of a regular expression matched first; NULL if none.",
	Signatures: []string{"REGEXP_EXTRACT(string, regex [, group])"},
	Examples: []function.Example{
		{SQL: "REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)', 2)", Want: "bar"},
		{SQL: "REGEXP_EXTRACT('foothebar', 'o+')", Want: "oo"},
		{SQL: "REGEXP_EXTRACT('abc', 'x')", Want: "NULL"},
		{SQL: "REGEXP_EXTRACT('abc', 'b', 1)", Want: "NULL"},
		{SQL: "REGEXP_EXTRACT('https://a.com/?x=1&channel_id=42&y', '(&|^)channel_id=([^&]*)', 2)", Want: "42"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		s := spec{params: []class{text, text, integer}, min: 2, result: types.StringT, nullable: true}
		return inferRegex(c, s, true, extractKernel)
	},
}

func extractKernel(p *pattern) function.Kernel {
	return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		kernel.ShareBufs(dst, args[0])
		s, re := kernel.StrsOf(args[0]), kernel.StrsOf(args[1])
		group := ints{mask: 0, wide: []int64{0}}
		if len(args) > 2 {
			group = intsOf(args[2])
		}
		if p.fixed && group.mask == 0 {
			extractFixed(p.re, int(group.at(0)), dst, &s, n, live)
			return nil
		}
		for i := range kernel.Lanes(n, live) {
			r, err := p.at(&re, i)
			if err != nil {
				return err
			}
			g := group.at(i)
			if r == nil || g < 0 || g > int64(r.Groups()) {
				setNull(dst, i, n)
				continue
			}
			t := s.At(i)
			from, to, ok := r.Group(t, int(g))
			if !ok || from < 0 {
				setNull(dst, i, n)
				continue
			}
			dst.Views[i] = kernel.SubView(s.View(i), t, from, to)
		}
		return nil
	}
}

// extractFixed takes group g of one pattern.
func extractFixed(r *kernel.Regex, g int, dst *batch.Col, s *kernel.Strs, n int, live []uint64) {
	if r != nil && g >= 0 && g <= r.Groups() {
		r.Extract(dst, s, g, n, live)
		return
	}
	for i := range kernel.Lanes(n, live) {
		setNull(dst, i, n)
	}
}

var regexpReplace = function.Func{
	Name: "REGEXP_REPLACE", Category: function.Text,
	Summary:    "The string with every match of a regular expression replaced by a text, which stands for itself.",
	Signatures: []string{"REGEXP_REPLACE(string, regex, replacement)"},
	Examples: []function.Example{
		{SQL: "REGEXP_REPLACE('foobar', 'oo|ar', '')", Want: "fb"},
		{SQL: "REGEXP_REPLACE('foobar', '(o)', '$1')", Want: "f$1$1bar"},
		{SQL: "REGEXP_REPLACE('a', '(' || '', 'b')", Want: "NULL"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		s := spec{params: []class{text, text, text}, result: types.StringT, nullable: true}
		return inferRegex(c, s, true, func(p *pattern) function.Kernel {
			return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				kernel.ShareBufs(dst, args[0])
				w := f.Strings(dst)
				s, re, with := kernel.StrsOf(args[0]), kernel.StrsOf(args[1]), kernel.StrsOf(args[2])
				for i := range kernel.Lanes(n, live) {
					r, err := p.at(&re, i)
					if err != nil {
						return err
					}
					if r == nil {
						setNull(dst, i, n)
						continue
					}
					t := s.At(i)
					at := 0
					for _, m := range r.Find(t, 0) {
						w.Buf = append(append(w.Buf, t[at:m[0]]...), with.At(i)...)
						at = m[1]
					}
					w.Buf = append(w.Buf, t[at:]...)
					dst.Views[i] = w.End()
				}
				w.Close()
				return nil
			}
		})
	},
}

var regexpExtractAll = function.Func{
	Name: "REGEXP_EXTRACT_ALL", Category: function.Text,
	Summary:    "What a group of a regular expression matched, at all places in the string.",
	Signatures: []string{"REGEXP_EXTRACT_ALL(string, regex [, group])"},
	Examples: []function.Example{
		{SQL: `REGEXP_EXTRACT_ALL('100-200, 300-400', '(\d+)-(\d+)', 2)`, Want: "[200, 400]"},
		{SQL: "REGEXP_EXTRACT_ALL('abc', 'abc')", Want: "NULL"},
		{SQL: "REGEXP_EXTRACT_ALL('abc', 'x', 0)", Want: "[]"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		s := spec{params: []class{text, text, integer}, min: 2, result: types.ArrayT(types.StringT), nullable: true}
		return inferRegex(c, s, false, func(p *pattern) function.Kernel {
			return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				s, re := kernel.StrsOf(args[0]), kernel.StrsOf(args[1])
				group := ints{mask: 0, wide: []int64{1}}
				if len(args) > 2 {
					group = intsOf(args[2])
				}
				l := newTextList(f, dst, 0)
				for i := range n {
					if kernel.Live(live, i) {
						r, err := p.at(&re, i)
						if err != nil {
							return err
						}
						if g := group.at(i); r == nil || g < 0 || g > int64(r.Groups()) {
							dst.SetNull(i, n)
						} else {
							t := s.At(i)
							for _, m := range r.Find(t, int(g)) {
								if m[0] < 0 {
									l.null()
								} else {
									l.add(t[m[0]:m[1]])
								}
							}
						}
					}
					dst.Offs[i+1] = l.count()
				}
				l.close()
				return nil
			}
		})
	},
}

var regexpCount = function.Func{
	Name: "REGEXP_COUNT", Category: function.Text,
	Summary:    "How often a regular expression matches in the string; NULL if it is none.",
	Signatures: []string{"REGEXP_COUNT(string, regex)"},
	Examples:   []function.Example{{SQL: "REGEXP_COUNT('abcabcx', 'b.')", Want: "2"}, {SQL: "REGEXP_COUNT('abc', '(')", Want: "NULL"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		return inferRegex(c, spec{params: []class{text, text}, result: types.IntT, nullable: true}, false, func(p *pattern) function.Kernel {
			return matchInts(p, func(r *kernel.Regex, s []byte) int { return len(r.Find(s, 0)) })
		})
	},
}

var regexpInstr = function.Func{
	Name: "REGEXP_INSTR", Category: function.Text,
	Summary:    "Where a regular expression first matches in the string, from 1; 0 if it does not.",
	Signatures: []string{"REGEXP_INSTR(string, regex)"},
	Examples:   []function.Example{{SQL: "REGEXP_INSTR('äbc', 'c')", Want: "3"}, {SQL: "REGEXP_INSTR('abc', 'x')", Want: "0"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		return inferRegex(c, spec{params: []class{text, text}, result: types.IntT, nullable: true}, false, func(p *pattern) function.Kernel {
			return matchInts(p, func(r *kernel.Regex, s []byte) int {
				from, _, ok := r.Group(s, 0)
				if !ok {
					return 0
				}
				return utf8.RuneCount(s[:from]) + 1
			})
		})
	},
}

// matchInts gives a number for each string; NULL where the pattern is none.
func matchInts(p *pattern, count func(r *kernel.Regex, s []byte) int) function.Kernel {
	return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		s, re := kernel.StrsOf(args[0]), kernel.StrsOf(args[1])
		for i := range kernel.Lanes(n, live) {
			r, err := p.at(&re, i)
			if err != nil {
				return err
			}
			if r == nil {
				setNull(dst, i, n)
				continue
			}
			dst.I32[i] = int32(count(r, s.At(i)))
		}
		return nil
	}
}

var regexpSubstr = function.Func{
	Name: "REGEXP_SUBSTR", Category: function.Text,
	Summary:    "The first match of a regular expression in the string; NULL if none.",
	Signatures: []string{"REGEXP_SUBSTR(string, regex)"},
	Examples:   []function.Example{{SQL: "REGEXP_SUBSTR('foobar', 'o+b')", Want: "oob"}, {SQL: "REGEXP_SUBSTR('abc', 'x')", Want: "NULL"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		return inferRegex(c, spec{params: []class{text, text}, result: types.StringT, nullable: true}, false, extractKernel)
	},
}
