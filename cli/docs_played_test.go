package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What the pages on testing and debugging show is what a person sees: their sessions are
// played from the first to the last, in a folder that has what the page says is there.
// Readings of the clock, durations and sizes in memory are of no account.
func TestPages(t *testing.T) {
	for _, p := range []page{
		{
			name: "debugging.md",
			begin: func(t *testing.T, blocks []block) {
				write(t, "revenue.sql", blocks[0].text)
				write(t, "orders.csv", blocks[1].text)
				run(t, "tape", "record", "revenue.sql", "-o", "revenue.mtape")
			},
			before: func(t *testing.T, command string, _ int, _ block) {
				if strings.HasPrefix(command, "mink plan max.sql") {
					text, err := os.ReadFile("revenue.sql")
					if err != nil {
						t.Fatal(err)
					}
					write(t, "max.sql", strings.Replace(string(text), "SUM(amt)", "MAX(amt)", 1))
				}
			},
			least: 8,
		},
		{
			name: "testing.md",
			begin: func(t *testing.T, _ []block) {
				files, err := filepath.Glob("../examples/testing/*.[sc]*")
				if err != nil || len(files) == 0 {
					t.Fatal(files, err)
				}
				for _, f := range files {
					text, err := os.ReadFile(f)
					if err != nil {
						t.Fatal(err)
					}
					defer write(t, filepath.Base(f), string(text))
				}
			},
			before: func(t *testing.T, command string, times int, above block) {
				switch {
				case command == "mink test recorded_test.sql" && times == 1:
					replace(t, "revenue.sql", "INTERVAL '5' SECOND", "INTERVAL '45' SECOND")
				case command == "mink test recorded_test.sql" && times == 2:
					replace(t, "revenue.sql", "INTERVAL '45' SECOND", "INTERVAL '5' SECOND")
				case strings.HasSuffix(command, "no_minute_loses"):
					text, err := os.ReadFile("revenue_test.sql")
					if err != nil {
						t.Fatal(err)
					}
					write(t, "revenue_test.sql", string(text)+"\n"+above.text)
				}
			},
			least: 7,
		},
	} {
		t.Run(p.name, p.play)
	}
}

// page is one of docs.
type page struct {
	name string
	// begin makes the files that the page speaks of, in the folder at hand.
	begin func(t *testing.T, blocks []block)
	// before does what the text between asks for, ahead of a command that is played for
	// the so-manieth time; above is the block in front of it.
	before func(t *testing.T, command string, times int, above block)
	// least is how many commands there are.
	least int
}

// block is fenced text of a page.
type block struct{ lang, text string }

func blocksOf(text string) (list []block) {
	for i, b := range strings.Split(text, "```") {
		if i%2 == 1 {
			lang, rest, _ := strings.Cut(b, "\n")
			list = append(list, block{lang, rest})
		}
	}
	return list
}

func (p page) play(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("../docs", p.name))
	if err != nil {
		t.Fatal(err)
	}
	blocks := blocksOf(string(text))
	t.Setenv("TZ", "UTC")
	home, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Symlink(filepath.Join(home, "../examples"), filepath.Join(filepath.Dir(dir), "examples")); err != nil {
		t.Fatal(err)
	}
	p.begin(t, blocks)
	times, played := map[string]int{}, 0
	for i, b := range blocks {
		if b.lang != "" || !strings.HasPrefix(b.text, "$ mink ") || strings.HasPrefix(b.text, "$ mink up ") {
			continue // of processes and of jobs that have drawn ids other tests see
		}
		for _, s := range steps(b.text) {
			if strings.Contains(s.command, "--live") || strings.Contains(s.command, "mink run") {
				continue // they wait for whoever types
			}
			times[s.command]++
			if p.before != nil {
				p.before(t, s.command, times[s.command], blocks[max(0, i-1)])
			}
			var out, errOut bytes.Buffer
			code := Main(split(s.command)[1:], bytes.NewReader(nil), &out, &errOut)
			got := out.String()
			if code != exitOK || got == "" {
				got += errOut.String()
			}
			if got, want := timeless(got), timeless(strings.Join(s.out, "\n")); got != want {
				t.Errorf("%s\n--- it prints\n%s\n--- the page has\n%s\n--- standard error\n%s", s.command, got, want, errOut.String())
			}
			if strings.HasPrefix(s.command, "mink test new ") && i+1 < len(blocks) {
				made, err := os.ReadFile("recorded_test.sql")
				if err != nil {
					t.Fatal(err)
				}
				if got, want := timeless(string(made)), timeless(blocks[i+1].text); got != want {
					t.Errorf("%s\n--- it writes\n%s\n--- the page has\n%s", s.command, got, want)
				}
			}
			played++
		}
	}
	if played < p.least {
		t.Errorf("%d commands were found", played)
	}
}

var clocks = regexp.MustCompile(`(?m)(, |^@clock |recorded )\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{3})?Z?$|\b\d+(\.\d+)? (m?s|K?B)\b`)

// timeless is a text without readings of the clock, durations and sizes.
func timeless(text string) string {
	return strings.TrimSpace(clocks.ReplaceAllString(text, "$1(so)"))
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func replace(t *testing.T, name, from, to string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(from)) {
		t.Fatalf("%s has no %s", name, from)
	}
	write(t, name, strings.ReplaceAll(string(text), from, to))
}

func run(t *testing.T, words ...string) {
	t.Helper()
	var out, errOut bytes.Buffer
	if code := Main(words, bytes.NewReader(nil), &out, &errOut); code != exitOK {
		t.Fatalf("mink %s: exit %d\n%s", strings.Join(words, " "), code, errOut.String())
	}
}
