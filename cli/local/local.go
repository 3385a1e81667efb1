// Package local knows the processes of a cluster on this machine: its directory, who of
// them lives, how they are started, watched and brought back.
//
// The directory (mode 0700) has
//
//	cluster.json      addresses, token and processes, for clients; there while the cluster
//	                  is up or is to come back, and gone when it was stopped (mode 0600)
//	token             what clients send; stays from one start to the next
//	tls/              the cluster's own authority, with --listen
//	log/              a file for each process, JSON lines; audit.log has who asked for what
//	run/              locks and the settings of the coordinator
//	store/            jobs and catalogs
//	checkpoints/      of jobs that do not say otherwise
//
// Each process holds a lock of the system on a file of its own in run/ for as long as it
// lives, and another from before it was there until it has that one (starting.go). So files that a kill -9 left behind are told from living processes without
// guessing by process numbers, and whoever waits for a lock learns of a death at once, of
// a child or not. Nobody takes a lock to look at it.
//
// The coordinator starts the nodes and waits for their locks, and the watchdog waits for
// the coordinator's; the coordinator looks after the watchdog. So any one of them may be
// killed and comes back. A watchdog of its own, instead of the nodes' parent, is what
// brings the coordinator back because it does nothing else: it has no memory to run out
// of, no sockets and no disk, and may outlive all others.
//
// Begin with Home, then Lock in lock.go and Keep in keep.go.
package local

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/diag"
)

// Home is the absolute path of a cluster's directory.
type Home string

// In is the home that a --dir names.
func In(dir string) (Home, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", diag.Wrap(diag.IO, err, "cannot tell where %s is", dir)
	}
	return Home(abs), nil
}

// Path is that of a file in the directory.
func (h Home) Path(parts ...string) string {
	return filepath.Join(append([]string{string(h)}, parts...)...)
}

// Names of processes.
const (
	Coordinator = "coordinator"
	Watchdog    = "watchdog"
)

// Info is what clients need to know: cluster.json.
type Info struct {
	// Gateway and Rest are addresses, such as http://127.0.0.1:8083.
	Gateway string `json:"gateway"`
	Rest    string `json:"rest"`
	// Postgres and Flight are those of the servers for Postgres clients and for Arrow
	// Flight SQL, such as postgres://127.0.0.1:5433 and grpc://127.0.0.1:8815.
	Postgres    string    `json:"postgres"`
	Flight      string    `json:"flight"`
	Coordinator Process   `json:"coordinator"`
	Nodes       []Process `json:"nodes"`
	Watchdog    *Process  `json:"watchdog,omitempty"`
	// Token is "" when clients need none.
	Token string `json:"token,omitempty"`
	// Join is where nodes of other machines join, as host:port, and Joined are those that
	// have; "" without --listen.
	Join   string    `json:"join,omitempty"`
	Joined []Process `json:"joined,omitempty"`
	// CA is the file of the authority that clients have to trust; "" without TLS.
	CA string `json:"ca,omitempty"`
}

// Process is a process of the cluster.
type Process struct {
	Name string `json:"name,omitempty"`
	PID  int    `json:"pid"`
	// State is running, starting or dead, as it is when somebody looks.
	State string `json:"state,omitempty"`
	Slots int    `json:"slots,omitempty"`
	// From is the address of a node of another machine; its PID is that machine's.
	From string `json:"from,omitempty"`
}

