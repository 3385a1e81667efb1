package avro

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// node is a schema. Named types that contain themselves are the same node.
type node struct {
	kind    string // "record", "enum", "fixed", "array", "map", "union", or a primitive type
	name    string
	fields  []field
	symbols []string
	of      *node   // items of an array, values of a map
	union   []*node // branches
	size    int     // of a fixed
	logical string
	scale   int
}

type field struct {
	name string
	typ  *node
}

var primitives = map[string]bool{"null": true, "boolean": true, "int": true, "long": true, "float": true, "double": true, "bytes": true, "string": true}

// parseSchema reads a schema as Avro writes them in JSON.
func parseSchema(text string) (*node, error) {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return nil, diag.Wrap(diag.SchemaMismatch, err, "an Avro schema is no JSON")
	}
	p := schemaParser{named: map[string]*node{}}
	n, err := p.parse(v, "", 0)
	if err != nil {
		return nil, diag.Wrap(diag.SchemaMismatch, err, "an Avro schema is not understood")
	}
	return n, nil
}

type schemaParser struct{ named map[string]*node }

func (p *schemaParser) parse(v any, space string, depth int) (*node, error) {
	if depth > 100 {
		return nil, fmt.Errorf("it nests more than 100 deep")
	}
	switch v := v.(type) {
	case string:
		if primitives[v] {
			return &node{kind: v}, nil
		}
		for _, name := range []string{full(v, space), v} {
			if n := p.named[name]; n != nil {
				return n, nil
			}
		}
		return nil, fmt.Errorf("there is no type '%s'", v)
	case []any:
		n := &node{kind: "union"}
		for _, b := range v {
			branch, err := p.parse(b, space, depth+1)
			if err != nil {
				return nil, err
			}
			n.union = append(n.union, branch)
		}
		return n, nil
	case map[string]any:
		return p.object(v, space, depth)
	}
	return nil, fmt.Errorf("%v is no schema", v)
}

// full is a name with its namespace.
func full(name, space string) string {
	if strings.Contains(name, ".") || space == "" {
		return name
	}
	return space + "." + name
}

func (p *schemaParser) object(v map[string]any, space string, depth int) (*node, error) {
	kind, ok := v["type"].(string)
	if !ok {
		return p.parse(v["type"], space, depth+1) // {"type": {...}}
	}
	n := &node{kind: kind}
	n.logical, _ = v["logicalType"].(string)
	if s, ok := v["scale"].(float64); ok {
		n.scale = int(s)
	}
	switch kind {
	case "record", "error", "enum", "fixed":
		n.name, _ = v["name"].(string)
		if s, ok := v["namespace"].(string); ok {
			space = s
		}
		n.name = full(n.name, space)
		if i := strings.LastIndexByte(n.name, '.'); i >= 0 {
			space = n.name[:i]
		}
		p.named[n.name] = n
	}
	var err error
	switch kind {
	case "record", "error":
		n.kind = "record"
		list, _ := v["fields"].([]any)
		for _, f := range list {
			m, _ := f.(map[string]any)
			name, _ := m["name"].(string)
			t, err := p.parse(m["type"], space, depth+1)
			if err != nil {
				return nil, fmt.Errorf("field '%s': %w", name, err)
			}
			n.fields = append(n.fields, field{name, t})
		}
	case "enum":
		list, _ := v["symbols"].([]any)
		for _, s := range list {
			text, _ := s.(string)
			n.symbols = append(n.symbols, text)
		}
	case "fixed":
		size, ok := v["size"].(float64)
		if !ok || size < 0 || size > 1<<20 {
			return nil, fmt.Errorf("fixed '%s' has no size", n.name)
		}
		n.size = int(size)
	case "array":
		n.of, err = p.parse(v["items"], space, depth+1)
	case "map":
		n.of, err = p.parse(v["values"], space, depth+1)
	default:
		if !primitives[kind] {
			return p.parse(kind, space, depth+1)
		}
	}
	return n, err
}

// rootName is the name of the record that Flink makes of a table.
const rootName = "org.apache.flink.avro.generated.record"

