package cli

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/trace"
)

const orderScript = `CREATE TABLE c (name STRING, city STRING, age INT) WITH ('connector' = 'filesystem', 'path' = 'c.csv', 'format' = 'csv');
CREATE TABLE o (name STRING, amt DECIMAL(10, 2), bought TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = 'o.csv', 'format' = 'csv');
SELECT c.name, city, SUM(amt), COUNT(*) FROM c JOIN o ON c.name = o.name GROUP BY c.name, city`

func orderTables(t *testing.T) {
	t.Helper()
	writeText(t, "c.csv", "Ada Lovelace,London,36\nGrace Hopper,Arlington,85\nLin,Oslo,1\n")
	writeText(t, "o.csv", "Ada Lovelace,10.00,2026-01-01 10:00:00\nGrace Hopper,2.50,2026-01-01 10:00:01\nAda Lovelace,5.00,2026-01-01 10:00:02\n")
}

// finalRows are the rows that a changelog in JSON leaves.
func finalRows(t *testing.T, lines string) (rows []map[string]any) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		var c struct {
			Op  string
			Row map[string]any
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		if c.Op == "+I" || c.Op == "+U" {
			rows = append(rows, c.Row)
			continue
		}
		text, _ := json.Marshal(c.Row)
		i := slices.IndexFunc(rows, func(r map[string]any) bool { x, _ := json.Marshal(r); return string(x) == string(text) })
		if i < 0 {
			t.Fatalf("%s takes back what is not there", line)
		}
		rows = slices.Delete(rows, i, i+1)
	}
	return rows
}

// A masked tape has no value of the column, joins and groups as before, and replays by
// itself: over the same steps, or over those of a new run if the mask sends rows elsewhere.
func TestTapeRedact(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "key", "a key for all tapes\n")
	for _, parallelism := range []string{"1", "3"} {
		orderTables(t)
		writeText(t, "job.sql", "SET 'parallelism.default' = '"+parallelism+"';\n"+orderScript)
		if _, errs, code := command(t, "tape", "record", "--output", "json", "job.sql", "-o", "job.mtape"); code != 0 {
			t.Fatal(errs)
		}
		_, errs, code := command(t, "tape", "redact", "job.mtape", "--mask", "name", "--key-file", "key", "-o", "red.mtape")
		if code != 0 || !strings.Contains(errs, "masked: c.name") || !strings.Contains(errs, "masked: o.name") {
			t.Fatalf("exit %d\n%s", code, errs)
		}
		if parallelism == "1" && strings.Contains(errs, "new run") {
			t.Errorf("where all rows go one way the steps can be taken again\n%s", errs)
		}
		if err := os.Remove("c.csv"); err != nil {
			t.Fatal(err)
		}
		all := tapeText(t, "red.mtape")
		sightless(t, "red.mtape")
		for _, value := range []string{"Lovelace", "Hopper"} {
			if strings.Contains(all, value) {
				t.Errorf("parallelism %s: %s is on the tape", parallelism, value)
			}
		}
		if !strings.Contains(all, "Arlington") {
			t.Errorf("parallelism %s: a column that was not masked is gone", parallelism)
		}
		got, errs, code := command(t, "tape", "replay", "--output", "json", "red.mtape")
		if code != 0 {
			t.Fatalf("parallelism %s: %s", parallelism, errs)
		}
		names := map[any]bool{}
		sums := map[any]any{}
		for _, r := range finalRows(t, got) {
			names[r["name"]] = true
			sums[r["city"]] = r["EXPR$2"]
		}
		if len(names) != 2 || len(sums) != 2 || sums["London"] != "15.00" || sums["Arlington"] != "2.50" {
			t.Errorf("parallelism %s: %s", parallelism, got)
		}
		if names["Ada Lovelace"] || names["Grace Hopper"] {
			t.Errorf("parallelism %s: a name is shown: %s", parallelism, got)
		}
	}
}

// sightless expects a tape on which statements have seen nothing of the disk.
func sightless(t *testing.T, name string) {
	t.Helper()
	f, err := trace.Open(env.OS("").Disk, name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, st := range f.Manifest.Statements {
		if len(st.Disk) > 0 {
			t.Errorf("%s has what %s saw of the disk", name, st.Text)
		}
	}
}

// What cannot be masked, and what is not there, is told and leaves no tape.
func TestTapeRedactRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	orderTables(t)
	writeText(t, "job.sql", `CREATE TABLE o (name STRING, amt DECIMAL(10, 2), bought TIMESTAMP(3), WATERMARK FOR bought AS bought) WITH ('connector' = 'filesystem', 'path' = 'o.csv', 'format' = 'csv');
SELECT name, window_end, SUM(amt) FROM TUMBLE(TABLE o, DESCRIPTOR(bought), INTERVAL '1' SECOND) GROUP BY name, window_start, window_end`)
	if _, errs, code := command(t, "tape", "record", "job.sql", "-o", "job.mtape"); code != 0 {
		t.Fatal(errs)
	}
	for mask, words := range map[string]string{"bought": "event time", "o.nope": "has a column", "c.name": "has a column"} {
		_, errs, code := command(t, "tape", "redact", "job.mtape", "--mask", mask, "-o", "red.mtape")
		if code != exitUsage || !strings.Contains(errs, words) {
			t.Errorf("%s: exit %d\n%s", mask, code, errs)
		}
		if left, _ := os.ReadDir("."); slices.ContainsFunc(left, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), "red.mtape") }) {
			t.Errorf("%s: a tape is left", mask)
		}
	}
	if _, errs, code := command(t, "tape", "redact", "job.mtape", "-o", "red.mtape"); code != exitUsage {
		t.Errorf("nothing to mask: exit %d\n%s", code, errs)
	}
}

// The tape of several has the inputs of all.
func TestTapeMerge(t *testing.T) {
	t.Chdir(t.TempDir())
	orderTables(t)
	writeText(t, "job.sql", orderScript)
	for i, more := range []string{"", "Lin,7.00,2026-01-02 10:00:00\n"} {
		if more != "" {
			writeText(t, "c.csv", "Mary,Leeds,5\n")
			writeText(t, "o.csv", more+"Mary,1.00,2026-01-02 11:00:00\n")
		}
		if _, errs, code := command(t, "tape", "record", "--embed", "job.sql", "-o", string(rune('a'+i))+".mtape"); code != 0 {
			t.Fatal(errs)
		}
	}
	if _, errs, code := command(t, "tape", "merge", "a.mtape", "b.mtape", "-o", "all.mtape"); code != 0 {
		t.Fatal(errs)
	}
	for _, name := range []string{"c.csv", "o.csv"} {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	got, errs, code := command(t, "tape", "replay", "--output", "json", "all.mtape")
	if code != 0 {
		t.Fatal(errs)
	}
	sums := map[any]any{}
	for _, r := range finalRows(t, got) {
		sums[r["name"]] = r["EXPR$2"]
	}
	// Lin is a customer on the first tape and has bought on the second.
	if len(sums) != 4 || sums["Lin"] != "7.00" || sums["Ada Lovelace"] != "15.00" || sums["Mary"] != "1.00" || sums["Grace Hopper"] != "2.50" {
		t.Errorf("%v", sums)
	}
}
