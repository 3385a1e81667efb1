package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/diag"
)

// TestCodeExamples runs the example of each code, which has to end with that code,
// and has each code explained.
func TestCodeExamples(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range diag.All() {
		t.Run(string(c.Code), func(t *testing.T) {
			var out, errOut bytes.Buffer
			if code := Main([]string{"explain", string(c.Code)}, strings.NewReader(""), &out, &errOut); code != exitOK {
				t.Errorf("explain: exit %d\n%s", code, errOut.String())
			}
			for _, part := range []string{string(c.Code) + ": ", c.Cause, strings.ReplaceAll(c.Example, "\n", "\n  "), c.Fix} {
				if !strings.Contains(out.String(), part) {
					t.Errorf("explain does not say %q", part)
				}
			}
			if c.Example == "" {
				return
			}
			out.Reset()
			errOut.Reset()
			if code := Main([]string{"sql", "--output", "json", "-e", c.Example}, strings.NewReader(""), &out, &errOut); code != exitFailed {
				t.Errorf("exit %d, want %d", code, exitFailed)
			}
			if !strings.Contains(errOut.String(), ": "+string(c.Code)+": ") {
				t.Errorf("%s\ngives\n%s", c.Example, errOut.String())
			}
		})
	}
}