// derive makes the schema of a table as Flink does: nullable columns are unions with null
// first, nested rows are records whose names are their paths.
func derive(s types.Schema, legacy bool) (string, error) {
	d := deriver{legacy: legacy}
	v, err := d.record(s, rootName)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(v)
	return string(text), err
}

// object is JSON with its keys in order.
type object [][2]any

func (o object) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, kv := range o {
		if i > 0 {
			out = append(out, ',')
		}
		k, err := json.Marshal(kv[0])
		if err != nil {
			return nil, err
		}
		v, err := json.Marshal(kv[1])
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, k...), ':'), v...)
	}
	return append(out, '}'), nil
}

type deriver struct{ legacy bool }

func (d deriver) record(fields []types.Field, name string) (any, error) {
	list := []any{}
	for _, f := range fields {
		t, err := d.value(f.Name, f.Type, name+"_"+f.Name)
		if err != nil {
			return nil, err
		}
		o := object{{"name", f.Name}, {"type", t}}
		if !f.Type.NotNull {
			o[1][1] = []any{"null", t}
			o = append(o, [2]any{"default", nil})
		}
		list = append(list, o)
	}
	i := strings.LastIndexByte(name, '.')
	return object{{"type", "record"}, {"name", name[i+1:]}, {"namespace", name[:i]}, {"fields", list}}, nil
}

func (d deriver) nullable(column string, t types.Type, name string) (any, error) {
	v, err := d.value(column, t, name)
	if err != nil || t.NotNull {
		return v, err
	}
	return []any{"null", v}, nil
}

func logical(base, name string) object { return object{{"type", base}, {"logicalType", name}} }

func (d deriver) value(column string, t types.Type, name string) (any, error) {
	refuse := func(why string) (any, error) {
		return nil, diag.New(diag.UnsupportedByFlink, "format 'avro' cannot hold column `%s` of type %s%s", column, t, why)
	}
	switch t.Kind {
	case types.Boolean:
		return "boolean", nil
	case types.TinyInt, types.SmallInt, types.Int:
		return "int", nil
	case types.BigInt:
		return "long", nil
	case types.Float:
		return "float", nil
	case types.Double:
		return "double", nil
	case types.Binary, types.VarBinary:
		return "bytes", nil
	case types.Date:
		return logical("int", "date"), nil
	case types.Time:
		if t.Prec > 3 {
			return refuse(": a TIME has at most 3 digits")
		}
		return logical("int", "time-millis"), nil
	case types.Timestamp, types.TimestampLTZ:
		local := ""
		switch {
		case d.legacy && t.Kind == types.TimestampLTZ:
			return refuse(": set 'avro.timestamp_mapping.legacy' = 'false'")
		case d.legacy && t.Prec > 3:
			return refuse(": a TIMESTAMP has at most 3 digits, 6 with 'avro.timestamp_mapping.legacy' = 'false'")
		case t.Prec > 6:
			return refuse(": a TIMESTAMP has at most 6 digits")
		case !d.legacy && t.Kind == types.Timestamp:
			local = "local-"
		}
		if t.Prec <= 3 {
			return logical("long", local+"timestamp-millis"), nil
		}
		return logical("long", local+"timestamp-micros"), nil
	case types.Decimal:
		return object{{"type", "bytes"}, {"logicalType", "decimal"}, {"precision", t.Prec}, {"scale", t.Scale}}, nil
	case types.Row:
		return d.record(t.Fields, name)
	case types.Array:
		v, err := d.nullable(column, *t.Elem, name)
		return object{{"type", "array"}, {"items", v}}, err
	case types.Map:
		if !t.Key.IsString() {
			return refuse(": keys of a MAP must be strings")
		}
		v, err := d.nullable(column, *t.Elem, name)
		return object{{"type", "map"}, {"values", v}}, err
	case types.Multiset:
		if !t.Elem.IsString() {
			return refuse(": elements of a MULTISET must be strings")
		}
		return object{{"type", "map"}, {"values", "int"}}, nil
	}
	if t.IsString() {
		return "string", nil
	}
	return refuse("")
}
