package flink

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// sqltestDir is where sections run: paths in them count from there.
const sqltestDir = "../sqltest"

// pythons are the interpreters that apache-flink has packages for, best first.
var pythons = []string{"python3.11", "python3.12", "python3.10", "python3"}

// preparePython gives an interpreter with Flink's own package for Python, which it sets
// up once in the user's cache.
func preparePython(ctx context.Context) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	if cache, err = filepath.Abs(cache); err != nil {
		return "", err
	}
	python := filepath.Join(cache, "python", "bin", "python")
	use := func() error { return exec.CommandContext(ctx, python, "-c", "import pyflink.table").Run() }
	if use() == nil {
		return python, nil
	}
	err = errors.New("no python3")
	for _, base := range pythons {
		if _, absent := exec.LookPath(base); absent != nil {
			continue
		}
		if err = os.RemoveAll(filepath.Join(cache, "python")); err != nil {
			return "", err
		}
		var out []byte
		if out, err = exec.CommandContext(ctx, base, "-m", "venv", filepath.Join(cache, "python")).CombinedOutput(); err == nil {
			out, err = exec.CommandContext(ctx, python, "-m", "pip", "install", "-q", "apache-flink=="+Version()).CombinedOutput()
		}
		if err == nil {
			return python, use()
		}
		err = fmt.Errorf("%w: %s", err, out)
	}
	return "", err
}

// withPython sets the interpreter of a section, and where its Python files lie.
func withPython(r *request, python string) error {
	files, err := filepath.Abs(filepath.Join(sqltestDir, r.Settings["python.files"]))
	if err != nil {
		return err
	}
	r.Settings["python.files"] = files
	for _, key := range []string{"python.executable", "python.client.executable"} {
		if r.Settings[key] == "" {
			r.Settings[key] = python
		}
	}
	return nil
}

// pythonFiles is a hash of the Python files of sections.
var pythonFiles = sync.OnceValue(func() string {
	h := sha256.New()
	names, _ := filepath.Glob(filepath.Join(sqltestDir, "testdata", "udf", "*.py"))
	for _, name := range names {
		text, _ := os.ReadFile(name)
		h.Write(text)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
})
