package debugger

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/fork"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/sql/parse"
)

// Fork is another future of a job: from a place on the tape it goes on over what the
// sources gave from there on, with something changed. Without a change it is the future
// that others are compared with.
//
// What lay in channels at the place is passed through before, so state and outputs are
// those of all rows that had been read. A fork runs on one goroutine; its clock stands
// still as long as something can be done, and functions and tables outside are asked
// anew.
type Fork struct {
	Name string `json:"name"`
	// At is where it leaves the tape.
	At    Position `json:"at"`
	Edits []Edit   `json:"edits"`

	j  *Job
	at int64 // steps before it

	script string // another one, or ""
	idle   bool   // it will not run
	base   *base
	future *Future
}

// base is what a job holds at a place, with what it had given up to there.
type base struct {
	saved *flow.Saved
	// read is how many rows of each split had been read, by source and split.
	read map[[2]string]int64
	past map[string]*Output
}

// Fork makes another future from the cursor on. Within a step it leaves the tape before
// the step.
func (j *Job) Fork(name string) (*Fork, error) {
	at := j.at
	if j.record > 0 {
		at--
	}
	if at < 1 {
		return nil, diag.New(diag.NotFound, "nothing has happened yet").WithHint("step first, or goto a position")
	}
	return &Fork{Name: name, j: j, at: at, At: j.line[at-1].Position}, nil
}

// bases are kept for forks from one place.
func (f *Fork) start(ctx context.Context) (*base, error) {
	if f.base != nil {
		return f.base, nil
	}
	if b := f.j.bases[f.at]; b != nil {
		f.base = b
		return b, nil
	}
	out := newOutputs(f.j.Operators, f.j.Zone, nil)
	e := newEyes(f.j)
	e.listener = out
	s := f.j.Tape.Stepper(e)
	e.restored = s.Restored
	defer s.Close()
	for n := int64(0); n < f.at; n++ {
		if n&63 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		e.begin(false)
		ev, more, err := s.Next()
		if err != nil {
			return nil, err
		}
		if !more {
			return nil, diag.New(diag.NotFound, "the tape ends before %s", f.At)
		}
		e.end(ev)
	}
	read := e.keep().read
	saved, err := s.Save()
	if err != nil {
		return nil, err
	}
	f.base = &base{saved: saved, read: read, past: out.tables}
	if f.j.bases == nil {
		f.j.bases = map[int64]*base{}
	}
	f.j.bases[f.at] = f.base
	return f.base, nil
}

// planned is a job of a script that is not run.
type planned struct {
	plan  *plan.Physical
	graph *flow.Graph
	zone  *time.Location
	ops   []*Operator
}

// errPlanned ends the start of a job that was to be planned alone.
var errPlanned = errors.New("the job is planned")

// ScriptError is a mistake in the script of a fork.
type ScriptError struct {
	Err error
	// At is where its statement begins in Text.
	At   int
	Text string
}

func (e *ScriptError) Error() string { return e.Err.Error() }

// Unwrap is the mistake.
func (e *ScriptError) Unwrap() error { return e.Err }

// planScript plans the statements of a script over the tape's settings and gives the
// jobs that they would begin.
func (d *Debugger) planScript(ctx context.Context, script string) (jobs []planned, err error) {
	cfg := d.cfg
	cfg.Record, cfg.Replay, cfg.Held = nil, nil, nil
	cfg.Edit = func(p *plan.Physical, g *flow.Graph, zone *time.Location) error {
		jobs = append(jobs, planned{p, g, zone, operators(p)})
		return errPlanned
	}
	e, err := engine.New(cfg)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	if d.setup != nil {
		if err := d.setup(e); err != nil {
			return nil, err
		}
	}
	s := e.NewSession()
	for _, k := range sortedKeys(d.Tape.Manifest.Settings) {
		if err := s.Set(k, d.Tape.Manifest.Settings[k]); err != nil {
			return nil, err
		}
	}
	for _, it := range parse.Script(script) {
		if it.Err != nil {
			return nil, &ScriptError{Err: it.Err, Text: script}
		}
		n := len(jobs)
		if _, err := s.Execute(ctx, script[it.Span.Start:it.Span.End]); err != nil && len(jobs) == n {
			return nil, &ScriptError{err, it.Span.Start, script}
		}
	}
	return jobs, nil
}

// plans gives what the fork runs: the tape's job, or that of its own script which stands
// at the same place.
func (f *Fork) plans(ctx context.Context) (*planned, error) {
	if f.script == "" {
		g := *f.j.Tape.Graph()
		g.Vertices = nil
		for _, v := range f.j.Tape.Graph().Vertices {
			own := *v
			g.Vertices = append(g.Vertices, &own)
		}
		return &planned{f.j.Plan, &g, f.j.Zone, f.j.Operators}, nil
	}
	jobs, err := f.j.d.planScript(ctx, f.script)
	if err != nil {
		return nil, err
	}
	k := f.j.Number
	if len(jobs) == 1 {
		k = 0
	}
	if k >= len(jobs) {
		return nil, diag.New(diag.NotFound, "the script has %d jobs, and this is job %d of the tape", len(jobs), f.j.Number+1)
	}
	return &jobs[k], nil
}

// branch makes the run of a fork, with its state in place.
func (f *Fork) branch(ctx context.Context, p *planned, watch flow.Watcher) (*flow.Branch, *Mapping, error) {
	b, err := f.start(ctx)
	if err != nil {
		return nil, nil, err
	}
	d := f.j.d
	in, err := fork.Open(d.Tape)
	if err != nil {
		return nil, nil, err
	}
	in.Change, in.Raise = f.change, f.raised()
	if !f.idle {
		err = in.Edit(p.plan, p.graph)
	}
	if err != nil {
		return nil, nil, err
	}
	if err := f.editWatermarks(p); err != nil {
		return nil, nil, err
	}
	m, err := f.mapping(b, p)
	if err != nil {
		return nil, nil, err
	}
	how := flow.Branching{Graph: p.graph, Of: m.of, Names: m.names, Watch: watch, Splits: func(v *flow.Vertex) ([]connect.Split, error) {
		if v.Source == nil || f.idle {
			return nil, nil
		}
		splits, err := v.Source.Source.Splits(v.Parallelism)
		for i := range splits {
			if n := b.read[[2]string{m.of[v.UID], splits[i].ID}]; n > 0 {
				splits[i].Pos = binary.AppendUvarint(nil, uint64(n))
			}
		}
		return splits, err
	}}
	br, err := f.j.Tape.Branch(b.saved, how)
	if err != nil {
		return nil, nil, err
	}
	m.found(br.Structures())
	if err := f.editState(br, p); err != nil {
		br.Close()
		return nil, nil, err
	}
	return br, m, nil
}

// Unchanged is the future without changes that leaves the tape where f does.
func (f *Fork) Unchanged(name string) *Fork {
	return &Fork{Name: name, j: f.j, at: f.at, At: f.At, base: f.base}
}
