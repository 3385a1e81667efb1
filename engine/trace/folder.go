package trace

import (
	"archive/zip"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"sync" //mink:det-ok a tape is written by the host, between steps

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/types"
)

// Folder is a tape that is being recorded. Its methods may be called from several
// goroutines, those of one task from one at a time. What it was given is in the files
// when a call returns, though not synced.
type Folder struct {
	disk env.Disk
	dir  string

	mu       sync.Mutex
	manifest Manifest
	logs     map[part]env.File
	rows     map[part]*rowFile
	output   []Piece
	split    bool  // the next piece is one of its own
	gone     int   // pieces that were forgotten
	ring     *ring // nil for a tape that is wanted whole
	// begins are the bases at which the tapes of jobs begin, of those that do.
	begins map[int]base
}

// part names the files of a task: what came behind checkpoint From in an attempt, 0 for
// its start.
type part struct {
	job     int
	attempt int64
	task    int
	from    int64
}

// stem is the name of a task's files, without the checkpoint.
func (p part) stem() string { return stem(p.job, p.attempt, p.task) }

// file is the name while the tape is recorded.
func (p part) file() string { return p.stem() + "-" + strconv.FormatInt(p.from, 10) }

// compare orders parts as they belong behind one another.
func (p part) compare(o part) int {
	return cmp.Or(cmp.Compare(p.job, o.job), cmp.Compare(p.attempt, o.attempt), cmp.Compare(p.task, o.task), cmp.Compare(p.from, o.from))
}

// rowFile is the rows of a part. Its lock is taken under that of the folder and held while they
// are written, so that tasks do not wait for one another.
type rowFile struct {
	s  types.Schema
	mu sync.Mutex
	f  env.File // nil in a copy
}

func (r *rowFile) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.f == nil {
		return nil
	}
	return r.f.Close()
}

// Create begins a tape in a folder, which must be new or empty.
func Create(disk env.Disk, dir string, m Manifest) (*Folder, error) {
	if list, err := disk.List(dir); err == nil && len(list) > 0 {
		return nil, diag.New(diag.IO, "%s is not empty", dir).WithHint("a tape is recorded into a folder of its own")
	}
	f := &Folder{disk: disk, dir: dir, manifest: m, logs: map[part]env.File{}, rows: map[part]*rowFile{}, begins: map[int]base{}}
	f.manifest.Format = FormatNow
	for _, d := range []string{"steps", "inputs", "ckpt"} {
		if err := disk.MkdirAll(path.Join(dir, d)); err != nil {
			return nil, f.failed(err)
		}
	}
	return f, f.save()
}

// Failed reports that a job on the tape has failed.
func (f *Folder) Failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.manifest.Jobs, func(j Job) bool { return j.Error != "" && len(j.Attempts) > 0 })
}

// Keep makes a file on a disk of a ring that was closed.
func (f *Folder) Keep(disk env.Disk, name string) error {
	if err := pack(f.disk, f.dir, disk, name+".tmp"); err != nil {
		_ = disk.Remove(name + ".tmp")
		return diag.Wrap(diag.IO, err, "cannot write the tape %s", name)
	}
	return disk.Rename(name+".tmp", name)
}

func (f *Folder) failed(err error) error {
	return diag.Wrap(diag.IO, err, "cannot write the tape %s", f.dir)
}

// Edit changes the manifest and writes it.
func (f *Folder) Edit(change func(m *Manifest)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.manifest)
	if f.ring != nil {
		return nil
	}
	return f.save()
}

// save writes the manifest, whole or not at all.
func (f *Folder) save() error {
	text, err := json.MarshalIndent(&f.manifest, "", "  ")
	if err != nil {
		return diag.Wrap(diag.Internal, err, "cannot write the manifest of a tape")
	}
	tmp := path.Join(f.dir, manifestName+".tmp")
	if err := writeFile(f.disk, tmp, append(text, '\n')); err != nil {
		return f.failed(err)
	}
	if err := f.disk.Rename(tmp, path.Join(f.dir, manifestName)); err != nil {
		return f.failed(err)
	}
	return nil
}

