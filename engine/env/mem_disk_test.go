package env

import (
	"errors"
	"io/fs"
	"testing"
)

// TestMemDiskLetsGo: what is removed or replaced takes no memory, unless the machine may
// stop before its folder is synced.
func TestMemDiskLetsGo(t *testing.T) {
	for name, d := range map[string]*MemDisk{"plain": NewMemDisk(), "crashes": NewCrashDisk()} {
		write := func(file string) {
			t.Helper()
			f, err := d.Create(file)
			if err == nil {
				_, err = f.Write(make([]byte, 1000))
			}
			if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
				t.Fatal(err)
			}
		}
		do := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		write("a/b/one")
		write("a/b/c/two")
		write("a/three")
		write("a/three") // again
		write("a/four")
		do(d.Rename("a/four", "a/three"))
		do(d.RemoveAll("a/b"))
		held := int64(1000)
		if d.crashes {
			held = 6000 // the old files of a/three, and the name a/four, which is another of a/three
		}
		if n := d.Bytes(); n != held || d.Files() != 1 {
			t.Errorf("%s: %d bytes and %d files, not %d and 1", name, n, d.Files(), held)
		}
		if d.crashes {
			d.CrashApart(func(int) int { return 0 }, func(int) int { return 0 })
			if n := d.Bytes(); n != 0 || d.Files() != 0 {
				t.Errorf("%d bytes and %d files after a crash that keeps no name", n, d.Files())
			}
			continue
		}
		if _, err := d.List("a/b"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a folder that was removed is listed: %v", err)
		}
		if _, err := d.List("a"); err != nil {
			t.Error(err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a disk that keeps nothing for a crash was crashed")
		}
	}()
	NewMemDisk().Crash(func(n int) int { return 0 })
}
