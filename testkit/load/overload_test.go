package load

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// tide is a source whose rows are due at a high rate for a while, and at a low one then,
// whether they are asked for or not: what cannot be taken in time waits, as it would in a
// broker. Column 0 is a key, column 1 the time at which the row was due.
type tide struct {
	keys, high, low int64 // rows/s
	flood, ebb      time.Duration

	begun sync.Once
	start int64
}

func (s *tide) rows() int64 {
	return s.high*s.flood.Milliseconds()/1000 + s.low*s.ebb.Milliseconds()/1000
}

// due is when row i comes, in milliseconds after the start, and by how many have come by
// then.
func (s *tide) due(i int64) int64 {
	if n := s.high * s.flood.Milliseconds() / 1000; i >= n {
		return s.flood.Milliseconds() + (i-n)*1000/s.low
	}
	return i * 1000 / s.high
}

func (s *tide) by(at int64) int64 {
	f := s.flood.Milliseconds()
	if at <= f {
		return at * s.high / 1000
	}
	return min(s.rows(), s.high*f/1000+(at-f)*s.low/1000)
}

func (s *tide) connector() *connect.Connector {
	return &connect.Connector{Name: "tide", Summary: "Gives more than can be taken.", Source: func(*connect.Table) (connect.Source, error) { return s, nil }}
}

func (s *tide) Changes() connect.Changes                   { return connect.AppendOnly }
func (s *tide) Bounded() bool                              { return true }
func (s *tide) Project(connect.Projection)                 {}
func (s *tide) Discover([]string) ([]connect.Split, error) { return nil, nil }
func (s *tide) DiscoverInterval() time.Duration            { return 0 }
func (s *tide) Splits(n int) ([]connect.Split, error) {
	out := make([]connect.Split, max(n, 1))
	for i := range out {
		out[i].ID = fmt.Sprintf("%d-of-%d", i, len(out))
	}
	return out, nil
}

func (s *tide) Open(split connect.Split, ctx connect.ReaderCtx) (connect.Reader, error) {
	r := &tideReader{s: s, ctx: ctx, id: split.ID}
	_, err := fmt.Sscanf(split.ID, "%d-of-%d", &r.next, &r.of)
	if n, k := binary.Uvarint(split.Pos); k > 0 {
		r.next = int64(n)
	}
	return r, err
}

type tideReader struct {
	s        *tide
	ctx      connect.ReaderCtx
	id       string
	next, of int64
	at       int64
}

func (r *tideReader) Poll(dst *batch.Batch, limit int) (connect.Status, error) {
	if r.next >= r.s.rows() {
		return connect.End, nil
	}
	now := r.ctx.Now()
	r.s.begun.Do(func() { r.s.start = now })
	n := int(min(int64(limit), (r.s.by(now-r.s.start)-r.next+r.of-1)/r.of))
	if n <= 0 {
		r.at = now + 10
		return connect.Wait, nil
	}
	dst.Alloc([]types.Type{types.BigIntT, types.TimestampLTZT(3)}, n)
	for i := range n {
		dst.Cols[0].I64[i] = int64(uint64(r.next)*0x9E3779B97F4A7C15>>16) % r.s.keys
		dst.Cols[1].I64[i] = r.s.start + r.s.due(r.next)
		r.next += r.of
	}
	dst.N = n
	return connect.More, nil
}

func (r *tideReader) NextAt() int64 { return r.at }
func (r *tideReader) Position() connect.Split {
	return connect.Split{ID: r.id, Pos: binary.AppendUvarint(nil, uint64(r.next))}
}
func (r *tideReader) Close() error { return nil }

