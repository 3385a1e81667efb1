package cli

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
)

// TestEndedJobLetsGo runs a join with some hundred megabytes of state and looks at what
// is left of it: jobs that have ended are remembered, what they kept is not.
func TestEndedJobLetsGo(t *testing.T) {
	live := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc >> 20)
	}
	run := func(query, events string) {
		var out, errOut bytes.Buffer
		args := []string{"bench", "nexmark", "--queries", query, "--events", events, "--parallelism", "2", "--verify", "off", "--output", "json"}
		if code := Main(args, strings.NewReader(""), &out, &errOut); code != exitOK {
			t.Fatalf("exit %d: %s", code, errOut.String())
		}
	}
	run("q0", "10000") // what is made once
	before := live()
	run("q9,q4", "1000000")
	if after := live(); after-before > 100 {
		t.Errorf("%d MB live before, %d MB after jobs that have ended", before, after)
	}
}
