// Package diag says where a mistake is, what it is called and what would help.
//
// Every error a user sees is an *Error: a stable code, the place in the
// statement (byte offsets), one sentence, and where possible notes on other
// places and a hint. Lines, columns and the caret are worked out only when the
// error is shown, by Render, against a Source that knows where the statement
// stood in its file.
//
// diag imports nothing of mink, so that every package can use it. It decides
// nothing and prints nothing: Render returns text. Codes live in codes.go; a code,
// once published, is never given another meaning.
package diag

import (
	"errors"
	"fmt"
)

// Code names a kind of mistake. It is stable: scripts, tests and `mink explain`
// rely on it.
type Code string

// Span is a range of bytes in a statement's text: Start is the first byte, End
// the one after the last. The zero Span means "no place known".
type Span struct {
	Start int
	End   int
}

// IsZero reports whether the span says nothing.
func (s Span) IsZero() bool { return s.Start == 0 && s.End == 0 }

// Join returns the smallest span that covers both. A zero span adds nothing.
func (s Span) Join(o Span) Span {
	switch {
	case s.IsZero():
		return o
	case o.IsZero():
		return s
	}
	return Span{Start: min(s.Start, o.Start), End: max(s.End, o.End)}
}

// Shift moves a span by n bytes; a zero span stays zero.
func (s Span) Shift(n int) Span {
	if s.IsZero() {
		return s
	}
	return Span{Start: s.Start + n, End: s.End + n}
}

// Note points at a second place that matters, such as the first of two
// declarations. Its span may be zero: then only the text is shown.
type Note struct {
	Span Span
	Msg  string
}

// Error is a mistake with its place. The message is one sentence in lower case
// without a full stop, and names the thing and the choice the reader has.
type Error struct {
	Code  Code
	Span  Span // bytes in the statement text; zero when no place is known
	Msg   string
	Notes []Note
	Hint  string // what to do, without the word "hint"
	// In is the text of the statement that Span lies in, when that is an earlier one
	// than the statement being run. Notes always lie in the latter.
	In    string
	Cause error // the error underneath, if any; reached by errors.Unwrap
	// Final: who made the error knows that another attempt meets it again, whatever the time
	// and whatever the rows, so a job that has it is not restarted.
	Final bool
}

// At makes an error at a place.
func At(span Span, code Code, format string, args ...any) *Error {
	return &Error{Code: code, Span: span, Msg: sprintf(format, args)}
}

// New makes an error that has no place in a statement.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Msg: sprintf(format, args)}
}

// Wrap makes an error out of one from outside, said once with what was being
// attempted. The message is the formatted text, a colon and the text of err; err
// stays reachable by errors.Is and errors.As. Wrap of a nil error is a plain New.
func Wrap(code Code, err error, format string, args ...any) *Error {
	msg := sprintf(format, args)
	if err != nil {
		msg += ": " + message(err)
	}
	return &Error{Code: code, Msg: Scrub(msg), Cause: err}
}

// As returns the *Error in err's chain, or nil.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// CodeOf returns the code of err, or Internal for an error that has none; the
// empty code for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e := As(err); e != nil {
		return e.Code
	}
	return Internal
}

// Error is the one-line form: code and message. Places need the source: see
// Render.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Msg }

// Unwrap returns the error underneath.
func (e *Error) Unwrap() error { return e.Cause }

// Is makes errors.Is match on the code of another *Error that carries nothing
// else, so that errors.Is(err, &diag.Error{Code: diag.NotFound}) works.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Msg == "" && t.Code == e.Code
}

// WithHint sets what the reader can do and returns e.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = sprintf(format, args)
	return e
}

// WithNote adds a second place and returns e.
func (e *Error) WithNote(span Span, format string, args ...any) *Error {
	e.Notes = append(e.Notes, Note{Span: span, Msg: sprintf(format, args)})
	return e
}

// Or gives the error a place if it has none yet, and returns e. Callers that know
// the place use it on errors from code that does not.
func (e *Error) Or(span Span) *Error {
	if e.Span.IsZero() {
		e.Span = span
	}
	return e
}

// sprintf leaves a message alone when it has no arguments, so that a text with a
// percent sign in it can be passed as it is. Nothing that a reference gave stays in it.
func sprintf(format string, args []any) string {
	if len(args) == 0 {
		return Scrub(format)
	}
	return Scrub(fmt.Sprintf(format, args...))
}

// message is the text of an error without the code in front when it is ours.
func message(err error) string {
	if e, ok := err.(*Error); ok {
		return e.Msg
	}
	return err.Error()
}
