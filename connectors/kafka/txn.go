package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// Transactions of exactly-once.
//
// All rows between two checkpoints of a subtask are one transaction. Prepare waits until
// the broker has its rows and leaves it open; what is needed to commit it, its name with
// the producer's id and epoch, goes into the checkpoint. The committer sends the commit
// itself, so it may be another process, after any crash. The next rows get a transaction
// of another name, since to begin one of the same name would abort the first.
//
//	name:  <prefix>-<sink>-<job>-<subtask>-<attempt>-<number>
//
// sink and job are hashes. A name is used again when the broker says that its last
// transaction is over and ringNames others came after it, so that their number does not
// grow with the age of a job. What tells a commit that is repeated then from one that
// was lost is the log itself, see commit.go.
//
// Names have the attempt, so a zombie of an older attempt never touches a name of a newer
// one; Fence takes its names away from it.

// ringNames is how many transactions come before a name is used again.
const ringNames = 32

// transactions are the names of one writer.
type transactions struct {
	s    *sink
	cl   *kgo.Client // asks about transactions
	base string
	made int      // names so far
	used []string // oldest first; the last one is open
}

func hash32(text string) string {
	h := fnv.New32a()
	h.Write([]byte(text))
	return fmt.Sprintf("%08x", h.Sum32())
}

// txnPrefix begins the names of a sink.
func (s *sink) txnPrefix(ctx connect.WriterCtx) string {
	return s.prefix + "-" + hash32(ctx.Sink) + "-"
}

func (s *sink) newTransactions(ctx connect.WriterCtx) (*transactions, error) {
	cl, err := s.c.client()
	if err != nil {
		return nil, err
	}
	return &transactions{s: s, cl: cl, base: fmt.Sprintf("%s%s-%d-%d-", s.txnPrefix(ctx), hash32(ctx.Job), ctx.Subtask, ctx.Attempt)}, nil
}

// next is a name whose transactions are over.
func (t *transactions) next() (string, error) {
	if len(t.used) > ringNames {
		free, err := t.free(t.used[0])
		if err != nil {
			return "", err
		}
		if free {
			name := t.used[0]
			t.used = append(t.used[1:len(t.used):len(t.used)], name)
			return name, nil
		}
	}
	for {
		name := t.base + strconv.Itoa(t.made)
		t.made++
		free, err := t.free(name)
		if err != nil {
			return "", err
		}
		if free {
			t.used = append(t.used, name)
			return name, nil
		}
	}
}

// free asks whether a name has no transaction that somebody may still commit.
func (t *transactions) free(name string) (bool, error) {
	ctx, cancel := t.s.c.within()
	defer cancel()
	var list kadm.DescribedTransactions
	err := patiently(ctx, func() (err error) {
		if list, err = kadm.NewClient(t.cl).DescribeTransactions(ctx, name); err != nil {
			return err
		}
		if d := list[name]; settling(d.Err) {
			return d.Err
		}
		return nil
	})
	if err != nil {
		return false, t.s.c.failed(err, "ask for the transactions of")
	}
	for _, d := range list {
		if d.Err != nil && !errors.Is(d.Err, kerr.TransactionalIDNotFound) {
			return false, t.s.c.failed(d.Err, "ask for the transactions of")
		}
		if d.Err == nil && !over(d.State) {
			return false, nil
		}
	}
	return true, nil
}

// settling reports that nobody answers for transactions yet: a broker makes the topic that
// keeps them with the first question, and reads it when it becomes the coordinator.
func settling(err error) bool {
	return errors.Is(err, kerr.CoordinatorNotAvailable) || errors.Is(err, kerr.CoordinatorLoadInProgress) || errors.Is(err, kerr.NotCoordinator)
}

