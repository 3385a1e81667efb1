package sqltest

import (
	"os"
	"strings"
	"testing"
)

// TestMultiJoinOff runs the queries of multi_join.test as joins of two inputs: they give
// the same tables, and the same changes one by one.
func TestMultiJoinOff(t *testing.T) {
	const name = "testdata/multi_join.test"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	r := &suite{engines: Engines{local, simulatedLocal}, plan: planned(t), spent: map[string]*spent{}}
	ran := 0
	for _, s := range f.Sections {
		if s.Form == Text || s.Form == Error {
			continue
		}
		ran++
		s.Settings = append(s.Settings, "table.optimizer.multi-join.enabled = false")
		s.SQL = strings.ReplaceAll(s.SQL, "MULTI_JOIN(", "BROADCAST(")
		r.section(t, s, name)
	}
	if ran < 20 {
		t.Errorf("only %d sections ran", ran)
	}
}
