package nexmark_test

import (
	"context"
	"testing"
	"time"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/testkit/nexmark"
	"github.com/minkstream/mink/testkit/rewind"
)

// Every query, recorded on threads with checkpoints, is gone back in by random distances
// and on again: all that tasks hold is the same as straight on.
func TestRewound(t *testing.T) {
	side, events, rounds := sideFile(t), int64(6_000), uint64(1)
	if all {
		events, rounds = 20_000, 20
	}
	first := uint64(time.Now().Unix() & 1) // over rows on the tape, or read again
	queries(t, func(t *testing.T, q nexmark.Query) {
		kept := 0
		for i := first; i < first+rounds; i++ {
			config := map[string]string{"parallelism.default": "2", "mink.exec.batch-rows": "256", "execution.checkpointing.interval": "20 ms"}
			d := taped(t, q, events, side, config, engine.Record{Full: true, Embed: i%2 == 1})
			kept += rewind.Check(t, d.Jobs[0].Tape, i)
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if kept == 0 {
			t.Error("no moment was kept")
		}
	})
}

// taped records a query and opens the tape in the debugger.
func taped(t *testing.T, q nexmark.Query, events int64, side string, config map[string]string, rec engine.Record) *debugger.Debugger {
	t.Helper()
	disk := env.NewMemDisk()
	to, err := trace.Create(disk, "tape", trace.Manifest{Settings: config})
	if err != nil {
		t.Fatal(err)
	}
	rec.To = to
	r := prepareAs(t, q, events, 2, engine.Config{Record: &rec}, side, config)
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
	return d
}