// patiently asks again while nobody answers for transactions. The client does that by itself
// for requests to one coordinator, not for those that it splits among several.
func patiently(ctx context.Context, ask func() error) error {
	for {
		err := ask()
		if !settling(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// over reports a state in which nothing is left to be committed.
func over(state string) bool {
	return slices.Contains([]string{"Empty", "CompleteCommit", "CompleteAbort", "Dead"}, state)
}

// limit is the timeout of transactions: what the options say, or an hour, or less if the
// broker does not allow that.
func (t *transactions) limit() (time.Duration, error) {
	if t.s.timeout > 0 {
		return t.s.timeout, nil
	}
	const wish, usual = time.Hour, 15 * time.Minute
	ctx, cancel := t.s.c.within()
	defer cancel()
	adm := kadm.NewClient(t.cl)
	brokers, err := adm.ListBrokers(ctx)
	if err != nil {
		return 0, t.s.c.failed(err, "begin a transaction of")
	}
	most := wish
	for _, b := range brokers.NodeIDs() {
		list, err := adm.DescribeBrokerConfigs(ctx, b)
		if err != nil {
			return usual, nil // the right to look is missing; the usual limit then
		}
		for _, r := range list {
			for _, c := range r.Configs {
				if c.Key != "transaction.max.timeout.ms" || c.Value == nil {
					continue
				}
				if n, err := strconv.ParseInt(*c.Value, 10, 64); err == nil {
					most = min(most, time.Duration(n)*time.Millisecond)
				}
			}
			if r.Err != nil {
				most = min(most, usual)
			}
		}
	}
	return most, nil
}

// begin opens the transaction of the rows that come.
func (w *writer) begin() error {
	t := w.txns
	timeout, err := t.limit()
	if err != nil {
		return err
	}
	name, err := t.next()
	if err != nil {
		return err
	}
	p, err := t.s.newProducer(t.s.partitionOpt(w.ctx.Subtask), kgo.TransactionalID(name), kgo.TransactionTimeout(timeout))
	if err != nil {
		return err
	}
	w.out = p
	w.pace.Store(p)
	if err = p.cl.BeginTransaction(); err == nil {
		// The name is taken now and not with the first row, so that Fence finds it.
		ctx, cancel := t.s.c.within()
		defer cancel()
		_, _, err = p.cl.ProducerID(ctx)
	}
	if errors.Is(err, kerr.InvalidTransactionTimeout) {
		return diag.Wrap(diag.InvalidOption, err, "option '%s' (%s) is above transaction.max.timeout.ms of the broker", optTxnTimeout, timeout).
			WithHint("raise the broker's, or set a lower one that is still longer than a checkpoint and a restart take")
	}
	if err != nil {
		return t.s.c.failed(err, "begin a transaction of")
	}
	return nil
}

// committable is what a checkpoint holds of a transaction.
type committable struct {
	Txn   string `json:"txn"`
	ID    int64  `json:"id"`
	Epoch int16  `json:"epoch"`
	Rows  int64  `json:"rows"`
	// Proof are offsets of rows in it, one of each partition.
	Proof []proof `json:"proof"`
}

// proof is a row whose visibility tells what became of its transaction.
type proof struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

func (c *committable) places() string {
	var out []string
	for i, p := range c.Proof {
		if i == 3 {
			out = append(out, "...")
			break
		}
		out = append(out, fmt.Sprintf("%s/%d up to offset %d", p.Topic, p.Partition, p.Offset))
	}
	return strings.Join(out, ", ")
}

// prepareTxn leaves the transaction open, all of whose rows the broker has, and begins
// the next one. One without rows goes on.
func (w *writer) prepareTxn() ([]byte, error) {
	p := w.out
	p.mu.Lock()
	p.settle()
	c := committable{Txn: w.txns.used[len(w.txns.used)-1], Rows: p.rows}
	for at, offset := range p.highest {
		c.Proof = append(c.Proof, proof{at.topic, at.num, offset})
	}
	p.mu.Unlock()
	if c.Rows == 0 {
		return nil, nil
	}
	slices.SortFunc(c.Proof, func(a, b proof) int {
		return strings.Compare(partition{a.Topic, a.Partition}.id(), partition{b.Topic, b.Partition}.id())
	})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var err error
	if c.ID, c.Epoch, err = p.cl.ProducerID(ctx); err != nil {
		return nil, w.s.c.failed(err, "prepare a transaction of")
	}
	out, err := json.Marshal(c)
	if err != nil {
		return nil, diag.Wrap(diag.Internal, err, "cannot write a committable")
	}
	// Closing a client does not end its transaction.
	p.cl.Close()
	if err := w.begin(); err != nil {
		return nil, err
	}
	return out, nil
}

// abort ends the open transaction at once, so that readers need not wait for its timeout.
func (w *writer) abort() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = w.out.cl.AbortBufferedRecords(ctx)
	_ = w.out.cl.EndTransaction(ctx, kgo.TryAbort) // else Fence of the next attempt does it
}
