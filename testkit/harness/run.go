package harness

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/cover"
)

// Run is one run of a world under a schedule: every job of the scripts on a simulation of
// its own, one step of the case after the other.
type Run struct {
	World    *World
	Schedule Schedule
	jobs     []*jobRun
	wall     int64 // milliseconds
	turn     int   // of the newest input
	opened   bool  // the turn at hand takes more input
	// seen is how many changes of each sink were looked at.
	seen map[*outlet]int
	// steps of the simulation that all jobs took.
	steps int
	// taped is what kept the tape from being whole.
	taped error
}

// jobRun is a job in a run.
type jobRun struct {
	run  *Run
	job  *job
	sim  *flow.Sim
	flow *flow.Job
	// gate is the newest turn whose input may be read.
	gate   int
	rows   int // given out, those read again included
	faults []Fault
	wait   int // steps until the fault at hand
	disk   *env.MemDisk
	before int // steps of earlier simulations
	// since are the steps since the newest checkpoint was asked for, and covered the rows
	// that had been taken then.
	since, covered int
	// waits is how often sources may still give nothing while they wait for a checkpoint.
	waits int
	// watch counts what the job reaches; nil for none.
	watch *cover.Watch
}

// start begins a run.
func (w *World) start(c *Case, s Schedule) (*Run, error) {
	r := &Run{World: w, Schedule: s, wall: c.start().UnixMilli(), seen: map[*outlet]int{}}
	w.run = r
	for _, in := range w.inlets {
		in.ended = false
		n := len(in.lanes)
		in.lanes = nil
		in.lane(max(0, n-1))
	}
	for _, s := range w.sinks {
		s.kept = &kept{}
	}
	if err := w.splits(c); err != nil {
		return nil, err
	}
	for _, j := range w.jobs {
		for _, f := range j.feeds {
			f.readers = nil
		}
		jr := &jobRun{run: r, job: j, faults: slices.Clone(s.Faults)}
		r.jobs = append(r.jobs, jr)
		if err := jr.begin(j.prepared); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// splits makes the lanes that the steps of a case name.
func (w *World) splits(c *Case) error {
	for _, s := range c.Steps {
		table, split := "", 0
		switch s := s.(type) {
		case *Give:
			table, split = s.Table, s.Split
		case *Watermark:
			table, split = s.Table, max(0, s.Split)
		case *Idle:
			table, split = s.Table, max(0, s.Split)
		default:
			continue
		}
		in, err := w.source(s.Where(), table)
		if err != nil {
			return err
		}
		in.lane(split)
	}
	return nil
}

// begin starts the job's simulation.
func (jr *jobRun) begin(p *engine.Prepared) error {
	s, g, cfg := &jr.run.Schedule, p.Graph, p.Config
	cfg.Late = jr.job.prepared.Config.Late
	jr.cover(p, &cfg)
	jr.sim = flow.NewSim(flow.SimOptions{
		Seed: s.Seed, Nodes: s.Nodes, Policy: s.Policy, Plant: jr.run.World.options.Plant, Delay: s.Delay, Disk: s.Delay, Duplicate: s.Duplicate, Held: true, Start: jr.run.wall,
		MaxSteps: 1 << 24, On: jr.disk,
	})
	jr.disk = jr.sim.Disk
	if again := jr.job.at[other(s.Parallelism)]; s.Rescale && again != nil && len(again.Graph.Vertices) == len(g.Vertices) {
		first := true
		jr.sim.Reshape = func() *flow.Graph {
			if first {
				first = false
				return g
			}
			return again.Graph
		}
	}
	cfg.JobID, cfg.Name, cfg.Dir = "job", "job", "/checkpoints"
	cfg.Restart, cfg.Restore, cfg.Seed, cfg.SpillDir = flow.Restart{}, "", testSeed, ""
	cfg.CheckpointTimeout, cfg.CheckpointMinPause = 0, 0
	cfg.CheckpointInterval = 1000 * time.Hour // only those that are asked for
	var err error
	if jr.flow, err = jr.sim.Submit(g, cfg); err != nil {
		return err
	}
	return jr.settle(jr.run.turn)
}

// testSeed is the seed of random functions: the same in all runs.
const testSeed = 1

// waitsMax is how often sources give nothing for a checkpoint, which may not come at all.
const waitsMax = 200

// given notes rows that the job has taken.
func (jr *jobRun) given(n int) { jr.rows += n }

// disturb takes checkpoints after some steps, as long as there are new rows, and lets the
// next fault happen when its time has come.
func (jr *jobRun) disturb() error {
	if n := jr.run.Schedule.Checkpoints; n > 0 && jr.rows > jr.covered {
		if jr.since++; jr.since >= n {
			jr.since, jr.covered = 0, jr.rows
			if jr.sim.Trigger() && jr.run.Schedule.Amid {
				jr.waits = waitsMax
			}
		}
	}
	if len(jr.faults) == 0 || jr.rows < jr.faults[0].Row {
		return nil
	}
	f := jr.faults[0]
	if jr.run.Schedule.Amid && jr.sim.Took() == 0 {
		return nil // there would be nothing to go back to but the beginning
	}
	if jr.wait++; jr.wait <= f.Steps {
		return nil
	}
	jr.now(f)
	return nil
}

func (jr *jobRun) now(f Fault) {
	jr.faults, jr.wait = jr.faults[1:], 0
	jr.sim.Strike(flow.SimFault{Kind: f.Kind, Node: f.Node, Until: f.Until})
}

// settle works off the input up to a turn, step by step of the case, also when a crash
// has taken the job back.
func (jr *jobRun) settle(turn int) error {
	first := jr.sim.Attempt()
	for {
		if err := jr.sim.Again(first); err != nil {
			return err
		}
		if err := jr.sim.Quiet(jr.disturb); err != nil {
			if diag.CodeOf(err) == diag.Endless {
				return err
			}
			return diag.Wrap(diag.JobFailed, err, "the simulation ended")
		}
		if jr.watch != nil {
			jr.watch.State(jr.sim.State())
		}
		switch {
		case jr.sim.Over():
			return jr.flow.Err()
		case len(jr.faults) > 0 && jr.rows >= jr.faults[0].Row:
			jr.now(jr.faults[0]) // nothing more would happen before it
			continue
		case jr.gate >= turn:
			return nil
		}
		jr.gate++
		for _, f := range jr.job.feeds {
			for _, r := range f.readers {
				if e := r.next(); !r.closed && e != nil && e.turn <= jr.gate {
					r.wake()
				}
			}
		}
	}
}

// settle works off all input.
func (r *Run) settle() error {
	for _, jr := range r.jobs {
		if err := jr.settle(r.turn); err != nil {
			return jr.failed(err)
		}
	}
	return nil
}

// failed gives an error of a running job the text of its statement.
func (jr *jobRun) failed(err error) error {
	e := diag.As(err)
	if e == nil {
		e = diag.Wrap(diag.JobFailed, err, "the job failed")
	}
	return &Error{Source: jr.job.source, Err: e, Ran: true, job: jr.job.number}
}

// Do takes steps that give input, move time or disturb the job. Steps of one call that
// give input reach the job together where the schedule says that rows of different tables
// meet in any order.
func (r *Run) Do(steps ...Step) error {
	r.opened = false
	steps, err := r.World.generated(steps, time.UnixMilli(r.wall).UTC(), 0)
	if err != nil {
		return err
	}
	for _, s := range steps {
		var err error
		switch s := s.(type) {
		case *Give:
			err = r.give(s)
		case *Watermark:
			err = r.watermark(s)
		case *Idle:
			err = r.idle(s)
		case *End:
			err = r.end(s)
		default:
			if err = r.settle(); err == nil {
				err = r.happen(s)
			}
			if err != nil {
				return err
			}
			r.opened = false
			continue
		}
		if err != nil {
			return err
		}
		if !r.Schedule.Free {
			if err := r.settle(); err != nil {
				return err
			}
		}
	}
	return r.settle()
}

// happen takes steps that concern the job as a whole.
func (r *Run) happen(s Step) error {
	switch s := s.(type) {
	case *Clock:
		return r.clock(s)
	case *TakeCheckpoint:
		return r.each(func(jr *jobRun) error { return jr.sim.Checkpoint() })
	case *Kill:
		return r.each(func(jr *jobRun) error {
			jr.sim.Strike(flow.SimFault{Kind: flow.FaultNode})
			return jr.settle(r.turn)
		})
	case *Disturb:
		kind, ok := disturbances[s.Fault]
		if !ok {
			return s.Place.Fail(diag.InvalidArgument, "no fault %q", s.Fault).Hint("one of %s", strings.Join(slices.Sorted(maps.Keys(disturbances)), ", "))
		}
		return r.each(func(jr *jobRun) error {
			jr.sim.Strike(flow.SimFault{Kind: kind, Until: 10 * time.Millisecond})
			return jr.settle(r.turn)
		})
	case *Restore:
		return r.each(func(jr *jobRun) error { return jr.restore(s.Parallelism) })
	}
	return s.Where().Fail(diag.Internal, "%s is no step of a run", describe(s))
}

func (r *Run) each(f func(*jobRun) error) error {
	for _, jr := range r.jobs {
		if jr.sim.Over() {
			continue
		}
		if err := f(jr); err != nil {
			return jr.failed(err)
		}
	}
	return nil
}

// restore takes a checkpoint and goes on from it in a new simulation.
func (jr *jobRun) restore(parallelism int) error {
	if err := jr.sim.Checkpoint(); err != nil {
		return err
	}
	jr.before += jr.sim.Steps()
	jr.run.closeTape(jr)
	jr.sim.Abandon()
	jr.uncover()
	p := jr.job.at[parallelism]
	if p == nil {
		p = jr.job.prepared
	}
	return jr.begin(p)
}

// event adds an event to lanes of a table and opens its turn.
func (r *Run) event(in *inlet, split int, e event) {
	if !r.Schedule.Free || !r.opened {
		r.turn++
	}
	r.opened = true
	e.turn = r.turn
	for i, l := range in.lanes {
		if split == AllSplits || i == split {
			own := e
			l.events = append(l.events, &own)
		}
	}
}

// open finds a table that may still be given something.
func (r *Run) open(p Place, table string, split int) (*inlet, error) {
	in, err := r.World.source(p, table)
	if err != nil {
		return nil, err
	}
	if in.ended {
		return nil, p.Fail(diag.InvalidArgument, "table %s has ended", in.short()).Hint("put the step before @end")
	}
	if split >= len(in.lanes) {
		return nil, p.Fail(diag.InvalidArgument, "table %s has no split %d", in.short(), split).Hint("splits are numbered from 0; a given that names one makes it")
	}
	return in, nil
}

func (r *Run) give(s *Give) error {
	in, err := r.open(s.Place, s.Table, s.Split)
	if err != nil {
		return err
	}
	for i := range s.Rows {
		if err := in.check(s.Place, &s.Rows[i]); err != nil {
			return err
		}
	}
	for rows := range slices.Chunk(s.Rows, batch.MaxRows) {
		b, err := r.World.rows(s, in, rows)
		if err != nil {
			return err
		}
		r.event(in, s.Split, event{kind: eventRows, rows: b})
	}
	return nil
}

// rows turns the rows of a step into columns, once for all runs of the world.
func (w *World) rows(s *Give, in *inlet, rows []Row) (*batch.Batch, error) {
	key := &rows[0]
	if b := w.batches[key]; b != nil && b.N == len(rows) {
		return b, nil
	}
	header := s.Header
	if header == nil {
		header = make([]Cell, in.physical)
		for i := range header {
			header[i] = Cell{Text: in.schema[i].Name, Span: s.Place.Span}
		}
	}
	b, err := w.values.rows(s.Place, in.schema, header, rows, "table "+in.short())
	if err == nil {
		w.batches[key] = b
	}
	return b, err
}

func (r *Run) watermark(s *Watermark) error {
	in, err := r.open(s.Place, s.Table, s.Split)
	if err != nil {
		return err
	}
	ms, err := r.World.millis(s.Place, s.Time)
	if err != nil {
		return err
	}
	r.event(in, s.Split, event{kind: eventWatermark, wm: ms})
	return nil
}

func (r *Run) idle(s *Idle) error {
	in, err := r.open(s.Place, s.Table, s.Split)
	if err == nil {
		r.event(in, s.Split, event{kind: eventIdle})
	}
	return err
}

func (r *Run) end(s *End) error {
	for _, in := range r.World.inlets {
		if s.Table != "" && !matches(in.path, s.Table) || in.ended {
			continue
		}
		r.event(in, AllSplits, event{kind: eventEnd})
		in.ended = true
	}
	if s.Table != "" {
		_, err := r.World.source(s.Place, s.Table)
		return err
	}
	return nil
}

// endBounded ends the tables that end by themselves in production.
func (r *Run) endBounded() error {
	for _, in := range r.World.inlets {
		if in.bounded && !in.ended {
			r.event(in, AllSplits, event{kind: eventEnd})
			in.ended = true
		}
	}
	return r.settle()
}

func (r *Run) clock(s *Clock) error {
	to := r.wall + s.By.Milliseconds()
	if s.By == 0 {
		var err error
		if to, err = r.World.millis(s.Place, s.To); err != nil {
			return err
		}
	}
	if to < r.wall {
		return s.Place.Fail(diag.InvalidArgument, "the clock cannot go back: it is %s", r.World.instant(r.wall))
	}
	r.wall = to
	r.World.clock.now = to
	return r.each(func(jr *jobRun) error {
		if len(r.Schedule.Faults) > 0 {
			// What a crash takes back is done again at the same time of the clock.
			if err := jr.sim.Checkpoint(); err != nil {
				return err
			}
		}
		if err := jr.sim.Advance(to); err != nil {
			return err
		}
		return jr.settle(r.turn)
	})
}

// millis reads a time: of a day, or with its date.
func (w *World) millis(p Place, c Cell) (int64, error) {
	t := types.TimestampT(3)
	ms, ok := kernel.ParseTimestamp([]byte(w.values.full(t, c.Text)), 1000)
	if !ok {
		p.Span = c.Span
		return 0, p.Fail(diag.InvalidLiteral, "%q is no time", c.Text).Hint("write '11:54:00', which is on %sor '2024-05-01 11:54:00'", w.values.day)
	}
	return ms, nil
}

func (w *World) instant(ms int64) string {
	return w.values.brief(string(kernel.AppendTimestamp(nil, ms, types.TimestampT(3))))
}

// Close ends the run.
func (r *Run) Close() {
	r.steps = 0
	for _, jr := range r.jobs {
		r.steps += jr.before + jr.sim.Steps()
		r.closeTape(jr)
		jr.sim.Abandon()
		jr.uncover()
	}
	r.World.run = nil
}

// closeTape writes the rest of what the job of a simulation has done.
func (r *Run) closeTape(jr *jobRun) {
	if jr.job.prepared.Config.Record.To != nil {
		r.taped = errors.Join(r.taped, jr.flow.CloseTape())
	}
}

// watermarks tells how far event time is at each table, for messages.
func (r *Run) watermarks() string {
	out := ""
	for _, in := range r.World.inlets {
		wm := int64(batch.NoWatermark)
		for _, jr := range r.jobs {
			for _, t := range jr.flow.Status().Tasks {
				for _, op := range t.Ops {
					if op.Node < 0 && op.Name == in.short() {
						wm = max(wm, op.Watermark)
					}
				}
			}
		}
		if wm == batch.NoWatermark || wm == batch.MaxWatermark {
			continue
		}
		if out != "" {
			out += ", "
		}
		out += in.short() + " " + r.World.instant(wm)
	}
	return out
}
