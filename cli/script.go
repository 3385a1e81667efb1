package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/minkstream/mink/cli/show"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/sql/parse"
)

// script is a run of statements in one session.
type script struct {
	*app
	flags   runFlags
	name    string
	text    string
	client  gateway.Client
	session gateway.Session
	jobs    []job
	failed  bool
}

// job is a submitted INSERT or statement set.
type job struct {
	op   gateway.Operation
	span diag.Span
}

// text is a script: its name for messages and its statements.
type text struct{ name, sql string }

// runScripts runs the statements of some texts in one session, one text after the
// other, and waits for the jobs they started. A text that fails ends the run.
func (a *app) runScripts(ctx context.Context, f runFlags, texts ...text) error {
	config, err := parseSettings(f.set)
	if err != nil {
		return err
	}
	if f.checkpointDir != "" {
		// Kept checkpoints are of use only when some are taken.
		if _, set := config[checkpointInterval]; !set {
			config[checkpointInterval] = checkpointEvery
		}
	}
	for _, t := range texts {
		if dir := filepath.Dir(t.name); dir != "." && config[scriptDir] == "" {
			config[scriptDir] = dir
		}
	}
	at, err := a.clusterOf(&f)
	if err != nil {
		return err
	}
	if at != nil {
		return a.onCluster(ctx, at, f, config, texts)
	}
	if f.tape != "" {
		return a.recordScripts(ctx, f, config, texts)
	}
	ring, err := ringOf(config, f)
	if err != nil {
		return err
	}
	_, asked := config["mink.tape.keep"]
	if !f.dryRun && ring.size > 0 && ring.keep != "NEVER" && (f.keepTape == "on" || f.keepTape == "auto" && (asked || terminal(a.err))) {
		return a.ringScripts(ctx, f, config, texts, ring)
	}
	return a.inSession(ctx, embed{nodes: f.nodes, checkpointDir: f.checkpointDir}, f, config, texts)
}

// inSession runs texts in a session of an embedded engine.
func (a *app) inSession(ctx context.Context, o embed, f runFlags, config map[string]string, texts []text) (err error) {
	a.memory = f.memoryBytes
	client, err := a.embedded(o)
	if err != nil {
		return err
	}
	defer func() {
		if e := client.Close(); err == nil {
			err = e
		}
	}()
	return a.inClient(ctx, client, f, config, texts)
}

// inClient runs texts in a session of a client.
func (a *app) inClient(ctx context.Context, client gateway.Client, f runFlags, config map[string]string, texts []text) error {
	session, err := client.OpenSession(ctx, config)
	if unreachable(err) {
		return failed(exitUnreachable, err)
	}
	if err != nil {
		return failed(exitUsage, err)
	}
	defer session.Close()
	for _, t := range texts {
		s := &script{app: a, flags: f, name: t.name, text: t.sql, client: client, session: session}
		if err := s.run(ctx, parse.Script(t.sql)); err != nil {
			return err
		}
	}
	if f.dryRun {
		fmt.Fprintln(a.err, "OK, nothing was run")
	}
	return nil
}

// checkpointInterval is the key that --checkpoint-dir sets to checkpointEvery
// unless it is set.
const (
	checkpointInterval = "execution.checkpointing.interval"
	checkpointEvery    = "10 s"
	// scriptDir is the key that says where the modules of user functions are.
	scriptDir = "mink.script.dir"
)

func (s *script) run(ctx context.Context, items []parse.Item) error {
	for _, it := range items {
		err := s.statement(ctx, it)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return context.Canceled
		}
		base := it.Span.Start
		if it.Err != nil {
			base = 0 // its places count from the start of the script
		}
		s.report(err, it.Span, base)
		s.failed = true
		if !s.flags.keepGoing {
			break
		}
	}
	if !s.failed || s.flags.keepGoing {
		if err := s.session.Finish(); err != nil {
			s.report(err, diag.Span{Start: len(s.text), End: len(s.text)}, len(s.text))
			s.failed = true
		}
	}
	if !s.flags.detach {
		if err := s.wait(ctx); err != nil {
			return err
		}
	}
	if s.failed {
		return failed(exitFailed, nil)
	}
	return nil
}

