// Package json is the format 'json': an object a line, its fields the columns.
//
// The order of fields and unknown fields do not matter; a field that is missing is
// NULL. A record may be a list of objects, each a row. Strings are views of the
// bytes read unless they have escapes, fields that are not read are passed over,
// and the usual order of fields is learned, so that names are compared, not looked
// up. Parser and Row are for the other formats that carry rows in JSON.
package json

import (
	"strconv"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Options are Flink's options of the format, which others share.
var Options = []connect.Option{
	{Key: "fail-on-missing-field", Type: connect.Bool, Default: "false", Doc: "A field that is missing is an error, not NULL."},
	{Key: "ignore-parse-errors", Type: connect.Bool, Default: "false", Doc: "Fields and records that cannot be read are NULL or skipped instead of an error; they are counted."},
	{Key: "timestamp-format.standard", Type: connect.Enum, Values: []string{"SQL", "ISO-8601", "ISO-8601-WITH-OFFSET"}, Default: "SQL", Doc: "Form of timestamps: a space or a T between date and time, or a T and an offset."},
	{Key: "map-null-key.mode", Type: connect.Enum, Values: []string{"FAIL", "DROP", "LITERAL"}, Default: "FAIL", Doc: "What is done with a NULL key of a MAP on writing."},
	{Key: "map-null-key.literal", Default: "null", Doc: "What stands for a NULL key with mode LITERAL."},
	{Key: "encode.decimal-as-plain-number", Type: connect.Bool, Default: "false", Doc: "Write decimals without an exponent."},
	{Key: "encode.ignore-null-fields", Type: connect.Bool, Default: "false", Doc: "Leave out fields that are NULL."},
	{Key: "decode.json-parser.enabled", Type: connect.Bool, Default: "true", Doc: "Accepted; there is one parser."},
}

// Format is 'format' = 'json'.
var Format = connect.Format{
	Name:    "json",
	Summary: "A JSON object a line.",
	Options: Options,
	Changes: func(connect.Options) (connect.Changes, error) { return connect.AppendOnly, nil },
	Decoder: newDecoder,
	Lines:   EveryLine,
	Encoder: newEncoder,
}

// EveryLine says that line ends are never inside of a record: JSON writes them as
// \n in strings, and a record is a line.
func EveryLine(connect.Options) (bool, byte, error) { return true, 0, nil }

// ReadRules reads the options for decoding.
func ReadRules(name string, o connect.Options) (r Rules, ignore bool, err error) {
	if r.NeedAll, err = o.Bool("fail-on-missing-field", false); err != nil {
		return r, false, err
	}
	if ignore, err = o.Bool("ignore-parse-errors", false); err != nil {
		return r, false, err
	}
	if r.NeedAll && ignore {
		return r, false, connect.Invalid(name+".fail-on-missing-field", "and '%s.ignore-parse-errors' must not both be true", name)
	}
	std, err := o.Enum("timestamp-format.standard", "SQL", "SQL", "ISO-8601", "ISO-8601-WITH-OFFSET")
	switch std {
	case "SQL":
		r.Time = TimeRules{format.SpaceForm, format.SpaceForm | format.NeedZ}
	case "ISO-8601":
		r.Time = TimeRules{format.TForm | format.Short, format.TForm | format.Short | format.NeedZ}
	default:
		r.Time = TimeRules{format.TForm | format.MayOffset, format.TForm | format.MayOffset}
	}
	return r, ignore, err
}

// ReadWriter reads the options for encoding.
func ReadWriter(o connect.Options) (w format.JSONWriter, err error) {
	std, err := o.Enum("timestamp-format.standard", "SQL", "SQL", "ISO-8601", "ISO-8601-WITH-OFFSET")
	if err != nil {
		return w, err
	}
	w.Sep = ' '
	if std != "SQL" {
		w.Sep = 'T'
	}
	w.Offset = std == "ISO-8601-WITH-OFFSET"
	if w.PlainDecimal, err = o.Bool("encode.decimal-as-plain-number", false); err != nil {
		return w, err
	}
	if w.SkipNulls, err = o.Bool("encode.ignore-null-fields", false); err != nil {
		return w, err
	}
	mode, err := o.Enum("map-null-key.mode", "FAIL", "FAIL", "DROP", "LITERAL")
	switch mode {
	case "DROP":
		w.NullKeys = format.NullKeyDrop
	case "LITERAL":
		w.NullKeys = format.NullKeyLiteral
	}
	w.NullKey = o.Text("map-null-key.literal", "null")
	return w, err
}

// CheckTypes refuses columns that Flink's JSON cannot hold.
func CheckTypes(name string, s []types.Field) error {
	for _, f := range s {
		if err := checkType(name, f.Name, f.Type); err != nil {
			return err
		}
	}
	return nil
}

func checkType(format, name string, t types.Type) error {
	switch t.Kind {
	case types.Raw, types.Bitmap:
		return diag.New(diag.UnsupportedByFlink, "format '%s' cannot hold column `%s` of type %s", format, name, t)
	case types.Map:
		if !t.Key.IsString() {
			return diag.New(diag.UnsupportedByFlink, "format '%s' cannot hold column `%s`: keys of a MAP must be strings, not %s", format, name, *t.Key)
		}
		return checkType(format, name, *t.Elem)
	case types.Multiset:
		if !t.Elem.IsString() {
			return diag.New(diag.UnsupportedByFlink, "format '%s' cannot hold column `%s`: elements of a MULTISET must be strings, not %s", format, name, *t.Elem)
		}
	case types.Array:
		return checkType(format, name, *t.Elem)
	case types.Row:
		for _, f := range t.Fields {
			if err := checkType(format, name+"."+f.Name, f.Type); err != nil {
				return err
			}
		}
	}
	return nil
}

// encoder writes rows as lines of JSON.
type encoder struct {
	names format.JSONNames
	w     format.JSONWriter
}

func newEncoder(s types.Schema, o connect.Options, _ *connect.Table) (connect.Encoder, error) {
	w, err := ReadWriter(o)
	if err != nil {
		return nil, err
	}
	if err := CheckTypes("json", s); err != nil {
		return nil, err
	}
	return &encoder{names: format.NewJSONNames(s), w: w}, nil
}

func (e *encoder) Header() []byte { return nil }

func (e *encoder) Encode(dst []byte, b *batch.Batch) ([]byte, error) {
	start := len(dst)
	for r := range b.Rows() {
		var err error
		if dst, err = e.w.Object(dst, e.names, b.Cols, b.Lane(r)); err != nil {
			return dst[:start], err
		}
		dst = append(dst, '\n')
	}
	return dst, nil
}

// Messages writes each row as a message of its own.
func (e *encoder) Messages(out *connect.Encoded, b *batch.Batch) error {
	for r := range b.Rows() {
		data, err := e.w.Object(out.Data, e.names, b.Cols, b.Lane(r))
		if err != nil {
			return err
		}
		out.Data = data
		out.End()
	}
	return nil
}

func appendInt(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }
