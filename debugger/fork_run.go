package debugger

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/fork"
	"github.com/minkstream/mink/engine/plan"
)

// Future is how a fork went on.
type Future struct {
	// Mapping is what of the state it went on from.
	Mapping *Mapping

	outputs map[string]*Output
	states  map[string]*fork.Table // at the end, by operator and structure
	failed  error
}

// Output is what reached a sink.
type Output struct {
	Table *fork.Table
	// rows that reached it behind the fork, and the first of them as text.
	rows  int64
	lines []string
}

// linesMax is how many rows of an output are compared in their order.
const linesMax = 100_000

// outputs collects what reaches the sinks of a job.
type outputs struct {
	watchNone
	ops    map[string]*Operator
	tables map[string]*Output
	zone   *time.Location
	past   bool
}

func newOutputs(ops []*Operator, zone *time.Location, past map[string]*Output) *outputs {
	x := &outputs{ops: map[string]*Operator{}, tables: map[string]*Output{}, zone: zone, past: past == nil}
	for _, o := range ops {
		if !o.sink {
			continue
		}
		x.ops[o.uid] = o
		var key []int
		if s, ok := o.Node.(*plan.Sink); ok && s.Target&connect.HasUpdateBefore == 0 && s.Target&connect.HasUpdateAfter != 0 {
			key = s.PrimaryKey
		}
		out := &Output{Table: fork.NewTable(o.Table, o.Schema(), key)}
		if was := past[o.Table]; was != nil && slices.Equal(was.Table.Schema.Names(), o.Schema().Names()) && slices.Equal(was.Table.Key, key) {
			out.Table = was.Table.Clone()
		}
		x.tables[o.Table] = out
	}
	return x
}

// Took takes the rows of sinks.
func (x *outputs) Took(at flow.Place, _ int, b *batch.Batch) {
	o := x.ops[at.UID]
	if o == nil || b.Rows() == 0 {
		return
	}
	out := x.tables[o.Table]
	b = b.Filled(o.Schema().Types())
	out.Table.Apply(b, x.zone)
	if x.past {
		return
	}
	for i := range b.Rows() {
		if out.rows++; out.rows <= linesMax {
			l := b.Lane(i)
			out.lines = append(out.lines, b.Kind(l).String()+" "+strings.ReplaceAll(rowText(Row{Schema: o.Schema(), Batch: b, Lane: l}, len(o.Schema())), "\x00", " | "))
		}
	}
}

// Run goes on to the end of the inputs, once; later calls give the same.
func (f *Fork) Run(ctx context.Context) (*Future, error) {
	if f.future != nil {
		return f.future, nil
	}
	b, err := f.start(ctx)
	if err != nil {
		return nil, err
	}
	p, err := f.plans(ctx)
	if err != nil {
		return nil, err
	}
	out := newOutputs(p.ops, p.zone, b.past)
	br, m, err := f.branch(ctx, p, out)
	if err != nil {
		return nil, err
	}
	defer br.Close()
	u := &Future{Mapping: m, outputs: out.tables, states: map[string]*fork.Table{}}
	u.failed = br.Run(func() bool { return ctx.Err() != nil })
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err := f.statesOf(br, p, u); err != nil {
		return nil, err
	}
	f.future = u
	return u, nil
}

