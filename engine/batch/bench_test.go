package batch

import (
	"testing"

	"github.com/minkstream/mink/engine/types"
)

// bidLike is a batch like Nexmark's bids: 4 BIGINT columns and 3 strings of about
// 9, 63 and 67 bytes, the long ones views into shared buffers.
func bidLike() *Batch {
	buf := make([]byte, 1<<20)
	b := &Batch{}
	ts := []types.Type{types.BigIntT, types.BigIntT, types.BigIntT, types.TimestampT(3), types.StringT, types.StringT, types.StringT}
	b.Alloc(ts, MaxRows)
	x := uint64(1)
	for i := range MaxRows {
		x = Mix(x + golden)
		for k := range 4 {
			b.Cols[k].I64[i] = int64(x >> (8 * k) % 10000)
		}
		b.Cols[4].Views[i] = MakeInline([]byte("channel-1"))
		b.Cols[5].Views[i] = MakeRef(buf[:63], 0, uint32(x%1_000_000))
		b.Cols[6].Views[i] = MakeRef(buf[:67], 0, uint32(x>>20%1_000_000))
	}
	b.Cols[5].Bufs = [][]byte{buf}
	b.Cols[6].Bufs = [][]byte{buf}
	return b
}

// BenchmarkExchange is one side of a hash exchange at parallelism 2: key, two
// selections, gather into open buffers. Limit: 10 ns a row, no allocation.
func BenchmarkExchange(b *testing.B) {
	src := bidLike()
	var keys KeyVec
	var dst [2]Batch
	sel := [2][]uint16{make([]uint16, MaxRows+1), make([]uint16, MaxRows+1)}
	b.ReportAllocs()
	round := 0
	for b.Loop() {
		src.Keys = nil
		HashKeys(&keys, src, []int{0}, 128)
		src.Keys = &keys
		var n [2]int
		for l, kg := range keys.KG {
			d := int(kg) >> 6
			sel[0][n[0]] = uint16(l)
			sel[1][n[1]] = uint16(l)
			n[d]++
		}
		for d := range dst {
			if dst[d].N+n[d] > CapRows/8 {
				dst[d].Reset()
			}
			dst[d].Append(src, sel[d][:n[d]])
		}
		round++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/MaxRows, "ns/row")
	b.ReportMetric(10, "limit-ns/row")
}

func BenchmarkGather(b *testing.B) {
	src := bidLike()
	for l := range MaxRows {
		if l%3 != 0 {
			src.Sel = append(src.Sel, uint16(l))
		}
	}
	var dst Batch
	b.ReportAllocs()
	for b.Loop() {
		dst.Gather(src, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(src.Sel)), "ns/row")
}

func BenchmarkHashKeys(b *testing.B) {
	src := bidLike()
	for _, c := range []struct {
		name string
		cols []int
	}{{"int64", []int{0}}, {"short string", []int{4}}, {"url", []int{5}}, {"two ints", []int{0, 1}}} {
		b.Run(c.name, func(b *testing.B) {
			var k KeyVec
			for b.Loop() {
				HashKeys(&k, src, c.cols, 128)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/MaxRows, "ns/row")
		})
	}
}

func BenchmarkRowCodec(b *testing.B) {
	src := bidLike()
	ts := make([]types.Type, len(src.Cols))
	for i := range ts {
		ts[i] = src.Cols[i].Type
	}
	rc := NewRowCodec(ts)
	data, offs := rc.EncodeRows(nil, nil, src, nil, nil)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			data, offs = rc.EncodeRows(data[:0], offs[:0], src, nil, nil)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/MaxRows, "ns/row")
	})
	b.Run("decode", func(b *testing.B) {
		dst := make([]Col, len(ts))
		rows := make([][]byte, MaxRows)
		for i := range rows {
			rows[i] = data[offs[i]:offs[i+1]]
		}
		var sb StringBuilder
		for b.Loop() {
			rc.DecodeRows(dst, 0, rows, &sb)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/MaxRows, "ns/row")
	})
}

// Once buffers have their size, an exchange allocates nothing.
func TestExchangeAllocatesNothing(t *testing.T) {
	src := bidLike()
	var keys KeyVec
	var dst Batch
	step := func() {
		HashKeys(&keys, src, []int{0}, 128)
		src.Keys = &keys
		dst.Reset()
		dst.Append(src, Span(0, 2000))
		dst.Append(src, Span(2000, 4000))
	}
	step()
	if n := testing.AllocsPerRun(10, step); n > 0 && !poisonFreed {
		t.Errorf("%v allocations a batch", n)
	}
}

// BenchmarkRaw writes bids as they come from a source, in turn a batch of two for a tape:
// texts of a pool by their places, and copied.
func BenchmarkRaw(b *testing.B) {
	for _, name := range []string{"log", "alone"} {
		b.Run(name, func(b *testing.B) {
			batches := [2]*Batch{bidLike(), bidLike()}
			var w RawWriter
			var dst []byte
			for i := 0; b.Loop(); i++ {
				if name == "log" {
					dst = w.Append(dst[:0], batches[i%2])
				} else {
					dst = AppendRaw(dst[:0], batches[i%2])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/MaxRows, "ns/row")
			b.ReportMetric(float64(len(dst))/MaxRows, "bytes/row")
		})
	}
}
