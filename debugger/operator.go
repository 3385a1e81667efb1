package debugger

import (
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// Operator is a node of a job's plan that runs.
type Operator struct {
	// Name is that of EXPLAIN with the node's number, GroupAggregate[5]; Table is what a
	// source reads or a sink writes, "" otherwise.
	Name  string    `json:"name"`
	Table string    `json:"table,omitempty"`
	Node  plan.Node `json:"-"`
	// Inputs are the operators whose rows come by each input: several through a union.
	Inputs [][]*Operator `json:"-"`
	// InSchemas are the columns of each input.
	InSchemas []types.Schema `json:"-"`

	uid string
	// tableName is the full name of what a source reads.
	tableName string
	source    bool
	sink      bool
}

// Schema is what it gives; of a sink, what it takes.
func (o *Operator) Schema() types.Schema {
	if o.sink {
		return o.InSchemas[0]
	}
	return o.Node.Info().Schema
}

// Is reports that an operator of a task, by its UID in the running job, is this one: guards
// of a sink count as the sink.
func (o *Operator) Is(uid string) bool {
	front, _, _ := strings.Cut(uid, "/")
	return uid == o.uid || front == o.uid
}

// operators lists what runs of a plan, inputs before their readers.
func operators(p *plan.Physical) []*Operator {
	var out []*Operator
	at := map[plan.Node]*Operator{}
	for _, n := range p.Nodes {
		switch n.(type) {
		case *plan.Exchange, *plan.Union:
			continue
		}
		o := &Operator{Node: n, uid: n.Info().UID, Name: n.Name() + "[" + strconv.Itoa(n.Info().ID) + "]"}
		switch n := n.(type) {
		case *plan.Scan:
			o.source, o.Table, o.tableName = true, n.Table.Path.Object, n.Table.Path.String()
		case *plan.Values:
			o.source, o.Table = true, "values"
		case *plan.Sink:
			o.sink, o.Table = true, n.Table.Path.Object
		case *plan.Collect:
			o.sink, o.Table = true, "result"
		}
		for _, in := range n.Inputs() {
			o.InSchemas = append(o.InSchemas, in.Info().Schema)
			o.Inputs = append(o.Inputs, producers(in, at))
		}
		at[n] = o
		out = append(out, o)
	}
	return out
}

// producers are the operators behind exchanges and unions.
func producers(n plan.Node, at map[plan.Node]*Operator) []*Operator {
	if o := at[n]; o != nil {
		return []*Operator{o}
	}
	var out []*Operator
	for _, in := range n.Inputs() {
		out = append(out, producers(in, at)...)
	}
	return out
}

// Operator finds an operator by its name with or without the number, by the number, or
// by the table of a source or sink. It fails with not-found and says what there is.
func (j *Job) Operator(name string) (*Operator, error) {
	var hits []*Operator
	for _, o := range j.Operators {
		short, id, _ := strings.Cut(strings.TrimSuffix(o.Name, "]"), "[")
		switch {
		case strings.EqualFold(name, o.Name), name == id:
			return o, nil
		case plan.Called(short, name), strings.EqualFold(name, o.Table):
			hits = append(hits, o)
		}
	}
	var all []string
	for _, o := range j.Operators {
		all = append(all, o.Name)
	}
	switch len(hits) {
	case 1:
		return hits[0], nil
	case 0:
		e := diag.New(diag.NotFound, "no operator %q in the job", name)
		if s := diag.Suggest(name, all); s != "" {
			return nil, e.WithHint("did you mean %s", s)
		}
		return nil, e.WithHint("there are %s", strings.Join(all, ", "))
	}
	var names []string
	for _, o := range hits {
		names = append(names, o.Name)
	}
	return nil, diag.New(diag.NotFound, "%q may be %s", name, strings.Join(names, " or "))
}

// byUID finds an operator by what names it in the running job; guards of a sink count
// as the sink.
func (j *Job) byUID(uid string) *Operator {
	if o := j.uids[uid]; o != nil {
		return o
	}
	front, _, _ := strings.Cut(uid, "/")
	return j.uids[front]
}

// sink finds the operator of an output by its table, or the only one for "".
func (j *Job) sink(name string) (*Operator, error) {
	var all []*Operator
	var names []string
	for _, o := range j.Operators {
		if !o.sink {
			continue
		}
		if strings.EqualFold(o.Table, name) || strings.EqualFold(o.Name, name) {
			return o, nil
		}
		all, names = append(all, o), append(names, o.Table)
	}
	if name == "" && len(all) == 1 {
		return all[0], nil
	}
	return nil, diag.New(diag.NotFound, "no output %q in the job", name).WithHint("there %s %s", isAre(len(names)), strings.Join(names, ", "))
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
