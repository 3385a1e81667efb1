package python

import (
	"bytes"
	"encoding/binary"
	"strings"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

func putU32(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, v) }

// failure is the error that an answer with E holds, and the row it is of, -1 for none.
func failure(b []byte, name string) (int, *diag.Error) {
	d := decoder{b: b[1:]}
	row, n := d.u32(), d.u32()
	message, trace := d.take(int(n)), d.b
	if d.bad {
		return -1, errFrame
	}
	e := diag.New(diag.UserFunction, "%s: %s", name, firstLine(string(message)))
	for _, line := range strings.Split(string(trace), "\n") {
		if line = strings.TrimRight(line, " \r"); line != "" {
			e.WithNote(diag.Span{}, "%s", line)
		}
	}
	if int32(row) < 0 {
		return -1, e
	}
	return int(row), e
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

func duration(ms int64) string { return (time.Duration(ms) * time.Millisecond).String() }

// tail keeps the end of what a process writes to stderr.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const tailBytes = 4096

// Write takes more of it.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if n := len(t.b); n > tailBytes {
		t.b = append(t.b[:0], t.b[n-tailBytes:]...)
	}
	return len(p), nil
}

// lines are the last lines, at most 20.
func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []string
	for _, l := range bytes.Split(t.b, []byte("\n")) {
		if s := strings.TrimRight(string(l), " \r"); s != "" {
			out = append(out, s)
		}
	}
	return out[max(0, len(out)-20):]
}
