package scalar

import (
	"encoding/base64"
	"net/url"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var toBase64 = function.Func{
	Name: "TO_BASE64", Category: function.Text,
	Summary:    "Base64 of the bytes of a string.",
	Signatures: []string{"TO_BASE64(string)"},
	Examples:   []function.Example{{SQL: "TO_BASE64('hello world')", Want: "aGVsbG8gd29ybGQ="}},
	Infer: spec{params: []class{textOrBin}, result: types.StringT, cost: 30, eval: makeText(func(w *batch.Writer, s []byte) {
		w.Buf = base64.StdEncoding.AppendEncode(w.Buf, s)
	})}.infer,
}

var fromBase64 = function.Func{
	Name: "FROM_BASE64", Category: function.Text,
	Summary:    "The string of which the argument is the base64; NULL for other text.",
	Signatures: []string{"FROM_BASE64(string)"},
	Examples:   []function.Example{{SQL: "FROM_BASE64('aGVsbG8gd29ybGQ=')", Want: "hello world"}},
	Infer: spec{params: []class{text}, result: types.StringT, nullable: true, cost: 30, eval: orNull(func(dst, s []byte) ([]byte, bool) {
		enc := base64.StdEncoding
		if len(s)%4 != 0 {
			enc = base64.RawStdEncoding
		}
		out, err := enc.AppendDecode(dst, s)
		if err != nil {
			return dst, false
		}
		return kernel.AppendValidUTF8(out[:len(dst)], out[len(dst):]), true
	})}.infer,
}

// orNull is a kernel that writes new text, or NULL where f reports false.
func orNull(f func(dst, s []byte) ([]byte, bool)) function.Kernel {
	return func(fr *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		w := fr.Strings(dst)
		s := kernel.StrsOf(args[0])
		for i := range kernel.Lanes(n, live) {
			var ok bool
			if w.Buf, ok = f(w.Buf, s.At(i)); !ok {
				w.Undo()
				setNull(dst, i, n)
				continue
			}
			dst.Views[i] = w.End()
		}
		w.Close()
		return nil
	}
}

var urlEncode = function.Func{
	Name: "URL_ENCODE", Category: function.Text,
	Summary:    "The string as a form field of a URL.",
	Signatures: []string{"URL_ENCODE(string)"},
	Examples:   []function.Example{{SQL: "URL_ENCODE('a b&ä*~')", Want: "a+b%26%C3%A4*%7E"}},
	Infer: spec{params: []class{text}, result: types.StringT, nullable: true, cost: 40, eval: makeText(func(w *batch.Writer, s []byte) {
		for _, c := range s {
			switch {
			case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', c == '*', c == '_':
				w.Buf = append(w.Buf, c)
			case c == ' ':
				w.Buf = append(w.Buf, '+')
			default:
				w.Buf = append(w.Buf, '%', hexDigits[c>>4], hexDigits[c&15])
			}
		}
	})}.infer,
}

var urlDecode = function.Func{
	Name: "URL_DECODE", Category: function.Text,
	Summary:    "The string of which the argument is the form field; NULL for a bad escape.",
	Signatures: []string{"URL_DECODE(string)"},
	Examples:   []function.Example{{SQL: "URL_DECODE('a+b%26')", Want: "a b&"}, {SQL: "URL_DECODE('%zz')", Want: "NULL"}},
	Infer: spec{params: []class{text}, result: types.StringT, nullable: true, cost: 40, eval: orNull(func(dst, s []byte) ([]byte, bool) {
		t, err := url.QueryUnescape(string(s))
		return kernel.AppendValidUTF8(dst, []byte(t)), err == nil
	})}.infer,
}

// charset names an encoding of text.
func charset(s string) (string, bool) {
	switch u := strings.ToUpper(s); u {
	case "US-ASCII", "ISO-8859-1", "UTF-8", "UTF-16BE", "UTF-16LE", "UTF-16":
		return u, true
	case "ASCII":
		return "US-ASCII", true
	case "UTF8":
		return "UTF-8", true
	}
	return "", false
}

var encode = function.Func{
	Name: "ENCODE", Category: function.Text,
	Summary:    "The bytes of a string in a charset: US-ASCII, ISO-8859-1, UTF-8, UTF-16BE, UTF-16LE or UTF-16.",
	Signatures: []string{"ENCODE(string, charset)"},
	Examples:   []function.Example{{SQL: "HEX(ENCODE('aä', 'UTF-16BE'))", Want: "006100E4"}, {SQL: "HEX(ENCODE('ä', 'US-ASCII'))", Want: "3F"}},
	Infer:      spec{params: []class{text, text}, result: types.BytesT, fallible: true, cost: 40, eval: recode(appendEncoded)}.infer,
}

var decode = function.Func{
	Name: "DECODE", Category: function.Text,
	Summary:    "The string of which the argument are the bytes in a charset.",
	Signatures: []string{"DECODE(binary, charset)"},
	Examples:   []function.Example{{SQL: "DECODE(ENCODE('aä', 'UTF-16'), 'UTF-16')", Want: "aä"}, {SQL: "DECODE(x'E4', 'ISO-8859-1')", Want: "ä"}},
	Infer:      spec{params: []class{binary, text}, result: types.StringT, nullable: true, fallible: true, cost: 40, eval: recode(appendDecoded)}.infer,
}

func recode(f func(dst, s []byte, charset string) []byte) function.Kernel {
	return func(fr *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		w := fr.Strings(dst)
		s, name := kernel.StrsOf(args[0]), kernel.StrsOf(args[1])
		for i := range kernel.Lanes(n, live) {
			cs, ok := charset(string(name.At(i)))
			if !ok {
				return batch.FailLane(i, diag.InvalidArgument, "unknown charset %q", name.At(i))
			}
			w.Buf = f(w.Buf, s.At(i), cs)
			dst.Views[i] = w.End()
		}
		w.Close()
		return nil
	}
}

func appendEncoded(dst, s []byte, charset string) []byte {
	if charset == "UTF-8" {
		return append(dst, s...)
	}
	if charset == "UTF-16" {
		dst = append(dst, 0xFE, 0xFF)
	}
	for len(s) > 0 {
		r, k := utf8.DecodeRune(s)
		s = s[k:]
		limit := rune(0x80)
		switch charset {
		case "ISO-8859-1":
			limit = 0x100
		case "UTF-16BE", "UTF-16LE", "UTF-16":
			var two [2]uint16
			for _, u := range utf16.AppendRune(two[:0], r) {
				if charset == "UTF-16LE" {
					dst = append(dst, byte(u), byte(u>>8))
				} else {
					dst = append(dst, byte(u>>8), byte(u))
				}
			}
			continue
		}
		if r >= limit {
			r = '?'
		}
		dst = append(dst, byte(r))
	}
	return dst
}

func appendDecoded(dst, s []byte, charset string) []byte {
	switch charset {
	case "UTF-8":
		return kernel.AppendValidUTF8(dst, s)
	case "US-ASCII", "ISO-8859-1":
		for _, c := range s {
			r := rune(c)
			if charset == "US-ASCII" && c >= 0x80 {
				r = utf8.RuneError
			}
			dst = utf8.AppendRune(dst, r)
		}
		return dst
	}
	little := charset == "UTF-16LE"
	if charset == "UTF-16" && len(s) >= 2 {
		switch {
		case s[0] == 0xFE && s[1] == 0xFF:
			s = s[2:]
		case s[0] == 0xFF && s[1] == 0xFE:
			s, little = s[2:], true
		}
	}
	us := make([]uint16, 0, len(s)/2)
	for ; len(s) >= 2; s = s[2:] {
		if little {
			us = append(us, uint16(s[0])|uint16(s[1])<<8)
		} else {
			us = append(us, uint16(s[1])|uint16(s[0])<<8)
		}
	}
	for _, r := range utf16.Decode(us) {
		dst = utf8.AppendRune(dst, r)
	}
	if len(s) > 0 {
		dst = utf8.AppendRune(dst, utf8.RuneError)
	}
	return dst
}

var isValidUTF8 = function.Func{
	Name: "IS_VALID_UTF8", Category: function.Conversion,
	Summary:    "TRUE if the bytes are valid UTF-8.",
	Signatures: []string{"IS_VALID_UTF8(binary)"},
	Examples:   []function.Example{{SQL: "IS_VALID_UTF8(x'C3B6')", Want: "TRUE"}, {SQL: "IS_VALID_UTF8(x'C3')", Want: "FALSE"}},
	Infer:      spec{params: []class{binary}, result: types.BooleanT, cost: 5, eval: testText(utf8.Valid)}.infer,
}

var makeValidUTF8 = function.Func{
	Name: "MAKE_VALID_UTF8", Category: function.Conversion,
	Summary:    "The bytes as text, with U+FFFD for what is no UTF-8.",
	Signatures: []string{"MAKE_VALID_UTF8(binary)"},
	Examples:   []function.Example{{SQL: "HEX(MAKE_VALID_UTF8(x'61C3'))", Want: "61EFBFBD"}},
	Infer: spec{params: []class{binary}, result: types.StringT, cost: 10, eval: makeText(func(w *batch.Writer, s []byte) {
		w.Buf = kernel.AppendValidUTF8(w.Buf, s)
	})}.infer,
}
