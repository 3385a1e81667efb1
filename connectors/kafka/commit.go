package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// committer commits transactions that writers left open.
//
// What is promised: a commit names the producer's id and epoch, so it never commits rows
// of another transaction; a commit that is repeated changes nothing; a transaction that
// the broker does not know as the committable describes it any more was either
// committed before and its name used again, or aborted by the broker. Which of them is
// read from the log: the committable has the offset of a row of each partition, and a
// reader of committed records sees that row or does not. If it does not, the rows are
// lost, and the job stops with an error that says so. If the log does not tell either
// (the row was deleted since), that is an error too.
type committer struct {
	s      *sink
	prefix string
	cl     *kgo.Client
}

func (s *sink) newCommitter(ctx connect.WriterCtx) (connect.Committer, error) {
	// Version 5 of EndTxn makes a new epoch, so that an answer that was lost could not
	// be asked for again.
	v := kversion.Stable()
	v.SetMaxKeyVersion(int16(kmsg.EndTxn), 4)
	cl, err := s.c.client(kgo.MaxVersions(v))
	if err != nil {
		return nil, err
	}
	return &committer{s: s, prefix: s.txnPrefix(ctx), cl: cl}, nil
}

func decodeCommittable(b []byte) (c committable, err error) {
	if err := json.Unmarshal(b, &c); err != nil {
		return c, diag.Wrap(diag.Checkpoint, err, "a committable of a Kafka transaction is damaged")
	}
	return c, nil
}

// Commit commits a prepared transaction.
func (k *committer) Commit(b []byte) error {
	c, err := decodeCommittable(b)
	if err != nil {
		return err
	}
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = c.Txn, c.ID, c.Epoch, true
	ctx, cancel := k.s.c.within()
	defer cancel()
	resp, err := req.RequestWith(ctx, k.cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.InvalidProducerEpoch), errors.Is(err, kerr.ProducerFenced), errors.Is(err, kerr.InvalidTxnState),
		errors.Is(err, kerr.InvalidProducerIDMapping), errors.Is(err, kerr.TransactionalIDNotFound):
		return k.verdict(&c, err)
	}
	return k.s.c.failed(err, "commit a transaction of")
}

// verdict finds out what became of a transaction that can no longer be committed.
func (k *committer) verdict(c *committable, refusal error) error {
	saw := unknown
	for _, p := range c.Proof {
		got, err := k.look(p)
		if err != nil {
			return err
		}
		if got != unknown {
			saw = got
			break
		}
	}
	switch saw {
	case visible:
		return nil // it was committed before
	case pending:
		return diag.Wrap(diag.IO, refusal, "transaction '%s' of table %s is being ended by the broker", c.Txn, k.s.c.t.Name)
	}
	if k.s.accept {
		return nil
	}
	if saw == unknown {
		return diag.Wrap(diag.DataLoss, refusal, "it cannot be known whether %d rows of table %s were committed: the broker has forgotten transaction '%s', and its rows (%s) are deleted or compacted",
			c.Rows, k.s.c.t.Name, c.Txn, c.places()).
			WithHint("compare the topic with what the job should have written; '%s' = 'ACCEPT' goes on without them", optLost)
	}
	return diag.Wrap(diag.DataLoss, refusal, "%d rows of table %s are lost (%s): the broker aborted transaction '%s' before it could be committed",
		c.Rows, k.s.c.t.Name, c.places(), c.Txn).
		WithHint("restart from an older checkpoint to write them again, or go on without them with '%s' = 'ACCEPT'; raise '%s' and the broker's transaction.max.timeout.ms above the longest time a job stands still", optLost, optTxnTimeout)
}

// What a look at a row says.
type sight int

const (
	unknown sight = iota // the log does not have it any more
	pending              // its transaction is not ended
	visible              // it is committed
	hidden               // it is there and aborted
)

// look asks whether a row is visible to readers of committed records.
func (k *committer) look(p proof) (sight, error) {
	ctx, cancel := k.s.c.within()
	defer cancel()
	adm := kadm.NewClient(k.cl)
	begin, err := adm.ListStartOffsets(ctx, p.Topic)
	if err == nil {
		err = begin.Error()
	}
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return unknown, nil // the topic was deleted
	}
	if err != nil {
		return unknown, k.s.c.failed(err, "look for the rows of")
	}
	if o, ok := begin.Lookup(p.Topic, p.Partition); !ok || o.Offset > p.Offset {
		return unknown, nil
	}
	stable, err := adm.ListCommittedOffsets(ctx, p.Topic)
	if err == nil {
		err = stable.Error()
	}
	if err != nil {
		return unknown, k.s.c.failed(err, "look for the rows of")
	}
	if o, ok := stable.Lookup(p.Topic, p.Partition); ok && o.Offset <= p.Offset {
		end, err := adm.ListEndOffsets(ctx, p.Topic)
		if err != nil {
			return unknown, k.s.c.failed(err, "look for the rows of")
		}
		if o, ok := end.Lookup(p.Topic, p.Partition); ok && o.Offset <= p.Offset {
			return unknown, nil // the log is shorter than it was: another topic of that name
		}
		return pending, nil
	}
	if there, err := k.has(ctx, p, kgo.ReadCommitted()); err != nil || there {
		return visible, err
	}
	if there, err := k.has(ctx, p, kgo.ReadUncommitted()); err != nil || there {
		return hidden, err
	}
	return unknown, nil
}

// has reads a partition at an offset and reports whether the first record has it.
func (k *committer) has(ctx context.Context, p proof, level kgo.IsolationLevel) (bool, error) {
	cl, err := k.s.c.client(kgo.KeepControlRecords(), kgo.FetchIsolationLevel(level), kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{p.Topic: {p.Partition: at(p.Offset)}}))
	if err != nil {
		return false, err
	}
	defer cl.Close()
	for {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return false, k.s.c.failed(err, "look for the rows of")
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			return r.Offset == p.Offset && !r.Attrs.IsControl(), nil
		}
	}
}

// Fence takes all names of the sink away from those who hold them, but for those of keep,
// which are to be committed. Transactions that were open under the others are aborted,
// and whoever began them can write no more.
func (k *committer) Fence(_ int64, keep [][]byte) error {
	kept := map[string]bool{}
	for _, b := range keep {
		c, err := decodeCommittable(b)
		if err != nil {
			return err
		}
		kept[c.Txn] = true
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var list kadm.ListedTransactions
	err := patiently(ctx, func() (err error) {
		list, err = kadm.NewClient(k.cl).ListTransactions(ctx, nil, nil)
		return err
	})
	if err != nil {
		return k.s.c.failed(err, "list the transactions of")
	}
	for _, t := range list.Sorted() {
		if !strings.HasPrefix(t.TxnID, k.prefix) || kept[t.TxnID] || t.State == "CompleteCommit" || t.State == "CompleteAbort" || t.State == "Dead" {
			continue
		}
		if err := k.take(ctx, t.TxnID); err != nil {
			return k.s.c.failed(err, "abort the transactions of older attempts of")
		}
	}
	return nil
}

// take begins a producer of a name, which ends all before it.
func (k *committer) take(ctx context.Context, name string) error {
	for {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID, req.TransactionTimeoutMillis = kmsg.StringPtr(name), 60_000
		req.ProducerID, req.ProducerEpoch = -1, -1
		resp, err := req.RequestWith(ctx, k.cl)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		if !errors.Is(err, kerr.ConcurrentTransactions) {
			return err
		}
		// The broker is still aborting it.
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (k *committer) Close() error {
	k.cl.Close()
	return nil
}
