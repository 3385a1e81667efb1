package datagen_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/connectors/datagen"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/conform"
)

func open(t *testing.T, s types.Schema, opts ...string) connect.Source {
	t.Helper()
	src, err := tryOpen(s, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func tryOpen(s types.Schema, opts ...string) (connect.Source, error) {
	o := connect.Options{"connector": "datagen"}
	for i := 0; i < len(opts); i += 2 {
		o[opts[i]] = opts[i+1]
	}
	if err := datagen.Connector.Check(o, nil); err != nil {
		return nil, err
	}
	return datagen.Connector.Source(&connect.Table{Schema: s, Physical: len(s), Options: o, Zone: time.UTC})
}

func field(name string, t types.Type) types.Field { return types.Field{Name: name, Type: t} }

var everything = types.Schema{
	field("a", types.BooleanT), field("b", types.TinyIntT), field("c", types.SmallIntT), field("d", types.IntT), field("e", types.BigIntT),
	field("f", types.FloatT), field("g", types.DoubleT), field("h", types.DecimalT(10, 2)), field("i", types.DecimalT(30, 2)),
	field("j", types.CharT(5)), field("k", types.VarCharT(7)), field("l", types.StringT), field("m", types.BytesT),
	field("n", types.DayTimeT()), field("o", types.YearMonthT()),
	field("p", types.ArrayT(types.IntT)), field("q", types.MapT(types.StringT, types.BigIntT)), field("r", types.MultisetT(types.IntT)),
	field("s", types.RowT(field("x", types.IntT), field("y", types.ArrayT(types.StringT)))),
}

func TestResumesAnywhere(t *testing.T) {
	conform.Source(t, func() connect.Source {
		return open(t, everything, "number-of-rows", "40", "rows-per-second", "1000", "fields.d.null-rate", "0.3", "fields.l.var-len", "true")
	})
}

func TestRandomValues(t *testing.T) {
	src := open(t, everything, "number-of-rows", "2000", "rows-per-second", "1000000",
		"fields.b.min", "-3", "fields.b.max", "3", "fields.e.min", "5", "fields.h.min", "1.5", "fields.h.max", "2", "fields.l.length", "20", "fields.l.var-len", "true",
		"fields.d.null-rate", "0.25", "fields.p.length", "2", "fields.p.element.min", "7", "fields.p.element.max", "7", "fields.s.x.max", "0", "fields.q.key.length", "3")
	now := int64(0)
	r, err := src.Open(connect.Split{ID: "00000-of-00001"}, conform.ReaderCtx(&now))
	if err != nil {
		t.Fatal(err)
	}
	var b batch.Batch
	nulls, trues, rows := 0, 0, 0
	seen := map[any]bool{}
	lens := map[int]bool{}
	for rows < 2000 {
		now += 1000
		if _, err := r.Poll(&b, 500); err != nil {
			t.Fatal(err)
		}
		rows += b.N
		for i := range b.N {
			v := func(c int) any { return b.Cols[c].Any(i) }
			if v(0).(bool) {
				trues++
			}
			if v(3) == nil {
				nulls++
			}
			seen[v(1)] = true
			lens[len(v(11).(string))] = true
			h := v(7).(int64)
			q := v(16).([]any)
			if x := v(1).(int64); x < -3 || x > 3 || v(4).(int64) < 5 || h < 150 || h > 200 || len(v(9).(string)) != 5 || len(v(10).(string)) != 7 ||
				len(v(12).(string)) != 100 || fmt.Sprint(v(15)) != "[7 7]" || v(18).([]any)[0].(int64) > 0 || len(q) != 6 || len(q[0].(string)) != 3 {
				t.Fatalf("row %v", conform.TextOf(&b)[i])
			}
			if strings.Trim(v(11).(string), "0123456789abcdef") != "" {
				t.Fatalf("text %q", v(11))
			}
		}
	}
	if len(seen) != 7 || len(lens) != 20 || trues < 900 || trues > 1100 || nulls < 400 || nulls > 600 {
		t.Errorf("%d values from -3 to 3, %d lengths, %d of 2000 true, %d NULL", len(seen), len(lens), trues, nulls)
	}
}

func TestSeedDecides(t *testing.T) {
	read := func(seed uint64) conform.Rows {
		src := open(t, everything, "number-of-rows", "5")
		now := int64(0)
		ctx := conform.ReaderCtx(&now)
		ctx.Seed = seed
		r, err := src.Open(connect.Split{ID: "00000-of-00001"}, ctx)
		if err != nil {
			t.Fatal(err)
		}
		var b batch.Batch
		var out conform.Rows
		for len(out) < 5 {
			b.Reset()
			if _, err := r.Poll(&b, 10); err != nil {
				t.Fatal(err)
			}
			out = append(out, conform.TextOf(&b)...)
			now += 100
		}
		return out
	}
	if a, b, c := read(1), read(1), read(2); !slices.Equal(a, b) || slices.Equal(a, c) {
		t.Errorf("seed 1 twice:\n%v\n%v\nseed 2:\n%v", a, b, c)
	}
}

func TestSequencesOverSplits(t *testing.T) {
	s := types.Schema{field("a", types.BigIntT), field("b", types.StringT), field("c", types.DecimalT(8, 2)), field("d", types.TinyIntT)}
	src := open(t, s, "fields.a.kind", "sequence", "fields.a.start", "10", "fields.a.end", "1000", "fields.b.kind", "sequence", "fields.b.start", "1", "fields.b.end", "5",
		"fields.c.kind", "sequence", "fields.c.start", "-1", "fields.c.end", "100", "fields.d.min", "0", "fields.d.max", "0")
	if !src.Bounded() {
		t.Error("a sequence ends")
	}
	splits, err := src.Splits(2)
	if err != nil {
		t.Fatal(err)
	}
	var got conform.Rows
	for _, sp := range splits {
		rows, _, err := conform.ReadSplit(src, sp, 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, rows...)
	}
	want := conform.Rows{`+I 10 "1" -100 0`, `+I 12 "3" 100 0`, `+I 14 "5" 300 0`, `+I 11 "2" 0 0`, `+I 13 "4" 200 0`}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestRate(t *testing.T) {
	s := types.Schema{field("a", types.IntT)}
	for _, c := range []struct {
		rate  string
		at    int64
		wants int
		next  int64
	}{
		{"2", 0, 1, 500}, {"2", 499, 1, 500}, {"2", 1000, 3, 1500}, {"100000", 0, 1, 10}, {"100000", 10, 1001, 20},
	} {
		src := open(t, s, "rows-per-second", c.rate)
		if src.Bounded() {
			t.Error("no end was asked for")
		}
		now := int64(0)
		r, err := src.Open(connect.Split{ID: "00000-of-00001"}, conform.ReaderCtx(&now))
		if err != nil {
			t.Fatal(err)
		}
		var b batch.Batch
		n := 0
		poll := func() (st connect.Status) {
			for st = connect.More; st == connect.More; n += b.N {
				b.Reset()
				if st, err = r.Poll(&b, 4096); err != nil {
					t.Fatal(err)
				}
			}
			return st
		}
		poll()
		now = c.at
		if st := poll(); st != connect.Wait || n != c.wants || r.NextAt() != c.next {
			t.Errorf("rate %s at %d: %d rows, next at %d; want %d, %d", c.rate, c.at, n, r.NextAt(), c.wants, c.next)
		}
	}
}

func TestTimesComeFromTheClock(t *testing.T) {
	s := types.Schema{field("a", types.DateT), field("b", types.TimeT), field("c", types.TimestampT(6)), field("d", types.TimestampLTZT(3)), field("e", types.TimestampT(3))}
	src := open(t, s, "number-of-rows", "100", "rows-per-second", "1000000", "fields.e.max-past", "10 s")
	now := int64(1577883723456) // 2020-01-01 13:02:03.456
	r, err := src.Open(connect.Split{ID: "00000-of-00001"}, conform.ReaderCtx(&now))
	if err != nil {
		t.Fatal(err)
	}
	var b batch.Batch
	if _, err := r.Poll(&b, 1); err != nil {
		t.Fatal(err)
	}
	got := conform.TextOf(&b)[0]
	if want := "+I 18262 46923000 1577883723456000 1577883723456 "; !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	if e := b.Cols[4].I64[0]; e > now || e < now-10_000 {
		t.Errorf("max-past gave %d", now-e)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	s := types.Schema{field("a", types.TinyIntT), field("b", types.CharT(3)), field("c", types.BooleanT.Nullable(false)), field("d", types.VarCharT(5))}
	for _, c := range []struct {
		key, value string
		code       diag.Code
	}{
		{"rows-per-second", "many", diag.InvalidOption}, {"rows-per-second", "0", diag.InvalidOption}, {"number-of-rows", "-1", diag.InvalidOption},
		{"row-per-second", "1", diag.UnknownOption}, {"fields.x.min", "1", diag.UnknownOption}, {"fields.a.mim", "1", diag.UnknownOption}, {"fields.a.length", "1", diag.UnknownOption},
		{"fields.a.min", "200", diag.InvalidOption}, {"fields.a.max", "-200", diag.InvalidOption}, {"fields.a.kind", "randon", diag.InvalidOption}, {"fields.a.kind", "sequence", diag.MissingOption},
		{"fields.b.length", "4", diag.InvalidOption}, {"fields.b.var-len", "true", diag.InvalidOption}, {"fields.d.length", "6", diag.InvalidOption},
		{"fields.a.null-rate", "1.5", diag.InvalidOption}, {"fields.c.null-rate", "0.5", diag.InvalidOption}, {"fields.c.kind", "sequence", diag.InvalidOption},
	} {
		if _, err := tryOpen(s, c.key, c.value); diag.CodeOf(err) != c.code {
			t.Errorf("%s = %s: %v; want %s", c.key, c.value, err, c.code)
		}
	}
	if _, err := tryOpen(s, "row-per-second", "1"); !strings.Contains(diag.As(err).Hint, "'rows-per-second'") {
		t.Errorf("hint: %q", diag.As(err).Hint)
	}
	if _, err := tryOpen(types.Schema{field("v", types.Type{Kind: types.Variant})}); diag.CodeOf(err) != diag.UnsupportedByFlink {
		t.Errorf("a variant: %v", err)
	}
}

func BenchmarkPoll(b *testing.B) {
	s := types.Schema{field("a", types.BigIntT), field("b", types.BigIntT), field("c", types.DoubleT), field("d", types.StringT)}
	src, err := tryOpen(s, "rows-per-second", "1000000000", "fields.d.length", "20")
	if err != nil {
		b.Fatal(err)
	}
	now := int64(0)
	r, err := src.Open(connect.Split{ID: "00000-of-00001"}, conform.ReaderCtx(&now))
	if err != nil {
		b.Fatal(err)
	}
	var dst batch.Batch
	rows := 0
	for b.Loop() {
		now += 1000
		dst.Reset()
		if _, err := r.Poll(&dst, batch.MaxRows); err != nil {
			b.Fatal(err)
		}
		rows += dst.N
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
}
