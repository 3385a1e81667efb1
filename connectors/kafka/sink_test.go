package kafka_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/minkstream/mink/connectors/kafka"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// rows makes a batch of a table's columns.
func rows(t *connect.Table, list ...[]any) *batch.Batch {
	b := batch.NewBatchBuilder(t.Schema.Types()...)
	for _, r := range list {
		kind := batch.Insert
		if k, ok := r[0].(batch.Kind); ok {
			kind, r = k, r[1:]
		}
		b.Row(kind, r...)
	}
	return b.Finish()
}

func sinkOf(t testing.TB, tab *connect.Table) connect.Sink {
	t.Helper()
	c := &kafka.Connector
	if len(tab.PrimaryKey) > 0 {
		c = &kafka.Upsert
	}
	s, err := c.Sink(tab)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func writerCtx(attempt int64, subtask int, timers *[]int64) connect.WriterCtx {
	return connect.WriterCtx{
		Job: "job", Sink: "sink-1", Subtask: subtask, Parallelism: 2, Attempt: attempt,
		Now:      func() int64 { return 1_700_000_000_000 },
		SetTimer: func(at int64) { *timers = append(*timers, at) },
	}
}

func open(t testing.TB, s connect.Sink, attempt int64, subtask int) connect.Writer {
	t.Helper()
	w, err := s.Open(writerCtx(attempt, subtask, new([]int64)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func write(t testing.TB, w connect.Writer, b *batch.Batch) {
	t.Helper()
	if err := w.Write(b); err != nil {
		t.Fatal(err)
	}
}

func prepare(t testing.TB, w connect.Writer) []byte {
	t.Helper()
	m, err := w.Prepare("x")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func into(more ...string) connect.Options {
	return bounded(append([]string{"scan.startup.mode", "", "scan.bounded.mode", ""}, more...)...)
}

func TestWrites(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 1)
	tab := b.table("id INT, v STRING", "", into("format", "", "value.format", "json", "key.format", "json", "key.fields", "id"))
	s := sinkOf(t, tab)
	if s.Grade() != "at-least-once" || s.Changes(connect.Retract) != connect.AppendOnly {
		t.Errorf("grade %s, changes %b", s.Grade(), s.Changes(connect.Retract))
	}
	w := open(t, s, 1, 0)
	many := rows(tab, []any{1, "one"}, []any{2, nil}, []any{3, "left out"}, []any{nil, "a text that is longer than twelve"})
	many.Sel = []uint16{0, 1, 3}
	write(t, w, many)
	if m := prepare(t, w); m != nil {
		t.Errorf("a committable %q", m)
	}
	equal(t, "records", b.got("t", kgo.ReadUncommitted()), []string{
		`0:{"id":1}={"id":1,"v":"one"}`, `0:{"id":2}={"id":2,"v":null}`, `0:{"id":null}={"id":null,"v":"a text that is longer than twelve"}`})
}

func TestWritesMetadata(t *testing.T) {
	b := newBroker(t)
	b.topic("a", 1)
	b.topic("b", 1)
	tab := b.table("v STRING, @topic STRING, @timestamp TS, @headers HEADERS", "", into("topic", "a;b", "format", "raw"))
	w := open(t, sinkOf(t, tab), 1, 0)
	write(t, w, rows(tab, []any{"x", "b", 1_600_000_000_000, []any{"h", "1", "i", nil}}, []any{nil, "a", nil, nil}))
	prepare(t, w)
	equal(t, "a", b.got("a", kgo.ReadUncommitted()), []string{"0:-=-"})
	equal(t, "b", b.got("b", kgo.ReadUncommitted()), []string{"0:-=x"})
	back := b.all(b.table("v STRING, @timestamp TS, @headers HEADERS", "", bounded("topic", "a;b", "format", "raw")))
	equal(t, "read back", back, []string{"+I NULL 1700000000000 []", `+I "x" 1600000000000 ["h" "1" "i" NULL]`})
	if err := w.Write(rows(tab, []any{"x", "c", nil, nil})); diag.CodeOf(err) != diag.InvalidArgument {
		t.Errorf("another topic: %v", err)
	}
}

func TestPartitioners(t *testing.T) {
	b := newBroker(t)
	for i, c := range []struct {
		partitioner string
		subtask     int
		ok          func(counts map[string]int) bool
	}{
		{"fixed", 4, func(n map[string]int) bool { return n["1"] == 300 }},
		{"round-robin", 0, func(n map[string]int) bool { return n["0"] == 100 && n["1"] == 100 && n["2"] == 100 }},
		{"default", 0, func(n map[string]int) bool { return n["0"]+n["1"]+n["2"] == 300 }},
	} {
		topic := fmt.Sprintf("p%d", i)
		b.topic(topic, 3)
		tab := b.table("v BIGINT", "", into("topic", topic, "sink.partitioner", c.partitioner))
		w := open(t, sinkOf(t, tab), 1, c.subtask)
		for k := range 300 {
			write(t, w, rows(tab, []any{k}))
		}
		prepare(t, w)
		counts := map[string]int{}
		for _, r := range b.got(topic, kgo.ReadUncommitted()) {
			counts[r[:1]]++
		}
		if !c.ok(counts) {
			t.Errorf("%s: %v", c.partitioner, counts)
		}
	}
	// Keys go where Kafka's own producer puts them: murmur2 of the bytes. The numbers are
	// from Kafka's UtilsTest, "21" and "foobar".
	b.topic("k", 7)
	tab := b.table("k STRING, v STRING", "", into("topic", "k", "format", "", "value.format", "json", "key.format", "raw", "key.fields", "k"))
	w := open(t, sinkOf(t, tab), 1, 0)
	var want []string
	for key, hash := range map[string]int32{"21": -973932308, "foobar": -790332482} {
		write(t, w, rows(tab, []any{key, "x"}))
		want = append(want, fmt.Sprintf("%d:%s", uint32(hash)&0x7fffffff%7, key))
	}
	prepare(t, w)
	var got []string
	for _, r := range b.got("k", kgo.ReadUncommitted()) {
		got = append(got, r[:strings.IndexByte(r, '=')])
	}
	slices.Sort(want)
	slices.Sort(got)
	equal(t, "keys", got, want)
}

func TestUpsertWrites(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 1)
	o := into("format", "", "value.format", "json", "key.format", "json")
	tab := b.table("id INT, v STRING", "id", o)
	s := sinkOf(t, tab)
	if s.Changes(connect.Retract) != connect.Upsert {
		t.Errorf("changes %b", s.Changes(connect.Retract))
	}
	w := open(t, s, 1, 0)
	changes := rows(tab, []any{1, "a"}, []any{2, "b"}, []any{batch.UpdateAfter, 1, "c"}, []any{batch.Delete, 2, "b"}, []any{3, "d"})
	write(t, w, changes)
	prepare(t, w)
	equal(t, "records", b.got("t", kgo.ReadUncommitted()), []string{
		`0:{"id":1}={"id":1,"v":"a"}`, `0:{"id":2}={"id":2,"v":"b"}`, `0:{"id":1}={"id":1,"v":"c"}`, `0:{"id":2}=-`, `0:{"id":3}={"id":3,"v":"d"}`})

	// With a buffer the last row of each key is written: at a checkpoint, when enough
	// wait, and after some time.
	b.topic("buffered", 1)
	o["topic"], o["sink.buffer-flush.max-rows"], o["sink.buffer-flush.interval"], o["value.fields-include"] = "buffered", "3", "1 s", "EXCEPT_KEY"
	tab = b.table("id INT, v STRING", "id", o)
	var timers []int64
	bw, err := sinkOf(t, tab).Open(writerCtx(1, 0, &timers))
	if err != nil {
		t.Fatal(err)
	}
	defer bw.Close()
	write(t, bw, rows(tab, []any{1, "a"}, []any{2, "b"}, []any{batch.UpdateAfter, 1, "c"}))
	if got := b.got("buffered", kgo.ReadUncommitted()); len(got) > 0 || !slices.Equal(timers, []int64{1_700_000_001_000}) {
		t.Errorf("written too early: %v, timers %v", got, timers)
	}
	if err := bw.Timer(timers[0]); err != nil {
		t.Fatal(err)
	}
	write(t, bw, rows(tab, []any{1, "d"}, []any{batch.Delete, 1, "d"}))
	prepare(t, bw)
	write(t, bw, rows(tab, []any{4, "e"}, []any{5, "f"}, []any{6, "g"}))
	bw.Timer(0)
	prepare(t, bw)
	equal(t, "buffered", b.got("buffered", kgo.ReadUncommitted()), []string{
		`0:{"id":1}={"v":"c"}`, `0:{"id":2}={"v":"b"}`, `0:{"id":1}=-`, `0:{"id":4}={"v":"e"}`, `0:{"id":5}={"v":"f"}`, `0:{"id":6}={"v":"g"}`})
}

func TestWriteErrors(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 1)
	tab := b.table("v STRING", "", into("properties.max.request.size", "2048"))
	w := open(t, sinkOf(t, tab), 1, 0)
	write(t, w, rows(tab, []any{strings.Repeat("x", 5000)}))
	if _, err := w.Prepare("x"); diag.CodeOf(err) != diag.LimitExceeded {
		t.Errorf("a large record: %v", err)
	}
	tab = b.table("v STRING", "", into("topic", "nope", "properties.allow.auto.create.topics", "false"))
	w = open(t, sinkOf(t, tab), 1, 0)
	write(t, w, rows(tab, []any{"x"}))
	if _, err := w.Prepare("x"); diag.CodeOf(err) != diag.NotFound {
		t.Errorf("no topic: %v", err)
	}
	for _, c := range []struct {
		o    connect.Options
		code diag.Code
		text string
	}{
		{into("sink.delivery-guarantee", "exactly-once"), diag.MissingOption, "sink.transactional-id-prefix"},
		{into("sink.semantic", "exactly-once"), diag.MissingOption, "sink.transactional-id-prefix"},
		{into("sink.partitioner", "org.acme.Mine"), diag.InvalidOption, "Java"},
		{into("format", "", "value.format", "json", "key.format", "json", "key.fields", "v", "sink.partitioner", "round-robin"), diag.InvalidOption, "without a key"},
		{into("properties.acks", "1", "sink.delivery-guarantee", "exactly-once", "sink.transactional-id-prefix", "x"), diag.InvalidOption, "acks"},
		{into("properties.compression.type", "rar"), diag.InvalidOption, "gzip"},
	} {
		if _, err := kafka.Connector.Sink(b.table("v STRING", "", c.o)); diag.CodeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.text) {
			t.Errorf("%v: %v", c.o, err)
		}
	}
	if _, err := sinkOf(t, b.table("v STRING", "", into("topic", "a;b"))).Open(writerCtx(1, 0, new([]int64))); diag.CodeOf(err) != diag.InvalidOption {
		t.Errorf("two topics: %v", err)
	}
	if _, err := kafka.Upsert.Sink(b.table("v STRING", "v", into("format", "", "value.format", "json", "key.format", "json", "sink.buffer-flush.max-rows", "3"))); diag.CodeOf(err) != diag.InvalidOption {
		t.Errorf("half a buffer: %v", err)
	}
}

// Writing faster than the broker takes does not fill the memory: Pace waits.
func TestPaces(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 1)
	tab := b.table("v STRING", "", into("properties.buffer.memory", "65536"))
	w := open(t, sinkOf(t, tab), 1, 0)
	for range 100 {
		write(t, w, rows(tab, []any{strings.Repeat("x", 10_000)}))
		w.(connect.Pacer).Pace()
	}
	prepare(t, w)
	ends, err := kadm.NewClient(b.cl).ListEndOffsets(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	if o, _ := ends.Lookup("t", 0); o.Offset != 100 {
		t.Errorf("%d records", o.Offset)
	}
}
