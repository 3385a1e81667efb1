package csv

import (
	"bytes"
	"unicode/utf8"

	"github.com/minkstream/mink/connectors/format"
)

// plain reads the usual kind of record, data[i:end] with a line end at end: no
// quotes, no escapes, as many fields as columns, values of their types. Ends of
// fields are found by the fastest search there is. It reports false, with columns
// half filled, when the record is of another kind or bad, which record is to find
// out.
func (d *decoder) plain(data []byte, i, end int) bool {
	to := end
	if to > i && data[to-1] == '\r' {
		to--
	}
	line := data[i:to]
	quoted, wide := format.Has(line, d.quoteWord)
	if wide {
		if !utf8.Valid(line) {
			return false
		}
		quoted = bytes.IndexByte(line, d.quote) >= 0
	}
	if quoted && d.quote != 0 {
		return false
	}
	last := len(d.fields) - 1
	for k := range d.fields {
		f := &d.fields[k]
		if f.op == opI64 && i < to && (data[i]-'0' <= 9 || data[i] == '-') {
			// Whole numbers are read while looking for their end.
			n, e := shortInt(data, i)
			if e > 0 && (e == to && k == last || e < to && data[e] == d.delim && k < last) {
				f.col.I64(n)
				i = e + 1
				continue
			}
		}
		n := bytes.IndexByte(data[i:to], d.delim)
		if (n < 0) != (k == last) {
			return false
		}
		if n < 0 {
			n = to - i
		}
		value := data[i : i+n]
		switch {
		case f.op == opSkip:
		case d.hasNull && string(value) == d.null:
			f.col.Null()
		case n == 0 && (f.op != opString || d.emptyNull):
			f.col.Null()
		case f.op == opString:
			f.col.Ref(i, i+n)
		case !d.parse(f.col, value):
			return false
		}
		i += n + 1
	}
	return true
}
