package scalar_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// The benchmarks time an expression over full batches, and beside it a plain loop
// that someone would write by hand for the same batch and result. "ratio" is the
// one by the other.

// bench is a batch and what is computed for it.
type bench struct {
	cols   []batch.Col
	filter func(c []expr.Node) expr.Node
	nodes  func(c []expr.Node) []expr.Node
	plain  func(n int) // the hand-written loop
}

func (x *bench) run(b *testing.B) {
	const n = batch.MaxRows
	in := &batch.Batch{N: n, Cols: x.cols}
	var refs []expr.Node
	var ts []types.Type
	for i := range x.cols {
		ts = append(ts, x.cols[i].Type)
		refs = append(refs, expr.NewRef(i, ts[i], diag.Span{}))
	}
	var cond expr.Node
	if x.filter != nil {
		cond = expr.Fold(x.filter(refs), nil) // as the planner does
	}
	nodes := x.nodes(refs)
	for i, n := range nodes {
		nodes[i] = expr.Fold(n, nil)
	}
	calc, err := expr.NewCalc(cond, nodes, ts)
	if err != nil {
		b.Fatal(err)
	}
	f := function.NewFrame(function.FixedEnv{WatermarkTime: batch.NoWatermark}, time.UTC)
	var out batch.Batch
	// Rounds of both by turns, so that a busy machine slows both.
	best := [2]time.Duration{1 << 40, 1 << 40}
	both := func() {
		for k, f := range []func(){func() {
			if err := calc.Run(f, in, &out); err != nil {
				b.Fatal(err)
			}
		}, func() { x.plain(n) }} {
			start := time.Now()
			f()
			best[k] = min(best[k], time.Since(start))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		both()
	}
	b.ReportMetric(float64(best[0].Nanoseconds())/n, "ns/row")
	b.ReportMetric(float64(best[1].Nanoseconds())/n, "plain-ns/row")
	b.ReportMetric(float64(best[0])/float64(best[1]), "ratio")
}

func must(n expr.Node, err error) expr.Node {
	if err != nil {
		panic(err)
	}
	return n
}

func fn(name string, args ...expr.Node) expr.Node {
	return must(expr.NewCall(functions.Lookup(name), args, diag.Span{}))
}

func longs(next func(i int) int64) batch.Col {
	b := batch.NewBuilder(types.BigIntT.Nullable(false))
	for i := range batch.MaxRows {
		b.AppendInt(next(i))
	}
	return b.Finish()
}

func strs(next func(i int) string) batch.Col {
	b := batch.NewBuilder(types.StringT.Nullable(false))
	for i := range batch.MaxRows {
		b.AppendString(next(i))
	}
	return b.Finish()
}

func literalOf(t types.Type, v any) expr.Node {
	b := batch.NewBuilder(t.Nullable(false))
	b.AppendAny(v)
	c := b.Finish()
	return expr.NewLiteral(&c, diag.Span{})
}

func benches() map[string]*bench {
	rng := rand.New(rand.NewPCG(1, 2))
	price := longs(func(int) int64 { return rng.Int64N(10_000_000) })
	auction := longs(func(int) int64 { return 1000 + rng.Int64N(100_000) })
	urls := strs(func(int) string {
		return fmt.Sprintf("https://www.nexmark.com/%s/%s/%s/item.htm?query=1&channel_id=%d", word(rng), word(rng), word(rng), rng.IntN(1<<30))
	})
	plainURLs := strs(func(i int) string {
		u := fmt.Sprintf("https://www.nexmark.com/%s/%s/%s/item.htm?query=1", word(rng), word(rng), word(rng))
		if i%10 > 0 {
			u += fmt.Sprintf("&channel_id=%d", rng.IntN(1<<30))
		}
		return u
	})
	channels := strs(func(i int) string {
		if i%2 == 0 {
			return []string{"Apple", "Google", "Facebook", "Baidu"}[rng.IntN(4)]
		}
		return fmt.Sprintf("channel-%d", rng.IntN(10000))
	})
	times := batch.NewBuilder(types.TimestampT(3).Nullable(false))
	for i := range batch.MaxRows {
		times.AppendInt(1_436_918_400_000 + int64(i)*10)
	}
	stamps := times.Finish()
	var dec [batch.MaxRows]batch.Dec
	var ints [batch.MaxRows]int64
	var views [3][batch.MaxRows]batch.View
	sel := make([]uint16, 0, batch.MaxRows)
	at := func(c *batch.Col, i int, tmp *[12]byte) []byte { return c.Bytes(i, tmp) }
	return map[string]*bench{
		"price*0.908": {
			cols: []batch.Col{price},
			nodes: func(c []expr.Node) []expr.Node {
				return []expr.Node{fn("*", literalOf(types.DecimalT(4, 3), int64(908)), c[0])}
			},
			plain: func(n int) {
				for i, v := range price.I64[:n] {
					dec[i] = kernel.MulInts(v, 908)
				}
			},
		},
		"project a+b*2": {
			cols: []batch.Col{price, auction},
			nodes: func(c []expr.Node) []expr.Node {
				return []expr.Node{fn("+", c[0], fn("*", c[1], literalOf(types.BigIntT, int64(2))))}
			},
			plain: func(n int) {
				a, b := price.I64[:n], auction.I64[:n]
				for i := range a {
					ints[i] = a[i] + b[i]*2
				}
			},
		},
		"filter %": {
			cols: []batch.Col{auction, price},
			filter: func(c []expr.Node) expr.Node {
				return fn("=", fn("%", c[0], literalOf(types.IntT, int64(123))), literalOf(types.IntT, int64(0)))
			},
			nodes: func(c []expr.Node) []expr.Node { return c },
			plain: func(n int) {
				sel = sel[:0]
				for i, v := range auction.I64[:n] {
					if v%123 == 0 {
						sel = append(sel, uint16(i))
					}
				}
			},
		},
		"filter >": {
			cols:   []batch.Col{price},
			filter: func(c []expr.Node) expr.Node { return fn(">", c[0], literalOf(types.BigIntT, int64(5_000_000))) },
			nodes:  func(c []expr.Node) []expr.Node { return c },
			plain: func(n int) {
				// Without a branch, as the selection of half the rows wants it.
				s := sel[:n]
				k := 0
				for i, v := range price.I64[:n] {
					s[k] = uint16(i)
					if v > 5_000_000 {
						k++
					}
				}
				sel = s[:k]
			},
		},
		"split_index x3": {
			cols: []batch.Col{urls},
			nodes: func(c []expr.Node) []expr.Node {
				var out []expr.Node
				for k := range 3 {
					out = append(out, fn("SPLIT_INDEX", c[0], literalOf(types.CharT(1), "/"), literalOf(types.IntT, int64(3+k))))
				}
				return out
			},
			plain: func(n int) {
				for i := range n {
					var tmp [12]byte
					v := urls.Views[i]
					s := at(&urls, i, &tmp)
					from := 0
					for k := range 6 {
						j := bytes.IndexByte(s[from:], '/')
						if k >= 3 {
							views[k-3][i] = kernel.SubView(v, s, from, from+j)
						}
						from += j + 1
					}
				}
			},
		},
		"regexp_extract": {
			cols: []batch.Col{plainURLs},
			nodes: func(c []expr.Node) []expr.Node {
				return []expr.Node{fn("REGEXP_EXTRACT", c[0], literalOf(types.CharT(25), "(&|^)channel_id=([^&]*)"), literalOf(types.IntT, int64(2)))}
			},
			plain: func(n int) {
				key := []byte("&channel_id=")
				for i := range n {
					var tmp [12]byte
					s := at(&plainURLs, i, &tmp)
					k := bytes.Index(s, key)
					if k < 0 {
						views[0][i] = batch.View{}
						continue
					}
					k += len(key)
					end := bytes.IndexByte(s[k:], '&')
					if end < 0 {
						end = len(s) - k
					}
					views[0][i] = kernel.SubView(plainURLs.Views[i], s, k, k+end)
				}
			},
		},
		"lower case": {
			cols: []batch.Col{channels},
			nodes: func(c []expr.Node) []expr.Node {
				low := fn("LOWER", c[0])
				var args []expr.Node
				for k, name := range []string{"apple", "google", "facebook", "baidu"} {
					args = append(args, fn("=", low, literalOf(types.CharT(len(name)), name)), literalOf(types.CharT(1), fmt.Sprint(k)))
				}
				return []expr.Node{fn("CASE", append(args, literalOf(types.CharT(1), "-"))...)}
			},
			plain: func(n int) {
				var names [4]batch.View
				for k, s := range []string{"apple", "google", "facebook", "baidu"} {
					names[k] = batch.MakeInline([]byte(s))
				}
				codes := [5]batch.View{}
				for k, s := range []string{"0", "1", "2", "3", "-"} {
					codes[k] = batch.MakeInline([]byte(s))
				}
				for i := range n {
					v := channels.Views[i]
					var t [12]byte
					if v.Len() <= 12 {
						s := v.Inline(&t)
						for j, c := range s {
							if c >= 'A' && c <= 'Z' {
								s[j] = c + 'a' - 'A'
							}
						}
						v.A = v.A&0xFFFFFFFF | uint64(binary.LittleEndian.Uint32(t[:]))<<32
						v.B = binary.LittleEndian.Uint64(t[4:])
					}
					views[0][i] = codes[4]
					for k := range names {
						if v == names[k] {
							views[0][i] = codes[k]
							break
						}
					}
				}
			},
		},
		"date_format day": {
			cols: []batch.Col{stamps},
			nodes: func(c []expr.Node) []expr.Node {
				return []expr.Node{fn("DATE_FORMAT", c[0], literalOf(types.CharT(10), "yyyy-MM-dd"))}
			},
			plain: func(n int) {
				day := int64(-1)
				var v batch.View
				for i, t := range stamps.I64[:n] {
					if t-day >= 86_400_000 || t < day {
						day = t / 86_400_000 * 86_400_000
						v = batch.MakeInline(kernel.AppendDate(nil, t/86_400_000))
					}
					views[0][i] = v
				}
			},
		},
	}
}

func word(rng *rand.Rand) string {
	b := make([]byte, 5+rng.IntN(6))
	for i := range b {
		b[i] = 'a' + byte(rng.IntN(26))
	}
	return string(b)
}

func BenchmarkExpressions(b *testing.B) {
	list := benches()
	for _, name := range []string{"price*0.908", "project a+b*2", "filter %", "filter >", "split_index x3", "regexp_extract", "lower case", "date_format day"} {
		b.Run(name, list[name].run)
	}
}
