package sqltest

import (
	"testing"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// stumbling is a function that fails its first calls and notes when it was called.
type stumbling struct {
	failures int
	calls    []time.Duration // on the host's clock
	now      func() time.Duration
}

func (s *stumbling) function() *function.Func {
	return &function.Func{
		Name: "STUMBLE", Summary: "Fails at first.", Signatures: []string{"STUMBLE(bigint)"},
		Infer: func(c *function.Call) (function.Resolved, error) {
			return function.Resolved{Params: []types.Type{types.BigIntT}, Result: types.BigIntT.Nullable(c.Args[0].Type.IsNullable()), Eval: s.eval}, nil
		},
	}
}

func (s *stumbling) eval(_ *function.Frame, dst *batch.Col, args []*batch.Col, n int, _ []uint64) error {
	s.calls = append(s.calls, s.now())
	if len(s.calls) <= s.failures {
		return diag.New(diag.UserFunction, "failure %d", len(s.calls))
	}
	copy(dst.I64[:n], args[0].I64)
	return nil
}

// waits runs a job that fails so often and returns the time between its attempts.
func (s *stumbling) waits(t *testing.T, seed uint64, settings ...[2]string) ([]time.Duration, error) {
	t.Helper()
	s.calls = nil
	end := clockJob{
		seed:    seed,
		tables:  []string{"CREATE TABLE t (id BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '1', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '1')"},
		columns: "id BIGINT", query: "SELECT STUMBLE(id) FROM t", settings: settings,
		prepare: func(sim *flow.Sim, e *engine.Engine) {
			s.now = func() time.Duration { return time.Duration(sim.Now()) * time.Millisecond }
			if err := e.Register(s.function()); err != nil {
				t.Fatal(err)
			}
		},
	}.run(t)
	var out []time.Duration
	for i := 1; i < len(s.calls); i++ {
		out = append(out, s.calls[i]-s.calls[i-1])
	}
	return out, end.err
}

// TestRestartStrategies lets a job fail and looks how often and after which time it is
// started again, as Flink's documentation has it for each strategy.
// shows restart-strategy.type restart-strategy.fixed-delay.attempts restart-strategy.fixed-delay.delay
// shows restart-strategy.failure-rate.max-failures-per-interval restart-strategy.failure-rate.failure-rate-interval restart-strategy.failure-rate.delay
// shows restart-strategy.exponential-delay.initial-backoff restart-strategy.exponential-delay.max-backoff
// shows restart-strategy.exponential-delay.backoff-multiplier restart-strategy.exponential-delay.reset-backoff-threshold
// shows restart-strategy.exponential-delay.attempts-before-reset-backoff
func TestRestartStrategies(t *testing.T) {
	set := func(kind string, kv ...string) [][2]string {
		out := [][2]string{{"restart-strategy.type", kind}}
		for i := 0; i < len(kv); i += 2 {
			out = append(out, [2]string{"restart-strategy." + kind + "." + kv[i], kv[i+1]})
		}
		return out
	}
	const exponential = "exponential-delay"
	steady := []string{"jitter-factor", "0.000001", "initial-backoff", "1 s", "backoff-multiplier", "3", "max-backoff", "20 s"}
	seconds := func(s ...int) (out []time.Duration) {
		for _, n := range s {
			out = append(out, time.Duration(n)*time.Second)
		}
		return out
	}
	for _, c := range []struct {
		name     string
		failures int
		settings [][2]string
		waits    []time.Duration
		fails    bool
	}{
		{"none", 1, set("none"), nil, true},
		{"fixed delay, one attempt", 2, set("fixed-delay"), seconds(1), true},
		{"fixed delay, enough attempts", 3, set("fixed-delay", "attempts", "3", "delay", "10 s"), seconds(10, 10, 10), false},
		{"fixed delay, too few attempts", 4, set("fixed-delay", "attempts", "3", "delay", "10 s"), seconds(10, 10, 10), true},
		{"failure rate, within the interval", 3, set("failure-rate", "max-failures-per-interval", "2", "failure-rate-interval", "1 min", "delay", "10 s"), seconds(10, 10), true},
		{"failure rate, slower than the interval", 5, set("failure-rate", "max-failures-per-interval", "2", "failure-rate-interval", "15 s", "delay", "10 s"), seconds(10, 10, 10, 10, 10), false},
		{"failure rate, more failures", 3, set("failure-rate", "max-failures-per-interval", "3", "failure-rate-interval", "1 min", "delay", "10 s"), seconds(10, 10, 10), false},
		{"exponential", 5, set(exponential, steady...), seconds(1, 3, 9, 20, 20), false},
		{"exponential, few attempts", 5, set(exponential, append(steady, "attempts-before-reset-backoff", "2")...), seconds(1, 3), true},
		{"exponential, forgotten at once", 4, set(exponential, append(steady, "reset-backoff-threshold", "1 ms")...), seconds(1, 1, 1, 1), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(2) {
				got, err := (&stumbling{failures: c.failures}).waits(t, seed, c.settings...)
				if (err != nil) != c.fails {
					t.Errorf("seed %d: ends with %v", seed, err)
				}
				if len(got) != len(c.waits) {
					t.Fatalf("seed %d: waits %v, want %v", seed, got, c.waits)
				}
				for i, w := range c.waits { // what is done in between takes some milliseconds
					if got[i] < w || got[i] > w+200*time.Millisecond {
						t.Errorf("seed %d: waits %v, want %v", seed, got, c.waits)
					}
				}
			}
		})
	}
}

// TestRestartJitter: the delay lies as far from the back-off as the factor allows, on
// both sides of it.
// shows restart-strategy.exponential-delay.jitter-factor
func TestRestartJitter(t *testing.T) {
	var less, more bool
	for seed := range uint64(8) {
		got, err := (&stumbling{failures: 4}).waits(t, seed,
			[2]string{"restart-strategy.type", "exponential-delay"}, [2]string{"restart-strategy.exponential-delay.jitter-factor", "0.5"},
			[2]string{"restart-strategy.exponential-delay.initial-backoff", "10 s"}, [2]string{"restart-strategy.exponential-delay.backoff-multiplier", "1"})
		if err != nil || len(got) != 4 {
			t.Fatalf("seed %d: waits %v, %v", seed, got, err)
		}
		for _, w := range got {
			if w < 5*time.Second || w > 15*time.Second+200*time.Millisecond {
				t.Errorf("seed %d: waits %v", seed, got)
			}
			less, more = less || w < 8*time.Second, more || w > 12*time.Second
		}
	}
	if !less || !more {
		t.Error("no wait is far from 10 s")
	}
}
