package kafka_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/job"
)

// session runs statements in an engine of its own.
type session struct {
	t *testing.T
	s *engine.Session
}

func newSession(t *testing.T, statements ...string) *session {
	t.Helper()
	e, err := engine.New(engine.Config{Env: env.OS(""), Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All(), SpillDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	s := &session{t, e.NewSession()}
	for _, sql := range append([]string{
		"SET 'execution.checkpointing.dir' = '" + t.TempDir() + "'", "SET 'execution.checkpointing.interval' = '40 ms'",
		"SET 'restart-strategy.type' = 'fixed-delay'", "SET 'restart-strategy.fixed-delay.attempts' = '1000'", "SET 'restart-strategy.fixed-delay.delay' = '5 ms'",
	}, statements...) {
		s.run(sql)
	}
	return s
}

func (s *session) run(sql string) *job.Job {
	s.t.Helper()
	r, err := s.s.Execute(s.t.Context(), sql)
	if err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
	return r.Job
}

// with is a WITH clause for a topic.
func (b *broker) with(topic string, more ...string) string {
	return fmt.Sprintf("WITH ('properties.bootstrap.servers' = '%s', 'topic' = '%s', %s)", b.servers, topic, strings.Join(more, ", "))
}

// Topics are read, grouped and written in one script.
func TestJob(t *testing.T) {
	b := newBroker(t)
	b.topic("orders", 3)
	b.topic("copy", 2)
	b.topic("totals", 1)
	for i := range 30 {
		b.put("orders", int32(i%3), fmt.Sprintf(`{"user":"u%d","amount":%d}`, i%4, i))
	}
	s := newSession(t, "SET 'parallelism.default' = '2'",
		"CREATE TABLE orders (`user` STRING, amount BIGINT, p INT METADATA FROM 'partition' VIRTUAL) "+b.with("orders", "'connector' = 'kafka'", "'format' = 'json'", "'scan.startup.mode' = 'earliest-offset'", "'scan.bounded.mode' = 'latest-offset'"),
		"CREATE TABLE copied (`user` STRING, amount BIGINT) "+b.with("copy", "'connector' = 'kafka'", "'format' = 'json'", "'sink.delivery-guarantee' = 'exactly-once'", "'sink.transactional-id-prefix' = 'copy'"),
		"CREATE TABLE totals (`user` STRING, total BIGINT, n BIGINT, PRIMARY KEY (`user`) NOT ENFORCED) "+b.with("totals", "'connector' = 'upsert-kafka'", "'key.format' = 'raw'", "'value.format' = 'json'", "'scan.bounded.mode' = 'latest-offset'"),
		"CREATE TABLE read (`user` STRING, total BIGINT, PRIMARY KEY (`user`) NOT ENFORCED) WITH ('connector' = 'blackhole')")
	for _, sql := range []string{
		"INSERT INTO copied SELECT `user`, amount FROM orders WHERE amount >= 10 AND p < 2",
		"INSERT INTO totals SELECT `user`, SUM(amount), COUNT(*) FROM orders GROUP BY `user`",
		"INSERT INTO read SELECT `user`, total FROM totals",
	} {
		if err := s.run(sql).Wait(t.Context()); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	var want []string
	sum, n := map[int]int{}, map[int]int{}
	for i := range 30 {
		if i >= 10 && i%3 < 2 {
			want = append(want, fmt.Sprintf(`{"user":"u%d","amount":%d}`, i%4, i))
		}
		sum[i%4] += i
		n[i%4]++
	}
	slices.Sort(want)
	equal(t, "copy", values(b.got("copy", kgo.ReadCommitted())), want)
	b.settled("copy")
	last := map[string]string{}
	for _, r := range b.got("totals", kgo.ReadCommitted()) {
		k, v, _ := strings.Cut(r[2:], "=")
		last[k] = v
	}
	for u := range 4 {
		if got, want := last[fmt.Sprintf("u%d", u)], fmt.Sprintf(`{"user":"u%d","total":%d,"n":%d}`, u, sum[u], n[u]); got != want {
			t.Errorf("total of u%d: %s, want %s", u, got, want)
		}
	}
}

// A job that fails again and again, in all parts of its protocol, writes each row once.
// Rows go out and come back as Protocol Buffers.
func TestProtobuf(t *testing.T) {
	b := newBroker(t)
	b.topic("orders", 1)
	file := filepath.Join(t.TempDir(), "orders.proto")
	if err := os.WriteFile(file, []byte(`syntax = "proto3"; package shop; option java_package = "com.example"; message Order { int64 id = 1; string item = 2; repeated string tags = 3; enum State { NEW = 0; PAID = 1; } State state = 4; }`), 0o666); err != nil {
		t.Fatal(err)
	}
	s := newSession(t,
		"CREATE TABLE orders (id BIGINT, item STRING, tags ARRAY<STRING>, state STRING) "+b.with("orders", "'connector' = 'kafka'", "'format' = 'protobuf'", "'scan.startup.mode' = 'earliest-offset'", "'scan.bounded.mode' = 'latest-offset'",
			"'protobuf.message-class-name' = 'com.example.Orders$Order'", "'protobuf.schema-file' = '"+file+"'"),
		"CREATE TABLE copied (line STRING) "+b.with("copy", "'connector' = 'kafka'", "'format' = 'raw'"))
	b.topic("copy", 1)
	for _, sql := range []string{
		"INSERT INTO orders VALUES (150, 'testing', ARRAY['a', 'b'], 'PAID'), (2, CAST(NULL AS STRING), CAST(NULL AS ARRAY<STRING>), 'NEW')",
		"INSERT INTO copied SELECT CAST(id AS STRING) || ',' || item || ',' || COALESCE(CAST(CARDINALITY(tags) AS STRING), '-') || ',' || state FROM orders",
	} {
		if err := s.run(sql).Wait(t.Context()); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	equal(t, "messages", values(b.got("orders", kgo.ReadCommitted())), []string{"\b\x02", "\b\x96\x01\x12\atesting\x1a\x01a\x1a\x01b \x01"})
	equal(t, "rows", values(b.got("copy", kgo.ReadCommitted())), []string{"150,testing,2,PAID", "2,,-,NEW"})
}

func TestJobFails(t *testing.T) {
	b := newBroker(t)
	b.topic("in", 2)
	b.topic("out", 2)
	s := newSession(t, "SET 'parallelism.default' = '2'",
		"CREATE TABLE a (n BIGINT) "+b.with("in", "'connector' = 'kafka'", "'format' = 'json'", "'scan.startup.mode' = 'earliest-offset'"),
		"CREATE TABLE b (n BIGINT) "+b.with("out", "'connector' = 'kafka'", "'format' = 'json'", "'sink.delivery-guarantee' = 'exactly-once'", "'sink.transactional-id-prefix' = 'out'"))
	j := s.run("INSERT INTO b SELECT n * 10 FROM a")
	var want []string
	faults := []kfake.Fault{
		{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.InvalidProducerEpoch, Topic: "out"},
		{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.TransactionalIDAuthorizationFailed, TopLevel: true},
		{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.RequestTimedOut, TopLevel: true, Count: 3},
		{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.TopicAuthorizationFailed, Topic: "in"},
	}
	for i := range 200 {
		b.put("in", int32(i%2), fmt.Sprintf(`{"n":%d}`, i))
		want = append(want, fmt.Sprintf(`{"n":%d}`, i*10))
		if i%20 == 10 {
			b.fake.Fault(faults[i/20%len(faults)])
		}
		time.Sleep(2 * time.Millisecond)
	}
	slices.Sort(want)
	until := time.Now().Add(time.Minute)
	var got []string
	for {
		got = values(b.got("out", kgo.ReadCommitted()))
		if len(got) >= len(want) || time.Now().After(until) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	equal(t, "out", got, want)
	if n := j.Status().Restarts; n < 3 {
		t.Errorf("only %d restarts", n)
	}
	j.Cancel()
	_ = j.Wait(t.Context()) // cancelled
	equal(t, "after the end", values(b.got("out", kgo.ReadCommitted())), want)
}
