package kafka_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/minkstream/mink/connectors/kafka"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/conform"
)

func TestReads(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 2)
	b.put("t", 0, `{"a":1,"b":"one"}`, `{"a":2}`, `-`, `[{"a":3},{"a":4}]`)
	b.put("t", 1, `{"b":"a longer text than twelve","a":5}`)
	equal(t, "rows", b.all(b.table("a BIGINT, b STRING", "", bounded())), []string{
		`+I 1 "one"`, `+I 2 NULL`, `+I 3 NULL`, `+I 4 NULL`, `+I 5 "a longer text than twelve"`})
	conform.Source(t, func() connect.Source { return b.source(b.table("a BIGINT, b STRING", "", bounded())) })
}

// Rows are where they were, whatever is between them: tombstones, keys, lists that give
// more rows than are asked for.
func TestConforms(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 2)
	for i := range 30 {
		list := "["
		for k := range i % 5 {
			if k > 0 {
				list += ","
			}
			list += fmt.Sprintf(`{"a":%d,"b":"text %d of record"}`, i*100+k, k)
		}
		b.put("t", int32(i%2), fmt.Sprintf(`{"k":%d}=%s]`, i, list), fmt.Sprintf(`{"k":%d}=-`, i))
	}
	keyed := bounded("format", "", "value.format", "json", "key.format", "json", "key.fields", "k", "value.fields-include", "EXCEPT_KEY")
	for name, tab := range map[string]*connect.Table{
		"plain":    b.table("a BIGINT, b STRING", "", bounded()),
		"keyed":    b.table("k INT, a BIGINT, b STRING, @offset BIGINT, @partition INT", "", keyed),
		"changes":  b.table("b STRING, a BIGINT, @offset BIGINT", "", bounded()),
		"only key": b.table("k INT", "", bounded("format", "", "value.format", "json", "key.format", "json", "key.fields", "k")),
	} {
		t.Run(name, func(t *testing.T) { conform.Source(t, func() connect.Source { return b.source(tab) }) })
	}
}

func TestStartsAndEnds(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 2)
	for i := range 10 {
		b.put("t", int32(i%2), fmt.Sprintf(`{"a":%d}`, i))
	}
	// Records have the times 1700000000000 + 0: put numbers them per call. Give two later ones.
	for p := range int32(2) {
		if err := b.cl.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Partition: p, Value: []byte(`{"a":9` + string(rune('0'+p)) + `}`), Timestamp: time.UnixMilli(1_700_000_900_000)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	adm := kadm.NewClient(b.cl)
	var o kadm.Offsets
	o.AddOffset("t", 0, 4, -1)
	o.AddOffset("t", 1, 2, -1)
	if _, err := adm.CommitOffsets(t.Context(), "g", o); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		o    connect.Options
		want string
	}{
		{"all", bounded(), "0 2 4 6 8 90 1 3 5 7 9 91"},
		{"group", bounded("scan.startup.mode", "group-offsets", "properties.group.id", "g"), "8 90 5 7 9 91"},
		{"group by default", bounded("scan.startup.mode", "", "properties.group.id", "g"), "8 90 5 7 9 91"},
		{"until group", bounded("scan.bounded.mode", "group-offsets", "properties.group.id", "g"), "0 2 4 6 1 3"},
		{"new group", bounded("scan.startup.mode", "group-offsets", "properties.group.id", "new", "properties.auto.offset.reset", "earliest"), "0 2 4 6 8 90 1 3 5 7 9 91"},
		{"from time", bounded("scan.startup.mode", "timestamp", "scan.startup.timestamp-millis", "1700000100000"), "90 91"},
		{"until time", bounded("scan.bounded.mode", "timestamp", "scan.bounded.timestamp-millis", "1700000100000"), "0 2 4 6 8 1 3 5 7 9"},
		{"from offsets", bounded("scan.startup.mode", "specific-offsets", "scan.startup.specific-offsets", "partition:0,offset:5;partition:1,offset:4"), "90 9 91"},
		{"from some offsets", bounded("scan.startup.mode", "specific-offsets", "scan.startup.specific-offsets", "partition:0,offset:5"), "90 1 3 5 7 9 91"},
		{"until offsets", bounded("scan.bounded.mode", "specific-offsets", "scan.bounded.specific-offsets", "partition:1,offset:3"), "1 3 5"},
		{"nothing", bounded("scan.startup.mode", latest), ""},
	} {
		rows := b.all(b.table("a BIGINT", "", c.o))
		var want []string
		for v := range strings.FieldsSeq(c.want) {
			want = append(want, "+I "+v)
		}
		equal(t, c.name, rows, want)
	}
	s := b.source(b.table("a BIGINT", "", bounded("scan.startup.mode", "group-offsets", "properties.group.id", "new")))
	if _, err := s.Splits(1); diag.CodeOf(err) != diag.NotFound {
		t.Errorf("a group without offsets: %v", err)
	}
}

