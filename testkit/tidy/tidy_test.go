package tidy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTreeIsTidy(t *testing.T) {
	files, err := Files("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range Check(files) {
		t.Error(b)
	}
}

// Each rule must refuse its own counterexample.
func TestCheckRefuses(t *testing.T) {
	long := "// Package l is long.\npackage l\n" + strings.Repeat("\n", linesMax+1)
	for _, c := range []struct{ path, text, want string }{
		{"engine/a/a.go", "package a\n", "no label"},
		{"engine/a/b.go", "// Package a does.\npackage a\n", "belongs in a.go"},
		{"engine/a/a.go", "// Package a has a whitelist.\npackage a\n", "allow-list"},
		{"engine/a/a.go", "// Package a does.\npackage a\n// TODO later\n", "an issue"},
		{"engine/util/util.go", "// Package util does.\npackage util\n", "named after what it holds"},
		{"engine/a/a.go", "// Package a does.\npackage a\nfunc init() {}\n", "no init"},
		{"engine/a/a.go", "// Package a does.\npackage a\nimport _ \"net/http/pprof\"\n", "no blank import"},
		{"engine/l/l.go", long, "split it"},
	} {
		got := strings.Join(Check([]File{{c.path, []byte(c.text)}}), "\n")
		if !strings.Contains(got, c.want) {
			t.Errorf("%q passes, want a complaint with %q; got %q", c.text[:min(60, len(c.text))], c.want, got)
		}
	}
}

// TestNames: a name that some systems cannot have is refused.
func TestNames(t *testing.T) {
	dir := t.TempDir()
	if _, err := Files(dir); err != nil {
		t.Error(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "s3:"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Files(dir); err == nil || !strings.Contains(err.Error(), "s3:") {
		t.Errorf("%v", err)
	}
}
