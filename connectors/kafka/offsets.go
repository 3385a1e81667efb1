package kafka

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// bound is one end of what is read of a partition: a mode and what it needs.
type bound struct {
	mode    string
	offsets map[int32]int64 // specific-offsets
	millis  int64           // timestamp
}

// readBound reads the options of one end.
func (c *table) readBound(mode, offsets, millis, def string, modes []string) (b bound, err error) {
	o := c.t.Options
	if b.mode, err = o.Enum(mode, def, modes...); err != nil {
		return b, err
	}
	switch b.mode {
	case "timestamp":
		if !o.Has(millis) {
			return b, connect.Missing(millis, "'"+mode+"' = 'timestamp' needs it")
		}
		b.millis, err = o.Int(millis, 0)
	case "specific-offsets":
		if !o.Has(offsets) {
			return b, connect.Missing(offsets, "'"+mode+"' = 'specific-offsets' needs it")
		}
		if len(c.topics) != 1 {
			return b, connect.Invalid(offsets, "is for tables of one topic")
		}
		b.offsets, err = parseOffsets(offsets, o[offsets])
	case "group-offsets":
		if !o.Has(optGroup) {
			return b, connect.Missing(optGroup, "'"+mode+"' is 'group-offsets', which is where that group stopped").
				WithHint("name the group, or set '%s' = '%s'", mode, map[bool]string{true: "earliest-offset", false: "latest-offset"}[mode == optStartup])
		}
	}
	return b, err
}

// parseOffsets reads "partition:0,offset:42;partition:1,offset:300".
func parseOffsets(key, text string) (map[int32]int64, error) {
	bad := connect.Invalid(key, "takes offsets such as 'partition:0,offset:42;partition:1,offset:300', not '%s'", text)
	out := map[int32]int64{}
	for pair := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(text), ";"), ";") {
		p, o, ok := strings.Cut(pair, ",")
		p, okP := strings.CutPrefix(strings.TrimSpace(p), "partition:")
		o, okO := strings.CutPrefix(strings.TrimSpace(o), "offset:")
		if !ok || !okP || !okO {
			return nil, bad
		}
		n, err := strconv.ParseInt(p, 10, 32)
		if err != nil || n < 0 {
			return nil, bad
		}
		at, err := strconv.ParseInt(o, 10, 64)
		if err != nil || at < 0 {
			return nil, bad
		}
		if _, twice := out[int32(n)]; twice {
			return nil, connect.Invalid(key, "names partition %d twice", n)
		}
		out[int32(n)] = at
	}
	return out, nil
}

// partition is a partition of a topic.
type partition struct {
	topic string
	num   int32
}

// id is the name of its split. Topics have no '/', and the number is padded, so that the
// order of names is that of partitions.
func (p partition) id() string {
	n := strconv.Itoa(int(p.num))
	return p.topic + "/" + strings.Repeat("0", max(0, 6-len(n))) + n
}

func partitionOf(id string) (partition, error) {
	topic, n, ok := strings.Cut(id, "/")
	num, err := strconv.ParseInt(n, 10, 32)
	if !ok || err != nil {
		return partition{}, diag.New(diag.Checkpoint, "'%s' is no partition of a topic", id)
	}
	return partition{topic, int32(num)}, nil
}

// position is where reading a partition goes on.
type position struct {
	next  int64 // offset of the next record
	given int   // rows of it that were given
	end   int64 // offset before which reading ends, -1 for none
}

// encode is the text of a position: "42", "42+1" after a row of record 42, "42..100" with
// an end.
func (p position) encode() []byte {
	out := strconv.AppendInt(nil, p.next, 10)
	if p.given > 0 {
		out = strconv.AppendInt(append(out, '+'), int64(p.given), 10)
	}
	if p.end >= 0 {
		out = strconv.AppendInt(append(out, '.', '.'), p.end, 10)
	}
	return out
}

func decodePosition(b []byte) (p position, err error) {
	p.end = -1
	text, end, bounded := strings.Cut(string(b), "..")
	if bounded {
		if p.end, err = strconv.ParseInt(end, 10, 64); err != nil {
			return p, diag.New(diag.Checkpoint, "position '%s' of a partition is damaged", b)
		}
	}
	next, given, more := strings.Cut(text, "+")
	if more {
		if p.given, err = strconv.Atoi(given); err != nil {
			return p, diag.New(diag.Checkpoint, "position '%s' of a partition is damaged", b)
		}
	}
	if p.next, err = strconv.ParseInt(next, 10, 64); err != nil {
		return p, diag.New(diag.Checkpoint, "position '%s' of a partition is damaged", b)
	}
	return p, nil
}

