package bind

import (
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

func (b *Binder) showCreate(s *ast.ShowCreate) (*Action, error) {
	one := func(text string) *Action {
		return shows("SHOW CREATE "+s.What, []string{"result"}, func() ([][]any, error) { return [][]any{{text}}, nil })
	}
	switch s.What {
	case "TABLE", "VIEW":
		t, err := b.lookupTable(s.Name)
		if err != nil {
			return nil, err
		}
		if t.View != (s.What == "VIEW") {
			return nil, diag.At(s.Name.Span(), diag.InvalidQuery, "%s is a %s: use SHOW CREATE %s", s.Name, t.Kind(), strings.ToUpper(t.Kind()))
		}
		if t.View {
			return one(createViewText(t)), nil
		}
		return one(createTableText(t, b.secretOptions(t))), nil
	case "CATALOG":
		comment, opts, err := b.Session.Store.CatalogInfo(s.Name.Last())
		if err != nil {
			return nil, placed(err, s.Name.Span())
		}
		text := "CREATE CATALOG " + catalog.Quote(s.Name.Last())
		if comment != "" {
			text += "\nCOMMENT " + quote(comment)
		}
		return one(text + optionsText(opts)), nil
	}
	return nil, unsupported(s.Span(), "SHOW CREATE %s is", s.What)
}

// secretOptions are the table's options with secrets hidden.
func (b *Binder) secretOptions(t *catalog.Table) connect.Options {
	var decl []connect.Option
	if c, err := connect.Pick(b.Session.Host.Connectors, t.Options); err == nil {
		decl = c.Options
	}
	return connect.Redact(t.Options, decl)
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// createTableText is the statement that would make the table again, in Flink's
// layout.
func createTableText(t *catalog.Table, opts connect.Options) string {
	var lines []string
	for _, c := range t.Columns {
		l := "  " + catalog.Quote(c.Name) + " "
		switch c.Kind {
		case catalog.Computed:
			l += "AS " + c.Text
		default:
			l += ddlType(c.Type)
			if e := extras(c); e != "" {
				l += " " + e
			}
		}
		if c.Comment != "" {
			l += " COMMENT " + quote(c.Comment)
		}
		lines = append(lines, l)
	}
	if w := t.Watermark; w != nil {
		lines = append(lines, "  WATERMARK FOR "+catalog.Quote(t.Columns[w.Column].Name)+" AS "+w.Text)
	}
	if k := t.PrimaryKey; k != nil {
		var cols []string
		for _, i := range k.Columns {
			cols = append(cols, catalog.Quote(t.Columns[i].Name))
		}
		lines = append(lines, "  CONSTRAINT "+catalog.Quote(k.Name)+" PRIMARY KEY ("+strings.Join(cols, ", ")+") NOT ENFORCED")
	}
	s := "CREATE "
	if t.Temporary {
		s += "TEMPORARY "
	}
	s += "TABLE " + t.Path.String() + " (\n" + strings.Join(lines, ",\n") + "\n)"
	if t.Comment != "" {
		s += "\nCOMMENT " + quote(t.Comment)
	}
	if d := t.Distribution; d != nil {
		s += "\nDISTRIBUTED"
		if len(d.Columns) > 0 {
			s += " BY " + d.Kind + "(" + quoted(d.Columns) + ")"
		}
		if d.Buckets > 0 {
			s += " INTO " + strconv.Itoa(d.Buckets) + " BUCKETS"
		}
	}
	if len(t.PartitionKeys) > 0 {
		s += "\nPARTITIONED BY (" + quoted(t.PartitionKeys) + ")"
	}
	return s + optionsText(opts)
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = catalog.Quote(n)
	}
	return strings.Join(out, ", ")
}

// ddlType is a type as SHOW CREATE writes it: STRING is VARCHAR(2147483647).
func ddlType(t types.Type) string {
	s := t.Plain().String()
	switch {
	case t.Kind == types.VarChar && t.Prec == types.MaxLength:
		return strings.Replace(s, "STRING", "VARCHAR(2147483647)", 1)
	case t.Kind == types.VarBinary && t.Prec == types.MaxLength:
		return strings.Replace(s, "BYTES", "VARBINARY(2147483647)", 1)
	}
	return s
}

func optionsText(opts connect.Options) string {
	if len(opts) == 0 {
		return ""
	}
	var lines []string
	for _, k := range opts.Keys() {
		lines = append(lines, "  "+quote(k)+" = "+quote(opts[k]))
	}
	return "\nWITH (\n" + strings.Join(lines, ",\n") + "\n)"
}

func createViewText(t *catalog.Table) string {
	s := "CREATE "
	if t.Temporary {
		s += "TEMPORARY "
	}
	var cols []string
	for _, c := range t.Columns {
		cols = append(cols, "  "+catalog.Quote(c.Name))
	}
	s += "VIEW " + t.Path.String() + " (\n" + strings.Join(cols, ",\n") + "\n)"
	if t.Comment != "" {
		s += "\nCOMMENT " + quote(t.Comment)
	}
	return s + "\nAS " + t.Expanded
}