const manifestName = "manifest.json"

func writeFile(disk env.Disk, name string, data []byte) error {
	w, err := disk.Create(name)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	if e := w.Close(); err == nil {
		err = e
	}
	return err
}

// stem is the name of the files of a task in an attempt of a job.
func stem(job int, attempt int64, task int) string {
	return fmt.Sprintf("%d-%d-%d", job, attempt, task)
}

// Steps appends blocks of a task's log behind checkpoint from of its attempt, as Log.Take
// gives them.
func (f *Folder) Steps(job int, attempt int64, task int, from int64, blocks []byte) error {
	p := part{job, attempt, task, from}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.takes(p, int64(len(blocks))) {
		return nil
	}
	w, err := f.logs[p], error(nil)
	if w == nil {
		if w, err = f.disk.Create(path.Join(f.dir, "steps", p.file()+".log")); err == nil {
			f.logs[p] = w
		}
	}
	if err == nil {
		_, err = w.Write(blocks)
	}
	if err != nil {
		return f.failed(err)
	}
	return nil
}

// Rows appends polls of a task's source behind checkpoint from, as a Framer for
// this part makes them.
func (f *Folder) Rows(job int, attempt int64, task int, from int64, s types.Schema, polls []byte) error {
	r, err := f.rowsOf(part{job, attempt, task, from}, s, polls)
	if r == nil || err != nil {
		return err
	}
	defer r.mu.Unlock()
	if _, err := r.f.Write(polls); err != nil {
		return f.failed(err)
	}
	return nil
}

// rowsOf gives the file of a part, locked; nil where its rows are not kept any more.
func (f *Folder) rowsOf(p part, s types.Schema, polls []byte) (*rowFile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.takes(p, int64(len(polls))) {
		return nil, nil
	}
	r := f.rows[p]
	if r == nil {
		w, err := f.disk.Create(path.Join(f.dir, "inputs", p.file()+".rows"))
		if err == nil {
			r = &rowFile{s: s, f: w}
			f.rows[p] = r
			_, err = w.Write([]byte(framesMagic))
		}
		if err != nil {
			return nil, f.failed(err)
		}
	}
	r.mu.Lock()
	return r, nil
}

// Checkpoint is where the checkpoint goes that an attempt began from.
func (f *Folder) Checkpoint(job int, attempt int64) (env.Disk, string) {
	return f.disk, path.Join(f.dir, checkpointDir(job, attempt))
}

func checkpointDir(job int, attempt int64) string { return fmt.Sprintf("ckpt/%d-%d", job, attempt) }

func baseDir(job int, attempt, checkpoint int64) string {
	return fmt.Sprintf("ckpt/%d-%d-%d", job, attempt, checkpoint)
}

// Close ends the recording: logs become Arrow files, and the manifest says that the
// tape is whole.
func (f *Folder) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.wanted() {
		return nil
	}
	for len(f.rows) > 0 {
		if err := f.closeRows(slices.SortedFunc(maps.Keys(f.rows), part.compare)); err != nil {
			return err
		}
	}
	for len(f.logs) > 0 {
		if err := f.closeLog(slices.SortedFunc(maps.Keys(f.logs), part.compare)); err != nil {
			return err
		}
	}
	data, err := encodeOutput(f.output)
	if err != nil {
		return err
	}
	if err := writeFile(f.disk, path.Join(f.dir, outputName), data); err != nil {
		return f.failed(err)
	}
	f.manifest.Closed = true
	return f.save()
}

// first are those of a sorted list that are of the first one's task.
func first(parts []part) []part {
	for i, p := range parts {
		if p.stem() != parts[0].stem() {
			return parts[:i]
		}
	}
	return parts
}

