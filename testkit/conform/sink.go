package conform

import (
	"fmt"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
)

// SinkRun drives one subtask of a sink as a job does: write some batches, prepare,
// commit, and go on; after any error, start over as a new attempt from the last
// completed checkpoint.
type SinkRun struct {
	// Sink opens the sink on the disk as it is now.
	Sink func() (connect.Sink, error)
	// Batches is what is written, one after the other; every Every of them a
	// checkpoint is taken, and one at the end.
	Batches []*batch.Batch
	Every   int
	// Settle is called after an error, before the next attempt: it repairs the
	// outside.
	Settle func()
}

// Run writes everything, exactly once if the sink does what it promises, and
// returns the number of attempts. It gives up after 20.
func (r *SinkRun) Run() (attempts int, err error) {
	done := 0         // batches in completed checkpoints
	var open [][]byte // committables of completed checkpoints, not confirmed
	var state []byte  // of the last completed checkpoint
	for attempts < 20 {
		attempts++
		err = r.attempt(int64(attempts), &done, &open, &state)
		if err == nil {
			return attempts, nil
		}
		if r.Settle != nil {
			r.Settle()
		}
	}
	return attempts, fmt.Errorf("no success after %d attempts: %w", attempts, err)
}

func (r *SinkRun) attempt(attempt int64, done *int, open *[][]byte, state *[]byte) error {
	s, err := r.Sink()
	if err != nil {
		return err
	}
	now := int64(1_600_000_000_000) + attempt
	ctx := connect.WriterCtx{
		Job: "job", Sink: "sink-1", Parallelism: 1, Attempt: attempt,
		Now: func() int64 { return now }, SetTimer: func(int64) {},
	}
	c, err := s.Committer(ctx)
	if err != nil {
		return err
	}
	if c != nil {
		defer c.Close()
		if err := c.Fence(attempt, *open); err != nil {
			return err
		}
		if err := commitAll(c, open); err != nil {
			return err
		}
	}
	w, err := s.Open(ctx)
	if err != nil {
		return err
	}
	defer w.Close()
	if *state != nil {
		if err := w.Restore([][]byte{*state}); err != nil {
			return err
		}
	}
	for i := *done; i <= len(r.Batches); i++ {
		last := i == len(r.Batches)
		if last {
			if err := w.Watermark(batch.MaxWatermark); err != nil {
				return err
			}
		} else if err := w.Write(r.Batches[i]); err != nil {
			return err
		}
		if !last && (i+1)%max(r.Every, 1) != 0 {
			continue
		}
		st := w.State()
		m, err := w.Prepare(fmt.Sprintf("%d-%d", attempt, i))
		if err != nil {
			return err
		}
		// The checkpoint is complete.
		*done, *state = min(i+1, len(r.Batches)), st
		if m != nil {
			*open = append(*open, m)
		}
		if c == nil {
			continue
		}
		if err := commitAll(c, open); err != nil {
			return err
		}
		if m != nil {
			// A commit may be repeated at any time.
			if err := c.Commit(m); err != nil {
				return err
			}
		}
	}
	return nil
}

func commitAll(c connect.Committer, open *[][]byte) error {
	for len(*open) > 0 {
		if err := c.Commit((*open)[0]); err != nil {
			return err
		}
		*open = (*open)[1:]
	}
	return nil
}

// Sink checks exactly-once delivery on a disk that fails: every change of the disk
// fails once, and in a second round everything fails from there on until the
// restart. At each failure what is committed must be readable, in whole files, and
// part of what was written. read gives the committed rows; check is called when all
// is done. A Settle that start gives is called after each failure.
func Sink(t *testing.T, start func(disk *FaultDisk) (*SinkRun, func() (Rows, error)), want Rows, check func(t *testing.T)) {
	t.Helper()
	probe := &FaultDisk{}
	run, read := start(probe)
	if _, err := run.Run(); err != nil {
		t.Fatalf("without faults: %v", err)
	}
	compare(t, "without faults", read, want)
	check(t)
	total := probe.Changes()
	for _, forever := range []bool{false, true} {
		for at := int64(1); at <= total; at++ {
			d := &FaultDisk{FailAt: at, Forever: forever}
			run, read := start(d)
			settle := run.Settle
			name := fmt.Sprintf("fault at change %d of %d, forever %v", at, total, forever)
			run.Settle = func() {
				d.FailAt = 0
				if settle != nil {
					settle()
				}
				got, err := read()
				if err != nil {
					t.Errorf("%s: what is there after the failure cannot be read: %v", name, err)
				}
				within(t, name, got, want)
			}
			if _, err := run.Run(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			compare(t, name, read, want)
			check(t)
			if t.Failed() {
				t.Fatalf("stopped after: %s", name)
			}
		}
	}
}

// within reports rows that were never written, or not so often.
func within(t *testing.T, name string, got, want Rows) {
	t.Helper()
	left := map[string]int{}
	for _, r := range want {
		left[r]++
	}
	for _, r := range got {
		if left[r]--; left[r] < 0 {
			t.Errorf("%s: row %s is there too often after the failure", name, r)
		}
	}
}

func compare(t *testing.T, name string, read func() (Rows, error), want Rows) {
	t.Helper()
	got, err := read()
	if err != nil {
		t.Fatalf("%s: reading back: %v", name, err)
	}
	if a, b := sorted(got), sorted(want); fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("%s:\ngot  %v\nwant %v", name, a, b)
	}
}
