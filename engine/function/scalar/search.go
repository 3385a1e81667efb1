package scalar

import (
	"bytes"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var position = function.Func{
	Name: "POSITION", Category: function.Text,
	Summary:    "Where a text first occurs in a string, from 1; 0 if it does not.",
	Signatures: []string{"POSITION(text IN string)"},
	Examples:   []function.Example{{SQL: "POSITION('test' IN 'xxxtest')", Want: "4"}, {SQL: "POSITION('testx' IN 'xxxtest')", Want: "0"}},
	Infer:      spec{params: []class{text, text}, result: types.IntT, cost: 15, eval: locateKernel}.infer,
}

var locate = function.Func{
	Name: "LOCATE", Category: function.Text,
	Summary:    "Where a text first occurs in a string from a position on, from 1; 0 if it does not.",
	Signatures: []string{"LOCATE(text, string [, from])"},
	Examples:   []function.Example{{SQL: "LOCATE('aa', 'aaads', 2)", Want: "2"}, {SQL: "LOCATE('x', 'abc')", Want: "0"}},
	Infer:      spec{params: []class{text, text, integer}, min: 2, result: types.IntT, cost: 15, eval: locateKernel}.infer,
}

func locateKernel(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	search, s := kernel.StrsOf(args[0]), kernel.StrsOf(args[1])
	for i := range kernel.Lanes(n, live) {
		t, head := s.At(i), 0
		if len(search.At(i)) == 0 { // is in front of everything, wherever the search begins
			dst.I32[i] = 1
			continue
		}
		if len(args) > 2 {
			from := intsOf(args[2])
			k := from.at(i)
			if k < 1 || k > int64(utf8.RuneCount(t))+1 {
				dst.I32[i] = 0
				continue
			}
			head = skipRunes(t, int(k-1))
		}
		at := bytes.Index(t[head:], search.At(i))
		if at >= 0 {
			at = utf8.RuneCount(t[:head+at])
		}
		dst.I32[i] = int32(at + 1)
	}
	return nil
}

var instr = function.Func{
	Name: "INSTR", Category: function.Text,
	Summary:    "Where a text occurs in a string for the nth time, from a position on; backwards from the end when that is negative.",
	Signatures: []string{"INSTR(string, text [, from [, nth]])"},
	Examples: []function.Example{
		{SQL: "INSTR('Corporate Floor', 'or', 3, 2)", Want: "14"},
		{SQL: "INSTR('Corporate Floor', 'or', -3, 2)", Want: "2"},
		{SQL: "INSTR('hello', 'l')", Want: "3"}, {SQL: "INSTR('hello', 'l', 0)", Want: "0"},
	},
	Infer: spec{params: []class{text, text, integer, integer}, min: 2, result: types.IntT, fallible: true, cost: 20, eval: instrKernel}.infer,
}

func instrKernel(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	s, search := kernel.StrsOf(args[0]), kernel.StrsOf(args[1])
	one := ints{mask: 0, wide: []int64{1}}
	from, nth := one, one
	if len(args) > 2 {
		from = intsOf(args[2])
	}
	if len(args) > 3 {
		nth = intsOf(args[3])
	}
	for i := range kernel.Lanes(n, live) {
		if nth.at(i) <= 0 {
			return fail(i, "the occurrence of INSTR must be above 0, not %d", nth.at(i))
		}
		dst.I32[i] = int32(occurrence(s.At(i), search.At(i), from.at(i), nth.at(i)))
	}
	return nil
}

// occurrence is the position of the nth occurrence; those may overlap.
func occurrence(s, t []byte, from, nth int64) int {
	chars := int64(utf8.RuneCount(s))
	switch {
	case len(s) == 0 && len(t) == 0 && from == 1 && nth == 1:
		return 1
	case from == 0 || from > chars || -from > chars:
		return 0
	case from > 0:
		for at := skipRunes(s, int(from-1)); ; {
			k := bytes.Index(s[at:], t)
			if k < 0 {
				return 0
			}
			at += k
			if nth--; nth == 0 {
				return utf8.RuneCount(s[:at]) + 1
			}
			at += skipRunes(s[at:], 1)
			if at >= len(s) {
				return 0
			}
		}
	}
	for at := skipRunes(s, int(chars+from)); ; {
		if bytes.HasPrefix(s[at:], t) {
			if nth--; nth == 0 {
				return utf8.RuneCount(s[:at]) + 1
			}
		}
		if at == 0 {
			return 0
		}
		_, k := utf8.DecodeLastRune(s[:at])
		at -= k
	}
}

var startsWith = function.Func{
	Name: "STARTSWITH", Category: function.Text,
	Summary:    "TRUE if a string or binary value begins with another; any begins with an empty one.",
	Signatures: []string{"STARTSWITH(value, prefix)"},
	Examples:   []function.Example{{SQL: "STARTSWITH('hello', 'he')", Want: "TRUE"}, {SQL: "STARTSWITH('hello', '')", Want: "TRUE"}},
	Infer:      spec{params: []class{textOrBin, textOrBin}, result: types.BooleanT, cost: 4, eval: test2(bytes.HasPrefix)}.infer,
}

var endsWith = function.Func{
	Name: "ENDSWITH", Category: function.Text,
	Summary:    "TRUE if a string or binary value ends with another; any ends with an empty one.",
	Signatures: []string{"ENDSWITH(value, suffix)"},
	Examples:   []function.Example{{SQL: "ENDSWITH('hello', 'lo')", Want: "TRUE"}, {SQL: "ENDSWITH('hello', 'x')", Want: "FALSE"}},
	Infer:      spec{params: []class{textOrBin, textOrBin}, result: types.BooleanT, cost: 4, eval: test2(bytes.HasSuffix)}.infer,
}

func test2(f func(s, t []byte) bool) function.Kernel {
	return func(fr *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		s, t := kernel.StrsOf(args[0]), kernel.StrsOf(args[1])
		for i := range kernel.Lanes(n, live) {
			if f(s.At(i), t.At(i)) {
				batch.SetBit(dst.Bits, i)
			}
		}
		return nil
	}
}
