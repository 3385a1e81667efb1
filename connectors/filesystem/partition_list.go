package filesystem

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// partitionList is the partitions of a table: its directories name=value.
type partitionList struct {
	t     *connect.Table
	root  string
	parts partitions
	disk  env.Disk
}

func newPartitions(t *connect.Table) (connect.Partitions, error) {
	root, err := resolve(t)
	if err != nil {
		return nil, err
	}
	if hasPattern(root) {
		return nil, connect.Invalid("path", "is a pattern, and partitions are directories of one directory")
	}
	l := &partitionList{t: t, root: root, parts: tablePartitions(t), disk: t.Deps.Env.Disk}
	l.parts.cols = make([]int, len(t.PartitionKeys)) // values come in order of the keys
	for i := range l.parts.cols {
		l.parts.cols[i] = i
	}
	return l, nil
}

// List walks the directories, one level for each partition column.
func (l *partitionList) List() ([][]string, error) {
	var out [][]string
	err := l.walk(l.root, nil, &out)
	slices.SortFunc(out, slices.Compare[[]string])
	return out, err
}

func (l *partitionList) walk(dir string, values []string, out *[][]string) error {
	if len(values) == len(l.parts.names) {
		*out = append(*out, values)
		return nil
	}
	list, err := l.disk.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return ioError(err, "list", dir)
	}
	for _, f := range list {
		name, value, ok := strings.Cut(f.Name(), "=")
		if !ok || !f.IsDir() || hidden(f.Name()) || unescapeName(name) != l.parts.names[len(values)] {
			continue
		}
		if err := l.walk(path.Join(dir, f.Name()), append(slices.Clip(values), unescapeName(value)), out); err != nil {
			return err
		}
	}
	return nil
}

// Text is the values as the names of directories have them.
func (l *partitionList) Text(values *batch.Batch) []string {
	var out []string
	for _, d := range strings.Split(l.parts.dir(values, 0), "/") {
		_, v, _ := strings.Cut(d, "=")
		out = append(out, unescapeName(v))
	}
	return out
}

// dir is the directory of a partition, and whether it is there.
func (l *partitionList) dir(values *batch.Batch) (name string, there bool, err error) {
	name = path.Join(l.root, l.parts.dir(values, 0))
	_, err = l.disk.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return name, false, nil
	}
	return name, err == nil, ioError(err, "read", name)
}

// Add makes the directory.
func (l *partitionList) Add(values *batch.Batch) error {
	dir, there, err := l.dir(values)
	if err != nil {
		return err
	}
	if there {
		return diag.New(diag.AlreadyExists, "partition %s of %s already exists", l.parts.dir(values, 0), l.t.Name).WithHint("add IF NOT EXISTS")
	}
	if err := l.disk.MkdirAll(dir); err != nil {
		return ioError(err, "create", dir)
	}
	for up := path.Dir(dir); len(up) >= len(l.root); up = path.Dir(up) {
		if err := l.disk.SyncDir(up); err != nil {
			return ioError(err, "sync", up)
		}
	}
	return nil
}

// Drop removes the files of the partition as TRUNCATE does, then its directory. Files
// that a running job has not finished stay, and the directory with them.
func (l *partitionList) Drop(values *batch.Batch) error {
	_, there, err := l.dir(values)
	if err != nil {
		return err
	}
	if !there {
		return diag.New(diag.NotFound, "no partition %s of %s", l.parts.dir(values, 0), l.t.Name)
	}
	s, err := newSink(l.t)
	if err != nil {
		return err
	}
	want := l.parts.dir(values, 0)
	err = s.(connect.RowLevel).Remove(func(parts *batch.Batch) ([]bool, error) {
		out := make([]bool, parts.N)
		for i := range out {
			out[i] = l.parts.dir(parts, i) == want
		}
		return out, nil
	})
	if err != nil {
		return err
	}
	(&replacement{}).removeEmpty(l.disk, l.root, []string{want})
	return ioError(l.disk.SyncDir(l.root), "sync", l.root)
}