// TestOverload: more rows than can be taken come for a while, twice the rate that is
// sustained (0.8 of the highest), and half of it afterwards. The process takes no more memory
// than it may (as with --memory) and a tenth, loses no checkpoint, and has caught up with the
// input within one and a half times the flood: no state in which it stays slow.
// MINK_OVERLOAD is how long the flood lasts, 20 s with MINK_ALL.
func TestOverload(t *testing.T) {
	keys, flood, probe := int64(500_000), 20*time.Second, 8*time.Second
	if !all {
		keys, flood, probe = 1000, 250*time.Millisecond, 150*time.Millisecond
	}
	if text := os.Getenv("MINK_OVERLOAD"); text != "" {
		var err error
		if flood, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	// As mink run --memory 192mb has it; the rest is the program itself.
	const limit, heap = 192 << 20, 136 << 20
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(heap))
	type seen struct{ at, due time.Time }
	run := func(s *tide) (list []seen, rate float64, peak int64) {
		s.keys = keys
		out := &tally{}
		out.seen = func(b *batch.Batch) {
			for i := b.Rows() - 1; i >= 0; i-- {
				if l := b.Lane(i); b.Kind(l).Adds() { // what is taken back is of before
					list = append(list, seen{time.Now(), time.UnixMilli(b.Cols[2].Int(l))})
					return
				}
			}
		}
		eng, err := engine.New(engine.Config{
			Connectors: append(connectors.All(), out.connector(), s.connector()), Formats: connectors.Formats(), Functions: scalar.All(), SpillDir: t.TempDir(), CheckpointDir: t.TempDir(),
			StatePool: state.NewPool(heap / 2), ProcessBytes: limit,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer eng.Close()
		r := &rig{t: t, engine: eng, session: eng.NewSession(), out: out}
		for k, v := range map[string]string{"parallelism.default": "2", "state.memory": "64 gb", "execution.checkpointing.interval": "1 s", "execution.checkpointing.tolerable-failed-checkpoints": "1000"} {
			if err := r.session.Set(k, v); err != nil {
				t.Fatal(err)
			}
		}
		runtime.GC()
		debug.FreeOSMemory()
		resetPeak()
		begin := time.Now()
		res := r.run("CREATE TABLE tide (n BIGINT, ts TIMESTAMP_LTZ(3)) WITH ('connector' = 'tide')",
			"CREATE TABLE totals (k BIGINT, c BIGINT, newest TIMESTAMP_LTZ(3)) WITH ('connector' = 'tally')",
			"INSERT INTO totals SELECT n, COUNT(*), MAX(ts) FROM tide GROUP BY n")
		if err := res.Job.Wait(context.Background()); err != nil {
			t.Fatal(err)
		}
		if st := res.Job.Status(); st.Checkpoints.Failed > 0 || st.Restarts > 0 {
			t.Errorf("%d checkpoints failed, %d restarts: %v", st.Checkpoints.Failed, st.Restarts, st.Err)
		}
		if out.sums[1] != s.rows() {
			t.Errorf("%d rows were counted of %d", out.sums[1], s.rows())
		}
		return list, float64(s.rows()) / time.Since(begin).Seconds(), peakBytes()
	}
	// The highest rate: all rows are due at once, as many as it takes for some seconds.
	_, highest, _ := run(atOnce(keys * 4))
	_, highest, most := run(atOnce(int64(highest * probe.Seconds())))
	sustained := 0.8 * highest
	s := &tide{high: int64(2 * sustained), low: int64(sustained / 2), flood: flood, ebb: 2 * flood}
	list, _, peak := run(s)
	end := time.UnixMilli(s.start).Add(flood)
	var worst, caught time.Duration
	for _, x := range list {
		lag := x.at.Sub(x.due)
		worst = max(worst, lag)
		if lag > flood/20+200*time.Millisecond {
			caught = x.at.Sub(end) // not yet
		}
	}
	t.Logf("highest %.2f M rows/s; %.2f M rows/s for %s, then %.2f M: lag up to %s, gone %s after the flood; %d MB at most, %d MB at the highest rate",
		highest/1e6, 2*sustained/1e6, flood, sustained/2e6, worst.Round(time.Millisecond), caught.Round(time.Millisecond), peak>>20, most>>20)
	if !all {
		return
	}
	if worst < flood/10 {
		t.Errorf("the flood was none: the lag was %s", worst)
	}
	if caught > flood*3/2 {
		t.Errorf("the lag is gone %s after a flood of %s", caught, flood)
	}
	for what, b := range map[string]int64{"under overload": peak, "at the highest rate": most} {
		if b > limit+limit/10 {
			t.Errorf("%d MB %s, and %d MB are allowed", b>>20, what, limit>>20)
		}
	}
}

// atOnce is a tide whose rows are all due at once.
func atOnce(rows int64) *tide {
	return &tide{high: rows * 1000, low: 1, flood: time.Millisecond}
}
