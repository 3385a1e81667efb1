package sim

import (
	"math/rand/v2"
	"time"

	"github.com/minkstream/mink/engine/flow"
)

// Kind is the kind of keyed operator in the middle of the job.
type Kind uint8

// Kinds of jobs.
const (
	// Count emits (key, count so far) for each row.
	Count Kind = iota
	// Window counts by event-time window and emits when the watermark passes.
	Window
	// Bundle holds rows back in memory and emits them when enough are there, on a
	// timer, and at a barrier.
	Bundle
	// Timer keeps rows in state and emits them on a processing-time timer only; its
	// input does not end.
	Timer
	// Async asks an external system about each row.
	Async
	// Expand emits several rows for each and is interrupted in between.
	Expand
	kindsEnd
)

var kindNames = [...]string{"count", "window", "bundle", "timer", "async", "expand"}

func (k Kind) String() string { return kindNames[k] }

// endless reports jobs whose input does not end: they are cancelled once all rows
// are committed.
func (k Kind) endless() bool { return k == Timer }

// Scenario is all that decides a run, besides the code.
type Scenario struct {
	Seed   uint64
	Kind   Kind
	Plant  flow.Plant
	Splits int
	Rows   int // per split
	Keys   int
	Groups int // of keys
	Yield  int // rows after which an operator is interrupted
	// Parallel is the greatest parallelism drawn for an attempt.
	Parallel int
	// Shapes, if set, are the parallelism of everything in each attempt; the last goes on.
	Shapes []int
	// Fused is how many of the job's three vertices run in one with the next: 1 is the sink
	// in the operator's, 2 is everything in one task.
	Fused     int
	Nodes     int
	BatchRows int
	Credits   int
	Poll      int // most rows of a poll
	Gaps      bool
	Idle      time.Duration
	Policy    flow.SimPolicy
	Delay     time.Duration
	Disk      time.Duration
	Interval  time.Duration
	Timeout   time.Duration
	Buffer    time.Duration
	Retained  int
	// Lost is the share, in thousandths, of calls to the external system that are
	// lost on the way there, and of those whose answer is.
	Lost      int
	Duplicate int
	Zombies   bool
	Faults    []flow.SimFault
	MaxSteps  int
	// Limit, if set, is the virtual time by which the job must have ended, faults and all.
	Limit time.Duration
	// Choices, if set, are made before any is drawn from the seed.
	Choices flow.SimChoices
}

// Draw makes the scenario of a seed: rates, sizes and the set of faults that can
// happen differ from seed to seed, since a fixed mix misses deep orders.
func Draw(seed uint64, plant flow.Plant) Scenario {
	r := rand.New(rand.NewPCG(seed, 5))
	pick := func(list ...int) int { return list[r.IntN(len(list))] }
	ms := func(list ...int) time.Duration { return time.Duration(pick(list...)) * time.Millisecond }
	sc := Scenario{
		Seed: seed, Plant: plant,
		Splits: 1 + r.IntN(3), Rows: pick(8, 30, 60, 90), Keys: pick(4, 64), Groups: pick(7, 32, 50), Yield: pick(1, 5, 20), Parallel: 1 + r.IntN(5), Nodes: pick(1, 2, 3, 3),
		BatchRows: pick(1, 3, 16), Credits: pick(1, 2, 4), Poll: pick(1, 4, 16),
		Policy: flow.SimPolicy(r.IntN(int(flow.PickPoliciesEnd))),
		Delay:  ms(1, 3, 6), Disk: ms(1, 4, 10),
		Interval: ms(4, 12, 30), Timeout: ms(400, 2000), Buffer: ms(5, 50), Retained: 1 + r.IntN(2),
		Lost: pick(0, 0, 100, 300, 600), Duplicate: pick(0, 50), Zombies: r.IntN(2) == 0,
		MaxSteps: 60_000,
	}
	switch r.IntN(12) {
	case 0, 1, 2, 3:
		sc.Kind = Window
		sc.Splits = 2 + r.IntN(3)
		sc.Gaps = r.IntN(2) == 0
		if sc.Gaps {
			sc.Idle = ms(4, 20)
		}
	case 4:
		sc.Kind = Bundle
	case 5:
		sc.Kind = Timer
	case 6:
		sc.Kind = Async
	case 7:
		sc.Kind = Expand
	}
	sc.Faults = drawFaults(r, 100+sc.Splits*sc.Rows*pick(1, 3))
	return sc
}

// faultKinds are weighted: those that restart the job are the ones that hurt.
var faultKinds = [...]flow.SimFaultKind{
	flow.FaultNode, flow.FaultNode, flow.FaultCoordinator, flow.FaultCoordinator, flow.FaultPower, flow.FaultPower,
	flow.FaultReset, flow.FaultCut, flow.FaultCut, flow.FaultPause, flow.FaultDisk, flow.FaultSlowDisk, flow.FaultClock,
}

// drawFaults draws what goes wrong within a number of steps. Half of the seeds mix
// the kinds that they have enabled; the others repeat one kind at one moment of the
// protocol, which is how rare ones meet.
func drawFaults(r *rand.Rand, span int) []flow.SimFault {
	any := func() flow.SimFaultKind { return faultKinds[r.IntN(len(faultKinds))] }
	var enabled [flow.FaultKindsEnd]bool
	for range 1 + r.IntN(5) {
		enabled[any()] = true
	}
	focused := r.IntN(2) == 0
	kind, moment := any(), flow.SimMoment(r.IntN(int(flow.MomentsEnd)))
	var list []flow.SimFault
	for i := range [...]int{0, 1, 2, 4, 6}[r.IntN(5)] {
		k, when := kind, moment
		if !focused {
			for k = any(); !enabled[k]; {
				k = any()
			}
			when = flow.MomentAny
			if r.IntN(2) == 0 {
				when = flow.SimMoment(r.IntN(int(flow.MomentsEnd)))
			}
		}
		switch {
		case k == flow.FaultCut && r.IntN(3) > 0:
			// Acks are on their way and come when another attempt takes checkpoints.
			when = flow.MomentTriggered + flow.SimMoment(r.IntN(2))
		case k == flow.FaultCoordinator && r.IntN(3) > 0:
			when = flow.MomentWriting // which may go on without it
		}
		if i == 0 && (when == flow.MomentFencing || when == flow.MomentOpening) {
			when = flow.MomentAny // the first brings the others about
		}
		f := flow.SimFault{
			Step: 20 + r.IntN(span), Kind: k, When: when, Covered: r.IntN(4) > 0, Node: r.IntN(3),
			Until: [...]time.Duration{5, 50, 80, 120, 300}[r.IntN(5)] * time.Millisecond,
		}
		if r.IntN(2) == 0 {
			f.Op = 1 + r.IntN(20)
		}
		list = append(list, f)
	}
	return list
}

// skew is what the faults add to the clock.
func (sc *Scenario) skew() time.Duration {
	d := time.Duration(0)
	for _, f := range sc.Faults {
		if f.Kind == flow.FaultClock {
			d += f.Until
		}
	}
	return d
}
