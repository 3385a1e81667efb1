package filesystem

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
)

// A partition is committed by the watermark when that of every subtask has passed
// its time. Subtasks run and commit apart, so each leaves a mark in a hidden
// directory below the table after its files got their names: how far its watermark
// is, and which partitions it has written to. Whoever commits reads all marks
// and commits what the smallest watermark allows. As a subtask's mark follows its
// files, a partition so committed has all of its files. A subtask without live inputs
// holds nobody back, as in Flink, where one task hears the watermarks of all.
//
// Marks are an attempt's, in a directory of their own: that partitions wait, and how far the
// watermark was, is in the state of the writers, so that whoever goes on from a checkpoint or
// savepoint marks them anew. The next attempt removes the marks of the one before, the end of a
// job, whatever it is, those of the last; what a process leaves that is killed between the end
// and this is small, hidden, and read by nobody.

type mark struct {
	Watermark  int64    `json:"watermark"`
	Idle       bool     `json:"idle,omitempty"`
	Partitions []string `json:"partitions,omitempty"`
	// Attempt and Number are of the newest committable that it is of: those of one
	// subtask may be committed in another order.
	Attempt int64 `json:"attempt"`
	Number  int64 `json:"number"`
}

// marksDir is the directory of the attempt's marks.
func (c *committer) marksDir() string {
	return path.Join(c.s.root, c.marksPrefix()+strconv.FormatInt(c.attempt, 10))
}

func (c *committer) marksPrefix() string { return ".marks-" + c.tag + "-" }

func markName(parallelism, subtask int) string { return fmt.Sprintf("%d-%d", parallelism, subtask) }

// commitPartitions marks the partitions of m that are complete.
func (c *committer) commitPartitions(m committable) error {
	cfg := &c.s.commit
	if !cfg.shared(m.Parallelism) {
		for _, d := range m.Partitions {
			if err := c.success(d, true); err != nil {
				return err
			}
		}
		return nil
	}
	if m.Tag != "" && m.Tag != c.tag {
		return nil // of the job that left the savepoint: its subtasks say nothing of this one's
	}
	// One at a time: two that each read the marks before the other wrote its own would
	// both go away without the partitions that they complete together.
	c.marking.Lock()
	defer c.marking.Unlock()
	if c.closed {
		return nil // the job is over
	}
	marks, err := c.readMarks()
	if err != nil {
		return err
	}
	own := markName(m.Parallelism, m.Subtask)
	mine, ok := marks[own]
	if !ok {
		mine.Watermark = noWatermark
	}
	if m.Tag != "" && (m.Attempt > mine.Attempt || m.Attempt == mine.Attempt && m.Number >= mine.Number) {
		mine.Watermark, mine.Idle, mine.Attempt, mine.Number = m.Watermark, m.Idle, m.Attempt, m.Number
	}
	for _, d := range m.Partitions {
		if !slices.Contains(mine.Partitions, d) {
			mine.Partitions = append(mine.Partitions, d)
		}
	}
	marks[own] = mine
	if err := c.writeMark(own, mine); err != nil {
		return err
	}
	low, ok := lowest(marks, m.Parallelism)
	if !ok {
		return nil
	}
	return c.commitMarked(marks, own, low)
}

// lowest is the watermark of all subtasks, not ok while one has said nothing: the least of those
// that are live, else the greatest of those that may still come back, else the end.
func lowest(marks map[string]mark, parallelism int) (int64, bool) {
	least, most := int64(batch.MaxWatermark), int64(noWatermark)
	idle := false
	for i := range parallelism {
		mk, ok := marks[markName(parallelism, i)]
		switch {
		case !ok:
			return 0, false
		case mk.Watermark == batch.MaxWatermark:
		case mk.Idle:
			idle = true
			most = max(most, mk.Watermark)
		default:
			least = min(least, mk.Watermark)
		}
	}
	if least == batch.MaxWatermark && idle {
		return most, true
	}
	return least, true
}

