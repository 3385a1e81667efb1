package state

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// countingFS counts reads of files that it has made.
type countingFS struct {
	vfs.FS
	reads int
}

type countingFile struct {
	vfs.File
	fs *countingFS
}

func (f *countingFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	x, err := f.FS.Create(name, c)
	return &countingFile{x, f}, err
}

func (f *countingFile) ReadAt(b []byte, off int64) (int, error) {
	f.fs.reads++
	return f.File.ReadAt(b, off)
}

// TestSpilledProbe: keys and rows that are on disk are found with one read a key, however
// often a batch has it, and stay there; what is searched for afterwards is the same.
func TestSpilledProbe(t *testing.T) {
	for _, kk := range keyKinds {
		t.Run(kk.name, func(t *testing.T) {
			fs := &countingFS{FS: vfs.NewMem()}
			s := New(Config{Memory: 64 << 10, PageBytes: 1 << 10, FS: fs, Dir: "state"})
			d := &multiDriver{kk: kk}
			m := d.open(s).(*MultiMap)
			const keys, rounds = 2000, 2
			for round := range rounds {
				for from := 0; from < keys; from += 200 {
					rows := make([]multiRow, 200)
					ks := span(from, from+200)
					if round == 0 && from == 0 {
						for i := range ks {
							ks[i] = i / 2 // two rows of a key lie side by side: they leave with it
						}
					}
					for i, k := range ks {
						rows[i] = multiRow{n: int64(round*keys + k), text: fmt.Sprint("row ", k)}
					}
					b, kv, cols := d.batch(ks, rows)
					m.Insert(b, kv, nil, cols, nil)
					if err := s.EndStep(); err != nil {
						t.Fatal(err)
					}
				}
				if round == 0 {
					d.find(t, s, m, fs, append(span(0, 100), span(0, 100)...), 200, func(k int) []int64 { return []int64{int64(k), int64(k)} }, 130)
					d.find(t, s, m, fs, append(span(300, 400), span(300, 400)...), 200, func(k int) []int64 { return []int64{int64(k)} }, 130)
					d.find(t, s, m, fs, span(keys, 2*keys), 0, func(int) []int64 { return nil }, keys/10)
				}
			}
			// The newer row of a key came long after the older one: two reads.
			d.find(t, s, m, fs, append(span(300, 400), span(300, 400)...), 200, func(k int) []int64 { return []int64{int64(k), int64(keys + k)} }, 240)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// find probes for keys and compares the numbers of their rows; most is how many reads
// that may take.
func (d *multiDriver) find(t *testing.T, s *Store, m *MultiMap, fs *countingFS, ks []int, spilled int, want func(k int) []int64, most int) {
	t.Helper()
	b, kv := d.kk.batch(ks)
	for range 2 {
		cold, reads := m.keys.cold.n, fs.reads
		if cold < spilled {
			t.Fatalf("%d keys are on disk", cold)
		}
		var p Probe
		m.Probe(&p, b, kv, nil)
		got := map[uint16][]int64{}
		missed := 0
		for more := true; more; {
			more = p.Next(100)
			for i, r := range d.decode(m, p.Refs) {
				got[p.Lanes[i]] = append(got[p.Lanes[i]], r.n)
			}
			missed += len(p.Missed)
		}
		none := 0
		for i, k := range ks {
			w := want(k)
			if len(w) == 0 {
				none++
			}
			if g := got[uint16(i)]; fmt.Sprint(g) != fmt.Sprint(w) {
				t.Fatalf("key %d has the rows %v, want %v", k, g, w)
			}
		}
		if missed != none {
			t.Errorf("%d lanes without rows, want %d", missed, none)
		}
		if n := fs.reads - reads; n > most {
			t.Errorf("%d reads for %d lanes", n, len(ks))
		}
		if m.keys.cold.n != cold {
			t.Errorf("%d keys on disk became %d", cold, m.keys.cold.n)
		}
		if err := s.EndStep(); err != nil {
			t.Fatal(err)
		}
	}
}
