package harness

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/minkstream/mink/engine/flow"
)

// Small is a case that was made smaller, as small as it still fails.
type Small struct {
	Case     *Case
	Schedule Schedule
	Mismatch *Mismatch
	// Rows are how many the case gives, RowsBefore how many it gave; Steps and StepsBefore are
	// those of the simulation. Runs is what looking for it took.
	Rows, RowsBefore, Steps, StepsBefore, Runs int
}

// shrinker looks for the smallest failing case. What fails is a run that gives another
// answer than the plain run of the same case, or that breaks a property, so rows may be
// left out although expectations speak of them.
type shrinker struct {
	k     *checker
	best  *Small
	until time.Time
	runs  int
	steps int // of the last run that failed
	rnd   *rand.Rand
}

func (k *checker) shrink(f *Failure) *Small {
	budget := k.plan.Budget
	if budget == 0 {
		budget = 10 * time.Second
	}
	s := &shrinker{k: k, until: time.Now().Add(budget), rnd: rand.New(rand.NewPCG(f.Schedule.Seed, 7))}
	c := *k.c
	c.Steps = without(k.c.Steps, func(s Step) bool {
		switch s.(type) {
		case *ExpectNoRows:
			return false
		}
		return expectation(s)
	})
	s.best = &Small{Case: &c, Schedule: f.Schedule, RowsBefore: rowCount(c.Steps)}
	if s.best.Mismatch = s.fails(&c, f.Schedule); s.best.Mismatch == nil {
		return nil // it hangs on what was left out
	}
	s.best.StepsBefore, s.best.Steps = s.steps, s.steps
	for size := s.size() + 1; s.size() < size && !s.over(); {
		size = s.size()
		s.faults()
		s.schedule()
		s.rows()
		s.others()
		s.few()
	}
	s.best.Rows, s.best.Runs = rowCount(s.best.Case.Steps), s.runs
	return s.best
}

func without(list []Step, drop func(Step) bool) []Step {
	return slices.DeleteFunc(slices.Clone(list), drop)
}

func rowCount(steps []Step) int {
	n := 0
	for _, s := range steps {
		if g, ok := s.(*Give); ok {
			n += len(g.Rows)
		}
	}
	return n
}

// size is what shrinks.
func (s *shrinker) size() int {
	return len(s.best.Case.Steps) + rowCount(s.best.Case.Steps) + len(s.best.Schedule.Faults)
}

func (s *shrinker) over() bool { return time.Now().After(s.until) }

// fails runs a case plainly and under a schedule; nil says that all is well.
func (s *shrinker) fails(c *Case, sch Schedule) *Mismatch {
	k := &checker{c: c, o: s.k.o, plan: s.k.plan, worlds: s.k.worlds, verdict: &Verdict{}}
	s.runs++
	w, err := k.world(shape{parallelism: 1, exact: true})
	if err != nil {
		return nil
	}
	base, err := k.run(w, c, plain)
	if err != nil {
		return nil
	}
	if f := first(base); f != nil {
		if sch.Seed == 0 && f.Mismatch != nil {
			s.steps = base.steps
			return f.Mismatch
		}
		return nil
	}
	if sch.Seed == 0 {
		if !c.Oracle {
			return nil
		}
		if f, err := k.asBatch(c, base); err == nil && f != nil {
			s.steps = base.steps
			return f.Mismatch
		}
		return nil
	}
	t, err := k.again(c, sch)
	if err != nil {
		return nil
	}
	f := first(t)
	if f == nil {
		f = k.compare(t, base.tables, sch)
	}
	if f == nil || f.Mismatch == nil {
		return nil
	}
	s.steps = t.steps
	return f.Mismatch
}

// again runs a case under a schedule.
func (k *checker) again(c *Case, s Schedule) (*taken, error) {
	w, err := k.world(shape{parallelism: s.Parallelism})
	if err != nil {
		return nil, err
	}
	return k.run(w, c, s)
}

// neighbours is how many schedules like the one at hand a candidate is tried with.
const neighbours = 30

// try takes a candidate that still fails, with the schedule or one like it: with fewer
// rows the moment at which it goes wrong is another.
func (s *shrinker) try(c *Case, sch Schedule) bool {
	for i := range neighbours {
		if s.over() {
			return false
		}
		if s.take(c, s.near(c, sch, i), false) {
			return true
		}
		if sch.Seed == 0 {
			return false
		}
	}
	return false
}

// near is the schedule itself, and from 1 on one with other choices and faults at other moments.
func (s *shrinker) near(c *Case, sch Schedule, i int) Schedule {
	sch.Faults = slices.Clone(sch.Faults)
	if i == 0 || sch.Seed == 0 {
		return sch
	}
	sch.Seed = sch.Seed&(1<<48-1) | uint64(i)<<48
	for k := range sch.Faults {
		sch.Faults[k].Row, sch.Faults[k].Steps = s.rnd.IntN(rowCount(c.Steps)+1), s.rnd.IntN(60)
	}
	if sch.Checkpoints > 0 {
		sch.Checkpoints = 1 + s.rnd.IntN(40)
	}
	slices.SortStableFunc(sch.Faults, func(a, b Fault) int { return a.Row - b.Row })
	return sch
}

// take makes a case that fails the best, if it has fewer rows or its run fewer steps.
func (s *shrinker) take(c *Case, sch Schedule, fewer bool) bool {
	m := s.fails(c, sch)
	if fewer && s.steps >= s.best.Steps {
		return false
	}
	if m != nil {
		s.best.Case, s.best.Schedule, s.best.Mismatch, s.best.Steps = c, sch, m, s.steps
	}
	return m != nil
}

