package kernel

import (
	"bytes"
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

const hexDigits = "0123456789abcdef"

// AppendQuoted writes a JSON string.
func AppendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	for _, b := range s {
		switch {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b == '\n':
			dst = append(dst, `\n`...)
		case b == '\r':
			dst = append(dst, `\r`...)
		case b == '\t':
			dst = append(dst, `\t`...)
		case b == '\b':
			dst = append(dst, `\b`...)
		case b == '\f':
			dst = append(dst, `\f`...)
		case b < 0x20:
			dst = append(dst, `\u00`...)
			dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, '"')
}

// AppendJSON writes the value of a lane as JSON: numbers and booleans as they are,
// times in ISO form, binary in base64, rows and maps as objects with keys in order,
// multisets as counts by element.
func AppendJSON(dst []byte, c *batch.Col, lane int) []byte {
	if c.IsNull(lane) {
		return append(dst, "null"...)
	}
	i := c.ValueLane(lane)
	switch t := c.Type; {
	case t.Kind == types.Boolean:
		return strconv.AppendBool(dst, batch.Bit(c.Bits, i))
	case t.IsInteger(), t.Kind == types.Decimal:
		return AppendText(dst, c, lane, nil)
	case t.IsApprox():
		if v := c.Float(lane); math.IsNaN(v) || math.IsInf(v, 0) {
			return append(AppendText(append(dst, '"'), c, lane, nil), '"')
		}
		return AppendText(dst, c, lane, nil)
	case t.IsBinary():
		var s [batch.InlineMax]byte
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, c.Bytes(lane, &s))
		return append(dst, '"')
	case t.IsTimestamp():
		dst = append(dst, '"')
		at := len(dst)
		dst = AppendText(dst, c, lane, nil)
		if k := bytes.IndexByte(dst[at:], ' '); k >= 0 {
			dst[at+k] = 'T'
		}
		if bytes.IndexByte(dst[at:], '.') >= 0 { // without the zeros at the end, as in ISO 8601 of Java
			dst = bytes.TrimRight(bytes.TrimRight(dst, "0"), ".")
		}
		if t.Kind == types.TimestampLTZ {
			dst = append(dst, 'Z')
		}
		return append(dst, '"')
	case t.Kind == types.Variant:
		var s [batch.InlineMax]byte
		out, ok := VariantOf(c.Bytes(lane, &s)).AppendJSON(dst)
		if !ok {
			return append(dst, "null"...)
		}
		return out
	case t.Kind == types.Row:
		return appendJSONRow(dst, c, i)
	case t.Kind == types.Array:
		dst = append(dst, '[')
		for k := c.Offs[i]; k < c.Offs[i+1]; k++ {
			if k > c.Offs[i] {
				dst = append(dst, ',')
			}
			dst = AppendJSON(dst, &c.Kids[0], int(k))
		}
		return append(dst, ']')
	case t.Kind == types.Map, t.Kind == types.Multiset:
		return appendJSONMap(dst, c, i)
	}
	var tmp [64]byte
	return AppendQuoted(dst, AppendText(tmp[:0], c, lane, nil))
}

func appendJSONRow(dst []byte, c *batch.Col, i int) []byte {
	var few [32]int
	order := few[:0]
	for k := range c.Kids {
		order = append(order, k)
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(c.Type.Fields[a].Name, c.Type.Fields[b].Name) })
	dst = append(dst, '{')
	for n, k := range order {
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = AppendQuoted(dst, []byte(c.Type.Fields[k].Name))
		dst = append(dst, ':')
		dst = AppendJSON(dst, &c.Kids[k], i)
	}
	return append(dst, '}')
}

func appendJSONMap(dst []byte, c *batch.Col, i int) []byte {
	type entry struct {
		key []byte
		at  int
	}
	var list []entry
	for k := c.Offs[i]; k < c.Offs[i+1]; k++ {
		list = append(list, entry{AppendText(nil, &c.Kids[0], int(k), nil), int(k)})
	}
	slices.SortStableFunc(list, func(a, b entry) int { return bytes.Compare(a.key, b.key) })
	dst = append(dst, '{')
	for n, e := range list {
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = AppendQuoted(dst, e.key)
		dst = append(dst, ':')
		dst = AppendJSON(dst, &c.Kids[1], e.at)
	}
	return append(dst, '}')
}

