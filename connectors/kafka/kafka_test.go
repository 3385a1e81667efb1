package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/connectors/kafka"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/conform"
)

// broker is a Kafka for one test: kfake in this process, or a real one.
type broker struct {
	secrets *connect.Secrets
	t       testing.TB
	fake    *kfake.Cluster
	servers string
	cl      *kgo.Client
}

func newBroker(t testing.TB, opts ...kfake.Opt) *broker {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	b := &broker{t: t, fake: c, servers: strings.Join(c.ListenAddrs(), ",")}
	b.connect()
	return b
}

func (b *broker) connect() {
	b.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.servers), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(cl.Close)
	b.cl = cl
}

// topic makes a topic.
func (b *broker) topic(name string, partitions int32) {
	b.t.Helper()
	if _, err := kadm.NewClient(b.cl).CreateTopic(b.t.Context(), partitions, 1, nil, name); err != nil {
		b.t.Fatal(err)
	}
}

// put writes records, "key=value"; '-' stands for none.
func (b *broker) put(topic string, partition int32, list ...string) {
	b.t.Helper()
	for i, s := range list {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			key, value = "-", s
		}
		r := &kgo.Record{Topic: topic, Partition: partition, Timestamp: time.UnixMilli(1_700_000_000_000 + int64(i)*1000)}
		if key != "-" {
			r.Key = []byte(key)
		}
		if value != "-" {
			r.Value = []byte(value)
		}
		if err := b.cl.ProduceSync(b.t.Context(), r).FirstErr(); err != nil {
			b.t.Fatal(err)
		}
	}
}

