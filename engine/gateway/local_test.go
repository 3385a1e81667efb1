package gateway

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/job"
	"github.com/minkstream/mink/engine/ledger"
	"github.com/minkstream/mink/engine/types"
)

// Whoever asks for the rows of a batch query again and again, with little patience, gets
// all of them.
func TestFinalRowsSurviveTimeouts(t *testing.T) {
	c := job.NewCollector()
	w, err := c.Open(connect.WriterCtx{})
	if err != nil {
		t.Fatal(err)
	}
	o := &localOperation{r: &engine.Result{Job: &job.Job{Collector: c}, Updates: true}}
	write := func(k batch.Kind, n int) {
		b := batch.NewBatchBuilder(types.IntT)
		b.Row(k, n)
		if err := w.Write(b.Finish()); err != nil {
			t.Fatal(err)
		}
	}
	ask := func() (*batch.Batch, error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		return o.Next(ctx)
	}
	for _, n := range []int{1, 2, 3} {
		write(batch.Insert, n)
		if _, err := ask(); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	}
	write(batch.Delete, 2)
	c.End(nil)
	var got []int64
	for {
		b, err := ask()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows() {
			got = append(got, b.Cols[0].Int(b.Lane(i)))
		}
	}
	if len(got) != 2 || got[0] != 1 || got[1] != 3 {
		t.Errorf("%v, want 1 and 3", got)
	}
}

// A job of an engine before this one that failed says why, where failures are asked for too.
func TestPastStatus(t *testing.T) {
	st := pastStatus(ledger.Job{State: ledger.Failed, Ended: 7, Code: diag.JobFailed, Error: "job-failed: it could not go on"})
	if diag.CodeOf(st.Err) != diag.JobFailed || st.Err.Error() != "job-failed: it could not go on" {
		t.Errorf("%v", st.Err)
	}
	if len(st.Failures) != 1 || st.Failures[0].Err != st.Err || st.Failures[0].At.UnixMilli() != 7 {
		t.Errorf("failures: %+v", st.Failures)
	}
	if st := pastStatus(ledger.Job{State: ledger.Finished}); st.Err != nil || st.Failures != nil {
		t.Errorf("%+v", st)
	}
}
