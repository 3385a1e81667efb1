package scalar_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// setBit packs a BOOLEAN as a column has it; lanes come in order.
func setBit(bits *[batch.MaxRows / 64]uint64, i int, v bool) {
	var b uint64
	if v {
		b = 1
	}
	if i&63 == 0 {
		bits[i>>6] = 0
	}
	bits[i>>6] |= b << (i & 63)
}

// BenchmarkFamilies has one function of each family beside a loop over the same
// columns, as BenchmarkExpressions has the expressions of Nexmark.
func BenchmarkFamilies(b *testing.B) {
	rng := rand.New(rand.NewPCG(3, 4))
	longCol := longs(func(int) int64 { return rng.Int64N(1_000_000_000) })
	docs := strs(func(i int) string {
		return fmt.Sprintf(`{"id": %d, "name": "%s", "tags": ["%s", "%s"], "price": %d.%02d}`, i, word(rng), word(rng), word(rng), rng.IntN(1000), rng.IntN(100))
	})
	words := strs(func(int) string { return word(rng) + " " + word(rng) + " " + word(rng) })
	floats := batch.NewBuilder(types.DoubleT.Nullable(false))
	for range batch.MaxRows {
		floats.AppendFloat(rng.Float64() * 1000)
	}
	doubles := floats.Finish()
	tb := batch.NewBuilder(types.TimestampT(3).Nullable(false))
	for range batch.MaxRows {
		tb.AppendInt(1_436_918_400_000 + rng.Int64N(1_000_000_000_000))
	}
	stamps := tb.Finish()
	list := batch.NewBuilder(types.ArrayT(types.IntT.Nullable(false)).Nullable(false))
	for range batch.MaxRows {
		for range 8 {
			list.Kid(0).AppendInt(rng.Int64N(20))
		}
		list.EndList()
	}
	arrays := list.Finish()
	var out [batch.MaxRows]int64
	var real [batch.MaxRows]float64
	// Booleans are packed, as in a column.
	var bits [batch.MaxRows / 64]uint64
	var views [batch.MaxRows]batch.View
	skip := func(s []byte, n int) (at int) {
		for ; n > 0 && at < len(s); n-- {
			if s[at] < utf8.RuneSelf {
				at++
				continue
			}
			_, k := utf8.DecodeRune(s[at:])
			at += k
		}
		return at
	}
	var text []byte
	ends := make([]int, batch.MaxRows)
	one := func(name string, args ...any) func(c []expr.Node) []expr.Node {
		return func(c []expr.Node) []expr.Node {
			nodes := []expr.Node{c[0]}
			for _, a := range args {
				switch v := a.(type) {
				case int:
					nodes = append(nodes, literalOf(types.IntT, int64(v)))
				case string:
					nodes = append(nodes, literalOf(types.CharT(len(v)), v))
				}
			}
			return []expr.Node{fn(name, nodes...)}
		}
	}
	list2 := []struct {
		name string
		b    *bench
	}{
		{"arithmetic ROUND", &bench{cols: []batch.Col{doubles}, nodes: one("ROUND", 2), plain: func(n int) {
			// The digits of the number decide: 1.005 is 1.01, though it is a little less.
			for i, v := range doubles.F64[:n] {
				scaled := math.Abs(v) * 100
				whole := math.Floor(scaled + 0.5)
				if math.Abs(scaled-whole+0.5) < 1e-6 || scaled > 1e9 {
					exact, _ := new(big.Rat).SetString(strconv.FormatFloat(v, 'g', -1, 64))
					real[i], _ = strconv.ParseFloat(exact.FloatString(2), 64)
					continue
				}
				real[i] = math.Copysign(whole/100, v)
			}
		}}},
		{"arithmetic MOD", &bench{cols: []batch.Col{longCol}, nodes: one("MOD", 97), plain: func(n int) {
			for i, v := range longCol.I64[:n] {
				out[i] = v % 97
			}
		}}},
		{"text UPPER", &bench{cols: []batch.Col{words}, nodes: one("UPPER"), plain: func(n int) {
			var tmp [12]byte
			text = text[:0]
			for i := range n {
				text = append(text, bytes.ToUpper(words.Bytes(i, &tmp))...)
				ends[i] = len(text)
			}
		}}},
		{"text SUBSTRING", &bench{cols: []batch.Col{words}, nodes: one("SUBSTRING", 3, 5), plain: func(n int) {
			// Of characters, not of bytes.
			var tmp [12]byte
			for i := range n {
				s := words.Bytes(i, &tmp)
				from := skip(s, 2)
				to := from + skip(s[from:], 5)
				views[i] = kernel.SubView(words.Views[i], s, from, to)
			}
		}}},
		{"text CHAR_LENGTH", &bench{cols: []batch.Col{words}, nodes: one("CHAR_LENGTH"), plain: func(n int) {
			var tmp [12]byte
			for i := range n {
				k := 0
				for _, c := range words.Bytes(i, &tmp) {
					if c&0xC0 != 0x80 {
						k++
					}
				}
				out[i] = int64(k)
			}
		}}},
		{"time HOUR", &bench{cols: []batch.Col{stamps}, nodes: one("HOUR"), plain: func(n int) {
			for i, t := range stamps.I64[:n] {
				out[i] = t / 3_600_000 % 24
			}
		}}},
		{"conversion BIGINT to text", &bench{cols: []batch.Col{longCol}, nodes: func(c []expr.Node) []expr.Node {
			return []expr.Node{must(expr.NewCast(c[0], types.StringT, false, diag.Span{}))}
		}, plain: func(n int) {
			text = text[:0]
			for i, v := range longCol.I64[:n] {
				text = strconv.AppendInt(text, v, 10)
				ends[i] = len(text)
			}
		}}},
		{"collection ARRAY_CONTAINS", &bench{cols: []batch.Col{arrays}, nodes: one("ARRAY_CONTAINS", 7), plain: func(n int) {
			kids := arrays.Kids[0].I32
			for i := range n {
				found := false
				for _, v := range kids[arrays.Offs[i]:arrays.Offs[i+1]] {
					if v == 7 {
						found = true
						break
					}
				}
				setBit(&bits, i, found)
			}
		}}},
		{"json JSON_VALUE", &bench{cols: []batch.Col{docs}, nodes: one("JSON_VALUE", "$.name"), plain: func(n int) {
			var tmp [12]byte
			for i := range n {
				p := jsonScan{s: docs.Bytes(i, &tmp)}
				from, to, ok := p.member("name")
				switch {
				case !ok:
					views[i] = batch.View{}
				case bytes.IndexByte(p.s[from:to], '\\') >= 0:
					panic("an escape")
				default:
					views[i] = kernel.SubView(docs.Views[i], p.s, from, to)
				}
			}
		}}},
		{"comparison LIKE", &bench{cols: []batch.Col{words}, nodes: one("LIKE", "%ab%"), plain: func(n int) {
			var tmp [12]byte
			part := []byte("ab")
			for i := range n {
				setBit(&bits, i, bytes.Contains(words.Bytes(i, &tmp), part))
			}
		}}},
		{"logical AND and OR", &bench{cols: []batch.Col{longCol, doubles}, nodes: func(c []expr.Node) []expr.Node {
			between := fn("AND", fn(">", c[0], literalOf(types.BigIntT, int64(100_000_000))), fn("<", c[0], literalOf(types.BigIntT, int64(800_000_000))))
			return []expr.Node{fn("OR", between, fn(">", c[1], literalOf(types.DoubleT, 900.0)))}
		}, plain: func(n int) {
			for i, v := range longCol.I64[:n] {
				setBit(&bits, i, v > 100_000_000 && v < 800_000_000 || doubles.F64[i] > 900)
			}
		}}},
		{"conditional GREATEST", &bench{cols: []batch.Col{longCol, stamps}, nodes: func(c []expr.Node) []expr.Node {
			return []expr.Node{fn("GREATEST", c[0], literalOf(types.BigIntT, int64(500_000_000)))}
		}, plain: func(n int) {
			for i, v := range longCol.I64[:n] {
				out[i] = max(v, 500_000_000)
			}
		}}},
		{"variant PARSE_JSON", &bench{cols: []batch.Col{docs}, nodes: one("PARSE_JSON"), plain: func(n int) {
			// Into a tree of Go values, as a program without variants does.
			var tmp [12]byte
			for i := range n {
				var doc map[string]any
				if err := json.Unmarshal(docs.Bytes(i, &tmp), &doc); err != nil {
					panic(err)
				}
				out[i] = int64(len(doc))
			}
		}}},
		{"bitmap BITMAP_BUILD", &bench{cols: []batch.Col{arrays}, nodes: one("BITMAP_BUILD"), plain: func(n int) {
			kids := arrays.Kids[0].I32
			text = text[:0]
			for i := range n {
				r := roaring.New()
				for _, v := range kids[arrays.Offs[i]:arrays.Offs[i+1]] {
					r.Add(uint32(v))
				}
				b, err := r.ToBytes()
				if err != nil {
					panic(err)
				}
				text = append(text, b...)
				ends[i] = len(text)
			}
		}}},
		{"hash SHA256", &bench{cols: []batch.Col{words}, nodes: one("SHA256"), plain: func(n int) {
			var tmp [12]byte
			text = text[:0]
			for i := range n {
				h := sha256.Sum256(words.Bytes(i, &tmp))
				text = hex.AppendEncode(text, h[:])
				ends[i] = len(text)
			}
		}}},
	}
	for _, x := range list2 {
		b.Run(x.name, x.b.run)
	}
}
