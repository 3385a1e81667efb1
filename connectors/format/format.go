// Package format holds what the formats share: columns that are filled value by
// value while bytes are scanned, the text forms of numbers and times, the set of
// fields that are read, and the lines of `--output json` and `--output csv`.
//
// Each format is a package below this one. A decoder binds Rows to the batch it
// fills, walks its bytes once, and hands each value to a Column; strings become
// views into the bytes read, so the bytes must never change afterwards. Nothing is
// allocated per row. Begin with Rows in column.go.
package format

import (
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/diag"
)

// Limits that keep bad input from taking all memory. They are promises of mink's,
// not options.
const (
	// MaxRecord is the size of a record in bytes.
	MaxRecord = 16 << 20
	// MaxDepth is how deep values of texts may nest.
	MaxDepth = 100
	// MaxBinaryDepth is how deep values of binary forms may nest, where a level takes a byte.
	MaxBinaryDepth = 64
)

// BadRecord makes the error of a record that is not of its format. at is the
// offset of the record in the file, line its number from 1; line 0 means that the
// record is a message of its own.
func BadRecord(line, at int64, msg string) *diag.Error {
	if line <= 0 {
		return diag.New(diag.MalformedRecord, "%s", msg)
	}
	return diag.New(diag.MalformedRecord, "line %d (byte %d): %s", line, at, msg)
}

// ShiftLine adds n to the line number that BadRecord put in front of a message.
func ShiftLine(msg string, n int64) string {
	rest, ok := strings.CutPrefix(msg, "line ")
	if !ok {
		return msg
	}
	number, rest, _ := strings.Cut(rest, " ")
	line, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return msg
	}
	return "line " + strconv.FormatInt(line+n, 10) + " " + rest
}

// excerptMax is how many bytes of a bad value a message shows.
const excerptMax = 40

// Excerpt quotes the beginning of a value for a message.
func Excerpt(v []byte) string {
	cut := ""
	if len(v) > excerptMax {
		n := excerptMax
		for n > excerptMax-4 && v[n]&0xC0 == 0x80 {
			n--
		}
		v, cut = v[:n], "..."
	}
	out := make([]byte, 0, len(v)+8)
	out = append(out, '\'')
	for _, c := range string(v) {
		if c < ' ' || c == 0x7F || c == '\uFFFD' {
			out = append(out, '?')
			continue
		}
		out = append(out, string(c)...)
	}
	return string(append(append(out, cut...), '\''))
}
