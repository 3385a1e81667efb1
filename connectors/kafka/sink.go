package kafka

import (
	"math"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/minkstream/mink/engine/connect"
)

// sink writes records to topics.
type sink struct {
	c           *table
	wants       connect.Changes
	topic       string // that of all rows; "" if each row names its own
	guarantee   string
	prefix      string // of transactional ids
	partitioner string
	// Rows wait for later ones of their key if both are above 0.
	flushRows  int
	flushEvery time.Duration

	opts     []kgo.Opt     // of producers
	memory   int64         // bytes that may wait to be sent
	delivery time.Duration // for how long the broker may acknowledge nothing
	timeout  time.Duration // of transactions; 0: what the broker allows, up to an hour
	accept   bool          // lost transactions are passed over
}

func newSink(t *connect.Table, upsert bool) (connect.Sink, error) {
	c, err := newTable(t, upsert)
	if err != nil {
		return nil, err
	}
	s := &sink{c: c}
	if c.pattern == nil && len(c.topics) == 1 {
		s.topic = c.topics[0]
	}
	if s.wants, err = c.valueChanges(); err != nil {
		return nil, err
	}
	if err := s.readGuarantee(); err != nil {
		return nil, err
	}
	if err := s.readBuffer(); err != nil {
		return nil, err
	}
	if s.opts, err = s.readProduce(); err != nil {
		return nil, err
	}
	// Options and types of the formats are checked now.
	if c.value.Encoder == nil {
		return nil, connect.Invalid("format", "'%s' is only read", c.value.Name)
	}
	if _, err := c.value.Encoder(c.valueSchema, c.valueOpts, t); err != nil {
		return nil, err
	}
	if c.key != nil {
		_, err = c.key.Encoder(c.keySchema, c.keyOpts, t)
	}
	return s, err
}

func (s *sink) readGuarantee() (err error) {
	o := s.c.t.Options
	key := optGuarantee
	if !o.Has(key) && o.Has("sink.semantic") {
		key = "sink.semantic"
	}
	if s.guarantee, err = o.Enum(key, "at-least-once", guarantees...); err != nil {
		return err
	}
	s.prefix = o.Text(optTxnPrefix, "")
	if s.guarantee == "exactly-once" && s.prefix == "" {
		return connect.Missing(optTxnPrefix, "'"+key+"' = 'exactly-once' writes in transactions, whose names begin with it")
	}
	lost, err := o.Enum(optLost, "FAIL", "FAIL", "ACCEPT")
	if err != nil {
		return err
	}
	s.accept = lost == "ACCEPT"
	s.timeout, err = s.c.millis("transaction.timeout.ms", 0)
	if err == nil && s.c.props.Has("transaction.timeout.ms") && s.timeout <= 0 {
		err = connect.Invalid(optTxnTimeout, "must be above 0")
	}
	return err
}

func (s *sink) readBuffer() error {
	rows, err := s.c.t.Options.Int(optFlushRows, 0)
	if err != nil {
		return err
	}
	if s.flushEvery, err = s.c.t.Options.Duration(optFlushEvery, 0); err != nil {
		return err
	}
	if rows < 0 || rows > math.MaxInt32 {
		return connect.Invalid(optFlushRows, "must be from 0 to %d", math.MaxInt32)
	}
	s.flushRows = int(rows)
	if s.flushRows > 0 != (s.flushEvery > 0) {
		return connect.Invalid(optFlushRows, "and '%s' must both be above 0 to have an effect", optFlushEvery)
	}
	return nil
}

