package sim

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/flow"
)

// Small is a scenario that was made smaller, as small as it still fails in the same way.
type Small struct {
	Scenario Scenario
	Result   Result
	// StepsBefore is how many steps it was; Runs is what looking for it took.
	StepsBefore, Runs int
}

// shrinker looks for the scenario with the fewest steps that fails.
type shrinker struct {
	best  Small
	kind  string
	limit int // of steps
	until time.Time
	most  int // runs
	rnd   *rand.Rand
	made  flow.SimChoices // of the run before
}

// runsMost is how often Shrink runs a scenario: behind that little is left out any more.
const runsMost = 8000

// Shrink makes a failing scenario smaller: fewer faults, rows, splits and tasks, and nothing
// that is not needed. A candidate is tried with the choices of the smallest so far, or with
// schedules like its own, since with fewer rows the moment at which it goes wrong is another.
// Then the choices themselves are made fewer. It returns false when the scenario does not fail.
func Shrink(sc Scenario, budget time.Duration) (Small, bool) {
	return shrink(sc, budget, runsMost)
}

// shrink is Shrink with a bound on the runs.
func shrink(sc Scenario, budget time.Duration, most int) (Small, bool) {
	s := &shrinker{until: time.Now().Add(budget), most: most, rnd: rand.New(rand.NewPCG(sc.Seed, 6)), made: flow.SimChoices{}}
	s.best.Scenario, s.best.Result = sc, Run(sc)
	s.best.StepsBefore, s.best.Runs = s.best.Result.Steps, 1
	if s.best.Result.Err == nil {
		return s.best, false
	}
	s.kind, s.limit = failure(s.best.Result.Err), sc.MaxSteps
	s.tiny()
	for again := true; again && !s.over(); {
		again = s.sizes()
		again = s.faults() || again
		again = s.plain() || again
		again = s.schedule() || again
		for s.drift() { // as long as it leads on
			again = true
		}
	}
	return s.best, true
}

// failure is the kind of an error: what it begins with, without what differs from run to run.
func failure(err error) string {
	text := err.Error()
	if strings.HasPrefix(text, "of ") {
		return "rows"
	}
	word, _, _ := strings.Cut(strings.TrimLeft(text, "0123456789 "), " ")
	return word
}

func (s *shrinker) over() bool { return s.best.Runs >= s.most || time.Now().After(s.until) }

// neighbours is how many schedules a candidate is tried with.
const neighbours = 20

// try takes a candidate if it, or one with another schedule, fails in fewer steps.
func (s *shrinker) try(sc Scenario) bool {
	for i := range neighbours {
		if s.over() {
			return false
		}
		if s.fails(s.near(sc, i)) {
			return true
		}
	}
	return false
}

// near is the candidate itself, and from 1 on with another seed and faults at other moments.
func (s *shrinker) near(sc Scenario, i int) Scenario {
	sc.Faults = slices.Clone(sc.Faults)
	if i == 0 {
		return sc
	}
	sc.Seed, sc.Choices = s.rnd.Uint64()>>16, nil
	for k := range sc.Faults {
		f := &sc.Faults[k]
		f.Step = s.step()
		if f.Op > 0 {
			f.Op = 1 + s.rnd.IntN(20)
		}
	}
	return sc
}

// step is one of a run that is like to be shorter than the shortest so far, early ones more often.
func (s *shrinker) step() int {
	return 1 + s.rnd.IntN(1+s.rnd.IntN(min(s.best.Result.Steps, 400)))
}

// few is a number up to n, 1 more often than others.
func (s *shrinker) few(n int) int { return 1 + s.rnd.IntN(1+s.rnd.IntN(n)) }

// fails takes a scenario that fails in fewer steps.
func (s *shrinker) fails(sc Scenario) bool {
	r, ok := s.run(&sc, s.best.Result.Steps-1)
	if ok {
		s.best.Scenario, s.best.Result = sc, r
	}
	return ok
}

