package filesystem

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/env"
)

// inProgress ends the name of a file that is not committed; the name also begins
// with '.', so that no reader takes it.
const inProgress = ".inprogress"

// part is a file being written.
//
// Its name is that of the final file with a '.' before and .inprogress behind:
//
//	part-<sink>-<hash of job and sink>-<subtask>-<attempt>-<number>.<format>
type part struct {
	dir     string // below the root, "" for the root itself
	final   string // name without directory
	path    string // whole path of the file in progress
	file    env.File
	columns connect.FileWriter // of a columnar format
	created int64              // processing time, milliseconds
	written int64              // processing time of the last write
	buf     []byte             // encoded rows that are not written yet
	size    int64
}

// flushBytes is how much is encoded before it is written.
const flushBytes = 256 << 10

func (p *part) temp() string { return "." + p.final + inProgress }

// parseTemp takes the name of a file in progress of a sink apart.
func parseTemp(name, tag string) (attempt int64, ok bool) {
	rest, ok := strings.CutPrefix(name, ".part-"+tag+"-")
	if !ok {
		return 0, false
	}
	rest, ok = strings.CutSuffix(rest, inProgress)
	if !ok {
		return 0, false
	}
	// The name of a format may have a '-' itself.
	numbers, _, _ := strings.Cut(rest, ".")
	f := strings.Split(numbers, "-")
	if len(f) != 3 {
		return 0, false
	}
	attempt, err := strconv.ParseInt(f[0], 10, 64)
	return attempt, err == nil
}

// newPart creates a file in a partition's directory, under a name that no file
// has. In order of the names, what was written first of a key comes first: a key moves
// to another subtask only with another attempt. So changes can be read back.
func (w *writer) newPart(dir string) (*part, error) {
	disk := w.s.disk()
	full := path.Join(w.s.root, dir)
	if err := disk.MkdirAll(full); err != nil {
		return nil, ioError(err, "create directory", full)
	}
	p := &part{dir: dir, created: w.ctx.Now()}
	for {
		p.final = fmt.Sprintf("part-%s-%04d-%d-%06d.%s", w.tag, w.ctx.Attempt, w.ctx.Subtask, w.number, w.s.format.Name)
		w.number++
		// An older run of a job of the same name may have left one.
		if _, err := disk.Stat(path.Join(full, p.final)); err != nil {
			break
		}
	}
	p.path = path.Join(full, p.temp())
	f, err := disk.Create(p.path)
	if err != nil {
		return nil, ioError(err, "create", p.path)
	}
	p.file = f
	if w.enc != nil {
		p.buf = append(p.buf, w.enc.Header()...)
		return p, nil
	}
	if p.columns, err = w.s.format.NewFile(f, w.s.inBytes, w.s.fopts, w.s.t); err != nil {
		f.Close()
		disk.Remove(p.path)
		return nil, err
	}
	return p, nil
}

func (p *part) write(w *writer, b *batch.Batch) error {
	if p.columns != nil {
		if err := p.columns.Write(b); err != nil {
			return ioError(err, "write", p.path)
		}
		p.size = p.columns.Size()
		return nil
	}
	had := len(p.buf)
	buf, err := w.enc.Encode(p.buf, b)
	if err != nil {
		return err
	}
	p.buf = buf
	p.size += int64(len(buf) - had)
	if len(p.buf) >= flushBytes {
		return p.flush()
	}
	return nil
}

func (p *part) flush() error {
	if len(p.buf) == 0 {
		return nil
	}
	_, err := p.file.Write(p.buf)
	p.buf = p.buf[:0]
	return ioError(err, "write", p.path)
}

// finish writes what is left and makes the file durable. A file that could not be
// finished is removed.
func (p *part) finish(disk env.Disk) error {
	err := p.flush()
	if err == nil && p.columns != nil {
		err = ioError(p.columns.Close(), "write", p.path)
	}
	if err == nil {
		err = ioError(p.file.Sync(), "sync", p.path)
	}
	if e := ioError(p.file.Close(), "close", p.path); err == nil {
		err = e
	}
	p.file, p.buf = nil, nil
	if err != nil {
		disk.Remove(p.path)
	}
	return err
}

// abandon closes and removes the file.
func (p *part) abandon(disk env.Disk) {
	if p.file != nil {
		p.file.Close()
		p.file = nil
	}
	disk.Remove(p.path)
}
