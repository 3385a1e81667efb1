package expr

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// constantText is the text of a constant argument.
func constantText(n Node, what string) (string, error) {
	l, ok := n.(*Literal)
	if !ok || !l.Type().IsString() || l.Col.IsNull(0) {
		return "", diag.At(n.Span(), diag.InvalidArgument, "%s must be a constant string", what)
	}
	var tmp [12]byte
	return string(l.Col.Bytes(0, &tmp)), nil
}

// newObjectOf makes OBJECT_OF('class', 'field', value, ...): a row with a class. Its type
// may be NULL, as in Flink, though no object is.
func newObjectOf(args []Node, at diag.Span) (Node, error) {
	class, err := constantText(args[0], "the class of OBJECT_OF")
	if err != nil {
		return nil, err
	}
	if len(args)%2 == 0 {
		return nil, diag.At(at, diag.InvalidArgument, "OBJECT_OF takes a class, then names and values in turn")
	}
	t := types.Type{Kind: types.Row, Class: class}
	var values []Node
	for k := 1; k < len(args); k += 2 {
		name, err := constantText(args[k], "the name of a field")
		if err != nil {
			return nil, err
		}
		if fieldNamed(t, name) >= 0 {
			return nil, diag.At(args[k].Span(), diag.DuplicateName, "field %q is given twice", name)
		}
		t.Fields = append(t.Fields, types.Field{Name: name, Type: args[k+1].Type().Plain()})
		values = append(values, args[k+1])
	}
	return &Make{Args: values, T: t, At: at}, nil
}

func fieldNamed(t types.Type, name string) int {
	for i, f := range t.Fields {
		if f.Name == name {
			return i
		}
	}
	return -1
}

// newObjectUpdate makes OBJECT_UPDATE(object, 'field', value, ...): the object's fields
// with some of them new; NULL for no object.
func newObjectUpdate(args []Node, at diag.Span) (Node, error) {
	o := args[0]
	t := o.Type().Plain()
	if t.Kind != types.Row || t.Class == "" {
		return nil, diag.At(o.Span(), diag.InvalidArgument, "OBJECT_UPDATE takes an object, not %s", t.Nullable(true)).
			WithHint("OBJECT_OF('class', 'field', value, ...) makes one")
	}
	if len(args)%2 == 0 || len(args) < 3 {
		return nil, diag.At(at, diag.InvalidArgument, "OBJECT_UPDATE takes an object, then names and values in turn")
	}
	values := make([]Node, len(t.Fields))
	given := make([]bool, len(t.Fields))
	for k := 1; k < len(args); k += 2 {
		name, err := constantText(args[k], "the name of a field")
		if err != nil {
			return nil, err
		}
		i := fieldNamed(t, name)
		if i < 0 {
			names := make([]string, len(t.Fields))
			for j, f := range t.Fields {
				names[j] = f.Name
			}
			e := diag.At(args[k].Span(), diag.UnknownColumn, "no field %q in %s", name, t.Class)
			if g := diag.Suggest(name, names); g != "" {
				e.WithHint("did you mean %s", g)
			}
			return nil, e
		}
		if given[i] {
			return nil, diag.At(args[k].Span(), diag.DuplicateName, "field %q is given twice", name)
		}
		given[i] = true
		if args[k+1].Type().IsString() && t.Fields[i].Type.IsString() {
			values[i] = args[k+1] // of its own length
			continue
		}
		if values[i], err = NewImplicitCast(args[k+1], t.Fields[i].Type, args[k+1].Span()); err != nil {
			return nil, err
		}
	}
	out := t.Nullable(false)
	out.Fields = append([]types.Field(nil), t.Fields...)
	for i := range values {
		if values[i] == nil {
			values[i] = newField(o, i, t.Fields[i].Name, at)
		}
		out.Fields[i].Type = values[i].Type().Plain()
	}
	made := &Make{Args: values, T: out, At: at}
	if _, object := o.(*Make); object || !t.IsNullable() {
		made.T = out.Nullable(t.IsNullable())
		return made, nil
	}
	return NewCase([]Node{NewIs(IsNull, true, o, at), made, NewNull(out.Nullable(true), at)}, at)
}
