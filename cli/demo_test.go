package cli

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/examples/flights"
)

// worstAirports computes the query of the example plainly: for each week the three
// airports with the highest mean delay, as lines of CSV.
func worstAirports() []string {
	type flight struct {
		at     time.Time
		origin string
		delay  int
	}
	var list []flight
	for _, l := range strings.Split(strings.TrimSpace(string(flights.Flights)), "\n") {
		f := strings.Split(l, ",")
		at, _ := time.Parse(time.DateTime, f[0])
		delay, _ := strconv.Atoi(f[3])
		list = append(list, flight{at, f[1], delay})
	}
	cities := map[string]string{}
	for _, l := range strings.Split(strings.TrimSpace(string(flights.Airports)), "\n") {
		f := strings.Split(l, ",")
		cities[f[0]] = f[2]
	}
	type sum struct{ n, total, worst int }
	weeks := map[time.Time]map[string]*sum{}
	for _, f := range list {
		day := f.at.Truncate(24 * time.Hour)
		for d := 1; d <= 7; d++ {
			to := day.AddDate(0, 0, d)
			if weeks[to] == nil {
				weeks[to] = map[string]*sum{}
			}
			s := weeks[to][f.origin]
			if s == nil {
				s = &sum{worst: f.delay}
				weeks[to][f.origin] = s
			}
			s.n++
			s.total += f.delay
			s.worst = max(s.worst, f.delay)
		}
	}
	var out []string
	for to, airports := range weeks {
		var names []string
		for name, s := range airports {
			if s.n >= 10 {
				names = append(names, name)
			}
		}
		mean := func(name string) int { return airports[name].total / airports[name].n }
		sort.Slice(names, func(i, j int) bool {
			if a, b := mean(names[i]), mean(names[j]); a != b {
				return a > b
			}
			return names[i] < names[j]
		})
		for i, name := range names[:min(3, len(names))] {
			if city, ok := cities[name]; ok {
				s := airports[name]
				out = append(out, fmt.Sprintf("%s,%d,%s,%s,%d,%d,%d", to.Format(time.DateOnly), i+1, name, city, s.n, mean(name), s.worst))
			}
		}
	}
	slices.Sort(out)
	return out
}

// TestFlights runs the example as its page says and compares it with a plain
// computation.
func TestFlights(t *testing.T) {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir + "/../examples/flights")
	for _, p := range []string{"1", "3"} {
		var out, errOut bytes.Buffer
		code := Main([]string{"run", "--output", "csv", "--set", "parallelism.default=" + p, "flights.sql"}, strings.NewReader(""), &out, &errOut)
		if code != exitOK {
			t.Fatalf("exit %d\n%s", code, errOut.String())
		}
		var got []string
		for i, l := range strings.Split(strings.TrimSpace(strings.ReplaceAll(out.String(), "\r", "")), "\n") {
			if i > 0 {
				got = append(got, strings.TrimPrefix(l, "+I,"))
			}
		}
		slices.Sort(got)
		if want := worstAirports(); !slices.Equal(got, want) || len(want) < 200 {
			t.Errorf("parallelism %s: %d rows, want %d", p, len(got), len(want))
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Fatalf("row %d: %s, want %s", i, got[i], want[i])
				}
			}
		}
	}
}

