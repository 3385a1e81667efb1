package print

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
)

// Tree dumps a node and all below it, one field a line, with the places of nodes in
// bytes. Empty fields are left out. It is for people: `mink parse --ast`.
func Tree(n ast.Node) string {
	var d dumper
	d.value("", reflect.ValueOf(n), 0)
	return strings.TrimSuffix(d.b.String(), "\n")
}

// dumper walks any struct by reflection: a dump must show every field, and is never
// on a hot path.
type dumper struct{ b strings.Builder }

func (d *dumper) line(depth int, label, text string) {
	d.b.WriteString(strings.Repeat("  ", depth))
	if label != "" {
		d.b.WriteString(label + ": ")
	}
	d.b.WriteString(text + "\n")
}

func (d *dumper) value(label string, v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if !v.IsNil() {
			d.value(label, v.Elem(), depth)
		}
		return
	case reflect.Slice:
		d.slice(label, v, depth)
		return
	}
	if v.IsZero() && label != "" && label != "Kind" && label != "Op" {
		return
	}
	switch x := v.Interface().(type) {
	case ast.Identifier:
		if x.Name != "" {
			d.line(depth, label, name(ast.Name{x}))
		}
		return
	case ast.String:
		d.line(depth, label, fmt.Sprintf("%q", x.Value))
		return
	case ast.Option:
		d.line(depth, label, fmt.Sprintf("%q = %q", x.Key.Value, x.Value.Value))
		return
	case ast.IntervalQualifier:
		d.line(depth, label, qualifier(x))
		return
	case fmt.Stringer:
		if s := x.String(); s != "" {
			d.line(depth, label, s)
		}
		return
	}
	if v.Kind() != reflect.Struct {
		format := "%v"
		if v.Kind() == reflect.String {
			format = "%q"
		}
		d.line(depth, label, fmt.Sprintf(format, v.Interface()))
		return
	}
	head := v.Type().Name()
	if n, ok := v.Interface().(ast.Node); ok && n.Span() != (diag.Span{}) {
		head += " " + place(n.Span())
	}
	d.line(depth, label, head)
	d.fields(v, depth+1)
}

func (d *dumper) fields(v reflect.Value, depth int) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		switch {
		case f.Anonymous && f.Type.Name() == "TypeBase":
			d.value("Null", v.Field(i).FieldByName("Null"), depth)
		case f.Anonymous, f.Type == reflect.TypeOf(diag.Span{}):
		default:
			d.value(f.Name, v.Field(i), depth)
		}
	}
}

func (d *dumper) slice(label string, v reflect.Value, depth int) {
	if v.Len() == 0 {
		return
	}
	switch x := v.Interface().(type) {
	case ast.Name:
		d.line(depth, label, name(x))
		return
	case []ast.Identifier:
		parts := make([]string, len(x))
		for i, id := range x {
			parts[i] = name(ast.Name{id})
		}
		d.line(depth, label, strings.Join(parts, ", "))
		return
	case []string, []int:
		d.line(depth, label, strings.Trim(fmt.Sprint(x), "[]"))
		return
	}
	d.line(depth, label, "")
	for i := range v.Len() {
		d.value("", v.Index(i), depth+1)
	}
}

// name writes a dotted name with backticks where they stood.
func name(n ast.Name) string {
	parts := make([]string, len(n))
	for i, id := range n {
		parts[i] = id.Name
		if id.Quoted {
			parts[i] = backticks(id.Name)
		}
	}
	return strings.Join(parts, ".")
}
