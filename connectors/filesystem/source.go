package filesystem

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/types"
)

// source reads the files of a path.
type source struct {
	t       *connect.Table
	root    string
	pattern *regexp.Regexp
	monitor time.Duration
	format  *connect.Format
	fopts   connect.Options
	changes connect.Changes

	inBytes types.Schema // columns that are in the files
	bytesAt []int        // their positions in the table's schema
	parts   partitions
	read    connect.Projection // of inBytes; nil reads all
	used    []bool             // columns of the table that are read; nil: all
	pinned  []string           // the only files to read; nil: what is there
	since   int64              // files last written before are left out; 0: none
}

func newSource(t *connect.Table) (connect.Source, error) {
	s, err := makeSource(t)
	if err != nil {
		return nil, err
	}
	s.since = t.Since
	return s, nil
}

func makeSource(t *connect.Table) (*source, error) {
	s := &source{t: t}
	var err error
	if s.root, err = resolve(t); err != nil {
		return nil, err
	}
	if s.format, s.fopts, err = connect.FormatOf(t, "format"); err != nil {
		return nil, err
	}
	if s.format.Messages {
		return nil, connect.Invalid("format", "'%s' in files is not supported yet", s.format.Name)
	}
	if s.changes, err = s.format.Changes(s.fopts); err != nil {
		return nil, err
	}
	if s.monitor, err = t.Options.Duration("source.monitor-interval", 0); err != nil {
		return nil, err
	}
	if t.Options.Has("source.monitor-interval") && s.monitor <= 0 {
		return nil, connect.Invalid("source.monitor-interval", "must be above 0")
	}
	if p := t.Options.Text("source.path.regex-pattern", ""); p != "" {
		if s.pattern, err = regexp.Compile("^(?:" + p + ")$"); err != nil {
			return nil, connect.Invalid("source.path.regex-pattern", "is no regular expression: %s", err)
		}
	}
	s.parts = tablePartitions(t)
	s.inBytes, s.bytesAt = fileSchema(t)
	// Options and types of the format are checked now, not when a file is opened.
	if s.format.Decoder != nil {
		_, err = s.format.Decoder(s.inBytes, nil, s.fopts, t)
	} else if s.format.OpenFile == nil {
		err = connect.Invalid("format", "'%s' cannot be read from files", s.format.Name)
	}
	return s, err
}

// tablePartitions are the partition columns of t.
func tablePartitions(t *connect.Table) partitions {
	p := partitions{cols: t.PartitionKeys, nullDir: t.Options.Text("partition.default-name", defaultPartition)}
	for _, i := range t.PartitionKeys {
		p.names = append(p.names, t.Schema[i].Name)
		p.types = append(p.types, t.Schema[i].Type)
	}
	return p
}

// fileSchema are the physical columns that are no partition columns.
func fileSchema(t *connect.Table) (types.Schema, []int) {
	var s types.Schema
	var at []int
	for i := range t.Physical {
		if !slices.Contains(t.PartitionKeys, i) {
			s, at = append(s, t.Schema[i]), append(at, i)
		}
	}
	return s, at
}

func (s *source) Changes() connect.Changes { return s.changes }
func (s *source) Bounded() bool            { return s.monitor == 0 }

// InOrder: rows that only add may be read in any order, of several files at a time.
// Changes may not: a file may take back what the one before it gave.
func (s *source) InOrder() bool { return s.changes != connect.AppendOnly }

func (s *source) DiscoverInterval() time.Duration { return s.monitor }

func (s *source) Project(p connect.Projection) {
	if p == nil {
		return
	}
	s.read = connect.Projection{}
	s.used = make([]bool, len(s.t.Schema))
	for _, path := range p {
		if len(path) == 0 {
			continue
		}
		s.used[path[0]] = true
		if k := slices.Index(s.bytesAt, path[0]); k >= 0 {
			s.read = append(s.read, append(connect.FieldPath{k}, path[1:]...))
		}
	}
}

func (s *source) disk() env.Disk { return s.t.Deps.Env.Disk }

func (s *source) files() ([]string, error) {
	if s.pinned != nil {
		return s.pinned, nil
	}
	files, err := list(s.disk(), s.root)
	if err != nil {
		if e := diag.As(err); e != nil && e.Hint == "" {
			e.WithHint("the option 'path' of table %s names it", s.t.Name)
		}
		return nil, err
	}
	if s.pattern != nil {
		files = slices.DeleteFunc(files, func(f string) bool { return !s.pattern.MatchString(f) })
	}
	if s.since != 0 {
		return s.writtenSince(files)
	}
	return files, nil
}

// writtenSince leaves out the files that were last written before since. One that
// vanished after it was listed is left out too.
func (s *source) writtenSince(files []string) ([]string, error) {
	var out []string
	for _, f := range files {
		st, err := s.disk().Stat(f)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, ioError(err, "read", f)
		case st.ModTime().UnixMilli() >= s.since:
			out = append(out, f)
		}
	}
	return out, nil
}

// Splits is one split a file; with several subtasks large files of lines are taken
// apart.
func (s *source) Splits(wanted int) ([]connect.Split, error) {
	files, err := s.files()
	if err != nil {
		return nil, err
	}
	if wanted > 1 && s.monitor == 0 && !s.InOrder() && s.format.Lines != nil {
		if out, err := s.ranges(files, wanted); out != nil || err != nil {
			return out, err
		}
	}
	out := make([]connect.Split, len(files))
	for i, f := range files {
		out[i].ID = f
	}
	return out, nil
}