func TestMetadata(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 1)
	r := &kgo.Record{Topic: "t", Value: []byte(`{"a":1}`), Timestamp: time.UnixMilli(1_700_000_000_123),
		Headers: []kgo.RecordHeader{{Key: "x", Value: []byte("1")}, {Key: "y"}, {Key: "x", Value: []byte("2")}}}
	if err := b.cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
	b.put("t", 0, `[{"a":2},{"a":3}]`)
	got := b.all(b.table("a BIGINT, @topic STRING, @partition INT, @headers HEADERS, @leader-epoch INT, @offset BIGINT, @timestamp TS, @timestamp-type STRING", "", bounded()))
	equal(t, "rows", got, []string{
		`+I 1 "t" 0 ["y" NULL "x" "2"] 0 0 1700000000123 "CreateTime"`,
		`+I 2 "t" 0 [] 0 1 1700000000000 "CreateTime"`,
		`+I 3 "t" 0 [] 0 1 1700000000000 "CreateTime"`,
	})
}

func TestKeys(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 1)
	b.put("t", 0, `{"id":1}={"id":7,"v":"a"}`, `-={"id":8,"v":"b"}`, `{"id":3}=[{"v":"c"},{"v":"d"}]`, `{"id":4}=-`)
	key := func(more ...string) connect.Options {
		return bounded(append([]string{"format", "", "value.format", "json", "key.format", "json", "key.fields", "id"}, more...)...)
	}
	equal(t, "in both", b.all(b.table("id INT, v STRING", "", key())), []string{`+I 7 "a"`, `+I 8 "b"`, `+I NULL "c"`, `+I NULL "d"`})
	equal(t, "apart", b.all(b.table("id INT, v STRING", "", key("value.fields-include", "EXCEPT_KEY"))),
		[]string{`+I 1 "a"`, `+I NULL "b"`, `+I 3 "c"`, `+I 3 "d"`})
	equal(t, "prefix", b.all(b.table("v STRING, k_id INT, id INT", "", key("key.fields", "k_id", "key.fields-prefix", "k_", "value.fields-include", "EXCEPT_KEY"))),
		[]string{`+I "a" 1 7`, `+I "b" NULL 8`, `+I "c" 3 NULL`, `+I "d" 3 NULL`})
	equal(t, "raw keeps what is missing", b.all(b.table("v STRING, @offset BIGINT", "", bounded("format", "raw")))[3:], []string{`+I NULL 3`})
}

func TestUpsertReads(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 1)
	b.put("t", 0, `{"id":1}={"id":1,"v":"a"}`, `{"id":2}={"id":9,"v":"b"}`, `{"id":1}=-`, `{"id":2}={"v":"c"}`)
	o := bounded("format", "", "value.format", "json", "key.format", "json", "scan.startup.mode", "")
	tab := b.table("id INT, v STRING", "id", o)
	want := []string{`+I 1 "a"`, `+I 9 "b"`, `-D 1 NULL`, `+I NULL "c"`}
	equal(t, "rows", b.all(tab), want)
	if got := b.source(tab).Changes(); got != connect.Upsert {
		t.Errorf("changes %b", got)
	}
	conform.Source(t, func() connect.Source { return b.source(b.table("id INT, v STRING", "id", o)) })
	o["value.fields-include"] = "EXCEPT_KEY"
	equal(t, "key apart", b.all(b.table("v STRING, id INT", "id", o)), []string{`+I "a" 1`, `+I "b" 2`, `-D NULL 1`, `+I "c" 2`})
	b.put("t", 0, `-={"v":"x"}`)
	s := b.source(b.table("v STRING, id INT", "id", o))
	if _, err := conform.ReadAll(s, 100); err == nil || diag.CodeOf(readError(t, s)) != diag.MalformedRecord {
		t.Errorf("a record without key: %v", err)
	}
}

