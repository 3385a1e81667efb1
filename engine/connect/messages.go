package connect

import (
	"bytes"

	"github.com/minkstream/mink/engine/batch"
)

// Messages are messages that lie behind one another, to be decoded in one go. Each stands
// for a record that its owner numbers.
type Messages struct {
	// Data are the bytes; they stay untouched for ever.
	Data []byte

	ends []int // of each message in Data
	recs []int // the record that each is of
	rows []int // rows there are after each message that was decoded
}

// Reset forgets everything.
func (m *Messages) Reset() {
	m.Data, m.ends, m.recs, m.rows = nil, m.ends[:0], m.recs[:0], m.rows[:0]
}

// Add says that the next message ends before byte end and is of record rec. Records come
// in order.
func (m *Messages) Add(end, rec int) { m.ends, m.recs = append(m.ends, end), append(m.recs, rec) }

// Len is the number of messages, Done the number of those that were decoded.
func (m *Messages) Len() int  { return len(m.ends) }
func (m *Messages) Done() int { return len(m.rows) }

// Message is where message k lies in Data.
func (m *Messages) Message(k int) (from, to int) {
	if k > 0 {
		from = m.ends[k-1]
	}
	return from, m.ends[k]
}

// End notes that the next message was decoded and how many rows there are now.
func (m *Messages) End(rows int) { m.rows = append(m.rows, rows) }

// Of is the record of the message that is being decoded.
func (m *Messages) Of() int { return m.recs[min(len(m.rows), len(m.recs)-1)] }

// Record is the record of message k; Index is the message of a record that has one.
func (m *Messages) Record(k int) int { return m.recs[k] }

// Index finds the message of record rec, which must have one.
func (m *Messages) Index(rec int) int {
	if len(m.recs) > rec && m.recs[rec] == rec {
		return rec // every record has one
	}
	lo, hi := 0, len(m.recs)
	for lo < hi {
		mid := (lo + hi) / 2
		if m.recs[mid] < rec {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// RowsOf are the rows that message k gave: [from, to).
func (m *Messages) RowsOf(k int) (from, to int) {
	if k > 0 {
		from = m.rows[k-1]
	}
	return from, m.rows[k]
}

// MessagesDecoder is a Decoder that takes many messages in one call.
type MessagesDecoder interface {
	// Messages decodes messages from the first on, each as Message does, into dst,
	// which is reset, until all are done or dst has max rows; only the last one may
	// give more than fit. It calls m.End after each. After an error dst has the rows
	// of the messages before.
	Messages(dst *batch.Batch, m *Messages, max int) error
}

// DecodeMessages decodes messages with any decoder; see MessagesDecoder.
func DecodeMessages(d Decoder, dst *batch.Batch, m *Messages, max int) error {
	if all, ok := d.(MessagesDecoder); ok {
		return all.Messages(dst, m, max)
	}
	for k := range m.Len() {
		if dst.N >= max {
			return nil
		}
		from, to := m.Message(k)
		if err := d.Message(dst, m.Data[from:to]); err != nil {
			return err
		}
		m.End(dst.N)
	}
	return nil
}

// Encoded are messages that an encoder made, behind one another.
type Encoded struct {
	Data []byte
	ends []int // of each message; the bitwise complement for one that is missing
}

// Reset forgets the messages; their bytes stay untouched.
func (e *Encoded) Reset() { e.Data, e.ends = make([]byte, 0, cap(e.Data)), e.ends[:0] }

// End ends a message behind what was appended to Data. Null says that the next message is
// missing: a record without a value.
func (e *Encoded) End()  { e.ends = append(e.ends, len(e.Data)) }
func (e *Encoded) Null() { e.ends = append(e.ends, ^len(e.Data)) }

// Len is the number of messages.
func (e *Encoded) Len() int { return len(e.ends) }

// Message is message i, nil if it is missing.
func (e *Encoded) Message(i int) []byte {
	from, to := 0, e.ends[i]
	if i > 0 {
		from = max(e.ends[i-1], ^e.ends[i-1])
	}
	if to < 0 {
		return nil
	}
	return e.Data[from:to:to]
}

// MessagesEncoder is an Encoder that makes messages.
type MessagesEncoder interface {
	// Messages adds a message for each row of b, selected lanes only. An error leaves
	// the messages before.
	Messages(out *Encoded, b *batch.Batch) error
}

// EncodeMessages encodes rows as messages with any encoder. What ends a record in a file,
// a line end, is no part of a message.
func EncodeMessages(enc Encoder, out *Encoded, b *batch.Batch) error {
	if all, ok := enc.(MessagesEncoder); ok {
		return all.Messages(out, b)
	}
	one := *b
	var lane [1]uint16
	one.Sel = lane[:]
	for i := range b.Rows() {
		lane[0] = uint16(b.Lane(i))
		data, err := enc.Encode(out.Data, &one)
		if err != nil {
			return err
		}
		data = bytes.TrimSuffix(data, []byte{'\n'})
		out.Data = bytes.TrimSuffix(data, []byte{'\r'})
		out.End()
	}
	return nil
}
