package filesystem_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/connectors/filesystem"
	"github.com/minkstream/mink/connectors/format/json"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/conform"
)

// readSplits reads splits one after the other, each in two sittings: up to some row,
// and from the position there.
func readSplits(src connect.Source, splits []connect.Split, stop int) (conform.Rows, error) {
	var out conform.Rows
	for _, s := range splits {
		head, at, err := conform.ReadSplit(src, s, 3, stop)
		if err != nil {
			return out, err
		}
		rest, _, err := conform.ReadSplit(src, at, 5, 0)
		if err != nil {
			return out, err
		}
		out = append(append(out, head...), rest...)
	}
	return out, nil
}

// However many subtasks share a file, each row is read once, in the file's order.
func TestRangesOfALargeFile(t *testing.T) {
	defer filesystem.SetRangeBytes(40)()
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		format := rapid.SampledFrom([]string{"csv", "json"}).Draw(rt, "format")
		var text strings.Builder
		if format == "csv" && rapid.Bool().Draw(rt, "mark") {
			text.WriteString("\ufeff")
		}
		end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(rt, "line end")
		n := rapid.IntRange(0, 60).Draw(rt, "lines")
		for i := range n {
			v := strings.Repeat("é", rapid.IntRange(0, 30).Draw(rt, "length"))
			if format == "csv" {
				fmt.Fprintf(&text, "%d,%s", i, v)
			} else {
				fmt.Fprintf(&text, `{"id":%d,"name":"%s"}`, i, v)
			}
			if i < n-1 || rapid.Bool().Draw(rt, "ended") {
				text.WriteString(end)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "t"), []byte(text.String()), 0o644); err != nil {
			rt.Fatal(err)
		}
		tab := table(dir, idName, "format", format)
		tab.Deps.Formats["json"] = &json.Format
		want, err := conform.ReadAll(source(t, tab), 100)
		if err != nil || len(want) != n {
			rt.Fatalf("%d rows of %d, %v", len(want), n, err)
		}
		src := source(t, tab)
		wanted := rapid.IntRange(1, 7).Draw(rt, "subtasks")
		splits, err := src.Splits(wanted)
		if err != nil {
			rt.Fatal(err)
		}
		if wanted > 1 && text.Len() > 400 && len(splits) < 2 {
			rt.Fatalf("%d bytes for %d subtasks are not taken apart", text.Len(), wanted)
		}
		got, err := readSplits(src, splits, rapid.IntRange(1, 10).Draw(rt, "stop"))
		if err != nil || !slices.Equal(got, want) {
			rt.Fatalf("%d splits of %q\ngot  %v, %v\nwant %v", len(splits), text.String(), got, err, want)
		}
	})
}

func TestRangesOnlyWhereLinesAreRecords(t *testing.T) {
	defer filesystem.SetRangeBytes(40)()
	plain := strings.Repeat("1,some text\n", 50)
	for _, c := range []struct {
		name, text string
		opts       []string
		apart      bool
	}{
		{"plain", plain, nil, true},
		{"a quote somewhere", plain + "2,\"a\nb\"\n", nil, false},
		{"quotes are data", plain + "2,a\"b\n", []string{"csv.disable-quote-character", "true"}, true},
		{"escapes", plain, []string{"csv.escape-character", "\\"}, false},
		{"a header", "id,name\n" + plain, []string{"mink.csv.header", "true"}, true},
		{"monitored", plain, []string{"source.monitor-interval", "1 s"}, false},
	} {
		dir := t.TempDir()
		write(t, dir, "t", c.text)
		src := source(t, table(dir, idName, c.opts...))
		splits, err := src.Splits(4)
		if err != nil || (len(splits) > 1) != c.apart || len(splits) > 4 {
			t.Errorf("%s: %d splits, %v", c.name, len(splits), err)
			continue
		}
		got, err := readSplits(src, splits, 7)
		want, _ := conform.ReadAll(source(t, table(dir, idName, c.opts...)), 100)
		if err != nil || len(want) < 50 || !slices.Equal(got, want) {
			t.Errorf("%s: %d rows, want %d, %v", c.name, len(got), len(want), err)
		}
	}
}

// A mistake in a range has the line and the byte of the file.
func TestMistakeInARange(t *testing.T) {
	defer filesystem.SetRangeBytes(40)()
	dir := t.TempDir()
	text := strings.Repeat("1,some text\n", 70)
	write(t, dir, "t", text+"x,bad\n"+text)
	for _, ignore := range []string{"false", "true"} {
		src := source(t, table(dir, idName, "csv.ignore-parse-errors", ignore))
		splits, err := src.Splits(3)
		if err != nil || len(splits) != 3 {
			t.Fatalf("%d splits, %v", len(splits), err)
		}
		var seen []error
		rows := 0
		for _, s := range splits {
			ctx := conform.ReaderCtx(new(int64))
			ctx.BadRecord = func(err error) { seen = append(seen, err) }
			got, _, err := conform.ReadSplit(readerCtx{src, ctx}, s, 10, 0)
			rows += len(got)
			if err != nil {
				seen = append(seen, err)
			}
		}
		if len(seen) != 1 || diag.CodeOf(seen[0]) != diag.MalformedRecord || !strings.Contains(seen[0].Error(), "line 71 (byte 840): column `id`: 'x' is no BIGINT") {
			t.Errorf("ignoring %s: %v", ignore, seen)
		}
		if want := 141; ignore == "true" && rows != want {
			t.Errorf("%d rows, want %d", rows, want)
		}
	}
}

// readerCtx opens readers with a context of its own.
type readerCtx struct {
	connect.Source
	ctx connect.ReaderCtx
}

func (r readerCtx) Open(s connect.Split, _ connect.ReaderCtx) (connect.Reader, error) {
	return r.Source.Open(s, r.ctx)
}
