package flow

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	state "github.com/minkstream/mink/engine/state"
)

// ckptStore is a job's folder of checkpoints:
//
//	lineage            job, lineage, attempt, block of checkpoint numbers
//	chk-12/_metadata   written last, complete when it is there
//	state/<vertex>-<subtask>-<attempt>-<n>   files of keyed state
//	state/job-<attempt>   how the job was made: see script.go
//
// Files are never changed once written. A small file appears by writing it under
// another name, syncing it, renaming it and syncing the folder: after a crash there
// is the old content or the new one.
//
// All calls touch the disk and so run outside of steps.
type ckptStore struct {
	disk  env.Disk
	dir   string
	plant Plant
}

// lineage is what must outlive a coordinator: the number of the newest attempt and
// the end of the block of checkpoint numbers in use.
type lineage struct {
	job, name string
	attempt   int64
	idsTo     int64
	// completed says that a checkpoint was completed some time, so that the job
	// must not start empty.
	completed bool
	newest    int64
	// finished says that the job has ended for good: whoever runs it again under
	// the same id finds nothing left to do.
	finished bool
	// The attempt went on from checkpoint from and numbers its own from first on.
	// What lies between was completed by a coordinator that had been replaced, after
	// its sinks were fenced off: it does not count.
	from, first int64
}

func (s *ckptStore) path(name string) string { return env.Join(s.dir, name) }

