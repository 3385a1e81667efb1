package kafka

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// source reads the partitions of topics.
type source struct {
	c         *table
	changes   connect.Changes
	start     bound
	stop      bound
	discovery time.Duration
	committed bool // isolation.level = read_committed
	reset     kgo.Offset
	group     string // "" without one
	tellGroup bool
	read      connect.Projection // of the table's schema; nil reads all
	fetch     []kgo.Opt

	teller groupTeller

	mu    sync.Mutex
	feeds map[int][]*feed // by subtask
}

func newSource(t *connect.Table, upsert bool) (connect.Source, error) {
	c, err := newTable(t, upsert)
	if err != nil {
		return nil, err
	}
	s := &source{c: c, group: c.props.Text("group.id", "")}
	if s.changes, err = c.valueChanges(); err != nil {
		return nil, err
	}
	if upsert {
		s.start = bound{mode: "earliest-offset"}
	} else if s.start, err = c.readBound(optStartup, optStartOffsets, optStartMillis, "group-offsets", startupModes); err != nil {
		return nil, err
	}
	if t.Since > 0 {
		s.start = bound{mode: "timestamp", millis: t.Since}
	}
	if s.stop, err = c.readBound(optBounded, optEndOffsets, optEndMillis, "unbounded", boundedModes); err != nil {
		return nil, err
	}
	if s.discovery, err = t.Options.Duration(optDiscovery, 5*time.Minute); err != nil {
		return nil, err
	}
	if s.Bounded() {
		s.discovery = 0
	}
	level, err := c.choice("isolation.level", "read_uncommitted", "read_uncommitted", "read_committed")
	if err != nil {
		return nil, err
	}
	s.committed = level == "read_committed"
	if s.tellGroup, err = c.props.Bool("commit.offsets.on.checkpoint", s.group != ""); err != nil {
		return nil, connect.Invalid("properties.commit.offsets.on.checkpoint", "takes true or false")
	}
	s.tellGroup = s.tellGroup && s.group != ""
	reset, err := c.choice("auto.offset.reset", "none", "none", "earliest", "latest")
	if err != nil {
		return nil, err
	}
	s.reset = map[string]kgo.Offset{"none": kgo.NoResetOffset(), "earliest": kgo.NewOffset().AtStart(), "latest": kgo.NewOffset().AtEnd()}[reset]
	if s.fetch, err = c.readFetch(s.committed); err != nil {
		return nil, err
	}
	// Options and types of the formats are checked now, not when a partition is opened.
	if _, err := c.valueDecoder(nil); err != nil {
		return nil, err
	}
	if c.key != nil {
		_, err = c.key.Decoder(c.keySchema, nil, c.keyOpts, t)
	}
	return s, err
}

// readFetch reads the settings of a consumer.
func (c *table) readFetch(committed bool) ([]kgo.Opt, error) {
	// Control records say how far a partition was read where nothing else is.
	opts := []kgo.Opt{kgo.KeepControlRecords()}
	if committed {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	if rack := c.props.Text("client.rack", ""); rack != "" {
		opts = append(opts, kgo.Rack(rack))
	}
	for _, p := range []struct {
		key string
		opt func(int32) kgo.ConsumerOpt
	}{
		{"fetch.max.bytes", kgo.FetchMaxBytes}, {"fetch.min.bytes", kgo.FetchMinBytes}, {"max.partition.fetch.bytes", kgo.FetchMaxPartitionBytes},
	} {
		if !c.props.Has(p.key) {
			continue
		}
		n, err := c.number(p.key, 0)
		if err != nil {
			return nil, err
		}
		if n <= 0 || n > 1<<31-1 {
			return nil, connect.Invalid("properties."+p.key, "must be from 1 to %d", 1<<31-1)
		}
		opts = append(opts, p.opt(int32(n)))
	}
	wait, err := c.millis("fetch.max.wait.ms", 500*time.Millisecond)
	return append(opts, kgo.FetchMaxWait(wait)), err
}

func (s *source) fetchOpts() []kgo.Opt {
	return append(slices.Clone(s.fetch), kgo.ConsumeResetOffset(s.reset))
}

func (s *source) Changes() connect.Changes            { return s.changes }
func (s *source) Bounded() bool                       { return s.stop.mode != "unbounded" }
func (s *source) Project(p connect.Projection)        { s.read = p }
func (s *source) DiscoverInterval() time.Duration     { return s.discovery }
func (s *source) Splits(int) ([]connect.Split, error) { return s.list(nil) }

// Discover lists partitions that are not known. They are new, so they are read from their
// beginning, wherever the others started.
func (s *source) Discover(known []string) ([]connect.Split, error) {
	seen := make(map[string]bool, len(known))
	for _, id := range known {
		seen[id] = true
	}
	return s.list(seen)
}

// list asks the brokers for the partitions and where to start and to end. known is nil at
// the start of a job.
func (s *source) list(known map[string]bool) ([]connect.Split, error) {
	cl, err := s.c.client()
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	ctx, cancel := s.c.within()
	defer cancel()
	list, err := s.partitions(ctx, adm)
	if err != nil {
		return nil, err
	}
	start := s.start
	if known != nil {
		start = bound{mode: "earliest-offset"}
		list = slices.DeleteFunc(list, func(p partition) bool { return known[p.id()] })
	}
	if len(list) == 0 {
		return nil, nil
	}
	if err := s.named(list, start, optStartOffsets); err != nil {
		return nil, err
	}
	from, err := s.resolve(ctx, adm, list, start, true)
	if err != nil {
		return nil, err
	}
	var to map[partition]int64
	if s.Bounded() {
		if err := s.named(list, s.stop, optEndOffsets); err != nil {
			return nil, err
		}
		if to, err = s.resolve(ctx, adm, list, s.stop, false); err != nil {
			return nil, err
		}
	}
	out := make([]connect.Split, len(list))
	for i, p := range list {
		pos := position{next: from[p], end: -1}
		if to != nil {
			pos.end = to[p] // of a partition that is not named: 0
		}
		out[i] = connect.Split{ID: p.id(), Pos: pos.encode()}
	}
	return out, nil
}

// named refuses offsets of partitions that are not there.
func (s *source) named(list []partition, b bound, key string) error {
	var bad []int32
	for n := range b.offsets {
		if !slices.Contains(list, partition{s.c.topics[0], n}) {
			bad = append(bad, n)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return connect.Invalid(key, "names partition %d, but topic '%s' has %d", slices.Min(bad), s.c.topics[0], len(list))
}

// Open begins to read a partition.
func (s *source) Open(split connect.Split, ctx connect.ReaderCtx) (connect.Reader, error) {
	p, err := partitionOf(split.ID)
	if err != nil {
		return nil, err
	}
	if !s.c.wants(p.topic) {
		return nil, diag.New(diag.Checkpoint, "the checkpoint reads topic '%s', which table %s does not name now", p.topic, s.c.t.Name)
	}
	pos, err := decodePosition(split.Pos)
	if err != nil {
		return nil, err
	}
	r, err := s.newReader(split.ID, p, pos, ctx)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func outOfRange(err error) bool {
	var loss *kgo.ErrDataLoss
	return errors.Is(err, kerr.OffsetOutOfRange) || errors.As(err, &loss)
}

// place names a record in messages.
func (p partition) place(offset int64) string {
	return "topic '" + p.topic + "' partition " + itoa(int64(p.num)) + " offset " + itoa(offset)
}
