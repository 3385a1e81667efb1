package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/cli/local"
	"github.com/minkstream/mink/cli/show"
	"github.com/minkstream/mink/engine/diag"
)

// clusterStatus is what mink status prints as JSON.
type clusterStatus struct {
	Gateway     string          `json:"gateway"`
	Rest        string          `json:"rest"`
	Postgres    string          `json:"postgres"`
	Flight      string          `json:"flight"`
	Join        string          `json:"join,omitempty"`
	Coordinator local.Process   `json:"coordinator"`
	Nodes       []local.Process `json:"nodes"`
	Watchdog    *local.Process  `json:"watchdog,omitempty"`
	Logs        string          `json:"logs"`
	LastError   *local.Mistake  `json:"lastError,omitempty"`
}

func (a *app) statusCommand() *cobra.Command {
	var dir, output string
	c := &cobra.Command{
		Use:   "status",
		Short: "Show the processes of the local cluster",
		Long: `Shows where the cluster in --dir is reached, its processes, and the last error in its logs.
Without a cluster the exit code is 3.`,
		Args:    cobra.NoArgs,
		Example: examples("mink status", "mink status --output json | jq -r .gateway"),
		RunE: func(*cobra.Command, []string) error {
			if output != "text" && output != "json" {
				return failed(exitUsage, diag.New(diag.Config, "no output form %q", output).WithHint("text or json"))
			}
			return a.showStatus(dir, output)
		},
	}
	c.Flags().StringVar(&dir, "dir", ".mink", "directory of the cluster")
	c.Flags().StringVar(&output, "output", "text", "text or json")
	return c
}

func (a *app) showStatus(dir, output string) error {
	home, err := local.In(dir)
	if err != nil {
		return err
	}
	info, err := home.Info()
	if err != nil {
		return failed(exitUnreachable, err)
	}
	if info == nil {
		return failed(exitUnreachable, diag.New(diag.NotFound, "no cluster runs in %s", dir).WithHint("mink up starts one"))
	}
	st := &clusterStatus{Gateway: info.Gateway, Rest: info.Rest, Postgres: info.Postgres, Flight: info.Flight, Join: info.Join, Logs: home.Path("log"), LastError: home.LastMistake()}
	watched := home.Holder(local.Watchdog) != 0
	st.Coordinator = alive(home, local.Process{Name: local.Coordinator, PID: info.Coordinator.PID}, watched)
	for _, n := range info.Nodes {
		st.Nodes = append(st.Nodes, alive(home, n, st.Coordinator.State == running))
	}
	for _, name := range leftOf(home) {
		if name != local.Watchdog && home.Holder(name) != 0 && !slices.ContainsFunc(st.Nodes, func(n local.Process) bool { return n.Name == name }) {
			st.Nodes = append(st.Nodes, alive(home, local.Process{Name: name}, false)) // of mink node --join
		}
	}
	for _, n := range info.Joined {
		if i := slices.IndexFunc(st.Nodes, func(x local.Process) bool { return x.Name == n.Name }); i >= 0 {
			st.Nodes[i].From, st.Nodes[i].Slots = n.From, n.Slots // it runs here, in the same directory
			continue
		}
		if st.Coordinator.State != running {
			n.State = "unknown"
		}
		st.Nodes = append(st.Nodes, n)
	}
	if info.Watchdog != nil {
		w := alive(home, *info.Watchdog, st.Coordinator.State == running)
		st.Watchdog = &w
	}
	if output == "json" {
		return json.NewEncoder(a.out).Encode(st)
	}
	return a.tellStatus(st)
}

// States of processes.
const (
	running    = "running"
	restarting = "restarting"
	dead       = "dead"
)

// alive looks whether a process lives. One that does not comes back when somebody who
// looks after it does.
func alive(home local.Home, p local.Process, kept bool) local.Process {
	p.State = dead
	if pid := home.Holder(p.Name); pid != 0 {
		p.PID, p.State = pid, running
	} else if kept {
		p.State = restarting
	}
	return p
}

func (a *app) tellStatus(st *clusterStatus) error {
	w := &columns{}
	w.add("gateway", st.Gateway)
	w.add("rest", st.Rest)
	w.add("postgres", st.Postgres)
	w.add("flight", st.Flight)
	if st.Join != "" {
		w.add("join", st.Join)
	}
	w.add("logs", st.Logs)
	fmt.Fprint(a.out, show.CleanLines(w.String()), "\n")
	w = &columns{}
	from := ""
	if slices.ContainsFunc(st.Nodes, func(n local.Process) bool { return n.From != "" }) {
		from = "from"
	}
	w.add("process", "pid", "state", "slots", from)
	row := func(p local.Process) {
		slots := ""
		if p.Slots > 0 {
			slots = fmt.Sprint(p.Slots)
		}
		w.add(p.Name, fmt.Sprint(p.PID), p.State, slots, p.From)
	}
	row(st.Coordinator)
	for _, n := range st.Nodes {
		row(n)
	}
	if st.Watchdog != nil {
		row(*st.Watchdog)
	}
	if _, err := fmt.Fprint(a.out, show.CleanLines(w.String())); err != nil {
		return err
	}
	if m := st.LastError; m != nil {
		job := ""
		if m.Job != "" {
			job = ", job " + m.Job
		}
		fmt.Fprintf(a.out, "\nlast error (%s%s, %s): %s\n", show.Clean(m.Process), show.Clean(job), m.Time.Format(time.DateTime), show.Clean(m.Text))
	}
	return nil
}

// columns are rows of words, aligned.
type columns struct {
	rows  [][]string
	width []int
}

func (c *columns) add(cells ...string) {
	for i, s := range cells {
		if i == len(c.width) {
			c.width = append(c.width, 0)
		}
		c.width[i] = max(c.width[i], len(s))
	}
	c.rows = append(c.rows, cells)
}

// String has a line for each row.
func (c *columns) String() string {
	out := ""
	for _, r := range c.rows {
		line := ""
		for i, s := range r {
			if i > 0 {
				line += "  "
			}
			line += fmt.Sprintf("%-*s", c.width[i], s)
		}
		for len(line) > 0 && line[len(line)-1] == ' ' {
			line = line[:len(line)-1]
		}
		out += line + "\n"
	}
	return out
}
