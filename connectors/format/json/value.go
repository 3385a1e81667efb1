package json

import (
	"bytes"
	"encoding/base64"
	"math"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// TimeRules say which texts of times are taken.
type TimeRules struct {
	Timestamp, Instant format.TimeForm
}

// value reads the next value into a column. A value that does not fit gives NULL
// and a note; false means that the text is no JSON.
func (p *Parser) value(c *format.Column, plan *Row, name string) bool {
	ch := byte(0)
	if p.I < len(p.Data) {
		ch = p.Data[p.I]
	}
	if ch <= ' ' {
		ch = p.Space()
	}
	switch {
	case c.Type.Kind == types.Variant:
		return p.variant(c, name)
	case ch == '"':
		from, to, made, ok := p.str()
		if !ok {
			return false
		}
		if c.Type.IsString() {
			if made {
				c.Bytes(p.scratch)
			} else {
				c.Ref(from, to)
			}
			return true
		}
		s := p.Data[from:to]
		if made {
			s = p.scratch
		}
		if !p.text(c, s) {
			c.Undo()
			p.note(name, c, s)
			c.Null()
		}
		return true
	case c.Type.Kind == types.BigInt && ch-'0' <= 9:
		// The usual case: a few digits and a delimiter.
		i := p.I
		var n int64
		for i < len(p.Data) && p.Data[i]-'0' <= 9 {
			n = n*10 + int64(p.Data[i]-'0')
			i++
		}
		if i < len(p.Data) && i-p.I <= 18 && (p.Data[i] == ',' || p.Data[i] == '}') && (ch != '0' || i == p.I+1) {
			p.I = i
			c.I64(n)
			return true
		}
		return p.wordValue(c, name)
	case ch == '{':
		return p.object(c, plan, name)
	case ch == '[':
		return p.array(c, plan, name)
	}
	return p.wordValue(c, name)
}

// wordValue reads a number, true, false or null.
func (p *Parser) wordValue(c *format.Column, name string) bool {
	from, to, ok := p.word()
	if !ok {
		return false
	}
	w := p.Data[from:to]
	if w[0] == 'n' {
		c.Null()
		return true
	}
	switch c.Type.Kind {
	case types.Char, types.VarChar:
		c.Ref(from, to)
	case types.Boolean:
		if w[0] != 't' && w[0] != 'f' {
			p.note(name, c, w)
			c.Null()
			return true
		}
		c.Bool(w[0] == 't')
	case types.Binary, types.VarBinary, types.Raw, types.Date, types.Time, types.Timestamp, types.TimestampLTZ,
		types.Array, types.Map, types.Multiset, types.Row:
		p.note(name, c, w)
		c.Null()
	default:
		if w[0] == 't' || w[0] == 'f' || !p.text(c, w) {
			p.note(name, c, w)
			c.Null()
		}
	}
	return true
}

// text puts the value that a string is the text of; false when it is none.
func (p *Parser) text(c *format.Column, s []byte) bool {
	switch t := c.Type; t.Kind {
	case types.TinyInt, types.SmallInt, types.Int, types.BigInt:
		if n := len(s); n > 2 && (bytes.IndexByte(s, '.') >= 0 || bytes.IndexByte(s, 'e') >= 0 || bytes.IndexByte(s, 'E') >= 0) {
			return wholeNumber(c, s)
		}
		return format.ParseScalar(c, s)
	case types.Timestamp:
		return c.Timestamp(bytes.TrimSpace(s), p.Time.Timestamp)
	case types.TimestampLTZ:
		return c.Timestamp(bytes.TrimSpace(s), p.Time.Instant)
	case types.IntervalYM:
		v, ok := format.ParseInt(s)
		if !ok {
			v, ok = kernel.ParseInterval(string(s), types.IntervalUnits{From: types.Year, To: types.Month})
		}
		if ok = ok && v == int64(int32(v)); ok {
			c.I32(int32(v))
		}
		return ok
	case types.IntervalDT:
		v, ok := format.ParseInt(s)
		if !ok {
			v, ok = kernel.ParseInterval(string(s), types.IntervalUnits{From: types.Day, To: types.Second})
		}
		if ok {
			c.I64(v)
		}
		return ok
	case types.Raw:
		v, err := base64.StdEncoding.AppendDecode(nil, s)
		if err == nil {
			c.Bytes(v)
		}
		return err == nil
	case types.Array, types.Map, types.Multiset, types.Row, types.Bitmap:
		return false
	}
	return format.ParseScalar(c, s)
}

// wholeNumber puts a number such as 1.0 or 1e3 into an integer column.
func wholeNumber(c *format.Column, s []byte) bool {
	f, ok := format.ParseFloat(s)
	if !ok || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return false
	}
	var buf [24]byte
	return format.ParseScalar(c, appendInt(buf[:0], int64(f)))
}