// committed are the offsets up to which a consumer that reads what was committed gets to. A
// broker answers the end of a transaction before its markers are in the partitions, so until
// then these lag behind ends; kfake has them at once. How often it asks is counted, not how
// long: time also passes while the machine does something else.
func (b *broker) committed(adm *kadm.Client, topic string, ends kadm.ListedOffsets) (kadm.ListedOffsets, error) {
	for asked := 0; ; asked++ {
		stable, err := adm.ListCommittedOffsets(b.t.Context(), topic)
		if err == nil {
			err = stable.Error()
		}
		if err != nil || b.fake != nil {
			return stable, err
		}
		behind := ""
		ends.Each(func(o kadm.ListedOffset) {
			if at, _ := stable.Lookup(topic, o.Partition); at.Offset < o.Offset {
				behind = fmt.Sprintf("partition %d of %s is stable to %d of %d: a transaction is open", o.Partition, topic, at.Offset, o.Offset)
			}
		})
		if behind == "" {
			return stable, nil
		}
		if asked == 1000 {
			return stable, errors.New(behind)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// got reads what is in a topic as a consumer does, "partition:key=value" in order.
func (b *broker) got(topic string, level kgo.IsolationLevel) []string {
	b.t.Helper()
	adm := kadm.NewClient(b.cl)
	ends, err := adm.ListEndOffsets(b.t.Context(), topic)
	if err == nil {
		err = ends.Error()
	}
	if level == kgo.ReadCommitted() && err == nil {
		ends, err = b.committed(adm, topic, ends)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	at := map[int32]kgo.Offset{}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			at[o.Partition], left[o.Partition] = kgo.NewOffset().AtStart(), o.Offset
		}
	})
	if len(at) == 0 {
		return nil
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.servers), kgo.FetchIsolationLevel(level), kgo.KeepControlRecords(), kgo.FetchMaxWait(50*time.Millisecond),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: at}))
	if err != nil {
		b.t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	var recs []*kgo.Record
	for len(left) > 0 {
		f := cl.PollFetches(ctx)
		if err := f.Err(); err != nil {
			b.t.Fatalf("reading %s back: %v, left %v", topic, err, left)
		}
		f.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() && r.Offset < left[r.Partition] {
				recs = append(recs, r)
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	slices.SortStableFunc(recs, func(a, b *kgo.Record) int { return int(a.Partition - b.Partition) })
	var out []string
	for _, r := range recs {
		out = append(out, fmt.Sprintf("%d:%s=%s", r.Partition, text(r.Key), text(r.Value)))
	}
	return out
}

func text(b []byte) string {
	if b == nil {
		return "-"
	}
	return string(b)
}

// table is a table with columns "name TYPE" of a few types; a name that begins with '@'
// is a metadata column, PRIMARY KEY are the columns in key.
func (b *broker) table(columns string, key string, o connect.Options) *connect.Table {
	t := &connect.Table{Name: "`t`", Options: connect.Options{"properties.bootstrap.servers": b.servers}, Deps: connect.Deps{Env: env.OS(""), Formats: connectors.FormatMap(), Secrets: b.secrets}}
	for k, v := range o {
		t.Options[k] = v
	}
	for c := range strings.SplitSeq(columns, ", ") {
		name, typ, _ := strings.Cut(c, " ")
		ty := map[string]types.Type{"INT": types.IntT, "BIGINT": types.BigIntT, "STRING": types.StringT, "DOUBLE": types.DoubleT, "TS": types.TimestampLTZT(3),
			"HEADERS": types.MapT(types.StringT.Nullable(false), types.BytesT)}[typ]
		if rest, meta := strings.CutPrefix(name, "@"); meta {
			name = rest
			t.Metadata = append(t.Metadata, name)
		} else {
			t.Physical++
		}
		t.Schema = append(t.Schema, types.Field{Name: name, Type: ty})
	}
	if key != "" {
		for k := range strings.SplitSeq(key, ",") {
			t.PrimaryKey = append(t.PrimaryKey, t.Schema.Index(k))
		}
	}
	return t
}

// source plans the reading of a table.
func (b *broker) source(t *connect.Table) connect.Source {
	b.t.Helper()
	c := &kafka.Connector
	if len(t.PrimaryKey) > 0 {
		c = &kafka.Upsert
	}
	s, err := c.Source(t)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// read reads splits until they end, or until some rows are there.
func (b *broker) read(s connect.Source, splits []connect.Split, max, limit int) conform.Rows {
	b.t.Helper()
	rows, _ := b.readFrom(s, splits, max, limit)
	return rows
}

func (b *broker) readFrom(s connect.Source, splits []connect.Split, max, limit int) (conform.Rows, []connect.Split) {
	b.t.Helper()
	var out conform.Rows
	at := slices.Clone(splits)
	for i, sp := range splits {
		now := int64(0)
		r, err := s.Open(sp, conform.ReaderCtx(&now))
		if err != nil {
			b.t.Fatal(err)
		}
		for limit == 0 || len(out) < limit {
			var got batch.Batch
			most := max
			if limit > 0 {
				most = min(max, limit-len(out))
			}
			st, err := r.Poll(&got, most)
			if err != nil {
				b.t.Fatal(err)
			}
			if got.N > most {
				b.t.Fatalf("a poll for %d rows gave %d", most, got.N)
			}
			out = append(out, conform.TextOf(&got)...)
			if st == connect.End {
				break
			}
			if st == connect.Wait && !r.(connect.Awaiter).Await(10*time.Second) {
				b.t.Fatalf("split %s: no more after %v", sp.ID, out)
			}
		}
		at[i] = r.Position()
		if err := r.Close(); err != nil {
			b.t.Fatal(err)
		}
	}
	return out, at
}

func (b *broker) splits(s connect.Source) []connect.Split {
	b.t.Helper()
	list, err := s.Splits(1)
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

// all reads a bounded table.
func (b *broker) all(t *connect.Table) conform.Rows {
	b.t.Helper()
	s := b.source(t)
	return b.read(s, b.splits(s), 100, 0)
}

func equal(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

const earliest, latest = "earliest-offset", "latest-offset"

func bounded(more ...string) connect.Options {
	o := connect.Options{"topic": "t", "scan.startup.mode": earliest, "scan.bounded.mode": latest, "format": "json"}
	for i := 0; i < len(more); i += 2 {
		if o[more[i]] = more[i+1]; more[i+1] == "" {
			delete(o, more[i])
		}
	}
	return o
}
