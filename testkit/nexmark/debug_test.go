package nexmark_test

import (
	"context"
	"testing"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/trace"
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
		disk := env.NewMemDisk()
		to, err := trace.Create(disk, "tape", trace.Manifest{Settings: config})
		if err != nil {
			t.Fatal(err)
		}
		r := prepareAs(t, q, debugEvents, 2, engine.Config{Record: &engine.Record{To: to, Full: true}}, side, config)
		r.insertAndWait(t)
		r.engine.Close()
		if err := r.engine.CloseTape(); err != nil {
			t.Fatal(err)
		}
		f, err := trace.Open(disk, "tape")
		if err != nil {
			t.Fatal(err)
		}
		c := engine.Config{Connectors: append(connectors.All(), r.verifier.Connector()), Formats: connectors.Formats(), Functions: scalar.All()}
		d, err := debugger.Open(context.Background(), c, func(e *engine.Engine) error {
			for name, fn := range nexmark.UserFunctions() {
				if err := e.RegisterAs(name, fn); err != nil {
					return err
				}
			}
			return nil
		}, f)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		tour.Job(t, d.Jobs[0], tour.Options{})
	})
}
