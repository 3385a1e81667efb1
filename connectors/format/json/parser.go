package json

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/minkstream/mink/connectors/format"
)

// Parser walks the JSON text of one record and puts values into columns. Values
// that do not fit their column become NULL and are noted in Bad; text that is no
// JSON stops it with Broken.
//
// It is for the formats that carry rows in JSON: they read their envelope with
// Object and the rows with Row.
type Parser struct {
	Rules
	// Data is the input up to the end of the record; views point into it.
	Data []byte
	// I is the next byte to read.
	I int
	// Bad is the first value that did not fit its column, "" if all did.
	Bad string
	// Broken says why the record is none: text that is no JSON, or no envelope.
	Broken string

	depth int
	// plain says that the record is ASCII without escapes and control characters, so
	// that a string ends at the next quote.
	plain   bool
	scratch []byte
	key     []byte
}

// Rules say how values are read.
type Rules struct {
	Time TimeRules
	// NeedAll makes a missing field bad.
	NeedAll bool
}

// Begin starts a record: data from i to end.
func (p *Parser) Begin(data []byte, i, end int) {
	p.Data, p.I = data[:end], i
	p.Bad, p.Broken, p.depth = "", "", 0
	p.plain = format.Plain(data[i:end], '\\'*(1<<64-1)/255)
}

// Space skips white space and returns the next byte, or 0 at the end.
func (p *Parser) Space() byte {
	for p.I < len(p.Data) {
		switch c := p.Data[p.I]; c {
		case ' ', '\t', '\n', '\r':
			p.I++
		default:
			return c
		}
	}
	return 0
}

// End checks that nothing but white space is left.
func (p *Parser) End() bool {
	if p.Space() != 0 || p.I < len(p.Data) {
		return p.Break("text behind the value")
	}
	return true
}

// Break stops with a reason and returns false.
func (p *Parser) Break(why string) bool {
	if p.Broken == "" {
		p.Broken = "not JSON: " + why + " at character " + strconv.Itoa(p.I+1)
		if p.I >= len(p.Data) {
			p.Broken = "not JSON: " + why + " at the end"
		}
	}
	return false
}

// enter counts nesting.
func (p *Parser) enter() bool {
	p.depth++
	if p.depth > format.MaxDepth {
		return p.Break("nesting over 100 levels")
	}
	return true
}

// Object reads an object and calls field for each of its fields, standing before
// the value, with the name, which is valid during the call. field reads the value
// and reports whether to go on.
func (p *Parser) Object(field func(name []byte) bool) bool {
	if p.Space() != '{' {
		return p.Break("object expected")
	}
	if !p.enter() {
		return false
	}
	p.I++
	if p.Space() == '}' {
		p.I++
		p.depth--
		return true
	}
	for {
		name, ok := p.name()
		if !ok || !field(name) {
			return false
		}
		if more, ok := p.next('}'); !ok || !more {
			p.depth--
			return ok
		}
	}
}

// name reads a field name and the colon behind it.
func (p *Parser) name() ([]byte, bool) {
	if p.Space() != '"' {
		return nil, p.Break("field name expected")
	}
	from, to, made, ok := p.str()
	if !ok {
		return nil, false
	}
	name := p.Data[from:to]
	if made {
		p.key = append(p.key[:0], p.scratch...)
		name = p.key
	}
	return name, p.colon()
}

func (p *Parser) colon() bool {
	if p.I < len(p.Data) && p.Data[p.I] == ':' || p.Space() == ':' {
		p.I++
		return true
	}
	return p.Break("colon expected")
}

// next reads the comma behind an element, or the end of the list.
func (p *Parser) next(end byte) (more, ok bool) {
	c := byte(0)
	if p.I < len(p.Data) {
		c = p.Data[p.I]
	}
	if c != ',' && c != end {
		c = p.Space()
	}
	switch c {
	case ',':
		p.I++
		if c := p.Space(); c == end {
			return false, p.Break("value expected behind the comma")
		}
		return true, true
	case end:
		p.I++
		return false, true
	}
	return false, p.Break("comma or '" + string(end) + "' expected")
}

// Refuse gives the record up for a reason other than its JSON, and returns false.
func (p *Parser) Refuse(why string) bool {
	if p.Broken == "" {
		p.Broken = why
	}
	return false
}

// Null reads null if it is next.
func (p *Parser) Null() bool {
	if p.Space() == 'n' && bytes.HasPrefix(p.Data[p.I:], []byte("null")) {
		p.I += 4
		return true
	}
	return false
}

// str reads the string at I. Without escapes it is Data[from:to], else it is in
// the scratch.
func (p *Parser) str() (from, to int, made, ok bool) {
	from = p.I + 1
	e, wide := format.ScanString(p.Data, from)
	if e < len(p.Data) && p.Data[e] == '"' {
		p.I = e + 1
		if wide && !utf8.Valid(p.Data[from:e]) {
			return from, e, false, p.Break("string that is not UTF-8")
		}
		return from, e, false, true
	}
	return from, e, true, p.escaped(from, e)
}

