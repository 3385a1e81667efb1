package changejson

import (
	"regexp"
	"slices"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/connectors/format/json"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

type decoder struct {
	json.Lines
	d   *dialect
	row *json.Row
	// Only changes of these databases and tables are given; nil: of all.
	databases, tables *regexp.Regexp
	meta              []metadata

	// What the message says. Places are -1 for what is missing or null.
	op            []byte
	after, before int
	from          int     // where the message begins
	fields        []place // of those that metadata and filters need
	text          []byte
	starts        [2][]int // of the elements of lists
	ends          [2][]int
}

// place is where the value of a field begins.
type place struct {
	name string
	at   int
}

type metadata struct {
	from *metaColumn
	col  *format.Column
}

func (d *dialect) decoder(s types.Schema, meta []string, read connect.Projection, o connect.Options) (connect.Decoder, error) {
	if err := json.CheckTypes(d.name, s); err != nil {
		return nil, err
	}
	x := &decoder{d: d}
	var err error
	if x.P.Rules, x.Ignore, err = json.ReadRules(d.name, o); err != nil {
		return nil, err
	}
	if x.databases, err = d.pattern(o, "database.include"); err != nil {
		return nil, err
	}
	if x.tables, err = d.pattern(o, "table.include"); err != nil {
		return nil, err
	}
	if x.databases != nil {
		x.need("database")
	}
	if x.tables != nil {
		x.need("table")
	}
	whole := slices.Clone(s)
	var from []*metaColumn
	for _, key := range meta {
		i := slices.IndexFunc(d.meta, func(m metaColumn) bool { return m.Key == key })
		if i < 0 {
			return nil, diag.New(diag.UnknownColumn, "format '%s' has no metadata '%s'", d.name, key)
		}
		from = append(from, &d.meta[i])
		whole = append(whole, types.Field{Name: key, Type: d.meta[i].Type})
	}
	x.Rows = format.NewRows(whole, read)
	x.row = json.NewRow(s, x.Rows.Cols[:len(s)])
	for i, m := range from {
		if c := x.Rows.Cols[len(s)+i]; c != nil {
			x.meta = append(x.meta, metadata{m, c})
			x.need(m.field)
		}
	}
	x.Record = x.record
	return x, nil
}

func (d *decoder) need(field string) {
	if !slices.ContainsFunc(d.fields, func(p place) bool { return p.name == field }) {
		d.fields = append(d.fields, place{field, -1})
	}
}

// at is where the value of a field begins, -1 if it is missing or null.
func (d *decoder) at(field string) int {
	for _, p := range d.fields {
		if p.name == field {
			return p.at
		}
	}
	return -1
}

// record reads a message: first where its parts are, then the rows.
func (d *decoder) record() bool {
	p := &d.P
	d.from = p.I
	d.op, d.after, d.before = d.op[:0], -1, -1
	for i := range d.fields {
		d.fields[i].at = -1
	}
	if p.Null() {
		return true // a tombstone
	}
	if !p.Object(d.part) {
		return false
	}
	end := p.I
	ok := true
	if d.wanted(d.databases, "database") && d.wanted(d.tables, "table") {
		ok = d.changes()
	}
	p.I = end
	return ok
}

func (d *decoder) part(name []byte) bool {
	p := &d.P
	at := -1
	if p.Space() != 'n' {
		at = p.I
	}
	for i := range d.fields {
		if string(name) == d.fields[i].name {
			d.fields[i].at = at
		}
	}
	switch string(name) {
	case d.d.after:
		d.after = at
	case d.d.before:
		d.before = at
	case d.d.op:
		var ok bool
		d.op, ok = p.Text(d.op[:0])
		return ok
	}
	return p.Skip()
}

// wanted reports that a pattern takes a field of the message.
func (d *decoder) wanted(pattern *regexp.Regexp, field string) bool {
	if pattern == nil {
		return true
	}
	at := d.at(field)
	if at < 0 {
		return false
	}
	d.P.I = at
	var ok bool
	d.text, ok = d.P.Text(d.text[:0])
	return ok && pattern.Match(d.text)
}

// changes gives the rows of a message.
func (d *decoder) changes() bool {
	k := d.d
	switch string(d.op) {
	case k.insert:
		return d.each(d.after, k.after, batch.Insert)
	case k.remove:
		if k.whole {
			return d.each(d.before, k.before, batch.Delete)
		}
		return d.each(d.after, k.after, batch.Delete)
	case k.update:
		return d.updates()
	case "":
		return d.P.Refuse("the record has no '" + k.op + "'")
	case k.other:
		return true
	}
	return d.P.Refuse("'" + k.op + "' is " + format.Excerpt(d.op) + ", which is none of " + k.insert + ", " + k.update + " and " + k.remove)
}

// each gives a change for each row at i.
func (d *decoder) each(i int, name string, kind batch.Kind) bool {
	n, ok := d.elements(0, i, name)
	for e := 0; ok && e < n; e++ {
		more := false
		if more, ok = d.give(d.starts[0][e], kind); !more {
			break
		}
	}
	return ok
}

// elements finds where the rows at i begin and end, and keeps that under which.
func (d *decoder) elements(which, i int, name string) (int, bool) {
	p := &d.P
	d.starts[which], d.ends[which] = d.starts[which][:0], d.ends[which][:0]
	if i < 0 {
		why := "field '" + name + "' of a change '" + string(d.op) + "' is missing or null"
		if d.d.whole && name == d.d.before {
			why += "; GoldenGate sends it with gg.handler.name.format.includeBefore or full supplemental logging"
		}
		return 0, p.Refuse(why)
	}
	p.I = i
	if !d.d.lists {
		if !p.Skip() {
			return 0, false
		}
		d.starts[which], d.ends[which] = append(d.starts[which], i), append(d.ends[which], p.I)
		return 1, true
	}
	if p.Space() != '[' {
		return 0, p.Refuse("field '" + name + "' is no list")
	}
	p.I++
	for p.Space() != ']' {
		if len(d.starts[which]) > 0 {
			p.I++ // the comma; the list was passed over before, so it is well-formed
			p.Space()
		}
		d.starts[which] = append(d.starts[which], p.I)
		if !p.Skip() {
			return 0, false
		}
		d.ends[which] = append(d.ends[which], p.I)
	}
	return len(d.starts[which]), true
}

// updates gives two changes for each row.
func (d *decoder) updates() bool {
	n, ok := d.elements(0, d.after, d.d.after)
	if !ok {
		return false
	}
	m, ok := d.elements(1, d.before, d.d.before)
	if !ok {
		return false
	}
	if n != m {
		return d.P.Refuse("'" + d.d.before + "' and '" + d.d.after + "' have different numbers of rows")
	}
	for e := range n {
		more, ok := d.giveBefore(e)
		if ok && more {
			more, ok = d.give(d.starts[0][e], batch.UpdateAfter)
		}
		if !ok || !more {
			return ok
		}
	}
	return true
}

// giveBefore gives the row before an update. Where only the fields that changed are sent,
// it is read from the row after with those behind it: of a field that comes twice, the
// last one counts.
func (d *decoder) giveBefore(e int) (more, ok bool) {
	if d.d.whole {
		return d.give(d.starts[1][e], batch.UpdateBefore)
	}
	p := &d.P
	after, old := p.Data[d.starts[0][e]:d.ends[0][e]], p.Data[d.starts[1][e]:d.ends[1][e]]
	if after[0] != '{' || old[0] != '{' {
		return false, p.Refuse("a row is no object")
	}
	drop, ok := d.Take()
	if !ok {
		return false, true
	}
	merged := make([]byte, 0, len(after)+len(old))
	merged = append(merged, after[:len(after)-1]...)
	if !blank(after[1:len(after)-1]) && !blank(old[1:len(old)-1]) {
		merged = append(merged, ',')
	}
	merged = append(merged, old[1:]...)
	// The parser is sent to the row that was put together, and back.
	data, bad := p.Data, p.Bad
	d.Rows.Buffer(merged)
	p.Begin(merged, 0, len(merged))
	n := d.Rows.N()
	ok = p.Row(d.row, n)
	if p.Bad != "" {
		bad = p.Bad
	}
	broken := p.Broken
	p.Begin(data, d.from, len(data))
	p.Bad, p.Broken = bad, broken
	d.Rows.Buffer(data)
	return true, ok && d.finish(n, batch.UpdateBefore, drop)
}

func blank(s []byte) bool {
	for _, c := range s {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false
		}
	}
	return true
}

