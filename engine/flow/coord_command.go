package flow

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// command is what the owner of a job asks for.
type command struct {
	kind  commandKind
	dir   string // of a savepoint
	reply func(path string, err error)
}

type commandKind uint8

const (
	cmdStart commandKind = iota
	cmdCancel
	cmdSavepoint
	cmdStop  // checkpoint, then no more rows
	cmdDrain // sources end now, then the job ends as if its input had ended
	cmdCheckpoint
	cmdPeek   // a base for the tape
	cmdHold   // let no task take a step, behind a barrier
	cmdResume // go on
)

func (k *command) answer(path string, err error) {
	if k.reply != nil {
		k.reply(path, err)
		k.reply = nil
	}
}

func (c *coordinator) onCommand(k *command) {
	switch k.kind {
	case cmdStart:
		c.boot()
		return
	case cmdCancel:
		c.cancel()
		return
	}
	if c.phase != runningNow || c.isFinal && k.kind != cmdDrain && k.kind != cmdResume {
		k.answer("", diag.New(diag.JobFailed, "the job is not running"))
		return
	}
	switch k.kind {
	case cmdPeek:
		c.peek()
		return
	case cmdResume:
		c.resume(k)
		return
	case cmdHold:
		if c.held != nil && c.status.Held {
			k.answer("", nil)
			return
		}
		c.holds = append(c.holds, k)
	case cmdSavepoint, cmdCheckpoint:
		c.asks = append(c.asks, k)
	case cmdStop:
		c.wantStop = ckptStop
		c.asks = append(c.asks, k)
	case cmdDrain:
		switch {
		case k.dir == "":
			k.answer("", nil)
		case c.cur != nil && c.cur.flags&ckptFinal != 0:
			c.cur.asks = append(c.cur.asks, k)
		default:
			c.drains = append(c.drains, k) // one that is taken before has not what comes by then
		}
		for _, t := range c.att.tasks {
			if t.src != nil {
				c.send(t, mail{kind: mailDrain})
			}
		}
		if k.dir != "" {
			return // taken with the final checkpoint
		}
	}
	c.next()
}

// cancel closes the tasks and ends the job.
func (c *coordinator) cancel() {
	switch c.phase {
	case over, cancelling, leaving:
		return
	case ending:
		if c.cleaning {
			// All is read, written and committed, and the tasks are closed. Should what the
			// job leaves behind resist being removed, nobody waits for it.
			if c.fails > 0 {
				c.epoch++
				c.finish(Finished)
			}
			return
		}
	case failing:
		c.phase = cancelling // mailStopped is on its way
		c.setState(Cancelling)
		return
	}
	c.epoch++
	c.setState(Cancelling)
	c.dropAsks(diag.New(diag.Cancelled, "the job was cancelled"))
	c.phase = cancelling
	if c.att == nil {
		c.leave(Cancelled)
		return
	}
	c.host.stop(c.att, nil)
}

func (c *coordinator) dropAsks(err error) {
	for _, k := range append(c.asks, c.drains...) {
		k.answer("", err)
	}
	if c.cur != nil {
		for _, k := range c.cur.asks {
			k.answer("", err)
		}
		c.cur.asks = nil
	}
	for _, k := range c.exports {
		k.answer("", err)
	}
	c.asks, c.drains, c.exports = nil, nil, nil
	for _, k := range c.holds {
		k.answer("", err)
	}
	c.holds = nil
}

// exported is the answer of export.
type exported struct {
	ask  *command
	path string
	err  error
}

// export makes of a complete checkpoint what the user wants as a savepoint: it is the
// user's from then on and refers to no file of the job.
func (c *coordinator) export(m *meta, ask *command) {
	if ask.dir == "" {
		ask.answer(c.job.store.path(chkName(m.id)), nil)
		return
	}
	c.exports = append(c.exports, ask)
	from, disk, script := c.job.store, c.job.named, c.job.cfg.Script
	share := c.job.cfg.Files == nil
	kept := c.job.cfg.Dir != "" // else it goes with the job
	c.onDisk("savepoint", func() any {
		name := env.Join(ask.dir, "savepoint-"+m.job+"-"+strconv.FormatInt(m.id, 10))
		err := from.export(m, disk, name, script, share)
		if e := diag.As(err); e != nil && ask.kind != cmdSavepoint && kept {
			e.Hint = "the job ends all the same: " + from.path(chkName(m.id)) + " has its state, and a job can begin from there as from a savepoint"
		}
		return &exported{ask, name, err}
	})
}

// export writes a checkpoint with its files to a folder. With share, files there are second
// names of those here where disk is that of s, and the folder lies on the same file system.
// Nobody writes to a file of state again; but where others than the job may write, they could,
// so there it must be a copy.
func (s *ckptStore) export(m *meta, disk env.Disk, dir string, script func() []byte, share bool) error {
	to := &ckptStore{disk: disk, dir: dir}
	err := disk.MkdirAll(to.path("state"))
	done := map[string]bool{}
	m.files(func(f fileRef) {
		if err == nil && !done[f.path] {
			done[f.path] = true
			if err = disk.Remove(to.path(f.path)); errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
			if err != nil || share && link(s, to, f.path) {
				return
			}
			err = copyFile(s, to, f.path)
		}
	})
	if err == nil {
		err = disk.SyncDir(to.path("state"))
	}
	if err == nil && script != nil {
		if text := script(); text != nil {
			err = to.writeFile(scriptFile, text)
		}
	}
	if err == nil {
		sp := *m
		sp.savepoint = true
		err = to.writeFile("_metadata", sp.encode())
	}
	if err != nil {
		return diag.Wrap(diag.Checkpoint, err, "writing savepoint %s", dir)
	}
	return nil
}

