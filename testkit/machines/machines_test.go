// Package machines shows that a tape is executed again to the byte by a build for another
// processor: recorded on this one and replayed by an arm64 build under qemu, and back. A
// replay compares the hash of every step, and what it prints is compared here.
//
// It also looks into the arm64 build for multiplications that were put together with an
// addition, which rounds once where other processors round twice.
package machines

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/minkstream/mink/testkit/nexmark"
)

// machine runs a build of mink.
type machine struct {
	name string
	cmd  []string
}

// build builds mink for a processor.
func build(t *testing.T, arch, dir string) string {
	t.Helper()
	bin := filepath.Join(dir, "mink-"+arch)
	c := exec.Command("go", "build", "-trimpath", "-o", bin, "github.com/minkstream/mink")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=-buildvcs=false")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("building for %s: %v\n%s", arch, err, out)
	}
	return bin
}

func needs(t *testing.T) (qemu string) {
	t.Helper()
	if os.Getenv("MINK_ALL") == "" {
		t.Skip("builds mink for two processors: run with MINK_ALL=1")
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("it goes from amd64 to arm64 on Linux")
	}
	for _, name := range []string{"qemu-aarch64-static", "qemu-aarch64"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no qemu-aarch64 (Debian: apt-get install qemu-user-static)")
	return ""
}

func (m *machine) run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	c := exec.Command(m.cmd[0], append(m.cmd[1:len(m.cmd):len(m.cmd)], args...)...)
	c.Dir = dir
	c.Env = append(os.Environ(), "HOME="+dir, "TZ=UTC")
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%s, mink %s: %v\n%s", m.name, strings.Join(args, " "), err, errs.String())
	}
	return out.String()
}

// script is what is recorded.
type script struct{ name, text string }

// queries are those of the benchmark that use no math functions and have one answer.
func queries() (out []script) {
	for _, q := range nexmark.Queries() {
		if q.Skip != "" || q.Check != nexmark.Exact || regexp.MustCompile(`(?i)\b(EXP|LN|LOG|POWER|SQRT|SIN|COS|TAN)\s*\(|side_input|count_char`).MatchString(q.SQL()) {
			continue
		}
		text := q.Script(nexmark.Options{
			Source: map[string]string{"events.num": "3000", "next-event.rate": "50", "seed": "7"}, Sink: map[string]string{"connector": "print"},
		})
		if strings.Contains(text, "side_input") || strings.Contains(text, "count_char(") {
			continue // a file and a function of a user
		}
		out = append(out, script{q.Name, text})
	}
	return out
}

// TestReplayElsewhere records each script on one processor and replays it on the other, and
// the other way round.
func TestReplayElsewhere(t *testing.T) {
	qemu := needs(t)
	dir := t.TempDir()
	here := &machine{"amd64", []string{build(t, "amd64", dir)}}
	there := &machine{"arm64", []string{qemu, build(t, "arm64", dir)}}
	list := queries()
	if len(list) < 15 {
		t.Fatalf("only %d scripts", len(list))
	}
	for _, s := range list {
		t.Run(s.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "job.sql"), []byte(s.text), 0o666); err != nil {
				t.Fatal(err)
			}
			for i, m := range []*machine{here, there} {
				other := []*machine{there, here}[i]
				tape := fmt.Sprint(i, ".mtape")
				args := []string{"tape", "record", "--keep-going", "--output", "changelog", "--set", "parallelism.default=2", "job.sql", "-o", tape}
				want := m.run(t, dir, args...)
				if got := other.run(t, dir, "tape", "replay", "--output", "changelog", tape); got != want {
					t.Errorf("recorded on %s and replayed on %s: %d bytes instead of %d", m.name, other.name, len(got), len(want))
				}
				if i == 0 && len(want) < 60 {
					t.Errorf("only %d bytes came out", len(want))
				}
			}
		})
	}
}

// fused are functions in which the arm64 build may fuse: they draw a picture or choose what
// nobody compares.
var fused = regexp.MustCompile(`/(cli|testkit/[a-z]+)\.`)

// TestNothingFused: no function of mink's computes x*y+z with one rounding on arm64, where
// amd64 has two. A conversion of the product, float64(x*y), keeps them apart.
func TestNothingFused(t *testing.T) {
	if os.Getenv("MINK_ALL") == "" {
		t.Skip("builds mink for arm64: run with MINK_ALL=1")
	}
	out, err := exec.Command("go", "tool", "objdump", "-s", "minkstream/mink/", build(t, "arm64", t.TempDir())).Output()
	if err != nil {
		t.Fatal(err)
	}
	at, functions := "", 0
	instruction := regexp.MustCompile(`\sFN?M(ADD|SUB)[DS] `)
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(line, "TEXT "); ok {
			at, _, _ = strings.Cut(name, "(SB)")
			functions++
			continue
		}
		if !instruction.MatchString(line) || fused.MatchString(at) || strings.HasSuffix(at, "(*floatSpread).Fold") { // it asks for math.FMA
			continue
		}
		t.Errorf("%s: %s", at, strings.TrimSpace(line))
	}
	if functions < 10_000 {
		t.Errorf("only %d functions were looked at", functions)
	}
}
