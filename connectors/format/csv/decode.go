package csv

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/types"
)

type decoder struct {
	config
	schema types.Schema
	rows   *format.Rows
	fields []field
	// delimWord and the line end, in every byte of a word.
	delimWord, lineWord, quoteWord uint64
	// fast tries plain first.
	fast   bool
	report func(error)

	line       int64
	headerDone bool

	scratch []byte
	bad     string // what is wrong with the record at hand, first finding
	drop    bool   // it is not well-formed, so that no field of it counts
}

func newDecoder(s types.Schema, read connect.Projection, o connect.Options, t *connect.Table) (connect.Decoder, error) {
	c, err := readConfig(o, t)
	if err != nil {
		return nil, err
	}
	if err := checkTypes(s); err != nil {
		return nil, err
	}
	d := &decoder{config: c, schema: s, rows: format.NewRows(s, read), line: 1, headerDone: !c.header}
	d.fast = c.escape == 0 && !c.trim && len(s) > 0
	d.quoteWord = format.Repeat(c.quote)
	d.delimWord, d.lineWord = format.Repeat(c.delim), format.Repeat('\n')
	for i, f := range s {
		d.fields = append(d.fields, field{col: d.rows.Cols[i], op: opOf(d.rows.Cols[i]), t: f.Type})
	}
	return d, nil
}

func (d *decoder) OnBadRecord(report func(error)) { d.report = report }

func (d *decoder) Reset(line int64, headerDone bool) {
	d.line = max(line, 1)
	d.headerDone = headerDone || !d.header
}

func (d *decoder) Line() int64      { return d.line }
func (d *decoder) HeaderDone() bool { return d.headerDone }

var byteOrderMark = []byte{0xEF, 0xBB, 0xBF}

// Decode reads whole lines. The last line of a file may lack its end.
func (d *decoder) Decode(dst *batch.Batch, data []byte, at int64, last bool, max int) (int, error) {
	d.rows.Begin(dst, max)
	start := 0
	if at == 0 && bytes.HasPrefix(data, byteOrderMark) {
		start = len(byteOrderMark)
	}
	used, err := d.records(data, start, at)
	if err == nil && last && used < len(data) && !d.rows.Full(1) {
		err = d.rest(data, &used, at)
	}
	d.rows.End()
	return used, err
}

// rest reads what has no line end behind it at the end of the input: a line, or
// lines after a quote that is never closed.
func (d *decoder) rest(data []byte, used *int, at int64) error {
	tail := append(append(make([]byte, 0, len(data)-*used+1), data[*used:]...), '\n')
	n, err := d.records(tail, 0, at+int64(*used))
	*used = min(*used+n, len(data))
	if err != nil || *used == len(data) || d.rows.Full(1) {
		return err
	}
	// The quote that was not closed makes its line bad; go on behind it.
	if err := d.refuse(at+int64(*used), "quote is not closed"); err != nil {
		return err
	}
	*used += bytes.IndexByte(tail[n:], '\n') + 1
	d.line++
	if *used >= len(data) {
		*used = len(data)
		return nil
	}
	return d.rest(data, used, at)
}

// Message reads one record without a line end.
func (d *decoder) Message(dst *batch.Batch, data []byte) error {
	if len(data) > format.MaxRecord {
		return format.BadRecord(0, 0, "record is longer than 16 MB")
	}
	d.rows.BeginMessage(dst)
	d.line = 0
	data = append(append(make([]byte, 0, len(data)+1), bytes.TrimRight(data, "\r\n")...), '\n')
	n, err := d.records(data, 0, 0)
	if err == nil && n < len(data) {
		err = d.refuse(0, "quote is not closed")
	}
	d.line = 0
	d.rows.End()
	return err
}

// errIncomplete says that the record goes on behind the data.
var errIncomplete = errors.New("incomplete")

