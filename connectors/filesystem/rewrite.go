package filesystem

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// Rows of files are changed by writing their partitions anew: see connect.RowLevel for
// what is promised, replace.go for how.
var _ connect.RowLevel = (*sink)(nil)

// Rewrite narrows scan to the files that are there now, in the partitions touched, and
// makes the sink replace these files when its job ends.
func (s *sink) Rewrite(scan connect.Source, touched connect.PartitionTest) error {
	src, ok := scan.(*source)
	if !ok || src.root != s.root {
		return diag.New(diag.Internal, "the rows to change are not those of table %s", s.t.Name)
	}
	if err := s.rewritable(); err != nil {
		return err
	}
	files, err := src.files()
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // nothing was written yet
		return err
	}
	if files, err = s.parts.where(s.root, files, touched); err != nil {
		return err
	}
	src.pinned = append([]string{}, files...)
	s.rewrite = true
	for _, f := range files {
		s.replaced = append(s.replaced, below(s.root, f))
	}
	return nil
}

// rewritable refuses tables whose files cannot be replaced.
func (s *sink) rewritable() error {
	st, err := s.disk().Stat(s.root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return ioError(err, "read", s.root)
	case !st.IsDir():
		return diag.New(diag.InvalidQuery, "rows of %s cannot be changed: '%s' is a single file, and only files of a directory are replaced", s.t.Name, s.root)
	case s.wants != connect.AppendOnly:
		return diag.New(diag.UnsupportedByFlink, "the files of %s hold changes, and rows are changed by writing new ones", s.t.Name).
			WithHint("INSERT the changes: they are rows of kind +U and -D")
	}
	return nil
}

// Remove removes all files of partitions for which whole holds.
func (s *sink) Remove(whole connect.PartitionTest) error {
	if err := s.rewritable(); err != nil {
		return err
	}
	disk := s.disk()
	files, err := list(disk, s.root)
	if diag.CodeOf(err) == diag.IO && errors.Is(err, fs.ErrNotExist) {
		return nil // nothing was written yet
	}
	if err != nil {
		return err
	}
	if files, err = s.parts.where(s.root, files, whole); err != nil || len(files) == 0 {
		return err
	}
	r := &replacement{}
	for _, f := range files {
		r.Remove = append(r.Remove, below(s.root, f))
	}
	id := ""
	for n := s.t.Deps.Env.Clock.Now(); ; n++ {
		id = fmt.Sprintf("remove-%d", n)
		if _, err := disk.Stat(replaceName(s.root, id, replacePrepared)); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return ioError(err, "read", s.root)
		}
	}
	if err := r.prepare(disk, s.root, id); err != nil {
		return err
	}
	err = r.commit(disk, s.root, id)
	if diag.CodeOf(err) == diag.Conflict {
		_ = disk.Remove(replaceName(s.root, id, replacePrepared))
	}
	return err
}

func below(root, file string) string { return strings.TrimPrefix(strings.TrimPrefix(file, root), "/") }

// where keeps the files of partitions for which test holds.
func (p *partitions) where(root string, files []string, test connect.PartitionTest) ([]string, error) {
	if test == nil {
		return files, nil
	}
	if len(p.cols) == 0 {
		if all, err := test(&batch.Batch{N: 1}); err != nil || !all[0] {
			return nil, err
		}
		return files, nil
	}
	holds := map[string]bool{} // by directory
	var dirs []string
	var rows batch.Batch
	ask := func() error {
		got, err := test(&rows)
		if err != nil {
			return err
		}
		for i, d := range dirs {
			holds[d] = got[i]
		}
		dirs, rows = dirs[:0], batch.Batch{}
		return nil
	}
	for _, f := range files {
		d := path.Dir(below(root, f))
		if _, ok := holds[d]; ok {
			continue
		}
		holds[d] = false
		vals, err := p.values(f)
		if err != nil {
			return nil, err
		}
		dirs = append(dirs, d)
		if rows.Append(&batch.Batch{N: 1, Cols: vals}, nil); rows.N == batch.MaxRows {
			if err := ask(); err != nil {
				return nil, err
			}
		}
	}
	if rows.N > 0 {
		if err := ask(); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(slices.Clone(files), func(f string) bool { return !holds[path.Dir(below(root, f))] }), nil
}

// prepareReplace prepares the replacement of files at the end of the input; before,
// it prepares nothing, for a part of the rows is of no use.
func (w *writer) prepareReplace(c committable) ([]byte, error) {
	if !c.End || len(c.Files) == 0 && len(w.s.replaced) == 0 {
		return nil, nil
	}
	r := &replacement{Files: c.Files, Remove: w.s.replaced}
	disk := w.s.disk()
	if err := r.unchanged(disk, w.s.root); err != nil {
		return nil, err
	}
	c.Files, c.Replace, c.ID = nil, r, replaceID(w.tag, w.ctx.Attempt)
	if err := r.prepare(disk, w.s.root, c.ID); err != nil {
		return nil, err
	}
	out, err := json.Marshal(c)
	if err != nil {
		return nil, diag.Wrap(diag.Internal, err, "cannot write a committable")
	}
	w.closed = nil
	return out, nil
}

// rewriteState marks a checkpoint that was taken amid a rewrite. Files are not kept in
// it: such a job begins anew.
func (w *writer) rewriteState() []byte {
	if len(w.order)+len(w.closed) > 0 {
		return []byte{1}
	}
	return nil
}

func (w *writer) restoreRewrite(states [][]byte) error {
	for _, s := range states {
		if len(s) > 0 {
			return diag.New(diag.Checkpoint, "a change of rows of %s cannot go on from a savepoint", w.s.t.Name).
				WithHint("nothing was changed: run the statement again")
		}
	}
	return nil
}
