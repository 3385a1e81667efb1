package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/trace"
)

// machineDisk is where the command line's files lie.
func (a *app) machineDisk() env.Disk {
	if a.disk != nil {
		return a.disk
	}
	return env.OS("").Disk
}

// recordScripts runs texts and keeps a tape: a folder beside it first, then one file,
// also when a statement has failed.
func (a *app) recordScripts(ctx context.Context, f runFlags, config map[string]string, texts []text) error {
	disk, folder := a.machineDisk(), f.tape+".part"
	if err := disk.RemoveAll(folder); err != nil {
		return diag.Wrap(diag.IO, err, "cannot remove %s, which an earlier recording left", folder)
	}
	to, err := trace.Create(disk, folder, manifestOf(config, texts))
	if err != nil {
		return err
	}
	run := *a
	if !terminal(a.out) {
		run.out = &tapedOut{w: a.out, to: to}
	}
	o := embed{nodes: f.nodes, checkpointDir: f.checkpointDir, record: &engine.Record{To: to, Embed: f.embed, Full: f.full}}
	err = run.inSession(ctx, o, f, config, texts)
	if e := trace.Pack(disk, folder, f.tape); e != nil {
		return errors.Join(err, e)
	}
	if info, e := disk.Stat(f.tape); e == nil {
		fmt.Fprintf(a.err, "tape %s, %s\n", f.tape, sizeText(info.Size()))
	}
	return err
}

// manifestOf is what is known of a run before it begins.
func manifestOf(config map[string]string, texts []text) trace.Manifest {
	m := trace.Manifest{Build: version, Created: time.Now().UnixMilli(), Settings: map[string]string{}}
	for i, t := range texts {
		if i > 0 {
			m.Script += " "
		}
		m.Script += t.name
	}
	for k, v := range config {
		m.Settings[k] = bind.ShownSetting(k, v)
	}
	return m
}

func sizeText(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
}

// openTape opens the tape that the command line names.
func (a *app) openTape(name string) (*trace.File, error) {
	t, err := trace.Open(a.machineDisk(), name)
	if err != nil {
		return nil, failed(exitUnreachable, err)
	}
	return t, nil
}

// replayTape executes the jobs of a tape again and shows their results as the
// recording did.
func (a *app) replayTape(ctx context.Context, f runFlags, t *trace.File, how flow.Playback) error {
	pieces, err := t.Output()
	if err != nil {
		return failed(exitUnreachable, err)
	}
	if terminal(a.out) {
		return a.playTape(ctx, f, t, how, a.out)
	}
	out := newOrderedOut(a.out, pieces)
	for _, j := range t.Manifest.Jobs {
		out.late = out.late || len(j.Attempts) > 0 && j.Attempts[0].Base
	}
	return errors.Join(a.playTape(ctx, f, t, how, out), out.Flush())
}

// tapedJob is what is told of a job on a tape.
type tapedJob struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	State      string `json:"state"`
	Error      string `json:"error,omitempty"`
	Embedded   bool   `json:"embedded"`
	Tasks      int    `json:"tasks"`
	Attempts   int    `json:"attempts"`
	Steps      int64  `json:"steps"`
	SourceRows int64  `json:"source_rows"`
	// From is where it begins, if that is not its start.
	From string `json:"from,omitempty"`
}

// tapedJobs counts what is on a tape.
func tapedJobs(t *trace.File) ([]tapedJob, error) {
	m := &t.Manifest
	jobs := make([]tapedJob, 0, len(m.Jobs))
	for i, j := range m.Jobs {
		k := tapedJob{ID: j.ID, Name: j.Name, State: j.State, Error: j.Error, Embedded: j.Embedded, Tasks: len(j.Tasks), Attempts: len(j.Attempts)}
		if len(j.Attempts) > 0 && j.Attempts[0].Base {
			k.From = flow.Position{Attempt: j.Attempts[0].N, Checkpoint: j.Attempts[0].Checkpoint}.String()
		}
		for _, at := range j.Attempts {
			for task := range j.TasksOf(&at) {
				steps, err := t.Steps(i, at.N, task)
				if err != nil {
					return nil, err
				}
				k.Steps += int64(len(steps))
				for _, s := range steps {
					if s.Poll != nil {
						k.SourceRows += int64(s.Poll.Rows)
					}
				}
			}
		}
		jobs = append(jobs, k)
	}
	return jobs, nil
}
