package scalar

import (
	"bytes"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var replace = function.Func{
	Name: "REPLACE", Category: function.Text,
	Summary:    "The string with every occurrence of a text replaced.",
	Signatures: []string{"REPLACE(string, search, replacement)"},
	Examples:   []function.Example{{SQL: "REPLACE('hello world', 'world', 'flink')", Want: "hello flink"}, {SQL: "REPLACE('ababab', 'abab', 'z')", Want: "zab"}},
	Infer:      spec{params: []class{text, text, text}, result: types.StringT, cost: 20, eval: replaceKernel}.infer,
}

func replaceKernel(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	kernel.ShareBufs(dst, args[0])
	w := f.Strings(dst)
	s, search, with := kernel.StrsOf(args[0]), kernel.StrsOf(args[1]), kernel.StrsOf(args[2])
	for i := range kernel.Lanes(n, live) {
		t, a, b := s.At(i), search.At(i), with.At(i)
		if len(a) == 0 { // stands before each character and at the end
			for len(t) > 0 {
				_, k := utf8.DecodeRune(t)
				w.Buf = append(append(w.Buf, b...), t[:k]...)
				t = t[k:]
			}
			w.Buf = append(w.Buf, b...)
			dst.Views[i] = w.End()
			continue
		}
		at := bytes.Index(t, a)
		if at < 0 {
			dst.Views[i] = s.View(i)
			continue
		}
		for at >= 0 {
			w.Buf = append(append(w.Buf, t[:at]...), b...)
			t = t[at+len(a):]
			at = bytes.Index(t, a)
		}
		w.Buf = append(w.Buf, t...)
		dst.Views[i] = w.End()
	}
	w.Close()
	return nil
}

var repeat = function.Func{
	Name: "REPEAT", Category: function.Text,
	Summary:    "The string a number of times; empty for a negative number.",
	Signatures: []string{"REPEAT(string, integer)"},
	Examples:   []function.Example{{SQL: "REPEAT('ab', 3)", Want: "ababab"}, {SQL: "REPEAT('a', -1)", Want: ""}},
	Infer: spec{params: []class{text, integer}, result: types.StringT, fallible: true, cost: 20, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		w := f.Strings(dst)
		s, times := kernel.StrsOf(args[0]), intsOf(args[1])
		for i := range kernel.Lanes(n, live) {
			t, k := s.At(i), times.at(i)
			if k > 0 && len(t) > 0 && k > int64(maxString/len(t)) {
				return tooLong(i, "REPEAT")
			}
			if len(t) > 0 {
				for range max(k, 0) {
					w.Buf = append(w.Buf, t...)
				}
			}
			dst.Views[i] = w.End()
		}
		w.Close()
		return nil
	}}.infer,
}

var reverse = function.Func{
	Name: "REVERSE", Category: function.Text,
	Summary:    "The characters of the string from the last to the first.",
	Signatures: []string{"REVERSE(string)"},
	Examples:   []function.Example{{SQL: "REVERSE('abcä')", Want: "äcba"}},
	Infer: spec{params: []class{text}, result: types.StringT, nullable: true, cost: 20, eval: makeText(func(w *batch.Writer, s []byte) {
		for len(s) > 0 {
			_, k := utf8.DecodeLastRune(s)
			w.Buf = append(w.Buf, s[len(s)-k:]...)
			s = s[:len(s)-k]
		}
	})}.infer,
}

var overlay = function.Func{
	Name: "OVERLAY", Category: function.Text,
	Summary:    "The string with a part replaced, from a position on.",
	Signatures: []string{"OVERLAY(string PLACING replacement FROM start [FOR length])"},
	Examples: []function.Example{
		{SQL: "OVERLAY('xxxxxtest' PLACING 'xxxx' FROM 6)", Want: "xxxxxxxxx"},
		{SQL: "OVERLAY('xxxxxtest' PLACING 'xxxx' FROM 6 FOR 2)", Want: "xxxxxxxxxst"},
		{SQL: "OVERLAY('123456789' PLACING 'abc' FROM 2 FOR -1)", Want: "1abc"},
		{SQL: "OVERLAY('123' PLACING 'abc' FROM 0)", Want: "123"},
	},
	Infer: spec{params: []class{text, text, integer, integer}, min: 3, derive: sumVarying, cost: 20, eval: overlayKernel}.infer,
}

func overlayKernel(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	w := f.Strings(dst)
	s, with, start := kernel.StrsOf(args[0]), kernel.StrsOf(args[1]), intsOf(args[2])
	for i := range kernel.Lanes(n, live) {
		t, r, at := s.At(i), with.At(i), start.at(i)
		chars := int64(utf8.RuneCount(t))
		if at <= 0 || at > chars {
			w.Buf = append(w.Buf, t...)
			dst.Views[i] = w.End()
			continue
		}
		k := int64(utf8.RuneCount(r))
		if len(args) > 3 {
			v := intsOf(args[3])
			k = v.at(i)
		}
		head := skipRunes(t, int(at-1))
		w.Buf = append(append(w.Buf, t[:head]...), r...)
		if k > 0 && at+k <= chars {
			w.Buf = append(w.Buf, t[skipRunes(t, int(at-1+k)):]...)
		}
		dst.Views[i] = w.End()
	}
	w.Close()
	return nil
}

var translate = function.Func{
	Name: "TRANSLATE", Category: function.Text,
	Summary:    "The string with each character of one set replaced by that at the same place of another; those without partner go.",
	Signatures: []string{"TRANSLATE(string, from, to)"},
	Examples:   []function.Example{{SQL: "TRANSLATE('www.apache.org', 'wapcheorg', ' APCHEcom')", Want: "   .APACHE.com"}, {SQL: "TRANSLATE('abc', 'ac', 'x')", Want: "xb"}, {SQL: "TRANSLATE('abc', CAST(NULL AS STRING), 'x')", Want: "abc"}},
	Infer:      spec{params: []class{text, text, text}, result: types.StringT, loose: true, cost: 40, eval: translateKernel}.infer,
}

// translateKernel leaves a string as it is where the set is NULL; a second set that is
// NULL has no partners.
func translateKernel(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	w := f.Strings(dst)
	var s, from, to [batch.InlineMax]byte
	for i := range kernel.Lanes(n, live) {
		if args[0].IsNull(i) {
			setNull(dst, i, n)
			continue
		}
		w.Buf = appendTranslated(w.Buf, args[0].Bytes(i, &s), bytesOrNone(args[1], i, &from), bytesOrNone(args[2], i, &to))
		dst.Views[i] = w.End()
	}
	w.Close()
	return nil
}

// bytesOrNone is a string, empty where it is NULL.
func bytesOrNone(c *batch.Col, i int, tmp *[batch.InlineMax]byte) []byte {
	if c.IsNull(i) {
		return nil
	}
	return c.Bytes(i, tmp)
}

func appendTranslated(dst, s, from, to []byte) []byte {
	for len(s) > 0 {
		r, k := utf8.DecodeRune(s)
		at := bytes.IndexRune(from, r)
		if at < 0 {
			dst = append(dst, s[:k]...)
		} else {
			t := to[skipRunes(to, utf8.RuneCount(from[:at])):]
			if len(t) > 0 {
				_, n := utf8.DecodeRune(t)
				dst = append(dst, t[:n]...)
			}
		}
		s = s[k:]
	}
	return dst
}
