package scalar

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var printf = function.Func{
	Name: "PRINTF", Category: function.Text,
	Summary:    "Values written by a format of Java's Formatter; NULL for a format that is wrong or asks for values that are not there.",
	Signatures: []string{"PRINTF(format [, value, ...])"},
	Examples: []function.Example{
		{SQL: "PRINTF('%d %s|%5.2f|%-4s|%04d', 7, 'x', 2.345, 'ab', -3)", Want: "7 x| 2.35|ab  |-003"},
		{SQL: "PRINTF('%s is %s', 'it', CAST(NULL AS STRING))", Want: "it is null"},
		{SQL: "PRINTF('%2$s%1$s%%', 'a', 'b')", Want: "ba%"}, {SQL: "PRINTF('%x %X %o', 255, 255, 8)", Want: "ff FF 10"},
		{SQL: "PRINTF('%,d %(d %+d', 1234567, -5, 5)", Want: "1,234,567 (5) +5"}, {SQL: "PRINTF('%e', 12.5e0)", Want: "1.250000e+01"},
		{SQL: "PRINTF('%g %g %g', 12.5e0, 0.00001e0, 1e10)", Want: "12.5000 1.00000e-05 1.00000e+10"}, {SQL: "PRINTF('%h %h %h', 'hi', 7, TRUE)", Want: "d01 7 4cf"}, {SQL: "PRINTF('%a %a', 1e0, -0.375e0)", Want: "0x1.0p0 -0x1.8p-2"},
		{SQL: "PRINTF('%d', 'x')", Want: "NULL"}, {SQL: "PRINTF('%s')", Want: "NULL"}, {SQL: "PRINTF('%q', 1)", Want: "NULL"}, {SQL: "PRINTF('%s', 1, 2)", Want: "1"},
		{SQL: "PRINTF('%s', TIMESTAMP '2024-07-30 10:24:00')", Want: "2024-07-30T10:24"}, {SQL: "PRINTF('%s', DATE '1970-01-11')", Want: "10"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		p, err := match(c, 1, true, text, anything)
		if err != nil {
			return function.Resolved{}, err
		}
		return function.Resolved{Params: p, Result: types.StringT, Cost: 150, Eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			w := f.Strings(dst)
			format := kernel.StrsOf(args[0])
			for i := range kernel.Lanes(n, live) {
				ok := !args[0].IsNull(i)
				if ok {
					w.Buf, ok = appendFormat(w.Buf, format.At(i), args[1:], i)
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
		}}, nil
	},
}

// verb is one %... of a format.
type verb struct {
	flags       [128]bool
	width, prec int // -1 when not given
	conv        byte
	upper       bool
}

// appendFormat writes a format with the values of a lane.
func appendFormat(dst, s []byte, args []*batch.Col, lane int) ([]byte, bool) {
	next, last := 0, -1
	for len(s) > 0 {
		k := bytes.IndexByte(s, '%')
		if k < 0 {
			return append(dst, s...), true
		}
		dst, s = append(dst, s[:k]...), s[k+1:]
		v := verb{width: -1, prec: -1}
		index := -1
		if n, rest, ok := leadingInt(s); ok && len(rest) > 0 && rest[0] == '$' {
			index, s = n-1, rest[1:]
		}
		again := false
		for len(s) > 0 && bytes.IndexByte([]byte("-#+ 0,(<"), s[0]) >= 0 {
			if again = again || s[0] == '<'; v.flags[s[0]] {
				return dst, false
			}
			v.flags[s[0]] = true
			s = s[1:]
		}
		if n, rest, ok := leadingInt(s); ok {
			v.width, s = n, rest
		}
		if len(s) > 0 && s[0] == '.' {
			// A precision may be 0, or begin with it.
			zeros := bytes.TrimLeft(s[1:], "0")
			n, rest, ok := leadingInt(zeros)
			if !ok && len(zeros) == len(s)-1 {
				return dst, false
			}
			v.prec, s = n, rest
		}
		if len(s) == 0 || v.width > 1<<20 || v.prec > 1000 || (v.flags['-'] || v.flags['0']) && v.width < 0 || v.flags['-'] && v.flags['0'] {
			return dst, false
		}
		v.conv, s = s[0], s[1:]
		switch v.conv {
		case 'n':
			dst = append(dst, '\n')
			continue
		case '%':
			dst = v.pad(dst, []byte("%"))
			continue
		}
		switch {
		case again:
			index = last
		case index < 0:
			index = next
			next++
		}
		if last = index; index < 0 || index >= len(args) {
			return dst, false
		}
		if v.conv >= 'A' && v.conv <= 'Z' {
			v.upper, v.conv = true, v.conv+'a'-'A'
		}
		text, ok := v.text(args[index], lane)
		if !ok {
			return dst, false
		}
		if v.upper {
			text = bytes.ToUpper(text)
		}
		dst = v.pad(dst, text)
	}
	return dst, true
}

// leadingInt reads a number that does not begin with 0.
func leadingInt(s []byte) (n int, rest []byte, ok bool) {
	for len(s) > 0 && s[0] >= '0' && s[0] <= '9' && (ok || s[0] != '0') && n < 1<<26 {
		n, s, ok = n*10+int(s[0]-'0'), s[1:], true
	}
	return n, s, ok
}

func (v *verb) pad(dst, text []byte) []byte {
	fill := v.width - utf8.RuneCount(text)
	if v.flags['-'] {
		dst = append(dst, text...)
	}
	for range max(fill, 0) {
		dst = append(dst, ' ')
	}
	if !v.flags['-'] {
		dst = append(dst, text...)
	}
	return dst
}

// text is a value as the conversion writes it, without width.
func (v *verb) text(c *batch.Col, lane int) ([]byte, bool) {
	t, null := c.Type, c.IsNull(lane)
	switch v.conv {
	case 'b', 's', 'h':
		return v.general(c, lane)
	case 'c', 'd', 'o', 'x', 'e', 'f', 'g', 'a':
	default:
		return nil, false
	}
	whole := t.IsInteger() || t.Kind == types.Date || t.Kind == types.Time
	switch {
	case null:
		return cutText([]byte("null"), v.prec), true
	case v.conv == 'c':
		if !whole || v.prec >= 0 {
			return nil, false
		}
		r := c.Int(lane)
		return utf8.AppendRune(nil, rune(r)), r >= 0 && r <= utf8.MaxRune
	case v.conv == 'd' || v.conv == 'o' || v.conv == 'x':
		if !whole || v.prec >= 0 {
			return nil, false
		}
		return v.integer(c.Int(lane), t)
	case v.conv == 'a':
		if !t.IsApprox() {
			return nil, false
		}
		if f := c.Float(lane); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return v.hexFloat(f)
		}
		return kernel.AppendFloat(nil, c.Float(lane), 64), true
	case t.Kind == types.Decimal:
		x := kernel.ExactOf(c)
		return v.decimal(kernel.AppendDec(nil, x.Dec(lane), t.Scale))
	case t.IsApprox():
		f := c.Float(lane)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			size := 64
			if t.Kind == types.Float {
				size = 32
			}
			return kernel.AppendFloat(nil, f, size), true
		}
		return v.decimal(kernel.AppendFloat(nil, f, map[bool]int{true: 32, false: 64}[t.Kind == types.Float]))
	}
	return nil, false
}

