package catalog

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/connect"
)

// otherDefaults are settings whose default is not Flink's, with the reason.
var otherDefaults = map[string]string{}

// TestKeysOfFlink reads the list of Flink's settings: each is known here, with Flink's
// default.
func TestKeysOfFlink(t *testing.T) {
	text, err := os.ReadFile("testdata/flink-2.3-keys.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		name, def, ok := strings.Cut(strings.TrimSpace(line), " =")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		n++
		def = strings.TrimSpace(def)
		k := FindKey(name)
		if k == nil {
			t.Errorf("%s: not known; add it to config_keys.go, or with the reason why it has no effect to config_idle.go", name)
			continue
		}
		if same := equalValues(k.Type, k.Default, def); same == (otherDefaults[name] != "") {
			t.Errorf("%s: default %q, Flink's is %q", name, k.Default, def)
		}
	}
	if n < 100 {
		t.Errorf("only %d settings in the list", n)
	}
}

func equalValues(t connect.OptionType, a, b string) bool {
	switch t {
	case connect.Duration:
		x, ok := connect.ParseDuration(a)
		y, ok2 := connect.ParseDuration(b)
		return ok && ok2 && x == y
	case connect.Size:
		x, ok := connect.ParseSize(a)
		y, ok2 := connect.ParseSize(b)
		return ok && ok2 && x == y
	}
	return strings.EqualFold(a, b)
}

// TestKeysOnce: a key stands in one place, and what is said of it in one sentence.
func TestKeysOnce(t *testing.T) {
	names := KeyNames()
	for i, k := range names {
		if i > 0 && names[i-1] == k {
			t.Errorf("%s is listed twice", k)
		}
	}
	for name, why := range idle {
		if !slices.Contains(names, name) {
			t.Errorf("%s has a reason for having no effect (%s) and no type", name, why)
		}
	}
	for _, k := range keys {
		if idle[k.Name] == "" && strings.Contains(k.Doc, "ithout effect") {
			t.Errorf("%s: its place is config_idle.go", k.Name)
		}
	}
}

// TestOldNames: a key that was set by an old name has that value, unless it was set by
// its own.
func TestOldNames(t *testing.T) {
	c := NewConfig()
	set := func(k, v string) {
		t.Helper()
		if warning, err := c.Set(k, v); warning != nil || err != nil {
			t.Fatal(warning, err)
		}
	}
	set("state.checkpoints.dir", "a")
	if got := c.Get("execution.checkpointing.dir"); got != "a" {
		t.Errorf("by its old name: %q", got)
	}
	set("execution.checkpointing.dir", "b")
	if got := c.Get("execution.checkpointing.dir"); got != "b" {
		t.Errorf("by both names: %q", got)
	}
	if _, err := c.Set("state.checkpoints.num-retained", "few"); err == nil {
		t.Error("a value set by an old name was not checked")
	}
	for key := range namesBefore {
		if FindKey(key) == nil {
			t.Errorf("no key %s", key)
		}
	}
}
