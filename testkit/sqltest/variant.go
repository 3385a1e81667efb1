package sqltest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/types"
)

// timeLimit is how long one run of one section may take.
const timeLimit = 20 * time.Second

// variant is a way to run a section.
type variant struct {
	batch       bool
	rows        int // of a batch; 0 is the engine's own
	parallelism int
	// exact: the changes are compared, not only what they add up to.
	exact bool
	// seed of a simulated schedule with a crash; 0 runs on threads.
	seed uint64
}

func (v variant) String() string {
	if v.seed != 0 {
		return fmt.Sprintf("simulated schedule %d with a crash", v.seed)
	}
	mode, rows := "streaming", "whole batches"
	if v.batch {
		mode = "batch"
	}
	if v.rows > 0 {
		rows = fmt.Sprintf("batches of %d", v.rows)
	}
	return fmt.Sprintf("%s, %s, parallelism %d", mode, rows, v.parallelism)
}

// variants of a section: those that every run takes, and others of which a run may
// draw some. The first of all is the one whose result is written down. Sizes of batches
// and schedules come from r, schedules are that many.
func variants(s *Section, r *rand.Rand, schedules int) (always, drawn []variant) {
	if !slices.Contains(s.Only, "batch") {
		always = append(always, variant{rows: 1, parallelism: 1, exact: true})
		drawn = append(drawn, variant{parallelism: 1, exact: s.Exact}, variant{rows: 1, parallelism: 3}, variant{parallelism: 3},
			variant{rows: 2 + r.IntN(6), parallelism: 1}, variant{rows: 2 + r.IntN(6), parallelism: 3})
		if _, _, _, ok := s.job(); ok {
			for range schedules {
				drawn = append(drawn, variant{parallelism: 1, seed: 1 + r.Uint64()>>16})
			}
		}
	}
	// A table of changes cannot be read in batch.
	updating := slices.ContainsFunc(s.Given, func(g *Given) bool { return g.Mode != "I" && s.names(g.Name) })
	if !slices.Contains(s.Only, "streaming") && !updating {
		always = append(always, variant{batch: true, parallelism: 1})
		drawn = append(drawn, variant{batch: true, rows: 1, parallelism: 1}, variant{batch: true, rows: 2 + r.IntN(6), parallelism: 1},
			variant{batch: true, parallelism: 3})
	}
	if s.Form == Text || slices.Contains(s.Only, "once") {
		return always[:1], nil
	}
	if slices.Contains(s.Only, "single") {
		drawn = slices.DeleteFunc(drawn, func(v variant) bool { return v.parallelism > 1 })
	}
	return always, drawn
}

// names reports whether a word stands in the statements of a section.
func (s *Section) names(word string) bool {
	form := regexp.MustCompile(`(?i)(^|\W)` + regexp.QuoteMeta(word) + `(\W|$)`)
	return slices.ContainsFunc(append(slices.Clone(s.Setup), s.SQL), form.MatchString)
}

func (v variant) settings() map[string]string {
	m := map[string]string{
		"parallelism.default":      fmt.Sprint(v.parallelism),
		"execution.runtime-mode":   "STREAMING",
		"table.local-time-zone":    "UTC",
		"restart-strategy.type":    "NONE",
		"pipeline.max-parallelism": "128",
	}
	if v.batch {
		m["execution.runtime-mode"] = "BATCH"
	}
	if v.rows > 0 {
		m["mink.exec.batch-rows"] = fmt.Sprint(v.rows)
	}
	return m
}

// outcome is what a run of a section gave: the result of its last statement that
// gives rows, or the error that ended it.
type outcome struct {
	info      bool
	streaming bool
	key       []int
	schema    types.Schema
	rows      []row
	err       error
	place     string // line:column of the error in the section
}

// run executes a section once.
func (v variant) run(t *testing.T, s *Section, open Open) *outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeLimit)
	defer cancel()
	client := open(t, v.exact)
	defer client.Close()
	session, err := client.OpenSession(ctx, v.settings())
	if err != nil {
		t.Fatalf("opening a session: %v", err)
	}
	defer session.Close()
	dir := t.TempDir()
	prepare := func(sql string) {
		t.Helper()
		if got := (&runner{ctx: ctx, session: session, dir: dir}).script(sql); got.err != nil {
			t.Fatalf("line %d: preparing: %v\n%s", s.Line, got.err, indent(sql))
		}
	}
	for _, kv := range s.Settings {
		key, value, _ := strings.Cut(kv, "=")
		prepare(fmt.Sprintf("SET '%s' = '%s'", strings.TrimSpace(key), strings.TrimSpace(value)))
	}
	for _, g := range s.Given {
		sql, err := g.create(dir)
		if err != nil {
			t.Fatal(err)
		}
		prepare(sql)
	}
	if s.Sink != nil {
		prepare(s.Sink.createSink(dir))
	}
	for _, sql := range s.Setup {
		prepare(sql)
	}
	got := (&runner{ctx: ctx, session: session, dir: dir}).script(s.SQL)
	if s.Sink != nil && got.err == nil && !got.info {
		if got, err = s.Sink.written(dir); err != nil {
			t.Fatalf("line %d: reading what %s holds: %v", s.Line, s.Sink.Name, err)
		}
		got.streaming = !v.batch || got.key != nil
	}
	return got
}

// runner executes statements in a session.
type runner struct {
	ctx     context.Context
	session gateway.Session
	dir     string
	got     outcome
	// stuck tells what still runs when the time is up; may be nil.
	stuck func() string
}

func (r *runner) script(sql string) *outcome {
	sql = strings.ReplaceAll(sql, "${dir}", r.dir)
	items := parse.Script(sql)
	for i, it := range items {
		err := error(it.Err)
		offset := 0 // errors of the parser count from the start of the script
		if it.Err == nil {
			text := sql[it.Span.Start:it.Span.End]
			if err = r.statement(text, i == len(items)-1); err != nil {
				offset = it.Span.Start
			}
		}
		if err == nil {
			continue
		}
		r.got.err = err
		if d := diag.As(err); d != nil && !d.Span.IsZero() {
			p := diag.Source{Text: sql, Offset: offset}.Position(d.Span.Start)
			r.got.place = fmt.Sprintf("%d:%d", p.Line, p.Column)
		}
		return &r.got
	}
	if err := r.session.Finish(); err != nil {
		r.got.err = err
	}
	return &r.got
}

func (r *runner) statement(text string, last bool) error {
	op, err := r.session.Execute(r.ctx, text)
	if err != nil {
		return err
	}
	defer op.Close()
	switch op.Result() {
	case gateway.Done:
		return nil
	case gateway.Submitted:
		return r.timed(op.Wait(r.ctx))
	}
	got := outcome{info: op.Result() == gateway.Info, streaming: op.Streaming(), key: op.UpsertKey()}
	schema := op.Schema()
	got.schema = schema
	for {
		b, err := op.Next(r.ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return r.timed(err)
		}
		for i := range b.Rows() {
			got.rows = append(got.rows, rowOf(b, b.Lane(i), schema, op.Zone()))
		}
	}
	r.got = got
	return nil
}

func (r *runner) timed(err error) error {
	if err != nil && r.ctx.Err() != nil {
		what := ""
		if r.stuck != nil {
			what = r.stuck()
		}
		return fmt.Errorf("no end in time: %w%s", err, what)
	}
	return err
}