// writeFile makes a small file appear, whole or not at all.
func (s *ckptStore) writeFile(name string, data []byte) error {
	tmp := s.path(name) + ".tmp"
	f, err := s.disk.Create(tmp)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if s.plant == PlantRenameBeforeSync && err == nil {
		err = s.disk.Rename(tmp, s.path(name))
	}
	if err == nil && s.plant != PlantFsyncSkipped {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil && s.plant != PlantRenameBeforeSync {
		err = s.disk.Rename(tmp, s.path(name))
	}
	if err == nil {
		err = s.disk.SyncDir(path.Dir(s.path(name)))
	}
	return err
}

func (s *ckptStore) readFile(name string) ([]byte, error) {
	f, err := s.disk.Open(s.path(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// begin makes the folders.
func (s *ckptStore) begin() error {
	if err := s.disk.MkdirAll(s.path("state")); err != nil {
		return diag.Wrap(diag.IO, err, "cannot make the folder of checkpoints %s", s.dir)
	}
	return s.disk.SyncDir(path.Join(s.dir, "."))
}

// errGone is the cause when a job's folder is not there any more.
var errGone = errors.New("the folder of checkpoints has vanished")

// present reports with errGone that the folder, which begin made, is gone. It is not
// made again behind the job's back: what the job has committed rests on what was in it.
func (s *ckptStore) present() error {
	_, err := s.disk.Stat(s.path("lineage"))
	if errors.Is(err, fs.ErrNotExist) {
		return diag.Wrap(diag.Checkpoint, errGone, "no checkpoint can be taken in %s", s.dir).
			WithHint("bring the folder back and run the job again: it goes on from its last checkpoint")
	}
	return err
}

const lineageMagic = "MINKLINE\x01\n"

func (s *ckptStore) writeLineage(l lineage) error {
	e := encoder{b: []byte(lineageMagic)}
	e.str(l.job)
	e.str(l.name)
	e.i64(l.attempt)
	e.i64(l.idsTo)
	e.bool(l.completed)
	e.i64(l.newest)
	e.bool(l.finished)
	e.i64(l.from)
	e.i64(l.first)
	e.u64(uint64(crc32.Checksum(e.b, castagnoli)))
	return s.writeFile("lineage", e.b)
}

// renewLineage writes the lineage of a running attempt. Should another coordinator
// have taken the job over meanwhile, its lineage stays.
func (s *ckptStore) renewLineage(l lineage) error {
	now, err := s.readLineage()
	if err != nil {
		return err
	}
	if now.attempt > l.attempt {
		return diag.New(diag.Checkpoint, "attempt %d was replaced by attempt %d", l.attempt, now.attempt)
	}
	return s.writeLineage(l)
}

// readLineage gives the zero value when there is none.
func (s *ckptStore) readLineage() (lineage, error) {
	b, err := s.readFile("lineage")
	if errors.Is(err, fs.ErrNotExist) {
		return lineage{}, nil
	}
	if err != nil {
		return lineage{}, err
	}
	bad := diag.New(diag.Checkpoint, "the file %s is damaged", s.path("lineage"))
	if !strings.HasPrefix(string(b), lineageMagic) {
		return lineage{}, bad
	}
	d := decoder{b: b[len(lineageMagic):]}
	l := lineage{job: d.str(), name: d.str(), attempt: d.i64(), idsTo: d.i64(), completed: d.bool(), newest: d.i64(), finished: d.bool(), from: d.i64(), first: d.i64()}
	body := b[:len(b)-len(d.b)]
	if sum := d.u64(); d.bad || uint32(sum) != crc32.Checksum(body, castagnoli) {
		return lineage{}, bad
	}
	return l, nil
}

func chkName(n int64) string { return "chk-" + strconv.FormatInt(n, 10) }

// writeMeta completes a checkpoint: the metadata is durable and was read back when
// it returns nil.
func (s *ckptStore) writeMeta(m *meta) error {
	dir := chkName(m.id)
	if err := s.present(); err != nil {
		return err
	}
	if err := s.disk.MkdirAll(s.path(dir)); err != nil {
		return err
	}
	data := m.encode()
	if err := s.writeFile(dir+"/_metadata", data); err != nil {
		return err
	}
	if err := s.disk.SyncDir(path.Join(s.dir, ".")); err != nil {
		return err
	}
	back, err := s.readFile(dir + "/_metadata")
	if err != nil {
		return err
	}
	if !slices.Equal(back, data) {
		return diag.New(diag.Checkpoint, "the metadata of checkpoint %d read back differs from what was written", m.id)
	}
	return nil
}

func (s *ckptStore) readMeta(n int64) (*meta, error) { return s.readMetaAt(chkName(n)) }

func (s *ckptStore) readMetaAt(dir string) (*meta, error) {
	b, err := s.readFile(dir + "/_metadata")
	if err != nil {
		return nil, err
	}
	m, err := decodeMeta(b)
	if err != nil {
		return nil, err
	}
	if err := s.verify(m); err != nil {
		return nil, err
	}
	return m, nil
}

// verify looks whether all files of a checkpoint are there, whole.
func (s *ckptStore) verify(m *meta) (err error) {
	m.files(func(f fileRef) {
		if err != nil {
			return
		}
		info, e := s.disk.Stat(s.path(f.path))
		switch {
		case e != nil && !errors.Is(e, fs.ErrNotExist):
			err = e
		case e != nil:
			err = diag.Wrap(diag.Checkpoint, e, "a file of state is missing")
		case info.Size() != f.size:
			err = diag.New(diag.Checkpoint, "file %s has %d bytes instead of %d", f.path, info.Size(), f.size)
		}
	})
	return err
}

// numbers lists the completed checkpoints, newest first.
func (s *ckptStore) numbers() ([]int64, error) {
	list, err := s.disk.List(s.path("."))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []int64
	for _, e := range list {
		text, ok := strings.CutPrefix(e.Name(), "chk-")
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			continue
		}
		switch _, err := s.disk.Stat(s.path(e.Name() + "/_metadata")); {
		case err == nil:
			out = append(out, n)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err // the disk does not answer: nothing may be concluded
		}
	}
	slices.Sort(out)
	slices.Reverse(out)
	return out, nil
}

// newest is the highest completed checkpoint, or nil. If that one is damaged,
// going on from an older one would write committed rows again: that is refused
// unless allow names the one to take.
func (s *ckptStore) newest(allow int64, l *lineage) (*meta, error) {
	list, err := s.numbers()
	if err != nil {
		return nil, err
	}
	for i, n := range list {
		if allow > 0 && n > allow || n > l.from && n < l.first {
			continue
		}
		m, err := s.readMeta(n)
		if err == nil {
			return m, nil
		}
		if diag.CodeOf(err) != diag.Checkpoint && !errors.Is(err, fs.ErrNotExist) {
			return nil, err // the disk does not answer: that says nothing about the checkpoint
		}
		e := diag.Wrap(diag.Checkpoint, err, "checkpoint %d in %s cannot be used", n, s.dir)
		if i+1 < len(list) {
			e.Hint = fmt.Sprintf("checkpoint %d is older: rows committed after it would be written again; to accept that, choose another checkpoint folder and set 'execution.state-recovery.path' to %s", list[i+1], s.path(chkName(list[i+1])))
		} else {
			e.Hint = "there is no older one; to start without state, choose another folder"
		}
		return nil, e
	}
	return nil, nil
}

// stateName is the file of a task's keyed state. It has the attempt in it, so that
// a task of an older attempt that still writes cannot touch it.
func stateName(uid string, sub int, attempt, n int64) string {
	return fmt.Sprintf("state/%016x-%d-%d-%d", batch.HashBytes([]byte(uid)), sub, attempt, n)
}

// writeState writes the frozen state of a task.
func (s *ckptStore) writeState(_ int64, name string, snap *state.Snapshot) (fileRef, error) {
	f, err := s.disk.Create(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		if gone := s.present(); gone != nil {
			return fileRef{}, gone
		}
	}
	if err != nil {
		return fileRef{}, err
	}
	f = env.Streamed(f)
	w := &countWriter{w: f}
	info, err := snap.Write(w)
	if err == nil && s.plant != PlantFsyncSkipped {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = s.disk.SyncDir(path.Dir(s.path(name)))
	}
	if err != nil {
		return fileRef{}, diag.Wrap(diag.Checkpoint, err, "writing state")
	}
	ref := fileRef{path: name, size: w.n, rows: info.Entries, delta: w.n}
	for _, h := range info.Groups {
		ref.hash = batch.Mix(ref.hash ^ h)
	}
	return ref, nil
}

type countWriter struct {
	w io.Writer
	n int64
}

func (c *countWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	// Tasks have rows waiting: they come first, and not after a slice of time of whoever
	// writes a snapshot.
	runtime.Gosched()
	return n, err
}

// Lend is Write for bytes that stay as they are until the file is synced.
func (c *countWriter) Lend(b []byte) (int, error) {
	l, ok := c.w.(env.Lender)
	if !ok {
		return c.Write(b)
	}
	n, err := l.Lend(b)
	c.n += int64(n)
	runtime.Gosched()
	return n, err
}

// openState opens a file of keyed state for Store.Restore.
func (s *ckptStore) openState(f fileRef) (*stateFile, error) {
	r, err := s.disk.Open(s.path(f.path))
	if err != nil {
		return nil, diag.Wrap(diag.Checkpoint, err, "a file of state cannot be opened")
	}
	return &stateFile{ReadFile: r, size: f.size}, nil
}

type stateFile struct {
	env.ReadFile
	size int64
}

func (f *stateFile) Size() int64 { return f.size }

// remove deletes checkpoints and files that nothing refers to any more: the metadata
// first, for good, so that no checkpoint is ever found without its files. Failures
// are of no account: what is left over is swept at the next start.
func (s *ckptStore) remove(checkpoints []int64, files []string) {
	for _, n := range checkpoints {
		if !s.removeMeta(chkName(n)) {
			return
		}
	}
	for _, f := range files {
		_ = s.disk.Remove(s.path(f))
	}
}

func (s *ckptStore) removeMeta(dir string) bool {
	err := s.disk.Remove(s.path(dir + "/_metadata"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err := s.disk.SyncDir(s.path(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	_ = s.disk.RemoveAll(s.path(dir))
	return true
}

// sweep deletes what nothing of keep refers to: left-overs of a crash and, with
// nothing to keep, everything. It must not run beside anything that writes.
func (s *ckptStore) sweep(keep []*meta) {
	used := map[string]bool{}
	ids := map[string]bool{}
	for _, m := range keep {
		if name, err := s.scriptOf(m.attempt); err == nil && name != "" {
			used[name] = true
		}
		ids[chkName(m.id)] = true
		m.files(func(f fileRef) { used[f.path] = true })
	}
	list, err := s.disk.List(s.path("."))
	if err != nil {
		return
	}
	for _, e := range list {
		if strings.HasPrefix(e.Name(), "chk-") && !ids[e.Name()] && !s.removeMeta(e.Name()) {
			return
		}
	}
	if list, err := s.disk.List(s.path("state")); err == nil {
		for _, e := range list {
			if !used["state/"+e.Name()] {
				_ = s.disk.Remove(s.path("state/" + e.Name()))
			}
		}
	}
}

// settle makes durable what a checkpoint found on disk rests on. The process that
// wrote it may have died, or its disk failed, before it could.
func (s *ckptStore) settle(m *meta) error {
	for _, dir := range []string{chkName(m.id), "state", "."} {
		if err := s.disk.SyncDir(s.path(dir)); err != nil {
			return err
		}
	}
	return nil
}

// retained are the newest completed checkpoints from m on, at most n, oldest first.
func (s *ckptStore) retained(m *meta, n int) []*meta {
	list, err := s.numbers()
	if err != nil {
		return []*meta{m}
	}
	out := []*meta{m}
	for _, id := range list {
		if id < m.id && len(out) < n {
			if old, err := s.readMeta(id); err == nil {
				out = append(out, old)
			}
		}
	}
	slices.Reverse(out)
	return out
}