// run reports a scenario that fails in so many steps at most, and lets it have the steps
// that it had in the beginning.
func (s *shrinker) run(sc *Scenario, steps int) (Result, bool) {
	if s.kind == "stuck:" {
		// It is stuck that has not ended in ten times the steps of an undisturbed run, or ten
		// times as long, from when calls are no longer lost.
		calm := *sc
		calm.Faults, calm.Plant, calm.Choices = nil, flow.PlantNone, nil
		s.best.Runs++
		r := Run(calm)
		if r.Err != nil {
			return r, false
		}
		sc.MaxSteps, sc.Limit = min(sc.MaxSteps, 10*r.Steps), 10*r.Virtual
		if sc.Lost > 0 {
			sc.Limit += heal
		}
	} else {
		sc.MaxSteps = min(sc.MaxSteps, steps+1) // more steps would be no gain
	}
	s.best.Runs++
	for site := range s.made {
		s.made[site] = s.made[site][:0]
	}
	r := run(*sc, nil, s.made)
	if r.Err == nil || failure(r.Err) != s.kind || r.Steps > steps {
		return r, false
	}
	if s.kind != "stuck:" {
		sc.MaxSteps = s.limit
	}
	sc.Choices = copied(s.made)
	return r, true
}

// tiny looks among scenarios of a few rows with the same faults, at other moments.
func (s *shrinker) tiny() {
	from := s.best.Scenario
	for i := 1; i <= s.most/4 && !s.over(); i++ {
		s.fails(s.small(from, i))
	}
}

// small is a scenario of a few rows, with one or two of the faults at other moments.
func (s *shrinker) small(from Scenario, i int) Scenario {
	sc := from
	sc.Rows, sc.Splits = s.few(min(from.Rows, 8)), s.few(from.Splits)
	sc.Parallel, sc.Nodes = s.few(from.Parallel), s.few(from.Nodes)
	sc.Interval, sc.Fused = time.Duration(1+s.rnd.IntN(12))*time.Millisecond, s.rnd.IntN(3)
	if n := len(from.Faults); n > 1 {
		k := s.rnd.IntN(n)
		sc.Faults = from.Faults[k:min(n, k+1+s.rnd.IntN(2))]
	}
	sc = s.near(sc, i+1)
	for range s.rnd.IntN(8) {
		s.change(&sc)
	}
	return sc
}

// faults leaves out one after the other.
func (s *shrinker) faults() (found bool) {
	for i := 0; i < len(s.best.Scenario.Faults); {
		sc := s.best.Scenario
		sc.Faults = slices.Delete(slices.Clone(sc.Faults), i, i+1)
		if s.try(sc) {
			found = true
		} else {
			i++
		}
	}
	return found
}

// sizes makes each of them less, by half and then by one.
func (s *shrinker) sizes() (found bool) {
	for _, size := range []func(*Scenario) *int{
		func(x *Scenario) *int { return &x.Rows },
		func(x *Scenario) *int { return &x.Splits },
		func(x *Scenario) *int { return &x.Parallel },
		func(x *Scenario) *int { return &x.Nodes },
		func(x *Scenario) *int { return &x.Keys },
		func(x *Scenario) *int { return &x.Retained },
	} {
		for _, less := range []func(int) int{func(n int) int { return n / 2 }, func(n int) int { return n - 1 }} {
			for n := less(*size(&s.best.Scenario)); n > 0; n = less(n) {
				sc := s.best.Scenario
				*size(&sc) = n
				if !s.try(sc) {
					break
				}
				found = true
			}
		}
	}
	return found
}

// plain leaves out what makes a run richer, and takes bigger batches.
func (s *shrinker) plain() (found bool) {
	for _, change := range []func(*Scenario){
		func(x *Scenario) { x.Fused = 2 },
		func(x *Scenario) { x.Fused = 1 },
		func(x *Scenario) { x.Shapes = []int{1} },
		func(x *Scenario) { x.Kind = Count },
		func(x *Scenario) { x.Lost = 0 },
		func(x *Scenario) { x.Duplicate = 0 },
		func(x *Scenario) { x.Zombies = false },
		func(x *Scenario) { x.Gaps, x.Idle = false, 0 },
		func(x *Scenario) { x.BatchRows, x.Poll = 16, 16 },
		func(x *Scenario) { x.Yield = 20 },
		func(x *Scenario) { x.Credits = 4 },
		func(x *Scenario) { x.Interval = 4 * time.Millisecond },
		func(x *Scenario) { x.Interval = 30 * time.Millisecond },
		func(x *Scenario) { x.Delay, x.Disk = time.Millisecond, time.Millisecond },
		func(x *Scenario) { x.Policy = flow.PickToTheEnd },
	} {
		sc := s.best.Scenario
		change(&sc)
		found = s.try(sc) || found
	}
	return found
}

