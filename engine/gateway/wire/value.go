package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// rowKinds are the kinds of rows by Flink's names.
var rowKinds = [...]string{batch.Insert: "INSERT", batch.UpdateBefore: "UPDATE_BEFORE", batch.UpdateAfter: "UPDATE_AFTER", batch.Delete: "DELETE"}

// KindName is Flink's name of a kind of row.
func KindName(k batch.Kind) string { return rowKinds[k] }

// Batch reads rows of a page into columns of a schema. zone is the session time zone.
func Batch(schema types.Schema, rows []Row, zone *time.Location) (*batch.Batch, error) {
	b := batch.NewBatchBuilder(schema.Types()...)
	for _, r := range rows {
		kind := slices.Index(rowKinds[:], r.Kind)
		if kind < 0 || len(r.Fields) != len(schema) {
			return nil, malformed("a row of kind %q with %d fields for %d columns", r.Kind, len(r.Fields), len(schema))
		}
		for i, f := range r.Fields {
			if err := appendValue(b.Col(i), f, zone); err != nil {
				return nil, err
			}
		}
		b.EndRow(batch.Kind(kind))
	}
	return b.Finish(), nil
}

func malformed(format string, args ...any) error {
	return diag.New(diag.MalformedRecord, "the gateway sent "+format, args...)
}

// appendValue reads a value in the form of rowFormat JSON.
func appendValue(b *batch.Builder, v json.RawMessage, zone *time.Location) error {
	t := b.Type()
	if bytes.Equal(v, []byte("null")) {
		b.AppendNull()
		return nil
	}
	switch t.Kind {
	case types.Array, types.Multiset, types.Map, types.Row:
		return appendNested(b, v, zone)
	case types.Variant:
		return appendVariant(b, v)
	}
	if len(v) == 0 || v[0] != '"' {
		return appendBare(b, v, zone)
	}
	var s string
	if err := json.Unmarshal(v, &s); err != nil {
		return malformed("text that is no JSON: %v", err)
	}
	return appendText(b, s, zone)
}

// appendBare reads a number or a switch.
func appendBare(b *batch.Builder, v []byte, zone *time.Location) error {
	switch b.Type().Kind {
	case types.IntervalYM, types.IntervalDT:
		n, ok := kernel.ParseInt(v)
		if !ok {
			return malformed("%s for an interval", v)
		}
		b.AppendInt(n)
		return nil
	}
	return kernel.ParseText(b, v, zone)
}

// appendText reads a value that is a string in JSON.
func appendText(b *batch.Builder, s string, zone *time.Location) error {
	switch t := b.Type(); t.Kind {
	case types.Char, types.VarChar, types.Null:
		b.AppendString(s)
		return nil
	case types.Binary, types.VarBinary, types.Raw, types.Bitmap:
		raw, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return malformed("bytes that are not in base64: %v", err)
		}
		b.AppendBytes(raw)
		return nil
	case types.Timestamp, types.TimestampLTZ:
		text := []byte(s)
		if k := bytes.IndexByte(text, 'T'); k > 0 {
			text[k] = ' '
		}
		// Flink writes what a clock of the session shows, and a Z behind that means nothing.
		return kernel.ParseText(b, bytes.TrimSuffix(text, []byte("Z")), zone)
	}
	return kernel.ParseText(b, []byte(s), zone)
}

func appendNested(b *batch.Builder, v json.RawMessage, zone *time.Location) error {
	t := b.Type()
	switch t.Kind {
	case types.Array:
		var list []json.RawMessage
		if err := json.Unmarshal(v, &list); err != nil {
			return malformed("%s for an array", v)
		}
		for _, e := range list {
			if err := appendValue(b.Kid(0), e, zone); err != nil {
				return err
			}
		}
		b.EndList()
		return nil
	case types.Row:
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(v, &fields); err != nil {
			return malformed("%s for a row", v)
		}
		for i, f := range t.Fields {
			e, ok := fields[f.Name]
			if !ok {
				e = json.RawMessage("null")
			}
			if err := appendValue(b.Kid(i), e, zone); err != nil {
				return err
			}
		}
		b.EndRow()
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(v)) // entries stay in their order
	if tok, err := d.Token(); err != nil || tok != json.Delim('{') {
		return malformed("%s for a map", v)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return malformed("%s for a map", v)
		}
		text, _ := key.(string)
		if k := b.Kid(0); text == "null" && !k.Type().IsString() {
			k.AppendNull() // a key that is NULL
		} else if err := appendText(k, text, zone); err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return malformed("%s for a map", v)
		}
		if err := appendValue(b.Kid(1), value, zone); err != nil {
			return err
		}
	}
	b.EndList()
	return nil
}

// appendVariant reads the JSON of a VARIANT.
func appendVariant(b *batch.Builder, v json.RawMessage) error {
	var vb kernel.VariantBuilder
	raw, ok := vb.Build(nil, v, true)
	if !ok {
		return malformed("%s for a variant", v)
	}
	b.AppendBytes(raw)
	return nil
}
