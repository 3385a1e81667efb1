package bind

import (
	"slices"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// Analyze is ANALYZE TABLE: a query whose rows, one a partition, are statistics.
type Analyze struct {
	Table *catalog.Table
	// Query gives the partition columns, the number of rows, then the columns of each
	// of Measures in order.
	Query string
	// Keys is the number of partition columns.
	Keys     int
	Measures []Measure
	At       diag.Span
}

func (*Analyze) bound() {}

// Measure is a column that is looked at and what of it.
type Measure struct {
	Column string
	// Parts name what the query's columns are: ndv, nullCount, avgLen, maxLen, min, max,
	// trueCount, falseCount.
	Parts []string
}

// analyze binds ANALYZE TABLE. Statistics are counted exactly, by an ordinary query.
func (b *Binder) analyze(s *ast.AnalyzeTable) (Bound, error) {
	if !b.batch() {
		return nil, diag.At(s.Span(), diag.UnsupportedByFlink, "ANALYZE TABLE is not supported in streaming mode").
			WithHint("SET 'execution.runtime-mode' = 'batch'")
	}
	t, err := b.lookupTable(s.Name)
	if err != nil {
		return nil, err
	}
	if t.View {
		return nil, diag.At(s.Name.Span(), diag.UnsupportedByFlink, "%s is a view, and ANALYZE TABLE is for tables", s.Name)
	}
	where, err := b.analyzedPartitions(s, t)
	if err != nil {
		return nil, err
	}
	a := &Analyze{Table: t, At: s.Name.Span()}
	if a.Measures, err = measures(s, t); err != nil {
		return nil, err
	}
	var list, keys []string
	for _, k := range t.PartitionKeys {
		keys = append(keys, catalog.Quote(k))
	}
	a.Keys = len(keys)
	list = append(append(list, keys...), "COUNT(*)")
	for _, m := range a.Measures {
		for _, p := range m.Parts {
			list = append(list, measureText(p, catalog.Quote(m.Column)))
		}
	}
	a.Query = "SELECT " + strings.Join(list, ", ") + " FROM " + t.Path.String()
	if len(where) > 0 {
		a.Query += " WHERE " + strings.Join(where, " AND ")
	}
	if len(keys) > 0 {
		a.Query += " GROUP BY " + strings.Join(keys, ", ")
	}
	return a, nil
}

func measureText(part, col string) string {
	switch part {
	case "ndv":
		return "COUNT(DISTINCT " + col + ")"
	case "nullCount":
		return "COUNT(*) - COUNT(" + col + ")"
	case "avgLen":
		return "AVG(CAST(CHAR_LENGTH(" + col + ") AS DOUBLE))"
	case "maxLen":
		return "CAST(MAX(CHAR_LENGTH(" + col + ")) AS BIGINT)"
	case "min":
		return "CAST(MIN(" + col + ") AS STRING)"
	case "max":
		return "CAST(MAX(" + col + ") AS STRING)"
	case "trueCount":
		return "COUNT(*) FILTER (WHERE " + col + ")"
	default:
		return "COUNT(*) FILTER (WHERE NOT " + col + ")"
	}
}

// measures are the columns to look at, with what their types have.
func measures(s *ast.AnalyzeTable, t *catalog.Table) ([]Measure, error) {
	var cols []int
	for _, id := range s.Columns {
		i := t.Index(id.Name)
		switch {
		case i < 0:
			return nil, suggest(diag.At(id.Span, diag.UnknownColumn, "no column %q in %s", id.Name, s.Name).
				WithNote(diag.Span{}, "columns are: %s", t.ColumnList()), id.Name, t.Schema().Names())
		case t.Columns[i].Kind != catalog.Physical:
			return nil, diag.At(id.Span, diag.UnsupportedByFlink, "column %s is computed or metadata, and statistics are of stored columns", id.Name)
		case slices.Contains(cols, i):
			return nil, diag.At(id.Span, diag.DuplicateName, "column %s is named twice", id.Name)
		}
		cols = append(cols, i)
	}
	if s.AllColumns {
		for i, c := range t.Columns {
			if c.Kind == catalog.Physical {
				cols = append(cols, i)
			}
		}
	}
	var out []Measure
	for _, i := range cols {
		m := Measure{Column: t.Columns[i].Name}
		switch t.Columns[i].Type.Kind {
		case types.Boolean:
			m.Parts = []string{"nullCount", "trueCount", "falseCount"}
		case types.TinyInt, types.SmallInt, types.Int, types.BigInt, types.Float, types.Double, types.Decimal,
			types.Date, types.Time, types.Timestamp, types.TimestampLTZ:
			m.Parts = []string{"ndv", "nullCount", "min", "max"}
		case types.Char, types.VarChar:
			m.Parts = []string{"ndv", "nullCount", "avgLen", "maxLen"}
		default:
			continue // Flink keeps nothing of such columns either
		}
		out = append(out, m)
	}
	return out, nil
}

// analyzedPartitions checks PARTITION, which names all partition columns and gives some
// of them a value, and makes conditions of it.
func (b *Binder) analyzedPartitions(s *ast.AnalyzeTable, t *catalog.Table) ([]string, error) {
	if len(t.PartitionKeys) == 0 && len(s.Partition) > 0 {
		return nil, diag.At(s.Partition[0].Column.Span, diag.InvalidQuery, "%s is not partitioned", s.Name)
	}
	seen := map[string]bool{}
	var where []string
	for _, p := range s.Partition {
		k := p.Column
		if !slices.Contains(t.PartitionKeys, k.Name) {
			return nil, suggest(diag.At(k.Span, diag.UnknownColumn, "%s is no partition column of %s", k.Name, s.Name), k.Name, t.PartitionKeys)
		}
		if seen[k.Name] {
			return nil, diag.At(k.Span, diag.DuplicateName, "PARTITION names %s twice", k.Name)
		}
		seen[k.Name] = true
		if p.Value == nil {
			continue
		}
		at := p.Value.Span()
		text := b.Text[at.Start:at.End]
		if l, ok := p.Value.(*ast.Literal); ok && l.Kind == ast.LitNull {
			where = append(where, catalog.Quote(k.Name)+" IS NULL")
		} else {
			where = append(where, catalog.Quote(k.Name)+" = "+text)
		}
	}
	for _, k := range t.PartitionKeys {
		if !seen[k] {
			return nil, diag.At(s.Name.Span(), diag.InvalidQuery, "%s is partitioned, so all of its partition columns must be named, and %s is not", s.Name, k).
				WithHint("write ANALYZE TABLE %s PARTITION (%s) COMPUTE STATISTICS", s.Name, joinWords(t.PartitionKeys))
		}
	}
	return where, nil
}

// describeExtended is DESCRIBE EXTENDED: a column more for statistics, if there are any.
func (b *Binder) describeExtended(t *catalog.Table, plain *Action) *Action {
	total, ok := b.Session.Store.Statistics(t).Total()
	if !ok {
		return plain
	}
	a := *plain
	a.Apply = func() (*Rows, error) {
		r, err := plain.Apply()
		if err != nil {
			return nil, err
		}
		r.Schema = append(r.Schema, types.Field{Name: "statistics", Type: types.StringT})
		for i, row := range r.Data {
			text := "rowCount=" + strconv.FormatInt(total.Rows, 10)
			if c, ok := total.Columns[row[0].(string)]; ok {
				text += ", " + c.String()
			}
			r.Data[i] = append(row, text)
		}
		return r, nil
	}
	return &a
}

// analyzed is the table with its statistics, for a scan of it.
func (b *Binder) analyzed(t *catalog.Table) *catalog.Table {
	s := b.Session.Store.Statistics(t)
	if s == nil {
		return t
	}
	c := *t
	c.Statistics = s
	return &c
}
