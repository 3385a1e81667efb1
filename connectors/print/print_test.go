package print_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/minkstream/mink/connectors/print"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/conform"
)

// printed writes a batch through the connector and returns what came out and what
// went to standard error.
func printed(t *testing.T, b *batch.Batch, subtask, parallelism int, opts ...string) (string, string) {
	t.Helper()
	var out, errs bytes.Buffer
	tab := &connect.Table{Options: connect.Options{"connector": "print"}, Deps: connect.Deps{Stdout: &out, Stderr: &errs}}
	for i := 0; i < len(opts); i += 2 {
		tab.Options[opts[i]] = opts[i+1]
	}
	if err := print.Connector.Check(tab.Options, nil); err != nil {
		t.Fatal(err)
	}
	s, err := print.Connector.Sink(tab)
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Open(connect.WriterCtx{Subtask: subtask, Parallelism: parallelism})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if m, err := w.Prepare("1"); m != nil || err != nil {
		t.Errorf("there is nothing to commit: %v, %v", m, err)
	}
	return out.String(), errs.String()
}

func one(v any, ty types.Type) *batch.Batch {
	b := batch.NewBatchBuilder(ty)
	b.Col(0).AppendAny(v)
	b.EndRow(batch.Insert)
	return b.Finish()
}

// The values are what Java's toString gives for the classes that Flink uses outside
// of SQL: LocalDateTime, Instant, Period, Duration, BigDecimal, byte[], Map, Row.
func TestValues(t *testing.T) {
	ms := int64(1577934245000) // 2020-01-02 03:04:05
	for _, c := range []struct {
		ty   types.Type
		v    any
		want string
	}{
		{types.BooleanT, true, "true"}, {types.TinyIntT, int64(-5), "-5"}, {types.BigIntT, int64(1) << 40, "1099511627776"}, {types.IntT, nil, "null"},
		{types.StringT, "it's, \"so\"", "it's, \"so\""}, {types.BytesT, "\x01\xff", "[1, -1]"},
		{types.FloatT, 1.5, "1.5"}, {types.DoubleT, 1.0, "1.0"}, {types.DoubleT, 1e10, "1.0E10"}, {types.DoubleT, 1.25e-5, "1.25E-5"}, {types.DoubleT, -0.001, "-0.001"},
		{types.DecimalT(10, 2), int64(1250), "12.50"}, {types.DecimalT(10, 2), int64(-5), "-0.05"},
		{types.DateT, int64(18263), "2020-01-02"}, {types.TimeT, int64(11045000), "03:04:05"}, {types.TimeT, int64(10800000), "03:00"},
		{types.TimestampT(3), ms, "2020-01-02T03:04:05"}, {types.TimestampT(3), ms - 5000, "2020-01-02T03:04"}, {types.TimestampT(3), ms + 120, "2020-01-02T03:04:05.120"},
		{types.TimestampT(6), ms*1000 + 120, "2020-01-02T03:04:05.000120"}, {types.TimestampT(9), ms*1_000_000 + 1, "2020-01-02T03:04:05.000000001"},
		{types.TimestampLTZT(3), ms - 5000, "2020-01-02T03:04:00Z"}, {types.TimestampLTZT(3), ms + 1, "2020-01-02T03:04:05.001Z"},
		{types.YearMonthT(), int64(14), "P1Y2M"}, {types.YearMonthT(), int64(0), "P0D"}, {types.YearMonthT(), int64(-14), "P-1Y-2M"},
		{types.DayTimeT(), int64(93_784_500), "PT26H3M4.5S"}, {types.DayTimeT(), int64(0), "PT0S"}, {types.DayTimeT(), int64(-1500), "PT-1.5S"},
		{types.ArrayT(types.IntT), []any{int64(1), nil}, "[1, null]"}, {types.MapT(types.StringT, types.IntT), []any{"a", int64(1), "b", nil}, "{a=1, b=null}"},
		{types.RowT(types.Field{Name: "x", Type: types.IntT}, types.Field{Name: "y", Type: types.StringT}), []any{int64(7), "z"}, "+I[7, z]"},
	} {
		got, _ := printed(t, one(c.v, c.ty), 0, 1)
		if got != "+I["+c.want+"]\n" {
			t.Errorf("%s: got %q, want %q", c.ty, got, c.want)
		}
	}
}

func TestLines(t *testing.T) {
	b := batch.NewBatchBuilder(types.IntT, types.StringT)
	b.Row(batch.Insert, 1, "a")
	b.Row(batch.UpdateBefore, 1, "a")
	b.Row(batch.UpdateAfter, 1, "b")
	b.Row(batch.Delete, 1, nil)
	rows := b.Finish()
	plain := "+I[1, a]\n-U[1, a]\n+U[1, b]\n-D[1, null]\n"
	for _, c := range []struct {
		subtask, of int
		opts        []string
		prefix      string
	}{
		{0, 1, nil, ""}, {1, 3, nil, "2> "}, {0, 1, []string{"print-identifier", "out"}, "out> "}, {1, 3, []string{"print-identifier", "out"}, "out:2> "},
	} {
		want := c.prefix + strings.TrimSuffix(strings.ReplaceAll(plain, "\n", "\n"+c.prefix), c.prefix)
		if got, errs := printed(t, rows, c.subtask, c.of, c.opts...); got != want || errs != "" {
			t.Errorf("%v: got %q and %q, want %q", c.opts, got, errs, want)
		}
	}
	if got, errs := printed(t, rows, 0, 1, "standard-error", "true"); got != "" || errs != plain {
		t.Errorf("standard error: %q, %q", got, errs)
	}
	// Selected lanes only, in whole lines however many there are.
	rows.Sel = []uint16{0, 3}
	if got, _ := printed(t, rows, 0, 1); got != "+I[1, a]\n-D[1, null]\n" {
		t.Errorf("selected: %q", got)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestErrors(t *testing.T) {
	s, err := print.Connector.Sink(&connect.Table{Options: connect.Options{}, Deps: connect.Deps{Stdout: full{}}})
	if err != nil {
		t.Fatal(err)
	}
	w, _ := s.Open(connect.WriterCtx{Parallelism: 1})
	if err := w.Write(one(int64(1), types.IntT)); diag.CodeOf(err) != diag.IO {
		t.Errorf("a stream that fails: %v", err)
	}
	if _, err := print.Connector.Sink(&connect.Table{Options: connect.Options{"standard-error": "maybe"}}); diag.CodeOf(err) != diag.InvalidOption {
		t.Errorf("standard-error: %v", err)
	}
}

// A job goes through the sink's contract; rows come at least once.
func TestConforms(t *testing.T) {
	var out bytes.Buffer
	run := &conform.SinkRun{
		Sink: func() (connect.Sink, error) {
			return print.Connector.Sink(&connect.Table{Options: connect.Options{}, Deps: connect.Deps{Stdout: &out}})
		},
		Batches: []*batch.Batch{one(int64(1), types.IntT), one(int64(2), types.IntT)}, Every: 1,
	}
	if n, err := run.Run(); err != nil || n != 1 || out.String() != "+I[1]\n+I[2]\n" {
		t.Errorf("%d attempts, %v, %q", n, err, out.String())
	}
}