// Discover lists files that are not known.
func (s *source) Discover(known []string) ([]connect.Split, error) {
	files, err := s.files()
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(known))
	for _, id := range known {
		seen[id], seen[fileOf(id)] = true, true
	}
	var out []connect.Split
	for _, f := range files {
		if !seen[f] {
			out = append(out, connect.Split{ID: f})
		}
	}
	return out, nil
}

func (s *source) Open(split connect.Split, ctx connect.ReaderCtx) (connect.Reader, error) {
	pos, err := decodePosition(split.Pos)
	if err != nil {
		return nil, err
	}
	name := split.ID
	if pos.name > 0 && pos.name <= int64(len(name)) {
		name = name[:pos.name]
	}
	shape, err := s.shape(name)
	if err != nil {
		return nil, err
	}
	f, err := s.disk().Open(name)
	if err != nil {
		return nil, ioError(err, "read", name)
	}
	r, err := s.openFile(f, split.ID, name, pos, shape, ctx)
	if err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
}

func (s *source) openFile(f env.ReadFile, id, name string, pos position, shape *shape, ctx connect.ReaderCtx) (connect.Reader, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, ioError(err, "read", name)
	}
	if st.IsDir() {
		return nil, diag.New(diag.IO, "cannot read '%s': it is a directory now", name)
	}
	shape.stat(st, s)
	if s.format.OpenFile != nil {
		fr, err := s.format.OpenFile(f, st.Size(), s.inBytes, s.read, s.fopts, s.t)
		if err != nil {
			return nil, atFile(err, name)
		}
		if err := fr.SeekRow(pos.row); err != nil {
			fr.Close()
			return nil, atFile(err, name)
		}
		return &columnReader{name: name, file: f, fr: fr, shape: shape}, nil
	}
	dec, err := s.format.Decoder(s.inBytes, s.read, s.fopts, s.t)
	if err != nil {
		return nil, err
	}
	if st.Size() < pos.offset {
		return nil, diag.New(diag.IO, "cannot go on reading '%s' at byte %d: the file has only %d now", name, pos.offset, st.Size())
	}
	return newLineReader(id, name, f, st.Size(), dec, pos, shape, ctx), nil
}

// shape puts the columns of a file together with those that are the same for all
// of its rows.
type shape struct {
	schema  types.Schema
	nullTs  []types.Type
	bytesAt []int // nil: the file's columns are the table's
	used    []bool
	consts  []batch.Col // by column of the table
	isConst []bool
	meta    []metaColumn
	inner   batch.Batch
}

type metaColumn struct {
	col int
	key string
}

func (s *source) shape(name string) (*shape, error) {
	sh := &shape{schema: s.t.Schema, used: s.used}
	if len(s.bytesAt) == len(s.t.Schema) {
		return sh, nil
	}
	sh.bytesAt = s.bytesAt
	n := len(s.t.Schema)
	sh.consts, sh.isConst = make([]batch.Col, n), make([]bool, n)
	for range n {
		sh.nullTs = append(sh.nullTs, types.NullT)
	}
	vals, err := s.parts.values(name)
	if err != nil {
		return nil, err
	}
	for i, c := range s.parts.cols {
		sh.consts[c], sh.isConst[c] = vals[i], true
	}
	for i, key := range s.t.Metadata {
		c := s.t.Physical + i
		t := s.t.Schema[c].Type
		sh.isConst[c] = true
		switch key {
		case "file.path":
			sh.consts[c] = batch.ConstBytes(t, []byte(name))
		case "file.name":
			sh.consts[c] = batch.ConstBytes(t, []byte(path.Base(name)))
		default:
			sh.meta = append(sh.meta, metaColumn{c, key})
		}
	}
	return sh, nil
}

// stat fills the columns that need the file's attributes.
func (sh *shape) stat(st interface {
	Size() int64
	ModTime() time.Time
}, s *source) {
	for _, m := range sh.meta {
		t := s.t.Schema[m.col].Type
		v := st.Size()
		if m.key == "file.modification-time" {
			v = st.ModTime().UnixMilli()
		}
		sh.consts[m.col] = batch.ConstInt(t, v)
	}
}

// target is the batch to read the file's columns into.
func (sh *shape) target(dst *batch.Batch) *batch.Batch {
	if sh.bytesAt == nil {
		return dst
	}
	return &sh.inner
}

// finish makes dst the table's rows from the file's.
func (sh *shape) finish(dst *batch.Batch) {
	if sh.bytesAt == nil {
		return
	}
	in := &sh.inner
	dst.Alloc(sh.nullTs, 0)
	for i := range dst.Cols {
		switch {
		case sh.used != nil && !sh.used[i]:
			dst.Cols[i] = batch.Col{}
		case sh.isConst[i]:
			dst.Cols[i] = sh.consts[i]
		}
	}
	for k, i := range sh.bytesAt {
		if len(in.Cols) > k {
			dst.Cols[i] = in.Cols[k]
		}
	}
	dst.N, dst.Kinds = in.N, in.Kinds
}

// atFile says in which file a mistake is.
func atFile(err error, name string) error {
	e := diag.As(err)
	if e == nil {
		return ioError(err, "read", name)
	}
	out := *e
	out.Msg = "file '" + name + "': " + e.Msg
	return &out
}
