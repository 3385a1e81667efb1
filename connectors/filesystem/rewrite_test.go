package filesystem_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/connectors/filesystem"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/conform"
)

var rewriteSchema = types.Schema{{Name: "id", Type: types.BigIntT}, {Name: "d", Type: types.StringT}}

// Partition x has two files, y one. The change adds 100 to the ids of x and leaves out
// id 2.
var (
	rowsBefore = conform.Rows{`+I 1 "x"`, `+I 2 "x"`, `+I 3 "x"`, `+I 4 "y"`}
	rowsAfter  = conform.Rows{`+I 101 "x"`, `+I 103 "x"`, `+I 4 "y"`}
	rowsOfY    = conform.Rows{`+I 4 "y"`}
)

// rewriteTable is a durable table on a disk in memory, and the table as seen through
// another disk over it.
func rewriteTable(t *testing.T, through func(env.Disk) env.Disk) (*env.MemDisk, *connect.Table) {
	t.Helper()
	mem := env.NewCrashDisk()
	for name, text := range map[string]string{"t/d=x/a.csv": "1\n2\n", "t/d=x/b.csv": "3\n", "t/d=y/c.csv": "4\n"} {
		if err := mem.MkdirAll(path.Dir(name)); err != nil {
			t.Fatal(err)
		}
		f, err := mem.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte(text))
		f.Sync()
		f.Close()
		for d := path.Dir(name); ; d = path.Dir(d) {
			mem.SyncDir(d)
			if d == "." {
				break
			}
		}
	}
	tab := table("", rewriteSchema)
	tab.PartitionKeys = []int{1}
	tab.Deps.Env.Disk = through(mem)
	return mem, tab
}

func same(d env.Disk) env.Disk { return d }

// inX holds in partition x.
func inX(parts *batch.Batch) ([]bool, error) {
	out := make([]bool, parts.N)
	for i := range out {
		var s [12]byte
		c := &parts.Cols[0]
		out[i] = !c.IsNull(i) && string(c.Bytes(c.ValueLane(i), &s)) == "x"
	}
	return out, nil
}

// rewriter runs an UPDATE by hand, as a job does.
type rewriter struct {
	sink   connect.Sink
	writer connect.Writer
	commit connect.Committer
	data   []byte // of the completed checkpoint
}

func newRewriter(tab *connect.Table, job string, attempt int64) (*rewriter, error) {
	s, err := filesystem.Connector.Sink(tab)
	if err != nil {
		return nil, err
	}
	ctx := connect.WriterCtx{Job: job, Sink: "sink", Parallelism: 1, Attempt: attempt, Now: func() int64 { return 1 }}
	r := &rewriter{sink: s}
	if r.commit, err = s.Committer(ctx); err != nil {
		return nil, err
	}
	if err := r.commit.Fence(attempt, nil); err != nil {
		return nil, err
	}
	src, err := filesystem.Connector.Source(tab)
	if err != nil {
		return nil, err
	}
	if err := s.(connect.RowLevel).Rewrite(src, inX); err != nil {
		return nil, err
	}
	got, err := conform.ReadAll(src, 100)
	if err != nil {
		return nil, err
	}
	slices.Sort(got)
	if want := rowsBefore[:3]; !slices.Equal(got, want) {
		return nil, fmt.Errorf("the rows to change are %v, want %v", got, want)
	}
	r.writer, err = s.Open(ctx)
	return r, err
}

func (r *rewriter) prepare() error {
	b := batch.NewBatchBuilder(rewriteSchema.Types()...)
	b.Row(batch.Insert, 101, "x")
	b.Row(batch.Insert, 103, "x")
	if err := r.writer.Write(b.Finish()); err != nil {
		return err
	}
	if err := r.writer.Watermark(batch.MaxWatermark); err != nil {
		return err
	}
	var err error
	r.data, err = r.writer.Prepare("txn")
	return err
}

func wantState(t *testing.T, what string, tab *connect.Table, states ...conform.Rows) {
	t.Helper()
	src, err := filesystem.Connector.Source(tab)
	if err != nil {
		t.Fatal(err)
	}
	got, err := conform.ReadAll(src, 100)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	slices.Sort(got)
	for _, s := range states {
		s = slices.Clone(s)
		slices.Sort(s)
		if slices.Equal(got, s) {
			return
		}
	}
	t.Fatalf("%s: the table holds %v", what, got)
}

func wantClean(t *testing.T, what string, d env.Disk) {
	t.Helper()
	for _, f := range diskFiles(t, d, ".") {
		if strings.HasPrefix(path.Base(f), ".") {
			t.Fatalf("%s: left behind: %s", what, f)
		}
	}
}

// crashes calls run with a disk that fails at every change in turn, and after with the
// disk as it is when the machine comes back.
func crashes(t *testing.T, run func(tab *connect.Table) ([]byte, error), after func(t *testing.T, what string, tab *connect.Table, saved []byte)) {
	t.Helper()
	draw := uint64(7)
	for keepName, keep := range map[string]func(int) int{
		"nothing unsynced stays": func(int) int { return 0 },
		"everything stays":       func(n int) int { return n - 1 },
		"some stays": func(n int) int {
			draw = draw*6364136223846793005 + 1442695040888963407
			return int(draw>>33) % n
		},
	} {
		for at := int64(1); ; at++ {
			fault := &conform.FaultDisk{FailAt: at, Forever: true}
			mem, tab := rewriteTable(t, func(d env.Disk) env.Disk { fault.Disk = d; return fault })
			saved, err := run(tab)
			if err == nil {
				if at < 8 {
					t.Fatalf("only %d changes to the disk", at)
				}
				break // nothing was left to fail
			}
			mem.Crash(keep)
			tab.Deps.Env.Disk = mem
			after(t, fmt.Sprintf("%s, crash at change %d (%v)", keepName, at, err), tab, saved)
		}
	}
}

