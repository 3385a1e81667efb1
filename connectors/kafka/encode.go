package kafka

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// encoder turns rows into records: keys and values in one piece of memory each, then a
// record a row.
type encoder struct {
	s            *sink
	value, key   connect.Encoder
	vview, kview batch.Batch
	values, keys connect.Encoded
	// Positions of metadata columns that are written, -1 for none.
	topic, headers, timestamp int
	// names of topics, so that records of a topic share one string.
	names map[string]string
}

func (s *sink) newEncoder() (*encoder, error) {
	c := s.c
	e := &encoder{s: s, topic: -1, headers: -1, timestamp: -1, names: map[string]string{}}
	// Only now is it known which metadata columns the statement writes.
	for i, key := range c.t.Metadata {
		col := c.t.Physical + i
		switch key {
		case "topic":
			e.topic = col
		case "headers":
			e.headers = col
		case "timestamp":
			e.timestamp = col
		default:
			return nil, diag.New(diag.InvalidQuery, "metadata '%s' of table %s cannot be written", key, c.t.Name).
				WithHint("declare the column VIRTUAL")
		}
	}
	if e.topic < 0 && s.topic == "" {
		return nil, connect.Invalid(optTopic, "must name one topic for a sink, unless the column 'topic' METADATA of each row does")
	}
	var err error
	if e.value, err = c.value.Encoder(c.valueSchema, c.valueOpts, c.t); err != nil {
		return nil, err
	}
	if c.key != nil {
		e.key, err = c.key.Encoder(c.keySchema, c.keyOpts, c.t)
	}
	return e, err
}

// records makes the records of b. Their bytes are in memory of their own.
func (e *encoder) records(b *batch.Batch, now int64) ([]kgo.Record, error) {
	c := e.s.c
	e.values.Reset()
	e.keys.Reset()
	view(&e.vview, b, c.valueAt)
	if c.upsert {
		// Kinds are in the records, not in the values.
		e.vview.Kinds = nil
	}
	if err := connect.EncodeMessages(e.value, &e.values, &e.vview); err != nil {
		return nil, err
	}
	if e.key != nil {
		view(&e.kview, b, c.keyAt)
		e.kview.Kinds = nil
		if err := connect.EncodeMessages(e.key, &e.keys, &e.kview); err != nil {
			return nil, err
		}
	}
	n := b.Rows()
	recs := make([]kgo.Record, n)
	var scratch [12]byte
	for i := range recs {
		r, lane := &recs[i], b.Lane(i)
		r.Topic = e.s.topic
		if !c.upsert || b.Kind(lane).Adds() {
			r.Value = e.values.Message(i)
		}
		if e.key != nil {
			r.Key = e.keys.Message(i)
		}
		at := now
		if e.timestamp >= 0 && !b.Cols[e.timestamp].IsNull(lane) {
			at = value(b.Cols[e.timestamp].I64, &b.Cols[e.timestamp], lane)
		}
		r.Timestamp = millisTime(at)
		if e.topic >= 0 && e.s.topic == "" {
			name, err := e.topicOf(b.Cols[e.topic].Bytes(lane, &scratch))
			if err != nil {
				return nil, err
			}
			r.Topic = name
		}
		if e.headers >= 0 {
			r.Headers = headersOf(&b.Cols[e.headers], lane)
		}
	}
	return recs, nil
}

// view makes v the columns at of b.
func view(v, b *batch.Batch, at []int) {
	v.Cols = v.Cols[:0]
	for _, i := range at {
		v.Cols = append(v.Cols, b.Cols[i])
	}
	v.N, v.Kinds, v.Sel = b.N, b.Kinds, b.Sel
}

// value is a value of a column that may be constant.
func value[T any](s []T, c *batch.Col, lane int) T {
	if c.Enc == batch.Const {
		lane = 0
	}
	return s[lane]
}

// topicOf checks the topic that a row names.
func (e *encoder) topicOf(name []byte) (string, error) {
	if s, ok := e.names[string(name)]; ok {
		return s, nil
	}
	s := string(name)
	if !e.s.c.wants(s) {
		of := "'topic': " + strings.Join(e.s.c.topics, ", ")
		if e.s.c.pattern != nil {
			of = "'topic-pattern'"
		}
		return "", diag.New(diag.InvalidArgument, "a row is for topic '%s', which table %s does not have", s, e.s.c.t.Name).
			WithHint("topics are those of %s", of)
	}
	e.names[s] = s
	return s, nil
}

// headersOf are the headers of a row.
func headersOf(c *batch.Col, lane int) []kgo.RecordHeader {
	if c.IsNull(lane) {
		return nil
	}
	pairs, _ := c.Any(lane).([]any)
	var out []kgo.RecordHeader
	for i := 0; i+1 < len(pairs); i += 2 {
		key, _ := pairs[i].(string)
		h := kgo.RecordHeader{Key: key}
		switch v := pairs[i+1].(type) {
		case string:
			h.Value = []byte(v)
		case []byte:
			h.Value = v
		}
		out = append(out, h)
	}
	return out
}
