package show

import (
	"fmt"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// table prints the final table in a box, or the one cell of EXPLAIN and SHOW
// CREATE as it is.
type table struct {
	o    Options
	head Head
	view *view
}

func (p *table) Begin(h Head) error {
	p.head, p.view = h, newView(h.UpsertKey)
	return nil
}

func (p *table) Rows(b *batch.Batch) error {
	for i := range b.Rows() {
		lane := b.Lane(i)
		p.view.apply(b.Kind(lane), cells(nil, b, lane, p.o.Zone))
	}
	return nil
}

func (p *table) End(err error) error {
	rows := p.view.all()
	if p.head.Info && len(p.head.Schema) == 1 && p.head.Schema[0].Name == "result" {
		for _, r := range rows {
			if _, err := fmt.Fprintln(p.o.Out, strings.ReplaceAll(r[0], `\n`, "\n")); err != nil {
				return err
			}
		}
		return nil
	}
	limit := p.o.Width
	if p.head.Info {
		limit = 1 << 20
	}
	names := p.head.Schema.Names()
	widths := make([]int, len(names))
	for i, n := range names {
		widths[i] = cellWidth(n)
		for _, r := range rows {
			widths[i] = max(widths[i], min(limit, cellWidth(r[i])))
		}
	}
	var out []byte
	out = box(out, widths, names, rows)
	switch len(rows) {
	case 0:
		out = append(out[:0], "Empty set\n"...)
	case 1:
		out = append(out, "1 row in set\n"...)
	default:
		out = fmt.Appendf(out, "%d rows in set\n", len(rows))
	}
	_, werr := p.o.Out.Write(out)
	return werr
}

func rule(dst []byte, widths []int) []byte {
	for _, w := range widths {
		dst = append(dst, '+')
		for range w + 2 {
			dst = append(dst, '-')
		}
	}
	return append(dst, "+\n"...)
}

func line(dst []byte, widths []int, row []string) []byte {
	for i, w := range widths {
		dst = append(dst, "| "...)
		dst = pad(dst, cut(row[i], w), w)
		dst = append(dst, ' ')
	}
	return append(dst, "|\n"...)
}

func box(dst []byte, widths []int, names []string, rows [][]string) []byte {
	dst = rule(dst, widths)
	dst = line(dst, widths, names)
	dst = rule(dst, widths)
	for _, r := range rows {
		dst = line(dst, widths, r)
	}
	return rule(dst, widths)
}

// typeWidth is the width of a column of a stream, whose rows are not known yet.
func typeWidth(t types.Type, limit int) int {
	switch t.Kind {
	case types.TinyInt:
		return 4
	case types.SmallInt:
		return 6
	case types.Int:
		return 11
	case types.BigInt:
		return 20
	case types.Decimal:
		return t.Prec + 2
	case types.Boolean:
		return 5
	case types.Date:
		return 10
	case types.Time:
		if t.Prec == 0 {
			return 8
		}
		return t.Prec + 9
	case types.Timestamp, types.TimestampLTZ:
		switch {
		case t.Prec == 0:
			return 19
		case t.Prec <= 3:
			return 23
		case t.Prec <= 6:
			return 26
		}
		return 29
	}
	return limit
}

// changelog prints each change as it comes, in a box that grows.
type changelog struct {
	o      Options
	head   Head
	widths []int
	n      int64
	open   bool
}

func (p *changelog) Begin(h Head) error {
	p.head = h
	p.widths = []int{2}
	for _, f := range h.Schema {
		p.widths = append(p.widths, max(typeWidth(f.Type, p.o.Width), cellWidth(f.Name), len("<NULL>")))
	}
	out := rule(nil, p.widths)
	out = line(out, p.widths, append([]string{"op"}, h.Schema.Names()...))
	out = rule(out, p.widths)
	_, err := p.o.Out.Write(out)
	return err
}

func (p *changelog) Rows(b *batch.Batch) error {
	var out []byte
	var row []string
	for i := range b.Rows() {
		lane := b.Lane(i)
		row = append(row[:0], b.Kind(lane).String())
		row = cells(row, b, lane, p.o.Zone)
		out = line(out, p.widths, row)
		p.n++
	}
	_, err := p.o.Out.Write(out)
	return err
}

func (p *changelog) End(err error) error {
	out := rule(nil, p.widths)
	word := "Received a total of"
	if err != nil {
		word = "Query terminated, received a total of"
	}
	plural := "s"
	if p.n == 1 {
		plural = ""
	}
	out = fmt.Appendf(out, "%s %d row%s\n", word, p.n, plural)
	_, werr := p.o.Out.Write(out)
	return werr
}
