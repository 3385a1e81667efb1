package state

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// BenchmarkRestore fills stores from files: what an aggregate of a BIGINT keeps, of one
// file and of one with changes behind it, and the rows of a join.
func BenchmarkRestore(b *testing.B) {
	const n = 2_000_000
	key := []types.Type{types.BigIntT.Nullable(false)}
	bs, kvs := keyStream(n, n, false, key[0], func(k uint64) any { return int64(k) })
	for _, c := range []struct {
		name  string
		files int
		multi bool
		c     Config
	}{
		{"table", 1, false, Config{}},
		{"table, chain of 32", 32, false, Config{}},
		{"join", 1, true, Config{Memory: 1 << 40}},
		{"join, chain of 32", 32, true, Config{Memory: 1 << 40}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := New(c.c)
			open := func(s *Store) (*Table, *MultiMap) {
				if c.multi {
					return nil, s.MultiMap("m", MultiSpec{Key: key, Row: []types.Type{types.BigIntT, types.BigIntT, types.StringT}})
				}
				return s.Table("t", TableSpec{Key: key, Lanes: 3}), nil
			}
			x, m := open(s)
			refs := make([]Ref, batch.MaxRows)
			next := 0
			var rows batch.Batch
			add := func() {
				i := next % len(bs)
				next++
				if !c.multi {
					x.Lookup(bs[i], kvs[i], nil, Upsert, refs, nil)
					return
				}
				rows = *bs[i]
				rows.Cols = []batch.Col{bs[i].Cols[0], bs[i].Cols[0], batch.ConstBytes(types.StringT, []byte("some text of a row"))}
				m.Insert(&rows, kvs[i], nil, []int{0, 1, 2}, nil)
			}
			for range bs {
				add()
			}
			var chain []Source
			size := int64(0)
			for id := range int64(c.files) {
				for range len(bs) / 100 {
					add()
				}
				snap := s.Snapshot(id+1, false)
				snap.Unhashed()
				var buf bytes.Buffer
				if _, err := snap.Write(&buf); err != nil {
					b.Fatal(err)
				}
				s.Confirm(id + 1)
				chain = append(chain[len(chain)-snap.Files():], bytes.NewReader(buf.Bytes()))
			}
			for _, f := range chain {
				size += f.Size()
			}
			b.ResetTimer()
			took := time.Duration(0)
			for range b.N {
				r := New(c.c)
				t0 := cpuNow()
				if err := r.Restore([]Chain{chain}); err != nil {
					b.Fatal(err)
				}
				open(r)
				took += cpuNow() - t0
				if r.Err() != nil || r.structs[0].describe().Entries != s.structs[0].describe().Entries {
					b.Fatal(fmt.Sprint("it holds something else: ", r.Err()))
				}
			}
			b.ReportMetric(float64(size)*float64(b.N)/took.Seconds()/1e6, "MB/s")
			b.ReportMetric(float64(took.Nanoseconds())/float64(b.N)/n, "ns/row")
			b.ReportMetric(float64(len(chain)), "files")
			b.ReportMetric(0, "ns/op")
		})
	}
}
