package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/minkstream/mink/testkit/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestBill: the bill of a binary, here the test's own, has each module that is in it, with
// its version and hash, and is the same each time.
func TestBill(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var a, b bytes.Buffer
	if err := run([]string{"sbom", self}, &a); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"sbom", self}, &b); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("another one the second time: %v", err)
	}
	var d document
	if err := json.Unmarshal(a.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if d.Format != "CycloneDX" || d.Spec != "1.6" || !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(d.Serial) {
		t.Errorf("%s %s %s", d.Format, d.Spec, d.Serial)
	}
	if sum, err := sumOf(self); err != nil || len(d.Metadata.Component.Hashes) != 1 || d.Metadata.Component.Hashes[0].Content != sum {
		t.Errorf("hash %v, want %s", d.Metadata.Component.Hashes, sum)
	}
	info, err := buildinfo.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Components) != len(info.Deps)+1 || len(d.Dependencies[0].On) != len(d.Components) {
		t.Fatalf("%d parts, want %d", len(d.Components), len(info.Deps)+1)
	}
	for i, m := range info.Deps {
		c := d.Components[i+1]
		if c.Name != m.Path || c.Version != m.Version || c.URL != "pkg:golang/"+m.Path+"@"+m.Version || c.Properties[0].Value != m.Sum {
			t.Errorf("%+v is not %+v", c, m)
		}
	}
	if err := run([]string{"sbom", "main.go"}, &a); err == nil {
		t.Error("a text has parts")
	}
	var s bytes.Buffer
	if err := run([]string{"sums", "main.go"}, &s); err != nil || !regexp.MustCompile(`^[0-9a-f]{64}  main\.go\n$`).MatchString(s.String()) {
		t.Errorf("sums: %q, %v", s.String(), err)
	}
}

// TestPinned: the actions of the workflows in the tree are named by hash, so that whoever
// moves a tag changes nothing here.
func TestPinned(t *testing.T) {
	files, _ := filepath.Glob("../../examples/*/.github/workflows/*.y*ml")
	if len(files) == 0 {
		t.Fatal("no workflow found")
	}
	uses, pinned := regexp.MustCompile(`(?m)^\s*-?\s*uses:\s*(\S+)`), regexp.MustCompile(`^[\w./-]+@[0-9a-f]{40}$`)
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range uses.FindAllStringSubmatch(string(text), -1) {
			if !pinned.MatchString(m[1]) {
				t.Errorf("%s: %s is no hash", f, m[1])
			}
		}
	}
}

// TestTwice builds mink twice. It takes minutes.
func TestTwice(t *testing.T) {
	if os.Getenv("MINK_ALL") == "" {
		t.Skip("it runs with MINK_ALL=1, or as make reproduce")
	}
	hash, err := twice("../..", "dev")
	if err != nil || len(strings.TrimSpace(hash)) != 64 {
		t.Fatalf("%q, %v", hash, err)
	}
	t.Log(hash)
}
