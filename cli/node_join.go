package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/cli/local"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/serve/guard"
)

// nodeTokenCommand shows the join token of a cluster.
func (a *app) nodeTokenCommand() *cobra.Command {
	var dir string
	var fresh bool
	c := &cobra.Command{
		Use:   "token",
		Short: "Print the token by which nodes of other machines join",
		Long: `Prints the join token of the cluster in --dir, which mink up --listen has started. Whoever has
it can become a node of the cluster, which runs its jobs and sees their rows: it is a secret. It
carries the fingerprint of the cluster's authority, so that a node knows the coordinator too.
With --new another one takes its place, at once; nodes that have joined stay.`,
		Args:    cobra.NoArgs,
		Example: examples("mink node token", "mink node token --new > join.token"),
		RunE: func(*cobra.Command, []string) error {
			home, err := local.In(dir)
			if err != nil {
				return err
			}
			if _, err := os.Stat(joinSecret(home)); err != nil {
				return failed(exitUnreachable, diag.New(diag.NotFound, "no cluster in %s takes nodes of other machines", dir).WithHint("mink up --listen ADDRESS starts one"))
			}
			if fresh {
				err := guard.NewJoinSecret(joinSecret(home))
				if home.Audit("cli", local.User(), "node token --new", err); err != nil {
					return err
				}
			}
			t, err := ownJoinToken(home)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.out, t.Reveal())
			return err
		},
	}
	c.Flags().StringVar(&dir, "dir", ".mink", "directory of the cluster")
	c.Flags().BoolVar(&fresh, "new", false, "make another token; the one before lets nobody in any more")
	return c
}

// ownJoinToken is that of the cluster in a directory of this machine.
func ownJoinToken(home local.Home) (guard.JoinToken, error) {
	secret, err := guard.Token(joinSecret(home))
	if err != nil {
		return guard.JoinToken{}, err
	}
	authority, err := guard.OpenAuthority(home.Path("tls"))
	if err != nil {
		return guard.JoinToken{}, err
	}
	return authority.JoinToken(secret), nil
}

// joinToken is the token that a node joins with.
func (a *app) joinToken(f *nodeFlags, home local.Home) (guard.JoinToken, error) {
	text := os.Getenv(tokenEnv)
	_ = os.Unsetenv(tokenEnv) // not for programs that this one starts
	switch {
	case f.tokenFile == "-":
		b, err := io.ReadAll(io.LimitReader(a.in, 4096))
		if err != nil {
			return guard.JoinToken{}, diag.Wrap(diag.IO, err, "cannot read the join token")
		}
		text = string(b)
	case f.tokenFile != "":
		b, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return guard.JoinToken{}, diag.Wrap(diag.IO, err, "cannot read the join token")
		}
		text = string(b)
	case text == "":
		if _, err := os.Stat(joinSecret(home)); err == nil {
			return ownJoinToken(home)
		}
		return guard.JoinToken{}, diag.New(diag.Config, "no join token").
			WithHint("mink node token, where the coordinator runs, prints it; --token-file FILE or %s has it here", tokenEnv)
	}
	return guard.ParseJoinToken(text)
}

// joinNode runs a node that joins a cluster over TCP.
func (a *app) joinNode(ctx context.Context, f *nodeFlags) error {
	wrong := func(err error) error { return failed(exitUsage, err) }
	if _, port, err := net.SplitHostPort(f.join); err != nil || port == "" {
		return wrong(diag.New(diag.Config, "--join wants HOST:PORT, not %q", f.join).WithHint("mink status, where the coordinator runs, has it"))
	}
	home, err := local.In(f.dir)
	if err != nil {
		return err
	}
	token, err := a.joinToken(f, home)
	if err != nil {
		return wrong(err)
	}
	if err := guard.StateDir(string(home)); err != nil {
		return wrong(err)
	}
	var told joinTold
	me, err := a.meet(ctx, f, token, &told)
	if err != nil {
		return failed(exitUnreachable, err)
	}
	if err := place(me, f); err != nil {
		return wrong(err)
	}
	lock, err := home.Take(me.Name)
	if errors.Is(err, local.ErrTaken) {
		err = wrong(diag.New(diag.AlreadyExists, "%s runs in %s already", me.Name, f.dir).WithHint("name another directory with --dir"))
	}
	if err != nil {
		return err
	}
	defer lock.Release()
	log, err := home.Log(me.Name)
	if err != nil {
		return err
	}
	if err := os.Chdir(told.Project); err != nil {
		return wrong(diag.Wrap(diag.Config, err, "the directory that the cluster was started in is not here").
			WithHint("mount it at the same path: statements read and write files there"))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	note := func(text string) { log.Info(text) }
	go me.Keep(ctx, note)
	log.Info("begins", "pid", os.Getpid(), "slots", f.slots, "coordinator", f.join)
	fmt.Fprintf(a.err, "%s joins the cluster at %s\n", me.Name, f.join)
	o := &local.Options{Nodes: 1, Project: told.Project, DataDirs: told.DataDirs, AllowEnv: f.allowEnv, Shared: []string{told.Checkpoints}}
	if err = a.serveNode(ctx, home, o, me.Name, f.slots, me, log); err != nil {
		log.Error("failed", "error", err.Error())
		err = failed(exitUnreachable, err)
	}
	log.Info("ends")
	return err
}

// meet shows the token to the coordinator; one that is not there yet is waited for.
func (a *app) meet(ctx context.Context, f *nodeFlags, token guard.JoinToken, told *joinTold) (*guard.Identity, error) {
	said := false
	for end := time.Now().Add(alone); ; {
		me, err := guard.Join(ctx, f.join, token, guard.JoinAsk{Version: version, Name: f.name}, told)
		if err == nil || diag.CodeOf(err) != diag.IO || time.Now().After(end) || ctx.Err() != nil {
			return me, err
		}
		if !said {
			said = true
			fmt.Fprintf(a.err, "waiting for the coordinator: %s\n", err)
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// place sets where a node takes rows of others.
func place(me *guard.Identity, f *nodeFlags) error {
	if f.listen != "" {
		me.Host = strings.Trim(f.listen, "[]")
		if host, port, err := net.SplitHostPort(f.listen); err == nil {
			n, err := strconv.Atoi(port)
			if err != nil || n < 0 || n > 65535 {
				return diag.New(diag.Config, "a port is a number from 0 to 65535")
			}
			me.Host, me.Port = host, n
		}
	}
	if f.advertised != "" {
		if _, _, err := net.SplitHostPort(f.advertised); err != nil {
			return diag.New(diag.Config, "--advertise wants HOST:PORT, not %q", f.advertised)
		}
		me.Advertised = f.advertised
	}
	return nil
}
