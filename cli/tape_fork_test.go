package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const salesScript = `CREATE TABLE f (k STRING, v INT, w INT) WITH ('connector' = 'filesystem', 'path' = 'in.csv', 'format' = 'csv');
CREATE TABLE o (k STRING, n BIGINT) WITH ('connector' = 'print');
CREATE TABLE e (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv');
INSERT INTO o SELECT k, COUNT(*) FROM f GROUP BY k;
INSERT INTO e SELECT k, v FROM f;
SELECT k, SUM(v) FROM f GROUP BY k`

// A changed script over the taped inputs gives other tables, and each row that differs is
// told, whatever became of the source.
func TestTapeReplaySQL(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "job.sql", salesScript)
	writeText(t, "in.csv", "a,1,0\nb,2,0\na,3,0\nc,4,0\na,1,0\n")
	// Without rows of v below 2: a has 1 row of 3, and its sum is 3 instead of 5.
	writeText(t, "new.sql", strings.ReplaceAll(salesScript, "FROM f", "FROM f WHERE v > 1"))
	want := `e: 5 rows, now 3: 1 row differs
  k | v
- a | 1  (2 times)
o: 3 rows, now 3: 2 rows differ
  k | n
+ a | 1
- a | 3
query 1: 3 rows, now 3: 2 rows differ
  k | EXPR$1
+ a | 3
- a | 5
`
	sorted := func(out string) string { // which of two jobs opens its sink first is open
		o, e := strings.Index(out, "o: "), strings.Index(out, "e: ")
		if o >= 0 && e > o {
			q := strings.Index(out, "query 1")
			out = out[e:q] + out[o:e] + out[q:]
		}
		return out
	}
	for _, embed := range []bool{false, true} {
		args := []string{"tape", "record", "job.sql", "-o", "job.mtape"}
		if embed {
			args = append(args, "--embed")
		}
		if _, errs, code := command(t, args...); code != 0 {
			t.Fatal(errs)
		}
		if err := os.RemoveAll("out"); err != nil {
			t.Fatal(err)
		}
		if embed {
			if err := os.Remove("in.csv"); err != nil {
				t.Fatal(err)
			}
		}
		got, errs, code := command(t, "tape", "replay", "--sql", "new.sql", "job.mtape")
		if code != 0 || sorted(got) != want {
			t.Errorf("embed %v: exit %d\n%s\ninstead of\n%s\n%s", embed, code, got, want, errs)
		}
		if got, errs, code := command(t, "tape", "replay", "--sql", "job.sql", "job.mtape"); code != 0 || strings.Count(got, "the same") != 3 {
			t.Errorf("the same script: exit %d\n%s\n%s", code, got, errs)
		}
		if _, err := os.Stat("out"); err == nil {
			t.Error("a table was written")
		}
	}
	got, _, _ := command(t, "tape", "replay", "--sql", "new.sql", "--output", "json", "job.mtape")
	if !strings.Contains(got, `{"op":"-","row":{"k":"a","v":"1"},"table":"e","times":2}`) {
		t.Errorf("json gives %s", got)
	}

	// What is not on the tape is told.
	writeText(t, "wide.sql", strings.Replace(salesScript, "SUM(v)", "SUM(w)", 1))
	if _, errs, code := command(t, "tape", "replay", "--sql", "wide.sql", "job.mtape"); code != exitFailed || !strings.Contains(errs, "the column w of") {
		t.Errorf("a column that was not read: exit %d\n%s", code, errs)
	}
	writeText(t, "other.sql", salesScript+";\nCREATE TABLE g (k STRING) WITH ('connector' = 'filesystem', 'path' = 'in.csv', 'format' = 'csv');\nSELECT * FROM g")
	if _, errs, code := command(t, "tape", "replay", "--sql", "other.sql", "job.mtape"); code != exitFailed || !strings.Contains(errs, "nothing on the tape was read from") {
		t.Errorf("a table that was not read: exit %d\n%s", code, errs)
	}
	writeText(t, "bad.sql", "SELECT nope FROM f")
	if _, errs, code := command(t, "tape", "replay", "--sql", "bad.sql", "job.mtape"); code != exitFailed || !strings.Contains(errs, "bad.sql:1:") {
		t.Errorf("a script that is wrong: exit %d\n%s", code, errs)
	}
}

