package job

import (
	"context"
	"path"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
)

// Stop writes a savepoint of a job below dir, behind which nothing is read any more,
// ends the job and returns the savepoint's folder. With drain the sources end their
// input first, so that windows fire and timers of event time run.
//
// It returns when the job has ended, or with ctx; the job then still stops.
func (m *Manager) Stop(ctx context.Context, id, dir string, drain bool) (string, error) {
	j, err := m.Job(id)
	if err != nil {
		return "", err
	}
	if err := j.Job.Writable(dir); err != nil {
		return "", err
	}
	path, err := j.Job.Stop(ctx, dir, drain)
	if err != nil {
		return "", err
	}
	select {
	case <-j.Done():
		if m.Ended != nil {
			m.Ended(id)
		}
		return path, j.Err()
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// savepointDir is the setting that says where savepoints go.
const savepointDir = "execution.checkpointing.savepoint-dir"

// target is where a savepoint of a job goes: dir, or what its settings say.
func (m *Manager) target(id, dir string) (*Job, string, error) {
	j, err := m.Job(id)
	if err != nil {
		return nil, "", err
	}
	if dir == "" {
		dir = j.Settings[savepointDir]
	}
	if dir == "" {
		return nil, "", diag.New(diag.Config, "a savepoint needs a directory").
			WithHint("name one, or SET '%s' before the job is submitted", savepointDir)
	}
	if s := j.State(); s.Ended() {
		return nil, "", diag.New(diag.InvalidQuery, "job %s is %s", id, s)
	}
	return j, dir, nil
}

// Savepoint writes a savepoint of a job and returns its folder; the job goes on. An empty
// dir is that of the job's settings; config is the error when there is none.
func (m *Manager) Savepoint(ctx context.Context, id, dir string) (string, error) {
	j, dir, err := m.target(id, dir)
	if err != nil {
		return "", err
	}
	if err := j.Job.Writable(dir); err != nil {
		return "", err
	}
	return j.Job.Savepoint(ctx, dir)
}

// StopAt is Stop where dir may be empty, as for Savepoint.
func (m *Manager) StopAt(ctx context.Context, id, dir string, drain bool) (string, error) {
	_, dir, err := m.target(id, dir)
	if err != nil {
		return "", err
	}
	return m.Stop(ctx, id, dir, drain)
}

// Checkpoint takes a checkpoint of a job now and returns its number.
func (m *Manager) Checkpoint(ctx context.Context, id string) (int64, error) {
	j, err := m.Job(id)
	if err != nil {
		return 0, err
	}
	if s := j.State(); s.Ended() {
		return 0, diag.New(diag.InvalidQuery, "job %s is %s", id, s)
	}
	folder, err := j.Job.Checkpoint(ctx)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimPrefix(path.Base(folder), "chk-"), 10, 64)
	if err != nil {
		return 0, diag.Wrap(diag.Internal, err, "the folder of a checkpoint is %s", folder)
	}
	return n, nil
}

// Nodes describes the nodes of the cluster, also before its first job.
func (m *Manager) Nodes() []flow.NodeStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cluster != nil {
		return m.cluster.Nodes()
	}
	var out []flow.NodeStatus
	for i := range max(1, m.options.Nodes) {
		out = append(out, flow.NodeStatus{Name: "node-" + strconv.Itoa(i+1), Slots: m.options.Slots, Alive: true})
	}
	return out
}
