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
