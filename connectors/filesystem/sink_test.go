package filesystem_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/connectors/filesystem"
	"github.com/minkstream/mink/connectors/format/csv"
	"github.com/minkstream/mink/connectors/format/parquet"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/conform"
)

// files lists everything below dir, sorted, hidden files included.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			out = append(out, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var partSchema = types.Schema{
	{Name: "id", Type: types.BigIntT}, {Name: "dt", Type: types.StringT}, {Name: "v", Type: types.StringT},
}

func partBatches(n int) (out []*batch.Batch, rows conform.Rows) {
	id := 0
	for range n {
		b := batch.NewBatchBuilder(partSchema.Types()...)
		for range 3 {
			day := any([]string{"2020-01-01", "2020-01-02", ""}[id%3])
			if id%5 == 0 {
				day = nil
			}
			b.Row(batch.Insert, id, day, strings.Repeat("v", id%20))
			id++
		}
		out = append(out, b.Finish())
		rows = append(rows, conform.TextOf(out[len(out)-1])...)
	}
	// The empty string and NULL share a partition, which reads as NULL.
	for i, r := range rows {
		rows[i] = strings.Replace(r, ` "" "`, ` NULL "`, 1)
	}
	return out, rows
}

// The machine stops with the failure and forgets what was not synced, all of it or
// as much as a draw says.
func TestSinkIsExactlyOnceOnAFailingDisk(t *testing.T) {
	batches, want := partBatches(4)
	draw := uint64(1)
	nothing := func(int) int { return 0 }
	everything := func(n int) int { return n - 1 }
	some := func(n int) int {
		draw = draw*6364136223846793005 + 1442695040888963407
		return int(draw>>33) % n
	}
	for _, c := range []struct {
		name   string
		keep   func(n int) int
		format *connect.Format
		every  int
		policy string
	}{
		{"nothing unsynced stays", nothing, &csv.Format, 1, "success-file"}, {"everything stays", everything, &csv.Format, 1, "success-file"},
		{"some stays", some, &csv.Format, 1, "success-file"}, {"nothing unsynced stays, seldom", nothing, &csv.Format, 3, "success-file"},
		{"some stays, seldom", some, &csv.Format, 3, "success-file"}, {"some stays, parquet", some, &parquet.Format, 2, "success-file"},
		{"nothing unsynced stays, no marks", nothing, &csv.Format, 1, ""},
	} {
		n := len(batches)
		if c.format == &parquet.Format {
			n = 2 // its writer is slow to begin
		}
		t.Run(c.name, func(t *testing.T) { sinkOnFailingDisk(t, c.format, c.policy, c.every, batches[:n], want[:3*n], c.keep) })
	}
}

func sinkOnFailingDisk(t *testing.T, f *connect.Format, policy string, every int, batches []*batch.Batch, want conform.Rows, keep func(int) int) {
	var mem *env.MemDisk
	conform.Sink(t, func(d *conform.FaultDisk) (*conform.SinkRun, func() (conform.Rows, error)) {
		mem = env.NewCrashDisk()
		d.Disk = mem
		tab := table("", partSchema, "sink.partition-commit.policy.kind", policy, "sink.rolling-policy.file-size", "30 b", "format", f.Name)
		tab.PartitionKeys = []int{1}
		tab.Deps.Env.Disk = d
		tab.Deps.Formats[f.Name] = f
		run := &conform.SinkRun{
			Sink:    func() (connect.Sink, error) { return filesystem.Connector.Sink(tab) },
			Batches: batches, Every: every,
			Settle: func() { mem.Crash(keep) },
		}
		return run, func() (conform.Rows, error) {
			if _, err := mem.Stat("t"); err != nil {
				return nil, nil // nothing was written yet
			}
			return conform.ReadAll(source(t, tab), 100)
		}
	}, want, func(t *testing.T) {
		success := 0
		for _, f := range diskFiles(t, mem, ".") {
			switch base := path.Base(f); {
			case strings.HasPrefix(base, "."):
				t.Errorf("left behind: %s", f)
			case base == "_SUCCESS":
				success++
			}
		}
		if policy != "" && success != 3 {
			t.Errorf("%d partitions marked, want 3", success)
		}
	})
}

// diskFiles lists everything below dir, hidden files included.
func diskFiles(t *testing.T, d env.Disk, dir string) (out []string) {
	t.Helper()
	entries, err := d.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if p := path.Join(dir, e.Name()); e.IsDir() {
			out = append(out, diskFiles(t, d, p)...)
		} else {
			out = append(out, p)
		}
	}
	return out
}

