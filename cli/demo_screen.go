package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/minkstream/mink/cli/show"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/gateway"
)

// demoRow is a row of the demo's query: an airport's place in a week.
type demoRow struct {
	week              string // the day after its last
	place             int
	origin, city      string
	flights, avg, max int64
}

// demoScreen shows the demo: on a terminal the newest week with a bar for each
// airport and the weeks before in a line each, drawn in place; elsewhere a line for
// each week. At the end comes the summary.
type demoScreen struct {
	out                  io.Writer
	live, color, unicode bool
	size                 func() (columns, lines int)
	speed                float64
	start                time.Time

	status gateway.JobStatus
	weeks  []demoWeek // in order of time
	shown  int64      // rows of the query
	first  time.Duration
	drawn  int           // lines of the last drawing
	state  int64         // bytes of the largest checkpoint
	behind time.Duration // the most that the watermark was behind
}

type demoWeek struct {
	to   string
	rows []demoRow // by place; a row without origin has not come
	told bool      // printed, where nothing is drawn
}

// The days that the flights cover.
var (
	demoFrom = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	demoDays = 90
)

const demoPlaces = 3

func (s *demoScreen) begin() error {
	columns := 200
	if s.live {
		columns, _ = s.size()
	}
	title := fmt.Sprintf("mink demo: the airports with the worst delays, from %s real flights of 2001", show.Count(demoFlights))
	about := fmt.Sprintf("event-time windows, a Top-%d and a join on 3 nodes; replayed at %s times the speed", demoPlaces, show.Count(int64(s.speed)))
	_, err := fmt.Fprintf(s.out, "%s\n%s\n\n", s.paint("1", show.Cut(title, columns-1)), s.paint("2", show.Cut(about, columns-1)))
	return err
}

// demoFlights is the number of flights in the data.
const demoFlights = 20_000

// rows takes rows of the query, in any order.
func (s *demoScreen) rows(rows []demoRow) {
	if s.shown == 0 && len(rows) > 0 {
		s.first = time.Since(s.start)
	}
	s.shown += int64(len(rows))
	for _, r := range rows {
		i := len(s.weeks)
		for i > 0 && s.weeks[i-1].to > r.week {
			i--
		}
		if i == 0 || s.weeks[i-1].to != r.week {
			s.weeks = append(s.weeks, demoWeek{})
			copy(s.weeks[i+1:], s.weeks[i:])
			s.weeks[i] = demoWeek{to: r.week, rows: make([]demoRow, demoPlaces)}
			i++
		}
		if w := &s.weeks[i-1]; r.place >= 1 && r.place <= len(w.rows) {
			w.rows[r.place-1] = r
		}
	}
}

// draw shows how things stand at a time.
func (s *demoScreen) draw(now time.Time) error {
	s.state = max(s.state, s.status.Checkpoints.LastBytes)
	if d, ok := s.lag(now.Sub(s.start)); ok {
		s.behind = max(s.behind, d)
	}
	if !s.live {
		return s.tell(false)
	}
	columns, lines := s.size()
	frame := s.frame(columns, lines, now.Sub(s.start))
	var b strings.Builder
	b.WriteString("\x1b[?2026h")
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", s.drawn)
	}
	for _, l := range frame {
		b.WriteString(l + "\x1b[K\n")
	}
	b.WriteString("\x1b[J\x1b[?2026l")
	s.drawn = len(frame)
	_, err := io.WriteString(s.out, b.String())
	return err
}

// tell prints the weeks that are complete and have not been printed, a line each; at
// the end those with fewer places too.
func (s *demoScreen) tell(end bool) error {
	for i := range s.weeks {
		w := &s.weeks[i]
		if w.told || !end && !w.complete() {
			continue
		}
		w.told = true
		if _, err := fmt.Fprintln(s.out, "week to "+w.line(120)); err != nil {
			return err
		}
	}
	return nil
}

// complete reports that all places are known.
func (w *demoWeek) complete() bool {
	for _, r := range w.rows {
		if r.origin == "" {
			return false
		}
	}
	return true
}

// line is a week in one line of at most the given width; narrow ones leave the
// cities out.
func (w *demoWeek) line(columns int) string {
	city := min(18, (columns-12)/len(w.rows)-19)
	var b strings.Builder
	b.WriteString(w.to)
	for _, r := range w.rows {
		if r.origin == "" {
			continue
		}
		fmt.Fprintf(&b, "   %d. %-3s ", r.place, r.origin)
		if city >= 8 {
			fmt.Fprintf(&b, "%-*s ", city, show.Cut(show.Clean(r.city), city))
		}
		fmt.Fprintf(&b, "%3d min", r.avg)
	}
	return b.String()
}

