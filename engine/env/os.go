package env

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// OS is the real outside. Relative paths are resolved against dir; "" is the
// working directory.
func OS(dir string) *Env {
	return &Env{
		Clock: &osClock{start: time.Now()},
		Disk:  osDisk{dir},
		Go:    func(_ string, f func()) { go f() },

		Processes: osProcesses{},
	}
}

type osClock struct {
	start time.Time
	last  atomic.Int64
}

func (c *osClock) Now() int64 {
	now := time.Now().UnixMilli()
	for {
		last := c.last.Load()
		if now <= last {
			return last
		}
		if c.last.CompareAndSwap(last, now) {
			return now
		}
	}
}

func (c *osClock) Mono() int64           { return int64(time.Since(c.start)) }
func (c *osClock) Sleep(d time.Duration) { time.Sleep(d) }

func (c *osClock) At(mono int64, f func()) func() {
	t := time.AfterFunc(time.Duration(mono-c.Mono()), f)
	return func() { t.Stop() }
}

type osDisk struct{ dir string }

func (d osDisk) path(name string) string {
	if d.dir == "" || filepath.IsAbs(name) {
		return filepath.FromSlash(name)
	}
	return filepath.Join(d.dir, filepath.FromSlash(name))
}

func (d osDisk) Create(name string) (File, error) { return wrapFile(os.Create(d.path(name))) }
func (d osDisk) Append(name string) (File, error) {
	return wrapFile(os.OpenFile(d.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644))
}

func (d osDisk) Open(name string) (ReadFile, error) {
	f, err := os.Open(d.path(name))
	if err != nil {
		return nil, err
	}
	return f, nil
}

func wrapFile(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (d osDisk) Rename(from, to string) error           { return os.Rename(d.path(from), d.path(to)) }
func (d osDisk) Link(from, to string) error             { return os.Link(d.path(from), d.path(to)) }
func (d osDisk) Remove(name string) error               { return os.Remove(d.path(name)) }
func (d osDisk) RemoveAll(name string) error            { return os.RemoveAll(d.path(name)) }
func (d osDisk) MkdirAll(name string) error             { return os.MkdirAll(d.path(name), 0o755) }
func (d osDisk) Stat(name string) (fs.FileInfo, error)  { return os.Stat(d.path(name)) }
func (d osDisk) List(dir string) ([]fs.DirEntry, error) { return os.ReadDir(d.path(dir)) }

func (d osDisk) SyncDir(dir string) error {
	f, err := os.Open(d.path(dir))
	if err != nil {
		return err
	}
	defer f.Close()
	return syncFile(f)
}
