package filesystem

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/minkstream/mink/engine/diag"
)

// committer gives prepared files their final names.
//
// What is promised: a file under its final name is whole, durable and belongs to a
// completed checkpoint; a committable that is committed again changes nothing; a
// file that is neither in progress nor final is an error, never success. A crash
// between two renames of one committable shows some of its files first; committing
// it again, which every restart does, shows the rest.
type committer struct {
	s   *sink
	tag string
	// marking is held while marks are read and written: commits may be under way several
	// at a time.
	marking sync.Mutex
	attempt int64 // whose marks are written
	marked  bool  // some have been
	closed  bool
}

func decodeCommittable(b []byte) (c committable, err error) {
	if err := json.Unmarshal(b, &c); err != nil {
		return c, diag.Wrap(diag.Checkpoint, err, "a committable of files is damaged")
	}
	for _, f := range c.Files {
		// Names come back from a checkpoint; they must stay below the table.
		if f.Final != path.Base(f.Final) || !strings.HasPrefix(f.Final, "part-") || climbs(f.Dir) {
			return c, diag.New(diag.Checkpoint, "a committable names a file outside of its table: '%s'", path.Join(f.Dir, f.Final))
		}
	}
	if r := c.Replace; r != nil {
		if strings.Contains(c.ID, "/") {
			return c, diag.New(diag.Checkpoint, "a committable names a file outside of its table: '%s'", c.ID)
		}
		if err := r.check(); err != nil {
			return c, err
		}
	}
	for _, d := range append([]string{c.Static}, c.Partitions...) {
		if climbs(d) {
			return c, diag.New(diag.Checkpoint, "a committable names a partition outside of its table: '%s'", d)
		}
	}
	return c, nil
}

func climbs(dir string) bool {
	return path.IsAbs(dir) || slices.Contains(strings.Split(dir, "/"), "..")
}

func (c *committer) Commit(b []byte) error {
	m, err := decodeCommittable(b)
	if err != nil {
		return err
	}
	disk := c.s.disk()
	if m.Replace != nil {
		return m.Replace.commit(disk, c.s.root, m.ID)
	}
	if m.Overwrite {
		if err := c.clear(m); err != nil {
			return err
		}
	}
	var dirs []string
	for _, f := range m.Files {
		full := path.Join(c.s.root, f.Dir)
		p := part{final: f.Final}
		from, to := path.Join(full, p.temp()), path.Join(full, f.Final)
		err := disk.Rename(from, to)
		if errors.Is(err, fs.ErrNotExist) {
			if _, err := disk.Stat(to); err != nil {
				return diag.New(diag.IO, "file '%s' of a completed checkpoint is gone; rows are lost", from).
					WithHint("the directory was changed by someone else; restore it, or restart from an older savepoint")
			}
		} else if err != nil {
			return ioError(err, "commit", to)
		}
		if !slices.Contains(dirs, full) {
			dirs = append(dirs, full)
		}
	}
	for _, d := range dirs {
		if err := disk.SyncDir(d); err != nil {
			return ioError(err, "sync", d)
		}
	}
	return c.commitPartitions(m)
}

// clear removes what an overwriting insert replaces: files of the partitions
// written to, or of the table, that this job did not write.
func (c *committer) clear(m committable) error {
	var dirs []string
	if len(c.s.parts.cols) == 0 {
		dirs = []string{""}
	}
	if m.Static != "" {
		dirs = []string{m.Static}
	}
	for _, f := range m.Files {
		if !slices.Contains(dirs, f.Dir) {
			dirs = append(dirs, f.Dir)
		}
	}
	disk := c.s.disk()
	for _, d := range dirs {
		full := path.Join(c.s.root, d)
		entries, err := disk.List(full)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return ioError(err, "list", full)
		}
		for _, e := range entries {
			if e.IsDir() || strings.HasPrefix(e.Name(), ".") || strings.HasPrefix(e.Name(), "part-"+c.tag+"-") {
				continue
			}
			p := path.Join(full, e.Name())
			if err := disk.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return ioError(err, "overwrite", p)
			}
		}
	}
	return nil
}

// Fence removes the files in progress of older attempts that no checkpoint knows.
// A writer of such an attempt that is still alive then fails to prepare.
func (c *committer) Fence(attempt int64, keep [][]byte) error {
	kept := map[string]bool{}
	for _, b := range keep {
		m, err := decodeCommittable(b)
		if err != nil {
			return err
		}
		files := m.Files
		if m.Replace != nil {
			files = m.Replace.Files
			kept[m.ID] = true
		}
		for _, f := range files {
			p := part{final: f.Final}
			kept[path.Join(c.s.root, f.Dir, p.temp())] = true
		}
	}
	if err := c.fenceDir(c.s.root, attempt, kept, 0); err != nil {
		return err
	}
	if err := c.fenceReplacements(attempt, kept); err != nil {
		return err
	}
	return c.fenceMarks(attempt)
}

func (c *committer) fenceDir(dir string, attempt int64, kept map[string]bool, depth int) error {
	disk := c.s.disk()
	entries, err := disk.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return ioError(err, "list", dir)
	}
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		if e.IsDir() && depth < len(c.s.parts.cols) && !strings.HasPrefix(e.Name(), ".") {
			if err := c.fenceDir(p, attempt, kept, depth+1); err != nil {
				return err
			}
			continue
		}
		a, ok := parseTemp(e.Name(), c.tag)
		if !ok || a >= attempt || kept[p] {
			continue
		}
		if err := disk.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return ioError(err, "remove", p)
		}
	}
	return nil
}

func (c *committer) Close() error { return c.closeMarks() }
