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
	for pos := 0; ; pos++ {
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
	raw := p.Data[from:p.I]
	switch {
	case len(raw) > seenMax:
	case pos < len(r.seen):
		r.seen[pos].raw = append(r.seen[pos].raw[:0], raw...)
		r.seen[pos].col = k
	case pos == len(r.seen) && pos < seenMax:
		r.seen = append(r.seen, seen{append([]byte(nil), raw...), k})
	}
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
