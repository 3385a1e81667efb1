package env

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestStreamed writes pieces of all lengths from all addresses and reads them back, on
// the disk and in memory's file system, while the stream goes on and one after the other.
func TestStreamed(t *testing.T) {
	dirs := []string{t.TempDir()}
	if shm, err := os.MkdirTemp("/dev/shm", "mink"); err == nil {
		t.Cleanup(func() { os.RemoveAll(shm) })
		dirs = append(dirs, shm)
	}
	src := alignedBytes(2 << 20)
	src = src[:cap(src)]
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range src {
		src[i] = byte(rnd.Uint32())
	}
	sizes := []int{1, 7, 300, StreamAlign, StreamAlign + 1, StreamLong, StreamLong + 5000, 300 << 10, streamBuffer + 9}
	for _, dir := range dirs {
		passed, flew := 0, 0
		for round := range 48 {
			name := filepath.Join(dir, "f")
			f, err := OS("").Disk.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			w := Streamed(f)
			w.(*stream).grounded = round%3 == 0
			var want []byte
			for range rnd.IntN(12) {
				n := sizes[rnd.IntN(len(sizes))]
				at := rnd.IntN(len(src) - n + 1)
				if rnd.IntN(2) == 0 {
					// Where it can be written from where it lies.
					if at = at&^(StreamAlign-1) + len(want)%StreamAlign; at+n > len(src) {
						continue
					}
				}
				write := w.Write
				if rnd.IntN(2) == 0 {
					write = w.(Lender).Lend
				}
				if k, err := write(src[at : at+n]); k != n || err != nil {
					t.Fatalf("%d of %d bytes are written: %v", k, n, err)
				}
				want = append(want, src[at:at+n]...)
				if rnd.IntN(16) == 0 {
					check(t, w.Sync(), name, want)
				}
			}
			if w.(*stream).direct {
				passed++
			}
			if w.(*stream).q != nil {
				flew++
			}
			if round%2 == 0 {
				check(t, w.Sync(), name, want)
			}
			check(t, w.Close(), name, want)
			if _, err := w.Write(src[:1]); err == nil {
				t.Error("a closed file takes bytes")
			}
		}
		t.Logf("%s: %d files past the cache, %d while the stream went on", dir, passed, flew)
	}
}

// TestStreamedRefused: what the system takes and then refuses is written all the same.
func TestStreamedRefused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	f, err := OS("").Disk.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	want := []byte("one line before the rest\n")
	if _, err := f.Write(want); err != nil {
		t.Fatal(err)
	}
	w := Streamed(f)
	s := w.(*stream)
	s.off = int64(len(want)) // no multiple of anything: nothing can pass the cache
	for i := range 40 {
		b := alignedBytes(300 << 10)[:300<<10]
		for k := range b {
			b[k] = byte(i + k)
		}
		write := w.Write
		if i%3 != 2 {
			write = w.(Lender).Lend
		}
		if _, err := write(b); err != nil {
			t.Fatal(err)
		}
		want = append(want, b...)
	}
	check(t, w.Close(), name, want)
}

// TestStreamedFull: a disk that is full is told of as for any file, and so is a file that is
// not there for writing.
func TestStreamedFull(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	w := Streamed(f)
	b := alignedBytes(2 << 20)[:2<<20]
	_, err = w.Write(b)
	if e := w.Sync(); err == nil {
		err = e
	}
	if e := w.Close(); !errors.Is(err, syscall.EBADF) || e == nil {
		t.Errorf("a file that is open for reading was written: %v; closed: %v", err, e)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	w = Streamed(full)
	_, err = w.Write(b)
	if e := w.Close(); err == nil {
		err = e
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk: %v", err)
	}
}

func check(t *testing.T, err error, name string, want []byte) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if have, err := os.ReadFile(name); err != nil || !bytes.Equal(have, want) {
		t.Fatalf("the file has %d bytes, not the %d that were written: %v", len(have), len(want), err)
	}
}
