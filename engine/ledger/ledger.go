// Package ledger keeps what a coordinator must not forget: its jobs with the plans they
// are of, how they ended, and the catalogs that were created. It is a Pebble store in a
// folder of its own; what a method has written is durable when it returns.
//
//	FOLDER/epoch    the number of the newest coordinator
//	FOLDER/jobs/    the Pebble store: job/<id>, catalog/<name>
//
// One coordinator at a time has the ledger: Pebble holds a lock of the system for as long
// as the process lives. The lock alone would do where it holds. Where it does not (a folder
// that was copied, moved or is on a network's disk), the epoch fences: each Open counts it
// up durably, each write looks at it before, and one that finds a higher number fails with
// the code conflict and leaves everything as it is. What that coordinator's jobs still do
// is stopped by the lineage of their checkpoints and by the sinks (package flow).
//
// Plans hold secrets of options as they were written: the folder is its owner's alone.
// Begin with Open.
package ledger

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/minkstream/mink/engine/diag"
)

// State is how a job stands in the ledger.
type State string

// The states. A job that is Running when the ledger is opened was so when its coordinator
// died or was stopped, and is to go on. One that is Ending was told to stop for good.
const (
	Running  State = "RUNNING"
	Ending   State = "CANCELLING"
	Finished State = "FINISHED"
	Failed   State = "FAILED"
	Canceled State = "CANCELED"
)

// Ended reports a state that a job does not leave.
func (s State) Ended() bool { return s == Finished || s == Failed || s == Canceled }

// Job is what is kept of a job.
type Job struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Plan is what plan.Compiled encodes; empty for a job that cannot go on without its
	// coordinator, such as a query, whose client is gone too.
	Plan json.RawMessage `json:"plan,omitempty"`
	// Settings are those of its session. Zone is what 'default' stands for.
	Settings map[string]string `json:"settings,omitempty"`
	Zone     string            `json:"zone,omitempty"`
	// Folder has its checkpoints.
	Folder string `json:"folder,omitempty"`
	State  State  `json:"state"`
	// Submitted and Ended are milliseconds since the epoch; Ended is 0 before.
	Submitted int64 `json:"submitted"`
	Ended     int64 `json:"ended,omitempty"`
	Restarts  int   `json:"restarts,omitempty"`
	// Code and Error say why it failed.
	Code  diag.Code `json:"code,omitempty"`
	Error string    `json:"error,omitempty"`
	// Epoch is that of the coordinator that wrote this.
	Epoch uint64 `json:"epoch"`
}

// Catalog is a catalog of CREATE CATALOG.
type Catalog struct {
	Name    string            `json:"name"`
	Comment string            `json:"comment,omitempty"`
	Options map[string]string `json:"options"`
}

// endedMax is how many ended jobs are remembered.
const endedMax = 1000

// Ledger is an open ledger. It may be used from several goroutines.
type Ledger struct {
	fs    vfs.FS
	dir   string
	db    *pebble.DB
	epoch uint64

	mu     sync.RWMutex
	fenced error
	closed bool
}

// Open opens the ledger in a folder, which is made when it is not there. It fails with
// config when another coordinator has it.
func Open(dir string) (*Ledger, error) { return OpenFS(vfs.Default, dir) }

// OpenFS is Open on another file system.
func OpenFS(files vfs.FS, dir string) (*Ledger, error) {
	files = inOrder{files}
	l := &Ledger{fs: files, dir: dir}
	if err := files.MkdirAll(dir, 0o700); err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot make the folder of the ledger")
	}
	// Without this a crash may take the whole folder with it.
	if err := syncDir(files, files.PathDir(dir)); err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot make the folder of the ledger")
	}
	db, err := pebble.Open(files.PathJoin(dir, "jobs"), &pebble.Options{
		FS: files, Logger: quiet{}, FormatMajorVersion: pebble.FormatNewest,
		MemTableSize: 1 << 20, CacheSize: 1 << 20, MaxOpenFiles: 64,
		DisableAutomaticCompactions: false,
	})
	if err != nil {
		if errors.Is(err, os.ErrPermission) || isLocked(err) {
			return nil, diag.Wrap(diag.Config, err, "another coordinator has the ledger in %s", dir).WithHint("mink down stops it")
		}
		return nil, diag.Wrap(diag.IO, err, "cannot open the ledger in %s", dir)
	}
	l.db = db
	// Behind the lock, so that two do not draw the same number.
	before, err := l.readEpoch()
	if err == nil {
		l.epoch = before + 1
		err = l.writeEpoch(l.epoch)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return l, nil
}

