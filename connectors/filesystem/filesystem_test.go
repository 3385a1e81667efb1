package filesystem_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/connectors/filesystem"
	"github.com/minkstream/mink/connectors/format/changelogjson"
	"github.com/minkstream/mink/connectors/format/csv"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/conform"
)

// table makes a table over dir; opts are pairs of key and value.
func table(dir string, schema types.Schema, opts ...string) *connect.Table {
	t := &connect.Table{
		Name: "`c`.`d`.`t`", Schema: schema, Physical: len(schema),
		Options: connect.Options{"connector": "filesystem", "path": "t", "format": "csv"},
		Deps: connect.Deps{
			Env:     env.OS(dir),
			Formats: map[string]*connect.Format{"csv": &csv.Format},
		},
	}
	for i := 0; i < len(opts); i += 2 {
		t.Options[opts[i]] = opts[i+1]
	}
	return t
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func source(t *testing.T, tab *connect.Table) connect.Source {
	t.Helper()
	if err := filesystem.Connector.Check(tab.Options, tab.Deps.Formats); err != nil {
		t.Fatal(err)
	}
	s, err := filesystem.Connector.Source(tab)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wantRows(t *testing.T, src connect.Source, want ...string) {
	t.Helper()
	got, err := conform.ReadAll(src, 3)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

var idName = types.Schema{{Name: "id", Type: types.BigIntT}, {Name: "name", Type: types.StringT}}

func TestReadsFilesInNameOrderAndSkipsHidden(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "t/b.csv", "2,b\n3,c\n")
	write(t, dir, "t/a.csv", "1,a")
	write(t, dir, "t/sub/c.csv", "4,d\r\n")
	write(t, dir, "t/.hidden", "9,x\n")
	write(t, dir, "t/_SUCCESS", "")
	write(t, dir, "t/_tmp/x.csv", "9,x\n")
	write(t, dir, "t/empty.csv", "")
	tab := table(dir, idName)
	wantRows(t, source(t, tab), `+I 1 "a"`, `+I 2 "b"`, `+I 3 "c"`, `+I 4 "d"`)
	conform.Source(t, func() connect.Source { return source(t, tab) })

	wantRows(t, source(t, table(dir, idName, "path", "t/[ab].csv")), `+I 1 "a"`, `+I 2 "b"`, `+I 3 "c"`)
	wantRows(t, source(t, table(dir, idName, "path", "*/sub")), `+I 4 "d"`)
	wantRows(t, source(t, table(dir, idName, "path", "file://"+filepath.Join(dir, "t", "a.csv"))), `+I 1 "a"`)
	wantRows(t, source(t, table(dir, idName, "source.path.regex-pattern", ".*/sub/.*")), `+I 4 "d"`)
}

func TestPartitionAndMetadataColumns(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "t/dt=2020-01-02/h=7/x.csv", "1\n2\n")
	write(t, dir, "t/dt=__DEFAULT_PARTITION__/h=8/y.csv", "3\n")
	write(t, dir, "t/dt=2020-01-03/h=a%3Ab/z.csv", "4\n")
	schema := types.Schema{
		{Name: "id", Type: types.IntT}, {Name: "dt", Type: types.DateT}, {Name: "h", Type: types.StringT},
		{Name: "f", Type: types.StringT.Nullable(false)}, {Name: "size", Type: types.BigIntT.Nullable(false)},
	}
	tab := table(dir, schema)
	tab.Physical, tab.Metadata, tab.PartitionKeys = 3, []string{"file.name", "file.size"}, []int{1, 2}
	// 2020-01-02 is day 18263.
	wantRows(t, source(t, tab),
		`+I 1 18263 "7" "x.csv" 4`, `+I 2 18263 "7" "x.csv" 4`, `+I 4 18264 "a:b" "z.csv" 2`, `+I 3 NULL "8" "y.csv" 2`)
	s := source(t, tab)
	s.Project(connect.Projection{{2}})
	wantRows(t, s, `+I - - "7" - -`, `+I - - "7" - -`, `+I - - "a:b" - -`, `+I - - "8" - -`)
	conform.Source(t, func() connect.Source { return source(t, tab) })
}

func TestResumesAnywhereInALargeFile(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	// Over two chunks, with line breaks inside of quotes.
	for i := range 40_000 {
		b.WriteString(strings.Repeat("1234567890", 1+i%5) + ",\"a\nb \"\"" + strings.Repeat("z", i%40) + "\"\n")
	}
	write(t, dir, "t", b.String())
	schema := types.Schema{{Name: "k", Type: types.StringT}, {Name: "v", Type: types.StringT}}
	all, err := conform.ReadAll(source(t, table(dir, schema)), batch.MaxRows)
	if err != nil || len(all) != 40_000 {
		t.Fatalf("%d rows, %v", len(all), err)
	}
	for _, k := range []int{1, 13_000, 26_214, 39_999} {
		src := source(t, table(dir, schema))
		head, pos, err := conform.ReadSplit(src, connect.Split{ID: "t"}, 1000, k)
		if err != nil {
			t.Fatal(err)
		}
		rest, _, err := conform.ReadSplit(src, pos, 4096, 0)
		if err != nil || !slices.Equal(append(head, rest...), all) {
			t.Fatalf("from row %d: %d rows, %v", k, len(rest), err)
		}
	}
	last := strings.Repeat("1234567890", 5)
	if want := `+I "` + last + `" "a\nb \"` + strings.Repeat("z", 39) + `"`; all[39_999] != want {
		t.Errorf("last row %s, want %s", all[39_999], want)
	}
}

func TestMalformedRecordsNameTheirPlace(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "t/a.csv", "1,a\nx,b\n3,c\n")
	rows, err := conform.ReadAll(source(t, table(dir, idName)), 10)
	if len(rows) != 1 || diag.CodeOf(err) != diag.MalformedRecord {
		t.Fatalf("%v, %v", rows, err)
	}
	if want := "file 't/a.csv': line 2 (byte 4): column `id`: 'x' is no BIGINT"; diag.As(err).Msg != want {
		t.Errorf("got  %s\nwant %s", diag.As(err).Msg, want)
	}
	src := source(t, table(dir, idName, "csv.ignore-parse-errors", "true"))
	var skipped []error
	now := int64(0)
	ctx := conform.ReaderCtx(&now)
	ctx.BadRecord = func(err error) { skipped = append(skipped, err) }
	r, err := src.Open(connect.Split{ID: "t/a.csv"}, ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var b batch.Batch
	if _, err := r.Poll(&b, 100); err != nil || b.N != 3 || len(skipped) != 1 {
		t.Errorf("%d rows, %d skipped, %v", b.N, len(skipped), err)
	}
	if got := conform.TextOf(&b)[1]; got != `+I NULL "b"` {
		t.Errorf("got %s", got)
	}
}

func TestErrorsOfPaths(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "plain", "1,a\n")
	for _, c := range []struct {
		path, want string
		code       diag.Code
	}{
		{"nope", "cannot read 'nope': no such file or directory", diag.IO},
		{"nope/*.csv", "cannot read 'nope/*.csv': no file matches the pattern", diag.IO},
		{"s3://bucket/x", "option 'path' has scheme 's3', which is not supported yet; only file:// and plain paths are", diag.InvalidOption},
	} {
		s, err := filesystem.Connector.Source(table(dir, idName, "path", c.path))
		if err == nil {
			_, err = s.Splits(1)
		}
		if diag.CodeOf(err) != c.code || diag.As(err).Msg != c.want {
			t.Errorf("path %s: %v", c.path, err)
		}
	}
	if os.Getuid() != 0 {
		write(t, dir, "locked", "1,a\n")
		os.Chmod(filepath.Join(dir, "locked"), 0)
		_, err := conform.ReadAll(source(t, table(dir, idName, "path", "locked")), 1)
		if diag.CodeOf(err) != diag.Permission {
			t.Errorf("locked file: %v", err)
		}
	}
	sink, err := filesystem.Connector.Sink(table(dir, idName, "path", "plain"))
	if err == nil {
		_, err = sink.Open(connect.WriterCtx{})
	}
	if diag.CodeOf(err) != diag.IO || !strings.Contains(err.Error(), "it is a file") {
		t.Errorf("sink on a file: %v", err)
	}
}

func TestMonitorFindsNewFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "t/a.csv", "1,a\n")
	s := source(t, table(dir, idName, "source.monitor-interval", "5 s"))
	if s.Bounded() || s.DiscoverInterval().Seconds() != 5 {
		t.Errorf("bounded %v, every %v", s.Bounded(), s.DiscoverInterval())
	}
	write(t, dir, "t/b.csv", "2,b\n")
	found, err := s.Discover([]string{"t/a.csv"})
	if err != nil || len(found) != 1 || found[0].ID != "t/b.csv" {
		t.Errorf("found %v, %v", found, err)
	}
}

func TestLookup(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "t/a.csv", "1,a\n2,b\n,null\n")
	write(t, dir, "t/b.csv", "1,a2\n3,c\n")
	keyTypes := map[string][]int{"by int": {0}, "by string": {1}, "by both": {0, 1}, "all": {}}
	want := map[string][]string{
		"by int":    {"0:1 a", "0:1 a2", "3:3 c"},
		"by string": {"0:1 a", "2:2 b"},
		"by both":   {"0:1 a"},
		"all":       {"0:1 a", "0:2 b", "0:NULL null", "0:1 a2", "0:3 c"},
	}
	for name, keys := range keyTypes {
		l, err := filesystem.Connector.Lookup(table(dir, idName))
		if err != nil {
			t.Fatal(err)
		}
		now := int64(0)
		r, err := l.Open(keys, conform.ReaderCtx(&now))
		if err != nil {
			t.Fatal(err)
		}
		in := batch.NewBatchBuilder(types.BigIntT, types.StringT)
		in.Row(batch.Insert, 1, "a")
		in.Row(batch.Insert, 9, "x")
		in.Row(batch.Insert, nil, "b")
		in.Row(batch.Insert, 3, nil)
		kb := in.Finish()
		n := kb.N
		var cols []*batch.Col
		for _, k := range keys {
			cols = append(cols, &kb.Cols[k])
		}
		if len(keys) == 0 {
			n = 1
		}
		var out batch.Batch
		lanes, err := r.Lookup(cols, n, &out, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i, row := range conform.TextOf(&out) {
			row = strings.NewReplacer("+I ", "", `"`, "").Replace(row)
			got = append(got, string('0'+rune(lanes[i]))+":"+row)
		}
		if !slices.Equal(got, want[name]) {
			t.Errorf("%s: got %q, want %q", name, got, want[name])
		}
	}
}

