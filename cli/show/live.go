package show

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
)

// Status is what the live table shows beside the rows.
type Status struct {
	RowsIn    int64
	Rate      float64 // source rows per second
	Watermark int64   // ms, batch.NoWatermark before the first
	State     string
	Late      int64
	Restarts  int
	Elapsed   time.Duration
}

// live redraws the current table in place, at most ten times a second.
//
// A drawing never scrolls: it has fewer lines than the screen and no line is wider.
// The next one goes up over it and clears what is left. The last one stays.
type live struct {
	o     Options
	head  Head
	view  *view
	drawn []int // widths of the lines of the last drawing
	last  time.Time
	// Rows that came after the change number mark are shown as new; next becomes
	// mark at the time turn.
	mark, next int64
	turn       time.Time
}

const (
	liveEvery = 100 * time.Millisecond
	freshFor  = 600 * time.Millisecond
)

func (p *live) Begin(h Head) error {
	p.head, p.view = h, newView(h.UpsertKey)
	return p.draw()
}

func (p *live) Rows(b *batch.Batch) error {
	for i := range b.Rows() {
		lane := b.Lane(i)
		p.view.apply(b.Kind(lane), cells(nil, b, lane, p.o.Zone))
	}
	return p.Tick()
}

// Tick redraws when the last drawing is old enough; callers call it while no rows
// come.
func (p *live) Tick() error {
	if p.o.now().Sub(p.last) < liveEvery {
		return nil
	}
	return p.draw()
}

func (p *live) End(error) error {
	p.view.settle()
	p.mark, p.next = p.view.changed, p.view.changed
	if err := p.draw(); err != nil {
		return err
	}
	rows := int64(len(p.view.rows) - p.view.dead)
	_, err := fmt.Fprintf(p.o.Out, "%d %s after %d %s\n", rows, plural(rows, "row"), p.view.changed, plural(p.view.changed, "change"))
	return err
}

func (p *live) draw() error {
	p.last = p.o.now()
	if p.last.After(p.turn) {
		p.mark, p.next, p.turn = p.next, p.view.changed, p.last.Add(freshFor)
	}
	columns, lines := 100, 24
	if p.o.Screen != nil {
		columns, lines = p.o.Screen()
	}
	body := p.frame(columns, lines)
	var out []byte
	// Begin and end of a synchronized update: terminals that know it show the frame
	// at once, others ignore it.
	out = append(out, "\x1b[?2026h"...)
	up := 0
	for _, w := range p.drawn {
		// A screen made narrower has wrapped the lines.
		up += max(1, (w+columns-1)/max(1, columns))
	}
	if up > 0 {
		out = fmt.Appendf(out, "\x1b[%dA\r", min(up, lines))
	}
	p.drawn = p.drawn[:0]
	for _, l := range body {
		out = append(out, l.text...)
		out = append(out, "\x1b[K\n"...)
		p.drawn = append(p.drawn, l.width)
	}
	out = append(out, "\x1b[J\x1b[?2026l"...)
	_, err := p.o.Out.Write(out)
	return err
}

// frameLine is a line of a drawing and its width on the screen.
type frameLine struct {
	text  string
	width int
}

// frame is the drawing for a screen of the given size.
func (p *live) frame(columns, lines int) []frameLine {
	live := p.view.live()
	hidden := 0
	if most := max(1, lines-8); len(live) > most {
		hidden = len(live) - most
		live = live[hidden:]
	}
	rows := make([][]string, len(live))
	for i, r := range live {
		rows[i] = r.cells
	}
	names := columnNames(p.head.Schema)
	widths := fit(names, rows, p.o.Width, columns)
	left := leftColumns(p.head.Schema)
	b := border{unicode: p.o.Unicode}
	var out []frameLine
	add := func(s, style string) {
		w := cellWidth(s)
		if p.o.Color && style != "" {
			s = style + s + "\x1b[0m"
		}
		out = append(out, frameLine{s, w})
	}
	add(string(b.rule(nil, widths, 0)), dim)
	add(string(b.line(nil, widths, left, names)), bold)
	add(string(b.rule(nil, widths, 1)), dim)
	for i, r := range rows {
		style := ""
		if live[i].born > p.mark {
			style = fresh
		}
		add(string(b.line(nil, widths, left, r)), style)
	}
	add(string(b.rule(nil, widths, 2)), dim)
	var notes []string
	if hidden > 0 {
		notes = append(notes, fmt.Sprintf("%d older %s not shown", hidden, plural(int64(hidden), "row")))
	}
	if more := len(names) - len(widths); more > 0 {
		notes = append(notes, fmt.Sprintf("%d more %s", more, plural(int64(more), "column")))
	}
	if len(notes) > 0 {
		add(cut(strings.Join(notes, ", "), columns-1), dim)
	}
	if p.o.Status != nil {
		add(cut(p.o.Status().Line(), columns-1), "")
	}
	return out
}

// Styles of the live table.
const (
	bold  = "\x1b[1m"
	dim   = "\x1b[2m"
	fresh = "\x1b[32m"
)

// Line is the status in one line.
func (s Status) Line() string {
	wm := "none yet"
	switch {
	case s.Watermark == batch.MaxWatermark:
		wm = "end of input"
	case s.Watermark != batch.NoWatermark:
		wm = time.UnixMilli(s.Watermark).UTC().Format("2006-01-02 15:04:05.000")
	}
	line := fmt.Sprintf("%s  %s rows in  %s rows/s  watermark %s", s.State, Count(s.RowsIn), Rate(s.Rate), wm)
	if s.Late > 0 {
		line += fmt.Sprintf("  %d late", s.Late)
	}
	if s.Restarts > 0 {
		line += fmt.Sprintf("  %d %s", s.Restarts, plural(int64(s.Restarts), "restart"))
	}
	return line + fmt.Sprintf("  %.1f s", s.Elapsed.Seconds())
}

// Rate writes a number of rows per second for people: 950, 12.3 k, 4.56 M.
func Rate(r float64) string {
	switch {
	case r >= 1e6:
		return fmt.Sprintf("%.2f M", r/1e6)
	case r >= 1e4:
		return fmt.Sprintf("%.1f k", r/1e3)
	}
	return fmt.Sprintf("%.0f", r)
}

// Count writes a whole number with its thousands apart: 12,345,678.
func Count(n int64) string {
	s := fmt.Sprint(n)
	from := 1
	if n < 0 {
		from = 2
	}
	for i := len(s) - 3; i >= from; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int64, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// columnMin is the least width that cutting leaves a column.
const columnMin = 4

// fit chooses column widths so that a line is at most columns wide, cutting the
// widest columns first. When that is not enough the last columns are left out:
// there are fewer widths than names.
func fit(names []string, rows [][]string, limit, columns int) []int {
	widths := make([]int, len(names))
	for i, n := range names {
		widths[i] = cellWidth(n)
		for _, r := range rows {
			widths[i] = max(widths[i], min(limit, cellWidth(r[i])))
		}
	}
	least := 1
	for i, w := range widths {
		if least += min(w, columnMin) + 3; least > columns && i > 0 {
			widths = widths[:i]
			break
		}
	}
	total := 1
	order := make([]int, len(widths))
	for i, w := range widths {
		total += w + 3
		order[i] = i
	}
	for total > columns {
		sort.SliceStable(order, func(a, b int) bool { return widths[order[a]] > widths[order[b]] })
		if widths[order[0]] <= columnMin {
			break
		}
		widths[order[0]]--
		total--
	}
	return widths
}
