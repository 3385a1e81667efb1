package probe

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// File is a log.
type File struct {
	Name    string
	Size    int64
	Written time.Time
}

// Logs are the files of a process in a folder of logs: NAME.log, what it printed in NAME.out,
// and what was put aside of either as .1.
type Logs struct {
	dir   string
	names func() []string
}

// LogsOf are the logs of a process in a folder; it may have several names.
func LogsOf(dir string, names ...string) *Logs {
	return &Logs{dir, func() []string { return names }}
}

// LogsIn are those of all processes that have logs in a folder.
func LogsIn(dir string) *Logs {
	return &Logs{dir, func() []string {
		list, _ := os.ReadDir(dir) // without a folder there are none
		var names []string
		for _, f := range list {
			if name, ok := strings.CutSuffix(f.Name(), suffixes[1]); ok {
				names = append(names, name)
			}
		}
		return names
	}}
}

// suffixes of the files of a process: the older first.
var suffixes = []string{".log.1", ".log", ".out.1", ".out"}

// has reports that a name is one of the process's. Nothing else is ever opened.
func (l *Logs) has(name string) bool {
	for _, p := range l.names() {
		for _, s := range suffixes {
			if name == p+s {
				return true
			}
		}
	}
	return false
}

// open opens a log by its name: the only door to files for what comes from outside. The
// system itself keeps the name below the folder, links included.
func (l *Logs) open(name string) (*os.File, error) {
	none := diag.New(diag.NotFound, "there is no log %q", name)
	if !l.has(name) {
		return nil, none
	}
	root, err := os.OpenRoot(l.dir)
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot open the folder of logs")
	}
	defer root.Close()
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil, none
	}
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot open a log")
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot open a log")
	}
	return f, nil
}

func (p *local) Files(context.Context) ([]File, error) {
	out := []File{}
	for _, n := range p.logs.names() {
		for _, s := range suffixes {
			f, err := p.logs.open(n + s)
			if diag.CodeOf(err) == diag.NotFound {
				continue
			}
			if err != nil {
				return nil, err
			}
			info, err := f.Stat()
			f.Close()
			if err != nil {
				return nil, diag.Wrap(diag.IO, err, "cannot read a log")
			}
			out = append(out, File{Name: n + s, Size: info.Size(), Written: info.ModTime()})
		}
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (p *local) Piece(_ context.Context, name string, from int64) ([]byte, error) {
	f, err := p.logs.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, PieceMax)
	n, err := f.ReadAt(b, max(0, from))
	if err != nil && err != io.EOF {
		return nil, diag.Wrap(diag.IO, err, "cannot read a log")
	}
	return b[:n], nil
}

// LinesOf says which lines of logs are wanted: those that are about a job, and of them
// unless it is "" those of a vertex, by its name, and unless it is negative of a subtask.
type LinesOf struct {
	Job     string
	Vertex  string
	Subtask int
	// From is Lines.Next of the last answer: what follows it is wanted.
	From string
}

// Lines are lines of logs: JSON objects, in the order in which they were written.
type Lines struct {
	Lines []string
	// Next is where what is not in Lines begins; More says that there is more by now.
	Next string
	More bool
}

// linesMax bounds an answer, in bytes; lineMax a line.
const (
	linesMax = 1 << 20
	lineMax  = 1 << 20
)

// mark is a place in the log of a process, which goes on in another file when one is full:
// what the file begins with, and how far it was read.
type mark struct {
	File uint64 `json:"file"`
	At   int64  `json:"at"`
}

// Lines reads the logs of all names of the process, one after the other: each is in the order
// of time, and who asks sorts them together.
func (p *local) Lines(_ context.Context, q LinesOf) (Lines, error) {
	marks := map[string]mark{}
	if q.From != "" && json.Unmarshal([]byte(q.From), &marks) != nil {
		return Lines{}, diag.New(diag.InvalidArgument, "where the lines are to begin cannot be read")
	}
	out := Lines{Lines: []string{}}
	room := linesMax
	for _, name := range p.logs.names() {
		m, more, err := p.logs.follow(name, marks[name], &q, func(line []byte) bool {
			out.Lines = append(out.Lines, string(line))
			room -= len(line)
			return room > 0
		})
		if err != nil {
			return Lines{}, err
		}
		marks[name] = m
		out.More = out.More || more
	}
	next, err := json.Marshal(marks)
	out.Next = string(next)
	return out, err
}

// follow gives the lines of a log from a mark on to take, until it wants no more, and tells
// how far it was read.
func (l *Logs) follow(name string, from mark, q *LinesOf, take func([]byte) bool) (mark, bool, error) {
	type part struct {
		f    *os.File
		mark mark
	}
	var parts []part
	defer func() {
		for _, x := range parts {
			x.f.Close()
		}
	}()
	for _, s := range suffixes[:2] {
		f, err := l.open(name + s)
		if diag.CodeOf(err) == diag.NotFound {
			continue
		}
		if err != nil {
			return from, false, err
		}
		x := part{f: f, mark: mark{File: firstLine(f)}}
		if len(parts) > 0 && parts[0].mark.File == x.mark.File {
			f.Close() // it was put aside between the two looks
			continue
		}
		parts = append(parts, x)
	}
	if i := slices.IndexFunc(parts, func(x part) bool { return x.mark.File == from.File && from.File != 0 }); i >= 0 {
		for k := range i {
			parts[k].f.Close()
		}
		parts = parts[i:]
		parts[0].mark.At = from.At
	}
	now := from
	for _, x := range parts {
		if x.mark.File == 0 {
			continue // nothing is in it yet
		}
		now = x.mark
		if _, err := x.f.Seek(now.At, io.SeekStart); err != nil {
			return now, false, diag.Wrap(diag.IO, err, "cannot read a log")
		}
		in := bufio.NewReaderSize(x.f, 64<<10)
		for {
			line, err := in.ReadBytes('\n')
			if err == io.EOF {
				break // a line that is being written is none yet
			}
			if err != nil {
				return now, false, diag.Wrap(diag.IO, err, "cannot read a log")
			}
			now.At += int64(len(line))
			line = bytes.TrimRight(line, "\n")
			if len(line) > lineMax || !q.wants(line) {
				continue
			}
			if !take(line) {
				return now, true, nil
			}
		}
	}
	return now, false, nil
}

// firstLine is a number for the first line of a file, by which it is known again; 0 when
// there is none.
func firstLine(f *os.File) uint64 {
	line, err := bufio.NewReader(io.NewSectionReader(f, 0, lineMax)).ReadBytes('\n')
	if err != nil {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write(line)
	return max(1, h.Sum64()>>1) // JSON keeps 63 bits of it for all who read it
}

func (q *LinesOf) wants(line []byte) bool {
	if !bytes.Contains(line, []byte(q.Job)) {
		return false
	}
	var x struct {
		Job     string
		Vertex  string
		Subtask *int
	}
	if json.Unmarshal(line, &x) != nil || x.Job != q.Job {
		return false
	}
	return (q.Vertex == "" || x.Vertex == q.Vertex) && (q.Subtask < 0 || x.Subtask != nil && *x.Subtask == q.Subtask)
}
