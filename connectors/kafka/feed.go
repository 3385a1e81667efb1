package kafka

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/minkstream/mink/engine/diag"
)

// Limits of what waits of one partition: fetching it pauses above queueRecords records or
// queueBytes bytes, and goes on below queueResume records and half of the bytes.
const (
	queueRecords = 64 << 10
	queueResume  = 16 << 10
	queueBytes   = 64 << 20
)

// feed is the one client that fetches all partitions a subtask reads. A goroutine takes
// what comes and puts it in the queues of the partitions, which readers empty.
type feed struct {
	cl     *kgo.Client
	unpack *unpacker
	stop   context.CancelFunc
	mu     sync.Mutex
	queues map[partition]*queue
}

// queue is what was fetched of a partition and not read yet.
type queue struct {
	f    *feed
	p    partition
	wake func()

	// Under f.mu.
	fetched [][]*kgo.Record
	waiting int   // records in fetched
	bytes   int64 // of their values
	paused  bool
	err     error
	arrived chan struct{} // closed when something comes, for Await; nil if nobody waits
}

// feedFor begins to fetch a partition from an offset on. A feed that has it already (a reader
// of an older attempt that is not closed yet) is not taken.
func (s *source) feedFor(subtask int, p partition, from int64, wake func()) (*queue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.feeds[subtask] {
		if q := f.add(p, from, wake); q != nil {
			return q, nil
		}
	}
	u := &unpacker{count: true}
	opts := append(s.fetchOpts(), kgo.WithDecompressor(u), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{p.topic: {p.num: at(from)}}))
	cl, err := s.c.client(opts...)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	f := &feed{cl: cl, unpack: u, stop: stop, queues: map[partition]*queue{}}
	q := &queue{f: f, p: p, wake: wake}
	f.queues[p] = q
	if s.feeds == nil {
		s.feeds = map[int][]*feed{}
	}
	s.feeds[subtask] = append(s.feeds[subtask], f)
	s.c.t.Deps.Env.Go("kafka fetch", func() { f.run(ctx) })
	return q, nil
}

// at is an offset that is never moved: what is gone is an error.
func at(offset int64) kgo.Offset { return kgo.NewOffset().At(offset) }

func (f *feed) add(p partition, from int64, wake func()) *queue {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.queues[p] != nil {
		return nil
	}
	q := &queue{f: f, p: p, wake: wake}
	f.queues[p] = q
	f.cl.AddConsumePartitions(map[string]map[int32]kgo.Offset{p.topic: {p.num: at(from)}})
	return q
}

// run takes fetches until the feed is stopped.
func (f *feed) run(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := f.cl.PollFetches(ctx)
		if fetches.IsClientClosed() {
			return
		}
		f.unpack.taken()
		var wakes []func()
		pause := map[string][]int32{}
		f.mu.Lock()
		fetches.EachPartition(func(t kgo.FetchTopicPartition) {
			q := f.queues[partition{t.Topic, t.Partition}]
			if q == nil || ctx.Err() != nil {
				return
			}
			if t.Err != nil && q.err == nil && !errors.Is(t.Err, errHeld) {
				q.err = t.Err
			}
			if len(t.Records) > 0 {
				q.fetched = append(q.fetched, t.Records)
				q.waiting += len(t.Records)
				q.bytes += valueBytes(t.Records)
			}
			if (q.waiting > queueRecords || q.bytes > queueBytes) && !q.paused {
				q.paused = true
				pause[t.Topic] = append(pause[t.Topic], t.Partition)
			}
			if q.arrived != nil {
				close(q.arrived)
				q.arrived = nil
			}
			wakes = append(wakes, q.wake)
		})
		// Under the lock, so that a reader does not resume before it is paused.
		f.cl.PauseFetchPartitions(pause)
		f.mu.Unlock()
		for _, w := range wakes {
			w()
		}
	}
}

// take moves the next fetch out; nil if there is none. After the last one the error of
// the partition is given, if there is one.
func (q *queue) take() ([]*kgo.Record, error) {
	f := q.f
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(q.fetched) == 0 {
		return nil, q.err
	}
	r := q.fetched[0]
	q.fetched[0] = nil
	q.fetched = q.fetched[1:]
	q.waiting -= len(r)
	q.bytes -= valueBytes(r)
	if q.paused && q.waiting < queueResume && q.bytes < queueBytes/2 {
		q.paused = false
		f.cl.ResumeFetchPartitions(map[string][]int32{q.p.topic: {q.p.num}})
	}
	return r, nil
}

func valueBytes(recs []*kgo.Record) (n int64) {
	for _, r := range recs {
		n += int64(len(r.Value))
	}
	return n
}

// ready reports that take has something.
func (q *queue) ready() bool {
	q.f.mu.Lock()
	defer q.f.mu.Unlock()
	return len(q.fetched) > 0 || q.err != nil
}

// await waits until take has something, and says whether it has.
func (q *queue) await(most time.Duration) bool {
	q.f.mu.Lock()
	if len(q.fetched) > 0 || q.err != nil {
		q.f.mu.Unlock()
		return true
	}
	if q.arrived == nil {
		q.arrived = make(chan struct{})
	}
	c := q.arrived
	q.f.mu.Unlock()
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-c:
		return true
	case <-t.C:
		return false
	}
}

// close ends a queue, and its feed after the last one.
func (s *source) closeQueue(subtask int, q *queue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := q.f
	f.mu.Lock()
	delete(f.queues, q.p)
	last := len(f.queues) == 0
	if !last {
		f.cl.RemoveConsumePartitions(map[string][]int32{q.p.topic: {q.p.num}})
		if q.paused {
			f.cl.ResumeFetchPartitions(map[string][]int32{q.p.topic: {q.p.num}})
		}
	}
	f.mu.Unlock()
	if !last {
		return
	}
	list := s.feeds[subtask]
	for i := range list {
		if list[i] == f {
			s.feeds[subtask] = append(list[:i:i], list[i+1:]...)
			break
		}
	}
	f.stop()
	f.cl.Close()
}

// fetchFailed is the error of a partition that cannot be read at next.
func (s *source) fetchFailed(err error, p partition, next int64) error {
	if outOfRange(err) {
		return diag.Wrap(diag.DataLoss, err, "records of topic '%s' partition %d from offset %d on are gone: the broker has deleted them, or lost them", p.topic, p.num, next).
			WithHint("keep records for longer than a job may stand still (retention.ms); to go on with what is left, start without the checkpoint, or set '%s' = 'earliest' or 'latest'", optReset)
	}
	if large := (*kgo.ErrDecompressTooLarge)(nil); errors.As(err, &large) {
		return diag.New(diag.LimitExceeded, "topic '%s' partition %d: the batch at offset %d unpacks to more than it may", p.topic, p.num, large.Offset).
			WithHint("a batch may have %d MB, and above %d MB no more than %d times its packed size: have the producer send smaller batches (batch.size), or begin behind offset %d with '%s'",
				unpackMost>>20, unpackFree>>20, unpackRatio, large.NextOffset-1, optStartOffsets)
	}
	return s.c.failed(err, "read topic '"+p.topic+"' of")
}
