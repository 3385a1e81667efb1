package harness

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// values turns cells into columns of types, and columns into text.
type values struct {
	zone *time.Location
	day  string // the date that a time of day alone is on, "2020-01-01 "
}

// nested reports types whose cells are JSON.
func nested(t types.Type) bool {
	switch t.Kind {
	case types.Row, types.Array, types.Map, types.Multiset, types.Variant:
		return true
	}
	return false
}

// append adds a cell to a column.
func (v *values) append(b *batch.Builder, c Cell) error {
	t := b.Type()
	if c.Null {
		b.AppendNull()
		return nil
	}
	if nested(t) {
		col, err := v.json(t, c.Text)
		if err != nil {
			return err
		}
		b.Append(&col, 0)
		return nil
	}
	return kernel.ParseText(b, []byte(v.full(t, c.Text)), v.zone)
}

// full completes a time of day, which stands for that time of the test's first day.
func (v *values) full(t types.Type, text string) string {
	if (t.Kind == types.Timestamp || t.Kind == types.TimestampLTZ) && len(text) >= 4 && strings.Contains(text[:3], ":") {
		return v.day + text
	}
	return text
}

// json reads a value of a nested type with the format that has all types.
func (v *values) json(t types.Type, text string) (batch.Col, error) {
	if !json.Valid([]byte(text)) {
		return batch.Col{}, diag.New(diag.InvalidCast, "%s is no %s, which is written as JSON", text, t)
	}
	schema := types.Schema{{Name: "v", Type: t.Plain().Nullable(true)}}
	d, err := changeFormat.Decoder(schema, nil, connect.Options{}, &connect.Table{Schema: schema, Physical: 1, Zone: v.zone})
	if err != nil {
		return batch.Col{}, err
	}
	var out batch.Batch
	line := []byte(`{"op":"+I","row":{"v":` + strings.ReplaceAll(text, "\n", " ") + "}}\n")
	if _, err := d.Decode(&out, line, 0, true, 1); err != nil || out.N != 1 {
		return batch.Col{}, diag.New(diag.InvalidCast, "%s is no %s", text, t)
	}
	return out.Cols[0], nil
}

var changeFormat = func() *connect.Format {
	for _, f := range connectors.Formats() {
		if f.Name == "changelog-json" {
			return f
		}
	}
	panic("harness: there is no format changelog-json")
}()

// text is a value as a test writes it.
func (v *values) text(c *batch.Col, lane int) string {
	if c.IsNull(lane) {
		return "NULL"
	}
	text := string(kernel.AppendText(nil, c, lane, v.zone))
	if c.Type.Kind == types.Timestamp || c.Type.Kind == types.TimestampLTZ {
		return v.brief(text)
	}
	return quoteCell(text, c.Type)
}