// schedule looks among other schedules of what is left for one that fails sooner.
func (s *shrinker) schedule() (found bool) {
	for i := 1; i <= 5*neighbours && !s.over(); i++ {
		found = s.fails(s.near(s.best.Scenario, i)) || found
	}
	return found
}

// patience is how many changes in a row drift tries that lead to nothing better.
const patience = 4000

// drift changes a few things at once, at random, and goes along with what fails in as many
// steps: what takes two changes is found by no pass that tries one, and of changes that make
// no difference some open a way on.
func (s *shrinker) drift() (found bool) {
	at := s.best.Scenario
	for tries := 0; tries < patience && !s.over(); tries++ {
		sc := at
		sc.Faults = slices.Clone(at.Faults)
		s.vary(&sc)
		if tries%1000 == 999 {
			at = s.best.Scenario // the ways on from there were none
		}
		slack := 0
		if s.rnd.IntN(2) == 0 {
			slack = s.rnd.IntN(1 + s.best.Result.Steps/10)
		}
		if r, ok := s.run(&sc, s.best.Result.Steps+slack); ok {
			at = sc
			if r.Steps < s.best.Result.Steps || r.Steps == s.best.Result.Steps && simpler(&sc, &s.best.Scenario) {
				found = found || r.Steps < s.best.Result.Steps
				if r.Steps < s.best.Result.Steps {
					tries = 0
				}
				s.best.Scenario, s.best.Result = sc, r
			}
		}
	}
	return found
}

// simpler compares scenarios of as many steps.
func simpler(a, b *Scenario) bool {
	size := func(x *Scenario) int { return len(x.Faults)<<20 + x.Rows*x.Splits<<8 + x.Parallel + x.Nodes }
	return size(a) < size(b)
}

// change makes one thing of a scenario less, or another.
func (s *shrinker) change(sc *Scenario) {
	less := func(n *int) { *n = 1 + s.rnd.IntN(*n) }
	ms := func(most int) time.Duration { return time.Duration(1+s.rnd.IntN(most)) * time.Millisecond }
	switch s.rnd.IntN(24) {
	case 20:
		sc.Fused = s.rnd.IntN(3)
	case 21:
		sc.Shapes = [][]int{nil, {1}, {1, 2}, {2, 1}}[s.rnd.IntN(4)]
	case 22:
		sc.Kind = Count
	case 23:
		sc.Buffer, sc.Timeout = ms(50), 50*time.Millisecond+ms(400)
	case 0:
		less(&sc.Rows)
	case 1:
		less(&sc.Splits)
	case 2:
		less(&sc.Parallel)
	case 3:
		less(&sc.Nodes)
	case 4:
		less(&sc.Keys)
	case 5:
		less(&sc.Retained)
	case 6:
		sc.Interval = ms(40)
	case 7:
		sc.Delay = ms(3)
	case 8:
		sc.Disk = ms(6)
	case 9:
		sc.Policy = flow.SimPolicy(s.rnd.IntN(int(flow.PickPoliciesEnd)))
	case 10:
		sc.BatchRows, sc.Poll = [...]int{1, 3, 16}[s.rnd.IntN(3)], [...]int{1, 4, 16}[s.rnd.IntN(3)]
	case 11:
		sc.Credits = 1 + s.rnd.IntN(4)
	case 12:
		sc.Lost, sc.Duplicate, sc.Zombies = 0, 0, sc.Zombies && s.rnd.IntN(2) == 0
	case 13:
		sc.Gaps, sc.Idle = false, 0
	case 14:
		if n := len(sc.Faults); n > 0 {
			i := s.rnd.IntN(n)
			sc.Faults = slices.Delete(sc.Faults, i, i+1)
		}
	case 15, 16:
		if n := len(sc.Faults); n > 0 {
			f := &sc.Faults[s.rnd.IntN(n)]
			f.Step = s.step()
		}
	case 17:
		if n := len(sc.Faults); n > 0 {
			f := &sc.Faults[s.rnd.IntN(n)]
			f.When, f.Covered, f.Node = flow.SimMoment(s.rnd.IntN(int(flow.MomentsEnd))), s.rnd.IntN(2) == 0, s.rnd.IntN(max(sc.Nodes, 1))
			if f.Op > 0 {
				f.Op = s.rnd.IntN(20)
			}
			f.Until = min(f.Until, ms(80))
		}
	default:
		sc.Seed, sc.Choices = s.rnd.Uint64()>>16, nil
	}
}
