package filesystem

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// A large file of lines is read by several subtasks, each a range of it that begins
// and ends where a record does. Where records end is known only when no line end can
// be inside of one: the format says so, given the bytes of the file.
//
// A range is a split whose position says where it ends, and whose ID is the file's
// name with the first byte behind it.

// rangeBytes is the least that is worth a range of its own; tests change it.
var rangeBytes int64 = 8 << 20

// ranges takes large files apart, for wanted subtasks.
func (s *source) ranges(files []string, wanted int) ([]connect.Split, error) {
	lines, unless, err := s.format.Lines(s.fopts)
	if err != nil || !lines {
		return nil, err
	}
	sizes := make([]int64, len(files))
	total := int64(0)
	for i, f := range files {
		st, err := s.disk().Stat(f)
		if err != nil {
			return nil, ioError(err, "read", f)
		}
		sizes[i] = st.Size()
		total += st.Size()
	}
	target := max(rangeBytes, total/int64(wanted)+1)
	var out []connect.Split
	for i, f := range files {
		if sizes[i] <= target+target/4 {
			out = append(out, connect.Split{ID: f})
			continue
		}
		parts, err := s.rangesOf(f, sizes[i], (sizes[i]+target-1)/target, unless)
		if err != nil {
			return nil, err
		}
		out = append(out, parts...)
	}
	slices.SortFunc(out, func(a, b connect.Split) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// rangesOf takes a file apart into at most n ranges of about the same size.
func (s *source) rangesOf(name string, size, n int64, unless byte) ([]connect.Split, error) {
	f, err := s.disk().Open(name)
	if err != nil {
		return nil, ioError(err, "read", name)
	}
	defer f.Close()
	if unless != 0 {
		_, found, err := scanFor(f, 0, size, unless)
		if err != nil {
			return nil, ioError(err, "read", name)
		}
		if found {
			return []connect.Split{{ID: name}}, nil
		}
	}
	starts := []int64{0}
	for i := int64(1); i < n; i++ {
		at, found, err := scanFor(f, max(size/n*i, starts[len(starts)-1]), size, '\n')
		if err != nil {
			return nil, ioError(err, "read", name)
		}
		if !found || at+1 >= size {
			break
		}
		starts = append(starts, at+1)
	}
	out := make([]connect.Split, len(starts))
	for i, start := range starts {
		end := int64(0) // the last one reads what is there when it comes to the end
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		// Only the first range has the file's header.
		p := position{offset: start, start: start, end: end, line: 1, header: start > 0, name: int64(len(name))}
		out[i] = connect.Split{ID: fmt.Sprintf("%s#%020d", name, start), Pos: p.encode()}
	}
	return out, nil
}

// scanFor returns where the byte c is first in a part of a file.
func scanFor(f env.ReadFile, from, to int64, c byte) (int64, bool, error) {
	buf := make([]byte, chunkBytes)
	for from < to {
		n, err := readFull(f, buf[:min(chunkBytes, to-from)], from)
		if k := bytes.IndexByte(buf[:n], c); k >= 0 {
			return from + int64(k), true, nil
		}
		from += int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, false, err
		}
	}
	return 0, false, nil
}

// fileOf is the file a split is of, when its position is not at hand.
func fileOf(id string) string {
	name, start, ok := cutLast(id, '#')
	if !ok || len(start) != 20 || strings.Trim(start, "0123456789") != "" {
		return id
	}
	return name
}

func cutLast(s string, sep byte) (string, string, bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// partFile is a file up to an offset.
type partFile struct {
	env.ReadFile
	end int64
}

func (p partFile) ReadAt(b []byte, at int64) (int, error) {
	if at >= p.end {
		return 0, io.EOF
	}
	if left := p.end - at; int64(len(b)) > left {
		n, err := p.ReadFile.ReadAt(b[:left], at)
		if err == nil {
			err = io.EOF
		}
		return n, err
	}
	return p.ReadFile.ReadAt(b, at)
}

// placed says in which file a mistake is. In a range lines are counted from its
// beginning, so those before it are counted now: mistakes are rare.
func (r *lineReader) placed(err error) error {
	e := diag.As(err)
	if e == nil || r.pos.start == 0 || e.Code != diag.MalformedRecord && e.Code != diag.LimitExceeded {
		return atFile(err, r.name)
	}
	if !r.counted {
		buf := make([]byte, chunkBytes)
		for at := int64(0); at < r.pos.start; {
			n, err := readFull(r.file, buf[:min(chunkBytes, r.pos.start-at)], at)
			r.before += int64(bytes.Count(buf[:n], []byte{'\n'}))
			if at += int64(n); err != nil {
				break // the place is then not exact, the mistake is the same
			}
		}
		r.counted = true
	}
	out := *e
	out.Msg = format.ShiftLine(e.Msg, r.before)
	return atFile(&out, r.name)
}
