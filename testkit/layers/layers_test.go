package layers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTreeObeysLayers(t *testing.T) {
	bad, err := Check("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bad {
		t.Error(b)
	}
}

// A tree with one import that goes up and one package without a rank must be
// refused: the check can fail.
func TestCheckFindsViolations(t *testing.T) {
	root := t.TempDir()
	write := func(name, src string) {
		t.Helper()
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("engine/types/types.go", "package types\nimport _ \""+Module+"/engine/plan\"\n")
	write("engine/plan/plan.go", "package plan\nimport _ \""+Module+"/engine/exec\"\n")
	write("engine/exec/exec.go", "package exec\nimport _ \""+Module+"/engine/types\"\n")
	write("misc/misc.go", "package misc\n")
	bad, err := Check(root)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(bad, "\n")
	for _, want := range []string{"misc has no rank", "engine/types/types.go (rank 1)", "engine/plan/plan.go (rank 7)"} {
		if !strings.Contains(got, want) {
			t.Errorf("no complaint with %q in:\n%s", want, got)
		}
	}
	if len(bad) != 3 {
		t.Errorf("%d complaints, want 3:\n%s", len(bad), got)
	}
}