// ask looks one key up and returns the rows.
func ask(t *testing.T, tab *connect.Table, keys []int, key ...any) []string {
	t.Helper()
	l, err := filesystem.Connector.Lookup(tab)
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Open(keys, conform.ReaderCtx(new(int64)))
	if err != nil {
		t.Fatal(err)
	}
	var ts []types.Type
	for _, k := range keys {
		ts = append(ts, tab.Schema[k].Type)
	}
	b := batch.NewBatchBuilder(ts...)
	b.Row(batch.Insert, key...)
	in := b.Finish()
	var cols []*batch.Col
	for i := range in.Cols {
		cols = append(cols, &in.Cols[i])
	}
	var out batch.Batch
	if _, err := r.Lookup(cols, 1, &out, nil); err != nil {
		t.Fatal(err)
	}
	return conform.TextOf(&out)
}

// A table may be longer than a batch can be, whatever the type of its key.
func TestLookupOfALongTable(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	const n = 150_000
	for i := range n {
		text.WriteString(itoa(i) + ",name" + itoa(i) + "\n")
	}
	write(t, dir, "t", text.String())
	for _, ty := range []types.Type{types.IntT, types.BigIntT} {
		s := types.Schema{{Name: "id", Type: ty}, {Name: "name", Type: types.StringT}}
		for _, i := range []int{0, 65_535, 65_536, n - 1} {
			want := []string{"+I " + itoa(i) + ` "name` + itoa(i) + `"`}
			for _, keys := range [][]int{{0}, {1}, {1, 0}} {
				var key []any
				for _, k := range keys {
					key = append(key, []any{i, "name" + itoa(i)}[k])
				}
				if got := ask(t, table(dir, s), keys, key...); !slices.Equal(got, want) {
					t.Errorf("%v by %v: got %v, want %v", key, keys, got, want)
				}
			}
		}
	}
}

