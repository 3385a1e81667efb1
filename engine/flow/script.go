package flow

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
)

// A job's folder keeps, beside the checkpoints, how the job was made (Config.Script): a file
// for each life of its coordinator, by the attempt that was the first with a checkpoint. The
// plan stays the same for as long as a coordinator lives, and may be another one in the next
// life; which file is that of a checkpoint, the attempt in its metadata says.
//
//	state/job-<attempt>
const scriptPrefix = "job-"

// keepScript writes the script down, once there is a checkpoint that it belongs to.
func (c *coordinator) keepScript() {
	script := c.job.cfg.Script
	if c.scripted || script == nil || c.job.cfg.Dir == "" {
		return
	}
	c.scripted = true
	store, attempt := c.job.store, c.att.n
	c.onDisk("script", func() any {
		if text := script(); text != nil {
			// Without it the checkpoint is as good, but cannot be read with SQL.
			_ = store.writeFile("state/"+scriptPrefix+strconv.FormatInt(attempt, 10), text)
		}
		return nil
	})
}

// scriptOf is the name of the script of an attempt's checkpoints, "" if there is none.
func (s *ckptStore) scriptOf(attempt int64) (string, error) {
	list, err := s.disk.List(s.path("state"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	best := int64(0)
	for _, e := range list {
		if n := scriptAttempt(e.Name()); n > best && n <= attempt {
			best = n
		}
	}
	if err != nil || best == 0 {
		return "", err
	}
	return "state/" + scriptPrefix + strconv.FormatInt(best, 10), nil
}

// scriptAttempt is the attempt of a script by its file's name, 0 for other files.
func scriptAttempt(name string) int64 {
	text, ok := strings.CutPrefix(name, scriptPrefix)
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