// records reads records from i on until the data or the room ends, and returns
// where the first unread one begins.
func (d *decoder) records(data []byte, i int, at int64) (int, error) {
	d.rows.Buffer(data)
	for i < len(data) && !d.rows.Full(1) {
		c := data[i]
		if c == '\n' || c == '\r' && i+1 < len(data) && data[i+1] == '\n' {
			i += 1
			if c == '\r' {
				i++
			}
			d.line++
			continue
		}
		if c == '#' && d.comments {
			n := bytes.IndexByte(data[i:], '\n')
			if n < 0 {
				return i, nil
			}
			i += n + 1
			d.line++
			continue
		}
		if d.fast && d.headerDone {
			n := bytes.IndexByte(data[i:], '\n')
			if n < 0 {
				return i, nil
			}
			if n <= format.MaxRecord && d.plain(data, i, i+n) {
				d.rows.EndFull()
				i += n + 1
				d.line++
				continue
			}
			d.rows.Undo()
		}
		d.bad, d.drop = "", false
		header := !d.headerDone
		end, lines, err := d.record(data, i)
		if err != nil {
			d.rows.Undo()
			return i, nil
		}
		if end-i > format.MaxRecord {
			d.rows.Undo()
			return i, format.BadRecord(d.line, at+int64(i), "record is longer than 16 MB")
		}
		switch {
		case header:
			d.rows.Undo()
			d.headerDone = true
		case d.bad != "":
			if err := d.refuse(at+int64(i), d.bad); err != nil {
				d.rows.Undo()
				return i, err
			}
			if d.drop {
				d.rows.Undo()
			} else {
				d.rows.EndRow(batch.Insert)
			}
		default:
			d.rows.EndFull()
		}
		i = end
		d.line += lines
	}
	return i, nil
}

// refuse reports a bad record: as an error, or to the counter if the options say
// so.
func (d *decoder) refuse(at int64, msg string) error {
	err := format.BadRecord(d.line, at, msg)
	if !d.ignore {
		return err
	}
	if d.report != nil {
		d.report(err)
	}
	return nil
}

// record reads the record at i and returns where the next begins and how many
// lines it took.
func (d *decoder) record(data []byte, i int) (int, int64, error) {
	lines := int64(1)
	for k := range d.fields {
		f := &d.fields[k]
		if d.trim {
			i = d.skipSpaces(data, i)
		}
		if i >= len(data) {
			return 0, 0, errIncomplete
		}
		from, to, end := i, 0, 0
		wide, made := false, false
		var value []byte
		switch c := data[i]; {
		case d.quote != 0 && c == d.quote:
			v, e, n, err := d.quoted(data, i)
			if err != nil {
				return 0, 0, err
			}
			lines += n
			from, to, end, made, wide = v.from, v.to, e, v.made, v.wide
			value = data[from:to]
			if made {
				value = d.scratch
			}
			end = d.skipSpaces(data, end)
			if end < len(data) && data[end] == '\r' {
				end++
			}
			if end < len(data) && data[end] != d.delim && data[end] != '\n' {
				d.note("text behind the closing quote of column ", k)
				d.drop = true
				end, _ = format.ScanAny2(data, end, d.delimWord, d.lineWord)
			}
			if end >= len(data) {
				return 0, 0, errIncomplete
			}
			f.put(d, k, data, from, to, value, made, wide, true)
		case f.op == opI64 && (c-'0' <= 9 || c == '-'):
			// Whole numbers are read while looking for their end.
			n, e := shortInt(data, i)
			if e > 0 && e < len(data) && (data[e] == d.delim || data[e] == '\n') {
				f.col.I64(n)
				end = e
				break
			}
			fallthrough
		default:
			end, wide = format.ScanAny2(data, i, d.delimWord, d.lineWord)
			if end >= len(data) {
				return 0, 0, errIncomplete
			}
			to = end
			if data[end] == '\n' && to > from && data[to-1] == '\r' {
				to--
			}
			for d.trim && to > from && isSpace(data[to-1]) {
				to--
			}
			value = data[from:to]
			if d.escape != 0 && bytes.IndexByte(value, d.escape) >= 0 {
				var err error
				if value, end, err = d.unescape(data, i); err != nil {
					return 0, 0, err
				}
				made, wide = true, true
				if d.trim {
					value = bytes.TrimRight(value, " \t")
				}
			}
			f.put(d, k, data, from, to, value, made, wide, false)
		}
		i = end + 1
		if data[end] == '\n' {
			if k+1 < len(d.fields) {
				d.noteCount(k + 1)
				d.drop = d.drop || d.needAll
				for _, f := range d.fields[k+1:] {
					if f.col != nil {
						f.col.Null()
					}
				}
			}
			return i, lines, nil
		}
	}
	return d.extra(data, i, lines)
}

