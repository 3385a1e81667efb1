package filesystem_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/minkstream/mink/connectors/filesystem"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/types"
)

// markedJob is a job of two subtasks that commits partitions by the watermark.
type markedJob struct {
	t  *testing.T
	ws []connect.Writer
	c  connect.Committer
	n  int
}

var markedSchema = types.Schema{{Name: "v", Type: types.StringT}, {Name: "dt", Type: types.StringT}, {Name: "hm", Type: types.StringT}}

func newMarkedJob(t *testing.T, dir, id string) *markedJob { return newMarkedAttempt(t, dir, id, 1) }

func newMarkedAttempt(t *testing.T, dir, id string, attempt int64) *markedJob {
	t.Helper()
	tab := table(dir, markedSchema, "sink.partition-commit.policy.kind", "success-file", "sink.partition-commit.trigger", "partition-time",
		"partition.time-extractor.timestamp-pattern", "$dt $hm:00")
	tab.PartitionKeys = []int{1, 2}
	s := must(filesystem.Connector.Sink(tab))(t)
	j := &markedJob{t: t}
	for i := range 2 {
		ctx := connect.WriterCtx{Job: id, Sink: "s", Subtask: i, Parallelism: 2, Attempt: attempt, Now: func() int64 { return 1 }, SetTimer: func(int64) {}}
		j.ws = append(j.ws, must(s.Open(ctx))(t))
		j.c = must(s.Committer(ctx))(t)
	}
	return j
}

func (j *markedJob) write(sub int, hm, watermark string) {
	j.t.Helper()
	if err := j.ws[sub].Write(hourBatch([2]string{"2020-01-01", hm})); err != nil {
		j.t.Fatal(err)
	}
	if err := j.ws[sub].Watermark(millis("2020-01-01 " + watermark)); err != nil {
		j.t.Fatal(err)
	}
}

// prepare is the first half of a checkpoint: what is to be committed, nil where nothing is,
// and the state.
func (j *markedJob) prepare(idle ...bool) (commits, states [][]byte) {
	j.t.Helper()
	j.n++
	for i, w := range j.ws {
		w.(connect.IdleWriter).Idle(i < len(idle) && idle[i])
		commits = append(commits, must(w.Prepare(fmt.Sprint(j.n)))(j.t))
		states = append(states, w.State())
	}
	return commits, states
}

func (j *markedJob) commit(list ...[]byte) {
	j.t.Helper()
	for _, m := range list {
		if m == nil {
			continue
		}
		if err := j.c.Commit(m); err != nil {
			j.t.Fatal(err)
		}
	}
}

func marked(dir, hm string) bool {
	_, err := os.Stat(filepath.Join(dir, "t", "dt=2020-01-01", "hm="+hm[:2]+"%3A"+hm[3:], "_SUCCESS"))
	return err == nil
}

// begin is a job whose subtasks have written to an hour each and told a watermark, with what
// its first checkpoint commits.
func begin(t *testing.T, dir, id, hm0, watermark0, hm1, watermark1 string) (*markedJob, [][]byte) {
	t.Helper()
	j := newMarkedJob(t, dir, id)
	j.write(0, hm0, watermark0)
	j.write(1, hm1, watermark1)
	commits, _ := j.prepare()
	return j, commits
}

// TestIdleSubtask: a subtask without live inputs does not hold partitions back, its own
// among them, until it has rows again.
func TestIdleSubtask(t *testing.T) {
	dir := t.TempDir()
	j, commits := begin(t, dir, "j", "10:00", "10:00:00", "10:01", "10:05:00")
	j.commit(commits...)
	if marked(dir, "10:00") || marked(dir, "10:01") {
		t.Error("a partition is committed that the slower subtask may still write to")
	}
	commits, _ = j.prepare(true)
	j.commit(commits...)
	if !marked(dir, "10:00") || !marked(dir, "10:01") {
		t.Errorf("10:00 is committed %v and 10:01 %v once the slower subtask is idle", marked(dir, "10:00"), marked(dir, "10:01"))
	}
	j.write(0, "10:02", "10:02:30")
	j.write(1, "10:03", "10:09:00")
	commits, _ = j.prepare()
	j.commit(commits...)
	if !marked(dir, "10:02") || marked(dir, "10:03") {
		t.Errorf("10:02 is committed %v and 10:03 %v by a watermark of 10:02:30", marked(dir, "10:02"), marked(dir, "10:03"))
	}
}

