package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/debugger/dap"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/suite"
)

// serveDAP lets editors debug: one over standard input and output, or one after the other
// over a port of this machine.
func (a *app) serveDAP(ctx context.Context, f *debugFlags, args []string) error {
	program := ""
	if len(args) > 0 {
		program = args[0]
	}
	if f.dap == "stdio" {
		return dap.Serve(ctx, a.dapOptions(f, program), a.in, a.out)
	}
	address := strings.TrimPrefix(f.dap, ":")
	if !strings.Contains(address, ":") {
		address = "127.0.0.1:" + address
	}
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return failed(exitUsage, diag.New(diag.Config, "--dap cannot listen on %q", f.dap).WithHint("a port of this machine, such as --dap=4711: whoever connects may read its files"))
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return failed(exitUnreachable, diag.Wrap(diag.IO, err, "cannot listen on %s", address))
	}
	defer l.Close()
	fmt.Fprintf(a.err, "waiting for an editor on %s\n", l.Addr())
	go func() {
		<-ctx.Done()
		_ = l.Close()
	}()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return diag.Wrap(diag.IO, err, "waiting for an editor")
		}
		err = dap.Serve(ctx, a.dapOptions(f, program), c, c)
		if e := c.Close(); err == nil && !errors.Is(e, net.ErrClosed) {
			err = e
		}
		if err != nil {
			a.complain(err)
		}
	}
}

func (a *app) dapOptions(f *debugFlags, program string) dap.Options {
	// A job of a cluster is looked at from the directory of the cluster.
	began, _ := os.Getwd() // an editor names files whole
	abs := func(name string) string {
		if filepath.IsAbs(name) {
			return filepath.Clean(name)
		}
		return filepath.Join(began, name)
	}
	return dap.Options{
		Open: func(ctx context.Context, l dap.Launch) (*dap.Program, error) {
			of := *f
			for _, k := range slices.Sorted(maps.Keys(l.Set)) {
				of.run.set = append(of.run.set[:len(of.run.set):len(of.run.set)], k+"="+l.Set[k])
			}
			if l.Dir != "" {
				of.cluster.dir = l.Dir
			}
			if l.Gateway != "" {
				of.cluster.gateway = l.Gateway
			}
			of.stopWorld = of.stopWorld || l.StopWorld
			name := l.Program
			if name == "" {
				name = program
			}
			if name == "" {
				return nil, diag.New(diag.Config, "which program").WithHint("a tape, a script, FILE_test.sql:TEST or a job of mink up as program of the launch configuration")
			}
			return a.openForEditor(ctx, &of, name)
		},
		Command: a.editorCommand,
		Read: func(name string) ([]byte, error) {
			if name == "" {
				name = program
			}
			r, err := a.machineDisk().Open(filepath.ToSlash(abs(name)))
			if err != nil {
				return nil, err
			}
			defer r.Close()
			return io.ReadAll(r)
		},
		Abs: abs,
	}
}

// openForEditor opens a program; standard output is the editor's, so nothing else goes there.
func (a *app) openForEditor(ctx context.Context, f *debugFlags, name string) (*dap.Program, error) {
	quiet := *a
	quiet.out = io.Discard
	if suite.IsTest(name) {
		t, cfg, setup, err := quiet.openTest(f, name)
		if err != nil {
			return nil, err
		}
		d, err := debugger.Open(ctx, cfg, setup, t)
		if err != nil {
			return nil, errors.Join(err, t.Close())
		}
		return &dap.Program{Debugger: d, Release: t.Close}, nil
	}
	if quiet.namesJob(name) {
		return quiet.openJobForEditor(ctx, f, name)
	}
	var said strings.Builder
	if f.dap == "stdio" {
		quiet.err = io.MultiWriter(a.err, &said)
	} else {
		quiet.err = &said
	}
	t, cfg, release, err := quiet.openToDebug(ctx, f, name)
	if e := (*exitError)(nil); errors.As(err, &e) && e.err == nil {
		err = diag.New(diag.InvalidQuery, "%s", strings.TrimSpace(said.String())) // what was said is why
	}
	if err != nil {
		return nil, err
	}
	d, err := debugger.Open(ctx, cfg, nil, t)
	if why := strings.TrimSpace(said.String()); err != nil && diag.CodeOf(err) == diag.InvalidTape && why != "" {
		err = diag.New(diag.InvalidQuery, "%s", why) // the script has no job, for the reason that was said
	}
	if err != nil {
		return nil, errors.Join(err, release())
	}
	return &dap.Program{Debugger: d, Release: release}, nil
}

// openJobForEditor opens what a job of a cluster has done by now.
func (a *app) openJobForEditor(ctx context.Context, f *debugFlags, name string) (*dap.Program, error) {
	l, release, err := a.openLiveJob(ctx, &f.cluster, name)
	if err != nil {
		return nil, err
	}
	live, err := l.attach(ctx)
	if err == nil && f.stopWorld {
		if err = live.StopWorld(ctx); err != nil {
			err = errors.Join(err, live.Close())
		}
	}
	if err != nil {
		return nil, errors.Join(err, release())
	}
	return &dap.Program{Debugger: live.Debugger, Live: live, Release: release}, nil
}

// editorCommand carries out a command of mink debug that looks at something.
func (a *app) editorCommand(ctx context.Context, d *debugger.Debugger, j *debugger.Job, text string) (string, bool, error) {
	word, _, _ := strings.Cut(text, " ")
	for _, v := range debugVerbs() {
		if word != v.name {
			continue
		}
		switch v.name {
		case "step", "back", "goto", "continue", "reverse", "break", "delete", "job", "quit":
			return "", true, diag.New(diag.Config, "%s is the editor's", v.name).WithHint("it has keys for motions, breakpoints and threads")
		}
		var out strings.Builder
		to := *a
		to.out = &out
		s := &debugSession{app: &to, d: d, j: j, number: 1, zone: j.Zone}
		err := s.command(ctx, text)
		return out.String(), true, err
	}
	return "", false, nil
}
