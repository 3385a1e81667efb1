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
	kindsEnd
)

var kindNames = [...]string{"count", "window", "bundle", "timer", "async"}

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
	// Parallel is the greatest parallelism drawn for an attempt.
	Parallel  int
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
}

// Draw makes the scenario of a seed: rates, sizes and the set of faults that can
// happen differ from seed to seed, since a fixed mix misses deep orders.
func Draw(seed uint64, plant flow.Plant) Scenario {
	r := rand.New(rand.NewPCG(seed, 5))
	pick := func(list ...int) int { return list[r.IntN(len(list))] }
	ms := func(list ...int) time.Duration { return time.Duration(pick(list...)) * time.Millisecond }
	sc := Scenario{
		Seed: seed, Plant: plant,
		Splits: 1 + r.IntN(3), Rows: pick(5, 25, 60), Keys: pick(4, 64), Parallel: 1 + r.IntN(4), Nodes: 1 + r.IntN(3),
		BatchRows: pick(1, 3, 16), Credits: pick(1, 2, 4), Poll: pick(1, 4, 16),
		Policy: flow.SimPolicy(r.IntN(int(flow.PickPoliciesEnd))),
		Delay:  ms(1, 3, 6), Disk: ms(1, 4, 10),
		Interval: ms(15, 40, 80), Timeout: ms(400, 2000), Buffer: ms(5, 50), Retained: 1 + r.IntN(2),
		Lost: pick(0, 0, 100, 300, 600), Duplicate: pick(0, 50), Zombies: r.IntN(2) == 0,
		MaxSteps: 60_000,
	}
	switch r.IntN(10) {
	case 0, 1:
		sc.Kind = Window
		sc.Gaps = r.IntN(2) == 0
		if sc.Gaps {
			sc.Idle = ms(10, 40)
		}
	case 2:
		sc.Kind = Bundle
	case 3:
		sc.Kind = Timer
	case 4:
		sc.Kind = Async
	}
	enabled := r.IntN(1 << flow.FaultKindsEnd)
	span := sc.Splits*sc.Rows*8 + 200
	for range pick(0, 1, 3, 6) {
		k := flow.SimFaultKind(r.IntN(int(flow.FaultKindsEnd)))
		if enabled>>k&1 == 0 {
			k = flow.SimFaultKind(r.IntN(int(flow.FaultPower) + 1))
		}
		sc.Faults = append(sc.Faults, flow.SimFault{Step: 20 + r.IntN(span), Kind: k, Node: r.IntN(3), Until: ms(5, 50, 300)})
	}
	return sc
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
