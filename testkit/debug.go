package testkit

import (
	"context"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/testkit/cassette"
	"github.com/minkstream/mink/testkit/harness"
)

// Cassette lets models, tables that are looked up or searched, and functions that are not
// deterministic answer from a file, which need not be there yet: with cassette.Record calls
// that are not in it are made once, and written down when the test is over.
func Cassette(file string, mode cassette.Mode) Option {
	return func(c *harness.Case, o *harness.Options) {
		c.Cassette, o.Cassettes = file, cassette.New(mode)
	}
}

// keepCassettes writes what was recorded when the test is over.
func (j *Job) keepCassettes(o *harness.Options) {
	if o.Cassettes == nil {
		return
	}
	j.t.Cleanup(func() {
		if err := o.Cassettes.Save(); err != nil {
			j.t.Errorf("%v", err)
		}
	})
}

// Debug runs all that was said so far once more, row by row, keeps a tape of it and opens
// that in the debugger, which stands at the start: its first job, the others are Jobs of the
// Debugger that it belongs to. It is closed when the test is over.
func (j *Job) Debug() *debugger.Job {
	j.t.Helper()
	c, o := j.live.Again()
	disk := env.NewMemDisk()
	to, err := trace.Create(disk, "test", trace.Manifest{Zone: "UTC"})
	if err == nil {
		_, err = harness.Record(c, o, harness.Which{}, to)
	}
	var tape *trace.File
	if err == nil {
		tape, err = trace.Open(disk, "test")
	}
	var d *debugger.Debugger
	if err == nil {
		cfg, setup := harness.Replay(c, o)
		d, err = debugger.Open(context.Background(), cfg, setup, tape)
	}
	if err != nil {
		j.t.Fatalf("%v", err)
		return nil
	}
	j.t.Cleanup(func() {
		if err := d.Close(); err != nil {
			j.t.Errorf("%v", err)
		}
		_ = tape.Close()
	})
	return d.Jobs[0]
}
