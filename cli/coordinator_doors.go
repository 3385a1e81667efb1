package cli

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"

	"github.com/minkstream/mink/cli/local"
	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/probe"
	"github.com/minkstream/mink/engine/serve/flightsql"
	"github.com/minkstream/mink/engine/serve/guard"
	"github.com/minkstream/mink/engine/serve/pgwire"
	"github.com/minkstream/mink/engine/serve/rest"
)

// certificate is what servers for other machines show; nil for this machine alone.
func (c *coordinator) certificate() (*tls.Config, error) {
	o := c.options
	var err error
	if o.Listen != "" {
		if c.authority, err = guard.OpenAuthority(c.home.Path("tls")); err != nil {
			return nil, err
		}
	}
	if guard.Loopback(o.Listen) && o.TLSCert == "" {
		return nil, nil
	}
	if o.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(o.TLSCert, o.TLSKey)
		if err != nil {
			return nil, diag.Wrap(diag.Config, err, "cannot use the certificate %s", o.TLSCert)
		}
		return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}, nil
	}
	pair, err := c.authority.Issue("mink coordinator", append(hostNames(o.Listen), "localhost", "127.0.0.1", "::1")...)
	if err != nil {
		return nil, err
	}
	c.info.CA = c.home.Path("tls", "ca.pem")
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}, nil
}

// hostNames are the names by which others reach a server that listens on a host.
func hostNames(listen string) []string {
	if guard.Loopback(listen) {
		return nil
	}
	names := []string{listen}
	if h, err := os.Hostname(); err == nil {
		names = append(names, h)
	}
	if ip := net.ParseIP(listen); ip != nil && ip.IsUnspecified() {
		list, _ := net.InterfaceAddrs() // without them the name has to do
		for _, a := range list {
			if n, ok := a.(*net.IPNet); ok {
				names = append(names, n.IP.String())
			}
		}
	}
	return names
}

// door is a port with its listeners.
type door struct {
	name string
	list []net.Listener
	port int
}

// open opens the doors, those of the last time first: clients know them.
func (c *coordinator) open(secured *tls.Config) ([]door, error) {
	o := c.options
	scheme, host := "http", "127.0.0.1"
	if secured != nil {
		scheme = "https"
	}
	if ip := net.ParseIP(o.Listen); o.Listen != "" && o.Listen != "localhost" && (ip == nil || !ip.IsUnspecified()) {
		host = o.Listen
	}
	flightScheme := "grpc"
	if secured != nil {
		flightScheme = "grpc+tls"
	}
	var doors []door
	for _, d := range []struct {
		name   string
		port   *int
		fixed  bool
		to     *string
		scheme string
		own    bool // its protocol begins TLS
	}{
		{"gateway", &o.GatewayPort, o.GatewayFixed, &c.info.Gateway, scheme, false},
		{"rest", &o.RestPort, o.RestFixed, &c.info.Rest, scheme, false},
		{"postgres", &o.PostgresPort, o.PostgresFixed, &c.info.Postgres, "postgres", true},
		{"flight", &o.FlightPort, o.FlightFixed, &c.info.Flight, flightScheme, true},
	} {
		list, port, err := guard.Listen(guard.Door{Host: o.Listen, Port: *d.port, Fixed: d.fixed, TLS: secured, Token: c.token, Own: d.own})
		if err != nil {
			closeDoors(doors)
			return nil, err
		}
		doors = append(doors, door{d.name, list, port})
		*d.port, *d.to = port, fmt.Sprintf("%s://%s", d.scheme, net.JoinHostPort(host, strconv.Itoa(port)))
	}
	return doors, c.home.SetOptions(o)
}

func closeDoors(doors []door) {
	for _, d := range doors {
		for _, l := range d.list {
			l.Close()
		}
	}
}

// auditLog is the log of who asked for what.
const auditLog = "audit"

