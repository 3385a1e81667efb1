package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/minkstream/mink/cli/local"
	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/remote"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/testkit/suite"
)

// addCluster gives a command the flags that say on which cluster a job runs.
func (f *jobsFlags) addCluster(fl *pflag.FlagSet) {
	fl.StringVar(&f.dir, "dir", ".mink", "directory of the cluster of a job")
	fl.StringVar(&f.gateway, "gateway", "", "SQL gateway of another mink cluster, which tells where its jobs are")
	fl.StringVar(&f.rest, "rest", "", "JobManager of another mink cluster, such as http://127.0.0.1:8081")
}

// namesJob reports a name that is of no file: of a script, a tape or a test there is one.
func (a *app) namesJob(name string) bool {
	if name == "-" || a.isTape(name) || suite.IsTest(name) || filepath.Ext(name) == ".sql" {
		return false
	}
	_, err := a.machineDisk().Stat(name)
	return err != nil
}

// liveJob is a job of a cluster, and what executes its tape in this process.
type liveJob struct {
	*remote.Client
	id  string
	cfg engine.Config
}

// withLiveJob does something with a job of a running cluster, as openLiveJob finds it.
func (a *app) withLiveJob(ctx context.Context, f *jobsFlags, name string, do func(l *liveJob) error) (err error) {
	l, release, err := a.openLiveJob(ctx, f, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	return unreached(do(l))
}

// unreached says with its exit code that a job, or its cluster, is not there.
func unreached(err error) error {
	if err != nil && (unreachable(err) || diag.CodeOf(err) == diag.NotFound) && !errors.As(err, new(*exitError)) {
		return failed(exitUnreachable, err)
	}
	return err
}

// openLiveJob finds a job of a running cluster. The job's files are found as the cluster finds
// them: relative names begin in the directory that it was started in, in which the process
// works until release.
func (a *app) openLiveJob(ctx context.Context, f *jobsFlags, name string) (l *liveJob, release func() error, err error) {
	info, err := infoOf(f.dir)
	if err != nil {
		return nil, nil, err
	}
	if info == nil && f.gateway == "" && f.rest == "" {
		return nil, nil, failed(exitUnreachable, diag.New(diag.NotFound, "%s is no file, and no cluster runs in %s that could have a job of that name", name, f.dir).
			WithHint("name a script or tape that is there, or the cluster of the job with --dir or --gateway"))
	}
	var let []func() error
	free := func() error {
		var err error
		for i := len(let) - 1; i >= 0; i-- {
			err = errors.Join(err, let[i]())
		}
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(unreached(err), free())
		}
	}()
	c, err := f.client()
	if err != nil {
		return nil, nil, err
	}
	let = append(let, func() error { _ = c.Close(); return nil }) // it has nothing more to say
	id, err := findJob(ctx, c, name)
	if err != nil {
		return nil, nil, err
	}
	if j, err := c.Job(ctx, id); err == nil && !j.Ended.IsZero() && j.State != "FAILED" {
		return nil, nil, endedJob(&j)
	}
	if o, err := projectOf(f, info != nil); err == nil && o != "" {
		began, err := os.Getwd()
		if err == nil {
			err = os.Chdir(o)
		}
		if err != nil {
			return nil, nil, diag.Wrap(diag.IO, err, "cannot work in the directory that the cluster was started in")
		}
		let = append(let, func() error { return os.Chdir(began) })
	}
	quiet := *a
	quiet.out = io.Discard
	cfg, spill, err := quiet.config(embed{nodes: 1})
	if err != nil {
		return nil, nil, err
	}
	let = append(let, func() error { return os.RemoveAll(spill) })
	cfg.Env.Disk, cfg.Stdout, cfg.Stderr = env.NewOverlay(cfg.Env.Disk), io.Discard, io.Discard
	return &liveJob{c, id, cfg}, free, nil
}