// frame is the drawing for a screen of the given size.
func (s *demoScreen) frame(columns, lines int, elapsed time.Duration) []string {
	var out []string
	add := func(style, text string) { out = append(out, s.paint(style, show.Cut(text, columns-1))) }
	if len(s.weeks) == 0 {
		add("", "waiting for the first week to be complete")
	} else {
		newest := s.newest()
		w := &s.weeks[newest]
		add("1", "week to "+w.to)
		add("2", fmt.Sprintf("  %-4s %-22s %8s %10s %10s", "", "", "flights", "mean delay", "worst"))
		for _, r := range w.rows {
			if r.origin == "" {
				add("", "")
				continue
			}
			text := fmt.Sprintf("  %-4s %-22s %8d %6d min %6d min  ", r.origin, show.Cut(show.Clean(r.city), 22), r.flights, r.avg, r.max)
			bar := s.bar(min(max(0, float64(r.avg)/60), 1), min(30, columns-2-len(text)))
			out = append(out, show.Cut(text, columns-1)+s.paint([]string{"31", "33", "32"}[min(r.place, 3)-1], bar))
		}
		// The weeks before, newest first, as many as fit.
		add("", "")
		for n := 0; n < newest && n < min(8, lines-17); n++ {
			add("2", "  "+s.weeks[newest-1-n].line(columns-3))
		}
	}
	add("", "")
	add("", s.progress())
	add("", s.figures(elapsed))
	return out
}

// newest is the newest week of which all places are known, or else the newest.
func (s *demoScreen) newest() int {
	for i := len(s.weeks) - 1; i >= 0; i-- {
		if s.weeks[i].complete() {
			return i
		}
	}
	return len(s.weeks) - 1
}

// progress is the event time in the span of the flights, as a bar.
func (s *demoScreen) progress() string {
	day, done := "-", 0.0
	switch wm := s.status.Watermark(); {
	case wm == batch.MaxWatermark:
		day, done = "all flights seen", 1
	case wm != batch.NoWatermark:
		at := time.UnixMilli(wm).UTC()
		day = at.Format("2006-01-02 15:04")
		done = min(max(0, at.Sub(demoFrom).Hours()/24/float64(demoDays)), 1)
	}
	return fmt.Sprintf("event time  %s %3.0f %%  %s", s.track(done, 40), 100*done, day)
}

func (s *demoScreen) figures(elapsed time.Duration) string {
	rows, tasks := s.totals()
	lag := "-"
	if d, ok := s.lag(elapsed); ok {
		lag = fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%d nodes  %d tasks  %s rows  %s rows/s  lag %s  %d checkpoints  %.1f s",
		s.status.Nodes, tasks, show.Count(rows), show.Rate(float64(rows)/max(elapsed.Seconds(), 0.001)), lag, s.status.Checkpoints.Completed, elapsed.Seconds())
}

// totals are the rows read and the tasks that run.
func (s *demoScreen) totals() (rows int64, tasks int) {
	for _, v := range s.status.Vertices {
		rows += v.SourceRows
		tasks += v.Parallelism
	}
	return rows, tasks
}

// lag is how far the watermark is behind the replayed clock, in time of the viewer;
// false while there is none.
func (s *demoScreen) lag(elapsed time.Duration) (time.Duration, bool) {
	wm := s.status.Watermark()
	if wm == batch.NoWatermark || wm == batch.MaxWatermark {
		return 0, false
	}
	now := demoFrom.Add(time.Duration(float64(elapsed) * s.speed))
	return max(0, time.Duration(float64(now.Sub(time.UnixMilli(wm)))/s.speed)), true
}

// bar is a part of width cells, in eighths where the terminal has them.
func (s *demoScreen) bar(part float64, width int) string {
	if width <= 0 {
		return ""
	}
	eighths := int(part*float64(width)*8 + 0.5)
	if !s.unicode {
		return strings.Repeat("#", eighths/8)
	}
	text := strings.Repeat("█", eighths/8)
	if r := eighths % 8; r > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[r-1])
	}
	return text
}

// track is bar with what is left.
func (s *demoScreen) track(part float64, width int) string {
	full := int(part*float64(width) + 0.5)
	if !s.unicode {
		return "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "]"
	}
	return s.paint("36", strings.Repeat("━", full)) + s.paint("2", strings.Repeat("━", width-full))
}

func (s *demoScreen) paint(style, text string) string {
	if !s.color || style == "" || text == "" {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

// end leaves the last drawing and prints the summary.
func (s *demoScreen) end() error {
	elapsed := time.Since(s.start)
	if s.live {
		if err := s.draw(time.Now()); err != nil {
			return err
		}
	} else if err := s.tell(true); err != nil {
		return err
	}
	rows, tasks := s.totals()
	c := s.status.Checkpoints
	lines := [][2]string{
		{"rows in", fmt.Sprintf("%s, %s rows/s", show.Count(rows), show.Rate(float64(rows)/elapsed.Seconds()))},
		{"rows out", fmt.Sprintf("%s, the first after %.1f s", show.Count(s.shown), s.first.Seconds())},
		{"late rows", show.Count(s.status.Late)},
		{"nodes", fmt.Sprintf("%d, with %d tasks of %d vertices", s.status.Nodes, tasks, len(s.status.Vertices))},
		{"watermark lag", fmt.Sprintf("at most %d ms behind the replayed clock", s.behind.Milliseconds())},
		{"checkpoints", fmt.Sprintf("%d completed, %d failed, up to %s bytes", c.Completed, c.Failed, show.Count(s.state))},
		{"time", fmt.Sprintf("%.1f s", elapsed.Seconds())},
	}
	var b strings.Builder
	b.WriteString("\n" + s.paint("1", "summary") + "\n")
	for _, l := range lines {
		fmt.Fprintf(&b, "  %s %s\n", s.paint("2", fmt.Sprintf("%-14s", l[0])), l[1])
	}
	_, err := io.WriteString(s.out, b.String())
	return err
}
