package job

import (
	"testing"
	"time"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/flow"
)

// configured are the flow settings of a session with a few keys set.
func configured(t *testing.T, kv ...string) flow.Config {
	t.Helper()
	s := catalog.NewConfig()
	for i := 0; i < len(kv); i += 2 {
		if _, err := s.Set(kv[i], kv[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	c, err := flowConfig(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestBufferTimeout: how long a batch that does not fill waits; flow's test of the same
// name has what comes of it.
// shows execution.buffer-timeout.interval execution.buffer-timeout.enabled
func TestBufferTimeout(t *testing.T) {
	if d := configured(t).BufferTimeout; d != 100*time.Millisecond {
		t.Errorf("by default %s", d)
	}
	if d := configured(t, "execution.buffer-timeout.interval", "7 ms").BufferTimeout; d != 7*time.Millisecond {
		t.Errorf("with 7 ms %s", d)
	}
	if d := configured(t, "execution.buffer-timeout.interval", "7 ms", "execution.buffer-timeout.enabled", "false").BufferTimeout; d < 365*24*time.Hour {
		t.Errorf("without %s", d)
	}
}

// TestRetention: what becomes of checkpoints and of the snapshot that a job begins from;
// flow's TestClaim and TestRetention have what comes of it.
// shows execution.checkpointing.externalized-checkpoint-retention execution.state-recovery.claim-mode
func TestRetention(t *testing.T) {
	key := "execution.checkpointing.externalized-checkpoint-retention"
	for _, x := range []struct {
		value            string
		cancel, failures bool
	}{{"", false, false}, {"RETAIN_ON_CANCELLATION", false, false}, {"DELETE_ON_CANCELLATION", true, false}, {"NO_EXTERNALIZED_CHECKPOINTS", true, true}} {
		c := configured(t)
		if x.value != "" {
			c = configured(t, key, x.value)
		}
		if c.DeleteOnCancel != x.cancel || c.DeleteOnFailure != x.failures {
			t.Errorf("%q: deleted on cancellation %v, on failure %v", x.value, c.DeleteOnCancel, c.DeleteOnFailure)
		}
	}
	for mode, claim := range map[string]bool{"CLAIM": true, "NO_CLAIM": false, "LEGACY": false} {
		if c := configured(t, "execution.state-recovery.claim-mode", mode); c.Claim != claim {
			t.Errorf("%s: claimed %v", mode, c.Claim)
		}
	}
}
