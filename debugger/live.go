package debugger

import (
	"context"
	"errors"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/trace"
)

// Live looks at a job that runs: a side engine executes what the job's tape has by now,
// while the job goes on. It belongs to one goroutine.
type Live struct {
	*Debugger
	// Job is the one that is looked at.
	Job *Job

	client gateway.Client
	id     string
	cfg    engine.Config
	setup  func(*engine.Engine) error
	held   bool
}

// Attach opens the tape of a running job of a client, as Open does: the client's engine has
// to keep one. The cursor stands at the start of the tape, which may be a checkpoint;
// Job.Seek(ctx, AtEnd) goes to what was the newest moment. Close it after use.
func Attach(ctx context.Context, client gateway.Client, id string, cfg engine.Config, setup func(*engine.Engine) error) (*Live, error) {
	l := &Live{client: client, id: id, cfg: cfg, setup: setup}
	if err := l.open(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// AttachTo is Attach for a job of an engine in this process.
func AttachTo(ctx context.Context, e *engine.Engine, id string) (*Live, error) {
	cfg, setup := e.Side()
	return Attach(ctx, gateway.Local(e), id, cfg, setup)
}

func (l *Live) open(ctx context.Context) error {
	tape, num, err := l.client.Tape(ctx, l.id)
	if err != nil {
		return err
	}
	if len(tape.Manifest.Jobs[num].Attempts) == 0 {
		err = diag.New(diag.NotFound, "the tape has nothing of job %s yet", l.id).
			WithHint("it has just begun, or wrote more than the ring holds before a checkpoint; try again")
	}
	var d *Debugger
	if err == nil {
		d, err = Open(ctx, l.configFor(tape), l.setup, tape)
	}
	if err == nil {
		for _, j := range d.Jobs {
			if j.Number == num {
				l.Debugger, l.Job = d, j
				return nil
			}
		}
		err = errors.Join(diag.New(diag.Internal, "the tape does not begin job %s", l.id), d.Close())
	}
	return errors.Join(err, tape.Close())
}

// configFor is the configuration with the time zone and the seed of the process that recorded.
func (l *Live) configFor(tape *trace.File) engine.Config {
	cfg := l.cfg
	if z, err := time.LoadLocation(tape.Manifest.Zone); err == nil {
		cfg.Zone = z
	}
	if cfg.Env != nil {
		side := *cfg.Env
		side.Seed = tape.Manifest.Seed
		cfg.Env = &side
	}
	return cfg
}

// Update takes what the tape has now. The cursor is put where it was, or to the start where
// the tape begins behind that; breakpoints stay.
func (l *Live) Update(ctx context.Context) error {
	before, at, breaks := l.Debugger, l.Job.Position(), l.Job.breaks
	moved := l.Job.at > 0
	if err := l.open(ctx); err != nil {
		return err
	}
	err := errors.Join(before.Close(), before.Tape.Close())
	for _, b := range breaks {
		if _, e := l.Job.Set(*b); err == nil {
			err = e
		}
	}
	if moved && err == nil {
		if _, e := l.Job.Seek(ctx, Target{At: &at, text: at.String()}); diag.CodeOf(e) != diag.NotFound {
			err = e
		}
	}
	return err
}

// StopWorld lets the job itself stand still, behind a barrier, and takes what the tape has:
// its end is where the job stands. Resume lets it go on.
func (l *Live) StopWorld(ctx context.Context) error {
	if err := l.client.Hold(ctx, l.id); err != nil {
		return err
	}
	l.held = true
	return l.Update(ctx)
}

// Resume lets the job go on behind StopWorld.
func (l *Live) Resume(ctx context.Context) error {
	l.held = false
	return l.client.Resume(ctx, l.id)
}

// Zone is the time zone of the cluster that runs the job.
func (l *Live) Zone() *time.Location { return l.configFor(l.Tape).Zone }

// Held reports that the job stands still for this Live.
func (l *Live) Held() bool { return l.held }

// resumeWait is how long Close waits for the job to go on.
const resumeWait = 10 * time.Second

// Close lets the job go on, if it was stopped, and lets go of the tape. The job runs on.
func (l *Live) Close() error {
	var err error
	if l.held {
		ctx, cancel := context.WithTimeout(context.Background(), resumeWait)
		defer cancel()
		err = l.Resume(ctx)
	}
	return errors.Join(err, l.Debugger.Close(), l.Debugger.Tape.Close())
}
