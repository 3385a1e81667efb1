package flink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minkstream/mink/testkit/sqltest"
)

// ofFlink puts the judge's own tables where the mistakes have one of mink's formats.
var ofFlink = strings.NewReplacer(
	"('connector' = 'filesystem', 'path' = '/nowhere', 'format' = 'changelog-json', 'changelog-json.changelog-mode' = 'I,UA,D')",
	"('connector' = 'judge', 'key' = 'none', 'mode' = 'I,UA,D', 'zone' = 'UTC')")

// TestMistakes makes the mistakes of sqltest/testdata/errors on Apache Flink and holds
// what the files quote to it. MINK_FLINK_FILL=1 writes Flink's words into the files.
func TestMistakes(t *testing.T) {
	if os.Getenv("MINK_FLINK") == "" {
		t.Skip("Apache Flink: make test-flink")
	}
	names, err := filepath.Glob(filepath.Join(root, "testkit/sqltest/testdata/errors/*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*sqltest.Mistakes{}
	var jobs []Job
	id := func(name string, m *sqltest.Mistake) string { return fmt.Sprintf("%s:%d", filepath.Base(name), m.Line) }
	for _, name := range names {
		f, err := sqltest.ReadMistakes(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = f
		for _, m := range f.List {
			jobs = append(jobs, Job{ID: id(name, m), File: filepath.Base(name), Section: &sqltest.Section{Setup: []string{ofFlink.Replace(f.Setup)}, SQL: ofFlink.Replace(m.SQL)}})
		}
	}
	answers, err := Run(context.Background(), t.TempDir(), jobs, os.Getenv("MINK_FLINK") == "fresh")
	if errors.Is(err, ErrNotHere) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	fill := os.Getenv("MINK_FLINK_FILL") != ""
	for name, f := range files {
		for _, m := range f.List {
			if strings.HasPrefix(m.Flink, "gateway: ") || strings.HasPrefix(m.Flink, "own: ") {
				continue
			}
			said := answers[id(name, m)].words()
			if fill {
				m.Flink = said
			} else if m.Flink != said {
				t.Errorf("%s: %s\nthe file quotes %s\nFlink says %s", id(name, m), m.SQL, m.Flink, said)
			}
		}
		if fill {
			if err := os.WriteFile(name, []byte(f.Text()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