// TestDemo runs the demo without a terminal: every week once, then the summary.
func TestDemo(t *testing.T) {
	var out, errOut bytes.Buffer
	start := time.Now()
	if code := Main([]string{"demo", "--speed", "6000000"}, strings.NewReader(""), &out, &errOut); code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, out.String(), errOut.String())
	}
	if took := time.Since(start); took > 60*time.Second {
		t.Errorf("it took %v", took)
	}
	text := out.String()
	weeks := map[string]bool{}
	for _, l := range worstAirports() {
		weeks[l[:10]] = true
	}
	for w := range weeks {
		if strings.Count(text, "week to "+w+" ") != 1 {
			t.Errorf("week to %s is not told once", w)
		}
	}
	i := strings.Index(text, "\nsummary\n")
	if i < 0 {
		t.Fatalf("no summary\n%s", text)
	}
	for _, want := range []string{"rows in ", "20,224, ", " rows/s", "rows out ", strconv.Itoa(len(worstAirports())) + ", ", "nodes ", " 3, with ", "watermark lag ", "checkpoints ", " completed, 0 failed"} {
		if !strings.Contains(text[i:], want) {
			t.Errorf("the summary has no %q\n%s", want, text[i:])
		}
	}
	if n := strings.Count(text[i:], "\n"); n > 12 || strings.Contains(text, "\x1b") {
		t.Errorf("a summary of %d lines, or one with escapes", n)
	}
}

// TestDemoScreen is the drawing at two sizes.
func TestDemoScreen(t *testing.T) {
	s := &demoScreen{unicode: true, speed: 300_000, start: time.Now()}
	week := func(to string, avg int64) []demoRow {
		return []demoRow{
			{to, 2, "LAS", "Las Vegas", 43, avg - 10, 120},
			{to, 1, "FLL", "Ft. Lauderdale", 16, avg, 326},
			{to, 3, "OGG", "Kahului, the town with the long name", 10, -2, 7},
		}
	}
	s.rows(week("2001-01-20", 25))
	s.rows(week("2001-01-19", 31))
	s.rows(week("2001-01-21", 30))
	s.rows(week("2001-01-22", 30)[:2]) // not complete: not shown yet
	s.status = gateway.JobStatus{
		Nodes: 3, Checkpoints: gateway.CheckpointStatus{Completed: 11},
		Vertices: []gateway.VertexStatus{
			{Parallelism: 3, Source: true, Timed: true, SourceRows: 4684, Watermark: time.Date(2001, 1, 23, 12, 0, 0, 0, time.UTC).UnixMilli()},
			{Parallelism: 1, Source: true, SourceRows: 224, Watermark: batch.NoWatermark},
		},
	}
	elapsed := 6500 * time.Millisecond
	for _, c := range []struct {
		columns, lines int
		want           string
	}{
		{120, 32, `
week to 2001-01-21
                               flights mean delay      worst
  FLL  Ft. Lauderdale               16     30 min    326 min  ███████████████
  LAS  Las Vegas                    43     20 min    120 min  ██████████
  OGG  Kahului, the town w...       10     -2 min      7 min

  2001-01-20   1. FLL Ft. Lauderdale    25 min   2. LAS Las Vegas         15 min   3. OGG Kahului, the ...  -2 min
  2001-01-19   1. FLL Ft. Lauderdale    31 min   2. LAS Las Vegas         21 min   3. OGG Kahului, the ...  -2 min

event time  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  25 %  2001-01-23 12:00
3 nodes  4 tasks  4,908 rows  755 rows/s  lag 20 ms  11 checkpoints  6.5 s`},
		{80, 18, `
week to 2001-01-21
                               flights mean delay      worst
  FLL  Ft. Lauderdale               16     30 min    326 min  ████████
  LAS  Las Vegas                    43     20 min    120 min  █████▍
  OGG  Kahului, the town w...       10     -2 min      7 min

  2001-01-20   1. FLL  25 min   2. LAS  15 min   3. OGG  -2 min

event time  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  25 %  2001-01-23 12:00
3 nodes  4 tasks  4,908 rows  755 rows/s  lag 20 ms  11 checkpoints  6.5 s`},
	} {
		frame := s.frame(c.columns, c.lines, elapsed)
		for i := range frame {
			frame[i] = strings.TrimRight(frame[i], " ")
		}
		if got := strings.Join(frame, "\n"); got != strings.TrimPrefix(c.want, "\n") {
			t.Errorf("%d by %d\n%s\nwant%s", c.columns, c.lines, got, c.want)
		}
	}
}
