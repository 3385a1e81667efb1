// Package env is the only door to the outside: clock, randomness, disk, processes
// and goroutines.
//
// A task never uses it; hosts, connectors and servers do, and get it handed in. So
// a run can be simulated: the simulation passes a virtual clock, a model disk and
// seeded chance. OS is the real one. Nothing is global.
package env

import (
	"io"
	"io/fs"
	"time"
)

// Env bundles the services of one host.
type Env struct {
	Clock Clock
	Disk  Disk
	// Seed of the run; 0 in production means "drawn at start and recorded".
	Seed uint64
	// Go starts f outside of tasks (file I/O, clients). The simulation runs f at
	// a moment of its choice on its own goroutine.
	Go func(name string, f func())
	// Processes starts programs; nil where there are none.
	Processes Processes
}

// Clock tells time. Now never goes back.
type Clock interface {
	// Now is wall time in milliseconds since the epoch, monotone per host.
	Now() int64
	// Mono is a monotone reading in nanoseconds, for durations.
	Mono() int64
	// At calls f once Mono reaches mono; the handle stops it.
	At(mono int64, f func()) (stop func())
	// Sleep is for code outside of tasks.
	Sleep(d time.Duration)
}

// Disk is a file system. Names are slash-separated; relative ones are resolved by
// the host. Errors are fs errors, so errors.Is(err, fs.ErrNotExist) works.
type Disk interface {
	Create(name string) (File, error) // truncates
	Open(name string) (ReadFile, error)
	Append(name string) (File, error)
	Rename(from, to string) error
	Link(from, to string) error
	Remove(name string) error
	RemoveAll(name string) error
	MkdirAll(name string) error
	// List gives the entries of a directory sorted by name.
	List(dir string) ([]fs.DirEntry, error)
	Stat(name string) (fs.FileInfo, error)
	// SyncDir makes renames and creations in dir durable.
	SyncDir(dir string) error
}

// File is open for writing.
type File interface {
	io.Writer
	Sync() error
	Close() error
	Name() string
}

// ReadFile is open for reading.
type ReadFile interface {
	io.Reader
	io.ReaderAt
	io.Closer
	Stat() (fs.FileInfo, error)
}

// ReadAll reads a whole file of a disk.
func ReadAll(d Disk, name string) ([]byte, error) {
	f, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
