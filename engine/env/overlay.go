package env

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

// Overlay is a disk over another one: what is written, renamed and removed stays in
// memory, and the disk below is only read. Whoever repeats a run has one, so that the
// repetition changes nothing outside.
type Overlay struct {
	below Disk
	above *MemDisk

	mu   sync.Mutex
	gone map[string]bool // names of below, and folders, that are hidden
}

// NewOverlay lays a disk over another one.
func NewOverlay(below Disk) *Overlay {
	return &Overlay{below: below, above: NewMemDisk(), gone: map[string]bool{}}
}

// hidden reports that a name of the disk below, or a folder it lies in, was removed.
func (o *Overlay) hidden(name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for name = path.Clean(name); ; name = path.Dir(name) {
		if o.gone[name] {
			return true
		}
		if name == "." || name == "/" {
			return false
		}
	}
}

func (o *Overlay) hide(name string) {
	o.mu.Lock()
	o.gone[path.Clean(name)] = true
	o.mu.Unlock()
}

// Create makes or truncates a file above.
func (o *Overlay) Create(name string) (File, error) { return o.above.Create(name) }

// Append copies a file of the disk below up first.
func (o *Overlay) Append(name string) (File, error) {
	if err := o.lift(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return o.above.Append(name)
}

// lift copies a file up unless it is there.
func (o *Overlay) lift(name string) error {
	if info, err := o.above.Stat(name); err == nil && !info.IsDir() {
		return nil
	}
	r, err := o.Open(name)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := o.above.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return err
}

// Open opens a file above, or else below.
func (o *Overlay) Open(name string) (ReadFile, error) {
	r, err := o.above.Open(name)
	if err == nil || !errors.Is(err, fs.ErrNotExist) || o.hidden(name) {
		return r, err
	}
	return o.below.Open(name)
}

// Rename moves a file; folders can be moved above only.
func (o *Overlay) Rename(from, to string) error {
	if err := o.lift(from); err != nil {
		return err
	}
	o.hide(from)
	return o.above.Rename(from, to)
}

// Link gives a file a second name.
func (o *Overlay) Link(from, to string) error {
	if err := o.lift(from); err != nil {
		return err
	}
	return o.above.Link(from, to)
}

// Remove removes a file or an empty folder.
func (o *Overlay) Remove(name string) error {
	if _, err := o.Stat(name); err != nil {
		return err
	}
	err := o.above.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	o.hide(name)
	return err
}

// RemoveAll removes a folder and what is in it.
func (o *Overlay) RemoveAll(name string) error {
	o.hide(name)
	return o.above.RemoveAll(name)
}

// MkdirAll makes a folder above.
func (o *Overlay) MkdirAll(name string) error { return o.above.MkdirAll(name) }

// List merges both disks.
func (o *Overlay) List(dir string) ([]fs.DirEntry, error) {
	list, err := o.above.List(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if o.hidden(dir) {
		return list, err
	}
	more, below := o.below.List(dir)
	if err != nil && below != nil {
		return nil, below
	}
	for _, e := range more {
		seen := slices.ContainsFunc(list, func(x fs.DirEntry) bool { return x.Name() == e.Name() })
		if !seen && !o.hidden(path.Join(dir, e.Name())) {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, nil
}

// Stat looks above, then below.
func (o *Overlay) Stat(name string) (fs.FileInfo, error) {
	info, err := o.above.Stat(name)
	if err == nil || !errors.Is(err, fs.ErrNotExist) || o.hidden(name) {
		return info, err
	}
	return o.below.Stat(name)
}

// SyncDir does nothing: nothing lasts.
func (o *Overlay) SyncDir(string) error { return nil }
