package env

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// What is done on an overlay shows there, and nowhere below.
func TestOverlay(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "d", "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"a": "one", "b": "two", "d/c": "three", "d/sub/e": "four"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o := NewOverlay(OS(dir).Disk)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) string {
		t.Helper()
		f, err := o.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return "nothing"
		}
		must(err)
		defer f.Close()
		b, err := io.ReadAll(f)
		must(err)
		return string(b)
	}
	write := func(f File, err error) {
		t.Helper()
		must(err)
		_, err = f.Write([]byte(" more"))
		must(err)
		must(f.Close())
	}
	list := func(dir string) (names []string) {
		t.Helper()
		entries, err := o.List(dir)
		must(err)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	write(o.Append("a"))
	write(o.Create("new"))
	must(o.Rename("b", "d/b"))
	must(o.Link("d/b", "again"))
	must(o.Remove("d/c"))
	must(o.MkdirAll("made"))
	for name, want := range map[string]string{
		"a": "one more", "new": " more", "b": "nothing", "d/b": "two", "again": "two", "d/c": "nothing", "d/sub/e": "four",
	} {
		if got := read(name); got != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
	if got, want := list("."), []string{"a", "again", "d", "made", "new"}; !slices.Equal(got, want) {
		t.Errorf("the folder lists %q, want %q", got, want)
	}
	if got, want := list("d"), []string{"b", "sub"}; !slices.Equal(got, want) {
		t.Errorf("d lists %q, want %q", got, want)
	}
	must(o.RemoveAll("d"))
	if got := read("d/sub/e"); got != "nothing" {
		t.Errorf("below a removed folder there is %q", got)
	}
	if _, err := o.Stat("d/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that was moved into it: %v", err)
	}
	if err := o.Remove("nowhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removing nothing: %v", err)
	}
	write(o.Create("d/c"))
	if got := read("d/c"); got != " more" {
		t.Errorf("made again it holds %q", got)
	}
	for name, want := range map[string]string{"a": "one", "b": "two", "d/c": "three", "d/sub/e": "four"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("below, %s holds %q, %v", name, got, err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 3 {
		t.Errorf("the folder below has %d entries", len(entries))
	}
}