// commitMarked commits what the watermark low of all subtasks allows.
func (c *committer) commitMarked(marks map[string]mark, own string, low int64) error {
	var names []string
	for n := range marks {
		names = append(names, n)
	}
	slices.Sort(names)
	var left []string
	for _, n := range names {
		for _, d := range marks[n].Partitions {
			ok, err := c.s.commit.due(&c.s.parts, d, 0, 0, low)
			if err != nil {
				return err
			}
			if ok {
				err = c.success(d, false)
			} else if n == own {
				left = append(left, d)
			}
			if err != nil {
				return err
			}
		}
	}
	if low == batch.MaxWatermark {
		return c.removeMarks(c.marksDir())
	}
	mine := marks[own]
	if len(left) == len(mine.Partitions) {
		return nil
	}
	mine.Partitions = left
	return c.writeMark(own, mine)
}

// success writes the empty file that says a partition is complete. again writes it
// anew if it is there, for rows that came late.
func (c *committer) success(dir string, again bool) error {
	disk := c.s.disk()
	full := path.Join(c.s.root, dir)
	p := path.Join(full, c.s.commit.file)
	if !again {
		if _, err := disk.Stat(p); err == nil {
			return nil
		}
	}
	f, err := disk.Create(p)
	if err != nil {
		return ioError(err, "create", p)
	}
	err = errors.Join(f.Sync(), f.Close())
	if err == nil {
		err = disk.SyncDir(full)
	}
	return ioError(err, "create", p)
}

func (c *committer) readMarks() (map[string]mark, error) {
	disk := c.s.disk()
	out := map[string]mark{}
	entries, err := disk.List(c.marksDir())
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return nil, ioError(err, "list", c.marksDir())
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue // not finished
		}
		p := path.Join(c.marksDir(), e.Name())
		text, err := c.readAll(p)
		if err != nil {
			return nil, err
		}
		var m mark
		if err := json.Unmarshal(text, &m); err != nil {
			return nil, diag.Wrap(diag.IO, err, "file '%s' is damaged", p)
		}
		out[e.Name()] = m
	}
	return out, nil
}

func (c *committer) readAll(p string) ([]byte, error) {
	f, err := c.s.disk().Open(p)
	if err != nil {
		return nil, ioError(err, "read", p)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, ioError(err, "read", p)
	}
	text := make([]byte, st.Size())
	if _, err := readFull(f, text, 0); err != nil {
		return nil, ioError(err, "read", p)
	}
	return text, nil
}

// writeMark replaces a mark as a whole.
func (c *committer) writeMark(name string, m mark) error {
	disk := c.s.disk()
	if err := disk.MkdirAll(c.marksDir()); err != nil {
		return ioError(err, "create directory", c.marksDir())
	}
	c.marked = true
	text, err := json.Marshal(m)
	if err != nil {
		return diag.Wrap(diag.Internal, err, "cannot write a mark")
	}
	temp, final := path.Join(c.marksDir(), "."+name), path.Join(c.marksDir(), name)
	f, err := disk.Create(temp)
	if err != nil {
		return ioError(err, "create", temp)
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = disk.Rename(temp, final)
	}
	if err == nil {
		err = disk.SyncDir(c.marksDir())
	}
	return ioError(err, "write", final)
}

// fenceMarks begins the marks of an attempt and removes those of older ones, which may know
// of a newer checkpoint than the one that it goes on from.
func (c *committer) fenceMarks(attempt int64) error {
	c.marking.Lock()
	defer c.marking.Unlock()
	c.attempt = attempt
	if !c.s.commit.on {
		return nil
	}
	entries, err := c.s.disk().List(c.s.root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return ioError(err, "list", c.s.root)
	}
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), c.marksPrefix())
		if n, err := strconv.ParseInt(number, 10, 64); !ok || err != nil || n >= attempt {
			continue
		}
		if err := c.removeMarks(path.Join(c.s.root, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (c *committer) removeMarks(dir string) error {
	return ioError(c.s.disk().RemoveAll(dir), "remove", dir)
}

// closeMarks removes the marks of the attempt that was the last.
func (c *committer) closeMarks() error {
	c.marking.Lock()
	defer c.marking.Unlock()
	c.closed = true
	if !c.marked {
		return nil
	}
	return c.removeMarks(c.marksDir())
}