// statement runs one statement and shows its rows.
func (s *script) statement(ctx context.Context, it parse.Item) error {
	if it.Err != nil {
		return it.Err
	}
	text := s.text[it.Span.Start:it.Span.End]
	if s.flags.dryRun {
		return s.check(ctx, text, it.Span)
	}
	op, err := s.session.Execute(ctx, text)
	if err != nil {
		return err
	}
	for _, w := range op.Warnings() {
		s.advise(w, it.Span)
	}
	if s.flags.strict && len(op.Warnings()) > 0 {
		s.discard(op)
		return diag.New(diag.InvalidQuery, "the statement has warnings, and --strict takes them for errors")
	}
	switch op.Result() {
	case gateway.Done:
		fmt.Fprintln(s.err, "OK")
		return op.Close()
	case gateway.Submitted:
		fmt.Fprintf(s.err, "job %s submitted\n", op.Job())
		s.jobs = append(s.jobs, job{op, it.Span})
		return nil
	}
	defer op.Close()
	return s.show(ctx, op)
}

// check plans a statement without running it and prints advice about it.
func (s *script) check(ctx context.Context, text string, at diag.Span) error {
	advice, err := s.session.Check(ctx, text)
	for _, a := range advice {
		fmt.Fprintln(s.err, "advice: "+diag.Render(diag.Source{Name: s.name, Text: s.text, Offset: at.Start}, a))
	}
	if err == nil && s.flags.strict && len(advice) > 0 {
		return diag.New(diag.InvalidQuery, "there is advice about the statement, and --strict takes it for errors")
	}
	return err
}

// discard ends an operation whose result nobody wants.
func (s *script) discard(op gateway.Operation) {
	if id := op.Job(); id != "" {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.client.Cancel(ctx, id)
	}
	_ = op.Close()
}

// show prints the rows of a query until they end.
func (s *script) show(ctx context.Context, op gateway.Operation) error {
	mode := s.flags.output
	if mode == "" {
		switch {
		case op.Result() == gateway.Info || !op.Streaming():
			mode = "table"
		case drawable(s.out):
			mode = "live"
		default:
			mode = "changelog"
		}
	}
	if mode == "changelog" && op.Result() == gateway.Info {
		mode = "table" // what a statement says of itself has no changes, and is shown whole
	}
	start := time.Now()
	out := s.out
	if mode == "live" {
		out = drawn(out)
	}
	p, err := show.New(mode, show.Options{
		Out:      out,
		Zone:     op.Zone(),
		Width:    op.Width(),
		Color:    color(s.out),
		Terminal: terminal(s.out),
		Unicode:  unicodeLocale(),
		Screen:   func() (int, int) { return screen(s.out) },
		Status:   func() show.Status { return s.status(ctx, op.Job(), start) },
	})
	if err != nil {
		return err
	}
	err = p.Begin(show.Head{Schema: op.Schema(), Streaming: op.Streaming(), UpsertKey: op.UpsertKey(), Info: op.Result() == gateway.Info})
	if err != nil {
		return err
	}
	err = s.copyRows(ctx, op, p)
	if end := p.End(err); end != nil && err == nil {
		err = end
	}
	if err == nil && op.Job() != "" {
		if st, err := s.client.Job(ctx, op.Job()); err == nil {
			s.tellLosses(st)
		}
	}
	return err
}

// tellLosses says what of its input a job left out: nothing is lost silently.
func (s *script) tellLosses(st gateway.JobStatus) {
	if st.Late > 0 {
		fmt.Fprintf(s.err, "%d late %s dropped: their windows had closed\n", st.Late, plural(st.Late, "row"))
	}
	if st.BadRecords > 0 {
		fmt.Fprintf(s.err, "%d malformed %s ignored, as the options of the table say; the last: %s\n", st.BadRecords, plural(st.BadRecords, "record"), show.Clean(st.LastBadRecord))
	}
}

// ticker is a printer that redraws while no rows come.
type ticker interface{ Tick() error }

// copyRows hands rows to the printer until they end. A printer that can is redrawn
// while none come, and restarts of the job are told.
func (s *script) copyRows(ctx context.Context, op gateway.Operation, p show.Printer) error {
	t, live := p.(ticker)
	wait := 500 * time.Millisecond
	if live {
		wait = 100 * time.Millisecond
	}
	restarts := 0
	for {
		next, cancel := context.WithTimeout(ctx, wait)
		b, err := op.Next(next)
		cancel()
		switch {
		case err == io.EOF:
			return nil
		case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			if live {
				if err := t.Tick(); err != nil {
					return err
				}
				continue
			}
			if op.Job() != "" {
				if st, err := s.client.Job(ctx, op.Job()); err == nil {
					restarts = s.tellRestart(st, restarts)
				}
			}
			continue
		case err != nil:
			return err
		}
		if err := p.Rows(b); err != nil {
			return err
		}
	}
}

