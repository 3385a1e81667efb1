package suite

import (
	"context"
	"testing"
)

// TestExamples: the tests in examples/testing pass, and with another delay of the watermark
// those do not that speak of it.
func TestExamples(t *testing.T) {
	t.Chdir("../../examples/testing")
	s, err := Run(context.Background(), Options{Each: func(r *Result) {
		if r.Failed() {
			t.Error(r.Name(), Describe(r))
		}
	}})
	if err != nil || s.Passed != 3 {
		t.Fatal(s, err)
	}
}
