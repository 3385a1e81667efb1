package local

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/job"
)

// jobLog tells a log what becomes of jobs and their tasks, by looking: nothing in a job
// waits for the log.
type jobLog struct {
	log  *slog.Logger
	seen map[string]*seenJob
}

// seenJob is a job as it was when it was last looked at.
type seenJob struct {
	state    flow.State
	restarts int
	failed   int // checkpoints
	tasks    map[string]flow.State
	over     bool
}

// jobLogEvery is the time between two looks.
const jobLogEvery = 200 * time.Millisecond

// FollowJobs tells a log what becomes of jobs, until ctx ends.
func FollowJobs(ctx context.Context, log *slog.Logger, jobs func() []*job.Job) {
	l := &jobLog{log: log, seen: map[string]*seenJob{}}
	for ctx.Err() == nil {
		for _, j := range jobs() {
			l.look(j)
		}
		select {
		case <-time.After(jobLogEvery):
		case <-ctx.Done():
		}
	}
}

// LogTask writes a note of a task.
func LogTask(log *slog.Logger, n flow.TaskNote) {
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("job", n.Job), slog.String("name", n.Name), slog.String("vertex", n.Vertex), slog.Int("subtask", n.Subtask), slog.Int64("attempt", n.Attempt), slog.String("node", n.Node),
	}
	if n.Err != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.String("code", string(diag.CodeOf(n.Err))), slog.String("error", n.Err.Error()))
	}
	if n.Took > 0 {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("took", n.Took.String()))
	}
	if n.Late > 0 || n.BadRecords > 0 {
		level = slog.LevelWarn
		attrs = append(attrs, slog.Int64("late", n.Late), slog.Int64("malformed", n.BadRecords))
	}
	log.LogAttrs(context.Background(), level, n.Text, attrs...)
}

// vertexName is that of a vertex of a job.
func vertexName(j *job.Job, id int) string {
	for _, v := range j.Graph.Vertices {
		if v.ID == id {
			return v.Name
		}
	}
	return ""
}

func (l *jobLog) look(j *job.Job) {
	was := l.seen[j.ID()]
	if was != nil && was.over {
		return
	}
	st := j.Status()
	log := l.log.With("job", st.ID, "name", st.Name)
	if was == nil {
		was = &seenJob{tasks: map[string]flow.State{}}
		l.seen[st.ID] = was
		log.Info("job submitted")
	}
	reason := []any{}
	if st.Err != nil {
		reason = append(reason, "code", string(st.Err.Code), "error", st.Err.Error())
	}
	if st.Restarts > was.restarts {
		log.Error("job failed and is restarted", append(reason, "restarts", st.Restarts)...)
	}
	if n := st.Checkpoints.Failed; n > was.failed {
		attrs := []any{"failed", n}
		for _, c := range st.Checkpoints.History {
			if c.Failure != "" {
				attrs = append(attrs, "checkpoint", c.ID, "error", c.Failure)
				break
			}
		}
		log.Warn("checkpoint failed", attrs...)
	}
	for _, t := range st.Tasks {
		name := fmt.Sprintf("%d/%d", t.Vertex, t.Subtask)
		if before, known := was.tasks[name]; known && before == t.State {
			continue
		}
		was.tasks[name] = t.State
		attrs := []any{"vertex", vertexName(j, t.Vertex), "subtask", t.Subtask, "attempt", t.Attempt, "node", t.Node, "state", t.State.String()}
		if t.State == flow.Failed {
			log.Error("task failed", append(attrs, reason...)...)
		} else {
			log.Info("task", attrs...)
		}
	}
	if st.State != was.state {
		if st.State == flow.Failed {
			log.Error("job failed", reason...)
		} else {
			log.Info("job", "state", st.State.String())
		}
	}
	was.state, was.restarts, was.failed, was.over = st.State, st.Restarts, st.Checkpoints.Failed, st.State.Ended()
}
