package filesystem

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"path"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

const noWatermark = math.MinInt64

// openMax is how many part files are open at once; the oldest is closed for the
// next.
const openMax = 256

// writer writes the rows of one subtask, a part file for each partition at a time.
// Every checkpoint closes all of them.
type writer struct {
	s   *sink
	ctx connect.WriterCtx
	tag string
	enc connect.Encoder

	number int64 // of the next part file
	made   int64 // committables
	open   map[string]*part
	order  []*part // open parts, oldest first
	closed []*part // finished since the last Prepare
	timer  int64   // when the next look at ages is set for, 0 if it is not

	// pending are partitions that were written to and are not committed, with the
	// processing time of their first row. noted are those of them that the marks of the
	// subtasks have.
	pending   map[string]int64
	noted     map[string]bool
	clock     int64 // processing time as far as it was seen
	watermark int64
	announced int64 // watermark at the last Prepare
	idle      bool  // no input is live
	saidIdle  bool  // at the last Prepare

	view  batch.Batch // columns that go into files
	split splitter
}

func (w *writer) Write(b *batch.Batch) error {
	n := b.Rows()
	if n == 0 {
		return nil
	}
	w.view.Cols = w.view.Cols[:0]
	for _, i := range w.s.bytesAt {
		w.view.Cols = append(w.view.Cols, b.Cols[i])
	}
	w.view.N, w.view.Kinds, w.view.Sel = b.N, b.Kinds, b.Sel
	if len(w.s.parts.cols) == 0 {
		return w.writeTo("")
	}
	groups := w.split.split(b, &w.s.parts)
	for _, g := range groups {
		w.view.Sel = g.lanes
		if err := w.writeTo(g.dir); err != nil {
			return err
		}
	}
	return nil
}

// writeTo writes the view to a partition.
func (w *writer) writeTo(dir string) error {
	p := w.open[dir]
	if p == nil {
		if len(w.order) >= openMax {
			if err := w.close(w.order[0]); err != nil {
				return err
			}
		}
		var err error
		if p, err = w.newPart(dir); err != nil {
			return err
		}
		w.open[dir] = p
		w.order = append(w.order, p)
		w.touch(dir, p.created)
		w.arm(p.created + w.s.roll.check.Milliseconds())
	}
	p.written = w.ctx.Now()
	if err := p.write(w, &w.view); err != nil {
		return err
	}
	if p.size >= w.s.roll.size {
		return w.close(p)
	}
	return nil
}

// touch notes that a partition has rows that are not committed.
func (w *writer) touch(dir string, now int64) {
	if !w.s.commit.on || dir == "" {
		return
	}
	if _, ok := w.pending[dir]; ok {
		return
	}
	w.pending[dir] = now
	w.clock = max(w.clock, now)
	if d := w.s.commit.delay; w.s.commit.byClock && d > 0 && w.ctx.SetTimer != nil {
		w.ctx.SetTimer(now + d)
	}
}

func (w *writer) arm(at int64) {
	if w.timer == 0 && w.ctx.SetTimer != nil {
		w.timer = at
		w.ctx.SetTimer(at)
	}
}

// close finishes a part file, to be committed with the next checkpoint.
func (w *writer) close(p *part) error {
	delete(w.open, p.dir)
	w.order = slices.DeleteFunc(w.order, func(q *part) bool { return p == q })
	if err := p.finish(w.s.disk()); err != nil {
		return err
	}
	w.closed = append(w.closed, p)
	return nil
}

// Idle hears whether no input is live.
func (w *writer) Idle(idle bool) { w.idle = idle }

func (w *writer) Watermark(ts int64) error {
	w.watermark = max(w.watermark, ts)
	return nil
}

// Timer closes part files that are old or that nobody writes to. Partitions whose delay has passed are
// committed with the next checkpoint.
func (w *writer) Timer(at int64) error {
	w.clock = max(w.clock, at)
	if w.timer == 0 || at < w.timer {
		return nil
	}
	w.timer = 0
	for _, p := range slices.Clone(w.order) {
		if at-p.created >= w.s.roll.interval.Milliseconds() || at-p.written >= w.s.roll.idle.Milliseconds() {
			if err := w.close(p); err != nil {
				return err
			}
		}
	}
	if len(w.order) > 0 {
		w.arm(at + max(w.s.roll.check.Milliseconds(), 1))
	}
	return nil
}

// committable is what a checkpoint holds of prepared files.
type committable struct {
	Attempt     int64           `json:"attempt"`
	Subtask     int             `json:"subtask"`
	Parallelism int             `json:"parallelism"`
	Txn         string          `json:"txn"`
	Files       []committedFile `json:"files,omitempty"`
	// Partitions may be committed as far as this subtask knows; where subtasks must know of
	// each other's watermarks they are those that were written to.
	Partitions []string `json:"partitions,omitempty"`
	Watermark  int64    `json:"watermark"`
	Idle       bool     `json:"idle,omitempty"`
	Number     int64    `json:"number,omitempty"` // counts the subtask's committables of an attempt
	Tag        string   `json:"tag,omitempty"`    // of the job's files: one that goes on from a savepoint has another
	Overwrite  bool     `json:"overwrite,omitempty"`
	// Static is the partition that is replaced whatever was written.
	Static string `json:"static,omitempty"`
	// Replace and its ID: Files take the place of others, see replace.go.
	ID      string       `json:"id,omitempty"`
	Replace *replacement `json:"replace,omitempty"`
	End     bool         `json:"end,omitempty"`
}