// object reads an object into a ROW, MAP or MULTISET, or as text into a string.
func (p *Parser) object(c *format.Column, plan *Row, name string) bool {
	from := p.I
	switch c.Type.Kind {
	case types.Row:
		if !p.Row(plan, c.N()) {
			return false
		}
		c.EndStruct()
		return true
	case types.Map, types.Multiset:
		return p.mapping(c, plan, name)
	}
	if !p.Skip() {
		return false
	}
	p.rawValue(c, name, from)
	return true
}

// array reads a list into an ARRAY, or as text into a string.
func (p *Parser) array(c *format.Column, plan *Row, name string) bool {
	from := p.I
	if c.Type.Kind != types.Array {
		if !p.Skip() {
			return false
		}
		p.rawValue(c, name, from)
		return true
	}
	if plan != nil {
		plan = plan.elem
	}
	if !p.enter() {
		return false
	}
	p.I++
	if p.Space() == ']' {
		p.I++
		p.depth--
		c.EndList()
		return true
	}
	for {
		if !p.value(c.Kids[0], plan, name) {
			return false
		}
		more, ok := p.next(']')
		if !ok {
			return false
		}
		if !more {
			p.depth--
			c.EndList()
			return true
		}
	}
}

// mapping reads an object into a MAP or MULTISET. Of two equal names the last
// counts.
func (p *Parser) mapping(c *format.Column, plan *Row, name string) bool {
	key, val := c.Kids[0], c.Kids[1]
	if plan != nil {
		plan = plan.elem
	}
	ok := p.Object(func(k []byte) bool {
		if !p.mapKey(key, k) {
			p.note(name, key, k)
			return p.Skip()
		}
		return p.value(val, plan, name)
	})
	if ok {
		c.EndList()
	}
	return ok
}

// mapKey reads the name of a field as a key.
func (p *Parser) mapKey(c *format.Column, k []byte) bool {
	if c.Type.IsString() {
		c.Bytes(k)
		return true
	}
	if string(k) == "null" {
		c.Null()
		return true
	}
	if !p.text(c, k) {
		c.Undo()
		return false
	}
	return true
}

// variant reads a value of any shape.
func (p *Parser) variant(c *format.Column, name string) bool {
	from := p.I
	if !p.Skip() {
		return false
	}
	s := p.Data[from:p.I]
	if string(s) == "null" {
		c.Null()
	} else if !c.Variant(s) {
		p.note(name, c, s)
		c.Null()
	}
	return true
}

// rawValue puts the text of a value that was skipped into a string column.
func (p *Parser) rawValue(c *format.Column, name string, from int) {
	raw := p.Data[from:p.I]
	if !c.Type.IsString() {
		p.note(name, c, raw)
		c.Null()
		return
	}
	if bytes.IndexByte(raw, ' ') < 0 && bytes.IndexByte(raw, '\t') < 0 && bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\r') < 0 {
		c.Ref(from, p.I)
		return
	}
	p.scratch = compact(p.scratch[:0], raw)
	c.Bytes(p.scratch)
}

// compact drops the white space outside of strings.
func compact(dst, s []byte) []byte {
	in := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case in && c == '\\':
			dst = append(dst, c)
			i++
			c = s[i]
		case c == '"':
			in = !in
		case !in && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			continue
		}
		dst = append(dst, c)
	}
	return dst
}