// general is %b, %s and %h.
func (v *verb) general(c *batch.Col, lane int) ([]byte, bool) {
	for _, f := range []byte("+ 0,(#") {
		if v.flags[f] {
			return nil, false
		}
	}
	t := c.Type
	var out []byte
	switch {
	case v.conv == 'h':
		out = []byte("null")
		if !c.IsNull(lane) {
			h, ok := javaHash(c, lane)
			if !ok {
				return nil, false
			}
			out = strconv.AppendUint(nil, uint64(uint32(h)), 16)
		}
	case v.conv == 'b':
		out = strconv.AppendBool(nil, !c.IsNull(lane) && (t.Kind != types.Boolean || c.Bool(c.ValueLane(lane))))
	case c.IsNull(lane):
		out = []byte("null")
	case t.Kind == types.Boolean:
		out = strconv.AppendBool(nil, c.Bool(c.ValueLane(lane)))
	case t.Kind == types.Date, t.Kind == types.Time:
		out = strconv.AppendInt(nil, c.Int(lane), 10)
	case t.IsTimestamp():
		out = javaDateTime(kernel.AppendText(nil, c, lane, nil))
		if t.Kind == types.TimestampLTZ {
			out = append(out, 'Z')
		}
	default:
		out = kernel.AppendText(nil, c, lane, nil)
	}
	return cutText(out, v.prec), true
}

