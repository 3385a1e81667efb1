// Package python finds the Python for tests of functions that need packages. The tests
// of everything else need Go alone, or python3.
//
// `make python` puts one, with pandas and pyarrow, into the user's cache. Without it,
// such tests are skipped and say so.
package python

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Pandas is the path of a Python that has pandas and pyarrow, or empty with the reason.
var Pandas = sync.OnceValues(func() (path, reason string) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err.Error()
	}
	for _, p := range []string{os.Getenv("MINK_PYTHON"), filepath.Join(cache, "mink", "python", "bin", "python"), "python3"} {
		if p == "" {
			continue
		}
		if exec.Command(p, "-c", "import pandas, pyarrow").Run() == nil {
			return p, ""
		}
	}
	return "", "no Python with pandas and pyarrow: make python brings one, MINK_PYTHON names one"
})

// NeedPandas is Pandas, or skips the test.
func NeedPandas(t testing.TB) string {
	t.Helper()
	path, reason := Pandas()
	if path == "" {
		t.Skip(reason)
	}
	return path
}
