package filesystem

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/types"
)

// sink writes part files below a directory.
type sink struct {
	t      *connect.Table
	root   string
	format *connect.Format
	fopts  connect.Options
	wants  connect.Changes

	inBytes types.Schema
	bytesAt []int
	parts   partitions
	roll    rolling
	commit  partitionCommit
	// overwrite replaces what is in the partitions written to; static is the directory
	// of the one partition that the statement names.
	overwrite bool
	static    string
	// rewrite replaces the files in replaced, paths below the root; see rewrite.go.
	rewrite  bool
	replaced []string
}

// rolling says when a part file is closed before its checkpoint.
type rolling struct {
	size            int64
	interval, check time.Duration
	idle            time.Duration // without a write
}

func newSink(t *connect.Table) (connect.Sink, error) {
	s := &sink{t: t}
	var err error
	if s.root, err = resolve(t); err != nil {
		return nil, err
	}
	if hasPattern(s.root) {
		return nil, connect.Invalid("path", "'%s' is a pattern; a sink writes to a directory", s.root)
	}
	if s.format, s.fopts, err = connect.FormatOf(t, "format"); err != nil {
		return nil, err
	}
	if s.format.Messages {
		return nil, connect.Invalid("format", "'%s' in files is not supported yet", s.format.Name)
	}
	if s.wants, err = s.format.Changes(s.fopts); err != nil {
		return nil, err
	}
	if s.roll.size, err = t.Options.Size("sink.rolling-policy.file-size", 128<<20); err != nil {
		return nil, err
	}
	if s.roll.interval, err = t.Options.Duration("sink.rolling-policy.rollover-interval", 30*time.Minute); err != nil {
		return nil, err
	}
	if s.roll.idle, err = t.Options.Duration("sink.rolling-policy.inactivity-interval", 30*time.Minute); err != nil {
		return nil, err
	}
	if s.roll.check, err = t.Options.Duration("sink.rolling-policy.check-interval", time.Minute); err != nil {
		return nil, err
	}
	s.parts = tablePartitions(t)
	s.inBytes, s.bytesAt = fileSchema(t)
	if len(s.inBytes) == 0 {
		return nil, diag.New(diag.SchemaMismatch, "table %s has only partition columns; nothing would be in its files", t.Name)
	}
	if s.commit, err = newPartitionCommit(t); err != nil {
		return nil, err
	}
	switch {
	case s.format.Encoder != nil:
		_, err = s.format.Encoder(s.inBytes, s.fopts, t)
	case s.format.NewFile != nil:
		_, err = s.format.NewFile(discard{}, s.inBytes, s.fopts, t)
	default:
		err = connect.Invalid("format", "'%s' cannot be written to files", s.format.Name)
	}
	return s, err
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// Overwrite makes the sink replace what is in the partitions it writes to, or all
// of a table without partitions.
func (s *sink) Overwrite(static *batch.Batch) error {
	s.overwrite = true
	if static != nil {
		named := partitions{names: s.parts.names, types: s.parts.types, nullDir: s.parts.nullDir}
		for i := range static.Cols {
			named.cols = append(named.cols, i)
		}
		s.static = named.dir(static, 0)
	}
	return nil
}

func (s *sink) Changes(connect.Changes) connect.Changes { return s.wants }

func (s *sink) Grade() string { return "exactly-once" }

func (s *sink) disk() env.Disk { return s.t.Deps.Env.Disk }

// tag begins the name of every file that a sink of a job writes. It has no '-'
// other than the ones it is put between.
func tag(ctx connect.WriterCtx) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s", ctx.Job, ctx.Sink)
	uid := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, ctx.Sink)
	return fmt.Sprintf("%.40s-%016x", uid, h.Sum64())
}

func (s *sink) Open(ctx connect.WriterCtx) (connect.Writer, error) {
	if st, err := s.disk().Stat(s.root); err == nil && !st.IsDir() {
		return nil, diag.New(diag.IO, "cannot write to '%s': it is a file; a sink writes to a directory", s.root)
	}
	w := &writer{s: s, ctx: ctx, tag: tag(ctx), open: map[string]*part{}, pending: map[string]int64{}, noted: map[string]bool{}, watermark: noWatermark, announced: noWatermark}
	if s.format.Encoder != nil {
		enc, err := s.format.Encoder(s.inBytes, s.fopts, s.t)
		if err != nil {
			return nil, err
		}
		w.enc = enc
	}
	return w, nil
}

func (s *sink) Committer(ctx connect.WriterCtx) (connect.Committer, error) {
	return &committer{s: s, tag: tag(ctx), attempt: ctx.Attempt}, nil
}
