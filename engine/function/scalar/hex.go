package scalar

import (
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var bin = function.Func{
	Name: "BIN", Category: function.Arithmetic,
	Summary:    "Binary digits of an integer, two's complement for negative ones.",
	Signatures: []string{"BIN(integer)"},
	Examples:   []function.Example{{SQL: "BIN(12)", Want: "1100"}, {SQL: "BIN(0)", Want: "0"}},
	Infer:      spec{params: []class{whole}, result: types.StringT, cost: 20, eval: radix(2)}.infer,
}

func radix(base int) function.Kernel {
	return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		w := f.Strings(dst)
		v := intsOf(args[0])
		for i := range kernel.Lanes(n, live) {
			at := len(w.Buf)
			w.Buf = strconv.AppendUint(w.Buf, uint64(v.at(i)), base)
			upper(w.Buf[at:])
			dst.Views[i] = w.End()
		}
		w.Close()
		return nil
	}
}

func upper(s []byte) {
	for i, c := range s {
		if c >= 'a' && c <= 'z' {
			s[i] = c - 'a' + 'A'
		}
	}
}

const hexDigits = "0123456789ABCDEF"

var hex = function.Func{
	Name: "HEX", Category: function.Arithmetic,
	Summary:    "Hexadecimal digits of an integer or of the bytes of a string.",
	Signatures: []string{"HEX(integer)", "HEX(string)"},
	Examples: []function.Example{
		{SQL: "HEX(12)", Want: "C"}, {SQL: "HEX('ö')", Want: "C3B6"}, {SQL: "HEX(CAST(-1 AS BIGINT))", Want: "FFFFFFFFFFFFFFFF"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		if len(c.Args) == 1 && c.Args[0].Type.IsInteger() {
			return spec{params: []class{whole}, result: types.StringT, cost: 20, eval: radix(16)}.infer(c)
		}
		return spec{params: []class{textOrBin}, result: types.StringT, cost: 20, eval: makeText(func(w *batch.Writer, s []byte) {
			for _, b := range s {
				w.Buf = append(w.Buf, hexDigits[b>>4], hexDigits[b&15])
			}
		})}.infer(c)
	},
}

var unhex = function.Func{
	Name: "UNHEX", Category: function.Arithmetic,
	Summary:    "Bytes of hexadecimal digits; NULL for other text.",
	Signatures: []string{"UNHEX(string)"},
	Examples: []function.Example{
		{SQL: "HEX(UNHEX('146'))", Want: "0046"}, {SQL: "HEX(UNHEX('1'))", Want: "00"}, {SQL: "UNHEX('zz')", Want: "NULL"}, {SQL: "HEX(UNHEX(''))", Want: ""},
	},
	Infer: spec{params: []class{text}, result: types.BytesT, nullable: true, cost: 20, eval: unhexKernel}.infer,
}

func unhexKernel(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	w := f.Strings(dst)
	s := kernel.StrsOf(args[0])
	for i := range kernel.Lanes(n, live) {
		t := s.At(i)
		ok := true
		if len(t)%2 == 1 {
			// The unpaired first digit stands for a zero byte, whatever it is.
			_, ok = hexDigit(t[0])
			w.Buf = append(w.Buf, 0)
			t = t[1:]
		}
		for k := 0; k < len(t) && ok; k += 2 {
			hi, ok1 := hexDigit(t[k])
			lo, ok2 := hexDigit(t[k+1])
			ok = ok1 && ok2
			w.Buf = append(w.Buf, hi<<4|lo)
		}
		if !ok {
			w.Undo()
			setNull(dst, i, n)
			continue
		}
		dst.Views[i] = w.End()
	}
	w.Close()
	return nil
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