// The lookup side of a join sees the rows that are left after the changes of a
// table.
func TestLookupOfChanges(t *testing.T) {
	line := func(op, row string) string { return `{"op":"` + op + `","row":{` + row + "}}\n" }
	dir := t.TempDir()
	write(t, dir, "t", line("+I", `"id":1,"name":"a"`)+line("+I", `"id":2,"name":"b"`)+line("+I", `"id":2,"name":"b"`)+
		line("-U", `"id":1,"name":"a"`)+line("+U", `"id":1,"name":"a2"`)+line("-D", `"id":2,"name":"b"`)+line("+I", `"id":3,"name":"c"`)+
		line("-D", `"id":3,"name":"c"`)+line("-D", `"id":9,"name":"never"`))
	tab := table(dir, idName, "format", "changelog-json", "changelog-mode", "I,UB,UA,D")
	tab.Deps.Formats["changelog-json"] = &changelogjson.Format
	for id, want := range map[int][]string{1: {`+I 1 "a2"`}, 2: {`+I 2 "b"`}, 3: nil, 9: nil} {
		if got := ask(t, tab, []int{0}, id); !slices.Equal(got, want) {
			t.Errorf("retractions, key %d: got %v, want %v", id, got, want)
		}
	}
	write(t, dir, "t", line("+U", `"id":1,"name":"a"`)+line("+I", `"id":2,"name":"b"`)+line("+U", `"id":1,"name":"a2"`)+line("-D", `"id":2`)+
		line("+I", `"id":3,"name":"c"`)+line("-D", `"id":3`)+line("+U", `"id":3,"name":"d"`))
	tab.Options["changelog-mode"] = "I,UA,D"
	tab.PrimaryKey = []int{0}
	for id, want := range map[int][]string{1: {`+I 1 "a2"`}, 2: nil, 3: {`+I 3 "d"`}} {
		if got := ask(t, tab, []int{0}, id); !slices.Equal(got, want) {
			t.Errorf("upserts, key %d: got %v, want %v", id, got, want)
		}
	}
}

func TestLookupReloads(t *testing.T) {
	for name, options := range map[string][]string{
		"periodic":      {"lookup.full-cache.periodic-reload.interval", "10 s"},
		"by older name": {"lookup.full-cache.reload-interval", "10 s"},
		"timed":         {"lookup.full-cache.reload-strategy", "TIMED", "lookup.full-cache.timed-reload.iso-time", "00:00:11"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "t", "1,old\n")
			l, err := filesystem.Connector.Lookup(table(dir, idName, options...))
			if err != nil {
				t.Fatal(err)
			}
			now := int64(1000)
			r, err := l.Open([]int{0}, conform.ReaderCtx(&now))
			if err != nil {
				t.Fatal(err)
			}
			write(t, dir, "t", "1,new\n")
			key := batch.ConstInt(types.BigIntT, 1)
			for _, c := range []struct {
				at   int64
				want string
			}{{10_999, `+I 1 "old"`}, {11_000, `+I 1 "new"`}} {
				now = c.at
				var out batch.Batch
				if _, err := r.Lookup([]*batch.Col{&key}, 1, &out, nil); err != nil {
					t.Fatal(err)
				}
				if got := conform.TextOf(&out); len(got) != 1 || got[0] != c.want {
					t.Errorf("at %d: %v, want %s", c.at, got, c.want)
				}
			}
			// A table that is gone is an error, over which the restart strategy decides.
			if err := os.Remove(filepath.Join(dir, "t")); err != nil {
				t.Fatal(err)
			}
			now += 24 * 3600 * 1000
			if _, err := r.Lookup([]*batch.Col{&key}, 1, &batch.Batch{}, nil); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the table is gone: %v", err)
			}
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	dir := b.TempDir()
	var text strings.Builder
	for i := range 10_000 {
		text.WriteString(strings.Join([]string{itoa(i), itoa(i)}, ",") + "\n")
	}
	if err := os.WriteFile(filepath.Join(dir, "t"), []byte(text.String()), 0o644); err != nil {
		b.Fatal(err)
	}
	l, err := filesystem.Connector.Lookup(table(dir, idName))
	if err != nil {
		b.Fatal(err)
	}
	now := int64(0)
	r, err := l.Open([]int{0}, conform.ReaderCtx(&now))
	if err != nil {
		b.Fatal(err)
	}
	key := batch.Col{Type: types.BigIntT, I64: make([]int64, batch.MaxRows)}
	for i := range key.I64 {
		key.I64[i] = int64(i * 7919 % 10_000)
	}
	var out batch.Batch
	var lanes []uint16
	for b.Loop() {
		out.Reset()
		if lanes, err = r.Lookup([]*batch.Col{&key}, batch.MaxRows, &out, lanes[:0]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch.MaxRows), "ns/row")
}

func itoa(i int) string {
	if i < 10 {
		return string(rune('0' + i))
	}
	return itoa(i/10) + itoa(i%10)
}
