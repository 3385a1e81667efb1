package show

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

var citySchema = types.Schema{{Name: "city", Type: types.StringT}, {Name: "n", Type: types.BigIntT}}

// change is a row of citySchema.
type change struct {
	kind batch.Kind
	city string
	n    int64
}

func rowsOf(changes ...change) *batch.Batch {
	city, n := batch.NewBuilder(types.StringT), batch.NewBuilder(types.BigIntT)
	b := &batch.Batch{N: len(changes)}
	for _, c := range changes {
		city.AppendBytes([]byte(c.city))
		n.AppendInt(c.n)
		b.Kinds = append(b.Kinds, c.kind)
	}
	b.Cols = []batch.Col{city.Finish(), n.Finish()}
	return b
}

// terminal is as much of a terminal as the live table needs: text, ends of lines,
// cursor up, clearing. Anything else fails the test.
type terminal struct {
	t        *testing.T
	columns  int
	lines    [][]rune
	row, col int
}

func (s *terminal) Write(p []byte) (int, error) {
	text := []rune(string(p))
	for i := 0; i < len(text); i++ {
		for len(s.lines) <= s.row {
			s.lines = append(s.lines, nil)
		}
		switch c := text[i]; {
		case c == '\n':
			s.row, s.col = s.row+1, 0
		case c == '\r':
			s.col = 0
		case c == 0x1b:
			end := i + 2
			for end < len(text) && !(text[end] >= '@' && text[end] <= '~') {
				end++
			}
			s.escape(string(text[i+2:end]), text[end])
			i = end
		case c < ' ' || c >= 0x7f && c < 0xa0:
			s.t.Errorf("a control character %q", c)
		default:
			if s.col >= s.columns {
				s.t.Errorf("a line is wider than the screen: %q", string(s.lines[s.row]))
			}
			l := s.lines[s.row]
			for len(l) <= s.col {
				l = append(l, ' ')
			}
			l[s.col] = c
			s.lines[s.row] = l
			s.col++
		}
	}
	return len(p), nil
}

func (s *terminal) escape(args string, final rune) {
	switch {
	case final == 'A':
		n := 0
		fmt.Sscan(args, &n)
		if s.row -= n; s.row < 0 {
			s.t.Errorf("the cursor left the screen")
			s.row = 0
		}
	case final == 'K':
		s.lines[s.row] = s.lines[s.row][:min(len(s.lines[s.row]), s.col)]
	case final == 'J':
		s.lines = s.lines[:min(len(s.lines), s.row+1)]
		s.escape("", 'K')
	case final == 'm', args == "?2026" && (final == 'h' || final == 'l'):
	default:
		s.t.Errorf("an escape sequence nobody knows: %q", args+string(final))
	}
}

func (s *terminal) String() string {
	var out []string
	for _, l := range s.lines {
		out = append(out, strings.TrimRight(string(l), " "))
	}
	return strings.TrimRight(strings.Join(out, "\n"), "\n")
}

// TestLive follows a live table over three drawings: updates stay in their place,
// what does not fit is told, the end is left on the screen.
func TestLive(t *testing.T) {
	screen := &terminal{t: t, columns: 90}
	now := time.Unix(100, 0)
	st := Status{State: "RUNNING", RowsIn: 1234567, Rate: 12345, Watermark: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC).UnixMilli(), Elapsed: 1500 * time.Millisecond}
	lines := 14
	p, err := New("live", Options{
		Out: screen, Color: true, Terminal: true, Unicode: true, Now: func() time.Time { return now },
		Screen: func() (int, int) { return screen.columns, lines }, Status: func() Status { return st },
	})
	if err != nil {
		t.Fatal(err)
	}
	step := func(want string, changes ...change) {
		t.Helper()
		now = now.Add(time.Second)
		if len(changes) > 0 {
			if err := p.Rows(rowsOf(changes...)); err != nil {
				t.Fatal(err)
			}
		}
		if got := screen.String(); got != strings.Trim(want, "\n") {
			t.Errorf("screen\n%s\nwant\n%s", got, want)
		}
	}
	if err := p.Begin(Head{Schema: citySchema, Streaming: true}); err != nil {
		t.Fatal(err)
	}
	step(`
┌──────┬───┐
│ city │ n │
├──────┼───┤
│ Oslo │ 1 │
│ Rome │ 1 │
└──────┴───┘
RUNNING  1,234,567 rows in  12.3 k rows/s  watermark 2020-01-02 03:04:05.000  1.5 s`, change{batch.Insert, "Oslo", 1}, change{batch.Insert, "Rome", 1})
	// An update in place, a delete, and text that would drive the terminal.
	step(`
┌──────────┬─────┐
│ city     │   n │
├──────────┼─────┤
│ Oslo     │ 100 │
│ \u001b[J │   2 │
└──────────┴─────┘
RUNNING  1,234,567 rows in  12.3 k rows/s  watermark 2020-01-02 03:04:05.000  1.5 s`, change{batch.UpdateBefore, "Oslo", 1}, change{batch.UpdateAfter, "Oslo", 100},
		change{batch.Delete, "Rome", 1}, change{batch.Insert, "\x1b[J", 2})
	// More rows than fit.
	lines = 11
	var many []change
	for i := range 9 {
		many = append(many, change{batch.Insert, fmt.Sprintf("c%d", i), int64(i)})
	}
	step(`
┌──────┬───┐
│ city │ n │
├──────┼───┤
│ c6   │ 6 │
│ c7   │ 7 │
│ c8   │ 8 │
└──────┴───┘
8 older rows not shown
RUNNING  1,234,567 rows in  12.3 k rows/s  watermark 2020-01-02 03:04:05.000  1.5 s`, many...)
	st = Status{State: "FINISHED", RowsIn: 9, Watermark: batch.MaxWatermark}
	if err := p.End(nil); err != nil {
		t.Fatal(err)
	}
	step(`
┌──────┬───┐
│ city │ n │
├──────┼───┤
│ c6   │ 6 │
│ c7   │ 7 │
│ c8   │ 8 │
└──────┴───┘
8 older rows not shown
FINISHED  9 rows in  0 rows/s  watermark end of input  0.0 s
11 rows after 15 changes`)
}

