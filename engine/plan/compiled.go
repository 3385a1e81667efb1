package plan

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// Compiled is a plan as a file: what COMPILE PLAN writes and EXECUTE PLAN reads.
//
// Nodes and Edges show the plan in the shape of Flink's files, and the TTL of each
// state may be edited there. Source is what the plan was made of: the statements, the
// objects they name, the settings that decide how they are planned. Planning is a
// function of these alone, so the plan is made of them again, on its own and not from
// the catalog and session of that time, and must then be the one of Nodes and Edges, to
// the letter. A version of mink that would plan differently refuses the file: state in
// a savepoint never meets a plan that it is not of.
type Compiled struct {
	FlinkVersion string         `json:"flinkVersion"`
	Format       int            `json:"minkPlanFormat"`
	Nodes        []CompiledNode `json:"nodes"`
	Edges        []CompiledEdge `json:"edges"`
	Source       CompiledSource `json:"source"`
}

// planFormat is the form of the files that this version writes, and the one it reads.
const planFormat = 1

// CompiledNode is a node of the plan.
type CompiledNode struct {
	ID              int               `json:"id"`
	Type            string            `json:"type"`
	Configuration   map[string]string `json:"configuration,omitempty"`
	State           []CompiledState   `json:"state,omitempty"`
	InputProperties []InputProperty   `json:"inputProperties"`
	OutputType      string            `json:"outputType"`
	Description     string            `json:"description"`
	// UID names the state in checkpoints.
	UID string `json:"uid,omitempty"`
}

// CompiledState is a state of a node.
type CompiledState struct {
	Index int    `json:"index"`
	TTL   string `json:"ttl"`
	Name  string `json:"name"`
}

// InputProperty says how an input is dealt.
type InputProperty struct {
	RequiredDistribution struct {
		Type string `json:"type"`
		Keys []int  `json:"keys,omitempty"`
	} `json:"requiredDistribution"`
	DamBehavior string `json:"damBehavior"`
	Priority    int    `json:"priority"`
}

// CompiledEdge leads from a node to one that reads it.
type CompiledEdge struct {
	Source  int `json:"source"`
	Target  int `json:"target"`
	Shuffle struct {
		Type string `json:"type"`
	} `json:"shuffle"`
	ShuffleMode string `json:"shuffleMode"`
}

// CompiledSource is what the plan was made of.
type CompiledSource struct {
	Catalog    string            `json:"catalog"`
	Database   string            `json:"database"`
	Statements []string          `json:"statements"`
	Settings   map[string]string `json:"settings,omitempty"`
	Objects    []CompiledObject  `json:"objects,omitempty"`
	// WithoutCore: the built-in functions were not in use.
	WithoutCore bool `json:"withoutCore,omitempty"`
}

// CompiledObject is a table, view or function that the statements name.
type CompiledObject struct {
	Space int      `json:"space"`
	Word  string   `json:"word"`
	Name  []string `json:"name"`
	// DDL makes it again; "" where only the name was kept. Complete tells that its
	// options are there, too.
	DDL      string `json:"ddl,omitempty"`
	Complete bool   `json:"complete"`
	// Scope is where a view resolves names: catalog and database.
	Scope []string `json:"scope,omitempty"`
}

// State is a state of a node whose rows expire. TTL may be changed before the plan is
// built.
type State struct {
	Name string
	TTL  *int64
}

// States lists the states of a node that have a TTL.
func States(n Node) []State {
	switch n := n.(type) {
	case *GroupAggregate:
		return []State{{"groupAggregateState", &n.TTL}}
	case *ChangelogNormalize:
		return []State{{"changelogNormalizeState", &n.TTL}}
	case *SinkMaterializer:
		return []State{{"sinkMaterializeState", &n.TTL}}
	case *OverAggregate:
		return []State{{"overAggregateState", &n.TTL}}
	case *Rank:
		return []State{{"rankState", &n.TTL}}
	case *Deduplicate:
		return []State{{"deduplicateState", &n.TTL}}
	case *SortLimit:
		return []State{{"sortLimitState", &n.TTL}}
	case *Limit:
		return []State{{"sortLimitState", &n.TTL}}
	case *SnapshotJoin:
		return []State{{"buildState", &n.TTL}}
	case *LookupJoin:
		if n.Keep {
			return []State{{"lookupJoinState", &n.TTL}}
		}
	case *TemporalJoin:
		return []State{{"temporalJoinState", &n.TTL}}
	case *MultiJoin:
		out := make([]State, len(n.Ins))
		for i := range out {
			out[i] = State{"multi-join-input-" + itoa(i), &n.TTL[i]}
		}
		return out
	case *Join:
		return []State{{"leftState", &n.LeftSide.TTL}, {"rightState", &n.RightSide.TTL}}
	}
	return nil
}

