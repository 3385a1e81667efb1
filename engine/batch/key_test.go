package batch

import (
	"bytes"
	"math"
	"testing"

	"github.com/minkstream/mink/engine/types"
	"pgregory.net/rapid"
)

// compareModel is SQL order of two model values, written apart from the package.
func compareModel(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	sign := func(less, more bool) int {
		switch {
		case less:
			return -1
		case more:
			return 1
		}
		return 0
	}
	switch x := a.(type) {
	case bool:
		y := b.(bool)
		return sign(!x && y, x && !y)
	case int64:
		return sign(x < b.(int64), x > b.(int64))
	case float64:
		y := b.(float64)
		if math.IsNaN(x) || math.IsNaN(y) {
			return sign(!math.IsNaN(x), !math.IsNaN(y))
		}
		return sign(x < y, x > y)
	case string:
		return sign(x < b.(string), x > b.(string))
	case Dec:
		y := b.(Dec)
		return sign(x.Hi < y.Hi || x.Hi == y.Hi && x.Lo < y.Lo, x.Hi > y.Hi || x.Hi == y.Hi && x.Lo > y.Lo)
	case []any:
		y := b.([]any)
		for i := range min(len(x), len(y)) {
			if r := compareModel(x[i], y[i]); r != 0 {
				return r
			}
		}
		return sign(len(x) < len(y), len(x) > len(y))
	}
	panic("unknown")
}

func TestKeysAndComparison(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ty := drawType(t, 2)
		c, vals := drawCol(t, ty, 8)
		d, more := drawCol(t, ty, 8)
		for i := range vals {
			for j := range more {
				want := compareModel(vals[i], more[j])
				if got := c.CompareLanes(i, &d, j, false); got != want {
					t.Fatalf("%s: compare %v %v: got %d, want %d", ty, vals[i], more[j], got, want)
				}
				if got := c.EqualLanes(i, &d, j); got != (want == 0) {
					t.Fatalf("%s: equal %v %v: got %v", ty, vals[i], more[j], got)
				}
				a, b := AppendKey(nil, &c, i), AppendKey(nil, &d, j)
				if got := bytes.Compare(a, b); got != want {
					t.Fatalf("%s: keys of %v %v: got %d, want %d", ty, vals[i], more[j], got, want)
				}
				if want == 0 && hashLane(&c, i) != hashLane(&d, j) {
					t.Fatalf("%s: equal values hash apart: %v", ty, vals[i])
				}
				if want != 0 && hashLane(&c, i) == hashLane(&d, j) {
					t.Fatalf("%s: hashes of %v and %v collide", ty, vals[i], more[j])
				}
				desc := SortOrder{Desc: true, NullsLast: true}
				a, b = AppendSortKey(nil, &c, i, desc), AppendSortKey(nil, &d, j, desc)
				if got := bytes.Compare(a, b); got != -want && vals[i] != nil && more[j] != nil {
					t.Fatalf("%s: descending keys of %v %v: got %d", ty, vals[i], more[j], got)
				}
			}
		}
		back := NewBuilder(ty)
		var all []byte
		for i := range vals {
			all = AppendKey(all, &c, i)
		}
		for range vals {
			var ok bool
			if all, ok = DecodeKey(back, all); !ok {
				t.Fatalf("%s: key does not decode", ty)
			}
		}
		e := back.Finish()
		wantCol(t, "decoded", &e, vals)
	})
}

