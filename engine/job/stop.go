package job

import "context"

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
	path, err := j.Job.Stop(ctx, dir, drain)
	if err != nil {
		return "", err
	}
	select {
	case <-j.Done():
		return path, j.Err()
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
