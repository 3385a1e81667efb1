package batch

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/types"
)

// Rows survive the raw form, whatever the encoding of their columns, and bytes that are
// cut off are told.
func TestRawRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{0, 1, 9, 66}).Draw(t, "n")
		b := &Batch{N: n}
		var s types.Schema
		var vals [][]any
		for i := range rapid.IntRange(1, 4).Draw(t, "cols") {
			ty := drawType(t, 2)
			c, v := drawCol(t, ty, n)
			b.Cols = append(b.Cols, c)
			s = append(s, types.Field{Name: fmt.Sprint("c", i), Type: ty})
			vals = append(vals, v)
		}
		b.Cols = append(b.Cols, Col{}) // nobody reads it
		s = append(s, types.Field{Name: "unread", Type: types.StringT})
		b.Sel = drawSel(t, n, true)
		if n > 0 && rapid.Bool().Draw(t, "kinds") {
			b.AllocKinds()[n-1] = Delete
		}
		data := AppendRaw([]byte("before"), b)[len("before"):]
		var back Batch
		if err := ReadRaw(&back, data, s); err != nil {
			t.Fatal(err)
		}
		if back.N != b.Rows() || back.Cols[len(s)-1].Type.Kind != types.Invalid {
			t.Fatalf("%d rows instead of %d", back.N, b.Rows())
		}
		for i := range vals {
			wantCol(t, "raw", &back.Cols[i], take(vals[i], b.Sel, n))
		}
		for i := range back.N {
			if back.Kind(i) != b.Kind(b.Lane(i)) {
				t.Fatalf("row %d has kind %s", i, back.Kind(i))
			}
		}
		if cut := rapid.IntRange(0, len(data)-1).Draw(t, "cut"); ReadRaw(&back, data[:cut], s) == nil {
			t.Fatalf("cut off after %d of %d bytes, and read", cut, len(data))
		}
	})
}

// Long texts in one large buffer are written once, and no more of it than they hold.
func TestRawTexts(t *testing.T) {
	line := []byte("the first column of it|the other column, which is longer|")
	var buf []byte
	var a, o []View
	for i := range 100 {
		at := uint32(i * len(line))
		buf = append(buf, line...)
		a = append(a, MakeRef(line[:22], 0, at))
		o = append(o, MakeRef(line[23:56], 0, at+23))
	}
	b := &Batch{N: 10, Cols: []Col{
		{Type: types.StringT, Views: a[40:50], Bufs: [][]byte{buf}},
		{Type: types.StringT, Views: o[40:50], Bufs: [][]byte{buf}},
	}}
	s := types.Schema{{Name: "a", Type: types.StringT}, {Name: "o", Type: types.StringT}}
	data := AppendRaw(nil, b)
	if most := 10*len(line) + 2*10*16 + 40; len(data) > most {
		t.Errorf("%d bytes, and %d are enough", len(data), most)
	}
	var back Batch
	if err := ReadRaw(&back, data, s); err != nil {
		t.Fatal(err)
	}
	var x [12]byte
	for i := range 10 {
		if got := string(back.Cols[0].Bytes(i, &x)) + "|" + string(back.Cols[1].Bytes(i, &x)) + "|"; got != string(line) {
			t.Fatalf("row %d is %q", i, got)
		}
	}
}

