package sim

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/flow"
)

var all = os.Getenv("MINK_ALL") != ""

// small is the scenario of a seed with so little input that each moment of it can be tried,
// undisturbed, of the kind whose turn it is, with the bug that -plant says.
func small(seed uint64) Scenario {
	sc := Draw(seed, flow.Plant(*onePlant))
	sc.Kind, sc.Faults, sc.MaxSteps = Kind(seed%uint64(kindsEnd)), nil, 20_000
	sc.Splits, sc.Rows = min(sc.Splits, 2), min(sc.Rows, 8)
	sc.Interval, sc.Parallel = min(sc.Interval, 4*time.Millisecond), min(sc.Parallel, 3)
	sc.Gaps, sc.Idle = sc.Gaps && sc.Kind == Window, 0
	return sc
}

// spread calls f with each number below n on as many goroutines as there are cores, until
// one returns false.
func spread(n int, f func(i int) bool) {
	var next atomic.Int64
	var over atomic.Bool
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for !over.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if !f(i) {
					over.Store(true)
				}
			}
		})
	}
	wait.Wait()
}

// TestEachStep takes scenarios of every kind and loses a process after each of their steps
// in turn: a node, the coordinator, or the machine with what was not synced. All of these
// at each step, and 200 scenarios, with MINK_ALL.
func TestEachStep(t *testing.T) {
	scenarios, kinds := int(kindsEnd), 1
	if all {
		scenarios, kinds = 200, 3
	}
	fatal := [...]flow.SimFaultKind{flow.FaultNode, flow.FaultCoordinator, flow.FaultPower}
	var steps, runs, begun, restored atomic.Int64
	spread(scenarios, func(i int) bool {
		seed := uint64(i + 1)
		sc := small(seed)
		calm := Run(sc)
		if calm.Err != nil {
			t.Errorf("seed %d, undisturbed: %v", seed, calm.Err)
			return false
		}
		steps.Add(int64(calm.Steps))
		for step := 1; step <= calm.Steps; step++ {
			for k := range kinds {
				hit := sc
				hit.Faults = []flow.SimFault{{Step: step, Kind: fatal[(step+k)%len(fatal)], Node: step % sc.Nodes}}
				r := Run(hit)
				runs.Add(1)
				if r.Attempts > calm.Attempts {
					begun.Add(1)
				}
				if r.Restored > 0 {
					restored.Add(1)
				}
				if r.Err != nil {
					t.Errorf("seed %d, fault %d after step %d: %v", seed, hit.Faults[0].Kind, step, r.Err)
					return false
				}
			}
		}
		return true
	})
	t.Logf("%d scenarios, %d steps, %d runs; %d began anew, %d of them from a checkpoint", scenarios, steps.Load(), runs.Load(), begun.Load(), restored.Load())
	if begun.Load()*10 < runs.Load()*7 || restored.Load()*5 < runs.Load() {
		t.Errorf("the faults do not meet the jobs any more")
	}
}

// TestEachWrite stops the machine at each operation of the disk until a job's last
// checkpoint, leaves nothing, names alone, half or all of what was not synced, and lets the operation
// alone fail. What is gone on from is the old checkpoint or the one that was being written
// (no run may go back further), and each row comes out once.
func TestEachWrite(t *testing.T) {
	scenarios := 3
	if all {
		scenarios = 200
	}
	var last, points, runs, old, fresh atomic.Int64
	spread(scenarios, func(int) bool {
		var seed uint64
		var sc Scenario
		var calm Result
		for len(calm.completed) < 2 || calm.Attempts > 1 {
			seed = uint64(last.Add(1))
			sc = small(seed)
			if calm = Run(sc); calm.Err != nil {
				t.Errorf("seed %d, undisturbed: %v", seed, calm.Err)
				return false
			}
		}
		for op := 1; op <= calm.completed[len(calm.completed)-1].ops; op++ {
			points.Add(1)
			before := int64(0)
			for _, m := range calm.completed {
				if m.ops < op {
					before = m.n
				}
			}
			for left := flow.LeftNothing; left <= flow.LeftsEnd; left++ {
				f := flow.SimFault{Kind: flow.FaultPower, Op: op, Left: left}
				if left == flow.LeftsEnd {
					f.Kind = flow.FaultDisk
				}
				hit := sc
				hit.Faults = []flow.SimFault{f}
				r := Run(hit)
				runs.Add(1)
				switch {
				case r.Err != nil:
					t.Errorf("seed %d, operation %d, left %d: %v", seed, op, left, r.Err)
					return false
				case f.Kind != flow.FaultPower:
				case r.Attempts == 1 && op > calm.completed[0].ops:
					t.Errorf("seed %d, operation %d: nothing was lost", seed, op)
					return false
				case r.Restored == before:
					old.Add(1)
				default:
					fresh.Add(1)
				}
			}
		}
		return true
	})
	t.Logf("%d scenarios, %d operations, %d runs; %d went on from the checkpoint before, %d from a newer one", scenarios, points.Load(), runs.Load(), old.Load(), fresh.Load())
	if old.Load() == 0 || fresh.Load() == 0 {
		t.Errorf("the stops do not meet a checkpoint any more")
	}
}

// TestEachRescale goes on with each parallelism from 1 to 8 after each from 1 to 8, from
// each checkpoint of a job. Each pair takes the kind whose turn it is, and every kind with
// MINK_ALL.
func TestEachRescale(t *testing.T) {
	var runs, barriers atomic.Int64
	const most = 8
	kinds := 1
	if all {
		kinds = int(kindsEnd)
	}
	spread(most*most, func(i int) bool {
		p, q := 1+i/most, 1+i%most
		for k := range kinds {
			sc := small(uint64(1 + i + k))
			sc.Splits, sc.Groups, sc.Keys, sc.Shapes = 3, 32, 64, []int{p}
			sc.Parallel = most
			calm := Run(sc)
			if calm.Err != nil || len(calm.completed) == 0 {
				t.Errorf("parallelism %d: %d checkpoints, %v", p, len(calm.completed), calm.Err)
				return false
			}
			for n, at := range calm.completed {
				sc.Shapes = []int{p, q}
				sc.Faults = []flow.SimFault{{Step: at.steps, Kind: flow.FaultCoordinator}}
				r := Run(sc)
				runs.Add(1)
				if r.Restored > 0 {
					barriers.Add(1)
				}
				if r.Err != nil {
					t.Errorf("%s from %d to %d at checkpoint %d: %v", sc.Kind, p, q, n+1, r.Err)
					return false
				}
			}
		}
		return true
	})
	t.Logf("%d runs, %d went on from a checkpoint with another parallelism", runs.Load(), barriers.Load())
	if barriers.Load() < most*most {
		t.Errorf("only %d runs went on from a checkpoint", barriers.Load())
	}
}