// give reads the row that begins at i. More says that the batch is not full.
func (d *decoder) give(i int, kind batch.Kind) (more, ok bool) {
	drop, ok := d.Take()
	if !ok {
		return false, true
	}
	n := d.Rows.N()
	d.P.I = i
	return true, d.P.Row(d.row, n) && d.finish(n, kind, drop)
}

// finish ends row n with its metadata.
func (d *decoder) finish(n int, kind batch.Kind, drop bool) bool {
	for _, m := range d.meta {
		if !d.metadata(m) {
			return false
		}
	}
	if d.Rows.EndRow(kind); drop {
		d.Rows.Cut(n)
	}
	return true
}

// metadata puts a field of the message.
func (d *decoder) metadata(m metadata) bool {
	p, at := &d.P, d.at(m.from.field)
	if at < 0 {
		m.col.Null()
		return true
	}
	p.I = at
	switch m.from.Type.Kind {
	case types.Array:
		return d.list(m.col)
	case types.Map:
		return d.mapping(m.col)
	}
	var ok bool
	if d.text, ok = p.Text(d.text[:0]); !ok {
		return false
	}
	if m.from.scale == 0 {
		m.col.Bytes(d.text)
		return true
	}
	if v, ok := format.ParseInt(d.text); ok {
		m.col.I64(v * m.from.scale)
		return true
	}
	form := format.SpaceForm
	if len(d.text) > 10 && d.text[10] == 'T' {
		form = format.TForm | format.MayOffset
	}
	if !m.col.Timestamp(d.text, form) {
		m.col.Null()
	}
	return true
}

// list puts a list of texts; what is none is NULL.
func (d *decoder) list(c *format.Column) bool {
	p := &d.P
	if p.Space() != '[' {
		c.Null()
		return true
	}
	p.I++
	for first := true; p.Space() != ']'; first = false {
		if !first {
			p.I++
		}
		var ok bool
		if d.text, ok = p.Text(d.text[:0]); !ok {
			return false
		}
		c.Kids[0].Bytes(d.text)
	}
	p.I++
	c.EndList()
	return true
}

// mapping puts an object of whole numbers; what is none is NULL.
func (d *decoder) mapping(c *format.Column) bool {
	if d.P.Space() != '{' {
		c.Null()
		return true
	}
	ok := d.P.Object(func(name []byte) bool {
		c.Kids[0].Bytes(name)
		var ok bool
		d.text, ok = d.P.Text(d.text[:0])
		if v, isInt := format.ParseInt(d.text); ok && isInt {
			c.Kids[1].I32(int32(v))
		} else {
			c.Kids[1].Null()
		}
		return ok
	})
	c.EndList()
	return ok
}
