package kernel

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// JSONDepth is how deep objects and arrays of a document may lie in each other.
const JSONDepth = 100

// JSONKind is the kind of a JSON value.
type JSONKind uint8

// Kinds of JSON values. JSONInvalid is text that is no JSON.
const (
	JSONInvalid JSONKind = iota
	JSONNull
	JSONBool
	JSONNumber
	JSONString
	JSONArray
	JSONObject
)

// Scalar reports whether values of the kind have no parts.
func (k JSONKind) Scalar() bool { return k >= JSONNull && k <= JSONString }

// CheckJSON gives the kind of the document s, and where its value lies without the
// space around it.
func CheckJSON(s []byte) (kind JSONKind, from, to int) {
	from = skipSpace(s, 0)
	to, ok := checkValue(s, from, JSONDepth)
	if !ok || skipSpace(s, to) != len(s) {
		return JSONInvalid, 0, 0
	}
	return kindAt(s, from), from, to
}

// kindAt is the kind of the value that begins at i, in a document that was checked.
func kindAt(s []byte, i int) JSONKind {
	switch s[i] {
	case '{':
		return JSONObject
	case '[':
		return JSONArray
	case '"':
		return JSONString
	case 't', 'f':
		return JSONBool
	case 'n':
		return JSONNull
	}
	return JSONNumber
}

func skipSpace(s []byte, i int) int {
	for i < len(s) && s[i] <= ' ' && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}

// checkValue finds the end of the value at i.
func checkValue(s []byte, i, depth int) (int, bool) {
	if i >= len(s) || depth == 0 {
		return i, false
	}
	switch c := s[i]; {
	case c == '"':
		return checkString(s, i)
	case c == '{':
		return checkObject(s, i, depth)
	case c == '[':
		return checkArray(s, i, depth)
	case c == '-' || c >= '0' && c <= '9':
		return checkNumber(s, i)
	}
	for _, w := range [...]string{"true", "false", "null"} {
		if len(s)-i >= len(w) && string(s[i:i+len(w)]) == w {
			return i + len(w), true
		}
	}
	return i, false
}

func checkObject(s []byte, i, depth int) (int, bool) {
	i = skipSpace(s, i+1)
	if i < len(s) && s[i] == '}' {
		return i + 1, true
	}
	for {
		if i >= len(s) || s[i] != '"' {
			return i, false
		}
		var ok bool
		if i, ok = checkString(s, i); !ok {
			return i, false
		}
		if i = skipSpace(s, i); i >= len(s) || s[i] != ':' {
			return i, false
		}
		if i, ok = checkValue(s, skipSpace(s, i+1), depth-1); !ok {
			return i, false
		}
		if i = skipSpace(s, i); i >= len(s) || s[i] != ',' {
			return i + 1, i < len(s) && s[i] == '}'
		}
		i = skipSpace(s, i+1)
	}
}

func checkArray(s []byte, i, depth int) (int, bool) {
	i = skipSpace(s, i+1)
	if i < len(s) && s[i] == ']' {
		return i + 1, true
	}
	for {
		var ok bool
		if i, ok = checkValue(s, i, depth-1); !ok {
			return i, false
		}
		if i = skipSpace(s, i); i >= len(s) || s[i] != ',' {
			return i + 1, i < len(s) && s[i] == ']'
		}
		i = skipSpace(s, i+1)
	}
}

// checkString finds the end of a string whose quote stands at i.
func checkString(s []byte, i int) (int, bool) {
	end, _, ok := scanString(s, i)
	return end, ok
}

// scanString is checkString that also tells whether the string has escapes. Eight bytes
// at a time are passed over, up to one that means something.
func scanString(s []byte, i int) (end int, escaped, ok bool) {
	for i++; i < len(s); i++ {
		for i+8 <= len(s) {
			if m := special(binary.LittleEndian.Uint64(s[i:])); m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		if i >= len(s) {
			break
		}
		switch c := s[i]; {
		case c == '"':
			return i + 1, escaped, true
		case c < 0x20:
			return i, escaped, false
		case c == '\\':
			escaped = true
			if i++; i >= len(s) {
				return i, escaped, false
			}
			switch s[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if _, ok := hex4(s, i+1); !ok {
					return i, escaped, false
				}
				i += 4
			default:
				return i, escaped, false
			}
		}
	}
	return i, escaped, false
}

// special has the high bit set of the first byte of w that is a quote, a backslash or
// below 0x20; bits of bytes behind it mean nothing.
func special(w uint64) uint64 {
	const ones = 0x0101_0101_0101_0101
	quote, slash := w^ones*'"', w^ones*'\\'
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w) & highBits
}

func checkNumber(s []byte, i int) (int, bool) {
	if s[i] == '-' {
		i++
	}
	from := i
	i = skipDigits(s, i)
	if i == from || s[from] == '0' && i > from+1 {
		return i, false
	}
	if i < len(s) && s[i] == '.' {
		from = i + 1
		if i = skipDigits(s, from); i == from {
			return i, false
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		from = i
		if i = skipDigits(s, from); i == from {
			return i, false
		}
	}
	return i, true
}

func skipDigits(s []byte, i int) int {
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	return i
}

// skipValue is the end of the value at i, in a document that was checked.
func skipValue(s []byte, i int) int {
	depth := 0
	for ; ; i++ {
		switch s[i] {
		case '"':
			i = skipString(s, i) - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		case ',', ':', ' ', '\n', '\t', '\r':
			continue
		default:
			for i+1 < len(s) && !endsScalar(s[i+1]) {
				i++
			}
		}
		if depth == 0 {
			return i + 1
		}
	}
}

func endsScalar(c byte) bool {
	switch c {
	case ',', ':', '}', ']', ' ', '\n', '\t', '\r':
		return true
	}
	return false
}

func skipString(s []byte, i int) int {
	for i++; s[i] != '"'; i++ {
		if s[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func hex4(s []byte, i int) (rune, bool) {
	if i+4 > len(s) {
		return 0, false
	}
	v, err := strconv.ParseUint(string(s[i:i+4]), 16, 16)
	return rune(v), err == nil && s[i] != '+'
}

// AppendUnquoted appends the text of a JSON string, quotes included in s.
func AppendUnquoted(dst, s []byte) []byte {
	for i := 1; i < len(s)-1; i++ {
		c := s[i]
		if c != '\\' {
			dst = append(dst, c)
			continue
		}
		i++
		switch s[i] {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, _ := hex4(s, i+1)
			i += 4
			if utf16.IsSurrogate(r) {
				low, ok := rune(0), false
				if i+2 < len(s) && s[i+1] == '\\' && s[i+2] == 'u' {
					low, ok = hex4(s, i+3)
				}
				if both := utf16.DecodeRune(r, low); ok && both != utf8.RuneError {
					r = both
					i += 6
				} else {
					r = utf8.RuneError
				}
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, s[i])
		}
	}
	return dst
}