// readProduce reads the settings of a producer.
func (s *sink) readProduce() ([]kgo.Opt, error) {
	c := s.c
	opts := []kgo.Opt{kgo.MaxBufferedRecords(math.MaxInt32)}
	s.partitioner = c.t.Options.Text(optPartitioner, "default")
	switch strings.ToLower(s.partitioner) {
	case "default":
	case "fixed": // an option of each writer
	case "round-robin":
		if c.key != nil {
			return nil, connect.Invalid(optPartitioner, "'round-robin' is for records without a key, and 'key.fields' gives them one")
		}
	default:
		return nil, connect.Invalid(optPartitioner, "takes 'default', 'fixed' or 'round-robin'; a Java class such as '%s' is Flink's alone", s.partitioner)
	}
	acks, err := c.choice("acks", "all", "all", "-1", "1", "0")
	if err != nil {
		return nil, err
	}
	idempotent, err := c.props.Bool("enable.idempotence", acks == "all" || acks == "-1")
	if err != nil {
		return nil, connect.Invalid("properties.enable.idempotence", "takes true or false")
	}
	switch acks {
	case "1":
		opts = append(opts, kgo.RequiredAcks(kgo.LeaderAck()))
	case "0":
		opts = append(opts, kgo.RequiredAcks(kgo.NoAck()))
	default:
		opts = append(opts, kgo.RequiredAcks(kgo.AllISRAcks()))
	}
	if acks != "all" && acks != "-1" && (idempotent || s.guarantee == "exactly-once") {
		return nil, connect.Invalid("properties.acks", "must be 'all' where records must not be repeated")
	}
	if !idempotent {
		if s.guarantee == "exactly-once" {
			return nil, connect.Invalid("properties.enable.idempotence", "must be true for '%s' = 'exactly-once'", optGuarantee)
		}
		opts = append(opts, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	}
	pack, err := c.choice("compression.type", "none", "none", "gzip", "snappy", "lz4", "zstd")
	if err != nil {
		return nil, err
	}
	opts = append(opts, kgo.ProducerBatchCompression(map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}[pack]))
	linger, err := c.millis("linger.ms", 5*time.Millisecond)
	if err != nil {
		return nil, err
	}
	if s.delivery, err = c.millis("delivery.timeout.ms", 2*time.Minute); err != nil {
		return nil, err
	}
	s.delivery = max(s.delivery, time.Second)
	opts = append(opts, kgo.ProducerLinger(linger))
	if c.props.Has("max.request.size") {
		n, err := c.number("max.request.size", 1<<20)
		if err != nil {
			return nil, err
		}
		if n < 1<<10 || n > 1<<30 {
			return nil, connect.Invalid("properties.max.request.size", "must be from %d to %d", 1<<10, 1<<30)
		}
		opts = append(opts, kgo.ProducerBatchMaxBytes(int32(n)), kgo.BrokerMaxWriteBytes(max(int32(n)+1<<20, 100<<20)))
	}
	if s.memory, err = c.number("buffer.memory", 32<<20); err != nil {
		return nil, err
	}
	create, err := c.props.Bool("allow.auto.create.topics", true)
	if err != nil {
		return nil, connect.Invalid("properties.allow.auto.create.topics", "takes true or false")
	}
	if create {
		opts = append(opts, kgo.AllowAutoTopicCreation())
	}
	return opts, nil
}

// partitions says which partition records of a subtask go to.
func (s *sink) partitionOpt(subtask int) kgo.Opt {
	switch strings.ToLower(s.partitioner) {
	case "fixed":
		return kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(func(string) func(*kgo.Record, int) int {
			return func(_ *kgo.Record, n int) int { return subtask % n }
		}))
	case "round-robin":
		return kgo.RecordPartitioner(kgo.RoundRobinPartitioner())
	}
	return kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)) // murmur2, as Kafka's own
}

func (s *sink) Changes(connect.Changes) connect.Changes { return s.wants }
func (s *sink) Grade() string                           { return s.guarantee }

// Open makes the writer of a subtask.
func (s *sink) Open(ctx connect.WriterCtx) (connect.Writer, error) {
	w := &writer{s: s, ctx: ctx}
	var err error
	if w.enc, err = s.newEncoder(); err != nil {
		return nil, err
	}
	if s.flushRows > 0 {
		w.waiting = &reduced{}
	}
	if s.guarantee == "exactly-once" {
		if w.txns, err = s.newTransactions(ctx); err == nil {
			err = w.begin()
		}
	} else if w.out, err = s.newProducer(s.partitionOpt(ctx.Subtask)); err == nil {
		w.pace.Store(w.out)
		err = w.out.ping()
	}
	if err != nil {
		w.Close() //nolint:errcheck // what counts is why it did not open
		return nil, err
	}
	return w, nil
}

// Committer finishes transactions; there is none without them.
func (s *sink) Committer(ctx connect.WriterCtx) (connect.Committer, error) {
	if s.guarantee != "exactly-once" {
		return nil, nil
	}
	return s.newCommitter(ctx)
}
