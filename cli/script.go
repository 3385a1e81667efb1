package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/minkstream/mink/cli/show"
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

// errStop ends a script whose error has been printed.
var errStop = errors.New("stop")

// runScript runs statements and waits for the jobs they started.
func (a *app) runScript(ctx context.Context, name, text string, f runFlags) error {
	config, err := parseSettings(f.set)
	if err != nil {
		return err
	}
	items := parse.Script(text)
	client, err := a.embedded(embed{nodes: f.nodes, checkpointDir: f.checkpointDir})
	if err != nil {
		return err
	}
	defer client.Close()
	session, err := client.OpenSession(ctx, config)
	if err != nil {
		return err
	}
	defer session.Close()
	s := &script{app: a, flags: f, name: name, text: text, client: client, session: session}
	return s.run(ctx, items)
}

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
	if err := s.wait(ctx); err != nil {
		return err
	}
	if s.failed {
		return failed(exitFailed, nil)
	}
	if s.flags.dryRun {
		fmt.Fprintln(s.err, "OK, nothing was run")
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
		return s.session.Check(ctx, text)
	}
	op, err := s.session.Execute(ctx, text)
	if err != nil {
		return err
	}
	for _, w := range op.Warnings() {
		s.advise(w, it.Span)
	}
	switch op.Result() {
	case gateway.Done:
		return op.Close()
	case gateway.Submitted:
		fmt.Fprintf(s.err, "job %s submitted\n", op.Job())
		s.jobs = append(s.jobs, job{op, it.Span})
		return nil
	}
	defer op.Close()
	return s.show(ctx, op)
}

// show prints the rows of a query until they end.
func (s *script) show(ctx context.Context, op gateway.Operation) error {
	mode := s.flags.output
	if mode == "" {
		switch {
		case op.Result() == gateway.Info || !op.Streaming():
			mode = "table"
		case terminal(s.out) && terminal(s.err):
			mode = "live"
		default:
			mode = "changelog"
		}
	}
	start := time.Now()
	columns, lines := screen(s.out)
	p, err := show.New(mode, show.Options{
		Out:    s.out,
		Zone:   op.Zone(),
		Color:  color(s.out),
		Screen: func() (int, int) { return columns, lines },
		Status: func() show.Status { return s.status(ctx, op.Job(), start) },
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
	return err
}

// ticker is a printer that redraws while no rows come.
type ticker interface{ Tick() error }

func (s *script) copyRows(ctx context.Context, op gateway.Operation, p show.Printer) error {
	for {
		next, cancel := ctx, context.CancelFunc(func() {})
		t, live := p.(ticker)
		if live {
			next, cancel = context.WithTimeout(ctx, 200*time.Millisecond)
		}
		b, err := op.Next(next)
		cancel()
		switch {
		case err == io.EOF:
			return nil
		case live && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			if err := t.Tick(); err != nil {
				return err
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

// status gathers what the live table shows about its job.
func (s *script) status(ctx context.Context, id string, start time.Time) show.Status {
	st := show.Status{Elapsed: time.Since(start)}
	j, err := s.client.Job(ctx, id)
	if err != nil {
		return st
	}
	st.State, st.Late = j.State, j.Late
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
		err := j.op.Wait(ctx)
		if ctx.Err() != nil {
			return context.Canceled
		}
		if err != nil {
			s.report(err, j.span, j.span.Start)
			s.failed = true
			continue
		}
		rows := int64(0)
		if st, err := s.client.Job(ctx, j.op.Job()); err == nil {
			for _, v := range st.Vertices {
				rows += v.SinkRows
			}
		}
		fmt.Fprintf(s.err, "job %s finished, %d rows written\n", j.op.Job(), rows)
	}
	return nil
}

// report prints an error of the statement at a place in the script; the error's own
// places count from base.
func (s *script) report(err error, at diag.Span, base int) {
	d := diag.As(err)
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
