package flink

import "testing"

// TestKept: answers are kept for the next run, but for those of a machine that stood still,
// also where an earlier version kept them.
func TestKept(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	lost := &Answer{Error: "TimeoutException: Failed to fetch next result <- Heartbeat of TaskManager with id 14 timed out."}
	none := &Answer{Error: "NoResourceAvailableException: Could not acquire the minimum required resources."}
	for _, c := range []struct {
		a    *Answer
		kept bool
	}{{&Answer{ID: "a"}, true}, {&Answer{ID: "b", Error: "no such column"}, true}, {&Answer{ID: "c", Late: true}, false}, {lost, false}, {none, false}} {
		k, err := openKept(true)
		if err != nil {
			t.Fatal(err)
		}
		if err := k.add("key", c.a); err != nil {
			t.Fatal(err)
		}
		if err := k.close(); err != nil {
			t.Fatal(err)
		}
		if k, err = openKept(false); err != nil {
			t.Fatal(err)
		}
		if (k.answers["key"] != nil) != c.kept {
			t.Errorf("%+v: kept %v", c.a, !c.kept)
		}
		if err := k.close(); err != nil {
			t.Fatal(err)
		}
	}
}
