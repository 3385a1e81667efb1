package sqltest

import (
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/flow"
)

// checkpointed runs a count over rows that come one a second for 4 s and returns how its
// checkpoints went, and how many complete ones lay on the disk at most.
func checkpointed(t *testing.T, seed uint64, settings ...string) (stats flow.CheckpointStats, kept int, end clockEnd) {
	t.Helper()
	job := clockJob{seed: seed, tables: []string{ttlScript}, columns: "k INT, n BIGINT", query: "SELECT k, COUNT(*) FROM t GROUP BY k"}
	for _, kv := range settings {
		key, value, _ := strings.Cut(kv, "=")
		job.settings = append(job.settings, [2]string{"execution.checkpointing." + key, value})
	}
	job.settings = append(job.settings, [2]string{"restart-strategy.type", "none"})
	job.check = func(s *flow.Sim, _ *flow.Job) error {
		entries, err := s.Disk.List("/chk")
		if err != nil {
			return nil // no such folder yet
		}
		n := 0
		for _, e := range entries {
			if _, err := s.Disk.Stat("/chk/" + e.Name() + "/_metadata"); err == nil {
				n++ // complete
			}
		}
		kept = max(kept, n)
		return nil
	}
	end = job.run(t)
	return end.job.Status().Checkpoints, kept, end
}

// TestCheckpointSettings lets 4 s pass and counts checkpoints.
// shows execution.checkpointing.interval execution.checkpointing.dir execution.checkpointing.num-retained
// shows execution.checkpointing.min-pause execution.checkpointing.timeout execution.checkpointing.tolerable-failed-checkpoints
func TestCheckpointSettings(t *testing.T) {
	for _, c := range []struct {
		name           string
		settings       string
		from, to       int // completed checkpoints
		keptFrom, kept int // folders at once
		failed, fails  bool
	}{
		{"none", "", 0, 1, 0, 0, false, false},
		{"every second", "interval=1 s", 3, 5, 0, 0, false, false},
		{"every 100 ms", "interval=100 ms", 25, 45, 0, 0, false, false},
		{"with a pause", "interval=100 ms;min-pause=1 s", 3, 5, 0, 0, false, false},
		{"in a folder", "interval=1 s;dir=/chk", 3, 5, 1, 2, false, false},
		{"three of them", "interval=100 ms;dir=/chk;num-retained=3", 25, 45, 3, 4, false, false},
		{"too slow", "interval=100 ms;dir=/chk;timeout=4 ms;tolerable-failed-checkpoints=1000", 1, 40, 1, 100, true, false},
		{"too slow, none to fail", "interval=100 ms;dir=/chk;timeout=4 ms;tolerable-failed-checkpoints=0", 0, 20, 0, 100, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(2) {
				stats, kept, end := checkpointed(t, seed, strings.FieldsFunc(c.settings, func(r rune) bool { return r == ';' })...)
				if (end.err != nil) != c.fails {
					t.Errorf("seed %d: ends with %v", seed, end.err)
				}
				if stats.Completed < c.from || stats.Completed > c.to {
					t.Errorf("seed %d: %d checkpoints, want %d to %d", seed, stats.Completed, c.from, c.to)
				}
				if (stats.Failed > 0) != c.failed {
					t.Errorf("seed %d: %d checkpoints failed", seed, stats.Failed)
				}
				if kept < c.keptFrom || kept > c.kept {
					t.Errorf("seed %d: %d folders at once, want %d to %d", seed, kept, c.keptFrom, c.kept)
				}
			}
		})
	}
}
