// Package csv is the format 'csv': a record a line, fields between delimiters,
// RFC 4180 with Flink's options.
//
// Reading takes \n and \r\n, and line breaks inside quotes. A record must have as
// many fields as the table has columns. An empty field is NULL unless the column is
// a string; lines with nothing in them are skipped. Numbers and times may have
// spaces around them, and so may quotes behind their end. Of a record that is not
// well-formed nothing is read; of one that is, the fields that can be. Writing
// quotes only where needed and ends lines with \n.
package csv

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// HeaderOption is mink's own option of the table (not of the format): the first
// record of each file is a header, skipped on reading and written on writing.
const HeaderOption = "mink.csv.header"

// Format is 'format' = 'csv'.
var Format = connect.Format{
	Name:    "csv",
	Summary: "Comma-separated values, a record a line.",
	Options: []connect.Option{
		{Key: "field-delimiter", Default: ",", Doc: "Character between fields; backslash escapes such as \\t are understood."},
		{Key: "disable-quote-character", Type: connect.Bool, Default: "false", Doc: "No character encloses fields."},
		{Key: "quote-character", Default: `"`, Doc: "Character that encloses fields."},
		{Key: "allow-comments", Type: connect.Bool, Default: "false", Doc: "Lines that begin with # are skipped."},
		{Key: "ignore-parse-errors", Type: connect.Bool, Default: "false", Doc: "Fields that cannot be read are NULL instead of an error; they are counted."},
		{Key: "array-element-delimiter", Default: ";", Doc: "Text between the elements of an ARRAY and the fields of a ROW."},
		{Key: "escape-character", Doc: "Character that takes away the meaning of the next one."},
		{Key: "null-literal", Doc: "Text that means NULL."},
		{Key: "trim-spaces", Type: connect.Bool, Default: "false", Doc: "Spaces around fields that are not in quotes do not count."},
		{Key: "ignore-trailing-unmappable", Type: connect.Bool, Default: "false", Doc: "Fields behind the last column are passed over instead of an error."},
		{Key: "allow-trailing-comma", Type: connect.Bool, Default: "false", Doc: "A delimiter may stand behind the last field."},
		{Key: "fail-on-missing-columns", Type: connect.Bool, Default: "false", Doc: "With ignore-parse-errors, a record with too few fields is skipped instead of filled up with NULL."},
		{Key: "empty-string-as-null", Type: connect.Bool, Default: "false", Doc: "An empty string is NULL."},
		{Key: "write-bigdecimal-in-scientific-notation", Type: connect.Bool, Default: "true", Doc: "Write DECIMAL without trailing zeros, 100000 as 1E+5; false writes all digits."},
	},
	Changes: func(connect.Options) (connect.Changes, error) { return connect.AppendOnly, nil },
	Decoder: newDecoder,
	Lines:   everyLine,
	Encoder: newEncoder,
}

// everyLine says that a line end can be inside of quotes, or behind the escape
// character, and nowhere else.
func everyLine(o connect.Options) (bool, byte, error) {
	c, err := readConfig(o, nil)
	return err == nil && c.escape == 0, c.quote, err
}

// config are the options, read.
type config struct {
	delim      byte
	quote      byte // 0: none
	escape     byte // 0: none
	comments   bool
	ignore     bool
	header     bool
	scientific bool
	element    string
	null       string
	hasNull    bool
	trim       bool
	surplus    bool // fields behind the last column are passed over
	trailing   bool // an empty one is
	needAll    bool
	emptyNull  bool
}

func readConfig(o connect.Options, t *connect.Table) (c config, err error) {
	if c.delim, err = char(o, "field-delimiter", ','); err != nil {
		return c, err
	}
	if c.quote, err = char(o, "quote-character", '"'); err != nil {
		return c, err
	}
	off, err := o.Bool("disable-quote-character", false)
	if err != nil {
		return c, err
	}
	if off {
		if o.Has("quote-character") {
			return c, connect.Invalid("csv.quote-character", "cannot be set together with 'csv.disable-quote-character'")
		}
		c.quote = 0
	}
	if c.escape, err = char(o, "escape-character", 0); err != nil {
		return c, err
	}
	if c.comments, err = o.Bool("allow-comments", false); err != nil {
		return c, err
	}
	if c.ignore, err = o.Bool("ignore-parse-errors", false); err != nil {
		return c, err
	}
	for _, b := range []struct {
		key string
		v   *bool
	}{
		{"trim-spaces", &c.trim}, {"ignore-trailing-unmappable", &c.surplus}, {"allow-trailing-comma", &c.trailing},
		{"fail-on-missing-columns", &c.needAll}, {"empty-string-as-null", &c.emptyNull},
	} {
		if *b.v, err = o.Bool(b.key, false); err != nil {
			return c, err
		}
	}
	if c.scientific, err = o.Bool("write-bigdecimal-in-scientific-notation", true); err != nil {
		return c, err
	}
	c.element = o.Text("array-element-delimiter", ";")
	if c.element == "" {
		return c, connect.Invalid("csv.array-element-delimiter", "must not be empty")
	}
	c.null = o.Text("null-literal", "")
	c.hasNull = o.Has("null-literal")
	if c.delim == c.quote || c.delim == '\n' || c.delim == '\r' {
		return c, connect.Invalid("csv.field-delimiter", "must differ from the quote character and from line ends")
	}
	if t != nil {
		c.header, err = t.Options.Bool(HeaderOption, false)
	}
	return c, err
}

// char reads an option that is one character, possibly escaped.
func char(o connect.Options, key string, def byte) (byte, error) {
	v, ok := o[key]
	if !ok {
		return def, nil
	}
	s := v
	if strings.HasPrefix(s, `\`) && len(s) > 1 {
		if u, err := strconv.Unquote(`"` + s + `"`); err == nil {
			s = u
		}
	}
	if len(s) != 1 || s[0] >= utf8.RuneSelf {
		return 0, connect.Invalid("csv."+key, "must be a single ASCII character, not '%s'", v)
	}
	return s[0], nil
}

// checkTypes refuses columns that a line of text cannot hold.
func checkTypes(s types.Schema) error {
	for _, f := range s {
		if err := checkType(f.Name, f.Type, 0); err != nil {
			return err
		}
	}
	return nil
}

func checkType(name string, t types.Type, depth int) error {
	switch t.Kind {
	case types.Map, types.Multiset, types.Raw, types.Bitmap:
		return unfit(name, t)
	case types.Array, types.Row:
		if depth > 0 {
			return unfit(name, t)
		}
		if t.Kind == types.Array {
			return checkType(name, *t.Elem, depth+1)
		}
		for _, f := range t.Fields {
			if err := checkType(name+"."+f.Name, f.Type, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func unfit(name string, t types.Type) error {
	return diag.New(diag.UnsupportedByFlink, "format 'csv' cannot hold column `%s` of type %s", name, t).
		WithHint("use the format 'json', or CAST the column to STRING")
}
