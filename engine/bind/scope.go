package bind

import (
	"cmp"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// scope is what names in an expression can mean: the relations of FROM.
type scope struct {
	rels []*relation
	// visible are the columns that a bare name finds, in the order of SELECT *.
	visible []visible
	outer   *scope
}

// relation is a table of FROM under its alias.
type relation struct {
	alias string
	// shown is the name in the text of a view where there is no alias.
	shown string
	// path are catalog, database and table when the table has no alias.
	path []string
	cols []column
}

type column struct {
	name  string
	index int // in the rows of FROM
	typ   types.Type
	// unstarred columns are left out of *.
	unstarred bool
}

// visible is a column as a bare name sees it: one column, or the merged column of
// USING.
type visible struct {
	name string
	node expr.Node
	rel  *relation
	// sides are those of a column that USING merges.
	sides []ast.Name
	// unstarred as in column.
	unstarred bool
}

// newScope makes the scope of one relation over a node's columns.
func newScope(alias string, path []string, s types.Schema) *scope {
	r := &relation{alias: alias, path: path}
	sc := &scope{rels: []*relation{r}}
	for i, f := range s {
		r.cols = append(r.cols, column{name: f.Name, index: i, typ: f.Type})
		sc.visible = append(sc.visible, visible{name: f.Name, node: expr.NewRef(i, f.Type, diag.Span{}), rel: r})
	}
	return sc
}

// types refreshes the types of all columns from the rows they are columns of.
func (s *scope) retype(schema types.Schema) {
	for _, r := range s.rels {
		for i := range r.cols {
			r.cols[i].typ = schema[r.cols[i].index].Type
		}
	}
	for i, v := range s.visible {
		if ref, ok := v.node.(*expr.InputRef); ok && len(ref.Path) == 0 {
			s.visible[i].node = expr.NewRef(ref.Index, schema[ref.Index].Type, diag.Span{})
		}
	}
}

// shift moves all columns by n.
func (s *scope) shift(n int) {
	for _, r := range s.rels {
		for i := range r.cols {
			r.cols[i].index += n
		}
	}
	for i := range s.visible {
		s.visible[i].node = expr.Shift(s.visible[i].node, n)
	}
}

// found is a resolved prefix of a dotted name.
type found struct {
	node expr.Node
	used int // parts of the name
}

// lookup resolves the front of a name in this scope alone.
func (s *scope) lookup(name ast.Name) ([]found, *relation) {
	var hits []found
	var near *relation
	// A table's name comes before a column's: t.a is column a of t.
	for k := 1; k < len(name) && k <= 3; k++ {
		for _, r := range s.rels {
			if !r.matches(name[:k]) {
				continue
			}
			near = r
			for _, c := range r.cols {
				if c.name == name[k].Name {
					hits = append(hits, found{expr.NewRef(c.index, c.typ, name[:k+1].Span()), k + 1})
				}
			}
		}
	}
	if len(hits) > 0 {
		return hits, near
	}
	for _, v := range s.visible {
		if v.name == name[0].Name {
			hits = append(hits, found{at(v.node, name[0].Span), 1})
		}
	}
	return hits, near
}

// sides are the names of a column by its table, several where USING has merged it.
func (s *scope) sides(id ast.Identifier) []ast.Name {
	if name := s.fullName(ast.Name{id}); name != nil {
		return []ast.Name{name}
	}
	return s.merged(ast.Name{id})
}

// merged are the sides of a column that USING merges, if a name means one.
func (s *scope) merged(name ast.Name) []ast.Name {
	for sc := s; sc != nil; sc = sc.outer {
		for _, v := range sc.visible {
			if v.name == name[0].Name && len(name) == 1 {
				return v.sides
			}
		}
	}
	return nil
}

// fullName is the name of a column with that of its table in front; nil when nothing is
// known of it.
func (s *scope) fullName(name ast.Name) ast.Name {
	for sc := s; sc != nil; sc = sc.outer {
		for k := 1; k < len(name) && k <= 3; k++ {
			for _, r := range sc.rels {
				if r.matches(name[:k]) && slices.ContainsFunc(r.cols, func(c column) bool { return c.name == name[k].Name }) {
					return r.of(name[k:]...)
				}
			}
		}
		for _, v := range sc.visible {
			if v.name == name[0].Name {
				if v.rel == nil {
					return nil
				}
				return v.rel.of(name...)
			}
		}
	}
	return nil
}

// of is a column of a relation by the relation's name; the bare one when that has none.
func (r *relation) of(col ...ast.Identifier) ast.Name {
	table := cmp.Or(r.shown, r.alias)
	if table == "" {
		return col
	}
	return append(ast.Name{{Name: table}}, col...)
}

// of is the name of a column with that of its table in front.
func (v visible) of() ast.Name {
	id := ast.Identifier{Name: v.name}
	if v.rel == nil {
		return ast.Name{id}
	}
	return v.rel.of(id)
}

// at gives a column reference a place.
func at(n expr.Node, span diag.Span) expr.Node {
	if r, ok := n.(*expr.InputRef); ok {
		c := *r
		c.At = span
		return &c
	}
	return n
}

func (r *relation) matches(q ast.Name) bool {
	if len(q) == 1 {
		return r.alias != "" && r.alias == q[0].Name
	}
	if len(r.path) < len(q) {
		return false
	}
	tail := r.path[len(r.path)-len(q):]
	for i := range q {
		if tail[i] != q[i].Name {
			return false
		}
	}
	return true
}

// column resolves a dotted name to a column or to a field inside one.
func (s *scope) column(name ast.Name) (expr.Node, error) {
	level := 0
	for sc := s; sc != nil; sc, level = sc.outer, level+1 {
		hits, near := sc.lookup(name)
		if len(hits) > 1 {
			return nil, sc.ambiguous(name, hits)
		}
		if len(hits) == 1 {
			n := hits[0].node
			if level > 0 {
				n = expr.Shift(n, level*logical.Outer)
			}
			return fields(n, name, hits[0].used)
		}
		if near != nil {
			return nil, s.unknown(name, near)
		}
	}
	return nil, s.unknown(name, nil)
}

// fields goes into a ROW column along the rest of a name.
func fields(n expr.Node, name ast.Name, used int) (expr.Node, error) {
	for ; used < len(name); used++ {
		id := name[used]
		t := n.Type()
		if t.Kind != types.Row {
			return nil, diag.At(id.Span, diag.UnknownColumn, "%s is %s and has no field %q", name[:used].String(), t.Nullable(true), id.Name).
				WithHint("only a ROW has fields; MAP['key'] and JSON_VALUE(text, '$.key') read by key")
		}
		i := fieldIndex(t, id.Name)
		if i < 0 {
			return nil, noField(t, id)
		}
		f, err := expr.NewField(n, i, id.Span)
		if err != nil {
			return nil, err
		}
		n = f
	}
	return n, nil
}

func fieldIndex(t types.Type, name string) int {
	for i, f := range t.Fields {
		if f.Name == name {
			return i
		}
	}
	return -1
}

func noField(t types.Type, id ast.Identifier) error {
	var names []string
	for _, f := range t.Fields {
		names = append(names, f.Name)
	}
	e := diag.At(id.Span, diag.UnknownColumn, "no field %q in the row; fields are: %s", id.Name, strings.Join(names, ", "))
	return suggest(e, id.Name, names)
}

func suggest(e *diag.Error, name string, names []string) *diag.Error {
	if g := diag.Suggest(name, names); g != "" {
		e.WithHint("did you mean %s", g)
	}
	return e
}

func (s *scope) ambiguous(name ast.Name, hits []found) error {
	var where []string
	for _, r := range s.rels {
		for _, c := range r.cols {
			if c.name == name[hits[0].used-1].Name && r.alias != "" {
				where = append(where, r.alias+"."+c.name)
			}
		}
	}
	e := diag.At(name.Span(), diag.AmbiguousColumn, "column %q is ambiguous", name.String())
	if len(where) > 1 {
		e.WithHint("write one of: %s", strings.Join(where, ", "))
	}
	return e
}

// unknown is the error for a name that nothing has; near is the table it names.
func (s *scope) unknown(name ast.Name, near *relation) error {
	if near != nil {
		var names []string
		for _, c := range near.cols {
			names = append(names, c.name)
		}
		id := name[len(name)-1]
		for k := 1; k < len(name); k++ {
			if near.matches(name[:k]) {
				id = name[k]
				break
			}
		}
		e := diag.At(id.Span, diag.UnknownColumn, "no column %q in %s", id.Name, near.alias)
		e.WithNote(diag.Span{}, "columns are: %s", strings.Join(names, ", "))
		return suggest(e, id.Name, names)
	}
	var names []string
	for _, v := range s.visible {
		names = append(names, v.name)
	}
	if len(name) > 1 {
		var tables []string
		for sc := s; sc != nil; sc = sc.outer {
			for _, r := range sc.rels {
				if r.alias != "" {
					tables = append(tables, r.alias)
				}
			}
		}
		e := diag.At(name.Span(), diag.UnknownColumn, "no table or column %q in reach", name[0].Name)
		if len(tables) > 0 {
			e.WithNote(diag.Span{}, "tables are: %s", strings.Join(tables, ", "))
		}
		for sc := s; sc != nil; sc = sc.outer {
			for _, r := range sc.rels {
				if n := len(r.path); n > 0 && r.path[n-1] == name[0].Name {
					return e.WithHint("%s has the alias %s here: write %s.%s", name[0].Name, r.alias, r.alias, name[1].Name)
				}
			}
		}
		return suggest(e, name[0].Name, append(tables, names...))
	}
	if len(names) == 0 {
		return diag.At(name.Span(), diag.UnknownColumn, "no column %q: there is no FROM", name[0].Name)
	}
	e := diag.At(name.Span(), diag.UnknownColumn, "no column %q", name[0].Name)
	if len(s.rels) == 1 && s.rels[0].alias != "" {
		e.Msg += " in " + s.rels[0].alias
	}
	e.WithNote(diag.Span{}, "columns are: %s", strings.Join(names, ", "))
	return suggest(e, name[0].Name, names)
}
