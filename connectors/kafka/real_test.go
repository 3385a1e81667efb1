package kafka_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/conform"
	"github.com/minkstream/mink/testkit/container"
)

// TestRealBroker does against Apache Kafka what the other tests do against kfake: what is
// written is read back, crashes at calls of the commit protocol leave each row once, zombies
// are fenced, an expired transaction is reported.
func TestRealBroker(t *testing.T) {
	if os.Getenv("MINK_ALL") == "" {
		t.Skip("needs a Kafka broker; MINK_ALL=1 starts one")
	}
	service := container.Kafka(t)
	b := &broker{t: t, servers: service.Address}
	b.connect()
	t.Logf("Kafka runs %s at %s", service.Runs, service.Address)
	keeps(t, b)
	sub := func(name string, f func(t *testing.T, b *broker)) {
		t.Run(name, func(t *testing.T) {
			own := &broker{t: t, servers: b.servers}
			own.connect()
			f(t, own)
		})
	}
	sub("reads", func(t *testing.T, b *broker) {
		b.topic("reads", 2)
		b.put("reads", 0, `{"k":1}=[{"a":1},{"a":2}]`, `{"k":2}=-`, `{"k":3}={"a":3}`)
		b.put("reads", 1, `{"k":4}={"a":4}`)
		tab := b.table("k INT, a BIGINT, @offset BIGINT", "", bounded("topic", "reads", "format", "", "value.format", "json", "key.format", "json", "key.fields", "k", "value.fields-include", "EXCEPT_KEY"))
		equal(t, "rows", b.all(tab), []string{"+I 1 1 0", "+I 1 2 0", "+I 3 3 2", "+I 4 4 0"})
		conform.Source(t, func() connect.Source { return b.source(tab) })
	})
	sub("crashes", func(t *testing.T, b *broker) { crashes(t, b, 14) })
	sub("zombies", func(t *testing.T, b *broker) {
		b.topic("zombies", 1)
		tab := b.table("v BIGINT", "", once("topic", "zombies", "sink.transactional-id-prefix", "zombies"))
		s := sinkOf(t, tab)
		z := open(t, s, 1, 0)
		write(t, z, rows(tab, []any{1}))
		kept := prepare(t, z)
		write(t, z, rows(tab, []any{2}))
		c := committerOf(t, s, 2)
		if err := c.Fence(2, [][]byte{kept}); err != nil {
			t.Fatal(err)
		}
		err := z.Write(rows(tab, []any{3}))
		if err == nil {
			_, err = z.Prepare("x")
		}
		if err == nil {
			t.Error("the zombie writes on")
		}
		if err := c.Commit(kept); err != nil {
			t.Fatal(err)
		}
		equal(t, "committed", values(b.got("zombies", kgo.ReadCommitted())), []string{`{"v":1}`})
	})
	sub("expired", func(t *testing.T, b *broker) {
		b.topic("expired", 1)
		tab := b.table("v BIGINT", "", once("topic", "expired", "sink.transactional-id-prefix", "expired", "properties.transaction.timeout.ms", "1000"))
		s := sinkOf(t, tab)
		w := open(t, s, 1, 0)
		write(t, w, rows(tab, []any{1}))
		m := prepare(t, w)
		until := time.Now().Add(time.Minute)
		for {
			stable, err := kadm.NewClient(b.cl).ListCommittedOffsets(t.Context(), "expired")
			if err != nil {
				t.Fatal(err)
			}
			if o, _ := stable.Lookup("expired", 0); o.Offset > 0 {
				break
			}
			if time.Now().After(until) {
				t.Fatal("the broker never aborts the transaction")
			}
			time.Sleep(200 * time.Millisecond)
		}
		if err := committerOf(t, s, 1).Commit(m); diag.CodeOf(err) != diag.DataLoss {
			t.Errorf("commit: %v", err)
		}
	})
	sub("timeout above the broker's", func(t *testing.T, b *broker) {
		b.topic("long", 1)
		tab := b.table("v BIGINT", "", once("topic", "long", "properties.transaction.timeout.ms", "7200000"))
		if _, err := sinkOf(t, tab).Open(writerCtx(1, 0, new([]int64))); diag.CodeOf(err) != diag.InvalidOption {
			t.Errorf("open: %v", err)
		}
	})
	sub("names", func(t *testing.T, b *broker) {
		b.topic("names", 1)
		tab := b.table("v BIGINT", "", once("topic", "names", "sink.transactional-id-prefix", "names"))
		s := sinkOf(t, tab)
		w, c := open(t, s, 1, 0), committerOf(t, s, 1)
		var first []byte
		var want []string
		for i := range 40 {
			write(t, w, rows(tab, []any{i}))
			m := prepare(t, w)
			if first == nil {
				first = m
			}
			if err := c.Commit(m); err != nil {
				t.Fatal(err)
			}
			want = append(want, fmt.Sprintf(`{"v":%d}`, i))
		}
		if err := c.Commit(first); err != nil {
			t.Errorf("the first one, again: %v", err)
		}
		slices.Sort(want)
		equal(t, "committed", values(b.got("names", kgo.ReadCommitted())), want)
	})
}

// keeps checks that the broker deletes nothing for its age: rows written here are of 2020, and
// what it deletes after a while looks like a loss.
func keeps(t *testing.T, b *broker) {
	t.Helper()
	list, err := kadm.NewClient(b.cl).DescribeBrokerConfigs(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		for _, c := range r.Configs {
			if c.Key == "log.retention.ms" && c.MaybeValue() == "-1" {
				return
			}
		}
	}
	t.Fatal("the broker deletes old rows: set its log.retention.ms to -1")
}
