package env

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// TestStreamed writes pieces of all lengths from all addresses and reads them back, on
// the disk and in memory's file system.
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
		passed := 0
		for round := range 32 {
			name := filepath.Join(dir, "f")
			f, err := OS("").Disk.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			w := Streamed(f)
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
			if round%2 == 0 {
				check(t, w.Sync(), name, want)
			}
			check(t, w.Close(), name, want)
			if _, err := w.Write(src[:1]); err == nil {
				t.Error("a closed file takes bytes")
			}
		}
		t.Logf("%s: %d files past the cache", dir, passed)
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
