package kafka_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/conform"
)

func once(more ...string) connect.Options {
	return into(append([]string{"sink.delivery-guarantee", "exactly-once", "sink.transactional-id-prefix", "mink-test"}, more...)...)
}

func committerOf(t testing.TB, s connect.Sink, attempt int64) connect.Committer {
	t.Helper()
	c, err := s.Committer(writerCtx(attempt, 0, new([]int64)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Rows are invisible until they are committed, by whoever has the committable.
func TestExactlyOnce(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 2)
	tab := b.table("v BIGINT", "", once())
	s := sinkOf(t, tab)
	if s.Grade() != "exactly-once" {
		t.Errorf("grade %s", s.Grade())
	}
	w := open(t, s, 1, 0)
	if m := prepare(t, w); m != nil {
		t.Errorf("nothing was written, and %s is to be committed", m)
	}
	write(t, w, rows(tab, []any{1}, []any{2}))
	first := prepare(t, w)
	write(t, w, rows(tab, []any{3}))
	second := prepare(t, w)
	write(t, w, rows(tab, []any{4}))
	if got := b.got("t", kgo.ReadCommitted()); len(got) != 0 {
		t.Errorf("seen before the commit: %v", got)
	}
	// The later one first, and both more than once.
	c := committerOf(t, sinkOf(t, b.table("v BIGINT", "", once())), 1)
	for _, m := range [][]byte{second, second, first, second, first} {
		if err := c.Commit(m); err != nil {
			t.Fatal(err)
		}
	}
	w.Close() // aborts what was not prepared
	equal(t, "committed", values(b.got("t", kgo.ReadCommitted())), []string{`{"v":1}`, `{"v":2}`, `{"v":3}`})
	b.settled("t")
}

// values are the values of records, sorted.
func values(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, s[strings.IndexByte(s, '=')+1:])
	}
	slices.Sort(out)
	return out
}

// settled checks that no transaction holds up those who read a topic.
func (b *broker) settled(topic string) {
	b.t.Helper()
	adm := kadm.NewClient(b.cl)
	end, err := adm.ListEndOffsets(b.t.Context(), topic)
	if err != nil {
		b.t.Fatal(err)
	}
	stable, err := adm.ListCommittedOffsets(b.t.Context(), topic)
	if err != nil {
		b.t.Fatal(err)
	}
	end.Each(func(o kadm.ListedOffset) {
		if s, _ := stable.Lookup(topic, o.Partition); s.Offset != o.Offset {
			b.t.Errorf("partition %d is stable to %d of %d: a transaction is open", o.Partition, s.Offset, o.Offset)
		}
	})
}

