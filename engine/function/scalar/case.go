package scalar

import (
	"bytes"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
)

var upperCase = function.Func{
	Name: "UPPER", Category: function.Text,
	Summary:    "The string in upper case.",
	Signatures: []string{"UPPER(string)"},
	Examples:   []function.Example{{SQL: "UPPER('abcäß')", Want: "ABCÄSS"}},
	Infer:      spec{params: []class{text}, derive: sameText, cost: 8, eval: changeCase('a', appendUpper)}.infer,
}

var lowerCase = function.Func{
	Name: "LOWER", Category: function.Text,
	Summary:    "The string in lower case.",
	Signatures: []string{"LOWER(string)"},
	Examples:   []function.Example{{SQL: "LOWER('ABCÄ')", Want: "abcä"}},
	Infer:      spec{params: []class{text}, derive: sameText, cost: 8, eval: changeCase('A', appendLower)}.infer,
}

func appendUpper(dst, s []byte) []byte {
	if i := bytes.Index(s, []byte("ß")); i >= 0 {
		s = bytes.ReplaceAll(s, []byte("ß"), []byte("SS"))
	}
	return append(dst, bytes.ToUpper(s)...)
}

func appendLower(dst, s []byte) []byte { return append(dst, bytes.ToLower(s)...) }

// changeCase makes a kernel that flips the ASCII letters from first on and leaves
// text with other characters to slow. A value in which nothing changes keeps its
// view.
func changeCase(first byte, slow func(dst, s []byte) []byte) function.Kernel {
	var table [256]byte
	for i := range table {
		table[i] = byte(i)
		if c := byte(i); c >= first && c < first+26 {
			table[i] = c ^ 0x20
		}
	}
	return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		kernel.ShareBufs(dst, args[0])
		w := f.Strings(dst)
		s := kernel.StrsOf(args[0])
		for i := range kernel.Lanes(n, live) {
			v := s.View(i)
			if v.Len() <= batch.InlineMax {
				// Bytes behind the value are 0 and stay so.
				a, b := v.A>>32, v.B
				if (a|b)&0x8080808080808080 == 0 {
					v.A ^= caseBits(a, first) << 32
					v.B ^= caseBits(b, first)
					dst.Views[i] = v
					continue
				}
			}
			t := s.At(i)
			change, high := false, byte(0)
			for _, c := range t {
				high |= c
				change = change || c-first < 26
			}
			switch {
			case high >= utf8.RuneSelf:
				w.Buf = slow(w.Buf, t)
				dst.Views[i] = w.End()
			case !change:
				dst.Views[i] = v
			default:
				for _, c := range t {
					w.Buf = append(w.Buf, table[c])
				}
				dst.Views[i] = w.End()
			}
		}
		w.Close()
		return nil
	}
}

// caseBits has bit 5 set of each byte of x, ASCII all, that is one of the 26 letters
// from first on.
func caseBits(x uint64, first byte) uint64 {
	const ones = 0x0101010101010101
	from := x + uint64(0x80-first)*ones     // bit 7: not below first
	above := x + uint64(0x80-first-26)*ones // bit 7: above the last
	return (from &^ above) & (0x80 * ones) >> 2
}

var initcap = function.Func{
	Name: "INITCAP", Category: function.Text,
	Summary:    "Each run of the letters A to Z and digits with its first letter in upper case and the rest in lower case.",
	Signatures: []string{"INITCAP(string)"},
	Examples:   []function.Example{{SQL: "INITCAP('fLinK')", Want: "Flink"}, {SQL: "INITCAP('hello wORLD-x')", Want: "Hello World-X"}},
	Infer: spec{params: []class{text}, derive: sameText, cost: 20, eval: makeText(func(w *batch.Writer, s []byte) {
		inside := false
		for _, c := range s {
			lower, upper := c|0x20 >= 'a' && c|0x20 <= 'z', c >= 'A' && c <= 'Z'
			switch {
			case !lower && (c < '0' || c > '9'):
				inside = false // letters beyond ASCII part words, as in Flink
			case inside:
				if upper {
					c |= 0x20
				}
			default:
				if inside = true; lower {
					c &^= 0x20
				}
			}
			w.Buf = append(w.Buf, c)
		}
	})}.infer,
}
