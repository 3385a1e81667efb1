package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/engine/types"
)

const failingScript = `CREATE TABLE s (n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '5000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '-3000', 'fields.n.end' = '1999');
SELECT 10 / n FROM s`

// A job that fails leaves a tape, which replays to the same failure; one that does not,
// and a statement that is wrong, leave nothing. No more than ten are kept.
func TestTapeRing(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "bad.sql", failingScript)
	writeText(t, "good.sql", "SELECT 1")
	writeText(t, "wrong.sql", "SELECT nope")
	tapes := func() []string {
		list, err := filepath.Glob(".mink/tapes/*")
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	for _, args := range [][]string{{"run", "--keep-tape", "on", "good.sql"}, {"run", "--keep-tape", "on", "wrong.sql"}, {"run", "--keep-tape", "off", "bad.sql"}, {"run", "bad.sql"}} {
		if command(t, args...); len(tapes()) > 0 {
			t.Fatalf("%v leaves %q", args, tapes())
		}
	}
	want, errs, code := command(t, "run", "--keep-tape", "on", "--output", "json", "bad.sql")
	list := tapes()
	if code != exitFailed || len(list) != 1 || !strings.Contains(errs, "mink tape replay "+list[0]) || !strings.Contains(errs, "mink debug "+list[0]) {
		t.Fatalf("exit %d, %q\n%s", code, list, errs)
	}
	got, errs, code := command(t, "tape", "replay", "--output", "json", list[0])
	if code != exitFailed || got != want || !strings.Contains(errs, "division-by-zero") {
		t.Errorf("exit %d, %d bytes instead of %d\n%s", code, len(got), len(want), errs)
	}
	for i := range 12 {
		name := fmt.Sprintf(".mink/tapes/19700101-%06d.000-old.mtape", i)
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	command(t, "run", "--keep-tape", "on", "bad.sql")
	if left := tapes(); len(left) != ringFiles || left[len(left)-2] != list[0] {
		t.Errorf("left are %q", left)
	}
	if _, errs, code := command(t, "run", "--keep-tape", "perhaps", "good.sql"); code != exitUsage {
		t.Errorf("exit %d\n%s", code, errs)
	}
}

// A ring that becomes too large is given up.
func TestTapeRingLimit(t *testing.T) {
	r, err := trace.Ring(trace.Manifest{Jobs: []trace.Job{{Error: "it failed", Attempts: []trace.Attempt{{N: 1}}}}}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if r.Over() {
			t.Fatalf("over after %d bytes", 400*i)
		}
		if err := r.Rows(0, 1, 0, types.Schema{}, make([]byte, 400)); err != nil {
			t.Fatal(err)
		}
	}
	if !r.Over() || !r.Failed() {
		t.Error("1200 of 1000 bytes are kept")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
