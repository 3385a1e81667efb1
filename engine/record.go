package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/job"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/trace"
)

// Record says that an engine keeps a tape of what it runs.
type Record struct {
	To *trace.Folder
	// Embed and Full as in flow.Record.
	Embed, Full bool
	// Blind leaves out what statements see of the disk.
	Blind bool
}

// recording is the tape of an engine's sessions.
type recording struct {
	Record
	mu   sync.Mutex
	next int // number of the next job
	jobs []*job.Job
	err  error
}

// job takes a number for a job that is planned so.
func (r *recording) job(p *plan.Physical) (flow.Record, error) {
	r.mu.Lock()
	num := r.next
	r.next++
	r.mu.Unlock()
	err := r.To.Edit(func(m *trace.Manifest) {
		for len(m.Jobs) <= num {
			m.Jobs = append(m.Jobs, trace.Job{})
		}
		m.Jobs[num].Plan = fingerprint(p)
	})
	return flow.Record{To: r.To, Number: num, Embed: r.Embed, Full: r.Full}, err
}

// started notes the job of a number.
func (r *recording) started(num int, j *job.Job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.jobs) <= num {
		r.jobs = append(r.jobs, nil)
	}
	r.jobs[num] = j
}

// number is that of a job.
func (r *recording) number(j *job.Job) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Index(r.jobs, j)
}

// statement notes a statement that took effect.
func (r *recording) statement(st trace.Statement) {
	st.Text = diag.MaskSecrets(st.Text)
	for i, s := range st.Disk {
		if utf8.Valid(s.Data) { // definitions of tables, say
			st.Disk[i].Data = []byte(diag.MaskSecrets(string(s.Data)))
		}
	}
	r.failed(r.To.Edit(func(m *trace.Manifest) { m.Statements = append(m.Statements, st) }))
}

// setting notes what a session was opened with; behind the first statement it is one.
func (r *recording) setting(key, value string) {
	value = bind.ShownSetting(key, value)
	r.failed(r.To.Edit(func(m *trace.Manifest) {
		if len(m.Statements) > 0 {
			quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
			m.Statements = append(m.Statements, trace.Statement{Text: "SET " + quote(key) + " = " + quote(value)})
			return
		}
		settings := map[string]string{key: value} // the map may be another's
		for k, v := range m.Settings {
			if k != key {
				settings[k] = v
			}
		}
		m.Settings = settings
	}))
}

func (r *recording) failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
}

// close writes the rest, once the jobs have ended.
func (r *recording) close() error {
	err := r.err
	for _, j := range r.jobs {
		if j == nil {
			continue // it was refused
		}
		err = errors.Join(err, j.CloseTape())
	}
	return errors.Join(err, r.To.Close())
}

// fingerprint has a line for each node of a plan. Plans that are equal run equally.
func fingerprint(p *plan.Physical) []string {
	var out []string
	for _, n := range plan.Compile(p, "", func(string) string { return "" }).Nodes {
		line := fmt.Sprintf("%d %s %s %s", n.ID, n.UID, n.Description, n.OutputType)
		for _, s := range n.State {
			line += " " + s.Name + "=" + s.TTL
		}
		out = append(out, line)
	}
	return out
}

// samePlan fails with invalid-tape where a job is not planned as the recorded one was.
func samePlan(p *plan.Physical, recorded []string) error {
	now := fingerprint(p)
	for i := range max(len(now), len(recorded)) {
		var a, b string
		if i < len(recorded) {
			a = recorded[i]
		}
		if i < len(now) {
			b = now[i]
		}
		if a != b {
			return diag.New(diag.InvalidTape, "the job is planned otherwise than when it was recorded").
				WithNote(diag.Span{}, "then: %s", orNothing(a)).WithNote(diag.Span{}, "now: %s", orNothing(b)).
				WithHint("replay it with the mink that recorded it, or run the statements over the taped inputs with --sql")
		}
	}
	return nil
}

func orNothing(s string) string {
	if s == "" {
		return "(no such operator)"
	}
	return s
}

// begin notes that a statement is being executed, and gives what to call when it is
// through.
func (s *Session) begin(text string) (end func(error)) {
	e := s.engine
	s.given = trace.Statement{Text: text, At: e.cfg.Env.Clock.Now()}
	var next *trace.Statement
	if f := e.cfg.Replay; f != nil && !s.aside && s.replayed < len(f.Manifest.Statements) {
		next = &f.Manifest.Statements[s.replayed]
		s.given.At, s.given.Jobs = next.At, next.Jobs
	}
	s.cat.At = s.given.At
	forget, saw := func() {}, func() []env.Sight { return nil }
	switch {
	case next != nil:
		forget = e.memory.Recall(next.Disk)
	case e.witness != nil && !s.aside:
		saw = e.witness.Begin()
	}
	return func(err error) {
		forget()
		s.given.Disk = saw()
		switch {
		case err != nil:
		case next != nil:
			s.replayed++
		case e.rec != nil && !s.aside:
			e.rec.statement(s.given)
		}
	}
}

// start submits a plan: it is run, recorded or, where the engine replays a tape,
// executed again.
func (s *Session) start(p *plan.Physical, name string, c *catalog.Config, zone *time.Location, at job.Place) (*job.Job, error) {
	e := s.engine
	f := e.cfg.Replay
	if f == nil || s.aside {
		j, err := e.start(p, name, c, zone, at, !s.aside)
		if err == nil && e.rec != nil && !s.aside {
			s.given.Jobs = append(s.given.Jobs, e.rec.number(j))
		}
		return j, err
	}
	if len(s.given.Jobs) == 0 {
		return nil, diag.New(diag.InvalidTape, "the tape has no job of this statement")
	}
	num := s.given.Jobs[0]
	s.given.Jobs = s.given.Jobs[1:]
	if num < 0 || num >= len(f.Manifest.Jobs) {
		return nil, diag.New(diag.InvalidTape, "the tape %s has no job %d", f.Name, num)
	}
	if err := samePlan(p, f.Manifest.Jobs[num].Plan); err != nil {
		return nil, err
	}
	done := e.use()
	if e.cfg.Held != nil {
		// What user functions run in is kept until the engine is closed.
		j, held, err := e.Jobs.Hold(p, name, c, zone, f, num, s.again)
		if err == nil {
			e.cfg.Held(held)
		}
		return j, err
	}
	j, err := e.Jobs.Replay(p, name, c, zone, f, num, e.cfg.Playback, s.again)
	if err != nil {
		done(false)
		return nil, err
	}
	e.hold(j, done)
	return j, nil
}
