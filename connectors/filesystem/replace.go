package filesystem

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// replacement is a set of files that takes the place of another, in one step.
//
// It is kept in a file of the table's directory, whose name decides:
//
//	.replace-<id>.prepared   written and durable; nothing has happened
//	.replace-<id>.json       it has happened: whoever sees it finishes it
//
// The one rename between the two is the commit. Finishing gives new files their final
// names, removes old ones and, last, the file itself. Every step of it may be done
// again, by several at once, after a crash at any point; readers finish what they find
// before they list files.
type replacement struct {
	Files  []committedFile `json:"files,omitempty"`
	Remove []string        `json:"remove,omitempty"` // paths below the table
}

const (
	replacePrefix   = ".replace-"
	replacePrepared = ".prepared"
	replaceDone     = ".json"
)

func replaceName(root, id, suffix string) string { return path.Join(root, replacePrefix+id+suffix) }

// prepare writes the replacement under its first name. The files it adds are durable
// already.
func (r *replacement) prepare(disk env.Disk, root, id string) error {
	name := replaceName(root, id, replacePrepared)
	text, err := json.Marshal(r)
	if err != nil {
		return diag.Wrap(diag.Internal, err, "cannot write a replacement of files")
	}
	f, err := disk.Create(name)
	if err != nil {
		return ioError(err, "create", name)
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = disk.SyncDir(root)
	}
	return ioError(err, "write", name)
}

// commit makes it happen. It is idempotent. It fails with the code conflict when files
// to be replaced are gone.
func (r *replacement) commit(disk env.Disk, root, id string) error {
	prepared, done := replaceName(root, id, replacePrepared), replaceName(root, id, replaceDone)
	if _, err := disk.Stat(done); err == nil {
		return r.finish(disk, root, done) // a crash may have left both names
	} else if !errors.Is(err, fs.ErrNotExist) {
		return ioError(err, "read", done)
	}
	if _, err := disk.Stat(prepared); err == nil {
		if err := r.unchanged(disk, root); err != nil {
			return err
		}
		if err := disk.Rename(prepared, done); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return ioError(err, "commit", done)
		}
		if err := disk.SyncDir(root); err != nil {
			return ioError(err, "sync", root)
		}
		return r.finish(disk, root, done)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return ioError(err, "read", prepared)
	}
	// Neither is there: it was finished before, unless files still wait for it.
	for _, f := range r.Files {
		p := part{final: f.Final}
		from := path.Join(root, f.Dir, p.temp())
		if _, err := disk.Stat(from); err == nil {
			return diag.New(diag.IO, "file '%s' of a completed checkpoint is gone", prepared).
				WithHint("the directory was changed by someone else; run the statement again")
		}
	}
	return nil
}

// unchanged fails with conflict unless all files to be replaced are there.
func (r *replacement) unchanged(disk env.Disk, root string) error {
	for _, f := range r.Remove {
		if _, err := disk.Stat(path.Join(root, f)); errors.Is(err, fs.ErrNotExist) {
			return diag.New(diag.Conflict, "another statement has replaced '%s' meanwhile; this one changed nothing", path.Join(root, f)).
				WithHint("run it again")
		} else if err != nil {
			return ioError(err, "read", path.Join(root, f))
		}
	}
	return nil
}

// finish does what a committed replacement says; done is its file.
func (r *replacement) finish(disk env.Disk, root, done string) error {
	var dirs []string
	note := func(dir string) {
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	for _, f := range r.Files {
		p := part{final: f.Final}
		from, to := path.Join(root, f.Dir, p.temp()), path.Join(root, f.Dir, f.Final)
		if err := disk.Rename(from, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return ioError(err, "commit", to)
		} else if err != nil {
			if _, err := disk.Stat(to); errors.Is(err, fs.ErrNotExist) {
				if _, err := disk.Stat(done); errors.Is(err, fs.ErrNotExist) {
					return nil // somebody else has finished it, and the file was replaced since
				}
				return diag.New(diag.IO, "file '%s' of a committed change is gone; rows are lost", from).
					WithHint("the directory was changed by someone else; restore it, or restart from an older savepoint")
			}
		}
		note(f.Dir)
	}
	// New files are in their places, durably, before old ones go.
	for _, d := range dirs {
		if err := disk.SyncDir(path.Join(root, d)); err != nil {
			return ioError(err, "sync", path.Join(root, d))
		}
	}
	for _, f := range r.Remove {
		full := path.Join(root, f)
		if err := disk.Remove(full); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return ioError(err, "remove", full)
		}
		note(path.Dir(f))
	}
	for _, d := range dirs {
		if err := disk.SyncDir(path.Join(root, d)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return ioError(err, "sync", path.Join(root, d))
		}
	}
	r.removeEmpty(disk, root, dirs)
	prepared := strings.TrimSuffix(done, replaceDone) + replacePrepared
	if err := disk.Remove(prepared); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ioError(err, "remove", prepared)
	}
	if err := disk.Remove(done); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ioError(err, "remove", done)
	}
	return ioError(disk.SyncDir(root), "sync", root)
}

