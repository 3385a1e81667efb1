package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// TestSessions plays the sessions in testdata: what a person types, what appears,
// and with which exit code the command ends.
//
//	$ mink sql --output json -e "SELECT 1"
//	{"op":"+I","row":{"EXPR$0":1}}
//	$ mink run job.sql < input
//	! job.sql:1:1: syntax: ...
//	exit 1
//
// Lines after a command are its standard output, those after "! " its standard
// error, in order within each. "..." stands for any text in a line, and for any
// lines when it stands alone. Files follow after lines like "-- job.sql --". Words
// may be quoted as in a shell. Without "exit" the code is 0.
func TestSessions(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no sessions: ", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			t.Setenv("TZ", "UTC")
			a := txtar.Parse(b)
			dir := t.TempDir()
			for _, f := range a.Files {
				p := filepath.Join(dir, f.Name)
				if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(p, f.Data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			t.Chdir(dir)
			for _, s := range steps(string(a.Comment)) {
				s.play(t, file)
			}
		})
	}
}

// step is a command and what it is to give.
type step struct {
	line     int
	command  string
	out, err []string
	code     int
	// shown: the lines are what a person is shown of it: standard output, or standard
	// error when the command fails.
	shown bool
}

func steps(text string) []*step {
	var list []*step
	for i, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		switch {
		case strings.HasPrefix(l, "#"):
		case strings.HasPrefix(l, "$ "):
			list = append(list, &step{line: i + 1, command: l[2:]})
		case len(list) == 0:
		case strings.HasPrefix(l, "! ") || l == "!":
			s := list[len(list)-1]
			s.err = append(s.err, strings.TrimPrefix(strings.TrimPrefix(l, "!"), " "))
		case strings.HasPrefix(l, "exit "):
			fmt.Sscanf(l, "exit %d", &list[len(list)-1].code)
		default:
			s := list[len(list)-1]
			s.out = append(s.out, l)
		}
	}
	for _, s := range list {
		for n := len(s.out); n > 0 && s.out[n-1] == ""; n = len(s.out) {
			s.out = s.out[:n-1]
		}
	}
	return list
}

func (s *step) play(t *testing.T, file string) {
	t.Helper()
	words := split(s.command)
	if len(words) == 0 || words[0] != "mink" {
		t.Fatalf("%s:%d: a command begins with mink", file, s.line)
	}
	words = words[1:]
	var in []byte
	if n := len(words); n >= 2 && words[n-2] == "<" {
		b, err := os.ReadFile(words[n-1])
		if err != nil {
			t.Fatal(err)
		}
		in, words = b, words[:n-2]
	}
	var out, errOut bytes.Buffer
	code := Main(words, bytes.NewReader(in), &out, &errOut)
	if code != s.code {
		t.Errorf("%s:%d: %s\nexit %d, want %d\n%s%s", file, s.line, s.command, code, s.code, out.String(), errOut.String())
		return
	}
	if s.shown {
		if s.code == 0 {
			errOut.Reset()
		} else {
			out, errOut = errOut, out
		}
	}
	for _, stream := range []struct {
		name string
		got  string
		want []string
	}{{"standard output", out.String(), s.out}, {"standard error", errOut.String(), s.err}} {
		if !matches(stream.got, stream.want, s.shown) {
			t.Errorf("%s:%d: %s\n--- %s\n%s--- want\n%s\n", file, s.line, s.command, stream.name, stream.got, strings.Join(stream.want, "\n"))
		}
	}
}

// atEnd is a position in a run at the end of a quoted line: (0:5).
var atEnd = regexp.MustCompile(`\d+:\d+\\\)$`)

// matches compares what came with lines in which "..." stands for anything. Where the run is one
// of threads a position at the end of a line stands for any: it says in which order they came to
// their steps.
func matches(got string, want []string, threads bool) bool {
	var re strings.Builder
	re.WriteString(`^`)
	for _, l := range want {
		if l == "..." {
			re.WriteString(`(?:.*\n)*?`)
			continue
		}
		l = strings.ReplaceAll(regexp.QuoteMeta(l), regexp.QuoteMeta("..."), ".*")
		if threads {
			l = atEnd.ReplaceAllLiteralString(l, `\d+:\d+\)`)
		}
		re.WriteString(l + `\r?\n`)
	}
	re.WriteString(`$`)
	return regexp.MustCompile(re.String()).MatchString(got)
}

// split takes a command apart as a shell does, with quotes of both kinds.
func split(s string) []string {
	var out []string
	var word []byte
	quote, has := byte(0), false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == '"' && c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\' || s[i+1] == '$'):
			i++
			word = append(word, s[i])
		case quote != 0:
			word = append(word, c)
		case c == '\'' || c == '"':
			quote, has = c, true
		case c == ' ':
			if has {
				out, word, has = append(out, string(word)), nil, false
			}
		default:
			word, has = append(word, c), true
		}
	}
	if has {
		out = append(out, string(word))
	}
	return out
}