func endedJob(j *gateway.JobStatus) error {
	return diag.New(diag.NotFound, "job %s (%s) has ended (%s), and its tape went with it", j.ID, j.Name, j.State).
		WithHint("`mink tape record SCRIPT -o run.mtape` runs its script with a tape; mink jobs ls --running lists the jobs that run")
}

// projectOf is the directory in which the processes of a cluster work, "" for one elsewhere.
func projectOf(f *jobsFlags, here bool) (string, error) {
	if !here || f.gateway != "" || f.rest != "" {
		return "", nil
	}
	home, err := local.In(f.dir)
	if err != nil {
		return "", err
	}
	o, err := home.Options()
	if err != nil || o == nil {
		return "", err
	}
	return o.Project, nil
}

// tapedWait is how long a job may take until there is something on its tape.
const tapedWait = 30 * time.Second

// awaitTape makes sure that there is something on the tape: a job whose state is larger than
// the ring begins there with a checkpoint, for which more is kept.
func (l *liveJob) awaitTape(ctx context.Context) error {
	for began := time.Now(); ; {
		t, num, err := l.Tape(ctx, l.id)
		if err != nil {
			return err
		}
		k := &t.Manifest.Jobs[num]
		begun, lost := len(k.Attempts) > 0, k.ID != "" && len(k.Attempts) == 0
		_ = t.Close()
		if begun {
			return nil
		}
		if time.Since(began) > tapedWait {
			return diag.New(diag.NotFound, "there is nothing on the tape of job %s", l.id).
				WithHint("it has not begun, or its state is larger than the tape that is kept: SET 'mink.tape.ring.size' = '1 gb' in its script")
		}
		if lost {
			if err := l.KeepTape(ctx, l.id, keptFor); err != nil {
				return err
			}
			if _, err := l.Checkpoint(ctx, l.id); err != nil && ctx.Err() != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// attach opens the tape of a job as it is.
func (l *liveJob) attach(ctx context.Context) (*debugger.Live, error) {
	if err := l.awaitTape(ctx); err != nil {
		return nil, err
	}
	return debugger.Attach(ctx, l.Client, l.id, l.cfg, nil)
}

// debugJob carries commands out on what a job of a cluster has done by now. The job goes on.
func (a *app) debugJob(ctx context.Context, f *debugFlags, name string) error {
	return a.withLiveJob(ctx, &f.cluster, name, func(l *liveJob) (err error) {
		live, err := l.attach(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, live.Close()) }()
		s := &debugSession{app: a, d: live.Debugger, j: live.Job, number: live.Job.Number + 1, json: f.json, zone: live.Zone(), live: live}
		if f.stopWorld {
			if err := live.StopWorld(ctx); err != nil {
				return err
			}
			s.d, s.j = live.Debugger, live.Job
		}
		if f.at == "" {
			f.at = "end" // where the job is
		}
		return s.run(ctx, f)
	})
}

// keptFor is how long a cluster keeps a tape behind the last time that it was asked to.
const keptFor = time.Minute

// liveRecording says how long a job is recorded.
type liveRecording struct {
	out   string
	lasts time.Duration
	until string
	embed bool
}

// recordJob takes the tape of a job of a cluster: from where it begins to now, or for as long
// as was asked. Ctrl-C ends the recording.
func (a *app) recordJob(ctx context.Context, f *jobsFlags, r liveRecording, name string) error {
	out, err := filepath.Abs(r.out)
	if err != nil {
		return diag.Wrap(diag.IO, err, "cannot tell where %s is", r.out)
	}
	until, err := liveUntil(r.until)
	if err != nil {
		return err
	}
	return a.withLiveJob(ctx, f, name, func(l *liveJob) error {
		if err := l.awaitTape(ctx); err != nil {
			return err
		}
		if r.lasts > 0 || until != nil {
			if err := a.recordOn(ctx, l, r.lasts, until); err != nil {
				return err
			}
		}
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		t, num, err := l.Tape(end, l.id)
		if err == nil {
			_ = l.KeepTape(end, l.id, 0) // it ends by itself
		}
		if err != nil {
			return err
		}
		defer t.Close()
		t.Name = r.out
		if r.embed {
			return a.cutTape(end, t, nil, nil, true, filepath.ToSlash(out))
		}
		return a.writeTape(t, num, r.out, filepath.ToSlash(out))
	})
}

// recordOn waits while a job is recorded, and sees to it that nothing is dropped meanwhile.
func (a *app) recordOn(ctx context.Context, l *liveJob, lasts time.Duration, until func(*gateway.JobStatus, int64) bool) error {
	began, asked := time.Now(), time.Time{}
	for {
		if time.Since(asked) > keptFor/3 {
			if err := l.KeepTape(ctx, l.id, keptFor); err != nil {
				return err
			}
			asked = time.Now()
		}
		j, err := l.Job(ctx, l.id)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		if !j.Ended.IsZero() {
			fmt.Fprintf(a.err, "job %s has ended (%s)\n", l.id, j.State)
			return nil
		}
		wait := 200 * time.Millisecond
		if until != nil {
			wm, err := l.Watermark(ctx, &j)
			if err != nil {
				return err
			}
			if until(&j, wm) {
				return nil
			}
		}
		if lasts > 0 {
			if wait = min(wait, lasts-time.Since(began)); wait <= 0 {
				return nil
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		if ctx.Err() != nil {
			break
		}
	}
	fmt.Fprintln(a.err, "interrupted: the tape ends here, the job goes on")
	return nil
}

// liveUntil reads a moment that is to come; nil for none.
func liveUntil(text string) (func(*gateway.JobStatus, int64) bool, error) {
	if text == "" {
		return nil, nil
	}
	if rest, ok := strings.CutPrefix(text, "wm="); ok {
		at, err := momentOf(strings.Trim(rest, `"'`), time.UTC)
		if err != nil {
			return nil, err
		}
		return func(_ *gateway.JobStatus, wm int64) bool { return wm >= at.UnixMilli() }, nil
	}
	if rest, ok := strings.CutPrefix(text, "+"); ok {
		d, err := time.ParseDuration(strings.ReplaceAll(rest, " ", ""))
		if err != nil {
			return nil, badMoment(text)
		}
		return func(j *gateway.JobStatus, _ int64) bool { return time.Since(j.Started) >= d }, nil
	}
	at, err := momentOf(strings.TrimPrefix(text, "@"), time.Local)
	if err != nil {
		return nil, failed(exitUsage, diag.New(diag.Config, "%q is no moment until which a job can be recorded", text).
			WithHint("a time, +90s since the job began, or wm=\"2026-03-01 11:55:00\"; mink tape cut --to 40:1284 cuts the tape behind a position"))
	}
	return func(*gateway.JobStatus, int64) bool { return !time.Now().Before(at) }, nil
}

// writeTape makes a file of a tape that was taken from a cluster.
func (a *app) writeTape(t *trace.File, num int, shown, name string) error {
	disk := a.machineDisk()
	w, err := disk.Create(name + ".tmp")
	if err == nil {
		err = t.Zip(w)
		if e := w.Sync(); err == nil {
			err = e
		}
		if e := w.Close(); err == nil {
			err = e
		}
	}
	if err == nil {
		err = disk.Rename(name+".tmp", name)
	}
	if err != nil {
		_ = disk.Remove(name + ".tmp")
		return failed(exitUnreachable, diag.Wrap(diag.IO, err, "cannot write the tape %s", shown))
	}
	size := int64(0)
	if info, err := disk.Stat(name); err == nil {
		size = info.Size()
	}
	from := "its start"
	if at := t.Manifest.Jobs[num].Attempts; len(at) > 0 && at[0].Base {
		from = flow.Position{Attempt: at[0].N, Checkpoint: at[0].Checkpoint}.String()
	}
	fmt.Fprintf(a.err, "tape %s, %s, of job %s from %s on\n", shown, sizeText(size), t.Manifest.Jobs[num].ID, from)
	return nil
}