// readError reads until an error comes.
func readError(t *testing.T, s connect.Source) error {
	t.Helper()
	splits, err := s.Splits(1)
	if err != nil {
		return err
	}
	now := int64(0)
	for _, sp := range splits {
		r, err := s.Open(sp, conform.ReaderCtx(&now))
		if err != nil {
			return err
		}
		defer r.Close()
		for {
			var got batch.Batch
			st, err := r.Poll(&got, 100)
			if err != nil {
				return err
			}
			if st == connect.End {
				break
			}
			if st == connect.Wait && !r.(connect.Awaiter).Await(10*time.Second) {
				t.Fatal("nothing comes")
			}
		}
	}
	return nil
}

func TestMalformed(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 1)
	b.put("t", 0, `{"a":1}`, `{"a":2}`, `{"a":`, `{"a":4}`)
	err := readError(t, b.source(b.table("a BIGINT", "", bounded())))
	if diag.CodeOf(err) != diag.MalformedRecord || !strings.Contains(err.Error(), "topic 't' partition 0 offset 2: ") {
		t.Errorf("error: %v", err)
	}
	s := b.source(b.table("a BIGINT", "", bounded("json.ignore-parse-errors", "true")))
	var reports []string
	now := int64(0)
	ctx := conform.ReaderCtx(&now)
	ctx.BadRecord = func(err error) { reports = append(reports, err.Error()) }
	r, err := s.Open(b.splits(s)[0], ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rows := 0
	for {
		var got batch.Batch
		st, err := r.Poll(&got, 100)
		if err != nil {
			t.Fatal(err)
		}
		rows += got.N
		if st == connect.End {
			break
		}
		if st == connect.Wait {
			r.(connect.Awaiter).Await(10 * time.Second)
		}
	}
	if rows != 3 || len(reports) != 1 || !strings.Contains(reports[0], "offset 2: ") {
		t.Errorf("%d rows, reports %v", rows, reports)
	}
}

// New partitions and topics are found, and read from their beginning.
func TestDiscovers(t *testing.T) {
	b := newBroker(t)
	b.topic("t-1", 1)
	b.topic("other", 1)
	s := b.source(b.table("a BIGINT", "", connect.Options{"topic-pattern": "t-[0-9]", "scan.startup.mode": latest, "format": "json"}))
	if s.DiscoverInterval() != 5*time.Minute || s.Bounded() {
		t.Errorf("interval %s, bounded %v", s.DiscoverInterval(), s.Bounded())
	}
	b.put("t-1", 0, `{"a":1}`)
	first := b.splits(s)
	if len(first) != 1 || first[0].ID != "t-1/000000" || string(first[0].Pos) != "1" {
		t.Errorf("splits %v", first)
	}
	b.topic("t-2", 2)
	b.put("t-2", 1, `{"a":2}`)
	if _, err := kadm.NewClient(b.cl).CreatePartitions(t.Context(), 1, "t-1"); err != nil {
		t.Fatal(err)
	}
	found, err := s.Discover([]string{"t-1/000000"})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, f := range found {
		ids = append(ids, f.ID+" "+string(f.Pos))
	}
	equal(t, "found", ids, []string{"t-1/000001 0", "t-2/000000 0", "t-2/000001 0"})
	equal(t, "rows", b.read(s, found[2:], 10, 1), []string{"+I 2"})
}