// Options are what mink up was given: what the coordinator needs to start again.
type Options struct {
	Nodes int `json:"nodes"`
	Slots int `json:"slots"`
	// Listen is the host to listen on; "" is this machine alone.
	Listen string `json:"listen,omitempty"`
	// Ports; with Fixed no other will do.
	GatewayPort   int  `json:"gatewayPort"`
	GatewayFixed  bool `json:"gatewayFixed,omitempty"`
	RestPort      int  `json:"restPort"`
	RestFixed     bool `json:"restFixed,omitempty"`
	PostgresPort  int  `json:"postgresPort"`
	PostgresFixed bool `json:"postgresFixed,omitempty"`
	FlightPort    int  `json:"flightPort"`
	FlightFixed   bool `json:"flightFixed,omitempty"`
	NodePort      int  `json:"nodePort,omitempty"`
	NodeFixed     bool `json:"nodeFixed,omitempty"`
	NoToken       bool `json:"noToken,omitempty"`
	// Memory is what the coordinator and its nodes are to stay within together, in bytes;
	// 0 bounds nothing.
	Memory int64 `json:"memory,omitempty"`
	// Project is the directory that mink up was started in; DataDirs are further ones that
	// file connectors may touch. All are absolute.
	Project  string   `json:"project"`
	DataDirs []string `json:"dataDirs,omitempty"`
	// AllowEnv are the variables of the environment that statements may refer to; one that ends
	// in * stands for all that begin so.
	AllowEnv []string `json:"allowEnv,omitempty"`
	// Shared are folders of a coordinator on another machine, for a node that has joined.
	Shared []string `json:"-"`
	// TLSCert and TLSKey replace the certificate of the cluster's own authority.
	TLSCert string `json:"tlsCert,omitempty"`
	TLSKey  string `json:"tlsKey,omitempty"`
}

// Share is the part of Memory that each process has.
func (o *Options) Share() int64 { return o.Memory / int64(o.Nodes+1) }

// AllowsEnv reports whether statements may refer to a variable of the environment.
func (o *Options) AllowsEnv(name string) bool {
	return slices.ContainsFunc(o.AllowEnv, func(a string) bool {
		begin, any := strings.CutSuffix(a, "*")
		return a == name || any && strings.HasPrefix(name, begin)
	})
}

// SamePort reports that two servers are to have the same port and no other.
func (o *Options) SamePort() bool {
	seen := map[int]bool{}
	for _, p := range []struct {
		port  int
		fixed bool
	}{{o.GatewayPort, o.GatewayFixed}, {o.RestPort, o.RestFixed}, {o.PostgresPort, o.PostgresFixed}, {o.FlightPort, o.FlightFixed}, {o.NodePort, o.NodeFixed}} {
		if p.fixed && seen[p.port] {
			return true
		}
		seen[p.port] = seen[p.port] || p.fixed
	}
	return false
}

// Info reads cluster.json; nil when the cluster is not up.
func (h Home) Info() (*Info, error) {
	var i Info
	if ok, err := h.read("cluster.json", &i); !ok {
		return nil, err
	}
	return &i, nil
}

// SetInfo writes cluster.json.
func (h Home) SetInfo(i *Info) error { return h.write("cluster.json", i) }

// Forget removes cluster.json: the cluster is not to come back.
func (h Home) Forget() error {
	if err := os.Remove(h.Path("cluster.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return diag.Wrap(diag.IO, err, "cannot stop the cluster")
	}
	return nil
}

// Options reads what the coordinator was last started with; nil when there is nothing.
func (h Home) Options() (*Options, error) {
	var o Options
	if ok, err := h.read("run/options.json", &o); !ok {
		return nil, err
	}
	return &o, nil
}

// SetOptions keeps what the coordinator is to start with.
func (h Home) SetOptions(o *Options) error { return h.write("run/options.json", o) }

func (h Home) read(name string, to any) (bool, error) {
	text, err := os.ReadFile(h.Path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		return false, diag.Wrap(diag.Config, err, "cannot read %s", h.Path(name))
	}
	return true, nil
}

// write makes a file with JSON appear, whole or not at all. Its owner alone may read it.
func (h Home) write(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return diag.Wrap(diag.Internal, err, "cannot write %s", name)
	}
	path := h.Path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return diag.Wrap(diag.IO, err, "cannot write %s", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".writing-*") // of mode 0600
	if err != nil {
		return diag.Wrap(diag.IO, err, "cannot write %s", path)
	}
	_, err = f.Write(append(text, '\n'))
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // what went wrong is told below
		return diag.Wrap(diag.IO, err, "cannot write %s", path)
	}
	return nil
}
