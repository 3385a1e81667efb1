package engine

import (
	"context"

	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/job"
	"github.com/minkstream/mink/engine/types"
)

// jobSchema is what SHOW JOBS and DESCRIBE JOB show.
var jobSchema = types.Schema{
	{Name: "job id", Type: types.StringT}, {Name: "job name", Type: types.StringT},
	{Name: "status", Type: types.StringT}, {Name: "start time", Type: types.TimestampLTZT(3)},
}

// jobCommand shows or stops jobs of the engine, whichever session began them.
//
// It fails with not-found for an id that no job has, invalid-query for a job that cannot
// be stopped any more, and config where a savepoint has nowhere to go.
func (s *Session) jobCommand(ctx context.Context, b *bind.JobCommand) (*Result, error) {
	jobs := s.engine.Jobs.Jobs()
	if b.ID != "" || b.Stop {
		j, err := s.job(b)
		if err != nil {
			return nil, err
		}
		if b.Stop {
			return s.stopJob(ctx, j, b)
		}
		jobs = []*job.Job{j}
	}
	rows := &bind.Rows{Schema: jobSchema}
	for _, j := range jobs {
		st := j.Status()
		rows.Data = append(rows.Data, []any{st.ID, st.Name, st.State.String(), st.Started})
	}
	return s.shown(rows), nil
}

func (s *Session) job(b *bind.JobCommand) (*job.Job, error) {
	j, err := s.engine.Jobs.Job(b.ID)
	if err == nil {
		return j, nil
	}
	e := diag.At(b.At, diag.NotFound, "no job '%s'", b.ID)
	var ids []string
	for _, j := range s.engine.Jobs.Jobs() {
		ids = append(ids, j.ID())
	}
	if g := diag.Suggest(b.ID, ids); g != "" {
		return nil, e.WithHint("did you mean '%s'", g)
	}
	return nil, e.WithHint("SHOW JOBS lists the jobs")
}

func (s *Session) stopJob(ctx context.Context, j *job.Job, b *bind.JobCommand) (*Result, error) {
	if j.State().Ended() {
		return nil, diag.At(b.At, diag.InvalidQuery, "job '%s' is %s and cannot be stopped", b.ID, j.State())
	}
	if !b.Savepoint {
		if err := s.engine.Jobs.Cancel(ctx, b.ID); err != nil {
			return nil, diag.As(err).Or(b.At)
		}
		return &Result{Zone: s.Zone()}, nil
	}
	dir := s.cat.Config.Get("execution.checkpointing.savepoint-dir")
	if dir == "" {
		return nil, diag.At(b.At, diag.Config, "a savepoint needs a directory").
			WithHint("SET 'execution.checkpointing.savepoint-dir' = '/where/savepoints/are'")
	}
	path, err := s.engine.Jobs.Stop(ctx, b.ID, dir, b.Drain)
	if err != nil {
		if e := diag.As(err); e != nil {
			return nil, e.Or(b.At)
		}
		return nil, err
	}
	return s.shown(&bind.Rows{
		Schema: types.Schema{{Name: "savepoint path", Type: types.StringT}}, Data: [][]any{{path}},
	}), nil
}
