package cli

import (
	"os"
	"strings"
	"testing"
)

// A test takes its rows from a tape; what is wrong with that is said at its place.
func TestRowsOfTape(t *testing.T) {
	dapFiles(t)
	if _, errs, code := command(t, "tape", "record", "--embed", "revenue.sql", "-o", "run.mtape"); code != 0 {
		t.Fatal(errs)
	}
	const test = `@use revenue.sql

@test taped
@given orders from run.mtape
@expect late orders 1
@expect table revenue
  sku  | window_start | window_end | total
  A-17 | 2026-08-22 11:54:00 | 2026-08-22 11:55:00 | 43.50
  B-02 | 2026-08-22 11:54:00 | 2026-08-22 11:55:00 | 8.00
  B-02 | 2026-08-22 11:55:00 | 2026-08-22 11:56:00 | 3.00
  B-02 | 2026-08-22 11:56:00 | 2026-08-22 11:57:00 | 4.00
`
	if _, errs, code := command(t, "tape", "record", "revenue.sql", "-o", "places.mtape"); code != 0 {
		t.Fatal(errs)
	}
	if err := os.Mkdir("sub", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text, want string
		code       int
	}{
		"a_test.sql":     {test, "1 passed", exitOK},
		"sub/b_test.sql": {strings.NewReplacer("revenue.sql", "../revenue.sql", "run.mtape", "../run.mtape").Replace(test), "1 passed", exitOK},
		"c_test.sql":     {strings.Replace(test, "43.50", "43.51", 1), "+ A-17 | 2026-08-22 11:54:00 | 2026-08-22 11:55:00 | 43.50", exitFailed},
		"d_test.sql":     {strings.Replace(test, "@given orders", "@given order", 1), "d_test.sql:4:1: not-found: the tape run.mtape has no rows of a table order", exitFailed},
		"f_test.sql":     {strings.Replace(test, "run.mtape", "places.mtape", 1), "mink tape cut places.mtape --embed", exitFailed},
		"e_test.sql":     {strings.Replace(test, "run.mtape", "none.mtape", 1), "e_test.sql:4:1:", exitFailed},
	} {
		writeText(t, name, c.text)
		if out, errs, code := command(t, "test", name); code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("%s: exit %d, want %d with %q\n%s%s", name, code, c.code, c.want, out, errs)
		}
	}
	if _, errs, code := command(t, "test", "run.mtape"); code != exitUsage || !strings.Contains(errs, "mink test new --from run.mtape") {
		t.Errorf("a tape is no test: exit %d\n%s", code, errs)
	}
}

// A command that has others below it refuses one that it has not.
func TestUnknownBelow(t *testing.T) {
	for _, c := range []string{"tape", "jobs", "bench", "docs"} {
		if _, errs, code := command(t, c, "frobnicate"); code != exitUsage || !strings.Contains(errs, `unknown command "frobnicate" for "mink `+c+`"`) {
			t.Errorf("%s: exit %d\n%s", c, code, errs)
		}
	}
	if out, _, code := command(t, "tape"); code != exitOK || !strings.Contains(out, "Available Commands") {
		t.Errorf("exit %d\n%s", code, out)
	}
}
