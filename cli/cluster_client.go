package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/minkstream/mink/cli/local"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/remote"
)

// tokenVariable names the token for clusters that are not those of a --dir.
const tokenVariable = "MINK_TOKEN"

// checkCluster refuses flags of an embedded cluster beside those of another.
func (f *runFlags) checkCluster() error {
	if f.gateway == "" {
		if f.rest != "" {
			return failed(exitUsage, diag.New(diag.Config, "--rest without --gateway").WithHint("statements go to a SQL gateway: name it, too"))
		}
		return nil
	}
	return f.onlyEmbedded()
}

// onlyEmbedded refuses flags that mean something on an embedded cluster alone.
func (f *runFlags) onlyEmbedded() error {
	for _, x := range []struct {
		given bool
		flag  string
	}{
		{f.nodes != 1, "--nodes"}, {f.checkpointDir != "", "--checkpoint-dir"}, {f.tape != "", "--tape"}, {f.keepTape == "on", "--keep-tape on"},
	} {
		if x.given {
			return failed(exitUsage, diag.New(diag.Config, "%s is for an embedded cluster, and the script runs on another", x.flag).WithHint("leave it out, or --gateway"))
		}
	}
	return nil
}

// clusterOf is the cluster that a script runs on; nil for an embedded one. It is that of
// --gateway, or of mink up in --dir, if that was named or the job is to stay there.
func (a *app) clusterOf(f *runFlags) (*remote.Client, error) {
	if f.gateway == "" && !f.detach && !f.dirGiven {
		return nil, nil
	}
	info, err := infoOf(f.dir)
	if err != nil {
		return nil, err
	}
	switch {
	case f.gateway != "":
	case info == nil && f.detach:
		return nil, failed(exitUsage, diag.New(diag.Config, "--detach needs a cluster that goes on without this process, and none runs in %s", f.dir).
			WithHint("mink up starts one; --gateway names another"))
	case info == nil:
		return nil, nil
	default:
		if err := f.onlyEmbedded(); err != nil {
			return nil, err
		}
	}
	return clusterClient(info, f.gateway, f.rest)
}

// infoOf is what the cluster of a directory tells clients; nil when none is up.
func infoOf(dir string) (*local.Info, error) {
	home, err := local.In(dir)
	if err != nil {
		return nil, err
	}
	info, err := home.Info()
	if err != nil {
		return nil, failed(exitUnreachable, err)
	}
	return info, nil
}

// clusterClient makes a client of a cluster: of the addresses, or of the cluster of a directory
// where they are empty. A token goes only to where it belongs.
func clusterClient(info *local.Info, gatewayAt, restAt string) (*remote.Client, error) {
	o := remote.Options{Gateway: gatewayAt, REST: restAt}
	if info != nil && gatewayAt == "" && restAt == "" {
		o.Gateway, o.REST = info.Gateway, info.Rest
	}
	if info != nil && (same(o.Gateway, info.Gateway) || o.Gateway == "") && (same(o.REST, info.Rest) || o.REST == "") {
		o.Token, o.REST = info.Token, info.Rest
		if info.CA != "" {
			pem, err := os.ReadFile(info.CA)
			if err != nil {
				return nil, failed(exitUnreachable, diag.Wrap(diag.IO, err, "cannot read the authority of the cluster"))
			}
			pool := x509.NewCertPool()
			pool.AppendCertsFromPEM(pem)
			o.HTTP = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 16}}
		}
	}
	if t := os.Getenv(tokenVariable); t != "" {
		o.Token = t
	}
	c, err := remote.New(o)
	if err != nil {
		return nil, failed(exitUsage, err)
	}
	return c, nil
}

// same reports that two addresses name one server.
func same(a, b string) bool {
	x, err := url.Parse(a)
	if err != nil {
		return false
	}
	y, err := url.Parse(b)
	return err == nil && x.Scheme == y.Scheme && x.Host == y.Host
}

// unreachable reports that a cluster cannot be reached, or lets nobody in.
func unreachable(err error) bool {
	return errors.As(err, new(*remote.Unreachable)) || diag.CodeOf(err) == diag.Permission
}

// onCluster runs texts on a cluster. When the user interrupts, jobs that were begun are
// cancelled, unless they are to stay.
func (a *app) onCluster(ctx context.Context, c *remote.Client, f runFlags, config map[string]string, texts []text) error {
	defer c.Close()
	begun := &beginning{Client: c}
	err := a.inClient(ctx, begun, f, config, texts)
	if ctx.Err() != nil && !f.detach {
		stop, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		for _, id := range begun.jobs {
			_ = c.Cancel(stop, id)
		}
	}
	if unreachable(err) {
		return failed(exitUnreachable, err)
	}
	return err
}

// beginning notes the jobs that its sessions begin.
type beginning struct {
	gateway.Client
	jobs []string
}

func (b *beginning) OpenSession(ctx context.Context, config map[string]string) (gateway.Session, error) {
	s, err := b.Client.OpenSession(ctx, config)
	if err != nil {
		return nil, err
	}
	return &begunSession{s, b}, nil
}

type begunSession struct {
	gateway.Session
	of *beginning
}

// answerWait is how long an interrupt waits for the answer to a statement that is on its way.
const answerWait = 2 * time.Second

// Execute waits for the answer beyond an interrupt: the cluster may have begun a job whose
// name only the answer tells, and which would run on.
func (s *begunSession) Execute(ctx context.Context, text string) (gateway.Operation, error) {
	asked, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(answerWait, cancel) })()
	op, err := s.Session.Execute(asked, text)
	if err == nil && op.Result() == gateway.Submitted {
		s.of.jobs = append(s.of.jobs, op.Job())
	}
	return op, err
}
