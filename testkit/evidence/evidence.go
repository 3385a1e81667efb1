// Package evidence shows on any machine, in minutes, that mink keeps its promises: what
// mink verify runs and prints.
//
// Protocol runs seeds of the simulated checkpoint protocol (package sim), each twice, with
// crashes, slow disks and lost calls: every row comes out once and both runs are the same.
// Plants plants every known bug and has the seeds find it, so that a clean run means
// something. Engine runs Nexmark queries over drawn inputs under simulated schedules, loses
// a node or the coordinator in the middle, and goes on with another parallelism. Batch runs
// them on the machine itself, as a stream and as a batch. What must come out of a query is
// computed row at a time by another evaluator (nexmark.Naive).
//
// Seeds decide everything but the time that is left. A violation comes with the command
// that repeats it. Begin with Run.
package evidence

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/testkit/sim"
)

// Options say what is tried.
type Options struct {
	// Budget is how long all parts together may take.
	Budget time.Duration
	// Seed is the first one; each part counts up from it.
	Seed uint64
	// Count bounds the seeds of each part; 0 is as many as there is time for.
	Count int64
	// Only are the names of the parts to run; empty runs all.
	Only []string
	// Plant is a bug that is planted in Protocol and Engine, to see that they find it.
	Plant flow.Plant
	// Progress hears how a part stands, some times a second; may be nil.
	Progress func(p *Part)
}

// Part is what was tried of one kind, and what was found.
type Part struct {
	Name string `json:"name"`
	// What says in a sentence what was tried, and what must hold.
	What string `json:"what"`
	// Tried counts seeds, for plants bugs; Runs the runs that took.
	Tried int64 `json:"tried"`
	Runs  int64 `json:"runs"`
	// Faults counts runs in which a fault hit and the job went on from a checkpoint.
	Faults     int64       `json:"faults"`
	Violations []Violation `json:"violations"`
	Seconds    float64     `json:"seconds"`
	// Left says what there was no time for; "" when nothing was left out.
	Left string `json:"left,omitempty"`
}

// Violation is a promise that was not kept.
type Violation struct {
	Text string `json:"text"`
	// Repeat is the command that shows it again.
	Repeat string `json:"repeat"`
}

// part is a kind of evidence and its share of the time, of ten.
type part struct {
	name, what string
	share      int
	run        func(ctx context.Context, o Options, p *Part)
}

var parts = []part{
	{"plants", "known bugs, planted one by one; each must be found by the seeds", 2, plants},
	{"protocol", "seeds of the checkpoint protocol with crashes and faults, each run twice; every row once, both runs the same", 3, protocol},
	{"engine", "queries over drawn inputs under simulated schedules that lose a node or the coordinator; results as computed apart", 3, engineSeeds},
	{"batch", "queries over drawn inputs, run as a stream and as a batch; results as computed apart", 2, batches},
}

// Names lists the parts.
func Names() []string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = p.name
	}
	return out
}

// violationsMax is how many are kept of a part; it ends when there are so many.
const violationsMax = 5

// Run runs the parts and returns them; done hears of each when it has ended. It returns the
// error of ctx when that ends first.
func Run(ctx context.Context, o Options, done func(p *Part)) ([]*Part, error) {
	shares := 0
	var chosen []part
	for _, p := range parts {
		if len(o.Only) == 0 || slices.Contains(o.Only, p.name) {
			chosen = append(chosen, p)
			shares += p.share
		}
	}
	end := time.Now().Add(o.Budget)
	var out []*Part
	for _, k := range chosen {
		// What a part leaves of its time is for the ones behind it.
		limit, cancel := context.WithTimeout(ctx, time.Until(end)*time.Duration(k.share)/time.Duration(shares))
		shares -= k.share
		p := &Part{Name: k.name, What: k.what, Violations: []Violation{}}
		began := time.Now()
		k.run(limit, o, p)
		cancel()
		p.Seconds = time.Since(began).Seconds()
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		out = append(out, p)
		done(p)
	}
	return out, nil
}

// tally is a part that several goroutines add to.
type tally struct {
	mu   sync.Mutex
	p    *Part
	o    Options
	told time.Time
	full atomic.Bool
}

// add counts a seed with its runs.
func (t *tally) add(runs, faults int64, bad []Violation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.p.Tried++
	t.p.Runs += runs
	t.p.Faults += faults
	t.p.Violations = append(t.p.Violations, bad...)
	if len(t.p.Violations) >= violationsMax {
		t.full.Store(true)
	}
	if t.o.Progress != nil && time.Since(t.told) > 100*time.Millisecond {
		t.told = time.Now()
		t.o.Progress(t.p)
	}
}

// each calls f with seed after seed, on all cores, until ctx ends, the seeds are used up or
// there are enough violations.
func each(ctx context.Context, o Options, p *Part, f func(ctx context.Context, seed uint64, t *tally)) {
	t := &tally{p: p, o: o}
	var next atomic.Int64
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for ctx.Err() == nil && !t.full.Load() {
				k := next.Add(1) - 1
				if o.Count > 0 && k >= o.Count {
					return
				}
				f(ctx, o.Seed+uint64(k), t)
			}
		})
	}
	all.Wait()
}

func repeat(name string, seed uint64) string {
	return fmt.Sprintf("mink verify --only %s --seed %d --count 1", name, seed)
}

func protocol(ctx context.Context, o Options, p *Part) {
	each(ctx, o, p, func(_ context.Context, seed uint64, t *tally) {
		r := sim.Run(sim.Draw(seed, o.Plant))
		again := sim.Run(sim.Draw(seed, o.Plant))
		var bad []Violation
		if r.Err != nil {
			bad = append(bad, Violation{fmt.Sprintf("seed %d: %v", seed, r.Err), repeat("protocol", seed)})
		}
		if again.Hash != r.Hash {
			bad = append(bad, Violation{fmt.Sprintf("seed %d: two runs differ", seed), repeat("protocol", seed)})
		}
		faults := int64(0)
		if r.Restored > 0 {
			faults = 2
		}
		t.add(2, faults, bad)
	})
}

// plantSeeds is how many seeds may go by until a planted bug is found.
const plantSeeds = 3000

func plants(ctx context.Context, o Options, p *Part) {
	var list []flow.Plant
	for k := flow.PlantNone + 1; k < flow.PlantsEnd; k++ {
		list = append(list, k)
	}
	bugs := o
	bugs.Seed, bugs.Count = 0, int64(len(list))
	each(ctx, bugs, p, func(ctx context.Context, i uint64, t *tally) {
		bug := list[i]
		for n := uint64(1); n <= plantSeeds; n++ {
			if ctx.Err() != nil {
				return
			}
			r := sim.Run(sim.Draw(n, bug))
			// A storm of calls is found by their number and by nothing else.
			if r.Err != nil && (bug != flow.PlantRetryStorm || strings.Contains(r.Err.Error(), "outstanding")) {
				t.add(int64(n), 0, nil)
				return
			}
		}
		t.add(plantSeeds, 0, []Violation{{fmt.Sprintf("%s was not found by %d seeds", bug, plantSeeds), "mink verify --only plants"}})
	})
	if left := int64(len(list)) - p.Tried; left > 0 && len(p.Violations) < violationsMax {
		p.Left = fmt.Sprintf("%d of %d bugs", left, len(list))
	}
}