// Readers of committed records see neither aborted rows nor those of open transactions,
// and a bounded one ends all the same.
func TestReadCommitted(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 1)
	txn, err := kgo.NewClient(kgo.SeedBrokers(b.servers), kgo.TransactionalID("x"), kgo.DefaultProduceTopic("t"))
	if err != nil {
		t.Fatal(err)
	}
	defer txn.Close()
	for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit, kgo.TryAbort} {
		if err := txn.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := txn.ProduceSync(t.Context(), kgo.StringRecord(fmt.Sprintf(`{"a":%d}`, i))).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := txn.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	if err := txn.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := txn.ProduceSync(t.Context(), kgo.StringRecord(`{"a":9}`)).FirstErr(); err != nil {
		t.Fatal(err)
	}
	equal(t, "committed", b.all(b.table("a BIGINT", "", bounded("properties.isolation.level", "read_committed"))), []string{"+I 0", "+I 2"})
	equal(t, "all", b.all(b.table("a BIGINT", "", bounded())), []string{"+I 0", "+I 1", "+I 2", "+I 3", "+I 9"})
}

// A position whose records are gone is an error, not a jump.
func TestGone(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 1)
	for i := range 5 {
		b.put("t", 0, fmt.Sprintf(`{"a":%d}`, i))
	}
	del := kadm.Offsets{}
	del.AddOffset("t", 0, 3, -1)
	if _, err := kadm.NewClient(b.cl).DeleteRecords(t.Context(), del); err != nil {
		t.Fatal(err)
	}
	s := b.source(b.table("a BIGINT", "", bounded()))
	sp := b.splits(s)
	if string(sp[0].Pos) != "3..5" {
		t.Errorf("position %s", sp[0].Pos)
	}
	sp[0].Pos = []byte("1..5")
	now := int64(0)
	r, err := s.Open(sp[0], conform.ReaderCtx(&now))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 100 {
		var got batch.Batch
		st, e := r.Poll(&got, 10)
		if err = e; err != nil || got.N > 0 {
			break
		}
		if st == connect.Wait {
			r.(connect.Awaiter).Await(10 * time.Second)
		}
	}
	if diag.CodeOf(err) != diag.DataLoss || !strings.Contains(err.Error(), "from offset 1 on are gone") {
		t.Errorf("error %v", err)
	}
	reset := b.source(b.table("a BIGINT", "", bounded("properties.auto.offset.reset", "earliest")))
	equal(t, "reset", b.read(reset, sp, 10, 0), []string{"+I 3", "+I 4"})
}