// A newer attempt takes the names of an older one away: what was open is aborted, what
// belongs to a checkpoint stays, and the older writer can write no more.
func TestFences(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 1)
	tab := b.table("v BIGINT", "", once())
	s := sinkOf(t, tab)
	zombie, idle := open(t, s, 1, 0), open(t, s, 1, 1)
	write(t, zombie, rows(tab, []any{1}))
	kept := prepare(t, zombie)
	write(t, zombie, rows(tab, []any{2}))
	lost := prepare(t, zombie)
	write(t, zombie, rows(tab, []any{3}))
	if err := committerOf(t, s, 2).Fence(2, [][]byte{kept}); err != nil {
		t.Fatal(err)
	}
	w := open(t, s, 2, 0)
	write(t, w, rows(tab, []any{2}, []any{3}))
	again := prepare(t, w)
	for name, z := range map[string]connect.Writer{"open": zombie, "idle": idle} {
		err := z.Write(rows(tab, []any{99}))
		if err == nil {
			_, err = z.Prepare("x")
		}
		if err == nil {
			t.Errorf("the %s zombie writes on", name)
		}
	}
	c := committerOf(t, s, 2)
	for _, m := range [][]byte{kept, again} {
		if err := c.Commit(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Commit(lost); diag.CodeOf(err) != diag.DataLoss {
		t.Errorf("what was aborted is committed: %v", err)
	}
	equal(t, "committed", values(b.got("t", kgo.ReadCommitted())), []string{`{"v":1}`, `{"v":2}`, `{"v":3}`})
	w.Close()
	b.settled("t")
}

// A transaction that the broker gave up on is lost, and that is said.
func TestExpired(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 1)
	tab := b.table("v BIGINT", "", once("properties.transaction.timeout.ms", "50"))
	s := sinkOf(t, tab)
	w := open(t, s, 1, 0)
	write(t, w, rows(tab, []any{1}, []any{2}))
	m := prepare(t, w)
	adm := kadm.NewClient(b.cl)
	for range 1000 {
		stable, err := adm.ListCommittedOffsets(t.Context(), "t")
		if err != nil {
			t.Fatal(err)
		}
		if o, _ := stable.Lookup("t", 0); o.Offset >= 2 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, sink := range []connect.Sink{s, sinkOf(t, tab)} {
		err := committerOf(t, sink, 1).Commit(m)
		if diag.CodeOf(err) != diag.DataLoss || !strings.Contains(err.Error(), "2 rows") || !strings.Contains(err.Error(), "t/0 up to offset 1") {
			t.Errorf("commit: %v", err)
		}
		if e := diag.As(err); e != nil && !strings.Contains(e.Hint, "transaction.timeout.ms") {
			t.Errorf("hint: %s", e.Hint)
		}
	}
	accepting := sinkOf(t, b.table("v BIGINT", "", once("mink.sink.lost-transactions", "accept")))
	if err := committerOf(t, accepting, 1).Commit(m); err != nil {
		t.Errorf("accepted: %v", err)
	}
	if got := b.got("t", kgo.ReadCommitted()); len(got) > 0 {
		t.Errorf("rows %v", got)
	}
}

// Names of transactions are used again, and an old committable is still told from a lost
// one after that.
func TestReusesNames(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 1)
	tab := b.table("v BIGINT", "", once())
	s := sinkOf(t, tab)
	w, c := open(t, s, 1, 0), committerOf(t, s, 1)
	var first []byte
	var want []string
	for i := range 80 {
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
	list, err := kadm.NewClient(b.cl).ListTransactions(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) > 40 {
		t.Errorf("%d names for 80 transactions", len(list))
	}
	if err := c.Commit(first); err != nil {
		t.Errorf("the first one, again: %v", err)
	}
	slices.Sort(want)
	equal(t, "committed", values(b.got("t", kgo.ReadCommitted())), want)
	// Without its row nobody can tell.
	var del kadm.Offsets
	del.AddOffset("t", 0, 1, -1)
	if _, err := kadm.NewClient(b.cl).DeleteRecords(t.Context(), del); err != nil {
		t.Fatal(err)
	}
	if err := c.Commit(first); diag.CodeOf(err) != diag.DataLoss || !strings.Contains(err.Error(), "cannot be known") {
		t.Errorf("with its row deleted: %v", err)
	}
}

// A writer never begins a transaction under a name that somebody may still commit.
func TestSparesPrepared(t *testing.T) {
	b := newBroker(t)
	b.topic("t", 1)
	tab := b.table("v BIGINT", "", once())
	s := sinkOf(t, tab)
	w := open(t, s, 1, 0)
	write(t, w, rows(tab, []any{1}))
	m := prepare(t, w)
	w.Close()
	// A restore of a savepoint by another job begins with the same attempt.
	w = open(t, s, 1, 0)
	write(t, w, rows(tab, []any{2}))
	n := prepare(t, w)
	c := committerOf(t, s, 1)
	for _, x := range [][]byte{m, n} {
		if err := c.Commit(x); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "committed", values(b.got("t", kgo.ReadCommitted())), []string{`{"v":1}`, `{"v":2}`})
}

// crasher lets the process die at one call of writer or committer: before it is made, or
// after it was made and before anybody heard of it.
type crasher struct {
	at, calls int
	after     bool
	dead      bool
	made      []connect.Writer
}

var errCrash = errors.New("crash")

func (c *crasher) call(f func() error) error {
	if c.dead {
		return errCrash
	}
	c.calls++
	if c.calls != c.at {
		return f()
	}
	c.dead = true
	if c.after {
		_ = f()
	}
	return errCrash
}

type crashSink struct {
	connect.Sink
	c *crasher
}

type crashWriter struct {
	connect.Writer
	c *crasher
}

type crashCommitter struct {
	connect.Committer
	c *crasher
}

func (s crashSink) Open(ctx connect.WriterCtx) (w connect.Writer, err error) {
	err = s.c.call(func() error {
		if w, err = s.Sink.Open(ctx); err == nil {
			s.c.made = append(s.c.made, w)
		}
		return err
	})
	return crashWriter{w, s.c}, err
}

func (s crashSink) Committer(ctx connect.WriterCtx) (connect.Committer, error) {
	c, err := s.Sink.Committer(ctx)
	return crashCommitter{c, s.c}, err
}

func (w crashWriter) Write(b *batch.Batch) error {
	return w.c.call(func() error { return w.Writer.Write(b) })
}

func (w crashWriter) Prepare(txn string) (m []byte, err error) {
	err = w.c.call(func() error {
		m, err = w.Writer.Prepare(txn)
		return err
	})
	return m, err
}

// Close is not reached by a process that died: its transactions stay open, and its client
// lives on as a zombie's would.
func (w crashWriter) Close() error {
	if w.c.dead {
		return nil
	}
	return w.Writer.Close()
}

func (c crashCommitter) Commit(m []byte) error {
	return c.c.call(func() error { return c.Committer.Commit(m) })
}

func (c crashCommitter) Fence(attempt int64, keep [][]byte) error {
	return c.c.call(func() error { return c.Committer.Fence(attempt, keep) })
}

// Whatever call of the protocol a process dies at, each row is there once.
func TestCrashes(t *testing.T) {
	crashes(t, newBroker(t), 0)
}

// crashes runs a job with a crash at each call; at most limit of them unless that is 0.
func crashes(t *testing.T, b *broker, limit int) {
	n := 0
	run := func(c *crasher) int {
		n++
		topic := fmt.Sprintf("crash%d", n)
		b.topic(topic, 2)
		tab := b.table("v BIGINT", "", once("topic", topic, "sink.transactional-id-prefix", topic))
		var want []string
		r := &conform.SinkRun{Every: 2, Sink: func() (connect.Sink, error) { return crashSink{sinkOf(t, tab), c}, nil }, Settle: func() { c.dead = false }}
		for i := range 5 {
			r.Batches = append(r.Batches, rows(tab, []any{10 * i}, []any{10*i + 1}))
			want = append(want, fmt.Sprintf(`{"v":%d}`, 10*i), fmt.Sprintf(`{"v":%d}`, 10*i+1))
		}
		if _, err := r.Run(); err != nil {
			t.Fatalf("crash at call %d, after %v: %v", c.at, c.after, err)
		}
		slices.Sort(want)
		equal(t, fmt.Sprintf("crash at call %d, after %v", c.at, c.after), values(b.got(topic, kgo.ReadCommitted())), want)
		b.settled(topic)
		for _, w := range c.made { // zombies too, now that all is compared
			w.Close()
		}
		return c.calls
	}
	total := run(&crasher{})
	if total < 12 {
		t.Fatalf("only %d calls", total)
	}
	step := 1
	if limit > 0 {
		step = max(1, 2*total/limit)
	}
	for at := 1; at <= total; at += step {
		for _, after := range []bool{false, true} {
			run(&crasher{at: at, after: after})
			if t.Failed() {
				return
			}
		}
	}
}

// Answers that are lost, and refusals that pass, change nothing.
func TestFaults(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.Produce, kmsg.InitProducerID, kmsg.EndTxn, kmsg.AddPartitionsToTxn, kmsg.FindCoordinator, kmsg.DescribeTransactions, kmsg.ListTransactions} {
		for _, e := range []*kerr.Error{kerr.RequestTimedOut, kerr.NotLeaderForPartition, kerr.NotCoordinator, kerr.CoordinatorNotAvailable, kerr.ConcurrentTransactions} {
			b := newBroker(t)
			b.topic("t", 1)
			b.fake.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: e, Count: 2, TopLevel: key != kmsg.Produce && key != kmsg.AddPartitionsToTxn && key != kmsg.FindCoordinator && key != kmsg.DescribeTransactions})
			tab := b.table("v BIGINT", "", once())
			r := &conform.SinkRun{Every: 1, Sink: func() (connect.Sink, error) { return sinkOf(t, tab), nil }}
			var want []string
			for i := range 3 {
				r.Batches = append(r.Batches, rows(tab, []any{i}))
				want = append(want, fmt.Sprintf(`{"v":%d}`, i))
			}
			if _, err := r.Run(); err != nil {
				t.Fatalf("%s fails with %s: %v", key.Name(), e.Message, err)
			}
			equal(t, fmt.Sprintf("%s fails with %s", key.Name(), e.Message), values(b.got("t", kgo.ReadCommitted())), want)
			b.settled("t")
		}
	}
}

// A broker that has just begun makes the topic of transactions when it is first asked for
// them, and answers for none until it has it: that is waited for, and is no failure.
func TestFreshBroker(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.FindCoordinator, kmsg.DescribeTransactions, kmsg.ListTransactions} {
		for _, e := range []*kerr.Error{kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator} {
			b := newBroker(t)
			b.topic("t", 1)
			fault := b.fake.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: e, Count: 2, TopLevel: key != kmsg.FindCoordinator && key != kmsg.DescribeTransactions})
			tab := b.table("v BIGINT", "", once())
			r := &conform.SinkRun{Every: 1, Sink: func() (connect.Sink, error) { return sinkOf(t, tab), nil }, Batches: []*batch.Batch{rows(tab, []any{1})}}
			attempts, err := r.Run()
			if err != nil || attempts != 1 {
				t.Errorf("%s fails with %s: %d attempts: %v", key.Name(), e.Message, attempts, err)
			}
			if fault.Hits() == 0 {
				t.Errorf("%s was never asked", key.Name())
			}
			equal(t, key.Name(), values(b.got("t", kgo.ReadCommitted())), []string{`{"v":1}`})
		}
	}
}