// skipSpaces returns the first index from i on that is no space, or is a delimiter.
func (d *decoder) skipSpaces(data []byte, i int) int {
	for i < len(data) && isSpace(data[i]) && data[i] != d.delim {
		i++
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// extra reads the fields behind the last column.
func (d *decoder) extra(data []byte, i int, lines int64) (int, int64, error) {
	n := len(d.fields)
	blank := true // there is one, and nothing is in it
	for {
		n++
		from, end := i, 0
		if i < len(data) && d.quote != 0 && data[i] == d.quote {
			_, e, more, err := d.quoted(data, i)
			if err != nil {
				return 0, 0, err
			}
			lines += more
			i, blank = e, false
		}
		if end, _ = format.ScanAny2(data, i, d.delimWord, d.lineWord); end >= len(data) {
			return 0, 0, errIncomplete
		}
		blank = blank && len(bytes.TrimSpace(data[from:end])) == 0
		i = end + 1
		if data[end] != '\n' {
			blank = false
			continue
		}
		if !d.surplus && !(d.trailing && blank) {
			d.noteCount(n)
			d.drop = true
		}
		return i, lines, nil
	}
}

// shortInt reads up to 18 digits with an optional minus, and returns where they
// end, or 0.
func shortInt(s []byte, i int) (int64, int) {
	neg := s[i] == '-'
	if neg {
		i++
	}
	start := i
	var n int64
	for ; i < len(s); i++ {
		d := s[i] - '0'
		if d > 9 {
			break
		}
		n = n*10 + int64(d)
	}
	if i == start || i-start > 18 {
		return 0, 0
	}
	if neg {
		n = -n
	}
	return n, i
}

// span is a quoted value: a part of the data, or, if made, the scratch.
type span struct {
	from, to   int
	made, wide bool
}

// quoted reads the quoted value at i and returns the index behind its closing
// quote and the number of line ends inside.
func (d *decoder) quoted(data []byte, i int) (span, int, int64, error) {
	q, esc := format.Repeat(d.quote), d.quote
	if d.escape != 0 {
		esc = d.escape
	}
	from := i + 1
	v := span{from: from}
	d.scratch = d.scratch[:0]
	copied := from // what is before is in scratch, if made
	for k := from; ; {
		end, wide := format.ScanAny2(data, k, q, format.Repeat(esc))
		v.wide = v.wide || wide
		if end >= len(data) {
			return v, 0, 0, errIncomplete
		}
		switch {
		case data[end] == esc && esc != d.quote:
			if end+1 >= len(data) {
				return v, 0, 0, errIncomplete
			}
			d.scratch = append(d.scratch, data[copied:end]...)
			d.scratch = append(d.scratch, escaped(data[end+1]))
			v.made, k = true, end+2
			v.wide = v.wide || data[end+1] >= utf8.RuneSelf
			copied = k
		case end+1 >= len(data):
			return v, 0, 0, errIncomplete
		case data[end+1] == d.quote:
			d.scratch = append(d.scratch, data[copied:end+1]...)
			v.made, k = true, end+2
			copied = k
		default:
			v.to = end
			if v.made {
				d.scratch = append(d.scratch, data[copied:end]...)
			}
			return v, end + 1, int64(bytes.Count(data[from:end], newline)), nil
		}
	}
}

var newline = []byte{'\n'}

// escaped is what stands for a character behind the escape character.
func escaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case '0':
		return 0
	}
	return c
}

// unescape reads an unquoted value with escape characters.
func (d *decoder) unescape(data []byte, i int) ([]byte, int, error) {
	d.scratch = d.scratch[:0]
	for ; i < len(data); i++ {
		switch c := data[i]; c {
		case d.delim, '\n':
			return d.scratch, i, nil
		case d.escape:
			if i++; i == len(data) {
				return nil, 0, errIncomplete
			}
			d.scratch = append(d.scratch, escaped(data[i]))
		case '\r':
			if i+1 < len(data) && data[i+1] != '\n' {
				d.scratch = append(d.scratch, c)
			}
		default:
			d.scratch = append(d.scratch, c)
		}
	}
	return nil, 0, errIncomplete
}
