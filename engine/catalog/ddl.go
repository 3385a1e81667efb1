package catalog

import (
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/types"
)

// Text quotes a string literal.
func Text(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// QuoteAll quotes names and puts commas between them.
func QuoteAll(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = Quote(n)
	}
	return strings.Join(out, ", ")
}

// DDL is the statement that makes the table or view again.
func (t *Table) DDL() string {
	if m := t.Materialized; m != nil {
		return "CREATE MATERIALIZED TABLE " + Quote(t.Path.Object) + t.Body(t.Options) + m.Clauses(m.Original)
	}
	if t.View {
		return "CREATE VIEW " + Quote(t.Path.Object) + t.ViewColumns() + "AS " + t.Original
	}
	body := t.Body(t.Options)
	if len(t.Columns) == 0 {
		body = strings.TrimPrefix(body, " (\n\n)") // no statement has empty parentheses
	}
	return "CREATE TABLE " + Quote(t.Path.Object) + body
}

// ViewColumns is what stands between the name and AS in CREATE VIEW.
func (t *Table) ViewColumns() string {
	cols := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		cols[i] = "  " + Quote(c.Name)
	}
	s := " (\n" + strings.Join(cols, ",\n") + "\n)\n"
	if t.Comment != "" {
		s += "COMMENT " + Text(t.Comment) + "\n"
	}
	return s
}

// Body is what stands behind the name in CREATE TABLE, in Flink's layout, with the
// given options.
func (t *Table) Body(opts connect.Options) string {
	var lines []string
	for _, c := range t.Columns {
		l := "  " + Quote(c.Name) + " "
		switch c.Kind {
		case Computed:
			l += "AS " + c.Text
		default:
			l += TypeText(c.Type)
			if e := c.Extras(); e != "" {
				l += " " + e
			}
		}
		if c.Comment != "" {
			l += " COMMENT " + Text(c.Comment)
		}
		lines = append(lines, l)
	}
	if w := t.Watermark; w != nil {
		lines = append(lines, "  WATERMARK FOR "+Quote(t.Columns[w.Column].Name)+" AS "+w.Text)
	}
	if k := t.PrimaryKey; k != nil {
		var cols []string
		for _, i := range k.Columns {
			cols = append(cols, t.Columns[i].Name)
		}
		lines = append(lines, "  CONSTRAINT "+Quote(k.Name)+" PRIMARY KEY ("+QuoteAll(cols)+") NOT ENFORCED")
	}
	s := " (\n" + strings.Join(lines, ",\n") + "\n)"
	if t.Comment != "" {
		s += "\nCOMMENT " + Text(t.Comment)
	}
	if d := t.Distribution; d != nil {
		s += "\n" + d.Text()
	}
	if len(t.PartitionKeys) > 0 {
		s += "\nPARTITIONED BY (" + QuoteAll(t.PartitionKeys) + ")"
	}
	if t.Connection != nil {
		s += "\nUSING CONNECTION " + t.Connection.Text()
	}
	return s + WithText(opts)
}

// Text is the clause DISTRIBUTED.
func (d *Distribution) Text() string {
	s := "DISTRIBUTED"
	if len(d.Columns) > 0 {
		s += " BY " + d.Kind + "(" + QuoteAll(d.Columns) + ")"
	}
	if d.Buckets > 0 {
		s += " INTO " + strconv.Itoa(d.Buckets) + " BUCKETS"
	}
	return s
}

// Extras is what DESCRIBE shows of a column beside its type: METADATA or AS.
func (c Column) Extras() string {
	switch c.Kind {
	case Computed:
		return "AS " + c.Text
	case Metadata:
		s := "METADATA"
		if c.HasKey {
			s += " FROM " + Text(c.Key)
		}
		if c.Virtual {
			s += " VIRTUAL"
		}
		return s
	}
	return ""
}

// WithText is the clause WITH on lines of its own, sorted by key; "" without options.
func WithText(opts connect.Options) string {
	if len(opts) == 0 {
		return ""
	}
	var lines []string
	for _, k := range opts.Keys() {
		lines = append(lines, "  "+Text(k)+" = "+Text(opts[k]))
	}
	return "\nWITH (\n" + strings.Join(lines, ",\n") + "\n)"
}

// DDL is the statement that makes the model again.
func (m *Model) DDL() string { return "CREATE MODEL " + Quote(m.Path.Object) + m.Body(m.Options) }

// Body is what stands behind the name in CREATE MODEL, with the given options.
func (m *Model) Body(opts connect.Options) string {
	s := ""
	for _, part := range []struct {
		word string
		list types.Schema
	}{{"INPUT", m.Input}, {"OUTPUT", m.Output}} {
		if len(part.list) == 0 {
			continue
		}
		lines := make([]string, len(part.list))
		for i, f := range part.list {
			lines[i] = Quote(f.Name) + " " + TypeText(f.Type)
			if f.Comment != "" {
				lines[i] += " COMMENT " + Text(f.Comment)
			}
		}
		s += "\n" + part.word + " (" + strings.Join(lines, ", ") + ")"
	}
	if m.Comment != "" {
		s += "\nCOMMENT " + Text(m.Comment)
	}
	return s + WithText(opts)
}

// DDL is the statement that makes the connection again.
func (c *Connection) DDL() string {
	s := "CREATE CONNECTION " + Quote(c.Path.Object)
	if c.Comment != "" {
		s += " COMMENT " + Text(c.Comment)
	}
	return s + WithText(c.Options)
}

// TypeText is a type as SHOW CREATE writes it: without short names, fields with
// their comments.
func TypeText(t types.Type) string {
	t = t.Plain()
	s := ""
	switch {
	case t.Kind == types.VarChar && t.Prec == types.MaxLength:
		s = "VARCHAR(2147483647)"
	case t.Kind == types.VarBinary && t.Prec == types.MaxLength:
		s = "VARBINARY(2147483647)"
	case t.Kind == types.Array || t.Kind == types.Multiset:
		s = t.Kind.String() + "<" + TypeText(*t.Elem) + ">"
	case t.Kind == types.Map:
		s = "MAP<" + TypeText(*t.Key) + ", " + TypeText(*t.Elem) + ">"
	case t.Kind == types.Row:
		fields := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = Quote(f.Name) + " " + TypeText(f.Type)
			if f.Comment != "" {
				fields[i] += " " + Text(f.Comment)
			}
		}
		s = "ROW<" + strings.Join(fields, ", ") + ">"
	default:
		return t.String()
	}
	if t.NotNull {
		s += " NOT NULL"
	}
	return s
}
