package kernel

import (
	"os/exec"
	"strings"
	"testing"
)

// TestMapsInline asks the compiler whether the loops that take an operator are
// inlined: only then does it write the loop for the operator at the call site.
func TestMapsInline(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the package")
	}
	out, err := exec.Command("go", "build", "-gcflags=-m", ".").CombinedOutput()
	if err != nil {
		t.Skipf("no compiler here: %v", err)
	}
	for _, f := range []string{"Map1", "Map2", "Test1", "Test2", "Pick", "PickFew", "PickOf"} {
		if !strings.Contains(string(out), "can inline "+f+"[") {
			t.Errorf("%s is too large to inline", f)
		}
		if !strings.Contains(string(out), "inlining call to "+f+"[") {
			t.Errorf("%s is inlined nowhere", f)
		}
	}
}