// Compile shows a plan as nodes and edges.
func Compile(p *Physical, flink string, settings func(key string) string) *Compiled {
	c := &Compiled{FlinkVersion: flink, Format: planFormat}
	mode := "stream"
	if p.Batch {
		mode = "batch"
	}
	d := drawing{changes: true, labels: true}
	for _, n := range p.Nodes {
		t := n.Info()
		k := CompiledNode{
			ID: t.ID, Type: mode + "-exec-" + kebab(n.Name()) + "_1", OutputType: rowType(n),
			Description: d.line(n), UID: t.UID, InputProperties: []InputProperty{},
		}
		for i, s := range States(n) {
			k.State = append(k.State, CompiledState{i, strconv.FormatInt(*s.TTL, 10) + " ms", s.Name})
		}
		k.Configuration = configurationOf(n, settings)
		for _, in := range n.Inputs() {
			var ip InputProperty
			ip.DamBehavior, ip.Priority = "PIPELINED", 0
			ip.RequiredDistribution.Type = "UNKNOWN"
			if x, ok := n.(*Exchange); ok {
				ip.RequiredDistribution.Type, ip.RequiredDistribution.Keys = strings.ToUpper([...]string{"hash", "singleton", "broadcast", "any"}[x.Kind]), x.Keys
			}
			k.InputProperties = append(k.InputProperties, ip)
			e := CompiledEdge{Source: in.Info().ID, Target: t.ID, ShuffleMode: "PIPELINED"}
			e.Shuffle.Type = "FORWARD"
			c.Edges = append(c.Edges, e)
		}
		c.Nodes = append(c.Nodes, k)
	}
	return c
}

// configurationOf are the settings that a node's operator reads, as they are.
func configurationOf(n Node, settings func(string) string) map[string]string {
	var keys []string
	switch n.(type) {
	case *GroupAggregate, *LocalGroupAggregate, *Deduplicate, *Join:
		keys = []string{"table.exec.mini-batch.enabled", "table.exec.mini-batch.size", "table.exec.mini-batch.allow-latency"}
	case *Sink:
		keys = []string{"table.exec.sink.not-null-enforcer", "table.exec.sink.type-length-enforcer", "table.exec.sink.nested-constraint-enforcer",
			"table.exec.sink.upsert-materialize", "table.exec.sink.keyed-shuffle"}
	}
	if len(keys) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, k := range keys {
		out[k] = settings(k)
	}
	return out
}

func rowType(n Node) string {
	var out []string
	for _, f := range n.Info().Schema {
		out = append(out, "`"+strings.ReplaceAll(f.Name, "`", "``")+"` "+f.Type.Describe())
	}
	return "ROW<" + strings.Join(out, ", ") + ">"
}

// kebab writes GroupAggregate as group-aggregate.
func kebab(s string) string {
	var b strings.Builder
	for i, r := range s {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Encode writes the file.
func (c *Compiled) Encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(c); err != nil {
		return nil, diag.Wrap(diag.Internal, err, "cannot write a plan")
	}
	return b.Bytes(), nil
}

// Decode reads a file. It fails with invalid-query when it is not one.
func Decode(text []byte) (*Compiled, error) {
	var head struct {
		Format int `json:"minkPlanFormat"`
	}
	err := json.Unmarshal(text, &head)
	switch {
	case err != nil:
		return nil, diag.New(diag.InvalidQuery, "this is no compiled plan of mink: %s", err)
	case head.Format == 0:
		return nil, diag.New(diag.InvalidQuery, "this is no compiled plan of mink: it has no 'minkPlanFormat'").
			WithHint("a plan that Flink compiled runs on Flink; compile the statement here")
	case head.Format != planFormat:
		return nil, diag.New(diag.InvalidQuery, "the compiled plan has format %d, and this version of mink reads format %d", head.Format, planFormat).
			WithHint("execute it with the version of mink that compiled it, or compile it anew: SET 'table.plan.force-recompile' = 'true'")
	}
	c := &Compiled{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return nil, diag.New(diag.InvalidQuery, "the compiled plan is damaged: %s", err)
	}
	if len(c.Nodes) == 0 || len(c.Source.Statements) == 0 {
		return nil, diag.New(diag.InvalidQuery, "the compiled plan is damaged: it has no nodes or no statements")
	}
	return c, nil
}

// Adopt makes p, which was planned of c.Source, the plan of c: it takes the TTLs over
// and fails with invalid-query where the two differ otherwise.
func (c *Compiled) Adopt(p *Physical) error {
	now := Compile(p, c.FlinkVersion, func(string) string { return "" })
	differs := func(what string) error {
		return diag.New(diag.InvalidQuery, "the compiled plan cannot be executed: this version of mink plans %s differently", what).
			WithHint("compile it anew: SET 'table.plan.force-recompile' = 'true'; state of the old plan may not fit the new one")
	}
	if len(now.Nodes) != len(c.Nodes) || !slices.Equal(now.Edges, c.Edges) {
		return differs("the statement")
	}
	for i, n := range now.Nodes {
		was := c.Nodes[i]
		if n.ID != was.ID || n.Type != was.Type || n.Description != was.Description || n.OutputType != was.OutputType || n.UID != was.UID || len(n.State) != len(was.State) {
			return differs(was.Type + " " + strconv.Itoa(was.ID))
		}
		for k, s := range States(p.Nodes[i]) {
			ttl, ok := connect.ParseDuration(was.State[k].TTL)
			if !ok || ttl < 0 {
				return diag.New(diag.InvalidQuery, "node %d: the ttl of state %s is %q, not a duration such as '1 h'", was.ID, s.Name, was.State[k].TTL)
			}
			*s.TTL = ttl.Milliseconds()
		}
	}
	return nil
}
