package harness

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/plan"
)

// Schedule is one way of running a case. It follows from a seed and the case.
type Schedule struct {
	// Seed names it; 0 is the plain run: row by row, one task each, in the order of the
	// file, undisturbed.
	Seed        uint64
	Parallelism int
	// BatchRows of a poll: 0 as many as there are, -1 some number from 1 to 7.
	BatchRows int
	// Free: rows of different tables meet in any order.
	Free   bool
	Policy flow.SimPolicy
	Nodes  int
	// Delay is the usual time of a message between nodes and of work on disk.
	Delay time.Duration
	// Duplicate is the share, in thousandths, of control messages that come twice.
	Duplicate int
	// Checkpoints is after how many steps one is taken when there are new rows; 0 takes
	// none but those of the case.
	Checkpoints int
	// Amid: sources wait with rows in hand for a checkpoint that is asked for, so that it
	// falls between rows and not behind those of a step; and faults wait until there is one
	// to go back to.
	Amid   bool
	Faults []Fault
	// Rescale: after a failure the job goes on with another parallelism, where the plan
	// has the same operators.
	Rescale bool
}

// Fault is something that goes wrong: when the job has taken Row rows, and Steps steps
// later.
type Fault struct {
	Row, Steps int
	Kind       flow.SimFaultKind
	Node       int
	Until      time.Duration
}

// plain is the run whose changes are compared one by one.
var plain = Schedule{Parallelism: 1, BatchRows: 1, Policy: flow.PickToTheEnd, Nodes: 1}

// FaultNames are the kinds of faults that schedules draw from.
var FaultNames = []string{"kill", "power", "net", "slow", "dup"}

var faultKinds = map[string][]flow.SimFaultKind{
	"kill":  {flow.FaultNode, flow.FaultCoordinator},
	"power": {flow.FaultPower},
	"net":   {flow.FaultReset, flow.FaultCut},
	"slow":  {flow.FaultPause, flow.FaultSlowDisk},
}

// disturbances are the faults that a step can name.
var disturbances = map[string]flow.SimFaultKind{
	"node": flow.FaultNode, "coordinator": flow.FaultCoordinator, "power": flow.FaultPower, "reset": flow.FaultReset,
	"cut": flow.FaultCut, "pause": flow.FaultPause, "slow-disk": flow.FaultSlowDisk,
}

// DefaultFaults are those of a run that does not say.
var DefaultFaults = []string{"kill", "net", "slow", "dup"}

// facts are what the plain run has shown of a case.
type facts struct {
	label  plan.LabelKind
	late   bool
	tables int
	rows   int
}

// draw makes the schedule of a seed.
func draw(seed uint64, c *Case, f facts, faults []string) Schedule {
	r := rand.New(rand.NewPCG(seed, 0x6d696e6b))
	s := Schedule{Seed: seed, Policy: flow.SimPolicy(r.IntN(int(flow.PickPoliciesEnd)))}
	s.Parallelism = 1 + r.IntN(3)
	if list := c.ForAll.Parallelism; len(list) > 0 {
		s.Parallelism = list[r.IntN(len(list))]
	} else if f.label >= plan.OrderDependent {
		s.Parallelism = 1
	}
	s.Checkpoints = 1 + r.IntN(20)
	s.Rescale = s.Parallelism > 1 && r.IntN(2) == 0
	s.Nodes = 1 + r.IntN(min(3, s.Parallelism))
	s.BatchRows = []int{1, 0, -1}[r.IntN(3)]
	s.Delay = []time.Duration{0, time.Millisecond}[r.IntN(2)]
	free := r.IntN(2) == 0
	switch c.ForAll.Arrival {
	case ArrivalAny:
		s.Free = true
	case ArrivalAuto:
		s.Free = free && f.label == plan.Deterministic && !f.late && f.tables > 1
	}
	var kinds []flow.SimFaultKind
	for _, name := range faults {
		kinds = append(kinds, faultKinds[name]...)
		if name == "kill" { // what takes a job back to a checkpoint finds most
			kinds = append(kinds, faultKinds[name]...)
			kinds = append(kinds, faultKinds[name]...)
		}
	}
	if slices.Contains(faults, "dup") && r.IntN(3) == 0 {
		s.Duplicate = 50
	}
	if seed%2 == 0 && slices.Contains(faults, "kill") && f.rows > 0 {
		s.crash(r, c, f)
		return s
	}
	if len(kinds) == 0 || r.IntN(5) == 0 {
		return s
	}
	for range 1 + r.IntN(2) {
		s.Faults = append(s.Faults, Fault{
			Row: r.IntN(f.rows + 1), Steps: r.IntN(30), Kind: kinds[r.IntN(len(kinds))], Node: r.IntN(s.Nodes),
			Until: time.Duration(1+r.IntN(20)) * time.Millisecond,
		})
	}
	slices.SortStableFunc(s.Faults, func(a, b Fault) int { return a.Row - b.Row })
	return s
}

// crash makes a schedule one that goes back to a checkpoint with rows before and behind it:
// every other schedule is so, for that is what finds most and is rare by chance. Sources have
// rows to give when a checkpoint comes, which is taken every few steps, and processes are
// lost soon after one.
func (s *Schedule) crash(r *rand.Rand, c *Case, f facts) {
	s.BatchRows, s.Amid = []int{1, -1}[r.IntN(2)], true
	s.Checkpoints = 1 + r.IntN(6)
	if c.ForAll.Arrival == ArrivalAuto {
		s.Free = f.label == plan.Deterministic && !f.late && f.tables > 1
	}
	kinds := faultKinds["kill"]
	for range 1 + r.IntN(3) {
		s.Faults = append(s.Faults, Fault{Row: 1 + r.IntN(f.rows), Steps: r.IntN(12), Kind: kinds[r.IntN(len(kinds))], Node: r.IntN(s.Nodes)})
	}
	slices.SortStableFunc(s.Faults, func(a, b Fault) int { return a.Row - b.Row })
}

var faultTexts = map[flow.SimFaultKind]string{
	flow.FaultNode: "a node is lost", flow.FaultCoordinator: "the coordinator is lost", flow.FaultPower: "the power fails",
	flow.FaultReset: "a connection breaks", flow.FaultCut: "a node is cut off", flow.FaultPause: "a node stands still", flow.FaultSlowDisk: "the disk is slow",
}

// String tells what is special about the schedule.
func (s *Schedule) String() string {
	if s.Seed == 0 {
		return "row by row, parallelism 1"
	}
	parts := []string{fmt.Sprintf("seed %d: parallelism %d", s.Seed, s.Parallelism)}
	switch {
	case s.BatchRows == 0:
		parts = append(parts, "whole batches")
	case s.BatchRows < 0:
		parts = append(parts, "batches of some rows")
	default:
		parts = append(parts, "row by row")
	}
	if s.Free {
		parts = append(parts, "tables meet in any order")
	}
	if s.Nodes > 1 {
		parts = append(parts, fmt.Sprintf("%d nodes", s.Nodes))
	}
	for _, f := range s.Faults {
		parts = append(parts, fmt.Sprintf("%s after row %d", faultTexts[f.Kind], f.Row))
	}
	if s.Rescale && len(s.Faults) > 0 {
		parts = append(parts, fmt.Sprintf("then parallelism %d", other(s.Parallelism)))
	}
	return strings.Join(parts, ", ")
}

// other is the parallelism with which a job goes on that had one of 2 or 3.
func other(parallelism int) int {
	if parallelism == 2 {
		return 3
	}
	return 2
}
