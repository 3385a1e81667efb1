package harness

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// random names what draws random values in the jobs, or is "". Such values depend on the
// number of the step, so they are the same in equal runs only.
func (w *World) random() string {
	for _, j := range w.jobs {
		for _, n := range j.prepared.Plan.Nodes {
			c, ok := n.(*plan.Calc)
			if !ok {
				continue
			}
			for _, e := range append(slices.Clone(c.Exprs), c.Filter) {
				if e != nil && expr.Determinism(e) == function.PerCall {
					for _, l := range n.Info().Labels {
						return l.Reason
					}
				}
			}
		}
	}
	return ""
}

// checkState compares what an operator keeps with a bound.
func (r *Run) checkState(s *ExpectState) (*Mismatch, error) {
	var names []string
	found := false
	var have int64
	for _, jr := range r.jobs {
		found = found || jr.sim.Over() // a job that has ended keeps nothing
		for _, op := range jr.sim.State() {
			if len(op.Structures) > 0 {
				names = append(names, op.Name)
			}
			if !called(op.Name, s.Operator) {
				continue
			}
			found = true
			have += measure(op, s.Measure)
		}
	}
	if !found {
		e := s.Place.Fail(diag.NotFound, "no operator of the job is called %q", s.Operator)
		if len(names) == 0 {
			return nil, e.Hint("none keeps state")
		}
		return nil, e.Hint("these keep state: %s", strings.Join(names, ", "))
	}
	ok := map[string]bool{"<=": have <= s.Value, "<": have < s.Value, "=": have == s.Value, ">=": have >= s.Value, ">": have > s.Value}[s.Op]
	if ok {
		return nil, nil
	}
	return &Mismatch{Step: s, Message: fmt.Sprintf("%s keeps %d %s, which should be %s %d", s.Operator, have, s.Measure, s.Op, s.Value)}, nil
}

// called tells whether an operator's name is meant: letters and digits count, in any case,
// and a part is enough: window_agg is WindowAggregate.
func called(name, meant string) bool {
	plain := func(s string) string {
		return strings.Map(func(r rune) rune {
			switch {
			case r >= 'A' && r <= 'Z':
				return r + 'a' - 'A'
			case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
				return r
			}
			return -1
		}, s)
	}
	return strings.Contains(plain(name), plain(meant))
}

// measure is how much an operator keeps: keys, the entries of the structure that has the
// most, with those of all subtasks; entries, of all structures; bytes in memory.
func measure(op flow.OpState, what string) int64 {
	sums := map[string]int64{}
	var all, bytes, most int64
	for _, d := range op.Structures {
		if d.Kind == "value" || d.Kind == "counters" {
			continue
		}
		sums[d.Name] += d.Entries
		all += d.Entries
		bytes += d.MemBytes
		most = max(most, sums[d.Name])
	}
	switch what {
	case "bytes":
		return bytes
	case "entries":
		return all
	}
	return most
}