// Another seed cuts rows into other batches. An answer that does not depend on it stays;
// one that does is told, with exit code 1.
func TestTapeReplaySeed(t *testing.T) {
	t.Chdir(t.TempDir())
	script := func(agg string) string {
		return `CREATE TABLE f (k INT, v INT) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'csv');
SELECT ` + agg + ` FROM f GROUP BY k`
	}
	if err := os.Mkdir("in", 0o755); err != nil {
		t.Fatal(err)
	}
	for file := range 4 {
		var b strings.Builder
		for i := range 300 {
			fmt.Fprintf(&b, "%d,%d\n", i%3, file*1000+i)
		}
		writeText(t, fmt.Sprintf("in/%d.csv", file), b.String())
	}
	for agg, depends := range map[string]bool{"k, SUM(v), MAX(v)": false, "k, LISTAGG(CAST(v AS STRING))": true} {
		writeText(t, "job.sql", script(agg))
		if _, errs, code := command(t, "tape", "record", "job.sql", "-o", "job.mtape"); code != 0 {
			t.Fatal(errs)
		}
		found := false
		for seed := 1; seed <= 5; seed++ {
			out, errs, code := command(t, "tape", "replay", "--seed", fmt.Sprint(seed), "job.mtape")
			if code != 0 {
				if found = true; code != exitFailed || !strings.Contains(errs, fmt.Sprintf("seed %d", seed)) || !strings.Contains(out, "\n- ") {
					t.Errorf("%s, seed %d: exit %d\n%s", agg, seed, code, errs)
				}
			}
		}
		if found != depends {
			t.Errorf("%s: another answer was found: %v", agg, found)
		}
	}
	if _, errs, code := command(t, "tape", "replay", "--seed", "1", "--until", "0:1", "job.mtape"); code != exitUsage {
		t.Errorf("--seed with --until: exit %d\n%s", code, errs)
	}
}

// A run made anew over positions fails where the rows cannot be read again, whatever would
// restart it, and says why.
func TestTapeForkWithoutRows(t *testing.T) {
	for name, spoil := range map[string]func() error{
		"gone":    func() error { return os.Remove("in.csv") },
		"shorter": func() error { return os.WriteFile("in.csv", []byte("a,1,0\n"), 0o644) },
		"broken":  func() error { return os.WriteFile("in.csv", []byte("a,1,0\nb,x,0\na,3,0\nc,4,0\na,1,0\n"), 0o644) },
	} {
		for _, strategy := range []string{"", "SET 'restart-strategy.type' = 'fixed-delay'; SET 'restart-strategy.fixed-delay.attempts' = '2147483647'; SET 'restart-strategy.fixed-delay.delay' = '1 ms';"} {
			t.Run(name, func(t *testing.T) {
				t.Chdir(t.TempDir())
				writeText(t, "job.sql", "SET 'execution.checkpointing.interval' = '10 ms';"+strategy+salesScript)
				writeText(t, "in.csv", "a,1,0\nb,2,0\na,3,0\nc,4,0\na,1,0\n")
				if _, errs, code := command(t, "tape", "record", "job.sql", "-o", "job.mtape"); code != 0 {
					t.Fatal(errs)
				}
				if err := spoil(); err != nil {
					t.Fatal(err)
				}
				for _, args := range [][]string{{"replay", "--sql", "job.sql", "job.mtape"}, {"redact", "--mask", "k", "job.mtape", "-o", "red.mtape"}, {"replay", "--seed", "3", "job.mtape"}, {"cut", "--embed", "job.mtape", "-o", "cut.mtape"}} {
					_, errs, code := command(t, append([]string{"tape"}, args...)...)
					if code != exitFailed || !strings.Contains(errs, "divergence") || !strings.Contains(errs, "in.csv") {
						t.Errorf("%s: exit %d\n%s", args[0], code, errs)
					}
				}
			})
		}
	}
}
