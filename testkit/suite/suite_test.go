package suite

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const job = `CREATE TABLE t (k INT, s STRING) WITH ('connector' = 'kafka', 'format' = 'json');
SELECT k, COUNT(*) AS n, MAX(s) AS m FROM t GROUP BY k;
`

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.WriteFile(p, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestUpdate: a file whose expectations are empty or wrong gets those that hold, nothing
// else of it changes, and then its tests pass.
func TestUpdate(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "job.sql", job)
	name := write(t, dir, "x_test.sql", `@use job.sql
@test one
@given t
  k | s
  1 | a
  1 | 'b | c'
@expect changelog      -- here
  +I | 1 | 7 | x

-- behind
@expect table
@test two
@given t
  k
  5
@expect table
  m | k
  a | 5`)
	s, err := Run(context.Background(), Options{Paths: []string{name}, Update: true})
	if err != nil || s.Updated != 2 {
		t.Fatal(s, err)
	}
	text, _ := os.ReadFile(name)
	want := `@use job.sql
@test one
@given t
  k | s
  1 | a
  1 | 'b | c'
@expect changelog      -- here
  +I | 1 | 1 | a
  -U | 1 | 1 | a
  +U | 1 | 2 | 'b | c'

-- behind
@expect table
  k | n | m
  1 | 2 | 'b | c'
@test two
@given t
  k
  5
@expect table
  m    | k
  NULL | 5
`
	if string(text) != want {
		t.Errorf("%s", text)
	}
	if s, err := Run(context.Background(), Options{Paths: []string{dir}}); err != nil || s.Passed != 2 {
		t.Error(s, err)
	}
}

// TestReports: each form says what passed, failed and was skipped, in the order of the
// files, however many run at a time.
func TestReports(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "job.sql", job)
	text := "@use job.sql\n"
	for i := range 15 {
		text += fmt.Sprintf("@test t%02d\n@given t\n  k\n  1\n@expect table\n  n\n  %d\n", i, 1+i%2)
	}
	write(t, dir, "a_test.sql", text+"@test skipped\n@skip for a reason\n")
	write(t, dir, "b_test.sql", "@test x\n@nothing\n")
	t.Chdir(dir)
	summary := write(t, dir, "summary.md", "")
	t.Setenv("GITHUB_STEP_SUMMARY", summary)
	for form, want := range map[string][]string{
		"junit": {`<testsuites tests="17" failures="7" errors="1" skipped="1"`, `<testcase classname="a_test" name="t01" file="a_test.sql" line="13"`, `<failure message="a_test.sql:13: the query`, `<skipped message="for a reason">`, `<error message="b_test.sql:2:1: syntax: no directive @nothing"`},
		"tap":   {"TAP version 14\nok 1 - a_test.sql:t00\nnot ok 2 - a_test.sql:t01\n  ---\n  at: a_test.sql:13\n", "ok 16 - a_test.sql:skipped # SKIP for a reason\nnot ok 17 - b_test.sql\n", "\n1..17\n"},
		"json":  {`"status":"failed","test":"t01","want":["2"]`, `"reason":"for a reason"`, `{"failed":8,"passed":8,`},
		"md":    {"17 tests, 8 passed, 8 failed, 1 skipped", "<details><summary><b>a_test.sql:t01</b>: a_test.sql:13: the query"},
		"gh":    {"::error file=a_test.sql,line=13,title=a_test.sql%3At01::a_test.sql:13: the query does not hold what it should%0A", "::error title=mink test::17 tests, 8 passed, 8 failed"},
	} {
		var out bytes.Buffer
		r, err := NewReport(form, &out)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Run(context.Background(), Options{Jobs: 4, Each: r.Each})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.End(s); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%s has no %q:\n%s", form, w, out.String())
			}
		}
		if form == "junit" {
			if err := xml.Unmarshal(out.Bytes(), new(junitSuites)); err != nil {
				t.Error(err)
			}
		}
	}
	page, _ := os.ReadFile(summary)
	if !strings.Contains(string(page), "t13") {
		t.Errorf("the summary of the step:\n%s", page)
	}
}