// Two partitions of one subtask share a client; one that is not read does not hold up the
// other, and nothing is lost when its reader comes back.
func TestPauses(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 2)
	const n = 200_000
	for p := range int32(2) {
		recs := make([]*kgo.Record, n)
		for i := range recs {
			recs[i] = &kgo.Record{Topic: "t", Partition: p, Value: []byte(`{"a":1}`)}
		}
		if err := b.cl.ProduceSync(t.Context(), recs...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	s := b.source(b.table("a BIGINT", "", bounded()))
	sp := b.splits(s)
	now := int64(0)
	var readers []connect.Reader
	for i := range sp {
		r, err := s.Open(sp[i], conform.ReaderCtx(&now))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		readers = append(readers, r)
	}
	for i := range slices.Backward(readers) {
		rows := 0
		for {
			var got batch.Batch
			st, err := readers[i].Poll(&got, 4096)
			if err != nil {
				t.Fatal(err)
			}
			rows += got.N
			if st == connect.End {
				break
			}
			if st == connect.Wait && !readers[i].(connect.Awaiter).Await(20*time.Second) {
				t.Fatalf("partition %d stopped after %d rows", i, rows)
			}
		}
		if rows != n {
			t.Errorf("partition %d: %d rows", i, rows)
		}
	}
}

// Completed checkpoints tell the group where the job is.
func TestTellsGroup(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 1)
	b.put("t", 0, `{"a":1}`, `{"a":2}`)
	s := b.source(b.table("a BIGINT", "", bounded("properties.group.id", "g")))
	now := int64(0)
	r, err := s.Open(b.splits(s)[0], conform.ReaderCtx(&now))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.(connect.Confirmed).Confirm(connect.Split{ID: "t/000000", Pos: []byte("1..2")})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		got, err := kadm.NewClient(b.cl).FetchOffsets(ctx, "g")
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		if o, ok := got.Lookup("t", 0); err == nil && ok && o.At == 1 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func TestRefuses(t *testing.T) {
	b := newBroker(t)
	for _, c := range []struct {
		columns, key string
		o            connect.Options
		code         diag.Code
		text         string
	}{
		{"a INT", "", bounded("topic", ""), diag.MissingOption, "'topic'"},
		{"a INT", "", bounded("topic-pattern", "x"), diag.InvalidOption, "together"},
		{"a INT", "", bounded("topic", "", "topic-pattern", "("), diag.InvalidOption, "regular expression"},
		{"a INT", "", bounded("format", ""), diag.MissingOption, "value.format"},
		{"a INT", "", bounded("value.format", "json"), diag.InvalidOption, "together"},
		{"a INT", "", bounded("format", "parquet"), diag.InvalidOption, "files"},
		{"a INT", "", bounded("key.format", "json"), diag.MissingOption, "key.fields"},
		{"a INT", "", bounded("key.fields", "a"), diag.InvalidOption, "key.format"},
		{"a INT", "", bounded("key.format", "json", "key.fields", "b"), diag.InvalidOption, "'b'"},
		{"a INT", "", bounded("key.format", "json", "key.fields", "a", "key.fields-prefix", "k"), diag.InvalidOption, "key column 'a'"},
		{"ka INT", "", bounded("key.format", "json", "key.fields", "ka", "key.fields-prefix", "k"), diag.InvalidOption, "EXCEPT_KEY"},
		{"a INT", "", bounded("scan.startup.mode", ""), diag.MissingOption, "group.id"},
		{"a INT", "", bounded("scan.startup.mode", "timestamp"), diag.MissingOption, "scan.startup.timestamp-millis"},
		{"a INT", "", bounded("scan.startup.mode", "specific-offsets"), diag.MissingOption, "scan.startup.specific-offsets"},
		{"a INT", "", bounded("scan.startup.mode", "specific-offsets", "scan.startup.specific-offsets", "0:1"), diag.InvalidOption, "partition:0,offset:42"},
		{"a INT", "", bounded("scan.startup.mode", "specific-offsets", "scan.startup.specific-offsets", "partition:0,offset:42", "topic", "a;b"), diag.InvalidOption, "one topic"},
		{"a INT", "", bounded("properties.isolation.level", "x"), diag.InvalidOption, "read_committed"},
		{"a INT, b INT", "", bounded("format", "raw"), diag.SchemaMismatch, "one physical column"},
		{"a INT", "a", bounded("format", "", "value.format", "json"), diag.MissingOption, "key.format"},
		{"a INT", "a", bounded("key.format", "json"), diag.InvalidOption, "value.format"},
		{"a INT", "a", bounded("format", "", "value.format", "debezium-json", "key.format", "json"), diag.InvalidOption, "only have values"},
	} {
		conn := &kafka.Connector
		if c.key != "" {
			conn = &kafka.Upsert
		}
		_, err := conn.Source(b.table(c.columns, c.key, c.o))
		if diag.CodeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.text) {
			t.Errorf("%v: %v; want %s with %q", c.o, err, c.code, c.text)
		}
	}
	if _, err := kafka.Upsert.Source(b.table("a INT", "", bounded("format", "", "value.format", "json", "key.format", "json"))); diag.CodeOf(err) != diag.MissingPrimaryKey {
		t.Errorf("no primary key: %v", err)
	}
	keyed := b.table("a INT", "a", bounded())
	if _, err := kafka.Connector.Source(keyed); diag.CodeOf(err) != diag.InvalidOption || !strings.Contains(err.Error(), "primary key") {
		t.Errorf("a primary key: %v", err)
	}
	if _, err := b.source(b.table("a INT", "", bounded("topic", "nope"))).Splits(1); diag.CodeOf(err) != diag.NotFound {
		t.Errorf("no topic: %v", err)
	}
}

