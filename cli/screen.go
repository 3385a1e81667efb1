package cli

import (
	"io"
	"os"
	"sync"
	"unicode/utf8"

	"github.com/mattn/go-isatty"

	"github.com/minkstream/mink/cli/show"
)

// screenOut is a stream that is a terminal. Whatever is written to it, from whichever
// command, has its control characters shown instead of obeyed: text of rows, names, files,
// tapes and other people's scripts cannot drive the terminal. What draws, and has cleaned
// the text in its drawing, asks for drawn.
type screenOut struct {
	f *os.File

	mu   sync.Mutex
	rest []byte // the beginning of a character, whose end comes with the next write
}

// guarded is w, behind a screenOut if it is a terminal.
func guarded(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		return &screenOut{f: f}
	}
	return w
}

// drawn is the stream itself, for sequences that move the cursor and set colours.
func drawn(w io.Writer) io.Writer {
	if s, ok := w.(*screenOut); ok {
		return s.f
	}
	return w
}

func (s *screenOut) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := append(s.rest, p...)
	whole := len(text)
	for back := 1; back < utf8.UTFMax && back <= len(text); back++ {
		if at := len(text) - back; utf8.RuneStart(text[at]) {
			if !utf8.FullRune(text[at:]) {
				whole = at
			}
			break
		}
	}
	s.rest = append([]byte(nil), text[whole:]...)
	if _, err := io.WriteString(s.f, show.CleanLines(string(text[:whole]))); err != nil {
		return 0, err
	}
	return len(p), nil
}
