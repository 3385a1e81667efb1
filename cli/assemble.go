package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/minkstream/mink/cli/local"
	"github.com/minkstream/mink/cli/show"
	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/connectors/s3"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/trace"
)

// embed says how the embedded engine of a command differs from the usual one.
type embed struct {
	nodes, slots  int
	checkpointDir string
	connectors    []*connect.Connector
	// record keeps a tape; replay executes one again.
	record   *engine.Record
	replay   *trace.File
	playback flow.Playback
	// fork runs over the inputs of a tape.
	fork *forked
	// register adds Go functions.
	register func(e *engine.Engine) error
	log      func(text string)
	// home and confine are of a process of the cluster in a directory: what it keeps is
	// there, and statements touch no files but those that the options let them.
	home    local.Home
	confine *local.Options
}

// embedded starts an engine in this process: the one place where connectors,
// formats and functions come together.
func (a *app) embedded(o embed) (gateway.Client, error) {
	cfg, spill, err := a.config(o)
	if err != nil {
		return nil, err
	}
	_, c, err := a.made(cfg, o, spill)
	return c, err
}

// made is an engine and its client.
func (a *app) made(cfg engine.Config, o embed, spill string) (*engine.Engine, gateway.Client, error) {
	eng, err := engine.New(cfg)
	if err != nil {
		return nil, nil, err
	}
	if o.register != nil {
		if err := o.register(eng); err != nil {
			return nil, nil, err
		}
	}
	c := &embeddedClient{Client: gateway.Local(eng), spill: spill}
	if o.record != nil {
		c.closeTape = eng.CloseTape
	}
	return eng, c, nil
}

// config is what an engine is made of, and the folder for what it spills.
func (a *app) config(o embed) (cfg engine.Config, spill string, err error) {
	keepHeadroom()
	e := env.OS("")
	e.Seed = uint64(time.Now().UnixNano())
	if a.disk != nil {
		e.Disk = a.disk
	}
	zone := hostZone()
	if t := o.replay; t != nil {
		e.Disk, e.Seed = env.NewOverlay(e.Disk), t.Manifest.Seed
		if z, err := time.LoadLocation(t.Manifest.Zone); err == nil {
			zone = z
		}
	}
	workers := 0
	if k := o.fork; k != nil {
		// One worker, so that rows meet in the same order each time.
		e.Disk, e.Seed, zone, workers = env.NewOverlay(e.Disk), k.seed, k.zone, 1
	}
	if o.record != nil {
		err := o.record.To.Edit(func(m *trace.Manifest) { m.Seed, m.Zone = e.Seed, zone.String() })
		if err != nil {
			return cfg, "", err
		}
	}
	spill = filepath.Join(os.TempDir(), fmt.Sprintf("mink-%d", os.Getpid()))
	memory := machineMemory() / 4
	var files env.Disk
	limit, pool := a.memory, (*state.Pool)(nil)
	if o.confine != nil {
		limit = o.confine.Share()
		memory /= int64(max(1, o.confine.Nodes)) // processes share the machine
		spill = o.home.Path("run", "spill", strconv.Itoa(os.Getpid()))
		files = confined(o.home, o.confine, append([]string{string(o.home)}, o.confine.Shared...))
		e.Disk = confined(o.home, o.confine, nil)
	}
	if limit > 0 {
		heap := limit - programBytes
		debug.SetMemoryLimit(heap)
		pool, memory = state.NewPool(heap/2), heap/2
		if o.confine != nil {
			memory *= int64(max(1, o.confine.Nodes)) // of a job, which all nodes have a part of
		}
	}
	secrets := &connect.Secrets{Disk: cmp.Or(files, e.Disk), Variable: os.LookupEnv}
	if o.confine != nil {
		secrets.Allowed, secrets.Help = o.confine.AllowsEnv, allowEnvHelp
	}
	return engine.Config{
		Files: files,
		Stores: func(below env.Disk, setting func(string) string) env.Disk {
			return s3.Disk(below, e.Clock, setting, os.Getenv, secrets.Resolve)
		},
		Secrets:       secrets,
		Env:           e,
		Connectors:    append(connectors.All(), o.connectors...),
		Formats:       connectors.Formats(),
		Functions:     scalar.All(),
		Runtimes:      connectors.Runtimes(),
		Nodes:         o.nodes,
		Slots:         o.slots,
		Workers:       workers,
		Edit:          o.fork.edit(),
		CheckpointDir: o.checkpointDir,
		SpillDir:      spill,
		MemoryBytes:   memory,
		StatePool:     pool,
		ProcessBytes:  limit,
		Zone:          zone,
		Stdout:        printed(a.out),
		Record:        o.record,
		Replay:        o.replay,
		Playback:      o.playback,
		Stderr:        &lineWriter{w: a.err, clean: terminal(a.err)},
		Log:           o.log,
	}, spill, nil
}

// allowEnvHelp says how statements of a cluster may name a variable.
const allowEnvHelp = "mink up --allow-env NAME allows it, and mink node --allow-env NAME for a node that joined by an address; or refer to a file: ${file:PATH}"

// printed is the stream of the print connector.
func printed(out io.Writer) io.Writer {
	if _, ok := out.(connect.Outlets); ok {
		return out
	}
	return &lineWriter{w: out, clean: terminal(out)}
}

// embeddedClient removes what its engine spilled, and ends its tape.
type embeddedClient struct {
	gateway.Client
	spill     string
	closeTape func() error
}

func (c *embeddedClient) Close() error {
	err := c.Client.Close()
	if c.closeTape != nil {
		err = errors.Join(err, c.closeTape())
	}
	if rerr := os.RemoveAll(c.spill); err == nil {
		err = rerr
	}
	return err
}

// lineWriter lets several writers share a stream, whole lines at a time. With clean
// the stream is a terminal, which the text must not drive.
type lineWriter struct {
	mu    sync.Mutex
	w     io.Writer
	clean bool
}

func (l *lineWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.clean {
		return l.w.Write(p)
	}
	if _, err := io.WriteString(l.w, show.CleanLines(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// hostZone is the zone that 'default' stands for: TZ or the host's.
func hostZone() *time.Location {
	if name := os.Getenv("TZ"); name != "" {
		if z, err := time.LoadLocation(name); err == nil {
			return z
		}
	}
	if time.Local.String() != "Local" {
		return time.Local
	}
	if link, err := os.Readlink("/etc/localtime"); err == nil {
		const root = "zoneinfo/"
		for i := 0; i+len(root) <= len(link); i++ {
			if link[i:i+len(root)] == root {
				if z, err := time.LoadLocation(link[i+len(root):]); err == nil {
					return z
				}
			}
		}
	}
	return time.UTC
}

// machineMemory is the memory of the machine in bytes, or 0 if it cannot be told.
func machineMemory() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	var kb int64
	if _, err := fmt.Fscanf(f, "MemTotal: %d kB", &kb); err != nil {
		return 0
	}
	return kb << 10
}
