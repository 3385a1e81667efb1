package scalar

import (
	"unicode/utf16"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var lpad = function.Func{
	Name: "LPAD", Category: function.Text,
	Summary:    "The string filled on the left to a length, or cut to it; NULL for a negative length or an empty filler.",
	Signatures: []string{"LPAD(string, length, pad)"},
	Examples: []function.Example{
		{SQL: "LPAD('hi', 4, '??')", Want: "??hi"}, {SQL: "LPAD('hi', 1, '??')", Want: "h"},
		{SQL: "LPAD('ab', 5, '')", Want: "NULL"}, {SQL: "LPAD('ab', 0, 'x')", Want: ""}, {SQL: "LPAD('ab', -1, 'x')", Want: "NULL"},
	},
	Infer: spec{params: []class{text, integer, text}, result: types.StringT, nullable: true, fallible: true, cost: 20, eval: pad(true)}.infer,
}

var rpad = function.Func{
	Name: "RPAD", Category: function.Text,
	Summary:    "The string filled on the right to a length, or cut to it; NULL for a negative length or an empty filler.",
	Signatures: []string{"RPAD(string, length, pad)"},
	Examples:   []function.Example{{SQL: "RPAD('hi', 5, '?')", Want: "hi???"}, {SQL: "RPAD('hi', 1, '??')", Want: "h"}},
	Infer:      spec{params: []class{text, integer, text}, result: types.StringT, nullable: true, fallible: true, cost: 20, eval: pad(false)}.infer,
}

// maxString is the longest string that a function makes, in bytes.
const maxString = 64 << 20

// tooLong is the error of a string beyond maxString.
func tooLong(lane int, name string) error {
	return batch.FailLane(lane, diag.LimitExceeded, "%s would make a string of more than %d bytes", name, maxString)
}

func pad(leading bool) function.Kernel {
	return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		w := f.Strings(dst)
		s, length, filler := kernel.StrsOf(args[0]), intsOf(args[1]), kernel.StrsOf(args[2])
		for i := range kernel.Lanes(n, live) {
			t, k, p := s.At(i), length.at(i), filler.At(i)
			if k < 0 || len(p) == 0 {
				setNull(dst, i, n)
				continue
			}
			if k > maxString/4 {
				return tooLong(i, "LPAD or RPAD")
			}
			w.Buf = appendPad(w.Buf, t, int(k), p, leading)
			dst.Views[i] = w.End()
		}
		w.Close()
		return nil
	}
}

// appendPad counts in UTF-16 units, as Java's strings do.
func appendPad(dst, t []byte, k int, p []byte, leading bool) []byte {
	if isASCII(t) && isASCII(p) {
		fill := max(k-len(t), 0)
		t = t[:min(len(t), k)]
		if !leading {
			dst = append(dst, t...)
		}
		for i := range fill {
			dst = append(dst, p[i%len(p)])
		}
		if leading {
			dst = append(dst, t...)
		}
		return dst
	}
	tu, pu := utf16.Encode([]rune(string(t))), utf16.Encode([]rune(string(p)))
	fill := make([]uint16, max(k-len(tu), 0))
	for i := range fill {
		fill[i] = pu[i%len(pu)]
	}
	tu = tu[:min(len(tu), k)]
	if leading {
		tu = append(fill, tu...)
	} else {
		tu = append(tu, fill...)
	}
	for _, r := range utf16.Decode(tu) {
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

func isASCII(s []byte) bool {
	for _, c := range s {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