// A directory that vanishes under the sink is an error, never a checkpoint that
// succeeds without its rows.
func TestDirectoryVanishes(t *testing.T) {
	rows := batch.NewBatchBuilder(idName.Types()...)
	rows.Row(batch.Insert, 1, "a")
	b := rows.Finish()
	now := int64(0)
	dir := t.TempDir()
	root := filepath.Join(dir, "t")
	w, _ := openWriter(t, table(dir, idName), 0, 1, &now)
	if err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	os.RemoveAll(root)
	if _, err := w.Prepare("1"); diag.CodeOf(err) != diag.IO || !strings.Contains(err.Error(), "no such file or directory") {
		t.Errorf("before the checkpoint: %v", err)
	}
	w.Close()
	w, c := openWriter(t, table(dir, idName), 0, 1, &now)
	if err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	m := must(w.Prepare("2"))(t)
	os.RemoveAll(root)
	if err := c.Commit(m); diag.CodeOf(err) != diag.IO || !strings.Contains(err.Error(), "rows are lost") {
		t.Errorf("before the commit: %v", err)
	}
	// A directory that may not be written to.
	if err := os.MkdirAll(root, 0o555); err != nil || os.Getuid() == 0 {
		t.Log("running as root: no directory is closed to it", err)
		return
	}
	w, _ = openWriter(t, table(dir, idName), 0, 1, &now)
	if err := w.Write(b); diag.CodeOf(err) != diag.Permission {
		t.Errorf("without permission: %v", err)
	}
}

