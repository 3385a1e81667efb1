//go:build unix

package state

import (
	"fmt"
	"io"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// Each benchmark runs a plain loop over the same data in the same run and reports
// how many times as long the structure takes (limit of the table: 1.5 below 1 M
// keys, engine.md 9).

// cpuNow is the processor time used so far: other work on the machine does not
// count.
func cpuNow() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// keyStream makes batches of keys of [0, n), uniform or with few hot ones.
func keyStream(n, rows int, skew bool, ty types.Type, value func(k uint64) any) ([]*batch.Batch, []*batch.KeyVec) {
	rnd := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(rnd, 1.2, 8, uint64(n-1))
	var bs []*batch.Batch
	var kvs []*batch.KeyVec
	for range (rows + batch.MaxRows - 1) / batch.MaxRows {
		b := batch.NewBatchBuilder(ty)
		for range batch.MaxRows {
			k := rnd.Uint64N(uint64(n))
			if skew {
				k = zipf.Uint64()
			}
			b.Row(batch.Insert, value(k))
		}
		out := b.Finish()
		kv := &batch.KeyVec{}
		batch.HashKeys(kv, out, []int{0}, groups)
		bs, kvs = append(bs, out), append(kvs, kv)
	}
	return bs, kvs
}

// plainTable is what one would write by hand for one number as key, a sum and a
// count: a power of two of slots with the key in them, rows behind.
type plainTable struct {
	slots []struct{ key, row uint64 }
	rows  []uint64
	n     int
}

func (p *plainTable) upsert(keys []int64, h []uint64) {
	for i, k := range keys {
		if (p.n+1)*4 > len(p.slots)*3 {
			old := p.slots
			p.slots = make([]struct{ key, row uint64 }, max(64, 2*len(old)))
			mask := uint64(len(p.slots) - 1)
			for _, s := range old {
				if s.row != 0 {
					at := batch.Mix(s.key+golden) & mask
					for p.slots[at].row != 0 {
						at = (at + 1) & mask
					}
					p.slots[at] = s
				}
			}
		}
		mask := uint64(len(p.slots) - 1)
		at := h[i] & mask
		for p.slots[at].row != 0 && p.slots[at].key != uint64(k) {
			at = (at + 1) & mask
		}
		s := &p.slots[at]
		if s.row == 0 {
			p.n++
			s.key, s.row = uint64(k), uint64(p.n)
			p.rows = append(p.rows, 0, 0)
		}
		p.rows[2*s.row-2] += uint64(k)
		p.rows[2*s.row-1]++
	}
}

func BenchmarkTableUpsert(b *testing.B) {
	for _, n := range []int{1000, 1_000_000, 4_000_000} {
		for _, skew := range []bool{false, true} {
			b.Run(fmt.Sprintf("keys=%d/skew=%v", n, skew), func(b *testing.B) {
				bs, kvs := keyStream(n, min(2*n, 2_000_000)+batch.MaxRows, skew, types.BigIntT.Nullable(false), func(k uint64) any { return int64(k) })
				var table, plain time.Duration
				rows := 0
				for range b.N {
					var p plainTable
					x := New(Config{}).Table("t", TableSpec{Key: []types.Type{types.BigIntT.Nullable(false)}, Lanes: 2})
					var g Grouper
					sums, counts := make([]uint64, batch.MaxRows), make([]uint64, batch.MaxRows)
					passes := 2 + 2_000_000/(len(bs)*batch.MaxRows)
					for pass := range passes {
						start := cpuNow()
						for i, in := range bs {
							p.upsert(in.Cols[0].I64[:in.N], kvs[i].H)
						}
						middle := cpuNow()
						for i, in := range bs {
							x.Group(&g, in, kvs[i], nil, Upsert)
							merge(x, &g, in, sums, counts)
						}
						if pass > 0 {
							plain += middle - start
							table += cpuNow() - middle
							rows += len(bs) * batch.MaxRows
						}
					}
					if x.Len() != p.n {
						b.Fatal("different numbers of keys")
					}
				}
				b.ReportMetric(float64(table.Nanoseconds())/float64(rows), "ns/row")
				b.ReportMetric(float64(table)/float64(plain), "×plain")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// merge folds a batch into the rows of its groups, as an aggregate does.
func merge(x *Table, g *Grouper, in *batch.Batch, sums, counts []uint64) {
	v := in.Cols[0].I64
	if len(g.Reps) == len(g.G) {
		for i, ref := range g.Refs {
			row := x.Row(ref)
			row[0] += uint64(v[i])
			row[1]++
		}
		return
	}
	clear(sums[:len(g.Reps)])
	clear(counts[:len(g.Reps)])
	for i, n := range g.G {
		sums[n] += uint64(v[i])
		counts[n]++
	}
	for n, ref := range g.Refs {
		row := x.Row(ref)
		row[0] += sums[n]
		row[1] += counts[n]
	}
}

func BenchmarkTableStrings(b *testing.B) {
	for _, n := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			bs, kvs := keyStream(n, min(2*n, 1_000_000), false, types.StringT, func(k uint64) any { return fmt.Sprintf("a string as key, %d", k) })
			var table, plain time.Duration
			rows := 0
			for range b.N {
				m := map[string]*[2]uint64{}
				x := New(Config{}).Table("t", TableSpec{Key: []types.Type{types.StringT}, Lanes: 2})
				refs := make([]Ref, batch.MaxRows)
				for pass := range 2 {
					start := cpuNow()
					for _, in := range bs {
						c := &in.Cols[0]
						var short [12]byte
						for l := range in.N {
							s := c.Bytes(l, &short)
							r := m[string(s)]
							if r == nil {
								r = &[2]uint64{}
								m[string(s)] = r
							}
							r[1]++
						}
					}
					middle := cpuNow()
					for i, in := range bs {
						x.Lookup(in, kvs[i], nil, Upsert, refs, nil)
						for _, ref := range refs[:in.N] {
							x.Row(ref)[1]++
						}
					}
					if pass == 1 {
						plain += middle - start
						table += cpuNow() - middle
						rows += len(bs) * batch.MaxRows
					}
				}
			}
			b.ReportMetric(float64(table.Nanoseconds())/float64(rows), "ns/row")
			b.ReportMetric(float64(table)/float64(plain), "×map")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func BenchmarkMultiMap(b *testing.B) {
	const n, rows = 300_000, 300_000
	key := types.BigIntT.Nullable(false)
	bs, kvs := keyStream(n, rows, false, key, func(k uint64) any { return int64(k) })
	payload := make([]byte, 80)
	for _, in := range bs {
		t := batch.NewBatchBuilder(types.StringT)
		for range in.N {
			t.Row(batch.Insert, string(payload))
		}
		in.Cols = append(in.Cols, t.Finish().Cols[0])
	}
	var insert, probe, mapInsert, mapProbe time.Duration
	total, found := 0, 0
	for range b.N {
		m := New(Config{}).MultiMap("m", MultiSpec{Key: []types.Type{key}, Row: []types.Type{key, types.StringT}})
		plain := map[int64][][]byte{}
		t0 := cpuNow()
		for i, in := range bs {
			m.Insert(in, kvs[i], nil, []int{0, 1}, nil)
		}
		t1 := cpuNow()
		var p Probe
		for i, in := range bs {
			m.Probe(&p, in, kvs[i], nil)
			for more := true; more; {
				more = p.Next(batch.MaxRows)
				found += len(p.Refs)
			}
		}
		t2 := cpuNow()
		for _, in := range bs {
			for _, k := range in.Cols[0].I64[:in.N] {
				plain[k] = append(plain[k], append([]byte(nil), payload...))
			}
		}
		t3 := cpuNow()
		for _, in := range bs {
			for _, k := range in.Cols[0].I64[:in.N] {
				found -= len(plain[k])
			}
		}
		t4 := cpuNow()
		insert, probe, mapInsert, mapProbe = insert+t1-t0, probe+t2-t1, mapInsert+t3-t2, mapProbe+t4-t3
		total += len(bs) * batch.MaxRows
	}
	if found != 0 {
		b.Fatal("different matches")
	}
	b.ReportMetric(float64(insert.Nanoseconds())/float64(total), "ns/insert")
	b.ReportMetric(float64(probe.Nanoseconds())/float64(total), "ns/probe")
	b.ReportMetric(float64(insert)/float64(mapInsert), "×map-insert")
	b.ReportMetric(float64(probe)/float64(mapProbe), "×map-probe")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkSnapshot takes complete and incremental snapshots of a million rows.
func BenchmarkSnapshot(b *testing.B) {
	const n = 1_000_000
	bs, kvs := keyStream(n, n, false, types.BigIntT.Nullable(false), func(k uint64) any { return int64(k) })
	s := New(Config{})
	x := s.Table("t", TableSpec{Key: []types.Type{types.BigIntT.Nullable(false)}, Lanes: 2})
	refs := make([]Ref, batch.MaxRows)
	for i, in := range bs {
		x.Lookup(in, kvs[i], nil, Upsert, refs, nil)
	}
	for _, full := range []bool{true, false} {
		b.Run(fmt.Sprintf("full=%v", full), func(b *testing.B) {
			var freeze, write time.Duration
			entries := int64(0)
			for i := range b.N {
				id := int64(i + 1)
				if !full {
					id += 1 << 32
				}
				x.Lookup(bs[i%len(bs)], kvs[i%len(bs)], nil, Upsert, refs, nil)
				t0 := cpuNow()
				snap := s.Snapshot(id, full)
				t1 := cpuNow()
				info, err := snap.Write(io.Discard)
				if err != nil {
					b.Fatal(err)
				}
				freeze, write = freeze+t1-t0, write+cpuNow()-t1
				entries += info.Entries
				s.Confirm(id)
			}
			b.ReportMetric(float64(freeze.Microseconds())/float64(b.N), "µs/freeze")
			b.ReportMetric(float64(write.Nanoseconds())/float64(entries), "ns/row-written")
			b.ReportMetric(float64(entries)/float64(b.N), "rows/snapshot")
		})
	}
}
