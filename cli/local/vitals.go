package local

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"time"
)

// vitalsEvery is how often a process writes down what it holds; VitalsEnv is another time.
const (
	vitalsEvery = 10 * time.Minute
	VitalsEnv   = "MINK_VITALS"
)

// Vitals writes into a process's log what the process holds, now and then, until ctx ends: so
// that somebody who asks afterwards why it has grown finds when it did.
func Vitals(ctx context.Context, log *slog.Logger) {
	every := vitalsEvery
	if d, err := time.ParseDuration(os.Getenv(VitalsEnv)); err == nil && d > 0 {
		every = d
	}
	turn := time.NewTicker(every)
	defer turn.Stop()
	for {
		select {
		case <-turn.C:
		case <-ctx.Done():
			return
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		files, _ := os.ReadDir("/proc/self/fd") // where there is no /proc the number is 0
		log.Info("vitals", "goroutines", runtime.NumGoroutine(), "heap", m.HeapAlloc, "memory", m.Sys-m.HeapReleased, "files", len(files))
	}
}
