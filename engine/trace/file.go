package trace

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/types"
)

// File is a tape that is read: a zip file, or the folder of a recording, also of one
// that did not come to its end.
type File struct {
	Manifest Manifest
	// Name is where it lies.
	Name string

	parts map[string]func() (*io.SectionReader, error)
	open  []io.Closer
}

// Open opens a tape. It fails with io where there is none and with invalid-tape where
// it is something else. Close it after use.
func Open(disk env.Disk, name string) (*File, error) {
	info, err := disk.Stat(name)
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot open the tape %s", name)
	}
	f := &File{Name: name, parts: map[string]func() (*io.SectionReader, error){}}
	if info.IsDir() {
		err = walk(disk, name, "", func(part string) error {
			f.parts[part] = func() (*io.SectionReader, error) {
				r, err := disk.Open(path.Join(name, part))
				if err != nil {
					return nil, err
				}
				f.open = append(f.open, r)
				info, err := r.Stat()
				if err != nil {
					return nil, err
				}
				return io.NewSectionReader(r, 0, info.Size()), nil
			}
			return nil
		})
	} else {
		err = f.openZip(disk, name, info.Size())
	}
	if err != nil {
		return nil, err
	}
	if err := f.readManifest(); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func (f *File) readManifest() error {
	text, err := f.part(manifestName)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &f.Manifest); err != nil {
		return f.bad("its manifest cannot be read: %v", err)
	}
	if n := f.Manifest.Format; n != FormatNow {
		age := "an older"
		if n > FormatNow {
			age = "a newer"
		}
		return diag.New(diag.InvalidTape, "the tape %s has format %d, of %s mink, and this one reads format %d", f.Name, n, age, FormatNow).
			WithHint("replay it with the mink that recorded it, which is %q, or record it again", f.Manifest.Build)
	}
	return nil
}

func (f *File) openZip(disk env.Disk, name string, size int64) error {
	in, err := disk.Open(name)
	if err != nil {
		return diag.Wrap(diag.IO, err, "cannot open the tape %s", name)
	}
	z, err := zip.NewReader(in, size)
	if err != nil {
		_ = in.Close()
		return f.bad("it is no zip file")
	}
	for _, part := range z.File {
		checked := false
		f.parts[part.Name] = func() (*io.SectionReader, error) {
			at, err := part.DataOffset()
			if err != nil {
				return nil, err
			}
			if part.Method != zip.Store || part.UncompressedSize64 > uint64(size-at) {
				return nil, errors.New("it is packed or cut off, and parts of a tape are stored")
			}
			r := io.NewSectionReader(in, at, int64(part.UncompressedSize64))
			if !checked {
				// What reads the parts trusts the lengths in them.
				if err := intact(r, part.CRC32); err != nil {
					return nil, err
				}
				checked = true
			}
			return r, nil
		}
	}
	f.open = append(f.open, in)
	return nil
}

// intact reads a part and compares its checksum.
func intact(r *io.SectionReader, want uint32) error {
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, io.NewSectionReader(r, 0, r.Size())); err != nil {
		return err
	}
	if sum.Sum32() != want {
		return errors.New("its checksum does not match")
	}
	return nil
}

// Close lets go of the file.
func (f *File) Close() (err error) {
	for _, c := range f.open {
		if e := c.Close(); err == nil {
			err = e
		}
	}
	return err
}

// Zip writes the tape as one file, as Pack does.
func (f *File) Zip(to io.Writer) error {
	z := zip.NewWriter(to)
	names := slices.Sorted(maps.Keys(f.parts))
	// The manifest comes first, so that whoever reads the first bytes knows what it is.
	names = append([]string{manifestName}, slices.DeleteFunc(names, func(n string) bool { return n == manifestName })...)
	for _, name := range names {
		data, err := f.parts[name]()
		if err != nil {
			return diag.Wrap(diag.InvalidTape, err, "the tape %s is damaged in %s", f.Name, name)
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = io.Copy(w, data)
		}
		if err != nil {
			return diag.Wrap(diag.IO, err, "cannot write the tape %s", f.Name)
		}
	}
	if err := z.Close(); err != nil {
		return diag.Wrap(diag.IO, err, "cannot write the tape %s", f.Name)
	}
	return nil
}

func (f *File) bad(format string, args ...any) error {
	return diag.New(diag.InvalidTape, "%s is no tape: "+format, append([]any{f.Name}, args...)...).
		WithHint("`mink tape record` makes one")
}