// tellRestart reports restarts of a job beyond those told already.
func (s *script) tellRestart(st gateway.JobStatus, told int) int {
	if st.Restarts > told {
		fmt.Fprintf(s.err, "job %s is restarted (%d): %s\n", st.ID, st.Restarts, show.Clean(fmt.Sprint(st.Err)))
	}
	return st.Restarts
}

// status gathers what the live table shows about its job.
func (s *script) status(ctx context.Context, id string, start time.Time) show.Status {
	st := show.Status{Elapsed: time.Since(start), Watermark: batch.NoWatermark}
	j, err := s.client.Job(ctx, id)
	if err != nil {
		return st
	}
	st.State, st.Late, st.Restarts = j.State, j.Late, j.Restarts
	st.Watermark = j.Watermark()
	for _, v := range j.Vertices {
		if v.Source {
			st.RowsIn += v.SourceRows
		}
	}
	if sec := st.Elapsed.Seconds(); sec > 0 {
		st.Rate = float64(st.RowsIn) / sec
	}
	return st
}

// wait returns when the jobs of the script have ended.
func (s *script) wait(ctx context.Context) error {
	for _, j := range s.jobs {
		err := s.watch(ctx, j)
		if ctx.Err() != nil {
			return context.Canceled
		}
		if err != nil {
			s.report(err, j.span, j.span.Start)
			s.failed = true
			continue
		}
		st, err := s.client.Job(ctx, j.op.Job())
		if err != nil {
			return err
		}
		if st.AlreadyFinished {
			fmt.Fprintf(s.err, "job %s had finished in an earlier run, nothing was done; remove %s to run it again\n", st.ID, s.flags.checkpointDir)
			continue
		}
		rows := int64(0)
		for _, v := range st.Vertices {
			rows += v.SinkRows
		}
		if st.Uncounted {
			fmt.Fprintf(s.err, "job %s finished\n", st.ID)
		} else {
			fmt.Fprintf(s.err, "job %s finished, %d %s written\n", st.ID, rows, plural(rows, "row"))
		}
		s.tellLosses(st)
	}
	return nil
}

// watch waits for a job, says when it was restarted and why, and on a terminal how
// far it is.
func (s *script) watch(ctx context.Context, j job) error {
	start, restarts := time.Now(), 0
	live := drawable(s.err)
	for {
		step, cancel := context.WithTimeout(ctx, 250*time.Millisecond)
		err := j.op.Wait(step)
		cancel()
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			if live {
				fmt.Fprint(drawn(s.err), "\r\x1b[K")
			}
			return err
		}
		st, err := s.client.Job(ctx, j.op.Job())
		if err != nil {
			return err
		}
		if live {
			fmt.Fprint(drawn(s.err), "\r\x1b[K")
		}
		restarts = s.tellRestart(st, restarts)
		if live {
			columns, _ := screen(s.err)
			fmt.Fprint(s.err, show.Cut(s.status(ctx, st.ID, start).Line(), columns-1))
		}
	}
}

// plural is word, or words unless n is one.
func plural(n int64, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// report prints an error of the statement at a place in the script; the error's own
// places count from base.
func (s *script) report(err error, at diag.Span, base int) {
	d := diag.As(err)
	if d == nil && errors.As(err, new(*fs.PathError)) {
		// Standard output cannot take more; the statement is not to blame.
		fmt.Fprintf(s.err, "error: io: cannot write the result: %v\n", err)
		return
	}
	if d == nil {
		d = diag.Wrap(diag.Internal, err, "the statement failed")
	}
	src := diag.Source{Name: s.name, Text: s.text, Offset: base}
	if d.Span.IsZero() {
		// The statement as a whole: point at its first word.
		c := *d
		end := strings.IndexAny(s.text[at.Start:]+" ", " \t\r\n;(")
		c.Span, src.Offset = diag.Span{Start: at.Start, End: at.Start + max(1, end)}, 0
		d = &c
	}
	fmt.Fprintln(s.err, diag.Render(src, d))
}

// advise prints a warning at its place in the script.
func (s *script) advise(w *diag.Error, at diag.Span) {
	fmt.Fprintln(s.err, "warning: "+diag.Render(diag.Source{Name: s.name, Text: s.text, Offset: at.Start}, w))
}

// parseSettings reads --set key=value flags.
func parseSettings(set []string) (map[string]string, error) {
	out := map[string]string{}
	for _, kv := range set {
		k, v, ok := strings.Cut(kv, "=")
		if k = strings.TrimSpace(k); !ok || k == "" {
			return nil, failed(exitUsage, diag.New(diag.Config, "--set wants key=value, not %q", kv))
		}
		out[k] = strings.TrimSpace(v)
	}
	return out, nil
}
