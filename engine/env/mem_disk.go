package env

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// MemDisk is a file system in memory. It serves tapes and jobs without a checkpoint
// folder, tests, and, with Fault and Crash, the simulation. It is safe for concurrent use.
//
// One of NewCrashDisk forgets like a real one: what was not synced may be lost when the
// machine stops. Bytes count as durable after File.Sync, names after SyncDir of their
// folder; folders themselves are always durable. Until its folder is synced it holds what
// was removed or replaced, which one of NewMemDisk lets go at once.
type MemDisk struct {
	// Fault, if set, is asked before each operation, named as the methods are
	// ("Create", "Write", "Sync", ...); an error it returns is the operation's. A write that
	// fails has written half.
	Fault func(op, name string) error

	crashes bool
	mu      sync.Mutex
	names   map[string]*memFile
	dirs    map[string]*memDir
}

// memFile is the content of a file, whatever its names.
type memFile struct {
	data   []byte
	synced int // bytes that survive
}

// memDir is a folder and the changes of its names since the last SyncDir.
type memDir struct {
	names []string // sorted
	log   []memChange
}

type memChange struct {
	name string   // full path
	was  *memFile // nil: the name was free
}

// NewMemDisk makes an empty disk of a machine that does not stop.
func NewMemDisk() *MemDisk {
	return &MemDisk{names: map[string]*memFile{}, dirs: map[string]*memDir{}}
}

// NewCrashDisk makes an empty disk that Crash may be called for.
func NewCrashDisk() *MemDisk {
	d := NewMemDisk()
	d.crashes = true
	return d
}

func (d *MemDisk) fault(op, name string) error {
	if d.Fault == nil {
		return nil
	}
	if err := d.Fault(op, name); err != nil {
		return &fs.PathError{Op: strings.ToLower(op), Path: name, Err: err}
	}
	return nil
}

func (d *MemDisk) dir(name string) *memDir {
	m := d.dirs[name]
	if m == nil {
		m = &memDir{}
		d.dirs[name] = m
	}
	return m
}

// set gives a name to a file, or takes it away, and notes the change.
func (d *MemDisk) set(name string, f *memFile) {
	was := d.names[name]
	m := d.dir(path.Dir(name))
	if d.crashes {
		m.log = append(m.log, memChange{name, was})
	}
	d.put(m, name, f)
}

func (d *MemDisk) put(m *memDir, name string, f *memFile) {
	i, found := slices.BinarySearch(m.names, name)
	switch {
	case f == nil:
		delete(d.names, name)
		if found {
			m.names = slices.Delete(m.names, i, i+1)
		}
		return
	case !found:
		m.names = slices.Insert(m.names, i, name)
	}
	d.names[name] = f
}

// Crash stops the machine: each folder keeps a beginning of its unsynced changes
// and each file a beginning of its unsynced bytes. keep(n) draws how many, below n.
func (d *MemDisk) Crash(keep func(n int) int) { d.CrashApart(keep, keep) }

