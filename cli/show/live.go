package show

import (
	"fmt"
	"sort"
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
	Elapsed   time.Duration
}

// live redraws the current table in place, at most ten times a second.
type live struct {
	o     Options
	head  Head
	view  *view
	drawn int // lines of the last drawing
	last  time.Time
	// Sorted keeps rows with the newest change on top when the table does not fit.
	changes int64
}

const liveEvery = 100 * time.Millisecond

func (p *live) Begin(h Head) error {
	p.head, p.view = h, newView(h.UpsertKey)
	return p.draw()
}

func (p *live) Rows(b *batch.Batch) error {
	for i := range b.Rows() {
		lane := b.Lane(i)
		p.view.apply(b.Kind(lane), cells(nil, b, lane, p.o.Zone))
		p.changes++
	}
	return p.Tick()
}

// Tick redraws when the last drawing is old enough; callers call it while no rows
// come.
func (p *live) Tick() error {
	if time.Since(p.last) < liveEvery {
		return nil
	}
	return p.draw()
}

func (p *live) End(err error) error {
	if derr := p.draw(); derr != nil {
		return derr
	}
	_, werr := fmt.Fprintf(p.o.Out, "%d rows after %d changes\n", len(p.view.rows)-p.view.dead, p.changes)
	return werr
}

func (p *live) draw() error {
	p.last = time.Now()
	columns, lines := 100, 24
	if p.o.Screen != nil {
		columns, lines = p.o.Screen()
	}
	rows := p.view.all()
	hidden := 0
	if most := max(3, lines-8); len(rows) > most {
		hidden = len(rows) - most
		rows = rows[hidden:]
	}
	names := p.head.Schema.Names()
	widths := fit(names, rows, p.o.Width, columns)
	var out []byte
	if p.drawn > 0 {
		out = fmt.Appendf(out, "\x1b[%dA\x1b[J", p.drawn)
	}
	body := box(nil, widths, names, rows)
	if hidden > 0 {
		body = fmt.Appendf(body, "%d older rows not shown\n", hidden)
	}
	if p.o.Status != nil {
		body = fmt.Appendf(body, "%s\n", cut(p.o.Status().line(), columns-1))
	}
	p.drawn = 0
	for _, c := range body {
		if c == '\n' {
			p.drawn++
		}
	}
	_, err := p.o.Out.Write(append(out, body...))
	return err
}

func (s Status) line() string {
	wm := "none yet"
	switch {
	case s.Watermark == batch.MaxWatermark:
		wm = "end of input"
	case s.Watermark != batch.NoWatermark:
		wm = time.UnixMilli(s.Watermark).UTC().Format("2006-01-02 15:04:05.000")
	}
	late := ""
	if s.Late > 0 {
		late = fmt.Sprintf(" · %d late", s.Late)
	}
	return fmt.Sprintf("%s · %d rows in · %s rows/s · watermark %s%s · %.1f s", s.State, s.RowsIn, Rate(s.Rate), wm, late, s.Elapsed.Seconds())
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

// fit chooses column widths so that a line is at most columns wide, cutting the
// widest columns first.
func fit(names []string, rows [][]string, limit, columns int) []int {
	widths := make([]int, len(names))
	for i, n := range names {
		widths[i] = cellWidth(n)
		for _, r := range rows {
			widths[i] = max(widths[i], min(limit, cellWidth(r[i])))
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
		if widths[order[0]] <= 4 {
			break
		}
		widths[order[0]]--
		total--
	}
	return widths
}
