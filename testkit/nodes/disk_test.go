package nodes

import (
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/env"
)

// elsewhere is the disk of a node that does not see what the coordinator sees.
type elsewhere struct {
	env.Disk
	// from and to: what is below from is looked for below to. readOnly refuses writes. other
	// has files of the same names with another text.
	from, to string
	readOnly bool
	other    string
}

func (d *elsewhere) at(name string) string {
	if d.from != "" && strings.HasPrefix(name, d.from) {
		return d.to + strings.TrimPrefix(name, d.from)
	}
	return name
}

func (d *elsewhere) Create(name string) (env.File, error) {
	if d.readOnly {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrPermission}
	}
	return d.Disk.Create(d.at(name))
}

func (d *elsewhere) Open(name string) (env.ReadFile, error) {
	if d.other != "" {
		f, err := d.Disk.Create(filepath.ToSlash(d.other))
		if err == nil {
			_, err = f.Write([]byte("something else"))
		}
		if err != nil {
			return nil, err
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
		return d.Disk.Open(d.other)
	}
	return d.Disk.Open(d.at(name))
}

// slowDisk is one on which each file takes its time to be made, synced and renamed.
type slowDisk struct {
	env.Disk
	by time.Duration
}

type slowFile struct {
	env.File
	by time.Duration
}

func (d slowDisk) Create(name string) (env.File, error) {
	f, err := d.Disk.Create(name)
	if err != nil {
		return nil, err
	}
	return slowFile{f, d.by}, nil
}

func (d slowDisk) Rename(from, to string) error {
	time.Sleep(d.by)
	return d.Disk.Rename(from, to)
}

func (d slowDisk) SyncDir(dir string) error {
	time.Sleep(d.by)
	return d.Disk.SyncDir(dir)
}

func (f slowFile) Sync() error {
	time.Sleep(f.by)
	return f.File.Sync()
}
