// Package sqltest runs text tests of SQL: inputs and statements above dashes, what
// comes out below them. One format serves results, change streams, errors and plans;
// its page is README.md.
//
// A section runs several times: as a stream fed row by row, where the changes are
// compared one by one; as a stream in whole batches and with parallelism 3, where
// they must add up to the same table; and as a batch. MINK_ACCEPT=1 rewrites what
// stands below the dashes.
//
// Begin with Run, then Parse in script.go.
package sqltest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/gateway"
)

// Open makes a client for one run of one section; Run closes it. ordered asks for
// one worker, so that rows of two branches of a plan meet in the order in which
// their common source gave them.
type Open func(t *testing.T, ordered bool) gateway.Client

// Run runs every *.test file of a directory, a subtest a file and one a section.
func Run(t *testing.T, dir string, open Open) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.test"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no *.test files in %s (%v)", dir, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".test"), func(t *testing.T) { runFile(t, name, open) })
	}
}

func runFile(t *testing.T, name string, open Open) {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse(string(text))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	accept := os.Getenv("MINK_ACCEPT") == "1"
	for _, s := range f.Sections {
		t.Run(fmt.Sprintf("line%d", s.Line), func(t *testing.T) {
			if s.Skip != "" {
				t.Skip(s.Skip)
			}
			at := fmt.Sprintf("%s:%d", filepath.Base(name), s.Line)
			for i, v := range variants(s) {
				if i > 1 && testing.Short() && (s.Line+i)%3 != 0 {
					continue
				}
				got := v.run(t, s, open)
				if accept && i == 0 {
					s.accept(got)
				}
				if problem := s.check(v, got); problem != "" {
					t.Errorf("%s, %s\n%s\n%s", at, v, indent(s.SQL), problem)
					if v.exact || got.err != nil {
						return // the other variants would say the same
					}
				}
			}
		})
	}
	if accept {
		if out := f.Text(); out != string(text) {
			if err := os.WriteFile(name, []byte(out), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func indent(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") }