// statesOf looks at the state that is left at the end.
func (f *Fork) statesOf(br *flow.Branch, p *planned, u *Future) error {
	names := map[string]string{} // by UID: what the other future calls it
	for _, o := range f.j.Operators {
		names[o.uid] = o.Name
	}
	for _, o := range p.ops {
		name := o.Name
		if was := u.Mapping.of[o.uid]; was != "" {
			name = names[was]
		}
		err := br.Each(o.uid, func(sub int, op exec.Operator, c *exec.Ctx) error {
			for _, x := range exec.LookState(op, c, stateRowsMax) {
				if x.Kind == "counters" || x.Kind == "value" {
					continue
				}
				st := o.table(x, sub)
				key := name + "." + st.Name
				if u.states[key] == nil {
					u.states[key] = fork.NewTable(key, st.Schema, nil)
				}
				if len(st.Rows) > 0 {
					u.states[key].Apply(st.Rows[0].Batch, p.zone)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Difference is in what two futures differ.
type Difference struct {
	A string `json:"a"`
	B string `json:"b"`
	// Failed says how a future ended that did not come to its end.
	FailedA string `json:"failed_a,omitempty"`
	FailedB string `json:"failed_b,omitempty"`
	// Outputs, by table: the rows that reached a sink behind the place where the futures
	// part, in their order, and the tables at the end.
	Outputs []OutputDifference `json:"outputs"`
	// States are the structures of operators whose content differs at the end.
	States []TableDifference `json:"states"`
}

// OutputDifference is that of a sink.
type OutputDifference struct {
	// First is the first row, from 1, that is another; 0 for none. A and B are the rows.
	First int64  `json:"first,omitempty"`
	A     string `json:"a,omitempty"`
	B     string `json:"b,omitempty"`
	// RowsA and RowsB are how many rows reached the sink.
	RowsA int64           `json:"rows_a"`
	RowsB int64           `json:"rows_b"`
	Final TableDifference `json:"final"`
}

// TableDifference is that of two tables: rows that one has more often than the other.
type TableDifference struct {
	Name    string        `json:"name"`
	Columns []string      `json:"columns"`
	RowsA   int           `json:"rows_a"`
	RowsB   int           `json:"rows_b"`
	Changes []fork.Change `json:"changes"`
}

// Diff runs two forks of a job and compares them.
func (j *Job) Diff(ctx context.Context, a, b *Fork) (*Difference, error) {
	if a.at != b.at {
		return nil, diag.New(diag.Config, "%s leaves the tape at %s and %s at %s", a.Name, a.At, b.Name, b.At).
			WithHint("futures are compared that part at one place")
	}
	x, err := a.Run(ctx)
	if err != nil {
		return nil, err
	}
	y, err := b.Run(ctx)
	if err != nil {
		return nil, err
	}
	d := &Difference{A: a.Name, B: b.Name, FailedA: textOf(x.failed), FailedB: textOf(y.failed)}
	for _, name := range both(x.outputs, y.outputs) {
		d.Outputs = append(d.Outputs, outputDifference(name, x.outputs[name], y.outputs[name]))
	}
	for _, name := range both(x.states, y.states) {
		if t := tableDifference(name, x.states[name], y.states[name]); len(t.Changes) > 0 {
			d.States = append(d.States, t)
		}
	}
	return d, nil
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// both are the names of two maps, in order.
func both[T any](a, b map[string]T) []string {
	out := sortedKeys(a)
	for _, k := range sortedKeys(b) {
		if !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

func outputDifference(name string, a, b *Output) OutputDifference {
	none := &Output{}
	if a == nil {
		a = none
	}
	if b == nil {
		b = none
	}
	d := OutputDifference{RowsA: a.rows, RowsB: b.rows, Final: tableDifference(name, a.Table, b.Table)}
	for i := range max(len(a.lines), len(b.lines)) {
		var x, y string
		if i < len(a.lines) {
			x = a.lines[i]
		}
		if i < len(b.lines) {
			y = b.lines[i]
		}
		if x != y {
			d.First, d.A, d.B = int64(i)+1, x, y
			break
		}
	}
	return d
}

func tableDifference(name string, a, b *fork.Table) TableDifference {
	like := a
	if like == nil {
		like = b
	}
	if a == nil {
		a = fork.NewTable(name, like.Schema, nil)
	}
	if b == nil {
		b = fork.NewTable(name, like.Schema, nil)
	}
	return TableDifference{Name: name, Columns: like.Schema.Names(), RowsA: a.Rows(), RowsB: b.Rows(), Changes: fork.Compare(a, b)}
}

// Against says what of the state at the cursor another script would keep, by restoring it.
func (j *Job) Against(ctx context.Context, script string) (*Mapping, error) {
	f, err := j.Fork("against")
	if err != nil {
		return nil, err
	}
	f.script, f.idle = script, true
	p, err := f.plans(ctx)
	if err != nil {
		return nil, err
	}
	br, m, err := f.branch(ctx, p, nil)
	if err != nil {
		return nil, err
	}
	br.Close()
	return m, nil
}

func noSplits(*flow.Vertex) ([]connect.Split, error) { return nil, nil }

// SeekLastRead goes to the last step in which a source gave rows.
func (j *Job) SeekLastRead(ctx context.Context) (Stop, error) {
	if _, err := j.Seek(ctx, AtEnd); err != nil {
		return Stop{}, err
	}
	for i := len(j.line); i > 0; i-- {
		if len(j.line[i-1].reads) > 0 {
			if err := j.into(ctx, int64(i)); err != nil {
				return Stop{}, err
			}
			return j.stop("moved"), nil
		}
	}
	return Stop{}, diag.New(diag.NotFound, "the job has read nothing")
}

// AgainstTape says in what the tables of a fork at the end differ from those of the run
// that was recorded.
func (f *Fork) AgainstTape(ctx context.Context) ([]TableDifference, error) {
	u, err := f.Run(ctx)
	if err != nil {
		return nil, err
	}
	if u.failed != nil {
		return nil, u.failed
	}
	out := newOutputs(f.j.Operators, f.j.Zone, nil)
	s := f.j.Tape.Stepper(out)
	defer s.Close()
	for n, more := 0, true; more; n++ {
		if n&63 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if _, more, err = s.Next(); err != nil {
			return nil, err
		}
	}
	var all []TableDifference
	for _, name := range both(out.tables, u.outputs) {
		var was, now *fork.Table
		if t := out.tables[name]; t != nil {
			was = t.Table
		}
		if t := u.outputs[name]; t != nil {
			now = t.Table
		}
		all = append(all, tableDifference(name, was, now))
	}
	return all, nil
}
