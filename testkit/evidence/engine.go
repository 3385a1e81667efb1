package evidence

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/connectors"
	generator "github.com/minkstream/mink/connectors/nexmark"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/testkit/nexmark"
)

// trial is a query over an input, and what must come out.
type trial struct {
	query  nexmark.Query
	events int
	seed   uint64 // of the input
	want   nexmark.Result
}

// draw draws a trial.
func draw(r *rand.Rand, most int) (trial, error) {
	var list []nexmark.Query
	for _, q := range nexmark.Queries() {
		if q.Skip == "" && q.Check == nexmark.Exact {
			list = append(list, q)
		}
	}
	t := trial{query: list[r.IntN(len(list))], events: 200 + r.IntN(most), seed: r.Uint64N(1 << 40)}
	cfg := generator.Defaults()
	cfg.Seed, cfg.Events, cfg.Rate = t.seed, uint64(t.events), t.rate()
	events, err := nexmark.Events(cfg, t.events)
	if err != nil {
		return t, err
	}
	rows, ok := nexmark.Naive(t.query.Name, events)
	if !ok {
		return t, fmt.Errorf("%s is not computed apart", t.query.Name)
	}
	t.want = nexmark.Checksum(rows)
	return t, nil
}

// rate is the number of events in a second of event time: so few that windows close within
// a short input.
func (t *trial) rate() uint64 { return 50 }

func (t *trial) String() string {
	return fmt.Sprintf("%s over %d events of seed %d", t.query.Name, t.events, t.seed)
}

// running is an engine with a session in which all statements of a trial but the query ran.
type running struct {
	trial
	engine   *engine.Engine
	session  *engine.Session
	verifier *nexmark.Verifier
	insert   string
}

const sideFile = "/side.csv"

