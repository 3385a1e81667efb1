package local

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// logBytesMax is the size at which a log is put aside as NAME.log.1 and begun anew.
const logBytesMax = 16 << 20

// Log is the log of a process: JSON lines in log/NAME.log.
func (h Home) Log(name string) (*slog.Logger, error) {
	if err := os.MkdirAll(h.Path("log"), 0o700); err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot make the folder of logs")
	}
	w := &logFile{path: h.Path("log", name+".log")}
	if err := w.open(); err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot write a log")
	}
	return slog.New(slog.NewJSONHandler(w, nil)), nil
}

// Audit notes in the audit log what was done by another way than a request to a server:
// by which door, by whom, what, and how it ended. That it cannot be noted stops nothing.
func (h Home) Audit(door, who, kind string, err error) {
	w := &logFile{path: h.Path("log", "audit.log")}
	if os.MkdirAll(h.Path("log"), 0o700) != nil || w.open() != nil {
		return
	}
	defer w.f.Close()
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	slog.New(slog.NewJSONHandler(w, nil)).Info("command", "door", door, "who", who, "kind", kind, "outcome", outcome)
}

// User is whoever runs this process, as the audit log names one.
func User() string { return "uid " + strconv.Itoa(os.Getuid()) }

// logFile is a file that is put aside when it is full. Several processes may write to it: each
// sees that another has put it aside, and goes on with the new one.
type logFile struct {
	path string
	mu   sync.Mutex
	f    *os.File
	size int64
}

func (l *logFile) open() error {
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	l.f, l.size = f, info.Size()
	return nil
}

func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.look()
	if l.size+int64(len(p)) > logBytesMax {
		l.putAside(int64(len(p)))
	}
	n, err := l.f.Write(p)
	l.size += int64(n)
	return n, err
}

// look opens the file anew if it was put aside, and sees what others have written.
func (l *logFile) look() {
	now, err := os.Stat(l.path)
	have, bad := l.f.Stat()
	if err == nil && bad == nil && os.SameFile(now, have) {
		l.size = now.Size()
		return
	}
	if old := l.f; l.open() == nil {
		old.Close()
	}
}

// putAside begins the file anew, unless another process just has: it would put the new one in
// the place of the one that is full.
func (l *logFile) putAside(more int64) {
	turn, err := os.OpenFile(l.path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return // it grows until there is room
	}
	defer turn.Close()
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		err = syscall.Flock(int(turn.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		return
	}
	if l.look(); l.size+more <= logBytesMax {
		return
	}
	old := l.f
	if err := errors.Join(os.Rename(l.path, l.path+".1"), l.open()); err == nil {
		old.Close()
	} else {
		l.f = old
	}
}

// Mistake is an error that a process told its log.
type Mistake struct {
	Time    time.Time `json:"time"`
	Process string    `json:"process"`
	Text    string    `json:"text"`
	Job     string    `json:"job,omitempty"`
}

// tailBytes is how much of a log is looked through for its last error.
const tailBytes = 256 << 10

// LastMistake is the newest error in the logs, nil when they have none.
func (h Home) LastMistake() *Mistake {
	files, _ := filepath.Glob(h.Path("log", "*.log")) // the pattern is good
	var all []Mistake
	for _, f := range files {
		for line := range bytes.Lines(tail(f)) {
			var e struct {
				Time              time.Time
				Level, Msg, Error string
				Job               string
			}
			if json.Unmarshal(line, &e) != nil || e.Level != "ERROR" {
				continue
			}
			m := Mistake{Time: e.Time, Process: trimLog(f), Text: e.Msg, Job: e.Job}
			if e.Error != "" {
				m.Text += ": " + e.Error
			}
			all = append(all, m)
		}
	}
	if len(all) == 0 {
		return nil
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Time.Before(all[j].Time) })
	return &all[len(all)-1]
}

func trimLog(path string) string {
	name := filepath.Base(path)
	return name[:len(name)-len(".log")]
}

// tail is the end of a file, from the beginning of a line on.
func tail(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	from := max(0, info.Size()-tailBytes)
	r := bufio.NewReader(io.NewSectionReader(f, from, info.Size()-from))
	if from > 0 {
		_, _ = r.ReadBytes('\n') // the rest of a line
	}
	text, _ := io.ReadAll(r)
	return text
}
