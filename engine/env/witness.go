package env

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"sync"
	"time"
)

// Sight is what somebody saw of a disk: a folder, a file, or that there is none.
type Sight struct {
	// Op is list, stat or open.
	Op   string `json:"op"`
	Name string `json:"name"`
	// Missing: there was nothing of that name.
	Missing bool `json:"missing,omitempty"`
	// Entries are those of a folder, Data is the content of a file.
	Entries []SightEntry `json:"entries,omitempty"`
	Data    []byte       `json:"data,omitempty"`
	// Entry is what stat saw.
	Entry *SightEntry `json:"entry,omitempty"`
}

// SightEntry is a file or folder.
type SightEntry struct {
	Name string `json:"name"`
	Dir  bool   `json:"dir,omitempty"`
	Size int64  `json:"size,omitempty"`
	// Changed is in milliseconds since the epoch.
	Changed int64 `json:"changed,omitempty"`
}

const (
	sightFile = 64 << 10 // of a larger file nothing is kept
	sightsMax = 2 << 20  // all together
)

// Witness is a disk that notes what is seen of it, while somebody is looking (Begin to End).
type Witness struct {
	Disk
	mu      sync.Mutex
	lookers int
	seen    []Sight
	bytes   int
}

// NewWitness watches a disk.
func NewWitness(d Disk) *Witness { return &Witness{Disk: d} }

// Begin starts to note. It gives what to call at the end, which returns what was seen since.
// Several may be looking; each gets what any of them sees.
func (w *Witness) Begin() (end func() []Sight) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lookers++
	from := len(w.seen)
	return func() []Sight {
		w.mu.Lock()
		defer w.mu.Unlock()
		out := w.seen[from:len(w.seen):len(w.seen)]
		if w.lookers--; w.lookers == 0 {
			w.seen = nil
		}
		return out
	}
}

// note keeps a sight; err is what the disk said. Other failures than that there is nothing
// are not for others to see.
func (w *Witness) note(s Sight, err error) {
	if s.Missing = errors.Is(err, fs.ErrNotExist); err != nil && !s.Missing {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lookers == 0 || w.bytes > sightsMax {
		return
	}
	w.bytes += len(s.Data) + 64*(1+len(s.Entries))
	w.seen = append(w.seen, s)
}

func (w *Witness) looking() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lookers > 0
}

// Open notes the content of small files.
func (w *Witness) Open(name string) (ReadFile, error) {
	r, err := w.Disk.Open(name)
	if !w.looking() {
		return r, err
	}
	s := Sight{Op: "open", Name: path.Clean(name)}
	if err == nil {
		info, e := r.Stat()
		if e != nil || info.IsDir() || info.Size() > sightFile {
			return r, nil
		}
		s.Data = make([]byte, info.Size())
		if n, e := r.ReadAt(s.Data, 0); e != nil && (e != io.EOF || n < len(s.Data)) {
			return r, nil
		}
		s.Entry = entryOf(info)
	}
	w.note(s, err)
	return r, err
}

// List notes the names in a folder.
func (w *Witness) List(dir string) ([]fs.DirEntry, error) {
	list, err := w.Disk.List(dir)
	if !w.looking() {
		return list, err
	}
	s := Sight{Op: "list", Name: path.Clean(dir)}
	for _, e := range list {
		info, failed := e.Info()
		if failed != nil {
			s.Entries = append(s.Entries, SightEntry{Name: e.Name(), Dir: e.IsDir()})
			continue
		}
		s.Entries = append(s.Entries, *entryOf(info))
	}
	w.note(s, err)
	return list, err
}

// Stat notes what a name is of.
func (w *Witness) Stat(name string) (fs.FileInfo, error) {
	info, err := w.Disk.Stat(name)
	if !w.looking() {
		return info, err
	}
	s := Sight{Op: "stat", Name: path.Clean(name)}
	if err == nil {
		s.Entry = entryOf(info)
	}
	w.note(s, err)
	return info, err
}

func entryOf(i fs.FileInfo) *SightEntry {
	return &SightEntry{Name: i.Name(), Dir: i.IsDir(), Size: i.Size(), Changed: i.ModTime().UnixMilli()}
}

// Memory is a disk on which things look as a Witness saw them, one sight after the other as
// long as there are any, and as the disk below has them otherwise. What is written goes
// to the disk below.
type Memory struct {
	Disk
	mu    sync.Mutex
	seen  map[[2]string][]Sight
	round int
}

// NewMemory lays what was seen over a disk.
func NewMemory(d Disk) *Memory { return &Memory{Disk: d} }

// Recall shows sights until forget is called, or others are shown.
func (m *Memory) Recall(list []Sight) (forget func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.round++
	own := m.round
	m.seen = map[[2]string][]Sight{}
	for _, s := range list {
		k := [2]string{s.Op, s.Name}
		m.seen[k] = append(m.seen[k], s)
	}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.round == own {
			m.seen = nil
		}
	}
}

func (m *Memory) next(op, name string) (Sight, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := [2]string{op, path.Clean(name)}
	list := m.seen[k]
	if len(list) == 0 {
		return Sight{}, false
	}
	m.seen[k] = list[1:]
	return list[0], true
}

func missing(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist} }

// Open gives what a file had in it then.
func (m *Memory) Open(name string) (ReadFile, error) {
	s, ok := m.next("open", name)
	switch {
	case !ok:
		return m.Disk.Open(name)
	case s.Missing:
		return nil, missing("open", name)
	}
	return &seenFile{bytes.NewReader(s.Data), seenInfo{s.Entry}}, nil
}

// List gives the names that were in a folder then.
func (m *Memory) List(dir string) ([]fs.DirEntry, error) {
	s, ok := m.next("list", dir)
	switch {
	case !ok:
		return m.Disk.List(dir)
	case s.Missing:
		return nil, missing("open", dir)
	}
	var out []fs.DirEntry
	for i := range s.Entries {
		out = append(out, fs.FileInfoToDirEntry(seenInfo{&s.Entries[i]}))
	}
	return out, nil
}

// Stat tells what a name was of then.
func (m *Memory) Stat(name string) (fs.FileInfo, error) {
	s, ok := m.next("stat", name)
	switch {
	case !ok:
		return m.Disk.Stat(name)
	case s.Missing:
		return nil, missing("stat", name)
	}
	return seenInfo{s.Entry}, nil
}

type seenFile struct {
	*bytes.Reader
	info seenInfo
}

func (f *seenFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *seenFile) Close() error               { return nil }

type seenInfo struct{ e *SightEntry }

func (i seenInfo) Name() string       { return i.e.Name }
func (i seenInfo) Size() int64        { return i.e.Size }
func (i seenInfo) IsDir() bool        { return i.e.Dir }
func (i seenInfo) ModTime() time.Time { return time.UnixMilli(i.e.Changed) }
func (i seenInfo) Sys() any           { return nil }
func (i seenInfo) Mode() fs.FileMode {
	if i.e.Dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
