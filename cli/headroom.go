package cli

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// The collector's headroom follows what is live: state is most of it, has no
// pointers and costs a cycle nearly nothing, and at Go's default a gigabyte of state
// would mean a process of two. Results depend on none of this.
const (
	headroomMin   = 64 << 20
	headroomShare = 8 // of live memory: one eighth
	percentMax    = 100
)

// headroomPercent is what GOGC must be for so many live bytes.
func headroomPercent(live uint64) int {
	if live == 0 {
		return percentMax
	}
	room := max(headroomMin, live/headroomShare)
	return int(min(percentMax, (100*room+live-1)/live))
}

var headroomOnce sync.Once

// keepHeadroom sets the collector's headroom again after each of its cycles, for the
// rest of the process, unless its user has set GOGC.
func keepHeadroom() {
	headroomOnce.Do(func() {
		if os.Getenv("GOGC") == "" {
			now := percentMax
			afterCycle(func(live uint64) {
				// Each setting stops the world for some microseconds.
				if p := headroomPercent(live); p*10 < now*9 || p*10 > now*11 {
					debug.SetGCPercent(p)
					now = p
				}
			})
		}
	})
}

// afterCycle calls f with the live bytes after every cycle of the collector, one call
// at a time.
func afterCycle(f func(live uint64)) {
	// An object of its own that nobody refers to dies in each cycle. It has a pointer
	// so that it shares no block of memory with others.
	type cycle struct{ _ *byte }
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	var next func(*cycle)
	next = func(*cycle) {
		metrics.Read(sample)
		f(sample[0].Value.Uint64())
		runtime.SetFinalizer(&cycle{}, next)
	}
	runtime.SetFinalizer(&cycle{}, next)
}
