package guard

import (
	"os"
	"syscall"

	"github.com/minkstream/mink/engine/diag"
)

// StateDir makes the directory of a cluster one that nobody else can look into: mode 0700.
// It fails with permission when the directory belongs to another user, who could put
// programs, tokens and checkpoints there.
func StateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return diag.Wrap(diag.IO, err, "cannot make the directory of the cluster")
	}
	info, err := os.Stat(dir)
	if err != nil {
		return diag.Wrap(diag.IO, err, "cannot look at the directory of the cluster")
	}
	if !info.IsDir() {
		return diag.New(diag.Config, "%s is not a directory", dir).WithHint("name another one with --dir")
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := owned(dir, int(st.Uid), os.Geteuid()); err != nil {
			return err
		}
	}
	if info.Mode().Perm() != 0o700 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return diag.Wrap(diag.IO, err, "cannot keep others out of the directory of the cluster")
		}
	}
	return nil
}

func owned(dir string, owner, me int) error {
	if owner == me {
		return nil
	}
	return diag.New(diag.Permission, "%s belongs to another user (number %d), who could change what is in it", dir, owner).
		WithHint("name a directory of your own with --dir")
}
