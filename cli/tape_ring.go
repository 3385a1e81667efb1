package cli

import (
	"context"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/trace"
)

// ringFiles is how many tapes of runs that failed are kept.
const ringFiles = 10

// ringSettings are the keys mink.tape.*.
type ringSettings struct {
	size int64
	time time.Duration
	keep string // FAILURE, ALWAYS or NEVER
	dir  string
}

// ringOf reads them from what the session is opened with.
func ringOf(config map[string]string, f runFlags) (ringSettings, error) {
	c := catalog.NewConfig()
	for _, k := range slices.Sorted(maps.Keys(config)) {
		if strings.HasPrefix(k, "mink.tape.") {
			if _, err := c.Set(k, config[k]); err != nil {
				return ringSettings{}, failed(exitUsage, err)
			}
		}
	}
	r := ringSettings{time: c.Duration("mink.tape.ring.time"), keep: c.Enum("mink.tape.keep"), dir: c.Get("mink.tape.dir")}
	if r.dir == "" {
		r.dir = path.Join(filepath.ToSlash(f.dir), "tapes")
	}
	var ok bool
	if r.size, ok = connect.ParseSize(c.Get("mink.tape.ring.size")); !ok {
		return r, failed(exitUsage, diag.New(diag.InvalidOption, "'mink.tape.ring.size' must be a size such as '64 mb', not %q", c.Get("mink.tape.ring.size")))
	}
	return r, nil
}

// ringScripts runs texts with a tape in memory, which becomes a file if a job fails.
func (a *app) ringScripts(ctx context.Context, f runFlags, config map[string]string, texts []text, set ringSettings) error {
	began := time.Now()
	to, err := trace.Ring(manifestOf(config, texts), set.size, set.time, func() int64 { return time.Since(began).Milliseconds() })
	if err != nil {
		return err
	}
	if set.keep == "ALWAYS" {
		to.KeepAlways()
	}
	run := *a
	if !terminal(a.out) {
		run.out = &tapedOut{w: a.out, to: to}
	}
	err = run.inSession(ctx, embed{nodes: f.nodes, checkpointDir: f.checkpointDir, record: &engine.Record{To: to}}, f, config, texts)
	if set.keep == "NEVER" || set.keep != "ALWAYS" && (err == nil || ctx.Err() != nil || !to.Failed() && !to.Over()) {
		return err
	}
	if to.Over() {
		fmt.Fprintf(a.err, "no tape of the run was kept: it grew over %s (mink.tape.ring.size) before a checkpoint that it could begin at; mink run --tape FILE keeps all of it\n", sizeText(set.size))
		return err
	}
	if name, e := a.keepRing(to, set.dir, texts[0].name); e != nil {
		a.complain(e)
	} else {
		fmt.Fprintf(a.err, "the run was taped: mink tape replay %s, or step through it: mink debug %s\n", name, name)
	}
	return err
}

// keepRing writes the tape and removes the oldest of earlier runs.
func (a *app) keepRing(to *trace.Folder, folder, script string) (string, error) {
	disk := a.machineDisk()
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
