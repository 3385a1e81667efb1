package json

import (
	"bytes"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/types"
)

// Row is a plan to read objects as rows: which field goes to which column. It
// learns the order in which fields come, so that names need no look-up.
type Row struct {
	fields []types.Field
	cols   []*format.Column // nil where not read
	byName map[string]int
	kids   []*Row // plans of fields that are rows or hold rows, by column
	elem   *Row   // of the elements of the value, if this plans a list

	seen []seen // by position in the object
}

// seen is a field name that came at some position: the raw bytes with quotes and
// colon, and its column, or -1.
type seen struct {
	raw []byte
	col int
	to  *format.Column // nil when not read
	// text and whole say that to takes strings, or BIGINT.
	text, whole bool
}

// learn notes the field that came at a position.
func (r *Row) learn(pos int, raw []byte, k int) {
	if len(raw) > seenMax || pos > len(r.seen) || pos >= seenMax {
		return
	}
	if pos == len(r.seen) {
		r.seen = append(r.seen, seen{})
	}
	s := &r.seen[pos]
	*s = seen{raw: append(s.raw[:0], raw...), col: k}
	if k >= 0 && r.cols[k] != nil {
		s.to = r.cols[k]
		s.text, s.whole = s.to.Type.IsString(), s.to.Type.Kind == types.BigInt
	}
}

// seenMax bounds what is learned.
const seenMax = 256

// NewRow plans objects with the given fields.
func NewRow(fields []types.Field, cols []*format.Column) *Row {
	r := &Row{fields: fields, cols: cols, byName: map[string]int{}, kids: make([]*Row, len(cols))}
	for i, f := range fields {
		r.byName[f.Name] = i
		if cols[i] != nil {
			r.kids[i] = plan(cols[i])
		}
	}
	return r
}

// plan is the plan of the rows inside a value, or nil.
func plan(c *format.Column) *Row {
	switch c.Type.Kind {
	case types.Row:
		return NewRow(c.Type.Fields, c.Kids)
	case types.Array:
		if k := plan(c.Kids[0]); k != nil {
			return &Row{elem: k}
		}
	case types.Map, types.Multiset:
		if k := plan(c.Kids[1]); k != nil {
			return &Row{elem: k}
		}
	}
	return nil
}

// Row reads an object into the columns of a plan, of which each has n values
// before. Columns without a field are left for the caller to end.
func (p *Parser) Row(r *Row, n int) bool {
	if p.I >= len(p.Data) || p.Data[p.I] != '{' {
		if p.Space() != '{' {
			return p.Break("object expected")
		}
	}
	if !p.enter() {
		return false
	}
	p.I++
	if p.Space() == '}' {
		p.I++
		p.depth--
		return p.missing(r, n)
	}
	pos, done := p.known(r, n)
	if done {
		p.depth--
		return p.missing(r, n)
	}
	for ; ; pos++ {
		k, ok := p.field(r, pos)
		if !ok {
			return false
		}
		if k < 0 || r.cols[k] == nil {
			ok = p.Skip()
		} else {
			c := r.cols[k]
			if c.N() > n {
				c.Drop() // the last of two fields of one name counts
			}
			ok = p.value(c, r.kids[k], r.fields[k].Name)
		}
		if !ok {
			return false
		}
		if more, ok := p.next('}'); !ok || !more {
			p.depth--
			return ok && p.missing(r, n)
		}
	}
}

// known reads fields as long as they come in the order learned and their values are
// of the usual kind: whole numbers, and strings in a plain record. It returns the
// position of the field it stands before, or that the object has ended.
func (p *Parser) known(r *Row, n int) (pos int, done bool) {
	data, i := p.Data, p.I
	for ; pos < len(r.seen); pos++ {
		s := &r.seen[pos]
		v := i + len(s.raw)
		if v >= len(data) || string(data[i:v]) != string(s.raw) {
			break
		}
		col := s.to
		// Of two fields of one name the last counts, and the other loop knows how.
		if col != nil && col.N() > n {
			break
		}
		end := v
		switch c := data[v]; {
		case c == '"' && p.plain:
			k := bytes.IndexByte(data[v+1:], '"')
			if k < 0 {
				p.I = i
				return pos, false
			}
			end = v + k + 2
			switch {
			case col == nil:
			case s.text:
				col.Ref(v+1, end-1)
			case !p.text(col, data[v+1:end-1]):
				col.Undo()
				p.I = i
				return pos, false
			}
		case c-'0' <= 9 && s.whole:
			x := int64(0)
			for end < len(data) && data[end]-'0' <= 9 {
				x = x*10 + int64(data[end]-'0')
				end++
			}
			if end-v > 18 || c == '0' && end > v+1 {
				p.I = i
				return pos, false
			}
			col.I64(x)
		case col == nil && c-'0' <= 9:
			for end < len(data) && data[end]-'0' <= 9 {
				end++
			}
			if c == '0' && end > v+1 {
				p.I = i
				return pos, false
			}
		default:
			p.I = i
			return pos, false
		}
		if end < len(data) && data[end] == ',' {
			i = end + 1
			continue
		}
		if end < len(data) && data[end] == '}' {
			p.I = end + 1
			return pos, true
		}
		// Something else, such as a fraction: the other loop drops the value and reads
		// it again.
		break
	}
	p.I = i
	return pos, false
}

// field reads a name and its colon and returns its column, or -1.
func (p *Parser) field(r *Row, pos int) (int, bool) {
	if pos < len(r.seen) {
		s := &r.seen[pos]
		if bytes.HasPrefix(p.Data[p.I:], s.raw) {
			p.I += len(s.raw)
			return s.col, true
		}
	}
	p.Space()
	from := p.I
	name, ok := p.name()
	if !ok {
		return 0, false
	}
	k, known := r.byName[string(name)]
	if !known {
		k = -1
	}
	r.learn(pos, p.Data[from:p.I], k)
	return k, true
}

// missing notes fields that were not there, if all are needed.
func (p *Parser) missing(r *Row, n int) bool {
	if p.NeedAll && p.Bad == "" {
		for i, c := range r.cols {
			if c != nil && c.N() <= n {
				p.Bad = "field `" + r.fields[i].Name + "` is missing"
				break
			}
		}
	}
	return true
}

// note keeps the first value that did not fit.
func (p *Parser) note(name string, c *format.Column, v []byte) {
	if p.Bad == "" {
		t := c.Type.Plain()
		t.NotNull = false
		p.Bad = "column `" + name + "`: " + format.Excerpt(v) + " is no " + t.String()
	}
}
