package json

import (
	"bytes"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Lines decodes records that are lines of JSON. It is the part that the formats
// with JSON in them share: lines, limits, errors, resuming. What a record means is
// up to Record.
type Lines struct {
	Rows *format.Rows
	P    Parser
	// Record reads the record at P.I, ending each of its rows with Rows.EndRow, and
	// returns false when P.Broken says why. Rows that do not fit are not wanted: it
	// asks Room before each record that gives more than one.
	Record func() bool
	// Most is how many rows a record gives at most; 0 if there is no limit, as
	// with a list of objects. Then Record calls Take before each row.
	Most int
	// Ignore skips what cannot be read.
	Ignore bool

	report func(error)
	line   int64
	given  int // rows of the record at hand given by earlier calls
	took   int // rows of the record at hand, those of earlier calls included
	full   bool
}

// OnBadRecord, Reset, Line, HeaderDone, Given and SetGiven are as in
// connect.Decoder, Lenient and Partial.
func (l *Lines) OnBadRecord(report func(error)) { l.report = report }
func (l *Lines) Reset(line int64, _ bool)       { l.line, l.given = max(line, 1), 0 }
func (l *Lines) Line() int64                    { return max(l.line, 1) }
func (l *Lines) HeaderDone() bool               { return true }
func (l *Lines) Given() int                     { return l.given }
func (l *Lines) SetGiven(n int)                 { l.given = n }

// Take says what to do with the next row of a record without limit: give it, drop
// it because it was given before, or stop because the batch is full.
func (l *Lines) Take() (drop, ok bool) {
	if l.took < l.given {
		l.took++
		return true, true
	}
	if l.Rows.Full(1) {
		l.full = true
		return false, false
	}
	l.took++
	return false, true
}

// Decode reads lines.
func (l *Lines) Decode(dst *batch.Batch, data []byte, at int64, last bool, max int) (int, error) {
	l.Rows.Begin(dst, max)
	l.Rows.Buffer(data)
	i, err := 0, error(nil)
	for i < len(data) && err == nil {
		if l.Rows.Full(1) || l.Most > 1 && l.Rows.Full(l.Most) && l.Rows.N() > 0 {
			break
		}
		n := bytes.IndexByte(data[i:], '\n')
		end, next := i+n, i+n+1
		if n < 0 {
			if !last {
				break
			}
			end, next = len(data), len(data)
		}
		if end-i > format.MaxRecord {
			return i, format.BadRecord(l.Line(), at+int64(i), "record is longer than 16 MB")
		}
		if i == 0 && at == 0 && bytes.HasPrefix(data, byteOrderMark) {
			i = len(byteOrderMark)
		}
		var stop bool
		if stop, err = l.one(data, i, end, l.Line(), at+int64(i)); stop || err != nil {
			break
		}
		l.line = l.Line() + 1
		i = next
	}
	l.Rows.End()
	return i, err
}

var byteOrderMark = []byte{0xEF, 0xBB, 0xBF}

// one reads the record data[i:end]. stop says that the batch is full before its
// end.
func (l *Lines) one(data []byte, i, end int, line, at int64) (stop bool, err error) {
	l.P.Begin(data, i, end)
	if l.P.Space() == 0 && l.P.I == end {
		return false, nil
	}
	from := l.Rows.N()
	l.took, l.full = 0, false
	ok := l.Record()
	if l.full {
		l.given = l.took
		return true, nil
	}
	l.given = 0
	ok = ok && l.P.End()
	if ok && l.P.Bad == "" {
		return false, nil
	}
	why := l.P.Bad
	if !ok {
		// Text that is no JSON gives no row, not even in part.
		l.Rows.Cut(from)
		why = l.P.Broken
	}
	bad := format.BadRecord(line, at, why)
	if !l.Ignore {
		l.Rows.Cut(from)
		return false, bad
	}
	if l.report != nil {
		l.report(bad)
	}
	return false, nil
}

// Message reads a record of its own, which may span lines.
func (l *Lines) Message(dst *batch.Batch, data []byte) error {
	if len(data) > format.MaxRecord {
		return format.BadRecord(0, 0, "record is longer than 16 MB")
	}
	l.Rows.BeginMessage(dst)
	l.Rows.Buffer(data)
	l.given = 0
	had := l.Rows.N()
	full, err := l.one(data, 0, len(data), 0, 0)
	if full {
		l.given = 0
		l.Rows.Cut(had)
		err = diag.New(diag.LimitExceeded, "a message gives more rows than the %d a batch can have", batch.CapRows)
	}
	l.Rows.End()
	return err
}

// Messages reads records of their own, see connect.MessagesDecoder.
func (l *Lines) Messages(dst *batch.Batch, m *connect.Messages, max int) (err error) {
	l.Rows.BeginMessages(dst, max)
	l.Rows.Buffer(m.Data)
	for k := 0; k < m.Len() && l.Rows.N() < max && err == nil; k++ {
		from, to := m.Message(k)
		if to-from > format.MaxRecord {
			err = format.BadRecord(0, 0, "record is longer than 16 MB")
			break
		}
		l.given = 0
		had := l.Rows.N()
		var full bool
		if full, err = l.one(m.Data, from, to, 0, 0); full {
			l.given = 0
			l.Rows.Cut(had)
			if had > 0 {
				break // it has the next batch for itself
			}
			err = diag.New(diag.LimitExceeded, "a message gives more rows than the %d a batch can have", batch.CapRows)
		}
		if err == nil {
			m.End(l.Rows.N())
		}
	}
	l.Rows.End()
	return err
}

// decoder reads the format json.
type decoder struct {
	Lines
	row *Row
}

func newDecoder(s types.Schema, read connect.Projection, o connect.Options, _ *connect.Table) (connect.Decoder, error) {
	if err := CheckTypes("json", s); err != nil {
		return nil, err
	}
	d := &decoder{}
	var err error
	if d.P.Rules, d.Ignore, err = ReadRules("json", o); err != nil {
		return nil, err
	}
	d.Rows = format.NewRows(s, read)
	d.row = NewRow(s, d.Rows.Cols)
	d.Record = d.record
	return d, nil
}

// record reads an object, or a list of objects.
func (d *decoder) record() bool {
	if d.P.Space() != '[' {
		if !d.P.Row(d.row, d.Rows.N()) {
			return false
		}
		d.Rows.EndRow(batch.Insert)
		return true
	}
	d.P.I++
	if d.P.Space() == ']' {
		d.P.I++
		return true
	}
	for {
		drop, ok := d.Take()
		if !ok {
			return true
		}
		n := d.Rows.N()
		if !d.P.Row(d.row, n) {
			return false
		}
		if d.Rows.EndRow(batch.Insert); drop {
			d.Rows.Cut(n)
		}
		if more, ok := d.P.next(']'); !ok || !more {
			return ok
		}
	}
}
