package trace

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
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
	logs     map[string]env.File
	rows     map[string]*rowFile
	output   []Piece
	// A ring is kept until it is known whether anybody wants it.
	ring  bool
	limit int64 // bytes of steps and rows
	bytes int64
	over  bool
}

type rowFile struct {
	s types.Schema
	f env.File
}

// Create begins a tape in a folder, which must be new or empty.
func Create(disk env.Disk, dir string, m Manifest) (*Folder, error) {
	if list, err := disk.List(dir); err == nil && len(list) > 0 {
		return nil, diag.New(diag.IO, "%s is not empty", dir).WithHint("a tape is recorded into a folder of its own")
	}
	f := &Folder{disk: disk, dir: dir, manifest: m, logs: map[string]env.File{}, rows: map[string]*rowFile{}}
	f.manifest.Format = FormatNow
	for _, d := range []string{"steps", "inputs", "ckpt"} {
		if err := disk.MkdirAll(path.Join(dir, d)); err != nil {
			return nil, f.failed(err)
		}
	}
	return f, f.save()
}

// Ring begins a tape that is not wanted unless the run fails: in memory, with its manifest
// written at the end alone. When its steps and rows take more than limit bytes it is
// given up, see Over.
func Ring(m Manifest, limit int64) (*Folder, error) {
	f, err := Create(env.NewMemDisk(), "ring", m)
	if err == nil {
		f.ring, f.limit = true, limit
	}
	return f, err
}

// Over reports that a ring was given up, since it became too large.
func (f *Folder) Over() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.over
}

// Takes counts bytes that are to be written and reports whether they still are.
func (f *Folder) Takes(n int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ring && !f.over {
		if f.bytes += n; f.bytes > f.limit {
			f.over = true
			f.logs, f.rows = map[string]env.File{}, map[string]*rowFile{}
			_ = f.disk.RemoveAll(f.dir)
		}
	}
	return !f.over
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
	if f.ring {
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

// Steps appends blocks of a task's log, as Log.Take gives them.
func (f *Folder) Steps(job int, attempt int64, task int, blocks []byte) error {
	if !f.Takes(int64(len(blocks))) {
		return nil
	}
	name := stem(job, attempt, task)
	f.mu.Lock()
	w, err := f.logs[name], error(nil)
	if w == nil {
		if w, err = f.disk.Create(path.Join(f.dir, "steps", name+".log")); err == nil {
			f.logs[name] = w
		}
	}
	f.mu.Unlock()
	if err == nil {
		_, err = w.Write(blocks)
	}
	if err != nil {
		return f.failed(err)
	}
	return nil
}

// Rows appends polls of a task's source, as AppendFrame writes them.
func (f *Folder) Rows(job int, attempt int64, task int, s types.Schema, polls []byte) error {
	if !f.Takes(int64(len(polls))) {
		return nil
	}
	name := stem(job, attempt, task)
	f.mu.Lock()
	r, err := f.rows[name], error(nil)
	if r == nil {
		var w env.File
		if w, err = f.disk.Create(path.Join(f.dir, "inputs", name+".rows")); err == nil {
			r = &rowFile{s, w}
			f.rows[name] = r
			_, err = w.Write([]byte(framesMagic))
		}
	}
	f.mu.Unlock()
	if err == nil {
		_, err = r.f.Write(polls)
	}
	if err != nil {
		return f.failed(err)
	}
	return nil
}

// Checkpoint is where the checkpoint goes that an attempt began from.
func (f *Folder) Checkpoint(job int, attempt int64) (env.Disk, string) {
	return f.disk, path.Join(f.dir, checkpointDir(job, attempt))
}

func checkpointDir(job int, attempt int64) string { return fmt.Sprintf("ckpt/%d-%d", job, attempt) }

// Close ends the recording: logs become Arrow files, and the manifest says that the
// tape is whole.
func (f *Folder) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over || f.ring && !slices.ContainsFunc(f.manifest.Jobs, func(j Job) bool { return j.Error != "" }) {
		return nil // nobody wants it
	}
	for _, name := range slices.Sorted(maps.Keys(f.rows)) {
		r := f.rows[name]
		if err := r.f.Close(); err != nil {
			return f.failed(err)
		}
		if err := f.compress(name, r.s); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.logs)) {
		if err := f.logs[name].Close(); err != nil {
			return f.failed(err)
		}
		log := path.Join(f.dir, "steps", name+".log")
		data, err := readFile(f.disk, log)
		if err != nil {
			return f.failed(err)
		}
		steps, err := Decode(data)
		if err != nil {
			return err
		}
		if data, err = EncodeArrow(steps); err != nil {
			return err
		}
		if err = writeFile(f.disk, path.Join(f.dir, "steps", name+".arrow"), data); err == nil {
			err = f.disk.Remove(log)
		}
		if err != nil {
			return f.failed(err)
		}
	}
	f.logs, f.rows = nil, nil
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

// compress writes the rows of a task as an Arrow file. While they came in there was no
// time for it.
func (f *Folder) compress(name string, s types.Schema) error {
	from, to := path.Join(f.dir, "inputs", name+".rows"), path.Join(f.dir, "inputs", name+".arrow")
	in, err := f.disk.Open(from)
	if err != nil {
		return f.failed(err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return f.failed(err)
	}
	r, err := NewRowReader(io.NewSectionReader(in, 0, info.Size()), s)
	if err != nil {
		return err
	}
	out, err := f.disk.Create(to)
	if err != nil {
		return f.failed(err)
	}
	w := NewRowWriter(out, s)
	for b := (batch.Batch{}); err == nil; {
		if err = r.Next(&b); err == nil {
			err = w.Add(&b)
		}
	}
	if err == io.EOF {
		err = w.Close()
	}
	if e := out.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = f.disk.Remove(from)
	}
	if err != nil {
		return f.failed(err)
	}
	return nil
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
