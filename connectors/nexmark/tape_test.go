package nexmark

import (
	"math"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/trace"
)

// BenchmarkTape makes frames for a tape of the columns that q0 reads, of all of them and of
// each alone. What counts is the least of many batches, which a machine that does other
// work too hardly changes.
func BenchmarkTape(b *testing.B) {
	bid := func(f int) connect.Projection { return connect.Projection{{3, f}} }
	for _, c := range []struct {
		name string
		read connect.Projection
	}{
		{"q0", connect.Projection{{0}, {1, pTime}, {2, aTime}, {3, bAuction}, {3, bBidder}, {3, bPrice}, {3, bTime}, {3, bExtra}}},
		{"event_type", connect.Projection{{0}}}, {"person.dateTime", connect.Projection{{1, pTime}}}, {"auction.dateTime", connect.Projection{{2, aTime}}},
		{"bid.auction", bid(bAuction)}, {"bid.bidder", bid(bBidder)}, {"bid.price", bid(bPrice)}, {"bid.dateTime", bid(bTime)}, {"bid.extra", bid(bExtra)},
	} {
		b.Run(c.name, func(b *testing.B) {
			cfg, err := configOf(connect.Options{"connector": "nexmark", "events.num": "10000000", "first-event.rate": "100000", "next-event.rate": "100000"})
			if err != nil {
				b.Fatal(err)
			}
			g, err := NewGenerator(cfg, Schema(), c.read)
			if err != nil {
				b.Fatal(err)
			}
			const many = 4
			var batches [many]batch.Batch
			for i := range batches {
				g.Fill(&batches[i], 1_000_000+uint64(i)*batch.MaxRows, batch.MaxRows)
			}
			var f trace.Framer
			var dst []byte
			least, bytes, rows := time.Duration(math.MaxInt64), 0, 0
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				begin := time.Now()
				dst = f.Append(dst[:0], &batches[i%many])
				if i >= many {
					least = min(least, time.Since(begin))
					bytes, rows = bytes+len(dst), rows+batch.MaxRows
				}
			}
			b.ReportMetric(float64(least.Nanoseconds())/batch.MaxRows, "least-ns/event")
			b.ReportMetric(float64(bytes)/float64(rows), "bytes/event")
		})
	}
}
