package scalar_test

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestEdges runs the tables of facts in testdata. Lines beginning with # are
// comments; "@zone NAME" sets the session zone for the lines below.
func TestEdges(t *testing.T) {
	for _, name := range []string{"edge", "edge_cast", "edge_collection", "edge_json", "edge_types"} {
		data, err := os.ReadFile("testdata/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			v := newEvaluator(time.UTC)
			for _, line := range strings.Split(string(data), "\n") {
				switch zone, ok := strings.CutPrefix(line, "@zone "); {
				case ok:
					loc, err := time.LoadLocation(zone)
					if err != nil {
						t.Fatal(err)
					}
					v = newEvaluator(loc)
				case line != "" && !strings.HasPrefix(line, "#"):
					table(t, v, line)
				}
			}
		})
	}
}