// faults leaves out what is not needed of them.
func (s *shrinker) faults() {
	for i := 0; i < len(s.best.Schedule.Faults); {
		sch := s.best.Schedule
		sch.Faults = slices.Delete(slices.Clone(sch.Faults), i, i+1)
		if !s.try(s.best.Case, sch) {
			i++
		}
	}
}

// schedule makes it plainer, one thing at a time.
func (s *shrinker) schedule() {
	simpler := []func(*Schedule){
		func(x *Schedule) { x.Parallelism, x.Nodes, x.Rescale = 1, 1, false },
		func(x *Schedule) { x.Parallelism = min(x.Parallelism, 2); x.Nodes = 1 },
		func(x *Schedule) { x.Nodes = 1 },
		func(x *Schedule) { x.Rescale = false },
		func(x *Schedule) { x.Free = false },
		func(x *Schedule) { x.Delay = 0 },
		func(x *Schedule) { x.Amid = false },
		func(x *Schedule) { x.Duplicate = 0 },
		func(x *Schedule) { x.BatchRows = 0 },
		func(x *Schedule) { x.BatchRows = 1 },
		func(x *Schedule) { x.Policy = flow.PickToTheEnd },
	}
	for _, f := range simpler {
		sch := s.best.Schedule
		if sch.Seed == 0 {
			return
		}
		sch.Faults = slices.Clone(sch.Faults)
		f(&sch)
		for i := range sch.Faults {
			sch.Faults[i].Node %= sch.Nodes
		}
		if same(&sch, &s.best.Schedule) {
			continue
		}
		s.try(s.best.Case, sch)
	}
}

func same(a, b *Schedule) bool {
	x, y := *a, *b
	x.Faults, y.Faults = nil, nil
	return x.Seed == y.Seed && x.Parallelism == y.Parallelism && x.BatchRows == y.BatchRows && x.Free == y.Free && x.Policy == y.Policy &&
		x.Nodes == y.Nodes && x.Delay == y.Delay && x.Duplicate == y.Duplicate && x.Rescale == y.Rescale && x.Checkpoints == y.Checkpoints && x.Amid == y.Amid && len(a.Faults) == len(b.Faults)
}

// rows leaves out blocks of rows, half of them first, then ever smaller ones.
func (s *shrinker) rows() {
	for size := (rowCount(s.best.Case.Steps) + 1) / 2; size > 0; size /= 2 {
		for at := 0; at < rowCount(s.best.Case.Steps); {
			if s.over() {
				return
			}
			c := *s.best.Case
			c.Steps = cut(c.Steps, at, at+size)
			sch := s.best.Schedule
			sch.Faults = slices.Clone(sch.Faults)
			for i := range sch.Faults {
				if sch.Faults[i].Row > at {
					sch.Faults[i].Row = max(at, sch.Faults[i].Row-size)
				}
			}
			if !s.try(&c, sch) {
				at += size
			}
		}
	}
}

// cut leaves out the rows from number from up to to, and what then gives nothing.
func cut(steps []Step, from, to int) []Step {
	return filtered(steps, func(at int) bool { return at < from || at >= to })
}

// withRows keeps the rows of these numbers, which ascend, and leaves out what then gives nothing.
func withRows(steps []Step, kept []int) []Step {
	return filtered(steps, func(at int) bool {
		_, ok := slices.BinarySearch(kept, at)
		return ok
	})
}

func filtered(steps []Step, keep func(row int) bool) []Step {
	var out []Step
	at := 0
	for _, s := range steps {
		g, ok := s.(*Give)
		if !ok {
			out = append(out, s)
			continue
		}
		own := *g
		own.Rows = nil
		for _, r := range g.Rows {
			if keep(at) {
				own.Rows = append(own.Rows, r)
			}
			at++
		}
		if len(own.Rows) > 0 {
			out = append(out, &own)
		}
	}
	return out
}

// patience is how many draws of few leads to nothing better before it gives up.
const patience = 200

// few draws some of the rows and another schedule for them: where several rows are only
// needed as long as the others are there, blocks that are left out lead no further. Of all rows
// it takes a schedule with which the run has fewer steps.
func (s *shrinker) few() {
	for tries := 0; tries < patience && !s.over(); tries++ {
		rows := rowCount(s.best.Case.Steps)
		if rows == 0 || rows == 1 && s.best.Schedule.Seed == 0 {
			return
		}
		keep := 1 + s.rnd.IntN(rows)
		kept := s.rnd.Perm(rows)[:keep]
		slices.Sort(kept)
		c := *s.best.Case
		c.Steps = withRows(c.Steps, kept)
		near := s.near(&c, s.best.Schedule, 1+s.rnd.IntN(1<<15))
		if near.Checkpoints > 0 && s.rnd.IntN(2) == 0 {
			near.Checkpoints = 1 + s.rnd.IntN(200)
		}
		if s.take(&c, near, keep == rows) {
			tries = 0
		}
	}
}

// others leaves out what is no row.
func (s *shrinker) others() {
	for i := 0; i < len(s.best.Case.Steps); {
		if _, ok := s.best.Case.Steps[i].(*Give); ok || expectation(s.best.Case.Steps[i]) || s.over() {
			i++
			continue
		}
		c := *s.best.Case
		c.Steps = slices.Delete(slices.Clone(c.Steps), i, i+1)
		if !s.try(&c, s.best.Schedule) {
			i++
		}
	}
}
