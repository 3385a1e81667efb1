package cli

import (
	"runtime"
	"testing"
	"time"
)

func TestHeadroomPercent(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{
		{0, 100}, {1 << 20, 100}, {64 << 20, 100}, // Go's default while little is live
		{128 << 20, 50}, {256 << 20, 25}, {512 << 20, 13}, // 64 MiB
		{1 << 30, 13}, {64 << 30, 13}, // one eighth
	} {
		if got := headroomPercent(c.live); got != c.want {
			t.Errorf("%d live bytes: %d, want %d", c.live, got, c.want)
		}
	}
}

func TestAfterCycle(t *testing.T) {
	lives := make(chan uint64, 100)
	afterCycle(func(live uint64) {
		select {
		case lives <- live:
		default:
		}
	})
	block := make([]byte, 32<<20)
	for range 2 { // it goes on after the first
		runtime.GC()
		select {
		case live := <-lives:
			if live < 32<<20 {
				t.Errorf("%d bytes are live, of which one block has 32 MiB", live)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("a cycle went by unnoticed")
		}
	}
	runtime.KeepAlive(block)
}