// AppendCompact writes a checked JSON value without space between its parts, and
// with sorted keys when asked. Of a key that occurs twice the last value stays.
func AppendCompact(dst, s []byte, sorted bool) []byte {
	dst, _ = appendCompact(dst, s, skipSpace(s, 0), sorted)
	return dst
}

func appendCompact(dst, s []byte, i int, sorted bool) ([]byte, int) {
	switch s[i] {
	case '{':
		return appendObject(dst, s, i, sorted)
	case '[':
		dst = append(dst, '[')
		i = skipSpace(s, i+1)
		for first := true; s[i] != ']'; first = false {
			if !first {
				dst = append(dst, ',')
				i = skipSpace(s, i+1)
			}
			dst, i = appendCompact(dst, s, i, sorted)
			i = skipSpace(s, i)
		}
		return append(dst, ']'), i + 1
	case '"':
		end := skipString(s, i)
		if bytes.IndexByte(s[i:end], '\\') < 0 {
			return append(dst, s[i:end]...), end
		}
		return AppendQuoted(dst, AppendUnquoted(nil, s[i:end])), end
	}
	end := skipValue(s, i)
	return AppendJSONNumber(dst, s[i:end]), end
}

// AppendJSONNumber writes a scalar that is no string: integers as they are, other
// numbers with the digits that they have, as java.math.BigDecimal writes them.
func AppendJSONNumber(dst, s []byte) []byte {
	if c := s[0]; c != '-' && (c < '0' || c > '9') || !bytes.ContainsAny(s, ".eE") {
		return append(dst, s...)
	}
	digits, exp := s, 0
	if at := bytes.IndexAny(s, "eE"); at >= 0 {
		var err error
		if exp, err = strconv.Atoi(string(s[at+1:])); err != nil {
			return append(dst, s...) // no number has an exponent as large
		}
		digits = s[:at]
	}
	negative := digits[0] == '-'
	if negative {
		digits = digits[1:]
	}
	var few [40]byte
	unscaled := few[:0]
	scale := -exp
	for i, c := range digits {
		if c == '.' {
			scale += len(digits) - i - 1
			continue
		}
		if len(unscaled) > 0 || c != '0' {
			unscaled = append(unscaled, c)
		}
	}
	if len(unscaled) == 0 {
		unscaled, negative = append(unscaled, '0'), false // there is no -0
	}
	if negative {
		dst = append(dst, '-')
	}
	n := len(unscaled)
	switch first := n - scale - 1; { // the exponent of the first digit
	case scale < 0 || first < -6:
		dst = append(dst, unscaled[0])
		if n > 1 {
			dst = append(append(dst, '.'), unscaled[1:]...)
		}
		dst = append(dst, 'E')
		if first >= 0 {
			dst = append(dst, '+')
		}
		return strconv.AppendInt(dst, int64(first), 10)
	case scale == 0:
		return append(dst, unscaled...)
	case scale < n:
		dst = append(dst, unscaled[:n-scale]...)
		return append(append(dst, '.'), unscaled[n-scale:]...)
	}
	dst = append(dst, "0."...)
	for range scale - n {
		dst = append(dst, '0')
	}
	return append(dst, unscaled...)
}

func appendObject(dst, s []byte, i int, sorted bool) ([]byte, int) {
	type member struct{ key, value []byte }
	var list []member
	i = skipSpace(s, i+1)
	for s[i] != '}' {
		if s[i] == ',' {
			i = skipSpace(s, i+1)
		}
		end := skipString(s, i)
		m := member{key: AppendUnquoted(nil, s[i:end])}
		i = skipSpace(s, skipSpace(s, end)+1)
		m.value, i = appendCompact(nil, s, i, sorted)
		i = skipSpace(s, i)
		if k := slices.IndexFunc(list, func(o member) bool { return bytes.Equal(o.key, m.key) }); k >= 0 {
			list[k] = m
			continue
		}
		list = append(list, m)
	}
	if sorted {
		slices.SortFunc(list, func(a, b member) int { return bytes.Compare(a.key, b.key) })
	}
	dst = append(dst, '{')
	for k, m := range list {
		if k > 0 {
			dst = append(dst, ',')
		}
		dst = AppendQuoted(dst, m.key)
		dst = append(append(dst, ':'), m.value...)
	}
	return append(dst, '}'), i + 1
}
