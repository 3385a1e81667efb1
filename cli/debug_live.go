package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/trace"
)

// debugLive runs a script, which goes on, and carries commands out on what its job has done
// by now. The job is cancelled at the end.
func (a *app) debugLive(ctx context.Context, f *debugFlags, name string) (err error) {
	from, err := a.readScript([]string{name})
	if err != nil {
		return err
	}
	config, err := parseSettings(f.run.set)
	if err != nil {
		return err
	}
	ring, err := ringOf(config, f.run)
	if err != nil {
		return err
	}
	began := time.Now()
	to, err := trace.Ring(manifestOf(config, []text{from}), ring.size, ring.time, func() int64 { return time.Since(began).Milliseconds() })
	if err != nil {
		return err
	}
	quiet := *a
	quiet.out = io.Discard
	client, err := quiet.embedded(embed{nodes: 1, record: &engine.Record{To: to}})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	defer func() {
		stop()
		<-ended
		err = errors.Join(err, client.Close())
	}()
	session, err := client.OpenSession(ctx, config)
	if err != nil {
		ended <- nil
		return failed(exitUsage, err)
	}
	go func() {
		s := &script{app: &quiet, flags: runFlags{nodes: 1, output: "json"}, name: from.name, text: from.sql, client: client, session: session}
		ended <- s.run(running, parse.Script(from.sql))
	}()
	id, err := awaitJob(ctx, client, max(f.job, 1), ended)
	if err != nil {
		return err
	}
	cfg, spill, err := quiet.config(embed{nodes: 1})
	if err != nil {
		return err
	}
	defer os.RemoveAll(spill)
	cfg.Env.Disk, cfg.Stdout, cfg.Stderr = env.NewOverlay(cfg.Env.Disk), io.Discard, io.Discard
	live, err := debugger.Attach(ctx, client, id, cfg, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, live.Close()) }()
	s := &debugSession{app: a, d: live.Debugger, j: live.Job, number: 1, json: f.json, zone: cfg.Zone, live: live}
	return s.run(ctx, f)
}

// awaitJob waits until job number n of a client has done something.
func awaitJob(ctx context.Context, client gateway.Client, n int, ended chan error) (string, error) {
	for {
		jobs, err := client.Jobs(ctx)
		if err != nil {
			return "", err
		}
		if len(jobs) >= n && jobs[n-1].State != "CREATED" && jobs[n-1].State != "INITIALIZING" {
			id := jobs[n-1].ID
			if t, num, err := client.Tape(ctx, id); err == nil {
				begun := len(t.Manifest.Jobs[num].Attempts) > 0
				_ = t.Close()
				if begun {
					return id, nil
				}
			}
		}
		select {
		case err := <-ended:
			ended <- nil
			if err == nil {
				err = diag.New(diag.NotFound, "the script has no job %d", n).WithHint("a script with a query or an INSERT gives one")
			}
			return "", err
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// ofLive fails where no running job is looked at.
func (s *debugSession) ofLive() error {
	if s.live == nil {
		return diag.New(diag.Config, "the tape is not of a job that runs").WithHint("mink debug SCRIPT --live looks at one")
	}
	return nil
}

// update takes what the job has done since.
func (s *debugSession) update(ctx context.Context, _ string) error {
	return s.liveMotion(func() error { return s.live.Update(ctx) })
}

// stopWorld lets the job stand still and goes to where it stands.
func (s *debugSession) stopWorld(ctx context.Context, _ string) error {
	return s.liveMotion(func() error {
		err := s.live.StopWorld(ctx)
		if err == nil {
			_, err = s.live.Job.Seek(ctx, debugger.AtEnd)
		}
		return err
	})
}

func (s *debugSession) liveMotion(f func() error) error {
	if err := s.ofLive(); err != nil {
		return err
	}
	err := f()
	s.d, s.j = s.live.Debugger, s.live.Job
	if err != nil {
		return err
	}
	return s.stopped(s.j.Here())
}

// resume lets the job go on.
func (s *debugSession) resume(ctx context.Context, _ string) error {
	if err := s.ofLive(); err != nil {
		return err
	}
	if err := s.live.Resume(ctx); err != nil {
		return err
	}
	return s.answer("resumed", true, func() string { return fmt.Sprintln("the job goes on") })
}
