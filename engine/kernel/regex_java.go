package kernel

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"
)

// regexError makes an error of RE2's parser readable and places it.
func regexError(pattern string, err error) error {
	var e *syntax.Error
	if !errors.As(err, &e) {
		return err
	}
	if k := strings.Index(pattern, e.Expr); e.Expr != "" && k >= 0 && e.Expr != pattern {
		return fmt.Errorf("%s at %d: %s", e.Code, k+1, e.Expr)
	}
	return errors.New(e.Code.String())
}

// javaTranslator rewrites a pattern of java.util.regex for RE2.
type javaTranslator struct {
	s   string
	i   int
	out strings.Builder
	all bool // (?s) at the start: a dot takes line ends too
}

// translateRegex rewrites what the two write differently and refuses what RE2
// lacks: look-around, back-references, atomic groups, possessive repetition.
func translateRegex(s string) (string, error) {
	t := javaTranslator{s: s, all: strings.HasPrefix(s, "(?s")}
	for t.i < len(t.s) {
		if err := t.next(); err != nil {
			return "", err
		}
	}
	return t.out.String(), nil
}

// ErrRegexUnsupported is under the errors of patterns that are good in Java but
// not here.
var ErrRegexUnsupported = errors.New("not supported")

func (t *javaTranslator) refuse(at int, what string) error {
	return fmt.Errorf("%s at %d of the regular expression is %w", what, at+1, ErrRegexUnsupported)
}

func (t *javaTranslator) next() error {
	switch c := t.s[t.i]; c {
	case '\\':
		return t.escape(false)
	case '[':
		return t.class()
	case '(':
		return t.group()
	case '.':
		t.i++
		if t.all {
			t.out.WriteByte('.')
		} else {
			t.out.WriteString(`[^\n\r\x{85}\x{2028}\x{2029}]`)
		}
		return nil
	case '*', '+', '?', '}':
		t.out.WriteByte(c)
		t.i++
		if t.i < len(t.s) && t.s[t.i] == '+' {
			return t.refuse(t.i, "possessive repetition")
		}
		if t.i < len(t.s) && t.s[t.i] == '?' {
			t.out.WriteByte('?')
			t.i++
		}
		return nil
	}
	_, k := utf8.DecodeRuneInString(t.s[t.i:])
	t.out.WriteString(t.s[t.i : t.i+k])
	t.i += k
	return nil
}

func (t *javaTranslator) group() error {
	rest := t.s[t.i:]
	for _, p := range []struct{ open, what string }{
		{"(?=", "look-ahead"}, {"(?!", "look-ahead"}, {"(?<=", "look-behind"}, {"(?<!", "look-behind"}, {"(?>", "atomic group"},
	} {
		if strings.HasPrefix(rest, p.open) {
			return t.refuse(t.i, p.what)
		}
	}
	if strings.HasPrefix(rest, "(?") && len(rest) > 2 {
		for k := 2; k < len(rest) && rest[k] != ')' && rest[k] != ':' && rest[k] != '<'; k++ {
			switch rest[k] {
			case 'x', 'd', 'u', 'U':
				return t.refuse(t.i, "flag "+string(rest[k]))
			}
		}
	}
	t.out.WriteByte('(')
	t.i++
	return nil
}

// posixClasses are the classes that Java names by \p{...} and RE2 by [[:...:]].
var posixClasses = map[string]string{
	"Lower": "lower", "Upper": "upper", "ASCII": "ascii", "Alpha": "alpha", "Digit": "digit", "Alnum": "alnum",
	"Punct": "punct", "Graph": "graph", "Print": "print", "Blank": "blank", "Cntrl": "cntrl", "XDigit": "xdigit",
	"Space": "space",
}

