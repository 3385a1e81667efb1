package debeziumjson

import (
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
	row    *json.Row
	schema bool
	meta   []metadata
	// Where the parts of the envelope begin; -1 if they are missing or null. op is
	// its text.
	before, after, source, ts, schemaAt int
	op                                  []byte
	text                                []byte
}

// metadata is a column for something of the envelope.
type metadata struct {
	key string
	col *format.Column
}

func newDecoder(s types.Schema, meta []string, read connect.Projection, o connect.Options) (connect.Decoder, error) {
	if err := json.CheckTypes(name, s); err != nil {
		return nil, err
	}
	d := &decoder{}
	var err error
	if d.P.Rules, d.Ignore, err = json.ReadRules(name, o); err != nil {
		return nil, err
	}
	if d.schema, err = o.Bool("schema-include", false); err != nil {
		return nil, err
	}
	whole := slices.Clone(s)
	for _, key := range meta {
		i := slices.IndexFunc(columns, func(m connect.MetadataColumn) bool { return m.Key == key })
		if i < 0 {
			return nil, diag.New(diag.UnknownColumn, "format '%s' has no metadata '%s'", name, key)
		}
		whole = append(whole, types.Field{Name: key, Type: columns[i].Type})
	}
	d.Rows = format.NewRows(whole, read)
	d.row = json.NewRow(s, d.Rows.Cols[:len(s)])
	for i, key := range meta {
		if c := d.Rows.Cols[len(s)+i]; c != nil {
			d.meta = append(d.meta, metadata{key, c})
		}
	}
	d.Most = 2
	d.Record = d.record
	return d, nil
}

// record reads an envelope: first where its parts are, then the rows in the order
// of the changes.
func (d *decoder) record() bool {
	p := &d.P
	d.before, d.after, d.source, d.ts, d.schemaAt = -1, -1, -1, -1, -1
	d.op = d.op[:0]
	if p.Null() {
		return true // a tombstone
	}
	if !d.schema {
		if !p.Object(d.part) {
			return false
		}
	} else if !d.payload() {
		return false
	}
	end := p.I
	ok := d.changes()
	p.I = end
	return ok
}

// payload reads the envelope around the envelope.
func (d *decoder) payload() bool {
	p := &d.P
	found := false
	ok := p.Object(func(name []byte) bool {
		switch string(name) {
		case "payload":
			if p.Null() {
				return true
			}
			found = true
			return p.Object(d.part)
		case "schema":
			d.schemaAt = d.here()
		}
		return p.Skip()
	})
	if ok && !found {
		return p.Refuse("the record has no 'payload'")
	}
	return ok
}

// here is the place of the value that is next, -1 for null.
func (d *decoder) here() int {
	if d.P.Space() == 'n' {
		return -1
	}
	return d.P.I
}

func (d *decoder) part(name []byte) bool {
	switch string(name) {
	case "before":
		d.before = d.here()
	case "after":
		d.after = d.here()
	case "source":
		d.source = d.here()
	case "ts_ms":
		d.ts = d.here()
	case "op":
		var ok bool
		d.op, ok = d.P.Text(d.op[:0])
		return ok
	}
	return d.P.Skip()
}

// changes gives the rows of an envelope.
func (d *decoder) changes() bool {
	switch string(d.op) {
	case "c", "r":
		return d.give(d.after, "after", batch.Insert)
	case "u":
		return d.give(d.before, "before", batch.UpdateBefore) && d.give(d.after, "after", batch.UpdateAfter)
	case "d":
		return d.give(d.before, "before", batch.Delete)
	case "":
		return d.P.Refuse("the record has no 'op'; if it has a schema, set 'debezium-json.schema-include'")
	}
	return d.P.Refuse("op " + format.Excerpt(d.op) + " is none of c, r, u, d")
}

// give reads a row that begins at i.
func (d *decoder) give(i int, what string, kind batch.Kind) bool {
	if i < 0 {
		why := "field '" + what + "' of op '" + string(d.op) + "' is null"
		if what == "before" {
			why += "; a Postgres table needs REPLICA IDENTITY FULL"
		}
		return d.P.Refuse(why)
	}
	d.P.I = i
	if !d.P.Row(d.row, d.Rows.N()) {
		return false
	}
	for _, m := range d.meta {
		if !d.metadata(m) {
			return false
		}
	}
	d.Rows.EndRow(kind)
	return true
}

// sourceFields are the fields of source that are columns of their own.
var sourceFields = map[string][]string{
	"source.timestamp": {"ts_ms"}, "source.database": {"db"}, "source.schema": {"schema"}, "source.table": {"table", "collection"},
}

func (d *decoder) metadata(m metadata) bool {
	p := &d.P
	switch m.key {
	case "schema":
		return d.textAt(m.col, d.schemaAt)
	case "ingestion-timestamp":
		return d.textAt(m.col, d.ts)
	case "source.properties":
		return d.properties(m.col)
	}
	if d.source < 0 {
		m.col.Null()
		return true
	}
	at := -1
	p.I = d.source
	ok := p.Object(func(name []byte) bool {
		if slices.Contains(sourceFields[m.key], string(name)) && d.here() >= 0 {
			at = p.I
		}
		return p.Skip()
	})
	return ok && d.textAt(m.col, at)
}

// textAt puts the value at i as text, or as a time in milliseconds.
func (d *decoder) textAt(c *format.Column, i int) bool {
	if i < 0 {
		c.Null()
		return true
	}
	d.P.I = i
	var ok bool
	if d.text, ok = d.P.Text(d.text[:0]); !ok {
		return false
	}
	if c.Type.IsString() {
		c.Bytes(d.text)
		return true
	}
	if v, ok := format.ParseInt(d.text); ok {
		c.I64(v)
	} else {
		c.Null()
	}
	return true
}

func (d *decoder) properties(c *format.Column) bool {
	if d.source < 0 {
		c.Null()
		return true
	}
	d.P.I = d.source
	ok := d.P.Object(func(name []byte) bool {
		c.Kids[0].Bytes(name)
		return d.textAt(c.Kids[1], d.hereOrNull())
	})
	c.EndList()
	return ok
}

// hereOrNull is here, passing over null.
func (d *decoder) hereOrNull() int {
	if d.P.Null() {
		return -1
	}
	return d.P.I
}
