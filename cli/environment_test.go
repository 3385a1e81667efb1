package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/env"
)

// TestCheckpointFolderVanishes: the job ends with a clear error instead of going on
// without its past, and goes on when the folder is back.
func TestCheckpointFolderVanishes(t *testing.T) {
	dir := t.TempDir()
	pairs, totals := killData(t, dir, 5_000, rand.New(rand.NewPCG(7, 7)))
	c := minkCommand(t, dir, killArgs(2)...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		list, _ := filepath.Glob(filepath.Join(dir, "ck", "job-1", "chk-*", "_metadata"))
		return len(list) > 0
	})
	if err := os.Rename(filepath.Join(dir, "ck"), filepath.Join(dir, "away")); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitFailed {
		t.Fatalf("got %v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "checkpoint: ") || !strings.Contains(out.String(), "has vanished") {
		t.Errorf("the error does not say what happened:\n%s", out.String())
	}
	checkNames(t, dir, true)
	if _, err := os.Stat(filepath.Join(dir, "ck")); err == nil {
		t.Error("the folder was made again")
	}
	if err := os.Rename(filepath.Join(dir, "away"), filepath.Join(dir, "ck")); err != nil {
		t.Fatal(err)
	}
	runToEnd(t, dir, 2)
	checkOutput(t, dir, pairs, totals)
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not happen within 20 s")
		}
	}
}

// fullDisk takes a number of bytes below out and no more.
type fullDisk struct {
	env.Disk
	room atomic.Int64
}

func (d *fullDisk) Create(name string) (env.File, error) {
	f, err := d.Disk.Create(name)
	if err != nil || !strings.HasPrefix(name, "out/") {
		return f, err
	}
	return &fullFile{f, d}, nil
}

type fullFile struct {
	env.File
	d *fullDisk
}

func (f *fullFile) Write(b []byte) (int, error) {
	left := f.d.room.Add(-int64(len(b)))
	if left >= 0 {
		return f.File.Write(b)
	}
	// As a real disk does, take what there is room for.
	n, err := f.File.Write(b[:max(0, int(left)+len(b))])
	if err == nil {
		err = &os.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
	}
	return n, err
}

// TestFullDisk: a sink without room fails the run, leaves no partial file, and a
// run with room again goes on from the last checkpoint.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	pairs, totals := killData(t, dir, 5_000, rand.New(rand.NewPCG(8, 8)))
	t.Chdir(dir)
	disk := &fullDisk{Disk: env.OS("").Disk}
	disk.room.Store(100_000)
	var out, errOut bytes.Buffer
	a := &app{in: strings.NewReader(""), out: &out, err: &errOut, disk: disk}
	err := a.runScripts(context.Background(), runFlags{nodes: 1, checkpointDir: "ck"}, text{"job.sql", killScript})
	var e *exitError
	if !errors.As(err, &e) || e.code != exitFailed {
		t.Fatalf("got %v\n%s", err, errOut.String())
	}
	if !strings.Contains(errOut.String(), "no space left on device") || !strings.Contains(errOut.String(), "job.sql:") {
		t.Errorf("the error does not say what happened:\n%s", errOut.String())
	}
	if strings.Contains(errOut.String(), "is restarted") {
		t.Errorf("a full disk was tried again:\n%s", errOut.String())
	}
	checkNames(t, dir, true)
	runToEnd(t, dir, 2)
	checkOutput(t, dir, pairs, totals)
}

// metaDisk has little room, and counts the checkpoints that are written.
type metaDisk struct {
	env.Disk
	checkpoints atomic.Int64
}

func (d *metaDisk) Room(string) (free, total int64, err error) { return 1 << 30, 1 << 40, nil }

func (d *metaDisk) Create(name string) (env.File, error) {
	if strings.Contains(name, "_metadata") {
		d.checkpoints.Add(1)
	}
	return d.Disk.Create(name)
}

// TestDiskReserve: periodic checkpoints leave the disk the room that a setting says; the
// job goes on to its end, whose checkpoint is taken all the same.
// shows mink.checkpointing.disk-reserve
func TestDiskReserve(t *testing.T) {
	for reserve, want := range map[string]bool{"2 gb": false, "500 mb": true, "0": true} {
		t.Chdir(t.TempDir())
		disk := &metaDisk{Disk: env.OS("").Disk}
		var out, errOut bytes.Buffer
		a := &app{in: strings.NewReader(""), out: &out, err: &errOut, disk: disk}
		err := a.runScripts(context.Background(), runFlags{nodes: 1, checkpointDir: "ck"}, text{"job.sql", `
			SET 'mink.checkpointing.disk-reserve' = '` + reserve + `';
			SET 'execution.checkpointing.interval' = '20 ms';
			CREATE TABLE t (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '200', 'number-of-rows' = '60');
			CREATE TABLE h (n BIGINT) WITH ('connector' = 'blackhole');
			INSERT INTO h SELECT COUNT(*) FROM t;`})
		if err != nil {
			t.Fatalf("%v\n%s", err, errOut.String())
		}
		if n := disk.checkpoints.Load(); n == 0 || (n > 3) != want {
			t.Errorf("%s: %d checkpoints", reserve, n)
		}
	}
}

