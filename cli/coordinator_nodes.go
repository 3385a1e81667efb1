package cli

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/cli/local"
	"github.com/minkstream/mink/engine/cluster"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/serve/guard"
)

// joinSecret is the file with the secret of the join token.
func joinSecret(home local.Home) string { return home.Path("tls", "join") }

// joinTold is what a node of another machine is told when it joins.
type joinTold struct {
	// Project and DataDirs are the directories that statements may touch, and Checkpoints
	// the folder that all nodes must see.
	Project     string   `json:"project"`
	DataDirs    []string `json:"dataDirs"`
	Checkpoints string   `json:"checkpoints"`
}

// openForNodes opens the door by which nodes of other machines join; none without --listen.
func (c *coordinator) openForNodes() ([]net.Listener, error) {
	o := c.options
	if c.authority == nil {
		return nil, nil
	}
	secret, err := guard.Token(joinSecret(c.home))
	if err != nil {
		return nil, err
	}
	plain, port, err := guard.Listen(guard.Door{Host: o.Listen, Port: o.NodePort, Fixed: o.NodeFixed, TLS: &tls.Config{MinVersion: tls.VersionTLS13}, Token: secret, Own: true})
	if err != nil {
		return nil, err
	}
	d := &guard.NodeDoor{
		Authority: c.authority, Secret: func() (string, error) { return guard.Token(joinSecret(c.home)) }, Join: func(ask guard.JoinAsk) (string, any, error) {
			name, told, err := c.joins(ask)
			c.home.Audit("join", cmp.Or(name, ask.Name, "a node"), "join", err)
			return name, told, err
		},
		Log: func(text string) {
			c.log.Warn("a node: " + text)
			c.home.Audit("join", "unknown", text, errors.New(text))
		},
	}
	var list []net.Listener
	for _, l := range plain {
		secured, err := d.Serve(l)
		if err != nil {
			return nil, err
		}
		list = append(list, secured)
	}
	c.named = map[string]time.Time{}
	o.NodePort, c.info.Join = port, net.JoinHostPort(joinHost(o.Listen), strconv.Itoa(port))
	return list, c.home.SetOptions(o)
}

// joinHost is how other machines name this one.
func joinHost(listen string) string {
	if ip := net.ParseIP(listen); ip != nil && ip.IsUnspecified() {
		if h, err := os.Hostname(); err == nil {
			return h
		}
	}
	if listen == "localhost" {
		return "127.0.0.1"
	}
	return listen
}

// nameKept is how long a name is kept for a node that has got it and has not attached yet.
const nameKept = 15 * time.Second

// joins names a node that has shown the join token.
func (c *coordinator) joins(ask guard.JoinAsk) (string, any, error) {
	if ask.Version != version {
		return "", nil, diag.New(diag.Config, "the coordinator is mink %s and the node is mink %s", version, ask.Version).WithHint("run the same mink on all nodes")
	}
	if ask.Name != "" && !nodeName.MatchString(ask.Name) {
		return "", nil, diag.New(diag.Config, "a node cannot be named %q", ask.Name).WithHint("names are node-1, node-2 and so on")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nodes == nil {
		return "", nil, diag.New(diag.IO, "the coordinator is starting")
	}
	there := c.nodes.Nodes()
	own := func(name string) bool {
		n, _ := strconv.Atoi(strings.TrimPrefix(name, nodePrefix)) // the pattern has seen to it
		return n <= c.options.Nodes
	}
	taken := func(name string) bool {
		return time.Since(c.named[name]) < nameKept || c.home.Holder(name) != 0 ||
			slices.ContainsFunc(there, func(n cluster.Node) bool { return n.Name == name && n.Alive })
	}
	name := ask.Name
	if name != "" && (own(name) || taken(name) && c.named[name].IsZero()) {
		return "", nil, diag.New(diag.AlreadyExists, "%s is there already", name)
	}
	for n := c.options.Nodes + 1; name == ""; n++ {
		if n > c.options.Nodes+nodesMax {
			return "", nil, diag.New(diag.LimitExceeded, "the cluster has %d nodes already", nodesMax)
		}
		if s := fmt.Sprint(nodePrefix, n); !taken(s) {
			name = s
		}
	}
	c.named[name] = time.Now()
	return name, joinTold{Project: c.options.Project, DataDirs: c.options.DataDirs, Checkpoints: c.home.Path("checkpoints")}, nil
}

// joined tells clients which nodes of other machines are there.
func (c *coordinator) joined(nodes []cluster.Node) {
	var list []local.Process
	for _, n := range nodes {
		if n.From == "" {
			continue
		}
		p := local.Process{Name: n.Name, PID: n.PID, State: running, Slots: n.Slots, From: n.From}
		if !n.Alive {
			p.State = dead
		}
		list = append(list, p)
	}
	c.mu.Lock()
	same := slices.Equal(c.info.Joined, list)
	c.info.Joined = list
	c.mu.Unlock()
	if same {
		return
	}
	if err := c.rewrite(); err != nil {
		c.log.Error("cannot tell clients of a node", "error", err.Error())
	}
}
