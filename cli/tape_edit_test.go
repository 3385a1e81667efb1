package cli

import (
	"os"
	"strings"
	"testing"
	"time"
)

// countScript gives changes row by row at parallelism 1, so that a part of a run gives the
// beginning of what the run gives.
const countScript = `CREATE TABLE f (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = 'in.csv', 'format' = 'csv');
SET 'mink.exec.batch-rows' = '10';
SELECT k, SUM(v) FROM f GROUP BY k`

func countInput(rows int) string {
	var b strings.Builder
	for i := range rows {
		b.WriteString(string(rune('a'+i%7)) + ",1\n")
	}
	return b.String()
}

// A cut is the beginning of the run, to the byte, and replays without the source if the
// rows are on it.
func TestTapeCut(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "job.sql", countScript)
	writeText(t, "in.csv", countInput(500))
	whole, errs, code := command(t, "tape", "record", "--output", "json", "job.sql", "-o", "job.mtape")
	if code != 0 {
		t.Fatal(errs)
	}
	before := -1
	for _, step := range []string{"0:2", "0:20", "0:60"} {
		until, errs, code := command(t, "tape", "replay", "--output", "json", "--until", step, "job.mtape")
		if code != 0 || !strings.Contains(errs, "stopped at "+step) {
			t.Fatalf("exit %d\n%s", code, errs)
		}
		if !strings.HasPrefix(whole, until) || len(until) == len(whole) {
			t.Errorf("until %s: %d bytes that are not the beginning of %d", step, len(until), len(whole))
		}
		if len(until) <= before {
			t.Errorf("until %s: %d bytes, and %d until an earlier step", step, len(until), before)
		}
		before = len(until)
		if _, errs, code := command(t, "tape", "cut", "job.mtape", "--to", step, "--embed", "-o", "part.mtape"); code != 0 {
			t.Fatal(errs)
		}
		if err := os.Rename("in.csv", "away.csv"); err != nil {
			t.Fatal(err)
		}
		if got, errs, code := command(t, "tape", "replay", "--output", "json", "part.mtape"); code != 0 || got != until {
			t.Errorf("cut at %s: exit %d, %d bytes instead of %d\n%s", step, code, len(got), len(until), errs)
		}
		if err := os.Rename("away.csv", "in.csv"); err != nil {
			t.Fatal(err)
		}
	}
	// Beyond the end there is nothing to cut off.
	if _, errs, code := command(t, "tape", "cut", "job.mtape", "--to", "900:0", "-o", "part.mtape"); code != 0 || !strings.Contains(errs, "ended before that") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	if got, _, _ := command(t, "tape", "replay", "--output", "json", "part.mtape"); got != whole {
		t.Errorf("%d bytes instead of %d", len(got), len(whole))
	}
	if _, errs, code := command(t, "tape", "cut", "job.mtape"); code != exitUsage {
		t.Errorf("without a name: exit %d\n%s", code, errs)
	}
}

// A moment can be said in several ways.
func TestTapeUntil(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "job.sql", `CREATE TABLE s (n INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = 'in.csv', 'format' = 'csv');
SET 'mink.exec.batch-rows' = '1';
SELECT n FROM s`)
	var in strings.Builder
	for i := range 50 {
		in.WriteString(string(rune('0'+i/10)) + string(rune('0'+i%10)) + ",2026-03-01 12:00:" + string(rune('0'+i/10)) + string(rune('0'+i%10)) + "\n")
	}
	writeText(t, "in.csv", in.String())
	whole, errs, code := command(t, "tape", "record", "--output", "csv", "job.sql", "-o", "job.mtape")
	if code != 0 {
		t.Fatal(errs)
	}
	rows := func(until string) int {
		t.Helper()
		got, errs, code := command(t, "tape", "replay", "--output", "csv", "--until", until, "job.mtape")
		if code != 0 || !strings.HasPrefix(whole, got) {
			t.Fatalf("%s: exit %d\n%s\n%s", until, code, got, errs)
		}
		return strings.Count(got, "\n") - 1
	}
	if n := rows("wm=2026-03-01 12:00:20"); n != 21 { // 00 to 20
		t.Errorf("until a watermark: %d rows", n)
	}
	if n := rows("2020-01-01"); n > 1 {
		t.Errorf("until a time before: %d rows", n)
	}
	if n := rows(time.Now().Add(time.Hour).UTC().Format(time.RFC3339)); n != 50 {
		t.Errorf("until a time after: %d rows", n)
	}
	if n := rows("+1h"); n != 50 {
		t.Errorf("until an hour after the beginning: %d rows", n)
	}
	for _, bad := range []string{"soon", "1:x", "wm=never", "+x"} {
		if _, errs, code := command(t, "tape", "replay", "--until", bad, "job.mtape"); code != exitUsage || !strings.Contains(errs, "moment") {
			t.Errorf("%s: exit %d\n%s", bad, code, errs)
		}
	}
}

// With a speed a replay takes its time.
func TestTapeSpeed(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "job.sql", `CREATE TABLE s (n INT) WITH ('connector' = 'datagen', 'number-of-rows' = '8', 'rows-per-second' = '40');
SELECT COUNT(*) FROM s`)
	begin := time.Now()
	want, errs, code := command(t, "tape", "record", "job.sql", "-o", "job.mtape")
	if code != 0 {
		t.Fatal(errs)
	}
	recording := time.Since(begin)
	for _, c := range []struct {
		speed string
		least time.Duration
	}{{"1", 100 * time.Millisecond}, {"0.5", 200 * time.Millisecond}} {
		begin := time.Now()
		got, errs, code := command(t, "tape", "replay", "--speed", c.speed, "job.mtape")
		if took := time.Since(begin); code != 0 || got != want || took < c.least {
			t.Errorf("speed %s: exit %d after %v (the recording took %v)\n%s", c.speed, code, took, recording, errs)
		}
	}
}
