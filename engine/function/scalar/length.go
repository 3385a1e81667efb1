package scalar

import (
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var charLength = function.Func{
	Name: "CHAR_LENGTH", Aliases: []string{"CHARACTER_LENGTH"}, Category: function.Text,
	Summary:    "Number of code points of a string.",
	Signatures: []string{"CHAR_LENGTH(string)"},
	Examples:   []function.Example{{SQL: "CHAR_LENGTH('Hällo')", Want: "5"}, {SQL: "CHARACTER_LENGTH('')", Want: "0"}},
	Infer:      spec{params: []class{text}, result: types.IntT, cost: 4, eval: countText(utf8.RuneCount)}.infer,
}

var octetLength = function.Func{
	Name: "OCTET_LENGTH", Category: function.Text,
	Summary:    "Number of bytes of a string or binary value.",
	Signatures: []string{"OCTET_LENGTH(string)"},
	Examples:   []function.Example{{SQL: "OCTET_LENGTH('Hällo')", Want: "6"}},
	Infer: spec{params: []class{textOrBin}, result: types.IntT, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		kernel.Map1(dst.I32, args[0].Views[:n], func(v batch.View) int32 { return int32(v.Len()) })
		return nil
	}}.infer,
}

var ascii = function.Func{
	Name: "ASCII", Category: function.Text,
	Summary:    "Code of the first character; 0 of an empty string.",
	Signatures: []string{"ASCII(string)"},
	Examples:   []function.Example{{SQL: "ASCII('abc')", Want: "97"}, {SQL: "ASCII('')", Want: "0"}},
	Infer: spec{params: []class{text}, result: types.IntT, cost: 3, eval: countText(func(s []byte) int {
		if len(s) == 0 {
			return 0
		}
		return int(int8(s[0]))
	})}.infer,
}

var chr = function.Func{
	Name: "CHR", Category: function.Text,
	Summary:    "Character of the low byte of a code; empty for negative codes.",
	Signatures: []string{"CHR(integer)"},
	Examples:   []function.Example{{SQL: "CHR(97)", Want: "a"}, {SQL: "CHR(300)", Want: ","}, {SQL: "CHR(-9)", Want: ""}, {SQL: "HEX(CHR(149))", Want: "C295"}},
	Infer: spec{params: []class{integer}, result: types.StringT, nullable: true, cost: 5, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		v := intsOf(args[0])
		var b [4]byte
		for i := range kernel.Lanes(n, live) {
			k := v.at(i)
			if k < 0 {
				continue
			}
			dst.Views[i] = batch.MakeInline(b[:utf8.EncodeRune(b[:], rune(k&0xFF))])
		}
		return nil
	}}.infer,
}