// escaped reads a string with escapes into the scratch; e is the first place where
// the plain text ends.
func (p *Parser) escaped(from, e int) bool {
	s := append(p.scratch[:0], p.Data[from:e]...)
	for {
		if e >= len(p.Data) {
			p.I = e
			return p.Break("string without its closing quote")
		}
		switch p.Data[e] {
		case '"':
			p.I, p.scratch = e+1, s
			if !utf8.Valid(s) {
				return p.Break("string that is not UTF-8")
			}
			return true
		case '\\':
			p.I = e
			var ok bool
			if s, e, ok = p.escape(s, e+1); !ok {
				return p.Break("unknown escape")
			}
		default:
			p.I = e
			return p.Break("control character in a string")
		}
		n, _ := format.ScanString(p.Data, e)
		s = append(s, p.Data[e:n]...)
		e = n
	}
}

// escape reads what is behind a backslash.
func (p *Parser) escape(s []byte, e int) ([]byte, int, bool) {
	if e >= len(p.Data) {
		return s, e, false
	}
	switch c := p.Data[e]; c {
	case '"', '\\', '/':
		return append(s, c), e + 1, true
	case 'n':
		return append(s, '\n'), e + 1, true
	case 't':
		return append(s, '\t'), e + 1, true
	case 'r':
		return append(s, '\r'), e + 1, true
	case 'b':
		return append(s, '\b'), e + 1, true
	case 'f':
		return append(s, '\f'), e + 1, true
	case 'u':
		r, ok := hex4(p.Data, e+1)
		if !ok {
			return s, e, false
		}
		e += 5
		if r >= 0xD800 && r < 0xDC00 && e+1 < len(p.Data) && p.Data[e] == '\\' && p.Data[e+1] == 'u' {
			if lo, ok := hex4(p.Data, e+2); ok && lo >= 0xDC00 && lo < 0xE000 {
				r, e = (r-0xD800)<<10+(lo-0xDC00)+0x10000, e+6
			}
		}
		// Half of a pair becomes U+FFFD.
		return utf8.AppendRune(s, r), e, true
	}
	return s, e, false
}

func hex4(s []byte, i int) (rune, bool) {
	if i+4 > len(s) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(s[i:i+4]), 16, 32)
	return rune(n), err == nil
}

// Skip passes over a value of any kind.
func (p *Parser) Skip() bool {
	switch c := p.Space(); c {
	case '"':
		_, _, _, ok := p.str()
		return ok
	case '{', '[':
		return p.skipNested()
	default:
		_, _, ok := p.word()
		return ok
	}
}

// skipNested passes over an object or a list.
func (p *Parser) skipNested() bool {
	open := p.Data[p.I]
	if !p.enter() {
		return false
	}
	p.I++
	end := open + 2 // ']' and '}' are two behind '[' and '{'
	if p.Space() == end {
		p.I++
		p.depth--
		return true
	}
	for {
		if open == '{' {
			if _, ok := p.name(); !ok {
				return false
			}
		}
		if !p.Skip() {
			return false
		}
		if more, ok := p.next(end); !ok || !more {
			p.depth--
			return ok
		}
	}
}

// word reads a number, true, false or null and returns where it lies. Numbers are
// of JSON's form.
func (p *Parser) word() (from, to int, ok bool) {
	from = p.I
	i := from
	for i < len(p.Data) {
		switch p.Data[i] {
		case ',', '}', ']', ' ', '\t', '\n', '\r', ':', '"', '{', '[':
		default:
			i++
			continue
		}
		break
	}
	w := p.Data[from:i]
	if !(len(w) > 0 && isNumber(w) || string(w) == "true" || string(w) == "false" || string(w) == "null") {
		if len(w) == 0 {
			return from, i, p.Break("value expected")
		}
		return from, i, p.Break("unknown word " + format.Excerpt(w))
	}
	p.I = i
	return from, i, true
}

// isNumber reports a number in JSON's grammar.
func isNumber(w []byte) bool {
	i := 0
	if w[0] == '-' {
		i++
	}
	digits := func() bool {
		from := i
		for i < len(w) && w[i]-'0' <= 9 {
			i++
		}
		return i > from
	}
	zero := i < len(w) && w[i] == '0'
	from := i
	if !digits() || zero && i > from+1 {
		return false
	}
	if i < len(w) && w[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < len(w) && w[i]|0x20 == 'e' {
		i++
		if i < len(w) && (w[i] == '+' || w[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(w)
}

// Text appends the string, number or word that is next to dst; null gives nothing.
func (p *Parser) Text(dst []byte) ([]byte, bool) {
	switch p.Space() {
	case '"':
		from, to, made, ok := p.str()
		if made {
			return append(dst, p.scratch...), ok
		}
		return append(dst, p.Data[from:to]...), ok
	case '{', '[':
		from := p.I
		ok := p.Skip()
		return append(dst, p.Data[from:p.I]...), ok
	}
	from, to, ok := p.word()
	if !ok || p.Data[from] == 'n' {
		return dst, ok
	}
	return append(dst, p.Data[from:to]...), true
}
