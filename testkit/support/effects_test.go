package support

import (
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/testkit/sqltest"
)

// TestEffects holds each setting that is said to have an effect to a test of it.
func TestEffects(t *testing.T) {
	sections, err := Sections(root)
	if err != nil {
		t.Fatal(err)
	}
	tests, err := Collect(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range Effects(sections, tests) {
		t.Error(bad)
	}
}

// Two sections show a setting when nothing else is between them and their results differ.
func TestPairs(t *testing.T) {
	const ttl = "SET 'table.exec.state.ttl' = '1 d';\n"
	for _, c := range []struct {
		name, a, b string
		shown      bool
	}{
		{"a directive", "SELECT 1\n----\n+I[1]", "set table.exec.state.ttl = 1 d\nSELECT 1\n----\n+I[2]", true},
		{"a statement", "SELECT 1\n----\n+I[1]", ttl + "SELECT  1\n----\n+I[2]", true},
		{"it fails", "SELECT 1\n----\n+I[1]", ttl + "SELECT 1\n----\nERROR config", true},
		{"the same result", "SELECT 1\n----\n+I[1]", ttl + "SELECT 1\n----\n+I[1]", false},
		{"the default", "SELECT 1\n----\n+I[1]", "set table.exec.state.ttl = 0 ms\nSELECT 1\n----\n+I[2]", false},
		{"another form of the result", "SELECT 1\n----\n+I[1]", ttl + "SELECT 1\n----\ntable\n[2]", false},
		{"another query", "SELECT 2\n----\n+I[2]", ttl + "SELECT 1\n----\n+I[1]", false},
		{"another setting, too", "SELECT 1\n----\n+I[1]", ttl + "set parallelism.default = 2\nSELECT 1\n----\n+I[2]", false},
		{"another table", "given t (a INT)\nSELECT 1\n----\n+I[1]", ttl + "SELECT 1\n----\n+I[2]", false},
		{"another mode", "SELECT 1\n----\n+I[1]", "only batch\n" + ttl + "SELECT 1\n----\n+I[2]", false},
	} {
		f, err := sqltest.Parse(c.a + "\n\n" + c.b + "\n")
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := pairs(f.Sections)["table.exec.state.ttl"]; got != c.shown {
			t.Errorf("%s: shown %v", c.name, got)
		}
	}
}

// A Go test shows a setting when its file sets it.
func TestShows(t *testing.T) {
	for _, c := range []struct{ key, text, want string }{
		{"table.exec.state.ttl", "// shows table.exec.state.ttl\nset(\"table.exec.state.ttl\")", ""},
		{"table.exec.state.ttl", "// shows table.exec.state.ttl\nset(prefix, \"ttl\")", ""},
		{"table.exec.state.ttl", "// shows table.exec.state.ttl\n", "does not set it"},
		{"table.exec.state.tll", "\"table.exec.state.tll\"", "is no setting"},
		{"execution.target", "\"execution.target\"", "said to have no effect"},
	} {
		bad := Effects(nil, []*Test{{At: "x_test.go:1", Settings: []string{c.key}, Text: c.text}})
		i := slices.IndexFunc(bad, func(s string) bool { return strings.HasPrefix(s, "x_test.go:1: ") })
		switch {
		case c.want == "" && (i >= 0 || slices.ContainsFunc(bad, func(s string) bool { return strings.HasPrefix(s, c.key+": ") })):
			t.Errorf("%s in %q: %q", c.key, c.text, bad)
		case c.want != "" && (i < 0 || !strings.Contains(bad[i], c.want)):
			t.Errorf("%s in %q: nothing says %q", c.key, c.text, c.want)
		}
	}
}
