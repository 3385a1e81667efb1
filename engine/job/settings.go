package job

import (
	"strconv"
	"time"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
)

// parallelism is that of operators which are free to choose.
func parallelism(s *catalog.Config) int {
	if n := s.Int("table.exec.resource.default-parallelism"); n > 0 {
		return n
	}
	return max(1, s.Int("parallelism.default"))
}

// never is longer than a job runs.
const never = 100 * 365 * 24 * time.Hour

// flowConfig reads the keys that say how a job runs.
func flowConfig(s *catalog.Config) (flow.Config, error) {
	c := flow.Config{
		Dir:                s.Get("execution.checkpointing.dir"),
		CheckpointInterval: s.Duration("execution.checkpointing.interval"),
		CheckpointTimeout:  s.Duration("execution.checkpointing.timeout"),
		CheckpointMinPause: s.Duration("execution.checkpointing.min-pause"),
		Retained:           s.Int("execution.checkpointing.num-retained"),
		Restore:            s.Get("execution.state-recovery.path"),
		DiscardState:       s.Bool("execution.state-recovery.ignore-unclaimed-state"),
		BufferTimeout:      s.Duration("execution.buffer-timeout.interval"),
	}
	c.Claim = s.Enum("execution.state-recovery.claim-mode") == "CLAIM"
	if _, set := s.Lookup("execution.checkpointing.externalized-checkpoint-retention"); set {
		switch s.Enum("execution.checkpointing.externalized-checkpoint-retention") {
		case "DELETE_ON_CANCELLATION":
			c.DeleteOnCancel = true
		case "NO_EXTERNALIZED_CHECKPOINTS":
			c.DeleteOnCancel, c.DeleteOnFailure = true, true
		}
	}
	if !s.Bool("execution.buffer-timeout.enabled") {
		c.BufferTimeout = never
	}
	c.TolerableFailures = s.Int("execution.checkpointing.tolerable-failed-checkpoints")
	if c.TolerableFailures == 0 {
		c.TolerableFailures = -1
	}
	var err error
	if c.StateMemory, err = size(s, "state.memory"); err != nil {
		return c, err
	}
	reserve, ok := connect.ParseSize(s.Get("mink.checkpointing.disk-reserve"))
	if !ok {
		return c, diag.New(diag.InvalidOption, "'mink.checkpointing.disk-reserve' must be a size such as '1 gb', not %q", s.Get("mink.checkpointing.disk-reserve"))
	}
	c.DiskReserve = reserve
	if v, ok := s.Lookup("mink.exec.batch-rows"); ok {
		if c.BatchRows, err = strconv.Atoi(v); err != nil || c.BatchRows < 1 || c.BatchRows > 1<<15 {
			return c, diag.New(diag.InvalidOption, "'mink.exec.batch-rows' must be a number from 1 to 32768, not %q", v)
		}
	}
	c.Restart = restart(s)
	return c, nil
}

func size(s *catalog.Config, key string) (int64, error) {
	v, ok := s.Lookup(key)
	if !ok || v == "" {
		return 0, nil
	}
	n, ok := connect.ParseSize(v)
	if !ok {
		return 0, diag.New(diag.InvalidOption, "'%s' must be a size such as '64 mb', not %q", key, v)
	}
	return n, nil
}

func restart(s *catalog.Config) flow.Restart {
	var r flow.Restart
	if _, ok := s.Lookup("restart-strategy.type"); !ok {
		return r
	}
	switch s.Enum("restart-strategy.type") {
	case "NONE", "OFF", "DISABLE":
		r.Kind = flow.RestartNever
	case "FIXED-DELAY", "FIXEDDELAY":
		r.Kind = flow.RestartFixed
		r.Attempts = s.Int("restart-strategy.fixed-delay.attempts")
		r.Delay = s.Duration("restart-strategy.fixed-delay.delay")
	case "FAILURE-RATE", "FAILURERATE":
		r.Kind = flow.RestartRate
		r.Attempts = s.Int("restart-strategy.failure-rate.max-failures-per-interval")
		r.Interval = s.Duration("restart-strategy.failure-rate.failure-rate-interval")
		r.Delay = s.Duration("restart-strategy.failure-rate.delay")
	default:
		r.Kind = flow.RestartExponential
		r.Delay = s.Duration("restart-strategy.exponential-delay.initial-backoff")
		r.MaxDelay = s.Duration("restart-strategy.exponential-delay.max-backoff")
		r.Reset = s.Duration("restart-strategy.exponential-delay.reset-backoff-threshold")
		r.Attempts = s.Int("restart-strategy.exponential-delay.attempts-before-reset-backoff") // 0 for infinite
		r.Factor, _ = strconv.ParseFloat(s.Get("restart-strategy.exponential-delay.backoff-multiplier"), 64)
		r.Jitter, _ = strconv.ParseFloat(s.Get("restart-strategy.exponential-delay.jitter-factor"), 64)
	}
	return r
}
