package state

import (
	"errors"
	"path"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/minkstream/mink/engine/diag"
)

// coldSide is what does not fit in memory: rows of tables in runs (cold_rows.go),
// pages of join rows (arena.go), and buckets of queues, in Pebble. It is a working copy
// that is worth nothing once the task has ended, so nothing of it is synced and there is
// no log; and nothing that is decided here depends on files or on their speed.
type coldSide struct {
	s         *Store
	db        *pebble.DB
	taken     *pebble.Batch // buckets brought back in this step are deleted; indexed
	batch     *pebble.Batch // buckets that leave
	owners    uint32
	files     []*pageFile
	retired   []*pageFile // wait for snapshots to end
	pageFiles int
	buf       []byte

	out     *pageFile // that runs of rows are added to
	owed    []owedPart
	rows    rowSorter
	block   []byte
	merging []byte // memory for merges
	writing []byte
	hashes  []uint64
	evicted int // rows since the last call of work
}

// fs is the file system and folder of what is spilled; made empty when it is first
// asked for.
func (c *coldSide) fs() (vfs.FS, string, error) {
	fs, dir := c.s.c.FS, c.s.c.Dir
	switch {
	case dir == "":
		if fs == nil {
			fs = vfs.NewMem()
			c.s.c.FS = fs
		}
		dir = "state"
	case fs == nil:
		fs = vfs.Default
	}
	if c.db == nil && c.pageFiles == 0 {
		if err := fs.RemoveAll(dir); err != nil {
			return nil, "", err
		}
	}
	return fs, dir, fs.MkdirAll(dir, 0o755)
}

// open makes Pebble ready.
func (c *coldSide) open() bool {
	if c.db != nil {
		return true
	}
	fs, dir, err := c.fs()
	if err == nil {
		cache := pebble.NewCache(max(1<<20, min(c.s.c.Memory/8, 64<<20)))
		defer cache.Unref()
		c.db, err = pebble.Open(path.Join(dir, "rows"), &pebble.Options{
			FS: fs, DisableWAL: true, Cache: cache, Logger: quiet{}, MemTableSize: 4 << 20,
			CompactionConcurrencyRange: func() (int, int) { return 1, 1 },
		})
	}
	if err != nil {
		c.s.fail(spillErr(err))
		return false
	}
	c.batch, c.taken = c.db.NewBatch(), c.db.NewIndexedBatch()
	return true
}

func spillErr(err error) error {
	return diag.Wrap(diag.IO, err, "spilling state to disk").
		WithHint("look whether the folder of spilled state can be written and has room, or raise state.memory")
}

// quiet drops Pebble's messages; errors come back from its calls.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(diag.New(diag.IO, "the store of spilled state failed: "+format, args...))
}

func (c *coldSide) set(key, value []byte) {
	if err := c.batch.Set(key, value, nil); err != nil {
		c.s.fail(spillErr(err))
	}
	c.s.spilled.Add(int64(len(key) + len(value)))
	if c.batch.Len() > 4<<20 {
		c.flush()
	}
}

func (c *coldSide) delete(key []byte) {
	if err := c.taken.Delete(key, nil); err != nil {
		c.s.fail(spillErr(err))
	}
}

// flush makes what was written visible to iterators and snapshots.
func (c *coldSide) flush() {
	if c.db == nil {
		return
	}
	for _, b := range []*pebble.Batch{c.taken, c.batch} {
		if b.Empty() {
			continue
		}
		if err := b.Commit(pebble.NoSync); err != nil {
			c.s.fail(spillErr(err))
		}
		b.Reset()
	}
}

func (c *coldSide) close() error {
	var err error
	if c.db != nil {
		err = errors.Join(c.batch.Close(), c.taken.Close(), c.db.Close())
	}
	for _, f := range c.files {
		err = errors.Join(err, f.f.Close())
	}
	if c.db != nil || len(c.files) > 0 {
		fs, dir := c.s.c.FS, c.s.c.Dir
		if dir == "" {
			dir = "state"
		}
		if fs == nil {
			fs = vfs.Default
		}
		err = errors.Join(err, fs.RemoveAll(dir))
	}
	*c = coldSide{s: c.s, owners: c.owners, pageFiles: c.pageFiles}
	return err
}
