package cli

import (
	"os"
	"path/filepath"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// confinedTests is what tests may touch: a test can come with a change that nobody has read
// yet. They read the project, and what --allow-read adds, and start no program unless
// --allow-functions says that code in Python is trusted.
func confinedTests(paths, more []string, functions bool) (*env.Env, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, failed(exitInternal, diag.Wrap(diag.IO, err, "cannot tell the working folder"))
	}
	roots := env.Roots{Dir: dir, Allowed: []string{repositoryOf(dir)}, Who: "a test", Help: "mink test --allow-read DIR allows another directory"}
	for _, p := range paths {
		if p, err = filepath.Abs(p); err != nil {
			continue // said when it is opened
		}
		if info, err := os.Stat(p); err != nil || !info.IsDir() {
			p = filepath.Dir(p)
		}
		roots.Allowed = append(roots.Allowed, repositoryOf(p))
	}
	for _, p := range more {
		abs, err := filepath.Abs(p)
		if err == nil {
			_, err = os.Stat(abs)
		}
		if err != nil {
			return nil, failed(exitUsage, diag.Wrap(diag.Config, err, "--allow-read names %s", p))
		}
		roots.Allowed = append(roots.Allowed, abs)
	}
	host := env.OS("")
	out := &env.Env{Disk: env.Confined(roots), Processes: noPrograms{}}
	if functions {
		out.Processes = host.Processes
	}
	return out, nil
}

// repositoryOf is the folder of a repository that dir lies in, and dir itself without one.
func repositoryOf(dir string) string {
	for up := dir; ; up = filepath.Dir(up) {
		if _, err := os.Lstat(filepath.Join(up, ".git")); err == nil {
			return up
		}
		if up == filepath.Dir(up) {
			return dir
		}
	}
}

// noPrograms refuses to start any.
type noPrograms struct{}

func (noPrograms) Start(p env.Program) (env.Process, error) {
	return nil, diag.New(diag.Permission, "a function in Python would run '%s' with the rights of whoever runs the tests", p.Path).
		WithHint("look at the function and at 'python.executable', then allow it with mink test --allow-functions")
}