func TestFloatsAreCanonical(t *testing.T) {
	nan2 := math.Float64frombits(0x7FF8_0000_0000_1234)
	c := Col{Type: types.DoubleT, F64: []float64{0, math.Copysign(0, -1), math.NaN(), nan2, math.Inf(1)}}
	if hashLane(&c, 2) != hashLane(&c, 3) || !bytes.Equal(AppendKey(nil, &c, 2), AppendKey(nil, &c, 3)) ||
		!c.EqualLanes(2, &c, 3) || KeyGroupOf([]*Col{&c}, 2, 128) != KeyGroupOf([]*Col{&c}, 3, 128) {
		t.Error("there are two NaNs")
	}
	// 0.0 and -0.0 are two keys in one place of an order.
	if hashLane(&c, 0) == hashLane(&c, 1) || bytes.Equal(AppendKey(nil, &c, 0), AppendKey(nil, &c, 1)) || c.EqualLanes(0, &c, 1) {
		t.Error("0.0 and -0.0 are one key")
	}
	if c.CompareLanes(0, &c, 1, false) != 0 || !bytes.Equal(AppendOrder(nil, &c, 0), AppendOrder(nil, &c, 1)) || c.OrderLanes(1, &c, 0, false) != -1 || c.OrderLanes(0, &c, 1, false) != 1 {
		t.Error("0.0 and -0.0 are not one in an order")
	}
	back := NewBuilder(types.DoubleT)
	if _, ok := DecodeKey(back, AppendKey(nil, &c, 1)); !ok {
		t.Fatal("the key of -0.0 does not decode")
	}
	if e := back.Finish(); !math.Signbit(e.F64[0]) {
		t.Error("-0.0 comes back as 0.0")
	}
	if c.CompareLanes(4, &c, 2, false) != -1 {
		t.Error("infinity is not below NaN")
	}
}

func TestHashColumnsMatchesLanes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 70).Draw(t, "n")
		b := &Batch{N: n}
		k := rapid.IntRange(1, 3).Draw(t, "cols")
		var cols []int
		var ptrs []*Col
		for i := range k {
			c, _ := drawCol(t, drawType(t, 1), n)
			b.Cols = append(b.Cols, c)
			cols = append(cols, i)
		}
		for i := range k {
			ptrs = append(ptrs, &b.Cols[i])
		}
		b.Sel = drawSel(t, n, true)
		m := rapid.SampledFrom([]int{1, 100, 128, 32768}).Draw(t, "groups")
		var v KeyVec
		HashKeys(&v, b, cols, m)
		for i := range b.Rows() {
			l := b.Lane(i)
			var h uint64
			for j, c := range ptrs {
				if j == 0 {
					h = hashLane(c, l)
				} else {
					h = combine(h, hashLane(c, l))
				}
			}
			if v.H[l] != h {
				t.Fatalf("hash of lane %d", l)
			}
			if int(v.KG[l]) != KeyGroupOf(ptrs, l, m) {
				t.Fatalf("key group of lane %d", l)
			}
		}
	})
}

// murmur3 of the reference: 32-bit, seed 0, as in its published test vectors.
func TestMurmur(t *testing.T) {
	// "test" -> 0xba6bd213, "Hello, world!" -> 0xc0363e43 are published values of
	// seed 0; the first is one word.
	if got := (murmur{}).word(uint32('t') | 'e'<<8 | 's'<<16 | 't'<<24).sum(); got != 0xba6bd213 {
		t.Errorf("murmur3(test) = %08x", got)
	}
	if got := (murmur{}).word(0xFFFFFFFF).sum(); got != 0x76293B50 {
		t.Errorf("murmur3(ff ff ff ff) = %08x", got)
	}
}

func TestKeyGroupRangesTile(t *testing.T) {
	check := func(p, m int) {
		next := 0
		for i := range p {
			lo, hi := KeyGroupRange(i, p, m)
			if lo != next || hi <= lo {
				t.Fatalf("range of %d of %d over %d: [%d,%d), want start %d", i, p, m, lo, hi, next)
			}
			for kg := lo; kg < hi; kg++ {
				if KeyGroupOwner(kg, p, m) != i {
					t.Fatalf("owner of %d", kg)
				}
			}
			next = hi
		}
		if next != m {
			t.Fatalf("%d subtasks cover %d of %d", p, next, m)
		}
	}
	for p := 1; p <= 128; p++ {
		check(p, 128)
	}
	for p := 1; p <= 32768; p = p*5/2 + 1 {
		check(p, 32768)
	}
	check(32768, 32768)
}

