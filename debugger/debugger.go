package debugger

import (
	"context"
	"errors"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/job"
	"github.com/minkstream/mink/engine/trace"
)

// Debugger holds a tape open. It belongs to one goroutine.
type Debugger struct {
	Tape *trace.File
	// Jobs are those of the tape, in the order they were submitted.
	Jobs []*Job
	// Statements are what the tape's script said, with the job that each began, -1 for
	// none.
	Statements []Statement

	// Memory is what the moments of a job that are kept to go back to may take, in bytes,
	// about; 0 is MemoryDefault.
	Memory int64

	cfg     engine.Config
	setup   func(*engine.Engine) error
	clock   env.Clock
	engine  *engine.Engine
	session *engine.Session
}

// Statement is one of the script.
type Statement struct {
	Text string
	Job  int
}

// Open gives the statements of a tape to an engine that runs no jobs and takes what
// they would have been. cfg is that of the engine that recorded; its disk should be an
// overlay. setup, if not nil, registers what was registered there. Close the Debugger
// before the tape.
func Open(ctx context.Context, cfg engine.Config, setup func(*engine.Engine) error, tape *trace.File) (*Debugger, error) {
	d := &Debugger{Tape: tape, clock: env.OS("").Clock}
	d.cfg, d.setup = cfg, setup
	cfg.Record, cfg.Replay = nil, tape
	var held []*job.Held
	cfg.Held = func(h *job.Held) { held = append(held, h) }
	var err error
	if d.engine, err = engine.New(cfg); err != nil {
		return nil, err
	}
	if setup != nil {
		err = setup(d.engine)
	}
	if err == nil {
		err = d.prepare(ctx, &held)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Debugger) prepare(ctx context.Context, held *[]*job.Held) error {
	d.session = d.engine.NewSession()
	m := &d.Tape.Manifest
	for _, k := range sortedKeys(m.Settings) {
		if err := d.session.Set(k, m.Settings[k]); err != nil {
			return err
		}
	}
	for _, st := range m.Statements {
		n := len(*held)
		if _, err := d.session.Execute(ctx, st.Text); err != nil {
			return err
		}
		at := -1
		for _, h := range (*held)[n:] {
			if at < 0 {
				at = len(d.Jobs)
			}
			d.Jobs = append(d.Jobs, newJob(d, h))
		}
		d.Statements = append(d.Statements, Statement{Text: st.Text, Job: at})
	}
	if len(d.Jobs) == 0 {
		return diag.New(diag.InvalidTape, "the tape %s has no job", d.Tape.Name).WithHint("a script with a query or an INSERT gives one")
	}
	return nil
}

// Close lets go of the jobs.
func (d *Debugger) Close() error {
	var err error
	for _, j := range d.Jobs {
		err = errors.Join(err, j.close())
	}
	d.engine.Close()
	return err
}