// bomb puts a batch of one record into a topic, packed to a few kilobytes and of size bytes when
// it is not.
func (b *broker) bomb(topic string, partition int32, size int) {
	b.t.Helper()
	value := make([]byte, size)
	rec := kmsg.Record{Value: value, Length: 1}
	body := rec.AppendTo(nil)
	rec.Length = int32(len(body) - 1) // a length of one byte was counted in
	z, err := zstd.NewWriter(nil)
	if err != nil {
		b.t.Fatal(err)
	}
	batch := kmsg.RecordBatch{PartitionLeaderEpoch: -1, Magic: 2, Attributes: 4, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: 1,
		FirstTimestamp: 1_700_000_000_000, MaxTimestamp: 1_700_000_000_000, Records: z.EncodeAll(rec.AppendTo(nil), nil)}
	raw := batch.AppendTo(nil)
	batch.Length = int32(len(raw) - 12)
	raw = batch.AppendTo(nil)
	batch.CRC = int32(crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 5000
	req.Topics = []kmsg.ProduceRequestTopic{{Topic: topic, Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: partition, Records: batch.AppendTo(nil)}}}}
	meta, err := kadm.NewClient(b.cl).Metadata(b.t.Context(), topic)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Topics[0].TopicID = [16]byte(meta.Topics[topic].ID)
	resp, err := b.cl.Broker(int(meta.Topics[topic].Partitions[partition].Leader)).Request(b.t.Context(), req)
	if err == nil {
		err = kerr.ErrorForCode(resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// A batch that is packed far better than data is is an error with a way out, and the records before
// it are read. Many batches that each may be what they are do not stand in memory together.
func TestPackedBombs(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 1)
	b.put("t", 0, "first")
	b.bomb("t", 0, 20<<20)
	o := bounded("format", "raw")
	s := b.source(b.table("a STRING", "", o))
	now := int64(0)
	r, err := s.Open(b.splits(s)[0], conform.ReaderCtx(&now))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var rows conform.Rows
	for err == nil {
		var got batch.Batch
		var st connect.Status
		st, err = r.Poll(&got, 10)
		rows = append(rows, conform.TextOf(&got)...)
		if st == connect.Wait && !r.(connect.Awaiter).Await(20*time.Second) {
			t.Fatal("nothing comes")
		}
	}
	equal(t, "before the bomb", rows, []string{`+I "first"`})
	if diag.CodeOf(err) != diag.LimitExceeded || !strings.Contains(err.Error(), "partition 0: the batch at offset 1 unpacks") || !strings.Contains(diag.As(err).Hint, "behind offset 1") {
		t.Errorf("error %v", err)
	}

	if os.Getenv("MINK_ALL") == "" {
		return // seconds
	}
	// More than a client unpacks at once: the end of one partition, and all of the other, whichever comes first.
	const size = 15 << 20
	many := []int{unpackHeld/size + 1, unpackHeld/size + 1}
	b.topic("u", 2)
	for p, n := range many {
		for range n {
			b.bomb("u", int32(p), size)
		}
	}
	o["topic"] = "u"
	s = b.source(b.table("a STRING", "", o))
	var readers []connect.Reader
	for _, sp := range b.splits(s) {
		r, err := s.Open(sp, conform.ReaderCtx(&now))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		readers = append(readers, r)
	}
	for p, r := range readers {
		for n := 0; ; {
			var got batch.Batch
			st, err := r.Poll(&got, 1)
			if err != nil {
				t.Fatalf("partition %d after %d: %v", p, n, err)
			}
			if n += got.N; st == connect.End {
				if n != many[p] {
					t.Errorf("partition %d: %d rows, want %d", p, n, many[p])
				}
				break
			}
			if st == connect.Wait && !r.(connect.Awaiter).Await(20*time.Second) {
				t.Fatalf("partition %d: nothing comes after %d", p, n)
			}
		}
	}
}

// unpackHeld is what a client unpacks before its records are taken.
const unpackHeld = 256 << 20
