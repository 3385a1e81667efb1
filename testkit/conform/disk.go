package conform

import (
	"errors"
	"io/fs"
	"sync/atomic"

	"github.com/minkstream/mink/engine/env"
)

// ErrFault is what a FaultDisk fails with.
var ErrFault = errors.New("no space left on device")

// FaultDisk is a disk that fails: it counts what changes the disk, and from the
// change number FailAt on (0: never) fails for every change if Forever, else for
// that one. A failing write of a file writes half.
type FaultDisk struct {
	env.Disk
	FailAt  int64
	Forever bool

	changes atomic.Int64
}

// Changes is how many changes were asked for.
func (d *FaultDisk) Changes() int64 { return d.changes.Load() }

func (d *FaultDisk) fault(op, name string) error {
	n := d.changes.Add(1)
	if d.FailAt > 0 && (n == d.FailAt || d.Forever && n > d.FailAt) {
		return &fs.PathError{Op: op, Path: name, Err: ErrFault}
	}
	return nil
}

// Create, and the methods below, fail in their turn.
func (d *FaultDisk) Create(name string) (env.File, error) {
	if err := d.fault("create", name); err != nil {
		return nil, err
	}
	f, err := d.Disk.Create(name)
	if err != nil {
		return nil, err
	}
	return &faultFile{f, d}, nil
}

func (d *FaultDisk) Rename(from, to string) error {
	if err := d.fault("rename", from); err != nil {
		return err
	}
	return d.Disk.Rename(from, to)
}

func (d *FaultDisk) MkdirAll(name string) error {
	if err := d.fault("mkdir", name); err != nil {
		return err
	}
	return d.Disk.MkdirAll(name)
}

func (d *FaultDisk) SyncDir(dir string) error {
	if err := d.fault("sync", dir); err != nil {
		return err
	}
	return d.Disk.SyncDir(dir)
}

func (d *FaultDisk) Remove(name string) error {
	if err := d.fault("remove", name); err != nil {
		return err
	}
	return d.Disk.Remove(name)
}

type faultFile struct {
	env.File
	d *FaultDisk
}

func (f *faultFile) Write(p []byte) (int, error) {
	if err := f.d.fault("write", f.Name()); err != nil {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, err
	}
	return f.File.Write(p)
}

func (f *faultFile) Sync() error {
	if err := f.d.fault("sync", f.Name()); err != nil {
		return err
	}
	return f.File.Sync()
}