// checkNoRows runs a property: a query in batch mode over what the sinks hold and the
// tables were given.
func (r *Run) checkNoRows(s *ExpectNoRows) (*Mismatch, error) {
	k := &Case{Cassette: r.World.cassette, Scripts: []Source{s.Query}, Settings: map[string]string{"execution.runtime-mode": "BATCH"}}
	var tables []*held
	for _, sink := range r.World.sinks {
		if sink.name == "" {
			continue
		}
		rows, err := sink.table(sink.kept.changes())
		if err != nil {
			return nil, err
		}
		tables = append(tables, &held{sink.path, sink.schema, gather(rows)})
	}
	for _, in := range r.World.inlets {
		if !slices.ContainsFunc(tables, func(t *held) bool { return slices.Equal(t.path, in.path) }) {
			rows, err := in.holds(&r.World.values)
			if err != nil {
				return nil, err
			}
			tables = append(tables, &held{in.path, in.schema, rows})
		}
	}
	ddl := ""
	for _, t := range tables {
		ddl += t.create()
	}
	k.Scripts = slices.Insert(k.Scripts, 0, Source{Name: "tables", Text: ddl})
	w, err := newWorld(k, &Options{Register: r.World.options.Register, Cassettes: r.World.options.Cassettes, Providers: r.World.options.Providers, Connectors: []*connect.Connector{heldConnector}, Zone: r.World.options.Zone}, shape{parallelism: 1})
	if err != nil {
		return nil, err
	}
	defer w.close()
	if w.failed != nil {
		return nil, w.failed
	}
	if len(w.sinks) != 1 || w.sinks[0].name != "" {
		return nil, s.Place.Fail(diag.InvalidQuery, "a property is one query").Hint("write a SELECT that must return no row")
	}
	quiet := plain
	quiet.BatchRows = 0
	run, err := w.start(k, quiet)
	if err != nil {
		return nil, err
	}
	defer run.Close()
	for _, t := range tables {
		for _, in := range w.inlets {
			if in.short() == t.path[len(t.path)-1] {
				for _, b := range t.rows {
					run.event(in, 0, event{kind: eventRows, rows: b})
				}
			}
		}
	}
	if err := run.endBounded(); err != nil {
		return nil, err
	}
	out := w.sinks[0]
	rows, err := out.table(out.kept.changes())
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	at := make([]int, len(out.schema))
	for i := range at {
		at[i] = i
	}
	have := lines(rows[:min(len(rows), propertyRowsMax)], at, false)
	if more := len(rows) - len(have); more > 0 {
		have = append(have, fmt.Sprintf("... and %d more", more))
	}
	return &Mismatch{Step: s, Message: "the property does not hold: the query returns rows", Want: []string{}, Have: have, Names: out.schema.Names()}, nil
}

// propertyRowsMax is how many rows against a property are shown.
const propertyRowsMax = 20

// held is a table with its rows.
type held struct {
	path   []string
	schema types.Schema
	rows   []*batch.Batch
}

// create declares the table for a query.
func (t *held) create() string {
	cols := make([]string, len(t.schema))
	for i, f := range t.schema {
		cols[i] = "`" + f.Name + "` " + f.Type.Plain().Nullable(true).String()
	}
	return "CREATE TEMPORARY TABLE `" + t.path[len(t.path)-1] + "` (" + strings.Join(cols, ", ") + ") WITH ('connector' = 'held');\n"
}

// heldConnector has tables whose rows are given; it is wrapped as all others are.
var heldConnector = &connect.Connector{
	Name: "held", Summary: "Tables of a property.",
	Source: func(*connect.Table) (connect.Source, error) { return standInSource{changes: connect.AppendOnly}, nil },
}

// gather makes batches of rows.
func gather(rows []change) []*batch.Batch {
	var out []*batch.Batch
	for part := range slices.Chunk(rows, batch.MaxRows) {
		b := &batch.Batch{}
		for _, c := range part {
			b.Append(c.batch, []uint16{uint16(c.lane)})
		}
		b.Kinds = nil
		out = append(out, b)
	}
	return out
}

// holds is the table that what was given adds up to.
func (in *inlet) holds(v *values) ([]*batch.Batch, error) {
	all := &outlet{key: in.key}
	if in.changes&connect.HasUpdateAfter != 0 && in.changes&connect.HasUpdateBefore == 0 {
		all.upsert = in.key
	}
	var list []change
	for _, l := range in.lanes {
		for _, e := range l.events {
			if e.kind != eventRows {
				continue
			}
			for i := range e.rows.Rows() {
				c := change{kind: e.rows.Kind(i), cells: make([]string, len(e.rows.Cols)), batch: e.rows, lane: i}
				for k := range e.rows.Cols {
					c.cells[k] = v.text(&e.rows.Cols[k], i)
				}
				list = append(list, c)
			}
		}
	}
	rows, err := all.table(list)
	return gather(rows), err
}
