package rest

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/gateway"
	tapes "github.com/minkstream/mink/engine/trace"
)

// startTaped runs a job without end on an engine that keeps tapes of its jobs.
func startTaped(t *testing.T) (*server, gateway.Client, string) {
	t.Helper()
	e, err := engine.New(engine.Config{
		Env: env.OS(""), Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All(), SpillDir: t.TempDir(),
		Tapes: &engine.Tapes{Bytes: 16 << 20, KeptBytes: 64 << 20},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := gateway.Local(e)
	t.Cleanup(func() { _ = c.Close() })
	s, err := c.OpenSession(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	id := ""
	for _, sql := range []string{
		`CREATE TABLE g (n BIGINT) WITH ('connector'='datagen', 'rows-per-second'='5000', 'fields.n.kind'='sequence', 'fields.n.start'='1', 'fields.n.end'='100000000')`,
		`CREATE TABLE b (k BIGINT, c BIGINT) WITH ('connector'='blackhole')`,
		`INSERT INTO b SELECT MOD(n, 7), COUNT(*) FROM g GROUP BY MOD(n, 7)`,
	} {
		op, err := s.Execute(context.Background(), sql)
		if err != nil {
			t.Fatal(err)
		}
		id = op.Job()
	}
	return serve(t, NewJobManager(c, Options{Version: "test"})), c, id
}

func rowsOf(t *testing.T, c gateway.Client, id string) (int64, bool) {
	t.Helper()
	j, err := c.Job(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return j.Vertices[0].SourceRows, j.Held
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// leases are timers whose time the test moves.
type leases struct {
	mu  sync.Mutex
	now time.Duration
	all []*lease
}

type lease struct {
	of *leases
	at time.Duration
	f  func() // nil once it was called or stopped
	do func()
}

func (l *leases) after(d time.Duration, f func()) timer {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := &lease{of: l, at: l.now + d, f: f, do: f}
	l.all = append(l.all, x)
	return x
}

func (x *lease) Reset(d time.Duration) bool {
	x.of.mu.Lock()
	defer x.of.mu.Unlock()
	ran := x.f != nil
	x.at, x.f = x.of.now+d, x.do
	return ran
}

func (x *lease) Stop() bool {
	x.of.mu.Lock()
	defer x.of.mu.Unlock()
	ran := x.f != nil
	x.f = nil
	return ran
}

// pass moves the time and returns when what was due has been done.
func (l *leases) pass(d time.Duration) {
	l.mu.Lock()
	l.now += d
	var due []func()
	for _, x := range l.all {
		if x.f != nil && x.at <= l.now {
			due = append(due, x.f)
			x.f = nil
		}
	}
	l.mu.Unlock()
	for _, f := range due {
		f()
	}
}

// TestHoldLease: a job stands still as long as its lease is renewed, for one client at a
// time, and goes on when it is let go or the lease runs out.
func TestHoldLease(t *testing.T) {
	t.Parallel()
	_, c, id := startTaped(t)
	m, clock := NewJobManager(c, Options{Version: "test"}), &leases{}
	m.holds.after = clock.after
	s := serve(t, m)
	eventually(t, "the job does not begin", func() bool { n, _ := rowsOf(t, c, id); return n > 0 })
	at := "/mink/jobs/" + id + "/hold"
	for _, ms := range []int{-1, 10, 3_600_000} {
		if st, text := s.send("POST", at, object{"leaseMs": ms}); st != 400 {
			t.Errorf("a lease of %d ms: %d %s", ms, st, text)
		}
	}
	first := s.ok("POST", at, object{"leaseMs": 1000}).text("hold")
	n, held := rowsOf(t, c, id)
	if !held {
		t.Fatal("the job is not held")
	}
	if st, text := s.send("POST", at, object{"leaseMs": 1000}); st != 409 || !strings.Contains(text, "another client") {
		t.Errorf("held twice: %d %s", st, text)
	}
	if st, _ := s.send("DELETE", at+"/"+strings.Repeat("0", 32), nil); st != 404 {
		t.Errorf("let go by another: %d", st)
	}
	for range 4 { // longer than the lease
		clock.pass(999 * time.Millisecond)
		s.ok("POST", at+"/"+first, nil)
	}
	if m, held := rowsOf(t, c, id); m != n || !held {
		t.Errorf("it went on: %d rows, and now %d", n, m)
	}
	s.ok("DELETE", at+"/"+first, nil)
	eventually(t, "the job does not go on", func() bool { m, held := rowsOf(t, c, id); return m > n && !held })

	second := s.ok("POST", at, object{"leaseMs": 1000}).text("hold")
	n, _ = rowsOf(t, c, id)
	clock.pass(999 * time.Millisecond)
	if m, held := rowsOf(t, c, id); m != n || !held {
		t.Errorf("it went on before its lease was over: %d rows, and now %d", n, m)
	}
	clock.pass(time.Millisecond)
	eventually(t, "the lease does not run out", func() bool { m, held := rowsOf(t, c, id); return m > n && !held })
	if st, _ := s.send("POST", at+"/"+second, nil); st != 404 {
		t.Errorf("renewed after its end: %d", st)
	}
	// The same by the clock that runs by itself.
	timed := serve(t, NewJobManager(c, Options{Version: "test"}))
	timed.ok("POST", at, object{"leaseMs": 1000})
	eventually(t, "no lease runs out", func() bool { _, held := rowsOf(t, c, id); return !held })
	if err := c.Cancel(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	if st, text := s.send("POST", at, nil); st != 409 || !strings.Contains(text, "has ended") {
		t.Errorf("of a job that has ended: %d %s", st, text)
	}
}

// TestTapeOfJob: the tape is one file of the steps by now; it stays behind the job's end for
// whoever asked.
func TestTapeOfJob(t *testing.T) {
	t.Parallel()
	s, c, id := startTaped(t)
	at := s.url + "/mink/jobs/" + id + "/tape"
	take := func() (int, *tapes.File, []byte) {
		t.Helper()
		res, err := http.Get(at)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != 200 {
			return res.StatusCode, nil, raw
		}
		if res.Header.Get("Mink-Tape-Job") != "0" || res.Header.Get("Mink-Version") != "test" {
			t.Errorf("%v", res.Header)
		}
		disk := env.NewMemDisk()
		w, _ := disk.Create("t.mtape")
		_, _ = w.Write(raw)
		f, err := tapes.Open(disk, "t.mtape")
		if err != nil {
			t.Fatal(err)
		}
		return 200, f, raw
	}
	eventually(t, "nothing is on the tape", func() bool {
		_, f, _ := take()
		steps, _ := f.Steps(0, 1, 0)
		return len(steps) > 3
	})
	_, f, raw := take()
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil || z.File[0].Name != "manifest.json" {
		t.Errorf("%v: the manifest does not come first", err)
	}
	for _, part := range z.File {
		if strings.HasSuffix(part.Name, ".log") || part.Method != zip.Store {
			t.Errorf("part %s", part.Name)
		}
	}
	if m := f.Manifest; !m.Live || !m.Closed || m.Jobs[0].ID != id || len(m.Statements) != 3 {
		t.Errorf("%+v", m)
	}
	for _, ms := range []int{-1, 4_000_000} {
		if st, _ := s.send("POST", "/mink/jobs/"+id+"/tape", object{"keepMs": ms}); st != 400 {
			t.Errorf("kept for %d ms: %d", ms, st)
		}
	}
	s.ok("POST", "/mink/jobs/"+id+"/tape", object{"keepMs": 60_000})
	if err := c.Cancel(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the tape does not end", func() bool { _, f, _ := take(); return f != nil && !f.Manifest.Live })
	_, f, _ = take()
	if j := f.Manifest.Jobs[0]; j.State != "CANCELED" {
		t.Errorf("%+v", j)
	}
	s.ok("POST", "/mink/jobs/"+id+"/tape", object{"keepMs": 0})
	st, _, text := take()
	var body struct{ Errors []string }
	if err := json.Unmarshal(text, &body); st != 404 || err != nil || !strings.Contains(body.Errors[0], "has ended (CANCELED)") {
		t.Errorf("%d %s", st, text)
	}
	if st, text := s.send("GET", "/mink/jobs/"+strings.Repeat("0", 32)+"/tape", nil); st != 404 {
		t.Errorf("of no job: %d %s", st, text)
	}
}
