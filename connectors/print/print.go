// Package print is the connector that writes every change as a line of text to
// standard output or standard error.
//
// A line is what Flink prints: the kind of change and the row in the text forms of
// Java, such as +I[1, abc, 2020-01-01T00:00]. Lines go to the writers of
// connect.Deps; nothing else is touched. Rows may be printed again after a restart.
package print

import (
	"fmt"
	"io"
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// Connector is 'connector' = 'print'.
var Connector = connect.Connector{
	Name:    "print",
	Summary: "Prints every change as a line.",
	Options: []connect.Option{
		{Key: "print-identifier", Doc: "Text put before each line, followed by '> '."},
		{Key: "standard-error", Type: connect.Bool, Default: "false", Doc: "Print to standard error instead of standard output."},
	},
	Sink: newSink,
}

type sink struct {
	out        io.Writer
	identifier string
}

func newSink(t *connect.Table) (connect.Sink, error) {
	toErr, err := t.Options.Bool("standard-error", false)
	if err != nil {
		return nil, err
	}
	s := &sink{out: t.Deps.Stdout, identifier: t.Options.Text("print-identifier", "")}
	if toErr {
		s.out = t.Deps.Stderr
	}
	if s.out == nil {
		s.out = io.Discard
	}
	return s, nil
}

// Changes asks for whatever the query gives.
func (s *sink) Changes(query connect.Changes) connect.Changes { return query }

// Shown: a replay prints again.
func (s *sink) Shown() bool { return true }

func (s *sink) Grade() string { return "at-least-once" }

func (s *sink) Open(w connect.WriterCtx) (connect.Writer, error) {
	out := s.out
	if o, ok := out.(connect.Outlets); ok {
		out = o.For(fmt.Sprint(w.Job, "/", w.Sink, "/", w.Subtask))
	}
	return &writer{out: out, prefix: prefix(s.identifier, w.Subtask, w.Parallelism)}, nil
}

func (s *sink) Committer(connect.WriterCtx) (connect.Committer, error) { return nil, nil }

// prefix is "identifier:2> " with its parts left out where they do not apply;
// subtasks count from 1.
func prefix(identifier string, subtask, parallelism int) string {
	p := identifier
	if parallelism > 1 {
		if p != "" {
			p += ":"
		}
		p += strconv.Itoa(subtask + 1)
	}
	if p != "" {
		p += "> "
	}
	return p
}

type writer struct {
	out    io.Writer
	prefix string
	buf    []byte
}

// Write prints the rows of b, many whole lines in one Write of the stream.
func (w *writer) Write(b *batch.Batch) error {
	w.buf = w.buf[:0]
	for i := range b.Rows() {
		lane := b.Lane(i)
		w.buf = append(w.buf, w.prefix...)
		w.buf = append(w.buf, b.Kind(lane).String()...)
		w.buf = appendRow(w.buf, b.Cols, lane)
		w.buf = append(w.buf, '\n')
		if len(w.buf) >= 64<<10 {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return w.flush()
}

func (w *writer) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	_, err := w.out.Write(w.buf)
	w.buf = w.buf[:0]
	if err != nil {
		return diag.Wrap(diag.IO, err, "cannot print")
	}
	return nil
}

func (w *writer) Watermark(int64) error          { return nil }
func (w *writer) Timer(int64) error              { return nil }
func (w *writer) Prepare(string) ([]byte, error) { return nil, nil }
func (w *writer) State() []byte                  { return nil }
func (w *writer) Restore([][]byte) error         { return nil }
func (w *writer) Close() error                   { return nil }
