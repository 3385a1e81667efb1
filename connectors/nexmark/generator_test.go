package nexmark

import (
	"fmt"
	"hash/fnv"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
)

// The vectors below are the definition of the data: two implementations written
// from its text agree on them.

func TestRandomVectors(t *testing.T) {
	check := func(name string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	g := uint64(golden)
	check("mix(1)", mix(1), uint64(0x5692161d100b05e5))
	check("mix(golden)", mix(g), uint64(0xe220a8397b1dcdaf))
	for _, c := range []struct {
		id, s0 uint64
		r      [6]uint64
	}{
		{0, 0x83ec686c1600460a, [6]uint64{2449406113, 660548327, 1144509246, 9564623, 1960179223, 3998720937}},
		{4, 0x8725ca7f0135f5fd, [6]uint64{2005224250, 1942357243, 23930806, 2768798907, 1147232025, 1766666345}},
	} {
		s := start(1, c.id)
		check("s0", s, c.s0)
		for j := range uint64(3) {
			lo, hi := halves(word(s, j))
			check("even", lo, c.r[2*j])
			check("odd", hi, c.r[2*j+1])
		}
	}
	tb := static()
	for i, want := range map[int]uint32{0: 100, 1: 100, 2048: 100000, 4095: 99663275, 4096: 100000000} {
		check(fmt.Sprint("price table ", i), tb.price[i], want)
	}
	check("price(0)", tb.priceOf(0), uint64(100))
	check("price(2^31)", tb.priceOf(1<<31), uint64(100000))
	check("price(2^32-1)", tb.priceOf(1<<32-1), uint64(99999994))
	check("extra starts", string(tb.extra[:48]), "mtoezbtlyyieecycmjrzhkmibbrctxyrwijcjxsfvthixhsd")
	check("extra ends", string(tb.extra[extraBytes-8:]), "yhbcjdvr")
	for i, path := range []string{"uidf/_ek/wet", "ndrf/twmz/klhx", "jmc_/czyn/wtb", "neah/_x_c/mab"} {
		check("hot url", tb.url(1<<20+uint64(i), false), "https://www.nexmark.com/"+path+"/item.htm?query=1")
	}
	for i, path := range []string{"jmvn/uj_/fxt/item.htm?query=1&channel_id=0", "sdxm/coi/xpkc/item.htm?query=1&channel_id=-2147483648",
		"dkw/coq_/bku/item.htm?query=1&channel_id=1073741824"} {
		check("url", tb.url(uint64(i), true), "https://www.nexmark.com/"+path)
	}
}

// rowTexts are the rows of a filled batch as text: the fields of the event that is
// set, joined by '|'.
func rowTexts(t testing.TB, b *batch.Batch, each func(kind int, text []byte)) {
	var buf []byte
	var next [3]int
	for lane := range b.N {
		kind := int(b.Cols[0].I32[lane])
		for k := range 3 {
			if b.Cols[k+1].IsNull(lane) != (k != kind) {
				t.Fatalf("lane %d: event type %d, but column %d null is %v", lane, kind, k+1, k == kind)
			}
		}
		col := &b.Cols[kind+1]
		i := next[kind]
		next[kind]++
		if int(col.At[i]) != lane {
			t.Fatalf("lane %d of kind %d is at %d", lane, kind, col.At[i])
		}
		buf = buf[:0]
		for f := range col.Kids {
			if f > 0 {
				buf = append(buf, '|')
			}
			buf = appendText(buf, &col.Kids[f], i)
		}
		each(kind, buf)
	}
}

func appendText(buf []byte, c *batch.Col, i int) []byte {
	if c.Views != nil {
		var t [12]byte
		return append(buf, c.Bytes(i, &t)...)
	}
	return fmt.Append(buf, c.I64[i])
}

func newGen(t testing.TB, cfg Config) *Generator {
	t.Helper()
	g, err := NewGenerator(cfg, Schema(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestRows(t *testing.T) {
	g := newGen(t, Defaults())
	var b batch.Batch
	for _, c := range []struct {
		n    uint64
		want string
	}{
		{0, "1000|Kate Abrams|bqdu@njrb.com|2664 0022 4563 9310|Portland|OR|1436918400000|pzkwyuipaywt"},
		{1, "1000|yoid|douhczmf  off  acbosctlatob qetnivi|71175512|95725790|1436918400000|1436918400027|1005|12|zkmxocxlimul"},
		{2, "1001|ejq|zuxrhbfqtfsehwjj xaknzbocmrndcivmxxmyykx  lafbacwynqxnpjhtlega  bjl hsheqpcwdtqngyf vi|918965|934581|1436918400000|1436918400211|1000|13|ygszqmxnjzch"},
		{4, "1005|1007|4005|channel-6686|https://www.nexmark.com/qgm/burw/fds/item.htm?query=1&channel_id=2019033088|1436918400000|rtlvjpednotn"},
		{12345, "1700|1075|87661793|channel-875|https://www.nexmark.com/umbq/erj/upzi/item.htm?query=1|1436918401234|seflvlyttyun"},
		{999999, "60900|20901|90155600|channel-2796|https://www.nexmark.com/dgv/ccw/r_dr/item.htm?query=1&channel_id=927989760|1436918499999|neohxnamadfq"},
	} {
		g.Fill(&b, c.n, 1)
		rowTexts(t, &b, func(_ int, text []byte) {
			if !strings.HasPrefix(string(text), c.want) {
				t.Errorf("event %d is\n%s, want\n%s", c.n, text, c.want)
			}
		})
	}
}

// set is what a run gave: events by kind and the order-free checksum of rows.
type set struct {
	counts [3]int
	sum    uint64
}

func (s *set) add(t testing.TB, b *batch.Batch) {
	rowTexts(t, b, func(kind int, text []byte) {
		h := fnv.New64a()
		h.Write(text)
		s.counts[kind]++
		s.sum += h.Sum64()
	})
}

func TestWholeSets(t *testing.T) {
	for _, c := range []struct {
		n, rate uint64
		want    set
		long    bool
	}{
		{2_000, 10_000, set{[3]int{40, 120, 1_840}, 0x17b378379b36238d}, false},
		{100_000, 10_000, set{[3]int{2_000, 6_000, 92_000}, 0x787488a0c895b714}, false},
		{1_000_000, 10_000, set{[3]int{20_000, 60_000, 920_000}, 0x528ac68a96245450}, true},
		{10_000_000, 100_000, set{[3]int{200_000, 600_000, 9_200_000}, 0x30bf648cc74cc797}, true},
	} {
		if c.long && testing.Short() || c.n > 1_000_000 && !full {
			continue
		}
		cfg := Defaults()
		cfg.Rate = c.rate
		g := newGen(t, cfg)
		var b batch.Batch
		var got set
		for at := uint64(0); at < c.n; {
			n := min(4096, c.n-at)
			g.Fill(&b, at, int(n))
			got.add(t, &b)
			at += n
		}
		if got != c.want {
			t.Errorf("%d events: %d %016x, want %d %016x", c.n, got.counts, got.sum, c.want.counts, c.want.sum)
		}
	}
}

// Sums of columns over 1,000,000 events.
func TestColumnSums(t *testing.T) {
	if testing.Short() {
		t.Skip("a million events")
	}
	want := map[string]int64{
		"bid.auction": 28477000543, "bid.bidder": 9975206657, "bid.price": 6637321881800, "bid.dateTime": 45999700000,
		"bid.channel": 8226295, "bid.url": 58320233, "bid.extra": 62089604,
		"auction.id": 1859970000, "auction.initialBid": 426135299028, "auction.reserve": 851609863017,
		"auction.seller": 650466177, "auction.category": 719955, "auction.itemName": 648679,
		"auction.description": 3057077, "auction.extra": 23388429, "auction life": 10012418,
		"person.id": 219990000, "person.name": 230131, "person.emailAddress": 253437, "person.city": 147857, "person.extra": 2779432,
	}
	got := map[string]int64{}
	cfg := Defaults()
	g := newGen(t, cfg)
	var b batch.Batch
	for at := uint64(0); at < 1_000_000; at += 4000 {
		g.Fill(&b, at, 4000)
		for k := range 3 {
			col := &b.Cols[k+1]
			for f := range col.Kids {
				name := Schema()[k+1].Name + "." + col.Type.Fields[f].Name
				kid := &col.Kids[f]
				for i := range col.At {
					switch {
					case kid.Views != nil:
						got[name] += int64(kid.Views[i].Len())
					case name == "bid.dateTime":
						got[name] += kid.I64[i] - cfg.Base
					default:
						got[name] += kid.I64[i]
					}
				}
			}
			if k == auction {
				for i := range col.At {
					got["auction life"] += col.Kids[aExpires].I64[i] - col.Kids[aTime].I64[i]
				}
			}
		}
	}
	for name, w := range want {
		if got[name] != w {
			t.Errorf("sum of %s = %d, want %d", name, got[name], w)
		}
	}
}

// The same rows come out whatever the batch size, and wherever one begins.
func TestBatchSizesAndSeeking(t *testing.T) {
	for _, group := range []uint64{1, 50, 7} {
		cfg := Defaults()
		cfg.Group = group
		const events = 20_000
		rows := func(size int) []string {
			g := newGen(t, cfg)
			var b batch.Batch
			var out []string
			for at := 0; at < events; at += size {
				g.Fill(&b, uint64(at), min(size, events-at))
				rowTexts(t, &b, func(_ int, text []byte) { out = append(out, string(text)) })
			}
			return out
		}
		want := rows(4096)
		for _, size := range []int{1, 49, 50, 333, 20_000} {
			got := rows(size)
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("group %d, batches of %d: row %d is %s, want %s", group, size, i, got[i], want[i])
				}
			}
		}
	}
}

// A shuffled stream has the same rows as one in order, if it ends with a group.
func TestOutOfOrder(t *testing.T) {
	cfg := Defaults()
	cfg.Group = 50
	g := newGen(t, cfg)
	var b batch.Batch
	var got set
	ordered := true
	for at := uint64(0); at < 100_000; at += 4000 {
		g.Fill(&b, at, 4000)
		got.add(t, &b)
		for i := 1; i < b.N; i++ {
			ordered = ordered && g.times[i] >= g.times[i-1]
		}
	}
	if want := (set{[3]int{2_000, 6_000, 92_000}, 0x787488a0c895b714}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if ordered {
		t.Error("times are in order")
	}
}

// Every projection gives the same values as making everything.
func TestProjection(t *testing.T) {
	all := newGen(t, Defaults())
	var want, got batch.Batch
	all.Fill(&want, 777, 1000)
	check := func(read connect.Projection) {
		g, err := NewGenerator(Defaults(), Schema(), read)
		if err != nil {
			t.Fatal(err)
		}
		g.Fill(&got, 777, 1000)
		for _, path := range read {
			a, b := &want.Cols[path[0]], &got.Cols[path[0]]
			n := want.N
			if len(path) == 2 {
				n = len(a.At)
				if len(b.At) != n {
					t.Fatalf("%v: %d rows, want %d", path, len(b.At), n)
				}
				a, b = &a.Kids[path[1]], &b.Kids[path[1]]
			}
			for i := range n {
				if !a.EqualLanes(i, b, i) {
					t.Fatalf("%v of %v: lane %d is %v, want %v", path, read, i, b.Any(i), a.Any(i))
				}
			}
		}
		for k := 1; k < 4; k++ {
			for f := range got.Cols[k].Kids {
				if kid := &got.Cols[k].Kids[f]; !wanted(read, k, f) && (kid.I64 != nil || kid.Views != nil) {
					t.Errorf("%v: child %d.%d was made", read, k, f)
				}
			}
		}
	}
	var twos connect.Projection
	for k := 1; k < 4; k++ {
		for f := range Schema()[k].Type.Fields {
			check(connect.Projection{{k, f}})
			twos = append(twos, connect.FieldPath{k, f})
		}
		check(connect.Projection{{k}})
	}
	check(connect.Projection{{0}})
	check(twos)
	check(connect.Projection{{3, bAuction}, {0}})
	check(connect.Projection{})
}

// Filling allocates only the bytes of random text.
func TestFillAllocates(t *testing.T) {
	g := newGen(t, Defaults())
	var b batch.Batch
	at := uint64(0)
	fill := func() {
		g.Fill(&b, at, 4096)
		at += 4096
	}
	for range 50 {
		fill()
	}
	if n := testing.AllocsPerRun(100, fill); n > 1 {
		t.Errorf("%v allocations a batch", n)
	}
}

func BenchmarkFill(b *testing.B) {
	for _, c := range []struct {
		name string
		read connect.Projection
	}{
		{"all", nil},
		{"bids", connect.Projection{{3}}},
		{"bid.auction,price", connect.Projection{{0}, {3, bAuction}, {3, bPrice}}},
		{"auctions", connect.Projection{{2}}},
		{"persons", connect.Projection{{1}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			cfg := Defaults()
			cfg.Rate = 100_000
			g, err := NewGenerator(cfg, Schema(), c.read)
			if err != nil {
				b.Fatal(err)
			}
			var dst batch.Batch
			at := uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				g.Fill(&dst, at, 4096)
				at += 4096
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4096, "ns/event")
			b.ReportMetric(100, "limit-ns/event")
		})
	}
}