// TestFullTmpfs is TestFullDisk with a real file system, where that may be mounted.
func TestFullTmpfs(t *testing.T) {
	dir := t.TempDir()
	pairs, totals := killData(t, dir, 5_000, rand.New(rand.NewPCG(9, 9)))
	out := filepath.Join(dir, "out")
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", out, "tmpfs", 0, "size=160k"); err != nil {
		t.Skip("no file system can be mounted here: ", err)
	}
	defer func() { _ = syscall.Unmount(out, 0) }()
	text, err := minkCommand(t, dir, killArgs(2)...).CombinedOutput()
	if err == nil || !strings.Contains(string(text), "no space left on device") {
		t.Fatalf("got %v\n%s", err, text)
	}
	checkNames(t, dir, true)
	if err := syscall.Mount("tmpfs", out, "tmpfs", syscall.MS_REMOUNT, "size=16m"); err != nil {
		t.Fatal(err)
	}
	runToEnd(t, dir, 1)
	checkOutput(t, dir, pairs, totals)
}

// TestNoPermission: folders that may not be read or written are an error that names
// them, at once, and nothing is left behind.
func TestNoPermission(t *testing.T) {
	dir := t.TempDir()
	for p := dir; p != filepath.Dir(os.TempDir()) && p != "/"; p = filepath.Dir(p) {
		_ = os.Chmod(p, 0o755) // the user below has to get here
	}
	for name, mode := range map[string]os.FileMode{"shut": 0o700, "fixed": 0o555, "open": 0o777} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "data.csv"), []byte("1\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	mink := func(sql string, args ...string) (string, error) {
		c := minkCommand(t, dir, append([]string{"sql", "--output", "json", "-e", sql}, args...)...)
		if os.Getuid() == 0 {
			// Root may do anything; be somebody else.
			self := filepath.Join(dir, "mink")
			if err := os.Link(c.Path, self); err != nil && !os.IsExist(err) {
				t.Skip("the binary cannot be given to another user: ", err)
			}
			c.Path = self
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		} else if err := os.Chmod(filepath.Join(dir, "shut"), 0); err != nil {
			t.Fatal(err)
		}
		b, err := c.CombinedOutput()
		return string(b), err
	}
	defer os.Chmod(filepath.Join(dir, "shut"), 0o755)
	const table = "CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'csv'); %s"
	if out, err := mink(fmt.Sprintf(table, "open", "SELECT * FROM t")); err != nil || !strings.Contains(out, `"a":1`) {
		t.Fatalf("an open folder cannot be read: %v\n%s", err, out)
	}
	for _, c := range []struct {
		name, sql string
		args      []string
		want      string
	}{
		{"source", fmt.Sprintf(table, "shut", "SELECT * FROM t"), nil, "shut"},
		{"source with checkpoints", fmt.Sprintf(table, "shut", "SELECT * FROM t"), []string{"--set", "execution.checkpointing.interval=1s"}, "shut"},
		{"sink", fmt.Sprintf(table, "fixed", "INSERT INTO t VALUES (2)"), nil, "fixed"},
		{"sink with checkpoints", fmt.Sprintf(table, "fixed", "INSERT INTO t VALUES (2)"), []string{"--set", "execution.checkpointing.interval=1s"}, "fixed"},
		{"checkpoints", fmt.Sprintf(table, "open/o", "INSERT INTO t VALUES (2)"), []string{"--checkpoint-dir", "fixed/ck"}, "fixed/ck"},
	} {
		out, err := mink(c.sql, c.args...)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitFailed || !strings.Contains(out, "permission denied") || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v\n%s", c.name, err, out)
		}
		if strings.Contains(out, "is restarted") {
			t.Errorf("%s was tried again:\n%s", c.name, out)
		}
	}
	if list, _ := filepath.Glob(filepath.Join(dir, "fixed", ".*")); len(list) > 0 {
		t.Errorf("left behind: %v", list)
	}
}

// TestChangedQuery: state of another query is refused at once, with what to do.
func TestChangedQuery(t *testing.T) {
	dir := t.TempDir()
	killData(t, dir, 5_000, rand.New(rand.NewPCG(10, 10)))
	c := minkCommand(t, dir, killArgs(1)...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		list, _ := filepath.Glob(filepath.Join(dir, "ck", "job-1", "chk-*", "_metadata"))
		return len(list) > 0
	})
	_ = c.Process.Kill()
	_ = c.Wait()
	changed := strings.Replace(killScript, "COUNT(*), SUM(amount)", "MAX(id), SUM(amount)", 1)
	if err := os.WriteFile(filepath.Join(dir, "job.sql"), []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := minkCommand(t, dir, killArgs(1)...).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitFailed || !strings.Contains(string(out), "checkpoint: ") || strings.Contains(string(out), "is restarted") {
		t.Errorf("got %v\n%s", err, out)
	}
}

// TestFullOutput: an output that takes no more is told as such, not as a defect.
func TestFullOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no device that is always full: ", err)
	}
	defer full.Close()
	c := minkCommand(t, t.TempDir(), "sql", "-e", "SELECT 1")
	var told bytes.Buffer
	c.Stdout, c.Stderr = full, &told
	err = c.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitFailed || !strings.HasPrefix(told.String(), "error: io: cannot write the result: ") {
		t.Errorf("got %v\n%s", err, told.String())
	}
}
