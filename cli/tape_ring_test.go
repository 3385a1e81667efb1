package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/env"
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

// A ring keeps no more than it may: without a checkpoint to begin at it has nothing.
func TestTapeRingLimit(t *testing.T) {
	r, err := trace.Ring(trace.Manifest{Jobs: []trace.Job{{Error: "it failed", Attempts: []trace.Attempt{{N: 1}}}}}, 1000, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if r.Over() {
			t.Fatalf("over after %d bytes", 400*i)
		}
		if err := r.Rows(0, 1, 0, 0, types.Schema{}, make([]byte, 400)); err != nil {
			t.Fatal(err)
		}
	}
	if !r.Over() || r.Bytes() != 0 {
		t.Errorf("%d of 1000 bytes are kept", r.Bytes())
	}
}

// longScript fails after many times what a small ring holds.
const longScript = `CREATE TABLE s (n BIGINT, k INT) WITH ('connector' = 'datagen', 'number-of-rows' = '120000', 'rows-per-second' = '60000',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '120000', 'fields.k.min' = '1', 'fields.k.max' = '3');
SELECT k, COUNT(*) AS c, SUM(10 / (119000 - n)) AS s FROM s GROUP BY k`

// The tape of a long run that fails begins at a checkpoint, is no larger than was said, and
// what it prints is the end of what was printed, to the byte. A tape that was kept whole is
// cut to the same form.
func TestTapeRingDrops(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "long.sql", longScript)
	const keep = "kept"
	for _, set := range [][]string{
		{"--set", "parallelism.default=2", "--set", "execution.checkpointing.interval=50 ms", "--set", "restart-strategy.type=none"},
		{"--set", "parallelism.default=2"}, // checkpoints for the tape alone
	} {
		if err := os.RemoveAll(keep); err != nil {
			t.Fatal(err)
		}
		args := append([]string{"run", "--keep-tape", "on", "--output", "json", "--set", "mink.tape.dir=" + keep, "--set", "mink.tape.ring.size=12 kb"}, set...)
		want, errs, code := command(t, append(args, "long.sql")...)
		list, _ := filepath.Glob(keep + "/*.mtape")
		if code != exitFailed || len(list) != 1 {
			t.Fatalf("exit %d, %q\n%s", code, list, errs)
		}
		isTail(t, list[0], want, true)
	}
}

// isTail replays a tape and expects the end of an output; base says that it begins at a
// checkpoint.
func isTail(t *testing.T, name, want string, fails bool) {
	t.Helper()
	f, err := trace.Open(env.OS("").Disk, name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if a := f.Manifest.Jobs[0].Attempts[0]; !a.Base || a.Checkpoint == 0 {
		t.Fatalf("the tape begins with %+v", a)
	}
	got, errs, code := command(t, "tape", "replay", "--output", "json", name)
	if (code == exitFailed) != fails || fails && !strings.Contains(errs, "division-by-zero") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	if len(got) == 0 || len(got) >= len(want) || !strings.HasSuffix(want, got) {
		t.Errorf("%d bytes are not the end of %d", len(got), len(want))
	}
	got, errs, code = command(t, "debug", name, "--json", "-c", "goto end; state GroupAggregate")
	if code != 0 || !strings.Contains(got, `"entries":`) {
		t.Errorf("exit %d\n%s%s", code, got, errs)
	}
}

// cut --from makes a tape begin at the checkpoint before a moment, and the parts of a tape
// print together what it prints.
func TestTapeCutFrom(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "long.sql", strings.ReplaceAll(longScript, "119000", "-1"))
	want, errs, code := command(t, "run", "--tape", "run.mtape", "--output", "json", "--set", "parallelism.default=2", "--set", "execution.checkpointing.interval=50 ms", "long.sql")
	if code != 0 {
		t.Fatal(errs)
	}
	_, errs, code = command(t, "tape", "cut", "run.mtape", "--from", "9:3", "-o", "part.mtape")
	if code != 0 || !strings.Contains(errs, "job 1 begins at 9:0") && !strings.Contains(errs, "job 1 begins at 8:0") {
		t.Fatalf("exit %d\n%s", code, errs)
	}
	isTail(t, "part.mtape", want, false)
	// What was cut can be cut again.
	if _, errs, code = command(t, "tape", "cut", "part.mtape", "--from", "15:0", "--embed", "-o", "less.mtape"); code != 0 {
		t.Fatalf("exit %d\n%s", code, errs)
	}
	isTail(t, "less.mtape", want, false)
}