// inOrder makes sure that a file is in its folder before the marker that names it is. Pebble
// syncs the folder once, behind both, which is enough only where a crash keeps entries of
// a folder in the order in which they were made.
type inOrder struct{ vfs.FS }

func (f inOrder) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasPrefix(f.PathBase(name), "marker.") {
		if err := syncDir(f.FS, f.PathDir(name)); err != nil {
			return nil, err
		}
	}
	return f.FS.Create(name, c)
}

// isLocked reports the error of a lock that somebody else has.
func isLocked(err error) bool {
	text := err.Error()
	return strings.Contains(text, "lock") || strings.Contains(text, "resource temporarily unavailable")
}

// quiet is a logger for Pebble: what goes wrong it also returns.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(f string, a ...any) {
	panic(diag.New(diag.IO, "the ledger cannot go on: "+f, a...))
}

// Epoch is the number of this coordinator.
func (l *Ledger) Epoch() uint64 { return l.epoch }

// Close gives the ledger back.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	if err := l.db.Close(); err != nil {
		return diag.Wrap(diag.IO, err, "cannot close the ledger")
	}
	return nil
}

func errClosed() error { return diag.New(diag.Cancelled, "the ledger is closed") }

func (l *Ledger) epochFile() string { return l.fs.PathJoin(l.dir, "epoch") }

func (l *Ledger) readEpoch() (uint64, error) {
	f, err := l.fs.Open(l.epochFile())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, diag.Wrap(diag.IO, err, "cannot read the ledger's epoch")
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 64))
	if err != nil {
		return 0, diag.Wrap(diag.IO, err, "cannot read the ledger's epoch")
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, diag.Wrap(diag.IO, err, "the ledger's epoch in %s is damaged", l.epochFile())
	}
	return n, nil
}

// writeEpoch makes the number durable: the file has the old or the new one.
func (l *Ledger) writeEpoch(n uint64) error {
	tmp := l.epochFile() + ".tmp"
	f, err := l.fs.Create(tmp, vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.Write([]byte(strconv.FormatUint(n, 10) + "\n"))
		if err == nil {
			err = f.Sync()
		}
		err = errors.Join(err, f.Close())
	}
	if err == nil {
		err = l.fs.Rename(tmp, l.epochFile())
	}
	if err == nil {
		err = syncDir(l.fs, l.dir)
	}
	if err != nil {
		return diag.Wrap(diag.IO, err, "cannot write the ledger's epoch")
	}
	return nil
}

func syncDir(files vfs.FS, dir string) error {
	d, err := files.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// write applies changes, all or none, unless another coordinator has taken over.
func (l *Ledger) write(f func(b *pebble.Batch) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed()
	}
	if l.fenced != nil {
		return l.fenced
	}
	now, err := l.readEpoch()
	if err != nil {
		return err
	}
	if now != l.epoch {
		l.fenced = diag.New(diag.Conflict, "another coordinator (number %d) has taken the ledger of this one (number %d) over", now, l.epoch)
		return l.fenced
	}
	b := l.db.NewBatch()
	defer b.Close()
	if err := f(b); err != nil {
		return err
	}
	if err := b.Commit(pebble.Sync); err != nil {
		return diag.Wrap(diag.IO, err, "cannot write the ledger")
	}
	return nil
}

const (
	jobPrefix     = "job/"
	catalogPrefix = "catalog/"
)