// closeLog makes one Arrow file of the log of the first task in the list.
func (f *Folder) closeLog(parts []part) error {
	parts = first(parts)
	var steps []Step
	for _, p := range parts {
		if w := f.logs[p]; w != nil {
			if err := w.Close(); err != nil {
				return f.failed(err)
			}
		}
		data, err := readFile(f.disk, path.Join(f.dir, "steps", p.file()+".log"))
		if err != nil {
			return f.failed(err)
		}
		more, err := Decode(data)
		if err != nil {
			return err
		}
		steps = append(steps, more...)
	}
	data, err := EncodeArrow(steps)
	if err != nil {
		return err
	}
	err = writeFile(f.disk, path.Join(f.dir, "steps", parts[0].stem()+".arrow"), data)
	for _, p := range parts {
		delete(f.logs, p)
		if err == nil {
			err = f.disk.Remove(path.Join(f.dir, "steps", p.file()+".log"))
		}
	}
	if err != nil {
		return f.failed(err)
	}
	return nil
}

// closeRows makes one Arrow file of the rows of the first task in the list. While they
// came in there was no time for it.
func (f *Folder) closeRows(parts []part) error {
	parts = first(parts)
	s := f.rows[parts[0]].s
	out, err := f.disk.Create(path.Join(f.dir, "inputs", parts[0].stem()+".arrow"))
	if err != nil {
		return f.failed(err)
	}
	w := NewRowWriter(out, s)
	for _, p := range parts {
		if err == nil {
			err = f.rows[p].close()
		}
		if err == nil {
			err = f.compress(path.Join(f.dir, "inputs", p.file()+".rows"), s, w)
		}
		delete(f.rows, p)
	}
	if err == nil {
		err = w.Close()
	}
	if e := out.Close(); err == nil {
		err = e
	}
	for _, p := range parts {
		if err == nil {
			err = f.disk.Remove(path.Join(f.dir, "inputs", p.file()+".rows"))
		}
	}
	if err != nil {
		return f.failed(err)
	}
	return nil
}

// compress gives the rows of a file to a writer.
func (f *Folder) compress(name string, s types.Schema, w *RowWriter) error {
	in, err := f.disk.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	r, err := NewRowReader(io.NewSectionReader(in, 0, info.Size()), s)
	for b := (batch.Batch{}); err == nil; {
		if err = r.Next(&b); err == nil {
			err = w.Add(&b)
		}
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// Pack makes one zip file of a closed tape's folder, stored and not packed again, and
// removes the folder. The file appears whole or not at all.
func Pack(disk env.Disk, dir, name string) error {
	err := pack(disk, dir, disk, name+".tmp")
	if err == nil {
		if err = disk.Rename(name+".tmp", name); err == nil {
			return disk.RemoveAll(dir)
		}
	}
	_ = disk.Remove(name + ".tmp")
	return diag.Wrap(diag.IO, err, "cannot write the tape %s", name)
}

func pack(disk env.Disk, dir string, to env.Disk, name string) error {
	out, err := to.Create(name)
	if err != nil {
		return err
	}
	z := zip.NewWriter(out)
	// The manifest comes first, so that whoever reads the first bytes knows what it is.
	err = addFile(z, disk, dir, manifestName)
	if err == nil {
		err = walk(disk, dir, "", func(part string) error {
			if part == manifestName {
				return nil
			}
			return addFile(z, disk, dir, part)
		})
	}
	if e := z.Close(); err == nil {
		err = e
	}
	if e := out.Sync(); err == nil {
		err = e
	}
	if e := out.Close(); err == nil {
		err = e
	}
	return err
}

func addFile(z *zip.Writer, disk env.Disk, dir, part string) error {
	in, err := disk.Open(path.Join(dir, part))
	if err != nil {
		return err
	}
	defer in.Close()
	w, err := z.CreateHeader(&zip.FileHeader{Name: part, Method: zip.Store})
	if err != nil {
		return err
	}
	_, err = io.Copy(w, in)
	return err
}

// walk calls visit for each file below dir, in the order of names.
func walk(disk env.Disk, dir, below string, visit func(part string) error) error {
	list, err := disk.List(path.Join(dir, below))
	if err != nil {
		return err
	}
	for _, e := range list {
		part := path.Join(below, e.Name())
		if e.IsDir() {
			err = walk(disk, dir, part, visit)
		} else {
			err = visit(part)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
