package show

import (
	"fmt"
	"io"
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
	if p.prose() {
		var tmp [batch.InlineMax]byte
		for i := range b.Rows() {
			if lane := b.Lane(i); !b.Cols[0].IsNull(lane) {
				text := strings.TrimRight(string(b.Cols[0].Bytes(b.Cols[0].ValueLane(lane), &tmp)), "\n")
				if _, err := io.WriteString(p.o.Out, CleanLines(text+"\n")); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for i := range b.Rows() {
		lane := b.Lane(i)
		p.view.apply(b.Kind(lane), cells(nil, b, lane, p.o.Zone))
	}
	return nil
}

// prose reports the one text of EXPLAIN and SHOW CREATE, which has lines of its own.
func (p *table) prose() bool {
	return p.head.Info && len(p.head.Schema) == 1 && p.head.Schema[0].Name == "result" && p.head.Schema[0].Type.IsString()
}

func (p *table) End(cut error) error {
	if p.prose() {
		return nil
	}
	p.view.settle()
	rows := p.view.all()
	if len(rows) == 0 {
		if cut != nil {
			return nil // whether the set is empty is not known
		}
		_, err := io.WriteString(p.o.Out, "Empty set\n")
		return err
	}
	limit := p.o.Width
	if p.head.Info {
		limit = 1 << 20
	}
	names := columnNames(p.head.Schema)
	widths := make([]int, len(names))
	for i, n := range names {
		widths[i] = cellWidth(n)
		for _, r := range rows {
			widths[i] = max(widths[i], min(limit, cellWidth(r[i])))
		}
	}
	out := box(nil, widths, leftColumns(p.head.Schema), names, rows)
	out = fmt.Appendf(out, "%d %s in set", len(rows), plural(int64(len(rows)), "row"))
	if cut != nil {
		out = append(out, " when the query was terminated"...)
	}
	out = append(out, '\n')
	_, err := p.o.Out.Write(out)
	return err
}

// leftColumns says which columns hold text, which stands at the left; numbers and
// times stand at the right.
func leftColumns(s types.Schema) []bool {
	left := make([]bool, len(s))
	for i, f := range s {
		switch f.Type.Kind {
		case types.Char, types.VarChar, types.Boolean, types.Array, types.Map, types.Multiset, types.Row, types.Variant:
			left[i] = true
		}
	}
	return left
}

// border draws the lines of a box.
type border struct{ unicode bool }

// rule is the line at the top (0), under the head (1) or at the bottom (2).
func (b border) rule(dst []byte, widths []int, at int) []byte {
	across, first, cross, last := "-", "+", "+", "+"
	if b.unicode {
		across = "─"
		first = [...]string{"┌", "├", "└"}[at]
		cross = [...]string{"┬", "┼", "┴"}[at]
		last = [...]string{"┐", "┤", "┘"}[at]
	}
	for i, w := range widths {
		if i == 0 {
			dst = append(dst, first...)
		} else {
			dst = append(dst, cross...)
		}
		for range w + 2 {
			dst = append(dst, across...)
		}
	}
	return append(dst, last...)
}

func (b border) line(dst []byte, widths []int, left []bool, row []string) []byte {
	bar := "|"
	if b.unicode {
		bar = "│"
	}
	for i, w := range widths {
		dst = append(append(dst, bar...), ' ')
		dst = pad(dst, cut(row[i], w), w, left[i])
		dst = append(dst, ' ')
	}
	return append(dst, bar...)
}

func box(dst []byte, widths []int, left []bool, names []string, rows [][]string) []byte {
	var b border
	dst = append(b.rule(dst, widths, 0), '\n')
	dst = append(b.line(dst, widths, left, names), '\n')
	dst = append(b.rule(dst, widths, 1), '\n')
	for _, r := range rows {
		dst = append(b.line(dst, widths, left, r), '\n')
	}
	return append(b.rule(dst, widths, 2), '\n')
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
	left   []bool
	n      int64
}

func (p *changelog) Begin(h Head) error {
	p.head = h
	p.widths = []int{2}
	p.left = append([]bool{true}, leftColumns(h.Schema)...)
	for _, f := range h.Schema {
		p.widths = append(p.widths, max(typeWidth(f.Type, p.o.Width), cellWidth(f.Name), len("<NULL>")))
	}
	var b border
	out := append(b.rule(nil, p.widths, 0), '\n')
	out = append(b.line(out, p.widths, p.left, append([]string{"op"}, columnNames(h.Schema)...)), '\n')
	out = append(b.rule(out, p.widths, 1), '\n')
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
		out = append(border{}.line(out, p.widths, p.left, row), '\n')
		p.n++
	}
	_, err := p.o.Out.Write(out)
	return err
}

func (p *changelog) End(err error) error {
	out := append(border{}.rule(nil, p.widths, 2), '\n')
	word := "Received a total of"
	if err != nil {
		word = "Query terminated, received a total of"
	}
	out = fmt.Appendf(out, "%s %d %s\n", word, p.n, plural(p.n, "row"))
	_, werr := p.o.Out.Write(out)
	return werr
}
