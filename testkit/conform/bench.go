package conform

import (
	"math"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
)

// PlainLoop is the time a row takes, in nanoseconds, in a loop written by hand that
// returns the number of rows it handled. It is what the benchmark of a decoder or
// encoder is compared with. As in Bench, the best run counts, so that the ratio
// does not depend on what else the machine does.
func PlainLoop(loop func() int) float64 {
	best := math.Inf(1)
	for range 50 {
		start := time.Now()
		rows := loop()
		best = min(best, float64(time.Since(start).Nanoseconds())/float64(rows))
	}
	return best
}

// Bench measures a loop over many rows, whose number it returns: mean nanoseconds a
// row, rows per second, and the ratio of its best run to the plain loop (0: there
// is none).
func Bench(b *testing.B, plain float64, loop func() int) {
	b.Helper()
	best, rows := math.Inf(1), 0
	for b.Loop() {
		start := time.Now()
		n := loop()
		best = min(best, float64(time.Since(start).Nanoseconds())/float64(n))
		rows += n
	}
	perRow := float64(b.Elapsed().Nanoseconds()) / float64(rows)
	b.ReportMetric(perRow, "ns/row")
	b.ReportMetric(best, "best-ns/row")
	b.ReportMetric(1e9/perRow, "rows/s")
	if plain > 0 {
		b.ReportMetric(best/plain, "x-plain")
	}
}

// BenchDecode measures a decoder over a whole file in memory.
func BenchDecode(b *testing.B, d connect.Decoder, data []byte, plain float64) {
	b.Helper()
	var dst batch.Batch
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	Bench(b, plain, func() int {
		rows := 0
		for at := 0; at < len(data); {
			dst.Reset()
			n, err := d.Decode(&dst, data[at:], int64(at), true, batch.MaxRows)
			if err != nil {
				b.Fatal(err)
			}
			at += n
			rows += dst.N
		}
		return rows
	})
}
