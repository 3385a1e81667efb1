package gateway

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/ledger"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/engine/types"
)

// Local is the client of an engine in this process. Close closes the engine.
func Local(e *engine.Engine) Client { return &local{e: e} }

type local struct{ e *engine.Engine }

func (l *local) OpenSession(_ context.Context, config map[string]string) (Session, error) {
	s := l.e.NewSession()
	for _, k := range sortedKeys(config) {
		if err := s.Set(k, config[k]); err != nil {
			return nil, err
		}
	}
	return &localSession{l: l, s: s}, nil
}

func (l *local) Jobs(context.Context) ([]JobStatus, error) {
	past, err := l.e.Past()
	if err != nil {
		return nil, err
	}
	var out []JobStatus
	for _, j := range past {
		out = append(out, pastStatus(j))
	}
	for _, j := range l.e.Jobs.Jobs() {
		out = append(out, statusOf(j))
	}
	return out, nil
}

func (l *local) Job(_ context.Context, id string) (JobStatus, error) {
	j, err := l.e.Jobs.Job(id)
	if err == nil {
		return statusOf(j), nil
	}
	past, perr := l.e.Past()
	if perr != nil {
		return JobStatus{}, perr
	}
	for _, j := range past {
		if j.ID == id {
			return pastStatus(j), nil
		}
	}
	return JobStatus{}, err
}

// pastStatus is what is left of a job that ended before this engine began.
func pastStatus(j ledger.Job) JobStatus {
	st := JobStatus{
		ID: j.ID, Name: j.Name, State: string(j.State), Restarts: j.Restarts,
		Started: time.UnixMilli(j.Submitted), Ended: time.UnixMilli(j.Ended),
	}
	if j.Error != "" {
		st.Err = diag.New(j.Code, "%s", strings.TrimPrefix(j.Error, string(j.Code)+": "))
		st.Failures = []Failure{{At: st.Ended, Err: st.Err}}
	}
	return st
}

func (l *local) Cancel(ctx context.Context, id string) error { return l.e.Jobs.Cancel(ctx, id) }

func (l *local) Savepoint(ctx context.Context, id, dir string) (string, error) {
	return l.e.Jobs.Savepoint(ctx, id, dir)
}

func (l *local) Stop(ctx context.Context, id, dir string, drain bool) (string, error) {
	return l.e.Jobs.StopAt(ctx, id, dir, drain)
}

func (l *local) Checkpoint(ctx context.Context, id string) (int64, error) {
	return l.e.Jobs.Checkpoint(ctx, id)
}

func (l *local) Cluster(context.Context) (ClusterStatus, error) {
	var out ClusterStatus
	for _, n := range l.e.Jobs.Nodes() {
		out.Nodes = append(out.Nodes, NodeStatus(n))
	}
	return out, nil
}

func (l *local) Tape(_ context.Context, id string) (*trace.File, int, error) { return l.e.Tape(id) }

func (l *local) KeepTape(_ context.Context, id string, d time.Duration) error {
	return l.e.KeepTape(id, d)
}

func (l *local) Hold(ctx context.Context, id string) error {
	j, err := l.e.Jobs.Job(id)
	if err != nil {
		return err
	}
	return j.Hold(ctx)
}

func (l *local) Resume(ctx context.Context, id string) error {
	j, err := l.e.Jobs.Job(id)
	if err != nil {
		return err
	}
	return j.Resume(ctx)
}

func (l *local) Close() error {
	l.e.Close()
	return nil
}

type localSession struct {
	l *local
	s *engine.Session
	// tried is where statements are checked, nil before the first one since a statement was
	// executed.
	tried *engine.Session
}

func (s *localSession) Execute(ctx context.Context, text string) (Operation, error) {
	s.tried = nil
	r, err := s.s.Execute(ctx, text)
	if err != nil {
		return nil, err
	}
	return &localOperation{l: s.l, r: r}, nil
}

func (s *localSession) Check(_ context.Context, text string) ([]*diag.Error, error) {
	if s.tried == nil {
		s.tried = s.s.Aside()
	}
	return s.tried.Check(text)
}

func (s *localSession) Describe(_ context.Context, text string) (types.Schema, bool, error) {
	return s.s.Describe(text)
}

func (s *localSession) Config(context.Context) (map[string]string, error) {
	out := map[string]string{}
	for _, kv := range s.s.Settings() {
		out[kv[0]] = kv[1]
	}
	return out, nil
}

func (s *localSession) Complete(_ context.Context, text string, at int) ([]string, error) {
	return s.s.Complete(text, at), nil
}

func (s *localSession) Finish() error {
	if s.tried != nil {
		return s.tried.Finish()
	}
	return s.s.Finish()
}

func (s *localSession) Close() error { return nil }

type localOperation struct {
	l    *local
	r    *engine.Result
	done bool
	// final are the rows of a batch query that updates, once it has ended.
	final  []*batch.Batch
	finals *finals
}

func (o *localOperation) Result() Result {
	switch {
	case o.r.Job != nil && o.r.Job.Collector != nil:
		return Query
	case o.r.Job != nil:
		return Submitted
	case o.r.Rows != nil:
		return Info
	}
	return Done
}

func (o *localOperation) Schema() types.Schema    { return o.r.Schema }
func (o *localOperation) Streaming() bool         { return o.r.Job != nil && o.r.Streaming }
func (o *localOperation) UpsertKey() []int        { return o.r.UpsertKey }
func (o *localOperation) Zone() *time.Location    { return o.r.Zone }
func (o *localOperation) Width() int              { return o.r.Width }
func (o *localOperation) Warnings() []*diag.Error { return o.r.Warnings }

func (o *localOperation) Job() string {
	if o.r.Job == nil {
		return ""
	}
	return o.r.Job.ID()
}

func (o *localOperation) Next(ctx context.Context) (*batch.Batch, error) {
	if o.r.Job != nil && o.r.Job.Collector != nil {
		if !o.r.Streaming && o.r.Updates {
			return o.nextFinal(ctx)
		}
		return o.r.Job.Collector.Next(ctx)
	}
	if o.r.Rows != nil && !o.done {
		o.done = true
		return o.r.Rows, nil
	}
	return nil, io.EOF
}

func (o *localOperation) Wait(ctx context.Context) error {
	if o.r.Job == nil {
		return nil
	}
	return o.r.Job.Wait(ctx)
}

func (o *localOperation) Close() error {
	if o.r.Job == nil || o.r.Job.Collector == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := o.l.e.Jobs.Cancel(ctx, o.r.Job.ID()); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func sortedKeys(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