// Put writes a job. Of the jobs that have ended the oldest are forgotten. That a job is Ending
// is not written over how it has ended: who tells it to may come late.
func (l *Ledger) Put(j Job) error {
	j.Epoch = l.epoch
	text, err := json.Marshal(j)
	if err != nil {
		return diag.Wrap(diag.Internal, err, "cannot write a job")
	}
	var old []string
	if j.State.Ended() {
		if old, err = l.surplus(j.ID); err != nil {
			return err
		}
	}
	return l.write(func(b *pebble.Batch) error {
		if j.State == Ending {
			if over, err := l.hasEnded(j.ID); over || err != nil {
				return err
			}
		}
		for _, id := range old {
			if err := b.Delete([]byte(jobPrefix+id), nil); err != nil {
				return err
			}
		}
		return b.Set([]byte(jobPrefix+j.ID), text, nil)
	})
}

// hasEnded reports that a job is written down as one that has ended.
func (l *Ledger) hasEnded(id string) (bool, error) {
	text, done, err := l.db.Get([]byte(jobPrefix + id))
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	var j Job
	if err == nil {
		err = errors.Join(json.Unmarshal(text, &j), done.Close())
	}
	if err != nil {
		return false, diag.Wrap(diag.IO, err, "cannot read the ledger")
	}
	return j.State.Ended(), nil
}

// Remove forgets a job.
func (l *Ledger) Remove(id string) error {
	return l.write(func(b *pebble.Batch) error { return b.Delete([]byte(jobPrefix+id), nil) })
}

// surplus are the ended jobs beyond those that are remembered, with one more to come.
func (l *Ledger) surplus(coming string) ([]string, error) {
	jobs, err := l.Jobs()
	if err != nil {
		return nil, err
	}
	jobs = slices.DeleteFunc(jobs, func(j Job) bool { return !j.State.Ended() || j.ID == coming })
	var out []string
	for i := 0; i < len(jobs)-endedMax+1; i++ {
		out = append(out, jobs[i].ID)
	}
	return out, nil
}

// Jobs lists the jobs in the order in which they were submitted.
func (l *Ledger) Jobs() ([]Job, error) {
	var out []Job
	err := l.each(jobPrefix, func(text []byte) error {
		var j Job
		if err := json.Unmarshal(text, &j); err != nil {
			return err
		}
		out = append(out, j)
		return nil
	})
	slices.SortStableFunc(out, func(a, b Job) int {
		if a.Submitted != b.Submitted {
			return int(min(max(a.Submitted-b.Submitted, -1), 1))
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out, err
}

// PutCatalog writes a catalog.
func (l *Ledger) PutCatalog(c Catalog) error {
	text, err := json.Marshal(c)
	if err != nil {
		return diag.Wrap(diag.Internal, err, "cannot write a catalog")
	}
	return l.write(func(b *pebble.Batch) error { return b.Set([]byte(catalogPrefix+c.Name), text, nil) })
}

// RemoveCatalog forgets a catalog.
func (l *Ledger) RemoveCatalog(name string) error {
	return l.write(func(b *pebble.Batch) error { return b.Delete([]byte(catalogPrefix+name), nil) })
}

// Catalogs lists the catalogs in order of name.
func (l *Ledger) Catalogs() ([]Catalog, error) {
	var out []Catalog
	err := l.each(catalogPrefix, func(text []byte) error {
		var c Catalog
		if err := json.Unmarshal(text, &c); err != nil {
			return err
		}
		out = append(out, c)
		return nil
	})
	return out, err
}

// each calls f with the values of a prefix, in order of key.
func (l *Ledger) each(prefix string, f func(text []byte) error) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return errClosed()
	}
	end := []byte(prefix)
	end[len(end)-1]++
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte(prefix), UpperBound: end})
	if err == nil {
		for ok := it.First(); ok && err == nil; ok = it.Next() {
			err = f(it.Value())
		}
		err = errors.Join(err, it.Error(), it.Close())
	}
	if err != nil {
		return diag.Wrap(diag.IO, err, "cannot read the ledger")
	}
	return nil
}