// openWriter opens subtask i of p over dir.
func openWriter(t *testing.T, tab *connect.Table, i, p int, now *int64) (connect.Writer, connect.Committer) {
	t.Helper()
	s, err := filesystem.Connector.Sink(tab)
	if err != nil {
		t.Fatal(err)
	}
	ctx := connect.WriterCtx{Job: "j", Sink: "s", Subtask: i, Parallelism: p, Attempt: 1,
		Now: func() int64 { return *now }, SetTimer: func(int64) {}}
	w, err := s.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	c, err := s.Committer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return w, c
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func hourBatch(rows ...[2]string) *batch.Batch {
	b := batch.NewBatchBuilder(types.StringT, types.StringT, types.StringT)
	for _, r := range rows {
		b.Row(batch.Insert, "x", r[0], r[1])
	}
	return b.Finish()
}

func millis(s string) int64 {
	at, err := time.Parse("2006-01-02 15:04:05", s)
	if err != nil {
		panic(err)
	}
	return at.UnixMilli()
}

func TestPartitionCommitByWatermark(t *testing.T) {
	schema := types.Schema{{Name: "v", Type: types.StringT}, {Name: "dt", Type: types.StringT}, {Name: "hm", Type: types.StringT}}
	for _, parallelism := range []int{1, 2} {
		dir := t.TempDir()
		tab := table(dir, schema, "sink.partition-commit.policy.kind", "metastore,success-file",
			"sink.partition-commit.trigger", "partition-time", "sink.partition-commit.delay", "1 min",
			"partition.time-extractor.timestamp-pattern", "$dt $hm:00", "sink.partition-commit.success-file.name", "_done")
		tab.PartitionKeys = []int{1, 2}
		now := int64(1)
		var ws []connect.Writer
		var cs []connect.Committer
		for i := range parallelism {
			w, c := openWriter(t, tab, i, parallelism, &now)
			ws, cs = append(ws, w), append(cs, c)
		}
		checkpoint := func(n string) {
			var ms [][]byte
			for _, w := range ws {
				w.State()
				ms = append(ms, must(w.Prepare(n))(t))
			}
			for i, m := range ms {
				if m == nil {
					continue
				}
				if err := cs[i].Commit(m); err != nil {
					t.Fatal(err)
				}
			}
		}
		marked := func(hm string) bool {
			_, err := os.Stat(filepath.Join(dir, "t", "dt=2020-01-01", "hm="+strings.Replace(hm, ":", "%3A", 1), "_done"))
			return err == nil
		}
		for _, w := range ws {
			if err := w.Write(hourBatch([2]string{"2020-01-01", "10:00"}, [2]string{"2020-01-01", "10:01"}, [2]string{"2020-01-01", "10:00"})); err != nil {
				t.Fatal(err)
			}
		}
		// All but the last subtask are past 10:00 and its minute of delay.
		for i, w := range ws {
			at := "2020-01-01 10:01:30"
			if i > 0 {
				at = "2020-01-01 10:00:59"
			}
			w.Watermark(millis(at))
		}
		checkpoint("1")
		if got := marked("10:00"); got != (parallelism == 1) {
			t.Errorf("P %d: 10:00 marked %v after the first checkpoint", parallelism, got)
		}
		for _, w := range ws {
			w.Watermark(millis("2020-01-01 10:02:00"))
		}
		checkpoint("2")
		if !marked("10:00") || marked("10:01") {
			t.Errorf("P %d: 10:00 marked %v, 10:01 marked %v", parallelism, marked("10:00"), marked("10:01"))
		}
		for _, w := range ws {
			w.Watermark(batch.MaxWatermark)
		}
		checkpoint("3")
		if !marked("10:01") {
			t.Errorf("P %d: 10:01 is not marked at the end", parallelism)
		}
		for _, f := range files(t, dir) {
			if strings.HasPrefix(filepath.Base(f), ".") || strings.Contains(f, ".marks") {
				t.Errorf("P %d: left behind: %s", parallelism, f)
			}
		}
		if n := len(files(t, dir)); n != 2*parallelism+2 {
			t.Errorf("P %d: %d files: %v", parallelism, n, files(t, dir))
		}
	}
}

func TestPartitionCommitByClock(t *testing.T) {
	schema := types.Schema{{Name: "v", Type: types.StringT}, {Name: "a", Type: types.StringT}, {Name: "b", Type: types.StringT}}
	dir := t.TempDir()
	tab := table(dir, schema, "sink.partition-commit.policy.kind", "success-file", "sink.partition-commit.delay", "1 h")
	tab.PartitionKeys = []int{1}
	now := int64(1000)
	w, c := openWriter(t, tab, 0, 1, &now)
	if err := w.Write(hourBatch([2]string{"p", "q"})); err != nil {
		t.Fatal(err)
	}
	mark := filepath.Join(dir, "t", "a=p", "_SUCCESS")
	if err := c.Commit(must(w.Prepare("1"))(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("marked before its delay")
	}
	if err := w.Timer(1000 + 3_600_000); err != nil {
		t.Fatal(err)
	}
	if err := c.Commit(must(w.Prepare("2"))(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mark); err != nil {
		t.Errorf("not marked after its delay: %v", err)
	}
	if m := must(w.Prepare("3"))(t); m != nil {
		t.Errorf("a checkpoint without news gave %s", m)
	}
}

func TestFencedWriterCannotPrepare(t *testing.T) {
	dir := t.TempDir()
	tab := table(dir, idName)
	now := int64(1)
	w, c := openWriter(t, tab, 0, 1, &now)
	b := batch.NewBatchBuilder(idName.Types()...)
	b.Row(batch.Insert, 1, "a")
	one := b.Finish()
	if err := w.Write(one); err != nil {
		t.Fatal(err)
	}
	kept := must(w.Prepare("1"))(t)
	if err := w.Write(one); err != nil {
		t.Fatal(err)
	}
	if err := c.Fence(2, [][]byte{kept}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Prepare("2"); err == nil {
		t.Error("a fenced writer prepared")
	}
	w.Close()
	if got := files(t, dir); len(got) != 1 || !strings.HasPrefix(filepath.Base(got[0]), ".part-s-") {
		t.Errorf("files after the fence: %v", got)
	}
	for range 2 {
		if err := c.Commit(kept); err != nil {
			t.Fatal(err)
		}
	}
	wantRows(t, source(t, tab), `+I 1 "a"`)
	// A file that is neither in progress nor final is lost rows, never success.
	os.RemoveAll(filepath.Join(dir, "t"))
	if err := c.Commit(kept); err == nil {
		t.Error("committed a file that is gone")
	}
	for _, bad := range []string{`{"files":[{"dir":"..","final":"part-x"}]}`, `{"files":[{"dir":"","final":"../part-x"}]}`, `{"partitions":["a/../.."]}`, `[`} {
		if err := c.Commit([]byte(bad)); err == nil {
			t.Errorf("committed %s", bad)
		}
	}
}

func TestFinalNamesAreNotReused(t *testing.T) {
	dir := t.TempDir()
	tab := table(dir, idName)
	for range 3 { // the same job, begun anew each time
		now := int64(1)
		w, c := openWriter(t, tab, 0, 1, &now)
		b := batch.NewBatchBuilder(idName.Types()...)
		b.Row(batch.Insert, 1, "a")
		if err := w.Write(b.Finish()); err != nil {
			t.Fatal(err)
		}
		if err := c.Commit(must(w.Prepare("1"))(t)); err != nil {
			t.Fatal(err)
		}
	}
	if got := files(t, dir); len(got) != 3 {
		t.Errorf("files: %v", got)
	}
}

func TestRollsBySizeAndAge(t *testing.T) {
	dir := t.TempDir()
	tab := table(dir, idName, "sink.rolling-policy.file-size", "10 b", "sink.rolling-policy.rollover-interval", "1 min")
	now := int64(0)
	w, c := openWriter(t, tab, 0, 1, &now)
	row := func(name string) {
		b := batch.NewBatchBuilder(idName.Types()...)
		b.Row(batch.Insert, 1, name)
		if err := w.Write(b.Finish()); err != nil {
			t.Fatal(err)
		}
	}
	row("0123456789") // full at once
	row("a")
	if err := w.Timer(60_000); err != nil { // old
		t.Fatal(err)
	}
	row("b")
	if got := files(t, dir); len(got) != 3 || !slices.ContainsFunc(got, func(f string) bool { return strings.HasSuffix(f, ".inprogress") }) {
		t.Errorf("before the checkpoint: %v", got)
	}
	if err := c.Commit(must(w.Prepare("1"))(t)); err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); len(got) != 3 || !strings.HasSuffix(got[0], "-0001-0-000000.csv") {
		t.Errorf("after the checkpoint: %v", got)
	}
}

// A file is closed when it is old, or when nothing was written to it for long.
func TestRollsWhenIdle(t *testing.T) {
	dir := t.TempDir()
	tab := table(dir, idName, "sink.rolling-policy.inactivity-interval", "10 s", "sink.rolling-policy.check-interval", "1 s")
	now := int64(0)
	w, c := openWriter(t, tab, 0, 1, &now)
	b := batch.NewBatchBuilder(idName.Types()...)
	b.Row(batch.Insert, 1, "a")
	rows := b.Finish()
	at := func(ms int64, write bool) {
		now = ms
		if err := w.Timer(ms); err != nil {
			t.Fatal(err)
		}
		if write {
			if err := w.Write(rows); err != nil {
				t.Fatal(err)
			}
		}
	}
	at(0, true)
	at(9_000, true)   // not idle
	at(18_000, true)  // 9 s after the last write: goes on
	at(28_000, false) // 10 s: closed
	at(28_500, true)  // a second file
	if err := c.Commit(must(w.Prepare("1"))(t)); err != nil {
		t.Fatal(err)
	}
	got := files(t, dir)
	var sizes []int
	for _, f := range got {
		data, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, strings.Count(string(data), "\n"))
	}
	if !slices.Equal(sizes, []int{3, 1}) {
		t.Errorf("rows in files: %v of %v", sizes, got)
	}
}

// What a format cannot write keeps its own code and hint.
func TestValueThatTheFormatCannotHold(t *testing.T) {
	s := types.Schema{{Name: "ts", Type: types.TimestampT(3)}}
	tab := table(t.TempDir(), s, "format", "parquet")
	tab.Deps.Formats["parquet"] = &parquet.Format
	now := int64(0)
	w, _ := openWriter(t, tab, 0, 1, &now)
	b := batch.NewBatchBuilder(s.Types()...)
	b.Row(batch.Insert, millis("9999-12-31 23:59:59"))
	err := w.Write(b.Finish())
	if diag.CodeOf(err) != diag.NumericOverflow || strings.Contains(diag.As(err).Msg, "numeric-overflow") || !strings.Contains(diag.As(err).Hint, "write.int64.timestamp") {
		t.Errorf("%v", err)
	}
}

func TestJavaClassesAreRefused(t *testing.T) {
	for _, o := range [][2]string{{"sink.partition-commit.policy.kind", "success-file,custom"}, {"sink.partition-commit.policy.class", "x.Y"},
		{"partition.time-extractor.kind", "custom"}, {"partition.time-extractor.class", "x.Y"}} {
		_, err := filesystem.Connector.Sink(table(t.TempDir(), idName, o[0], o[1]))
		if diag.CodeOf(err) != diag.Unsupported || connect.OptionKey(err) != o[0] || !strings.Contains(err.Error(), "not supported yet") {
			t.Errorf("%s: %v", o[0], err)
		}
	}
}

func TestOverwriteReplacesOnCommit(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "t/old.csv", "9,old\n")
	write(t, dir, "t/other/kept.csv", "8,kept\n")
	tab := table(dir, idName)
	s, err := filesystem.Connector.Sink(tab)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.(connect.Overwriter).Overwrite(nil); err != nil {
		t.Fatal(err)
	}
	b := batch.NewBatchBuilder(idName.Types()...)
	b.Row(batch.Insert, 1, "new")
	run := conform.SinkRun{Sink: func() (connect.Sink, error) { return s, nil }, Batches: []*batch.Batch{b.Finish()}}
	if _, err := run.Run(); err != nil {
		t.Fatal(err)
	}
	wantRows(t, source(t, tab), `+I 8 "kept"`, `+I 1 "new"`)
}