// partitions lists the partitions of the table's topics, in order of their names.
func (s *source) partitions(ctx context.Context, adm *kadm.Client) ([]partition, error) {
	var details kadm.TopicDetails
	var err error
	if s.c.pattern != nil {
		details, err = adm.ListTopics(ctx)
	} else {
		details, err = adm.ListTopics(ctx, s.c.topics...)
	}
	if err != nil {
		return nil, s.c.failed(err, "list the topics of")
	}
	var out []partition
	for _, d := range details.Sorted() {
		if !s.c.wants(d.Topic) {
			continue
		}
		if d.Err != nil {
			return nil, s.c.topicFailed(d.Err, d.Topic)
		}
		for n := range d.Partitions {
			out = append(out, partition{d.Topic, n})
		}
	}
	slices.SortFunc(out, func(a, b partition) int { return strings.Compare(a.id(), b.id()) })
	return out, nil
}

// resolve turns one end into offsets. missing says what an end of a group without an
// offset becomes; it is called for partitions in their order.
func (s *source) resolve(ctx context.Context, adm *kadm.Client, list []partition, b bound, start bool) (map[partition]int64, error) {
	topics := topicsOf(list)
	out := map[partition]int64{}
	take := func(offsets kadm.ListedOffsets, err error) error {
		if err == nil {
			err = offsets.Error()
		}
		if err != nil {
			return s.c.failed(err, "list the offsets of")
		}
		for _, p := range list {
			if o, ok := offsets.Lookup(p.topic, p.num); ok {
				out[p] = o.Offset
			}
		}
		return nil
	}
	latest := func() error {
		if s.committed {
			return take(adm.ListCommittedOffsets(ctx, topics...))
		}
		return take(adm.ListEndOffsets(ctx, topics...))
	}
	switch b.mode {
	case "earliest-offset":
		return out, take(adm.ListStartOffsets(ctx, topics...))
	case "latest-offset":
		return out, latest()
	case "timestamp":
		return out, take(adm.ListOffsetsAfterMilli(ctx, b.millis, topics...))
	case "specific-offsets":
		if start {
			// Partitions that are not named start at the group's offset, or at the beginning.
			if err := take(adm.ListStartOffsets(ctx, topics...)); err != nil {
				return nil, err
			}
			if s.group != "" {
				group, err := s.groupOffsets(ctx, adm)
				if err != nil {
					return nil, err
				}
				for p, at := range group {
					out[p] = at
				}
			}
		}
		for n, at := range b.offsets {
			out[partition{s.c.topics[0], n}] = at
		}
		return out, nil
	}
	group, err := s.groupOffsets(ctx, adm)
	if err != nil {
		return nil, err
	}
	reset := map[partition]int64{}
	for _, p := range list {
		at, ok := group[p]
		if !ok {
			if len(reset) == 0 {
				switch strings.ToLower(s.c.props.Text("auto.offset.reset", "none")) {
				case "earliest":
					err = take(adm.ListStartOffsets(ctx, topics...))
				case "latest":
					err = latest()
				default:
					err = diag.New(diag.NotFound, "consumer group '%s' has no offset for partition %d of topic '%s'", s.group, p.num, p.topic).
						WithHint("set 'properties.auto.offset.reset' = 'earliest' or 'latest', or another 'scan.startup.mode'")
				}
				if err != nil {
					return nil, err
				}
				reset, out = out, map[partition]int64{}
			}
			at = reset[p]
		}
		out[p] = at
	}
	return out, nil
}

// groupOffsets are the offsets of the consumer group.
func (s *source) groupOffsets(ctx context.Context, adm *kadm.Client) (map[partition]int64, error) {
	resp, err := adm.FetchOffsets(ctx, s.group)
	if err == nil {
		err = resp.Error()
	}
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, s.c.failed(err, "read the offsets of group '"+s.group+"' for")
	}
	out := map[partition]int64{}
	resp.Each(func(o kadm.OffsetResponse) {
		if o.At >= 0 {
			out[partition{o.Topic, o.Partition}] = o.At
		}
	})
	return out, nil
}

func topicsOf(list []partition) []string {
	var out []string
	for _, p := range list {
		if len(out) == 0 || out[len(out)-1] != p.topic {
			out = append(out, p.topic)
		}
	}
	return out
}
