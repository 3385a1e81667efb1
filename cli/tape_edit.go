package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/trace"
)

// newTape is a tape that a command makes out of another.
type newTape struct {
	*app
	name, folder string
	to           *trace.Folder
}

// beginTape begins a tape that has the statements of m, and of its jobs what is not of
// a run.
func (a *app) beginTape(name string, m trace.Manifest) (*newTape, error) {
	disk, folder := a.machineDisk(), name+".part"
	if err := disk.RemoveAll(folder); err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot remove %s, which an earlier command left", folder)
	}
	m.Closed = false
	m.Jobs = append([]trace.Job(nil), m.Jobs...)
	for i := range m.Jobs {
		m.Jobs[i].Attempts, m.Jobs[i].State, m.Jobs[i].Error = nil, "", ""
	}
	to, err := trace.Create(disk, folder, m)
	if err != nil {
		return nil, err
	}
	return &newTape{app: a, name: name, folder: folder, to: to}, nil
}

// end makes a file of it, or removes it if it came to nothing.
func (n *newTape) end(err error) error {
	if err == nil {
		err = n.to.Close()
	}
	return n.endClosed(err)
}

// endClosed is end for a tape that its engine has closed.
func (n *newTape) endClosed(err error) error {
	disk := n.machineDisk()
	if err == nil {
		err = trace.Pack(disk, n.folder, n.name)
	}
	if err != nil {
		_ = disk.RemoveAll(n.folder)
		return err
	}
	if info, e := disk.Stat(n.name); e == nil {
		fmt.Fprintf(n.err, "tape %s, %s\n", n.name, sizeText(info.Size()))
	}
	return nil
}

// playTape executes the statements of a tape again; rows go to out.
func (a *app) playTape(ctx context.Context, f runFlags, t *trace.File, how flow.Playback, out io.Writer) error {
	var sql strings.Builder
	for _, s := range t.Manifest.Statements {
		sql.WriteString(s.Text + ";\n")
	}
	run := *a
	run.out = out
	return run.inSession(ctx, embed{nodes: 1, replay: t, playback: how}, f, t.Manifest.Settings, []text{{t.Name, sql.String()}})
}

// silently is playTape for what comes of it, and not to be looked at. A job that failed
// when it was recorded fails again, which is no failure of this.
func (a *app) silently(ctx context.Context, t *trace.File, how flow.Playback) error {
	run := *a
	var said strings.Builder
	run.err = &said
	err := run.playTape(ctx, runFlags{nodes: 1, output: "json", keepGoing: true}, t, how, io.Discard)
	if e := (*exitError)(nil); errors.As(err, &e) && e.code == exitFailed && e.err == nil {
		for _, code := range []diag.Code{diag.Divergence, diag.InvalidTape} {
			if _, rest, ok := strings.Cut(said.String(), string(code)+": "); ok {
				line, _, _ := strings.Cut(rest, "\n")
				return diag.New(code, "%s", line)
			}
		}
		return nil
	}
	return err
}

// cutTape writes the part of a tape between two moments; nil is its start or its end.
func (a *app) cutTape(ctx context.Context, t *trace.File, from, u *until, embed bool, name string) error {
	n, err := a.beginTape(name, t.Manifest)
	if err != nil {
		return err
	}
	pieces, err := t.Output()
	if err == nil {
		n.to.Pieces(pieces)
		how := flow.Playback{Rewrite: &flow.Rewrite{To: n.to, Embed: embed}}
		if from != nil {
			how.Rewrite.From = from.after
		}
		if u != nil {
			how.After = u.after
		}
		err = a.silently(ctx, t, how)
	}
	if err = n.end(err); err == nil && from != nil {
		a.tellStart(n)
	}
	if err == nil && u != nil {
		u.tell(t, func(text string) { fmt.Fprintln(a.err, text) })
	}
	return err
}

// tellStart says where a tape that was cut begins.
func (a *app) tellStart(n *newTape) {
	t, err := trace.Open(n.machineDisk(), n.name)
	if err != nil {
		return
	}
	defer t.Close()
	for i, j := range t.Manifest.Jobs {
		switch {
		case len(j.Attempts) == 0:
		case j.Attempts[0].Base:
			fmt.Fprintf(a.err, "job %d begins at %s\n", i+1, flow.Position{Attempt: j.Attempts[0].N, Checkpoint: j.Attempts[0].Checkpoint})
		default:
			fmt.Fprintf(a.err, "job %d begins at its start: no checkpoint was complete before that moment\n", i+1)
		}
	}
}
