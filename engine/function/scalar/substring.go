package scalar

import (
	"math"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
)

var substring = function.Func{
	Name: "SUBSTRING", Aliases: []string{"SUBSTR"}, Category: function.Text,
	Summary:    "Part of a string from a position on, counted from 1, or from the end when negative.",
	Signatures: []string{"SUBSTRING(string FROM start [FOR length])", "SUBSTRING(string, start [, length])"},
	Examples: []function.Example{
		{SQL: "SUBSTRING('Hello' FROM 2 FOR 3)", Want: "ell"},
		{SQL: "SUBSTRING('Hello' FROM -3)", Want: "llo"},
		{SQL: "SUBSTRING('Hello', 0, 2)", Want: "He"},
		{SQL: "SUBSTRING('Hello', -9)", Want: ""},
		{SQL: "SUBSTRING('Hello', 1, -1)", Want: "NULL"},
		{SQL: "SUBSTR('Hällo', 2, 1)", Want: "ä"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		return spec{params: []class{text, integer, integer}, min: 2, derive: varyingText, nullable: true, cost: 8, eval: substringKernel}.infer(c)
	},
}

// skipRunes is the length in bytes of the first n code points of s.
func skipRunes(s []byte, n int) int {
	if k := min(n, len(s)); kernel.ASCII(s[:k]) {
		return k
	}
	i := 0
	for ; n > 0 && i < len(s); n-- {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, k := utf8.DecodeRune(s[i:])
		i += k
	}
	return i
}

func substringKernel(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	kernel.ShareBufs(dst, args[0])
	s, start := kernel.StrsOf(args[0]), intsOf(args[1])
	length := ints{mask: 0, wide: []int64{math.MaxInt32}}
	if len(args) > 2 {
		length = intsOf(args[2])
	}
	if start.mask == 0 && length.mask == 0 && start.at(0) > 0 && length.at(0) >= 0 {
		from, k := min(start.at(0)-1, math.MaxInt32), min(length.at(0), math.MaxInt32)
		substringFixed(dst, &s, int(from), int(from+k), n, live)
		return nil
	}
	for i := range kernel.Lanes(n, live) {
		k := length.at(i)
		if k < 0 {
			setNull(dst, i, n)
			continue
		}
		t := s.At(i)
		from := start.at(i)
		switch {
		case from > 0:
			from--
		case from < 0:
			if from += int64(utf8.RuneCount(t)); from < 0 {
				dst.Views[i] = batch.View{}
				continue
			}
		}
		a := skipRunes(t, int(min(from, math.MaxInt32)))
		b := a + skipRunes(t[a:], int(min(k, math.MaxInt32)))
		dst.Views[i] = kernel.SubView(s.View(i), t, a, b)
	}
	return nil
}

// substringFixed takes the code points from..to of each string.
func substringFixed(dst *batch.Col, s *kernel.Strs, from, to, n int, live []uint64) {
	for i := range kernel.Lanes(n, live) {
		t := s.At(i)
		a, b := min(from, len(t)), min(to, len(t))
		if !kernel.ASCII(t[:b]) {
			a = skipRunes(t, from)
			b = a + skipRunes(t[a:], to-from)
		}
		dst.Views[i] = kernel.SubView(s.View(i), t, a, b)
	}
}

var left = function.Func{
	Name: "LEFT", Category: function.Text,
	Summary:    "The first characters of a string; empty for a negative number.",
	Signatures: []string{"LEFT(string, integer)"},
	Examples:   []function.Example{{SQL: "LEFT('Hello', 2)", Want: "He"}, {SQL: "LEFT('Hello', -1)", Want: ""}},
	Infer: spec{params: []class{text, integer}, derive: varyingText, nullable: true, cost: 6, eval: parts(func(s []byte, n int64) (int, int) {
		return 0, skipRunes(s, int(max(min(n, math.MaxInt32), 0)))
	})}.infer,
}

var right = function.Func{
	Name: "RIGHT", Category: function.Text,
	Summary:    "The last characters of a string; empty for a negative number.",
	Signatures: []string{"RIGHT(string, integer)"},
	Examples:   []function.Example{{SQL: "RIGHT('Hello', 2)", Want: "lo"}, {SQL: "RIGHT('Hello', 9)", Want: "Hello"}, {SQL: "RIGHT('Hello', -1)", Want: ""}},
	Infer: spec{params: []class{text, integer}, derive: varyingText, nullable: true, cost: 6, eval: parts(func(s []byte, n int64) (int, int) {
		at := len(s)
		for ; n > 0 && at > 0; n-- {
			_, k := utf8.DecodeLastRune(s[:at])
			at -= k
		}
		return at, len(s)
	})}.infer,
}

// parts is a kernel that takes a part of each string, chosen by a number.
func parts(f func(s []byte, n int64) (from, to int)) function.Kernel {
	return func(fr *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		kernel.ShareBufs(dst, args[0])
		s, k := kernel.StrsOf(args[0]), intsOf(args[1])
		for i := range kernel.Lanes(n, live) {
			t := s.At(i)
			a, b := f(t, k.at(i))
			dst.Views[i] = kernel.SubView(s.View(i), t, a, b)
		}
		return nil
	}
}
