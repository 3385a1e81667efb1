package bind

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
)

// JobCommand is SHOW JOBS, DESCRIBE JOB or STOP JOB: something to ask of the jobs of
// the engine, which the binder does not know.
type JobCommand struct {
	// Stop tells STOP JOB from the two that show.
	Stop bool
	// ID is the job's; "" is all of them.
	ID string
	// Savepoint and Drain are what STOP JOB asks for.
	Savepoint, Drain bool
	// At is the place of the id, or of the statement.
	At diag.Span
}

func (*JobCommand) bound() {}

func showJobs(s *ast.Show) *JobCommand { return &JobCommand{At: s.Span()} }

func describeJob(s *ast.Describe) *JobCommand { return &JobCommand{ID: s.Job.Value, At: s.Job.Span} }

func stopJob(s *ast.StopJob) *JobCommand {
	return &JobCommand{Stop: true, ID: s.Job.Value, Savepoint: s.Savepoint, Drain: s.Drain, At: s.Job.Span}
}
