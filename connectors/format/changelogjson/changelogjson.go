// Package changelogjson is the format 'changelog-json': the lines that
// `--output json` prints, {"op":"+I","row":{...}}, written and read back.
//
// Nothing is lost on the way: every type has a form that reads back exactly. On
// reading a missing field is NULL, unknown fields are ignored, numbers may be
// strings, and times may use T, fewer digits or no Z. Which changes a table has is
// the option changelog-mode; another one is a malformed record.
package changelogjson

import (
	"strings"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/connectors/format/json"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Format is 'format' = 'changelog-json'.
var Format = connect.Format{
	Name:    "changelog-json",
	Summary: "A change a line: its kind and the row, as --output json prints it.",
	Options: []connect.Option{
		{Key: "changelog-mode", Default: "I", Plain: true, Doc: "Kinds of changes of the table: a list of I, UB, UA, D. With UA but no UB it is an upsert table and needs a PRIMARY KEY."},
		{Key: "ignore-parse-errors", Type: connect.Bool, Default: "false", Doc: "Records that cannot be read are skipped and counted instead of an error."},
	},
	Changes: changes,
	Decoder: newDecoder,
	Lines:   json.EveryLine,
	Encoder: newEncoder,
}

// changes reads the option changelog-mode.
func changes(o connect.Options) (connect.Changes, error) {
	var c connect.Changes
	for part := range strings.SplitSeq(o.Text("changelog-mode", "I"), ",") {
		switch strings.ToUpper(strings.TrimSpace(part)) {
		case "I":
			c |= connect.HasInsert
		case "UB":
			c |= connect.HasUpdateBefore
		case "UA":
			c |= connect.HasUpdateAfter
		case "D":
			c |= connect.HasDelete
		default:
			return 0, connect.Invalid("changelog-mode", "takes a list of I, UB, UA, D, not '%s'", part)
		}
	}
	if c&connect.HasUpdateBefore != 0 && c&connect.HasUpdateAfter == 0 {
		return 0, connect.Invalid("changelog-mode", "has UB without UA")
	}
	return c, nil
}

// mode reads the option and checks that an upsert table has a key.
func mode(o connect.Options, t *connect.Table) (connect.Changes, error) {
	c, err := changes(o)
	if err != nil {
		return 0, err
	}
	if t != nil && c&(connect.HasUpdateBefore|connect.HasUpdateAfter) == connect.HasUpdateAfter && len(t.PrimaryKey) == 0 {
		return 0, diag.New(diag.MissingPrimaryKey, "table %s has changelog-mode '%s', which is that of an upsert table, and no PRIMARY KEY",
			t.Name, o.Text("changelog-mode", "I")).WithHint("declare PRIMARY KEY (...) NOT ENFORCED, or add UB to the mode")
	}
	return c, nil
}

// has reports whether kind is one of c.
func has(c connect.Changes, kind batch.Kind) bool { return c&(1<<kind) != 0 }

type decoder struct {
	json.Lines
	row     *json.Row
	changes connect.Changes
}

func newDecoder(s types.Schema, read connect.Projection, o connect.Options, t *connect.Table) (connect.Decoder, error) {
	c, err := mode(o, t)
	if err != nil {
		return nil, err
	}
	d := &decoder{changes: c}
	if d.Ignore, err = o.Bool("ignore-parse-errors", false); err != nil {
		return nil, err
	}
	d.P.Time = json.TimeRules{Timestamp: format.AnyForm, Instant: format.AnyForm}
	d.Rows = format.NewRows(s, read)
	d.row = json.NewRow(s, d.Rows.Cols)
	d.Most = 1
	d.Record = d.record
	return d, nil
}

const (
	opHead  = `{"op":"`
	rowHead = `","row":`
)

// record reads a line. One as mink writes it is read straight on; in another the
// fields may have any order.
func (d *decoder) record() bool {
	p := &d.P
	n := d.Rows.N()
	if s := p.Data[p.I:]; len(s) > len(opHead)+2+len(rowHead) && string(s[:len(opHead)]) == opHead &&
		string(s[len(opHead)+2:len(opHead)+2+len(rowHead)]) == rowHead {
		kind, ok := d.kind(s[len(opHead) : len(opHead)+2])
		if !ok {
			return false
		}
		p.I += len(opHead) + 2 + len(rowHead)
		if !p.Row(d.row, n) {
			return false
		}
		d.Rows.EndRow(kind)
		if p.Space() == '}' {
			p.I++
			return true
		}
		d.Rows.Cut(n)
		p.Bad = ""
		p.I = len(p.Data) - len(s)
	}
	return d.anyOrder(n)
}

func (d *decoder) anyOrder(n int) bool {
	p := &d.P
	var op []byte
	row := false
	ok := p.Object(func(name []byte) bool {
		switch string(name) {
		case "op":
			var ok bool
			op, ok = p.Text(op[:0])
			return ok
		case "row":
			if p.Null() {
				return true
			}
			d.Rows.Undo()
			row = true
			return p.Row(d.row, n)
		}
		return p.Skip()
	})
	if !ok {
		return false
	}
	kind, ok := d.kind(op)
	if !ok {
		return false
	}
	if !row {
		return p.Refuse("the record has no 'row'")
	}
	d.Rows.EndRow(kind)
	return true
}

// kind reads an op; one that the table does not have gives the record up.
func (d *decoder) kind(op []byte) (batch.Kind, bool) {
	for k := batch.Insert; k <= batch.Delete; k++ {
		if string(op) != k.String() {
			continue
		}
		if !has(d.changes, k) {
			return 0, d.P.Refuse("op '" + k.String() + "' is not in the table's changelog-mode; add " + [...]string{"I", "UB", "UA", "D"}[k] + " to 'changelog-mode'")
		}
		return k, true
	}
	if len(op) == 0 {
		return 0, d.P.Refuse("the record has no 'op'")
	}
	return 0, d.P.Refuse("op " + format.Excerpt(op) + " is none of +I, -U, +U, -D")
}

type encoder struct {
	lines   *format.ChangeLines
	changes connect.Changes
}

func newEncoder(s types.Schema, o connect.Options, t *connect.Table) (connect.Encoder, error) {
	c, err := mode(o, t)
	if err != nil {
		return nil, err
	}
	return &encoder{lines: format.NewChangeLines(s), changes: c}, nil
}

func (e *encoder) Header() []byte { return nil }

// Encode writes a line for each change that the table has; an upsert table has no
// -U.
func (e *encoder) Encode(dst []byte, b *batch.Batch) ([]byte, error) {
	start := len(dst)
	for r := range b.Rows() {
		lane := b.Lane(r)
		kind := b.Kind(lane)
		if kind == batch.UpdateBefore && !has(e.changes, kind) {
			continue
		}
		var err error
		if dst, err = e.lines.Append(dst, b, lane, kind); err != nil {
			return dst[:start], err
		}
	}
	return dst, nil
}
