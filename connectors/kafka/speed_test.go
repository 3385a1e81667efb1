package kafka_test

import (
	"os"
	"runtime/pprof"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
)

// BenchmarkJSONToBlackhole reads bids as JSON from a topic of four partitions into blackhole.
// The broker runs in the same process; with MINK_CPUPROFILE=FILE a profile tells its share.
func BenchmarkJSONToBlackhole(b *testing.B) {
	const partitions, each = 4, 500_000
	br := newBroker(b, kfake.SeedTopics(partitions, "bids"))
	loader, err := kgo.NewClient(kgo.SeedBrokers(br.servers), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(100_000), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		b.Fatal(err)
	}
	defer loader.Close()
	size := 0
	for p := range int32(partitions) {
		for i := range each {
			v := []byte(`{"auction":` + strconv.Itoa(1000+i) + `,"bidder":` + strconv.Itoa(i*7919%100_000) + `,"price":` + strconv.Itoa(i%977*100) +
				`,"channel":"Google","url":"https://www.nexmark.com/abc/def/item.htm?query=1&channel_id=` + strconv.Itoa(i) +
				`","dateTime":"2020-01-01 00:00:00.` + strconv.Itoa(100+i%900) + `","extra":"text"}`)
			size += len(v)
			loader.Produce(b.Context(), &kgo.Record{Topic: "bids", Partition: p, Value: v}, nil)
		}
	}
	if err := loader.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	e, err := engine.New(engine.Config{Env: env.OS(""), Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All(), SpillDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	s := e.NewSession()
	run := func(sql string) {
		r, err := s.Execute(b.Context(), sql)
		if err == nil && r.Job != nil {
			err = r.Job.Wait(b.Context())
		}
		if err != nil {
			b.Fatalf("%s: %v", sql, err)
		}
	}
	const columns = "(auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, `dateTime` TIMESTAMP(3), extra STRING)"
	run("SET 'parallelism.default' = '2'")
	run("CREATE TABLE bids " + columns + " " + br.with("bids", "'connector' = 'kafka'", "'format' = 'json'", "'scan.startup.mode' = 'earliest-offset'", "'scan.bounded.mode' = 'latest-offset'"))
	run("CREATE TABLE nowhere " + columns + " WITH ('connector' = 'blackhole')")
	if name := os.Getenv("MINK_CPUPROFILE"); name != "" {
		f, err := os.Create(name)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			b.Fatal(err)
		}
		defer pprof.StopCPUProfile()
	}
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	for b.Loop() {
		run("INSERT INTO nowhere SELECT * FROM bids")
	}
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	rows := float64(b.N) * partitions * each
	cpu := time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	b.ReportMetric(rows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(cpu.Nanoseconds())/rows, "cpu-ns/row")
	b.ReportMetric(float64(size)/(partitions*each), "bytes/row")
}
