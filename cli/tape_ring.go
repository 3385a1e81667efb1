package cli

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/trace"
)

// ringBytes is how large a tape may become that is kept in memory in case the run fails;
// ringFiles is how many of runs that did are kept.
const (
	ringBytes = 64 << 20
	ringFiles = 10
)

// ringScripts runs texts with a tape in memory, which becomes a file if a job fails.
func (a *app) ringScripts(ctx context.Context, f runFlags, config map[string]string, texts []text) error {
	to, err := trace.Ring(manifestOf(config, texts), ringBytes)
	if err != nil {
		return err
	}
	run := *a
	if !terminal(a.out) {
		run.out = &tapedOut{w: a.out, to: to}
	}
	err = run.inSession(ctx, embed{nodes: f.nodes, checkpointDir: f.checkpointDir, record: &engine.Record{To: to}}, f, config, texts)
	if err == nil || ctx.Err() != nil || !to.Failed() {
		return err
	}
	if to.Over() {
		fmt.Fprintf(a.err, "no tape of the run was kept: it grew over %s; mink run --tape FILE keeps all of it\n", sizeText(ringBytes))
		return err
	}
	if name, e := a.keepRing(to, f.dir, texts[0].name); e != nil {
		a.complain(e)
	} else {
		fmt.Fprintf(a.err, "the run was taped: mink tape replay %s, or step through it: mink debug %s\n", name, name)
	}
	return err
}

// keepRing writes the tape and removes the oldest of earlier runs.
func (a *app) keepRing(to *trace.Folder, dir, script string) (string, error) {
	disk, folder := a.machineDisk(), path.Join(filepath.ToSlash(dir), "tapes")
	if err := disk.MkdirAll(folder); err != nil {
		return "", err
	}
	stem := strings.TrimSuffix(filepath.Base(script), filepath.Ext(script))
	name := path.Join(folder, time.Now().UTC().Format("20060102-150405.000")+"-"+stem+".mtape")
	if err := to.Keep(disk, name); err != nil {
		return "", err
	}
	list, err := disk.List(folder) // by name, and so by time
	if err != nil {
		return name, nil
	}
	var tapes []string
	for _, e := range list {
		if strings.HasSuffix(e.Name(), ".mtape") {
			tapes = append(tapes, e.Name())
		}
	}
	for len(tapes) > ringFiles {
		_ = disk.Remove(path.Join(folder, tapes[0]))
		tapes = tapes[1:]
	}
	return name, nil
}