func cutText(s []byte, most int) []byte {
	if most < 0 {
		return s
	}
	return s[:skipRunes(s, min(most, utf8.RuneCount(s)))]
}

// javaDateTime turns yyyy-MM-dd HH:mm:ss.f into the form with T, without seconds and
// groups of three fraction digits that are zero.
func javaDateTime(s []byte) []byte {
	if k := bytes.IndexByte(s, ' '); k >= 0 {
		s[k] = 'T'
	}
	if k := bytes.IndexByte(s, '.'); k >= 0 {
		for (len(s)-k-1)%3 != 0 {
			s = append(s, '0')
		}
		for bytes.HasSuffix(s[k+1:], []byte("000")) {
			s = s[:len(s)-3]
		}
		s = bytes.TrimSuffix(s, []byte("."))
	}
	return bytes.TrimSuffix(s, []byte(":00"))
}

func (v *verb) integer(x int64, t types.Type) ([]byte, bool) {
	if v.conv == 'd' {
		if v.flags['#'] {
			return nil, false
		}
		return v.sign(x < 0, bytes.TrimPrefix(strconv.AppendInt(nil, x, 10), []byte("-")))
	}
	if v.flags[','] || v.flags['('] || v.flags['+'] || v.flags[' '] {
		return nil, false
	}
	u := uint64(x)
	switch t.Kind {
	case types.TinyInt:
		u = uint64(uint8(x))
	case types.SmallInt:
		u = uint64(uint16(x))
	case types.Int, types.Date, types.Time:
		u = uint64(uint32(x))
	}
	prefix, base := "0x", 16
	if v.conv == 'o' {
		prefix, base = "0", 8
	}
	if !v.flags['#'] {
		prefix = ""
	}
	return v.zeros([]byte(prefix), strconv.AppendUint(nil, u, base), nil), true
}

// decimal is %f, %e and %g of a number by its digits, halves rounded up.
func (v *verb) decimal(text []byte) ([]byte, bool) {
	neg := text[0] == '-'
	x, ok := digitsOf(bytes.TrimPrefix(text, []byte("-")))
	if !ok {
		return nil, false
	}
	prec := v.prec
	if prec < 0 {
		prec = 6
	}
	switch {
	case v.conv == 'g':
		return v.generalNumber(neg, x)
	case v.conv == 'f':
		return v.sign(neg, x.plain(prec))
	case v.flags[',']:
		return nil, false
	}
	return v.sign(neg, x.scientific(prec))
}

// sign puts sign, grouping and zeros around the digits of a number.
func (v *verb) sign(neg bool, digits []byte) ([]byte, bool) {
	if v.flags['+'] && v.flags[' '] {
		return nil, false
	}
	if v.flags[','] {
		whole := len(digits)
		if k := bytes.IndexByte(digits, '.'); k >= 0 {
			whole = k
		}
		var out []byte
		for i, c := range digits {
			if i > 0 && i < whole && (whole-i)%3 == 0 {
				out = append(out, ',')
			}
			out = append(out, c)
		}
		digits = out
	}
	var before, behind []byte
	switch {
	case neg && v.flags['(']:
		before, behind = []byte("("), []byte(")")
	case neg:
		before = []byte("-")
	case v.flags['+']:
		before = []byte("+")
	case v.flags[' ']:
		before = []byte(" ")
	}
	return v.zeros(before, digits, behind), true
}

// zeros joins the parts of a number, with zeros up to the width if the flag says so.
func (v *verb) zeros(before, digits, behind []byte) []byte {
	out := append([]byte(nil), before...)
	if v.flags['0'] {
		for range max(v.width-len(before)-len(digits)-len(behind), 0) {
			out = append(out, '0')
		}
	}
	return append(append(out, digits...), behind...)
}
