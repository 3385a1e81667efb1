package token

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/diag"
)

// Content decodes a character string literal: quotes, prefix and doubled quotes are
// undone, and the escapes of E'..'. For U&'..' it gives the text before unicode
// escapes: see Unescape. A bad escape is an error at its place.
func (t Token) Content() (string, *diag.Error) {
	open := strings.IndexByte(t.Text, '\'')
	body := t.Text[open+1 : len(t.Text)-1]
	if t.Kind == EscapeString {
		return unescapeC(body, t.Span.Start+open+1)
	}
	return undouble(body, '\''), nil
}

// Charset is the name before a PrefixedString's quote, or "".
func (t Token) Charset() string {
	if t.Kind != PrefixedString || t.Text[0] != '_' {
		return ""
	}
	return t.Text[1:strings.IndexByte(t.Text, '\'')]
}

// undouble replaces each doubled quote by one.
func undouble(s string, q byte) string {
	if strings.IndexByte(s, q) < 0 {
		return s
	}
	return strings.ReplaceAll(s, string([]byte{q, q}), string(q))
}

// DecodeBytes decodes the digits of x'..'.
func DecodeBytes(digits string) ([]byte, bool) {
	b, err := hex.DecodeString(digits)
	return b, err == nil
}

// Unescape undoes the escapes of a U&'..' literal: \XXXX and \+XXXXXX with esc for
// the backslash, and the escape doubled for itself. The span is the literal's, for
// errors.
func Unescape(s string, esc rune, span diag.Span) (string, *diag.Error) {
	if !strings.ContainsRune(s, esc) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r != esc {
			b.WriteString(s[i : i+n])
			i += n
			continue
		}
		i += n
		if next, m := utf8.DecodeRuneInString(s[i:]); m > 0 && next == esc {
			b.WriteRune(esc)
			i += m
			continue
		}
		digits := 4
		if i < len(s) && s[i] == '+' {
			digits, i = 6, i+1
		}
		v, ok := hexValue(s, i, digits)
		if !ok || v > utf8.MaxRune {
			return "", diag.At(span, diag.InvalidLiteral, "bad unicode escape in the literal").
				WithHint("write %cXXXX with four hexadecimal digits, %c+XXXXXX with six, or %c%c for itself", esc, esc, esc, esc)
		}
		i += digits
		// A pair of surrogates written as two escapes is one character.
		if v >= 0xD800 && v < 0xDC00 && strings.HasPrefix(s[i:], string(esc)) {
			if lo, ok := hexValue(s, i+utf8.RuneLen(esc), 4); ok && lo >= 0xDC00 && lo < 0xE000 {
				v = 0x10000 + (v-0xD800)<<10 + (lo - 0xDC00)
				i += utf8.RuneLen(esc) + 4
			}
		}
		b.WriteRune(v)
	}
	return b.String(), nil
}

// unescapeC undoes the escapes of an E'..' literal whose text begins at byte at.
func unescapeC(s string, at int) (string, *diag.Error) {
	var b strings.Builder
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '\'':
			b.WriteByte(c) // the other one of the pair is passed over
			i += 2
			continue
		case c != '\\' || i+1 >= len(s):
			b.WriteByte(c)
			i++
			continue
		}
		start := i
		i++
		switch e := s[i]; e {
		case 'b':
			b.WriteByte('\b')
			i++
		case 'f':
			b.WriteByte('\f')
			i++
		case 'n':
			b.WriteByte('\n')
			i++
		case 'r':
			b.WriteByte('\r')
			i++
		case 't':
			b.WriteByte('\t')
			i++
		case '0', '1', '2', '3', '4', '5', '6', '7':
			v := rune(0)
			for n := 0; n < 3 && i < len(s) && s[i] >= '0' && s[i] <= '7'; n++ {
				v = v*8 + rune(s[i]-'0')
				i++
			}
			b.WriteRune(v)
		case 'x', 'u', 'U':
			i++
			digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[e]
			v, ok := hexValue(s, i, digits)
			if !ok && e == 'x' {
				digits = 1
				v, ok = hexValue(s, i, digits)
			}
			if !ok || v > utf8.MaxRune || v < 0 {
				span := diag.Span{Start: at + start, End: at + min(len(s), i+digits)}
				return "", diag.At(span, diag.InvalidLiteral, "bad escape in the literal").
					WithHint(`write \xHH, \uHHHH or \UHHHHHHHH with hexadecimal digits`)
			}
			i += digits
			if v >= 0xD800 && v < 0xDC00 && strings.HasPrefix(s[i:], `\u`) {
				if lo, ok := hexValue(s, i+2, 4); ok && lo >= 0xDC00 && lo < 0xE000 {
					v = 0x10000 + (v-0xD800)<<10 + (lo - 0xDC00)
					i += 6
				}
			}
			b.WriteRune(v)
		default:
			// Flink keeps the backslash in front of any other character, another
			// backslash or quote aside.
			_, n := utf8.DecodeRuneInString(s[i:])
			if e != '\\' && e != '\'' {
				b.WriteByte('\\')
			}
			b.WriteString(s[i : i+n])
			i += n
		}
	}
	return b.String(), nil
}

// hexValue reads exactly digits hexadecimal digits at i.
func hexValue(s string, i, digits int) (rune, bool) {
	if i+digits > len(s) {
		return 0, false
	}
	v := rune(0)
	for _, c := range []byte(s[i : i+digits]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		v = v<<4 | rune(c)
	}
	return v, true
}
