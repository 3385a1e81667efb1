package nexmark_test

import (
	"testing"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/testkit/nexmark"
	"github.com/minkstream/mink/testkit/tour"
)

// debugEvents are few: each look at a moment in the past executes what came before it.
const debugEvents = 2_000

// Every query, recorded on threads with checkpoints, is stepped through in the debugger:
// what is seen at a moment is the same, to the entry of state, whether one comes from
// before or goes back to it.
func TestDebugged(t *testing.T) {
	side := sideFile(t)
	queries(t, func(t *testing.T, q nexmark.Query) {
		config := map[string]string{"parallelism.default": "2", "mink.exec.batch-rows": "64", "execution.checkpointing.interval": "5 ms"}
		d := taped(t, q, debugEvents, side, config, engine.Record{Full: true})
		defer d.Close()
		tour.Job(t, d.Jobs[0], tour.Options{})
	})
}