// CrashApart is Crash with changes of names and bytes drawn apart.
func (d *MemDisk) CrashApart(names, data func(n int) int) {
	if !d.crashes {
		panic("env: a disk of NewMemDisk does not know what was not synced")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range d.dirNames() {
		m := d.dirs[name]
		n := len(m.log)
		if n == 0 {
			continue
		}
		left := names(n + 1)
		for i := n - 1; i >= left; i-- {
			d.put(m, m.log[i].name, m.log[i].was)
		}
		m.log = nil
	}
	for _, name := range d.dirNames() {
		for _, file := range d.dirs[name].names {
			f := d.names[file]
			if rest := len(f.data) - f.synced; rest > 0 {
				f.data = f.data[:f.synced+data(rest+1)]
			}
			f.synced = len(f.data)
		}
	}
}

func (d *MemDisk) dirNames() []string {
	out := make([]string, 0, len(d.dirs))
	for name := range d.dirs {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Files is the number of files, for leak checks.
func (d *MemDisk) Files() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.names)
}

// Bytes is what the disk holds, with what Crash could bring back.
func (d *MemDisk) Bytes() (n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.names { //mink:det-ok a sum
		n += int64(len(f.data))
	}
	for _, m := range d.dirs { //mink:det-ok a sum
		for _, c := range m.log {
			if c.was != nil {
				n += int64(len(c.was.data))
			}
		}
	}
	return n
}

// Create makes or truncates a file.
func (d *MemDisk) Create(name string) (File, error) {
	if err := d.fault("Create", name); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	name = path.Clean(name)
	f := &memFile{}
	d.set(name, f)
	return &memWriter{d: d, f: f, name: name}, nil
}

// Append opens a file for writing at its end.
func (d *MemDisk) Append(name string) (File, error) {
	if err := d.fault("Append", name); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	name = path.Clean(name)
	f := d.names[name]
	if f == nil {
		f = &memFile{}
		d.set(name, f)
	}
	return &memWriter{d: d, f: f, name: name}, nil
}

// Open opens a file for reading.
func (d *MemDisk) Open(name string) (ReadFile, error) {
	if err := d.fault("Open", name); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	name = path.Clean(name)
	f := d.names[name]
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	r := &memReader{info: memInfo{path.Base(name), int64(len(f.data)), false}}
	r.r.Reset(f.data)
	return r, nil
}

// Rename moves a name, replacing the target.
func (d *MemDisk) Rename(from, to string) error {
	if err := d.fault("Rename", to); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	from, to = path.Clean(from), path.Clean(to)
	f := d.names[from]
	if f == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	// Taking the target first makes every beginning of the log a state that has
	// the file.
	d.set(to, f)
	d.set(from, nil)
	return nil
}

// Link gives a file a second name.
func (d *MemDisk) Link(from, to string) error {
	if err := d.fault("Link", to); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	from, to = path.Clean(from), path.Clean(to)
	f := d.names[from]
	if f == nil {
		return &fs.PathError{Op: "link", Path: from, Err: fs.ErrNotExist}
	}
	if d.names[to] != nil {
		return &fs.PathError{Op: "link", Path: to, Err: fs.ErrExist}
	}
	d.set(to, f)
	return nil
}

// Remove deletes a file or an empty folder.
func (d *MemDisk) Remove(name string) error {
	if err := d.fault("Remove", name); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	name = path.Clean(name)
	if d.names[name] != nil {
		d.set(name, nil)
		return nil
	}
	if m := d.dirs[name]; m != nil && len(m.names) == 0 {
		delete(d.dirs, name)
		return nil
	}
	return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
}

// RemoveAll deletes a file, or a folder and what is in it.
func (d *MemDisk) RemoveAll(name string) error {
	if err := d.fault("RemoveAll", name); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	name = path.Clean(name)
	if d.names[name] != nil {
		d.set(name, nil)
		return nil
	}
	for _, dir := range d.dirNames() {
		if dir != name && !strings.HasPrefix(dir, name+"/") {
			continue
		}
		for _, file := range slices.Clone(d.dirs[dir].names) {
			d.set(file, nil)
		}
		if !d.crashes {
			delete(d.dirs, dir)
		}
	}
	return nil
}

// MkdirAll makes a folder and those above it.
func (d *MemDisk) MkdirAll(name string) error {
	if err := d.fault("MkdirAll", name); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for name = path.Clean(name); name != "." && name != "/"; name = path.Dir(name) {
		d.dir(name)
	}
	return nil
}

// List gives the entries of a folder by name. A folder is there while it was made
// or holds something.
func (d *MemDisk) List(dir string) ([]fs.DirEntry, error) {
	if err := d.fault("List", dir); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	dir = path.Clean(dir)
	m := d.dirs[dir]
	var out []fs.DirEntry
	if m != nil {
		for _, name := range m.names {
			out = append(out, memInfo{path.Base(name), int64(len(d.names[name].data)), false})
		}
	}
	prefix := dir + "/"
	if dir == "." {
		prefix = ""
	}
	last := ""
	found := m != nil
	for _, name := range d.dirNames() {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok || rest == "" || name == dir {
			continue
		}
		found = true
		rest, _, _ = strings.Cut(rest, "/")
		if rest != last {
			out = append(out, memInfo{rest, 0, true})
			last = rest
		}
	}
	if !found {
		return nil, &fs.PathError{Op: "list", Path: dir, Err: fs.ErrNotExist}
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out, nil
}

// Stat describes a file or folder.
func (d *MemDisk) Stat(name string) (fs.FileInfo, error) {
	if err := d.fault("Stat", name); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	name = path.Clean(name)
	if f := d.names[name]; f != nil {
		return memInfo{path.Base(name), int64(len(f.data)), false}, nil
	}
	if d.dirs[name] != nil {
		return memInfo{path.Base(name), 0, true}, nil
	}
	return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
}

// SyncDir makes the names in dir durable.
func (d *MemDisk) SyncDir(dir string) error {
	if err := d.fault("SyncDir", dir); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := d.dirs[path.Clean(dir)]; m != nil {
		m.log = m.log[:0]
	}
	return nil
}

type memWriter struct {
	d    *MemDisk
	f    *memFile
	name string
	dead bool // a failed sync: the file is not to be trusted any more
}

func (w *memWriter) Name() string { return w.name }
func (w *memWriter) Close() error { return nil }

func (w *memWriter) Write(b []byte) (int, error) {
	err := w.d.fault("Write", w.name)
	if err != nil {
		b = b[:len(b)/2]
	}
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	w.f.data = append(w.f.data, b...)
	return len(b), err
}

func (w *memWriter) Sync() error {
	if w.dead {
		return &fs.PathError{Op: "sync", Path: w.name, Err: fs.ErrInvalid}
	}
	if err := w.d.fault("Sync", w.name); err != nil {
		w.dead = true
		return err
	}
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	w.f.synced = len(w.f.data)
	return nil
}

type memReader struct {
	r    bytes.Reader
	info memInfo
}

func (r *memReader) Read(b []byte) (int, error)               { return r.r.Read(b) }
func (r *memReader) ReadAt(b []byte, at int64) (int, error)   { return r.r.ReadAt(b, at) }
func (r *memReader) Seek(at int64, whence int) (int64, error) { return r.r.Seek(at, whence) }
func (r *memReader) WriteTo(w io.Writer) (int64, error)       { return r.r.WriteTo(w) }
func (r *memReader) Close() error                             { return nil }
func (r *memReader) Stat() (fs.FileInfo, error)               { return r.info, nil }

// memInfo is both a FileInfo and a DirEntry.
type memInfo struct {
	name string
	size int64
	dir  bool
}

func (i memInfo) Name() string               { return i.name }
func (i memInfo) Size() int64                { return i.size }
func (i memInfo) IsDir() bool                { return i.dir }
func (i memInfo) ModTime() time.Time         { return time.Time{} }
func (i memInfo) Sys() any                   { return nil }
func (i memInfo) Info() (fs.FileInfo, error) { return i, nil }
func (i memInfo) Type() fs.FileMode          { return i.Mode().Type() }

func (i memInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