// shopScript takes long enough for a ring to drop its beginning, and fails.
const shopScript = `CREATE TABLE s (n BIGINT, k INT) WITH ('connector' = 'datagen', 'number-of-rows' = '120000', 'rows-per-second' = '30000',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '120000', 'fields.k.min' = '1', 'fields.k.max' = '3');
CREATE VIEW people AS SELECT n, 'customer-' || CAST(k AS STRING) AS name FROM s;
SELECT name, COUNT(*) AS c, SUM(10 / (119000 - n)) AS s FROM people GROUP BY name`

// A tape that begins in the middle is redacted, too: what was kept before is left out, which
// is said, and of the rows that it has nothing is shown.
func TestTapeRedactMiddle(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "shop.sql", shopScript)
	_, errs, code := command(t, "run", "--keep-tape", "on", "--output", "json", "--set", "mink.tape.dir=kept", "--set", "mink.tape.ring.size=12 kb", "--set", "parallelism.default=2", "shop.sql")
	list, _ := filepath.Glob("kept/*.mtape")
	if code != exitFailed || len(list) != 1 {
		t.Fatalf("exit %d, %q\n%s", code, list, errs)
	}
	was, err := trace.Open(env.OS("").Disk, list[0])
	if err != nil {
		t.Fatal(err)
	}
	from := was.Manifest.Jobs[0].Attempts[0]
	if err := was.Close(); err != nil || !from.Base {
		t.Fatalf("the tape begins with %+v, %v", from, err)
	}
	_, errs, code = command(t, "tape", "redact", list[0], "--mask", "k", "-o", "masked.mtape")
	if code != 0 || !strings.Contains(errs, "masked: s.k") || !strings.Contains(errs, fmt.Sprintf("left out: what job 1 had kept of rows before checkpoint %d.", from.Checkpoint)) {
		t.Fatalf("exit %d\n%s", code, errs)
	}
	got, errs, code := command(t, "tape", "replay", "--output", "json", "masked.mtape")
	if code != exitFailed || !strings.Contains(errs, "division-by-zero") || len(got) == 0 {
		t.Errorf("exit %d\n%s", code, errs)
	}
	for _, name := range []string{"customer-1", "customer-2", "customer-3"} {
		if strings.Contains(got, `"`+name+`"`) {
			t.Errorf("%s is shown", name)
		}
	}
	now, err := trace.Open(env.OS("").Disk, "masked.mtape")
	if err != nil {
		t.Fatal(err)
	}
	defer now.Close()
	if a := now.Manifest.Jobs[0].Attempts[0]; a.Base || a.Checkpoint != 0 {
		t.Errorf("it begins with %+v", a)
	}
}

// The settings of the ring: how long a run it has, when it is written, and where to.
//
// shows mink.tape.ring.size
// shows mink.tape.ring.time
// shows mink.tape.keep
// shows mink.tape.dir
func TestTapeRingSettings(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "long.sql", strings.ReplaceAll(longScript, "119000", "-1"))
	run := func(set ...string) []string {
		t.Helper()
		if err := os.RemoveAll("kept"); err != nil {
			t.Fatal(err)
		}
		args := []string{"run", "--output", "json", "--keep-tape", "on", "--set", "mink.tape.dir=kept", "--set", "execution.checkpointing.interval=50 ms"}
		for _, s := range set {
			args = append(args, "--set", s)
		}
		if _, errs, code := command(t, append(args, "long.sql")...); code != 0 {
			t.Fatalf("%q: exit %d\n%s", set, code, errs)
		}
		list, _ := filepath.Glob("kept/*.mtape")
		return list
	}
	first := func(name string) trace.Attempt {
		t.Helper()
		f, err := trace.Open(env.OS("").Disk, name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		return f.Manifest.Jobs[0].Attempts[0]
	}
	if list := run("mink.tape.keep=failure"); len(list) > 0 {
		t.Errorf("a run that did not fail leaves %q", list)
	}
	list := run("mink.tape.keep=always")
	if len(list) != 1 || first(list[0]).Base {
		t.Fatalf("%q do not begin at the start", list)
	}
	list = run("mink.tape.keep=always", "mink.tape.ring.time=200 ms")
	if len(list) != 1 || !first(list[0]).Base {
		t.Fatalf("%q have more than 200 ms", list)
	}
	if list := run("mink.tape.keep=always", "mink.tape.ring.size=0"); len(list) > 0 {
		t.Errorf("a ring of no bytes leaves %q", list)
	}
	if _, errs, code := command(t, "run", "--set", "mink.tape.ring.size=plenty", "long.sql"); code != exitUsage || !strings.Contains(errs, "64 mb") {
		t.Errorf("exit %d\n%s", code, errs)
	}
}