func (t *trial) begin(e *env.Env, settings map[string]string) (*running, error) {
	w, err := e.Disk.Create(sideFile)
	if err == nil {
		_, err = w.Write(nexmark.SideInput())
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, err
	}
	r := &running{trial: *t, verifier: nexmark.NewVerifier()}
	r.engine, err = engine.New(engine.Config{
		Env: e, Connectors: append(connectors.All(), r.verifier.Connector()), Formats: connectors.Formats(), Functions: scalar.All(),
	})
	if err != nil {
		return nil, err
	}
	for name, fn := range nexmark.UserFunctions() {
		if err := r.engine.RegisterAs(name, fn); err != nil {
			return nil, err
		}
	}
	r.session = r.engine.NewSession()
	for k, v := range settings {
		if err := r.session.Set(k, v); err != nil {
			return nil, err
		}
	}
	list := t.query.Statements(nexmark.Options{
		Source: map[string]string{
			"events.num": strconv.Itoa(t.events), "seed": strconv.FormatUint(t.seed, 10), "next-event.rate": strconv.FormatUint(t.rate(), 10),
			"materialize": "projected",
		},
		Sink: map[string]string{"connector": "verify"},
		Side: nexmark.SideTable(sideFile),
	})
	for i, s := range list {
		s = strings.TrimSuffix(strings.TrimSpace(s), ";")
		if i == len(list)-1 {
			r.insert = s
		} else if _, err := r.session.Execute(context.Background(), s); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// verdict compares what the sink holds with what must be there.
func (r *running) verdict() error {
	got, _, ok := r.verifier.Result(r.query.Table())
	if !ok && r.want.Rows > 0 {
		return fmt.Errorf("nothing came out, want %v", r.want)
	}
	if ok && got != r.want {
		return fmt.Errorf("%v, want %v", got, r.want)
	}
	return nil
}

// story is what is known of a simulated run.
type story struct {
	steps, safe int
	hash        uint64
	restored    bool
	text        string
	err         error
}

// tell runs a trial on the simulated host as seed says, with a fault at a step unless that
// is 0.
func (t *trial) tell(seed uint64, fault int, plant flow.Plant) (out story) {
	r := rand.New(rand.NewPCG(seed, 11))
	p := 1 + r.IntN(4)
	o := flow.SimOptions{
		Seed: r.Uint64(), Nodes: 1 + r.IntN(min(3, p)), Policy: flow.SimPolicy(r.IntN(int(flow.PickPoliciesEnd))),
		Delay: time.Millisecond, Disk: time.Millisecond, MaxSteps: 1 << 22, Plant: plant,
	}
	kind := []flow.SimFaultKind{flow.FaultNode, flow.FaultCoordinator}[r.IntN(2)]
	if fault > 0 {
		o.Faults = []flow.SimFault{{Step: fault, Kind: kind, Node: r.IntN(o.Nodes), Until: 20 * time.Millisecond}}
	}
	rows, interval := 1+r.IntN(16), time.Duration(1+r.IntN(3))*time.Millisecond
	out.text = fmt.Sprintf("%s, parallelism %d on %d nodes, %d rows a batch, fault at step %d", t, p, o.Nodes, rows, fault)
	defer func() {
		if x := recover(); x != nil {
			out.err = fmt.Errorf("broke off: %v", x)
		}
	}()
	s := flow.NewSim(o)
	x, err := t.begin(s.Env, map[string]string{
		"mink.exec.batch-rows": strconv.Itoa(rows), "execution.checkpointing.interval": interval.String(), "execution.checkpointing.dir": "/ckpt",
	})
	if err != nil {
		out.err = err
		return out
	}
	defer x.engine.Close()
	shape := func(p int) (*flow.Graph, flow.Config, error) {
		if err := x.session.Set("parallelism.default", strconv.Itoa(p)); err != nil {
			return nil, flow.Config{}, err
		}
		return x.session.Build(x.insert)
	}
	g, cfg, err := shape(p)
	if err != nil {
		out.err = err
		return out
	}
	cfg.JobID, cfg.Name = "j", t.query.Name
	job, err := s.Submit(g, cfg)
	if err != nil {
		out.err = err
		return out
	}
	first := true
	s.Reshape = func() *flow.Graph {
		if first {
			first = false
			return g
		}
		again, _, err := shape(1 + r.IntN(4))
		if err != nil {
			out.err = err
			return g
		}
		return again
	}
	err = s.Run(func() error {
		if out.safe == 0 && s.Steps()%8 == 0 && job.Status().Checkpoints.Completed > 0 {
			out.safe = s.Steps()
		}
		return nil
	})
	if err == nil {
		err = job.Err()
	}
	if err == nil {
		err = x.verdict()
	}
	if out.err == nil {
		out.err = err
	}
	st := job.Status()
	out.steps, out.hash, out.restored = s.Steps(), s.Hash(), st.Attempt > 1 && st.Checkpoints.Restored > 0
	return out
}

// simulatedEvents bounds the input of a simulated run: some hundred to some thousand rows.
const simulatedEvents = 2000

func engineSeeds(ctx context.Context, o Options, p *Part) {
	each(ctx, o, p, func(ctx context.Context, seed uint64, t *tally) {
		r := rand.New(rand.NewPCG(seed, 12))
		k, err := draw(r, simulatedEvents)
		if err != nil {
			t.add(0, 0, []Violation{{err.Error(), repeat("engine", seed)}})
			return
		}
		var bad []Violation
		runs, faults := int64(0), int64(0)
		note := func(s story) story {
			runs++
			if s.restored {
				faults++
			}
			if s.err != nil {
				bad = append(bad, Violation{fmt.Sprintf("seed %d: %s: %v", seed, s.text, s.err), repeat("engine", seed)})
			}
			return s
		}
		// Undisturbed first: it says from when on there is a checkpoint to go back to.
		calm := note(k.tell(seed, 0, o.Plant))
		for range 3 {
			if calm.safe == 0 || len(bad) > 0 || ctx.Err() != nil {
				break
			}
			at := calm.safe + r.IntN(max(1, calm.steps-calm.safe))
			hit := note(k.tell(seed, at, o.Plant))
			if seed%10 == 0 {
				if again := note(k.tell(seed, at, o.Plant)); again.hash != hit.hash {
					bad = append(bad, Violation{fmt.Sprintf("seed %d: %s: two runs differ", seed, hit.text), repeat("engine", seed)})
				}
			}
		}
		t.add(runs, faults, bad)
	})
}

// batchEvents bounds the input of a run on the machine itself.
const batchEvents = 5_000

func batches(ctx context.Context, o Options, p *Part) {
	each(ctx, o, p, func(ctx context.Context, seed uint64, t *tally) {
		r := rand.New(rand.NewPCG(seed, 13))
		k, err := draw(r, batchEvents)
		var bad []Violation
		runs := int64(0)
		for _, mode := range []string{"STREAMING", "BATCH"} {
			if err != nil || ctx.Err() != nil {
				break
			}
			parallel, rows := 1+r.IntN(4), 1+r.IntN(4096)
			runs++
			err = k.onMachine(ctx, mode, parallel, rows)
			if err != nil {
				err = fmt.Errorf("%s, %s, parallelism %d, %d rows a batch: %w", &k, mode, parallel, rows, err)
			}
		}
		if ctx.Err() != nil {
			return // what was cut off says nothing
		}
		if err != nil {
			bad = []Violation{{fmt.Sprintf("seed %d: %v", seed, err), repeat("batch", seed)}}
		}
		t.add(runs, 0, bad)
	})
}

// onMachine runs a trial on the threaded host.
func (t *trial) onMachine(ctx context.Context, mode string, parallel, rows int) error {
	e := env.OS("")
	e.Disk, e.Seed = env.NewMemDisk(), t.seed|1
	x, err := t.begin(e, map[string]string{
		"execution.runtime-mode": mode, "parallelism.default": strconv.Itoa(parallel), "mink.exec.batch-rows": strconv.Itoa(rows),
	})
	if err != nil {
		return err
	}
	defer x.engine.Close()
	res, err := x.session.Execute(ctx, x.insert)
	if err != nil {
		return err
	}
	if err := res.Job.Wait(ctx); err != nil {
		return err
	}
	return x.verdict()
}
