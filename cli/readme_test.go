package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What README shows is what a person sees: its console sessions are played in the
// folder they speak of.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files, err := filepath.Glob("../examples/orders/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TZ", "UTC")
	t.Chdir(dir)
	played := 0
	for i, block := range strings.Split(string(text), "```") {
		session, ok := strings.CutPrefix(block, "console\n")
		if i%2 == 0 || !ok {
			continue
		}
		for _, s := range steps(session) {
			s.shown = true
			s.play(t, "README.md")
			played++
		}
	}
	if played < 4 {
		t.Errorf("%d commands were found in README.md", played)
	}
}