// Batches written one after the other come back, whatever their texts share, and read in
// parts too.
func TestRawLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pools := make([][]byte, rapid.IntRange(1, 5).Draw(t, "pools"))
		for i := range pools {
			pools[i] = rapid.SliceOfN(rapid.Byte(), 40, 3000).Draw(t, "pool")
		}
		s := types.Schema{
			{Name: "a", Type: types.StringT.Nullable(true)}, {Name: "n", Type: types.BigIntT}, {Name: "b", Type: types.StringT},
			{Name: "i", Type: types.IntT}, {Name: "list", Type: types.ArrayT(types.StringT)}, {Name: "const", Type: types.StringT},
		}
		texts := func(c *Col, n int, nulls bool) (vals []string) {
			least := rapid.SampledFrom([]int{0, 13, 20}).Draw(t, "least")
			for i := range n {
				pool := pools[rapid.IntRange(0, len(pools)-1).Draw(t, "from")]
				size := min(len(pool), least+rapid.SampledFrom([]int{0, 3, 30, 300}).Draw(t, "size"))
				at := rapid.IntRange(0, len(pool)-size).Draw(t, "at")
				v := MakeInline(nil)
				if size > 0 {
					v = MakeRef(pool[at:at+size], c.AddBuf(pool), uint32(at))
				}
				c.Views[i] = v
				vals = append(vals, string(pool[at:at+size]))
				if nulls && rapid.IntRange(0, 5).Draw(t, "null") == 0 {
					c.SetNull(i, n)
				}
			}
			return vals
		}
		var w RawWriter
		var log [][]byte
		var want []*Batch
		for range rapid.IntRange(1, 12).Draw(t, "batches") {
			n := rapid.SampledFrom([]int{0, 1, 7, 40}).Draw(t, "n")
			b := &Batch{}
			b.Alloc(s.Types(), n)
			texts(&b.Cols[0], n, rapid.Bool().Draw(t, "nulls"))
			texts(&b.Cols[2], n, false)
			base, step := rapid.Int64().Draw(t, "base"), rapid.SampledFrom([]int64{0, 1, 50, 5000, 1 << 20, 1 << 50}).Draw(t, "step")
			for i := range n {
				b.Cols[1].I64[i] = base + step*int64(i)
				b.Cols[3].I32[i] = int32(base>>32 + step*int64(i))
			}
			list := &b.Cols[4]
			elems := rapid.IntRange(0, 9).Draw(t, "elems")
			list.Kids[0].Alloc(types.StringT, elems)
			texts(&list.Kids[0], elems, false)
			for i := range n {
				list.Offs[i+1] = uint32(elems * (i + 1) / n)
			}
			b.Cols[5].Alloc(types.StringT, 1)
			texts(&b.Cols[5], 1, false)
			b.Cols[5].Enc = Const
			log = append(log, w.Append([]byte("x"), b)[1:])
			want = append(want, b)
		}
		var r RawReader
		from := rapid.IntRange(0, len(log)-1).Draw(t, "passed")
		for i, data := range log {
			if i < from {
				if !r.Passes(data[0]) {
					if err := r.Pass(data); err != nil {
						t.Fatal(err)
					}
				}
				continue
			}
			var back Batch
			if err := r.Read(&back, data, s); err != nil {
				t.Fatal(err)
			}
			if back.N != want[i].N || back.ChainDigest(0) != want[i].ChainDigest(0) {
				t.Fatalf("batch %d came back as another", i)
			}
		}
		last := log[len(log)-1]
		cut := rapid.IntRange(0, len(last)-1).Draw(t, "cut")
		if r.Read(new(Batch), last[:cut], s) == nil {
			t.Fatalf("cut off after %d of %d bytes, and read", cut, len(last))
		}
	})
}

// Texts that come again from where they came before are written as places, once as much
// was copied as all of them are; lines that columns share are written once.
func TestRawLogSizes(t *testing.T) {
	pool := make([]byte, 100_000)
	for i := range pool {
		pool[i] = byte('a' + i*i%23)
	}
	var w RawWriter
	texts := func(n, size int, at func(i int) int) *Batch {
		b := &Batch{}
		b.Alloc([]types.Type{types.StringT}, n)
		b.Cols[0].AddBuf(pool)
		for i := range n {
			from := at(i)
			b.Cols[0].Views[i] = MakeRef(pool[from:from+size], 0, uint32(from))
		}
		return b
	}
	sum := 0
	var sizes []int
	for k := range 10 {
		n := len(w.Append(nil, texts(1000, 60, func(i int) int { return (i*7919 + k*104729) % 99_000 })))
		sizes = append(sizes, n)
		sum += n
	}
	// The texts of a batch are 60,000 bytes, and lie apart in all of the pool.
	if last := sizes[len(sizes)-1]; last > 1000*4+64 {
		t.Errorf("%d bytes for a thousand texts that lie where others lay: %v", last, sizes)
	}
	if sum > 250_000 {
		t.Errorf("%d bytes for ten batches: %v", sum, sizes)
	}

	lines := make([]byte, 0, 100*1000)
	b := &Batch{}
	b.Alloc([]types.Type{types.StringT, types.StringT}, 1000)
	for i := range 1000 {
		at := len(lines)
		lines = fmt.Appendf(lines, "the first column %04d|the other one, longer, %04d\n", i, i)
		b.Cols[0].Views[i] = MakeRef(lines[at:at+21], 0, uint32(at))
		b.Cols[1].Views[i] = MakeRef(lines[at+22:at+50], 0, uint32(at+22))
	}
	b.Cols[0].Bufs, b.Cols[1].Bufs = [][]byte{lines}, [][]byte{lines}
	if n := len(w.Append(nil, b)); n > len(lines)+2*1000*4+128 {
		t.Errorf("%d bytes for two columns of %d bytes of lines", n, len(lines))
	}
	for range keptRounds + 2 {
		w.Append(nil, &Batch{})
	}
	for _, k := range w.slots {
		if k.buf != nil {
			t.Error("a buffer is held that no batch has any more")
		}
	}
}