// TestRewriteIsAllOrNothing: at whatever moment the machine stops, readers find the
// rows of before or those of after, and what a completed checkpoint has comes about.
func TestRewriteIsAllOrNothing(t *testing.T) {
	crashes(t, func(tab *connect.Table) ([]byte, error) {
		r, err := newRewriter(tab, "job", 1)
		if err != nil {
			return nil, err
		}
		if err := r.prepare(); err != nil {
			return nil, err
		}
		return r.data, r.commit.Commit(r.data)
	}, func(t *testing.T, what string, tab *connect.Table, saved []byte) {
		wantState(t, what, tab, rowsBefore, rowsAfter)
		s, err := filesystem.Connector.Sink(tab)
		if err != nil {
			t.Fatal(err)
		}
		c, err := s.Committer(connect.WriterCtx{Job: "job", Sink: "sink", Parallelism: 1, Attempt: 2})
		if err != nil {
			t.Fatal(err)
		}
		var keep [][]byte
		if saved != nil {
			keep = append(keep, saved)
		}
		if err := c.Fence(2, keep); err != nil {
			t.Fatal(err)
		}
		if saved == nil {
			wantState(t, what, tab, rowsBefore)
			wantClean(t, what, tab.Deps.Env.Disk)
			return
		}
		for range 2 { // a second time is success, too
			if err := c.Commit(saved); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			wantState(t, what, tab, rowsAfter)
		}
		wantClean(t, what, tab.Deps.Env.Disk)
	})
}

// TestRemoveIsAllOrNothing is the same of DELETE of a whole partition.
func TestRemoveIsAllOrNothing(t *testing.T) {
	remove := func(tab *connect.Table) error {
		s, err := filesystem.Connector.Sink(tab)
		if err != nil {
			return err
		}
		return s.(connect.RowLevel).Remove(inX)
	}
	crashes(t, func(tab *connect.Table) ([]byte, error) { return nil, remove(tab) },
		func(t *testing.T, what string, tab *connect.Table, _ []byte) {
			wantState(t, what, tab, rowsBefore, rowsOfY)
			if err := remove(tab); err != nil {
				t.Fatalf("%s: again: %v", what, err)
			}
			wantState(t, what, tab, rowsOfY)
			if _, err := tab.Deps.Env.Disk.Stat("t/d=x"); err == nil {
				t.Errorf("%s: the empty partition has a directory", what)
			}
		})
}

// TestRewritesConflict: of two changes of the same rows the first stands, and the
// other one says so and changes nothing.
func TestRewritesConflict(t *testing.T) {
	mem, tab := rewriteTable(t, same)
	first, err := newRewriter(tab, "first", 1)
	if err != nil {
		t.Fatal(err)
	}
	second, err := newRewriter(tab, "second", 1)
	if err != nil {
		t.Fatal(err)
	}
	third, err := newRewriter(tab, "third", 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*rewriter{first, second} {
		if err := r.prepare(); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.commit.Commit(first.data); err != nil {
		t.Fatal(err)
	}
	if err := second.commit.Commit(second.data); diag.CodeOf(err) != diag.Conflict {
		t.Errorf("the second commit: %v", err)
	}
	if err := third.prepare(); diag.CodeOf(err) != diag.Conflict {
		t.Errorf("a change prepared too late: %v", err)
	}
	third.writer.Close()
	second.commit.Fence(2, nil)
	wantState(t, "after both", tab, rowsAfter)
	wantClean(t, "after both", mem)
}

// TestRewriteKeepsNewRows: rows that come into a partition while it is rewritten stay.
func TestRewriteKeepsNewRows(t *testing.T) {
	mem, tab := rewriteTable(t, same)
	r, err := newRewriter(tab, "job", 1)
	if err != nil {
		t.Fatal(err)
	}
	f, err := mem.Create("t/d=x/late.csv")
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("9\n"))
	f.Close()
	if err := r.prepare(); err != nil {
		t.Fatal(err)
	}
	if err := r.commit.Commit(r.data); err != nil {
		t.Fatal(err)
	}
	wantState(t, "after", tab, append(slices.Clone(rowsAfter), `+I 9 "x"`))
	if _, err := mem.Stat("t/d=y/c.csv"); err != nil {
		t.Errorf("the file of the other partition: %v", err)
	}
}

// TestRewriteIsNotResumed: files of a rewrite that has not ended are in no checkpoint.
func TestRewriteIsNotResumed(t *testing.T) {
	_, tab := rewriteTable(t, same)
	r, err := newRewriter(tab, "job", 1)
	if err != nil {
		t.Fatal(err)
	}
	b := batch.NewBatchBuilder(rewriteSchema.Types()...)
	b.Row(batch.Insert, 101, "x")
	if err := r.writer.Write(b.Finish()); err != nil {
		t.Fatal(err)
	}
	if data, err := r.writer.Prepare("early"); data != nil || err != nil {
		t.Fatalf("a checkpoint before the end prepares %s, %v", data, err)
	}
	if err := r.writer.Restore([][]byte{r.writer.State()}); diag.CodeOf(err) != diag.Checkpoint {
		t.Errorf("going on from amid a rewrite: %v", err)
	}
}