func (f *File) part(name string) ([]byte, error) {
	read := f.parts[name]
	if read == nil {
		return nil, f.bad("it has no %s", name)
	}
	r, err := read()
	if err != nil {
		return nil, diag.Wrap(diag.InvalidTape, err, "the tape %s is damaged in %s", f.Name, name)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, diag.Wrap(diag.InvalidTape, err, "the tape %s is damaged in %s", f.Name, name)
	}
	return data, nil
}

// Steps are the records of a task in an attempt of a job. Of a recording that was cut
// off they are those that had been written.
func (f *File) Steps(job int, attempt int64, task int) ([]Step, error) {
	name := "steps/" + stem(job, attempt, task)
	if f.parts[name+".arrow"] != nil {
		data, err := f.part(name + ".arrow")
		if err != nil {
			return nil, err
		}
		return DecodeArrow(data)
	}
	var steps []Step
	for _, part := range f.unclosed(name, ".log") {
		data, err := f.part(part)
		if err != nil {
			return nil, err
		}
		more, err := Decode(data)
		if steps = append(steps, more...); err != nil && f.Manifest.Closed {
			return steps, err
		}
	}
	return steps, nil // none, if the task took no step
}

// unclosed are the parts of a task in a recording that is under way or was cut off, in
// their order.
func (f *File) unclosed(stem, ext string) []string {
	var from []int64
	for _, name := range slices.Sorted(maps.Keys(f.parts)) {
		if rest, ok := strings.CutPrefix(name, stem+"-"); ok && strings.HasSuffix(rest, ext) {
			if n, err := strconv.ParseInt(strings.TrimSuffix(rest, ext), 10, 64); err == nil {
				from = append(from, n)
			}
		}
	}
	slices.Sort(from)
	out := make([]string, len(from))
	for i, n := range from {
		out[i] = stem + "-" + strconv.FormatInt(n, 10) + ext
	}
	return out
}

// Rows are the rows that the source of a task gave.
func (f *File) Rows(job int, attempt int64, task int, s types.Schema) (*RowReader, error) {
	name := "inputs/" + stem(job, attempt, task)
	names := []string{name + ".arrow"}
	if f.parts[names[0]] == nil {
		names = f.unclosed(name, ".rows")
	}
	whole := &RowReader{s: s, read: func() (arrow.Record, error) { return nil, io.EOF }}
	for i, name := range names {
		data, err := f.parts[name]()
		if err != nil {
			return nil, diag.Wrap(diag.InvalidTape, err, "the tape %s is damaged in %s", f.Name, name)
		}
		r, err := NewRowReader(data, s)
		if err == errFrames {
			return nil, diag.New(diag.InvalidTape, "%s: %s", f.Name, errFrames.Msg).
				WithHint("replay it with the mink that recorded it, which is %q, or record it again", f.Manifest.Build)
		}
		if err != nil {
			return nil, err
		}
		if i == 0 {
			whole = r
			continue
		}
		whole.more = append(whole.more, r)
	}
	return whole, nil
}

// Checkpoint copies the checkpoint that an attempt began from to a disk.
func (f *File) Checkpoint(job int, attempt int64, disk env.Disk, dir string) error {
	return f.copy(checkpointDir(job, attempt)+"/", disk, dir)
}

// Base copies the checkpoint in the middle of an attempt at which the tape begins, and
// gives the tasks as they stood there.
func (f *File) Base(job int, attempt, checkpoint int64, disk env.Disk, dir string) ([]byte, error) {
	from := baseDir(job, attempt, checkpoint)
	if err := f.copy(from+"/", disk, dir); err != nil {
		return nil, err
	}
	return f.part(from + "/" + framesName)
}

func (f *File) copy(from string, disk env.Disk, dir string) error {
	found := false
	for name := range f.parts { //mink:det-ok the order of copying shows nowhere
		rest, ok := strings.CutPrefix(name, from)
		if !ok {
			continue
		}
		found = true
		data, err := f.part(name)
		if err != nil {
			return err
		}
		to := path.Join(dir, rest)
		if err := disk.MkdirAll(path.Dir(to)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := writeFile(disk, to, data); err != nil {
			return err
		}
	}
	if !found {
		return f.bad("it lacks %s, the checkpoint that it begins from", from)
	}
	return nil
}

func readFile(disk env.Disk, name string) ([]byte, error) {
	r, err := disk.Open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