// link gives a file a second name on the disk of to, which has none of that name. Whatever keeps
// it from being linked need not keep it from being copied.
func link(from, to *ckptStore, name string) bool {
	if from.disk.Link(from.path(name), to.path(name)) != nil {
		return false
	}
	if _, err := to.disk.Stat(to.path(name)); err == nil {
		return true
	}
	_ = from.disk.Remove(to.path(name)) // the disks are two
	return false
}

func copyFile(from, to *ckptStore, name string) error {
	r, err := from.disk.Open(from.path(name))
	if err != nil {
		return err
	}
	defer r.Close()
	env.ReadSoon(r) //mink:det-ok a hint to the system, of which nothing comes back
	w, err := to.disk.Create(to.path(name))
	if err != nil {
		return err
	}
	if _, err = io.Copy(w, r); err == nil {
		err = w.Sync()
	}
	if e := w.Close(); err == nil {
		err = e
	}
	return err
}

// openSavepoint reads the metadata of a savepoint or of a checkpoint's folder.
func openSavepoint(disk env.Disk, dir string) (*meta, *ckptStore, error) {
	dir = env.Join(dir)
	if path.Base(dir) == "_metadata" {
		dir = path.Dir(dir)
	}
	s := &ckptStore{disk: disk, dir: dir}
	b, err := s.readFile("_metadata")
	if err != nil {
		return nil, nil, diag.Wrap(diag.Checkpoint, err, "no checkpoint or savepoint in %s", dir)
	}
	m, err := decodeMeta(b)
	if err != nil {
		return nil, nil, err
	}
	if !m.savepoint {
		s.dir = path.Dir(dir) // the files of a checkpoint lie beside its folder
	}
	if err := s.verify(m); err != nil {
		return nil, nil, diag.Wrap(diag.Checkpoint, err, "checkpoint %s cannot be used", dir)
	}
	return m, s, nil
}

// removeSnapshot removes a savepoint, or a checkpoint of another job with the files that
// none of that job's other checkpoints has. Failures are of no account.
func removeSnapshot(disk env.Disk, dir string) {
	m, s, err := openSavepoint(disk, dir)
	if err != nil {
		return
	}
	if m.savepoint {
		_ = disk.Remove(s.path("_metadata")) // first, so that nothing is found in part
		_ = disk.RemoveAll(s.dir)
		return
	}
	used := map[string]bool{}
	list, err := s.numbers()
	if err != nil {
		return
	}
	for _, n := range list {
		if n == m.id {
			continue
		}
		other, err := s.readMeta(n)
		if err != nil {
			return // what it refers to is not known
		}
		other.files(func(f fileRef) { used[f.path] = true })
	}
	var files []string
	m.files(func(f fileRef) {
		if !used[f.path] {
			used[f.path] = true
			files = append(files, f.path)
		}
	})
	s.remove([]int64{m.id}, files)
}

// alignGroup is a watermark alignment group: the newest watermarks of its tasks.
type alignGroup struct {
	name  string
	marks []taskMark
	limit int64
}

type taskMark struct {
	task int
	wm   int64
}

// alignAt takes a member's watermark and tells the group how far it may go.
func (c *coordinator) alignAt(task int, wm int64) {
	if c.phase != runningNow {
		return
	}
	spec := c.att.tasks[task].v.Source
	g := c.alignGroup(spec.AlignGroup)
	least := batch.MaxWatermark
	for i := range g.marks {
		if g.marks[i].task == task {
			g.marks[i].wm = wm
		}
		if !c.drained[g.marks[i].task] {
			least = min(least, g.marks[i].wm)
		}
	}
	// The sum saturates: a group without a watermark yet pauses nobody.
	limit := batch.MaxWatermark
	if d := spec.AlignDrift.Milliseconds(); least != batch.NoWatermark && least < batch.MaxWatermark-d {
		limit = least + d
	}
	if limit == g.limit {
		return
	}
	g.limit = limit
	for _, m := range g.marks {
		c.send(c.att.tasks[m.task], mail{kind: mailAlign, ts: limit})
	}
}

func (c *coordinator) alignGroup(name string) *alignGroup {
	for i := range c.groups {
		if c.groups[i].name == name {
			return &c.groups[i]
		}
	}
	g := alignGroup{name: name, limit: batch.MaxWatermark}
	for _, t := range c.att.tasks {
		if t.src != nil && t.src.spec.AlignGroup == name {
			g.marks = append(g.marks, taskMark{t.id, batch.NoWatermark})
		}
	}
	c.groups = append(c.groups, g)
	return &c.groups[len(c.groups)-1]
}