// removeEmpty removes the directories of partitions that have nothing left, marks of
// their completeness aside. A directory that cannot be removed does no harm.
func (r *replacement) removeEmpty(disk env.Disk, root string, dirs []string) {
	for _, d := range dirs {
		for d != "" && d != "." {
			full := path.Join(root, d)
			entries, err := disk.List(full)
			if err != nil || slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !strings.HasPrefix(e.Name(), "_") || e.IsDir() }) {
				break
			}
			for _, e := range entries {
				if disk.Remove(path.Join(full, e.Name())) != nil {
					break
				}
			}
			if disk.Remove(full) != nil {
				break
			}
			d = path.Dir(d)
		}
	}
}

// finishReplacements finishes what was committed in a table's directory and reports
// whether there was something.
func finishReplacements(disk env.Disk, root string) (bool, error) {
	entries, err := disk.List(root)
	if err != nil {
		return false, ioError(err, "list", root)
	}
	some := false
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, replacePrefix) || !strings.HasSuffix(name, replaceDone) {
			continue
		}
		some = true
		full := path.Join(root, name)
		r, err := readReplacement(disk, full)
		if errors.Is(err, fs.ErrNotExist) {
			continue // finished meanwhile
		}
		if err != nil {
			return true, err
		}
		if err := r.finish(disk, root, full); err != nil {
			return true, err
		}
	}
	return some, nil
}

func readReplacement(disk env.Disk, name string) (*replacement, error) {
	f, err := disk.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := &replacement{}
	if err := json.NewDecoder(f).Decode(r); err != nil {
		return nil, diag.Wrap(diag.IO, err, "the committed change '%s' is damaged", name)
	}
	return r, r.check()
}

// check refuses names that lead out of the table.
func (r *replacement) check() error {
	for _, f := range r.Files {
		if f.Final != path.Base(f.Final) || !strings.HasPrefix(f.Final, "part-") || climbs(f.Dir) {
			return diag.New(diag.Checkpoint, "a committable names a file outside of its table: '%s'", path.Join(f.Dir, f.Final))
		}
	}
	for _, f := range r.Remove {
		if climbs(f) || f == "" {
			return diag.New(diag.Checkpoint, "a committable names a file outside of its table: '%s'", f)
		}
	}
	return nil
}

// replaceID names the replacement of a writer's attempt.
func replaceID(tag string, attempt int64) string { return fmt.Sprintf("%s-%04d", tag, attempt) }

// fenceReplacements removes what older attempts prepared and no checkpoint knows.
func (c *committer) fenceReplacements(attempt int64, kept map[string]bool) error {
	disk := c.s.disk()
	entries, err := disk.List(c.s.root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return ioError(err, "list", c.s.root)
	}
	for _, e := range entries {
		id, ok := strings.CutPrefix(e.Name(), replacePrefix)
		if !ok {
			continue
		}
		if id, ok = strings.CutSuffix(id, replacePrepared); !ok || kept[id] {
			continue
		}
		var a int64
		rest, ok := strings.CutPrefix(id, c.tag+"-")
		if _, err := fmt.Sscanf(rest, "%d", &a); !ok || err != nil || a >= attempt {
			continue
		}
		p := path.Join(c.s.root, e.Name())
		if err := disk.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return ioError(err, "remove", p)
		}
	}
	return nil
}
