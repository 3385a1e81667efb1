package bind

import (
	"regexp"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// shows is an action that returns rows of text columns.
func shows(name string, columns []string, f func() ([][]any, error)) *Action {
	s := make(types.Schema, len(columns))
	for i, c := range columns {
		s[i] = types.Field{Name: c, Type: types.StringT}
	}
	return &Action{Name: name, Shows: true, Apply: func() (*Rows, error) {
		data, err := f()
		if err != nil {
			return nil, err
		}
		return &Rows{Schema: s, Data: data}, nil
	}}
}

func (b *Binder) show(s *ast.Show) (*Action, error) {
	keep, err := filter(s.Filter)
	if err != nil {
		return nil, err
	}
	list := func(header string, f func() ([]string, error)) *Action {
		return shows("SHOW "+s.What, []string{header}, func() ([][]any, error) {
			names, err := f()
			if err != nil {
				return nil, err
			}
			var out [][]any
			for _, n := range names {
				if keep(n) {
					out = append(out, []any{n})
				}
			}
			return out, nil
		})
	}
	switch s.What {
	case "CATALOGS":
		return list("catalog name", func() ([]string, error) { return b.Session.Store.Catalogs(), nil }), nil
	case "DATABASES":
		return list("database name", func() ([]string, error) {
			cat, _ := b.Session.Current()
			if len(s.From) > 0 {
				cat = s.From.Last()
			}
			names, err := b.Session.Store.Databases(cat)
			return names, placed(err, s.From.Span())
		}), nil
	case "TABLES":
		return list("table name", func() ([]string, error) { return b.entries(s.From, catalog.Tables, "") }), nil
	case "VIEWS":
		return list("view name", func() ([]string, error) { return b.entries(s.From, catalog.Tables, "view") }), nil
	case "FUNCTIONS":
		return list("function name", func() ([]string, error) { return b.functionNames(s) }), nil
	case "MATERIALIZED TABLES":
		return list("table name", func() ([]string, error) { return b.entries(s.From, catalog.Tables, "materialized table") }), nil
	case "COLUMNS":
		return b.showColumns(s, keep)
	case "MODULES":
		return b.showModules(s), nil
	case "MODELS":
		return list("model name", func() ([]string, error) { return b.entries(s.From, catalog.Models, "") }), nil
	case "CONNECTIONS":
		return nil, diag.At(s.Span(), diag.UnsupportedByFlink, "SHOW CONNECTIONS is parsed but cannot be run")
	case "JARS":
		return list("jars", func() ([]string, error) { return nil, nil }), nil
	case "PARTITIONS":
		return b.showPartitions(s)
	case "PROCEDURES":
		return list("procedure name", func() ([]string, error) { return b.procedureNames(s.From) }), nil
	}
	return nil, unsupported(s.Span(), "SHOW %s is", s.What)
}

// place is the database after FROM or IN, or the current one.
func (b *Binder) place(n ast.Name) (cat, db string, err error) {
	if len(n) == 0 {
		cat, db = b.Session.Current()
		return cat, db, nil
	}
	if cat, db, err = b.databaseName(n); err == nil {
		err = placed(b.Session.Store.CheckDatabase(cat, db), n.Span())
	}
	return cat, db, err
}

// entries names the objects of a namespace in the database after FROM; what chooses
// a kind of them.
func (b *Binder) entries(from ast.Name, k catalog.Kind, what string) ([]string, error) {
	cat, db, err := b.place(from)
	if err != nil {
		return nil, err
	}
	list, err := b.Session.List(k, cat, db)
	var out []string
	for _, e := range list {
		if what == "" || e.What == what {
			out = append(out, e.Name)
		}
	}
	return out, placed(err, from.Span())
}

// filter makes the test of LIKE and ILIKE.
func filter(f ast.ShowFilter) (func(string) bool, error) {
	if f.Kind == "" {
		return func(string) bool { return true }, nil
	}
	var re strings.Builder
	re.WriteString("(?s)")
	if f.Kind == "ILIKE" {
		re.WriteString("(?i)")
	}
	re.WriteString("^")
	esc := false
	for _, r := range f.Pattern.Value {
		switch {
		case esc:
			re.WriteString(regexp.QuoteMeta(string(r)))
			esc = false
		case r == '\\':
			esc = true
		case r == '%':
			re.WriteString(".*")
		case r == '_':
			re.WriteString(".")
		default:
			re.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	re.WriteString("$")
	c, err := regexp.Compile(re.String())
	if err != nil {
		return nil, diag.At(f.Pattern.Span, diag.InvalidArgument, "'%s' is no pattern", f.Pattern.Value)
	}
	return func(s string) bool { return c.MatchString(s) != f.Not }, nil
}

func (b *Binder) showColumns(s *ast.Show, keep func(string) bool) (*Action, error) {
	t, err := b.lookupTable(s.From)
	if err != nil {
		return nil, err
	}
	return columnsOf("SHOW COLUMNS", t, keep), nil
}

func (b *Binder) describe(s *ast.Describe) (*Action, error) {
	switch s.What {
	case "TABLE":
		t, err := b.lookupTable(s.Name)
		if err != nil {
			return nil, err
		}
		a := columnsOf("DESCRIBE", t, func(string) bool { return true })
		if s.Extended {
			a = b.describeExtended(t, a)
		}
		return a, nil
	case "CATALOG":
		name := s.Name.Last()
		return shows("DESCRIBE CATALOG", []string{"info name", "info value"}, func() ([][]any, error) {
			info, err := b.Session.Store.CatalogInfo(name)
			if err != nil {
				return nil, placed(err, s.Name.Span())
			}
			opts := connect.Redact(info.Options, nil)
			out := [][]any{{"name", name}, {"type", opts["type"]}, {"comment", info.Comment}}
			if s.Extended {
				for _, k := range opts.Keys() {
					if k != "type" {
						out = append(out, []any{"option:" + k, opts[k]})
					}
				}
			}
			return out, nil
		}), nil
	case "FUNCTION":
		return b.describeFunction(s)
	case "MODEL":
		return b.describeModel(s)
	case "DATABASE", "CONNECTION":
		return nil, diag.At(s.Span(), diag.UnsupportedByFlink, "DESCRIBE %s is parsed but not run by Flink", s.What)
	}
	return nil, unsupported(s.Span(), "DESCRIBE %s is", s.What)
}

// columnsOf lists the columns of a table as DESCRIBE does.
func columnsOf(name string, t *catalog.Table, keep func(string) bool) *Action {
	header := []string{"name", "type", "null", "key", "extras", "watermark"}
	comments := false
	for _, c := range t.Columns {
		comments = comments || c.Comment != ""
	}
	if comments {
		header = append(header, "comment")
	}
	a := shows(name, header, func() ([][]any, error) {
		var out [][]any
		for i, c := range t.Columns {
			if !keep(c.Name) {
				continue
			}
			row := []any{c.Name, describeType(c.Type), !c.Type.NotNull, nil, nil, nil}
			if k := t.PrimaryKey; k != nil && slices.Contains(k.Columns, i) {
				var names []string
				for _, j := range k.Columns {
					names = append(names, t.Columns[j].Name)
				}
				row[3] = "PRI(" + strings.Join(names, ", ") + ")"
			}
			if e := c.Extras(); e != "" {
				row[4] = e
			}
			if t.Watermark != nil && t.Watermark.Column == i {
				row[5] = t.Watermark.Text
			}
			if comments {
				var text any
				if c.Comment != "" {
					text = c.Comment
				}
				row = append(row, text)
			}
			out = append(out, row)
		}
		return out, nil
	})
	return a.typed(types.BooleanT, 2)
}

// describeType is a type without its nullability, which has a column of its own.
func describeType(t types.Type) string { return t.Nullable(true).Describe() }

func (b *Binder) showCurrent(s *ast.ShowCurrent) (*Action, error) {
	word := strings.ToLower(s.What)
	return shows("SHOW CURRENT "+s.What, []string{"current " + word + " name"}, func() ([][]any, error) {
		cat, db := b.Session.Current()
		if s.What == "CATALOG" {
			db = cat
		}
		return [][]any{{db}}, nil
	}), nil
}
