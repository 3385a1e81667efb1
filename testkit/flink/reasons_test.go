package flink

import (
	"os"
	"path/filepath"
	"testing"
)

// TestReasons holds the page of differences to differences.txt.
func TestReasons(t *testing.T) {
	name := filepath.Join(root, ReasonsPath)
	have, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want, err := withReasons(string(have))
	if err != nil {
		t.Fatal(err)
	}
	if want != string(have) {
		if os.Getenv("MINK_ACCEPT") == "" {
			t.Errorf("%s has not the reasons of differences.txt: MINK_ACCEPT=1 go test ./testkit/flink -run TestReasons", ReasonsPath)
		} else if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