func TestHashSpreads(t *testing.T) {
	// Dense ids must not be a permutation in the low or high bits: buckets of a
	// good hash vary.
	for _, shift := range []int{0, 52} {
		var count [4096]int
		for i := range int64(4096) {
			count[HashInt(i)>>shift&4095]++
		}
		empty := 0
		for _, c := range count {
			if c == 0 {
				empty++
			}
		}
		if empty < 1400 || empty > 1620 {
			t.Errorf("shift %d: %d of 4096 buckets empty, want about 1507", shift, empty)
		}
	}
}

func TestRowCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{0, 1, 9, 66}).Draw(t, "n")
		k := rapid.IntRange(1, 10).Draw(t, "cols")
		b := &Batch{N: n}
		var ts []types.Type
		var vals [][]any
		for range k {
			ty := drawType(t, rapid.IntRange(0, 2).Draw(t, "depth"))
			c, v := drawCol(t, ty, n)
			b.Cols = append(b.Cols, c)
			ts = append(ts, ty)
			vals = append(vals, v)
		}
		sel := drawSel(t, n, false)
		rc := NewRowCodec(ts)
		data, offs := rc.EncodeRows(nil, nil, b, nil, sel)
		rows := make([][]byte, len(offs)-1)
		for i := range rows {
			rows[i] = data[offs[i]:offs[i+1]]
		}
		var sb StringBuilder
		dst := make([]Col, k)
		rc.DecodeRows(dst, 0, rows, &sb)
		rc.DecodeRows(dst, len(rows), rows, &sb)
		for f := range k {
			want := take(vals[f], sel, n)
			want = append(append([]any{}, want...), want...)
			wantCol(t, "codec", &dst[f], want)
			var shared Col
			rc.DecodeShared(&shared, 0, f, data, offs, &sb)
			wantCol(t, "codec shared", &shared, take(vals[f], sel, n))
		}
		list := make([]*Col, k)
		for i := range list {
			list[i] = &b.Cols[i]
		}
		for i := range rows {
			l := i
			if sel != nil {
				l = int(sel[i])
			}
			if !bytes.Equal(rc.EncodeRow(nil, list, l), rows[i]) {
				t.Fatalf("row %d encodes differently alone", i)
			}
		}
	})
}

func TestDigest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ty := drawType(t, 2)
		n := rapid.IntRange(1, 20).Draw(t, "n")
		c, _ := drawCol(t, ty, n)
		b := &Batch{Cols: []Col{c}, N: n}
		b.Sel = drawSel(t, n, true)
		var all Batch
		all.Append(b, nil)
		if b.Digest() != all.Digest() || b.ChainDigest(1) != all.ChainDigest(1) {
			t.Fatal("digest depends on the form of a batch")
		}
		if all.N == 0 {
			return
		}
		cut := rapid.IntRange(0, all.N).Draw(t, "cut")
		var x, y Batch
		x.Append(&all, Span(0, cut))
		y.Append(&all, Span(cut, all.N))
		if x.Digest()+y.Digest() != all.Digest() || y.ChainDigest(x.ChainDigest(1)) != all.ChainDigest(1) {
			t.Fatal("digest depends on cuts")
		}
		all.AllocKinds()[0] = Delete
		if all.Digest() == b.Digest() {
			t.Fatal("digest does not see the kind")
		}
	})
}

func TestAccount(t *testing.T) {
	var root Account
	a, b := NewAccount(&root), NewAccount(&root)
	a.Add(10)
	b.Set(5)
	b.Set(7)
	if root.Used() != 17 || root.Peak() != 17 {
		t.Fatal(root.Used(), root.Peak())
	}
	a.Close()
	if root.Used() != 7 || root.Peak() != 17 {
		t.Fatal(root.Used(), root.Peak())
	}
}
