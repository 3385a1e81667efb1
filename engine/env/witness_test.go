package env

import (
	"errors"
	"io"
	"io/fs"
	"testing"
)

func put(t *testing.T, d Disk, name, text string) {
	t.Helper()
	w, err := d.Create(name)
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, d Disk, name string) string {
	t.Helper()
	r, err := d.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "none"
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // it is read
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	info, err := r.Stat()
	if err != nil || info.Size() != int64(len(b)) {
		t.Errorf("%s has %d bytes, said are %v", name, len(b), info)
	}
	return string(b)
}

func names(t *testing.T, d Disk, dir string) (out string) {
	t.Helper()
	list, err := d.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "none"
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		out += e.Name()
		if e.IsDir() {
			out += "/"
		}
		out += " "
	}
	return out
}

// What was seen of a disk is seen again on another one, in the order in which it changed,
// and nothing else is.
func TestWitness(t *testing.T) {
	d := NewMemDisk()
	if err := d.MkdirAll("dir/sub"); err != nil {
		t.Fatal(err)
	}
	put(t, d, "dir/a", "one")
	w := NewWitness(d)
	look := func(d Disk) []string {
		return []string{text(t, d, "dir/a"), names(t, d, "dir"), text(t, d, "dir/b"), names(t, d, "gone")}
	}
	before := look(w) // nobody keeps that
	end := w.Begin()
	first := look(w)
	put(t, w, "dir/a", "two, which is longer")
	put(t, w, "dir/b", "new")
	second := look(w)
	if _, err := w.Stat("dir/sub"); err != nil {
		t.Fatal(err)
	}
	seen := end()
	put(t, w, "dir/a", "three")
	look(w)
	if len(seen) != 9 {
		t.Errorf("%d sights are kept, wanted 9", len(seen))
	}
	if first[0] != "one" || first[1] != "a sub/ " || first[2] != "none" || first[3] != "none" || second[0] != "two, which is longer" || second[1] != "a b sub/ " {
		t.Fatalf("%q, %q, %q", before, first, second)
	}
	other := NewMemDisk()
	put(t, other, "dir/a", "something else")
	m := NewMemory(other)
	forget := m.Recall(seen)
	for i, want := range [][]string{first, second} {
		for k, got := range look(m) {
			if got != want[k] {
				t.Errorf("look %d: %q, wanted %q", i+1, got, want[k])
			}
		}
	}
	if info, err := m.Stat("dir/sub"); err != nil || !info.IsDir() {
		t.Errorf("%v, %v", info, err)
	}
	if got := text(t, m, "dir/a"); got != "something else" {
		t.Errorf("behind what was seen there is %q", got)
	}
	m.Recall(seen)
	forget() // is of before
	if got := text(t, m, "dir/a"); got != "one" {
		t.Errorf("there is %q", got)
	}
}