// TestMarksOfSavepoint: a job that goes on from a savepoint commits what waits there, whatever
// of the job that left it is committed late.
func TestMarksOfSavepoint(t *testing.T) {
	dir := t.TempDir()
	old, commits := begin(t, dir, "old", "10:00", "10:05:00", "10:01", "10:00:00")
	old.commit(commits...)
	late, states := old.prepare(true, true) // the savepoint: their inputs have been read
	j := newMarkedJob(t, dir, "new")
	for i, w := range j.ws {
		if err := w.Restore(states[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	j.write(0, "10:06", "10:08:00")
	j.write(1, "10:06", "10:03:00")
	commits, _ = j.prepare()
	j.commit(commits[1], late[1], commits[0])
	for hm, want := range map[string]bool{"10:00": true, "10:01": true, "10:06": false} {
		if marked(dir, hm) != want {
			t.Errorf("%s is committed %v, want %v", hm, !want, want)
		}
	}
}

// TestMarksAtOnce: subtasks that commit at the same moment do not miss each other.
func TestMarksAtOnce(t *testing.T) {
	for i := range 100 {
		dir := t.TempDir()
		j, commits := begin(t, dir, "j", "10:00", "10:05:00", "10:00", "10:05:00")
		var wait sync.WaitGroup
		for _, m := range commits {
			wait.Go(func() {
				if err := j.c.Commit(m); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if !marked(dir, "10:00") {
			t.Fatalf("two commits at once left the partition behind at try %d", i+1)
		}
	}
}

// TestMarksOutOfOrder: a commit that is late takes no watermark back.
func TestMarksOutOfOrder(t *testing.T) {
	dir := t.TempDir()
	j, first := begin(t, dir, "j", "10:00", "10:00:00", "10:00", "10:05:00")
	j.write(0, "10:04", "10:05:00")
	second, _ := j.prepare()
	j.commit(second[0], first[0], first[1])
	if !marked(dir, "10:00") {
		t.Error("10:00 is not committed: an older commit took the watermark back")
	}
}

// marksLeft are the directories of marks below the table.
func marksLeft(t *testing.T, dir string) []string {
	t.Helper()
	return must(filepath.Glob(filepath.Join(dir, "t", ".marks-*")))(t)
}

// TestMarksGo: each attempt removes the marks of the one before and marks anew what waits, and
// the end of the job, which is no end of the input, removes the last.
func TestMarksGo(t *testing.T) {
	dir := t.TempDir()
	old, commits := begin(t, dir, "j", "10:00", "10:00:00", "10:01", "10:05:00")
	old.commit(commits...)
	before := marksLeft(t, dir)
	last, states := old.prepare(true) // completed, and not committed before the job failed
	j := newMarkedAttempt(t, dir, "j", 2)
	if err := j.c.Fence(2, nil); err != nil {
		t.Fatal(err)
	}
	if left := marksLeft(t, dir); len(before) != 1 || len(left) != 0 {
		t.Errorf("the marks %v are %v for the next attempt", before, left)
	}
	for i, w := range j.ws {
		if err := w.Restore(states[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	j.commit(last...)
	j.write(0, "10:02", "10:02:30")
	j.write(1, "10:03", "10:06:00")
	commits, _ = j.prepare()
	j.commit(commits...)
	if !marked(dir, "10:00") || !marked(dir, "10:01") || !marked(dir, "10:02") || marked(dir, "10:03") {
		t.Error("not the partitions before 10:02:30 are committed, but others")
	}
	if err := old.c.Close(); err != nil {
		t.Fatal(err)
	}
	if left := marksLeft(t, dir); len(left) != 1 {
		t.Errorf("a coordinator that was replaced leaves the marks %v of the next attempt", left)
	}
	j.write(0, "10:04", "10:07:00")
	late, _ := j.prepare()
	if err := j.c.Close(); err != nil {
		t.Fatal(err)
	}
	j.commit(late...) // under way at the end
	if left := marksLeft(t, dir); len(left) != 0 {
		t.Errorf("a job that has ended leaves %v", left)
	}
}
