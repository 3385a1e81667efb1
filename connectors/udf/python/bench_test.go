package python

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/python"
)

const benchModule = `
from pyflink.table.udf import AggregateFunction, udaf, udf
add = udf(lambda a, b: a + b, result_type="BIGINT")
add_series = udf(lambda a, b: a + b, result_type="BIGINT", func_type="pandas")
upper = udf(lambda s: s.upper(), result_type="STRING")
upper_series = udf(lambda s: s.str.upper(), result_type="STRING", func_type="pandas")
class Sum(AggregateFunction):
    def create_accumulator(self):
        return [0]
    def accumulate(self, acc, v):
        acc[0] += v
    def get_value(self, acc):
        return acc[0]
total = udaf(Sum(), result_type="BIGINT", accumulator_type="ARRAY<BIGINT>")
total_series = udaf(lambda v: v.sum(), result_type="BIGINT", func_type="pandas")
`

// BenchmarkFunctions measures trivial functions over batches of 4096 rows, by form of
// the columns between the processes: what a call costs at least.
func BenchmarkFunctions(b *testing.B) {
	if _, err := exec.LookPath("python3"); err != nil {
		b.Skip("python3 is not installed")
	}
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bench.py"), []byte(benchModule), 0o666); err != nil {
		b.Fatal(err)
	}
	numbers, texts := batch.NewBuilder(types.BigIntT), batch.NewBuilder(types.StringT)
	for i := range batch.MaxRows {
		numbers.AppendInt(int64(i))
		texts.AppendBytes([]byte("row number " + string(rune('a'+i%26))))
	}
	n, s := numbers.Finish(), texts.Finish()
	for _, c := range []struct {
		name, fn string
		arrow    bool
		args     []*batch.Col
		t        types.Type
	}{
		{"add/frames", "add", false, []*batch.Col{&n, &n}, types.BigIntT},
		{"add/arrow", "add", true, []*batch.Col{&n, &n}, types.BigIntT},
		{"add/series", "add_series", true, []*batch.Col{&n, &n}, types.BigIntT},
		{"upper/frames", "upper", false, []*batch.Col{&s}, types.StringT},
		{"upper/arrow", "upper", true, []*batch.Col{&s}, types.StringT},
		{"upper/series", "upper_series", true, []*batch.Col{&s}, types.StringT},
		{"sum/frames", "total", false, []*batch.Col{&n}, types.BigIntT},
		{"sum/arrow", "total", true, []*batch.Col{&n}, types.BigIntT},
		{"sum/series", "total_series", true, []*batch.Col{&n}, types.BigIntT},
	} {
		b.Run(c.name, func(b *testing.B) {
			settings := map[string]string{"mink.script.dir": dir, "mink.udf.timeout": "60 s", "mink.udf.arrow": "false"}
			if c.arrow {
				settings["mink.udf.arrow"], settings["python.executable"] = "true", python.NeedPandas(b)
			}
			r := New(env.OS("")).(*Runtime)
			defer r.Close()
			d := &function.Definition{Name: c.fn, Identifier: "bench." + c.fn, Setting: func(k string) string { return settings[k] }}
			var params []types.Type
			for _, a := range c.args {
				params = append(params, a.Type)
			}
			f := function.NewFrame(function.FixedEnv{}, nil)
			var run func() error
			if c.fn == "total" || c.fn == "total_series" {
				run = aggregateOnce(b, r, d, f, c.args, c.t)
			} else {
				kernel, err := r.Scalar(d, params, c.t)
				if err != nil {
					b.Fatal(err)
				}
				k := kernel()
				var dst batch.Col
				run = func() error { return k(f, &dst, c.args, batch.MaxRows, nil) }
			}
			if err := run(); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			for b.Loop() {
				if err := run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*batch.MaxRows/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch.MaxRows, "ns/row")
		})
	}
}

// aggregateOnce is a call with the rows of 16 groups.
func aggregateOnce(b *testing.B, r *Runtime, d *function.Definition, f *function.Frame, args []*batch.Col, t types.Type) func() error {
	kernel, err := r.Aggregate(d, []types.Type{args[0].Type}, t)
	if err != nil {
		b.Fatal(err)
	}
	k := kernel()
	const groups = 16
	return func() error {
		s := function.AggregateSteps{N: groups, Args: args, Back: make([]bool, batch.MaxRows), Rows: []uint32{0}}
		s.Have.Reset(groups)
		for g := range uint32(groups) {
			s.Base, s.Src, s.Rows = append(s.Base, g), append(s.Src, -1), append(s.Rows, (g+1)*batch.MaxRows/groups)
		}
		if err := k.Apply(f, &s); err != nil {
			return err
		}
		var dst batch.Col
		return k.Values(f, &dst, &s.Out, groups)
	}
}