// processes are those of the cluster, for who looks into them.
type processes struct {
	c    *coordinator
	self probe.Process
}

func (p *processes) Coordinator() probe.Process { return p.self }

func (p *processes) Node(name string) probe.Process {
	return probe.Far(func(ctx context.Context, question []byte) ([]byte, error) { return p.c.nodes.Ask(ctx, name, question) })
}

// Logs are the folder of this cluster, which has also what nodes wrote that have died, and
// those of nodes on other machines.
func (p *processes) Logs() map[string]probe.Process {
	out := map[string]probe.Process{"": probe.Of(probe.LogsIn(p.c.home.Path("log")), "")}
	for _, n := range p.c.nodes.Nodes() {
		if n.From != "" && n.Alive {
			out[n.Name] = p.Node(n.Name)
		}
	}
	return out
}

// serve lets clients in.
func (c *coordinator) serve(doors []door) error {
	audit, err := c.home.Log(auditLog)
	if err != nil {
		return err
	}
	values := &format.JSONWriter{Sep: 'T', NullKeys: format.NullKeyLiteral, NullKey: "null"}
	o := rest.Options{Version: version, Value: values.Value, Settings: map[string]string{"taskmanager.numberOfTaskSlots": strconv.Itoa(c.options.Slots)}}
	o.Processes = &processes{c: c, self: probe.Of(probe.LogsOf(c.home.Path("log"), local.Coordinator, local.Watchdog, auditLog), c.home.Path("profiles", local.Coordinator))}
	if at, err := url.Parse(c.info.Rest); err == nil {
		o.Settings["rest.address"], o.Settings["rest.port"] = at.Hostname(), at.Port()
	}
	c.sql, c.jobs = rest.NewGateway(c.client, o), rest.NewJobManager(c.client, o)
	for _, d := range doors {
		if w := c.wire(d.name, audit); w != nil {
			c.wires = append(c.wires, w)
			for _, l := range d.list {
				go func() {
					if err := w.Serve(l); err != nil {
						c.log.Error("a server has ended", "door", d.name, "error", err.Error())
					}
				}()
			}
			continue
		}
		s := guard.Server(guard.Handler(guard.Options{
			Door: d.name, Token: c.token, Port: d.port, Names: hostNames(c.options.Listen), Audit: audit, Unread: rest.Refuses,
		}, c.routes(d.name)))
		c.servers = append(c.servers, s)
		for _, l := range d.list {
			go func() {
				if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
					c.log.Error("a server has ended", "door", d.name, "error", err.Error())
				}
			}()
		}
	}
	return nil
}

// wire is a server with a protocol of its own.
type wire interface {
	Serve(net.Listener) error
	Close() error
}

// wire makes the server of a door that does not speak HTTP; nil for the others.
func (c *coordinator) wire(name string, audit *slog.Logger) wire {
	note := func(who, what string, err error) {
		outcome := "ok"
		if err != nil {
			outcome = "failed"
		}
		audit.Info("statement", "door", name, "who", who, "kind", what, "outcome", outcome)
	}
	switch name {
	case "postgres":
		return &pgwire.Server{
			Client: c.client, Token: c.token, TLS: c.tls, TLSOnly: c.tls != nil, Audit: note,
			Log: func(text string) { audit.Info("refused", "door", name, "why", text) },
		}
	case "flight":
		return &flightsql.Server{Client: c.client, Token: c.token, TLS: c.tls, Audit: note, Refused: func(remote, method, why string) {
			audit.Info("refused", "door", name, "who", "unknown", "from", remote, "method", method, "why", why)
		}}
	}
	return nil
}

// routes are those of a door.
func (c *coordinator) routes(name string) http.Handler {
	mux := http.NewServeMux()
	if name == "gateway" {
		mux.Handle("/", c.sql)
	} else {
		mux.Handle("/", c.jobs)
	}
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"door": name, "state": running, "pid": os.Getpid()}) // the client may be gone
	})
	return mux
}