// Bytes of any kind are rows or an error, never a crash.
func FuzzReadRaw(f *testing.F) {
	s := types.Schema{{Name: "a", Type: types.StringT}, {Name: "b", Type: types.ArrayT(types.IntT)}, {Name: "c", Type: types.RowT(types.Field{Name: "d", Type: types.BigIntT})}}
	f.Add([]byte{})
	f.Add([]byte{1, 0, 3, 1, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var b Batch
		if err := ReadRaw(&b, data, s); err == nil && b.N > CapRows {
			t.Fatal("too many rows")
		}
		var r RawReader
		for range 2 {
			if err := r.Read(&b, data, s); err == nil && b.N > CapRows {
				t.Fatal("too many rows")
			}
		}
	})
}

// Numbers are written in as few bytes as they lie apart, and come back whatever the
// distance; so do texts of all lengths that lie apart in a buffer.
func TestRawWidths(t *testing.T) {
	for _, c := range []struct {
		from, to int64
		bits     int // a number
	}{
		{5, 5, 0}, {-1, 2, 2}, {7, 11, 4}, {-3, 252, 8}, {-3, 253, 10}, {0, 1023, 10}, {1 << 40, 1<<40 + 65535, 16}, {0, 65536, 20}, {-1, 1<<20 - 2, 20},
		{-1, 1<<24 - 2, 24}, {0, 1 << 24, 28}, {math.MinInt64, math.MinInt64 + math.MaxUint32, 32}, {0, math.MaxUint32 + 1, 64}, {math.MinInt64, math.MaxInt64, 64},
	} {
		b := &Batch{N: 1000, Cols: []Col{{Type: types.BigIntT, I64: make([]int64, 1000)}}}
		for i := range b.Cols[0].I64 {
			b.Cols[0].I64[i] = []int64{c.from, c.to, c.from + (c.to-c.from)/2}[i%3]
		}
		data := AppendRaw(nil, b)
		if len(data) > 1000*c.bits/8+32 {
			t.Errorf("from %d to %d: %d bytes for a thousand", c.from, c.to, len(data))
		}
		var back Batch
		if err := ReadRaw(&back, data, types.Schema{{Name: "a", Type: types.BigIntT}}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(back.Cols[0].I64, b.Cols[0].I64) {
			t.Errorf("from %d to %d: other numbers", c.from, c.to)
		}
	}
	for _, longest := range []int{20, 255, 256, 65535, 65536, 200_000} {
		buf := make([]byte, 1<<20)
		for i := range buf {
			buf[i] = byte('a' + i*i%23)
		}
		col := Col{Type: types.StringT.Nullable(true), Bufs: [][]byte{buf}}
		for i, size := range []int{longest, 0, 5, 12, 13, longest / 2, 3} {
			at := i * 100_000
			col.Views = append(col.Views, MakeRef(buf[at:at+size], 0, uint32(at)))
		}
		col.Nulls = []uint64{1 << 4} // of the text of 13
		b := &Batch{N: 7, Cols: []Col{col}}
		data := AppendRaw(nil, b)
		if most := longest + longest/2 + 7*8 + 64; len(data) > most {
			t.Errorf("longest %d: %d bytes where %d are enough", longest, len(data), most)
		}
		var back Batch
		if err := ReadRaw(&back, data, types.Schema{{Name: "a", Type: col.Type}}); err != nil {
			t.Fatal(err)
		}
		for i := range b.N {
			var x, y [12]byte
			if got, want := string(back.Cols[0].Bytes(i, &x)), string(col.Bytes(i, &y)); back.Cols[0].IsNull(i) != (i == 4) || i != 4 && got != want {
				t.Errorf("longest %d: text %d of %d bytes came back as %d", longest, i, len(want), len(got))
			}
		}
	}
}

// Numbers that come in runs come back and take what their runs do, also where the runs
// become short, and where they do so only in the middle.
func TestRawRuns(t *testing.T) {
	s := types.Schema{{Name: "a", Type: types.BigIntT}, {Name: "i", Type: types.IntT}}
	var w RawWriter
	var r RawReader
	const n = 4000
	for k, c := range []struct {
		run   int // length; from the middle on then
		then  int
		bytes int // both columns
	}{{50, 50, 1000}, {50, 50, 1000}, {n, n, 100}, {80, 20, 1000}, {8, 8, 4000}, {7, 7, 11_000}, {80, 1, 11_000}, {1, 1, 11_000}} {
		b := &Batch{}
		b.Alloc(s.Types(), n)
		x := uint64(k)
		for i := range n {
			run := c.run
			if i >= n/2 {
				run = c.then
			}
			if i%run == 0 {
				x = Mix(x)
			}
			b.Cols[0].I64[i], b.Cols[1].I32[i] = 1<<40-int64(x&0xFFFF), int32(x>>60)-8
		}
		data := w.Append(nil, b)
		if len(data) > c.bytes {
			t.Errorf("runs of %d and %d: %d bytes where %d are enough", c.run, c.then, len(data), c.bytes)
		}
		var back Batch
		if err := r.Read(&back, data, s); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(back.Cols[0].I64, b.Cols[0].I64) || !slices.Equal(back.Cols[1].I32, b.Cols[1].I32) {
			t.Errorf("runs of %d and %d came back as others", c.run, c.then)
		}
		for cut := range min(len(data), 500) {
			if r.Read(&back, data[:cut], s) == nil {
				t.Fatalf("cut off after %d of %d bytes, and read", cut, len(data))
			}
		}
	}
}

// More equidistant numbers than a batch may have lanes, as elements of a list, come back
// behind fewer that were alike.
func TestRawManySteps(t *testing.T) {
	s := types.Schema{{Name: "list", Type: types.ArrayT(types.BigIntT)}}
	var w RawWriter
	var r RawReader
	for _, elems := range []int{10, CapRows + 1, 10} {
		b := &Batch{}
		b.Alloc(s.Types(), 1)
		list := &b.Cols[0]
		list.Kids[0].Alloc(types.BigIntT, elems)
		for i := range elems {
			list.Kids[0].I64[i] = int64(i) * 10
		}
		list.Offs[1] = uint32(elems)
		var back Batch
		if err := r.Read(&back, w.Append(nil, b), s); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(back.Cols[0].Kids[0].I64, list.Kids[0].I64[:elems]) {
			t.Errorf("%d elements came back as others", elems)
		}
	}
}

// Batches of numbers one after the other come back, whatever the one before made the writer
// guess; and equal, equidistant and rising ones take what they have to.
func TestRawGuesses(t *testing.T) {
	s := types.Schema{{Name: "a", Type: types.BigIntT}, {Name: "i", Type: types.IntT}}
	edges := []int64{math.MinInt64, math.MinInt64 + 1, -1, 0, 1, 255, 256, 65535, 65536, 1 << 24, math.MaxInt32, math.MaxUint32, math.MaxInt64 - 1, math.MaxInt64}
	rapid.Check(t, func(t *rapid.T) {
		var w RawWriter
		var r RawReader
		for range rapid.IntRange(1, 12).Draw(t, "batches") {
			n := rapid.SampledFrom([]int{0, 1, 2, 3, 8, 9, 50}).Draw(t, "n")
			base, step := rapid.SampledFrom(edges).Draw(t, "base"), rapid.SampledFrom(edges).Draw(t, "step")
			noise := rapid.SampledFrom([]uint64{1, 1, 2, 300, 1 << 40}).Draw(t, "noise")
			b := &Batch{}
			b.Alloc(s.Types(), n)
			for i := range n {
				x := base + step*int64(i) + int64(Mix(uint64(i))%noise)
				b.Cols[0].I64[i], b.Cols[1].I32[i] = x, int32(x)
			}
			var back Batch
			if err := r.Read(&back, w.Append(nil, b), s); err != nil {
				t.Fatal(err)
			}
			if back.N != n || !slices.Equal(back.Cols[0].I64[:n], b.Cols[0].I64[:n]) || !slices.Equal(back.Cols[1].I32[:n], b.Cols[1].I32[:n]) {
				t.Fatalf("%d numbers from %d on, %d apart, came back as others", n, base, step)
			}
		}
	})
	for name, c := range map[string]struct {
		at    func(k, i int) int64
		bytes float64 // a number
	}{
		"equal":       {func(k, i int) int64 { return int64(k) << 40 }, 0},
		"equidistant": {func(k, i int) int64 { return int64(k*1000+i) * 1000 }, 0},
		"rising":      {func(k, i int) int64 { return int64(k*100+i/10)<<1 + int64(i&1) }, 1},
		"around":      {func(k, i int) int64 { return 5000 + int64(Mix(uint64(k*1000+i))%1000) }, 1.25},
	} {
		var w RawWriter
		size := 0
		for k := range 100 {
			b := &Batch{}
			b.Alloc([]types.Type{types.BigIntT}, 1000)
			for i := range 1000 {
				b.Cols[0].I64[i] = c.at(k, i)
			}
			size += len(w.Append(nil, b))
		}
		if most := 100 * (1000*c.bytes + 40); float64(size) > most {
			t.Errorf("%s: %d bytes for 100 times a thousand numbers, and %.0f are enough", name, size, most)
		}
	}
}

// Lanes of sparse rows come back, in runs and single; runs take little.
func TestRawLanes(t *testing.T) {
	check := func(at []uint16) []byte {
		data := appendLanes([]byte("x"), at)[1:]
		r := rawReader{data: data}
		if back := r.lanes(len(at)); r.bad || len(r.data) > 0 || !slices.Equal(back, at) {
			t.Fatalf("lanes %v came back as %v", at, back)
		}
		return data
	}
	check(nil)
	check([]uint16{0})
	check([]uint16{CapRows - 1})
	if n := len(check(Span(0, CapRows))); n > 8 {
		t.Errorf("%d bytes for a single run", n)
	}
	for seed := range uint64(300) {
		var at []uint16
		for l, gap := 0, false; l < 300; gap = !gap {
			n := 1 + int(Mix(seed*1000+uint64(l))%(1+seed%40))
			if !gap {
				at = append(at, Span(l, l+n)...)
			}
			l += n
		}
		if n := len(check(at)); n > 2*len(at)+3 {
			t.Fatalf("%d bytes for %d lanes", n, len(at))
		}
		for cut := range check(at) {
			r := rawReader{data: check(at)[:cut]}
			if r.lanes(len(at)); !r.bad {
				t.Fatal("lanes that were cut off are read")
			}
			if seed > 50 {
				break
			}
		}
	}
}

// Long texts of one buffer take at most four bytes each, at the edges of what these can tell too.
func TestRawWords(t *testing.T) {
	pool := make([]byte, placesSpan+1000)
	for i := range pool {
		pool[i] = byte('a' + i*i%23)
	}
	s := types.Schema{{Name: "a", Type: types.StringT.Nullable(true)}}
	for _, size := range []int{placesSpan, len(pool)} {
		for _, text := range []int{InlineMax, wordMin, wordMax, wordMax + 1} {
			for _, null := range []bool{false, true} {
				var w RawWriter
				var r RawReader
				buf := pool[:size]
				for k := range 2 { // the whole buffer is written first
					b := &Batch{}
					b.Alloc(s.Types(), 3)
					b.Cols[0].AddBuf(buf)
					places := []int{0, size - 300, size / 2}
					if k == 0 {
						b.Cols[0].Views[0] = MakeRef(buf, 0, 0)
					} else {
						for i, at := range places {
							b.Cols[0].Views[i] = MakeRef(buf[at:at+text], 0, uint32(at))
						}
						if null {
							b.Cols[0].SetNull(1, 3)
						}
					}
					data := w.Append(nil, b)
					var back Batch
					if err := r.Read(&back, data, s); err != nil {
						t.Fatal(err)
					}
					if back.ChainDigest(0) != b.ChainDigest(0) {
						t.Errorf("texts of %d bytes in a buffer of %d, one NULL %v, came back as others", text, size, null)
					}
				}
			}
		}
	}
}