// committedFile is a durable file in progress and the name it is to get.
type committedFile struct {
	Dir   string `json:"dir"`
	Final string `json:"final"`
}

// Prepare closes all part files and makes them durable.
func (w *writer) Prepare(txn string) ([]byte, error) {
	for len(w.order) > 0 {
		if err := w.close(w.order[0]); err != nil {
			return nil, err
		}
	}
	c := committable{
		Attempt: w.ctx.Attempt, Subtask: w.ctx.Subtask, Parallelism: w.ctx.Parallelism, Txn: txn,
		Watermark: w.watermark, Overwrite: w.s.overwrite, Static: w.s.static, End: w.watermark == batch.MaxWatermark,
	}
	var dirs []string
	for _, p := range w.closed {
		// A newer attempt removes files of older ones: then this one is over.
		if _, err := w.s.disk().Stat(p.path); err != nil {
			return nil, ioError(err, "prepare", p.path)
		}
		c.Files = append(c.Files, committedFile{p.dir, p.final})
		if !slices.Contains(dirs, p.dir) {
			dirs = append(dirs, p.dir)
		}
	}
	for _, d := range dirs {
		if err := syncUp(w.s, d); err != nil {
			return nil, err
		}
	}
	if w.s.rewrite {
		return w.prepareReplace(c)
	}
	shared := w.s.commit.shared(w.ctx.Parallelism)
	due, err := w.due()
	if shared && err == nil {
		err = w.forget(due)
		due = w.unnoted()
	}
	if err != nil {
		return nil, err
	}
	c.Partitions = due
	news := shared && (w.watermark > w.announced && w.announced < batch.MaxWatermark || w.idle != w.saidIdle)
	w.made++
	c.Idle, c.Number, c.Tag = w.idle, w.made, w.tag
	if len(c.Files) == 0 && len(c.Partitions) == 0 && !news && !(c.Overwrite && c.End) {
		return nil, nil
	}
	out, err := json.Marshal(c)
	if err != nil {
		return nil, diag.Wrap(diag.Internal, err, "cannot write a committable")
	}
	for _, d := range due {
		if shared {
			w.noted[d] = true
		} else {
			delete(w.pending, d)
		}
	}
	w.closed, w.announced, w.saidIdle = nil, c.Watermark, c.Idle
	return out, nil
}

// forget drops partitions that are noted and have been committed since. Those that this
// subtask has not seen complete are asked for while it is idle: the others go on.
func (w *writer) forget(due []string) error {
	if w.idle {
		due = due[:0]
		for dir := range w.noted {
			due = append(due, dir)
		}
		slices.Sort(due)
	}
	for _, dir := range due {
		if !w.noted[dir] {
			continue
		}
		p := path.Join(w.s.root, dir, w.s.commit.file)
		if _, err := w.s.disk().Stat(p); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return ioError(err, "look for", p)
		}
		delete(w.pending, dir)
		delete(w.noted, dir)
	}
	return nil
}

// unnoted lists the partitions that no mark has, in name order.
func (w *writer) unnoted() []string {
	var out []string
	for dir := range w.pending {
		if !w.noted[dir] {
			out = append(out, dir)
		}
	}
	slices.Sort(out)
	return out
}

// syncUp makes the entries of a directory and of those above it, up to the one
// that holds the table, durable.
func syncUp(s *sink, dir string) error {
	for {
		full := path.Join(s.root, dir)
		if err := s.disk().SyncDir(full); err != nil {
			return ioError(err, "sync", full)
		}
		if dir == "" || dir == "." {
			return nil
		}
		dir = path.Dir(dir)
	}
}

// due lists the partitions that may be committed, in name order.
func (w *writer) due() ([]string, error) {
	if !w.s.commit.on {
		return nil, nil
	}
	var out []string
	for dir, created := range w.pending {
		ok, err := w.s.commit.due(&w.s.parts, dir, created, w.clock, w.watermark)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, dir)
		}
	}
	slices.Sort(out)
	return out, nil
}

// writerState is what a writer keeps over a restart.
type writerState struct {
	Pending   map[string]int64 `json:"pending,omitempty"`
	Watermark int64            `json:"watermark"`
}

func (w *writer) State() []byte {
	if w.s.rewrite {
		return w.rewriteState()
	}
	if !w.s.commit.on {
		return nil
	}
	out, _ := json.Marshal(writerState{w.pending, w.watermark}) // of maps of numbers: cannot fail
	return out
}

func (w *writer) Restore(states [][]byte) error {
	if w.s.rewrite {
		return w.restoreRewrite(states)
	}
	low := int64(math.MaxInt64)
	for _, b := range states {
		var st writerState
		if err := json.Unmarshal(b, &st); err != nil {
			return diag.Wrap(diag.Checkpoint, err, "state of the sink of %s is damaged", w.s.t.Name)
		}
		for dir, at := range st.Pending {
			if old, ok := w.pending[dir]; !ok || at < old {
				w.pending[dir] = at
			}
		}
		low = min(low, st.Watermark)
	}
	if len(states) > 0 {
		w.watermark = low
	}
	w.announced = noWatermark
	return nil
}

// Close removes part files that no checkpoint knows.
func (w *writer) Close() error {
	for _, p := range w.order {
		p.abandon(w.s.disk())
	}
	for _, p := range w.closed {
		p.abandon(w.s.disk())
	}
	w.open, w.order, w.closed = map[string]*part{}, nil, nil
	return nil
}