// TestLiveFits draws wide tables on screens of every size: no line is ever wider.
func TestLiveFits(t *testing.T) {
	var schema types.Schema
	b := &batch.Batch{N: 1}
	for i := range 12 {
		schema = append(schema, types.Field{Name: fmt.Sprintf("column%d", i), Type: types.StringT})
		c := batch.NewBuilder(types.StringT)
		c.AppendBytes([]byte(strings.Repeat("日本x", i)))
		b.Cols = append(b.Cols, c.Finish())
	}
	for columns := 10; columns < 200; columns += 7 {
		p := &live{o: Options{Out: &bytes.Buffer{}, Width: 30, Zone: time.UTC}, head: Head{Schema: schema}, view: newView(nil)}
		p.view.apply(batch.Insert, cells(nil, b, 0, time.UTC))
		for _, l := range p.frame(columns, 24) {
			if l.width > columns {
				t.Fatalf("%d columns: a line of %d: %s", columns, l.width, l.text)
			}
		}
	}
}

// TestView compares the table of random changes with a count of each row.
func TestView(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		v := newView(nil)
		count := map[string]int{}
		var have []string
		for range 300 {
			row := string(rune('a' + rng.IntN(5)))
			switch {
			case rng.IntN(3) == 0 && len(have) > 0:
				i := rng.IntN(len(have))
				old := have[i]
				v.apply(batch.UpdateBefore, []string{old})
				count[old]--
				if rng.IntN(4) > 0 {
					v.apply(batch.UpdateAfter, []string{row})
					have[i] = row
					count[row]++
				} else {
					have = slices.Delete(have, i, i+1)
				}
			case rng.IntN(3) == 0 && len(have) > 0:
				i := rng.IntN(len(have))
				v.apply(batch.Delete, []string{have[i]})
				count[have[i]]--
				have = slices.Delete(have, i, i+1)
			default:
				v.apply(batch.Insert, []string{row})
				have = append(have, row)
				count[row]++
			}
		}
		got := map[string]int{}
		for _, r := range v.all() {
			got[r[0]]++
		}
		for row, n := range count {
			if got[row] != n {
				t.Fatalf("row %s %d times, want %d", row, got[row], n)
			}
		}
		if n := len(v.rows) - v.dead; n != len(have) {
			t.Fatalf("%d rows, want %d", n, len(have))
		}
	}
}

// TestNoFormDrivesATerminal prints text full of control characters in every form.
func TestNoFormDrivesATerminal(t *testing.T) {
	b := rowsOf(change{batch.Insert, "a\x1b]0;title\x07b\u009b2Jc\u202ed\u2066\x7f\x00", 1})
	for _, mode := range append([]string{"live"}, Modes...) {
		var out bytes.Buffer
		p, err := New(mode, Options{Out: &out, Terminal: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Begin(Head{Schema: citySchema, Streaming: true}); err != nil {
			t.Fatal(err)
		}
		if err := p.Rows(b); err != nil {
			t.Fatal(err)
		}
		if err := p.End(nil); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		for _, own := range []string{"\x1b[?2026h", "\x1b[?2026l", "\x1b[K", "\x1b[J"} {
			text = strings.ReplaceAll(text, own, "")
		}
		for i := range 20 {
			text = strings.ReplaceAll(text, fmt.Sprintf("\x1b[%dA\r", i), "")
		}
		for _, r := range text {
			if r != '\n' && r != '\r' && (drives(r) || r == '\r') {
				t.Errorf("%s prints %q in %q", mode, r, text)
			}
		}
		if !strings.Contains(text, "title") {
			t.Errorf("%s lost the text: %q", mode, text)
		}
	}
}
