package sqltest

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/sql/parse"
)

// fails runs statements and renders the error of the last one.
func fails(t *testing.T, s gateway.Session, sql string) (string, *diag.Error) {
	t.Helper()
	for _, it := range parse.Script(sql) {
		var err error
		base := 0
		if it.Err != nil {
			err = it.Err
		} else {
			base = it.Span.Start
			err = execute(s, sql[it.Span.Start:it.Span.End])
		}
		if err == nil {
			continue
		}
		d := diag.As(err)
		if d == nil {
			t.Fatalf("no code: %v", err)
		}
		return diag.Render(diag.Source{Text: sql, Offset: base}, d), d
	}
	return "", nil
}

func execute(s gateway.Session, sql string) error {
	op, err := s.Execute(context.Background(), sql)
	if err != nil {
		return err
	}
	defer op.Close()
	if op.Result() == gateway.Query {
		for {
			if _, err := op.Next(context.Background()); err != nil {
				if diag.As(err) != nil {
					return err
				}
				return nil
			}
		}
	}
	return op.Wait(context.Background())
}

// saysWhatIsTaken matches messages that need no hint.
var saysWhatIsTaken = regexp.MustCompile(`expected| are: |takes |such as`)

// lists matches what grows with each connector and format.
var lists = regexp.MustCompile(`((?:connectors|formats|connectors that can be \S+(?: to)?) are:) .*`)

// TestMistakes runs the mistakes that people make most. Each is answered with a code,
// a place, the cause and a way out.
func TestMistakes(t *testing.T) {
	files, _ := filepath.Glob("testdata/errors/*.txt")
	all := 0
	for _, file := range files {
		f, err := ReadMistakes(file)
		if err != nil {
			t.Fatal(err)
		}
		all += len(f.List)
		for _, m := range f.List {
			client := local(t, false)
			session, err := client.OpenSession(context.Background(), map[string]string{"table.local-time-zone": "UTC"})
			if err != nil {
				t.Fatal(err)
			}
			if text, d := fails(t, session, f.Setup); d != nil {
				t.Fatalf("%s: the setup fails: %s", file, text)
			}
			got, d := fails(t, session, m.SQL)
			got = lists.ReplaceAllString(got, "$1 ...")
			if d == nil {
				got = "(it is taken)"
			}
			client.Close()
			if os.Getenv("MINK_ACCEPT") != "" {
				m.Want = got
				continue
			}
			at := func(format string, args ...any) {
				t.Errorf("%s:%d: %s\n"+format, append([]any{file, m.Line, m.Title}, args...)...)
			}
			switch {
			case d == nil:
				at("%s\nit is taken", m.SQL)
				continue
			case got != m.Want:
				at("got\n%s\nwant\n%s", got, m.Want)
			}
			if d.Code == diag.Internal || d.Span.IsZero() && d.In == "" {
				at("it has no place, or is mink's own fault: %s", got)
			}
			if d.Hint == "" && len(d.Notes) == 0 && !saysWhatIsTaken.MatchString(d.Msg) {
				at("there is no way out: %s", got)
			}
			if r := d.Msg[0]; r >= 'A' && r <= 'Z' && d.Msg[1] >= 'a' && d.Msg[1] <= 'z' || strings.HasSuffix(d.Msg, ".") {
				at("not one sentence in lower case without a full stop: %s", d.Msg)
			}
			if m.Flink == "" {
				at("what Flink says is not noted")
			}
		}
		if os.Getenv("MINK_ACCEPT") != "" {
			if err := os.WriteFile(file, []byte(f.Text()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if all < 100 {
		t.Errorf("only %d mistakes", all)
	}
}