// escape rewrites a backslash and what follows, inside a class or outside.
func (t *javaTranslator) escape(inClass bool) error {
	at := t.i
	if t.i+1 >= len(t.s) {
		return fmt.Errorf("trailing backslash at %d of the regular expression", at+1)
	}
	c := t.s[t.i+1]
	t.i += 2
	set := func(s string) error {
		if inClass {
			t.out.WriteString(s)
		} else {
			t.out.WriteString("[" + s + "]")
		}
		return nil
	}
	switch c {
	case 's':
		return set(`\t\n\x0b\f\r `)
	case 'h':
		return set(`\t \x{a0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}`)
	case 'v':
		return set(`\n\x0b\f\r\x{85}\x{2028}\x{2029}`)
	case 'S':
		if inClass {
			return t.refuse(at, `\S inside a class`)
		}
		t.out.WriteString(`[^\t\n\x0b\f\r ]`)
		return nil
	case 'e':
		t.out.WriteString(`\x1b`)
		return nil
	case 'Z':
		t.out.WriteString(`\n?\z`)
		return nil
	case 'R':
		t.out.WriteString(`(?:\r\n|[\n\x0b\f\r\x{85}\x{2028}\x{2029}])`)
		return nil
	case 'u', '0':
		return t.codePoint(at, c)
	case 'Q':
		text, rest, _ := strings.Cut(t.s[t.i:], `\E`)
		for _, r := range text {
			t.out.WriteString(quoteRune(r))
		}
		t.i = len(t.s) - len(rest)
		return nil
	case 'p', 'P':
		return t.property(c)
	case 'G', 'X', 'N', 'k', 'H', 'V':
		return t.refuse(at, `\`+string(c))
	case 'd', 'D', 'w', 'W', 'b', 'B', 'A', 'z', 't', 'n', 'r', 'f', 'a', 'x':
		t.out.WriteByte('\\')
		t.out.WriteByte(c)
		return nil
	}
	switch {
	case c >= '1' && c <= '9':
		return t.refuse(at, "back-reference")
	case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		return fmt.Errorf(`unknown escape \%c at %d of the regular expression`, c, at+1)
	}
	r, k := utf8.DecodeRuneInString(t.s[at+1:])
	t.i = at + 1 + k
	t.out.WriteString(quoteRune(r))
	return nil
}

// quoteRune writes a code point that stands for itself.
func quoteRune(r rune) string {
	if r < 0x80 && !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
		return fmt.Sprintf(`\x%02x`, r)
	}
	return string(r)
}

// codePoint rewrites \uhhhh and \0ooo.
func (t *javaTranslator) codePoint(at int, c byte) error {
	base, most := 16, 4
	if c == '0' {
		base, most = 8, 3
	}
	k := t.i
	for k < len(t.s) && k-t.i < most {
		if _, err := strconv.ParseUint(t.s[k:k+1], base, 8); err != nil {
			break
		}
		k++
	}
	v, err := strconv.ParseUint(t.s[t.i:k], base, 32)
	if err != nil || c == 'u' && k-t.i != 4 {
		return fmt.Errorf("bad code point at %d of the regular expression", at+1)
	}
	t.i = k
	fmt.Fprintf(&t.out, `\x{%x}`, v)
	return nil
}

// property rewrites \p{...}.
func (t *javaTranslator) property(c byte) error {
	at := t.i - 2
	name := ""
	if t.i < len(t.s) && t.s[t.i] == '{' {
		end := strings.IndexByte(t.s[t.i:], '}')
		if end < 0 {
			return fmt.Errorf("brace at %d of the regular expression is not closed", t.i+1)
		}
		name, t.i = t.s[t.i+1:t.i+end], t.i+end+1
	} else if t.i < len(t.s) {
		name, t.i = t.s[t.i:t.i+1], t.i+1
	}
	if p, ok := posixClasses[name]; ok {
		sign := ""
		if c == 'P' {
			sign = "^"
		}
		t.out.WriteString("[[:" + sign + p + ":]]")
		return nil
	}
	switch short := strings.TrimPrefix(name, "Is"); short {
	case "Alphabetic":
		name = "L"
	case "javaLowerCase", "Lowercase":
		name = "Ll"
	case "javaUpperCase", "Uppercase":
		name = "Lu"
	default:
		name = short
	}
	if strings.HasPrefix(name, "java") || strings.HasPrefix(name, "In") || strings.Contains(name, "=") {
		return t.refuse(at, `\p{`+name+`}`)
	}
	t.out.WriteString(`\` + string(c) + "{" + name + "}")
	return nil
}

// class rewrites [...].
func (t *javaTranslator) class() error {
	open := t.i
	t.out.WriteByte('[')
	t.i++
	if t.i < len(t.s) && t.s[t.i] == '^' {
		t.out.WriteByte('^')
		t.i++
	}
	for first := true; t.i < len(t.s); first = false {
		switch c := t.s[t.i]; {
		case c == ']' && !first:
			t.out.WriteByte(']')
			t.i++
			return nil
		case c == '[':
			return t.refuse(t.i, "union of classes")
		case c == '&' && strings.HasPrefix(t.s[t.i:], "&&"):
			return t.refuse(t.i, "intersection of classes")
		case c == '\\':
			if t.i+1 < len(t.s) && (t.s[t.i+1] == 'p' || t.s[t.i+1] == 'P') {
				t.i += 2
				at := t.out.Len()
				if err := t.property(t.s[t.i-1]); err != nil {
					return err
				}
				t.unwrap(at)
				continue
			}
			if err := t.escape(true); err != nil {
				return err
			}
		default:
			r, k := utf8.DecodeRuneInString(t.s[t.i:])
			if c == ']' {
				t.out.WriteString(`\]`)
			} else {
				t.out.WriteRune(r)
			}
			t.i += k
		}
	}
	return fmt.Errorf("class at %d of the regular expression is not closed", open+1)
}

// unwrap takes the outer brackets off a [[:name:]] written since at, because a
// class is open already.
func (t *javaTranslator) unwrap(at int) {
	s := t.out.String()
	if p := s[at:]; strings.HasPrefix(p, "[[:") {
		t.out.Reset()
		t.out.WriteString(s[:at] + p[1:len(p)-1])
	}
}