// brief leaves out the first day of the test and zeros behind the second.
func (v *values) brief(text string) string {
	text = strings.TrimPrefix(text, v.day)
	if strings.IndexByte(text, '.') > 0 {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// cellEscapes keep a row on one line.
var cellEscapes = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`)

// quoteCell puts a string in quotes where it could be taken for something else.
func quoteCell(s string, t types.Type) string {
	if t.Kind == types.Char || t.Kind == types.VarChar {
		if s == "" || s == "NULL" || s[0] == '\'' || strings.TrimSpace(s) != s || strings.ContainsAny(s, "|\n\r\t") || strings.HasPrefix(s, "--") {
			return "'" + cellEscapes.Replace(strings.ReplaceAll(s, "'", "''")) + "'"
		}
	}
	return cellEscapes.Replace(s)
}

// canonical is the text that a value of a type would have if it were the one that a cell
// stands for.
func (v *values) canonical(t types.Type, c Cell) (string, error) {
	b := batch.NewBuilder(t.Plain().Nullable(true))
	if err := v.append(b, c); err != nil {
		return "", err
	}
	col := b.Finish()
	return v.text(&col, 0), nil
}

// columns finds the positions that a header names, or the first n.
func columns(p Place, header []Cell, names []string, n int, what string) ([]int, error) {
	if header == nil {
		out := make([]int, n)
		for i := range out {
			out[i] = i
		}
		return out, nil
	}
	out := make([]int, len(header))
	for i, h := range header {
		at := p
		at.Span = h.Span
		if out[i] = slices.Index(names, h.Text); out[i] < 0 {
			e := at.Fail(diag.UnknownColumn, "%s has no column %q", what, h.Text)
			if s := diag.Suggest(h.Text, names); s != "" {
				return nil, e.Hint("did you mean %q", s)
			}
			return nil, e.Hint("columns are: %s; if the line is a row, put a value of it in quotes", strings.Join(names, ", "))
		}
		if slices.Contains(out[:i], out[i]) {
			return nil, at.Fail(diag.DuplicateName, "column %q is named twice", h.Text)
		}
	}
	return out, nil
}

// rows makes a batch of a schema out of rows.
func (v *values) rows(p Place, schema types.Schema, header []Cell, rows []Row, what string) (*batch.Batch, error) {
	at, err := columns(p, header, schema.Names(), len(schema), what)
	if err != nil {
		return nil, err
	}
	b := batch.NewBatchBuilder(schema.Types()...)
	for _, r := range rows {
		here := p
		here.Span = r.Span
		if len(r.Cells) != len(at) {
			return nil, here.Fail(diag.SchemaMismatch, "the row has %d values for %d columns", len(r.Cells), len(at)).
				Hint("columns are: %s; a value with | in it stands in quotes", strings.Join(pick(schema.Names(), at), ", "))
		}
		for col := range schema {
			i := slices.Index(at, col)
			c := Cell{Null: true}
			if i >= 0 {
				c = r.Cells[i]
				here.Span = c.Span
			}
			if c.Null && schema[col].Type.NotNull {
				return nil, here.Fail(diag.NotNullViolation, "column %s of %s is NOT NULL", schema[col].Name, what).Hint("give it a value in each row")
			}
			if err := v.append(b.Col(col), c); err != nil {
				e := diag.As(err)
				return nil, here.Fail(e.Code, "column %s: %s", schema[col].Name, e.Msg)
			}
		}
		b.EndRow(r.Kind)
	}
	return b.Finish(), nil
}

func pick(names []string, at []int) []string {
	out := make([]string, len(at))
	for i, k := range at {
		out[i] = names[k]
	}
	return out
}

// CellOf makes a cell of a Go value, for tests written in Go: nil is NULL; numbers,
// strings, bools, times and durations are what they look like; slices, maps and structs
// are JSON.
func CellOf(x any) Cell {
	switch x := x.(type) {
	case nil:
		return Cell{Null: true}
	case Cell:
		return x
	case string:
		return Cell{Text: x}
	case []byte:
		return Cell{Text: string(x)}
	case time.Time:
		return Cell{Text: x.UTC().Format("2006-01-02 15:04:05.999999999")}
	case fmt.Stringer:
		return Cell{Text: x.String()}
	case bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64:
		return Cell{Text: fmt.Sprint(x)}
	}
	text, err := json.Marshal(x)
	if err != nil {
		return Cell{Text: fmt.Sprint(x)}
	}
	return Cell{Text: string(text)}
}

// Taken is a row of a batch.
type Taken struct {
	Schema types.Schema
	Batch  *batch.Batch
	Lane   int
}

// CellsOf are rows as a test gives them, under a header of the columns at some positions. A
// time on the day is written without its date.
func CellsOf(list []Taken, at []int, day time.Time) (header []Cell, rows []Row) {
	v := &values{zone: time.UTC, day: day.Format("2006-01-02 ")}
	for _, i := range at {
		header = append(header, Cell{Text: list[0].Schema[i].Name})
	}
	for _, t := range list {
		r := Row{Kind: t.Batch.Kind(t.Lane)}
		for _, i := range at {
			r.Cells = append(r.Cells, v.cell(&t.Batch.Cols[i], t.Lane))
		}
		rows = append(rows, r)
	}
	return header, rows
}

// cell is a value as it is given again.
func (v *values) cell(c *batch.Col, lane int) Cell {
	switch {
	case c.IsNull(lane):
		return Cell{Null: true}
	case nested(c.Type):
		return Cell{Text: v.asJSON(c, lane)}
	case c.Type.Kind == types.Timestamp || c.Type.Kind == types.TimestampLTZ:
		return Cell{Text: v.text(c, lane)}
	}
	text := string(kernel.AppendText(nil, c, lane, v.zone))
	return Cell{Text: text, Quoted: strings.ContainsAny(text, "|\n\t") || text == ""}
}

// asJSON writes a nested value as it is read.
func (v *values) asJSON(c *batch.Col, lane int) string {
	schema := types.Schema{{Name: "v", Type: c.Type.Plain().Nullable(true)}}
	e, err := changeFormat.Encoder(schema, connect.Options{}, &connect.Table{Schema: schema, Physical: 1, Zone: v.zone})
	if err != nil {
		return "NULL"
	}
	line, err := e.Encode(nil, &batch.Batch{N: lane + 1, Cols: []batch.Col{*c}, Sel: []uint16{uint16(lane)}})
	if err != nil {
		return "NULL"
	}
	text := strings.TrimSpace(string(line))
	return strings.TrimSuffix(strings.TrimPrefix(text, `{"op":"+I","row":{"v":`), "}}")
}
